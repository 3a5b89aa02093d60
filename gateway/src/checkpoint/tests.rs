use super::{each::standings, thread, verify::verify_against, *};
use crate::signed::{Kept, Party, SignedLog, SignedLogError, TreeHead};
use rustls_pki_types::CertificateDer;
use signet_journal::{SealedLog, StoreKey, disk};
use signet_rfq::UtcMillis;
use signet_tlog::note::SignerKey;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use zeroize::Zeroizing;

const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z
const DAY_MS: i64 = 86_400_000;

fn store() -> StoreKey {
    StoreKey::new([5; 32])
}

fn signer() -> SignerKey {
    SignerKey::new("bank.example/SIGNET/evidence", &Zeroizing::new([9; 32])).unwrap()
}

/// A gateway's state: evidence over three days, the journal, and checkpoints, which a second party
/// has as well.
struct World {
    dir: TempDir,
}

/// What one day of a world is told.
type Day = (Vec<Vec<u8>>, Vec<Vec<u8>>);

fn days() -> Vec<Day> {
    let records = |kind: &str, day: usize| -> Vec<Vec<u8>> {
        (0..4).map(|n| format!("{kind} {day}.{n}").into_bytes()).collect()
    };
    (0..3).map(|d| (records("frame", d), records("input", d))).collect()
}

impl World {
    fn empty() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(world.witness()).unwrap();
        world
    }

    fn new(days: &[Day]) -> Self {
        let world = Self::empty();
        for (n, day) in days.iter().enumerate() {
            world.lives(n, day);
        }
        world
    }

    /// A start of the gateway, a day of it, and its end.
    fn lives(&self, n: usize, (frames, inputs): &Day) {
        let at = NOON + n as i64 * DAY_MS;
        let mut log = SignedLog::open(&self.places().evidence, &store(), at, false).unwrap();
        let made = n == 0;
        let found = reconcile(&self.places(), &store(), signer().verifier(), made, &mut log, at);
        assert_eq!(found.unwrap(), None);
        let (mut journal, _) = SealedLog::open(&self.places().journal, &store()).unwrap();
        for (frame, input) in frames.iter().zip(inputs) {
            let certificate = CertificateDer::from(b"certificate".to_vec());
            let (party, id) = (Party::Desk, "ALICE");
            log.keep(&Kept { at, party, id, certificate: &certificate, frame }).unwrap();
            journal.append(input).unwrap();
            log.journal(at, input).unwrap();
        }
        self.seals(&log, n);
    }

    fn seals(&self, log: &SignedLog, n: usize) {
        thread::first(&signer(), &self.places(), &TreeHead::of(log)).unwrap();
        let copy = self.witness().join(format!("{n}.checkpoint"));
        fs::copy(self.places().checkpoint, copy).unwrap();
    }

    fn places(&self) -> Places {
        Places {
            evidence: self.dir.path().join("signed"),
            journal: self.dir.path().join("rfqs.journal"),
            checkpoint: self.dir.path().join("evidence.checkpoint"),
        }
    }

    fn witness(&self) -> PathBuf {
        self.dir.path().join("witness")
    }

    fn verify_with(&self, witness: &Path) -> Result<Whole, JournalFault> {
        let verifier = signer().verifier().clone();
        let mut all = checkpoints_in(witness, &verifier)?;
        let own = thread::latest(&self.places().checkpoint, &verifier).unwrap();
        all.extend(own.map(|c| (self.places().checkpoint, c)));
        verify_against(&self.places(), &store(), &verifier, &all)
    }

    fn verify(&self) -> Result<Whole, JournalFault> {
        self.verify_with(&self.witness())
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> =
            fs::read_dir(self.places().evidence).unwrap().map(|e| e.unwrap().path()).collect();
        all.sort();
        all
    }

    /// What a start finds.
    fn starts(&self) -> Option<String> {
        let mut log = match SignedLog::open(&self.places().evidence, &store(), NOON, false) {
            Ok(log) => log,
            Err(e) => return Some(e.to_string()),
        };
        let found = reconcile(&self.places(), &store(), signer().verifier(), false, &mut log, NOON);
        found.unwrap().map(|r| r.0)
    }
}

/// Somebody with the store's key changes the records of a file.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let (mut log, read) = SealedLog::open(path, &store()).unwrap();
    let mut records = read.records.iter().map(|r| r.to_vec()).collect();
    change(&mut records);
    log.rewrite(records.iter().map(|r| &r[..])).unwrap();
}

#[test]
fn what_nobody_changed_is_whole_over_restarts() {
    let w = World::new(&days());
    let whole = w.verify().unwrap();
    assert_eq!((whole.checkpoints, whole.journal), (4, 12));
    // Three heads, a certificate in each file, and what was told.
    assert_eq!((whole.size, whole.covered), (30, 30));
    assert_eq!(w.starts(), None);
    assert_eq!(w.verify().unwrap(), whole, "a start changes nothing");
}

