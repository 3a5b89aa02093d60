//! `signet-gateway policy`: what a risk officer types, and what comes back.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

const POLICIES: &str = include_str!("../entitlements.example.cedar");

/// The example documents with the practice venue's instruments; `policy` needs no certificate.
fn office() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("entitlements.cedar", POLICIES);
    write("entitlements.toml", include_str!("../entitlements.example.toml"));
    write("tests.toml", include_str!("../entitlements.tests.example.toml"));
    write("instruments.toml", include_str!("../../tests/dealer/instruments.toml"));
    let dealer = |id: &str| {
        format!("[[dealer]]\ncomp_id = '{id}'\nname = '{id}'\naddress = 'localhost:1'\n")
    };
    let text = format!(
        "[gateway]\nname = 'G'\ncomp_id = 'SIGNET'\nstate_dir = 's'\ninstruments = 'instruments.toml'\ntrust_domain = 'bank.example'\n\
         [tls]\ncertificate = 'c'\nkey = 'k'\n[desks]\nlisten = '127.0.0.1:0'\ntrust = 't'\n[dealers]\ntrust = 't'\n[risk]\nsettings = 'risk.toml'\n\
         [entitlements]\npolicies = 'entitlements.cedar'\nfacts = 'entitlements.toml'\n{}",
        ["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"].map(dealer).concat()
    );
    write("gateway.toml", &text);
    dir
}

/// Exit code, and what was printed to either stream.
fn policy(dir: &Path, line: &str) -> (i32, String) {
    let mut c = Command::new(env!("CARGO_BIN_EXE_signet-gateway"));
    c.args(["policy"]).args(line.split(' ')).args(["--config", "gateway.toml"]).current_dir(dir);
    let Output { status, stdout, stderr } = c.output().unwrap();
    (
        status.code().unwrap(),
        String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap(),
    )
}

#[track_caller]
fn says(dir: &Path, line: &str, code: i32, parts: &[&str]) -> String {
    let (got, text) = policy(dir, line);
    assert_eq!(got, code, "{line}\n{text}");
    for p in parts {
        assert!(text.contains(p), "{p:?} is not in\n{text}");
    }
    text
}

#[test]
fn the_example_is_good_and_answers_as_expected() {
    let d = office();
    let good = says(d.path(), "check", 0, &["Good: 26 policies", "digest "]);
    let digest = policy(d.path(), "digest").1;
    assert!(good.contains(digest.trim()) && digest.trim().len() == 64, "{good} {digest}");
    says(
        d.path(),
        "test --file tests.toml",
        0,
        &["ok    alice asks for Bunds", "38 of 38 as expected"],
    );
    fs::write(
        d.path().join("wrong.toml"),
        fs::read_to_string(d.path().join("tests.toml")).unwrap().replacen(
            "\"allow\"",
            "\"deny\"",
            1,
        ),
    )
    .unwrap();
    says(
        d.path(),
        "test --file wrong.toml",
        1,
        &["FAIL  alice asks for Bunds: expected denied, is allowed by bond-desk-governments"],
    );
    says(d.path(), "test --file nowhere.toml", 2, &["nowhere.toml"]);
}

#[test]
fn may_alice_buy_20m_and_why() {
    let d = office();
    let ask = "explain --user alice --action accept --side buy --instrument DE000BU2Z049 --dealer \
        NORTHBANK";
    let ok = [
        "alice accept: allowed",
        "bond-desk-governments (permits)",
        "notional                 5000000",
        "groups of the trader     bond-desk",
        "Digest of the policies: ",
    ];
    says(d.path(), &format!("{ask} --quantity 5m"), 0, &ok);
    let touch = [
        "alice accept: allowed with a touch",
        "touch-large (forbids)",
        "Trades above 10,000,000 need a touch of your key.",
    ];
    says(d.path(), &format!("{ask} --quantity 20m"), 1, &touch);
    says(
        d.path(),
        &format!("{ask} --quantity 20m --touched"),
        0,
        &["touched                  true"],
    );
    let denied = [
        "denied (entitle.forbidden)",
        "hard-limit-per-rfq (forbids)",
        "cure: Split the trade, or ask the risk officer.",
    ];
    says(d.path(), &format!("{ask} --quantity 101m --touched --second-person"), 1, &denied);
    says(
        d.path(),
        &format!("{ask} --quantity 1m --day-notional 400m"),
        1,
        &["hard-limit-per-day", "dayNotional              401000000"],
    );
    says(
        d.path(),
        &format!("{ask} --quantity 1m --first-today --new-dealer"),
        1,
        &["touch-first-of-day", "touch-new-dealer"],
    );
    says(
        d.path(),
        "explain --user mallory --action see --dealer NORTHBANK",
        1,
        &["denied (entitle.not_permitted)", "No policy permits it."],
    );
    says(d.path(), &format!("{ask} --quantity lots"), 2, &["lots"]);
    says(d.path(), "explain --user alice --action fly", 2, &["fly"]);
    says(d.path(), "explain --user alice --action accept", 2, &["instrument is missing"]);
}

#[test]
fn what_a_change_allows_that_was_denied() {
    let d = office();
    let small = |n: &str| {
        format!(
            "@id(\"bonds\") permit (principal in Group::\"bond-desk\", action in Action::\"trade\", resource in Panel::\"bond-dealers\");\n\
             @id(\"juniors\") forbid (principal in Group::\"juniors\", action in \
                 Action::\"trade\", resource) when {{ context.notional > {n} }};"
        )
    };
    let write = |name: &str, text: &str| fs::write(d.path().join(name), text).unwrap();
    write("entitlements.cedar", &small("5000000"));
    write("new.cedar", &small("6000000"));
    let wider = "diff --new-policies new.cedar";
    says(
        d.path(),
        wider,
        1,
        &[
            "Wider:",
            "carol may now",
            "EUR 5,000,001 to 6,000,000",
            "was denied, is allowed",
            "not a proof",
        ],
    );
    says(
        d.path(),
        "diff --old-policies new.cedar",
        0,
        &["Narrower:", "carol may no longer", "questions were asked of both"],
    );
    says(d.path(), "diff", 0, &["the same documents"]);
    says(d.path(), &format!("{wider} --questions 300"), 1, &["Sampled: "]);
    write("new.cedar", &small("6000000").replace("Group::\"juniors\"", "Group::\"jnuiors\""));
    says(d.path(), wider, 2, &["jnuiors", "entitle.unknown_name", "Correct the name"]);
    says(d.path(), "diff --new-facts nowhere.toml", 2, &["nowhere.toml"]);
}

#[test]
fn documents_that_are_wrong_are_named() {
    let d = office();
    fs::write(d.path().join("entitlements.cedar"), "permit (principal, action, resource);")
        .unwrap();
    says(d.path(), "check", 2, &["policy number 1 has no @id", "entitle.no_id"]);
    fs::write(
        d.path().join("entitlements.cedar"),
        "@id(\"all\") permit (principal, action, resource);",
    )
    .unwrap();
    says(d.path(), "check", 0, &["Remark: groups.juniors is named by no policy."]);
    fs::write(
        d.path().join("gateway.toml"),
        fs::read_to_string(d.path().join("gateway.toml"))
            .unwrap()
            .replace("[entitlements]", "[entitlement]"),
    )
    .unwrap();
    says(d.path(), "check", 2, &["entitlement"]);
}
