//! Append-only, chained, encrypted record files.
//!
//! A [`SealedLog`] keeps FIX messages, sequence numbers and the blotter on a laptop that may be
//! stolen: every record is sealed with AES-256-GCM (NIST SP 800-38D) under a key that is not on the
//! disk, and authenticates its place in the file and the record before it, so that a record can be
//! neither read, changed, moved, removed from the middle nor copied from another file.
//!
//! What it cannot show by itself: that records were cut off the **end** (a copy of the file from
//! yesterday is a valid file). A FIX counterparty notices that as a sequence number too low.
//!
//! This room holds no clock and does not know where keys come from.

mod sealed;

mod folder;

pub use folder::private_folder;
pub use sealed::{LogError, MAX_RECORD_LEN, Recovered, SealedLog, StoreKey};
