use super::*;
use crate::{
    Input, Output,
    router::tests::{T0, answer, bund, desk, hit, quoted, report, send},
};
use signet_fix::message::{AppMessage, ExecType, OrdStatus, OrderStatusRequest};
use signet_rfq::{AcceptId, Side};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn steady(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap())
}

/// ALICE has traded in R1 at T0 + 300, with the accept x1.
fn traded() -> Router {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 300);
    r
}

fn is_remembered(r: &Router) -> bool {
    r.remembers(&RfqId::new("ALICE.R1").unwrap())
}

#[test]
fn the_steady_clock_moves_what_is_forgotten_by_and_a_wall_clock_that_is_set_does_not() {
    let mut e = Elapsed::default();
    e.both_are(T0, 7);
    for (wall, steady_ms, passed) in
        [(3 * DAY, 107, 100), (200, 207, 200), (-DAY, 307, 300), (DAY, 250, 300), (0, 350, 400)]
    {
        e.both_are(T0 + wall, steady_ms);
        assert_eq!(e.memory(T0 + wall), T0 + passed, "{wall} {steady_ms}");
    }
}

#[test]
fn a_gap_in_a_journal_and_before_a_start_counts_for_half_a_day_at_most() {
    let mut e = Elapsed::default();
    for (at, counts) in [
        (0, 0),
        (HOUR, HOUR),
        (3 * DAY, 13 * HOUR),
        // The clock was set back: what had passed has passed.
        (2 * HOUR, 13 * HOUR),
        (3 * HOUR, 14 * HOUR),
    ] {
        e.replayed(T0 + at);
        assert_eq!(e.memory(T0), T0 + counts, "{at}");
    }
    // The start, after a weekend or with a clock that is ahead.
    e.both_are(T0 + 5 * DAY, 0);
    assert_eq!(e.memory(T0), T0 + 26 * HOUR);
    let mut e = Elapsed::default();
    e.replayed(T0);
    e.both_are(T0 - DAY, 0);
    assert_eq!(e.memory(T0), T0, "the newest record is in the future of the clock");
}

#[test]
fn a_clock_that_is_days_ahead_for_a_tick_forgets_no_trade_and_frees_no_limit() {
    let mut r = traded();
    let counts = |r: &Router, at: UtcMillis| r.doing(&desk("ALICE"), at).trades_today;
    let start = T0 + 300;
    r.clocks(start, steady(0));
    let ahead = start + 3 * DAY;
    r.clocks(ahead, steady(100));
    r.handle(ahead, Input::Tick);
    assert_eq!((is_remembered(&r), counts(&r, ahead)), (true, 1));
    r.clocks(start + 200, steady(200));
    r.handle(start + 200, Input::Tick);
    assert_eq!((is_remembered(&r), counts(&r, start + 200)), (true, 1));
    // It is ahead and stays there: it is believed after an hour.
    for (ms, want) in [(300, 1), (HOUR, 1), (HOUR + 300, 0)] {
        r.clocks(ahead + ms, steady(ms));
        r.handle(ahead + ms, Input::Tick);
        assert_eq!((is_remembered(&r), counts(&r, ahead + ms)), (true, want), "{ms}");
    }
    // Time that has passed forgets, whatever the wall clock reads by then.
    for (ms, want) in [(DAY - 1, true), (DAY, false)] {
        r.clocks(start, steady(ms));
        r.handle(start, Input::Tick);
        assert_eq!(is_remembered(&r), want, "{ms}");
    }
}

#[test]
fn a_clock_that_is_set_ahead_in_small_steps_is_not_believed_and_one_that_is_corrected_is() {
    let mut e = Elapsed::default();
    e.both_are(T0, 0);
    let mut wall = T0;
    for n in 1..=100 {
        wall = wall + 2_000;
        e.both_are(wall, n * 100);
    }
    // A tenth of the first 100 ms is followed; the second step is one too many.
    assert_eq!(e.believed(wall), T0 + 10_010);
    // Five seconds in 100, by so little at a time that a tenth of what passes is less than 1 ms.
    let mut e = Elapsed::default();
    e.both_are(T0, 0);
    for n in 1..=100_000 {
        let wall = T0 + n + n / 20;
        e.both_are(wall, n);
        assert_eq!(e.believed(wall), wall);
    }
}

/// A trading day begins on time, whatever the clock is corrected by meanwhile.
#[test]
fn a_new_day_frees_limits_at_midnight_while_the_gateway_runs() {
    let mut r = traded();
    let midnight = UtcMillis((T0.0 / DAY + 1) * DAY);
    let began = midnight - 10_000;
    let mut counts = |ms: i64| {
        let now = began + ms + ms / 20;
        r.clocks(now, steady(ms));
        r.handle(now, Input::Tick);
        (now < midnight, r.doing(&desk("ALICE"), now).trades_today)
    };
    for ms in (0..20_000).step_by(100) {
        let (today, trades) = counts(ms);
        assert_eq!(trades, usize::from(today), "{ms}");
    }
}

/// What the gateway says of an accept: OrdStatus (39) and OrdRejReason (103).
fn asked(r: &mut Router, id: &str, sent: Option<i64>, at: i64) -> (OrdStatus, Option<u16>) {
    let h = AppMessage::OrderStatusRequest(OrderStatusRequest {
        accept: AcceptId::new(id).unwrap(),
        instrument: bund(),
        side: Side::Buy,
        dealer: None,
        sent: sent.map(|ms| T0 + ms),
    });
    let told = send(r, "ALICE", h, at).into_iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!((told.exec_type, told.dealer), (ExecType::Status, None));
    (told.status, told.reject_reason)
}

#[test]
fn of_an_accept_that_may_be_forgotten_it_is_not_said_that_nothing_was_traded() {
    const FORGOTTEN: i64 = 300 + DAY;
    let (never, unknown) = ((OrdStatus::Rejected, Some(5)), (OrdStatus::New, Some(5)));
    let mut r = traded();
    r.handle(T0 + FORGOTTEN, Input::Tick);
    assert!(!is_remembered(&r));
    for (what, id, sent, at, want) in [
        ("the one that was traded", "x1", Some(100), FORGOTTEN, unknown),
        ("after the clock was set back", "x1", Some(100), HOUR, unknown),
        ("a young one", "x2", Some(FORGOTTEN - 1_000), FORGOTTEN, never),
        ("one of 22 hours ago", "x2", Some(FORGOTTEN - 22 * HOUR), FORGOTTEN, never),
        ("one of 23 hours ago", "x2", Some(FORGOTTEN - 23 * HOUR), FORGOTTEN, unknown),
        ("one of a clock that is ahead", "x2", Some(FORGOTTEN + 6_000), FORGOTTEN, unknown),
        ("an earlier desk's, of a forgotten RFQ", "R1:1", None, FORGOTTEN, unknown),
        ("a clock that was set back, and a new desk", "R1:1", Some(100), HOUR, unknown),
        ("an earlier desk's, of no RFQ", "x1", None, FORGOTTEN, unknown),
    ] {
        assert_eq!(asked(&mut r, id, sent, at), want, "{what}");
    }
    let mut r = quoted();
    for sent in [None, Some(100), Some(HOUR)] {
        assert_eq!(asked(&mut r, "R1:7", sent, 200), never, "its RFQ is remembered: {sent:?}");
    }
    assert_eq!(asked(&mut r, "R2:7", None, 200), unknown);
    assert_eq!(asked(&mut r, "x9", Some(100), 200), never);
    r.lacks_before(T0 + 150);
    assert_eq!(asked(&mut r, "x9", Some(100), 200), unknown, "records were set aside");
}
