//! What a message states about a leg.

use super::Leg;
use crate::{InstrumentId, Side};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What a quote, an accept or a report states about one leg, in the order of the request. What it
/// leaves out is as requested, except what is traded: that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedLeg {
    /// LegSymbol (600), or LegSecurityID (602) for an ISIN.
    pub instrument: InstrumentId,
    /// LegSide (624), as in the request: when the package is bought.
    pub side: Option<Side>,
    /// LegRatioQty (623).
    pub ratio: Option<Decimal>,
    /// LegCurrency (556).
    pub currency: Option<String>,
    /// LegQty (687).
    pub quantity: Option<Decimal>,
    /// LegSettlDate (588), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// LegBidPx (681): the dealer buys the leg at this price.
    pub bid: Option<Decimal>,
    /// LegOfferPx (684): the dealer sells the leg at this price.
    pub offer: Option<Decimal>,
    /// LegLastPx (637): the leg was executed at this price.
    pub last: Option<Decimal>,
}

impl StatedLeg {
    /// A leg as it was asked for, without prices.
    pub fn of(leg: &Leg) -> Self {
        Self {
            instrument: leg.instrument.clone(),
            side: Some(leg.side),
            ratio: Some(leg.ratio),
            currency: None,
            quantity: Some(leg.quantity),
            settlement_date: Some(leg.settlement_date.clone()),
            bid: None,
            offer: None,
            last: None,
        }
    }

    /// The price of this leg for a customer who does it on `side`: the dealer's offer for a buyer,
    /// its bid for a seller.
    pub fn price(&self, side: Side) -> Option<Decimal> {
        match side {
            Side::Buy => self.offer,
            Side::Sell => self.bid,
        }
    }

    /// The one price of an accept's leg.
    pub fn agreed(&self) -> Option<Decimal> {
        self.offer.or(self.bid)
    }

    /// Whether the other leg of an accept is this one at another price: the customer does the same,
    /// at one price.
    pub(crate) fn is_but_for_price(&self, other: &Self) -> bool {
        let one_price = |l: &Self| l.bid.is_some() != l.offer.is_some();
        let as_priced =
            Self { bid: other.bid, offer: other.offer, last: other.last, ..self.clone() };
        as_priced == *other
            && one_price(self)
            && one_price(other)
            && self.bid.is_some() == other.bid.is_some()
            && other.last.is_none()
    }

    /// What differs from the leg that was asked for, as far as it is stated.
    pub(crate) fn differs(&self, leg: &Leg, currency: &str) -> Option<&'static str> {
        if self.instrument != leg.instrument {
            Some("instrument")
        } else if self.side.is_some_and(|s| s != leg.side) {
            Some("side")
        } else if self.ratio.is_some_and(|r| r != leg.ratio) {
            Some("ratio")
        } else if self.quantity.is_some_and(|q| q != leg.quantity) {
            Some("quantity")
        } else if self.settlement_date.as_ref().is_some_and(|d| *d != leg.settlement_date) {
            Some("settlement date")
        } else if self.currency.as_ref().is_some_and(|c| c != currency) {
            Some("currency")
        } else {
            None
        }
    }
}

/// The net price of an accept's legs; `None` when a leg leaves out its side, ratio or price.
pub(crate) fn net_stated(legs: &[StatedLeg]) -> Option<Decimal> {
    legs.iter().try_fold(Decimal::ZERO, |net, l| {
        let part = l.ratio?.checked_mul(l.agreed()?)?;
        match l.side? {
            Side::Buy => net.checked_add(part),
            Side::Sell => net.checked_sub(part),
        }
    })
}
