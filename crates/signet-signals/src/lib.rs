//! Shared signals: what a firm's identity provider says of its people and their devices.
//!
//! Security Event Tokens (RFC 8417) with events of the Continuous Access Evaluation Profile (CAEP
//! 1.0) in the Shared Signals Framework (SSF 1.0), as compact JWS (RFC 7515). Pure: no sockets, no
//! files; time is passed in.
//!
//! - [`Keys`]: the provider's public keys, from a JWK Set (RFC 7517).
//! - [`judge`]: a token is one of the expected issuer, for this receiver, new enough, signed with a
//!   key of the set by an algorithm that fits the key; [`Replays`]: and was not seen before.
//! - [`Signal`]: what it says, about which [`Subject`].
//!
//! And the other way: [`Notice`] is what the gateway tells of its people, [`Signer`] signs it, and
//! [`push_answer`] says what the receiver's answer means.

#![warn(missing_docs, unreachable_pub)]

mod answer;
mod issue;
mod json;
mod jwks;
mod jws;
mod refusal;
mod replay;
mod signer;
mod subject;
mod token;

pub use answer::{PushAnswer, push_answer};
pub use issue::{Initiator, Notice, RiskLevel, Told};
pub use jwks::{Algorithm, KEYS_MAX, Keys, KeysError};
pub use refusal::{ErrorCode, SetRefusal};
pub use replay::Replays;
pub use signer::{Signer, SignerError};
pub use subject::{Identifier, Subject};
pub use token::{
    CREDENTIAL_CHANGE, DEVICE_COMPLIANCE_CHANGE, Expected, RISK_LEVEL_CHANGE, Received,
    SESSION_REVOKED, Signal, VERIFICATION, judge,
};

/// `typ` of a token (RFC 8417 §2.3).
const TYPE: &str = "secevent+jwt";
/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Longest identifier in a token, characters.
pub const ID_CHARS_MAX: usize = 256;
