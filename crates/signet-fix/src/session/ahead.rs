//! Frames that came ahead of their number, kept as they came until the gap before them is closed.
//!
//! The engine would keep them without a bound, and unwind its queue by recursion. So none of them
//! reaches it: they wait here, within limits per session and for the whole process.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Frames that wait for a gap to close, per session.
pub(super) const MAX_AHEAD: usize = 1_024;
/// Their bytes.
pub(super) const MAX_AHEAD_BYTES: usize = 1024 * 1024;
/// Bytes that wait in all sessions of the process together.
const MAX_TOTAL_BYTES: usize = 64 * 1024 * 1024;
/// Approximate cost of keeping a frame, beside its bytes.
const OVERHEAD: usize = 96;

static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// A frame that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    Frame(Vec<u8>),
    /// The beginning of one that was too long to be taken.
    TooLong(Vec<u8>),
    /// Nothing: the Logon of this connection had the number, and has been dealt with.
    Done,
}

impl Held {
    fn cost(&self) -> usize {
        let bytes = match self {
            Self::Frame(bytes) | Self::TooLong(bytes) => bytes.len(),
            Self::Done => 0,
        };
        bytes + OVERHEAD
    }
}

#[derive(Debug)]
pub(super) struct Ahead {
    frames: BTreeMap<u64, Held>,
    bytes: usize,
    /// Counts the bytes of several sessions.
    total: &'static AtomicUsize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self::counted_in(&TOTAL)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Ahead {
    fn counted_in(total: &'static AtomicUsize) -> Self {
        Self { frames: BTreeMap::new(), bytes: 0, total }
    }

    /// Keeps a frame under its number. `false`, and the peer is asked for it again later: one is
    /// kept under that number, or too much is kept.
    pub(crate) fn keep(&mut self, number: u64, frame: Held) -> bool {
        let cost = frame.cost();
        if self.frames.len() >= MAX_AHEAD
            || self.bytes + cost > MAX_AHEAD_BYTES
            || self.frames.contains_key(&number)
        {
            return false;
        }
        let counted = self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |t| {
            Some(t + cost).filter(|t| *t <= MAX_TOTAL_BYTES)
        });
        if counted.is_err() {
            return false;
        }
        self.bytes += cost;
        self.frames.insert(number, frame);
        true
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<Held> {
        let frame = self.frames.remove(&number)?;
        self.uncount(frame.cost());
        Some(frame)
    }

    /// Forgets what is behind the number expected: a gap fill passed over it.
    pub(crate) fn forget_below(&mut self, expected: u64) {
        while let Some(first) = self.frames.first_entry().filter(|e| *e.key() < expected) {
            let cost = first.remove().cost();
            self.uncount(cost);
        }
    }

    /// The lowest number that waits.
    pub(crate) fn first(&self) -> Option<u64> {
        self.frames.keys().next().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.uncount(self.bytes);
    }

    fn uncount(&mut self, cost: usize) {
        self.bytes -= cost;
        self.total.fetch_sub(cost, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(b: &[u8]) -> Held {
        Held::Frame(b.to_vec())
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_say_and_the_first_of_a_number_stays() {
        static OWN: AtomicUsize = AtomicUsize::new(0);
        let mut a = Ahead::counted_in(&OWN);
        assert!(a.keep(7, frame(b"first")) && !a.keep(7, frame(b"second")));
        assert_eq!((a.first(), a.take(7), a.take(7)), (Some(7), Some(frame(b"first")), None));
        let large = vec![0; MAX_AHEAD_BYTES / 4 - OVERHEAD];
        assert!((0..4).all(|n| a.keep(n, frame(&large))) && !a.keep(4, frame(b"x")));
        a.forget_below(2);
        assert_eq!((a.frames.len(), a.bytes), (2, MAX_AHEAD_BYTES / 2));
        a.clear();
        assert!(
            (0..MAX_AHEAD as u64).all(|n| a.keep(n, frame(b"x"))) && !a.keep(u64::MAX, frame(b"x"))
        );
        a.forget_below(u64::MAX);
        assert_eq!((a.frames.len(), a.bytes, OWN.load(Ordering::Relaxed)), (0, 0, 0));
    }

    #[test]
    fn all_sessions_together_keep_no_more_than_the_total() {
        static OWN: AtomicUsize = AtomicUsize::new(0);
        let large = vec![0; MAX_AHEAD_BYTES - OVERHEAD];
        let mut all: Vec<Ahead> =
            (0..MAX_TOTAL_BYTES / MAX_AHEAD_BYTES).map(|_| Ahead::counted_in(&OWN)).collect();
        assert!(all.iter_mut().all(|a| a.keep(1, Held::TooLong(large.clone()))));
        let mut one_more = Ahead::counted_in(&OWN);
        assert!(!one_more.keep(1, frame(b"x")));
        all.pop();
        assert!(one_more.keep(1, frame(b"x")));
        drop((all, one_more));
        assert_eq!(OWN.load(Ordering::Relaxed), 0);
    }
}
