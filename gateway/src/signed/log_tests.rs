use super::*;
use crate::{
    clock::UtcMicros,
    signed::{
        read::{GOOD, SignedLine, Totals, Verified, Wanted, each, verify_export},
        signing,
    },
};
use proptest::prelude::*;
use signet_devca::{DevPki, Order};
use signet_fix::{signature::every, tagvalue::seal};
use signet_identity::MessageKey;

const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z
const DAY_MS: i64 = 86_400_000;

struct Sender {
    id: &'static str,
    party: Party,
    key: MessageKey,
    certificate: CertificateDer<'static>,
}

impl Sender {
    fn new(pki: &DevPki, id: &'static str, party: Party) -> Self {
        let order = if party == Party::Desk { Order::desk(id) } else { Order::dealer(id) };
        let certified = pki.issue(&order).unwrap().certified_key().unwrap();
        Self {
            id,
            party,
            key: MessageKey::of(&certified).unwrap(),
            certificate: certified.cert[0].clone(),
        }
    }

    fn frame(&self, body: &str) -> Vec<u8> {
        let text = format!("35=R|34=2|49={}|52=20261121-12:00:00.000|56=SIGNET|{body}", self.id)
            .replace('|', "\u{1}");
        signet_fix::signature::sign(
            &seal("FIX.4.4", text.as_bytes()),
            &*signing(&self.key, every).signer,
        )
        .unwrap()
    }

    fn kept<'a>(&'a self, at: UtcMillis, frame: &'a [u8]) -> Kept<'a> {
        Kept { at, party: self.party, id: self.id, certificate: &self.certificate, frame }
    }
}

fn pki() -> DevPki {
    DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap()
}

fn key() -> StoreKey {
    StoreKey::new([5; 32])
}

fn read(folder: &Path, wanted: &Wanted) -> Result<(Vec<SignedLine>, Totals), SignedLogError> {
    let mut lines = vec![];
    let totals = each(folder, &key(), wanted, |l| {
        lines.push(l.clone());
        Ok::<_, SignedLogError>(())
    })?;
    Ok((lines, totals))
}

fn names(folder: &Path) -> Vec<String> {
    let name = |p: PathBuf| p.file_name().unwrap().to_str().unwrap().to_owned();
    files(folder).unwrap().into_iter().map(|(_, p)| name(p)).collect()
}

#[test]
fn what_is_kept_is_read_again_over_restarts_days_and_full_files() {
    let (dir, pki) = (tempfile::tempdir().unwrap(), pki());
    let (alice, north) =
        (Sender::new(&pki, "ALICE", Party::Desk), Sender::new(&pki, "NORTHBANK", Party::Dealer));
    let folder = dir.path().join("signed");
    let open = |now| SignedLog::open_with(&folder, &key(), now, false, 4_000).unwrap();
    let mut log = open(NOON);
    let first = alice.frame("131=R1|");
    log.keep(&alice.kept(NOON, &first)).unwrap();
    // The next day, and a restart in the middle of it.
    let tomorrow = NOON + DAY_MS;
    log.keep(&north.kept(tomorrow, &north.frame("131=ALICE.R1|"))).unwrap();
    drop(log);
    let mut log = open(tomorrow + 1);
    for n in 0..10 {
        log.keep(&alice.kept(tomorrow + 2 + n, &alice.frame(&format!("11=R{n}:1|")))).unwrap();
    }
    // A clock that is set back begins no file of an earlier day.
    log.keep(&alice.kept(NOON, &first)).unwrap();
    drop(log);
    let files = names(&folder);
    assert_eq!(files[..2], ["000001-20261121.signed", "000002-20261122.signed"]);
    assert!(
        files.len() >= 3 && files[2..].iter().all(|f| f.ends_with("-20261122.signed")),
        "{files:?}"
    );

    let (all, totals) = read(&folder, &Wanted::default()).unwrap();
    assert_eq!((all.len(), totals.records, totals.shown, totals.bad), (13, 13, 13, 0));
    assert!(
        all.iter().all(|l| l.verified == GOOD && l.v == 1)
            && all.windows(2).all(|w| w[1].seq == w[0].seq + 1)
    );
    assert!(all[0].text.contains("\u{2401}131=R1\u{2401}") && all[0].serial.len() > 8);
    let count = |w: Wanted| read(&folder, &w).unwrap().1.shown;
    assert_eq!(count(Wanted { from: Some(tomorrow), ..Wanted::default() }), 11);
    assert_eq!(count(Wanted { to: Some(tomorrow), ..Wanted::default() }), 2);
    assert_eq!(count(Wanted { sender: Some("NORTHBANK".into()), ..Wanted::default() }), 1);
    // The request twice, the dealer's under the gateway's name for it, and an accept.
    assert_eq!(count(Wanted { rfq: Some("R1".into()), ..Wanted::default() }), 4);
    assert_eq!(count(Wanted { rfq: Some("R".into()), ..Wanted::default() }), 0);
    for (msg_type, n) in [("R", 13), ("AJ", 0), ("35=R", 0)] {
        assert_eq!(count(Wanted { msg_type: Some(msg_type.into()), ..Wanted::default() }), n);
    }
    drop(open(tomorrow));
    assert_eq!(read(&folder, &Wanted::default()).unwrap().1, totals, "opening it changes nothing");
}

