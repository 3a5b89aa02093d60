//! The RFQ state machine. One value per RFQ, held by desk and gateway alike.
//!
//! The tables of [`crate::lifecycle`] decide every move; this module carries out what goes with it.

mod accepts;
mod answering;
mod counters;
mod executions;
mod hand_over;
mod line;
mod parts;

pub use answering::PASS_REASON_MAX;
pub use executions::{
    Counted, Known, MAX_DISPUTES_PER_RFQ, MAX_EXECUTIONS_PER_RFQ, Report, Taken, averages_to_zero,
};
pub use hand_over::HandOverRefusal;
pub use line::{Line, LineState, Passed};

use crate::{
    Accept, AcceptId, AcceptState, Best, CounterState, DealerId, Direction, Dispute, Quote,
    QuoteId, Side, Terms, UtcMillis, best,
    lifecycle::{self, CounterEvent, LineEvent, LinePhase, Outcome, RequestEvent, RfqState},
};
use serde::{Deserialize, Serialize};

/// An event that does not fit the RFQ's state. The caller logs it; the RFQ is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RfqError {
    /// The dealer is not among the RFQ's. At fault: whoever named it.
    #[error("{0} was not asked in this RFQ")]
    NotAsked(DealerId),
    /// The RFQ, or the dealer's line in it, has a final state.
    #[error("the RFQ has ended")]
    Ended,
    /// The id is not that of the present accept.
    #[error("no accept with this id")]
    NoSuchAccept,
    /// The RFQ cannot end before the accept in flight has its answer.
    #[error("an accept is waiting for its answer")]
    AcceptInFlight,
}

/// One RFQ: what was asked, each dealer's line, the accepts and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rfq {
    /// What was asked; of it only the id changes, when a colleague takes the RFQ over.
    pub terms: Terms,
    /// When it ends on the gateway's clock, if that is another time than the terms say: it may have
    /// waited for a touch first.
    pub deadline: Option<UtcMillis>,
    /// How the request as a whole stands.
    pub state: RfqState,
    /// One line for each dealer, in the order of the terms.
    pub lines: Vec<Line>,
    /// The latest accept; earlier ones are in `past`.
    pub accept: Option<(Accept, AcceptState)>,
    /// Accepts that left earlier and have their answer, the oldest first.
    pub past: Vec<(Accept, AcceptState)>,
    /// Executions, busts and corrections that were taken.
    pub executions: Vec<Known>,
    /// Accepts of which a part was executed and, by their dealers' word, nothing more will be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rest_over: Vec<AcceptId>,
    /// What people must settle.
    pub disputes: Vec<Dispute>,
    /// Disputes beyond those kept.
    pub disputes_left_out: u32,
    /// Why it was refused or ended, in the words of whoever ended it.
    pub reason: Option<String>,
}

impl Rfq {
    /// An RFQ that has just been sent: every dealer asked, nothing answered.
    pub fn new(terms: Terms) -> Self {
        let line = |d: &DealerId| Line {
            dealer: d.clone(),
            state: LineState::Asked,
            quote: None,
            quoted_at: terms.created,
            repeated: false,
            revision: 0,
            counters: Vec::new(),
            part: None,
        };
        Self {
            lines: terms.dealers.iter().map(line).collect(),
            terms,
            deadline: None,
            state: RfqState::Sent,
            accept: None,
            past: Vec::new(),
            executions: Vec::new(),
            rest_over: Vec::new(),
            disputes: Vec::new(),
            disputes_left_out: 0,
            reason: None,
        }
    }

    /// When it ends by itself.
    pub fn expires(&self) -> UtcMillis {
        self.deadline.unwrap_or(self.terms.expires)
    }

    /// The line of a dealer; `None` if the dealer was not asked.
    pub fn line(&self, dealer: &DealerId) -> Option<&Line> {
        self.lines.iter().find(|l| &l.dealer == dealer)
    }

