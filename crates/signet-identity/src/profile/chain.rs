//! A client's chain, checked outside a handshake.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier as _;
use time::OffsetDateTime;

use super::error::ProfileError;
use super::policy::TlsPolicy;
use super::roots::TrustRoots;
use super::verify::OurClientVerifier;
use crate::refusal::{Refusal, Stage};

/// Checks that a client's chain leads to `roots` and is valid at `now`, for a certificate that was
/// not shown in a handshake: one just issued. Revocation is not checked.
///
/// # Errors
/// The [`Refusal`] that a listener with these roots would give.
pub fn check_client_chain(
    roots: &TrustRoots,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let unusable = |e: ProfileError| Refusal::Other { detail: e.to_string() };
    let provider = TlsPolicy::default().provider().map_err(unusable)?;
    let verifier = OurClientVerifier::new(roots, provider, None, false).map_err(unusable)?;
    let verified = verifier.verify_client_cert(leaf, intermediates, unix_time(now));
    verified.map(drop).map_err(|e| Refusal::seen_by_server(&e, Stage::Session))
}

/// Before 1970 is 1970: no certificate is that old.
pub(super) fn unix_time(at: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(at.unix_timestamp()).unwrap_or_default(),
    ))
}
