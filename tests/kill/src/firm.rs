//! The gateway's folder and process, the desks' processes, and the simulated dealers.

use crate::{
    DEALERS, DESKS, DOMAIN, GATEWAY, VENUE, registry,
    talk::{Order, Told},
};
use signet_dealer::{Credentials, INSTRUMENTS_TOML, Instruments, Signs, Simulator};
use signet_devca::{DevPki, Order as Certificate};
use signet_identity::{MessageKey, ServerProfile};
use signet_practice::{FACTS, POLICIES, Plan, RISK};
use signet_registry::Registry;
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

/// What could not be done, for people.
pub type Res<T> = Result<T, String>;

/// Longer than this is a failure, on however slow a machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A process that is killed with its owner.
#[derive(Debug)]
pub struct Killable(Child);

impl Killable {
    /// SIGKILL: nothing in it runs any further. Waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// With what it ended by itself, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.0.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        self.end();
    }
}

/// A desk's process.
pub struct DeskProcess {
    process: Killable,
    orders: ChildStdin,
    told: mpsc::Receiver<Told>,
}

impl DeskProcess {
    /// SIGKILL.
    pub fn kill(self) {
        self.process.kill();
    }

    /// Tells it what to do next. One that was killed hears nothing.
    pub fn order(&mut self, order: Order) {
        let line = serde_json::to_string(&order).unwrap_or_default();
        let _ = writeln!(self.orders, "{line}");
    }

    /// Waits until it says something.
    pub fn hears(&mut self, patience: Duration) -> Res<Told> {
        self.told
            .recv_timeout(patience)
            .map_err(|e| format!("a desk says nothing ({e}); ended: {:?}", self.process.ended()))
    }
}

/// Everything but the rounds.
pub struct Firm {
    /// Where all files are.
    pub dir: PathBuf,
    /// The gateway's configuration.
    pub config: PathBuf,
    program: PathBuf,
    environment: Vec<(String, String)>,
    port: u16,
    runtime: Runtime,
    simulator: Option<Simulator>,
}

impl Firm {
    /// Writes the folder and starts the dealers. `program` is `signet-kill`; `more` is added to the
    /// gateway's configuration, `environment` to the environment of its process.
    pub fn new(dir: &Path, program: &Path, more: &str, environment: &[(&str, &str)]) -> Res<Self> {
        // Good for a gateway whose clock is an hour behind, too.
        let made = OffsetDateTime::now_utc() - time::Duration::hours(2);
        let pki = DevPki::generate(DOMAIN, made).map_err(text)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(text)?;
        let simulator = dealers(&pki, &runtime, dir)?;
        let port = free_port()?;
        for name in DESKS {
            let issued = pki.issue(&Certificate::desk(name)).map_err(text)?;
            let chain: Vec<Vec<u8>> = issued.chain().iter().map(|c| c.to_vec()).collect();
            let chain = serde_json::to_vec(&chain).map_err(text)?;
            fs::write(dir.join(format!("{name}.chain")), chain).map_err(text)?;
            fs::write(dir.join(format!("{name}.key")), issued.key_pkcs8()).map_err(text)?;
        }
        let config = configure(&pki, dir, port, &simulator, more)?;
        pki.issue(&Certificate::dealer("SIEM").with_dns(["localhost"]))
            .and_then(|issued| issued.write_to(dir, "siem"))
            .map_err(text)?;
        Ok(Self {
            dir: dir.into(),
            config,
            program: program.into(),
            environment: environment
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            port,
            runtime,
            simulator: Some(simulator),
        })
    }

    /// Writes the desks into the registry of the configuration, as their enrolment would have.
    pub fn register_desks(&self) -> Res<()> {
        self.runtime.block_on(registry::register(&self.config, &self.dir))
    }

    /// Asks the registry of the configuration something.
    pub fn registry<T>(&self, ask: impl AsyncFnOnce(&Registry) -> Res<T>) -> Res<T> {
        self.runtime.block_on(registry::ask(&self.config, ask))
    }