#[test]
fn a_file_that_is_missing_changed_or_in_anothers_place_is_found() {
    let pki = pki();
    let alice = Sender::new(&pki, "ALICE", Party::Desk);
    let made = || {
        let dir = tempfile::tempdir().unwrap();
        for day in 0..4 {
            let mut log = SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
            log.keep(&alice.kept(NOON + day * DAY_MS, &alice.frame(&format!("131=R{day}|"))))
                .unwrap();
        }
        dir
    };
    let path = |d: &tempfile::TempDir, n: usize| files(d.path()).unwrap()[n].1.clone();
    type Harm<'a> = (&'a str, &'a dyn Fn(&tempfile::TempDir), &'a str);
    let harms: [Harm<'_>; 4] = [
        ("one is deleted", &|d| fs::remove_file(path(d, 1)).unwrap(), "signed_log.incomplete"),
        (
            "two changed places",
            &|d| {
                let (a, b) = (path(d, 1), path(d, 2));
                fs::rename(&a, d.path().join("x")).unwrap();
                fs::rename(&b, &a).unwrap();
                fs::rename(d.path().join("x"), &b).unwrap();
            },
            "signed_log.incomplete",
        ),
        (
            "a byte was changed",
            &|d| {
                let mut bytes = fs::read(path(d, 1)).unwrap();
                let n = bytes.len() - 20;
                bytes[n] ^= 1;
                fs::write(path(d, 1), bytes).unwrap();
            },
            "signed_log.altered",
        ),
        (
            "the end of one was cut off",
            &|d| {
                let records = SealedLog::read(&path(d, 1), &key()).unwrap().records;
                let mut short = SealedLog::open(&path(d, 1), &key()).unwrap().0;
                short.rewrite(records[..records.len() - 1].iter().map(|r| &r[..])).unwrap();
            },
            "signed_log.incomplete",
        ),
    ];
    for (what, harm, code) in harms {
        let dir = made();
        assert_eq!(read(dir.path(), &Wanted::default()).unwrap().1.records, 4);
        harm(&dir);
        let e = read(dir.path(), &Wanted::default()).unwrap_err();
        assert_eq!(e.code(), code, "{what}: {e}");
        assert!(!e.cure().is_empty());
    }
    // The gateway itself looks at the place where it goes on.
    let dir = made();
    harms[3].1(&dir);
    fs::remove_file(path(&dir, 3)).unwrap();
    fs::remove_file(path(&dir, 0)).unwrap();
    let e = SignedLog::open(dir.path(), &key(), NOON, false).unwrap_err();
    assert_eq!(e.code(), "signed_log.incomplete", "{e}");
    // Older files in an archive are no fault.
    let dir = made();
    fs::remove_file(path(&dir, 0)).unwrap();
    SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
    assert_eq!(read(dir.path(), &Wanted::default()).unwrap().1.records, 3);
}

