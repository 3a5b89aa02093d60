//! Append-only, chained, encrypted record files.
//!
//! A [`SealedLog`] keeps FIX messages, sequence numbers and the blotter on a laptop that may be
//! stolen: every record is sealed with AES-256-GCM (NIST SP 800-38D) under a key that is not on the
//! disk, and authenticates its place in the file and the record before it, so that a record can be
//! neither read, changed, moved, removed from the middle nor copied from another file.
//!
//! Only the bytes after the last complete record may be a torn tail (a crash while writing); they
//! are cut off and counted in [`Recovered::torn_bytes`]. Every other change of any byte is an error
//! that names the record; [`SealedLog::salvage`] then keeps the damaged file aside and saves what
//! still authenticates. No key meets a nonce twice, whatever tail, backup or failed append.
//!
//! The file alone does not show that records were cut off the **end**: yesterday's copy is a valid
//! file. A FIX counterparty notices that as a sequence number too low.
//!
//! A [`KeyIndex`] says whether a closed file has something about a key. It is made from the file
//! and can be made again.
//!
//! This crate reads no clock and does not know where keys come from.

#![warn(missing_docs, unreachable_pub)]

#[cfg(feature = "test-double")]
pub mod disk;
mod error;
mod folder;
mod format;
mod key;
mod key_index;
mod place;
mod reader;
mod recovered;
mod sealed;

pub use error::LogError;
pub use folder::{private_folder, replace_file, sync_file};
pub use key::StoreKey;
pub use key_index::KeyIndex;
pub use place::open_locked;
pub use reader::{LogReader, Mark};
pub use recovered::Recovered;
pub use sealed::{Salvaged, SealedLog};
/// Longest record, bytes. A FIX frame is at most 64 KiB; the rest is room for a blotter row.
pub const MAX_RECORD_LEN: usize = 256 * 1024;
