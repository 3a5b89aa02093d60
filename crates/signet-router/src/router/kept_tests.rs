//! What is written down, and what takes the place of what in the answers that wait for a desk.

use super::*;
use crate::router::{
    DealerSettings, counted,
    tests::{
        T0, answer, bund, dealer, dec, desk, hit, quote, quoted, refusal, report, request, router,
        send,
    },
};
use rust_decimal::Decimal;
use signet_fix::message::{
    BusinessReject, ExecType, OrdStatus, OrderStatusRequest, QuoteMsg, QuoteResponse,
    QuoteStatusReport, RfqStatus, TakeOver,
};
use signet_rfq::{InstrumentId, QuoteId, Side};

fn from(who: &str, m: AppMessage) -> Input {
    Input::FromDealer(dealer(who), m)
}

fn accept(m: AppMessage) -> QuoteResponse {
    let AppMessage::QuoteResponse(r) = m else { unreachable!() };
    r
}

fn fill() -> ExecutionReport {
    let AppMessage::ExecutionReport(e) =
        report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5")
    else {
        unreachable!()
    };
    e
}

#[test]
fn a_request_is_written_on_the_gateways_clock_and_an_accept_with_its_rfq() {
    let r = router();
    let asked =
        QuoteRequest { at: T0 - 5_000, expires: T0 + 55_000, isin: false, ..request("R1", &["N"]) };
    let keep = r.keep(T0, &Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(asked)));
    let decided = Decided::Request(QuoteRequest {
        at: T0,
        expires: T0 + 60_000,
        isin: true,
        ..request("R1", &["N"])
    });
    assert_eq!(keep, Keep::This(Input::Decided(desk("ALICE"), decided)));
    let r = quoted();
    let keep = r.keep(T0 + 200, &Input::FromDesk(desk("ALICE"), hit("x1", "N", "n1", "99.5")));
    let decided = Decided::Accept(QuoteResponse {
        rfq: Some(RfqId::new("R1").unwrap()),
        ..accept(hit("x1", "N", "n1", "99.5"))
    });
    assert_eq!(keep, Keep::This(Input::Decided(desk("ALICE"), decided)));
}

#[test]
fn the_text_of_an_accept_is_neither_written_nor_sent_on() {
    let with_text = || QuoteResponse {
        text: Some("call me ".repeat(40)),
        ..accept(hit("x1", "N", "n1", "99.5"))
    };
    let r = quoted();
    let input = Input::FromDesk(desk("ALICE"), AppMessage::QuoteResponse(with_text()));
    let Keep::This(Input::Decided(_, Decided::Accept(kept))) = r.keep(T0 + 200, &input) else {
        panic!("it is let through")
    };
    assert_eq!(kept.text, None);
    // By the desk itself, and by a record of an earlier version, which holds the text.
    let from_record = QuoteResponse { rfq: RfqId::new("R1").ok(), ..with_text() };
    let from_record = Input::Decided(desk("ALICE"), Decided::Accept(from_record));
    for (mut r, input) in [(quoted(), input), (r, from_record)] {
        let out = r.handle(T0 + 200, input);
        let sent = out.iter().find_map(|o| match o {
            Output::ToDealer(_, AppMessage::QuoteResponse(sent)) => Some(sent.text.clone()),
            _ => None,
        });
        assert_eq!(sent, Some(None), "{out:?}");
    }
}

/// A router that reads an accept of ALICE's from its journal, and then these.
fn replayed(then: &[Input]) -> Router {
    let mut r = router();
    let before = [
        Input::Decided(desk("ALICE"), Decided::Request(request("R1", &["N"]))),
        from("N", quote("ALICE.R1", "n1", "99.5", 10_000)),
        accepted("x1"),
    ];
    for input in before.iter().chain(then) {
        r.replay(T0 + 200, input.clone(), None);
    }
    r
}

fn accepted(id: &str) -> Input {
    let of = RfqId::new("R1").ok();
    let r = QuoteResponse { rfq: of, ..accept(hit(id, "N", "n1", "99.5")) };
    Input::Decided(desk("ALICE"), Decided::Accept(r))
}

