//! A file in its place: locked, private, and its name on the disk.

use crate::LogError;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// A lock outlives its file for a moment: in a process that is ending, and in a child between fork
/// and exec. So a lock that is held is tried again for a quarter of a second.
const LOCK_TRIES: u32 = 25;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Waits until the name of a file is on the disk itself.
pub(crate) fn sync_folder(path: &Path) -> Result<(), LogError> {
    #[cfg(unix)]
    if let Some(dir) = path.parent() {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        File::open(dir)
            .and_then(|d| d.sync_all())
            .map_err(|source| LogError::Io { path: path.into(), source })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Writes a file that must not exist yet.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    options
        .open(path)
        .and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()))
        .map_err(|source| LogError::Io { path: path.into(), source })
}

/// Opens or makes a file that nobody else writes meanwhile. Whoever reads it may: the desk reads
/// the history that it is writing, and a lock of Windows would refuse that.
///
/// # Errors
/// Another process has it, or the disk.
pub fn open_locked(path: &Path) -> Result<File, LogError> {
    let io = |source| LogError::Io { path: path.into(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private(&mut options);
    #[cfg(windows)]
    only_writer(&mut options);
    for _ in 0..LOCK_TRIES {
        let file = match options.open(path) {
            Err(e) if is_open_elsewhere(&e) => {
                std::thread::sleep(LOCK_PAUSE);
                continue;
            }
            file => file.map_err(io)?,
        };
        match lock(&file) {
            Ok(()) if is_at(&file, path).map_err(io)? => return Ok(file),
            // Whoever held the lock has put another file in its place, which it may hold too.
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    Err(LogError::InUse(path.into()))
}

#[cfg(not(windows))]
fn lock(file: &File) -> Result<(), fs::TryLockError> {
    file.try_lock()
}

/// How the file was opened keeps other writers away.
#[cfg(windows)]
fn lock(_: &File) -> Result<(), fs::TryLockError> {
    Ok(())
}

/// Others may read, rename and delete it (`FILE_SHARE_READ | FILE_SHARE_DELETE`).
#[cfg(windows)]
fn only_writer(options: &mut OpenOptions) {
    use std::os::windows::fs::OpenOptionsExt as _;
    options.share_mode(0x1 | 0x4);
}

/// `ERROR_SHARING_VIOLATION` of Windows.
fn is_open_elsewhere(e: &io::Error) -> bool {
    cfg!(windows) && e.raw_os_error() == Some(32)
}

/// Whether this open file is the one that is at `path` now.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let id = |m: fs::Metadata| (m.dev(), m.ino());
        let held = id(file.metadata()?);
        match fs::metadata(path) {
            Ok(there) => Ok(id(there) == held),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// Only the owner may read the file, although it is encrypted.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}
