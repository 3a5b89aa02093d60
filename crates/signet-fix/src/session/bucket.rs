//! A token bucket: so many at once, and so many per second after that.

use std::time::{Duration, Instant};

/// Time comes from the caller, who reads a monotonic clock.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    capacity: u32,
    /// Time for one token to come back.
    refill: Duration,
    /// When the bucket was, or will be, full; `None`: it is full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket of `capacity` tokens, each of which takes `refill` to come back.
    pub const fn new(capacity: u32, refill: Duration) -> Self {
        Self { capacity, refill, full_at: None }
    }

    /// Takes `cost` tokens; `false`, and none taken, when there are not so many.
    pub fn take(&mut self, now: Instant, cost: u32) -> bool {
        let from = self.full_at.map_or(now, |t| t.max(now));
        let Some(full_at) = self.refill.checked_mul(cost).and_then(|d| from.checked_add(d)) else { return false };
        if full_at.duration_since(now) > self.refill.saturating_mul(self.capacity) {
            return false;
        }
        self.full_at = Some(full_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_run_out_and_come_back_with_time_up_to_the_capacity() {
        let t = Instant::now();
        let mut b = Bucket::new(3, Duration::from_secs(2));
        assert!((0..3).all(|_| b.take(t, 1)) && !b.take(t, 1));
        assert!(!b.take(t + Duration::from_millis(1_999), 1));
        assert!(b.take(t + Duration::from_secs(2), 1) && !b.take(t + Duration::from_secs(2), 1));
        let later = t + Duration::from_secs(1_000);
        assert!(!b.take(later, 4) && b.take(later, 3) && !b.take(later, 1));
        assert!(!b.take(later, u32::MAX));
        assert!(b.take(later, 0));
    }
}
