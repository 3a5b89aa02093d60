//! Yields, spreads and discount margins, the whole way: asked by a desk, quoted by real dealers,
//! approved with a key, filled and kept.

// The registry in some of it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

use crate::support::{
    BUND, World,
    person::{NORTH, Person, world},
};
use rust_decimal::Decimal;
use signet_dealer::Force;
use signet_desk_core::view::*;
use signet_gateway::admin;

const CREDIT: &str = "US594918BC73";
/// Pays EURIBOR 6M.
const FLOATING: &str = "IT0005451361";

fn ticket(instrument: &str, of: PriceType, ask: Ask, dealers: &[&str]) -> Ticket {
    Ticket {
        price_type: of,
        instrument: instrument.into(),
        legs: vec![],
        ask,
        quantity: "5m".into(),
        dealers: dealers.iter().map(|d| (*d).into()).collect(),
        ttl_s: 60,
        settlement_date: None,
    }
}

/// A dealer quotes these numbers, whatever is asked for.
fn quotes(w: &World, dealer: &str, bid: &str, offer: &str) {
    let number = |text: &str| Some(text.parse::<Decimal>().unwrap());
    let (bid, offer) = (number(bid), number(offer));
    let size = 5_000_000.into();
    w.force(dealer, Force::QuoteExactly { bid, offer, size, valid_ms: 30_000 });
}

#[test]
fn simulated_dealers_quote_every_type_around_their_market() {
    let (w, mut s) = World::connected();
    for (instrument, of, unit, low, high) in [
        (BUND, PriceType::Yield, "% yield", "2.6", "2.8"),
        (CREDIT, PriceType::Yield, "% yield", "3.3", "3.7"),
        (CREDIT, PriceType::Spread, "bp spread", "60", "85"),
        (FLOATING, PriceType::Margin, "bp discount margin over EURIBOR 6M", "35", "55"),
    ] {
        let rfq =
            w.desk.send_rfq(ticket(instrument, of, Ask::TwoWay, &[NORTH, "HARBOUR"])).unwrap();
        w.until(&mut s, "two quotes", |s| {
            s.lines.iter().filter(|l| l.rfq_id == rfq && l.can_lift && l.can_hit).count() == 2
        });
        let head = s.rfq(&rfq);
        assert_eq!((head.price_type, head.price_unit.as_str()), (of, unit));
        for line in s.lines.iter().filter(|l| l.rfq_id == rfq) {
            let number =
                |q: &Option<QuoteSide>| -> Decimal { q.as_ref().unwrap().price.parse().unwrap() };
            let (bid, offer) = (number(&line.bid), number(&line.offer));
            let about = low.parse::<Decimal>().unwrap()..high.parse().unwrap();
            assert!(about.contains(&bid) && about.contains(&offer), "{line:?}");
            assert!(bid >= offer, "who sells to a dealer gives it the higher yield: {line:?}");
        }
        w.desk.cancel_rfq(&rfq).unwrap();
    }
}

