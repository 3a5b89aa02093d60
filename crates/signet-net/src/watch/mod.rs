//! Changes of this machine's networks: links, addresses and routes, and of its name servers, as the
//! system tells them.
//!
//! A change is a hint and carries nothing: whoever hears it looks at what matters to it, for
//! example at [`source_towards`]. Hints are merged, so a flood of changes costs one look.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `facts.rs` | what facts of a system mean, for all systems; pure |
//! | `answer.rs` | asks a service of the system that may not answer |
//! | `restart.rs` | when a watcher that ended is started again; pure |
//! | `portal.rs` | a page that a captive portal answers in place of |
//! | `linux.rs`, `dbus.rs` | rtnetlink; NetworkManager and logind |
//! | `resolved.rs`, `resolv_conf.rs` | name servers on Linux |
//! | `other.rs` | addresses and routes on Windows and macOS |
//! | `on_windows/`, `on_macos/` | everything else there |

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "other.rs"]
mod system;

#[cfg(any(windows, test))]
mod answer;
#[cfg(target_os = "linux")]
mod dbus;
mod facts;
#[cfg(target_os = "macos")]
mod on_macos;
#[cfg(windows)]
mod on_windows;
mod portal;
#[cfg(target_os = "linux")]
mod resolv_conf;
#[cfg(target_os = "linux")]
mod resolved;
mod restart;
mod state;

pub use portal::{BadPortalCheck, PortalAnswer, PortalCheck};
pub use state::{SystemState, SystemWatch};

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};
use tokio::sync::watch;

/// Hears of changes. Clones hear the same changes, each for itself.
#[derive(Debug, Clone)]
pub struct NetworkChanges {
    networks: Count,
    dns: Count,
}

/// Counts hints; whoever waits sees only that there were some.
#[derive(Debug, Clone)]
struct Count {
    tell: Arc<watch::Sender<u64>>,
    heard: watch::Receiver<u64>,
}

impl Count {
    fn new() -> Self {
        let (tell, heard) = watch::channel(0u64);
        Self { tell: Arc::new(tell), heard }
    }

    fn hint(&self) {
        self.tell.send_modify(|n| *n = n.wrapping_add(1));
    }

    async fn changed(&mut self) {
        if self.heard.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl NetworkChanges {
    /// Begins to listen, on a task of the current tokio runtime. [`SystemWatch::listen`] adds what
    /// the system's services tell: waking, and changes of DNS.
    ///
    /// A source that fails is opened again, after a quarter of a second at first and half a minute
    /// at most. What may have been missed meanwhile counts as one change. As long as the system
    /// does not let this process listen, whoever dials notices a change by its own probes only.
    pub fn listen() -> Self {
        let changes = Self::none();
        let told = changes.clone();
        system::listen(move || told.hint());
        changes
    }

    /// Changes that only [`Self::hint`] tells: for machines where the system does not.
    pub fn none() -> Self {
        Self { networks: Count::new(), dns: Count::new() }
    }

    /// Tells all clones that the network may have changed, for example because the laptop woke.
    pub fn hint(&self) {
        self.networks.hint();
    }

    /// Tells all clones that other name servers may answer from now on.
    pub fn dns_hint(&self) {
        self.dns.hint();
    }

    /// Ignores earlier changes: only later ones count.
    pub fn forget(&mut self) {
        self.networks.heard.mark_unchanged();
        self.dns.heard.mark_unchanged();
    }

    /// Returns when the network changed since the last call. A change of DNS is none: a connection
    /// that is up needs no name.
    pub async fn changed(&mut self) {
        self.networks.changed().await;
    }

    /// Returns when DNS changed since the last call.
    pub async fn dns_changed(&mut self) {
        self.dns.changed().await;
    }

    /// Returns when the network or DNS changed since the last call: for whoever waits to dial.
    pub async fn any_changed(&mut self) -> Change {
        let change = tokio::select! {
            biased;
            () = self.networks.changed() => Change::Network,
            () = self.dns.changed() => Change::Dns,
        };
        // Another network has other name servers.
        self.dns.heard.mark_unchanged();
        change
    }
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Links, addresses or routes, and perhaps name servers.
    Network,
    /// Name servers only.
    Dns,
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

    #[tokio::test]
    async fn a_change_of_dns_is_heard_by_whoever_waits_to_dial_and_not_by_a_live_connection() {
        let told = NetworkChanges::none();
        let (mut live, mut waiting, mut dialling) = (told.clone(), told.clone(), told.clone());
        told.dns_hint();
        assert_eq!(waiting.any_changed().await, Change::Dns);
        dialling.dns_changed().await;
        assert!(timeout(Duration::from_millis(50), live.changed()).await.is_err());
        assert!(timeout(Duration::from_millis(50), waiting.any_changed()).await.is_err());

        told.hint();
        live.changed().await;
        assert_eq!(waiting.any_changed().await, Change::Network);
        assert!(timeout(Duration::from_millis(50), dialling.dns_changed()).await.is_err());

        told.hint();
        told.dns_hint();
        assert_eq!(waiting.any_changed().await, Change::Network);
        assert!(timeout(Duration::from_millis(50), waiting.any_changed()).await.is_err());

        told.hint();
        told.dns_hint();
        waiting.forget();
        assert!(timeout(Duration::from_millis(50), waiting.any_changed()).await.is_err());
    }
}
