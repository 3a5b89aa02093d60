//! The end that listens: a gateway for its desks, a dealer for its gateways, an EST service.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier as _;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use time::OffsetDateTime;

use super::verify::OurClientVerifier;
use super::{Crls, ProfileError, TlsPolicy, TlsVersions, TrustRoots, belongs_together, unix_time};
use crate::refusal::{Refusal, Stage};

/// What a listener trusts and shows.
#[derive(Debug, Clone)]
pub struct ServerProfile {
    client_roots: TrustRoots,
    certified_key: Arc<CertifiedKey>,
    policy: TlsPolicy,
    crls: Option<Crls>,
    client_certificate_optional: bool,
}

impl ServerProfile {
    /// TLS 1.3 only; every client must show a certificate that leads to `client_roots`.
    #[must_use]
    pub fn new(client_roots: TrustRoots, certified_key: Arc<CertifiedKey>) -> Self {
        Self { client_roots, certified_key, policy: TlsPolicy::default(), crls: None, client_certificate_optional: false }
    }

    /// Sets the TLS versions accepted.
    #[must_use]
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.policy.versions = versions;
        self
    }

    /// Sets versions, hybrid-only and FIPS.
    #[must_use]
    pub fn with_policy(mut self, policy: TlsPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Refuses clients these lists name and, if so set, those they cannot tell about.
    #[must_use]
    pub fn with_crls(mut self, crls: Crls) -> Self {
        self.crls = Some(crls);
        self
    }

    /// Lets clients in that show no certificate at all; a bad one is still refused. Only for
    /// enrolment, where a newcomer has none: never for a FIX listener.
    #[must_use]
    pub fn with_optional_client_certificate(mut self) -> Self {
        self.client_certificate_optional = true;
        self
    }

    /// Asks of a chain, leaf first, what a handshake would: for sessions that were admitted before
    /// the lists changed.
    pub fn recheck(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> Result<(), Refusal> {
        let verifier = self.verifier().map_err(|e| Refusal::Other { detail: e.to_string() })?;
        let (leaf, rest) = chain.split_first().ok_or(Refusal::NoClientCertificateSent)?;
        let verified = verifier.verify_client_cert(leaf, rest, unix_time(now));
        verified.map(drop).map_err(|e| Refusal::seen_by_server(&e, Stage::Session))
    }

    /// The rustls configuration. Made anew when lists, pins or certificates change, and never with
    /// resumption, so that no earlier admission outlives the change.
    pub fn config(&self) -> Result<Arc<ServerConfig>, ProfileError> {
        if !belongs_together(&self.certified_key) {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let verifier = self.verifier()?;
        let certified_key = SingleCertAndKey::from(CertifiedKey::clone(&self.certified_key));
        let mut config = ServerConfig::builder_with_provider(self.policy.provider()?)
            .with_protocol_versions(self.policy.supported_versions())
            .map_err(ProfileError::Tls)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(certified_key));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        config.require_ems = true;
        if self.policy.fips && !config.fips() {
            return Err(ProfileError::NotFips);
        }
        Ok(Arc::new(config))
    }

    fn verifier(&self) -> Result<OurClientVerifier, ProfileError> {
        OurClientVerifier::new(&self.client_roots, self.policy.provider()?, self.crls.clone(), self.client_certificate_optional)
    }
}
