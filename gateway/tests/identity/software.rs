//! Which versions of the desk come in, over real sockets, and the list of the fleet.

use crate::{
    keys::{Place, in_postgres, in_sqlite, sql},
    postgres::Postgres,
    support::{Desk, World, runtime},
};
use signet_policy::place::Sighting;
use signet_registry::{DeviceSeen, FleetRow, NewCode, NewUser, Registry, RegistryUrl};
use signet_rfq::UtcMillis;
use std::fs;

const NOW: UtcMillis = UtcMillis(1_795_000_000_000);

/// The risk settings with this section `[software]`, which the gateway reads within a second.
fn settings(w: &World, software: &str) {
    let before = w.text("risk.toml");
    let kept = before.split("[software]").next().unwrap_or_default();
    fs::write(w.path("risk.new"), format!("{kept}[software]\n{software}\n")).unwrap();
    fs::rename(w.path("risk.new"), w.path("risk.toml")).unwrap();
}

/// The answer to a Logon that says this; the code of the refusal, or nothing.
async fn answer(w: &World, stem: &str, comp_id: &str, more: &str) -> (Option<String>, String) {
    let mut desk = Desk::connect(w, stem, comp_id).await;
    let answer = desk.tries_with(1, more).await.expect("an answer");
    let code = answer.split("|20104=").nth(1).and_then(|s| s.split('|').next());
    (code.map(str::to_owned), answer)
}

#[test]
fn an_old_desk_is_refused_with_its_cure_and_a_newer_one_comes_in() {
    let mut w = World::new();
    settings(&w, "least_version = '1.2.0'\nrefused_versions = ['1.3.1']");
    w.start();
    for (user, comp_id) in [("alice", "ALICE"), ("bob", "BOB")] {
        w.enrolled(user, comp_id, user);
    }
    let long = format!("20134={}|", "1".repeat(65));
    runtime().block_on(async {
        for (said, want) in [
            ("20134=1.1.9|20135=linux/x86_64|", Some("software.too_old")),
            ("", Some("software.unknown_version")),
            (long.as_str(), Some("software.unknown_version")),
            ("20134=newest|", Some("software.unknown_version")),
            ("20134=1.3.1|", Some("software.withdrawn")),
        ] {
            let (code, text) = answer(&w, "alice", "ALICE", said).await;
            assert_eq!(code.as_deref(), want, "{said}: {text}");
            assert!(text.contains("|35=5|") && !text.contains("|20106="), "{text}");
            let cure = if want == Some("software.withdrawn") { "1.3.1." } else { "1.2.0 or later" };
            assert!(
                text.contains("|20105=Ask your administrator") && text.contains(cure),
                "{text}"
            );
        }
        // A field that comes twice is a Logon that is wrong, as any other.
        let twice = "20134=1.2.0|20134=1.2.0|";
        let (code, text) = answer(&w, "bob", "BOB", twice).await;
        assert_eq!(code.as_deref(), Some("logon.refused"), "{text}");
        let (code, text) = answer(&w, "alice", "ALICE", "20134=1.2.0|20135=linux/x86_64|").await;
        assert!(code.is_none() && text.contains("|35=A|"), "{text}");
    });
    let events = w.events();
    for code in ["software.too_old", "software.unknown_version", "software.withdrawn"] {
        assert!(events.contains(code), "{code}\n{events}");
    }
    w.eventually("the version that came in is in the list", || {
        let list = w.cli(&["fleet", "--find", "alice"]);
        list.contains("1.2.0") && list.contains("linux/x86_64")
    });
    // What was refused was not on.
    let bob = w.cli(&["fleet", "--find", "bob"]);
    assert!(bob.contains("never-seen") && !bob.contains("1.2.0"), "{bob}");
}

