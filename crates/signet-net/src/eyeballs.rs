//! Happy Eyeballs, version 2 (RFC 8305 §4, §5): every address of every host, the hosts in turn and
//! the two families of each, a quarter of a second apart, and the first connection wins. One dead
//! family or address costs a quarter of a second, and a dead host one for each of its families.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::order::ATTEMPT_DELAY;
use crate::resolve::{Addresses, Found, Way, Ways};

/// The first connection that succeeds. Without one: the error of the last attempt, or `None` when
/// there was no address.
pub(super) async fn connect(addresses: Addresses) -> Result<TcpStream, Option<io::Error>> {
    let begin = |_: usize, to: SocketAddr| TcpStream::connect(to);
    first_to_answer(addresses, begin, io::Error::other).await
}

/// The first attempt that succeeds, over whatever the caller's attempts are made of. `begin` makes
/// an attempt of the number of a host and one of its addresses; each is begun a quarter of a second
/// after the one before, or as soon as one fails (§5). An address that becomes known meanwhile has
/// its turn. `panicked` makes an error of an attempt that ended the hard way. It has no time limit
/// of its own: the caller sets one.
///
/// # Errors
/// The last error when none succeeds, `None` when there was no address.
pub async fn first_to_answer<T, E, F>(
    addresses: Addresses,
    mut begin: impl FnMut(usize, SocketAddr) -> F,
    panicked: impl Fn(JoinError) -> E,
) -> Result<T, Option<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let of_address = |which: usize, found: Found| match found {
        Ok(Way::Address(to)) => Some(begin(which, to)),
        _ => None,
    };
    first_of(addresses.into_ways(), of_address, panicked).await
}

/// The same over ways of every kind. `begin` returns `None` for a way that it does not try; the
/// next one has its turn at once then.
pub(crate) async fn first_of<T, E, F>(
    mut ways: Ways,
    mut begin: impl FnMut(usize, Found) -> Option<F>,
    panicked: impl Fn(JoinError) -> E,
) -> Result<T, Option<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    // Dropping this set cancels the other attempts.
    let mut running: JoinSet<Result<T, E>> = JoinSet::new();
    let (mut last, mut all_begun, mut next_at) = (None, false, Instant::now());
    loop {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                match ended.unwrap_or_else(|e| Err(panicked(e))) {
                    Ok(made) => return Ok(made),
                    Err(e) => last = Some(e),
                }
                next_at = Instant::now();
            }
            found = ways.next_from(next_at), if !all_begun => match found {
                Some((which, found)) => {
                    if let Some(attempt) = begin(which, found) {
                        running.spawn(attempt);
                        next_at = Instant::now() + ATTEMPT_DELAY;
                    }
                }
                None => all_begun = true,
            },
            else => return Err(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DialError;
    use crate::order::ADDRESSES_MAX;
    use signet_identity::Refusal;
    use std::time::Duration;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 1))
    }

    /// Which host answers when host number 0 does not, and how long it takes.
    async fn answering(ways: Ways) -> (Result<usize, Option<()>>, Duration) {
        let began = Instant::now();
        let begin = |which: usize, found: Found| {
            found.is_ok().then_some(async move {
                if which == 0 {
                    std::future::pending::<()>().await;
                }
                Ok(which)
            })
        };
        (first_of(ways, begin, |_| ()).await, began.elapsed())
    }

    /// A data centre that is gone, with all addresses that are tried of a host. The clock is
    /// virtual: it stands still while anything runs.
    #[tokio::test(start_paused = true)]
    async fn a_dead_host_with_many_addresses_costs_the_next_host_one_delay() {
        let dead: Vec<_> = (1..=16).map(address).collect();
        assert_eq!(dead.len(), ADDRESSES_MAX);
        let at_once = Some(Duration::ZERO);
        let hosts = vec![(at_once, dead), (at_once, vec![address(99)])];
        let (won, after) = answering(Ways::named_after(hosts)).await;
        assert_eq!(won, Ok(1));
        assert!((ATTEMPT_DELAY..2 * ATTEMPT_DELAY).contains(&after), "{after:?}");
    }

    /// However late it is, and also after every address known before was tried in vain.
    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_resolved_late_joins_the_attempts() {
        for late in [1, 249, 251, 5_000].map(Duration::from_millis) {
            let hosts = vec![
                (Some(Duration::ZERO), vec![address(1), address(2)]),
                (Some(late), vec![address(3)]),
                (None, vec![]),
            ];
            let (won, after) = answering(Ways::named_after(hosts)).await;
            assert_eq!(won, Ok(1), "{late:?}");
            // The delay since the attempt before, and the granularity of timers.
            let at_most = late.max(ATTEMPT_DELAY) + ATTEMPT_DELAY + Duration::from_millis(5);
            assert!((late..at_most).contains(&after), "{late:?}: {after:?}");
        }
    }

    /// A network whose name servers are late for IPv6, and whose IPv4 leads nowhere.
    #[tokio::test(start_paused = true)]
    async fn addresses_of_the_other_family_that_are_late_join_the_attempts() {
        let there: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
        for late in [1, 249, 251, 5_000].map(Duration::from_millis) {
            let began = Instant::now();
            let ways = Ways::with_late(vec![address(1)], late, vec![there]);
            let begin = |_: usize, found: Found| match found {
                Ok(Way::Address(to)) => Some(async move {
                    if to.is_ipv4() {
                        std::future::pending::<()>().await;
                    }
                    Ok(to)
                }),
                _ => None,
            };
            assert_eq!(first_of(ways, begin, |_| ()).await, Ok(there), "{late:?}");
            let after = began.elapsed();
            let at_most = late.max(ATTEMPT_DELAY) + Duration::from_millis(5);
            assert!((late..at_most).contains(&after), "{late:?}: {after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_is_told_and_none_without_an_attempt() {
        let hosts = |n: u8| vec![(Some(Duration::ZERO), (1..=n).map(address).collect::<Vec<_>>())];
        let refused = |_: usize, _: Found| {
            Some(std::future::ready(Err::<(), _>(io::ErrorKind::ConnectionRefused)))
        };
        let interrupted = |_: JoinError| io::ErrorKind::Interrupted;
        let ended = first_of(Ways::named_after(hosts(2)), refused, interrupted).await;
        assert_eq!(ended, Err(Some(io::ErrorKind::ConnectionRefused)));
        let nothing = Ways::named_after(vec![]);
        assert_eq!(first_of(nothing, refused, interrupted).await, Err(None));
        // The error of a name that is not resolved is the caller's to tell.
        let unknown = DialError::Direct(Refusal::DnsFailure);
        let fails = |_: usize, found: Found| Some(async move { found.map(drop) });
        let interrupted = |_: JoinError| DialError::Direct(Refusal::TimedOut);
        let ended = first_of(Ways::named_after(hosts(0)), fails, interrupted).await;
        assert_eq!(ended, Err(Some(unknown)));
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
            let made = connect(Addresses::known(all)).await.unwrap();
            assert_eq!(made.peer_addr().unwrap(), there, "{dead:?}");
        }
        let refused = connect(Addresses::known(vec![refusing])).await.unwrap_err();
        assert_eq!(refused.unwrap().kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(Addresses::known(vec![])).await.unwrap_err().is_none());
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
