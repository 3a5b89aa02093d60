//! The best price. RFQ screens often compute it for the wrong side or hard-code it; here it is one
//! function with a table of tests.

use crate::{DealerId, Direction, Level, Quote, Side, UtcMillis};
use rust_decimal::Decimal;

/// The best price for a customer, and everybody who makes it: ties are shown as ties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The lowest offer for a buyer, the highest bid for a seller; of yields the other way round.
    pub price: Decimal,
    /// In the order the quotes were given.
    pub dealers: Vec<DealerId>,
}

/// The best of the quotes that can be traded now for at least `quantity`, in the direction of its
/// number: of prices a buyer wants the lowest offer, a seller the highest bid. Indicative, expired,
/// one-sided-the-wrong-way and too small quotes do not take part. `arrival_ms` is the time an
/// accept needs to reach the dealer: a quote that ends sooner cannot be had and does not take part
/// either.
pub fn best<'a>(
    direction: Direction,
    quotes: impl IntoIterator<Item = &'a Quote>,
    side: Side,
    quantity: Decimal,
    now: UtcMillis,
    arrival_ms: i64,
) -> Option<Best> {
    let mut best: Option<Best> = None;
    for q in quotes {
        if !q.tradeable || !q.live(now + arrival_ms) {
            continue;
        }
        let Some(level) = q.level(side) else { continue };
        if level.size < quantity {
            continue;
        }
        let better = |than| direction.better(side, level.price, than);
        match &mut best {
            Some(b) if b.price == level.price => b.dealers.push(q.dealer.clone()),
            Some(b) if !better(b.price) => {}
            _ => best = Some(Best { price: level.price, dealers: vec![q.dealer.clone()] }),
        }
    }
    best
}

/// Quotes that it takes to say where the market is: with fewer, one dealer alone would make the
/// price that the others are judged by.
pub(crate) const QUOTES_FOR_A_REFERENCE: usize = 3;

/// How far `price` is from `reference` in ticks, for a customer on `side`: above zero is worse.
pub fn ticks_worse(
    direction: Direction,
    side: Side,
    price: Decimal,
    reference: Decimal,
    tick: Decimal,
) -> Option<Decimal> {
    Some(ticks(direction, side, price, reference, tick)?.round_dp(1).normalize())
}

/// As [`ticks_worse`], in whole ticks: a part of one counts as one, so that no price looks nearer
/// than it is.
pub fn whole_ticks_worse(
    direction: Direction,
    side: Side,
    price: Decimal,
    reference: Decimal,
    tick: Decimal,
) -> Option<Decimal> {
    Some(ticks(direction, side, price, reference, tick)?.ceil())
}

fn ticks(
    direction: Direction,
    side: Side,
    price: Decimal,
    reference: Decimal,
    tick: Decimal,
) -> Option<Decimal> {
    let tick = Some(tick).filter(|t| *t > Decimal::ZERO)?;
    direction.worse(side, price, reference)?.checked_div(tick)
}

/// The price in the middle of what dealers quote for a customer on `side` and at least `quantity`.
/// Of two in the middle the one that is worse for the customer. `None` when fewer than three quote:
/// no dealer alone can move it, and an absurd quote moves it to its neighbour at most.
pub fn median_quoted<'a>(
    direction: Direction,
    quotes: impl IntoIterator<Item = &'a Quote>,
    side: Side,
    quantity: Decimal,
) -> Option<Decimal> {
    composite(direction, quotes, side, quantity).map(|c| c.price)
}

/// Where the market is, from the quotes of one RFQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Composite {
    /// As [`median_quoted`] has it.
    pub price: Decimal,
    /// Of how many dealers.
    pub dealers: usize,
}

