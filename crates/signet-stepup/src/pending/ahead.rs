//! Approvals of accepts to come: one touch while quotes arrive, and the accept that fits goes on at
//! once.

use super::{Ahead, ApprovalStep, Held, MAX_HELD_PER_DESK, Matter, PendingApprovals};
use crate::{
    AcceptTerms, Action,
    asking::{AskedBy, Ground, ground},
};
use signet_fix::{AppMessage, message::BusinessReject};
use signet_identity::CompId;
use signet_rfq::UtcMillis;

/// Approved accepts to come of one desk.
pub(super) const MAX_AHEAD_PER_DESK: usize = 32;

/// BusinessRejectReason (380): not authorized.
const NOT_AUTHORIZED: u16 = 6;

impl PendingApprovals {
    /// The trader wants to approve an accept to come. Asking again about the same RFQ replaces what
    /// was asked before.
    pub fn hold_ahead(&mut self, desk: &CompId, ahead: Ahead, now: UtcMillis) -> Vec<ApprovalStep> {
        let rfq = ahead.terms.rfq.clone();
        let action = Action::Ahead(ahead.terms.clone());
        let ground = ground(&self.rules, &action, &self.state(desk), now);
        if ground.is_some_and(Ground::of_two) {
            let words = "an accept of this size needs two people, who see its price";
            return vec![refused(desk, &rfq, words)];
        }
        let reason = ground.map(Ground::words).unwrap_or_default().to_owned();
        let by = AskedBy::new(ground, &self.rules, Vec::new());
        self.end(
            |h| &h.desk == desk && matches!(&h.what, Matter::Ahead(a) if a.terms.rfq == rfq),
            "you asked for another approval",
        );
        if self.held.values().filter(|h| &h.desk == desk).count() >= MAX_HELD_PER_DESK {
            let mut todo = self.done();
            todo.push(refused(desk, &rfq, "too many of your requests wait for a touch"));
            return todo;
        }
        let deadline = ahead.until.min(now + self.answer_ms);
        self.end_session_asks(desk, "this is settled with the touch for what you just sent");
        self.keep(Held::new(desk, Matter::Ahead(ahead), action, reason, by, deadline));
        self.done()
    }

    /// Whether an accept was approved ahead. `goes_on`: on the quote that it would take now.
    pub fn approved_ahead(&self, desk: &CompId, goes_on: &AcceptTerms, now: UtcMillis) -> bool {
        self.desks.get(desk).is_some_and(|d| {
            d.online
                && d.state.owes.is_none()
                && d.ahead.iter().any(|a| now < a.until && a.terms.covers(goes_on))
        })
    }

    /// An accept of this RFQ went on: what was approved for it is used up.
    pub fn spend_ahead(&mut self, desk: &CompId, rfq: &str) -> Vec<ApprovalStep> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.ahead.retain(|a| a.terms.rfq != rfq);
        }
        self.end(
            |h| &h.desk == desk && matches!(&h.what, Matter::Ahead(a) if a.terms.rfq == rfq),
            "an accept of this RFQ is on its way",
        );
        self.done()
    }

    /// This RFQ is another desk's from now on: what was approved ahead for it ends, and what still
    /// waits for its touch.
    pub fn end_ahead(&mut self, desk: &CompId, rfq: &str) -> Vec<ApprovalStep> {
        if let Some(d) = self.desks.get_mut(desk) {
            d.ahead.retain(|a| a.terms.rfq != rfq);
        }
        self.end(
            |h| &h.desk == desk && matches!(&h.what, Matter::Ahead(a) if a.terms.rfq == rfq),
            "a colleague has taken this RFQ over",
        );
        self.done()
    }

    pub(super) fn keep_ahead(&mut self, desk: &CompId, ahead: Ahead) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        d.ahead.retain(|a| a.terms.rfq != ahead.terms.rfq);
        if d.ahead.len() >= MAX_AHEAD_PER_DESK {
            // The oldest: those of ended RFQs are at the front.
            d.ahead.remove(0);
        }
        d.ahead.push(ahead);
    }
}

fn refused(desk: &CompId, rfq: &str, words: &str) -> ApprovalStep {
    ApprovalStep::Tell(
        desk.clone(),
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: "UE".into(),
            ref_id: Some(rfq.into()),
            reason: NOT_AUTHORIZED,
            text: Some(words.into()),
        }),
    )
}
