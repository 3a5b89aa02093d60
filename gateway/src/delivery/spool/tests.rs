use super::*;
use signet_journal::disk;

const NO_LIMIT: (usize, usize) = (usize::MAX, usize::MAX);

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn open(folder: &Path, bytes_max: u64) -> Spool {
    Spool::open(folder, &key(), &["a", "b"], bytes_max).unwrap()
}

fn draft(sequence: u64, epoch: &str) -> Draft {
    let uid = format!("G.{epoch}.{sequence}");
    Draft { at_us: 1, severity: 1, uid, code: "x.y".into(), json: "{}".repeat(500) }
}

fn add(spool: &mut Spool, n: usize) {
    for _ in 0..n {
        spool.append(draft).unwrap();
    }
    spool.sync().unwrap();
}

fn numbers(spool: &Spool, after: u64) -> Vec<u64> {
    let (mut reader, mut all, mut at) = (Reader::default(), Vec::new(), after);
    loop {
        let found = spool.read(&mut reader, at, spool.head(), (100, 20_000)).unwrap();
        let Some(last) = found.last() else { return all };
        at = last.sequence;
        all.extend(found.iter().map(|r| r.sequence));
    }
}

#[test]
fn every_event_is_read_once_in_order_over_segments_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for round in 0..5 {
        let mut spool = open(folder.path(), 1 << 20);
        add(&mut spool, 100);
        all.extend(round * 100 + 1..=round * 100 + 100);
        assert_eq!(numbers(&spool, 0), all);
        assert_eq!(numbers(&spool, 77), all[77..]);
    }
    let spool = open(folder.path(), 1 << 20);
    assert!(spool.closed.len() > 5);
    let uids: std::collections::BTreeSet<_> = spool
        .read(&mut Reader::default(), 0, 500, NO_LIMIT)
        .unwrap()
        .iter()
        .map(|r| r.uid.clone())
        .collect();
    assert!(uids.iter().all(|u| u.starts_with("G.")));
}

#[test]
fn a_segment_goes_when_every_receiver_has_it_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    add(&mut spool, 400);
    let files = |f: &Path| segments(f).unwrap().len();
    let before = files(folder.path());
    spool.confirm(0, 400);
    assert_eq!(files(folder.path()), before);
    spool.confirm(1, 400);
    assert_eq!((files(folder.path()), spool.cursor(0)), (1, 400));
    for which in 0..2 {
        spool.write_cursor(which).unwrap();
    }
    drop(spool);
    let mut spool = open(folder.path(), 1 << 20);
    assert_eq!((files(folder.path()), spool.head(), spool.cursor(1)), (0, 400, 400));
    add(&mut spool, 1);
    assert_eq!(numbers(&spool, 400), [401]);
}

#[test]
fn a_receiver_that_is_not_there_now_holds_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    add(&mut spool, 10);
    spool.confirm(0, 10);
    spool.write_cursor(0).unwrap();
    drop(spool);
    let spool = Spool::open(folder.path(), &key(), &["a"], 1 << 20).unwrap();
    assert_eq!((spool.closed.len(), spool.head()), (0, 10));
    drop(spool);
    // One that is new begins with what is there.
    assert_eq!(open(folder.path(), 1 << 20).cursor(1), 0);
}

#[test]
fn a_full_spool_keeps_an_eighth_for_what_goes_on_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    let mut count = 0;
    while !spool.is_full() {
        add(&mut spool, 1);
        count += 1;
    }
    let noticed = spool.bytes();
    assert!(((1 << 20) / 8 * 7..1 << 20).contains(&noticed));
    let refused = loop {
        match spool.append(draft) {
            Ok(()) => count += 1,
            Err(e) => break e,
        }
    };
    assert!(matches!(refused, SpoolError::Full) && spool.bytes() < (1 << 20) + 4_096);
    assert_eq!(numbers(&spool, 0).len(), count);
    let part = count as u64 / 8;
    for which in 0..2 {
        spool.confirm(which, part);
    }
    assert!(spool.is_full(), "a quarter must be free");
    for which in 0..2 {
        spool.confirm(which, part * 3);
    }
    assert!(!spool.is_full());
    add(&mut spool, 1);
}

