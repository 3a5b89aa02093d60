//! What is kept of a list, and what was sent before.

use super::*;
use crate::{
    list::{Meaning, Phase, Seen, phase::Event},
    view::{ListCells, ListField},
};
use std::path::PathBuf;

const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

fn place(dir: &tempfile::TempDir) -> (PathBuf, StoreKey) {
    (dir.path().join("list.log"), StoreKey::new([7; 32]))
}

fn cells(quantity: &str) -> ListCells {
    ListCells {
        side: "buy".into(),
        instrument: "eurusd".into(),
        quantity: quantity.into(),
        settlement: "2w".into(),
        dealers: "NORTH".into(),
        limit: "1.08".into(),
        note: "fund".into(),
        price_type: "price".into(),
        least: "2k".into(),
    }
}

fn sent(key: u32, asks: &str, at: UtcMillis) -> SentBefore {
    let list = "L1".into();
    SentBefore { key, asks: asks.into(), list, number: key, at_ms: at.0, rfq: None }
}

/// A list with a row in each phase that `events` lead to.
fn list(events: &[&[Event]]) -> List {
    let mut l = List::default();
    let meaning = Meaning::One("EUR/USD".into());
    let all = vec![(cells("5k"), meaning); events.len()];
    let keys = l.add(all).unwrap();
    for (key, events) in keys.iter().zip(events) {
        for event in *events {
            assert!(l.event(*key, *event), "{event:?}");
        }
    }
    l
}

fn again(dir: &tempfile::TempDir) -> (ListStore, List) {
    let (path, key) = place(dir);
    let store = ListStore::open(&path, &key).unwrap();
    let list = store.list();
    (store, list)
}

fn phases(l: &List) -> Vec<Phase> {
    l.rows().iter().map(|r| r.phase).collect()
}

/// One line for each phase: how the row stands after a restart.
#[test]
fn every_phase_after_a_restart() {
    use Event::{Queue, Refuse, See, Send, Stop};
    let out = |seen| [Queue, Send, See(seen)];
    let (open, quoted, taking) = (out(Seen::Open), out(Seen::Quoted), out(Seen::Taking));
    let (done, expired, ended) = (out(Seen::Done), out(Seen::Expired), out(Seen::Ended));
    let lost = out(Seen::Lost);
    let table: [(&[Event], Phase); 12] = [
        (&[], Phase::Draft),
        (&[Queue], Phase::Stopped),
        (&[Queue, Send], Phase::Sending),
        (&open, Phase::Open),
        (&quoted, Phase::Quoted),
        (&taking, Phase::Taking),
        (&done, Phase::Done),
        (&[Queue, Refuse], Phase::Refused),
        (&expired, Phase::Expired),
        (&ended, Phase::Ended),
        (&[Queue, Stop], Phase::Stopped),
        (&lost, Phase::Unknown),
    ];
    let mut l = list(&table.map(|(events, _)| events));
    let keys: Vec<u32> = l.rows().iter().map(|r| r.key).collect();
    for key in &keys {
        l.note(*key, signet_rfq::RfqId::new(format!("R{key}")).ok(), None);
    }
    l.id = Some("L9".into());
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = again(&dir);
    store.keep(&l).unwrap();
    drop(store);
    let (_, back) = again(&dir);
    assert_eq!(phases(&back), table.map(|(_, after)| after));
    assert_eq!(back.id.as_deref(), Some("L9"));
    let first = &back.rows()[0];
    assert_eq!((&first.cells, &first.meaning), (&cells("5k"), &Meaning::One("EUR/USD".into())));
    assert_eq!(back.rows()[3].rfq.as_ref().map(|r| r.as_str()), Some("R4"));
    assert!(back.rows()[3].earlier && !back.rows()[6].earlier);
    assert!(back.window(1, 1)[0].text.contains("the desk ended before its turn"));
}

#[test]
fn a_row_kept_before_there_was_a_least_quantity_is_read() {
    let kept = r#"{"row":{"key":3,"cells":{"side":"buy","instrument":"eurusd","quantity":"5k",
        "numbers":"yield"},"stands":"draft"}}"#;
    let Line::Row(row) = serde_json::from_str(kept).unwrap() else { panic!() };
    let row = row.into_row();
    assert_eq!((row.cells.price_type.as_str(), row.cells.least.as_str()), ("yield", ""));
}

