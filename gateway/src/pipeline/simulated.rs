//! What the simulator asks and does beyond what happens in a gateway.

use super::Pipeline;
use signet_fix::message::TakeOver;
use signet_identity::CompId;
use signet_rfq::{AcceptId, Rfq};
use signet_router::journal::JournalLimits;
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

    /// The RFQs of a desk.
    pub(crate) fn rfqs_of(&self, desk: &CompId) -> Vec<Rfq> {
        self.router.with(|r| r.rfqs_of(desk).cloned().collect())
    }

    /// The accept that a dealer calls so, by the gateway's id.
    pub(crate) fn accept_called(&self, name: &AcceptId) -> AcceptId {
        self.router.with(|r| r.accept_called(name))
    }
}
