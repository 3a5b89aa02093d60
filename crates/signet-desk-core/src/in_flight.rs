//! Accepts that were sent and have no answer yet, kept in a sealed file over a restart.
//!
//! Each accept is written with the terms of its RFQ before it is sent. After a crash of the program
//! or the laptop the desk therefore knows what it agreed to, asks for the outcome and compares it.

use serde::{Deserialize, Serialize};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::{Accept, AcceptId, Terms};
use std::{collections::BTreeMap, path::Path};

/// How many accepts are kept: one for every RFQ that can be on screen.
pub(crate) const MAX_KEPT: usize = 200;

// Few records are written, so the size of the large variant does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Sent { accept: Accept, terms: Terms },
    Answered(AcceptId),
}

/// The accepts in flight of one identity at one venue.
#[derive(Debug, Default)]
pub struct InFlight {
    open: BTreeMap<AcceptId, (Accept, Terms)>,
    /// Answered accepts of which the disk refused to say so. It is said before the next accept is
    /// written: after a restart one of its RFQ would stand in its place.
    unwritten: Vec<AcceptId>,
    log: Option<SealedLog>,
}

impl InFlight {
    /// Opens the file. A record that cannot be read, because a newer Signet wrote it, is logged and
    /// left out.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (mut log, recovered) = SealedLog::open(path, key)?;
        let mut open = BTreeMap::new();
        let mut unreadable = false;
        for r in &recovered.records {
            match serde_json::from_slice(r) {
                Ok(Record::Sent { accept, terms }) => {
                    drop(open.insert(accept.id.clone(), (accept, terms)))
                }
                Ok(Record::Answered(id)) => drop(open.remove(&id)),
                Err(e) => {
                    unreadable = true;
                    tracing::error!(error = %e, "a record of an accept in flight cannot be read; \
                        it is kept in the file");
                }
            }
        }
        if !unreadable && recovered.records.len() > open.len() {
            let left: Vec<Vec<u8>> = open.values().filter_map(|(a, t)| sent(a, t)).collect();
            log.rewrite(left.iter().map(|r| &r[..]))?;
        }
        Ok(Self { open, unwritten: Vec::new(), log: Some(log) })
    }

    /// Writes an accept that is about to be sent. It must not be sent if this fails.
    pub fn sent(&mut self, accept: &Accept, terms: &Terms) -> Result<(), LogError> {
        self.catch_up()?;
        if let (Some(log), Some(record)) = (&mut self.log, sent(accept, terms)) {
            log.append(&record)?;
            log.sync()?;
        }
        if self.open.len() < MAX_KEPT {
            self.open.insert(accept.id.clone(), (accept.clone(), terms.clone()));
        }
        Ok(())
    }

    /// Records that an accept has its answer. If this cannot be written before the desk ends, it
    /// asks about the accept again after a restart.
    pub fn answered(&mut self, id: &AcceptId) {
        if self.open.remove(id).is_none() {
            return;
        }
        self.unwritten.push(id.clone());
        if let Err(e) = self.catch_up() {
            tracing::warn!(error = %e, accept = %id, "the answer to an accept could not be \
                written down");
        }
    }

    /// Writes the answers that the disk has not taken yet.
    fn catch_up(&mut self) -> Result<(), LogError> {
        while let Some(id) = self.unwritten.last() {
            let record = serde_json::to_vec(&Record::Answered(id.clone()));
            if let (Some(log), Ok(record)) = (&mut self.log, record) {
                log.append(&record)?;
            }
            self.unwritten.pop();
        }
        Ok(())
    }

    /// The accepts without an answer.
    pub fn all(&self) -> impl Iterator<Item = &(Accept, Terms)> {
        self.open.values()
    }
}

fn sent(accept: &Accept, terms: &Terms) -> Option<Vec<u8>> {
    serde_json::to_vec(&Record::Sent { accept: accept.clone(), terms: terms.clone() }).ok()
}

#[cfg(test)]
#[path = "in_flight_tests.rs"]
mod tests;
