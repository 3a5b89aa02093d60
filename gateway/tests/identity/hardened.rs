//! The running program keeps its memory to itself.

use crate::support::World;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// Ends the process whatever the test finds.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_running_gateway_leaves_no_core_dump() {
    use std::os::unix::fs::MetadataExt as _;
    let w = World::new();
    // With the highest limit this machine allows, so that the zero seen below is the program's own
    // doing.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_signet-gateway"),
    ]);
    let child =
        command.arg("run").arg("--config").arg(&w.config).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let log = BufReader::new(running.0.stderr.take().unwrap());
    assert!(log.lines().map_while(Result::ok).any(|l| l.contains("gateway is up")));
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.0.id())).unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find(|l| l.starts_with("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core[4..6], ["0", "0"], "soft and hard: {core:?}");
    // A process that may be dumped belongs to its user there; one that may not, to root.
    assert_eq!(fs::metadata(format!("/proc/{}/mem", running.0.id())).unwrap().uid(), 0);
}
