//! The firm's policy as the real program takes it: `policy show`, `policy check`, and a start that
//! refuses. The folder of the policy is named by SIGNET_TEST_POLICY, which only builds for tests
//! know; a shipped program looks in /etc/signet.

#![cfg(all(target_os = "linux", any(feature = "practice", feature = "e2e")))]

use serde_json::Value;
use signet_managed::Secret;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A laptop of a trader, with a policy of the firm.
struct Laptop {
    dir: tempfile::TempDir,
    secret: Secret,
}

impl Laptop {
    fn new() -> Self {
        let (secret, _) = Secret::generate().unwrap();
        let laptop = Self { dir: tempfile::tempdir().unwrap(), secret };
        for folder in ["home", "etc"] {
            fs::create_dir(laptop.at(folder)).unwrap();
            laptop.mode(folder, 0o755);
        }
        let pki = signet_devca::DevPki::generate("bank.example", time::OffsetDateTime::now_utc());
        pki.unwrap().write_roots(laptop.dir.path()).unwrap();
        laptop
    }

    fn managed() -> Self {
        let laptop = Self::new();
        laptop.deploy(&laptop.policy(7, ""));
        laptop
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).unwrap();
        self.mode(name, 0o644);
    }

    fn policy(&self, serial: u64, more: &str) -> String {
        let anchor = fs::read_to_string(self.at("gateways-ca.pem")).unwrap();
        format!(
            "format = 1\nfirm = \"Example Bank\"\nserial = {serial}\n\
             valid_from = \"2020-01-01T00:00:00Z\"\nvalid_until = \"2099-01-01T00:00:00Z\"\n\
             [[venue]]\nname = \"Example Bank RFQ\"\nhost = \"127.0.0.1\"\nport = 9\n\
             comp_id = \"SIGNET\"\ntrust_domain = \"bank.example\"\n\
             anchors = [\"\"\"\n{anchor}\"\"\"]\n\
             [keys]\nholders = [\"pkcs11\"]\nmodule = \"/usr/lib/firm.so\"\n{more}"
        )
    }

    fn sign(&self, policy: &[u8]) -> String {
        self.secret.sign(policy, "serial of the test").unwrap()
    }

    fn deploy(&self, policy: &str) {
        self.write("etc/managed.toml", policy);
        self.write("etc/managed.toml.sig", self.sign(policy.as_bytes()));
        self.write("etc/managed.pub", self.secret.public().to_text());
    }

    fn own(&self, text: &str) -> PathBuf {
        self.write("desk.toml", text);
        self.at("desk.toml")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let home = self.at("home");
        Command::new(env!("CARGO_BIN_EXE_signet-desk"))
            .args(arguments)
            .env("SIGNET_TEST_POLICY", self.at("etc"))
            .env("HOME", &home)
            .env("XDG_DATA_HOME", &home)
            .env("XDG_CONFIG_HOME", &home)
            .env_remove("HTTPS_PROXY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("DISPLAY")
            .output()
            .unwrap()
    }

    fn shown(&self, config: Option<&Path>) -> Value {
        let mut arguments = vec!["policy", "show", "--json"];
        if let Some(file) = config {
            arguments.extend(["--config", file.to_str().unwrap()]);
        }
        let said = self.run(&arguments);
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// Both refuse with this code: the explanation, and a command that would connect.
    fn refuses(&self, code: &str) {
        for command in [&["policy", "show"][..], &["doctor"]] {
            let said = self.run(command);
            let words = String::from_utf8_lossy(&said.stderr).into_owned();
            assert_eq!(said.status.code(), Some(1), "{command:?} {code}: {words}");
            assert!(words.contains(&format!("[{code}]")), "{command:?} {code}: {words}");
            assert!(said.stdout.is_empty(), "{command:?} {code}: {said:?}");
        }
    }
}

fn setting<'a>(report: &'a Value, name: &str) -> (&'a str, &'a str, &'a str) {
    let rows = report["settings"].as_array().unwrap();
    let row = rows.iter().find(|r| r["setting"] == name).unwrap_or_else(|| panic!("{name}"));
    let text = |key: &str| row[key].as_str().unwrap();
    (text("value"), text("from"), text("may_change"))
}

const VENUE: &str = "venue \"Example Bank RFQ\"";

#[test]
fn a_good_policy_is_explained_setting_by_setting() {
    let laptop = Laptop::managed();
    let report = laptop.shown(None);
    assert_eq!(report["managed"], true);
    assert_eq!(report["firm"], "Example Bank");
    assert_eq!(report["serial"], 7);
    assert_eq!(report["valid_until"], "2099-01-01T00:00:00Z");
    let fingerprint = laptop.secret.public().fingerprint();
    assert_eq!(report["signer"]["fingerprint"], fingerprint.as_str());
    let address = setting(&report, &format!("{VENUE} address"));
    assert_eq!(address, ("127.0.0.1:9", "managed", "no"));
    assert_eq!(setting(&report, "keys.holders"), ("pkcs11", "managed", "no"));
    assert_eq!(setting(&report, "other venues"), ("not allowed", "managed", "no"));
    assert_eq!(setting(&report, "connection.fips"), ("no", "default", "yes"));
    let said = laptop.run(&["policy", "show"]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.starts_with("Managed by Example Bank\n"), "{text}");
    assert!(text.contains(&fingerprint), "{text}");
}

