//! What the numbers of a best-execution page count.

use crate::insight::timeline::{Said, Timeline};
use rust_decimal::Decimal;
use signet_fix::message::{AppMessage, SnapshotMark};
use signet_rfq::{PriceType, Side};

/// What the numbers of the RFQ count. One that came from a colleague is in a snapshot only.
pub(super) fn asked_in(t: &Timeline) -> PriceType {
    let asked = t.steps.iter().find_map(|s| match &s.said {
        Said::Sent(m) | Said::Heard(m) => match &**m {
            AppMessage::QuoteRequest(q) | AppMessage::Snapshot(SnapshotMark::Rfq(q)) => {
                Some(q.price_type)
            }
            _ => None,
        },
        _ => None,
    });
    asked.unwrap_or_default()
}

/// What a reader of the page must know of its numbers, when they are not prices.
pub(super) fn counted(t: &Timeline) -> Option<String> {
    let of = asked_in(t);
    (of != PriceType::Price).then(|| format!("Its numbers are {}.", of.plural()))
}

/// What a distance between two numbers is a share of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counts {
    /// Numbers of a single instrument, of this type.
    One(PriceType),
    /// The net price of a package. It may be near zero, or below: no share of it says anything.
    Net,
}

/// A price against a composite, in words: a buyer who pays more, and a seller who gets less, did
/// worse. `None` when the numbers are too large.
pub(super) fn slippage(
    of: Counts,
    side: Side,
    price: Decimal,
    composite: Decimal,
) -> Option<String> {
    let price_type = match of {
        Counts::One(price_type) => price_type,
        Counts::Net => PriceType::Price,
    };
    let worse = price_type.direction().worse(side, price, composite)?;
    if worse.is_zero() {
        return Some("none".into());
    }
    let far = worse.abs();
    let word = if worse > Decimal::ZERO { "worse" } else { "better" };
    let said = format!("{} {word}", far.normalize());
    let bp = match (of, price_type.in_basis_points(far)) {
        (Counts::Net, _) => return Some(said),
        (Counts::One(_), Some(bp)) => bp?,
        (Counts::One(_), None) => {
            far.checked_mul(Decimal::from(10_000))?.checked_div(composite.abs())?
        }
    };
    Some(format!("{said} ({} bp)", bp.round_dp(1)))
}
