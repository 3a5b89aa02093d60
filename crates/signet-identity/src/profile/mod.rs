//! The FIXS settings of TLS, in one place, for every listener and dialler.
//!
//! FIXS 1.1: TLS 1.2 or 1.3 only; ECDHE with AES-GCM only (no CBC, no ChaCha20, no finite-field
//! Diffie-Hellman); both ends authenticated by certificate; no compression or renegotiation
//! (rustls has neither). Resumption is off at both ends: a resumed session would skip the check
//! of the client's certificate, so a revoked desk could come back.

mod client;
mod pem;
mod pin;
mod server;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::pki_types::CertificateDer;
use rustls::{RootCertStore, SupportedProtocolVersion, version};

pub use client::ClientProfile;
pub use pem::{PemError, ServerIdentity};
pub(crate) use pin::PinMismatch;
pub use pin::{PinError, SpkiPin};
pub use server::ServerProfile;

/// The TLS versions an end accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.3 only.
    #[default]
    Tls13Only,
    /// TLS 1.3 preferred; 1.2 with ECDHE and AES-GCM for a venue that cannot do better. The
    /// extended master secret is then required, since RFC 9266 has no channel binding without it.
    AllowTls12,
}

impl TlsVersions {
    fn supported(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&version::TLS13];
        static TLS13_AND_12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
        match self {
            Self::Tls13Only => &TLS13_ONLY,
            Self::AllowTls12 => &TLS13_AND_12,
        }
    }
}

/// The certificate authorities an end trusts. Never the machine's own list.
#[derive(Debug, Clone)]
pub struct TrustRoots(Arc<RootCertStore>);

impl TrustRoots {
    /// Trusts exactly these authorities.
    ///
    /// # Errors
    /// When there is none, or one cannot be read. At fault: the operator's settings.
    pub fn new(authorities: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<Self, ProfileError> {
        let mut store = RootCertStore::empty();
        for authority in authorities {
            store.add(authority).map_err(ProfileError::UnreadableAuthority)?;
        }
        if store.is_empty() {
            return Err(ProfileError::NoAuthority);
        }
        Ok(Self(Arc::new(store)))
    }

    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.0)
    }
}

/// A TLS configuration cannot be built. At fault: the operator's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    #[error("no certificate authority is configured, so no peer could be trusted")]
    NoAuthority,
    #[error("a configured certificate authority cannot be read: {0}")]
    UnreadableAuthority(#[source] rustls::Error),
    #[error("the certificate belongs to another key")]
    CertificateOfAnotherKey,
    #[error("the certificate checks cannot be set up: {0}")]
    Verifier(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    #[error(transparent)]
    Pem(#[from] PemError),
}

/// Suites and groups, best first. The hybrid group guards today's traffic against a quantum
/// computer of tomorrow.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1],
        ..aws_lc_rs::default_provider()
    })
}
