//! Thousands of desks that come back at once: each with its own certificate and FIX session,
//! signing, over TLS; from networks of their own, or all from one address; with nothing open, or
//! some with an RFQ whose quotes a dealer renews all the time.

use super::{
    sheet::Sheet,
    street::{Street, request},
};
use crate::{
    firm::{DEALER, DOMAIN, GATEWAY, Process, wait_for, write, write_folder},
    talk::nanos,
    world::ms,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_desk_core::signing::signing;
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::SnapshotMark,
    pump::pump,
    session::{Binding, Channel, Event, Role, Session, SessionConfig, SessionOptions},
    signature::every,
    store::MemoryStore,
};
use signet_identity::{ClientProfile, CompId, MessageKey, MessagePublicKey, channel_binding};
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::watch,
    task::LocalSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

/// As a desk waits for TCP and TLS, and for its Logon to be answered.
const DIAL_MAX: Duration = Duration::from_secs(8);
/// How many log on at once at first, before anything is measured.
const FIRST_STEP: usize = 50;
/// So many desks have an RFQ with live quotes, where any has: as many as the dealer takes.
const QUOTED_MAX: usize = 1_000;
/// Before anything is measured: until the dealer has quoted.
const QUOTES_MAX: Duration = Duration::from_secs(60);
/// An office behind one address.
const ONE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 200, 0, 1);

/// What the desks of this process have seen since the last change.
#[derive(Default)]
struct Seen {
    on: RefCell<Vec<u64>>,
    /// Attempts that a listening gateway ended, or did not answer in time, by what was seen.
    refused: RefCell<BTreeMap<String, usize>>,
    /// Attempts while nobody listened.
    nobody: Cell<usize>,
    /// A dealer has a session with the gateway.
    dealer: Cell<bool>,
    /// Desks whose RFQ was quoted, since the beginning.
    quoted: Cell<usize>,
    /// When each desk had its first snapshot to the end.
    whole: RefCell<BTreeMap<usize, u64>>,
    /// Snapshots without a quote of the desk's RFQ.
    lacking: Cell<usize>,
    /// Quotes, those in snapshots included.
    quotes: Cell<usize>,
}

impl Seen {
    fn refused(&self, what: &str) {
        *self.refused.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    /// Before the change.
    fn forget(&self) {
        self.on.borrow_mut().clear();
        self.refused.borrow_mut().clear();
        self.whole.borrow_mut().clear();
        self.lacking.set(0);
        self.quotes.set(0);
    }
}

fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

struct Desk {
    number: usize,
    session: Rc<Session>,
    tls: TlsConnector,
    key: MessageKey,
    from: Ipv4Addr,
    at: SocketAddr,
    seen: Rc<Seen>,
    /// It has an RFQ.
    asks: bool,
    quoted: Cell<bool>,
    /// Quotes since the latest snapshot began.
    shown: Cell<usize>,
}

/// `what`: `network` (all connections are lost), `gateway` (it is killed and started again), `nat`
/// (as `network`, and all desks are behind one address), or `quotes` (as `network`, and some desks
/// have an RFQ with live quotes).
pub(super) fn run(what: &str, desks: usize) {
    raise_file_limit();
    let dir = tempfile::tempdir().expect("a folder");
    let pki = DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a CA");
    // Its runtime is made and ended outside of the desks' own.
    let street = (what == "quotes").then(|| Street::open(&pki, dir.path()));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let storm = storm(what, desks, dir.path(), &pki, street.as_ref());
    runtime.block_on(LocalSet::new().run_until(storm));
}

fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit up to the hard one");
}

