//! What acting on many RFQs at once did.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What came of stopping everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StoppedView {
    /// Open RFQs that are being ended.
    pub ended: u32,
    /// Accepts that were armed and had not been sent.
    pub taken_back: u32,
    /// Rows and accepts of the list that waited and are not sent.
    pub rows: u32,
    /// RFQs that could not be ended yet; they are as soon as that is possible.
    pub left: Vec<StoppedLeft>,
}

/// An RFQ that could not be ended yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StoppedLeft {
    /// QuoteReqID.
    pub rfq_id: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// Why not, in words.
    pub why: String,
}
