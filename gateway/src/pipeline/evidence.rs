//! Evidence before action: what commits a desk is written down before anything is done about it.

use super::{Pipeline, message::not_done};
use crate::{
    clock::{UtcMicros, now, now_micros},
    metrics::Peer,
    signed::{STRIKES_MAX, SignedLogError},
};
use signet_events::About;
use signet_fix::{
    AppMessage,
    message::{QuoteResponse, Response},
    session::Meta,
    signature::SignatureError,
};
use signet_identity::CompId;
use signet_rfq::{DealerId, QuoteId, UtcMillis};
use signet_router::{Input, Keep, journal::is_quote};
use signet_stepup::Action;
use std::rc::Rc;

const DAY_FULL: &str = "signed_log.day_full";
const QUOTES_FULL: &str = "signed_log.quotes_full";

impl Pipeline {
    /// Writes down what commits a desk. `false`: it could not be written, so nothing is done, and
    /// the desk has been told.
    pub(super) fn keep_desk(&self, desk: &CompId, message: &AppMessage, meta: &Meta) -> bool {
        if !commits_desk(message) || self.withdraws_nothing(desk, message) {
            return true;
        }
        let at = now_micros();
        if !self.evidence_fits(desk, message, meta, at.millis()) {
            return false;
        }
        let chain = self.sessions.of(desk, |s| s.chain.clone());
        let kept = match (&meta.signed, chain) {
            (Some(frame), Some(chain)) => self.keep_accepted_quote(desk, message).and_then(|()| {
                let keep = || self.signed.keep_desk(at, desk, &chain, frame.as_bytes());
                self.metrics.storage.evidence.measured(keep, |kept| Some(kept.is_ok()))
            }),
            // Fail closed: the session asks for a signature on every message of a desk.
            _ => Err(SignedLogError::NoEvidence),
        };
        let Err(e) = kept else { return true };
        self.not_kept(desk, message, Some(meta.seq), &e);
        false
    }

    /// Writes down the quote that an accept goes on with, if its dealer signed it: with a limit it
    /// may be another one than the accept names. `false`: it could not be written, so nothing is
    /// done, and the desk has been told.
    pub(super) fn keep_taken_quote(
        &self,
        desk: &CompId,
        message: &AppMessage,
        goes_on: &Action,
    ) -> bool {
        let Some(taken) = with_other_quote(message, goes_on) else { return true };
        let kept = self.keep_accepted_quote(desk, &taken);
        let Err(e) = kept else { return true };
        self.not_kept(desk, message, None, &e);
        false
    }

    /// Tells a desk that its message goes nowhere, since the evidence of it cannot be written.
    fn not_kept(&self, desk: &CompId, m: &AppMessage, seq: Option<u64>, e: &SignedLogError) {
        let (msg_type, code) = (m.msg_type(), e.code());
        self.metrics.messages.refused(Peer::Desk, msg_type, code);
        tracing::error!(%desk, msg_type, code, error = %e, "evidence cannot be written; refused");
        let words = "the gateway cannot write down what was signed; nothing was done \
            (signed_log.unwritable)";
        self.to_desk(desk, &not_done(m, seq, words.into()));
    }

    /// A withdrawal of an RFQ that is not there, or has ended, commits nobody: it is answered, and
    /// leaves nothing behind.
    fn withdraws_nothing(&self, desk: &CompId, m: &AppMessage) -> bool {
        matches!(m, AppMessage::RfqCancel { .. })
            && self.step_up.is_none()
            && self
                .router
                .with(|r| r.keep(now(), &Input::FromDesk(desk.clone(), m.clone())) == Keep::Nothing)
    }

    /// Whether what a desk signed still fits into its day. A withdrawal is taken whatever was
    /// written before it.
    fn evidence_fits(&self, desk: &CompId, m: &AppMessage, meta: &Meta, at: UtcMillis) -> bool {
        let Err(tell) = self.peers.desk_signed(desk, at, meta.bytes) else { return true };
        if tell {
            let words = "the evidence of this desk has reached its size for the day";
            tracing::error!(alert = true, %desk, code = DAY_FULL, "{words}");
            self.events.gateway(DAY_FULL, About::desk(desk), words);
        }
        if !self.peers.refuses_when_signed_full() || matches!(m, AppMessage::RfqCancel { .. }) {
            return true;
        }
        self.metrics.messages.refused(Peer::Desk, m.msg_type(), DAY_FULL);
        let words = "the evidence of this desk has reached its size for the day (UTC); nothing \
            was done (signed_log.day_full)";
        self.to_desk(desk, &not_done(m, Some(meta.seq), words.into()));
        false
    }

