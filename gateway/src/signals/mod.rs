//! Signals of the firm's identity providers: Security Event Tokens (RFC 8417) pushed over HTTPS
//! (RFC 8935), on a listener and a thread of its own.
//!
//! [`signet_signals`] judges a token; `subjects.rs` says which user it is about; the trading thread
//! acts, and only then the provider reads that it was taken.

mod files;
mod provider;
mod published;
mod server;
mod subjects;

pub use files::Files;

use crate::{
    GatewayError,
    config::SignalsSection,
    delivery::Poster,
    events::EventSink,
    metrics::Metrics,
    pipeline::SignalOrders,
    threads::{HostedThread, Stop, watched},
};
use provider::Provider;
use published::{Published, kept};
use server::Receiver;
use signet_events::About;
use signet_identity::{ServerIdentity, ServerProfile, TlsPolicy, TrustRoots};
use signet_journal::StoreKey;
use std::{net::SocketAddr, path::PathBuf, rc::Rc, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the thread is started with.
pub struct Plan {
    pub section: SignalsSection,
    /// Of each provider.
    pub files: Vec<Files>,
    /// Where each provider publishes its keys, if it does.
    pub(crate) key_servers: Vec<Option<Poster>>,
    /// The last good ones are kept here.
    pub keys_file: PathBuf,
    pub store_key: StoreKey,
    /// Of `signals.trust`; without it those of the desks, which are not asked for.
    pub roots: TrustRoots,
    pub identity: ServerIdentity,
    pub policy: TlsPolicy,
    pub events: EventSink,
    pub metrics: Arc<Metrics>,
    pub orders: SignalOrders,
}

/// The thread while it runs. Dropping it ends it.
pub struct SignalsHost {
    /// Where the provider sends its tokens.
    pub address: SocketAddr,
    _thread: HostedThread,
}

/// Returns when tokens can be sent.
pub async fn start(plan: Plan) -> Result<SignalsHost, GatewayError> {
    let (ready, opened) = oneshot::channel();
    let thread = HostedThread::spawn("signet-signals", move |stop| work(plan, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let address = opened.await.map_err(|_| GatewayError::Died)??;
    tracing::info!(%address, "signals of the identity provider are taken");
    Ok(SignalsHost { address, _thread: thread })
}

async fn work(plan: Plan, ready: oneshot::Sender<Result<SocketAddr, GatewayError>>, stop: Stop) {
    let events = plan.events.clone();
    let (listener, address, receiver) = match open(plan).await {
        Ok(x) => x,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok(address));
    let mut fetching = JoinSet::new();
    for which in 0..receiver.providers.len() {
        fetching.spawn_local(watched("signals.keys", keep_fetched(receiver.clone(), which)));
    }
    tokio::select! {
        _ = stop => {}
        () = crate::listeners::https::serve(listener, receiver.clone()) => {}
        () = keep_up(&receiver, events) => {}
    }
}

async fn open(plan: Plan) -> Result<(TcpListener, SocketAddr, Rc<Receiver>), GatewayError> {
    let section = &plan.section;
    let failed =
        |source| GatewayError::Io { what: format!("signals.listen {}", section.listen), source };
    let listener = TcpListener::bind(section.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let profile = ServerProfile::new(plan.roots, &plan.identity).with_policy(plan.policy);
    let profile = match section.trust {
        Some(_) => profile,
        None => profile.with_optional_client_certificate(),
    };
    let tls = profile.config().map_err(|e| GatewayError::Tls(e.to_string()))?;
    let fetches = plan.key_servers.iter().any(Option::is_some);
    let kept = if fetches { kept(&plan.keys_file, &plan.store_key) } else { Rc::default() };
    let several = plan.section.providers.len();
    let parts = plan.section.providers.into_iter().zip(plan.files).zip(plan.key_servers);
    let provider = |((section, files), server): ((_, _), Option<Poster>)| {
        let published = server.map(|s| {
            let (events, metrics) = (plan.events.clone(), plan.metrics.clone());
            Published::new(&section, s, kept.clone(), events, metrics)
        });
        Provider::new(section, files, published, several)
    };
    let providers = parts.map(provider).collect();
    let receiver = Receiver::new(TlsAcceptor::from(tls), providers, plan.events, plan.orders);
    Ok((listener, address, Rc::new(receiver)))
}

/// Fetches the keys of one provider whenever that is due.
async fn keep_fetched(receiver: Rc<Receiver>, which: usize) {
    let published = receiver.providers.get(which).and_then(|p| p.published.as_ref());
    let Some(published) = published else { return };
    loop {
        published.refresh(None).await;
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads the files again when they change.
async fn keep_up(receiver: &Receiver, events: EventSink) {
    let stamps =
        || receiver.providers.iter().map(|p| Files::stamps(&p.section)).collect::<Vec<_>>();
    let mut known = stamps();
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamps();
        let each = receiver.providers.iter().zip(known.iter().zip(&now));
        for (p, _) in each.filter(|(_, (before, now))| before != now) {
            match Files::read(&p.section) {
                Ok(files) => {
                    tracing::info!(issuer = p.section.issuer, "the provider's files were read");
                    p.take(files);
                }
                Err(e) => {
                    tracing::error!(alert = true, "the last good files stay in force: {e}");
                    events.gateway("policy.refused", About::object("signals"), e.to_string());
                }
            }
        }
        known = now;
    }
}
