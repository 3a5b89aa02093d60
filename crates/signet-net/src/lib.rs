//! The way to a host: its addresses, an HTTP proxy where there is one, the client's TLS handshake,
//! and the diagnosis of a connection that does not come about ([`doctor`]).
//!
//! Desks, the enrolment client and the gateway dial through here. What is trusted and shown comes
//! from the caller as a [`ClientProfile`](signet_identity::ClientProfile) or a rustls
//! configuration; the crate holds no key and no setting.

#![warn(missing_docs, unreachable_pub)]

mod dial;
pub mod doctor;
mod doubling;
mod error;
mod eyeballs;
mod liveness;
mod lookup;
mod order;
mod proxy;
mod race;
mod resolve;
#[cfg(feature = "watch")]
pub mod watch;

pub use dial::{dial, dial_any, handshake, tcp};
pub use doubling::Doubling;
pub use error::{DialError, ProxyError};
pub use eyeballs::first_to_answer;
pub use liveness::{UNACKNOWLEDGED_MAX, abort_on_close, notice_death, notice_death_within};
pub use order::ATTEMPT_DELAY;
pub use proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};
pub use race::{Attempt, AttemptError, HandshakeRace, RaceLimits};
pub use resolve::{Addresses, Endpoint};
