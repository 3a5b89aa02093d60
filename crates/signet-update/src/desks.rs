//! What desks tell the update: that a request is open, and whether a version on trial works.
//!
//! Each user's desk has one file in a folder in which everybody may make files and nobody may touch
//! another's. While a request is open its desk holds the file's lock, which the system takes back
//! when the desk ends, however it ends. Who owns a file decides about it, not its name. What is
//! written there is never more than a reason to wait, to go back to what worked, or to keep what is
//! on trial.

use crate::{decide::Marks, digest::Digest, state::State, store::Place};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, Metadata, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

/// Files that are looked at. A computer with more of them has a user who made them; the update then
/// waits.
const FILES_MAX: usize = 1024;
const BYTES_MAX: u64 = 1024;
const PREFIX: &str = "desk-";
/// An update that looks has a lock for a moment: a desk asks for it so often, with this pause.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    /// The package on trial.
    trial: Option<Digest>,
    /// How often this user started it without seeing its window.
    starts: u32,
    /// This user saw its window.
    works: bool,
}

/// What all desks of this computer say about a trial.
#[must_use]
pub fn marks(folder: &Path, trial: Option<Digest>) -> Marks {
    let mut marks = Marks::default();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return marks,
        // Whether a request is open is then not known.
        Err(_) => return Marks { busy: true, ..marks },
    };
    for (n, entry) in entries.enumerate() {
        if n >= FILES_MAX {
            return Marks { busy: true, ..marks };
        }
        let Ok(entry) = entry else { return Marks { busy: true, ..marks } };
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok((mut file, _)) = ordinary(&entry.path(), false) else { continue };
        // A lock of either kind counts: whoever may read the mark can take a shared one, which
        // keeps its desk from taking its own. Two updates never look at once.
        match file.try_lock() {
            Ok(()) => drop(file.unlock()),
            Err(TryLockError::WouldBlock) => marks.busy = true,
            Err(TryLockError::Error(_)) => marks.busy = true,
        }
        let said = read(&mut file).unwrap_or_default();
        if trial.is_some() && said.trial == trial {
            marks.works |= said.works;
            marks.starts = marks.starts.max(if said.works { 0 } else { said.starts });
        }
    }
    marks
}

/// The mark of this user's desk.
#[derive(Debug)]
pub struct Mark {
    file: File,
    now: Mutex<(Said, bool)>,
}

impl Mark {
    /// Takes this user's mark, and counts a start of the version on trial if this is it. `None`
    /// where updates are not set up.
    #[must_use]
    pub fn begin(place: &Place, own: &Version) -> Option<Self> {
        let mut file = own_file(&place.desks).ok()?;
        let mut said = read(&mut file).unwrap_or_default();
        let state = place.read_state().unwrap_or_default();
        let trial = on_trial(&state, own);
        if said.trial != trial {
            said = Said { trial, ..Said::default() };
        }
        if trial.is_some() && !said.works {
            said.starts = said.starts.saturating_add(1);
        }
        let starting = trial.is_some() && !said.works;
        let mark = Self { file, now: Mutex::new((said, false)) };
        mark.write();
        // A start that is under way has not failed: until the window is there nothing goes back.
        mark.busy(starting);
        Some(mark)
    }

    /// The window is there and its page works.
    pub fn works(&self) {
        {
            let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if now.0.works || now.0.trial.is_none() {
                return;
            }
            now.0.works = true;
        }
        self.write();
    }

    /// The version on trial was started, and its window is not there yet.
    #[must_use]
    pub fn starting(&self) -> bool {
        let now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        now.0.trial.is_some() && !now.0.works
    }

    /// A request is open, or none is. Say it again: where another process has the lock, it is taken
    /// at one of the next times.
    pub fn busy(&self, busy: bool) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if now.1 == busy {
            return;
        }
        let changed = if busy { self.lock() } else { self.file.unlock().is_ok() };
        if changed {
            now.1 = busy;
        }
    }

    /// Takes the lock, if it can be had soon. Every user of the computer can hold it; that keeps
    /// updates waiting, and must not keep this desk from starting.
    fn lock(&self) -> bool {
        (0..LOCK_TRIES).any(|again| {
            if again > 0 {
                std::thread::sleep(LOCK_PAUSE);
            }
            self.file.try_lock().is_ok()
        })
    }

    fn write(&self) {
        let now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = toml::to_string(&now.0).unwrap_or_default();
        let mut file = &self.file;
        // A mark that cannot be written leaves the trial open: nothing goes back by it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all());
    }
}

fn on_trial(state: &State, own: &Version) -> Option<Digest> {
    state.trial.as_ref().filter(|t| t.package.version == *own).map(|t| t.package.sha256)
}

/// This user's file; a new one if there is none.
fn own_file(folder: &Path) -> io::Result<File> {
    for entry in fs::read_dir(folder)?.take(FILES_MAX).flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        if let Ok((file, found)) = ordinary(&entry.path(), true)
            && is_own(&found)
        {
            return Ok(file);
        }
    }
    let mut builder = tempfile::Builder::new();
    let made = builder.prefix(PREFIX).rand_bytes(16).tempfile_in(folder)?;
    readable(made.as_file())?;
    Ok(made.keep().map_err(|e| e.error)?.0)
}

/// Opens an ordinary file. Links, pipes and devices of other users are not followed, and a file
/// that has another name as well is not written. It is looked at: where the system lets everybody
/// give a file another name, a user could hide the mark of another one so.
fn ordinary(path: &PathBuf, write: bool) -> io::Result<(File, Metadata)> {
    let mut options = File::options();
    options.read(true).write(write);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        if let Ok(flags) = i32::try_from(flags) {
            std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
        }
    }
    let file = options.open(path)?;
    let found = file.metadata()?;
    #[cfg(unix)]
    if write && std::os::unix::fs::MetadataExt::nlink(&found) != 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if found.is_file() { Ok((file, found)) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn read(file: &mut File) -> Option<Said> {
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= BYTES_MAX).then(|| toml::from_str(&text).ok())?
}

#[cfg(unix)]
fn is_own(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

/// The update reads it, also where it runs without the right to read everything.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}
