//! Updates as the real program does them: `signet-desk update`, with a policy, a folder of releases
//! and `dpkg` below a folder of the test. The folders are named by SIGNET_TEST_POLICY and
//! SIGNET_TEST_UPDATE, which only builds for tests know. `crates/signet-update/tests` has the cases
//! of servers, trials and hostile users.

#![cfg(all(target_os = "linux", any(feature = "practice", feature = "e2e")))]

use signet_managed::Secret;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

struct Laptop {
    dir: tempfile::TempDir,
    releases: Secret,
}

impl Laptop {
    fn new() -> Self {
        let laptop =
            Self { dir: tempfile::tempdir().unwrap(), releases: Secret::generate().unwrap().0 };
        let dpkg = "update/root/var/lib/dpkg";
        for folder in ["home", "etc", "share", "update/desks"] {
            fs::create_dir_all(laptop.at(folder)).unwrap();
        }
        for folder in ["info", "updates", "triggers"] {
            fs::create_dir_all(laptop.at(dpkg).join(folder)).unwrap();
        }
        for file in ["status", "available"] {
            laptop.write(&format!("{dpkg}/{file}"), "");
        }
        for folder in ["", "etc", "home", "update"] {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(laptop.at(folder), mode).unwrap();
        }
        for version in ["0.1.0", "0.2.0"] {
            laptop.package(version);
        }
        let root = laptop.at("update/root");
        let first = Command::new("dpkg")
            .args(["--force-not-root".into(), format!("--root={}", root.display())])
            .arg("--install")
            .arg(laptop.at("share/signet-desk_0.1.0_amd64.deb"))
            .output()
            .unwrap();
        assert!(first.status.success(), "{first:?}");
        laptop.deploy();
        laptop
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o644)).unwrap();
    }

    fn package(&self, version: &str) {
        let root = self.at("build").join(version);
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        let program = root.join("usr/bin/signet-desk");
        fs::write(&program, format!("#!/bin/sh\necho signet-desk {version}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let control = format!(
            "Package: signet-desk\nVersion: {version}\nArchitecture: all\n\
             Maintainer: test <test@bank.example>\nDescription: test\n"
        );
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        let file = self.at(&format!("share/signet-desk_{version}_amd64.deb"));
        let built = Command::new("dpkg-deb").arg("--build").arg(&root).arg(&file).output().unwrap();
        assert!(built.status.success(), "{built:?}");
    }

    fn deploy(&self) {
        let (secret, _) = Secret::generate().unwrap();
        let key = self.releases.public().to_text();
        let policy = format!(
            "format = 1\nfirm = \"Example Bank\"\nserial = 1\n\
             valid_from = \"2020-01-01T00:00:00Z\"\nvalid_until = \"2099-01-01T00:00:00Z\"\n\
             [software]\nserver = \"{}\"\nupdate_key = \"{}\"\n",
            self.at("share").display(),
            key.lines().nth(1).unwrap()
        );
        self.write("etc/managed.toml", &policy);
        self.write("etc/managed.toml.sig", secret.sign(policy.as_bytes(), "test").unwrap());
        self.write("etc/managed.pub", secret.public().to_text());
    }

    /// The list as the firm's tool writes it.
    fn publish(&self, serial: u32, version: &str) {
        let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/release_list.py");
        let list = Command::new("python3")
            .args([tool, "--serial", &serial.to_string(), "--version", version])
            .arg(self.at("share"))
            .output()
            .unwrap();
        assert!(list.status.success(), "{list:?}");
        self.write("share/releases.toml", &list.stdout);
        let signature = self.releases.sign(&list.stdout, "test").unwrap();
        self.write("share/releases.toml.minisig", signature);
    }

    /// The exit code, and what the program said.
    fn update(&self, words: &[&str]) -> (i32, String) {
        let said = Command::new(env!("CARGO_BIN_EXE_signet-desk"))
            .arg("update")
            .args(words)
            .env("SIGNET_TEST_POLICY", self.at("etc"))
            .env("SIGNET_TEST_UPDATE", self.at("update"))
            .env("HOME", self.at("home"))
            .output()
            .unwrap();
        let words = [&said.stdout[..], &said.stderr].concat();
        (said.status.code().unwrap(), String::from_utf8(words).unwrap())
    }

    fn says(&self, words: &[&str], code: i32, text: &str) {
        let (found, said) = self.update(words);
        assert!(found == code && said.contains(text), "{words:?}: {found} {said}");
    }

    fn installed(&self) -> String {
        let said = Command::new(self.at("update/root/usr/bin/signet-desk")).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }
}

#[test]
fn the_program_updates_and_goes_back() {
    let laptop = Laptop::new();
    laptop.publish(5, "0.2.0");
    laptop.says(&["status"], 0, "No update is ready");
    laptop.says(&["check"], 3, "Version 0.2.0 is there");
    laptop.says(&["fetch"], 3, "Version 0.2.0 is ready");
    laptop.says(&["status"], 0, "Version 0.2.0 is ready");
    laptop.says(&["run"], 0, "Version 0.2.0 is installed");
    assert_eq!(laptop.installed(), "signet-desk 0.2.0");
    laptop.says(&["run"], 3, "nobody has opened it");
    laptop.says(&["rollback"], 4, "Version 0.1.0 is installed again");
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    laptop.says(&["run"], 1, "[update.failed_here]");
    laptop.says(&["rollback"], 1, "[update.no_way_back]");
}

#[test]
fn the_program_refuses_in_words_with_a_code() {
    let laptop = Laptop::new();
    laptop.publish(5, "0.2.0");
    let list = fs::read_to_string(laptop.at("share/releases.toml")).unwrap();
    laptop.write("share/releases.toml", list.replace("serial = 5", "serial = 6"));
    laptop.says(&["run"], 1, "[update.list_tampered]");
    laptop.write("share/releases.toml", &list);
    let package = laptop.at("share/signet-desk_0.2.0_amd64.deb");
    let good = fs::read(&package).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&package, changed).unwrap();
    laptop.says(&["run"], 1, "[update.package_tampered]");
    fs::write(&package, &good[..good.len() / 2]).unwrap();
    laptop.says(&["run"], 1, "[update.broke_off]");
    laptop.publish(4, "0.1.0");
    laptop.says(&["run"], 1, "[update.older_list]");
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    laptop.write("etc/managed.toml", "format = 1\n");
    laptop.says(&["run"], 1, "[update.policy]");
    laptop.says(&["go"], 2, "cannot be used like this");
}

#[test]
fn a_list_is_checked_before_it_is_published() {
    let laptop = Laptop::new();
    laptop.publish(5, "0.2.0");
    laptop.write("update.pub", laptop.releases.public().to_text());
    let (file, key) = (laptop.at("share/releases.toml"), laptop.at("update.pub"));
    let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
    laptop.says(&["verify", file], 0, "not checked");
    laptop.says(&["verify", file, "--key", key], 0, "Its signature counts");
    laptop.write("share/releases.toml", "format = 1\n");
    laptop.says(&["verify", file, "--key", key], 1, "[update.list_tampered]");
    laptop.says(&["verify", file], 1, "[update.list_damaged]");
}
