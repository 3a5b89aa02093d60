//! One desk's approvals beside another's, deadlines, and answers that come in another order.

use super::*;

impl World {
    /// The deadlines of the challenges that a desk was sent since.
    fn deadlines(&mut self, desk: &str) -> Vec<UtcMillis> {
        let of = |(d, m): &(String, AppMessage)| match m {
            AppMessage::StepUpChallenge(c) if d == desk => Some(c.deadline),
            _ => None,
        };
        self.told.drain(..).filter_map(|t| of(&t)).collect()
    }

    fn down(&mut self, desk: &str) {
        let todo = self.w.desk_down(&id(desk));
        self.run(todo);
    }

    fn register(&mut self, desk: &str, name: &str) {
        let todo = self.w.hold_registration(&id(desk), name.into(), self.now);
        self.run(todo);
    }

    /// Begins a challenge whose making is not answered yet.
    fn hold_unasked(
        &mut self,
        desk: &str,
        (m, action): (AppMessage, Action),
    ) -> (HeldId, Approval) {
        let wanted = asked(Wanted::Touch("x".into()));
        let todo = self.w.hold(&id(desk), m, action, wanted, None, self.now);
        let [ApprovalStep::Challenge { held, approval, .. }] = &todo[..] else {
            panic!("{todo:?}")
        };
        (*held, approval.clone())
    }

    fn made(
        &mut self,
        held: HeldId,
        approver: &str,
        approval: &Approval,
        made: Result<(String, String, UtcMillis), ApprovalRefusal>,
    ) {
        let todo = self.w.challenged(held, &id(approver), approval, made);
        self.run(todo);
    }
}

#[test]
fn a_lost_link_ends_the_proof_of_presence_of_its_own_session_only() {
    let mut w = World::new("logon = 'always'");
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.down("ALICE");
    assert_eq!(w.dropped, ["c1"]);
    w.touch("BOB", "c2");
    assert_eq!(w.authenticated, 1, "the other desk's question is still open");
    w.forget();
    w.up("ALICE", "alice");
    let heard = w.heard("ALICE");
    assert_eq!(heard.iter().filter(|h| h.starts_with("challenge")).count(), 1, "{heard:?}");
}

#[test]
fn every_challenge_ends_with_the_time_to_answer_or_sooner_with_its_matter() {
    let latest = T + ANSWER_MS;
    for (ends, deadline) in
        [(None, latest), (Some(T + 9_000), T + 9_000), (Some(T + 10 * ANSWER_MS), latest)]
    {
        let mut w = World::new(TOUCH);
        w.up("ALICE", "alice");
        w.forget();
        w.send("ALICE", accept("a1"), ends);
        assert_eq!(w.deadlines("ALICE"), [deadline], "{ends:?}");
        w.register("ALICE", "blue");
        assert_eq!(w.deadlines("ALICE"), [latest], "a registration");
        let todo = w.w.verify_again(&id("ALICE"), SessionReason::OnDemand, w.now);
        w.run(todo);
        assert_eq!(w.deadlines("ALICE"), [latest], "a session");
    }
}

/// Ids that a desk chooses are unique within that desk only, and so are its places.
#[test]
fn the_same_id_of_two_desks_waits_twice_and_each_has_places_of_its_own() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    for desk in ["ALICE", "BOB"] {
        w.forget();
        for n in 0..MAX_HELD_PER_DESK {
            w.send(desk, request(&format!("r{n}")), None);
        }
        assert_eq!(
            w.heard(desk).iter().filter(|h| h.starts_with("challenge")).count(),
            MAX_HELD_PER_DESK,
            "{desk}"
        );
    }
    let held = w.w.requests(&id("BOB"));
    assert_eq!(held.len(), MAX_HELD_PER_DESK);
    // Of the same kind only: an accept under the id of a request is another message.
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.forget();
    w.send("ALICE", request("same"), None);
    w.send("ALICE", accept("same"), None);
    w.send("ALICE", accept("same"), None);
    w.send("ALICE", accept("other"), None);
    assert_eq!(w.heard("ALICE"), ["challenge c1", "challenge c2", "challenge c3"]);
}

