//! Accepts whose outcome the gateway could not tell when it was asked: it is asked again, further
//! and further apart, until it answers.

use super::{Book, rejects::status_request};
use signet_fix::message::AppMessage;
use signet_net::Doubling;
use signet_rfq::{AcceptId, UtcMillis};
use std::{collections::BTreeMap, time::Duration};

/// Time between two questions.
const WAIT: Doubling = Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(8) };

#[derive(Debug, Clone, Copy)]
struct Question {
    asked: UtcMillis,
    /// How often it was repeated.
    repeated: u32,
}

/// The open questions, at most one for each accept on screen.
#[derive(Debug, Default)]
pub(super) struct Questions(BTreeMap<AcceptId, Question>);

impl Questions {
    /// The question is asked now. Asked for the first time, it is repeated soon.
    pub(super) fn asked(&mut self, id: &AcceptId, now: UtcMillis) {
        let repeated = self.0.get(id).map_or(0, |q| q.repeated.saturating_add(1));
        self.0.insert(id.clone(), Question { asked: now, repeated });
    }

    /// The question was refused. Returns whether that is the first time.
    pub(super) fn refused(&mut self, id: &AcceptId, now: UtcMillis) -> bool {
        let first = !self.0.contains_key(id);
        if first {
            self.asked(id, now);
        }
        first
    }

    pub(super) fn answered(&mut self, id: &AcceptId) {
        self.0.remove(id);
    }

    /// With the next logon everything in flight is asked about.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is to be asked again. A laptop's clock that was set back makes nobody wait.
    fn due(&self, now: UtcMillis) -> Vec<AcceptId> {
        let due = |q: &Question| !(0..WAIT.doubled_ms(q.repeated)).contains(&now.since(q.asked));
        self.0.iter().filter(|(_, q)| due(q)).map(|(id, _)| id.clone()).collect()
    }
}

impl Book {
    /// Asks what became of an accept that has no answer yet.
    pub(super) fn ask_about(&mut self, id: &AcceptId, now: UtcMillis) -> Option<AppMessage> {
        let rfq = super::rfq_of_accept(id).and_then(|rfq| self.screen.rfq(&rfq));
        let since = rfq.filter(|_| !self.connection.direct).map(|r| r.terms.created);
        let found = rfq.and_then(|r| r.accept_of(id)).filter(|(_, s)| s.in_flight());
        let Some((accept, _)) = found else {
            self.questions.answered(id);
            return None;
        };
        let question = status_request(accept, since);
        self.questions.asked(id, now);
        Some(AppMessage::OrderStatusRequest(question))
    }

    /// The questions that are to be asked again now.
    pub(super) fn ask_again(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        if !self.online() {
            return Vec::new();
        }
        let due = self.questions.due(now);
        due.iter().filter_map(|id| self.ask_about(id, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::life_tests::{NOW, book, notices, press, report, say, state},
        *,
    };
    use signet_fix::message::{BusinessReject, ExecType, OrdStatus};
    use signet_rfq::AcceptState;

    fn refused(book: &mut Book, kind: &str, accept: &str, now: UtcMillis) -> Vec<AppMessage> {
        let j = BusinessReject {
            ref_seq_num: None,
            ref_msg_type: kind.into(),
            ref_id: Some(accept.into()),
            reason: 4,
            text: None,
        };
        book.message(AppMessage::BusinessReject(j), now)
    }

    #[test]
    fn an_accept_whose_outcome_the_gateway_cannot_tell_is_asked_about_until_it_can() {
        let mut b = book();
        let (accept, _) = press(&mut b);
        assert_eq!(refused(&mut b, "AJ", &accept, NOW).len(), 1);
        assert!(refused(&mut b, "H", &accept, NOW).is_empty());
        assert!(b.tick(NOW + 999).is_empty());
        let asked = b.tick(NOW + 1_000);
        let [AppMessage::OrderStatusRequest(h)] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!(h.accept.as_str(), accept);
        assert!(refused(&mut b, "H", &accept, NOW + 1_001).is_empty());
        let told = notices(&b).iter().filter(|n| **n == "gateway.business_reject").count();
        assert_eq!(told, 1, "the trader is told once: {:?}", notices(&b));
        assert_eq!(b.tick(NOW + 3_000).len(), 1);
        let declined = report(&accept, ExecType::Rejected, OrdStatus::Rejected, "X", "1.08", 0);
        say(&mut b, declined);
        assert!(matches!(state(&b), AcceptState::Declined(_)));
        assert!(b.tick(NOW + 60_000).is_empty(), "it is answered");
    }

    #[test]
    fn a_question_that_was_asked_after_a_logon_is_repeated_too_and_not_while_the_link_is_gone() {
        let mut b = book();
        let (accept, _) = press(&mut b);
        assert!(refused(&mut b, "H", &accept, NOW).is_empty());
        b.link(NOW, |s| s.state = crate::view::LinkState::Reconnecting);
        assert!(b.tick(NOW + 5_000).is_empty());
        b.link(NOW, |s| s.state = crate::view::LinkState::Online);
        assert_eq!(b.tick(NOW + 5_000).len(), 1);
        b.link_lost();
        assert!(b.tick(NOW + 60_000).is_empty(), "the next logon asks about it");
    }

    #[test]
    fn a_question_is_repeated_further_and_further_apart_until_it_is_answered() {
        let id = AcceptId::new("R1:1").unwrap();
        let mut q = Questions::default();
        let mut now = UtcMillis(1_000_000);
        assert!(q.refused(&id, now), "the first refusal is told");
        assert!(!q.refused(&id, now), "the second is not");
        for wait in [1_000, 2_000, 4_000, 8_000, 8_000] {
            assert!(q.due(now + (wait - 1)).is_empty(), "{wait}");
            now = now + wait;
            assert_eq!(q.due(now), std::slice::from_ref(&id), "{wait}");
            q.asked(&id, now);
        }
        assert_eq!(
            q.due(now + -3_600_000),
            std::slice::from_ref(&id),
            "the clock was set back by an hour"
        );
        q.answered(&id);
        assert!(q.due(now + 60_000).is_empty());
    }
}
