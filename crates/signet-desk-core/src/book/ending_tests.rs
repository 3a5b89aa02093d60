use super::super::{
    life_tests::{NOW, arm, book, id, notices, press, quote, report, request, say, snapshot},
    *,
};
use crate::view::{LinkState, NoticeKind};
use signet_fix::message::{
    AppMessage, ExecType, OrdStatus, QuoteStatusReport, RfqStatus, SnapshotMark, StepUpChallenge,
};
use signet_rfq::{AcceptState, RfqState};

/// Online, with R1 and R2 open and quoted.
fn two_open() -> Book {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    snapshot(&mut b, &[("R1", &[quote("R1", "q1", "1.08")]), ("R2", &[quote("R2", "q1", "1.08")])]);
    b
}

fn ended(messages: &[AppMessage]) -> Vec<(String, Option<String>)> {
    let cancels = messages.iter().map(|m| match m {
        AppMessage::RfqCancel { rfq, text } => (rfq.to_string(), text.clone()),
        other => panic!("{other:?}"),
    });
    cancels.collect()
}

fn status(rfq: &str, status: RfqStatus) -> AppMessage {
    AppMessage::QuoteStatusReport(QuoteStatusReport {
        rfq: id(rfq),
        instrument: super::super::life_tests::pair(),
        status,
        quote: None,
        answers: None,
        until: None,
        text: None,
    })
}

#[test]
fn a_reason_goes_to_the_gateway_and_stays_with_the_rfq() {
    let long = "x".repeat(101);
    for (reason, want) in [
        (None, Ok(None)),
        (Some("  "), Ok(None)),
        (Some(" traded elsewhere "), Ok(Some("traded elsewhere"))),
        (Some("two\nlines"), Err("rfq.reason")),
        (Some("8=FIX\u{1}"), Err("rfq.reason")),
        (Some(long.as_str()), Err("rfq.reason")),
    ] {
        let mut b = book();
        let got = b.end("R1", reason).map(|m| ended(&[m]).remove(0).1);
        match want {
            Ok(text) => assert_eq!(got, Ok(text.map(str::to_owned)), "{reason:?}"),
            Err(code) => assert_eq!(got.unwrap_err().code, code, "{reason:?}"),
        }
    }
    // A plain venue has no message for it, so the desk itself remembers.
    let mut b = book();
    b.end("R1", Some("traded elsewhere")).unwrap();
    b.message(status("R1", RfqStatus::Cancelled), NOW);
    let r = b.rfq(&id("R1")).unwrap();
    assert_eq!((r.state, r.reason.as_deref()), (RfqState::Cancelled, Some("traded elsewhere")));
}

#[test]
fn stop_takes_back_what_is_armed_and_ends_everything_that_is_open() {
    let mut b = two_open();
    arm(&mut b);
    let (messages, approvals, done) = b.stop_all(NOW);
    let both: Vec<String> = ended(&messages).into_iter().map(|(rfq, _)| rfq).collect();
    assert_eq!((both, approvals.len()), (vec!["R1".to_owned(), "R2".to_owned()], 0));
    assert_eq!((done.ended, done.taken_back, done.left.len()), (2, 1, 0));
    assert!(b.rfq(&id("R1")).unwrap().accept.is_none(), "nothing is armed");
    assert_eq!(notices(&b).last().copied(), Some("desk.stopped"));
    // Nothing can be agreed to in between.
    assert!(b.pull(0, &[], NOW).lines.iter().all(|l| !l.can_lift));
}

#[test]
fn what_is_on_its_way_is_told_and_ended_when_its_answer_is_there() {
    let mut b = two_open();
    let (accept, _) = press(&mut b);
    let (messages, _, done) = b.stop_all(NOW);
    assert_eq!(ended(&messages)[0].0, "R2");
    let left: Vec<(&str, &str)> =
        done.left.iter().map(|l| (l.rfq_id.as_str(), l.why.as_str())).collect();
    assert_eq!(left, [("R1", "an accept is on its way to NORTH and cannot be called back")]);
    // The dealer declines: the RFQ is open again, and is ended now.
    let no = report(&accept, ExecType::Rejected, OrdStatus::Rejected, "e1", "1.08", 0);
    let answers = b.message(AppMessage::ExecutionReport(no.clone()), NOW);
    assert_eq!(ended(&answers).iter().map(|(r, _)| r.as_str()).collect::<Vec<_>>(), ["R1"]);
    assert!(b.message(AppMessage::ExecutionReport(no), NOW).is_empty(), "once");
    // The dealer fills: it ended by itself.
    let mut b = two_open();
    let (accept, _) = press(&mut b);
    b.stop_all(NOW);
    let fill = report(&accept, ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 1_000);
    assert!(b.message(AppMessage::ExecutionReport(fill), NOW).is_empty());
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::Done);
}

