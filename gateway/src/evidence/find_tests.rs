//! What is found by the indexes is what is found when everything is read.

use super::{
    collect::{asked_under, collect},
    files::{Sources, make, pem},
    *,
};
use crate::signed::{BlobKind, Kept, Party, SignedLog, sha256, signing};
use proptest::prelude::*;
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Order};
use signet_fix::{signature::every, tagvalue::seal};
use signet_identity::{MessageKey, Role};
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_tlog::note::SignerKey;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const DAY_MS: i64 = 86_400_000;
const DESKS: [&str; 2] = ["ALICE", "BOB"];
const RFQS: [&str; 5] = ["R1", "R10", "R2", "A.R1", "R3:1"];
const NAMES: [&str; 3] = ["AAAABBBBCCCCDDDD", "EEEEFFFFGGGGHHHH", "IIIIJJJJKKKKLLLL"];

/// What is written next.
#[derive(Debug, Clone)]
enum Op {
    /// A signed message of a desk that names one or two RFQs.
    Desk(usize, String),
    /// The gateway lets a desk's request through, which dealers call so.
    Asked(usize, usize, usize),
    /// A dealer's message, signed or in the journal.
    Dealer(bool, String),
    /// A decision, with the documents that it follows or without.
    Decision(usize, usize, usize, bool),
    /// A revocation list of desks or of dealers, in force so many days later.
    List(bool, i64),
    /// Later records are in another file.
    Day,
    /// A checkpoint is made.
    Checkpoint,
}

fn op() -> impl Strategy<Value = Op> {
    let rfq = || prop::sample::select(RFQS.to_vec());
    let own = prop_oneof![
        rfq().prop_map(|r| format!("131={r}|")),
        (rfq(), 0..3_u8).prop_map(|(r, n)| format!("11={r}:{n}|")),
        (rfq(), rfq()).prop_map(|(r, s)| format!("693={r}:c1|131={s}|")),
        (rfq(), rfq()).prop_map(|(r, s)| format!("131={r}|20171=BOB|20172={s}|")),
        Just("55=R1|".to_owned()),
    ];
    let told = prop_oneof![
        (0..NAMES.len()).prop_map(|n| format!("131={}|", NAMES[n])),
        (0..NAMES.len(), 0..3_u8).prop_map(|(n, k)| format!("11={}:~{k}|", NAMES[n])),
        (0..2_usize, rfq()).prop_map(|(d, r)| format!("131={}.{r}|", DESKS[d])),
        (0..2_usize, rfq()).prop_map(|(d, r)| format!("11={}.{r}:2|", DESKS[d])),
    ];
    prop_oneof![
        4 => (0..2_usize, own).prop_map(|(desk, body)| Op::Desk(desk, body)),
        2 => (0..2_usize, 0..RFQS.len(), 0..NAMES.len()).prop_map(|(d, r, n)| Op::Asked(d, r, n)),
        4 => (any::<bool>(), told).prop_map(|(signed, body)| Op::Dealer(signed, body)),
        2 => (0..2_usize, 0..RFQS.len(), 0..3_usize, any::<bool>())
            .prop_map(|(d, r, n, kept)| Op::Decision(d, r, n, kept)),
        1 => (any::<bool>(), 0..3_i64).prop_map(|(desks, n)| Op::List(desks, n)),
        4 => Just(Op::Day),
        1 => Just(Op::Checkpoint),
    ]
}

struct Signed {
    id: &'static str,
    party: Party,
    certificate: CertificateDer<'static>,
    issuer: CertificateDer<'static>,
    key: MessageKey,
}

impl Signed {
    fn new(pki: &DevPki, id: &'static str, party: Party) -> Self {
        let (order, role) = match party {
            Party::Desk => (Order::desk(id), Role::Desk),
            Party::Dealer => (Order::dealer(id), Role::Dealer),
        };
        let certified = pki.issue(&order).unwrap().certified_key().unwrap();
        let key = MessageKey::of(&certified).unwrap();
        let (certificate, issuer) = (certified.cert[0].clone(), pki.root(role).clone());
        Self { id, party, certificate, issuer, key }
    }

