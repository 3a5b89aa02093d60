//! What follows when a peer has used its budget up.

use super::{Pipeline, message::not_done};
use crate::{
    limits::{BudgetVerdict, Class},
    metrics::Peer,
};
use signet_events::About;
use signet_fix::{AppMessage, session::Meta};
use signet_identity::CompId;
use signet_rfq::DealerId;
use std::rc::Rc;

/// Length that a message counts with which the session refused before it was read.
const REFUSED_BYTES: usize = 1_024;

impl Pipeline {
    /// Counts a message of a desk; `false`: it is not to be acted on, and the desk has been told.
    pub(super) fn is_within_budget(
        self: &Rc<Self>,
        desk: &CompId,
        message: &AppMessage,
        meta: &Meta,
    ) -> bool {
        let class = Class::of(message);
        match self.peers.judge_desk(desk, class, meta.bytes) {
            BudgetVerdict::Go => return true,
            BudgetVerdict::TooMany => {
                let (msg_type, code) = (message.msg_type(), "budget.exceeded");
                self.metrics.messages.over_budget(Peer::Desk);
                self.metrics.messages.refused(Peer::Desk, msg_type, code);
                tracing::warn!(%desk, msg_type, code, "too many {}; refused", class.words());
                let words = format!("too many {}; some were refused", class.words());
                self.events.gateway("budget.exceeded", About::desk(desk), words);
                let text = format!(
                    "too many {}; nothing was done. Send it again in some seconds \
                        (budget.exceeded)",
                    class.words()
                );
                self.to_desk(desk, &not_done(message, Some(meta.seq), text));
            }
            BudgetVerdict::Out => {
                self.metrics.messages.over_budget(Peer::Desk);
                self.desk_is_out(desk, class);
            }
        }
        false
    }

    /// Counts a message of a desk that the session has refused, or a reject of the desk.
    pub(super) fn count_desk_fault(self: &Rc<Self>, desk: &CompId) {
        let judged = self.peers.judge_desk(desk, Class::Other, REFUSED_BYTES);
        if judged == BudgetVerdict::Out {
            self.desk_is_out(desk, Class::Other);
        }
    }

    fn desk_is_out(self: &Rc<Self>, desk: &CompId, class: Class) {
        let pause = self.peers.pause().as_secs();
        let words = format!(
            "too many {} went on after they were refused; this desk may log on again in {pause} s",
            class.words()
        );
        self.end_if_on(desk, "budget.exceeded", words);
    }

    /// Counts a message of a dealer. It is acted on whatever comes out, as it tells what is so
    /// already; a dealer that goes on beyond its budget is disconnected.
    pub(super) fn count_dealer(&self, dealer: &DealerId, class: Class, bytes: usize) {
        let (verdict, out) = self.peers.judge_dealer(dealer, class, bytes);
        if verdict != BudgetVerdict::Go {
            self.metrics.messages.over_budget(Peer::Dealer);
        }
        match verdict {
            BudgetVerdict::Go => {}
            BudgetVerdict::TooMany => {
                let words = format!("too many {}", class.words());
                tracing::warn!(%dealer, code = "budget.exceeded", "{words}");
                self.events.gateway("budget.exceeded", About::dealer(dealer), words);
            }
            BudgetVerdict::Out => {
                let (code, what) = ("budget.dealer_out", class.words());
                tracing::error!(%dealer, code, "too many {what}; the dealer is disconnected");
                let pause = self.peers.pause().as_secs();
                let words = format!("too many {what} went on; disconnected for {pause} s");
                self.events.gateway(code, About::dealer(dealer), words);
                out.notify_one();
            }
        }
    }

    /// Counts a message of a dealer that the session has refused.
    pub(super) fn count_dealer_fault(&self, dealer: &DealerId) {
        self.count_dealer(dealer, Class::Other, REFUSED_BYTES);
    }
}
