//! Reports about an accept: each is compared with the accept and the known executions, then applied
//! by the table.
//!
//! An execution is known by its accept (and so its dealer) and its ExecID. A report that does not
//! fit is kept as a dispute and shown; it never becomes a trade, and no known trade is lost by it.

mod compare;
mod legs;
mod report;

pub use report::{Known, Report, averages_to_zero};

use crate::{
    Accept, AcceptId, AcceptState, DealerId, Declined, Dispute, LineState, Rfq, RfqError, RfqState,
    UtcMillis,
    fix::ExecType,
    lifecycle::{self, AcceptEvent, AcceptPhase, Outcome, RequestEvent},
};
use compare::Verdict;
use rust_decimal::Decimal;

/// Executions remembered of one RFQ; what comes beyond is a dispute.
pub const MAX_EXECUTIONS_PER_RFQ: usize = 64;
/// Disputes remembered of one RFQ; those beyond are counted only.
pub const MAX_DISPUTES_PER_RFQ: usize = 16;

/// What a report did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The event that it was, after the comparison.
    pub event: AcceptEvent,
    /// How the accept stood before.
    pub before: AcceptPhase,
    /// How it stands now.
    pub after: AcceptPhase,
    /// The state, the trade or the known executions changed.
    pub changed: bool,
    /// What people must settle, if this report began a dispute.
    pub dispute: Option<Dispute>,
}

/// What one accept, or one disputed counter, adds to a desk's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    /// Of the accept or the counter, as its desk calls it.
    pub id: &'a AcceptId,
    /// With whom.
    pub dealer: &'a DealerId,
    /// In the RFQ's currency.
    pub quantity: Decimal,
    /// When it came into dispute; `None`: it is not.
    pub disputed: Option<UtcMillis>,
}

impl Rfq {
    /// Takes a report about one of this RFQ's accepts, the present one or an earlier one. The
    /// caller has checked that it comes from the accept's dealer. `by` makes the refusal of its
    /// reason.
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
            dispute = self.dispute(&accept, r, &verdict.why, now);
        } else if matches!(outcome, Outcome::To(_) | Outcome::Stay)
            && verdict.event != AcceptEvent::Contradicted
        {
            self.remember(verdict.known, verdict.ends);
        }
        if verdict.over {
            self.rest_over.push(accept.id.clone());
            changed = true;
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
                self.drop_counters();
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
                // A bust is known with no quantity.
                .for_each(|e| (e.stands, e.corrected) = (false, k.quantity > Decimal::ZERO));
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
        let dispute = r.dispute((&a.id, &a.dealer), why, now);
        self.disputes.push(dispute.clone());
        Some(dispute)
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

    /// Whether nothing more of a partly executed accept is to come, by its dealer's word.
    fn is_rest_over(&self, id: &AcceptId) -> bool {
        self.rest_over.contains(id)
    }

    /// What may still be executed of a partly executed accept; `None`: it is none, or its rest is
    /// over.
    pub fn open_rest(&self, id: &AcceptId) -> Option<Decimal> {
        match self.accept_of(id)? {
            (a, AcceptState::PartlyFilled(e)) if !self.is_rest_over(id) => {
                Some(a.quantity.saturating_sub(e.quantity))
            }
            _ => None,
        }
    }

    /// What this RFQ adds to a desk's day, by accept: the executed quantity once nothing more can
    /// be executed, and the whole while it can, of an accept whose trade was busted, corrected or
    /// is disputed, and of a counter for which a trade is reported. A dealer frees only what it
    /// says it will not execute.
    pub fn counted(&self) -> Vec<Counted<'_>> {
        let mut out = Vec::new();
        for (a, s) in self.accept.iter().chain(&self.past) {
            let disputed = self.disputes.iter().find(|d| d.accept == a.id).map(|d| d.received);
            // What is beyond the disputes that are kept may be about this one.
            let settled = disputed.is_none() && self.disputes_left_out == 0;
            let claimed = disputed.is_some() || *s == AcceptState::Disputed;
            let quantity = match s {
                AcceptState::PartlyFilled(e) if settled && self.is_rest_over(&a.id) => e.quantity,
                _ if claimed || s.last_trade().is_some() => a.quantity,
                _ => continue,
            };
            out.push(Counted { id: &a.id, dealer: &a.dealer, quantity, disputed });
        }
        for (c, _) in self.lines.iter().flat_map(|l| &l.counters) {
            let disputed = self.disputes.iter().find(|d| d.accept == c.id).map(|d| d.received);
            if disputed.is_some() {
                out.push(Counted { id: &c.id, dealer: &c.dealer, quantity: c.quantity, disputed });
            }
        }
        out
    }

    /// Whether it ended with a trade, or a dealer claims one.
    pub fn is_to_be_remembered(&self) -> bool {
        self.state == RfqState::Done || self.is_disputed() || self.in_flight()
    }
}

#[cfg(test)]
mod tests;
