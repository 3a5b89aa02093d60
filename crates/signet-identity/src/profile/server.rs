//! The end that listens: a gateway for its desks, a dealer for its gateways.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::{ProfileError, TlsVersions, TrustRoots, provider};

/// What a listener trusts and shows.
#[derive(Debug, Clone)]
pub struct ServerProfile {
    client_roots: TrustRoots,
    certified_key: Arc<CertifiedKey>,
    versions: TlsVersions,
}

impl ServerProfile {
    /// TLS 1.3 only; every client must show a certificate that leads to `client_roots`.
    #[must_use]
    pub fn new(client_roots: TrustRoots, certified_key: Arc<CertifiedKey>) -> Self {
        Self { client_roots, certified_key, versions: TlsVersions::default() }
    }

    /// Sets the TLS versions accepted.
    #[must_use]
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The rustls configuration.
    pub fn config(&self) -> Result<Arc<ServerConfig>, ProfileError> {
        if self.certified_key.keys_match().is_err() {
            return Err(ProfileError::CertificateOfAnotherKey);
        }
        let provider = provider();
        let verifier = WebPkiClientVerifier::builder_with_provider(self.client_roots.store(), Arc::clone(&provider))
            .build()
            .map_err(|e| ProfileError::Verifier(e.to_string()))?;
        let certified_key = SingleCertAndKey::from(CertifiedKey::clone(&self.certified_key));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions.supported())
            .map_err(ProfileError::Tls)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certified_key));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        config.require_ems = true;
        Ok(Arc::new(config))
    }
}
