//! Signatures of revocation lists, each checked once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use x509_parser::prelude::{CertificateRevocationList, FromDer as _};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::list::List;
use crate::digest::sha256;

/// Signature checks remembered: every list under a few keys each.
const VERIFIED_MAX: usize = 512;

/// Signatures of lists that were checked, so that a long list is not hashed at every handshake.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<HashMap<(usize, [u8; 32]), Signature>>);

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Good,
    Bad,
    /// An algorithm that is not processed here.
    Unknown,
}

impl Verified {
    /// Whether `key` signed the list, which is at `place` in its set.
    pub(super) fn check(
        &self,
        place: usize,
        list: &List,
        key: &SubjectPublicKeyInfo<'_>,
    ) -> Signature {
        let id = (place, sha256(key.raw));
        if let Some(known) = self.lock().get(&id) {
            return *known;
        }
        let signature = check_signature(list, key);
        let mut all = self.lock();
        if all.len() < VERIFIED_MAX {
            all.insert(id, signature);
        }
        signature
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(usize, [u8; 32]), Signature>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_signature(list: &List, key: &SubjectPublicKeyInfo<'_>) -> Signature {
    use x509_parser::error::X509Error;
    let Ok((_, crl)) = CertificateRevocationList::from_der(&list.der) else {
        return Signature::Bad;
    };
    match crl.verify_signature(key) {
        Ok(()) => Signature::Good,
        Err(X509Error::SignatureUnsupportedAlgorithm) => Signature::Unknown,
        Err(_) => Signature::Bad,
    }
}
