//! What a computer remembers of its updates, in a file that only the administrator account writes.

use crate::{digest::Digest, error::UpdateError};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::path::Path;
use time::OffsetDateTime;

/// Longest state file, bytes.
pub(crate) const STATE_BYTES_MAX: u64 = 64 * 1024;
const FORMAT: u32 = 1;
/// Packages that did not work here; the oldest is forgotten first.
const FAILED_MAX: usize = 16;

/// What is remembered. A file that cannot be read stops updates: it keeps older lists and packages
/// that failed from coming back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// 1.
    pub format: u32,
    /// The serial of the latest list that was used; 0 for none.
    pub serial: u64,
    /// Its digest.
    pub list: Option<Digest>,
    /// The highest version that worked here.
    pub highest: Option<Version>,
    /// Packages that did not work here. They are not installed again.
    pub failed: Vec<Digest>,
    /// Since when the package that is ready waits for open requests, seconds since 1970.
    pub waits_since: Option<i64>,
    /// The package of the version that worked last, to which a trial goes back.
    pub confirmed: Option<Kept>,
    /// The package of the version that worked before, for when the firm withdraws the later one.
    pub previous: Option<Kept>,
    /// A package that is fetched and verified.
    pub ready: Option<Kept>,
    /// A version that was installed and has not shown that it works.
    pub trial: Option<Trial>,
}

/// A package in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its version.
    pub version: Version,
    /// Its digest, which is its name in the store.
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
}

/// A version on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The package.
    pub package: Kept,
    /// Since when, seconds since 1970.
    pub since: i64,
    /// How often the package manager was started with it.
    pub attempts: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            serial: 0,
            list: None,
            highest: None,
            confirmed: None,
            previous: None,
            ready: None,
            trial: None,
            waits_since: None,
            failed: Vec::new(),
        }
    }
}

impl State {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`UpdateError::State`].
    pub fn read(text: &str, path: &Path) -> Result<Self, UpdateError> {
        let wrong = || UpdateError::State { path: path.into() };
        let state: Self = toml::from_str(text).map_err(|_| wrong())?;
        let good = state.format == FORMAT && state.failed.len() <= FAILED_MAX;
        if good && text.len() as u64 <= STATE_BYTES_MAX { Ok(state) } else { Err(wrong()) }
    }

    /// As it is stored.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// The state when `have` is installed: what somebody installed by hand ends a trial, and is no
    /// version whose package is kept.
    #[must_use]
    pub fn with_installed(mut self, have: &Version) -> Self {
        let is = |kept: &Option<Kept>| kept.as_ref().is_some_and(|k| k.version == *have);
        let on_trial = self.trial.as_ref().is_some_and(|t| t.package.version == *have);
        if !on_trial && !is(&self.confirmed) {
            self.trial = None;
            if is(&self.previous) {
                self.confirmed = self.previous.take();
            }
        }
        self
    }

    /// A package is about to be installed. The record stands before the package manager starts, so
    /// that no new program runs without it.
    pub fn begin_trial(&mut self, package: Kept, now: OffsetDateTime) {
        let again = self.trial.as_ref().filter(|t| t.package == package);
        let attempts = again.map_or(0, |t| t.attempts).saturating_add(1);
        self.trial = Some(Trial { package, since: now.unix_timestamp(), attempts });
        self.ready = None;
        self.waits_since = None;
    }

    /// The version on trial works. Final: it does not go back by itself afterwards.
    pub fn confirm(&mut self) {
        if let Some(trial) = self.trial.take() {
            self.highest = self.highest.take().max(Some(trial.package.version.clone()));
            self.previous = self.confirmed.replace(trial.package);
        }
    }

    /// The computer went back to a package that is kept. Final for the version on trial.
    pub fn went_back_to(&mut self, to: &Kept) {
        if self.previous.as_ref() == Some(to) {
            self.confirmed = self.previous.take();
        }
        self.trial = None;
        self.waits_since = None;
    }

    /// A package is not installed here again.
    pub fn fail(&mut self, package: Digest) {
        self.failed.retain(|f| *f != package);
        self.failed.push(package);
        let over = self.failed.len().saturating_sub(FAILED_MAX);
        self.failed.drain(..over);
    }

    /// Every package that must stay in the store.
    pub(crate) fn needs(&self) -> Vec<Digest> {
        let trial = self.trial.as_ref().map(|t| &t.package);
        let all = [self.confirmed.as_ref(), self.previous.as_ref(), self.ready.as_ref(), trial];
        all.into_iter().flatten().map(|k| k.sha256).collect()
    }
}
