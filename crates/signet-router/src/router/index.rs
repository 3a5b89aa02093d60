//! The RFQs, their indices, and each desk's open, in-flight and traded amounts.
//!
//! Indices and sums follow from the RFQs alone. Every RFQ that was lent out for change is counted
//! again in [`RfqIndex::settle`], and its new contribution replaces the old one; so a query costs
//! no more on a busy day, and a replay of the journal makes the same sums.

#[path = "index_restated.rs"]
mod restated;

use super::{ASK_AGAIN_MS, Entry, REMEMBER_OTHER_MS, REMEMBER_TRADED_MS, outer};
use restated::{QuoteIndex, put_quote, take_quote};
use rust_decimal::Decimal;
use signet_identity::CompId;
use signet_rfq::{DealerId, QuoteId, RfqId, UtcMillis};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// How many of the newest are known as such.
const NEWEST_MAX: usize = 1_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// Amounts by currency, as entitlements take them.
pub type Amounts = BTreeMap<String, Decimal>;

#[derive(Debug, Default)]
pub(super) struct RfqIndex {
    /// By the gateway's id.
    rfqs: BTreeMap<RfqId, Entry>,
    /// RFQs lent out since the last `settle`.
    touched: BTreeSet<RfqId>,
    day_begins_ms: i64,
    /// The newest, oldest first; some may be forgotten already.
    newest: VecDeque<RfqId>,
    derived: Derived,
}

/// Everything that is derived.
#[derive(Debug, Default, PartialEq, Eq)]
struct Derived {
    contributions: HashMap<RfqId, Contribution>,
    desks: BTreeMap<CompId, Sums>,
    /// The newest quote of each line.
    quotes: QuoteIndex,
    /// Not ended.
    alive: BTreeSet<RfqId>,
    /// The same by the desk that has them.
    alive_of: BTreeMap<CompId, BTreeSet<RfqId>>,
    /// Those that changed hands, by the desk that has them and what it calls them.
    taken: BTreeMap<(CompId, RfqId), RfqId>,
    /// Those that changed hands, by the desks that had them and what these called them.
    former: BTreeMap<(CompId, RfqId), RfqId>,
    /// When time changes something.
    due: BTreeSet<(UtcMillis, RfqId)>,
    /// Ended without anything to remember, by desk, the oldest first.
    spare: BTreeMap<CompId, BTreeSet<(UtcMillis, RfqId)>>,
    /// When an ended one may be forgotten.
    forget: BTreeSet<(UtcMillis, RfqId)>,
}

/// What one RFQ adds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Contribution {
    desk: CompId,
    /// What the desk calls it, if it had another one before.
    taken: Option<RfqId>,
    /// The desks that had it before, and what they called it.
    former: Vec<(CompId, RfqId)>,
    currency: String,
    open: Option<Decimal>,
    in_flight: Option<Decimal>,
    traded: Vec<Traded>,
    quotes: Vec<(DealerId, QuoteId)>,
    due: Option<UtcMillis>,
    forget: Option<UtcMillis>,
    /// When it ended, if nothing of it is to be remembered.
    spare: Option<UtcMillis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Traded {
    /// Who accepted: not the desk that has the RFQ, if it changed hands since.
    desk: CompId,
    /// The trading day, counted since 1970.
    day: i64,
    dealer: DealerId,
    quantity: Decimal,
}

/// A sum, removed when its count reaches zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    total: Decimal,
    count: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    open: BTreeMap<String, Sum>,
    in_flight: BTreeMap<String, Sum>,
    /// By trading day: two or three at most, as trades are remembered for 24 hours.
    traded: BTreeMap<i64, BTreeMap<String, Sum>>,
    dealers: BTreeMap<DealerId, usize>,
}

/// What a desk is doing, for a decision about one more thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doing {
    /// Accepted in this trading day, and accepts without an answer.
    pub day: Amounts,
    /// Open RFQs, those with an accept in flight among them.
    pub outstanding: Amounts,
    /// How many RFQs have not ended.
    pub open_rfqs: usize,
    /// How many trades were counted in this trading day.
    pub trades_today: usize,
}