#[test]
fn what_was_decided_later_shows_that_an_accept_was_over() {
    let id = |text: &str| RfqId::new(text).unwrap();
    let take = TakeOver { rfq: id("B1"), desk: desk("ALICE"), of: id("R1"), at: T0 + 200 };
    let take = Input::Decided(desk("BOB"), Decided::TakeOver(take));
    let r = replayed(&[take]);
    let has = r.open_as(&desk("BOB"), &id("B1")).map(|(has, rfq)| (has.clone(), rfq.in_flight()));
    assert_eq!(has, Some((desk("BOB"), false)));
    let r = replayed(&[accepted("x2")]);
    let own = |r: &Router| {
        let rfq = r.open_as(&desk("ALICE"), &id("R1")).map(|(_, rfq)| rfq.accept.clone());
        rfq.flatten().map(|(a, state)| (a.id.to_string(), state.in_flight()))
    };
    assert_eq!(own(&r), Some(("x2".into(), true)));
    // The same record once more, or what says nothing of it, leaves it in flight.
    let requoted = from("N", quote("ALICE.R1", "n2", "99.4", 10_000));
    for then in [vec![], vec![accepted("x1")], vec![requoted]] {
        let mut r = replayed(&then);
        assert_eq!(own(&r), Some(("x1".into(), true)), "{then:?}");
        r.replay(T0 + 300, from("N", AppMessage::ExecutionReport(fill())), None);
        assert_eq!(r.traded_pairs(), [(desk("ALICE"), dealer("N"))], "{then:?}");
    }
}

/// Every line was down with the gateway: the start tells it, and the line that goes next does not.
#[test]
fn an_accept_that_is_unknown_after_a_restart_is_told_by_the_start_alone() {
    let told = |out: &[Output]| out.iter().filter(|o| matches!(o, Output::Unanswered(..))).count();
    let mut r = replayed(&[]);
    assert_eq!(told(&r.unanswered(T0 + 300)), 0, "it is sent");
    r.replayed();
    let all = r.unanswered(T0 + 300);
    assert!(
        matches!(&all[..], [Output::Unanswered(d, e)]
            if d == &desk("ALICE") && e.accept.as_str() == "x1" && e.dealer == Some(dealer("N"))),
        "{all:?}"
    );
    // Why it is unknown is said as it was, to whoever watches and to the desk that asks or is back.
    let why = |out: &[Output]| -> Vec<&'static str> {
        let of = |o: &Output| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e))
            | Output::Untold(_, AppMessage::ExecutionReport(e))
            | Output::Unanswered(_, e) => {
                let text = e.text.clone().unwrap_or_default();
                Some(if text.contains("restarted") { "restarted" } else { "link" })
            }
            _ => None,
        };
        out.iter().filter_map(of).collect()
    };
    let asks = || {
        AppMessage::OrderStatusRequest(OrderStatusRequest {
            accept: AcceptId::new("x1").unwrap(),
            instrument: bund(),
            side: Side::Buy,
            dealer: None,
            sent: None,
        })
    };
    let by_desk = || Input::FromDesk(desk("ALICE"), asks());
    assert_eq!(why(&all), ["restarted"]);
    assert_eq!(why(&r.handle(T0 + 310, by_desk())), ["restarted"]);
    assert_eq!(why(&r.handle(T0 + 320, Input::DeskUp(desk("ALICE")))), ["restarted"]);
    r.handle(T0 + 400, Input::DealerUp(dealer("N")));
    let lost = r.handle(T0 + 500, Input::DealerDown(dealer("N")));
    assert_eq!((told(&lost), why(&lost)), (0, vec!["link"]));
    assert_eq!(why(&r.handle(T0 + 510, by_desk())), ["link"]);
    let mut r = replayed(&[from("N", AppMessage::ExecutionReport(fill()))]);
    r.replayed();
    assert_eq!(told(&r.unanswered(T0 + 300)), 0, "it is answered");
}

/// Its answer will never come, and the RFQ would be open for ever.
#[test]
fn an_accept_whose_dealer_is_not_in_the_settings_is_unknown_and_its_rfq_ends() {
    const DAY: i64 = 24 * 3_600_000;
    let id = RfqId::new("ALICE.R1").unwrap();
    let mut r = replayed(&[]);
    r.dealers.remove(&dealer("N"));
    r.replayed();
    assert!(r.open_with_id(&id).is_none() && r.rfqs.is_consistent());
    let doing = r.doing(&desk("ALICE"), T0 + 300);
    assert_eq!((doing.open_rfqs, doing.day.get("EUR")), (0, Some(&dec("5000000"))), "in flight");
    let all = r.unanswered(T0 + 300);
    let [Output::Unanswered(_, told)] = &all[..] else { panic!("{all:?}") };
    let asks = AppMessage::OrderStatusRequest(OrderStatusRequest {
        accept: AcceptId::new("x1").unwrap(),
        instrument: bund(),
        side: Side::Buy,
        dealer: None,
        sent: None,
    });
    let out = send(&mut r, "ALICE", asks, 310);
    let heard = out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e),
        _ => None,
    });
    for e in [told, heard.unwrap()] {
        assert_eq!((e.status, e.reject_reason), (OrdStatus::New, Some(99)), "{e:?}");
        assert!(e.text.as_ref().is_some_and(|t| t.contains("settings")), "{e:?}");
    }
    r.handle(T0 + 199 + DAY, Input::Tick);
    assert!(r.remembers(&id));
    r.handle(T0 + 200 + DAY, Input::Tick);
    assert!(!r.remembers(&id) && r.rfqs.is_consistent());
}

