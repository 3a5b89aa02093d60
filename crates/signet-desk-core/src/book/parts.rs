//! The trader takes less than a quote is for, where its dealer lets a part be taken.

use super::{
    Book,
    intents::{no_id, no_rfq},
};
use crate::{guard::Guard, view::Problem};
use signet_rfq::{AcceptId, AcceptRefusal, DealerId, PartRule, RfqId, UtcMillis, parse_quantity};

impl Book {
    /// Lets an armed accept take so much of its quote, as it is typed; nothing typed is the whole.
    /// The time to read begins again, also where the quantity is the same.
    ///
    /// # Errors
    /// No quantity, none that the dealer or the instrument lets be taken, or less than was asked
    /// for at least. The accept stays as it was.
    pub fn take_quantity(&mut self, id: &str, typed: &str, now: UtcMillis) -> Result<(), Problem> {
        let refused = |e: &AcceptRefusal| Problem::from(e);
        let part = match typed.trim() {
            "" => None,
            text => Some(parse_quantity(text).map_err(|e| apart_from_ticket((&e).into()))?),
        };
        let moment = self.moment(now);
        let rfq = RfqId::new(id).map_err(|_| no_rfq())?;
        let shown = self.screen.rfq(&rfq).ok_or_else(no_rfq)?;
        let (a, _) = shown.accept.as_ref().ok_or_else(|| refused(&AcceptRefusal::NotArmed))?;
        let (dealer, side, price) = (a.dealer.clone(), a.side, a.price);
        // A gateway that is older than least quantities does not repeat what the ticket wants.
        let wanted = self.wanted(id).filter(|_| shown.terms.min_quantity.is_none());
        if let (Some(part), Some((instrument, wanted))) = (part, wanted) {
            wanted.check(&instrument, side, price, part)?;
        }
        self.know_part(&rfq, &dealer);
        let again = AcceptId::new(self.ids.accept(&rfq)).map_err(|e| no_id(&e.to_string()))?;
        let item = self.screen.get_mut(&rfq).ok_or_else(no_rfq)?;
        let changed = item.rfq.take_quantity(part, again, moment.venue, moment.arrival_ms);
        if changed.map_err(|e| refused(&e))? {
            // Other quotes are large enough for less: a warning that was confirmed is not this one.
            item.guard = Some(Guard::shown(now));
        } else {
            // Enter took the quantity, and Confirm has the keyboard then: the same Enter, held or
            // pressed again, was not meant for it.
            item.guard.get_or_insert_with(|| Guard::shown(now)).changed(now);
        }
        item.dirty = true;
        self.frames.wake();
        Ok(())
    }

    /// Notes on the line of a dealer what may be taken of its quotes, as the venue says it now.
    pub(super) fn know_part(&mut self, id: &RfqId, dealer: &DealerId) {
        // Nobody says of a plain venue that it fills no more than was accepted.
        let takes = !self.connection.direct && self.reference.takes_parts(dealer);
        let Some(item) = self.screen.get_mut(id) else { return };
        let instrument = self.reference.instrument(&item.rfq.terms.instrument);
        item.rfq.set_part(dealer, instrument.filter(|_| takes).map(PartRule::of));
    }

    /// The same for the dealer of the armed accept.
    pub(super) fn know_part_of_armed(&mut self, id: &RfqId) {
        let armed = self.screen.rfq(id).and_then(|r| r.accept.as_ref());
        if let Some(dealer) = armed.map(|(a, _)| a.dealer.clone()) {
            self.know_part(id, &dealer);
        }
    }
}

/// The quantity is typed beside the accept, and no field of the ticket is wrong.
fn apart_from_ticket(p: Problem) -> Problem {
    Problem { field: None, ..p }
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
