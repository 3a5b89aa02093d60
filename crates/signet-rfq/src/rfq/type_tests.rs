//! Requests in yields, spreads and discount margins: everything that compares two of their numbers.

use super::tests::{d, dec, fill, id, take};
use super::*;
use crate::{
    Ask, AssetClass, Benchmark, Instrument, InstrumentId, Level, Limit, Over, PriceType,
    QualifierFault, Qualifiers, QuoteFault, RfqId, StatedType, TermsError, instrument::bund,
    lifecycle::AcceptPhase,
};
use rust_decimal::Decimal;

const T: UtcMillis = UtcMillis(2_000);

/// A discount margin over EURIBOR 3M.
fn margin() -> PriceType {
    over("EURIBOR", "3M", "EUR")
}

fn over(rate: &str, point: &str, currency: &str) -> PriceType {
    PriceType::Margin(Benchmark::read(rate, point, currency).unwrap())
}

fn terms(price_type: PriceType, ask: Ask) -> Terms {
    Terms {
        min_quantity: None,
        price_type,
        legs: vec![],
        id: RfqId::new("R1").unwrap(),
        instrument: bund().id,
        ask,
        quantity: dec("5000000"),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![d("A"), d("B"), d("C")],
        expires: UtcMillis(120_000),
        created: UtcMillis(0),
    }
}

fn quote(dealer: &str, bid: &str, offer: &str) -> Quote {
    let level = |p: &str| Some(Level { price: dec(p), size: dec("5000000") });
    Quote {
        legs: vec![],
        id: QuoteId::new(format!("{dealer}1")).unwrap(),
        dealer: d(dealer),
        bid: level(bid),
        offer: level(offer),
        valid_until: UtcMillis(60_000),
        tradeable: true,
    }
}

fn open(price_type: PriceType, quotes: &[(&str, &str, &str)]) -> Rfq {
    let mut r = Rfq::new(terms(price_type, Ask::TwoWay));
    r.acknowledge();
    for (dealer, bid, offer) in quotes {
        r.quote(quote(dealer, bid, offer), UtcMillis(1_000)).unwrap();
    }
    r
}

fn accept(dealer: &str, side: Side, price: &str, limit: Option<&str>) -> Accept {
    let limit = limit.map(|p| Limit { price: dec(p), until: UtcMillis(50_000) });
    let quote = format!("{dealer}1");
    Accept { side, limit, ..super::tests::accept("x1", dealer, &quote, price) }
}

#[test]
fn a_quote_is_checked_as_the_numbers_that_were_asked_for() {
    use PriceType::{Price, Spread, Yield};
    for (of, bid, offer, want) in [
        (Price, "99", "99.1", Ok(())),
        (Price, "99.1", "99", Err(QuoteFault::Crossed)),
        (Price, "0", "99", Err(QuoteFault::PriceNotPositive)),
        (Price, "-1", "99", Err(QuoteFault::PriceNotPositive)),
        // A dealer sells at the lower yield.
        (Yield, "2.51", "2.49", Ok(())),
        (Yield, "2.5", "2.50", Ok(())),
        (Yield, "2.49", "2.51", Err(QuoteFault::CrossedYield)),
        (Yield, "0.01", "-0.01", Ok(())),
        (Yield, "-0.30", "-0.31", Ok(())),
        (Yield, "0", "0", Ok(())),
        (Yield, "-0.31", "-0.30", Err(QuoteFault::CrossedYield)),
        (Spread, "42.5", "41", Ok(())),
        (Spread, "-3", "-4.5", Ok(())),
        (Spread, "41", "42.5", Err(QuoteFault::CrossedYield)),
        (margin(), "42.5", "41", Ok(())),
        (margin(), "-3", "-4.5", Ok(())),
        (margin(), "41", "42.5", Err(QuoteFault::CrossedYield)),
    ] {
        let t = terms(of, Ask::TwoWay);
        assert_eq!(quote("A", bid, offer).check_for(&t, T), want, "{of:?} {bid} {offer}");
    }
}