#[test]
fn what_the_trader_sets_cannot_weaken_it() {
    let laptop = Laptop::managed();
    let own = laptop.own(
        "proxy = \"direct\"\n[tls]\nhybrid_only = true\n[token]\nmodule = \"/home/evil.so\"\n\
         [[venue]]\nname = \"Example Bank RFQ\"\naddress = \"evil.example:1\"\n\
         comp_id = \"SIGNET\"\ntrust_domain = \"bank.example\"\ntrust = \"gateways-ca.pem\"\n\
         [[venue]]\nname = \"Elsewhere\"\naddress = \"evil.example:1\"\n\
         comp_id = \"SIGNET\"\ntrust_domain = \"bank.example\"\ntrust = \"gateways-ca.pem\"\n",
    );
    let report = laptop.shown(Some(&own));
    let address = setting(&report, &format!("{VENUE} address"));
    assert_eq!(address, ("127.0.0.1:9", "managed", "no"));
    assert_eq!(setting(&report, "keys.module"), ("/usr/lib/firm.so", "managed", "no"));
    assert_eq!(setting(&report, "connection.hybrid_only"), ("yes", "own", "yes"));
    assert_eq!(setting(&report, "connection.proxy"), ("direct", "own", "yes"));
    let refused: Vec<_> =
        report["not_used"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(!report.to_string().contains("evil.example"), "{report}");
}

#[test]
fn the_page_that_finds_portals_is_the_firms_once_it_names_one_or_none() {
    let laptop = Laptop::managed();
    let own = laptop.own("portal_check = \"http://check.trader.example/\"\n");
    let shown = |report: &Value| {
        let (value, from, change) = setting(report, "connection.portal_check");
        let refused = report["not_used"].as_array().unwrap().len();
        (value.to_owned(), from.to_owned(), change.to_owned(), refused)
    };
    let want = |value: &str, from: &str, change: &str, refused: usize| {
        (value.to_owned(), from.to_owned(), change.to_owned(), refused)
    };
    let mine = want("http://check.trader.example/", "own", "yes", 0);
    assert_eq!(shown(&laptop.shown(Some(&own))), mine);
    for (serial, firms) in [(8, "off"), (9, "http://check.bank.example/portal")] {
        let more = format!("[connection]\nportal_check = \"{firms}\"\n");
        laptop.deploy(&laptop.policy(serial, &more));
        assert_eq!(shown(&laptop.shown(Some(&own))), want(firms, "managed", "no", 1));
    }
    laptop.deploy(&laptop.policy(10, "[connection]\nportal_check = \"http://a@b.example/\"\n"));
    laptop.refuses("managed.invalid");
}

#[test]
fn a_computer_without_a_policy_is_not_managed() {
    let laptop = Laptop::new();
    let report = laptop.shown(None);
    assert_eq!(report["managed"], false);
    assert_eq!(setting(&report, "keys.holders"), ("keychain, pkcs11", "default", "yes"));
    assert_eq!(setting(&report, "other venues"), ("allowed", "default", "yes"));
}

#[test]
fn one_byte_of_the_policy_signature_or_key_that_is_changed_is_refused() {
    let laptop = Laptop::managed();
    let good = laptop.policy(7, "");
    laptop.write("etc/managed.toml", good.replace("port = 9", "port = 8"));
    laptop.refuses("managed.tampered");
    laptop.write("etc/managed.toml", &good[..good.len() - 1]);
    laptop.refuses("managed.tampered");
    laptop.deploy(&good);
    let signature = laptop.sign(good.as_bytes());
    laptop.write("etc/managed.toml.sig", signature.replace("of the test", "of the tests"));
    laptop.refuses("managed.tampered");
    laptop.write("etc/managed.toml.sig", &signature[..signature.len() / 2]);
    laptop.refuses("managed.signature_damaged");
    laptop.write("etc/managed.toml.sig", "");
    laptop.refuses("managed.signature_damaged");
    laptop.deploy(&good);
    laptop.write("etc/managed.pub", "none");
    laptop.refuses("managed.key_damaged");
}

#[test]
fn another_key_no_key_and_no_signature_are_refused() {
    let laptop = Laptop::managed();
    let good = laptop.policy(7, "");
    let (other, _) = Secret::generate().unwrap();
    laptop.write("etc/managed.toml.sig", other.sign(good.as_bytes(), "x").unwrap());
    laptop.refuses("managed.other_key");
    fs::remove_file(laptop.at("etc/managed.toml.sig")).unwrap();
    laptop.refuses("managed.unsigned");
    laptop.deploy(&good);
    fs::remove_file(laptop.at("etc/managed.pub")).unwrap();
    laptop.refuses("managed.no_key");
    laptop.deploy(&good);
    fs::remove_file(laptop.at("etc/managed.toml")).unwrap();
    laptop.refuses("managed.unreadable");
}

#[test]
fn a_good_signature_does_not_make_a_bad_policy_good() {
    let laptop = Laptop::new();
    let good = laptop.policy(7, "");
    let expired = good.replace("2099-01-01", "2020-01-02");
    let early = good.replace("2020-01-01", "2098-01-01");
    for (policy, code) in [
        (expired, "managed.expired"),
        (early, "managed.not_yet_valid"),
        (laptop.policy(7, "[colour]\nred = 1\n"), "managed.damaged"),
        (laptop.policy(7, "colour = 1\n"), "managed.damaged"),
        (good[..good.len() / 2].to_owned(), "managed.damaged"),
        (good.replace("pkcs11", "paper"), "managed.invalid"),
        (good.replace("comp_id = \"SIGNET\"", "comp_id = \"a b\""), "managed.invalid"),
        (laptop.policy(7, &"# filled up\n".repeat(30_000)), "managed.too_large"),
        (laptop.policy(7, "[software]\nleast_version = \"99.0.0\"\n"), "managed.software_too_old"),
    ] {
        laptop.deploy(&policy);
        laptop.refuses(code);
    }
}

/// A firm whose desks have several versions: a field that only later ones know.
#[test]
fn a_part_for_later_desks_is_left_out_and_told() {
    let laptop = Laptop::new();
    let part = |version: &str| {
        let text = format!("[since.\"{version}\".connection]\ncolour = \"red\"\n");
        laptop.policy(7, &text)
    };
    laptop.deploy(&part("99.0.0"));
    let report = laptop.shown(None);
    assert_eq!(report["serial"], 7);
    assert_eq!(report["for_later"], serde_json::json!(["since 99.0.0: connection.colour"]));
    let file = laptop.at("etc/managed.toml");
    for command in [&["policy", "show"][..], &["policy", "check", file.to_str().unwrap()]] {
        let said = laptop.run(command);
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success() && words.contains("since 99.0.0: "), "{command:?} {words}");
    }
    // It counts for this desk, which does not know it.
    laptop.deploy(&part("0.0.1"));
    laptop.refuses("managed.damaged");
}

