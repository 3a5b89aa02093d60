//! The sections `[registry]`, `[enrolment]` and `[desk_default]`.

use super::{Config, ConfigError, KeySource, value};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use signet_identity::{EstAddress, FixAddress, SpkiPin};
use signet_registry::RegistryUrl;
use signet_rfq::DealerId;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use time::Duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySection {
    /// `sqlite:FILE` or `postgres://USER@HOST/DATABASE?...`.
    pub url: String,
    /// Holds the database's password, for its owner only.
    pub password_file: Option<PathBuf>,
    /// Nobody is admitted once the registry has not answered for this long.
    #[serde(default = "default_age")]
    pub view_max_age_s: u32,
    /// Cut the sessions that are on, too, when that happens.
    #[serde(default)]
    pub fail_closed_sessions: bool,
    /// The directory of the configuration file.
    #[serde(skip)]
    pub base: PathBuf,
}

fn default_age() -> u32 {
    10
}

/// What registered users without a `[[desk]]` entry may do; without this section, nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskDefaultSection {
    /// Dealers they may ask; leave out for all.
    pub dealers: Option<BTreeSet<DealerId>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentSection {
    /// Where the EST service listens.
    pub listen: SocketAddr,
    /// Where desks find it.
    pub public_host: String,
    pub public_port: u16,
    /// The name in the gateway's certificate; `public_host` if left out.
    pub server_name: Option<String>,
    /// Where desks find the FIX listener, if elsewhere.
    pub fix_host: Option<String>,
    pub fix_port: Option<u16>,
    pub fix_server_name: Option<String>,
    /// The authorities of the gateway's own certificate, for invitations.
    pub anchors: PathBuf,
    /// The gateway's present and next key, for invitations.
    #[serde(default)]
    pub pins: Vec<String>,
    #[serde(default = "default_lifetime")]
    pub lifetime_days: u32,
    /// How long a revocation list is valid, hours; the next one is made after half of that.
    #[serde(default = "default_crl")]
    pub crl_hours: u32,
    /// The certificate policy (an object identifier of the firm's) that marks managed devices.
    pub managed_policy: Option<String>,
    /// The embedded authority.
    pub ca_certificate: Option<PathBuf>,
    pub ca_key: Option<KeySource>,
    /// An outside authority instead.
    pub upstream: Option<UpstreamSection>,
}

fn default_lifetime() -> u32 {
    7
}

fn default_crl() -> u32 {
    24
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSection {
    /// `https://HOST[:PORT]/.well-known/est[/LABEL]`.
    pub url: String,
    /// The authorities of that service's certificate.
    pub roots: PathBuf,
    /// One line `user:password`, for its owner only.
    pub credentials_file: PathBuf,
}

impl RegistrySection {
    /// With every default.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            password_file: None,
            view_max_age_s: default_age(),
            fail_closed_sessions: false,
            base: PathBuf::new(),
        }
    }

    pub fn url(&self) -> Result<RegistryUrl, ConfigError> {
        RegistryUrl::parse(&self.url, &self.base, self.password_file.as_deref())
            .map_err(|e| value("registry.url", e))
    }
}

impl EnrolmentSection {
    /// An authority of its own (certificate and key file), and every default.
    pub fn embedded(
        listen: SocketAddr,
        public_host: &str,
        (certificate, key): &(PathBuf, PathBuf),
        anchors: &Path,
    ) -> Self {
        Self {
            listen,
            public_host: public_host.into(),
            public_port: listen.port(),
            server_name: None,
            fix_host: None,
            fix_port: None,
            fix_server_name: None,
            anchors: anchors.into(),
            pins: Vec::new(),
            lifetime_days: default_lifetime(),
            crl_hours: default_crl(),
            managed_policy: None,
            ca_certificate: Some(certificate.clone()),
            ca_key: Some(KeySource::File(key.clone())),
            upstream: None,
        }
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let upstream = self.upstream.as_mut().map(|u| [&mut u.roots, &mut u.credentials_file]);
        let own = [Some(&mut self.anchors), self.ca_certificate.as_mut()];
        own.into_iter().flatten().chain(upstream.into_iter().flatten())
    }

