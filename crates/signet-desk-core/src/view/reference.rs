//! Instruments and dealers.

use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InstrumentView {
    /// ISIN, or the currency pair.
    pub id: String,
    /// What a trader calls it: `DBR 2.5 02/35`, `EUR/USD`.
    pub symbol: String,
    pub name: String,
    /// `Government bond`, `Corporate bond`, `FX spot`, ...
    pub asset_class: String,
    /// Currency the quantity is counted in.
    pub currency: String,
    /// Digits after the decimal point in a price.
    pub price_decimals: u8,
    /// Unit of the price, in words: `% of par`, `USD per EUR`.
    pub price_unit: String,
    /// Smallest price step.
    pub tick: String,
    /// Quantities are multiples of this.
    pub lot: String,
    pub min_quantity: String,
    pub max_quantity: String,
    /// `T+2`, `spot`.
    pub settlement: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerView {
    /// The dealer's CompID.
    pub id: String,
    pub name: String,
    /// Whether the dealer's session with the gateway is up.
    pub online: bool,
}

/// Instruments and dealers this trader may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    pub instruments: Vec<InstrumentView>,
    pub dealers: Vec<DealerView>,
    pub max_dealers: u32,
    /// Allowed times to live, seconds: shortest, longest and the one offered first.
    pub ttl_min_s: u32,
    pub ttl_max_s: u32,
    pub ttl_default_s: u32,
}
