//! The PIN dialog of a token.

use serde::{Deserialize, Serialize};
use specta::Type;

/// How many tries a token says are left for its PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PinTries {
    Full,
    /// At least one wrong PIN since the last right one.
    Low,
    /// One more wrong PIN locks the token.
    Last,
    Locked,
}

/// What the PIN dialog shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PinView {
    /// A PIN is being waited for.
    pub open: bool,
    pub token: String,
    pub tries: PinTries,
    /// The PIN just given was wrong.
    pub wrong: bool,
    pub chars_min: u32,
    pub chars_max: u32,
    /// It is typed on the reader's own keys.
    pub on_reader: bool,
}

impl PinView {
    /// No PIN is waited for.
    pub(crate) fn closed() -> Self {
        Self {
            open: false,
            token: String::new(),
            tries: PinTries::Full,
            wrong: false,
            chars_min: 0,
            chars_max: 0,
            on_reader: false,
        }
    }
}
