//! The decisions and the dealers' answers, on disk, so that a restart loses no RFQ and decides
//! nothing again.
//!
//! A record is decoded again before it is written: what takes effect is what a replay will read.

mod names;
mod record;
mod shown;

pub use names::NamesRead;
pub use record::is_quote;
pub use shown::{RecordKind, Shown, shown};

use crate::{Decided, Input, Keep, Output, Router};
use record::{decode, encode, name_of, unknown_kind};
use serde::Deserialize;
use signet_fix::AppMessage;
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_rfq::{DealerId, RfqId, UtcMillis};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// When the file is this large and this much of it is about forgotten RFQs, it is rewritten.
const REWRITE_ABOVE_BYTES: u64 = 8_388_608;

/// Why the journal cannot be opened, or does not take a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file itself: input and output, a wrong key or damage.
    #[error(transparent)]
    Log(#[from] LogError),
    /// At fault: the sender, or a version that wrote another format.
    #[error(
        "record {index} of the journal, written at {at} for {sender}, cannot be read. Nothing was \
         changed. To go on without it, start with on_bad_record = \"set-aside\" under [journal]: \
         the record is then kept in {aside} and what it did is lost",
        aside = aside.display()
    )]
    BadRecord {
        /// Its place among the file's records, from 0.
        index: usize,
        /// When it was written, as a FIX `UTCTimestamp`, or words if that cannot be read.
        at: String,
        /// CompID of the desk or dealer it is from or for, or words if that cannot be read.
        sender: String,
        /// The file beside the journal that would keep it.
        aside: PathBuf,
    },
    /// At fault: whoever started this version after a newer one had run.
    #[error(
        "record {index} of the journal, written at {at} for {sender}, is of a kind ({kind}) that \
         version {version} of the gateway does not know: a newer version wrote it. Nothing was \
         changed. Start the version that ran last, or a newer one. To go on without the record, \
         start with on_bad_record = \"set-aside\" under [journal]: it is then kept in {aside} and \
         what it did is lost",
        version = env!("CARGO_PKG_VERSION"),
        aside = aside.display()
    )]
    UnknownKind {
        /// Its place among the file's records, from 0.
        index: usize,
        /// The kind, as a letter if it is one.
        kind: String,
        /// When it was written, as a FIX `UTCTimestamp`, or words if that cannot be read.
        at: String,
        /// CompID of the desk or dealer it is from or for, or words if that cannot be read.
        sender: String,
        /// The file beside the journal that would keep it.
        aside: PathBuf,
    },
    /// The RFQs that are remembered fill the journal. At fault: the desk, or all of them together.
    #[error(
        "the journal is full of RFQs {}",
        if *of_all { "of all desks" } else { "of this desk" }
    )]
    Full {
        /// All desks together are at the limit; else this desk alone.
        of_all: bool,
    },
    /// The record would not be read as it was written, so it is neither written nor acted on.
    #[error("this message cannot be written down so that it is read again")]
    NotReadable,
    /// The copy of the record before cannot be written to the evidence. At fault: the disk.
    #[error("the evidence does not take a copy of the record before")]
    NotCopied,
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

/// Most bytes that the journal holds of RFQs that are remembered.
#[derive(Debug, Clone, Copy)]
pub struct JournalLimits {
    /// Of all RFQs together.
    pub total: u64,
    /// Of one desk's RFQs, whoever wrote them.
    pub per_desk: u64,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self { total: u64::MAX, per_desk: u64::MAX }
    }
}

#[derive(Debug)]
struct Record {
    /// Its place in the whole.
    number: u64,
    bytes: Vec<u8>,
    about: About,
}

/// What decides whether a later record takes this one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// A dealer's quote: its next one replaces it, unless something else is between.
    Quote(DealerId),
    OtherOfDealer(DealerId),
    /// Of the desk, or of the gateway itself.
    Own,
}

impl About {
    fn of(input: &Input) -> Self {
        match input {
            Input::FromDealer(d, AppMessage::Quote(_)) => Self::Quote(d.clone()),
            Input::FromDealer(d, _) => Self::OtherOfDealer(d.clone()),
            _ => Self::Own,
        }
    }
}

#[derive(Debug, Default)]
struct Size {
    total: u64,
    desks: HashMap<String, u64>,
}

impl Size {
    fn add(&mut self, rfq: &RfqId, bytes: usize) {
        self.total += bytes as u64;
        *self.desks.entry(desk_of(rfq).to_owned()).or_default() += bytes as u64;
    }

    fn take(&mut self, rfq: &RfqId, bytes: usize) {
        self.total = self.total.saturating_sub(bytes as u64);
        if let Some(n) = self.desks.get_mut(desk_of(rfq)) {
            *n = n.saturating_sub(bytes as u64);
        }
    }
}

/// The CompID of the desk that asked an RFQ first, from the gateway's id.
fn desk_of(rfq: &RfqId) -> &str {
    rfq.as_str().split('.').next().unwrap_or_default()
}

