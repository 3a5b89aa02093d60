use super::*;
use crate::config::{GeoSettings, RiskSection};
use signet_devca::{DevPki, Order};
use signet_identity::{MessagePublicKey, PeerIdentity};
use signet_test_mmdb::{AsnForm, Form, asn_file, country_file};
use std::{fs, path::Path, time::Duration};
use time::OffsetDateTime;

const NOW: UtcMillis = UtcMillis(1_795_176_000_000); // Friday 2026-11-20, 12:00 UTC
const DAY_MS: i64 = 86_400_000;
const SETTINGS: &str = "countries = ['GB', 'FR']\n[person.alice]\ncountries = ['US']\n\
    [[network]]\nrange = '10.0.0.0/8'\ncountry = 'GB'\n[[network]]\nrange = '192.0.2.0/24'\n\
    [geo]\nfile = 'country.mmdb'\nmax_age_days = 30\n";
const NETWORKS: [(&str, &str); 6] = [
    ("198.51.100.0/24", "GB"),
    ("203.0.113.0/24", "US"),
    ("192.0.2.0/24", "FR"),
    ("100.64.0.0/16", "SG"),
    ("2001:db8:1::/48", "GB"),
    ("2001:db8:2::/48", "RU"),
];

fn geo(dir: &Path, built: UtcMillis) {
    fs::write(
        dir.join("country.mmdb"),
        country_file(&NETWORKS, u64::try_from(built.0 / 1_000).unwrap(), Form::Nested),
    )
    .unwrap();
}

fn risk(dir: &Path, settings: &str) -> Risk {
    fs::write(dir.join("risk.toml"), settings).unwrap();
    let section =
        RiskSection { table: None, settings: dir.join("risk.toml"), open_rfqs: OpenRfqs::Withdraw };
    let policy = section.read().unwrap();
    Risk::new(section, policy)
}

fn reload(r: &Risk) -> Result<Option<(String, String)>, crate::config::ConfigError> {
    Ok(r.take(r.section().read()?))
}

fn facts<'a>(user: &'a str, address: &str) -> Facts<'a> {
    Facts {
        user,
        role: Some("standard"),
        address: Some(address.parse().unwrap()),
        authentication: Authentication::SoftwareToken,
        managed: Some(true),
        trades: true,
        concerns: vec![],
    }
}

fn open(file: &Path) -> Geo {
    Geo::open(&GeoSettings { file: file.into(), asn_file: None, max_age_days: 30 })
}

/// Looks for a newer country file, as the gateway does.
fn refreshed(r: &Risk) -> bool {
    refreshed_at(r, Instant::now())
}

fn refreshed_at(r: &Risk, at: Instant) -> bool {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(r.refresh_geo(at))
}

#[test]
fn each_input_finds_its_row() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), SETTINGS);
    let table: &[(&str, &str, u32)] = &[
        // network 15, country 0, software 5
        ("bob", "198.51.100.7", 20),
        ("bob", "::ffff:198.51.100.7", 20),
        ("bob", "2001:db8:1::9", 20),
        ("bob", "10.1.2.3", 5),
        ("bob", "192.0.2.9", 5),
        // 40 for a country where nobody is expected; alice is, in the US
        ("bob", "203.0.113.9", 60),
        ("alice", "203.0.113.9", 20),
        ("bob", "2001:db8:2::9", 60),
        // in no file
        ("bob", "8.8.8.8", 60),
        ("bob", "127.0.0.1", 60),
    ];
    for (user, address, want) in table {
        assert_eq!(r.assess(&facts(user, address), NOW).score, *want, "{user} {address}");
    }
    let at_home = || facts("bob", "10.1.2.3");
    for (f, want) in [
        (Facts { role: Some("privileged"), ..at_home() }, 15),
        (Facts { role: Some("director"), ..at_home() }, 15),
        (Facts { role: None, ..at_home() }, 15),
        (Facts { managed: Some(false), ..at_home() }, 30),
        (Facts { managed: None, ..at_home() }, 30),
        (Facts { authentication: Authentication::HardwareToken, ..at_home() }, 0),
        (Facts { address: None, ..at_home() }, 60),
    ] {
        assert_eq!(r.assess(&f, NOW).score, want, "{f:?}");
    }
}

