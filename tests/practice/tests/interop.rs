//! The desk's engine against FIX engines nobody here wrote, over mutual TLS: QuickFIX 1.15.1 on
//! OpenSSL (PyPI `quickfix-ssl`, TLS 1.2) and jspurefix (npm, TLS 1.3).
//!
//! They are installed by `scripts/interop-deps.sh` under the target folder, with the package index
//! and the registry this machine is set up for; without them these tests fail and say so.
#![cfg(unix)] // the script that installs them is a Unix one

#[path = "../../needs/ports.rs"]
mod ports;

use signet_devca::{DevPki, Issued, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::{QuoteMsg, QuoteRequest},
    pump::{Closed, pump},
    session::{Binding, Event, Meta, Role, SendError, Session, SessionConfig},
    store::{MemoryStore, SealedStore, SessionStore},
};
use signet_identity::{
    ClientProfile, CompId, PeerIdentity, Refusal, Stage, TlsVersions, TrustRoots, describe,
};
use signet_journal::StoreKey;
use signet_rfq::*;
use std::{
    cell::RefCell,
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};
use time::OffsetDateTime;
use tokio::{
    net::TcpStream,
    sync::Notify,
    task::{JoinHandle, LocalSet},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

const BUND: &str = "DE000BU2Z049";
const VENUE: &str = "VENUE";
const TRUST_DOMAIN: &str = "interop.signet.example";
const PATIENCE: Duration = Duration::from_secs(60);
const NOW: UtcMillis = UtcMillis(1_795_227_720_125);
const FAR: UtcMillis = UtcMillis(4_102_444_799_000);

#[derive(Clone, Copy)]
enum Engine {
    QuickFix,
    JsPureFix,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().into()
}

/// Installs the counterparties, once per process, and says where they are.
fn installed() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let out = Command::new(root().join("scripts/interop-deps.sh"))
            .stdin(Stdio::null())
            .output()
            .expect("scripts/interop-deps.sh starts");
        let words = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.success(),
            "the interoperability test needs its counterparties and \
            could not install them:\n{words}"
        );
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), PathBuf::from)
            .join("interop")
    })
}