#[test]
fn without_a_connection_everything_is_ended_as_soon_as_there_is_one() {
    let mut b = two_open();
    arm(&mut b);
    b.link(NOW, |s| s.state = LinkState::Reconnecting);
    b.link_lost();
    let (messages, _, done) = b.stop_all(NOW);
    assert_eq!((messages.len(), done.taken_back, done.left.len()), (0, 1, 2));
    assert!(done.left.iter().all(|l| l.why == "there is no connection"));
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    for rfq in ["R1", "R2"] {
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request(rfq))), NOW);
    }
    let answers = b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    assert_eq!(ended(&answers).len(), 2);
}

/// A notice is cut at a thousand characters.
#[test]
fn a_stop_that_leaves_much_open_says_how_much() {
    let mut b = two_open();
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    for n in 1..=9 {
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request(&format!("R{n}")))), NOW);
    }
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    b.link(NOW, |s| s.state = LinkState::Reconnecting);
    b.link_lost();
    assert_eq!(b.stop_all(NOW).2.left.len(), 9);
    let told = b.pull(0, &[], NOW).notices;
    let text = &told.iter().find(|n| n.code == "desk.stopped").unwrap().text;
    assert!(text.ends_with(" Not ended yet besides: 5."), "{text}");
}

/// Stop is the trader's last word on a request until the trader goes on with it.
#[test]
fn a_stop_that_did_not_arrive_is_said_again_at_each_logon() {
    let back = |b: &mut Book| {
        b.link(NOW, |s| s.state = LinkState::Reconnecting);
        b.link_lost();
        let says = |rfq| AppMessage::Snapshot(SnapshotMark::Rfq(request(rfq)));
        let held: Vec<&str> = ["R1", "R2"].into_iter().filter(|rfq| open(b, rfq)).collect();
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        for rfq in held {
            b.message(says(rfq), NOW);
            b.message(quote(rfq, "q1", "1.08"), NOW);
        }
        let answers = b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
        ended(&answers).into_iter().map(|(rfq, why)| (rfq, why.unwrap())).collect::<Vec<_>>()
    };
    let stopped = |rfqs: &[&str]| -> Vec<(String, String)> {
        rfqs.iter().map(|rfq| ((*rfq).to_owned(), "stopped by the trader".to_owned())).collect()
    };
    // It was lost on its way, twice.
    let mut b = two_open();
    assert_eq!(b.stop_all(NOW).0.len(), 2);
    assert_eq!(back(&mut b), stopped(&["R1", "R2"]));
    assert!(b.pull(0, &[], NOW).lines.iter().all(|l| !l.can_lift));
    b.message(status("R2", RfqStatus::Cancelled), NOW);
    assert_eq!(back(&mut b), stopped(&["R1"]));
    b.message(status("R1", RfqStatus::Cancelled), NOW);
    assert_eq!(back(&mut b), stopped(&[]));
    // It could not leave, and the trader goes on with one of them.
    let mut b = two_open();
    for m in b.stop_all(NOW).0 {
        b.not_sent(&m, crate::problem::offline(), NOW);
    }
    arm(&mut b);
    assert_eq!(back(&mut b), stopped(&["R2"]));
    assert!(!notices(&b).contains(&"rfq.end_lost"));
    // The end of one request is not said again by itself; that it was lost is told.
    let mut b = two_open();
    b.end("R1", None).unwrap();
    assert_eq!(back(&mut b), stopped(&[]));
    assert_eq!(notices(&b).iter().filter(|n| **n == "rfq.end_lost").count(), 1);
}

fn open(b: &Book, rfq: &str) -> bool {
    b.rfq(&id(rfq)).is_some_and(|r| !r.state.ended())
}

