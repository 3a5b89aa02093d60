//! The identity a certificate states: role and CompID, as a SPIFFE URI.
//!
//! `spiffe://<trust-domain>/<desk|gateway|dealer>/<CompID>`, exactly one URI in the subject
//! alternative name (SPIFFE X.509-SVID §2). The common name means nothing here. What the key may
//! be used for (EKU) is left to the path validation of the TLS handshake, which came first.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::CommonState;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::profile::SpkiPin;

/// The longest CompID accepted, in characters (all of them one byte).
pub const COMP_ID_CHARS_MAX: usize = 64;
/// The longest trust domain, in characters (SPIFFE-ID §2.1).
const TRUST_DOMAIN_CHARS_MAX: usize = 255;

/// The part a certificate's holder plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A trader's desktop client.
    Desk,
    /// The policy enforcement point.
    Gateway,
    /// A liquidity provider.
    Dealer,
}

impl Role {
    /// The path segment of the SPIFFE URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Gateway => "gateway",
            Self::Dealer => "dealer",
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
        if fits && text.bytes().all(allowed) { Ok(Self(text.to_owned())) } else { Err(PeerError::BadCompId) }
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
    #[error("the certificate's identity is not spiffe://<trust domain>/<desk|gateway|dealer>/<CompID>")]
    NotASignetUri,
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
    pub comp_id: CompId,
    /// SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub spki_sha256: SpkiPin,
    /// The serial number, lower-case hexadecimal.
    pub serial: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    /// The distinguished name, for people only; no decision rests on it.
    pub subject: String,
}

impl PeerIdentity {
    /// Reads a leaf certificate. It does not validate it: the TLS handshake does.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let parsed = parse(certificate)?;
        let name = SpiffeName::of(&parsed)?;
        let CertificateFacts { subject, serial, spki_sha256, not_before, not_after, .. } = facts(&parsed)?;
        let SpiffeName { trust_domain, role, comp_id } = name;
        Ok(Self { role, trust_domain, comp_id, spki_sha256, serial, not_before, not_after, subject })
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

#[derive(Debug, PartialEq, Eq)]
struct SpiffeName {
    trust_domain: String,
    role: Role,
    comp_id: CompId,
}

impl SpiffeName {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, PeerError> {
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
}

impl FromStr for SpiffeName {
    type Err = PeerError;

    fn from_str(uri: &str) -> Result<Self, PeerError> {
        let rest = uri.strip_prefix("spiffe://").ok_or(PeerError::NotASignetUri)?;
        let mut parts = rest.split('/');
        let (Some(domain), Some(role), Some(comp_id), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(PeerError::NotASignetUri);
        };
        let role = match role {
            "desk" => Role::Desk,
            "gateway" => Role::Gateway,
            "dealer" => Role::Dealer,
            _ => return Err(PeerError::NotASignetUri),
        };
        if !is_trust_domain(domain) {
            return Err(PeerError::NotASignetUri);
        }
        Ok(Self { trust_domain: domain.to_owned(), role, comp_id: comp_id.parse()? })
    }
}

/// SPIFFE-ID §2.1: lower-case letters, digits, dots, dashes and underscores.
fn is_trust_domain(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=TRUST_DOMAIN_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PeerError> {
    match X509Certificate::from_der(certificate.as_ref()) {
        Ok(([], parsed)) => Ok(parsed),
        // Trailing bytes: not the certificate whose signature was checked.
        _ => Err(PeerError::Unreadable),
    }
}

fn facts(certificate: &X509Certificate<'_>) -> Result<CertificateFacts, PeerError> {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| PeerError::Unreadable);
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
    fn table_of_uris() {
        use PeerError::{BadCompId, NotASignetUri};
        type Row = (&'static str, Result<(&'static str, Role, &'static str), PeerError>);
        let table: &[Row] = &[
            ("spiffe://bank.example/desk/TRADER1", Ok(("bank.example", Role::Desk, "TRADER1"))),
            ("spiffe://bank.example/gateway/SIGNET", Ok(("bank.example", Role::Gateway, "SIGNET"))),
            ("spiffe://b/dealer/North-Bank_1.x", Ok(("b", Role::Dealer, "North-Bank_1.x"))),
            ("SPIFFE://bank.example/desk/T", Err(NotASignetUri)),
            ("https://bank.example/desk/T", Err(NotASignetUri)),
            ("spiffe:///desk/T", Err(NotASignetUri)),
            ("spiffe://Bank.example/desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example:443/desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example/Desk/T", Err(NotASignetUri)),
            ("spiffe://bank.example/trader/T", Err(NotASignetUri)),
            ("spiffe://bank.example/desk", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/", Err(BadCompId)),
            ("spiffe://bank.example/desk/T/", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/T/x", Err(NotASignetUri)),
            ("spiffe://bank.example/desk/T R", Err(BadCompId)),
            ("spiffe://bank.example/desk/T%41", Err(BadCompId)),
            ("spiffe://bank.example/desk/T?x", Err(BadCompId)),
            ("spiffe://bank.example/desk/TRÄDER", Err(BadCompId)),
        ];
        for (uri, expected) in table {
            let found = uri.parse::<SpiffeName>();
            let found = found.as_ref().map(|n| (n.trust_domain.as_str(), n.role, n.comp_id.as_str()));
            assert_eq!(found, expected.as_ref().copied(), "{uri}");
        }
    }

    #[test]
    fn comp_id_length_is_bounded() {
        assert!("X".repeat(COMP_ID_CHARS_MAX).parse::<CompId>().is_ok());
        assert_eq!("X".repeat(COMP_ID_CHARS_MAX + 1).parse::<CompId>(), Err(PeerError::BadCompId));
    }

    proptest! {
        #[test]
        fn a_good_name_comes_back_whole(
            domain in "[a-z0-9][a-z0-9.-]{0,40}",
            role in prop_oneof![Just(Role::Desk), Just(Role::Gateway), Just(Role::Dealer)],
            comp_id in "[A-Za-z0-9._-]{1,64}",
        ) {
            let name: SpiffeName = format!("spiffe://{domain}/{role}/{comp_id}").parse().unwrap();
            prop_assert_eq!(name.trust_domain, domain);
            prop_assert_eq!(name.role, role);
            prop_assert_eq!(name.comp_id.as_str(), comp_id);
        }

        #[test]
        fn no_text_smuggles_a_separator_into_a_comp_id(uri in "spiffe://[ -~]{0,60}") {
            if let Ok(name) = uri.parse::<SpiffeName>() {
                let separated = name.comp_id.as_str().contains(['/', '=', ' ']);
                prop_assert!(!separated);
                let again = format!("spiffe://{}/{}/{}", name.trust_domain, name.role, name.comp_id);
                prop_assert_eq!(again, uri);
            }
        }

        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = PeerIdentity::from_certificate(&CertificateDer::from(bytes));
        }
    }
}
