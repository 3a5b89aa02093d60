//! Thousands of desks that come back at once: each with its own certificate and FIX session,
//! signing, over TLS; from networks of their own, or all from one address.

use super::sheet::Sheet;
use crate::{
    firm::{DEALER, DOMAIN, GATEWAY, Process, wait_for, write, write_folder},
    talk::nanos,
    world::ms,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_desk_core::signing::signing;
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    pump::pump,
    session::{Binding, Channel, Event, Role, Session, SessionConfig},
    signature::every,
    store::MemoryStore,
};
use signet_identity::{ClientProfile, CompId, MessageKey, channel_binding};
use signet_rfq::UtcMillis;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
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
}

impl Seen {
    fn refused(&self, what: &str) {
        *self.refused.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }
}

struct Desk {
    number: usize,
    session: Rc<Session>,
    tls: TlsConnector,
    key: MessageKey,
    from: Ipv4Addr,
    at: SocketAddr,
    seen: Rc<Seen>,
}

/// `what`: `network` (all connections are lost), `gateway` (it is killed and started again), or
/// `nat` (as `network`, and all desks are behind one address).
pub(super) fn run(what: &str, desks: usize) {
    raise_file_limit();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(LocalSet::new().run_until(storm(what, desks)));
}

fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit up to the hard one");
}

async fn storm(what: &str, n: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let pki = DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a CA");
    let at = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let config = configure(&pki, dir.path(), at, n);
    let mut gateway = Process::again("gateway", &config);
    wait_for(at);
    let before = memory(&gateway, "VmRSS:");
    let seen = Rc::new(Seen::default());
    let (change, changes) = watch::channel(0u32);
    for number in 0..n {
        let from = if what == "nat" { ONE_ADDRESS } else { own_network(number) };
        let desk = desk(&pki, at, from, number, seen.clone());
        tokio::task::spawn_local(live(desk, changes.clone()));
        while number + 1 > seen.on.borrow().len() + FIRST_STEP {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    all_on(&seen, n).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = memory(&gateway, "VmRSS:");
    seen.on.borrow_mut().clear();
    seen.refused.borrow_mut().clear();
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
    let times: Vec<f64> = seen.on.borrow().iter().map(|at| ms(from, *at)).collect();
    let (refused, nobody) = (seen.refused.borrow().clone(), seen.nobody.get());
    let mut sheet =
        Sheet::new("FIXS", format!("{n} desks, {what} back: until each is on"), n, None);
    sheet.push(times.into_iter());
    sheet.note(format!(
        "attempts refused or unanswered: {} {refused:?} (while nobody listened: {nobody}); the \
            gateway logged {:?}; its memory: {before} kB with no desk, {idle} kB with all, {} kB \
            at most",
        refused.values().sum::<usize>(),
        since(&log_before, gateway_refusals(&config)),
        memory(&gateway, "VmHWM:")
    ));
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
    let session = Rc::new(Session::open(&config, store).expect("a session"));
    Desk { number, session, tls: tls.config().expect("a profile").into(), key, from, at, seen }
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
    let pumping = pump(stream, &mut framer, session, &outbox, |e| {
        if matches!(e, Event::LoggedOn) {
            on.set(true);
            desk.seen.on.borrow_mut().push(nanos());
        }
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

fn configure(pki: &DevPki, dir: &Path, at: SocketAddr, n: usize) -> PathBuf {
    write_folder(pki, dir);
    let mut text = format!(
        "[gateway]\nname = \"Storm\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\n\
         instruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{at}\"\ntrust = \"desks-ca.pem\"\nmax_connections = 10000\n\
         [dealers]\ntrust = \"dealers-ca.pem\"\n[risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [[dealer]]\ncomp_id = \"{DEALER}\"\nname = \"Nobody\"\naddress = \"localhost:1\"\n",
    );
    for i in 0..n {
        text += &format!("[[desk]]\ncomp_id = \"{}\"\n", name(i));
    }
    write(dir, "gateway.toml", &text)
}
