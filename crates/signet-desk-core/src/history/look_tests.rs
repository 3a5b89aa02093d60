use super::*;
use crate::history::files::Files;
use signet_history::{Moment, What};
use std::fs;

const SECRET: [u8; 32] = [5; 32];
const DAY: i64 = 86_400_000;
const T0: i64 = 1_795_000_000_000;

fn keys() -> Keys {
    Keys::derive(&SECRET, "TRADER1").unwrap()
}

fn reason(day: i64) -> What {
    What::Reason { rfq: format!("R{day}"), accept: format!("R{day}:1"), text: "t".into() }
}

/// A history with one record a day, and a file for each.
fn history(folder: &Path, days: i64) {
    let mut files = Files::open(folder, keys(), T0).unwrap().files;
    for day in 0..days {
        let at_ms = T0 + day * DAY;
        if day > 0 {
            files.roll(at_ms).unwrap();
        }
        files.append(Moment { at_ms, run_us: 1, offset_ms: None }, reason(day)).unwrap();
    }
    files.sync().unwrap();
}

/// What a look hands over: the RFQs of the records, and what it says beside them.
fn between(reader: &Reader, at_ms: i64, from_ms: i64, to_ms: i64) -> (Vec<String>, Looked) {
    let mut found = Vec::new();
    let take = |r: &Record| {
        found.push(match &r.what {
            What::Reason { rfq, .. } => rfq.clone(),
            _ => String::new(),
        });
    };
    let looked = reader.between(Around { at_ms, from_ms, to_ms }, take).unwrap();
    (found, looked)
}

#[test]
fn a_look_finds_the_days_that_it_asks_for_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    history(&folder, 40);
    let reader = Reader::new(&folder, keys());
    for day in 0..40 {
        let at = T0 + day * DAY;
        let (found, looked) = between(&reader, at, at - 10, at + 10);
        assert_eq!((found, looked.more), (vec![format!("R{day}")], false), "day {day}");
    }
    let (some, _) = between(&reader, T0 + 3 * DAY, T0 + 3 * DAY, T0 + 5 * DAY);
    assert_eq!(some, ["R3", "R4", "R5"]);
    assert!(between(&reader, T0 - 9 * DAY, T0 - 9 * DAY, T0 - DAY).0.is_empty());
    assert!(between(&reader, T0 + 99 * DAY, T0 + 99 * DAY, T0 + 100 * DAY).0.is_empty());
}

/// On a day of many quotes a file is full after seconds, and there are more of them within the
/// margin of the clock than one look reads.
#[test]
fn a_moment_is_found_on_a_day_with_hundreds_of_files() {
    const FILES: i64 = 2 * FILES_MAX as i64;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    // The laptop's clock is ten minutes behind the venue's.
    let behind_ms = 600_000;
    let mut files = Files::open(&folder, keys(), T0).unwrap().files;
    for n in 0..FILES {
        let at_ms = T0 + n * 2_500 - behind_ms;
        if n > 0 {
            files.roll(at_ms).unwrap();
        }
        files.append(Moment { at_ms, run_us: 1, offset_ms: Some(behind_ms) }, reason(n)).unwrap();
    }
    files.sync().unwrap();
    drop(files);
    let reader = Reader::new(&folder, keys());
    for n in [0, 1, FILES / 2, FILES - 1] {
        let at = T0 + n * 2_500;
        let (found, looked) = between(&reader, at, at - 600_000, at + 8 * DAY);
        assert!(found.contains(&format!("R{n}")), "{n}");
        // What came next is of more worth than what came before.
        let after = found.iter().skip_while(|r| **r != format!("R{n}")).count();
        let all = usize::try_from(FILES - n).unwrap();
        assert_eq!(after, all.min(FILES_MAX - before(n)), "{n}");
        assert_eq!(looked.more, all > FILES_MAX - before(n), "{n}: said to be");
    }
}

/// Files before the one of this number that are read.
fn before(n: i64) -> usize {
    usize::try_from(n).unwrap().min(FILES_BEFORE)
}

#[test]
fn an_altered_file_is_not_believed_and_an_empty_folder_has_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    history(&folder, 3);
    let reader = Reader::new(&folder, keys());
    let one = folder.join("000002.log");
    let mut bytes = fs::read(&one).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&one, bytes).unwrap();
    let when = Around { at_ms: T0, from_ms: T0, to_ms: T0 + 3 * DAY };
    assert!(reader.between(when, |_| {}).unwrap_err().is_damage());
    let none = dir.path().join("none");
    fs::create_dir(&none).unwrap();
    let (found, looked) = between(&Reader::new(&none, keys()), T0, T0, T0 + DAY);
    assert_eq!((found.len(), looked.size), (0, 0));
}
