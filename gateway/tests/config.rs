//! The documented configuration is a configuration, and a wrong one is refused with the key at
//! fault.

use signet_gateway::{
    Config, Loaded,
    config::{DEFAULT_TABLE, KeySource, OpenRfqs, PostureSettings, RiskSection, WhenFull},
};
use signet_softkey::Maker;
use signet_stepup::rp::{AttestationList, ListError};
use std::{fs, path::Path};

const EXAMPLE: &str = include_str!("../signet-gateway.example.toml");

fn read(text: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    fs::write(&path, text).unwrap();
    Config::read(&path).map_err(|e| e.to_string())
}

#[test]
fn the_example_is_read_and_documents_every_key() {
    let c = read(EXAMPLE).unwrap();
    assert_eq!(c.desk.len(), 1);
    // The example files are of one bank.
    let facts: toml::Table = include_str!("../entitlements.example.toml").parse().unwrap();
    for panel in facts["panels"].as_table().unwrap().values().flat_map(|p| p.as_array().unwrap()) {
        assert!(
            c.dealer.iter().any(|d| Some(d.comp_id.as_str()) == panel.as_str()),
            "{panel} is no dealer of the example"
        );
    }
    assert_eq!(c.dealer[0].host_and_port(), Some(("fix.northbank.example", 9880)));
    let e = c.enrolment.as_ref().unwrap();
    assert!(e.anchors.is_absolute());
    assert!(matches!(e.ca_key.as_ref().unwrap(), KeySource::File(f) if f.is_absolute()));
    assert!(c.registry.as_ref().unwrap().url().unwrap().to_string().ends_with("registry.db"));
    let siem = c.siem.as_ref().unwrap();
    assert_eq!((siem.when_full, siem.spool_mb, siem.sink.len()), (WhenFull::Refuse, 256, 1));
    // What is a comment in the example is a key all the same.
    let sinks = EXAMPLE.split("#[[siem.sink]]").skip(1).map(|s| {
        let lines = s.lines().skip(1).take_while(|l| l.starts_with('#'));
        lines.map(|l| format!("{}\n", &l[1..])).collect::<String>()
    });
    let all =
        format!("{EXAMPLE}\n{}", sinks.fold(String::new(), |a, s| a + "[[siem.sink]]\n" + &s));
    assert_eq!(read(&all).unwrap().siem.unwrap().sink.len(), 3);
    let upstream = EXAMPLE
        .replace("#[enrolment.upstream]", "[enrolment.upstream]")
        .replacen("#url", "url", 1)
        .replace("#roots", "roots");
    let upstream = upstream
        .replace("#credentials_file", "credentials_file")
        .replace("#password_file", "password_file")
        .replacen("#name =", "name =", 1);
    let c2 = read(&upstream).unwrap();
    assert_eq!(c2.step_up.unwrap().name.as_deref(), Some("Example Bank"));
    assert!(c.admin.as_ref().unwrap().trust.is_absolute());
    assert!(c.step_up.as_ref().unwrap().attestation.is_absolute());
    assert!(c2.enrolment.unwrap().upstream.unwrap().roots.is_absolute());
    assert!(
        c.gateway.instruments.ends_with("instruments.toml") && c.gateway.instruments.is_absolute()
    );
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, want) in [
        ("comp_id = \"SIGNET\"", "comp_id = \"SIG.NET\"", "no dot"),
        ("comp_id = \"TRADER1\"", "comp_id = \"NORTHBANK\"", "used twice"),
        ("comp_id = \"TRADER1\"", "comp_id = \"TRADER1 \"", "no blank at its ends"),
        ("comp_id = \"TRADER1\"", "comp_id = \"\"", "a CompID is 1 to 64 characters"),
        ("[\"NORTHBANK\"]", "[\"NOBODY\"]", "not a configured dealer"),
        ("fix.northbank.example:9880", "fix.northbank.example", "host:port"),
        ("heartbeat_s = 10", "heartbeat_s = 0", "dealers.heartbeat_s"),
        ("listen = \"0.0.0.0:9443\"", "listen = \"everywhere\"", "invalid socket address"),
        ("allow_tls12 = false ", "alow_tls12 = false ", "unknown field"),
        ("name = \"Example Bank RFQ\"", "name = \"\"", "gateway.name"),
        ("name = \"Example Bank RFQ\"", "name = \"Bank\u{200b}\"", "gateway.name"),
        ("name = \"Northbank\"", "name = \"\"", "dealer NORTHBANK: name"),
        ("name = \"Caldera\"", "name = \"Cal\u{200b}dera\"", "dealer CALDERA: name"),
        ("view_max_age_s = 10 ", "view_max_age_s = 0 ", "registry.view_max_age_s"),
        ("lifetime_days = 7 ", "lifetime_days = 91 ", "enrolment.lifetime_days"),
        ("crl_hours = 24 ", "crl_hours = 0 ", "enrolment.crl_hours"),
        ("ca_key = ", "#ca_key = ", "belong together"),
        (
            "#[enrolment.upstream]",
            "[enrolment.upstream]\nurl='x'\nroots='x'\ncredentials_file='x'\n#",
            "choose",
        ),
        ("pins = []                            # our", "pins = ['x'] # our", "enrolment.pins"),
        ("public_port = 9444", "public_port = 0", "enrolment.public_host"),
        (
            "dealers = [\"NORTHBANK\"]              # leave",
            "dealers = [] # leave",
            "desk_default.dealers",
        ),
        (
            "dealers = [\"NORTHBANK\"]              # leave",
            "dealers = [\"NOBODY\"] # leave",
            "desk_default.dealers",
        ),
        ("[registry] ", "[registri] ", "unknown field"),
        ("first_key_minutes = 60 ", "first_key_minutes = 0 ", "step_up.first_key_minutes"),
        ("answer_seconds = 60 ", "answer_seconds = 9 ", "step_up.answer_seconds"),
        ("answer_seconds = 60 ", "answer_secs = 60 ", "unknown field"),
        (
            "logon = \"risk\" ",
            "known_networks = []\nlogon = \"risk\" ",
            "unknown field `known_networks`",
        ),
        ("signature_threads = 0 ", "signature_threads = 17 ", "gateway.signature_threads: 0 to 16"),
        (
            "connection_threads = 0 ",
            "connection_threads = 17 ",
            "gateway.connection_threads: 0 to 16",
        ),
        ("low_mib = 1024 ", "low_mib = 1048577 ", "disk.low_mib: 0 to 1048576"),
        ("low_percent = 5 ", "low_percent = 0 ", "disk.low_percent: 1 to 50"),
        ("[risk] ", "[risc] ", "unknown field"),
        ("open_rfqs = \"withdraw\"", "open_rfqs = \"sell\"", "unknown variant"),
        (
            "listen = \"10.20.0.7:9445\"",
            "listen = \"10.20.0.7:9443\"",
            "admin.listen: 10.20.0.7:9443 is desks.listen too",
        ),
        ("hardware_policies = []", "hardware_policies = [\"sylvia\"]", "admin.hardware_policies"),
        ("trust = \"admins-ca.pem\"", "#trust", "missing field `trust`"),
        ("[admin]  ", "[admins]  ", "missing field `listen`"),
        ("[admin.console] ", "[admin.web] ", "unknown field"),
        (
            "listen = \"10.20.0.7:9449\"",
            "listen = \"10.20.0.7:9445\"",
            "admin.console.listen: 10.20.0.7:9445 is admin.listen too",
        ),
        (
            "client_certificate = \"required\"",
            "client_certificate = \"optional\"",
            "unknown variant",
        ),
        ("#certificate = \"console.pem\"", "certificate = \"x\"", "both or neither"),
        ("approve_by_key = false", "approve_by_key = true", "admin.console.approve_by_key"),
        ("when_full = \"refuse\" ", "when_full = \"wait\" ", "unknown variant"),
        ("spool_mb = 256 ", "spool_mb = 0 ", "siem.spool_mb"),
        ("kind = \"syslog\" ", "kind = \"carrier\" ", "unknown variant"),
        ("facility = \"authpriv\" ", "facility = \"mail\" ", "unknown variant"),
        ("name = \"soc\" ", "name = \"so/c\" ", "siem.sink: \"so/c\""),
        ("name = \"soc\" ", "name = \"soc\"\nnmae = \"soc\" ", "unknown field"),
        ("address = \"siem.bank.example:6514\"", "address = \"siem\"", "siem.sink soc: address"),
        (
            "[desk_default] ",
            "[[siem.sink]]\nkind = \"file\"\nname = \"soc\"\npath = \"x\"\n[desk_default] ",
            "siem.sink: soc is used twice",
        ),
        (
            "[desk_default] ",
            "[[siem.sink]]\nkind = \"file\"\nname = \"a\"\npath = \"x\"\n[[siem.sink]]\nkind = \
                \"file\"\nname = \"b\"\npath = \"x\"\n[desk_default] ",
            "siem.sink b: path: another receiver has this file",
        ),
        ("hybrid_only = false", "hybrid_only = true", "gateway.pem"),
        ("[entitlements] ", "#[entitlements] ", "unknown field"),
        ("facts = \"entitlements.toml\" ", "#facts = ", "missing field `facts`"),
    ] {
        let text = EXAMPLE.replacen(from, to, 1);
        assert_ne!(text, EXAMPLE, "{from}");
        let why = read(&text)
            .and_then(|c| Loaded::of(c).map(|_| ()).map_err(|e| e.to_string()))
            .unwrap_err();
        assert!(why.contains(want), "{from} -> {to}: {why}");
    }
}

