//! A desk's own history against the gateway's evidence: what both say after a day's work, and a
//! gateway that lies with all its keys at hand.
#![cfg(unix)]

use crate::support::{Screen, World};
use signet_desk_core::{HistoryExport, history_export, view::*};
use signet_gateway::{
    admin::evidence_bundle,
    config::CheckpointSection,
    evidence::{BundleOrder, CompareOrder, Compared, Outcome, evidence_compare},
};
use signet_history::{Blame, Selection, What, verify, verify_since};
use signet_practice::{TRADER, VENUE_NAME};
use signet_tlog::{Checkpoint, Hash, inclusion, leaf_hash, note::SignerKey, root_of};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const NORTH: &str = "NORTHBANK";
const EAST: &str = "HARBOUR";
/// Signs nothing.
const SOUTH: &str = "MERIDIAN";

struct Day {
    w: World,
    rfq: String,
    export: HistoryExport,
    file: PathBuf,
    bundle: PathBuf,
}

/// An RFQ that three quoted, that was on screen over a reconnection, and that was taken from one.
fn a_day() -> Day {
    let (mut w, ()) = World::start_over(
        |p| p.checkpoint = CheckpointSection { every_seconds: 1, ..CheckpointSection::default() },
        |_, config| {
            let folder = config.data_dir.parent().unwrap_or(&config.data_dir);
            config.history.publish = Some(folder.join("kept"));
        },
    );
    for (dealer, offer) in [(NORTH, "99.135"), (EAST, "99.145"), (SOUTH, "99.155")] {
        w.quotes(dealer, offer, 30_000);
    }
    let mut s = w.connect();
    let rfq = w.ask(Ask::Buy, &[NORTH, EAST, SOUTH], 60);
    let quoted = |s: &Screen, id: &str| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.offer.is_some()).count() == 3
    };
    w.until(&mut s, "three quotes", |s| quoted(s, &rfq));
    w.runtime.block_on(w.desk.disconnect()).unwrap();
    w.until(&mut s, "offline", |s| s.link() == Some(LinkState::Offline));
    w.runtime.block_on(w.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
    w.until(&mut s, "online again", |s| s.link() == Some(LinkState::Online) && quoted(s, &rfq));
    w.eventually("the clock is measured", || w.arm(&s, &rfq, NORTH, Side::Buy).is_ok());
    let armed = w.arm(&s, &rfq, NORTH, Side::Buy).unwrap();
    w.desk.accept(&rfq, &armed.id).unwrap();
    w.until(&mut s, "a fill", |s| s.accept_state(&rfq) == Some(AcceptState::Filled));
    w.runtime.block_on(w.desk.shut_down());
    w.practice.stop_gateway();
    let bundle = w.dir.path().join("bundle");
    let order = BundleOrder {
        rfq: rfq.clone(),
        desk: None,
        checkpoint: None,
        out: bundle.clone(),
        whole: false,
    };
    let config = w.practice.gateway_config().clone();
    w.runtime.block_on(evidence_bundle(&config, &order)).unwrap();
    let desk = w.practice.desk_config("test");
    let wanted = Selection::default();
    let export = history_export(&desk, w.keychain.as_ref(), TRADER, &wanted).unwrap();
    let file = w.dir.path().join("history.txt");
    fs::write(&file, &export.text).unwrap();
    Day { w, rfq, export, file, bundle }
}

impl Day {
    fn compare(&self, evidence: &Path) -> Compared {
        self.compare_since(evidence, None)
    }

    /// With a checkpoint of the history that somebody has kept.
    fn compare_since(&self, evidence: &Path, checkpoint: Option<&Path>) -> Compared {
        let order = CompareOrder {
            evidence: evidence.into(),
            export: self.file.clone(),
            key: None,
            checkpoint: checkpoint.map(Path::to_path_buf),
            tolerance_ms: 2_000,
        };
        evidence_compare(Some(self.w.practice.gateway_config()), &order).unwrap()
    }
}

