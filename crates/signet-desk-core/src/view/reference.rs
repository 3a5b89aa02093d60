//! Instruments and dealers.

use super::PriceType;
use serde::{Deserialize, Serialize};
use specta::Type;

/// An instrument that this trader may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentView {
    /// ISIN, or the currency pair.
    pub id: String,
    /// What a trader calls it: `DBR 2.5 02/35`, `EUR/USD`.
    pub symbol: String,
    /// Its full name.
    pub name: String,
    /// `Government bond`, `Corporate bond`, `FX spot`, ...
    pub asset_class: String,
    /// ISO 4217 code of the currency that the quantity is counted in.
    pub currency: String,
    /// Digits after the decimal point in a price.
    pub price_decimals: u8,
    /// Unit of the price, in words: `% of par`, `USD per EUR`.
    pub price_unit: String,
    /// What the desk asks for: `percent of par`, `per unit`.
    pub price_kind: String,
    /// A price as it is typed: `99.500`, `99-16+`.
    pub price_example: String,
    /// In which numbers it may be asked for, the usual one first.
    pub price_types: Vec<PriceTypeView>,
    /// Smallest price step, a decimal.
    pub tick: String,
    /// Quantities are multiples of this; with group separators.
    pub lot: String,
    /// Smallest quantity, with group separators.
    pub min_quantity: String,
    /// Largest quantity, with group separators.
    pub max_quantity: String,
    /// Settlement convention: `T+2`, `spot`.
    pub settlement: String,
}

/// How numbers of one type are typed for an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PriceTypeView {
    /// To be sent with the ticket.
    pub price_type: PriceType,
    /// The rate that a discount margin is over, `EURIBOR 3M in EUR`; `None` for other numbers.
    pub over: Option<String>,
    /// `percent of par`, `yield, percent`.
    pub words: String,
    /// `% of par`, `% yield`, `bp spread`, `bp discount margin over EURIBOR 3M`.
    pub unit: String,
    /// A number as it is typed: `2.475`.
    pub example: String,
    /// Smallest step, a decimal.
    pub tick: String,
}

/// A dealer that this trader may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerView {
    /// The dealer's CompID.
    pub id: String,
    /// What people call the dealer.
    pub name: String,
    /// Whether the dealer's session with the gateway is up.
    pub online: bool,
}

/// Instruments and dealers this trader may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// How many instruments there are; `find_instruments` finds them.
    pub instruments: u32,
    /// In the order of the venue's list.
    pub dealers: Vec<DealerView>,
    /// How many dealers one RFQ may ask.
    pub max_dealers: u32,
    /// Shortest time to live of an RFQ, seconds.
    pub ttl_min_s: u32,
    /// Longest time to live of an RFQ, seconds.
    pub ttl_max_s: u32,
    /// Time to live that the ticket starts with, seconds.
    pub ttl_default_s: u32,
}