/// A least version that is raised counts at the next Logon; a version that is withdrawn ends its
/// sessions at once.
#[test]
fn a_withdrawn_version_ends_sessions_and_a_raised_one_does_not() {
    let mut w = World::new();
    w.start();
    for (user, comp_id) in [("alice", "ALICE"), ("bob", "BOB")] {
        w.enrolled(user, comp_id, user);
    }
    runtime().block_on(async {
        let mut alice = Desk::connect(&w, "alice", "ALICE").await;
        let mut bob = Desk::connect(&w, "bob", "BOB").await;
        for (desk, version) in [(&mut alice, "1.1.0"), (&mut bob, "1.0.0")] {
            let answer = desk.tries_with(1, &format!("20134={version}|")).await.unwrap();
            assert!(answer.contains("|35=A|"), "{answer}");
        }
        settings(&w, "least_version = '1.2.0'\nrefused_versions = ['1.1.0']");
        let last = alice.until_cut().await;
        assert!(last.iter().any(|f| f.contains("|20104=software.withdrawn|")), "{last:?}");
        // Judged in the same round, and still there.
        bob.says("35=1|112=STILL|").await;
        loop {
            let frame = bob.next().await.expect("the session goes on");
            assert!(!frame.contains("|35=5|"), "{frame}");
            if frame.contains("|112=STILL|") {
                break;
            }
        }
        let (code, _) = answer(&w, "bob", "BOB", "20134=1.0.0|").await;
        assert_eq!(code.as_deref(), Some("software.too_old"));
    });
}

#[test]
fn settings_with_a_mistake_leave_the_last_ones_in_force() {
    let mut w = World::new();
    settings(&w, "least_version = '1.2.0'");
    w.start();
    w.enrolled("alice", "ALICE", "alice");
    settings(&w, "least_version = '1.2'");
    w.eventually("the mistake is an event", || w.events().contains("policy.refused"));
    runtime().block_on(async {
        let (code, _) = answer(&w, "alice", "ALICE", "20134=1.1.0|").await;
        assert_eq!(code.as_deref(), Some("software.too_old"));
    });
    assert!(w.cli_fails(&["check-config"]).contains("software.least_version"));
}

/// The list of a firm with `users` people; the first half have a laptop.
async fn with_people(url: &RegistryUrl, users: usize) -> Registry {
    let registry = Registry::connect(url).await.unwrap();
    registry.migrate().await.unwrap();
    let user = |n: usize| {
        let user = NewUser {
            id: format!("user{n:05}"),
            comp_id: format!("U{n:05}"),
            name: format!("Person {n}"),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        (user, NewCode { digest: format!("{n}"), expires: NOW, managed: false })
    };
    let all: Vec<_> = (0..users).map(user).collect();
    registry.add_users(&all, "test", NOW).await.unwrap();
    registry
}

async fn all_pages(registry: &Registry, a_page: usize) -> Vec<FleetRow> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = registry.fleet(after.as_ref(), a_page, NOW).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.place());
        all.extend(page);
    }
}

/// What was seen while a clock was a day ahead gives way to what is seen now.
async fn after_a_clock_was_ahead(
    registry: &Registry,
    device: impl Fn(&str, &str, i64) -> DeviceSeen,
) {
    let ahead = UtcMillis(NOW.0 + 86_400_000);
    let before = UtcMillis(NOW.0 - 1);
    for (version, country, at) in
        [("0.9.0", "GB", ahead), ("1.3.0", "SG", NOW), ("1.2.0", "FR", before)]
    {
        registry.devices_seen(&[device("user00001", version, at.0)], at).await.unwrap();
        let place = Sighting { country: country.parse().unwrap(), at_ms: at.0 };
        registry.seen(&[("user00001".into(), place)], at).await.unwrap();
    }
    let fleet = all_pages(registry, 1_000).await;
    let one = fleet.iter().find(|r| r.user == "user00001").unwrap();
    assert_eq!((one.version.as_str(), one.seen), ("1.3.0", NOW));
    let place = registry.view(NOW).await.unwrap().places["user00001"];
    assert_eq!((place.country.as_str(), place.at_ms), ("SG", NOW.0));
}