#[test]
fn desk_and_gateway_say_the_same_and_the_history_is_complete() {
    let day = a_day();
    let v = verify(&day.export.text);
    assert_eq!(v.faults, []);
    assert_eq!((v.desk.as_str(), v.lost, v.certified.len()), (TRADER, 0, 1));
    assert!(v.certified[0].holder.contains(TRADER));
    let kinds: Vec<String> = v
        .records
        .iter()
        .map(|r| match &r.what {
            What::Started { .. } => "started".into(),
            What::Key { .. } => "key".into(),
            What::Up { direct: false, .. } => "up".into(),
            What::Down => "down".into(),
            What::Sent { msg, .. } => format!("sent {msg}"),
            What::Received { msg, signed, .. } => {
                format!("received {msg}{}", if *signed { " signed" } else { "" })
            }
            What::Shown { screen, .. } => {
                for part in ["99.135", "99.145", "99.155", "\"armed\":{"] {
                    assert!(screen.contains(part), "{part}: {screen}");
                }
                "shown".into()
            }
            What::Stopped => "stopped".into(),
            other => panic!("{other:?}"),
        })
        .collect();
    for (kind, n) in [
        ("started", 2),
        ("key", 2),
        ("up", 2),
        ("down", 2),
        ("stopped", 2),
        ("sent R", 1),
        // The second time in the snapshot.
        ("received S", 6),
        ("shown", 1),
        ("sent AJ", 1),
        ("received 8 signed", 1),
    ] {
        assert!(kinds.iter().filter(|k| *k == kind).count() >= n, "{kind}: {kinds:?}");
    }
    let place = |kind: &str| kinds.iter().position(|k| k == kind).unwrap();
    assert!(place("sent R") < place("received S") && place("shown") < place("sent AJ"));
    assert!(place("sent AJ") < place("received 8 signed"));
    let clocks =
        v.records.iter().filter(|r| matches!(&r.what, What::Sent { msg, .. } if msg == "AJ"));
    assert!(clocks.into_iter().all(|r| r.offset_ms.is_some()), "the gateway's clock is known");

    for evidence in [&day.bundle, &day.w.practice.gateway_config().gateway.state_dir] {
        let found = day.compare(evidence);
        assert_eq!(found.outcome, Outcome::Same, "{found}");
        assert_eq!(found.unexplained(), 0, "{found}");
        assert_eq!(found.differences, [], "{found}");
        assert!(found.gateway_facts >= 6 && found.desk_facts >= 6, "{found}");
    }
    script_agrees(&day);
    script_knows_the_authority_and_an_earlier_checkpoint(&day);
}

/// Who issued the gateway's certificate, and what somebody has kept of the history.
fn script_knows_the_authority_and_an_earlier_checkpoint(day: &Day) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/signet-history/src");
    let keys = day.w.practice.gateway_config().tls.certificate.parent().unwrap().to_path_buf();
    let (gateways, dealers) = (keys.join("gateways-ca.pem"), keys.join("dealers-ca.pem"));
    let data = day.w.practice.desk_config("test").data_dir;
    let latest = data.parent().unwrap().join("kept").join(TRADER).join("latest.checkpoint");
    let other = day.w.dir.path().join("other.checkpoint");
    let note = fs::read_to_string(&latest).unwrap();
    let (size, after) = note.split_once('\n').unwrap().1.split_once('\n').unwrap();
    let earlier: u64 = size.parse().unwrap();
    assert!(earlier > 6, "{note}");
    // As of a history that had another record, signed with its key or not.
    fs::write(&other, note.replace(after.split('\n').next().unwrap(), &"A".repeat(43))).unwrap();
    let run = |file: &Path, authority: &Path, earlier: &Path| {
        let mut sh = Command::new("sh");
        sh.arg(script.join("verify.sh")).arg(file).arg(&day.export.key).arg(authority).arg(earlier);
        let out = sh.output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        (out.status.success(), text + &String::from_utf8_lossy(&out.stderr))
    };
    let (good, said) = run(&day.file, &gateways, &latest);
    assert!(good && said.contains("OK: history of "), "{said}");
    for words in ["signed by the other end: 8=FIX.4.4|", "|35=8|", "Connection, record"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (good, said) = run(&day.file, &dealers, &latest);
    assert!(!good && said.contains("did not issue the certificate"), "{said}");
    let (good, said) = run(&day.file, &gateways, &other);
    assert!(!good && said.contains("the earlier checkpoint"), "{said}");
    let kept = fs::read_to_string(&latest).unwrap();
    assert_eq!(verify_since(&day.export.text, Some(&kept)).faults, []);
    for (checkpoint, outcome) in [(&latest, Outcome::Same), (&other, Outcome::Differs)] {
        let found = day.compare_since(&day.bundle, Some(checkpoint));
        assert_eq!(found.outcome, outcome, "{found}");
        let named = found.desk_faults.iter().any(|f| f.contains("the earlier checkpoint over"));
        assert_eq!(named, outcome == Outcome::Differs, "{found}");
    }
}

