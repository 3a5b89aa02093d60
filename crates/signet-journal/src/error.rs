//! Why a record file cannot be used.

use crate::MAX_RECORD_LEN;
use std::{io, path::PathBuf};

/// Why a record file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk, or the rights on it.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another Signet process has the file open.
    #[error("{0} is in use by another Signet process")]
    InUse(PathBuf),
    /// Not one of our files.
    #[error("{0} is not a Signet record file")]
    NotALog(PathBuf),
    /// The header is whole but was not made under this key.
    #[error("{0}: the store key does not open this file, or its header was changed")]
    WrongKey(PathBuf),
    /// The file was changed, or (format 1) the key is wrong.
    #[error(
        "{path}: record {index} cannot be authenticated; the key is another one or the file was \
            changed"
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// The first record that does not authenticate, counted from 0.
        index: u64,
    },
    /// The caller's record is too large.
    #[error("a record of {0} bytes is longer than the limit of {MAX_RECORD_LEN}")]
    RecordTooLong(usize),
    /// The caller's key is not 32 bytes.
    #[error("a store key is 32 bytes")]
    BadKey,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
}

impl LogError {
    /// Whether the fault is in the file's content, not the disk or another process.
    /// [`crate::SealedLog::salvage`] repairs such a file.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Tampered { .. } | Self::WrongKey(_) | Self::NotALog(_))
    }
}