async fn storm(what: &str, n: usize, dir: &Path, pki: &DevPki, street: Option<&Street>) {
    let at = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let config = configure(pki, dir, at, n, street.map(Street::address));
    let asking = street.map_or(0, |_| n.min(QUOTED_MAX));
    let mut gateway = Process::again("gateway", &config);
    wait_for(at);
    let before = memory(&gateway, "VmRSS:");
    let seen = Rc::new(Seen::default());
    let (change, changes) = watch::channel(0u32);
    let mut asks = Vec::new();
    for number in 0..n {
        let from = if what == "nat" { ONE_ADDRESS } else { own_network(number) };
        let desk = Desk { asks: number < asking, ..desk(pki, at, from, number, seen.clone()) };
        asks.extend(desk.asks.then(|| desk.session.clone()));
        tokio::task::spawn_local(live(desk, changes.clone()));
        while number + 1 > seen.on.borrow().len() + FIRST_STEP {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    all_on(&seen, n).await;
    all_quoted(&seen, &asks).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = memory(&gateway, "VmRSS:");
    seen.forget();
    let log_before = gateway_refusals(&config);
    let mut from = nanos();
    if what == "gateway" {
        drop(gateway);
        // While it is down the desks try again, as desks do.
        tokio::time::sleep(Duration::from_secs(3)).await;
        gateway = Process::again("gateway", &config);
        while TcpStream::connect(at).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        from = nanos();
        seen.refused.borrow_mut().clear();
    } else {
        change.send_replace(1);
    }
    all_on(&seen, n).await;
    let words = match asking {
        0 => format!("{n} desks, {what} back"),
        _ => {
            let words = format!("{n} desks, network back, {asking} quoted");
            all_whole(&seen, n).await;
            snapshots(&seen, &words, from);
            words
        }
    };
    let times: Vec<f64> = seen.on.borrow().iter().map(|at| ms(from, *at)).collect();
    let (refused, nobody) = (seen.refused.borrow().clone(), seen.nobody.get());
    let mut sheet = Sheet::new("FIXS", format!("{words}: until each is on"), n, None);
    sheet.push(times.into_iter());
    sheet.note(format!(
        "{}; attempts refused or unanswered: {} {refused:?} (while nobody listened: {nobody}); the \
            gateway logged {:?}; its memory: {before} kB with no desk, {idle} kB with all, {} kB \
            at most",
        yardstick(pki),
        refused.values().sum::<usize>(),
        since(&log_before, gateway_refusals(&config)),
        memory(&gateway, "VmHWM:")
    ));
}

/// What this machine's cryptography takes, measured alone: most of a logon is that, and machines
/// differ by more than changes of the gateway do.
fn yardstick(pki: &DevPki) -> String {
    const N: u32 = 2_000;
    let issued = pki.issue(&Order::desk("YARDSTICK")).expect("a certificate");
    let certified = issued.certified_key().expect("a key");
    let key = MessageKey::of(&certified).expect("a P-256 key");
    let leaf = certified.end_entity_cert().expect("a certificate");
    let public = MessagePublicKey::of_certificate(leaf).expect("a P-256 key");
    let began = Instant::now();
    let signatures: Vec<_> =
        (0..N).map(|n| key.sign(&n.to_be_bytes()).expect("a signature")).collect();
    let signed = began.elapsed() / N;
    let began = Instant::now();
    let good = (0..N).zip(&signatures).filter(|(n, s)| public.is_good(&n.to_be_bytes(), s)).count();
    assert_eq!(good, signatures.len());
    let verified = began.elapsed() / N;
    format!("one ES256 signature alone takes {signed:.1?} here, to verify it {verified:.1?}")
}

/// Warnings of the gateway by their code. A gateway that starts again begins a new log.
fn gateway_refusals(config: &Path) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(config.with_extension("log")).unwrap_or_default();
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|l| l.contains("WARN")) {
        let code = line.split("code=").nth(1).and_then(|c| c.split_whitespace().next());
        *all.entry(code.unwrap_or("other").replace('"', "")).or_insert(0) += 1;
    }
    all
}

fn since(
    before: &BTreeMap<String, usize>,
    mut after: BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    for (code, n) in &mut after {
        *n = n.saturating_sub(before.get(code).copied().unwrap_or(0));
    }
    after.retain(|_, n| *n > 0);
    after
}

