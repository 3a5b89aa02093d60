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

#[cfg(target_os = "linux")]
mod dbus;
mod state;

pub use state::{SystemState, SystemWatch};

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};
use tokio::sync::watch;

/// Hears of changes. Clones hear the same changes, each for itself.
#[derive(Debug, Clone)]
pub struct NetworkChanges {
    count: Arc<watch::Sender<u64>>,
    heard: watch::Receiver<u64>,
}

impl NetworkChanges {
    /// Begins to listen, on a task of the current tokio runtime.
    ///
    /// # Errors
    /// The system does not let this process listen. Whoever dials then notices a change by its own
    /// probes only.
    pub async fn listen() -> io::Result<Self> {
        let changes = Self::none();
        let told = changes.clone();
        system::listen(move || told.hint()).await?;
        Ok(changes)
    }

    /// Changes that only [`Self::hint`] tells: for machines where the system does not.
    pub fn none() -> Self {
        let (count, heard) = watch::channel(0u64);
        Self { count: Arc::new(count), heard }
    }

    /// Tells all clones that the network may have changed, for example because the laptop woke.
    pub fn hint(&self) {
        self.count.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Ignores earlier changes: only later ones count.
    pub fn forget(&mut self) {
        self.heard.mark_unchanged();
    }

    /// Returns when something changed since the last call.
    pub async fn changed(&mut self) {
        if self.heard.changed().await.is_err() {
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
        let mut a = NetworkChanges::none();
        let mut b = a.clone();
        for _ in 0..1_000 {
            a.hint();
        }
        a.changed().await;
        b.changed().await;
        assert!(timeout(Duration::from_millis(20), a.changed()).await.is_err());
    }
}
