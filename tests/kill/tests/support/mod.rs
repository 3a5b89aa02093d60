//! What the tests of faults have in common.

use crate::needs::left_out;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_signet-kill");

pub fn seed() -> u64 {
    let seed = std::env::var("SIGNET_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("SIGNET_SEED={seed}");
    seed
}

/// For the files of all parties; `SIGNET_KEEP` leaves them there.
pub fn folder() -> TempDir {
    let mut dir = tempfile::tempdir().unwrap();
    if std::env::var_os("SIGNET_KEEP").is_some() {
        dir.disable_cleanup(true);
        println!("{}", dir.path().display());
    }
    dir
}

pub fn eventually(what: &str, mut done: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    loop {
        match done() {
            Ok(()) => return,
            Err(why) if began.elapsed() > Duration::from_secs(90) => panic!("never: {what}: {why}"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// Codes of the events that the SIEM has in its file.
pub fn codes(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("events.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .filter_map(|v| v["metadata"]["event_code"].as_str().map(str::to_owned))
        .collect()
}

/// Set for a process that may mount: in namespaces of its own.
const INSIDE: &str = "SIGNET_KILL_INSIDE";

/// Runs a test that needs a small disk, whose name is `test`: in this process if it may mount,
/// otherwise by the same program in namespaces of its own, where it may.
pub fn with_a_small_disk(test: &str, body: impl FnOnce()) {
    if left_out("SIGNET_WITHOUT_SMALL_DISK", test) {
        return;
    }
    let trial = tempfile::tempdir().unwrap();
    let why = match Small::try_mount(trial.path(), 1) {
        Ok(mounted) => {
            drop(mounted);
            return body();
        }
        Err(why) => why,
    };
    assert!(std::env::var_os(INSIDE).is_none(), "{}", no_small_disk(&why));
    let out = Command::new("unshare")
        .args(["--map-root-user", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(INSIDE, "1")
        .output()
        .unwrap_or_else(|e| panic!("{}", no_small_disk(&format!("{why}; unshare: {e}"))));
    let said =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    println!("{said}");
    let nowhere = !out.status.success() && said.contains("unshare:");
    assert!(!nowhere, "{}", no_small_disk(&said));
    assert!(out.status.success() && said.contains("1 passed"), "{said}");
}

fn no_small_disk(why: &str) -> String {
    format!(
        "no small disk can be made: this process may not mount a file system, and the machine \
         gives no namespace of one's own for it. Run as root or allow user namespaces (the \
         kernel's settings kernel.unprivileged_userns_clone and \
         kernel.apparmor_restrict_unprivileged_userns), or leave these tests out with \
         SIGNET_WITHOUT_SMALL_DISK=1.\n{why}"
    )
}

/// A small file system of its own, until it is dropped.
pub struct Small(PathBuf);

impl Small {
    /// In a process that may mount ([`with_a_small_disk`]).
    pub fn mount(at: &Path, mib: u32) -> Self {
        Self::try_mount(at, mib).unwrap_or_else(|why| panic!("{}", no_small_disk(&why)))
    }

    fn try_mount(at: &Path, mib: u32) -> Result<Self, String> {
        fs::create_dir_all(at).map_err(|e| e.to_string())?;
        let size = format!("size={mib}m,mode=0700");
        let out = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .map_err(|e| format!("mount: {e}"))?;
        match out.status.success() {
            true => Ok(Self(at.into())),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