#[test]
fn a_country_file_that_cannot_be_trusted_is_no_country_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("country.mmdb");
    let at = |r: &Risk, now| r.assess(&facts("bob", "198.51.100.7"), now).score;
    let r = risk(dir.path(), SETTINGS);
    assert_eq!(at(&r, NOW), 60, "no file");
    geo(dir.path(), NOW);
    assert!(refreshed(&r));
    assert_eq!(at(&r, NOW), 20);
    assert!(!refreshed(&r));
    // It grows old by itself.
    assert_eq!(at(&r, NOW + 30 * DAY_MS), 20);
    assert_eq!(at(&r, NOW + 31 * DAY_MS), 60);
    assert!(matches!(r.geo_fault(NOW + 31 * DAY_MS), Some(GeoFault::Stale { days: 31, max: 30 })));
    // The gateway's clock is set back by a week: which of the two is wrong cannot be told.
    assert_eq!(at(&r, NOW + -7 * DAY_MS), 60);
    assert_eq!(r.geo_fault(NOW + -7 * DAY_MS), Some(GeoFault::FromTheFuture));
    // Perhaps half of the next one: the last one counts for a minute, if it is fresh enough.
    fs::write(&file, b"not a database").unwrap();
    let start = Instant::now();
    let later = |s| start + Duration::from_secs(s);
    assert!(!refreshed_at(&r, start));
    assert_eq!((at(&r, NOW), r.geo_fault(NOW)), (20, None));
    assert_eq!(at(&r, NOW + 31 * DAY_MS), 60);
    assert!(!refreshed_at(&r, later(59)));
    assert!(refreshed_at(&r, later(60)), "sessions are judged by it");
    assert!(matches!(r.geo_fault(NOW), Some(GeoFault::Unusable(_))));
    // Corporate networks that say where they are need no file.
    assert_eq!((at(&r, NOW), r.assess(&facts("bob", "10.1.2.3"), NOW).score), (60, 5));
    geo(dir.path(), NOW);
    assert!(refreshed(&r));
    assert_eq!(at(&r, NOW), 20);
    fs::remove_file(&file).unwrap();
    assert!(refreshed(&r));
    assert_eq!(at(&r, NOW), 60, "gone");
    assert_eq!(
        risk(dir.path(), "countries = ['GB']").country("198.51.100.7".parse().ok(), NOW),
        Err(GeoFault::NotConfigured)
    );
}

/// Files spell a country in several ways; one that is read and understood by nobody says so.
#[test]
fn every_known_form_of_a_country_file_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("country.mmdb");
    let address: IpAddr = "198.51.100.7".parse().unwrap();
    let built = u64::try_from(NOW.0 / 1_000).unwrap();
    for form in [Form::Nested, Form::Flat, Form::Text] {
        for code in ["GB", "gb", "Gb"] {
            fs::write(&file, country_file(&[("198.51.100.0/24", code)], built, form)).unwrap();
            let found = open(&file).country(address, NOW);
            assert_eq!(
                found.map(|c| c.as_str().to_owned()),
                Ok("GB".to_owned()),
                "{form:?} {code}"
            );
        }
    }
    for (code, form) in [("GB", Form::Unknown), ("United Kingdom", Form::Text), ("", Form::Flat)] {
        fs::write(&file, country_file(&[("198.51.100.0/24", code)], built, form)).unwrap();
        assert_eq!(
            open(&file).country(address, NOW),
            Err(GeoFault::UnknownForm),
            "{form:?} {code}"
        );
    }
    assert_eq!(open(&file).country("203.0.113.1".parse().unwrap(), NOW), Err(GeoFault::NotListed));
}

