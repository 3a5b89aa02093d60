//! Lock-outs from the failure to the lift, over real sockets.

use crate::{
    admin::{ADMIN, get, good, post, refused, started_with},
    postgres::Postgres,
    siem_support::lines,
    support::{Desk, World, runtime},
};
use signet_registry::{
    LockoutKind, LockoutTerms, NewCode, NewUser, Registry, RegistryError, RegistryUrl,
};
use signet_rfq::UtcMillis;
use std::{fs, path::Path};

const RESPONSE: &str = "[response]\nperson_failures = 3\nnetwork_failures = 4\n";

fn world() -> World {
    started_with(&format!("{ADMIN}{RESPONSE}"))
}

/// Logons with a good certificate that say something wrong.
async fn fail(w: &World, stem: &str, comp_id: &str, times: usize) {
    for _ in 0..times {
        let mut desk = Desk::connect(w, stem, comp_id).await;
        desk.says("35=A|98=0|108=60|20000=bm90IHRoaXMgY29ubmVjdGlvbg==|").await;
        let last = desk.until_cut().await;
        assert!(last.iter().any(|f| f.contains("logon.refused")), "{last:?}");
    }
}

async fn refusal(w: &World, stem: &str, comp_id: &str) -> Option<String> {
    let answer = Desk::connect(w, stem, comp_id).await.log_on(1).await;
    answer.contains("|35=5|").then_some(answer)
}

#[test]
fn a_person_is_locked_out_over_a_restart_until_it_is_lifted() {
    let mut w = world();
    w.enrolled("alice", "ALICE", "laptop");
    w.enrolled("bob", "BOB", "bobs");
    runtime().block_on(async {
        let mut on = Desk::logged_on(&w, "bobs", "BOB", 1).await;
        fail(&w, "laptop", "ALICE", 3).await;
        let why = refusal(&w, "laptop", "ALICE").await.expect("locked out");
        assert!(why.contains("=lockout.user|") && why.contains("lockout lift"), "{why}");
        // Nobody else is affected, here or on the line.
        assert_eq!(refusal(&w, "bobs", "BOB").await, None);
        on.says("35=1|112=T|").await;
    });
    w.eventually("in the registry", || w.cli(&["lockout", "list"]).contains("alice"));
    w.stop();
    w.start();
    runtime().block_on(async {
        let why = refusal(&w, "laptop", "ALICE").await.expect("still locked out");
        assert!(why.contains("=lockout.user|"), "{why}");
        // The desk logs on again by itself when the five minutes are over.
        let seconds = why.split("|20106=").nth(1).and_then(|s| s.split('|').next()?.parse().ok());
        assert!(seconds.is_some_and(|s: u32| (200..=300).contains(&s)), "{why}");
    });
    let listed = good(&get(&w, "/v1/lockouts"));
    assert_eq!(listed["people"][0]["user"], "alice", "{listed}");
    assert_eq!(listed["people"][0]["kind"], "failures", "{listed}");
    assert!(w.cli(&["lockout", "lift", "alice"]).contains("lifted: alice"));
    w.eventually("in again", || {
        runtime().block_on(async { refusal(&w, "laptop", "ALICE").await.is_none() })
    });
    assert!(w.cli_fails(&["lockout", "lift", "alice"]).contains("registry.not_locked_out"));
    assert!(w.cli(&["lockout", "list"]).starts_with("USER"));
    let events = w.events();
    for code in ["lockout.user", "lockout.lifted"] {
        assert!(events.lines().any(|l| l.contains(code) && l.contains("alice")), "{events}");
    }
}

