//! RFQs that are withdrawn because their desk was cut off: always when somebody decided that its
//! person, device or certificate is kept out, and where `risk.open_rfqs` says so when its risk
//! rose. One whose end could not be written down is tried again until it is, or until it has ended
//! otherwise.

use super::{
    Pipeline, Withdrawal,
    rfq_ends::{AGAIN, Agenda},
};
use crate::{clock::steady, config::OpenRfqs};
use signet_identity::CompId;
use signet_rfq::RfqId;
use signet_router::Router;
use std::time::Instant;

/// An RFQ, and the desk that was cut off, which calls it so.
pub(super) type Key = (CompId, RfqId);

/// Those that could not be ended so far, with what their desk and the journal are told. As many as
/// were open.
#[derive(Debug, Default)]
pub(super) struct Withdrawals(Agenda<Key, &'static str>);

impl Withdrawals {
    /// It could not be ended now.
    fn failed(&mut self, key: Key, text: &'static str, at: Instant) {
        self.0.put(key, text, at.checked_add(AGAIN).unwrap_or(at));
    }

    /// Those that are to be tried again now, the longest due ones first.
    fn due(&self, at: Instant) -> Vec<(Key, &'static str)> {
        self.0.due(at)
    }

    fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// Whether it is tried again.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.0.get(key).is_some()
    }
}

impl Withdrawal {
    /// Why RFQs are withdrawn, if they are, as their desk reads it.
    fn text(self, setting: OpenRfqs) -> Option<&'static str> {
        match (self, setting) {
            (Self::None, _) | (Self::BySetting(_), OpenRfqs::Keep) => None,
            (Self::BySetting(text), OpenRfqs::Withdraw) | (Self::Always(text), _) => Some(text),
        }
    }
}

/// Whether an RFQ of a desk that was cut off is still to be ended: it is open, no colleague has it,
/// and that it ends is not decided.
fn is_to_end(router: &Router, (desk, rfq): &Key) -> bool {
    let has_it = router.open_as(desk, rfq).is_some_and(|(has, _)| has == desk);
    has_it && !router.is_ending(desk, rfq)
}

/// What a desk that is cut off has open that is to be ended: first what dealers may still quote in.
pub(super) fn to_end(router: &Router, desk: &CompId) -> Vec<Key> {
    let open = router.withdrawable(desk).into_iter().chain(router.waiting_for_answer(desk));
    open.map(|rfq| (desk.clone(), rfq)).filter(|key| is_to_end(router, key)).collect()
}

impl Pipeline {
    /// Ends the open RFQs of a desk that is about to be cut off, if they are to end. An accept in
    /// flight ends by its dealer's word either way; if nothing is traded by it, its RFQ ends with
    /// it.
    pub(super) fn withdraw_as(&self, desk: &CompId, how: Withdrawal) {
        let Some(text) = how.text(self.risk.open_rfqs()) else { return };
        for key in self.router.with(|r| to_end(r, desk)) {
            self.withdraw(key, text);
        }
    }

    /// Those whose end could not be written down are tried again.
    pub(super) fn withdrawals_tick(&self) {
        let due = self.withdrawals.borrow().due(steady());
        for (key, text) in due {
            if self.router.with(|r| is_to_end(r, &key)) {
                self.withdraw(key, text);
            } else {
                self.withdrawals.borrow_mut().forget(&key);
            }
        }
    }

