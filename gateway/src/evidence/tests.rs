use super::{
    files::{Sources, make, pem},
    *,
};
use crate::{
    clock::UtcMicros,
    signed::{BlobKind, Kept, Party, RecordTime, SignedLog, signing},
};
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Order};
use signet_fix::{signature::every, tagvalue::seal};
use signet_identity::MessageKey;
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_tlog::note::SignerKey;
use std::process::Command;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const YEAR_AGO: time::Duration = time::Duration::days(-400);

struct World {
    dir: tempfile::TempDir,
    pki: DevPki,
    at: UtcMillis,
    signer: SignerKey,
}

impl World {
    /// An authority of long ago: what it issued is over today.
    fn long_ago() -> Self {
        let at = OffsetDateTime::now_utc() + YEAR_AGO;
        let signer = SignerKey::new("bank.example/SIGNET/evidence", &Zeroizing::new([9; 32]));
        Self {
            dir: tempfile::tempdir().unwrap(),
            pki: DevPki::generate("bank.example", at).unwrap(),
            at: UtcMillis(at.unix_timestamp() * 1_000 + 3_600_000),
            signer: signer.unwrap(),
        }
    }

    fn store(&self) -> EvidenceStore {
        let (folder, indexes) = (self.dir.path().join("signed"), self.dir.path().join("indexes"));
        EvidenceStore { folder, indexes, key: StoreKey::new([5; 32]) }
    }

    fn log(&self) -> SignedLog {
        let folder = self.dir.path().join("signed");
        SignedLog::open(&folder, &StoreKey::new([5; 32]), self.at, false).unwrap()
    }

    fn keep(&self, log: &mut SignedLog, desk: &str, at: impl Into<RecordTime>, body: &str) {
        let time: RecordTime = at.into();
        let certified = self.pki.issue(&Order::desk(desk)).unwrap().certified_key().unwrap();
        let key = MessageKey::of(&certified).unwrap();
        let certificate: CertificateDer<'static> = certified.cert[0].clone();
        certified.cert[1..].iter().for_each(|c| log.keep_issuer(time.at, c).unwrap());
        let text = format!("35=R|34=2|49={desk}|52=20261121-12:00:00.000|56=SIGNET|{body}");
        let plain = seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes());
        let frame = signet_fix::signature::sign(&plain, &*signing(&key, every).signer).unwrap();
        self.keep_frame(log, desk, time, &certificate, &frame);
    }

    fn keep_frame(
        &self,
        log: &mut SignedLog,
        desk: &str,
        at: impl Into<RecordTime> + Copy,
        certificate: &CertificateDer<'static>,
        frame: &[u8],
    ) {
        log.keep(&Kept { at, party: Party::Desk, id: desk, certificate, frame }).unwrap();
    }

    /// Signs a bundle again as it is now: a forger with the gateway's key.
    fn resign(&self, out: &Path) {
        let mut files = std::collections::BTreeMap::new();
        for folder in ["", "records", "certificates", "roots"] {
            for e in fs::read_dir(out.join(folder)).unwrap().map(Result::unwrap) {
                let name = e.path().strip_prefix(out).unwrap().display().to_string();
                if e.path().is_file() && !name.starts_with("manifest.") {
                    files.insert(name, signet_registry::hex_sha256(&fs::read(e.path()).unwrap()));
                }
            }
        }
        let text = format!("{:#}\n", serde_json::json!({ "v": 1, "files": files }));
        fs::write(out.join("manifest.sig"), self.signer.sign_bytes(text.as_bytes())).unwrap();
        fs::write(out.join("manifest.json"), text).unwrap();
    }

    fn bundle(
        &self,
        log: &SignedLog,
        desk: Option<&str>,
    ) -> Result<(PathBuf, Bundled), BundleError> {
        let (tree, _) = log.tree();
        let checkpoint = Checkpoint {
            origin: self.signer.verifier().name().into(),
            size: tree.size(),
            root: tree.root(),
            extensions: vec![],
        };
        self.bundle_at(&checkpoint, desk)
    }

    fn bundle_at(
        &self,
        checkpoint: &Checkpoint,
        desk: Option<&str>,
    ) -> Result<(PathBuf, Bundled), BundleError> {
        let note = checkpoint.sign(&self.signer).unwrap();
        let wanted = Subject { rfq: "R1".into(), desk: desk.map(Into::into) };
        let found = find(&self.store(), &wanted, checkpoint, false)?;
        let roots = pem("CERTIFICATE", self.pki.root(signet_identity::Role::Desk)).into_bytes();
        let (files, bundled) = make(&Sources {
            rfq: "R1",
            gateway: "SIGNET",
            desk_roots: &roots,
            dealer_roots: &roots,
            signer: &self.signer,
            note: note.as_bytes(),
            checkpoint,
            found: &found,
            approvals: &[],
            made: self.at,
        })?;
        let out = self.dir.path().join("bundle");
        let _ = fs::remove_dir_all(&out);
        write(&out, &files)?;
        Ok((out, bundled))
    }
}

