//! New business that nobody would hear of.

use super::{Pipeline, message::not_done};
use signet_events::About;
use signet_fix::{AppMessage, message::Response};
use signet_identity::CompId;

const CODE: &str = "siem.full";

impl Pipeline {
    /// Whether a message was refused because its events could not be kept for the SIEM. `seq`: its
    /// MsgSeqNum (34), when it is not one that had waited.
    pub(super) fn refused_unwatched(
        &self,
        desk: &CompId,
        m: &AppMessage,
        seq: Option<u64>,
    ) -> bool {
        let refused = is_new_business(m) && self.events.refuses_business();
        if refused {
            let text = format!(
                "the gateway cannot keep its events for the firm's security monitoring; nothing \
                    was done. Tell the gateway's administrator ({CODE})"
            );
            tracing::error!(%desk, msg_type = m.msg_type(), code = CODE, "new business refused");
            let words = format!("new business ({}) refused", m.msg_type());
            self.events.gateway(CODE, About::desk(desk), words);
            self.to_desk(desk, &not_done(m, seq, text));
        }
        refused
    }
}

/// A request, an accept, a counter or a take-over: what the desk begins. Withdrawals, questions and
/// what is about the connection go on.
fn is_new_business(m: &AppMessage) -> bool {
    match m {
        AppMessage::QuoteRequest(_) | AppMessage::TakeOver(_) => true,
        AppMessage::QuoteResponse(r) => r.response != Response::Pass,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::message::tests::messages;

    #[test]
    fn what_commits_a_desk_is_new_business_and_nothing_else() {
        for (m, _) in messages() {
            let want = matches!(m.msg_type(), "R" | "AJ" | "UH");
            assert_eq!(is_new_business(&m), want, "{}", m.msg_type());
        }
    }
}
