//! Reports about an accept: compared with what was accepted and with what is known, then applied by
//! the table.
//!
//! An execution is known by its accept (and so its dealer) and its ExecID. Whatever does not fit is
//! kept as a dispute and shown; it never becomes a trade, and a trade that is known is never lost
//! by it.

use crate::{
    Accept, AcceptId, AcceptState, Declined, Dispute, Execution, InstrumentId, Level, LineState,
    Rfq, RfqError, RfqState, Side, UtcMillis,
    fix::{ExecType, OrdStatus},
    lifecycle::{self, AcceptEvent, AcceptPhase, Meaning, Outcome, RequestEvent},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Executions remembered of one RFQ; what comes beyond is a dispute.
pub const MAX_EXECUTIONS_PER_RFQ: usize = 64;
/// Disputes remembered of one RFQ; those beyond are counted only.
pub const MAX_DISPUTES_PER_RFQ: usize = 16;

/// An execution, a bust or a correction that has been taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The accept it is of.
    pub accept: AcceptId,
    /// ExecID (17).
    pub exec_id: String,
    /// LastPx (31).
    pub price: Decimal,
    /// LastQty (32); zero for a bust.
    pub quantity: Decimal,
    /// SettlDate (64).
    pub settlement_date: Option<String>,
    /// It counts: it was not busted, and no correction has replaced it.
    pub stands: bool,
}

impl Known {
    /// What a report about an accept leaves to be remembered.
    fn of(a: &Accept, r: &Report, price: Decimal, quantity: Decimal, stands: bool) -> Self {
        let (accept, exec_id) = (a.id.clone(), r.exec_id.clone());
        Self {
            accept,
            exec_id,
            price,
            quantity,
            settlement_date: r.settlement_date.clone(),
            stands,
        }
    }
}

/// An ExecutionReport (8), as far as the life of an accept depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// ExecType (150).
    pub kind: ExecType,
    /// OrdStatus (39).
    pub status: OrdStatus,
    /// ExecID (17).
    pub exec_id: String,
    /// ExecRefID (19): the execution that a bust or a correction is about.
    pub exec_ref: Option<String>,
    /// OrderID (37).
    pub order_id: String,
    /// Symbol (55) or SecurityID (48).
    pub instrument: InstrumentId,
    /// Side (54).
    pub side: Side,
    /// LastPx (31) and LastQty (32).
    pub last: Option<Level>,
    /// CumQty (14).
    pub cum_qty: Decimal,
    /// AvgPx (6).
    pub avg_px: Decimal,
    /// SettlDate (64), `YYYYMMDD`.
    pub settlement_date: Option<String>,
    /// Currency (15).
    pub currency: Option<String>,
    /// Text (58): why it was refused.
    pub text: Option<String>,
    /// The gateway has compared it already: it does not fit.
    pub disputed: bool,
    /// TransactTime (60).
    pub at: UtcMillis,
}

impl Report {
    fn price(&self) -> Decimal {
        self.last.map_or(self.avg_px, |l| l.price)
    }

    /// The trade as it stands after this report.
    fn execution(&self, quantity: Decimal) -> Execution {
        Execution {
            exec_id: self.exec_id.clone(),
            order_id: self.order_id.clone(),
            side: self.side,
            price: self.price(),
            quantity,
            at: self.at,
            settlement_date: self.settlement_date.clone(),
        }
    }
}

/// What a report did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it was, after the comparison.
    pub event: AcceptEvent,
    /// How the accept stood before.
    pub before: AcceptPhase,
    /// How it stands now.
    pub after: AcceptPhase,
    /// Something is different from before: the state, the trade, or what is remembered.
    pub changed: bool,
    /// What people must settle, if this report began a dispute.
    pub dispute: Option<Dispute>,
}

/// What the comparison found.
struct Verdict {
    event: AcceptEvent,
    /// The trade as it stands then.
    trade: Option<Execution>,
    /// To be remembered.
    known: Option<Known>,
    /// This execution stands no longer.
    ends: Option<String>,
    why: &'static str,
}

impl Verdict {
    fn of(event: AcceptEvent) -> Self {
        Self { event, trade: None, known: None, ends: None, why: "" }
    }

