//! Signatures (93/89) at the gateway: whose are believed, and the evidence of what was signed.
//!
//! This room keeps; the pipeline decides what is kept, and what follows when it cannot be.

mod checks;
mod documents;
mod doubt;
mod held;
mod index;
mod log;
mod quotes;
pub mod read;
mod record;
mod record_time;
mod strikes;
mod walk;

pub use log::{Kept, Party, SignedLog, SignedLogError};
pub use record_time::{BeyondMilli, MicrosInMilli, RecordTime};

pub(crate) use checks::SignatureThreads;
pub(crate) use documents::{DocumentParts, is_authority, issuer_of, lists_by_issuer};
pub(crate) use doubt::Doubt;
pub(crate) use index::{EvidenceStore, IndexKey, NAMING_TAGS, Segments};
pub(crate) use read::judge;
pub(crate) use record::{BlobKind, Digest, Record, Totalled, sha256};
pub(crate) use walk::{Step, reaches_back_to, walk, walk_files, walk_from};

use crate::clock::UtcMicros;
use checks::Checks;
use quotes::Quotes;
use rustls_pki_types::CertificateDer;
use signet_fix::{
    message::QuoteMsg,
    signature::{Kinds, SignError, Signing, Verification},
};
use signet_identity::{CompId, MessageKey, MessagePublicKey};
use signet_rfq::{DealerId, QuoteId, RfqId, UtcMillis};
use signet_tlog::CompactRange;
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Instant,
};
pub(crate) use strikes::STRIKES_MAX;
use strikes::Strikes;
use tokio::sync::watch;

/// The signer of one connection: the key that its handshake showed, on the session's thread.
pub fn signing(key: &MessageKey, which: Kinds) -> Signing {
    let key = key.pinned();
    Signing { signer: Rc::new(move |covered: &[u8]| sign(&key, covered)), which }
}

fn sign(key: &MessageKey, covered: &[u8]) -> Result<[u8; 64], SignError> {
    key.sign(covered).map_err(|e| SignError(e.to_string()))
}

/// The key that a session's messages are verified with, on the session's thread.
pub fn verification(key: MessagePublicKey, required: Kinds) -> Verification {
    Verification {
        verifier: Rc::new(move |covered: &[u8], signature: &[u8; 64]| {
            key.is_good(covered, signature)
        }),
        required,
    }
}

type DealerChain = (Rc<CertificateDer<'static>>, Rc<[CertificateDer<'static>]>);

/// The evidence of what was signed, as the trading thread keeps it.
pub struct Signed {
    log: RefCell<SignedLog>,
    /// Where the tree of the log is told.
    heads: watch::Sender<TreeHead>,
    quotes: RefCell<Quotes>,
    /// The certificate of each dealer's present connection, and those it was issued by.
    dealers: RefCell<BTreeMap<DealerId, DealerChain>>,
    strikes: RefCell<BTreeMap<CompId, Strikes>>,
    checks: OnceCell<Checks>,
    /// Whether a wait for the disk failed, and when what it was for was last written once more.
    doubt: Arc<Doubt>,
    doubt_tried: Cell<Option<Instant>>,
}

impl Signed {
    /// Writes to `log`.
    pub fn new(log: SignedLog) -> Self {
        Self {
            heads: watch::Sender::new(TreeHead::of(&log)),
            log: RefCell::new(log),
            quotes: RefCell::default(),
            dealers: RefCell::default(),
            strikes: RefCell::default(),
            checks: OnceCell::new(),
            doubt: Arc::default(),
            doubt_tried: Cell::default(),
        }
    }

    /// Has these threads verify and make the signatures of connections that come.
    pub(crate) fn use_threads(&self, checks: Checks) {
        // There is one such group of threads, and it is told once.
        let _ = self.checks.set(checks);
    }

    /// How messages of this gateway on a connection are signed, by the key that its handshake
    /// showed.
    pub(crate) fn signing(&self, key: &MessageKey, which: Kinds) -> Signing {
        match self.checks.get() {
            Some(checks) => checks.signing(key, which),
            None => signing(key, which),
        }
    }

