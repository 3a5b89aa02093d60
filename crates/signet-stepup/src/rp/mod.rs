//! The relying party: gateways, and desks in direct mode.

mod error;

pub use error::RpError;

/// Longest answer that is read, bytes of JSON.
pub const ANSWER_LEN_MAX: usize = 16 * 1024;
