//! Events on disk until every receiver has them.
//!
//! Segments are sealed record files (`signet-journal`), each begun by one run of the gateway and
//! never appended to by another, named by the number of their first event. A segment goes when
//! every receiver has all of it. Memory holds the newest segment and, for a receiver that is
//! behind, one older one.

mod cursor;
mod horizon;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use cursor::{read_text, replace};
pub(crate) use record::{Draft, Record};

use cursor::Cursor;
use horizon::Horizon;
pub(crate) use horizon::newest;
use signet_events::Origin;
use signet_journal::{LogError, SealedLog, StoreKey, private_folder};
use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

const ENDING: &str = "spool";
/// A spool is of so many segments, when these are not too small or too large.
const SEGMENTS: u64 = 32;
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 64 * 1024..=8 * 1024 * 1024;

/// Why an event is not in the spool, or cannot be read from it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// At fault: the receivers, which take nothing, or `siem.spool_mb`.
    #[error("the spool has reached siem.spool_mb")]
    Full,
    /// At fault: the disk, or whoever changed the files.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A segment that is not appended to.
#[derive(Debug)]
struct Closed {
    path: PathBuf,
    first: u64,
    last: u64,
    bytes: u64,
}

/// The segment that is appended to.
struct Active {
    log: SealedLog,
    first: u64,
    records: Vec<Rc<Record>>,
}

impl Active {
    fn last(&self) -> u64 {
        self.first + self.records.len() as u64 - 1
    }
}

/// What a receiver that is behind has read from disk.
#[derive(Default)]
pub(crate) struct Reader {
    loaded: Option<(u64, Rc<Vec<Rc<Record>>>)>,
}

pub(crate) struct Spool {
    folder: PathBuf,
    key: StoreKey,
    /// Random, of this run: with it a number names one event only, whatever backup was restored.
    epoch: String,
    next: u64,
    closed: VecDeque<Closed>,
    active: Option<Active>,
    cursors: Vec<Cursor>,
    bytes_max: u64,
    segment_bytes: u64,
    full: bool,
    horizon: Horizon,
}

impl Spool {
    /// Opens or makes the spool, with a cursor for each receiver. Cursors of receivers that are not
    /// configured now are removed.
    pub(crate) fn open(
        folder: &Path,
        key: &StoreKey,
        receivers: &[&str],
        bytes_max: u64,
    ) -> Result<Self, SpoolError> {
        let io = |source| LogError::Io { path: folder.into(), source };
        private_folder(folder).map_err(io)?;
        let mut paths = segments(folder).map_err(io)?;
        paths.sort();
        let mut closed = VecDeque::new();
        for (n, (first, path)) in paths.iter().enumerate() {
            let bytes = fs::metadata(path).map_err(io)?.len();
            let last = match paths.get(n + 1) {
                Some((next, _)) => next.saturating_sub(1),
                // Only the last one has an end of its own; its torn record, if any, is not counted.
                None => load(path, key)?.last().map_or(*first, |r| r.sequence),
            };
            closed.push_back(Closed { path: path.clone(), first: *first, last, bytes });
        }
        cursor::remove_others(folder, receivers).map_err(io)?;
        let cursors: Vec<_> = receivers.iter().map(|r| Cursor::read(folder, r)).collect();
        let seen = cursors.iter().map(|c| c.confirmed).max().unwrap_or(0);
        let next = closed.back().map_or(0, |c: &Closed| c.last).max(seen) + 1;
        let epoch = signet_registry::random_id().ok_or(LogError::Crypto)?;
        let segment_bytes =
            (bytes_max / SEGMENTS).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        let mut spool = Self {
            folder: folder.into(),
            key: key.clone(),
            epoch: epoch.chars().take(8).collect(),
            next,
            closed,
            active: None,
            cursors,
            bytes_max,
            segment_bytes,
            full: false,
            horizon: Horizon::read(folder, key).map_err(io)?,
        };
        // The next start looks at the last segment only, which may be another one by then.
        spool.horizon.write(folder)?;
        spool.remove_consumed();
        spool.judge();
        Ok(spool)
    }

    /// Number of the newest event; 0 when there was none.
    pub(crate) fn head(&self) -> u64 {
        self.next - 1
    }

