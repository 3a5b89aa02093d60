use super::*;
use crate::{
    Output,
    router::tests::{T0, answer, desk, hit, quoted, report, request, router, send},
};
use signet_fix::{
    AppMessage,
    message::{ExecType, OrdStatus, Response},
};

fn rfq(id: &str) -> RfqId {
    RfqId::new(id).unwrap()
}

fn end(who: &str, id: &str) -> Input {
    Input::Decided(desk(who), Decided::End { rfq: rfq(id), text: "withdrawn".into() })
}

fn state(r: &Router, id: &str) -> RfqState {
    let all = r.dump();
    all.iter().find(|(rfq, _)| rfq.as_str() == id).map(|(_, rfq)| rfq.state).unwrap()
}

/// How an RFQ ended, as its desk reads it, and whether a dealer was told that it may stop.
fn told(out: &[Output]) -> (Vec<(RfqStatus, Option<String>)>, bool) {
    let ends = out.iter().filter_map(|o| match o {
        Output::ToDesk(_, AppMessage::QuoteStatusReport(s)) => Some((s.status, s.text.clone())),
        _ => None,
    });
    let stop = |o: &Output| match o {
        Output::ToDealer(_, AppMessage::QuoteResponse(r)) => r.response == Response::Pass,
        _ => false,
    };
    (ends.collect(), out.iter().any(stop))
}

#[test]
fn the_gateway_ends_an_rfq_at_once_and_in_its_own_words() {
    let mut r = quoted();
    assert_eq!(r.keep(T0 + 200, &end("ALICE", "R1")), Keep::This(end("ALICE", "R1")));
    let out = r.handle(T0 + 200, end("ALICE", "R1"));
    let withdrawn = (RfqStatus::Cancelled, Some("withdrawn".to_owned()));
    assert_eq!(told(&out), (vec![withdrawn], true));
    assert_eq!(state(&r, "ALICE.R1"), RfqState::Cancelled);
    // It has ended, was never there, or is another desk's.
    for other in [end("ALICE", "R1"), end("ALICE", "R2"), end("BOB", "R1")] {
        assert_eq!(r.keep(T0 + 300, &other), Keep::Nothing, "{other:?}");
        assert!(r.handle(T0 + 300, other).is_empty());
    }
}

/// Its desk was cut off while the accept was with the dealer.
#[test]
fn while_an_accept_is_in_flight_its_answer_decides_and_without_a_trade_the_rfq_ends_by_it() {
    let declined = report("ALICE.x1", ExecType::Rejected, OrdStatus::Rejected, "99.5");
    let filled = report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5");
    for (answered, want, passed) in
        [(declined, RfqState::Cancelled, true), (filled, RfqState::Done, false)]
    {
        let mut r = quoted();
        send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
        assert_eq!(r.waiting_for_answer(&desk("ALICE")), [rfq("R1")]);
        assert!(!r.is_ending(&desk("ALICE"), &rfq("R1")));
        assert_eq!(r.keep(T0 + 250, &end("ALICE", "R1")), Keep::This(end("ALICE", "R1")));
        assert_eq!(told(&r.handle(T0 + 250, end("ALICE", "R1"))), (vec![], false));
        assert!(r.is_ending(&desk("ALICE"), &rfq("R1")));
        assert_eq!(r.keep(T0 + 260, &end("ALICE", "R1")), Keep::Nothing, "it is decided");
        r.handle(T0 + 300, Input::Tick);
        assert_eq!(state(&r, "ALICE.R1"), RfqState::Open);
        let out = answer(&mut r, "N", answered, 400);
        assert_eq!(state(&r, "ALICE.R1"), want);
        assert_eq!(told(&out).0.len(), usize::from(passed), "{out:?}");
        assert!(!r.is_ending(&desk("ALICE"), &rfq("R1")));
        assert!(r.waiting_for_answer(&desk("ALICE")).is_empty());
    }
}

/// It did not reach the dealer, which is the gateway's own word.
#[test]
fn an_accept_that_did_not_leave_ends_it_too() {
    let mut r = quoted();
    let out = send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    r.handle(T0 + 205, end("ALICE", "R1"));
    let onward = out.into_iter().find_map(|o| match o {
        Output::ToDealer(d, m) => Some(Input::NotSentToDealer(d, m)),
        _ => None,
    });
    r.handle(T0 + 210, onward.unwrap());
    assert_eq!(state(&r, "ALICE.R1"), RfqState::Cancelled);
    let again = send(&mut r, "ALICE", hit("x2", "N", "n1", "99.5"), 220);
    assert!(!again.iter().any(|o| matches!(o, Output::ToDealer(..))), "{again:?}");
}

#[test]
fn a_tick_that_ends_rfqs_is_written_once_and_no_other_is() {
    let mut r = router();
    for (who, id) in [("ALICE", "R1"), ("BOB", "R1")] {
        send(&mut r, who, AppMessage::QuoteRequest(request(id, &["N"])), 0);
    }
    assert_eq!(r.keep(T0 + 59_999, &Input::Tick), Keep::Nothing);
    let kept = r.keep(T0 + 60_000, &Input::Tick);
    let Keep::Beside(Input::Decided(_, Decided::TimeUp(id))) = &kept else { panic!("{kept:?}") };
    assert_eq!(*id, rfq("R1"));
    r.handle(T0 + 60_000, Input::Tick);
    assert_eq!(r.keep(T0 + 60_001, &Input::Tick), Keep::Nothing);
    // What waits for its answer is not ended by time.
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert_eq!(r.keep(T0 + 60_000, &Input::Tick), Keep::Nothing);
}

/// The dealer contradicts itself, long after.
#[test]
fn a_report_about_an_rfq_that_has_expired_does_not_end_it_once_more() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    answer(&mut r, "N", report("ALICE.x1", ExecType::Rejected, OrdStatus::Rejected, "99.5"), 300);
    let expired = (RfqStatus::Expired, None);
    assert_eq!(told(&r.handle(T0 + 60_000, Input::Tick)).0, [expired]);
    let late = report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5");
    let out = answer(&mut r, "N", late, 70_000);
    assert!(out.iter().any(|o| matches!(o, Output::Alert { code: "execution.disputed", .. })));
    assert!(told(&out).0.is_empty(), "{out:?}");
    assert_eq!(state(&r, "ALICE.R1"), RfqState::Expired);
    // It counts for the day in which it came, so it is remembered for a day from then on.
    const DAY: i64 = 86_400_000;
    r.handle(T0 + 70_000 + DAY - 1, Input::Tick);
    assert!(r.remembers(&rfq("ALICE.R1")));
    r.handle(T0 + 70_000 + DAY, Input::Tick);
    assert!(!r.remembers(&rfq("ALICE.R1")));
}
