//! SHA-256 with the domain separation of RFC 6962 §2.1.

use aws_lc_rs::digest::{Context, SHA256};

/// Length of a hash, bytes.
pub const HASH_LEN: usize = 32;
/// A node of the tree.
pub type Hash = [u8; HASH_LEN];

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[LEAF], entry])
}

/// The hash of a node with these two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[NODE], left, right])
}

pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|p| context.update(p));
    let mut out = [0; HASH_LEN];
    out.copy_from_slice(context.finish().as_ref());
    out
}
