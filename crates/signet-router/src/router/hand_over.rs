//! An RFQ changes hands: a colleague's desk has it from one input to the next, and dealers see
//! nothing of it. Who may is decided before; here is what the RFQ itself allows.

use super::{
    Entry, MAX_OPEN_RFQS_PER_DESK, MAX_TRADES_PER_DESK, Proposal, Router, Trade, TradeStep,
    accepts,
    age::{self, BadTime},
    outer,
    proposal::legs_of,
};
use signet_fix::message::{AppMessage, GroupRfq, HandOver, HandOverKind, QuoteRequest, TakeOver};
use signet_identity::CompId;
use signet_rfq::{AcceptId, DealerId, HandOverRefusal, Rfq, RfqId, Terms, UtcMillis};
use signet_stepup::{Action, RequestTerms};

/// How often one RFQ may change hands.
pub(super) const MAX_HAND_OVERS: usize = 16;
/// RFQs that a desk is told that it has no longer.
const MAX_TOLD: usize = 200;

/// Who had an RFQ before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Former {
    pub desk: CompId,
    /// What that desk called it.
    pub id: RfqId,
    /// When it changed hands.
    pub at: UtcMillis,
    /// How many accepts had been made by then, by this desk and those before it.
    pub accepts: usize,
}

impl Entry {
    /// Who made an accept of this RFQ.
    pub(super) fn made_by(&self, accept: &AcceptId) -> &CompId {
        let place = self.rfq.past.iter().position(|(a, _)| &a.id == accept);
        let former = place.and_then(|n| self.before.iter().find(|f| n < f.accepts));
        former.map_or(&self.desk, |f| &f.desk)
    }
}

/// Why an RFQ does not change hands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TakeOverRefusal {
    /// The same words whether it never was, has ended and is forgotten, or is none of the asker's
    /// business: ids cannot be found out by asking.
    #[error("your group has no such open RFQ")]
    NotFound,
    /// At fault: the desk that asks.
    #[error("this desk has it already")]
    Own,
    /// At fault: the desk that asks.
    #[error("this desk has used the id before, or it is too long")]
    Id,
    /// Another colleague was quicker.
    #[error("{0} has it now")]
    Gone(CompId),
    /// See there.
    #[error(transparent)]
    State(#[from] HandOverRefusal),
    /// Between these two it would go on for ever.
    #[error("it has changed hands {MAX_HAND_OVERS} times")]
    TooOften,
    /// The desk that asks has too much.
    #[error("{MAX_OPEN_RFQS_PER_DESK} RFQs are open at this desk, or its trades are too many")]
    TooMany,
    /// The desk that asks may not ask one of the RFQ's dealers.
    #[error("dealer {0} is not one you may ask")]
    Dealer(String),
    /// Its id leaves no room for the ids of further accepts.
    #[error("its id is too long to change hands")]
    LongId,
    /// TransactTime (60) is older than that of an accept may be; the age in milliseconds.
    #[error("it took {0} ms to arrive, which is too long; nothing was taken over")]
    Late(i64),
    /// TransactTime (60) is further ahead than that of an accept may be; the difference in
    /// milliseconds.
    #[error("its time is {0} ms ahead of the gateway's clock; nothing was taken over")]
    FromTheFuture(i64),
}

impl From<BadTime> for TakeOverRefusal {
    fn from(e: BadTime) -> Self {
        match e {
            BadTime::TooOld(ms) => Self::Late(ms),
            BadTime::Ahead(ms) => Self::FromTheFuture(ms),
        }
    }
}

