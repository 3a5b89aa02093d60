//! The whole way over real sockets and TLS, with real threads.

use super::{pipe::ROOM, *};
use crate::listeners::sockets::Abort as _;
use rustls_pki_types::ServerName;
use signet_devca::{DevPki, Order};
use signet_identity::{ClientProfile, Refusal, ServerProfile, channel_binding};
use signet_net as net;
use std::{future::pending, pin::pin, time::Duration};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

const PATIENCE: Duration = Duration::from_secs(60);
/// Long enough for what happens at once to have happened.
const MOMENT: Duration = Duration::from_millis(100);

type Accepted = (Wire<server::TlsStream<TcpStream>>, Handshaken);

/// A listener and what a desk shows it.
struct Gate {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    desk: TlsConnector,
    stranger: TlsConnector,
}

impl Gate {
    async fn new() -> Self {
        let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
        let other = DevPki::generate("other.example", OffsetDateTime::now_utc()).unwrap();
        let gateway = pki.issue(&Order::gateway("SIGNET")).unwrap().certified_key().unwrap();
        let server = ServerProfile::new(pki.desk_roots().unwrap(), gateway).config().unwrap();
        let desk = |from: &DevPki| {
            let key = from.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
            let roots = pki.gateway_roots().unwrap();
            TlsConnector::from(ClientProfile::new(roots, key).config().unwrap())
        };
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(server),
            desk: desk(&pki),
            stranger: desk(&other),
        }
    }

    /// The two ends of a connection: the client's, and the one that was accepted.
    async fn tcp(&self) -> (TcpStream, TcpStream) {
        let at = self.listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(at), self.listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    async fn accepted(
        &self,
        threads: Option<&Connections>,
        tcp: TcpStream,
    ) -> Result<Accepted, NotCarried<Refusal>> {
        handshake(threads, self.acceptor.clone(), tcp).await
    }

    /// A desk that is connected, and its connection at the gateway.
    async fn connected(
        &self,
        threads: Option<&Connections>,
    ) -> (client::TlsStream<TcpStream>, Accepted) {
        let (near, far) = self.tcp().await;
        let (desk, ours) =
            tokio::join!(self.desk.connect(localhost(), near), self.accepted(threads, far));
        let Ok(ours) = ours else { panic!("the desk is refused") };
        (desk.unwrap(), ours)
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

fn threads(count: usize) -> ConnectionThreads {
    ConnectionThreads::start(count, Gauge::default()).unwrap()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn data(n: usize) -> Vec<u8> {
    (0..n).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

/// Writes until nobody takes more; how much that was.
async fn fills(stream: &mut (impl AsyncWrite + Unpin)) -> usize {
    let mut written = 0;
    while let Ok(n) = timeout(MOMENT, stream.write(&[7; ROOM])).await {
        written += n.unwrap();
        assert!(written < 512 * 1024 * 1024, "it is taken without a bound");
    }
    written
}

#[tokio::test]
async fn more_than_the_pipe_holds_goes_both_ways_and_the_end_comes_after_it() {
    let (gate, threads) = (Gate::new().await, threads(1));
    let (mut desk, (ours, shaken)) = gate.connected(Some(&threads.way())).await;
    assert!(matches!(ours, Wire::Carried(_)));
    assert_eq!(shaken.exporter, channel_binding(desk.get_ref().1).ok());
    assert!(!shaken.chain.is_empty());
    assert_eq!(threads.connections.gauge.get(), 1);
    let sent = data(20 * ROOM + 1);
    let echo = async {
        let (mut from, mut to) = tokio::io::split(ours);
        tokio::io::copy(&mut from, &mut to).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let talk = async {
        let (mut from, mut to) = tokio::io::split(&mut desk);
        let mut heard = Vec::new();
        let says = async {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await.unwrap();
        };
        let (_, read) = tokio::join!(says, from.read_to_end(&mut heard));
        read.unwrap();
        heard
    };
    let ((), heard) = timeout(PATIENCE, async { tokio::join!(echo, talk) }).await.unwrap();
    assert!(heard == sent, "{} of {}", heard.len(), sent.len());
    until("the connection is closed", || threads.connections.gauge.get() == 0).await;
}

#[tokio::test]
async fn a_refusal_is_told_at_once_and_the_hanging_up_can_be_cut_short() {
    let (gate, threads) = (Gate::new().await, threads(1));
    for way in [None, Some(threads.way())] {
        for cut_short in [false, true] {
            let (near, far) = gate.tcp().await;
            let (desk, ours) = tokio::join!(
                gate.stranger.connect(localhost(), near),
                gate.accepted(way.as_ref(), far)
            );
            // In TLS 1.3 the client's own end of the handshake comes first.
            let mut desk = desk.unwrap();
            let Err(NotCarried::Refused(why, lingering)) = ours else { panic!("not refused") };
            assert_eq!(why.code(), "client.unknown_ca");
            // The client holds its socket open.
            let mut over = Box::pin(lingering.over());
            assert!(timeout(MOMENT, &mut over).await.is_err());
            if cut_short {
                drop(over);
                let tcp = desk.get_mut().0;
                let gone = async {
                    while tcp.write_all(b"?").await.is_ok() {
                        sleep(Duration::from_millis(5)).await;
                    }
                };
                timeout(PATIENCE, gone).await.expect("the socket is closed");
            } else {
                // And has read why.
                assert!(desk.read(&mut [0; 8]).await.is_err());
                drop(desk);
                timeout(PATIENCE, over).await.unwrap();
            }
        }
    }
    until("both are closed", || threads.connections.gauge.get() == 0).await;
}

#[tokio::test]
async fn a_socket_is_closed_when_nobody_waits_for_its_handshake() {
    let (gate, threads) = (Gate::new().await, threads(1));
    let (mut near, far) = gate.tcp().await;
    assert!(timeout(MOMENT, gate.accepted(Some(&threads.way()), far)).await.is_err());
    let end = timeout(PATIENCE, near.read(&mut [0; 8])).await.expect("the socket is closed");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    until("it does not count", || threads.connections.gauge.get() == 0).await;
}

/// The desk reads nothing: bytes wait in the kernel and in the pipe.
#[tokio::test]
async fn a_desk_that_does_not_read_stalls_the_session_and_an_abort_delivers_nothing_more() {
    let (gate, threads) = (Gate::new().await, threads(1));
    let (mut desk, (mut ours, _)) = gate.connected(Some(&threads.way())).await;
    let written = fills(&mut ours).await;
    assert!(written > ROOM);
    ours.abort_on_close();
    drop(ours);
    until("the socket is closed", || threads.connections.gauge.get() == 0).await;
    let mut heard = Vec::new();
    assert!(desk.read_to_end(&mut heard).await.is_err());
    assert!(heard.len() < written, "{} of {written}", heard.len());
}

#[tokio::test]
async fn a_session_that_does_not_read_stalls_the_desk_and_hears_all_of_it_later() {
    let (gate, threads) = (Gate::new().await, threads(1));
    let (mut desk, (mut ours, _)) = gate.connected(Some(&threads.way())).await;
    let written = fills(&mut desk).await;
    assert!(written > ROOM);
    let hears = async {
        let (mut heard, mut part) = (0, vec![0; ROOM]);
        while heard < written {
            heard += ours.read(&mut part).await.unwrap();
        }
    };
    let (_, flushed) =
        timeout(PATIENCE, async { tokio::join!(hears, desk.flush()) }).await.unwrap();
    flushed.unwrap();
}

/// With a shutdown the desk sees that nothing is missing; without one it gets the bytes all the
/// same.
#[tokio::test]
async fn what_was_written_just_before_the_end_arrives() {
    let (gate, threads) = (Gate::new().await, threads(1));
    for in_order in [true, false] {
        let (mut desk, (mut ours, _)) = gate.connected(Some(&threads.way())).await;
        let last = data(ROOM - 1);
        let ends = async {
            ours.write_all(&last).await.unwrap();
            if in_order {
                ours.shutdown().await.unwrap();
            }
            drop(ours);
        };
        let mut heard = Vec::new();
        let (_, end) = tokio::join!(ends, desk.read_to_end(&mut heard));
        assert!(heard == last, "{} of {}", heard.len(), last.len());
        assert_eq!(end.is_ok(), in_order, "{end:?}");
    }
}

/// The same whether the socket is carried or not.
#[tokio::test]
async fn a_session_is_told_the_same_of_its_end() {
    let (gate, threads) = (Gate::new().await, threads(1));
    for how in ["in order", "cut", "reset"] {
        let mut told = Vec::new();
        for way in [None, Some(threads.way())] {
            let (mut desk, (mut ours, _)) = gate.connected(way.as_ref()).await;
            desk.write_all(b"last").await.unwrap();
            desk.flush().await.unwrap();
            let mut part = [0; 8];
            assert_eq!(ours.read(&mut part).await.unwrap(), 4);
            match how {
                "in order" => desk.shutdown().await.unwrap(),
                "cut" => desk.get_mut().0.shutdown().await.unwrap(),
                _ => net::abort_on_close(desk.get_ref().0),
            }
            let _open = (how != "reset").then_some(desk);
            let end = timeout(PATIENCE, ours.read(&mut part)).await.unwrap();
            told.push(end.map_err(|e| (e.kind(), e.to_string())));
        }
        assert_eq!(told[0], told[1], "{how}");
        assert_eq!(told[0].is_ok(), how == "in order", "{told:?}");
    }
}

#[tokio::test]
async fn threads_that_end_let_what_is_in_the_pipes_leave_and_take_nothing_more() {
    let (gate, threads) = (Gate::new().await, threads(2));
    let way = threads.way();
    let (mut desk, (mut ours, _)) = gate.connected(Some(&way)).await;
    ours.write_all(b"the gateway is stopping").await.unwrap();
    drop(threads);
    let mut heard = Vec::new();
    let _ = desk.read_to_end(&mut heard).await;
    assert_eq!(heard, b"the gateway is stopping");
    let end = ours.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(end.kind(), io::ErrorKind::ConnectionAborted);
    let (_near, far) = gate.tcp().await;
    let refused = gate.accepted(Some(&way), far).await;
    assert!(matches!(refused, Err(NotCarried::NoThread(NoThread::Ended))));
    assert_eq!(way.gauge.get(), 0);
}

#[tokio::test]
async fn connections_are_spread_and_places_come_back() {
    let (gate, threads) = (Gate::new().await, threads(3));
    let way = threads.way();
    let loads = || way.lanes.iter().map(|l| l.connections.load(Relaxed)).collect::<Vec<_>>();
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(gate.connected(Some(&way)).await);
    }
    assert_eq!(loads(), [2, 2, 2]);
    all.remove(1);
    until("it is closed", || loads() == [2, 1, 2]).await;
    all.push(gate.connected(Some(&way)).await);
    assert_eq!(loads(), [2, 2, 2]);
}

/// Nobody serves the queue.
#[tokio::test]
async fn a_full_queue_refuses_and_keeps_no_count() {
    let gate = Gate::new().await;
    let (jobs, queue) = mpsc::channel(1);
    let lane = Lane { jobs, connections: Arc::default() };
    let way = Connections { lanes: vec![lane], gauge: Gauge::default() };
    let (_near, far) = gate.tcp().await;
    let mut first = pin!(gate.accepted(Some(&way), far));
    assert!(timeout(MOMENT, &mut first).await.is_err());
    let (_near, far) = gate.tcp().await;
    let second = gate.accepted(Some(&way), far).await;
    assert!(matches!(second, Err(NotCarried::NoThread(NoThread::Full))));
    assert_eq!(way.gauge.get(), 1);
    drop(queue);
    assert!(matches!(first.await, Err(NotCarried::NoThread(NoThread::Ended))));
    assert_eq!(way.gauge.get(), 0);
}

/// A stream without TLS.
impl Socket for BufStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }
}

/// As of a desk: it ends, and the thread goes on.
#[tokio::test]
async fn a_fault_in_one_connection_ends_that_one_only() {
    let (gate, threads) = (Gate::new().await, threads(1));
    let way = threads.way();
    let faulty = || async {
        let nowhere = TcpStream::connect("127.0.0.1:1").await;
        let stream = BufStream::new(nowhere.expect("a fault, as a test wants it"));
        Ok::<_, Refused<()>>((stream, ()))
    };
    assert!(matches!(way.carried(faulty).await, Err(NotCarried::NoThread(NoThread::Ended))));
    until("it does not count", || way.gauge.get() == 0).await;
    let (mut desk, (mut ours, _)) = gate.connected(Some(&way)).await;
    ours.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    desk.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
}

/// Carries on this task, whose clock a test may stop.
fn carried_here(tcp: TcpStream) -> (Carried, impl Future<Output = ()>) {
    let (ours, far) = pipe::pipe();
    (ours, carry(BufStream::new(tcp), far, Scratch::default(), pending()))
}

/// Its Logout waits behind what the desk does not read, and nothing of it is delivered late.
#[tokio::test(start_paused = true)]
async fn an_end_in_order_that_a_desk_does_not_take_is_aborted_in_time() {
    let gate = Gate::new().await;
    for left in [false, true] {
        let (mut desk, tcp) = gate.tcp().await;
        let (mut ours, carrying) = carried_here(tcp);
        let ends = async {
            let written = fills(&mut ours).await;
            let began = Instant::now();
            if left {
                drop(ours);
            } else {
                assert!(ours.shutdown().await.is_err());
                assert!(began.elapsed() >= LAST_WORDS_MAX);
            }
            written
        };
        let (written, ()) = tokio::join!(ends, carrying);
        let mut heard = Vec::new();
        assert!(desk.read_to_end(&mut heard).await.is_err());
        assert!(heard.len() < written);
    }
}

/// A desk that was refused has as long as its admission to read why.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_ended_in_order_is_read_until_the_session_leaves() {
    let gate = Gate::new().await;
    let (mut desk, tcp) = gate.tcp().await;
    let (mut ours, carrying) = carried_here(tcp);
    let hangs_up = async {
        ours.write_all(b"logout").await.unwrap();
        ours.shutdown().await.unwrap();
        sleep(2 * LAST_WORDS_MAX).await;
        let mut heard = Vec::new();
        ours.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"late");
        drop(ours);
    };
    let reads = async {
        let mut heard = Vec::new();
        desk.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"logout");
        sleep(LAST_WORDS_MAX + MOMENT).await;
        desk.write_all(b"late").await.unwrap();
        drop(desk);
    };
    tokio::join!(hangs_up, reads, carrying);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_is_told_the_time_of_the_session() {
    use rustix::net::sockopt::tcp_user_timeout;

    let gate = Gate::new().await;
    let (_desk, tcp) = gate.tcp().await;
    let tcp = tcp.into_std().unwrap();
    let look = tcp.try_clone().unwrap();
    let (ours, carrying) = carried_here(TcpStream::from_std(tcp).unwrap());
    let wire = Wire::<server::TlsStream<TcpStream>>::Carried(ours);
    let sets = async {
        wire.give_up_within(Duration::from_secs(12));
        until("it is set", || tcp_user_timeout(&look).unwrap() == 12_000).await;
        drop(wire);
    };
    tokio::join!(sets, carrying);
}
