//! What a trader says to one dealer of an RFQ, over the whole practice venue.

// The registry in some of it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::World;
use signet_desk_core::view::*;

const N: &str = "NORTHBANK";
const H: &str = "HARBOUR";

#[test]
fn a_pass_ends_one_line_and_the_other_dealer_trades() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "99.600", 30_000);
    let id = w.ask(Ask::Buy, &[N, H], 60);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 2
    });
    w.desk.pass_dealer(&id, N, "too slow").unwrap();
    w.until(&mut s, "passed", |s| s.line(&id, N).state == LineState::TurnedDown);
    assert_eq!(s.line(&id, N).reason.as_deref(), Some("too slow"));
    assert_eq!(s.rfq(&id).state, RfqState::Open);
    // The dealer quotes every request again when it is told to: this one is over for it.
    w.quotes(N, "99.300", 30_000);
    w.quotes(H, "99.550", 30_000);
    w.until(&mut s, "the other dealer's next quote", |s| {
        s.line(&id, H).offer.as_ref().is_some_and(|o| o.price == "99.550")
    });
    assert_eq!(s.line(&id, N).state, LineState::TurnedDown);
    assert!(s.line(&id, H).best_offer);
    let armed = w.arm(&s, &id, H, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    let bad: Vec<_> = s.notices.iter().filter(|n| n.kind == NoticeKind::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn after_a_pass_on_every_dealer_nothing_was_done() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.desk.pass_dealer(&id, N, "").unwrap();
    w.until(&mut s, "over", |s| s.rfq(&id).state == RfqState::NothingDone);
    assert_eq!(w.desk.pass_dealer(&id, N, "").unwrap_err().code, "rfq.not_open");
}