#[test]
fn what_does_not_prove_what_it_should_is_said() {
    let (dir, pki) = (tempfile::tempdir().unwrap(), pki());
    let (alice, bob) =
        (Sender::new(&pki, "ALICE", Party::Desk), Sender::new(&pki, "BOB", Party::Desk));
    let north = Sender::new(&pki, "NORTHBANK", Party::Dealer);
    let good = alice.frame("131=R1|");
    let changed = String::from_utf8(good.clone()).unwrap().replace("131=R1", "131=R2").into_bytes();
    let mut log = SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
    for (k, want) in [
        (alice.kept(NOON, &good), GOOD),
        (alice.kept(NOON, &changed), "does not fit"),
        (Kept { certificate: &bob.certificate, ..alice.kept(NOON, &good) }, "somebody else's"),
        (Kept { party: Party::Dealer, ..alice.kept(NOON, &good) }, "somebody else's"),
        (bob.kept(NOON, &good), "does not fit"),
        (north.kept(NOON, b"8=FIX"), "no signature"),
    ] {
        log.keep(&k).unwrap();
        let (lines, _) = read(dir.path(), &Wanted::default()).unwrap();
        let last = lines.last().unwrap();
        assert!(last.verified.contains(want), "{} is not {want}", last.verified);
    }
    assert_eq!(read(dir.path(), &Wanted::default()).unwrap().1.bad, 5);
}

#[test]
fn an_export_stands_by_itself_and_no_change_to_it_stays_unseen() {
    let (dir, pki) = (tempfile::tempdir().unwrap(), pki());
    let alice = Sender::new(&pki, "ALICE", Party::Desk);
    let mut log = SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
    for n in 0..3 {
        log.keep(&alice.kept(NOON + n, &alice.frame(&format!("131=R{n}|")))).unwrap();
    }
    let (lines, _) = read(dir.path(), &Wanted::default()).unwrap();
    let export: Vec<String> =
        lines.iter().map(|l| serde_json::to_string(l).unwrap() + "\n").collect();
    let verified = |messages, last, missing, first_missing| {
        Ok(Verified { messages, last, missing, first_missing })
    };
    assert_eq!(verify_export(export.concat().as_bytes()), verified(3, 3, 0, None));
    assert_eq!(verify_export(&b""[..]), Ok(Verified::default()));
    // A line that was taken out: the first, one in between, and the last, which only its number
    // tells.
    assert_eq!(verify_export(export[1..].concat().as_bytes()), verified(2, 3, 1, Some(1)));
    assert_eq!(
        verify_export([&*export[0], &*export[2]].concat().as_bytes()),
        verified(2, 3, 1, Some(2))
    );
    assert_eq!(verify_export(export[..2].concat().as_bytes()), verified(2, 2, 0, None));
    for order in [[1, 0], [0, 0]] {
        let e = verify_export(order.map(|n: usize| export[n].as_str()).concat().as_bytes())
            .unwrap_err();
        assert_eq!((e.line, e.why.contains("order")), (2, true), "{e}");
    }
    for field in [
        "v",
        "party",
        "id",
        "serial",
        "certificate",
        "frame",
        "text",
        "covered_bytes",
        "signature_der",
        "verified",
    ] {
        let mut line: serde_json::Value = serde_json::from_str(&export[1]).unwrap();
        line[field] = match (&line[field], &lines[2]) {
            (serde_json::Value::Number(n), _) => (n.as_u64().unwrap() + 1).into(),
            (_, other) if field == "frame" => {
                other.frame[..other.frame.len() - 8].to_owned().into()
            }
            (_, other) if field == "text" => other.text.clone().into(),
            (_, other) if field == "signature_der" => other.signature_der.clone().into(),
            (serde_json::Value::String(s), _) => format!("{s}A").into(),
            other => panic!("{other:?}"),
        };
        let changed = [export[0].clone(), line.to_string() + "\n"].concat();
        let e = verify_export(changed.as_bytes()).unwrap_err();
        assert_eq!(e.line, 2, "{field}: {e}");
    }
    let endless = std::io::BufReader::new(std::io::Read::take(std::io::repeat(b'x'), 10_000_000));
    assert_eq!(verify_export(endless).unwrap_err().line, 1);
}

