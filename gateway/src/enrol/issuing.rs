//! Who signs certificates, and what `[enrolment]` points to.

use super::{
    ca::{AuthorityKey, Ca, CaSettings},
    upstream::{Upstream, UpstreamSettings},
};
use crate::config::{Config, ConfigError, KeySource, certificates, value};
use std::net::SocketAddr;
use time::{Duration, OffsetDateTime};

/// Who signs certificates.
#[derive(Debug)]
pub enum Issuing {
    /// An authority in this process.
    Embedded(Ca),
    /// An outside EST service (RFC 7030).
    Upstream(Upstream),
}

/// `[enrolment]`, read and checked.
#[derive(Debug)]
pub struct Enrolment {
    /// Where the EST service listens.
    pub listen: SocketAddr,
    /// Who signs.
    pub issuing: Issuing,
}

fn authority_key(config: &Config, key: &KeySource) -> Result<AuthorityKey, ConfigError> {
    Ok(match key {
        KeySource::File(file) => AuthorityKey::File(file.clone()),
        KeySource::Token(held) => {
            let key = config.token_key("enrolment.ca_key", held)?;
            AuthorityKey::Held { key, named: held.to_string().into() }
        }
    })
}

impl Enrolment {
    /// Reads what `[enrolment]` points to.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn load(config: &Config, now: OffsetDateTime) -> Result<Option<Self>, ConfigError> {
        let Some(e) = &config.enrolment else { return Ok(None) };
        e.anchors()?;
        if let Some(u) = &e.upstream {
            let settings = UpstreamSettings {
                url: u.url.clone(),
                roots: u.roots.clone(),
                credentials_file: u.credentials_file.clone(),
                trust_domain: config.gateway.trust_domain.clone(),
                // RFC 7030 §3.3.1 asks for TLS 1.1 or newer; older authorities speak 1.2.
                policy: config.tls.lenient_policy(),
            };
            let upstream = Upstream::load(&settings).map_err(|e| value("enrolment.upstream", e))?;
            return Ok(Some(Self { listen: e.listen, issuing: Issuing::Upstream(upstream) }));
        }
        let (certificate, key) = e.ca_pair()?;
        let settings = CaSettings {
            certificate: certificate.into(),
            key: authority_key(config, key)?,
            trust_domain: config.gateway.trust_domain.clone(),
            lifetime: e.lifetime(),
            crl_lifetime: Duration::hours(e.crl_hours.into()),
            crl_url: e.crl_url(),
            managed_policy: e.managed_policy.clone(),
        };
        let ca = Ca::load(&settings, now).map_err(|e| value("enrolment.ca_certificate", e))?;
        let trusted = certificates(&config.desks.trust).map_err(|e| value("desks.trust", e))?;
        if ca.chain().first().is_none_or(|c| !trusted.contains(c)) {
            let why = "does not hold the certificate of enrolment.ca_certificate, so no desk \
                enrolled here could connect; add it";
            return Err(value("desks.trust", why));
        }
        Ok(Some(Self { listen: e.listen, issuing: Issuing::Embedded(ca) }))
    }
}
