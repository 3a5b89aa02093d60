use super::{
    copy::{of_folder, tail_of},
    files::{Files, file, numbers},
    recorder::{Job, News, QUOTES_MAX, Shared},
    writer::Writer,
    *,
};
use crate::venue::HistorySettings;
use signet_devca::{DevPki, Order};
use signet_history::{Certified, Moment, Place, Selection, What, statement, verify};
use signet_identity::MessageKey;
use signet_journal::{LogError, disk};
use signet_keystore::{IdentityName, Keychain as _, MemoryKeychain};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const SECRET: [u8; 32] = [5; 32];
const DESK: &str = "TRADER1";
const DAY: i64 = 86_400_000;
const T0: i64 = 1_795_000_000_000;

fn keys() -> Keys {
    Keys::derive(&SECRET, DESK).unwrap()
}

fn at(at_ms: i64) -> Moment {
    Moment { at_ms, run_us: 1, offset_ms: Some(0) }
}

fn key_record() -> What {
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
    let issued = pki.issue(&Order::desk(DESK)).unwrap();
    let key = MessageKey::of(&issued.certified_key().unwrap()).unwrap();
    let text = statement(keys().verifier(), &issued.chain()[0]);
    let signature = key.sign(text.as_bytes()).unwrap();
    Certified::record(text, &signature, issued.chain())
}

fn shown(n: usize) -> What {
    What::Shown { rfq: format!("R{n}"), accept: format!("R{n}:1"), screen: "SECRET-PRICE".into() }
}

fn exported(folder: &Path) -> signet_history::Verified {
    let text = of_folder(folder, &keys(), &Selection::default(), usize::MAX).unwrap().text;
    verify(&text)
}

fn open(folder: &Path) -> Recorder {
    Recorder::open(folder, keys(), "1", T0, &HistorySettings::default()).unwrap()
}

fn writer(folder: &Path) -> (Writer, Arc<Shared>) {
    let shared = Arc::new(Shared::default());
    (Writer::open(folder, keys(), at(T0), "1", shared.clone()).unwrap(), shared)
}

#[test]
fn what_is_recorded_is_exported_verifies_and_is_nowhere_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    for run in 0..2 {
        let mut r = open(&folder);
        r.record(T0, key_record());
        (0..300).for_each(|n| r.record(T0 + n as i64, shown(n)));
        r.close(T0 + 900);
        // Started, key, 300, stopped.
        let v = exported(&folder);
        assert_eq!((v.faults, v.size), (vec![], 303 * (run + 1)));
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(12).any(|w| w == b"SECRET-PRICE"), "{}", path.display());
        let secret = keys().signer.verifier().key().to_vec();
        assert!(!bytes.windows(32).any(|w| w == SECRET || w == secret), "{}", path.display());
    }
    // Another secret opens nothing.
    let other = Keys::derive(&[6; 32], DESK).unwrap();
    assert!(of_folder(&folder, &other, &Selection::default(), usize::MAX).unwrap_err().is_damage());
}

#[test]
fn the_tail_of_a_history_follows_its_beginning_and_meets_its_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = open(dir.path());
    (0..5).for_each(|n| r.record(T0 + n as i64, shown(n)));
    r.close(T0 + 900);
    let tail = tail_of(dir.path(), &keys()).unwrap();
    let mut chain = tail.before;
    for record in &tail.records {
        chain.check(record).unwrap();
        chain.push(record);
    }
    // Started, 5, stopped.
    assert_eq!(chain.size(), 7);
    let noted = tail.noted.unwrap();
    assert_eq!((noted.size, noted.root), (chain.size(), chain.root()));
}

#[test]
fn one_process_writes_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = open(dir.path());
    let second = Recorder::open(dir.path(), keys(), "1", T0, &HistorySettings::default());
    let Err(e) = second else { panic!("opened twice") };
    assert_eq!(e.code(), "history.in_use");
    assert!(matches!(e, HistoryError::Log(LogError::InUse(_))));
    r.close(T0);
    open(dir.path()).close(T0);
}

