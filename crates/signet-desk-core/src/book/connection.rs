//! The connection as the book knows it: its state, who is at the other end, and what is in the
//! middle of being said.

use super::sent::SentMessages;
use crate::view::{LinkState, SessionView};
use signet_rfq::{RfqId, UtcMillis};
use std::collections::BTreeSet;

pub(super) struct Connection {
    pub view: SessionView,
    /// The gateway's CompID.
    pub gateway: Option<String>,
    /// It is a plain venue's, and there is no gateway.
    pub direct: bool,
    pub sent: SentMessages,
    /// While state is being rebuilt after a logon.
    pub restoring: Option<Restoring>,
}

/// What a snapshot has said so far.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    /// The RFQs that the gateway has mentioned.
    pub seen: BTreeSet<RfqId>,
    /// The latest of them: what follows is about it.
    pub current: Option<RfqId>,
}

impl Connection {
    pub(super) fn new(now: UtcMillis) -> Self {
        let view = SessionView {
            state: LinkState::Offline,
            venue: None,
            identity: None,
            comp_id: None,
            tls: None,
            clock_offset_ms: None,
            round_trip_ms: None,
            since_ms: now.0 as f64,
            attempt: 0,
            problem: None,
        };
        Self { view, gateway: None, direct: false, sent: SentMessages::default(), restoring: None }
    }

    pub(super) fn online(&self) -> bool {
        self.view.state == LinkState::Online
    }

    /// Whom a refusal came from, in words.
    pub(super) fn peer(&self) -> &'static str {
        if self.direct { "venue" } else { "gateway" }
    }

    /// Changes what is shown of it; the answer is whether anything is different.
    pub(super) fn change(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) -> bool {
        let before = self.view.clone();
        change(&mut self.view);
        if self.view.state != before.state {
            self.view.since_ms = now.0 as f64;
        }
        self.view != before
    }
}
