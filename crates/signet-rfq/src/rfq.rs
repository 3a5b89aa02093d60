//! The RFQ state machine. One value per RFQ, held by desk and gateway alike.
//!
//! ```text
//! Sent -> Open -> Done | Expired | Cancelled | NothingDone          (Sent -> Refused)
//! line:   Asked -> Quoted -> (re-)Quoted | Withdrawn | Expired | Passed | Rejected | Traded
//! accept: Armed -> Sent -> LastLook? -> Filled | PartlyFilled | Declined | Unknown
//! ```

use crate::{
    Accept, AcceptId, AcceptRefusal, AcceptState, Best, DealerId, Declined, Execution, Instrument, InstrumentError, InstrumentId,
    MAX_DEALERS_PER_RFQ, Quote, QuoteId, RfqId, Side, TTL_MAX_S, TTL_MIN_S, UtcMillis, best,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What the customer wants to see prices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    Buy,
    Sell,
    TwoWay,
}

impl Ask {
    pub fn allows(self, side: Side) -> bool {
        matches!((self, side), (Self::TwoWay, _) | (Self::Buy, Side::Buy) | (Self::Sell, Side::Sell))
    }
}

/// What was asked. Never changes once sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub id: RfqId,
    pub instrument: InstrumentId,
    pub ask: Ask,
    pub quantity: Decimal,
    pub currency: String,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: String,
    pub dealers: Vec<DealerId>,
    /// ExpireTime (126).
    pub expires: UtcMillis,
    /// TransactTime (60).
    pub created: UtcMillis,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TermsError {
    #[error("no dealer was chosen")]
    NoDealer,
    #[error("more than {MAX_DEALERS_PER_RFQ} dealers were chosen")]
    TooManyDealers,
    #[error("{0} was chosen twice")]
    DealerTwice(DealerId),
    #[error("an RFQ stays open for {TTL_MIN_S} to {TTL_MAX_S} seconds")]
    BadTtl,
    #[error("the RFQ has expired before it arrived")]
    AlreadyExpired,
    #[error("{0} trades in {1}")]
    OtherCurrency(String, String),
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
}

