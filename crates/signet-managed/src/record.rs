//! What a desk remembers of the policy it used last, in the trader's own folder. It keeps an older
//! policy from coming back and a policy from vanishing unnoticed. A trader can delete it; a policy
//! that is there is then still used, since only the system's administrator can take it away.

use serde::{Deserialize, Serialize};

/// Longest record, bytes.
pub(crate) const RECORD_BYTES_MAX: u64 = 4 * 1024;

/// The policy used last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Whose it was.
    pub firm: String,
    /// Where it came from, for people.
    pub place: String,
    /// Its serial; 0 if it had none.
    pub serial: u64,
    /// SHA-256 of the file, or of the values, lower-case hexadecimal.
    pub digest: String,
}

impl Record {
    /// Reads a record; `None` if it is damaged.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        toml::from_str(text).ok().filter(|_| text.len() as u64 <= RECORD_BYTES_MAX)
    }

    /// As it is stored.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}
