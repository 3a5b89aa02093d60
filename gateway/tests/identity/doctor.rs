//! `signet-gateway doctor` finds what is wrong, says it in words, and gives nothing secret away.

use crate::{
    dealer::{self, Dealer},
    postgres::Postgres,
    support::World,
};
use signet_devca::{DevPki, Issued, Order};
use std::{fs, process::Command};
use time::OffsetDateTime;

/// Exit code, and everything it said.
fn doctor(w: &World, more: &[&str]) -> (Option<i32>, String) {
    let mut c = Command::new(env!("CARGO_BIN_EXE_signet-gateway"));
    // A gateway uses no proxy, and neither may its doctor.
    let out = c
        .arg("doctor")
        .args(more)
        .arg("--config")
        .arg(&w.config)
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let text = [out.stdout, out.stderr].concat();
    (out.status.code(), String::from_utf8(text).unwrap())
}

fn certificate(pki: &DevPki, w: &World) -> Issued {
    pki.issue(&Order::dealer(&format!("BANK{}", w.n))).unwrap()
}

/// The line about `about` that failed, and the one after it.
#[track_caller]
fn failed<'t>(text: &'t str, about: &str) -> &'t str {
    let at = text
        .find(&format!("FAILED   {about}"))
        .unwrap_or_else(|| panic!("nothing wrong with {about}:\n{text}"));
    assert!(text[at..].lines().nth(1).is_some_and(|l| l.contains("what to do:")), "{text}");
    &text[at..]
}

#[test]
fn a_healthy_gateway_is_found_healthy() {
    let mut w = World::new();
    let bank = Dealer::start(&w, &certificate(&w.pki, &w));
    dealer::configure(&w, bank.port, None);
    w.start();
    let (code, text) = doctor(&w, &[]);
    assert_eq!(code, Some(0), "{text}");
    for about in [
        "configuration",
        "own certificate",
        "own names",
        "issuing authority",
        "registry",
        "state directory",
    ] {
        assert!(
            text.lines()
                .any(|l| l.contains(about) && (l.starts_with("ok ") || l.starts_with("watch "))),
            "{about}:\n{text}"
        );
    }
    let line = text.lines().find(|l| l.contains(&format!("dealer BANK{}", w.n))).unwrap();
    assert!(
        line.starts_with("ok ") && line.contains("TLSv1.3") || line.contains("TLS 1.3"),
        "{line}"
    );
    assert!(!text.contains("PRIVATE"), "{text}");
    // One dealer, with every step.
    let (code, text) = doctor(&w, &["--dealer", &format!("BANK{}", w.n)]);
    assert!(code == Some(0) && text.contains("no certificate was shown"), "{text}");
    let (code, text) = doctor(&w, &["--dealer", "NOBODY"]);
    assert!(
        code == Some(1) && failed(&text, "dealers").contains("[doctor.no_such_dealer]"),
        "{text}"
    );
}

/// A dealer may take a second connection of a party for its successor, and hang up on the first: so
/// nobody is logged on, or shows a certificate, beside the gateway that trades.
#[test]
fn the_doctor_never_poses_as_a_live_party() {
    let mut w = World::new();
    let bank = Dealer::start(&w, &certificate(&w.pki, &w));
    dealer::configure(&w, bank.port, None);
    w.start();
    assert_eq!(bank.next(), dealer::Seen::LoggedOn);
    for _ in 0..3 {
        let (code, text) = doctor(&w, &[]);
        assert_eq!(code, Some(0), "{text}");
        assert!(matches!(bank.next(), dealer::Seen::Refused(why) if why.contains("certificate")));
    }
    assert!(bank.seen.try_recv().is_err(), "the session is as it was");
    // Without a gateway there is nobody to displace, and every step is looked at.
    w.stop();
    assert_eq!(bank.next(), dealer::Seen::Ended);
    let (code, text) = doctor(&w, &["--dealer", &format!("BANK{}", w.n)]);
    assert!(code == Some(0) && text.contains("way to the server"), "{text}");
}

#[test]
fn a_dealer_that_is_down_is_named() {
    let mut w = World::new();
    let port = crate::ports::free_port();
    dealer::configure(&w, port, None);
    w.start();
    let (code, text) = doctor(&w, &[]);
    let about = format!("dealer BANK{}", w.n);
    assert!(code == Some(1) && failed(&text, &about).contains("net.connection_refused"), "{text}");
    assert!(text.contains("1 thing is wrong"), "{text}");
}

#[test]
fn a_dealer_of_an_unknown_authority_is_told_by_its_issuer() {
    let mut w = World::new();
    let others = DevPki::generate("bank.example", OffsetDateTime::now_utc()).unwrap();
    let bank = Dealer::start(&w, &certificate(&others, &w));
    dealer::configure(&w, bank.port, None);
    w.start();
    let (code, text) = doctor(&w, &[]);
    let about = format!("dealer BANK{}", w.n);
    assert!(code == Some(1) && failed(&text, &about).contains("server.unknown_ca"), "{text}");
}