#[test]
fn hybrid_only_and_tls_1_2_exclude_each_other() {
    let hybrid = EXAMPLE.replacen("hybrid_only = false", "hybrid_only = true", 1);
    let desks = hybrid.replacen("allow_tls12 = false ", "allow_tls12 = true ", 1);
    let (others, dealers) = hybrid.split_once("\n[[dealer]]").unwrap();
    let first = dealers.replacen("allow_tls12 = false", "allow_tls12 = true", 1);
    let dealer = format!("{others}\n[[dealer]]{first}");
    for (text, want) in [
        (desks, "desks.allow_tls12"),
        (dealer, "dealer NORTHBANK: allow_tls12"),
        (hybrid, "gateway.pem"),
    ] {
        let why = read(&text)
            .and_then(|c| Loaded::of(c).map(|_| ()).map_err(|e| e.to_string()))
            .unwrap_err();
        assert!(why.contains(want), "{why}");
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let why = Config::read(Path::new("/nowhere/gateway.toml")).unwrap_err().to_string();
    assert!(why.contains("/nowhere/gateway.toml"), "{why}");
    let why = read(EXAMPLE)
        .and_then(|c| Loaded::of(c).map(|_| ()).map_err(|e| e.to_string()))
        .unwrap_err();
    assert!(why.contains("gateway.pem"), "{why}");
}

#[test]
fn the_example_of_risk_settings_is_read_and_says_what_the_defaults_are() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("risk.toml");
    fs::write(&settings, include_str!("../risk.example.toml")).unwrap();
    let section =
        RiskSection { table: None, settings: settings.clone(), open_rfqs: OpenRfqs::Withdraw };
    let p = section.read().unwrap();
    assert_eq!((p.networks.len(), p.settings.person.len(), p.hours.is_some()), (2, 1, true));
    let defaults = PostureSettings::default();
    assert_eq!(
        (p.settings.posture.report_minutes, &p.settings.posture.require),
        (defaults.report_minutes, &defaults.require)
    );
    // An own table is read from its file, and the default one is the file in the repository.
    let table = dir.path().join("risk-score.toml");
    fs::write(&table, DEFAULT_TABLE).unwrap();
    let own = RiskSection { table: Some(table), ..section }.read().unwrap();
    assert_eq!(own.table.digest(), p.table.digest());
}

