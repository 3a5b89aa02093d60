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

fn found(looked: &Looked) -> Vec<String> {
    let rfq = |r: &Record| match &r.what {
        What::Reason { rfq, .. } => rfq.clone(),
        _ => String::new(),
    };
    looked.records.iter().map(rfq).collect()
}

#[test]
fn a_look_finds_the_days_that_it_asks_for_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    history(&folder, 40);
    let reader = Reader::new(&folder, keys());
    for day in 0..40 {
        let at = T0 + day * DAY;
        let looked = reader.between(at - 10, at + 10, |_| true).unwrap();
        assert_eq!((found(&looked), looked.more), (vec![format!("R{day}")], false), "day {day}");
    }
    let some = reader.between(T0 + 3 * DAY, T0 + 5 * DAY, |r| r.n != 4).unwrap();
    assert_eq!(found(&some), ["R3", "R5"]);
    assert_eq!(found(&reader.between(T0 - 9 * DAY, T0 - DAY, |_| true).unwrap()), [""; 0]);
    assert_eq!(found(&reader.between(T0 + 99 * DAY, T0 + 100 * DAY, |_| true).unwrap()), [""; 0]);
    // Longer than one look reads, and said to be.
    let long = reader.between(T0, T0 + 40 * DAY, |_| true).unwrap();
    assert_eq!((long.records.len(), long.more), (FILES_MAX, true));
    let last = reader.newest(3, T0 + 39 * DAY).unwrap();
    assert_eq!(last.iter().map(|r| r.n).collect::<Vec<_>>(), [37, 38]);
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
    assert!(reader.between(T0, T0 + 3 * DAY, |_| true).unwrap_err().is_damage());
    let none = dir.path().join("none");
    fs::create_dir(&none).unwrap();
    let nothing = Reader::new(&none, keys()).between(T0, T0 + DAY, |_| true).unwrap();
    assert_eq!((nothing.records.len(), nothing.size), (0, 0));
}
