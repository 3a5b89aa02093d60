//! Inputs that the journal does not take. What cannot be written down is not done: a disk that is
//! full stops new business from desks, and what a dealer says then is asked for again. That a
//! message did not reach its dealer is asked for by nobody: it is kept here, and takes effect when
//! it can be written down. Until then an accept waits for its answer, as after a restart; were it
//! over here only, an accept after it would be unknown to the next start, with its trade. It is
//! about the RFQ that it was made for: one that has the same id since then is another one.

use super::{
    Pipeline,
    message::not_done,
    rfq_ends::{AGAIN, AT_ONCE},
};
use crate::clock::{UtcMicros, steady};
use signet_events::About;
use signet_fix::AppMessage;
use signet_identity::CompId;
use signet_rfq::{DealerId, RfqId, UtcMillis};
use signet_router::{Input, Output, Router, journal::JournalError};
use std::{collections::VecDeque, time::Instant};

/// The RFQ that an input is about, by the gateway's id, and when it was made.
type Of = (RfqId, UtcMillis);

/// What is tried again, in the order in which it is due. Each is of a request, an accept or a
/// counter that the journal took.
#[derive(Debug, Default)]
pub(super) struct Unwritten(VecDeque<(Instant, Of, Input)>);

impl Unwritten {
    fn put(&mut self, input: Input, of: Of, at: Instant) {
        self.0.push_back((at.checked_add(AGAIN).unwrap_or(at), of, input));
    }

    /// Takes the next one that is due.
    fn take(&mut self, at: Instant) -> Option<(Input, Of)> {
        let is_due = self.0.front().is_some_and(|(due, ..)| *due <= at);
        if is_due { self.0.pop_front().map(|(_, of, input)| (input, of)) } else { None }
    }
}

/// The RFQ that is remembered now and that an input would be about.
fn of_now(router: &Router, input: &Input) -> Option<Of> {
    let id = router.concerns(input)?;
    let made = router.made_at(&id)?;
    Some((id, made))
}

/// What is done about an input that the journal did not take.
#[derive(Debug, PartialEq)]
enum Then<'a> {
    /// Its desk reads that nothing was done.
    Tell(&'a CompId, &'a AppMessage),
    /// It would undo the next start, and would not be written the next time either.
    Alert(&'a DealerId, &'a AppMessage),
    /// Its dealer is to send it again.
    AskAgain,
    /// The gateway tries again.
    TryAgain,
    /// It takes effect all the same.
    Act,
    /// Nothing; whoever decided it looks whether it was done, and tries again.
    Leave,
}

fn then<'a>(input: &'a Input, e: &JournalError) -> Then<'a> {
    match (input, e) {
        (Input::FromDesk(desk, m), _) => Then::Tell(desk, m),
        (Input::FromDealer(dealer, m), JournalError::NotReadable) => Then::Alert(dealer, m),
        (Input::FromDealer(..), _) => Then::AskAgain,
        (Input::NotSentToDealer(..), JournalError::NotReadable) => Then::Act,
        (Input::NotSentToDealer(..), _) => Then::TryAgain,
        (Input::Decided(..), _) => Then::Leave,
        // Time passes whether or not it is written down. Nothing is written of the others.
        _ => Then::Act,
    }
}

impl Pipeline {
    /// What follows when an input was not written down; `None`: it is a dealer's, and it is to be
    /// sent again.
    pub(super) fn not_recorded(
        &self,
        input: Input,
        e: &JournalError,
        at: UtcMicros,
    ) -> Option<Vec<Output>> {
        self.measure_unwritten(&input, e);
        tracing::error!(error = %e, "the journal cannot be written");
        match then(&input, e) {
            Then::Tell(desk, m) => {
                if matches!(e, JournalError::Full { .. }) {
                    self.events.gateway("journal.full", About::desk(desk), e.to_string());
                }
                Some(vec![Output::ToDesk(desk.clone(), not_written(m, e))])
            }
            Then::Alert(dealer, m) => Some(vec![Output::Alert {
                code: "journal.not_readable",
                about: dealer.to_string(),
                words: format!(
                    "a message ({}) that cannot be written down was not acted on",
                    m.msg_type()
                ),
            }]),
            Then::AskAgain => None,
            Then::TryAgain => {
                // Of an RFQ that is forgotten nobody waits for anything.
                if let Some(of) = self.router.with(|r| of_now(r, &input)) {
                    self.unwritten.borrow_mut().put(input, of, steady());
                }
                Some(Vec::new())
            }
            Then::Act => Some(self.router.decide(at.millis(), input)),
            Then::Leave => Some(Vec::new()),
        }
    }

    /// What could not be written down is tried again. While the disk refuses one, the others wait
    /// for a later tick.
    pub(super) fn unwritten_tick(&self) {
        for _ in 0..AT_ONCE {
            let due = self.unwritten.borrow_mut().take(steady());
            let Some((input, of)) = due else { return };
            if self.router.with(|r| of_now(r, &input)).as_ref() != Some(&of) {
                tracing::warn!(rfq = %of.0, "it was forgotten before it could be written down what \
                    did not reach its dealer");
                continue;
            }
            let others = self.unwritten.borrow().0.len();
            self.route(input);
            if self.unwritten.borrow().0.len() > others {
                return;
            }
        }
    }
}

