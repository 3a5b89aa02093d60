//! RFQs that are withdrawn because their desk was cut off, where `risk.open_rfqs` says so. One
//! whose end could not be written down is tried again until it is, or until it has ended otherwise.

use super::{Pipeline, rfq_ends::AGAIN};
use crate::{clock::steady, config::OpenRfqs};
use signet_identity::CompId;
use signet_rfq::RfqId;
use signet_router::Router;
use std::{collections::BTreeMap, time::Instant};

/// Tried again at one tick, on the trading thread: every desk may have been cut off.
const AT_ONCE: usize = 32;

/// An RFQ, and the desk that was cut off, which calls it so.
type Key = (CompId, RfqId);

/// Those that could not be ended so far. As many as were open.
#[derive(Debug, Default)]
pub(super) struct Withdrawals(BTreeMap<Key, Waiting>);

#[derive(Debug)]
struct Waiting {
    /// What its desk and the journal are told.
    text: &'static str,
    due: Instant,
}

impl Withdrawals {
    /// It could not be ended now.
    fn failed(&mut self, key: Key, text: &'static str, at: Instant) {
        self.0.insert(key, Waiting { text, due: at.checked_add(AGAIN).unwrap_or(at) });
    }

    /// Those that are to be tried again now, the longest due ones first.
    fn due(&self, at: Instant) -> Vec<(Key, &'static str)> {
        let mut due: Vec<_> = self.0.iter().filter(|(_, w)| w.due <= at).collect();
        due.sort_by_key(|(_, w)| w.due);
        due.into_iter().take(AT_ONCE).map(|(key, w)| (key.clone(), w.text)).collect()
    }

    fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

/// What an RFQ of a desk that was cut off is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has ended, or is another desk's.
    Over,
    /// Its accept waits for its answer.
    InFlight,
    Open,
}

impl Standing {
    fn of(router: &Router, (desk, rfq): &Key) -> Self {
        match router.open_as(desk, rfq) {
            Some((has, rfq)) if has == desk && rfq.in_flight() => Self::InFlight,
            Some((has, _)) if has == desk => Self::Open,
            _ => Self::Over,
        }
    }
}

impl Pipeline {
    /// Ends the open RFQs of a desk that is about to be cut off, unless `risk.open_rfqs` keeps
    /// them. An accept in flight ends by its dealer's word either way.
    pub(super) fn withdraw_by_setting(&self, desk: &CompId, text: &'static str) {
        if self.risk.open_rfqs() != OpenRfqs::Withdraw {
            return;
        }
        for rfq in self.router.with(|r| r.withdrawable(desk)) {
            self.withdraw((desk.clone(), rfq), text);
        }
    }

    /// Those whose end could not be written down are tried again.
    pub(super) fn withdrawals_tick(&self) {
        let due = self.withdrawals.borrow().due(steady());
        for (key, text) in due {
            match self.router.with(|r| Standing::of(r, &key)) {
                Standing::Open => self.withdraw(key, text),
                // The others must not wait behind it.
                Standing::InFlight => self.withdrawals.borrow_mut().failed(key, text, steady()),
                Standing::Over => self.withdrawals.borrow_mut().forget(&key),
            }
        }
    }

    fn withdraw(&self, key: Key, text: &'static str) {
        self.end_rfq(key.0.clone(), key.1.clone(), text);
        let standing = self.router.with(|r| Standing::of(r, &key));
        let mut waiting = self.withdrawals.borrow_mut();
        match standing {
            Standing::Over => waiting.forget(&key),
            _ => waiting.failed(key, text, steady()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rfq_ends::test_double::{NOW, accept, router};
    use signet_fix::{AppMessage, message::TakeOver};
    use signet_router::{Decided, Input};
    use std::time::Duration;

    const TEXT: &str = "withdrawn";

    fn key(desk: &str, rfq: &str) -> Key {
        (CompId::new(desk).unwrap(), RfqId::new(rfq).unwrap())
    }

    #[test]
    fn table_of_what_is_withdrawn_at_another_try() {
        let (alice, r1) = key("ALICE1", "R1");
        let cancel = AppMessage::RfqCancel { rfq: r1.clone(), text: None };
        let taken =
            TakeOver { rfq: RfqId::new("B1").unwrap(), desk: alice.clone(), of: r1, at: NOW };
        let bob = CompId::new("BOB1").unwrap();
        for (name, input, at, want) in [
            ("as it was", Input::Tick, NOW, Standing::Open),
            ("an accept", Input::Decided(alice.clone(), accept("R1")), NOW, Standing::InFlight),
            ("cancelled", Input::FromDesk(alice, cancel), NOW, Standing::Over),
            ("its time is up", Input::Tick, NOW + 60_000, Standing::Over),
            ("a colleague's", Input::Decided(bob, Decided::TakeOver(taken)), NOW, Standing::Over),
        ] {
            let mut r = router();
            r.handle(at, input);
            assert_eq!(Standing::of(&r, &key("ALICE1", "R1")), want, "{name}");
        }
        assert_eq!(Standing::of(&router(), &key("ALICE1", "R2")), Standing::Over);
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