#[test]
fn keys_need_a_registry_to_be_kept_in() {
    let from = EXAMPLE.find("[registry]").unwrap();
    let to = EXAMPLE.find("[step_up]").unwrap();
    let without = format!("{}{}", &EXAMPLE[..from], &EXAMPLE[to..]).replacen(
        "[desk_default]",
        "[[desk]]\ncomp_id = 'D'",
        1,
    );
    let why = read(&without)
        .and_then(|c| Loaded::of(c).map(|_| ()).map_err(|e| e.to_string()))
        .unwrap_err();
    assert!(why.contains("step_up: needs [registry]"), "{why}");
}

#[test]
fn the_example_of_a_key_list_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let read = || AttestationList::from_toml(include_str!("../keys.example.toml"), dir.path());
    assert!(matches!(read(), Err(ListError::File { .. })), "it lacks nothing but the certificate");
    fs::write(dir.path().join("yubico-root.pem"), Maker::new("Root").pem()).unwrap();
    assert_eq!(read().unwrap().models(), 2);
}

/// What no policy permits is denied, so a gateway without policies would be one on which nothing
/// can be done by mistake.
#[test]
fn entitlements_are_required() {
    let from = EXAMPLE.find("[entitlements]").unwrap();
    let to = EXAMPLE.find("[store]").unwrap();
    let why = read(&format!("{}{}", &EXAMPLE[..from], &EXAMPLE[to..])).unwrap_err();
    assert!(why.contains("missing field `entitlements`"), "{why}");
}