/// What a desk reads whose message the journal did not take. It names the message: without an id
/// the desk would wait for an answer to its accept.
fn not_written(m: &AppMessage, e: &JournalError) -> AppMessage {
    let text = match e {
        JournalError::Full { .. } => format!(
            "{e}; nothing was done. RFQs without a trade are forgotten after 15 minutes \
                (journal.full)"
        ),
        _ => "the gateway cannot write its journal; nothing was done".into(),
    };
    not_done(m, None, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{
        message::tests::messages,
        rfq_ends::test_double::{NOW, accept, desk as desk_of, end, rfq, router},
    };
    use signet_fix::message::QuoteRequest;
    use signet_router::Decided;
    use std::time::Duration;

    fn desk() -> CompId {
        CompId::new("ALICE").expect("a desk")
    }

    fn dealer() -> DealerId {
        DealerId::new("NORTH").expect("a dealer")
    }

    #[test]
    fn whatever_the_journal_did_not_take_is_named_to_its_desk() {
        let full = JournalError::Full { of_all: true };
        for e in [JournalError::NotReadable, full] {
            for (m, id) in messages() {
                let AppMessage::BusinessReject(j) = not_written(&m, &e) else {
                    panic!("{m:?}: no j")
                };
                assert_eq!(j.ref_id.as_deref(), Some(id), "{e:?} {m:?}");
                assert_eq!(j.ref_msg_type, m.msg_type());
            }
        }
    }

    #[test]
    fn table_of_what_the_journal_did_not_take() {
        let (desk, dealer) = (desk(), dealer());
        let unread = JournalError::NotReadable;
        let (full, uncopied) = (JournalError::Full { of_all: false }, JournalError::NotCopied);
        for (m, _) in messages() {
            let from_desk = Input::FromDesk(desk.clone(), m.clone());
            for e in [&unread, &full, &uncopied] {
                assert_eq!(then(&from_desk, e), Then::Tell(&desk, &m));
            }
            let from_dealer = Input::FromDealer(dealer.clone(), m.clone());
            assert_eq!(then(&from_dealer, &unread), Then::Alert(&dealer, &m));
            assert_eq!(then(&from_dealer, &uncopied), Then::AskAgain);
            let not_sent = Input::NotSentToDealer(dealer.clone(), m.clone());
            // It would not be written the next time either, and its desk waits.
            assert_eq!(then(&not_sent, &unread), Then::Act);
            assert_eq!(then(&not_sent, &uncopied), Then::TryAgain);
        }
        assert_eq!(then(&Input::Tick, &uncopied), Then::Act);
        // A restart would not know of an end that is not written down.
        for e in [&unread, &full, &uncopied] {
            assert_eq!(then(&end("ALICE1", "R1"), e), Then::Leave);
        }
    }

    #[test]
    fn what_did_not_leave_is_tried_again_at_times_and_in_its_order() {
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        let inputs: Vec<Input> =
            messages().into_iter().map(|(m, _)| Input::NotSentToDealer(dealer(), m)).collect();
        let of = (rfq("ALICE1.R1"), NOW);
        let first = Some((inputs[0].clone(), of.clone()));
        let second = Some((inputs[1].clone(), of.clone()));
        let mut u = Unwritten::default();
        assert_eq!(u.take(at(99)), None);
        u.put(inputs[0].clone(), of.clone(), at(0));
        u.put(inputs[1].clone(), of.clone(), at(2));
        assert_eq!(u.take(at(4)), None, "not at each tick");
        assert_eq!(u.take(at(5)), first);
        assert_eq!(u.take(at(5)), None, "the next one is not due");
        u.put(inputs[0].clone(), of, at(5));
        assert_eq!(u.take(at(10)), second);
        assert_eq!(u.take(at(10)), first);
        assert_eq!(u.take(at(99)), None);
    }

    /// It waits for the disk until its RFQ is forgotten, and the desk has given the id to another.
    #[test]
    fn what_did_not_leave_is_of_the_rfq_that_it_was_made_for() {
        const FORGOTTEN: i64 = 60_000 + 15 * 60_000;
        let alice = || desk_of("ALICE1");
        let asked = |r: &Router| {
            let (_, one) = r.open().next().unwrap();
            QuoteRequest::of(&one.terms, false)
        };
        let mut r = router();
        // As it went to the dealer, by the gateway's id.
        let q = QuoteRequest { id: rfq("ALICE1.R1"), ..asked(&r) };
        let not_sent = Input::NotSentToDealer(dealer(), AppMessage::QuoteRequest(q));
        let again = asked(&r);
        let made = of_now(&r, &not_sent);
        assert_eq!(made, Some((rfq("ALICE1.R1"), NOW)));
        r.handle(NOW, Input::Decided(alice(), accept("R1")));
        assert_eq!(of_now(&r, &not_sent), made, "whatever else becomes of it");
        let mut r = router();
        r.handle(NOW + 60_000, Input::Tick);
        assert_eq!(of_now(&r, &not_sent), made, "it has ended");
        r.handle(NOW + FORGOTTEN, Input::Tick);
        assert_eq!(of_now(&r, &not_sent), None, "it is forgotten");
        let at = NOW + FORGOTTEN + 1;
        r.handle(at, Input::Tick);
        let again = QuoteRequest { expires: at + 60_000, at, ..again };
        r.handle(at, Input::Decided(alice(), Decided::Request(again)));
        assert_eq!(of_now(&r, &not_sent), Some((rfq("ALICE1.R1"), at)), "another one");
        assert_ne!(of_now(&r, &not_sent), made);
    }
}
