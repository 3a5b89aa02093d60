//! Signatures (93/89) at the gateway: whose are believed, which messages are kept as evidence
//! before they are acted on, and what happens to a desk whose messages are not signed.

mod log;
mod quotes;
pub mod read;
mod strikes;

pub use log::{Kept, Party, SignedLog, SignedLogError};

use crate::{clock::now, core::Core, live, registry_view::RegistryView};
use quotes::Quotes;
use rustls_pki_types::CertificateDer;
use signet_fix::{
    AppMessage,
    message::{BusinessReject, Response},
    session::Meta,
    signature::{Kinds, SignError, SignatureError, Signing, Verification},
};
use signet_identity::{MessageKey, MessagePublicKey};
use signet_registry::NewEvent;
use signet_rfq::{CompId, DealerId, UtcMillis};
use signet_router::{Input, Keep};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use strikes::Strikes;

/// What one connection is signed with: the key that its handshake showed.
pub fn signing(key: &MessageKey, which: Kinds) -> Signing {
    let key = key.pinned();
    Signing {
        signer: Rc::new(move |covered: &[u8]| {
            key.sign(covered).map_err(|e| SignError(e.to_string()))
        }),
        which,
    }
}

/// Whom a session believes.
pub fn verification(key: MessagePublicKey, required: Kinds) -> Verification {
    Verification {
        verifier: Rc::new(move |covered: &[u8], signature: &[u8; 64]| {
            key.is_good(covered, signature)
        }),
        required,
    }
}

/// Evidence and its keeper, as the trading thread uses them.
pub struct Signed {
    log: RefCell<SignedLog>,
    roster: Option<Rc<RegistryView>>,
    quotes: RefCell<Quotes>,
    /// The certificate of each dealer's present connection.
    dealers: RefCell<BTreeMap<DealerId, Rc<CertificateDer<'static>>>>,
    strikes: RefCell<BTreeMap<CompId, Strikes>>,
}

impl Signed {
    pub fn new(log: SignedLog, roster: Option<Rc<RegistryView>>) -> Self {
        let log = RefCell::new(log);
        Self {
            log,
            roster,
            quotes: RefCell::default(),
            dealers: RefCell::default(),
            strikes: RefCell::default(),
        }
    }

    pub fn dealer_is(&self, dealer: &DealerId, certificate: &CertificateDer<'static>) {
        self.dealers.borrow_mut().insert(dealer.clone(), Rc::new(certificate.clone()));
    }

    fn note(&self, code: &'static str, who: &str, words: String) {
        if let Some(roster) = &self.roster {
            roster.note(NewEvent::new(now(), "gateway", code, who, words));
        }
    }
}

impl Core {
    /// Writes down what commits a desk, before anything is done about it. `None`: it could not be
    /// written, so nothing is done, and the desk has been told.
    pub fn kept_of_desk(
        &self,
        desk: &CompId,
        message: AppMessage,
        meta: &Meta,
    ) -> Option<AppMessage> {
        if !commits_desk(&message) || self.withdraws_nothing(desk, &message) {
            return Some(message);
        }
        let at = now();
        if !self.evidence_fits(desk, &message, meta, at) {
            return None;
        }
        let certificate = self.live.borrow().get(desk).and_then(|l| l.chain.first().cloned());
        let kept = match (&meta.signed, certificate) {
            (Some(frame), Some(certificate)) => {
                let frame = frame.as_bytes();
                let record = Kept {
                    at,
                    party: Party::Desk,
                    id: desk.as_str(),
                    certificate: &certificate,
                    frame,
                };
                self.keep_accepted_quote(desk, &message)
                    .and_then(|()| self.signed.log.borrow_mut().keep(&record))
            }
            // Fail closed: the session asks for a signature on every message of a desk.
            _ => Err(SignedLogError::NoEvidence),
        };
        match kept {
            Ok(()) => Some(message),
            Err(e) => {
                tracing::error!(%desk, msg_type = message.msg_type(), code = e.code(), error = %e, "evidence cannot be written; refused");
                self.to_desk(desk, &not_now(&message, meta.seq));
                None
            }
        }
    }

    /// A withdrawal of an RFQ that is not there, or has ended, commits nobody: it is answered, and
    /// leaves nothing behind.
    fn withdraws_nothing(&self, desk: &CompId, m: &AppMessage) -> bool {
        matches!(m, AppMessage::RfqCancel { .. })
            && self.enforcement().is_none()
            && self.with_router(|r| {
                r.keep(now(), &Input::FromDesk(desk.clone(), m.clone())) == Keep::Nothing
            })
    }

    /// Whether what a desk signed still fits into its day. A withdrawal is taken whatever was
    /// written before it.
    fn evidence_fits(&self, desk: &CompId, m: &AppMessage, meta: &Meta, at: UtcMillis) -> bool {
        let Err(tell) = self.peers.desk_signed(desk, at, meta.bytes) else { return true };
        if tell {
            tracing::error!(alert = true, %desk, code = "signed_log.day_full", "the evidence of \
                this desk has reached its size for the day");
            self.signed.note(
                "signed_log.day_full",
                desk.as_str(),
                "the evidence of this desk has reached its size for the day".into(),
            );
        }
        if !self.peers.refuses_when_signed_full() || matches!(m, AppMessage::RfqCancel { .. }) {
            return true;
        }
        let words = "the evidence of this desk has reached its size for the day (UTC); nothing \
            was done (signed_log.day_full)";
        self.to_desk(desk, &refused_for(m, meta.seq, words));
        false
    }