async fn listed(place: &Place) {
    let registry = with_people(&place.url, 25).await;
    let device = "INSERT INTO devices (user_id, id, protection, state, created_ms) \
        SELECT id, 'laptop', 'keychain', 'active', 0 FROM users WHERE id < 'user00010'";
    sql(place, device).await.unwrap();
    let before = registry.version().await.unwrap();
    let seen = |user: &str, version: &str, at| DeviceSeen {
        user: user.into(),
        device: "laptop".into(),
        version: version.into(),
        platform: "linux/x86_64".into(),
        at: UtcMillis(at),
    };
    // The newest counts, whatever order they come in; nobody's device is left out.
    let told = [
        seen("user00001", "1.1.0", 10),
        seen("user00001", "1.2.0", 30),
        seen("user00001", "1.0.0", 20),
        seen("user00020", "1.2.0", 30),
        seen("nobody", "1.2.0", 30),
    ];
    registry.devices_seen(&told, NOW).await.unwrap();
    assert_eq!(registry.version().await.unwrap(), before, "no gateway reads its view again");
    let whole = all_pages(&registry, 1_000).await;
    assert_eq!(whole.len(), 25);
    for a_page in [1, 7, 25] {
        assert_eq!(all_pages(&registry, a_page).await, whole, "{a_page}");
    }
    let one = whole.iter().find(|r| r.user == "user00001").unwrap();
    assert_eq!((one.version.as_str(), one.seen), ("1.2.0", UtcMillis(30)));
    let with_device = whole.iter().filter(|r| !r.device.is_empty()).count();
    assert_eq!(with_device, 10);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("backup.jsonl");
    registry.backup(&file, NOW).await.unwrap();
    registry.devices_seen(&[seen("user00002", "1.2.0", 40)], NOW).await.unwrap();
    registry.restore(&file, true, "admin", NOW).await.unwrap();
    assert_eq!(all_pages(&registry, 1_000).await, whole, "a backup holds it");
    after_a_clock_was_ahead(&registry, seen).await;
    registry.close().await;
}

#[test]
fn the_fleet_is_listed_in_sqlite() {
    runtime().block_on(listed(&in_sqlite()));
}

#[test]
fn the_fleet_is_listed_in_postgresql() {
    let Some(pg) = Postgres::start() else { return };
    runtime().block_on(listed(&in_postgres(&pg, "fleet")));
}

#[test]
fn the_fleet_on_the_command_line() {
    let w = World::started();
    w.enrolled("alice", "ALICE", "alice");
    w.user("bob", "BOB");
    w.cli(&["lock", "user", "bob"]);
    let json = w.cli(&["fleet", "--json"]);
    let rows: Vec<serde_json::Value> =
        json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 2, "{json}");
    assert_eq!((&rows[0]["user"], &rows[0]["state"]), (&"alice".into(), &"active".into()));
    assert!(rows[0]["serial"].is_string() && rows[0]["last_seen"].is_null(), "{json}");
    assert_eq!(rows[1]["flags"], serde_json::json!(["locked", "not-enrolled"]), "{json}");
    let csv = w.cli(&["fleet", "--csv", "--flag", "not-enrolled"]);
    assert!(csv.starts_with("user,name,comp_id,device,") && csv.lines().count() == 2, "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("bob,Somebody,"), "{csv}");
    let none = w.cli(&["fleet", "--find", "nobody-of-this-name"]);
    assert_eq!(none.lines().count(), 1, "the head only: {none}");
    let second = w.cli(&["fleet", "--after", "alice/~", "--limit", "1"]);
    assert!(second.contains("bob") && !second.contains("alice"), "{second}");
    // What is flagged follows the days that are asked about.
    let ends = |days: &str| w.cli(&["fleet", "--flag", "certificate-ends", "--days", days]);
    assert!(!ends("0").contains("alice") && ends("3650").contains("alice"));
    assert!(w.cli_fails(&["fleet", "--flag", "old"]).contains("possible values"));
}
