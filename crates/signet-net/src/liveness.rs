//! How soon the kernel gives a dead TCP connection up, and how a connection is given up so that the
//! kernel delivers nothing late.

use socket2::{SockRef, TcpKeepalive};
use std::time::Duration;
use tokio::net::TcpStream;

/// Keepalive (RFC 9293 §3.8.4): the first probe after this idle time.
const IDLE: Duration = Duration::from_secs(2);
/// Between probes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Unanswered probes after which an idle connection is dead. Windows counts to ten by itself.
#[cfg(not(windows))]
const PROBES: u32 = 3;
/// Bytes that the peer does not acknowledge for this long end the connection (RFC 5482), and are
/// not sent again: whoever dials again says what is still true.
pub const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);

/// Has the kernel notice within seconds that the peer of `stream` is gone. A system that refuses a
/// setting notices later; the caller's own probes do not depend on it.
pub fn notice_death(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    probe(&socket, IDLE);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}

/// The same with another time, at least a second, after which unacknowledged bytes end the
/// connection, and unanswered probes an idle one. Nothing changes on a system without
/// TCP_USER_TIMEOUT: there the number of probes would decide, whatever the time.
pub fn notice_death_within(stream: &TcpStream, unacknowledged_max: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let socket = SockRef::from(stream);
        probe(&socket, IDLE.min(unacknowledged_max));
        let _ = socket.set_tcp_user_timeout(Some(unacknowledged_max));
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (stream, unacknowledged_max);
}

fn probe(socket: &SockRef<'_>, idle: Duration) {
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(INTERVAL);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(PROBES);
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// Has the next close of `stream` abort the connection: the kernel sends a reset, and forgets what
/// it has not delivered (RFC 9293 §3.10.5).
pub fn abort_on_close(stream: &TcpStream) {
    // Closing with a linger time of zero does not block. tokio deprecates its own setter because
    // other values do.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn the_kernel_is_told_when_to_give_up() {
        let (near, _far) = pair().await;
        notice_death(&near);
        let socket = SockRef::from(&near);
        assert!(socket.keepalive().unwrap());
        // Windows takes the times and does not tell them.
        #[cfg(not(windows))]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), IDLE);
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
        }
    }

    /// At the end that accepts, whose socket has no time of its own.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn another_time_takes_the_place_of_the_usual_one() {
        let (_near, far) = pair().await;
        let socket = SockRef::from(&far);
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        for (max_ms, idle_s) in [(12_000, 2), (1_200, 1), (2_400, 2)] {
            let max = Duration::from_millis(max_ms);
            notice_death_within(&far, max);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(max));
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(idle_s));
        }
        notice_death(&far);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNACKNOWLEDGED_MAX));
    }

    /// The peer reads nothing, so its window is full and bytes wait here when the connection is
    /// closed.
    #[tokio::test]
    async fn an_aborted_connection_delivers_nothing_late() {
        for abort in [false, true] {
            let (mut near, mut far) = pair().await;
            let mut written = 0usize;
            while let Ok(Ok(n)) =
                tokio::time::timeout(Duration::from_millis(100), near.write(&[7; 65_536])).await
            {
                written += n;
            }
            if abort {
                abort_on_close(&near);
            }
            drop(near);
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut heard = Vec::new();
            let end = far.read_to_end(&mut heard).await;
            assert_eq!(end.is_err(), abort, "aborted: {abort}");
            assert_eq!(heard.len() < written, abort, "{} of {written}", heard.len());
        }
    }
}
