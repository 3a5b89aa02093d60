//! `signet-desk erase` with the real program and a real keyring: it takes everything of a user, and
//! only when it is told to.

#![cfg(target_os = "linux")]

use signet_devca::{DevPki, Order, private_keyring::PrivateKeyring, store_desk_identity};
use signet_keystore::{IdentityName, Keychain as _, OsKeychain};
use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, Output},
};
use time::OffsetDateTime;

const STEP: &str = "SIGNET_ERASE_STEP";

fn name(text: &str) -> IdentityName {
    text.parse().unwrap()
}

/// What is done in the keyring, whose address only a process of its own may have.
fn in_the_keyring(step: &str, env: &[(&'static str, OsString)]) {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .envs(env.iter().cloned())
        .env(STEP, step)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{step}: {done:?}");
}

#[test]
#[ignore = "started by the test below"]
fn child() {
    let keychain = OsKeychain::default();
    match std::env::var(STEP).unwrap().as_str() {
        "fill" => {
            let pki = DevPki::generate("erase.signet.example", OffsetDateTime::now_utc()).unwrap();
            for trader in ["ALICE1", "ALICE2"] {
                let issued = pki.issue(&Order::desk(trader)).unwrap();
                store_desk_identity(&keychain, &issued, &name(trader)).unwrap();
                keychain.secret(&name(trader)).unwrap();
            }
        }
        "full" => assert_eq!(keychain.identities().unwrap().len(), 2),
        "empty" => {
            assert_eq!((keychain.identities().unwrap().len(), keychain.erase().unwrap()), (0, 0))
        }
        other => panic!("no step {other}"),
    }
}

fn erase(home: &Path, env: &[(&'static str, OsString)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_signet-desk"))
        .arg("erase")
        .args(arguments)
        .envs(env.iter().cloned())
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env_remove("DISPLAY")
        .output()
        .unwrap()
}

#[test]
fn everything_of_a_user_is_deleted_and_only_when_it_is_asked_for() {
    let keyring = PrivateKeyring::start().unwrap();
    let env = keyring.env();
    in_the_keyring("fill", &env);
    let home = tempfile::tempdir().unwrap();
    let ours = ["data", "config", "cache"].map(|f| home.path().join(f).join("desk.signet"));
    for folder in &ours {
        fs::create_dir_all(folder.join("below")).unwrap();
        fs::write(folder.join("below/file"), "x").unwrap();
    }
    let other = home.path().join("data/other");
    fs::write(&other, "of another program").unwrap();
    std::os::unix::fs::symlink(&other, ours[0].join("link")).unwrap();

    let said = erase(home.path(), &env, &[]);
    let words = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && words.contains("ALICE1, ALICE2"), "{said:?}");
    assert!(words.contains("Nothing was deleted"), "{words}");
    in_the_keyring("full", &env);
    assert!(ours.iter().all(|folder| folder.join("below/file").exists()));

    assert_eq!(erase(home.path(), &env, &["--now"]).status.code(), Some(2));
    // Without a keychain nothing is deleted: what is in it could still be used.
    let locked =
        erase(home.path(), &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none".into())], &["--yes"]);
    assert_eq!(locked.status.code(), Some(1), "{locked:?}");
    assert!(ours.iter().all(|folder| folder.join("below/file").exists()));

    // A folder that leads elsewhere: nothing is deleted, and the target is named.
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&ours[1], &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &ours[1]).unwrap();
    let linked = erase(home.path(), &env, &["--yes"]);
    assert_eq!(linked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&linked.stderr).contains("elsewhere"), "{linked:?}");
    in_the_keyring("full", &env);
    fs::remove_file(&ours[1]).unwrap();
    fs::rename(&elsewhere, &ours[1]).unwrap();

    // The desk is open.
    let lock = fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(ours[0].join("window.lock"));
    let lock = lock.unwrap();
    lock.lock().unwrap();
    let open = erase(home.path(), &env, &["--yes"]);
    assert_eq!(open.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&open.stderr).contains("is open"), "{open:?}");
    in_the_keyring("full", &env);
    drop(lock);

    let done = erase(home.path(), &env, &["--yes"]);
    assert!(done.status.success(), "{done:?}");
    in_the_keyring("empty", &env);
    assert!(ours.iter().all(|folder| !folder.exists()));
    assert_eq!(fs::read_to_string(&other).unwrap(), "of another program");
    // Again: there is nothing, which is no fault.
    assert!(erase(home.path(), &env, &["--yes"]).status.success());
}
