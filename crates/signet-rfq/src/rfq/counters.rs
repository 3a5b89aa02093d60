//! The counters of an RFQ. [`crate::Counter`] is what one says.

use super::{Line, LineState, Report, Rfq};
use crate::{
    AcceptId, AcceptRefusal, DealerId, Dispute, Quote, UtcMillis,
    counter::{COUNTER_WAIT_MAX_MS, Counter, CounterFault, CounterState, MAX_COUNTERS_PER_LINE},
    lifecycle::{self, CounterEvent, CounterPhase, LineEvent, Meaning, Outcome, meaning},
};
use rust_decimal::Decimal;

/// What people read of a trade that answers a counter.
const NOT_AGREED: &str = "it answers a counter, which agrees to no trade";

impl Line {
    /// The counter that waits for its answer.
    pub fn counter_sent(&self) -> Option<&Counter> {
        self.counters.last().filter(|(_, s)| *s == CounterState::Sent).map(|(c, _)| c)
    }
}

impl Rfq {
    /// The quote of this dealer that may be countered now, at a price that is still to be named; or
    /// why there is none.
    pub fn may_counter(&self, dealer: &DealerId, now: UtcMillis) -> Result<&Quote, AcceptRefusal> {
        self.may_answer()?;
        if self.terms.is_package() {
            return Err(CounterFault::Package.into());
        }
        let line = self.line(dealer).ok_or_else(|| AcceptRefusal::NotAsked(dealer.clone()))?;
        let quote = line.quote.as_ref().ok_or_else(|| AcceptRefusal::NoQuote(dealer.clone()))?;
        match line.state {
            LineState::Quoted => {}
            LineState::Expired => return Err(AcceptRefusal::Expired),
            LineState::Unreachable => return Err(AcceptRefusal::Unreachable),
            LineState::NotRepeated => return Err(AcceptRefusal::NotRepeated),
            LineState::Countered => return Err(CounterFault::InFlight.into()),
            LineState::CounterOver => return Err(AcceptRefusal::Countered),
            _ => return Err(AcceptRefusal::Withdrawn),
        }
        if !quote.live(now) || now >= self.expires() {
            return Err(AcceptRefusal::Expired);
        }
        if !quote.tradeable {
            return Err(AcceptRefusal::Indicative);
        }
        if line.counters.len() >= MAX_COUNTERS_PER_LINE {
            return Err(CounterFault::TooMany.into());
        }
        Ok(quote)
    }

    /// Whether a counter may be sent now. Desk and gateway both call this.
    pub fn check_counter(&self, c: &Counter, now: UtcMillis) -> Result<(), AcceptRefusal> {
        if self.accept_of(&c.id).is_some() || self.counter_of(&c.id).is_some() {
            return Err(AcceptRefusal::IdUsed);
        }
        let quote = self.may_counter(&c.dealer, now)?;
        if quote.id != c.quote {
            return Err(AcceptRefusal::Requoted);
        }
        if !self.terms.ask.allows(c.side) {
            return Err(AcceptRefusal::SideNotAsked);
        }
        let level = quote.level(c.side).ok_or(AcceptRefusal::NoPriceOnSide)?;
        let quantity = level.size.min(self.terms.quantity);
        if quantity != c.quantity {
            let accepted = c.quantity;
            return Err(AcceptRefusal::OtherQuantity { quoted: quantity, accepted });
        }
        self.check_counter_price(c, level.price)?;
        let waits_ms = c.until.since(now);
        if !(1..=COUNTER_WAIT_MAX_MS).contains(&waits_ms) || c.until > self.expires() {
            return Err(CounterFault::Until.into());
        }
        Ok(())
    }

    fn check_counter_price(&self, c: &Counter, quoted: Decimal) -> Result<(), CounterFault> {
        if c.price <= Decimal::ZERO && !self.terms.price_type.may_be_negative() {
            return Err(CounterFault::Price);
        }
        match self.direction().better(c.side, c.price, quoted) {
            true => Ok(()),
            false => Err(CounterFault::NotBetter { quoted, countered: c.price }),
        }
    }

