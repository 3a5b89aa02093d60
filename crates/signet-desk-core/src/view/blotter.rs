//! The blotter.

use serde::{Deserialize, Serialize};
use signet_rfq::Known;
use specta::Type;

/// A list of the blotter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type,
)]
#[serde(rename_all = "camelCase")]
pub enum BlotterTab {
    /// RFQs, open and ended.
    Rfqs,
    /// Trades, and reports that do not fit a trade.
    Trades,
    /// What a person must look at: cancelled, corrected and disputed trades, accepts that were
    /// declined, and those whose outcome is unknown.
    Attention,
}

/// What the page asks of the blotter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterQuery {
    /// The list.
    pub tab: BlotterTab,
    /// Words that must all occur in what the row shows; empty for every row.
    pub text: String,
    /// How many rows to return at most; the desk returns no more than 1,000.
    pub limit: u32,
}

/// A row of the blotter: an RFQ, or a trade.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterRow {
    /// Unique in its list: the id of the RFQ or of the accept, or both ids of a disputed report.
    pub id: String,
    /// QuoteReqID of the RFQ.
    pub rfq_id: String,
    /// When the RFQ was sent or the trade was done, milliseconds on the gateway's clock.
    pub at_ms: f64,
    /// What a trader calls the instrument; its id while the instrument list is not there.
    pub symbol: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// `Buy`, `Sell` or `Two-way`.
    pub side: String,
    /// With group separators.
    pub quantity: String,
    /// The least that is traded of the request, with group separators; `None` for any part.
    pub min_quantity: Option<String>,
    /// What the quote was for, with group separators, when a part of it was accepted by the
    /// trader's choice; `None` for the whole.
    pub quoted: Option<String>,
    /// ISO 4217 code of the currency that the quantity is counted in.
    pub currency: String,
    /// With the instrument's decimals; `None` for an RFQ without a trade.
    pub price: Option<String>,
    /// The dealer traded with, or the dealers asked.
    pub dealer: String,
    /// `Filled`, `Expired`, `Cancelled`, ...
    pub status: String,
    /// The best price of the other dealers at the time of the trade, if there was one.
    pub cover: Option<String>,
    /// `2026-12-01`.
    pub settlement_date: String,
    /// The dealer's execution id, for trades.
    pub exec_id: Option<String>,
    /// When the trade was accepted, another dealer had this price, which was better: the price and
    /// the dealer. `None`: none had, or that is not known.
    pub better: Option<String>,
    /// Why the trader took another price than the best, in the trader's words.
    pub reason: Option<String>,
    /// What a person should know of it, in one sentence.
    pub text: Option<String>,
    /// The trader has dealt with what a person had to look at.
    pub attended: bool,
    /// For a trade, the quantity of its accept, with group separators: a report that comes once the
    /// RFQ is off the screen is judged by it. The page does not have it; `None` in a row of an
    /// earlier Signet.
    #[serde(skip)]
    pub accepted: Option<String>,
    /// For a trade, the CompID of its dealer: two dealers may have one name. The page does not have
    /// it; `None` in a row of an earlier Signet.
    #[serde(skip)]
    pub dealer_id: Option<String>,
    /// For a trade, the executions, busts and corrections told of its accept: one that comes again
    /// says nothing new. The page does not have them; `None` in a row of an earlier Signet.
    #[serde(skip)]
    pub executions: Option<Vec<Known>>,
}

/// The newest rows that match a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlotterPage {
    /// Newest first.
    pub rows: Vec<BlotterRow>,
    /// How many rows match, those left out by the limit included.
    pub total: u32,
}
