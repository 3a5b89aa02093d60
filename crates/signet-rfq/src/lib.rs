//! The life of an RFQ, as pure values.
//!
//! This room holds no socket, no clock and no randomness: time arrives as [`UtcMillis`], ids arrive
//! as arguments, and every rule is a function from a state and an event to a new state or a typed
//! refusal. The desk, the gateway and the tests all run the same code, so that an accept which one
//! of them would refuse is refused by the others for the same reason.

mod accept;
mod best;
mod id;
mod instrument;
#[cfg(feature = "toml")]
mod instrument_file;
mod quantity;
mod quote;
mod rfq;
mod time;

pub use accept::{Accept, AcceptRefusal, AcceptState, Declined, Execution};
pub use best::{Best, best};
pub use id::{AcceptId, CompId, DealerId, IdError, InstrumentId, QuoteId, RfqId};
pub use instrument::{AssetClass, Catalogue, Instrument, InstrumentError, isin_check_digit};
#[cfg(feature = "toml")]
pub use instrument_file::CatalogueError;
pub use quantity::{QuantityError, group_digits, parse_quantity};
pub use quote::{Level, Quote, Side};
pub use rfq::{Ask, Line, LineState, Passed, REASON_PASS, Rfq, RfqError, RfqState, Terms, TermsError};
pub use time::UtcMillis;

/// Dealers one RFQ may be sent to. Asking the whole street leaks the trade.
pub const MAX_DEALERS_PER_RFQ: usize = 12;
/// Shortest and longest time an RFQ may stay open, seconds.
pub const TTL_MIN_S: u32 = 5;
pub const TTL_MAX_S: u32 = 1_800;
/// What the ticket offers first, seconds.
pub const TTL_DEFAULT_S: u32 = 120;
