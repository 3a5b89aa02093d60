//! Pings (TestRequest) that measure the link, and what is concluded from those without an answer.

use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// How often unanswered pings are looked at, milliseconds.
pub(super) const LOOK_MS: i64 = 100;
/// How often an idle connection is pinged, milliseconds: with the time that an answer has, a dead
/// path is known within three seconds.
const EVERY_MS: i64 = 2_000;
/// So many first pings come quickly, so that the clock is known before the first quote.
const FIRST: u32 = 3;
const FIRST_EVERY_MS: i64 = 300;
/// The same while a price can be pressed, one ping at a time: with [`answer_has_ms`] and two looks,
/// a dead path is known within one second.
const LIVE_EVERY_MS: i64 = 150;
/// The least time that an answer has while a price can be pressed, milliseconds.
const LATE_MIN_MS: i64 = 500;
/// So many round trips, of which the longest counts.
const RECENT: usize = 8;
/// A packet that was lost is sent again after about this and two round trips (RFC 6298, with the
/// least timeout of Linux), so one lost packet is no doubt.
const SENT_AGAIN_MS: i64 = 200;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pulse {
    /// Every ping was answered, or has time left.
    Good,
    /// The oldest one waits too long for prices to be pressed, and not so long that another
    /// connection is dialled: a token would ask for a touch at each short stall.
    Late,
    /// The oldest one waits too long.
    Doubtful,
    /// It waits so long that the connection is given up.
    Lost,
}

/// On what it depends whether another ping leaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextPing {
    /// Since the one before, milliseconds.
    pub since_ms: i64,
    /// How many have left.
    pub sent: u32,
    /// One has no answer yet.
    pub waiting: bool,
    /// A price is on screen that can be pressed.
    pub live: bool,
}

impl NextPing {
    pub(super) fn is_due(self) -> bool {
        let hurries = self.live && !self.waiting && self.since_ms >= LIVE_EVERY_MS;
        hurries || self.since_ms >= usual_interval_ms(self.sent)
    }
}

/// How long after the ping before, of which so many have left, one leaves in any case.
pub(super) fn usual_interval_ms(sent: u32) -> i64 {
    if sent < FIRST { FIRST_EVERY_MS } else { EVERY_MS }
}