/// Certificates of one test: of the venue, of the desk, and who trusts whom.
struct Keys {
    pki: DevPki,
    dir: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        Self {
            pki: DevPki::generate(TRUST_DOMAIN, OffsetDateTime::now_utc()).unwrap(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn desk(&self, name: &str) -> Issued {
        self.pki.issue(&Order::desk(name)).unwrap()
    }
}

/// A foreign acceptor in a process of its own.
struct Counterparty {
    child: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Counterparty {
    fn start(engine: Engine, keys: &Keys, desk: &str) -> Self {
        let order = Order::gateway(VENUE);
        // quickfix-ssl aborts on an elliptic-curve server key.
        let order = if matches!(engine, Engine::QuickFix) { order.with_rsa_key() } else { order };
        let files = keys.pki.issue(&order).unwrap().write_to(keys.dir.path(), "venue").unwrap();
        let roots = keys.pki.write_roots(keys.dir.path()).unwrap();
        // Neither engine can be asked which port it took.
        let port = ports::free_port();
        let place = installed();
        let scripts = root().join("tests/interop");
        let mut command = match engine {
            Engine::QuickFix => {
                let mut c = Command::new(place.join("python/bin/python"));
                c.arg(scripts.join("acceptor.py")).current_dir(keys.dir.path());
                c
            }
            Engine::JsPureFix => {
                let mut c = Command::new("node");
                c.arg(scripts.join("acceptor.js")).current_dir(place.join("node"));
                c
            }
        };
        command
            .arg(port.to_string())
            .arg(files.chain)
            .arg(files.key)
            .arg(roots.desks)
            .args([VENUE, desk]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the counterparty starts");
        let (tx, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|l| tx.send(l)));
        let c = Self { child, lines, port };
        c.says("ready");
        c
    }

    /// Waits for a line; what comes before it is passed over. It holds up the pump, so it is for
    /// what the counterparty must have seen already.
    fn says(&self, what: &str) {
        let mut seen = vec![];
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(l) if l == what => return,
                Ok(l) => seen.push(l),
                Err(e) => panic!("the counterparty never said {what:?} ({e}); it said {seen:?}"),
            }
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Counterparty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn session(desk: &str, store: Box<dyn SessionStore>) -> Rc<Session> {
    let config = SessionConfig {
        role: Role::Initiator,
        sender: CompId::new(desk).unwrap(),
        target: CompId::new(VENUE).unwrap(),
        heartbeat_s: 10,
        strict: false,
    };
    Rc::new(Session::open(&config, store).unwrap())
}

#[derive(Clone, Copy, PartialEq)]
enum Tls {
    /// The desk's profile as it is towards most venues: TLS 1.3.
    Default,
    /// As towards venues whose configuration allows TLS 1.2.
    Allow12,
    /// The same, without asking for the extended master secret (RFC 7627). The wheel of QuickFIX
    /// brings an OpenSSL of 2017 which does not know it. Only the channel binding needs it, and no
    /// venue without our gateway has that.
    Allow12WithoutEms,
}

/// The desk's TLS, as the link makes it.
async fn dial(
    port: u16,
    roots: TrustRoots,
    desk: &Issued,
    wanted: Tls,
) -> std::io::Result<TlsStream<TcpStream>> {
    let versions =
        if wanted == Tls::Default { TlsVersions::default() } else { TlsVersions::AllowTls12 };
    let mut tls = ClientProfile::new(roots, desk.certified_key().unwrap())
        .with_versions(versions)
        .config()
        .unwrap();
    Arc::make_mut(&mut tls).require_ems &= wanted != Tls::Allow12WithoutEms;
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    tcp.set_nodelay(true)?;
    let stream =
        TlsConnector::from(tls).connect(ServerName::try_from("localhost").unwrap(), tcp).await?;
    let peer =
        PeerIdentity::of_connection(stream.get_ref().1).expect("the venue states its identity");
    assert_eq!((peer.role, peer.comp_id.as_str()), (signet_identity::Role::Gateway, VENUE));
    Ok(stream)
}

/// A connection with a pump on it.
struct Wire {
    events: Rc<RefCell<Vec<Event>>>,
    changed: Rc<Notify>,
    task: JoinHandle<Closed>,
}

impl Wire {
    fn run(session: &Rc<Session>, stream: TlsStream<TcpStream>) -> Self {
        let (events, changed) = (Rc::new(RefCell::new(vec![])), Rc::new(Notify::new()));
        let outbox = session.attach(Binding::None).unwrap();
        session.tick();
        let (s, e, c) = (session.clone(), events.clone(), changed.clone());
        let task = tokio::task::spawn_local(async move {
            let mut framer = Framer::new();
            pump(stream, &mut framer, &s, &outbox, |event| {
                e.borrow_mut().push(event);
                c.notify_one();
            })
            .await
        });
        Self { events, changed, task }
    }

    /// The first event that `find` likes; it is taken out.
    async fn until<T>(&self, what: &str, find: impl Fn(&Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                let found = self
                    .events
                    .borrow()
                    .iter()
                    .enumerate()
                    .find_map(|(i, e)| find(e).map(|t| (i, t)));
                if let Some((i, t)) = found {
                    self.events.borrow_mut().remove(i);
                    return t;
                }
                self.changed.notified().await;
            }
        };
        timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("never: {what}; events {:?}", self.events.borrow()))
    }

    async fn logged_on(&self) {
        self.until("logged on", |e| matches!(e, Event::LoggedOn).then_some(())).await;
    }

    async fn quote(&self, id: &str) -> (QuoteMsg, Meta) {
        self.until(id, |e| match e {
            Event::Message { message: AppMessage::Quote(q), meta } if q.id.as_str() == id => {
                Some((q.clone(), meta.clone()))
            }
            _ => None,
        })
        .await
    }

    /// The network goes away without a word.
    async fn cut(self, session: &Session) {
        self.task.abort();
        let _ = self.task.await;
        session.detach();
    }

    async fn log_out(self, session: &Session) {
        session.logout("done");
        let closed = timeout(PATIENCE, self.task).await.expect("the Logout is answered").unwrap();
        assert!(matches!(closed, Closed::ByPeer | Closed::BySession | Closed::Io(_)), "{closed:?}");
        assert!(self.events.borrow().iter().any(|e| matches!(e, Event::LoggedOut { .. })));
    }
}

fn request(id: &str) -> AppMessage {
    AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(id).unwrap(),
        instrument: InstrumentId::new(BUND).unwrap(),
        isin: true,
        ask: Ask::Buy,
        quantity: "5000000".parse().unwrap(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("NORTHBANK").unwrap(), DealerId::new("EASTBANK").unwrap()],
        expires: FAR,
        at: NOW,
    })
}

