//! The present accept of an RFQ: armed, sent, answered, or dropped with its reason.

use super::{Rfq, RfqError};
use crate::{
    Accept, AcceptId, AcceptRefusal, AcceptState, DealerId, Declined, Leg, Limit, LineState, Quote,
    RfqState, Side, StatedLeg, UtcMillis,
    lifecycle::{self, AcceptEvent, AcceptPhase, Outcome},
};
use rust_decimal::Decimal;

impl Rfq {
    /// Whether the present accept has left and has no answer yet.
    pub fn in_flight(&self) -> bool {
        self.accept.as_ref().is_some_and(|(_, s)| s.in_flight())
    }

    /// Whether a quote may be answered now, by an accept or a counter.
    pub(super) fn may_answer(&self) -> Result<(), AcceptRefusal> {
        if self.state.ended() || self.state == RfqState::Sent {
            return Err(AcceptRefusal::RfqNotOpen(self.state));
        }
        if self.in_flight() {
            return Err(AcceptRefusal::InFlight);
        }
        if self.is_disputed() {
            return Err(AcceptRefusal::Disputed);
        }
        Ok(())
    }

    /// The quantity an accept of this whole quote must carry: what was asked, or all of a smaller
    /// quote.
    pub fn accept_quantity(&self, quote: &Quote, side: Side) -> Option<Decimal> {
        quote.level(side).map(|l| l.size.min(self.terms.quantity))
    }

    /// Whether `accept` matches the quote that stands now, in every part. Desk and gateway both
    /// call this.
    pub fn check_accept(
        &self,
        accept: &Accept,
        now: UtcMillis,
        arrival_ms: i64,
    ) -> Result<(), AcceptRefusal> {
        self.may_answer()?;
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
            LineState::NotRepeated => return Err(AcceptRefusal::NotRepeated),
            LineState::Countered | LineState::CounterOver => return Err(AcceptRefusal::Countered),
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
        if let Some(limit) =
            accept.limit.filter(|l| !l.allows(self.direction(), accept.side, accept.price))
        {
            return Err(AcceptRefusal::LimitBetter { limit: limit.price, price: accept.price });
        }
        if level.price != accept.price {
            return Err(AcceptRefusal::OtherPrice { quoted: level.price, accepted: accept.price });
        }
        let whole = level.size.min(self.terms.quantity);
        if whole != accept.quantity {
            self.check_part(accept, whole)?;
        }
        if let Some(least) = self.terms.min_quantity.filter(|least| accept.quantity < *least) {
            return Err(AcceptRefusal::BelowMinimum { accepted: accept.quantity, least });
        }
        self.check_accepted_legs(quote, accept)
    }

    fn check_accepted_legs(&self, quote: &Quote, accept: &Accept) -> Result<(), AcceptRefusal> {
        let agreed = self.terms.agreed_legs(quote, accept.side);
        let agreed = agreed.ok_or(AcceptRefusal::NoPriceOnSide)?;
        let most = agreed.len().max(accept.legs.len());
        match (0..most).find(|i| agreed.get(*i) != accept.legs.get(*i)) {
            Some(i) => Err(AcceptRefusal::OtherLeg(i + 1)),
            None => Ok(()),
        }
    }

