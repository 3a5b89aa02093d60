//! One path to be validated, and why it is refused.

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error as TlsError, OtherError};

/// Certificates of a path, the anchor included.
pub(in crate::profile) const PATH_CERTIFICATES_MAX: usize = 8;
/// The shortest RSA key accepted, in bits.
pub(super) const RSA_BITS_MIN: usize = 2_048;

/// What the peer's certificate is used for.
#[derive(Debug, Clone, Copy)]
pub(in crate::profile) enum Purpose<'a> {
    Client,
    /// A server that must name this host.
    Server(&'a ServerName<'a>),
}

/// One path to be validated.
#[derive(Debug)]
pub(in crate::profile) struct PathRequest<'a> {
    pub(in crate::profile) end_entity: &'a CertificateDer<'a>,
    pub(in crate::profile) intermediates: &'a [CertificateDer<'a>],
    pub(in crate::profile) anchors: &'a [CertificateDer<'static>],
    pub(in crate::profile) purpose: Purpose<'a>,
    pub(in crate::profile) now: UnixTime,
}

/// Why AWS-LC, or a rule on top of it, refuses a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::profile) enum PathError {
    #[error("certificate {depth} of the path: {why}")]
    Refused { depth: i32, why: String },
    #[error("a certificate of the path is signed with {0}, which is too weak")]
    WeakSignature(String),
    #[error(
        "a certificate of the path has an RSA key of {0} bits; at least {RSA_BITS_MIN} are needed"
    )]
    WeakKey(usize),
    #[error("a certificate cannot be read")]
    Unreadable,
    #[error("the peer shows more than {PATH_CERTIFICATES_MAX} certificates")]
    TooMany,
    #[error("the cryptographic library failed")]
    Library,
    #[cfg_attr(not(all(windows, target_env = "gnu")), expect(dead_code, reason = "of one target"))]
    #[error("this platform cannot process it")]
    Unsupported,
}

impl From<PathError> for TlsError {
    fn from(error: PathError) -> Self {
        CertificateError::Other(OtherError(std::sync::Arc::new(error))).into()
    }
}
