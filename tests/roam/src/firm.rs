//! A gateway in a process of its own, and simulated dealers in this one.

use crate::{
    desk::{RP_ID, VENUE},
    network,
    talk::Place,
};
use signet_dealer::{
    Credentials, DealerSettings, Force, INSTRUMENTS_TOML, Instruments, Signs, Simulator,
};
use signet_devca::{DevPki, Order};
use signet_gateway::{
    Config,
    admin::{self, CodeTerms, Invited},
};
use signet_identity::{MessageKey, ServerProfile};
use signet_practice::{FACTS, POLICIES, Plan};
use signet_registry::NewUser;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

/// Certificates name this authority.
pub const DOMAIN: &str = "roam.signet.example";
/// The gateway's CompID.
pub const GATEWAY: &str = "SIGNET";
/// The dealer that is asked.
pub const DEALER: &str = "NORTHBANK";
/// Everything here is the firm's network, in Britain.
const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n\
    [[network]]\nrange = '10.0.0.0/8'\ncountry = 'GB'\n\
    [posture]\nmanaged_policies = ['2.999.1']\nrequire = []\n";

/// A child that ends with its owner.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// This program again, with a word and a path.
    pub fn again(word: &str, path: &Path) -> Self {
        let log = fs::File::create(path.with_extension("log")).expect("a log");
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        command.arg(word).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().expect("started"))
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Until somebody listens there.
pub fn wait_for(at: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(at).is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "nobody listens at {at}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The gateway, its files, and its dealers.
#[derive(Debug)]
pub struct Firm {
    dir: PathBuf,
    config: PathBuf,
    runtime: Runtime,
    simulator: Simulator,
    gateway: Option<Process>,
    port: u16,
    enrolment: SocketAddr,
}

impl Firm {
    /// With the gateway up. `attestation` is the list of security keys of a firm that uses them,
    /// which then asks for a touch at each logon.
    pub fn start(dir: &Path, attestation: Option<&str>) -> Self {
        let pki = DevPki::generate(DOMAIN, OffsetDateTime::now_utc()).expect("a CA");
        let runtime = runtime();
        let simulator = dealers(&pki, &runtime, dir, |_| {});
        let (port, enrolment) = (free_port(), SocketAddr::from(([127, 0, 0, 1], free_port())));
        let ports = [port, enrolment.port()];
        let config = configure(&pki, dir, ports, simulator.addresses()[DEALER], attestation);
        let read = Config::read(&config).expect("a configuration");
        runtime.block_on(async { admin::ca_init(&read, None, 1) }).expect("an authority");
        let mut firm =
            Self { dir: dir.into(), config, runtime, simulator, gateway: None, port, enrolment };
        firm.start_gateway();
        firm
    }

    /// Until it listens.
    pub fn start_gateway(&mut self) {
        self.gateway = Some(Process::again("gateway", &self.config));
        wait_for((Ipv4Addr::LOCALHOST, self.port).into());
        wait_for(self.enrolment);
    }

    /// As a power cut would.
    pub fn kill_gateway(&mut self) {
        self.gateway = None;
    }

    /// An invitation for a trader.
    pub fn invite(&self, id: &str, comp_id: &str) -> Invited {
        let config = Config::read(&self.config).expect("a configuration");
        let user = NewUser {
            id: id.into(),
            comp_id: comp_id.into(),
            name: id.into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let terms = CodeTerms { hours: 1, managed: true };
        self.runtime.block_on(admin::add(&config, user, terms, &self.dir)).expect("invited")
    }

    /// The gateway as it is reached at this address.
    pub fn place(&self, host: Ipv4Addr) -> Place {
        let roots = self.dir.join("gateways-ca.pem");
        Place { host: host.to_string(), port: self.port, roots, quic: false }
    }

    /// The dealer quotes every request at this offer, once, at once.
    pub fn quote(&self, offer: &str, valid_ms: u64) {
        let offer: rust_decimal::Decimal = offer.parse().expect("a price");
        let quote =
            Force::QuoteExactly { bid: None, offer: Some(offer), size: 5_000_000.into(), valid_ms };
        self.runtime.block_on(self.simulator.force(DEALER, quote)).expect("the dealer");
    }

    /// How many accepts the dealer filled, from what it keeps on disk.
    pub fn fills(&self) -> usize {
        let path = self.dir.join("dealers").join(format!("{DEALER}.orders.jsonl"));
        let text = fs::read_to_string(path).unwrap_or_default();
        let filled = |line: &&str| {
            let order: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            order["state"] == "Filled"
        };
        let mut ids: Vec<String> = text
            .lines()
            .filter(filled)
            .map(|l| {
                serde_json::from_str::<serde_json::Value>(l).unwrap_or_default()["cl_ord_id"]
                    .to_string()
            })
            .collect();
        ids.sort();
        ids.dedup();
        ids.len()
    }
}

/// In this process: reads the configuration and trades until it is killed.
pub fn run_gateway(config: &Path) {
    // What it refuses goes into the log that `Process::again` keeps.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let config = Config::read(config).expect("a configuration");
    let loaded = signet_gateway::Loaded::of(config).expect("a gateway's files");
    let options = signet_gateway::Options { practice: false };
    let _gateway = signet_gateway::Gateway::start(loaded, options).expect("a gateway");
    loop {
        std::thread::park();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// For dealers: a thread of their own.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// [`DEALER`], calm but for what `change` makes of it.
pub(crate) fn dealers(
    pki: &DevPki,
    runtime: &Runtime,
    dir: &Path,
    change: impl Fn(&mut DealerSettings),
) -> Simulator {
    let mut settings = Plan::calm(dir).expect("a plan").dealers;
    settings.dealers.retain(|d| d.id == DEALER);
    for d in &mut settings.dealers {
        d.signs = Signs::No;
        d.wants_signed = false;
        change(d);
    }
    let mut credentials = Credentials::new(DOMAIN);
    for d in &settings.dealers {
        let issued = pki.issue(&Order::dealer(&d.id)).expect("a certificate");
        let key = issued.certified_key().expect("a key");
        let message_key = MessageKey::of(&key).expect("a P-256 key");
        let profile = ServerProfile::new(pki.gateway_roots().expect("roots"), key);
        credentials = credentials
            .with_dealer(&d.id, &profile)
            .expect("TLS")
            .with_message_key(&d.id, message_key);
    }
    let instruments = Instruments::parse(INSTRUMENTS_TOML).expect("instruments");
    let state = dir.join("dealers");
    fs::create_dir_all(&state).expect("a folder");
    let started = Simulator::start(&settings, instruments, &credentials, &state);
    runtime.block_on(started).expect("dealers")
}

/// What a gateway's folder has in it, whatever its configuration says.
pub(crate) fn write_folder(pki: &DevPki, dir: &Path) {
    let gateway = pki.issue(&Order::gateway(GATEWAY)).expect("a certificate");
    gateway.write_to(dir, "gateway").expect("written");
    pki.write_roots(dir).expect("roots");
    for (name, text) in [
        ("instruments.toml", INSTRUMENTS_TOML),
        ("risk.toml", RISK),
        ("entitlements.cedar", POLICIES),
        ("entitlements.toml", FACTS),
    ] {
        write(dir, name, text);
    }
}

/// Writes a file of that folder.
pub(crate) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).expect("written");
    path
}

fn configure(
    pki: &DevPki,
    dir: &Path,
    [port, enrolment]: [u16; 2],
    dealer: SocketAddr,
    attestation: Option<&str>,
) -> PathBuf {
    write_folder(pki, dir);
    let mut text = format!(
        "[gateway]\nname = \"{VENUE}\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\n\
         instruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"0.0.0.0:{port}\"\ntrust = \"issuing.pem\"\n\
         [dealers]\ntrust = \"dealers-ca.pem\"\nheartbeat_s = 5\n\
         [risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [desk_default]\n[[dealer]]\ncomp_id = \"{DEALER}\"\nname = \"North Bank\"\n\
         address = \"{dealer}\"\nserver_name = \"localhost\"\n\
         [registry]\nurl = \"sqlite:registry.db\"\n\
         [enrolment]\nlisten = \"127.0.0.1:{enrolment}\"\npublic_host = \"localhost\"\n\
         public_port = {enrolment}\nmanaged_policy = \"2.999.1\"\nfix_port = {port}\n\
         anchors = \"gateways-ca.pem\"\nca_certificate = \"issuing.pem\"\n\
         ca_key = \"issuing-key.pem\"\n",
    );
    if let Some(keys) = attestation {
        write(dir, "keys.toml", keys);
        text += &format!(
            "[step_up]\nrp_id = \"{RP_ID}\"\nattestation = \"keys.toml\"\n\
             [step_up.when]\nlogon = \"always\"\n"
        );
    }
    write(dir, "gateway.toml", &text)
}

/// The gateway from the laptop's networks.
pub const FROM_OUTSIDE: Ipv4Addr = network::GATEWAY;