#[test]
fn a_torn_tail_is_cut_off_and_said_and_the_history_goes_on() {
    for torn in [1, 7, 40] {
        let dir = tempfile::tempdir().unwrap();
        let (mut files, path) = {
            let opened = Files::open(dir.path(), keys(), T0).unwrap();
            (opened.files, file(dir.path(), 1))
        };
        files.append(at(T0), key_record()).unwrap();
        files.sync().unwrap();
        files.note().unwrap();
        files.append(at(T0), shown(1)).unwrap();
        drop(files);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - torn]).unwrap();
        let mut r = open(dir.path());
        assert!(matches!(r.news(), Some(News::Torn(n)) if n > 0), "{torn}");
        r.close(T0);
        let v = exported(dir.path());
        assert_eq!(v.faults, []);
        let said = v
            .records
            .iter()
            .any(|r| matches!(&r.what, What::Started { torn_bytes, .. } if *torn_bytes > 0));
        assert!(said && v.size == 3, "{:?}", v.records);
    }
}

#[test]
fn a_file_that_was_just_begun_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut w, _) = writer(dir.path());
    w.take(Job::Record(at(T0), key_record()));
    w.take(Job::Record(at(T0 + DAY), shown(1)));
    w.step(true);
    drop(w);
    let whole = exported(dir.path());
    // As a crash leaves it: without its header, and without its head.
    let path = file(dir.path(), 3);
    fs::write(&path, b"").unwrap();
    assert_eq!(exported(dir.path()).size, whole.size);
    fs::remove_file(&path).unwrap();
    drop(signet_journal::SealedLog::open(&path, &keys().store).unwrap());
    assert_eq!(exported(dir.path()).faults, []);
    let mut r = open(dir.path());
    assert!(r.news().is_none());
    r.close(T0);
    let v = exported(dir.path());
    assert_eq!((v.faults, v.size), (vec![], whole.size + 2));
}

/// A history that was altered is not continued: it is put aside whole, and the new one says so.
#[test]
fn an_altered_history_is_put_aside_and_told() {
    type Alter = fn(&Path);
    let rows: [(&str, Alter); 5] = [
        ("a flipped bit", |folder| {
            let path = file(folder, 1);
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("an older copy", |folder| {
            fs::copy(folder.with_file_name("older"), file(folder, 1)).map(drop).unwrap();
        }),
        ("no files", |folder| fs::remove_file(file(folder, 1)).unwrap()),
        ("another checkpoint", |folder| {
            let path = folder.join("checkpoint");
            let note = fs::read_to_string(&path).unwrap();
            fs::write(path, note.replace('\n', "\n1")).unwrap();
        }),
        ("a missing file", |folder| {
            fs::rename(file(folder, 1), file(folder, 3)).unwrap();
            fs::write(file(folder, 1), b"").unwrap();
        }),
    ];
    for (what, alter) in rows {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("history");
        open(&folder).close(T0);
        fs::copy(file(&folder, 1), dir.path().join("older")).unwrap();
        let mut r = open(&folder);
        (0..20).for_each(|n| r.record(T0, shown(n)));
        r.close(T0);
        alter(&folder);
        let mut r = open(&folder);
        let Some(News::Aside(to, why)) = r.news() else { panic!("{what}: nothing is told") };
        assert!(Path::new(&to).is_dir() && !why.is_empty(), "{what}: {to} {why}");
        r.record(T0, key_record());
        r.close(T0);
        let v = exported(&folder);
        assert_eq!(v.faults, [], "{what}");
        assert!(v.records.iter().any(|r| matches!(r.what, What::Aside { .. })), "{what}");
    }
}

#[test]
fn a_full_disk_is_said_once_and_nothing_is_silently_missing_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let (mut w, shared) = writer(dir.path());
    let log = file(dir.path(), 1);
    w.take(Job::Record(at(T0), key_record()));
    w.step(true);
    disk::refuses(&log, true);
    for n in 0..3 {
        w.take(Job::Record(at(T0), shown(n)));
        w.step(true);
    }
    assert!(shared.health().fault.is_some());
    // The queue is full meanwhile.
    shared.health().lose(T0 + 5, "the disk does not keep up");
    shared.health().lose(T0 + 9, "the disk does not keep up");
    disk::refuses(&log, false);
    w.step(true);
    let news = || shared.health().news();
    assert!(matches!(news(), Some(News::Unwritable(_))));
    assert_eq!((news(), news()), (Some(News::Written(2)), None));
    assert_eq!(shared.health().fault, None);
    assert_eq!(shared.health().lost, None);
    drop(w);
    let v = exported(dir.path());
    assert_eq!((v.faults, v.lost, v.size), (vec![], 2, 6));
    let last = v.records.last().map(|r| r.what.clone());
    assert_eq!(last, Some(What::Lost { records: 2, from_ms: T0 + 5, to_ms: T0 + 9 }));
}

/// The queue has a bound; what was taken from it has none of its own.
#[test]
fn a_disk_that_refuses_leaves_the_queue_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mut w, _) = writer(dir.path());
    let log = file(dir.path(), 1);
    disk::refuses(&log, true);
    let mut taken = 0;
    while !w.takes_no_more() && taken < 10_000 {
        w.take(Job::Record(at(T0), shown(taken)));
        w.step(false);
        taken += 1;
    }
    assert!(taken < 10_000);
    disk::refuses(&log, false);
    w.step(false);
    assert!(!w.takes_no_more());
}

