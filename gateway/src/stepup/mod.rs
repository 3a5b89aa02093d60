//! Step-up with security keys, as the trading thread sees it: questions to a service on the
//! registry's thread, answered later.
//!
//! The service owns the relying party, every challenge that is open, and the registry. A challenge
//! is taken out of the map before its answer is looked at, so each can be answered once. What
//! passed is on disk, with evidence that others can verify, before anybody is told.

mod asked_for;
mod handle;
mod pending;
mod refusal;
mod registration;
mod service;
#[cfg(feature = "test-double")]
pub(crate) mod test_double;

pub use asked_for::AskedFor;
pub use handle::{ANSWER_LEN_MAX, StepUpHandle};
pub use refusal::StepUpRefusal;
pub(crate) use service::Service;
pub use signet_registry::KeyState;

use signet_rfq::UtcMillis;
use signet_stepup::Approval;
use std::fmt;
use zeroize::Zeroizing;

/// What is to be approved, by whom, on which connection.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// The registry's user id of the person who is to approve.
    pub user: String,
    /// CompID of the desk the challenge goes to: `approval.approver`.
    pub desk: String,
    /// RFC 9266 exporter of that desk's connection.
    pub exporter: [u8; 32],
    pub approval: Approval,
    /// Digest of the policy in force, for the evidence.
    pub policy: String,
    /// An answer that comes later is refused. Cut to `answer_seconds` from now.
    pub deadline: UtcMillis,
    /// What asks, for the event of a pass; see [`AskedFor`].
    pub asked: String,
}

/// What goes to the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// 128 random bits, base64url.
    pub id: String,
    /// `CredentialRequestOptions` or `CredentialCreationOptions`, JSON.
    pub options: String,
    /// The deadline that holds.
    pub deadline: UtcMillis,
}

/// A step-up that was passed; its evidence is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub evidence_seq: i64,
    /// The person's name for the key.
    pub key_name: String,
}

/// A security key that somebody wants to register.
#[derive(Debug, Clone)]
pub struct KeyTicket {
    pub user: String,
    pub desk: String,
    pub exporter: [u8; 32],
    /// Serial number of the certificate that is on, lower-case hexadecimal.
    pub serial: String,
    pub key_name: String,
    pub authority: Authority,
}

/// What entitles somebody to register a key.
#[derive(Clone)]
pub enum Authority {
    /// A first key: a one-time code, or none shortly after the certificate that is on was enrolled
    /// with one.
    ByCode(Option<Zeroizing<String>>),
    /// A further key: the step-up for `Action::RegisterKey` of the same name that was just passed.
    ByKey { evidence_seq: i64 },
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByCode(code) => {
                write!(f, "ByCode({})", if code.is_some() { ".." } else { "none" })
            }
            Self::ByKey { evidence_seq } => write!(f, "ByKey({evidence_seq})"),
        }
    }
}

/// A registered key, for its owner's eyes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Sixteen hexadecimal characters; never changes.
    pub id: String,
    pub name: String,
    /// As the attestation list names it.
    pub model: String,
    pub state: KeyState,
    pub registered: UtcMillis,
    /// 0: not yet.
    pub last_used: UtcMillis,
}
