//! Runs the package manager of the system.

use crate::error::UpdateError;
use std::{
    fs::File,
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

    /// The program and its arguments. `back`: to an older version, which rpm refuses unless told.
    /// The MSI and the setup refuse it always.
    ///
    /// dpkg and rpm read the package that was checked from their standard input, so that nobody can
    /// put another file under its name in between.
    #[must_use]
    pub fn command(self, package: &Path, back: bool) -> (PathBuf, Vec<String>) {
        let file = || package.display().to_string();
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let with =
            |first: &[&str], last: &[&str]| [words(first), vec![file()], words(last)].concat();
        match self {
            Self::Deb => ("/usr/bin/dpkg".into(), words(&["--install", OPEN])),
            Self::Rpm if back => {
                ("/usr/bin/rpm".into(), words(&["--upgrade", "--oldpackage", OPEN]))
            }
            Self::Rpm => ("/usr/bin/rpm".into(), words(&["--upgrade", OPEN])),
            Self::Msi => (system32("msiexec.exe"), with(&["/i"], &["/qn", "/norestart"])),
            Self::Nsis => (package.into(), words(&["/S"])),
            Self::Pkg => ("/usr/sbin/installer".into(), with(&["-pkg"], &["-target", "/"])),
        }
    }
}

/// The standard input as a file that is opened again from its beginning.
const OPEN: &str = "/proc/self/fd/0";

fn system32(program: &str) -> PathBuf {
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| "C:\\Windows".into());
    Path::new(&root).join("System32").join(program)
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

    /// Installs the package that was opened and checked; `path` is its name.
    ///
    /// # Errors
    /// [`UpdateError::Install`], with the last words of the package manager.
    pub fn run(&self, package: File, path: &Path, back: bool) -> Result<(), UpdateError> {
        let (program, mut arguments) = self.kind.command(path, back);
        if let Some(root) = &self.root {
            arguments.insert(0, format!("--root={}", root.display()));
            arguments.insert(0, "--force-not-root".into());
        }
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::from(package)).stdout(Stdio::null());
        if cfg!(unix) {
            // Nothing of who started this reaches the scripts of packages.
            let path = "/usr/sbin:/usr/bin:/sbin:/bin";
            command.env_clear().env("PATH", path).env("LC_ALL", "C");
            command.env("DEBIAN_FRONTEND", "noninteractive");
        }
        let failed = |why: String| UpdateError::Install(format!("{}: {why}", program.display()));
        let said = command.stderr(Stdio::piped()).output().map_err(|e| failed(e.to_string()))?;
        if said.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&said.stderr);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let shown: String = last.chars().filter(|c| !c.is_control()).take(300).collect();
        Err(failed(format!("{} {shown}", said.status)))
    }
}
