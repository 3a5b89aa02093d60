//! Who hands an event to the SIEM, in either database, over backup and restore.

use crate::{
    postgres::Postgres,
    support::{World, runtime},
};
use signet_registry::{NewEvent, Registry, RegistryUrl, events::verify};
use signet_rfq::UtcMillis;

async fn remembered(url: &RegistryUrl) {
    let registry = Registry::connect(url).await.unwrap();
    registry.migrate().await.unwrap();
    let event = |n: i64| NewEvent::new(UtcMillis(n), "gateway", "risk.assessed", "alice", "x");
    let all = vec![event(1), event(2).with_origin("GW1"), event(3), event(4).with_origin("GW2\n")];
    registry.note_all(all).await.unwrap();
    let (events, head) = registry.events().await.unwrap();
    let origins: Vec<_> = events.iter().map(|e| e.origin.as_str()).collect();
    assert_eq!(origins, ["", "GW1", "", "GW2 "]);
    assert_eq!(verify(&events, (head.0, &head.1)), Ok(4));
    assert_eq!(registry.events_from(2, 2).await.unwrap(), events[1..3]);
    assert_eq!(registry.events_from(5, 2).await.unwrap(), []);
    let page = registry.events_page(None, 3).await.unwrap();
    assert!(page.checked.is_ok() && page.events == events[1..]);
    registry.close().await;
}

#[test]
fn the_origin_of_an_event_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let url = RegistryUrl::parse("sqlite:registry.db", dir.path(), None).unwrap();
    runtime().block_on(remembered(&url));
}

#[test]
fn the_origin_of_an_event_in_postgresql() {
    let Some(pg) = Postgres::start() else { return };
    let keep = tempfile::tempdir().unwrap();
    let (url, password) = pg.database("origins", keep.path());
    let url = RegistryUrl::parse(&url, keep.path(), Some(&password)).unwrap();
    runtime().block_on(remembered(&url));
}

/// Whoever takes the origin away would make a row go to the SIEM once more; whoever adds one, never.
#[test]
fn a_changed_origin_is_an_altered_log_also_after_a_restore() {
    for (change, altered) in [
        ("UPDATE events SET origin = 'GW9' WHERE seq = 1", true),
        ("UPDATE events SET detail = detail WHERE seq = 1", false),
    ] {
        let w = World::new();
        w.user("alice", "ALICE");
        w.cli(&["registry", "backup", "--out", "backup.jsonl"]);
        w.cli(&["registry", "restore", "--from", "backup.jsonl", "--replace"]);
        assert!(w.events().contains("none altered"));
        w.sqlite(change);
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| w.events()));
        let whole = said.is_ok_and(|text| text.contains("none altered"));
        assert_eq!(whole, !altered, "{change}");
    }
}
