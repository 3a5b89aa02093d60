//! Accepts that follow their dealer's quotes up to a limit.

use super::{
    life_tests::{
        self, NOW, accept, arm, euro_dollar, id, listed, notices, press, quote, report, say, state,
        with_keys,
    },
    *,
};
use crate::view::{self, AheadView};
use signet_fix::message::{
    Answer, AppMessage, QuoteResponse, StepUpAnswer, StepUpChallenge, StepUpOutcome, StepUpStatus,
};
use signet_rfq::{Accept, AcceptState as Accepting, QuoteId, Side};
use signet_stepup::{Action, AheadTerms, Approval};

/// A book that knows the tick of its instrument.
fn book() -> Book {
    let mut b = life_tests::book();
    listed(&mut b, euro_dollar());
    b
}

/// As the gateway says on which quote it passed an accept on.
fn passed_on(b: &mut Book, quote: &str, price: &str) {
    let accept = accept(b);
    let as_sent =
        Accept { quote: QuoteId::new(quote).unwrap(), price: price.parse().unwrap(), ..accept };
    let terms = b.rfq(&id("R1")).unwrap().terms.clone();
    b.message(AppMessage::QuoteResponse(QuoteResponse::hit(&as_sent, &terms, false, NOW)), NOW);
}

#[test]
fn a_limit_is_so_many_ticks_worse_and_only_while_the_terms_are_shown() {
    for (ticks, limit) in [
        (0, Ok("1.08")),
        (1, Ok("1.08001")),
        (100, Ok("1.081")),
        (101, Err("accept.limit")),
        (u32::MAX, Err("accept.limit")),
    ] {
        let mut b = book();
        arm(&mut b);
        let set = b.set_limit("R1", ticks, NOW).map_err(|p| p.code);
        let got = set.as_ref().map(|()| accept(&b).limit.unwrap().price).map_err(String::as_str);
        assert_eq!(got, limit.map(|l| l.parse().unwrap()), "{ticks}");
    }
    let mut b = book();
    assert_eq!(b.set_limit("R1", 0, NOW).unwrap_err().code, "accept.not_armed");
    press(&mut b);
    assert_eq!(b.set_limit("R1", 5, NOW).unwrap_err().code, "accept.not_armed", "it has left");
}

/// The dealer quotes finer than the tick, and the list of instruments may have changed: no limit
/// that is worse than the price is said to be the same.
#[test]
fn a_limit_that_is_worse_by_a_part_of_a_tick_counts_as_one() {
    for (limit, ticks) in [("1.08", 0), ("1.0800002", 1), ("1.08001", 1), ("1.0800102", 2)] {
        let mut b = book();
        arm(&mut b);
        let item = b.screen.get_mut(&id("R1")).unwrap();
        let until = item.rfq.expires();
        let price = limit.parse().unwrap();
        assert!(item.rfq.set_limit(signet_rfq::Limit { price, until }));
        item.dirty = true;
        let frame = b.pull(0, &[], NOW);
        let shown = frame.rfqs.iter().find(|r| r.id == "R1").unwrap().accept.clone().unwrap();
        assert_eq!(shown.limit_ticks, ticks, "{limit}");
    }
}

#[test]
fn a_plain_venue_is_sent_no_limit() {
    let mut b = book();
    b.connection.direct = true;
    let armed = arm(&mut b);
    assert_eq!(b.set_limit("R1", 1, NOW).unwrap_err().code, "accept.no_limit");
    let AppMessage::QuoteResponse(r) = b.accept("R1", &armed, NOW).unwrap() else { panic!() };
    assert_eq!(r.limit, None);
}

#[test]
fn an_accept_says_how_far_it_follows() {
    let mut b = book();
    let armed = arm(&mut b);
    b.set_limit("R1", 2, NOW).unwrap();
    let AppMessage::QuoteResponse(r) = b.accept("R1", &armed, NOW).unwrap() else { panic!() };
    let limit = r.limit.unwrap();
    assert_eq!(limit.price, "1.08002".parse().unwrap());
    assert_eq!(limit.until, b.rfq(&id("R1")).unwrap().expires());
    assert_eq!(r.price, "1.08".parse().unwrap(), "and which quote was on the screen");
}

#[test]
fn what_the_gateway_took_within_the_limit_is_what_is_in_flight() {
    let mut b = book();
    press(&mut b);
    b.message(quote("R1", "q2", "1.079"), NOW);
    passed_on(&mut b, "q2", "1.079");
    let a = accept(&b);
    assert_eq!((a.quote.as_str(), a.price), ("q2", "1.079".parse().unwrap()));
    assert_eq!(state(&b), Accepting::Sent);
    assert!(notices(&b).is_empty());
}

#[test]
fn a_gateway_that_took_more_than_was_agreed_is_found_out() {
    let mut b = book();
    press(&mut b);
    passed_on(&mut b, "q2", "1.08001");
    assert_eq!(accept(&b).quote.as_str(), "q1", "what the trader agreed to stands");
    let told = b.pull(1, &[], NOW).notices;
    assert!(told.iter().any(|n| n.text.contains("not what you agreed to")), "{told:?}");
}

