//! Simulated dealers: independent FIX 4.4 counterparties that behave, and misbehave, like real
//! ones.
//!
//! **Practice and tests only.** They share neither FIX engine nor message code with Signet (the
//! engine here is ironfix, the messages are written from the FIX 4.4 standard), so that what
//! Signet sends is read by somebody else. The gateway is the initiator; each dealer accepts one
//! session, over FIXS with mutual TLS, from the one gateway it knows.
//!
//! Life of a request: `R` in; `S` out, again and again until `ExpireTime` (126), or `AG`, or `Z`;
//! `AJ` in; `8` pending, then filled or declined. `H` tells the true state of an accept at any
//! time; the same accept (ClOrdID 11) is never filled twice, not even across a restart.

#![warn(missing_docs, unreachable_pub)]

mod book;
mod dealer;
mod dice;
mod ears;
mod instrument;
mod ledger;
mod order;
mod pricing;
mod settings;
mod simulator;
mod wire;

pub use book::Force;
pub use instrument::{Benchmark, Instrument, InstrumentError, Instruments, is_isin};
pub use ledger::LedgerError;
pub use settings::{Counters, DealerSettings, MillisRange, Parts, Settings, SettingsError, Signs};
pub use simulator::{Credentials, DealerControl, Simulator, SimulatorError};

/// The instruments that come with the simulator, as TOML.
pub const INSTRUMENTS_TOML: &str = include_str!("../instruments.toml");
/// Four dealers of distinct characters, as TOML.
pub const DEALERS_TOML: &str = include_str!("../dealers.toml");
