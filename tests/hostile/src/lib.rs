//! Hostile desks, dealers and strangers against a gateway in a process of its own, at which an
//! honest desk trades with an honest dealer. Seeded; a FIX writer of its own. **Tests only.**

pub mod dealers;
pub mod desks;
pub mod dice;
pub mod honest;
#[path = "../../needs/ports.rs"]
mod ports;
pub mod strangers;
pub mod venue;
pub mod wire;

/// The trader who behaves.
pub const HONEST_DESK: &str = "HONEST";
/// The dealer who behaves.
pub const HONEST_DEALER: &str = "NORTHBANK";
pub const GATEWAY: &str = "SIGNET";
pub const DOMAIN: &str = "hostile.signet.example";
pub const BUND: &str = "DE000BU2Z049";
