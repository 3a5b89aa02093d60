//! How a file is told from its successor without reading it.

use std::{fs, path::Path, time::SystemTime};

/// Modification time and length; `None` while the file does not exist.
pub type Stamp = Option<(SystemTime, u64)>;

pub fn of(file: &Path) -> Stamp {
    let m = fs::metadata(file).ok()?;
    Some((m.modified().ok()?, m.len()))
}