/// A file that lacks what certifies its key cannot be judged once the files before it are gone.
#[test]
fn a_disk_that_is_full_when_a_file_begins_leaves_it_with_its_key() {
    // Of its head, the key and the first record so many are taken before the disk refuses.
    for taken in 0..=3 {
        let dir = tempfile::tempdir().unwrap();
        let (mut w, shared) = writer(dir.path());
        w.take(Job::Record(at(T0), key_record()));
        w.step(true);
        let next = file(dir.path(), 2);
        disk::refuses_after(&next, taken);
        w.take(Job::Record(at(T0 + DAY), shown(1)));
        w.step(true);
        assert_eq!(shared.health().fault.is_some(), taken < 3, "{taken}");
        w.step(true);
        disk::refuses(&next, false);
        w.step(true);
        assert_eq!(shared.health().fault, None, "{taken}");
        w.take(Job::Remove(at(T0 + DAY), T0 + DAY, 1));
        w.step(true);
        assert_eq!(numbers(dir.path()).unwrap(), [2], "{taken}");
        drop(w);
        let v = exported(dir.path());
        // The key, the record, and what was removed.
        assert_eq!((v.faults, v.certified.len()), (vec![], 1), "{taken}");
        assert_eq!(v.records.len(), 3, "{taken}");
    }
}

#[test]
fn what_is_recorded_between_two_tries_to_begin_a_file_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::open(dir.path(), keys(), T0).unwrap().files;
    files.append(at(T0), key_record()).unwrap();
    // As a try leaves it that came as far as the head.
    let begun = dir.path().join("begun");
    fs::create_dir(&begun).unwrap();
    {
        let mut other = Files::open(&begun, keys(), T0).unwrap().files;
        other.append(at(T0), shown(7)).unwrap();
        other.roll(T0 + DAY).unwrap();
    }
    fs::copy(file(&begun, 2), file(dir.path(), 2)).unwrap();
    fs::remove_dir_all(begun).unwrap();
    files.append(at(T0 + DAY), shown(1)).unwrap();
    files.roll(T0 + DAY).unwrap();
    files.append(at(T0 + DAY), shown(2)).unwrap();
    files.note().unwrap();
    drop(files);
    let v = exported(dir.path());
    assert_eq!((v.faults, v.size), (vec![], 3));
}

/// The queue is bounded; what does not fit is counted and told, and where the firm requires the
/// history nothing that commits the trader leaves.
#[test]
fn a_disk_that_stands_still_fills_the_queue_and_stops_what_the_firm_says() {
    for required in [false, true] {
        let (r, _jobs) = Recorder::stuck(required);
        assert!(r.may_trade().is_ok());
        (0..5).for_each(|n| r.record(T0 + n, shown(0)));
        assert_eq!(r.lost(), Some((3, T0 + 2, T0 + 4)));
        assert!(matches!(r.news(), Some(News::Unwritable(_))) && r.news().is_none());
        let code = r.may_trade().err().map(|p| p.code);
        assert_eq!(code.as_deref(), required.then_some("history.unwritable"));
    }
    // One without a history stops nobody: whether the desk may go without is decided before.
    assert!(Recorder::default().may_trade().is_ok());
}

