//! `transports [ROUNDS] [REPEATS]`: QuoteRequest to Quote over FIXS and over QUIC, both ends ours:
//! the same engine, the same TLS profiles with client certificates, the same machine, interleaved.
//! One thread asks, as the desk's link, and one answers, as the gateway's. *Signed* is what a desk and
//! a gateway say to each other: every message of the desk is signed and verified. *Bare* leaves that
//! out. Timed: from the values of a request in hand to the values of its quote.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_desk_core::signing::{signing, verification};
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::{QuoteMsg, QuoteRequest},
    pump::pump,
    session::{Binding, Channel, Event, Outbox, Role, Session, SessionConfig},
    signature::{commits_gateway, every},
    store::MemoryStore,
};
use signet_identity::{
    ClientProfile, CompId, MessageKey, MessagePublicKey, ServerProfile, channel_binding,
};
use signet_quic::{
    client,
    server::{Endpoint, KEYS_BYTES, Keys},
};
use signet_rfq::{Ask, InstrumentId, Level, QuoteId, RfqId, UtcMillis};
use std::{
    cell::RefCell,
    net::{SocketAddr, UdpSocket},
    rc::Rc,
    sync::{Arc, mpsc},
    time::Instant,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::LocalSet,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::pki_types::{CertificateDer, ServerName},
};

const DOMAIN: &str = "bench.signet.example";
/// Round trips before anything is counted.
const WARM_UP: usize = 200;

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Fixs,
    Quic,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Bare,
    Signed,
}

/// A connection, and what an end knows of it.
struct Made<S> {
    stream: S,
    exporter: [u8; 32],
    peer: CertificateDer<'static>,
}

/// What both ends are made with.
struct Ends {
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
    server_key: MessageKey,
    client_key: MessageKey,
}

fn main() {
    let number = |n: usize, or: usize| std::env::args().nth(n).map_or(or, |w| parse(&w));
    let (rounds, repeats) = (number(1, 5_000).max(1), number(2, 7));
    let ends = ends();
    for speech in [Speech::Signed, Speech::Bare] {
        let mut found = [Vec::new(), Vec::new()];
        for _ in 0..repeats {
            for transport in only(&[Transport::Fixs, Transport::Quic]) {
                let key = ends.server_key.clone();
                let at = answering(ends.server.clone(), key, transport, speech);
                let key = ends.client_key.clone();
                let asked = asking(ends.client.clone(), key, transport, speech, at, rounds);
                found[transport as usize].push(asked);
            }
        }
        let [fixs, quic] = found.map(|f| (median(&f, |x| x.0), median(&f, |x| x.1)));
        println!("   {speech:?}, FIXS:  p50 {:.1}  p99 {:.1}", fixs.0, fixs.1);
        println!("   {speech:?}, QUIC:  p50 {:.1}  p99 {:.1}", quic.0, quic.1);
        let ratio = (quic.0 / fixs.0, quic.1 / fixs.1);
        println!("   {speech:?}, ratio (QUIC / FIXS): p50 {:.2}, p99 {:.2}", ratio.0, ratio.1);
    }
}

