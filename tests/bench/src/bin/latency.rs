//! What the gateway adds between a desk and a dealer, with everything on: mutual TLS on both sides,
//! every message of a desk signed, judged and kept as evidence, risk, entitlements, the journal,
//! the registry, the gateway's own signatures.
//!
//! `latency [RATE...]` measures four ways in turn, each in processes of its own: straight to the
//! dealer, through a relay that ends TLS and copies bytes, through `signet-gateway`, and through one
//! that is watched: it hands every event to a syslog receiver over mutual TLS. Fifty desks
//! send on a fixed schedule, by turns a request (R, to one dealer) and the cancellation (U3) of one
//! sent a tenth of a second before; RATE counts both. A request's latency begins when the schedule
//! says, not when the loader got round to it, and ends when the dealer has it decrypted, read and
//! in hand. So what is late delays nothing that comes after it, and counts in full.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_bench::{
    firm::{DEALER, Firm, GATEWAY, pki, trader},
    pace::Pace,
    process::{Process, cpu_seconds, free_address},
};
use signet_desk_core::signing::signing;
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::QuoteRequest,
    pump::{frames, pump},
    session::{Binding, Channel, Event, Role, Session, SessionConfig, SessionOptions},
    signature::every,
    store::MemoryStore,
    tag,
    tagvalue::Fields,
};
use signet_identity::{
    ClientProfile, CompId, MessageKey, ServerIdentity, ServerProfile, TrustRoots, channel_binding,
};
use signet_rfq::*;
use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    rc::Rc,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    task::LocalSet,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector, client::TlsStream, rustls, rustls::pki_types::ServerName,
};

const DESKS: usize = 50;
const RATES: [u32; 3] = [100, 1_000, 5_000];
const WAYS: [&str; 4] = ["direct", "relay", "gateway", "watched"];
/// Evidence goes to a second party once a second in any case; `watched` tells the SIEM, too.
const CHECKPOINTS: &str = "[checkpoint]\nevery_seconds = 1\npublish = [\"witness\"]\n";

const WARM_UP_S: u32 = 3;
/// A request is cancelled when the schedule has gone on so far.
const OPEN_FOR: Duration = Duration::from_millis(100);
/// For what is under way when the schedule ends.
const DRAIN: Duration = Duration::from_secs(10);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    match words[..] {
        ["relay", listen, dealer, dir] => {
            rt.block_on(local.run_until(relay(address(listen), address(dealer), Path::new(dir))))
        }
        ["receiver", listen, dir] => rt.block_on(receive(address(listen), Path::new(dir))),
        ["way", way, ref rates @ ..] => rt.block_on(local.run_until(measure(way, rates))),
        ref rates => compare(rates),
    }
}

fn address(s: &str) -> SocketAddr {
    s.parse().expect("an address")
}

// ----- all ways, side by side -----

/// Microseconds.
struct Measured {
    rate: u32,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
    rest: String,
}