    /// A counter of this RFQ.
    pub fn counter_of(&self, id: &AcceptId) -> Option<&(Counter, CounterState)> {
        self.lines.iter().flat_map(|l| &l.counters).find(|(c, _)| &c.id == id)
    }

    /// A counter leaves that was checked, or was let through earlier, as in a replay of a journal.
    /// An accept that is armed on the quote is dropped. Returns whether it was put in.
    pub fn counter(&mut self, c: Counter) -> bool {
        let dealer = c.dealer.clone();
        let full = self.line(&dealer).is_none_or(|l| l.counters.len() >= MAX_COUNTERS_PER_LINE);
        if full || self.counter_of(&c.id).is_some() || self.state.ended() {
            return false;
        }
        if !self.line_event(&dealer, LineEvent::Countered, LineState::Countered) {
            return false;
        }
        if let Ok(line) = self.line_mut(&dealer) {
            line.counters.push((c, CounterState::Sent));
        }
        self.disarm_if_on(&dealer, "you countered this quote");
        true
    }

    /// From a snapshot: this counter is with the dealer, or was the last word about the quote.
    pub fn countered_before(&mut self, c: Counter) -> bool {
        let Some((known, state)) = self.counter_of(&c.id) else { return self.counter(c) };
        let (dealer, over) = (known.dealer.clone(), *state != CounterState::Sent);
        let moved = self.line_event(&dealer, LineEvent::Countered, LineState::Countered);
        if moved && over {
            self.line_event(&dealer, LineEvent::CounterOver, LineState::CounterOver);
        }
        if moved {
            self.disarm_if_on(&dealer, "you countered this quote");
        }
        moved
    }

    /// The snapshot is complete. What was sent and is not in it did not reach the gateway, or has
    /// ended there. Returns the counters that are over by this.
    pub fn settle_counters(&mut self) -> Vec<Counter> {
        let lost = |l: &Line| (l.state != LineState::Countered).then(|| l.counter_sent().cloned());
        let all: Vec<Counter> = self.lines.iter().filter_map(lost).flatten().collect();
        for c in &all {
            let why = CounterState::NotSent("the connection was lost".into());
            self.counter_event(&c.dealer, CounterEvent::NotSent, why);
        }
        all
    }

    /// Moves the counter of a line that waits; `state` is the one to move to. Returns whether it
    /// moved.
    pub(super) fn counter_event(
        &mut self,
        dealer: &DealerId,
        event: CounterEvent,
        state: CounterState,
    ) -> bool {
        let Ok(line) = self.line_mut(dealer) else { return false };
        let Some((_, now)) = line.counters.last_mut() else { return false };
        let moves = lifecycle::counter(now.phase(), event) == Outcome::To(state.phase());
        if moves {
            *now = state;
        }
        moves
    }

    /// The line has a new quote: it answers the counter, whether it names it or not.
    pub(super) fn answer_counter(&mut self, dealer: &DealerId) {
        let Some(line) = self.line(dealer) else { return };
        let Some(c) = line.counter_sent() else { return };
        let level = line.quote.as_ref().and_then(|q| q.level(c.side));
        let better = level.filter(|l| self.direction().better(c.side, l.price, c.quoted));
        let (event, state) = match better {
            Some(l) => (CounterEvent::BetterQuote, CounterState::Improved(l.price)),
            None => (CounterEvent::OtherQuote, CounterState::HeldFirm),
        };
        self.counter_event(dealer, event, state);
    }

    /// The dealer refuses a counter, and quotes nothing. Returns whether it waited for its answer.
    pub fn counter_refused(&mut self, id: &AcceptId, words: String) -> bool {
        self.counter_ends(id, CounterEvent::Refused, CounterState::Refused(words))
    }

    /// Nothing came in time, by the word of who keeps the time.
    pub fn counter_unanswered(&mut self, id: &AcceptId) -> bool {
        self.counter_ends(id, CounterEvent::TimeUp, CounterState::Unanswered)
    }

