//! What a message would do if it went on now, for the stages that decide whether it may.

use super::{Doing, Router};
use rust_decimal::Decimal;
use signet_fix::message::{AppMessage, ApproveAhead, Response};
use signet_identity::CompId;
use signet_rfq::{
    Accept, Ask, DealerId, InstrumentId, Leg, Rfq, Side, Terms, UtcMillis, median_quoted,
};
use signet_stepup::{AcceptTerms, Action, AheadTerms, RequestTerms};

/// A message that would go on to dealers: the text to approve, and the facts for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What a person would approve by a touch, field for field what the desk sent.
    pub action: Action,
    /// What goes on, which is the same unless an accept with a limit takes a later quote.
    pub goes_on: Action,
    /// When the quote that an accept takes ends.
    pub ends: Option<UtcMillis>,
    /// What entitlements weigh.
    pub trade: Trade,
}

/// The trade that entitlements decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// What it is.
    pub step: TradeStep,
    /// The RFQ's instrument.
    pub instrument: InstrumentId,
    /// The sides a request asks for; of an accept the one side it takes.
    pub ask: Ask,
    /// The legs of a package, each with the sides that are asked for; empty for one instrument.
    pub legs: Vec<(InstrumentId, Ask)>,
    /// OrderQty (38), in the RFQ's currency; of a package the sum of all legs.
    pub quantity: Decimal,
    /// The dealers that a request asks, or the dealer whose quote an accept takes; with each,
    /// whether the journal remembers a trade with it.
    pub dealers: Vec<(DealerId, bool)>,
    /// How many dealers the RFQ asks.
    pub asked: usize,
    /// How much worse than the middle of what at least three dealers quote, hundredths of a per
    /// cent, rounded up; of yields and spreads ten times the distance in basis
    /// points, see [`signet_rfq::PriceType::as_of_a_price`].
    pub off_market_bps: Option<i64>,
    /// The desk's open and traded amounts, without this trade.
    pub doing: Doing,
}

/// Which part of a trade a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeStep {
    /// A QuoteRequest (R), or the taking over of one.
    Request,
    /// A QuoteResponse (AJ) with 694=1.
    Accept,
    /// A QuoteResponse (AJ) with 694=2.
    Counter,
}

impl Router {
    /// What would happen; `None` when the message would not go on, whether it is refused or asks
    /// for nothing that reaches a dealer.
    pub fn proposal(&self, desk: &CompId, m: &AppMessage, now: UtcMillis) -> Option<Proposal> {
        match m {
            AppMessage::QuoteRequest(q) => {
                let (_, terms) = self.check_request(desk, q, now).ok()?;
                let with = |d: &DealerId| (d.clone(), self.rfqs.traded_with(desk, d));
                let trade = Trade {
                    step: TradeStep::Request,
                    instrument: terms.instrument.clone(),
                    ask: terms.ask,
                    legs: legs_of(&terms, terms.ask),
                    quantity: terms.quantity,
                    dealers: terms.dealers.iter().map(with).collect(),
                    asked: terms.dealers.len(),
                    off_market_bps: None,
                    doing: self.doing(desk, now),
                };
                let action = Action::Request(RequestTerms::of(&terms));
                Some(Proposal { goes_on: action.clone(), action, ends: None, trade })
            }
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                let known = self.accepts.is_known(desk, &r.id);
                let checked = self.check_accept(desk, r, now).ok().filter(|_| !known)?;
                let (a, rfq) = (&checked.accept, &checked.rfq);
                let ask = ask_of(a.side);
                let trade = Trade {
                    step: TradeStep::Accept,
                    instrument: a.instrument.clone(),
                    ask,
                    legs: legs_of(&rfq.terms, ask),
                    quantity: a.quantity,
                    dealers: vec![(a.dealer.clone(), self.rfqs.traded_with(desk, &a.dealer))],
                    asked: rfq.terms.dealers.len(),
                    off_market_bps: off_market_bps(rfq, a, now),
                    doing: self.doing_without(desk, Some(&checked.id), now),
                };
                let quote = rfq.line(&a.dealer).and_then(|l| l.quote.as_ref());
                let ends = match a.limit {
                    // Later quotes may follow this one.
                    Some(limit) => Some(limit.until.min(rfq.expires())),
                    None => quote.map(|q| q.valid_until),
                };
                let sent = r.accept(a.rfq.clone(), a.dealer.clone());
                Some(Proposal {
                    action: Action::Accept(AcceptTerms::of(&sent, &rfq.terms)),
                    goes_on: Action::Accept(AcceptTerms::of(a, &rfq.terms)),
                    ends,
                    trade,
                })
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                let checked = self.check_counter(desk, r, now).ok()?;
                let (c, rfq) = (&checked.counter, &checked.rfq);
                let trade = Trade {
                    step: TradeStep::Counter,
                    instrument: rfq.terms.instrument.clone(),
                    ask: ask_of(c.side),
                    legs: Vec::new(),
                    quantity: c.quantity,
                    dealers: vec![(c.dealer.clone(), self.rfqs.traded_with(desk, &c.dealer))],
                    asked: rfq.terms.dealers.len(),
                    off_market_bps: None,
                    doing: self.doing_without(desk, Some(checked.rfq_id()), now),
                };
                // It commits the trader to no more than the request did.
                let action = Action::Request(RequestTerms::of(&rfq.terms));
                Some(Proposal { goes_on: action.clone(), action, ends: Some(c.until), trade })
            }
            _ => None,
        }
    }

    /// What a desk wants to approve ahead: its RFQ is open, the side was asked for, it is no more
    /// than the RFQ's quantity and lasts no longer. Or why not, in words for the trader.
    pub fn ahead(
        &self,
        desk: &CompId,
        a: &ApproveAhead,
        now: UtcMillis,
    ) -> Result<(AheadTerms, UtcMillis), &'static str> {
        let entry = self.find(desk, &a.rfq).and_then(|id| self.rfqs.get(&id));
        let mut rfq = entry.ok_or("the gateway has no such RFQ")?.rfq.clone();
        rfq.tick(now);
        if rfq.state.ended() || rfq.in_flight() {
            return Err("the RFQ has ended, or an accept of it is on its way");
        }
        if !rfq.terms.ask.allows(a.side) {
            return Err("this side was not asked for");
        }
        let package = rfq.terms.is_package();
        if a.quantity > rfq.terms.quantity {
            return Err("it is more than the RFQ asks for");
        }
        if package && a.quantity != rfq.terms.quantity {
            return Err("a package is taken as a whole");
        }
        // A net price may be zero or below.
        let signed = package || rfq.terms.price_type.may_be_negative();
        let below = a.limit.price <= Decimal::ZERO && !signed;
        if below || a.limit.until <= now {
            return Err("its limit is not a price, or its time is over");
        }
        let until = a.limit.until.min(rfq.expires());
        Ok((AheadTerms::of(&rfq.terms, a.side, a.quantity, a.limit), until))
    }

    /// Whether a message that waits may still be let through: it would go on now, or, with a limit,
    /// its dealer may quote again.
    pub fn may_go_on(&self, desk: &CompId, m: &AppMessage, now: UtcMillis) -> bool {
        if self.proposal(desk, m, now).is_some() {
            return true;
        }
        let AppMessage::QuoteResponse(r) = m else { return false };
        let Some((dealer, id)) = r.dealer.clone().zip(self.rfq_of_accept(desk, r).ok()) else {
            return false;
        };
        let Some(mut rfq) = self.rfqs.get(&id).map(|e| e.rfq.clone()) else { return false };
        rfq.tick(now);
        rfq.may_follow(&r.accept(rfq.terms.id.clone(), dealer), now)
    }

    /// A trading day begins so long after midnight UTC.
    pub fn day_begins(&mut self, ms: i64) {
        self.rfqs.day_begins(ms);
    }

    /// The pairs of desk and dealer that have traded, as far as the journal remembers.
    pub fn traded_pairs(&self) -> Vec<(CompId, DealerId)> {
        self.rfqs.pairs()
    }
}

