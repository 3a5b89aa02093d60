use super::*;
use crate::{Input, Output, router::tests as t};
use signet_fix::message::SnapshotMark;
use signet_rfq::LineState;
use t::{T0, answer, dealer, desk, hit, quote, request, send};

fn open() -> Router {
    let mut r = t::router();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E"])), 0);
    answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 30_000), 10);
    answer(&mut r, "E", quote("ALICE.R1", "e1", "99.6", 30_000), 10);
    r
}

fn pass(who: &str, reason: &str) -> QuoteResponse {
    let AppMessage::QuoteResponse(m) = hit("p1", who, "any", "99.5") else { unreachable!() };
    let rfq = Some(RfqId::new("R1").unwrap());
    let text = Some(reason.to_owned()).filter(|t| !t.is_empty());
    QuoteResponse { response: Response::Pass, rfq, text, ..m }
}

fn say(r: &mut Router, who: &str, m: QuoteResponse, at: i64) -> Vec<Output> {
    send(r, who, AppMessage::QuoteResponse(m), at)
}

fn to(out: &[Output], who: &str) -> Vec<AppMessage> {
    let of = |o: &Output| match o {
        Output::ToDealer(d, m) if d.as_str() == who => Some(m.clone()),
        Output::ToDesk(d, m) if d.as_str() == who => Some(m.clone()),
        _ => None,
    };
    out.iter().filter_map(of).collect()
}

fn refused(out: &[Output]) -> String {
    match &to(out, "ALICE")[..] {
        [AppMessage::BusinessReject(j)] if j.ref_msg_type == "AJ" => j.text.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_dealer_is_told_and_the_others_go_on() {
    let mut r = open();
    let out = say(&mut r, "ALICE", pass("N", "too slow"), 20);
    let [AppMessage::QuoteResponse(told)] = &to(&out, "N")[..] else { panic!("{out:?}") };
    assert_eq!((told.response, told.quote.as_str()), (Response::Pass, "n1"));
    assert_eq!((&told.text, &told.rfq, &told.dealer), (&None, &None, &None), "no reason, no 131");
    assert!(to(&out, "E").is_empty(), "{out:?}");
    let [AppMessage::QuoteRequestReject(seen)] = &to(&out, "ALICE")[..] else { panic!("{out:?}") };
    assert_eq!(seen.advice.as_ref().map(|a| a.code.as_str()), Some(PASSED_BY_TRADER));
    assert_eq!((seen.text.as_deref(), seen.reason), (Some("too slow"), REASON_PASS));
    // Whatever the dealer says after that changes nothing.
    for m in [quote("ALICE.R1", "n2", "99.4", 30_000), t::refusal(10, None)] {
        assert!(to(&answer(&mut r, "N", m, 30), "ALICE").is_empty());
    }
    let out = say(&mut r, "ALICE", take("N", "n1", "99.5"), 40);
    assert!(to(&out, "N").is_empty(), "and it cannot be taken: {out:?}");
    let out = say(&mut r, "ALICE", take("E", "e1", "99.6"), 50);
    assert_eq!(to(&out, "E").len(), 1, "the other dealer's quote can: {out:?}");
}

fn take(who: &str, quote: &str, price: &str) -> QuoteResponse {
    let AppMessage::QuoteResponse(m) = hit("x1", who, quote, price) else { unreachable!() };
    let id = AcceptId::new(format!("x-{who}")).unwrap();
    QuoteResponse { id, rfq: Some(RfqId::new("R1").unwrap()), ..m }
}

#[test]
fn after_the_last_dealer_nothing_is_done() {
    let mut r = open();
    say(&mut r, "ALICE", pass("N", ""), 20);
    let out = say(&mut r, "ALICE", pass("E", ""), 30);
    let told = to(&out, "ALICE");
    assert!(
        matches!(&told[..], [AppMessage::QuoteRequestReject(_), AppMessage::QuoteStatusReport(s)]
            if s.status == RfqStatus::NothingDone),
        "{told:?}"
    );
    assert_eq!(to(&out, "E").len(), 1, "one pass, not a second one for the end: {out:?}");
}

#[test]
fn a_pass_that_makes_no_sense_is_refused_in_words() {
    let mut r = open();
    for (who, m, word) in [
        ("BOB", pass("N", ""), "no such RFQ"),
        ("ALICE", pass("S", ""), "was not asked"),
        ("ALICE", QuoteResponse { rfq: None, ..pass("N", "") }, "no such RFQ"),
        ("ALICE", QuoteResponse { dealer: None, ..pass("N", "") }, "no such RFQ"),
        ("ALICE", pass("N", &"x".repeat(PASS_REASON_MAX + 1)), "at most 100"),
    ] {
        let out = say(&mut r, who, m, 20);
        let said = match who {
            "BOB" => match &to(&out, "BOB")[..] {
                [AppMessage::BusinessReject(j)] => j.text.clone().unwrap(),
                other => panic!("{other:?}"),
            },
            _ => refused(&out),
        };
        assert!(said.contains(word), "{said}");
        assert!(to(&out, "N").is_empty() && to(&out, "S").is_empty());
    }
    // No quote, an accept on its way, an end.
    let mut fresh = t::router();
    send(&mut fresh, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E"])), 0);
    assert!(refused(&say(&mut fresh, "ALICE", pass("N", ""), 10)).contains("has no quote"));
    say(&mut r, "ALICE", take("N", "n1", "99.5"), 30);
    assert!(refused(&say(&mut r, "ALICE", pass("N", ""), 40)).contains("waiting for its answer"));
    assert_eq!(to(&say(&mut r, "ALICE", pass("E", ""), 50), "E").len(), 1, "not this dealer's");
    assert!(refused(&say(&mut r, "ALICE", pass("E", ""), 60)).contains("withdrawn"));
    let mut over = open();
    assert!(refused(&say(&mut over, "ALICE", pass("N", ""), 61_000)).contains("no longer open"));
}

#[test]
fn it_is_kept_and_told_again_after_a_reconnect() {
    let mut r = open();
    let input = Input::FromDesk(desk("ALICE"), AppMessage::QuoteResponse(pass("N", "slow")));
    assert_eq!(r.keep(T0 + 20, &input), crate::Keep::This(input.clone()));
    r.handle(T0 + 20, input.clone());
    assert_eq!(r.keep(T0 + 30, &input), crate::Keep::Nothing, "once");
    let line = r.dump().remove(0).1.line(&dealer("N")).unwrap().clone();
    assert_eq!(line.state, LineState::TurnedDown("slow".into()));
    r.handle(T0 + 40, Input::DeskDown(desk("ALICE")));
    let out = to(&r.handle(T0 + 50, Input::DeskUp(desk("ALICE"))), "ALICE");
    let told = out.iter().find_map(|m| match m {
        AppMessage::QuoteRequestReject(r) => r.advice.clone().map(|a| (a.code, r.text.clone())),
        _ => None,
    });
    assert_eq!(told, Some((PASSED_BY_TRADER.into(), Some("slow".into()))));
    assert!(out.iter().any(|m| matches!(m, AppMessage::Snapshot(SnapshotMark::End))));
}
