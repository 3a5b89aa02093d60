//! Changes of this machine's networks: links, addresses and routes, as the system tells them.
//!
//! A change is a hint and carries nothing: whoever hears it looks at what matters to it, for
//! example at [`source_towards`]. Hints are merged, so a flood of changes costs one look.

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "other.rs"]
mod system;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};
use tokio::sync::watch;

/// Hears of changes. Clones hear the same changes, each for itself.
#[derive(Debug, Clone)]
pub struct NetworkChanges(watch::Receiver<u64>);

impl NetworkChanges {
    /// Begins to listen, on a task of the current tokio runtime.
    ///
    /// # Errors
    /// The system does not let this process listen. Whoever dials then notices a change by its own
    /// probes only.
    pub async fn listen() -> io::Result<Self> {
        let (count, changes) = watch::channel(0u64);
        system::listen(move || count.send_modify(|n| *n = n.wrapping_add(1))).await?;
        Ok(Self(changes))
    }

    /// Changes that never come: for machines where nobody tells.
    pub fn none() -> Self {
        Self(watch::channel(0).1)
    }

    /// Ignores earlier changes: only later ones count.
    pub fn forget(&mut self) {
        self.0.mark_unchanged();
    }

    /// Returns when something changed since the last call. Never returns when nobody tells any
    /// more.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// The address of this machine that a connection to `peer` would have now; `None` without a route.
/// Nothing is sent.
pub fn source_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Connecting a datagram socket asks for the route and sends nothing.
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[test]
    fn the_source_towards_loopback_is_loopback() {
        for peer in ["127.0.0.1:9", "[::1]:9"] {
            let peer: SocketAddr = peer.parse().unwrap();
            if let Some(ip) = source_towards(peer) {
                assert!(ip.is_loopback(), "{peer} {ip}");
            }
        }
        assert!(source_towards("127.0.0.1:9".parse().unwrap()).is_some());
    }

    #[tokio::test]
    async fn changes_that_nobody_tells_never_come() {
        let mut none = NetworkChanges::none();
        assert!(timeout(Duration::from_millis(50), none.changed()).await.is_err());
    }

    #[tokio::test]
    async fn a_flood_of_hints_is_one_change_and_each_clone_hears_it() {
        let (count, changes) = watch::channel(0u64);
        let (mut a, mut b) = (NetworkChanges(changes.clone()), NetworkChanges(changes));
        for _ in 0..1_000 {
            count.send_modify(|n: &mut u64| *n += 1);
        }
        a.changed().await;
        b.changed().await;
        assert!(timeout(Duration::from_millis(20), a.changed()).await.is_err());
    }
}
