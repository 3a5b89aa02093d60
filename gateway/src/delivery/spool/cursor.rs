//! How far a receiver is: one number in a file, replaced in one step.

use signet_journal::LogError;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
};

const ENDING: &str = "cursor";

#[derive(Debug)]
pub(crate) struct Cursor {
    name: String,
    /// The receiver has everything up to here.
    pub(crate) confirmed: u64,
    written: u64,
}

impl Cursor {
    /// 0 when there is none or it cannot be read: then everything is sent again.
    pub(crate) fn read(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(format!("{name}.{ENDING}"))).unwrap_or_default();
        let confirmed = text.trim().parse().unwrap_or(0);
        Self { name: name.into(), confirmed, written: confirmed }
    }

    pub(crate) fn write(&mut self, folder: &Path) -> Result<(), LogError> {
        if self.written == self.confirmed {
            return Ok(());
        }
        let path = folder.join(format!("{}.{ENDING}", self.name));
        replace(&path, &self.confirmed.to_string())
            .map_err(|source| LogError::Io { path, source })?;
        self.written = self.confirmed;
        Ok(())
    }
}

/// What [`replace`] wrote, of `max` bytes at most. `None`: the file is missing.
pub(crate) fn read_text(path: &Path, max: u64) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    file.take(max.saturating_add(1)).read_to_string(&mut text)?;
    match text.len() as u64 > max {
        true => Err(io::Error::other("it is too large")),
        false => Ok(Some(text)),
    }
}

/// After a crash the old text is there or the new one.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    // Windows does not rename an open file.
    drop(file);
    fs::rename(&temporary, path)
}

/// Removes the cursors of receivers that are not there now.
pub(crate) fn remove_others(folder: &Path, receivers: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_cursor = path.extension().is_some_and(|e| e == ENDING);
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if is_cursor && !receivers.contains(&name) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
