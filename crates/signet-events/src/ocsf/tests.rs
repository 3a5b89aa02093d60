//! Every line against the published schema, and against hostile texts.

use super::*;
use crate::{Side, Text, catalogue};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::{net::IpAddr, sync::LazyLock};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/fixtures/ocsf-1.8.0.json")).unwrap()
});

fn source() -> Source {
    Source { gateway: "SIGNET".into(), version: "0.1.0".into() }
}

fn actors() -> Vec<Actor> {
    vec![
        Actor::Gateway,
        Actor::Account("alice(1000)@gw1".into()),
        Actor::Administrator("admin sylvia from 192.0.2.1".into()),
        Actor::Desk("ALICE1".into()),
        Actor::Dealer("NORTH".into()),
        Actor::Service("idp".into()),
        Actor::Address([192, 0, 2, 1].into()),
        Actor::Address("2001:db8::1".parse().unwrap()),
    ]
}

fn everything() -> About {
    let t = |s: &str| Some(Text::from(s));
    About {
        user: t("alice"),
        device: t("laptop"),
        desk: t("ALICE1"),
        dealer: t("NORTH"),
        address: Some("::ffff:192.0.2.7".parse().unwrap()),
        country: t("GB"),
        address_before: Some([198, 51, 100, 9].into()),
        country_before: t("SG"),
        as_number: Some(4_200_000_000),
        as_name: t("Example Carrier"),
        certificate: t("0a1b"),
        policy: t("d1"),
        policy_before: t("d0"),
        rules: vec!["r1".into(), "r2".into()],
        reason: t("amount"),
        score: Some(55),
        decision: t("step_up"),
        factors: vec!["country: abroad (20)".into()],
        rfq: t("ALICE1.1"),
        quote: t("q"),
        accept: t("a"),
        execution: t("e"),
        instrument: t("EURUSD"),
        side: Some(Side::Buy),
        quantity: t("1000000"),
        price: t("1.0934"),
        currency: t("EUR"),
        message: t("AJ"),
        object: t("desks.crl"),
        count: Some(3),
    }
}

