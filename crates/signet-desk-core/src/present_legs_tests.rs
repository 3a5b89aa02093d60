use super::*;
use crate::view;
use signet_rfq::{DealerId, RfqId, StatedLeg, UtcMillis};

fn instrument(id: &str, symbol: &str, decimals: u8) -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        price_format: signet_rfq::PriceFormat::default(),
        id: InstrumentId::new(id).unwrap(),
        symbol: symbol.into(),
        name: symbol.into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: decimals,
        price_unit: "% of par".into(),
        tick: Decimal::new(1, u32::from(decimals)),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 100_000_000.into(),
        settlement: "T+2".into(),
    }
}

fn curve(ask: rfq::Ask) -> (Terms, Catalogue) {
    let list = [instrument("DE0001102580", "DBR 32", 2), instrument("DE0001030732", "DBR 50", 3)];
    let leg = |i: &Instrument, side, ratio: &str| Leg {
        instrument: i.id.clone(),
        side,
        ratio: ratio.parse().unwrap(),
        quantity: 5_000_000.into(),
        settlement_date: "20261124".into(),
    };
    let legs = vec![leg(&list[0], Side::Sell, "1.00"), leg(&list[1], Side::Buy, "1.5")];
    let terms = Terms {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        id: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::package(),
        ask,
        quantity: 10_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("N").unwrap()],
        expires: UtcMillis(60_000),
        created: UtcMillis(0),
        legs,
    };
    (terms, Catalogue::new(list).unwrap())
}

#[test]
fn a_package_is_shown_by_its_name_and_the_conventions_of_its_legs() {
    let (terms, catalogue) = curve(rfq::Ask::TwoWay);
    let i = instrument_of(&terms, &catalogue);
    assert_eq!((i.symbol.as_str(), i.name.as_str()), ("Curve, 2 legs", "DBR 32 / DBR 50"));
    assert_eq!((i.price_decimals, i.format_price("-1.5".parse().unwrap())), (3, "-1.500".into()));
    // Before the instrument list is there.
    let i = instrument_of(&terms, &Catalogue::default());
    assert_eq!(i.symbol, "Spread, 2 legs");
    assert_eq!(i.name, "DE0001102580 / DE0001030732");
}

fn instrument_of(terms: &Terms, catalogue: &Catalogue) -> Instrument {
    super::instrument(&terms.legs, &terms.currency, catalogue)
}

#[test]
fn legs_are_shown_from_the_traders_side() {
    use view::Side::{Buy, Sell};
    for (ask, sides) in [
        (rfq::Ask::Buy, [Sell, Buy]),
        (rfq::Ask::TwoWay, [Sell, Buy]),
        (rfq::Ask::Sell, [Buy, Sell]),
    ] {
        let legs = asked(&curve(ask).0);
        assert_eq!([legs[0].side, legs[1].side], sides, "{ask:?}");
        assert!(legs.iter().all(|l| l.price.is_none()));
    }
    let (terms, catalogue) = curve(rfq::Ask::TwoWay);
    let at = |i: usize, bid: Option<&str>, offer: Option<&str>| StatedLeg {
        bid: bid.map(|p| p.parse().unwrap()),
        offer: offer.map(|p| p.parse().unwrap()),
        ..StatedLeg::of(&terms.legs[i])
    };
    let a = Accept {
        part_of: None,
        id: rfq::AcceptId::new("R1:1").unwrap(),
        rfq: terms.id.clone(),
        dealer: terms.dealers[0].clone(),
        quote: rfq::QuoteId::new("q").unwrap(),
        instrument: terms.instrument.clone(),
        side: Side::Sell,
        price: 1.into(),
        quantity: terms.quantity,
        limit: None,
        legs: vec![at(0, None, Some("99.5")), at(1, Some("98"), None)],
    };
    let mut legs = agreed(&a, &terms);
    legs.iter_mut().for_each(|l| name(l, &catalogue));
    let shown: Vec<_> = legs
        .iter()
        .map(|l| (l.symbol.as_str(), l.side, l.ratio.as_str(), l.price.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [("DBR 32", Buy, "1", Some("99.50")), ("DBR 50", Sell, "1.5", Some("98.000"))]
    );
    assert_eq!(
        (legs[0].quantity.as_str(), legs[0].settlement_date.as_str()),
        ("5,000,000", "2026-11-24")
    );
}

#[test]
fn the_lines_of_an_approval_name_the_package() {
    let (mut terms, catalogue) = curve(rfq::Ask::Buy);
    for legs in [
        signet_stepup::RequestTerms::of(&terms).legs,
        vec![
            "sell 5000000 settling 20261124 ratio 1 at 99.5 of DE0001102580".into(),
            "buy 5000000 settling 20261124 ratio 1.5 at -0.25 of DE0001030732".into(),
        ],
    ] {
        let read = of_lines(&legs).unwrap();
        terms.legs.iter_mut().for_each(|l| l.ratio = l.ratio.normalize());
        assert_eq!(read, terms.legs, "{legs:?}");
        assert_eq!(super::instrument(&read, "EUR", &catalogue).symbol, "Curve, 2 legs");
    }
    for bad in ["", "not a leg of this package", "hold 5 settling d ratio 1 of X", "buy 5 of X"] {
        assert_eq!(of_lines(&[bad.into()]), None, "{bad}");
    }
}

#[test]
fn a_long_package_is_named_in_few_words() {
    assert_eq!(bounded(&["A", "B"]), "A / B");
    assert_eq!(bounded(&["A", "B", "C", "D"]), "A / B / C / D");
    assert_eq!(bounded(&["A", "B", "C", "D", "E", "F"]), "A / B / C / D and 2 more");
}
