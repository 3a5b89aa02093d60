//! A trader asks dealers for a better price, the whole way: by a desk, through the gateway, from
//! dealers that meet it, hold firm, refuse, say nothing, or claim a trade that nobody agreed to.

use crate::support::{Screen, World};
use signet_dealer::{Counters, Force};
use signet_desk_core::view::*;
use std::time::Duration;

const N: &str = "NORTHBANK";
const H: &str = "HARBOUR";
const C: &str = "CALDERA";
const M: &str = "MERIDIAN";

fn counter(w: &World, s: &Screen, rfq: &str, dealer: &str, price: &str) -> Result<(), Problem> {
    w.desk.counter(&CounterIntent {
        rfq_id: rfq.into(),
        dealer: dealer.into(),
        quote_id: s.line(rfq, dealer).quote_id.clone().unwrap(),
        side: Side::Buy,
        price: price.into(),
    })
}

/// Two quotes, 99.500 of `who` and 99.600 of another dealer.
fn quoted(w: &World, s: &mut Screen, who: &str, other: &str) -> String {
    w.quotes(who, "99.500", 30_000);
    w.quotes(other, "99.600", 30_000);
    let rfq = w.ask(Ask::Buy, &[who, other], 60);
    w.until(s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == rfq && l.can_lift).count() == 2
    });
    rfq
}

fn over(w: &World, s: &mut Screen, rfq: &str, dealer: &str) -> CounterView {
    w.until(s, "the counter is over", |s| {
        let c = &s.line(rfq, dealer).counter;
        c.as_ref().is_some_and(|c| c.state != CounterState::Sent)
    });
    s.line(rfq, dealer).counter.clone().unwrap()
}

fn fill(w: &World, s: &mut Screen, rfq: &str, dealer: &str, price: &str) {
    w.until(s, "a quote", |s| s.line(rfq, dealer).can_lift);
    let armed = w.arm(s, rfq, dealer, Side::Buy).unwrap();
    assert_eq!(armed.price, price);
    w.desk.accept(rfq, &armed.id).unwrap();
    w.until(s, "filled", |s| s.accept_state(rfq) == Some(AcceptState::Filled));
    assert_eq!(s.rfq(rfq).accept.as_ref().unwrap().price, price);
}

/// The status of each row among the trades.
fn trades(w: &World) -> Vec<String> {
    let query = BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 };
    w.desk.blotter(query).unwrap().rows.into_iter().map(|r| r.status).collect()
}

#[test]
fn a_dealer_meets_in_the_middle_and_the_better_quote_is_filled() {
    let (w, mut s) = World::connected();
    let rfq = quoted(&w, &mut s, N, H);
    let before = s.line(&rfq, N).quote_id.clone();
    counter(&w, &s, &rfq, N, "99.400").unwrap();
    let c = over(&w, &mut s, &rfq, N);
    assert_eq!((c.state, c.text.as_deref()), (CounterState::Improved, Some("99.450")));
    assert_eq!((c.price.as_str(), c.quoted.as_str()), ("99.400", "99.500"));
    assert_ne!(s.line(&rfq, N).quote_id, before, "only a new quote can be taken");
    assert!(s.line(&rfq, H).can_lift, "the others stand");
    assert!(trades(&w).is_empty(), "nothing is agreed by it");
    fill(&w, &mut s, &rfq, N, "99.450");
    assert_eq!((trades(&w).len(), s.rfq(&rfq).state), (1, RfqState::Done));
    let bad: Vec<_> = s.notices.iter().filter(|n| n.kind == NoticeKind::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn one_holds_firm_one_refuses_and_one_takes_none() {
    let (w, mut s) = World::connected();
    let rfq = quoted(&w, &mut s, H, N);
    counter(&w, &s, &rfq, H, "99.400").unwrap();
    assert_eq!(over(&w, &mut s, &rfq, H).state, CounterState::HeldFirm);
    fill(&w, &mut s, &rfq, H, "99.500");

    let rfq = quoted(&w, &mut s, C, N);
    counter(&w, &s, &rfq, C, "99.400").unwrap();
    let c = over(&w, &mut s, &rfq, C);
    assert_eq!((c.state, c.text.as_deref()), (CounterState::Refused, Some("our price is firm")));
    // It quotes again as it pleases, and that can be taken.
    fill(&w, &mut s, &rfq, C, "99.500");

    let rfq = quoted(&w, &mut s, M, N);
    let l = s.line(&rfq, M);
    assert_eq!(
        (l.can_counter, l.no_counter.as_deref()),
        (false, Some("this dealer takes no counters"))
    );
    assert_eq!(counter(&w, &s, &rfq, M, "99.400").unwrap_err().code, "counter.not_taken");
    for price in ["99.600", "99.605"] {
        assert_eq!(counter(&w, &s, &rfq, N, price).unwrap_err().code, "counter.not_better");
    }
    fill(&w, &mut s, &rfq, M, "99.500");
}

#[test]
fn silence_ends_a_counter_and_the_old_quote_stays_declined() {
    let (w, mut s) = World::connected();
    w.force(N, Force::AnswerCounters(Counters::Ignore));
    let rfq = quoted(&w, &mut s, N, H);
    counter(&w, &s, &rfq, N, "99.400").unwrap();
    s.pull(&w.desk);
    let l = s.line(&rfq, N);
    assert_eq!((l.state, l.can_lift), (LineState::Countered, false));
    assert_eq!(counter(&w, &s, &rfq, N, "99.300").unwrap_err().code, "counter.in_flight");
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(over(&w, &mut s, &rfq, N).state, CounterState::Unanswered);
    fill(&w, &mut s, &rfq, H, "99.600");
}

#[test]
fn a_fill_that_nobody_agreed_to_is_a_dispute() {
    let (w, mut s) = World::connected();
    w.force(N, Force::AnswerCounters(Counters::Fill));
    let rfq = quoted(&w, &mut s, N, H);
    counter(&w, &s, &rfq, N, "99.400").unwrap();
    w.until(&mut s, "told", |s| s.notices.iter().any(|n| n.code == "execution.mismatch"));
    assert_eq!(s.rfq(&rfq).state, RfqState::Open);
    assert_eq!(trades(&w), ["Disputed"]);
    let armed = w.arm(&s, &rfq, H, Side::Buy).map_err(|p| p.code);
    assert_eq!(armed.err().as_deref(), Some("execution.disputed"), "people settle it first");
}

const FACTS: &str = "reporting_currency = 'EUR'\n[groups]\ndesk = ['PRACTICE1']\n\
    [panels]\nours = ['NORTHBANK', 'HARBOUR', 'CALDERA', 'MERIDIAN']\n";

const POLICIES: &str = r#"
@id("desk") permit (principal in Group::"desk", action in [Action::"see", Action::"request", Action::"accept"], resource in Panel::"ours");
@id("no-counters") forbid (principal in Group::"desk", action == Action::"counter", resource);
"#;

#[test]
fn who_may_not_counter_is_refused_and_the_quote_stands() {
    let w = World::start_with(|p| (p.policies, p.facts) = (POLICIES.into(), FACTS.into()));
    let mut s = w.connect();
    let rfq = quoted(&w, &mut s, N, H);
    counter(&w, &s, &rfq, N, "99.400").unwrap();
    let c = over(&w, &mut s, &rfq, N);
    assert_eq!(c.state, CounterState::NotSent);
    assert!(c.text.as_deref().is_some_and(|t| t.contains("no-counters")), "{c:?}");
    fill(&w, &mut s, &rfq, N, "99.500");
}
