//! How the dialog shows the terms that are to be approved.

use super::*;
use crate::view::PriceType as Numbers;
use signet_rfq::{AssetClass, Benchmark, Instrument, InstrumentId, PriceFormat, PriceType};

const NOTE: &str = "DE0001102580";

fn margin() -> PriceType {
    PriceType::Margin(Benchmark::read("EURIBOR", "3M", "EUR").unwrap())
}

fn catalogue() -> Catalogue {
    let note = Instrument {
        price_types: vec![margin(), PriceType::Price],
        id: InstrumentId::new(NOTE).unwrap(),
        symbol: "FRN 02/28".into(),
        name: "Floating-rate note".into(),
        asset_class: AssetClass::CorporateBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: "0.005".parse().unwrap(),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 10_000_000.into(),
        settlement: "T+2".into(),
        price_format: PriceFormat::default(),
    };
    Catalogue::new([note]).unwrap()
}

fn accept(price_type: Option<String>, price: &str) -> Action {
    let s = str::to_owned;
    Action::Accept(AcceptTerms {
        price_type,
        legs: vec![],
        rfq: s("r-1"),
        accept: s("r-1:2"),
        dealer: s("NORTH"),
        quote: s("q9"),
        instrument: s(NOTE),
        side: s("buy"),
        price: s(price),
        quantity: s("5000000"),
        currency: s("EUR"),
        settlement: s("20261124"),
        limit: None,
    })
}

#[test]
fn an_accept_says_what_its_number_counts() {
    for (of, price, numbers, shown_price, unit) in [
        (None, "99.5", Numbers::Price, "99.500", "% of par"),
        (Some(margin()), "45", Numbers::Margin, "45.0", "bp discount margin over EURIBOR 3M"),
        // What was signed counts, whatever the list of instruments says by now.
        (
            Some(PriceType::Margin(Benchmark::read("EURIBOR", "6M", "EUR").unwrap())),
            "45",
            Numbers::Margin,
            "45.0",
            "bp discount margin over EURIBOR 6M",
        ),
        (Some(PriceType::Spread), "45", Numbers::Spread, "45.0", "bp spread"),
    ] {
        let action = accept(of.map(|t| t.to_string()), price);
        let (terms, ..) = shown(&action, &catalogue(), &BTreeMap::new());
        let terms = terms.unwrap();
        assert_eq!(terms.price.as_deref(), Some(shown_price), "{of:?}");
        assert_eq!((terms.price_type, terms.price_unit.as_str()), (numbers, unit));
    }
}

#[test]
fn what_a_number_counts_is_said_of_an_instrument_that_is_not_listed() {
    for (of, numbers, unit) in [
        (None, Numbers::Price, ""),
        (Some(PriceType::Yield), Numbers::Yield, "%"),
        (Some(margin()), Numbers::Margin, "bp over EURIBOR 3M"),
    ] {
        let action = accept(of.map(|t| t.to_string()), "45");
        let (terms, ..) = shown(&action, &Catalogue::default(), &BTreeMap::new());
        let terms = terms.unwrap();
        assert_eq!(terms.price.as_deref(), Some("45"), "{of:?}");
        assert_eq!((terms.price_type, terms.price_unit.as_str()), (numbers, unit));
    }
}

#[test]
fn a_second_person_is_not_shown_numbers_that_are_not_known_here() {
    let screen = OnScreen {
        desk: "BOB",
        gateway: "GW",
        rfq: &|_| None,
        ahead: &|_| None,
        registering: None,
        approver: true,
    };
    for (of, shown) in [
        (None, true),
        (Some("spread"), true),
        (Some("discount margin over EURIBOR 3M in EUR"), true),
        (Some("discount margin over ESTR 3M in EUR"), false),
        (Some("discount margin"), false),
        (Some("ted"), false),
    ] {
        let [gateway, desk, approver] = ["GW", "ALICE", "BOB"].map(str::to_owned);
        let action = accept(of.map(str::to_owned), "45");
        let text = Approval { gateway, desk, approver, action }.text().unwrap();
        assert_eq!(judge(&text, &screen).is_ok(), shown, "{of:?}");
    }
}

/// What a colleague's action is, and what a key is called, is the gateway's text.
#[test]
fn nothing_that_is_approved_hides_or_turns_a_character() {
    let mut s = StepUps::default();
    s.add_new_key("c1".into(), "bl\u{202e}ue".into(), "{}".into(), UtcMillis(1));
    let view = s.view(&Catalogue::default(), &BTreeMap::new()).remove(0);
    assert_eq!(view.key_name.as_deref(), Some("bl\u{fffd}ue"));
    let bad = || String::from("a\u{200b}b\u{202e}c");
    let told = readable(StepUpTerms {
        ask: Ask::Buy,
        quantity: bad(),
        min_quantity: Some(bad()),
        currency: bad(),
        symbol: bad(),
        instrument: bad(),
        price: Some(bad()),
        limit: Some(bad()),
        price_unit: bad(),
        price_type: Default::default(),
        legs: vec![bad()],
        dealers: vec![bad()],
        settlement_date: bad(),
    });
    let text = serde_json::to_string(&told).unwrap();
    assert_eq!(text.matches("a\u{fffd}b\u{fffd}c").count(), 11, "{text}");
    assert!(!text.chars().any(peer_text::is_deceptive), "{text}");
}

/// Enter pressed twice, at a key that refuses the first PIN before the second one is there.
#[test]
fn a_pin_is_given_once_and_only_for_the_question_that_it_names() {
    let mut s = StepUps::default();
    s.add_new_key("c1".into(), "blue".into(), "{}".into(), UtcMillis(1));
    let ask = |s: &mut StepUps, wrong| {
        s.status("c1", Status::Pin { wrong, left: None });
        s.view(&Catalogue::default(), &BTreeMap::new())[0].pin_question
    };
    assert!(!s.takes_pin("c1", 0), "nothing was asked");
    let first = ask(&mut s, false);
    assert!(!s.takes_pin("c2", first), "another dialog");
    assert!(s.takes_pin("c1", first));
    assert!(!s.takes_pin("c1", first), "it was answered");
    let second = ask(&mut s, true);
    assert!(!s.takes_pin("c1", first), "the key asks something else by now");
    assert!(s.takes_pin("c1", second));
    // The ceremony is begun again.
    s.started("c1");
    let third = ask(&mut s, false);
    assert!(!s.takes_pin("c1", first) && !s.takes_pin("c1", second));
    assert!(s.takes_pin("c1", third));
}
