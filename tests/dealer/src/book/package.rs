//! Requests for packages: checked leg by leg, quoted leg by leg, filled as a whole.

use rust_decimal::Decimal;

use super::{Book, Dice};
use crate::instrument::Instrument;
use crate::pricing::{two_way, walk};
use crate::wire::{EXCEEDS_LIMIT, Leg, NO_MARKET, OTHER, QuoteRequest, UNKNOWN_SYMBOL};

impl Book {
    /// What stands for the instrument of a package, and the sum of its legs.
    pub(super) fn check_package(
        &self,
        request: &QuoteRequest,
    ) -> Result<(Instrument, Decimal), (u32, &'static str)> {
        let mut gross = Decimal::ZERO;
        let mut whole: Option<Instrument> = None;
        for leg in &request.legs {
            let found = self.instruments.find(&leg.symbol, leg.security_id.as_deref());
            let instrument = found.ok_or((UNKNOWN_SYMBOL, "a leg's instrument is unknown"))?;
            if !self.settings.covers.contains(&instrument.asset_class) {
                return Err((NO_MARKET, "no market in a leg"));
            }
            if leg.quantity > instrument.max_quantity {
                return Err((EXCEEDS_LIMIT, "a leg is above the largest quantity"));
            }
            if leg.quantity < instrument.min_quantity || !(leg.quantity % instrument.lot).is_zero()
            {
                return Err((OTHER, "a leg's quantity is not one that is quoted"));
            }
            if leg.ratio <= Decimal::ZERO {
                return Err((OTHER, "a leg's ratio is not above zero"));
            }
            gross = gross.checked_add(leg.quantity).ok_or((EXCEEDS_LIMIT, "too much"))?;
            let whole = whole.get_or_insert_with(|| instrument.clone());
            whole.price_decimals = whole.price_decimals.max(instrument.price_decimals);
        }
        let whole = whole.ok_or((OTHER, "a package has legs"))?;
        if request.quantity != Some(gross) {
            return Err((OTHER, "the quantity of a package is the sum of its legs"));
        }
        // A ratio may have decimals, and the net price keeps them all.
        let ratios = request.legs.iter().map(|l| l.ratio.normalize().scale()).max();
        let price_decimals = whole.price_decimals + ratios.unwrap_or(0);
        Ok((Instrument { price_decimals, ..whole }, gross))
    }

    /// The legs of a request with this dealer's prices.
    pub(super) fn price_legs(&mut self, legs: &[Leg], dice: &mut Dice) -> Vec<Leg> {
        let mut priced = Vec::with_capacity(legs.len());
        for leg in legs {
            let found = self.instruments.find(&leg.symbol, leg.security_id.as_deref());
            let Some(instrument) = found else { continue };
            let mid =
                self.mids.entry((instrument.id.clone(), None)).or_insert(instrument.reference_mid);
            *mid = walk(*mid, instrument, dice);
            let (bid, offer) = two_way(*mid, instrument, &self.settings);
            priced.push(Leg {
                bid: Some(bid),
                offer: Some(offer),
                decimals: instrument.price_decimals,
                ..leg.clone()
            });
        }
        priced
    }
}

/// Whether an accept has the legs that were quoted, each at the price of its side.
pub(super) fn same_legs(accepted: &[Leg], quoted: &[Leg], side: &str) -> bool {
    accepted.len() == quoted.len()
        && accepted.iter().zip(quoted).all(|(a, q)| {
            let other = if a.is_bought(side) { a.bid } else { a.offer };
            a.is(q) && a.price(side).is_some() && a.price(side) == q.price(side) && other.is_none()
        })
}
