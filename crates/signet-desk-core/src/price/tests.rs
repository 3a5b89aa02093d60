use super::*;
use proptest::prelude::*;
use signet_rfq::{AssetClass, InstrumentId};

fn n(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn bond(format: PriceFormat) -> Instrument {
    let (decimals, tick) = match format {
        PriceFormat::Decimals => (3, "0.005"),
        PriceFormat::ThirtySeconds => (6, "0.015625"),
        PriceFormat::ThirtySecondEighths => (8, "0.00390625"),
    };
    let i = Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new("US91282CMM00").unwrap(),
        symbol: "UST 4.625 02/35".into(),
        name: "Treasury".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "USD".into(),
        price_decimals: decimals,
        price_unit: "% of par".into(),
        tick: n(tick),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 1_000_000.into(),
        settlement: "T+1".into(),
        price_format: format,
    };
    i.check().unwrap();
    i
}

#[test]
fn prices_are_shown_as_the_market_writes_them() {
    use PriceFormat::{Decimals as D, ThirtySecondEighths as E, ThirtySeconds as T};
    for (format, price, want) in [
        (D, "99.5", "99.500"),
        (D, "-0.25", "-0.250"),
        (T, "99.5", "99-16"),
        (T, "99.515625", "99-16+"),
        (T, "99", "99-00"),
        (T, "0.984375", "0-31+"),
        (T, "102.234375", "102-07+"),
        // Finer than the format writes: nothing of it is hidden.
        (T, "99.50390625", "99.50390625"),
        (T, "99.4", "99.400000"),
        (T, "-0.5", "-0.500000"),
        (E, "99.50390625", "99-161"),
        (E, "99.5078125", "99-162"),
        (E, "99.515625", "99-16+"),
        (E, "99.52734375", "99-167"),
        (E, "99.51", "99.51000000"),
    ] {
        assert_eq!(show(&bond(format), n(price)), want, "{format:?} {price}");
    }
}

#[test]
fn a_text_is_one_price_or_none() {
    use PriceFormat::{Decimals as D, ThirtySecondEighths as E, ThirtySeconds as T};
    for (format, text, want) in [
        (D, "99.5", Some("99.5")),
        (D, " 99.5 ", Some("99.5")),
        (D, "-0.25", Some("-0.25")),
        (D, "99-16", None),
        (D, "99,5", None),
        (D, "1,000", None),
        (D, "1e2", None),
        (D, "+99", None),
        (D, ".5", None),
        (D, "99.", None),
        (D, "--1", None),
        (D, "", None),
        (T, "99.5", Some("99.5")),
        (T, "99-16+", Some("99.515625")),
        (T, "99'16+", Some("99.515625")),
        (T, "99-00", Some("99")),
        (T, "99-31+", Some("99.984375")),
        (T, "99-32", None),
        (T, "99-5", None),
        (T, "99-162", None),
        (T, "99-16++", None),
        (T, "-1-16", None),
        (T, "99-1é", None),
        (E, "99-162", Some("99.5078125")),
        (E, "99-164", Some("99.515625")),
        (E, "99-16+", Some("99.515625")),
        (E, "99-168", None),
        (E, "99-16-", None),
        (D, "99999999999999999999999999999999999999", None),
        (T, "99999999999999999999999999999999999-16", None),
        (D, "0.00000000000000000000000000000000001", None),
    ] {
        assert_eq!(read(format, text), want.map(n), "{format:?} {text}");
    }
}