/// More quotes than the disk takes: they fill their part of the queue, and nothing stops.
#[test]
fn quotes_that_the_disk_does_not_take_keep_nothing_else_out() {
    let quote = || What::Received { msg: "S".into(), signed: true, frame: "x".into() };
    let (r, jobs) = Recorder::stuck_after(true, 8_192);
    let more = i64::try_from(QUOTES_MAX).unwrap();
    (0..more + 3).for_each(|n| r.record(T0 + n, quote()));
    assert_eq!(r.left_out(), Some((3, T0 + more, T0 + more + 2)));
    (0..100).for_each(|n| r.record(T0, shown(n)));
    assert_eq!((r.lost(), r.may_trade().is_ok()), (None, true));
    assert_eq!((r.news(), r.news()), (Some(News::QuotesSlow), None), "told once");
    assert_eq!(jobs.try_iter().count(), QUOTES_MAX + 100);
    // The thread counts them in the history.
    let dir = tempfile::tempdir().unwrap();
    let (mut w, shared) = writer(dir.path());
    shared.health().left_out = Some((3, T0, T0 + 2));
    w.step(true);
    assert_eq!(shared.health().left_out, None);
    drop(w);
    assert_eq!(exported(dir.path()).lost, 3);
}

/// A desk that may not trade until its history has room records nothing by which it would notice
/// that a day began.
#[test]
fn a_new_day_has_room_also_where_nothing_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (mut w, shared) = writer(dir.path());
    w.day_is_full(T0, 2);
    w.take(Job::Record(at(T0), shown(1)));
    w.step(true);
    assert!(shared.health().lost.is_some());
    w.turn(T0 + DAY);
    w.step(true);
    assert_eq!(shared.health().lost, None);
    // What waited over midnight does not begin the day before once more.
    w.day_is_full(T0 + DAY, 0);
    let quote = What::Received { msg: "S".into(), signed: true, frame: "x".into() };
    for at_ms in [T0, T0 + DAY] {
        w.take(Job::Record(at(at_ms), quote.clone()));
    }
    w.step(true);
    drop(w);
    let kinds: Vec<_> = exported(dir.path()).records.into_iter().map(|r| r.what).collect();
    assert!(!kinds.contains(&quote), "{kinds:?}");
}

#[test]
fn a_desk_that_is_started_again_has_no_more_room_on_that_day() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::open(dir.path(), keys(), T0 - DAY).unwrap().files;
    files.append(at(T0 - DAY), shown(0)).unwrap();
    let length = |n| fs::metadata(file(dir.path(), n)).unwrap().len();
    assert_eq!(files.bytes_since(T0), 0, "of the day before");
    for n in 1..=2 {
        files.roll(T0 + n).unwrap();
        files.append(at(T0 + n), shown(0)).unwrap();
    }
    assert_eq!(files.bytes_since(T0), length(2) + length(3));
    assert_eq!(files.bytes_since(T0 + 2), length(3));
}

#[test]
fn an_export_that_is_too_long_for_a_desk_that_trades_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = open(dir.path());
    (0..20).for_each(|n| r.record(T0, shown(n)));
    r.close(T0);
    let wanted = Selection::default();
    let whole = of_folder(dir.path(), &keys(), &wanted, usize::MAX).unwrap().text;
    assert_eq!(of_folder(dir.path(), &keys(), &wanted, whole.len()).unwrap().text, whole);
    let e = of_folder(dir.path(), &keys(), &wanted, whole.len() / 2).unwrap_err();
    assert_eq!((e.code(), e.is_damage()), ("history.too_long", false));
}

