//! Where judges, router, journal and sessions meet. One thread; [`message`] shows the whole way of
//! a message on one page.
//!
//! A stage answers; only this room acts: it sends, cuts, writes events and calls the router. Judges
//! ([`risk`](crate::risk), [`entitle`](crate::entitle), [`signed`](crate::signed),
//! [`limits`](crate::limits), [`signet_stepup::pending`]) know nothing of it.
//!
//! | file | what it does |
//! | --- | --- |
//! | `message.rs` | the way of a message, from frame to dealer and back |
//! | `budgets.rs`, `evidence.rs`, `entitled.rs`, `verdict.rs` | its stages: what is asked, and what follows from the answer |
//! | `step_up.rs`, `keys.rs` | messages that wait for a touch; security keys |
//! | `sessions.rs`, `ending.rs` | which desks are on, and the end of those that may not be |
//! | `access.rs`, `reevaluation.rs` | the risk of an access, judged again while it lasts |
//! | `business.rs` | which of all that becomes an event for who watches |
//! | `dealer_faults.rs` | dealers whose line is cut after misbehaviour |
//! | `lockouts.rs` | people and networks that are kept out after failures |
//! | `reload.rs` | policies that change |
//! | `administrators.rs`, `renewals.rs`, `signals.rs` | what other threads may ask, over bounded channels |
//! | `journalled.rs`, `references.rs` | the router with its journal; what a dealer's reject is about |

mod access;
mod administrators;
mod budgets;
mod business;
mod dealer_faults;
mod ending;
mod entitled;
mod evidence;
mod journalled;
mod keys;
mod lockouts;
mod message;
mod reevaluation;
mod references;
mod reload;
mod renewals;
mod sessions;
mod signals;
mod step_up;
mod verdict;

pub use access::Reassess;
pub use administrators::{
    EndOrder, NetworkOut, Reload, Reloaded, SessionOn, Trading, TradingSilent,
};
pub use reevaluation::{watch_registry, watch_risk};
pub use reload::watch_entitlements;
pub use renewals::{NotNow, Renewal, RenewalQuestions, RenewalRisk};
pub use sessions::{ActiveSession, Connection, EndReason, SessionCut, Sessions};
pub use signals::{SignalOrder, SignalOrders, SignalRefusal};
pub use step_up::StepUp;

use crate::{
    config::{LimitsSection, ResponseSection},
    cut_lines::CutLines,
    entitle::EntitlementGate,
    events::EventSink,
    limits::{JournalBudget, Peers},
    registry_view::RegistryView,
    risk::Risk,
    signed::Signed,
};
use dealer_faults::DealerFaults;
use journalled::JournalledRouter;
use lockouts::Lockouts;
use references::Sent;
use signals::Told;
use signet_rfq::DealerId;
use signet_router::{Router, journal::Journal};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use verdict::{MessageVerdict, verdict};

/// What the pipeline is made of.
pub struct Parts {
    /// Decides what a message does.
    pub router: Router,
    /// Keeps what the router decides on.
    pub journal: Journal,
    /// The policies in force.
    pub entitlements: EntitlementGate,
    /// Evidence of what was signed.
    pub signed: Signed,
    /// What each access is judged by.
    pub risk: Rc<Risk>,
    /// With `[registry]`: who is registered.
    pub registry: Option<Rc<RegistryView>>,
    /// With `[step_up]`: what waits for a touch.
    pub step_up: Option<StepUp>,
    /// What each peer may draw out of the gateway.
    pub limits: LimitsSection,
    /// What repeated failures are answered with.
    pub response: ResponseSection,
    /// Where lines that are cut are written down.
    pub cut_lines: CutLines,
    /// Where events go.
    pub events: EventSink,
    /// A desk's clock that is farther from ours is an event.
    pub desk_clock_max_ms: i64,
}

/// Everything the tasks of the trading thread share.
pub struct Pipeline {
    /// The FIX sessions, and which desks are on.
    pub sessions: Sessions,
    /// What each peer may draw out of the gateway.
    pub peers: Peers,
    /// What was signed is kept here before it is acted on.
    pub signed: Signed,
    /// Where events go.
    pub events: EventSink,
    router: JournalledRouter,
    entitlements: EntitlementGate,
    risk: Rc<Risk>,
    desk_clock_max_ms: i64,
    registry: Option<Rc<RegistryView>>,
    step_up: Option<Rc<StepUp>>,
    /// What each dealer was sent, by sequence number: rejects may name nothing else.
    sent: RefCell<BTreeMap<DealerId, Sent>>,
    /// Events about executions that people must look at; what is beyond is in the log only.
    alerts: RefCell<JournalBudget>,
    lockouts: Lockouts,
    told: Told,
    dealer_faults: DealerFaults,
}

impl Pipeline {
    /// Ready for sessions.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            router,
            journal,
            entitlements,
            signed,
            risk,
            desk_clock_max_ms,
            registry,
            step_up,
            limits,
            response,
            cut_lines,
            events,
        } = parts;
        Self {
            sessions: Sessions::default(),
            peers: Peers::new(limits),
            signed,
            events,
            router: JournalledRouter::new(router, journal),
            entitlements,
            risk,
            desk_clock_max_ms,
            registry,
            step_up: step_up.map(Rc::new),
            sent: RefCell::default(),
            alerts: RefCell::default(),
            dealer_faults: DealerFaults::new(&response, cut_lines),
            lockouts: Lockouts::new(response),
            told: Told::default(),
        }
    }

    /// What each access is judged by.
    pub fn risk(&self) -> &Rc<Risk> {
        &self.risk
    }
}
