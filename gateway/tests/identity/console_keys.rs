//! Administrators' keys and the search for events, in either database.

use crate::{
    keys::{Place, in_postgres, in_sqlite},
    postgres::Postgres,
    support::runtime,
};
use signet_registry::{EventSearch, KeyState, NewConsoleKey, Registry, Standing};
use signet_rfq::UtcMillis;

const NOW: UtcMillis = UtcMillis(5_000);
const LATER: UtcMillis = UtcMillis(9_000);

fn key(admin: &str, id: &str) -> NewConsoleKey {
    NewConsoleKey {
        credential_id: id.into(),
        admin: admin.into(),
        label: format!("key {id}"),
        model: "Blue key".into(),
        passkey: "{}".into(),
        public_key: "AA".into(),
        counter: 1,
    }
}

async fn life(place: &Place) -> Registry {
    let r = Registry::open(&place.url).await.unwrap();
    let name = place.name;
    r.invite_to_console("ada", "h", LATER, "root", NOW).await.unwrap();
    assert_eq!(r.console_invite("h", NOW).await.unwrap().as_deref(), Some("ada"), "{name}");
    assert_eq!(r.console_invite("h", LATER).await.unwrap(), None, "{name}");
    let made = r.add_console_key(&key("ada", "k"), "h", "admin ada", NOW).await.unwrap();
    assert_eq!((made.state, made.counter, made.last_used), (KeyState::Active, 1, UtcMillis(0)));
    assert!(r.add_console_key(&key("ada", "k2"), "h", "admin ada", NOW).await.is_err());
    for (counter, want) in [(2, true), (2, false), (1, false), (0, false), (u32::MAX, true)] {
        assert_eq!(r.console_key_used("k", counter, NOW).await.unwrap(), want, "{name} {counter}");
    }
    let kept = r.console_keys(Some("ada")).await.unwrap();
    assert_eq!((kept[0].counter, kept[0].last_used), (u32::MAX, NOW), "{name}");
    assert_eq!(r.console_keys(None).await.unwrap(), kept);
    assert_eq!(r.console_standing("ada", "k", NOW).await.unwrap(), Standing::Good);
    r.console_counter_went_back("k", "admin ada", NOW).await.unwrap();
    assert_eq!(r.console_standing("ada", "k", NOW).await.unwrap(), Standing::KeyNotActive);
    let id = made.id();
    let back = r.set_console_keys("ada", Some(&id), KeyState::Active, "", ("root", NOW)).await;
    assert_eq!(back.unwrap().len(), 1, "{name}");
    assert_eq!(r.console_standing("ada", "k", NOW).await.unwrap(), Standing::Good);
    for (search, want) in [
        (EventSearch { code: Some("console.*".into()), ..EventSearch::default() }, 4),
        (EventSearch { code: Some("console.key_added".into()), ..EventSearch::default() }, 1),
        (EventSearch { subject: Some("ada".into()), ..EventSearch::default() }, 4),
        (EventSearch { subject: Some("a_a".into()), ..EventSearch::default() }, 0),
        (EventSearch { text: Some("Blue key".into()), ..EventSearch::default() }, 3),
        (EventSearch { from: Some(NOW), to: Some(NOW), ..EventSearch::default() }, 4),
        (EventSearch { from: Some(LATER), ..EventSearch::default() }, 0),
        (EventSearch { before: Some(2), ..EventSearch::default() }, 1),
    ] {
        let found = r.search_events(&search, 100).await.unwrap();
        assert_eq!((found.events.len(), found.before), (want, None), "{name} {search:?}");
    }
    r
}

#[test]
fn keys_of_administrators_in_sqlite() {
    runtime().block_on(async { life(&in_sqlite()).await.close().await });
}

#[test]
fn keys_of_administrators_in_postgresql_and_by_backup_from_there() {
    let Some(pg) = Postgres::start() else { return };
    runtime().block_on(async {
        let r = life(&in_postgres(&pg, "console")).await;
        let (here, files) = (in_sqlite(), tempfile::tempdir().unwrap());
        let file = files.path().join("backup.jsonl");
        r.backup(&file, NOW).await.unwrap();
        let moved = Registry::open(&here.url).await.unwrap();
        moved.restore(&file, false, "root", NOW).await.unwrap();
        assert_eq!(moved.console_keys(None).await.unwrap(), r.console_keys(None).await.unwrap());
        r.close().await;
        moved.close().await;
    });
}