#[test]
fn another_registration_ends_the_one_before_and_nothing_else() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.send("ALICE", request("r1"), None);
    w.register("BOB", "bobs");
    w.register("ALICE", "blue");
    w.forget();
    w.register("ALICE", "red");
    assert_eq!(w.heard("ALICE"), ["Withdrawn c3 stepup.withdrawn", "challenge c4"]);
    assert_eq!(w.heard("BOB"), Vec::<String>::new());
    w.touch("BOB", "c2");
    w.touch("ALICE", "c1");
    assert_eq!((w.registered.len(), w.released.len()), (1, 1));
}

#[test]
fn an_approver_is_asked_only_for_what_waits_for_a_second_person() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    let (m, action) = accept("small");
    let todo = w.w.hold(
        &id("ALICE"),
        m,
        action,
        asked(Wanted::Touch("x".into())),
        Some(T + 30_000),
        w.now,
    );
    w.run(todo);
    w.send("ALICE", accept("large"), Some(T + 30_000));
    w.forget();
    w.up("BOB", "bob");
    assert!(
        !w.heard("BOB").iter().any(|h| h.starts_with("challenge")),
        "one needs nobody else, one still its first touch"
    );
    w.touch("ALICE", "c2");
    assert_eq!(w.heard("BOB"), ["challenge c3"]);
    // Another matter's first touch does not ask the approver again for this one.
    w.send("ALICE", accept("larger"), Some(T + 30_000));
    w.touch("ALICE", "c4");
    assert_eq!(w.heard("BOB"), ["challenge c5"]);
    // What is approved by both is asked of nobody any longer.
    w.touch("BOB", "c3");
    w.touch("BOB", "c5");
    assert_eq!(w.released.len(), 2);
    w.up("CAROL", "carol");
    assert!(!w.heard("CAROL").iter().any(|h| h.starts_with("challenge")));
}

/// A desk that is off, or the same person at another desk, approves nothing.
#[test]
fn whoever_is_off_or_the_same_person_is_not_an_approver() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.down("BOB");
    w.up("CAROL", "alice");
    w.forget();
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.touch("ALICE", "c1");
    let words = w.told.iter().find_map(|(_, m)| match m {
        AppMessage::StepUpOutcome(o) if o.status == StepUpStatus::SecondWanted => o.text.clone(),
        _ => None,
    });
    assert_eq!(
        words.as_deref(),
        Some("waiting for a second person; nobody who may approve is on now")
    );
    assert!(w.heard("BOB").is_empty() && w.heard("CAROL").is_empty());
    w.up("BOB", "bob");
    assert_eq!(w.heard("BOB")[0], "challenge c2");
    // Nobody approves their own, also as a named approver.
    assert_eq!(
        w.heard("ALICE").iter().filter(|h| h.starts_with("challenge")).count(),
        1,
        "the first touch only"
    );
}

