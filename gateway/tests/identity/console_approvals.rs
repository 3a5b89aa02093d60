//! Preparation and approval of a change of policy, each with a security key: for exactly this
//! change, by two people.

use crate::{
    admin::{self, ADMIN, ask_as, show},
    console_support::{Browser, CONSOLE, good, json_of, refused, started_with},
    support::{Http, World},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use signet_devca::Order;
use signet_gateway::history::{KeyApproval, KeyPreparation, Policy};
use signet_softkey::Quirk;
use std::fs;

const TWO_PEOPLE: &str = "policy_changes = \"two_people\"\n";
const RISK: &str = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n";

fn world() -> World {
    started_with(TWO_PEOPLE, "")
}

fn risk_with(country: &str) -> Value {
    let text = RISK.replace("['GB']", &format!("['GB', '{country}']"));
    json!({ "policy": "risk", "documents": { "settings": text } })
}

/// A change that was made from what is in force now.
fn prepare_start(b: &Browser<'_>, change: &Value) -> Http {
    prepare_from(b, &in_force(b), change)
}

fn prepare_from(b: &Browser<'_>, base: &str, change: &Value) -> Http {
    let mut body = change.clone();
    body["base"] = json!(base);
    b.post("policies/prepare/start", &body)
}

fn prepare_finish(b: &Browser<'_>, change: &Value, credential: &Value) -> Http {
    let mut body = change.clone();
    body["credential"] = credential.clone();
    b.post("policies/prepare/finish", &body)
}

/// The answer of the key to the challenge for preparing this change.
#[track_caller]
fn signed_for(b: &mut Browser<'_>, change: &Value) -> Value {
    let options = prepare_start(b, change);
    good(&options);
    b.signed(&options.body).unwrap()
}

/// The digest of a change that waits.
#[track_caller]
fn prepared(b: &mut Browser<'_>, country: &str) -> String {
    let change = risk_with(country);
    let credential = signed_for(b, &change);
    let v = good(&prepare_finish(b, &change, &credential));
    assert!(v["diff"].as_str().unwrap().contains(country), "{v}");
    v["digest"].as_str().unwrap().to_owned()
}

fn start(b: &Browser<'_>, digest: &str) -> Http {
    b.post("policies/approve/start", &json!({ "digest": digest }))
}

fn finish(b: &Browser<'_>, digest: &str, credential: &Value) -> Http {
    b.post("policies/approve/finish", &json!({ "digest": digest, "credential": credential }))
}

fn approved(b: &mut Browser<'_>, digest: &str) -> Http {
    let options = start(b, digest);
    if options.status != 200 {
        return options;
    }
    let credential = b.signed(&options.body).unwrap();
    finish(b, digest, &credential)
}

fn in_force(b: &Browser<'_>) -> String {
    let all = good(&b.get("policies"));
    let risk = all["in_force"].as_array().unwrap().iter().find(|p| p["policy"] == "risk").unwrap();
    risk["digest"].as_str().unwrap().to_owned()
}

fn waiting(b: &Browser<'_>) -> Vec<Value> {
    good(&b.get("policies"))["waiting"].as_array().unwrap().clone()
}

/// What a key signed, put together from the events of this code, the newest first.
fn told<T: DeserializeOwned>(b: &Browser<'_>, code: &str) -> Option<T> {
    let events = good(&b.get(&format!("evidence?code={code}")));
    let found = events["found"].as_array().unwrap();
    let mut parts: Vec<&str> = found.iter().map(|e| e["words"].as_str().unwrap()).collect();
    parts.reverse();
    let text: String =
        parts.iter().map(|p| p.split_once(": ").unwrap().1).collect::<Vec<_>>().concat();
    serde_json::from_str(&text).ok()
}

/// Somebody with OpenSSL verifies what a key signed, and what that was for.
#[track_caller]
fn verified_with_openssl(w: &World, folder: &str, lines: &[String]) {
    let sign = format!(
        "dgst -sha256 -keyform DER -verify {folder}/key.der -signature {folder}/signature.bin \
            {folder}/message.bin"
    );
    let said = w.openssl(&sign.split_whitespace().collect::<Vec<_>>());
    assert!(said.contains("Verified OK"), "{said}");
    // What was signed leads to the change: by way of the client data and the challenge.
    let sha256 = |file: &str| {
        let file = format!("{folder}/{file}");
        let said = w.openssl(&["dgst", "-sha256", "-r", &file]);
        said.split(' ').next().unwrap().to_owned()
    };
    let read = |file: &str| fs::read(w.path(&format!("{folder}/{file}"))).unwrap();
    assert!(signet_registry::hex(&read("message.bin")).ends_with(&sha256("client-data.json")));
    let client: Value = serde_json::from_slice(&read("client-data.json")).unwrap();
    let challenge = B64.decode(client["challenge"].as_str().unwrap()).unwrap();
    assert_eq!(signet_registry::hex(&challenge), sha256("challenge.txt"));
    let text = w.text(&format!("{folder}/challenge.txt"));
    for line in lines {
        assert!(text.lines().any(|l| l == line), "{text}");
    }
}

/// Anybody may open challenges in somebody's name, here from the same address.
#[test]
fn challenges_of_logins_push_out_none_that_a_policy_is_signed_with() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let digest = prepared(&mut ada, "SG");
    let options = start(&bob, &digest);
    good(&options);
    for _ in 0..20 {
        good(&ada.post("login/start", &json!({ "name": "ada" })));
    }
    let credential = bob.signed(&options.body).unwrap();
    good(&finish(&bob, &digest, &credential));
    assert_eq!(in_force(&ada), digest);
}