#[test]
fn a_lock_out_that_is_over_by_time_is_an_event_and_one_without_an_end_names_no_time() {
    let w = world();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        // From here on the gateway knows her certificate.
        drop(Desk::logged_on(&w, "laptop", "ALICE", 1).await);
        fail(&w, "laptop", "ALICE", 3).await;
        // What the gateway knows by itself before the registry does.
        let why = refusal(&w, "laptop", "ALICE").await.expect("locked out");
        assert!(why.contains("|20106="), "{why}");
    });
    w.eventually("in the registry", || w.cli(&["lockout", "list"]).contains("alice"));
    let until = |at: &str| {
        w.sqlite(&format!("UPDATE lockouts SET until_ms = {at}"));
        w.sqlite("UPDATE registry_meta SET version = version + 1");
    };
    until("0");
    w.eventually("no time is named", || {
        let why = runtime().block_on(refusal(&w, "laptop", "ALICE")).expect("locked out");
        !why.contains("|20106=")
    });
    until("(unixepoch() + 3) * 1000");
    w.eventually("it is told", || {
        w.events().lines().any(|l| l.contains("lockout.ended") && l.contains("alice"))
    });
    w.eventually("in again", || {
        runtime().block_on(async { refusal(&w, "laptop", "ALICE").await.is_none() })
    });
}

#[test]
fn a_session_that_is_on_outlives_failed_logons_of_its_person_and_not_a_fatigue_lock_out() {
    let w = world();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut on = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        fail(&w, "laptop", "ALICE", 3).await;
        assert!(refusal(&w, "laptop", "ALICE").await.is_some());
        on.says("35=1|112=STILL|").await;
        while !on.next().await.expect("the session is on").contains("|112=STILL|") {}
        w.eventually("in the registry", || w.cli(&["lockout", "list"]).contains("alice"));
        // As the gateway writes it after too many challenges.
        w.sql("UPDATE lockouts SET kind = 'fatigue', until_ms = 0").await;
        w.sql("UPDATE registry_meta SET version = version + 1").await;
        let last = on.until_cut().await;
        assert!(last.iter().any(|f| f.contains("=lockout.fatigue|")), "{last:?}");
    });
}

/// curl as somebody without a certificate: a handshake that fails.
fn knock(w: &World) {
    let port = w.gateway.as_ref().unwrap().address().port();
    w.curl_at(port, "/", &[]);
}

#[test]
fn a_network_is_locked_out_after_strangers_failed_and_lifted_by_one_command() {
    let w = world();
    w.enrolled("alice", "ALICE", "laptop");
    (0..4).for_each(|_| knock(&w));
    w.eventually("locked out", || {
        let networks = good(&get(&w, "/v1/lockouts"))["networks"].clone();
        networks.as_array().is_some_and(|n| n.len() == 1 && n[0]["network"] == "127.0.0.1")
    });
    assert!(w.cli(&["lockout", "list"]).contains("\n127.0.0.1 "), "beside the people");
    refused(&post(&w, "/v1/lockouts/lift", "{\"what\":\"Nobody!\"}"), 400, "admin.malformed");
    let lifted = good(&post(&w, "/v1/lockouts/lift", "{\"what\":\"127.0.0.1\"}"));
    assert_eq!(lifted["lifted"], "127.0.0.1");
    w.eventually("open", || {
        good(&get(&w, "/v1/lockouts"))["networks"].as_array().is_some_and(Vec::is_empty)
    });
    runtime().block_on(async { assert_eq!(refusal(&w, "laptop", "ALICE").await, None) });
    // From here on a trader is there, and the network stays open whatever else comes.
    (0..8).for_each(|_| knock(&w));
    assert!(good(&get(&w, "/v1/lockouts"))["networks"].as_array().is_some_and(Vec::is_empty));
    let events = w.events();
    for code in ["lockout.network", "lockout.lifted"] {
        assert!(events.contains(code), "{events}");
    }
}

