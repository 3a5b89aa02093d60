//! A ticket of several legs: the terms of a package.

use super::Book;
use crate::{
    present::legs,
    problem::problem,
    settlement,
    ticket::{Asking, wanted},
    view::{self, PackageForm, PackageRead, Problem, Ticket, TicketField, TicketForm, TicketLeg},
};
use rust_decimal::Decimal;
use signet_rfq::{
    Instrument, InstrumentId, Leg, RfqId, Side, Terms, TermsError, UtcMillis, gross, parse_quantity,
};

impl Book {
    /// What is sent of a filled-in ticket, which keeps to what a ticket may want.
    pub(super) fn filled_in(&self, form: &TicketForm, now: UtcMillis) -> Result<Ticket, Problem> {
        let Some(p) = &form.package else {
            wanted(form, &self.told_in(form)?)?;
            return Ok(form.ticket());
        };
        let find = |id: &str| self.reference.named(id);
        let asking = Asking { find: &find, at: self.clock.gateway(now) };
        let ticket = asking.ticket(form, p)?;
        wanted(form, &legs::instrument(&[], "", self.reference.catalogue()))?;
        Ok(ticket)
    }

    /// What the desk reads in the package of a ticket.
    pub(crate) fn read_package(&self, p: &PackageForm, now: UtcMillis) -> PackageRead {
        let find = |id: &str| self.reference.named(id);
        Asking { find: &find, at: self.clock.gateway(now) }.read(p)
    }

    /// What speaks against a package before it is sent, as far as it is filled in.
    pub(super) fn against_package(
        &self,
        form: &TicketForm,
        p: &PackageForm,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        let read = self.read_package(p, now);
        if let Some(why) = read.legs.into_iter().find_map(|l| l.problem).or(read.problem) {
            return Err(why);
        }
        wanted(form, &legs::instrument(&[], "", self.reference.catalogue())).map(drop)
    }

    /// The terms of a ticket with legs, each checked, and the whole.
    pub(super) fn package_terms(
        &mut self,
        ticket: &Ticket,
        now: UtcMillis,
    ) -> Result<Terms, Problem> {
        if !ticket.instrument.is_empty() || !ticket.quantity.is_empty() {
            return Err(mixed());
        }
        let at = self.clock.gateway(now);
        let leg = |l: &TicketLeg| {
            let instrument = self.reference.chosen(&l.instrument)?;
            let date = l.settlement_date.as_deref().or(ticket.settlement_date.as_deref());
            of_ticket(l, instrument, settlement::date(instrument, date, at)?)
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
        let numbers = super::intents::without_reference(ticket.price_type)
            .ok_or_else(|| Problem::from(&TermsError::PackagePriceType))?;
        let id = RfqId::new(self.ids.rfq());
        let terms = Terms {
            min_quantity: None,
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
            price_type: numbers,
        };
        terms.check_package(self.reference.catalogue(), at).map_err(|e| Problem::from(&e))?;
        Ok(terms)
    }
}

/// A leg as typed: its instrument, and what the ticket says of it.
fn of_ticket(
    typed: &TicketLeg,
    instrument: &Instrument,
    settlement_date: String,
) -> Result<Leg, Problem> {
    let ratio = match &typed.ratio {
        None => Ok(Decimal::ONE),
        Some(text) => text.trim().parse::<Decimal>().map_err(|_| {
            problem(
                "legs.ratio",
                format!("{text:?} is not a ratio."),
                "Type a number above 0, such as 1 or 2.",
            )
            .about(TicketField::Instrument)
        }),
    };
    Ok(Leg {
        instrument: instrument.id.clone(),
        side: match typed.side {
            view::Side::Buy => Side::Buy,
            view::Side::Sell => Side::Sell,
        },
        ratio: ratio?,
        quantity: parse_quantity(&typed.quantity).map_err(|e| Problem::from(&e))?,
        settlement_date,
    })
}

/// Why a ticket cannot be for one instrument and for legs.
fn mixed() -> Problem {
    problem(
        "legs.mixed",
        "The ticket is for one instrument and for a package.",
        "Leave instrument and quantity empty, or take the legs out.",
    )
    .about(TicketField::Instrument)
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
