//! The RFQs on screen, each with the views that the page has.

use super::frame_clock::FrameClock;
use crate::{
    guard::Guard,
    in_flight::MAX_KEPT,
    view::{CoverView, LineView, Problem, RfqView, TicketForm},
};
use rust_decimal::Decimal;
use signet_rfq::{
    AcceptId, AcceptState, Counter, CounterState, DealerId, Declined, Rfq, RfqId, RfqState, Side,
};
use signet_stepup::AheadTerms;
use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map};

/// How many RFQs may be on screen, ended ones included. The oldest ended one makes room.
const MAX_ON_SCREEN: usize = 200;
const _: () =
    assert!(MAX_ON_SCREEN <= MAX_KEPT, "every RFQ on screen may have an accept in flight");
/// How many approvals ahead of one RFQ may be asked for in a row before the gateway answers.
const MAX_REPLACED: usize = 16;
/// How many removed RFQs are remembered for a page that has not removed them yet.
const MAX_REMOVED: usize = 1_000;

/// An accept to come: what the trader asked to approve, and whether it is.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    pub terms: AheadTerms,
    pub side: Side,
    pub limit: Decimal,
    pub approved: bool,
    /// What was asked before it, of which the gateway has not told the end. Its word about that is
    /// none about this.
    pub replaced: Vec<AheadTerms>,
}

impl Ahead {
    /// Another one is asked for in its place: what the gateway may still say something of.
    pub(super) fn unsettled(self) -> Vec<AheadTerms> {
        let Self { terms, approved, mut replaced, .. } = self;
        if !approved && replaced.len() < MAX_REPLACED {
            replaced.push(terms);
        }
        replaced
    }

    /// The gateway told the end of one that was asked before; whether there was one with these
    /// terms.
    pub(super) fn settles_earlier(&mut self, terms: &AheadTerms) -> bool {
        let at = self.replaced.iter().position(|t| t == terms);
        at.map(|at| self.replaced.remove(at)).is_some()
    }
}

/// Whether the views of an RFQ are older than its prices. An RFQ that nobody sees is drawn when it
/// comes into sight, not at each quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    No,
    /// Since the last frame was numbered.
    New,
    /// An earlier frame said so.
    Told,
}

/// One RFQ on screen, with the views that the page has of it.
#[derive(Debug)]
pub(super) struct Item {
    pub rfq: Rfq,
    pub problem: Option<Problem>,
    /// Something changed that the page is to be told at once.
    pub dirty: bool,
    /// A price changed, which matters only where it is seen.
    pub stale: Stale,
    /// The trader ended it, and the peer has not answered: nothing more is agreed to in it.
    pub ending: bool,
    /// The trader stopped everything: it is ended again if that did not arrive.
    pub stopped: bool,
    /// Why the trader ended it.
    pub reason: Option<String>,
    /// The peer ended it while an accept was in flight, whose answer comes first.
    pub over: Option<(RfqState, Option<String>)>,
    /// The trader wants to approve an accept at this limit as soon as the request is open.
    pub approve_first: Option<Decimal>,
    /// An accept that the trader approves before choosing its quote.
    pub ahead: Option<Ahead>,
    /// The accept that used it up, until it is known that it came as far as the gateway.
    pub spent: Option<(AcceptId, Ahead)>,
    /// What stands between the armed accept and its sending.
    pub guard: Option<Guard>,
    /// The accept for which the blotter has the row that it needs.
    blotted: Option<(AcceptId, AcceptState)>,
    /// The counters whose end the trader was told.
    told: BTreeSet<AcceptId>,
    /// The ticket that it was asked with.
    pub form: Option<TicketForm>,
    /// The cover of its trade, as it was at the moment of the trade.
    pub cover: Option<CoverView>,
    /// The latest view, with the frame in which it changed.
    head: Option<(u64, RfqView)>,
    lines: BTreeMap<DealerId, (u64, LineView)>,
    order: u64,
}

impl Item {
    /// Whether its accept changed since it was last asked.
    fn accept_changed(&mut self) -> bool {
        let now = self.rfq.accept.as_ref().map(|(a, state)| (&a.id, state));
        if now == self.blotted.as_ref().map(|(id, state)| (id, state)) {
            return false;
        }
        self.blotted = now.map(|(id, state)| (id.clone(), state.clone()));
        true
    }

    /// Takes new views. Only those that differ get the number `seq`; returns whether any does.
    pub(super) fn show(&mut self, head: RfqView, lines: Vec<LineView>, seq: u64) -> bool {
        (self.dirty, self.stale) = (false, Stale::No);
        let mut changed = false;
        if self.head.as_ref().is_none_or(|(_, h)| *h != head) {
            self.head = Some((seq, head));
            changed = true;
        }
        for line in lines {
            let Ok(dealer) = DealerId::new(line.dealer.clone()) else { continue };
            if self.lines.get(&dealer).is_none_or(|(_, l)| *l != line) {
                self.lines.insert(dealer, (seq, line));
                changed = true;
            }
        }
        changed
    }

    /// A dealer's price changed. An accept depends on its quote, so then all of it is new.
    pub(super) fn priced(&mut self) {
        match self.rfq.accept {
            Some(_) => self.dirty = true,
            None => self.stale = Stale::New,
        }
    }

    /// Whether its views are to be made for a page that `sees` it or does not.
    pub(super) fn is_due(&self, sees: bool) -> bool {
        self.dirty || (sees && self.stale != Stale::No)
    }

    pub(super) fn head_since(&self, since: u64) -> Option<&RfqView> {
        self.head.as_ref().filter(|(seq, _)| *seq > since).map(|(_, head)| head)
    }