/// A network says whose it is, in the forms of several publishers, and scores nothing.
#[test]
fn table_of_autonomous_systems() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let file = dir.path().join("asn.mmdb");
    let settings = SETTINGS.replace("max_age_days", "asn_file = 'asn.mmdb'\nmax_age_days");
    let built = u64::try_from(NOW.0 / 1_000).unwrap();
    let long = "A carrier with a name of more than eighty characters ".repeat(2);
    let places = [
        ("198.51.100.0/25", 3320, "Deutsche Telekom AG"),
        ("198.51.100.128/25", u32::MAX, ""),
        ("203.0.113.0/24", 0, "reserved"),
        ("2001:db8::/32", 64_496, &long[..]),
    ];
    let is = |number, name: &str| {
        Some(AutonomousSystem { number, name: Some(name.to_owned()).filter(|n| !n.is_empty()) })
    };
    let table = [
        ("198.51.100.7", is(3320, "Deutsche Telekom AG")),
        ("::ffff:198.51.100.7", is(3320, "Deutsche Telekom AG")),
        ("198.51.100.200", is(u32::MAX, "")),
        ("203.0.113.1", None),
        ("192.0.2.1", None),
        ("2001:db8::1", is(64_496, long[..80].trim())),
    ];
    for form in [AsnForm::Number, AsnForm::Spelt] {
        fs::write(&file, asn_file(&places, built, form)).unwrap();
        let r = risk(dir.path(), &settings);
        for (address, want) in &table {
            let found = r.system(address.parse().ok(), NOW);
            let trimmed =
                found.map(|s| AutonomousSystem { name: s.name.map(|n| n.trim().to_owned()), ..s });
            assert_eq!(&trimmed, want, "{form:?} {address}");
        }
        assert_eq!(r.system(None, NOW), None);
        assert_eq!(r.asn_fault(NOW), None);
    }
    let score = |r: &Risk| r.assess(&facts("bob", "198.51.100.7"), NOW).score;
    let r = risk(dir.path(), &settings);
    let with = score(&r);
    fs::write(&file, asn_file(&places, built, AsnForm::Unknown)).unwrap();
    // Another file is read, and no session is judged again for it.
    assert!(!refreshed(&r));
    assert_eq!((r.system("198.51.100.7".parse().ok(), NOW), score(&r)), (None, with));
    fs::remove_file(&file).unwrap();
    refreshed(&r);
    assert!(matches!(r.asn_fault(NOW), Some(GeoFault::Unusable(_))));
    assert_eq!((r.geo_fault(NOW), score(&r)), (None, with));
    fs::write(&file, asn_file(&places, built, AsnForm::Spelt)).unwrap();
    refreshed(&r);
    assert!(r.system("198.51.100.7".parse().ok(), NOW).is_some());
    let late = NOW + 31 * DAY_MS;
    assert_eq!(r.system("198.51.100.7".parse().ok(), late), None);
    assert_eq!(r.asn_fault(late), Some(GeoFault::Stale { days: 31, max: 30 }));
    // Without the setting nothing is asked and nothing is wrong.
    let r = risk(dir.path(), SETTINGS);
    assert_eq!((r.system("198.51.100.7".parse().ok(), NOW), r.asn_fault(late)), (None, None));
}

#[test]
fn the_flat_form_and_any_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let good = country_file(&NETWORKS, u64::try_from(NOW.0 / 1_000).unwrap(), Form::Flat);
    let file = dir.path().join("country.mmdb");
    fs::write(&file, &good).unwrap();
    let address: Option<IpAddr> = "198.51.100.7".parse().ok();
    assert_eq!(risk(dir.path(), SETTINGS).country(address, NOW).unwrap().as_str(), "GB");
    // Cut and damaged in many places: an answer or a fault, never a panic, and never another
    // country by chance of length.
    for at in (0..good.len()).step_by(good.len() / 200 + 1) {
        fs::write(&file, &good[..at]).unwrap();
        let _ = open(&file).country(address.unwrap(), NOW);
        let mut damaged = good.clone();
        damaged[at] ^= 0xff;
        fs::write(&file, &damaged).unwrap();
        let _ = open(&file).country(address.unwrap(), NOW);
    }
    let good = asn_file(&[("198.51.100.0/24", 3320, "DTAG")], 1, AsnForm::Number);
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0xff;
        fs::write(&file, &damaged).unwrap();
        let asn_file = Some(file.clone());
        let geo = Geo::open(&GeoSettings { file: file.clone(), asn_file, max_age_days: 30 });
        let _ = geo.system(address.unwrap(), UtcMillis(1_000));
    }
}

#[test]
fn a_broken_policy_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), SETTINGS);
    let before = r.policy().table.digest().to_owned();
    assert_eq!(reload(&r).unwrap(), None);
    for broken in [
        "",
        "countries = []",
        "countries = ['UK1']",
        "countries = ['GB']\n[[network]]\nrange = '0.0.0.0/0'",
        "countries = ['GB']\nfree = 1",
    ] {
        fs::write(dir.path().join("risk.toml"), broken).unwrap();
        assert!(reload(&r).is_err(), "{broken:?}");
        assert_eq!(r.policy().table.digest(), before);
        assert_eq!(r.assess(&facts("bob", "203.0.113.9"), NOW).score, 60);
    }
    fs::remove_file(dir.path().join("risk.toml")).unwrap();
    assert!(reload(&r).is_err());
    fs::write(dir.path().join("risk.toml"), SETTINGS.replace("'FR'", "'US'")).unwrap();
    let (old, new) = reload(&r).unwrap().unwrap();
    assert!(old == before && new != before);
    let a = r.assess(&facts("bob", "203.0.113.9"), NOW);
    assert_eq!((a.score, a.policy), (20, new));
}

