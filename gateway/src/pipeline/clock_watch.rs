//! The wall clock that quotes and accepts are judged by, beside the steady one: that it was set is
//! said before anything is judged by it.

use super::Pipeline;
use crate::clock::{now, steady};
use signet_events::About;
use signet_rfq::UtcMillis;
use signet_router::{CLOCK_CORRECTED_PART, CLOCK_STEP_MS};
use std::{cell::Cell, rc::Rc, time::Instant};

/// What the last look found.
#[derive(Debug)]
pub(super) struct ClockWatch {
    /// When the gateway started.
    began: Instant,
    last: Cell<(Instant, UtcMillis)>,
    /// By how much the wall clock has gained in small steps, in parts of a millisecond.
    gained: Cell<i64>,
    /// It was set, and sessions were not judged again since.
    set: Cell<bool>,
    /// It was set, and leases were not ended since.
    leases: Cell<bool>,
}

impl ClockWatch {
    pub(super) fn new(now: (Instant, UtcMillis)) -> Self {
        let began = now.0;
        let (set, leases) = (Cell::new(false), Cell::new(false));
        Self { began, last: Cell::new(now), gained: Cell::new(0), set, leases }
    }

    /// By how much the wall clock was set since the last look, if it was.
    fn look(&self, (steady, wall): (Instant, UtcMillis)) -> Option<i64> {
        let (before, then) = self.last.replace((steady, wall));
        // Whole milliseconds since the start: what is cut off each time would add up.
        let passed = self.run_ms(steady).saturating_sub(self.run_ms(before)).max(0);
        let (gained, by) = stepped(self.gained.get(), passed, wall.since(then));
        self.gained.set(gained);
        if by.is_some() {
            self.set.set(true);
            self.leases.set(true);
        }
        by
    }

    fn run_ms(&self, steady: Instant) -> i64 {
        let run = steady.saturating_duration_since(self.began);
        i64::try_from(run.as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether sessions are to be judged again.
    pub(super) fn take_set(&self) -> bool {
        self.set.take()
    }
}

impl Pipeline {
    /// Looks at both clocks. Cheap: it is done before each message and each tick.
    pub(super) fn look_at_clock(&self) {
        let clocks = (steady(), now());
        // By the steady one the router forgets, and judges which day it is.
        self.router.clocks(clocks.1, clocks.0.saturating_duration_since(self.clock.began));
        let Some(ms) = self.clock.look(clocks) else { return };
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

/// What the wall clock has gained by now in small steps, of what it had `gained` before; and by how
/// much it was set, if it was.
fn stepped(gained: i64, steady_ms: i64, wall_ms: i64) -> (i64, Option<i64>) {
    let by = wall_ms.saturating_sub(steady_ms);
    let is_step = |ms: i64| ms.unsigned_abs() > CLOCK_STEP_MS.unsigned_abs();
    if is_step(by) {
        return (0, Some(by));
    }
    let left = gained.saturating_abs().saturating_sub(steady_ms).max(0);
    let left = gained.signum().saturating_mul(left);
    let gained = left.saturating_add(by.saturating_mul(CLOCK_CORRECTED_PART));
    let by = gained / CLOCK_CORRECTED_PART;
    if is_step(by) { (0, Some(by)) } else { (gained, None) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
            assert_eq!(stepped(0, steady_ms, wall_ms).1, want, "{steady_ms} {wall_ms}");
        }
    }

    #[test]
    fn small_steps_that_add_up_are_a_step_and_a_correction_bit_by_bit_is_none() {
        let (steady, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let steps = |gains: &dyn Fn(i64) -> i64, every_us: u64| -> Vec<i64> {
            let clock = ClockWatch::new((steady, wall));
            let looks = (1..=10_000u64).zip(1i64..).filter_map(|(n, i)| {
                let passed = Duration::from_micros(n * every_us);
                let ms = i64::try_from(passed.as_millis()).unwrap();
                clock.look((steady + passed, wall + ms + gains(i)))
            });
            looks.collect()
        };
        // 1.9 seconds at each look, in both directions: every second look tells it.
        assert_eq!(steps(&|n| n * 1_900, 100_000), [3_790; 5_000]);
        assert_eq!(steps(&|n| n * -1_900, 100_000), [-3_790; 5_000]);
        // A twelfth of what passes, one look after another; looks closer than the clock's unit; and
        // a clock that goes there and back.
        assert!(steps(&|n| n * 100 / 12, 100_000).is_empty());
        assert!(steps(&|n| n * -100 / 12, 100_000).is_empty());
        assert!(steps(&|n| n / 20, 1_000).is_empty());
        assert!(steps(&|_| 0, 600).is_empty());
        assert!(steps(&|n| (n % 2) * 1_900, 100_000).is_empty());
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
