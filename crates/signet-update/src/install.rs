//! Runs the package manager of the system.

use crate::{dpkg, error::UpdateError, machine};
use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The form of a package, and so the program that installs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// dpkg.
    Deb,
    /// rpm.
    Rpm,
    /// Windows Installer.
    Msi,
    /// The setup made with NSIS.
    Nsis,
    /// The installer of macOS.
    Pkg,
}

/// What is started: no shell reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, with its whole path.
    pub program: PathBuf,
    /// Its arguments, one by one.
    pub arguments: Vec<String>,
}

/// How an installer ended, by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is installed.
    Done,
    /// It is installed once the computer has been restarted.
    AfterRestart,
    /// Another installation runs; nothing was begun.
    Busy,
    /// It is not installed, for this reason where the code tells one.
    Failed(&'static str),
}

impl Kind {
    /// How the program at `program` was installed on this system.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        if cfg!(windows) {
            let own = program.parent().map(|folder| folder.join("uninstall.exe"));
            return if own.is_some_and(|own| own.exists()) { Self::Nsis } else { Self::Msi };
        }
        if cfg!(target_os = "macos") {
            return Self::Pkg;
        }
        if Path::new("/var/lib/dpkg/info/signet-desk.list").exists() {
            return Self::Deb;
        }
        let rpm = ["/usr/lib/sysimage/rpm", "/var/lib/rpm/rpmdb.sqlite"];
        if rpm.iter().any(|p| Path::new(p).exists()) { Self::Rpm } else { Self::Deb }
    }

    /// As in the target of a package.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Msi => "msi",
            Self::Nsis => "exe",
            Self::Pkg => "pkg",
        }
    }

    /// How the name of a package in the store ends. Installers of Windows and macOS go by it.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Deb | Self::Rpm => "package",
            Self::Msi | Self::Nsis | Self::Pkg => self.name(),
        }
    }

    /// What is started to install the package at `package`, without a question to anybody. `back`:
    /// to an older version, which rpm and our installers refuse unless told. `system` is the folder
    /// of the programs of Windows.
    ///
    /// dpkg and rpm read the package that was checked from their standard input, so that nobody can
    /// put another file under its name in between. On Windows the file is open meanwhile, which
    /// keeps others from changing, replacing and renaming it; on macOS only root writes its folder.
    ///
    /// # Errors
    /// [`UpdateError::Install`]: the path is not one that an installer can be given.
    pub fn command(
        self,
        system: &Path,
        package: &Path,
        back: bool,
    ) -> Result<CommandLine, UpdateError> {
        let line = |program: PathBuf, words: &[&str]| CommandLine {
            program,
            arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        Ok(match self {
            Self::Deb => line("/usr/bin/dpkg".into(), &["--install", OPEN]),
            Self::Rpm if back => line("/usr/bin/rpm".into(), &["--upgrade", "--oldpackage", OPEN]),
            Self::Rpm => line("/usr/bin/rpm".into(), &["--upgrade", OPEN]),
            Self::Msi => {
                let file = self.plain(package)?;
                // A desk that is open is neither closed nor asked to close, and nothing restarts
                // the computer.
                let silent = [
                    "/qn",
                    "/norestart",
                    "REBOOT=ReallySuppress",
                    "MSIRESTARTMANAGERCONTROL=Disable",
                ];
                let all = [&["/i", file][..], &silent[..], back_if(back, &["BACK=1"])].concat();
                line(windows_path(system, "msiexec.exe"), &all)
            }
            Self::Nsis => {
                let file = self.plain(package)?;
                line(file.into(), &[&["/S"][..], back_if(back, &["/BACK"])].concat())
            }
            // A mark beside the packages tells our package that an older version is wanted.
            Self::Pkg => {
                let file = self.plain(package)?;
                line("/usr/sbin/installer".into(), &["-pkg", file, "-target", "/"])
            }
        })
    }

    /// A path that means one file to the installer, whatever it makes of its arguments: whole, with
    /// the ending that the installer goes by, and without what quotes, wildcards or folders need.
    fn plain(self, package: &Path) -> Result<&str, UpdateError> {
        let whole = |text: &&str| match self {
            Self::Msi | Self::Nsis => text.split_once(":\\").is_some_and(|(drive, rest)| {
                drive.len() == 1
                    && drive.bytes().all(|b| b.is_ascii_alphabetic())
                    && !rest.starts_with('\\')
                    && !rest.contains(':')
            }),
            _ => text.starts_with('/'),
        };
        let ends = |text: &&str| {
            let stem = text.strip_suffix(self.ending()).and_then(|t| t.strip_suffix('.'));
            stem.is_some_and(|stem| !stem.ends_with(['/', '\\']))
        };
        let plain = |text: &&str| {
            !text.chars().any(|c| c.is_control() || "\"<>|*?%".contains(c))
                && !text.split(['/', '\\']).any(|part| part == "..")
        };
        let text = package.to_str().filter(whole).filter(ends).filter(plain);
        text.ok_or_else(|| {
            UpdateError::Install(format!("{package:?} is not a path that it can be given"))
        })
    }

    /// How the installer ended. `None`: a signal ended it.
    #[must_use]
    pub fn end(self, code: Option<i32>) -> End {
        match (self, code) {
            (_, Some(0)) => End::Done,
            // Windows Installer, WinError.h.
            (Self::Msi, Some(3010 | 1641)) => End::AfterRestart,
            (Self::Msi, Some(1618)) => End::Busy,
            (Self::Msi, Some(1602)) => End::Failed("somebody cancelled it"),
            (Self::Msi, Some(1603)) => {
                End::Failed("it failed as a whole; the event log of the computer says why")
            }
            (Self::Msi, Some(1619 | 1620)) => End::Failed("it cannot open the package"),
            (Self::Msi, Some(1625)) => {
                End::Failed("a policy of this computer forbids the installation")
            }
            (Self::Msi, Some(1638)) => End::Failed("another version of it is installed"),
            // NSIS: as its documentation has them.
            (Self::Nsis, Some(1)) => End::Failed("somebody cancelled it"),
            (Self::Nsis, Some(2)) => End::Failed("the setup ended by itself"),
            (Self::Deb, Some(2)) => {
                End::Failed("dpkg could not work, or another process has its database")
            }
            (_, None) => End::Failed("a signal ended it"),
            _ => End::Failed(""),
        }
    }
}