/// The script that goes with a release, with OpenSSL and nothing of ours.
fn script_agrees(day: &Day) {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/signet-history/src/verify.sh");
    let run = |file: &Path| {
        let out = Command::new("sh").arg(&script).arg(file).arg(&day.export.key).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        (out.status.success(), text + &String::from_utf8_lossy(&out.stderr))
    };
    let (good, said) = run(&day.file);
    assert!(good && said.contains(&format!("OK: history of {TRADER}")), "{said}");
    let bad = day.w.dir.path().join("bad.txt");
    let lines: Vec<&str> = day.export.text.lines().collect();
    let at = lines.iter().position(|l| l.starts_with("r 7 ")).unwrap();
    let mut changed = lines[at].to_owned();
    let middle = changed.len() - 40;
    let other = if &changed[middle..=middle] == "A" { "B" } else { "A" };
    changed.replace_range(middle..=middle, other);
    // With the next record: lines of other kinds are aids, and say nothing.
    let next = lines.iter().position(|l| l.starts_with("r 8 ")).unwrap();
    let mut swapped = lines.clone();
    swapped.swap(at, next);
    for (what, lines) in [
        (
            "flipped",
            lines.iter().map(|l| if *l == lines[at] { changed.as_str() } else { l }).collect(),
        ),
        ("missing", lines.iter().filter(|l| !l.starts_with("r 7 ")).copied().collect::<Vec<_>>()),
        ("swapped", swapped),
    ] {
        fs::write(&bad, lines.join("\n") + "\n").unwrap();
        let (good, said) = run(&bad);
        assert!(!good && said.contains("record 7"), "{what}: {said}");
    }
}

type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let (mut folders, mut all) = (vec![folder.to_path_buf()], Files::new());
    while let Some(f) = folders.pop() {
        for entry in fs::read_dir(f).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    all.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    all
}

