//! Disks that refuse to write, for tests: as when they are full or broken.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

static REFUSING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn refusing() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    REFUSING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the disk refuses what this process appends to the file, or takes it again.
pub fn refuses(file: &Path, refuses: bool) {
    match refuses {
        true => drop(refusing().insert(file.to_path_buf())),
        false => drop(refusing().remove(file)),
    }
}

pub(crate) fn ask(file: &Path) -> io::Result<()> {
    let refuses = refusing().contains(file);
    if refuses { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogError, SealedLog, StoreKey};

    #[test]
    fn a_record_that_was_refused_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let key = StoreKey::new([1; 32]);
        let (mut log, _) = SealedLog::open(&path, &key).unwrap();
        log.append(b"one").unwrap();
        refuses(&path, true);
        assert!(matches!(log.append(b"two"), Err(LogError::Io { .. })));
        refuses(&path, false);
        log.append(b"three").unwrap();
        drop(log);
        let (_, recovered) = SealedLog::open(&path, &key).unwrap();
        let read: Vec<&[u8]> = recovered.records.iter().map(|r| &r[..]).collect();
        assert_eq!(read, [&b"one"[..], b"three"]);
    }
}
