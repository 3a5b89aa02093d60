//! Pings (TestRequest) that measure the link, and what is concluded from those without an answer.

use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::Duration,
};

/// A ping without an answer for this long, milliseconds: the way to the gateway is in doubt.
/// Prices cannot be pressed then, and another connection is dialled beside this one.
const DOUBT_MS: i64 = 800;
/// The same: the connection is given up.
const LOST_MS: i64 = 5_000;
/// The same at a plain venue, where a second logon may be refused, so nothing is dialled before.
const LOST_PLAIN_MS: i64 = 3_000;
/// Bounds of [`Pings::time_to_move`].
const MOVE_MIN_MS: i64 = 250;
const MOVE_MAX_MS: i64 = 1_000;

/// What the pings say about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Every ping was answered, or has time left.
    Good,
    /// The oldest one waits too long.
    Doubtful,
    /// It waits so long that the connection is given up.
    Lost,
}

/// A ping without an answer.
#[derive(Debug, Clone, Copy)]
struct Ping {
    sent: UtcMillis,
    /// For how long this laptop stood still since, milliseconds.
    stood_still_ms: i64,
}

#[derive(Debug, Default)]
pub(super) struct Pings {
    open: RefCell<HashMap<String, Ping>>,
    /// What the last answered ping took, milliseconds.
    round_trip_ms: Cell<i64>,
}

impl Pings {
    pub(super) fn sent(&self, id: String, at: UtcMillis) {
        self.open.borrow_mut().insert(id, Ping { sent: at, stood_still_ms: 0 });
    }

    /// When the answered ping was sent; `None` if it was not sent on this connection. Messages
    /// arrive in order, so the answers to earlier ones do not come any later.
    pub(super) fn answered(&self, id: &str, now: UtcMillis) -> Option<UtcMillis> {
        let mut open = self.open.borrow_mut();
        let Ping { sent, stood_still_ms } = open.remove(id)?;
        if stood_still_ms == 0 {
            self.round_trip_ms.set(now.since(sent));
        }
        open.retain(|_, other| other.sent > sent);
        Some(sent)
    }

    /// How long a connection that moved has to answer, before another one is dialled beside it: the
    /// gateway proves the address first, so an answer takes two round trips.
    pub(super) fn time_to_move(&self) -> Duration {
        let ms = self.round_trip_ms.get().saturating_mul(3).clamp(MOVE_MIN_MS, MOVE_MAX_MS);
        Duration::from_millis(ms.unsigned_abs())
    }

    /// Whether one waits for its answer.
    pub(super) fn is_waiting(&self) -> bool {
        !self.open.borrow().is_empty()
    }

    /// What the oldest one without an answer says.
    pub(super) fn pulse(&self, plain: bool, now: UtcMillis) -> Pulse {
        let lost = if plain { LOST_PLAIN_MS } else { LOST_MS };
        let waited = |p: &Ping| now.since(p.sent).saturating_sub(p.stood_still_ms);
        match self.open.borrow().values().map(waited).max() {
            Some(waited) if waited > lost => Pulse::Lost,
            Some(waited) if waited > DOUBT_MS => Pulse::Doubtful,
            _ => Pulse::Good,
        }
    }

    /// This laptop stood still for so long, milliseconds: no answer could be heard meanwhile, so
    /// that time does not count.
    pub(super) fn stood_still(&self, ms: i64) {
        for p in self.open.borrow_mut().values_mut() {
            p.stood_still_ms = p.stood_still_ms.saturating_add(ms);
        }
    }

    /// Forgets all pings, because a new connection does not answer those of the one before.
    pub(super) fn forget(&self) {
        self.open.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_without_an_answer_is_a_doubt_and_then_the_end() {
        let pings = Pings::default();
        assert_eq!(pings.pulse(false, UtcMillis(0)), Pulse::Good);
        pings.sent("a".into(), UtcMillis(1_000));
        pings.sent("b".into(), UtcMillis(3_000));
        for (at, plain, want) in [
            (1_800, false, Pulse::Good),
            (1_801, false, Pulse::Doubtful),
            (1_801, true, Pulse::Doubtful),
            (4_001, true, Pulse::Lost),
            (6_000, false, Pulse::Doubtful),
            (6_001, false, Pulse::Lost),
            // A clock that was set back says nothing.
            (-9_000, false, Pulse::Good),
        ] {
            assert_eq!(pings.pulse(plain, UtcMillis(at)), want, "{at} {plain}");
        }
        assert_eq!(pings.answered("b", UtcMillis(3_050)), Some(UtcMillis(3_000)));
        assert_eq!(pings.answered("a", UtcMillis(3_050)), None);
        assert!(!pings.is_waiting());
    }

    #[test]
    fn the_time_in_which_nothing_can_be_heard_does_not_count() {
        let pings = Pings::default();
        pings.sent("a".into(), UtcMillis(1_000));
        pings.stood_still(8_000);
        for (at, want) in [(9_800, Pulse::Good), (9_801, Pulse::Doubtful), (14_001, Pulse::Lost)] {
            assert_eq!(pings.pulse(false, UtcMillis(at)), want, "{at}");
        }
        // The clock is measured with when it was really sent, and the round trip is not.
        assert_eq!(pings.answered("a", UtcMillis(9_900)), Some(UtcMillis(1_000)));
        assert_eq!(pings.time_to_move(), Duration::from_millis(250));
    }

    #[test]
    fn the_time_to_move_follows_the_round_trip_within_bounds() {
        let pings = Pings::default();
        assert_eq!(pings.time_to_move(), Duration::from_millis(250));
        for (took, want) in [(41, 250), (84, 252), (300, 900), (334, 1_000), (9_000, 1_000)] {
            pings.sent("a".into(), UtcMillis(1_000));
            pings.answered("a", UtcMillis(1_000 + took));
            assert_eq!(pings.time_to_move(), Duration::from_millis(want), "{took}");
        }
        // A clock that was set back says nothing.
        pings.sent("a".into(), UtcMillis(1_000));
        pings.answered("a", UtcMillis(0));
        assert_eq!(pings.time_to_move(), Duration::from_millis(250));
    }
}
