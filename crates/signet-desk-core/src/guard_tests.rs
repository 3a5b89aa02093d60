use super::*;
use proptest::prelude::*;

fn n(text: &str) -> Decimal {
    text.parse().unwrap()
}

const USUAL: TradingSettings =
    TradingSettings { confirm_after_ms: 700, off_market_bp: 50, off_market_ticks: 0 };

#[test]
fn a_price_far_from_the_market_is_told_from_one_that_is_not() {
    use Against::{Composite, LastTrade, Other};
    use PriceType::{Price, Spread, Yield};
    let by_ticks = TradingSettings { off_market_bp: 0, off_market_ticks: 10, ..USUAL };
    let never = TradingSettings { off_market_bp: 0, off_market_ticks: 0, ..USUAL };
    let composite = [(Composite(3), n("100"))];
    let over = signet_rfq::Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
    let margin = PriceType::Margin(over);
    for (settings, price_type, side, price, references, want) in [
        // Half a percent of 100, and not a tick more.
        (USUAL, Price, Side::Buy, "100.5", &composite[..], None),
        (USUAL, Price, Side::Buy, "100.501", &composite, Some(Composite(3))),
        (USUAL, Price, Side::Buy, "50", &composite, None),
        (USUAL, Price, Side::Sell, "99.5", &composite, None),
        (USUAL, Price, Side::Sell, "99.499", &composite, Some(Composite(3))),
        (USUAL, Price, Side::Sell, "200", &composite, None),
        // A buyer pays more where the yield is lower.
        (USUAL, Yield, Side::Buy, "2.40", &[(Other, n("2.50"))], Some(Other)),
        (USUAL, Yield, Side::Buy, "2.60", &[(Other, n("2.50"))], None),
        (USUAL, Yield, Side::Sell, "2.60", &[(Other, n("2.50"))], Some(Other)),
        // Five basis points of a yield or a spread, whatever it is a share of.
        (USUAL, Yield, Side::Buy, "-0.05", &[(Other, n("0"))], None),
        (USUAL, Yield, Side::Buy, "-0.051", &[(Other, n("0"))], Some(Other)),
        (USUAL, Spread, Side::Sell, "77", &[(Other, n("72"))], None),
        (USUAL, Spread, Side::Sell, "77.1", &[(Other, n("72"))], Some(Other)),
        (USUAL, Spread, Side::Buy, "66.9", &[(Other, n("72"))], Some(Other)),
        (USUAL, margin, Side::Sell, "77", &[(Other, n("72"))], None),
        (USUAL, margin, Side::Sell, "77.1", &[(Other, n("72"))], Some(Other)),
        (USUAL, margin, Side::Buy, "66.9", &[(Other, n("72"))], Some(Other)),
        (never, Yield, Side::Buy, "-9", &[(Other, n("2"))], None),
        (by_ticks, Price, Side::Buy, "100.10", &composite, None),
        (by_ticks, Price, Side::Buy, "100.11", &composite, Some(Composite(3))),
        (never, Price, Side::Buy, "1000", &composite, None),
        // Nothing to compare with is no reason for a warning.
        (USUAL, Price, Side::Buy, "1000", &[], None),
        // The reference that is farthest counts.
        (
            USUAL,
            Price,
            Side::Buy,
            "102",
            &[(Composite(4), n("101")), (LastTrade, n("100"))],
            Some(LastTrade),
        ),
        (
            USUAL,
            Price,
            Side::Buy,
            "102",
            &[(Composite(4), n("102")), (LastTrade, n("100"))],
            Some(LastTrade),
        ),
        // A peer chose these.
        (
            USUAL,
            Price,
            Side::Buy,
            "79228162514264337593543950335",
            &[(Composite(3), n("-79228162514264337593543950335"))],
            Some(Composite(3)),
        ),
    ] {
        let tick = Some(n("0.01"));
        let agreed = Agreed { price_type, side, price: n(price), tick, of: None };
        let got = off_market(agreed, references, &settings).map(|o| o.against);
        assert_eq!(got, want, "{price_type:?} {side:?} {price} of {references:?}");
    }
}

