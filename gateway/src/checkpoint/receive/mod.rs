//! The gateway as second party of other gateways: a witness (C2SP tlog-witness) over mutual TLS, on
//! a listener and a thread of its own.
//!
//! A checkpoint is taken from the gateway whose certificate is shown, about that gateway's log,
//! when the key in the configuration signed it and it comes with a proof that its beginning is the
//! one that is held. What contradicts a checkpoint that is held is refused, kept beside as
//! evidence, and an event. So is a gateway from which nothing new comes for too long: neither a
//! larger checkpoint nor the same one signed later.
//!
//! In one thing this departs from the specification: the answer 200 has no cosignature. People hand
//! out what is held.

mod judge;
mod peer;
mod refusal;
mod server;
mod silence;
mod store;

use crate::{
    GatewayError,
    clock::steady,
    config::ReceiveSection,
    events::EventSink,
    listeners::https,
    metrics::Metrics,
    threads::{HostedThread, Stop, lasting},
};
use peer::Peer;
use rustls::ServerConfig;
use server::Receiver;
use signet_journal::private_folder;
use std::{net::SocketAddr, path::PathBuf, rc::Rc, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_rustls::TlsAcceptor;

/// How often it is looked who is silent.
const LOOK: Duration = Duration::from_secs(5);

/// What the thread is started with.
pub(crate) struct ReceivePlan {
    pub(crate) section: ReceiveSection,
    /// Each gateway has a folder below it.
    pub(crate) folder: PathBuf,
    /// Asks for a certificate of the authorities in the section.
    pub(crate) tls: Arc<ServerConfig>,
    /// Of gateways for which the section names none.
    pub(crate) trust_domain: String,
    pub(crate) events: EventSink,
    pub(crate) metrics: Arc<Metrics>,
}

/// Returns when checkpoints can be sent. Dropping the thread ends it.
///
/// # Errors
/// The address cannot be listened on, the folder cannot be made, or a key cannot be read. Files of
/// one gateway that cannot be used are an event, and that gateway is refused until they are in
/// order.
pub(crate) async fn start_receiving(plan: ReceivePlan) -> Result<HostedThread, GatewayError> {
    let (ready, opened) = oneshot::channel();
    let thread = HostedThread::spawn("signet-received", move |stop| work(plan, ready, stop))
        .map_err(|source| GatewayError::Io { what: "thread".into(), source })?;
    let address = opened.await.map_err(|_| GatewayError::Died)??;
    tracing::info!(%address, "checkpoints of other gateways are taken");
    Ok(thread)
}

async fn work(
    plan: ReceivePlan,
    ready: oneshot::Sender<Result<SocketAddr, GatewayError>>,
    stop: Stop,
) {
    let max = plan.section.max_silence();
    let (listener, address, receiver) = match open(plan).await {
        Ok(x) => x,
        Err(e) => return drop(ready.send(Err(e))),
    };
    let _ = ready.send(Ok(address));
    let looking = lasting("checkpoint.silence", look(receiver.clone(), max));
    let serving = lasting("checkpoint.receive", https::serve(listener, receiver));
    let _ = stop.await;
    serving.abort();
    looking.abort();
}

async fn look(receiver: Rc<Receiver>, max: Duration) {
    loop {
        tokio::time::sleep(LOOK).await;
        receiver.look_for_silence(max);
    }
}

async fn open(plan: ReceivePlan) -> Result<(TcpListener, SocketAddr, Rc<Receiver>), GatewayError> {
    let ReceivePlan { section, folder, tls, trust_domain, events, metrics } = plan;
    let failed = |source| {
        let what = format!("checkpoint.receive.listen {}", section.listen);
        GatewayError::Io { what, source }
    };
    let listener = TcpListener::bind(section.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    private_folder(&folder)
        .map_err(|source| GatewayError::Io { what: folder.display().to_string(), source })?;
    let peers = section.peer.iter().map(|p| Peer::new(p, &trust_domain, &folder, steady()));
    let peers = peers.collect::<Result<_, _>>()?;
    let receiver = Receiver::new(TlsAcceptor::from(tls), peers, events, metrics);
    Ok((listener, address, Rc::new(receiver)))
}

#[cfg(test)]
mod test_logs;
#[cfg(test)]
mod tests;
