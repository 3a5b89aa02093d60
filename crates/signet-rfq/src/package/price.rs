//! The net price of a package, and whether a quote of a package can be traded on.

use super::{Leg, StatedLeg};
use crate::{Level, Quote, Side, Terms};
use rust_decimal::Decimal;

/// The net price of the legs at these prices: bought legs less sold legs, each times its ratio.
/// `None` when a price is missing or the sum cannot be computed.
pub fn net_price(legs: &[Leg], price: impl Fn(usize) -> Option<Decimal>) -> Option<Decimal> {
    let mut net = Decimal::ZERO;
    for (i, leg) in legs.iter().enumerate() {
        let part = leg.ratio.checked_mul(price(i)?)?;
        net = match leg.side {
            Side::Buy => net.checked_add(part)?,
            Side::Sell => net.checked_sub(part)?,
        };
    }
    Some(net)
}

/// Why a quote of a package cannot be shown to a trader. The dealer is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageFault {
    /// Legs for a single instrument, or another number of legs than was asked for.
    #[error("the quote has {0} legs; {1} were asked for")]
    Count(usize, usize),
    /// A leg is not the one that was asked for in its place.
    #[error("leg {0}: the {1} differs from the request")]
    Differs(usize, &'static str),
    /// A price that the package's price needs is not there.
    #[error("leg {0} has no price for this side of the package")]
    NoLegPrice(usize),
    /// A leg's price is zero or below.
    #[error("leg {0}: a price is not above zero")]
    LegPriceNotPositive(usize),
    /// A leg's bid is above its offer.
    #[error("leg {0}: the bid is above the offer")]
    LegCrossed(usize),
    /// The price of the package is not the sum of its legs.
    #[error("the price of the package is {0}, and the sum of its legs {1}")]
    NotTheSum(Decimal, Decimal),
    /// The sum of the legs cannot be computed.
    #[error("the prices of the legs are too large")]
    TooLarge,
    /// A package is traded as a whole.
    #[error("the quote is for a part of the package only")]
    Part,
}

impl Quote {
    /// Whether the legs are those of the request, and the package's prices are the sums of theirs.
    /// A single instrument has no legs.
    pub fn check_legs(&self, terms: &Terms) -> Result<(), PackageFault> {
        if self.legs.len() != terms.legs.len() {
            return Err(PackageFault::Count(self.legs.len(), terms.legs.len()));
        }
        for (n, (leg, stated)) in (1..).zip(terms.legs.iter().zip(&self.legs)) {
            if let Some(what) = stated.differs(leg, &terms.currency) {
                return Err(PackageFault::Differs(n, what));
            }
            if [stated.bid, stated.offer].into_iter().flatten().any(|p| p <= Decimal::ZERO) {
                return Err(PackageFault::LegPriceNotPositive(n));
            }
            if stated.bid.zip(stated.offer).is_some_and(|(b, o)| b > o) {
                return Err(PackageFault::LegCrossed(n));
            }
        }
        if terms.legs.is_empty() {
            return Ok(());
        }
        for side in [Side::Buy, Side::Sell] {
            self.level(side).map_or(Ok(()), |l| self.check_net(terms, side, l))?;
        }
        Ok(())
    }

    /// The dealer's offer of a package buys each leg as stated; its bid does the opposite.
    fn check_net(&self, terms: &Terms, side: Side, level: Level) -> Result<(), PackageFault> {
        let price = |i: usize| {
            terms.legs.get(i).zip(self.legs.get(i)).and_then(|(l, s)| leg_at(l, s, side))
        };
        if let Some(i) = (0..terms.legs.len()).find(|i| price(*i).is_none()) {
            return Err(PackageFault::NoLegPrice(i + 1));
        }
        let sum = net_price(&terms.legs, price).ok_or(PackageFault::TooLarge)?;
        if sum != level.price {
            return Err(PackageFault::NotTheSum(level.price.normalize(), sum.normalize()));
        }
        if level.size < terms.quantity {
            return Err(PackageFault::Part);
        }
        Ok(())
    }
}

fn leg_at(leg: &Leg, stated: &StatedLeg, side: Side) -> Option<Decimal> {
    stated.price(leg.side_in(side))
}
