//! The administrators' interface of a whole venue, with curl.
#![cfg(unix)]

use crate::support::World;
use signet_practice::TRADER;
use std::process::Command;

fn curl(w: &World, path: &str, more: &[&str]) -> String {
    let url = format!("https://localhost:{}{path}", w.practice.admin_address().unwrap().port());
    let out = Command::new("curl")
        .args([
            "--silent",
            "--max-time",
            "20",
            "--cacert",
            "gateways-ca.pem",
            "--cert",
            "admin-sylvia.pem",
            "--key",
            "admin-sylvia-key.pem",
        ])
        .args(more)
        .arg(url)
        .current_dir(w.practice.admin_files())
        .output()
        .expect("curl is installed");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn an_administrator_sees_a_real_desk_and_may_not_do_what_no_policy_permits() {
    let policies = "@id(\"reads\") permit (principal == Administrator::\"sylvia\", action == \
        Action::\"admin-read\", resource);";
    let w = World::start_with(|p| {
        p.admins = vec!["sylvia".into()];
        p.policies.push_str(policies);
        p.facts.push_str("\n[admin_groups]\nreaders = [\"sylvia\"]\n");
    });
    let _screen = w.connect();
    let sessions = curl(&w, "/v1/sessions", &[]);
    assert!(
        sessions.contains(&format!("\"desk\":\"{TRADER}\""))
            && sessions.contains("\"verdict\":\"allow\""),
        "{sessions}"
    );
    let refused =
        curl(&w, &format!("/v1/sessions/{TRADER}/end"), &["--json", r#"{"reason":"fire drill"}"#]);
    assert!(refused.contains("entitle.denied"), "{refused}");
    assert!(curl(&w, "/v1/sessions", &[]).contains(TRADER));
}

#[test]
fn there_is_none_unless_the_plan_says_so() {
    assert_eq!(World::start_with(|_| ()).practice.admin_address(), None);
}
