//! The person's security keys.

use super::problem::Problem;
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    pub id: String,
    pub name: String,
    pub model: String,
    /// False when it is locked.
    pub good: bool,
    pub registered_ms: f64,
    /// 0: not yet.
    pub last_used_ms: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RegisterPhase {
    Idle,
    /// The gateway is asked, or the dialog is open.
    UnderWay,
    /// A one-time code of the administrator is needed.
    CodeWanted,
    Done,
    Failed,
}

/// The person's security keys, and how a registration is going.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeysView {
    pub keys: Vec<KeyView>,
    pub phase: RegisterPhase,
    pub problem: Option<Problem>,
}