fn compare(rates: &[&str]) {
    let usual = RATES.map(|r| r.to_string());
    let rates: Vec<&str> =
        if rates.is_empty() { usual.iter().map(String::as_str).collect() } else { rates.to_vec() };
    let me = std::env::current_exe().expect("a path");
    let all = WAYS.map(|way| {
        let out = Command::new(&me)
            .args(["way", way])
            .args(&rates)
            .stderr(std::process::Stdio::inherit())
            .output()
            .expect("started");
        String::from_utf8_lossy(&out.stdout).lines().filter_map(read).collect::<Vec<_>>()
    });
    println!(
        "   messages/s: sent by {DESKS} desks, half requests (R), half cancellations (U3); \
            latency is that of requests, which"
    );
    println!(
        "   are the ones a dealer gets; from the intended time of sending to in hand at the \
            dealer, microseconds"
    );
    for (n, rate) in rates.iter().enumerate() {
        println!("   {rate} messages/s");
        for (way, lines) in WAYS.iter().zip(&all) {
            let Some(m) = lines.get(n) else { continue };
            println!(
                "     {way:<8} p50 {:>8.0}  p99 {:>8.0}  p99.9 {:>8.0}  max {:>8.0}   {}",
                m.p50, m.p99, m.p999, m.max, m.rest
            );
        }
        let [direct, relay, gateway] = [0, 1, 2].map(|way: usize| all[way].get(n));
        let (Some(d), Some(g)) = (direct, gateway) else { continue };
        let (a, b, c) = (g.p50 - d.p50, g.p99 - d.p99, g.p999 - d.p999);
        println!(
            "     added by the gateway: p50 {a:.0}, p99 {b:.0}, p99.9 {c:.0}; ratio of p50 {:.2}, \
                of p99 {:.2}",
            g.p50 / d.p50,
            g.p99 / d.p99
        );
        if let Some(w) = all[3].get(n) {
            println!(
                "     watched beside not:   p50 {:+.1} %, p99 {:+.1} %",
                (w.p50 / g.p50 - 1.0) * 100.0,
                (w.p99 / g.p99 - 1.0) * 100.0
            );
        }
        if let Some(r) = relay {
            println!(
                "     beside the relay:     p50 {:+.0}, p99 {:+.0}, p99.9 {:+.0}",
                g.p50 - r.p50,
                g.p99 - r.p99,
                g.p999 - r.p999
            );
        }
    }
}

/// A line of [`report`].
fn read(line: &str) -> Option<Measured> {
    let mut f = line.strip_prefix("measured ")?.splitn(6, ' ');
    let rate = f.next()?.parse().ok()?;
    let mut us = || f.next()?.parse().ok();
    let (p50, p99, p999, max) = (us()?, us()?, us()?, us()?);
    Some(Measured { rate, p50, p99, p999, max, rest: f.next()?.to_owned() }).filter(|m| m.rate > 0)
}

// ----- one way -----

/// A desk that is on.
struct Desk {
    session: Rc<Session>,
}

type Arrivals = Arc<Mutex<Vec<(usize, Instant)>>>;

async fn measure(way: &str, rates: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder");
    let pki = pki();
    let arrivals: Arrivals = Arc::default();
    let trusted = if way == "direct" { pki.desk_roots() } else { pki.gateway_roots() };
    let dealer = dealer(&pki, trusted.expect("roots"), arrivals.clone());
    let mut firm = None;
    let mut relaying = None;
    let mut receiving = None;
    let mut desks = Vec::new();
    match way {
        "gateway" | "watched" => {
            let mut more = CHECKPOINTS.to_owned();
            std::fs::create_dir_all(dir.path().join("witness")).expect("a folder");
            if way == "watched" {
                let (process, at) = start_receiver(&pki, dir.path());
                receiving = Some(process);
                more += &format!(
                    "[siem]\n[[siem.sink]]\nkind = \"syslog\"\nname = \"soc\"\n\
                     address = \"localhost:{}\"\ntrust = \"dealers-ca.pem\"\n",
                    at.port()
                );
            }
            let f = Firm::start_with(dir.path(), DESKS, dealer, pki, &more).await;
            for (n, identity) in f.desks.iter().enumerate() {
                let tls = ClientProfile::new(f.roots(), identity.certified_key());
                desks.push(log_on(n, f.address, tls, identity.message_key(), GATEWAY).await);
            }
            firm = Some(f);
        }
        _ => {
            let at = if way == "relay" {
                let (process, at) = start_relay(&pki, dir.path(), dealer);
                relaying = Some(process);
                at
            } else {
                dealer
            };
            let roots = if way == "relay" { pki.gateway_roots() } else { pki.dealer_roots() }
                .expect("roots");
            for n in 0..DESKS {
                let key = pki
                    .issue(&Order::desk(&trader(n).1))
                    .expect("a certificate")
                    .certified_key()
                    .expect("a key");
                let message_key = MessageKey::of(&key).expect("a P-256 key");
                desks.push(
                    log_on(n, at, ClientProfile::new(roots.clone(), key), message_key, DEALER)
                        .await,
                );
            }
        }
    }
    let between = firm.as_ref().map(|f| f.gateway.id()).or(relaying.as_ref().map(Process::id));
    wait_for_dealer(&desks, &arrivals).await;
    let mut first = 1_000_000_000;
    for rate in rates {
        let rate: u32 = rate.parse().expect("messages a second");
        first = load(rate, first, &desks, &arrivals, between).await;
    }
    drop((firm, relaying, receiving));
}

