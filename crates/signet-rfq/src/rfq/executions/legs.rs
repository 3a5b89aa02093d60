//! The legs of a report compared with those that were agreed to, one by one.

use crate::{Accept, StatedLeg, Terms, net_price};
use rust_decimal::Decimal;

/// How much of the executed legs must be stated and agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stated<'a> {
    /// As agreed: each with its quantity, at its price.
    AsAgreed,
    /// As a correction before left them: each with its quantity, at these prices.
    As(&'a [StatedLeg]),
    /// Each with its quantity and some price: a correction, whose price is the sum of its legs.
    Corrected(Decimal),
    /// Legs may be left out: a bust ends them all.
    MayBeAbsent,
}

/// Why the legs of a report are not those of the accept; `None` when they are. Neither a single
/// instrument nor its reports have legs.
pub(super) fn executed_legs_differ(
    accept: &Accept,
    terms: &Terms,
    executed: &[StatedLeg],
    stated: Stated<'_>,
) -> Option<String> {
    if executed.is_empty() && (terms.legs.is_empty() || stated == Stated::MayBeAbsent) {
        return None;
    }
    if executed.len() != terms.legs.len() || accept.legs.len() != terms.legs.len() {
        let (got, want) = (executed.len(), terms.legs.len());
        return Some(format!("it reports {got} legs, and the package has {want}"));
    }
    for (i, (leg, said)) in terms.legs.iter().zip(executed).enumerate() {
        let n = i + 1;
        if let Some(what) = said.differs(leg, &terms.currency) {
            return Some(format!("leg {n}: the {what} differs"));
        }
        if stated == Stated::MayBeAbsent {
            continue;
        }
        if said.quantity.is_none() {
            return Some(format!("leg {n}: it does not say how much was executed"));
        }
        let Some(price) = said.last else {
            return Some(format!("leg {n}: it does not say at which price"));
        };
        let wanted = match stated {
            Stated::AsAgreed => accept.legs.get(i).and_then(StatedLeg::agreed),
            Stated::As(legs) => legs.get(i).and_then(|l| l.last),
            Stated::Corrected(_) | Stated::MayBeAbsent => {
                Some(price).filter(|p| *p > Decimal::ZERO)
            }
        };
        if wanted != Some(price) {
            return Some(format!("leg {n}: the price differs"));
        }
    }
    match stated {
        Stated::Corrected(price) => {
            let sum = net_price(&terms.legs, |i| executed.get(i).and_then(|l| l.last));
            (sum != Some(price)).then(|| "its price is not the sum of its legs".into())
        }
        _ => None,
    }
}
