//! The section `[step_up]`: security keys.

use super::{Config, ConfigError, read, value};
use serde::Deserialize;
use signet_registry::CounterBack;
use signet_stepup::rp::{AttestationList, RelyingParty, RpSettings};
use signet_stepup::rules::WhenSection;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepUpSection {
    /// A host name the firm owns, with no web page on it. Never changes: keys are registered for
    /// it.
    pub rp_id: String,
    /// Shown by some systems beside the key; the venue's name if left out.
    pub name: Option<String>,
    /// The reviewed list of key models (authorities and AAGUIDs).
    pub attestation: PathBuf,
    /// How long after its enrolment a desk may register its trader's first key without another
    /// code.
    #[serde(default = "default_first_key")]
    pub first_key_minutes: u32,
    /// How long a challenge waits for its answer.
    #[serde(default = "default_answer")]
    pub answer_seconds: u32,
    /// When a touch is wanted.
    #[serde(default)]
    pub when: WhenSection,
    /// SHA-256 of this section as written, lower-case hexadecimal: which policy a decision was made
    /// by.
    #[serde(skip)]
    pub digest: String,
}

impl StepUpSection {
    /// The section by itself, as TOML.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut section: Self = toml::from_str(text)?;
        section.digest = signet_registry::hex_sha256(text.as_bytes());
        Ok(section)
    }
}

fn default_first_key() -> u32 {
    60
}

fn default_answer() -> u32 {
    60
}

/// `[step_up]`, read and checked.
#[derive(Debug)]
pub struct StepUp {
    pub relying_party: RelyingParty,
    pub first_key_ms: i64,
    pub answer_ms: i64,
    /// `[response] counter_went_back`.
    pub counter_back: CounterBack,
}

impl Config {
    /// What can be told from the text alone.
    pub(crate) fn check_step_up(&self) -> Result<(), ConfigError> {
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
            return Err(value(
                "step_up.when.second_person.approvers",
                "names nobody, so nothing could be approved",
            ));
        }
        Ok(())
    }

    /// Reads what `[step_up]` points to.
    pub(crate) fn load_step_up(&self) -> Result<Option<StepUp>, ConfigError> {
        let Some(s) = &self.step_up else { return Ok(None) };
        let text = read(&s.attestation)?;
        let base = s.attestation.parent().unwrap_or(Path::new(""));
        let list = AttestationList::from_toml(&text, base).map_err(|e| {
            value("step_up.attestation", format!("{}: {e}", s.attestation.display()))
        })?;
        let settings = RpSettings {
            rp_id: s.rp_id.clone(),
            origin: None,
            name: s.name.clone().unwrap_or_else(|| self.gateway.name.clone()),
            timeout: Duration::from_secs(s.answer_seconds.into()),
        };
        let relying_party =
            RelyingParty::new(&settings, list).map_err(|e| value("step_up.rp_id", e))?;
        let (first_key_ms, answer_ms) =
            (i64::from(s.first_key_minutes) * 60_000, i64::from(s.answer_seconds) * 1_000);
        let counter_back = self.response.counter_went_back;
        Ok(Some(StepUp { relying_party, first_key_ms, answer_ms, counter_back }))
    }
}
