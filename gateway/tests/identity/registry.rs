//! The registry as an administrator keeps it, in either database.

use crate::{
    postgres::Postgres,
    support::{AT_ONCE, Desk, PATIENCE, World, runtime},
};
use signet_registry::{NewCode, NewEvent, NewUser, Registry, RegistryUrl, SCHEMA, events::verify};
use signet_rfq::UtcMillis;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Twenty writers at once: nothing is lost, and the chain of events holds.
async fn hammer(url: &RegistryUrl) {
    const WRITERS: i64 = 20;
    const EACH: i64 = 5;
    let registry = Registry::open(url).await.unwrap();
    let before = registry.version().await.unwrap();
    let work = |n: i64| {
        let url = url.clone();
        // A thread and a pool each, as separate gateways and administrators have.
        std::thread::spawn(move || runtime().block_on(write(&url, n, EACH)))
    };
    let threads: Vec<_> = (0..WRITERS).map(work).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(registry.users().await.unwrap().len() as i64, WRITERS * EACH);
    assert_eq!(registry.version().await.unwrap(), before + WRITERS * EACH);
    let (events, head) = registry.events().await.unwrap();
    // Added, code made, and one refusal for each.
    assert_eq!(verify(&events, (head.0, &head.1)), Ok(WRITERS * EACH * 3));
    registry.close().await;
}

async fn write(url: &RegistryUrl, n: i64, count: i64) {
    let registry = Registry::open(url).await.unwrap();
    for i in 0..count {
        let id = format!("user{n}.{i}");
        let user = NewUser {
            id: id.clone(),
            comp_id: format!("U{n}-{i}"),
            name: "N".into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let code = NewCode {
            digest: format!("digest {n} {i}"),
            expires: UtcMillis(1_000),
            managed: false,
        };
        registry.add_users(&[(user, code)], "test", UtcMillis(1)).await.unwrap();
        registry
            .note(NewEvent::new(UtcMillis(1), "test", "enrol.code_wrong", id, ""))
            .await
            .unwrap();
    }
    registry.close().await;
}

#[test]
fn no_update_is_lost_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let url = RegistryUrl::parse("sqlite:r.db", dir.path(), None).unwrap();
    runtime().block_on(hammer(&url));
}

#[test]
fn no_update_is_lost_in_postgresql() {
    let Some(pg) = Postgres::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (url, password) = pg.database("hammer", dir.path());
    let url = RegistryUrl::parse(&url, Path::new("/"), Some(&password)).unwrap();
    runtime().block_on(hammer(&url));
}

#[test]
fn what_was_altered_shows() {
    let w = World::new();
    w.user("alice", "ALICE");
    w.user("bob", "BOB");
    assert!(w.events().contains("none altered"));
    w.sqlite("UPDATE events SET subject = 'mallory' WHERE seq = 2");
    assert!(w.cli_fails(&["events"]).contains("its content was changed at event 2"));
    w.sqlite("DELETE FROM events WHERE seq = 2");
    assert!(w.cli_fails(&["events"]).contains("one is missing at event 2"));
}

#[test]
fn a_backup_is_made_and_put_back() {
    let w = World::new();
    w.user("alice", "ALICE");
    w.cli(&["registry", "backup", "--out", "backup.jsonl"]);
    w.user("bob", "BOB");
    assert!(
        w.cli_fails(&["registry", "restore", "--from", "backup.jsonl"])
            .contains("registry.not_empty")
    );
    w.cli(&["registry", "restore", "--from", "backup.jsonl", "--replace"]);
    let list = w.cli(&["user", "list"]);
    assert!(list.contains("alice") && !list.contains("bob"), "{list}");
    let events = w.events();
    assert!(events.contains("registry.restored") && events.contains("none altered"), "{events}");
    // Half a file, or one that somebody edited, is no backup.
    let text = w.text("backup.jsonl");
    fs::write(w.path("edited.jsonl"), text.replace("standard", "privileged")).unwrap();
    fs::write(w.path("half.jsonl"), &text[..text.len() / 2]).unwrap();
    for f in ["edited.jsonl", "half.jsonl"] {
        assert!(
            w.cli_fails(&["registry", "restore", "--from", f, "--replace"])
                .contains("registry.bad_backup"),
            "{f}"
        );
    }
    assert!(w.cli(&["user", "list"]).contains("alice"));
    assert!(
        w.cli_fails(&["registry", "backup", "--out", "backup.jsonl"]).contains("registry.file"),
        "never overwritten"
    );
}

/// A code that was used after the backup was made is open in it: whoever finds the paper could
/// enrol once more.
#[test]
fn a_restore_ends_codes_unless_they_are_to_be_kept() {
    let w = World::new();
    w.user("alice", "ALICE");
    w.cli(&["key", "code", "alice"]);
    w.cli(&["registry", "backup", "--out", "backup.jsonl"]);
    let restore = |more: &[&str]| {
        let usual = ["registry", "restore", "--from", "backup.jsonl", "--replace"];
        let said = w.cli(&[&usual[..], more].concat());
        (said, w.cli(&["user", "show", "alice"]), w.events())
    };
    let (said, alice, events) = restore(&[]);
    assert!(said.contains("are void"), "{said}");
    assert!(alice.contains("code") && !alice.contains(": open"), "{alice}");
    assert!(events.contains("2 open codes void"), "{events}");
    let (said, alice, events) = restore(&["--keep-codes"]);
    assert!(said.contains("open again"), "{said}");
    assert_eq!(alice.matches(": open").count(), 2, "{alice}");
    assert!(events.contains("open codes kept"), "{events}");
}

