//! What every X.509 certificate says, whatever naming scheme its authority uses.

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::names::PeerError;
use crate::pin::SpkiPin;

/// The longest certificate chain accepted, in certificates: leaf, issuing authorities, and room
/// for one more.
pub const CHAIN_CERTIFICATES_MAX: usize = 6;

/// Facts of a certificate that need no Signet naming scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The distinguished name, for people only.
    pub subject: String,
    /// The issuer's distinguished name, for people only.
    pub issuer: String,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub spki_sha256: SpkiPin,
    /// The first moment of its validity, in UTC.
    pub not_before: OffsetDateTime,
    /// The last moment of its validity, in UTC.
    pub not_after: OffsetDateTime,
    /// The DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub spki: Vec<u8>,
}

impl CertificateFacts {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// [`PeerError::Unreadable`] when it cannot be parsed or bytes follow it.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        facts(&parse(certificate)?)
    }
}

pub(super) fn parse<'a>(
    certificate: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, PeerError> {
    match X509Certificate::from_der(certificate.as_ref()) {
        Ok(([], parsed)) => Ok(parsed),
        // Trailing bytes: not the certificate whose signature was checked.
        _ => Err(PeerError::Unreadable),
    }
}

pub(super) fn facts(certificate: &X509Certificate<'_>) -> Result<CertificateFacts, PeerError> {
    let at =
        |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| PeerError::Unreadable);
    let validity = certificate.validity();
    let spki = certificate.public_key().raw.to_vec();
    Ok(CertificateFacts {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: certificate.raw_serial().iter().map(|b| format!("{b:02x}")).collect(),
        spki_sha256: SpkiPin::of_spki(&spki),
        not_before: at(validity.not_before.timestamp())?,
        not_after: at(validity.not_after.timestamp())?,
        spki,
    })
}
