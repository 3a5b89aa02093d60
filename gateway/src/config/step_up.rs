//! The section `[step_up]`: security keys.

use super::{Config, ConfigError, value};
use crate::enforce::rules::WhenSection;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepUpSection {
    /// A host name the firm owns, with no web page on it. Never changes: keys are registered for it.
    pub rp_id: String,
    /// Shown by some systems beside the key; the venue's name if left out.
    pub name: Option<String>,
    /// The reviewed list of key models (authorities and AAGUIDs).
    pub attestation: PathBuf,
    /// How long after its enrolment a desk may register its trader's first key without another code.
    #[serde(default = "default_first_key")]
    pub first_key_minutes: u32,
    /// How long a challenge waits for its answer.
    #[serde(default = "default_answer")]
    pub answer_seconds: u32,
    /// When a touch is wanted.
    #[serde(default)]
    pub when: WhenSection,
    /// SHA-256 of this section as written, lower-case hexadecimal: which policy a decision was made by.
    #[serde(skip)]
    pub digest: String,
}

fn default_first_key() -> u32 {
    60
}

fn default_answer() -> u32 {
    60
}

impl Config {
    /// What can be told from the text alone.
    pub(super) fn check_step_up(&self) -> Result<(), ConfigError> {
        let Some(s) = &self.step_up else { return Ok(()) };
        if self.registry.is_none() {
            return Err(value("step_up", "needs [registry]: keys and evidence are kept there"));
        }
        if !(1..=24 * 60).contains(&s.first_key_minutes) {
            return Err(value("step_up.first_key_minutes", "1 to 1440"));
        }
        if !(10..=300).contains(&s.answer_seconds) {
            return Err(value("step_up.answer_seconds", "10 to 300"));
        }
        if s.when.lease_minutes > 24 * 60 || s.when.idle_minutes > 24 * 60 {
            return Err(value("step_up.when", "lease_minutes and idle_minutes: at most 1440"));
        }
        if let Some(two) = &s.when.second_person
            && two.approvers.is_empty()
        {
            return Err(value("step_up.when.second_person.approvers", "names nobody, so nothing could be approved"));
        }
        Ok(())
    }
}