    /// Which way the numbers of this RFQ are good.
    pub fn direction(&self) -> Direction {
        self.terms.price_type.direction()
    }

    fn line_mut(&mut self, dealer: &DealerId) -> Result<&mut Line, RfqError> {
        self.lines
            .iter_mut()
            .find(|l| &l.dealer == dealer)
            .ok_or_else(|| RfqError::NotAsked(dealer.clone()))
    }

    /// Moves a line; `state` is the one to move to, with its words. Returns whether it moved.
    pub(crate) fn line_event(
        &mut self,
        dealer: &DealerId,
        event: LineEvent,
        state: LineState,
    ) -> bool {
        let Ok(line) = self.line_mut(dealer) else { return false };
        let moves = lifecycle::line(line.state.phase(), event) == Outcome::To(state.phase());
        if moves {
            line.state = state;
        }
        moves
    }

    /// The best price a customer on `side` can take now for the whole quantity; `None` when the RFQ
    /// has ended, did not ask for the side or has no such quote. `arrival_ms` as for [`best()`].
    pub fn best(&self, side: Side, now: UtcMillis, arrival_ms: i64) -> Option<Best> {
        if self.state.ended() || !self.terms.ask.allows(side) {
            return None;
        }
        let live = self.lines.iter().filter_map(|l| l.live_quote(now));
        best(self.direction(), live, side, self.terms.quantity, now, arrival_ms)
    }

