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
fn which_of_two_prices_is_better_depends_on_what_they_count() {
    for (kind, code, buyer_wants_the_lower) in [
        (PriceKind::Percent, 1, true),
        (PriceKind::PerUnit, 2, true),
        (PriceKind::Yield, 9, false),
        (PriceKind::Spread, 6, false),
        (PriceKind::DiscountMargin, 6, false),
    ] {
        let (low, high) = (n("1.5"), n("1.75"));
        assert_eq!(kind.code(), code, "{kind:?}");
        assert_eq!(kind.better(Side::Buy, low, high), buyer_wants_the_lower, "{kind:?}");
        assert_eq!(kind.better(Side::Buy, high, low), !buyer_wants_the_lower, "{kind:?}");
        assert_eq!(kind.better(Side::Sell, low, high), !buyer_wants_the_lower, "{kind:?}");
        assert_eq!(kind.better(Side::Sell, high, low), buyer_wants_the_lower, "{kind:?}");
        for side in [Side::Buy, Side::Sell] {
            assert!(!kind.better(side, low, low), "{kind:?}: a tie is a tie");
        }
    }
    let words: std::collections::BTreeSet<_> = PriceKind::ALL.map(PriceKind::words).into();
    assert_eq!(words.len(), PriceKind::ALL.len());
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