#[test]
fn every_changed_byte_and_every_file_that_is_missing_or_swapped_is_found_and_named() {
    let w = World::new(&days());
    let files = w.files();
    for path in files.iter().chain([&w.places().journal]) {
        let whole = fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut bad = whole.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(path, bad).unwrap();
            let e = w.verify().unwrap_err();
            let named = path.file_name().unwrap().to_str().unwrap();
            assert!(e.to_string().contains(named), "{named} at {at}: {e}");
            assert!(e.code().ends_with(".altered"), "{named} at {at}: {}", e.code());
        }
        fs::write(path, whole).unwrap();
    }
    let code = |harm: &dyn Fn(&[PathBuf])| {
        let w = World::new(&days());
        harm(&w.files());
        let e = w.verify().unwrap_err();
        (e.code(), e.to_string())
    };
    let (found, said) = code(&|f| fs::remove_file(&f[1]).unwrap());
    assert_eq!(
        (found, said.as_str()),
        ("signed_log.incomplete", "the evidence: file 2 is missing")
    );
    let (found, said) = code(&|f| fs::remove_file(&f[2]).unwrap());
    assert_eq!(found, "journal.cut", "{said}");
    let (found, said) = code(&|f| {
        let (one, two) = (fs::read(&f[0]).unwrap(), fs::read(&f[1]).unwrap());
        fs::write(&f[0], two).unwrap();
        fs::write(&f[1], one).unwrap();
    });
    assert!(found == "signed_log.incomplete" && said.contains("000001"), "{found} {said}");
    // Half a record, and a whole one, at the end.
    for bytes in [5, 100] {
        let (found, said) = code(&|f| {
            let whole = fs::read(&f[2]).unwrap();
            fs::write(&f[2], &whole[..whole.len() - bytes]).unwrap();
        });
        assert!(found == "journal.cut" && said.contains("after record"), "{found} {said}");
    }
}

/// The machine and all its keys are somebody else's: every file is written again, whole and with a
/// checkpoint of its own. Only the second party can tell.
#[test]
fn a_log_that_was_written_again_is_found_by_what_the_second_party_holds() {
    let honest = World::new(&days());
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Vec<Day>));
    let changes: [Change<'_>; 5] = [
        ("a frame is another one", &|d| d[1].0[2] = b"another".to_vec()),
        ("two are swapped", &|d| d[1].0.swap(1, 2)),
        ("one is missing", &|d| {
            d[1].0.remove(1);
            d[1].1.remove(1);
        }),
        ("an input is another one", &|d| d[1].1[3] = b"another".to_vec()),
        ("the last is cut off", &|d| {
            d[2].0.pop();
            d[2].1.pop();
        }),
    ];
    for (what, change) in changes {
        let mut told = days();
        change(&mut told);
        let forged = World::new(&told);
        assert!(forged.verify().is_ok(), "{what}: it is whole in itself");
        let e = forged.verify_with(&honest.witness()).unwrap_err();
        let want = if what.contains("cut") { "journal.cut" } else { "journal.rewritten" };
        assert_eq!(e.code(), want, "{what}: {e}");
        if want == "journal.rewritten" {
            // What the checkpoint of the first day covers is the same; the change is in the second.
            assert!(e.to_string().contains("000002-20261122"), "{what}: {e}");
        }
    }
}

/// What nobody else vouches for may lack its end, and that is said.
#[test]
fn what_is_whole_says_what_a_second_party_vouches_for() {
    let w = World::new(&days());
    let whole = w.verify().unwrap();
    let size = whole.size;
    for (newest, vouched) in
        [(None, None), (Some(0), None), (Some(1), Some(1)), (Some(size), Some(size))]
    {
        let whole = whole.clone().vouched_by(newest);
        assert_eq!(whole.vouched, vouched, "{newest:?}");
        let over = vouched.map(|n| format!("over the first {n} of {size} records;"));
        let words = whole.to_string();
        let want = over.as_deref().unwrap_or("No checkpoint of a second party");
        assert!(words.contains(want), "{newest:?}: {words}");
        assert!(words.contains("cut off") && words.contains("would not be seen"), "{words}");
    }
    // What it was over is in an archive: it was compared with nothing.
    fs::remove_file(&w.files()[0]).unwrap();
    assert_eq!(w.verify().unwrap().vouched_by(Some(1)).vouched, None);
}

