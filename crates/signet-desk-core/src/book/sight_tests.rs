//! RFQs that nobody sees: their prices wait until somebody looks, what becomes of them does not.

use super::{
    life_tests::{NOW, arm, id, pair, quote, snapshot},
    *,
};
use crate::view::{AcceptState, Behind, Frame};
use signet_fix::message::{AppMessage, QuoteStatusReport, RfqStatus};
use std::sync::atomic::{AtomicU32, Ordering};

/// Online, with R1 and R2 open and quoted, and the frame that the page has.
fn two() -> (Book, u64) {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    let (one, other) = (quote("R1", "q1", "1.08"), quote("R2", "q1", "1.08"));
    snapshot(&mut b, &[("R1", &[one]), ("R2", &[other])]);
    let seq = b.pull(0, &[], NOW).seq as u64;
    (b, seq)
}

fn hidden(rfq: &str, since: u64, send: bool) -> [Behind; 1] {
    [Behind { rfq_id: rfq.into(), since: since as f64, send }]
}

/// The heads and the prices of a frame.
fn said(f: &Frame) -> (Vec<&str>, Vec<(&str, &str)>) {
    let prices = f
        .lines
        .iter()
        .map(|l| (l.rfq_id.as_str(), l.offer.as_ref().map_or("", |o| o.price.as_str())));
    (f.rfqs.iter().map(|r| r.id.as_str()).collect(), prices.collect())
}

#[test]
fn a_price_out_of_sight_waits_until_the_page_asks_and_is_the_latest_then() {
    let (mut b, seq) = two();
    b.message(quote("R1", "q2", "1.07"), NOW);
    b.message(quote("R2", "q2", "1.06"), NOW);
    let first = b.pull(seq, &hidden("R2", seq, false), NOW);
    assert_eq!(said(&first).1, [("R1", "1.07")]);
    assert!(first.withheld);
    b.message(quote("R2", "q3", "1.05"), NOW);
    let caught_up = b.pull(first.seq as u64, &hidden("R2", seq, true), NOW);
    assert_eq!(said(&caught_up).1, [("R2", "1.05")]);
    assert!(!caught_up.withheld);
    let nothing = b.pull(caught_up.seq as u64, &hidden("R2", caught_up.seq as u64, false), NOW);
    assert_eq!((said(&nothing), nothing.withheld), ((vec![], vec![]), false));
}

#[test]
fn an_end_out_of_sight_is_told_at_once() {
    let (mut b, seq) = two();
    b.message(quote("R2", "q2", "1.06"), NOW);
    let before = b.pull(seq, &hidden("R2", seq, false), NOW);
    let ended = QuoteStatusReport {
        rfq: id("R2"),
        instrument: pair(),
        status: RfqStatus::Cancelled,
        quote: None,
        answers: None,
        until: None,
        text: None,
    };
    b.message(AppMessage::QuoteStatusReport(ended), NOW);
    let frame = b.pull(before.seq as u64, &hidden("R2", seq, false), NOW);
    assert_eq!(said(&frame), (vec!["R2"], vec![]));
    assert!(frame.withheld, "the price waits");
}

#[test]
fn a_price_that_touches_an_accept_is_never_only_a_price() {
    let (mut b, _) = two();
    arm(&mut b);
    let seq = b.pull(0, &[], NOW).seq as u64;
    b.message(quote("R1", "q2", "1.09"), NOW);
    let frame = b.pull(seq, &hidden("R1", seq, false), NOW);
    let accept = frame.rfqs.first().and_then(|r| r.accept.as_ref()).expect("its accept");
    assert_eq!(accept.state, AcceptState::Disarmed);
}

#[test]
fn prices_out_of_sight_wake_the_page_once_for_each_frame_and_not_for_ever() {
    let (mut b, seq) = two();
    let woken = std::sync::Arc::new(AtomicU32::new(0));
    let wake = |woken: &std::sync::Arc<AtomicU32>| -> Box<dyn FnOnce() + Send> {
        let woken = woken.clone();
        Box::new(move || {
            woken.fetch_add(1, Ordering::Relaxed);
        })
    };
    b.message(quote("R2", "q2", "1.06"), NOW);
    b.wake_after(seq, wake(&woken));
    assert_eq!(woken.load(Ordering::Relaxed), 1, "there is something new");
    let frame = b.pull(seq, &hidden("R2", seq, false), NOW);
    assert!(frame.seq as u64 > seq);
    b.wake_after(frame.seq as u64, wake(&woken));
    assert_eq!(woken.load(Ordering::Relaxed), 1, "what waits is known");
    b.message(quote("R2", "q3", "1.05"), NOW);
    assert_eq!(woken.load(Ordering::Relaxed), 2);
}

#[test]
fn a_page_that_starts_over_gets_the_prices_that_waited() {
    let (mut b, seq) = two();
    b.message(quote("R2", "q2", "1.06"), NOW);
    b.pull(seq, &hidden("R2", seq, false), NOW);
    let whole = b.pull(0, &hidden("R2", seq, false), NOW);
    assert!(said(&whole).1.contains(&("R2", "1.06")));
}