/// What the script says, in every kind of shell the same.
fn verify(folder: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/verify.sh");
    let run = |shell: &str| {
        let out = Command::new(shell).arg(&script).arg(folder).output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let (plain, more) = (run("sh"), run("bash"));
    assert_eq!(plain, more);
    assert_eq!(plain.0, plain.1.lines().any(|l| l.starts_with("OK")), "{plain:?}");
    plain
}

/// A gateway that lies signs an index which a shell would take for more than text.
#[test]
fn table_of_index_lines_that_a_shell_must_not_obey() {
    let w = World::long_ago();
    let mut log = w.log();
    w.keep(&mut log, "ALICE", w.at, "131=R1|");
    let (out, _) = w.bundle(&log, None).unwrap();
    w.resign(&out);
    assert!(verify(&out).0, "a bundle that is signed again is as good");
    let index = fs::read_to_string(out.join("index.txt")).unwrap();
    let leaf = index.lines().find(|l| l.starts_with("leaf")).unwrap();
    let message = index.lines().find(|l| l.starts_with("message")).unwrap();
    let number = leaf.split('\t').nth(1).unwrap();
    let leaf_of =
        |n: &str| index.replacen(&format!("leaf\t{number}\t"), &format!("leaf\t{n}\t"), 1);
    let record = message.split('\t').nth(1).unwrap();
    for (name, changed) in [
        ("the number of faults", leaf_of("0*(faults=-9)")),
        ("a command", leaf_of("faults[$(touch${IFS}pwned)]")),
        ("a zero before a number", leaf_of(&format!("0{number}"))),
        ("a number that is too long", leaf_of("36893488147419103232")),
        ("no leaf for a message", index.replacen(&format!("{leaf}\n"), "", 1)),
        ("a file outside", index.replacen(record, "records/../../x.record", 1)),
        ("a blank line", format!("{index}\n")),
        ("a line that is unknown", format!("{index}more\tx\n")),
        ("two RFQs", format!("{index}rfq\tR2\tBOB\n")),
        ("no RFQ", index.split_once('\n').unwrap().1.to_owned()),
        ("an option", format!("{index}touch\ttouches/000001\t-engine\n")),
        ("no end", index.trim_end().to_owned()),
        ("what a terminal obeys", index.replacen("R1", "\u{1b}[2J", 1)),
    ] {
        fs::write(out.join("index.txt"), changed).unwrap();
        w.resign(&out);
        let (good, said) = verify(&out);
        assert!(!good && said.contains("FAULT") && !said.contains('\u{1b}'), "{name}: {said}");
        assert!(!out.join("pwned").exists(), "{name}");
    }
    // A record in which a shell would read numbers that are not there.
    fs::write(out.join("index.txt"), &index).unwrap();
    fs::write(out.join(record), "F").unwrap();
    w.resign(&out);
    let (good, said) = verify(&out);
    assert!(!good && said.contains("is not a message"), "{said}");
}

/// A gateway that lies adds a field to what a desk signed, and says that it is not covered.
#[test]
fn the_index_does_not_say_how_much_of_a_message_is_signed() {
    let w = World::long_ago();
    let certified = w.pki.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
    let key = MessageKey::of(&certified).unwrap();
    let plain = seal("FIX.4.4", "35=R\u{1}34=2\u{1}49=ALICE\u{1}131=R1\u{1}".as_bytes());
    let frame = signet_fix::signature::sign(&plain, &*signing(&key, every).signer).unwrap();
    let covered = frame.len() - 105;
    let more = [&frame[..covered], b"38=9\x01", &frame[covered..]].concat();
    for (frame, good) in [(&frame, true), (&more, false)] {
        let _ = fs::remove_dir_all(w.dir.path().join("signed"));
        let mut log = w.log();
        certified.cert[1..].iter().for_each(|c| log.keep_issuer(w.at, c).unwrap());
        w.keep_frame(&mut log, "ALICE", w.at, &certified.cert[0], frame);
        let (out, _) = w.bundle(&log, None).unwrap();
        let index = fs::read_to_string(out.join("index.txt")).unwrap();
        let (whole, part) = (format!("\t{}\t", frame.len() - 105), format!("\t{covered}\t"));
        assert!(index.contains(&whole), "{index}");
        fs::write(out.join("index.txt"), index.replacen(&whole, &part, 1)).unwrap();
        w.resign(&out);
        let (found, said) = verify(&out);
        assert_eq!(found, good, "{said}");
    }
}

#[test]
fn certificates_that_are_over_today_verify_as_of_the_record_and_not_as_of_another_time() {
    let w = World::long_ago();
    let mut log = w.log();
    w.keep(&mut log, "ALICE", w.at, "131=R1|");
    let (out, bundled) = w.bundle(&log, None).unwrap();
    assert_eq!((bundled.records, bundled.messages), (1, 1));
    let (good, said) = verify(&out);
    assert!(good && said.contains("OK: RFQ R1 of ALICE"), "{said}");
    // The same certificate years later.
    w.keep(&mut log, "ALICE", w.at + 400 * 86_400_000, "131=R1|");
    let (out, _) = w.bundle(&log, None).unwrap();
    let (good, said) = verify(&out);
    assert!(!good && said.contains("was not valid at the time of"), "{said}");
}

/// The bundle of an RFQ over an upgrade of the gateway.
#[test]
fn records_with_and_without_microseconds_verify_and_are_shown_as_far_as_they_are_known() {
    let w = World::long_ago();
    let mut log = w.log();
    let reading = UtcMicros(w.at.0 * 1_000 + 7);
    w.keep(&mut log, "ALICE", w.at, "131=R1|");
    w.keep(&mut log, "ALICE", reading, "131=R1|");
    let sha = "0".repeat(64);
    let json = format!(
        "{{\"desk\":\"ALICE\",\"id\":\"R1\",\"at_ms\":{},\"policies_sha256\":\"{sha}\",\
         \"facts_sha256\":\"{sha}\"}}",
        w.at.0
    );
    log.decision(reading, &json).unwrap();
    let (out, bundled) = w.bundle(&log, None).unwrap();
    assert_eq!((bundled.records, bundled.messages), (3, 2));
    let (good, said) = verify(&out);
    assert!(good, "{said}");
    let story = fs::read_to_string(out.join("story.txt")).unwrap();
    let times: Vec<&str> = story.lines().filter_map(|l| l.split(' ').next()).collect();
    let (earlier, exact) = (RecordTime::from(w.at).to_string(), RecordTime::from(reading));
    assert_eq!(times, [earlier.clone(), exact.to_string(), exact.to_string()]);
    assert_eq!(exact.to_string(), format!("{earlier}007"));

    // A gateway that lies writes something else than digits: that is not taken for a message.
    let index = fs::read_to_string(out.join("index.txt")).unwrap();
    let second = index.lines().filter(|l| l.starts_with("message")).nth(1).unwrap();
    let record = out.join(second.split('\t').nth(1).unwrap());
    let mut bytes = fs::read(&record).unwrap();
    assert_eq!(&bytes[..4], b"f007");
    bytes[2] = b'\n';
    fs::write(&record, bytes).unwrap();
    w.resign(&out);
    let (good, said) = verify(&out);
    assert!(!good && said.contains("is not a message"), "{said}");
}

#[test]
fn rfqs_of_one_name_are_told_apart_by_desk_and_others_are_left_out() {
    let w = World::long_ago();
    let mut log = w.log();
    for (desk, body) in
        [("ALICE", "131=R1|"), ("BOB", "131=R1|"), ("ALICE", "131=R10|"), ("ALICE", "11=R1:1|")]
    {
        w.keep(&mut log, desk, w.at, body);
    }
    let several = w.bundle(&log, None).unwrap_err();
    assert_eq!(several.code(), "bundle.several_desks");
    assert!(several.to_string().contains("ALICE, BOB"), "{several}");
    assert_eq!(w.bundle(&log, Some("ALICE")).unwrap().1.records, 2);
    assert_eq!(w.bundle(&log, Some("BOB")).unwrap().1.records, 1);
    assert_eq!(w.bundle(&log, Some("CAROL")).unwrap_err().code(), "bundle.unknown_rfq");
}

/// The journal's record of a desk's request R1, which dealers call `name`.
fn asked(desk: &str, name: &str) -> Vec<u8> {
    let text = "35=R|131=R1|146=1|55=EUR/USD|54=1|38=1000000|64=20261124|15=EUR|\
        126=20261121-12:00:30.000|60=20261121-12:00:00.000|453=1|448=NORTH|447=D|452=35|";
    let mut record = vec![b'R' | 0x80];
    record.extend_from_slice(&0_i64.to_le_bytes());
    for part in [desk, name] {
        record.push(u8::try_from(part.len()).unwrap());
        record.extend_from_slice(part.as_bytes());
    }
    record.extend_from_slice(&seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes()));
    record
}

