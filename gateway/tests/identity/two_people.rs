//! A change of policy by two administrators: nothing less changes anything.

use crate::{
    admin::{ADMIN, ask_as, good, json, refused, show},
    support::World,
};
use serde_json::{Value, json};
use signet_devca::Order;
use std::{fs, thread, time::Duration};

const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n";

fn world() -> World {
    let section = format!("{ADMIN}policy_changes = \"two_people\"\n");
    let mut w = World::with("sqlite:registry.db", &section);
    for who in ["sylvia", "tom"] {
        show(&w, who, &Order::admin(who));
    }
    w.start();
    w
}

fn risk(text: &str) -> String {
    json!({ "policy": "risk", "documents": { "settings": text } }).to_string()
}

fn prepare(w: &World, who: &str, body: &str) -> crate::support::Http {
    fs::write(w.path("change.json"), body).unwrap();
    ask_as(w, who, "/v1/policies/prepare", &["--json", "@change.json"])
}

fn decide(w: &World, who: &str, id: &str, how: &str) -> crate::support::Http {
    ask_as(w, who, &format!("/v1/policies/{id}/{how}"), &["--json", "{}"])
}

fn in_force(w: &World, policy: &str) -> String {
    let v = json(&ask_as(w, "sylvia", "/v1/policy", &[]));
    v[policy]["digest"].as_str().unwrap().to_owned()
}

fn waiting(w: &World) -> Vec<Value> {
    json(&ask_as(w, "tom", "/v1/policies", &[]))["prepared"].as_array().unwrap().clone()
}

#[test]
fn one_prepares_another_approves_and_both_are_named() {
    let mut w = world();
    let before = in_force(&w, "risk");
    let new = RISK.replace("['GB']", "['GB', 'SG']");
    let v = good(&prepare(&w, "sylvia", &risk(&new)));
    let id = v["digest"].as_str().unwrap().to_owned();
    let diff = v["diff"].as_str().unwrap();
    assert!(
        diff.contains("-countries = ['GB']") && diff.contains("+countries = ['GB', 'SG']"),
        "{diff}"
    );
    assert_eq!(waiting(&w), [v]);
    assert_eq!(in_force(&w, "risk"), before, "not yet");
    refused(&prepare(&w, "tom", &risk(&new)), 409, "policy.already_prepared");
    refused(&decide(&w, "sylvia", &id, "approve"), 403, "policy.same_person");
    refused(&decide(&w, "tom", &"0".repeat(64), "approve"), 404, "policy.not_prepared");
    refused(&decide(&w, "tom", "latest", "approve"), 400, "admin.malformed");
    good(&decide(&w, "tom", &id, "approve"));
    assert_eq!(in_force(&w, "risk"), id);
    assert!(waiting(&w).is_empty());
    refused(&decide(&w, "tom", &id, "approve"), 404, "policy.not_prepared");
    refused(&prepare(&w, "tom", &risk(&new)), 409, "policy.unchanged");
    w.eventually("both are named", || {
        let events = w.events();
        let line = |code: &str, who: &[&str]| {
            let all = |l: &str| who.iter().all(|n| l.contains(n));
            events
                .lines()
                .any(|l| l.contains(code) && l.contains(&id) && l.contains(&before) && all(l))
        };
        line("policy.prepared", &["admin sylvia from"])
            && line("policy.approved", &["admin tom from", "prepared by admin sylvia from"])
    });
    // The history has the text, and a restart the version, though the file still says otherwise.
    let history = w.cli(&["policy", "history"]);
    let approved = history.lines().find(|l| l.contains("approved")).unwrap();
    assert!(approved.contains(&id) && approved.contains("by admin tom"), "{history}");
    assert!(w.cli(&["policy", "show", &id[..12]]).contains("'SG'"));
    let compared = w.cli(&["policy", "compare", &before, &id]);
    assert!(compared.contains("+countries = ['GB', 'SG']"), "{compared}");
    assert!(w.cli_fails(&["policy", "show", "00000000"]).contains("policy.unknown"));
    w.stop();
    w.start();
    assert_eq!(in_force(&w, "risk"), id);
    w.eventually("said at the start", || w.events().contains("without two administrators"));
    // In place of the file, what was approved is what is read.
    w.stop();
    fs::write(w.path("risk.toml"), &new).unwrap();
    w.start();
    assert_eq!(in_force(&w, "risk"), id);
}

