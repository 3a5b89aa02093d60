//! The operator's view, on a thread of its own: metrics and health over HTTP (`[metrics]`), and the
//! local socket that `signet-gateway status`, `top`, `sessions`, `alerts`, `kill` and, of networks,
//! `lockout` ask.
//!
//! It asks the trading thread over a bounded channel, and never makes it wait.

mod answers;
mod ask;
#[cfg(unix)]
mod client;
#[cfg(unix)]
mod control;
mod deliveries;
mod health;
mod http;
mod overview;
mod rates;

pub use ask::{ControlRefusal, Request, control_path};
#[cfg(unix)]
pub use client::{OperatorError, ask};
pub(crate) use deliveries::Watched;
pub use overview::{Overview, OverviewParts};
pub use rates::{Rates, Row, Sample};

use crate::{
    GatewayError,
    config::Config,
    events::EventSink,
    listeners::tls::ListenerTls,
    metrics::{Alerts, Metrics},
    pipeline::Trading,
    threads::{HostedThread, Stop, lasting},
};
use health::Disk;
use signet_identity::{ServerIdentity, ServerProfile, TlsVersions, TrustRoots};
use signet_rfq::UtcMillis;
use std::{net::SocketAddr, rc::Rc, sync::Arc};
use tokio::{net::TcpListener, sync::oneshot};

/// What the operator's thread is started with.
pub struct Plan {
    pub config: Config,
    /// Authorities of who may read the metrics; `None`: anybody on this machine.
    pub roots: Option<TrustRoots>,
    /// Shared with the listeners, so it is the one in use.
    pub identity: ServerIdentity,
    pub metrics: Arc<Metrics>,
    pub alerts: Arc<Alerts>,
    pub events: EventSink,
    pub trading: Trading,
    pub started: UtcMillis,
    pub(crate) watched: Watched,
}

/// The operator's thread while it runs. Dropping it ends the thread.
pub struct OperatorHost {
    /// Where the metrics are, with `[metrics]`.
    pub address: Option<SocketAddr>,
    _thread: HostedThread,
}

/// What both listeners answer from.
struct Operator {
    config: Config,
    identity: ServerIdentity,
    metrics: Arc<Metrics>,
    alerts: Arc<Alerts>,
    events: EventSink,
    trading: Trading,
    started: UtcMillis,
    watched: Watched,
    disk: Disk,
}

/// Returns when the listeners are open.
pub async fn start(plan: Plan) -> Result<OperatorHost, GatewayError> {
    let (ready, opened) = oneshot::channel();
    let thread = HostedThread::spawn("signet-operator", move |stop| work(plan, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let address = opened.await.map_err(|_| GatewayError::Died)??;
    if let Some(address) = address {
        tracing::info!(%address, "metrics are up");
    }
    Ok(OperatorHost { address, _thread: thread })
}

type Opened = Result<Option<SocketAddr>, GatewayError>;

async fn work(plan: Plan, ready: oneshot::Sender<Opened>, stop: Stop) {
    let listener = match open(&plan).await {
        Ok(l) => l,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let Plan { config, identity, metrics, alerts, events, trading, started, watched, .. } = plan;
    let disk = Disk::of(&config.gateway.state_dir);
    let operator = Rc::new(Operator {
        config,
        identity,
        metrics,
        alerts,
        events,
        trading,
        started,
        watched,
        disk,
    });
    #[cfg(unix)]
    let control = control::open(&operator.config)
        .map(|l| lasting("control", control::serve(l, operator.clone())));
    let address = listener.as_ref().map(|(_, address, _)| *address);
    let serving =
        listener.map(|(l, _, tls)| lasting("metrics", http::serve(l, tls, operator.clone())));
    let _ = ready.send(Ok(address));
    let _ = stop.await;
    serving.iter().for_each(tokio::task::JoinHandle::abort);
    #[cfg(unix)]
    if let Some(control) = control {
        control.abort();
        control::close(&operator.config);
    }
}

type Listening = Option<(TcpListener, SocketAddr, Option<ListenerTls>)>;

/// The listener of `[metrics]`.
async fn open(plan: &Plan) -> Result<Listening, GatewayError> {
    let Some(section) = &plan.config.metrics else { return Ok(None) };
    let failed = |source| {
        let what = format!("metrics.listen {}", section.listen);
        GatewayError::Io { what, source }
    };
    let listener = TcpListener::bind(section.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let tls = match &plan.roots {
        None => None,
        Some(roots) => {
            let policy = plan.config.tls.policy(TlsVersions::default());
            let profile = ServerProfile::new(roots.clone(), &plan.identity).with_policy(policy);
            let tls = ListenerTls::new("metrics", profile, None, false)
                .map_err(|e| GatewayError::Tls(e.to_string()))?;
            Some(tls)
        }
    };
    Ok(Some((listener, address, tls)))
}