    /// How the messages of a connection are verified, by the key that its handshake showed.
    pub(crate) fn verification(&self, key: MessagePublicKey, required: Kinds) -> Verification {
        match self.checks.get() {
            Some(checks) => checks.verification(key, required),
            None => verification(key, required),
        }
    }

    /// Records in the log.
    pub(crate) fn size(&self) -> u64 {
        self.log.borrow().size()
    }

    /// The tree of the log, told at every [`Self::tell_tree`].
    pub(crate) fn heads(&self) -> watch::Receiver<TreeHead> {
        self.heads.subscribe()
    }

    /// Tells how far the log has come, if it has grown.
    pub(crate) fn tell_tree(&self) {
        let head = TreeHead::of(&self.log.borrow());
        self.heads.send_if_modified(|last| {
            let grown = last.tree.size() != head.tree.size();
            if grown {
                *last = head;
            }
            grown
        });
    }

    /// Writes down what the journal of RFQs has taken.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub(crate) fn journal(&self, at: UtcMicros, record: &[u8]) -> Result<(), SignedLogError> {
        self.log.borrow_mut().journal_synced(at, record)
    }

    /// The same of a dealer's quote. It commits nobody before it is accepted, and the accept waits
    /// for the disk.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub(crate) fn journal_offer(&self, at: UtcMicros, record: &[u8]) -> Result<(), SignedLogError> {
        self.log.borrow_mut().journal(at, record)
    }

    /// Counts a record of the journal that is not kept here.
    pub(crate) fn journal_unwritten(&self, record: &[u8]) {
        self.log.borrow_mut().journal_unwritten(record);
    }

    /// Writes down that the journal is about to be a file of these records; whether it could be.
    pub(crate) fn journal_will_be(&self, at: UtcMillis, records: &[&[u8]]) -> bool {
        let now = Totalled::of(records.iter().copied());
        let written = self.log.borrow_mut().journal_is(at, now);
        if let Err(e) = &written {
            tracing::error!(error = %e, "the journal is not rewritten: that is not on record");
        }
        written.is_ok()
    }

    /// Writes down that the rewrite which was announced last did not happen.
    pub(crate) fn journal_stays(&self, at: UtcMillis) {
        if let Err(e) = self.log.borrow_mut().journal_stays(at) {
            tracing::error!(error = %e, "it is not on record so far that the journal stays");
        }
    }

    /// Writes down a decision, and the documents that it follows if they are not there yet.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) fn decided(
        &self,
        at: UtcMicros,
        json: &str,
        documents: &[(BlobKind, Digest, &str)],
    ) -> Result<(), SignedLogError> {
        let mut log = self.log.borrow_mut();
        for (kind, digest, text) in documents {
            log.blob_with(at.millis(), *kind, *digest, text.as_bytes())?;
        }
        log.decision(at, json)
    }

    /// Writes down revocation lists that are in force, each once in a file of the evidence.
    pub(crate) fn lists<'a>(&self, at: UtcMillis, lists: impl Iterator<Item = &'a [u8]>) {
        for list in lists.filter(|l| !l.is_empty()) {
            if list.len() > LIST_BYTES_MAX {
                tracing::warn!(
                    bytes = list.len(),
                    "a revocation list is too long for the evidence"
                );
            } else if let Err(e) = self.log.borrow_mut().blob(at, BlobKind::Crl, list) {
                tracing::error!(error = %e, "a revocation list is not kept in the evidence");
            }
        }
    }

    /// A dealer's connection showed this certificate, and those that it was issued by.
    pub fn dealer_is(
        &self,
        dealer: &DealerId,
        certificate: &CertificateDer<'static>,
        issuers: &[CertificateDer<'static>],
    ) {
        let chain = (Rc::new(certificate.clone()), Rc::from(issuers));
        self.dealers.borrow_mut().insert(dealer.clone(), chain);
    }

    /// Writes down a message of a desk.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_desk(
        &self,
        at: UtcMicros,
        desk: &CompId,
        chain: &[CertificateDer<'static>],
        frame: &[u8],
    ) -> Result<(), SignedLogError> {
        let Some((certificate, issuers)) = chain.split_first() else {
            return Err(SignedLogError::NoEvidence);
        };
        let (id, mut log) = (desk.as_str(), self.log.borrow_mut());
        issuers.iter().try_for_each(|c| log.keep_issuer(at.millis(), c))?;
        log.keep(&Kept { at, party: Party::Desk, id, certificate, frame })
    }

    /// Writes down a message of a dealer, if its certificate is known.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_dealer(
        &self,
        at: UtcMicros,
        dealer: &DealerId,
        frame: &[u8],
    ) -> Result<(), SignedLogError> {
        let Some(certificate) = self.certificate(dealer) else { return Ok(()) };
        let (party, id, certificate) = (Party::Dealer, dealer.as_str(), &*certificate);
        self.log.borrow_mut().keep(&Kept { at, party, id, certificate, frame })
    }

    /// Writes down a quote of a dealer, if its certificate is known. It commits nobody before it is
    /// accepted, and the accept waits for the disk.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_offer(
        &self,
        at: UtcMicros,
        dealer: &DealerId,
        frame: &[u8],
    ) -> Result<(), SignedLogError> {
        let Some((certificate, issuers)) = self.dealers.borrow().get(dealer).cloned() else {
            return Ok(());
        };
        let (party, id, certificate) = (Party::Dealer, dealer.as_str(), &*certificate);
        issuers.iter().try_for_each(|c| self.log.borrow_mut().keep_issuer(at.millis(), c))?;
        self.log.borrow_mut().keep_unsynced(&Kept { at, party, id, certificate, frame })
    }

    /// Remembers a signed quote, which is written down when it is accepted unless it was `kept`
    /// before.
    pub fn remember_quote(
        &self,
        dealer: &DealerId,
        q: &QuoteMsg,
        frame: &[u8],
        now: UtcMicros,
        kept: bool,
    ) {
        let Some(certificate) = self.certificate(dealer) else { return };
        let (name, mut quotes) = ((q.rfq.clone(), q.id.clone()), self.quotes.borrow_mut());
        quotes.remember(dealer, name.clone(), q.valid_until, frame, certificate, now);
        if let Some(q) = quotes.of(dealer, &name.0, &name.1) {
            q.kept.set(kept);
        }
    }

    /// Writes down the quote that an accept takes, once, if its dealer signed it.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_quote(
        &self,
        dealer: &DealerId,
        rfq: &RfqId,
        quote: &QuoteId,
    ) -> Result<(), SignedLogError> {
        let quotes = self.quotes.borrow();
        let Some(q) = quotes.of(dealer, rfq, quote).filter(|q| !q.kept.get()) else {
            return Ok(());
        };
        let record = Kept {
            at: q.at,
            party: Party::Dealer,
            id: dealer.as_str(),
            certificate: &q.certificate,
            frame: &q.frame,
        };
        self.log.borrow_mut().keep(&record)?;
        q.kept.set(true);
        Ok(())
    }

    /// Counts a message of a desk that was not signed as it must be; whether that is one too many.
    pub fn is_one_strike_too_many(&self, desk: &CompId, now: UtcMillis) -> bool {
        self.strikes.borrow_mut().entry(desk.clone()).or_default().one_more(now)
    }

    fn certificate(&self, dealer: &DealerId) -> Option<Rc<CertificateDer<'static>>> {
        self.dealers.borrow().get(dealer).map(|(leaf, _)| leaf.clone())
    }
}

/// Longest revocation list that is kept: one is written again each day.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How far the log has come.
#[derive(Debug, Clone)]
pub(crate) struct TreeHead {
    /// The tree of all records.
    pub(crate) tree: CompactRange,
    /// The file that the newest record is in; those before it are on disk.
    pub(crate) file: PathBuf,
}

impl TreeHead {
    pub(crate) fn of(log: &SignedLog) -> Self {
        let (tree, file) = log.tree();
        Self { tree, file: file.into() }
    }
}

/// How long a quote's frame is remembered after it has ended: an accept may be on its way.
const QUOTE_AFTERLIFE_MS: i64 = 60_000;

fn forgotten(valid_until: UtcMillis, now: UtcMillis) -> bool {
    now.since(valid_until) > QUOTE_AFTERLIFE_MS
}