#[test]
fn a_file_that_is_moved_into_place_changes_nothing() {
    let mut w = world();
    let (risk_before, entitled_before) = (in_force(&w, "risk"), in_force(&w, "entitlements"));
    for (file, text) in [
        ("risk.toml", RISK.replace("'GB']", "'GB', 'KP']")),
        ("entitlements.toml", "reporting_currency = 'USD'".to_owned()),
    ] {
        fs::write(w.path("new"), text).unwrap();
        fs::rename(w.path("new"), w.path(file)).unwrap();
    }
    w.eventually("refused by name", || {
        let events = w.events();
        ["risk", "entitlements"].iter().all(|p| {
            events
                .lines()
                .any(|l| l.contains("policy.refused") && l.contains(&format!("{p}: the files")))
        })
    });
    // Nor does an order to read the files.
    let reload = ask_as(&w, "sylvia", "/v1/policy/reload", &["--json", "{}"]);
    refused(&reload, 422, "policy.refused");
    assert_eq!(
        (in_force(&w, "risk"), in_force(&w, "entitlements")),
        (risk_before.clone(), entitled_before.clone())
    );
    // Nor does a restart.
    w.stop();
    w.start();
    assert_eq!(
        (in_force(&w, "risk"), in_force(&w, "entitlements")),
        (risk_before, entitled_before)
    );
}

#[test]
fn what_is_faulty_overtaken_or_rejected_comes_to_nothing() {
    let w = world();
    let before = in_force(&w, "entitlements");
    refused(&prepare(&w, "sylvia", &risk("countries = 7")), 422, "policy.faulty");
    for body in [
        r#"{"policy":"risk","documents":{}}"#,
        r#"{"policy":"risk","documents":{"facts":"x"}}"#,
        r#"{"policy":"other","documents":{"facts":"x"}}"#,
    ] {
        refused(&prepare(&w, "sylvia", body), 400, "admin.malformed");
    }
    let entitlements = |text: &str| {
        json!({ "policy": "entitlements", "documents": { "facts": text } }).to_string()
    };
    refused(&prepare(&w, "sylvia", &entitlements("nonsense = 1")), 422, "policy.faulty");
    let id = |v: &Value| v["digest"].as_str().unwrap().to_owned();
    let first = id(&good(&prepare(&w, "sylvia", &entitlements("reporting_currency = 'USD'"))));
    let second = id(&good(&prepare(&w, "sylvia", &entitlements("reporting_currency = 'CHF'"))));
    let third = id(&good(&prepare(&w, "sylvia", &entitlements("reporting_currency = 'GBP'"))));
    good(&decide(&w, "sylvia", &third, "reject"));
    refused(&decide(&w, "tom", &third, "approve"), 404, "policy.not_prepared");
    good(&decide(&w, "tom", &first, "approve"));
    assert_eq!(in_force(&w, "entitlements"), first);
    // It was prepared from what is no longer in force.
    refused(&decide(&w, "tom", &second, "approve"), 409, "policy.overtaken");
    assert_ne!(in_force(&w, "entitlements"), before);
    w.eventually("written down", || w.events().contains("policy.rejected"));
}