impl Contribution {
    fn of(e: &Entry, day_begins_ms: i64) -> Self {
        let alive = !e.rfq.state.ended();
        let accept = e.rfq.accept.as_ref();
        let counted = e.rfq.counted().into_iter().filter_map(|c| {
            let at = c.disputed.or(e.ended_at)?;
            Some(Traded {
                desk: e.made_by(c.id).clone(),
                day: day_of(at, day_begins_ms),
                dealer: c.dealer.clone(),
                quantity: c.quantity,
            })
        });
        let asked_again = e.asked_at.map(|t| t + ASK_AGAIN_MS);
        let remember_ms =
            if e.rfq.is_to_be_remembered() { REMEMBER_TRADED_MS } else { REMEMBER_OTHER_MS };
        Self {
            desk: e.desk.clone(),
            taken: (!e.before.is_empty()).then(|| e.rfq.terms.id.clone()),
            former: e.before.iter().map(|f| (f.desk.clone(), f.id.clone())).collect(),
            currency: e.rfq.terms.currency.clone(),
            open: alive.then_some(e.rfq.terms.quantity),
            in_flight: accept.filter(|(_, s)| s.in_flight()).map(|(a, _)| a.quantity),
            traded: counted.collect(),
            quotes: e
                .rfq
                .lines
                .iter()
                .filter_map(|l| l.quote.as_ref().map(|q| (l.dealer.clone(), q.id.clone())))
                .collect(),
            due: [e.rfq.next_deadline(), asked_again].into_iter().flatten().min(),
            forget: e.ended_at.map(|_| e.kept.from + remember_ms),
            spare: e.ended_at.filter(|_| !e.rfq.is_to_be_remembered()),
        }
    }
}

/// What a desk calls `own` among what changed hands, which is nothing on most days.
fn called<'a>(
    all: &'a BTreeMap<(CompId, RfqId), RfqId>,
    desk: &CompId,
    own: &RfqId,
) -> Option<&'a RfqId> {
    if all.is_empty() { None } else { all.get(&(desk.clone(), own.clone())) }
}

fn day_of(at: UtcMillis, begins_ms: i64) -> i64 {
    at.0.saturating_sub(begins_ms).div_euclid(DAY_MS)
}

fn add(sums: &mut BTreeMap<String, Sum>, currency: &str, quantity: Decimal) {
    let s = sums.entry(currency.to_owned()).or_default();
    s.total = s.total.saturating_add(quantity);
    s.count += 1;
}

fn take(sums: &mut BTreeMap<String, Sum>, currency: &str, quantity: Decimal) {
    let Some(s) = sums.get_mut(currency) else { return };
    s.total = s.total.saturating_sub(quantity);
    s.count -= 1;
    if s.count == 0 {
        sums.remove(currency);
    }
}

fn totals(sums: &BTreeMap<String, Sum>) -> impl Iterator<Item = (&String, Decimal)> {
    sums.iter().map(|(c, s)| (c, s.total))
}

impl Sums {
    fn add(&mut self, s: &Contribution) {
        s.open.into_iter().for_each(|q| add(&mut self.open, &s.currency, q));
        s.in_flight.into_iter().for_each(|q| add(&mut self.in_flight, &s.currency, q));
    }

    fn add_trade(&mut self, currency: &str, t: &Traded) {
        add(self.traded.entry(t.day).or_default(), currency, t.quantity);
        *self.dealers.entry(t.dealer.clone()).or_default() += 1;
    }

    fn take(&mut self, s: &Contribution) {
        s.open.into_iter().for_each(|q| take(&mut self.open, &s.currency, q));
        s.in_flight.into_iter().for_each(|q| take(&mut self.in_flight, &s.currency, q));
    }

