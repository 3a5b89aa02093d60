//! What the desk's own history is told beside the messages themselves.

use super::Book;
use crate::{
    present,
    view::{AcceptView, LineView, RfqView},
};
use serde::Serialize;
use signet_fix::AppMessage;
use signet_history::What;
use signet_rfq::{AcceptId, RfqId, UtcMillis};

/// What the trader saw.
#[derive(Serialize)]
struct Screen<'a> {
    /// The terms that were armed.
    armed: Option<AcceptView>,
    /// The RFQ as the window had it.
    rfq: Option<&'a RfqView>,
    /// The ladder as the window had it.
    lines: Vec<&'a LineView>,
}

impl Book {
    /// The trader accepts: what was on screen.
    pub(super) fn record_accept(&self, rfq: &str, accept: &AcceptId, now: UtcMillis) {
        let Some(item) = RfqId::new(rfq).ok().and_then(|id| self.screen.get(&id)) else { return };
        let instrument = self.reference.of_rfq(&item.rfq.terms);
        let instrument = instrument.as_deref();
        let screen = Screen {
            armed: present::accept(&item.rfq, instrument, &self.reference.names(), None),
            rfq: item.head_since(0),
            lines: item.lines_since(0).collect(),
        };
        // Views always serialise.
        let screen = serde_json::to_string(&screen).unwrap_or_default();
        let (rfq, accept) = (rfq.to_owned(), accept.to_string());
        self.recorder.record(now.0, What::Shown { rfq, accept, screen });
    }

    /// A message of the trader does not leave.
    pub(super) fn record_not_sent(&self, m: &AppMessage, code: &str, now: UtcMillis) {
        let id = match m {
            AppMessage::QuoteRequest(q) => q.id.to_string(),
            AppMessage::QuoteResponse(r) => r.id.to_string(),
            AppMessage::RfqCancel { rfq, .. } => rfq.to_string(),
            AppMessage::TakeOver(t) => t.rfq.to_string(),
            _ => String::new(),
        };
        let (msg, code) = (m.msg_type().to_owned(), code.to_owned());
        self.recorder.record(now.0, What::NotSent { msg, id, code });
    }
}
