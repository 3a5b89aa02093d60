//! The sealed files of a history. Each begins with a head, which says what was before it and is
//! signed; the records follow.

use super::{HistoryError, Keys};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use signet_history::{Chain, Moment, Record, What};
use signet_journal::{LogError, LogReader, SealedLog, StoreKey, private_folder, replace_file};
use signet_tlog::{Checkpoint, note::VerifierKey};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A file that is this long is followed by the next one.
pub(super) const FILE_BYTES: u64 = 8 * 1024 * 1024;
/// A file that is this old is followed by the next one, so that old ones can be removed.
const FILE_MS: u64 = 86_400_000;
/// Histories that are put aside, at most; then the oldest stays and no new one begins.
const ASIDE_MAX: u32 = 100;
const CHECKPOINT: &str = "checkpoint";
const ENDING: &str = "log";

/// What stands first in a file. It is not a record of the history.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    v: u32,
    /// The file's number, from 1.
    file: u64,
    /// What was before, base64.
    chain: String,
    /// A checkpoint over it, signed; left out in the first file.
    note: Option<String>,
    /// When the file began, milliseconds since 1970 on the laptop's clock.
    pub(super) at_ms: i64,
}

impl Head {
    fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the head of file `number`, and what was before.
    pub(super) fn read(
        record: &[u8],
        number: u64,
        key: &VerifierKey,
        path: &Path,
    ) -> Result<(Self, Chain), HistoryError> {
        let bad = |why: &str| altered(path, why);
        let head: Self = serde_json::from_slice(record).map_err(|_| bad("it has no head"))?;
        let chain = BASE64.decode(&head.chain).ok().and_then(|c| Chain::read(&c));
        let chain = chain.ok_or_else(|| bad("its head cannot be read"))?;
        if head.v != 1 || head.file != number {
            return Err(bad("it is another file of the history"));
        }
        let fits = match &head.note {
            None => chain.size() == 0,
            Some(note) => Checkpoint::open(note.as_bytes(), key)
                .is_ok_and(|c| (c.size, c.root) == (chain.size(), chain.root())),
        };
        if fits { Ok((head, chain)) } else { Err(bad("its head is not the one that was signed")) }
    }
}

/// An open history.
pub(super) struct Files {
    pub(super) folder: PathBuf,
    keys: Keys,
    pub(super) chain: Chain,
    log: SealedLog,
    pub(super) number: u64,
    pub(super) began_ms: i64,
    /// Size of the tree that the checkpoint on disk is over.
    noted: u64,
}

/// An open history, and what was found when it was opened.
pub(super) struct Opened {
    pub(super) files: Files,
    /// Bytes of a last record that was never finished.
    pub(super) torn_bytes: u64,
    /// A history that could not be continued: where it is now, and why.
    pub(super) aside: Option<(PathBuf, String)>,
}

impl Files {
    /// Opens the history, or begins one. One that was altered is put aside and another begins.
    pub(super) fn open(folder: &Path, keys: Keys, at_ms: i64) -> Result<Opened, HistoryError> {
        private_folder(folder).map_err(|e| io_at(folder, e))?;
        match Self::take_up(folder, &keys, at_ms) {
            Ok((taken, torn_bytes)) => {
                Ok(Opened { files: taken.with(folder, keys), torn_bytes, aside: None })
            }
            Err(e) if e.is_damage() => {
                let to = put_aside(folder)?;
                private_folder(folder).map_err(|e| io_at(folder, e))?;
                let (taken, _) = Self::take_up(folder, &keys, at_ms)?;
                let aside = Some((to, e.to_string()));
                Ok(Opened { files: taken.with(folder, keys), torn_bytes: 0, aside })
            }
            Err(e) => Err(e),
        }
    }