    /// Ends one, or will try again.
    pub(super) fn withdraw(&self, key: Key, text: &'static str) {
        self.end_rfq(key.0.clone(), key.1.clone(), text);
        let failed = self.router.with(|r| is_to_end(r, &key));
        let mut waiting = self.withdrawals.borrow_mut();
        if failed {
            waiting.failed(key, text, steady());
        } else {
            waiting.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{
        EndReason,
        rfq_ends::{
            AT_ONCE,
            test_double::{NOW, accept, end, router},
        },
    };
    use signet_fix::{AppMessage, message::TakeOver};
    use signet_identity::Refusal;
    use signet_policy::software::SoftwareRefusal;
    use signet_registry::{LockoutKind, admission::AdmissionRefusal};
    use signet_rfq::RfqState;
    use signet_router::{Decided, Input, Output};
    use std::time::Duration;

    const TEXT: &str = "withdrawn";

    fn key(desk: &str, rfq: &str) -> Key {
        (CompId::new(desk).unwrap(), RfqId::new(rfq).unwrap())
    }

    #[test]
    fn table_of_what_is_still_to_be_ended() {
        let (alice, r1) = key("ALICE1", "R1");
        let cancel = AppMessage::RfqCancel { rfq: r1.clone(), text: None };
        let taken =
            TakeOver { rfq: RfqId::new("B1").unwrap(), desk: alice.clone(), of: r1, at: NOW };
        let bob = CompId::new("BOB1").unwrap();
        let accepted = Input::Decided(alice.clone(), accept("R1"));
        for (name, inputs, at, want) in [
            ("as it was", vec![], NOW, true),
            ("an accept", vec![accepted.clone()], NOW, true),
            ("ended", vec![end("ALICE1", "R1")], NOW, false),
            ("it ends by the answer", vec![accepted, end("ALICE1", "R1")], NOW, false),
            ("cancelled", vec![Input::FromDesk(alice, cancel)], NOW, false),
            ("its time is up", vec![], NOW + 60_000, false),
            ("a colleague's", vec![Input::Decided(bob, Decided::TakeOver(taken))], NOW, false),
        ] {
            let mut r = router();
            for input in inputs.into_iter().chain([Input::Tick]) {
                r.handle(at, input);
            }
            assert_eq!(is_to_end(&r, &key("ALICE1", "R1")), want, "{name}");
        }
        assert!(!is_to_end(&router(), &key("ALICE1", "R2")));
    }

    /// Whoever is kept out has nothing open at dealers, whatever the setting says of risk.
    #[test]
    fn table_of_causes_for_which_rfqs_are_withdrawn() {
        use AdmissionRefusal as A;
        let locked_out = |kind| A::LockedOut { kind, left_s: None };
        let (by_setting, always, never) = ((true, false), (true, true), (false, false));
        let version = "1.3.1".parse().unwrap();
        let software = SoftwareRefusal::Withdrawn { version, least: None };
        let ordered = |code| EndReason::new(code, "", "");
        for (why, want) in [
            (A::UserLocked.into(), always),
            (A::DeviceLocked.into(), always),
            (A::Revoked.into(), always),
            (locked_out(LockoutKind::Fatigue).into(), always),
            (locked_out(LockoutKind::Signal).into(), always),
            (EndReason::from(&Refusal::ClientCertificateRevoked), always),
            (software.into(), by_setting),
            // Failed logons prove nothing against whoever logged on before.
            (locked_out(LockoutKind::Failures).into(), never),
            // Time, a newer certificate, and what the gateway lacks.
            (A::Expired.into(), never),
            (A::Superseded.into(), never),
            (A::RegistryStale.into(), never),
            (A::Unknown.into(), never),
            (A::NotTheSame.into(), never),
            (EndReason::from(&Refusal::ClientCertificateExpired), never),
            (EndReason::from(&Refusal::RevocationListMissing), never),
            // The trader may come back.
            (ordered("admin.ended"), never),
            (ordered("lockout.network"), never),
        ] {
            let ends = |setting| why.withdrawal.text(setting).is_some();
            let seen = (ends(OpenRfqs::Withdraw), ends(OpenRfqs::Keep));
            assert_eq!(seen, want, "{why:?}");
        }
    }

    /// What becomes of each state in which a desk that is kept out can have an RFQ; a second
    /// withdrawal changes nothing.
    #[test]
    fn table_of_states_in_which_rfqs_are_withdrawn() {
        let (alice, r1) = key("ALICE1", "R1");
        let bob = CompId::new("BOB1").unwrap();
        let cancel = AppMessage::RfqCancel { rfq: r1.clone(), text: None };
        let taken = TakeOver {
            rfq: RfqId::new("B1").unwrap(),
            desk: alice.clone(),
            of: r1.clone(),
            at: NOW,
        };
        let accepted = Input::Decided(alice.clone(), accept("R1"));
        let cases = [
            ("open", vec![], Some(RfqState::Cancelled), 1),
            ("an accept is with the dealer", vec![accepted], None, 1),
            (
                "cancelled",
                vec![Input::FromDesk(alice.clone(), cancel)],
                Some(RfqState::Cancelled),
                0,
            ),
            ("a colleague's", vec![Input::Decided(bob, Decided::TakeOver(taken))], None, 0),
        ];
        for (name, inputs, ended, ends) in cases {
            let mut r = router();
            let mut unsent = None;
            for input in inputs {
                for output in r.handle(NOW, input) {
                    if let Output::ToDealer(dealer, m) = output {
                        unsent = Some(Input::NotSentToDealer(dealer, m));
                    }
                }
            }
            for (again, count) in [(false, ends), (true, 0)] {
                let keys = to_end(&r, &alice);
                assert_eq!(keys.len(), count, "{name} {again}");
                for (desk, rfq) in keys {
                    r.handle(NOW, end(desk.as_str(), rfq.as_str()));
                }
            }
            let state = |r: &Router| r.rfqs_of(&alice).next().map(|rfq| rfq.state);
            let open = ended.is_none() && r.open().next().is_some();
            assert!(open || state(&r) == ended, "{name}");
            // Without a trade the RFQ ends by the answer, and nothing else is accepted between.
            if let Some(unsent) = unsent.filter(|_| name.starts_with("an accept")) {
                assert!(r.is_ending(&alice, &r1), "{name}");
                r.handle(NOW, unsent);
                assert_eq!(state(&r), Some(RfqState::Cancelled), "{name}");
            }
        }
    }

    /// The journal is on a disk that is full.
    #[test]
    fn one_that_could_not_be_ended_is_tried_at_times_until_it_is() {
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);
        let ids = |w: &Withdrawals, s| -> Vec<Key> {
            w.due(at(s)).into_iter().map(|(key, _)| key).collect()
        };
        let mut w = Withdrawals::default();
        let (a, b) = (key("ALICE1", "R1"), key("ALICE1", "R2"));
        w.failed(a.clone(), TEXT, at(0));
        w.failed(b.clone(), TEXT, at(2));
        assert!(ids(&w, 4).is_empty(), "not at each tick");
        assert_eq!(w.due(at(5)), [(a.clone(), TEXT)]);
        w.failed(a.clone(), TEXT, at(5));
        assert_eq!(ids(&w, 9), std::slice::from_ref(&b));
        assert_eq!(ids(&w, 10), [b.clone(), a.clone()], "and not never");
        w.forget(&a);
        assert_eq!(ids(&w, 999), [b]);
    }

    #[test]
    fn many_are_tried_again_some_at_a_time_and_each_of_them() {
        let start = Instant::now();
        let mut w = Withdrawals::default();
        let keys: Vec<Key> = (0..=AT_ONCE).map(|n| key("ALICE1", &format!("R{n:03}"))).collect();
        keys.iter().for_each(|k| w.failed(k.clone(), TEXT, start));
        let at = start + AGAIN;
        let first: Vec<Key> = w.due(at).into_iter().map(|(key, _)| key).collect();
        assert_eq!(first, keys[..AT_ONCE]);
        // None of them ended.
        first.into_iter().for_each(|k| w.failed(k, TEXT, at));
        assert_eq!(w.due(at), [(keys[AT_ONCE].clone(), TEXT)]);
        assert_eq!(w.due(at + AGAIN)[0], (keys[AT_ONCE].clone(), TEXT), "the longest due one");
    }
}
