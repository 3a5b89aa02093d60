//! What the packages do to a gateway that runs when a new release is installed.

use crate::support::World;
use signet_registry::SCHEMA;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

/// The scripts after an installation, and what each is called with at an upgrade.
fn scripts() -> [(&'static str, String, &'static str); 2] {
    let read = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/gateway");
        fs::read_to_string(folder.join(name)).unwrap()
    };
    let spec = read("signet-gateway.spec");
    let post = spec.split("\n%post\n").nth(1).unwrap().split("\n%preun").next().unwrap();
    [("postinst", read("postinst"), "configure"), ("%post", post.to_owned(), "2")]
}

/// Runs a script with a systemd that only writes down what it is told; `active`: a gateway runs.
fn installed(w: &World, text: &str, argument: &str, active: bool) -> (Output, String) {
    let bin = w.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let fake = |name: &str, body: &str| {
        let file = bin.join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let log = w.path("systemctl.log");
    let _ = fs::remove_file(&log);
    let status = i32::from(!active);
    let told = format!("echo \"$@\" >>'{}'", log.display());
    fake("systemctl", &format!("[ \"$1\" != is-active ] || exit {status}\n{told}"));
    fake("systemd-sysusers", "exit 0");
    fake("systemd-tmpfiles", "exit 0");
    fake("runuser", "[ \"$1 $2 $3\" = '-u signet --' ] || exit 9\nshift 3\nexec \"$@\"");
    let program = env!("CARGO_BIN_EXE_signet-gateway");
    fake("signet-gateway", &format!("exec '{program}' --config '{}' \"$@\"", w.config.display()));
    let here = w.path("").display().to_string();
    let text = text.replace("/run/systemd/system", here.trim_end_matches('/'));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut sh = Command::new("sh");
    sh.args(["-c", &text, "post", argument]).env("PATH", path);
    let out = sh.output().unwrap();
    (out, fs::read_to_string(&log).unwrap_or_default())
}

#[test]
fn an_upgrade_restarts_only_a_gateway_that_the_new_program_can_be() {
    let w = World::new();
    w.user("alice", "ALICE");
    let good = fs::read_to_string(&w.config).unwrap();
    let older = format!("UPDATE registry_meta SET schema_version = {}", SCHEMA - 1);
    let now = format!("UPDATE registry_meta SET schema_version = {SCHEMA}");
    assert!(w.cli(&["registry", "check"]).contains(&format!("good, schema {SCHEMA}")));
    for (name, text, argument) in scripts() {
        // What is wrong, and the code by which it is said.
        for (wrong, said) in [("", ""), ("schema", "registry.schema_old"), ("settings", "nowhere")]
        {
            w.sqlite(if wrong == "schema" { &older } else { &now });
            let settings = good.replace("\"risk.toml\"", "\"nowhere.toml\"");
            fs::write(&w.config, if wrong == "settings" { &settings } else { &good }).unwrap();
            let (out, told) = installed(&w, &text, argument, true);
            let words = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{name} {wrong}: {words}");
            assert!(told.contains("daemon-reload"), "{name} {wrong}: {told}");
            let restarted = told.contains("try-restart signet-gateway.service");
            assert_eq!(restarted, wrong.is_empty(), "{name} {wrong}: {told} {words}");
            assert!(words.contains(said), "{name} {wrong}: {words}");
            assert_eq!(words.contains("registry migrate"), !restarted, "{name} {wrong}: {words}");
        }
        // Where no gateway runs, nobody is told of one.
        w.sqlite(&older);
        let (out, told) = installed(&w, &text, argument, false);
        assert!(out.status.success() && out.stderr.is_empty(), "{name}: {out:?}");
        assert!(!told.contains("restart"), "{name}: {told}");
    }
}

#[test]
fn a_registry_is_judged_and_not_made_or_changed() {
    let w = World::new();
    let file = w.path("registry.db");
    fs::remove_file(&file).unwrap_or_default();
    assert!(w.cli(&["registry", "check"]).contains("there is no registry yet"));
    assert!(!file.exists());
    w.user("alice", "ALICE");
    for (schema, code) in [(SCHEMA - 1, "registry.schema_old"), (SCHEMA + 1, "registry.schema_new")]
    {
        w.sqlite(&format!("UPDATE registry_meta SET schema_version = {schema}"));
        let said = w.cli_fails(&["registry", "check"]);
        assert!(said.contains(code), "{said}");
        assert_eq!(w.cli_fails(&["registry", "check"]), said);
    }
}

/// The settings of the gateway's unit, in their order.
fn unit() -> Vec<(String, String)> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/gateway/signet-gateway.service");
    let text = fs::read_to_string(file).unwrap();
    let settings = text.lines().filter(|line| !line.starts_with('#'));
    settings.filter_map(|l| l.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[test]
fn the_unit_lets_the_gateway_read_its_clock() {
    // A later line changes what an earlier one says, and @privileged has the calls of the clock.
    let mut allowed = false;
    for (_, calls) in unit().iter().filter(|(name, _)| name == "SystemCallFilter") {
        let (takes, calls) = calls.strip_prefix('~').map_or((false, &calls[..]), |c| (true, c));
        for call in calls.split(' ') {
            match call {
                "adjtimex" | "@clock" => allowed = !takes,
                "@privileged" if takes => allowed = false,
                _ => {}
            }
        }
    }
    assert!(allowed, "{:?}", unit());
}

#[test]
fn the_unit_lets_the_gateway_see_who_asks_and_nothing_of_the_machine() {
    let is_set =
        |set: (&str, &str)| unit().iter().any(|(name, value)| (&name[..], &value[..]) == set);
    // Events name the login account of another process.
    for taken in [("ProtectProc", "invisible"), ("PrivateUsers", "yes")] {
        assert!(!is_set(taken), "{taken:?}");
    }
    assert!(is_set(("ProcSubset", "pid")), "what is not of a process is not read: {:?}", unit());
}

/// What a script of the desk's packages tells systemctl; `running`: systemd runs.
fn told(w: &World, text: &str, arguments: &str, running: bool) -> String {
    let bin = w.path("bin");
    fs::create_dir_all(&bin).unwrap();
    let log = w.path("systemctl.log");
    let _ = fs::remove_file(&log);
    for (name, body) in [
        ("systemctl", format!("echo \"$@\" >>'{}'", log.display())),
        ("systemd-tmpfiles", "exit 0".to_owned()),
    ] {
        let file = bin.join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let here = w.path("").display().to_string();
    let folder = if running { here.trim_end_matches('/') } else { "/nowhere" };
    let text =
        text.replace("/run/systemd/system", folder).replace("/run/udev/control", "/nowhere/udev");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut sh = Command::new("sh");
    sh.args(["-c", &text, "script"]).args(arguments.split(' ')).env("PATH", path);
    let out = sh.output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{arguments}: {out:?}");
    fs::read_to_string(&log).unwrap_or_default()
}

#[test]
fn the_timer_of_updates_is_enabled_once_also_in_an_image_that_no_systemd_runs() {
    let w = World::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/desk");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let spec = read("signet-desk.spec");
    let (post, preun) =
        spec.split_once("\n%post\n").and_then(|(_, rest)| rest.split_once("\n%preun\n")).unwrap();
    let (postinst, prerm) = (read("postinst"), read("prerm"));
    let timer = "signet-desk-update.timer";
    let enable = (format!("daemon-reload\nenable --now {timer}\n"), format!("enable {timer}\n"));
    let disable = (format!("disable --now {timer}\n"), format!("disable {timer}\n"));
    let reload = ("daemon-reload\n".to_owned(), String::new());
    let nothing = (String::new(), String::new());
    for (text, arguments, (running, image)) in [
        (postinst.as_str(), "configure", &enable),
        (postinst.as_str(), "configure 0.1.0", &reload),
        (postinst.as_str(), "abort-upgrade 0.1.0", &nothing),
        (prerm.as_str(), "remove", &disable),
        (prerm.as_str(), "upgrade 0.2.0", &nothing),
        (post, "1", &enable),
        (post, "2", &reload),
        (preun, "0", &disable),
        (preun, "1", &nothing),
    ] {
        assert_eq!(&told(&w, text, arguments, true), running, "{arguments}");
        assert_eq!(&told(&w, text, arguments, false), image, "{arguments}");
    }
}
