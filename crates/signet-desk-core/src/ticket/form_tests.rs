use super::*;
use signet_rfq::{AssetClass, InstrumentId};

fn n(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn bund() -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new("DE000BU2Z049").unwrap(),
        symbol: "DBR 2.5 02/35".into(),
        name: "Bund".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: n("0.005"),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 100_000_000.into(),
        settlement: "T+2".into(),
        price_format: Default::default(),
    }
}

fn form(ask: Ask, limit: &str, least: &str, all: bool) -> TicketForm {
    TicketForm {
        price_type: Default::default(),
        instrument: "DE000BU2Z049".into(),
        typed: String::new(),
        ask,
        quantity: "5m".into(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
        price_limit: limit.into(),
        limit_over: None,
        min_quantity: least.into(),
        all_or_none: all,
        approve_first: false,
        note: String::new(),
        package: None,
    }
}

#[test]
fn what_is_wanted_is_read_or_refused_at_its_field() {
    use TicketField::{Limit, Minimum};
    let i = bund();
    for (f, limit, least) in [
        (form(Ask::Buy, "", "", false), None, None),
        (form(Ask::Buy, " 99.5 ", "", false), Some("99.5"), None),
        (form(Ask::Sell, "", "2m", false), None, Some("2000000")),
        (form(Ask::Sell, "", "5m", false), None, Some("5000000")),
        (form(Ask::TwoWay, "", "", true), None, Some("5000000")),
        // All or none says more than a least quantity.
        (form(Ask::Buy, "", "2m", true), None, Some("5000000")),
    ] {
        let want = Wanted { limit: limit.map(n), at_least: least.map(n) };
        assert_eq!(wanted(&f, &i), Ok(want), "{f:?}");
    }
    for (f, code, field) in [
        (form(Ask::TwoWay, "99.5", "", false), "limit.two_way", Limit),
        (form(Ask::Buy, "99,5", "", false), "limit.unreadable", Limit),
        (form(Ask::Buy, "0", "", false), "limit.not_positive", Limit),
        (form(Ask::Buy, "99.501", "", false), "limit.off_tick", Limit),
        (form(Ask::Buy, "", "6m", false), "minimum.too_large", Minimum),
        (form(Ask::Buy, "", "lots", false), "quantity.unreadable", Minimum),
        (form(Ask::Buy, "", "0", false), "quantity.not_positive", Minimum),
    ] {
        let why = wanted(&f, &i).unwrap_err();
        assert_eq!((why.code.as_str(), why.field), (code, Some(field)), "{f:?}");
    }
}

#[test]
fn a_limit_in_margins_is_one_over_the_rate_that_is_asked_for() {
    use signet_rfq::{Benchmark, PriceType};
    let margin = |point| PriceType::Margin(Benchmark::read("EURIBOR", point, "EUR").unwrap());
    let (three, six) = (Some("EURIBOR 3M in EUR"), Some("EURIBOR 6M in EUR"));
    for (of, over, fits) in [
        (margin("3M"), three, true),
        (margin("6M"), three, false),
        (margin("6M"), six, true),
        // One that was kept before the rate was.
        (margin("3M"), None, false),
        (PriceType::Yield, None, true),
        (PriceType::Price, three, false),
    ] {
        let i = Instrument { price_types: vec![of], ..bund() }.told_in(of);
        let over = over.map(String::from);
        let f = TicketForm { limit_over: over.clone(), ..form(Ask::Sell, "45", "", false) };
        let got = wanted(&f, &i).map(|w| w.limit).map_err(|p| (p.code, p.field));
        let other = Err(("limit.other_rate".to_owned(), Some(TicketField::Limit)));
        assert_eq!(got, if fits { Ok(Some(n("45"))) } else { other }, "{of} {over:?}");
        // Without a limit there is nothing to be mistaken.
        let f = TicketForm { limit_over: over, ..form(Ask::Sell, " ", "", false) };
        assert_eq!(wanted(&f, &i).map(|w| w.limit), Ok(None));
    }
}

#[test]
fn an_accept_keeps_to_what_is_wanted() {
    let i = bund();
    let limited = Wanted { limit: Some(n("99.5")), at_least: Some(n("2000000")) };
    for (side, price, quantity, want) in [
        (Side::Buy, "99.5", "2000000", None),
        (Side::Buy, "99.495", "5000000", None),
        (Side::Buy, "99.505", "5000000", Some("accept.beyond_limit")),
        (Side::Sell, "99.5", "2000000", None),
        (Side::Sell, "99.505", "2000000", None),
        (Side::Sell, "99.495", "2000000", Some("accept.beyond_limit")),
        (Side::Buy, "99.5", "1999000", Some("accept.too_small")),
    ] {
        let got = limited.check(&i, side, n(price), n(quantity)).map_err(|p| p.code);
        assert_eq!(got.err().as_deref(), want, "{side:?} {price} {quantity}");
    }
    assert_eq!(Wanted::default().check(&i, Side::Buy, n("1000"), n("1")), Ok(()));
    let why = limited.check(&i, Side::Buy, n("99.505"), n("1")).unwrap_err().message;
    assert!(why.contains("99.505") && why.contains("99.500"), "{why}");
}

#[test]
fn a_form_has_bounds() {
    let good = form(Ask::Buy, "99.5", "1m", false);
    assert_eq!(check_texts(&good), Ok(()));
    let note = |text: String| TicketForm { note: text, ..good.clone() };
    assert_eq!(check_texts(&note("two\nlines".into())), Ok(()));
    assert_eq!(check_texts(&note("x".repeat(NOTE_MAX))), Ok(()));
    for (f, code) in [
        (note("x".repeat(NOTE_MAX + 1)), "note.too_long"),
        (note("\u{7}".into()), "note.too_long"),
        (TicketForm { typed: "x".repeat(TEXT_MAX + 1), ..good.clone() }, "ticket.too_long"),
        (TicketForm { price_limit: "1\n".into(), ..good.clone() }, "ticket.too_long"),
        (
            TicketForm { dealers: vec!["D".into(); DEALERS_MAX + 1], ..good.clone() },
            "ticket.too_long",
        ),
        (TicketForm { settlement_date: Some("x".repeat(121)), ..good.clone() }, "ticket.too_long"),
        (TicketForm { limit_over: Some("x".repeat(121)), ..good.clone() }, "ticket.too_long"),
    ] {
        assert_eq!(check_texts(&f).map_err(|p| p.code), Err(code.into()));
    }
    assert_eq!(check_name("Bunds, 5 years"), Ok(()));
    for name in ["", " x", "a\u{7}", &"x".repeat(NAME_MAX + 1)] {
        assert!(check_name(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_package_is_bounded_and_wants_no_least_quantity() {
    use crate::view::{LegForm, PackageForm, PackageShape};
    let leg = |typed: &str| LegForm {
        side: crate::view::Side::Buy,
        instrument: String::new(),
        typed: typed.into(),
        ratio: String::new(),
        quantity: String::new(),
        settles: String::new(),
    };
    let of = |size: &str, legs: Vec<LegForm>| TicketForm {
        package: Some(PackageForm { shape: PackageShape::Free, size: size.into(), legs }),
        ..form(Ask::Buy, "-0.5", "", true)
    };
    for (f, good) in [
        (of("5m", vec![leg("DBR"); MAX_LEGS]), true),
        (of("5m", vec![leg("DBR"); MAX_LEGS + 1]), false),
        (of("5m", vec![leg(&"x".repeat(TEXT_MAX + 1))]), false),
        (of("5m", vec![leg("a\nb")]), false),
        (of(&"5".repeat(TEXT_MAX + 1), vec![leg("DBR")]), false),
    ] {
        assert_eq!(check_texts(&f).is_ok(), good, "{f:?}");
    }
    let package = Instrument { id: InstrumentId::package(), ..bund() };
    let w = wanted(&of("5m", vec![leg("DBR")]), &package).unwrap();
    assert_eq!((w.limit, w.at_least), (Some(n("-0.5")), None), "it is whole in any case");
    let bad = TicketForm { price_limit: "cheap".into(), ..of("5m", vec![leg("DBR")]) };
    assert_eq!(wanted(&bad, &package).unwrap_err().code, "limit.unreadable");
    assert!(w.check(&package, Side::Buy, n("-0.5"), n("1")).is_ok());
    assert!(w.check(&package, Side::Buy, n("-0.49"), n("1")).is_err());
}
