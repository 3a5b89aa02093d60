//! Accepts that follow their dealer's quotes up to a limit.

use super::{
    life_tests::{self, NOW, arm, id, notices, pair, press, quote, state},
    *,
};
use signet_fix::message::{AppMessage, QuoteResponse, SecurityList};
use signet_rfq::{Accept, AcceptState as Accepting, AssetClass, Instrument, QuoteId};

/// A book that knows the tick of its instrument.
fn book() -> Book {
    let mut b = life_tests::book();
    let instrument = Instrument {
        id: pair(),
        symbol: "EUR/USD".into(),
        name: "Euro dollar".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().unwrap(),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000_000.into(),
        settlement: "spot".into(),
    };
    let list = SecurityList { request: id("list"), last: true, instruments: vec![instrument] };
    b.message(AppMessage::SecurityList(list), NOW);
    b
}

fn accept(b: &Book) -> Accept {
    b.rfq(&id("R1")).unwrap().accept.as_ref().unwrap().0.clone()
}

/// As the gateway says on which quote it passed an accept on.
fn passed_on(b: &mut Book, quote: &str, price: &str) {
    let accept = accept(b);
    let as_sent =
        Accept { quote: QuoteId::new(quote).unwrap(), price: price.parse().unwrap(), ..accept };
    let terms = b.rfq(&id("R1")).unwrap().terms.clone();
    b.message(AppMessage::QuoteResponse(QuoteResponse::hit(&as_sent, &terms, false, NOW)), NOW);
}

#[test]
fn a_limit_is_so_many_ticks_worse_and_only_while_the_terms_are_shown() {
    for (ticks, limit) in [
        (0, Ok("1.08")),
        (1, Ok("1.08001")),
        (100, Ok("1.081")),
        (101, Err("accept.limit")),
        (u32::MAX, Err("accept.limit")),
    ] {
        let mut b = book();
        arm(&mut b);
        let set = b.set_limit("R1", ticks).map_err(|p| p.code);
        let got = set.as_ref().map(|()| accept(&b).limit.unwrap().price).map_err(String::as_str);
        assert_eq!(got, limit.map(|l| l.parse().unwrap()), "{ticks}");
    }
    let mut b = book();
    assert_eq!(b.set_limit("R1", 0).unwrap_err().code, "accept.not_armed");
    press(&mut b);
    assert_eq!(b.set_limit("R1", 5).unwrap_err().code, "accept.not_armed", "it has left");
}

#[test]
fn a_plain_venue_is_sent_no_limit() {
    let mut b = book();
    b.connection.direct = true;
    let armed = arm(&mut b);
    assert_eq!(b.set_limit("R1", 1).unwrap_err().code, "accept.no_limit");
    let AppMessage::QuoteResponse(r) = b.accept("R1", &armed, NOW).unwrap() else { panic!() };
    assert_eq!(r.limit, None);
}

#[test]
fn an_accept_says_how_far_it_follows() {
    let mut b = book();
    let armed = arm(&mut b);
    b.set_limit("R1", 2).unwrap();
    let AppMessage::QuoteResponse(r) = b.accept("R1", &armed, NOW).unwrap() else { panic!() };
    let limit = r.limit.unwrap();
    assert_eq!(limit.price, "1.08002".parse().unwrap());
    assert_eq!(limit.until, b.rfq(&id("R1")).unwrap().expires());
    assert_eq!(r.price, "1.08".parse().unwrap(), "and which quote was on the screen");
}

#[test]
fn what_the_gateway_took_within_the_limit_is_what_is_in_flight() {
    let mut b = book();
    press(&mut b);
    b.message(quote("R1", "q2", "1.079"), NOW);
    passed_on(&mut b, "q2", "1.079");
    let a = accept(&b);
    assert_eq!((a.quote.as_str(), a.price), ("q2", "1.079".parse().unwrap()));
    assert_eq!(state(&b), Accepting::Sent);
    assert!(notices(&mut b).is_empty());
}

#[test]
fn a_gateway_that_took_more_than_was_agreed_is_found_out() {
    let mut b = book();
    press(&mut b);
    passed_on(&mut b, "q2", "1.08001");
    assert_eq!(accept(&b).quote.as_str(), "q1", "what the trader agreed to stands");
    let told = b.pull(1, &[], NOW).notices;
    assert!(told.iter().any(|n| n.text.contains("not what you agreed to")), "{told:?}");
}