/// A quote that is older than this says nothing of the market, milliseconds.
const REFERENCE_AGE_MAX_MS: i64 = 120_000;

/// Against the middle of what the dealers of the same RFQ quote, the accepted quote among them;
/// `None` when fewer than three quotes of late are large enough. So one dealer alone, however
/// absurd its quote, can neither block another's quote nor make a bad price look good.
fn off_market_bps(rfq: &Rfq, a: &Accept, now: UtcMillis) -> Option<i64> {
    let recent = rfq.lines.iter().filter(|l| now.since(l.quoted_at) <= REFERENCE_AGE_MAX_MS);
    let live = recent.filter_map(|l| l.live_quote(now));
    let middle = median_quoted(rfq.direction(), live, a.side, a.quantity)?;
    let worse = rfq.direction().worse(a.side, a.price, middle);
    // A share of a yield or a spread says nothing, and either may be zero.
    if let Some(points) = worse.and_then(|w| rfq.terms.price_type.as_of_a_price(w)) {
        return Some(points.map_or(i64::MAX, whole));
    }
    // A net price may be near zero: it is measured by the prices that it is made of.
    let of = match &rfq.terms.legs[..] {
        [] => Some(middle),
        legs => legs.iter().zip(&a.legs).try_fold(Decimal::ZERO, |sum, (leg, agreed)| {
            sum.checked_add(leg.ratio.checked_mul(agreed.agreed()?)?)
        }),
    };
    Some(worse.zip(of).map_or(i64::MAX, |(w, of)| bps(w, of)))
}

/// The side that is asked for in each leg.
pub(super) fn legs_of(terms: &Terms, ask: Ask) -> Vec<(InstrumentId, Ask)> {
    let in_leg = |l: &Leg| match ask {
        Ask::TwoWay => Ask::TwoWay,
        Ask::Buy => ask_of(l.side_in(Side::Buy)),
        Ask::Sell => ask_of(l.side_in(Side::Sell)),
    };
    terms.legs.iter().map(|l| (l.instrument.clone(), in_leg(l))).collect()
}

fn ask_of(side: Side) -> Ask {
    match side {
        Side::Buy => Ask::Buy,
        Side::Sell => Ask::Sell,
    }
}

/// `worse` as hundredths of a per cent of `of`, rounded up; `i64::MAX` when it cannot be computed.
fn bps(worse: Decimal, of: Decimal) -> i64 {
    if worse <= Decimal::ZERO {
        return 0;
    }
    let share = worse.checked_mul(Decimal::from(10_000)).and_then(|w| w.checked_div(of.abs()));
    share.map_or(i64::MAX, whole)
}

/// Rounded up; zero for what is not worse.
fn whole(bps: Decimal) -> i64 {
    i64::try_from(bps.ceil().max(Decimal::ZERO)).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "proposal_tests.rs"]
mod tests;
