//! The person's security keys.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

/// A registered security key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Its id at the relying party.
    pub id: String,
    /// The name the person gave it.
    pub name: String,
    /// Its maker's name for the model.
    pub model: String,
    /// False when it is locked.
    pub good: bool,
    /// When it was registered, milliseconds since the Unix epoch.
    pub registered_ms: f64,
    /// When it was last used, milliseconds since the Unix epoch; 0 if never.
    pub last_used_ms: f64,
}

/// How far the registration of a security key has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RegisterPhase {
    /// No registration has been started.
    Idle,
    /// The gateway was asked, or the dialog is open.
    UnderWay,
    /// A one-time code from the administrator is needed.
    CodeWanted,
    /// The key is registered.
    Done,
    /// The key is not registered; `problem` says why.
    Failed,
}

/// The person's security keys, and how a registration is going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeysView {
    /// Registered keys, locked ones included.
    pub keys: Vec<KeyView>,
    /// How far the registration has come.
    pub phase: RegisterPhase,
    /// Why it stopped, if it did.
    pub problem: Option<Problem>,
}