    fn unfit(why: &'static str) -> Self {
        Self { why, ..Self::of(AcceptEvent::Contradicted) }
    }
}

impl Rfq {
    /// Takes a report about one of this RFQ's accepts, the present one or an earlier one. The
    /// caller has checked that it comes from the accept's dealer. `by` is whose word a refusal is.
    pub fn report(
        &mut self,
        id: &AcceptId,
        r: &Report,
        by: impl FnOnce(String) -> Declined,
        now: UtcMillis,
    ) -> Result<Taken, RfqError> {
        let (accept, state) = self.accept_of(id).ok_or(RfqError::NoSuchAccept)?;
        let (accept, before) = (accept.clone(), state.phase());
        let verdict = self.compare(&accept, &state.clone(), r);
        let was = (self.executions.len(), self.disputes.len());
        let mut changed = self.apply(&accept.id, &verdict, r, by);
        let outcome = lifecycle::accept(before, verdict.event);
        let mut dispute = None;
        if matches!(outcome, Outcome::Settle(_)) {
            dispute = self.dispute(&accept, r, verdict.why, now);
        } else if matches!(outcome, Outcome::To(_) | Outcome::Stay)
            && verdict.event != AcceptEvent::Contradicted
        {
            self.remember(verdict.known, verdict.ends);
        }
        changed |= was != (self.executions.len(), self.disputes.len());
        let after = self.accept_of(id).map_or(before, |(_, s)| s.phase());
        Ok(Taken { event: verdict.event, before, after, changed, dispute })
    }

    /// Moves the accept, and with a trade the RFQ and the dealer's line. Returns whether anything
    /// moved.
    fn apply(
        &mut self,
        id: &AcceptId,
        v: &Verdict,
        r: &Report,
        by: impl FnOnce(String) -> Declined,
    ) -> bool {
        let Some((accept, state)) = self.accept_entry(id) else { return false };
        let next = match lifecycle::accept(state.phase(), v.event) {
            Outcome::To(phase) => phase,
            // A dispute moves what is in flight, and touches no trade.
            Outcome::Settle(AcceptPhase::Disputed) => AcceptPhase::Disputed,
            Outcome::Settle(_) | Outcome::Stay | Outcome::Never => return false,
        };
        let reason = || r.text.clone().unwrap_or_else(|| "the dealer gave no reason".into());
        let new = match (next, v.trade.clone()) {
            (AcceptPhase::LastLook, _) => AcceptState::LastLook,
            (AcceptPhase::Filled, Some(t)) => AcceptState::Filled(t),
            (AcceptPhase::PartlyFilled, Some(t)) => AcceptState::PartlyFilled(t),
            (AcceptPhase::Corrected, Some(t)) => AcceptState::Corrected(t),
            (AcceptPhase::Busted, Some(t)) => AcceptState::Busted(t),
            (AcceptPhase::Declined, _) if state.in_flight() => AcceptState::Declined(by(reason())),
            (AcceptPhase::Disputed, _) => AcceptState::Disputed,
            _ => return false,
        };
        if *state == new {
            return false;
        }
        *state = new;
        let dealer = accept.dealer.clone();
        if matches!(v.event, AcceptEvent::PartExecuted | AcceptEvent::WholeExecuted)
            && matches!(next, AcceptPhase::Filled | AcceptPhase::PartlyFilled)
        {
            if let Outcome::To(s) = lifecycle::request(self.state, RequestEvent::Executed) {
                self.state = s;
            }
            self.line_event(&dealer, lifecycle::LineEvent::Executed, LineState::Traded);
        }
        true
    }

    fn remember(&mut self, known: Option<Known>, ends: Option<String>) {
        let Some(k) = known else { return };
        if let Some(ended) = ends {
            self.executions
                .iter_mut()
                .filter(|e| e.accept == k.accept && e.exec_id == ended)
                .for_each(|e| e.stands = false);
        }
        self.executions.push(k);
    }

