//! The removal of old files. What is left begins with a head that is signed, and a record says what
//! was removed, so that it still verifies.

use super::{
    HistoryError,
    files::{Files, Head, file, io_at, numbers},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_history::{Moment, What};
use signet_journal::SealedLog;
use std::fs;

impl Files {
    /// Removes the files whose every record is older than this. How many records that is.
    pub(super) fn remove_before(
        &mut self,
        m: Moment,
        cutoff_ms: i64,
        keep_days: u32,
    ) -> Result<u64, HistoryError> {
        let all = numbers(&self.folder)?;
        let (store, key) = self.keys();
        let mut first = None;
        for (i, next) in all.iter().enumerate().skip(1) {
            let path = file(&self.folder, *next);
            let recovered = SealedLog::read(&path, store)?;
            let Some(record) = recovered.records.first() else { break };
            let (head, before) = Head::read(record, *next, key, &path)?;
            // Everything before a file is older than its beginning.
            if head.at_ms > cutoff_ms {
                break;
            }
            first = Some((i, before));
        }
        let Some((kept, before)) = first else { return Ok(0) };
        let root = BASE64.encode(before.root());
        self.append(m, What::Removed { before: before.size(), root, keep_days })?;
        self.sync()?;
        self.note()?;
        // Oldest first: what a crash leaves still follows one another.
        for number in &all[..kept] {
            let path = file(&self.folder, *number);
            fs::remove_file(&path).map_err(|e| io_at(&path, e))?;
        }
        Ok(before.size())
    }
}
