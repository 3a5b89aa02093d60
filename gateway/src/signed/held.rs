//! What the present file of the evidence holds, and the digests of certificates.

use super::record::{Digest, sha256};
use std::collections::{BTreeMap, HashSet};

/// Most bytes of certificates whose digests are remembered: some ten thousand certificates.
const REMEMBERED_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Held {
    /// Certificates and documents that the present file holds.
    all: HashSet<Digest>,
    /// The same few certificates come with every message, and to hash one takes longer than to find
    /// it. Each is here as a whole: another one must never get its digest.
    prints: BTreeMap<Box<[u8]>, Digest>,
    /// Bytes of those in `prints`.
    bytes: usize,
}

impl Held {
    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.all.contains(digest)
    }

    pub(super) fn insert(&mut self, digest: Digest) {
        self.all.insert(digest);
    }

    /// Another file begins. Digests of certificates do not depend on files.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// The SHA-256 of a certificate.
    pub(super) fn print_of(&mut self, certificate: &[u8]) -> Digest {
        if let Some(print) = self.prints.get(certificate) {
            return *print;
        }
        let print = sha256(certificate);
        if certificate.len() > REMEMBERED_BYTES_MAX {
            return print;
        }
        if self.bytes.saturating_add(certificate.len()) > REMEMBERED_BYTES_MAX {
            self.prints.clear();
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(certificate.len());
        self.prints.insert(certificate.into(), print);
        print
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_certificate_also_when_it_is_remembered() {
        let mut held = Held::default();
        let certificates = [vec![0x30; 600], vec![0x30; 601], [vec![0x30; 599], vec![1]].concat()];
        for certificate in certificates.iter().chain(&certificates) {
            assert_eq!(held.print_of(certificate), sha256(certificate));
        }
        assert_eq!((held.prints.len(), held.bytes), (3, 1_801));
        assert!(!held.contains(&sha256(&certificates[0])), "the file does not hold it by that");
        held.insert(sha256(&certificates[0]));
        held.clear();
        assert!(!held.contains(&sha256(&certificates[0])));
        assert_eq!(held.prints.len(), 3, "they are not of a file");
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut held = Held::default();
        let large = |n: u8| vec![n; REMEMBERED_BYTES_MAX / 2];
        for (n, left) in [(1, 1), (2, 2), (3, 1), (3, 1), (1, 2)] {
            assert_eq!(held.print_of(&large(n)), sha256(&large(n)));
            assert_eq!(held.prints.len(), left, "{n}");
            assert_eq!(held.bytes, left * large(n).len());
        }
        let too_large = vec![9; REMEMBERED_BYTES_MAX + 1];
        assert_eq!(held.print_of(&too_large), sha256(&too_large));
        assert_eq!(held.prints.len(), 2);
    }
}