#[test]
fn one_prepares_another_approves_by_key_and_anybody_can_verify_it() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let digest = prepared(&mut ada, "SG");
    let (hers, his) = (waiting(&ada).remove(0), waiting(&bob).remove(0));
    assert_eq!((&hers["mine"], &his["mine"]), (&json!(true), &json!(false)));
    assert_eq!((&his["by"], &his["before"]), (&json!("ada"), &json!(before)));
    assert_eq!(his["by_key"], true);
    assert_eq!(in_force(&ada), before, "not yet");
    refused(&start(&ada, &digest), 403, "policy.same_person");
    refused(&start(&bob, &"0".repeat(64)), 404, "policy.not_prepared");
    assert_eq!(good(&approved(&mut bob, &digest))["digest"], digest);
    assert_eq!(in_force(&ada), digest);
    let policies = good(&ada.get("policies"));
    let risk = policies["in_force"].as_array().unwrap().iter().find(|p| p["policy"] == "risk");
    let risk = risk.unwrap();
    assert_eq!((&risk["by"], &risk["by_key"]), (&json!(["ada", "bob"]), &json!(true)));
    assert_eq!(risk["prepared_by_key"], true);

    // Out of the history, somebody with OpenSSL verifies what both keys signed.
    let history = good(&bob.get("policies/history"));
    let step = |name: &str| {
        let all = history["versions"].as_array().unwrap();
        all.iter().find(|v| v["step"] == name).unwrap()
    };
    let approval = step("approved")["approval"].clone();
    let approval: KeyApproval = serde_json::from_value(approval).unwrap();
    approval.verify(Policy::Risk, &before, &digest).unwrap();
    assert_eq!(approval.by.as_deref(), Some("bob"));
    let preparation = step("approved")["preparation"].clone();
    assert_eq!(step("prepared")["preparation"], preparation);
    assert_eq!(step("prepared")["approval"], Value::Null);
    let preparation: KeyPreparation = serde_json::from_value(preparation).unwrap();
    preparation.verify(Policy::Risk, &before, &digest).unwrap();
    assert_eq!(preparation.by, "ada");
    assert_ne!(preparation.proof.public_key, approval.proof.public_key);
    for (policy, before, after) in [
        (Policy::Entitlements, before.as_str(), digest.as_str()),
        (Policy::Risk, digest.as_str(), before.as_str()),
        (Policy::Risk, before.as_str(), before.as_str()),
    ] {
        assert!(approval.verify(policy, before, after).is_err());
        assert!(preparation.verify(policy, before, after).is_err());
    }
    let said = w.cli(&["policy", "approval", &digest, "--out", "approval"]);
    assert!(said.contains("Approved by admin bob from"), "{said}");
    assert!(said.contains("Prepared by ada"), "{said}");
    assert!(!said.contains("version 1"), "{said}");
    for (folder, first, by) in [
        ("approval", "signet policy approval v2", "bob"),
        ("approval/preparation", "signet policy preparation v1", "ada"),
    ] {
        let change = [format!("before={before}"), format!("after={digest}"), format!("by={by}")];
        let lines = [&[first.to_owned(), "policy=risk".to_owned()][..], &change].concat();
        verified_with_openssl(&w, folder, &lines);
    }
    assert!(w.cli_fails(&["policy", "approval", &before, "--out", "x"]).contains("no_approval"));

    // The events have both too, in parts.
    w.eventually("in the events", || {
        told::<KeyApproval>(&bob, "policy.signature").is_some_and(|a| a == approval)
            && told::<KeyPreparation>(&bob, "policy.preparation_signature")
                .is_some_and(|p| p == preparation)
    });
    w.eventually("the preparer's key is named", || {
        w.events().lines().any(|l| {
            l.contains("policy.prepared") && l.contains("admin ada from 127.0.0.1 with key")
        })
    });
    w.eventually("the key is named", || {
        w.events().lines().any(|l| {
            l.contains("policy.approved")
                && l.contains("admin bob from 127.0.0.1 with key")
                && l.contains("prepared by admin ada from")
        })
    });
}

