use super::*;
use crate::settings::{Channel, Holder};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// A value that is good in every field.
fn example(field: &Field) -> Value {
    const ANCHOR: &str = include_str!("../../../../packaging/desk/policy/managed.example.toml");
    match (field.name, field.kind) {
        ("Anchors" | "Software/ServerAnchors", _) => {
            let pem = ANCHOR.split("\"\"\"").nth(1).unwrap();
            let line: String = pem.lines().filter(|l| !l.contains("-----")).collect();
            Value::List(vec![line])
        }
        ("Pins", _) => Value::List(vec![crate::Pin([7; 32]).to_string()]),
        ("Also", _) => Value::List(vec!["other.bank.example:9443".into()]),
        ("Crl", _) => Value::List(vec!["C:\\crl\\gateways.crl".into()]),
        ("Keys/Holders", _) => Value::List(vec!["pkcs11".into()]),
        ("Keys/Module", _) => text("C:\\Windows\\token.dll"),
        ("ValidFrom", _) => text("2026-01-01T00:00:00Z"),
        ("ValidUntil", _) => text("2027-01-01T00:00:00Z"),
        ("Software/LeastVersion", _) => text("1.2.3"),
        ("Software/Channel", _) => text("beta"),
        ("Software/Server", _) => text("https://desk.bank.example"),
        ("Software/UpdateKey", _) => {
            let key = ANCHOR.split("update_key = \"").nth(1).unwrap();
            text(key.split('"').next().unwrap())
        }
        ("Connection/Proxy", _) => text("http://proxy.bank.example:3128"),
        ("Connection/PortalCheck", _) => text("off"),
        (_, Kind::Number) => Value::Number(9443),
        (_, Kind::Yes) => Value::Yes(true),
        (_, Kind::Text) => text("bank.example"),
        (_, Kind::List) => panic!("{} needs an example", field.name),
    }
}

fn full_name(field: &Field, venue: usize) -> String {
    if field.section == "venue" {
        format!("Venue{venue}/{}", field.name)
    } else {
        field.name.into()
    }
}

fn all() -> Values {
    FIELDS.iter().map(|field| (full_name(field, 1), example(field))).collect()
}

#[test]
fn every_value_comes_through() {
    let policy = policy(&all()).unwrap();
    assert_eq!(policy.firm, "bank.example");
    assert_eq!(policy.serial, 9443);
    let venue = &policy.venues[0];
    assert_eq!((venue.port, venue.pins.len(), venue.also.len(), venue.crl.len()), (9443, 1, 1, 1));
    assert!(venue.allow_tls12 && venue.quic && venue.crl_required && venue.rp_id.is_some());
    assert_eq!(policy.holders.as_deref(), Some(&[Holder::Pkcs11][..]));
    assert_eq!(policy.channel, Some(Channel::Beta));
    assert!(policy.update_key.is_some() && policy.server_anchors.len() == 1);
    assert_eq!(policy.portal_check.as_deref(), Some("off"));
    let yes = Some(true);
    assert_eq!((policy.hybrid_only, policy.fips, policy.history_required), (yes, yes, yes));
    let may = policy.may;
    assert!(may.venues && may.module && may.proxy && may.update_channel);
}

