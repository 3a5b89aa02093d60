//! What proving identity costs, and how soon a locked user is off.
//!
//! With the key in memory, as the keychain holder has it while in use, and in a SoftHSM token where
//! one is installed. `identity token MODULE` is the child that has the token's configuration in its
//! environment.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_bench::percentiles;
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    pump::pump,
    session::{Binding, Role, Session, SessionConfig},
    store::MemoryStore,
};
use signet_gateway::{
    Config, Gateway, Loaded, Options,
    admin::{self, Account},
};
use signet_identity::{
    ClientProfile, CompId, DeviceKey, Identity, Invitation, ServerProfile, channel_binding,
};
use signet_keystore::{KeyHolder, KeyLabel, MemoryKeychain, est::EstClient};
use signet_registry::{AccountState, NewUser};
use signet_rfq::UtcMillis;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::{JoinHandle, LocalSet},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, rustls::pki_types::ServerName};

const DOMAIN: &str = "bench.signet.example";
const SIGNATURES: usize = 2_000;
const HANDSHAKES: usize = 500;
const CUTS: usize = 10;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("token") {
        return token(args.next().expect("a module").into());
    }
    measure("key in memory", &MemoryKeychain::new());
    signet_bench::token::child();
    runtime().block_on(LocalSet::new().run_until(cuts()));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Signatures and handshakes with a new key of this holder.
fn measure(what: &str, holder: &dyn KeyHolder) {
    let key = holder.generate(&"bench".parse::<KeyLabel>().expect("a label")).expect("a key");
    let mut us = Vec::with_capacity(SIGNATURES);
    for n in 0..SIGNATURES {
        let began = Instant::now();
        key.sign_es256(&n.to_be_bytes()).expect("a signature");
        us.push(micros(began));
    }
    println!("   ES256 signature, {what}, µs:             {}", percentiles(&mut us));
    let mut us = runtime().block_on(handshakes(key));
    println!("   mTLS handshake over loopback, {what}, µs: {}", percentiles(&mut us));
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

/// From before the TCP connection until a byte has come that the server sends once it has accepted
/// the client's certificate: in TLS 1.3 the client's own end of the handshake is too early.
async fn handshakes(key: Arc<dyn DeviceKey>) -> Vec<f64> {
    let pki = DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("a CA");
    let at = server(&pki);
    let chain = pki.issue_for(&Order::desk("BENCH1"), key.public_point()).expect("a certificate");
    let identity = Identity::new(chain, key).expect("an identity");
    let tls = ClientProfile::new(pki.gateway_roots().expect("roots"), identity.certified_key())
        .config()
        .expect("a profile");
    let mut us = Vec::with_capacity(HANDSHAKES);
    for _ in 0..HANDSHAKES {
        let began = Instant::now();
        let tcp = TcpStream::connect(at).await.expect("connected");
        tcp.set_nodelay(true).expect("nodelay");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream =
            TlsConnector::from(tls.clone()).connect(name, tcp).await.expect("a handshake");
        stream.read_u8().await.expect("accepted");
        us.push(micros(began));
    }
    us
}

/// A listener on a thread of its own, as a gateway is.
fn server(pki: &DevPki) -> SocketAddr {
    let shown = pki
        .issue(&Order::gateway("SIGNET"))
        .expect("a certificate")
        .certified_key()
        .expect("a key");
    let tls =
        ServerProfile::new(pki.desk_roots().expect("roots"), shown).config().expect("a profile");
    let (ready, at) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let _ = ready.send(listener.local_addr().expect("an address"));
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                let _ = tcp.set_nodelay(true);
                let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(tcp).await else {
                    continue;
                };
                let _ = stream.write_u8(1).await;
                let _ = stream.flush().await;
            }
        });
    });
    at.recv().expect("an address")
}

fn token(module: PathBuf) {
    measure("SoftHSM2 token", &signet_bench::token::holder(module));
}

