//! Enrolment: how this laptop gets an identity.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

/// In what a key is, or is to be, held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// The keychain of the operating system.
    Keychain,
    /// A smart card, security key or other PKCS#11 token that never gives the key out.
    Token,
}

/// What an invitation says, for the trader to compare with the administrator's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    pub venue: String,
    /// The user id at the firm.
    pub user: String,
    /// `host:port` of the enrolment service.
    pub enrol_at: String,
    /// `host:port` of the gateway.
    pub trade_at: String,
    /// SHA-256 of the authority that vouches for the gateway, hexadecimal in groups.
    pub fingerprint: Vec<String>,
    /// What the administrator allows the key to be held in.
    pub holders: Vec<Holder>,
    pub code_expires_ms: f64,
    /// The code has expired by this laptop's clock.
    pub expired: bool,
    /// A name for this laptop, to be changed freely.
    pub device: String,
}

/// Everything the trader gives to enrol this laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolIntent {
    /// The link, or the text of the file.
    pub invitation: String,
    /// The fingerprint the trader compared; enrolment stops if the invitation has another.
    pub compared: Vec<String>,
    /// The one-time code.
    pub code: String,
    pub device: String,
    pub holder: Holder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EnrolPhase {
    Idle,
    /// The key pair is made in its holder, which may be waiting for somebody to unlock it.
    MakingKey,
    /// The enrolment service has the request.
    Asking,
    /// The certificate goes to its holder.
    Storing,
    /// `identity` may connect.
    Done,
    /// `problem` says why.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolView {
    pub phase: EnrolPhase,
    /// Name of the new identity.
    pub identity: Option<String>,
    /// Venue it belongs to.
    pub venue: Option<String>,
    pub problem: Option<Problem>,
}
