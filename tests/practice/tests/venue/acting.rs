//! A trader who presses too fast, too far from the market, or wants everything to stop.

use crate::support::{Screen, World};
use signet_dealer::Force;
use signet_desk_core::{TradingSettings, view::*};
use std::time::Duration;

const N: &str = "NORTHBANK";
const H: &str = "HARBOUR";

/// Longer than a few calls take on a busy machine.
const CONFIRM_AFTER_MS: u32 = 2_500;

fn protected() -> (World, Screen) {
    let trading =
        TradingSettings { confirm_after_ms: CONFIRM_AFTER_MS, ..TradingSettings::default() };
    let (w, ()) = World::start_over(|_| {}, |_, config| config.trading = trading);
    let s = w.connect();
    (w, s)
}

#[test]
fn what_is_confirmed_too_soon_or_far_from_the_market_does_not_leave_the_desk() {
    let (w, mut s) = protected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "101.000", 30_000);
    let id = w.ask(Ask::Buy, &[N, H], 60);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 2
    });
    let armed = w.arm(&s, &id, H, Side::Buy).unwrap();
    let code = || w.desk.accept(&id, &armed.id).map_err(|p| p.code);
    let wait = || std::thread::sleep(Duration::from_millis(u64::from(CONFIRM_AFTER_MS) + 50));
    assert_eq!(code(), Err("accept.too_soon".into()));
    wait();
    assert_eq!(code(), Err("accept.off_market".into()));
    assert_eq!(code(), Err("accept.too_soon".into()), "the second confirmation is no double press");
    s.pull(&w.desk);
    let guard = s.rfq(&id).guard.clone().unwrap();
    assert_eq!(
        (guard.seen, guard.warning.as_deref()),
        (true, Some("1.51 % worse than another dealer's price, 99.500."))
    );
    assert_eq!(s.accept_state(&id), Some(AcceptState::Armed), "nothing has left");
    wait();
    assert_eq!(code(), Ok(()));
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    let cover = s.rfq(&id).cover.clone().unwrap();
    assert_eq!(cover.price, "99.500");
}

#[test]
fn a_reason_comes_back_from_the_gateway() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.desk.end_rfq(&id, "traded elsewhere").unwrap();
    w.until(&mut s, "ended", |s| s.rfq(&id).state == RfqState::Cancelled);
    assert_eq!(s.rfq(&id).text, "Ended without a trade: traded elsewhere");
}

#[test]
fn stop_ends_everything_at_once_and_the_rest_when_its_answer_comes() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "99.600", 30_000);
    let asked = [w.ask(Ask::Buy, &[N], 60), w.ask(Ask::Buy, &[H], 60), w.ask(Ask::Buy, &[H], 60)];
    w.until(&mut s, "three quotes", |s| s.lines.iter().filter(|l| l.can_lift).count() == 3);
    // One is on its way when everything is stopped: its dealer holds it, then refuses it.
    w.force(N, Force::HoldNextAccept(3_000));
    w.force(N, Force::RejectNextAccept("last look".into()));
    let armed = w.arm(&s, &asked[0], N, Side::Buy).unwrap();
    w.desk.accept(&asked[0], &armed.id).unwrap();
    w.arm(&s, &asked[1], H, Side::Buy).unwrap();
    let done = w.desk.stop_all().unwrap();
    assert_eq!((done.ended, done.taken_back, done.left.len()), (2, 1, 1));
    assert_eq!(done.left[0].rfq_id, asked[0]);
    w.until(&mut s, "all ended", |s| asked.iter().all(|id| s.rfq(id).state == RfqState::Cancelled));
    assert_eq!(s.accept_state(&asked[0]), Some(AcceptState::Declined), "the dealer decided that");
    assert_eq!(s.rfq(&asked[2]).text, "Ended without a trade: stopped by the trader");
}
