//! The receiver over real TLS, with the publisher of the other gateway where that is possible.

use super::*;
use crate::{
    checkpoint::{
        Target, checkpoints_in,
        publish::{self, keep_up},
        thread::{Signed, latest},
    },
    config::{Address, ReceivePeer},
    events::Outlet,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use signet_devca::{DevPki, Order};
use signet_events::Event;
use signet_identity::{ClientProfile, Role, ServerProfile, TrustRoots};
use signet_rfq::UtcMillis;
use signet_tlog::{
    Checkpoint,
    note::{NOTE_LEN_MAX, SignerKey},
};
use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::Duration,
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
}

fn signer(seed: u8) -> SignerKey {
    SignerKey::new(ORIGIN, &Zeroizing::new([seed; 32])).unwrap()
}

/// A checkpoint of so many records, whose root is this byte, with the key of this seed.
fn note_of(seed: u8, size: u64, root: u8) -> String {
    let extensions = vec!["time 20261121-12:00:00.000".to_owned()];
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: [root; 32], extensions };
    checkpoint.sign(&signer(seed)).unwrap()
}

fn note(size: u64, root: u8) -> String {
    note_of(9, size, root)
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
                peer: vec![peer("GW1", &signer(9)), peer("GW2", &other)],
            },
            folder: self.folder.path().into(),
            tls: ServerProfile::new(TrustRoots::new(roots).unwrap(), shown).config().unwrap(),
            trust_domain: "bank.example".into(),
            events: EventSink::new(None, Some(self.seen.clone())),
            metrics: self.metrics.clone(),
        };
        let (listener, address, receiver) = open(plan).await.unwrap();
        spawn_local(https::serve(listener, receiver));
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

    fn newest(&self) -> Option<(u64, u8)> {
        let path = self.peer().join("latest.checkpoint");
        let newest = latest(&path, signer(9).verifier()).unwrap()?;
        Some((newest.size, newest.root[0]))
    }
}

/// One request on a connection of its own; the status of the answer.
async fn send(
    port: u16,
    tls: &Arc<ClientConfig>,
    (method, path): (Method, &str),
    body: impl Into<Bytes>,
) -> u16 {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(tls.clone()).connect(name, tcp).await.unwrap();
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(tls)).await.unwrap();
    let connection = spawn_local(connection);
    let request = Request::builder().method(method).uri(path).header(HOST, "localhost");
    let request = request.body(Full::new(body.into())).unwrap();
    let status = sender.send_request(request).await.unwrap().status().as_u16();
    connection.abort();
    status
}

async fn put(port: u16, tls: &Arc<ClientConfig>, body: impl Into<Bytes>) -> u16 {
    send(port, tls, (Method::PUT, "/checkpoints/GW1"), body).await
}