#[test]
fn travel_is_looked_at_and_strangers_leave_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), SETTINGS);
    let (gb, sg, us) =
        ("198.51.100.7".parse().ok(), "100.64.0.9".parse().ok(), "203.0.113.9".parse().ok());
    assert_eq!(r.travel_concern("bob", sg, NOW), None, "never seen before");
    r.record_place("bob", gb, NOW);
    let hour = 3_600_000;
    let c = r.travel_concern("bob", sg, NOW + hour).unwrap();
    assert_eq!((c.code, c.at_least), ("risk.impossible_travel", Decision::StepUp));
    assert!(c.words.starts_with("Last seen in GB 60 minutes ago; SG is at least "), "{}", c.words);
    assert_eq!(r.travel_concern("bob", sg, NOW + 13 * hour), None);
    assert_eq!(r.travel_concern("alice", sg, NOW + hour), None, "another person");
    assert_eq!(r.travel_concern("bob", None, NOW + hour), None);
    // What an older gateway remembers does not undo what is known here.
    r.remember("bob", Sighting { country: "SG".parse().unwrap(), at_ms: NOW.0 - 1 });
    assert!(r.travel_concern("bob", us, NOW + hour).is_some_and(|c| c.words.contains("GB")));
    let off = risk(dir.path(), &format!("{SETTINGS}[travel]\ndecision = 'allow'\n"));
    off.record_place("bob", gb, NOW);
    assert_eq!(off.travel_concern("bob", sg, NOW + hour), None);
}

#[test]
fn a_sighting_of_a_clock_that_was_ahead_keeps_nobody_out_and_gives_way() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), SETTINGS);
    let (gb, sg) = ("198.51.100.7".parse().ok(), "100.64.0.9".parse().ok());
    let (minute, hour) = (60_000, 3_600_000);
    let elsewhere = r.country(sg, NOW).unwrap();
    assert_ne!(r.country(gb, NOW).unwrap(), elsewhere);
    // The clock was a day ahead, and is right again.
    let ahead = r.record_place("bob", gb, NOW + 24 * hour).unwrap();
    assert_eq!(r.travel_concern("bob", sg, NOW), None);
    r.record_place("bob", sg, NOW);
    // The view of the registry still has it.
    r.remember("bob", ahead);
    assert!(r.travel_concern("bob", gb, NOW + minute).is_some(), "seen elsewhere a minute ago");
    r.record_place("bob", sg, NOW + minute);
    assert!(r.travel_concern("bob", gb, NOW + 2 * minute).is_some());
    // Another gateway's clock is a little ahead: that is judged as no time.
    r.remember("bob", Sighting { country: elsewhere, at_ms: NOW.0 + 150_000 });
    assert!(r.travel_concern("bob", gb, NOW + 2 * minute).is_some());
}

#[test]
fn hours_count_when_they_are_set() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let hours = "[hours]\nfrom = '07:00'\nto = '19:00'\ndays = ['mon', 'tue', 'wed', 'thu', \
        'fri']\ndecision = 'step_up'\n";
    let r = risk(dir.path(), &format!("{SETTINGS}{hours}"));
    let decide = |now| r.assess(&facts("bob", "10.1.2.3"), now).decision;
    assert_eq!(decide(NOW), Decision::Allow);
    assert_eq!(decide(NOW + 8 * 3_600_000), Decision::StepUp);
    assert_eq!(decide(NOW + DAY_MS), Decision::StepUp);
    // Somebody must be able to lock a user at night.
    let deny = hours.replace("step_up", "deny");
    fs::write(dir.path().join("risk.toml"), format!("{SETTINGS}{deny}")).unwrap();
    reload(&r).unwrap();
    assert_eq!(decide(NOW + DAY_MS), Decision::Deny);
    let admin = Administrator {
        id: "eve".into(),
        address: "10.1.2.3".parse().unwrap(),
        policies: vec!["2.999.1".into()],
        hardware_key: true,
    };
    let (by_day, at_night) = (r.administrator(&admin, NOW), r.administrator(&admin, NOW + DAY_MS));
    assert_eq!((by_day.score, by_day.decision), (at_night.score, at_night.decision));
    for bad in [
        "from = '19:00'\nto = '07:00'",
        "from = '7'\nto = '19:00'",
        "from = '07:00'\nto = '24:01'",
        "from = '07:60'\nto = '19:00'",
    ] {
        fs::write(
            dir.path().join("risk.toml"),
            format!("{SETTINGS}[hours]\n{bad}\ndays = ['mon']\ndecision = 'deny'"),
        )
        .unwrap();
        assert!(reload(&r).is_err(), "{bad}");
    }
}

