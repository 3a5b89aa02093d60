//! Approval of a change of policy with a security key: for exactly this change, by another person.

use crate::{
    admin::{self, ask_as, show},
    console_support::{Browser, good, json_of, refused, started_with},
    support::{Http, World},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use signet_devca::Order;
use signet_gateway::history::{KeyApproval, Policy};
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

/// The digest of a change that waits.
#[track_caller]
fn prepared(b: &Browser<'_>, country: &str) -> String {
    let v = good(&b.post("policies/prepare", &risk_with(country)));
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

#[test]
fn one_prepares_another_approves_by_key_and_anybody_can_verify_it() {
    let w = world();
    let (ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let digest = prepared(&ada, "SG");
    let waiting = |b: &Browser<'_>| good(&b.get("policies"))["waiting"][0].clone();
    assert_eq!((&waiting(&ada)["mine"], &waiting(&bob)["mine"]), (&json!(true), &json!(false)));
    assert_eq!((&waiting(&bob)["by"], &waiting(&bob)["before"]), (&json!("ada"), &json!(before)));
    assert_eq!(in_force(&ada), before, "not yet");
    refused(&start(&ada, &digest), 403, "policy.same_person");
    refused(&start(&bob, &"0".repeat(64)), 404, "policy.not_prepared");
    assert_eq!(good(&approved(&mut bob, &digest))["digest"], digest);
    assert_eq!(in_force(&ada), digest);
    let policies = good(&ada.get("policies"));
    let risk = policies["in_force"].as_array().unwrap().iter().find(|p| p["policy"] == "risk");
    let risk = risk.unwrap();
    assert_eq!((&risk["by"], &risk["by_key"]), (&json!(["ada", "bob"]), &json!(true)));

    // Out of the history, somebody with OpenSSL verifies what the key signed.
    let history = good(&bob.get("policies/history"));
    let step = history["versions"].as_array().unwrap().iter().find(|v| v["step"] == "approved");
    let approval: KeyApproval = serde_json::from_value(step.unwrap()["approval"].clone()).unwrap();
    approval.verify(Policy::Risk, &before, &digest).unwrap();
    for (policy, before, after) in [
        (Policy::Entitlements, before.as_str(), digest.as_str()),
        (Policy::Risk, digest.as_str(), before.as_str()),
        (Policy::Risk, before.as_str(), before.as_str()),
    ] {
        assert!(approval.verify(policy, before, after).is_err());
    }
    let said = w.cli(&["policy", "approval", &digest, "--out", "approval"]);
    assert!(said.contains("Approved by admin bob from"), "{said}");
    let sign = "dgst -sha256 -keyform DER -verify approval/key.der -signature approval/signature.bin \
        approval/message.bin";
    let said = w.openssl(&sign.split(' ').filter(|a| !a.is_empty()).collect::<Vec<_>>());
    assert!(said.contains("Verified OK"), "{said}");
    // What was signed leads to the change: by way of the client data and the challenge.
    let sha256 = |file: &str| {
        let file = format!("approval/{file}");
        let said = w.openssl(&["dgst", "-sha256", "-r", &file]);
        said.split(' ').next().unwrap().to_owned()
    };
    let message = fs::read(w.path("approval/message.bin")).unwrap();
    assert!(signet_registry::hex(&message).ends_with(&sha256("client-data.json")));
    let client: Value =
        serde_json::from_slice(&fs::read(w.path("approval/client-data.json")).unwrap()).unwrap();
    let challenge = B64.decode(client["challenge"].as_str().unwrap()).unwrap();
    assert_eq!(signet_registry::hex(&challenge), sha256("challenge.txt"));
    let text = w.text("approval/challenge.txt");
    for line in [format!("before={before}"), format!("after={digest}"), "policy=risk".into()] {
        assert!(text.lines().any(|l| l == line), "{text}");
    }
    assert!(w.cli_fails(&["policy", "approval", &before, "--out", "x"]).contains("no_approval"));

    // The events have it too, in parts.
    w.eventually("in the events", || {
        let events = good(&bob.get("evidence?code=policy.signature"));
        let mut parts: Vec<String> = events["found"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["words"].as_str().unwrap().to_owned())
            .collect();
        parts.reverse();
        let text: String =
            parts.iter().map(|p| p.split_once(": ").unwrap().1).collect::<Vec<_>>().concat();
        serde_json::from_str::<KeyApproval>(&text).is_ok_and(|a| a == approval)
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
    let (ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let (first, second) = (prepared(&ada, "SG"), prepared(&ada, "JP"));
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
    let (by_ada, by_bob) = (prepared(&ada, "SG"), prepared(&bob, "JP"));
    let options = start(&bob, &by_ada);
    let credential = bob.signed(&options.body).unwrap();
    good(&approved(&mut ada, &by_bob));
    refused(&finish(&bob, &by_ada, &credential), 409, "policy.overtaken");
    assert_eq!(in_force(&ada), by_bob);
    let third = prepared(&ada, "US");
    let options = start(&bob, &third);
    let credential = bob.signed(&options.body).unwrap();
    good(&ada.post("policies/reject", &json!({ "digest": third })));
    refused(&finish(&bob, &third, &credential), 404, "policy.not_prepared");
    assert_eq!(in_force(&ada), by_bob);
    refused(&ada.post("policies/prepare", &risk_with("bad'")), 422, "policy.faulty");
    let large = "#".repeat(300 * 1024);
    let body = json!({ "policy": "risk", "documents": { "settings": large } });
    refused(&ada.post("policies/prepare", &body), 413, "console.too_large");
    for documents in [json!({}), json!({ "facts": "x" }), json!([]), json!({ "settings": 7 })] {
        let body = json!({ "policy": "risk", "documents": documents });
        refused(&ada.post("policies/prepare", &body), 400, "console.malformed");
    }
}

#[test]
fn a_bad_answer_of_the_key_approves_nothing() {
    let w = world();
    let (ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let before = in_force(&ada);
    let digest = prepared(&ada, "SG");
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

#[test]
fn with_keys_only_the_other_interface_approves_nothing() {
    let w = started_with(TWO_PEOPLE, "approve_by_key = true\n");
    let (ada, mut bob) = (Browser::registered(&w, "ada"), Browser::registered(&w, "bob"));
    let digest = prepared(&ada, "SG");
    let path = format!("/v1/policies/{digest}/approve");
    let answer = ask_as(&w, "bob", &path, &["--json", "{}"]);
    admin::refused(&answer, 409, "policy.key_needed");
    good(&approved(&mut bob, &digest));
    // One person is one person at both interfaces.
    fs::write(w.path("change.json"), risk_with("JP").to_string()).unwrap();
    let answer = ask_as(&w, "bob", "/v1/policies/prepare", &["--json", "@change.json"]);
    let digest = admin::good(&answer)["digest"].as_str().unwrap().to_owned();
    refused(&start(&bob, &digest), 403, "policy.same_person");
}

#[test]
fn without_that_setting_both_interfaces_approve() {
    let w = world();
    show(&w, "sylvia", &Order::admin("sylvia"));
    let ada = Browser::registered(&w, "ada");
    let digest = prepared(&ada, "SG");
    admin::good(&ask_as(
        &w,
        "sylvia",
        &format!("/v1/policies/{digest}/approve"),
        &["--json", "{}"],
    ));
    let history = json_of(&ada.get("policies/history"));
    let last = &history["versions"][0];
    assert_eq!((&last["step"], &last["by"]), (&json!("approved"), &json!("sylvia")));
    assert_eq!((&last["prepared_by"], &last["approval"]), (&json!("ada"), &Value::Null));
}
