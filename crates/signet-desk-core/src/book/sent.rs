//! The sequence numbers of sent messages, because a reject may name a message only by its number.

use super::ids::rfq_of_accept;
use signet_fix::message::{AppMessage, Response};
use signet_rfq::{AcceptId, RfqId};
use std::collections::BTreeMap;

/// How many sent messages are remembered; the oldest are dropped.
const MAX_SENT: usize = 1_000;

/// What was sent under a sequence number.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    Rfq(RfqId),
    Accept(AcceptId),
}

impl Sent {
    /// The RFQ it belongs to.
    pub(super) fn rfq(&self) -> Option<RfqId> {
        match self {
            Self::Rfq(id) => Some(id.clone()),
            Self::Accept(a) => rfq_of_accept(a),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct SentMessages(BTreeMap<u64, Sent>);

impl SentMessages {
    pub(super) fn record(&mut self, seq: u64, m: &AppMessage) {
        let what = match m {
            AppMessage::QuoteRequest(q) => Sent::Rfq(q.id.clone()),
            AppMessage::QuoteResponse(r) if r.response != Response::Pass => {
                Sent::Accept(r.id.clone())
            }
            _ => return,
        };
        // The numbers started again, so the ones before name other messages.
        if self.0.last_key_value().is_some_and(|(last, _)| *last >= seq) {
            self.0.clear();
        }
        if self.0.len() == MAX_SENT {
            self.0.pop_first();
        }
        self.0.insert(seq, what);
    }

    pub(super) fn get(&self, seq: u64) -> Option<Sent> {
        self.0.get(&seq).cloned()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
