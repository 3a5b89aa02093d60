//! One side's reports about one accept of one dealer, and what they come to. It is counted as the
//! router counts it, from the messages alone: a state tells what was executed so far, so it is held
//! against this and not against one execution.

use crate::account::{Fact, Said, is_state};
use rust_decimal::Decimal;
use signet_rfq::{Level, StatedLeg, fix::ExecType};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A report of a trade, of its end or of its state.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) fact: &'a Fact,
    pub(super) accept: &'a str,
    pub(super) dealer: &'a str,
    pub(super) exec: &'a str,
    exec_ref: Option<&'a str>,
    pub(super) kind: ExecType,
    pub(super) last: Option<Level>,
    pub(super) total: Level,
    pub(super) legs: &'a [StatedLeg],
}

impl<'a> Report<'a> {
    /// `None`: the fact is none.
    pub(super) fn of(fact: &'a Fact) -> Option<Self> {
        let Said::Traded { accept, dealer, exec, exec_ref, kind, last, total, legs, .. } =
            &fact.said
        else {
            return None;
        };
        Some(Self {
            fact,
            accept,
            dealer,
            exec,
            exec_ref: exec_ref.as_deref(),
            kind: *kind,
            last: *last,
            total: *total,
            legs,
        })
    }

    /// It tells a total and not an execution.
    pub(super) fn is_state(&self) -> bool {
        is_state(self.kind)
    }

    fn price(&self) -> Decimal {
        self.last.map_or(self.total.price, |l| l.price)
    }

    /// Everything so far, at the price at which the router books it.
    pub(super) fn so_far(&self) -> Level {
        Level { price: self.price(), size: self.total.size }
    }
}

/// What an accept has come to.
#[derive(Default)]
struct Count<'a> {
    so_far: Decimal,
    /// Two when one of several executions was corrected: the average and its own. Which of them
    /// the trade has then depends on what its price may be.
    prices: [Decimal; 2],
    legs: &'a [StatedLeg],
    /// Executions, busts and corrections by ExecID (17): how much was executed.
    known: HashMap<&'a str, Decimal>,
    /// The executions that stand, and their sum.
    standing: BTreeSet<&'a str>,
    sum: Decimal,
}

impl<'a> Count<'a> {
    /// Takes the next report, and says whether the trade is another one now.
    fn take(&mut self, r: &Report<'a>) -> bool {
        match r.kind {
            _ if r.is_state() => self.raise(r.total.size, r),
            _ if self.known.contains_key(r.exec) => false,
            ExecType::TradeCancel => self.cancel(r),
            ExecType::TradeCorrect => self.correct(r),
            _ => self.execute(r),
        }
    }

    fn raise(&mut self, total: Decimal, r: &Report<'a>) -> bool {
        if total <= self.so_far {
            return false;
        }
        (self.so_far, self.prices, self.legs) = (total, [r.price(); 2], r.legs);
        true
    }

    fn execute(&mut self, r: &Report<'a>) -> bool {
        let told_in_full = self.so_far > Decimal::ZERO && self.known.is_empty();
        let quantity = match r.last {
            Some(last) => last.size,
            // The execution behind a state.
            None if told_in_full => r.total.size,
            None => r.total.size.saturating_sub(self.so_far),
        };
        if quantity <= Decimal::ZERO {
            return false;
        }
        self.remember(r.exec, quantity);
        self.raise(self.sum.max(r.total.size), r)
    }

    fn cancel(&mut self, r: &Report<'a>) -> bool {
        let ended = match self.meant(r) {
            Some((exec, quantity)) => {
                self.end(exec, quantity);
                quantity
            }
            // All that is known came from a state, which has no ExecID of its own.
            None if self.known.is_empty() && self.so_far > Decimal::ZERO => self.so_far,
            None => return false,
        };
        self.known.insert(r.exec, Decimal::ZERO);
        self.so_far = self.so_far.saturating_sub(ended).max(Decimal::ZERO);
        true
    }

