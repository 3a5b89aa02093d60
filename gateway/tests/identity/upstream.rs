//! An outside EST authority signs. Here it is another gateway; the check of what it sends back does
//! not trust it any more for that.

use crate::support::World;
use std::{fs, os::unix::fs::PermissionsExt as _};

/// A gateway whose authority is `ca`, reached with these credentials.
fn below(ca: &World, credentials: &str) -> World {
    let mut w = World::new();
    w.n = ca.n;
    fs::write(w.path("ra"), credentials).unwrap();
    fs::set_permissions(w.path("ra"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(ca.path("gateways-ca.pem"), w.path("est-roots.pem")).unwrap();
    fs::copy(ca.path("issuing.pem"), w.path("desks.pem")).unwrap();
    let upstream = format!(
        "[enrolment.upstream]\nurl = \"https://localhost:{}/.well-known/est\"\nroots = \
            \"est-roots.pem\"\ncredentials_file = \"ra\"\n",
        ca.est()
    );
    let text = w
        .text("gateway.toml")
        .replace("ca_certificate = \"issuing.pem\"\nca_key = \"issuing-key.pem\"\n", "");
    fs::write(
        &w.config,
        text.replace("trust = \"issuing.pem\"", "trust = \"desks.pem\"") + &upstream,
    )
    .unwrap();
    w.start();
    w
}

#[test]
fn an_outside_authority_signs_what_the_gateway_allows() {
    let ca = World::started();
    let password = ca.user("alice", "ALICE");
    let w = below(&ca, &format!("alice:{password}"));
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    w.keep(&w.enrol("alice", &code, "laptop"), "laptop");
    w.openssl(&["verify", "-CAfile", "desks.pem", "laptop.pem"]);
    assert!(w.cli(&["user", "show", "alice"]).contains(&w.serial("laptop")));
    w.keep(&w.curl("/.well-known/est/cacerts", &[]), "cacerts");
    w.openssl(&["verify", "-CAfile", "cacerts.pem", "laptop.pem"]);
    w.curl("/crl/desks.crl", &[]).refused(404, "enrol.not_found");
}

#[test]
fn what_was_not_ordered_is_not_handed_out() {
    let ca = World::started();
    // The authority's own idea of who this is.
    let password = ca.user("mallory", "MALLORY");
    let w = below(&ca, &format!("mallory:{password}"));
    let code = w.user("alice", "ALICE");
    w.request("laptop", "laptop");
    w.enrol("alice", &code, "laptop").refused(502, "enrol.authority_failed");
    assert!(!w.cli(&["user", "show", "alice"]).contains("certificate"));
    // Nor is the code used up: the next answer is about the authority again.
    w.enrol("alice", &code, "laptop").refused(502, "enrol.authority_failed");
}
