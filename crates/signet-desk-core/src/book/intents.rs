//! Handles the trader's intents: each is checked against what is on screen, and most return a
//! message that the caller sends.

use super::{
    Book,
    reports::UNSETTLED,
    screen::{Ahead, Item},
};
use crate::{
    guard::Guard,
    present::{self, legs},
    problem::problem,
    settlement,
    view::{
        AcceptView, ArmIntent, Ask, PriceType, Problem, QuantityView, Reference, SettlementView,
        Side, Ticket, TicketField,
    },
};
use rust_decimal::Decimal;
use signet_fix::message::{AppMessage, ApproveAhead, QuoteRequest, QuoteResponse};
use signet_rfq::{
    self as rfq, AcceptId, DealerId, Declined, Instrument, Limit, QuoteId, Rfq, RfqId, Terms,
    UtcMillis, group_digits, parse_quantity,
};
use signet_stepup::{AcceptTerms, AheadTerms};

/// An accept is to reach the gateway within this time after the click, milliseconds. It is ten
/// times what a slow network needs, and less than the time after which a trader would look at the
/// price again before trading.
pub(super) const ACCEPT_WITHIN_MS: i64 = 2_000;
/// A limit further away is more likely a slip than an intent.
const LIMIT_TICKS_MAX: u32 = 100;

impl Book {
    /// Instruments and dealers that this trader may use.
    pub fn reference(&self) -> Reference {
        self.reference.view()
    }

    /// The days on which a trade of this instrument may settle.
    pub fn settlement_dates(
        &self,
        instrument: &str,
        now: UtcMillis,
    ) -> Result<SettlementView, Problem> {
        Ok(settlement::view(self.reference.chosen(instrument)?, self.clock.gateway(now)))
    }

    /// What a typed quantity means, and whether the instrument allows it.
    pub fn read_quantity(&self, instrument: &str, text: &str) -> Result<QuantityView, Problem> {
        let q = parse_quantity(text).map_err(|e| Problem::from(&e))?;
        if let Some(i) = self.reference.named(instrument) {
            i.check_quantity(q).map_err(|e| Problem::from(&e))?;
        }
        Ok(QuantityView { value: q.to_string(), text: group_digits(q) })
    }

    /// Checks a ticket, puts the RFQ on screen and returns the message to be sent.
    pub fn new_rfq(&mut self, ticket: &Ticket, now: UtcMillis) -> Result<AppMessage, Problem> {
        self.new_rfq_of_at_least(ticket, None, now)
    }

    /// As [`Self::new_rfq`]; dealers are told the least quantity that is traded, if there is one.
    pub(super) fn new_rfq_of_at_least(
        &mut self,
        ticket: &Ticket,
        least: Option<Decimal>,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        self.may_send()?;
        let terms = self.terms(ticket, least, now)?;
        let id = terms.id.clone();
        let isin = self.reference.has_isin(&terms.instrument);
        let message = AppMessage::QuoteRequest(QuoteRequest::of(&terms, isin));
        self.screen.place(Rfq::new(terms), &mut self.frames);
        self.blot_rfq(&id);
        Ok(message)
    }

    /// The terms of a ticket, checked.
    fn terms(
        &mut self,
        ticket: &Ticket,
        least: Option<Decimal>,
        now: UtcMillis,
    ) -> Result<Terms, Problem> {
        if !ticket.legs.is_empty() {
            return self.package_terms(ticket, now);
        }
        let id = RfqId::new(self.ids.rfq()).map_err(|e| no_id(&e.to_string()))?;
        self.terms_of(id, ticket, least, now)
    }

    /// The terms of a ticket for one instrument, checked. Nothing changes.
    pub(super) fn terms_of(
        &self,
        id: RfqId,
        ticket: &Ticket,
        least: Option<Decimal>,
        now: UtcMillis,
    ) -> Result<Terms, Problem> {
        let instrument = self.reference.chosen(&ticket.instrument)?;
        let quantity = parse_quantity(&ticket.quantity).map_err(|e| Problem::from(&e))?;
        let dealers = self.reference.chosen_dealers(&ticket.dealers)?;
        let at = self.clock.gateway(now);
        let terms = Terms {
            min_quantity: least,
            legs: vec![],
            price_type: price_type(ticket.price_type, instrument)?,
            id,
            instrument: instrument.id.clone(),
            ask: asked(ticket.ask),
            quantity,
            currency: instrument.currency.clone(),
            settlement_date: settlement::date(instrument, ticket.settlement_date.as_deref(), at)?,
            dealers,
            expires: at + i64::from(ticket.ttl_s) * 1_000,
            created: at,
        };
        terms.check(instrument, at).map_err(|e| Problem::from(&e))?;
        Ok(terms)
    }

