use super::{
    super::test_logs::{HONEST, leaves, proof},
    *,
};
use signet_tlog::{note::SignerKey, root_of};
use zeroize::Zeroizing;

const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z
const DAY_MS: i64 = 86_400_000;

fn signer() -> SignerKey {
    SignerKey::new("bank.example/GW1/evidence", &Zeroizing::new([9; 32])).unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, signer().verifier()).unwrap()
}

/// A log with other records from 3 on.
const OTHER: u64 = 3;

/// A signed checkpoint of so many records of a log.
fn signed(size: u64, log: u64) -> (Vec<u8>, Head) {
    with_lines(size, log, Vec::new())
}

fn with_lines(size: u64, log: u64, extensions: Vec<String>) -> (Vec<u8>, Head) {
    let origin = signer().verifier().name().to_owned();
    let root = root_of(&leaves(log, size));
    let checkpoint = Checkpoint { origin, size, root, extensions };
    (checkpoint.sign(&signer()).unwrap().into(), Head::of(&checkpoint))
}

/// With the proof of that log from what is held.
fn take(store: &mut Store, size: u64, log: u64, at: UtcMillis, now: Instant) -> Verdict {
    let (note, head) = signed(size, log);
    let old = store.newest().map_or(0, |(h, _)| h.size).min(size);
    let proof = proof(log, old, size);
    store.take(&note, &Offer { head, signed: None, old, proof: &proof }, at, now).unwrap()
}

fn size(store: &Store) -> Option<u64> {
    store.newest().map(|(head, _)| head.size)
}

#[test]
fn what_was_taken_is_there_after_a_restart_and_nothing_replaces_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("GW1");
    let mut store = open(&folder);
    assert_eq!((size(&store), store.is_gone()), (None, false));
    let now = Instant::now();
    assert_eq!(take(&mut store, 7, HONEST, NOON, now), Verdict::First);
    assert_eq!(take(&mut store, 9, HONEST, NOON + DAY_MS, now), Verdict::Grown);
    for mut store in [store, open(&folder)] {
        assert_eq!(take(&mut store, 9, HONEST, NOON, now), Verdict::Same);
        let held = signed(9, HONEST).1;
        let verdict = |what| Verdict::Contradicts { what, held };
        assert_eq!(take(&mut store, 9, OTHER, NOON, now), verdict(Contradiction::Fork));
        assert_eq!(take(&mut store, 8, HONEST, NOON, now), verdict(Contradiction::Rollback));
        assert_eq!(take(&mut store, 12, OTHER, NOON, now), verdict(Contradiction::Inconsistent));
        let (note, head) = signed(12, HONEST);
        let offer = Offer { head, signed: None, old: 0, proof: &[] };
        assert_eq!(store.take(&note, &offer, NOON, now).unwrap(), Verdict::OtherOld(9));
        assert_eq!(size(&store), Some(9));
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(read("latest.checkpoint"), signed(9, HONEST).0);
    assert_eq!(read("2026-11-21/00000000000000000007.checkpoint"), signed(7, HONEST).0);
    assert_eq!(read("2026-11-22/00000000000000000009.checkpoint"), signed(9, HONEST).0);
}

/// The same checkpoint with the time of its signature.
#[test]
fn the_newest_that_was_signed_later_takes_its_place_and_an_earlier_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, now) = (open(dir.path()), Instant::now());
    let sent = |store: &mut Store, minute: i64, at: UtcMillis| {
        let time = NOON + minute * 60_000;
        let lines = vec![format!("time {}", signet_fix::tagvalue::format_utc(time))];
        let (note, head) = with_lines(7, HONEST, lines);
        let old = store.newest().map_or(0, |(h, _)| h.size);
        let offer = Offer { head, signed: Some(time), old, proof: &[] };
        (store.take(&note, &offer, at, now).unwrap(), note)
    };
    assert_eq!(sent(&mut store, 0, NOON).0, Verdict::First);
    let (verdict, later) = sent(&mut store, 10, NOON + 1);
    assert_eq!((verdict, store.newest().unwrap().1), (Verdict::Later, NOON + 1));
    for mut store in [store, open(dir.path())] {
        let came = store.newest().unwrap().1;
        for minute in [0, 10] {
            assert_eq!(sent(&mut store, minute, NOON + 2).0, Verdict::Same, "{minute}");
            assert_eq!(store.newest().unwrap().1, came);
        }
    }
    assert_eq!(fs::read(dir.path().join(LATEST)).unwrap(), later);
    // The folder of the day has what came first.
    assert_eq!(open(dir.path()).kept.len(), 1);
}

