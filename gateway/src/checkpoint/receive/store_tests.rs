use super::*;
use signet_tlog::note::SignerKey;
use zeroize::Zeroizing;

const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z
const DAY_MS: i64 = 86_400_000;

fn signer() -> SignerKey {
    SignerKey::new("bank.example/GW1/evidence", &Zeroizing::new([9; 32])).unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, signer().verifier()).unwrap()
}

/// A signed checkpoint of so many records, whose root is this byte.
fn signed(size: u64, root: u8) -> (Vec<u8>, Head) {
    let origin = signer().verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size, root: [root; 32], extensions: Vec::new() };
    (checkpoint.sign(&signer()).unwrap().into(), Head::of(&checkpoint))
}

fn take(store: &mut Store, size: u64, root: u8, at: UtcMillis, now: Instant) -> Verdict {
    let (note, head) = signed(size, root);
    store.take(&note, head, at, now).unwrap()
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
    assert_eq!(take(&mut store, 7, 1, NOON, now), Verdict::First);
    assert_eq!(take(&mut store, 9, 2, NOON + DAY_MS, now), Verdict::Grown);
    for mut store in [store, open(&folder)] {
        assert_eq!(take(&mut store, 9, 2, NOON, now), Verdict::Same);
        let held = signed(9, 2).1;
        let verdict = |what| Verdict::Contradicts { what, held };
        assert_eq!(take(&mut store, 9, 3, NOON, now), verdict(Contradiction::Fork));
        assert_eq!(take(&mut store, 8, 3, NOON, now), verdict(Contradiction::Rollback));
        assert_eq!(size(&store), Some(9));
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(read("latest.checkpoint"), signed(9, 2).0);
    assert_eq!(read("2026-11-21/00000000000000000007.checkpoint"), signed(7, 1).0);
    assert_eq!(read("2026-11-22/00000000000000000009.checkpoint"), signed(9, 2).0);
}

/// The folder of the day is written first.
#[test]
fn a_stop_between_the_two_files_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let now = Instant::now();
    take(&mut store, 7, 1, NOON, now);
    let before = fs::read(dir.path().join(LATEST)).unwrap();
    take(&mut store, 9, 2, NOON, now);
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
    take(&mut open(dir.path()), 7, 1, NOON, Instant::now());
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
    let keep = |what, size, root| {
        let (note, head) = signed(size, root);
        store.keep_refused(what, &note, &head).unwrap()
    };
    for root in 0..REFUSED_MAX as u8 {
        assert!(keep(Contradiction::Fork, 7, root).is_some());
    }
    assert_eq!(keep(Contradiction::Fork, 7, 200), None);
    let again = keep(Contradiction::Fork, 7, 5).unwrap();
    assert_eq!(fs::read(again).unwrap(), signed(7, 5).0);
    // A flood of one kind leaves room for the other.
    assert!(keep(Contradiction::Rollback, 6, 1).is_some());
    let there = listed(&dir.path().join(REFUSED)).unwrap();
    assert_eq!(there.len(), REFUSED_MAX + 1);
}

#[test]
fn of_checkpoints_that_come_fast_the_newest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, now) = (open(dir.path()), Instant::now());
    let burst = u64::from(HISTORY_BURST);
    for n in 1..=burst + 5 {
        take(&mut store, n, 1, NOON, now);
    }
    assert_eq!(store.kept.len() as u64, burst);
    take(&mut store, burst + 6, 1, NOON, now + HISTORY_REFILL);
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
    take(&mut store, 1, 1, NOON - DAY_MS, Instant::now());
    take(&mut store, 2, 2, NOON, Instant::now());
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