fn median(of: &[(f64, f64)], which: fn(&(f64, f64)) -> f64) -> f64 {
    let mut all: Vec<f64> = of.iter().map(which).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ends() -> Ends {
    let pki = DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a CA");
    let key = |order| pki.issue(&order).expect("a certificate").certified_key().expect("a key");
    let (server, client) = (key(Order::gateway("SIGNET")), key(Order::desk("BENCH1")));
    let of = |key| MessageKey::of(key).expect("a P-256 key");
    let (server_key, client_key) = (of(&server), of(&client));
    let server = ServerProfile::new(pki.desk_roots().expect("roots"), server).config();
    let client = ClientProfile::new(pki.gateway_roots().expect("roots"), client).config();
    let server = server.expect("a profile");
    Ends { server, client: client.expect("a profile"), server_key, client_key }
}

/// `TRANSPORT=quic`: one alone, for a profiler.
fn only(all: &[Transport]) -> Vec<Transport> {
    let wanted = std::env::var("TRANSPORT").unwrap_or_default();
    let is_wanted = |t: &Transport| format!("{t:?}").eq_ignore_ascii_case(wanted.trim());
    all.iter().copied().filter(|t| wanted.is_empty() || is_wanted(t)).collect()
}

fn parse(word: &str) -> usize {
    word.parse().expect("a number")
}

fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn session(role: Role) -> Rc<Session> {
    let id = |name: &str| CompId::new(name).expect("an id");
    let (sender, target) = match role {
        Role::Initiator => (id("BENCH1"), id("SIGNET")),
        Role::Acceptor => (id("SIGNET"), id("BENCH1")),
    };
    let config = SessionConfig { role, sender, target, heartbeat_s: 30, strict: true };
    let store = Box::new(MemoryStore::new(UtcMillis(0)));
    Rc::new(Session::open(&config, store).expect("a session"))
}

/// How a session is bound to its connection, and who signs and verifies on it.
fn channel<S>(made: &Made<S>, key: MessageKey, role: Role, speech: Speech) -> Channel {
    if speech == Speech::Bare {
        return Binding::None.into();
    }
    let peer = MessagePublicKey::of_certificate(&made.peer).expect("a P-256 key");
    let (signs, verifies) = match role {
        Role::Initiator => (signing(key, every), verification(peer, commits_gateway)),
        Role::Acceptor => (signing(key, commits_gateway), verification(peer, every)),
    };
    Channel {
        binding: Binding::Required(BASE64.encode(made.exporter)),
        signing: Some(signs),
        verification: Some(verifies),
    }
}

/// A thread that answers one connection; where it listens.
fn answering(
    tls: Arc<rustls::ServerConfig>,
    key: MessageKey,
    transport: Transport,
    speech: Speech,
) -> SocketAddr {
    let (ready, address) = mpsc::channel();
    std::thread::spawn(move || {
        one_thread().block_on(LocalSet::new().run_until(async move {
            match transport {
                Transport::Fixs => {
                    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                    ready.send(listener.local_addr().expect("an address")).expect("heard");
                    let (tcp, _) = listener.accept().await.expect("a connection");
                    tcp.set_nodelay(true).expect("set");
                    let stream = TlsAcceptor::from(tls).accept(tcp).await.expect("TLS");
                    let (exporter, peer) = of_tls(stream.get_ref().1);
                    local(answer(Made { stream, exporter, peer }, key, speech)).await;
                }
                Transport::Quic => {
                    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                    let keys = Keys::new([7; KEYS_BYTES].into());
                    let endpoint = Endpoint::new(socket, &tls, &keys, 16).expect("an endpoint");
                    ready.send(endpoint.local_addr().expect("an address")).expect("heard");
                    let connecting = endpoint.accept().await.accept().expect("an attempt");
                    let made = connecting.established().await.expect("a handshake");
                    let peer = made.peer_certificates().remove(0);
                    let exporter = made.exporter().expect("an exporter");
                    let (stream, _moves) = made.into_parts();
                    local(answer(Made { stream, exporter, peer }, key, speech)).await;
                }
            }
        }));
    });
    address.recv().expect("an address")
}

/// A task of the thread, as every session of the desk and of the gateway is.
async fn local<T: 'static>(session: impl Future<Output = T> + 'static) -> T {
    tokio::task::spawn_local(session).await.expect("a session that ends")
}

fn of_tls<D>(connection: &rustls::ConnectionCommon<D>) -> ([u8; 32], CertificateDer<'static>) {
    let exporter = channel_binding(connection).expect("an exporter");
    let peer = connection.peer_certificates().and_then(|c| c.first()).expect("a certificate");
    (exporter, peer.clone().into_owned())
}

async fn answer<S>(made: Made<S>, key: MessageKey, speech: Speech)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let session = session(Role::Acceptor);
    let channel = channel(&made, key, Role::Acceptor, speech);
    let outbox = session.attach(channel).expect("attached");
    pump(made.stream, &mut Framer::new(), &session, &outbox, |e| {
        if let Event::Message { message: AppMessage::QuoteRequest(r), .. } = e {
            session.send(&quote(r)).expect("sent");
        }
    })
    .await;
}