impl Terms {
    /// The same check at the desk before sending and at the gateway on receipt.
    pub fn check(&self, instrument: &Instrument, now: UtcMillis) -> Result<(), TermsError> {
        if self.dealers.is_empty() {
            return Err(TermsError::NoDealer);
        }
        if self.dealers.len() > MAX_DEALERS_PER_RFQ {
            return Err(TermsError::TooManyDealers);
        }
        for (i, d) in self.dealers.iter().enumerate() {
            if self.dealers[..i].contains(d) {
                return Err(TermsError::DealerTwice(d.clone()));
            }
        }
        let ttl_ms = self.expires.since(self.created);
        if !(i64::from(TTL_MIN_S) * 1_000..=i64::from(TTL_MAX_S) * 1_000).contains(&ttl_ms) {
            return Err(TermsError::BadTtl);
        }
        if self.expires <= now {
            return Err(TermsError::AlreadyExpired);
        }
        if self.currency != instrument.currency {
            return Err(TermsError::OtherCurrency(instrument.symbol.clone(), instrument.currency.clone()));
        }
        Ok(instrument.check_quantity(self.quantity)?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RfqState {
    Sent,
    Open,
    Done,
    Expired,
    Cancelled,
    Refused,
    NothingDone,
}

impl RfqState {
    pub fn ended(self) -> bool {
        !matches!(self, Self::Sent | Self::Open)
    }
}

/// Why a dealer will not quote: QuoteRequestRejectReason (658) and Text (58).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    pub code: u16,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineState {
    Asked,
    Quoted,
    Withdrawn,
    Expired,
    Passed(Passed),
    Rejected(Passed),
    Traded,
}

/// One dealer's part of an RFQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub dealer: DealerId,
    pub state: LineState,
    /// The latest quote, kept after it ended so that it can still be seen.
    pub quote: Option<Quote>,
    /// Counts this dealer's prices.
    pub revision: u32,
}

impl Line {
    pub fn live_quote(&self, now: UtcMillis) -> Option<&Quote> {
        match self.state {
            LineState::Quoted => self.quote.as_ref().filter(|q| q.live(now)),
            _ => None,
        }
    }
}

/// An event that does not fit the RFQ's state. The caller logs it; the RFQ is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RfqError {
    #[error("{0} was not asked in this RFQ")]
    NotAsked(DealerId),
    #[error("the RFQ has ended")]
    Ended,
    #[error("no accept with this id")]
    NoSuchAccept,
    #[error("an accept is waiting for its answer")]
    AcceptInFlight,
    /// The dealer reports a trade that nobody agreed to.
    #[error("the execution is not what was accepted: {0}")]
    NotWhatWasAccepted(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rfq {
    pub terms: Terms,
    pub state: RfqState,
    pub lines: Vec<Line>,
    /// The latest accept; earlier ones are in `past`.
    pub accept: Option<(Accept, AcceptState)>,
    pub past: Vec<(Accept, AcceptState)>,
    /// Why it was refused or ended, in the words of whoever ended it.
    pub reason: Option<String>,
}

impl Rfq {
    pub fn new(terms: Terms) -> Self {
        let lines = terms.dealers.iter().map(|d| Line { dealer: d.clone(), state: LineState::Asked, quote: None, revision: 0 }).collect();
        Self { terms, state: RfqState::Sent, lines, accept: None, past: Vec::new(), reason: None }
    }

    pub fn line(&self, dealer: &DealerId) -> Option<&Line> {
        self.lines.iter().find(|l| &l.dealer == dealer)
    }

    fn line_mut(&mut self, dealer: &DealerId) -> Result<&mut Line, RfqError> {
        self.lines.iter_mut().find(|l| &l.dealer == dealer).ok_or_else(|| RfqError::NotAsked(dealer.clone()))
    }

    pub fn in_flight(&self) -> bool {
        self.accept.as_ref().is_some_and(|(_, s)| s.in_flight())
    }

    pub fn best(&self, side: Side, now: UtcMillis, arrival_ms: i64) -> Option<Best> {
        if self.state.ended() || !self.terms.ask.allows(side) {
            return None;
        }
        let live = self.lines.iter().filter_map(|l| l.live_quote(now));
        best(live, side, self.terms.quantity, now, arrival_ms)
    }

    /// The gateway has it and has asked the dealers.
    pub fn acknowledge(&mut self) {
        if self.state == RfqState::Sent {
            self.state = RfqState::Open;
        }
    }

    pub fn refuse(&mut self, reason: String) {
        if !self.state.ended() {
            self.state = RfqState::Refused;
            self.reason = Some(reason);
        }
    }

    /// A price. The same quote again (a resend) changes nothing; a new one replaces the old one and
    /// disarms an accept armed on it. Returns whether anything changed.
    pub fn quote(&mut self, quote: Quote, now: UtcMillis) -> Result<bool, RfqError> {
        if self.state.ended() {
            return Err(RfqError::Ended);
        }
        let dealer = quote.dealer.clone();
        let line = self.line_mut(&dealer)?;
        if line.quote.as_ref() == Some(&quote) {
            return Ok(false);
        }
        line.state = if quote.live(now) { LineState::Quoted } else { LineState::Expired };
        line.quote = Some(quote);
        line.revision += 1;
        self.acknowledge();
        self.disarm_if_on(&dealer, "the dealer re-quoted");
        Ok(true)
    }

    /// The dealer took its quote back. A withdrawal of a quote that has been replaced changes nothing.
    pub fn withdraw(&mut self, dealer: &DealerId, quote: Option<&QuoteId>) -> Result<bool, RfqError> {
        let line = self.line_mut(dealer)?;
        let current = line.quote.as_ref().is_some_and(|q| quote.is_none_or(|id| &q.id == id));
        if line.state != LineState::Quoted || !current {
            return Ok(false);
        }
        line.state = LineState::Withdrawn;
        self.disarm_if_on(dealer, "the dealer withdrew its quote");
        Ok(true)
    }

    /// The dealer will not quote, or no longer. 658=10 is "pass"; anything else is a rejection.
    pub fn pass(&mut self, dealer: &DealerId, why: Passed) -> Result<(), RfqError> {
        let line = self.line_mut(dealer)?;
        if line.state == LineState::Traded {
            return Err(RfqError::Ended);
        }
        line.state = if why.code == REASON_PASS { LineState::Passed(why) } else { LineState::Rejected(why) };
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
        let mut ended = Vec::new();
        for l in &mut self.lines {
            if l.state == LineState::Quoted && l.quote.as_ref().is_none_or(|q| !q.live(now)) {
                l.state = LineState::Expired;
                ended.push(l.dealer.clone());
            }
        }
        for d in &ended {
            self.disarm_if_on(d, "the quote expired");
        }
        // An accept in flight outlives the RFQ's clock: its answer decides.
        if now >= self.terms.expires && !self.in_flight() {
            self.drop_armed("the RFQ expired");
            self.state = RfqState::Expired;
            return true;
        }
        !ended.is_empty()
    }

    /// The next moment at which `tick` would change something.
    pub fn next_deadline(&self) -> Option<UtcMillis> {
        if self.state.ended() {
            return None;
        }
        let quotes = self.lines.iter().filter(|l| l.state == LineState::Quoted);
        let quotes = quotes.filter_map(|l| l.quote.as_ref()).map(|q| q.valid_until);
        let own = (!self.in_flight()).then_some(self.terms.expires);
        quotes.chain(own).min()
    }

    /// Ends the RFQ without a trade (`Cancelled`, or `NothingDone` when nobody is left).
    pub fn end(&mut self, state: RfqState, reason: Option<String>) -> Result<(), RfqError> {
        if self.state.ended() {
            return Err(RfqError::Ended);
        }
        if self.in_flight() {
            return Err(RfqError::AcceptInFlight);
        }
        self.drop_armed("the RFQ ended");
        self.state = state;
        self.reason = reason;
        Ok(())
    }

    /// The quantity an accept of this quote must carry: what was asked, or all of a smaller quote.
    pub fn accept_quantity(&self, quote: &Quote, side: Side) -> Option<Decimal> {
        quote.level(side).map(|l| l.size.min(self.terms.quantity))
    }

    /// Whether `accept` is exactly what stands on the table now. Desk and gateway both ask this.
    pub fn check_accept(&self, accept: &Accept, now: UtcMillis, arrival_ms: i64) -> Result<(), AcceptRefusal> {
        if self.state.ended() || self.state == RfqState::Sent {
            return Err(AcceptRefusal::RfqNotOpen(self.state));
        }
        if self.in_flight() {
            return Err(AcceptRefusal::InFlight);
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
        let line = self.line(&accept.dealer).ok_or_else(|| AcceptRefusal::NotAsked(accept.dealer.clone()))?;
        let quote = line.quote.as_ref().ok_or_else(|| AcceptRefusal::NoQuote(accept.dealer.clone()))?;
        if quote.id != accept.quote {
            return Err(AcceptRefusal::Requoted);
        }
        match line.state {
            LineState::Quoted => {}
            LineState::Expired => return Err(AcceptRefusal::Expired),
            _ => return Err(AcceptRefusal::Withdrawn),
        }
        if !quote.live(now) || now >= self.terms.expires {
            return Err(AcceptRefusal::Expired);
        }
        if !quote.live(now + arrival_ms) {
            return Err(AcceptRefusal::TooLateToArrive);
        }
        if !quote.tradeable {
            return Err(AcceptRefusal::Indicative);
        }
        let level = quote.level(accept.side).ok_or(AcceptRefusal::NoPriceOnSide)?;
        if level.price != accept.price {
            return Err(AcceptRefusal::OtherPrice { quoted: level.price, accepted: accept.price });
        }
        let quantity = level.size.min(self.terms.quantity);
        if quantity != accept.quantity {
            return Err(AcceptRefusal::OtherQuantity { quoted: quantity, accepted: accept.quantity });
        }
        Ok(())
    }

    /// Shows an accept to the trader. Replaces whatever was armed before.
    pub fn arm(&mut self, accept: Accept, now: UtcMillis, arrival_ms: i64) -> Result<(), AcceptRefusal> {
        self.check_accept(&accept, now, arrival_ms)?;
        self.shelve_accept();
        self.accept = Some((accept, AcceptState::Armed));
        Ok(())
    }

    pub fn disarm(&mut self) {
        if matches!(self.accept, Some((_, AcceptState::Armed))) {
            self.accept = None;
        }
    }

    /// The armed accept leaves, if it is still exactly what stands on the table.
    pub fn send_accept(&mut self, id: &AcceptId, now: UtcMillis, arrival_ms: i64) -> Result<Accept, AcceptRefusal> {
        let accept = match &self.accept {
            Some((a, AcceptState::Armed)) if &a.id == id => a.clone(),
            Some((a, s)) if &a.id == id && s.in_flight() => return Err(AcceptRefusal::InFlight),
            _ => return Err(AcceptRefusal::NotArmed),
        };
        self.check_accept(&accept, now, arrival_ms)?;
        self.accept = Some((accept.clone(), AcceptState::Sent));
        Ok(accept)
    }

    fn accept_mut(&mut self, id: &AcceptId) -> Result<&mut (Accept, AcceptState), RfqError> {
        match &mut self.accept {
            Some(a) if &a.0.id == id => Ok(a),
            _ => Err(RfqError::NoSuchAccept),
        }
    }

    /// The dealer acknowledges the accept and takes its last look (ExecType A).
    pub fn last_look(&mut self, id: &AcceptId) -> Result<bool, RfqError> {
        let (_, state) = self.accept_mut(id)?;
        let moved = matches!(state, AcceptState::Sent | AcceptState::Unknown);
        if moved {
            *state = AcceptState::LastLook;
        }
        Ok(moved)
    }

    /// The dealer traded. Repeats of the same report change nothing. A report that differs from what
    /// was accepted leaves the accept `Unknown`: people, not programs, settle that.
    pub fn execution(&mut self, id: &AcceptId, e: Execution) -> Result<bool, RfqError> {
        let (accept, state) = self.accept_mut(id)?;
        if state.traded().is_some_and(|t| t.quantity >= e.quantity) {
            return Ok(false);
        }
        let wrong = if e.side != accept.side {
            Some("the side differs")
        } else if e.price != accept.price {
            Some("the price differs")
        } else if e.quantity > accept.quantity || e.quantity <= Decimal::ZERO {
            Some("the quantity differs")
        } else {
            None
        };
        if let Some(why) = wrong {
            *state = AcceptState::Unknown;
            return Err(RfqError::NotWhatWasAccepted(why));
        }
        let dealer = accept.dealer.clone();
        *state = if e.quantity == accept.quantity { AcceptState::Filled(e) } else { AcceptState::PartlyFilled(e) };
        self.state = RfqState::Done;
        self.line_mut(&dealer)?.state = LineState::Traded;
        Ok(true)
    }

    /// Refused by gateway or dealer. The RFQ goes on: another quote may be taken.
    pub fn declined(&mut self, id: &AcceptId, why: Declined) -> Result<bool, RfqError> {
        let (_, state) = self.accept_mut(id)?;
        if !state.in_flight() {
            return Ok(false);
        }
        *state = AcceptState::Declined(why);
        Ok(true)
    }

    /// The gateway says that this accept waits with it: its answer is not lost.
    pub fn waits_at_gateway(&mut self, id: &AcceptId) -> bool {
        match &mut self.accept {
            Some((a, s @ AcceptState::Unknown)) if &a.id == id => {
                *s = AcceptState::Sent;
                true
            }
            _ => false,
        }
    }

    /// The link was lost with the answer outstanding.
    pub fn answer_lost(&mut self) -> bool {
        match &mut self.accept {
            Some((_, s @ (AcceptState::Sent | AcceptState::LastLook))) => {
                *s = AcceptState::Unknown;
                true
            }
            _ => false,
        }
    }

    fn shelve_accept(&mut self) {
        match self.accept.take() {
            Some((_, AcceptState::Armed)) | None => {}
            Some(done) => self.past.push(done),
        }
    }

    fn disarm_if_on(&mut self, dealer: &DealerId, why: &str) {
        if matches!(&self.accept, Some((a, AcceptState::Armed)) if &a.dealer == dealer) {
            self.drop_armed(why);
        }
    }

    /// What was armed is kept as declined by the desk, so that the trader sees why the button went.
    fn drop_armed(&mut self, why: &str) {
        if let Some((_, s @ AcceptState::Armed)) = &mut self.accept {
            *s = AcceptState::Declined(Declined::ByDesk(why.into()));
        }
    }
}

/// QuoteRequestRejectReason (658) 10, "Pass".
pub const REASON_PASS: u16 = 10;

#[cfg(test)]
#[path = "rfq_tests.rs"]
mod tests;