impl TakeOverRefusal {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "takeover.not_found",
            Self::Own => "takeover.own",
            Self::Id => "takeover.id",
            Self::Gone(_) => "takeover.gone",
            Self::State(why) => why.code(),
            Self::TooOften => "takeover.too_often",
            Self::TooMany => "takeover.too_many",
            Self::Dealer(_) => "takeover.dealer",
            Self::LongId => "takeover.long_id",
            Self::Late(_) => "takeover.late",
            Self::FromTheFuture(_) => "takeover.from_the_future",
        }
    }

    /// What helps.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::NotFound | Self::Own | Self::Gone(_) => "Look at the list of your group again.",
            Self::Id | Self::Late(_) | Self::FromTheFuture(_) => "Take it over again.",
            Self::State(HandOverRefusal::CounterInFlight) => {
                "Wait for the dealer's answer to your colleague's counter."
            }
            Self::State(HandOverRefusal::AcceptInFlight) => {
                "Wait for the dealer's answer to your colleague's accept."
            }
            Self::State(HandOverRefusal::Disputed) => {
                "Call your colleague or the dealer, and ask in an RFQ of your own."
            }
            Self::State(_) | Self::TooOften | Self::LongId => "Ask in an RFQ of your own.",
            Self::TooMany => "End RFQs of your own first.",
            Self::Dealer(_) => "Ask the risk officer whether you may ask this dealer.",
        }
    }
}

/// What would change hands, for whoever decides whether it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOverFacts {
    /// The RFQ, by the gateway's id.
    pub rfq: RfqId,
    /// What the taker would have open, as if it asked for it: no dealer hears of it.
    pub proposal: Proposal,
}

impl Router {
    /// The RFQ that a desk calls `own`, by the gateway's id. Nobody but the desk that has it now
    /// finds it.
    pub(super) fn find(&self, desk: &CompId, own: &RfqId) -> Option<RfqId> {
        self.rfqs.named(desk, own)
    }

    /// Why a desk does not have this RFQ: a colleague has it by now.
    pub(super) fn gone(&self, desk: &CompId, own: &RfqId) -> Option<String> {
        let e = self.rfqs.formerly(desk, own).and_then(|id| self.rfqs.get(id))?;
        Some(format!("{} has taken this RFQ over", e.desk))
    }

    /// Whether a desk has used an id for an RFQ, its own or one that it took over.
    pub(super) fn is_used(&self, desk: &CompId, own: &RfqId) -> bool {
        let asked = RfqId::new(outer(desk, own.as_str())).is_ok_and(|id| self.remembers(&id));
        asked || self.find(desk, own).is_some() || self.rfqs.formerly(desk, own).is_some()
    }

    /// In a replay: an id was free when the record was written, so what is in its way was forgotten
    /// by then. A replay remembers longer, as it ends an RFQ with the first record after its time,
    /// not with a tick; and longer still if more ended RFQs are remembered since.
    pub(super) fn make_free(&mut self, desk: &CompId, own: &RfqId) {
        if !self.replaying {
            return;
        }
        let asked = RfqId::new(outer(desk, own.as_str())).ok();
        let former = self.rfqs.formerly(desk, own).cloned();
        for id in [asked, self.find(desk, own), former].into_iter().flatten() {
            if self.rfqs.get(&id).is_some_and(|e| e.rfq.state.ended()) {
                self.forget_one(&id);
            }
        }
        self.rfqs.settle();
    }

    /// What would change hands; or why the RFQ, or either desk, does not allow it. Whether the
    /// people may is not asked here.
    pub fn take_over(
        &self,
        taker: &CompId,
        t: &TakeOver,
        now: UtcMillis,
    ) -> Result<TakeOverFacts, TakeOverRefusal> {
        // First: it says nothing of what there is, and whoever clicked may have given it up.
        age::judge(t.at, now)?;
        if &t.desk == taker {
            return Err(TakeOverRefusal::Own);
        }
        let Some(id) = self.find(&t.desk, &t.of) else {
            let now_at = self.rfqs.formerly(&t.desk, &t.of).and_then(|id| self.rfqs.get(id));
            let why = now_at.filter(|e| !e.rfq.state.ended()).map(|e| e.desk.clone());
            return Err(why.map_or(TakeOverRefusal::NotFound, TakeOverRefusal::Gone));
        };
        let e = self.rfqs.get(&id).ok_or(TakeOverRefusal::NotFound)?;
        let mut rfq = e.rfq.clone();
        rfq.tick(now);
        rfq.may_change_hands()?;
        let fits = RfqId::new(outer(taker, t.rfq.as_str())).is_ok();
        // A colleague's accept is named after it, too.
        if !fits || self.is_used(taker, &t.rfq) || !accepts::leaves_room_for_accepts(&t.rfq) {
            return Err(TakeOverRefusal::Id);
        }
        if e.before.len() >= MAX_HAND_OVERS {
            return Err(TakeOverRefusal::TooOften);
        }
        if !accepts::leaves_room_for_accepts(&id) {
            return Err(TakeOverRefusal::LongId);
        }
        let full = self.rfqs.open_count(taker) >= MAX_OPEN_RFQS_PER_DESK
            || self.rfqs.trades_remembered(taker) >= MAX_TRADES_PER_DESK;
        if full {
            return Err(TakeOverRefusal::TooMany);
        }
        if let Some(d) = rfq.terms.dealers.iter().find(|d| !self.may_ask(taker, d)) {
            return Err(TakeOverRefusal::Dealer(d.to_string()));
        }
        let trade = self.trade_of(taker, &rfq, now);
        let terms = Terms { id: t.rfq.clone(), ..rfq.terms };
        let action = Action::Request(RequestTerms::of(&terms));
        let proposal = Proposal { goes_on: action.clone(), action, ends: None, trade };
        Ok(TakeOverFacts { rfq: id, proposal })
    }

