//! Evidence on disk: frames as they travelled, each with the certificate that its signature was
//! judged with.
//!
//! Sealed files in one folder, numbered without a gap. Each begins with a digest over all records
//! of all files before it, so a file that is missing or was put in another's place is found. A new
//! one is begun each day (UTC) and when one is full; none is ever deleted by the gateway.
//!
//! Every record is a leaf of one Merkle tree (RFC 6962), whose root is signed and given to a second
//! party ([`crate::checkpoint`]). The head of a file holds the tree before it, so a start reads the
//! last file only. Files of Signet before the tree have none: the tree begins with the head of the
//! first file that has one, and that head's digest covers what was before.

use super::{
    held::Held,
    record::{
        BlobKind, CERTIFICATE, DECISION, Digest, JOURNAL, JOURNAL_IS, JournalState, PART_BYTES_MAX,
        Record, State, Totalled, begin, blob_part, frame, sha256,
    },
    record_time::RecordTime,
};
use rustls_pki_types::CertificateDer;
use signet_journal::{LogError, SealedLog, StoreKey, private_folder};
use signet_rfq::UtcMillis;
use signet_tlog::CompactRange;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use time::{Date, OffsetDateTime};

/// A file as large as this is full.
pub(super) const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
const SUFFIX: &str = ".signed";

/// Evidence cannot be written or read. At fault: the disk, or whoever changed files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignedLogError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("{0}: a record that this version does not know")]
    UnknownRecord(PathBuf),
    #[error("file {0} is missing")]
    Missing(u64),
    #[error("{0}: it does not follow the file before it")]
    OutOfChain(PathBuf),
    /// A message without a verified signature reached the place where evidence is kept: a fault of
    /// this program.
    #[error("the message carries no verified signature")]
    NoEvidence,
}

impl SignedLogError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(e) if e.is_damage() => "signed_log.altered",
            Self::UnknownRecord(_) => "signed_log.altered",
            Self::Missing(_) | Self::OutOfChain(_) => "signed_log.incomplete",
            Self::Log(_) | Self::Folder { .. } => "signed_log.unwritable",
            Self::NoEvidence => "signed_log.no_evidence",
        }
    }

    pub fn cure(&self) -> &'static str {
        match self.code() {
            "signed_log.altered" | "signed_log.incomplete" => {
                "Tell the security officer; restore the folder from a backup."
            }
            "signed_log.unwritable" => {
                "See that the disk has room and that the gateway may write to the folder."
            }
            _ => "Report it to whoever supports Signet.",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Desk,
    Dealer,
}

impl Party {
    pub fn word(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Dealer => "dealer",
        }
    }
}

/// One message to be kept. `T` is the time as far as it is known: a millisecond, or a
/// [`RecordTime`] with microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a, T = UtcMillis> {
    /// When the gateway had it.
    pub at: T,
    pub party: Party,
    /// CompID of the sender.
    pub id: &'a str,
    /// The sender's, whose key the signature is good under.
    pub certificate: &'a CertificateDer<'static>,
    pub frame: &'a [u8],
}

/// The folder, open for writing.
pub struct SignedLog {
    folder: PathBuf,
    key: StoreKey,
    sync: bool,
    file: SealedLog,
    number: u64,
    day: Date,
    /// Certificates and documents that the present file holds.
    held: Held,
    /// Over every record so far.
    state: State,
    /// The present file holds its head only.
    fresh: bool,
    /// Records of the journal were counted that are not written here.
    journal_unsaid: bool,
    max_bytes: u64,
}

impl SignedLog {
    /// Opens or creates. `sync`: wait for the disk after each record.
    pub fn open(
        folder: &Path,
        key: &StoreKey,
        now: UtcMillis,
        sync: bool,
    ) -> Result<Self, SignedLogError> {
        Self::open_with(folder, key, now, sync, MAX_FILE_BYTES)
    }

