use super::*;
use crate::format::{self, HEAD_LEN};
use proptest::prelude::*;

#[test]
fn a_file_is_read_while_another_process_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    log.append(b"one").unwrap();
    log.append(b"two").unwrap();
    let records = |r: Recovered| r.records.iter().map(|r| r.to_vec()).collect::<Vec<_>>();
    assert_eq!(records(SealedLog::read(&path, &key(1)).unwrap()), [b"one", b"two"]);
    // A record of which half is there yet is left alone.
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let torn = SealedLog::read(&path, &key(1)).unwrap();
    assert_eq!((torn.records.len(), torn.torn_bytes > 0), (1, true));
    assert_eq!(fs::read(&path).unwrap().len(), whole.len() - 1);
    assert!(matches!(SealedLog::read(&path, &key(2)), Err(LogError::WrongKey(_))));
    assert!(matches!(SealedLog::read(&dir.path().join("none"), &key(1)), Err(LogError::Io { .. })));
}

fn key(n: u8) -> StoreKey {
    StoreKey::new([n; 32])
}

fn written(records: &[&[u8]]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    for r in records {
        log.append(r).unwrap();
    }
    (dir, path)
}

fn contents(path: &Path) -> Vec<Vec<u8>> {
    let (_, r) = SealedLog::open(path, &key(1)).unwrap();
    r.records.iter().map(|r| r.to_vec()).collect()
}

#[test]
fn what_was_appended_is_read_back_and_not_seen_on_disk() {
    let (_d, path) = written(&[b"8=FIX.4.4 secret price 99.125", b"", b"three"]);
    assert_eq!(contents(&path), [&b"8=FIX.4.4 secret price 99.125"[..], b"", b"three"]);
    let raw = fs::read(&path).unwrap();
    assert!(!raw.windows(6).any(|w| w == b"secret" || w == b"99.125"));
}

#[cfg(unix)]
#[test]
fn the_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_d, path) = written(&[b"x"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_torn_last_record_is_cut_and_writing_goes_on() {
    let (_d, path) = written(&[b"one", b"two"]);
    let whole = fs::read(&path).unwrap();
    for cut in 1..(HEAD_LEN + 3 + TAG_LEN) {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (mut log, r) = SealedLog::open(&path, &key(1)).unwrap();
        assert_eq!(r.records.len(), 1, "cut {cut}");
        assert_eq!(r.torn_bytes as usize, HEAD_LEN + 3 + TAG_LEN - cut);
        log.append(b"three").unwrap();
        drop(log);
        assert_eq!(contents(&path), [&b"one"[..], b"three"]);
    }
}

/// Every bit of every byte, the lengths and the header included.
#[test]
fn no_changed_bit_is_taken_for_a_torn_tail() {
    let (_d, path) = written(&[b"one", b"", b"three"]);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bad = whole.clone();
            bad[at] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            let opened = SealedLog::open(&path, &key(1)).map(|(_, r)| r.torn_bytes);
            assert!(
                opened.as_ref().is_err_and(LogError::is_damage),
                "byte {at} bit {bit}: {opened:?}"
            );
            assert!(SealedLog::read(&path, &key(1)).is_err(), "byte {at} bit {bit}");
            assert_eq!(fs::read(&path).unwrap(), bad, "a refused file stays as it is");
        }
    }
}

/// A file system may lengthen a file and lose what was to be written there in a power cut.
#[test]
fn zeros_after_the_last_record_are_a_torn_tail() {
    let (_d, path) = written(&[b"one", b"two"]);
    let whole = fs::read(&path).unwrap();
    let last = whole.len() - (HEAD_LEN + 3 + TAG_LEN);
    for zeros in [1, HEAD_LEN - 1, HEAD_LEN, 4_096] {
        fs::write(&path, [&whole[..], &vec![0; zeros]].concat()).unwrap();
        let (_, r) = SealedLog::open(&path, &key(1)).unwrap();
        assert_eq!((r.records.len(), r.torn_bytes), (2, zeros as u64));
    }
    // The last record begun, the rest of it and of the block zeros.
    for written in 1..HEAD_LEN + 3 {
        for more in [0, 1_000] {
            let mut torn = whole.clone();
            torn[last + written..].fill(0);
            torn.resize(torn.len() + more, 0);
            fs::write(&path, &torn).unwrap();
            let (_, r) =
                SealedLog::open(&path, &key(1)).unwrap_or_else(|e| panic!("{written}: {e}"));
            assert_eq!((r.records.len(), r.torn_bytes), (1, (torn.len() - last) as u64));
        }
    }
}