    pub fn server_name(&self) -> &str {
        self.server_name.as_deref().unwrap_or(&self.public_host)
    }

    pub fn est_address(&self) -> EstAddress {
        EstAddress {
            host: self.public_host.clone(),
            port: self.public_port,
            server_name: self.server_name().into(),
        }
    }

    pub fn crl_url(&self) -> String {
        let host = if self.public_host.contains(':') {
            format!("[{}]", self.public_host)
        } else {
            self.public_host.clone()
        };
        format!("https://{host}:{}/crl/desks.crl", self.public_port)
    }

    pub fn pins(&self) -> Result<Vec<SpkiPin>, ConfigError> {
        self.pins.iter().map(|p| p.parse().map_err(|e| value("enrolment.pins", e))).collect()
    }

    pub fn anchors(&self) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        certificates(&self.anchors)
            .map_err(|e| value("enrolment.anchors", format!("{}: {e}", self.anchors.display())))
    }

    /// The certificate and the key of the embedded authority.
    pub fn ca_pair(&self) -> Result<(&Path, &KeySource), ConfigError> {
        match (&self.ca_certificate, &self.ca_key) {
            (Some(c), Some(k)) => Ok((c, k)),
            _ => Err(value(
                "enrolment",
                "ca_certificate and ca_key belong together, unless there is [enrolment.upstream]",
            )),
        }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        Duration::days(self.lifetime_days.into())
    }
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path)
        .and_then(|i| i.collect::<Result<Vec<_>, _>>())
        .map_err(|e| e.to_string())?;
    if all.is_empty() { Err("holds no certificate".into()) } else { Ok(all) }
}

impl Config {
    pub fn fix_address(&self, e: &EnrolmentSection) -> Result<FixAddress, ConfigError> {
        Ok(FixAddress {
            host: e.fix_host.clone().unwrap_or_else(|| e.public_host.clone()),
            port: e.fix_port.unwrap_or(self.desks.listen.port()),
            server_name: e.fix_server_name.clone().unwrap_or_else(|| e.server_name().into()),
            comp_id: self
                .gateway
                .comp_id
                .as_str()
                .parse()
                .map_err(|e| value("gateway.comp_id", e))?,
            trust_domain: self.gateway.trust_domain.clone(),
        })
    }

    /// What can be told from the text alone.
    pub(crate) fn check_enrolment(&self) -> Result<(), ConfigError> {
        if self.registry.as_ref().is_some_and(|r| !(1..=3_600).contains(&r.view_max_age_s)) {
            return Err(value("registry.view_max_age_s", "1 to 3600"));
        }
        if let Some(d) = &self.desk_default {
            if self.registry.is_none() {
                return Err(value(
                    "desk_default",
                    "needs [registry]: without it nobody says who is registered",
                ));
            }
            if d.dealers.as_ref().is_some_and(BTreeSet::is_empty) {
                return Err(value(
                    "desk_default.dealers",
                    "an empty list would mean nobody; leave it out for every dealer",
                ));
            }
            for x in d.dealers.iter().flatten() {
                if !self.dealer.iter().any(|e| &e.comp_id == x) {
                    return Err(value(
                        "desk_default.dealers",
                        format!("{x} is not a configured dealer"),
                    ));
                }
            }
        }
        let Some(e) = &self.enrolment else { return Ok(()) };
        if self.registry.is_none() {
            return Err(value(
                "enrolment",
                "needs [registry]: what is issued must be written down",
            ));
        }
        if e.public_host.is_empty() || e.public_port == 0 {
            return Err(value("enrolment.public_host", "must say where desks find the service"));
        }
        if !(1..=90).contains(&e.lifetime_days) {
            return Err(value("enrolment.lifetime_days", "1 to 90"));
        }
        if !(1..=24 * 30).contains(&e.crl_hours) {
            return Err(value("enrolment.crl_hours", "1 to 720"));
        }
        if e.upstream.is_some() && (e.ca_certificate.is_some() || e.ca_key.is_some()) {
            return Err(value(
                "enrolment",
                "has an embedded authority and an upstream one; choose",
            ));
        }
        if e.upstream.is_none() {
            e.ca_pair()?;
        }
        e.pins().map(|_| ())
    }
}
