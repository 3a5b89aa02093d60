//! FIX for Signet: sessions over a byte stream that Rust owns, and the typed RFQ messages.
//!
//! The session layer is QuickFIX, through the `quickfix` crate, whose sockets are never started: a
//! small C++ shim gives its sessions a wire ([`session`]) and a store ([`store`]) of ours. Nothing
//! here dials, listens or knows TLS; [`pump`] takes any byte stream.

#![warn(missing_docs, unreachable_pub)]

pub mod bucket;
pub mod framer;
pub mod message;
#[cfg(feature = "engine")]
pub mod pump;
#[cfg(feature = "engine")]
pub mod session;
pub mod share;
pub mod signature;
pub mod store;
pub mod tag;
pub mod tagvalue;

pub use message::AppMessage;

/// BeginString (8) of every message.
pub const BEGIN_STRING: &str = "FIX.4.4";
