//! Reading back what happened in some days. The desk may be writing meanwhile: a file is read as
//! far as it is there.

use super::{
    HistoryError, HistoryExport, Keys,
    copy::{TEXT_MAX, of_folder},
    files::{begun, read_file, read_first},
};
use signet_history::{Chain, Record, Selection};
use std::path::{Path, PathBuf};

/// Files that one look reads: with a file a day, two months; on a day of most quotes, minutes.
const FILES_MAX: usize = 64;
/// Of them so many, at most, are before the one of the moment that is asked about: days of many
/// quotes have hundreds of files, and the margin alone would take them all.
const FILES_BEFORE: usize = 8;
/// How far a laptop's clock may have been set back without a record being overlooked.
pub(super) const CLOCK_MARGIN_MS: i64 = 3_600_000;

/// Reads the history of one identity.
pub(crate) struct Reader {
    pub(super) folder: PathBuf,
    pub(super) keys: Keys,
}

/// What was found beside the records.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Number of records in the history, as far as it was read.
    pub(crate) size: u64,
    /// There are more files of these days than one look reads.
    pub(crate) more: bool,
}

/// The time that a look is about, milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// The moment that must not be missed, on the venue's clock.
    pub(crate) at_ms: i64,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
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

    /// Everything as it leaves the laptop, unless it is too long for a program that trades.
    ///
    /// # Errors
    /// The files cannot be read, or were altered; or the text is too long.
    pub(crate) fn export(&self, wanted: &Selection) -> Result<HistoryExport, HistoryError> {
        of_folder(&self.folder, &self.keys, wanted, TEXT_MAX)
    }

    /// Hands over the records of this time, on the laptop's clock, in order and each checked
    /// against the one before it. One file at a time is in memory.
    ///
    /// # Errors
    /// The files cannot be read, or were altered.
    pub(crate) fn between(
        &self,
        when: Around,
        mut take: impl FnMut(&Record),
    ) -> Result<Looked, HistoryError> {
        let all = begun(&self.folder, &self.keys)?;
        let from_ms = when.from_ms.saturating_sub(CLOCK_MARGIN_MS);
        let nearest = self.first_file(&all, when.at_ms)?.saturating_sub(FILES_BEFORE);
        let first = self.first_file(&all, from_ms)?.max(nearest);
        let late = |r: &Record| r.at_ms > when.to_ms.saturating_add(CLOCK_MARGIN_MS);
        let mut out = Looked::default();
        for number in all.iter().skip(first).take(FILES_MAX) {
            let (chain, records) = self.file(*number)?;
            out.size = chain.size();
            let wanted = |r: &&Record| r.at_ms >= from_ms && !late(r);
            records.iter().filter(wanted).for_each(&mut take);
            if records.first().is_some_and(late) {
                return Ok(out);
            }
        }
        out.more = all.len() > first.saturating_add(FILES_MAX);
        Ok(out)
    }

    /// The place of the last file whose first record is not later than this on the venue's clock,
    /// as far as the desk knew that.
    fn first_file(&self, all: &[u64], from_ms: i64) -> Result<usize, HistoryError> {
        let (mut low, mut high) = (0, all.len());
        // The times of files only grow, apart from the margin.
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let first = read_first(&self.folder, all[middle], &self.keys)?;
            match first.is_some_and(|r| r.venue_ms() > from_ms) {
                true => high = middle,
                false => low = middle,
            }
        }
        Ok(low)
    }

    /// The state after a file, and its records, each checked against the one before it.
    pub(super) fn file(&self, number: u64) -> Result<(Chain, Vec<Record>), HistoryError> {
        let (chain, records) = read_file(&self.folder, number, &self.keys)?;
        let read = records.iter().filter_map(|r| Record::read(r).ok()).collect();
        Ok((chain, read))
    }
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