/// The fields of the file and the names of values are the same set: what one source can say the
/// other can say as well.
#[test]
fn the_names_are_those_of_the_file_and_back() {
    let file = crate::policy::File {
        serial: Some(1),
        valid_from: Some(String::new()),
        valid_until: Some(String::new()),
        venue: vec![crate::policy::VenueFile {
            server_name: Some(String::new()),
            rp_id: Some(String::new()),
            allow_tls12: Some(true),
            quic: Some(true),
            crl_required: Some(true),
            ..Default::default()
        }],
        keys: crate::policy::KeysFile { holders: Some(vec![]), module: Some(String::new()) },
        software: crate::policy::SoftwareFile {
            least_version: Some(String::new()),
            channel: Some(String::new()),
            server: Some(String::new()),
            update_key: Some(String::new()),
            server_anchors: vec![],
        },
        connection: crate::policy::ConnectionFile {
            proxy: Some(String::new()),
            portal_check: Some(String::new()),
            hybrid_only: Some(true),
            fips: Some(true),
        },
        history: crate::policy::HistoryFile { required: Some(true) },
        ..Default::default()
    };
    let mut of_file = BTreeSet::new();
    for (key, value) in toml::Table::try_from(&file).unwrap() {
        let inner = match &value {
            toml::Value::Table(table) => Some(table),
            toml::Value::Array(list) => list.first().and_then(toml::Value::as_table),
            _ => None,
        };
        match inner {
            Some(table) => {
                of_file.extend(table.keys().map(|inner| (key.clone(), inner.clone())));
            }
            None => {
                of_file.insert((String::new(), key));
            }
        }
    }
    of_file.remove(&(String::new(), "format".into()));
    let named: BTreeSet<_> =
        FIELDS.iter().map(|f| (f.section.to_owned(), f.key.to_owned())).collect();
    assert_eq!(of_file, named);
    assert_eq!(named.len(), FIELDS.len(), "each once");
}

#[test]
fn a_value_of_another_kind_or_an_unknown_name_is_refused() {
    for field in &FIELDS {
        for value in [text("x"), Value::Number(2), Value::Yes(true), Value::List(vec![])] {
            let same = matches!(
                (field.kind, &value),
                (Kind::Text, Value::Text(_))
                    | (Kind::Number, Value::Number(_))
                    | (Kind::Yes, Value::Yes(_))
                    | (Kind::List, Value::List(_))
            );
            let mut values = all();
            values.insert(full_name(field, 1), value);
            if !same {
                assert_eq!(policy(&values).unwrap_err().code(), "managed.invalid", "{field:?}");
            }
        }
    }
    for name in
        ["Colour", "firm", "Venue1/Colour", "Venue5/Name", "Host", "Venue1/Firm", "May/", ""]
    {
        let mut values = all();
        values.insert(name.into(), text("x"));
        assert_eq!(policy(&values).unwrap_err().code(), "managed.damaged", "{name}");
    }
}

#[test]
fn a_part_counts_from_its_version_on() {
    let own = |text: &str| text.parse::<Version>().unwrap();
    let mut values = Values::from([("Firm".to_owned(), text("F"))]);
    values.insert("Since 1.4.0/Connection/Fips".into(), Value::Yes(true));
    values.insert("Since 1.5.0/Connection/Colour".into(), text("red"));
    let code =
        |values: &Values, version: &str| for_desk(values, own(version)).map_err(|e| e.code());
    let early = code(&values, "1.3.0").unwrap();
    let told: Vec<String> = early.for_later.iter().map(ToString::to_string).collect();
    assert_eq!(early.fips, None);
    assert_eq!(told, ["since 1.4.0: Connection/Fips", "since 1.5.0: Connection/Colour"]);
    let later = code(&values, "1.4.0").unwrap();
    assert_eq!((later.fips, later.for_later.len()), (Some(true), 1));
    assert_eq!(code(&values, "1.5.0"), Err("managed.damaged"), "unknown to those it counts for");
    values.remove("Since 1.5.0/Connection/Colour");
    for (name, version, want) in [
        ("Connection/Fips", "1.4.0", "managed.invalid"),
        ("Since 1.3.0/Connection/Fips", "1.4.0", "managed.invalid"),
        ("Since 1.4.0", "1.0.0", "managed.damaged"),
        ("Since 1.4/Connection/Fips", "1.0.0", "managed.damaged"),
        ("Since /Connection/Fips", "1.0.0", "managed.damaged"),
        ("Since 1.4.0/Since 1.4.0/Connection/Proxy", "1.4.0", "managed.damaged"),
    ] {
        let mut values = values.clone();
        values.insert(name.into(), Value::Yes(false));
        assert_eq!(code(&values, version), Err(want), "{name}");
    }
    for (parts, want) in [(8, Ok(8)), (9, Err("managed.invalid"))] {
        let mut values = Values::from([("Firm".to_owned(), text("F"))]);
        let named = |n| format!("Since 2.{n}.0/Connection/Fips");
        values.extend((0..parts).map(|n| (named(n), Value::Yes(true))));
        assert_eq!(code(&values, "1.4.0").map(|p| p.for_later.len()), want, "{parts} later parts");
        let counting = (0..parts).map(|n| (format!("Since 1.0.{n}/Colour{n}"), text("red")));
        let counting: Values = counting.collect();
        let want = if parts > 8 { "managed.invalid" } else { "managed.damaged" };
        assert_eq!(code(&counting, "1.4.0").map(|_| ()), Err(want), "{parts} parts");
    }
    let profile = b"<plist><dict><key>Firm</key><string>F</string><key>Since 1.4.0</key><dict>\
        <key>Connection</key><dict><key>Fips</key><true/></dict></dict></dict></plist>";
    let of_profile = plist::values(profile).unwrap();
    assert_eq!(code(&of_profile, "1.4.0").unwrap().fips, Some(true));
    assert_eq!(code(&of_profile, "1.3.0").unwrap().for_later.len(), 1);
}

