//! When the kernel gives the TCP connection of a desk up: no sooner than its FIX session does, and
//! at once when the session ends without a Logout.
//!
//! Without a bound the kernel sends what a dead peer has not acknowledged again and again for a
//! quarter of an hour (`tcp_retries2`), also after the session has closed the socket. That holds
//! memory for each of them, and a peer that comes back would read words of a session that is over.
//!
//! A line to a dealer keeps what [`signet_net::tcp`] has set ([`signet_net::UNACKNOWLEDGED_MAX`]).

use signet_fix::{
    pump::{Closed, WRITE_STALL_MAX},
    session::Outbox,
    tagvalue::Fields,
};
use signet_net as net;
use signet_quic::server::ServerStream;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// HeartBtInt, seconds.
const HEART_BT_INT: u32 = 108;
/// Milliseconds for each second of HeartBtInt: the engine ends the connection of a peer that is
/// silent for 2.4 heartbeats.
const MS_OF_A_SECOND: u64 = 2_400;

/// How long bytes may be unacknowledged: not less long than the session bears silence, and a peer
/// that reads slowly.
fn unacknowledged_max(heartbeat_s: u32) -> Duration {
    Duration::from_millis(MS_OF_A_SECOND * u64::from(heartbeat_s)).max(WRITE_STALL_MAX)
}

/// HeartBtInt of a Logon that was taken.
fn heartbeat_of(logon: &[u8]) -> Option<u32> {
    Fields::parse(logon).ok()?.text(HEART_BT_INT)?.parse().ok().filter(|s| *s > 0)
}

/// For a connection that is not logged on and has so long for the next step.
pub(super) fn before_logon(stream: &TcpStream, step_max: Duration) {
    net::notice_death_within(stream, step_max);
}

/// For a desk whose Logon was taken. A HeartBtInt that cannot be read counts as the shortest.
pub(super) fn of_desk(stream: &impl Abort, logon: &[u8]) {
    let heartbeat_s = heartbeat_of(logon).unwrap_or_default();
    stream.give_up_within(unacknowledged_max(heartbeat_s));
}

/// A connection of a desk that can be given up.
pub(super) trait Abort {
    /// Has nothing that was written delivered after the stream is dropped.
    fn abort_on_close(&self);
    /// Has the kernel give it up when bytes are unacknowledged for so long.
    fn give_up_within(&self, unacknowledged_max: Duration);
}

impl Abort for TlsStream<TcpStream> {
    fn abort_on_close(&self) {
        net::abort_on_close(self.get_ref().0);
    }

    fn give_up_within(&self, unacknowledged_max: Duration) {
        net::notice_death_within(self.get_ref().0, unacknowledged_max);
    }
}

impl Abort for ServerStream {
    /// Dropping it closes the connection at once.
    fn abort_on_close(&self) {}
    /// The endpoint has limits of its own.
    fn give_up_within(&self, _: Duration) {}
}

/// Hangs up so that the peer can read why: a socket closed over unread bytes sends a reset, and
/// some systems (Windows) then throw away what the peer has not read yet. Lasts no longer than
/// admission.
pub(super) async fn hang_up(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.shutdown().await;
    let mut sink = [0u8; 1024];
    while matches!(stream.read(&mut sink).await, Ok(n) if n > 0) {}
}