#[test]
fn one_day_takes_so_much_of_each_kind_and_no_more() {
    let received = |msg: &str| What::Received { msg: msg.into(), signed: true, frame: "x".into() };
    let refused = || What::Refused { msg: "8".into(), why: "bad".into(), frame: "x".into() };
    let sent = || What::Sent { msg: "AJ".into(), frame: "x".into() };
    // Quotes stop first, then what peers send besides, and the desk's own records last.
    for (reserves, kept) in [
        (0, [false, false, true, true, true]),
        (1, [false, false, false, true, true]),
        (2, [false, false, false, false, false]),
    ] {
        let all = [received("S"), refused(), received("8"), sent(), shown(1)];
        for (what, kept) in all.into_iter().zip(kept) {
            let dir = tempfile::tempdir().unwrap();
            let (mut w, shared) = writer(dir.path());
            w.day_is_full(T0, reserves);
            let quotes = matches!(&what, What::Received { msg, .. } if msg == "S")
                || matches!(&what, What::Refused { .. });
            let case = format!("{reserves} {what:?}");
            w.take(Job::Record(at(T0), what));
            w.step(true);
            // Quotes that are left out do not keep the trader from trading.
            assert_eq!(shared.health().lost.is_some(), !kept && !quotes, "{case}");
            w.take(Job::Record(at(T0 + DAY), shown(2)));
            w.step(true);
            assert_eq!(shared.health().lost, None, "{case}");
            drop(w);
            let v = exported(dir.path());
            assert_eq!((v.lost, v.size), (u64::from(!kept), 3), "{case}");
            // It has no record of the key, and its frames are no messages.
            let known = ["key.uncertified", "message.signature"];
            assert!(v.faults.iter().all(|f| known.contains(&f.code)), "{case} {:?}", v.faults);
        }
    }
}

/// All days together have too much, or the disk too little: the day has room, and does not help.
#[test]
fn without_room_quotes_are_counted_and_everything_else_is_kept() {
    const GIB: u64 = 1024 * 1024 * 1024;
    let received = |msg: &str| What::Received { msg: msg.into(), signed: true, frame: "x".into() };
    for (taken, free) in [(GIB, 9 * GIB), (0, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut w, shared) = writer(dir.path());
        w.room_is(1, taken, free);
        let sent = What::Sent { msg: "AJ".into(), frame: "x".into() };
        for what in [received("S"), sent, received("8"), shown(1), received("S")] {
            w.take(Job::Record(at(T0 + DAY), what));
        }
        w.step(true);
        // The trader is not held up, and is not told of a day that is full.
        assert_eq!(shared.health().lost, None);
        assert_eq!(shared.health().news(), None);
        w.room_is(1, 0, 9 * GIB);
        w.take(Job::Record(at(T0 + DAY), received("S")));
        w.step(true);
        drop(w);
        let v = exported(dir.path());
        let known = ["key.uncertified", "message.signature"];
        assert!(v.faults.iter().all(|f| known.contains(&f.code)), "{:?}", v.faults);
        let kept = v.records.iter().map(|r| match &r.what {
            What::Started { .. } => "started",
            What::Received { msg, .. } | What::Sent { msg, .. } => msg.as_str(),
            What::Shown { .. } => "shown",
            What::QuotesLeftOut { records: 2, .. } => "two",
            _ => "another",
        });
        let kept: Vec<&str> = kept.collect();
        assert_eq!(kept, ["started", "AJ", "8", "shown", "two", "S"], "{taken} {free}");
    }
}

/// Else a desk that is killed hours later would not have said that it did not keep them.
#[test]
fn quotes_that_are_left_out_are_counted_as_soon_as_it_is_quiet() {
    let quote = || What::Received { msg: "S".into(), signed: true, frame: "x".into() };
    let dir = tempfile::tempdir().unwrap();
    let (mut w, _) = writer(dir.path());
    w.day_is_full(T0, 0);
    for n in 0..3 {
        w.take(Job::Record(at(T0 + n * 1_000), quote()));
        w.step(false);
    }
    w.step(true);
    drop(w);
    assert_eq!(exported(dir.path()).lost, 3);
}

