//! What was decided and what dealers answered, on disk, so that a restart loses no RFQ and decides nothing again.
//!
//! A record is proved readable before it is written: what takes effect is what will be read again.

use crate::router::{Decided, Input, Keep, Router};
use serde::Deserialize;
use signet_fix::{AppMessage, session::BEGIN_STRING};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::{CompId, DealerId, RfqId, UtcMillis};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// When the file is this large and this much of it is about forgotten RFQs, it is rewritten.
const REWRITE_ABOVE_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// At fault: whoever sent it, or a version that wrote it otherwise.
    #[error(
        "record {index} of the journal, written at {at} for {sender}, cannot be read. Nothing was changed. To go on without it, start with \
         on_bad_record = \"set-aside\" under [journal]: the record is then kept in {aside} and what it did is lost",
        aside = aside.display()
    )]
    BadRecord { index: usize, at: String, sender: String, aside: PathBuf },
    /// It would not be read as it was written: it is not written, and not acted on.
    #[error("this message cannot be written down so that it is read again")]
    NotReadable,
}

/// What a start does with a record that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadRecord {
    /// The gateway does not start, and says which record it is.
    #[default]
    Stop,
    /// The record is moved into a file beside the journal, and the gateway starts.
    SetAside,
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
    pub fn open(path: &Path, key: &StoreKey, router: &mut Router, bad: OnBadRecord) -> Result<Self, JournalError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut journal = Self { log, records: BTreeMap::new(), next: 0, look_at: REWRITE_ABOVE_BYTES };
        let mut unreadable: Vec<&[u8]> = Vec::new();
        for (index, r) in recovered.records.iter().enumerate() {
            let Some((at, input)) = decode(r) else {
                let fault = bad_record(index, r, aside(path));
                tracing::error!("{fault}");
                match bad {
                    OnBadRecord::Stop => return Err(fault),
                    OnBadRecord::SetAside => unreadable.push(r),
                }
                continue;
            };
            let before = router.concerns(&input);
            router.replay(at, input);
            if let Some(rfq) = before {
                journal.remember(rfq, r.to_vec());
            }
        }
        router.replayed();
        if !unreadable.is_empty() {
            set_aside(&aside(path), key, &unreadable)?;
            let good = recovered.records.iter().filter(|r| decode(r).is_some());
            journal.log.rewrite(good.map(|r| &r[..]))?;
        }
        Ok(journal)
    }

    /// Writes down what an input changes, before it takes effect. What comes back is what is to take effect:
    /// word for word what will be read again.
    pub fn record(&mut self, now: UtcMillis, input: Input, router: &Router) -> Result<Input, JournalError> {
        match router.keep(now, &input) {
            Keep::Nothing => Ok(input),
            Keep::This(what) => self.append(now, &what, router),
            Keep::Beside(what) => self.append(now, &what, router).map(|_| input),
        }
    }

    fn append(&mut self, now: UtcMillis, what: &Input, router: &Router) -> Result<Input, JournalError> {
        let record = encode(now, what).ok_or(JournalError::NotReadable)?;
        let (at, read) = decode(&record).ok_or(JournalError::NotReadable)?;
        let rfq = router.concerns(&read).ok_or(JournalError::NotReadable)?;
        // Text may come back tidied; what was tidied once must stay as it is.
        if at != now || encode(now, &read).as_ref() != Some(&record) || Some(&rfq) != router.concerns(what).as_ref() {
            return Err(JournalError::NotReadable);
        }
        self.log.append(&record)?;
        self.remember(rfq, record);
        Ok(read)
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
const REQUEST: u8 = b'R';
const ACCEPT: u8 = b'A';

/// Where records that cannot be read are kept.
fn aside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".set-aside");
    name.into()
}

/// Names a record by what can be read of it.
fn bad_record(index: usize, r: &[u8], aside: PathBuf) -> JournalError {
    let head = r.first_chunk::<10>();
    let time = head.and_then(|h| h[1..9].try_into().ok()).map(i64::from_le_bytes);
    let at = time.map_or_else(|| "an unknown time".into(), |t| signet_fix::tagvalue::format_utc(UtcMillis(t)));
    let sender = head.and_then(|h| r.get(10..10 + usize::from(h[9]))).and_then(|id| std::str::from_utf8(id).ok());
    let sender = sender.filter(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic()));
    JournalError::BadRecord { index, at, sender: sender.unwrap_or("an unknown sender").into(), aside }
}

/// Sealed like the journal: what dealers and desks said is nobody's to read.
fn set_aside(path: &Path, key: &StoreKey, records: &[&[u8]]) -> Result<(), JournalError> {
    let (mut log, _) = SealedLog::open(path, key)?;
    for r in records {
        log.append(r)?;
    }
    Ok(log.sync()?)
}

/// kind, time, length of the id, id, FIX message.
fn encode(now: UtcMillis, input: &Input) -> Option<Vec<u8>> {
    let owned;
    let (kind, id, message) = match input {
        Input::FromDesk(d, m) => (DESK, d.as_str(), m),
        Input::FromDealer(d, m) => (DEALER, d.as_str(), m),
        Input::NotSentToDealer(d, m) => (NOT_SENT, d.as_str(), m),
        Input::Decided(d, Decided::Request(q)) => {
            owned = AppMessage::QuoteRequest(q.clone());
            (REQUEST, d.as_str(), &owned)
        }
        Input::Decided(d, Decided::Accept(r)) => {
            owned = AppMessage::QuoteResponse(r.clone());
            (ACCEPT, d.as_str(), &owned)
        }
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
    let desk = || CompId::new(id).ok();
    let input = match (head[0], message) {
        (DESK, m) => Input::FromDesk(desk()?, m),
        (DEALER, m) => Input::FromDealer(DealerId::new(id).ok()?, m),
        (NOT_SENT, m) => Input::NotSentToDealer(DealerId::new(id).ok()?, m),
        (REQUEST, AppMessage::QuoteRequest(q)) => Input::Decided(desk()?, Decided::Request(q)),
        (ACCEPT, AppMessage::QuoteResponse(r)) => Input::Decided(desk()?, Decided::Accept(r)),
        _ => return None,
    };
    Some((UtcMillis(i64::from_le_bytes(time)), input))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
