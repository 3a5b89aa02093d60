//! The ticket, and what the page asks while it is filled in.

use serde::{Deserialize, Serialize};
use specta::Type;

/// The trader's side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The trader buys.
    Buy,
    /// The trader sells.
    Sell,
}

/// What the trader asks dealers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    /// The price at which the trader can buy.
    Buy,
    /// The price at which the trader can sell.
    Sell,
    /// Both prices.
    TwoWay,
}

/// A field of the ticket that a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TicketField {
    /// The instrument.
    Instrument,
    /// The quantity.
    Quantity,
    /// The settlement day.
    Settlement,
    /// The dealers to be asked.
    Dealers,
    /// The time to live.
    Ttl,
    /// The price limit.
    Limit,
    /// The least quantity.
    Minimum,
    /// The trader's note.
    Note,
    /// The legs of a package.
    Legs,
    /// In which numbers it is asked for.
    PriceType,
}

/// What the numbers of a request and its quotes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PriceType {
    /// Percent of par, or per unit.
    #[default]
    Price,
    /// Percent a year.
    Yield,
    /// Basis points over a benchmark.
    Spread,
    /// Discount margin of a floating-rate note: basis points over the rate that it pays.
    Margin,
}

/// The RFQ ticket as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// ISIN, or the currency pair; empty when there are legs.
    pub instrument: String,
    /// The legs of a package; none for a single instrument.
    #[serde(default)]
    pub legs: Vec<TicketLeg>,
    /// What is asked for.
    pub ask: Ask,
    /// In which numbers it is asked for; a package in prices.
    #[serde(default)]
    pub price_type: PriceType,
    /// As typed: `5m`, `250k`, `1,500,000`; empty when there are legs.
    pub quantity: String,
    /// CompIDs of the dealers to be asked.
    pub dealers: Vec<String>,
    /// Time to live, seconds.
    pub ttl_s: u32,
    /// The day that the trader saw and chose, `2026-12-01`; `None` for the usual one.
    pub settlement_date: Option<String>,
}

/// One leg of a package as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TicketLeg {
    /// ISIN, or the currency pair.
    pub instrument: String,
    /// The trader's side when the package is bought.
    pub side: Side,
    /// As typed.
    pub quantity: String,
    /// How often the price of this leg counts in the package's; `None` for once.
    pub ratio: Option<String>,
    /// The day that the trader saw and chose; `None` for that of the ticket, or the usual one.
    pub settlement_date: Option<String>,
}

/// The days on which a trade done now may settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettlementView {
    /// Business days, `2026-12-01`, the usual one first.
    pub dates: Vec<String>,
    /// The instrument's convention: `T+2`, `spot`.
    pub convention: String,
    /// What the calendar does not know; empty if nothing.
    pub note: String,
}

/// A settlement day that the trader typed, as the desk understood it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettlementDay {
    /// `2026-12-15`.
    pub date: String,
    /// `Tue 15 Dec 2026`.
    pub text: String,
}

/// A typed quantity, as the desk understood it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuantityView {
    /// Plain decimal: `5000000`.
    pub value: String,
    /// With group separators: `5,000,000`.
    pub text: String,
}
