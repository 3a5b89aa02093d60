//! What macOS tells without privileges, through its own tools.

use super::facts::{Laptop, every, unknown};
use signet_policy::posture::{Fact, Reading};
use std::process::Command;

pub(super) fn look() -> Laptop {
    let facts = every(|f| match f {
        Fact::DiskEncryption => {
            asked("/usr/bin/fdesetup", &["status"], "FileVault is On", "FileVault is Off")
        }
        Fact::Firewall => {
            let tool = "/usr/libexec/ApplicationFirewall/socketfilterfw";
            asked(tool, &["--getglobalstate"], "enabled", "disabled")
        }
        Fact::SecureBoot | Fact::ScreenLock => {
            unknown("this system tells it to administrators only")
        }
        Fact::Tpm => unknown("this system has a Secure Enclave instead"),
    });
    let version = Command::new("/usr/bin/sw_vers").arg("-productVersion").output();
    let version = version
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().chars().take(100).collect())
        .unwrap_or_default();
    Laptop { system: "macOS".into(), system_version: version, facts }
}

fn asked(tool: &str, arguments: &[&str], yes: &str, no: &str) -> Reading {
    let Ok(out) = Command::new(tool).args(arguments).output() else {
        return unknown("the system's tool could not be asked");
    };
    match String::from_utf8_lossy(&out.stdout) {
        t if t.contains(yes) => Reading::Yes,
        t if t.contains(no) => Reading::No,
        _ => unknown("the system's tool gave no clear answer"),
    }
}