#[test]
fn what_waits_for_a_desk_is_bounded_and_answers_to_accepts_fall_out_last() {
    let answer = |n: usize| {
        let accept = AcceptId::new(format!("y{n}")).unwrap();
        AppMessage::ExecutionReport(ExecutionReport { accept, ..fill() })
    };
    let mut pending: VecDeque<AppMessage> = (1..MAX_PENDING_PER_DESK).map(answer).collect();
    let over =
        QuoteStatusReport::of_rfq(RfqId::new("R7").unwrap(), bund(), RfqStatus::Expired, None);
    assert_eq!(await_desk(&mut pending, AppMessage::QuoteStatusReport(over)), None);
    assert_eq!(await_desk(&mut pending, answer(5_000)), None, "the end of an RFQ falls out");
    let lost = await_desk(&mut pending, answer(5_001)).map(|e| e.accept.to_string());
    assert_eq!((lost.as_deref(), pending.len()), (Some("y1"), MAX_PENDING_PER_DESK));
}

/// An answer that falls out is an event.
#[test]
fn an_answer_that_waits_no_more_is_said() {
    let mut r = router();
    r.handle(T0, Input::DeskDown(desk("ALICE")));
    let mut alerts = Vec::new();
    for n in 0..=MAX_PENDING_PER_DESK {
        let accept = AcceptId::new(format!("y{n}")).unwrap();
        let told = ExecutionReport { accept, dealer: Some(dealer("N")), ..fill() };
        r.tell_desk(&desk("ALICE"), AppMessage::ExecutionReport(told));
        alerts.extend(std::mem::take(&mut r.out).into_iter().filter_map(|o| match o {
            Output::Alert { code, about, .. } => Some((n, code, about)),
            _ => None,
        }));
    }
    assert_eq!(alerts, [(MAX_PENDING_PER_DESK, "execution.untold", "N".to_owned())]);
}

/// Most desks are registered and have no settings of their own. What came for one of them while it
/// was away waits for it over a restart as for any other.
#[test]
fn what_a_registered_desk_missed_is_told_after_a_restart() {
    let settings =
        DealerSettings { id: dealer("N"), name: "N".into(), counters: false, parts: false };
    let catalogue = signet_rfq::Catalogue::new([]).unwrap();
    let r = Router::new("Venue".into(), false, catalogue, [], [settings], counted());
    let mut r = r.with_desk_default(Some(Default::default()));
    let inputs = [
        Input::Decided(desk("ALICE"), Decided::Request(request("R1", &["N"]))),
        from("N", quote("ALICE.R1", "n1", "99.5", 10_000)),
        accepted("x1"),
        from("N", AppMessage::ExecutionReport(fill())),
    ];
    for input in inputs {
        r.replay(T0 + 200, input, None);
    }
    r.replayed();
    let told = r.handle(T0 + 300, Input::DeskUp(desk("ALICE")));
    let reports = |o: &Output| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.exec_type),
        _ => None,
    };
    let reports: Vec<ExecType> = told.iter().filter_map(reports).collect();
    assert_eq!(reports, [ExecType::Trade], "{told:?}");
}

#[test]
fn what_changes_nothing_is_not_written() {
    let mut r = quoted();
    let nothing = |r: &Router, at: i64, input: Input, what: &str| {
        assert_eq!(r.keep(T0 + at, &input), Keep::Nothing, "{what}")
    };
    let pass = QuoteResponse { response: Response::Pass, ..accept(hit("x1", "N", "n1", "99.5")) };
    nothing(
        &r,
        200,
        Input::FromDesk(desk("ALICE"), AppMessage::QuoteResponse(pass)),
        "a pass of a desk",
    );
    let stranger = QuoteRequest { id: RfqId::new("ALICE.R9").unwrap(), ..request("R9", &["N"]) };
    nothing(
        &r,
        200,
        Input::NotSentToDealer(dealer("N"), AppMessage::QuoteRequest(stranger)),
        "about an RFQ that is not there",
    );
    nothing(&r, 200, from("N", quote("ALICE.R1", "n1", "99.5", 10_000)), "the quote that stands");
    // Over, and the same as before: it takes nobody's place.
    nothing(&r, 10_001, from("N", quote("ALICE.R1", "n1", "99.5", 10_000)), "the quote that stood");
    assert!(matches!(r.keep(T0 + 200, &from("E", refusal(10, None))), Keep::This(_)));
    answer(&mut r, "E", refusal(10, None), 200);
    nothing(&r, 200, from("E", refusal(10, None)), "the same refusal again");
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    nothing(
        &r,
        200,
        Input::FromDesk(desk("ALICE"), hit("x1", "N", "n1", "99.5")),
        "the same accept again",
    );
    answer(&mut r, "N", AppMessage::ExecutionReport(fill()), 300);
    nothing(&r, 300, from("N", AppMessage::ExecutionReport(fill())), "the same fill again");
    let own_word = ExecutionReport { disputed: true, ..fill() };
    nothing(
        &r,
        300,
        from("N", AppMessage::ExecutionReport(own_word)),
        "whether it is disputed is not the dealer's word",
    );
    nothing(&r, 300, from("N", quote("ALICE.R1", "n9", "99.4", 10_000)), "a quote after the end");
    // What comes after the end and counts.
    let bust = ExecutionReport {
        exec_id: "H".into(),
        exec_ref: Some("X".into()),
        exec_type: ExecType::TradeCancel,
        status: OrdStatus::Cancelled,
        last: None,
        cum_qty: Decimal::ZERO,
        ..fill()
    };
    assert!(
        matches!(r.keep(T0 + 400, &from("N", AppMessage::ExecutionReport(bust))), Keep::This(_)),
        "a bust"
    );
}

