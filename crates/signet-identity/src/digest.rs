//! SHA-256 (FIPS 180-4), the one digest of names, pins and signatures here.

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 digest of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
