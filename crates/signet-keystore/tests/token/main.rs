//! Keys in a real PKCS#11 module: SoftHSM2 (Debian package `softhsm2`), SoftHSM2 behind `awkward.c`,
//! which gives it the bad days of a card, and a TPM 2.0 behind tpm2-pkcs11 (packages `swtpm`,
//! `tpm2-abrmd`, `libtpm2-pkcs11-tools`).
//!
//! A module reads its configuration from the environment once per process, so each test starts this
//! program again as a child with a token of its own.
#![cfg(all(target_os = "linux", feature = "pkcs11"))]

mod bench;
mod child;
#[path = "../../../../tests/needs/left_out.rs"]
mod needs;
mod scenarios;
mod softhsm;
mod tpm;

use std::ffi::OsString;
use std::process::Command;

use softhsm::SoftHsm;
use tpm::Tpm;

const SCENARIO: &str = "SIGNET_TOKEN_SCENARIO";

fn run(name: &str, env: Vec<(&'static str, OsString)>) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(env)
        .env(SCENARIO, name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!(
        "{}",
        said.lines()
            .filter(|line| line.starts_with("bench"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    );
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name}:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Each name is a scenario: in a token of SoftHSM2, and those of `tpm` in one of a TPM.
macro_rules! scenarios {
    (softhsm: $($test:ident),* ; tpm: $($in_tpm:ident),* ; tpm only: $($only:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            let Some(hsm) = SoftHsm::new() else { return };
            run(stringify!($test), hsm.env());
        })*

        mod in_a_tpm {
            $(#[test]
            fn $in_tpm() {
                let Some(tpm) = super::Tpm::new() else { return };
                super::run(stringify!($in_tpm), tpm.env());
            })*

            $(#[test]
            fn $only() {
                let Some(tpm) = super::Tpm::new() else { return };
                super::run(stringify!($only), tpm.env());
            })*
        }

        #[test]
        #[ignore = "started by the tests above"]
        fn child() {
            match std::env::var(SCENARIO).as_deref() {
                $(Ok(stringify!($test)) => scenarios::$test(),)*
                $(Ok(stringify!($only)) => scenarios::$only(),)*
                Ok(other) => panic!("no scenario {other}"),
                Err(_) => {}
            }
        }
    };
}

scenarios!(
    softhsm: made_in_the_token_and_used_for_mutual_tls,
    the_private_half_cannot_be_read,
    labels_are_not_overwritten,
    a_wrong_pin_is_asked_again_and_then_told,
    a_declined_pin_is_told,
    a_pin_that_locks,
    no_module_no_token_other_token,
    a_token_pulled_and_put_back,
    a_log_out_elsewhere_in_the_process,
    a_token_without_elliptic_curves,
    a_token_that_leaks_is_refused,
    a_dialog_left_open_does_not_block_for_ever,
    an_identity_with_its_key_in_the_token,
    a_request_that_openssl_accepts,
    a_pkcs11_tool_that_is_not_ours_sees_the_same,
    how_long_a_signature_takes;
    tpm: made_in_the_token_and_used_for_mutual_tls,
    the_private_half_cannot_be_read,
    a_request_that_openssl_accepts;
    tpm only: a_wrong_pin_of_a_tpm_is_asked_again
);
