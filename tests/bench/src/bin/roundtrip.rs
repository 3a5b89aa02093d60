//! `roundtrip certs DIR` makes the certificates of the comparison.
//! `roundtrip initiator PORT DIR ROUNDS` measures QuoteRequest to Quote through our engine over
//! rustls, against the same acceptor that QuickFIX's own OpenSSL initiator talks to. Timed: from
//! the values of a request in hand to the values of its quote in hand.

use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::QuoteRequest,
    pump::pump,
    session::{Binding, Event, Role, Session, SessionConfig},
    store::MemoryStore,
};
use signet_identity::{ClientProfile, CompId, TrustRoots};
use signet_rfq::*;
use std::{cell::RefCell, fs, path::Path, rc::Rc, sync::Arc, time::Instant};
use tokio::{net::TcpStream, task::LocalSet};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

const DOMAIN: &str = "bench.signet.example";

fn main() {
    let a: Vec<String> = std::env::args().collect();
    match a.get(1).map(String::as_str) {
        Some("certs") => certificates(Path::new(&a[2])),
        Some("initiator") => {
            let rt = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let rounds = a[4].parse().expect("a number");
            rt.block_on(LocalSet::new().run_until(initiator(
                a[2].parse().expect("a port"),
                &a[3],
                rounds,
            )));
        }
        _ => panic!("certs DIR | initiator PORT DIR ROUNDS"),
    }
}

fn certificates(dir: &Path) {
    let pki = DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a CA");
    let server = pki.issue(&Order::gateway("SIGNET")).expect("a certificate");
    let client = pki.issue(&Order::desk("BENCH1")).expect("a certificate");
    let write = |name: &str, text: String| fs::write(dir.join(name), text).expect("written");
    write("server.pem", server.chain_pem().to_string());
    write("server-key.pem", server.key_pem().to_string());
    write("client.pem", client.chain_pem().to_string());
    write("client-key.pem", client.key_pem().to_string());
    write("client-key.der", String::new());
    fs::write(dir.join("client-key.der"), client.key_pkcs8()).expect("written");
    let roots = pki.write_roots(dir).expect("roots");
    let all =
        [&roots.desks, &roots.gateways].map(|p| fs::read_to_string(p).expect("read")).concat();
    write("ca.pem", all);
    write(
        "FIX44.xml",
        include_str!("../../../../crates/signet-fix/dictionary/FIX44-signet.xml").into(),
    );
}

async fn initiator(port: u16, dir: &str, rounds: usize) {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let dir = Path::new(dir);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(dir.join("client.pem"))
        .expect("read")
        .collect::<Result<_, _>>()
        .expect("PEM");
    let key = fs::read(dir.join("client-key.der")).expect("read");
    let key =
        signet_identity::SoftwareKey::from_pkcs8(&key, signet_identity::Protection::SoftwareMemory)
            .expect("a key");
    let identity = signet_identity::Identity::new(chain, Arc::new(key)).expect("an identity");
    let roots = TrustRoots::from_pem_file(&dir.join("ca.pem")).expect("roots");
    let tls = ClientProfile::new(roots, identity.certified_key()).config().expect("a profile");
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    tcp.set_nodelay(true).expect("set");
    let stream = TlsConnector::from(tls)
        .connect(ServerName::try_from("localhost").expect("a name"), tcp)
        .await
        .expect("TLS");
    let config = SessionConfig {
        role: Role::Initiator,
        sender: CompId::new("BENCH1").expect("an id"),
        target: CompId::new("SIGNET").expect("an id"),
        heartbeat_s: 30,
        strict: false,
    };
    let session = Rc::new(
        Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).expect("a session"),
    );
    let outbox = session.attach(Binding::None).expect("attached");
    session.tick();
    let mut framer = Framer::new();
    let state = Rc::new(RefCell::new((Instant::now(), 0usize, Vec::<f64>::with_capacity(rounds))));
    let ask = {
        let (session, state) = (session.clone(), state.clone());
        move || {
            let n = {
                let mut s = state.borrow_mut();
                s.1 += 1;
                s.1
            };
            state.borrow_mut().0 = Instant::now();
            let request = AppMessage::QuoteRequest(QuoteRequest {
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
            });
            session.send(&request).expect("sent");
        }
    };
    pump(stream, &mut framer, &session, &outbox, |e| match e {
        Event::LoggedOn => ask(),
        Event::Message { message: AppMessage::Quote(_), .. } => {
            let at = Instant::now();
            let done = {
                let mut s = state.borrow_mut();
                let took = at.duration_since(s.0).as_secs_f64() * 1e6;
                if s.1 > 200 {
                    s.2.push(took);
                }
                s.2.len() >= rounds
            };
            if done {
                let mut s = state.borrow_mut();
                s.2.sort_by(f64::total_cmp);
                println!("{:.1} {:.1}", s.2[rounds / 2], s.2[rounds * 99 / 100]);
                std::process::exit(0);
            }
            ask();
        }
        _ => {}
    })
    .await;
}