    /// Takes an ended RFQ off the screen, or one whose accept people have settled.
    pub fn dismiss(&mut self, id: &str) -> Result<(), Problem> {
        let (id, item) = self.item(id)?;
        let unsettled = item.problem.as_ref().is_some_and(|p| p.code == UNSETTLED);
        let settled = item.rfq.accept.as_ref().filter(|(_, s)| unsettled && s.in_flight());
        let settled = settled.map(|(a, _)| a.id.clone());
        if !item.rfq.state.ended() && settled.is_none() {
            return Err(problem("rfq.open", "The RFQ is still open.", "End it first."));
        }
        if let Some(accept) = settled {
            // Otherwise it would be back with the next start.
            self.records.in_flight.answered(&accept);
        }
        self.screen.take_off(&id, &mut self.frames);
        Ok(())
    }

    /// Returns the terms that an accept would agree to. Nothing is sent.
    pub fn arm(&mut self, intent: &ArmIntent, now: UtcMillis) -> Result<AcceptView, Problem> {
        self.may_trade()?;
        let moment = self.moment(now);
        let id = RfqId::new(intent.rfq_id.clone()).map_err(|_| no_rfq())?;
        let accept_id = AcceptId::new(self.ids.accept(&id)).map_err(|e| no_id(&e.to_string()))?;
        let names = self.reference.names();
        let direct = self.connection.direct;
        let item = self.screen.get_mut(&id).ok_or_else(no_rfq)?;
        not_ending(item)?;
        let accept = accept_of(&item.rfq, intent, accept_id)?;
        // A gateway takes a later quote at the same price or a better one.
        let limit = Limit { price: accept.price, until: item.rfq.expires() };
        let accept = rfq::Accept { limit: (!direct).then_some(limit), ..accept };
        item.rfq.arm(accept, moment.venue, moment.arrival_ms).map_err(|e| Problem::from(&e))?;
        item.guard = Some(Guard::shown(now));
        // The trader goes on with it.
        item.stopped = false;
        item.dirty = true;
        self.know_part_of_armed(&id);
        let item = self.screen.get(&id).ok_or_else(no_rfq)?;
        let instrument = self.reference.of_rfq(&item.rfq.terms);
        let view = present::accept(&item.rfq, instrument.as_deref(), &names, None);
        let mut view = view.ok_or_else(no_rfq)?;
        view.legs.iter_mut().for_each(|l| legs::name(l, self.reference.catalogue()));
        self.frames.wake();
        Ok(view)
    }

    /// Lets an armed accept follow its dealer's quotes by so many ticks, 0 for the same price or a
    /// better one. A limit that changes is to be read before it can be confirmed.
    pub fn set_limit(&mut self, id: &str, ticks: u32, now: UtcMillis) -> Result<(), Problem> {
        if self.connection.direct {
            return Err(problem(
                "accept.no_limit",
                "This venue takes the quote that is named and no other.",
                "Accept at the price shown.",
            ));
        }
        let id = RfqId::new(id).map_err(|_| no_rfq())?;
        let item = self.screen.get_mut(&id).ok_or_else(no_rfq)?;
        let not_armed = || Problem::from(&rfq::AcceptRefusal::NotArmed);
        let (armed, _) = item.rfq.accept.as_ref().ok_or_else(not_armed)?;
        let terms = &item.rfq.terms;
        let instrument = self.reference.of_rfq(terms).ok_or_else(no_rfq)?;
        let price = worse_by(terms.price_type, armed.side, armed.price, ticks, &instrument)
            .ok_or_else(limit_too_far)?;
        let until = item.rfq.expires();
        let before = armed.limit.map(|l| l.price);
        if !item.rfq.set_limit(Limit { price, until }) {
            return Err(not_armed());
        }
        if before != Some(price) {
            item.guard.get_or_insert_with(|| Guard::shown(now)).changed(now);
        }
        item.dirty = true;
        self.frames.wake();
        Ok(())
    }

    /// Asks to approve an accept of an RFQ before its quote is chosen: at the best price of this
    /// side, or so many ticks worse, with any dealer of the RFQ.
    ///
    /// # Errors
    /// The venue takes none, or there is no price.
    pub fn approve_ahead(
        &mut self,
        id: &str,
        side: Side,
        ticks: u32,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        self.may_trade()?;
        self.takes_approvals_ahead()?;
        let moment = self.moment(now);
        let id = RfqId::new(id).map_err(|_| no_rfq())?;
        let rfq = self.screen.rfq(&id).ok_or_else(no_rfq)?;
        let side = wire(side);
        let best = rfq.best(side, moment.venue, 0).ok_or_else(|| {
            problem(
                "quote.none",
                "No dealer has a price on this side yet.",
                "Approve when the first quote is there.",
            )
        })?;
        let terms = &rfq.terms;
        let instrument = self.reference.of_rfq(terms).ok_or_else(no_rfq)?;
        let price = worse_by(terms.price_type, side, best.price, ticks, &instrument)
            .ok_or_else(limit_too_far)?;
        self.approve_within(id, side, price)
    }