#[test]
fn a_buyer_takes_the_highest_yield_and_may_do_so_below_zero() {
    let (w, mut s) = World::connected();
    quotes(&w, NORTH, "-0.240", "-0.250");
    quotes(&w, "HARBOUR", "-0.190", "-0.200");
    let rfq =
        w.desk.send_rfq(ticket(BUND, PriceType::Yield, Ask::Buy, &[NORTH, "HARBOUR"])).unwrap();
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == rfq && l.can_lift).count() == 2
    });
    assert!(s.line(&rfq, "HARBOUR").best_offer && !s.line(&rfq, NORTH).best_offer);
    assert_eq!(s.line(&rfq, "HARBOUR").rank, 0);
    let armed = w.arm(&s, &rfq, "HARBOUR", Side::Buy).unwrap();
    assert_eq!(armed.price, "-0.200");
    w.desk.accept(&rfq, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    let text = s.rfq(&rfq).text.clone();
    assert!(text.contains("at -0.200 % from"), "{text}");
    let query = BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 };
    let trades = w.desk.blotter(query).unwrap().rows;
    let [trade] = &trades[..] else { panic!("{trades:?}") };
    let prices = (trade.price.as_deref(), trade.cover.as_deref());
    assert_eq!(prices, (Some("-0.200 %"), Some("-0.250 %")));
    let bad: Vec<_> = s.notices.iter().filter(|n| n.kind == NoticeKind::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_crossed_yield_does_not_reach_the_trader() {
    let (w, mut s) = World::connected();
    // As prices it would be a good quote.
    quotes(&w, NORTH, "2.60", "2.70");
    quotes(&w, "HARBOUR", "2.70", "2.69");
    let rfq =
        w.desk.send_rfq(ticket(BUND, PriceType::Yield, Ask::TwoWay, &[NORTH, "HARBOUR"])).unwrap();
    w.until(&mut s, "the good quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == rfq && l.dealer == "HARBOUR" && l.can_lift)
    });
    assert!(s.line(&rfq, NORTH).offer.is_none());
}

#[test]
fn what_is_signed_says_that_it_is_a_yield_and_a_better_one_is_taken() {
    let w = world("logon = 'never'\naccept_above = { default = '1m' }");
    quotes(&w, NORTH, "2.710", "2.700");
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.desk.send_rfq(ticket(BUND, PriceType::Yield, Ask::Buy, &[NORTH])).unwrap();
    alice.accept_quote(&rfq);
    let open = alice.phase(StepUpPhase::Pin);
    let terms = open.terms.unwrap();
    assert_eq!((terms.price.as_deref(), terms.price_type), (Some("2.700"), PriceType::Yield));
    assert_eq!(terms.price_unit, "% yield");
    // While the key is touched the dealer quotes again, better for a buyer: a higher yield.
    quotes(&w, NORTH, "2.730", "2.720");
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    let done = alice.s.rfq(&rfq).accept.clone().unwrap();
    assert_eq!(done.price, "2.720");
    let mut out = Vec::new();
    w.runtime
        .block_on(admin::evidence_export(w.practice.gateway_config(), None, &mut out))
        .unwrap();
    let kept = String::from_utf8(out).unwrap();
    assert!(kept.contains("price-type=yield"), "{kept}");
    w.runtime.block_on(admin::evidence_verify(w.practice.gateway_config())).unwrap();
}

#[test]
fn what_is_signed_says_over_what_the_discount_margin_is() {
    let w = world("logon = 'never'\naccept_above = { default = '1m' }");
    quotes(&w, NORTH, "46.0", "45.5");
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.desk.send_rfq(ticket(FLOATING, PriceType::Margin, Ask::Buy, &[NORTH])).unwrap();
    alice.accept_quote(&rfq);
    let open = alice.phase(StepUpPhase::Pin);
    let terms = open.terms.unwrap();
    assert_eq!((terms.price.as_deref(), terms.price_type), (Some("45.5"), PriceType::Margin));
    assert_eq!(terms.price_unit, "bp discount margin over EURIBOR 6M");
    // Better for a buyer: a higher margin.
    quotes(&w, NORTH, "47.0", "46.5");
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    let view = alice.s.rfq(&rfq).clone();
    assert_eq!(view.accept.as_ref().unwrap().price, "46.5");
    assert!(view.text.contains("at 46.5 bp over EURIBOR 6M from"), "{}", view.text);
    let mut out = Vec::new();
    w.runtime
        .block_on(admin::evidence_export(w.practice.gateway_config(), None, &mut out))
        .unwrap();
    let kept = String::from_utf8(out).unwrap();
    assert!(kept.contains("price-type=discount margin over EURIBOR 6M in EUR"), "{kept}");
    w.runtime.block_on(admin::evidence_verify(w.practice.gateway_config())).unwrap();
}
