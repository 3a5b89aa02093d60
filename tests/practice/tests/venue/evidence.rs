//! One RFQ's bundle from a gateway that trades, verified by programs that are not ours: `sh` with
//! OpenSSL, and the page's script in Node.
#![cfg(unix)]

use crate::support::{
    World,
    person::{Person, quotes, world},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_desk_core::view::*;
use signet_gateway::{
    admin::evidence_bundle,
    checkpoint::{journal_verify, public_key},
    config::CheckpointSection,
    evidence::{BundleOrder, Bundled},
};
use signet_practice::TRADER;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const NORTH: &str = "NORTHBANK";
const EAST: &str = "HARBOUR";
/// Signs nothing.
const SOUTH: &str = "MERIDIAN";

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut folders, mut all) = (vec![folder.to_path_buf()], BTreeMap::new());
    while let Some(f) = folders.pop() {
        for entry in fs::read_dir(f).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    let _ = fs::remove_dir_all(folder);
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/src/evidence/verify.sh")
}

fn text(o: &Output) -> String {
    String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr)
}

fn sh(folder: &Path, key: &str) -> (bool, String) {
    let out = Command::new("sh").arg(script()).arg(folder).arg(key).output().unwrap();
    (out.status.success(), text(&out))
}

/// The page's script in Node; `None` when there is no Node.
fn node(folder: &Path, key: &str) -> Option<(bool, String)> {
    let verify = script().with_extension("js");
    let program = format!(
        "require({verify:?}); const fs = require('fs'), path = require('path'); const files = new Map(); \
         const walk = (d, p) => {{ for (const e of fs.readdirSync(d, {{ withFileTypes: true }})) {{ \
         const name = p ? p + '/' + e.name : e.name; if (e.isDirectory()) walk(path.join(d, e.name), name); \
         else files.set(name, new Uint8Array(fs.readFileSync(path.join(d, e.name)))); }} }}; walk({folder:?}, ''); \
         verifyBundle(files, {key:?}).then((r) => {{ r.faults.forEach((f) => console.log('FAULT: ' + f)); \
         if (r.faults.length === 0) console.log('OK: RFQ ' + r.found.rfq + ' of ' + r.found.desk + ' ' \
         + r.found.records + ' ' + r.found.messages.length); process.exit(r.faults.length ? 1 : 0); }});"
    );
    let out = Command::new("node").arg("-e").arg(program).output().ok()?;
    Some((out.status.success(), text(&out)))
}

fn flip(bytes: &mut [u8]) {
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
}

/// An RFQ that was quoted by two and taken from one, and its bundle.
fn traded() -> (World, String, PathBuf, Bundled) {
    let mut w = World::start_with(|p| {
        p.checkpoint = CheckpointSection {
            every_seconds: 1,
            publish: vec![p.dir.join("witness").to_str().unwrap().into()],
            ..CheckpointSection::default()
        };
        // They write the same down as the trading thread alone.
        p.signature_threads = 2;
    });
    for (dealer, offer) in [(NORTH, "99.135"), (EAST, "99.145"), (SOUTH, "99.155")] {
        w.quotes(dealer, offer, 30_000);
    }
    let mut s = w.connect();
    let id = w.ask(Ask::Buy, &[NORTH, EAST, SOUTH], 60);
    w.until(&mut s, "three quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.offer.is_some()).count() == 3
    });
    let armed = w.arm(&s, &id, NORTH, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "a fill", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    // Its end makes the last checkpoint.
    w.practice.stop_gateway();
    let out = w.dir.path().join("bundle");
    let order = BundleOrder {
        rfq: id.clone(),
        desk: None,
        checkpoint: None,
        out: out.clone(),
        whole: false,
    };
    let config = w.practice.gateway_config().clone();
    let bundled = w.runtime.block_on(evidence_bundle(&config, &order)).unwrap();
    (w, id, out, bundled)
}

