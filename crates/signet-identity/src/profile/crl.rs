//! Lists of revoked certificates (RFC 5280 §5), as settings of a profile.
//!
//! Whoever a list names is refused always. What happens when no list can answer is a choice:
//! [`Revocation`]. The lists' signatures are checked by the handshake against the authority of the
//! peer's own chain, so a forged list refuses connections and admits nobody.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

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
}

/// A set of lists and what rests on it.
#[derive(Debug, Clone, Default)]
pub struct Crls {
    lists: Arc<Vec<CertificateRevocationListDer<'static>>>,
    facts: Arc<Vec<CrlFacts>>,
    revocation: Revocation,
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
    /// Exactly these lists. An empty set with [`Revocation::Required`] refuses everybody.
    pub fn new(lists: impl IntoIterator<Item = CertificateRevocationListDer<'static>>) -> Result<Self, CrlError> {
        let lists: Vec<_> = lists.into_iter().collect();
        if lists.len() > CRLS_MAX {
            return Err(CrlError::TooMany(lists.len()));
        }
        let facts: Result<Vec<_>, _> = lists.iter().map(facts).collect();
        Ok(Self { facts: Arc::new(facts?), lists: Arc::new(lists), revocation: Revocation::default() })
    }

    /// Reads PEM with any number of lists, or DER with one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CrlError> {
        Self::new(parse(bytes)?)
    }

    /// Reads files, each PEM or DER.
    pub fn from_files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, CrlError> {
        let mut lists = Vec::new();
        for path in paths {
            lists.append(&mut parse(&read(path.as_ref())?)?);
        }
        Self::new(lists)
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

    /// What each list says about itself.
    #[must_use]
    pub fn facts(&self) -> &[CrlFacts] {
        &self.facts
    }

    /// The lists that are stale at `now`, for a loud log.
    pub fn stale(&self, now: OffsetDateTime) -> impl Iterator<Item = &CrlFacts> {
        self.facts.iter().filter(move |facts| facts.next_update <= now)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> + '_ {
        self.lists.iter().cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, CrlError> {
    if bytes.len() > CRL_FILE_BYTES_MAX {
        return Err(CrlError::TooLarge);
    }
    // DER begins with a SEQUENCE; PEM is text and never holds this byte before its first line.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let parsed: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    parsed.ok().filter(|lists| !lists.is_empty()).ok_or(CrlError::Unreadable)
}

fn read(path: &Path) -> Result<Vec<u8>, CrlError> {
    let failed = |source| CrlError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let limit = u64::try_from(CRL_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn facts(list: &CertificateRevocationListDer<'_>) -> Result<CrlFacts, CrlError> {
    let Ok(([], crl)) = CertificateRevocationList::from_der(list) else { return Err(CrlError::Unreadable) };
    let at = |t: x509_parser::time::ASN1Time| OffsetDateTime::from_unix_timestamp(t.timestamp()).map_err(|_| CrlError::Unreadable);
    Ok(CrlFacts {
        issuer: crl.issuer().to_string(),
        this_update: at(crl.last_update())?,
        next_update: at(crl.next_update().ok_or(CrlError::NoNextUpdate)?)?,
        number: crl.crl_number().map(|number| format!("{number:x}")),
        revoked: crl.iter_revoked_certificates().count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_list_is_refused() {
        for bytes in [&b""[..], b"hello", b"0", b"\x30\x03\x02\x01\x00", b"-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----\n"] {
            assert!(matches!(Crls::from_bytes(bytes), Err(CrlError::Unreadable)), "{bytes:?}");
        }
        assert!(matches!(Crls::from_bytes(&vec![0x30; CRL_FILE_BYTES_MAX + 1]), Err(CrlError::TooLarge)));
        assert!(matches!(Crls::from_files(["/nonexistent/crl"]), Err(CrlError::File { .. })));
        let many = vec![CertificateRevocationListDer::from(vec![0x30]); CRLS_MAX + 1];
        assert!(matches!(Crls::new(many), Err(CrlError::TooMany(_))));
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
            let _ = Crls::from_bytes(&bytes);
            bytes[0] = 0x30;
            let _ = Crls::from_bytes(&bytes);
        }
    }
}
