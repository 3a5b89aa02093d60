//! What a trader says to one dealer without agreeing to a trade: that nothing will be traded with
//! it (QuoteResponse, 35=AJ, with 694=6).

use super::{CounterState, LineState, Rfq};
use crate::{
    AcceptRefusal, DealerId, Quote, RfqState, UtcMillis,
    lifecycle::{CounterEvent, LineEvent, Outcome, line},
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
            LineState::Quoted
            | LineState::Expired
            | LineState::Countered
            | LineState::CounterOver => Ok(quote),
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
            self.counter_event(dealer, CounterEvent::LineOver, CounterState::Dropped);
            self.disarm_if_on(dealer, "you passed on this dealer");
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{d, id, open, sent};
    use super::*;
    use crate::{Passed, REASON_PASS};

    const T: UtcMillis = UtcMillis(2_000);

    #[test]
    fn a_pass_is_said_about_a_quote_that_stands_or_has_expired() {
        let code = |r: &Rfq, dealer: &str, at| {
            r.check_pass(&d(dealer), at).map(|q| q.id.to_string()).map_err(|e| e.code())
        };
        let mut r = open();
        assert_eq!(code(&r, "A", T), Ok("a1".into()));
        assert_eq!(code(&r, "Z", T), Err("dealer.not_asked"));
        r.tick(UtcMillis(15_000));
        assert_eq!(code(&r, "A", UtcMillis(15_000)), Ok("a1".into()), "it has expired");
        assert!(r.unreachable(&d("B")));
        assert_eq!(code(&r, "B", UtcMillis(15_000)), Err("dealer.unreachable"));
        // An accept on its way to this dealer decides first; another dealer's does not.
        let r = sent();
        assert_eq!(code(&r, "A", T), Err("accept.in_flight"));
        assert_eq!(code(&r, "B", T), Ok("b1".into()));
        let mut r = open();
        r.pass(&d("A"), Passed { code: REASON_PASS, text: "no".into() }).unwrap();
        assert_eq!(code(&r, "A", T), Err("quote.withdrawn"));
        r.end(RfqState::Cancelled, None).unwrap();
        assert_eq!(code(&r, "B", T), Err("rfq.not_open"));
    }

    #[test]
    fn what_the_trader_said_holds_until_the_rfq_ends() {
        let mut r = open();
        r.arm(super::super::tests::accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
        assert!(r.turned_down(&d("A"), "slow".into()));
        assert!(!r.turned_down(&d("A"), "again".into()), "once");
        assert!(r.accept_of(&id("x1")).is_some_and(|(_, s)| s.phase().words() == "declined"));
        let again = crate::Quote {
            id: crate::QuoteId::new("a2").unwrap(),
            ..r.line(&d("A")).unwrap().quote.clone().unwrap()
        };
        assert_eq!(r.quote(again, T), Ok(false));
        let no = Passed { code: REASON_PASS, text: String::new() };
        assert!(r.pass(&d("A"), no).is_err());
        assert_eq!(r.line(&d("A")).unwrap().state, LineState::TurnedDown("slow".into()));
        assert!(!r.nobody_left());
        assert!(r.turned_down(&d("B"), String::new()));
        assert!(r.nobody_left());
        assert!(r.best(crate::Side::Buy, T, 0).is_none());
    }
}