#[test]
fn a_registry_says_yes_with_a_number() {
    let mut values = Values::from([("Firm".to_owned(), text("F"))]);
    for (number, want) in [(0, Some(false)), (1, Some(true)), (2, None)] {
        values.insert("Connection/Fips".into(), Value::Number(number));
        assert_eq!(policy(&values).ok().and_then(|p| p.fips), want, "{number}");
    }
}

#[test]
fn a_box_that_was_left_empty_is_left_out() {
    let mut values = all();
    values.insert("Connection/Proxy".into(), text(""));
    values.insert("Venue1/Pins".into(), Value::List(vec![String::new()]));
    values.insert("Venue1/Also".into(), Value::List(vec![String::new(), "h:1".into()]));
    let read = policy(&values).unwrap();
    assert_eq!(read.proxy, None);
    assert_eq!((read.venues[0].pins.len(), read.venues[0].also.len()), (0, 1));
    values.insert("Keys/Holders".into(), Value::List(vec![]));
    assert_eq!(policy(&values).unwrap_err().code(), "managed.invalid", "a list of none");
    values.insert("Keys/Holders".into(), Value::List(vec!["keychain".into()]));
    values.insert("Firm".into(), text(""));
    assert_eq!(policy(&values).unwrap_err().code(), "managed.damaged");
}

#[test]
fn the_venues_stand_in_the_order_of_their_numbers() {
    let mut values = all();
    for field in FIELDS.iter().filter(|f| f.section == "venue") {
        values.insert(full_name(field, 4), example(field));
    }
    values.insert("Venue4/Name".into(), text("Fourth"));
    let names: Vec<_> = policy(&values).unwrap().venues.into_iter().map(|v| v.name).collect();
    assert_eq!(names, ["bank.example", "Fourth"]);
    values.remove("Venue4/Host");
    assert_eq!(policy(&values).unwrap_err().code(), "managed.damaged", "it lacks its host");
}