#[test]
fn a_report_says_at_which_price_the_accept_went_on_when_nothing_said_it_before() {
    use signet_fix::message::{ExecType, ExecutionReport, OrdStatus};
    // The price the gateway says, the price the dealer executed at, and whether it is a trade.
    for (sent_at, executed_at, trade) in [
        (Some("1.079"), "1.079", true),
        (None, "1.079", false),
        (Some("1.079"), "1.08", false),
        // Beyond what was agreed to: the gateway's word does not make it right.
        (Some("1.08001"), "1.08001", false),
    ] {
        let mut b = book();
        press(&mut b);
        let id = accept(&b).id;
        let fill =
            report(id.as_str(), ExecType::Trade, OrdStatus::Filled, "e1", executed_at, 1_000);
        say(&mut b, ExecutionReport { price: sent_at.map(|p| p.parse().unwrap()), ..fill });
        let filled = matches!(state(&b), Accepting::Filled(_));
        assert_eq!(filled, trade, "{sent_at:?} {executed_at}: {:?}", state(&b));
    }
}

/// A gateway that uses step-up.
fn with_step_up() -> Book {
    let mut b = book();
    b.message(with_keys(), NOW);
    b
}

fn ahead(b: &mut Book) -> Option<AheadView> {
    let frame = b.pull(0, &[], NOW);
    frame.rfqs.iter().find(|r| r.id == "R1").and_then(|r| r.ahead.clone())
}

/// The challenge that the gateway makes of what it was asked.
fn challenge(b: &mut Book, m: &AppMessage, side: Side) -> Vec<AppMessage> {
    challenge_as("c1", b, m, side)
}

fn challenge_as(challenge: &str, b: &mut Book, m: &AppMessage, side: Side) -> Vec<AppMessage> {
    let AppMessage::ApproveAhead(a) = m else { panic!("{m:?}") };
    let terms = b.rfq(&id("R1")).unwrap().terms.clone();
    let approval = Approval {
        gateway: b.connection.gateway.clone().unwrap_or_default(),
        desk: b.connection.view.comp_id.clone().unwrap_or_default(),
        approver: b.connection.view.comp_id.clone().unwrap_or_default(),
        action: Action::Ahead(AheadTerms::of(&terms, side, a.quantity, a.limit)),
    };
    let challenge = StepUpChallenge {
        id: challenge.into(),
        reason: None,
        deadline: NOW + 30_000,
        approval: approval.text().unwrap(),
        options: "{}".into(),
    };
    b.message(AppMessage::StepUpChallenge(challenge), NOW)
}

fn named(b: &mut Book) {
    b.connection.gateway = Some("SIGNET".into());
    b.connection.view.comp_id = Some("ALICE".into());
}

fn outcome(b: &mut Book, status: StepUpStatus) {
    outcome_of("c1", b, status);
}

fn outcome_of(challenge: &str, b: &mut Book, status: StepUpStatus) {
    let id = challenge.into();
    let outcome = StepUpOutcome { id, status, code: None, text: None, cure: None };
    b.message(AppMessage::StepUpOutcome(outcome), NOW);
}

#[test]
fn an_approval_ahead_is_asked_at_the_best_price_and_is_there_after_the_touch() {
    for (status, left) in [
        (StepUpStatus::Passed, Some(true)),
        (StepUpStatus::Refused, None),
        (StepUpStatus::Expired, None),
        (StepUpStatus::Withdrawn, None),
    ] {
        let mut b = with_step_up();
        named(&mut b);
        let m = b.approve_ahead("R1", view::Side::Buy, 3, NOW).unwrap();
        let AppMessage::ApproveAhead(a) = &m else { panic!() };
        assert_eq!(a.limit.price, "1.08003".parse().unwrap());
        assert!(!ahead(&mut b).unwrap().approved, "asked");
        assert!(challenge(&mut b, &m, Side::Buy).is_empty(), "it is what this desk asked");
        outcome(&mut b, status);
        assert_eq!(ahead(&mut b).map(|a| a.approved), left, "{status:?}");
    }
}

#[test]
fn a_challenge_for_another_approval_ahead_is_declined() {
    let mut b = with_step_up();
    named(&mut b);
    let m = b.approve_ahead("R1", view::Side::Buy, 3, NOW).unwrap();
    let AppMessage::ApproveAhead(mut a) = m else { panic!() };
    a.limit.price = "1.09".parse().unwrap();
    let answers = challenge(&mut b, &AppMessage::ApproveAhead(a), Side::Buy);
    assert!(
        matches!(
            &answers[..],
            [AppMessage::StepUpAnswer(StepUpAnswer { answer: Answer::Declined(_), .. })]
        ),
        "{answers:?}"
    );
}

