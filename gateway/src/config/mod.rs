//! The one configuration file. Every key is documented in `signet-gateway.example.toml`.

mod admin;
mod checkpoint;
mod clock;
mod console;
mod enrolment;
mod entitlements;
mod keys;
mod limits;
mod metrics;
mod names;
mod peer_tls;
mod receive;
mod reset;
mod response;
mod risk;
mod siem;
mod signals;
mod step_up;
mod storage;
mod transmit;

pub use admin::{AdminSection, PolicyChange};
pub(crate) use checkpoint::RECEIVER_PATH;
pub use checkpoint::{Address, CheckpointSection, OnRewritten};
pub use clock::ClockSection;
pub use console::{ClientCertificate, ConsoleSection, LoadedConsole};
pub(crate) use enrolment::certificates;
pub use enrolment::{DeskDefaultSection, EnrolmentSection, RegistrySection, UpstreamSection};
pub use entitlements::{EntitlementsSection, Texts};
pub use keys::{KeySource, KeyUriError, Pkcs11Section, TokenKey};
pub use limits::{LimitsSection, Rate, SignedFull};
pub use metrics::MetricsSection;
pub use peer_tls::PeerTls;
pub use receive::{ReceivePeer, ReceiveSection};
pub use reset::{DailyReset, ResetSchedule};
pub use response::ResponseSection;
pub use risk::{
    DEFAULT_TABLE, GeoSettings, OpenRfqs, PostureSettings, RiskPolicy, RiskSection, RiskSettings,
};
pub(crate) use siem::https_target;
pub use siem::{
    Facility, FileSection, OtlpSection, SiemSection, SinkSection, SyslogSection, WhenFull,
};
pub use signals::{ProviderSection, SignalsSection};
pub use step_up::{StepUp, StepUpSection};
pub use storage::{DiskSection, JournalSection, StoreSection};
pub use transmit::{Signals, TransmitSection};