/// Closes the connection of a session that has ended; aborts it unless the session ended with a
/// Logout and all of it was written, so that a desk that comes back reads nothing of what belonged
/// to it.
pub(super) fn close(stream: impl Abort, outbox: &Outbox, closed: &Closed) {
    if !(matches!(closed, Closed::BySession) && outbox.said_logout()) {
        stream.abort_on_close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::{
        session::{Binding, Role, Session, SessionConfig},
        store::MemoryStore,
        tagvalue::seal,
    };
    use signet_identity::CompId;
    use signet_rfq::UtcMillis;
    use std::rc::Rc;
    use tokio::{
        net::TcpListener,
        time::{sleep, timeout},
    };

    impl Abort for TcpStream {
        fn abort_on_close(&self) {
            net::abort_on_close(self);
        }

        fn give_up_within(&self, unacknowledged_max: Duration) {
            net::notice_death_within(self, unacknowledged_max);
        }
    }

    /// A connection, and the end that accepted it.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(at), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    /// The session of a desk that has logged on.
    fn logged_on(name: &str) -> (Session, Rc<Outbox>) {
        let id = |s: String| CompId::new(s).unwrap();
        let (sender, target) = (id(format!("{name}-GW")), id(format!("{name}-DESK")));
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 10, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        let logon =
            format!("35=A|34=1|49={name}-DESK|52=20261121-02:22:00.125|56={name}-GW|98=0|108=10|");
        session.receive(&seal("FIX.4.4", logon.replace('|', "\u{1}").as_bytes())).unwrap();
        assert!(session.is_logged_on());
        (session, outbox)
    }

    /// The desk reads nothing, as one that is away: bytes wait here when the session ends.
    #[tokio::test]
    async fn nothing_of_a_session_that_ended_without_a_logout_is_delivered_late() {
        for (name, logout, closed, in_order) in [
            ("SOCKETS-SILENT", false, Closed::BySession, false),
            ("SOCKETS-GOODBYE", true, Closed::BySession, true),
            // Its Logout waits behind what the desk does not read.
            ("SOCKETS-STALLED", true, Closed::Stalled, false),
        ] {
            let (session, outbox) = logged_on(name);
            if logout {
                session.logout("goodbye");
            }
            session.detach();
            let (mut desk, mut ours) = pair().await;
            let mut written = 0;
            let patience = Duration::from_millis(100);
            while let Ok(Ok(n)) = timeout(patience, ours.write(&[7; 65_536])).await {
                written += n;
            }
            close(ours, &outbox, &closed);
            sleep(Duration::from_millis(50)).await;
            let mut heard = Vec::new();
            let end = desk.read_to_end(&mut heard).await;
            assert_eq!((end.is_ok(), heard.len() == written), (in_order, in_order), "{name}");
        }
    }

    #[test]
    fn the_kernel_gives_up_no_sooner_than_the_session() {
        for (heartbeat_s, ms) in [
            // A desk that reads slowly is the engine's to judge.
            (0, 10_000),
            (1, 10_000),
            (4, 10_000),
            (5, 12_000),
            (30, 72_000),
            (3_600, 8_640_000),
        ] {
            let max = unacknowledged_max(heartbeat_s);
            assert_eq!(max, Duration::from_millis(ms));
            // `timers_tests.rs` of `signet-fix` holds the engine to 2.4.
            let silence_max = Duration::from_secs(heartbeat_s.into()) * 24 / 10;
            assert!(max >= silence_max && max >= WRITE_STALL_MAX, "{heartbeat_s}");
        }
    }

    #[test]
    fn table_of_heartbeats() {
        for (logon, want) in [
            ("35=A|98=0|108=5|", Some(5)),
            ("35=A|108=3600|", Some(3_600)),
            ("35=A|98=0|", None),
            ("35=A|108=0|", None),
            ("35=A|108=-5|", None),
            ("35=A|108=99999999999|", None),
            ("35=A|108=ten|", None),
            ("no fields", None),
            ("", None),
        ] {
            assert_eq!(heartbeat_of(logon.replace('|', "\u{1}").as_bytes()), want, "{logon}");
        }
    }

    /// Read back from the socket of the accepting end.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_is_told_the_time_of_the_session() {
        use rustix::net::sockopt::{socket_keepalive, tcp_user_timeout};

        let (_near, far) = pair().await;
        assert_eq!(tcp_user_timeout(&far).unwrap(), 0, "the system's own");

        before_logon(&far, Duration::from_secs(5));
        assert_eq!(tcp_user_timeout(&far).unwrap(), 5_000);
        assert!(socket_keepalive(&far).unwrap());
        of_desk(&far, b"35=A\x0198=0\x01108=30\x01");
        assert_eq!(tcp_user_timeout(&far).unwrap(), 72_000);
        // What was set before the Logon does not stay.
        of_desk(&far, b"35=A\x0198=0\x01");
        assert_eq!(tcp_user_timeout(&far).unwrap(), 10_000);
    }

    /// As `net::tcp` leaves it; shorter heartbeats change nothing.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_line_to_a_dealer_has_the_usual_time() {
        use rustix::net::sockopt::tcp_user_timeout;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let line = net::tcp("127.0.0.1", at.port()).await.unwrap();
        let usual = u32::try_from(net::UNACKNOWLEDGED_MAX.as_millis()).unwrap();
        assert_eq!(tcp_user_timeout(&line).unwrap(), usual);
    }
}