async fn all_on(seen: &Seen, n: usize) {
    while seen.on.borrow().len() < n {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn all_whole(seen: &Seen, n: usize) {
    while seen.whole.borrow().len() < n {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Each of these desks asks, not all at once, and is quoted.
async fn all_quoted(seen: &Seen, asks: &[Rc<Session>]) {
    let began = Instant::now();
    for (n, session) in asks.iter().enumerate() {
        quoted(seen, (n + 1).saturating_sub(FIRST_STEP), began).await;
        session.send(&request(now())).expect("a desk that is on");
    }
    if !asks.is_empty() {
        quoted(seen, asks.len(), began).await;
    }
}

/// Until so many desks are quoted, and the gateway has a session with the dealer.
async fn quoted(seen: &Seen, least: usize, began: Instant) {
    while !seen.dealer.get() || seen.quoted.get() < least {
        let late = began.elapsed() > QUOTES_MAX;
        assert!(!late, "the dealer does not quote: {:?}", seen.refused.borrow());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The figures of the desks whose screens are up to date again.
fn snapshots(seen: &Seen, words: &str, from: u64) {
    let whole = seen.whole.borrow();
    let what = format!("{words}: until its snapshot is there");
    let mut sheet = Sheet::new("FIXS", what, whole.len(), None);
    sheet.push(whole.values().map(|at| ms(from, *at)));
    sheet.note(format!(
        "{} snapshots without a quote of the desk's RFQ; {} quotes arrived meanwhile",
        seen.lacking.get(),
        seen.quotes.get()
    ));
}

fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn memory(process: &Process, what: &str) -> u64 {
    let mut status = String::new();
    let path = format!("/proc/{}/status", process.id());
    let _ = fs::File::open(path).and_then(|mut f| f.read_to_string(&mut status));
    let line = status.lines().find_map(|l| l.strip_prefix(what)).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn name(n: usize) -> String {
    format!("DESK{n}")
}

/// A network (/24) of its own, as roaming laptops have.
fn own_network(number: usize) -> Ipv4Addr {
    let [a, b] = u16::try_from(number).unwrap_or(0).to_be_bytes();
    Ipv4Addr::new(127, 1 + a, b, 1)
}

fn desk(pki: &DevPki, at: SocketAddr, from: Ipv4Addr, number: usize, seen: Rc<Seen>) -> Desk {
    let issued = pki.issue(&Order::desk(&name(number))).expect("a certificate");
    let certified = issued.certified_key().expect("a key");
    let key = MessageKey::of(&certified).expect("a P-256 key");
    let tls = ClientProfile::new(pki.gateway_roots().expect("roots"), certified);
    let config = SessionConfig {
        role: Role::Initiator,
        sender: CompId::new(name(number)).expect("an id"),
        target: CompId::new(GATEWAY).expect("an id"),
        heartbeat_s: 30,
        strict: true,
    };
    let store = Box::new(MemoryStore::new(UtcMillis(0)));
    let options = SessionOptions::between_desk_and_gateway();
    let session = Rc::new(Session::open_with(&config, options, store).expect("a session"));
    let (asks, quoted, shown) = (false, Cell::new(false), Cell::new(0));
    let tls = tls.config().expect("a profile").into();
    Desk { number, session, tls, key, from, at, seen, asks, quoted, shown }
}

/// Connects, stays until something ends it, and connects again.
async fn live(desk: Desk, mut changes: watch::Receiver<u32>) {
    let mut attempt = 0u32;
    loop {
        let logged_on = match timeout(DIAL_MAX, dial(&desk)).await {
            Ok(Ok(stream)) => converse(&desk, stream, &mut changes).await.then_some(true),
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                desk.seen.nobody.set(desk.seen.nobody.get() + 1);
                None
            }
            Ok(Err(e)) => {
                desk.seen.refused(&format!("dial: {:?}", e.kind()));
                None
            }
            Err(_) => {
                desk.seen.refused("dial: no answer in time");
                None
            }
        };
        if logged_on == Some(true) {
            attempt = 0;
            continue;
        }
        attempt += 1;
        // A desk's own rule: 100 ms doubling to 2 s, with a spread.
        let spread = u64::try_from(desk.number * 7_919 % 250).unwrap_or(0);
        let base = (100u64 << (attempt - 1).min(6)).min(2_000);
        tokio::time::sleep(Duration::from_millis(base * (875 + spread) / 1_000)).await;
    }
}

async fn dial(desk: &Desk) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((desk.from, 0).into())?;
    let tcp = socket.connect(desk.at).await?;
    tcp.set_nodelay(true)?;
    let server = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
    desk.tls.connect(server, tcp).await
}

/// Whether the Logon was answered; also when the network is lost.
async fn converse(
    desk: &Desk,
    stream: TlsStream<TcpStream>,
    changes: &mut watch::Receiver<u32>,
) -> bool {
    let binding = channel_binding(stream.get_ref().1).expect("an exporter");
    let channel = Channel {
        binding: Binding::Required(BASE64.encode(binding)),
        signing: Some(signing(desk.key.clone(), every)),
        verification: None,
    };
    let session = &desk.session;
    let outbox = session.attach(channel).expect("attached");
    session.tick();
    let on = Cell::new(false);
    let mut framer = Framer::new();
    let pumping = pump(stream, &mut framer, session, &outbox, |e| match e {
        Event::LoggedOn => {
            on.set(true);
            desk.seen.on.borrow_mut().push(nanos());
        }
        Event::Message { message, .. } => told(desk, &message),
        _ => {}
    });
    let unanswered = async {
        tokio::time::sleep(DIAL_MAX).await;
        if on.get() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = pumping => if !on.get() { desk.seen.refused("logon: closed") },
        () = unanswered => desk.seen.refused("logon: no answer in time"),
        _ = changes.changed() => on.set(true),
    }
    if session.is_attached_to(&outbox) {
        session.detach();
        while session.next_event().is_some() {}
    }
    on.get()
}

/// What the gateway says to a desk.
fn told(desk: &Desk, message: &AppMessage) {
    let seen = &desk.seen;
    match message {
        AppMessage::VenueState(v) => seen.dealer.set(v.dealers.iter().any(|d| d.online)),
        AppMessage::Snapshot(SnapshotMark::Begin) => desk.shown.set(0),
        AppMessage::Snapshot(SnapshotMark::End) => {
            seen.whole.borrow_mut().entry(desk.number).or_insert_with(nanos);
            if desk.asks && desk.shown.get() == 0 {
                count(&seen.lacking);
            }
        }
        AppMessage::Quote(_) => {
            count(&seen.quotes);
            count(&desk.shown);
            if !desk.quoted.replace(true) {
                count(&seen.quoted);
            }
        }
        AppMessage::QuoteRequestReject(r) => seen.refused(&format!("request: {r:?}")),
        AppMessage::BusinessReject(r) => seen.refused(&format!("request: {r:?}")),
        _ => {}
    }
}

/// Without a dealer there is one that is never reached.
fn configure(
    pki: &DevPki,
    dir: &Path,
    at: SocketAddr,
    n: usize,
    dealer: Option<SocketAddr>,
) -> PathBuf {
    write_folder(pki, dir);
    let dealer = dealer.map_or_else(|| "localhost:1".to_owned(), |at| at.to_string());
    let mut text = format!(
        "[gateway]\nname = \"Storm\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\n\
         instruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{at}\"\ntrust = \"desks-ca.pem\"\nmax_connections = 10000\n\
         [dealers]\ntrust = \"dealers-ca.pem\"\n[risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [[dealer]]\ncomp_id = \"{DEALER}\"\nname = \"North Bank\"\naddress = \"{dealer}\"\n\
         server_name = \"localhost\"\n",
    );
    for i in 0..n {
        text += &format!("[[desk]]\ncomp_id = \"{}\"\n", name(i));
    }
    write(dir, "gateway.toml", &text)
}
