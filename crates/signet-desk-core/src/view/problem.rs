//! A refusal as a person reads it.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Something that went wrong, in the three parts a person needs. `code` is stable and is what tests
/// and support look at; nobody matches on `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable, lower snake case, for example `keychain_locked`.
    pub code: String,
    /// What happened and whose side it is on, in plain words.
    pub message: String,
    /// What would cure it, in plain words.
    pub cure: String,
}