/// The gateway asks for a touch.
fn challenge(b: &mut Book, action: signet_stepup::Action) {
    let approval = signet_stepup::Approval {
        gateway: "SIGNET".into(),
        desk: "ALICE1".into(),
        approver: "ALICE1".into(),
        action,
    };
    let challenge = StepUpChallenge {
        id: "c1".into(),
        deadline: NOW + 60_000,
        approval: approval.text().unwrap(),
        options: "{}".into(),
        reason: None,
    };
    b.message(AppMessage::StepUpChallenge(challenge), NOW);
}

#[test]
fn stop_refuses_an_accept_that_waits_for_a_touch_and_ends_a_request_that_does() {
    use signet_stepup::{AcceptTerms, Action, RequestTerms};
    let alice = || {
        let mut b = book();
        b.at_gateway(&signet_identity::CompId::new("SIGNET").unwrap(), false);
        b.link(NOW, |s| s.comp_id = Some("ALICE1".into()));
        b
    };
    let mut b = alice();
    press(&mut b);
    let r = b.rfq(&id("R1")).unwrap();
    let terms = AcceptTerms::of(&r.accept.as_ref().unwrap().0, &r.terms);
    challenge(&mut b, Action::Accept(terms));
    let (messages, approvals, done) = b.stop_all(NOW);
    assert_eq!((messages.len(), approvals), (0, vec!["c1".to_owned()]));
    assert_eq!(done.left[0].why, "an accept waits for approval, which is refused");
    // The gateway ends a request that waits with the request itself.
    let mut b = alice();
    let terms = RequestTerms::of(&b.rfq(&id("R1")).unwrap().terms);
    challenge(&mut b, Action::Request(terms));
    let (messages, approvals, done) = b.stop_all(NOW);
    assert_eq!((ended(&messages).len(), approvals.len(), done.left.len()), (1, 0, 0));
}

/// Nothing at the gateway stops for it, so it must not look as if something did.
#[test]
fn declining_after_the_touch_comes_too_late_and_is_said() {
    use signet_stepup::{Action, RequestTerms};
    for signed in [false, true] {
        let mut b = book();
        b.at_gateway(&signet_identity::CompId::new("SIGNET").unwrap(), false);
        b.link(NOW, |s| s.comp_id = Some("ALICE1".into()));
        let terms = RequestTerms::of(&b.rfq(&id("R1")).unwrap().terms);
        challenge(&mut b, Action::Request(terms));
        if signed {
            b.with_step_ups(|s| s.checking("c1"));
        }
        assert!(b.refuse_step_up("c1", NOW).is_some() && !b.has_step_up("c1"), "{signed}");
        assert_eq!(notices(&b).contains(&"stepup.touched_already"), signed);
    }
}

#[test]
fn stop_with_nothing_open_says_so() {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    let (messages, _, done) = b.stop_all(NOW);
    assert_eq!((messages.len(), done.ended, done.taken_back), (0, 0, 0));
    let told = b.pull(0, &[], NOW);
    assert!(told.notices.iter().all(|n| n.kind != NoticeKind::Bad));
}

#[test]
fn a_window_with_something_open_closes_at_the_second_try_or_when_the_trader_says_so() {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    assert!(b.may_close(NOW), "nothing is open");
    let mut b = two_open();
    let seq = b.pull(0, &[], NOW).seq as u64;
    assert!(!b.may_close(NOW));
    assert_eq!(notices(&b).last().copied(), Some("desk.closing"));
    let asked = b.pull(seq, &[], NOW);
    assert_eq!(asked.closing, Some(true), "the page asks");
    b.stay_open();
    assert_eq!(b.pull(asked.seq as u64, &[], NOW).closing, Some(false));
    assert!(!b.may_close(NOW), "it asks again");
    assert!(b.may_close(NOW), "and closes at the second try");
    // An accept whose outcome is unknown counts too.
    let mut b = book();
    press(&mut b);
    b.link_lost();
    assert!(matches!(b.rfq(&id("R1")).unwrap().accept, Some((_, AcceptState::Unknown))));
    assert!(!b.may_close(NOW));
    say(&mut b, report("nobody:1", ExecType::New, OrdStatus::New, "e", "1", 0));
}
