//! The rows of changes: what happens to the laptop or its gateway, again and again, and what must
//! be true afterwards. Times are printed and never judged.
//!
//! After each change the desk is online again, the RFQ is open and its quote can be pressed; and an
//! accept that was clicked around the change has one outcome, the same for desk and dealer.

use crate::{
    statistics::percentiles,
    talk::{Order, nanos},
    world::{Screen, World, ms},
};
use signet_desk_core::view::{AcceptState, LinkState, Problem, RfqState};
use std::time::Duration;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// To the other network; the old path goes silent, and the system tells.
    SilentSwitch,
    /// The device is down for three seconds, and has another address then.
    LinkDown,
    /// No route for long.
    NoRoute,
    /// Silent for long, and nobody tells; then another network.
    BlackHole,
    /// A reset of a connection that is older than ten seconds.
    ResetOld,
    /// A reset of a connection that is two seconds old.
    ResetYoung,
    /// The gateway is killed and started again.
    GatewayKilled,
    /// The laptop's process stands still for eight seconds.
    SuspendedShort,
    /// The same, and the laptop is in another network then.
    SuspendedShortMoved,
    /// For sixteen seconds, or twenty: longer than a desk takes for a nap.
    SuspendedLong,
    /// The same, and then in another network.
    SuspendedLongMoved,
    /// The translator gives the connection another port.
    NatNewPort,
    /// The translator forgets the connection and tells nobody.
    NatForgets,
}

/// All of them, by the names that the command line has.
pub const ROWS: [(&str, Row); 13] = [
    ("silent_switch", Row::SilentSwitch),
    ("link_down", Row::LinkDown),
    ("no_route", Row::NoRoute),
    ("black_hole", Row::BlackHole),
    ("reset_old", Row::ResetOld),
    ("reset_young", Row::ResetYoung),
    ("gateway_killed", Row::GatewayKilled),
    ("suspended_8", Row::SuspendedShort),
    ("suspended_8_moved", Row::SuspendedShortMoved),
    ("suspended_20", Row::SuspendedLong),
    ("suspended_20_moved", Row::SuspendedLongMoved),
    ("nat_new_port", Row::NatNewPort),
    ("nat_forgets", Row::NatForgets),
];

/// When an accept is clicked, seen from the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Click {
    /// Not at all.
    Never,
    /// Just before it: the accept, or its answer, is on its way.
    Before,
    /// So long after it.
    After(Duration),
}

/// What is measured in one round, milliseconds.
#[derive(Debug, Default, Clone)]
pub struct Times {
    /// From the change until the desk shows another state of its connection.
    pub noticed: f64,
    /// From the moment a connection is possible until the desk is online.
    pub on: f64,
    /// The same, until the quote can be pressed; `None` after a click.
    pub tradable: Option<f64>,
    /// From the click until its outcome is shown.
    pub truth: Option<f64>,
    /// What became of the click.
    pub outcome: Option<String>,
}

/// Runs a row and prints it.
///
/// # Panics
/// When what must be true is not.
pub fn run(name: &str, rounds: usize) {
    let row = ROWS.iter().find(|(n, _)| *n == name).expect("a row's name").1;
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = World::start(dir.path(), false);
    prepare(&mut world, row);
    let mut all = Vec::new();
    for n in 0..rounds {
        let times = round(&mut world, row, click(row, n));
        println!("{name} {n}: {times:?}");
        all.push(times);
    }
    let column = |what: &dyn Fn(&Times) -> Option<f64>| -> String {
        percentiles(&mut all.iter().filter_map(what).collect::<Vec<f64>>())
    };
    println!("{name}: noticed  {}", column(&|t| Some(t.noticed)));
    println!("{name}: on       {}", column(&|t| Some(t.on)));
    println!("{name}: tradable {}", column(&|t| t.tradable));
    println!("{name}: truth    {}", column(&|t| t.truth));
}

/// Every third round without a click; the others before the change, or up to 1.5 s after it.
fn click(row: Row, n: usize) -> Click {
    let stands_still = matches!(
        row,
        Row::SuspendedShort
            | Row::SuspendedShortMoved
            | Row::SuspendedLong
            | Row::SuspendedLongMoved
    );
    let n = u64::try_from(n).unwrap_or(0);
    match n % 3 {
        0 => Click::Never,
        1 => Click::Before,
        _ if stands_still => Click::Before,
        _ => Click::After(Duration::from_millis(n * 137 % 1_500)),
    }
}

/// What a row needs once.
fn prepare(w: &mut World, row: Row) {
    if matches!(row, Row::NatNewPort | Row::NatForgets) {
        w.network.translate(w.here.other());
        let before = w.screen.since();
        w.switch();
        w.until("on, behind a translator", |s| on_again(s, before));
    }
}

fn on_again(s: &Screen, before: f64) -> bool {
    s.link() == Some(LinkState::Online) && s.since() != before
}

/// One change, and what must be true after it.
pub fn round(w: &mut World, row: Row, click: Click) -> Times {
    let id = w.rfq();
    let armed = (click != Click::Never).then(|| w.arm(&id).expect("armed"));
    let fills = w.firm.fills();
    let age = match row {
        Row::ResetOld => 10_500,
        Row::ResetYoung => 2_000,
        // Round trips and the clock are known by then, as on any desk at work.
        _ => 700,
    };
    w.pause(Duration::from_millis(age));
    let before = w.screen.since();
    let mut clicked = None;
    if click == Click::Before {
        clicked = armed.as_ref().map(|a| w.order_at(Order::Accept(id.clone(), a.clone())));
    }
    let began = begin(w, row);
    if let Click::After(time) = click {
        w.pause(time);
        clicked = armed.as_ref().map(|a| w.order_at(Order::Accept(id.clone(), a.clone())));
    }
    let possible = finish(w, row, began);
    let mut times = back(w, row, before, began, possible);
    match clicked {
        None => times.tradable = Some(ms(possible, still_open(w, &id))),
        Some((at, said)) => {
            let (truth, outcome) = settled(w, &id, &said, fills);
            times.truth = Some(ms(at, truth));
            times.outcome = Some(outcome);
        }
    }
    leave(w, &id);
    times
}

