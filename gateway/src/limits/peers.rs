//! The budgets of all peers, over all their connections.

use super::{BudgetVerdict, Class, DayBytes, NoLogon, PeerBudget};
use crate::{
    clock::steady,
    config::{LimitsSection, SignedFull},
};
use signet_fix::share::Share;
use signet_identity::CompId;
use signet_rfq::{DealerId, UtcMillis};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};
use tokio::sync::Notify;

const MIB: u64 = 1024 * 1024;
const DAY_MS: i64 = 24 * 3_600_000;

/// Each party with a certificate has one budget, so the maps hold no more entries than there are
/// parties.
pub struct Peers {
    limits: LimitsSection,
    desks: RefCell<BTreeMap<CompId, Peer>>,
    dealers: RefCell<BTreeMap<DealerId, Peer>>,
}

struct Peer {
    budget: PeerBudget,
    share: Rc<Share>,
    /// Told when the peer is to be disconnected.
    out: Rc<Notify>,
    signed: DayBytes,
    /// Of a dealer.
    quotes: DayBytes,
}

impl Peer {
    fn new(budget: PeerBudget, percent: u32, l: &LimitsSection) -> Self {
        let share = Share::new(percent, Duration::from_millis(l.processor_burst_ms.into()));
        let (signed, quotes) = (DayBytes::default(), DayBytes::default());
        Self { budget, share: Rc::new(share), out: Rc::default(), signed, quotes }
    }
}

impl Peers {
    pub fn new(limits: LimitsSection) -> Self {
        Self { limits, desks: RefCell::default(), dealers: RefCell::default() }
    }

    fn desk<T>(&self, desk: &CompId, f: impl FnOnce(&mut Peer) -> T) -> T {
        let l = &self.limits;
        let new = || Peer::new(PeerBudget::of_desk(l), l.desk_processor_percent, l);
        f(self.desks.borrow_mut().entry(desk.clone()).or_insert_with(new))
    }

    fn dealer<T>(&self, dealer: &DealerId, f: impl FnOnce(&mut Peer) -> T) -> T {
        let l = &self.limits;
        let new = || Peer::new(PeerBudget::of_dealer(l), l.dealer_processor_percent, l);
        f(self.dealers.borrow_mut().entry(dealer.clone()).or_insert_with(new))
    }

    /// Counts a message of a desk.
    pub fn judge_desk(&self, desk: &CompId, class: Class, bytes: usize) -> BudgetVerdict {
        self.desk(desk, |p| p.budget.judge(steady(), class, bytes))
    }

    /// Counts a message of a dealer; with it, what is told when the dealer is to be disconnected.
    pub fn judge_dealer(
        &self,
        dealer: &DealerId,
        class: Class,
        bytes: usize,
    ) -> (BudgetVerdict, Rc<Notify>) {
        self.dealer(dealer, |p| (p.budget.judge(steady(), class, bytes), p.out.clone()))
    }

    /// How much of the thread's time a desk may take.
    pub fn desk_share(&self, desk: &CompId) -> Rc<Share> {
        self.desk(desk, |p| p.share.clone())
    }

    /// How much of the thread's time a dealer may take.
    pub fn dealer_share(&self, dealer: &DealerId) -> Rc<Share> {
        self.dealer(dealer, |p| p.share.clone())
    }

    /// Whether a desk that is otherwise good may log on now.
    pub fn may_log_on(&self, desk: &CompId) -> Result<(), NoLogon> {
        self.desk(desk, |p| p.budget.may_log_on(steady()))
    }

    /// Told when a dealer is to be disconnected. One for each connection: what an earlier one was
    /// told does not end a later one.
    pub fn dealer_out(&self, dealer: &DealerId) -> Rc<Notify> {
        self.dealer(dealer, |p| {
            p.out = Rc::default();
            p.out.clone()
        })
    }

    /// Has a dealer disconnected, if its line is up.
    pub fn tell_dealer_out(&self, dealer: &DealerId) {
        self.dealer(dealer, |p| p.out.notify_one());
    }

    /// For how long a dealer that was disconnected for its excess is left alone.
    pub fn pause(&self) -> Duration {
        Duration::from_secs(self.limits.excess_pause_seconds.into())
    }

    /// Whether evidence of a desk still fits into its day; `Err`: not, and whether that is to be
    /// told.
    pub fn desk_signed(&self, desk: &CompId, at: UtcMillis, bytes: usize) -> Result<(), bool> {
        self.desk(desk, |p| p.signed.add(day(at), bytes, self.signed_max()))
    }

    /// The same of a dealer.
    pub fn dealer_signed(
        &self,
        dealer: &DealerId,
        at: UtcMillis,
        bytes: usize,
    ) -> Result<(), bool> {
        self.dealer(dealer, |p| p.signed.add(day(at), bytes, self.signed_max()))
    }

    /// The same of a dealer's quotes, which have as much for themselves.
    pub fn dealer_quoted(
        &self,
        dealer: &DealerId,
        at: UtcMillis,
        bytes: usize,
    ) -> Result<(), bool> {
        self.dealer(dealer, |p| p.quotes.add(day(at), bytes, self.signed_max()))
    }

    /// Whether business of a desk whose evidence does not fit into the day is refused.
    pub fn refuses_when_signed_full(&self) -> bool {
        self.limits.signed_full == SignedFull::Refuse
    }

    fn signed_max(&self) -> u64 {
        u64::from(self.limits.signed_mib_per_peer_per_day) * MIB
    }
}

fn day(at: UtcMillis) -> i64 {
    at.0.div_euclid(DAY_MS)
}