#[test]
fn a_quote_says_what_its_numbers_are_unless_they_are_prices() {
    use PriceType::{Price, Spread, Yield};
    // The code that a quote states for what was asked, and whether it fits: none, 1, 2, 6, 9, 4.
    for (of, isin, fits) in [
        (Price, true, [true, true, false, false, false, false]),
        (Price, false, [true, false, true, false, false, false]),
        (Spread, true, [false, false, false, true, false, false]),
        (Spread, false, [false, false, false, true, false, false]),
        (Yield, true, [false, false, false, false, true, false]),
        (Yield, false, [false, false, false, false, true, false]),
        (margin(), true, [false; 6]),
        (margin(), false, [false; 6]),
    ] {
        let stated = [None, Some(1), Some(2), Some(6), Some(9), Some(4)];
        let stated = stated.map(|code: Option<u16>| code.map(StatedType::from));
        for (price_type, fits) in stated.into_iter().zip(fits) {
            let says = Qualifiers { price_type, ..Qualifiers::default() };
            let got = says.check(&terms(of, Ask::TwoWay), isin);
            assert_eq!(got.is_ok(), fits, "{of:?} {isin} {price_type:?}");
            match (price_type, got) {
                (_, Ok(())) => {}
                (None, Err(e)) => {
                    assert!(matches!(e, QualifierFault::NoPriceType(_)), "{e:?}");
                    assert!(e.to_string().contains("no PriceType (423)"), "{e}");
                }
                (Some(t), Err(e)) => {
                    assert_eq!(e, QualifierFault::PriceType(t, of.stated_by(isin)));
                }
            }
        }
    }
    for (stated, fits) in [
        (margin().stated(), true),
        (over("EURIBOR", "6M", "EUR").stated(), false),
        (over("SONIA", "3M", "EUR").stated(), false),
        (over("EURIBOR", "3M", "USD").stated(), false),
        (Some(StatedType::new(6, Over::Curve("SWAP"))), false),
        (Some(StatedType::new(6, Over::Unreadable)), false),
    ] {
        for isin in [true, false] {
            let says = Qualifiers { price_type: stated, ..Qualifiers::default() };
            let got = says.check(&terms(margin(), Ask::TwoWay), isin);
            assert_eq!(got.is_ok(), fits, "{stated:?}");
            let spread = says.check(&terms(Spread, Ask::TwoWay), isin);
            let curve = stated.is_some_and(|s| s.over() == Over::Curve("SWAP"));
            assert_eq!(spread.is_ok(), curve, "{stated:?}");
        }
    }
    let says = Qualifiers { price_type: Some(1.into()), ..Qualifiers::default() };
    let why = says.check(&terms(Yield, Ask::Buy), true).unwrap_err().to_string();
    assert!(why.contains("a percentage of par (PriceType 423=1); a yield (9)"), "{why}");
}

