//! Lists of revoked certificates (RFC 5280 §5), as settings of a profile.
//!
//! A list that cannot be used is reported ([`Crls::unusable`]) and the others stay in force. A
//! certificate that an authentic list names is always refused. [`Revocation`] chooses what happens
//! when no list covers a certificate. `revocation` decides which list covers which certificate, by
//! the key of the certificate's own issuer, so a forged list admits nobody.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;

use super::error::{CRL_FILE_BYTES_MAX, CRLS_MAX, CrlError};
use super::list::{CrlFacts, List, read_list};
use super::pem::without_bom;
use super::signatures::Verified;

/// What to do with a peer when no list tells whether it was revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Refuse it: without a current list of the right authority nobody is admitted.
    #[default]
    Required,
    /// Admit it: only certificates that a list names are refused, even if the list is stale.
    BestEffort,
}

/// A list, or a file of lists, that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableList {
    /// The file; `None` for a list that came from elsewhere.
    pub path: Option<PathBuf>,
    /// Its place among the lists of its file, counted from 1.
    pub place: usize,
    /// The reason, in words.
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

/// A set of revocation lists and the setting that says what rests on it. Clones share the lists.
#[derive(Debug, Clone, Default)]
pub struct Crls {
    lists: Arc<Vec<List>>,
    facts: Arc<Vec<CrlFacts>>,
    unusable: Arc<Vec<UnusableList>>,
    verified: Arc<Verified>,
    revocation: Revocation,
}

impl Crls {
    /// Exactly these lists. An empty set with [`Revocation::Required`] refuses everybody.
    ///
    /// # Errors
    /// That of the first list that cannot be used, or [`CrlError::TooMany`].
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

    /// Reads PEM with any number of lists, or DER with one.
    ///
    /// # Errors
    /// That of the first list that cannot be used.
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

    /// Sets what happens to a peer when no list can tell.
    #[must_use]
    pub fn with_revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = revocation;
        self
    }

    /// What happens to a peer when no list can tell.
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

    /// The lists that are stale at `now` and not replaced by a newer one of the same authority and
    /// scope: for a warning in the log.
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

    pub(super) fn verified(&self) -> &Verified {
        &self.verified
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