    fn take_up(folder: &Path, keys: &Keys, at_ms: i64) -> Result<(Taken, u64), HistoryError> {
        let last = numbers(folder)?.last().copied();
        let noted = checkpoint(folder, keys.verifier())?;
        let number = last.unwrap_or(1);
        let path = file(folder, number);
        let (mut log, recovered) = SealedLog::open(&path, &keys.store)?;
        let mut records = recovered.records.iter();
        let (began_ms, mut chain) = match records.next() {
            Some(head) => {
                let (head, chain) = Head::read(head, number, keys.verifier(), &path)?;
                (head.at_ms, chain)
            }
            // It ended before the head was written.
            None => {
                let chain = before(folder, number, keys)?;
                let head = head(number, &chain, keys, at_ms)?;
                log.append(&head.to_bytes())?;
                log.sync()?;
                (at_ms, chain)
            }
        };
        let mut met = noted.as_ref().is_none_or(|c| c.size <= chain.size());
        for (i, r) in records.enumerate() {
            chain.check(r).map_err(|e| altered(&path, &format!("record {i}: {e}")))?;
            chain.push(r);
            if let Some(c) = noted.as_ref().filter(|c| c.size == chain.size()) {
                met = c.root == chain.root();
            }
        }
        if !met {
            let why = "records that a checkpoint was over are missing, or are others";
            return Err(altered(folder, why));
        }
        let noted = noted.map_or(0, |c| c.size);
        let torn = recovered.torn_bytes;
        Ok((Taken { chain, log, number, began_ms, noted }, torn))
    }

    /// Appends a record. It is in the history when the disk has taken it.
    pub(super) fn append(&mut self, m: Moment, what: What) -> Result<(), HistoryError> {
        let record = self.chain.next(m, what);
        self.log.append(&record)?;
        self.chain.push(&record);
        Ok(())
    }

    /// Waits until everything is on the disk itself.
    pub(super) fn sync(&self) -> Result<(), HistoryError> {
        Ok(self.log.sync()?)
    }

    /// Number of records.
    pub(super) fn size(&self) -> u64 {
        self.chain.size()
    }

    /// How many records no checkpoint covers.
    pub(super) fn unnoted(&self) -> u64 {
        self.chain.size().saturating_sub(self.noted)
    }

    /// Signs a checkpoint over everything. What it is over must be on the disk.
    pub(super) fn note(&mut self) -> Result<String, HistoryError> {
        let note = sign(&self.chain, &self.keys)?;
        let path = self.folder.join(CHECKPOINT);
        replace_file(&path, note.as_bytes()).map_err(|e| io_at(&path, e))?;
        self.noted = self.chain.size();
        Ok(note)
    }

    /// Whether the next file is due. One that began while the laptop's clock was ahead would else
    /// stay the last one for as long.
    pub(super) fn is_full(&self, at_ms: i64) -> bool {
        self.log.len() >= FILE_BYTES || at_ms.abs_diff(self.began_ms) >= FILE_MS
    }

    /// About how many bytes were recorded since this moment: of the files that began then or later,
    /// as far back as they can be read.
    pub(super) fn bytes_since(&self, from_ms: i64) -> u64 {
        if self.began_ms < from_ms {
            return 0;
        }
        // The present one is not read: Windows lets nobody read a file that is locked.
        let mut bytes = self.log.len();
        let all = numbers(&self.folder).unwrap_or_default();
        for number in all.into_iter().rev().filter(|n| *n != self.number) {
            let Ok(Some((head, _))) = read_head(&self.folder, number, &self.keys) else { break };
            let Ok(there) = fs::metadata(file(&self.folder, number)) else { break };
            if head.at_ms < from_ms {
                break;
            }
            bytes = bytes.saturating_add(there.len());
        }
        bytes
    }