#[test]
fn a_row_whose_turn_had_come_may_have_been_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = again(&dir);
    let mut l = list(&[&[], &[], &[]]);
    l.rows().iter().for_each(|r| assert_eq!(r.phase, Phase::Draft));
    let keys: Vec<u32> = l.rows().iter().map(|r| r.key).collect();
    keys.iter().for_each(|k| assert!(l.event(*k, Event::Queue)));
    store.keep(&l).unwrap();
    // The desk ends right after the first; the second was refused; the third has had no turn.
    store.about_to_send(sent(keys[0], "a", NOW)).unwrap();
    store.about_to_send(sent(keys[1], "b", NOW)).unwrap();
    store.not_sent(keys[1]);
    drop(store);
    let (store, back) = again(&dir);
    assert_eq!(phases(&back), [Phase::Unknown, Phase::Stopped, Phase::Stopped]);
    assert!(back.window(0, 1)[0].text.contains("it may have been sent"));
    assert_eq!(store.before("a", NOW).count(), 1);
    assert_eq!(store.before("b", NOW).count(), 0);
}

#[test]
fn a_row_that_is_sent_again_and_waits_was_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = again(&dir);
    let mut l = list(&[&[Event::Queue]]);
    let key = l.rows()[0].key;
    store.keep(&l).unwrap();
    store.about_to_send(sent(key, "a", NOW)).unwrap();
    store.sent_as(key, "R1");
    l.event(key, Event::Send);
    l.event(key, Event::See(Seen::Expired));
    store.keep(&l).unwrap();
    l.again(key).unwrap();
    l.event(key, Event::Queue);
    store.keep(&l).unwrap();
    drop(store);
    let (store, back) = again(&dir);
    assert_eq!(phases(&back), [Phase::Stopped]);
    let before: Vec<_> = store.before("a", NOW).map(|s| s.rfq.as_deref()).collect();
    assert_eq!(before, [Some("R1")]);
}

#[test]
fn what_was_sent_counts_for_the_day_and_outlives_the_row() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, mut l) = again(&dir);
    store.about_to_send(sent(1, "a", NOW + -LATELY_MS)).unwrap();
    store.about_to_send(sent(2, "a", NOW + (1 - LATELY_MS))).unwrap();
    store.about_to_send(sent(3, "a", NOW)).unwrap();
    store.about_to_send(sent(4, "b", NOW)).unwrap();
    l.clear().unwrap();
    store.keep(&l).unwrap();
    drop(store);
    let (store, l) = again(&dir);
    let keys: Vec<u32> = store.before("a", NOW).map(|s| s.key).collect();
    assert_eq!(keys, [3, 2], "the newest first");
    // No later row has the key of one that was sent.
    let mut l = l;
    assert_eq!(l.add(vec![(cells("1k"), Meaning::Nothing)]).unwrap(), [5]);
}

#[test]
fn rows_that_go_and_cells_that_change_are_kept_as_they_are_now() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = again(&dir);
    let mut l = list(&[&[], &[], &[]]);
    let keys: Vec<u32> = l.rows().iter().map(|r| r.key).collect();
    store.keep(&l).unwrap();
    l.remove(keys[1]).unwrap();
    l.edit(keys[2], ListField::Quantity, "7k", None).unwrap();
    store.keep(&l).unwrap();
    let records = store.records;
    store.keep(&l).unwrap();
    assert_eq!(store.records, records, "nothing changed, nothing is written");
    drop(store);
    let (_, back) = again(&dir);
    let quantities: Vec<_> = back.rows().iter().map(|r| r.cells.quantity.as_str()).collect();
    assert_eq!(quantities, ["5k", "7k"]);
}

#[test]
fn the_file_does_not_grow_and_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = again(&dir);
    let mut l = list(&[&[]]);
    let key = l.rows()[0].key;
    for n in 0..SENT_MAX + 10 {
        store.about_to_send(sent(1, &n.to_string(), NOW)).unwrap();
    }
    assert_eq!(store.sent.len(), SENT_MAX);
    assert_eq!(store.before("0", NOW).count(), 0, "the oldest went");
    for n in 0..TIDY_ABOVE {
        l.edit(key, ListField::Note, &n.to_string(), None).unwrap();
        store.keep(&l).unwrap();
    }
    assert!(store.records < TIDY_ABOVE);
    drop(store);
    let (store, back) = again(&dir);
    assert_eq!(store.sent.len(), SENT_MAX);
    assert_eq!(back.rows()[0].cells.note, (TIDY_ABOVE - 1).to_string());
    assert_eq!(back.rows()[0].phase, Phase::Draft, "what was sent before says nothing of it");
}

#[test]
fn a_damaged_file_is_put_aside_and_a_full_disk_loses_nothing_that_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = place(&dir);
    let (mut store, _) = again(&dir);
    let l = list(&[&[]]);
    store.keep(&l).unwrap();
    signet_journal::disk::refuses(&path, true);
    assert!(store.about_to_send(sent(1, "a", NOW)).is_err());
    assert_eq!(store.before("a", NOW).count(), 0, "what is not written does not count");
    signet_journal::disk::refuses(&path, false);
    store.about_to_send(sent(1, "a", NOW)).unwrap();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() - 20;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = ListStore::open(&path, &key).unwrap();
    assert_eq!(store.list().rows().len(), 1);
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 1, "the damaged file is kept");
}
