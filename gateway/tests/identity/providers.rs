//! Several identity providers, keys that a provider publishes over HTTPS, and several gateways of
//! one registry.

use crate::{
    siem_support::{free_port, receiver_certificate},
    signals::{AUDIENCE, BEARER, ISSUER, claims, header, jwk, refused, token},
    support::{Desk, Http, World, runtime},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use signet_gateway::{Config, Gateway, Loaded, Options};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const OTHER: &str = "https://mdm.bank.example";
const OTHER_BEARER: &str = "fedcba9876543210fedcba9876543210";

/// A provider's key server: HTTPS, and whatever answer the test wants.
struct KeyServer {
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    port: u16,
}

fn ok(body: &Value) -> Vec<u8> {
    answer("200 OK", &body.to_string())
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

impl KeyServer {
    fn start(w: &World, port: u16, first: Vec<u8>) -> Self {
        receiver_certificate(w);
        let chain = CertificateDer::pem_file_iter(w.path("siem.pem")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(w.path("siem-key.pem")).unwrap();
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
        let tls = Arc::new(tls);
        let (answer, asked) = (Arc::new(Mutex::new(first)), Arc::new(AtomicUsize::new(0)));
        let over = Arc::new(AtomicBool::new(false));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let shared = (answer.clone(), asked.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            let (answer, asked, over) = shared;
            for tcp in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let connection = rustls::ServerConnection::new(tls.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, tcp.unwrap());
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut byte) {
                        Ok(1) => request.push(byte[0]),
                        _ => break,
                    }
                }
                if request.starts_with(b"GET /keys HTTP/1.1\r\n") {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let bytes = answer.lock().unwrap().clone();
                    let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
                }
            }
        });
        Self { answer, asked, over, thread: Some(thread), port }
    }

    fn says(&self, bytes: Vec<u8>) {
        *self.answer.lock().unwrap() = bytes;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(t) = self.thread.take() {
            t.join().unwrap();
        }
    }
}

fn push_to(w: &World, gateway: &Gateway, path: &str, bearer: &str, token: &str) -> Http {
    let port = gateway.signals_address().unwrap().port();
    let bearer = format!("Authorization: Bearer {bearer}");
    let kind = "Content-Type: application/secevent+jwt";
    w.curl_at(port, path, &["-H", &bearer, "-H", kind, "--data-binary", token])
}

fn push(w: &World, path: &str, bearer: &str, token: &str) -> Http {
    push_to(w, w.gateway.as_ref().unwrap(), path, bearer, token)
}

/// About alice, or about her laptop, by a provider.
fn said_by(issuer: &str, event: &str, members: Value) -> Value {
    let mut said = claims(event, members);
    said["iss"] = json!(issuer);
    said
}

fn compliance(issuer: &str, status: &str) -> Value {
    said_by(issuer, "device-compliance-change", json!({ "current_status": status }))
}

fn provider(name: &str, issuer: &str, keys: &str, bearer: &str) -> String {
    format!(
        "[[signals.provider]]\nname = \"{name}\"\nissuer = \"{issuer}\"\naudience = \
            \"{AUDIENCE}\"\n{keys}\nbearer_file = \"{bearer}\"\nemail_domain = \"bank.example\"\n"
    )
}

fn world(more: &str) -> World {
    let w = World::with("sqlite:registry.db", more);
    fs::write(w.path("bearer"), BEARER).unwrap();
    fs::write(w.path("other-bearer"), OTHER_BEARER).unwrap();
    let table = signet_gateway::config::DEFAULT_TABLE.replace("points = 25", "points = 1");
    fs::write(w.path("risk-score.toml"), table).unwrap();
    w
}