    fn correct(&mut self, r: &Report<'a>) -> bool {
        let quantity = r.last.map_or(r.total.size, |l| l.size);
        let Some((exec, before)) = self.meant(r).filter(|_| quantity > Decimal::ZERO) else {
            return false;
        };
        let rest = self.so_far.saturating_sub(before).max(Decimal::ZERO);
        self.end(exec, before);
        self.remember(r.exec, quantity);
        let average = match rest > Decimal::ZERO && !r.total.price.is_zero() {
            true => r.total.price,
            false => r.price(),
        };
        (self.so_far, self.legs) = (rest.saturating_add(quantity), r.legs);
        self.prices = [average, r.price()];
        true
    }

    /// The execution that a bust or a correction names, and the only one when it names none.
    fn meant(&self, r: &Report<'a>) -> Option<(&'a str, Decimal)> {
        let exec = match (r.exec_ref, self.standing.len()) {
            (Some(exec), _) => self.standing.get(exec)?,
            (None, 1) => self.standing.first()?,
            (None, _) => return None,
        };
        self.known.get(exec).map(|quantity| (*exec, *quantity))
    }

    fn remember(&mut self, exec: &'a str, quantity: Decimal) {
        self.known.insert(exec, quantity);
        self.standing.insert(exec);
        self.sum = self.sum.saturating_add(quantity);
    }

    fn end(&mut self, exec: &'a str, quantity: Decimal) {
        self.standing.remove(exec);
        self.sum = self.sum.saturating_sub(quantity);
    }
}

/// What the trade was after one of the reports.
struct Reached<'a> {
    report: usize,
    at_ms: i64,
    legs: &'a [StatedLeg],
}

/// What an accept had come to after each of its reports.
pub(super) struct Totals<'a> {
    reached: BTreeMap<(Decimal, Decimal), Vec<Reached<'a>>>,
    changes: BTreeSet<usize>,
}

impl<'a> Totals<'a> {
    /// Of these reports, in order, of which only those that `count` takes are counted.
    pub(super) fn of(reports: &[Report<'a>], count: impl Fn(&Report<'a>) -> bool) -> Self {
        let mut totals = Self { reached: BTreeMap::new(), changes: BTreeSet::new() };
        let mut now = Count::default();
        for (report, r) in reports.iter().enumerate().filter(|(_, r)| count(r)) {
            if !now.take(r) {
                continue;
            }
            totals.changes.insert(report);
            let [price, other] = now.prices;
            for price in [Some(price), Some(other).filter(|o| *o != price)].into_iter().flatten() {
                let reached = Reached { report, at_ms: r.fact.at_ms, legs: now.legs };
                totals.reached.entry((price, now.so_far)).or_default().push(reached);
            }
        }
        totals
    }

    /// The last report up to this one after which the trade was another one.
    pub(super) fn last_change(&self, report: usize) -> Option<usize> {
        self.changes.range(..=report).next_back().copied()
    }

    /// Up to which report whoever is told this total at this time was told everything; `None`: the
    /// trade never was so. Without the time it is the first that reached it.
    pub(super) fn told_by(&self, total: Level, legs: &[StatedLeg], until_ms: i64) -> Option<usize> {
        let reached = self.reached.get(&(total.price, total.size))?;
        let first = reached.iter().find(|r| r.legs == legs)?;
        let last = reached.iter().rfind(|r| r.legs == legs && r.at_ms <= until_ms);
        Some(last.map_or(first.report, |l| l.report.max(first.report)))
    }

    /// Each total that was reached, with its legs and when.
    pub(super) fn all(&self) -> impl Iterator<Item = (Level, &'a [StatedLeg], i64)> {
        self.reached.iter().flat_map(|((price, size), all)| {
            let level = Level { price: *price, size: *size };
            all.iter().map(move |r| (level, r.legs, r.at_ms))
        })
    }
}