#[test]
fn the_profile_and_the_example_file_are_the_same_policy() {
    let profile =
        include_bytes!("../../../../packaging/desk/policy/signet.mobileconfig").as_slice();
    let whole = ::plist::Value::from_reader_xml(std::io::Cursor::new(profile)).unwrap();
    let top = whole.as_dictionary().unwrap();
    assert_eq!(top["PayloadType"].as_string(), Some("Configuration"));
    let payload = top["PayloadContent"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(payload["PayloadType"].as_string(), Some("desk.signet"));
    let conf = include_str!("../../../../tauri.conf.json");
    assert!(conf.contains("\"identifier\": \"desk.signet\""));
    let of_profile = policy(&plist::of_dictionary(payload).unwrap()).unwrap();
    let file = include_str!("../../../../packaging/desk/policy/managed.example.toml");
    let of_file = crate::Policy::from_toml(file).unwrap();
    let module = of_profile.module.clone();
    assert_eq!(of_profile, crate::Policy { module, ..of_file }, "but for the module's place");
    assert!(of_profile.module.is_some());
}

#[test]
fn a_list_that_is_no_policy_is_refused() {
    for bytes in [&b""[..], b"bplist00", b"<plist><array/></plist>", b"\xff"] {
        assert_eq!(plist::values(bytes).unwrap_err().code(), "managed.damaged", "{bytes:?}");
    }
    let nested = b"<plist><dict><key>May</key><dict><key>Venues</key><dict/></dict></dict></plist>";
    assert_eq!(plist::values(nested).unwrap_err().code(), "managed.invalid");
}

/// What the ADMX defines: (value name with its key, the element's kind), and what it names.
struct Admx {
    values: BTreeSet<(String, Kind)>,
    named: BTreeSet<String>,
}

fn admx() -> Admx {
    use quick_xml::{Reader, events::Event};
    let mut reader =
        Reader::from_str(include_str!("../../../../packaging/desk/policy/signet.admx"));
    let mut found = Admx { values: BTreeSet::new(), named: BTreeSet::new() };
    let mut key = String::new();
    loop {
        let event = reader.read_event().unwrap();
        let element = match &event {
            Event::Start(e) | Event::Empty(e) => e,
            Event::Eof => return found,
            _ => continue,
        };
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).unwrap();
            found.map(|a| a.value.into_owned())
        };
        for name in ["displayName", "explainText", "presentation"] {
            found.named.extend(attribute(name));
        }
        let kind = match element.name().as_ref() {
            "policy" => {
                assert_eq!(attribute("class").as_deref(), Some("Machine"), "users cannot set it");
                key = attribute("key").unwrap();
                continue;
            }
            "text" => Kind::Text,
            "decimal" if attribute("valueName").is_some() => Kind::Number,
            "boolean" => Kind::Yes,
            "multiText" => Kind::List,
            _ => continue,
        };
        let inner = key.strip_prefix("SOFTWARE\\Policies\\Signet").unwrap();
        let name = format!("{inner}\\{}", attribute("valueName").unwrap());
        found.values.insert((name.trim_start_matches('\\').replace('\\', "/"), kind));
        found.named.insert(attribute("id").unwrap());
    }
}

#[test]
fn group_policy_has_every_field_and_no_other() {
    let mut wanted = BTreeSet::new();
    for field in &FIELDS {
        let venues = if field.section == "venue" { 1..=VENUES } else { 1..=1 };
        wanted.extend(venues.map(|n| (full_name(field, n), field.kind)));
    }
    assert_eq!(admx().values, wanted);
}

#[test]
fn every_text_and_every_box_of_group_policy_is_there_and_used() {
    use quick_xml::{Reader, events::Event};
    let mut reader =
        Reader::from_str(include_str!("../../../../packaging/desk/policy/en-US/signet.adml"));
    let mut given = BTreeSet::new();
    loop {
        let event = reader.read_event().unwrap();
        let element = match &event {
            Event::Start(e) | Event::Empty(e) => e,
            Event::Eof => break,
            _ => continue,
        };
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).unwrap();
            found.map(|a| a.value.into_owned())
        };
        match element.name().as_ref() {
            "string" => given.extend(attribute("id").map(|id| format!("$(string.{id})"))),
            "presentation" => {
                given.extend(attribute("id").map(|id| format!("$(presentation.{id})")));
            }
            _ => given.extend(attribute("refId")),
        }
    }
    assert_eq!(given, admx().named);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_values_are_read_without_a_panic(
        names in prop::collection::vec("(Venue[0-9]/)?(Firm|Host|Port|May/Venues|Keys/Holders|[A-Za-z/]{0,8})", 0..8),
        value in "\\PC{0,40}",
        number in any::<i64>(),
    ) {
        for one in [Value::Text(value.clone()), Value::Number(number), Value::List(vec![value])] {
            let values: Values = names.iter().map(|n| (n.clone(), one.clone())).collect();
            let _ = policy(&values);
        }
    }
}
