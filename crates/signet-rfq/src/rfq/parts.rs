//! An accept of less than its quote is for, by the trader's choice. [`crate::PartRule`] says what a
//! part must be.

use super::Rfq;
use crate::{
    Accept, AcceptId, AcceptRefusal, AcceptState, DealerId, PartFault, PartRule, Quote, UtcMillis,
};
use rust_decimal::Decimal;

impl Rfq {
    /// What may be taken of this dealer's quotes; `None`, as in the beginning: the whole only. Desk
    /// and gateway say it before each check, because a dealer's settings change.
    pub fn set_part(&mut self, dealer: &DealerId, rule: Option<PartRule>) {
        if let Ok(line) = self.line_mut(dealer) {
            line.part = rule;
        }
    }

    /// Whether the armed accept may take less than its quote is for.
    pub fn takes_part(&self) -> bool {
        match &self.accept {
            Some((a, AcceptState::Armed)) if !self.terms.is_package() => {
                let whole = a.part_of.unwrap_or(a.quantity);
                let rule = self.line(&a.dealer).and_then(|l| l.part.as_ref());
                rule.is_some_and(|rule| rule.leaves_room(whole, self.terms.min_quantity))
            }
            _ => false,
        }
    }

    /// Lets the armed accept take so much of its quote; `None`: the whole. Returns whether that is
    /// another quantity than before. If so, the accept is `id` from now on: whoever confirms the
    /// one with the quantity before, which was read, does not send this one.
    pub fn take_quantity(
        &mut self,
        quantity: Option<Decimal>,
        id: AcceptId,
        now: UtcMillis,
        arrival_ms: i64,
    ) -> Result<bool, AcceptRefusal> {
        let Some((armed, AcceptState::Armed)) = &self.accept else {
            return Err(AcceptRefusal::NotArmed);
        };
        let quote = self.line(&armed.dealer).and_then(|l| l.quote.as_ref());
        let whole = quote.and_then(|q| self.accept_quantity(q, armed.side));
        let whole = whole.ok_or_else(|| AcceptRefusal::NoQuote(armed.dealer.clone()))?;
        let part = quantity.filter(|q| *q != whole);
        if let Some(part) = part {
            self.may_take(&armed.dealer, part, whole)?;
        }
        let quantity = part.unwrap_or(whole);
        if quantity == armed.quantity {
            return Ok(false);
        }
        let accept = self.beside_its_quote(Accept { id, quantity, ..armed.clone() });
        self.check_accept(&accept, now, arrival_ms)?;
        self.accept = Some((accept, AcceptState::Armed));
        Ok(true)
    }

    fn may_take(&self, dealer: &DealerId, taken: Decimal, whole: Decimal) -> Result<(), PartFault> {
        if self.terms.is_package() {
            return Err(PartFault::Package);
        }
        if taken > whole {
            let (taken, whole) = (taken.normalize(), whole.normalize());
            return Err(PartFault::TooMuch { taken, whole });
        }
        let rule = self.line(dealer).and_then(|l| l.part.as_ref());
        let rule = rule.ok_or_else(|| PartFault::NotTaken(dealer.clone()))?;
        rule.check(taken, self.terms.min_quantity)
    }

    /// Whether an accept may carry another quantity than the whole of its quote. Where none but the
    /// whole can be taken, that is what is wrong with it.
    pub(super) fn check_part(&self, a: &Accept, whole: Decimal) -> Result<(), AcceptRefusal> {
        self.may_take(&a.dealer, a.quantity, whole).map_err(|fault| match fault {
            PartFault::NotTaken(_) | PartFault::Package | PartFault::TooMuch { .. } => {
                AcceptRefusal::OtherQuantity { quoted: whole, accepted: a.quantity }
            }
            fault => fault.into(),
        })
    }

    /// An accept that knows what its quote is for, if it takes a part of it and the quote is on the
    /// line. No message says it.
    pub(super) fn beside_its_quote(&self, a: Accept) -> Accept {
        let quote = self.quote_at(&a, a.price).filter(|q| q.id == a.quote);
        match quote.and_then(|q| self.accept_quantity(q, a.side)) {
            Some(whole) => Accept { part_of: (a.quantity < whole).then_some(whole), ..a },
            None => a,
        }
    }

    /// The quote on the line of an accept's dealer, if this is its price.
    pub(super) fn quote_at(&self, a: &Accept, price: Decimal) -> Option<&Quote> {
        let quote = self.line(&a.dealer)?.quote.as_ref()?;
        quote.level(a.side).is_some_and(|l| l.price == price).then_some(quote)
    }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
