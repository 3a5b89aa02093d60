//! Which gateways this desk may connect to. A file that an administrator deploys, not a trader.

use crate::direct::DirectSettings;
use serde::Deserialize;
use signet_identity::{
    EstAddress, Invitation, SpkiPin, TlsPolicy, TrustRoots, is_relying_party,
    net::{ProxyError, ProxySetting},
    pkcs11::Pkcs11Settings,
};
use signet_rfq::CompId;
use std::{
    fs,
    path::{Path, PathBuf},
};

const MAX_FILE_LEN: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Syntax { path: PathBuf, message: String },
    #[error("venue {venue}: {why}")]
    Venue { venue: String, why: String },
    #[error("proxy: {0}")]
    Proxy(String),
}

/// One gateway, or one venue without, and how to know that it is the right one.
#[derive(Debug, Clone)]
pub struct Venue {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// The name its certificate must carry.
    pub server_name: String,
    /// Its CompID.
    pub comp_id: CompId,
    /// Empty in direct mode, where nobody's certificate states one.
    pub trust_domain: String,
    pub roots: TrustRoots,
    pub pins: Vec<SpkiPin>,
    pub allow_tls12: bool,
    /// Revocation lists for its certificate, PEM or DER.
    pub crl: Vec<PathBuf>,
    /// Without a good list there is no connection.
    pub crl_required: bool,
    /// Where its certificates are renewed, if this laptop was enrolled with an invitation.
    pub est: Option<EstAddress>,
    /// The relying party this venue may ask security keys as, and no other: a venue that could name any would get
    /// answers meant for somebody else's.
    pub rp_id: Option<String>,
    /// A plain FIXS venue: there is no gateway.
    pub direct: Option<DirectSettings>,
}

/// What a firm may ask of every connection beyond the standing policy.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSwitches {
    /// Only with the post-quantum hybrid key exchange.
    #[serde(default)]
    pub hybrid_only: bool,
    /// Only with AWS-LC's FIPS module; other builds then refuse to connect.
    #[serde(default)]
    pub fips: bool,
}

impl TlsSwitches {
    pub(crate) fn policy(self) -> TlsPolicy {
        TlsPolicy { hybrid_only: self.hybrid_only, fips: self.fips, ..TlsPolicy::default() }
    }
}

