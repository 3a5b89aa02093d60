//! A SoftHSM2 token for measurements, where one is installed.

use signet_keystore::{
    Pin, PinPrompt, PinRequest,
    pkcs11::{ANSWER_TIME_DEFAULT, Pkcs11Holder, Pkcs11Settings},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

const PIN: &str = "12345678";
const TOKEN: &str = "signet bench";

#[derive(Debug)]
struct KnowsThePin;

impl PinPrompt for KnowsThePin {
    fn ask(&self, _: &PinRequest) -> Option<Pin> {
        Some(Pin::new(PIN.into()))
    }
}

/// In the child: the token's keys.
pub fn holder(module: PathBuf) -> Pkcs11Holder {
    let settings = Pkcs11Settings { module, token: Some(TOKEN.into()) };
    Pkcs11Holder::new(settings, Arc::new(KnowsThePin), ANSWER_TIME_DEFAULT)
}

/// Runs this program again as `PROGRAM token MODULE`, with a token in a directory that is gone
/// afterwards; the module reads where from the environment.
pub fn child() {
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
    ];
    let Some(module) = places.into_iter().find(|p| Path::new(p).exists()) else {
        return println!("   PKCS#11: softhsm2 is not installed, not measured");
    };
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("tokens")).expect("a folder");
    let conf = home.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        home.path().join("tokens").display()
    );
    fs::write(&conf, text).expect("written");
    let init = ["--init-token", "--free", "--label", TOKEN, "--so-pin", "87654321", "--pin", PIN];
    let made = Command::new("softhsm2-util")
        .args(init)
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .expect("softhsm2-util");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let me = std::env::current_exe().expect("a path");
    let done = Command::new(me)
        .arg("token")
        .arg(module)
        .env("SOFTHSM2_CONF", &conf)
        .status()
        .expect("started");
    assert!(done.success(), "the token could not be measured");
}
