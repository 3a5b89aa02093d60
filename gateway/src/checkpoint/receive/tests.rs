//! The receiver over real TLS, with the publisher of the other gateway where that is possible.

use super::{
    test_logs::{HONEST, leaves, proof},
    *,
};
use crate::{
    checkpoint::{
        ProofSource, Target, Witness, checkpoints_in,
        publish::keep_up,
        thread::{Signed, latest},
    },
    config::{Address, ReceivePeer},
    events::Outlet,
    signed::{Kept, Party, SignedLog},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use signet_devca::{DevPki, Order};
use signet_events::Event;
use signet_identity::{ClientProfile, Role, ServerProfile, TrustRoots};
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_tlog::{
    Checkpoint, Hash,
    note::SignerKey,
    root_of,
    witness::{AddCheckpoint, BODY_LEN_MAX},
};
use std::{
    cell::RefCell,
    fs,
    sync::{Mutex, PoisonError},
};
use time::OffsetDateTime;
use tokio::{
    net::TcpStream,
    sync::watch,
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

const ORIGIN: &str = "bank.example/GW1/evidence";

/// Longer than any machine needs, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Codes of events, in their order.
#[derive(Default)]
struct Seen(Mutex<Vec<&'static str>>);

impl Outlet for Seen {
    fn take(&self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.code);
    }
}

impl Seen {
    /// Those that came since this was asked last.
    fn taken(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The firm's certificates, the receiver's folder, and what it says.
struct Scene {
    pki: DevPki,
    folder: tempfile::TempDir,
    seen: Arc<Seen>,
    metrics: Arc<Metrics>,
    /// The one that was started last.
    receiver: RefCell<Option<Rc<Receiver>>>,
}

fn signer(seed: u8) -> SignerKey {
    SignerKey::new(ORIGIN, &Zeroizing::new([seed; 32])).unwrap()
}

/// A log with other records from 3 on.
const OTHER: u64 = 3;

/// A checkpoint of so many records of a log, with the key of this seed.
fn note_of(seed: u8, size: u64, log: u64) -> String {
    signed_at_time("20261121-12:00:00.000", seed, size, log)
}

fn signed_at_time(time: &str, seed: u8, size: u64, log: u64) -> String {
    let extensions = vec![format!("time {time}")];
    let root = root_of(&leaves(log, size));
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root, extensions };
    checkpoint.sign(&signer(seed)).unwrap()
}

fn note(size: u64, log: u64) -> String {
    note_of(9, size, log)
}

/// What is sent of a log to whoever has the checkpoint over `old` records of it.
fn body_of(note: &str, log: u64, (old, size): (u64, u64)) -> Vec<u8> {
    AddCheckpoint { old, proof: proof(log, old, size), note: note.as_bytes() }.to_body()
}

fn body(log: u64, (old, size): (u64, u64)) -> Vec<u8> {
    body_of(&note(size, log), log, (old, size))
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

impl Scene {
    fn new() -> Self {
        Self {
            pki: DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            seen: Arc::default(),
            metrics: Metrics::new(std::iter::empty()),
            receiver: RefCell::default(),
        }
    }

    fn peer(&self) -> PathBuf {
        self.folder.path().join("GW1")
    }

    /// A start of the receiver; its port.
    async fn starts(&self) -> u16 {
        // Desks' certificates lead to an authority that is trusted here, so that roles are told
        // apart by the receiver and not by TLS.
        let roots = [Role::Gateway, Role::Desk].map(|role| self.pki.root(role).clone());
        let order = Order::gateway("SIGNET").with_dns(["localhost"]);
        let shown = self.pki.issue(&order).unwrap().certified_key().unwrap();
        let peer = |comp_id: &str, key: &SignerKey| ReceivePeer {
            comp_id: comp_id.parse().unwrap(),
            key: key.verifier().to_string(),
            trust_domain: None,
        };
        let other = SignerKey::new("bank.example/GW2/evidence", &Zeroizing::new([8; 32])).unwrap();
        let plan = ReceivePlan {
            section: ReceiveSection {
                listen: "127.0.0.1:0".parse().unwrap(),
                trust: "unused".into(),
                folder: None,
                max_silence_minutes: 60,
                peer: vec![peer("GW1", &signer(9)), peer("GW2", &other)],
            },
            folder: self.folder.path().into(),
            tls: ServerProfile::new(TrustRoots::new(roots).unwrap(), shown).config().unwrap(),
            trust_domain: "bank.example".into(),
            events: EventSink::new(None, Some(self.seen.clone())),
            metrics: self.metrics.clone(),
        };
        let (listener, address, receiver) = open(plan).await.unwrap();
        spawn_local(https::serve(listener, receiver.clone()));
        self.receiver.replace(Some(receiver));
        address.port()
    }

    /// How somebody with such a certificate connects.
    fn client(&self, order: &Order) -> Arc<ClientConfig> {
        let shown = self.pki.issue(order).unwrap().certified_key().unwrap();
        ClientProfile::new(self.pki.gateway_roots().unwrap(), shown).config().unwrap()
    }

    fn gw1(&self) -> Arc<ClientConfig> {
        self.client(&Order::gateway("GW1"))
    }

    fn newest(&self) -> Option<(u64, Hash)> {
        let path = self.peer().join("latest.checkpoint");
        let newest = latest(&path, signer(9).verifier()).unwrap()?;
        Some((newest.size, newest.root))
    }

    /// Size of the newest one, which must be of the honest log.
    fn size(&self) -> Option<u64> {
        let (size, root) = self.newest()?;
        assert_eq!(root, root_of(&leaves(HONEST, size)));
        Some(size)
    }
}

/// One request on a connection of its own; status, content type and body of the answer.
async fn ask(
    port: u16,
    tls: &Arc<ClientConfig>,
    (method, path): (Method, &str),
    body: impl Into<Bytes>,
) -> (u16, String, String) {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(tls.clone()).connect(name, tcp).await.unwrap();
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(tls)).await.unwrap();
    let connection = spawn_local(connection);
    let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
    let request = request.body(Full::new(body.into())).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let kind = head.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    connection.abort();
    (head.status.as_u16(), kind, body)
}

/// Where checkpoints of this log are sent.
const CALL_GW1: &str = "/checkpoints/GW1/add-checkpoint";

/// The status of the answer.
async fn add(port: u16, tls: &Arc<ClientConfig>, body: impl Into<Bytes>) -> u16 {
    ask(port, tls, (Method::POST, CALL_GW1), body).await.0
}

/// A log on disk, as a gateway keeps it.
struct Log {
    source: Arc<ProofSource>,
    log: SignedLog,
    _dir: tempfile::TempDir,
}

impl Log {
    /// The records of logs with different names differ.
    fn new(name: &str, records: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (folder, key) = (dir.path().join("signed"), || StoreKey::new([5; 32]));
        let log = SignedLog::open(&folder, &key(), UtcMillis(0), false).unwrap();
        let source = Arc::new(ProofSource { folder, key: key() });
        let mut log = Self { source, log, _dir: dir };
        (0..records).for_each(|_| log.grows(name));
        log
    }

    fn grows(&mut self, name: &str) {
        let certificate = CertificateDer::from(b"certificate".to_vec());
        let (at, party, id, frame) = (UtcMillis(0), Party::Desk, "ALICE", name.as_bytes());
        self.log.keep(&Kept { at, party, id, certificate: &certificate, frame }).unwrap();
    }

    /// The checkpoint as of now.
    fn signed(&self) -> Signed {
        let (tree, _) = self.log.tree();
        let (size, root, extensions) = (tree.size(), tree.root(), Vec::new());
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root, extensions };
        Signed { at: UtcMillis(0), size, note: checkpoint.sign(&signer(9)).unwrap() }
    }

    fn witness(&self, scene: &Scene, port: u16) -> Witness {
        let address = format!("https://localhost:{port}{CALL_GW1}");
        Witness::new(Address::read(&address).unwrap(), scene.gw1(), self.source.clone())
    }
}

#[test]
fn a_gateway_publishes_to_another_gateway_over_mutual_tls_and_proves_each_step() {
    let scene = Scene::new();
    let mut log = Log::new("one", 3);
    let first = log.signed().size;
    run(async {
        let port = scene.starts().await;
        let newest = watch::Sender::new(None);
        let target = Target::Witness(log.witness(&scene, port));
        let publisher = spawn_local(keep_up(target, newest.subscribe(), EventSink::default()));
        for _ in 0..3 {
            let signed = log.signed();
            let size = signed.size;
            newest.send_replace(Some(signed));
            let came = async {
                while scene.newest().map(|(size, _)| size) != Some(size) {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(PATIENCE, came).await.expect("it comes");
            log.grows("two");
        }
        drop(newest);
        publisher.await.unwrap();
        // A publisher that starts learns what is held, and proves from there.
        log.witness(&scene, port).give(&log.signed()).await.unwrap();
        // One with a log that was rewritten finds no way, whatever its size.
        for (records, words) in [(6, "rewritten"), (9, "422"), (2, "cut off")] {
            let other = Log::new("other", records);
            let why = other.witness(&scene, port).give(&other.signed()).await.unwrap_err();
            assert!(why.to_string().contains(words), "{records}: {why}");
        }
    });
    let size = scene.newest().unwrap().0;
    assert_eq!(size, first + 3);
    // `journal verify --checkpoint` takes all of them: the newest, and each in the folder of its
    // day; those that were refused are evidence.
    let kept = checkpoints_in(&scene.peer(), signer(9).verifier()).unwrap();
    assert_eq!(kept.len(), 1 + 4 + 3);
    assert_eq!(
        scene.seen.taken(),
        [
            "checkpoint.received_first",
            "checkpoint.fork",
            "checkpoint.inconsistent",
            "checkpoint.rollback",
        ]
    );
    let told = scene.metrics.checkpoints.all();
    let told: Vec<_> = told.iter().map(|(g, size, at)| (g.as_str(), *size, at.0 > 0)).collect();
    assert_eq!(told, [("GW1", size, true), ("GW2", 0, false)]);
}

/// C2SP tlog-witness, `add-checkpoint`, clause by clause, but for the body of the answer 200.
#[test]
fn the_answers_are_those_of_a_witness_that_does_not_cosign() {
    let scene = Scene::new();
    run(async {
        let (port, gw1) = (scene.starts().await, scene.gw1());
        let sent = async |body: Vec<u8>| ask(port, &gw1, (Method::POST, CALL_GW1), body).await;
        let size = |status, size: &str| (status, "text/x.tlog.size".to_owned(), size.to_owned());
        // "or zero if it never cosigned a checkpoint for that origin"
        assert_eq!(sent(body(HONEST, (3, 7))).await, size(409, "0\n"));
        // "The proof MUST be empty if the old size is zero."
        let proof = proof(HONEST, 3, 7);
        let note_7 = note(7, HONEST);
        let early = AddCheckpoint { old: 0, proof, note: note_7.as_bytes() }.to_body();
        assert_eq!(sent(early).await.0, 422);
        assert_eq!(scene.newest(), None);
        // "If all the checks above pass, the witness MUST update its record ... 200"
        let taken = (200, "text/plain; charset=utf-8".to_owned(), String::new());
        assert_eq!(sent(body(HONEST, (0, 7))).await, taken);
        assert_eq!(scene.size(), Some(7));
        // "it MAY initially make a request with a old size of zero to obtain it"
        assert_eq!(sent(body(HONEST, (0, 9))).await, size(409, "7\n"));
        assert_eq!(sent(body(HONEST, (7, 9))).await.0, 200);
        assert_eq!(sent(body(HONEST, (9, 9))).await.0, 200);
        // "MUST check that the old size matches the size of the latest checkpoint"
        assert_eq!(sent(body(HONEST, (7, 12))).await, size(409, "9\n"));
        // "The old size MUST be equal to or lower than the checkpoint size. Otherwise ... 400"
        assert_eq!(sent(body(HONEST, (13, 12))).await.0, 400);
        // "If the Merkle Consistency Proof doesn't verify ... 422"
        assert_eq!(sent(body(OTHER, (9, 12))).await.0, 422);
        let note_12 = note(12, HONEST);
        let bare = AddCheckpoint { old: 9, proof: vec![], note: note_12.as_bytes() }.to_body();
        assert_eq!(sent(bare).await.0, 422);
        // "MUST check that the root hashes are also identical ... 409"
        assert_eq!(sent(body(OTHER, (9, 9))).await, size(409, "9\n"));
        // "If the checkpoint origin is unknown ... 404"
        let other = SignerKey::new("bank.example/GW9/evidence", &Zeroizing::new([9; 32])).unwrap();
        let origin = other.verifier().name().to_owned();
        let (root, extensions) = (root_of(&leaves(HONEST, 12)), Vec::new());
        let of_other = Checkpoint { origin, size: 12, root, extensions }.sign(&other).unwrap();
        assert_eq!(sent(body_of(&of_other, HONEST, (9, 12))).await.0, 404);
        // "If none of the signatures verify against a trusted public key ... 403"
        assert_eq!(sent(body_of(&note_of(7, 12, HONEST), HONEST, (9, 12))).await.0, 403);
        let forged = note(12, HONEST).replace("12:00:00", "12:00:01");
        assert_eq!(sent(body_of(&forged, HONEST, (9, 12))).await.0, 403);
        // "it MUST ignore signatures from unknown keys"
        let theirs = note_of(7, 12, HONEST);
        let line = theirs.rsplit_once("\n\n").unwrap().1;
        let both = format!("{}{line}", note(12, HONEST));
        assert_eq!(sent(body_of(&both, HONEST, (9, 12))).await.0, 200);
        // The form of the body.
        let alone = note(13, HONEST);
        for bad in ["", "x", "old 12\n", alone.as_str(), "old 012\n\n"] {
            assert_eq!(sent(bad.as_bytes().to_vec()).await.0, 400, "{bad:?}");
        }
    });
    assert_eq!(scene.size(), Some(12));
}

#[test]
fn what_contradicts_is_refused_kept_and_told_once_also_after_a_restart() {
    let scene = Scene::new();
    run(async {
        let gw1 = scene.gw1();
        let port = scene.starts().await;
        assert_eq!(add(port, &gw1, body(HONEST, (0, 9))).await, 200);
        assert_eq!(add(port, &gw1, body(HONEST, (9, 9))).await, 200);
        assert_eq!(scene.seen.taken(), ["checkpoint.received_first"]);
        // Another port: the receiver started again, and has only the files.
        for port in [port, scene.starts().await] {
            for (log, old, size, status, code) in [
                (OTHER, 9, 9, 409, "checkpoint.fork"),
                (OTHER, 0, 9, 409, "checkpoint.fork"),
                (HONEST, 8, 8, 409, "checkpoint.rollback"),
                (OTHER, 9, 12, 422, "checkpoint.inconsistent"),
            ] {
                // A publisher that is refused tries again.
                for _ in 0..3 {
                    assert_eq!(add(port, &gw1, body(log, (old, size))).await, status, "{code}");
                }
                // What was told last is not told again.
                let told = scene.seen.taken();
                let again = (log, old, size) == (OTHER, 0, 9);
                assert_eq!(told, if again { vec![] } else { vec![code] }, "{code}");
                assert_eq!(scene.size(), Some(9));
            }
            // No contradiction: how a publisher learns what is held.
            assert_eq!(add(port, &gw1, body(HONEST, (0, 12))).await, 409);
            assert_eq!(scene.seen.taken(), Vec::<&str>::new());
        }
        assert_eq!(add(port, &gw1, body(HONEST, (9, 10))).await, 200);
    });
    let evidence: Vec<_> = fs::read_dir(scene.peer().join("refused")).unwrap().collect();
    assert_eq!(evidence.len(), 3);
    let kept = checkpoints_in(&scene.peer().join("refused"), signer(9).verifier()).unwrap();
    let mut kept: Vec<_> = kept.iter().map(|(_, c)| c.size).collect();
    kept.sort_unstable();
    assert_eq!(kept, [8, 9, 12]);
}

/// A gateway that stops sending is told once, and once more when it is heard.
#[test]
fn a_gateway_that_is_silent_is_told_once_until_it_is_heard() {
    let scene = Scene::new();
    run(async {
        let (port, gw1) = (scene.starts().await, scene.gw1());
        let silent = |gateway: &str| scene.metrics.checkpoints.silent(gateway);
        let looks = |max| scene.receiver.borrow().as_ref().unwrap().look_for_silence(max);
        looks(Duration::from_secs(3_600));
        assert_eq!(scene.seen.taken(), Vec::<&str>::new());
        // So long that everybody is too late, and nobody.
        looks(Duration::ZERO);
        assert_eq!(scene.seen.taken(), ["checkpoint.silent"; 2], "GW1 and GW2");
        looks(Duration::ZERO);
        assert_eq!(scene.seen.taken(), Vec::<&str>::new(), "once");
        assert!(silent("GW1") && silent("GW2"));
        // What is refused breaks no silence.
        assert_eq!(add(port, &gw1, body(HONEST, (3, 7))).await, 409);
        assert_eq!(add(port, &gw1, "x").await, 400);
        assert_eq!(scene.seen.taken(), ["checkpoint.refused"]);
        assert!(silent("GW1"));
        assert_eq!(add(port, &gw1, body(HONEST, (0, 7))).await, 200);
        assert_eq!(scene.seen.taken(), ["checkpoint.received_first", "checkpoint.heard"]);
        assert!(!silent("GW1") && silent("GW2"));
        // Whoever saw the one that is held can send it. Only the key signs it later.
        looks(Duration::ZERO);
        assert_eq!(scene.seen.taken(), ["checkpoint.silent"]);
        let before = scene.metrics.checkpoints.all();
        sleep(Duration::from_millis(5)).await;
        assert_eq!(add(port, &gw1, body(HONEST, (7, 7))).await, 200);
        assert_eq!(scene.seen.taken(), Vec::<&str>::new(), "a replay ends no silence");
        assert!(silent("GW1"));
        assert_eq!(scene.metrics.checkpoints.all(), before, "nor does it look new");
        let later = signed_at_time("20261121-12:10:00.000", 9, 7, HONEST);
        let later = body_of(&later, HONEST, (7, 7));
        assert_eq!(add(port, &gw1, later.clone()).await, 200);
        assert_eq!(scene.seen.taken(), ["checkpoint.heard"]);
        assert_ne!(scene.metrics.checkpoints.all(), before);
        // That one is the held one now, also for a receiver that starts.
        looks(Duration::ZERO);
        for port in [port, scene.starts().await] {
            scene.seen.taken();
            for replayed in [later.clone(), body(HONEST, (7, 7))] {
                assert_eq!(add(port, &gw1, replayed).await, 200);
                assert_eq!(scene.seen.taken(), Vec::<&str>::new());
            }
        }
    });
}

/// Whoever stops the checkpoints of a gateway must not have to wait for a restart here only.
#[test]
fn a_silence_goes_on_over_a_restart_of_the_receiver() {
    let scene = Scene::new();
    run(async {
        let (port, gw1) = (scene.starts().await, scene.gw1());
        assert_eq!(add(port, &gw1, body(HONEST, (0, 7))).await, 200);
        let hour = Duration::from_secs(3_600);
        let newest = scene.peer().join("latest.checkpoint");
        let newest = fs::OpenOptions::new().write(true).open(newest).unwrap();
        newest.set_modified(std::time::SystemTime::now() - 2 * hour).unwrap();
        drop(newest);
        scene.seen.taken();
        scene.starts().await;
        let looks = |max| scene.receiver.borrow().as_ref().unwrap().look_for_silence(max);
        looks(3 * hour);
        assert_eq!(scene.seen.taken(), Vec::<&str>::new());
        looks(hour);
        assert_eq!(scene.seen.taken(), ["checkpoint.silent"], "GW1; of GW2 nothing ever came");
        let silent = |gateway: &str| scene.metrics.checkpoints.silent(gateway);
        assert!(silent("GW1") && !silent("GW2"));
    });
}

/// The publisher's side: what a second party says of an earlier size is told before it is followed.
#[test]
fn a_second_party_that_lost_checkpoints_is_told_and_then_given_a_proof() {
    let scene = Scene::new();
    let mut log = Log::new("one", 3);
    run(async {
        let port = scene.starts().await;
        let witness = log.witness(&scene, port);
        let early = log.signed();
        witness.give(&early).await.unwrap();
        log.grows("two");
        witness.give(&log.signed()).await.unwrap();
        // It is as it was before.
        fs::remove_dir_all(scene.peer()).unwrap();
        log.witness(&scene, port).give(&early).await.unwrap();
        log.grows("three");
        let why = witness.give(&log.signed()).await.unwrap_err();
        assert!(why.is_costly(), "{why}");
        assert!(why.to_string().contains("it lost checkpoints"), "{why}");
        assert_eq!(scene.newest().unwrap().0, early.size);
        witness.give(&log.signed()).await.unwrap();
    });
    assert_eq!(scene.newest().unwrap().0, log.signed().size);
}

#[test]
fn who_is_not_the_gateway_of_the_log_or_has_not_its_key_changes_nothing() {
    let scene = Scene::new();
    run(async {
        let port = scene.starts().await;
        let gw1 = scene.gw1();
        assert_eq!(add(port, &gw1, body(HONEST, (0, 9))).await, 200);
        scene.seen.taken();
        let other_firm = Order::gateway("GW1").with_uri("spiffe://other.example/gateway/GW1");
        let long = vec![b'x'; BODY_LEN_MAX + 1];
        let good = body(HONEST, (9, 10));
        let other_key = body_of(&note_of(7, 10, HONEST), HONEST, (9, 10));
        let gateway = |name: &str| Order::gateway(name);
        for (what, order, method, path, body, status) in [
            ("another role", Order::desk("GW1"), "POST", "GW1/", good.clone(), 403),
            ("another firm", other_firm, "POST", "GW1/", good.clone(), 403),
            ("nobody's", gateway("GW3"), "POST", "GW1/", good.clone(), 403),
            ("another's log", gateway("GW2"), "POST", "GW1/", good.clone(), 404),
            ("of another log", gateway("GW2"), "POST", "GW2/", good.clone(), 404),
            ("another key", gateway("GW1"), "POST", "GW1/", other_key, 403),
            ("no body", gateway("GW1"), "POST", "GW1/", Vec::new(), 400),
            ("a note alone", gateway("GW1"), "POST", "GW1/", note(10, HONEST).into(), 400),
            ("too long", gateway("GW1"), "POST", "GW1/", long, 413),
            ("to read", gateway("GW1"), "GET", "GW1/", Vec::new(), 405),
            ("as before", gateway("GW1"), "PUT", "GW1/", good.clone(), 405),
            ("upwards", gateway("GW1"), "POST", "GW1/../GW2/", good.clone(), 404),
            ("no log", gateway("GW1"), "POST", "", good.clone(), 404),
        ] {
            let client = scene.client(&order);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let path = format!("/checkpoints/{path}add-checkpoint");
            assert_eq!(ask(port, &client, (method, path.as_str()), body).await.0, status, "{what}");
            assert_eq!(scene.seen.taken(), ["checkpoint.refused"], "{what}");
            assert_eq!(scene.size(), Some(9), "{what}");
        }
        // By its origin.
        let path = format!("/checkpoints/{ORIGIN}/add-checkpoint");
        assert_eq!(ask(port, &gw1, (Method::POST, path.as_str()), good).await.0, 200);
    });
    let mut folders: Vec<_> = fs::read_dir(scene.folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, ["GW1"], "a peer makes no folder but its own");
}

#[test]
fn a_flood_of_one_gateway_is_stopped_and_another_gets_in() {
    let scene = Scene::new();
    run(async {
        let port = scene.starts().await;
        let gw1 = scene.gw1();
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(gw1.clone()).connect(name, tcp).await.unwrap();
        let (mut sender, connection) =
            http1::handshake::<_, Full<Bytes>>(TokioIo::new(tls)).await.unwrap();
        spawn_local(connection);
        let mut last = 0;
        // Good ones, so that the connection stays open. The clock says how many get through.
        for _ in 0..5_000 {
            let old = if last == 0 { 0 } else { 9 };
            let request = Request::post(CALL_GW1).header(HOST, "localhost");
            let request = request.body(Full::new(body(HONEST, (old, 9)).into())).unwrap();
            sender.ready().await.unwrap();
            let answer = sender.send_request(request).await.unwrap();
            last = answer.status().as_u16();
            answer.into_body().collect().await.unwrap();
            if last == 429 {
                break;
            }
        }
        assert_eq!(last, 429);
        let gw2 = scene.client(&Order::gateway("GW2"));
        let request = (Method::POST, "/checkpoints/GW2/add-checkpoint");
        assert_eq!(ask(port, &gw2, request, "x").await.0, 400, "it has a budget of its own");
    });
    assert_eq!(scene.size(), Some(9));
}

#[test]
fn files_that_cannot_be_used_stop_their_gateway_until_they_are_in_order() {
    let scene = Scene::new();
    let newest = scene.peer().join("latest.checkpoint");
    run(async {
        let gw1 = scene.gw1();
        let port = scene.starts().await;
        assert_eq!(add(port, &gw1, body(HONEST, (0, 9))).await, 200);
        let good = fs::read(&newest).unwrap();
        fs::write(&newest, "damaged").unwrap();
        scene.seen.taken();
        let port = scene.starts().await;
        assert_eq!(scene.seen.taken(), ["checkpoint.unkept"]);
        assert_eq!(add(port, &gw1, body(HONEST, (9, 10))).await, 503);
        assert_eq!(scene.seen.taken(), ["checkpoint.unkept"]);
        fs::write(&newest, good).unwrap();
        assert_eq!(add(port, &gw1, body(OTHER, (9, 9))).await, 409);
        assert_eq!(add(port, &gw1, body(HONEST, (9, 10))).await, 200);
        // The folder of a log that was restored from a backup is moved away: it begins once more.
        scene.seen.taken();
        let aside = scene.folder.path().join("GW1.before");
        fs::rename(scene.peer(), aside).unwrap();
        assert_eq!(add(port, &gw1, body(HONEST, (10, 11))).await, 409);
        assert_eq!(add(port, &gw1, body(HONEST, (0, 4))).await, 200);
        assert_eq!(scene.seen.taken(), ["checkpoint.received_first"]);
    });
    assert_eq!(scene.size(), Some(4));
}

#[test]
fn a_thread_takes_them_and_ends_when_it_is_dropped() {
    let scene = Scene::new();
    let order = Order::gateway("SIGNET");
    let shown = scene.pki.issue(&order).unwrap().certified_key().unwrap();
    let roots = scene.pki.gateway_roots().unwrap();
    let plan = |listen: &str| ReceivePlan {
        section: ReceiveSection {
            listen: listen.parse().unwrap(),
            trust: "unused".into(),
            folder: None,
            max_silence_minutes: 60,
            peer: Vec::new(),
        },
        folder: scene.folder.path().join("below/it"),
        tls: ServerProfile::new(roots.clone(), shown.clone()).config().unwrap(),
        trust_domain: "bank.example".into(),
        events: EventSink::default(),
        metrics: scene.metrics.clone(),
    };
    run(async {
        let thread = start_receiving(plan("127.0.0.1:0")).await.unwrap();
        assert!(scene.folder.path().join("below/it").is_dir());
        drop(thread);
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let e = start_receiving(plan(&address)).await.unwrap_err().to_string();
        assert!(e.contains("checkpoint.receive.listen") && e.contains(&address), "{e}");
    });
}
