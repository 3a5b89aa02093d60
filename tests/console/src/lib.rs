//! Chromium for the tests of the gateway's web console and of the desk's page, driven through
//! chromedriver; a stand-in for the gateway that answers what a test wants, and the desk's page with
//! its simulated desk.

#![cfg(target_os = "linux")]
#![warn(missing_docs, unreachable_pub)]

mod browser;
mod fake;
#[path = "../../needs/left_out.rs"]
mod needs;
#[path = "../../needs/ports.rs"]
mod ports;
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

/// The folder with `chromium` and `chromedriver`; `None`: `SIGNET_WITHOUT_BROWSER=1` leaves the
/// tests of the pages out.
///
/// # Panics
/// When there is no browser, and none can be unpacked.
pub(crate) fn unpacked() -> Option<PathBuf> {
    if needs::left_out("SIGNET_WITHOUT_BROWSER", "pages in Chromium") {
        return None;
    }
    let root = root();
    let made = Command::new(root.join("scripts/browser-deps.sh"))
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    assert!(
        made.status.success(),
        "there is no Chromium here: {}SIGNET_WITHOUT_BROWSER=1 leaves its tests out",
        String::from_utf8_lossy(&made.stderr)
    );
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Some(target.join("browser"))
}