    /// Moves the request. While an accept is in flight, what would end it waits.
    fn request_event(&mut self, event: RequestEvent) -> Result<bool, RfqError> {
        let outcome = lifecycle::request(self.state, event);
        if outcome == Outcome::Never {
            return Err(RfqError::Ended);
        }
        if event.waits_for_the_answer() && self.in_flight() {
            return Err(RfqError::AcceptInFlight);
        }
        match outcome {
            Outcome::To(state) => {
                self.state = state;
                if state.ended() {
                    self.drop_counters();
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The gateway has it and has asked the dealers.
    pub fn acknowledge(&mut self) {
        let _ = self.request_event(RequestEvent::Acknowledged);
    }

    /// The gateway, or a plain venue, refuses the whole request. Returns whether it ended by this.
    pub fn refuse(&mut self, reason: String) -> bool {
        let refused = self.request_event(RequestEvent::Refused) == Ok(true);
        if refused {
            self.drop_armed("the RFQ was refused");
            self.reason = Some(reason);
        }
        refused
    }

    /// A price, as far as [`Quote::large_enough`] leaves it. The same quote again (a resend)
    /// changes nothing, unless a lost link took it away; a new one replaces the old one and disarms
    /// an accept armed on it. Returns whether anything changed.
    pub fn quote(&mut self, quote: Quote, now: UtcMillis) -> Result<bool, RfqError> {
        if lifecycle::request(self.state, RequestEvent::Quoted) == Outcome::Never {
            return Err(RfqError::Ended);
        }
        let quote = quote.large_enough(&self.terms);
        let dealer = quote.dealer.clone();
        self.line_mut(&dealer)?;
        // What comes after a counter's time is no answer to it, whether or not a tick was first.
        let over = self.counters_over(now);
        let line = self.line_mut(&dealer)?;
        let same = line.quote.as_ref() == Some(&quote);
        let event = match (same, quote.live(now)) {
            (true, true) => LineEvent::SameQuote,
            (true, false) => LineEvent::TimeUp,
            (false, true) => LineEvent::NewQuote,
            (false, false) => LineEvent::DeadQuote,
        };
        let Outcome::To(phase) = lifecycle::line(line.state.phase(), event) else {
            line.repeated |= event == LineEvent::SameQuote;
            return Ok(over);
        };
        line.state =
            if phase == LinePhase::Quoted { LineState::Quoted } else { LineState::Expired };
        if !same {
            let before = line.quote.replace(quote);
            line.quoted_at = now;
            line.revision = line.revision.saturating_add(1);
            self.answer_counter(&dealer);
            self.requoted(&dealer, before.as_ref(), now);
        }
        let _ = self.request_event(RequestEvent::Quoted);
        Ok(true)
    }

    /// The dealer took its quote back. A withdrawal of a quote that has been replaced changes
    /// nothing.
    pub fn withdraw(
        &mut self,
        dealer: &DealerId,
        quote: Option<&QuoteId>,
    ) -> Result<bool, RfqError> {
        let line = self.line_mut(dealer)?;
        let current = line.quote.as_ref().is_some_and(|q| quote.is_none_or(|id| &q.id == id));
        let moved = current && self.line_event(dealer, LineEvent::Withdrawn, LineState::Withdrawn);
        if moved {
            self.counter_event(dealer, CounterEvent::LineOver, CounterState::Dropped);
            self.disarm_if_on(dealer, "the dealer withdrew its quote");
        }
        Ok(moved)
    }

    /// From a snapshot: the dealer has quoted, which this end never saw, and has withdrawn the
    /// quote. Changes no line that has a quote, or that ended.
    pub fn withdrawn_before(&mut self, dealer: &DealerId) -> bool {
        let Ok(line) = self.line_mut(dealer) else { return false };
        let unseen = line.state == LineState::Asked && line.quote.is_none();
        if unseen {
            line.state = LineState::Withdrawn;
        }
        unseen
    }

    /// The dealer cannot be reached: what it quotes cannot be taken until it, or the gateway, says
    /// it again. Returns whether a live quote went away by this.
    pub fn unreachable(&mut self, dealer: &DealerId) -> bool {
        if let Ok(line) = self.line_mut(dealer) {
            line.repeated = false;
        }
        if self.line_event(dealer, LineEvent::LinkLost, LineState::CounterOver) {
            return self.counter_event(dealer, CounterEvent::LineOver, CounterState::Dropped);
        }
        let moved = self.line_event(dealer, LineEvent::LinkLost, LineState::Unreachable);
        if moved {
            self.disarm_if_on(dealer, "the link to the dealer was lost");
        }
        moved
    }

    /// The desk's own link is lost: no quote can be taken until it is repeated, and an accept that
    /// has left is without an answer. One that has not left stays armed and cannot be sent. Returns
    /// whether anything changed.
    pub fn link_lost(&mut self) -> bool {
        let lines = self.await_repeats();
        self.answer_lost() || lines
    }

    /// No quote can be taken until it is repeated. Returns whether a live quote went away by this.
    pub fn await_repeats(&mut self) -> bool {
        self.lines.iter_mut().for_each(|l| l.repeated = false);
        let dealers: Vec<DealerId> = self.lines.iter().map(|l| l.dealer.clone()).collect();
        let lines = dealers
            .iter()
            .filter(|d| self.line_event(d, LineEvent::OwnLinkLost, LineState::Unreachable))
            .count();
        lines > 0
    }

    /// The link is back and everything that still stands was repeated. A quote that was not is no
    /// longer there; the dealers in `out_of_reach` were named as such. An armed accept whose quote
    /// cannot be taken is dropped. Returns how many quotes were not repeated.
    pub fn settle_repeats(&mut self, out_of_reach: impl Fn(&DealerId) -> bool) -> usize {
        let dealers: Vec<DealerId> = self.lines.iter().map(|l| l.dealer.clone()).collect();
        let mut missing = 0;
        for d in &dealers {
            let reason = if out_of_reach(d) {
                "the link to the dealer was lost"
            } else if self.line_event(d, LineEvent::NotRepeated, LineState::NotRepeated) {
                missing += 1;
                "its quote was not repeated when the connection came back"
            } else {
                continue;
            };
            if self.line(d).is_some_and(|l| l.state != LineState::Quoted) {
                self.disarm_if_on(d, reason);
            }
        }
        missing
    }

    /// The dealer will not quote, or no longer. 658=10 is "pass"; anything else is a rejection.
    pub fn pass(&mut self, dealer: &DealerId, why: Passed) -> Result<(), RfqError> {
        self.line_mut(dealer)?;
        let passes = why.code == REASON_PASS;
        let (event, state) = if passes {
            (LineEvent::Passed, LineState::Passed(why))
        } else {
            (LineEvent::Rejected, LineState::Rejected(why))
        };
        if !self.line_event(dealer, event, state) {
            return Err(RfqError::Ended);
        }
        self.counter_event(dealer, CounterEvent::LineOver, CounterState::Dropped);
        self.disarm_if_on(dealer, "the dealer passed");
        Ok(())
    }

    /// Every dealer has said no, or was told no: nothing more can come.
    pub fn nobody_left(&self) -> bool {
        self.lines.iter().all(|l| {
            matches!(
                l.state,
                LineState::Passed(_) | LineState::Rejected(_) | LineState::TurnedDown(_)
            )
        })
    }

    /// Time passes: quotes end, then the RFQ. Returns whether anything changed.
    pub fn tick(&mut self, now: UtcMillis) -> bool {
        if self.state.ended() {
            return false;
        }
        let over = |l: &&Line| l.quote.as_ref().is_some_and(|q| !q.live(now));
        let over: Vec<DealerId> =
            self.lines.iter().filter(over).map(|l| l.dealer.clone()).collect();
        let mut changed = self.counters_over(now);
        for d in &over {
            if self.line_event(d, LineEvent::TimeUp, LineState::Expired) {
                self.disarm_if_on(d, "the quote expired");
                changed = true;
            }
        }
        // An accept in flight outlives the RFQ's clock: its answer decides.
        if now >= self.expires() && self.request_event(RequestEvent::TimeUp) == Ok(true) {
            self.drop_armed("the RFQ expired");
            return true;
        }
        changed
    }

    /// The next moment at which `tick` would change something.
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        if self.state.ended() {
            return None;
        }
        let quotes = self.lines.iter().filter(|l| l.state.may_expire());
        let quotes = quotes.filter_map(|l| l.quote.as_ref()).map(|q| q.valid_until);
        let own = (!self.in_flight()).then_some(self.expires());
        let counters = self.lines.iter().filter_map(|l| l.counter_sent()).map(|c| c.until);
        quotes.chain(own).chain(counters).min()
    }

    /// Ends the RFQ without a trade (`Cancelled`, `Expired`, `NothingDone` when nobody is left, or
    /// `TakenOver`).
    pub fn end(&mut self, state: RfqState, reason: Option<String>) -> Result<(), RfqError> {
        let event = match state {
            RfqState::Expired => RequestEvent::TimeUp,
            RfqState::NothingDone => RequestEvent::NobodyLeft,
            RfqState::TakenOver => RequestEvent::TakenOver,
            _ => RequestEvent::Ended,
        };
        self.request_event(event)?;
        self.drop_armed("the RFQ ended");
        self.reason = reason;
        Ok(())
    }

    /// Ends the RFQ although its accept is unknown, since nobody can be asked about it. The accept
    /// stays unknown, for people to settle. Returns whether it ended by this.
    pub fn end_unanswered(&mut self, reason: String) -> bool {
        let unknown = matches!(self.accept, Some((_, AcceptState::Unknown)));
        let outcome = lifecycle::request(self.state, RequestEvent::Ended);
        let (Outcome::To(state), true) = (outcome, unknown) else { return false };
        self.state = state;
        self.drop_counters();
        self.reason = Some(reason);
        true
    }
}

/// QuoteRequestRejectReason (658) 10, "Pass".
pub const REASON_PASS: u16 = 10;

#[cfg(test)]
mod package_tests;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod type_tests;
