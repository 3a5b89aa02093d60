//! A few facts that must outlive the process: names with values in one sealed file, each change
//! appended and on the disk before it counts.

use signet_journal::{LogError, SealedLog, StoreKey};
use std::{collections::BTreeMap, path::Path};

/// Records that may be out of date before the file is written again as a whole.
const STALE_MAX: usize = 256;

/// The file and what it says.
pub(crate) struct SealedMap {
    log: SealedLog,
    entries: BTreeMap<String, String>,
    records: usize,
}

/// One change: `None` takes the name out.
type Change = (String, Option<String>);

impl SealedMap {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// It was changed by somebody else, or cannot be read: what it said is not guessed at.
    pub(crate) fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let mut entries = BTreeMap::new();
        let records = recovered.records.len();
        for (index, record) in recovered.records.iter().enumerate() {
            let tampered = |_| LogError::Tampered { path: path.into(), index: index as u64 };
            match serde_json::from_slice(record).map_err(tampered)? {
                (name, Some(value)) => drop::<Option<String>>(entries.insert(name, value)),
                (name, None) => drop(entries.remove::<String>(&name)),
            }
        }
        Ok(Self { log, entries, records })
    }

    /// Everything there is.
    pub(crate) fn entries(&self) -> &BTreeMap<String, String> {
        &self.entries
    }

    /// Sets a value, or takes it out. Done when it is on the disk.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), LogError> {
        if self.entries.get(name).map(String::as_str) == value {
            return Ok(());
        }
        self.log.append(&record((name, value)))?;
        self.log.sync()?;
        self.records += 1;
        match value {
            Some(v) => drop(self.entries.insert(name.into(), v.into())),
            None => drop(self.entries.remove(name)),
        }
        if self.records > self.entries.len() + STALE_MAX {
            let all: Vec<_> =
                self.entries.iter().map(|(n, v)| record((n, Some(v.as_str())))).collect();
            self.log.rewrite(all.iter().map(Vec::as_slice))?;
            self.records = all.len();
        }
        Ok(())
    }
}

fn record(change: (&str, Option<&str>)) -> Vec<u8> {
    let change: Change = (change.0.into(), change.1.map(Into::into));
    // Two texts are always JSON.
    serde_json::to_vec(&change).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn key() -> StoreKey {
        StoreKey::new([3; 32])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_was_set_is_there_after_a_restart(
            changes in prop::collection::vec(("[a-c]", prop::option::of(".*")), 0..400),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("facts");
            let mut want = BTreeMap::new();
            let mut map = SealedMap::open(&path, &key()).unwrap();
            for (name, value) in &changes {
                map.set(name, value.as_deref()).unwrap();
                match value {
                    Some(v) => drop(want.insert(name.clone(), v.clone())),
                    None => drop(want.remove(name)),
                }
            }
            prop_assert_eq!(map.entries(), &want);
            prop_assert!(map.records <= want.len() + STALE_MAX);
            drop(map);
            let again = SealedMap::open(&path, &key()).unwrap();
            prop_assert_eq!(again.entries(), &want);
        }
    }

    #[test]
    fn a_file_that_somebody_changed_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("facts");
        let mut map = SealedMap::open(&path, &key()).unwrap();
        map.set("a", Some("1")).unwrap();
        map.set("b", Some("2")).unwrap();
        drop(map);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(SealedMap::open(&path, &key()).is_err());
        fs::write(&path, &good).unwrap();
        assert!(SealedMap::open(&path, &StoreKey::new([4; 32])).is_err());
        assert_eq!(SealedMap::open(&path, &key()).unwrap().entries().len(), 2);
    }
}
