use super::*;
use crate::RegistryUrl;

const NOW: UtcMillis = UtcMillis(1_000_000);
const HOUR: i64 = 3_600_000;

async fn registry(dir: &tempfile::TempDir) -> Registry {
    Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap()
}

fn new_key(admin: &str, id: &str) -> NewConsoleKey {
    NewConsoleKey {
        credential_id: id.into(),
        admin: admin.into(),
        label: format!("key {id}"),
        model: String::new(),
        passkey: "{}".into(),
        public_key: "AA".into(),
        counter: 1,
    }
}

async fn invite(r: &Registry, admin: &str, hash: &str) -> Result<(), ConsoleError> {
    r.invite_to_console(admin, hash, NOW + HOUR, "root@gw", NOW).await
}

async fn added(r: &Registry, admin: &str, id: &str) {
    invite(r, admin, id).await.unwrap();
    r.add_console_key(&new_key(admin, id), id, "a", NOW).await.unwrap();
}

#[tokio::test]
async fn a_code_works_once_for_its_hour_and_its_administrator() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    invite(&r, "ada", "h1").await.unwrap();
    for (hash, at, want) in [
        ("h1", NOW, Some("ada")),
        ("h1", NOW + (HOUR - 1), Some("ada")),
        ("h1", NOW + HOUR, None),
        // A clock that was set back makes nothing good for longer.
        ("h1", UtcMillis(NOW.0 - 1), None),
        ("h2", NOW, None),
    ] {
        assert_eq!(r.console_invite(hash, at).await.unwrap().as_deref(), want, "{hash} {at:?}");
    }
    let add = |admin: &str, id: &str, hash: &'static str, at| {
        let (r, new) = (r.clone(), new_key(admin, id));
        async move { r.add_console_key(&new, hash, "a", at).await.map_err(|e| e.code()) }
    };
    assert_eq!(add("bob", "k1", "h1", NOW).await, Err("console.code_refused"));
    assert_eq!(add("ada", "k1", "h1", NOW + HOUR).await, Err("console.code_refused"));
    assert!(add("ada", "k1", "h1", NOW).await.is_ok());
    assert_eq!(add("ada", "k2", "h1", NOW).await, Err("console.code_refused"), "used");
    // A newer code ends the one before.
    invite(&r, "ada", "h3").await.unwrap();
    invite(&r, "ada", "h4").await.unwrap();
    assert_eq!(add("ada", "k2", "h3", NOW).await, Err("console.code_refused"));
    assert_eq!(add("ada", "k1", "h4", NOW).await, Err("console.already_registered"));
    assert!(add("ada", "k2", "h4", NOW).await.is_ok(), "what failed has not used it up");
    r.close().await;
}

#[tokio::test]
async fn keys_and_codes_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    for n in 0..CONSOLE_KEYS_MAX {
        added(&r, "ada", &format!("k{n}")).await;
    }
    assert!(matches!(invite(&r, "ada", "x").await, Err(ConsoleError::TooManyKeys(_))));
    r.set_console_keys("ada", Some("key k0"), KeyState::Removed, "", ("a", NOW)).await.unwrap();
    invite(&r, "ada", "x").await.unwrap();
    for n in 1..INVITES_MAX {
        invite(&r, &format!("a{n}"), &format!("i{n}")).await.unwrap();
    }
    assert!(matches!(invite(&r, "one-more", "y").await, Err(ConsoleError::Full("codes"))));
    // Those that are over make room.
    let later = NOW + HOUR;
    r.invite_to_console("one-more", "y", later + HOUR, "a", later).await.unwrap();
    for bad in ["", "  ", "a\nb", "a\u{200b}", &"x".repeat(LABEL_CHARS_MAX + 1)] {
        let new = NewConsoleKey { label: bad.into(), ..new_key("one-more", "z") };
        let done = r.add_console_key(&new, "y", "a", later).await;
        assert!(matches!(done, Err(ConsoleError::Label)), "{bad:?}");
    }
    r.close().await;
}

#[tokio::test]
async fn a_backup_that_is_put_back_opens_no_code_but_when_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    invite(&r, "ada", "h").await.unwrap();
    let file = dir.path().join("backup");
    r.backup(&file, NOW).await.unwrap();
    r.add_console_key(&new_key("ada", "k"), "h", "a", NOW).await.unwrap();
    r.restore(&file, true, "a", NOW).await.unwrap();
    assert_eq!(r.console_invite("h", NOW).await.unwrap(), None);
    r.restore_with_codes(&file, true, "a", NOW).await.unwrap();
    assert_eq!(r.console_invite("h", NOW).await.unwrap().as_deref(), Some("ada"));
    r.close().await;
}