#[test]
fn only_what_the_instrument_lists_is_asked_for() {
    use PriceType::{Price, Spread, Yield};
    let listed = |types: &[PriceType]| Instrument { price_types: types.into(), ..bund() };
    for (types, of, good) in [
        (&[Price][..], Price, true),
        (&[Price], Yield, false),
        (&[Price, Yield], Yield, true),
        (&[Price, Yield], Spread, false),
        (&[Spread], Spread, true),
        (&[Spread], Price, false),
        (&[Spread], margin(), false),
        (&[margin(), Price, Yield], margin(), true),
        (&[margin(), Price, Yield], Spread, false),
        (&[margin()], over("EURIBOR", "6M", "EUR"), false),
        (&[margin()], Price, false),
    ] {
        let i = listed(types);
        assert_eq!(i.check(), Ok(()));
        let got = terms(of, Ask::Buy).check(&i, UtcMillis(1));
        assert_eq!(got.is_ok(), good, "{types:?} {of:?}");
        if let Err(e) = got {
            assert!(matches!(e, TermsError::OtherPriceType(..)), "{e:?}");
        }
    }
    for (types, class) in [
        (vec![], AssetClass::GovernmentBond),
        (vec![Yield, Yield], AssetClass::GovernmentBond),
        (vec![Price, Yield], AssetClass::FxSpot),
        (vec![margin()], AssetClass::FxSpot),
        (vec![Spread, margin()], AssetClass::GovernmentBond),
        (vec![margin(), over("EURIBOR", "6M", "EUR")], AssetClass::GovernmentBond),
        (vec![over("EURIBOR", "3M", "USD")], AssetClass::GovernmentBond),
    ] {
        let id = match class {
            AssetClass::FxSpot => InstrumentId::new("EUR/USD").unwrap(),
            _ => bund().id,
        };
        let bad = Instrument { id, price_types: types, asset_class: class, ..bund() };
        assert!(bad.check().is_err(), "{bad:?}");
    }
    let package = Terms { price_type: Yield, ..super::package_tests::butterfly() };
    let got = package.check_package(&super::package_tests::catalogue(), UtcMillis(1));
    assert_eq!(got, Err(TermsError::PackagePriceType));
}

#[test]
fn the_best_is_the_best_of_its_type() {
    let yields = [("A", "2.52", "2.50"), ("B", "2.53", "2.48"), ("C", "2.51", "2.51")];
    let r = open(PriceType::Yield, &yields);
    let best = |side| r.best(side, T, 0).map(|b| b.dealers[0].to_string());
    assert_eq!(best(Side::Buy), Some("C".into()), "a buyer wants the highest yield");
    assert_eq!(best(Side::Sell), Some("C".into()), "a seller wants the lowest yield");
    let prices = [("A", "99.0", "99.4"), ("B", "99.1", "99.5")];
    let r = open(PriceType::Price, &prices);
    assert_eq!(r.best(Side::Buy, T, 0).unwrap().dealers, [d("A")]);
    assert_eq!(r.best(Side::Sell, T, 0).unwrap().dealers, [d("B")]);
}

#[test]
fn or_better_is_in_the_direction_of_the_type() {
    use PriceType::{Price, Spread, Yield};
    // What is agreed to at most, and what stands by now.
    for (of, side, price, limit, stands, want) in [
        (Price, Side::Buy, "99.5", "99.6", "99.6", Ok("99.6")),
        (Price, Side::Buy, "99.5", "99.6", "99.61", Err("quote.beyond_limit")),
        (Price, Side::Buy, "99.5", "99.4", "99.5", Err("accept.limit_better_than_price")),
        (Price, Side::Sell, "99.5", "99.4", "99.4", Ok("99.4")),
        (Price, Side::Sell, "99.5", "99.4", "99.39", Err("quote.beyond_limit")),
        (Yield, Side::Buy, "2.50", "2.49", "2.49", Ok("2.49")),
        (Yield, Side::Buy, "2.50", "2.49", "2.6", Ok("2.6")),
        (Yield, Side::Buy, "2.50", "2.49", "2.489", Err("quote.beyond_limit")),
        (Yield, Side::Buy, "2.50", "2.51", "2.50", Err("accept.limit_better_than_price")),
        (Yield, Side::Sell, "2.50", "2.51", "2.51", Ok("2.51")),
        (Yield, Side::Sell, "2.50", "2.51", "2.4", Ok("2.4")),
        (Yield, Side::Sell, "2.50", "2.51", "2.511", Err("quote.beyond_limit")),
        (Yield, Side::Sell, "-0.30", "-0.29", "-0.29", Ok("-0.29")),
        (Yield, Side::Sell, "-0.30", "-0.29", "0", Err("quote.beyond_limit")),
        (Spread, Side::Buy, "42", "41.5", "41.5", Ok("41.5")),
        (Spread, Side::Buy, "42", "41.5", "41.4", Err("quote.beyond_limit")),
        (Spread, Side::Sell, "42", "42.5", "42.5", Ok("42.5")),
        (Spread, Side::Sell, "42", "42.5", "42.6", Err("quote.beyond_limit")),
        (margin(), Side::Buy, "42", "41.5", "41.5", Ok("41.5")),
        (margin(), Side::Buy, "42", "41.5", "41.4", Err("quote.beyond_limit")),
        (margin(), Side::Sell, "42", "42.5", "42.5", Ok("42.5")),
        (margin(), Side::Sell, "42", "42.5", "42.6", Err("quote.beyond_limit")),
    ] {
        let r = open(of, &[("A", stands, stands)]);
        let a = accept("A", side, price, Some(limit));
        let got = r.followed(&a, T).and_then(|f| {
            let mut r = r.clone();
            r.arm(f.clone(), T, 0)?;
            Ok(f.price)
        });
        let got = got.map_err(|e| e.code());
        assert_eq!(got, want.map(dec), "{of:?} {side:?} {price} {limit} {stands}");
        // The desk judges what the gateway says that it sent by the same rule.
        let sent = Accept { price: dec(stands), ..a.clone() };
        let limit_is_good = want != Err("accept.limit_better_than_price");
        if limit_is_good {
            assert_eq!(a.agrees_to(of.direction(), &sent), want.is_ok(), "{of:?} {side:?}");
        }
        let mut armed = open(of, &[("A", price, price)]);
        armed.arm(accept("A", side, price, None), T, 0).unwrap();
        let limit = Limit { price: dec(limit), until: UtcMillis(50_000) };
        assert_eq!(armed.set_limit(limit), limit_is_good);
    }
}

