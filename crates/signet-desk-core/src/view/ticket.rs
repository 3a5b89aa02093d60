//! The ticket, and what is read while it is filled in.

use serde::{Deserialize, Serialize};
use specta::Type;

/// From the trader's side: `Buy` means the trader buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    Buy,
    Sell,
    TwoWay,
}

/// The RFQ ticket as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    pub instrument: String,
    pub ask: Ask,
    /// As typed: `5m`, `250k`, `1,500,000`.
    pub quantity: String,
    /// Dealer ids.
    pub dealers: Vec<String>,
    pub ttl_s: u32,
    /// The day the trader saw and chose, `2026-12-01`; the usual one if none is given.
    pub settlement_date: Option<String>,
}

/// On which days a trade of now may settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettlementView {
    /// Business days, `2026-12-01`, the usual one first.
    pub dates: Vec<String>,
    /// `T+2`, `spot`.
    pub convention: String,
    /// What is not known of the calendar; empty when nothing is missing.
    pub note: String,
}

/// What a typed quantity means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuantityView {
    /// Plain decimal: `5000000`.
    pub value: String,
    /// With group separators: `5,000,000`.
    pub text: String,
}