#[test]
fn each_provider_has_an_address_keys_and_tokens_of_its_own() {
    let listen = "[signals]\nlisten = \"127.0.0.1:0\"\n";
    let idp = provider("idp", ISSUER, "keys = \"idp.json\"", "bearer");
    let mdm = provider("mdm", OTHER, "keys = \"mdm.json\"", "other-bearer");
    let mut w = world(&format!("{listen}{idp}{mdm}"));
    for stem in ["idp", "mdm"] {
        let keys = json!({ "keys": [jwk(&w, stem)] });
        fs::write(w.path(&format!("{stem}.json")), keys.to_string()).unwrap();
    }
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    let sign = |stem: &str, claims: &Value| token(&w, stem, &header(stem), claims);
    let (idp, mdm) = ("/signals/idp", "/signals/mdm");
    let ours = sign("idp", &compliance(ISSUER, "not-compliant"));
    // A bearer token, a key and an issuer count at the address of their provider only.
    refused(&push(&w, mdm, BEARER, &ours), 401, "authentication_failed", "signal.bearer");
    refused(&push(&w, mdm, OTHER_BEARER, &ours), 400, "invalid_key", "set.unknown_key");
    let lie = sign("mdm", &compliance(ISSUER, "compliant"));
    refused(&push(&w, mdm, OTHER_BEARER, &lie), 400, "invalid_issuer", "set.issuer");
    refused(&push(&w, "/signals", BEARER, &ours), 404, "invalid_request", "signal.not_found");
    assert_eq!(push(&w, idp, BEARER, &ours).status, 202);
    // The ids of tokens are a provider's own.
    let mut theirs = compliance(OTHER, "not-compliant");
    let payload = ours.split('.').nth(1).unwrap();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload);
    theirs["jti"] = serde_json::from_slice::<Value>(&payload.unwrap()).unwrap()["jti"].clone();
    assert_eq!(push(&w, mdm, OTHER_BEARER, &sign("mdm", &theirs)).status, 202);
    let received = |w: &World, who: &str| {
        let by = format!("service {who}");
        w.events().lines().filter(|l| l.contains("signal.received") && l.contains(&by)).count()
    };
    assert_eq!((received(&w, ISSUER), received(&w, OTHER)), (1, 1));
    assert!(w.events().lines().any(|l| l.contains("signal.refused") && l.contains("of mdm")));
    // The laptop is compliant when both say so.
    let why = |w: &World| {
        runtime().block_on(async {
            let mut alice = Desk::connect(w, "laptop", "ALICE").await;
            let on = alice.log_on(1).await;
            format!("{on}{}", alice.next().await.unwrap_or_default())
        })
    };
    assert!(why(&w).contains("not compliant"), "{}", why(&w));
    let good = sign("idp", &compliance(ISSUER, "compliant"));
    assert_eq!(push(&w, idp, BEARER, &good).status, 202);
    assert!(why(&w).contains("not compliant"), "the other still says that it is not");
    let good = sign("mdm", &compliance(OTHER, "compliant"));
    assert_eq!(push(&w, mdm, OTHER_BEARER, &good).status, 202);
    assert!(!why(&w).contains("not compliant"), "{}", why(&w));
}

/// A gateway whose provider publishes its keys; at most one attempt in five seconds.
fn published(port: u16, more: &str) -> World {
    let keys = format!(
        "jwks_url = \"https://localhost:{port}/keys\"\njwks_trust = \"dealers-ca.pem\"\n\
            jwks_pause_seconds = 5\n{more}"
    );
    let listen = "[signals]\nlisten = \"127.0.0.1:0\"\n";
    world(&format!("{listen}{}", provider("idp", ISSUER, &keys, "bearer")))
}

fn revoked(w: &World, stem: &str) -> Http {
    let t = token(w, stem, &header(stem), &claims("session-revoked", json!({})));
    push(w, "/signals/idp", BEARER, &t)
}

#[test]
fn keys_that_a_provider_publishes_are_fetched_and_fetched_again_for_a_new_one() {
    let port = free_port();
    let mut w = published(port, "");
    let (first, second) = (json!({"keys": [jwk(&w, "one")]}), json!({"keys": [jwk(&w, "two")]}));
    let server = KeyServer::start(&w, port, ok(&first));
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.eventually("the keys are fetched", || w.events().contains("signal.keys_fetched"));
    assert_eq!((revoked(&w, "one").status, server.asked()), (202, 1));
    // The provider changes its key: its next token is the reason to ask, and not sooner than that.
    server.says(ok(&second));
    w.eventually("the pause is over, and a new key is asked for", || {
        revoked(&w, "two").status == 202
    });
    assert_eq!(server.asked(), 2);
    // Whatever keys tokens name: one attempt in the pause.
    for n in 0..10 {
        let unknown =
            token(&w, "one", &header(&format!("k{n}")), &claims("session-revoked", json!({})));
        let answer = push(&w, "/signals/idp", BEARER, &unknown);
        refused(&answer, 400, "invalid_key", "set.unknown_key");
    }
    assert_eq!(server.asked(), 2);
    // What is no set of keys, too long, elsewhere or not believed changes nothing.
    let moved = answer("302 Found\r\nlocation: https://localhost/other", "");
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000));
    for (bad, words) in
        [(moved, "302"), (answer("200 OK", &long), "read"), (answer("200 OK", "{}"), "JWK Set")]
    {
        let before = server.asked();
        server.says(bad);
        w.eventually("asked again", || {
            revoked(&w, "one");
            server.asked() > before
        });
        assert_eq!(revoked(&w, "two").status, 202, "{words}");
        let events = w.events();
        let line = events.lines().rfind(|l| l.contains("signal.keys_unfetched")).expect(words);
        assert!(words != "302" || line.contains("302"), "{words}: {line}");
        // Said once while it lasts.
        let said = events.lines().filter(|l| l.contains("signal.keys_unfetched")).count();
        assert_eq!(said, 1, "{events}");
    }
    // A restart without the server uses the copy on disk; one that somebody changed is not believed.
    drop(server);
    w.stop();
    w.start();
    assert_eq!(revoked(&w, "two").status, 202);
    w.stop();
    let file = w.path("state/signals.keys");
    let mut bad = fs::read(&file).unwrap();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&file, bad).unwrap();
    w.start();
    refused(&revoked(&w, "two"), 503, "invalid_request", "signal.no_keys");
    let _server = KeyServer::start(&w, port, ok(&second));
    w.eventually("fetched again", || revoked(&w, "two").status == 202);
}

