//! What docs/benchmarks.md shows of changing networks. It prints, and asserts nothing about time.
//!
//! `cells.rs`: the desk's changes; `quickfix.rs`: the same changes under QuickFIX's own OpenSSL
//! initiator; `storm.rs`: thousands of desks that come back at once.

mod cells;
mod quickfix;
mod storm;

use std::process::Command;

/// Desks that come back at once.
const DESKS: &str = "5000";
/// Desks of one office behind one address.
const OFFICE: &str = "300";

/// Everything, each part in processes and namespaces of its own, one after the other.
pub fn all(rounds: usize) {
    let rounds = rounds.to_string();
    for part in ["switch", "switch-touch", "link-up", "link-up-touch", "reset", "clicks"] {
        again(&["cell", "fixs", part, &rounds], true);
    }
    again(&["cell", "quic", "switch", &rounds], true);
    for part in ["switch", "link-up", "reset"] {
        again(&["quickfix", part, &rounds], true);
    }
    for part in ["network", "gateway"] {
        again(&["storm", part, DESKS], false);
    }
    again(&["storm", "nat", OFFICE], false);
}

fn again(words: &[&str], in_a_namespace: bool) {
    let me = std::env::current_exe().expect("a path");
    let mut command = match in_a_namespace {
        true => Command::new("unshare"),
        false => Command::new(&me),
    };
    if in_a_namespace {
        command.args(["-rn", "--"]).arg(&me);
    }
    let done = command.args(words).status();
    if !done.as_ref().is_ok_and(std::process::ExitStatus::success) {
        println!("   {words:?} could not be measured here: {done:?}");
    }
}

/// One part of [`all`], by its words.
pub fn part(words: &[&str]) {
    match words {
        ["cell", "fixs", what, rounds] => cells::run(what, number(rounds)),
        ["cell", "quic", "switch", rounds] => cells::moves(number(rounds)),
        ["quickfix", what, rounds] => quickfix::run(what, number(rounds)),
        ["storm", what, desks] => storm::run(what, number(desks)),
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
