//! The administrators' interface with real curl: what each path answers and does.

use crate::support::{Desk, Http, World, runtime};
use serde_json::Value;
use signet_devca::Order;
use std::fs;

pub const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\ntrust = \
    \"admins-ca.pem\"\nhardware_policies = [\"2.999.7\"]\n";

/// A gateway with the interface, and sylvia's certificate.
pub fn started() -> World {
    started_with(ADMIN)
}

pub fn started_with(section: &str) -> World {
    let mut w = World::with("sqlite:registry.db", section);
    show(&w, "sylvia", &Order::admin("sylvia"));
    w.start();
    w
}

/// A certificate in `<stem>.pem`.
pub fn show(w: &World, stem: &str, order: &Order) {
    w.pki.issue(order).unwrap().write_to(w.dir.path(), stem).unwrap();
}

pub fn port(w: &World) -> u16 {
    w.gateway.as_ref().unwrap().admin_address().unwrap().port()
}

/// As whoever `<stem>.pem` names.
pub fn ask_as(w: &World, stem: &str, path: &str, args: &[&str]) -> Http {
    let (cert, key) = (format!("{stem}.pem"), format!("{stem}-key.pem"));
    w.curl_at(
        port(w),
        path,
        &[&["--cert", &cert, "--key", &key, "--path-as-is"][..], args].concat(),
    )
}

pub fn get(w: &World, path: &str) -> Http {
    ask_as(w, "sylvia", path, &[])
}

pub fn post(w: &World, path: &str, body: &str) -> Http {
    ask_as(w, "sylvia", path, &["--json", body])
}

pub fn json(answer: &Http) -> Value {
    serde_json::from_str(&answer.body)
        .unwrap_or_else(|e| panic!("{e}: {} {}", answer.headers, answer.body))
}

#[track_caller]
pub fn good(answer: &Http) -> Value {
    assert_eq!(answer.status, 200, "{}\n{}", answer.headers, answer.body);
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        (Some("application/json"), Some("no-store"))
    );
    json(answer)
}

/// Refused with this status and code, words and a cure; what else it says.
#[track_caller]
pub fn refused(answer: &Http, status: u16, code: &str) -> Value {
    let v = json(answer);
    assert_eq!((answer.status, v["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert!(
        v["message"].as_str().is_some_and(|m| m.len() > 10)
            && v["cure"].as_str().is_some_and(|c| c.len() > 10),
        "{v}"
    );
    v
}

#[test]
fn sessions_are_listed_and_a_locked_user_is_cut_off() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    assert_eq!(good(&get(&w, "/v1/sessions"))["sessions"], Value::Array(vec![]));
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        let all = good(&get(&w, "/v1/sessions"));
        let s = &all["sessions"][0];
        assert_eq!(
            (s["desk"].as_str(), s["user"].as_str()),
            (Some(w.comp_id("ALICE").as_str()), Some("alice")),
            "{all}"
        );
        assert_eq!(
            (s["address"].as_str(), s["serial"].as_str()),
            (Some("127.0.0.1"), Some(w.serial("laptop").as_str()))
        );
        assert_eq!((s["verdict"].as_str(), s["score"].as_u64()), (Some("allow"), Some(5)));
        assert!(
            s["since"].as_str().unwrap().starts_with("20")
                && s["policy"].as_str().unwrap().len() == 64
        );
        let locked = good(&post(&w, "/v1/users/alice/lock", "{}"));
        assert_eq!(
            (locked["account"].as_str(), locked["state"].as_str()),
            (Some("alice"), Some("locked"))
        );
        let last = desk.until_cut().await;
        assert!(
            last.iter().any(|f| f.contains("|35=5|") && f.contains("58=your account is locked")),
            "{last:?}"
        );
    });
    assert_eq!(good(&get(&w, "/v1/sessions"))["sessions"], Value::Array(vec![]));
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "locked");
    good(&post(&w, "/v1/users/alice/unlock", "{}"));
    assert_eq!(good(&get(&w, "/v1/users/alice"))["state"], "active");
    let events = w.events();
    for kind in ["user.locked", "user.unlocked"] {
        assert!(
            events.lines().any(|l| l.contains(kind) && l.contains("admin sylvia from 127.0.0.1")),
            "{events}"
        );
    }
}

