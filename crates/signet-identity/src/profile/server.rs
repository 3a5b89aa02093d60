//! The end that listens: a gateway for its desks, a dealer for its gateways, an EST service.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier as _;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::chain::unix_time;
use super::crl::Crls;
use super::error::ProfileError;
use super::pair::belongs_together;
use super::policy::{TlsPolicy, TlsVersions};
use super::roots::TrustRoots;
use super::shown::Shown;
use super::verify::OurClientVerifier;
use crate::refusal::{Refusal, Stage};

/// What a listener trusts and shows.
#[derive(Debug, Clone)]
pub struct ServerProfile {
    client_roots: TrustRoots,
    shown: Shown,
    policy: TlsPolicy,
    crls: Option<Crls>,
    client_certificate_optional: bool,
    client_certificate_unwanted: bool,
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
            client_certificate_unwanted: false,
        }
    }

    /// Asks clients for no certificate, so that browsers ask people for none. Only for a listener
    /// whose clients prove who they are in another way: never for a FIX listener.
    #[must_use]
    pub fn without_client_certificate(mut self) -> Self {
        self.client_certificate_unwanted = true;
        self
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

    /// Refuses clients that these lists name and, with [`Revocation::Required`], those they do not
    /// cover.
    ///
    /// [`Revocation::Required`]: crate::Revocation::Required
    #[must_use]
    pub fn with_crls(mut self, crls: Crls) -> Self {
        self.crls = Some(crls);
        self
    }

    /// Admits clients that show no certificate; a bad certificate is still refused. Only for
    /// enrolment, where a new client has none: never for a FIX listener.
    #[must_use]
    pub fn with_optional_client_certificate(mut self) -> Self {
        self.client_certificate_optional = true;
        self
    }

    /// Checks a client's chain, leaf first, as a handshake at `now` would: for sessions admitted
    /// before the lists changed.
    ///
    /// # Errors
    /// The [`Refusal`] that a handshake would end with.
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

    /// The rustls configuration. Build it again when lists, pins or authorities change; it never
    /// allows resumption, so no earlier admission outlives the change.
    ///
    /// # Errors
    /// [`ProfileError`] when the settings contradict each other, or chain and key do not match.
    pub fn config(&self) -> Result<Arc<ServerConfig>, ProfileError> {
        if !belongs_together(&self.shown.now()) {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let builder = ServerConfig::builder_with_provider(self.policy.provider()?)
            .with_protocol_versions(self.policy.supported_versions())
            .map_err(ProfileError::Tls)?;
        let builder = match self.client_certificate_unwanted {
            true => builder.with_no_client_auth(),
            false => builder.with_client_cert_verifier(Arc::new(self.verifier()?)),
        };
        let mut config = builder.with_cert_resolver(Arc::new(ShowsOne(self.shown.clone())));
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

/// Shows the one certificate there is, whichever name the client asks for.
#[derive(Debug)]
struct ShowsOne(Shown);

impl ResolvesServerCert for ShowsOne {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.now())
    }
}
