//! Every row, each in processes and a network namespace of its own, a few beside each other: most of
//! their time is waiting.

use super::{FAILED, ROWS, Row, is_full};
use crate::world::Transport;
use std::{
    collections::VecDeque,
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
};

/// Words on the command line.
const OVER: [(&str, Transport); 2] = [("fixs", Transport::Fixs), ("quic", Transport::Quic)];

/// Runs each row `rounds` times, from the round `first` on, `beside` of them at once, and prints
/// their figures and what failed. After a round that failed a row goes on in another process. Those
/// that take minutes are run only with `ROAM_FULL`.
///
/// # Panics
/// When a row cannot be started, or a round failed.
pub fn all(rounds: usize, first: usize, beside: usize) {
    let of = |(word, over): (&'static str, Transport)| {
        let runs = move |row: Row| row.is_of(over) && (is_full() || !row.takes_minutes());
        ROWS.iter().filter(move |(_, r)| runs(*r)).map(move |(name, _)| (word, *name))
    };
    let rows: VecDeque<_> = OVER.into_iter().flat_map(of).collect();
    let (count, rows, failed) = (rows.len(), Mutex::new(rows), Mutex::new(Vec::new()));
    let next = || rows.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let lane = || {
        while let Some((over, name)) = next() {
            let faults = whole_row(over, name, first, first + rounds);
            failed.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
        }
    };
    std::thread::scope(|s| (0..beside.max(1)).for_each(|_| drop(s.spawn(lane))));
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{count} rows of {rounds} rounds from {first} on; failed: {failed:?}");
    assert!(failed.is_empty(), "rounds failed");
}

/// The rounds that failed.
fn whole_row(over: &str, name: &str, first: usize, end: usize) -> Vec<String> {
    let (mut from, mut failed) = (first, Vec::new());
    while from < end {
        let out = row(over, name, end - from, from);
        let said = String::from_utf8_lossy(&out.stdout);
        let figures = format!("{over} {name}: ");
        let lines: Vec<&str> =
            said.lines().filter(|l| l.to_lowercase().starts_with(&figures)).collect();
        println!("{}", lines.join("\n"));
        if out.status.success() {
            return failed;
        }
        println!("{figures}{}", String::from_utf8_lossy(&out.stderr));
        let round = lines.iter().find_map(|l| l.split_once(FAILED)?.1.parse::<usize>().ok());
        failed.push(format!("{over} {name} {}", round.map_or("start".into(), |n| n.to_string())));
        // One that could not even begin is not begun for ever.
        from = round.unwrap_or(end) + 1;
    }
    failed
}

fn row(over: &str, name: &str, rounds: usize, first: usize) -> Output {
    let this = std::env::current_exe().expect("a path");
    let mut command = Command::new("unshare");
    command.args(["-rn", "--"]).arg(this).args(["row", over, name]);
    command.args([rounds.to_string(), first.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.output().expect("started")
}