/// The desk gave its accept in R1 the id of another RFQ, which only S was asked in.
#[test]
fn a_reject_of_a_request_is_about_the_request_whatever_accepts_are_called() {
    let mut r = quoted();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R2", &["S"])), 150);
    send(&mut r, "ALICE", hit("R2", "N", "n1", "99.5"), 200);
    let reject = |msg_type: &str| {
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: msg_type.into(),
            ref_id: Some("ALICE.R2".into()),
            reason: 0,
            text: None,
        })
    };
    for (who, msg_type, rfq) in [("S", "R", "ALICE.R2"), ("N", "AJ", "ALICE.R1")] {
        let input = from(who, reject(msg_type));
        assert_eq!(r.concerns(&input).as_ref().map(RfqId::as_str), Some(rfq), "{msg_type}");
        assert_eq!(r.keep(T0 + 250, &input), Keep::This(input.clone()), "{msg_type}");
    }
}

#[test]
fn a_quote_for_another_instrument_takes_the_place_of_the_one_before() {
    let r = quoted();
    let AppMessage::Quote(q) = quote("ALICE.R1", "n2", "99.4", 10_000) else { unreachable!() };
    let other = QuoteMsg { instrument: InstrumentId::new("XS0000000009").unwrap(), ..q };
    let cancel =
        dealer_side::cancel_of(&RfqId::new("ALICE.R1").unwrap(), QuoteId::new("n1").unwrap());
    assert_eq!(
        r.keep(T0 + 200, &from("N", AppMessage::Quote(other))),
        Keep::Beside(from("N", AppMessage::QuoteCancel(cancel)))
    );
}

#[test]
fn which_waiting_answer_a_new_one_replaces() {
    let of_rfq = |id: &str, status| {
        AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(
            RfqId::new(id).unwrap(),
            bund(),
            status,
            None,
        ))
    };
    let of_accept = |accept: &str, kind, exec: &str, cum: &str| {
        AppMessage::ExecutionReport(ExecutionReport {
            accept: AcceptId::new(accept).unwrap(),
            exec_id: exec.into(),
            exec_type: kind,
            status: OrdStatus::New,
            cum_qty: dec(cum),
            ..fill()
        })
    };
    for (what, new, old, want) in [
        ("the same RFQ", of_rfq("R1", RfqStatus::Expired), of_rfq("R1", RfqStatus::Open), true),
        ("another RFQ", of_rfq("R2", RfqStatus::Expired), of_rfq("R1", RfqStatus::Open), false),
        (
            "work in progress",
            of_accept("x", ExecType::Trade, "e1", "1"),
            of_accept("x", ExecType::PendingNew, "p", "0"),
            true,
        ),
        (
            "of another accept",
            of_accept("y", ExecType::Trade, "e1", "1"),
            of_accept("x", ExecType::PendingNew, "p", "0"),
            false,
        ),
        (
            "the same execution",
            of_accept("x", ExecType::Trade, "e1", "1"),
            of_accept("x", ExecType::Trade, "e1", "1"),
            true,
        ),
        (
            "another execution",
            of_accept("x", ExecType::Trade, "e2", "1"),
            of_accept("x", ExecType::Trade, "e1", "1"),
            false,
        ),
        (
            "its bust",
            of_accept("x", ExecType::TradeCancel, "e1", "0"),
            of_accept("x", ExecType::Trade, "e1", "1"),
            false,
        ),
        // New with a quantity says what was executed so far, which is an answer.
        (
            "after what was executed",
            of_accept("x", ExecType::Trade, "e2", "2"),
            of_accept("x", ExecType::New, "n", "1"),
            false,
        ),
        ("kinds", of_rfq("R1", RfqStatus::Open), of_accept("x", ExecType::Trade, "e1", "1"), false),
    ] {
        assert_eq!(replaces(&new, &old), want, "{what}");
    }
}
