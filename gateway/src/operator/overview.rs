//! The same view for the console, on the thread that serves it.

use super::{Operator, health::Disk};
use crate::{
    config::Config,
    events::EventSink,
    metrics::{Alert, Alerts, Metrics},
    pipeline::Trading,
};
use serde_json::Value;
use signet_identity::ServerIdentity;
use signet_rfq::{DealerId, UtcMillis};
use std::sync::Arc;

/// What it is made from; can be handed to another thread.
pub struct OverviewParts {
    pub config: Config,
    pub identity: ServerIdentity,
    pub metrics: Arc<Metrics>,
    pub alerts: Arc<Alerts>,
    pub events: EventSink,
    pub trading: Trading,
    pub started: UtcMillis,
}

/// What an operator sees of the running gateway.
pub struct Overview(Operator);

impl Overview {
    pub fn new(parts: OverviewParts) -> Self {
        let OverviewParts { config, identity, metrics, alerts, events, trading, started } = parts;
        let disk = Disk::of(&config.gateway.state_dir);
        Self(Operator { config, identity, metrics, alerts, events, trading, started, disk })
    }

    /// As `signet-gateway status --json` prints it.
    pub async fn status(&self) -> Value {
        self.0.status().await
    }

    /// The metrics as of now, in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.0.text()
    }

    /// Alerts after number `after`, oldest first, the newest `limit` of them.
    pub fn alerts(&self, after: u64, limit: usize) -> Vec<Alert> {
        self.0.alerts.after(after, limit)
    }

    /// Whether each dealer is on, and since when.
    pub fn dealers(&self) -> Vec<(DealerId, bool, UtcMillis)> {
        let since = |at: UtcMillis| if at.0 == 0 { self.0.started } else { at };
        let states = self.0.metrics.dealers.states().into_iter();
        states.map(|(dealer, on, at)| (dealer, on, since(at))).collect()
    }
}
