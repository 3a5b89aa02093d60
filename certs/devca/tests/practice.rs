//! What the practice authority promises about files and its private keychain.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use signet_devca::{DevPki, Order};
use signet_identity::{PeerIdentity, Role};
use time::{Duration, OffsetDateTime};

#[test]
fn keys_and_their_directory_are_for_the_owner_only() {
    let pki = DevPki::generate("practice.signet.example", OffsetDateTime::now_utc()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("pki");
    let files = pki.issue(&Order::gateway("SIGNET")).unwrap().write_to(&directory, "gw").unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&files.key), 0o600);
}

#[test]
fn certificates_follow_their_profiles() {
    let now = OffsetDateTime::now_utc();
    let pki = DevPki::generate("practice.signet.example", now).unwrap();
    let orders = [
        (Order::desk("x1"), Role::Desk),
        (Order::gateway("x1"), Role::Gateway),
        (Order::dealer("x1"), Role::Dealer),
        (Order::admin("x1"), Role::Admin),
    ];
    for (order, role) in orders {
        let issued = pki.issue(&order).unwrap();
        let peer = PeerIdentity::from_certificate(&issued.chain()[0]).unwrap();
        peer.require(role, pki.trust_domain()).unwrap();
        assert_eq!(peer.comp_id.as_str(), "x1");
        assert!(peer.not_before <= now && peer.not_after <= now + Duration::days(7));
    }
}

#[test]
fn debug_output_shows_no_key() {
    let pki = DevPki::generate("practice.signet.example", OffsetDateTime::now_utc()).unwrap();
    let issued = pki.issue(&Order::desk("X1")).unwrap();
    assert_eq!(format!("{issued:?}"), "Issued { certificates: 1, .. }");
}

#[test]
fn a_program_can_be_run_with_a_keychain_of_its_own() {
    let status = Command::new(env!("CARGO_BIN_EXE_signet-devca"))
        .args(["with-keyring", "--", "sh", "-c"])
        .arg("test -n \"$DBUS_SESSION_BUS_ADDRESS\" && exit 7")
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
}