    /// The same at this price or a better one, whether or not there is a quote.
    pub(super) fn approve_within(
        &mut self,
        id: RfqId,
        side: rfq::Side,
        price: Decimal,
    ) -> Result<AppMessage, Problem> {
        self.may_trade()?;
        self.takes_approvals_ahead()?;
        let item = self.screen.get_mut(&id).ok_or_else(no_rfq)?;
        not_ending(item)?;
        if item.rfq.state != rfq::RfqState::Open || item.rfq.in_flight() {
            return Err(problem(
                "rfq.not_open",
                "The request is not open, or an accept of it is on its way.",
                "Approve while it is open.",
            ));
        }
        let terms = &item.rfq.terms;
        let limit = Limit { price, until: item.rfq.expires() };
        let quantity = terms.quantity;
        item.ahead = Some(Ahead {
            terms: AheadTerms::of(terms, side, quantity, limit),
            side,
            limit: price,
            approved: false,
            replaced: item.ahead.take().map(Ahead::unsettled).unwrap_or_default(),
        });
        // The trader goes on with it.
        (item.stopped, item.dirty) = (false, true);
        self.frames.wake();
        Ok(AppMessage::ApproveAhead(ApproveAhead { rfq: id, side, quantity, limit }))
    }

    /// Whether the venue takes approvals before the quote is chosen.
    pub(super) fn takes_approvals_ahead(&self) -> Result<(), Problem> {
        if self.knows_step_up() && !self.connection.direct {
            return Ok(());
        }
        Err(problem(
            "accept.no_ahead",
            "This venue takes no approval before the quote is chosen.",
            "Accept a quote, and approve it then.",
        ))
    }

    /// Takes an armed accept back.
    pub fn disarm(&mut self, id: &str) -> Result<(), Problem> {
        let (_, item) = self.item(id)?;
        item.rfq.disarm();
        item.dirty = true;
        self.frames.wake();
        Ok(())
    }

    /// Returns the armed accept as a message to be sent, if the quote has not changed since.
    pub fn accept(
        &mut self,
        id: &str,
        accept: &str,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        self.may_trade()?;
        let moment = self.moment(now);
        let accept =
            AcceptId::new(accept).map_err(|_| Problem::from(&rfq::AcceptRefusal::NotArmed))?;
        self.pressed(id, &accept, moment)?;
        self.record_accept(id, &accept, now);
        let (id, _) = self.item(id)?;
        // Its dealer may have said since that it takes no part.
        self.know_part_of_armed(&id);
        let item = self.screen.get_mut(&id).ok_or_else(no_rfq)?;
        item.dirty = true;
        not_ending(item)?;
        let sent = item.rfq.send_accept(&accept, moment.venue, moment.arrival_ms);
        let quote = item.rfq.accept.as_ref().and_then(|(a, _)| item.rfq.line(&a.dealer));
        let ends = quote.and_then(|l| l.quote.as_ref()).map(|q| q.valid_until);
        let terms = item.rfq.terms.clone();
        self.frames.wake();
        let a = sent.map_err(|e| Problem::from(&e))?;
        // It is written first: after a restart the desk must know what it agreed to.
        if let Err(e) = self.records.in_flight.sent(&a, &terms) {
            tracing::error!(error = %e, "an accept cannot be written to disk; it was not sent");
            let why = problem(
                "accept.not_written",
                format!("The accept cannot be written to this laptop's disk: {e}"),
                "Make room on the disk, then try again.",
            );
            self.screen.decline(&id, &a.id, Declined::ByDesk(why.message.clone()));
            return Err(why);
        }
        self.ahead_spent(&id, &a.id, &AcceptTerms::of(&a, &terms));
        let isin = terms.instrument.as_str().len() == 12;
        let last = moment.venue + ACCEPT_WITHIN_MS;
        // With a limit, another quote may follow the one that ends.
        let ends = a.limit.map(|l| l.until).or(ends);
        Ok(AppMessage::QuoteResponse(QuoteResponse {
            deadline: Some(ends.map_or(last, |ends| last.min(ends))),
            ..QuoteResponse::hit(&a, &terms, isin, moment.venue)
        }))
    }

