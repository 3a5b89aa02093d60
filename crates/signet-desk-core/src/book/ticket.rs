//! What the ticket needs of the book beside its intents: what is kept, what is wanted of an accept,
//! and what is known before a request is sent.

use super::{
    Book,
    frame_clock::Part,
    intents::{price_type, wire},
    screen::Item,
};
use crate::{
    price,
    problem::{offline, problem},
    settlement,
    ticket::{
        Candidate, NotKept, Suggestion, TicketStore, Wanted, at_least, check_name, check_texts,
        net_limit, suggest, wanted,
    },
    view::{
        AcceptView, ArmIntent, Ask, AskedView, DealerHint, KeptTickets, NoticeKind, Problem,
        RiskVerdict, SettlementDay, Side, TemplateView, TicketCheck, TicketField, TicketForm,
    },
};
use rust_decimal::Decimal;
use signet_fix::message::AppMessage;
use signet_history::What;
use signet_rfq::{
    Catalogue, Instrument, Limit, RfqId, RfqState, TermsError, UtcMillis, parse_quantity,
};
use std::sync::Arc;

impl Book {
    /// The instruments that are in use; another value whenever the list is another one.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.reference.catalogue().clone()
    }

    /// Switches to what another identity kept for the ticket.
    pub(crate) fn begin_tickets(&mut self, mut kept: TicketStore) {
        // Another venue has other dealers.
        if let Some(venue) = &self.connection.view.venue {
            kept.at_venue(&venue.name);
        }
        self.records.tickets = kept;
        self.changed(Part::Reference);
    }

    /// What is kept for the ticket.
    pub(crate) fn kept_tickets(&self) -> KeptTickets {
        self.records.tickets.view()
    }

    /// The ticket of a request of this desk, to be asked again; `None` if it is not kept.
    pub(crate) fn ticket_of(&self, rfq: &str) -> Option<TicketForm> {
        self.records.tickets.form(rfq).cloned()
    }

    /// Keeps the ticket as it is now.
    pub(crate) fn keep_draft(&mut self, draft: Option<TicketForm>) -> Result<(), Problem> {
        if let Some(form) = &draft {
            check_texts(form)?;
        }
        self.records.tickets.keep_draft(draft).map_err(|e| not_kept(&e))
    }

    /// Keeps a ticket under a name.
    pub(crate) fn keep_template(&mut self, t: &TemplateView) -> Result<(), Problem> {
        check_name(&t.name)?;
        check_texts(&t.form)?;
        self.records.tickets.keep_template(t).map_err(|e| not_kept(&e))
    }

    /// Removes a template.
    pub(crate) fn drop_template(&mut self, name: &str) -> Result<(), Problem> {
        check_name(name)?;
        self.records.tickets.drop_template(name).map_err(|e| not_kept(&e))
    }

    /// Makes a dealer a favourite, or no favourite.
    pub(crate) fn favour(&mut self, dealer: &str, on: bool) -> Result<(), Problem> {
        // Only dealers of the list are kept.
        let known = self.reference.chosen_dealers(&[dealer.to_owned()])?;
        let dealer = known.first().map_or(dealer, |d| d.as_str());
        self.records.tickets.favour(dealer, on).map_err(|e| not_kept(&e))
    }

    /// Checks a filled-in ticket, puts the RFQ on screen and returns the message to be sent.
    pub(crate) fn ask(&mut self, form: &TicketForm, now: UtcMillis) -> Result<AppMessage, Problem> {
        check_texts(form)?;
        let ticket = self.filled_in(form, now)?;
        let first = self.approves_first(form)?;
        let message = self.new_rfq_of_at_least(&ticket, at_least(form)?, now)?;
        if let AppMessage::QuoteRequest(q) = &message {
            let rfq_id = q.id.to_string();
            if !form.note.trim().is_empty() {
                let note = What::Note { rfq: rfq_id.clone(), text: form.note.clone() };
                self.recorder.record(now.0, note);
            }
            let asked = AskedView { rfq_id, at_ms: q.at.0 as f64, form: form.clone() };
            // What it wants holds as long as it is on screen, whatever else is asked meanwhile.
            if let Some(item) = self.screen.get_mut(&q.id) {
                item.form = Some(form.clone());
                item.approve_first = first;
            }
            if let Err(e) = self.records.tickets.keep_asked(&asked) {
                tracing::warn!(error = %e, "a request is not kept for asking again");
            }
        }
        Ok(message)
    }

    /// What is known about a ticket before it is sent. Nothing is said against what is not filled
    /// in yet.
    pub(crate) fn check_ticket(&self, form: &TicketForm, now: UtcMillis) -> TicketCheck {
        TicketCheck { refused: self.against(form, now).err(), notes: self.known(form) }
    }

    fn against(&self, form: &TicketForm, now: UtcMillis) -> Result<(), Problem> {
        check_texts(form)?;
        if let Some(risk) = &self.step_ups.access.risk
            && risk.verdict == RiskVerdict::Deny
        {
            let cure = risk.cure.clone().unwrap_or_else(|| "Ask your risk officer.".into());
            return Err(problem("risk.denied", risk.text.clone(), cure));
        }
        if let Some(p) = &form.package {
            self.against_package(form, p, now)?;
        } else if let Some(i) = self.reference.named(&form.instrument) {
            self.against_instrument(form, i, now)?;
        } else {
            return Ok(());
        }
        let dealers = self.reference.chosen_dealers(&form.dealers)?;
        if dealers.len() > signet_rfq::MAX_DEALERS_PER_RFQ {
            return Err(Problem::from(&signet_rfq::TermsError::TooManyDealers));
        }
        let nobody = !dealers.is_empty() && !dealers.iter().any(|d| self.reference.reaches(d));
        if nobody && self.online() {
            let why = "No dealer that you chose can be reached at the moment.";
            let cure = "Choose a dealer that is online.";
            return Err(problem("dealers.offline", why, cure).about(TicketField::Dealers));
        }
        self.approves_first(form)?;
        if self.online() { Ok(()) } else { Err(offline()) }
    }

    /// What a touch with the request agrees to: the ticket's limit. `None`: none is wanted.
    fn approves_first(&self, form: &TicketForm) -> Result<Option<Decimal>, Problem> {
        if !form.approve_first || !self.online() {
            return Ok(None);
        }
        self.takes_approvals_ahead()?;
        let limit = match &form.package {
            Some(_) => net_limit(&form.price_limit),
            None => wanted(form, &self.told_in(form)?)?.limit,
        };
        if limit.is_none() || form.ask == Ask::TwoWay {
            let why = "An approval with the request needs a side and a limit: the worst price that \
                you agree to.";
            let cure = "Type a limit, or approve once there is a price.";
            return Err(problem("limit.missing", why, cure).about(TicketField::Limit));
        }
        Ok(limit)
    }

    /// The request is open: the touch that the trader wanted with it is asked for.
    pub(super) fn approve_first(&mut self, id: &RfqId, now: UtcMillis) -> Vec<AppMessage> {
        let due = |i: &mut Item| {
            let side = match i.rfq.terms.ask {
                signet_rfq::Ask::Buy => signet_rfq::Side::Buy,
                signet_rfq::Ask::Sell => signet_rfq::Side::Sell,
                signet_rfq::Ask::TwoWay => return None,
            };
            let limit = i.approve_first.filter(|_| i.rfq.state == RfqState::Open)?;
            i.approve_first = None;
            Some((side, limit))
        };
        let Some((side, limit)) = self.screen.get_mut(id).and_then(due) else { return Vec::new() };
        match self.approve_within(id.clone(), side, limit) {
            Ok(message) => vec![message],
            Err(why) => {
                let text = format!("The approval was not asked for. {} {}", why.message, why.cure);
                self.notice(NoticeKind::Bad, &why.code, text, Some(id), now);
                Vec::new()
            }
        }
    }

    fn against_instrument(
        &self,
        form: &TicketForm,
        i: &Instrument,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        if !form.quantity.trim().is_empty() {
            let q = parse_quantity(&form.quantity).map_err(|e| Problem::from(&e))?;
            i.check_quantity(q).map_err(|e| Problem::from(&e))?;
            wanted(form, &self.told_in(form)?)?;
        }
        settlement::date(i, form.settlement_date.as_deref(), self.clock.gateway(now)).map(drop)
    }

    fn known(&self, form: &TicketForm) -> Vec<String> {
        let mut notes = Vec::new();
        let access = &self.step_ups.access;
        if let Some(risk) = access.risk.as_ref().filter(|r| r.verdict == RiskVerdict::StepUp) {
            let why = risk.text.trim_end_matches('.');
            notes.push(format!("A touch of your security key is wanted first: {why}."));
        }
        if access.step_up && access.keys == 0 {
            notes.push(
                "You have no security key here: what your firm wants approved would be refused."
                    .into(),
            );
        }
        let names = self.reference.names();
        let dealers = self.reference.chosen_dealers(&form.dealers).unwrap_or_default();
        let away: Vec<String> = dealers
            .iter()
            .filter(|d| !self.reference.reaches(d))
            .map(|d| names.get(d).cloned().unwrap_or_else(|| d.to_string()))
            .collect();
        if !away.is_empty() && away.len() < dealers.len() {
            notes.push(format!("Not online now: {}.", away.join(", ")));
        }
        notes
    }

    /// What helps to choose dealers for an instrument, in the order of the venue's list.
    pub(crate) fn dealer_hints(&mut self, instrument: &str) -> Vec<DealerHint> {
        let records = self.tally.records();
        let kept = &self.records.tickets;
        let last = kept.asked().find(|a| a.form.instrument == instrument);
        let last = last.or_else(|| kept.asked().next());
        let dealers = self.reference.view().dealers;
        let candidates: Vec<Candidate<'_>> = dealers
            .iter()
            .map(|d| Candidate {
                id: &d.id,
                online: d.online,
                favourite: kept.is_favourite(&d.id),
                record: records.get(&d.id).copied().unwrap_or_default(),
            })
            .collect();
        let hint = |(c, s): (&Candidate<'_>, Suggestion)| DealerHint {
            id: c.id.to_owned(),
            favourite: c.favourite,
            last_used: last.is_some_and(|a| a.form.dealers.iter().any(|d| d == c.id)),
            suggested: s.suggested,
            reason: s.reason,
        };
        candidates.iter().zip(suggest(&candidates)).map(hint).collect()
    }

    /// The settlement day that a text means for an instrument.
    pub(crate) fn read_settlement(
        &self,
        instrument: &str,
        text: &str,
        now: UtcMillis,
    ) -> Result<SettlementDay, Problem> {
        settlement::read(self.reference.chosen(instrument)?, text, self.clock.gateway(now))
    }

    /// As [`Self::arm`]; the price is as the screen shows it (`99-16+`), and the accept keeps to
    /// what its ticket wants: it begins with the ticket's limit, and one beyond it is taken back.
    pub(crate) fn arm_typed(
        &mut self,
        mut intent: ArmIntent,
        now: UtcMillis,
    ) -> Result<AcceptView, Problem> {
        if let Some(price) = self.shown_price(&intent) {
            intent.price = price;
        }
        self.can_keep_to(&intent.rfq_id)?;
        let view = self.arm(&intent, now)?;
        let Some((instrument, wanted)) = self.wanted(&intent.rfq_id) else { return Ok(view) };
        if let Err(why) = self.keep_to(&intent.rfq_id, &instrument, &wanted) {
            let _ = self.disarm(&intent.rfq_id);
            return Err(why);
        }
        let limit = wanted.limit.filter(|_| view.limit.is_some());
        Ok(AcceptView { limit: limit.map(|l| price::show(&instrument, l)).or(view.limit), ..view })
    }

    /// As [`Self::set_limit`], and not beyond the ticket's limit.
    pub(crate) fn set_limit_typed(
        &mut self,
        rfq: &str,
        ticks: u32,
        now: UtcMillis,
    ) -> Result<(), Problem> {
        self.can_keep_to(rfq)?;
        self.set_limit(rfq, ticks, now)?;
        let Some((instrument, wanted)) = self.wanted(rfq) else { return Ok(()) };
        let armed = RfqId::new(rfq).ok().and_then(|id| self.screen.rfq(&id)?.accept.clone());
        let Some((accept, limit)) = armed.and_then(|(a, _)| a.limit.map(|l| (a, l))) else {
            return Ok(());
        };
        let within = wanted.check(&instrument, accept.side, limit.price, accept.quantity);
        if let (Err(why), Some(of_ticket)) = (within, wanted.limit) {
            self.put_limit(rfq, of_ticket);
            let message = format!(
                "{}: the limit of your ticket stays.",
                why.message.trim_end_matches(" Nothing was sent.").trim_end_matches('.')
            );
            return Err(problem("accept.ticket_limit", message, "Choose a nearer limit."));
        }
        Ok(())
    }

    /// As [`Self::approve_ahead`], not beyond the ticket's limit; without `ticks` at that limit,
    /// which is all that there is before a quote. The page says which of them the trader read.
    pub(crate) fn approve_ahead_typed(
        &mut self,
        rfq: &str,
        side: Side,
        ticks: Option<u32>,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        let Some(ticks) = ticks else { return self.approve_at_the_limit(rfq, wire(side)) };
        self.can_keep_to(rfq)?;
        let before = RfqId::new(rfq).ok().and_then(|id| self.screen.ahead(&id).cloned());
        let message = self.approve_ahead(rfq, side, ticks, now)?;
        if let (Some((instrument, wanted)), AppMessage::ApproveAhead(a)) =
            (self.wanted(rfq), &message)
            && let Err(why) = wanted.check(&instrument, a.side, a.limit.price, a.quantity)
        {
            // Nothing is sent: what was approved before still is, at the gateway.
            if let Some(item) = self.screen.get_mut(&a.rfq) {
                (item.ahead, item.dirty) = (before, true);
            }
            return Err(why);
        }
        Ok(message)
    }

    fn approve_at_the_limit(
        &mut self,
        rfq: &str,
        of: signet_rfq::Side,
    ) -> Result<AppMessage, Problem> {
        let asked = |id: &RfqId| self.screen.rfq(id).is_some_and(|rfq| rfq.terms.ask.allows(of));
        let id = RfqId::new(rfq).ok().filter(asked);
        let limit = self.wanted(rfq).and_then(|(_, wanted)| wanted.limit);
        match id.zip(limit) {
            Some((id, limit)) => self.approve_within(id, of, limit),
            None => Err(problem(
                "limit.missing",
                "The ticket of this request has no limit.",
                "Approve when the first price is there.",
            )),
        }
    }

    /// The armed accept keeps to what the ticket wants, with the ticket's limit; or the problem
    /// says why it does not.
    fn keep_to(&mut self, rfq: &str, i: &Instrument, wanted: &Wanted) -> Result<(), Problem> {
        let id = RfqId::new(rfq).ok();
        let armed = id.and_then(|id| self.screen.rfq(&id)?.accept.clone());
        let Some((accept, _)) = armed else { return Ok(()) };
        wanted.check(i, accept.side, accept.price, accept.quantity)?;
        if let Some(limit) = wanted.limit.filter(|_| accept.limit.is_some()) {
            self.put_limit(rfq, limit);
        }
        Ok(())
    }

    fn put_limit(&mut self, rfq: &str, price: Decimal) {
        if let Some(item) = RfqId::new(rfq).ok().and_then(|id| self.screen.get_mut(&id)) {
            let until = item.rfq.expires();
            item.rfq.set_limit(Limit { price, until });
            item.dirty = true;
            self.frames.wake();
        }
    }

    /// Whether what the ticket of an RFQ wants can be kept to. A limit is typed in the convention
    /// of its instrument: without that nobody could say whether a price is within it.
    fn can_keep_to(&self, rfq: &str) -> Result<(), Problem> {
        let Some((item, form)) = self.with_form(rfq) else { return Ok(()) };
        match self.reference.of_rfq(&item.rfq.terms) {
            // The list of instruments may be another one since it was sent.
            Some(i) => wanted(form, &i).map(drop),
            None if form.price_limit.trim().is_empty() => Ok(()),
            None => Err(problem(
                "catalogue.missing",
                "The ticket has a limit, and its instrument is not in the list of instruments, so \
                    no price can be compared with the limit. Nothing was done.",
                "Wait for the list, or ask again without a limit.",
            )),
        }
    }

    /// An RFQ on screen with the ticket that it was asked with.
    fn with_form(&self, rfq: &str) -> Option<(&Item, &TicketForm)> {
        let item = self.screen.get(&RfqId::new(rfq).ok()?)?;
        let form = item.form.as_ref().or_else(|| self.records.tickets.form(rfq))?;
        Some((item, form))
    }

    /// What the ticket of an RFQ wants of an accept; `None` if it is not kept.
    pub(super) fn wanted(&self, rfq: &str) -> Option<(Instrument, Wanted)> {
        let (item, form) = self.with_form(rfq)?;
        let terms = &item.rfq.terms;
        let instrument = self.reference.of_rfq(terms)?.into_owned();
        // It was checked when it was sent.
        let wanted = wanted(form, &instrument).ok()?;
        Some((instrument, wanted))
    }

    /// The instrument of a ticket as numbers of the chosen type write it, if it has the type.
    pub(super) fn told_in(&self, form: &TicketForm) -> Result<Instrument, Problem> {
        let i = self.reference.chosen(&form.instrument)?;
        let of = price_type(form.price_type, i)?;
        if i.has(of) {
            return Ok(i.told_in(of));
        }
        let why = TermsError::OtherPriceType(i.symbol.clone(), of);
        Err(Problem::from(&why).about(TicketField::PriceType))
    }

    /// The number behind the price of an intent.
    fn shown_price(&self, intent: &ArmIntent) -> Option<String> {
        let rfq = self.screen.rfq(&RfqId::new(intent.rfq_id.clone()).ok()?)?;
        let i = self.reference.of_rfq(&rfq.terms)?;
        price::read(i.price_format, &intent.price).map(|p| p.to_string())
    }
}

pub(super) fn not_kept(e: &NotKept) -> Problem {
    match e {
        NotKept::Disk(_) => {
            problem("ticket.not_kept", format!("Not kept: {e}."), "Make room on the disk.")
        }
        NotKept::Full(_) => problem("ticket.full", format!("Not kept: {e}."), "Remove one first."),
        NotKept::Taken => {
            problem("dealer_list.taken", format!("Not renamed: {e}."), "Type another name.")
        }
        NotKept::NoList => {
            let cure = "Look at the lists again: it was deleted or renamed meanwhile.";
            problem("dealer_list.unknown", format!("Not renamed: {e}."), cure)
        }
    }
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "type_tests.rs"]
mod type_tests;