    /// The quote that an accept takes, if its dealer signed it.
    fn keep_accepted_quote(&self, desk: &CompId, m: &AppMessage) -> Result<(), SignedLogError> {
        let AppMessage::QuoteResponse(r) = m else { return Ok(()) };
        let Some(dealer) = r.dealer.as_ref().filter(|_| r.response == Response::HitOrLift) else {
            return Ok(());
        };
        // Of an RFQ that is not there the router refuses the accept.
        let Some(rfq) = self.with_router(|router| router.rfq_accepted(desk, r)) else {
            return Ok(());
        };
        let quotes = self.signed.quotes.borrow();
        let Some(q) = quotes.of(dealer, &rfq, &r.quote).filter(|q| !q.kept.get()) else {
            return Ok(());
        };
        let record = Kept {
            at: q.at,
            party: Party::Dealer,
            id: dealer.as_str(),
            certificate: &q.certificate,
            frame: &q.frame,
        };
        self.signed.log.borrow_mut().keep(&record)?;
        q.kept.set(true);
        Ok(())
    }

    /// Keeps what a dealer signed: its reports at once, its quotes when one is accepted. What
    /// cannot be written goes on all the same: a dealer's answer tells what is already so.
    pub fn keep_of_dealer(&self, dealer: &DealerId, message: &AppMessage, meta: &Meta) {
        let certificate = self.signed.dealers.borrow().get(dealer).cloned();
        let (Some(frame), Some(certificate)) = (&meta.signed, certificate) else { return };
        // What is about no RFQ of this dealer tells nothing about one.
        let input = Input::FromDealer(dealer.clone(), message.clone());
        if !self.with_router(|r| r.is_asked(dealer, &input)) {
            return;
        }
        match message {
            AppMessage::Quote(q) => {
                let frame = frame.as_bytes();
                self.signed.quotes.borrow_mut().remember(
                    dealer,
                    (q.rfq.clone(), q.id.clone()),
                    q.valid_until,
                    frame,
                    certificate,
                    now(),
                );
            }
            AppMessage::ExecutionReport(_) => {
                if let Err(tell) = self.peers.dealer_signed(dealer, now(), frame.as_bytes().len()) {
                    let words = "the evidence of this dealer has reached its size for the day; \
                        its further reports are not kept";
                    if tell {
                        tracing::error!(alert = true, %dealer, code = "signed_log.day_full", "{words}");
                        self.signed.note("signed_log.day_full", dealer.as_str(), words.into());
                    }
                    return;
                }
                let record = Kept {
                    at: now(),
                    party: Party::Dealer,
                    id: dealer.as_str(),
                    certificate: &certificate,
                    frame: frame.as_bytes(),
                };
                if let Err(e) = self.signed.log.borrow_mut().keep(&record) {
                    tracing::error!(%dealer, code = e.code(), error = %e, "a dealer's signed \
                        report could not be kept");
                    self.signed.note(
                        e.code(),
                        dealer.as_str(),
                        format!("a signed report could not be kept: {e}"),
                    );
                }
            }
            _ => {}
        }
    }

    /// A message of a desk was not signed as it must be. The session refused it; too many, and the
    /// session ends.
    pub fn unsigned_by_desk(self: &Rc<Self>, desk: &CompId, msg_type: &str, why: &SignatureError) {
        self.signed.note(why.code(), desk.as_str(), format!("message {msg_type} refused: {why}"));
        let out = self.signed.strikes.borrow_mut().entry(desk.clone()).or_default().one_more(now());
        if out {
            let words = format!(
                "{} messages were not signed as they must be, the last: {why}",
                strikes::MOST
            );
            live::end_one(self, self.signed.roster.as_deref(), desk, why.code(), &words);
        }
    }

    pub fn unsigned_by_dealer(&self, dealer: &DealerId, msg_type: &str, why: &SignatureError) {
        self.signed.note(
            why.code(),
            dealer.as_str(),
            format!("message {msg_type} of a dealer refused: {why}"),
        );
    }
}

/// What commits the person at a desk: asking, answering a quote, ending an RFQ.
fn commits_desk(m: &AppMessage) -> bool {
    matches!(
        m,
        AppMessage::QuoteRequest(_) | AppMessage::QuoteResponse(_) | AppMessage::RfqCancel { .. }
    )
}

/// Not a rejection of the RFQ or the accept: under the same id one may be under way already, and
/// its truth comes by H.
fn not_now(m: &AppMessage, seq: u64) -> AppMessage {
    refused_for(
        m,
        seq,
        "the gateway cannot write down what was signed; nothing was done (signed_log.unwritable)",
    )
}

fn refused_for(m: &AppMessage, seq: u64, words: &str) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: Some(seq),
        ref_msg_type: m.msg_type().into(),
        ref_id: id_of(m),
        // 4: application not available.
        reason: 4,
        text: Some(words.into()),
    })
}

/// The id that the sender of a message gave it.
pub fn id_of(m: &AppMessage) -> Option<String> {
    match m {
        AppMessage::QuoteRequest(q) => Some(q.id.to_string()),
        AppMessage::QuoteResponse(r) => Some(r.id.to_string()),
        AppMessage::RfqCancel { rfq, .. } => Some(rfq.to_string()),
        AppMessage::OrderStatusRequest(h) => Some(h.accept.to_string()),
        _ => None,
    }
}

/// How long a quote's frame is remembered after it has ended: an accept may be on its way.
const QUOTE_AFTERLIFE_MS: i64 = 60_000;

fn forgotten(valid_until: UtcMillis, now: UtcMillis) -> bool {
    now.since(valid_until) > QUOTE_AFTERLIFE_MS
}
