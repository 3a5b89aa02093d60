//! Best execution of one RFQ, and what this desk has seen of the dealers.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ExportFormat {
    /// RFC 4180, UTF-8 with a byte order mark.
    Csv,
    /// A workbook of Excel 2007 and later.
    Excel,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SavedFile {
    /// Where it is.
    pub path: String,
    /// How many rows it has; 1 for a page.
    pub rows: u32,
}

/// A dealer that was asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BestDealer {
    /// CompID.
    pub dealer: String,
    /// What people call it.
    pub name: String,
    /// `First price after 400 ms`, `Passed: too large`, `No answer`.
    pub answer: String,
    /// How many prices it made.
    pub quotes: u32,
    /// Its last bid.
    pub bid: Option<String>,
    /// Its last offer.
    pub offer: Option<String>,
    /// One of its quotes was accepted and executed.
    pub traded: bool,
}

/// One quote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BestQuote {
    /// CompID.
    pub dealer: String,
    /// What people call the dealer.
    pub name: String,
    /// QuoteID.
    pub quote_id: String,
    /// With the instrument's decimals.
    pub bid: Option<String>,
    /// With group separators.
    pub bid_size: Option<String>,
    /// With the instrument's decimals.
    pub offer: Option<String>,
    /// With group separators.
    pub offer_size: Option<String>,
    /// The dealer's own time, milliseconds.
    pub dealer_ms: f64,
    /// When this desk had it, milliseconds on the gateway's clock.
    pub received_ms: f64,
    /// When it was to end, milliseconds on the gateway's clock.
    pub valid_until_ms: f64,
    /// When it ended: replaced, withdrawn, over or the RFQ ended; milliseconds.
    pub until_ms: f64,
    /// It could be traded on.
    pub tradeable: bool,
    /// With it, no dealer bid more.
    pub best_bid: bool,
    /// With it, no dealer offered for less.
    pub best_offer: bool,
    /// A snapshot repeated it after a reconnect, so the time says little.
    pub repeated: bool,
    /// The gateway's signature on it was good.
    pub signed: bool,
    /// Number of its record in the desk's history.
    pub record: f64,
}

/// One accept, and how it stood to the market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BestAccept {
    /// ClOrdID.
    pub id: String,
    /// What people call the dealer.
    pub name: String,
    /// `Buy` or `Sell`.
    pub side: String,
    /// The price of the quote that was accepted.
    pub price: String,
    /// The worst price that was agreed to.
    pub limit: Option<String>,
    /// With group separators.
    pub quantity: String,
    /// What the quote was for, with group separators, when a part of it was accepted; `None` for
    /// the whole, and where the history does not have the quote.
    pub quoted: Option<String>,
    /// When it left, milliseconds on the gateway's clock.
    pub at_ms: f64,
    /// What the dealer or the gateway answered, in words.
    pub answer: String,
    /// The price of the execution.
    pub traded: Option<String>,
    /// The dealer's execution id.
    pub exec_id: Option<String>,
    /// From the accept until the dealer's final answer, milliseconds.
    pub hold_ms: Option<f64>,
    /// The best price at that moment, and who made it.
    pub best: Option<String>,
    /// No other dealer had a better price.
    pub was_best: bool,
    /// The best price of the other dealers at that moment, and who made it.
    pub cover: Option<String>,
    /// The middle of the quotes when three dealers had quoted for the first time.
    pub composite_first: Option<String>,
    /// The middle of the quotes when the accept left.
    pub composite: Option<String>,
    /// The price against the first composite: `0.010 worse (1.0 bp)`.
    pub slippage_first: Option<String>,
    /// The price against the composite when the accept left.
    pub slippage: Option<String>,
    /// Why another price than the best was taken, in the trader's words.
    pub reason: Option<String>,
}

/// A counter on the best-execution page: a dealer was asked for a better price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BestCounter {
    /// Of the counter.
    pub id: String,
    /// Who was asked.
    pub name: String,
    /// `Buy` or `Sell`.
    pub side: String,
    /// What was asked for.
    pub price: String,
    /// What the dealer quoted then; `None` if it is not in the history.
    pub quoted: Option<String>,
    /// When it was sent, milliseconds on the gateway's clock.
    pub at_ms: f64,
    /// What came of it, in words.
    pub answer: String,
    /// When the answer came, milliseconds on the gateway's clock.
    pub answer_ms: Option<f64>,
}

/// The best-execution page of one RFQ.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BestExecution {
    /// QuoteReqID.
    pub rfq_id: String,
    /// CompID of this desk.
    pub desk: String,
    /// What people call the venue.
    pub venue: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// `Buy`, `Sell` or `Two-way`.
    pub side: String,
    /// With group separators.
    pub quantity: String,
    /// The least that is traded, with group separators; `None` for any part.
    pub min_quantity: Option<String>,
    /// ISO 4217 code.
    pub currency: String,
    /// `2026-12-01`.
    pub settlement_date: String,
    /// When it was sent, milliseconds on the gateway's clock.
    pub created_ms: f64,
    /// When it was to end, milliseconds on the gateway's clock.
    pub expires_ms: f64,
    /// How it ended, in words.
    pub outcome: String,
    /// Everybody who was asked.
    pub dealers: Vec<BestDealer>,
    /// All quotes, in the order in which they came; at most 500.
    pub quotes: Vec<BestQuote>,
    /// Quotes that are not listed.
    pub quotes_left_out: u32,
    /// The counters, in order; at most five for each dealer.
    pub counters: Vec<BestCounter>,
    /// The accepts, in order.
    pub accepts: Vec<BestAccept>,
    /// The accept whose reason is wanted: it took another price than the best.
    pub owes_reason: Option<String>,
    /// Where the evidence is.
    pub evidence: String,
    /// What the reader must know of the page itself: what is missing.
    pub notes: Vec<String>,
}

/// What this desk has seen of one dealer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerInsight {
    /// CompID.
    pub dealer: String,
    /// What people call it.
    pub name: String,
    /// RFQs that it was asked in.
    pub asked: u32,
    /// RFQs in which it made a price.
    pub answered: u32,
    /// Accepts that it executed.
    pub hits: u32,
    /// Accepts that it refused in its last look.
    pub rejects: u32,
    /// Times to its first answer, milliseconds: the fastest quarter is below the first, half below
    /// the second, three quarters below the third. `None` without any.
    pub response_ms: Option<[f64; 3]>,
    /// The same of the times from an accept to its final answer.
    pub hold_ms: Option<[f64; 3]>,
    /// How far its trades were from the next best price, in basis points of the price: the middle.
    pub cover_bp: Option<f64>,
    /// Over how many trades that is.
    pub covered: u32,
}