#[test]
fn a_file_or_folder_that_others_can_write_is_refused() {
    let laptop = Laptop::managed();
    for (name, bad, good) in [
        ("etc/managed.toml", 0o646, 0o644),
        ("etc/managed.toml", 0o664, 0o644),
        ("etc/managed.toml.sig", 0o646, 0o644),
        ("etc/managed.pub", 0o666, 0o644),
        ("etc", 0o777, 0o755),
    ] {
        laptop.mode(name, bad);
        laptop.refuses("managed.not_protected");
        laptop.mode(name, good);
    }
    fs::rename(laptop.at("etc/managed.toml"), laptop.at("elsewhere.toml")).unwrap();
    std::os::unix::fs::symlink(laptop.at("elsewhere.toml"), laptop.at("etc/managed.toml")).unwrap();
    laptop.refuses("managed.not_protected");
}

#[test]
fn a_policy_never_goes_back_and_never_vanishes_unnoticed() {
    let laptop = Laptop::managed();
    // A command that would connect takes the policy; it fails later, at the keychain.
    assert_eq!(laptop.run(&["doctor"]).status.code(), Some(1));
    let record = laptop.at("home/desk.signet/managed.seen");
    assert!(fs::read_to_string(&record).unwrap().contains("serial = 7"));

    laptop.deploy(&laptop.policy(6, ""));
    laptop.refuses("managed.older");
    laptop.deploy(&laptop.policy(7, "# changed\n"));
    laptop.refuses("managed.serial_reused");
    for name in ["etc/managed.toml", "etc/managed.toml.sig"] {
        fs::remove_file(laptop.at(name)).unwrap();
    }
    laptop.refuses("managed.missing");
    fs::write(&record, "serial = \"seven\"").unwrap();
    laptop.refuses("managed.record_damaged");
    fs::remove_file(&record).unwrap();
    laptop.deploy(&laptop.policy(8, ""));
    assert_eq!(laptop.shown(None)["serial"], 8);
}

#[test]
fn administrators_can_check_a_policy_before_they_deploy_it() {
    let laptop = Laptop::managed();
    let (file, key) = (laptop.at("etc/managed.toml"), laptop.at("etc/managed.pub"));
    let check = |arguments: &[&str]| {
        let said = laptop.run(&[&["policy", "check"][..], arguments].concat());
        let words = [&said.stdout[..], &said.stderr].concat();
        (said.status.code(), String::from_utf8(words).unwrap())
    };
    let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
    let (code, words) = check(&[file]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("signature was not checked"), "{words}");
    let (code, words) = check(&[file, "--key", key]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains(&laptop.secret.public().id()), "{words}");
    laptop.write("etc/managed.toml", laptop.policy(8, ""));
    let (code, words) = check(&[file, "--key", key]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("managed.tampered"), "{words}");
    laptop.write("etc/managed.toml", "format = 1\n");
    assert!(check(&[file]).1.contains("managed.damaged"));
    assert_eq!(check(&["--key"]).0, Some(1));
    assert_eq!(check(&[]).0, Some(2));
}