use ipnetwork::IpNetwork;
use serde::Deserialize;
use signet_identity::{
    CompId, PemError, Role, ServerIdentity, TlsPolicy, TlsVersions, host_and_port,
};
use signet_policy::entitle::EntitleError;
use signet_registry::hex_sha256;
use signet_rfq::{Catalogue, CatalogueError, DealerId, InstrumentError};
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Dealers and desks one gateway may have configured.
pub const MAX_PARTIES: usize = 10_000;
const MAX_SIGNATURE_THREADS: usize = 16;
const MAX_CONNECTION_THREADS: usize = 16;
/// Largest configuration or instrument file, bytes.
const MAX_FILE_LEN: u64 = 16 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0}: larger than {MAX_FILE_LEN} bytes")]
    TooLarge(PathBuf),
    #[error("{path}: {message}")]
    Syntax { path: PathBuf, message: String },
    #[error("{key}: {why}")]
    Value { key: String, why: String },
    #[error("[tls]: {0}")]
    Pem(#[from] PemError),
    #[error("{key}: {why}")]
    Trust { key: &'static str, why: String },
    #[error("{path}: {source}")]
    Instruments { path: PathBuf, source: InstrumentError },
    #[error("[entitlements]: {0}\n  {code}: {cure}", code = .0.code(), cure = .0.cure())]
    Entitlements(#[from] EntitleError),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub gateway: GatewaySection,
    pub tls: TlsSection,
    /// The token with keys of the gateway.
    pub pkcs11: Option<Pkcs11Section>,
    pub desks: DesksSection,
    pub dealers: DealersSection,
    pub entitlements: EntitlementsSection,
    #[serde(default)]
    pub desk: Vec<DeskEntry>,
    #[serde(default)]
    pub dealer: Vec<DealerEntry>,
    #[serde(default)]
    pub store: StoreSection,
    #[serde(default)]
    pub journal: JournalSection,
    #[serde(default)]
    pub disk: DiskSection,
    #[serde(default)]
    pub checkpoint: CheckpointSection,
    #[serde(default)]
    pub limits: LimitsSection,
    pub registry: Option<RegistrySection>,
    pub enrolment: Option<EnrolmentSection>,
    pub desk_default: Option<DeskDefaultSection>,
    pub step_up: Option<StepUpSection>,
    pub risk: RiskSection,
    pub admin: Option<AdminSection>,
    #[serde(default)]
    pub clock: ClockSection,
    pub siem: Option<SiemSection>,
    pub metrics: Option<MetricsSection>,
    #[serde(default)]
    pub response: ResponseSection,
    #[serde(default)]
    pub signals: Signals,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    /// Shown to traders as the venue.
    pub name: String,
    /// Our CompID, towards desks and dealers.
    pub comp_id: CompId,
    /// Session stores and the journal live here.
    pub state_dir: PathBuf,
    pub instruments: PathBuf,
    /// The authority part of SPIFFE ids in the certificates we accept.
    pub trust_domain: String,
    /// Threads that verify and make message signatures; 0: the trading thread does.
    #[serde(default)]
    pub signature_threads: usize,
    /// Threads that have the sockets and TLS of desks over TCP and of dealers; 0: the trading
    /// thread has them.
    #[serde(default)]
    pub connection_threads: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    pub certificate: PathBuf,
    pub key: KeySource,
    /// Every connection, in and out, needs a post-quantum hybrid key exchange.
    #[serde(default)]
    pub hybrid_only: bool,
    /// Every connection, in and out, uses AWS-LC's FIPS module; needs a build with it.
    #[serde(default)]
    pub fips: bool,
}

impl TlsSection {
    /// For one listener or dialler.
    pub fn policy(&self, versions: TlsVersions) -> TlsPolicy {
        TlsPolicy { versions, hybrid_only: self.hybrid_only, fips: self.fips }
    }

    /// For a dialler towards a service that is not ours and may be older.
    pub fn lenient_policy(&self) -> TlsPolicy {
        self.policy(versions(!self.hybrid_only))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesksSection {
    pub listen: SocketAddr,
    /// CA certificates that desks' certificates must chain to.
    pub trust: PathBuf,
    #[serde(default)]
    pub allow_tls12: bool,
    #[serde(default = "default_connections")]
    pub max_connections: usize,
    /// Revocation lists of the authorities in `trust`, PEM or DER, read again when a file changes.
    #[serde(default)]
    pub crl: Vec<PathBuf>,
    /// Refuse desks about which no list in force can tell. Left out: when `crl` names a file, since
    /// a revoked certificate could get in otherwise.
    #[serde(default)]
    pub crl_required: Option<bool>,
    /// Load balancers that say with a PROXY protocol v2 header whom they speak for; from everybody
    /// else such a header is refused, and without one they are.
    #[serde(default)]
    pub proxy_from: Vec<IpNetwork>,
    /// Take desks over QUIC as well, on UDP at the same address and port. Left out: unless
    /// `proxy_from` names a load balancer, or `tls.fips` is set.
    #[serde(default)]
    pub quic: Option<bool>,
    /// Longest HeartBtInt (108) that a desk may ask for, seconds: a desk that falls silent is
    /// noticed within two and a half of them.
    #[serde(default = "default_heartbeat_max")]
    pub heartbeat_max_s: u32,
}

impl Config {
    /// Whether desks may come over QUIC.
    pub fn quic(&self) -> bool {
        self.desks.quic.unwrap_or(self.desks.proxy_from.is_empty() && !self.tls.fips)
    }
}

fn default_heartbeat_max() -> u32 {
    *signet_fix::session::HEARTBEAT_S.end()
}

fn default_connections() -> usize {
    5_000
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealersSection {
    /// CA certificates that dealers' certificates must chain to.
    pub trust: PathBuf,
    #[serde(default = "default_heartbeat")]
    pub heartbeat_s: u32,
    /// As for desks, for dealers' certificates.
    #[serde(default)]
    pub crl: Vec<PathBuf>,
    #[serde(default)]
    pub crl_required: Option<bool>,
}

fn default_heartbeat() -> u32 {
    10
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskEntry {
    pub comp_id: CompId,
    /// Dealers this trader may ask; leave out for all.
    #[serde(default)]
    pub dealers: BTreeSet<DealerId>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealerEntry {
    pub comp_id: DealerId,
    pub name: String,
    /// `host:port` to dial.
    pub address: String,
    #[serde(flatten)]
    pub tls: PeerTls,
    /// Every message of this dealer must carry a good signature (tags 93/89) by the key of its TLS
    /// certificate.
    #[serde(default)]
    pub signs: bool,
    /// What commits us towards this dealer, QuoteRequest and QuoteResponse, is signed with our key.
    #[serde(default)]
    pub sign: bool,
    /// It takes counters (QuoteResponse, 694=2); without it the gateway refuses them for it.
    #[serde(default)]
    pub counter: bool,
    /// It lets a part of its quotes be taken: it fills no more than OrderQty (38) of an accept.
    /// Without it the gateway refuses an accept of less than the quote is for.
    #[serde(default)]
    pub takes_part: bool,
    /// When the session's sequence numbers start again at 1.
    #[serde(default)]
    pub reset: ResetSchedule,
}

impl Config {
    /// Relative paths in the file are relative to the file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        // The words about a fault repeat its line, where somebody may have put a PIN.
        let in_words = |e: toml::de::Error| match text.contains("pin-value") {
            true => e.message().to_owned(),
            false => e.to_string(),
        };
        let syntax = |e| ConfigError::Syntax { path: path.into(), message: in_words(e) };
        let mut c: Self = toml::from_str(&text).map_err(syntax)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut c.gateway.state_dir,
            &mut c.gateway.instruments,
            &mut c.tls.certificate,
            &mut c.desks.trust,
            &mut c.dealers.trust,
            &mut c.entitlements.policies,
            &mut c.entitlements.facts,
        ];
        let enrolment = c.enrolment.iter_mut().flat_map(EnrolmentSection::paths);
        let risk = c.risk.paths();
        let lists = c
            .desks
            .crl
            .iter_mut()
            .chain(&mut c.dealers.crl)
            .chain(c.admin.iter_mut().flat_map(AdminSection::paths))
            .chain(c.siem.iter_mut().flat_map(SiemSection::paths))
            .chain(c.signals.receive.iter_mut().flat_map(SignalsSection::paths))
            .chain(c.signals.transmit.iter_mut().flat_map(TransmitSection::paths))
            .chain(c.metrics.iter_mut().filter_map(|m| m.trust.as_mut()))
            .chain(c.pkcs11.iter_mut().flat_map(Pkcs11Section::paths));
        for p in paths
            .into_iter()
            .chain(c.store.key_file.as_mut())
            .chain(enrolment)
            .chain(risk)
            .chain(lists)
        {
            *p = base.join(&*p);
        }
        c.checkpoint.rebase(base);
        c.tls.key.rebase(base);
        for key in c.enrolment.iter_mut().filter_map(|e| e.ca_key.as_mut()) {
            key.rebase(base);
        }
        let consoles = c.admin.iter_mut().filter_map(|a| a.console.as_mut());
        for key in consoles.filter_map(|c| c.key.as_mut()) {
            key.rebase(base);
        }
        if let Some(s) = &mut c.step_up {
            s.attestation = base.join(&s.attestation);
            let table: toml::Table = toml::from_str(&text).map_err(syntax)?;
            s.digest = hex_sha256(
                table.get("step_up").map(ToString::to_string).unwrap_or_default().as_bytes(),
            );
        }
        if let Some(r) = &mut c.registry {
            r.base = base.into();
        }
        Ok(c)
    }

    /// The gateway's own certificate and key, which must be this gateway's.
    pub fn load_identity(&self) -> Result<ServerIdentity, ConfigError> {
        let identity = self.server_identity("tls.key", &self.tls.certificate, &self.tls.key)?;
        identity.message_key().map_err(|e| value("tls.key", format!("{e}. {}", e.cure())))?;
        let peer = identity.peer().map_err(|e| value("tls.certificate", e))?;
        peer.require(Role::Gateway, &self.gateway.trust_domain)
            .map_err(|e| value("tls.certificate", e))?;
        if peer.comp_id.as_str() != self.gateway.comp_id.as_str() {
            let why = format!(
                "the certificate is for {}, the CompID is {}",
                peer.comp_id, self.gateway.comp_id
            );
            return Err(value("tls.certificate", why));
        }
        Ok(identity)
    }

    /// Second persons who do not exist: nothing that needs one could be approved by them.
    pub fn unknown_approvers(&self, known: &BTreeSet<CompId>) -> Vec<String> {
        let second = self.step_up.as_ref().and_then(|s| s.when.second_person.as_ref());
        let unknown = second.iter().flat_map(|s| s.approvers.difference(known));
        unknown
            .map(|a| format!("step_up.when.second_person.approvers: no desk {a} is known"))
            .collect()
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.check_values()?;
        self.check_keys()?;
        self.check_parties()?;
        self.limits.check()?;
        self.check_checkpoint()?;
        self.check_listeners()?;
        self.check_clock()?;
        self.disk.check()?;
        self.check_metrics()?;
        self.check_response()?;
        self.check_enrolment()?;
        self.check_step_up()?;
        self.check_siem()?;
        self.check_console()?;
        self.check_signals()?;
        self.check_transmit()
    }

    pub(crate) fn check_values(&self) -> Result<(), ConfigError> {
        names::check_name("gateway.name", &self.gateway.name)?;
        for d in &self.dealer {
            names::check_name(&format!("{}: name", d.of()), &d.name)?;
        }
        if self.desk.len() > MAX_PARTIES || self.dealer.len() > MAX_PARTIES {
            return Err(value("desk/dealer", format!("at most {MAX_PARTIES} of each")));
        }
        if !(1..=60).contains(&self.dealers.heartbeat_s) {
            return Err(value("dealers.heartbeat_s", "1 to 60"));
        }
        if !(1..=3_600).contains(&self.desks.heartbeat_max_s) {
            return Err(value("desks.heartbeat_max_s", "1 to 3600"));
        }
        if self.gateway.signature_threads > MAX_SIGNATURE_THREADS {
            return Err(value("gateway.signature_threads", "0 to 16"));
        }
        if self.gateway.connection_threads > MAX_CONNECTION_THREADS {
            return Err(value("gateway.connection_threads", "0 to 16"));
        }
        if self.tls.hybrid_only && self.desks.allow_tls12 {
            let why = "TLS 1.2 has no hybrid key exchange, which tls.hybrid_only asks for; choose";
            return Err(value("desks.allow_tls12", why));
        }
        self.dealer.iter().try_for_each(|d| d.tls.check(&self.tls, &d.of()))?;
        Ok(())
    }

    pub(crate) fn check_parties(&self) -> Result<(), ConfigError> {
        if self.dealer.is_empty() {
            return Err(value("dealer", "at least one dealer is needed"));
        }
        let mut seen = BTreeSet::new();
        let ids = self
            .desk
            .iter()
            .map(|d| d.comp_id.as_str())
            .chain(self.dealer.iter().map(|d| d.comp_id.as_str()));
        for id in ids.chain([self.gateway.comp_id.as_str()]) {
            if !seen.insert(id) {
                return Err(value("comp_id", format!("{id} is used twice")));
            }
            // Long enough for any firm, short enough that `desk.request` fits 64 characters; no
            // dot, so that `a.b` + `c` can never be taken for `a` + `b.c`; and one that people can
            // tell from another.
            if id.len() > 24 || id.contains('.') || id.trim() != id {
                let why = "at most 24 characters, no dot, and no blank at its ends";
                return Err(value("comp_id", format!("{id}: {why}")));
            }
        }
        for d in &self.desk {
            for x in &d.dealers {
                if !self.dealer.iter().any(|e| &e.comp_id == x) {
                    return Err(value(
                        format!("desk {}: dealers", d.comp_id),
                        format!("{x} is not a configured dealer"),
                    ));
                }
            }
        }
        for d in &self.dealer {
            host_and_port(&d.address)
                .map_err(|why| value(format!("dealer {}: address", d.comp_id), why))?;
        }
        Ok(())
    }
}

impl DealerEntry {
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        host_and_port(&self.address).ok()
    }

    pub fn name_to_verify(&self) -> &str {
        self.tls.name_to_verify(self.host_and_port().map_or("", |(h, _)| h))
    }

    /// Its section, for errors.
    pub(crate) fn of(&self) -> String {
        format!("dealer {}", self.comp_id)
    }
}

pub fn versions(allow_tls12: bool) -> TlsVersions {
    if allow_tls12 { TlsVersions::AllowTls12 } else { TlsVersions::default() }
}

pub(crate) fn value(key: impl Into<String>, why: impl ToString) -> ConfigError {
    ConfigError::Value { key: key.into(), why: why.to_string() }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.into(), source };
    if fs::metadata(path).map_err(fail)?.len() > MAX_FILE_LEN {
        return Err(ConfigError::TooLarge(path.into()));
    }
    fs::read_to_string(path).map_err(fail)
}

pub(crate) fn read_instruments(path: &Path) -> Result<Catalogue, ConfigError> {
    Catalogue::from_toml(&read(path)?).map_err(|e| match e {
        CatalogueError::Instrument(source) => {
            ConfigError::Instruments { path: path.into(), source }
        }
        other => ConfigError::Syntax { path: path.into(), message: other.to_string() },
    })
}
