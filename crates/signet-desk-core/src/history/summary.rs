//! What was worked out of a closed file of the history, kept beside it so that the file need not be
//! read again.
//!
//! A summary is sealed under the key of the files and bound to its file: to its number and length,
//! and to what its signed head and that of the next file say was before each. One that is missing,
//! cut, altered, of another version or of another file is made again. It proves nothing, and goes
//! with its file.

use super::{
    HistoryError, Reader,
    files::{begun, file, io_at, read_head},
    look::CLOCK_MARGIN_MS,
};
use signet_history::{Chain, Record};
use signet_journal::KeyIndex;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const ENDING: &str = "dealers";
/// What is left of a summary that was being written when the desk ended.
const UNFINISHED: &str = ".new";

/// What is worked out of the records of one file alone.
pub(crate) trait Summary: Sized {
    /// Works it out.
    fn of(records: &[Record]) -> Self;
    /// The stored form.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the stored form; `None`: of another version, or none.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// A file of the history, as the heads say.
#[derive(Debug)]
pub(crate) struct Past {
    number: u64,
    /// The history before it.
    before: Chain,
    /// The history after it, as the next file says; `None`: it may still be written.
    after: Option<Chain>,
}

impl Past {
    /// What a summary of it is bound to; of a file that may still be written there is none.
    fn binding(&self, length: u64) -> Option<Vec<u8>> {
        let after = self.after.as_ref()?.to_bytes();
        let (number, length) = (self.number.to_le_bytes(), length.to_le_bytes());
        // A chain says how long it is, so that no two bindings are the same bytes.
        Some([&number[..], &length, &self.before.to_bytes(), &after].concat())
    }
}

impl Reader {
    /// The files that may have records since this moment on the laptop's clock, oldest first. Heads
    /// only are read.
    ///
    /// # Errors
    /// The files cannot be read, or were altered.
    pub(crate) fn since(&self, from_ms: i64) -> Result<Vec<Past>, HistoryError> {
        let all = begun(&self.folder, &self.keys)?;
        if let Some(first) = all.first() {
            remove_summaries(&self.folder, *first);
        }
        let mut found: Vec<Past> = Vec::new();
        let mut was_old = false;
        for number in all.iter().rev() {
            let (head, before) = match read_head(&self.folder, *number, &self.keys) {
                Ok(Some(read)) => read,
                // The oldest ones may be removed meanwhile.
                Err(e) if !found.is_empty() => {
                    tracing::warn!(error = %e, "the history is not read further back");
                    break;
                }
                Ok(None) => break,
                Err(e) => return Err(e),
            };
            // One that is alone in it began while the laptop's clock was behind.
            let old = head.at_ms < from_ms.saturating_sub(CLOCK_MARGIN_MS);
            if old && was_old {
                break;
            }
            was_old = old;
            let after = found.last().map(|next| next.before.clone());
            found.push(Past { number: *number, before, after });
        }
        found.reverse();
        Ok(found)
    }

    /// Whether a closed file has no summary at all.
    pub(crate) fn lacks(&self, past: &Past) -> bool {
        past.after.is_some() && !of_file(&self.folder, past.number).exists()
    }

    /// What is worked out of a file, and whether the file had to be read for it. A summary is then
    /// kept, if the file is closed.
    ///
    /// # Errors
    /// The file cannot be read, or was altered.
    pub(crate) fn summary<S: Summary>(&self, past: &Past) -> Result<(S, bool), HistoryError> {
        let log = file(&self.folder, past.number);
        let length = fs::metadata(&log).map_err(|e| io_at(&log, e))?.len();
        let binding = past.binding(length);
        if let Some(binding) = &binding
            && let Some(kept) = self.kept(past.number, binding)
        {
            return Ok((kept, false));
        }
        let (after, records) = self.file(past.number)?;
        let made = S::of(&records);
        // A next file whose beginning failed says less than was written since then.
        if let Some(binding) = binding.filter(|_| past.after.as_ref() == Some(&after)) {
            self.keep(past.number, &binding, &made.to_bytes());
        }
        Ok((made, true))
    }

    fn kept<S: Summary>(&self, number: u64, binding: &[u8]) -> Option<S> {
        let path = of_file(&self.folder, number);
        let kept = KeyIndex::open(&path, &self.keys.store, binding).ok()?;
        S::read(kept.note())
    }

    /// A summary that cannot be kept, or is too long for it, is worked out again the next time.
    fn keep(&self, number: u64, binding: &[u8], bytes: &[u8]) {
        let path = of_file(&self.folder, number);
        let no_keys = std::iter::empty::<&[u8]>();
        if let Err(e) = KeyIndex::write(&path, &self.keys.store, binding, bytes, no_keys) {
            tracing::debug!(error = %e, "a summary of the history is not kept");
        }
        // The file may have been removed meanwhile, and its summary before this one came.
        if !file(&self.folder, number).exists() {
            remove(&path);
        }
    }
}

fn of_file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.{ENDING}"))
}

/// Removes the summaries of files before this one. What cannot be removed is tried again the next
/// time: it holds up nothing.
pub(super) fn remove_summaries(folder: &Path, before: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_str().map(|n| n.strip_suffix(UNFINISHED).unwrap_or(n));
        let number = name.and_then(|n| n.strip_suffix(ENDING)?.strip_suffix('.'));
        if number.and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n < before) {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::debug!(error = %e, path = %path.display(), "a summary is not removed");
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