    /// Keeps what people must settle; `None` when so much is kept already that this one is only
    /// counted.
    fn dispute(&mut self, a: &Accept, r: &Report, why: &str, now: UtcMillis) -> Option<Dispute> {
        if self.disputes.len() >= MAX_DISPUTES_PER_RFQ {
            self.disputes_left_out = self.disputes_left_out.saturating_add(1);
            return None;
        }
        let why = match (why, r.kind) {
            ("", ExecType::Rejected) => "it was refused after it was executed",
            ("", _) => "it comes after the answer was final",
            (why, _) => why,
        };
        let dispute = Dispute {
            accept: a.id.clone(),
            dealer: a.dealer.clone(),
            exec_id: r.exec_id.clone(),
            kind: r.kind,
            side: r.side,
            price: r.price(),
            quantity: r.cum_qty,
            settlement_date: r.settlement_date.clone(),
            at: r.at,
            received: now,
            why: why.into(),
        };
        self.disputes.push(dispute.clone());
        Some(dispute)
    }

    /// What this report is, seen from what was accepted and what is known.
    fn compare(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        let again = |d: &Dispute| {
            d.accept == a.id
                && d.exec_id == r.exec_id
                && d.kind == r.kind
                && (d.price, d.quantity) == (r.price(), r.cum_qty)
        };
        if self.disputes.iter().any(again) {
            return Verdict::of(AcceptEvent::Repeated);
        }
        if r.disputed {
            return Verdict::unfit("the gateway says that it does not fit");
        }
        match lifecycle::meaning(r.kind, r.status, r.cum_qty > Decimal::ZERO) {
            Meaning::Working => Verdict::of(AcceptEvent::Working),
            Meaning::Refused => Verdict::of(AcceptEvent::Refused),
            Meaning::NothingTraded => Verdict::of(AcceptEvent::NothingTraded),
            Meaning::Noted => Verdict::of(AcceptEvent::Noted),
            Meaning::Contradiction => {
                Verdict::unfit("its type, its status and its quantity do not go together")
            }
            Meaning::Execution => self.compare_execution(a, state, r),
            Meaning::ExecutedSoFar => self.compare_so_far(a, state, r),
            Meaning::TradeCancelled => self.compare_bust(a, state, r),
            Meaning::TradeCorrected => self.compare_correction(a, state, r),
        }
    }

    fn known(&self, a: &Accept, exec_id: &str) -> Option<&Known> {
        self.executions.iter().find(|k| k.accept == a.id && k.exec_id == exec_id)
    }

    /// All executions of an accept that stand, one of them left out.
    fn executed(&self, a: &Accept, without: Option<&str>) -> Decimal {
        let all = self
            .executions
            .iter()
            .filter(|k| k.accept == a.id && k.stands && without != Some(k.exec_id.as_str()));
        all.fold(Decimal::ZERO, |sum, k| sum.saturating_add(k.quantity))
    }

