//! The keychain of this machine, for real: GNOME Keyring on a private session bus.
//!
//! The bus is found through the environment, which a test must not change while others run; so
//! each test starts this program again as a child with the environment it is about.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use signet_devca::private_keyring::{PrivateBus, PrivateKeyring, Start};
use signet_devca::{Order, store_desk_identity};
use signet_keystore::{Keychain, KeychainError, OsKeychain};

use crate::life::{life, name, pki};

const SCENARIO: &str = "SIGNET_KEYCHAIN_SCENARIO";

/// Runs `child` below in a process of its own.
fn start_scenario(name: &str, env: Vec<(&'static str, OsString)>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "linux::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("DISPLAY")
        .env("XDG_RUNTIME_DIR", "/nonexistent")
        .envs(env)
        .env(SCENARIO, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn scenario(name: &str, env: Vec<(&'static str, OsString)>) {
    let output = start_scenario(name, env).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name}:\n{}{}",
        said,
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn store_list_load_delete() {
    let keyring = PrivateKeyring::start().unwrap();
    scenario("life", keyring.env());
}

#[test]
fn callers_at_once_share_one_secret() {
    let keyring = PrivateKeyring::start().unwrap();
    scenario("parallel", keyring.env());
}

/// Two items under one name touch that name only.
#[test]
fn an_entry_that_is_there_twice() {
    let keyring = PrivateKeyring::start().unwrap();
    scenario("twice", keyring.env());
}

#[test]
fn locked_with_nobody_to_ask() {
    let home = tempfile::tempdir().unwrap();
    let keyring = PrivateKeyring::start_in(home.path(), "one", Start::Unlocked).unwrap();
    scenario("store", keyring.env());
    drop(keyring);
    assert!(!holds_key_material(home.path()), "the keyring's files are encrypted");

    let keyring = PrivateKeyring::start_in(home.path(), "one", Start::Locked).unwrap();
    scenario("locked", keyring.env());
    drop(keyring);

    let keyring = PrivateKeyring::start_in(home.path(), "one", Start::Unlocked).unwrap();
    scenario("still_there", keyring.env());
}

#[test]
fn nowhere_to_store() {
    let home = tempfile::tempdir().unwrap();
    let keyring = PrivateKeyring::start_in(home.path(), "one", Start::Locked).unwrap();
    scenario("no_default_collection", keyring.env());
}

#[test]
fn no_session_bus() {
    scenario("no_keychain", vec![]);
    let nowhere = OsString::from("unix:path=/nonexistent/bus");
    scenario("no_keychain", vec![("DBUS_SESSION_BUS_ADDRESS", nowhere)]);
}

#[test]
fn a_bus_without_a_keychain() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    scenario("no_keychain", bus.env());
}

#[test]
fn a_keychain_that_does_not_answer() {
    let keyring = PrivateKeyring::start().unwrap();
    keyring.pause(true).unwrap();
    scenario("hangs", keyring.env());
    keyring.pause(false).unwrap();
}

fn holds_key_material(home: &Path) -> bool {
    // Keys are stored as base64 PKCS#8, which for P-256 always starts like this.
    let needle = b"MIGHAgEAMBMGByqGSM49";
    let mut open = vec![home.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|w| w == needle) {
                return true;
            }
        }
    }
    false
}

#[test]
#[ignore = "started by the tests above"]
fn child() {
    let Ok(scenario) = std::env::var(SCENARIO) else {
        return;
    };
    let keychain = OsKeychain::default();
    match scenario.as_str() {
        "life" => life(&keychain),
        "parallel" => parallel(&keychain),
        "store" => store(&keychain),
        "twice" => twice(&keychain),
        "still_there" => still_there(&keychain),
        "locked" => locked(&keychain),
        "no_default_collection" => no_default_collection(&keychain),
        "no_keychain" => no_keychain(&keychain),
        "hangs" => hangs(),
        other => panic!("no scenario {other}"),
    }
}

fn parallel(keychain: &OsKeychain) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| keychain.secret(&name("shared")).unwrap());
        }
    });
    let secret = keychain.secret(&name("shared")).unwrap();
    assert_eq!(*OsKeychain::default().secret(&name("shared")).unwrap(), *secret);
}

