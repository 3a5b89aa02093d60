//! Lock and revoke end live sessions within a second, and nobody comes back.

use crate::support::{AT_ONCE, Desk, World, runtime};
use std::time::{Duration, Instant};

/// Runs `command` while a desk is on; how long until its connection ended, and its last words.
fn cut_by(w: &World, stem: &str, seq: u64, command: &[&str]) -> (Duration, String) {
    runtime().block_on(async {
        let mut desk = Desk::logged_on(w, stem, "ALICE", seq).await;
        w.cli(command);
        let began = Instant::now();
        let last =
            desk.until_cut().await.into_iter().find(|f| f.contains("|35=5|")).unwrap_or_default();
        let took = began.elapsed();
        // For the benchmarks: with --nocapture.
        println!("{command:?}: the session had ended {took:?} after the command returned");
        (took, last)
    })
}

/// What a desk that tries to log on is told.
fn told(w: &World, stem: &str, seq: u64) -> String {
    runtime().block_on(async {
        let mut desk = Desk::connect(w, stem, "ALICE").await;
        desk.log_on(seq).await
    })
}

#[test]
fn a_locked_user_is_cut_off_within_a_second_and_kept_out() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let (took, last) = cut_by(&w, "laptop", 1, &["lock", "user", "alice"]);
    assert!(took < AT_ONCE, "{took:?}");
    assert!(last.contains("58=your account is locked"), "{last}");
    let refused = told(&w, "laptop", 3);
    assert!(
        refused.contains("|35=5|") && refused.contains("58=your account is locked"),
        "{refused}"
    );
    for said in [&last, &refused] {
        assert!(
            said.contains("20104=admission.user_locked")
                && said.contains("20105=Ask your administrator to unlock"),
            "{said}"
        );
    }
    w.cli(&["unlock", "user", "alice"]);
    w.eventually("let in again", || told(&w, "laptop", 3).contains("|35=A|"));
    for kind in [
        "user.locked",
        "user.unlocked",
        "admission.user_locked",
        "session cut off",
        "certificate.first_used",
    ] {
        w.eventually(kind, || w.events().contains(kind));
    }
}

#[test]
fn a_locked_device_and_a_revoked_certificate_are_cut_off_too() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    let (took, last) = cut_by(&w, "laptop", 1, &["lock", "device", "alice/laptop"]);
    assert!(took < AT_ONCE && last.contains("58=this device is locked"), "{took:?} {last}");
    w.cli(&["unlock", "device", "laptop"]);
    w.eventually("let in again", || told(&w, "laptop", 3).contains("|35=A|"));
    std::thread::sleep(Duration::from_millis(300));
    let serial = w.serial("laptop");
    let (took, last) = cut_by(&w, "laptop", 4, &["revoke", "--serial", &serial]);
    assert!(took < AT_ONCE && last.contains("58=this certificate was revoked"), "{took:?} {last}");
    assert!(told(&w, "laptop", 6).contains("58=this certificate was revoked"));
    // Revoking is for good.
    assert!(w.cli_fails(&["revoke", "--serial", &serial]).contains("registry.nothing_to_revoke"));
}

#[test]
fn a_desk_that_does_not_read_is_cut_off_all_the_same() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        w.cli(&["revoke", "--user", "alice"]);
        tokio::time::sleep(Duration::from_millis(900)).await;
        // Whatever it says now is said to nobody.
        desk.says("35=1|112=HELLO|").await;
        let heard = desk.until_cut().await;
        assert!(!heard.iter().any(|f| f.contains("112=HELLO")), "{heard:?}");
    });
}

#[test]
fn the_old_certificate_is_good_until_the_new_one_is_used() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async { drop(Desk::logged_on(&w, "laptop", "ALICE", 1).await) });
    w.request("next", "laptop");
    w.keep(&w.reenrol("laptop", "next"), "next");
    std::thread::sleep(Duration::from_millis(600));
    assert!(told(&w, "laptop", 2).contains("|35=A|"), "the old one still is");
    // Used a moment after it was issued, before any poll could have seen it.
    w.request("third", "laptop");
    w.keep(&w.reenrol("laptop", "third"), "third");
    assert!(told(&w, "third", 3).contains("|35=A|"));
    w.eventually("the old one is not any more", || {
        told(&w, "laptop", 4).contains("58=this certificate was replaced")
    });
    assert!(told(&w, "next", 4).contains("58=this certificate was replaced"));
    assert!(told(&w, "third", 4).contains("|35=A|"));
}

#[test]
fn a_certificate_of_the_right_authority_that_is_not_in_the_registry_is_nothing() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    // Signed with the real key of the authority, by somebody who has it.
    let san = format!(
        "subjectAltName=URI:spiffe://bank.example/desk/{}/alice/laptop/keychain",
        w.comp_id("ALICE")
    );
    std::fs::write(w.path("forged.cnf"), format!("{san}\nextendedKeyUsage=clientAuth\n")).unwrap();
    w.request("forged", "laptop");
    let sign = [
        "x509",
        "-req",
        "-inform",
        "DER",
        "-in",
        "req.der",
        "-CA",
        "issuing.pem",
        "-CAkey",
        "issuing-key.pem",
        "-CAcreateserial",
    ];
    w.openssl(
        &[&sign[..], &["-days", "1", "-extfile", "forged.cnf", "-out", "forged.pem"]].concat(),
    );
    assert!(told(&w, "forged", 1).contains("58=this certificate is not in the registry"));
    w.eventually("written down", || w.events().contains("admission.certificate_unknown"));
}

/// Puts another list of expected countries in place and waits until the gateway judges by it.
fn expect_countries(w: &World, countries: &str) {
    let loads = || w.events().lines().filter(|l| l.contains("policy.loaded")).count();
    let before = loads();
    let text =
        format!("countries = [{countries}]\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n");
    std::fs::write(w.path("risk.new"), text).unwrap();
    std::fs::rename(w.path("risk.new"), w.path("risk.toml")).unwrap();
    w.eventually("the risk settings to be loaded", || loads() > before);
}

/// A certificate that is shown from where its holder would not be let in gets no successor and
/// takes nobody else's out of force: neither at enrolment nor at the Logon.
#[test]
fn an_access_that_risk_refuses_changes_nothing() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "laptop");
    assert!(told(&w, "laptop", 1).contains("|35=A|"));
    w.request("next", "laptop");
    w.keep(&w.reenrol("laptop", "next"), "next");

    expect_countries(&w, "'FR'");
    w.request("stolen", "laptop");
    w.reenrol("laptop", "stolen").refused(403, "enrol.risk_denied");
    assert!(told(&w, "next", 2).contains("risk.denied"));
    w.eventually("both refusals written down", || {
        w.events().contains("enrol.risk_denied") && w.events().contains("risk.denied")
    });
    // Had it counted, it would have been told to the registry by now.
    std::thread::sleep(std::time::Duration::from_millis(500));

    expect_countries(&w, "'GB'");
    assert!(told(&w, "laptop", 3).contains("|35=A|"), "the honest one still is in force");
    assert!(told(&w, "next", 4).contains("|35=A|"));
    w.eventually("now the next one counts", || {
        told(&w, "laptop", 5).contains("58=this certificate was replaced")
    });
    // Five tries from the wrong place do not use up the attempts of the person.
    expect_countries(&w, "'FR'");
    for _ in 0..3 {
        w.reenrol("next", "stolen").refused(403, "enrol.risk_denied");
    }
    expect_countries(&w, "'GB'");
    w.keep(&w.reenrol("next", "stolen"), "stolen");
}
