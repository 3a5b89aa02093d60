//! `signet-gateway signed` as an auditor types it, and the keys messages are signed with.

use crate::support::World;
use rustls_pki_types::CertificateDer;
use signet_devca::{DevPki, Order};
use signet_fix::{signature::every, tagvalue::seal};
use signet_gateway::{
    Config,
    signed::{Kept, Party, SignedLog, signing},
};
use signet_identity::MessageKey;
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use std::{fs, os::unix::fs::PermissionsExt as _};

const NOON: UtcMillis = UtcMillis(1_795_262_400_000); // 2026-11-21T12:00:00Z

fn keep(log: &mut SignedLog, pki: &DevPki, name: &str, at: UtcMillis, body: &str) {
    let certified = pki.issue(&Order::desk(name)).unwrap().certified_key().unwrap();
    let (key, certificate): (_, CertificateDer<'static>) =
        (MessageKey::of(&certified).unwrap(), certified.cert[0].clone());
    let text = format!("35=R|34=2|49={name}|52=20261121-12:00:00.000|56=SIGNET|{body}")
        .replace('|', "\u{1}");
    let frame = signet_fix::signature::sign(
        &seal("FIX.4.4", text.as_bytes()),
        &*signing(&key, every).signer,
    )
    .unwrap();
    log.keep(&Kept { at, party: Party::Desk, id: name, certificate: &certificate, frame: &frame })
        .unwrap();
}

#[test]
fn an_auditor_lists_exports_and_verifies_what_was_signed() {
    let w = World::new();
    assert!(
        w.cli_fails(&["signed", "list"]).contains("admin.store_key"),
        "no gateway has run here"
    );
    let state = Config::read(&w.config).unwrap().gateway.state_dir;
    fs::create_dir_all(&state).unwrap();
    let key_file = state.join("store.key");
    fs::write(&key_file, [7; 32]).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(w.cli_fails(&["signed", "list"]).contains("chmod 600"));
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    // The log stays open, as it does while a gateway runs.
    let mut log =
        SignedLog::open(&state.join("signed"), &StoreKey::new([7; 32]), NOON, false).unwrap();
    keep(&mut log, &w.pki, "ALICE", NOON, "131=R1|");
    keep(&mut log, &w.pki, "ALICE", NOON + 3_600_000, "131=R2|");
    keep(&mut log, &w.pki, "BOB", NOON + 7_200_000, "131=R1|");

    let all = w.cli(&["signed", "list"]);
    assert!(
        all.contains("3 of 3 messages, 0 not good. Head: 3 ") && all.contains("35=R 34=2 131=R2"),
        "{all}"
    );
    let lines = |args: &[&str]| w.cli(&[&["signed", "export"], args].concat()).lines().count();
    assert_eq!(lines(&[]), 3);
    assert_eq!(lines(&["--desk", "ALICE"]), 2);
    assert_eq!(lines(&["--rfq", "R1"]), 2);
    assert_eq!(lines(&["--from", "2026-11-21T13:00:00Z"]), 2);
    assert_eq!(lines(&["--from", "2026-11-21", "--to", "2026-11-21T13:00:00Z"]), 1);
    assert_eq!(lines(&["--from", "2026-11-22"]), 0);
    assert!(w.cli_fails(&["signed", "list", "--from", "yesterday"]).contains("RFC 3339"));

    let export = w.cli(&["signed", "export"]);
    fs::write(w.path("export.jsonl"), &export).unwrap();
    assert!(w.cli(&["signed", "verify", "export.jsonl"]).starts_with("3 messages"));
    fs::write(w.path("changed.jsonl"), export.replace("ALICE", "ALICF")).unwrap();
    let said = w.cli_fails(&["signed", "verify", "changed.jsonl"]);
    assert!(said.contains("line 1") && said.contains("signed.altered"), "{said}");
    let without: String = export
        .lines()
        .enumerate()
        .filter(|(n, _)| *n != 1)
        .map(|(_, l)| format!("{l}\n"))
        .collect();
    fs::write(w.path("cut.jsonl"), without).unwrap();
    let said = w.cli_fails(&["signed", "verify", "cut.jsonl"]);
    assert!(said.contains("signed.missing") && said.contains("number 2"), "{said}");
    assert!(w.cli(&["signed", "verify", "--part", "cut.jsonl"]).contains("1 messages before it"));

    // What does not prove what it should is said, and the exit code says so too.
    let certified = w.pki.issue(&Order::desk("EVE")).unwrap().certified_key().unwrap();
    log.keep(&Kept {
        at: NOON,
        party: Party::Desk,
        id: "EVE",
        certificate: &certified.cert[0],
        frame: b"8=FIX.4.4\x01",
    })
    .unwrap();
    assert!(w.cli_fails(&["signed", "list"]).contains("1 messages do not prove"));
}

#[test]
fn a_gateway_whose_key_cannot_sign_messages_does_not_start() {
    let w = World::new();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()])
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    fs::write(w.path("gateway.pem"), certificate.pem()).unwrap();
    fs::write(w.path("gateway-key.pem"), pair.serialize_pem()).unwrap();
    let said = w.cli_fails(&["check-config"]);
    assert!(said.contains("tls.key") && said.contains("P-256"), "{said}");
}
