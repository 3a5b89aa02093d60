//! The gateway's folder, its process, and what the system says of it.

use crate::{DOMAIN, GATEWAY, HONEST_DEALER, HONEST_DESK, ports::free_port};
use signet_devca::{DevPki, Order};
use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use time::OffsetDateTime;

/// An error for people, as everything here is about a test.
pub type Res<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub struct Venue {
    pub pki: DevPki,
    pub desks_at: SocketAddr,
    pub dir: PathBuf,
    child: Child,
}

/// What a venue is made of.
pub struct Parties {
    pub honest_dealer: SocketAddr,
    /// Lines of the honest dealer's entry about signatures.
    pub honest_signatures: String,
    pub hostile_dealers: Vec<(String, SocketAddr)>,
    pub hostile_desks: Vec<String>,
}

pub fn pki() -> Res<DevPki> {
    Ok(DevPki::generate(DOMAIN, OffsetDateTime::now_utc())?)
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

impl Venue {
    /// Starts `program`, a gateway, on a configuration written into `dir`.
    pub fn start(program: &Path, dir: &Path, pki: DevPki, parties: &Parties) -> Res<Self> {
        let desks_at = free_address();
        let config = configure(&pki, dir, desks_at, parties)?;
        let log = fs::File::create(dir.join("gateway.log"))?;
        let mut child =
            Command::new(program).arg(config).stdin(Stdio::piped()).stderr(log).spawn()?;
        let began = Instant::now();
        while TcpStream::connect(desks_at).is_err() {
            if let Some(end) = child.try_wait()? {
                return Err(format!("the gateway has ended: {end}").into());
            }
            if began.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                return Err("the gateway does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { pki, desks_at, dir: dir.into(), child })
    }

    /// Whether the gateway's process is still there.
    pub fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory, MiB; 0 where there is no /proc.
    pub fn memory_mib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
        line.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// Files of the state folder, MiB.
    pub fn state_mib(&self) -> u64 {
        bytes_below(&self.dir.join("state")) / (1024 * 1024)
    }

    /// The last lines of the log, for whoever looks into a failure.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(self.dir.join("gateway.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The log, MiB.
    pub fn log_mib(&self) -> u64 {
        fs::metadata(self.dir.join("gateway.log")).map_or(0, |m| m.len()) / (1024 * 1024)
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        drop(self.child.stdin.take());
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < Duration::from_secs(10)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |e: fs::DirEntry| match e.metadata() {
        Ok(m) if m.is_dir() => bytes_below(&e.path()),
        Ok(m) => m.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn configure(pki: &DevPki, dir: &Path, desks_at: SocketAddr, parties: &Parties) -> Res<PathBuf> {
    pki.issue(&Order::gateway(GATEWAY))?.write_to(dir, "gateway")?;
    pki.write_roots(dir)?;
    fs::write(dir.join("instruments.toml"), signet_dealer::INSTRUMENTS_TOML)?;
    fs::write(dir.join("risk.toml"), signet_practice::RISK)?;
    fs::write(dir.join("entitlements.cedar"), signet_practice::POLICIES)?;
    fs::write(dir.join("entitlements.toml"), signet_practice::FACTS)?;
    // A peer that was disconnected is back after a second, and none is locked out, so that the flood
    // goes on.
    let mut text = format!(
        "[gateway]\nname = \"Hostile\"\ncomp_id = \"{GATEWAY}\"\nstate_dir = \"state\"\ninstruments = \"instruments.toml\"\n\
         trust_domain = \"{DOMAIN}\"\n[tls]\ncertificate = \"gateway.pem\"\nkey = \"gateway-key.pem\"\n\
         [desks]\nlisten = \"{desks_at}\"\ntrust = \"desks-ca.pem\"\n[dealers]\ntrust = \"dealers-ca.pem\"\n[risk]\nsettings = \"risk.toml\"\n\
         [entitlements]\npolicies = \"entitlements.cedar\"\nfacts = \"entitlements.toml\"\n\
         [limits]\nexcess_pause_seconds = 1\nsigned_mib_per_peer_per_day = 8\n\
         [response]\nperson_failures = 0\nnetwork_failures = 0\ndealer_faults = 0\n"
    );
    let honest = (HONEST_DEALER.to_owned(), parties.honest_dealer);
    for (id, address) in parties.hostile_dealers.iter().chain([&honest]) {
        write!(
            text,
            "[[dealer]]\ncomp_id = \"{id}\"\nname = \"{id}\"\naddress = \
                \"{address}\"\nserver_name = \"localhost\"\n"
        )?;
        if id == HONEST_DEALER {
            text.push_str(&parties.honest_signatures);
        }
    }
    for id in parties.hostile_desks.iter().map(String::as_str).chain([HONEST_DESK]) {
        write!(text, "[[desk]]\ncomp_id = \"{id}\"\n")?;
    }
    let file = dir.join("gateway.toml");
    fs::write(&file, text)?;
    Ok(file)
}