fn expected(rfq: &str) -> QuoteMsg {
    let level = |price: &str, size: &str| {
        Some(Level { price: price.parse().unwrap(), size: size.parse().unwrap() })
    };
    QuoteMsg {
        legs: vec![],
        rfq: RfqId::new(rfq).unwrap(),
        id: QuoteId::new(format!("Q-{rfq}")).unwrap(),
        instrument: InstrumentId::new(BUND).unwrap(),
        dealer: None,
        bid: level("99.1", "5000000"),
        offer: level("99.135", "2500000"),
        valid_until: FAR,
        tradeable: true,
        at: NOW,
        qualifiers: Default::default(),
    }
}

fn memory() -> Box<dyn SessionStore> {
    Box::new(MemoryStore::new(NOW))
}

fn alone<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(what))
}

#[test]
fn quickfix_on_openssl_quotes_and_resumes_without_a_reset() {
    const DESK: &str = "DESK-QF";
    let keys = Keys::new();
    let desk = keys.desk(DESK);
    let mut venue = Counterparty::start(Engine::QuickFix, &keys, DESK);
    let path = keys.dir.path().join("venue.fix");
    let open = || {
        session(
            DESK,
            Box::new(SealedStore::open(&path, &StoreKey::new([7; 32]), NOW, false).unwrap()),
        )
    };
    alone(async {
        let port = venue.port;
        let connect =
            || dial(port, keys.pki.gateway_roots().unwrap(), &desk, Tls::Allow12WithoutEms);
        let s = open();
        let stream = connect().await.unwrap();
        let words = describe(stream.get_ref().1);
        assert!(words.starts_with("TLS 1.2") && words.contains("GCM"), "{words}");
        let wire = Wire::run(&s, stream);
        wire.logged_on().await;
        venue.says("logon 1 reset -");
        assert_eq!(s.send(&request("R1")), Ok(2));
        assert_eq!(wire.quote("Q-R1").await.0, expected("R1"));
        venue.says(&format!("rfq R1 {BUND} 1 5000000 EUR"));

        // The link drops; the venue quotes meanwhile. The next logon goes on at 3 and the gap is
        // filled.
        wire.cut(&s).await;
        venue.says("logged-out");
        venue.tell("quote Q-MISSED");
        venue.says("queued Q-MISSED");
        assert_eq!(s.send(&request("R-OFFLINE")), Err(SendError::NotLoggedOn));
        let wire = Wire::run(&s, connect().await.unwrap());
        wire.logged_on().await;
        venue.says("logon 3 reset -");
        let (missed, meta) = wire.quote("Q-MISSED").await;
        venue.says("resend-request 3");
        assert_eq!(missed.offer, expected("R1").offer);
        assert!(meta.poss_dup, "a resent message says so");
        wire.cut(&s).await;
        venue.says("logged-out");

        // The desk itself restarts, from its sealed store.
        drop(s);
        let s = open();
        let wire = Wire::run(&s, connect().await.unwrap());
        wire.logged_on().await;
        venue.says("logon 5 reset -");
        assert_eq!(s.send(&request("R2")), Ok(6));
        assert_eq!(wire.quote("Q-R2").await.0, expected("R2"));
        wire.log_out(&s).await;
        venue.says("logged-out");
    });
}

