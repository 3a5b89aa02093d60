//! The end that listens: a gateway for its desks, a dealer for its gateways, an EST service.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier as _;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::verify::OurClientVerifier;
use super::{
    Crls, ProfileError, Shown, TlsPolicy, TlsVersions, TrustRoots, belongs_together, unix_time,
};
use crate::refusal::{Refusal, Stage};

/// What a listener trusts and shows.
#[derive(Debug, Clone)]
pub struct ServerProfile {
    client_roots: TrustRoots,
    shown: Shown,
    policy: TlsPolicy,
    crls: Option<Crls>,
    client_certificate_optional: bool,
}

impl ServerProfile {
    /// TLS 1.3 only; every client must show a certificate that leads to `client_roots`.
    #[must_use]
    pub fn new(client_roots: TrustRoots, shown: impl Into<Shown>) -> Self {
        Self {
            client_roots,
            shown: shown.into(),
            policy: TlsPolicy::default(),
            crls: None,
            client_certificate_optional: false,
        }
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
    pub fn recheck(
        &self,
        chain: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let verifier = self.verifier().map_err(|e| Refusal::Other { detail: e.to_string() })?;
        let (leaf, rest) = chain.split_first().ok_or(Refusal::NoClientCertificateSent)?;
        let verified = verifier.verify_client_cert(leaf, rest, unix_time(now));
        verified.map(drop).map_err(|e| Refusal::seen_by_server(&e, Stage::Session))
    }

    /// The rustls configuration. Made anew when lists, pins or certificates change, and never with
    /// resumption, so that no earlier admission outlives the change.
    pub fn config(&self) -> Result<Arc<ServerConfig>, ProfileError> {
        if !belongs_together(&self.shown.now()) {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let verifier = self.verifier()?;
        let mut config = ServerConfig::builder_with_provider(self.policy.provider()?)
            .with_protocol_versions(self.policy.supported_versions())
            .map_err(ProfileError::Tls)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(ShowsOne(self.shown.clone())));
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
        OurClientVerifier::new(
            &self.client_roots,
            self.policy.provider()?,
            self.crls.clone(),
            self.client_certificate_optional,
        )
    }
}

/// Shows what there is, whichever name the client asks for: there is one.
#[derive(Debug)]
struct ShowsOne(Shown);

impl ResolvesServerCert for ShowsOne {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.now())
    }
}
