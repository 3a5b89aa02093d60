//! Entitlements in force: the policies in use now, their files, and what they say to a desk.
//!
//! [`signet_policy::entitle`] decides; this room brings it the facts and answers. What it cannot
//! find out is taken as the stricter: a person nobody knows sees and does nothing.

mod files;
mod ruling;

pub(crate) use files::{Looked, PolicyVersion, read_aside};
pub use ruling::Ruling;

use crate::{
    config::EntitlementsSection,
    limits::{PeerBudgets, left_out_words},
    registry_view::RegistryView,
};
use signet_events::{About, Actor, Event, Text};
use signet_fix::message::VenueState;
use signet_identity::CompId;
use signet_policy::entitle::{
    Act, CedarEntitlements, Colleague, Deal, Entitlements as _, Outcome, Proof, Question, Side,
    Step, World,
};
use signet_rfq::{Ask, DealerId, UtcMillis};
use signet_router::{Proposal, TradeStep};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

/// What the trading thread keeps of entitlements.
pub struct EntitlementGate {
    in_force: RefCell<Arc<CedarEntitlements>>,
    section: EntitlementsSection,
    world: Arc<World>,
    /// With a registry: who is at a desk, and which traders have traded with which dealers.
    registry: Option<Rc<RegistryView>>,
    /// There are security keys to touch, and people who may be a second person.
    step_up: bool,
    second_person: bool,
    /// When each desk's trader last did something that was let through.
    active: RefCell<BTreeMap<CompId, UtcMillis>>,
    budget: RefCell<PeerBudgets>,
    /// The policies have changed since desks were last told which dealers they may see.
    changed: Cell<bool>,
}

impl EntitlementGate {
    /// `step_up` and `second_person`: whether this gateway can ask for a touch, and for a second
    /// person's.
    pub fn new(
        loaded: Arc<CedarEntitlements>,
        section: EntitlementsSection,
        registry: Option<Rc<RegistryView>>,
        step_up: bool,
        second_person: bool,
    ) -> Self {
        let world = Arc::new(loaded.world().clone());
        tracing::info!(
            digest = loaded.digest(),
            policies = loaded.policy_count(),
            "entitlements are in force"
        );
        Self {
            in_force: RefCell::new(loaded),
            section,
            world,
            registry,
            step_up,
            second_person,
            active: RefCell::default(),
            budget: RefCell::default(),
            changed: Cell::new(false),
        }
    }

    /// The policies in force.
    pub fn policies(&self) -> Arc<CedarEntitlements> {
        self.in_force.borrow().clone()
    }

