//! What a file held when it was opened.

use std::path::PathBuf;
use zeroize::Zeroizing;

/// What opening found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The records, oldest first.
    pub records: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes of a last record that a crash left unfinished; they were cut off.
    pub torn_bytes: u64,
    /// Where the bytes that were cut off a format 1 file lie: there, a torn record and a damaged
    /// length look alike.
    pub kept_aside: Option<PathBuf>,
}
