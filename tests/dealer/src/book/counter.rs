//! Counters: the customer asks for a better price. It declines the quote, and agrees to nothing.

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::{Action, Book, Due, Fate, QuoteRecord, roll_ms, set_fate};
use crate::order::{Order, OrderState};
use crate::settings::Counters;
use crate::wire::{QuoteResponse, QuoteTerms, counter_reject, quote, settl_date};

/// The tick between two prices that is nearest to what the customer asked for.
fn middle(quoted: Decimal, asked: Decimal, tick: Decimal) -> Decimal {
    let half = (asked - quoted) / Decimal::TWO;
    let ticks = half / tick;
    let whole = if ticks > Decimal::ZERO { ticks.ceil() } else { ticks.floor() };
    quoted + whole * tick
}

impl Book {
    pub(super) fn on_counter(&mut self, c: &QuoteResponse, now: OffsetDateTime) -> Vec<Action> {
        let refuse = |text| vec![Action::Send(counter_reject(&c.cl_ord_id, text))];
        let how = self.mood.counters.unwrap_or(self.settings.counters);
        if how == Counters::No {
            return refuse("this dealer takes no counters");
        }
        let of = self.quotes.get(&c.quote_id).filter(|q| q.fate == Fate::Current);
        let Some(id) = of.map(|q| q.quote_req_id.clone()) else {
            return refuse("the quote does not stand");
        };
        let Some(rfq) = self.rfqs.get_mut(&id) else { return refuse("the request has ended") };
        if rfq.looking || rfq.countered.is_some() || rfq.live.is_none() || !c.legs.is_empty() {
            return refuse("this quote cannot be countered now");
        }
        set_fate(&mut self.quotes, &c.quote_id, Fate::Countered);
        rfq.countered = Some(c.clone());
        let delay = roll_ms(&mut rfq.dice, self.settings.counter_delay_ms);
        let at = match how {
            // Past the time by which the customer waits, which then had no answer.
            Counters::Ignore => c.valid_until.unwrap_or(now) + delay,
            _ => now + delay,
        };
        if at <= now {
            return self.answer_counter(&id, now);
        }
        self.schedule(at, Due::Counter(id));
        vec![]
    }

    /// The dealer has thought about it.
    pub(super) fn answer_counter(&mut self, id: &str, now: OffsetDateTime) -> Vec<Action> {
        let how = self.mood.counters.unwrap_or(self.settings.counters);
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        let Some(c) = rfq.countered.take() else { return vec![] };
        let live = rfq.live.clone().filter(|l| l.quote_id == c.quote_id);
        let Some(live) = live.filter(|_| now < rfq.ends) else { return vec![] };
        let side_price = if c.side == "1" { live.offer } else { live.bid };
        match (how, side_price) {
            (Counters::Meet, Some(quoted)) => {
                let price = middle(quoted, c.price, rfq.instrument.tick);
                self.quote_again(id, &c, &live, price, now)
            }
            (Counters::Hold, Some(quoted)) => self.quote_again(id, &c, &live, quoted, now),
            (Counters::Ignore, _) => self.send_quote(id, now),
            (Counters::Fill, _) => self.fill_counter(id, &c, now),
            _ => {
                rfq.live = None;
                let delay = roll_ms(&mut rfq.dice, self.settings.requote_every_ms);
                self.schedule(now + delay, Due::Quote(id.to_owned()));
                vec![Action::Send(counter_reject(&c.cl_ord_id, "our price is firm"))]
            }
        }
    }

    /// A new quote that answers the counter, with this price on its side.
    fn quote_again(
        &mut self,
        id: &str,
        c: &QuoteResponse,
        before: &QuoteTerms,
        price: Decimal,
        now: OffsetDateTime,
    ) -> Vec<Action> {
        let quote_id = self.next_id("Q");
        let valid_ms = self.settings.valid_ms;
        let Some(rfq) = self.rfqs.get_mut(id) else { return vec![] };
        let buys = c.side == "1";
        // Of yields and spreads the bid is the higher number.
        let inverse = rfq.instrument.inverse;
        let beside = |other: Decimal| match buys != inverse {
            true => other.min(price),
            false => other.max(price),
        };
        let terms = QuoteTerms {
            quote_id: quote_id.clone(),
            // The other side does not cross it.
            bid: if buys { before.bid.map(beside) } else { Some(price) },
            offer: if buys { Some(price) } else { before.offer.map(beside) },
            valid_until: rfq.ends.min(now + super::millis(valid_ms)),
            answers: Some(c.quote_resp_id.clone()),
            ..before.clone()
        };
        let message = quote(&rfq.request, &rfq.instrument, &terms, now);
        let next = roll_ms(&mut rfq.dice, self.settings.requote_every_ms);
        rfq.live = Some(terms);
        let record = QuoteRecord { quote_req_id: id.to_owned(), fate: Fate::Current };
        self.quotes.insert(quote_id, record);
        if self.settings.requote_every_ms != [0, 0] && self.mood.exactly.is_none() {
            self.schedule(now + next, Due::Quote(id.to_owned()));
        }
        vec![Action::Send(message)]
    }

    /// What no dealer may do: nobody agreed to it.
    fn fill_counter(&mut self, id: &str, c: &QuoteResponse, now: OffsetDateTime) -> Vec<Action> {
        let (order_id, exec_id) = (self.next_id("O"), self.next_id("E"));
        let Some(rfq) = self.rfqs.get(id) else { return vec![] };
        let mut order = Order::new(c, order_id);
        order.price_decimals = rfq.instrument.price_decimals;
        order.currency.clone_from(&rfq.instrument.currency);
        order.settl_date = settl_date(&rfq.request, &rfq.instrument, now);
        order.filled = order.quantity;
        let report = order.become_state(OrderState::Filled, exec_id, now);
        vec![Action::Send(report)]
    }
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