    /// What entitlements weigh when a desk comes to have an RFQ: as if it asked for it.
    fn trade_of(&self, taker: &CompId, rfq: &Rfq, now: UtcMillis) -> Trade {
        let t = &rfq.terms;
        Trade {
            step: TradeStep::Request,
            instrument: t.instrument.clone(),
            ask: t.ask,
            legs: legs_of(t, t.ask),
            quantity: t.quantity,
            dealers: t
                .dealers
                .iter()
                .map(|d| (d.clone(), self.rfqs.traded_with(taker, d)))
                .collect(),
            asked: t.dealers.len(),
            off_market_bps: None,
            doing: self.rfqs.doing(taker, None, now),
        }
    }

    /// A desk asks for a colleague's RFQ, and those who decide have let it through.
    pub(super) fn asked_to_take_over(&mut self, taker: &CompId, t: &TakeOver, now: UtcMillis) {
        match self.take_over(taker, t, now) {
            Ok(_) => self.hand_over(taker, t, now),
            Err(why) => {
                self.note(format!("{taker} does not take over {} of {}: {why}", t.of, t.desk));
                self.tell_desk(taker, AppMessage::HandOver(not_taken_over(t, &why, now)));
            }
        }
    }

    /// It changes hands. A replay of the journal comes here too.
    pub(super) fn hand_over(&mut self, taker: &CompId, t: &TakeOver, now: UtcMillis) {
        self.make_free(taker, &t.rfq);
        let Some(id) = self.find(&t.desk, &t.of) else { return };
        let used = self.is_used(taker, &t.rfq);
        let Some(e) = self.rfqs.get_mut(&id).filter(|_| !used) else { return };
        e.rfq.tick(now);
        if self.replaying {
            drop_counters(&mut e.rfq);
        }
        if e.rfq.change_hands(t.rfq.clone()).is_err() {
            return;
        }
        let accepts = e.rfq.past.len();
        e.before.push(Former { desk: t.desk.clone(), id: t.of.clone(), at: now, accepts });
        e.desk = taker.clone();
        e.asked_at = None;
        let (rfq, isin) = (e.rfq.clone(), e.isin);
        let words = format!("{taker} takes over {} of {}, as {}", t.of, t.desk, t.rfq);
        self.tell_desk(
            &t.desk,
            AppMessage::HandOver(told(&t.of, HandOverKind::Theirs, taker, now)),
        );
        self.tell_desk(taker, AppMessage::HandOver(yours(&id, &t.rfq, &t.desk, now)));
        self.open_rfq(taker, &rfq, isin, now);
        self.note(words);
    }

    /// In the snapshot, before an RFQ that came from another desk.
    pub(super) fn tell_origin(&mut self, desk: &CompId, outer_id: &RfqId) {
        let Some(e) = self.rfqs.get(outer_id) else { return };
        let Some(last) = e.before.last().cloned() else { return };
        let own = e.rfq.terms.id.clone();
        self.tell_desk(desk, AppMessage::HandOver(yours(outer_id, &own, &last.desk, last.at)));
    }