    /// Starts the gateway's process; does not wait for it.
    pub fn spawn_gateway(&self) -> Res<Killable> {
        let log = append(&self.dir.join("gateway.log"))?;
        let mut command = Command::new(&self.program);
        command.arg("gateway").arg(&self.config).stdin(Stdio::null()).stderr(log);
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        Ok(Killable(command.stdout(Stdio::null()).spawn().map_err(text)?))
    }

    /// Starts a receiver of syslog at a port.
    pub fn start_siem(&self, port: u16) -> Res<Killable> {
        let log = append(&self.dir.join("siem.log"))?;
        let mut command = Command::new(&self.program);
        command.arg("siem").arg(&self.dir).arg(port.to_string()).stdin(Stdio::null());
        Ok(Killable(command.stdout(Stdio::null()).stderr(log).spawn().map_err(text)?))
    }

    /// Until it listens.
    pub fn wait_for_gateway(&self, gateway: &mut Killable) -> Res<()> {
        let began = Instant::now();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(at).is_err() {
            if let Some(end) = gateway.ended() {
                return Err(format!("the gateway does not start ({end}):\n{}", self.log_end()));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("the gateway does not listen:\n{}", self.log_end()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Starts the process of a desk.
    pub fn start_desk(&self, name: &str, seed: u64) -> Res<DeskProcess> {
        let log = append(&self.dir.join(format!("{name}.log")))?;
        let mut command = Command::new(&self.program);
        command.arg("desk").arg(&self.dir).args([name, &self.port.to_string(), &seed.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(text)?;
        let orders = child.stdin.take().ok_or("no standard input")?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                // A line that was cut off by the kill says nothing.
                let Some(t) = line.ok().and_then(|l| serde_json::from_str(&l).ok()) else { break };
                if tell.send(t).is_err() {
                    break;
                }
            }
        });
        Ok(DeskProcess { process: Killable(child), orders, told })
    }

    /// The last lines of the gateway's log.
    pub fn log_end(&self) -> String {
        let log = fs::read(self.dir.join("gateway.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Logs the dealers out.
    pub fn stop_dealers(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

/// `SIGNET_KILL_LOG`, for whoever looks for a fault.
fn log_level() -> tracing::Level {
    let level = std::env::var("SIGNET_KILL_LOG").ok().and_then(|l| l.parse().ok());
    level.unwrap_or(tracing::Level::WARN)
}

/// In the gateway's process: reads the configuration and trades until it is killed.
pub fn run_gateway(config: &Path) {
    tracing_subscriber::fmt()
        .with_max_level(log_level())
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let start = || {
        let config = signet_gateway::Config::read(config).map_err(text)?;
        let loaded = signet_gateway::Loaded::of(config).map_err(text)?;
        let options = signet_gateway::Options { practice: false };
        signet_gateway::Gateway::start(loaded, options).map_err(text)
    };
    match start() {
        Ok(_gateway) => loop {
            std::thread::park();
        },
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1);
        }
    }
}

/// Any error, for people.
pub fn text(e: impl ToString) -> String {
    e.to_string()
}

fn append(path: &Path) -> Res<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(text)
}

/// Below the ports that the system hands out, since the gateway takes it again after each kill. Of
/// two firms in one process each has a range of its own: while one's gateway is dead, its port is
/// free for a moment.
fn free_port() -> Res<u16> {
    const EACH: u16 = 100;
    static FIRMS: AtomicU16 = AtomicU16::new(0);
    let first = 18_000 + u16::try_from(std::process::id() % 10_000).map_err(text)?;
    let first = first + EACH * (FIRMS.fetch_add(1, Ordering::Relaxed) % 20);
    (first..first + EACH)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| "no free port".into())
}

fn dealers(pki: &DevPki, runtime: &Runtime, dir: &Path) -> Res<Simulator> {
    let mut settings = Plan::calm(dir).map_err(text)?.dealers;
    settings.dealers.retain(|d| DEALERS.contains(&d.id.as_str()));
    for d in &mut settings.dealers {
        d.valid_ms = 4_000;
        match d.id.as_str() {
            "MERIDIAN" => {
                d.last_look_ms = [0, 250];
                d.reject_probability = 0.2;
            }
            "CALDERA" => {
                d.requote_every_ms = [100, 400];
                d.pass_probability = 0.2;
                d.withdraw_probability = 0.1;
                d.partial_fill_probability = 0.1;
            }
            _ => {}
        }
    }
    let mut credentials = Credentials::new(DOMAIN);
    for d in &settings.dealers {
        let issued = pki.issue(&Certificate::dealer(&d.id)).map_err(text)?;
        let key = issued.certified_key().map_err(text)?;
        let message_key = MessageKey::of(&key).map_err(text)?;
        let profile = ServerProfile::new(pki.gateway_roots().map_err(text)?, key);
        credentials = credentials
            .with_dealer(&d.id, &profile)
            .map_err(text)?
            .with_message_key(&d.id, message_key);
    }
    let instruments = Instruments::parse(INSTRUMENTS_TOML).map_err(text)?;
    let state = dir.join("dealers");
    fs::create_dir_all(&state).map_err(text)?;
    let started = Simulator::start(&settings, instruments, &credentials, &state);
    runtime.block_on(started).map_err(text)
}

fn configure(
    pki: &DevPki,
    dir: &Path,
    port: u16,
    simulator: &Simulator,
    more: &str,
) -> Res<PathBuf> {
    let gateway = pki.issue(&Certificate::gateway(GATEWAY)).map_err(text)?;
    gateway.write_to(dir, "gateway").map_err(text)?;
    pki.write_roots(dir).map_err(text)?;
    for (name, contents) in [
        ("instruments.toml", INSTRUMENTS_TOML),
        ("risk.toml", RISK),
        ("entitlements.cedar", POLICIES),
        ("entitlements.toml", FACTS),
    ] {
        fs::write(dir.join(name), contents).map_err(text)?;
    }
    fs::create_dir_all(dir.join("witness")).map_err(text)?;
    // Nobody is kept out for how often it comes back, or for how much it says.
    let much = "{ burst = 1000000, per_minute = 1000000 }";
    let mut settings = format!(
        "[gateway]\nname = \"{VENUE}\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\n\
         instruments = \"instruments.toml\"\ntrust_domain = \"{DOMAIN}\"\n\
         [tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"127.0.0.1:{port}\"\ntrust = \"desks-ca.pem\"\n\
         [dealers]\ntrust = \"dealers-ca.pem\"\nheartbeat_s = 5\n\
         [risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [checkpoint]\nevery_records = 64\nevery_seconds = 1\npublish = [\"witness\"]\n\
         [limits]\ndesk_logons = {much}\ndesk_requests = {much}\ndesk_accepts = {much}\n\
         desk_cancels = {much}\ndesk_status_requests = {much}\ndesk_other = {much}\n\
         desk_list_requests = {much}\ndesk_kib = {much}\ndealer_other = {much}\n\
         connections_per_address = {much}\nsigned_mib_per_peer_per_day = 100000\n\
         [response]\nperson_failures = 0\nnetwork_failures = 0\ndealer_faults = 0\n{more}\n"
    );
    let at = simulator.addresses();
    for d in DEALERS {
        let signs = matches!(shipped_signs(d), Signs::Yes);
        let _ = write!(
            settings,
            "[[dealer]]\ncomp_id = \"{d}\"\nname = \"{d}\"\naddress = \"{}\"\n\
             server_name = \"localhost\"\nsigns = {signs}\nsign = {signs}\n",
            at[d]
        );
    }
    for d in DESKS {
        let _ = writeln!(settings, "[[desk]]\ncomp_id = \"{d}\"");
    }
    let file = dir.join("gateway.toml");
    fs::write(&file, settings).map_err(text)?;
    Ok(file)
}

fn shipped_signs(dealer: &str) -> Signs {
    if dealer == "NORTHBANK" { Signs::Yes } else { Signs::No }
}
