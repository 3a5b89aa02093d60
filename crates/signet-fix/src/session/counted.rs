//! The number that is expected of the peer next, which is written down only when what came under
//! the numbers before it was dealt with.
//!
//! The engine counts a message before the owner of the session has acted on it and has written down
//! what it must know after a restart. Were the number on the disk by then, a process that is killed
//! in between would never ask for that message again. So the engine's number is in memory only, and
//! the one on the disk follows it once the events were handled. After a kill the peer is asked for
//! everything from that number on; of that, one message at most was acted on before, unless numbers
//! went back meanwhile.

use crate::store::{SessionStore, StoreError};
use signet_rfq::UtcMillis;

/// A store whose number expected next may be behind the one that the engine goes by.
pub(super) struct Counted {
    store: Box<dyn SessionStore>,
    /// The number expected next, where it is not the one in the store.
    ahead: Option<u64>,
    /// A number became lower since everything was last dealt with, so what is being dealt with may
    /// have come under a number that is used again.
    went_back: bool,
}

impl Counted {
    pub(super) fn new(store: Box<dyn SessionStore>) -> Self {
        Self { store, ahead: None, went_back: false }
    }

    /// Everything that came was dealt with.
    pub(super) fn all_handled(&mut self) -> Result<(), StoreError> {
        self.went_back = false;
        self.ahead.map_or(Ok(()), |number| self.write(number))
    }

    /// What came under this number was dealt with, and all before it.
    pub(super) fn handled(&mut self, number: u64) -> Result<(), StoreError> {
        let Some(ahead) = self.ahead.filter(|_| !self.went_back) else { return Ok(()) };
        let next = number.saturating_add(1).min(ahead);
        if next > self.store.next_target() { self.write(next) } else { Ok(()) }
    }

    fn write(&mut self, number: u64) -> Result<(), StoreError> {
        self.store.set_next_target(number)?;
        self.ahead = self.ahead.filter(|ahead| *ahead > number);
        Ok(())
    }
}

impl SessionStore for Counted {
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError> {
        self.store.keep(seq, message)
    }
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        self.store.resendable(from, to, lasting)
    }
    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.store.kept(seq)
    }
    fn next_sender(&self) -> u64 {
        self.store.next_sender()
    }
    fn next_target(&self) -> u64 {
        self.ahead.unwrap_or_else(|| self.store.next_target())
    }
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError> {
        self.store.set_next_sender(seq)
    }
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError> {
        self.went_back |= seq < self.next_target();
        let written = self.store.next_target();
        self.ahead = Some(seq).filter(|number| *number > written);
        // At once: a number on the disk that is too high loses messages.
        if seq < written { self.store.set_next_target(seq) } else { Ok(()) }
    }
    fn created(&self) -> UtcMillis {
        self.store.created()
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.store.reset(now)?;
        (self.ahead, self.went_back) = (None, true);
        Ok(())
    }
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
