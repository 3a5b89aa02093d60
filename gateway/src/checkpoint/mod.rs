//! Checkpoints: the evidence and the journal, sealed so that somebody else can tell.
//!
//! Every record of the evidence ([`crate::signed`]) is a leaf of one Merkle tree, the copies of
//! what the journal of RFQs took among them. A thread of its own signs size and root of the tree,
//! keeps the newest beside the evidence and gives it to second parties. Whoever holds one of them
//! notices a record that is changed, moved, cut off or missing, although the machine and its keys
//! are in the hands of whoever did it.
//!
//! A gateway can be the second party of others too: `receive/` takes their checkpoints.
//!
//! A checkpoint is signed only after what it covers is on the disk, so a power cut leaves no log
//! that is shorter than a checkpoint.

mod compare;
mod each;
mod key;
mod publish;
mod read;
mod receive;
mod request;
mod start;
mod thread;
mod unpublished;
mod verify;
mod witness;

pub use each::{Each, Standing, journal_each};
pub use key::public_key;
pub(crate) use key::{existing, origin, signer};
pub(crate) use publish::Target;
pub(crate) use read::{read_found, read_limited};
pub(crate) use receive::{ReceivePlan, start_receiving};
pub(crate) use start::{Places, Rewritten, reconcile, take_as_it_is};
pub(crate) use thread::{Plan, first, start};
pub use verify::{JournalFault, Whole, checkpoints_in, journal_verify};
pub(crate) use witness::{ProofSource, Witness};

#[cfg(test)]
mod tests;
