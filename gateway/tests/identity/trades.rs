//! Who has ever traded with whom, in either database, over migration, backup and restore.

use crate::{postgres::Postgres, support::runtime};
use signet_registry::{NewCode, NewUser, Registry, RegistryUrl};
use signet_rfq::UtcMillis;
use std::path::Path;

const NOW: UtcMillis = UtcMillis(1_795_000_000_000);

async fn with_people(url: &RegistryUrl) -> Registry {
    let registry = Registry::connect(url).await.unwrap();
    registry.migrate().await.unwrap();
    for (id, comp_id) in [("alice", "ALICE"), ("bob", "BOB")] {
        let user = NewUser {
            id: id.into(),
            comp_id: comp_id.into(),
            name: id.into(),
            role: "standard".into(),
            protection: "keychain".into(),
        };
        let code = NewCode { digest: id.into(), expires: NOW, managed: false };
        registry.add_users(&[(user, code)], "test", NOW).await.unwrap();
    }
    registry
}

async fn remembered(url: &RegistryUrl) {
    let registry = with_people(url).await;
    let pair = |user: &str, dealer: &str| (user.to_owned(), dealer.to_owned());
    assert!(registry.view(NOW).await.unwrap().traded.is_empty());
    let before = registry.version().await.unwrap();
    registry.traded("ALICE", "NORTHBANK", NOW).await.unwrap();
    let first = registry.version().await.unwrap();
    assert!(first > before, "gateways read their view anew");
    // Again, and somebody nobody is registered for: nothing changes.
    registry.traded("ALICE", "NORTHBANK", NOW + 1).await.unwrap();
    registry.traded("GHOST", "NORTHBANK", NOW).await.unwrap();
    assert_eq!(registry.version().await.unwrap(), first);
    registry.traded("ALICE", "HARBOUR", NOW).await.unwrap();
    let view = registry.view(NOW).await.unwrap();
    assert_eq!(view.traded, [pair("alice", "NORTHBANK"), pair("alice", "HARBOUR")].into());
    let (events, _) = registry.events().await.unwrap();
    assert_eq!(events.iter().filter(|e| e.kind == "trade.first").count(), 2);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("backup.jsonl");
    registry.backup(&file, NOW).await.unwrap();
    registry.traded("BOB", "HARBOUR", NOW).await.unwrap();
    registry.restore(&file, true, "admin", NOW).await.unwrap();
    assert_eq!(registry.view(NOW).await.unwrap().traded, view.traded);
    registry.close().await;
}

#[test]
fn first_trades_are_remembered_in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(remembered(&RegistryUrl::parse("sqlite:r.db", dir.path(), None).unwrap()));
}

#[test]
fn first_trades_are_remembered_in_postgresql() {
    let Some(pg) = Postgres::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (url, password) = pg.database("trades", dir.path());
    runtime()
        .block_on(remembered(&RegistryUrl::parse(&url, Path::new("/"), Some(&password)).unwrap()));
}