#[test]
fn an_approver_who_is_asked_hears_whose_it_is() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.forget();
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.touch("ALICE", "c1");
    let reasons: Vec<(String, String)> = w
        .told
        .iter()
        .filter_map(|(d, m)| match m {
            AppMessage::StepUpChallenge(c) => {
                Some((d.clone(), c.reason.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].0 == "ALICE" && !reasons[0].1.contains("ALICE"), "{reasons:?}");
    assert!(reasons[1].0 == "BOB" && reasons[1].1.contains("ALICE"), "{reasons:?}");
}

#[test]
fn a_challenge_that_comes_too_late_is_dropped() {
    // The message is gone.
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    let (held, approval) = w.hold_unasked("ALICE", request("r1"));
    let todo = w.w.cancelled(&id("ALICE"), &RfqId::new("r1").unwrap()).unwrap();
    w.run(todo);
    w.forget();
    w.made(held, "ALICE", &approval, Ok(("late".into(), "{}".into(), T + 1)));
    assert_eq!((w.dropped.clone(), w.told.len()), (vec!["late".to_owned()], 0));
    // One is out already: a second one for the same desk is too many.
    let (held, approval) = w.hold_unasked("ALICE", request("r2"));
    w.made(held, "ALICE", &approval, Ok(("first".into(), "{}".into(), T + 1)));
    w.made(held, "ALICE", &approval, Ok(("second".into(), "{}".into(), T + 1)));
    assert_eq!(w.dropped, ["late", "second"]);
    // A refusal for what was never asked of that desk ends nothing.
    w.made(held, "BOB", &approval, Err(ApprovalRefusal::new("stepup.no_key", "no", "")));
    w.touch("ALICE", "first");
    assert_eq!(w.released, [request("r2").0]);
}

/// Asked at a second desk whose link went before the challenge was made.
#[test]
fn a_challenge_for_an_approver_who_has_gone_is_dropped_and_another_may_approve() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.sign("ALICE", "c1");
    let (held, desk, challenge) = w.verifying.remove(0);
    let todo = w.w.verified(held, &desk, &challenge, Ok(1), w.now);
    let asked = todo.iter().find_map(|d| match d {
        ApprovalStep::Challenge { held, desk, approval, .. } => {
            Some((*held, desk.clone(), approval.clone()))
        }
        _ => None,
    });
    let (held, bob, approval) = asked.expect("BOB is asked");
    assert_eq!(bob, id("BOB"));
    // The service cannot make one for this approver: the matter goes on waiting for others.
    w.forget();
    w.made(
        held,
        "BOB",
        &approval,
        Err(ApprovalRefusal::new("stepup.no_key", "BOB has no key", "")),
    );
    assert_eq!(w.notes, ["BOB has no key"]);
    assert!(w.heard("ALICE").is_empty(), "not refused");
    w.up("CAROL", "carol");
    assert_eq!(w.heard("CAROL")[0], "challenge c2");
    w.touch("CAROL", "c2");
    assert_eq!(w.released.len(), 1);
}

#[test]
fn a_challenge_for_a_desk_that_went_off_meanwhile_is_not_told_and_asked_again_later() {
    let mut w = World::new(TOUCH);
    w.up("ALICE", "alice");
    let (held, approval) = w.hold_unasked("ALICE", request("r1"));
    // The link goes: what was asked for is out no longer.
    w.down("ALICE");
    w.forget();
    w.made(held, "ALICE", &approval, Ok(("late".into(), "{}".into(), T + 1)));
    assert_eq!((w.dropped.clone(), w.told.len()), (vec!["late".to_owned()], 0));
    w.up("ALICE", "alice");
    assert_eq!(w.heard("ALICE")[0], "challenge c1");
}

#[test]
fn only_the_message_that_is_meant_ends_with_a_withdrawal_or_a_status() {
    let mut w = World::new(TOUCH);
    for (desk, user) in [("ALICE", "alice"), ("BOB", "bob")] {
        w.up(desk, user);
        w.send(desk, request("r1"), None);
        w.send(desk, request("r2"), None);
        w.send(desk, accept("a1"), Some(T + 30_000));
    }
    w.forget();
    let todo = w.w.cancelled(&id("ALICE"), &RfqId::new("r1").unwrap()).unwrap();
    w.run(todo);
    assert_eq!(
        w.w.requests(&id("ALICE")).iter().map(|(q, _)| q.id.as_str()).collect::<Vec<_>>(),
        ["r2"]
    );
    assert_eq!(w.w.requests(&id("BOB")).len(), 2);
    assert!(w.heard("BOB").is_empty());
    assert_eq!(w.w.accepts().count(), 2);
    let waits =
        |desk: &str, accept: &str| w.w.accept(&id(desk), &AcceptId::new(accept).unwrap()).is_some();
    assert!(waits("ALICE", "a1"));
    assert!(!waits("ALICE", "a2") && !waits("CAROL", "a1"));
}

#[test]
fn a_registration_that_was_not_approved_is_refused_with_code_words_and_cure() {
    for cure in ["Take another key.", ""] {
        let mut w = World::new(TOUCH);
        w.up("ALICE", "alice");
        w.register("ALICE", "blue");
        w.forget();
        w.sign("ALICE", "c1");
        let why = ApprovalRefusal::new("stepup.bad", "the key is not good", cure);
        w.verified(Err(why.clone()));
        assert_eq!(w.refused, [why]);
        assert!(w.notes[0].contains("registration of key blue"), "{:?}", w.notes);
    }
}

/// Where nothing waits over a lost connection, whatever waits for that desk is refused.
#[test]
fn a_lost_desk_is_told_of_all_that_it_had_waiting_and_of_nothing_else() {
    let mut w = World::new(TOUCH);
    for (desk, user) in [("ALICE", "alice"), ("BOB", "bob")] {
        w.up(desk, user);
        w.send(desk, request("r1"), None);
        w.send(desk, accept("a1"), Some(T + 30_000));
    }
    w.sign("ALICE", "c1");
    w.forget();
    let why = ApprovalRefusal::new("stepup.link_lost", "the connection was lost", "");
    let todo = w.w.desk_lost(&id("ALICE"), &why);
    w.run(todo);
    assert_eq!(
        w.heard("ALICE"),
        [
            "Withdrawn c1 stepup.link_lost",
            "request refused: the connection was lost",
            "Withdrawn c2 stepup.link_lost",
            "accept refused: the connection was lost",
        ]
    );
    // The answer that was being checked proves nothing now.
    w.verified(Ok(1));
    assert!(w.released.is_empty() && w.heard("BOB").is_empty());
    assert_eq!((w.w.requests(&id("ALICE")).len(), w.w.requests(&id("BOB")).len()), (0, 1));
}

#[test]
fn what_a_session_is_told_and_what_is_noted_of_each_kind() {
    let mut w = World::new("logon = 'always'\naccept_above = { default = '1m' }");
    w.up("ALICE", "alice");
    w.forget();
    w.answer("ALICE", "c1", Answer::Declined(None));
    assert_eq!(
        w.heard("ALICE"),
        ["Refused c1 stepup.declined", "session refused: you did not approve it"]
    );
    assert!(
        w.notes[0].contains("session (logon)") && w.notes[0].contains("you did not approve it"),
        "{:?}",
        w.notes
    );
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.answer("ALICE", "c2", Answer::Failed(Some("no key".into())));
    assert!(w.notes[1].contains("accept a1: you did not approve it: no key"), "{:?}", w.notes);
}

/// The touch of an approver is a touch for the matter, not for a session: it gives no lease.
#[test]
fn an_approvers_touch_gives_a_lease_to_nobody() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.touch("ALICE", "c1");
    w.touch("BOB", "c2");
    assert_eq!(w.released.len(), 1);
    assert!(w.standing_is_bare("BOB") && !w.standing_is_bare("ALICE"));
}

