//! Lists of revoked certificates (RFC 5280 §5), as settings of a profile.
//!
//! One list that cannot be used disables itself and is named ([`Crls::unusable`]); the others stay
//! enforced. Whoever an authentic list names is refused always. What happens when no list can
//! answer is a choice: [`Revocation`]. Which list speaks for which certificate is decided in
//! `revocation`, against the key of the certificate's own issuer, so a forged list admits nobody.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};
use x509_parser::revocation_list::RevokedCertificate;
use x509_parser::x509::X509Version;

use super::pem::without_bom;

/// The largest file of lists, in bytes: some 400,000 revoked certificates.
pub const CRL_FILE_BYTES_MAX: usize = 16 << 20;
/// The most lists held at once.
pub const CRLS_MAX: usize = 64;

/// What to do with a peer whose revocation no list can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Refuse it: a missing, stale or foreign list closes the door.
    #[default]
    Required,
    /// Admit it: only what a list names is refused, even if the list is stale.
    BestEffort,
}

/// What one list says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlFacts {
    /// The distinguished name of the authority that signed it.
    pub issuer: String,
    pub this_update: OffsetDateTime,
    /// After this it is stale.
    pub next_update: OffsetDateTime,
    /// Its serial number, hexadecimal, if it has one.
    pub number: Option<String>,
    /// How many certificates it revokes.
    pub revoked: usize,
    /// Why it refuses whom it names and proves nothing of the others; `None` for a complete list.
    pub partial: Option<PartialList>,
}

/// Why the absence from a list proves nothing (RFC 5280 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartialList {
    #[error("it is a delta list (RFC 5280 §5.2.4)")]
    Delta,
    #[error("it is an indirect list (RFC 5280 §5.2.5)")]
    Indirect,
    #[error("it covers some reasons only (RFC 5280 §5.2.5)")]
    SomeReasons,
    #[error("it covers attribute certificates only (RFC 5280 §5.2.5)")]
    AttributeCertificates,
    #[error("it has a critical extension that is not processed here (RFC 5280 §5.2)")]
    CriticalExtension,
    #[error("an entry has a critical extension that is not processed here (RFC 5280 §5.3)")]
    CriticalEntryExtension,
    #[error("its form is version 1, which cannot carry a number or a key (RFC 5280 §5.1.2.1)")]
    Version1,
}

/// A list, or a file of lists, that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableList {
    /// The file; `None` for a list that came from elsewhere.
    pub path: Option<PathBuf>,
    /// Its place among the lists of its file, counted from 1.
    pub place: usize,
    pub why: String,
}

impl std::fmt::Display for UnusableList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}, list {}: {}", path.display(), self.place, self.why),
            None => write!(f, "list {}: {}", self.place, self.why),
        }
    }
}

/// A set of lists and what rests on it.
#[derive(Debug, Clone, Default)]
pub struct Crls {
    lists: Arc<Vec<List>>,
    facts: Arc<Vec<CrlFacts>>,
    unusable: Arc<Vec<UnusableList>>,
    verified: Arc<super::revocation::Verified>,
    revocation: Revocation,
}

/// One list, read.
#[derive(Debug)]
pub(super) struct List {
    pub(super) der: CertificateRevocationListDer<'static>,
    /// DER of the issuer's name.
    pub(super) issuer: Vec<u8>,
    /// Key identifier of the authority, if the list says one (§5.2.1).
    pub(super) authority_key: Option<Vec<u8>>,
    /// CRL number, big-endian without leading zeros; empty if there is none.
    pub(super) number: Vec<u8>,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
    /// Serial numbers, big-endian without leading zeros.
    pub(super) revoked: HashSet<Vec<u8>>,
    pub(super) partial: Option<PartialList>,
    pub(super) covers_users: bool,
    pub(super) covers_authorities: bool,
    /// The URIs of its distribution point, if it names one; then certificates must name one too.
    pub(super) distribution_point: Option<Vec<String>>,
}

/// Lists cannot be used. At fault: whoever published or fetched them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    #[error("{path}: cannot be read: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the revocation list is larger than {CRL_FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("there are {0} revocation lists; at most {CRLS_MAX} are allowed")]
    TooMany(usize),
    #[error("this is no revocation list (PEM \"X509 CRL\" or DER was expected)")]
    Unreadable,
    #[error("the revocation list does not say until when it is good")]
    NoNextUpdate,
}

impl Crls {
    /// Exactly these lists; the first that cannot be used is an error. An empty set with
    /// [`Revocation::Required`] refuses everybody.
    pub fn new(
        lists: impl IntoIterator<Item = CertificateRevocationListDer<'static>>,
    ) -> Result<Self, CrlError> {
        let lists: Vec<_> = lists.into_iter().collect();
        if lists.len() > CRLS_MAX {
            return Err(CrlError::TooMany(lists.len()));
        }
        let read: Result<Vec<_>, _> = lists.into_iter().map(read_list).collect();
        Ok(Self::of(read?, Vec::new()))
    }

    fn of(read: Vec<(List, CrlFacts)>, unusable: Vec<UnusableList>) -> Self {
        let (lists, facts) = read.into_iter().unzip();
        Self {
            lists: Arc::new(lists),
            facts: Arc::new(facts),
            unusable: Arc::new(unusable),
            ..Self::default()
        }
    }