#[test]
fn a_key_that_signed_for_one_change_approves_no_other() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let (first, second) = (prepared(&mut ada, "SG"), prepared(&mut ada, "JP"));
    // Signed for the first, sent for the second.
    let options = start(&bob, &first);
    let credential = bob.signed(&options.body).unwrap();
    refused(&finish(&bob, &second, &credential), 409, "console.not_open");
    // Its challenge is used up with that.
    refused(&finish(&bob, &first, &credential), 409, "console.not_open");
    // A challenge of a login is none of an approval, and the other way round.
    let login = bob.post("login/start", &json!({ "name": "bob" }));
    let credential = bob.signed(&login.body).unwrap();
    refused(&finish(&bob, &first, &credential), 409, "console.not_open");
    let options = start(&bob, &first);
    let credential = bob.signed(&options.body).unwrap();
    let answer = bob.post("login/finish", &json!({ "credential": credential }));
    refused(&answer, 401, "console.login_refused");
    // In another session of the same person it was not asked.
    let options = start(&bob, &first);
    let credential = bob.signed(&options.body).unwrap();
    let (cookie, csrf) = (bob.cookie.clone(), bob.csrf.clone());
    good(&bob.log_in("bob"));
    refused(&finish(&bob, &first, &credential), 409, "console.not_open");
    (bob.cookie, bob.csrf) = (cookie, csrf);
    // Through ada's session: neither.
    let options = start(&bob, &first);
    let credential = bob.signed(&options.body).unwrap();
    refused(&finish(&ada, &first, &credential), 409, "console.not_open");
    assert_eq!(in_force(&ada), before, "nothing of that changed anything");
    good(&approved(&mut bob, &first));
    assert_eq!(in_force(&ada), first);
}

#[test]
fn what_was_overtaken_or_rejected_meanwhile_does_not_take_force() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let (by_ada, by_bob) = (prepared(&mut ada, "SG"), prepared(&mut bob, "JP"));
    let options = start(&bob, &by_ada);
    let credential = bob.signed(&options.body).unwrap();
    let change = risk_with("AU");
    let prepares = signed_for(&mut bob, &change);
    good(&approved(&mut ada, &by_bob));
    refused(&finish(&bob, &by_ada, &credential), 409, "policy.overtaken");
    // Nor is a change prepared that was signed to replace another version.
    refused(&prepare_finish(&bob, &change, &prepares), 409, "policy.overtaken");
    assert_eq!(waiting(&bob).len(), 1, "the one that was overtaken");
    assert_eq!(in_force(&ada), by_bob);
    let third = prepared(&mut ada, "US");
    let options = start(&bob, &third);
    let credential = bob.signed(&options.body).unwrap();
    good(&ada.post("policies/reject", &json!({ "digest": third })));
    refused(&finish(&bob, &third, &credential), 404, "policy.not_prepared");
    assert_eq!(in_force(&ada), by_bob);
    refused(&prepare_start(&ada, &risk_with("bad'")), 422, "policy.faulty");
    let large = "#".repeat(300 * 1024);
    let body = json!({ "policy": "risk", "documents": { "settings": large } });
    refused(&prepare_start(&ada, &body), 413, "console.too_large");
    refused(&prepare_finish(&ada, &body, &json!({})), 413, "console.too_large");
    for documents in [json!({}), json!({ "facts": "x" }), json!([]), json!({ "settings": 7 })] {
        let body = json!({ "policy": "risk", "documents": documents });
        refused(&prepare_start(&ada, &body), 400, "console.malformed");
        refused(&prepare_finish(&ada, &body, &json!({})), 400, "console.malformed");
    }
}