fn parsed(event: &Event) -> Value {
    let text = line(event, event.code, &source(), Position { uid: "SIGNET.ab12.7", sequence: 7 });
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_entry_by_every_actor_is_what_the_published_schema_asks_for() {
    let mut wrong = Vec::new();
    for e in catalogue::entries() {
        for actor in actors() {
            for about in [About::default(), About::dealer("NORTH"), everything()] {
                let event = Event::new(1_700_000_000_123_456, e.code, "").by(actor.clone());
                check(&SCHEMA, &parsed(&event.about(about)), &mut wrong);
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The validator finds what it is there to find.
#[test]
fn every_kind_of_fault_is_found() {
    let event = Event::new(1, "logon.refused", "no").about(everything());
    let good = parsed(&event);
    for (change, found) in [
        (&(|o: &mut Map<String, Value>| drop(o.remove("user"))) as &dyn Fn(&mut Map<_, _>), "user"),
        (&|o| drop(o.insert("colour".into(), "red".into())), "colour"),
        (&|o| drop(o.insert("severity_id".into(), 7.into())), "severity_id"),
        (&|o| drop(o.insert("time".into(), "now".into())), "time"),
        (&|o| drop(o.insert("type_uid".into(), 300_102.into())), "type_uid"),
        (&|o| drop(o.insert("device".into(), Value::Object(Map::new()))), "device"),
        (&|o| drop(o.remove("service")), "at_least_one"),
        (
            &|o| drop(o["src_endpoint"].as_object_mut().unwrap().insert("ip".into(), "x".into())),
            "ip",
        ),
        (&|o| drop(o["metadata"].as_object_mut().unwrap().remove("version")), "version"),
        (&|o| drop(o.insert("activity_name".into(), "Logoff".into())), "activity_name"),
    ] {
        let mut bad = good.clone();
        change(bad.as_object_mut().unwrap());
        let mut wrong = Vec::new();
        check(&SCHEMA, &bad, &mut wrong);
        assert!(wrong.iter().any(|w| w.contains(found)), "{found}: {wrong:?}");
    }
}

#[test]
fn the_keys_stand_in_one_order_and_a_repeat_is_the_same_text() {
    let event = Event::new(1_000_001, "risk.denied", "no").about(everything());
    let position = Position { uid: "G.1.2", sequence: 2 };
    let one = line(&event, event.code, &source(), position);
    assert_eq!(one, line(&event.clone(), event.code, &source(), position));
    let places: Vec<_> = ["\"time\"", "\"class_uid\"", "\"metadata\"", "\"actor\"", "\"unmapped\""]
        .map(|k| one.find(k).expect(k))
        .into();
    assert!(places.is_sorted(), "{one}");
    let v = parsed(&event);
    assert_eq!(v["risk_score"], 55);
    assert_eq!(v["attacks"][0]["technique"]["uid"], "T1078");
    assert_eq!(v["src_endpoint"]["ip"], "192.0.2.7");
    assert_eq!(v["src_endpoint"]["location"]["country"], "GB");
    let system = &v["src_endpoint"]["autonomous_system"];
    assert_eq!(
        (&system["number"], &system["name"]),
        (&4_200_000_000_u32.into(), &"Example Carrier".into())
    );
    assert_eq!(v["unmapped"]["rfq"], "ALICE1.1");
    assert_eq!(v["time"], 1_000);
    assert_eq!(v["metadata"]["original_time"], "1000001");
}

/// What asked for a touch, and where a session was before: fields, not words.
#[test]
fn what_asked_for_a_touch_and_the_place_before_are_fields() {
    let rules = || vec!["step_up.when.accept_above".into(), "big-tickets".into()];
    let about = About {
        rules: rules(),
        reason: Some("amount".into()),
        policy: Some("d1".into()),
        ..About::device("alice", "laptop")
    };
    for code in [
        "stepup.asked",
        "stepup.passed",
        "stepup.declined",
        "stepup.timed_out",
        "stepup.not_approved",
    ] {
        let v = parsed(&Event::new(1, code, "").about(about.clone()));
        let names = serde_json::json!(["step_up.when.accept_above", "big-tickets"]);
        assert_eq!((&v["unmapped"]["rules"], &v["unmapped"]["reason"]), (&names, &"amount".into()));
        assert_eq!(v["policy"]["uid"], "d1", "{code}");
        assert_eq!(v["policy"]["desc"], "step_up.when.accept_above, big-tickets", "{code}");
        assert_eq!(v["unmapped"]["device"], "laptop", "{code}");
    }
    let plain = parsed(&Event::new(1, "stepup.asked", "").about(About::desk("ALICE1")));
    for absent in ["reason", "rules", "address_before", "country_before"] {
        assert_eq!(plain["unmapped"].get(absent), None, "{absent}");
    }
    let moved = parsed(&Event::new(1, "session.resumed", "").about(everything()));
    assert_eq!(moved["src_endpoint"]["ip"], "192.0.2.7");
    assert_eq!(moved["src_endpoint"]["location"]["country"], "GB");
    assert_eq!(moved["unmapped"]["address_before"], "198.51.100.9");
    assert_eq!(moved["unmapped"]["country_before"], "SG");
}

proptest! {
    #[test]
    fn whatever_peers_write_is_one_line_of_json(
        texts in proptest::collection::vec(any::<String>(), 8),
        long in 0..700_usize,
        which in 0..200_usize,
        who in 0..8_usize,
    ) {
        let t = |n: usize| Some(Text::from(&texts[n]));
        let many = Text::from("\u{1f600}".repeat(long));
        let about = About {
            user: t(0), device: t(1), desk: t(2), dealer: t(3), rfq: t(4), object: t(5), country: t(6),
            quote: Some(many.clone()), accept: Some(many.clone()), execution: Some(many.clone()),
            instrument: Some(many.clone()), price: Some(many.clone()), currency: Some(many.clone()),
            rules: vec![many.clone(); long], factors: vec![many.clone(); long], ..everything()
        };
        let entries: Vec<_> = catalogue::entries().collect();
        let event = Event::new(1, entries[which % entries.len()].code, texts[7].as_str())
            .by(match who % 3 { 0 => Actor::Desk(Text::from(&texts[0])), 1 => Actor::Account(many), _ => Actor::Gateway })
            .about(about);
        let text = line(&event, event.code, &source(), Position { uid: "u", sequence: 1 });
        prop_assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b)), "{text}");
        prop_assert!(text.len() <= LINE_BYTES_MAX);
        let v: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(v["metadata"]["uid"].as_str(), Some("u"));
        let mut wrong = Vec::new();
        check(&SCHEMA, &v, &mut wrong);
        prop_assert!(wrong.is_empty(), "{:?}", wrong);
    }
}

// ----- the validator -----

fn check(schema: &Value, event: &Value, wrong: &mut Vec<String>) {
    let class =
        schema["classes"].as_object().unwrap().values().find(|c| c["uid"] == event["class_uid"]);
    let Some(class) = class else { return wrong.push(format!("class_uid {}", event["class_uid"])) };
    let code = event["status_code"].as_str().unwrap_or_default();
    let path = format!("{} ({code})", class["caption"].as_str().unwrap());
    let profiles: Vec<&str> = event["metadata"]["profiles"]
        .as_array()
        .map(|a| a.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for p in &profiles {
        if !class["profiles"].as_array().unwrap().iter().any(|x| x == p) {
            wrong.push(format!("{path}: profile {p}"));
        }
    }
    object(schema, class, event, &path, &profiles, wrong);
    let number = |k: &str| event[k].as_i64().unwrap_or(-1);
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
        wrong.push(format!("{path}: type_uid"));
    }
    if event["category_uid"] != class["category_uid"]
        || event["category_name"] != class["category_name"]
    {
        wrong.push(format!("{path}: category"));
    }
    if event["class_name"] != class["caption"] {
        wrong.push(format!("{path}: class_name"));
    }
    if event["metadata"]["version"] != schema["version"] {
        wrong.push(format!("{path}: metadata.version"));
    }
    for (id, name) in [
        ("activity_id", "activity_name"),
        ("severity_id", "severity"),
        ("status_id", "status"),
        ("action_id", "action"),
        ("risk_level_id", "risk_level"),
        ("type_uid", "type_name"),
    ] {
        let caption = &class["attributes"][id]["enum"][event[id].to_string()];
        if event.get(id).is_some() && event[id] != 99 && event[name] != *caption {
            wrong.push(format!("{path}: {name} is {}, not {caption}", event[name]));
        }
    }
}

fn object(
    schema: &Value,
    kind: &Value,
    v: &Value,
    path: &str,
    profiles: &[&str],
    wrong: &mut Vec<String>,
) {
    let Some(o) = v.as_object() else { return wrong.push(format!("{path}: not an object")) };
    let attributes = kind["attributes"].as_object().unwrap();
    let applies = |a: &Value| {
        a["profiles"].as_array().is_none_or(|p| p.iter().any(|p| profiles.iter().any(|q| p == q)))
    };
    for (name, a) in attributes.iter().filter(|(_, a)| applies(a)) {
        if a["requirement"] == "required" && !o.contains_key(name) {
            wrong.push(format!("{path}: {name} is required"));
        }
    }
    for (rule, names) in kind["constraints"].as_object().into_iter().flatten() {
        let there = names
            .as_array()
            .unwrap()
            .iter()
            .filter(|n| o.contains_key(n.as_str().unwrap()))
            .count();
        if (rule == "at_least_one" && there == 0) || (rule == "just_one" && there != 1) {
            wrong.push(format!("{path}: {rule} {names}"));
        }
    }
    for (name, v) in o {
        let path = format!("{path}: {name}");
        match attributes.get(name).filter(|a| applies(a)) {
            None => wrong.push(format!("{path} is unknown")),
            Some(a) => attribute(schema, a, v, &path, profiles, wrong),
        }
    }
}

fn attribute(
    schema: &Value,
    a: &Value,
    v: &Value,
    path: &str,
    profiles: &[&str],
    wrong: &mut Vec<String>,
) {
    if a["is_array"] == true {
        let Some(all) = v.as_array() else { return wrong.push(format!("{path} is not a list")) };
        let one = Value::Object(
            a.as_object().unwrap().clone().into_iter().filter(|(k, _)| k != "is_array").collect(),
        );
        return all.iter().for_each(|v| attribute(schema, &one, v, path, profiles, wrong));
    }
    if a["enum"].as_object().is_some_and(|known| !known.contains_key(&v.to_string())) {
        wrong.push(format!("{path}: {v} is not in the enum"));
    }
    let mut kind = a["type"].as_str().unwrap();
    if kind == "object_t" {
        let name = a["object_type"].as_str().unwrap();
        return match (name, schema["objects"].get(name)) {
            // Free by the schema.
            ("object", _) => {}
            (_, Some(o)) => object(schema, o, v, path, profiles, wrong),
            (_, None) => wrong.push(format!("{path}: the object {name} is not in the fixture")),
        };
    }
    if kind == "ip_t" && v.as_str().is_none_or(|s| s.parse::<IpAddr>().is_err()) {
        wrong.push(format!("{path}: {v} is not an address"));
    }
    let max = schema["types"][kind]["max_len"].as_u64().unwrap_or(u64::MAX);
    if v.as_str().is_some_and(|s| s.len() as u64 > max) {
        wrong.push(format!("{path} is too long"));
    }
    while let Some(base) = schema["types"][kind]["type"].as_str() {
        kind = base;
    }
    let fits = match kind {
        "string_t" => v.is_string(),
        "boolean_t" => v.is_boolean(),
        "integer_t" | "long_t" => v.is_i64() || v.is_u64(),
        "json_t" => true,
        _ => false,
    };
    if !fits {
        wrong.push(format!("{path}: {v} is not {kind}"));
    }
}
