//! Counters: the trader asks one dealer for a better price. Nothing is agreed by it.

use super::{Book, connection::Restoring, rfq_of_accept};
use crate::{
    present, price,
    problem::{problem, sentence},
    view::{CounterIntent, NoticeKind, Problem, Side},
};
use signet_fix::message::{AppMessage, QuoteResponse, QuoteStatusReport, RfqStatus};
use signet_rfq::{
    self as rfq, AcceptId, AcceptRefusal, Counter, CounterFault, CounterState, DealerId, RfqId,
    UtcMillis,
};

/// How long a dealer has to answer, milliseconds: time for a person there, and no longer than a
/// trader would wait with the other quotes standing.
const COUNTER_WAITS_MS: i64 = 15_000;

impl Book {
    /// Asks one dealer for a better price than it quotes, and declines the quote by that. The
    /// typed price is in the instrument's convention.
    pub fn counter(
        &mut self,
        intent: &CounterIntent,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        self.may_trade()?;
        let at = self.clock.gateway(now);
        let refused = |e: AcceptRefusal| Problem::from(&e);
        let dealer = DealerId::new(intent.dealer.clone())
            .ok()
            .filter(|d| !self.connection.direct && self.reference.takes_counters(d))
            .ok_or_else(not_taken)?;
        let (id, item) = self.item(&intent.rfq_id)?;
        if item.ending {
            return Err(refused(AcceptRefusal::RfqNotOpen(item.rfq.state)));
        }
        let terms = item.rfq.terms.clone();
        let side = match intent.side {
            Side::Buy => rfq::Side::Buy,
            Side::Sell => rfq::Side::Sell,
        };
        let quote = item.rfq.may_counter(&dealer, at).map_err(refused)?.clone();
        let level = quote.level(side).ok_or_else(|| refused(AcceptRefusal::NoPriceOnSide))?;
        let until = (at + COUNTER_WAITS_MS).min(item.rfq.expires());
        let instrument = self.reference.of_rfq(&terms).ok_or_else(|| {
            problem("catalogue.missing", "The instrument list is not there yet.", "Try again.")
        })?;
        let asked = price::typed(&instrument, &intent.price).map_err(|e| {
            let like = format!("Type a price like {}.", price::example(&instrument));
            problem("counter.price", sentence(&e.to_string()), like)
        })?;
        let own = AcceptId::new(self.ids.accept(&id));
        let own =
            own.map_err(|e| problem("desk.internal", e.to_string(), "Restart Signet Desk."))?;
        let counter = Counter {
            id: own,
            dealer,
            quote: quote.id,
            side,
            price: asked,
            quoted: level.price,
            quantity: level.size.min(terms.quantity),
            until,
            at,
        };
        if counter.quote.as_str() != intent.quote_id {
            return Err(refused(AcceptRefusal::Requoted));
        }
        let said = [asked, level.price].map(|p| price::show(&instrument, p));
        let (_, item) = self.item(&intent.rfq_id)?;
        item.rfq.check_counter(&counter, at).map_err(|e| in_its_numbers(&e, &said))?;
        if !item.rfq.counter(counter.clone()) {
            return Err(refused(AcceptRefusal::Withdrawn));
        }
        // The trader goes on with it.
        (item.stopped, item.dirty) = (false, true);
        self.frames.wake();
        let isin = self.reference.has_isin(&terms.instrument);
        self.blot_rfq(&id);
        Ok(AppMessage::QuoteResponse(QuoteResponse::ask_better(&counter, &terms, isin)))
    }

