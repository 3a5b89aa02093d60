//! What the driver says to a desk's process and hears from it, and what the process writes down: a
//! line of JSON each.

use serde::{Deserialize, Serialize};
use signet_desk_core::view::{LineView, RfqView};

/// What a desk's process does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Asks and accepts.
    Trade,
    /// Starts nothing, waits for all answers and shows its screen.
    Settle,
}

/// What a desk's process says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    /// It runs.
    Ready,
    /// All answers are there.
    Settled(Box<Screen>),
    /// What keeps it from being settled.
    Waiting(String),
    /// The link is refused for good.
    Refused(String),
}

/// What the trader sees.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Screen {
    /// Heads of the RFQs.
    pub rfqs: Vec<RfqView>,
    /// The dealers' lines.
    pub lines: Vec<LineView>,
    /// Ids of the trades in the blotter: the newest thousand.
    pub trades: Vec<String>,
    /// How many there are in all.
    pub trades_total: u32,
}

/// What the desk's process writes into a file as it happens. A record that it has made is
/// acknowledged to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// The trader asked.
    Asked { rfq: String },
    /// The trader confirmed an accept; written before it is sent.
    Clicked { accept: String, rfq: String, dealer: String },
    /// The gateway said that it has the RFQ.
    Open { rfq: String },
    /// The screen showed the trade.
    Filled { accept: String },
    /// The screen showed that the accept did not trade.
    Declined { accept: String },
    /// The screen showed that nobody knows what became of the accept.
    Unknown { accept: String },
}