#[test]
fn confirm_counts_only_after_a_quiet_time_and_twice_off_the_market() {
    use Pressed::{Goes, TooSoon, Warned};
    // When Confirm is pressed after the terms were shown, whether the price is off the market, and
    // what each press does.
    type Row = (&'static str, bool, &'static [(i64, Pressed)]);
    let table: [Row; 9] = [
        ("a person who reads", false, &[(1_500, Goes)]),
        ("at the moment", false, &[(700, Goes)]),
        ("a little early", false, &[(699, TooSoon)]),
        ("the same moment", false, &[(0, TooSoon)]),
        ("a double press", false, &[(120, TooSoon), (900, Goes)]),
        ("again too soon", false, &[(600, TooSoon), (1_299, TooSoon), (1_999, Goes)]),
        ("off the market", true, &[(800, Warned), (1_600, Goes)]),
        ("off the market, in a hurry", true, &[(800, Warned), (900, TooSoon), (1_600, Goes)]),
        ("a clock that went back", false, &[(-5, TooSoon)]),
    ];
    for (what, warned, presses) in table {
        let mut guard = Guard::shown(UtcMillis(10_000));
        for (at, want) in presses {
            let got = guard.press(n("99.1"), warned, &USUAL, UtcMillis(10_000 + at));
            assert_eq!(got, *want, "{what}, at {at} ms");
        }
    }
}

#[test]
fn terms_that_changed_are_to_be_read_from_then_on() {
    let shown = || Guard::shown(UtcMillis(0));
    for (changed, pressed, want) in [
        (690, 700, Pressed::TooSoon),
        (5_000, 5_000, Pressed::TooSoon),
        (5_000, 5_699, Pressed::TooSoon),
        (5_000, 5_700, Pressed::Goes),
    ] {
        let mut guard = shown();
        guard.changed(UtcMillis(changed));
        let got = guard.press(n("99.1"), false, &USUAL, UtcMillis(pressed));
        assert_eq!(got, want, "changed at {changed}, pressed at {pressed}");
    }
    // What was seen of a price far from the market stays seen.
    let mut guard = shown();
    assert_eq!(guard.press(n("99.1"), true, &USUAL, UtcMillis(700)), Pressed::Warned);
    guard.changed(UtcMillis(800));
    assert_eq!(guard.press(n("99.1"), true, &USUAL, UtcMillis(1_500)), Pressed::Goes);
}

#[test]
fn another_limit_is_another_price_to_be_confirmed_twice() {
    let mut guard = Guard::shown(UtcMillis(0));
    let mut press = |price, at| guard.press(n(price), true, &USUAL, UtcMillis(at));
    assert_eq!(press("99.1", 1_000), Pressed::Warned);
    assert_eq!(press("99.2", 2_000), Pressed::Warned);
    assert_eq!(press("99.2", 3_000), Pressed::Goes);
}

#[test]
fn settings_that_would_protect_nobody_are_refused() {
    for (confirm_after_ms, off_market_bp, good) in [
        (700, 50, true),
        (250, 0, true),
        (5_000, 1_000, true),
        (249, 50, false),
        (5_001, 50, false),
        (700, 1_001, false),
    ] {
        let s = TradingSettings { confirm_after_ms, off_market_bp, off_market_ticks: 0 };
        assert_eq!(s.check().is_ok(), good, "{s:?}");
    }
    assert_eq!(TradingSettings::default().check(), Ok(()));
}

proptest! {
    /// A key that repeats faster than the quiet time never trades, however long it is held.
    #[test]
    fn a_held_key_never_trades(first in 0i64..700, gaps in prop::collection::vec(1i64..700, 0..200)) {
        let mut guard = Guard::shown(UtcMillis(0));
        let mut at = first;
        prop_assert_eq!(guard.press(Decimal::ONE, false, &USUAL, UtcMillis(at)), Pressed::TooSoon);
        for gap in gaps {
            at += gap;
            let pressed = guard.press(Decimal::ONE, false, &USUAL, UtcMillis(at));
            prop_assert_eq!(pressed, Pressed::TooSoon);
        }
    }
}
