//! The detection rules in `docs/siem` name codes that the catalogue has, and fields that are sent.

use serde_json::Value;
use signet_events::{About, Event, catalogue, ocsf};
use std::{fs, path::Path};

/// The items of a list in YAML that stands under a key.
fn items<'a>(rule: &'a str, key: &str) -> Vec<&'a str> {
    let mut lines = rule.lines().skip_while(|l| l.trim() != format!("{key}:")).skip(1);
    let mut all = Vec::new();
    while let Some(item) = lines.next().and_then(|l| l.trim().strip_prefix("- ")) {
        all.push(item);
    }
    all
}

/// An event as a SIEM has it.
fn sent(event: &Event, code: &str) -> Value {
    let source = ocsf::Source { gateway: "G".into(), version: "1".into() };
    let position = ocsf::Position { uid: "u", sequence: 1 };
    serde_json::from_str(&ocsf::line(event, code, &source, position)).unwrap()
}

/// Whether the selection of a rule takes an event: by its code and, where the rule names some, by
/// what decided.
fn selects(rule: &str, event: &Event) -> bool {
    let v = sent(event, event.code);
    let decided: Vec<&Value> = v["unmapped"]["rules"].as_array().into_iter().flatten().collect();
    let wanted = items(rule, "unmapped.rules|contains");
    items(rule, "metadata.event_code").contains(&event.code)
        && (wanted.is_empty() || wanted.iter().any(|w| decided.iter().any(|d| **d == **w)))
}

#[test]
fn the_rule_for_impossible_travel_takes_no_other_change_of_risk() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/siem");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (travel, denied) = (read("impossible_travel.yml"), read("risk_denied.yml"));
    let [journey, hours] = ["risk.impossible_travel", "risk.out_of_hours"];
    for (code, rules, by_travel, by_denied) in [
        ("risk.changed", vec![], false, false),
        ("risk.changed", vec![hours], false, false),
        ("risk.changed", vec![journey], true, false),
        ("risk.assessed", vec![], false, false),
        ("risk.assessed", vec![hours, journey], true, false),
        ("risk.no_step_up", vec![journey], true, false),
        ("risk.denied", vec![], false, true),
        ("risk.denied", vec![journey], true, true),
        ("logon.accepted", vec![journey], false, false),
    ] {
        let decided = rules.iter().map(|r| (*r).into()).collect();
        let about = About { rules: decided, ..About::user("alice") };
        let event = Event::new(1, code, "").about(about);
        let got = (selects(&travel, &event), selects(&denied, &event));
        assert_eq!(got, (by_travel, by_denied), "{code} {rules:?}");
    }
}

/// Of a trader's key and of an administrator's.
#[test]
fn the_rule_for_copied_keys_takes_every_event_of_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/siem");
    let rule = fs::read_to_string(folder.join("security_key_counter.yml")).unwrap();
    let codes = catalogue::entries().map(|e| e.code);
    let codes: Vec<&str> = codes.filter(|c| c.ends_with(".counter_went_back")).collect();
    assert!(codes.len() >= 3, "{codes:?}");
    for code in codes {
        assert!(selects(&rule, &Event::new(1, code, "")), "{code}");
    }
}

#[test]
fn every_rule_names_codes_and_fields_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/siem");
    let page = fs::read_to_string(folder.with_extension("md")).unwrap();
    let about = About { address: Some([192, 0, 2, 1].into()), ..About::user("alice") };
    let mut rules = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let rule = fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!("`{name}`")), "docs/siem.md does not name {name}");
        for key in ["title:", "id:", "status:", "logsource:", "detection:", "condition:", "level:"]
        {
            assert!(rule.contains(key), "{name}: no {key}");
        }
        // A second colon would make the text a mapping: no converter reads such a file.
        assert!(rule.lines().all(|l| l.matches(": ").count() <= 1), "{name}");
        let codes = items(&rule, "metadata.event_code");
        assert!(!codes.is_empty(), "{name}");
        for code in &codes {
            let entry = catalogue::entry(code);
            assert_ne!(entry.code, catalogue::UNKNOWN, "{name}: {code}");
            // Grouped by a field that the event has.
            let event = Event::new(1, entry.code, "").about(about.clone());
            let v = sent(&event, code);
            assert_eq!(v["metadata"]["event_code"], **code);
            for field in items(&rule, "group-by") {
                let pointer = format!("/{}", field.replace('.', "/"));
                assert!(v.pointer(&pointer).is_some(), "{name}: {code} has no {field}: {v}");
            }
        }
        rules += 1;
    }
    assert_eq!(rules, 13);
}