#[test]
fn a_desk_reads_why_its_session_was_ended() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    let path = format!("/v1/sessions/{}/end", w.comp_id("ALICE"));
    refused(&post(&w, &path, r#"{"reason":"fire drill"}"#), 404, "admin.not_on");
    runtime().block_on(async {
        let mut desk = Desk::logged_on(&w, "laptop", "ALICE", 1).await;
        assert_eq!(
            good(&post(&w, &path, r#"{"reason":"fire drill"}"#))["ended"],
            w.comp_id("ALICE")
        );
        let last = desk.until_cut().await;
        let why = "58=an administrator ended your session: fire drill";
        assert!(
            last.iter()
                .any(|f| f.contains("|35=5|") && f.contains(why) && f.contains("=admin.ended|")),
            "{last:?}"
        );
    });
    let ended = |l: &str| {
        l.contains("session.ended")
            && l.contains("fire drill")
            && l.contains("admin sylvia from 127.0.0.1")
    };
    w.eventually("written down", || w.events().lines().any(ended));
    // It may come back: only a lock keeps it out.
    runtime().block_on(async { drop(Desk::logged_on(&w, "laptop", "ALICE", 10).await) });
}

#[test]
fn users_devices_roles_and_certificates() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    w.user("bob", "BOB");
    let all = good(&get(&w, "/v1/users"));
    let ids: Vec<_> =
        all["users"].as_array().unwrap().iter().map(|u| u["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["alice", "bob"]);
    let alice = good(&get(&w, "/v1/users/alice"));
    assert_eq!(
        (alice["role"].as_str(), alice["devices"][0]["id"].as_str()),
        (Some("standard"), Some("laptop"))
    );
    assert_eq!(alice["devices"][0]["certificates"][0]["serial"], w.serial("laptop"));
    // Of a code it says that there is one, and no more.
    let bob = get(&w, "/v1/users/bob");
    assert_eq!(good(&bob)["codes"][0]["state"], "open");
    assert!(!bob.body.contains("hash") && !bob.body.contains("digest"), "{}", bob.body);

    assert_eq!(
        good(&post(&w, "/v1/users/alice/role", r#"{"role":"privileged"}"#))["role"],
        "privileged"
    );
    assert_eq!(good(&get(&w, "/v1/users/alice"))["role"], "privileged");
    good(&post(&w, "/v1/devices/alice/laptop/lock", "{}"));
    assert_eq!(good(&get(&w, "/v1/users/alice"))["devices"][0]["state"], "locked");
    good(&post(&w, "/v1/devices/alice/laptop/unlock", "{}"));
    let revoked = good(&post(&w, "/v1/revoke", r#"{"user":"alice","reason":"key-compromise"}"#));
    assert_eq!(revoked["revoked"][0], w.serial("laptop"));
    assert_eq!(
        good(&get(&w, "/v1/users/alice"))["devices"][0]["certificates"][0]["state"],
        "revoked"
    );

    refused(&post(&w, "/v1/revoke", r#"{"user":"alice"}"#), 409, "registry.nothing_to_revoke");
    refused(&post(&w, "/v1/revoke", r#"{"serial":"0abc"}"#), 404, "registry.no_certificate");
    refused(&get(&w, "/v1/users/nobody"), 404, "registry.no_user");
    refused(&post(&w, "/v1/users/nobody/lock", "{}"), 404, "registry.no_user");
    refused(&post(&w, "/v1/users/nobody/role", r#"{"role":"standard"}"#), 404, "registry.no_user");
    refused(&post(&w, "/v1/devices/alice/other/lock", "{}"), 404, "registry.no_device");
    let events = w.events();
    for kind in ["user.role", "device.locked", "device.unlocked", "certificate.revoked"] {
        assert!(
            events.lines().any(|l| l.contains(kind) && l.contains("admin sylvia from 127.0.0.1")),
            "{kind}\n{events}"
        );
    }
}

#[test]
fn events_are_listed_with_the_head_of_a_chain_that_was_checked() {
    let w = started();
    w.user("alice", "ALICE");
    good(&post(&w, "/v1/users/alice/lock", "{}"));
    let one = good(&get(&w, "/v1/events?limit=1"));
    assert_eq!(one["events"].as_array().unwrap().len(), 1);
    let all = good(&get(&w, "/v1/events"));
    let listed = all["events"].as_array().unwrap();
    assert_eq!(all["count"].as_u64().unwrap(), listed.len() as u64);
    assert!(listed.iter().any(|e| e["kind"] == "user.locked"
        && e["subject"] == "alice"
        && e["actor"] == "admin sylvia from 127.0.0.1"));
    assert!(w.events().contains(all["head"]["hash"].as_str().unwrap()));
    // Page by page, and each is what the whole list has there.
    let mut paged = vec![];
    let mut page = one;
    loop {
        paged.insert(0, page["events"][0].clone());
        let Some(next) = page["next_before"].as_i64() else { break };
        page = good(&get(&w, &format!("/v1/events?limit=1&before={next}")));
    }
    assert_eq!(&paged, listed);
    assert_eq!(
        good(&get(&w, "/v1/events?limit=9&before=1"))["events"].as_array().unwrap().len(),
        0
    );
    w.sqlite("UPDATE events SET subject = 'bob' WHERE kind = 'user.locked'");
    refused(&get(&w, "/v1/events"), 500, "events.altered");
}

#[test]
fn policies_are_shown_and_looked_at_again_when_asked() {
    let w = started();
    let before = good(&get(&w, "/v1/policy"));
    assert_eq!(
        (before["entitlements"]["policies"].as_u64(), before["risk"]["networks"].as_u64()),
        (Some(1), Some(1)),
        "{before}"
    );
    let same = good(&post(&w, "/v1/policy/reload", "{}"));
    assert_eq!(
        (&same["risk"]["changed"], &same["entitlements"]["changed"]),
        (&Value::Bool(false), &Value::Bool(false))
    );

    fs::write(
        w.path("entitlements.cedar"),
        "@id(\"all\") permit (principal, action, resource);\n@id(\"two\") permit (principal, \
            action, resource);",
    )
    .unwrap();
    // Whoever was first, this request or the gateway's own look: from here on the new ones are in
    // force.
    good(&post(&w, "/v1/policy/reload", "{}"));
    let after = good(&get(&w, "/v1/policy"));
    assert_eq!(after["entitlements"]["policies"], 2);
    assert_ne!(after["entitlements"]["digest"], before["entitlements"]["digest"]);

    // One that is broken is refused as a whole, the other still looked at; what was in force stays.
    fs::write(w.path("entitlements.cedar"), "permit (principal").unwrap();
    let risk = w.text("risk.toml").replace("'GB']", "'GB', 'FR']");
    fs::write(w.path("risk.toml"), risk).unwrap();
    let v = refused(&post(&w, "/v1/policy/reload", "{}"), 422, "policy.refused");
    assert!(v["message"].as_str().unwrap().contains("entitlements: refused as a whole"), "{v}");
    let last = good(&get(&w, "/v1/policy"));
    assert_eq!(
        (&last["entitlements"], &last["risk"]["countries"]),
        (&after["entitlements"], &Value::from(2))
    );
    w.eventually("written down", || w.events().matches("policy.reload").count() == 3);
    fs::remove_file(w.path("risk.toml")).unwrap();
    assert!(
        refused(&post(&w, "/v1/policy/reload", "{}"), 422, "policy.refused")["message"]
            .as_str()
            .unwrap()
            .contains("risk: refused")
    );
    assert_eq!(good(&get(&w, "/v1/policy"))["risk"], last["risk"]);
}

/// As `signet-gateway fleet`, page by page; `next` asks for the page behind.
#[test]
fn the_fleet_is_listed_page_by_page() {
    let w = started();
    w.enrolled("alice", "ALICE", "laptop");
    w.user("bob", "BOB");
    good(&post(&w, "/v1/users/bob/lock", "{}"));
    let users = |page: &Value| -> Vec<String> {
        let rows = page["fleet"].as_array().unwrap();
        rows.iter().map(|row| row["user"].as_str().unwrap().to_owned()).collect()
    };
    let all = good(&get(&w, "/v1/fleet"));
    assert_eq!((users(&all), &all["next"]), (vec!["alice".into(), "bob".into()], &Value::Null));
    let alice = &all["fleet"][0];
    assert_eq!((&alice["device"], &alice["state"]), (&"laptop".into(), &"active".into()), "{all}");
    assert_eq!(alice["serial"], w.serial("laptop"));
    let flags = &all["fleet"][1]["flags"];
    assert_eq!(*flags, serde_json::json!(["locked", "not-enrolled"]), "{all}");

    let first = good(&get(&w, "/v1/fleet?limit=1"));
    assert_eq!((users(&first), &first["next"]), (vec!["alice".into()], &"alice/laptop".into()));
    let second = good(&get(&w, "/v1/fleet?limit=1&after=alice/laptop"));
    assert_eq!((users(&second), &second["next"]), (vec!["bob".into()], &Value::Null));
    assert_eq!(users(&good(&get(&w, "/v1/fleet?flag=not-enrolled"))), ["bob"]);
    assert_eq!(users(&good(&get(&w, "/v1/fleet?find=LAPTOP"))), ["alice"]);
    let ends = |days: &str| good(&get(&w, &format!("/v1/fleet?flag=certificate-ends&days={days}")));
    assert_eq!((users(&ends("0")).len(), users(&ends("3650")).len()), (0, 1));
    refused(&get(&w, "/v1/fleet?flag=old"), 400, "admin.malformed");
    refused(&post(&w, "/v1/fleet", "{}"), 405, "admin.method");
}

#[test]
fn without_a_registry_only_sessions_and_policies_are_there() {
    let mut w = World::new();
    let text = w.text("gateway.toml");
    let text = text.split("[registry]").next().unwrap().replace("[desk_default]\n", "");
    fs::write(&w.config, format!("{text}[[desk]]\ncomp_id = \"ALICE-{}\"\n{ADMIN}", w.n)).unwrap();
    show(&w, "sylvia", &Order::admin("sylvia"));
    w.start();
    good(&get(&w, "/v1/sessions"));
    good(&get(&w, "/v1/policy"));
    good(&post(&w, "/v1/policy/reload", "{}"));
    for path in ["/v1/users", "/v1/users/alice", "/v1/events", "/v1/fleet"] {
        refused(&get(&w, path), 409, "registry.none");
    }
    for path in ["/v1/users/alice/lock", "/v1/devices/alice/laptop/unlock"] {
        refused(&post(&w, path, "{}"), 409, "registry.none");
    }
    refused(&post(&w, "/v1/revoke", r#"{"user":"alice"}"#), 409, "registry.none");
}

#[test]
fn a_gateway_without_the_section_has_no_such_listener() {
    let w = World::started();
    assert_eq!(w.gateway.as_ref().unwrap().admin_address(), None);
}
