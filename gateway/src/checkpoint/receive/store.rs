//! What is kept of one gateway's checkpoints: files that only this gateway's account may read.
//!
//! | file | holds |
//! | --- | --- |
//! | `latest.checkpoint` | the newest; the same once more when it was signed later |
//! | `DAY/SIZE.checkpoint` | those that were taken, at most [`HISTORY_MAX`] |
//! | `refused/fork-SIZE-ROOT.checkpoint` | those that contradict one that is held, at most [`REFUSED_MAX`] of each kind; `rollback-` and `inconsistent-` likewise |
//!
//! Each is a signed note as it came, so that `journal verify --checkpoint` takes the whole folder.
//! What is in memory is only a view of the files: after a fault, and when somebody has moved them
//! away, they are read again.

use super::judge::{Contradiction, Head, Held, Offer, Verdict, judge};
use crate::checkpoint::thread::signed_at;
use signet_fix::bucket::Bucket;
use signet_journal::{private_folder, replace_file};
use signet_rfq::UtcMillis;
use signet_tlog::{Checkpoint, CheckpointError, note::VerifierKey};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, UNIX_EPOCH},
};
use time::{
    Date, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

const LATEST: &str = "latest.checkpoint";
const REFUSED: &str = "refused";
const ENDING: &str = ".checkpoint";
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Checkpoints in the folders of days: at one a minute two weeks of them, and of each day before
/// that the last.
const HISTORY_MAX: usize = 20_000;
/// Of each kind. The first ones prove what happened; later ones add nothing.
const REFUSED_MAX: usize = 64;
/// What goes into the folders of days: so many at once, then one in so long. Of those that come
/// faster only the newest is kept, so that a gateway that rewrote its log cannot push out within
/// minutes what it has sent before.
const HISTORY_BURST: u32 = 60;
const HISTORY_REFILL: Duration = Duration::from_secs(10);

/// The day on which a checkpoint came, and its size.
type Entry = (Date, u64);

/// Why the files of a gateway cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum StoreError {
    /// At fault: the disk, or the rights on the folder.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// At fault: whoever changed the file, or set another key in the configuration.
    #[error("{path}: {source}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
}

/// The checkpoints of one gateway.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    held: Option<Held>,
    received: Option<UtcMillis>,
    kept: BTreeSet<Entry>,
    room: Bucket,
}

impl Store {
    /// Reads what is there. Nothing has to be.
    ///
    /// # Errors
    /// The folder cannot be read, or the newest checkpoint in it is not one of this key.
    pub(super) fn open(folder: &Path, key: &VerifierKey) -> Result<Self, StoreError> {
        let kept = entries(folder)?;
        let (mut held, mut received) = (None::<Held>, None);
        // A stop between the two writes leaves the newest in the folder of its day only.
        let newest = kept.iter().max_by_key(|(_, size)| *size).map(|e| path_of(folder, e));
        for path in [Some(folder.join(LATEST)), newest].into_iter().flatten() {
            let Some(found) = read(&path, key)? else { continue };
            if held.is_none_or(|h| found.head.size > h.head.size) {
                (held, received) = (Some(found), modified(&path));
            }
        }
        let room = Bucket::new(HISTORY_BURST, HISTORY_REFILL);
        Ok(Self { folder: folder.into(), held, received, kept, room })
    }

    /// The newest, and when it came.
    pub(super) fn newest(&self) -> Option<(Head, UtcMillis)> {
        Some((self.held?.head, self.received.unwrap_or(UtcMillis(0))))
    }

    /// Whether the files were moved away since they were read.
    pub(super) fn is_gone(&self) -> bool {
        self.held.is_some() && !self.folder.join(LATEST).exists()
    }

    /// Judges a checkpoint that the log's key signed, and keeps it when it is taken. When this
    /// returns, the disk has it. `now` is on the steady clock.
    ///
    /// # Errors
    /// It could not be written. Then this view may differ from the files; open them again.
    pub(super) fn take(
        &mut self,
        note: &[u8],
        offer: &Offer<'_>,
        at: UtcMillis,
        now: Instant,
    ) -> Result<Verdict, StoreError> {
        let verdict = judge(self.held.as_ref(), offer);
        match verdict {
            Verdict::First | Verdict::Grown => {
                if self.room.take(now, 1) {
                    let entry = (day(at), offer.head.size);
                    write(&self.folder.join(entry.0.to_string()), &name_of(entry.1), note)?;
                    self.kept.insert(entry);
                }
                self.keep_as_newest(note, offer, at)?;
                self.shrink(HISTORY_MAX);
            }
            // Its time is what the next one is compared with, also after a restart.
            Verdict::Later => self.keep_as_newest(note, offer, at)?,
            _ => {}
        }
        Ok(verdict)
    }

