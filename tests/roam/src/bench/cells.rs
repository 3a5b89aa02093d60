//! Changes of the desk's network, from the switch or from link up until it can trade.

use crate::{
    rows::{Click, Row, Times, round},
    statistics::percentiles,
    world::World,
};
use std::time::Duration;

/// `what`: `switch`, `link-up`, each also with `-touch`, or `clicks`.
pub(super) fn run(what: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dir.path(), what.ends_with("-touch"));
    if what == "clicks" {
        return clicks(&mut world, rounds);
    }
    let row = if what.starts_with("switch") { Row::SilentSwitch } else { Row::LinkDown };
    let all: Vec<Times> = (0..rounds).map(|_| round(&mut world, row, Click::Never)).collect();
    let words = match row {
        Row::SilentSwitch => "switch, the old path silent",
        _ => "link up after 3 s down, new address",
    };
    let touch = if what.ends_with("-touch") { ", logon owes a touch" } else { "" };
    let mut on: Vec<f64> = all.iter().map(|t| t.on).collect();
    let mut tradable: Vec<f64> = all.iter().filter_map(|t| t.tradable).collect();
    println!("   FIXS, {words}{touch}, ms: online   {}", percentiles(&mut on));
    println!("   FIXS, {words}{touch}, ms: tradable {}", percentiles(&mut tradable));
}

/// An accept is clicked from just before to one second after a switch.
fn clicks(world: &mut World, rounds: usize) {
    let all: Vec<Times> = (0..rounds)
        .map(|n| {
            let later = Duration::from_millis(u64::try_from(n).unwrap_or(0) * 37 % 1_000);
            let click = if n % 2 == 0 { Click::Before } else { Click::After(later) };
            round(world, Row::SilentSwitch, click)
        })
        .collect();
    let is_sent = |t: &&Times| {
        let outcome = t.outcome.as_deref().unwrap_or("");
        outcome.starts_with("Filled") || outcome.starts_with("Declined")
    };
    let mut sent: Vec<f64> = all.iter().filter(is_sent).filter_map(|t| t.truth).collect();
    let filled = all.iter().filter(|t| t.outcome.as_deref().is_some_and(|o| o.starts_with("Fil")));
    println!("   FIXS, click to truth around a switch, ms: {}", percentiles(&mut sent));
    println!(
        "   of {rounds} clicks {} were filled, {} declined, {} refused by the desk at once; desk and \
            dealer agreed on each",
        filled.count(),
        sent.len()
            - all
                .iter()
                .filter(|t| t.outcome.as_deref().is_some_and(|o| o.starts_with("Fil")))
                .count(),
        rounds - sent.len()
    );
}
