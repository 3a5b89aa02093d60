//! What the simulator asks and does beyond what happens in a gateway.

use super::{EndReason, Pipeline};
use signet_fix::{AppMessage, message::TakeOver};
use signet_identity::CompId;
use signet_rfq::{AcceptId, Rfq, UtcMillis};
use signet_router::{Amounts, journal::JournalLimits};
use std::rc::Rc;

impl Pipeline {
    /// The clock was set while sessions are on.
    pub(crate) fn clock_was_set(self: &Rc<Self>) {
        self.step_up_clock_set();
    }

    /// Sets the limits of the journal.
    pub(crate) fn limit_journal(&self, limits: JournalLimits) {
        self.router.limit(limits);
    }

    /// A colleague's desk asks for an RFQ: whether it has it then.
    pub(crate) fn colleague_asks(self: &Rc<Self>, desk: &CompId, t: TakeOver) -> bool {
        self.take_over(desk, t.clone(), crate::clock::now_micros());
        self.router.with(|r| r.rfqs_of(desk).any(|rfq| rfq.terms.id == t.rfq))
    }

    /// A colleague's desk says something that is let through.
    pub(crate) fn colleague_says(&self, desk: &CompId, m: AppMessage) {
        self.let_through(crate::clock::now_micros(), desk, m);
    }

    /// The registry says something else: sessions that may not be on end, as `watch_registry` has
    /// it.
    pub(crate) fn registry_changed(self: &Rc<Self>) {
        let Some(registry) = &self.registry else { return };
        self.end_sessions(|s| registry.still_good(&s.shown).map_err(EndReason::from));
    }

    /// What limits count of a desk's day as of `at`: amounts, and how many trades.
    pub(crate) fn day_of(&self, desk: &CompId, at: UtcMillis) -> (Amounts, usize) {
        let doing = self.router.with(|r| r.doing(desk, at));
        (doing.day, doing.trades_today)
    }

    /// The RFQs of a desk.
    pub(crate) fn rfqs_of(&self, desk: &CompId) -> Vec<Rfq> {
        self.router.with(|r| r.rfqs_of(desk).cloned().collect())
    }

    /// The accept that a dealer calls so, by the gateway's id.
    pub(crate) fn accept_called(&self, name: &AcceptId) -> AcceptId {
        self.router.with(|r| r.accept_called(name))
    }
}