    /// Bytes on disk.
    fn bytes(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|c| c.bytes).sum();
        closed + self.active.as_ref().map_or(0, |a| a.log.len())
    }

    /// Whether new business has no room: an eighth is kept for what goes on. It has room again when
    /// a quarter is free.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    pub(crate) fn size_in_words(&self) -> String {
        format!("{} of {} bytes wait for the SIEM", self.bytes(), self.bytes_max)
    }

    fn judge(&mut self) {
        let (used, max) = (self.bytes(), self.bytes_max);
        self.full = if self.full { used > max / 4 * 3 } else { used >= max / 8 * 7 };
    }

    /// Appends one event, which the receivers do not see before [`Self::sync`].
    pub(crate) fn append(
        &mut self,
        make: impl FnOnce(u64, &str) -> Draft,
    ) -> Result<(), SpoolError> {
        if self.bytes() >= self.bytes_max {
            self.full = true;
            return Err(SpoolError::Full);
        }
        let record = Record::new(self.next, make(self.next, &self.epoch));
        if self.active.as_ref().is_some_and(|a| a.log.len() >= self.segment_bytes) {
            self.close()?;
        }
        let active = match &mut self.active {
            Some(a) => a,
            none => none.insert(begin(&self.folder, &self.key, self.next)?),
        };
        active.log.append(&record.encode())?;
        self.horizon.passes(&record);
        active.records.push(Rc::new(record));
        self.next += 1;
        self.judge();
        Ok(())
    }

    fn close(&mut self) -> Result<(), SpoolError> {
        let Some(a) = self.active.take() else { return Ok(()) };
        if let Err(e) = a.log.sync().and_then(|()| self.horizon.write(&self.folder)) {
            self.active = Some(a);
            return Err(e.into());
        }
        let (first, last) = (a.first, a.last());
        if a.records.is_empty() {
            return Ok(());
        }
        let (path, bytes) = (a.log.path().to_path_buf(), a.log.len());
        self.closed.push_back(Closed { path, first, last, bytes });
        Ok(())
    }

    /// Waits until what was appended is on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), SpoolError> {
        match &self.active {
            Some(a) => Ok(a.log.sync()?),
            None => Ok(()),
        }
    }

    /// Drops the oldest segments until there is room; how many events some receiver did not have.
    pub(crate) fn make_room(&mut self) -> u64 {
        let mut lost = 0;
        let oldest = self.cursors.iter().map(|c| c.confirmed).min().unwrap_or(0);
        while self.bytes() + self.segment_bytes > self.bytes_max {
            let Some(c) = self.closed.pop_front() else { break };
            lost += (c.last + 1).saturating_sub(c.first.max(oldest + 1));
            remove(&c.path);
        }
        lost
    }

    /// Events after a number and up to another, not more than `limit` records and bytes. Numbers that
    /// are not there are passed over.
    pub(crate) fn read(
        &self,
        reader: &mut Reader,
        after: u64,
        until: u64,
        limit: (usize, usize),
    ) -> Result<Vec<Rc<Record>>, SpoolError> {
        // One of which nothing is left that is asked for is passed over.
        for c in self.closed.iter().filter(|c| c.last > after && c.first <= until) {
            let records = match &reader.loaded {
                Some((first, records)) if *first == c.first => records.clone(),
                _ => Rc::new(load(&c.path, &self.key)?.into_iter().map(Rc::new).collect()),
            };
            reader.loaded = Some((c.first, records.clone()));
            let found = part(&records, after, until, limit);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        reader.loaded = None;
        Ok(self.active.as_ref().map_or_else(Vec::new, |a| part(&a.records, after, until, limit)))
    }

    /// From here on events can be told again, when there was no such place.
    pub(crate) fn begins_at(&mut self, origin: Origin) -> Result<(), SpoolError> {
        self.horizon.begins_at(origin);
        Ok(self.horizon.write(&self.folder)?)
    }

    pub(crate) fn cursor(&self, which: usize) -> u64 {
        self.cursors[which].confirmed
    }

    /// A receiver has everything up to a number; segments that all have go.
    pub(crate) fn confirm(&mut self, which: usize, sequence: u64) {
        let cursor = &mut self.cursors[which];
        cursor.confirmed = cursor.confirmed.max(sequence.min(self.next - 1));
        self.remove_consumed();
        self.judge();
    }

    pub(crate) fn write_cursor(&mut self, which: usize) -> Result<(), SpoolError> {
        Ok(self.cursors[which].write(&self.folder)?)
    }

    fn remove_consumed(&mut self) {
        let all = self.cursors.iter().map(|c| c.confirmed).min().unwrap_or(0);
        while self.closed.front().is_some_and(|c| c.last <= all) {
            // The cursors say what the files said.
            let written = self.cursors.iter_mut().all(|c| c.write(&self.folder).is_ok());
            if !written {
                return;
            }
            if let Some(c) = self.closed.pop_front() {
                remove(&c.path);
            }
        }
    }
}

fn part(
    records: &[Rc<Record>],
    after: u64,
    until: u64,
    (count, bytes): (usize, usize),
) -> Vec<Rc<Record>> {
    let from = records.partition_point(|r| r.sequence <= after);
    let mut room = bytes;
    let fits = |r: &&Rc<Record>| {
        let fits = r.sequence <= until && room > 0;
        room = room.saturating_sub(r.json.len());
        fits
    };
    records[from..].iter().take(count).take_while(fits).cloned().collect()
}

fn begin(folder: &Path, key: &StoreKey, first: u64) -> Result<Active, SpoolError> {
    let path = folder.join(format!("{first:020}.{ENDING}"));
    let (log, _) = SealedLog::open(&path, key)?;
    Ok(Active { log, first, records: Vec::new() })
}

/// Every record of a segment. A damaged one is put aside and read as far as it authenticates: that
/// the SIEM hears of what is left is better than that it hears nothing.
fn load(path: &Path, key: &StoreKey) -> Result<Vec<Record>, SpoolError> {
    let recovered = match SealedLog::read(path, key) {
        Err(e) if e.is_damage() => {
            tracing::error!(alert = true, error = %e, "events that wait for the SIEM were damaged");
            SealedLog::salvage(path, key)?.1
        }
        read => read?,
    };
    let all = recovered.records.iter().filter_map(|r| Record::decode(r));
    Ok(all.collect())
}

/// Segments with the number of their first event.
fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_segment = path.extension().is_some_and(|e| e == ENDING);
        let first = path.file_stem().and_then(|s| s.to_str()?.parse().ok());
        if let Some(first) = first.filter(|_| is_segment) {
            all.push((first, path));
        }
    }
    Ok(all)
}

fn remove(path: &Path) {
    if let Err(e) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), error = %e, "a segment of the spool stays");
    }
}
