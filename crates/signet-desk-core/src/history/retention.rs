//! The removal of old files. What is left begins with a head that is signed, and a record says what
//! was removed, so that it still verifies.

use super::{
    HistoryError,
    files::{Files, file, io_at, numbers, read_head},
    summary::remove_summaries,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_history::{Moment, What};
use std::fs;

/// A file that began so much later than now began while the laptop's clock was ahead.
const AHEAD_MS: i64 = 86_400_000;

impl Files {
    /// Removes the files whose every record is older than this. How many records that is.
    pub(super) fn remove_before(
        &mut self,
        m: Moment,
        cutoff_ms: i64,
        keep_days: u32,
    ) -> Result<u64, HistoryError> {
        let all = numbers(&self.folder)?;
        let mut first = None;
        for (i, number) in all.iter().enumerate() {
            // Windows lets nobody read a file that is locked, and seldom is all else so old.
            if *number == self.number && (i == 0 || self.began_ms > cutoff_ms) {
                break;
            }
            // Heads only: this is the thread that writes, and days may have hundreds of files.
            let Some((head, before)) = read_head(&self.folder, *number, self.keys())? else {
                break;
            };
            // How old it is, the next one says.
            if head.at_ms > m.at_ms.saturating_add(AHEAD_MS) {
                continue;
            }
            // What is in a file is younger than its beginning, and everything before it is older.
            if head.at_ms > cutoff_ms {
                break;
            }
            first = Some((i, before)).filter(|(i, _)| *i > 0);
        }
        let Some((kept, before)) = first else { return Ok(0) };
        let root = BASE64.encode(before.root());
        self.append(m, What::Removed { before: before.size(), root, keep_days })?;
        self.sync()?;
        self.note()?;
        if let Some(first) = all.get(kept) {
            remove_summaries(&self.folder, *first);
        }
        // Oldest first: what a crash leaves still follows one another.
        for number in &all[..kept] {
            let path = file(&self.folder, *number);
            fs::remove_file(&path).map_err(|e| io_at(&path, e))?;
        }
        Ok(before.size())
    }
}