#[test]
fn each_checkpoint_of_a_second_party_is_judged_by_itself() {
    use super::Standing::{Differs, Leads, Longer, Older};
    let judged = |witness: &World, evidence: &World| -> Vec<Standing> {
        let all = checkpoints_in(&witness.witness(), signer().verifier()).unwrap();
        let each = standings(&evidence.places().evidence, &store(), all).unwrap();
        assert!(each.is_sorted_by_key(|e| e.size));
        each.iter().map(|e| e.standing).collect()
    };
    let w = World::new(&days());
    assert_eq!(judged(&w, &w), [Leads; 3]);
    let mut told = days();
    told[1].0[2] = b"another".to_vec();
    // The first day is the same in both.
    assert_eq!(judged(&w, &World::new(&told)), [Leads, Differs, Differs]);
    rewrite(&w.files()[2], |r| r.truncate(3));
    assert_eq!(judged(&w, &w), [Leads, Leads, Longer]);
    fs::remove_file(&w.files()[0]).unwrap();
    assert_eq!(judged(&w, &w), [Older, Leads, Longer]);
}

#[test]
fn every_difference_of_the_journal_from_the_evidence_is_named() {
    type Change<'a> = (&'a dyn Fn(&mut Vec<Vec<u8>>), &'a str);
    let changes: [Change<'_>; 6] = [
        (&|r| r[7] = b"another".to_vec(), "record 7 is not as it was written"),
        (&|r| drop(r.remove(3)), "record 3 is missing"),
        (&|r| r.swap(4, 5), "records 4 and 5 are swapped"),
        (&|r| r.truncate(9), "the end was cut off: record 9 is missing"),
        (&|r| r.clear(), "the end was cut off: record 0 is missing"),
        (&|r| r.extend([b"a".to_vec(), b"b".to_vec()]), "record 12 was not written by a gateway"),
    ];
    for (change, want) in changes {
        let w = World::new(&days());
        rewrite(&w.places().journal, change);
        let e = w.verify().unwrap_err();
        assert!(e.to_string().ends_with(want) && e.code() == "journal.altered", "{want}: {e}");
        // A start finds it too, and again, since it changes nothing.
        for _ in 0..2 {
            assert!(w.starts().is_some_and(|why| why.contains("rfqs.journal")), "{want}");
        }
    }
}

#[test]
fn a_rewrite_of_the_journal_is_announced_and_what_follows_it_is_checked() {
    let left = |records: &[Vec<u8>]| -> Vec<Vec<u8>> { records[9..].to_vec() };
    let all: Vec<Vec<u8>> = days().into_iter().flat_map(|d| d.1).collect();
    let announce = |w: &World| {
        let mut log = SignedLog::open(&w.places().evidence, &store(), NOON, false).unwrap();
        let now = crate::signed::Totalled::of(left(&all).iter().map(|r| &r[..]));
        log.journal_is(NOON, now).unwrap();
        log
    };
    // The gateway stopped before it was done.
    let w = World::new(&days());
    drop(announce(&w));
    assert!(w.verify().is_ok());
    assert_eq!(w.starts(), None);
    assert!(w.verify().is_ok());
    // It was done, and a record came after it.
    let w = World::new(&days());
    let mut log = announce(&w);
    rewrite(&w.places().journal, |r| *r = left(&all));
    assert!(w.verify().is_ok());
    rewrite(&w.places().journal, |r| r.push(b"next".to_vec()));
    log.journal(NOON, b"next").unwrap();
    assert!(w.verify().is_ok());
    drop(log);
    assert_eq!(w.starts(), None);
    rewrite(&w.places().journal, |r| r[1] = b"another".to_vec());
    let e = w.verify().unwrap_err().to_string();
    assert!(e.ends_with("one of the first 3 records is not as it was written"), "{e}");
    assert!(w.starts().is_some());
}

/// The disk was full: a rewrite of the journal was announced and failed, and records follow.
#[test]
fn a_rewrite_of_the_journal_that_failed_is_taken_back() {
    let all: Vec<Vec<u8>> = days().into_iter().flat_map(|d| d.1).collect();
    let left = crate::signed::Totalled::of(all[9..].iter().map(|r| &r[..]));
    let announced = |w: &World| {
        let mut log = SignedLog::open(&w.places().evidence, &store(), NOON, false).unwrap();
        log.journal_is(NOON, left).unwrap();
        log
    };
    let takes = |w: &World| rewrite(&w.places().journal, |r| r.push(b"next".to_vec()));
    for said in [true, false] {
        let w = World::new(&days());
        let mut log = announced(&w);
        let file = w.files().pop().unwrap();
        disk::refuses(&file, !said);
        assert_eq!(log.journal_stays(NOON).is_ok(), said);
        disk::refuses(&file, false);
        takes(&w);
        log.journal(NOON, b"next").unwrap();
        drop(log);
        assert!(w.verify().is_ok(), "{said}");
        assert_eq!(w.starts(), None, "{said}");
    }
    // The gateway stopped before the evidence could be written again.
    let w = World::new(&days());
    drop(announced(&w));
    takes(&w);
    assert!(w.verify().is_ok());
    assert_eq!(w.starts(), None);
    assert_eq!(w.verify().unwrap().journal, 13);
    // Where none was announced there is nothing to take back.
    let w = World::new(&days());
    let mut log = SignedLog::open(&w.places().evidence, &store(), NOON, false).unwrap();
    let size = log.size();
    log.journal_stays(NOON).unwrap();
    assert_eq!(log.size(), size);
}

