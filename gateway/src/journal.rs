//! The inputs that made the present state, on disk, so that a restart loses no RFQ.

use crate::router::{Input, Router};
use signet_fix::{AppMessage, session::BEGIN_STRING};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::{CompId, DealerId, RfqId, UtcMillis};
use std::{collections::BTreeMap, path::Path};

/// When the file is this large and this much of it is about forgotten RFQs, it is rewritten.
const REWRITE_ABOVE_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the journal holds a record this version does not know")]
    UnknownRecord,
}

#[derive(Debug)]
pub struct Journal {
    log: SealedLog,
    /// Records by the RFQ they are about, in order, each with its place in the whole.
    records: BTreeMap<RfqId, Vec<(u64, Vec<u8>)>>,
    next: u64,
    /// The file's length at which [`Self::tidy`] looks again: a look goes over every record.
    look_at: u64,
}

impl Journal {
    /// Opens the journal and replays it into `router`; what the router would send is not sent again.
    pub fn open(path: &Path, key: &StoreKey, router: &mut Router) -> Result<Self, JournalError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut journal = Self { log, records: BTreeMap::new(), next: 0, look_at: REWRITE_ABOVE_BYTES };
        for r in &recovered.records {
            let (at, input) = decode(r).ok_or(JournalError::UnknownRecord)?;
            router.handle(at, Input::Tick);
            let rfq = router.concerns(&input);
            router.handle(at, input);
            if let Some(rfq) = rfq {
                journal.remember(rfq, r.to_vec());
            }
        }
        Ok(journal)
    }

    /// Writes down an input before it takes effect. Inputs about no RFQ need no record.
    pub fn record(&mut self, now: UtcMillis, input: &Input, router: &Router) -> Result<(), JournalError> {
        let Some(rfq) = router.concerns(input) else { return Ok(()) };
        // An answer to an RFQ that is forgotten, or never was, changes nothing.
        let opens = matches!(input, Input::FromDesk(_, AppMessage::QuoteRequest(_)));
        if !opens && !router.remembers(&rfq) {
            return Ok(());
        }
        let Some(record) = encode(now, input) else { return Ok(()) };
        self.log.append(&record)?;
        self.remember(rfq, record);
        Ok(())
    }

    /// Drops what is about forgotten RFQs when enough of the file is. Looks once in each quarter that the file grows by, so
    /// that a busy day with a large journal does not spend every tick on it.
    pub fn tidy(&mut self, router: &Router) -> Result<(), JournalError> {
        if self.log.len() < self.look_at {
            return Ok(());
        }
        self.records.retain(|id, _| router.remembers(id));
        let live_bytes: u64 = self.records.values().flatten().map(|(_, r)| r.len() as u64).sum();
        self.look_at = self.log.len() + self.log.len() / 4;
        if live_bytes * 2 > self.log.len() {
            return Ok(());
        }
        let mut all: Vec<&(u64, Vec<u8>)> = self.records.values().flatten().collect();
        all.sort_by_key(|(n, _)| *n);
        self.log.rewrite(all.into_iter().map(|(_, r)| &r[..]))?;
        self.look_at = REWRITE_ABOVE_BYTES.max(self.log.len() + self.log.len() / 4);
        Ok(())
    }

    fn remember(&mut self, rfq: RfqId, record: Vec<u8>) {
        self.records.entry(rfq).or_default().push((self.next, record));
        self.next += 1;
    }
}

const DESK: u8 = b'D';
const DEALER: u8 = b'L';
const NOT_SENT: u8 = b'N';

/// kind, time, length of the id, id, FIX message.
fn encode(now: UtcMillis, input: &Input) -> Option<Vec<u8>> {
    let (kind, id, message) = match input {
        Input::FromDesk(d, m) => (DESK, d.as_str(), m),
        Input::FromDealer(d, m) => (DEALER, d.as_str(), m),
        Input::NotSentToDealer(d, m) => (NOT_SENT, d.as_str(), m),
        _ => return None,
    };
    let frame = message.encode().finish(BEGIN_STRING).ok()?;
    let mut r = vec![kind];
    r.extend_from_slice(&now.0.to_le_bytes());
    r.push(u8::try_from(id.len()).ok()?);
    r.extend_from_slice(id.as_bytes());
    r.extend_from_slice(&frame);
    Some(r)
}

fn decode(r: &[u8]) -> Option<(UtcMillis, Input)> {
    let (head, rest) = r.split_first_chunk::<10>()?;
    let mut time = [0; 8];
    time.copy_from_slice(&head[1..9]);
    let (id, frame) = rest.split_at_checked(usize::from(head[9]))?;
    let id = std::str::from_utf8(id).ok()?;
    let message = AppMessage::decode(frame).ok()?;
    let input = match head[0] {
        DESK => Input::FromDesk(CompId::new(id).ok()?, message),
        DEALER => Input::FromDealer(DealerId::new(id).ok()?, message),
        NOT_SENT => Input::NotSentToDealer(DealerId::new(id).ok()?, message),
        _ => return None,
    };
    Some((UtcMillis(i64::from_le_bytes(time)), input))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
