//! Versions, suites and groups: the one place where they are chosen.
//!
//! FIXS 1.1: TLS 1.2 or 1.3 only; ECDHE with AES-GCM only (no CBC, no ChaCha20, no finite-field
//! Diffie-Hellman). The hybrid group protects today's traffic against a later quantum computer.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::{SupportedProtocolVersion, version};

use super::error::ProfileError;

/// The TLS versions an end accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.3 only.
    #[default]
    Tls13Only,
    /// TLS 1.3 preferred; 1.2 with ECDHE and AES-GCM for a venue without 1.3. The extended master
    /// secret is then required, since RFC 9266 has no channel binding without it.
    AllowTls12,
}

/// What an operator may choose about TLS. Everything else is fixed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TlsPolicy {
    /// The TLS versions accepted.
    pub versions: TlsVersions,
    /// Refuses peers that cannot do a post-quantum hybrid key exchange. Needs TLS 1.3 only.
    pub hybrid_only: bool,
    /// Refuses to start unless the cryptography is AWS-LC's FIPS module, and then offers only what
    /// that module's validation covers.
    pub fips: bool,
}

impl TlsPolicy {
    pub(super) fn supported_versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS13_ONLY: [&SupportedProtocolVersion; 1] = [&version::TLS13];
        static TLS13_AND_12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
        match self.versions {
            TlsVersions::Tls13Only => &TLS13_ONLY,
            TlsVersions::AllowTls12 => &TLS13_AND_12,
        }
    }

    /// Suites and groups, best first.
    pub(super) fn provider(self) -> Result<Arc<CryptoProvider>, ProfileError> {
        if self.hybrid_only && self.versions != TlsVersions::Tls13Only {
            return Err(ProfileError::HybridNeedsTls13);
        }
        let mut provider = CryptoProvider {
            cipher_suites: vec![
                suite::TLS13_AES_256_GCM_SHA384,
                suite::TLS13_AES_128_GCM_SHA256,
                suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            ],
            kx_groups: vec![
                kx_group::X25519MLKEM768,
                kx_group::X25519,
                kx_group::SECP256R1,
                kx_group::SECP384R1,
            ],
            ..aws_lc_rs::default_provider()
        };
        if self.hybrid_only {
            provider.kx_groups = vec![kx_group::X25519MLKEM768];
        }
        if self.fips {
            provider.cipher_suites.retain(rustls::SupportedCipherSuite::fips);
            provider.kx_groups.retain(|group| group.fips());
            if !provider.fips()
                || provider.cipher_suites.is_empty()
                || provider.kx_groups.is_empty()
            {
                return Err(ProfileError::NotFips);
            }
        }
        Ok(Arc::new(provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_policies() {
        let both = [TlsVersions::Tls13Only, TlsVersions::AllowTls12];
        for (versions, hybrid_only, fips) in both
            .into_iter()
            .flat_map(|v| [(v, false, false), (v, true, false), (v, false, true), (v, true, true)])
        {
            let made = TlsPolicy { versions, hybrid_only, fips }.provider();
            match (versions, hybrid_only, fips) {
                (TlsVersions::AllowTls12, true, _) => {
                    assert!(matches!(made, Err(ProfileError::HybridNeedsTls13)))
                }
                (_, _, true) if !cfg!(feature = "fips") => {
                    assert!(matches!(made, Err(ProfileError::NotFips)))
                }
                _ => {
                    let made = made.unwrap();
                    assert_eq!(made.kx_groups.len() == 1, hybrid_only);
                    assert_eq!(format!("{:?}", made.kx_groups[0].name()), "X25519MLKEM768");
                    assert!(!fips || made.fips());
                }
            }
        }
    }
}