/// A bundle that a gateway makes which lies: `lie` changes the records, and everything that the
/// gateway signs is made to fit. It has every key but those of the others.
fn forged(day: &Day, name: &str, lie: impl Fn(&mut Vec<Vec<u8>>)) -> PathBuf {
    let mut all = files(&day.bundle);
    let seed = fs::read(day.w.practice.gateway_config().gateway.state_dir.join("checkpoint.key"));
    let seed: [u8; 32] = seed.unwrap().try_into().unwrap();
    let key = String::from_utf8(all["key.vkey"].clone()).unwrap();
    let origin = key.split('+').next().unwrap();
    let signer = SignerKey::new(origin, &seed.into()).unwrap();
    let mut records: Vec<Vec<u8>> =
        all.iter().filter(|(n, _)| n.ends_with(".record")).map(|(_, b)| b.clone()).collect();
    lie(&mut records);
    all.retain(|n, _| !n.starts_with("records/"));
    let leaves: Vec<Hash> = records.iter().map(|r| leaf_hash(r)).collect();
    let mut index = format!("rfq\t{}\t{TRADER}\n", day.rfq);
    for (i, bytes) in records.iter().enumerate() {
        let (record, proof) = (format!("records/{i}.record"), format!("records/{i}.proof"));
        let hashes = inclusion(&leaves, i).unwrap();
        let encode = |h: &Hash| {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            STANDARD.encode(h) + "\n"
        };
        index += &format!("leaf\t{i}\t{record}\t{proof}\n");
        all.insert(proof, hashes.iter().map(encode).collect::<String>().into());
        all.insert(record, bytes.clone());
    }
    let (size, root) = (leaves.len() as u64, root_of(&leaves));
    let c = Checkpoint { origin: origin.into(), size, root, extensions: Vec::new() };
    all.insert("checkpoint.txt".into(), c.sign(&signer).unwrap().into());
    all.insert("index.txt".into(), index.into());
    let mut manifest: serde_json::Value = serde_json::from_slice(&all["manifest.json"]).unwrap();
    let digest = |b: &[u8]| -> String {
        let d = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b);
        d.as_ref().iter().map(|b| format!("{b:02x}")).collect()
    };
    let named = all.iter().filter(|(n, _)| !n.starts_with("manifest."));
    let digests: BTreeMap<&String, String> = named.map(|(n, b)| (n, digest(b))).collect();
    manifest["files"] = serde_json::to_value(digests).unwrap();
    let text = format!("{manifest:#}\n");
    all.insert("manifest.sig".into(), signer.sign_bytes(text.as_bytes()).to_vec());
    all.insert("manifest.json".into(), text.into());
    let out = day.w.dir.path().join(name);
    for (name, bytes) in &all {
        let path = out.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    out
}

fn has(record: &[u8], text: &str) -> bool {
    let text = text.replace('|', "\u{1}");
    record.windows(text.len()).any(|w| w == text.as_bytes())
}