    fn keep(&self, log: &mut SignedLog, at: UtcMillis, body: &str) {
        let text = format!("35=R|34=2|49={}|52=20261121-12:00:00.000|56=SIGNET|{body}", self.id);
        let plain = frame(&text);
        let frame = signet_fix::signature::sign(&plain, &*signing(&self.key, every).signer);
        log.keep_issuer(at, &self.issuer).unwrap();
        let (party, id, certificate) = (self.party, self.id, &self.certificate);
        log.keep(&Kept { at, party, id, certificate, frame: &frame.unwrap() }).unwrap();
    }
}

fn frame(text: &str) -> Vec<u8> {
    seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes())
}

/// A record of the journal.
fn record(kind: u8, texts: &[&str], message: &str) -> Vec<u8> {
    let mut record = vec![kind];
    record.extend_from_slice(&0_i64.to_le_bytes());
    for text in texts {
        record.push(u8::try_from(text.len()).unwrap());
        record.extend_from_slice(text.as_bytes());
    }
    record.extend_from_slice(&frame(message));
    record
}

fn asked(desk: &str, rfq: &str, name: &str) -> Vec<u8> {
    let text = format!(
        "35=R|131={rfq}|146=1|55=EUR/USD|54=1|38=1000000|64=20261124|15=EUR|\
            126=20261121-12:00:30.000|60=20261121-12:00:00.000|453=1|448=NORTH|447=D|452=35|"
    );
    record(b'R' | 0x80, &[desk, name], &text)
}

struct World {
    dir: tempfile::TempDir,
    pki: DevPki,
    signer: SignerKey,
    begins: UtcMillis,
    parties: Vec<Signed>,
}

/// What came of one order: the bundle, or why there is none.
type Made = Result<(Files, Bundled), String>;

impl World {
    fn new() -> Self {
        let begins = OffsetDateTime::now_utc() - time::Duration::days(100);
        let pki = DevPki::generate("bank.example", begins).unwrap();
        let signer = SignerKey::new("bank.example/SIGNET/evidence", &Zeroizing::new([9; 32]));
        let desks = DESKS.into_iter().map(|id| Signed::new(&pki, id, Party::Desk));
        let parties = desks.chain([Signed::new(&pki, "NORTH", Party::Dealer)]).collect();
        Self {
            dir: tempfile::tempdir().unwrap(),
            signer: signer.unwrap(),
            begins: UtcMillis(begins.unix_timestamp() * 1_000 + 3_600_000),
            parties,
            pki,
        }
    }

    fn store(&self) -> EvidenceStore {
        let (folder, indexes) = (self.dir.path().join("signed"), self.dir.path().join("indexes"));
        EvidenceStore { folder, indexes, key: StoreKey::new([5; 32]) }
    }

    /// Writes a log; the checkpoints that were made, the last over all of it.
    fn write(&self, ops: &[Op]) -> Vec<Checkpoint> {
        let store = self.store();
        let (mut at, mut checkpoints) = (self.begins, vec![]);
        let mut log = SignedLog::open(&store.folder, &store.key, at, false).unwrap();
        for op in ops {
            self.apply(op, &mut log, &mut at);
            if matches!(op, Op::Checkpoint) {
                checkpoints.push(self.checkpoint(&log));
            }
        }
        checkpoints.push(self.checkpoint(&log));
        checkpoints
    }

