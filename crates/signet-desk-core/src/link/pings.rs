//! Questions to the other end that measure the link.

use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::HashMap};

/// A ping unanswered for this long means the network has gone without saying so.
const LOST_MS: i64 = 5_000;

#[derive(Debug, Default)]
pub(super) struct Pings(RefCell<HashMap<String, UtcMillis>>);

impl Pings {
    pub(super) fn sent(&self, id: String, at: UtcMillis) {
        self.0.borrow_mut().insert(id, at);
    }

    /// When the ping that is answered was sent; `None` if nobody sent it on this connection.
    pub(super) fn answered(&self, id: &str) -> Option<UtcMillis> {
        self.0.borrow_mut().remove(id)
    }

    /// No answer came for too long.
    pub(super) fn are_lost(&self, now: UtcMillis) -> bool {
        self.0.borrow().values().min().is_some_and(|oldest| now.since(*oldest) > LOST_MS)
    }

    /// A new connection answers nothing that was asked on the one before.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