    pub(super) fn lines_since(&self, since: u64) -> impl Iterator<Item = &LineView> {
        self.lines.values().filter(move |(seq, _)| *seq > since).map(|(_, line)| line)
    }
}

#[derive(Debug, Default)]
pub(super) struct Screen {
    items: BTreeMap<RfqId, Item>,
    removed: VecDeque<(u64, String)>,
}

impl Screen {
    pub(super) fn get(&self, id: &RfqId) -> Option<&Item> {
        self.items.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &RfqId) -> Option<&mut Item> {
        self.items.get_mut(id)
    }

    pub(super) fn rfq(&self, id: &RfqId) -> Option<&Rfq> {
        self.get(id).map(|i| &i.rfq)
    }

    pub(super) fn contains(&self, id: &RfqId) -> bool {
        self.items.contains_key(id)
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, RfqId, Item> {
        self.items.iter()
    }

    pub(super) fn iter_mut(&mut self) -> btree_map::IterMut<'_, RfqId, Item> {
        self.items.iter_mut()
    }

    /// The RFQs whose accept changed since this was last asked.
    pub(super) fn changed_accepts(&mut self) -> Vec<RfqId> {
        let changed = self.items.iter_mut().filter_map(|(id, i)| i.accept_changed().then_some(id));
        changed.cloned().collect()
    }

    /// Counters that are over since this was last asked.
    pub(super) fn counters_over(&mut self) -> Vec<(RfqId, Counter, CounterState)> {
        let mut all = Vec::new();
        for (id, i) in &mut self.items {
            let counters = i.rfq.lines.iter().flat_map(|l| &l.counters);
            for (c, s) in counters.filter(|(_, s)| *s != CounterState::Sent) {
                if i.told.insert(c.id.clone()) {
                    all.push((id.clone(), c.clone(), s.clone()));
                }
            }
        }
        all
    }

    pub(super) fn rfqs(&self) -> impl Iterator<Item = &Rfq> {
        self.items.values().map(|i| &i.rfq)
    }

    /// What the trader wants to approve ahead.
    pub(super) fn ahead(&self, id: &RfqId) -> Option<&Ahead> {
        self.items.get(id)?.ahead.as_ref()
    }

    pub(super) fn mark_all(&mut self) {
        self.items.values_mut().for_each(|i| i.dirty = true);
    }

    pub(super) fn mark_open(&mut self) {
        self.items.values_mut().filter(|i| !i.rfq.state.ended()).for_each(|i| i.dirty = true);
    }

    /// Whether a frame that is made now has something new to say.
    pub(super) fn is_dirty(&self) -> bool {
        self.items.values().any(|i| i.dirty || i.stale == Stale::New)
    }

    /// Ends an accept without a trade.
    pub(super) fn decline(&mut self, rfq: &RfqId, accept: &AcceptId, why: Declined) {
        if let Some(i) = self.get_mut(rfq) {
            let _ = i.rfq.declined(accept, why);
            i.dirty = true;
        }
    }

    /// Ends an RFQ as refused.
    pub(super) fn refuse(&mut self, rfq: &RfqId, why: &str) {
        if let Some(i) = self.get_mut(rfq) {
            i.rfq.refuse(why.into());
            i.dirty = true;
        }
    }

    /// What was to be approved ahead goes nowhere.
    pub(super) fn forget_ahead(&mut self, id: &RfqId) {
        if let Some(item) = self.get_mut(id) {
            (item.ahead, item.dirty) = (None, true);
        }
    }

    /// The accept came nowhere: the gateway still has the approval that covers it.
    pub(super) fn not_spent(&mut self, id: &RfqId, accept: &AcceptId) {
        let Some(item) = self.get_mut(id) else { return };
        let Some((_, ahead)) = item.spent.take_if(|(of, _)| *of == *accept) else { return };
        if item.ahead.is_none() && !item.ending && !item.rfq.state.ended() {
            (item.ahead, item.dirty) = (Some(ahead), true);
        }
    }

    /// Puts an RFQ on screen, in place of the oldest ended one when there is no room.
    pub(super) fn place(&mut self, rfq: Rfq, frames: &mut FrameClock) {
        if self.items.len() >= MAX_ON_SCREEN {
            let ended = self.items.iter().filter(|(_, i)| i.rfq.state.ended());
            let oldest = ended.min_by_key(|(_, i)| i.order).map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                self.take_off(&id, frames);
            }
        }
        let order = frames.bump();
        let id = rfq.terms.id.clone();
        self.items.insert(
            id,
            Item {
                rfq,
                problem: None,
                dirty: true,
                stale: Stale::No,
                ending: false,
                stopped: false,
                reason: None,
                over: None,
                approve_first: None,
                ahead: None,
                spent: None,
                guard: None,
                blotted: None,
                told: BTreeSet::new(),
                form: None,
                cover: None,
                head: None,
                lines: BTreeMap::new(),
                order,
            },
        );
        frames.wake();
    }

    pub(super) fn take_off(&mut self, id: &RfqId, frames: &mut FrameClock) {
        if self.items.remove(id).is_none() {
            return;
        }
        self.removed.push_back((frames.bump(), id.to_string()));
        if self.removed.len() > MAX_REMOVED {
            // A page that is so far behind gets everything.
            self.removed.pop_front();
            frames.forget_before(self.removed.front().map_or(frames.seq(), |(seq, _)| *seq));
        }
        frames.wake();
    }

    pub(super) fn clear(&mut self, frames: &mut FrameClock) {
        let ids: Vec<RfqId> = self.items.keys().cloned().collect();
        ids.iter().for_each(|id| self.take_off(id, frames));
    }

    pub(super) fn removed_since(&self, since: u64) -> Vec<String> {
        self.removed.iter().filter(|(seq, _)| *seq > since).map(|(_, id)| id.clone()).collect()
    }
}
