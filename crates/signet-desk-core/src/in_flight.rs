//! Accepts that have left this desk and have no answer yet, kept over a restart in a sealed file.
//!
//! Each is written down, with the terms of its RFQ, before it is sent: whatever happens to the
//! program or the laptop, the desk knows afterwards what exactly was agreed to, asks what became of
//! it, and compares the answer.

use serde::{Deserialize, Serialize};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::{Accept, AcceptId, Terms};
use std::{collections::BTreeMap, path::Path};

/// Accepts kept: one of every RFQ that can be on screen.
pub(crate) const MAX_KEPT: usize = 200;

// Few of these are written, one for each accept.
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
    log: Option<SealedLog>,
}

impl InFlight {
    /// Opens the file. A record that cannot be read (written by a newer Signet) is left out and
    /// said.
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
        Ok(Self { open, log: Some(log) })
    }

    /// Writes down an accept that is about to leave. It must not leave if this fails.
    pub fn sent(&mut self, accept: &Accept, terms: &Terms) -> Result<(), LogError> {
        if let (Some(log), Some(record)) = (&mut self.log, sent(accept, terms)) {
            log.append(&record)?;
            log.sync()?;
        }
        if self.open.len() < MAX_KEPT {
            self.open.insert(accept.id.clone(), (accept.clone(), terms.clone()));
        }
        Ok(())
    }

    /// An accept has its answer. If this cannot be written, it is asked about once more after a
    /// restart.
    pub fn answered(&mut self, id: &AcceptId) {
        if self.open.remove(id).is_none() {
            return;
        }
        let record = serde_json::to_vec(&Record::Answered(id.clone()));
        if let (Some(log), Ok(record)) = (&mut self.log, record)
            && let Err(e) = log.append(&record)
        {
            tracing::warn!(error = %e, accept = %id, "the answer to an accept could not be \
                written down");
        }
    }

    /// What has no answer yet.
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
