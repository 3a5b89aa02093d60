//! The history of the policies: every version that was in force or was prepared, with its text and
//! who did what, in one sealed file. Who can read it are the gateway's account and root; a change
//! of a record, or one taken out of the middle, is found when it is read.

mod approval;
mod difference;
mod preparation;
mod prepared;
mod start;

#[cfg(test)]
pub(crate) use approval::approval_for;
pub use approval::{KeyApproval, new_nonce};
pub use difference::difference;
pub use preparation::KeyPreparation;
#[cfg(test)]
pub(crate) use preparation::preparation_for;
pub(crate) use prepared::name_of;
pub use prepared::{Entry, Person, PolicyRefusal, Prepared};
pub use start::{AtStart, at_start};

use serde::{Deserialize, Serialize};
use signet_journal::{LogError, SealedLog, StoreKey};
use std::{collections::BTreeMap, path::Path};

/// Which policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Policy {
    Risk,
    Entitlements,
}

impl Policy {
    /// As events and requests name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Entitlements => "entitlements",
        }
    }

    /// The names of its documents.
    pub fn documents(self) -> [&'static str; 2] {
        match self {
            Self::Risk => ["settings", "table"],
            Self::Entitlements => ["policies", "facts"],
        }
    }
}

/// Texts by their names: `settings` and perhaps `table`, or `policies` and `facts`.
pub type Documents = BTreeMap<String, String>;

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Read from the files, and in force.
    Loaded,
    /// Waits for a second administrator.
    Prepared,
    /// In force by two administrators.
    Approved,
    /// Comes to nothing.
    Rejected,
}

impl Step {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Prepared => "prepared",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// One record of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Which policy.
    pub policy: Policy,
    /// What became of it.
    pub step: Step,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// Digest of what was in force before.
    pub before: Option<String>,
    /// Who did it.
    pub by: String,
    /// Of an approval: who prepared it.
    pub prepared_by: Option<String>,
    /// Empty when rejected.
    pub documents: Documents,
    /// Of an approval by security key: what the key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<KeyApproval>,
    /// Of a preparation by security key, and of its approval: what the preparer's key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<KeyPreparation>,
}

/// The file, open for writing.
#[derive(Debug)]
pub struct History {
    log: SealedLog,
    in_force: BTreeMap<Policy, Version>,
    unread: usize,
}

impl History {
    /// Opens or creates.
    ///
    /// # Errors
    /// The file cannot be read, or was changed.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut history = Self { log, in_force: BTreeMap::new(), unread: 0 };
        for record in &recovered.records {
            match serde_json::from_slice(record) {
                Ok(v) => history.remember(v),
                Err(_) => history.unread += 1,
            }
        }
        Ok(history)
    }

    /// Records of another version of this program: what is in force may be one of them.
    pub fn unread(&self) -> usize {
        self.unread
    }

    fn remember(&mut self, v: Version) {
        if matches!(v.step, Step::Loaded | Step::Approved) {
            self.in_force.insert(v.policy, v);
        }
    }

    /// The version that was put in force last.
    pub fn in_force(&self, policy: Policy) -> Option<&Version> {
        self.in_force.get(&policy)
    }

    /// Writes a record down; it is on disk when this returns.
    ///
    /// # Errors
    /// It is not.
    pub fn append(&mut self, v: Version) -> Result<(), LogError> {
        // Strings and numbers only: this does not fail.
        let record = serde_json::to_vec(&v).unwrap_or_default();
        self.log.append(&record)?;
        self.log.sync()?;
        self.remember(v);
        Ok(())
    }
}

/// Every record, oldest first, also while a gateway runs.
///
/// # Errors
/// The file cannot be read, or was changed.
pub fn read(path: &Path, key: &StoreKey) -> Result<Vec<Version>, LogError> {
    let recovered = SealedLog::read(path, key)?;
    Ok(recovered.records.iter().filter_map(|r| serde_json::from_slice(r).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(step: Step, digest: &str) -> Version {
        Version {
            at_ms: 1,
            policy: Policy::Risk,
            step,
            digest: digest.into(),
            before: None,
            by: "gateway".into(),
            prepared_by: None,
            documents: [("settings".to_owned(), digest.to_owned())].into(),
            approval: None,
            preparation: None,
        }
    }

    #[test]
    fn what_was_put_in_force_last_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("policies.history"), StoreKey::new([7; 32]));
        let mut h = History::open(&path, &key).unwrap();
        assert_eq!(h.in_force(Policy::Risk), None);
        for (step, digest) in [
            (Step::Loaded, "a"),
            (Step::Prepared, "b"),
            (Step::Approved, "b"),
            (Step::Prepared, "c"),
            (Step::Rejected, "c"),
        ] {
            h.append(version(step, digest)).unwrap();
        }
        assert_eq!(read(&path, &key).unwrap().len(), 5, "while it is open");
        drop(h);
        let h = History::open(&path, &key).unwrap();
        assert_eq!(h.in_force(Policy::Risk), Some(&version(Step::Approved, "b")));
        assert_eq!(h.in_force(Policy::Entitlements), None);
    }

    #[test]
    fn a_record_of_a_newer_version_is_not_passed_over_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("policies.history"), StoreKey::new([7; 32]));
        let (mut log, _) = SealedLog::open(&path, &key).unwrap();
        log.append(b"{\"step\":\"withdrawn\"}").unwrap();
        drop(log);
        let h = History::open(&path, &key).unwrap();
        assert_eq!((h.unread(), h.in_force(Policy::Risk)), (1, None));
    }

    /// The format of the first version, as it lies on disk.
    #[test]
    fn a_record_of_the_first_version_is_read() {
        let text = r#"{"at_ms":5,"policy":"entitlements","step":"approved","digest":"d2",
            "before":"d1","by":"admin bob","prepared_by":"admin amy","documents":{"facts":"x"}}"#;
        let v: Version = serde_json::from_str(text).unwrap();
        assert_eq!((v.policy, v.step), (Policy::Entitlements, Step::Approved));
        assert_eq!((v.prepared_by.as_deref(), v.documents.len()), (Some("admin amy"), 1));
        assert_eq!((v.approval, v.preparation), (None, None));
    }
}
