//! Where judges, router, journal and sessions meet. One thread; [`message`] shows the whole way of
//! a message on one page.
//!
//! A stage answers; only this room acts: it sends, cuts, writes events and calls the router. Judges
//! ([`risk`](crate::risk), [`entitle`](crate::entitle), [`signed`](crate::signed),
//! [`limits`](crate::limits), [`signet_stepup::pending`]) know nothing of it.
//!
//! | file | what it does |
//! | --- | --- |
//! | `message.rs`, `from_dealers.rs` | the way of a message, from frame to dealer and back |
//! | `budgets.rs`, `evidence.rs`, `entitled.rs`, `decisions.rs`, `verdict.rs` | its stages: what is asked, and what follows from the answer |
//! | `watched.rs` | new business while events cannot be kept for the SIEM |
//! | `step_up.rs`, `challenges.rs`, `keys.rs` | messages that wait for a touch, the events of challenges; security keys |
//! | `sessions.rs`, `ending.rs` | which desks are on, and the end of those that may not be |
//! | `access.rs`, `reevaluation.rs` | the risk of an access, judged again while it lasts |
//! | `withdrawals.rs` | RFQs that end because their desk was cut off |
//! | `barred.rs` | RFQs that end because their desk is away and may not come back |
//! | `last_certificates.rs` | whose sessions those were that have ended |
//! | `rfq_ends.rs` | the end of an RFQ that the gateway decides, and when it is tried again |
//! | `unwritten.rs` | inputs that the journal does not take, and those that are tried again |
//! | `places.rs`, `kept_places.rs` | sessions that go on at another address |
//! | `registry_standing.rs`, `storage_standing.rs` | a registry that does not answer, and files that cannot be written, are said |
//! | `business.rs` | which of all that becomes an event for who watches |
//! | `hand_over.rs` | a trader looks at colleagues' RFQs, and takes one over |
//! | `dealer_faults.rs` | dealers whose line is cut after misbehaviour |
//! | `lockouts.rs` | people and networks that are kept out after failures |
//! | `devices_seen.rs` | when devices were on, for the list of the fleet |
//! | `clock_watch.rs`, `overtime.rs` | a clock that is set, and RFQs that it would keep open |
//! | `reload.rs`, `policy_changes.rs` | policies that change: by files, or by two administrators |
//! | `administrators.rs`, `seen.rs`, `renewals.rs`, `signals.rs` | what other threads may ask, over bounded channels |
//! | `told_outside.rs` | what a receiver of the firm is told of its people |
//! | `measured.rs` | the state of the thread, told to whoever watches |
//! | `lists.rs` | the list of instruments, as fast as each desk takes it |
//! | `journalled.rs`, `references.rs` | the router with its journal; what a dealer's reject is about |

mod access;
mod administrators;
mod ahead;
mod barred;
mod budgets;
mod business;
mod challenges;
mod clock_watch;
mod dealer_faults;
mod decisions;
mod devices_seen;
mod ending;
mod entitled;
mod evidence;
mod from_dealers;
mod hand_over;
mod journalled;
mod kept_places;
mod keys;
mod last_certificates;
mod lists;
mod lockouts;
mod measured;
mod message;
mod overtime;
mod places;
mod policy_changes;
mod reevaluation;
mod references;
mod registry_standing;
mod reload;
mod renewals;
mod rfq_ends;
mod seen;
mod sessions;
mod signal_holds;
mod signal_reports;
mod signal_words;
mod signals;
mod signals_told;
#[cfg(feature = "test-double")]
mod simulated;
mod step_up;
mod storage_standing;
mod told_outside;
mod unwritten;
mod verdict;
mod watched;
mod withdrawals;

pub use access::Reassess;
pub(crate) use access::decided;
pub use administrators::{
    ChangeOrder, ChangeStep, Draft, EndOrder, Judged, NetworkOut, Reload, Reloaded, SessionOn,
    SignedDraft, Status, Trading, TradingSilent, Which,
};
#[cfg(test)]
pub(crate) use business::business_event;
pub(crate) use business::{retold, unknown_at_start};
pub use kept_places::keep_places;
pub use last_certificates::LastCertificates;
pub use lists::send_lists;
pub use places::LastPlaces;
pub use policy_changes::{PolicyChanges, Waiting};
pub use reevaluation::{watch_registry, watch_risk};
pub use reload::watch_entitlements;
pub use renewals::{NotNow, Renewal, RenewalQuestions, RenewalRisk};
pub use seen::{RfqRow, SessionSeen};
pub use sessions::{
    ActiveSession, Connection, EndReason, SessionCut, Sessions, Transport, Withdrawal,
};
#[cfg(test)]
pub(crate) use signals::SignalInbox;
pub use signals::{NamedDevice, SignalDone, SignalOrder, SignalOrders, SignalRefusal};
pub use signals_told::SignalsTold;
pub use step_up::StepUp;

