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

/// Connects to the first address that answers, of all hosts; `names` are those of their
/// certificates. Everything runs on the calling thread: a message then changes hands nowhere on its
/// way. Only a key that signs at once is used over QUIC, so no handshake holds the thread up.
pub(super) async fn dial(
    endpoints: &[Endpoint],
    names: &[String],
    tls: Arc<ClientConfig>,
) -> Result<Wire, ConnectError> {
    let attempts: Vec<_> = addresses(endpoints)
        .await
        .into_iter()
        .map(|(which, to)| attempt(to, names[which].clone(), tls.clone()))
        .collect();
    let made = first_of(attempts, |_| ConnectError::Local).await;
    Ok(Wire::quic(made.map_err(|last| last.unwrap_or(ConnectError::NoAnswer))?))
}

/// Has a connection send from another port.
pub(super) fn rebind(rebinder: &Rebinder, to: SocketAddr) -> io::Result<()> {
    rebinder.rebind(socket_towards(to)?)
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
