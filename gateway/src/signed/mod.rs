//! Signatures (93/89) at the gateway: whose are believed, and the evidence of what was signed.
//!
//! This room keeps; the pipeline decides what is kept, and what follows when it cannot be.

mod log;
mod quotes;
pub mod read;
mod strikes;

pub use log::{Kept, Party, SignedLog, SignedLogError};

use quotes::Quotes;
use rustls_pki_types::CertificateDer;
use signet_fix::{
    message::QuoteMsg,
    signature::{Kinds, SignError, Signing, Verification},
};
use signet_identity::{CompId, MessageKey, MessagePublicKey};
use signet_rfq::{DealerId, QuoteId, RfqId, UtcMillis};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
pub(crate) use strikes::STRIKES_MAX;
use strikes::Strikes;

/// The signer of one connection: the key that its handshake showed.
pub fn signing(key: &MessageKey, which: Kinds) -> Signing {
    let key = key.pinned();
    Signing {
        signer: Rc::new(move |covered: &[u8]| {
            key.sign(covered).map_err(|e| SignError(e.to_string()))
        }),
        which,
    }
}

/// The key that a session's messages are verified with.
pub fn verification(key: MessagePublicKey, required: Kinds) -> Verification {
    Verification {
        verifier: Rc::new(move |covered: &[u8], signature: &[u8; 64]| {
            key.is_good(covered, signature)
        }),
        required,
    }
}

/// The evidence of what was signed, as the trading thread keeps it.
pub struct Signed {
    log: RefCell<SignedLog>,
    quotes: RefCell<Quotes>,
    /// The certificate of each dealer's present connection.
    dealers: RefCell<BTreeMap<DealerId, Rc<CertificateDer<'static>>>>,
    strikes: RefCell<BTreeMap<CompId, Strikes>>,
}

impl Signed {
    /// Writes to `log`.
    pub fn new(log: SignedLog) -> Self {
        Self {
            log: RefCell::new(log),
            quotes: RefCell::default(),
            dealers: RefCell::default(),
            strikes: RefCell::default(),
        }
    }

    /// A dealer's connection showed this certificate.
    pub fn dealer_is(&self, dealer: &DealerId, certificate: &CertificateDer<'static>) {
        self.dealers.borrow_mut().insert(dealer.clone(), Rc::new(certificate.clone()));
    }

    /// Writes down a message of a desk.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_desk(
        &self,
        at: UtcMillis,
        desk: &CompId,
        certificate: &CertificateDer<'static>,
        frame: &[u8],
    ) -> Result<(), SignedLogError> {
        let id = desk.as_str();
        self.log.borrow_mut().keep(&Kept { at, party: Party::Desk, id, certificate, frame })
    }

    /// Writes down a message of a dealer, if its certificate is known.
    ///
    /// # Errors
    /// It could not be written; nothing of it was kept.
    pub fn keep_dealer(
        &self,
        at: UtcMillis,
        dealer: &DealerId,
        frame: &[u8],
    ) -> Result<(), SignedLogError> {
        let Some(certificate) = self.certificate(dealer) else { return Ok(()) };
        let (party, id, certificate) = (Party::Dealer, dealer.as_str(), &*certificate);
        self.log.borrow_mut().keep(&Kept { at, party, id, certificate, frame })
    }

    /// Remembers a signed quote, which is written down when it is accepted.
    pub fn remember_quote(&self, dealer: &DealerId, q: &QuoteMsg, frame: &[u8], now: UtcMillis) {
        let Some(certificate) = self.certificate(dealer) else { return };
        let name = (q.rfq.clone(), q.id.clone());
        self.quotes.borrow_mut().remember(dealer, name, q.valid_until, frame, certificate, now);
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
        self.dealers.borrow().get(dealer).cloned()
    }
}

/// How long a quote's frame is remembered after it has ended: an accept may be on its way.
const QUOTE_AFTERLIFE_MS: i64 = 60_000;

fn forgotten(valid_until: UtcMillis, now: UtcMillis) -> bool {
    now.since(valid_until) > QUOTE_AFTERLIFE_MS
}
