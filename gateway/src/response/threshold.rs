//! When failures are too many.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many failures within which time are too many; 0: any number is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threshold {
    pub(super) max: usize,
    pub(super) window: Duration,
}

impl Threshold {
    /// Counts one more; whether that is too many. If so, it begins again.
    pub(super) fn reached(self, times: &mut VecDeque<Instant>, now: Instant) -> bool {
        if self.max == 0 {
            return false;
        }
        times.retain(|at| now.saturating_duration_since(*at) < self.window);
        times.push_back(now);
        let reached = times.len() >= self.max;
        if reached {
            times.clear();
        }
        reached
    }
}
