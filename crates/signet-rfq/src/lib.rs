//! The life of an RFQ, as pure values.
//!
//! This crate holds no socket, no clock and no randomness: time arrives as [`UtcMillis`], ids
//! arrive as arguments, and every rule is a function from a state and an event to a new state or a
//! typed refusal. The desk, the gateway and the tests all run the same code, so that an accept
//! which one of them would refuse is refused by the others for the same reason.

#![warn(missing_docs, unreachable_pub)]

mod accept;
mod benchmark;
mod best;
mod counter;
pub mod fix;
mod id;
mod instrument;
#[cfg(feature = "toml")]
mod instrument_file;
mod leg;
mod letters;
pub mod lifecycle;
mod part;
mod price_format;
mod price_type;
mod quantity;
mod quote;
mod rfq;
mod side;
mod terms;
#[cfg(feature = "test-double")]
pub mod test_double;
mod time;

pub use accept::{Accept, AcceptRefusal, AcceptState, Declined, Dispute, Execution, Limit};
pub use benchmark::{Benchmark, CurveCurrency, CurvePoint, Over, ReferenceRate};
pub use best::{Best, Composite, best, composite, median_quoted, ticks_worse, whole_ticks_worse};
pub use counter::{
    COUNTER_WAIT_MAX_MS, Counter, CounterFault, CounterState, MAX_COUNTERS_PER_LINE,
};
pub use id::{AcceptId, DealerId, IdError, InstrumentId, QuoteId, RfqId};
pub use instrument::{
    AssetClass, Catalogue, Instrument, InstrumentError, MAX_INSTRUMENTS, isin_check_digit,
};
#[cfg(feature = "toml")]
pub use instrument_file::CatalogueError;
pub use leg::{Leg, LegsError, MAX_LEGS, MIN_LEGS, PackageKind, StatedLeg, gross, net_price};
pub use letters::{is_deceptive, is_plain};
pub use lifecycle::RfqState;
pub use part::{PartFault, PartRule};
pub use price_format::{PriceFormat, price_type_words};
pub use price_type::{Direction, NotAPriceType, PriceType, StatedType};
pub use quantity::{QuantityError, group_digits, parse_quantity};
pub use quote::{
    Level, PackageFault, QualifierFault, Qualifiers, Quote, QuoteFault, sides_with_the_least,
};
pub use rfq::{
    Counted, HandOverRefusal, Known, Line, LineState, MAX_DISPUTES_PER_RFQ, MAX_EXECUTIONS_PER_RFQ,
    PASS_REASON_MAX, Passed, REASON_PASS, Report, Rfq, RfqError, Taken, averages_to_zero,
};
pub use side::Side;
pub use terms::{Ask, Terms, TermsError};
pub use time::UtcMillis;

/// How old an accept may be when it reaches the gateway, milliseconds: a link that was silent for
/// longer may deliver it when the trader has long given it up.
pub const ACCEPT_AGE_MAX_MS: i64 = 5_000;
/// How far an accept's time may be ahead of the gateway's clock, milliseconds.
pub const ACCEPT_AHEAD_MAX_MS: i64 = 5_000;
/// Dealers one RFQ may be sent to. Asking the whole street leaks the trade.
pub const MAX_DEALERS_PER_RFQ: usize = if cfg!(feature = "crowd") { 20 } else { 12 };
/// Shortest time an RFQ may stay open, seconds.
pub const TTL_MIN_S: u32 = 5;
/// Longest time an RFQ may stay open, seconds.
pub const TTL_MAX_S: u32 = 1_800;
/// Default of a new ticket, seconds.
pub const TTL_DEFAULT_S: u32 = 120;
