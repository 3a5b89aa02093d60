//! Each row of changes of networks, a few rounds: in network namespaces, with a gateway and a desk
//! in processes of their own. `ROAM_ROUNDS` is how many rounds, `ROAM_FULL=1` waits for as long as
//! the rows say. Times are printed (`--nocapture`), and none is asserted.

#![cfg(target_os = "linux")]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

/// Without a click, with one before the change, and with one after it.
const ROUNDS: &str = "3";

fn may_make_networks() -> bool {
    let made = Command::new("unshare")
        .args(["-rn", "ip", "tuntap", "add", "dev", "t0", "mode", "tun"])
        .output();
    made.is_ok_and(|out| out.status.success()) && Path::new("/dev/net/tun").exists()
}

/// Runs rows beside each other: most of their time is waiting.
fn rows(over: &str, names: &[&str]) {
    if !may_make_networks() {
        return eprintln!("no network namespace with TUN devices here: {names:?} not run");
    }
    let rounds = std::env::var("ROAM_ROUNDS").unwrap_or_else(|_| ROUNDS.into());
    let start = |name: &&str| {
        let mut command = Command::new("unshare");
        command.args(["-rn", "--", env!("CARGO_BIN_EXE_roam"), "row", over, name, &rounds]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = names.iter().map(start).collect();
    let mut failed = Vec::new();
    for (name, child) in names.iter().zip(children) {
        let out = child.wait_with_output().unwrap();
        println!("{}", String::from_utf8_lossy(&out.stdout));
        if !out.status.success() {
            failed.push(format!("{name}: {}", String::from_utf8_lossy(&out.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn another_network() {
    rows("fixs", &["silent_switch", "link_down", "no_route", "black_hole"]);
}

#[test]
fn another_network_over_quic() {
    rows("quic", &["silent_switch", "link_down", "no_route", "black_hole"]);
}

#[test]
fn networks_that_block_udp() {
    rows("quic", &["udp_blocked", "udp_free"]);
}

#[test]
fn resets() {
    rows("fixs", &["reset_old", "reset_young"]);
}

#[test]
fn the_gateway_is_killed() {
    rows("fixs", &["gateway_killed"]);
    rows("quic", &["gateway_killed"]);
}

/// A real suspend cannot be made here, so the desk's process stands still: its timers stop, and all
/// clocks go on, where CLOCK_MONOTONIC of a laptop that sleeps stops as well.
#[test]
fn sleep() {
    rows("fixs", &["suspended_8", "suspended_8_moved", "suspended_20", "suspended_20_moved"]);
}

#[test]
fn sleep_over_quic() {
    rows("quic", &["suspended_8", "suspended_8_moved", "suspended_20", "suspended_20_moved"]);
}

#[test]
fn translated_addresses() {
    rows("fixs", &["nat_new_port", "nat_forgets"]);
    rows("quic", &["nat_new_port", "nat_forgets"]);
}
