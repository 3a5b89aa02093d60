//! Notices.

use serde::{Deserialize, Serialize};
use specta::Type;

/// How a notice is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    /// Something succeeded.
    Good,
    /// Something happened that needs no action.
    Plain,
    /// Something the trader must read; it stays until it is closed.
    Bad,
}

/// Something the trader is told once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// How it is shown.
    pub kind: NoticeKind,
    /// When it was made, milliseconds on the laptop's clock.
    pub at_ms: f64,
    /// Stable: an area, a dot and what happened, as in a `Problem`.
    pub code: String,
    /// For the trader, one or two sentences.
    pub text: String,
    /// The RFQ it is about, if it is about one.
    pub rfq_id: Option<String>,
}