    pub(super) fn open_with(
        folder: &Path,
        key: &StoreKey,
        now: UtcMillis,
        sync: bool,
        max_bytes: u64,
    ) -> Result<Self, SignedLogError> {
        private_folder(folder)
            .map_err(|source| SignedLogError::Folder { path: folder.into(), source })?;
        let mut files = files(folder)?;
        let last = files.pop();
        let before = match files.last() {
            Some((_, path)) => Some(state_after(path, key)?),
            None => None,
        };
        let (number, path) = last.unwrap_or_else(|| (1, path_of(folder, 1, day(now))));
        let (file, recovered) = SealedLog::open(&path, key)?;
        let records: Vec<&[u8]> = recovered.records.iter().map(|r| &r[..]).collect();
        let day = day_of(&path).unwrap_or_else(|| day(now));
        // Older files may have been moved to an archive; then this one's head is all there is to go
        // by.
        let known = before.is_some() || number == 1;
        let mut log = Self {
            folder: folder.into(),
            key: key.clone(),
            sync,
            file,
            number,
            day,
            held: Held::default(),
            state: before.unwrap_or_default(),
            fresh: records.len() < 2,
            journal_unsaid: false,
            max_bytes,
        };
        match records.first() {
            // New, or made when the disk was full.
            None => log.write_head()?,
            Some(_) => log.take_up(&records, &path, known)?,
        }
        if log.state.tree.is_none() {
            log.next_file(now)?;
        }
        Ok(log)
    }

    fn take_up(
        &mut self,
        records: &[&[u8]],
        path: &Path,
        known: bool,
    ) -> Result<(), SignedLogError> {
        let before = std::mem::take(&mut self.state);
        for (n, r) in records.iter().enumerate() {
            match (n, Record::read(r).ok_or_else(|| SignedLogError::UnknownRecord(path.into()))?) {
                (0, Record::Head(state)) if !known || state.follows(&before) => self.state = *state,
                (0, _) => return Err(SignedLogError::OutOfChain(path.into())),
                (_, Record::Certificate(der)) => self.held.insert(sha256(der)),
                (_, Record::Blob { digest, part, parts, .. }) if part + 1 == parts => {
                    self.held.insert(digest);
                }
                _ => {}
            }
            self.state.take(r);
        }
        Ok(())
    }

    /// Writes one message down. On failure nothing of it counts as written.
    pub fn keep<T: Copy + Into<RecordTime>>(
        &mut self,
        k: &Kept<'_, T>,
    ) -> Result<(), SignedLogError> {
        self.keep_unsynced(k)?;
        self.synced()
    }

    /// The same without waiting for the disk: the next that waits waits for this one too.
    pub(super) fn keep_unsynced<T: Copy + Into<RecordTime>>(
        &mut self,
        k: &Kept<'_, T>,
    ) -> Result<(), SignedLogError> {
        let time: RecordTime = k.at.into();
        self.room(time.at, k.frame.len() + k.certificate.len())?;
        let print = self.certificate(k.certificate)?;
        self.append(&frame(time, k, &print)?)
    }

    /// Writes down a certificate that is not there already: one that another was issued by.
    pub fn keep_issuer(
        &mut self,
        at: UtcMillis,
        certificate: &CertificateDer<'static>,
    ) -> Result<(), SignedLogError> {
        self.room(at, certificate.len())?;
        self.certificate(certificate).map(drop)
    }

    fn certificate(&mut self, certificate: &[u8]) -> Result<Digest, SignedLogError> {
        let print = self.held.print_of(certificate);
        if !self.held.contains(&print) {
            self.append(&[&[CERTIFICATE], certificate].concat())?;
            self.held.insert(print);
        }
        Ok(print)
    }

    /// Writes down what the journal of RFQs has taken. The record holds the millisecond of its own
    /// time; the microseconds of `time` are those within it.
    pub fn journal(
        &mut self,
        time: impl Into<RecordTime>,
        record: &[u8],
    ) -> Result<(), SignedLogError> {
        self.journal_with(time.into(), record, false)
    }

