//! Security keys and evidence in either database, and what an administrator sees of them.

use crate::{
    key_support::{Keys, NOW},
    postgres::Postgres,
    support::{World, runtime},
};
use signet_registry::{
    CodePurpose, CounterBack, KeySelector, KeyState, NewCode, NewKeyRow, NewUser, RecordRefusal,
    Recorded, Registry, RegistryError, RegistryUrl, code::OneTimeCode, events::verify,
    first_key::Grant,
};
use signet_rfq::UtcMillis;
use signet_stepup::evidence::Evidence;
use std::{fs, path::Path};
use tempfile::TempDir;

/// A registry in a database of its own, and a second way into it.
pub struct Place {
    pub url: RegistryUrl,
    raw: String,
    pub name: &'static str,
    _dir: TempDir,
}

pub fn in_sqlite() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let url = RegistryUrl::parse("sqlite:r.db", dir.path(), None).unwrap();
    Place {
        url,
        raw: format!("sqlite://{}?mode=rwc", dir.path().join("r.db").display()),
        name: "SQLite",
        _dir: dir,
    }
}

pub fn in_postgres(pg: &Postgres, database: &str) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let (text, password) = pg.database(database, dir.path());
    let url = RegistryUrl::parse(&text, Path::new("/"), Some(&password)).unwrap();
    let secret = fs::read_to_string(&password)
        .unwrap()
        .replace('@', "%40")
        .replace('/', "%2F")
        .replace('?', "%3F");
    Place {
        url,
        raw: text.replace("signet@", &format!("signet:{secret}@")),
        name: "PostgreSQL",
        _dir: dir,
    }
}

/// SQL past the program, as somebody with the database's password would.
pub async fn sql(place: &Place, statements: &str) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&place.raw).await?;
    let mut done = Ok(());
    for s in statements.split_inclusive(";\n") {
        done = done.and(sqlx::query(s).execute(&pool).await.map(|_| ()));
    }
    pool.close().await;
    done
}

