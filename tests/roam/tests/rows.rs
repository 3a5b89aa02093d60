//! Each row of changes of networks, a few rounds: in network namespaces, with a gateway and a desk
//! in processes of their own. `ROAM_ROUNDS` is how many rounds, `ROAM_FULL=1` waits for as long as
//! the rows say, and runs those that take minutes. Times are printed (`--nocapture`), and none is
//! asserted.
//!
//! A machine on which they cannot be run fails them; `SIGNET_WITHOUT_NAMESPACES=1` leaves them out,
//! and says so.

#![cfg(target_os = "linux")]

#[path = "../../needs/namespaces.rs"]
mod namespaces;
#[path = "../../needs/left_out.rs"]
mod needs;

use namespaces::namespaces_are_wanted;
use needs::left_out;
use signet_roam::rows::{ROWS, is_full};
use std::process::{Child, Command, Stdio};

/// Without a click, with one before the change, and with one after it.
const ROUNDS: &str = "3";

/// What each row needs: a namespace with a TUN device.
const PROOF: &str = "tuntap add dev t0 mode tun";

fn takes_minutes(name: &str) -> bool {
    let row = ROWS.iter().find(|(n, _)| *n == name);
    row.expect("the name of a row").1.takes_minutes()
}

/// Runs rows beside each other: most of their time is waiting. Those that take minutes only if they
/// are asked for.
fn rows(over: &str, names: &[&str]) {
    if !namespaces_are_wanted(&names.join(", "), PROOF) {
        return;
    }
    let names: Vec<&str> =
        names.iter().copied().filter(|name| is_full() || !takes_minutes(name)).collect();
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
/// clocks go on.
const SLEEP: [&str; 6] = [
    "suspended_8",
    "suspended_8_moved",
    "suspended_20",
    "suspended_20_moved",
    "suspended_90",
    "suspended_90_moved",
];

/// The same, and CLOCK_MONOTONIC of the desk's process stands still as well, as that of a laptop
/// that sleeps.
const STOPPED_CLOCK: [&str; 4] =
    ["stopped_clock_20", "stopped_clock_20_moved", "stopped_clock_90", "stopped_clock_90_moved"];

#[test]
fn sleep() {
    rows("fixs", &SLEEP);
}

#[test]
fn sleep_over_quic() {
    rows("quic", &SLEEP);
}

#[test]
fn sleep_with_a_clock_that_stands_still() {
    rows("fixs", &STOPPED_CLOCK);
}

#[test]
fn sleep_with_a_clock_that_stands_still_over_quic() {
    rows("quic", &STOPPED_CLOCK);
}

/// The desk says that prices cannot be reached before it says anything about an accept.
#[test]
fn a_dead_path_is_known_before_an_accept_has_an_outcome() {
    rows("fixs", &["dead_path", "dead_path_idle"]);
    rows("quic", &["dead_path", "dead_path_idle"]);
}

/// Each row is run by a test of this file.
#[test]
fn no_row_is_forgotten() {
    let here = include_str!("rows.rs");
    for (name, _) in ROWS {
        assert!(here.contains(&format!("\"{name}\"")), "{name} is in no test");
    }
}

#[test]
fn translated_addresses() {
    rows("fixs", &["nat_new_port", "nat_forgets"]);
    rows("quic", &["nat_new_port", "nat_forgets"]);
}
