//! The connection as the book knows it: its state, the peer, the messages sent on it, and a
//! snapshot that is being received.

use super::sent::SentMessages;
use crate::view::{LinkState, SessionView};
use signet_rfq::{DealerId, RfqId, UtcMillis};
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
    /// The interruption that lasts.
    pub gap: Option<Gap>,
    /// When the trader was last shown a measurement of the clock and the round trip.
    pub measured: Option<UtcMillis>,
}

/// An interruption of the connection.
#[derive(Debug)]
pub(super) struct Gap {
    pub since: UtcMillis,
    /// The RFQs that were open when it began, each with how many quotes it had then.
    pub open: BTreeMap<RfqId, usize>,
}

/// What a snapshot contained so far.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    /// The RFQs in it.
    pub seen: BTreeSet<RfqId>,
    /// The latest of them: the messages that follow are about it.
    pub current: Option<RfqId>,
    /// Those of them that wait at the gateway for an approval.
    pub held: BTreeSet<RfqId>,
    /// The lines whose dealer the gateway cannot reach itself.
    pub out_of_reach: BTreeSet<(RfqId, DealerId)>,
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
            doubtful_since_ms: None,
            network: None,
            portal: None,
            back: None,
        };
        Self {
            view,
            gateway: None,
            direct: false,
            sent: SentMessages::default(),
            restoring: None,
            gap: None,
            measured: None,
        }
    }

    pub(super) fn online(&self) -> bool {
        self.view.state == LinkState::Online
    }

    /// Whether an answer of the peer is overdue.
    pub(super) fn doubtful(&self) -> bool {
        self.view.doubtful_since_ms.is_some()
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
            self.view.doubtful_since_ms = None;
            if before.state == LinkState::Online {
                self.view.back = None;
            }
        }
        self.view != before
    }
}
