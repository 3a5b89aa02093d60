//! How far the events of the business are on disk: the last one that follows from a record of the
//! evidence. It is in the uid of that event, and in a file for the time when the event is gone.

use super::{Record, load, replace, segments};
use signet_events::Origin;
use signet_journal::{LogError, StoreKey};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Beside segments and cursors; no receiver has this name, since theirs end in `.cursor`.
const FILE: &str = "told";

#[derive(Debug)]
pub(super) struct Horizon {
    last: Option<Origin>,
    written: Option<Origin>,
}

impl Horizon {
    /// What the file says, and the last segment, which is newer.
    pub(super) fn read(folder: &Path, key: &StoreKey) -> io::Result<Self> {
        let text = fs::read_to_string(file(folder)).unwrap_or_default();
        let written = Origin::read(text.trim());
        let last = match segments(folder)?.into_iter().max() {
            // One that cannot be read is told where it is opened.
            Some((_, path)) => load(&path, key).unwrap_or_default().iter().rev().find_map(origin),
            None => None,
        };
        Ok(Self { last: last.or(written), written })
    }

    /// An event that is appended.
    pub(super) fn passes(&mut self, record: &Record) {
        self.last = origin(record).or(self.last);
    }

    pub(super) fn begins_at(&mut self, origin: Origin) {
        self.last.get_or_insert(origin);
    }

    pub(super) fn write(&mut self, folder: &Path) -> Result<(), LogError> {
        if let Some(last) = self.last.filter(|last| Some(*last) != self.written) {
            let path = file(folder);
            replace(&path, &last.to_string()).map_err(|source| LogError::Io { path, source })?;
            self.written = Some(last);
        }
        Ok(())
    }
}

/// The last event of the business that is on disk, before the spool is opened.
pub(crate) fn newest(folder: &Path, key: &StoreKey) -> Option<Origin> {
    Horizon::read(folder, key).ok()?.last
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The end of a uid says where its event comes from.
fn origin(record: &Record) -> Option<Origin> {
    Origin::read(record.uid.rsplit('.').next()?)
}