#[test]
fn a_deadline_is_over_at_its_last_millisecond_and_not_before() {
    let mut w = World::new(TWO);
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.send("ALICE", accept("a1"), Some(T + 30_000));
    w.send("ALICE", accept("a2"), Some(T + 31_000));
    w.touch("ALICE", "c1");
    w.pass_time(29_999);
    assert_eq!((w.w.accepts().count(), w.notes.len()), (2, 0));
    w.forget();
    w.pass_time(1);
    assert_eq!(w.w.accepts().count(), 1);
    assert_eq!(w.heard("BOB"), ["Expired c3 stepup.timed_out"]);
    assert_eq!(w.heard("ALICE"), ["accept refused: no second person approved it in time"]);
    w.pass_time(1_000);
    assert_eq!(w.heard("ALICE")[..1], ["Expired c2 stepup.timed_out"]);
}

#[test]
fn a_clock_that_is_set_touches_only_sessions_that_have_a_lease() {
    let mut w = World::new(
        "logon = 'never'\nrequest_above = { default = '1m' }\nidle_minutes = 10\non_idle = true",
    );
    w.up("ALICE", "alice");
    w.up("BOB", "bob");
    w.send("ALICE", request("r1"), None);
    w.touch("ALICE", "c1");
    w.forget();
    w.pass_time(5 * 60_000);
    w.forget();
    let todo = w.w.clock_stepped(w.now);
    w.run(todo);
    assert_eq!(w.heard("ALICE"), ["access lease=false owes=false"]);
    assert_eq!(w.heard("BOB"), Vec::<String>::new());
}