    /// Reads PEM with any number of lists, or DER with one; the first that cannot be used is an
    /// error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CrlError> {
        Self::new(parse(bytes)?.into_iter().collect::<Result<Vec<_>, _>>()?)
    }

    /// Reads files, each PEM or DER. What cannot be used is in [`Self::unusable`]; the rest is in
    /// force.
    #[must_use]
    pub fn from_files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        let sources = paths.into_iter().map(|p| (p.as_ref().to_owned(), read_file(p.as_ref())));
        Self::from_sources(sources.map(|(path, bytes)| (Some(path), bytes)))
    }

    /// Reads lists that were fetched already. `None` for one that has no file.
    #[must_use]
    pub fn from_sources(
        sources: impl IntoIterator<Item = (Option<PathBuf>, Result<Vec<u8>, CrlError>)>,
    ) -> Self {
        let (mut good, mut unusable) = (Vec::new(), Vec::new());
        for (path, bytes) in sources {
            let lists = match bytes.and_then(|b| parse(&b)) {
                Ok(lists) => lists,
                Err(e) => vec![Err(e)],
            };
            for (i, list) in lists.into_iter().enumerate() {
                let full = || CrlError::TooMany(CRLS_MAX + 1);
                let read = list
                    .and_then(|l| if good.len() < CRLS_MAX { read_list(l) } else { Err(full()) });
                match read {
                    Ok(list) => good.push(list),
                    Err(e) => unusable.push(UnusableList {
                        path: path.clone(),
                        place: i + 1,
                        why: e.to_string(),
                    }),
                }
            }
        }
        Self::of(good, unusable)
    }

    /// Sets what happens when no list can tell.
    #[must_use]
    pub fn with_revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = revocation;
        self
    }

    /// What happens when no list can tell.
    #[must_use]
    pub const fn revocation(&self) -> Revocation {
        self.revocation
    }

    /// What each usable list says about itself.
    #[must_use]
    pub fn facts(&self) -> &[CrlFacts] {
        &self.facts
    }

    /// Lists and files that cannot be used, and why.
    #[must_use]
    pub fn unusable(&self) -> &[UnusableList] {
        &self.unusable
    }

    /// The lists that nobody should still rely on at `now`, for a loud log: stale, and not replaced
    /// by a newer one of the same authority and kind.
    pub fn stale(&self, now: OffsetDateTime) -> impl Iterator<Item = &CrlFacts> {
        let fresh =
            move |of: &List| self.lists.iter().any(|l| l.next_update > now && l.replaces(of));
        let stale = self
            .lists
            .iter()
            .zip(self.facts.iter())
            .filter(move |(list, _)| list.next_update <= now && !fresh(list));
        stale.map(|(_, facts)| facts)
    }

    pub(super) fn lists(&self) -> &[List] {
        &self.lists
    }

    pub(super) fn verified(&self) -> &super::revocation::Verified {
        &self.verified
    }
}

impl List {
    /// Whether this list stands in for `other`: same authority, same key as far as they say, same
    /// part of the authority's certificates.
    fn replaces(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.authority_key == other.authority_key
            && self.partial == other.partial
            && self.distribution_point == other.distribution_point
            && (self.covers_users, self.covers_authorities)
                == (other.covers_users, other.covers_authorities)
    }
}

fn parse(
    bytes: &[u8],
) -> Result<Vec<Result<CertificateRevocationListDer<'static>, CrlError>>, CrlError> {
    if bytes.len() > CRL_FILE_BYTES_MAX {
        return Err(CrlError::TooLarge);
    }
    let bytes = without_bom(bytes);
    // DER begins with a SEQUENCE; PEM is text and never holds this byte before its first line.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![Ok(CertificateRevocationListDer::from(bytes.to_vec()))]);
    }
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
        .map(|l| l.map_err(|_| CrlError::Unreadable))
        .collect();
    if lists.is_empty() { Err(CrlError::Unreadable) } else { Ok(lists) }
}

fn read_file(path: &Path) -> Result<Vec<u8>, CrlError> {
    let failed = |source| CrlError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = u64::try_from(CRL_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn read_list(der: CertificateRevocationListDer<'static>) -> Result<(List, CrlFacts), CrlError> {
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

/// The URIs of a distribution point. A name relative to the issuer is no URI, so nothing matches
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
    use proptest::prelude::*;

    #[test]
    fn what_is_no_list_is_refused() {
        for bytes in [
            &b""[..],
            b"hello",
            b"0",
            b"\x30\x03\x02\x01\x00",
            b"-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----\n",
        ] {
            assert!(matches!(Crls::from_bytes(bytes), Err(CrlError::Unreadable)), "{bytes:?}");
        }
        assert!(matches!(
            Crls::from_bytes(&vec![0x30; CRL_FILE_BYTES_MAX + 1]),
            Err(CrlError::TooLarge)
        ));
        let missing = Crls::from_files(["/nonexistent/crl"]);
        assert_eq!((missing.unusable().len(), missing.lists().len()), (1, 0));
        assert!(missing.unusable()[0].to_string().starts_with("/nonexistent/crl, list 1: "));
        let many = vec![CertificateRevocationListDer::from(vec![0x30]); CRLS_MAX + 1];
        assert!(matches!(Crls::new(many), Err(CrlError::TooMany(_))));
    }

    #[test]
    fn numbers_are_compared_without_leading_zeros() {
        assert_eq!(plain(&[0, 0, 1, 0]), [1, 0]);
        assert_eq!(plain(&[0]), [0; 0]);
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
            let _ = Crls::from_bytes(&bytes);
            bytes[0] = 0x30;
            let _ = Crls::from_bytes(&bytes);
            let _ = Crls::from_sources([(None, Ok(bytes))]);
        }
    }
}
