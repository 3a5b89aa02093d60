//! A ticket of several legs: the terms of a package.

use super::Book;
use crate::{
    legs,
    problem::problem,
    settlement,
    view::{Problem, Ticket, TicketField, TicketLeg},
};
use signet_rfq::{InstrumentId, Leg, RfqId, Terms, UtcMillis, package::gross};

impl Book {
    /// The terms of a ticket with legs, each checked, and the whole.
    pub(super) fn package_terms(
        &mut self,
        ticket: &Ticket,
        now: UtcMillis,
    ) -> Result<Terms, Problem> {
        if !ticket.instrument.is_empty() || !ticket.quantity.is_empty() {
            return Err(legs::mixed());
        }
        let at = self.clock.gateway(now);
        let leg = |l: &TicketLeg| {
            let instrument = self.reference.chosen(&l.instrument)?;
            let date = l.settlement_date.as_deref().or(ticket.settlement_date.as_deref());
            legs::of_ticket(l, instrument, settlement::date(instrument, date, at)?)
        };
        let legs = ticket.legs.iter().map(leg).collect::<Result<Vec<Leg>, Problem>>()?;
        let too_large = || {
            problem("legs.too_large", "The legs are too large.", "Ask for less.")
                .about(TicketField::Quantity)
        };
        let quantity = gross(&legs).ok_or_else(too_large)?;
        let first = legs.first().and_then(|l| self.reference.instrument(&l.instrument));
        let currency = first.map(|i| i.currency.clone()).unwrap_or_default();
        let dealers = self.reference.chosen_dealers(&ticket.dealers)?;
        let id = RfqId::new(self.ids.rfq());
        let terms = Terms {
            id: id.map_err(|e| problem("desk.internal", e.to_string(), "Restart Signet Desk."))?,
            instrument: InstrumentId::package(),
            ask: super::intents::asked(ticket.ask),
            quantity,
            currency,
            settlement_date: legs.first().map(|l| l.settlement_date.clone()).unwrap_or_default(),
            dealers,
            expires: at + i64::from(ticket.ttl_s) * 1_000,
            created: at,
            legs,
        };
        terms.check_package(self.reference.catalogue(), at).map_err(|e| Problem::from(&e))?;
        Ok(terms)
    }
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