/// Somebody edits for an hour, and another version takes force meanwhile: prepared, the text would
/// take that version back.
#[test]
fn a_change_that_was_made_from_another_version_is_not_prepared() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let (edited, change) = (in_force(&ada), risk_with("SG"));
    good(&prepare_from(&ada, &edited, &change));
    refused(&prepare_from(&ada, &"0".repeat(64), &change), 409, "policy.overtaken");
    refused(&prepare_from(&ada, "", &change), 409, "policy.overtaken");
    refused(&ada.post("policies/prepare/start", &change), 400, "console.malformed");
    let by_bob = prepared(&mut bob, "JP");
    good(&approved(&mut ada, &by_bob));
    refused(&prepare_from(&ada, &edited, &change), 409, "policy.overtaken");
    assert!(waiting(&bob).is_empty());
    good(&prepare_from(&ada, &by_bob, &change));
}

/// Both records of a change have its documents, the second one with two signatures.
#[test]
fn what_can_be_prepared_can_be_approved_however_long_it_is() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let long = |bytes: usize| {
        let line = "# a line of many in a long policy\n";
        let mut change = risk_with("SG");
        let text = change["documents"]["settings"].as_str().unwrap();
        let text = format!("{text}{}", line.repeat(bytes / line.len()));
        change["documents"]["settings"] = json!(text);
        change
    };
    // It could be kept once, without what the keys signed.
    refused(&prepare_start(&ada, &long(240 * 1024)), 422, "policy.faulty");
    let change = long(200 * 1024);
    let credential = signed_for(&mut ada, &change);
    let v = good(&prepare_finish(&ada, &change, &credential));
    let digest = v["digest"].as_str().unwrap();
    good(&approved(&mut bob, digest));
    assert_eq!(in_force(&bob), digest);
}

#[test]
fn nothing_is_prepared_that_the_key_of_whoever_prepares_it_did_not_sign() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let (change, other) = (risk_with("SG"), risk_with("JP"));
    // Without an answer of a key.
    refused(&ada.post("policies/prepare", &change), 404, "console.not_found");
    refused(&ada.post("policies/prepare/finish", &change), 400, "console.malformed");
    refused(&prepare_finish(&ada, &change, &json!({})), 409, "console.not_open");
    // The session is not enough: what was only asked for waits for nobody.
    good(&prepare_start(&ada, &change));
    assert!(waiting(&bob).is_empty());
    // Signed for one, sent with another.
    let credential = signed_for(&mut ada, &change);
    refused(&prepare_finish(&ada, &other, &credential), 409, "policy.other_prepared");
    refused(&prepare_finish(&ada, &change, &credential), 409, "console.not_open");
    // Of another policy, whatever it says.
    let credential = signed_for(&mut ada, &change);
    let facts = json!({ "policy": "entitlements", "documents": { "facts": "" } });
    refused(&prepare_finish(&ada, &facts, &credential), 409, "console.not_open");
    // A challenge of a login, or of an approval, is none of a preparation.
    let login = ada.post("login/start", &json!({ "name": "ada" }));
    let credential = ada.signed(&login.body).unwrap();
    refused(&prepare_finish(&ada, &change, &credential), 409, "console.not_open");
    let by_bob = prepared(&mut bob, "US");
    let options = start(&ada, &by_bob);
    let credential = ada.signed(&options.body).unwrap();
    refused(&prepare_finish(&ada, &change, &credential), 409, "console.not_open");
    // Nor the other way round.
    let credential = signed_for(&mut ada, &change);
    refused(&finish(&ada, &by_bob, &credential), 409, "console.not_open");
    // Through another session.
    let credential = signed_for(&mut ada, &change);
    refused(&prepare_finish(&bob, &change, &credential), 409, "console.not_open");
    assert_eq!(waiting(&bob).len(), 1, "bob's own");
    let prepared_by_ada = || w.events().lines().any(|l| prepared_by(l, "ada"));
    assert!(!prepared_by_ada(), "nothing tells of one");
    // Once it was signed and sent, it waits; the answer does not prepare it a second time.
    let credential = signed_for(&mut ada, &change);
    let digest = good(&prepare_finish(&ada, &change, &credential))["digest"].clone();
    refused(&prepare_finish(&ada, &change, &credential), 409, "console.not_open");
    assert!(waiting(&bob).iter().any(|c| c["digest"] == digest && c["by_key"] == true));
    w.eventually("told", prepared_by_ada);
    refused(&prepare_start(&ada, &change), 409, "policy.already_prepared");
    refused(&prepare_start(&bob, &change), 409, "policy.already_prepared");
}