    /// An accept with a limit as it can be taken now: on its dealer's quote that stands, whichever
    /// that is. One without a limit stays as it is. Of a package each leg must be the one that was
    /// asked for, and the quote's prices of the legs take the place of those that were seen.
    pub fn followed(&self, accept: &Accept, now: UtcMillis) -> Result<Accept, AcceptRefusal> {
        // What hinders the accept as it is says it best.
        let Some(limit) = accept.limit.filter(|_| !self.state.ended()) else {
            return Ok(accept.clone());
        };
        if now >= limit.until {
            return Err(AcceptRefusal::LimitOver);
        }
        if !limit.allows(self.direction(), accept.side, accept.price) {
            return Err(AcceptRefusal::LimitBetter { limit: limit.price, price: accept.price });
        }
        let stands = self.line(&accept.dealer).and_then(|l| l.live_quote(now));
        let Some((quote, level)) = stands.and_then(|q| Some((q, q.level(accept.side)?))) else {
            return Ok(accept.clone());
        };
        if !limit.allows(self.direction(), accept.side, level.price) {
            return Err(AcceptRefusal::BeyondLimit { quoted: level.price, limit: limit.price });
        }
        let legs =
            self.terms.agreed_legs(quote, accept.side).ok_or(AcceptRefusal::NoPriceOnSide)?;
        if let Some(leg) = accept.other_leg(&legs) {
            return Err(AcceptRefusal::OtherLeg(leg));
        }
        if !accept.is_net() {
            return Err(AcceptRefusal::NotNet(accept.price));
        }
        Ok(Accept { quote: quote.id.clone(), price: level.price, legs, ..accept.clone() })
    }

    /// Whether an accept with a limit may still find a quote: none may stand for a moment while its
    /// dealer replaces it.
    pub fn may_follow(&self, accept: &Accept, now: UtcMillis) -> bool {
        let open = !self.state.ended() && self.state != RfqState::Sent && now < self.expires();
        let line = self.line(&accept.dealer).is_some_and(|l| {
            !matches!(
                l.state,
                LineState::Passed(_)
                    | LineState::Rejected(_)
                    | LineState::TurnedDown(_)
                    | LineState::Traded
            )
        });
        accept.limit.is_some_and(|l| now < l.until)
            && self.asked_in_legs(accept)
            && open
            && line
            && !self.in_flight()
    }

    /// Whether an accept is of the whole package: its legs, each at one price, and their sum as its
    /// price. Of a single instrument always.
    fn asked_in_legs(&self, accept: &Accept) -> bool {
        let asked = |(leg, stated): (&Leg, &StatedLeg)| {
            let price = (stated.bid, stated.offer);
            let plain = StatedLeg { bid: None, offer: None, ..stated.clone() };
            plain == StatedLeg::of(leg)
                && match leg.side_in(accept.side) {
                    Side::Buy => matches!(price, (None, Some(_))),
                    Side::Sell => matches!(price, (Some(_), None)),
                }
        };
        let whole = !self.terms.is_package() || accept.quantity == self.terms.quantity;
        whole
            && accept.instrument == self.terms.instrument
            && self.terms.legs.len() == accept.legs.len()
            && self.terms.legs.iter().zip(&accept.legs).all(asked)
            && accept.is_net()
    }

    /// The gateway says on which quote it passed the present accept on. Returns whether that is
    /// what the trader agreed to; if not, nothing changes.
    pub fn passed_on(&mut self, as_sent: &Accept) -> bool {
        let part_of = match &self.accept {
            Some((a, s)) if s.in_flight() && a.agrees_to(self.direction(), as_sent) => {
                let same = (&a.quote, a.price) == (&as_sent.quote, as_sent.price);
                a.part_of.filter(|_| same)
            }
            _ => return false,
        };
        let sent = self.beside_its_quote(Accept { part_of, ..as_sent.clone() });
        if let Some((a, _)) = &mut self.accept {
            *a = sent;
        }
        true
    }

    /// The gateway says in a report at which price it passed the present accept on, when what said
    /// it first was lost. `executed` are the legs of the report: of a package they say the prices
    /// of the legs. Returns whether that is another price that the trader agreed to; if it was not
    /// agreed to, nothing changes. It took another quote then than the one that was named: the one
    /// on the line, if that has the price; else what the quote was for is not known.
    pub fn passed_on_at(&mut self, id: &AcceptId, price: Decimal, executed: &[StatedLeg]) -> bool {
        let as_sent = match &self.accept {
            Some((a, _)) if a.id == *id && a.price != price => {
                let quote = self.quote_at(a, price).map_or(&a.quote, |q| &q.id).clone();
                Accept { quote, price, legs: at_prices(&a.legs, executed), ..a.clone() }
            }
            _ => return false,
        };
        self.passed_on(&as_sent)
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
        self.accept = Some((self.beside_its_quote(accept), AcceptState::Armed));
        Ok(())
    }

