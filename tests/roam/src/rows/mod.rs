//! The rows of changes: what happens to the laptop or its gateway, again and again, and what must
//! be true afterwards. Times are printed and never judged.
//!
//! After each change the desk can ask again, the RFQ is open and its quote can be pressed; and an
//! accept that was clicked around the change has one outcome, the same for desk and dealer.
//!
//! Over FIXS a change ends the connection. Over QUIC it may go on; what counts there is that a
//! request made from then on is quoted.

mod all;
mod change;

pub use all::all;
pub use change::{Length, ROWS, Row, Sleep, is_full};

use crate::{
    statistics::percentiles,
    talk::{Answer, Order, nanos},
    world::{Screen, Transport, World, is_final, ms},
};
use change::{begin, finish, prepare};
use signet_desk_core::view::{AcceptState, LinkState, Problem, RfqState};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

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
    /// From the change until the desk shows another state of its connection; `None`: it never did.
    pub noticed: Option<f64>,
    /// From the moment a connection is possible until the desk is online; over QUIC, until a
    /// request is quoted, `None` after a click, because it is made after that.
    pub on: Option<f64>,
    /// The same, until the quote from before can be pressed; `None` after a click.
    pub tradable: Option<f64>,
    /// From the click until its outcome is shown.
    pub truth: Option<f64>,
    /// On a path that is dead: from the click, or from the silence where nobody clicks, until the
    /// desk says that prices cannot be reached; `None` after a click that was refused.
    pub known: Option<f64>,
    /// What became of the click.
    pub outcome: Option<String>,
    /// Requests that were refused or lost before one was quoted.
    pub refused: usize,
    /// Another connection was made.
    pub made: bool,
    /// The connection is over QUIC afterwards.
    pub quic: bool,
}

/// What a row prints before the number of the round that failed.
const FAILED: &str = "failed in round ";

/// Runs a row and prints it: so many rounds, of which each is a number that says when the accept is
/// clicked. A round that fails is told with its number, and is the last one.
///
/// # Panics
/// When what must be true was not, in any round.
pub fn run(over: Transport, name: &str, rounds: usize, first: usize) {
    let row = ROWS.iter().find(|(n, _)| *n == name).expect("a row's name").1;
    assert!(row.is_of(over), "{row:?} is not a row of {over:?}");
    let dir = tempfile::tempdir().expect("a folder");
    let mut world = match row.stops_the_clock() {
        true => World::start_with_stopped_clock(dir.path(), over),
        false => World::start(dir.path(), false, over),
    };
    let (mut all, mut failed) = (Vec::new(), None);
    for n in first..first + rounds {
        let whole = AssertUnwindSafe(|| round(&mut world, row, click(row, n)));
        let Ok(times) = catch_unwind(whole) else {
            // The panic has said why.
            failed = Some(n);
            break;
        };
        println!("{over:?} {name} {n}: {times:?}");
        all.push(times);
    }
    let column = |what: &dyn Fn(&Times) -> Option<f64>| -> String {
        percentiles(&mut all.iter().filter_map(what).collect::<Vec<f64>>())
    };
    let name = format!("{over:?} {name}");
    println!("{name}: noticed  {}", column(&|t| t.noticed));
    println!("{name}: on       {}", column(&|t| t.on));
    println!("{name}: tradable {}", column(&|t| t.tradable));
    println!("{name}: truth    {}", column(&|t| t.truth));
    println!("{name}: known    {}", column(&|t| t.known));
    let count = |what: fn(&Times) -> bool| all.iter().filter(|t| what(t)).count();
    let (made, refused, quic) = (count(|t| t.made), count(|t| t.refused > 0), count(|t| t.quic));
    // On a machine that is busy an answer may come late, and another connection first.
    assert!(
        !row.goes_on(over) || all.is_empty() || made < all.len(),
        "{name}: a connection was made after each change"
    );
    let whole = all.len();
    println!("{name}: of {whole}: made again {made}, refused first {refused}, over QUIC {quic}");
    if let Some(n) = failed {
        println!("{name}: {FAILED}{n}");
        panic!("{name}: a round failed");
    }
}

/// Every third round without a click; the others before the change, or up to 1.5 s after it. On a
/// path that is dead, at once.
fn click(row: Row, n: usize) -> Click {
    let n = u64::try_from(n).unwrap_or(0);
    match n % 3 {
        _ if row == Row::DeadPath => Click::After(Duration::ZERO),
        0 => Click::Never,
        1 => Click::Before,
        _ if matches!(row, Row::Asleep(_)) => Click::Before,
        _ => Click::After(Duration::from_millis(n * 137 % 1_500)),
    }
}