    /// Instrument, side, settlement date and currency, which no correction changes; and the price.
    fn differs(&self, a: &Accept, r: &Report, price: Option<Decimal>) -> Option<&'static str> {
        if r.side != a.side {
            Some("the side differs")
        } else if r.instrument != a.instrument {
            Some("the instrument differs")
        } else if price.is_some_and(|p| p != r.price()) {
            Some("the price differs")
        } else if r.currency.as_ref().is_some_and(|c| *c != self.terms.currency) {
            Some("the currency differs")
        } else {
            None
        }
    }

    /// An ExecID that is known: a repeat when every field is the same, else another execution under
    /// it.
    fn repeated(&self, a: &Accept, k: &Known, r: &Report) -> Verdict {
        let same = k.price == r.price()
            && r.last.is_none_or(|l| l.size == k.quantity)
            && k.settlement_date == r.settlement_date;
        if same && self.differs(a, r, None).is_none() {
            Verdict::of(AcceptEvent::Repeated)
        } else {
            Verdict::unfit("its ExecID was used for another execution")
        }
    }

    /// What a bust and a correction must both satisfy.
    fn unfit_amendment(&self, a: &Accept, r: &Report) -> Option<Verdict> {
        if let Some(why) = self.differs(a, r, None) {
            return Some(Verdict::unfit(why));
        }
        let full = self.executions.len() >= 2 * MAX_EXECUTIONS_PER_RFQ;
        full.then(|| Verdict::unfit("there are too many busts and corrections"))
    }

    fn settles_elsewhere(&self, r: &Report, state: &AcceptState) -> bool {
        let expected = match state {
            AcceptState::Corrected(e) => {
                e.settlement_date.as_ref().unwrap_or(&self.terms.settlement_date)
            }
            _ => &self.terms.settlement_date,
        };
        r.settlement_date.as_ref().is_some_and(|d| d != expected)
    }

    /// ExecType F: an execution of its own.
    fn compare_execution(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        let so_far = state.traded().map_or(Decimal::ZERO, |t| t.quantity);
        let quantity = r.last.map_or_else(|| r.cum_qty.saturating_sub(so_far), |l| l.size);
        if let Some(k) = self.known(a, &r.exec_id) {
            return self.repeated(a, k, r);
        }
        if let Some(why) = self.differs(a, r, Some(a.price)) {
            return Verdict::unfit(why);
        }
        if self.settles_elsewhere(r, state) {
            return Verdict::unfit("the settlement date differs");
        }
        let told_in_full =
            state.traded().is_some() && !self.executions.iter().any(|k| k.accept == a.id);
        // A report that has no LastQty and adds nothing is the execution behind an earlier status
        // report.
        let quantity = if r.last.is_none() && told_in_full { r.cum_qty } else { quantity };
        let sum = self.executed(a, None).saturating_add(quantity);
        if quantity <= Decimal::ZERO || r.cum_qty <= Decimal::ZERO {
            return Verdict::unfit("the quantity differs");
        }
        if sum > a.quantity || r.cum_qty > a.quantity {
            return Verdict::unfit("more was executed than was accepted");
        }
        if self.executions.len() >= MAX_EXECUTIONS_PER_RFQ {
            return Verdict::unfit("there are too many executions");
        }
        let total = sum.max(r.cum_qty).max(so_far);
        let known = Known::of(a, r, r.price(), quantity, true);
        let event = if total <= so_far { AcceptEvent::Repeated } else { filled(total, a) };
        Verdict { trade: Some(r.execution(total)), known: Some(known), ..Verdict::of(event) }
    }

    /// So much is executed, told by a report that is no execution of its own.
    fn compare_so_far(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        let (price, so_far) = match state {
            AcceptState::Corrected(t) => (t.price, t.quantity),
            s => (a.price, s.traded().map_or(Decimal::ZERO, |t| t.quantity)),
        };
        if let Some(why) = self.differs(a, r, Some(price)) {
            return Verdict::unfit(why);
        }
        if self.settles_elsewhere(r, state) {
            return Verdict::unfit("the settlement date differs");
        }
        if r.cum_qty > a.quantity {
            return Verdict::unfit("more was executed than was accepted");
        }
        if r.cum_qty < so_far {
            return Verdict::unfit("less was executed than was reported before");
        }
        if r.cum_qty == so_far {
            return Verdict::of(AcceptEvent::Repeated);
        }
        Verdict { trade: Some(r.execution(r.cum_qty)), ..Verdict::of(filled(r.cum_qty, a)) }
    }

    /// The execution that a bust or a correction names; the only one when it names none.
    fn meant<'a>(&'a self, a: &Accept, r: &Report) -> Option<&'a Known> {
        match &r.exec_ref {
            Some(id) => self.known(a, id),
            None => {
                let mut standing = self.executions.iter().filter(|k| k.accept == a.id && k.stands);
                standing.next().filter(|_| standing.next().is_none())
            }
        }
    }

    fn compare_bust(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        if self.known(a, &r.exec_id).is_some() {
            return Verdict::of(AcceptEvent::Repeated);
        }
        if let Some(unfit) = self.unfit_amendment(a, r) {
            return unfit;
        }
        let known = |price| Known::of(a, r, price, Decimal::ZERO, false);
        let none_by_id = !self.executions.iter().any(|k| k.accept == a.id);
        match (self.meant(a, r), state.traded()) {
            (Some(k), Some(t)) if k.stands => {
                let rest = t.quantity.saturating_sub(k.quantity).max(Decimal::ZERO);
                let (event, trade) = if rest > Decimal::ZERO {
                    (AcceptEvent::TradeCorrected, Execution { quantity: rest, ..t.clone() })
                } else {
                    (AcceptEvent::TradeCancelled, t.clone())
                };
                Verdict {
                    trade: Some(trade),
                    known: Some(known(k.price)),
                    ends: Some(k.exec_id.clone()),
                    ..Verdict::of(event)
                }
            }
            (Some(_), _) => Verdict::of(AcceptEvent::Repeated),
            // What is known came from a status report, which has no ExecID of its own.
            (None, Some(t)) if none_by_id => Verdict {
                trade: Some(t.clone()),
                known: Some(known(t.price)),
                ..Verdict::of(AcceptEvent::TradeCancelled)
            },
            (None, _) => Verdict::unfit("it cancels an execution that is not known"),
        }
    }

    fn compare_correction(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        if let Some(k) = self.known(a, &r.exec_id) {
            return self.repeated(a, k, r);
        }
        if let Some(unfit) = self.unfit_amendment(a, r) {
            return unfit;
        }
        let (Some(k), Some(t)) = (self.meant(a, r).filter(|k| k.stands), state.traded()) else {
            return Verdict::unfit("it corrects an execution that is not known");
        };
        let quantity = r.last.map_or(r.cum_qty, |l| l.size);
        let rest = t.quantity.saturating_sub(k.quantity).max(Decimal::ZERO);
        let total = rest.saturating_add(quantity);
        if quantity <= Decimal::ZERO || r.price() <= Decimal::ZERO {
            return Verdict::unfit("it is corrected to nothing");
        }
        if total > a.quantity {
            return Verdict::unfit("it is corrected to more than was accepted");
        }
        let known = Known::of(a, r, r.price(), quantity, true);
        let mut trade = r.execution(total);
        if rest > Decimal::ZERO && r.avg_px > Decimal::ZERO {
            trade.price = r.avg_px;
        }
        Verdict {
            trade: Some(trade),
            known: Some(known),
            ends: Some(k.exec_id.clone()),
            ..Verdict::of(AcceptEvent::TradeCorrected)
        }
    }

    /// A dispute that somebody else has found, about an accept that is not known here. Returns
    /// whether it is a new one.
    pub fn note_dispute(&mut self, d: Dispute) -> bool {
        let known =
            |k: &Dispute| (&k.accept, &k.exec_id, k.kind) == (&d.accept, &d.exec_id, d.kind);
        if self.disputes.iter().any(known) || self.disputes.len() >= MAX_DISPUTES_PER_RFQ {
            return false;
        }
        self.disputes.push(d);
        true
    }

    /// Whether nothing more may be accepted here before people have settled something.
    pub fn is_disputed(&self) -> bool {
        !self.disputes.is_empty()
    }

    /// An accept of this RFQ, the present one or an earlier one.
    pub fn accept_of(&self, id: &AcceptId) -> Option<&(Accept, AcceptState)> {
        self.accept.iter().chain(&self.past).find(|(a, _)| &a.id == id)
    }

    fn accept_entry(&mut self, id: &AcceptId) -> Option<&mut (Accept, AcceptState)> {
        self.accept.iter_mut().chain(&mut self.past).find(|(a, _)| &a.id == id)
    }

    /// What this RFQ adds to a desk's day, by accept: what was executed, and the whole of an accept
    /// whose trade was busted, corrected or is disputed. A dealer's word alone frees no limit.
    pub fn counted(&self) -> Vec<(&Accept, Decimal, Option<UtcMillis>)> {
        let mut out = Vec::new();
        for (a, s) in self.accept.iter().chain(&self.past) {
            let disputed = self.disputes.iter().find(|d| d.accept == a.id).map(|d| d.received);
            let quantity = match s {
                AcceptState::Filled(e) | AcceptState::PartlyFilled(e) if disputed.is_none() => {
                    e.quantity
                }
                _ if disputed.is_some() || s.last_trade().is_some() => a.quantity,
                _ => continue,
            };
            out.push((a, quantity, disputed));
        }
        out
    }

    /// Whether it ended with a trade, or somebody claims one.
    pub fn is_to_be_remembered(&self) -> bool {
        self.state == RfqState::Done || self.is_disputed()
    }
}

fn filled(total: Decimal, a: &Accept) -> AcceptEvent {
    if total == a.quantity { AcceptEvent::WholeExecuted } else { AcceptEvent::PartExecuted }
}

#[cfg(test)]
#[path = "executions_tests.rs"]
mod tests;