#[test]
fn a_report_in_other_numbers_is_a_dispute() {
    let sent = |of| {
        let mut r = open(of, &[("A", "2.5", "2.5")]);
        r.arm(accept("A", Side::Buy, "2.5", None), T, 0).unwrap();
        r.send_accept(&id("x1"), T, 0).unwrap();
        r
    };
    let code = |code: u16| Some(StatedType::from(code));
    for (of, stated, fits) in [
        (PriceType::Yield, None, true),
        (PriceType::Yield, code(9), true),
        (PriceType::Yield, code(1), false),
        (PriceType::Yield, code(6), false),
        (PriceType::Price, None, true),
        (PriceType::Price, code(1), true),
        (PriceType::Price, code(2), false),
        (PriceType::Price, code(9), false),
        // What could not be read.
        (PriceType::Price, code(0), false),
        (PriceType::Spread, code(6), true),
        (PriceType::Spread, Some(StatedType::new(6, Over::Curve("SWAP"))), true),
        (PriceType::Spread, margin().stated(), false),
        (margin(), None, true),
        // What names no benchmark is as what has no PriceType (423).
        (margin(), code(6), true),
        (margin(), margin().stated(), true),
        (margin(), over("EURIBOR", "6M", "EUR").stated(), false),
        (margin(), Some(StatedType::new(6, Over::Curve("SWAP"))), false),
        (margin(), Some(StatedType::new(6, Over::Unreadable)), false),
        (margin(), code(9), false),
    ] {
        let mut r = sent(of);
        let report = Report { price_type: stated, ..fill("e1", "2.5", "5000000") };
        let taken = take(&mut r, "x1", &report);
        let what = format!("{of:?} {stated:?}");
        assert_eq!(taken.dispute.is_none(), fits, "{what}");
        assert_eq!(taken.after == AcceptPhase::Filled, fits, "{what}");
        if let Some(dispute) = taken.dispute {
            assert_eq!(dispute.why, "the price type differs");
        }
    }
    // What has no ISIN is priced per unit.
    let pair = InstrumentId::new("EUR/USD").unwrap();
    for (stated, fits) in [(None, true), (code(2), true), (code(1), false)] {
        let mut r = sent(PriceType::Price);
        r.terms.instrument = pair.clone();
        r.accept.as_mut().unwrap().0.instrument = pair.clone();
        let filled = fill("e1", "2.5", "5000000");
        let report = Report { price_type: stated, instrument: pair.clone(), ..filled };
        assert_eq!(take(&mut r, "x1", &report).dispute.is_none(), fits, "{stated:?}");
    }
}

