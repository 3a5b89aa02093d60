//! A SoftHSM2 token in a directory of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::child::{AWKWARD, MODULE, PIN, TOKEN, awkward_file};
use crate::needs::left_out;

pub struct SoftHsm {
    home: TempDir,
    module: PathBuf,
}

impl SoftHsm {
    /// `None`: `SIGNET_WITHOUT_SOFTHSM=1` leaves its tests out.
    pub fn new() -> Option<Self> {
        if left_out("SIGNET_WITHOUT_SOFTHSM", "keys in SoftHSM2") {
            return None;
        }
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
        ];
        let Some(module) = places.into_iter().map(PathBuf::from).find(|path| path.exists()) else {
            panic!(
                "SoftHSM2 is missing. Install it (package softhsm2), or leave its tests out with \
                 SIGNET_WITHOUT_SOFTHSM=1"
            );
        };
        let home = TempDir::with_prefix("signet-token-").unwrap();
        let tokens = home.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        std::fs::create_dir(home.path().join("awkward")).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        std::fs::write(home.path().join("softhsm2.conf"), config).unwrap();
        let hsm = Self { home, module };
        hsm.make_token(TOKEN);
        Some(hsm)
    }

    fn make_token(&self, label: &str) {
        let made = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                label,
                "--so-pin",
                "87654321",
                "--pin",
                PIN,
            ])
            .envs(self.env())
            .output()
            .expect("softhsm2-util");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("SOFTHSM2_CONF", self.home.path().join("softhsm2.conf").into()),
            (MODULE, self.module.clone().into()),
            (AWKWARD, self.home.path().join("awkward").into()),
        ]
    }
}

/// In the child: the awkward module, compiled here.
pub fn awkward_module() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/token/awkward.c");
    let module = awkward_file("awkward.so");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&module)
        .arg(source)
        .arg("-ldl")
        .output()
        .expect("cc");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    module
}