/// A record of the journal as it is replayed.
#[derive(Debug, Clone, Copy)]
pub struct Replayed<'a> {
    /// The record as it was written.
    pub record: &'a [u8],
    /// When it was written down.
    pub at: UtcMillis,
    /// What was decided on.
    pub input: &'a Input,
    /// What the router did about it.
    pub done: &'a [Output],
}

/// Records of forgotten RFQs are dropped to make room no more often than this: a look goes over
/// every record.
const PURGE_AGAIN: Duration = Duration::from_secs(1);

/// A rewrite that could not be announced is tried again after this: a look goes over every record.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(5);

/// The journal of a router's inputs: one sealed file, and its records in memory by RFQ.
#[derive(Debug)]
pub struct Journal {
    log: SealedLog,
    /// Records by the RFQ they are about, in order, each with its place in the whole.
    records: BTreeMap<RfqId, Vec<Record>>,
    next: u64,
    /// Length of the records, in all and by desk.
    size: Size,
    limits: JournalLimits,
    /// Each record waits for the disk.
    sync: bool,
    /// When records of forgotten RFQs were last dropped to make room.
    purged: Option<Instant>,
    /// The file's length at which [`Self::tidy`] looks again: a look goes over every record.
    look_at: u64,
    /// When a rewrite could not be announced, if none was since.
    unannounced: Option<Instant>,
    /// The record that was written last, for whoever keeps a copy.
    written: Option<Vec<u8>>,
}

impl Journal {
    /// Opens the journal and replays it into `router`; what the router would send is not sent
    /// again.
    pub fn open(
        path: &Path,
        key: &StoreKey,
        router: &mut Router,
        bad: OnBadRecord,
    ) -> Result<Self, JournalError> {
        Self::open_watched(path, key, router, bad, |_| ())
    }

