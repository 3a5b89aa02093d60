//! Changes of the desk's network, from the switch or from link up until it can trade.

use crate::{
    rows::{Click, Row, Times, leave, round},
    statistics::percentiles,
    world::{World, ms},
};
use std::time::Duration;

/// `what`: `switch`, `link-up` or `reset`, each also with `-touch`, or `clicks`.
pub(super) fn run(what: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dir.path(), what.ends_with("-touch"));
    if what == "clicks" {
        return clicks(&mut world, rounds);
    }
    let row = match what.trim_end_matches("-touch") {
        "switch" => Row::SilentSwitch,
        "link-up" => Row::LinkDown,
        "reset" => Row::ResetYoung,
        other => panic!("{other}"),
    };
    let all: Vec<Times> = (0..rounds).map(|_| round(&mut world, row, Click::Never)).collect();
    let words = match row {
        Row::SilentSwitch => "switch, the old path silent",
        Row::ResetYoung => "reset",
        _ => "link up after 3 s down, new address",
    };
    let touch = if what.ends_with("-touch") { ", logon owes a touch" } else { "" };
    let mut on: Vec<f64> = all.iter().map(|t| t.on).collect();
    let mut tradable: Vec<f64> = all.iter().filter_map(|t| t.tradable).collect();
    println!("   FIXS, {words}{touch}, ms: online   {}", percentiles(&mut on));
    println!("   FIXS, {words}{touch}, ms: tradable {}", percentiles(&mut tradable));
}

/// Over QUIC the connection moves: from the switch until a request that is made at the switch is
/// quoted, and how many connections were made again meanwhile.
pub(super) fn moves(rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::over(dir.path(), false, true);
    let (mut all, mut made) = (Vec::new(), 0);
    for _ in 0..rounds {
        let open = world.rfq();
        // The gateway proves five addresses at once, and then one in three seconds.
        world.pause(Duration::from_secs(3));
        let before = world.screen.since();
        let began = world.switch();
        let asked = world.request();
        let quoted = world.until("a quote", |s| s.tradable(&asked));
        all.push(ms(began, quoted));
        assert!(world.screen.tradable(&open), "{:#?}", world.screen);
        made += usize::from(world.screen.since() != before);
        leave(&mut world, &open);
        leave(&mut world, &asked);
    }
    println!(
        "   QUIC, switch, the old path silent, ms: a request made then is quoted {}",
        percentiles(&mut all)
    );
    println!("   QUIC, switch: connections made again: {made} of {rounds}");
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
    let starts = |t: &Times, word: &str| t.outcome.as_deref().is_some_and(|o| o.starts_with(word));
    let filled: Vec<&Times> = all.iter().filter(|t| starts(t, "Filled")).collect();
    let declined: Vec<&Times> = all.iter().filter(|t| starts(t, "Declined")).collect();
    let sent = filled.iter().chain(&declined);
    println!(
        "   FIXS, click to truth around a switch, ms: {}",
        percentiles(&mut sent.filter_map(|t| t.truth).collect::<Vec<f64>>())
    );
    println!(
        "   of {rounds} clicks {} filled, {} declined, {} refused by the desk at once; desk and \
            dealer agree on each",
        filled.len(),
        declined.len(),
        rounds - filled.len() - declined.len()
    );
}