#[test]
fn keys_that_are_too_old_verify_nothing_and_a_server_of_another_authority_is_not_believed() {
    let port = free_port();
    let mut w = published(port, "jwks_refresh_seconds = 5\njwks_max_age_seconds = 6\n");
    let keys = json!({"keys": [jwk(&w, "one")]});
    let server = KeyServer::start(&w, port, ok(&keys));
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.eventually("the keys are fetched", || revoked(&w, "one").status == 202);
    let keys_now = |w: &World| {
        let status: Value = serde_json::from_str(&w.cli(&["status", "--json"])).unwrap();
        let keys = &status["signal_keys"][0];
        let fetched = keys["fetched"].is_string();
        (keys["issuer"] == ISSUER, fetched, keys["failing"] == true, keys["usable"] == true)
    };
    assert_eq!(keys_now(&w), (true, true, false, true));
    drop(server);
    w.eventually("too old", || w.events().contains("signal.keys_stale"));
    w.eventually("and shown", || keys_now(&w) == (true, true, true, false));
    refused(&revoked(&w, "one"), 503, "invalid_request", "signal.no_keys");
    w.stop();
    let text = w.text("gateway.toml");
    let line = "jwks_trust = \"dealers-ca.pem\"";
    assert!(text.contains(line));
    fs::write(&w.config, text.replace(line, "jwks_trust = \"gateways-ca.pem\"")).unwrap();
    let server = KeyServer::start(&w, port, ok(&keys));
    fs::remove_file(w.path("state/signals.keys")).unwrap();
    w.start();
    refused(&revoked(&w, "one"), 503, "invalid_request", "signal.no_keys");
    w.eventually("said", || {
        w.events().lines().any(|l| l.contains("signal.keys_unfetched") && l.contains("TLS"))
    });
    assert_eq!(server.asked(), 0);
    drop(server);
}

/// A second gateway of the same registry, that no provider tells anything.
fn second(w: &World) -> Gateway {
    // Another dealer: one process holds a FIX session once.
    let text = w
        .text("gateway.toml")
        .replace("state_dir = \"state\"", "state_dir = \"second\"")
        .replace("comp_id = \"BANK", "comp_id = \"SECOND");
    let cut = text.find("[signals]").unwrap();
    let config = w.path("second.toml");
    fs::write(&config, &text[..cut]).unwrap();
    let loaded = Loaded::of(Config::read(&config).unwrap()).unwrap();
    Gateway::start(loaded, Options::default()).unwrap()
}

async fn until(desk: &mut Desk, what: &str, is: impl Fn(&str) -> bool) {
    let mut heard = Vec::new();
    let found = async {
        loop {
            let frame = desk.next().await.expect("the session is on");
            if is(&frame) {
                break;
            }
            heard.push(frame);
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), found).await;
    assert!(found.is_ok(), "never {what}, but {heard:#?}");
}

#[test]
fn what_one_gateway_hears_every_gateway_of_the_registry_acts_on() {
    let listen = "[signals]\nlisten = \"127.0.0.1:0\"\n";
    let mut w =
        world(&format!("{listen}{}", provider("idp", ISSUER, "keys = \"idp.json\"", "bearer")));
    fs::write(w.path("idp.json"), json!({"keys": [jwk(&w, "idp")]}).to_string()).unwrap();
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    let tell = |claims: &Value| {
        let t = token(&w, "idp", &header("idp"), claims);
        assert_eq!(push(&w, "/signals/idp", BEARER, &t).status, 202);
    };
    let other = second(&w);
    let at: SocketAddr = other.address();
    runtime().block_on(async {
        let mut alice = Desk::connect_to(&w, at, "laptop", "ALICE").await;
        assert!(alice.log_on(1).await.contains("|35=A|"));
        tell(&compliance(ISSUER, "not-compliant"));
        until(&mut alice, "not compliant there", |f| {
            f.contains("|35=UB|") && f.contains("not compliant")
        })
        .await;
        tell(&compliance(ISSUER, "compliant"));
        until(&mut alice, "compliant again", |f| {
            f.contains("|35=UB|") && !f.contains("not compliant")
        })
        .await;
        tell(&claims("session-revoked", json!({})));
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("=signal.session_revoked|")), "{last:?}");
        // Once: whoever comes back stays on.
        let mut alice = Desk::connect_to(&w, at, "laptop", "ALICE").await;
        assert!(alice.log_on(3).await.contains("|35=A|"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        let change = json!({"credential_type": "password", "change_type": "update"});
        tell(&claims("credential-change", change));
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("=risk.no_step_up|")), "{last:?}");
    });
    other.stop();
    // A gateway that was away hears it before anybody logs on.
    tell(&compliance(ISSUER, "not-compliant"));
    let other = second(&w);
    let at = other.address();
    runtime().block_on(async {
        let why = Desk::connect_to(&w, at, "laptop", "ALICE").await.log_on(9).await;
        assert!(why.contains("not compliant") && why.contains("credentials"), "{why}");
    });
    other.stop();
}