/// The standard input as a file that is opened again from its beginning.
const OPEN: &str = "/proc/self/fd/0";

fn back_if<'a>(back: bool, words: &'a [&'a str]) -> &'a [&'a str] {
    if back { words } else { &[] }
}

/// Joined as Windows does it, on every system.
fn windows_path(folder: &Path, program: &str) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push("\\");
    path.push(program);
    path.into()
}

/// An installation that went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It is there.
    Now,
    /// It is there once the computer has been restarted.
    AfterRestart,
}

/// Installs packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    kind: Kind,
    root: Option<PathBuf>,
}

impl Installer {
    /// Installs on this system.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, root: None }
    }

    /// Installs a `.deb` below a folder with a package database of its own, for tests of the whole
    /// program. A shipped program never calls it.
    #[doc(hidden)]
    #[must_use]
    pub fn below_for_tests(root: PathBuf) -> Self {
        Self { kind: Kind::Deb, root: Some(root) }
    }

    /// The packages of a list that are for this computer.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}-{}-{}", std::env::consts::OS, std::env::consts::ARCH, self.kind.name())
    }

    /// What it installs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where packages are installed.
    fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new("/"))
    }

    /// Installs the package that was opened and checked; `path` is its name, and `own` a folder
    /// that only the administrator account writes.
    ///
    /// # Errors
    /// [`UpdateError::Install`], with the last words of the package manager;
    /// [`UpdateError::InstallerBusy`]: nothing was begun.
    pub fn run(
        &self,
        package: File,
        path: &Path,
        own: &Path,
        back: bool,
    ) -> Result<Installed, UpdateError> {
        let mut line = self.kind.command(&machine::system_folder(), path, back)?;
        if let Some(root) = &self.root {
            line.arguments.insert(0, format!("--root={}", root.display()));
            line.arguments.insert(0, "--force-not-root".into());
        }
        // Held until dpkg has ended.
        let lock = match self.kind {
            Kind::Deb => dpkg::lock(&self.root().join(dpkg::BELOW_ROOT))?,
            _ => None,
        };
        let mut command = Command::new(&line.program);
        command.args(&line.arguments).stdin(Stdio::from(package)).stdout(Stdio::null());
        let temporary = own.join("temp");
        if cfg!(unix) {
            // Nothing of who started this reaches the scripts of packages.
            let path = "/usr/sbin:/usr/bin:/sbin:/bin";
            command.env_clear().env("PATH", path).env("LC_ALL", "C");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            if lock.is_some() {
                command.env(dpkg::LOCKED.0, dpkg::LOCKED.1);
            }
        } else {
            // What a setup unpacks for itself and then runs lies where no trader can write.
            fs::create_dir_all(&temporary).map_err(UpdateError::disk(&temporary))?;
            // The reason of an earlier failure.
            let _ = fs::remove_file(temporary.join(SETUP_LOG));
            command.env("TEMP", &temporary).env("TMP", &temporary);
        }
        let mark = own.join(BACK_MARK);
        if back && self.kind == Kind::Pkg {
            File::create(&mark).map_err(UpdateError::disk(&mark))?;
        }
        let failed =
            |why: String| UpdateError::Install(format!("{}: {why}", line.program.display()));
        let said = command.stderr(Stdio::piped()).output().map_err(|e| failed(e.to_string()));
        // One that stays behind would let an older package in by hand, which asks an administrator.
        let _ = fs::remove_file(&mark);
        let said = said?;
        match self.kind.end(said.status.code()) {
            End::Done => Ok(Installed::Now),
            End::AfterRestart => Ok(Installed::AfterRestart),
            End::Busy => Err(UpdateError::InstallerBusy),
            End::Failed(reason) => {
                let words = match self.kind {
                    Kind::Nsis => logged(&temporary.join(SETUP_LOG)),
                    _ => last_line(&said.stderr),
                };
                let mut all = vec![said.status.to_string(), reason.to_owned(), words];
                all.retain(|words| !words.is_empty());
                Err(failed(all.join("; ")))
            }
        }
    }
}

/// Tells our package for macOS that an older version is wanted.
const BACK_MARK: &str = "back";
/// Where our setup for Windows says why it ended.
const SETUP_LOG: &str = "signet-setup.log";
/// Of what an installer said.
const WORDS_MAX: u64 = 4 * 1024;

fn logged(path: &Path) -> String {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(WORDS_MAX).read_to_end(&mut bytes));
    if read.is_ok() { last_line(&bytes) } else { String::new() }
}

fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(300).collect()
}