/// As [`median_quoted`], for numbers of either direction. A price must be above zero; a yield and
/// the net price of a package need not be.
pub fn composite<'a>(
    direction: Direction,
    quotes: impl IntoIterator<Item = &'a Quote>,
    side: Side,
    quantity: Decimal,
) -> Option<Composite> {
    let usable = quotes.into_iter().filter(|q| q.tradeable);
    // The net price of a package may be zero or below.
    let priced = |q: &Quote| q.level(side).map(|l| (l, !q.legs.is_empty()));
    let counts = |l: &Level, package: bool| {
        package || direction == Direction::Yield || l.price > Decimal::ZERO
    };
    let mut prices: Vec<Decimal> = usable
        .filter_map(priced)
        .filter(|(l, package)| l.size >= quantity && counts(l, *package))
        .map(|(l, _)| l.price)
        .collect();
    if prices.len() < QUOTES_FOR_A_REFERENCE {
        return None;
    }
    // The best first; of two in the middle the second is the worse one.
    prices.sort_by_key(|p| direction.key(side, *p));
    let price = *prices.get(prices.len() / 2)?;
    Some(Composite { price, dealers: prices.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QuoteId;
    use proptest::prelude::*;

    fn level(price: &str, size: &str) -> Option<Level> {
        Some(Level { price: price.parse().unwrap(), size: size.parse().unwrap() })
    }

    fn quote(dealer: &str, bid: &str, offer: &str) -> Quote {
        Quote {
            legs: vec![],
            id: QuoteId::new("q").unwrap(),
            dealer: DealerId::new(dealer).unwrap(),
            bid: level(bid, "5"),
            offer: level(offer, "5"),
            valid_until: UtcMillis(1_000),
            tradeable: true,
        }
    }

    fn names(b: Option<Best>) -> Vec<String> {
        b.map(|b| b.dealers.iter().map(|d| d.to_string()).collect()).unwrap_or_default()
    }

    #[test]
    fn a_buyer_wants_the_lowest_offer_and_a_seller_the_highest_bid() {
        let q =
            [quote("A", "99.0", "99.4"), quote("B", "99.1", "99.5"), quote("C", "98.9", "99.3")];
        let five = Decimal::from(5);
        assert_eq!(names(best(Direction::Price, &q, Side::Buy, five, UtcMillis(0), 0)), ["C"]);
        assert_eq!(names(best(Direction::Price, &q, Side::Sell, five, UtcMillis(0), 0)), ["B"]);
    }

    #[test]
    fn who_does_not_take_part() {
        let good = quote("GOOD", "99.0", "99.4");
        let five = Decimal::from(5);
        let cases: [(&str, Quote); 5] = [
            ("indicative", Quote { tradeable: false, ..quote("X", "99.0", "99.0") }),
            ("expired", Quote { valid_until: UtcMillis(100), ..quote("X", "99.0", "99.0") }),
            ("no offer", Quote { offer: None, ..quote("X", "99.0", "99.0") }),
            ("too small", Quote { offer: level("99.0", "4.9"), ..quote("X", "99.0", "99.0") }),
            (
                "ends before an accept can arrive",
                Quote { valid_until: UtcMillis(140), ..quote("X", "99.0", "99.0") },
            ),
        ];
        for (why, q) in cases {
            assert_eq!(
                names(best(Direction::Price, [&q, &good], Side::Buy, five, UtcMillis(100), 50)),
                ["GOOD"],
                "{why}"
            );
        }
    }

    #[test]
    fn ties_are_ties_whatever_the_number_of_zeros() {
        let q = [quote("A", "99", "99.40"), quote("B", "99", "99.4"), quote("C", "99", "99.5")];
        assert_eq!(
            names(best(Direction::Price, &q, Side::Buy, Decimal::ONE, UtcMillis(0), 0)),
            ["A", "B"]
        );
    }

    #[test]
    fn one_dealer_alone_does_not_make_the_reference_price() {
        let median = |offers: &[&str], side| {
            let all: Vec<Quote> =
                offers.iter().enumerate().map(|(i, o)| quote(&format!("D{i}"), o, o)).collect();
            median_quoted(Direction::Price, &all, side, Decimal::from(5)).map(|p| p.to_string())
        };
        for (offers, side, want) in [
            (&["99.5"][..], Side::Buy, None),
            (&["99.5", "0.01"], Side::Buy, None),
            (&["99.5", "99.6", "0.01"], Side::Buy, Some("99.5")),
            (&["99.5", "99.6", "0.01"], Side::Sell, Some("99.5")),
            (&["99.5", "99.6", "99.7", "0.01"], Side::Buy, Some("99.6")),
            (&["99.5", "99.6", "99.7", "500"], Side::Sell, Some("99.6")),
            (&["99.5", "99.6", "-1"], Side::Buy, None),
            (&["99.5", "99.6", "0"], Side::Buy, None),
        ] {
            assert_eq!(median(offers, side), want.map(str::to_owned), "{offers:?} {side:?}");
        }
        let small = Quote { offer: level("99", "4"), ..quote("S", "98", "99") };
        let indicative = Quote { tradeable: false, ..quote("I", "98", "99") };
        let (a, b) = (quote("A", "99.0", "99.5"), quote("B", "99.0", "99.6"));
        let all = [&small, &indicative, &a, &b];
        assert_eq!(median_quoted(Direction::Price, all, Side::Buy, Decimal::from(5)), None);
    }

    #[test]
    fn of_yields_a_buyer_wants_the_highest_and_a_seller_the_lowest() {
        use Direction::{Price, Yield};
        for (price_type, want) in [
            (1, Some(Price)),
            (2, Some(Price)),
            (3, Some(Price)),
            (4, Some(Yield)),
            (5, Some(Price)),
            (6, Some(Yield)),
            (8, Some(Yield)),
            (9, Some(Yield)),
            (7, None),
            (10, None),
            (0, None),
        ] {
            assert_eq!(Direction::of(price_type), want, "{price_type}");
        }
        // A dealer's bid yield is above its offer yield.
        let q =
            [quote("A", "2.52", "2.50"), quote("B", "2.53", "2.48"), quote("C", "2.51", "2.51")];
        let five = Decimal::from(5);
        let who = |d, side| names(best(d, &q, side, five, UtcMillis(0), 0));
        assert_eq!(who(Yield, Side::Buy), ["C"]);
        assert_eq!(who(Yield, Side::Sell), ["C"]);
        assert_eq!(who(Price, Side::Buy), ["B"]);
        assert_eq!(who(Price, Side::Sell), ["B"]);
        let c = |d, side| composite(d, &q, side, five).map(|c| (c.price.to_string(), c.dealers));
        assert_eq!(c(Yield, Side::Buy), Some(("2.50".into(), 3)));
        let below: Vec<Quote> = ["-0.2", "-0.1", "0"].iter().map(|y| quote("D", y, y)).collect();
        let middle = |d| composite(d, &below, Side::Buy, five).map(|c| c.price.to_string());
        assert_eq!(middle(Yield), Some("-0.1".into()), "yields below zero are yields");
        assert_eq!(middle(Price), None);
    }

    #[test]
    fn the_distance_in_ticks_is_above_zero_where_the_customer_does_worse() {
        use Direction::{Price, Yield};
        for (direction, side, price, reference, tick, want) in [
            (Price, Side::Buy, "99.130", "99.125", "0.005", Some("1")),
            (Price, Side::Buy, "99.120", "99.125", "0.005", Some("-1")),
            (Price, Side::Sell, "99.120", "99.125", "0.005", Some("1")),
            (Price, Side::Sell, "99.125", "99.125", "0.005", Some("0")),
            (Yield, Side::Buy, "2.51", "2.50", "0.01", Some("-1")),
            (Yield, Side::Sell, "2.51", "2.50", "0.01", Some("1")),
            (Price, Side::Buy, "99.127", "99.125", "0.005", Some("0.4")),
            (Price, Side::Buy, "1", "1", "0", None),
            (Price, Side::Buy, "79228162514264337593543950335", "-1", "1", None),
        ] {
            let n = |s: &str| s.parse().unwrap();
            let got = ticks_worse(direction, side, n(price), n(reference), n(tick));
            assert_eq!(
                got.map(|t| t.to_string()).as_deref(),
                want,
                "{direction:?} {side:?} {price}"
            );
        }
        // A part of a tick is one, however small, and no whole tick becomes two.
        for (direction, side, price, want) in [
            (Price, Side::Buy, "99.125", "0"),
            (Price, Side::Buy, "99.1252", "1"),
            (Price, Side::Buy, "99.130", "1"),
            (Price, Side::Buy, "99.1302", "2"),
            (Price, Side::Sell, "99.1248", "1"),
            (Yield, Side::Buy, "99.1248", "1"),
            (Yield, Side::Sell, "99.140", "3"),
        ] {
            let n = |s: &str| s.parse::<Decimal>().unwrap();
            let got = whole_ticks_worse(direction, side, n(price), n("99.125"), n("0.005"));
            assert_eq!(got, Some(n(want)), "{direction:?} {side:?} {price}");
        }
    }

    proptest! {
        #[test]
        fn a_yield_is_ranked_as_its_price_is(prices in prop::collection::vec(1u32..500, 1..12)) {
            // The same market told in prices and in yields.
            let told = |of: &dyn Fn(u32) -> String| -> Vec<Quote> {
                prices.iter().enumerate().map(|(i, p)| quote(&format!("D{i}"), &of(*p), &of(*p))).collect()
            };
            let (in_prices, in_yields) = (told(&|p| p.to_string()), told(&|p| (1_000 - p).to_string()));
            for side in [Side::Buy, Side::Sell] {
                let who = |d, q: &[Quote]| names(best(d, q, side, Decimal::ONE, UtcMillis(0), 0));
                prop_assert_eq!(who(Direction::Price, &in_prices), who(Direction::Yield, &in_yields));
                let c = |d, q: &[Quote]| composite(d, q, side, Decimal::ONE).map(|c| c.price);
                prop_assert_eq!(
                    c(Direction::Price, &in_prices),
                    c(Direction::Yield, &in_yields).map(|y| Decimal::from(1_000) - y)
                );
            }
        }

        #[test]
        fn nobody_makes_a_better_price_than_the_best(prices in prop::collection::vec((1u32..500, 1u32..500), 0..12)) {
            let quotes: Vec<_> = prices.iter().enumerate()
                .map(|(i, (b, o))| quote(&format!("D{i}"), &b.to_string(), &o.to_string())).collect();
            for side in [Side::Buy, Side::Sell] {
                let found = best(Direction::Price, &quotes, side, Decimal::ONE, UtcMillis(0), 0);
                let all: Vec<Decimal> = quotes.iter().filter_map(|q| q.level(side)).map(|l| l.price).collect();
                let want = if side == Side::Buy { all.iter().min() } else { all.iter().max() };
                prop_assert_eq!(found.as_ref().map(|b| &b.price), want);
                let tied = all.iter().filter(|p| Some(*p) == want).count();
                prop_assert_eq!(found.map_or(0, |b| b.dealers.len()), tied);
            }
        }
    }
}
