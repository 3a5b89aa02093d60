//! What Linux tells without privileges, in files of `/proc`, `/sys` and `/etc`.

use super::facts::{Laptop, every, unknown, yes_no};
use signet_policy::posture::{Fact, Reading};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How many layers of volumes and RAID may lie above the encrypted device.
const LAYERS_MAX: usize = 8;
const SECURE_BOOT: &str =
    "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Looks at the file system in `root`, which is `/` except in tests.
pub(super) fn look(root: &Path) -> Laptop {
    let release = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let entry = |name: &str| {
        let line = release.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default()
            .trim_matches('"')
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect::<String>()
    };
    let (system, system_version) = (entry("NAME"), entry("VERSION_ID"));
    let facts = every(|f| match f {
        Fact::DiskEncryption => disk(root),
        Fact::SecureBoot => secure_boot(root),
        Fact::Tpm => yes_no(root.join("sys/class/tpm/tpm0").exists()),
        Fact::Firewall => unknown("its rules are shown to administrators only"),
        Fact::ScreenLock => unknown("the desktop does not tell programs"),
    });
    Laptop { system, system_version, facts }
}

/// Whether the file system of `/` lies on dm-crypt.
fn disk(root: &Path) -> Reading {
    let Ok(mounts) = fs::read_to_string(root.join("proc/self/mountinfo")) else {
        return unknown("the mounts cannot be read");
    };
    // The last one on `/` is the one in use. Fields: proc_pid_mountinfo(5).
    let mount = mounts.lines().rev().find(|l| l.split(' ').nth(4) == Some("/"));
    let Some(mount) = mount else { return unknown("nothing is mounted on /") };
    let number = mount.split(' ').nth(2).unwrap_or_default();
    let by_number = root.join("sys/dev/block").join(number);
    let source =
        mount.split(" - ").nth(1).and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
    let device = if number.starts_with("0:") { by_source(root, source) } else { Some(by_number) };
    match device.filter(|d| d.exists()) {
        Some(d) => yes_no(encrypted(&d, LAYERS_MAX)),
        None => unknown("the system lies on no block device of its own"),
    }
}

/// The block device that a mount's source names. btrfs and others have a device number of their
/// own.
fn by_source(root: &Path, source: &str) -> Option<PathBuf> {
    let name = source.strip_prefix("/dev/")?;
    let real = fs::canonicalize(root.join("dev").join(name)).ok()?;
    Some(root.join("sys/class/block").join(real.file_name()?))
}

fn encrypted(device: &Path, layers: usize) -> bool {
    let crypt =
        |d: &Path| fs::read_to_string(d.join("dm/uuid")).is_ok_and(|u| u.starts_with("CRYPT-"));
    if crypt(device) {
        return true;
    }
    let under: Vec<PathBuf> = fs::read_dir(device.join("slaves"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    // Every device under a volume must be encrypted.
    layers > 0 && !under.is_empty() && under.iter().all(|d| encrypted(d, layers - 1))
}

fn secure_boot(root: &Path) -> Reading {
    match fs::read(root.join(SECURE_BOOT)) {
        // Four bytes of attributes, then the value (UEFI specification, section 8.2).
        Ok(v) if v.len() == 5 => yes_no(v[4] == 1),
        Ok(_) => unknown("the firmware's answer cannot be read"),
        Err(_) if root.join("sys/firmware/efi").exists() => {
            unknown("the firmware's variables cannot be read")
        }
        Err(_) => Reading::No,
    }
}

#[cfg(test)]
#[path = "linux_tests.rs"]
mod tests;
