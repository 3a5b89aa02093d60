//! Why a history cannot be used.

use crate::view::Problem;
use signet_journal::LogError;
use std::{io, path::PathBuf};

/// Why a history cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The disk, or the rights on it.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file of it: input and output, another process, damage.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The files do not belong together, or are fewer than they were.
    #[error("{path}: {why}")]
    Altered {
        /// File or folder.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
    /// There is none of this identity.
    #[error("there is no history of {0} on this laptop")]
    None(String),
    /// Its export does not fit beside a desk that trades: longer than so many bytes.
    #[error("the export of this history is longer than {0} bytes")]
    TooLong(usize),
    /// The keychain does not give the key.
    #[error("{}", .0.message)]
    Keychain(Box<Problem>),
    /// The thread that writes could not be started.
    #[error("the history's thread cannot be started: {0}")]
    Thread(io::Error),
}

impl HistoryError {
    /// Never changes between releases.
    pub fn code(&self) -> &str {
        match self {
            Self::Log(LogError::InUse(_)) => "history.in_use",
            Self::Log(e) if e.is_damage() => "history.altered",
            Self::Altered { .. } => "history.altered",
            Self::None(_) => "history.none",
            Self::TooLong(_) => "history.too_long",
            Self::Keychain(p) => &p.code,
            _ => "history.unwritable",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &str {
        match self {
            Self::Log(LogError::InUse(_)) => "Close the other Signet window.",
            Self::Log(e) if e.is_damage() => "Give the files to your administrator.",
            Self::Altered { .. } => "Give the files to your administrator.",
            Self::None(_) => "Name the identity as the list of identities does.",
            Self::TooLong(_) => {
                "Save the page without the proof, and make the proof in a terminal: signet-desk \
                 history export FILE --rfq ID."
            }
            Self::Keychain(p) => &p.cure,
            _ => "Make room on the disk, or let this account write there.",
        }
    }

    /// Whether what is there cannot be continued, so that it is put aside.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Altered { .. } => true,
            Self::Log(e) => e.is_damage(),
            _ => false,
        }
    }
}