/// The sealed bytes of the second record, of the same text, in files that share their beginning.
#[test]
fn no_nonce_is_used_twice_under_one_key() {
    let (_d, path) = written(&[b"one", b"secret A"]);
    let first = fs::read(&path).unwrap();
    let second_at = HEADER_LEN + HEAD_LEN + 3 + TAG_LEN;
    let nonce = |file: &[u8]| file[second_at + 4..second_at + 16].to_vec();
    let mut seen = vec![nonce(&first)];
    // A torn tail, and a backup brought back: both write a second record again.
    for before in [&first[..first.len() - 1], &first[..second_at]] {
        fs::write(&path, before).unwrap();
        let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
        log.append(b"secret B").unwrap();
        seen.push(nonce(&fs::read(&path).unwrap()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_failed_append_leaves_a_file_that_can_be_read_and_written() {
    let (_d, path) = written(&[b"one"]);
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    // Writing to a read-only handle fails as a full disk does, and so does taking it back.
    let good = std::mem::replace(&mut log.file, File::open(&path).unwrap());
    assert!(matches!(log.append(b"lost"), Err(LogError::Io { .. })));
    assert!(matches!(log.append(b"lost"), Err(LogError::Io { .. })), "unclean: refused");
    // What a disk that fills up in mid-record leaves.
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([7; 20]);
    fs::write(&path, bytes).unwrap();
    log.file = good;
    log.append(b"two").unwrap();
    drop(log);
    assert_eq!(contents(&path), [&b"one"[..], b"two"]);
}

#[test]
fn salvage_keeps_what_authenticates_and_the_damaged_file() {
    let (_d, path) = written(&[b"one", b"two", b"three"]);
    let whole = fs::read(&path).unwrap();
    let second = HEADER_LEN + HEAD_LEN + 3 + TAG_LEN;
    // What is changed, where, what is kept and lost, whether the rest is unreadable.
    type Case = (&'static str, usize, &'static [&'static [u8]], &'static [u64], bool);
    let cases: [Case; 4] = [
        ("body", second + HEAD_LEN, &[b"one", b"three"], &[1], false),
        ("length", second, &[b"one"], &[1], true),
        ("tag", second + HEAD_LEN + 3, &[b"one"], &[1, 2], false),
        ("header", 9, &[], &[0], true),
    ];
    for (what, at, kept, lost, rest) in cases {
        let mut bad = whole.clone();
        bad[at] ^= 4;
        fs::write(&path, &bad).unwrap();
        let (s, r) = SealedLog::salvage(&path, &key(1)).unwrap();
        assert_eq!(
            (s.kept as usize, &s.lost[..], s.rest_unreadable),
            (kept.len(), lost, rest),
            "{what}"
        );
        assert_eq!(r.records.len(), kept.len(), "{what}");
        assert_eq!(fs::read(&s.kept_aside).unwrap(), bad, "{what}");
        assert_eq!(contents(&path), kept, "{what}");
    }
    assert!(matches!(
        SealedLog::salvage(&path.with_extension("none"), &key(1)),
        Err(LogError::Io { .. })
    ));
}

/// `tests/fixtures/format-1.log` was written by Signet 0.1 (commit c07a2fe), key [1; 32].
#[test]
fn a_file_of_format_1_is_read_and_replaced() {
    const FORMAT_1: &[u8] = include_bytes!("../tests/fixtures/format-1.log");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (one, three) = (&b"8=FIX.4.4 one"[..], &b"three"[..]);
    fs::write(&path, FORMAT_1).unwrap();
    let read = SealedLog::read(&path, &key(1)).unwrap();
    assert_eq!(read.records.iter().map(|r| &r[..]).collect::<Vec<_>>(), [one, b"", three]);
    let (mut log, r) = SealedLog::open(&path, &key(1)).unwrap();
    assert_eq!((r.records.len(), r.torn_bytes, r.kept_aside), (3, 0, None));
    log.append(b"four").unwrap();
    drop(log);
    assert!(fs::read(&path).unwrap().starts_with(format::MAGIC_2));
    assert_eq!(contents(&path), [one, b"", three, b"four"]);

    // What looks torn in format 1 may be a damaged length: it is kept.
    let mut damaged = FORMAT_1.to_vec();
    damaged[HEADER_1_LEN + 1] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let (_, r) = SealedLog::open(&path, &key(1)).unwrap();
    assert_eq!(r.records.len(), 0);
    assert_eq!(fs::read(r.kept_aside.unwrap()).unwrap(), &damaged[HEADER_1_LEN..]);

    let mut changed = FORMAT_1.to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::Tampered { index: 2, .. })));
    let (s, _) = SealedLog::salvage(&path, &key(1)).unwrap();
    assert_eq!((s.kept, &s.lost[..]), (2, &[2][..]));
    assert_eq!(contents(&path), [one, b""]);
}

#[test]
fn files_of_one_name_with_two_endings_do_not_share_a_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("X.keys"), dir.path().join("X.evidence"));
    let (mut a, mut b) =
        (SealedLog::open(&a, &key(1)).unwrap().0, SealedLog::open(&b, &key(1)).unwrap().0);
    a.rewrite([&b"a"[..]]).unwrap();
    b.rewrite([&b"b"[..]]).unwrap();
    a.append(b"a").unwrap();
    assert_ne!(beside(a.path(), "new"), beside(b.path(), "new"));
}