/// No id of a dealer leads to the desk but by the gateway's own record.
#[test]
fn what_a_dealer_says_by_its_name_for_the_rfq_is_in_the_bundle_of_that_desk() {
    let w = World::long_ago();
    let mut log = w.log();
    let certified = w.pki.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
    let certificate: CertificateDer<'static> = certified.cert[0].clone();
    for (desk, name, reports) in [("ALICE", "AAAABBBBCCCCDDDD", 1), ("BOB", "EEEEFFFFGGGGHHHH", 2)]
    {
        w.keep(&mut log, desk, w.at, "131=R1|");
        log.journal(w.at, &asked(desk, name)).unwrap();
        for n in 0..reports {
            let text = format!("35=8|11={name}:~{n}|");
            let frame = seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes());
            let (party, id, certificate) = (Party::Dealer, "NORTH", &certificate);
            log.keep(&Kept { at: w.at, party, id, certificate, frame: &frame }).unwrap();
        }
    }
    // The request, the record of it, and the reports.
    let records = |desk| w.bundle(&log, Some(desk)).unwrap().1.records;
    assert_eq!((records("ALICE"), records("BOB")), (3, 4));
}

#[test]
fn table_of_what_dealers_call_the_rfq_of_a_bundle() {
    const ALICES: &str = "AAAABBBBCCCCDDDD";
    const BOBS: &str = "EEEEFFFFGGGGHHHH";
    let w = World::long_ago();
    let mut log = w.log();
    for (desk, name) in [("ALICE", ALICES), ("BOB", BOBS)] {
        w.keep(&mut log, desk, w.at, "131=R1|");
        log.journal(w.at, &asked(desk, name)).unwrap();
    }
    let order = |rfq: &str, desk: Option<&str>| {
        let desk = desk.map(Into::into);
        BundleOrder { rfq: rfq.into(), desk, checkpoint: None, out: "out".into(), whole: false }
    };
    for (rfq, desk, want) in [
        (ALICES, None, ("R1", Some("ALICE"))),
        (BOBS, Some("BOB"), ("R1", Some("BOB"))),
        // Somebody else's: nothing is found then.
        (BOBS, Some("ALICE"), (BOBS, Some("ALICE"))),
        ("IIIIJJJJKKKKLLLL", None, ("IIIIJJJJKKKKLLLL", None)),
        ("R1", Some("BOB"), ("R1", Some("BOB"))),
        ("R1", None, ("R1", None)),
    ] {
        let found = find_asked(&w.store(), rfq, false).unwrap();
        let named = named(&order(rfq, desk), found);
        assert_eq!((&*named.rfq, named.desk.as_deref()), want, "{rfq} {desk:?}");
    }
}

