//! What a connection is made with.

use super::keys::Keys;
use crate::venue::Venue;
use signet_fix::session::Session;
use std::{cell::Cell, rc::Rc};

/// A venue, and what this desk keeps for it while it connects and reconnects.
pub(super) struct Target {
    pub venue: Venue,
    pub keys: Rc<Keys>,
    pub session: Rc<Session>,
    /// Which of the venue's hosts is tried first.
    pub first_host: Cell<usize>,
}
