//! What this desk has seen of each dealer, for people to look at. Pure.

use super::record::records;
use crate::{
    blotter::query::priced_in,
    insight::record::{Outcome, Turn},
    view::{BlotterRow, DealerInsight},
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use signet_rfq::{DealerId, InstrumentId};
use std::collections::BTreeMap;

/// All dealers that were asked, those that were asked most first. `trades` are the rows of trades
/// that stand.
pub(crate) fn insights(
    turns: &[Turn],
    trades: &[&BlotterRow],
    names: &BTreeMap<DealerId, String>,
) -> Vec<DealerInsight> {
    let mut out: Vec<DealerInsight> = records(turns)
        .into_iter()
        .map(|(dealer, r)| {
            let of = |t: &&Turn| t.dealer == dealer;
            let responses = turns.iter().filter(of).filter_map(|t| t.response_ms).collect();
            let takes = turns.iter().filter(of).flat_map(|t| &t.takes);
            let answered = takes.filter(|t| t.outcome != Outcome::None);
            let holds = answered.filter_map(|t| t.hold_ms).collect();
            let id = DealerId::new(dealer.clone()).ok();
            let name = id.and_then(|d| names.get(&d).cloned()).unwrap_or_else(|| dealer.clone());
            let alone = names.values().filter(|n| **n == name).take(2).count() < 2;
            let covers = cover_distances(trades, &dealer, Some(&name).filter(|_| alone));
            let covered = u32::try_from(covers.len()).unwrap_or(u32::MAX);
            DealerInsight {
                name,
                asked: r.asked,
                answered: r.answered,
                hits: r.hits,
                rejects: r.rejects,
                response_ms: quartiles(responses),
                hold_ms: quartiles(holds),
                cover_bp: middle(covers).and_then(|d| d.round_dp(2).to_f64()),
                covered,
                dealer,
            }
        })
        .collect();
    out.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.name.cmp(&b.name)));
    out
}

/// How far each trade with a dealer was from the next best price, in basis points of the price; of
/// yields and spreads as they are. A share of the net price of a package, which may be near zero or
/// below, says nothing. A row of an earlier Signet has the dealer's name only; it counts where
/// `name` is that of no other dealer.
fn cover_distances(trades: &[&BlotterRow], dealer: &str, name: Option<&String>) -> Vec<Decimal> {
    let package = InstrumentId::package();
    let of = trades.iter().filter(|t| t.instrument != package.as_str());
    let of = of.filter(|t| match &t.dealer_id {
        Some(id) => id == dealer,
        None => name == Some(&t.dealer),
    });
    of.filter_map(|t| {
        let (price, unit) = priced_in(t.price.as_deref()?)?;
        let (cover, _) = priced_in(t.cover.as_deref()?).filter(|(_, of)| *of == unit)?;
        let apart = price.checked_sub(cover)?.abs();
        match unit {
            "bp" => Some(apart),
            over if over.starts_with("bp ") => Some(apart),
            "%" => apart.checked_mul(Decimal::ONE_HUNDRED),
            _ => apart.checked_mul(Decimal::from(10_000))?.checked_div(price),
        }
    })
    .collect()
}

/// The middle; of two in the middle the farther.
fn middle(mut all: Vec<Decimal>) -> Option<Decimal> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

