//! What the tests of faults have in common.

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

/// A small file system of its own; `None`, and said aloud, where that cannot be.
pub struct Small(PathBuf);

impl Small {
    pub fn mount(at: &Path, mib: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m,mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if done.is_ok_and(|o| o.status.success()) {
            return Some(Self(at.into()));
        }
        eprintln!("\n!!! no file system can be mounted here, so a full disk is not tested\n");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
