//! `signet-gateway check-config` says everything that is wrong, at once, and nothing of what is
//! right.

use crate::support::World;
use std::fs;

fn change(w: &World, file: &str, from: &str, to: &str) {
    let text = w.text(file);
    assert!(text.contains(from), "{from}");
    fs::write(w.path(file), text.replace(from, to)).unwrap();
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let w = World::new();
    let said = w.cli(&["check-config"]);
    assert!(said.contains(": good."), "{said}");

    change(
        &w,
        "gateway.toml",
        "public_host = \"localhost\"",
        "public_host = \"elsewhere.example\"",
    );
    change(
        &w,
        "gateway.toml",
        "instruments = \"instruments.toml\"",
        "instruments = \"nowhere.toml\"",
    );
    change(&w, "gateway.toml", "trust = \"dealers-ca.pem\"", "trust = \"nowhere.pem\"");
    change(&w, "gateway.toml", "name = \"Example Bank RFQ\"", "name = \"\"");
    let geo = "countries = ['UK']\n[geo]\nfile = 'country.mmdb'\n";
    change(&w, "risk.toml", "countries = ['GB']\n", geo);
    let said = w.cli_fails(&["check-config"]);
    for wanted in [
        "gateway.name",
        "nowhere.toml",
        "dealers.trust",
        "UK is not a country of ISO 3166-1; the United Kingdom is GB",
        "country.mmdb",
        "invited desks will refuse the certificate",
    ] {
        assert!(said.contains(wanted), "{wanted}:\n{said}");
    }
    assert!(said.lines().last().unwrap().contains("things are wrong"), "{said}");
}

#[test]
fn a_second_person_who_does_not_exist_is_named() {
    let keys = "[step_up]\nrp_id = 'stepup.bank.example'\nattestation = 'keys.toml'\n[step_up.when.second_person]\n\
                accept_above = { default = '1m' }\napprovers = ['BOB', 'CAROL']\n";
    let w = World::with("sqlite:registry.db", keys);
    let maker = signet_softkey::Maker::new("Maker");
    let list = maker.list(&[("00112233-4455-6677-8899-aabbccddeeff", "Test key")]);
    fs::write(w.path("keys.toml"), list).unwrap();
    w.user("carol", "CAROL");
    let carol = w.comp_id("CAROL");
    change(&w, "gateway.toml", "'CAROL'", &format!("'{carol}'"));
    let said = w.cli_fails(&["check-config"]);
    assert!(said.contains("no desk BOB is known") && !said.contains(&carol), "{said}");
}
