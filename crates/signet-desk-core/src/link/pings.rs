//! Pings (TestRequest) that measure the link.

use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::HashMap};

/// A ping without an answer for this long, milliseconds, means that the network is gone.
const LOST_MS: i64 = 5_000;

#[derive(Debug, Default)]
pub(super) struct Pings(RefCell<HashMap<String, UtcMillis>>);

impl Pings {
    pub(super) fn sent(&self, id: String, at: UtcMillis) {
        self.0.borrow_mut().insert(id, at);
    }

    /// When the answered ping was sent; `None` if it was not sent on this connection.
    pub(super) fn answered(&self, id: &str) -> Option<UtcMillis> {
        self.0.borrow_mut().remove(id)
    }

    /// Whether a ping is without an answer for too long.
    pub(super) fn are_lost(&self, now: UtcMillis) -> bool {
        self.0.borrow().values().min().is_some_and(|oldest| now.since(*oldest) > LOST_MS)
    }

    /// Forgets all pings, because a new connection does not answer those of the one before.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