    fn take_trade(&mut self, currency: &str, t: &Traded) {
        if let Some(day) = self.traded.get_mut(&t.day) {
            take(day, currency, t.quantity);
            if day.is_empty() {
                self.traded.remove(&t.day);
            }
        }
        if let Some(n) = self.dealers.get_mut(&t.dealer) {
            *n -= 1;
            if *n == 0 {
                self.dealers.remove(&t.dealer);
            }
        }
    }
}

impl Derived {
    fn put(&mut self, id: &RfqId, share: Contribution) {
        if share.open.is_some() || share.in_flight.is_some() {
            self.desks.entry(share.desk.clone()).or_default().add(&share);
        }
        for t in &share.traded {
            self.desks.entry(t.desk.clone()).or_default().add_trade(&share.currency, t);
        }
        for quote in &share.quotes {
            put_quote(&mut self.quotes, &share.desk, quote, id);
        }
        if share.open.is_some() {
            self.alive.insert(id.clone());
            self.alive_of.entry(share.desk.clone()).or_default().insert(id.clone());
        }
        if let Some(own) = &share.taken {
            self.taken.insert((share.desk.clone(), own.clone()), id.clone());
        }
        self.former.extend(share.former.iter().map(|f| (f.clone(), id.clone())));
        self.due.extend(share.due.map(|t| (t, id.clone())));
        if let Some(t) = share.spare {
            self.spare.entry(share.desk.clone()).or_default().insert((t, id.clone()));
        }
        self.forget.extend(share.forget.map(|t| (t, id.clone())));
        self.contributions.insert(id.clone(), share);
    }

    fn take(&mut self, id: &RfqId) {
        let Some(share) = self.contributions.remove(id) else { return };
        if let Some(sums) = self.desks.get_mut(&share.desk) {
            sums.take(&share);
        }
        for t in &share.traded {
            if let Some(sums) = self.desks.get_mut(&t.desk) {
                sums.take_trade(&share.currency, t);
            }
        }
        for desk in share.traded.iter().map(|t| &t.desk).chain([&share.desk]) {
            if self.desks.get(desk).is_some_and(|sums| *sums == Sums::default()) {
                self.desks.remove(desk);
            }
        }
        for quote in &share.quotes {
            take_quote(&mut self.quotes, &share.desk, quote, id);
        }
        self.alive.remove(id);
        if let Some(ids) = self.alive_of.get_mut(&share.desk) {
            ids.remove(id);
            if ids.is_empty() {
                self.alive_of.remove(&share.desk);
            }
        }
        if let Some(own) = &share.taken {
            self.taken.remove(&(share.desk.clone(), own.clone()));
        }
        share.former.iter().for_each(|f| drop(self.former.remove(f)));
        let _ = share.due.map(|t| self.due.remove(&(t, id.clone())));
        let _ = share.forget.map(|t| self.forget.remove(&(t, id.clone())));
        if let (Some(t), Some(spare)) = (share.spare, self.spare.get_mut(&share.desk)) {
            spare.remove(&(t, id.clone()));
            if spare.is_empty() {
                self.spare.remove(&share.desk);
            }
        }
    }
}

impl RfqIndex {
    pub(crate) fn get(&self, id: &RfqId) -> Option<&Entry> {
        self.rfqs.get(id)
    }

    /// Lends an RFQ out for change.
    pub(crate) fn get_mut(&mut self, id: &RfqId) -> Option<&mut Entry> {
        let e = self.rfqs.get_mut(id)?;
        self.touched.insert(id.clone());
        Some(e)
    }

    pub(crate) fn contains_key(&self, id: &RfqId) -> bool {
        self.rfqs.contains_key(id)
    }

    pub(crate) fn insert(&mut self, id: RfqId, e: Entry) {
        self.touched.insert(id.clone());
        if self.newest.len() >= NEWEST_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(id.clone());
        self.rfqs.insert(id, e);
    }

