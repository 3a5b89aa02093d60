//! Where a computer keeps packages and its state. Only the administrator account writes here.

use crate::{
    digest::Digest,
    error::UpdateError,
    list::Package,
    source::Source,
    state::{Kept, STATE_BYTES_MAX, State},
};
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long one package may take; the next try goes on where this one stopped. The service manager
/// ends an update after two hours, with the package manager that it started: a server that sends
/// slowly must not choose that moment.
const PACKAGE_MAX: Duration = Duration::from_secs(30 * 60);

/// More than the name of a computer has.
const DEVICE_BYTES_MAX: u64 = 128;

/// The folders of updates on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// State and packages; nobody but the administrator account can write it.
    pub own: PathBuf,
    /// Where desks of all users leave their marks.
    pub desks: PathBuf,
    /// The program that is installed.
    pub program: PathBuf,
}

impl Place {
    /// The place of a shipped program. On Windows the state is beside the program: only
    /// administrators can write there, and every user could below `ProgramData`.
    #[must_use]
    pub fn system() -> Self {
        if cfg!(windows) {
            let program = std::env::current_exe().unwrap_or_default();
            let own = program.parent().unwrap_or(Path::new("")).join("update");
            let data = std::env::var_os("ProgramData").unwrap_or_else(|| "C:\\ProgramData".into());
            Self { own, desks: Path::new(&data).join("Signet").join("desks"), program }
        } else if cfg!(target_os = "macos") {
            let own = Path::new("/Library/Application Support/Signet/update");
            Self {
                own: own.into(),
                desks: "/Library/Application Support/Signet/desks".into(),
                program: std::env::current_exe().unwrap_or_default(),
            }
        } else {
            Self {
                own: "/var/lib/signet-desk/update".into(),
                desks: "/var/lib/signet-desk/desks".into(),
                program: "/usr/bin/signet-desk".into(),
            }
        }
    }

    /// Places below a folder, for tests of the whole program. A shipped program never calls it.
    #[doc(hidden)]
    #[must_use]
    pub fn below_for_tests(folder: &Path) -> Self {
        Self {
            own: folder.join("update"),
            desks: folder.join("desks"),
            program: folder.join("root/usr/bin/signet-desk"),
        }
    }

    /// The state file.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.own.join("state.toml")
    }

    /// What is remembered; the default on a computer that never updated. Every user may read it.
    ///
    /// # Errors
    /// [`UpdateError::State`].
    pub fn read_state(&self) -> Result<State, UpdateError> {
        let path = self.state();
        let mut text = String::new();
        let wrong = || UpdateError::State { path: path.clone() };
        match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(_) => return Err(wrong()),
            Ok(file) => {
                file.take(STATE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|_| wrong())?
            }
        };
        State::read(&text, &path)
    }
}

/// The store, in the hands of one process.
#[derive(Debug)]
pub struct Store {
    place: Place,
    lock: File,
    /// How the names of packages end.
    ending: &'static str,
}