#[test]
fn the_oldest_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    let (mut lost, mut written) = (0, 0);
    for _ in 0..5_000 {
        lost += spool.make_room();
        spool.append(draft).unwrap();
        written += 1;
    }
    assert!(lost > 0 && spool.bytes() <= 1 << 20);
    assert_eq!(numbers(&spool, 0).len() as u64, written - lost);
    // What every receiver had is not lost.
    (0..2).for_each(|which| spool.confirm(which, written));
    for _ in 0..500 {
        assert_eq!(spool.make_room(), 0);
        spool.append(draft).unwrap();
    }
}

#[test]
fn a_disk_that_refuses_loses_nothing_that_was_written_and_takes_the_rest_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    add(&mut spool, 3);
    let path = folder.path().join(format!("{:020}.spool", 1));
    disk::refuses(&path, true);
    assert!(matches!(spool.append(draft), Err(SpoolError::Log(LogError::Io { .. }))));
    assert_eq!(numbers(&spool, 0), [1, 2, 3]);
    disk::refuses(&path, false);
    add(&mut spool, 2);
    assert_eq!(numbers(&spool, 0), [1, 2, 3, 4, 5]);
    drop(spool);
    assert_eq!(numbers(&open(folder.path(), 1 << 20), 0), [1, 2, 3, 4, 5]);
}

#[test]
fn a_torn_end_and_a_flipped_bit_cost_only_what_they_hit() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    add(&mut spool, 20);
    let path = folder.path().join(format!("{:020}.spool", 1));
    drop(spool);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    assert_eq!(numbers(&spool, 0), (1..=19).collect::<Vec<_>>());
    add(&mut spool, 1);
    assert_eq!(numbers(&spool, 0), (1..=20).collect::<Vec<_>>());
    drop(spool);
    let mut bad = whole.clone();
    bad[whole.len() / 2] ^= 1;
    fs::write(&path, bad).unwrap();
    let left = numbers(&open(folder.path(), 1 << 20), 0);
    assert!(left.len() >= 18 && left.ends_with(&[20]), "{left:?}");
}

#[test]
fn a_cursor_that_cannot_be_read_sends_everything_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1 << 20);
    add(&mut spool, 5);
    spool.confirm(0, 5);
    spool.write_cursor(0).unwrap();
    drop(spool);
    for (text, cursor) in [("5", 5), ("", 0), ("x", 0), ("-1", 0)] {
        fs::write(folder.path().join("a.cursor"), text).unwrap();
        assert_eq!(open(folder.path(), 1 << 20).cursor(0), cursor, "{text:?}");
    }
    // Never beyond what there is.
    let mut spool = open(folder.path(), 1 << 20);
    spool.confirm(0, u64::MAX);
    assert_eq!(spool.cursor(0), spool.head());
}

#[test]
fn the_last_event_of_the_business_is_known_after_a_kill_and_after_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let told = || newest(folder.path(), &key());
    let origin = |position, index| Origin { position, index };
    assert_eq!(told(), None);
    let mut spool = open(folder.path(), 1 << 20);
    spool.begins_at(origin(3, u32::MAX)).unwrap();
    assert_eq!(told(), Some(origin(3, u32::MAX)));
    for (position, index) in [(7, 0), (7, 1), (9, 0)] {
        let uid = |sequence, epoch: &str| Draft {
            uid: format!("G.{epoch}.{sequence}.{}", origin(position, index)),
            ..draft(sequence, epoch)
        };
        spool.append(uid).unwrap();
    }
    // Killed: nothing was closed, and others came after it.
    add(&mut spool, 200);
    assert!(spool.closed.len() > 1, "the segment of the business is not the last one");
    drop(spool);
    assert_eq!(told(), Some(origin(9, 0)));
    let mut spool = open(folder.path(), 1 << 20);
    spool.begins_at(origin(100, 0)).unwrap();
    let head = spool.head();
    (0..2).for_each(|which| spool.confirm(which, head));
    assert!(spool.closed.is_empty(), "every receiver has everything");
    drop(spool);
    assert_eq!(told(), Some(origin(9, 0)));
}