/// The first, second and third quarter of some durations; those below zero are a clock that was
/// set, and say nothing.
fn quartiles(mut all: Vec<i64>) -> Option<[f64; 3]> {
    all.retain(|ms| *ms >= 0);
    all.sort_unstable();
    let at = |quarter: usize| all.get(all.len() * quarter / 4).map(|ms| *ms as f64);
    Some([at(1)?, at(2)?, at(3)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::tally::Tally;
    use proptest::prelude::*;
    use signet_fix::message::{AppMessage, QuoteRequest};

    fn trade(dealer: &str, price: &str, cover: Option<&str>) -> BlotterRow {
        BlotterRow {
            dealer: dealer.into(),
            price: Some(price.into()),
            cover: cover.map(str::to_owned),
            ..BlotterRow::default()
        }
    }

    #[test]
    fn the_cover_is_in_basis_points_of_the_price_of_that_dealers_trades() {
        let trades = [
            trade("A", "100", Some("100.01")),
            trade("A", "100", Some("99.97")),
            trade("A", "100", Some("100.02")),
            trade("A", "100", None),
            trade("B", "100", Some("101")),
            // A peer's price that is none, or zero, says nothing.
            trade("A", "99-40", Some("99")),
            trade("A", "0", Some("1")),
        ];
        let found = named(&trades, "A");
        assert_eq!(found.len(), 3);
        assert_eq!(middle(found), Some(Decimal::from(2)));
        assert_eq!(middle(vec![]), None);
        let others = [
            trade("C", "2.475 %", Some("2.465 %")),
            trade("C", "-0.010 %", Some("0.010 %")),
            trade("C", "42.0 bp", Some("42.5 bp")),
            trade("C", "45.0 bp over EURIBOR 3M", Some("44.0 bp over EURIBOR 3M")),
            // A margin over another rate is another number, and so is a spread.
            trade("C", "45.0 bp over EURIBOR 3M", Some("44.0 bp over EURIBOR 6M")),
            trade("C", "45.0 bp over EURIBOR 3M", Some("44.0 bp")),
            // A yield is not compared with a price.
            trade("C", "2.475 %", Some("99")),
        ];
        assert_eq!(named(&others, "C"), ["1", "2", "0.5", "1"].map(|d| d.parse().unwrap()));
        // The net price of a package: ten times its own size away, and below zero.
        let net = |price: &str, cover| BlotterRow {
            instrument: "[N/A]".into(),
            ..trade("P", price, Some(cover))
        };
        assert!(named(&[net("-0.005", "0.045"), net("0.005", "0.055")], "P").is_empty());
        // In 32nds, and in eighths of them; a decimal is what these cannot write.
        for (price, cover, apart) in [
            ("100-00", "99-31", "3.125"),
            ("100-00", "100-00+", "1.5625"),
            ("100-00", "99-316", "0.78125"),
            ("100-00", "100.001", "0.1"),
        ] {
            let found = named(&[trade("T", price, Some(cover))], "T");
            assert_eq!(found, [apart.parse::<Decimal>().unwrap()], "{price} {cover}");
        }
    }

    /// With rows that have names only.
    fn named(trades: &[BlotterRow], name: &str) -> Vec<Decimal> {
        cover_distances(&trades.iter().collect::<Vec<_>>(), "ID", Some(&name.to_owned()))
    }

    #[test]
    fn dealers_with_one_name_have_their_own_covers() {
        let with = |id: Option<&str>, cover| BlotterRow {
            dealer_id: id.map(str::to_owned),
            ..trade("Bank", "100", Some(cover))
        };
        let trades = [with(Some("A"), "100.01"), with(Some("B"), "100.05"), with(None, "100.09")];
        let dealer = |id: &str| DealerId::new(id).unwrap();
        for (names, a, b) in [
            (&[("A", "Bank"), ("B", "Bank")], (1, 1.0), (1, 5.0)),
            // The row of an earlier Signet is of the only dealer with that name.
            (&[("A", "Bank"), ("B", "Other")], (2, 9.0), (1, 5.0)),
        ] {
            let names: BTreeMap<DealerId, String> =
                names.iter().map(|(id, name)| (dealer(id), (*name).to_owned())).collect();
            let mut tally = Tally::default();
            tally.sent(&asked(names.keys().cloned().collect()));
            let trades: Vec<&BlotterRow> = trades.iter().collect();
            let found = insights(&tally.turns(), &trades, &names);
            let of = |id: &str| {
                let d = found.iter().find(|d| d.dealer == id).unwrap();
                (d.covered, d.cover_bp.unwrap())
            };
            assert_eq!((of("A"), of("B")), (a, b), "{names:?}");
        }
    }

    fn asked(dealers: Vec<DealerId>) -> AppMessage {
        AppMessage::QuoteRequest(QuoteRequest {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: signet_rfq::RfqId::new("R1").unwrap(),
            instrument: signet_rfq::InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: signet_rfq::Ask::Buy,
            quantity: Decimal::TEN,
            currency: "EUR".into(),
            settlement_date: "20261201".into(),
            dealers,
            expires: signet_rfq::UtcMillis(60_000),
            at: signet_rfq::UtcMillis(0),
        })
    }

    #[test]
    fn quarters_are_times_that_were_seen() {
        assert_eq!(quartiles(vec![]), None);
        assert_eq!(quartiles(vec![-1]), None);
        assert_eq!(quartiles(vec![5]), Some([5.0; 3]));
        assert_eq!(quartiles(vec![4, 3, 2, 1]), Some([2.0, 3.0, 4.0]));
        assert_eq!(quartiles(vec![-9, 4, 3, 2, 1]), Some([2.0, 3.0, 4.0]));
    }

    proptest! {
        #[test]
        fn quarters_are_in_order(all in proptest::collection::vec(any::<i64>(), 0..40)) {
            let Some([a, b, c]) = quartiles(all.clone()) else {
                prop_assert!(all.iter().all(|ms| *ms < 0));
                return Ok(());
            };
            prop_assert!(a <= b && b <= c);
            prop_assert!([a, b, c].iter().all(|q| all.iter().any(|ms| *ms as f64 == *q)));
        }
    }
}