#[test]
fn an_auditor_with_openssl_or_a_browser_verifies_a_bundle_and_every_change_is_named() {
    let (w, id, out, bundled) = traded();
    let config = w.practice.gateway_config();
    let key = public_key(config).unwrap();
    assert_eq!(bundled.desk, TRADER);
    let whole = files(&out);
    let story = String::from_utf8(whole["story.txt"].clone()).unwrap();
    // The request, both quotes, the accept, the execution, and what was decided.
    for part in ["|35=R|", EAST, SOUTH, "|35=S|", "|35=AJ|", "|35=8|", "decision: "] {
        assert!(story.contains(part), "{part}: {story}");
    }
    assert!(story.contains("|132=99.1") || story.contains("|133=99.1"), "{story}");
    assert!(whole.keys().any(|n| n.ends_with(".cedar")), "the policies in force");

    let (good, said) = sh(&out, &key);
    assert!(good && said.contains(&format!("OK: RFQ {id} of {TRADER}")), "{said}");
    if let Some((good, said)) = node(&out, &key) {
        assert!(good && said.contains(&format!("OK: RFQ {id} of {TRADER}")), "{said}");
    }
    assert!(!sh(&out, "another/log+00000000+AAAA").0);

    let bad = w.dir.path().join("bad");
    let judge = |what: &str, named: &[&String], changed: &BTreeMap<String, Vec<u8>>| {
        write(&bad, changed);
        for (good, said) in [Some(sh(&bad, &key)), node(&bad, &key)].into_iter().flatten() {
            let all = named.iter().all(|n| said.contains(n.as_str()));
            assert!(!good && all, "{what} {named:?}: {said}");
        }
    };
    // Without these nothing can be judged, so each by itself; the others all at once.
    let first =
        ["manifest.json", "manifest.sig", "key.pem", "key.vkey", "checkpoint.txt", "index.txt"];
    let (alone, together): (Vec<_>, Vec<_>) =
        whole.keys().partition(|name| first.contains(&name.as_str()));
    for name in alone {
        let mut changed = whole.clone();
        flip(changed.get_mut(name).unwrap());
        judge("flipped", &[name], &changed);
        changed.remove(name);
        judge("missing", &[name], &changed);
    }
    let mut changed = whole.clone();
    together.iter().for_each(|name| flip(changed.get_mut(*name).unwrap()));
    judge("flipped", &together, &changed);
    changed.retain(|name, _| !together.contains(&name));
    judge("missing", &together, &changed);
    let records: Vec<&String> = whole.keys().filter(|n| n.ends_with(".record")).collect();
    let mut changed = whole.clone();
    let (one, two) = (whole[records[0]].clone(), whole[records[1]].clone());
    changed.insert(records[0].clone(), two);
    changed.insert(records[1].clone(), one);
    judge("swapped", &[records[0], records[1]], &changed);
    let mut changed = whole.clone();
    changed.insert("records/more.record".into(), b"more".to_vec());
    judge("added", &[&"records/more.record".into()], &changed);
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Signs as the gateway does.
fn sign(state: &Path, bytes: &[u8]) -> Vec<u8> {
    let seed = fs::read(state.join("checkpoint.key")).unwrap();
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    pair.sign(bytes).as_ref().to_vec()
}

/// Signs the manifest again, with the digest of one file as it is now.
fn resign(state: &Path, files: &mut BTreeMap<String, Vec<u8>>, name: &str, before: &[u8]) {
    let manifest = String::from_utf8(files["manifest.json"].clone()).unwrap();
    let manifest = manifest.replace(&hex(&sha256(before)), &hex(&sha256(&files[name])));
    files.insert("manifest.sig".into(), sign(state, manifest.as_bytes()));
    files.insert("manifest.json".into(), manifest.into());
}

/// Somebody with the gateway's keys signs a manifest of a bundle in which one record is another:
/// the record is not in the tree that the second party's checkpoint is over.
#[test]
fn a_forged_record_is_not_in_the_tree_though_the_manifest_is_signed() {
    let (w, _, out, _) = traded();
    let mut forged = files(&out);
    let name = forged.keys().find(|n| n.ends_with(".record")).unwrap().clone();
    let old = forged[&name].clone();
    let bytes = forged.get_mut(&name).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    resign(&w.practice.gateway_config().gateway.state_dir, &mut forged, &name, &old);
    let bad = w.dir.path().join("forged");
    write(&bad, &forged);
    for (good, said) in [Some(sh(&bad, "")), node(&bad, "")].into_iter().flatten() {
        assert!(!good && said.contains(&format!("{name}: is not record")), "{said}");
        assert!(!said.contains("manifest.json"), "{said}");
    }
}

#[test]
fn the_second_partys_checkpoints_lead_to_the_journal_and_over_restarts() {
    let (mut w, ..) = traded();
    let config = w.practice.gateway_config().clone();
    let witness = w.dir.path().join("witness");
    let first = journal_verify(&config, std::slice::from_ref(&witness)).unwrap();
    assert!(first.checkpoints >= 2 && first.covered == first.size, "{first:?}");
    w.practice.restart_gateway().unwrap();
    w.practice.stop_gateway();
    let again = journal_verify(&config, &[witness]).unwrap();
    assert!(again.size >= first.size && again.journal == first.journal, "{again:?}");
}

#[test]
fn a_bundle_holds_the_touch_that_approved_it() {
    let w = world("logon = 'never'\naccept_above = { default = '1m' }");
    quotes(&w, "99.125", 5_000_000, 30_000);
    let mut alice = Person::new(&w, "alice", "ALICE1");
    let rfq = alice.accept("5m");
    alice.phase(StepUpPhase::Pin);
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    drop(alice);
    let mut w = w;
    w.practice.stop_gateway();
    let out = w.dir.path().join("bundle");
    let order = BundleOrder { rfq, desk: None, checkpoint: None, out: out.clone(), whole: false };
    let config = w.practice.gateway_config().clone();
    let bundled = w.runtime.block_on(evidence_bundle(&config, &order)).unwrap();
    assert_eq!(bundled.touches, 1);
    let key = public_key(&config).unwrap();
    let (good, said) = sh(&out, &key);
    assert!(good && said.contains("1 touches"), "{said}");
    // Each part of the touch is tied to the others: signed again as a whole, it does not fit.
    let whole = files(&out);
    let bad = w.dir.path().join("bad");
    for part in ["signed", "client.json", "approval.txt", "signature", "key.pem"] {
        let (name, bytes) =
            whole.iter().find(|(n, _)| n.starts_with("touches/") && n.ends_with(part)).unwrap();
        let mut changed = bytes.clone();
        let at = changed.len() / 2;
        changed[at] ^= 1;
        let mut forged = whole.clone();
        forged.insert(name.clone(), changed);
        resign(&config.gateway.state_dir, &mut forged, name, bytes);
        write(&bad, &forged);
        for (good, said) in [Some(sh(&bad, &key)), node(&bad, &key)].into_iter().flatten() {
            assert!(!good && said.contains("touches/"), "{part}: {said}");
            assert!(!said.contains("was changed"), "{part}: {said}");
        }
    }
}

/// Digits of the microseconds in a record, after its first byte.
const MICROS: usize = 3;

/// What somebody with the gateway's keys makes of one signed message.
struct Forger {
    state: PathBuf,
    /// A bundle of the gateway's, whose message it is.
    whole: BTreeMap<String, Vec<u8>>,
    record: Vec<u8>,
    /// The index's line about it: `message`, and what follows the record's name.
    line: Vec<String>,
}

impl Forger {
    fn new(state: &Path, whole: BTreeMap<String, Vec<u8>>) -> Self {
        let index = String::from_utf8(whole["index.txt"].clone()).unwrap();
        let line = index.lines().find(|l| l.starts_with("message")).unwrap();
        let line: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let record = whole[&line[1]].clone();
        Self { state: state.into(), whole, record, line }
    }

    /// The record's number of bytes before the message itself.
    fn head(&self) -> usize {
        43 + MICROS + usize::from(self.record[42 + MICROS])
    }

    /// The record as a gateway wrote it that counted in milliseconds.
    fn earlier(&self) -> Vec<u8> {
        assert_eq!(self.record[0], b'f');
        [&b"F"[..], &self.record[1 + MICROS..]].concat()
    }

    /// A log of this one record, signed, and a bundle of it with this index; `{leaf}` and
    /// `{message}` are its lines.
    fn bundle(&self, record: &[u8], index: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.whole.clone();
        files.retain(|name, _| !name.starts_with("records/") && !name.starts_with("manifest"));
        let name = "records/000000000000";
        let leaf = format!("leaf\t0\t{name}.record\t{name}.proof\n");
        let rest = self.line[4..].join("\t");
        let covered = self.record.len() - self.head() - 105;
        let message = format!("message\t{name}.record\t{covered}\t{name}.signature\t{rest}\n");
        let index = index.replace("{leaf}", &leaf).replace("{message}", &message);
        files.insert(format!("{name}.record"), record.to_vec());
        files.insert(format!("{name}.proof"), vec![]);
        files.insert(format!("{name}.signature"), self.whole[&self.line[3]].clone());
        files.insert("index.txt".into(), index.into());
        files.insert("checkpoint.txt".into(), self.checkpoint(record));
        let named: serde_json::Map<_, _> =
            files.iter().map(|(n, bytes)| (n.clone(), hex(&sha256(bytes)).into())).collect();
        let manifest = format!("{:#}\n", serde_json::json!({ "files": named }));
        files.insert("manifest.sig".into(), sign(&self.state, manifest.as_bytes()));
        files.insert("manifest.json".into(), manifest.into());
        files
    }

    /// A checkpoint over this record alone.
    fn checkpoint(&self, record: &[u8]) -> Vec<u8> {
        let note = String::from_utf8(self.whole["checkpoint.txt"].clone()).unwrap();
        let origin = note.lines().next().unwrap();
        let root = sha256(&[&[0], record].concat());
        let text = format!("{origin}\n1\n{}\n", STANDARD.encode(root));
        let (name, old) = note.lines().last().unwrap().rsplit_once(' ').unwrap();
        let mut signature = STANDARD.decode(old).unwrap();
        signature.truncate(4);
        signature.extend(sign(&self.state, text.as_bytes()));
        format!("{text}\n{name} {}\n", STANDARD.encode(signature)).into_bytes()
    }
}

/// The gateway's keys sign logs and bundles, and no message of a desk or a dealer.
#[test]
fn table_of_bundles_that_a_forger_with_the_gateways_keys_makes() {
    let (w, id, out, _) = traded();
    let config = w.practice.gateway_config();
    let key = public_key(config).unwrap();
    let f = Forger::new(&config.gateway.state_dir, files(&out));
    let rfq = format!("rfq\t{id}\t{TRADER}\n");
    let whole = format!("{rfq}{{leaf}}{{message}}");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut record = f.record.clone();
        change(&mut record);
        record
    };
    let unsigned = changed(&|r| {
        let at = r.len() - 105;
        r.splice(at..at, *b"44=1\x01");
    });
    let rows: [(&str, Vec<u8>, String, &str); 9] = [
        ("a field that nobody signed", unsigned, whole.clone(), "did not sign this message"),
        ("another's name", changed(&|r| r[43 + MICROS] ^= 1), whole.clone(), "is not for"),
        ("nobody's", changed(&|r| r[9 + MICROS] = 1), whole.clone(), "is nobody's"),
        ("another kind", changed(&|r| r[0] = 1), whole.clone(), "is not a message"),
        ("no microseconds", changed(&|r| r[1] = b'x'), whole.clone(), "is not a message"),
        (
            "a certificate that it does not name",
            changed(&|r| r[10 + MICROS] ^= 1),
            whole.clone(),
            "is not the certificate of",
        ),
        (
            "a message beside the log",
            f.record.clone(),
            format!("{rfq}{{message}}"),
            "no line shows that it is in the log",
        ),
        ("an unknown line", f.record.clone(), format!("{whole}more\n"), "index.txt: line"),
        ("a second RFQ", f.record.clone(), format!("{whole}{rfq}"), "index.txt"),
    ];
    let bad = w.dir.path().join("forged");
    let judge = |files: &BTreeMap<String, Vec<u8>>| {
        write(&bad, files);
        [Some(sh(&bad, &key)), node(&bad, &key)].into_iter().flatten()
    };
    for record in [f.record.clone(), f.earlier()] {
        for (good, said) in judge(&f.bundle(&record, &whole)) {
            assert!(good, "the forger's own log of a true message: {said}");
        }
    }
    for (name, record, index, named) in rows {
        for (good, said) in judge(&f.bundle(&record, &index)) {
            assert!(!good && said.contains(named), "{name}: {said}");
        }
    }
    // A name that every object of a browser has.
    let mut files = f.bundle(&f.record, &whole);
    files.insert("constructor".into(), b"more".to_vec());
    for (good, said) in judge(&files) {
        assert!(!good && said.contains("constructor: is not in manifest.json"), "{said}");
    }
}