    fn keep_as_newest(
        &mut self,
        note: &[u8],
        offer: &Offer<'_>,
        at: UtcMillis,
    ) -> Result<(), StoreError> {
        write(&self.folder, LATEST, note)?;
        self.held = Some(Held { head: offer.head, signed: offer.signed });
        self.received = Some(at);
        Ok(())
    }

    /// What cannot be removed is tried again with the next checkpoint.
    fn shrink(&mut self, max: usize) {
        for entry in surplus(&self.kept, max) {
            let path = path_of(&self.folder, &entry);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    let path = path.display();
                    return tracing::warn!(%path, "an old checkpoint cannot be removed: {e}");
                }
                _ => {
                    self.kept.remove(&entry);
                }
            }
            // Succeeds for the last one of its day only.
            let _ = fs::remove_dir(self.folder.join(entry.0.to_string()));
        }
    }

    /// Keeps a note that contradicts what is held. Returns where it is, or `None` when enough of
    /// its kind are kept. The same statement is kept once, however often it comes.
    ///
    /// # Errors
    /// It could not be written.
    pub(super) fn keep_refused(
        &self,
        what: Contradiction,
        note: &[u8],
        offered: &Head,
    ) -> Result<Option<PathBuf>, StoreError> {
        let (kind, root) = (what.word(), signet_registry::hex(&offered.root));
        let name = format!("{kind}-{:020}-{root}{ENDING}", offered.size);
        let folder = self.folder.join(REFUSED);
        let there = listed(&folder)?;
        if !there.iter().any(|(_, n)| *n == name) {
            let alike = |n: &str| n.starts_with(kind) && n.ends_with(ENDING);
            if there.iter().filter(|(_, n)| alike(n)).count() >= REFUSED_MAX {
                return Ok(None);
            }
            write(&folder, &name, note)?;
        }
        Ok(Some(folder.join(name)))
    }
}

/// What goes when more than `max` are kept: the oldest, but the last of a day only when nothing
/// else is left.
fn surplus(kept: &BTreeSet<Entry>, max: usize) -> Vec<Entry> {
    let excess = kept.len().saturating_sub(max);
    if excess == 0 {
        return Vec::new();
    }
    let all: Vec<Entry> = kept.iter().copied().collect();
    let is_last = |i: usize| all.get(i + 1).is_none_or(|next| next.0 != all[i].0);
    let (lasts, others): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|i| is_last(*i));
    others.into_iter().chain(lasts).take(excess).map(|i| all[i]).collect()
}

/// The name of a checkpoint's file.
fn name_of(size: u64) -> String {
    format!("{size:020}{ENDING}")
}

/// The size in such a name.
fn size_of(name: &str) -> Option<u64> {
    let size = name.strip_suffix(ENDING)?.parse().ok()?;
    (name_of(size) == name).then_some(size)
}

fn path_of(folder: &Path, (day, size): &Entry) -> PathBuf {
    folder.join(day.to_string()).join(name_of(*size))
}

fn day(at: UtcMillis) -> Date {
    OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date()
}

fn read_day(name: &str) -> Option<Date> {
    Date::parse(name, DAY).ok().filter(|day| day.to_string() == name)
}

/// The checkpoints in the folders of days. Other files are left alone.
fn entries(folder: &Path) -> Result<BTreeSet<Entry>, StoreError> {
    let mut all = BTreeSet::new();
    for (path, name) in listed(folder)? {
        let Some(day) = read_day(&name).filter(|_| path.is_dir()) else { continue };
        let there = listed(&path)?;
        all.extend(there.iter().filter_map(|(_, name)| size_of(name)).map(|size| (day, size)));
    }
    Ok(all)
}

/// What a folder holds; nothing when there is none.
fn listed(folder: &Path) -> Result<Vec<(PathBuf, String)>, StoreError> {
    let fault = |source| StoreError::Io { path: folder.into(), source };
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fault(e)),
    };
    let mut all = Vec::new();
    for entry in found {
        let entry = entry.map_err(fault)?;
        // A name that is not text is none of ours.
        if let Ok(name) = entry.file_name().into_string() {
            all.push((entry.path(), name));
        }
    }
    Ok(all)
}

/// The checkpoint in a file; `None` where the file is missing.
fn read(path: &Path, key: &VerifierKey) -> Result<Option<Held>, StoreError> {
    let note = match fs::read(path) {
        Ok(note) => note,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { path: path.into(), source }),
    };
    let checkpoint = Checkpoint::open(&note, key)
        .map_err(|source| StoreError::Unusable { path: path.into(), source })?;
    Ok(Some(Held { head: Head::of(&checkpoint), signed: signed_at(&checkpoint) }))
}

/// When a file was written.
fn modified(path: &Path) -> Option<UtcMillis> {
    let since = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(UtcMillis)
}

fn write(folder: &Path, name: &str, note: &[u8]) -> Result<(), StoreError> {
    let path = folder.join(name);
    private_folder(folder)
        .and_then(|()| replace_file(&path, note))
        .map_err(|source| StoreError::Io { path, source })
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
