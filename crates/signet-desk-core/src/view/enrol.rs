//! Enrolment: this laptop gets an identity.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a private key is stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// The keychain of the operating system.
    Keychain,
    /// A smart card, security key or other PKCS#11 token, which never gives the key out.
    Token,
}

/// What an invitation says, for the trader to compare with what the administrator says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// Name of the venue.
    pub venue: String,
    /// The user id at the firm.
    pub user: String,
    /// `host:port` of the enrolment service.
    pub enrol_at: String,
    /// `host:port` of the gateway.
    pub trade_at: String,
    /// SHA-256 of the authority that issues the gateway's certificate, hexadecimal in groups.
    pub fingerprint: Vec<String>,
    /// Where the administrator allows the key to be stored.
    pub holders: Vec<Holder>,
    /// When the one-time code expires, milliseconds since the Unix epoch.
    pub code_expires_ms: f64,
    /// The code has expired by this laptop's clock.
    pub expired: bool,
    /// A proposed name for this laptop, which the trader may change.
    pub device: String,
}

/// Everything the trader enters to enrol this laptop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolIntent {
    /// The link, or the text of the invitation file.
    pub invitation: String,
    /// The fingerprint that the trader compared; enrolment stops if the invitation has another.
    pub compared: Vec<String>,
    /// The one-time code.
    pub code: String,
    /// The name for this laptop.
    pub device: String,
    /// Where the key is to be stored.
    pub holder: Holder,
}

/// How far an enrolment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EnrolPhase {
    /// No enrolment has been started.
    Idle,
    /// The holder makes the key pair; it may be waiting for a person to unlock it.
    MakingKey,
    /// The enrolment service has the request.
    Asking,
    /// The certificate is being stored beside its key.
    Storing,
    /// `identity` may connect.
    Done,
    /// `problem` says why.
    Failed,
}

/// How an enrolment is going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EnrolView {
    /// How far it has come.
    pub phase: EnrolPhase,
    /// Name of the new identity, once it is stored.
    pub identity: Option<String>,
    /// Name of the venue it belongs to, once it is stored.
    pub venue: Option<String>,
    /// Why it failed, if it did.
    pub problem: Option<Problem>,
}