/// Connects one desk and waits until it is logged on.
async fn log_on(
    n: usize,
    at: SocketAddr,
    tls: ClientProfile,
    key: MessageKey,
    target: &str,
) -> Desk {
    let stream = connect(at, tls).await;
    // A dealer of the market at large knows no binding.
    let binding = match target {
        GATEWAY => Binding::Required(
            BASE64.encode(channel_binding(stream.get_ref().1).expect("an exporter")),
        ),
        _ => Binding::None,
    };
    let session = session(Role::Initiator, &trader(n).1, target);
    let channel = Channel { binding, signing: Some(signing(key, every)), verification: None };
    let outbox = session.attach(channel).expect("attached");
    session.tick();
    let s = session.clone();
    tokio::task::spawn_local(async move {
        let closed = pump(stream, &mut Framer::new(), &s, &outbox, |e| match e {
            Event::Message { message: AppMessage::BusinessReject(r), .. } => {
                eprintln!("rejected: {r:?}")
            }
            Event::Message { message: AppMessage::QuoteRequestReject(r), .. } => {
                eprintln!("rejected: {r:?}")
            }
            Event::LoggedOut { text, code, .. } => eprintln!("logged out: {text:?} {code:?}"),
            _ => {}
        })
        .await;
        eprintln!("a desk's connection ended: {closed}");
    });
    let began = Instant::now();
    while !session.is_logged_on() {
        assert!(began.elapsed() < Duration::from_secs(10), "{} does not log on", trader(n).1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Desk { session }
}

async fn connect(at: SocketAddr, tls: ClientProfile) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(at).await.expect("connected");
    tcp.set_nodelay(true).expect("nodelay");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(tls.config().expect("a profile"))
        .connect(name, tcp)
        .await
        .expect("a handshake")
}

fn session(role: Role, sender: &str, target: &str) -> Rc<Session> {
    let id = |s: &str| CompId::new(s).expect("an id");
    let desk = role == Role::Initiator && target == GATEWAY;
    let config = SessionConfig {
        role,
        sender: id(sender),
        target: id(target),
        heartbeat_s: 10,
        strict: desk,
    };
    // Desk and gateway have rules of their own; a dealer is a plain venue.
    let options =
        if desk { SessionOptions::between_desk_and_gateway() } else { SessionOptions::default() };
    let store = Box::new(MemoryStore::new(now()));
    Rc::new(Session::open_with(&config, options, store).expect("a session"))
}

fn now() -> UtcMillis {
    UtcMillis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64)
}

/// Asks now and then until the dealer gets it: the gateway dials it by itself.
async fn wait_for_dealer(desks: &[Desk], arrivals: &Arrivals) {
    for n in 1..100 {
        request(&desks[0], n);
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel(&desks[0], n);
        if !arrivals.lock().expect("not poisoned").is_empty() {
            return;
        }
    }
    panic!("nothing reaches the dealer");
}

fn request(desk: &Desk, n: usize) {
    let at = now();
    let request = AppMessage::QuoteRequest(QuoteRequest {
        price_type: Default::default(),
        legs: vec![],
        id: RfqId::new(format!("R{n}")).expect("an id"),
        instrument: InstrumentId::new("EUR/USD").expect("an id"),
        isin: false,
        ask: Ask::TwoWay,
        quantity: 1_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20991231".into(),
        dealers: vec![DealerId::new(DEALER).expect("an id")],
        expires: at + 60_000,
        at,
    });
    desk.session.send(&request).expect("sent");
}

fn cancel(desk: &Desk, n: usize) {
    let rfq = RfqId::new(format!("R{n}")).expect("an id");
    desk.session.send(&AppMessage::RfqCancel { rfq, text: None }).expect("sent");
}