/// Of whoever prepared a change and may not do so by now, one person's approval would be left.
#[test]
fn what_somebody_prepared_who_lost_the_right_is_not_approved() {
    let w = world();
    let before = in_force(&w, "risk");
    let new = RISK.replace("['GB']", "['GB', 'SG']");
    let id = |v: &Value| v["digest"].as_str().unwrap().to_owned();
    let hers = id(&good(&prepare(&w, "sylvia", &risk(&new))));
    let policies = "@id(\"all\") permit (principal, action, resource);\n\
        @id(\"not-sylvia\") forbid (principal == Administrator::\"sylvia\", \
        action == Action::\"admin-policy\", resource);\n";
    let facts = "reporting_currency = 'USD'\n[admin_groups]\nofficers = ['sylvia', 'tom']\n";
    let documents = json!({ "policies": policies, "facts": facts });
    let body = json!({ "policy": "entitlements", "documents": documents }).to_string();
    let without_her = id(&good(&prepare(&w, "tom", &body)));
    good(&decide(&w, "sylvia", &without_her, "approve"));
    refused(&decide(&w, "tom", &hers, "approve"), 403, "policy.not_entitled");
    assert_eq!(in_force(&w, "risk"), before);
    good(&decide(&w, "tom", &hers, "reject"));
}

/// The policies that Signet ships want two people for a change of policy: here there are two.
#[test]
fn what_the_policies_want_two_people_for_two_people_can_do() {
    let section = format!("{ADMIN}policy_changes = \"two_people\"\n");
    let mut w = World::with("sqlite:registry.db", &section);
    for who in ["sylvia", "tom", "oscar"] {
        show(&w, who, &Order::admin(who));
    }
    let policies = "@id(\"operators\") permit (principal in AdminGroup::\"operators\", \
        action == Action::\"admin-read\", resource);\n\
        @id(\"officers\") permit (principal in AdminGroup::\"officers\", \
        action in Action::\"admin\", resource);\n\
        @id(\"policy-needs-two-people\") forbid (principal, \
        action == Action::\"admin-policy\", resource) unless { context.secondPerson };\n";
    let facts = "reporting_currency = 'EUR'\n[admin_groups]\n\
        officers = ['sylvia', 'tom']\noperators = ['oscar']\n";
    fs::write(w.path("entitlements.cedar"), policies).unwrap();
    fs::write(w.path("entitlements.toml"), facts).unwrap();
    w.start();
    let id = |v: &Value| v["digest"].as_str().unwrap().to_owned();
    let body = |country: &str| risk(&RISK.replace("['GB']", &format!("['GB', '{country}']")));
    refused(&prepare(&w, "oscar", &body("SG")), 403, "entitle.denied");
    let first = id(&good(&prepare(&w, "sylvia", &body("SG"))));
    refused(&decide(&w, "oscar", &first, "approve"), 403, "entitle.denied");
    refused(&decide(&w, "sylvia", &first, "approve"), 403, "policy.same_person");
    good(&decide(&w, "tom", &first, "approve"));
    assert_eq!(in_force(&w, "risk"), first);
    let second = id(&good(&prepare(&w, "tom", &body("JP"))));
    good(&decide(&w, "sylvia", &second, "reject"));
    assert_eq!(in_force(&w, "risk"), first);
    // One person alone would do this.
    let reload = ask_as(&w, "sylvia", "/v1/policy/reload", &["--json", "{}"]);
    refused(&reload, 403, "entitle.no_step_up");
}

#[test]
fn by_default_files_change_policies_and_the_history_has_them() {
    let mut w = World::with("sqlite:registry.db", ADMIN);
    show(&w, "sylvia", &Order::admin("sylvia"));
    w.start();
    let before = in_force(&w, "risk");
    refused(&prepare(&w, "sylvia", &risk(RISK)), 409, "policy.by_files");
    // A file system's clock may be coarse.
    thread::sleep(Duration::from_millis(20));
    fs::write(w.path("new"), RISK.replace("'GB']", "'GB', 'SG']")).unwrap();
    fs::rename(w.path("new"), w.path("risk.toml")).unwrap();
    w.eventually("in force", || in_force(&w, "risk") != before);
    let history = w.cli(&["policy", "history"]);
    assert_eq!(history.lines().filter(|l| l.contains("loaded")).count(), 3, "{history}");
    let after = in_force(&w, "risk");
    assert!(w.cli(&["policy", "compare", &before, &after]).contains("+countries"));
}