/// How long an answer may take while a price can be pressed.
fn answer_has_ms(round_trip_ms: i64) -> i64 {
    let one_lost = round_trip_ms.saturating_mul(3).saturating_add(SENT_AGAIN_MS);
    one_lost.clamp(LATE_MIN_MS, DOUBT_MS)
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
    /// The same of a few before it: a network in motion answers quickly once and slowly after.
    recent_ms: RefCell<VecDeque<i64>>,
    /// When the latest one that was answered was sent.
    heard: Cell<Option<UtcMillis>>,
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
            let took = now.since(sent);
            self.round_trip_ms.set(took);
            let mut recent = self.recent_ms.borrow_mut();
            recent.push_back(took);
            if recent.len() > RECENT {
                recent.pop_front();
            }
        }
        open.retain(|_, other| other.sent > sent);
        self.heard.set(self.heard.get().max(Some(sent)));
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

    /// Whether one that was sent then or later is waited for, and none of those was answered. While
    /// prices can be pressed the next one may leave as soon as one is answered.
    pub(super) fn is_silent_since(&self, then: UtcMillis) -> bool {
        self.is_waiting() && self.heard.get().is_none_or(|sent| sent < then)
    }

    /// What the oldest one without an answer says; `live`: a price can be pressed.
    pub(super) fn pulse(&self, plain: bool, live: bool, now: UtcMillis) -> Pulse {
        let lost = if plain { LOST_PLAIN_MS } else { LOST_MS };
        let longest = self.recent_ms.borrow().iter().copied().max().unwrap_or(0);
        let late = if live { answer_has_ms(longest) } else { DOUBT_MS };
        let waited = |p: &Ping| now.since(p.sent).saturating_sub(p.stood_still_ms);
        match self.open.borrow().values().map(waited).max() {
            Some(waited) if waited > lost => Pulse::Lost,
            Some(waited) if waited > DOUBT_MS => Pulse::Doubtful,
            Some(waited) if waited > late => Pulse::Late,
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
        assert_eq!(pings.pulse(false, false, UtcMillis(0)), Pulse::Good);
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
            assert_eq!(pings.pulse(plain, false, UtcMillis(at)), want, "{at} {plain}");
        }
        assert_eq!(pings.answered("b", UtcMillis(3_050)), Some(UtcMillis(3_000)));
        assert_eq!(pings.answered("a", UtcMillis(3_050)), None);
        assert!(!pings.is_waiting());
    }

    #[test]
    fn while_a_price_can_be_pressed_an_answer_is_late_sooner() {
        for (round_trip, late_after) in
            [(0, 500), (41, 500), (100, 500), (101, 503), (150, 650), (199, 797), (9_000, 800)]
        {
            let pings = Pings::default();
            pings.sent("a".into(), UtcMillis(1_000));
            pings.answered("a", UtcMillis(1_000 + round_trip));
            pings.sent("b".into(), UtcMillis(20_000));
            for (waited, live, want) in [
                (late_after, true, Pulse::Good),
                (
                    late_after + 1,
                    true,
                    if late_after < 800 { Pulse::Late } else { Pulse::Doubtful },
                ),
                (800, false, Pulse::Good),
                (801, false, Pulse::Doubtful),
                (801, true, Pulse::Doubtful),
                (5_001, true, Pulse::Lost),
            ] {
                let pulse = pings.pulse(false, live, UtcMillis(20_000 + waited));
                assert_eq!(pulse, want, "{round_trip} {waited} {live}");
            }
        }
    }

    #[test]
    fn another_ping_leaves_in_time() {
        for (since_ms, sent, waiting, live, due) in [
            (299, 0, false, false, false),
            (300, 0, false, false, true),
            (300, 2, true, false, true),
            (300, 3, false, false, false),
            (1_999, 3, false, false, false),
            (2_000, 3, false, false, true),
            (2_000, 3, true, true, true),
            // While a price can be pressed, after each answer.
            (149, 3, false, true, false),
            (150, 3, false, true, true),
            (150, 0, false, true, true),
            (1_999, 3, true, true, false),
            // A clock that was set back says nothing.
            (-9_000, 3, false, true, false),
        ] {
            let next = NextPing { since_ms, sent, waiting, live };
            assert_eq!(next.is_due(), due, "{next:?}");
        }
    }

    /// How long after the path has died the answer is late, when an answer that arrived before was
    /// the last one.
    fn known_after(round_trip: i64, died: i64) -> i64 {
        let pings = Pings::default();
        let (mut sent, mut pinged) = (0u32, 0i64);
        for at in (0i64..).step_by(10) {
            let arrives = pinged + round_trip;
            if sent > 0 && pings.is_waiting() && arrives <= at && arrives <= died {
                pings.answered(&sent.to_string(), UtcMillis(arrives));
            }
            if at % LOOK_MS != 0 {
                continue;
            }
            if at > died && pings.pulse(false, true, UtcMillis(at)) != Pulse::Good {
                return at - died;
            }
            let (since_ms, waiting) = (at - pinged, pings.is_waiting());
            if (NextPing { since_ms, sent, waiting, live: true }).is_due() {
                (pinged, sent) = (at, sent + 1);
                pings.sent(sent.to_string(), UtcMillis(at));
            }
        }
        unreachable!()
    }

    #[test]
    fn a_price_is_not_pressable_for_more_than_a_second_after_the_path_has_died() {
        for (round_trip, most) in
            [(0, 999), (20, 999), (41, 999), (100, 999), (150, 999), (300, 1_100), (700, 1_100)]
        {
            for died in (9_000..10_000).step_by(10) {
                let ms = known_after(round_trip, died);
                assert!((0..=most).contains(&ms), "{round_trip} {died}: {ms}");
            }
        }
    }

    #[test]
    fn the_time_in_which_nothing_can_be_heard_does_not_count() {
        let pings = Pings::default();
        pings.sent("a".into(), UtcMillis(1_000));
        pings.stood_still(8_000);
        for (at, want) in [(9_800, Pulse::Good), (9_801, Pulse::Doubtful), (14_001, Pulse::Lost)] {
            assert_eq!(pings.pulse(false, false, UtcMillis(at)), want, "{at}");
        }
        // The clock is measured with when it was really sent, and the round trip is not.
        assert_eq!(pings.answered("a", UtcMillis(9_900)), Some(UtcMillis(1_000)));
        assert_eq!(pings.time_to_move(), Duration::from_millis(250));
    }

    #[test]
    fn an_answer_ends_the_silence_also_when_the_next_ping_has_left() {
        let pings = Pings::default();
        assert!(!pings.is_silent_since(UtcMillis(1_000)), "nothing was asked");
        pings.sent("a".into(), UtcMillis(900));
        pings.sent("b".into(), UtcMillis(1_000));
        for (answered, then, silent) in [
            (None, 1_000, true),
            // One that was sent over the way before.
            (Some("a"), 1_000, true),
            (Some("a"), 900, false),
            (Some("b"), 1_000, false),
            (Some("b"), 1_001, true),
        ] {
            if let Some(id) = answered {
                pings.answered(id, UtcMillis(1_100));
            }
            pings.sent("c".into(), UtcMillis(1_100));
            let found = pings.is_silent_since(UtcMillis(then));
            assert_eq!(found, silent, "{answered:?} {then}");
        }
        assert_eq!(pings.answered("c", UtcMillis(1_150)), Some(UtcMillis(1_100)));
        assert!(!pings.is_silent_since(UtcMillis(1_200)), "nothing is waited for");
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