/// One rate; returns the first number that is free.
async fn load(
    rate: u32,
    first: usize,
    desks: &[Desk],
    arrivals: &Arrivals,
    between: Option<u32>,
) -> usize {
    let seconds: u32 = std::env::var("SIGNET_BENCH_LATENCY_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(12);
    let slots = (rate * (WARM_UP_S + seconds)) as usize;
    let warm = (rate * WARM_UP_S) as usize;
    let lag = ((f64::from(rate) / 2.0 * OPEN_FOR.as_secs_f64()) as usize).max(1);
    let step = Duration::from_secs(1) / rate;
    arrivals.lock().expect("not poisoned").clear();
    let pace = Pace::new();
    let me = std::process::id();
    let cpu = || [cpu_seconds(me), between.map_or(0.0, cpu_seconds)];
    let base = Instant::now() + Duration::from_millis(50);
    let intended = |slot: usize| base + step * slot as u32;
    let (mut used, mut late) = (cpu(), Vec::with_capacity(slots));
    for slot in 0..slots {
        pace.until(intended(slot)).await;
        if slot == warm {
            used = cpu();
        }
        let n = slot / 2;
        late.push(intended(slot).elapsed().as_secs_f64() * 1e6);
        if slot % 2 == 0 {
            request(&desks[n % desks.len()], first + n);
        } else if let Some(n) = n.checked_sub(lag) {
            cancel(&desks[n % desks.len()], first + n);
        }
        // The connection's own task writes it.
        tokio::task::yield_now().await;
    }
    let used = cpu()
        .iter()
        .zip(used)
        .map(|(after, before)| (after - before) / f64::from(seconds) * 100.0)
        .collect::<Vec<_>>();
    let requests = slots.div_ceil(2);
    let ended = Instant::now();
    while arrivals.lock().expect("not poisoned").len() < requests && ended.elapsed() < DRAIN {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for n in requests.saturating_sub(lag)..requests {
        cancel(&desks[n % desks.len()], first + n);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let all = arrivals.lock().expect("not poisoned").clone();
    let measured = all.iter().filter(|(n, _)| (first + warm / 2..first + requests).contains(n));
    let us: Vec<f64> = measured
        .map(|(n, at)| at.saturating_duration_since(intended((n - first) * 2)).as_secs_f64() * 1e6)
        .collect();
    report(rate, us, requests - warm / 2, late.split_off(warm), &used);
    first + requests
}

fn report(rate: u32, mut us: Vec<f64>, sent: usize, mut late: Vec<f64>, cpu: &[f64]) {
    us.sort_by(f64::total_cmp);
    late.sort_by(f64::total_cmp);
    let at = |v: &[f64], q: f64| {
        v.get(((v.len() as f64 * q) as usize).min(v.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let (p50, p99, p999, max) = (at(&us, 0.5), at(&us, 0.99), at(&us, 0.999), at(&us, 1.0));
    println!(
        "measured {rate} {p50:.1} {p99:.1} {p999:.1} {max:.1} {} R in hand of {sent}, {} U3; late \
            at the loader p99 {:.0}; cpu % of one core: loader and dealer {:.0}, between {:.0}",
        us.len(),
        late.len() - sent,
        at(&late, 0.99),
        cpu[0],
        cpu[1]
    );
}

// ----- the dealer -----

/// On a thread of its own; writes down when each request was in hand.
fn dealer(pki: &DevPki, trusted: TrustRoots, arrivals: Arrivals) -> SocketAddr {
    let key =
        pki.issue(&Order::dealer(DEALER)).expect("a certificate").certified_key().expect("a key");
    let tls = ServerProfile::new(trusted, key).config().expect("a profile");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("set");
    std::thread::Builder::new()
        .name("dealer".into())
        .spawn(move || {
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            rt.block_on(LocalSet::new().run_until(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                loop {
                    let (tcp, _) = listener.accept().await.expect("a connection");
                    tokio::task::spawn_local(quote_nothing(tcp, tls.clone(), arrivals.clone()));
                }
            }));
        })
        .expect("a thread");
    at
}

async fn quote_nothing(tcp: TcpStream, tls: Arc<rustls::ServerConfig>, arrivals: Arrivals) {
    let _ = tcp.set_nodelay(true);
    let Ok(mut stream) = TlsAcceptor::from(tls).accept(tcp).await else { return };
    let mut framer = Framer::new();
    let logon = loop {
        let mut bytes = [0; 4096];
        let n = stream.read(&mut bytes).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        framer.push(&bytes[..n]);
        if let Some(frame) = framer.next_frame().expect("FIX") {
            break frame.to_vec();
        }
    };
    let who =
        Fields::parse(&logon).expect("FIX").text(tag::SENDER_COMP_ID).expect("a sender").to_owned();
    let session = session(Role::Acceptor, DEALER, &who);
    let outbox = session.attach(Binding::None).expect("attached");
    let mut on_event = |e: Event| {
        if let Event::Message { message: AppMessage::QuoteRequest(q), .. } = e {
            let at = Instant::now();
            let n =
                q.id.as_str().rsplit('R').next().and_then(|n| n.parse().ok()).expect("a number");
            arrivals.lock().expect("not poisoned").push((n, at));
        }
    };
    let mut start = Framer::new();
    start.push(&logon);
    if frames(&mut start, &session, &outbox, &mut on_event).is_ok() {
        pump(stream, &mut framer, &session, &outbox, on_event).await;
    }
}

// ----- the receiver of events -----

fn start_receiver(pki: &DevPki, dir: &Path) -> (Process, SocketAddr) {
    pki.issue(&Order::dealer("SIEM").with_dns(["localhost"]))
        .expect("a certificate")
        .write_to(dir, "siem")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let at = free_address();
    let me = std::env::current_exe().expect("a path");
    let mut process = Process::start(Command::new(me).args(["receiver", &at.to_string()]).arg(dir));
    process.wait_for(at);
    (process, at)
}

/// Reads whatever comes.
async fn receive(listen: SocketAddr, dir: &Path) {
    let identity = ServerIdentity::from_pem_files(&dir.join("siem.pem"), &dir.join("siem-key.pem"))
        .expect("an identity");
    let roots = TrustRoots::from_pem_file(&dir.join("gateways-ca.pem")).expect("roots");
    let tls = ServerProfile::new(roots, identity.certified_key()).config().expect("a profile");
    let listener = TcpListener::bind(listen).await.expect("a port");
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(tcp).await else { continue };
        let mut bytes = vec![0; 256 * 1024];
        while let Ok(1..) = stream.read(&mut bytes).await {}
    }
}

// ----- the relay -----

fn start_relay(pki: &DevPki, dir: &Path, dealer: SocketAddr) -> (Process, SocketAddr) {
    pki.issue(&Order::gateway(GATEWAY))
        .expect("a certificate")
        .write_to(dir, "relay")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let at = free_address();
    let me = std::env::current_exe().expect("a path");
    let mut process = Process::start(
        Command::new(me).args(["relay", &at.to_string(), &dealer.to_string()]).arg(dir),
    );
    process.wait_for(at);
    (process, at)
}

/// Ends mutual TLS on both sides with the gateway's profiles and copies bytes between; understands
/// none of them.
async fn relay(listen: SocketAddr, dealer: SocketAddr, dir: &Path) {
    let identity =
        ServerIdentity::from_pem_files(&dir.join("relay.pem"), &dir.join("relay-key.pem"))
            .expect("an identity");
    let roots = |name| TrustRoots::from_pem_file(&dir.join(name)).expect("roots");
    let tls = ServerProfile::new(roots("desks-ca.pem"), identity.certified_key())
        .config()
        .expect("a profile");
    let onward = ClientProfile::new(roots("dealers-ca.pem"), identity.certified_key());
    let listener = TcpListener::bind(listen).await.expect("a port");
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let (tls, onward) = (tls.clone(), onward.clone());
        tokio::task::spawn_local(async move {
            let _ = tcp.set_nodelay(true);
            let Ok(mut desk) = TlsAcceptor::from(tls).accept(tcp).await else { return };
            let mut dealer = connect(dealer, onward).await;
            let _ = tokio::io::copy_bidirectional(&mut desk, &mut dealer).await;
        });
    }
}
