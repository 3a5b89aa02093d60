//! What docs/benchmarks.md shows of changing networks. It prints, and asserts nothing about time.
//!
//! `cells.rs`: the desk's changes; `quickfix.rs`: the same changes under QuickFIX's own OpenSSL
//! initiator; `storm.rs`: thousands of desks that come back at once; `sheet.rs`: the figures of a
//! cell.

mod cells;
mod quickfix;
mod sheet;
mod storm;

use crate::world::Transport;
use rustix::process::{Pid, Signal, kill_process_group};
use sheet::Line;
use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

/// Desks that come back at once.
const DESKS: usize = 5_000;
/// Desks of one office behind one address.
const OFFICE: usize = 300;
/// QuickFIX is not back for seconds after each change, and not within 30 s after some.
const QUICKFIX_ROUNDS: usize = 30;
/// What a cell needs before its first round, and what a round takes at most, on average. QuickFIX
/// may take longer than its own patience.
const START_MAX: Duration = Duration::from_secs(120);
const ROUND_MAX: Duration = Duration::from_secs(20);
const QUICKFIX_ROUND_MAX: Duration = Duration::from_secs(40);
const STORM_MAX: Duration = Duration::from_secs(600);

/// One part, in processes of its own.
struct Part {
    words: Vec<String>,
    /// In a network namespace of its own.
    alone: bool,
    /// It is ended after this time.
    longest: Duration,
}

/// Everything. FIXS, QUIC and QuickFIX are measured side by side, each in namespaces of its own:
/// nearly all of a round is waiting. The storms come after them, alone. A part that fails or hangs
/// is told and does not stop the others.
pub fn all(rounds: usize, quickfix: Option<usize>, desks: Option<usize>) {
    let began = Instant::now();
    let cells = |over: &str, what: &[&str]| -> Vec<Part> {
        what.iter().map(|w| part_of(&["cell", over, w], rounds, ROUND_MAX)).collect()
    };
    let quickfix = quickfix.unwrap_or(rounds.min(QUICKFIX_ROUNDS));
    let lanes = [
        cells("fixs", &cells::FIXS),
        cells("quic", &cells::QUIC),
        ["switch", "link-up", "reset"]
            .map(|w| part_of(&["quickfix", w], quickfix, QUICKFIX_ROUND_MAX))
            .into(),
    ];
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let lanes = lanes.map(|parts| scope.spawn(move || parts.iter().flat_map(run).collect()));
        for lane in lanes {
            let found: Vec<Line> = lane.join().unwrap_or_default();
            lines.extend(found);
        }
    });
    let desks = desks.unwrap_or(DESKS);
    for (what, desks) in [("network", desks), ("gateway", desks), ("nat", desks.min(OFFICE))] {
        let words = ["storm", what, &desks.to_string()].map(String::from).into();
        lines.extend(run(&Part { words, alone: false, longest: STORM_MAX }));
    }
    println!("{}", Line::heading());
    lines.iter().for_each(|l| println!("{}", l.text()));
    println!("   all of it took {} s", began.elapsed().as_secs());
}

fn part_of(words: &[&str], rounds: usize, round_max: Duration) -> Part {
    let mut words: Vec<String> = words.iter().copied().map(String::from).collect();
    words.push(rounds.to_string());
    let times = u32::try_from(rounds).unwrap_or(u32::MAX);
    Part { words, alone: true, longest: START_MAX + round_max.saturating_mul(times) }
}

/// Runs a part and passes on what it says; its figures.
fn run(part: &Part) -> Vec<Line> {
    let began = Instant::now();
    let mut child = match start(part) {
        Ok(child) => child,
        Err(e) => {
            println!("   {:?} could not be started: {e}", part.words);
            return vec![];
        }
    };
    let (tell, heard) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
    }
    let mut lines = Vec::new();
    loop {
        match heard.recv_timeout(part.longest.saturating_sub(began.elapsed())) {
            Ok(text) => match Line::parse(&text) {
                Some(line) => {
                    println!("{}", line.text());
                    lines.push(line);
                }
                None => println!("{text}"),
            },
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                println!("   {:?} did not end within {:?}", part.words, part.longest);
                break;
            }
        }
    }
    let ended = end(&mut child, began + part.longest);
    if !ended {
        println!("   {:?} could not be measured to its end here", part.words);
    }
    lines
}

fn start(part: &Part) -> std::io::Result<Child> {
    let me = std::env::current_exe()?;
    let mut command = match part.alone {
        true => Command::new("unshare"),
        false => Command::new(&me),
    };
    if part.alone {
        command.args(["-rn", "--"]).arg(&me);
    }
    // With its own children it is a group, so that all of them can be ended.
    command.args(&part.words).stdout(Stdio::piped()).process_group(0).spawn()
}

/// Waits until it ends, or ends it and its children then; whether it ended well.
fn end(child: &mut Child, until: Instant) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(50)),
            _ => break,
        }
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    false
}

/// One part of [`all`], by its words.
pub fn part(words: &[&str]) {
    match words {
        ["cell", "fixs", what, rounds] => cells::run(Transport::Fixs, what, number(rounds)),
        ["cell", "quic", what, rounds] => cells::run(Transport::Quic, what, number(rounds)),
        ["quickfix", what, rounds] => quickfix::run(what, number(rounds)),
        ["storm", what, desks] => storm::run(what, number(desks)),
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
