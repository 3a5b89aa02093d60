//! Entitlements in force: the policies in use now, kept up with their files, and what they say to a
//! desk.
//!
//! [`signet_policy::entitle`] decides; this room brings it the facts and carries its word. What it
//! cannot find out is taken as the stricter: a person nobody knows sees and does nothing.

mod gate;
mod ruling;
mod watch;

pub use ruling::Ruling;
pub(crate) use watch::{keep_up, look_now};

use crate::{config::EntitlementsSection, limit::JournalBudget, registry_view::RegistryView};
use signet_policy::entitle::{CedarEntitlements, Entitlements as _, World};
use signet_registry::NewEvent;
use signet_rfq::{CompId, UtcMillis};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

/// What the trading thread keeps of entitlements.
pub struct Gate {
    now: RefCell<Arc<CedarEntitlements>>,
    section: EntitlementsSection,
    world: Arc<World>,
    /// With a registry: who is at a desk, and who has traded with whom.
    roster: Option<Rc<RegistryView>>,
    /// There are security keys to touch, and people who may be a second person.
    step_up: bool,
    second_person: bool,
    /// When each desk's trader last did something that was let through.
    active: RefCell<BTreeMap<CompId, UtcMillis>>,
    budget: RefCell<JournalBudget>,
    /// The policies have changed since desks were last told whom they may see.
    changed: Cell<bool>,
}

impl Gate {
    /// `step_up` and `second_person`: whether this gateway can ask for a touch, and for a second
    /// person's.
    pub fn new(
        loaded: Arc<CedarEntitlements>,
        section: EntitlementsSection,
        roster: Option<Rc<RegistryView>>,
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
            now: RefCell::new(loaded),
            section,
            world,
            roster,
            step_up,
            second_person,
            active: RefCell::default(),
            budget: RefCell::default(),
            changed: Cell::new(false),
        }
    }

    /// The policies in force.
    pub fn policies(&self) -> Arc<CedarEntitlements> {
        self.now.borrow().clone()
    }

    /// A desk is on: its idle time begins here, unless it was on before. A new connection is no
    /// act.
    pub fn seen(&self, desk: &CompId, at: UtcMillis) {
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

    fn note(&self, event: NewEvent) {
        if let Some(r) = &self.roster {
            r.note(event);
        }
    }

    /// Has it remembered that a desk traded with a dealer.
    pub fn traded(&self, desk: &CompId, dealer: &signet_rfq::DealerId) {
        if let Some(r) = &self.roster {
            r.traded(desk.as_str(), dealer.as_str());
        }
    }
}
