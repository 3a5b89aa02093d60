//! A counter: the trader asks one dealer for a better price than it quotes (QuoteResponse, 35=AJ,
//! with 694=2).
//!
//! A counter agrees to nothing. It declines the quote that it names; what the dealer quotes next is
//! taken, or not, by an accept of its own.

use crate::{AcceptId, DealerId, QuoteId, Side, UtcMillis, lifecycle::CounterPhase};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Counters of one dealer in one RFQ.
pub const MAX_COUNTERS_PER_LINE: usize = 5;
/// Longest time that a counter may ask a dealer to answer in, milliseconds.
pub const COUNTER_WAIT_MAX_MS: i64 = 60_000;

/// The trader asks a dealer for a better price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// QuoteRespID (693) and ClOrdID (11), unique among the desk's accepts and counters.
    pub id: AcceptId,
    /// Whose quote it is.
    pub dealer: DealerId,
    /// QuoteID (117) of the quote that is countered.
    pub quote: QuoteId,
    /// The customer's side, Side (54).
    pub side: Side,
    /// Price (44) that the trader asks for, in the numbers of the RFQ.
    pub price: Decimal,
    /// The price of the quote that is countered.
    pub quoted: Decimal,
    /// OrderQty (38), as an accept of the quote would carry it.
    pub quantity: Decimal,
    /// ValidUntilTime (62): how long the trader waits.
    pub until: UtcMillis,
    /// TransactTime (60).
    pub at: UtcMillis,
}

/// How a counter stands. It moves by [`crate::lifecycle::counter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CounterState {
    /// On its way, or at the dealer.
    Sent,
    /// The dealer has quoted this better price.
    Improved(Decimal),
    /// The dealer has quoted again, and not better.
    HeldFirm,
    /// The dealer refuses, in its own words.
    Refused(String),
    /// Nothing came in time.
    Unanswered,
    /// Something else ended it first.
    Dropped,
    /// It did not reach the dealer, in the words of whoever says so.
    NotSent(String),
}

impl CounterState {
    /// Its column in the table.
    pub fn phase(&self) -> CounterPhase {
        match self {
            Self::Sent => CounterPhase::Sent,
            Self::Improved(_) => CounterPhase::Improved,
            Self::HeldFirm => CounterPhase::HeldFirm,
            Self::Refused(_) => CounterPhase::Refused,
            Self::Unanswered => CounterPhase::Unanswered,
            Self::Dropped => CounterPhase::Dropped,
            Self::NotSent(_) => CounterPhase::NotSent,
        }
    }
}

/// Why a counter is not sent, or is refused by whoever receives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CounterFault {
    /// A counter to this dealer has no answer yet.
    #[error("a counter to this dealer is waiting for its answer")]
    InFlight,
    /// [`MAX_COUNTERS_PER_LINE`] are reached.
    #[error("this dealer was countered {MAX_COUNTERS_PER_LINE} times in this RFQ")]
    TooMany,
    /// A worse price helps nobody, and the same price is an accept.
    #[error("{countered} is not better for you than {quoted}; accept the quote instead")]
    NotBetter {
        /// What the dealer quotes.
        quoted: Decimal,
        /// What the counter asks for.
        countered: Decimal,
    },
    /// A price of zero or below, where there is none.
    #[error("a price is above zero")]
    Price,
    /// Of a package the prices of the legs would have to be countered, too.
    #[error("a package cannot be countered: its legs have prices of their own")]
    Package,
    /// The time for the answer is over, or too far away, or ends after the RFQ.
    #[error(
        "a counter waits for 1 to {} s, and at most as long as the RFQ is open",
        COUNTER_WAIT_MAX_MS / 1_000
    )]
    Until,
}

impl CounterFault {
    /// Never changes between releases.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InFlight => "counter.in_flight",
            Self::TooMany => "counter.too_many",
            Self::NotBetter { .. } => "counter.not_better",
            Self::Price => "counter.price",
            Self::Package => "counter.package",
            Self::Until => "counter.until",
        }
    }
}
