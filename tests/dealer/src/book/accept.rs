//! Accepts: checked against the quote, held in last look, filled or declined, never twice.

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::package::same_legs;
use super::{Action, Book, Due, Fate, ORDERS_MAX, Rfq, millis, roll_ms};
use crate::order::{
    DUPLICATE_ORDER, INCORRECT_QUANTITY, OTHER, Order, OrderState, STALE_ORDER, unknown_order,
};
use crate::pricing::half_of;
use crate::settings::Parts;
use crate::wire::{Outgoing, QuoteResponse, QuoteTerms, ResponseType, StatusRequest, settl_date};

/// Why an accept is refused: OrdRejReason (103) and Text (58).
type Refusal = (u32, &'static str);

impl Book {
    pub(super) fn on_response(
        &mut self,
        response: &QuoteResponse,
        now: OffsetDateTime,
    ) -> Vec<Action> {
        if response.kind == ResponseType::Pass {
            let of_quote = self.quotes.get(&response.quote_id).map(|q| q.quote_req_id.clone());
            let id = of_quote.or_else(|| response.quote_req_id.clone());
            if let Some(id) = id.filter(|id| self.rfqs.get(id).is_some_and(|rfq| !rfq.looking)) {
                self.close(&id, Fate::Ended);
            }
            return vec![];
        }
        if response.kind == ResponseType::Counter {
            return self.on_counter(response, now);
        }
        if let Some(known) = self.orders.get(&response.cl_ord_id) {
            let repeated = known.is_repeated_by(response);
            let report = known.last_report.clone().filter(|_| repeated);
            return match report {
                Some(report) => vec![Action::Send(report)],
                // The first order stays what it is.
                None => {
                    let refusal = (DUPLICATE_ORDER, "this ClOrdID was used with other terms");
                    vec![Action::Send(self.refused_order(response, refusal, now).1)]
                }
            };
        }
        if self.orders.len() >= ORDERS_MAX {
            let refusal = (OTHER, "this dealer takes no more orders");
            return vec![Action::Send(self.refused_order(response, refusal, now).1)];
        }
        match self.check_accept(response, now) {
            Ok(id) => self.look_at(&id, response, now),
            Err(refusal) => self.refuse(response, refusal, now),
        }
    }

    /// The id of the request whose live quote this accept matches in every respect.
    fn check_accept(
        &self,
        response: &QuoteResponse,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let record = self.quotes.get(&response.quote_id).ok_or((STALE_ORDER, "unknown quote"))?;
        match record.fate {
            Fate::Current => {}
            Fate::Replaced => return Err((STALE_ORDER, "the quote was replaced by a newer one")),
            Fate::Withdrawn => return Err((STALE_ORDER, "the quote was withdrawn")),
            Fate::Countered => return Err((STALE_ORDER, "the quote was countered")),
            Fate::Taken => return Err((STALE_ORDER, "the quote was taken already")),
            Fate::Ended => return Err((STALE_ORDER, "the request has ended")),
        }
        let rfq = self.rfqs.get(&record.quote_req_id);
        let rfq = rfq.ok_or((STALE_ORDER, "the request has ended"))?;
        let live = rfq.live.as_ref().ok_or((STALE_ORDER, "the quote is no longer live"))?;
        if now >= live.valid_until {
            return Err((STALE_ORDER, "the quote has expired"));
        }
        if rfq.looking {
            return Err((OTHER, "another accept of this request is being looked at"));
        }
        matches_quote(response, rfq, live, self.parts())?;
        Ok(record.quote_req_id.clone())
    }

    /// What this dealer does with an accept of a part of its quote.
    fn parts(&self) -> Parts {
        self.mood.parts.unwrap_or(self.settings.parts)
    }

    fn look_at(&mut self, id: &str, response: &QuoteResponse, now: OffsetDateTime) -> Vec<Action> {
        let order_id = self.next_id("O");
        let exec_id = self.next_id("E");
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        rfq.looking = true;
        let mut order = Order::new(response, order_id);
        order.price_decimals = rfq.instrument.price_decimals;
        order.currency.clone_from(&rfq.instrument.currency);
        order.legs = rfq.live.as_ref().map_or_else(Vec::new, |live| live.legs.clone());
        order.settl_date = settl_date(&rfq.request, &rfq.instrument, now);
        let rolled = roll_ms(&mut rfq.dice, self.settings.last_look_ms);
        let hold = self.mood.hold_next_ms.take().map_or(rolled, millis);
        let report = order.become_state(OrderState::PendingNew, exec_id, now);
        let mut actions = self.keep(order);
        actions.push(Action::Send(report));
        if hold.is_zero() {
            actions.extend(self.decide(&response.cl_ord_id, id, now));
        } else {
            let (cl_ord_id, quote_req_id) = (response.cl_ord_id.clone(), id.to_owned());
            self.schedule(now + hold, Due::Decide { cl_ord_id, quote_req_id });
        }
        actions
    }

    /// The end of last look.
    pub(super) fn decide(&mut self, cl_ord_id: &str, id: &str, now: OffsetDateTime) -> Vec<Action> {
        let Some(mut order) = self.orders.get(cl_ord_id).cloned() else { return vec![] };
        if order.state != OrderState::PendingNew {
            return vec![];
        }
        let overfills = self.parts() == Parts::Overfill;
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        let quoted = rfq.live.as_ref().map(|live| live.size).filter(|_| overfills);
        let declines = rfq.dice.happens(self.settings.reject_probability);
        let is_partial = rfq.dice.happens(self.settings.partial_fill_probability);
        let partial = half_of(order.quantity, &rfq.instrument);
        let is_partial = is_partial && rfq.allows(partial);
        rfq.looking = false;

        let forced = self.mood.reject_next.take();
        let text = forced.or_else(|| declines.then(|| "last look: price moved".into()));
        let exec_id = self.next_id("E");
        let state = match text {
            Some(text) => {
                order.refusal = Some((OTHER, text));
                OrderState::Rejected
            }
            // A package is filled as a whole or not at all.
            None if is_partial && order.legs.is_empty() && partial < order.quantity => {
                order.filled = partial;
                OrderState::PartiallyFilled
            }
            None => {
                order.filled = quoted.unwrap_or(order.quantity);
                OrderState::Filled
            }
        };
        let report = order.become_state(state, exec_id, now);
        if state == OrderState::Rejected {
            self.quote_after_decline(id, now);
        } else {
            self.close(id, Fate::Taken);
        }
        let mut actions = self.keep(order);
        actions.push(Action::Send(report));
        actions
    }

    /// The declined quote is gone; a new one follows as fast as this dealer quotes.
    fn quote_after_decline(&mut self, id: &str, now: OffsetDateTime) {
        let Some(rfq) = self.rfqs.get_mut(id) else { return };
        let delay = roll_ms(&mut rfq.dice, self.settings.quote_delay_ms);
        if let Some(quote) = rfq.live.take() {
            super::set_fate(&mut self.quotes, &quote.quote_id, Fate::Withdrawn);
        }
        if now + delay < rfq.ends {
            self.schedule(now + delay, Due::Quote(id.to_owned()));
        }
        self.end_if_over(id, now);
    }

    fn refuse(
        &mut self,
        response: &QuoteResponse,
        refusal: Refusal,
        now: OffsetDateTime,
    ) -> Vec<Action> {
        let (order, report) = self.refused_order(response, refusal, now);
        let mut actions = self.keep(order);
        actions.push(Action::Send(report));
        actions
    }

    fn refused_order(
        &mut self,
        response: &QuoteResponse,
        (reason, text): Refusal,
        now: OffsetDateTime,
    ) -> (Order, Outgoing) {
        let mut order = Order::new(response, self.next_id("O"));
        order.refusal = Some((reason, text.to_owned()));
        let report = order.become_state(OrderState::Rejected, self.next_id("E"), now);
        (order, report)
    }

    pub(super) fn on_status(
        &mut self,
        request: &StatusRequest,
        now: OffsetDateTime,
    ) -> Vec<Action> {
        let exec_id = self.next_id("E");
        let report = match self.orders.get(&request.cl_ord_id) {
            Some(order) => order.status(exec_id, request, now),
            None => unknown_order(request, exec_id, now),
        };
        vec![Action::Send(report)]
    }

    pub(super) fn decline_left_over(&mut self, now: OffsetDateTime) -> Vec<Action> {
        let open = self.orders.values().filter(|order| order.state == OrderState::PendingNew);
        let open: Vec<Order> = open.cloned().collect();
        let mut actions = Vec::new();
        for mut order in open {
            order.refusal = Some((OTHER, "the dealer restarted during last look".into()));
            let report = order.become_state(OrderState::Rejected, self.next_id("E"), now);
            actions.extend(self.keep(order));
            actions.push(Action::Send(report));
        }
        actions
    }

    fn keep(&mut self, order: Order) -> Vec<Action> {
        self.orders.insert(order.cl_ord_id.clone(), order.clone());
        vec![Action::Keep(Box::new(order))]
    }
}

fn matches_quote(
    response: &QuoteResponse,
    rfq: &Rfq,
    live: &QuoteTerms,
    parts: Parts,
) -> Result<(), Refusal> {
    let same_instrument = response.symbol == rfq.request.symbol
        && (response.security_id.is_none() || response.security_id == rfq.request.security_id);
    if !same_instrument {
        return Err((OTHER, "the instrument is not the quoted one"));
    }
    let price: Option<Decimal> = match response.side.as_str() {
        "1" => live.offer,
        "2" => live.bid,
        _ => return Err((OTHER, "the side is buy or sell")),
    };
    let price = price.ok_or((OTHER, "this side was not quoted"))?;
    let stated = rfq.request.price_type.as_ref().filter(|_| rfq.instrument.inverse);
    if response.price_type.as_ref() != stated || response.benchmark != rfq.request.benchmark {
        return Err((OTHER, "the price type is not the quoted one"));
    }
    if response.price != price {
        return Err((OTHER, "the price is not the quoted one"));
    }
    if !same_legs(&response.legs, &live.legs, &response.side) {
        return Err((OTHER, "a leg is not the quoted one"));
    }
    let part = parts != Parts::No && response.legs.is_empty() && response.quantity < live.size;
    if response.quantity != live.size && !part {
        return Err((INCORRECT_QUANTITY, "the quantity is not the quoted one"));
    }
    Ok(())
}
