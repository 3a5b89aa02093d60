//! One revocation list, parsed: what it says, and which parts are not processed here.

use std::collections::HashSet;

use rustls::pki_types::CertificateRevocationListDer;
use time::OffsetDateTime;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};
use x509_parser::revocation_list::RevokedCertificate;
use x509_parser::x509::X509Version;

use super::error::CrlError;

/// What one list says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFacts {
    /// The distinguished name of the authority that signed it.
    pub issuer: String,
    /// When it was issued.
    pub this_update: OffsetDateTime,
    /// When the next one is due; from then on this one is stale.
    pub next_update: OffsetDateTime,
    /// Its serial number, hexadecimal, if it has one.
    pub number: Option<String>,
    /// The number of certificates it revokes.
    pub revoked: usize,
    /// Why it still refuses the certificates it names but proves nothing about others; `None` for a
    /// complete list.
    pub partial: Option<PartialList>,
}

/// Why a certificate's absence from the list proves nothing (RFC 5280 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialList {
    /// It lists only changes since another list.
    #[error("it is a delta list (RFC 5280 §5.2.4)")]
    Delta,
    /// It may name certificates of other authorities.
    #[error("it is an indirect list (RFC 5280 §5.2.5)")]
    Indirect,
    /// It leaves out certificates revoked for other reasons.
    #[error("it covers some reasons only (RFC 5280 §5.2.5)")]
    SomeReasons,
    /// It does not cover public-key certificates.
    #[error("it covers attribute certificates only (RFC 5280 §5.2.5)")]
    AttributeCertificates,
    /// Its extension may change what the list means.
    #[error("it has a critical extension that is not processed here (RFC 5280 §5.2)")]
    CriticalExtension,
    /// The extension may change what the entry means.
    #[error("an entry has a critical extension that is not processed here (RFC 5280 §5.3)")]
    CriticalEntryExtension,
    /// It cannot be ordered without a number, nor assigned to a key without an identifier.
    #[error("its form is version 1, which cannot carry a number or a key (RFC 5280 §5.1.2.1)")]
    Version1,
}

/// One list, parsed.
#[derive(Debug)]
pub(super) struct List {
    pub(super) der: CertificateRevocationListDer<'static>,
    /// DER of the issuer's name.
    pub(super) issuer: Vec<u8>,
    /// Key identifier of the authority, if the list says one (§5.2.1).
    pub(super) authority_key: Option<Vec<u8>>,
    /// CRL number, big-endian without leading zeros; empty if there is none.
    pub(super) number: Vec<u8>,
    /// When it was issued.
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
    /// Serial numbers, big-endian without leading zeros.
    pub(super) revoked: HashSet<Vec<u8>>,
    pub(super) partial: Option<PartialList>,
    pub(super) covers_users: bool,
    pub(super) covers_authorities: bool,
    /// The URIs of its distribution point, if it names one; it then covers only certificates that
    /// name one of them.
    pub(super) distribution_point: Option<Vec<String>>,
}

impl List {
    /// Whether this list replaces `other`: same authority, same key as far as they name one, same
    /// scope.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.authority_key == other.authority_key
            && self.partial == other.partial
            && self.distribution_point == other.distribution_point
            && (self.covers_users, self.covers_authorities)
                == (other.covers_users, other.covers_authorities)
    }
}

/// Reads one DER list.
pub(super) fn read_list(
    der: CertificateRevocationListDer<'static>,
) -> Result<(List, CrlFacts), CrlError> {
    let Ok(([], crl)) = CertificateRevocationList::from_der(&der) else {
        return Err(CrlError::Unreadable);
    };
    let at = |t: x509_parser::time::ASN1Time| {
        OffsetDateTime::from_unix_timestamp(t.timestamp()).map_err(|_| CrlError::Unreadable)
    };
    let number =
        crl.crl_number().map(x509_parser::num_bigint::BigUint::to_bytes_be).unwrap_or_default();
    let scope = Scope::of(&crl);
    let list = List {
        issuer: crl.issuer().as_raw().to_vec(),
        authority_key: scope.authority_key,
        number: plain(&number),
        this_update: at(crl.last_update())?,
        next_update: at(crl.next_update().ok_or(CrlError::NoNextUpdate)?)?,
        revoked: crl.iter_revoked_certificates().map(|r| plain(r.raw_serial())).collect(),
        partial: scope.partial,
        covers_users: scope.users,
        covers_authorities: scope.authorities,
        distribution_point: scope.distribution_point,
        der: CertificateRevocationListDer::from(Vec::new()),
    };
    let facts = CrlFacts {
        issuer: crl.issuer().to_string(),
        this_update: list.this_update,
        next_update: list.next_update,
        number: crl.crl_number().map(|number| format!("{number:x}")),
        revoked: list.revoked.len(),
        partial: list.partial,
    };
    drop(crl);
    Ok((List { der, ..list }, facts))
}