#[test]
fn quotes_that_are_left_out_are_told_once_and_counted_now_and_then() {
    let quote = || What::Received { msg: "S".into(), signed: true, frame: "x".into() };
    let dir = tempfile::tempdir().unwrap();
    let (mut w, shared) = writer(dir.path());
    w.day_is_full(T0, 0);
    for n in 0..100 {
        w.take(Job::Record(at(T0 + n * 1_000), quote()));
        w.step(false);
    }
    assert_eq!(shared.health().news(), Some(News::QuotesFull));
    assert_eq!(shared.health().news(), None);
    assert!(w.take(Job::Stop(at(T0 + 100_000))));
    w.step(true);
    drop(w);
    let v = exported(dir.path());
    // Started, one count at once, one after a minute, the rest before the end.
    let kinds: Vec<_> = v.records.iter().map(|r| r.what.clone()).collect();
    let counts: Vec<_> = kinds
        .iter()
        .filter_map(|what| match what {
            What::QuotesLeftOut { records, .. } => Some(*records),
            _ => None,
        })
        .collect();
    assert_eq!((counts, v.lost), (vec![1, 60, 39], 100));
    assert!(matches!(kinds.last(), Some(What::Stopped)), "{kinds:?}");
}

#[test]
fn old_files_are_removed_and_what_is_left_verifies_from_a_signed_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (mut w, shared) = writer(dir.path());
    w.take(Job::Record(at(T0), key_record()));
    for day in 0..10 {
        w.take(Job::Record(at(T0 + day * DAY), shown(day as usize)));
    }
    w.step(true);
    assert_eq!(numbers(dir.path()).unwrap(), (1..=10).collect::<Vec<_>>());
    assert_eq!(exported(dir.path()).faults, []);
    // Nothing is old enough.
    w.take(Job::Remove(at(T0 + 9 * DAY), T0 - 1, 30));
    assert_eq!(numbers(dir.path()).unwrap().len(), 10);
    w.take(Job::Remove(at(T0 + 9 * DAY), T0 + 4 * DAY, 5));
    w.step(true);
    assert_eq!(numbers(dir.path()).unwrap(), (5..=10).collect::<Vec<_>>());
    let v = exported(dir.path());
    assert_eq!(v.faults, []);
    // The key is said again at the beginning of each file.
    assert!(v.first > 4 && v.certified.len() == 1, "{} {:?}", v.first, v.certified);
    let removed = v.records.iter().find_map(|r| match &r.what {
        What::Removed { before, keep_days, .. } => Some((*before, *keep_days)),
        _ => None,
    });
    assert_eq!(removed, Some((v.first, 5)));
    assert_eq!(shared.health().fault, None);
    drop(w);
    // A file that somebody else removes is missed.
    fs::remove_file(file(dir.path(), 5)).unwrap();
    let v = exported(dir.path());
    assert!(v.faults.iter().any(|f| f.place == Place::File && f.code == "record.missing"));
    // The one that is written is never removed, however old it is.
    let (mut w, _) = writer(dir.path());
    w.take(Job::Remove(at(T0 + 999 * DAY), T0 + 900 * DAY, 5));
    assert_eq!(numbers(dir.path()).unwrap(), [10]);
}

/// A laptop whose clock was years ahead for a while has a file of that time between the others.
#[test]
fn a_file_from_a_time_to_come_keeps_nothing_from_being_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::open(dir.path(), keys(), T0).unwrap().files;
    files.append(at(T0), shown(0)).unwrap();
    let years = 3_000 * DAY;
    for began in [T0 + years, T0 + DAY, T0 + 2 * DAY, T0 + 9 * DAY] {
        assert!(files.is_full(began), "{began}: also after one that began later");
        files.roll(began).unwrap();
        files.append(at(began), shown(0)).unwrap();
    }
    let now = at(T0 + 9 * DAY);
    // What began before it may be young: the next one with a time that can be says how old it is.
    assert_eq!(files.remove_before(now, T0 - 1, 9).unwrap(), 0);
    assert_eq!(numbers(dir.path()).unwrap(), [1, 2, 3, 4, 5]);
    assert!(files.remove_before(now, T0 + 2 * DAY, 7).unwrap() > 0);
    assert_eq!(numbers(dir.path()).unwrap(), [4, 5]);
}