    /// The same for what is acted on: with `sync` it waits for the disk.
    pub(super) fn journal_synced(
        &mut self,
        time: impl Into<RecordTime>,
        record: &[u8],
    ) -> Result<(), SignedLogError> {
        self.journal_with(time.into(), record, self.sync)
    }

    fn journal_with(
        &mut self,
        time: RecordTime,
        record: &[u8],
        wait: bool,
    ) -> Result<(), SignedLogError> {
        self.room(time.at, record.len())?;
        if self.journal_unsaid {
            let now = self.state.journal.now();
            self.journal_is(time.at, now)?;
        }
        self.append_with(&[&begin(JOURNAL, time)[..], record].concat(), wait)
    }

    /// Counts a record of the journal that is not written here: a quote of a dealer whose day is
    /// used up.
    pub fn journal_unwritten(&mut self, record: &[u8]) {
        self.state.journal.take(record);
        self.journal_unsaid = true;
    }

    /// Writes down that the journal is, or is about to be, a file of these records.
    pub(crate) fn journal_is(
        &mut self,
        at: UtcMillis,
        now: Totalled,
    ) -> Result<(), SignedLogError> {
        self.room(at, 0)?;
        self.append(&[&[JOURNAL_IS][..], &now.to_bytes()].concat())?;
        self.journal_unsaid = false;
        Ok(())
    }

    /// The rewrite of the journal that was announced last did not happen: it holds what it held
    /// before. On failure that is written down before anything else of the journal is.
    pub(crate) fn journal_stays(&mut self, at: UtcMillis) -> Result<(), SignedLogError> {
        let Some(before) = self.state.journal.before() else { return Ok(()) };
        let said = self.journal_is(at, before);
        if said.is_err() {
            self.state.journal.stays();
            self.journal_unsaid = true;
        }
        said
    }

    /// What the journal's file must hold, as far as is known.
    pub(crate) fn journal_state(&self) -> JournalState {
        self.state.journal
    }

    /// Writes down what was decided, as JSON, whose `at_ms` is the millisecond of `time`.
    pub fn decision(
        &mut self,
        time: impl Into<RecordTime>,
        json: &str,
    ) -> Result<(), SignedLogError> {
        let time: RecordTime = time.into();
        self.room(time.at, json.len())?;
        self.append(&[&begin(DECISION, time)[..], json.as_bytes()].concat())
    }

    /// Writes down a document that decisions follow, once in each file.
    pub(crate) fn blob(
        &mut self,
        at: UtcMillis,
        kind: BlobKind,
        bytes: &[u8],
    ) -> Result<(), SignedLogError> {
        self.blob_with(at, kind, sha256(bytes), bytes)
    }