/// The folder of the day is written first.
#[test]
fn a_stop_between_the_two_files_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let now = Instant::now();
    take(&mut store, 7, HONEST, NOON, now);
    let before = fs::read(dir.path().join(LATEST)).unwrap();
    take(&mut store, 9, HONEST, NOON, now);
    fs::write(dir.path().join(LATEST), before).unwrap();
    assert_eq!(size(&open(dir.path())), Some(9));
    // Without the newest it is not the beginning either.
    fs::remove_file(dir.path().join(LATEST)).unwrap();
    assert!(store.is_gone());
    assert_eq!(size(&open(dir.path())), Some(9));
}

#[test]
fn a_file_that_is_not_of_the_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    take(&mut open(dir.path()), 7, HONEST, NOON, Instant::now());
    for file in ["2026-11-21/00000000000000000007.checkpoint", LATEST] {
        let path = dir.path().join(file);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[40] ^= 1;
        fs::write(&path, bad).unwrap();
        let e = Store::open(dir.path(), signer().verifier()).unwrap_err();
        assert!(matches!(&e, StoreError::Unusable { path: named, .. } if *named == path), "{e}");
        fs::write(&path, good).unwrap();
    }
    // What is not named like one of ours is not looked at.
    fs::write(dir.path().join("2026-11-21/7.checkpoint"), "x").unwrap();
    fs::write(dir.path().join("2026-11-22"), "x").unwrap();
    fs::create_dir(dir.path().join("+2026-11-22")).unwrap();
    assert_eq!(open(dir.path()).kept.len(), 1);
}

#[test]
fn evidence_is_kept_once_each_and_only_so_much() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let keep = |what, size, log| {
        let (note, head) = signed(size, log);
        store.keep_refused(what, &note, &head).unwrap()
    };
    // Another root each.
    let sizes = 1..=REFUSED_MAX as u64;
    for size in sizes.clone() {
        assert!(keep(Contradiction::Fork, size, HONEST).is_some());
    }
    assert_eq!(keep(Contradiction::Fork, sizes.end() + 1, HONEST), None);
    let again = keep(Contradiction::Fork, 7, HONEST).unwrap();
    assert_eq!(fs::read(again).unwrap(), signed(7, HONEST).0);
    // A flood of one kind leaves room for the others.
    assert!(keep(Contradiction::Rollback, 6, HONEST).is_some());
    assert!(keep(Contradiction::Inconsistent, 6, HONEST).is_some());
    let there = listed(&dir.path().join(REFUSED)).unwrap();
    assert_eq!(there.len(), REFUSED_MAX + 2);
}

#[test]
fn of_checkpoints_that_come_fast_the_newest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, now) = (open(dir.path()), Instant::now());
    let burst = u64::from(HISTORY_BURST);
    for n in 1..=burst + 5 {
        take(&mut store, n, HONEST, NOON, now);
    }
    assert_eq!(store.kept.len() as u64, burst);
    take(&mut store, burst + 6, HONEST, NOON, now + HISTORY_REFILL);
    assert_eq!(store.kept.len() as u64, burst + 1);
    assert_eq!(size(&open(dir.path())), Some(burst + 6));
}

#[test]
fn table_of_what_goes() {
    let days: Vec<Date> = (0..3).map(|n| day(NOON + n * DAY_MS)).collect();
    let kept: BTreeSet<Entry> =
        [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (2, 6)].map(|(d, size)| (days[d], size)).into();
    for (max, want) in [
        (9, &[][..]),
        (6, &[]),
        (5, &[1]),
        (4, &[1, 2]),
        // The last of each day goes only when nothing else is left.
        (3, &[1, 2, 5]),
        (2, &[1, 2, 5, 3]),
        (0, &[1, 2, 5, 3, 4, 6]),
    ] {
        let gone: Vec<u64> = surplus(&kept, max).into_iter().map(|(_, size)| size).collect();
        assert_eq!(gone, want, "{max}");
    }
}

#[test]
fn the_folder_of_a_day_goes_with_its_last_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    take(&mut store, 1, HONEST, NOON - DAY_MS, Instant::now());
    take(&mut store, 2, HONEST, NOON, Instant::now());
    store.shrink(2);
    assert!(dir.path().join("2026-11-20").exists());
    store.shrink(1);
    assert!(!dir.path().join("2026-11-20").exists());
    assert_eq!((store.kept.len(), size(&open(dir.path()))), (1, Some(2)));
}

#[test]
fn table_of_names() {
    for (name, want) in [
        ("00000000000000000007.checkpoint", Some(7)),
        ("18446744073709551615.checkpoint", Some(u64::MAX)),
        ("18446744073709551616.checkpoint", None),
        ("+0000000000000000007.checkpoint", None),
        ("7.checkpoint", None),
        ("00000000000000000007", None),
        ("latest.checkpoint", None),
        ("", None),
    ] {
        assert_eq!(size_of(name), want, "{name}");
    }
}
