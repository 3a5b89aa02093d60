//! The lock of dpkg: whoever has it works on the packages of this computer.

use crate::error::UpdateError;
use std::{fs::File, path::Path};

/// Takes the lock that dpkg, apt and others ask for before they begin. It is held until the file
/// is dropped; dpkg must then be told so ([`LOCKED`]), since it asks for it too. `None`: it cannot
/// be had here, and dpkg itself says why it cannot work.
///
/// dpkg that finds it taken ends with the exit code of every other failure, so it is asked for
/// first.
///
/// # Errors
/// [`UpdateError::InstallerBusy`]: another process has it.
#[cfg(unix)]
pub(crate) fn lock(database: &Path) -> Result<Option<File>, UpdateError> {
    use rustix::{
        fs::{FlockOperation, fcntl_lock},
        io::Errno,
        process::{Flock, FlockType, fcntl_getlk},
    };
    use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _};

    let mut open = OpenOptions::new();
    open.read(true).write(true);
    // As apt makes it.
    let first = open.clone().create(true).truncate(false).mode(0o640).open(database.join(FRONTEND));
    let Ok(file) = first else { return Ok(None) };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::ACCESS) => return Err(UpdateError::InstallerBusy),
        Err(_) => return Ok(None),
    }
    // A program from before there were two of them has this one alone. Only asked: dpkg takes it.
    if let Ok(second) = open.open(database.join(DATABASE))
        && let Ok(Some(_)) = fcntl_getlk(&second, &Flock::from(FlockType::WriteLock))
    {
        return Err(UpdateError::InstallerBusy);
    }
    Ok(Some(file))
}

/// No system but a Unix has dpkg.
#[cfg(not(unix))]
pub(crate) fn lock(_: &Path) -> Result<Option<File>, UpdateError> {
    Ok(None)
}

/// Tells dpkg that whoever starts it has the lock.
pub(crate) const LOCKED: (&str, &str) = ("DPKG_FRONTEND_LOCKED", "true");
/// Where dpkg keeps what is installed, below the root folder.
pub(crate) const BELOW_ROOT: &str = "var/lib/dpkg";
/// Of whoever works on packages.
#[cfg(unix)]
const FRONTEND: &str = "lock-frontend";
/// Of dpkg while it changes its database.
#[cfg(unix)]
const DATABASE: &str = "lock";
