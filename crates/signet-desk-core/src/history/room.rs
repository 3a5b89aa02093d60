//! The room of the whole history, over all days, and what is left of the disk that it is on.
//!
//! Quotes are records of the chain like all others: taking those of old days out of it would leave
//! a history that does not verify. So nothing old goes before its time; new quotes are not kept
//! while room is short, and everything else still is.

use super::files::{file, numbers};
use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

const GIB: u64 = 1024 * 1024 * 1024;
/// With less free than this, the rest of the disk is for what must not be missing.
const FREE_MIN: u64 = GIB;
/// Quotes are kept again when so much is free: else each look would say another thing.
const FREE_AGAIN: u64 = FREE_MIN + FREE_MIN / 4;
/// How often the disk is asked. A day of quotes (1 GiB) bounds what is written between two looks.
const LOOK: Duration = Duration::from_secs(30);

/// Of what there is too little for quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Short {
    /// The history has taken the room that it is given.
    History,
    /// The disk has little left.
    Disk,
}

/// What was found on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Bytes of all files of the history.
    taken: u64,
    /// Bytes that this account may still write; `None`: the system does not say.
    free: Option<u64>,
}

/// Whether quotes are kept, and when that is looked at next.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Bytes that the history may take before quotes are left out; `None`: no limit.
    limit: Option<u64>,
    short: Option<Short>,
    looked: Option<Instant>,
}

impl Room {
    /// A history of so many GiB; 0: as many as the disk has.
    pub(super) fn of_gib(gib: u32) -> Self {
        let limit = Some(u64::from(gib).saturating_mul(GIB)).filter(|bytes| *bytes > 0);
        Self { limit, ..Self::default() }
    }

    /// Why quotes are not kept; `None`: they are.
    pub(super) fn short(&self) -> Option<Short> {
        self.short
    }

    /// Looks at the disk when that is due; the new state if it changed. What cannot be looked at
    /// changes nothing: a disk that refuses says so when it is written to.
    pub(super) fn look(&mut self, folder: &Path, now: Instant) -> Option<Option<Short>> {
        let early = |at: Instant| now.saturating_duration_since(at) < LOOK;
        if self.looked.is_some_and(early) {
            return None;
        }
        self.looked = Some(now);
        match found(folder) {
            Ok(found) => self.is_now(found),
            Err(e) => {
                tracing::debug!(error = %e, "the room of the history is not known");
                None
            }
        }
    }

    fn is_now(&mut self, found: Found) -> Option<Option<Short>> {
        let short = decide(self.short, self.limit, found);
        (std::mem::replace(&mut self.short, short) != short).then_some(short)
    }

    /// As if the disk had been found like this.
    #[cfg(test)]
    pub(super) fn found(&mut self, taken: u64, free: u64) -> Option<Option<Short>> {
        self.is_now(Found { taken, free: Some(free) })
    }
}

/// Whether quotes are left out from now on, and why. The disk comes first: it is what the trader
/// can do something about.
fn decide(was: Option<Short>, limit: Option<u64>, found: Found) -> Option<Short> {
    let enough = if was == Some(Short::Disk) { FREE_AGAIN } else { FREE_MIN };
    if found.free.is_some_and(|free| free < enough) {
        return Some(Short::Disk);
    }
    limit.filter(|limit| found.taken >= *limit).map(|_| Short::History)
}