#[test]
fn a_desk_hears_of_its_access_only_while_it_is_on_and_when_it_changed() {
    let mut w = World::new(TWO);
    w.up("BOB", "bob");
    let state = w.told.iter().rev().find_map(|(_, m)| match m {
        AppMessage::AccessState(a) => Some(a.clone()),
        _ => None,
    });
    let state = state.expect("told once");
    assert_eq!((state.approver, state.keys, state.step_up), (true, 1, true));
    assert_eq!(state.idle_s, w.w.rules().idle_minutes * 60);
    w.forget();
    let todo = w.w.keys(&id("BOB"), 1, w.now);
    w.run(todo);
    assert!(w.told.is_empty(), "nothing changed");
    w.down("BOB");
    let todo = w.w.keys(&id("BOB"), 2, w.now);
    w.run(todo);
    assert!(w.told.is_empty(), "it is off");
    w.up("DAVE", "dave");
    let told = w.told.iter().any(|(_, m)| matches!(m, AppMessage::AccessState(a) if a.approver));
    assert!(!told, "not named as an approver");
}

/// Of one challenge there is one answer, whatever else is said of it while that is checked.
#[test]
fn a_wrong_answer_is_judged_once_and_nothing_said_meanwhile_takes_it_back() {
    let signed = || Answer::Signed("{}".into());
    let bad = || Err(ApprovalRefusal::new("stepup.bad_signature", "no", ""));
    for (name, meanwhile) in [
        ("nothing", None),
        ("the same again", Some(signed())),
        ("another", Some(Answer::Signed("{\"id\":1}".into()))),
        ("declined", Some(Answer::Declined(None))),
        ("failed", Some(Answer::Failed(None))),
    ] {
        let mut w = World::new(TOUCH);
        w.up("ALICE", "alice");
        w.send("ALICE", accept("a1"), Some(T + 30_000));
        w.sign("ALICE", "c1");
        w.heard("ALICE");
        if let Some(answer) = meanwhile {
            w.answer("ALICE", "c1", answer);
            assert_eq!(w.heard("ALICE"), ["Refused c1 stepup.not_open"], "{name}");
        }
        assert_eq!((w.verifying.len(), w.dropped.len(), w.notes.len()), (1, 0, 0), "{name}");
        w.verified(bad());
        assert_eq!((w.notes.len(), w.released.len()), (1, 0), "{name}");
        let heard = w.heard("ALICE");
        assert_eq!(heard, ["Refused c1 stepup.bad_signature", "accept refused: no"], "{name}");
        w.sign("ALICE", "c1");
        assert_eq!((w.verifying.len(), w.notes.len()), (0, 1), "{name}: it is over");
    }
}

/// Whatever ends a challenge while its answer is checked: the answer stays with the service, which
/// says whether it was wrong, and proves nothing here.
#[test]
fn an_answer_that_is_checked_is_not_taken_from_the_service() {
    type Ends = fn(&mut World);
    let lost = |w: &mut World| {
        let why = ApprovalRefusal::new("stepup.link_lost", "the connection was lost", "");
        let todo = w.w.desk_lost(&id("ALICE"), &why);
        w.run(todo);
    };
    let again = |w: &mut World| {
        let todo = w.w.verify_again(&id("ALICE"), SessionReason::OnDemand, w.now);
        w.run(todo);
    };
    let ends: [(&str, Ends); 5] = [
        ("it is asked again", again),
        ("the time is over", |w| w.pass_time(ANSWER_MS)),
        ("the desk is off", |w| w.down("ALICE")),
        ("another connection takes over", |w| w.up("ALICE", "alice")),
        ("the desk is lost", lost),
    ];
    for (name, end) in ends {
        // The proof of presence of a logon, and a message.
        for message in [false, true] {
            let name = format!("{name}, a message: {message}");
            let mut w = World::new(if message { TOUCH } else { "logon = 'always'" });
            w.up("ALICE", "alice");
            if message {
                w.send("ALICE", request("r1"), None);
            }
            w.sign("ALICE", "c1");
            assert_eq!(w.verifying.len(), 1, "{name}");
            // What the trader asks for ends the proof of a session alone.
            end(&mut w);
            assert_eq!(w.dropped, Vec::<String>::new(), "{name}");
            let ended = name != "it is asked again, a message: true";
            w.verified(Ok(1));
            assert_eq!((w.released.is_empty(), w.authenticated), (ended, 0), "{name}");
        }
    }
    // One that nobody has answered is taken back.
    let mut w = World::new("logon = 'always'");
    w.up("ALICE", "alice");
    w.down("ALICE");
    assert_eq!(w.dropped, ["c1"]);
}