/// Until the desk is online over another connection.
fn back(w: &mut World, row: Row, before: f64, began: u64, possible: u64) -> Times {
    // A short sleep in the same network ends nothing.
    if row == Row::SuspendedShort {
        w.pause(Duration::from_secs(2));
        if w.screen.since() == before {
            assert_eq!(w.screen.link(), Some(LinkState::Online));
            return Times::default();
        }
    }
    let online = |s: &Screen| s.first(possible, |state| state == LinkState::Online);
    w.until("online again", |s| online(s).is_some() && s.link() == Some(LinkState::Online));
    let noticed = w.screen.first(began, |_| true).expect("a state");
    let on = online(&w.screen).expect("online");
    Times { noticed: ms(began, noticed), on: ms(possible, on), ..Times::default() }
}

/// The RFQ is open and its quote can be pressed: since when.
fn still_open(w: &mut World, id: &str) -> u64 {
    let tradable = w.until("the quote can be pressed", |s| s.tradable(id));
    assert_eq!(w.screen.rfq(id).map(|r| r.state), Some(RfqState::Open), "{:#?}", w.screen);
    tradable
}

/// One outcome, the same for desk and dealer, and it stays: when it was shown, and which.
fn settled(
    w: &mut World,
    id: &str,
    said: &Result<crate::talk::Answer, Problem>,
    fills: usize,
) -> (u64, String) {
    let (at, outcome) = match said {
        // Not sent, and the trader was told so at once.
        Err(why) => (nanos(), why.code.clone()),
        Ok(_) => {
            let at = w.until("the outcome of the accept", |s| is_final(s, id));
            let shown = w.screen.accept(id).expect("an accept");
            (at, format!("{:?}: {}", shown.state, shown.text))
        }
    };
    // Long enough for a late one to arrive.
    w.pause(Duration::from_millis(1_500));
    let filled = w.screen.accept(id).is_some_and(|a| a.state == AcceptState::Filled);
    let at_dealer = w.firm.fills() - fills;
    assert_eq!(usize::from(filled), at_dealer, "desk, dealer: {outcome} {:#?}", w.screen);
    let done = w.screen.rfq(id).map(|r| r.state) == Some(RfqState::Done);
    assert_eq!(filled, done, "{:#?}", w.screen);
    if !filled {
        assert!(said.is_err() || is_final(&w.screen, id), "{:#?}", w.screen);
    }
    (at, outcome)
}

fn is_final(s: &Screen, id: &str) -> bool {
    s.accept(id).is_some_and(|a| {
        matches!(a.state, AcceptState::Filled | AcceptState::Declined | AcceptState::Disarmed)
    })
}

/// The screen is empty again.
pub fn leave(w: &mut World, id: &str) {
    if w.screen.rfq(id).map(|r| r.state) == Some(RfqState::Open) {
        w.order(Order::Cancel(id.into())).expect("cancelled");
        w.until("cancelled", |s| {
            s.rfq(id).is_none_or(|r| !matches!(r.state, RfqState::Open | RfqState::Sent))
        });
    }
    w.order(Order::Dismiss(id.into())).expect("dismissed");
}

/// Seconds of the rows whose length is a matter of patience.
fn seconds(short: u64, full: u64) -> Duration {
    let is_full = std::env::var_os("ROAM_FULL").is_some();
    Duration::from_secs(if is_full { full } else { short })
}

/// Answers when the change happened.
fn begin(w: &mut World, row: Row) -> u64 {
    let at = nanos();
    match row {
        Row::SilentSwitch => return w.switch(),
        Row::LinkDown | Row::NoRoute => w.network.down(w.here).expect("down"),
        Row::BlackHole => w.network.silent(w.here, true),
        Row::ResetOld | Row::ResetYoung => w.network.reset(w.here),
        Row::GatewayKilled => w.firm.kill_gateway(),
        Row::SuspendedShort
        | Row::SuspendedShortMoved
        | Row::SuspendedLong
        | Row::SuspendedLongMoved => w.asleep(true),
        Row::NatNewPort => w.network.other_ports(w.here),
        Row::NatForgets => w.network.forget(w.here),
    }
    at
}

/// Answers since when a connection is possible.
fn finish(w: &mut World, row: Row, began: u64) -> u64 {
    let rest = |of: Duration| of.saturating_sub(Duration::from_nanos(nanos() - began));
    match row {
        Row::SilentSwitch | Row::ResetOld | Row::ResetYoung | Row::NatNewPort | Row::NatForgets => {
            return began;
        }
        Row::LinkDown | Row::NoRoute => {
            let time = if row == Row::LinkDown { seconds(3, 3) } else { seconds(6, 20) };
            w.pause(rest(time));
            return w.link_up();
        }
        Row::BlackHole => {
            w.pause(rest(seconds(7, 14)));
            return w.switch();
        }
        Row::GatewayKilled => w.firm.start_gateway(),
        Row::SuspendedShort | Row::SuspendedShortMoved => std::thread::sleep(seconds(8, 8)),
        Row::SuspendedLong | Row::SuspendedLongMoved => std::thread::sleep(seconds(16, 20)),
    }
    if matches!(row, Row::SuspendedShortMoved | Row::SuspendedLongMoved) {
        w.switch();
    }
    let at = nanos();
    if row != Row::GatewayKilled {
        w.asleep(false);
    }
    at
}
