//! What the gateway counts and measures, for Prometheus (`docs/metrics.md`).
//!
//! An observation on the trading thread is an atomic addition, or for a histogram one uncontended
//! lock and a short search; series are looked up once and kept. Label values are bounded: message
//! types, codes of this program, dealers of the configuration; never a text of a peer.

mod alerts;
mod checkpoints;
mod dealers;
mod events;
mod messages;
#[cfg(test)]
mod page;
mod process;
mod signal_keys;
mod signature_checks;
mod storage;

pub use alerts::{Alert, Alerts};
pub use checkpoints::Checkpoints;
pub use dealers::Dealers;
pub use events::EventCounts;
pub use messages::{Messages, Peer};
pub use signal_keys::{KeysNow, SignalKeys};
pub use signature_checks::SignatureChecks;
pub use storage::{Storage, Written};

use prometheus_client::{
    encoding::prometheus_text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use signet_rfq::DealerId;
use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

/// One label with a value of this program.
type Label = [(&'static str, &'static str); 1];
type Labelled<M> = Family<Label, M>;
/// Seconds and other fractions.
type GaugeF64 = Gauge<f64, AtomicU64>;

/// From a short computation to a disk that hangs, seconds.
const WORK_BUCKETS: [f64; 14] =
    [5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 2.5e-1, 1.0];
/// From a fast machine to a person who thinks, seconds.
const ANSWER_BUCKETS: [f64; 14] =
    [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 5e-1, 1.0, 2.5, 5.0, 10.0, 30.0];

fn work() -> Histogram {
    Histogram::new(WORK_BUCKETS)
}

fn answer() -> Histogram {
    Histogram::new(ANSWER_BUCKETS)
}

/// Everything that is counted and measured; shared by all threads.
pub struct Metrics {
    /// Messages of desks and dealers.
    pub messages: Messages,
    /// Each dealer of the configuration.
    pub dealers: Dealers,
    /// Journal and evidence.
    pub storage: Storage,
    /// Those of other gateways that are held here.
    pub checkpoints: Checkpoints,
    /// Those that identity providers publish.
    pub signal_keys: SignalKeys,
    /// Signatures that are verified and made beside the trading thread.
    pub signature_checks: SignatureChecks,
    /// What the events tell.
    pub events: EventCounts,
    /// The state of the trading thread, told once a second.
    pub state: State,
    registry: Registry,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// What the trading thread and the operator's thread set now and then.
#[derive(Debug, Default)]
pub struct State {
    /// Desks that are on, by `tcp` and `quic`.
    pub sessions: Labelled<Gauge>,
    /// Entries that wait, by queue.
    pub queues: Labelled<Gauge>,
    /// Places for connections without a Logon: `used` and `limit`.
    pub admission: Labelled<Gauge>,
    /// Connections of desks that are open.
    pub connections: Gauge,
    /// Connections of desks and dealers that connection threads carry.
    pub carried: Gauge,
    /// Age of the registry's last word; stays 0 without `[registry]`.
    pub registry_age: GaugeF64,
    /// When the trading thread last had its turn.
    pub trading_seen: GaugeF64,
    /// How late a timer of the trading thread came.
    pub lag: Lag,
    /// End of the gateway's certificate.
    pub certificate_end: Labelled<GaugeF64>,
    /// The gateway's clock.
    pub clock: GaugeF64,
}

/// A histogram of delays.
#[derive(Debug, Clone)]
pub struct Lag(pub Histogram);

impl Default for Lag {
    fn default() -> Self {
        Self(work())
    }
}

impl Metrics {
    /// For a gateway with these dealers.
    pub fn new<'a>(dealers: impl IntoIterator<Item = &'a DealerId>) -> Arc<Self> {
        let mut r = Registry::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        r.register("signet_build", "Version of the running program", Info::new(version));
        let messages = Messages::new(&mut r);
        let dealers = Dealers::new(&mut r, dealers);
        let storage = Storage::new(&mut r);
        let checkpoints = Checkpoints::new(&mut r);
        let signal_keys = SignalKeys::new(&mut r);
        let signature_checks = SignatureChecks::new(&mut r);
        let events = EventCounts::new(&mut r);
        let state = State::default();
        state.register(&mut r);
        r.register_collector(Box::new(process::Process::default()));
        Arc::new(Self {
            messages,
            dealers,
            storage,
            checkpoints,
            signal_keys,
            signature_checks,
            events,
            state,
            registry: r,
        })
    }

    /// All of it in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A text buffer takes whatever is written to it.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl State {
    fn register(&self, r: &mut Registry) {
        for (family, label, values) in [
            (&self.sessions, "transport", ["tcp", "quic"]),
            (&self.queues, "queue", ["registry_reports", "held_messages"]),
            (&self.queues, "queue", ["siem", "signals"]),
            (&self.admission, "state", ["used", "limit"]),
        ] {
            values.iter().for_each(|v| drop(family.get_or_create(&[(label, *v)])));
        }
        r.register("signet_sessions", "Desks that are on", self.sessions.clone());
        r.register("signet_queue_depth", "Entries that wait in a queue", self.queues.clone());
        r.register(
            "signet_admission_places",
            "Places for connections that have not logged on yet",
            self.admission.clone(),
        );
        r.register(
            "signet_desk_connections",
            "Open connections of desks",
            self.connections.clone(),
        );
        r.register(
            "signet_carried_connections",
            "Connections of desks and dealers that threads of gateway.connection_threads carry",
            self.carried.clone(),
        );
        r.register(
            "signet_registry_age_seconds",
            "Time since the registry last confirmed its view; 0 without a registry",
            self.registry_age.clone(),
        );
        r.register(
            "signet_trading_seen_timestamp_seconds",
            "When the trading thread last had its turn",
            self.trading_seen.clone(),
        );
        r.register(
            "signet_trading_lag_seconds",
            "How late a timer of the trading thread came",
            self.lag.0.clone(),
        );
        r.register(
            "signet_certificate_end_timestamp_seconds",
            "End of a certificate of the gateway",
            self.certificate_end.clone(),
        );
        r.register(
            "signet_clock_timestamp_seconds",
            "The gateway's clock when it was read",
            self.clock.clone(),
        );
    }
}

/// A counter of a family with one label, looked up now: for what happens seldom.
fn count(family: &Labelled<Counter>, label: &'static str, value: &'static str) {
    family.get_or_create(&[(label, value)]).inc();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_prometheus_own_format() {
        let north = DealerId::new("NORTH").unwrap();
        let metrics = Metrics::new([&north]);
        drop(metrics.messages.received(Peer::Desk, "R"));
        metrics.state.sessions.get_or_create(&[("transport", "quic")]).set(3);
        let text = metrics.text();
        for line in [
            "signet_messages_received_total{peer=\"desk\",type=\"R\"} 1",
            "signet_message_seconds_count{peer=\"desk\",type=\"R\"} 1",
            "signet_sessions{transport=\"quic\"} 3",
            "signet_dealer_up{dealer=\"NORTH\"} 0",
            "# TYPE signet_messages_received_total counter",
            "# TYPE signet_message_seconds histogram",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(text.contains("signet_build_info{version=\""), "{text}");
    }
}