fn quote(r: QuoteRequest) -> AppMessage {
    let level = |price: i64| {
        Some(Level { price: rust_decimal::Decimal::new(price, 5), size: 5_000_000.into() })
    };
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: r.id,
        id: QuoteId::new("Q1").expect("an id"),
        instrument: r.instrument,
        dealer: None,
        bid: level(108_000),
        offer: level(108_008),
        valid_until: r.expires,
        tradeable: true,
        at: r.at,
        qualifiers: Default::default(),
    })
}

/// Asks over one connection; p50 and p99, microseconds.
fn asking(
    tls: Arc<rustls::ClientConfig>,
    key: MessageKey,
    transport: Transport,
    speech: Speech,
    at: SocketAddr,
    rounds: usize,
) -> (f64, f64) {
    one_thread().block_on(LocalSet::new().run_until(async {
        match transport {
            Transport::Fixs => {
                let tcp = TcpStream::connect(at).await.expect("connected");
                tcp.set_nodelay(true).expect("set");
                let name = ServerName::try_from("localhost").expect("a name");
                let stream = TlsConnector::from(tls).connect(name, tcp).await.expect("TLS");
                let (exporter, peer) = of_tls(stream.get_ref().1);
                local(ask(Made { stream, exporter, peer }, key, speech, rounds)).await
            }
            Transport::Quic => {
                let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
                let made = client::connect(socket, at, "localhost", &tls).await;
                let made = made.expect("a connection");
                let exporter = made.exporter().expect("an exporter");
                let peer = made.peer_certificates().remove(0);
                let stream = made.into_stream();
                local(ask(Made { stream, exporter, peer }, key, speech, rounds)).await
            }
        }
    }))
}

/// What is measured so far.
struct Asked {
    since: Instant,
    sent: usize,
    took: Vec<f64>,
}

async fn ask<S>(made: Made<S>, key: MessageKey, speech: Speech, rounds: usize) -> (f64, f64)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let session = session(Role::Initiator);
    let channel = channel(&made, key, Role::Initiator, speech);
    let outbox = session.attach(channel).expect("attached");
    session.tick();
    let asked = RefCell::new(Asked { since: Instant::now(), sent: 0, took: Vec::new() });
    let next = |outbox: &Rc<Outbox>| {
        let mut a = asked.borrow_mut();
        if a.took.len() == WARM_UP + rounds {
            return outbox.close();
        }
        a.sent += 1;
        a.since = Instant::now();
        session.send(&request(a.sent)).expect("sent");
    };
    let mut refusal = String::new();
    let ended = pump(made.stream, &mut Framer::new(), &session, &outbox, |e| match e {
        Event::LoggedOn => next(&outbox),
        Event::LoggedOut { text: Some(text), .. } => refusal = format!(", and said: {text}"),
        Event::Message { message: AppMessage::Quote(_), .. } => {
            let took = asked.borrow().since.elapsed().as_secs_f64() * 1e6;
            asked.borrow_mut().took.push(took);
            next(&outbox);
        }
        _ => {}
    })
    .await;
    let mut took = asked.into_inner().took;
    let (made, wanted) = (took.len(), WARM_UP + rounds);
    if made < wanted {
        eprintln!(
            "transports: {made} of {wanted} round trips were made, then {ended}{refusal}; nothing \
                is measured"
        );
        std::process::exit(1);
    }
    let mut took = took.split_off(WARM_UP);
    took.sort_by(f64::total_cmp);
    (took[rounds / 2], took[rounds * 99 / 100])
}

fn request(n: usize) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: Default::default(),
        legs: vec![],
        id: RfqId::new(format!("R{n}")).expect("an id"),
        instrument: InstrumentId::new("EUR/USD").expect("an id"),
        isin: false,
        ask: Ask::TwoWay,
        quantity: 5_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20991231".into(),
        dealers: vec![],
        expires: UtcMillis(4_102_444_799_000),
        at: UtcMillis(1_795_219_200_000),
    })
}
