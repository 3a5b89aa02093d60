//! The best price. RFQ screens often compute it for the wrong side or hard-code it; here it is one
//! function with a table of tests.

use crate::{DealerId, Quote, Side, UtcMillis};
use rust_decimal::Decimal;

/// The best price for a customer, and everybody who makes it: ties are shown as ties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The lowest offer for a buyer, the highest bid for a seller.
    pub price: Decimal,
    /// In the order the quotes were given.
    pub dealers: Vec<DealerId>,
}

/// The best of the quotes that can be traded now for at least `quantity`. A buyer wants the lowest
/// offer, a seller the highest bid. Indicative, expired, one-sided-the-wrong-way and too small
/// quotes do not take part. `arrival_ms` is the time an accept needs to reach the dealer: a quote
/// that ends sooner cannot be had and does not take part either.
pub fn best<'a>(
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
        let better = |than: Decimal| match side {
            Side::Buy => level.price < than,
            Side::Sell => level.price > than,
        };
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

/// The price in the middle of what dealers quote for a customer on `side` and at least `quantity`.
/// Of two in the middle the one that is worse for the customer. `None` when fewer than three quote:
/// no dealer alone can move it, and an absurd quote moves it to its neighbour at most.
pub fn median_quoted<'a>(
    quotes: impl IntoIterator<Item = &'a Quote>,
    side: Side,
    quantity: Decimal,
) -> Option<Decimal> {
    let usable = quotes.into_iter().filter(|q| q.tradeable);
    // The net price of a package may be zero or below.
    let priced = |q: &Quote| q.level(side).map(|l| (l, !q.legs.is_empty()));
    let levels = usable.filter_map(priced);
    let mut prices: Vec<Decimal> = levels
        .filter(|(l, package)| l.size >= quantity && (*package || l.price > Decimal::ZERO))
        .map(|(l, _)| l.price)
        .collect();
    if prices.len() < QUOTES_FOR_A_REFERENCE {
        return None;
    }
    prices.sort();
    // Buyers pay: the higher of two is the worse one.
    let middle = match side {
        Side::Buy => prices.len() / 2,
        Side::Sell => (prices.len() - 1) / 2,
    };
    prices.get(middle).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, QuoteId};
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
        assert_eq!(names(best(&q, Side::Buy, five, UtcMillis(0), 0)), ["C"]);
        assert_eq!(names(best(&q, Side::Sell, five, UtcMillis(0), 0)), ["B"]);
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
                names(best([&q, &good], Side::Buy, five, UtcMillis(100), 50)),
                ["GOOD"],
                "{why}"
            );
        }
    }

    #[test]
    fn ties_are_ties_whatever_the_number_of_zeros() {
        let q = [quote("A", "99", "99.40"), quote("B", "99", "99.4"), quote("C", "99", "99.5")];
        assert_eq!(names(best(&q, Side::Buy, Decimal::ONE, UtcMillis(0), 0)), ["A", "B"]);
    }

    #[test]
    fn one_dealer_alone_does_not_make_the_reference_price() {
        let median = |offers: &[&str], side| {
            let all: Vec<Quote> =
                offers.iter().enumerate().map(|(i, o)| quote(&format!("D{i}"), o, o)).collect();
            median_quoted(&all, side, Decimal::from(5)).map(|p| p.to_string())
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
        assert_eq!(median_quoted([&small, &indicative, &a, &b], Side::Buy, Decimal::from(5)), None);
    }

    proptest! {
        #[test]
        fn nobody_makes_a_better_price_than_the_best(prices in prop::collection::vec((1u32..500, 1u32..500), 0..12)) {
            let quotes: Vec<_> = prices.iter().enumerate()
                .map(|(i, (b, o))| quote(&format!("D{i}"), &b.to_string(), &o.to_string())).collect();
            for side in [Side::Buy, Side::Sell] {
                let found = best(&quotes, side, Decimal::ONE, UtcMillis(0), 0);
                let all: Vec<Decimal> = quotes.iter().filter_map(|q| q.level(side)).map(|l| l.price).collect();
                let want = if side == Side::Buy { all.iter().min() } else { all.iter().max() };
                prop_assert_eq!(found.as_ref().map(|b| &b.price), want);
                let tied = all.iter().filter(|p| Some(*p) == want).count();
                prop_assert_eq!(found.map_or(0, |b| b.dealers.len()), tied);
            }
        }
    }
}