#[test]
fn a_dealer_with_the_certificate_of_another_dealer_is_found_out() {
    let mut w = World::new();
    let bank = Dealer::start(&w, &w.pki.issue(&Order::dealer("OTHER")).unwrap());
    dealer::configure(&w, bank.port, None);
    w.start();
    let (code, text) = doctor(&w, &[]);
    let about = format!("dealer BANK{}", w.n);
    assert!(
        code == Some(1) && failed(&text, &about).contains("the certificate is OTHER's"),
        "{text}"
    );
}

#[test]
fn a_missing_registry_is_said_and_not_made() {
    let w = World::new();
    let bank = Dealer::start(&w, &certificate(&w.pki, &w));
    dealer::configure(&w, bank.port, None);
    let (code, text) = doctor(&w, &[]);
    assert!(code == Some(0) && text.contains("no registry at"), "{text}");
    assert!(!w.path("registry.db").exists());
    w.cli(&["user", "list"]);
    w.sqlite("UPDATE registry_meta SET schema_version = 99");
    let (code, text) = doctor(&w, &[]);
    assert!(
        code == Some(1) && failed(&text, "registry").contains("[registry.schema_new]"),
        "{text}"
    );
}

#[test]
fn a_name_that_desks_will_refuse_and_a_bad_configuration_are_said() {
    let w = World::new();
    w.cli(&["user", "list"]);
    fs::write(
        &w.config,
        w.text("gateway.toml")
            .replace("public_host = \"localhost\"", "public_host = \"rfq.bank.example\""),
    )
    .unwrap();
    let (code, text) = doctor(&w, &[]);
    assert!(
        code == Some(1) && failed(&text, "own names").contains("server.name_mismatch"),
        "{text}"
    );
    fs::write(&w.config, w.text("gateway.toml").replace("dealers-ca.pem", "nowhere.pem")).unwrap();
    let (code, text) = doctor(&w, &[]);
    assert!(
        code == Some(1)
            && failed(&text, "dealers.trust").contains("nowhere.pem")
            && text.contains("not dialled"),
        "{text}"
    );
    fs::write(&w.config, "rubbish").unwrap();
    let (code, text) = doctor(&w, &[]);
    assert!(
        code == Some(1) && failed(&text, "configuration").contains("[config.unusable]"),
        "{text}"
    );
}

/// Nothing is wrong before the first start; afterwards a registry that is not there is lost.
#[test]
fn a_registry_that_is_not_there_is_a_fault_only_after_the_first_start() {
    let w = World::new();
    let registry =
        |text: &str| text.lines().find(|l| l.contains("registry")).unwrap_or_default().to_owned();
    let (_, text) = doctor(&w, &[]);
    assert!(registry(&text).starts_with("- ") && registry(&text).contains("first start"), "{text}");
    // An empty database is the same, whoever made the file.
    fs::write(w.path("registry.db"), []).unwrap();
    let (_, text) = doctor(&w, &[]);
    assert!(registry(&text).starts_with("- ") && registry(&text).contains("is empty"), "{text}");
    fs::create_dir_all(w.path("state")).unwrap();
    fs::write(w.path("state/rfqs.journal"), []).unwrap();
    let (code, text) = doctor(&w, &[]);
    assert!(code == Some(1) && failed(&text, "registry").contains("[registry.missing]"), "{text}");
}

/// An empty database is what an administrator has before the first start, on PostgreSQL as on
/// SQLite.
#[test]
fn an_empty_postgresql_is_a_fault_only_after_the_first_start() {
    let Some(pg) = Postgres::start() else { return };
    let keep = tempfile::tempdir().unwrap();
    let (url, password) = pg.database("fresh", keep.path());
    let w = World::with(&format!("{url}\"\npassword_file = \"{}", password.display()), "");
    let registry =
        |text: &str| text.lines().find(|l| l.contains("registry")).unwrap_or_default().to_owned();
    let (_, text) = doctor(&w, &[]);
    assert!(registry(&text).starts_with("- ") && registry(&text).contains("first start"), "{text}");
    // The first command makes it.
    w.cli(&["user", "list"]);
    let (_, text) = doctor(&w, &[]);
    assert!(
        registry(&text).starts_with("ok ") && registry(&text).contains("answers; schema"),
        "{text}"
    );
    // A gateway has run here, and the database is another one.
    let (other, _) = pg.database("lost", keep.path());
    fs::write(&w.config, w.text("gateway.toml").replace(&url, &other)).unwrap();
    fs::create_dir_all(w.path("state")).unwrap();
    fs::write(w.path("state/rfqs.journal"), []).unwrap();
    let (code, text) = doctor(&w, &[]);
    assert!(code == Some(1) && failed(&text, "registry").contains("[registry.missing]"), "{text}");
}
