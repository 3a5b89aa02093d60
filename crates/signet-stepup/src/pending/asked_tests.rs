//! What asked for a touch, as events name it.

use super::*;
use crate::asking::RISK;

/// While it waits and in the event of its end alike, as programs read it.
#[test]
fn what_waits_names_the_setting_and_the_policies_that_asked() {
    const LEASE: &str = "logon = 'never'\nrequest_above = { default = '1m' }";
    let (limit, wake) = ("step_up.when.request_above", "step_up.when.on_wake p");
    // The rules, whether there is a lease, what the session owes, policies; what events name.
    for (name, when, lease, owes, policies, kind, names) in [
        ("a limit", LEASE, false, None, "", "amount", limit),
        ("a policy alone", "logon = 'never'", false, None, "p q", "policy", "p q"),
        // A lease stands for the touch of the limit, and not for what the policy wants.
        ("a policy beside a lease", LEASE, true, None, "p", "policy", "p"),
        ("what is owed", LEASE, false, Some(SessionReason::Wake), "p", "wake", wake),
        ("the risk", LEASE, false, Some(SessionReason::Risk), "", "risk", RISK),
        ("the trader", LEASE, false, Some(SessionReason::OnDemand), "", "amount", limit),
    ] {
        let mut w = World::new(when);
        w.up("ALICE", "alice");
        if lease {
            w.send("ALICE", request("r0"), None);
            w.touch("ALICE", "c1");
        }
        if let Some(why) = owes {
            let todo = w.w.verify_again(&id("ALICE"), why, w.now);
            w.run(todo);
        }
        let (m, action) = request("r1");
        let policies = policies.split_whitespace().map(str::to_owned).collect();
        let asked = Asked { wanted: Wanted::Touch("x".into()), policies };
        let todo = w.w.hold(&id("ALICE"), m, action, asked, None, w.now);
        let held = todo.iter().find_map(|step| match step {
            ApprovalStep::Challenge { held, .. } => Some(*held),
            _ => None,
        });
        let by = w.w.asked_by(held.expect(name));
        let said = by.rules().collect::<Vec<_>>().join(" ");
        assert_eq!((by.kind, said.as_str()), (Some(kind), names), "{name}");
        w.run(todo);
        w.pass_time(ANSWER_MS);
        assert_eq!(w.noted_by, [by], "{name}");
    }
    assert_eq!(World::new("").w.asked_by(7), AskedBy::default(), "nothing of this id waits");
}

#[test]
fn a_session_and_a_further_key_name_what_asked() {
    for (rules, watched, kind, rule) in [
        ("logon = 'always'", false, "logon", Some("step_up.when.logon")),
        ("logon = 'risk'", true, "logon", Some(RISK)),
    ] {
        let mut w = World::new(rules);
        w.watched = watched;
        w.up("ALICE", "alice");
        w.pass_time(ANSWER_MS);
        assert_eq!((w.noted_by[0].kind, w.noted_by[0].rule), (Some(kind), rule), "{rules}");
    }
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    let todo = w.w.hold_registration(&id("ALICE"), "blue".into(), w.now);
    w.run(todo);
    w.pass_time(ANSWER_MS);
    assert_eq!((w.noted_by[0].kind, w.noted_by[0].rule), (Some("key"), None));
}