    /// Goes on in the next file.
    pub(super) fn roll(&mut self, at_ms: i64) -> Result<(), HistoryError> {
        self.sync()?;
        self.note()?;
        let number = self.number + 1;
        let path = file(&self.folder, number);
        let (mut log, recovered) = SealedLog::open(&path, &self.keys.store)?;
        let head = head(number, &self.chain, &self.keys, at_ms)?.to_bytes();
        match recovered.records.len() {
            0 => log.append(&head)?,
            // A try before this one came as far as the head, and more was recorded since then.
            1 => log.rewrite([&head[..]])?,
            _ => return Err(altered(&path, "it has records, and the file before it goes on")),
        }
        log.sync()?;
        (self.log, self.number, self.began_ms) = (log, number, at_ms);
        Ok(())
    }

    /// The keys of the files and of the checkpoints.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The public key of the checkpoints.
    pub(super) fn desk(&self) -> &str {
        &self.keys.desk
    }
}

/// A history as it was found.
struct Taken {
    chain: Chain,
    log: SealedLog,
    number: u64,
    began_ms: i64,
    noted: u64,
}

impl Taken {
    fn with(self, folder: &Path, keys: Keys) -> Files {
        let Self { chain, log, number, began_ms, noted } = self;
        Files { folder: folder.into(), keys, chain, log, number, began_ms, noted }
    }
}

/// The history as it was before file `number`, whose head is missing.
fn before(folder: &Path, number: u64, keys: &Keys) -> Result<Chain, HistoryError> {
    let (chain, _) = match number {
        1 => return Ok(Chain::default()),
        n => read_file(folder, n - 1, keys)?,
    };
    Ok(chain)
}

/// What was before the first file that is there.
pub(super) fn first_chain(folder: &Path, number: u64, keys: &Keys) -> Result<Chain, HistoryError> {
    let head = read_head(folder, number, keys)?;
    head.map(|(_, before)| before).ok_or_else(|| altered(&file(folder, number), "it has no head"))
}

/// The head of a file and what was before it; `None`: one that was being begun when the desk ended,
/// or is just now, has none. The file is read no further.
pub(super) fn read_head(
    folder: &Path,
    number: u64,
    keys: &Keys,
) -> Result<Option<(Head, Chain)>, HistoryError> {
    let path = file(folder, number);
    let Some(head) = record_at(&path, 0, &keys.store)? else { return Ok(None) };
    Head::read(&head, number, keys.verifier(), &path).map(Some)
}

/// The first record after the head of a file; `None`: there is none yet. The file is read no
/// further, and nobody has looked whether the record follows the head.
pub(super) fn read_first(
    folder: &Path,
    number: u64,
    keys: &Keys,
) -> Result<Option<Record>, HistoryError> {
    let path = file(folder, number);
    let Some(first) = record_at(&path, 1, &keys.store)? else { return Ok(None) };
    Record::read(&first).map(Some).map_err(|e| altered(&path, &format!("record 0: {e}")))
}

/// The record in this place of a file, from 0.
fn record_at(
    path: &Path,
    place: usize,
    store: &StoreKey,
) -> Result<Option<Zeroizing<Vec<u8>>>, LogError> {
    let mut reader = match LogReader::open(path, store) {
        Ok(Some(reader)) => reader,
        Ok(None) => return Ok(None),
        // It may be of an earlier format, which is read whole.
        Err(LogError::NotALog(_)) => {
            return Ok(SealedLog::read(path, store)?.records.into_iter().nth(place));
        }
        Err(e) => return Err(e),
    };
    for _ in 0..place {
        if reader.next_record()?.is_none() {
            return Ok(None);
        }
    }
    reader.next_record()
}

/// The numbers of the files that have a head.
pub(super) fn begun(folder: &Path, keys: &Keys) -> Result<Vec<u64>, HistoryError> {
    let mut all = numbers(folder)?;
    if let Some(last) = all.last().copied()
        && read_head(folder, last, keys)?.is_none()
    {
        all.pop();
    }
    Ok(all)
}

