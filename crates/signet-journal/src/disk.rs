//! Disks that refuse to write, for tests: as when they are full or broken.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The files that are refused, and how many appends to each are taken before that.
static REFUSING: Mutex<BTreeMap<PathBuf, u32>> = Mutex::new(BTreeMap::new());

fn refusing() -> MutexGuard<'static, BTreeMap<PathBuf, u32>> {
    REFUSING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the disk refuses what this process appends to the file, or takes it again.
pub fn refuses(file: &Path, refuses: bool) {
    match refuses {
        true => refuses_after(file, 0),
        false => drop(refusing().remove(file)),
    }
}

/// The disk takes so many appends to the file, which need not exist yet, and refuses the others.
pub fn refuses_after(file: &Path, appends: u32) {
    refusing().insert(file.to_path_buf(), appends);
}

pub(crate) fn ask(file: &Path) -> io::Result<()> {
    match refusing().get_mut(file) {
        Some(0) => Err(io::ErrorKind::StorageFull.into()),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
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
