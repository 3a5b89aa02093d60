//! What the gateway does with a message, and the record of it.
//!
//! [`Router`] is a pure value: it takes a message, its sender and the time, and returns what to
//! send to which peer. It owns every RFQ, so a dealer sees only RFQs addressed to it and a desk
//! only its own; and because it is deterministic, the [`journal`] of its inputs is enough to
//! rebuild it after a restart.

#![warn(missing_docs, unreachable_pub)]

pub mod journal;
mod router;

pub use router::{
    Amounts, CLOCK_CORRECTED_PART, CLOCK_STEP_MS, DealerSettings, Decided, DeskSettings, Doing,
    Input, Keep, LineSeen, MAX_OPEN_RFQS_PER_DESK, NameBytes, Output, Proposal, RfqSeen, Router,
    TakeOverFacts, TakeOverRefusal, Trade, TradeStep, accept_age, accept_refusal, accept_waits,
    counter_refusal, is_name, not_taken_over, request_refusal,
};
