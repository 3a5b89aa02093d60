//! `idle [N...]`: resident memory of the real `signet-gateway` process per desk that is logged on
//! and idle, each count with a gateway of its own, and the processor time that they cost it.
//!
//! Each desk has its own certificate and key, signs, and was judged; the policies in force are the
//! example's.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_bench::{
    firm::{DEALER, DOMAIN, GATEWAY, POLICIES, RISK, facts, pki},
    process::{Process, cpu_seconds, free_address, raise_file_limit, rss_kb},
};
use signet_desk_core::signing::signing;
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    pump::pump,
    session::{Binding, Channel, Role, Session, SessionConfig},
    signature::every,
    store::MemoryStore,
};
use signet_identity::{ClientProfile, CompId, MessageKey, channel_binding};
use signet_rfq::UtcMillis;
use std::{fs, net::SocketAddr, path::Path, rc::Rc, time::Duration};
use tokio::{net::TcpStream, task::LocalSet};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// Processor time is looked at for so long.
const IDLE: Duration = Duration::from_secs(10);

fn main() {
    raise_file_limit();
    let counts: Vec<usize> =
        std::env::args().skip(1).map(|a| a.parse().expect("a number of desks")).collect();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for n in if counts.is_empty() { vec![1_000, 5_000] } else { counts } {
        rt.block_on(LocalSet::new().run_until(measure(n)));
    }
}

fn configure(pki: &DevPki, dir: &Path, at: SocketAddr, n: usize) {
    pki.issue(&Order::gateway(GATEWAY))
        .expect("a certificate")
        .write_to(dir, "gateway")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).expect("written");
    write("instruments.toml", signet_dealer::INSTRUMENTS_TOML);
    write("risk.toml", RISK);
    write("entitlements.cedar", POLICIES);
    write("entitlements.toml", &facts((0..n).map(desk)));
    let mut text = format!(
        "[gateway]\nname = \"Bench\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\n\
         trust_domain = \"{DOMAIN}\"\n[tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{at}\"\ntrust = \"desks-ca.pem\"\nmax_connections = 10000\n[dealers]\ntrust = \"dealers-ca.pem\"\n\
         [risk]\nsettings = \"risk.toml\"\n[entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [[dealer]]\ncomp_id = \"{DEALER}\"\nname = \"Nobody\"\naddress = \"localhost:1\"\n"
    );
    for i in 0..n {
        text += &format!("[[desk]]\ncomp_id = \"{}\"\n", desk(i));
    }
    write("gateway.toml", &text);
}

fn desk(n: usize) -> String {
    format!("DESK{n}")
}

async fn measure(n: usize) {
    let (dir, pki, at) = (tempfile::tempdir().expect("a folder"), pki(), free_address());
    configure(&pki, dir.path(), at, n);
    let mut gateway = Process::gateway(&dir.path().join("gateway.toml"));
    gateway.wait_for(at);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = rss_kb(gateway.id());
    let mut desks = Vec::new();
    for i in 0..n {
        desks.push(log_on(&pki, at, &desk(i)).await);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let on = desks.iter().filter(|s| s.is_logged_on()).count();
    let after = rss_kb(gateway.id());
    let each = (after.saturating_sub(before)) as f64 / on.max(1) as f64;
    let used = cpu_seconds(gateway.id());
    tokio::time::sleep(IDLE).await;
    let used = (cpu_seconds(gateway.id()) - used) / IDLE.as_secs_f64() * 100.0;
    println!(
        "   {before} kB with no desk, {after} kB with {on} of {n} desks on: {each:.1} kB per idle \
            desk; {used:.1} % of one core"
    );
}

async fn log_on(pki: &DevPki, at: SocketAddr, name: &str) -> Rc<Session> {
    let key = pki.issue(&Order::desk(name)).expect("a certificate").certified_key().expect("a key");
    let message_key = MessageKey::of(&key).expect("a P-256 key");
    let tls =
        ClientProfile::new(pki.gateway_roots().expect("roots"), key).config().expect("a profile");
    let tcp = TcpStream::connect(at).await.expect("connected");
    let stream = TlsConnector::from(tls)
        .connect(ServerName::try_from("localhost").expect("a name"), tcp)
        .await
        .expect("TLS");
    let binding = BASE64.encode(channel_binding(stream.get_ref().1).expect("an exporter"));
    let config = SessionConfig {
        role: Role::Initiator,
        sender: CompId::new(name).expect("an id"),
        target: CompId::new(GATEWAY).expect("an id"),
        heartbeat_s: 30,
        strict: true,
    };
    let session = Rc::new(
        Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).expect("a session"),
    );
    let channel = Channel {
        binding: Binding::Required(binding),
        signing: Some(signing(message_key, every)),
        verification: None,
    };
    let outbox = session.attach(channel).expect("attached");
    session.tick();
    let s = session.clone();
    tokio::task::spawn_local(
        async move { pump(stream, &mut Framer::new(), &s, &outbox, |_| {}).await },
    );
    tokio::task::yield_now().await;
    session
}
