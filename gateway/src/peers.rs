//! The budgets of all peers, over all their connections, and what follows when one is used up.

use crate::{
    budget::{Class, DayBytes, NoLogon, PeerBudget, Verdict},
    clock::now,
    config::{LimitsSection, SignedFull},
    core::Core,
    live,
};
use signet_fix::{AppMessage, message::BusinessReject, session::Meta, share::Share};
use signet_registry::NewEvent;
use signet_rfq::{CompId, DealerId, UtcMillis};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

const MIB: u64 = 1024 * 1024;
const DAY_MS: i64 = 24 * 3_600_000;

/// Who has a certificate has a budget, so there are no more of them than parties.
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
}

impl Peer {
    fn new(budget: PeerBudget, percent: u32, l: &LimitsSection) -> Self {
        let share = Share::new(percent, Duration::from_millis(l.processor_burst_ms.into()));
        Self { budget, share: Rc::new(share), out: Rc::default(), signed: DayBytes::default() }
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
        self.desk(desk, |p| p.budget.may_log_on(Instant::now()))
    }

    /// Told when a dealer is to be disconnected. One for each connection: what an earlier one was
    /// told does not end a later one.
    pub fn dealer_out(&self, dealer: &DealerId) -> Rc<Notify> {
        self.dealer(dealer, |p| {
            p.out = Rc::default();
            p.out.clone()
        })
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

/// Length that a message counts with which the session refused before it was read.
const REFUSED_BYTES: usize = 1_024;

impl Core {
    /// Counts a message of a desk; `None`: it is not to be acted on, and the desk has been told.
    pub fn within_budget(
        self: &Rc<Self>,
        desk: &CompId,
        message: AppMessage,
        meta: &Meta,
    ) -> Option<AppMessage> {
        let class = Class::of(&message);
        match self.peers.desk(desk, |p| p.budget.judge(Instant::now(), class, meta.bytes)) {
            Verdict::Go => return Some(message),
            Verdict::TooMany => {
                tracing::warn!(%desk, msg_type = message.msg_type(), code = "budget.exceeded", "too many {}; refused", class.words());
                self.note_about(
                    "budget.exceeded",
                    desk.as_str(),
                    &format!("too many {}; some were refused", class.words()),
                );
                self.to_desk(desk, &too_many(&message, class, meta.seq));
            }
            Verdict::Out => self.desk_is_out(desk, class),
        }
        None
    }

    /// Counts a message of a desk that the session has refused, or a reject of the desk.
    pub fn counts_fault(self: &Rc<Self>, desk: &CompId) {
        let judged =
            self.peers.desk(desk, |p| p.budget.judge(Instant::now(), Class::Other, REFUSED_BYTES));
        if judged == Verdict::Out {
            self.desk_is_out(desk, Class::Other);
        }
    }

    fn desk_is_out(self: &Rc<Self>, desk: &CompId, class: Class) {
        let pause = self.peers.pause().as_secs();
        let words = format!(
            "too many {} went on after they were refused; this desk may log on again in {pause} s",
            class.words()
        );
        live::end_one(self, self.roster().as_deref(), desk, "budget.exceeded", &words);
    }

    /// Counts a message of a dealer. It is acted on whatever comes out, as it tells what is so
    /// already; a dealer that goes on beyond its budget is disconnected.
    pub fn counts_dealer(&self, dealer: &DealerId, class: Class, bytes: usize) {
        let (verdict, out) = self
            .peers
            .dealer(dealer, |p| (p.budget.judge(Instant::now(), class, bytes), p.out.clone()));
        match verdict {
            Verdict::Go => {}
            Verdict::TooMany => {
                tracing::warn!(%dealer, code = "budget.exceeded", "too many {}", class.words());
                self.note_about(
                    "budget.exceeded",
                    dealer.as_str(),
                    &format!("too many {}", class.words()),
                );
            }
            Verdict::Out => {
                tracing::error!(%dealer, code = "budget.dealer_out", "too many {}; the dealer is \
                    disconnected", class.words());
                let pause = self.peers.pause().as_secs();
                let words =
                    format!("too many {} went on; disconnected for {pause} s", class.words());
                self.note_about("budget.dealer_out", dealer.as_str(), &words);
                out.notify_one();
            }
        }
    }

    /// Counts a message of a dealer that the session has refused.
    pub fn counts_dealer_fault(&self, dealer: &DealerId) {
        self.counts_dealer(dealer, Class::Other, REFUSED_BYTES);
    }

    pub(crate) fn note_about(&self, code: &'static str, who: &str, words: &str) {
        if let Some(r) = self.roster() {
            r.note(NewEvent::new(now(), "gateway", code, who, words));
        }
    }
}

/// Not a rejection of the RFQ or the accept: under the same id one may be under way already.
fn too_many(m: &AppMessage, class: Class, seq: u64) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: Some(seq),
        ref_msg_type: m.msg_type().into(),
        ref_id: crate::signed::id_of(m),
        // 4: application not available.
        reason: 4,
        text: Some(format!(
            "too many {}; nothing was done. Send it again in some seconds (budget.exceeded)",
            class.words()
        )),
    })
}
