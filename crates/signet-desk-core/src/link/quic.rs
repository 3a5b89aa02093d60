//! FIX over QUIC to a gateway, raced with FIXS over TCP.

use super::wire::Wire;
use rustls::ClientConfig;
use signet_net::{Endpoint, addresses, first_of};
use signet_quic::client::{self, ClientStream, ConnectError, Rebinder};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};
use tokio::runtime::Runtime;

/// The thread of QUIC. A key that signs slowly blocks a handshake, and no FIX session with it.
#[derive(Debug)]
pub(super) struct QuicThread(Option<Runtime>);

/// A connection over QUIC. The FIX stream is open.
pub(super) struct QuicWire {
    pub stream: ClientStream,
    pub rebinder: Rebinder,
    pub local: Option<IpAddr>,
    pub remote: SocketAddr,
    pub exporter: [u8; 32],
    pub peer: rustls::pki_types::CertificateDer<'static>,
    pub tls: String,
}

impl QuicThread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("signet-quic")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn runtime(&self) -> io::Result<&Runtime> {
        self.0.as_ref().ok_or_else(|| io::Error::other("the thread of QUIC has ended"))
    }

    /// Connects to the first address that answers, of all hosts; `names` are those of their
    /// certificates.
    pub(super) async fn dial(
        &self,
        endpoints: &[Endpoint],
        names: &[String],
        tls: Arc<ClientConfig>,
    ) -> Result<Wire, ConnectError> {
        let attempts: Vec<_> = addresses(endpoints)
            .await
            .into_iter()
            .map(|(which, to)| attempt(to, names[which].clone(), tls.clone()))
            .collect();
        let interrupted = |_| ConnectError::Local;
        let first = self.runtime()?.spawn(first_of(attempts, interrupted));
        let ended = AbortOnDrop(first).await;
        Ok(Wire::quic(ended?.map_err(|last| last.unwrap_or(ConnectError::NoAnswer))?))
    }

    /// Has a connection send from another port.
    pub(super) fn rebind(&self, rebinder: &Rebinder, to: SocketAddr) -> io::Result<()> {
        let socket = socket_towards(to)?;
        let _entered = self.runtime()?.enter();
        rebinder.rebind(socket)
    }
}

impl Drop for QuicThread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, ConnectError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx).map_err(|_| ConnectError::Local)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn attempt(
    to: SocketAddr,
    name: String,
    tls: Arc<ClientConfig>,
) -> Result<QuicWire, ConnectError> {
    let made = client::connect(socket_towards(to)?, to, &name, &tls).await?;
    let missing = |what: &str| ConnectError::Other { detail: format!("no {what}") };
    let peer = made.peer_certificates().into_iter().next();
    Ok(QuicWire {
        exporter: made.exporter().ok_or_else(|| missing("exporter"))?,
        peer: peer.ok_or_else(|| missing("certificate"))?,
        tls: made.describe(),
        rebinder: made.rebinder(),
        local: signet_net::watch::source_towards(to),
        remote: to,
        stream: made.into_stream(),
    })
}

/// A socket that sends from wherever the system sees fit.
fn socket_towards(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0))
}
