//! Disks that refuse to write, for tests: as when they are full or broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The files that are refused, and how many appends to each are taken before that.
static REFUSING: Mutex<BTreeMap<PathBuf, u32>> = Mutex::new(BTreeMap::new());

/// The files of which nothing that is appended gets from the system's memory to the disk.
static LOSING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

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

/// From now on a wait for the file to be on the disk itself fails, or succeeds again.
pub fn refuses_to_sync(file: &Path, refuses: bool) {
    let mut losing = LOSING.lock().unwrap_or_else(PoisonError::into_inner);
    match refuses {
        true => losing.insert(file.to_path_buf()),
        false => losing.remove(file),
    };
}

pub(crate) fn loses(file: &Path) -> bool {
    LOSING.lock().unwrap_or_else(PoisonError::into_inner).contains(file)
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

    #[test]
    fn a_record_that_does_not_reach_the_disk_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let key = StoreKey::new([1; 32]);
        let read = || -> Vec<Vec<u8>> {
            let recovered = SealedLog::read(&path, &key).unwrap();
            recovered.records.iter().map(|r| r.to_vec()).collect()
        };
        let (mut log, _) = SealedLog::open(&path, &key).unwrap();
        log.append_synced(b"one").unwrap();
        refuses_to_sync(&path, true);
        assert!(matches!(log.append_synced(b"two"), Err(LogError::Io { .. })));
        assert_eq!(read(), [b"one"], "a start at this moment");
        log.append(b"whoever does not wait").unwrap();
        refuses_to_sync(&path, false);
        log.append_synced(b"three").unwrap();
        assert_eq!(read(), [&b"one"[..], b"whoever does not wait", b"three"]);
    }

    /// After a wait that failed the system may say that all is well though the disk has nothing.
    #[test]
    fn what_a_failed_wait_was_for_is_written_once_more_or_the_next_fails_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let key = StoreKey::new([1; 32]);
        let (mut log, _) = SealedLog::open(&path, &key).unwrap();
        log.append_synced(b"one").unwrap();
        let known = log.len();
        log.append(b"two").unwrap();
        refuses_to_sync(&path, true);
        assert!(log.sync().is_err());
        refuses_to_sync(&path, false);
        let kept = std::fs::read(&path).unwrap();
        // The system has let go of what it held, and reads what the disk has.
        let mut lost = kept.clone();
        lost[usize::try_from(known).unwrap()..].fill(0);
        std::fs::write(&path, &lost).unwrap();
        assert!(log.sync().is_err(), "not what was written");
        assert!(log.append_synced(b"three").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), lost, "and nothing follows it");
        std::fs::write(&path, &kept).unwrap();
        log.append_synced(b"three").unwrap();
        drop(log);
        let (_, recovered) = SealedLog::open(&path, &key).unwrap();
        let read: Vec<&[u8]> = recovered.records.iter().map(|r| &r[..]).collect();
        assert_eq!(read, [&b"one"[..], b"two", b"three"]);
    }

    /// What is half written would keep a disk full for good.
    #[test]
    fn a_rewrite_that_fails_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let key = StoreKey::new([1; 32]);
        let (mut log, _) = SealedLog::open(&path, &key).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        let new = crate::sealed::beside(&path, "new");
        let left: [&[u8]; 2] = [b"one", b"two"];
        refuses_after(&new, 1);
        assert!(matches!(log.rewrite(left), Err(LogError::Io { .. })));
        refuses(&new, false);
        refuses_to_sync(&new, true);
        assert!(matches!(log.rewrite(left), Err(LogError::Io { .. })));
        refuses_to_sync(&new, false);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        log.append(b"three").unwrap();
        drop(log);
        let (_, recovered) = SealedLog::open(&path, &key).unwrap();
        assert_eq!(recovered.records.len(), 3);
    }
}