/// A desk's certificate and what signs for it.
fn desk(
    pki: &DevPki,
    order: Order,
) -> (PeerIdentity, MessagePublicKey, signet_identity::SoftwareKey) {
    let issued = pki.issue(&order).unwrap();
    let leaf = issued.chain().first().unwrap().clone();
    (
        PeerIdentity::from_certificate(&leaf).unwrap(),
        MessagePublicKey::of_certificate(&leaf).unwrap(),
        signet_identity::SoftwareKey::from_pkcs8(
            issued.key_pkcs8(),
            signet_identity::Protection::SoftwareMemory,
        )
        .unwrap(),
    )
}

fn envelope(key: &signet_identity::SoftwareKey, exporter: &str, nonce: &str, disk: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    use signet_identity::DeviceKey as _;
    let report = format!(
        "{{\"nonce\":{nonce:?},\"exporter\":{exporter:?},\"system\":\"s\",\"system_version\":\"1\",\"program\":\"p\",\"facts\":{{\"disk_encryption\":{disk:?}}}}}"
    );
    let der = key
        .sign_es256(format!("{}{report}", signet_policy::posture::SIGNED_PREFIX).as_bytes())
        .unwrap();
    let signature = BASE64.encode(fixed(&der));
    serde_json::json!({ "report": report, "signature": signature }).to_string()
}

/// ECDSA in DER to r and s of 32 bytes each.
fn fixed(der: &[u8]) -> Vec<u8> {
    let r_len = usize::from(der[3]);
    let (r, s) = (&der[4..4 + r_len], &der[6 + r_len..]);
    let pad = |n: &[u8]| {
        let n: Vec<u8> = n.iter().copied().skip_while(|b| *b == 0).collect();
        [vec![0; 32 - n.len()], n].concat()
    };
    [pad(r), pad(s)].concat()
}