/// A code that reached somebody else must not stay good for its hour.
#[tokio::test]
async fn a_code_is_ended_also_where_there_is_no_key_yet() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    for state in [KeyState::Removed, KeyState::Locked] {
        invite(&r, "ada", "h").await.unwrap();
        let one = r.set_console_keys("ada", Some("blue"), state, "", ("a", NOW)).await;
        assert!(matches!(one, Err(ConsoleError::NoKey { .. })));
        let all = r.set_console_keys("ada", None, KeyState::Active, "", ("a", NOW)).await;
        assert!(matches!(all, Err(ConsoleError::NoKey { .. })));
        assert!(r.console_invite("h", NOW).await.unwrap().is_some());
        assert!(r.set_console_keys("ada", None, state, "", ("a", NOW)).await.unwrap().is_empty());
        assert_eq!(r.console_invite("h", NOW).await.unwrap(), None, "{state}");
        let all = r.set_console_keys("ada", None, state, "", ("a", NOW)).await;
        assert!(matches!(all, Err(ConsoleError::NoKey { .. })), "there is nothing left to end");
    }
    let (events, _) = r.events().await.unwrap();
    assert!(events.iter().any(|e| e.kind == "console.key_removed" && e.subject == "ada"));
    r.close().await;
}

#[tokio::test]
async fn a_counter_only_rises() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    added(&r, "ada", "k").await;
    for (counter, want) in [(2, true), (2, false), (1, false), (0, false), (9, true)] {
        assert_eq!(r.console_key_used("k", counter, NOW).await.unwrap(), want, "{counter}");
    }
    assert!(!r.console_key_used("other", 10, NOW).await.unwrap());
    // A key without a counter says 0 always.
    invite(&r, "bob", "h").await.unwrap();
    let none = NewConsoleKey { counter: 0, ..new_key("bob", "b") };
    r.add_console_key(&none, "h", "a", NOW).await.unwrap();
    assert!(r.console_key_used("b", 0, NOW).await.unwrap());
    assert!(r.console_key_used("b", 0, NOW).await.unwrap());
    r.console_counter_went_back("k", "admin ada", NOW).await.unwrap();
    assert!(!r.console_key_used("k", 10, NOW).await.unwrap(), "locked");
    let (events, _) = r.events().await.unwrap();
    assert!(events.iter().any(|e| e.kind == "console.counter_went_back" && e.subject == "ada"));
    r.close().await;
}

#[tokio::test]
async fn table_of_standings() {
    let dir = tempfile::tempdir().unwrap();
    let r = registry(&dir).await;
    added(&r, "ada", "k").await;
    added(&r, "bob", "b").await;
    let standing = |admin: &'static str, key: &'static str| {
        let r = r.clone();
        async move { r.console_standing(admin, key, NOW).await.unwrap() }
    };
    assert_eq!(standing("ada", "k").await, Standing::Good);
    assert_eq!(standing("ada", "b").await, Standing::KeyNotActive, "of somebody else");
    assert_eq!(standing("ada", "x").await, Standing::KeyNotActive);
    let set = |state| r.set_console_keys("ada", None, state, "test", ("a", NOW));
    set(KeyState::Locked).await.unwrap();
    assert_eq!(standing("ada", "k").await, Standing::KeyNotActive);
    set(KeyState::Active).await.unwrap();
    assert_eq!(standing("ada", "k").await, Standing::Good);
    let user = crate::NewUser {
        id: "ada".into(),
        comp_id: "ADA".into(),
        name: "Ada".into(),
        role: "standard".into(),
        protection: "keychain".into(),
    };
    let code = crate::NewCode { digest: "d".into(), expires: NOW + HOUR, managed: false };
    r.add_users(&[(user, code)], "a", NOW).await.unwrap();
    // With a code from before, too, nobody gets a key who may not log in.
    invite(&r, "ada", "h9").await.unwrap();
    let another = async || {
        let made = r.add_console_key(&new_key("ada", "k9"), "h9", "a", NOW).await;
        made.map(|_| ()).map_err(|e| e.code())
    };
    r.set_user_state("ada", AccountState::Locked, "a", NOW).await.unwrap();
    assert_eq!(standing("ada", "k").await, Standing::AccountLocked);
    assert_eq!(another().await, Err("console.code_refused"));
    r.set_user_state("ada", AccountState::Active, "a", NOW).await.unwrap();
    let terms = crate::LockoutTerms { first_ms: 0, max_ms: 0 };
    r.lock_out("ada", crate::LockoutKind::Signal, "w", terms, NOW).await.unwrap();
    assert_eq!(standing("ada", "k").await, Standing::LockedOut);
    assert_eq!(another().await, Err("console.code_refused"));
    r.lift_lockout("ada", "a", NOW).await.unwrap();
    assert_eq!(another().await, Ok(()), "what failed has not used it up");
    r.lock_out("ada", crate::LockoutKind::Signal, "w", terms, NOW).await.unwrap();
    assert_eq!(standing("ada", "k").await, Standing::LockedOut);
    assert_eq!(standing("bob", "b").await, Standing::Good);
    set(KeyState::Removed).await.unwrap();
    assert!(matches!(set(KeyState::Active).await, Err(ConsoleError::NoKey { .. })), "for good");
    r.close().await;
}