#[test]
fn a_typed_price_is_one_that_can_be_quoted() {
    let (d, t) = (bond(PriceFormat::Decimals), bond(PriceFormat::ThirtySeconds));
    assert_eq!(typed(&d, "99.505"), Ok(n("99.505")));
    assert_eq!(typed(&t, "99-16+"), Ok(n("99.515625")));
    assert_eq!(typed(&d, " "), Err(PriceError::Missing));
    assert_eq!(typed(&d, "0"), Err(PriceError::NotPositive));
    assert_eq!(typed(&d, "-1"), Err(PriceError::NotPositive));
    assert!(matches!(typed(&d, "99.501"), Err(PriceError::OffTick { .. })));
    assert!(matches!(typed(&t, "99.5001"), Err(PriceError::OffTick { .. })));
    let why = typed(&d, "99-16").unwrap_err().to_string();
    assert!(why.contains("99-16 is not read") && why.contains("99.500"), "{why}");
    assert!(typed(&t, "99-5").unwrap_err().to_string().contains("99-16+"));
    for format in PriceFormat::ALL {
        let i = bond(format);
        assert!(read(format, &example(&i)).is_some(), "the example is one: {}", example(&i));
    }
}

#[test]
fn a_yield_or_a_spread_is_typed_in_its_own_convention() {
    let price_types = PriceType::WITHOUT_REFERENCE.into();
    let b = Instrument { price_types, ..bond(PriceFormat::ThirtySeconds) };
    let (y, bp) = (b.told_in(PriceType::Yield), b.told_in(PriceType::Spread));
    let over = signet_rfq::Benchmark::read("SONIA", "ON", "GBP").unwrap();
    let dm = b.told_in(PriceType::Margin(over));
    for (i, text, want) in [
        (&y, "4.125", Ok(n("4.125"))),
        (&y, "0", Ok(n("0"))),
        (&y, "-0.35", Ok(n("-0.35"))),
        (&bp, "-12.5", Ok(n("-12.5"))),
        (&dm, "45", Ok(n("45"))),
        (&dm, "-0.1", Ok(n("-0.1"))),
    ] {
        assert_eq!(typed(i, text), want, "{text}");
    }
    assert!(matches!(typed(&y, "4.1255"), Err(PriceError::OffTick { .. })));
    assert!(matches!(typed(&bp, "42.55"), Err(PriceError::OffTick { .. })));
    assert!(matches!(typed(&dm, "42.55"), Err(PriceError::OffTick { .. })));
    assert!(matches!(typed(&dm, "99-16"), Err(PriceError::Unreadable { .. })));
    assert!(matches!(typed(&y, "99-16"), Err(PriceError::Unreadable { .. })));
    assert_eq!((show(&y, n("-0.35")), show(&bp, n("42"))), ("-0.350".into(), "42.0".into()));
    for i in [&b, &y, &bp, &dm] {
        assert!(typed(i, &example(i)).is_ok(), "the example is one: {}", example(i));
    }
    assert_eq!([&b, &y, &bp, &dm].map(unit), ["", " %", " bp", " bp over SONIA ON"]);
    let all = [&b, &y, &bp, &dm].map(words);
    assert_eq!(
        all,
        [
            "percent of par",
            "yield, percent",
            "spread, basis points",
            "discount margin, basis points"
        ]
    );
}

fn any_format() -> impl Strategy<Value = PriceFormat> {
    prop::sample::select(PriceFormat::ALL.to_vec())
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same_price(
        format in any_format(),
        parts in 0i64..100_000_000,
        scale in 0u32..=10,
        on_grid in any::<bool>(),
        negative in any::<bool>(),
    ) {
        let grid = Decimal::from(parts) / Decimal::from(256);
        let price = if on_grid { grid } else { Decimal::new(parts, scale) };
        let price = if negative { -price } else { price };
        let text = show(&bond(format), price);
        prop_assert_eq!(read(format, &text), Some(price), "{}", text);
    }

    #[test]
    fn no_text_breaks_it(format in any_format(), text in ".{0,60}") {
        let _ = typed(&bond(format), &text);
    }

    #[test]
    fn what_is_read_is_shown_as_the_same_price(
        format in any_format(),
        text in "[0-9]{1,4}[-.'][0-9]{1,3}\\+?",
    ) {
        if let Some(price) = read(format, &text) {
            prop_assert_eq!(read(format, &show(&bond(format), price)), Some(price));
        }
    }
}
