//! What can be told about this laptop without an agent and without rights: facts that are yes, no, or
//! not known with the reason. The gateway believes them only as far as its ladder says.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::MessageKey;
use signet_policy::posture::{Envelope, Fact, Reading, Report};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A report for one connection and one question, signed; `None` when it cannot be made, and then the gateway
/// knows no more than before. Reads and signs on a thread that may wait.
pub(crate) async fn envelope(key: MessageKey, exporter: [u8; 32], nonce: String, version: &str) -> Option<String> {
    let program = format!("signet-desk {version}");
    let made = tokio::task::spawn_blocking(move || {
        let Laptop { system, system_version, facts } = look();
        let report = Report { nonce, exporter: BASE64.encode(exporter), system, system_version, program, facts };
        let report = serde_json::to_string(&report).ok()?;
        let mut envelope = Envelope { report, signature: String::new() };
        match key.sign(&envelope.signed()) {
            Ok(s) => envelope.signature = BASE64.encode(s),
            Err(e) => {
                tracing::warn!(error = %e, "the report about this laptop could not be signed");
                return None;
            }
        }
        serde_json::to_string(&envelope).ok()
    });
    made.await.ok().flatten()
}

/// What a report says beside what ties it to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laptop {
    pub system: String,
    pub system_version: String,
    pub facts: BTreeMap<Fact, Reading>,
}

/// Looks at this laptop. Reads some small files, or asks a tool of the system: not for a thread that may not wait.
pub fn look() -> Laptop {
    #[cfg(target_os = "linux")]
    return linux::look(Path::new("/"));
    #[cfg(target_os = "macos")]
    return macos::look();
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    Laptop {
        system: std::env::consts::OS.into(),
        system_version: String::new(),
        facts: every(|_| unknown("this system tells it to administrators only")),
    }
}

fn unknown(why: &str) -> Reading {
    Reading::Unknown(why.into())
}

fn every(read: impl Fn(Fact) -> Reading) -> BTreeMap<Fact, Reading> {
    [Fact::DiskEncryption, Fact::SecureBoot, Fact::Firewall, Fact::ScreenLock, Fact::Tpm].into_iter().map(|f| (f, read(f))).collect()
}

