//! FIDO2 step-up: one touch of a security key approves exactly what is on the screen, on exactly
//! this connection.
//!
//! [`approval`] says what is approved, as one text that desk, gateway and any later verifier write
//! alike; [`context`] puts its digest and the TLS exporter into what the key signs. The relying
//! party (feature `rp`) challenges and checks; the authenticator side (feature `client`) talks to
//! keys.
//!
//! [`pending`] (feature `pending`) keeps what waits for a touch, for one desk or for many.
//!
//! The crate may not know sockets or FIX sessions. Of ours it uses the types of `signet-rfq`, and
//! the typed messages of `signet-fix`. Time and randomness are passed in, but for the challenge,
//! which the WebAuthn library draws itself.

#![warn(missing_docs, unreachable_pub)]

pub mod approval;
pub mod asking;
#[cfg(feature = "client")]
pub mod client;
pub mod context;
pub mod evidence;
pub mod logs;
#[cfg(feature = "pending")]
pub mod pending;
#[cfg(feature = "rp")]
pub mod rp;
pub mod rules;
mod terms;

pub use approval::{
    AcceptTerms, Action, AheadTerms, Approval, ApprovalError, Digest, LimitTerms, RequestTerms,
    SessionReason,
};
pub use context::{CeremonyKind, Context, client_data_json};
