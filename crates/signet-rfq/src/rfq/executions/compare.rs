//! Compares a report with the accept and with the executions known of it.

use super::{
    Known, MAX_EXECUTIONS_PER_RFQ, Report, averages_to_zero,
    legs::{Stated, executed_legs_differ},
};
use crate::{
    Accept, AcceptState, Dispute, Execution, Rfq,
    lifecycle::{self, AcceptEvent, Meaning},
};
use rust_decimal::Decimal;
use std::borrow::Cow;

/// What the comparison found.
pub(super) struct Verdict {
    pub event: AcceptEvent,
    /// The trade as it stands then.
    pub trade: Option<Execution>,
    /// To be remembered.
    pub known: Option<Known>,
    /// This execution stands no longer.
    pub ends: Option<String>,
    /// Nothing more of the accept is executed, which was not known before.
    pub over: bool,
    pub why: Cow<'static, str>,
}

impl Verdict {
    fn of(event: AcceptEvent) -> Self {
        let why = Cow::Borrowed("");
        Self { event, trade: None, known: None, ends: None, over: false, why }
    }

    fn unfit(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), ..Self::of(AcceptEvent::Contradicted) }
    }
}

impl Rfq {
    /// The event that a report is, given the accept and the known executions.
    pub(super) fn compare(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
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
            Meaning::NothingTraded => {
                let so_far = state.traded().map_or(Decimal::ZERO, |t| t.quantity);
                self.ended((a, state), r, so_far, Verdict::of(AcceptEvent::NothingTraded))
            }
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

    /// Sum of an accept's executions that stand, without one of them.
    fn executed(&self, a: &Accept, without: Option<&str>) -> Decimal {
        let all = self
            .executions
            .iter()
            .filter(|k| k.accept == a.id && k.stands && without != Some(k.exec_id.as_str()));
        all.fold(Decimal::ZERO, |sum, k| sum.saturating_add(k.quantity))
    }

    /// Instrument, side, settlement date and currency, which no correction changes; the price, and
    /// the legs of a package.
    fn differs(
        &self,
        a: &Accept,
        r: &Report,
        price: Option<Decimal>,
        legs: Stated<'_>,
    ) -> Option<Cow<'static, str>> {
        let terms = if r.side != a.side {
            Some("the side differs")
        } else if r.instrument != a.instrument {
            Some("the instrument differs")
        } else if self.in_other_numbers(r) {
            Some("the price type differs")
        } else if price.is_some_and(|p| p != r.price()) {
            Some("the price differs")
        } else if r.currency.as_ref().is_some_and(|c| *c != self.terms.currency) {
            Some("the currency differs")
        } else {
            None
        };
        let legs = || executed_legs_differ(a, &self.terms, &r.legs, legs).map(Cow::Owned);
        terms.map(Cow::Borrowed).or_else(legs)
    }

    /// Whether a report says that its numbers count something else. What it leaves out is as in the
    /// request; what it says is read as a quote's: percent of par is not a price per unit.
    fn in_other_numbers(&self, r: &Report) -> bool {
        let (of, by_isin) = (self.terms.price_type, self.terms.is_by_isin());
        of.as_reported(r.price_type).is_some_and(|stated| !stated.answers(of, by_isin))
    }

    /// A package is executed as a whole or not at all.
    fn unfit_part(&self, a: &Accept, quantities: &[Decimal]) -> Option<Verdict> {
        let part = self.terms.is_package() && quantities.iter().any(|q| *q != a.quantity);
        part.then(|| Verdict::unfit("a package is executed as a whole, and this is a part"))
    }

    /// An ExecID that is known: a repeat when every field is the same, else another execution under
    /// it. That of a bust, which is known with no quantity, is never that of an execution.
    fn repeated(&self, a: &Accept, k: &Known, r: &Report) -> Verdict {
        let same = k.quantity > Decimal::ZERO
            && k.price == r.price()
            && r.last.is_none_or(|l| l.size == k.quantity)
            && k.settlement_date == r.settlement_date
            && k.legs == r.legs;
        if same && self.differs(a, r, None, Stated::MayBeAbsent).is_none() {
            Verdict::of(AcceptEvent::Repeated)
        } else {
            Verdict::unfit("its ExecID was used for another execution")
        }
    }