#[test]
fn an_approval_ahead_ends_with_the_connection_and_with_the_accept_that_it_covers() {
    let approved = || {
        let mut b = with_step_up();
        named(&mut b);
        let m = b.approve_ahead("R1", view::Side::Buy, 3, NOW).unwrap();
        challenge(&mut b, &m, Side::Buy);
        outcome(&mut b, StepUpStatus::Passed);
        b
    };
    let mut b = approved();
    b.link_lost();
    assert_eq!(ahead(&mut b), None);
    let mut b = approved();
    press(&mut b);
    assert_eq!(ahead(&mut b), None, "used up");
    // As long as the gateway did not have the accept, it has the approval.
    for (what, there) in [("not sent", true), ("not readable", true), ("link lost", false)] {
        let mut b = approved();
        let (_, m) = press(&mut b);
        b.sent_as(7, &m);
        match what {
            "not readable" => b.session_reject(7, "AJ", NOW),
            "link lost" => {
                b.link_lost();
                b.not_sent(&m, crate::problem::offline(), NOW);
            }
            _ => b.not_sent(&m, crate::problem::offline(), NOW),
        }
        assert_eq!(ahead(&mut b).map(|a| a.approved), there.then_some(true), "{what}");
    }
    for (what, mut b, code) in [
        (
            "a plain venue",
            {
                let mut b = with_step_up();
                b.connection.direct = true;
                b
            },
            "accept.no_ahead",
        ),
        ("a gateway without keys", book(), "accept.no_ahead"),
    ] {
        let refused = b.approve_ahead("R1", view::Side::Buy, 0, NOW).unwrap_err();
        assert_eq!(refused.code, code, "{what}");
    }
    let mut b = with_step_up();
    assert_eq!(b.approve_ahead("R1", view::Side::Sell, 0, NOW).unwrap_err().code, "quote.none");
}

/// Else the request would be ended at the next logon, behind the trader's back.
#[test]
fn an_approval_ahead_goes_on_with_a_request_whose_stop_could_not_leave() {
    let mut b = with_step_up();
    for m in b.stop_all(NOW).0 {
        b.not_sent(&m, crate::problem::offline(), NOW);
    }
    assert!(b.screen.get_mut(&id("R1")).unwrap().stopped);
    b.approve_ahead("R1", view::Side::Buy, 3, NOW).unwrap();
    assert!(!b.screen.get_mut(&id("R1")).unwrap().stopped);
}

/// The gateway ends what was asked before, and asks for the touch of what was asked then. Its words
/// about the two cross with the trader's.
#[test]
fn an_approval_ahead_that_is_asked_for_once_more_takes_the_place_of_the_one_before() {
    #[derive(Debug, Clone, Copy)]
    enum Now {
        Ask(usize),
        Challenge(usize),
        Over(usize, StepUpStatus),
    }
    use Now::{Ask, Challenge, Over};
    use StepUpStatus::{Passed, Refused, Withdrawn};
    // What happens, and whether the second one is approved; `None`: it is not even asked for.
    let table: [(&[Now], Option<bool>); 8] = [
        (&[Ask(0), Challenge(0), Ask(1), Over(0, Withdrawn)], Some(false)),
        (&[Ask(0), Challenge(0), Ask(1), Over(0, Withdrawn), Challenge(1)], Some(false)),
        (
            &[Ask(0), Challenge(0), Ask(1), Over(0, Withdrawn), Challenge(1), Over(1, Passed)],
            Some(true),
        ),
        (
            &[Ask(0), Ask(1), Challenge(0), Over(0, Withdrawn), Challenge(1), Over(1, Passed)],
            Some(true),
        ),
        (&[Ask(0), Ask(1), Challenge(0), Over(0, Withdrawn), Challenge(1), Over(1, Refused)], None),
        (&[Ask(0), Challenge(0), Over(0, Passed), Ask(1), Challenge(1)], Some(false)),
        (&[Ask(0), Challenge(0), Over(0, Passed), Ask(1), Challenge(1), Over(1, Withdrawn)], None),
        (
            &[Ask(0), Challenge(0), Over(0, Passed), Ask(1), Challenge(1), Over(1, Passed)],
            Some(true),
        ),
    ];
    for (events, want) in table {
        for ticks in [[3, 4], [3, 3]] {
            let mut b = with_step_up();
            named(&mut b);
            let mut asked = Vec::new();
            for event in events {
                match *event {
                    Ask(n) => asked.push(
                        b.approve_ahead("R1", view::Side::Buy, ticks[n], NOW).expect("asked"),
                    ),
                    Challenge(n) => {
                        challenge_as(&format!("c{n}"), &mut b, &asked[n], Side::Buy);
                    }
                    Over(n, status) => outcome_of(&format!("c{n}"), &mut b, status),
                }
            }
            let what = format!("{events:?}, {ticks:?}");
            assert_eq!(ahead(&mut b).map(|a| a.approved), want, "{what}");
            assert!(!notices(&b).contains(&"approval.differs"), "{what}");
        }
    }
    // What the key approved is not what is asked for now.
    let mut b = with_step_up();
    named(&mut b);
    let first = b.approve_ahead("R1", view::Side::Buy, 3, NOW).unwrap();
    challenge(&mut b, &first, Side::Buy);
    b.approve_ahead("R1", view::Side::Buy, 4, NOW).unwrap();
    outcome(&mut b, StepUpStatus::Passed);
    assert!(!ahead(&mut b).unwrap().approved);
}
