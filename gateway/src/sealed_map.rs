//! A few facts that must outlive the process: names with values in one sealed file, each change
//! appended and on the disk before it counts.

use serde::Deserialize;
use signet_journal::{LogError, SealedLog, StoreKey};
use std::{collections::BTreeMap, path::Path};

/// Changes that may be out of date before the file is written again as a whole.
const STALE_MAX: usize = 256;
/// Changes in one record, which is there as a whole or not at all.
const RECORD_MAX: usize = 64;

/// The file and what it says.
pub(crate) struct SealedMap {
    log: SealedLog,
    entries: BTreeMap<String, String>,
    /// Changes in the file.
    changes: usize,
    /// The file may say something else than `entries`, as after a change of which whoever made it
    /// was told that it failed; or it may not last, as after a rewrite that failed. It is written
    /// as a whole before the next change counts.
    unsettled: bool,
    /// How often the disk was waited for.
    #[cfg(test)]
    pub(crate) syncs: usize,
    /// The disk takes what is appended, and fails when it is waited for.
    #[cfg(test)]
    sync_fails: bool,
}

/// One change: `None` takes the name out.
pub(crate) type Change = (String, Option<String>);

/// What one record says.
#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Several(Vec<Change>),
    One(Change),
}

impl SealedMap {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// It was changed by somebody else, or cannot be read: what it said is not guessed at.
    pub(crate) fn open(path: &Path, key: &StoreKey) -> Result<Self, LogError> {
        let (log, recovered) = SealedLog::open(path, key)?;
        let (mut entries, mut changes) = (BTreeMap::new(), 0);
        for (index, record) in recovered.records.iter().enumerate() {
            let tampered = |_| LogError::Tampered { path: path.into(), index: index as u64 };
            let all = match serde_json::from_slice(record).map_err(tampered)? {
                Record::Several(all) => all,
                Record::One(one) => vec![one],
            };
            changes += all.len();
            all.into_iter().for_each(|change| apply(&mut entries, change));
        }
        Ok(Self {
            log,
            entries,
            changes,
            unsettled: false,
            #[cfg(test)]
            syncs: 0,
            #[cfg(test)]
            sync_fails: false,
        })
    }

    /// Everything there is.
    pub(crate) fn entries(&self) -> &BTreeMap<String, String> {
        &self.entries
    }

    /// Sets a value, or takes it out. Done when it is on the disk.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), LogError> {
        self.set_all(vec![(name.to_owned(), value.map(str::to_owned))])
    }

    /// The same for several, and the disk is waited for once. Up to 64 are there as a whole or not
    /// at all.
    pub(crate) fn set_all(&mut self, mut all: Vec<Change>) -> Result<(), LogError> {
        if all.is_empty() {
            return Ok(());
        }
        all.retain(|(name, value)| self.entries.get(name) != value.as_ref());
        if self.unsettled {
            return self.settle(all);
        }
        if all.is_empty() {
            return Ok(());
        }
        for part in all.chunks(RECORD_MAX) {
            self.log.append(&record(part))?;
            // Until the disk has all of it.
            self.unsettled = true;
        }
        self.sync()?;
        self.unsettled = false;
        self.changes += all.len();
        all.into_iter().for_each(|change| apply(&mut self.entries, change));
        if self.changes > self.entries.len() + STALE_MAX
            && let Err(e) = self.write_whole(self.entries.clone())
        {
            // The change is on the disk; what a failed rewrite put in its place may not be.
            tracing::warn!(path = %self.log.path().display(), error = %e, "cannot be made shorter");
            self.unsettled = true;
        }
        Ok(())
    }

    /// Makes the file say what counts, with these changes. After a wait that failed, another one
    /// may succeed without the bytes being on the disk, so the file is written again as a whole.
    fn settle(&mut self, changes: Vec<Change>) -> Result<(), LogError> {
        let mut entries = self.entries.clone();
        changes.into_iter().for_each(|change| apply(&mut entries, change));
        self.write_whole(entries)?;
        self.unsettled = false;
        Ok(())
    }

    fn write_whole(&mut self, entries: BTreeMap<String, String>) -> Result<(), LogError> {
        let all: Vec<Change> = entries.iter().map(|(n, v)| (n.clone(), Some(v.clone()))).collect();
        let records: Vec<_> = all.chunks(1).map(record).collect();
        self.log.rewrite(records.iter().map(Vec::as_slice))?;
        (self.entries, self.changes) = (entries, all.len());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        #[cfg(test)]
        {
            self.syncs += 1;
            if self.sync_fails {
                let (path, source) = (self.log.path().into(), std::io::ErrorKind::Other.into());
                return Err(LogError::Io { path, source });
            }
        }
        self.log.sync()
    }
}

fn apply(entries: &mut BTreeMap<String, String>, (name, value): Change) {
    match value {
        Some(value) => drop(entries.insert(name, value)),
        None => drop(entries.remove(&name)),
    }
}

