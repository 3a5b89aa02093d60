//! The identity a certificate states: role and CompID, as a SPIFFE URI.
//!
//! Exactly one URI in the subject alternative name (SPIFFE X.509-SVID §2); its forms are in
//! [`crate::spiffe`]. The common name means nothing here. What the key may be used for (EKU) is
//! left to the path validation of the TLS handshake, which came first.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::CommonState;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::profile::SpkiPin;
use crate::spiffe::{DEVICE_CHARS_MAX, EnrolledFacts, SpiffeName, USER_CHARS_MAX};

/// The longest CompID accepted, in characters (all of them one byte).
pub const COMP_ID_CHARS_MAX: usize = 64;

/// The part a certificate's holder plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A trader's desktop client.
    Desk,
    /// The policy enforcement point.
    Gateway,
    /// A liquidity provider.
    Dealer,
    /// An administrator of the gateway.
    Admin,
}

impl Role {
    /// The path segment of the SPIFFE URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Gateway => "gateway",
            Self::Dealer => "dealer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A FIX CompID (tags 49, 56) of 1 to 64 characters from `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CompId(String);

impl CompId {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CompId {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, PeerError> {
        let fits = (1..=COMP_ID_CHARS_MAX).contains(&text.len());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if fits && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PeerError::BadCompId)
        }
    }
}

impl fmt::Display for CompId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A certificate does not state a Signet identity. At fault: its issuer, or the peer that shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    #[error("the peer showed no certificate")]
    NoCertificate,
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate names no Signet identity (no URI in its subject alternative name)")]
    NoUri,
    #[error("the certificate names {0} identities; exactly one is allowed")]
    SeveralUris(usize),
    #[error(
        "the certificate's identity is not spiffe://<trust \
            domain>/<desk|gateway|dealer|admin>/<CompID>"
    )]
    NotASignetUri,
    #[error("the certificate's user is not 1 to {USER_CHARS_MAX} characters of a-z 0-9 . _ -")]
    BadUser,
    #[error("the certificate's device is not 1 to {DEVICE_CHARS_MAX} characters of a-z 0-9 . _ -")]
    BadDevice,
    #[error("the certificate's protection is neither keychain nor token")]
    BadProtection,
    #[error("the CompID is not 1 to {COMP_ID_CHARS_MAX} characters of A-Z a-z 0-9 . _ -")]
    BadCompId,
    #[error("the certificate was issued to a {found}, not to a {expected}")]
    WrongRole { expected: Role, found: Role },
    #[error("the certificate belongs to trust domain {found}, not to {expected}")]
    WrongTrustDomain { expected: String, found: String },
}

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
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    pub(crate) spki: Vec<u8>,
}

impl CertificateFacts {
    /// Reads a DER certificate.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        facts(&parse(certificate)?)
    }
}

/// The identity a peer proved possession of, once the handshake has validated its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    pub role: Role,
    pub trust_domain: String,
    /// Of an administrator: the id that policies name, which is a user id.
    pub comp_id: CompId,
    /// User, device and ordered protection, when a Signet gateway issued the certificate; `None`
    /// for the short form of the URI.
    pub enrolled: Option<EnrolledFacts>,
    /// SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub spki_sha256: SpkiPin,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    /// The distinguished name, for people only; no decision rests on it.
    pub subject: String,
    /// Certificate policies that its authority asserts, as dotted identifiers (RFC 5280 §4.2.1.4).
    pub policies: Vec<String>,
}

impl PeerIdentity {
    /// Reads a leaf certificate. It does not validate it: the TLS handshake does.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let parsed = parse(certificate)?;
        let name = SpiffeName::of_certificate(&parsed)?;
        let CertificateFacts { subject, serial, spki_sha256, not_before, not_after, .. } =
            facts(&parsed)?;
        let SpiffeName { trust_domain, role, comp_id, enrolled } = name;
        let policies = crate::policies::of(&parsed);
        Ok(Self {
            role,
            trust_domain,
            comp_id,
            enrolled,
            spki_sha256,
            serial,
            not_before,
            not_after,
            subject,
            policies,
        })
    }

    /// The identity at the other end of a connection whose handshake is complete.
    pub fn of_connection(connection: &CommonState) -> Result<Self, PeerError> {
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        Self::from_certificate(leaf.ok_or(PeerError::NoCertificate)?)
    }

    /// Refuses a certificate that is genuine but was issued for another part or another firm.
    pub fn require(&self, role: Role, trust_domain: &str) -> Result<(), PeerError> {
        if self.role != role {
            return Err(PeerError::WrongRole { expected: role, found: self.role });
        }
        if self.trust_domain != trust_domain {
            let (expected, found) = (trust_domain.to_owned(), self.trust_domain.clone());
            return Err(PeerError::WrongTrustDomain { expected, found });
        }
        Ok(())
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PeerError> {
    match X509Certificate::from_der(certificate.as_ref()) {
        Ok(([], parsed)) => Ok(parsed),
        // Trailing bytes: not the certificate whose signature was checked.
        _ => Err(PeerError::Unreadable),
    }
}

fn facts(certificate: &X509Certificate<'_>) -> Result<CertificateFacts, PeerError> {
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

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comp_id_length_is_bounded() {
        assert!("X".repeat(COMP_ID_CHARS_MAX).parse::<CompId>().is_ok());
        assert_eq!("X".repeat(COMP_ID_CHARS_MAX + 1).parse::<CompId>(), Err(PeerError::BadCompId));
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = PeerIdentity::from_certificate(&CertificateDer::from(bytes));
        }
    }
}