/// A program that this one starts has the file open until it runs, and closing it here would leave
/// it locked until then.
impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Store {
    /// Takes the store, and makes its folder if there is none. The names of packages get this
    /// ending.
    ///
    /// # Errors
    /// This account may not, others could write there, or another process has it.
    pub fn open(place: Place, ending: &'static str) -> Result<Self, UpdateError> {
        let may = |source| UpdateError::NotAdministrator { path: place.own.clone(), source };
        fs::create_dir_all(place.own.join("packages")).map_err(may)?;
        for folder in [place.own.clone(), place.own.join("packages")] {
            protected(&folder)?;
        }
        let lock = place.own.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(lock);
        let lock = lock.map_err(may)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { place, lock, ending }),
            Err(TryLockError::WouldBlock) => Err(UpdateError::Running),
            Err(TryLockError::Error(source)) => Err(may(source)),
        }
    }

    /// Writes the state: whole or not at all, and on the disk when this returns.
    ///
    /// # Errors
    /// [`UpdateError::Disk`].
    pub fn keep(&self, state: &State) -> Result<(), UpdateError> {
        self.replace(&self.place.state(), &state.to_text())
    }

    /// The name that this computer has for the rings where its system gives it none: made by
    /// chance, once.
    ///
    /// # Errors
    /// [`UpdateError::Disk`].
    pub(crate) fn device(&self) -> Result<String, UpdateError> {
        let path = self.place.own.join("device");
        let mut name = String::new();
        let read = match File::open(&path) {
            Ok(file) => file.take(DEVICE_BYTES_MAX).read_to_string(&mut name).map(drop),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        };
        read.map_err(UpdateError::disk(&path))?;
        if name.is_empty() {
            let mut random = [0; 32];
            let none = |_| io::Error::other("the system gives no random numbers");
            aws_lc_rs::rand::fill(&mut random).map_err(none).map_err(UpdateError::disk(&path))?;
            name = Digest::of(&random).to_string();
            self.replace(&path, &name)?;
        }
        Ok(name)
    }

    /// Gives a file of its folder this text: whole or not at all.
    fn replace(&self, path: &Path, text: &str) -> Result<(), UpdateError> {
        let new = path.with_extension("new");
        let written = File::create(&new).and_then(|mut file| {
            readable(&file)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
        written.and_then(|()| flushed(&self.place.own)).map_err(UpdateError::disk(path))
    }

    /// Fetches a package under another name, checks it whole, and gives it its name then.
    ///
    /// # Errors
    /// [`UpdateError::BrokeOff`]: the part stays. [`UpdateError::Package`]: it is deleted.
    pub async fn fetch(&self, source: &Source, package: &Package) -> Result<(), UpdateError> {
        let path = self.package(package.sha256);
        let kept = (package.sha256, package.size);
        if self.checked(kept).is_ok() {
            return Ok(());
        }
        let part = path.with_extension("part");
        let opened =
            File::options().create(true).truncate(false).read(true).write(true).open(&part);
        let mut file = opened.map_err(UpdateError::disk(&part))?;
        source.package(&package.file, package.size, &mut file, PACKAGE_MAX).await?;
        if !is(&mut file, kept).map_err(UpdateError::disk(&part))? {
            fs::remove_file(&part).map_err(UpdateError::disk(&part))?;
            return Err(UpdateError::Package { file: package.file.clone() });
        }
        let named = fs::rename(&part, &path).and_then(|()| flushed(&self.packages()));
        named.map_err(UpdateError::disk(path))
    }

    /// The package, open and checked whole. What is installed is read from this open file.
    ///
    /// # Errors
    /// [`UpdateError::Package`]: it was changed since it was fetched.
    pub fn package_checked(&self, kept: &Kept) -> Result<File, UpdateError> {
        self.checked((kept.sha256, kept.size))
    }

    /// The path of a package, for package managers that cannot read an open file.
    #[must_use]
    pub fn package_path(&self, kept: &Kept) -> PathBuf {
        self.package(kept.sha256)
    }

    /// Deletes what the state does not need, half-fetched packages among it; `also` is being
    /// fetched.
    ///
    /// # Errors
    /// [`UpdateError::Disk`].
    pub fn tidy(&self, state: &State, also: Option<Digest>) -> Result<(), UpdateError> {
        let mut needed = state.needs();
        needed.extend(also);
        let stems: Vec<String> = needed.iter().map(Digest::to_string).collect();
        let folder = self.packages();
        for entry in fs::read_dir(&folder).map_err(UpdateError::disk(&folder))? {
            let path = entry.map_err(UpdateError::disk(&folder))?.path();
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
            if !stem.is_some_and(|stem| stems.contains(&stem)) {
                fs::remove_file(&path).map_err(UpdateError::disk(path))?;
            }
        }
        Ok(())
    }

    /// Its folders.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn packages(&self) -> PathBuf {
        self.place.own.join("packages")
    }

    fn package(&self, digest: Digest) -> PathBuf {
        self.packages().join(format!("{digest}.{}", self.ending))
    }

    fn checked(&self, kept: (Digest, u64)) -> Result<File, UpdateError> {
        let path = self.package(kept.0);
        let mut file = unshared(&path).map_err(UpdateError::disk(&path))?;
        if is(&mut file, kept).map_err(UpdateError::disk(&path))? {
            return Ok(file);
        }
        Err(UpdateError::Package { file: path.display().to_string() })
    }
}

/// Whether the open file has this digest and size; it stands at its beginning afterwards.
fn is(file: &mut File, (digest, size): (Digest, u64)) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let found = Digest::of_all(&mut *file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(found == (digest, size))
}

/// Opens a file; on Windows nobody can change or replace it meanwhile.
fn unshared(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(windows)]
    {
        const FILE_SHARE_READ: u32 = 1;
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, FILE_SHARE_READ);
    }
    options.open(path)
}

#[cfg(unix)]
fn protected(folder: &Path) -> Result<(), UpdateError> {
    use std::os::unix::fs::MetadataExt as _;
    let found = folder.symlink_metadata().map_err(UpdateError::disk(folder))?;
    let own = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && own && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(UpdateError::NotProtected { path: folder.into() })
}

/// Below the folder for programs, where Windows lets only administrators write. Elsewhere whoever
/// chose the folder would have to see to it, and on a disk's top folder every user may.
#[cfg(windows)]
fn protected(folder: &Path) -> Result<(), UpdateError> {
    let found = folder.symlink_metadata().map_err(UpdateError::disk(folder))?;
    let programs = crate::machine::programs();
    if found.is_dir() && crate::machine::lies_below(folder, &programs) {
        return Ok(());
    }
    Err(UpdateError::NotProtected { path: folder.into() })
}

#[cfg(not(any(unix, windows)))]
fn protected(_: &Path) -> Result<(), UpdateError> {
    Ok(())
}

/// Desks of all users read the state.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// The names in a folder are on the disk, too.
#[cfg(unix)]
fn flushed(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn flushed(_: &Path) -> io::Result<()> {
    Ok(())
}