#[test]
fn records_cannot_be_swapped_dropped_or_brought_from_elsewhere() {
    let (_d, path) = written(&[b"aaa", b"bbb", b"ccc"]);
    let whole = fs::read(&path).unwrap();
    let (h, n) = (HEADER_LEN, HEAD_LEN + 3 + TAG_LEN);
    let rec = |i: usize| whole[h + i * n..h + (i + 1) * n].to_vec();
    let swapped = [whole[..h].to_vec(), rec(1), rec(0), rec(2)].concat();
    let dropped = [whole[..h].to_vec(), rec(0), rec(2)].concat();
    let (_d2, other) = written(&[b"aaa"]);
    let foreign = [whole[..h].to_vec(), fs::read(&other).unwrap()[h..].to_vec()].concat();
    for (what, bytes) in [("swapped", swapped), ("dropped", dropped), ("foreign", foreign)] {
        fs::write(&path, bytes).unwrap();
        assert!(
            matches!(SealedLog::open(&path, &key(1)), Err(LogError::Tampered { .. })),
            "{what}"
        );
    }
}

#[test]
fn wrong_key_wrong_file_and_a_second_process_are_told_apart() {
    let (dir, path) = written(&[b"x"]);
    assert!(matches!(SealedLog::open(&path, &key(2)), Err(LogError::WrongKey(_))));
    let text = dir.path().join("text");
    fs::write(&text, "a text file that is longer than a header").unwrap();
    assert!(matches!(SealedLog::open(&text, &key(1)), Err(LogError::NotALog(_))));
    let _open = SealedLog::open(&path, &key(1)).unwrap();
    assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::InUse(_))));
    // Whoever only reads is not kept away, on Windows neither.
    assert_eq!(SealedLog::read(&path, &key(1)).unwrap().records.len(), 1);
}

#[test]
fn rewriting_keeps_only_what_is_given_and_the_lock() {
    let (_d, path) = written(&[b"one", b"two"]);
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    log.rewrite([&b"two"[..]]).unwrap();
    log.append(b"three").unwrap();
    assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::InUse(_))));
    drop(log);
    assert_eq!(contents(&path), [&b"two"[..], b"three"]);
}

/// It waits for the lock of the old file, which is free when the new one is in its place.
#[test]
fn a_second_process_that_waits_while_the_file_is_rewritten_does_not_get_the_old_one() {
    let (_d, path) = written(&[b"one", b"two"]);
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    std::thread::scope(|s| {
        let second = s.spawn(|| SealedLog::open(&path, &key(1)).map(|_| ()));
        std::thread::sleep(std::time::Duration::from_millis(50));
        log.rewrite([&b"two"[..]]).unwrap();
        assert!(matches!(second.join().unwrap(), Err(LogError::InUse(_))));
    });
    drop(log);
    assert_eq!(contents(&path), [&b"two"[..]]);
}

/// As on Windows, where a scanner of viruses may hold a file in that moment.
#[test]
fn nothing_is_written_while_a_file_could_neither_be_replaced_nor_opened_again() {
    let (_d, path) = written(&[b"one"]);
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    let new = beside(&path, "new");
    log.file = File::create(&new).unwrap();
    log.closed = true;
    let (other, _) = SealedLog::open(&path, &key(1)).unwrap();
    assert!(matches!(log.append(b"two"), Err(LogError::InUse(_))));
    assert!(matches!(log.sync(), Err(LogError::Io { .. })));
    assert!(matches!(log.rewrite([&b"two"[..]]), Err(LogError::InUse(_))));
    drop(other);
    log.append(b"two").unwrap();
    log.sync().unwrap();
    drop(log);
    assert_eq!(contents(&path), [&b"one"[..], b"two"]);
    assert_eq!(fs::metadata(&new).unwrap().len(), 0);
}

#[test]
fn what_may_be_a_header_that_was_never_written_is_a_new_file() {
    let (_d, path) = written(&[]);
    for length in [0, 1, 23, 24, 39, HEADER_LEN] {
        fs::write(&path, vec![0; length]).unwrap();
        assert!(SealedLog::read(&path, &key(1)).unwrap().records.is_empty(), "{length}");
        assert!(crate::LogReader::open(&path, &key(1)).unwrap().is_none(), "{length}");
        let (mut log, r) = SealedLog::open(&path, &key(1)).unwrap();
        assert!(r.records.is_empty(), "{length}");
        log.append(b"one").unwrap();
        drop(log);
        assert_eq!(contents(&path), [&b"one"[..]], "{length}");
    }
    // Longer than a header, it may have held records.
    fs::write(&path, [0; HEADER_LEN + 1]).unwrap();
    assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::NotALog(_))));
    assert!(matches!(SealedLog::read(&path, &key(1)), Err(LogError::NotALog(_))));
    assert!(matches!(crate::LogReader::open(&path, &key(1)), Err(LogError::NotALog(_))));
}

#[test]
fn an_overlong_record_is_refused() {
    let (_d, path) = written(&[]);
    let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
    let long = vec![0; MAX_RECORD_LEN + 1];
    assert!(matches!(log.append(&long), Err(LogError::RecordTooLong(_))));
    assert!(log.append(&long[1..]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_after_the_header_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_d, path) = written(&[b"one"]);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(tail);
        fs::write(&path, bytes).unwrap();
        let _ = SealedLog::open(&path, &key(1));
    }
}