/// Which networks are locked out the gateway knows by itself, so it is asked over its local socket.
#[test]
fn without_a_registry_a_network_is_listed_and_lifted_at_the_gateway_of_this_machine() {
    const MORE: &str = "[response]\nnetwork_failures = 4\n[[siem.sink]]\nkind = \"file\"\n\
        name = \"file\"\npath = \"events.jsonl\"\n";
    let mut w = World::new();
    let text = w.text("gateway.toml");
    let text = text.split("[registry]").next().unwrap().replace("[desk_default]\n", "");
    let desk = format!("[[desk]]\ncomp_id = \"{}\"\n", w.comp_id("ALICE"));
    fs::write(&w.config, format!("{text}{desk}{MORE}")).unwrap();
    for command in [&["lockout", "list"][..], &["lockout", "lift", "127.0.0.1"]] {
        let why = w.cli_fails(command);
        assert!(why.contains("operator.not_running"), "{why}");
    }
    w.start();
    let list = || w.cli(&["lockout", "list"]);
    assert!(list().ends_with("\n0 networks locked out at this gateway\n"));
    (0..4).for_each(|_| knock(&w));
    w.eventually("locked out", || list().contains("\n127.0.0.1 "));
    // People are in a registry.
    let why = w.cli_fails(&["lockout", "lift", "alice"]);
    assert!(why.contains("admin.no_section"), "{why}");
    assert_eq!(w.cli(&["lockout", "lift", "127.0.0.1"]), "lifted: 127.0.0.1\n");
    assert!(list().ends_with("\n0 networks locked out at this gateway\n"));
    let why = w.cli_fails(&["lockout", "lift", "127.0.0.1"]);
    assert!(why.contains("lockout.not_there"), "{why}");
    let by = format!("({})", nix::unistd::getuid());
    w.eventually("it is told who did it", || {
        lines(&w.path("events.jsonl")).iter().any(|e| {
            let actor = e["unmapped"]["actor"].as_str().unwrap_or_default();
            e["metadata"]["event_code"] == "lockout.lifted"
                && e["unmapped"]["address"] == "127.0.0.1"
                && actor.contains(&by)
        })
    });
}

/// What gateways see of the registry's lock-outs, in either database.
async fn as_gateways_see_them(url: &RegistryUrl) {
    let registry = Registry::open(url).await.unwrap();
    let user = NewUser {
        id: "alice".into(),
        comp_id: "ALICE".into(),
        name: "Alice".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let code = NewCode { digest: "d".into(), expires: UtcMillis(1), managed: false };
    registry.add_users(&[(user, code)], "test", UtcMillis(0)).await.unwrap();
    let terms = LockoutTerms { first_ms: 100, max_ms: 150 };
    let at = UtcMillis(1_000);
    let version = registry.version().await.unwrap();
    let lock = |kind, now| registry.lock_out("alice", kind, "words", terms, now);
    let first = lock(LockoutKind::Failures, at).await.unwrap();
    assert_eq!((first.until, first.level), (UtcMillis(1_100), 1));
    let second = lock(LockoutKind::Fatigue, UtcMillis(1_200)).await.unwrap();
    assert_eq!(
        (second.until, second.level, second.kind),
        (UtcMillis(1_350), 2, LockoutKind::Fatigue)
    );
    assert!(registry.version().await.unwrap() > version, "gateways hear of it");
    let view = registry.view(at).await.unwrap();
    assert_eq!(view.lockouts.get("alice"), Some(&second));
    assert_eq!(registry.lockouts(UtcMillis(1_349)).await.unwrap().len(), 1);
    assert_eq!(registry.lockouts(UtcMillis(1_350)).await.unwrap(), []);
    let nobody = registry.lock_out("bob", LockoutKind::Failures, "", terms, at).await;
    assert!(matches!(nobody, Err(RegistryError::NoSuchUser(_))), "{nobody:?}");
    registry.lift_lockout("alice", "test", UtcMillis(1_300)).await.unwrap();
    let again = registry.lift_lockout("alice", "test", UtcMillis(1_300)).await;
    assert!(matches!(again, Err(RegistryError::NotLockedOut(_))), "{again:?}");
    assert_eq!(lock(LockoutKind::Failures, UtcMillis(1_400)).await.unwrap().level, 1, "forgiven");
    for now in [1_000, 2_000] {
        registry.lift_network("192.0.2.1", "test", UtcMillis(now)).await.unwrap();
    }
    let lifted = registry.view(at).await.unwrap().lifted_networks;
    assert_eq!(lifted, [("192.0.2.1".to_owned(), UtcMillis(2_000))].into());
    registry.close().await;
}

#[test]
fn either_database_keeps_lock_outs() {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = RegistryUrl::parse("sqlite:r.db", dir.path(), None).unwrap();
    runtime().block_on(as_gateways_see_them(&sqlite));
    // Without one it says so.
    let Some(pg) = Postgres::start() else { return };
    let (text, password) = pg.database("lockouts", dir.path());
    let postgres = RegistryUrl::parse(&text, Path::new("/"), Some(&password)).unwrap();
    runtime().block_on(as_gateways_see_them(&postgres));
}