#[test]
fn a_stop_between_journal_and_evidence_is_made_good_at_the_start() {
    let w = World::new(&days());
    rewrite(&w.places().journal, |r| r.push(b"in flight".to_vec()));
    assert!(w.verify().is_ok());
    assert_eq!(w.starts(), None);
    let whole = w.verify().unwrap();
    assert_eq!((whole.size, whole.journal), (31, 13));
    rewrite(&w.places().journal, |r| drop(r.pop()));
    assert!(w.verify().is_err(), "from now on it is in the evidence");
}

#[test]
fn a_start_finds_evidence_that_does_not_lead_to_the_last_checkpoint() {
    let cut = |n: usize| {
        let w = World::new(&days());
        rewrite(&w.files()[2], |r| r.truncate(n));
        // The journal with it, or that would be found.
        rewrite(&w.places().journal, |r| r.truncate(8));
        w
    };
    for n in [2, 5] {
        let w = cut(n);
        for _ in 0..2 {
            let why = w.starts().unwrap();
            assert!(why.contains("cut off") && why.contains("30"), "{why}");
        }
    }
    let mut told = days();
    told[2].0[0] = b"another".to_vec();
    let (honest, forged) = (World::new(&days()), World::new(&told));
    fs::copy(honest.places().checkpoint, forged.places().checkpoint).unwrap();
    assert!(forged.starts().unwrap().contains("rewritten"));
    // The checkpoint is of a file before the last one.
    fs::copy(honest.witness().join("1.checkpoint"), forged.places().checkpoint).unwrap();
    assert_eq!(forged.starts(), None);
    told[1].0[0] = b"another".to_vec();
    let forged = World::new(&told);
    fs::copy(honest.witness().join("1.checkpoint"), forged.places().checkpoint).unwrap();
    assert!(forged.starts().unwrap().contains("rewritten"));
    fs::remove_file(forged.places().checkpoint).unwrap();
    assert!(forged.starts().unwrap().contains("missing"));
    fs::write(forged.places().checkpoint, "not a note").unwrap();
    assert!(forged.starts().unwrap().contains("not a signed note"));
}

#[test]
fn quotes_beyond_a_dealers_day_are_counted_and_the_journal_still_fits() {
    let w = World::new(&days());
    let mut log = SignedLog::open(&w.places().evidence, &store(), NOON, false).unwrap();
    rewrite(&w.places().journal, |r| {
        r.extend([b"q1".to_vec(), b"q2".to_vec(), b"accept".to_vec()]);
    });
    log.journal_unwritten(b"q1");
    log.journal_unwritten(b"q2");
    log.journal(NOON, b"accept").unwrap();
    assert!(w.verify().is_ok());
    // Over the end of a file, too.
    rewrite(&w.places().journal, |r| r.extend([b"q3".to_vec(), b"later".to_vec()]));
    log.journal_unwritten(b"q3");
    log.journal(NOON + 9 * DAY_MS, b"later").unwrap();
    drop(log);
    assert!(w.verify().is_ok());
    assert_eq!(w.starts(), None);
}

/// Files of Signet before the tree: the chain goes on, and the tree begins with the next file.
#[test]
fn evidence_of_the_earlier_format_is_covered_by_the_first_leaf() {
    let w = World::empty();
    let folder = w.places().evidence;
    fs::create_dir(&folder).unwrap();
    let old = folder.join("000001-20261121.signed");
    let (mut log, _) = SealedLog::open(&old, &store()).unwrap();
    log.append(&[&b"H"[..], &[0; 32]].concat()).unwrap();
    log.append(b"Cold certificate").unwrap();
    drop(log);
    let (mut journal, _) = SealedLog::open(&w.places().journal, &store()).unwrap();
    journal.append(b"of before").unwrap();
    drop(journal);
    w.lives(0, &days()[0]);
    let whole = w.verify().unwrap();
    assert_eq!((whole.size, whole.journal), (11, 5));
    rewrite(&old, |r| r[1] = b"Cnew certificate".to_vec());
    let e = w.verify().unwrap_err();
    assert!(matches!(&e, JournalFault::Evidence(SignedLogError::OutOfChain(_))), "{e}");
}
