//! A transparency log's arithmetic, without files, clocks or sockets.
//!
//! | part | standard |
//! | --- | --- |
//! | [`leaf_hash`], [`CompactRange`] | the Merkle tree of RFC 6962 §2.1 |
//! | [`inclusion`], [`consistency`] and their checks | RFC 9162 §2.1.3 and §2.1.4 |
//! | [`note`] | C2SP signed-note, Ed25519 |
//! | [`Checkpoint`] | C2SP tlog-checkpoint |
//! | [`witness`] | C2SP tlog-witness, the request and the answers to it |
//!
//! A [`CompactRange`] is all that a writer keeps of a tree: at most 64 hashes, whatever its size.
//! Proofs are made from the leaf hashes, which a reader gets from the log itself; [`ProofSince`]
//! needs only those that came since the older tree, and [`PartialTree`] those near what is proved.

#![warn(missing_docs, unreachable_pub)]

mod checkpoint;
mod hash;
pub mod note;
mod partial;
mod proof;
mod proof_since;
mod range;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::{HASH_LEN, Hash, leaf_hash, node_hash};
pub use partial::{PartialTree, Span};
pub use proof::{
    ProofError, consistency, inclusion, root_of, verify_consistency, verify_inclusion,
};
pub use proof_since::ProofSince;
pub use range::CompactRange;