#[test]
fn quickfix_on_openssl_refuses_a_client_of_a_foreign_authority_and_the_desk_says_so() {
    const DESK: &str = "DESK-QF-FOREIGN";
    let keys = Keys::new();
    let stranger = Keys::new().desk(DESK);
    let venue = Counterparty::start(Engine::QuickFix, &keys, DESK);
    let refused = alone(dial(
        venue.port,
        keys.pki.gateway_roots().unwrap(),
        &stranger,
        Tls::Allow12WithoutEms,
    ));
    let why = Refusal::seen_by_client(&refused.unwrap_err(), Stage::Handshake);
    // Both authorities bear the same name, so OpenSSL finds one whose key does not fit.
    assert!(
        matches!(
            why,
            Refusal::ClientCertificateRefused { .. } | Refusal::ClientCertificateUnknownCa
        ),
        "{why:?}"
    );
}

#[test]
fn a_venue_on_a_tls_without_the_extended_master_secret_is_refused_in_words() {
    const DESK: &str = "DESK-QF-OLD";
    let keys = Keys::new();
    let desk = keys.desk(DESK);
    let venue = Counterparty::start(Engine::QuickFix, &keys, DESK);
    let refused = alone(dial(venue.port, keys.pki.gateway_roots().unwrap(), &desk, Tls::Allow12));
    assert_eq!(
        Refusal::seen_by_client(&refused.unwrap_err(), Stage::Handshake),
        Refusal::NoCommonSuite
    );
}

#[test]
fn jspurefix_quotes_over_tls_13() {
    const DESK: &str = "DESK-JS";
    let keys = Keys::new();
    let desk = keys.desk(DESK);
    let venue = Counterparty::start(Engine::JsPureFix, &keys, DESK);
    alone(async {
        let s = session(DESK, memory());
        let stream =
            dial(venue.port, keys.pki.gateway_roots().unwrap(), &desk, Tls::Default).await.unwrap();
        let words = describe(stream.get_ref().1);
        assert!(words.starts_with("TLS 1.3"), "{words}");
        let wire = Wire::run(&s, stream);
        wire.logged_on().await;
        venue.says("logged-on");
        assert_eq!(s.send(&request("R1")), Ok(2));
        assert_eq!(wire.quote("Q-R1").await.0, expected("R1"));
        venue.says(&format!("rfq R1 {BUND} 1 5000000 EUR"));
        wire.log_out(&s).await;
        venue.says("stopped");
    });
}

#[test]
fn jspurefix_and_the_desk_refuse_each_others_foreign_authorities() {
    const DESK: &str = "DESK-JS-FOREIGN";
    let (keys, other) = (Keys::new(), Keys::new());
    let stranger = other.desk(DESK);
    let venue = Counterparty::start(Engine::JsPureFix, &keys, DESK);
    alone(async {
        // TLS 1.3: the client is done before the server has looked. Node then hangs up without an
        // alert.
        let s = session(DESK, memory());
        let stream = dial(venue.port, keys.pki.gateway_roots().unwrap(), &stranger, Tls::Default)
            .await
            .unwrap();
        let wire = Wire::run(&s, stream);
        let closed = timeout(PATIENCE, wire.task).await.expect("the connection ends").unwrap();
        assert!(matches!(closed, Closed::Io(_) | Closed::ByPeer), "{closed:?}");
        assert!(!wire.events.borrow().contains(&Event::LoggedOn));

        let desk = keys.desk(DESK);
        let refused =
            dial(venue.port, other.pki.gateway_roots().unwrap(), &desk, Tls::Default).await;
        assert_eq!(
            Refusal::seen_by_client(&refused.unwrap_err(), Stage::Handshake),
            Refusal::UnknownCa
        );
    });
}