    fn apply(&self, op: &Op, log: &mut SignedLog, at: &mut UtcMillis) {
        match op {
            Op::Desk(desk, body) => self.parties[*desk].keep(log, *at, body),
            Op::Asked(desk, rfq, name) => {
                log.journal(*at, &asked(DESKS[*desk], RFQS[*rfq], NAMES[*name])).unwrap();
            }
            Op::Dealer(true, body) => self.parties[2].keep(log, *at, body),
            Op::Dealer(false, body) => {
                log.journal(*at, &record(b'L', &["NORTH"], &told(body))).unwrap();
            }
            Op::Decision(desk, rfq, document, kept) => {
                let texts = [format!("permit {document}"), format!("fact {document}")];
                let [policies, facts] = texts.each_ref().map(|t| sha256(t.as_bytes()));
                if *kept {
                    log.blob(*at, BlobKind::Policies, texts[0].as_bytes()).unwrap();
                    log.blob(*at, BlobKind::Facts, texts[1].as_bytes()).unwrap();
                }
                let json = serde_json::json!({
                    "desk": DESKS[*desk], "id": RFQS[*rfq], "at_ms": at.0,
                    "policies_sha256": signet_registry::hex(&policies),
                    "facts_sha256": signet_registry::hex(&facts),
                });
                log.decision(*at, &json.to_string()).unwrap();
            }
            Op::List(desks, days) => {
                let role = if *desks { Role::Desk } else { Role::Dealer };
                // Lists of these authorities are in force for a day.
                let at_s = at.0 / 1_000 + 86_400 * *days + 43_200;
                let until = OffsetDateTime::from_unix_timestamp(at_s).unwrap();
                log.blob(*at, BlobKind::Crl, &self.pki.crl(role, &[], until).unwrap()).unwrap();
            }
            Op::Day => at.0 += DAY_MS,
            Op::Checkpoint => {}
        }
    }

    fn checkpoint(&self, log: &SignedLog) -> Checkpoint {
        let (tree, _) = log.tree();
        let origin = self.signer.verifier().name().into();
        Checkpoint { origin, size: tree.size(), root: tree.root(), extensions: vec![] }
    }

    fn made(&self, rfq: &str, desk: Option<&str>, checkpoint: &Checkpoint, whole: bool) -> Made {
        let wanted = Subject { rfq: rfq.into(), desk: desk.map(Into::into) };
        let note = checkpoint.sign(&self.signer).unwrap();
        let roots = pem("CERTIFICATE", self.pki.root(Role::Desk)).into_bytes();
        let found = match whole {
            true => collect(&self.store(), &wanted, checkpoint.size),
            false => find(&self.store(), &wanted, checkpoint, false),
        };
        let made = found.and_then(|found| {
            make(&Sources {
                rfq,
                gateway: "SIGNET",
                desk_roots: &roots,
                dealer_roots: &roots,
                signer: &self.signer,
                note: note.as_bytes(),
                checkpoint,
                found: &found,
                approvals: &[],
                made: self.begins,
            })
        });
        made.map_err(|e| e.to_string())
    }

    fn asked(&self, name: &str, whole: bool) -> Option<(String, String)> {
        let store = self.store();
        match whole {
            true => asked_under(&store, &store.files().unwrap(), name).unwrap(),
            false => find_asked(&store, name, false).unwrap(),
        }
    }

    /// The files of evidence, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        self.store().files().unwrap().into_iter().map(|(_, path)| path).collect()
    }

    fn index(&self, number: usize) -> PathBuf {
        self.store().indexes.join(format!("{number:06}.index"))
    }

    /// Files, those that have an index, and those that were made by asking.
    fn counts(&self) -> (usize, usize, usize) {
        Segments::open(&self.store()).unwrap().counts()
    }

    /// Twelve files: request, what dealers call it, a dealer's words and a decision are days apart,
    /// and a list and documents that they need are older still.
    fn twelve_days(&self) -> Checkpoint {
        let other = || Op::Desk(1, "131=R2|".into());
        let mut ops = vec![Op::List(true, 2), other(), Op::Day];
        ops.extend([Op::Decision(1, 2, 0, true), Op::Dealer(true, "131=X.Y|".into()), Op::Day]);
        ops.extend([Op::Desk(0, "131=R1|".into()), Op::Asked(0, 0, 0), Op::Day]);
        for day in 3..12 {
            ops.push(other());
            match day {
                5 => ops.push(Op::Dealer(false, format!("11={}:~1|", NAMES[0]))),
                7 => ops.push(Op::Decision(0, 0, 0, false)),
                _ => {}
            }
            ops.push(Op::Day);
        }
        ops.push(other());
        let checkpoint = self.write(&ops).pop().unwrap();
        assert_eq!(self.files().len(), 13);
        checkpoint
    }
}

