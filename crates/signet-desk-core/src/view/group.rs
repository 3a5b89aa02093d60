//! The open RFQs of colleagues, and the taking over of one.

use super::{problem::Problem, ticket::Ask};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What the gateway told of colleagues' RFQs when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// This venue has such a list.
    pub known: bool,
    /// The gateway was asked and has not told everything yet.
    pub asking: bool,
    /// When it had told everything, milliseconds on the gateway's clock; `None` before.
    pub at_ms: Option<f64>,
    /// The newest first.
    pub rows: Vec<ColleagueRfq>,
    /// There are more than are told.
    pub more: bool,
    /// The RFQ that is being taken over, by its key; nothing else can be meanwhile.
    pub taking: Option<String>,
    /// The RFQ that was taken over last, as this desk calls it.
    pub taken: Option<String>,
    /// Why the last one was not taken over.
    pub problem: Option<Problem>,
}

/// A colleague's open RFQ: what was asked, and no price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ColleagueRfq {
    /// Unique in the list.
    pub key: String,
    /// The person that has it.
    pub person: String,
    /// The desk that has it.
    pub desk: String,
    /// What a trader calls the instrument.
    pub symbol: String,
    /// ISIN, or the currency pair; the symbol again for a package.
    pub instrument: String,
    /// The customer's side.
    pub ask: Ask,
    /// How many legs a package has; 0 for a single instrument.
    pub legs: u32,
    /// With group separators.
    pub quantity: String,
    /// The least that is traded, with group separators; `None` for any part.
    pub min_quantity: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// What its numbers count: `% of par`, `% yield`, `bp discount margin over EURIBOR 3M`; empty
    /// for a price of an instrument that is not listed here.
    pub price_unit: String,
    /// Names of the dealers asked.
    pub dealers: Vec<String>,
    /// Dealers whose quote can be taken now.
    pub quoting: u32,
    /// When it ends, milliseconds on the gateway's clock.
    pub expires_ms: f64,
    /// Why it cannot be taken over now, if it cannot.
    pub hindrance: Option<String>,
}