#[test]
fn a_checkpoint_that_is_older_than_the_rfq_or_of_another_log_makes_no_bundle() {
    let w = World::long_ago();
    let mut log = w.log();
    let (before, _) = log.tree();
    w.keep(&mut log, "ALICE", w.at, "131=R1|");
    let (after, _) = log.tree();
    let checkpoint = |size, root| Checkpoint {
        origin: w.signer.verifier().name().into(),
        size,
        root,
        extensions: vec![],
    };
    let code = |c: &Checkpoint| w.bundle_at(c, None).map(|_| "").unwrap_or_else(|e| e.code());
    assert_eq!(code(&checkpoint(before.size(), before.root())), "bundle.not_covered");
    assert_eq!(code(&checkpoint(after.size() + 1, after.root())), "bundle.not_covered");
    assert_eq!(code(&checkpoint(after.size(), before.root())), "journal.rewritten");
    assert_eq!(code(&checkpoint(after.size(), after.root())), "");
}

#[test]
fn documents_in_parts_are_put_together_and_written_once_in_a_file() {
    let w = World::long_ago();
    let mut log = w.log();
    let policies = "permit(principal, action, resource);\n".repeat(9_000);
    let sha = crate::signed::sha256(policies.as_bytes());
    let sizes: Vec<u64> = (0..2)
        .map(|_| {
            log.blob(w.at, BlobKind::Policies, policies.as_bytes()).unwrap();
            log.tree().0.size()
        })
        .collect();
    assert_eq!(sizes[0], sizes[1]);
    let hex = signet_registry::hex(&sha);
    let json = format!(
        "{{\"desk\":\"ALICE\",\"id\":\"R1\",\"at_ms\":1,\"policies_sha256\":\"{hex}\",\
         \"facts_sha256\":\"{hex}\"}}"
    );
    log.decision(w.at, &json).unwrap();
    let (out, bundled) = w.bundle(&log, None).unwrap();
    assert_eq!(bundled.records, 1);
    assert_eq!(fs::read_to_string(out.join(format!("policies/{hex}.cedar"))).unwrap(), policies);
    assert!(verify(&out).0, "{}", verify(&out).1);
}

