//! Which sessions are open in this process.

use super::{SessionConfig, SessionError};
use crate::BEGIN_STRING;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// QuickFIX keeps sessions in a process-wide table and lets two with one id corrupt each other.
static OPEN: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// The pair of CompIDs is open in this process until this is dropped.
pub(super) struct Registered(String);

impl Registered {
    pub(super) fn new(c: &SessionConfig) -> Result<Self, SessionError> {
        let id = format!("{BEGIN_STRING}:{}->{}", c.sender, c.target);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.get_or_insert_default().insert(id.clone()) {
            return Err(SessionError::AlreadyOpen(id));
        }
        Ok(Self(id))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.get_or_insert_default().remove(&self.0);
    }
}
