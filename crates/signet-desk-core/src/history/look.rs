//! Reading back what happened in some days. The desk may be writing meanwhile: a file is read as
//! far as it is there.

use super::{
    HistoryError, HistoryExport, Keys,
    copy::of_folder,
    files::{is_begun, numbers, read_file},
};
use signet_history::{Chain, Record, Selection};
use std::path::{Path, PathBuf};

/// Files that one look reads: with a file a day, two weeks and a margin.
const FILES_MAX: usize = 16;
/// How far a laptop's clock may have been set back without a record being overlooked.
const CLOCK_MARGIN_MS: i64 = 3_600_000;

/// Reads the history of one identity.
pub(crate) struct Reader {
    folder: PathBuf,
    keys: Keys,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// In order, and each checked against the one before it.
    pub(crate) records: Vec<Record>,
    /// Number of records in the history, as far as it was read.
    pub(crate) size: u64,
    /// There are more files of these days than one look reads.
    pub(crate) more: bool,
}

impl Reader {
    pub(crate) fn new(folder: &Path, keys: Keys) -> Self {
        Self { folder: folder.into(), keys }
    }

    /// Whose history it is.
    pub(crate) fn desk(&self) -> &str {
        &self.keys.desk
    }

    /// The key that its checkpoints are signed with.
    pub(crate) fn key(&self) -> String {
        self.keys.verifier().to_string()
    }

    /// Everything as it leaves the laptop.
    ///
    /// # Errors
    /// The files cannot be read, or were altered.
    pub(crate) fn export(&self, wanted: &Selection) -> Result<HistoryExport, HistoryError> {
        of_folder(&self.folder, &self.keys, wanted)
    }

    /// The records of the days from `from_ms` until `to_ms`, on the laptop's clock, that are to be
    /// kept.
    ///
    /// # Errors
    /// The files cannot be read, or were altered.
    pub(crate) fn between(
        &self,
        from_ms: i64,
        to_ms: i64,
        kept: impl Fn(&Record) -> bool,
    ) -> Result<Looked, HistoryError> {
        let mut all = numbers(&self.folder)?;
        if let Some(last) = all.last().copied()
            && !is_begun(&self.folder, last, &self.keys)?
        {
            all.pop();
        }
        let from_ms = from_ms.saturating_sub(CLOCK_MARGIN_MS);
        let first = self.first_file(&all, from_ms)?;
        let mut out = Looked::default();
        for number in all.iter().skip(first).take(FILES_MAX) {
            let (chain, records) = self.file(*number)?;
            out.size = chain.size();
            let late = |r: &Record| r.at_ms > to_ms.saturating_add(CLOCK_MARGIN_MS);
            let over = records.first().is_some_and(late);
            let wanted = |r: &Record| r.at_ms >= from_ms && !late(r) && kept(r);
            out.records.extend(records.into_iter().filter(wanted));
            if over {
                return Ok(out);
            }
        }
        out.more = all.len() > first.saturating_add(FILES_MAX);
        Ok(out)
    }

    /// The newest records, of as many files as these, that are older than `before_ms`.
    ///
    /// # Errors
    /// As [`Self::between`].
    pub(crate) fn newest(&self, files: usize, before_ms: i64) -> Result<Vec<Record>, HistoryError> {
        let all = numbers(&self.folder)?;
        let mut out = Vec::new();
        for number in all.iter().skip(all.len().saturating_sub(files)) {
            if is_begun(&self.folder, *number, &self.keys)? {
                let (_, records) = self.file(*number)?;
                out.extend(records.into_iter().filter(|r| r.at_ms < before_ms));
            }
        }
        Ok(out)
    }

    /// The place of the last file whose first record is not later than this.
    fn first_file(&self, all: &[u64], from_ms: i64) -> Result<usize, HistoryError> {
        let (mut low, mut high) = (0, all.len());
        // The times of files only grow, apart from the margin.
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let (_, records) = self.file(all[middle])?;
            match records.first().is_some_and(|r| r.at_ms > from_ms) {
                true => high = middle,
                false => low = middle,
            }
        }
        Ok(low)
    }

    fn file(&self, number: u64) -> Result<(Chain, Vec<Record>), HistoryError> {
        let (chain, records) = read_file(&self.folder, number, &self.keys)?;
        let read = records.iter().filter_map(|r| Record::read(r).ok()).collect();
        Ok((chain, read))
    }
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
