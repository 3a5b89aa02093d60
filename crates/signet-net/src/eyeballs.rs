//! Happy Eyeballs, version 2 (RFC 8305 §4, §5): every address of a host, the two families in turn,
//! a quarter of a second apart, and the first connection wins. One dead family, or one dead
//! address, costs a quarter of a second.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// RFC 8305 §8, Connection Attempt Delay.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The most addresses of one host that are tried; the name server decides how many it returns.
const ADDRESSES_MAX: usize = 16;

/// The first connection that succeeds. Without one: the error of the last attempt, or `None` when
/// there was no address.
pub(super) async fn connect(found: Vec<SocketAddr>) -> Result<TcpStream, Option<io::Error>> {
    first_of(in_turn(found).into_iter().map(TcpStream::connect), io::Error::other).await
}

/// The first attempt that succeeds, each begun a quarter of a second after the one before, or as
/// soon as one fails (§5). `panicked` makes an error of an attempt that ended the hard way.
///
/// # Errors
/// The last error when none succeeds, `None` when there was no attempt.
pub async fn first_of<T, E, F>(
    attempts: impl IntoIterator<Item = F>,
    panicked: impl Fn(JoinError) -> E,
) -> Result<T, Option<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    // Dropping this set cancels the other attempts.
    let mut running = JoinSet::new();
    let mut last = None;
    for attempt in attempts {
        running.spawn(attempt);
        if let Ok(Some(ended)) = timeout(ATTEMPT_DELAY, running.join_next()).await {
            match ended.unwrap_or_else(|e| Err(panicked(e))) {
                Ok(made) => return Ok(made),
                Err(e) => last = Some(e),
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        match ended.unwrap_or_else(|e| Err(panicked(e))) {
            Ok(made) => return Ok(made),
            Err(e) => last = Some(e),
        }
    }
    Err(last)
}

/// §4: the families in turn, beginning with the one the resolver put first (RFC 6724 orders them).
pub(super) fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = found.first() else { return found };
    let v6_first = first.is_ipv6();
    let (mut preferred, mut other): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|a| a.is_ipv6() == v6_first);
    preferred.reverse();
    other.reverse();
    let mut all = Vec::new();
    while let Some(next) = preferred.pop().or_else(|| other.pop()) {
        if !all.contains(&next) {
            all.push(next);
        }
        std::mem::swap(&mut preferred, &mut other);
        if preferred.is_empty() {
            std::mem::swap(&mut preferred, &mut other);
        }
    }
    all.truncate(ADDRESSES_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn families_take_turns() {
        let all =
            |text: &[&str]| text.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let (a6, b6, c6) = ("[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1");
        let (a4, b4) = ("192.0.2.1:1", "192.0.2.2:1");
        for (found, tried) in [
            (vec![], vec![]),
            (vec![a6], vec![a6]),
            (vec![a6, b6, c6, a4, b4], vec![a6, a4, b6, b4, c6]),
            (vec![a4, b4, a6], vec![a4, a6, b4]),
            (vec![a4, a4, a6], vec![a4, a6]),
        ] {
            assert_eq!(in_turn(all(&found)), all(&tried), "{found:?}");
        }
        let many = (0..100u8).map(|n| SocketAddr::from(([192, 0, 2, n], 1))).collect();
        assert_eq!(in_turn(many).len(), ADDRESSES_MAX);
    }

    /// Whatever the dead ones do: refuse, or swallow what is sent to them.
    #[tokio::test]
    async fn a_living_address_is_reached_past_dead_ones() {
        let living = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = living.local_addr().unwrap();
        // Bound and not listening: it refuses, and nothing else gets this port meanwhile.
        let gone = tokio::net::TcpSocket::new_v4().unwrap();
        gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refusing = gone.local_addr().unwrap();
        let swallowing = Full::new().await;
        for dead in [vec![refusing], vec![swallowing.address], vec![swallowing.address, refusing]] {
            let all = [dead.clone(), vec![there]].concat();
            assert_eq!(connect(all).await.unwrap().peer_addr().unwrap(), there, "{dead:?}");
        }
        assert_eq!(
            connect(vec![refusing]).await.unwrap_err().unwrap().kind(),
            io::ErrorKind::ConnectionRefused
        );
        assert!(connect(vec![]).await.unwrap_err().is_none());
    }

    /// A listener whose queue is full: the kernel answers no further attempt.
    struct Full {
        address: SocketAddr,
        _socket: tokio::net::TcpListener,
        _queued: Vec<TcpStream>,
    }

    impl Full {
        async fn new() -> Self {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let listener = socket.listen(0).unwrap();
            let address = listener.local_addr().unwrap();
            let mut queued = Vec::new();
            while let Ok(Ok(stream)) = timeout(ATTEMPT_DELAY, TcpStream::connect(address)).await {
                queued.push(stream);
            }
            Self { address, _socket: listener, _queued: queued }
        }
    }
}