    /// Lets the armed accept follow its dealer's quotes up to a limit. Returns whether it is armed
    /// and the limit is not better than its price.
    pub fn set_limit(&mut self, limit: Limit) -> bool {
        let way = self.direction();
        match &mut self.accept {
            Some((a, AcceptState::Armed)) if limit.allows(way, a.side, a.price) => {
                a.limit = Some(limit);
                true
            }
            _ => false,
        }
    }

    /// The trader takes an armed accept back. One that has left stays.
    pub fn disarm(&mut self) {
        if matches!(self.accept, Some((_, AcceptState::Armed))) {
            self.accept = None;
        }
    }

    /// The armed accept leaves, if it still matches the quote that stands now.
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

    /// Puts an accept that was let through earlier in flight, whatever quote stands now; for
    /// replays of a journal or a file. Returns whether it was put in.
    pub fn sent_before(&mut self, accept: Accept) -> bool {
        if self.accept_of(&accept.id).is_some() || self.in_flight() {
            return false;
        }
        self.shelve_accept();
        self.accept = Some((self.beside_its_quote(accept), AcceptState::Sent));
        true
    }

    /// Finds the present accept only: an earlier one cannot be answered any other way than by a
    /// report.
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

    /// Desk, gateway or dealer refuse the accept without a report. The RFQ goes on: another quote
    /// may be taken.
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

    pub(super) fn shelve_accept(&mut self) {
        match self.accept.take() {
            Some((_, AcceptState::Armed)) | None => {}
            Some(done) => self.past.push(done),
        }
    }

    /// An accept armed on a replaced quote stays armed when the new quote has the same terms, which
    /// the trader has read. Any other change disarms it.
    pub(super) fn requoted(&mut self, dealer: &DealerId, before: Option<&Quote>, now: UtcMillis) {
        let Some((armed, AcceptState::Armed)) = &self.accept else { return };
        if &armed.dealer != dealer {
            return;
        }
        let after = self.line(dealer).and_then(|l| l.live_quote(now)).filter(|q| q.tradeable);
        let stands = before
            .zip(after)
            .filter(|(b, a)| b.id == armed.quote && b.level(armed.side) == a.level(armed.side))
            .filter(|(_, a)| self.terms.agreed_legs(a, armed.side).as_ref() == Some(&armed.legs));
        match (stands.map(|(_, a)| a.id.clone()), &mut self.accept) {
            (Some(quote), Some((armed, _))) => armed.quote = quote,
            _ => self.drop_armed("the dealer re-quoted"),
        }
    }

    pub(super) fn disarm_if_on(&mut self, dealer: &DealerId, why: &str) {
        if matches!(&self.accept, Some((a, _)) if &a.dealer == dealer) {
            self.drop_armed(why);
        }
    }

    /// The armed accept is kept as declined by the desk, so that the trader sees why the button
    /// disappeared.
    pub(super) fn drop_armed(&mut self, why: &str) {
        if let Some((_, s)) = &mut self.accept
            && lifecycle::accept(s.phase(), AcceptEvent::Dropped)
                == Outcome::To(AcceptPhase::Declined)
        {
            *s = AcceptState::Declined(Declined::ByDesk(why.into()));
        }
    }
}

/// The legs of an accept at the prices at which they were executed, as far as those are stated.
fn at_prices(agreed: &[StatedLeg], executed: &[StatedLeg]) -> Vec<StatedLeg> {
    let at = |(i, l): (usize, &StatedLeg)| {
        let last = executed.get(i).filter(|e| e.instrument == l.instrument).and_then(|e| e.last);
        StatedLeg {
            bid: l.bid.map(|p| last.unwrap_or(p)),
            offer: l.offer.map(|p| last.unwrap_or(p)),
            ..l.clone()
        }
    };
    agreed.iter().enumerate().map(at).collect()
}