fn replaced(record: &mut [u8], from: &str, to: &str) {
    if let Some(at) = record.windows(from.len()).position(|w| w == from.as_bytes()) {
        record[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
}

/// The time of a record, of either kind, after the microseconds if it has them.
fn moved(record: &mut [u8], ms: i64) {
    let at = match record[0] {
        b'j' => 5,
        b'f' => 4,
        b'J' => 2,
        _ => 1,
    };
    let time = i64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    record[at..at + 8].copy_from_slice(&(time + ms).to_le_bytes());
}

#[test]
fn a_gateway_that_lies_with_all_its_keys_is_found() {
    let day = a_day();
    let honest = day.compare(&forged(&day, "honest", |_| ()));
    assert_eq!(honest.unexplained(), 0, "{honest}");
    let is_quote = |r: &[u8], price: &str| has(r, "|35=S|") && has(r, price);
    type Lie<'a> = (&'a str, &'a str, Blame, Option<&'a str>, Box<dyn Fn(&mut Vec<Vec<u8>>)>);
    let rows: Vec<Lie<'_>> = vec![
        (
            "left-out",
            "quote.left_out_by_gateway",
            Blame::Open,
            None,
            Box::new(move |all| all.retain(|r| !is_quote(r, "99.145"))),
        ),
        (
            "left-out-traded",
            "quote.left_out_by_gateway",
            Blame::Gateway,
            Some("gateway SIGNET"),
            Box::new(move |all| all.retain(|r| !is_quote(r, "99.135"))),
        ),
        (
            "price",
            "quote.price",
            Blame::Open,
            None,
            Box::new(move |all| {
                all.iter_mut()
                    .filter(|r| is_quote(r, "99.155"))
                    .for_each(|r| replaced(r, "133=99.155", "133=99.195"));
            }),
        ),
        (
            "time",
            "quote.time",
            Blame::Open,
            Some("dealer NORTHBANK"),
            Box::new(move |all| {
                all.iter_mut().filter(|r| is_quote(r, "99.135")).for_each(|r| moved(r, -60_000));
            }),
        ),
        (
            "accept",
            "accept.denied_by_gateway",
            Blame::Gateway,
            Some("gateway SIGNET"),
            Box::new(|all| all.retain(|r| !has(r, "|35=AJ|"))),
        ),
        (
            "fill",
            "fill.denied_by_gateway",
            Blame::Gateway,
            Some("gateway SIGNET"),
            Box::new(|all| all.retain(|r| !has(r, "|35=8|"))),
        ),
        (
            "request",
            "request.denied_by_gateway",
            Blame::Gateway,
            Some("gateway SIGNET"),
            Box::new(|all| all.retain(|r| !has(r, "|35=R|"))),
        ),
    ];
    for (name, code, against, signed_by, lie) in rows {
        let found = day.compare(&forged(&day, name, lie));
        let named = found.differences.iter().find(|d| d.code == code);
        let named = named.unwrap_or_else(|| panic!("{name}: {found}"));
        assert_eq!((named.against, named.rfq.as_str()), (against, day.rfq.as_str()), "{named}");
        let by = |who: &str| named.proof.iter().any(|p| p.signed_by == who);
        assert!(signed_by.is_none_or(by), "{name}: {named}");
        assert!(found.unexplained() > 0 && found.desk_faults.is_empty(), "{found}");
        assert_eq!(found.outcome, Outcome::Differs, "{found}");
    }
    // Signed messages cannot be changed at all: the signature tells.
    let found = day.compare(&forged(&day, "signed", |all| {
        let signed = all.iter_mut().filter(|r| r[0] == b'f' && has(r, "|35=S|"));
        signed.for_each(|r| replaced(r, "133=99.1", "133=99.2"));
    }));
    assert!(!found.gateway_faults.is_empty(), "{found}");
    // A bundle that was changed after it was signed, and one of somebody else's key.
    let order = |key: Option<&str>, evidence: PathBuf| CompareOrder {
        evidence,
        export: day.file.clone(),
        key: key.map(|k| k.parse().unwrap()),
        checkpoint: None,
        tolerance_ms: 2_000,
    };
    let changed = forged(&day, "changed", |_| ());
    fs::write(changed.join("story.txt"), "nothing happened").unwrap();
    let refused = evidence_compare(None, &order(None, changed)).unwrap_err();
    assert_eq!(refused.code(), "compare.bundle");
    let refused = evidence_compare(None, &order(Some(&day.export.key), day.bundle.clone()));
    assert_eq!(refused.unwrap_err().code(), "compare.bundle");
    let refused = evidence_compare(None, &order(None, day.w.dir.path().into()));
    assert_eq!(refused.unwrap_err().code(), "compare.neither");
}

#[test]
fn a_history_that_was_changed_is_named_beside_the_differences() {
    let day = a_day();
    let changed = day.export.text.replacen("\nr 8 ", "\nh 8 ", 1);
    fs::write(&day.file, changed).unwrap();
    let found = day.compare(&day.bundle);
    assert!(!found.desk_faults.is_empty() && found.unexplained() > 0, "{found}");
}

/// A history that cannot be kept is told; where the firm requires it the desk does not connect.
#[test]
fn a_history_that_cannot_be_kept_is_said_and_may_stop_the_desk() {
    for required in [false, true] {
        let (w, ()) = World::start_over(
            |_| (),
            |_, config| {
                config.history.required = required;
                let folder = config.data_dir.join(TRADER);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("history"), "in the way").unwrap();
            },
        );
        let mut s = Screen::default();
        w.runtime.block_on(w.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
        let wanted = if required { LinkState::Refused } else { LinkState::Online };
        w.until(&mut s, "decided", |s| s.link() == Some(wanted));
        let problem = s.session.as_ref().and_then(|v| v.problem.clone()).map(|p| p.code);
        let told = s.notices.iter().any(|n| n.code == "history.unwritable");
        assert_eq!(
            (problem.as_deref(), told),
            match required {
                true => (Some("history.unwritable"), false),
                false => (None, true),
            }
        );
    }
}
