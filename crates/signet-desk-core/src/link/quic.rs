//! FIX over QUIC to a gateway, raced with FIXS over TCP, and what is remembered of each network.

use super::wire::Wire;
use rustls::ClientConfig;
use signet_net::{Endpoint, addresses, first_of};
use signet_quic::client::{self, ClientStream, ConnectError, Rebinder};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How long TCP alone is dialled on a network where QUIC did not come through.
const TCP_ONLY: Duration = Duration::from_secs(600);
/// Networks that are remembered.
const NETWORKS_MAX: usize = 64;

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

/// A network, as far as this laptop can tell one from another: its own address there, and what the
/// system calls it.
pub(super) type NetworkName = (Option<IpAddr>, Option<String>);

/// On which networks QUIC did not come through.
#[derive(Debug, Default)]
pub(super) struct Networks(HashMap<NetworkName, Instant>);

impl Networks {
    /// Whether to dial TCP only.
    pub(super) fn is_tcp_only(&self, network: &NetworkName, now: Instant) -> bool {
        self.0.get(network).is_some_and(|since| now.duration_since(*since) < TCP_ONLY)
    }

    /// Remembers what came through first.
    pub(super) fn came_through(&mut self, network: NetworkName, quic: bool, now: Instant) {
        if quic {
            self.0.remove(&network);
            return;
        }
        self.0.insert(network, now);
        while self.0.len() > NETWORKS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, since)| **since).map(|(n, _)| n.clone());
            oldest.map(|n| self.0.remove(&n));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(n: u32) -> NetworkName {
        (Some(Ipv4Addr::from(n).into()), None)
    }

    #[test]
    fn a_network_that_blocks_quic_is_remembered_for_a_while() {
        let (mut networks, now) = (Networks::default(), Instant::now());
        assert!(!networks.is_tcp_only(&network(1), now));
        networks.came_through(network(1), false, now);
        assert!(networks.is_tcp_only(&network(1), now + TCP_ONLY - Duration::from_secs(1)));
        assert!(!networks.is_tcp_only(&network(1), now + TCP_ONLY));
        assert!(!networks.is_tcp_only(&network(2), now));
        assert!(!networks.is_tcp_only(&(network(1).0, Some("Hotel".into())), now));
        networks.came_through(network(1), true, now);
        assert!(!networks.is_tcp_only(&network(1), now));
    }

    #[test]
    fn networks_without_end_take_no_more_room() {
        let (mut networks, now) = (Networks::default(), Instant::now());
        for n in 0..1_000 {
            networks.came_through(network(n), false, now + Duration::from_millis(n.into()));
        }
        assert_eq!(networks.0.len(), NETWORKS_MAX);
        assert!(networks.is_tcp_only(&network(999), now + Duration::from_secs(1)));
        assert!(!networks.is_tcp_only(&network(0), now + Duration::from_secs(1)));
    }
}