/// An unsigned number without leading zeros.
pub(super) fn plain(number: &[u8]) -> Vec<u8> {
    let start = number.iter().position(|b| *b != 0).unwrap_or(number.len());
    number[start..].to_vec()
}

/// What a list covers, from its extensions.
struct Scope {
    authority_key: Option<Vec<u8>>,
    partial: Option<PartialList>,
    users: bool,
    authorities: bool,
    distribution_point: Option<Vec<String>>,
}

impl Scope {
    fn of(crl: &CertificateRevocationList<'_>) -> Self {
        let mut scope = Self {
            authority_key: None,
            partial: None,
            users: true,
            authorities: true,
            distribution_point: None,
        };
        if crl.version() != Some(X509Version::V2) {
            scope.partial = Some(PartialList::Version1);
        }
        for extension in crl.extensions() {
            let oid = extension.oid.to_id_string();
            match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    scope.authority_key = id.key_identifier.as_ref().map(|k| k.0.to_vec());
                }
                ParsedExtension::CRLNumber(_) | ParsedExtension::IssuerAlternativeName(_) => {}
                ParsedExtension::IssuingDistributionPoint(idp) => scope.take(idp),
                _ if oid == DELTA => scope.limit(PartialList::Delta),
                _ if extension.critical => scope.limit(PartialList::CriticalExtension),
                _ => {}
            }
        }
        if crl.iter_revoked_certificates().any(entry_is_beyond_us) {
            scope.limit(PartialList::CriticalEntryExtension);
        }
        scope
    }

    fn limit(&mut self, why: PartialList) {
        self.partial = self.partial.or(Some(why));
    }

    fn take(&mut self, idp: &x509_parser::extensions::IssuingDistributionPoint<'_>) {
        if idp.indirect_crl {
            self.limit(PartialList::Indirect);
        }
        if idp.only_some_reasons.is_some() {
            self.limit(PartialList::SomeReasons);
        }
        if idp.only_contains_attribute_certs {
            self.limit(PartialList::AttributeCertificates);
        }
        self.users = !idp.only_contains_ca_certs;
        self.authorities = !idp.only_contains_user_certs;
        self.distribution_point = idp.distribution_point.as_ref().map(point_uris);
    }
}

const DELTA: &str = "2.5.29.27";
/// cRLReason, holdInstructionCode and invalidityDate (§5.3.1, §5.3.2).
const KNOWN_ENTRY_EXTENSIONS: [&str; 3] = ["2.5.29.21", "2.5.29.23", "2.5.29.24"];

fn entry_is_beyond_us(entry: &RevokedCertificate<'_>) -> bool {
    entry
        .extensions()
        .iter()
        .any(|e| e.critical && !KNOWN_ENTRY_EXTENSIONS.contains(&e.oid.to_id_string().as_str()))
}

/// The URIs of a distribution point. A name relative to the issuer is not a URI, so nothing matches
/// it.
pub(super) fn point_uris(name: &DistributionPointName<'_>) -> Vec<String> {
    let DistributionPointName::FullName(names) = name else { return Vec::new() };
    let uri = |n: &GeneralName<'_>| match n {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    names.iter().filter_map(uri).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_without_leading_zeros() {
        assert_eq!(plain(&[0, 0, 1, 0]), [1, 0]);
        assert_eq!(plain(&[0]), [0; 0]);
    }
}