/// `store.sync`: what is acted on waits for the disk, and quotes wait for what takes them.
#[test]
fn a_copy_of_the_journal_waits_for_the_disk_where_that_is_set() {
    for (sync, taken) in [(false, true), (true, false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut log = SignedLog::open(dir.path(), &key(), NOON, sync).unwrap();
        let (size, path) = (log.size(), log.tree().1.to_owned());
        signet_journal::disk::refuses_to_sync(&path, true);
        assert_eq!(log.journal_synced(NOON, b"accept").is_ok(), taken);
        log.journal(NOON, b"quote").unwrap();
        signet_journal::disk::refuses_to_sync(&path, false);
        assert_eq!(log.size(), size + 1 + u64::from(taken));
        let records = log.journal_state().now();
        assert_eq!(records.count, 1 + u64::from(taken));
        drop(log);
        let again = SignedLog::open(dir.path(), &key(), NOON, sync).unwrap();
        assert_eq!(again.journal_state().now(), records);
    }
}

/// tests/practice has the file system that is really full.
#[test]
fn what_cannot_be_written_is_an_error_and_the_log_goes_on_when_there_is_room() {
    let (dir, pki) = (tempfile::tempdir().unwrap(), pki());
    let alice = Sender::new(&pki, "ALICE", Party::Desk);
    let mut log = SignedLog::open(dir.path(), &key(), NOON, true).unwrap();
    let frame = alice.frame("131=R1|");
    log.keep(&alice.kept(NOON, &frame)).unwrap();
    // Where the next day's file would be made there is something else.
    let in_the_way = dir.path().join("000002-20261122.signed");
    fs::create_dir(&in_the_way).unwrap();
    let e = log.keep(&alice.kept(NOON + DAY_MS, &frame)).unwrap_err();
    assert_eq!(e.code(), "signed_log.unwritable", "{e}");
    fs::remove_dir(&in_the_way).unwrap();
    log.keep(&alice.kept(NOON + DAY_MS, &frame)).unwrap();
    drop(log);
    assert_eq!(read(dir.path(), &Wanted::default()).unwrap().1.records, 2);
}

proptest! {
    #[test]
    fn any_record_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0usize..12) {
        let mut r = bytes;
        if let (Some(first), Some(k)) = (r.first_mut(), b"HhCFJTDBfjd".get(kind)) { *first = *k; }
        let _ = (Record::read(&r), Record::micros(&r));
    }

    /// Of either form, and with microseconds it is the earlier form but for its first bytes.
    #[test]
    fn a_record_is_read_as_it_was_written(
        reading in 0..=i64::MAX,
        known in any::<bool>(),
        id in "[A-Z]{1,12}",
        frame in prop::collection::vec(any::<u8>(), 0..100),
        json in "\\PC{0,50}",
    ) {
        let (reading, certificate) = (UtcMicros(reading), CertificateDer::from(vec![1, 2, 3]));
        let earlier = RecordTime::from(reading.millis());
        let time = if known { RecordTime::from(reading) } else { earlier };
        let before_the_rest = if known { 4 } else { 1 };
        let kept = Kept {
            at: time, party: Party::Dealer, id: &id, certificate: &certificate, frame: &frame,
        };
        let written = |time: RecordTime| {
            let of = |kind: u8, bytes: &[u8]| [&begin(kind, time)[..], bytes].concat();
            let message = super::frame(time, &kept, &sha256(&certificate)).unwrap();
            [message, of(JOURNAL, &frame), of(DECISION, json.as_bytes())]
        };
        for (now, before) in written(time).iter().zip(written(earlier)) {
            prop_assert_eq!(Record::micros(now), time.us);
            prop_assert_eq!(Record::micros(&before), None);
            prop_assert_eq!(now[0] == before[0], !known);
            prop_assert_eq!(&now[before_the_rest..], &before[1..]);
            match Record::read(now) {
                Some(Record::Frame { at, party, id: of, frame: whole, .. }) => {
                    prop_assert_eq!((at, party, of, whole), (time.at, kept.party, &*id, &frame[..]));
                }
                Some(Record::Journal(record)) => prop_assert_eq!(record, &frame[..]),
                Some(Record::Decision(read)) => prop_assert_eq!(read, &*json),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
            // The journal's file has no microseconds: both forms tell the same of it.
            let (mut one, mut other) = (State::default(), State::default());
            one.take(now);
            other.take(&before);
            prop_assert_eq!(one.journal.now(), other.journal.now());
        }
    }

    #[test]
    fn any_line_of_an_export_is_judged_without_a_panic(text in "\\PC{0,300}") {
        let _ = verify_export(format!("{text}\n").as_bytes());
    }
}

/// `tests/fixtures/signed-1` was written by Signet 0.1 (commit c07a2fe): six frames in one file,
/// one of the next day in another.
#[test]
fn evidence_of_every_earlier_format_is_read_and_continued() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        (
            "000001-20261121.signed",
            &include_bytes!("../../tests/fixtures/signed-1/000001-20261121.signed")[..],
        ),
        (
            "000002-20261122.signed",
            &include_bytes!("../../tests/fixtures/signed-1/000002-20261122.signed")[..],
        ),
    ];
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let frames = || {
        let files = super::files(dir.path()).unwrap();
        let read = |(_, p): &(u64, PathBuf)| SealedLog::read(p, &key()).unwrap().records;
        let all: Vec<_> = files.iter().flat_map(read).collect();
        all.iter().filter(|r| matches!(Record::read(r), Some(Record::Frame { .. }))).count()
    };
    assert_eq!(frames(), 7);
    let pki = pki();
    let sender = Sender::new(&pki, "ALICE", Party::Desk);
    let frame = sender.frame("131=NEXT|");
    for n in 8..10 {
        let mut log = SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
        log.keep(&sender.kept(NOON, &frame)).unwrap();
        drop(log);
        assert_eq!(frames(), n);
    }
}

