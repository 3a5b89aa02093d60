//! `idle N`: resident memory of the real `signet-gateway` process per desk that is logged on and idle.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_devca::{DevPki, Order};
use signet_fix::{
    framer::Framer,
    pump::pump,
    session::{Binding, Role, Session, SessionConfig},
    store::MemoryStore,
};
use signet_identity::{ClientProfile, channel_binding};
use signet_rfq::{CompId, UtcMillis};
use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    rc::Rc,
    time::Duration,
};
use tokio::{net::TcpStream, task::LocalSet};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

const DOMAIN: &str = "bench.signet.example";

struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let n: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(200);
    let dir = tempfile::tempdir().expect("a folder");
    let pki = DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a CA");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    configure(&pki, dir.path(), port, n);
    let binary = std::env::current_exe().expect("a path").with_file_name("signet-gateway");
    let child = Command::new(binary)
        .args(["run", "--config"])
        .arg(dir.path().join("gateway.toml"))
        .env("SIGNET_LOG", "error")
        .stderr(Stdio::inherit())
        .spawn()
        .expect("signet-gateway is built");
    let gateway = Gateway(child);
    std::thread::sleep(Duration::from_secs(2));
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    rt.block_on(LocalSet::new().run_until(measure(&pki, port, n, gateway.0.id())));
}

fn configure(pki: &DevPki, dir: &std::path::Path, port: u16, n: usize) {
    let files = pki.issue(&Order::gateway("SIGNET")).expect("a certificate").write_to(dir, "gateway").expect("written");
    let roots = pki.write_roots(dir).expect("roots");
    fs::write(dir.join("instruments.toml"), "").expect("written");
    let risk =
        "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n[posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";
    fs::write(dir.join("risk.toml"), risk).expect("written");
    fs::write(dir.join("entitlements.cedar"), "").expect("written");
    fs::write(dir.join("entitlements.toml"), "reporting_currency = 'EUR'").expect("written");
    let mut text = format!(
        "[gateway]\nname = \"Bench\"\ncomp_id = \"SIGNET\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = {:?}\nkey = {:?}\n[desks]\nlisten = \"127.0.0.1:{port}\"\ntrust = {:?}\n[dealers]\ntrust = {:?}\n\
         [risk]\nsettings = \"risk.toml\"\n[entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [[dealer]]\ncomp_id = \"NOBODY\"\nname = \"Nobody\"\naddress = \"localhost:1\"\n",
        files.chain, files.key, roots.desks, roots.dealers
    );
    for i in 0..n {
        text += &format!("[[desk]]\ncomp_id = \"DESK{i}\"\n");
    }
    fs::write(dir.join("gateway.toml"), text).expect("written");
}

async fn measure(pki: &DevPki, port: u16, n: usize, gateway: u32) {
    let before = rss_kb(gateway);
    let mut sessions = Vec::new();
    for i in 0..n {
        let name = format!("DESK{i}");
        let key = pki.issue(&Order::desk(&name)).expect("a certificate").certified_key().expect("a key");
        let tls = ClientProfile::new(pki.gateway_roots().expect("roots"), key).config().expect("a profile");
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        let stream = TlsConnector::from(tls).connect(ServerName::try_from("localhost").expect("a name"), tcp).await.expect("TLS");
        let binding = BASE64.encode(channel_binding(stream.get_ref().1).expect("an exporter"));
        let config = SessionConfig {
            role: Role::Initiator,
            sender: CompId::new(name).expect("an id"),
            target: CompId::new("SIGNET").expect("an id"),
            heartbeat_s: 10,
            strict: true,
        };
        let session = Rc::new(Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).expect("a session"));
        let outbox = session.attach(Binding::Required(binding)).expect("attached");
        session.tick();
        let s = session.clone();
        tokio::task::spawn_local(async move { pump(stream, &mut Framer::new(), &s, &outbox, |_| {}).await });
        sessions.push(session);
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let on = sessions.iter().filter(|s| s.is_logged_on()).count();
    let after = rss_kb(gateway);
    let each = (after.saturating_sub(before)) as f64 / on.max(1) as f64;
    println!("   {before} kB with no desk, {after} kB with {on} desks on: {each:.0} kB per idle desk");
}

fn rss_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}
