//! Rates and rounding: exact, and against the trader.

use super::*;
use proptest::prelude::*;

/// The notional as policies see it, found by asking.
fn notional(
    e: &CedarEntitlements,
    instrument: &str,
    quantity: &str,
    day: &Amounts,
) -> Result<(String, String), Denial> {
    let deal = Deal {
        instrument,
        side: Side::Buy,
        quantity: quantity.parse().unwrap(),
        day,
        outstanding: day,
        open_rfqs: 0,
        dealers: 1,
        first_today: false,
        idle_s: 0,
    };
    let act = Act::Trade { step: Step::Request, dealer: "HARBOUR", new_dealer: false, deal: &deal };
    let all = e.weighed(&Question { who: "alice", proof: Proof::default(), act })?;
    let find = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap();
    assert_eq!(find("dayNotional"), find("outstanding"));
    Ok((find("notional"), find("dayNotional")))
}

fn with_rates(rates: &str) -> CedarEntitlements {
    try_load("", &format!("reporting_currency = 'EUR'\n[rates]\n{rates}")).unwrap()
}

#[test]
fn amounts_are_rounded_up_once() {
    let e = with_rates("USD = '0.5'\nGBP = '1.1'\nAUD = '0.0000000001'\nCHF = '0.0000000003'");
    let none = Amounts::new();
    for (instrument, quantity, want) in [
        ("DE000BU2Z049", "1000000", "1000000"),
        ("DE000BU2Z049", "1000000.01", "1000001"),
        ("USD/JPY", "3", "2"),
        ("USD/JPY", "4", "2"),
        ("GBP/USD", "10", "11"),
        ("GBP/USD", "11", "13"),
        ("AUD/USD", "1", "1"),
        // More digits than fit: never less than the exact product.
        ("CHF/JPY", "7000000000000000000.0000000001", "2100000001"),
    ] {
        assert_eq!(
            notional(&e, instrument, quantity, &none).map(|n| n.0),
            Ok(want.to_owned()),
            "{quantity} of {instrument}"
        );
    }
    // Three times a third: summed before it is rounded.
    let day = Amounts::from([
        ("USD".to_owned(), Decimal::new(1, 0)),
        ("EUR".to_owned(), Decimal::new(5, 1)),
    ]);
    assert_eq!(notional(&e, "USD/JPY", "1", &day), Ok(("1".into(), "2".into())));
    // A sum of more digits than fit: never less than the exact one.
    let day =
        Amounts::from([("EUR".to_owned(), "1.0000000000000000000000000001".parse().unwrap())]);
    let all = notional(&e, "DE000BU2Z049", "19999999", &day);
    assert_eq!(all, Ok(("19999999".into(), "20000001".into())));
}

#[test]
fn a_currency_without_a_rate_is_denied() {
    let e = with_rates("USD = '0.5'");
    assert_eq!(notional(&e, "GBP/USD", "1", &Amounts::new()), Err(Denial::NoRate("GBP".into())));
    // Nor is what was traded earlier forgotten because its rate is gone.
    let day = Amounts::from([("GBP".to_owned(), Decimal::ONE)]);
    assert_eq!(notional(&e, "USD/JPY", "1", &day), Err(Denial::NoRate("GBP".into())));
    assert_eq!(Denial::NoRate(String::new()).code(), "entitle.no_rate");
}

#[test]
fn what_does_not_fit_is_denied() {
    let e = with_rates("USD = '1000000000'");
    let none = Amounts::new();
    for (instrument, quantity, day) in [
        ("DE000BU2Z049", "9223372036854775808", none.clone()),
        ("USD/JPY", "79228162514264337593543950335", none.clone()),
        ("DE000BU2Z049", "1", Amounts::from([("EUR".to_owned(), Decimal::MAX)])),
        ("DE000BU2Z049", "9223372036854775807", Amounts::from([("EUR".to_owned(), Decimal::ONE)])),
    ] {
        assert!(
            matches!(notional(&e, instrument, quantity, &day), Err(Denial::BadNumber(_))),
            "{quantity}"
        );
    }
    assert_eq!(
        notional(&e, "DE000BU2Z049", "9223372036854775807", &none).map(|n| n.0),
        Ok(i64::MAX.to_string())
    );
}

proptest! {
    /// Against whole numbers: mantissas multiplied as integers, then divided and rounded up.
    #[test]
    fn never_less_than_the_exact_amount(quantity in 1i64..1_000_000_000_000_000, scale in 0u32..6, rate in 1i64..1_000_000_000, rate_scale in 0u32..=10) {
        let e = with_rates(&format!("USD = '{}'", Decimal::new(rate, rate_scale)));
        let got = notional(&e, "USD/JPY", &Decimal::new(quantity, scale).to_string(), &Amounts::new());
        let power = 10i128.pow(scale + rate_scale);
        let product = i128::from(quantity) * i128::from(rate);
        let exact = product / power + i128::from(product % power > 0);
        match got {
            Ok((n, _)) => prop_assert_eq!(n.parse::<i128>().unwrap(), exact),
            Err(Denial::BadNumber(_)) => prop_assert!(exact > i128::from(i64::MAX)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn any_text_is_an_amount_or_not(text in ".{0,30}") {
        let _ = amount(&text);
    }
}

#[test]
fn amounts_as_written() {
    for (text, want) in [
        ("20m", "20000000"),
        ("20_000_000", "20000000"),
        ("2.5M", "2500000.0"),
        ("500k", "500000"),
        ("1bn", "1000000000"),
        (" 7 ", "7"),
    ] {
        assert_eq!(amount(text).unwrap(), want.parse().unwrap(), "{text}");
    }
    for text in ["", "m", "-1", "1e9", "1,000", "5x", "1.", ".5", "_1", "1_", "1.2.3", "5 m m"] {
        assert!(amount(text).is_err(), "{text:?}");
    }
}