/// A message that the journal can read, with these fields.
fn told(body: &str) -> String {
    let rfq = if body.contains("131=") { "" } else { "131=Z|" };
    format!("35=U3|34=2|49=NORTH|52=20261121-12:00:00.000|56=SIGNET|{body}{rfq}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// The first search makes the indexes, and the second uses them.
    #[test]
    fn a_bundle_by_index_is_the_bundle_of_everything_read(
        ops in prop::collection::vec(op(), 1..90),
    ) {
        let w = World::new();
        let checkpoints = w.write(&ops);
        for search in 0..2 {
            for name in NAMES {
                prop_assert_eq!(w.asked(name, false), w.asked(name, true), "{} {}", search, name);
            }
            for rfq in RFQS.iter().chain(&["R", "R3", "ALICE.R1"]) {
                for desk in [None, Some("ALICE")] {
                    for c in checkpoints.iter().rev().take(2) {
                        let (by_index, want) =
                            (w.made(rfq, desk, c, false), w.made(rfq, desk, c, true));
                        prop_assert_eq!(by_index, want, "{} {} {:?} {}", search, rfq, desk, c.size);
                    }
                }
            }
            let (files, indexed, made) = w.counts();
            prop_assert_eq!((indexed, made), (files - 1, 0));
        }
    }
}

/// Files that do not name the RFQ are not read: the bundle is the same when they cannot be.
#[test]
fn only_the_files_that_are_needed_are_read() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let want = w.made("R1", Some("ALICE"), &checkpoint, true);
    let (files, bundled) = want.as_ref().unwrap();
    // The request, what the gateway let through, the dealer's report, the decision.
    assert_eq!((bundled.records, bundled.messages), (4, 1));
    for kind in ["lists/", "policies/", "certificates/issuers.pem"] {
        assert!(files.keys().any(|name| name.starts_with(kind)), "{kind}");
    }
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    assert_eq!(w.counts(), (13, 12, 0));
    let needed = [1, 2, 3, 6, 8, 13];
    for (path, number) in w.files().iter().zip(1..) {
        if !needed.contains(&number) {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        }
    }
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    assert_eq!(w.asked(NAMES[0], false), Some(("ALICE".into(), "R1".into())));
    let e = w.made("R1", Some("ALICE"), &checkpoint, true).unwrap_err();
    assert!(e.contains("cannot be authenticated"), "{e}");
    // What is needed and cannot be read is an error of either way.
    let mut bytes = fs::read(&w.files()[5]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&w.files()[5], bytes).unwrap();
    let e = w.made("R1", Some("ALICE"), &checkpoint, false).unwrap_err();
    assert!(e.contains("cannot be authenticated"), "{e}");
}

#[test]
fn an_index_with_any_byte_changed_makes_no_other_bundle_and_is_made_again() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let want = w.made("R1", Some("ALICE"), &checkpoint, true);
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    // Of the file with the dealer's words, which are missing where this index says no.
    let whole = fs::read(w.index(6)).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(w.index(6), altered).unwrap();
        assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want, "{at}");
        // By the search, or by the next one.
        w.counts();
        assert_eq!(w.counts(), (13, 12, 0), "{at}");
    }
}

#[test]
fn table_of_indexes_that_are_not_used() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let want = w.made("R1", Some("ALICE"), &checkpoint, true);
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    let whole = fs::read(w.index(6)).unwrap();
    let mut older = whole.clone();
    older[7] = b'0';
    let other = fs::read(w.index(7)).unwrap();
    for (name, bytes) in [
        ("empty", vec![]),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], b"x"].concat()),
        ("of an older version", older),
        ("of another file", other),
        ("something else", b"text".repeat(100)),
    ] {
        fs::write(w.index(6), bytes).unwrap();
        assert_eq!(w.counts(), (13, 12, 1), "{name}");
        assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want, "{name}");
    }
    // Those of a log that had other records.
    let other = World::new();
    other.twelve_days();
    assert_eq!(other.counts(), (13, 12, 12));
    for number in 1..13 {
        fs::copy(other.index(number), w.index(number)).unwrap();
    }
    assert_eq!(w.counts(), (13, 12, 12));
    fs::remove_dir_all(w.store().indexes).unwrap();
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    assert_eq!(w.counts(), (13, 12, 0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&w.store().indexes), mode(&w.index(1))), (0o700, 0o600));
    }
    // Where none can be made, everything is read.
    fs::remove_dir_all(w.store().indexes).unwrap();
    fs::write(w.store().indexes, b"a file").unwrap();
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    assert_eq!(w.counts(), (13, 0, 0));
    let e = indexed(&w.store()).unwrap_err();
    assert!(e.code() == "signed_log.unwritable" && e.to_string().contains("indexes"), "{e}");
}

