//! What a trader says to one dealer without agreeing to a trade: that nothing will be traded with
//! it (QuoteResponse, 35=AJ, with 694=6).

use super::{LineState, Rfq};
use crate::{
    AcceptRefusal, DealerId, Quote, RfqState, UtcMillis,
    lifecycle::{LineEvent, Outcome, line},
};

/// Longest reason, characters.
pub const PASS_REASON_MAX: usize = 100;

impl Rfq {
    /// The quote that is not taken, when the trader passes on this dealer; or why that cannot be
    /// said now. Desk and gateway both call this.
    pub fn check_pass(&self, dealer: &DealerId, now: UtcMillis) -> Result<&Quote, AcceptRefusal> {
        if self.state.ended() || self.state == RfqState::Sent {
            return Err(AcceptRefusal::RfqNotOpen(self.state));
        }
        let of_dealer = |a: &crate::Accept| &a.dealer == dealer;
        if self.in_flight() && self.accept.as_ref().is_some_and(|(a, _)| of_dealer(a)) {
            return Err(AcceptRefusal::InFlight);
        }
        let l = self.line(dealer).ok_or_else(|| AcceptRefusal::NotAsked(dealer.clone()))?;
        let quote = l.quote.as_ref().ok_or_else(|| AcceptRefusal::NoQuote(dealer.clone()))?;
        match l.state {
            LineState::Quoted | LineState::Expired => Ok(quote),
            LineState::Unreachable => Err(AcceptRefusal::Unreachable),
            LineState::NotRepeated => Err(AcceptRefusal::NotRepeated),
            _ if now >= self.expires() => Err(AcceptRefusal::Expired),
            _ => Err(AcceptRefusal::Withdrawn),
        }
    }

    /// The trader has passed on this dealer. Returns whether the line changed by it.
    pub fn turned_down(&mut self, dealer: &DealerId, reason: String) -> bool {
        let moves = self.line(dealer).map(|l| line(l.state.phase(), LineEvent::TurnedDown));
        let moved = matches!(moves, Some(Outcome::To(_)))
            && self.line_event(dealer, LineEvent::TurnedDown, LineState::TurnedDown(reason));
        if moved {
            self.disarm_if_on(dealer, "you passed on this dealer");
        }
        moved
    }
}
