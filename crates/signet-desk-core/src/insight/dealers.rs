//! What this desk has seen of each dealer, for people to look at. Pure.

use super::{record::records, tally::Tally};
use crate::{
    blotter::query::number,
    insight::record::{Outcome, Turn},
    view::{BlotterRow, DealerInsight},
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use signet_rfq::DealerId;
use std::collections::BTreeMap;

/// All dealers that were asked, those that were asked most first. `trades` are the rows of trades
/// that stand, in which a dealer has its name.
pub(crate) fn insights(
    tally: &Tally,
    trades: &[BlotterRow],
    names: &BTreeMap<DealerId, String>,
) -> Vec<DealerInsight> {
    let turns = tally.turns();
    let mut out: Vec<DealerInsight> = records(&turns)
        .into_iter()
        .map(|(dealer, r)| {
            let of = |t: &&Turn| t.dealer == dealer;
            let responses = turns.iter().filter(of).filter_map(|t| t.response_ms).collect();
            let takes = turns.iter().filter(of).flat_map(|t| &t.takes);
            let answered = takes.filter(|t| t.outcome != Outcome::None);
            let holds = answered.filter_map(|t| t.hold_ms).collect();
            let id = DealerId::new(dealer.clone()).ok();
            let name = id.and_then(|d| names.get(&d).cloned()).unwrap_or_else(|| dealer.clone());
            let covers = cover_distances(trades, &name);
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
/// yields and spreads as they are.
fn cover_distances(trades: &[BlotterRow], name: &str) -> Vec<Decimal> {
    let of = trades.iter().filter(|t| t.dealer == name);
    of.filter_map(|t| {
        let ((price, unit), (cover, of)) = (told(t.price.as_deref()?), told(t.cover.as_deref()?));
        let (price, cover) = (number(price)?, number(cover).filter(|_| unit == of)?);
        let apart = price.checked_sub(cover)?.abs();
        match unit {
            "bp" => Some(apart),
            "%" => apart.checked_mul(Decimal::ONE_HUNDRED),
            _ => apart.checked_mul(Decimal::from(10_000))?.checked_div(price),
        }
    })
    .collect()
}

/// A number as the blotter writes it, and its unit; none for a price.
fn told(text: &str) -> (&str, &str) {
    text.rsplit_once(' ').unwrap_or((text, ""))
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
    use proptest::prelude::*;

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
            trade("A", "99-16+", Some("99")),
            trade("A", "0", Some("1")),
        ];
        let found = cover_distances(&trades, "A");
        assert_eq!(found.len(), 3);
        assert_eq!(middle(found), Some(Decimal::from(2)));
        assert_eq!(middle(vec![]), None);
        let others = [
            trade("C", "2.475 %", Some("2.465 %")),
            trade("C", "-0.010 %", Some("0.010 %")),
            trade("C", "42.0 bp", Some("42.5 bp")),
            // A yield is not compared with a price.
            trade("C", "2.475 %", Some("99")),
        ];
        let found = cover_distances(&others, "C");
        assert_eq!(found, ["1", "2", "0.5"].map(|d| d.parse().unwrap()));
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
