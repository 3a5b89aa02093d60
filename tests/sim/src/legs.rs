//! Prices of the legs of packages, as dealers make them.

use rust_decimal::Decimal;
use signet_rfq::{Leg, Side, StatedLeg};

/// Prices of the legs: each further one dearer, with `tick` on either side.
pub(crate) fn quoted_legs(legs: &[Leg], tick: Decimal) -> Vec<StatedLeg> {
    let one = |(i, leg): (i64, &Leg)| StatedLeg {
        bid: Some(Decimal::new(107_900 + i * 1_000, 5) - tick),
        offer: Some(Decimal::new(108_100 + i * 1_000, 5) + tick),
        ..StatedLeg::of(leg)
    };
    (0..).zip(legs).map(one).collect()
}

/// The net price for who does the package on this side.
pub(crate) fn net(legs: &[Leg], stated: &[StatedLeg], of: Side) -> Decimal {
    let part = |(leg, s): (&Leg, &StatedLeg)| {
        let price = leg.ratio * s.price(leg.side_in(of)).unwrap_or_default();
        if leg.side == Side::Buy { price } else { -price }
    };
    legs.iter().zip(stated).map(part).sum()
}

pub(crate) fn executed_legs(agreed: &[StatedLeg]) -> Vec<StatedLeg> {
    let one = |l: &StatedLeg| StatedLeg { last: l.agreed(), bid: None, offer: None, ..l.clone() };
    agreed.iter().map(one).collect()
}