/// One change, and what must be true after it.
pub fn round(w: &mut World, row: Row, click: Click) -> Times {
    prepare(w, row, w.over);
    if row == Row::DeadPathIdle {
        return idle(w, row);
    }
    let id = w.rfq();
    let armed = (click != Click::Never).then(|| w.arm(&id).expect("armed"));
    let fills = w.firm.fills();
    w.pause(Duration::from_millis(age(row, w.over)));
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
    let (mut times, asked) = match w.over {
        Transport::Fixs => (back(w, row, before, began, possible), None),
        Transport::Quic => reached(w, began, possible),
    };
    times.made = w.screen.first(began, |s| s == LinkState::LoggingOn).is_some();
    times.quic = w.screen.is_quic();
    if let Some(quic) = row.ends_over_quic() {
        assert_eq!(times.quic, quic, "{:#?}", w.screen);
    }
    if matches!(row, Row::Asleep(_)) {
        w.check_clock();
    }
    match clicked {
        None => times.tradable = Some(ms(possible, still_open(w, &id))),
        Some((at, said)) => {
            let (truth, outcome) = settled(w, &id, &said, fills);
            times.truth = Some(ms(at, truth));
            if row == Row::DeadPath {
                times.known = known_first(w, began, (at, truth), &said);
            }
            times.outcome = Some(outcome);
            times.on = times.on.filter(|_| w.over == Transport::Fixs);
        }
    }
    leave(w, &id);
    if let Some(asked) = asked {
        leave(w, &asked);
    }
    times
}

/// The path is dead while nobody waits for anything and no price is on screen.
fn idle(w: &mut World, row: Row) -> Times {
    w.pause(Duration::from_millis(age(row, w.over)));
    let began = begin(w, row);
    let possible = finish(w, row, began);
    let (mut times, asked) = reached(w, began, possible);
    times.known = w.screen.unreachable(began).map(|at| ms(began, at));
    times.made = w.screen.first(began, |s| s == LinkState::LoggingOn).is_some();
    times.quic = w.screen.is_quic();
    if let Some(asked) = asked {
        leave(w, &asked);
    }
    times
}

/// The desk said that prices cannot be reached before it showed an outcome of the accept: after how
/// long. `None`: the click was refused, because an answer was overdue already.
fn known_first(
    w: &World,
    began: u64,
    (clicked, outcome): (u64, u64),
    said: &Result<Answer, Problem>,
) -> Option<f64> {
    if let Err(why) = said {
        assert!(why.code.starts_with("link."), "refused for something else: {why:?}");
        return None;
    }
    let known = w.screen.unreachable(began)?;
    assert!(known <= outcome, "an outcome while the path looked good: {:#?}", w.screen);
    Some(ms(clicked, known))
}

/// Of the connection when the change happens, milliseconds.
fn age(row: Row, over: Transport) -> u64 {
    match (row, over) {
        (Row::ResetOld, _) => 10_500,
        (Row::ResetYoung, _) => 2_000,
        // The gateway proves five addresses at once, and then one in three seconds.
        (_, Transport::Quic) => 3_000,
        // Round trips and the clock are known by then, as on any desk at work.
        _ => 700,
    }
}

/// Until a request is quoted, over whichever connection, and which request.
fn reached(w: &mut World, began: u64, possible: u64) -> (Times, Option<String>) {
    let (asked, at, refused) = w.quoted();
    let noticed = w.screen.first(began, |_| true).map(|at| ms(began, at));
    let times = Times { noticed, on: Some(ms(possible, at)), refused, ..Times::default() };
    (times, Some(asked))
}

/// Until the desk is online over another connection.
fn back(w: &mut World, row: Row, before: f64, began: u64, possible: u64) -> Times {
    // A short sleep in the same network ends nothing.
    if matches!(row, Row::Asleep(Sleep { length: Length::Nap, moved: false, .. })) {
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
    Times { noticed: Some(ms(began, noticed)), on: Some(ms(possible, on)), ..Times::default() }
}

/// The RFQ is open and its quote can be pressed: since when.
fn still_open(w: &mut World, id: &str) -> u64 {
    let tradable = w.until("the quote can be pressed", |s| s.tradable(id));
    assert_eq!(w.screen.rfq(id).map(|r| r.state), Some(RfqState::Open), "{:#?}", w.screen);
    tradable
}

/// One outcome, the same for desk and dealer, and it stays: when it was shown, and which.
fn settled(w: &mut World, id: &str, said: &Result<Answer, Problem>, fills: usize) -> (u64, String) {
    let (at, outcome) = match said {
        // Not sent, and the trader was told so at once.
        Err(why) => (nanos(), why.code.clone()),
        Ok(_) => {
            w.until("the outcome of the accept", |s| s.outcomes.contains_key(id));
            let at = w.screen.outcomes[id];
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
        assert!(said.is_err() || is_final(w.screen.accept(id)), "{:#?}", w.screen);
    }
    (at, outcome)
}

/// The screen is empty again.
pub fn leave(w: &mut World, id: &str) {
    if w.screen.rfq(id).map(|r| r.state) == Some(RfqState::Open) {
        w.patiently(|w| w.order(Order::Cancel(id.into()))).expect("cancelled");
        w.until("cancelled", |s| {
            s.rfq(id).is_none_or(|r| !matches!(r.state, RfqState::Open | RfqState::Sent))
        });
    }
    w.order(Order::Dismiss(id.into())).expect("dismissed");
}