    /// The quote that an accept takes, if its dealer signed it.
    fn keep_accepted_quote(&self, desk: &CompId, m: &AppMessage) -> Result<(), SignedLogError> {
        let AppMessage::QuoteResponse(r) = m else { return Ok(()) };
        let Some(dealer) = accepted_dealer(r) else { return Ok(()) };
        // Of an RFQ that is not there the router refuses the accept.
        let Some(rfq) = self.router.with(|router| router.rfq_accepted(desk, r)) else {
            return Ok(());
        };
        self.signed.keep_quote(dealer, &rfq, &r.quote)
    }

    /// Keeps what a dealer signed: its reports, and its quotes, which a best-execution review asks
    /// for whether they were taken or not. Quotes have a day's size of their own, so that they
    /// leave room for reports; one beyond it is kept when it is accepted. Returns whether the
    /// message may be acted on: a report that the disk refuses is to be sent again.
    #[must_use]
    pub(super) fn keep_dealer(&self, dealer: &DealerId, message: &AppMessage, meta: &Meta) -> bool {
        let Some(frame) = meta.signed.as_ref().map(|f| f.as_bytes()) else { return true };
        // What is about no RFQ of this dealer tells nothing about one.
        let input = Input::FromDealer(dealer.clone(), message.clone());
        if !self.router.with(|r| r.is_asked(dealer, &input)) {
            return true;
        }
        match message {
            AppMessage::Quote(q) => {
                let at = now_micros();
                let kept = self.quote_fits(dealer, at.millis(), frame.len())
                    && self.signed.keep_offer(at, dealer, frame).is_ok();
                self.signed.remember_quote(dealer, q, frame, at, kept);
                true
            }
            AppMessage::ExecutionReport(_) => self.keep_report(dealer, frame),
            _ => true,
        }
    }

    /// Whether a quote of a dealer still fits into its day.
    fn quote_fits(&self, dealer: &DealerId, at: UtcMillis, bytes: usize) -> bool {
        let Err(tell) = self.peers.dealer_quoted(dealer, at, bytes) else { return true };
        if tell {
            let words = "the quotes of this dealer have reached their size for the day; of its \
                further quotes only accepted ones are kept";
            tracing::error!(alert = true, %dealer, code = QUOTES_FULL, "{words}");
            self.events.gateway(QUOTES_FULL, About::dealer(dealer), words);
        }
        false
    }

    /// Keeps a copy of what the journal has taken. A quote beyond its dealer's day is counted only.
    pub(super) fn keep_journalled(
        &self,
        at: UtcMicros,
        input: &Input,
        record: &[u8],
    ) -> Result<(), SignedLogError> {
        let Some(dealer) = quoted_by(input, record) else { return self.signed.journal(at, record) };
        // The day that counts is today, also for a record that is owed since yesterday.
        if self.quote_fits(dealer, now().max(at.millis()), record.len()) {
            return self.signed.journal_offer(at, record);
        }
        self.signed.journal_unwritten(record);
        Ok(())
    }

    fn keep_report(&self, dealer: &DealerId, frame: &[u8]) -> bool {
        let at = now_micros();
        if let Err(tell) = self.peers.dealer_signed(dealer, at.millis(), frame.len()) {
            if tell {
                let words = "the evidence of this dealer has reached its size for the day; its \
                    further reports are not kept";
                tracing::error!(alert = true, %dealer, code = DAY_FULL, "{words}");
                self.events.gateway(DAY_FULL, About::dealer(dealer), words);
            }
            return true;
        }
        let keep = || self.signed.keep_dealer(at, dealer, frame);
        let kept = self.metrics.storage.evidence.measured(keep, |kept| Some(kept.is_ok()));
        let Err(e) = kept else { return true };
        let code = e.code();
        tracing::error!(%dealer, code, error = %e, "a dealer's signed report is not kept");
        let words = format!("a signed report could not be kept: {e}");
        self.events.gateway(code, About::dealer(dealer), words);
        false
    }

    /// A message of a desk was not signed as it must be. The session refused it; too many, and the
    /// session ends.
    pub(super) fn unsigned_by_desk(
        self: &Rc<Self>,
        desk: &CompId,
        msg_type: &str,
        why: &SignatureError,
    ) {
        let words = format!("message {msg_type} refused: {why}");
        self.events.gateway(why.code(), About::desk(desk), words);
        if self.signed.is_one_strike_too_many(desk, now()) {
            let words =
                format!("{STRIKES_MAX} messages were not signed as they must be, the last: {why}");
            self.end_if_on(desk, why.code(), words);
        }
    }

    /// A message of a dealer was not signed as it must be. The session refused it.
    pub(super) fn unsigned_by_dealer(
        &self,
        dealer: &DealerId,
        msg_type: &str,
        why: &SignatureError,
    ) {
        let words = format!("message {msg_type} of a dealer refused: {why}");
        self.events.gateway(why.code(), About::dealer(dealer), words);
    }
}

