//! How much of its thread's time one peer may take. Input beyond that waits in the peer's socket.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// The share of one peer, over all its connections. Time comes from the caller, who reads a
/// monotonic clock.
#[derive(Debug)]
pub struct Share {
    /// Of each second; `None`: all of it.
    percent: Option<u32>,
    /// Time that may be taken at once.
    burst: Duration,
    /// When what was taken is paid back.
    paid_at: Cell<Option<Instant>>,
}

impl Share {
    /// For a thread that has one peer only.
    pub const fn unlimited() -> Self {
        Self { percent: None, burst: Duration::ZERO, paid_at: Cell::new(None) }
    }

    /// `burst` at once, and `percent` of each second after that.
    pub const fn new(percent: u32, burst: Duration) -> Self {
        Self {
            percent: Some(if percent == 0 { 1 } else { percent }),
            burst,
            paid_at: Cell::new(None),
        }
    }

    /// Records the time that was spent on the peer.
    pub fn spend(&self, now: Instant, took: Duration) {
        let Some(percent) = self.percent else { return };
        let from = self.paid_at.get().map_or(now, |t| t.max(now));
        self.paid_at.set(from.checked_add(stretched(took, percent)));
    }

    /// How long the peer must wait before it is read again.
    pub fn wait(&self, now: Instant) -> Duration {
        let (Some(percent), Some(paid_at)) = (self.percent, self.paid_at.get()) else {
            return Duration::ZERO;
        };
        paid_at.saturating_duration_since(now).saturating_sub(stretched(self.burst, percent))
    }
}

/// The time in which a share of `percent` pays back what was taken.
fn stretched(took: Duration, percent: u32) -> Duration {
    took.saturating_mul(100) / percent
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_peer_waits_once_it_has_taken_more_than_its_burst() {
        let t = Instant::now();
        // Spent at a time after the beginning, and the wait after it.
        for (percent, burst, spent, want) in [
            (25, 100, &[(0, 50), (0, 50)][..], 0),
            (25, 100, &[(0, 100), (0, 10)], 40),
            (50, 100, &[(0, 100), (0, 10)], 20),
            (25, 100, &[(0, 110), (40, 0)], 0),
            (25, 0, &[(0, 1)], 4),
            // What was not used is not saved up beyond the burst.
            (25, 100, &[(10_000, 110)], 40),
            (0, 0, &[(0, 1)], 100),
        ] {
            let share = Share::new(percent, MS(burst));
            let mut now = t;
            for (at, took) in spent {
                now = t + MS(*at);
                share.spend(now, MS(*took));
            }
            assert_eq!(share.wait(now), MS(want), "{percent} {burst} {spent:?}");
        }
        let all = Share::unlimited();
        all.spend(t, MS(1_000_000));
        assert_eq!(all.wait(t), Duration::ZERO);
    }

    #[test]
    fn over_a_long_time_no_peer_takes_more_than_its_share() {
        let (t, share) = (Instant::now(), Share::new(20, MS(100)));
        let (mut now, mut taken) = (t, Duration::ZERO);
        while now < t + MS(10_000) {
            now += share.wait(now).max(MS(1));
            share.spend(now, MS(1));
            taken += MS(1);
        }
        assert!(taken <= MS(2_200), "{taken:?}");
    }
}
