//! Chromium for the tests of the gateway's web console and of the desk's page, driven through
//! chromedriver; a stand-in for the gateway that answers what a test wants, and the desk's page with
//! its simulated desk.

#![cfg(target_os = "linux")]
#![warn(missing_docs, unreachable_pub)]

mod browser;
mod fake;
mod vite;

pub use browser::{Browser, ClientCertificate, Start};
pub use fake::Fake;
pub use vite::Vite;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How long a page may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A child that does not outlive the test.
pub(crate) struct Daemon(pub(crate) Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// The folder with `chromium` and `chromedriver`; `None`, and said aloud, where there is neither a
/// browser nor apt-get.
pub(crate) fn unpacked() -> Option<PathBuf> {
    let root = root();
    let made = Command::new(root.join("scripts/browser-deps.sh"))
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    let why = String::from_utf8_lossy(&made.stderr).into_owned();
    if !made.status.success() {
        // On a machine that is to run every test, or that has apt-get, this is a failure.
        assert!(env::var_os("CI").is_none() && made.status.code() == Some(3), "{why}");
        eprintln!("\n!!! no Chromium here, so the pages are not tested:\n{why}\n");
        return None;
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Some(target.join("browser"))
}
