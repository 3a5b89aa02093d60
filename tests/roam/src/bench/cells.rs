//! Changes of the desk's network, from the switch or from link up until it can trade.

use super::sheet::Sheet;
use crate::{
    rows::{Click, Row, Times, round},
    world::{Transport, World},
};
use std::time::Duration;

/// What is measured over each transport. A reset is TCP's.
pub(super) const FIXS: [&str; 8] = [
    "switch",
    "switch-touch",
    "link-up",
    "link-up-touch",
    "reset",
    "clicks",
    "dead-path",
    "dead-path-idle",
];
/// The same over QUIC, and the switch to a network that blocks it.
pub(super) const QUIC: [&str; 8] = [
    "switch",
    "switch-touch",
    "link-up",
    "link-up-touch",
    "udp-blocked",
    "clicks",
    "dead-path",
    "dead-path-idle",
];

/// One of [`FIXS`] or [`QUIC`].
pub(super) fn run(over: Transport, what: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dir.path(), what.ends_with("-touch"), over);
    let name = match over {
        Transport::Fixs => "FIXS",
        Transport::Quic => "QUIC",
    };
    match what {
        "clicks" => return clicks(&mut world, name, rounds),
        "dead-path" => return dead_path(&mut world, name, rounds, Row::DeadPath),
        "dead-path-idle" => return dead_path(&mut world, name, rounds, Row::DeadPathIdle),
        _ => {}
    }
    let (row, words) = match what.trim_end_matches("-touch") {
        "switch" => (Row::SilentSwitch, "silent switch"),
        "link-up" => (Row::LinkDown, "link up, new address"),
        "reset" => (Row::ResetYoung, "reset"),
        "udp-blocked" => (Row::UdpBlocked, "silent switch, UDP blocked"),
        other => panic!("{other}"),
    };
    let touch = if what.ends_with("-touch") { ", a touch at logon" } else { "" };
    let what = format!("{words}{touch}: to tradable");
    let mut sheet = Sheet::new(name, what, rounds, wanted(over, row));
    let (mut made, mut refused) = (0, 0);
    for _ in 0..rounds {
        let times = round(&mut world, row, Click::Never);
        made += usize::from(times.made);
        refused += usize::from(times.refused > 0);
        sheet.push(times.tradable.into_iter());
        if over == Transport::Quic {
            sheet.note(format!("made again {made}, refused first {refused}"));
        }
    }
}

fn wanted(over: Transport, row: Row) -> Option<f64> {
    match (over, row) {
        (Transport::Quic, Row::SilentSwitch) => Some(150.0),
        (_, Row::SilentSwitch) => Some(400.0),
        (_, Row::LinkDown) => Some(300.0),
        _ => None,
    }
}

/// The path goes silent: until the desk says that prices cannot be reached. With an accept that is
/// clicked at once, from the click; else from the silence, with no price on screen.
fn dead_path(world: &mut World, name: &'static str, rounds: usize, row: Row) {
    let (words, wanted, click) = match row {
        Row::DeadPath => ("waiting", 1_000.0, Click::After(Duration::ZERO)),
        _ => ("idle", 3_000.0, Click::Never),
    };
    let mut sheet = Sheet::new(name, format!("dead path known: {words}"), rounds, Some(wanted));
    for _ in 0..rounds {
        sheet.push(round(world, row, click).known.into_iter());
    }
}

/// An accept is clicked from just before to one second after a switch.
fn clicks(world: &mut World, name: &'static str, rounds: usize) {
    let what = "click to truth around a switch".to_owned();
    let mut sheet = Sheet::new(name, what, rounds, Some(1_500.0));
    let (mut filled, mut declined, mut at_once) = (0, 0, 0);
    for n in 0..rounds {
        let later = Duration::from_millis(u64::try_from(n).unwrap_or(0) * 37 % 1_000);
        let click = if n % 2 == 0 { Click::Before } else { Click::After(later) };
        let Times { truth, outcome, .. } = round(world, Row::SilentSwitch, click);
        let is = |word: &str| outcome.as_deref().is_some_and(|o| o.starts_with(word));
        let sent = is("Filled") || is("Declined");
        filled += usize::from(is("Filled"));
        declined += usize::from(is("Declined"));
        at_once += usize::from(!sent);
        sheet.push(truth.filter(|_| sent).into_iter());
        sheet.note(format!("{filled} filled, {declined} declined, {at_once} refused at once"));
    }
}