#[test]
fn a_running_gateway_notices_a_restore() {
    let w = World::started();
    w.cli(&["registry", "backup", "--out", "empty.jsonl"]);
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        w.cli(&["registry", "restore", "--from", "empty.jsonl", "--replace"]);
        let last = desk.until_cut().await;
        assert!(
            last.iter().any(|f| f.contains("58=this certificate is not in the registry")),
            "{last:?}"
        );
    });
}

#[test]
fn an_older_or_newer_schema_is_left_alone() {
    let w = World::new();
    w.user("alice", "ALICE");
    w.sqlite("UPDATE registry_meta SET schema_version = 99");
    assert!(w.cli_fails(&["user", "list"]).contains("registry.schema_new"));
    assert!(w.cli_fails(&["registry", "migrate"]).contains("registry.schema_new"));
    w.sqlite(&format!("UPDATE registry_meta SET schema_version = {SCHEMA}"));
    assert!(w.cli(&["registry", "migrate"]).contains(&format!("schema {SCHEMA} -> {SCHEMA}")));
}

#[test]
fn postgresql_carries_several_gateways_and_takes_over_from_sqlite() {
    let Some(pg) = Postgres::start() else { return };
    let keep = tempfile::tempdir().unwrap();
    // A firm begins with SQLite...
    let old = World::started();
    old.enrolled("alice", "ALICE", "laptop");
    old.cli(&["registry", "backup", "--out", "backup.jsonl"]);
    // ...and moves to PostgreSQL, with two gateways.
    let (url, password) = pg.database("firm", keep.path());
    let registry =
        format!("{url}\"\npassword_file = \"{}\"\nview_max_age_s = 2#", password.display());
    let mut worlds: Vec<World> = (0..2).map(|_| World::with(&registry, "")).collect();
    for w in &mut worlds {
        for f in ["issuing.pem", "issuing-key.pem", "laptop.pem", "laptop-key.pem"] {
            fs::copy(old.path(f), w.path(f)).unwrap();
        }
        // The same trader, so the same CompID.
        w.n = old.n;
    }
    worlds[0].cli(&[
        "registry",
        "restore",
        "--from",
        &old.path("backup.jsonl").display().to_string(),
    ]);
    worlds.iter_mut().for_each(World::start);
    assert!(worlds[1].cli(&["user", "show", "alice"]).contains(&old.serial("laptop")));
    runtime().block_on(async {
        // The first logon writes to the registry; then one on each gateway.
        let mut first = Desk::logged_on(&worlds[0], "laptop", "ALICE", 1).await;
        let mut second = Desk::logged_on(&worlds[1], "laptop", "ALICE", 1).await;
        worlds[0].cli(&["lock", "user", "alice"]);
        let began = Instant::now();
        for desk in [&mut first, &mut second] {
            let last = desk.until_cut().await;
            assert!(last.iter().any(|f| f.contains("58=your account is locked")), "{last:?}");
        }
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        worlds[1].cli(&["unlock", "user", "alice"]);
        let again = async {
            loop {
                let mut desk = Desk::connect(&worlds[0], "laptop", "ALICE").await;
                if desk.log_on(2).await.contains("|35=A|") {
                    return desk;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let mut on = tokio::time::timeout(PATIENCE, again).await.expect("let in again");
        // The database goes away: who is on stays on, nobody new comes in.
        pg.stop();
        tokio::time::sleep(Duration::from_millis(2_800)).await;
        on.says("35=1|112=STILL|").await;
        while !on.next().await.expect("the session stays on").contains("112=STILL") {}
        let mut late = Desk::connect(&worlds[1], "laptop", "ALICE").await;
        let told = late.log_on(3).await;
        assert!(told.contains("58=the gateway cannot reach its registry"), "{told}");
        pg.again();
    });
    let back = &worlds[1];
    back.eventually("let in again", || {
        runtime()
            .block_on(async { Desk::connect(back, "laptop", "ALICE").await.log_on(3).await })
            .contains("|35=A|")
    });
    // And back to SQLite.
    back.cli(&["registry", "backup", "--out", "back.jsonl"]);
    let home = World::new();
    home.cli(&["registry", "restore", "--from", &back.path("back.jsonl").display().to_string()]);
    assert_eq!(home.cli(&["user", "list"]), back.cli(&["user", "list"]));
    assert!(home.events().contains("none altered"));
}

#[test]
fn sessions_end_too_when_that_is_wanted() {
    let Some(pg) = Postgres::start() else { return };
    let keep = tempfile::tempdir().unwrap();
    let (url, password) = pg.database("strict", keep.path());
    let registry = format!(
        "{url}\"\npassword_file = \"{}\"\nview_max_age_s = 1\nfail_closed_sessions = true#",
        password.display()
    );
    let mut w = World::with(&registry, "");
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        pg.stop();
        let last = desk.until_cut().await;
        assert!(
            last.iter().any(|f| f.contains("58=the gateway cannot reach its registry")),
            "{last:?}"
        );
    });
}