    /// What a bust and a correction must both satisfy.
    fn unfit_amendment(&self, a: &Accept, r: &Report, legs: Stated<'_>) -> Option<Verdict> {
        if let Some(why) = self.differs(a, r, None, legs) {
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

    /// A report that fits, after which `total` is executed: whether by it the rest is over, and is
    /// too little then for the least quantity that its dealer was asked for.
    fn ended(
        &self,
        (a, state): (&Accept, &AcceptState),
        r: &Report,
        total: Decimal,
        fits: Verdict,
    ) -> Verdict {
        let goes_on = state.in_flight() || matches!(state, AcceptState::PartlyFilled(_));
        let part = total > Decimal::ZERO && total < a.quantity;
        if !goes_on || !part || !r.ends_the_rest() || self.is_rest_over(&a.id) {
            return fits;
        }
        let verdict = match self.terms.min_quantity.filter(|least| total < *least) {
            Some(least) => Verdict::unfit(too_little(total, least)),
            None => fits,
        };
        Verdict { over: true, ..verdict }
    }

    /// Whether a report adds to an accept whose rest is over. What was freed by that may have been
    /// traded elsewhere.
    fn is_after_the_end(&self, a: &Accept, state: &AcceptState) -> bool {
        matches!(state, AcceptState::PartlyFilled(_)) && self.is_rest_over(&a.id)
    }

    /// ExecType F: an execution of its own.
    fn compare_execution(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        let so_far = state.traded().map_or(Decimal::ZERO, |t| t.quantity);
        let quantity = r.last.map_or_else(|| r.cum_qty.saturating_sub(so_far), |l| l.size);
        if let Some(k) = self.known(a, &r.exec_id) {
            return self.repeated(a, k, r);
        }
        if let Some(why) = self.differs(a, r, Some(a.price), Stated::AsAgreed) {
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
            return Verdict::unfit(too_much(a));
        }
        if self.executions.len() >= MAX_EXECUTIONS_PER_RFQ {
            return Verdict::unfit("there are too many executions");
        }
        let total = sum.max(r.cum_qty).max(so_far);
        if let Some(unfit) = self.unfit_part(a, &[quantity, r.cum_qty, total]) {
            return unfit;
        }
        // An execution is a part of what was executed so far, in whatever order reports come.
        if r.cum_qty < quantity {
            return Verdict::unfit("the quantity differs");
        }
        if total > so_far && self.is_after_the_end(a, state) {
            return Verdict::unfit(AFTER_THE_END);
        }
        let known = Some(Known::of(a, r, r.price(), quantity, true));
        let event = if total <= so_far { AcceptEvent::Repeated } else { filled(total, a) };
        let fits = Verdict { trade: Some(r.execution(total)), known, ..Verdict::of(event) };
        // A last report has the whole of what was executed.
        if r.cum_qty == total { self.ended((a, state), r, total, fits) } else { fits }
    }

    /// The quantity executed so far, in a report that is not an execution itself.
    fn compare_so_far(&self, a: &Accept, state: &AcceptState, r: &Report) -> Verdict {
        let (price, so_far, legs) = match state {
            AcceptState::Corrected(t) => (t.price, t.quantity, Stated::As(&t.legs)),
            s => {
                let so_far = s.traded().map_or(Decimal::ZERO, |t| t.quantity);
                (a.price, so_far, Stated::AsAgreed)
            }
        };
        if let Some(why) = self.differs(a, r, Some(price), legs) {
            return Verdict::unfit(why);
        }
        if self.settles_elsewhere(r, state) {
            return Verdict::unfit("the settlement date differs");
        }
        if r.cum_qty > a.quantity {
            return Verdict::unfit(too_much(a));
        }
        if let Some(unfit) = self.unfit_part(a, &[r.cum_qty]) {
            return unfit;
        }
        if r.cum_qty < so_far {
            return Verdict::unfit("less was executed than was reported before");
        }
        let fits = if r.cum_qty == so_far {
            Verdict::of(AcceptEvent::Repeated)
        } else if self.is_after_the_end(a, state) {
            return Verdict::unfit(AFTER_THE_END);
        } else {
            let trade = Some(r.execution(r.cum_qty));
            Verdict { trade, ..Verdict::of(filled(r.cum_qty, a)) }
        };
        self.ended((a, state), r, r.cum_qty, fits)
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
        // Under the ExecID of what stands it is not a repeat: it was not heard before, and whoever
        // sent it holds that nothing was traded.
        match self.known(a, &r.exec_id) {
            Some(k) if k.stands => {
                return Verdict::unfit("its ExecID was used for another execution");
            }
            Some(_) => return Verdict::of(AcceptEvent::Repeated),
            None => {}
        }
        if let Some(unfit) = self.unfit_amendment(a, r, Stated::MayBeAbsent) {
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
            // Whoever busts what was replaced may mean that nothing was traded.
            (Some(k), Some(_)) if k.corrected => {
                Verdict::unfit("it cancels an execution that a correction has replaced")
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
        if let Some(unfit) = self.unfit_amendment(a, r, Stated::Corrected(r.price())) {
            return unfit;
        }
        let (Some(k), Some(t)) = (self.meant(a, r).filter(|k| k.stands), state.traded()) else {
            return Verdict::unfit("it corrects an execution that is not known");
        };
        let quantity = r.last.map_or(r.cum_qty, |l| l.size);
        let rest = t.quantity.saturating_sub(k.quantity).max(Decimal::ZERO);
        let total = rest.saturating_add(quantity);
        let above_zero = !self.terms.is_package() && !self.terms.price_type.may_be_negative();
        let no_price = above_zero && r.price() <= Decimal::ZERO;
        if quantity <= Decimal::ZERO || no_price {
            return Verdict::unfit("it is corrected to nothing");
        }
        if let Some(unfit) = self.unfit_part(a, &[quantity, total]) {
            return unfit;
        }
        if total > a.quantity {
            return Verdict::unfit("it is corrected to more than was accepted");
        }
        let known = Known::of(a, r, r.price(), quantity, true);
        let mut trade = r.execution(total);
        let others = self.executions.iter().filter(|o| o.accept == a.id && o.stands);
        let others = others.filter(|o| o.exec_id != k.exec_id).map(|o| (o.price, o.quantity));
        let averaged = match r.avg_px {
            zero if zero.is_zero() => {
                let parts = others.chain([(r.price(), quantity)]);
                averages_to_zero(self.terms.price_type, total, parts)
            }
            average => average > Decimal::ZERO || !above_zero,
        };
        if rest > Decimal::ZERO && averaged {
            trade.price = r.avg_px;
        }
        Verdict {
            trade: Some(trade),
            known: Some(known),
            ends: Some(k.exec_id.clone()),
            ..Verdict::of(AcceptEvent::TradeCorrected)
        }
    }
}

const AFTER_THE_END: &str = "more was executed after the dealer had ended the rest";

/// Who takes a quote of a request with a least quantity agreed to no less.
fn too_little(executed: Decimal, least: Decimal) -> String {
    let (executed, least) = (executed.normalize(), least.normalize());
    format!("{executed} was executed and the rest ended, and at least {least} was asked for")
}

/// Of a part of a quote also how much that was: whoever settles it may have seen the quote only.
fn too_much(a: &Accept) -> Cow<'static, str> {
    let why = "more was executed than was accepted";
    a.part_of.map_or(Cow::Borrowed(why), |whole| {
        let (accepted, whole) = (a.quantity.normalize(), whole.normalize());
        Cow::Owned(format!("{why}: {accepted} of {whole} quoted"))
    })
}

fn filled(total: Decimal, a: &Accept) -> AcceptEvent {
    if total == a.quantity { AcceptEvent::WholeExecuted } else { AcceptEvent::PartExecuted }
}