use crate::{
    clock::{now, steady},
    config::{LimitsSection, ResponseSection},
    cut_lines::CutLines,
    entitle::EntitlementGate,
    events::EventSink,
    limits::{PeerBudgets, Peers},
    metrics::Metrics,
    registry_view::RegistryView,
    risk::Risk,
    signed::Signed,
    transmit::Transmitter,
};
use barred::BarredLook;
use clock_watch::ClockWatch;
use dealer_faults::DealerFaults;
use devices_seen::DevicesSeen;
use journalled::JournalledRouter;
use lists::ListsUnderway;
use lockouts::Lockouts;
use overtime::Overtime;
use references::Sent;
use signet_rfq::DealerId;
use signet_router::{Router, journal::Journal};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc, time::Duration};
use storage_standing::StorageStanding;
use unwritten::Unwritten;
use verdict::{MessageVerdict, verdict};
use withdrawals::Withdrawals;

/// How often [`Pipeline::tick`] is due.
pub const TICK: Duration = Duration::from_millis(100);

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
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// The history of the policies, and changes that wait for a second administrator.
    pub policies: PolicyChanges,
    /// With `[signals]`: what was said of devices.
    pub signals_told: SignalsTold,
    /// Where desks were last.
    pub places: LastPlaces,
    /// The certificates that they showed there.
    pub certificates: LastCertificates,
    /// With `[signals.transmit]`: who is told of people here.
    pub transmitters: Vec<Transmitter>,
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
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    policies: PolicyChanges,
    router: JournalledRouter,
    clock: ClockWatch,
    overtime: RefCell<Overtime>,
    withdrawals: RefCell<Withdrawals>,
    barred_look: BarredLook,
    unwritten: RefCell<Unwritten>,
    entitlements: EntitlementGate,
    risk: Rc<Risk>,
    desk_clock_max_ms: i64,
    registry: Option<Rc<RegistryView>>,
    step_up: Option<Rc<StepUp>>,
    told: measured::Told,
    /// What each dealer was sent, by sequence number: rejects may name nothing else.
    sent: RefCell<BTreeMap<DealerId, Sent>>,
    /// Events about executions that people must look at; what is beyond is in the log only.
    alerts: RefCell<PeerBudgets>,
    /// For refused take-overs, which desks can ask for at will: dealers' faults keep theirs.
    takeover_alerts: RefCell<PeerBudgets>,
    lockouts: Lockouts,
    signals_told: SignalsTold,
    dealer_faults: DealerFaults,
    devices_seen: DevicesSeen,
    places: LastPlaces,
    certificates: LastCertificates,
    storage: RefCell<StorageStanding>,
    transmitters: Vec<Transmitter>,
    lists: ListsUnderway,
}

impl Pipeline {
    /// Ready for sessions.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            mut router,
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
            metrics,
            policies,
            signals_told,
            places,
            certificates,
            transmitters,
        } = parts;
        let clocks = (steady(), now());
        router.clocks(clocks.1, Duration::ZERO);
        let overtime = overtime::of_earlier_run(router.open(), router.last_tick(), clocks);
        Self {
            sessions: Sessions::default(),
            peers: Peers::new(limits),
            signed,
            events,
            metrics: metrics.clone(),
            policies,
            router: JournalledRouter::new(router, journal, metrics),
            clock: ClockWatch::new(clocks),
            overtime: RefCell::new(overtime),
            withdrawals: RefCell::default(),
            barred_look: BarredLook::default(),
            unwritten: RefCell::default(),
            entitlements,
            risk,
            desk_clock_max_ms,
            registry,
            step_up: step_up.map(Rc::new),
            told: measured::Told::default(),
            sent: RefCell::default(),
            alerts: RefCell::default(),
            takeover_alerts: RefCell::default(),
            dealer_faults: DealerFaults::new(&response, cut_lines),
            lockouts: Lockouts::new(response),
            signals_told,
            devices_seen: DevicesSeen::default(),
            places,
            certificates,
            storage: RefCell::default(),
            transmitters,
            lists: ListsUnderway::default(),
        }
    }

    /// What each access is judged by.
    pub fn risk(&self) -> &Rc<Risk> {
        &self.risk
    }
}