    /// Something else has ended it, by the gateway's word.
    pub fn counter_dropped(&mut self, id: &AcceptId) -> bool {
        self.counter_ends(id, CounterEvent::LineOver, CounterState::Dropped)
    }

    fn counter_ends(&mut self, id: &AcceptId, event: CounterEvent, state: CounterState) -> bool {
        let Some(dealer) = self.last_counter(id) else { return false };
        let moved = self.counter_event(&dealer, event, state);
        // Also when it was over here already: a snapshot may have put the line back.
        let line = self.line_event(&dealer, LineEvent::CounterOver, LineState::CounterOver);
        moved || line
    }

    /// It did not reach the dealer: the quote stands as before, also when the counter was over here
    /// before this was known. Returns whether anything changed.
    pub fn counter_not_sent(&mut self, id: &AcceptId, words: String) -> bool {
        let Some(dealer) = self.last_counter(id) else { return false };
        let before = self.counter_of(id).map(|(_, state)| state.phase());
        let why = CounterState::NotSent(words);
        let moved = self.counter_event(&dealer, CounterEvent::NotSent, why);
        let unheard = matches!(before, Some(CounterPhase::Unanswered | CounterPhase::Dropped));
        let stands = (moved || unheard)
            && self.line_event(&dealer, LineEvent::CounterNotSent, LineState::Quoted);
        let repeated = self.line(&dealer).is_some_and(|l| l.repeated);
        if stands && before == Some(CounterPhase::Dropped) && !repeated {
            // The link to the dealer was lost first: the quote stands when it is repeated.
            self.line_event(&dealer, LineEvent::LinkLost, LineState::Unreachable);
        }
        moved || stands
    }

    /// The dealer of a counter that is the last one of its line.
    fn last_counter(&self, id: &AcceptId) -> Option<DealerId> {
        let last = |l: &&Line| l.counters.last().is_some_and(|(c, _)| &c.id == id);
        self.lines.iter().find(last).map(|l| l.dealer.clone())
    }

    /// Time passes. Returns whether a counter is over by it.
    pub(super) fn counters_over(&mut self, now: UtcMillis) -> bool {
        let over = |l: &Line| l.counter_sent().filter(|c| c.until <= now).map(|c| c.id.clone());
        let all: Vec<AcceptId> = self.lines.iter().filter_map(over).collect();
        all.iter().filter(|id| self.counter_unanswered(id)).count() > 0
    }

    /// The RFQ is over.
    pub(super) fn drop_counters(&mut self) {
        for d in self.terms.dealers.clone() {
            self.counter_event(&d, CounterEvent::LineOver, CounterState::Dropped);
        }
    }

    /// A dealer's ExecutionReport about a counter. One that refuses it does; one that claims a
    /// trade is a dispute, as nobody agreed to one. Returns whether anything changed, and the
    /// dispute that it began.
    pub fn counter_reported(
        &mut self,
        id: &AcceptId,
        r: &Report,
        now: UtcMillis,
    ) -> (bool, Option<Dispute>) {
        let Some((c, state)) = self.counter_of(id) else { return (false, None) };
        match meaning(r.kind, r.status, r.cum_qty > Decimal::ZERO) {
            Meaning::Refused | Meaning::NothingTraded => {
                let words = r.text.clone().unwrap_or_else(|| "the dealer gave no reason".into());
                return (self.counter_refused(id, words), None);
            }
            Meaning::Working | Meaning::Noted => return (false, None),
            _ => {}
        }
        if !matches!(lifecycle::counter(state.phase(), CounterEvent::Executed), Outcome::Settle(_))
        {
            return (false, None);
        }
        let dispute = r.dispute((&c.id, &c.dealer), NOT_AGREED, now);
        match self.note_dispute(dispute.clone()) {
            true => (true, Some(dispute)),
            false => (false, None),
        }
    }
}

#[cfg(test)]
#[path = "counters_tests.rs"]
mod tests;