fn store(keychain: &OsKeychain) {
    let issued = pki().issue(&Order::desk("TRADER1")).unwrap();
    store_desk_identity(keychain, &issued, &name("TRADER1")).unwrap();
}

fn twice(keychain: &OsKeychain) {
    use secret_service::{EncryptionType, blocking::SecretService};
    let pki = pki();
    for trader in ["TRADER1", "TRADER2", "TRADER3"] {
        store_desk_identity(keychain, &pki.issue(&Order::desk(trader)).unwrap(), &name(trader))
            .unwrap();
    }
    let secret = keychain.secret(&name("journal")).unwrap();
    let service = SecretService::connect(EncryptionType::Plain).unwrap();
    let collection = service.get_default_collection().unwrap();
    let again = |entry: &str, change: fn(&mut Vec<u8>)| {
        let items = collection.search_items([("username", entry)].into()).unwrap();
        let (item, mut text) = (&items[0], items[0].get_secret().unwrap());
        change(&mut text);
        let attributes = item.get_attributes().unwrap();
        let borrowed = attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        collection.create_item("another", borrowed, &text, false, "text/plain").unwrap();
        assert_eq!(
            collection.search_items([("username", entry)].into()).unwrap().len(),
            2,
            "{entry}"
        );
    };
    again("identity/TRADER1", |text| text.truncate(40));
    again("identity/TRADER2", |_| ());
    again("secret/journal", |_| ());

    let listed = keychain.identities().unwrap();
    let usable: Vec<_> =
        listed.iter().map(|i| (i.name.as_str(), i.certificate.is_some())).collect();
    assert_eq!(usable, [("TRADER1", false), ("TRADER2", true), ("TRADER3", true)]);
    let error = keychain.load_identity(&name("TRADER1")).unwrap_err();
    assert!(
        error.code() == "keychain.malformed" && error.to_string().contains("more than once"),
        "{error}"
    );
    assert_eq!(
        keychain.load_identity(&name("TRADER2")).unwrap().peer().unwrap().comp_id.as_str(),
        "TRADER2"
    );
    assert_eq!(*keychain.secret(&name("journal")).unwrap(), *secret);
    // The cure that the error names works, for both copies.
    keychain.delete_identity(&name("TRADER1")).unwrap();
    store_desk_identity(keychain, &pki.issue(&Order::desk("TRADER1")).unwrap(), &name("TRADER1"))
        .unwrap();
    assert!(keychain.identities().unwrap().iter().all(|i| i.certificate.is_some()));
}

fn still_there(keychain: &OsKeychain) {
    assert_eq!(keychain.load_identity(&name("TRADER1")).unwrap().chain().len(), 1);
}

fn locked(keychain: &OsKeychain) {
    for result in [
        keychain.identities().map(drop),
        keychain.load_identity(&name("TRADER1")).map(drop),
        keychain.secret(&name("journal")).map(drop),
    ] {
        let error = result.unwrap_err();
        let expected = matches!(error, KeychainError::Locked | KeychainError::PromptDismissed);
        assert!(expected, "{error:?}");
        assert!(error.cure().contains("Unlock"));
    }
}

fn no_default_collection(keychain: &OsKeychain) {
    assert_eq!(keychain.identities().unwrap(), []);
    let error = keychain.secret(&name("journal")).unwrap_err();
    assert_eq!(error.code(), "keychain.no_default_collection", "{error:?}");
}

fn no_keychain(keychain: &OsKeychain) {
    let begun = Instant::now();
    let error = keychain.identities().unwrap_err();
    assert_eq!(error.code(), "keychain.none", "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "said at once, not after the deadline");
}

fn hangs() {
    let keychain = OsKeychain::new(Duration::from_millis(400));
    assert!(matches!(keychain.identities(), Err(KeychainError::TimedOut(_))));
    // The thread is still waiting; the next caller is not worse off.
    assert!(matches!(keychain.secret(&name("x")), Err(KeychainError::TimedOut(_))));
}
