//! The desk's own signed history: what it sent and received, what the trader saw, and when.
//!
//! What is kept, how it is chained and exported, and how an export is checked is in
//! `signet-history`, which is pure. This room puts it on the laptop's disk.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `keys.rs` | the keys of the history, derived from the identity's secret in the keychain |
//! | `files.rs` | the sealed files, their head, and the checkpoint beside them |
//! | `retention.rs` | the removal of old files |
//! | `room.rs` | the room of all days together, and of the disk |
//! | `writer.rs` | the thread that writes, and whether it can |
//! | `recorder.rs` | the bounded queue to it |
//! | `copy.rs` | the export |
//! | `publish.rs` | checkpoints at a second party |
//! | `look.rs` | reading back what happened in some days, while the history is written |
//! | `summary.rs` | what was worked out of closed files, kept beside them |

mod copy;
mod error;
mod files;
mod keys;
mod look;
mod publish;
mod recorder;
mod retention;
mod room;
mod summary;
mod writer;

pub use copy::{HistoryExport, HistoryTail, history_export, history_tail};
pub use error::HistoryError;
pub(crate) use keys::Keys;
pub(crate) use look::{Around, Reader};
pub(crate) use recorder::{CLOSE_MAX, News, Recorder};
pub(crate) use room::Short;
pub(crate) use summary::{Past, Summary};

use std::path::{Path, PathBuf};

/// The folder of the history, in the folder of an identity.
pub(crate) fn folder(of_identity: &Path) -> PathBuf {
    of_identity.join("history")
}

#[cfg(test)]
mod tests;