#[test]
fn an_average_of_zero_is_one_where_the_parts_average_to_it() {
    // To what e1 of 2m is corrected, at what e2 of 3m stands, and the average that is stated.
    for (of, e1, e2, avg, want) in [
        (PriceType::Yield, "0.3", "-0.2", "0", "0"),
        (PriceType::Yield, "0.301", "-0.2", "0", "0"),
        (PriceType::Yield, "0.3", "-0.3", "0", "0.3"),
        (PriceType::Yield, "0.3", "-0.3", "-0.06", "-0.06"),
        (margin(), "3", "-2", "0", "0"),
    ] {
        let mut r = open(of, &[("A", e2, e2)]);
        r.arm(accept("A", Side::Buy, e2, None), T, 0).unwrap();
        r.send_accept(&id("x1"), T, 0).unwrap();
        let part = |exec: &str, size: &str, cum: &str| Report {
            last: Some(Level { price: dec(e2), size: dec(size) }),
            avg_px: dec(e2),
            ..super::tests::part(exec, size, cum)
        };
        take(&mut r, "x1", &part("e1", "2000000", "2000000"));
        take(&mut r, "x1", &part("e2", "3000000", "5000000"));
        let kind = crate::fix::ExecType::TradeCorrect;
        let correct = super::tests::about(kind, "g1", "e1", e1, "2000000");
        let correct = Report { avg_px: dec(avg), cum_qty: dec("5000000"), ..correct };
        let taken = take(&mut r, "x1", &correct);
        assert_eq!(taken.dispute, None, "{of} {e1} {e2}");
        let trade = r.accept.as_ref().and_then(|(_, s)| s.last_trade()).unwrap();
        assert_eq!(trade.price, dec(want), "{of} {e1} {e2} {avg}");
    }
}

#[test]
fn a_yield_is_executed_and_corrected_below_zero() {
    let mut r = open(PriceType::Yield, &[("A", "-0.3", "-0.3")]);
    r.arm(accept("A", Side::Buy, "-0.3", None), T, 0).unwrap();
    r.send_accept(&id("x1"), T, 0).unwrap();
    let done = take(&mut r, "x1", &fill("e1", "-0.3", "5000000"));
    assert_eq!((done.after, done.dispute), (AcceptPhase::Filled, None));
    let correct =
        super::tests::about(crate::fix::ExecType::TradeCorrect, "e2", "e1", "-0.31", "5000000");
    let done = take(&mut r, "x1", &correct);
    assert_eq!((done.after, done.dispute), (AcceptPhase::Corrected, None));
    let trade = r.accept.as_ref().and_then(|(_, s)| s.traded().cloned()).unwrap();
    assert_eq!(trade.price, dec("-0.31"));
    // A price corrected to nothing is still a dispute.
    let mut p = open(PriceType::Price, &[("A", "99", "99")]);
    p.arm(accept("A", Side::Buy, "99", None), T, 0).unwrap();
    p.send_accept(&id("x1"), T, 0).unwrap();
    take(&mut p, "x1", &fill("e1", "99", "5000000"));
    let correct =
        Report { last: Some(Level { price: Decimal::ZERO, size: dec("5000000") }), ..correct };
    assert!(take(&mut p, "x1", &correct).dispute.is_some());
}

/// Terms are kept in journals: those of earlier releases are read, and a margin is read as itself.
#[test]
fn a_type_is_kept_as_its_text() {
    for (of, text) in [
        (PriceType::Price, "price"),
        (PriceType::Yield, "yield"),
        (PriceType::Spread, "spread"),
        (margin(), "discount margin over EURIBOR 3M in EUR"),
    ] {
        assert_eq!(String::from(of), text);
        assert_eq!(PriceType::try_from(text.to_owned()), Ok(of));
    }
}