    /// The same with the document's SHA-256, for whoever knows it.
    pub(crate) fn blob_with(
        &mut self,
        at: UtcMillis,
        kind: BlobKind,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<(), SignedLogError> {
        if self.held.contains(&digest) {
            return Ok(());
        }
        self.room(at, bytes.len())?;
        let parts = bytes.chunks(PART_BYTES_MAX).collect::<Vec<_>>();
        let count = u32::try_from(parts.len()).map_err(|_| LogError::RecordTooLong(bytes.len()))?;
        for (n, part) in (0..count).zip(parts) {
            self.append(&blob_part(kind, &digest, n, count, part))?;
        }
        self.held.insert(digest);
        Ok(())
    }

    /// Records in the tree.
    pub(crate) fn size(&self) -> u64 {
        self.state.tree.as_ref().map_or(0, CompactRange::size)
    }

    /// The tree of every record so far, and the file that the newest is in.
    pub fn tree(&self) -> (CompactRange, &Path) {
        (self.state.tree.clone().unwrap_or_default(), self.file.path())
    }

    /// Begins another file when the day is over or so many bytes more are too many.
    fn room(&mut self, at: UtcMillis, bytes: usize) -> Result<(), SignedLogError> {
        // A document that is larger than a file gets one of its own.
        let full = self.file.len() + bytes as u64 > self.max_bytes && !self.fresh;
        if day(at) > self.day || full { self.next_file(at) } else { Ok(()) }
    }

    /// Writes the present file once more, where another wait for the disk failed, and waits.
    pub(super) fn sync_again(&self) -> Result<(), SignedLogError> {
        Ok(self.file.sync_again()?)
    }

    fn synced(&mut self) -> Result<(), SignedLogError> {
        if self.sync {
            self.file.sync()?;
        }
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> Result<(), SignedLogError> {
        self.append_with(record, false)
    }

    fn append_with(&mut self, record: &[u8], wait: bool) -> Result<(), SignedLogError> {
        match wait {
            true => self.file.append_synced(record)?,
            false => self.file.append(record)?,
        }
        self.state.take(record);
        self.fresh = false;
        Ok(())
    }

    fn write_head(&mut self) -> Result<(), SignedLogError> {
        self.state.begin_tree();
        let head = self.state.head();
        self.append(&head)?;
        self.fresh = true;
        Ok(())
    }

    fn next_file(&mut self, now: UtcMillis) -> Result<(), SignedLogError> {
        if self.journal_unsaid {
            let is = self.state.journal.now().to_bytes();
            self.append(&[&[JOURNAL_IS][..], &is].concat())?;
            self.journal_unsaid = false;
        }
        let (number, day) = (self.number + 1, day(now).max(self.day));
        self.file.sync()?;
        // One of this number may be there from when the disk was full.
        let left =
            files(&self.folder)?.into_iter().find(|(n, _)| *n == number).map(|(_, path)| path);
        let path = left.unwrap_or_else(|| path_of(&self.folder, number, day));
        let (mut file, recovered) = SealedLog::open(&path, &self.key)?;
        self.state.begin_tree();
        let head = self.state.head();
        match &recovered.records[..] {
            [] => file.append(&head)?,
            [only] if only[..] == head => {}
            _ => return Err(SignedLogError::OutOfChain(path)),
        }
        (self.file, self.number, self.day) = (file, number, day);
        self.held.clear();
        self.state.take(&head);
        self.fresh = true;
        Ok(())
    }
}

impl std::fmt::Debug for SignedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedLog")
            .field("folder", &self.folder)
            .field("number", &self.number)
            .finish()
    }
}

/// The files of a folder in order, none missing between the first and the last.
pub(super) fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, SignedLogError> {
    let fail = |source| SignedLogError::Folder { path: folder.into(), source };
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(SUFFIX));
        if let Some(number) =
            name.and_then(|n| n.split_once('-')).and_then(|(number, _)| number.parse().ok())
        {
            all.push((number, path));
        }
    }
    all.sort();
    match all.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1) {
        Some(pair) => Err(SignedLogError::Missing(pair[0].0 + 1)),
        None => Ok(all),
    }
}

/// What was said of all records up to the last of a file that is closed.
fn state_after(path: &Path, key: &StoreKey) -> Result<State, SignedLogError> {
    let recovered = SealedLog::read(path, key)?;
    match recovered.records.first().map(|r| Record::read(r)) {
        Some(Some(Record::Head(before))) => {
            let mut state = *before;
            recovered.records.iter().for_each(|r| state.take(r));
            Ok(state)
        }
        _ => Err(SignedLogError::UnknownRecord(path.into())),
    }
}

fn path_of(folder: &Path, number: u64, day: Date) -> PathBuf {
    folder.join(format!(
        "{number:06}-{:04}{:02}{:02}{SUFFIX}",
        day.year(),
        u8::from(day.month()),
        day.day()
    ))
}

fn day_of(path: &Path) -> Option<Date> {
    let (_, digits) = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.split_once('-')?;
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

fn day(t: UtcMillis) -> Date {
    OffsetDateTime::from_unix_timestamp(t.0.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date()
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