    /// The same; `watch` sees each record and what it did when it was new.
    pub fn open_watched(
        path: &Path,
        key: &StoreKey,
        router: &mut Router,
        bad: OnBadRecord,
        mut watch: impl FnMut(&Replayed<'_>),
    ) -> Result<Self, JournalError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut journal = Self {
            log,
            records: BTreeMap::new(),
            next: 0,
            size: Size::default(),
            limits: JournalLimits::default(),
            sync: false,
            purged: None,
            look_at: REWRITE_ABOVE_BYTES,
            unannounced: None,
            written: None,
        };
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
            let (before, about) = (router.concerns(&input), About::of(&input));
            let done = router.replay(at, input.clone(), name_of(r));
            watch(&Replayed { record: r, at, input: &input, done: &done });
            if let Some(rfq) = before {
                journal.remember(rfq, about, r.to_vec());
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

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: JournalLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether a record waits until it is on the disk itself, so that a power cut takes none that
    /// was acted on.
    #[must_use]
    pub fn with_sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Sets the limits of a journal that is in use.
    pub fn limit(&mut self, limits: JournalLimits) {
        self.limits = limits;
    }

    /// Writes once more what a wait for the disk failed for that somebody else made, and waits.
    pub fn sync_again(&self) -> Result<(), JournalError> {
        Ok(self.log.sync_again()?)
    }

    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.log.len()
    }

    /// Whether there is room for another RFQ of this desk. What becomes of those that are there is
    /// always written.
    fn has_room(&mut self, rfq: &RfqId, router: &Router) -> Result<(), JournalError> {
        let full = |j: &Self| {
            let of_desk = j.size.desks.get(desk_of(rfq)).copied().unwrap_or(0);
            match (of_desk >= j.limits.per_desk, j.size.total >= j.limits.total) {
                (false, false) => Ok(()),
                (of_this, _) => Err(JournalError::Full { of_all: !of_this }),
            }
        };
        if full(self).is_ok() {
            return Ok(());
        }
        if self.purged.is_none_or(|t| t.elapsed() >= PURGE_AGAIN) {
            self.purge(router);
        }
        full(self)
    }

    /// Drops the records of forgotten RFQs from memory; the file follows in [`Self::tidy`].
    fn purge(&mut self, router: &Router) {
        self.purged = Some(Instant::now());
        self.records.retain(|id, _| router.remembers(id));
        self.size = Size::default();
        for (rfq, records) in &self.records {
            records.iter().for_each(|r| self.size.add(rfq, r.bytes.len()));
        }
    }

    /// Writes down what an input changes, before it takes effect. Returns the input to apply, which
    /// is exactly what a replay will read.
    pub fn record(
        &mut self,
        now: UtcMillis,
        input: Input,
        router: &Router,
    ) -> Result<Input, JournalError> {
        match router.keep(now, &input) {
            Keep::Nothing => Ok(input),
            Keep::This(what) => self.append(now, &what, router),
            Keep::Beside(what) => self.append(now, &what, router).map(|_| input),
        }
    }

    fn append(
        &mut self,
        now: UtcMillis,
        what: &Input,
        router: &Router,
    ) -> Result<Input, JournalError> {
        let name = router.new_name(what);
        let record = encode(now, what, name.as_deref()).ok_or(JournalError::NotReadable)?;
        let (at, read) = decode(&record).ok_or(JournalError::NotReadable)?;
        let rfq = router.concerns(&read).ok_or(JournalError::NotReadable)?;
        // Text may come back normalised; normalising it again must change nothing. What came back
        // as it was need not be written again to see that.
        let same = || {
            read == *what
                || (encode(now, &read, name.as_deref()).as_ref() == Some(&record)
                    && Some(&rfq) == router.concerns(what).as_ref())
        };
        if at != now || !same() {
            return Err(JournalError::NotReadable);
        }
        if matches!(read, Input::Decided(_, Decided::Request(_))) {
            self.has_room(&rfq, router)?;
        }
        match self.sync {
            true => self.log.append_synced(&record)?,
            false => self.log.append(&record)?,
        }
        self.written = Some(record.clone());
        self.remember(rfq, About::of(&read), record);
        Ok(read)
    }

    /// Drops what is about forgotten RFQs when enough of the file is. Looks once in each quarter
    /// that the file grows by, so that a busy day with a large journal does not spend every tick on
    /// it.
    pub fn tidy(&mut self, router: &Router) -> Result<(), JournalError> {
        self.tidy_announced(router, |_| true)
    }

    /// The same. The records that will be left are announced before the file is rewritten; on
    /// `false` it is not, and looked at again some seconds later.
    pub fn tidy_announced(
        &mut self,
        router: &Router,
        announce: impl FnOnce(&[&[u8]]) -> bool,
    ) -> Result<(), JournalError> {
        let waits = self.unannounced.is_some_and(|t| t.elapsed() < ANNOUNCE_AGAIN);
        if self.log.len() < self.look_at || waits {
            return Ok(());
        }
        self.purge(router);
        let live_bytes = self.size.total;
        self.look_at = a_quarter_more(self.log.len());
        if live_bytes * 2 > self.log.len() {
            return Ok(());
        }
        let mut all: Vec<&Record> = self.records.values().flatten().collect();
        all.sort_by_key(|r| r.number);
        let left: Vec<&[u8]> = all.into_iter().map(|r| &r.bytes[..]).collect();
        if !announce(&left) {
            self.look_at = self.log.len();
            self.unannounced = Some(Instant::now());
            return Ok(());
        }
        self.unannounced = None;
        self.log.rewrite(left)?;
        self.look_at = REWRITE_ABOVE_BYTES.max(a_quarter_more(self.log.len()));
        Ok(())
    }

    /// The record that was written last, if none was taken since.
    pub fn take_written(&mut self) -> Option<Vec<u8>> {
        self.written.take()
    }

    fn remember(&mut self, rfq: RfqId, about: About, bytes: Vec<u8>) {
        self.size.add(&rfq, bytes.len());
        let records = self.records.entry(rfq.clone()).or_default();
        if let Some(replaced) = replaced_by(&about, records) {
            let gone = records.remove(replaced);
            self.size.take(&rfq, gone.bytes.len());
        }
        records.push(Record { number: self.next, bytes, about });
        self.next += 1;
    }
}

fn a_quarter_more(bytes: u64) -> u64 {
    bytes + bytes / 4
}

/// The record whose place a new one takes: the same dealer's quote before, with nothing of the
/// desk, of the gateway or of that dealer between. So a dealer that streams prices into one RFQ
/// leaves its last one.
fn replaced_by(new: &About, records: &[Record]) -> Option<usize> {
    let About::Quote(dealer) = new else { return None };
    for (i, r) in records.iter().enumerate().rev() {
        match &r.about {
            About::Quote(d) if d == dealer => return Some(i),
            About::OtherOfDealer(d) if d == dealer => return None,
            About::Own => return None,
            About::Quote(_) | About::OtherOfDealer(_) => {}
        }
    }
    None
}

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
    let at = time.map_or_else(
        || "an unknown time".into(),
        |t| signet_fix::tagvalue::format_utc(UtcMillis(t)),
    );
    let sender = head
        .and_then(|h| r.get(10..10 + usize::from(h[9])))
        .and_then(|id| std::str::from_utf8(id).ok());
    let sender = sender.filter(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic()));
    let sender = sender.unwrap_or("an unknown sender").into();
    match unknown_kind(r) {
        Some(kind) => {
            let kind = char::from(kind).escape_default().to_string();
            JournalError::UnknownKind { index, kind, at, sender, aside }
        }
        None => JournalError::BadRecord { index, at, sender, aside },
    }
}

/// Sealed like the journal, since the records hold messages of desks and dealers.
fn set_aside(path: &Path, key: &StoreKey, records: &[&[u8]]) -> Result<(), JournalError> {
    let (mut log, _) = SealedLog::open(path, key)?;
    for r in records {
        log.append(r)?;
    }
    Ok(log.sync()?)
}

#[cfg(test)]
mod tests;