    /// In the snapshot: the RFQs that this desk has no longer, whether or not it has heard of it.
    pub(super) fn tell_lost(&mut self, desk: &CompId) {
        let of = |e: &Entry| {
            let n = e.before.iter().rposition(|f| &f.desk == desk)?;
            let (mine, next) = (e.before.get(n)?, e.before.get(n + 1));
            let to = next.map_or(&e.desk, |f| &f.desk);
            Some(told(&mine.id, HandOverKind::Theirs, to, mine.at))
        };
        let mut all: Vec<HandOver> =
            self.rfqs.formerly_of(desk).filter_map(|id| of(self.rfqs.get(id)?)).collect();
        all.sort_by_key(|h| h.at);
        let first = all.len().saturating_sub(MAX_TOLD);
        for h in all.drain(first..) {
            self.tell_desk(desk, AppMessage::HandOver(h));
        }
    }

    /// The open RFQs of other desks for which `sees` knows the person, the newest first and not
    /// more than `limit`; whether there are more.
    pub fn open_of_others(
        &self,
        desk: &CompId,
        limit: usize,
        now: UtcMillis,
        mut sees: impl FnMut(&CompId) -> Option<String>,
    ) -> (Vec<GroupRfq>, bool) {
        let mut all = Vec::new();
        for owner in self.rfqs.desks_alive().filter(|d| *d != desk) {
            let Some(name) = sees(owner) else { continue };
            all.extend(self.rfqs.alive_of(owner).map(|(id, e)| (id, e, name.clone())));
        }
        all.sort_by_key(|(id, e, _)| (std::cmp::Reverse(e.rfq.terms.created), (*id).clone()));
        let more = all.len() > limit;
        let row = |(_, e, name): (&RfqId, &Entry, String)| {
            let (quoting, hindrance) = (
                e.rfq.lines.iter().filter(|l| l.live_quote(now).is_some()).count(),
                e.rfq.may_change_hands().err().map(|why| why.to_string()),
            );
            GroupRfq {
                desk: e.desk.clone(),
                name,
                request: QuoteRequest {
                    expires: e.rfq.expires(),
                    ..QuoteRequest::of(&e.rfq.terms, e.isin)
                },
                quoting: u32::try_from(quoting).unwrap_or(u32::MAX),
                hindrance,
            }
        };
        (all.into_iter().take(limit).map(row).collect(), more)
    }
}

/// In a replay: it changed hands, so no counter waited. One that still waits here was over because
/// the line to its dealer was lost, of which the journal has no record.
fn drop_counters(rfq: &mut Rfq) {
    let waits = rfq.lines.iter().filter(|l| l.counter_sent().is_some());
    let dealers: Vec<DealerId> = waits.map(|l| l.dealer.clone()).collect();
    for dealer in &dealers {
        rfq.unreachable(dealer);
    }
}

fn told(own: &RfqId, kind: HandOverKind, other: &CompId, at: UtcMillis) -> HandOver {
    HandOver {
        rfq: own.clone(),
        kind,
        desk: Some(other.clone()),
        name: None,
        at,
        code: None,
        text: None,
        cure: None,
    }
}

/// Names the RFQ as the gateway does; the desk reads what its dealers call it ([`Router::called`]).
fn yours(rfq: &RfqId, own: &RfqId, before: &CompId, at: UtcMillis) -> HandOver {
    let text = Some(rfq.to_string());
    HandOver { text, ..told(own, HandOverKind::Yours, before, at) }
}

/// What the desk reads when nothing changes hands.
pub fn not_taken_over(t: &TakeOver, why: &TakeOverRefusal, now: UtcMillis) -> HandOver {
    HandOver {
        rfq: t.rfq.clone(),
        kind: HandOverKind::Refused,
        desk: None,
        name: None,
        at: now,
        code: Some(why.code().into()),
        text: Some(why.to_string()),
        cure: Some(why.cure().into()),
    }
}

#[cfg(test)]
#[path = "hand_over_tests.rs"]
mod tests;