async fn with_alice(url: &RegistryUrl) -> Registry {
    let registry = Registry::open(url).await.unwrap();
    let user = NewUser {
        id: "alice".into(),
        comp_id: "ALICE".into(),
        name: "Alice".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    registry
        .add_users(
            &[(user, NewCode { digest: "d".into(), expires: UtcMillis(1), managed: false })],
            "test",
            UtcMillis(0),
        )
        .await
        .unwrap();
    registry
}

async fn granted(registry: &Registry, n: u8) -> Grant {
    let digest = OneTimeCode::new([n; 16]).digest_for(CodePurpose::Key);
    let code = NewCode { digest: digest.clone(), expires: UtcMillis(10_000), managed: false };
    registry.add_key_code("alice", &code, "test", NOW).await.unwrap();
    Grant::Code(digest)
}

/// Everything a key can go through.
async fn life(place: &Place) {
    let registry = with_alice(&place.url).await;
    let mut keys = Keys::new("alice", granted(&registry, 1).await);
    let version = registry.version().await.unwrap();
    let made = registry.add_key(&keys.row, "test", NOW).await.unwrap();
    assert_eq!(
        (made.state, made.counter, made.registered_by.as_str()),
        (KeyState::Active, 1, "code"),
        "{}",
        place.name
    );
    assert!(matches!(
        registry
            .add_key_code(
                "alice",
                &NewCode { digest: "x".into(), expires: NOW, managed: false },
                "test",
                NOW
            )
            .await,
        Err(RegistryError::HasKey(_))
    ));
    assert_eq!(keys.record(&registry).await.unwrap(), Recorded { seq: 1, key_name: "blue".into() });
    assert_eq!(keys.record(&registry).await.unwrap().seq, 2);
    let kept = &registry.keys_of("alice").await.unwrap()[0];
    assert_eq!((kept.counter, kept.last_used, &kept.passkey), (3, NOW, &keys.row.passkey));
    // The same assertion again would be a counter that stands still.
    let ((counter, evidence), id) = (keys.sign(), keys.row.credential_id.clone());
    let same = async |then| {
        let evidence = evidence.clone();
        registry.record_assertion(&id, (counter, then), evidence, ("session", ""), NOW).await
    };
    same(CounterBack::Lock).await.unwrap();
    let again = same(CounterBack::Refuse).await;
    assert!(matches!(again, Err(RecordRefusal::CounterWentBack)), "{again:?}");
    assert_eq!(keys.record(&registry).await.unwrap().seq, 4, "usable still");
    let again = same(CounterBack::Lock).await;
    assert!(matches!(again, Err(RecordRefusal::CounterWentBack)), "{again:?}");
    assert!(matches!(keys.record(&registry).await, Err(RecordRefusal::KeyNotActive)), "locked now");
    let which = KeySelector { user: "alice".into(), key: made.id.clone() };
    registry.set_key_state(&which, KeyState::Active, "", "admin", NOW).await.unwrap();
    assert_eq!(keys.record(&registry).await.unwrap().seq, 5);
    assert_eq!(registry.reset_keys("alice", "lost", "admin", NOW).await.unwrap(), 1);
    let gone = registry.set_key_state(&which, KeyState::Active, "", "admin", NOW).await;
    assert!(matches!(gone, Err(RegistryError::NoSuchKey(_))), "a removed key never comes back");
    // The credential of a removed key is not registered again either.
    let again = NewKeyRow { grant: granted(&registry, 2).await, ..keys.row.clone() };
    assert!(registry.add_key(&again, "test", NOW).await.is_err());
    assert_eq!(
        registry.version().await.unwrap(),
        version,
        "{}: no gateway reads its view anew",
        place.name
    );
    assert_eq!(registry.verify_evidence().await.unwrap(), Ok(5), "{}", place.name);
    let (events, head) = registry.events().await.unwrap();
    assert!(verify(&events, (head.0, &head.1)).is_ok());
    let told: Vec<&str> = events
        .iter()
        .map(|e| e.kind.as_str())
        .filter(|k| k.starts_with("key.") || k.starts_with("stepup."))
        .collect();
    let all = "key.code_made key.registered stepup.passed stepup.passed stepup.passed \
               key.counter_went_back stepup.passed key.counter_went_back key.unlocked \
               stepup.passed key.reset key.code_made";
    assert_eq!(told.join(" "), all, "{}", place.name);
    registry.close().await;
}

/// The database refuses; and who gets past that is found out.
async fn nothing_is_taken_away(place: &Place) {
    let registry = with_alice(&place.url).await;
    let mut keys = Keys::new("alice", granted(&registry, 1).await);
    registry.add_key(&keys.row, "test", NOW).await.unwrap();
    for _ in 0..3 {
        keys.record(&registry).await.unwrap();
    }
    for s in [
        "UPDATE evidence SET user_id = 'bob' WHERE seq = 2",
        "DELETE FROM evidence WHERE seq = 3",
        "DELETE FROM evidence",
    ] {
        let refused = sql(place, s).await.unwrap_err().to_string();
        assert!(refused.contains("only ever added"), "{}: {s}: {refused}", place.name);
    }
    assert_eq!(registry.verify_evidence().await.unwrap(), Ok(3));
    let off = match place.name {
        "SQLite" => "DROP TRIGGER evidence_stays;\nDROP TRIGGER evidence_remains;\n",
        _ => "DROP TRIGGER evidence_stays ON evidence;\n",
    };
    sql(place, off).await.unwrap();
    let verdict = async |statement: &str| {
        sql(place, statement).await.unwrap();
        registry.verify_evidence().await.unwrap().map_err(|e| (e.seq, e.why))
    };
    assert_eq!(
        verdict("UPDATE evidence SET user_id = 'bob' WHERE seq = 2").await,
        Err((2, "its content was changed".into()))
    );
    sql(place, "UPDATE evidence SET user_id = 'alice' WHERE seq = 2").await.unwrap();
    assert_eq!(
        verdict("DELETE FROM evidence WHERE seq = 3").await,
        Err((3, "the end was cut off".into()))
    );
    assert_eq!(
        verdict("DELETE FROM evidence WHERE seq = 1").await,
        Err((1, "one is missing".into()))
    );
    registry.close().await;
}

async fn the_first_release_had(registry: &Registry) {
    let (events, head) = registry.events().await.unwrap();
    assert_eq!(verify(&events, (head.0, &head.1)), Ok(1));
    assert_eq!(registry.user("alice").await.unwrap().codes.len(), 1);
}

/// What the first release made is backed up, brought up to date, and works; so does its backup.
async fn migrated(place: &Place) {
    sql(place, include_str!("schema-1.sql")).await.unwrap();
    assert!(
        matches!(Registry::open(&place.url).await, Err(RegistryError::SchemaOld { found: 1 })),
        "{}",
        place.name
    );
    let registry = Registry::connect(&place.url).await.unwrap();
    // A backup comes before the upgrade.
    let dir = tempfile::tempdir().unwrap();
    let before = dir.path().join("before.backup");
    let rows = registry.backup(&before, NOW).await.unwrap();
    assert_eq!(registry.migrate().await.unwrap(), 1);
    let registry = Registry::open(&place.url).await.unwrap();
    assert_eq!(registry.version().await.unwrap(), 41);
    the_first_release_had(&registry).await;
    assert_eq!(registry.restore(&before, true, "test", NOW).await.unwrap(), rows);
    assert!(registry.version().await.unwrap() > 41, "{}", place.name);
    let alice = registry.user("alice").await.unwrap();
    assert_eq!(alice.codes.len(), 1);
    assert_eq!(alice.codes[0].0, CodePurpose::Enrol);
    let (events, head) = registry.events().await.unwrap();
    assert_eq!(verify(&events, (head.0, &head.1)), Ok(2), "the restore is an event");
    assert!(events.iter().all(|e| e.origin.is_empty()));
    let mut keys = Keys::new("alice", granted(&registry, 1).await);
    registry.add_key(&keys.row, "test", NOW).await.unwrap();
    keys.record(&registry).await.unwrap();
    assert!(sql(place, "DELETE FROM evidence").await.is_err(), "{}", place.name);
    registry.close().await;
}

#[test]
fn keys_and_evidence_in_sqlite() {
    runtime().block_on(async {
        life(&in_sqlite()).await;
        nothing_is_taken_away(&in_sqlite()).await;
        migrated(&in_sqlite()).await;
    });
}

#[test]
fn keys_and_evidence_in_postgresql() {
    let Some(pg) = Postgres::start() else { return };
    runtime().block_on(async {
        life(&in_postgres(&pg, "life")).await;
        nothing_is_taken_away(&in_postgres(&pg, "stays")).await;
        migrated(&in_postgres(&pg, "migrated")).await;
    });
}

/// From one kind of database to the other and back, and a backup of the first release.
#[test]
fn keys_and_evidence_survive_a_backup() {
    let Some(pg) = Postgres::start() else { return };
    runtime().block_on(async {
        let (here, there, files) =
            (in_sqlite(), in_postgres(&pg, "there"), tempfile::tempdir().unwrap());
        let registry = with_alice(&here.url).await;
        let mut keys = Keys::new("alice", granted(&registry, 1).await);
        registry.add_key(&keys.row, "test", NOW).await.unwrap();
        keys.record(&registry).await.unwrap();
        let file = files.path().join("one.jsonl");
        registry.backup(&file, NOW).await.unwrap();
        let moved = Registry::open(&there.url).await.unwrap();
        moved.restore(&file, false, "admin", NOW).await.unwrap();
        assert_eq!(moved.verify_evidence().await.unwrap(), Ok(1));
        assert_eq!(moved.keys_of("alice").await.unwrap(), registry.keys_of("alice").await.unwrap());
        assert_eq!(keys.record(&moved).await.unwrap().seq, 2);
        assert!(sql(&there, "DELETE FROM evidence").await.is_err(), "as well guarded as before");
        // Putting the older one back takes evidence away: the log says how much.
        moved.restore(&file, true, "admin", NOW).await.unwrap();
        let (events, _) = moved.events().await.unwrap();
        let detail = &events.last().unwrap().detail;
        assert!(
            detail.contains("evidence up to 1 ") && detail.contains("before: evidence up to 2 "),
            "{detail}"
        );
        assert_eq!(moved.verify_evidence().await.unwrap(), Ok(1));
        let file = files.path().join("two.jsonl");
        moved.backup(&file, NOW).await.unwrap();
        registry.restore(&file, true, "admin", NOW).await.unwrap();
        assert_eq!(registry.verify_evidence().await.unwrap(), Ok(1));
        moved.close().await;
        registry.close().await;
    });
}

#[test]
fn a_backup_of_the_first_release_is_put_back() {
    runtime().block_on(async {
        let (place, files) = (in_sqlite(), tempfile::tempdir().unwrap());
        let mut text = String::from("{\"format\":\"signet registry backup \
            1\",\"schema\":1,\"made_ms\":1}\n");
        text.push_str("{\"table\":\"registry_meta\",\"row\":[1,1,41,0,\"\"]}\n");
        text.push_str("{\"table\":\"users\",\"row\":[\"alice\",\"ALICE\",\"Alice\",\"standard\",\"keychain\",\"active\",5]}\n");
        text.push_str("{\"table\":\"codes\",\"row\":[\"h\",\"alice\",\"keychain\",\"open\",5,10000,0,\"\",\"\",0]}\n");
        text.push_str("{\"table\":\"crl\",\"row\":[1,7,\"\",0,0,\"\"]}\n");
        let sum = signet_registry::hex_sha256(text.as_bytes());
        text.push_str(&format!("{{\"rows\":4,\"sha256\":\"{sum}\"}}\n"));
        let file = files.path().join("first.jsonl");
        fs::write(&file, text).unwrap();
        let registry = Registry::open(&place.url).await.unwrap();
        registry.restore(&file, false, "admin", NOW).await.unwrap();
        registry.check_schema().await.unwrap();
        assert_eq!(registry.user("alice").await.unwrap().codes[0].0, CodePurpose::Enrol);
        let mut keys = Keys::new("alice", granted(&registry, 1).await);
        registry.add_key(&keys.row, "test", NOW).await.unwrap();
        assert_eq!(keys.record(&registry).await.unwrap().seq, 1);
        registry.close().await;
    });
}

#[test]
fn what_an_administrator_does_with_keys() {
    let w = World::new();
    w.user("alice", "ALICE");
    let code = w.cli(&["key", "code", "alice"]);
    assert!(code.starts_with("One-time code for a security key of alice: "), "{code}");
    let typed = code.lines().next().unwrap().rsplit(' ').next().unwrap();
    let grant = Grant::Code(OneTimeCode::read(typed).unwrap().digest_for(CodePurpose::Key));
    let url = RegistryUrl::parse("sqlite:registry.db", w.dir.path(), None).unwrap();
    let mut keys = Keys::new("alice", grant);
    runtime().block_on(async {
        let registry = Registry::open(&url).await.unwrap();
        let now = UtcMillis(time::OffsetDateTime::now_utc().unix_timestamp() * 1_000);
        registry.add_key(&keys.row, "test", now).await.unwrap();
        keys.record(&registry).await.unwrap();
        registry.close().await;
    });
    assert!(w.cli_fails(&["key", "code", "alice"]).contains("registry.has_key"));
    let list = w.cli(&["key", "list", "alice"]);
    assert!(
        list.contains("blue  Test key")
            && list.contains(": active, since ")
            && list.contains("last used "),
        "{list}"
    );
    assert!(
        w.cli(&["key", "lock", "alice", "blue", "--reason", "left in a taxi"]).contains("locked")
    );
    assert!(w.cli(&["key", "list", "alice"]).contains("locked (left in a taxi)"));
    assert!(w.cli(&["key", "unlock", "alice", "blue"]).contains("active"));
    assert!(w.cli_fails(&["key", "lock", "alice", "green"]).contains("registry.no_key"));
    assert!(w.cli_fails(&["key", "list", "nobody"]).contains("registry.no_user"));
    assert!(w.cli_fails(&["key", "reset", "alice"]).contains("--reason"));
    assert!(
        w.cli(&["key", "reset", "alice", "--reason", "found again"]).contains("1 keys removed")
    );
    let shown = w.cli(&["user", "show", "alice"]);
    assert!(shown.contains("code for a security key: used"), "{shown}");

    let told = w.cli(&["evidence", "list", "--user", "alice"]);
    assert!(
        told.contains("session") && told.contains("at ALICE") && told.contains("with blue"),
        "{told}"
    );
    assert_eq!(w.cli(&["evidence", "list", "--user", "bob"]), "");
    assert!(
        w.cli(&["evidence", "verify"])
            .starts_with("1 records, each proves what it says, none altered.")
    );
    let one = w.cli(&["evidence", "export", "1"]);
    assert_eq!(w.cli(&["evidence", "export", "all"]), one);
    let line: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(Evidence::from_json(line["record"].as_str().unwrap()).unwrap().verify(), Ok(()));
    assert!(w.cli_fails(&["evidence", "export", "2"]).contains("registry.no_evidence"));
    assert!(w.cli_fails(&["evidence", "export", "every"]).contains("admin.no_number"));
    w.sqlite("DROP TRIGGER evidence_stays");
    w.sqlite("UPDATE evidence SET record = REPLACE(record, 'ALICE', 'MALLO')");
    assert!(w.cli_fails(&["evidence", "verify"]).contains("evidence.altered"));
    for kind in [
        "key.code_made",
        "key.registered",
        "stepup.passed",
        "key.locked",
        "key.unlocked",
        "key.reset",
    ] {
        assert!(w.events().contains(kind), "{kind}");
    }
}
