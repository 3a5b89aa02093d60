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

/// The next turn of the clock ends an idle lease. An act that comes before it finds the lease over
/// as well, and does not begin it again.
#[test]
fn an_idle_lease_hides_nothing_and_no_act_revives_it() {
    const IDLE: &str = "logon = 'never'\nrequest_above = { default = '1m' }\n\
        lease_minutes = 30\nidle_minutes = 10";
    let limit = "step_up.when.request_above";
    for (name, minutes, rule_asks, policies, kind, names) in [
        ("within, a policy", 9, false, &["p"][..], "policy", &["p"][..]),
        ("just idle, a policy", 10, true, &["p"], "amount", &[limit, "p"]),
        ("just idle, two policies", 10, true, &["p", "q"], "amount", &[limit, "p", "q"]),
        ("just idle, the setting alone", 10, true, &[], "amount", &[limit]),
        ("over, a policy", 30, true, &["p"], "amount", &[limit, "p"]),
    ] {
        let mut w = World::new(IDLE);
        w.up("ALICE", "alice");
        w.send("ALICE", request("r0"), None);
        w.touch("ALICE", "c1");
        w.now = w.now + minutes * 60_000;
        let (m, action) = request("r1");
        let by_rules = wanted(w.w.rules(), &action, &w.w.state(&id("ALICE")), w.now);
        assert_eq!(by_rules != Wanted::Nothing, rule_asks, "{name}");
        let policies = policies.iter().map(|p| (*p).to_owned()).collect();
        let asked = Asked { wanted: Wanted::Touch("x".into()), policies };
        let todo = w.w.hold(&id("ALICE"), m, action, asked, None, w.now);
        let held = todo.iter().find_map(|step| match step {
            ApprovalStep::Challenge { held, .. } => Some(*held),
            _ => None,
        });
        let by = w.w.asked_by(held.expect(name));
        let said: Vec<&str> = by.rules().collect();
        assert_eq!((by.kind, said.as_slice()), (Some(kind), names), "{name}");
        let lease = w.w.state(&id("ALICE")).lease;
        let alive = (!rule_asks).then_some(w.now);
        assert_eq!(lease.map(|l| l.active), alive, "{name}: an act keeps what is not over");
    }
}

/// The same for an act that needs no touch; the desk is told with the next turn of the clock.
#[test]
fn an_act_just_after_the_pause_finds_what_the_clock_would_have_done() {
    for (on_idle, minutes, told) in [
        (false, 9, None),
        (false, 10, Some("access lease=false owes=false")),
        (true, 9, None),
        (true, 10, Some("access lease=false owes=true")),
        (false, 30, Some("access lease=false owes=false")),
    ] {
        let name = format!("{on_idle}, {minutes} minutes");
        let mut w = World::new(&format!(
            "logon = 'never'\nrequest_above = {{ default = '1m' }}\nlease_minutes = 30\n\
             idle_minutes = 10\non_idle = {on_idle}"
        ));
        w.up("ALICE", "alice");
        w.send("ALICE", request("r1"), None);
        w.touch("ALICE", "c1");
        w.forget();
        w.now = w.now + minutes * 60_000;
        w.w.active(&id("ALICE"), w.now);
        assert_eq!(w.w.state(&id("ALICE")).lease.is_some(), told.is_none(), "{name}");
        w.pass_time(1);
        assert_eq!(w.heard("ALICE"), Vec::from_iter(told.map(str::to_owned)), "{name}");
    }
}

/// The act that ends a pause is judged by that pause, also before the next turn of the clock, and
/// however small it is.
#[test]
fn the_act_that_ends_a_pause_owes_its_touch() {
    for (on_idle, ms, owes) in
        [(true, 599_999, false), (true, 600_000, true), (false, 600_000, false)]
    {
        let name = format!("{on_idle}, {ms} ms");
        let mut w = World::new(&format!(
            "logon = 'never'\nrequest_above = {{ default = '10m' }}\nidle_minutes = 10\n\
             on_idle = {on_idle}"
        ));
        w.up("ALICE", "alice");
        w.now = w.now + ms;
        w.w.pass(&id("ALICE"), w.now);
        w.w.pass(&id("NOBODY"), w.now);
        w.send("ALICE", request("r1"), None);
        assert_eq!((w.w.held_count() == 1, w.released.is_empty()), (owes, owes), "{name}");
        if owes {
            w.touch("ALICE", "c1");
            assert_eq!(w.released.len(), 1, "{name}");
        }
    }
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
