//! Why a TLS configuration, a PEM file or a revocation list cannot be used.

use std::path::PathBuf;

use crate::certificate::CHAIN_CERTIFICATES_MAX;

/// The largest PEM file read, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// The largest file of lists, in bytes: some 400,000 revoked certificates.
pub const CRL_FILE_BYTES_MAX: usize = 16 << 20;
/// The most lists held at once.
pub const CRLS_MAX: usize = 64;

/// A TLS configuration cannot be built. At fault: the operator's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No authority is configured.
    #[error("no certificate authority is configured, so no peer could be trusted")]
    NoAuthority,
    /// The DER of an authority cannot be parsed.
    #[error("a configured certificate authority cannot be read: {0}")]
    UnreadableAuthority(#[source] rustls::Error),
    /// The leaf certifies another key than the one beside it.
    #[error("the certificate belongs to another key")]
    CertificateOfAnotherKey,
    /// rustls does not build its verifier; its reason.
    #[error("the certificate checks cannot be set up: {0}")]
    Verifier(String),
    /// Hybrid-only was asked for together with TLS 1.2, which has no hybrid groups.
    #[error("hybrid-only key exchange needs TLS 1.3 only")]
    HybridNeedsTls13,
    /// FIPS was asked for and this build has no FIPS module, or nothing it allows is left.
    #[error("FIPS mode is asked for, but this program was not built with the FIPS module")]
    NotFips,
    /// rustls does not take the versions and suites.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
    /// A PEM file cannot be used.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Revocation lists cannot be used.
    #[error(transparent)]
    Crl(#[from] CrlError),
}

/// A PEM file cannot be used. At fault: the operator of this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger than 1 MiB.
    #[error("{path}: larger than {FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read the file of a private key.
    #[error("{path}: readable by other users (mode {mode:03o}); run chmod 600 on it")]
    KeyReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no private key of a kind that rustls can use.
    #[error("{path}: holds no usable private key (expected one PEM block, PKCS#8)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// There is no certificate, or a PEM block that cannot be read.
    #[error("{path}: holds no certificate, or one that cannot be read")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The chain is too long.
    #[error("{path}: holds more than {CHAIN_CERTIFICATES_MAX} certificates")]
    TooManyCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The leaf certifies another key than the one in the key file.
    #[error("{chain}: the certificate belongs to another key than {key}")]
    CertificateOfAnotherKey {
        /// The file of the chain.
        chain: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// Lists cannot be used. At fault: whoever published or fetched them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file, or a list, is too large.
    #[error("the revocation list is larger than {CRL_FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// There are too many lists; how many.
    #[error("there are {0} revocation lists; at most {CRLS_MAX} are allowed")]
    TooMany(usize),
    /// Neither PEM nor DER of a list.
    #[error("this is no revocation list (PEM \"X509 CRL\" or DER was expected)")]
    Unreadable,
    /// The list has no nextUpdate, which RFC 5280 §5.1.2.5 requires.
    #[error("the revocation list does not say until when it is good")]
    NoNextUpdate,
}
