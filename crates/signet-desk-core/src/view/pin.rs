//! The PIN dialog of a token.

use serde::{Deserialize, Serialize};
use specta::Type;

/// How many attempts a token allows before it locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PinTries {
    /// No wrong PIN since the last right one.
    Full,
    /// At least one wrong PIN since the last right one.
    Low,
    /// One more wrong PIN locks the token.
    Last,
    /// The token is locked.
    Locked,
}

/// The PIN dialog of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PinView {
    /// A token waits for its PIN.
    pub open: bool,
    /// The number of this question, to be passed back with its answer.
    pub question: u32,
    /// The token's label.
    pub token: String,
    /// How many attempts are left.
    pub tries: PinTries,
    /// The PIN given before was wrong.
    pub wrong: bool,
    /// Shortest PIN the token takes, characters.
    pub chars_min: u32,
    /// Longest PIN the token takes, characters.
    pub chars_max: u32,
    /// The PIN is typed on the reader's own keys.
    pub on_reader: bool,
}

impl PinView {
    /// No PIN is waited for.
    pub(crate) fn closed() -> Self {
        Self {
            open: false,
            question: 0,
            token: String::new(),
            tries: PinTries::Full,
            wrong: false,
            chars_min: 0,
            chars_max: 0,
            on_reader: false,
        }
    }
}