/// The checkpoint on disk; `None` before the first.
pub(super) fn last_checkpoint(
    folder: &Path,
    keys: &Keys,
) -> Result<Option<Checkpoint>, HistoryError> {
    checkpoint(folder, keys.verifier())
}

/// The state after a file, and the records in it.
pub(super) fn read_file(
    folder: &Path,
    number: u64,
    keys: &Keys,
) -> Result<(Chain, Vec<Vec<u8>>), HistoryError> {
    let path = file(folder, number);
    let (mut chain, records) = read_unchecked(folder, number, keys)?;
    for (i, r) in records.iter().enumerate() {
        chain.check(r).map_err(|e| altered(&path, &format!("record {i}: {e}")))?;
        chain.push(r);
    }
    Ok((chain, records))
}

/// What was before a file, and the records in it; nobody has looked whether they follow it.
pub(super) fn read_unchecked(
    folder: &Path,
    number: u64,
    keys: &Keys,
) -> Result<(Chain, Vec<Vec<u8>>), HistoryError> {
    let path = file(folder, number);
    let recovered = SealedLog::read(&path, &keys.store)?;
    let mut records = recovered.records.into_iter();
    let head = records.next().ok_or_else(|| altered(&path, "it has no head"))?;
    let (_, before) = Head::read(&head, number, keys.verifier(), &path)?;
    Ok((before, records.map(|r| r.to_vec()).collect()))
}

fn head(number: u64, chain: &Chain, keys: &Keys, at_ms: i64) -> Result<Head, HistoryError> {
    let note = if chain.size() == 0 { None } else { Some(sign(chain, keys)?) };
    Ok(Head { v: 1, file: number, chain: BASE64.encode(chain.to_bytes()), note, at_ms })
}

/// A checkpoint over a chain.
pub(super) fn sign(chain: &Chain, keys: &Keys) -> Result<String, HistoryError> {
    let origin = keys.verifier().name().to_owned();
    let c = Checkpoint { origin, size: chain.size(), root: chain.root(), extensions: Vec::new() };
    c.sign(&keys.signer).map_err(|_| HistoryError::Crypto)
}

/// The checkpoint on disk; `None` before the first.
fn checkpoint(folder: &Path, key: &VerifierKey) -> Result<Option<Checkpoint>, HistoryError> {
    let path = folder.join(CHECKPOINT);
    match fs::read(&path) {
        Ok(note) => Checkpoint::open(&note, key)
            .map(Some)
            .map_err(|e| altered(&path, &format!("the checkpoint: {e}"))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_at(&path, e)),
    }
}

pub(super) fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.{ENDING}"))
}

/// The numbers of the files that are there, which follow one another.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, HistoryError> {
    let entries = fs::read_dir(folder).map_err(|e| io_at(folder, e))?;
    let mut all = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| io_at(folder, e))?.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(ENDING)?.strip_suffix('.'));
        all.extend(number.and_then(|n| n.parse::<u64>().ok()));
    }
    all.sort_unstable();
    if let Some(pair) = all.windows(2).find(|p| p[1] != p[0] + 1) {
        return Err(altered(folder, &format!("file {} is missing", pair[0] + 1)));
    }
    Ok(all)
}

/// Moves a history that cannot be continued out of the way, unchanged.
fn put_aside(folder: &Path) -> Result<PathBuf, HistoryError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for n in 1..=ASIDE_MAX {
        let to = folder.with_file_name(format!("{name}.damaged-{n}"));
        if !to.exists() {
            fs::rename(folder, &to).map_err(|e| io_at(folder, e))?;
            return Ok(to);
        }
    }
    let full = io::Error::other("too many histories were put aside; move them elsewhere");
    Err(io_at(folder, full))
}

pub(super) fn io_at(path: &Path, source: io::Error) -> HistoryError {
    HistoryError::Io { path: path.into(), source }
}

pub(super) fn altered(path: &Path, why: &str) -> HistoryError {
    HistoryError::Altered { path: path.into(), why: why.into() }
}
