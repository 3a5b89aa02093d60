//! Frames that came before their turn, as they came.
//!
//! The engine keeps their messages until the gap before them is closed, and gives them back written anew, which no signature
//! survives. So the bytes are kept here, and what is acted on is read from them.

use std::collections::BTreeMap;

/// Frames that wait for a gap to close, per session.
pub(super) const MAX_AHEAD: usize = 4_096;
/// Their bytes.
pub(super) const MAX_AHEAD_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Ahead {
    frames: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Ahead {
    /// Keeps a frame under its number. `false` when it must not reach the engine: another is kept under that number, and the
    /// engine's copy must be of the same one; or too much is kept. Either way the peer is asked for it again.
    pub fn keep(&mut self, number: u64, frame: &[u8]) -> bool {
        let fits = self.frames.len() < MAX_AHEAD && self.bytes + frame.len() <= MAX_AHEAD_BYTES;
        if !fits || self.frames.contains_key(&number) {
            return false;
        }
        self.bytes += frame.len();
        self.frames.insert(number, frame.to_vec());
        true
    }

    pub fn take(&mut self, number: u64) -> Option<Vec<u8>> {
        let frame = self.frames.remove(&number)?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// Forgets what is behind the number expected: the engine refused it, or a gap fill passed over it.
    pub fn forget_below(&mut self, expected: u64) {
        while let Some(first) = self.frames.first_entry().filter(|e| *e.key() < expected) {
            self.bytes -= first.remove().len();
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_the_bounds_say_and_the_first_of_a_number_stays() {
        let mut a = Ahead::default();
        assert!(a.keep(7, b"first") && !a.keep(7, b"second"));
        assert_eq!(a.take(7).as_deref(), Some(&b"first"[..]));
        assert_eq!(a.take(7), None);
        let large = vec![0; MAX_AHEAD_BYTES / 4];
        assert!((0..4).all(|n| a.keep(n, &large)) && !a.keep(4, b"x"));
        a.forget_below(2);
        assert_eq!((a.frames.len(), a.bytes), (2, 2 * large.len()));
        a.clear();
        assert!((0..MAX_AHEAD as u64).all(|n| a.keep(n, b"x")) && !a.keep(u64::MAX, b"x"));
        a.forget_below(u64::MAX);
        assert_eq!((a.frames.len(), a.bytes), (0, 0));
    }
}