/// What commits the person at a desk: asking, answering a quote, ending an RFQ, taking one over.
fn commits_desk(m: &AppMessage) -> bool {
    matches!(
        m,
        AppMessage::QuoteRequest(_)
            | AppMessage::QuoteResponse(_)
            | AppMessage::RfqCancel { .. }
            | AppMessage::TakeOver(_)
    )
}

/// The dealer whose quote a record of the journal is. Of a quote that is refused the journal has
/// that the one before it is gone, which is a withdrawal.
fn quoted_by<'a>(input: &'a Input, record: &[u8]) -> Option<&'a DealerId> {
    let Input::FromDealer(dealer, AppMessage::Quote(_)) = input else { return None };
    is_quote(record).then_some(dealer)
}

fn accepted_dealer(r: &QuoteResponse) -> Option<&DealerId> {
    r.dealer.as_ref().filter(|_| r.response == Response::HitOrLift)
}

/// An accept as if it named the quote that it goes on with; `None`: it does.
fn with_other_quote(m: &AppMessage, goes_on: &Action) -> Option<AppMessage> {
    let (AppMessage::QuoteResponse(r), Action::Accept(a)) = (m, goes_on) else { return None };
    let quote = QuoteId::new(a.quote.as_str()).ok().filter(|quote| *quote != r.quote)?;
    Some(AppMessage::QuoteResponse(QuoteResponse { quote, ..r.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::message::tests::messages;
    use signet_fix::{
        BEGIN_STRING,
        message::{QuoteCancel, QuoteMsg},
    };
    use signet_rfq::{InstrumentId, Qualifiers, RfqId};
    use signet_stepup::AcceptTerms;

    /// A dealer's day is over for its quotes only: the journal may not have two other records that
    /// the evidence lacks, or the next start takes them for somebody else's.
    #[test]
    fn what_the_journal_has_of_a_refused_quote_is_copied_whatever_the_day_holds() {
        let (dealer, rfq) = (DealerId::new("NORTH").unwrap(), RfqId::new("ALICE1.R1").unwrap());
        let at = UtcMillis(1_795_219_200_000);
        let quote = AppMessage::Quote(QuoteMsg {
            rfq: rfq.clone(),
            id: QuoteId::new("q2").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            dealer: None,
            bid: None,
            offer: None,
            valid_until: at + 1_000,
            tradeable: true,
            at,
            qualifiers: Qualifiers::default(),
            legs: vec![],
        });
        let gone = AppMessage::QuoteCancel(QuoteCancel {
            rfq: Some(rfq),
            quote: QuoteId::new("q1").ok(),
            instrument: None,
            dealer: None,
            unreachable: false,
        });
        let record = |kind: u8, m: &AppMessage| {
            let frame = m.encode().finish(BEGIN_STRING).unwrap();
            [&[kind][..], &at.0.to_le_bytes(), &[5], b"NORTH", &frame[..]].concat()
        };
        let input = Input::FromDealer(dealer.clone(), quote.clone());
        for (kind, m, want) in
            [(b'L', &quote, Some(&dealer)), (b'L', &gone, None), (b'N', &quote, None)]
        {
            assert_eq!(quoted_by(&input, &record(kind, m)), want, "{m:?}");
        }
        assert_eq!(quoted_by(&Input::Tick, &record(b'L', &quote)), None);
        assert_eq!(quoted_by(&input, b""), None);
    }

    fn goes_on(quote: &str) -> Action {
        let s = str::to_owned;
        Action::Accept(AcceptTerms {
            rfq: s("R1"),
            accept: s("R1:1"),
            dealer: s("NORTH"),
            quote: s(quote),
            instrument: s("EUR/USD"),
            side: s("buy"),
            price: s("1.08"),
            quantity: s("5000000"),
            currency: s("EUR"),
            settlement: s("20261130"),
            price_type: None,
            legs: vec![],
            limit: None,
        })
    }

    /// Its dealer's quotes of the day are more than are kept one by one.
    #[test]
    fn the_quote_that_an_accept_goes_on_with_is_the_one_to_be_kept() {
        for (m, _) in messages() {
            let AppMessage::QuoteResponse(r) = &m else {
                assert_eq!(with_other_quote(&m, &goes_on("q9")), None, "{m:?}");
                continue;
            };
            assert_eq!(with_other_quote(&m, &goes_on(r.quote.as_str())), None);
            let Some(AppMessage::QuoteResponse(taken)) = with_other_quote(&m, &goes_on("q9"))
            else {
                panic!("{m:?}")
            };
            assert_eq!(taken.quote.as_str(), "q9");
            assert_eq!((&taken.id, &taken.rfq, &taken.dealer), (&r.id, &r.rfq, &r.dealer));
        }
    }
}
