//! The RFQ state machine. One value per RFQ, held by desk and gateway alike.
//!
//! Every move is looked up in the tables of [`crate::lifecycle`]; here is what goes with a move.

mod executions;
mod line;

pub use executions::{Known, MAX_DISPUTES_PER_RFQ, MAX_EXECUTIONS_PER_RFQ, Report, Taken};
pub use line::{Line, LineState, Passed};

use crate::{
    Accept, AcceptId, AcceptRefusal, AcceptState, Best, DealerId, Declined, Dispute, Quote,
    QuoteId, Side, Terms, UtcMillis, best,
    lifecycle::{
        self, AcceptEvent, AcceptPhase, LineEvent, LinePhase, Outcome, RequestEvent, RfqState,
    },
};
use rust_decimal::Decimal;
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
    /// What was asked; never changes.
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
            revision: 0,
        };
        Self {
            lines: terms.dealers.iter().map(line).collect(),
            terms,
            deadline: None,
            state: RfqState::Sent,
            accept: None,
            past: Vec::new(),
            executions: Vec::new(),
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
        let moves = matches!(lifecycle::line(line.state.phase(), event), Outcome::To(to) if to == state.phase());
        if moves {
            line.state = state;
        }
        moves
    }

    /// Whether the present accept has left and has no answer yet.
    pub fn in_flight(&self) -> bool {
        self.accept.as_ref().is_some_and(|(_, s)| s.in_flight())
    }

    /// The best price a customer on `side` can take now for the whole quantity; `None` when the RFQ
    /// has ended, did not ask for the side or has no such quote. `arrival_ms` as for [`best()`].
    pub fn best(&self, side: Side, now: UtcMillis, arrival_ms: i64) -> Option<Best> {
        if self.state.ended() || !self.terms.ask.allows(side) {
            return None;
        }
        let live = self.lines.iter().filter_map(|l| l.live_quote(now));
        best(live, side, self.terms.quantity, now, arrival_ms)
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

    /// A price. The same quote again (a resend) changes nothing, unless a lost link took it away; a
    /// new one replaces the old one and disarms an accept armed on it. Returns whether anything
    /// changed.
    pub fn quote(&mut self, quote: Quote, now: UtcMillis) -> Result<bool, RfqError> {
        if lifecycle::request(self.state, RequestEvent::Quoted) == Outcome::Never {
            return Err(RfqError::Ended);
        }
        let dealer = quote.dealer.clone();
        let line = self.line_mut(&dealer)?;
        let same = line.quote.as_ref() == Some(&quote);
        let event = match (same, quote.live(now)) {
            (true, true) => LineEvent::SameQuote,
            (true, false) => LineEvent::TimeUp,
            (false, true) => LineEvent::NewQuote,
            (false, false) => LineEvent::DeadQuote,
        };
        let Outcome::To(phase) = lifecycle::line(line.state.phase(), event) else {
            return Ok(false);
        };
        line.state =
            if phase == LinePhase::Quoted { LineState::Quoted } else { LineState::Expired };
        if !same {
            let before = line.quote.replace(quote);
            line.quoted_at = now;
            line.revision = line.revision.saturating_add(1);
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
            self.disarm_if_on(dealer, "the dealer withdrew its quote");
        }
        Ok(moved)
    }

    /// As a snapshot tells it of a quote that this end never saw: the dealer has answered and has
    /// taken its answer back. Says nothing of a line that has a quote, or that ended.
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
        let moved = self.line_event(dealer, LineEvent::LinkLost, LineState::Unreachable);
        if moved {
            self.disarm_if_on(dealer, "the link to the dealer was lost");
        }
        moved
    }

    /// The desk's own link is lost: no quote can be taken, an accept that has left is without an
    /// answer, and one that has not left is dropped. Returns whether anything changed.
    pub fn link_lost(&mut self) -> bool {
        self.drop_armed("the connection was lost before it was sent");
        let dealers: Vec<DealerId> = self.lines.iter().map(|l| l.dealer.clone()).collect();
        let lines = dealers
            .iter()
            .filter(|d| self.line_event(d, LineEvent::LinkLost, LineState::Unreachable))
            .count();
        self.answer_lost() || lines > 0
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
        self.disarm_if_on(dealer, "the dealer passed");
        Ok(())
    }

    /// Every dealer has said no: nothing more can come.
    pub fn nobody_left(&self) -> bool {
        self.lines.iter().all(|l| matches!(l.state, LineState::Passed(_) | LineState::Rejected(_)))
    }

    /// Time passes: quotes end, then the RFQ. Returns whether anything changed.
    pub fn tick(&mut self, now: UtcMillis) -> bool {
        if self.state.ended() {
            return false;
        }
        let over = |l: &&Line| l.quote.as_ref().is_some_and(|q| !q.live(now));
        let over: Vec<DealerId> =
            self.lines.iter().filter(over).map(|l| l.dealer.clone()).collect();
        let mut changed = false;
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
        let quotes = self
            .lines
            .iter()
            .filter(|l| matches!(l.state, LineState::Quoted | LineState::Unreachable));
        let quotes = quotes.filter_map(|l| l.quote.as_ref()).map(|q| q.valid_until);
        let own = (!self.in_flight()).then_some(self.expires());
        quotes.chain(own).min()
    }

    /// Ends the RFQ without a trade (`Cancelled`, `Expired`, or `NothingDone` when nobody is left).
    pub fn end(&mut self, state: RfqState, reason: Option<String>) -> Result<(), RfqError> {
        let event = match state {
            RfqState::Expired => RequestEvent::TimeUp,
            RfqState::NothingDone => RequestEvent::NobodyLeft,
            _ => RequestEvent::Ended,
        };
        self.request_event(event)?;
        self.drop_armed("the RFQ ended");
        self.reason = reason;
        Ok(())
    }

    /// The quantity an accept of this quote must carry: what was asked, or all of a smaller quote.
    pub fn accept_quantity(&self, quote: &Quote, side: Side) -> Option<Decimal> {
        quote.level(side).map(|l| l.size.min(self.terms.quantity))
    }

    /// Whether `accept` is exactly what stands on the table now. Desk and gateway both ask this.
    pub fn check_accept(
        &self,
        accept: &Accept,
        now: UtcMillis,
        arrival_ms: i64,
    ) -> Result<(), AcceptRefusal> {
        if self.state.ended() || self.state == RfqState::Sent {
            return Err(AcceptRefusal::RfqNotOpen(self.state));
        }
        if self.in_flight() {
            return Err(AcceptRefusal::InFlight);
        }
        if self.is_disputed() {
            return Err(AcceptRefusal::Disputed);
        }
        if self.past.iter().any(|(a, _)| a.id == accept.id) {
            return Err(AcceptRefusal::IdUsed);
        }
        if accept.instrument != self.terms.instrument {
            return Err(AcceptRefusal::OtherInstrument);
        }
        if !self.terms.ask.allows(accept.side) {
            return Err(AcceptRefusal::SideNotAsked);
        }
        let line = self
            .line(&accept.dealer)
            .ok_or_else(|| AcceptRefusal::NotAsked(accept.dealer.clone()))?;
        let quote =
            line.quote.as_ref().ok_or_else(|| AcceptRefusal::NoQuote(accept.dealer.clone()))?;
        if quote.id != accept.quote {
            return Err(AcceptRefusal::Requoted);
        }
        match line.state {
            LineState::Quoted => {}
            LineState::Expired => return Err(AcceptRefusal::Expired),
            LineState::Unreachable => return Err(AcceptRefusal::Unreachable),
            _ => return Err(AcceptRefusal::Withdrawn),
        }
        if !quote.live(now) || now >= self.expires() {
            return Err(AcceptRefusal::Expired);
        }
        if !quote.live(now + arrival_ms) {
            return Err(AcceptRefusal::TooLateToArrive);
        }
        self.check_level(quote, accept)
    }

    fn check_level(&self, quote: &Quote, accept: &Accept) -> Result<(), AcceptRefusal> {
        if !quote.tradeable {
            return Err(AcceptRefusal::Indicative);
        }
        let level = quote.level(accept.side).ok_or(AcceptRefusal::NoPriceOnSide)?;
        if level.price != accept.price {
            return Err(AcceptRefusal::OtherPrice { quoted: level.price, accepted: accept.price });
        }
        let quantity = level.size.min(self.terms.quantity);
        if quantity != accept.quantity {
            return Err(AcceptRefusal::OtherQuantity {
                quoted: quantity,
                accepted: accept.quantity,
            });
        }
        Ok(())
    }

    /// Shows an accept to the trader. Replaces whatever was armed before.
    pub fn arm(
        &mut self,
        accept: Accept,
        now: UtcMillis,
        arrival_ms: i64,
    ) -> Result<(), AcceptRefusal> {
        self.check_accept(&accept, now, arrival_ms)?;
        self.shelve_accept();
        self.accept = Some((accept, AcceptState::Armed));
        Ok(())
    }

    /// The trader takes an armed accept back. One that has left stays.
    pub fn disarm(&mut self) {
        if matches!(self.accept, Some((_, AcceptState::Armed))) {
            self.accept = None;
        }
    }

    /// The armed accept leaves, if it is still exactly what stands on the table.
    pub fn send_accept(
        &mut self,
        id: &AcceptId,
        now: UtcMillis,
        arrival_ms: i64,
    ) -> Result<Accept, AcceptRefusal> {
        let accept = match &self.accept {
            Some((a, s)) if &a.id == id => {
                match lifecycle::accept(s.phase(), AcceptEvent::Confirmed) {
                    Outcome::To(_) => a.clone(),
                    _ if s.in_flight() => return Err(AcceptRefusal::InFlight),
                    _ => return Err(AcceptRefusal::NotArmed),
                }
            }
            _ => return Err(AcceptRefusal::NotArmed),
        };
        self.check_accept(&accept, now, arrival_ms)?;
        self.accept = Some((accept.clone(), AcceptState::Sent));
        Ok(accept)
    }

    /// An accept that was let through earlier is in flight, whatever stands on the table now: for
    /// whoever reads it from a journal or a file. Returns whether it was put in.
    pub fn sent_before(&mut self, accept: Accept) -> bool {
        if self.accept_of(&accept.id).is_some() || self.in_flight() {
            return false;
        }
        self.shelve_accept();
        self.accept = Some((accept, AcceptState::Sent));
        true
    }

    /// An earlier accept cannot be answered by these: they find the present one only.
    fn accept_mut(&mut self, id: &AcceptId) -> Result<&mut (Accept, AcceptState), RfqError> {
        match &mut self.accept {
            Some(a) if &a.0.id == id => Ok(a),
            _ => Err(RfqError::NoSuchAccept),
        }
    }

    /// Moves the present accept to `state`, if that is where the table moves it by `event`.
    fn accept_event(
        &mut self,
        id: &AcceptId,
        event: AcceptEvent,
        state: AcceptState,
    ) -> Result<bool, RfqError> {
        let (_, now) = self.accept_mut(id)?;
        let moves =
            matches!(lifecycle::accept(now.phase(), event), Outcome::To(to) if to == state.phase());
        if moves {
            *now = state;
        }
        Ok(moves)
    }

    /// The dealer acknowledges the accept and takes its last look (ExecType A).
    pub fn last_look(&mut self, id: &AcceptId) -> Result<bool, RfqError> {
        self.accept_event(id, AcceptEvent::Working, AcceptState::LastLook)
    }

    /// Refused by desk, gateway or dealer by other means than a report. The RFQ goes on: another
    /// quote may be taken.
    pub fn declined(&mut self, id: &AcceptId, why: Declined) -> Result<bool, RfqError> {
        self.accept_event(id, AcceptEvent::Refused, AcceptState::Declined(why))
    }

    /// The gateway says that this accept waits with it: its answer is not lost.
    pub fn waits_at_gateway(&mut self, id: &AcceptId) -> bool {
        self.accept_event(id, AcceptEvent::HeldAtGateway, AcceptState::Sent) == Ok(true)
    }

    /// The link was lost with the answer outstanding.
    pub fn answer_lost(&mut self) -> bool {
        let Some((a, _)) = &self.accept else { return false };
        let id = a.id.clone();
        self.accept_event(&id, AcceptEvent::LinkLost, AcceptState::Unknown) == Ok(true)
    }

    fn shelve_accept(&mut self) {
        match self.accept.take() {
            Some((_, AcceptState::Armed)) | None => {}
            Some(done) => self.past.push(done),
        }
    }

    /// What is armed on a quote that was replaced goes on where the new one says the same of it:
    /// the trader has read exactly these terms. Anything else disarms it.
    fn requoted(&mut self, dealer: &DealerId, before: Option<&Quote>, now: UtcMillis) {
        let Some((armed, AcceptState::Armed)) = &self.accept else { return };
        if &armed.dealer != dealer {
            return;
        }
        let after = self.line(dealer).and_then(|l| l.live_quote(now)).filter(|q| q.tradeable);
        let stands = before
            .zip(after)
            .filter(|(b, a)| b.id == armed.quote && b.level(armed.side) == a.level(armed.side));
        match (stands.map(|(_, a)| a.id.clone()), &mut self.accept) {
            (Some(quote), Some((armed, _))) => armed.quote = quote,
            _ => self.drop_armed("the dealer re-quoted"),
        }
    }

    fn disarm_if_on(&mut self, dealer: &DealerId, why: &str) {
        if matches!(&self.accept, Some((a, _)) if &a.dealer == dealer) {
            self.drop_armed(why);
        }
    }

    /// What was armed is kept as declined by the desk, so that the trader sees why the button went.
    fn drop_armed(&mut self, why: &str) {
        if let Some((_, s)) = &mut self.accept
            && lifecycle::accept(s.phase(), AcceptEvent::Dropped)
                == Outcome::To(AcceptPhase::Declined)
        {
            *s = AcceptState::Declined(Declined::ByDesk(why.into()));
        }
    }
}

/// QuoteRequestRejectReason (658) 10, "Pass".
pub const REASON_PASS: u16 = 10;

#[cfg(test)]
pub(crate) mod tests;