#[derive(Debug, Clone)]
pub struct DeskConfig {
    /// Those an administrator deployed; the desk adds those of invitations.
    pub venues: Vec<Venue>,
    /// Session stores and blotters, one folder per identity.
    pub data_dir: PathBuf,
    /// The PKCS#11 token keys may be held in, where there is one.
    pub token: Option<Pkcs11Settings>,
    pub tls: TlsSwitches,
    /// How the network is left, for hotels and offices with a proxy.
    pub proxy: ProxySetting,
    pub version: String,
    /// Set only by a build with the practice venue inside.
    pub practice: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    venue: Vec<VenueEntry>,
    token: Option<TokenEntry>,
    #[serde(default)]
    tls: TlsSwitches,
    /// `http://host:port`, or `direct` for none whatever the environment says; left out: the environment's.
    proxy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    /// The PKCS#11 library that came with the token.
    module: PathBuf,
    /// Its label or serial number; left out, the only one inserted.
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VenueEntry {
    name: String,
    address: String,
    server_name: Option<String>,
    comp_id: CompId,
    trust_domain: Option<String>,
    /// PEM file of the CA certificates, relative to this file.
    trust: PathBuf,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    allow_tls12: bool,
    #[serde(default)]
    crl: Vec<PathBuf>,
    /// Left out: when `crl` names a file.
    crl_required: Option<bool>,
    rp_id: Option<String>,
    direct: Option<toml::Table>,
}

/// Reads `desk.toml`.
fn read(path: &Path) -> Result<File, DeskConfigError> {
    let fail = |source| DeskConfigError::Read { path: path.into(), source };
    if fs::metadata(path).map_err(fail)?.len() > MAX_FILE_LEN {
        return Err(fail(std::io::Error::other("the file is far too large")));
    }
    let text = fs::read_to_string(path).map_err(fail)?;
    toml::from_str(&text).map_err(|e| DeskConfigError::Syntax { path: path.into(), message: e.to_string() })
}

fn proxy(text: Option<&str>) -> Result<ProxySetting, DeskConfigError> {
    match text {
        None => Ok(ProxySetting::FromEnvironment),
        Some("direct") => Ok(ProxySetting::Direct),
        Some(url) => url.parse().map(ProxySetting::Url).map_err(|e: ProxyError| DeskConfigError::Proxy(e.to_string())),
    }
}

fn venue(v: VenueEntry, base: &Path) -> Result<Venue, DeskConfigError> {
    let wrong = |why: String| DeskConfigError::Venue { venue: v.name.clone(), why };
    let (host, port) = v.address.rsplit_once(':').ok_or_else(|| wrong("address must be host:port".into()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = port.parse().map_err(|_| wrong("address must be host:port".into()))?;
    let roots = TrustRoots::from_pem_file(&base.join(&v.trust)).map_err(|e| wrong(e.to_string()))?;
    if v.rp_id.as_deref().is_some_and(|id| !is_relying_party(id)) {
        return Err(wrong("rp_id must be a host name with a dot in it, in lower case".into()));
    }
    let pins = v.pins.iter().map(|p| p.parse().map_err(|e| wrong(format!("pin {p}: {e}")))).collect::<Result<_, _>>()?;
    let direct = v.direct.as_ref().map(|d| DirectSettings::read(d, &v.name, base)).transpose().map_err(wrong)?;
    let trust_domain = match (&v.trust_domain, &direct) {
        (Some(domain), None) => domain.clone(),
        (None, Some(_)) => String::new(),
        (None, None) => return Err(wrong("trust_domain is missing: the one its certificate states".into())),
        (Some(_), Some(_)) => return Err(wrong("trust_domain: not with direct, where no certificate states one".into())),
    };
    let rp_id = match (&v.rp_id, &direct) {
        (Some(_), Some(_)) => return Err(wrong("rp_id: with direct it stands in direct.step_up".into())),
        (rp_id, None) => rp_id.clone(),
        (None, Some(d)) => d.step_up.as_ref().map(|s| s.relying_party.rp_id().to_owned()),
    };
    Ok(Venue {
        server_name: v.server_name.clone().unwrap_or_else(|| host.clone()),
        name: v.name.clone(),
        host,
        port,
        comp_id: v.comp_id.clone(),
        trust_domain,
        roots,
        pins,
        allow_tls12: v.allow_tls12,
        crl: v.crl.iter().map(|file| base.join(file)).collect(),
        crl_required: v.crl_required.unwrap_or(!v.crl.is_empty()),
        est: None,
        rp_id,
        direct,
    })
}

impl Venue {
    /// The venue an invitation leads to.
    pub fn of_invitation(i: &Invitation) -> Result<Self, DeskConfigError> {
        let wrong = |why: String| DeskConfigError::Venue { venue: i.venue.clone(), why };
        Ok(Self {
            name: i.venue.clone(),
            host: i.fix.host.clone(),
            port: i.fix.port,
            server_name: i.fix.server_name.clone(),
            comp_id: CompId::new(i.fix.comp_id.as_str()).map_err(|e| wrong(e.to_string()))?,
            trust_domain: i.fix.trust_domain.clone(),
            roots: TrustRoots::new(i.anchors.iter().cloned()).map_err(|e| wrong(e.to_string()))?,
            pins: i.pins.clone(),
            allow_tls12: false,
            crl: Vec::new(),
            crl_required: false,
            est: Some(i.est.clone()),
            rp_id: i.rp_id.clone(),
            direct: None,
        })
    }

    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl DeskConfig {
    /// A desk that no administrator has prepared: it knows what it was enrolled with.
    pub fn empty(data_dir: PathBuf, version: &str) -> Self {
        Self {
            venues: Vec::new(),
            data_dir,
            token: None,
            tls: TlsSwitches::default(),
            proxy: ProxySetting::FromEnvironment,
            version: version.into(),
            practice: false,
        }
    }

    pub fn from_file(path: &Path, data_dir: PathBuf, version: &str) -> Result<Self, DeskConfigError> {
        let file = read(path)?;
        let base = path.parent().unwrap_or(Path::new(""));
        Ok(Self {
            venues: file.venue.into_iter().map(|v| venue(v, base)).collect::<Result<_, _>>()?,
            token: file.token.map(|t| Pkcs11Settings { module: t.module, token: t.token }),
            tls: file.tls,
            proxy: proxy(file.proxy.as_deref())?,
            ..Self::empty(data_dir, version)
        })
    }
}
