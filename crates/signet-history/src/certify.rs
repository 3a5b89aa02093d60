//! The key that checkpoints are signed with. The desk has it in the keychain and uses it without
//! asking anybody; its own key, which may be in a token, certifies it once for each certificate.

use crate::{decode, encode, record::What};
use rustls_pki_types::CertificateDer;
use signet_identity::{MESSAGE_SIGNATURE_BYTES, MessagePublicKey, PeerIdentity, sha256};
use signet_tlog::note::VerifierKey;

/// Most certificates of a chain that are looked at.
const CHAIN_MAX: usize = 10;

/// Who a certificate is issued to.
pub(crate) fn holder(p: &PeerIdentity) -> String {
    format!("{} {}", p.role, p.comp_id)
}

/// The text that the desk's own key signs.
pub fn statement(key: &VerifierKey, certificate: &[u8]) -> String {
    let print = crate::hex(&sha256(certificate));
    format!("signet desk history key 1\nkey {key}\ncertificate {print}\n")
}

/// A certificate whose key certified the key of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// Who it is issued to, as it says: a Signet identity, or the words for a certificate that has
    /// none.
    pub holder: String,
    /// SHA-256 of the certificate, lower-case hexadecimal.
    pub sha256: String,
}

impl Certified {
    /// The record of a certification.
    pub fn record(statement: String, signature: &[u8], chain: &[CertificateDer<'_>]) -> What {
        let chain = chain.iter().map(encode).collect();
        What::Key { statement, signature: encode(signature), chain }
    }

    /// Checks such a record. It is not checked who issued the certificate.
    pub(crate) fn check(
        key: &VerifierKey,
        text: &str,
        signature: &str,
        chain: &[String],
    ) -> Option<Self> {
        let leaf = decode(chain.first().filter(|_| chain.len() <= CHAIN_MAX)?)?;
        let signature: [u8; MESSAGE_SIGNATURE_BYTES] = decode(signature)?.try_into().ok()?;
        let certificate = CertificateDer::from(leaf.as_slice());
        let public = MessagePublicKey::of_certificate(&certificate).ok()?;
        if text != statement(key, &leaf) || !public.is_good(text.as_bytes(), &signature) {
            return None;
        }
        let holder = PeerIdentity::from_certificate(&certificate)
            .map_or_else(|_| "no Signet identity".into(), |p| holder(&p));
        Some(Self { holder, sha256: crate::hex(&sha256(&leaf)) })
    }
}
