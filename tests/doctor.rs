//! `signet-desk doctor` as a person types it, on a laptop that nobody has prepared.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

fn doctor(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_signet-desk"))
        .arg("doctor")
        .args(arguments)
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("DISPLAY")
        .output()
        .unwrap()
}

#[test]
fn an_unprepared_laptop_is_told_what_to_do() {
    let said = doctor(&[]);
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stdout).contains("invitation"), "{said:?}");
}

#[test]
fn a_file_that_is_not_there_and_an_option_that_is_none_are_named() {
    let said = doctor(&["--config", "/nonexistent/desk.toml"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("/nonexistent/desk.toml"), "{said:?}");
    assert_eq!(doctor(&["--colour"]).status.code(), Some(2));
}