fn yes_no(yes: bool) -> Reading {
    if yes { Reading::Yes } else { Reading::No }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod linux {
    use super::*;
    use std::fs;

    /// How deep encryption may lie under volumes and RAID.
    const LAYERS_MAX: usize = 8;
    const SECURE_BOOT: &str = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

    /// `root`: the file system as it is, or as a test made it.
    pub fn look(root: &Path) -> Laptop {
        let release = fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
        let entry = |name: &str| {
            let line = release.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').chars().filter(|c| !c.is_control()).take(100).collect::<String>()
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

    /// Whether dm-crypt lies somewhere under the file system of `/`.
    fn disk(root: &Path) -> Reading {
        let Ok(mounts) = fs::read_to_string(root.join("proc/self/mountinfo")) else { return unknown("the mounts cannot be read") };
        // The last one on `/` is the one in use. Fields: proc_pid_mountinfo(5).
        let mount = mounts.lines().rev().find(|l| l.split(' ').nth(4) == Some("/"));
        let Some(mount) = mount else { return unknown("nothing is mounted on /") };
        let number = mount.split(' ').nth(2).unwrap_or_default();
        let by_number = root.join("sys/dev/block").join(number);
        let source = mount.split(" - ").nth(1).and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
        let device = if number.starts_with("0:") { by_source(root, source) } else { Some(by_number) };
        match device.filter(|d| d.exists()) {
            Some(d) => yes_no(encrypted(&d, LAYERS_MAX)),
            None => unknown("the system lies on no block device of its own"),
        }
    }

    /// btrfs and others have a device number of their own; the source names the real one.
    fn by_source(root: &Path, source: &str) -> Option<PathBuf> {
        let name = source.strip_prefix("/dev/")?;
        let real = fs::canonicalize(root.join("dev").join(name)).ok()?;
        Some(root.join("sys/class/block").join(real.file_name()?))
    }

    fn encrypted(device: &Path, layers: usize) -> bool {
        let crypt = |d: &Path| fs::read_to_string(d.join("dm/uuid")).is_ok_and(|u| u.starts_with("CRYPT-"));
        if crypt(device) {
            return true;
        }
        let under: Vec<PathBuf> = fs::read_dir(device.join("slaves")).into_iter().flatten().flatten().map(|e| e.path()).collect();
        // Every part of a volume must be.
        layers > 0 && !under.is_empty() && under.iter().all(|d| encrypted(d, layers - 1))
    }

    fn secure_boot(root: &Path) -> Reading {
        match fs::read(root.join(SECURE_BOOT)) {
            // Four bytes of attributes, then the value (UEFI specification, section 8.2).
            Ok(v) if v.len() == 5 => yes_no(v[4] == 1),
            Ok(_) => unknown("the firmware's answer cannot be read"),
            Err(_) if root.join("sys/firmware/efi").exists() => unknown("the firmware's variables cannot be read"),
            Err(_) => Reading::No,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// A made-up system: a mount of `/`, and devices with what lies under them.
        fn system(mount: &str, devices: &[(&str, Option<&str>, &[&str])]) -> tempfile::TempDir {
            let dir = tempfile::tempdir().unwrap();
            let write = |path: &str, text: &[u8]| {
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            };
            write("etc/os-release", b"NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n");
            write("proc/self/mountinfo", format!("21 1 0:5 / /proc rw - proc proc rw\n{mount}\n").as_bytes());
            for (number, uuid, under) in devices {
                let base = format!("sys/dev/block/{number}");
                write(&format!("{base}/size"), b"1");
                if let Some(u) = uuid {
                    write(&format!("{base}/dm/uuid"), u.as_bytes());
                }
                for u in *under {
                    write(&format!("{base}/slaves/{u}/size"), b"1");
                    if u.starts_with("crypt") {
                        write(&format!("{base}/slaves/{u}/dm/uuid"), b"CRYPT-LUKS2-x");
                    }
                }
            }
            dir
        }

        #[test]
        fn encryption_is_found_wherever_it_lies() {
            let disk = |mount: &str, devices: &[(&str, Option<&str>, &[&str])]| {
                let l = look(system(mount, devices).path());
                assert_eq!((l.system.as_str(), l.system_version.as_str()), ("Debian GNU/Linux", "12"));
                l.facts[&Fact::DiskEncryption].clone()
            };
            let root = "22 1 254:0 / / rw - ext4 /dev/mapper/root rw";
            assert_eq!(disk(root, &[("254:0", Some("CRYPT-LUKS2-abc"), &[])]), Reading::Yes);
            assert_eq!(disk(root, &[("254:0", Some("LVM-abc"), &["crypt0"])]), Reading::Yes);
            assert_eq!(disk(root, &[("254:0", Some("LVM-abc"), &["crypt0", "sdb1"])]), Reading::No);
            assert_eq!(disk("22 1 8:1 / / rw - ext4 /dev/sda1 rw", &[("8:1", None, &[])]), Reading::No);
            for lost in ["22 1 0:30 / / rw - overlay overlay rw", "22 1 8:1 / / rw - ext4 /dev/sda1 rw", "22 1 8:1 / /home rw - ext4 x rw"]
            {
                assert!(matches!(disk(lost, &[]), Reading::Unknown(_)), "{lost}");
            }
        }

        #[test]
        fn secure_boot_by_the_firmware() {
            let dir = system("", &[]);
            let read = || secure_boot(dir.path());
            assert_eq!(read(), Reading::No, "no UEFI at all");
            let file = dir.path().join(SECURE_BOOT);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            assert!(matches!(read(), Reading::Unknown(_)));
            for (bytes, want) in [(&[6, 0, 0, 0, 1][..], Reading::Yes), (&[6, 0, 0, 0, 0], Reading::No)] {
                fs::write(&file, bytes).unwrap();
                assert_eq!(read(), want);
            }
            fs::write(&file, [1]).unwrap();
            assert!(matches!(read(), Reading::Unknown(_)));
        }

        #[test]
        fn this_machine_is_looked_at_without_a_panic() {
            assert_eq!(super::super::look().facts.len(), 5);
        }
    }
}

#[cfg(target_os = "macos")]
mod macos {
    use super::*;
    use std::process::Command;

    pub fn look() -> Laptop {
        let facts = every(|f| match f {
            Fact::DiskEncryption => asked("/usr/bin/fdesetup", &["status"], "FileVault is On", "FileVault is Off"),
            Fact::Firewall => {
                let tool = "/usr/libexec/ApplicationFirewall/socketfilterfw";
                asked(tool, &["--getglobalstate"], "enabled", "disabled")
            }
            Fact::SecureBoot | Fact::ScreenLock => unknown("this system tells it to administrators only"),
            Fact::Tpm => unknown("this system has a Secure Enclave instead"),
        });
        let version = Command::new("/usr/bin/sw_vers").arg("-productVersion").output();
        let version = version.map(|o| String::from_utf8_lossy(&o.stdout).trim().chars().take(100).collect()).unwrap_or_default();
        Laptop { system: "macOS".into(), system_version: version, facts }
    }

    fn asked(tool: &str, arguments: &[&str], yes: &str, no: &str) -> Reading {
        let Ok(out) = Command::new(tool).args(arguments).output() else { return unknown("the system's tool could not be asked") };
        match String::from_utf8_lossy(&out.stdout) {
            t if t.contains(yes) => Reading::Yes,
            t if t.contains(no) => Reading::No,
            _ => unknown("the system's tool gave no clear answer"),
        }
    }
}