#[test]
fn the_ladder_of_posture_with_real_certificates_and_signatures() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), &format!("{SETTINGS}[posture]\nmanaged_policies = ['2.999.1']\n"));
    let pki = DevPki::generate("test.signet.example", OffsetDateTime::now_utc()).unwrap();
    let token = "spiffe://test.signet.example/desk/ALICE/alice/laptop/token";
    let address: Option<IpAddr> = "10.1.2.3".parse().ok();
    let score = |a: &Access, now| a.assess(&r, Some("standard"), now).0.score;
    let access = |order: Order| {
        let (peer, public, key) = desk(&pki, order);
        (Access::new("alice".into(), &peer, public, "EXP", address), key)
    };

    let (managed, key) = access(Order::desk("ALICE"));
    let (silent, _) = managed.assess(&r, Some("standard"), NOW);
    assert_eq!(silent.score, 30, "whoever says nothing about what is required does not have it");
    assert!(
        silent.words().contains("no posture report tells about disk encryption"),
        "{}",
        silent.words()
    );
    let altered = envelope(&key, "EXP", "", "no").replace("no", "yes");
    assert_eq!(
        managed.at_logon(&r, Some("standard"), Some(&altered), NOW).score,
        30,
        "altered after it was signed"
    );
    assert_eq!(
        managed.at_logon(&r, Some("standard"), Some(&envelope(&key, "EXP", "", "yes")), NOW).score,
        5
    );
    assert_eq!(
        managed.at_logon(&r, Some("standard"), Some(&envelope(&key, "EXP", "", "no")), NOW).score,
        30,
        "not compliant by its own word"
    );
    let (other_policy, _) = access(Order::desk("ALICE").with_policy("2.999.2"));
    assert_eq!(score(&other_policy, NOW), 30);

    let (soft, key) = access(Order::desk("ALICE").unmanaged());
    assert_eq!(
        soft.at_logon(&r, Some("standard"), Some(&envelope(&key, "EXP", "", "yes")), NOW).score,
        30,
        "self-report earns nothing"
    );

    let (hard, key) = access(Order::desk("ALICE").unmanaged().with_uri(token));
    assert_eq!(score(&hard, NOW), 30);
    let (_, strange_key) = access(Order::desk("ALICE").unmanaged().with_uri(token));
    for (bad, code) in [
        (envelope(&key, "OTHER", "", "yes"), "posture.replayed"),
        (envelope(&key, "EXP", "n", "yes"), "posture.replayed"),
        (envelope(&strange_key, "EXP", "", "yes"), "posture.signature"),
        (envelope(&key, "EXP", "", "yes").replace("yes", "YES"), "posture.unreadable"),
        (envelope(&key, "EXP", "", "no").replace("\\\"no\\\"", "\\\"yes\\\""), "posture.signature"),
        ("{}".into(), "posture.unreadable"),
    ] {
        assert_eq!(hard.checked(&bad, "").map(drop).map_err(|e| e.code()), Err(code), "{bad}");
        assert_eq!(hard.at_logon(&r, Some("standard"), Some(&bad), NOW).score, 30, "{bad}");
    }
    assert_eq!(
        hard.at_logon(&r, Some("standard"), Some(&envelope(&key, "EXP", "", "yes")), NOW).score,
        5
    );
    // It counts for half an hour, and not after the clock went back either.
    assert_eq!(
        (score(&hard, NOW + 29 * 60_000), score(&hard, NOW + 30 * 60_000), score(&hard, NOW + -1)),
        (5, 30, 30)
    );
    // One question, one answer.
    let nonce = hard.question(&r.policy(), NOW + 31 * 60_000).unwrap();
    let answer = envelope(&key, "EXP", &nonce, "yes");
    assert_eq!(hard.answered(&answer, NOW + 31 * 60_000), Ok(()));
    assert_eq!(score(&hard, NOW + 32 * 60_000), 5);
    assert_eq!(hard.answered(&answer, NOW + 33 * 60_000).unwrap_err().code(), "posture.not_asked");
    let off = risk(dir.path(), &format!("{SETTINGS}[posture]\nsigned_reports = false\n"));
    assert_eq!(hard.assess(&off, Some("standard"), NOW + 32 * 60_000).0.score, 30);
}

/// A touch and a journey belong to an address; what the laptop reported belongs to the connection.
#[test]
fn an_access_that_moves_is_judged_as_a_logon_from_there() {
    let dir = tempfile::tempdir().unwrap();
    geo(dir.path(), NOW);
    let r = risk(dir.path(), &format!("{SETTINGS}[travel]\n"));
    let pki = DevPki::generate("test.signet.example", OffsetDateTime::now_utc()).unwrap();
    let token = "spiffe://test.signet.example/desk/ALICE/alice/laptop/token";
    let ip = |a: &str| a.parse::<IpAddr>().unwrap();
    let (peer, public, key) = desk(&pki, Order::desk("ALICE").unmanaged().with_uri(token));
    let logon_from = |a: &str| {
        let access = Access::new("alice".into(), &peer, public.clone(), "EXP", Some(ip(a)));
        let report = envelope(&key, "EXP", "", "yes");
        let seen = access.at_logon(&r, Some("standard"), Some(&report), NOW);
        (access, seen)
    };
    r.record_place("alice", Some(ip("10.1.2.3")), NOW + -60_000);
    for (to, decision) in [
        // The firm's network in another country, a public address at home, and a country too far.
        ("192.0.2.9", Decision::Allow),
        ("198.51.100.7", Decision::StepUp),
        ("203.0.113.9", Decision::StepUp),
        ("2001:db8:2::9", Decision::Deny),
    ] {
        let (access, _) = logon_from("10.1.2.3");
        access.touched();
        assert_eq!(access.assess(&r, Some("standard"), NOW).0.score, 0);
        access.moved(&r, ip(to), NOW);
        let (moved, _) = access.assess(&r, Some("standard"), NOW);
        let (_, there) = logon_from(to);
        assert_eq!((&moved, moved.decision), (&there, decision), "{to}");
        assert_eq!(access.address(), Some(ip(to)));
        // Back again: nobody is concerned about the journey there.
        access.moved(&r, ip("10.1.2.3"), NOW);
        let (_, here) = logon_from("10.1.2.3");
        assert_eq!(access.assess(&r, Some("standard"), NOW).0, here, "{to}");
    }
}
