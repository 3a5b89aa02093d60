//! Whether a certificate and a key belong together.

use rustls::sign::CertifiedKey;

use crate::certificate::CertificateFacts;

/// Whether the leaf certifies this key. Done here because rustls would refuse a certificate that
/// webpki cannot read for an extension.
pub(super) fn belongs_together(certified: &CertifiedKey) -> bool {
    let leaf = certified.cert.first().and_then(|c| CertificateFacts::from_certificate(c).ok());
    match (leaf, certified.key.public_key()) {
        (Some(facts), Some(key)) => facts.spki == key.as_ref(),
        _ => false,
    }
}