/// One change has the form that it had before there were several in a record.
fn record(changes: &[Change]) -> Vec<u8> {
    let written = match changes {
        [one] => serde_json::to_vec(one),
        several => serde_json::to_vec(several),
    };
    // Texts are always JSON.
    written.unwrap_or_default()
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
            prop_assert!(map.changes <= want.len() + STALE_MAX);
            drop(map);
            let again = SealedMap::open(&path, &key()).unwrap();
            prop_assert_eq!(again.entries(), &want);
        }
    }

    #[test]
    fn several_changes_wait_for_the_disk_once_and_what_changes_nothing_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("facts");
        let mut map = SealedMap::open(&path, &key()).unwrap();
        let all = |value: Option<&str>| -> Vec<Change> {
            (0..200).map(|n| (format!("n{n}"), value.map(str::to_owned))).collect()
        };
        map.set_all(all(Some("1"))).unwrap();
        assert_eq!((map.syncs, map.entries().len()), (1, 200));
        map.set_all(all(Some("1"))).unwrap();
        assert_eq!(map.syncs, 1, "nothing changed");
        map.set("n7", Some("2")).unwrap();
        drop(map);
        let mut map = SealedMap::open(&path, &key()).unwrap();
        assert_eq!((map.entries()["n7"].as_str(), map.entries()["n199"].as_str()), ("2", "1"));
        map.set_all(all(None)).unwrap();
        assert_eq!(map.syncs, 1);
        drop(map);
        assert!(SealedMap::open(&path, &key()).unwrap().entries().is_empty());
    }

    #[test]
    fn what_the_disk_refuses_is_not_there_in_part() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("facts");
        let mut map = SealedMap::open(&path, &key()).unwrap();
        let both = vec![("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)];
        map.set("b", Some("1")).unwrap();
        signet_journal::disk::refuses(&path, true);
        map.set_all(both.clone()).unwrap_err();
        signet_journal::disk::refuses(&path, false);
        assert!(map.entries().contains_key("b") && !map.entries().contains_key("a"));
        map.set_all(both).unwrap();
        drop(map);
        let map = SealedMap::open(&path, &key()).unwrap();
        assert!(map.entries().contains_key("a") && !map.entries().contains_key("b"));
    }

    /// Whoever made the change was told that it failed, and takes back what it does not know.
    #[test]
    fn what_failed_after_it_was_written_does_not_come_back() {
        let says = |path: &Path| {
            let entries = SealedMap::open(path, &key()).unwrap().entries().clone();
            entries.into_iter().map(|(n, v)| format!("{n}{v}")).collect::<String>()
        };
        for (what, change, want) in [
            ("it is taken back", ("a", None), "b1"),
            ("it is made again", ("a", Some("1")), "a1b1"),
            ("another one", ("c", Some("1")), "b1c1"),
            ("what counts is said again", ("b", Some("1")), "b1"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("facts");
            let mut map = SealedMap::open(&path, &key()).unwrap();
            map.set("b", Some("1")).unwrap();
            map.sync_fails = true;
            map.set_all(vec![("a".into(), Some("1".into())), ("b".into(), None)]).unwrap_err();
            map.sync_fails = false;
            assert!(map.entries().contains_key("b") && !map.entries().contains_key("a"));
            map.set(change.0, change.1).unwrap();
            let after = map.entries().clone();
            drop(map);
            assert_eq!(says(&path), want, "{what}");
            assert_eq!(SealedMap::open(&path, &key()).unwrap().entries(), &after, "{what}");
        }
    }

    /// The disk is full in the middle: the first 64 of them are in the file.
    #[test]
    fn what_was_written_in_part_does_not_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("facts");
        let mut map = SealedMap::open(&path, &key()).unwrap();
        let all = |value: Option<&str>| -> Vec<Change> {
            (0..200).map(|n| (format!("n{n}"), value.map(str::to_owned))).collect()
        };
        signet_journal::disk::refuses_after(&path, 1);
        map.set_all(all(Some("1"))).unwrap_err();
        assert!(map.entries().is_empty());
        signet_journal::disk::refuses(&path, false);
        map.set_all(all(None)).unwrap();
        map.set("later", Some("1")).unwrap();
        drop(map);
        let map = SealedMap::open(&path, &key()).unwrap();
        assert_eq!(map.entries().keys().collect::<Vec<_>>(), ["later"]);
    }

    #[test]
    fn a_change_that_is_on_the_disk_counts_though_the_file_cannot_be_made_shorter() {
        let dir = tempfile::tempdir().unwrap();
        let (path, new) = (dir.path().join("facts"), dir.path().join("facts.new"));
        let mut map = SealedMap::open(&path, &key()).unwrap();
        signet_journal::disk::refuses(&new, true);
        for n in 0..=STALE_MAX + 1 {
            map.set("a", Some(&n.to_string())).unwrap();
        }
        let last = (STALE_MAX + 1).to_string();
        assert_eq!(map.entries()["a"], last);
        // What follows would be lost if the new file took the place of this one after all.
        map.set("b", Some("1")).unwrap_err();
        assert!(!map.entries().contains_key("b"));
        signet_journal::disk::refuses(&new, false);
        map.set("c", Some("1")).unwrap();
        assert_eq!(map.changes, 2);
        drop(map);
        let map = SealedMap::open(&path, &key()).unwrap();
        let says: Vec<_> = map.entries().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(says, [("a", last.as_str()), ("c", "1")]);
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
