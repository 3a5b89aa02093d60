//! The identity a certificate states: role and CompID, as a SPIFFE URI.
//!
//! Exactly one URI in the subject alternative name (SPIFFE X.509-SVID §2); its forms are in
//! `names::spiffe`. The common name means nothing here. What the key may be used for (EKU) is
//! left to the path validation of the TLS handshake, which came first.

use rustls::CommonState;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use super::facts::{CertificateFacts, facts, parse};
use super::policies;
use crate::names::{CompId, EnrolledFacts, PeerError, Role, SpiffeName};
use crate::pin::SpkiPin;

/// The identity a peer proved possession of, once the handshake has validated its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The part it plays.
    pub role: Role,
    /// The firm's trust domain (SPIFFE-ID §2.1).
    pub trust_domain: String,
    /// Its CompID. Of an administrator: the id that policies name, which is a user id.
    pub comp_id: CompId,
    /// User, device and ordered protection, when a Signet gateway issued the certificate; `None`
    /// for the short form of the URI.
    pub enrolled: Option<EnrolledFacts>,
    /// SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub spki_sha256: SpkiPin,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
    /// The first moment of its validity, in UTC.
    pub not_before: OffsetDateTime,
    /// The last moment of its validity, in UTC.
    pub not_after: OffsetDateTime,
    /// The distinguished name, for people only; no decision rests on it.
    pub subject: String,
    /// Certificate policies that its authority asserts, as dotted identifiers (RFC 5280 §4.2.1.4).
    pub policies: Vec<String>,
}

impl PeerIdentity {
    /// Reads a leaf certificate. It does not validate it: the TLS handshake does.
    ///
    /// # Errors
    /// [`PeerError`] when the certificate cannot be read or states no Signet identity.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let parsed = parse(certificate)?;
        let SpiffeName { trust_domain, role, comp_id, enrolled } = spiffe_name(&parsed)?;
        let CertificateFacts { subject, serial, spki_sha256, not_before, not_after, .. } =
            facts(&parsed)?;
        let policies = policies::of(&parsed);
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
    ///
    /// # Errors
    /// [`PeerError::NoCertificate`] when the peer showed none; else as [`Self::from_certificate`].
    pub fn of_connection(connection: &CommonState) -> Result<Self, PeerError> {
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        Self::from_certificate(leaf.ok_or(PeerError::NoCertificate)?)
    }

    /// Refuses a certificate that is genuine but was issued for another part or another firm.
    ///
    /// # Errors
    /// [`PeerError::WrongRole`] or [`PeerError::WrongTrustDomain`].
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

/// The names in the one URI of the subject alternative name.
fn spiffe_name(certificate: &X509Certificate<'_>) -> Result<SpiffeName, PeerError> {
    // An error here means the extension occurs twice or cannot be decoded.
    let names = certificate.subject_alternative_name().map_err(|_| PeerError::Unreadable)?;
    let names = names.map(|extension| extension.value.general_names.as_slice());
    let uris: Vec<&str> = names
        .unwrap_or_default()
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    match uris.as_slice() {
        [] => Err(PeerError::NoUri),
        [uri] => uri.parse(),
        several => Err(PeerError::SeveralUris(several.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = PeerIdentity::from_certificate(&CertificateDer::from(bytes));
        }
    }
}
