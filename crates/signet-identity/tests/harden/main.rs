//! In a process of its own: it changes the whole process.
#![cfg(target_os = "linux")]

use signet_identity::harden_process;

#[test]
fn no_core_dump_and_no_reading_by_others() {
    use std::os::unix::fs::MetadataExt as _;
    let done = harden_process();
    assert!(done.core_dumps_off && done.memory_closed && done.problems.is_empty(), "{done:?}");
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    // What is not dumpable belongs to root in /proc, whoever runs it.
    assert_eq!(std::fs::metadata("/proc/self/mem").map(|file| file.uid()).unwrap_or_default(), 0);
    assert_eq!(
        rustix::process::dumpable_behavior().unwrap(),
        rustix::process::DumpableBehavior::NotDumpable
    );
    assert_eq!(harden_process(), done, "twice does no harm");
}
