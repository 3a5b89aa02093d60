//! Path validation for what webpki does not process (RFC 5280 §6).
//!
//! webpki decides first. It refuses some certificates that RFC 5280 permits: critical certificate
//! policies, policy constraints and inhibitAnyPolicy (§4.2.1.4, .11, .14), and name constraints on
//! URIs (§4.2.1.10; X509-SVID §4.2). AWS-LC, whose cryptography this program uses already,
//! validates those paths and no others. Webpki's rules on algorithms then apply to its answer too:
//! no SHA-1, no RSA key under 2,048 bits.

#[cfg(not(all(windows, target_env = "gnu")))]
mod aws_lc;
mod request;
#[cfg(not(all(windows, target_env = "gnu")))]
use aws_lc as engine;

/// AWS-LC's bindings for this target do not include certificates, so webpki's refusal is final.
#[cfg(all(windows, target_env = "gnu"))]
mod engine {
    use super::request::{PathError, PathRequest};
    use rustls::pki_types::CertificateDer;

    pub(super) fn validate(_: &PathRequest<'_>) -> Result<Vec<CertificateDer<'static>>, PathError> {
        Err(PathError::Unsupported)
    }
}

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error as TlsError};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use request::{PATH_CERTIFICATES_MAX, RSA_BITS_MIN};
pub(super) use request::{PathError, PathRequest, Purpose};

/// Whether webpki refused because it does not process something, rather than for a fault it found.
pub(super) fn is_beyond_webpki(error: &TlsError) -> bool {
    use CertificateError as E;
    match error {
        // Errors that rustls has no word for, among them unsupported extensions and names. An
        // unreadable certificate and an unknown issuer may be the consequence of one.
        TlsError::InvalidCertificate(E::Other(_) | E::BadEncoding | E::UnknownIssuer) => true,
        TlsError::InvalidCertificate(E::UnhandledCriticalExtension) => true,
        _ => false,
    }
}

/// Validates a path as RFC 5280 §6 asks, policies and name constraints included.
pub(super) fn validate(request: &PathRequest<'_>) -> Result<(), PathError> {
    if request.intermediates.len() >= PATH_CERTIFICATES_MAX {
        return Err(PathError::TooMany);
    }
    let path = engine::validate(request)?;
    let (anchor, signed) = path.split_last().ok_or(PathError::Library)?;
    strong_key(anchor)?;
    signed.iter().try_for_each(|certificate| {
        strong_signature(certificate)?;
        strong_key(certificate)
    })
}

fn strong_signature(certificate: &CertificateDer<'_>) -> Result<(), PathError> {
    use x509_parser::oid_registry as oid;
    let parsed = parse(certificate)?;
    let algorithm = &parsed.signature_algorithm.algorithm;
    let strong = [
        oid::OID_SIG_ECDSA_WITH_SHA256,
        oid::OID_SIG_ECDSA_WITH_SHA384,
        oid::OID_SIG_ECDSA_WITH_SHA512,
        oid::OID_PKCS1_SHA256WITHRSA,
        oid::OID_PKCS1_SHA384WITHRSA,
        oid::OID_PKCS1_SHA512WITHRSA,
        oid::OID_PKCS1_RSASSAPSS,
        oid::OID_SIG_ED25519,
    ];
    if strong.contains(algorithm) {
        return Ok(());
    }
    Err(PathError::WeakSignature(algorithm.to_string()))
}

fn strong_key(certificate: &CertificateDer<'_>) -> Result<(), PathError> {
    let parsed = parse(certificate)?;
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < RSA_BITS_MIN => {
            Err(PathError::WeakKey(key.key_size()))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(PathError::Unreadable),
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PathError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(PathError::Unreadable),
    }
}