/// Whoever looks for a fault of the disk makes no more of it, and uses the indexes that are there.
#[test]
fn an_index_that_cannot_be_written_is_told_and_no_more_are_made() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let want = w.made("R1", Some("ALICE"), &checkpoint, true);
    // No file takes the place of a folder.
    fs::create_dir_all(w.index(4)).unwrap();
    assert_eq!(w.counts(), (13, 3, 3));
    let e = indexed(&w.store()).unwrap_err();
    assert!(e.to_string().contains("000004.index"), "{e}");
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    fs::remove_dir(w.index(4)).unwrap();
    let all = EvidenceIndexed { files: 13, indexed: 12, made: 9 };
    assert_eq!(indexed(&w.store()).unwrap(), all);
}

#[test]
fn one_process_makes_indexes_and_another_one_reads() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let want = w.made("R1", Some("ALICE"), &checkpoint, true);
    fs::create_dir_all(w.store().indexes).unwrap();
    let held = fs::File::create(w.store().indexes.join("lock")).unwrap();
    held.lock().unwrap();
    assert_eq!(w.made("R1", Some("ALICE"), &checkpoint, false), want);
    assert_eq!(w.counts(), (13, 0, 0));
    let e = indexed(&w.store()).unwrap_err();
    assert!(e.to_string().contains("in use") && e.cure().contains("has ended"), "{e}");
    held.unlock().unwrap();
    assert_eq!(w.counts(), (13, 12, 12));
    // Where every file has an index nobody needs the lock.
    held.lock().unwrap();
    assert_eq!(indexed(&w.store()).unwrap().made, 0);
}

/// What is wrong with the evidence is said as when everything is read.
#[test]
fn files_that_are_missing_and_a_tree_that_is_another_make_no_bundle_by_index() {
    let w = World::new();
    let checkpoint = w.twelve_days();
    let said = |c: &Checkpoint| {
        let both = [true, false].map(|whole| w.made("R1", Some("ALICE"), c, whole).unwrap_err());
        assert_eq!(both[0], both[1]);
        both[0].clone()
    };
    assert!(w.made("R1", Some("ALICE"), &checkpoint, false).is_ok());
    let rewritten = Checkpoint { root: [7; 32], ..checkpoint.clone() };
    assert!(said(&rewritten).contains("another root"), "{}", said(&rewritten));
    let longer = Checkpoint { size: checkpoint.size + 1, ..checkpoint.clone() };
    assert!(said(&longer).contains("the checkpoint is over"), "{}", said(&longer));
    // A file in the middle, which the RFQ is not in; then those before it as well.
    fs::remove_file(&w.files()[3]).unwrap();
    assert!(said(&checkpoint).contains("file 4 is missing"), "{}", said(&checkpoint));
    let before: Vec<PathBuf> = (1..=3)
        .map(|n: u64| {
            let begins = |p: &PathBuf| {
                p.file_name().unwrap().to_string_lossy().starts_with(&format!("{n:06}-"))
            };
            let mut all = fs::read_dir(w.store().folder).unwrap().map(|e| e.unwrap().path());
            all.find(begins).unwrap()
        })
        .collect();
    before.iter().for_each(|p| fs::remove_file(p).unwrap());
    assert!(said(&checkpoint).contains("older files are elsewhere"), "{}", said(&checkpoint));
}