    /// In a snapshot: a counter that the gateway has, or had.
    pub(super) fn counter_restored(&mut self, r: &QuoteResponse) {
        let current =
            self.connection.restoring.as_ref().and_then(|x: &Restoring| x.current.clone());
        let (Some(id), Some(dealer)) = (r.rfq.clone().filter(|_| r.rfq == current), &r.dealer)
        else {
            return tracing::warn!(counter = %r.id, "a counter outside a snapshot was ignored");
        };
        let Some(i) = self.screen.get_mut(&id) else { return };
        let quote = i.rfq.line(dealer).and_then(|l| l.quote.as_ref()).filter(|q| q.id == r.quote);
        let quoted = quote.and_then(|q| q.level(r.side));
        let counter = quoted.and_then(|q| r.counter(dealer.clone(), q.price));
        if let Some(counter) = counter.filter(|_| r.price_type == i.rfq.terms.price_type) {
            i.dirty |= i.rfq.countered_before(counter);
        }
    }

    /// The gateway says how a counter is over without a new quote.
    pub(super) fn counter_over(&mut self, s: &QuoteStatusReport) {
        let (Some(id), Some(i)) = (&s.answers, self.screen.get_mut(&s.rfq)) else { return };
        i.dirty |= match s.status {
            RfqStatus::Rejected => i.rfq.counter_refused(id, s.text.clone().unwrap_or_default()),
            RfqStatus::Expired => i.rfq.counter_unanswered(id),
            RfqStatus::Cancelled => i.rfq.counter_dropped(id),
            _ => false,
        };
    }

    /// A counter went nowhere: the quote stands as before. Returns whether there was one.
    pub(super) fn counter_failed(&mut self, id: &AcceptId, words: &str) -> bool {
        let Some(rfq) = rfq_of_accept(id) else { return false };
        let Some(i) = self.screen.get_mut(&rfq) else { return false };
        if i.rfq.counter_of(id).is_none() {
            return false;
        }
        i.rfq.counter_not_sent(id, words.into());
        i.dirty = true;
        true
    }

    /// Tells how counters are over, once each.
    pub(super) fn tell_counters(&mut self, now: UtcMillis) {
        let over: Vec<(RfqId, Counter, CounterState)> = self.screen.counters_over();
        for (id, c, state) in over {
            let Some(rfq) = self.screen.rfq(&id) else { continue };
            let instrument = self.reference.of_rfq(&rfq.terms);
            let instrument = instrument.as_deref();
            let name = present::name(&self.reference.names(), &c.dealer);
            let asked = present::price(instrument, c.price);
            let (kind, code, text) = match state {
                CounterState::Sent | CounterState::Dropped => continue,
                CounterState::Improved(price) => (
                    NoticeKind::Good,
                    "counter.improved",
                    format!(
                        "{name} improves to {}; you asked for {asked}",
                        present::price(instrument, price)
                    ),
                ),
                CounterState::HeldFirm => {
                    (NoticeKind::Plain, "counter.held_firm", format!("{name} holds firm"))
                }
                CounterState::Refused(why) => {
                    let why = Some(why).filter(|w| !w.is_empty()).map(|w| format!(": {w}"));
                    let text = format!("{name} refuses your counter{}", why.unwrap_or_default());
                    (NoticeKind::Plain, "counter.refused", text)
                }
                CounterState::Unanswered => (
                    NoticeKind::Plain,
                    "counter.unanswered",
                    format!("{name} has not answered your counter at {asked}"),
                ),
                CounterState::NotSent(why) => (
                    NoticeKind::Bad,
                    "counter.not_sent",
                    format!("Your counter did not reach {name}: {why}"),
                ),
            };
            self.notice(kind, code, text, Some(&id), now);
            self.blot_rfq(&id);
        }
    }
}

/// What is refused for its price says it as it was typed, in 32nds too.
fn in_its_numbers(e: &AcceptRefusal, [asked, quoted]: &[String; 2]) -> Problem {
    let why = Problem::from(e);
    match e {
        AcceptRefusal::Counter(CounterFault::NotBetter { .. }) => {
            let message = format!("{asked} is not better for you than {quoted}.");
            Problem { message, ..why }
        }
        _ => why,
    }
}

fn not_taken() -> Problem {
    problem(
        "counter.not_taken",
        "This dealer takes no counters.",
        "Accept its quote, pass, or counter another dealer.",
    )
}

#[cfg(test)]
#[path = "counters_tests.rs"]
mod tests;
