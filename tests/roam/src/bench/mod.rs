//! What docs/benchmarks.md shows of changing networks. It prints, and asserts nothing about time.
//!
//! `cells.rs`: the desk's changes; `quickfix.rs`: the same changes under QuickFIX's own OpenSSL
//! initiator; `storm.rs`: thousands of desks that come back at once, and `street.rs` the dealer that
//! quotes meanwhile; `sheet.rs`: the figures of a cell.

mod cells;
mod quickfix;
mod sheet;
mod storm;
mod street;

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
#[derive(Debug)]
struct Part {
    /// For whoever wants only some: `fixs/switch`.
    name: String,
    words: Vec<String>,
    /// In a network namespace of its own.
    alone: bool,
    /// It is ended after this time.
    longest: Duration,
}

impl Part {
    /// Whether it is meant by this name, which may be that of its kind.
    fn is(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Everything, or the parts that are named. FIXS, QUIC and QuickFIX are measured side by side, each
/// in namespaces of its own: nearly all of a round is waiting. The storms come after them, alone. A
/// part that fails or hangs is told and does not stop the others.
///
/// # Panics
/// When no part has one of these names.
pub fn all(only: &[&str], rounds: usize, quickfix: Option<usize>, desks: Option<usize>) {
    let began = Instant::now();
    let quickfix = quickfix.unwrap_or(rounds.min(QUICKFIX_ROUNDS));
    let (mut lanes, mut storms) = (lanes(rounds, quickfix), storms(desks.unwrap_or(DESKS)));
    choose(only, lanes.iter_mut().chain([&mut storms])).unwrap_or_else(|why| panic!("{why}"));
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let lanes = lanes.map(|parts| scope.spawn(move || parts.iter().flat_map(run).collect()));
        for lane in lanes {
            let found: Vec<Line> = lane.join().unwrap_or_default();
            lines.extend(found);
        }
    });
    lines.extend(storms.iter().flat_map(run));
    println!("{}", Line::heading());
    lines.iter().for_each(|l| println!("{}", l.text()));
    println!("   all of it took {} s", began.elapsed().as_secs());
}

/// What is measured side by side.
fn lanes(rounds: usize, quickfix: usize) -> [Vec<Part>; 3] {
    let cells = |over: &str, what: &[&str]| -> Vec<Part> {
        what.iter().map(|w| cell(&["cell", over, w], rounds, ROUND_MAX)).collect()
    };
    [
        cells("fixs", &cells::FIXS),
        cells("quic", &cells::QUIC),
        ["switch", "link-up", "reset"]
            .map(|w| cell(&["quickfix", w], quickfix, QUICKFIX_ROUND_MAX))
            .into(),
    ]
}

fn storms(desks: usize) -> Vec<Part> {
    let of = |what: &str, desks| part_of(&["storm", what], desks, false, STORM_MAX);
    let office = desks.min(OFFICE);
    vec![of("network", desks), of("gateway", desks), of("quotes", desks), of("nat", office)]
}

fn cell(words: &[&str], rounds: usize, round_max: Duration) -> Part {
    let times = u32::try_from(rounds).unwrap_or(u32::MAX);
    let longest = START_MAX.saturating_add(round_max.saturating_mul(times));
    part_of(words, rounds, true, longest)
}

fn part_of(words: &[&str], count: usize, alone: bool, longest: Duration) -> Part {
    let name = words.iter().filter(|w| **w != "cell").copied().collect::<Vec<_>>().join("/");
    let count = count.to_string();
    let words = words.iter().copied().chain([count.as_str()]).map(String::from).collect();
    Part { name, words, alone, longest }
}

/// Keeps the parts that are named, by themselves or all of a kind; without names, all.
///
/// # Errors
/// A name that no part has, and those that there are.
fn choose<'a>(
    only: &[&str],
    everything: impl Iterator<Item = &'a mut Vec<Part>>,
) -> Result<(), String> {
    let (mut unknown, mut names) = (only.to_vec(), Vec::new());
    for parts in everything {
        unknown.retain(|name| !parts.iter().any(|p| p.is(name)));
        names.extend(parts.iter().map(|p| p.name.clone()));
        parts.retain(|p| only.is_empty() || only.iter().any(|name| p.is(name)));
    }
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(format!("{unknown:?}: there is {}", names.join(", "))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(only: &[&str]) -> Result<Vec<String>, String> {
        let (mut lanes, mut storms) = (lanes(1, 1), storms(10));
        choose(only, lanes.iter_mut().chain([&mut storms]))?;
        Ok(lanes.into_iter().flatten().chain(storms).map(|p| p.name).collect())
    }

    #[test]
    fn those_that_are_named_are_measured_and_a_wrong_name_is_told() {
        assert_eq!(chosen(&["fixs/switch"]).unwrap(), ["fixs/switch"], "not switch-touch");
        assert_eq!(
            chosen(&["storm/nat", "quic/dead-path-idle"]).unwrap(),
            ["quic/dead-path-idle", "storm/nat"]
        );
        let quickfix = ["quickfix/switch", "quickfix/link-up", "quickfix/reset"];
        assert_eq!(chosen(&["quickfix"]).unwrap(), quickfix);
        let all = cells::FIXS.len() + cells::QUIC.len() + 3 + 4;
        assert_eq!(chosen(&[]).unwrap().len(), all);
        for wrong in ["fix", "fixs/", "fixs/switch/", "", "storms"] {
            let why = chosen(&["fixs/reset", wrong]).unwrap_err();
            assert!(why.contains("fixs/switch") && !why.contains("[\"fixs/reset"), "{why}");
        }
    }

    #[test]
    fn a_part_is_started_with_its_words_and_its_number() {
        let part = cell(&["cell", "fixs", "reset"], 7, ROUND_MAX);
        assert_eq!(part.words, ["cell", "fixs", "reset", "7"]);
        assert_eq!((part.name.as_str(), part.alone), ("fixs/reset", true));
        let storm = storms(5_000).pop().unwrap();
        assert_eq!((storm.words.join(" "), storm.alone), ("storm nat 300".into(), false));
    }
}