/// The list that was in force when the message came is in the evidence, and is the one that counts.
#[test]
fn a_revocation_that_was_known_at_the_time_is_found() {
    let w = World::long_ago();
    let certified = w.pki.issue(&Order::desk("ALICE")).unwrap().certified_key().unwrap();
    let at = OffsetDateTime::from_unix_timestamp(w.at.0 / 1_000).unwrap();
    let far = at + time::Duration::hours(12);
    let desk = signet_identity::Role::Desk;
    for (revoked, want) in [(vec![], true), (vec![&certified.cert[0]], false)] {
        let mut log = w.log();
        let list = w.pki.crl(desk, &revoked, far).unwrap();
        log.blob(w.at, BlobKind::Crl, &list).unwrap();
        let found = {
            let key = MessageKey::of(&certified).unwrap();
            let plain = seal("FIX.4.4", b"35=R\x0134=2\x0149=ALICE\x0156=SIGNET\x01131=R1\x01");
            let frame = signet_fix::signature::sign(&plain, &*signing(&key, every).signer).unwrap();
            let certificate = &certified.cert[0];
            let (party, id) = (Party::Desk, "ALICE");
            log.keep(&Kept { at: w.at, party, id, certificate, frame: &frame }).unwrap();
            w.bundle(&log, None).unwrap().0
        };
        let (_, said) = verify(&found);
        let index = fs::read_to_string(found.join("index.txt")).unwrap();
        assert!(index.contains("lists/"), "{index}");
        assert_eq!(said.contains("certificate revoked"), !want, "{said}");
    }
}
