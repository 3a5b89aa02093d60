//! The connection as the book knows it: its state, the peer, the messages sent on it, and a
//! snapshot that is being received.

use super::sent::SentMessages;
use crate::view::{LinkState, NetworkView, SessionView};
use signet_rfq::{RfqId, UtcMillis};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Connection {
    pub view: SessionView,
    /// The gateway's CompID.
    pub gateway: Option<String>,
    /// The peer is a plain venue, not a gateway.
    pub direct: bool,
    pub sent: SentMessages,
    /// The snapshot that is being received after a logon.
    pub restoring: Option<Restoring>,
    /// Open on screen and not in the last snapshot, since when: what became of them follows it, or
    /// the gateway knows nothing of them.
    pub unaccounted: BTreeMap<RfqId, UtcMillis>,
    /// Since when the trader waits for the connection to come back.
    pub away_since: Option<UtcMillis>,
}

/// What a snapshot contained so far.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    /// The RFQs in it.
    pub seen: BTreeSet<RfqId>,
    /// The latest of them: the messages that follow are about it.
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
            network: NetworkView::default(),
        };
        Self {
            view,
            gateway: None,
            direct: false,
            sent: SentMessages::default(),
            restoring: None,
            unaccounted: BTreeMap::new(),
            away_since: None,
        }
    }

    pub(super) fn online(&self) -> bool {
        self.view.state == LinkState::Online
    }

    /// What the peer is called in a text.
    pub(super) fn peer(&self) -> &'static str {
        if self.direct { "venue" } else { "gateway" }
    }

    /// Changes the view; returns whether it differs from before.
    pub(super) fn change(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) -> bool {
        let before = self.view.clone();
        change(&mut self.view);
        if self.view.state != before.state {
            self.view.since_ms = now.0 as f64;
        }
        self.view != before
    }
}
