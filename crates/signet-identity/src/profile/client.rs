//! The end that dials: a desk towards a gateway or venue, a gateway towards a dealer.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::SignatureScheme;
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;

use super::pin::PinnedVerifier;
use super::{ProfileError, SpkiPin, TlsVersions, TrustRoots, provider};

/// What a dialler trusts and shows.
#[derive(Debug, Clone)]
pub struct ClientProfile {
    roots: TrustRoots,
    certified_key: Arc<CertifiedKey>,
    pins: Vec<SpkiPin>,
    versions: TlsVersions,
}

impl ClientProfile {
    /// TLS 1.3 only, no pins: the server is accepted when its chain leads to `roots` and its
    /// certificate names the host dialled.
    #[must_use]
    pub fn new(roots: TrustRoots, certified_key: Arc<CertifiedKey>) -> Self {
        Self { roots, certified_key, pins: Vec::new(), versions: TlsVersions::default() }
    }

    /// Accepts only servers whose key is one of `pins` (the current one and its successor), on top
    /// of everything else. An empty list means no pinning.
    #[must_use]
    pub fn with_pins(mut self, pins: impl IntoIterator<Item = SpkiPin>) -> Self {
        self.pins = pins.into_iter().collect();
        self
    }

    /// Sets the TLS versions offered.
    #[must_use]
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The rustls configuration; dial with `ServerName` set to the configured host name.
    pub fn config(&self) -> Result<Arc<ClientConfig>, ProfileError> {
        if self.certified_key.keys_match().is_err() {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let provider = provider();
        let webpki = WebPkiServerVerifier::builder_with_provider(self.roots.store(), Arc::clone(&provider))
            .build()
            .map_err(|e| ProfileError::Verifier(e.to_string()))?;
        let verifier = PinnedVerifier { webpki, pins: self.pins.clone() };
        // "dangerous" is rustls's word for any verifier of one's own; ours only adds a condition.
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions.supported())
            .map_err(ProfileError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(OneIdentity(Arc::clone(&self.certified_key))));
        config.resumption = Resumption::disabled();
        config.require_ems = true;
        Ok(Arc::new(config))
    }
}

/// Shows the one certificate there is, whatever authorities the server hints at: a refusal then
/// carries a reason, where silence would only be "no certificate sent".
#[derive(Debug)]
struct OneIdentity(Arc<CertifiedKey>);

impl ResolvesClientCert for OneIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