    /// What policies may name.
    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }

    /// Where the documents are.
    pub(crate) fn section(&self) -> &EntitlementsSection {
        &self.section
    }

    /// A desk is on: its idle time begins here, unless it was on before. A new connection is no
    /// act.
    pub fn logged_on(&self, desk: &CompId, at: UtcMillis) {
        self.active.borrow_mut().entry(desk.clone()).or_insert(at);
    }

    /// What the trader asked for was let through.
    pub fn acted(&self, desk: &CompId, at: UtcMillis) {
        self.active.borrow_mut().insert(desk.clone(), at);
    }

    /// Seconds since the trader last did something. Of one who was never seen: as long as there is.
    /// A clock that was set back makes it longer, not shorter.
    fn idle_s(&self, desk: &CompId, now: UtcMillis) -> i64 {
        self.active.borrow().get(desk).map_or(i64::MAX, |t| match now.since(*t) {
            ms if ms < 0 => i64::MAX,
            ms => ms / 1_000,
        })
    }

    /// Has it remembered that a desk traded with a dealer.
    pub fn traded(&self, desk: &CompId, dealer: &DealerId) {
        if let Some(r) = &self.registry {
            r.traded(desk.as_str(), dealer.as_str());
        }
    }

    /// Puts other policies in force: from here on every decision follows these, those about
    /// messages that wait among them. The ones before.
    pub fn replace(&self, new: Arc<CedarEntitlements>) -> Arc<CedarEntitlements> {
        self.changed.set(true);
        self.in_force.replace(new)
    }

    /// Whether the policies have changed since this was last asked.
    pub fn take_changed(&self) -> bool {
        self.changed.replace(false)
    }

    /// What the policies say about a message of a desk, with this much proved for it. `who` is the
    /// person as policies name them, `None` when nobody knows.
    pub fn judge(
        &self,
        desk: &CompId,
        who: Option<&str>,
        p: &Proposal,
        proof: Proof,
        at: UtcMillis,
    ) -> Ruling {
        let policies = self.policies();
        let Some(who) = who else { return Ruling::of(Vec::new(), policies.digest()) };
        let t = &p.trade;
        // Of a package each leg must be allowed, at the size of the whole.
        let mut parts: Vec<(&str, Side)> =
            t.legs.iter().map(|(i, ask)| (i.as_str(), side(*ask))).collect();
        if parts.is_empty() {
            parts.push((t.instrument.as_str(), side(t.ask)));
        }
        parts.sort_unstable();
        parts.dedup();
        let deal = |(instrument, side)| Deal {
            instrument,
            side,
            quantity: t.quantity,
            day: &t.doing.day,
            outstanding: &t.doing.outstanding,
            open_rfqs: t.doing.open_rfqs,
            dealers: t.asked,
            first_today: t.doing.trades_today == 0,
            idle_s: self.idle_s(desk, at),
        };
        let step = match t.step {
            TradeStep::Request => Step::Request,
            TradeStep::Accept => Step::Accept { off_market_bps: t.off_market_bps },
            TradeStep::Counter => Step::Counter,
        };
        let traded_before = |dealer: &DealerId| {
            self.registry.as_ref().is_some_and(|r| r.has_traded(who, dealer.as_str()))
        };
        let deals: Vec<Deal<'_>> = parts.iter().copied().map(deal).collect();
        let parts: Vec<_> =
            deals.iter().map(|deal| policies.for_deal(who, proof, step, deal)).collect();
        let mut verdicts = Vec::with_capacity(t.dealers.len() * parts.len());
        for (dealer, traded) in &t.dealers {
            let new_dealer = !(*traded || traded_before(dealer));
            let of_parts = parts.iter().map(|decide| decide(dealer.as_str(), new_dealer));
            verdicts.extend(of_parts.map(|verdict| (dealer.clone(), verdict)));
        }
        self.can_be_had(Ruling::of(verdicts, policies.digest()))
    }

    /// What the policies say about a trader and a colleague's RFQs.
    pub fn colleague(
        &self,
        who: &str,
        what: Colleague,
        owner: &str,
        proof: Proof,
    ) -> (Outcome, Ruling) {
        let policies = self.policies();
        let act = Act::Colleague { what, owner };
        let verdict = policies.decide(&Question { who, proof, act });
        let ruling = self.can_be_had(Ruling::of_one(verdict, policies.digest()));
        (ruling.outcome, ruling)
    }

    /// What is owed and cannot be had here is a refusal that says so.
    fn can_be_had(&self, r: Ruling) -> Ruling {
        match r.outcome {
            Outcome::Touch | Outcome::TwoPeople if !self.step_up => r.not_to_be_had(
                "entitle.no_step_up",
                "This gateway cannot ask for a touch.",
                "Ask the risk officer: the policies want security keys, and [step_up] is not \
                    configured.",
            ),
            Outcome::TwoPeople if !self.second_person => r.not_to_be_had(
                "entitle.no_second_person",
                "Nobody is named here who could be the second person.",
                "Ask the risk officer: [step_up.when.second_person] names no approvers.",
            ),
            _ => r,
        }
    }

    /// The event about a refusal; `None` when so many were written that this one is counted only.
    pub fn denial(
        &self,
        desk: &CompId,
        who: &str,
        what: &str,
        ruling: &Ruling,
        at: UtcMillis,
    ) -> Option<Event> {
        let left_out = self.budget.borrow_mut().spend(desk.as_str(), at)?;
        let detail = format!("{}{}", ruling.detail(what), left_out_words(left_out));
        let about = About {
            desk: Some(Text::of(desk)),
            policy: Some(ruling.digest.as_str().into()),
            rules: ruling.ids.iter().map(Text::from).collect(),
            ..About::user(who)
        };
        let at_us = at.0.saturating_mul(1_000);
        let actor = Actor::Desk(Text::of(desk));
        Some(Event::new(at_us, "entitle.denied", detail).by(actor).about(about))
    }

    /// Leaves out the dealers that somebody may not see.
    pub fn visible(&self, who: Option<&str>, mut state: VenueState) -> VenueState {
        state.dealers.retain(|d| who.is_some_and(|who| self.sees(who, &d.id)));
        state
    }

    /// Whether somebody is shown a dealer at all.
    pub fn sees(&self, who: &str, dealer: &DealerId) -> bool {
        let act = Act::See { dealer: dealer.as_str() };
        let question = Question { who, proof: Proof::default(), act };
        self.policies().decide(&question).outcome() == Outcome::Allow
    }
}

fn side(ask: Ask) -> Side {
    match ask {
        Ask::Buy => Side::Buy,
        Ask::Sell => Side::Sell,
        Ask::TwoWay => Side::TwoWay,
    }
}
