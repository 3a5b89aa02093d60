//! What records name by a digest or an issuer: documents in parts, certificates, revocation lists.

use super::record::{Digest, sha256};
use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

/// Puts documents together from their parts, which follow one another in one file.
#[derive(Default)]
pub(crate) struct DocumentParts(Vec<u8>);

impl DocumentParts {
    /// Another file begins: what is unfinished stays so.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the part `part` of `parts`; the document, when that was the last and it is whole.
    pub(crate) fn take(
        &mut self,
        digest: &Digest,
        (part, parts): (u32, u32),
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        if part == 0 {
            self.0.clear();
        }
        self.0.extend_from_slice(bytes);
        if part + 1 < parts || sha256(&self.0) != *digest {
            return None;
        }
        Some(std::mem::take(&mut self.0))
    }
}

/// The revocation lists in a file, DER or PEM, each with the name of its issuer.
pub(crate) fn lists_by_issuer(file: Vec<u8>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all: Vec<Vec<u8>> = if file.first() == Some(&0x30) {
        vec![file]
    } else {
        let lists = CertificateRevocationListDer::pem_slice_iter(&file).flatten();
        lists.map(|list| list.to_vec()).collect()
    };
    let with_issuer = |list: Vec<u8>| {
        let issuer = CertificateRevocationList::from_der(&list).ok()?.1.issuer().as_raw().to_vec();
        Some((issuer, list))
    };
    all.into_iter().filter_map(with_issuer).collect()
}

/// The name of the authority that issued a certificate.
pub(crate) fn issuer_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Some(read.issuer().as_raw().to_vec())
}

/// Whether a certificate is one that others may be issued by.
pub(crate) fn is_authority(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, read)| read.is_ca())
}