/// Whether an event says that this person prepared a change.
fn prepared_by(line: &str, name: &str) -> bool {
    line.contains("policy.prepared") && line.contains(&format!("admin {name} from"))
}

#[test]
fn a_bad_answer_of_the_key_prepares_nothing() {
    let w = world();
    let mut ada = Browser::registered(&w, "ada");
    let change = risk_with("SG");
    for (quirk, origin) in [
        (Some(Quirk::NoUserVerification), None),
        (Some(Quirk::OtherRpId), None),
        (None, Some("https://evil.example")),
    ] {
        let options = prepare_start(&ada, &change);
        (ada.key.quirk, ada.origin) = (quirk, origin.unwrap_or(ada.origin));
        let credential = ada.signed(&options.body).unwrap();
        (ada.key.quirk, ada.origin) = (None, crate::console_support::ORIGIN);
        refused(&prepare_finish(&ada, &change, &credential), 403, "console.key_refused");
    }
    let mut credential = signed_for(&mut ada, &change);
    credential["response"]["signature"] = json!("MEUCIQ");
    refused(&prepare_finish(&ada, &change, &credential), 403, "console.key_refused");
    // The gateway has seen the counter as it is now.
    good(&ada.log_in("ada"));
    let options = prepare_start(&ada, &change);
    ada.key.quirk = Some(Quirk::CounterBack);
    let credential = ada.signed(&options.body).unwrap();
    refused(&prepare_finish(&ada, &change, &credential), 403, "console.key_refused");
    refused(&ada.get("me"), 401, "console.session_over");
    assert!(w.cli(&["console", "keys", "ada"]).contains("locked (its counter went back)"));
    assert!(!w.cli(&["policy", "history"]).contains("prepared"), "nothing was kept");
}

#[test]
fn a_bad_answer_of_the_key_approves_nothing() {
    let w = world();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let digest = prepared(&mut ada, "SG");
    for (quirk, origin) in [
        (Some(Quirk::NoUserVerification), None),
        (Some(Quirk::OtherRpId), None),
        (None, Some("https://evil.example")),
    ] {
        let options = start(&bob, &digest);
        (bob.key.quirk, bob.origin) = (quirk, origin.unwrap_or(bob.origin));
        let credential = bob.signed(&options.body).unwrap();
        (bob.key.quirk, bob.origin) = (None, crate::console_support::ORIGIN);
        refused(&finish(&bob, &digest, &credential), 403, "console.key_refused");
    }
    // Somebody altered what was signed.
    let options = start(&bob, &digest);
    let mut credential = bob.signed(&options.body).unwrap();
    credential["response"]["signature"] = json!("MEUCIQ");
    refused(&finish(&bob, &digest, &credential), 403, "console.key_refused");
    // The gateway has seen the counter as it is now.
    good(&bob.log_in("bob"));
    let options = start(&bob, &digest);
    bob.key.quirk = Some(Quirk::CounterBack);
    let credential = bob.signed(&options.body).unwrap();
    refused(&finish(&bob, &digest, &credential), 403, "console.key_refused");
    refused(&bob.get("me"), 401, "console.session_over");
    assert!(w.cli(&["console", "keys", "bob"]).contains("locked (its counter went back)"));
    assert_eq!(in_force(&ada), before);
}