/// A laptop that began a file with its clock far behind has the file of the day before there still.
#[test]
fn a_file_from_a_time_long_ago_removes_nothing_that_is_young() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Files::open(dir.path(), keys(), T0).unwrap().files;
    files.append(at(T0), shown(0)).unwrap();
    for began in [0, T0 + DAY] {
        files.roll(began).unwrap();
        files.append(at(began), shown(0)).unwrap();
    }
    assert_eq!(files.remove_before(at(T0 + DAY), T0 - 5 * DAY, 6).unwrap(), 0);
    assert_eq!(numbers(dir.path()).unwrap(), [1, 2, 3]);
}

#[test]
fn nothing_is_removed_while_the_clocks_disagree_or_are_not_known() {
    let (r, jobs) = Recorder::stuck(false);
    for (offset, removes) in
        [(None, false), (Some(2 * DAY), false), (Some(-2 * DAY), false), (Some(5), true)]
    {
        r.clock_is(offset);
        assert_eq!(r.keep_days(T0, 30), removes, "{offset:?}");
        let job = jobs.try_recv();
        assert_eq!(
            matches!(job, Ok(Job::Remove(_, cutoff, 30)) if cutoff == T0 - 30 * DAY),
            removes
        );
    }
    assert!(r.keep_days(T0, 0) && jobs.try_recv().is_err(), "for ever");
}

const CHILD: &str = "SIGNET_TEST_HISTORY";

/// Not a test by itself: what the killed child does.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let r = open(Path::new(&folder));
    r.record(T0, key_record());
    for n in 0.. {
        r.record(T0, shown(n));
        if n % 64 == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

#[test]
fn a_killed_desk_leaves_a_history_that_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    let mut size = 0;
    for round in 0..6u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "history::tests::child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, &folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let checkpoint = folder.join("checkpoint");
        // The first may be from before the key of the history was certified.
        let mut before = fs::read(&checkpoint).unwrap_or_default();
        for _ in 0..3 {
            while fs::read(&checkpoint).unwrap_or_default() == before {
                assert!(began.elapsed() < Duration::from_secs(60), "the child writes nothing");
                std::thread::sleep(Duration::from_millis(5 + round));
            }
            before = fs::read(&checkpoint).unwrap_or_default();
        }
        std::thread::sleep(Duration::from_millis(20 + 13 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let v = exported(&folder);
        assert_eq!(v.faults, [], "round {round}");
        assert!(v.size > size, "round {round}: what was there is there");
        size = v.size;
    }
    let mut r = open(&folder);
    assert!(!matches!(r.news(), Some(News::Aside(..))));
    r.close(T0);
    assert_eq!(exported(&folder).faults, []);
}

#[test]
fn without_a_keychain_or_a_history_there_is_no_export() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::DeskConfig::empty(dir.path().into(), "1");
    let keychain = MemoryKeychain::new();
    let wanted = Selection::default();
    let refused = |keychain: &MemoryKeychain| {
        history_export(&config, keychain, DESK, &wanted).unwrap_err().code().to_owned()
    };
    assert_eq!(refused(&keychain), "history.none");
    let pki = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
    let issued = pki.issue(&Order::desk(DESK)).unwrap();
    let name: IdentityName = DESK.parse().unwrap();
    keychain.store_identity(&name, issued.key_pkcs8(), issued.chain()).unwrap();
    assert_eq!(refused(&keychain), "history.none");
    assert!(!keychain.raw_names().iter().any(|n| n.starts_with("secret/")), "none was made");
    let secret = keychain.secret(&name).unwrap();
    let folder = super::folder(&dir.path().join(DESK));
    let keys = Keys::derive(&secret, DESK).unwrap();
    Recorder::open(&folder, keys, "1", T0, &HistorySettings::default()).unwrap().close(T0);
    let e = history_export(&config, &keychain, DESK, &wanted).unwrap();
    assert_eq!((e.desk.as_str(), e.size), (DESK, 2));
    // The keychain's secret is damaged, or another one.
    keychain.put_raw(&format!("secret/{DESK}"), b"short");
    assert!(refused(&keychain).starts_with("keychain."));
    keychain.put_raw(&format!("secret/{DESK}"), b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_eq!(refused(&keychain), "history.altered");
}