    /// An accept leaves: the approval ahead that covers it is used up.
    fn ahead_spent(&mut self, id: &RfqId, by: &AcceptId, accept: &AcceptTerms) {
        let Some(item) = self.screen.get_mut(id) else { return };
        let covers = |a: &mut Ahead| a.approved && a.terms.covers(accept);
        item.spent = item.ahead.take_if(covers).map(|ahead| (by.clone(), ahead));
    }

    pub(super) fn item(&mut self, id: &str) -> Result<(RfqId, &mut Item), Problem> {
        let id = RfqId::new(id).map_err(|_| no_rfq())?;
        let item = self.screen.get_mut(&id).ok_or_else(no_rfq)?;
        Ok((id, item))
    }
}

/// What the trader has ended cannot be traded meanwhile: the end is on its way.
fn not_ending(item: &Item) -> Result<(), Problem> {
    if !item.ending {
        return Ok(());
    }
    Err(problem(
        "rfq.ending",
        "You have ended this RFQ, and the answer is not there yet.",
        "Wait for the answer, or ask again in another RFQ.",
    ))
}

/// The accept that an intent means, with the quantity that the quote allows.
fn accept_of(r: &Rfq, intent: &ArmIntent, id: AcceptId) -> Result<rfq::Accept, Problem> {
    let bad =
        || problem("price.unreadable", "The price of the intent cannot be read.", "Try again.");
    let price = intent.price.parse().map_err(|_| bad())?;
    let dealer = DealerId::new(intent.dealer.clone()).map_err(|_| bad())?;
    let side = wire(intent.side);
    let quote = r.line(&dealer).and_then(|l| l.quote.as_ref());
    let quantity = quote.and_then(|q| r.accept_quantity(q, side)).unwrap_or(r.terms.quantity);
    // Without the prices of all legs there is nothing to agree to; the RFQ says so.
    let legs = quote.and_then(|q| r.terms.agreed_legs(q, side)).unwrap_or_default();
    Ok(rfq::Accept {
        part_of: None,
        legs,
        id,
        rfq: r.terms.id.clone(),
        dealer,
        quote: QuoteId::new(intent.quote_id.clone()).map_err(|_| bad())?,
        instrument: r.terms.instrument.clone(),
        side,
        price,
        quantity,
        limit: None,
    })
}

/// A number so many ticks worse for a customer on `side`; `None` when it is too far, or the price
/// of a single instrument that is not above zero.
fn worse_by(
    of: rfq::PriceType,
    side: rfq::Side,
    price: Decimal,
    ticks: u32,
    i: &Instrument,
) -> Option<Decimal> {
    let way = Some(ticks).filter(|t| *t <= LIMIT_TICKS_MAX)?;
    let way = Decimal::from(way).checked_mul(i.tick)?;
    let higher_is_worse = of.direction().better(side, Decimal::ZERO, Decimal::ONE);
    let worse = if higher_is_worse { price.checked_add(way)? } else { price.checked_sub(way)? };
    Some(worse).filter(|p| of.may_be_negative() || i.id.is_package() || *p > Decimal::ZERO)
}

fn limit_too_far() -> Problem {
    problem(
        "accept.limit",
        format!("A limit can be at most {LIMIT_TICKS_MAX} ticks worse than the price."),
        "Choose a nearer limit.",
    )
}

pub(super) fn asked(ask: Ask) -> rfq::Ask {
    match ask {
        Ask::Buy => rfq::Ask::Buy,
        Ask::Sell => rfq::Ask::Sell,
        Ask::TwoWay => rfq::Ask::TwoWay,
    }
}

/// The type as it is asked for: a discount margin is over the rate that the instrument pays.
pub(super) fn price_type(of: PriceType, i: &Instrument) -> Result<rfq::PriceType, Problem> {
    without_reference(of).or_else(|| i.margin()).ok_or_else(|| {
        problem(
            "price_type.not_listed",
            format!("{} is not asked for in discount margins here.", i.symbol),
            "Ask in a type that the instrument has.",
        )
        .about(TicketField::PriceType)
    })
}

/// The type where there is no rate that a discount margin could be over.
pub(super) fn without_reference(of: PriceType) -> Option<rfq::PriceType> {
    match of {
        PriceType::Price => Some(rfq::PriceType::Price),
        PriceType::Yield => Some(rfq::PriceType::Yield),
        PriceType::Spread => Some(rfq::PriceType::Spread),
        PriceType::Margin => None,
    }
}

pub(super) fn wire(side: Side) -> rfq::Side {
    match side {
        Side::Buy => rfq::Side::Buy,
        Side::Sell => rfq::Side::Sell,
    }
}

pub(super) fn no_rfq() -> Problem {
    problem("rfq.unknown", "This desk has no such RFQ.", "Reload the window.")
}

pub(super) fn no_id(why: &str) -> Problem {
    problem("desk.internal", why, "Restart Signet Desk.")
}