    /// The newest, newest first; one that came twice is there twice.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &RfqId> {
        self.newest.iter().rev()
    }

    pub(crate) fn alive_count(&self) -> usize {
        self.derived.alive.len()
    }

    pub(crate) fn remove(&mut self, id: &RfqId) -> Option<Entry> {
        self.touched.insert(id.clone());
        self.rfqs.remove(id)
    }

    /// Brings indices and sums up to date: at the end of every input, before anybody looks.
    pub(crate) fn settle(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            let share = self.rfqs.get(&id).map(|e| Contribution::of(e, self.day_begins_ms));
            let was = self.derived.contributions.get(&id);
            if was == share.as_ref() {
                continue;
            }
            match share {
                Some(share) if was.is_some_and(|was| was.goes_on_as(&share)) => {
                    self.derived.restate(&id, share);
                }
                share => {
                    self.derived.take(&id);
                    share.into_iter().for_each(|s| self.derived.put(&id, s));
                }
            }
        }
    }

    /// Changes when trading days begin, and sorts the trades into days again.
    pub(crate) fn day_begins(&mut self, ms: i64) {
        if std::mem::replace(&mut self.day_begins_ms, ms) != ms {
            self.touched.extend(self.rfqs.keys().cloned());
            self.settle();
        }
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = (&RfqId, &Entry)> {
        self.derived.alive.iter().filter_map(|id| self.rfqs.get_key_value(id))
    }

    /// The RFQs of one desk that have not ended, those that it took over among them.
    pub(crate) fn alive_of(&self, desk: &CompId) -> impl Iterator<Item = (&RfqId, &Entry)> {
        let ids = self.derived.alive_of.get(desk).into_iter().flatten();
        ids.filter_map(|id| self.rfqs.get_key_value(id))
    }

    /// The desks that have an RFQ which has not ended.
    pub(crate) fn desks_alive(&self) -> impl Iterator<Item = &CompId> {
        self.derived.alive_of.keys()
    }

    /// The RFQ that a desk has and calls `own`.
    pub(crate) fn named(&self, desk: &CompId, own: &RfqId) -> Option<RfqId> {
        if let Some(id) = called(&self.derived.taken, desk, own) {
            return Some(id.clone());
        }
        let id = RfqId::new(outer(desk, own.as_str())).ok()?;
        self.rfqs.get(&id).filter(|e| &e.desk == desk && &e.rfq.terms.id == own)?;
        Some(id)
    }

    /// The RFQ that a desk had and called `own`, and that another one has now.
    pub(crate) fn formerly(&self, desk: &CompId, own: &RfqId) -> Option<&RfqId> {
        called(&self.derived.former, desk, own)
    }

    /// The RFQs that a desk had and another one has now.
    pub(crate) fn formerly_of<'a>(&'a self, desk: &'a CompId) -> impl Iterator<Item = &'a RfqId> {
        let all = self.derived.former.iter().filter(move |((d, _), _)| d == desk);
        all.filter(move |(_, id)| self.rfqs.get(id).is_some_and(|e| &e.desk != desk))
            .map(|(_, id)| id)
    }

    /// The RFQ in which a desk sees this quote; the first by id if the dealer used one id twice.
    pub(crate) fn of_quote(
        &self,
        desk: &CompId,
        dealer: &DealerId,
        quote: &QuoteId,
    ) -> Option<&RfqId> {
        self.derived.quotes.get(&(desk.clone(), dealer.clone(), quote.clone()))?.first()
    }

    /// The desk's RFQs, not ended, in which it sees this quote: one, unless the dealer used an id
    /// twice.
    pub(crate) fn alive_with_quote(
        &self,
        desk: &CompId,
        dealer: &DealerId,
        quote: &QuoteId,
    ) -> impl Iterator<Item = &RfqId> {
        let all = self.derived.quotes.get(&(desk.clone(), dealer.clone(), quote.clone()));
        all.into_iter().flatten().filter(|id| self.derived.alive.contains(*id))
    }

    /// RFQs in which time changes something by `now`, by id.
    pub(crate) fn due(&self, now: UtcMillis) -> BTreeSet<RfqId> {
        self.derived.due.iter().take_while(|(t, _)| *t <= now).map(|(_, id)| id.clone()).collect()
    }

    /// RFQs that may be forgotten by `now`, on the clock of `memory.rs`.
    pub(crate) fn to_forget(&self, now: UtcMillis) -> Vec<RfqId> {
        self.derived
            .forget
            .iter()
            .take_while(|(t, _)| *t <= now)
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// The oldest RFQs of a desk that ended without anything to remember, but for the newest
    /// `keep`.
    pub(crate) fn beyond(&self, desk: &CompId, keep: usize) -> Vec<RfqId> {
        let Some(spare) = self.derived.spare.get(desk) else { return Vec::new() };
        spare.iter().take(spare.len().saturating_sub(keep)).map(|(_, id)| id.clone()).collect()
    }

    /// Trades of a desk that are remembered.
    pub(crate) fn trades_remembered(&self, desk: &CompId) -> usize {
        self.derived.desks.get(desk).map_or(0, |s| s.dealers.values().sum())
    }

    pub(crate) fn open_count(&self, desk: &CompId) -> usize {
        self.derived.desks.get(desk).map_or(0, |s| s.open.values().map(|s| s.count).sum())
    }

    /// What a desk is doing, not counting one RFQ's own place among what is open.
    pub(crate) fn doing(&self, desk: &CompId, without: Option<&RfqId>, now: UtcMillis) -> Doing {
        let Some(sums) = self.derived.desks.get(desk) else { return Doing::default() };
        let mut outstanding: Amounts = totals(&sums.open).map(|(c, q)| (c.clone(), q)).collect();
        let own =
            without.and_then(|id| self.derived.contributions.get(id)).filter(|s| &s.desk == desk);
        let mut open_rfqs = self.open_count(desk);
        if let Some((share, quantity)) = own.and_then(|s| s.open.map(|q| (s, q))) {
            outstanding
                .entry(share.currency.clone())
                .and_modify(|o| *o = o.saturating_sub(quantity));
            open_rfqs -= 1;
        }
        let mut day = Amounts::new();
        // Today and later days, so that a clock that was set back frees no limit.
        let today = sums.traded.range(day_of(now, self.day_begins_ms)..);
        let mut trades_today = 0;
        for sums in today.map(|(_, s)| s).chain([&sums.in_flight]) {
            for (currency, quantity) in totals(sums) {
                let d = day.entry(currency.clone()).or_default();
                *d = d.saturating_add(quantity);
            }
        }
        for s in sums.traded.range(day_of(now, self.day_begins_ms)..).flat_map(|(_, s)| s.values())
        {
            trades_today += s.count;
        }
        Doing { day, outstanding, open_rfqs, trades_today }
    }

    pub(crate) fn traded_with(&self, desk: &CompId, dealer: &DealerId) -> bool {
        self.derived.desks.get(desk).is_some_and(|s| s.dealers.contains_key(dealer))
    }

    /// The pairs of desk and dealer that have traded, as far as trades are remembered.
    pub(crate) fn pairs(&self) -> Vec<(CompId, DealerId)> {
        let of = |(desk, s): (&CompId, &Sums)| {
            s.dealers.keys().map(|d| (desk.clone(), d.clone())).collect::<Vec<_>>()
        };
        self.derived.desks.iter().flat_map(of).collect()
    }

    /// Whether indices and sums are what a look at every RFQ finds.
    #[cfg(test)]
    pub(crate) fn is_consistent(&self) -> bool {
        let mut fresh = Derived::default();
        self.rfqs.iter().for_each(|(id, e)| fresh.put(id, Contribution::of(e, self.day_begins_ms)));
        self.touched.is_empty() && fresh == self.derived
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RfqId, &Entry)> {
        self.rfqs.iter()
    }
}
