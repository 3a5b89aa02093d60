//! Evidence is good in the eyes of a program nobody here wrote: Yubico's python-fido2. Installed by
//! `scripts/interop-deps.sh` under the target folder, with the package index it is configured for.

use crate::{
    key_support::{Keys, NOW},
    support::{World, runtime},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use signet_registry::{
    CodePurpose, NewCode, Registry, RegistryUrl, code::OneTimeCode, first_key::Grant, hex_sha256,
};
use signet_rfq::UtcMillis;
use signet_softkey::Maker;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Exit code and lines of `evidence.py`.
fn judged(w: &World, lines: &[String], more: &[&str]) -> (bool, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let made = Command::new(root.join("scripts/interop-deps.sh"))
        .arg("python")
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    assert!(
        made.status.success(),
        "python-fido2 is needed and could not be installed:\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    fs::write(w.path("export.jsonl"), lines.join("\n")).unwrap();
    let script = root.join("tests/interop/evidence.py");
    let mut python = Command::new(target.join("interop/python/bin/python"));
    let out = python
        .arg(script)
        .arg("export.jsonl")
        .args(more)
        .current_dir(w.dir.path())
        .output()
        .expect("python starts");
    let told = String::from_utf8(out.stdout).unwrap();
    assert!(!told.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    (out.status.success(), told.lines().map(Into::into).collect())
}

/// A registry with three records, as exported; and the keys, whose maker is known.
fn exported(w: &World) -> (Vec<String>, Keys) {
    w.user("alice", "ALICE");
    let url = RegistryUrl::parse("sqlite:registry.db", w.dir.path(), None).unwrap();
    let digest = OneTimeCode::new([1; 16]).digest_for(CodePurpose::Key);
    let mut keys = Keys::new("alice", Grant::Code(digest.clone()));
    runtime().block_on(async {
        let registry = Registry::open(&url).await.unwrap();
        let code = NewCode { digest, expires: UtcMillis(NOW.0 + 1), managed: false };
        registry.add_key_code("alice", &code, "test", NOW).await.unwrap();
        registry.add_key(&keys.row, "test", NOW).await.unwrap();
        for _ in 0..3 {
            keys.record(&registry).await.unwrap();
        }
        registry.close().await;
    });
    (w.cli(&["evidence", "export", "all"]).lines().map(Into::into).collect(), keys)
}

/// The row with its record changed, and its own digest made anew.
fn altered(line: &str, change: impl Fn(&mut Value)) -> String {
    let mut row: Value = serde_json::from_str(line).unwrap();
    let mut record: Value = serde_json::from_str(row["record"].as_str().unwrap()).unwrap();
    change(&mut record);
    row["record"] = record.to_string().into();
    let field = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), Into::into);
    let mut bytes = Vec::new();
    for f in ["seq", "at_ms", "user", "approval", "record", "prev"].map(field) {
        bytes.extend_from_slice(&(f.len() as u64).to_be_bytes());
        bytes.extend_from_slice(f.as_bytes());
    }
    row["hash"] = hex_sha256(&bytes).into();
    row.to_string()
}

#[test]
fn an_independent_verifier_agrees() {
    let w = World::new();
    let (lines, keys) = exported(&w);
    fs::write(w.path("maker.pem"), keys.maker.pem()).unwrap();
    assert_eq!(
        judged(&w, &lines, &["--chain", "--root", "maker.pem"]),
        (true, ["1 good", "2 good", "3 good"].map(String::from).to_vec())
    );
    // The same name, another authority.
    fs::write(w.path("other.pem"), Maker::new("Maker").pem()).unwrap();
    let (good, told) = judged(&w, &lines[..1], &["--root", "other.pem"]);
    assert!(!good && told[0].starts_with("1 refused"), "{told:?}");
    let (good, told) = judged(&w, &lines[1..], &["--chain"]);
    assert!(!good && told[0].contains("does not follow"), "{told:?}");
    assert!(!judged(&w, &[lines[0].replace("alice", "mallo")], &[]).0);
}

#[test]
fn an_independent_verifier_finds_every_alteration() {
    let w = World::new();
    let (lines, _) = exported(&w);
    let flipped = |text: &Value, at: usize| {
        let mut bytes = B64.decode(text.as_str().unwrap()).unwrap();
        bytes[at] ^= 1;
        Value::from(B64.encode(bytes))
    };
    let edited = |text: &Value, from: &str, to: &str| {
        let data = String::from_utf8(B64.decode(text.as_str().unwrap()).unwrap()).unwrap();
        assert!(data.contains(from));
        Value::from(B64.encode(data.replacen(from, to, 1)))
    };
    let other: Value = serde_json::from_str(
        serde_json::from_str::<Value>(&lines[1]).unwrap()["record"].as_str().unwrap(),
    )
    .unwrap();
    type Change<'a> = Box<dyn Fn(&mut Value) + 'a>;
    let table: Vec<(&str, Change)> = vec![
        (
            "approval",
            Box::new(|e| {
                e["approval"] = e["approval"].as_str().unwrap().replace("logon", "wake").into()
            }),
        ),
        ("approver", Box::new(|e| e["approver"] = "BOB".into())),
        ("challenge", Box::new(|e| e["challenge"] = other["challenge"].clone())),
        ("connection", Box::new(|e| e["tls_exporter"] = B64.encode([8; 32]).into())),
        ("relying party", Box::new(|e| e["rp_id"] = "bank.example".into())),
        ("origin", Box::new(|e| e["origin"] = "https://bank.example".into())),
        ("user", Box::new(|e| e["user"] = "mallory".into())),
        ("deadline", Box::new(|e| e["deadline_ms"] = json!(1))),
        ("model", Box::new(|e| e["aaguid"] = "10112233-4455-6677-8899-aabbccddeeff".into())),
        ("credential", Box::new(|e| e["credential_id"] = flipped(&e["credential_id"], 0))),
        ("public key", Box::new(|e| e["public_key"] = flipped(&e["public_key"], 20))),
        ("flags", Box::new(|e| e["authenticator_data"] = flipped(&e["authenticator_data"], 32))),
        ("counter", Box::new(|e| e["authenticator_data"] = flipped(&e["authenticator_data"], 36))),
        ("signature", Box::new(|e| e["signature"] = other["signature"].clone())),
        (
            "what was signed",
            Box::new(|e| {
                e["client_data_json"] = edited(&e["client_data_json"], "\"txn\":\"", "\"txn\":\"A")
            }),
        ),
        (
            "registration",
            Box::new(|e| {
                e["registration_client_data_json"] = edited(
                    &e["registration_client_data_json"],
                    "\"challenge\":\"",
                    "\"challenge\":\"AAAA",
                )
            }),
        ),
        (
            "attestation",
            Box::new(|e| e["attestation_object"] = flipped(&e["attestation_object"], 60)),
        ),
    ];
    let changed: Vec<String> = table.iter().map(|(_, change)| altered(&lines[0], change)).collect();
    let (good, told) = judged(&w, &changed, &[]);
    assert!(!good);
    for ((name, _), line) in table.iter().zip(&told) {
        // Not because of the row's own digest: that was made anew.
        assert!(
            line.starts_with("1 refused: ") && !line.contains("the row was changed"),
            "{name}: {line}"
        );
    }
    assert_eq!(told.len(), table.len());
    assert_eq!(
        judged(&w, &[altered(&lines[0], |_| {})], &[]),
        (true, vec!["1 good".to_owned()]),
        "the tool itself changes nothing"
    );
}