#[test]
fn no_changed_bit_of_evidence_is_read_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let pki = pki();
    let sender = Sender::new(&pki, "ALICE", Party::Desk);
    let frame = sender.frame("131=R1|");
    let mut log = SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
    log.keep(&sender.kept(NOON, &frame)).unwrap();
    drop(log);
    let path = super::files(dir.path()).unwrap().remove(0).1;
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let opened = SignedLog::open(dir.path(), &key(), NOON, false);
        assert_eq!(
            opened.as_ref().err().map(SignedLogError::code),
            Some("signed_log.altered"),
            "byte {at}"
        );
    }
}

/// A gateway that knows microseconds goes on with a log of one that did not.
#[test]
fn records_with_and_without_microseconds_stand_in_one_log() {
    let (dir, pki) = (tempfile::tempdir().unwrap(), pki());
    let alice = Sender::new(&pki, "ALICE", Party::Desk);
    let frame = alice.frame("131=R1|");
    let reading = UtcMicros((NOON + 1).0 * 1_000 + 42);
    let open = || SignedLog::open(dir.path(), &key(), NOON, false).unwrap();
    open().keep(&alice.kept(NOON, &frame)).unwrap();
    let (id, certificate) = (alice.id, &alice.certificate);
    let exact = Kept { at: reading, party: Party::Desk, id, certificate, frame: &frame };
    let mut log = open();
    log.keep(&exact).unwrap();
    log.journal(reading, b"input").unwrap();
    log.decision(reading, "{}").unwrap();
    drop(log);
    drop(open());
    let (lines, totals) = read(dir.path(), &Wanted::default()).unwrap();
    let times: Vec<_> = lines.iter().map(|l| (l.at_ms, l.us_in_ms.map(u16::from))).collect();
    assert_eq!(times, [(NOON.0, None), (NOON.0 + 1, Some(42))]);
    assert_eq!(totals.bad, 0);

    let json = |l: &SignedLine| serde_json::to_string(l).unwrap() + "\n";
    let export: String = lines.iter().map(json).collect();
    assert_eq!(export.matches("us_in_ms").count(), 1, "a line without is as it was: {export}");
    assert!(verify_export(export.as_bytes()).is_ok());
    let bad = export.replace("\"us_in_ms\":42", "\"us_in_ms\":1000");
    let e = verify_export(bad.as_bytes()).unwrap_err();
    assert!(e.line == 2 && e.why.contains("1000 microseconds"), "{e}");
}

#[test]
fn a_record_whose_microseconds_are_no_three_digits_is_refused() {
    for bad in [&b"f12"[..], b"j1x3input", b"d-12{}", b"j"] {
        let dir = tempfile::tempdir().unwrap();
        drop(SignedLog::open(dir.path(), &key(), NOON, false).unwrap());
        let path = super::files(dir.path()).unwrap().remove(0).1;
        SealedLog::open(&path, &key()).unwrap().0.append(bad).unwrap();
        let e = read(dir.path(), &Wanted::default()).unwrap_err();
        assert!(matches!(e, SignedLogError::UnknownRecord(_)), "{e}");
        let e = SignedLog::open(dir.path(), &key(), NOON, false).unwrap_err();
        assert_eq!(e.code(), "signed_log.altered", "{e}");
    }
}