/// Both people touch their keys here, so that is what policies may want.
#[test]
fn what_the_policies_want_touches_and_two_people_for_is_done_with_both() {
    let section = format!("{ADMIN}{TWO_PEOPLE}{CONSOLE}");
    let mut w = World::with("sqlite:registry.db", &section);
    for who in ["ada", "bob"] {
        show(&w, who, &Order::admin(who));
    }
    let policies = "@id(\"all\") permit (principal, action, resource);\n\
        @id(\"both\") forbid (principal, action == Action::\"admin-policy\", resource) \
        unless { context.touched && context.secondPerson };\n";
    fs::write(w.path("entitlements.cedar"), policies).unwrap();
    w.start();
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    assert_eq!(good(&ada.get("me"))["may"]["policy"], true);
    let digest = prepared(&mut ada, "SG");
    refused(&start(&ada, &digest), 403, "policy.same_person");
    good(&approved(&mut bob, &digest));
    assert_eq!(in_force(&ada), digest);
    // At the other interface nobody touches a key.
    fs::write(w.path("change.json"), risk_with("JP").to_string()).unwrap();
    let answer = ask_as(&w, "ada", "/v1/policies/prepare", &["--json", "@change.json"]);
    admin::refused(&answer, 403, "entitle.no_step_up");
    // No key signs a rejection.
    let digest = prepared(&mut ada, "JP");
    refused(&bob.post("policies/reject", &json!({ "digest": digest })), 403, "entitle.no_step_up");
    assert_eq!(waiting(&bob).len(), 1);
}

#[test]
fn with_keys_only_the_other_interface_prepares_and_approves_nothing() {
    let w = started_with(TWO_PEOPLE, "approve_by_key = true\n");
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    fs::write(w.path("change.json"), risk_with("SG").to_string()).unwrap();
    let answer = ask_as(&w, "ada", "/v1/policies/prepare", &["--json", "@change.json"]);
    admin::refused(&answer, 409, "policy.key_needed");
    assert!(waiting(&bob).is_empty());
    let digest = prepared(&mut ada, "SG");
    let path = format!("/v1/policies/{digest}/approve");
    let answer = ask_as(&w, "bob", &path, &["--json", "{}"]);
    admin::refused(&answer, 409, "policy.key_needed");
    good(&approved(&mut bob, &digest));
}

#[test]
fn without_that_setting_both_interfaces_prepare_and_approve() {
    let w = world();
    show(&w, "sylvia", &Order::admin("sylvia"));
    let (mut ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let digest = prepared(&mut ada, "SG");
    admin::good(&ask_as(
        &w,
        "sylvia",
        &format!("/v1/policies/{digest}/approve"),
        &["--json", "{}"],
    ));
    let newest = || json_of(&ada.get("policies/history"))["versions"][0].clone();
    let last = newest();
    assert_eq!((&last["step"], &last["by"]), (&json!("approved"), &json!("sylvia")));
    assert_eq!((&last["prepared_by"], &last["approval"]), (&json!("ada"), &Value::Null));
    assert_eq!(last["preparation"]["by"], "ada");

    fs::write(w.path("change.json"), risk_with("JP").to_string()).unwrap();
    let answer = ask_as(&w, "ada", "/v1/policies/prepare", &["--json", "@change.json"]);
    let answer = admin::good(&answer);
    assert_eq!(answer["by_key"], false);
    let digest = answer["digest"].as_str().unwrap().to_owned();
    // One person is one person at both interfaces.
    refused(&start(&ada, &digest), 403, "policy.same_person");
    good(&approved(&mut bob, &digest));
    let last = newest();
    assert_eq!((&last["prepared_by"], &last["preparation"]), (&json!("ada"), &Value::Null));
    assert!(last["approval"].is_object());
    let said = w.cli(&["policy", "approval", &digest, "--out", "approval"]);
    assert!(said.contains("Prepared without a security key."), "{said}");
}
