//! Signals of the firm's identity provider: Security Event Tokens (RFC 8417) pushed over HTTPS (RFC
//! 8935), on a listener and a thread of its own.
//!
//! [`signet_signals`] judges a token; `subjects.rs` says which user it is about; the trading thread
//! acts, and only then the provider reads that it was taken.

mod files;
mod server;
mod subjects;

pub use files::Files;

use crate::{
    GatewayError,
    config::SignalsSection,
    events::EventSink,
    pipeline::SignalOrders,
    threads::{HostedThread, Stop},
};
use server::Receiver;
use signet_events::About;
use signet_identity::{ServerIdentity, ServerProfile, TlsPolicy, TrustRoots};
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the thread is started with.
pub struct Plan {
    pub section: SignalsSection,
    pub files: Files,
    /// Of `signals.trust`; without it those of the desks, which are not asked for.
    pub roots: TrustRoots,
    pub identity: ServerIdentity,
    pub policy: TlsPolicy,
    pub events: EventSink,
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
    let (section, events) = (plan.section.clone(), plan.events.clone());
    let (listener, address, receiver) = match open(plan).await {
        Ok(x) => x,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok(address));
    tokio::select! {
        _ = stop => {}
        () = crate::listeners::https::serve(listener, receiver.clone()) => {}
        () = keep_up(&receiver, section, events) => {}
    }
}

async fn open(plan: Plan) -> Result<(TcpListener, SocketAddr, Rc<Receiver>), GatewayError> {
    let Plan { section, files, roots, identity, policy, events, orders } = plan;
    let failed =
        |source| GatewayError::Io { what: format!("signals.listen {}", section.listen), source };
    let listener = TcpListener::bind(section.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let profile = ServerProfile::new(roots, &identity).with_policy(policy);
    let profile = match section.trust {
        Some(_) => profile,
        None => profile.with_optional_client_certificate(),
    };
    let tls = profile.config().map_err(|e| GatewayError::Tls(e.to_string()))?;
    let receiver = Receiver::new(TlsAcceptor::from(tls), section, files, events, orders);
    Ok((listener, address, Rc::new(receiver)))
}

/// Reads the files again when they change.
async fn keep_up(receiver: &Receiver, section: SignalsSection, events: EventSink) {
    let mut known = Files::stamps(&section);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = Files::stamps(&section);
        if now == known {
            continue;
        }
        known = now;
        match Files::read(&section) {
            Ok(files) => {
                tracing::info!(keys = files.keys.count(), "the identity provider's keys were read");
                receiver.take(files);
            }
            Err(e) => {
                tracing::error!(alert = true, "the last good files stay in force: {e}");
                events.gateway("policy.refused", About::object("signals"), e.to_string());
            }
        }
    }
}
