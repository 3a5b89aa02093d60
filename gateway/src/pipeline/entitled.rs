//! Questions to the policies on behalf of desks, and what becomes of messages that they refuse.

use super::Pipeline;
use crate::{entitle::Ruling, metrics::Peer};
use signet_fix::{
    AppMessage,
    message::{Response, VenueState},
};
use signet_identity::CompId;
use signet_policy::entitle::Proof;
use signet_rfq::UtcMillis;
use signet_router::Proposal;

impl Pipeline {
    /// What the policies say about a message, with this much proved for it.
    pub(super) fn entitled(
        &self,
        desk: &CompId,
        p: &Proposal,
        proof: Proof,
        at: UtcMillis,
    ) -> Ruling {
        self.entitlements.judge(desk, self.trader(desk).as_deref(), p, proof, at)
    }

    /// As policies name the person at a desk; `None` when nobody knows.
    pub(super) fn trader(&self, desk: &CompId) -> Option<String> {
        match self.registry {
            Some(_) => self.sessions.connection(desk).map(|c| c.user),
            None => Some(desk.to_string()),
        }
    }

    /// Tells the desk that its message goes nowhere, and writes it down.
    pub(super) fn refuse_unentitled(
        &self,
        desk: &CompId,
        m: &AppMessage,
        ruling: &Ruling,
        at: UtcMillis,
    ) {
        let what = match m {
            AppMessage::QuoteRequest(_) => "request",
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => "counter",
            _ => "accept",
        };
        let (code, ids, digest) = (ruling.code, ruling.ids.join(", "), &ruling.digest);
        self.metrics.messages.refused(Peer::Desk, m.msg_type(), code);
        tracing::warn!(%desk, code, what, ids, digest, "not entitled: {}", ruling.words);
        let who = self.trader(desk).unwrap_or_default();
        if let Some(event) = self.entitlements.denial(desk, &who, what, ruling, at) {
            self.events.note(event);
        }
        if let Some(refusal) = ruling.refusal(m, at) {
            self.to_desk(desk, &refusal);
        }
    }

    /// Leaves out of what a desk is shown the dealers that its trader may not see.
    pub(super) fn visible(&self, desk: &CompId, state: VenueState) -> VenueState {
        self.entitlements.visible(self.trader(desk).as_deref(), state)
    }

    /// After a change of the policies each desk is told again which dealers it may see.
    pub(super) fn entitlements_tick(&self, at: UtcMillis) {
        if self.entitlements.take_changed() {
            for (desk, state) in self.router.with(|r| r.venue_states(at)) {
                let visible = self.visible(&desk, state);
                self.to_desk(&desk, &AppMessage::VenueState(visible));
            }
        }
    }
}
