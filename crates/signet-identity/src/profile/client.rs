//! The end that dials: a desk towards a gateway or venue, a gateway towards a dealer.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::SignatureScheme;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;

use super::chain::unix_time;
use super::crl::Crls;
use super::error::ProfileError;
use super::pair::belongs_together;
use super::policy::{TlsPolicy, TlsVersions};
use super::recorder::ChainRecorder;
use super::roots::TrustRoots;
use super::shown::Shown;
use super::verify::OurServerVerifier;
use crate::certificate::CertificateFacts;
use crate::pin::SpkiPin;
use crate::refusal::{Refusal, Stage};

/// What a dialler trusts and shows.
#[derive(Debug, Clone)]
pub struct ClientProfile {
    roots: TrustRoots,
    /// `None` only while enrolling.
    shown: Option<Shown>,
    pins: Vec<SpkiPin>,
    policy: TlsPolicy,
    crls: Option<Crls>,
}

impl ClientProfile {
    /// TLS 1.3 only, no pins: the server is accepted when its chain leads to `roots` and its
    /// certificate names the host dialled.
    #[must_use]
    pub fn new(roots: TrustRoots, shown: impl Into<Shown>) -> Self {
        Self { shown: Some(shown.into()), ..Self::without_certificate(roots) }
    }

    /// The same without a client certificate: for enrolment, and to look at a server.
    #[must_use]
    pub fn without_certificate(roots: TrustRoots) -> Self {
        Self { roots, shown: None, pins: Vec::new(), policy: TlsPolicy::default(), crls: None }
    }

    /// Accepts only servers whose key is one of `pins`, in addition to every other check: the pin
    /// of the current key first, then one or more backups, whose keys the server's operator keeps
    /// in reserve. With a current pin alone, a lost or stolen server key would lock every desk out.
    /// An empty list means no pinning.
    #[must_use]
    pub fn with_pins(mut self, pins: impl IntoIterator<Item = SpkiPin>) -> Self {
        self.pins = pins.into_iter().collect();
        self
    }

    /// Sets the TLS versions offered.
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

    /// Refuses servers that these lists name and, with [`Revocation::Required`], those they do not
    /// cover.
    ///
    /// [`Revocation::Required`]: crate::Revocation::Required
    #[must_use]
    pub fn with_crls(mut self, crls: Crls) -> Self {
        self.crls = Some(crls);
        self
    }

    /// The distinguished names of the authorities trusted, for people.
    #[must_use]
    pub fn trusted_authorities(&self) -> Vec<String> {
        self.roots.subjects()
    }

    /// The certificate shown to a server, if there is one and it can be read.
    #[must_use]
    pub fn own_certificate(&self) -> Option<CertificateFacts> {
        let own = self.shown.as_ref().map(Shown::now)?;
        CertificateFacts::from_certificate(own.cert.first()?).ok()
    }

    /// Which pin a server's leaf certificate meets: `Backup` says that the server has moved to its
    /// next key, so that it is time to hand out a new backup. `None` when not pinned, or no match.
    #[must_use]
    pub fn pin_match(&self, leaf: &CertificateDer<'_>) -> Option<PinMatch> {
        let spki = CertificateFacts::from_certificate(leaf).ok()?.spki_sha256;
        match self.pins.iter().position(|pin| *pin == spki)? {
            0 => Some(PinMatch::Current),
            _ => Some(PinMatch::Backup),
        }
    }

    /// Checks a server's chain, leaf first, as a handshake at `now` would: for sessions opened
    /// before the lists changed.
    ///
    /// # Errors
    /// The [`Refusal`] that a handshake would end with.
    pub fn recheck(
        &self,
        chain: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let verifier = self.verifier().map_err(|e| Refusal::Other { detail: e.to_string() })?;
        let missing =
            || Refusal::ServerCertificateInvalid { detail: "the server showed none".into() };
        let (leaf, rest) = chain.split_first().ok_or_else(missing)?;
        let verified = verifier.verify_server_cert(leaf, rest, server_name, &[], unix_time(now));
        verified.map(drop).map_err(|e| Refusal::seen_by_client(&e, Stage::Session))
    }

    /// The rustls configuration; dial with `ServerName` set to the configured host name.
    ///
    /// # Errors
    /// [`ProfileError`] when the settings contradict each other, or chain and key do not match.
    pub fn config(&self) -> Result<Arc<ClientConfig>, ProfileError> {
        self.build(None)
    }

    /// The same as [`Self::config`], and keeps the certificates that the server shows.
    ///
    /// # Errors
    /// As [`Self::config`].
    pub fn config_recording(
        &self,
        recorder: Arc<ChainRecorder>,
    ) -> Result<Arc<ClientConfig>, ProfileError> {
        self.build(Some(recorder))
    }

    fn build(
        &self,
        recorder: Option<Arc<ChainRecorder>>,
    ) -> Result<Arc<ClientConfig>, ProfileError> {
        if self.shown.as_ref().is_some_and(|shown| !belongs_together(&shown.now())) {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let verifier = self.verifier()?.recording(recorder);
        // rustls calls every custom verifier dangerous; ours only adds conditions.
        let builder = ClientConfig::builder_with_provider(self.policy.provider()?)
            .with_protocol_versions(self.policy.supported_versions())
            .map_err(ProfileError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.shown {
            Some(shown) => builder.with_client_cert_resolver(Arc::new(OneIdentity(shown.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.require_ems = true;
        if self.policy.fips && !config.fips() {
            return Err(ProfileError::NotFips);
        }
        Ok(Arc::new(config))
    }

    fn verifier(&self) -> Result<OurServerVerifier, ProfileError> {
        OurServerVerifier::new(
            &self.roots,
            self.policy.provider()?,
            self.crls.clone(),
            self.pins.clone(),
        )
    }
}

/// Which of the pins a server's key met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinMatch {
    /// The first pin: the server's key in use.
    Current,
    /// A later pin: the server has moved to a key kept in reserve.
    Backup,
}

/// Shows the one certificate there is, whatever authorities the server's hint names. The server
/// then gives a reason for its refusal; without a certificate it could only report that none was
/// sent.
#[derive(Debug)]
struct OneIdentity(Shown);

impl ResolvesClientCert for OneIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.now())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
