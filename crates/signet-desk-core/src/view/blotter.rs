//! The blotter.

use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type,
)]
#[serde(rename_all = "camelCase")]
pub enum BlotterTab {
    Rfqs,
    Trades,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterQuery {
    pub tab: BlotterTab,
    /// Free text matched against every column; empty for all.
    pub text: String,
    pub limit: u32,
}

/// A row of the blotter: an ended or open RFQ, or a trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterRow {
    pub id: String,
    pub rfq_id: String,
    pub at_ms: f64,
    pub symbol: String,
    pub instrument: String,
    /// `Buy`, `Sell` or `Two-way`.
    pub side: String,
    pub quantity: String,
    pub currency: String,
    pub price: Option<String>,
    /// The dealer traded with, or the dealers asked.
    pub dealer: String,
    /// `Filled`, `Expired`, `Cancelled`, ...
    pub status: String,
    /// The second best price at the time of the trade, when there was one.
    pub cover: Option<String>,
    pub settlement_date: String,
    /// The dealer's execution id, for trades.
    pub exec_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterPage {
    pub rows: Vec<BlotterRow>,
    /// How many rows match in all.
    pub total: u32,
}
