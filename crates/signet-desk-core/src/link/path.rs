//! The path under a connection: the address of this laptop that it uses, and whether the system
//! would still choose that one.

use signet_net::watch::source_towards;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

/// Both ends of a connection, as they were when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    local: IpAddr,
    peer: SocketAddr,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathNow {
    /// The system would choose the same address.
    Same,
    /// The system would choose another one.
    Moved,
    /// There is no route to the peer, or to its proxy.
    Gone,
}

impl PathNow {
    /// Whether the system would no longer use it. Without a route it is left as well: the next
    /// network that comes is then used at once, and not after a doubt.
    pub(super) fn is_left(self) -> bool {
        self != Self::Same
    }
}

impl Path {
    pub(super) fn new(local: IpAddr, peer: SocketAddr) -> Self {
        Self { local, peer }
    }

    /// The other end.
    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Of a connection; `None` when the system does not tell its ends.
    pub(super) fn of(stream: &TcpStream) -> Option<Self> {
        Some(Self { local: stream.local_addr().ok()?.ip(), peer: stream.peer_addr().ok()? })
    }

    /// What became of it.
    pub(super) fn now(&self) -> PathNow {
        self.judge(source_towards(self.peer))
    }

    fn judge(&self, source: Option<IpAddr>) -> PathNow {
        match source {
            Some(ip) if ip.to_canonical() == self.local.to_canonical() => PathNow::Same,
            Some(_) => PathNow::Moved,
            None => PathNow::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_moved_or_gone() {
        let path = Path {
            local: "192.0.2.1".parse().unwrap(),
            peer: "198.51.100.1:9443".parse().unwrap(),
        };
        for (source, want) in [
            (Some("192.0.2.1"), PathNow::Same),
            // The same address in IPv6's clothes.
            (Some("::ffff:192.0.2.1"), PathNow::Same),
            (Some("192.0.2.2"), PathNow::Moved),
            (Some("2001:db8::1"), PathNow::Moved),
            (None, PathNow::Gone),
        ] {
            let now = path.judge(source.map(|s| s.parse().unwrap()));
            assert_eq!((now, now.is_left()), (want, want != PathNow::Same), "{source:?}");
        }
    }
}
