use super::{
    collect::{Subject, collect},
    files::{Sources, make, pem},
    *,
};
use crate::signed::{BlobKind, Kept, Party, SignedLog, signing};
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

    fn log(&self) -> SignedLog {
        let folder = self.dir.path().join("signed");
        SignedLog::open(&folder, &StoreKey::new([5; 32]), self.at, false).unwrap()
    }

    fn keep(&self, log: &mut SignedLog, desk: &str, at: UtcMillis, body: &str) {
        let certified = self.pki.issue(&Order::desk(desk)).unwrap().certified_key().unwrap();
        let key = MessageKey::of(&certified).unwrap();
        let certificate: CertificateDer<'static> = certified.cert[0].clone();
        certified.cert[1..].iter().for_each(|c| log.keep_issuer(at, c).unwrap());
        let text = format!("35=R|34=2|49={desk}|52=20261121-12:00:00.000|56=SIGNET|{body}");
        let plain = seal("FIX.4.4", text.replace('|', "\u{1}").as_bytes());
        let frame = signet_fix::signature::sign(&plain, &*signing(&key, every).signer).unwrap();
        let kept =
            Kept { at, party: Party::Desk, id: desk, certificate: &certificate, frame: &frame };
        log.keep(&kept).unwrap();
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
        let found = collect(&self.dir.path().join("signed"), &StoreKey::new([5; 32]), &wanted)?;
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

fn verify(folder: &Path) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/verify.sh");
    let out = Command::new("sh").arg(script).arg(folder).output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
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