#[test]
fn a_gateway_publishes_to_another_gateway_over_mutual_tls() {
    let scene = Scene::new();
    run(async {
        let port = scene.starts().await;
        let address = Address::read(&format!("https://localhost:{port}/checkpoints/GW1")).unwrap();
        let newest = watch::Sender::new(None);
        let target = Target::Server(address, scene.gw1());
        let publisher = spawn_local(keep_up(target, newest.subscribe(), EventSink::default()));
        for (size, root) in [(7, 1), (9, 2)] {
            let note = note(size, root);
            newest.send_replace(Some(Signed { at: UtcMillis(0), size, note }));
            let came = async {
                while scene.newest() != Some((size, root)) {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(PATIENCE, came).await.expect("it comes");
        }
        drop(newest);
        publisher.await.unwrap();
        // The publisher hears why, although the receiver closes the connection with its answer.
        let address = Address::read(&format!("https://localhost:{port}/checkpoints/GW1")).unwrap();
        let fork = Signed { at: UtcMillis(0), size: 9, note: note(9, 3) };
        let why = publish::put(&address, scene.gw1(), &fork).await.unwrap_err();
        assert!(why.contains("409"), "{why}");
    });
    // The newest, and each in the folder of its day; `journal verify --checkpoint` takes them all.
    let kept = checkpoints_in(&scene.peer(), signer(9).verifier()).unwrap();
    let mut sizes: Vec<u64> = kept.iter().map(|(_, c)| c.size).collect();
    sizes.sort_unstable();
    // The one that was refused among them: it is evidence.
    assert_eq!(sizes, [7, 9, 9, 9]);
    assert_eq!(scene.seen.taken(), ["checkpoint.received_first", "checkpoint.fork"]);
    let told = scene.metrics.checkpoints.all();
    let told: Vec<_> = told.iter().map(|(g, size, at)| (g.as_str(), *size, at.0 > 0)).collect();
    assert_eq!(told, [("GW1", 9, true), ("GW2", 0, false)]);
}

#[test]
fn a_fork_and_a_rollback_are_refused_kept_and_told_once_also_after_a_restart() {
    let scene = Scene::new();
    run(async {
        let gw1 = scene.gw1();
        let port = scene.starts().await;
        assert_eq!(put(port, &gw1, note(9, 2)).await, 201);
        assert_eq!(put(port, &gw1, note(9, 2)).await, 200);
        assert_eq!(scene.seen.taken(), ["checkpoint.received_first"]);
        // Another port: the receiver started again, and has only the files.
        for port in [port, scene.starts().await] {
            for (size, root, code) in [(9, 3, "checkpoint.fork"), (8, 1, "checkpoint.rollback")] {
                // A publisher that is refused tries again.
                for _ in 0..3 {
                    assert_eq!(put(port, &gw1, note(size, root)).await, 409);
                }
                assert_eq!(scene.seen.taken(), [code]);
                assert_eq!(scene.newest(), Some((9, 2)));
            }
        }
        assert_eq!(put(port, &gw1, note(10, 4)).await, 201);
    });
    let evidence: Vec<_> = fs::read_dir(scene.peer().join("refused")).unwrap().collect();
    assert_eq!(evidence.len(), 2);
    let kept = checkpoints_in(&scene.peer().join("refused"), signer(9).verifier()).unwrap();
    let mut kept: Vec<_> = kept.iter().map(|(_, c)| (c.size, c.root[0])).collect();
    kept.sort_unstable();
    assert_eq!(kept, [(8, 1), (9, 3)]);
}

#[test]
fn who_is_not_the_gateway_of_the_log_or_has_not_its_key_changes_nothing() {
    let scene = Scene::new();
    run(async {
        let port = scene.starts().await;
        let gw1 = scene.gw1();
        assert_eq!(put(port, &gw1, note(9, 2)).await, 201);
        scene.seen.taken();
        let other_firm = Order::gateway("GW1").with_uri("spiffe://other.example/gateway/GW1");
        let long = "x".repeat(NOTE_LEN_MAX + 1);
        let good = note(10, 3);
        for (what, order, method, path, body, status) in [
            ("another role", Order::desk("GW1"), "PUT", "GW1", good.clone(), 403),
            ("another firm", other_firm, "PUT", "GW1", good.clone(), 403),
            ("nobody's", Order::gateway("GW3"), "PUT", "GW1", good.clone(), 403),
            ("another's log", Order::gateway("GW2"), "PUT", "GW1", good.clone(), 404),
            ("another's key", Order::gateway("GW2"), "PUT", "GW2", good.clone(), 400),
            ("another key", Order::gateway("GW1"), "PUT", "GW1", note_of(7, 10, 3), 400),
            ("no note", Order::gateway("GW1"), "PUT", "GW1", "x".to_owned(), 400),
            ("nothing", Order::gateway("GW1"), "PUT", "GW1", String::new(), 400),
            ("too long", Order::gateway("GW1"), "PUT", "GW1", long, 413),
            ("to read", Order::gateway("GW1"), "GET", "GW1", String::new(), 405),
            ("upwards", Order::gateway("GW1"), "PUT", "GW1/../GW2", good.clone(), 404),
            ("no log", Order::gateway("GW1"), "PUT", "", good.clone(), 404),
            (
                "another size",
                Order::gateway("GW1"),
                "PUT",
                "GW1/00000000000000000011.checkpoint",
                good.clone(),
                400,
            ),
        ] {
            let client = scene.client(&order);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let path = format!("/checkpoints/{path}");
            assert_eq!(send(port, &client, (method, path.as_str()), body).await, status, "{what}");
            assert_eq!(scene.seen.taken(), ["checkpoint.refused"], "{what}");
            assert_eq!(scene.newest(), Some((9, 2)), "{what}");
        }
        // By its origin, with the size in the address, as the publisher has it.
        let path = format!("/checkpoints/{ORIGIN}/00000000000000000010.checkpoint");
        assert_eq!(send(port, &gw1, (Method::PUT, path.as_str()), good).await, 201);
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
            let request = Request::put("/checkpoints/GW1").header(HOST, "localhost");
            let request = request.body(Full::new(Bytes::from(note(9, 2)))).unwrap();
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
        let request = (Method::PUT, "/checkpoints/GW2");
        assert_eq!(send(port, &gw2, request, "x").await, 400, "it has a budget of its own");
    });
    assert_eq!(scene.newest(), Some((9, 2)));
}

#[test]
fn files_that_cannot_be_used_stop_their_gateway_until_they_are_in_order() {
    let scene = Scene::new();
    let newest = scene.peer().join("latest.checkpoint");
    run(async {
        let gw1 = scene.gw1();
        let port = scene.starts().await;
        assert_eq!(put(port, &gw1, note(9, 2)).await, 201);
        let good = fs::read(&newest).unwrap();
        fs::write(&newest, "damaged").unwrap();
        scene.seen.taken();
        let port = scene.starts().await;
        assert_eq!(scene.seen.taken(), ["checkpoint.unkept"]);
        assert_eq!(put(port, &gw1, note(10, 3)).await, 503);
        assert_eq!(scene.seen.taken(), ["checkpoint.unkept"]);
        fs::write(&newest, good).unwrap();
        assert_eq!(put(port, &gw1, note(9, 3)).await, 409);
        assert_eq!(put(port, &gw1, note(10, 3)).await, 201);
        // The folder of a log that was restored from a backup is moved away: it begins once more.
        scene.seen.taken();
        let aside = scene.folder.path().join("GW1.before");
        fs::rename(scene.peer(), aside).unwrap();
        assert_eq!(put(port, &gw1, note(4, 1)).await, 201);
        assert_eq!(scene.seen.taken(), ["checkpoint.received_first"]);
    });
    assert_eq!(scene.newest(), Some((4, 1)));
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
