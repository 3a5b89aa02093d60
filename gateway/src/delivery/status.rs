//! How far each receiver is: told by the thread that delivers, read by whoever looks on.

use signet_rfq::UtcMillis;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiverState {
    /// Its name in the configuration.
    pub name: String,
    /// Since when it fails; `None`: it takes what it is sent.
    pub away_since: Option<UtcMillis>,
    /// What it does not have yet.
    pub waiting: u64,
    /// When the oldest of these happened, microseconds.
    pub oldest_us: Option<i64>,
}

/// The receivers of one queue.
#[derive(Debug)]
pub(crate) struct DeliveryStatus(Mutex<Vec<ReceiverState>>);

impl DeliveryStatus {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let one = |name: &str| ReceiverState {
            name: name.into(),
            away_since: None,
            waiting: 0,
            oldest_us: None,
        };
        Self(Mutex::new(names.into_iter().map(one).collect()))
    }

    /// Every receiver, as it is.
    pub(crate) fn all(&self) -> Vec<ReceiverState> {
        self.lock().clone()
    }

    /// Most that waits for one receiver.
    pub(crate) fn depth(&self) -> u64 {
        self.lock().iter().map(|r| r.waiting).max().unwrap_or(0)
    }

    /// One more waits for every receiver.
    pub(crate) fn appended(&self, at_us: i64) {
        for r in self.lock().iter_mut() {
            r.waiting = r.waiting.saturating_add(1);
            r.oldest_us.get_or_insert(at_us);
        }
    }

    /// So much waits for a receiver, the oldest since then.
    pub(crate) fn waits(&self, which: usize, waiting: u64, oldest_us: Option<i64>) {
        if let Some(r) = self.lock().get_mut(which) {
            r.waiting = waiting;
            r.oldest_us = oldest_us.filter(|_| waiting > 0);
        }
    }

    /// A receiver failed.
    pub(crate) fn failed(&self, which: usize, now: UtcMillis) {
        if let Some(r) = self.lock().get_mut(which) {
            r.away_since.get_or_insert(now);
        }
    }

    /// A receiver has taken something.
    pub(crate) fn works(&self, which: usize) {
        if let Some(r) = self.lock().get_mut(which) {
            r.away_since = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ReceiverState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_receiver_has_its_own_state() {
        let s = DeliveryStatus::new(["a", "b"]);
        s.appended(10);
        s.appended(20);
        s.failed(1, UtcMillis(5));
        s.failed(1, UtcMillis(9));
        s.waits(0, 1, Some(20));
        let state = |name: &str, away_since: Option<i64>, waiting, oldest_us| ReceiverState {
            name: name.into(),
            away_since: away_since.map(UtcMillis),
            waiting,
            oldest_us,
        };
        assert_eq!(s.all(), [state("a", None, 1, Some(20)), state("b", Some(5), 2, Some(10))]);
        assert_eq!(s.depth(), 2);
        s.works(1);
        s.waits(1, 0, Some(10));
        s.waits(7, 1, None);
        assert_eq!(s.all()[1], state("b", None, 0, None));
    }
}
