//! Accepts that are approved before their quote is chosen: one touch while quotes arrive.

use super::{Pipeline, message::not_done, step_up::StepUp};
use signet_fix::{AppMessage, message::ApproveAhead};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use signet_stepup::{Action, pending::Ahead};
use std::rc::Rc;

impl Pipeline {
    /// A desk wants to approve an accept of one of its RFQs before it chooses a quote.
    pub(super) fn approve_ahead(
        self: &Rc<Self>,
        s: &Rc<StepUp>,
        desk: &CompId,
        a: &ApproveAhead,
        at: UtcMillis,
    ) {
        match self.router.with(|r| r.ahead(desk, a, at)) {
            Ok((terms, until)) => {
                self.trader_acted(desk, at);
                self.step(s, |w| w.hold_ahead(desk, Ahead { terms, until }, at));
            }
            Err(why) => {
                self.to_desk(
                    desk,
                    &not_done(&AppMessage::ApproveAhead(a.clone()), None, why.into()),
                );
            }
        }
    }

    /// An accept goes on: what was approved ahead for its RFQ is used up.
    pub(super) fn spend_ahead(self: &Rc<Self>, desk: &CompId, action: &Action) {
        if let (Some(s), Action::Accept(a)) = (&self.step_up, action) {
            self.step(s, |w| w.spend_ahead(desk, &a.rfq));
        }
    }
}
