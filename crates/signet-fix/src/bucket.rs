//! A token bucket: a number at once, then a rate per second.

use std::time::{Duration, Instant};

/// Time comes from the caller, who reads a monotonic clock.
#[derive(Debug, Clone)]
pub struct Bucket {
    capacity: u32,
    /// Time for one token to come back.
    refill: Duration,
    /// When the bucket was, or will be, full; `None`: the bucket is full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket of `capacity` tokens, each of which takes `refill` to come back.
    pub const fn new(capacity: u32, refill: Duration) -> Self {
        Self { capacity, refill, full_at: None }
    }

    /// A full bucket of `burst` tokens, of which `per_second` come back each second.
    pub fn per_second(burst: u32, per_second: u32) -> Self {
        Self::new(burst, Duration::from_secs(1) / per_second.max(1))
    }

    /// Takes `cost` tokens; `false`, and takes none, when fewer are there.
    pub fn take(&mut self, now: Instant, cost: u32) -> bool {
        let from = self.full_at.map_or(now, |t| t.max(now));
        let Some(full_at) = self.refill.checked_mul(cost).and_then(|d| from.checked_add(d)) else {
            return false;
        };
        if full_at.duration_since(now) > self.refill.saturating_mul(self.capacity) {
            return false;
        }
        self.full_at = Some(full_at);
        true
    }

    /// Takes `cost` tokens, and owes those that are not there: none is taken before they are back.
    pub fn charge(&mut self, now: Instant, cost: u32) {
        let from = self.full_at.map_or(now, |t| t.max(now));
        let full_at = self.refill.checked_mul(cost).and_then(|d| from.checked_add(d));
        self.full_at = full_at.or(self.full_at);
    }

    /// Whether every token is there: such a bucket may be dropped and made again.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|t| t <= now)
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

    #[test]
    fn what_is_charged_beyond_the_tokens_is_owed() {
        let t = Instant::now();
        let mut b = Bucket::new(3, Duration::from_secs(2));
        b.charge(t, 5);
        assert!(!b.take(t + Duration::from_millis(5_999), 1));
        assert!(b.take(t + Duration::from_secs(6), 1) && !b.take(t + Duration::from_secs(6), 1));
        b.charge(t + Duration::from_secs(1_000), 1);
        assert!(b.take(t + Duration::from_secs(1_000), 2));
    }

    #[test]
    fn a_bucket_is_full_again_when_its_last_token_is_back() {
        let t = Instant::now();
        let mut b = Bucket::per_second(10, 5);
        assert!(b.is_full(t) && b.take(t, 10) && !b.is_full(t));
        assert!(
            !b.is_full(t + Duration::from_millis(1_999)) && b.is_full(t + Duration::from_secs(2))
        );
    }
}