fn found(folder: &Path) -> io::Result<Found> {
    let mut taken = 0_u64;
    for number in numbers(folder).map_err(|e| io::Error::other(e.to_string()))? {
        match fs::metadata(file(folder, number)) {
            Ok(there) => taken = taken.saturating_add(there.len()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Found { taken, free: free(folder)? })
}

/// What is kept for the superuser is not free for the trader's account.
#[cfg(unix)]
fn free(folder: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(folder)?;
    // File systems that have no size say 0 of everything.
    let sized = found.f_blocks > 0;
    Ok(sized.then(|| found.f_bavail.saturating_mul(found.f_frsize)))
}

/// With the account's quota, where there is one.
#[cfg(windows)]
fn free(folder: &Path) -> io::Result<Option<u64>> {
    use std::os::windows::ffi::OsStrExt as _;
    use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
    let wide: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut free = 0_u64;
    let none = std::ptr::null_mut();
    // SAFETY: `wide` ends with a zero and, like `free`, outlives the call, which keeps neither; the
    // other two results may be null.
    let done = unsafe { GetDiskFreeSpaceExW(wide.as_ptr(), &mut free, none, none) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(Some(free)) }
}

#[cfg(not(any(unix, windows)))]
fn free(_folder: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_when_quotes_are_left_out() {
        use Short::{Disk, History};
        let lots = Some(100 * GIB);
        let ten = Some(10 * GIB);
        let table = [
            // What was, the limit, what the history has, what is free, what follows.
            (None, ten, 0, lots, None),
            (None, ten, 10 * GIB - 1, lots, None),
            (None, ten, 10 * GIB, lots, Some(History)),
            (Some(History), ten, 10 * GIB - 1, lots, None),
            (None, None, u64::MAX, lots, None),
            (None, ten, 0, Some(FREE_MIN), None),
            (None, ten, 0, Some(FREE_MIN - 1), Some(Disk)),
            (None, None, 0, Some(0), Some(Disk)),
            // Above the least, and not by a quarter of it.
            (Some(Disk), ten, 0, Some(FREE_AGAIN - 1), Some(Disk)),
            (Some(Disk), ten, 0, Some(FREE_AGAIN), None),
            (Some(History), ten, 0, Some(FREE_AGAIN - 1), None),
            // Both, and one after the other.
            (None, ten, 10 * GIB, Some(0), Some(Disk)),
            (Some(History), ten, 10 * GIB, Some(0), Some(Disk)),
            (Some(Disk), ten, 10 * GIB, Some(FREE_AGAIN), Some(History)),
            // The system does not say what is free.
            (None, ten, 0, None, None),
            (Some(Disk), ten, 0, None, None),
            (None, ten, 10 * GIB, None, Some(History)),
        ];
        for (n, (was, limit, taken, free, want)) in table.into_iter().enumerate() {
            assert_eq!(decide(was, limit, Found { taken, free }), want, "{n}");
        }
    }

    #[test]
    fn a_change_is_told_once_and_no_limit_is_none() {
        let mut room = Room::of_gib(1);
        assert_eq!(room.found(GIB - 1, 9 * GIB), None);
        assert_eq!(room.found(GIB, 9 * GIB), Some(Some(Short::History)));
        assert_eq!(room.found(2 * GIB, 9 * GIB), None);
        assert_eq!(room.found(0, 9 * GIB), Some(None));
        assert_eq!(Room::of_gib(0).found(u64::MAX, 9 * GIB), None);
        assert_eq!(Room::of_gib(u32::MAX).limit, Some(u64::from(u32::MAX) * GIB));
    }

    #[test]
    fn the_disk_is_asked_now_and_then_and_only_files_of_the_history_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(file(dir.path(), 7), [0; 5]).unwrap();
        fs::write(file(dir.path(), 8), [0; 6]).unwrap();
        fs::write(dir.path().join("checkpoint"), [0; 7]).unwrap();
        let there = found(dir.path()).unwrap();
        assert_eq!(there.taken, 11);
        assert!(there.free.is_some() || !cfg!(any(unix, windows)));
        let now = Instant::now();
        let mut room = Room { limit: Some(11), ..Room::default() };
        let first = room.look(dir.path(), now);
        assert!(matches!(first, Some(Some(_))), "{first:?}");
        room.short = None;
        assert_eq!(room.look(dir.path(), now + LOOK / 2), None);
        assert!(room.look(dir.path(), now + LOOK).is_some());
        // What cannot be looked at changes nothing.
        assert_eq!(room.look(&dir.path().join("none"), now + 2 * LOOK), None);
        assert!(room.short().is_some());
    }
}