/// From the return of the administrator's command to the end of the live session's connection.
async fn cuts() {
    let dir = tempfile::tempdir().expect("a folder");
    let pki = DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("a CA");
    let config = configure(&pki, dir.path());
    admin::ca_init(&config, None, 1).expect("an authority");
    let gateway =
        Gateway::start(Loaded::of(config.clone()).expect("a configuration"), Options::default())
            .expect("a gateway");
    let identity = enrolled(&config, dir.path(), &gateway).await;
    let tls = ClientProfile::new(pki.gateway_roots().expect("roots"), identity.certified_key());
    let me = SessionConfig {
        role: Role::Initiator,
        sender: CompId::new("ALICE1").expect("an id"),
        target: CompId::new("SIGNET").expect("an id"),
        heartbeat_s: 10,
        strict: true,
    };
    let session =
        Rc::new(Session::open(&me, Box::new(MemoryStore::new(UtcMillis(0)))).expect("a session"));
    let account = Account::User("alice".into());
    let mut ms = Vec::with_capacity(CUTS);
    for n in 0..CUTS {
        let ended = log_on(&gateway, &tls, &session).await;
        // Not in step with the gateway's polls, four a second.
        tokio::time::sleep(Duration::from_millis(500 + 37 * n as u64)).await;
        assert!(!ended.is_finished(), "the session is on");
        admin::set_state(&config, &account, AccountState::Locked).await.expect("locked");
        let locked = Instant::now();
        let end = ended.await.expect("an end");
        ms.push(end.saturating_duration_since(locked).as_secs_f64() * 1e3);
        admin::set_state(&config, &account, AccountState::Active).await.expect("unlocked");
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    println!(
        "   `lock user` returned to the end of the live session, ms: {}",
        percentiles(&mut ms)
    );
    gateway.stop();
}

/// A connection that is logged on; when it ends, the task says when that was.
async fn log_on(
    gateway: &Gateway,
    tls: &ClientProfile,
    session: &Rc<Session>,
) -> JoinHandle<Instant> {
    let tcp = TcpStream::connect(gateway.address()).await.expect("connected");
    tcp.set_nodelay(true).expect("nodelay");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(tls.config().expect("a profile"));
    let stream = connector.connect(name, tcp).await.expect("a handshake");
    let binding = BASE64.encode(channel_binding(stream.get_ref().1).expect("an exporter"));
    let outbox = session.attach(Binding::Required(binding)).expect("attached");
    session.tick();
    let s = session.clone();
    let ended = tokio::task::spawn_local(async move {
        pump(stream, &mut Framer::new(), &s, &outbox, |_| {}).await;
        Instant::now()
    });
    let began = Instant::now();
    while !session.is_logged_on() {
        assert!(began.elapsed() < Duration::from_secs(5), "the desk does not log on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ended
}

/// By the book: an order, an invitation, a code, a certificate.
async fn enrolled(config: &Config, dir: &Path, gateway: &Gateway) -> Identity {
    let user = NewUser {
        id: "alice".into(),
        comp_id: "ALICE1".into(),
        name: "Alice Adams".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let invited = admin::add(config, user, admin::CodeTerms { hours: 1, managed: true }, dir)
        .await
        .expect("invited");
    let mut invitation =
        Invitation::from_toml(&fs::read(&invited.file).expect("a file")).expect("an invitation");
    invitation.est.port = gateway.enrolment_address().expect("enrolment").port();
    let key = MemoryKeychain::new().generate(&"bench".parse().expect("a label")).expect("a key");
    let est = EstClient::for_invitation(&invitation).expect("a client");
    let made =
        est.simpleenroll(key.clone(), "alice", &invited.code, "laptop").await.expect("enrolled");
    Identity::new(made.chain, key).expect("an identity")
}

fn configure(pki: &DevPki, dir: &Path) -> Config {
    pki.issue(&Order::gateway("SIGNET"))
        .expect("a certificate")
        .write_to(dir, "gateway")
        .expect("written");
    pki.write_roots(dir).expect("roots");
    fs::write(dir.join("instruments.toml"), "").expect("written");
    let risk = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = \
        'GB'\n[posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";
    fs::write(dir.join("risk.toml"), risk).expect("written");
    fs::write(dir.join("entitlements.cedar"), "").expect("written");
    fs::write(dir.join("entitlements.toml"), "reporting_currency = 'EUR'").expect("written");
    let text = format!(
        "[gateway]\nname = \"Bench\"\ncomp_id = \"SIGNET\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n[desks]\nlisten = \"127.0.0.1:0\"\ntrust = \"issuing.pem\"\n\
         [dealers]\ntrust = \"dealers-ca.pem\"\n[risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n[desk_default]\n[[dealer]]\ncomp_id = \"NOBODY\"\nname = \"Nobody\"\naddress = \"localhost:1\"\n\
         [registry]\nurl = \"sqlite:registry.db\"\n[enrolment]\nlisten = \"127.0.0.1:0\"\npublic_host = \"localhost\"\npublic_port = 9444\n\
         managed_policy = \"2.999.1\"\nfix_port = 9443\nanchors = \
             \"gateways-ca.pem\"\nca_certificate = \"issuing.pem\"\nca_key = \"issuing-key.pem\"\n"
    );
    fs::write(dir.join("gateway.toml"), text).expect("written");
    Config::read(&dir.join("gateway.toml")).expect("a configuration")
}
