//! The wall clock that quotes and accepts are judged by, beside the steady one: that it was set is
//! said before anything is judged by it.

use super::Pipeline;
use crate::clock::{now, steady};
use signet_events::About;
use signet_rfq::UtcMillis;
use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

/// Wall clock and steady clock may part by so much between two looks.
const CLOCK_STEP_MS: i64 = 2_000;

/// What the last look found.
#[derive(Debug)]
pub(super) struct ClockWatch {
    last: Cell<(Instant, UtcMillis)>,
    /// It was set, and sessions were not judged again since.
    set: Cell<bool>,
    /// It was set, and leases were not ended since.
    leases: Cell<bool>,
}

impl ClockWatch {
    pub(super) fn new(now: (Instant, UtcMillis)) -> Self {
        Self { last: Cell::new(now), set: Cell::new(false), leases: Cell::new(false) }
    }

    /// By how much the wall clock was set since the last look, if it was.
    fn look(&self, (steady, wall): (Instant, UtcMillis)) -> Option<i64> {
        let (before, then) = self.last.replace((steady, wall));
        let by = stepped(steady.saturating_duration_since(before), wall.since(then));
        if by.is_some() {
            self.set.set(true);
            self.leases.set(true);
        }
        by
    }

    /// Whether sessions are to be judged again.
    pub(super) fn take_set(&self) -> bool {
        self.set.take()
    }
}

impl Pipeline {
    /// Looks at both clocks. Cheap: it is done before each message and each tick.
    pub(super) fn look_at_clock(&self) {
        let Some(ms) = self.clock.look((steady(), now())) else { return };
        tracing::error!(
            alert = true,
            ms,
            "the gateway's clock was set; every touch counts as too long ago"
        );
        let words = format!("by {ms} ms; all leases ended");
        self.events.gateway("clock.stepped", About::object("gateway"), words);
        if ms < 0 {
            self.clock_set_back(ms.saturating_neg());
        }
    }

    /// Every touch counts as too long ago when the clock was set.
    pub(super) fn end_leases_of_another_clock(self: &Rc<Self>) {
        if self.clock.leases.take() {
            self.step_up_clock_set();
        }
    }
}

/// By how much the wall clock was set since the last look, if it was.
fn stepped(steady: Duration, wall_ms: i64) -> Option<i64> {
    let steady_ms = i64::try_from(steady.as_millis()).unwrap_or(i64::MAX);
    let by = wall_ms.saturating_sub(steady_ms);
    (by.unsigned_abs() > CLOCK_STEP_MS.unsigned_abs()).then_some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_is_late() {
        for (steady_ms, wall_ms, want) in [
            (1_000, 1_000, None),
            (1_000, 3_000, None),
            (1_000, 3_001, Some(2_001)),
            (1_000, -1_001, Some(-2_001)),
            // A machine that stood still: both clocks say so.
            (60_000, 60_500, None),
            (0, i64::MIN, Some(i64::MIN)),
        ] {
            assert_eq!(
                stepped(Duration::from_millis(steady_ms), wall_ms),
                want,
                "{steady_ms} {wall_ms}"
            );
        }
    }

    #[test]
    fn a_step_is_noticed_at_the_next_look_and_said_once() {
        let (steady, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let at = |s: u64, wall_ms: i64| (steady + Duration::from_secs(s), wall + wall_ms);
        let clock = ClockWatch::new(at(0, 0));
        assert_eq!(clock.look(at(1, 1_000)), None);
        assert_eq!(clock.look(at(1, 3_601_000)), Some(3_600_000));
        assert_eq!(clock.look(at(2, 3_602_000)), None);
        assert!(clock.take_set() && !clock.take_set());
        assert_eq!(clock.look(at(2, 2_000)), Some(-3_600_000));
        assert!(clock.leases.take() && clock.take_set());
    }
}
