//! What a deal amounts to: exact, in whole units, rounded against the trader.

use super::{CedarEntitlements, Deal, Denial, InstrumentFacts, evaluate::unknown};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use std::iter;

/// The amounts of a deal in whole units, rounded up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reckoned {
    pub(super) quantity: i64,
    pub(super) notional: i64,
    pub(super) day: i64,
    pub(super) outstanding: i64,
    pub(super) open_rfqs: i64,
    pub(super) dealers: i64,
}

impl CedarEntitlements {
    pub(super) fn instrument(&self, deal: &Deal<'_>) -> Result<&InstrumentFacts, Denial> {
        self.world
            .instruments
            .get(deal.instrument)
            .ok_or_else(|| unknown("instrument", deal.instrument))
    }

    pub(super) fn reckon(&self, deal: &Deal<'_>) -> Result<Reckoned, Denial> {
        if deal.quantity <= Decimal::ZERO {
            return Err(Denial::BadNumber("the quantity"));
        }
        let currency = self.instrument(deal)?.currency.as_str();
        let this = || iter::once((currency, deal.quantity));
        let day = deal.day.iter().map(|(c, quantity)| (c.as_str(), *quantity));
        let outstanding = deal.outstanding.iter().map(|(c, quantity)| (c.as_str(), *quantity));
        let count = |n: usize, what| i64::try_from(n).map_err(|_| Denial::BadNumber(what));
        Ok(Reckoned {
            quantity: whole(deal.quantity).ok_or(Denial::BadNumber("the quantity"))?,
            notional: self.total(this(), "the notional")?,
            day: self.total(day.chain(this()), "the day's notional")?,
            outstanding: self.total(outstanding.chain(this()), "the outstanding notional")?,
            open_rfqs: count(deal.open_rfqs.saturating_add(1), "the number of open RFQs")?,
            dealers: count(deal.dealers, "the number of dealers")?,
        })
    }

    /// All amounts in the reporting currency, rounded up once.
    fn total<'a>(
        &self,
        amounts: impl Iterator<Item = (&'a str, Decimal)>,
        what: &'static str,
    ) -> Result<i64, Denial> {
        let mut sum = Decimal::ZERO;
        for (currency, quantity) in amounts {
            let rate = self
                .facts
                .rates
                .get(currency)
                .ok_or_else(|| Denial::NoRate(currency.to_owned()))?;
            let amount = times(quantity, *rate).ok_or(Denial::BadNumber(what))?;
            sum = plus(sum, amount).ok_or(Denial::BadNumber(what))?;
        }
        whole(sum).ok_or(Denial::BadNumber(what))
    }
}

/// The product, never less than the exact one: when it has more digits than fit, one more than the
/// last that fits.
fn times(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b)?;
    let exact = a.is_zero() || product.scale() >= a.scale() + b.scale();
    if exact { Some(product) } else { product.checked_add(Decimal::ONE) }
}

/// The sum, likewise.
fn plus(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let sum = a.checked_add(b)?;
    let exact = a.is_zero() || b.is_zero() || sum.scale() >= a.scale().max(b.scale());
    if exact { Some(sum) } else { sum.checked_add(Decimal::ONE) }
}

/// Whole units, rounded up.
fn whole(d: Decimal) -> Option<i64> {
    d.ceil().to_i64()
}
