//! Nobody touches what is another's, a final state is final, and every report leaves a record.

use super::*;
use signet_fix::message::{BusinessReject, SecurityListRequest};
use signet_rfq::{AcceptState, Declined};

fn cancel(rfq: &str, quote: &str) -> AppMessage {
    AppMessage::QuoteCancel(QuoteCancel {
        rfq: Some(RfqId::new(rfq).unwrap()),
        quote: Some(QuoteId::new(quote).unwrap()),
        instrument: Some(bund()),
        dealer: None,
        unreachable: false,
    })
}

fn reject(msg_type: &str, id: &str) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: msg_type.into(),
        ref_id: Some(id.into()),
        reason: 0,
        text: Some("cannot".into()),
    })
}

fn execution(kind: ExecType, status: OrdStatus, exec: &str, cum: &str) -> ExecutionReport {
    let AppMessage::ExecutionReport(e) = report("ALICE.x1", kind, status, "99.5") else {
        unreachable!()
    };
    let last = (cum != "0").then(|| Level { price: dec("99.5"), size: dec(cum) });
    ExecutionReport { exec_id: exec.into(), last, cum_qty: dec(cum), text: None, ..e }
}

fn say(r: &mut Router, who: &str, e: ExecutionReport, at: i64) -> Vec<Output> {
    answer(r, who, AppMessage::ExecutionReport(e), at)
}

/// x1 on N's quote is in flight.
fn accepted() -> Router {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    r
}

fn state(r: &Router) -> AcceptState {
    r.rfqs.get(&RfqId::new("ALICE.R1").unwrap()).unwrap().rfq.accept.clone().unwrap().1
}

fn alerts(out: &[Output]) -> Vec<&'static str> {
    out.iter()
        .filter_map(|o| if let Output::Alert { code, .. } = o { Some(*code) } else { None })
        .collect()
}

#[test]
fn a_reject_ends_only_the_accept_of_its_own_sender() {
    // E was asked in the same RFQ, and the id can be guessed.
    let mut r = accepted();
    assert!(brief(&answer(&mut r, "E", reject("AJ", "ALICE.x1"), 300)).is_empty());
    assert_eq!(state(&r), AcceptState::Sent);
    // A dealer that answers no status request does not refuse the accept by that.
    assert!(brief(&answer(&mut r, "N", reject("H", "ALICE.x1"), 300)).is_empty());
    assert_eq!(state(&r), AcceptState::Sent);
    let out = answer(&mut r, "N", reject("AJ", "ALICE.x1"), 300);
    assert_eq!(
        (brief(&out), execution_text(&out)),
        (vec!["ALICE<8".to_owned()], "Rejected: cannot".to_owned())
    );
    // By whichever message, another dealer's word about N's accept is nothing.
    for status in [OrdStatus::Filled, OrdStatus::Rejected, OrdStatus::Cancelled] {
        let mut r = accepted();
        let out = say(&mut r, "E", execution(ExecType::Status, status, "e", "0"), 300);
        assert_eq!((brief(&out), alerts(&out)), (vec![], vec!["execution.stray"]));
        assert_eq!(state(&r), AcceptState::Sent);
    }
    // A reject of a request takes its own sender out, and nobody else.
    let mut r = accepted();
    assert_eq!(brief(&answer(&mut r, "E", reject("R", "ALICE.R1"), 300)), ["ALICE<AG"]);
    assert_eq!(state(&r), AcceptState::Sent);
}

#[test]
fn a_reject_after_the_answer_undoes_no_fill() {
    let mut r = accepted();
    say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 300);
    let out = answer(&mut r, "N", reject("AJ", "ALICE.x1"), 400);
    assert_eq!((brief(&out), alerts(&out)), (vec![], vec!["execution.reject_after_answer"]));
    assert!(matches!(state(&r), AcceptState::Filled(_)));
}

#[test]
fn a_fill_stays_in_the_sums_whatever_its_dealer_says_later() {
    let day = |r: &Router| r.rfqs.doing(&desk("ALICE"), None, T0 + 500).day.get("EUR").copied();
    for late in [
        execution(ExecType::Trade, OrdStatus::Filled, "f2", "9000000"),
        execution(ExecType::Trade, OrdStatus::Filled, "f2", "5000000"),
        execution(ExecType::Rejected, OrdStatus::Rejected, "r", "0"),
        execution(ExecType::Cancelled, OrdStatus::Cancelled, "c", "0"),
        ExecutionReport {
            settlement_date: Some("20300101".into()),
            ..execution(ExecType::Trade, OrdStatus::Filled, "f3", "5000000")
        },
    ] {
        let mut r = accepted();
        say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 300);
        for again in [late.clone(), execution(ExecType::Rejected, OrdStatus::Rejected, "r9", "0")] {
            let out = say(&mut r, "N", again, 400);
            assert_eq!(
                (brief(&out), alerts(&out)),
                (vec!["ALICE<8".to_owned()], vec!["execution.disputed"]),
                "{late:?}"
            );
            if late.exec_type == ExecType::Rejected {
                break;
            }
        }
        assert!(matches!(state(&r), AcceptState::Filled(_)), "{late:?}");
        assert_eq!(day(&r), Some(dec("5000000")), "{late:?}");
        assert!(r.rfqs.is_consistent());
    }
    // Busted or corrected: shown, and not freed.
    let bust = ExecutionReport {
        exec_ref: Some("f1".into()),
        ..execution(ExecType::TradeCancel, OrdStatus::Cancelled, "h1", "0")
    };
    let correct = ExecutionReport {
        exec_ref: Some("f1".into()),
        last: Some(Level { price: dec("99.4"), size: dec("1000000") }),
        ..execution(ExecType::TradeCorrect, OrdStatus::Filled, "g1", "1000000")
    };
    for change in [bust, correct] {
        let mut r = accepted();
        say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 300);
        let out = say(&mut r, "N", change.clone(), 400);
        assert_eq!(
            (brief(&out), alerts(&out)),
            (vec!["ALICE<8".to_owned()], vec!["execution.changed"])
        );
        assert_eq!(day(&r), Some(dec("5000000")));
        assert!(brief(&say(&mut r, "N", change, 500)).is_empty(), "once more is nothing new");
    }
}

#[test]
fn a_fill_after_a_refusal_is_no_free_option() {
    let mut r = accepted();
    say(&mut r, "N", execution(ExecType::Rejected, OrdStatus::Rejected, "r", "0"), 300);
    let out = say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 400);
    assert_eq!(
        (brief(&out), alerts(&out)),
        (vec!["ALICE<8".to_owned()], vec!["execution.disputed"]),
        "shown and written down"
    );
    assert!(matches!(state(&r), AcceptState::Declined(_)));
    assert!(
        execution_text(&send(&mut r, "ALICE", hit("x2", "E", "e1", "99.6"), 500))
            .contains("settle")
    );
    // Also long after the RFQ has ended.
    let mut r = accepted();
    say(&mut r, "N", execution(ExecType::Rejected, OrdStatus::Rejected, "r", "0"), 300);
    r.handle(T0 + 60_000, Input::Tick);
    let out =
        say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 61_000);
    assert_eq!(alerts(&out), ["execution.disputed"]);
    assert_eq!(r.rfqs.get(&RfqId::new("ALICE.R1").unwrap()).unwrap().rfq.state, RfqState::Expired);
}

#[test]
fn every_report_of_the_standard_leaves_a_record() {
    for kind in ExecType::ALL.iter().chain(&[ExecType::Other('Z')]) {
        for status in OrdStatus::ALL {
            for cum in ["0", "5000000"] {
                for who in ["N", "E"] {
                    let mut r = accepted();
                    let out = say(&mut r, who, execution(*kind, *status, "f1", cum), 300);
                    let noted =
                        out.iter().any(|o| matches!(o, Output::Note(_) | Output::Alert { .. }));
                    assert!(noted, "{kind:?} {status:?} {cum} {who}");
                    let heard = brief(&out).contains(&"ALICE<8".to_owned());
                    assert_eq!(heard, who == "N", "{kind:?} {status:?} {cum} {who}: {out:?}");
                    assert!(r.rfqs.is_consistent());
                }
            }
        }
    }
}

#[test]
fn terminal_reports_without_a_trade_end_the_accept() {
    for (kind, status) in [
        (ExecType::Cancelled, OrdStatus::Cancelled),
        (ExecType::Expired, OrdStatus::Expired),
        (ExecType::DoneForDay, OrdStatus::DoneForDay),
        (ExecType::Status, OrdStatus::Cancelled),
        (ExecType::Status, OrdStatus::Expired),
    ] {
        let mut r = accepted();
        let out = say(&mut r, "N", execution(kind, status, "c", "0"), 300);
        assert!(
            execution_text(&out).starts_with("Rejected: the dealer's answer"),
            "{kind:?}: {}",
            execution_text(&out)
        );
        assert_eq!(
            brief(&send(&mut r, "ALICE", hit("x2", "E", "e1", "99.6"), 400)),
            ["E<AJ"],
            "{kind:?}: the next accept is free"
        );
    }
}

#[test]
fn an_execution_in_other_terms_is_a_dispute() {
    let fill = || execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000");
    for (bad, why) in [
        (
            ExecutionReport { instrument: InstrumentId::new("US0378331005").unwrap(), ..fill() },
            "the instrument differs",
        ),
        (
            ExecutionReport { settlement_date: Some("20261125".into()), ..fill() },
            "the settlement date differs",
        ),
        (ExecutionReport { currency: Some("USD".into()), ..fill() }, "the currency differs"),
        (ExecutionReport { side: Side::Sell, ..fill() }, "the side differs"),
    ] {
        let mut r = accepted();
        let out = say(&mut r, "N", bad, 300);
        assert_eq!(alerts(&out), ["execution.disputed"], "{why}");
        assert!(
            out.iter().any(|o| matches!(o, Output::Alert { words, .. } if words.ends_with(why))),
            "{why}"
        );
        assert_eq!(state(&r), AcceptState::Disputed);
    }
}

#[test]
fn a_quote_that_nobody_can_trade_on_is_not_passed_on() {
    let with = |bid: Option<&str>, offer: Option<&str>, until: i64| {
        let AppMessage::Quote(q) = quote("ALICE.R1", "n2", "99.5", until) else { unreachable!() };
        let level = |p: &str| Level { price: dec(p), size: dec("5000000") };
        AppMessage::Quote(QuoteMsg { bid: bid.map(level), offer: offer.map(level), ..q })
    };
    for bad in [
        with(None, Some("0"), 10_000),
        with(None, Some("-1"), 10_000),
        with(Some("0"), Some("99.5"), 10_000),
        with(Some("99.6"), Some("99.5"), 10_000),
        with(None, Some("99.5"), 149),
    ] {
        let mut r = quoted();
        let out = answer(&mut r, "N", bad.clone(), 150);
        assert_eq!(
            brief(&out),
            ["ALICE<Z", "N<j"],
            "the quote before it goes, and its dealer reads why: {bad:?}"
        );
        assert!(
            execution_text(&send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200))
                .contains("withdrawn")
        );
    }
    let AppMessage::Quote(q) = quote("ALICE.R1", "n2", "99.5", 9_000) else { unreachable!() };
    let other =
        AppMessage::Quote(QuoteMsg { instrument: InstrumentId::new("US0378331005").unwrap(), ..q });
    assert_eq!(brief(&answer(&mut quoted(), "N", other, 150)), ["ALICE<Z", "N<j"]);
}

#[test]
fn the_same_quote_after_a_lost_link_can_be_traded_again() {
    let mut r = quoted();
    let out = r.handle(T0 + 200, Input::DealerDown(dealer("N")));
    let away =
        |o: &Output| matches!(o, Output::ToDesk(_, AppMessage::QuoteCancel(c)) if c.unreachable);
    assert!(out.iter().any(away), "the dealer did not withdraw: {out:?}");
    assert!(
        execution_text(&send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 300))
            .contains("cannot be reached")
    );
    r.handle(T0 + 400, Input::DealerUp(dealer("N")));
    // A desk that comes back meanwhile is told the same.
    r.handle(T0 + 450, Input::DeskDown(desk("ALICE")));
    assert!(r.handle(T0 + 460, Input::DeskUp(desk("ALICE"))).iter().any(away));
    assert_eq!(
        brief(&answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 500)),
        ["ALICE<S"]
    );
    assert!(brief(&answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 500)).is_empty());
    assert_eq!(brief(&send(&mut r, "ALICE", hit("x2", "N", "n1", "99.5"), 600)), ["N<AJ"]);
    // What the dealer itself withdrew does not come back so.
    let mut r = quoted();
    answer(&mut r, "N", cancel("ALICE.R1", "n1"), 200);
    assert!(brief(&answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 300)).is_empty());
}

#[test]
fn a_quote_id_that_is_in_two_rfqs_leads_to_the_one_the_trader_saw() {
    let mut r = router();
    for rfq in ["R1", "R2"] {
        send(&mut r, "ALICE", AppMessage::QuoteRequest(request(rfq, &["N"])), 0);
        answer(&mut r, "N", quote(&format!("ALICE.{rfq}"), "q1", "99.5", 10_000), 100);
    }
    let AppMessage::QuoteResponse(of) = hit("x1", "N", "q1", "99.5") else { unreachable!() };
    let named = |id: &str, rfq: &str| {
        let (id, rfq) = (AcceptId::new(id).unwrap(), RfqId::new(rfq).ok());
        AppMessage::QuoteResponse(QuoteResponse { id, rfq, ..of.clone() })
    };
    assert!(
        execution_text(&send(&mut r, "ALICE", hit("x0", "N", "q1", "99.5"), 200))
            .contains("more than one RFQ")
    );
    assert!(
        execution_text(&send(&mut r, "ALICE", named("x1", "R9"), 200)).contains("no such quote")
    );
    assert!(
        execution_text(&send(&mut r, "BOB", named("x1", "R2"), 200)).contains("no such quote"),
        "R2 is ALICE's"
    );
    let out = send(&mut r, "ALICE", named("x2", "R2"), 200);
    assert_eq!(brief(&out), ["N<AJ"]);
    let Output::ToDealer(_, AppMessage::QuoteResponse(x)) = &out[0] else { panic!() };
    let terms = (x.rfq.as_ref(), x.currency.as_deref(), x.settlement_date.as_deref());
    assert_eq!(
        terms,
        (None, Some("EUR"), Some("20261124")),
        "FIX 4.4 has no 131 in AJ; 15 and 64 it has"
    );
    let in_flight = |rfq: &str| {
        r.rfqs.get(&RfqId::new(format!("ALICE.{rfq}")).unwrap()).unwrap().rfq.in_flight()
    };
    assert!(!in_flight("R1") && in_flight("R2"));
}

#[test]
fn an_accept_in_other_terms_than_the_rfq_is_refused() {
    let AppMessage::QuoteResponse(good) = hit("x1", "N", "n1", "99.5") else { unreachable!() };
    for (bad, want) in [
        (
            QuoteResponse { settlement_date: Some("20261125".into()), ..good.clone() },
            "settlement date is 20261124",
        ),
        (QuoteResponse { currency: Some("USD".into()), ..good.clone() }, "currency is EUR"),
    ] {
        let out = send(&mut quoted(), "ALICE", AppMessage::QuoteResponse(bad), 200);
        assert_eq!(brief(&out), ["ALICE<8"]);
        assert!(execution_text(&out).contains(want), "{}", execution_text(&out));
    }
}

fn r_of(accept: &str) -> QuoteResponse {
    let AppMessage::QuoteResponse(r) = hit(accept, "N", "n1", "99.5") else { unreachable!() };
    r
}

/// Only what a dealer would act on can come too late; that a trader passes, or ends an RFQ, is true
/// whenever it comes.
#[test]
fn the_age_of_other_messages_is_not_judged() {
    let old = QuoteResponse { response: Response::Pass, ..r_of("x1") };
    assert!(accept_age(&AppMessage::QuoteResponse(old), T0 + 60_000).is_ok());
    let cancel = AppMessage::RfqCancel { rfq: RfqId::new("R1").unwrap(), text: None };
    assert!(accept_age(&cancel, T0 + 60_000).is_ok());
}

/// The same bounds as those of an accept, whatever time the RFQ has left.
#[test]
fn a_request_that_was_long_on_its_way_reaches_no_dealer() {
    for (age, code) in [
        (0, None),
        (5_000, None),
        (5_001, Some("request.late")),
        (50_000, Some("request.late")),
        (-5_000, None),
        (-5_001, Some("request.from_the_future")),
    ] {
        let now = 60_000;
        let sent = T0 + now - age;
        let q = QuoteRequest { at: sent, expires: sent + 60_000, ..request("R1", &["N"]) };
        let m = AppMessage::QuoteRequest(q.clone());
        let judged = accept_age(&m, T0 + now).err().map(|(code, _)| code);
        assert_eq!(judged, code, "{age}: before it is weighed or held");
        let mut r = router();
        let kept = r.keep(T0 + now, &Input::FromDesk(desk("ALICE"), m.clone()));
        assert_eq!(kept == crate::Keep::Nothing, code.is_some(), "{age}: what a replay reads");
        let out = send(&mut r, "ALICE", m, now);
        let Some(code) = code else {
            assert_eq!(brief(&out), ["ALICE<AI", "N<R"], "{age}");
            continue;
        };
        assert_eq!(brief(&out), ["ALICE<AG"], "{age}");
        let refusal = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteRequestReject(r)) => Some(r.clone()),
            _ => None,
        });
        let refusal = refusal.unwrap();
        let advice = refusal.advice.unwrap();
        assert_eq!((refusal.reason, advice.code.as_str()), (4, code), "{age}");
        assert!(refusal.text.unwrap().ends_with("nothing was sent to dealers"), "{age}");
        // Its id is free, so that a desk that repeats it is heard.
        let again = QuoteRequest { at: T0 + now, expires: T0 + now + 60_000, ..q };
        let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(again), now);
        assert_eq!(brief(&out), ["ALICE<AI", "N<R"], "{age}");
    }
}

/// What waited for a touch is as old as the touch, and the journal's word is not doubted: neither
/// asks whether a message came in time, for it did.
#[test]
fn a_request_that_waits_stays_what_it_was() {
    let late = T0 + 30_000;
    let mut r = router();
    let m = AppMessage::QuoteRequest(request("R1", &["N"]));
    assert!(r.proposal(&desk("ALICE"), &m, late).is_some(), "what a touch is asked for");
    assert!(r.may_go_on(&desk("ALICE"), &m, late), "it waits on");
    let decided = crate::Decided::Request(request("R1", &["N"]));
    r.replay(late, Input::Decided(desk("ALICE"), decided), None);
    assert!(r.remembers(&RfqId::new("ALICE.R1").unwrap()));
}

#[test]
fn an_accept_that_was_long_on_its_way_is_not_passed_on() {
    for (at, passed) in [(5_200, true), (5_201, false), (200 - 5_000, true), (200 - 5_001, false)] {
        let AppMessage::QuoteResponse(r) = hit("x1", "N", "n1", "99.5") else { unreachable!() };
        // It arrives at 200 + 5,000; the quote lives until 10,000.
        let now = 5_200;
        let sent = now - (at - 200);
        let m = AppMessage::QuoteResponse(QuoteResponse { at: T0 + sent, ..r });
        let out = send(&mut quoted(), "ALICE", m, now);
        assert_eq!(brief(&out), [if passed { "N<AJ" } else { "ALICE<8" }], "{at}");
        let m = AppMessage::QuoteResponse(QuoteResponse { at: T0 + sent, ..r_of("x1") });
        assert_eq!(accept_age(&m, T0 + now).is_ok(), passed, "{at}: before it is held, too");
        assert!(passed || execution_text(&out).contains("ms"), "{}", execution_text(&out));
    }
}

/// Judged on arrival. A deadline far ahead does not make an old accept young.
#[test]
fn an_accept_after_its_deadline_is_refused() {
    for (deadline, sent, code, passed) in [
        (Some(1_000), 0, "", true),
        (Some(999), 0, "accept.late", false),
        (Some(i64::MIN / 2), 0, "accept.late", false),
        (None, 0, "accept.no_deadline", false),
        (Some(90_000), 1_000, "", true),
        (Some(90_000), 1_000 - 5_001, "accept.too_old", false),
    ] {
        let r = QuoteResponse { at: T0 + sent, deadline: deadline.map(|ms| T0 + ms), ..r_of("x1") };
        let m = AppMessage::QuoteResponse(r);
        let judged = accept_age(&m, T0 + 1_000);
        assert_eq!(judged.as_ref().map_or_else(|(code, _)| *code, |()| ""), code, "{deadline:?}");
        let mut r = quoted();
        let input = Input::FromDesk(desk("ALICE"), m.clone());
        let kept = r.keep(T0 + 1_000, &input);
        assert_eq!(kept != crate::Keep::Nothing, passed, "{deadline:?}: what a replay reads");
        let out = send(&mut r, "ALICE", m, 1_000);
        assert_eq!(brief(&out), [if passed { "N<AJ" } else { "ALICE<8" }], "{deadline:?}");
        if code == "accept.late" {
            let text = execution_text(&out);
            assert!(text.contains("ms after its deadline; nothing was traded"), "{text}");
        }
        for o in out {
            if let Output::ToDealer(_, AppMessage::QuoteResponse(r)) = o {
                assert_eq!(r.deadline, None, "not for dealers");
            }
        }
    }
}

#[test]
fn a_dealer_may_end_its_quote_or_an_accept_by_a_status_report() {
    let status = |code: u16, quote: Option<&str>, accept: Option<&str>| {
        AppMessage::QuoteStatusReport(QuoteStatusReport {
            quote: quote.map(|q| QuoteId::new(q).unwrap()),
            answers: accept.map(|a| AcceptId::new(a).unwrap()),
            ..QuoteStatusReport::of_rfq(
                RfqId::new("ALICE.R1").unwrap(),
                bund(),
                RfqStatus::of(code),
                Some("why".into()),
            )
        })
    };
    for (code, want) in [
        (5, "AG"),
        (11, "AG"),
        (7, "Z"),
        (1, "Z"),
        (4, "Z"),
        (6, "Z"),
        (9, "Z"),
        (14, "Z"),
        (15, "Z"),
    ] {
        let mut r = quoted();
        let out = answer(&mut r, "N", status(code, Some("n1"), None), 200);
        assert_eq!(brief(&out), [format!("ALICE<{want}")], "{code}");
        assert!(
            execution_text(&send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 300))
                .starts_with("Rejected"),
            "{code}"
        );
    }
    for code in [0, 8, 10, 12, 13, 77] {
        let out = answer(&mut quoted(), "N", status(code, Some("n1"), None), 200);
        assert!(brief(&out).is_empty() && matches!(out[0], Output::Note(_)), "{code}");
    }
    assert!(
        brief(&answer(&mut quoted(), "N", status(7, Some("n0"), None), 200)).is_empty(),
        "a quote of before"
    );
    for code in [5, 7, 11] {
        let mut r = accepted();
        assert!(
            brief(&answer(&mut r, "E", status(code, None, Some("ALICE.x1")), 300)).is_empty(),
            "N's accept is not E's"
        );
        let out = answer(&mut r, "N", status(code, None, Some("ALICE.x1")), 300);
        assert_eq!(execution_text(&out), "Rejected: why", "{code}");
    }
}

#[test]
fn what_was_missed_waits_once_and_the_latest_of_it() {
    let mut r = quoted();
    r.handle(T0 + 150, Input::DeskDown(desk("ALICE")));
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    say(&mut r, "N", execution(ExecType::PendingNew, OrdStatus::PendingNew, "p", "0"), 250);
    say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000"), 300);
    let bust = ExecutionReport {
        exec_ref: Some("f1".into()),
        ..execution(ExecType::TradeCancel, OrdStatus::Cancelled, "h1", "0")
    };
    say(&mut r, "N", bust, 400);
    let out = r.handle(T0 + 500, Input::DeskUp(desk("ALICE")));
    let kinds: Vec<ExecType> = out
        .iter()
        .filter_map(|o| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.exec_type),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [ExecType::Trade, ExecType::TradeCancel]);
}

/// The one report in an output, as the desk reads it.
fn heard(out: &[Output]) -> Option<ExecutionReport> {
    let mut all = out.iter().filter_map(|o| match o {
        Output::ToDesk(d, AppMessage::ExecutionReport(e)) => {
            assert_eq!(d, &desk("ALICE"));
            Some(e.clone())
        }
        _ => None,
    });
    let first = all.next();
    assert!(all.next().is_none(), "{out:?}");
    first
}

/// Under its own id, with its dealer; whether it fits is the gateway's word.
#[test]
fn a_desk_hears_each_report_once_and_in_the_gateways_words() {
    // Any report of work in progress is a last look, however the dealer calls it.
    for (kind, status) in [(ExecType::New, OrdStatus::New), (ExecType::Stopped, OrdStatus::Stopped)]
    {
        let mut r = accepted();
        let e = heard(&say(&mut r, "N", execution(kind, status, "p1", "0"), 300)).unwrap();
        assert_eq!(
            (e.exec_type, e.status, e.accept.as_str()),
            (ExecType::PendingNew, OrdStatus::PendingNew, "x1"),
            "{kind:?}"
        );
        assert!(
            heard(&say(&mut r, "N", execution(kind, status, "p2", "0"), 300)).is_none(),
            "nothing new: {kind:?}"
        );
    }
    // A dealer that calls its own report disputed decides nothing by it.
    let mut r = accepted();
    let m = ExecutionReport {
        disputed: true,
        ..execution(ExecType::Trade, OrdStatus::Filled, "e1", "5000000")
    };
    let out = say(&mut r, "N", m, 300);
    let e = heard(&out).unwrap();
    assert_eq!((e.disputed, e.exec_id.as_str(), e.dealer), (false, "e1", Some(dealer("N"))));
    assert!(out.contains(&Output::Traded(desk("ALICE"), dealer("N"))));
    // And what does not fit is disputed, with the reason.
    let mut r = accepted();
    let m = ExecutionReport {
        avg_px: dec("99.7"),
        ..execution(ExecType::Trade, OrdStatus::Filled, "e1", "5000000")
    };
    let wrong =
        ExecutionReport { last: Some(Level { price: dec("99.7"), size: dec("5000000") }), ..m };
    let out = say(&mut r, "N", wrong, 300);
    let e = heard(&out).unwrap();
    assert_eq!((e.disputed, e.text.as_deref()), (true, Some("the price differs")));
    assert!(!out.contains(&Output::Traded(desk("ALICE"), dealer("N"))), "nothing was traded");
}

/// The first execution ends the RFQ and is told to those who remember trades; the rest of it is
/// told to nobody twice.
#[test]
fn parts_of_one_trade_are_one_trade() {
    let part = |exec: &str, cum: &str, status| ExecutionReport {
        last: Some(Level { price: dec("99.5"), size: dec("2500000") }),
        ..execution(ExecType::Trade, status, exec, cum)
    };
    let mut r = accepted();
    let first = say(&mut r, "N", part("e1", "2500000", OrdStatus::PartiallyFilled), 300);
    let traded = Output::Traded(desk("ALICE"), dealer("N"));
    assert!(first.contains(&traded) && brief(&first).contains(&"E<AJ".to_owned()));
    let second = say(&mut r, "N", part("e2", "5000000", OrdStatus::Filled), 400);
    assert!(!second.contains(&traded) && heard(&second).is_some());
    // A late report of work in progress is not a trade, and is not passed on again.
    assert!(
        heard(&say(&mut r, "N", execution(ExecType::New, OrdStatus::New, "p1", "0"), 500))
            .is_none()
    );
}

/// After a dispute the dealer is not asked again what became of the accept, and time may end the
/// RFQ.
#[test]
fn an_answer_in_dispute_is_an_answer() {
    let mut r = accepted();
    let wrong = ExecutionReport {
        side: Side::Sell,
        ..execution(ExecType::Trade, OrdStatus::Filled, "e1", "5000000")
    };
    say(&mut r, "N", wrong, 300);
    assert_eq!(r.rfqs.get(&RfqId::new("ALICE.R1").unwrap()).unwrap().asked_at, None);
    assert!(
        brief(&r.handle(T0 + 300 + ASK_AGAIN_MS, Input::Tick)).iter().all(|m| m != "N<H"),
        "the accept has its answer"
    );
    let late = r.handle(T0 + 60_000, Input::Tick);
    assert!(brief(&late).contains(&"ALICE<AI".to_owned()), "the RFQ ends in time: {late:?}");
    // The time ran out while the accept was in flight: the answer ends the RFQ at once.
    let mut r = accepted();
    r.handle(T0 + 60_001, Input::Tick);
    let wrong = ExecutionReport {
        side: Side::Sell,
        ..execution(ExecType::Trade, OrdStatus::Filled, "e1", "5000000")
    };
    let out = say(&mut r, "N", wrong, 60_002);
    assert!(brief(&out).contains(&"ALICE<AI".to_owned()), "{out:?}");
}

/// An answer that was lost is asked for, also when the clock was set back by an hour meanwhile.
#[test]
fn a_clock_that_is_set_back_does_not_put_off_a_question() {
    const HOUR: i64 = 3_600_000;
    let mut r = accepted();
    r.handle(T0 + 300, Input::Tick);
    for set in [-HOUR, -2 * HOUR] {
        let asks = |r: &mut Router, ms: i64| {
            brief(&r.handle(T0 + set + ms, Input::Tick)).contains(&"N<H".to_owned())
        };
        assert!(!asks(&mut r, 400));
        assert!(!asks(&mut r, 400 + ASK_AGAIN_MS - 1));
        assert!(asks(&mut r, 400 + ASK_AGAIN_MS));
        assert!(!asks(&mut r, 500 + ASK_AGAIN_MS));
    }
}

/// A dealer whose line goes takes its own accept along, and is asked about its own when it is back.
#[test]
fn another_dealers_line_says_nothing_of_an_accept() {
    let mut r = accepted();
    assert!(heard(&r.handle(T0 + 300, Input::DealerDown(dealer("E")))).is_none());
    assert_eq!(state(&r), AcceptState::Sent);
    let back = brief(&r.handle(T0 + 400, Input::DealerUp(dealer("E"))));
    assert!(!back.iter().any(|m| m.ends_with("<H")), "nobody is asked: {back:?}");
    let lost = heard(&r.handle(T0 + 500, Input::DealerDown(dealer("N")))).unwrap();
    assert_eq!(
        (lost.status, lost.accept.as_str(), state(&r)),
        (OrdStatus::New, "x1", AcceptState::Unknown)
    );
    // An answer that came before the line went is not lost with it.
    let mut r = accepted();
    say(&mut r, "N", execution(ExecType::Trade, OrdStatus::Filled, "e1", "5000000"), 300);
    assert!(heard(&r.handle(T0 + 400, Input::DealerDown(dealer("N")))).is_none());
    assert!(!brief(&r.handle(T0 + 500, Input::DealerUp(dealer("N")))).contains(&"N<H".to_owned()));
}

/// Whoever watches is called once for each accept, however often its dealer's line goes.
#[test]
fn an_accept_that_is_unknown_is_told_once() {
    let unknown = |out: &[Output]| -> Vec<String> {
        let told = |o: &Output| match o {
            Output::Unanswered(d, e) => Some(format!("{d} {}", e.accept)),
            _ => None,
        };
        out.iter().filter_map(told).collect()
    };
    let down = |r: &mut Router, at: i64| {
        let out = r.handle(T0 + at, Input::DealerDown(dealer("N")));
        assert!(heard(&out).is_some(), "the desk hears of each: {out:?}");
        unknown(&out)
    };
    let mut r = accepted();
    assert_eq!(unknown(&r.unanswered(T0 + 200)), Vec::<String>::new());
    assert_eq!(down(&mut r, 300), ["ALICE x1"]);
    assert_eq!(unknown(&r.unanswered(T0 + 300)), ["ALICE x1"]);
    r.handle(T0 + 400, Input::DealerUp(dealer("N")));
    assert_eq!(down(&mut r, 500), Vec::<String>::new());
    // The dealer is about to answer, and goes again.
    r.handle(T0 + 600, Input::DealerUp(dealer("N")));
    say(&mut r, "N", execution(ExecType::PendingNew, OrdStatus::PendingNew, "p1", "0"), 700);
    assert_eq!(state(&r), AcceptState::LastLook);
    assert_eq!(down(&mut r, 800), Vec::<String>::new());
    // Its next accept is another one.
    r.handle(T0 + 900, Input::DealerUp(dealer("N")));
    say(&mut r, "N", execution(ExecType::Rejected, OrdStatus::Rejected, "r1", "0"), 1_000);
    answer(&mut r, "N", quote("ALICE.R1", "n2", "99.5", 10_000), 1_100);
    send(&mut r, "ALICE", hit("x2", "N", "n2", "99.5"), 1_200);
    assert_eq!(down(&mut r, 1_300), ["ALICE x2"]);
}

/// Only an accept that was not sent is declined by that; that the RFQ is over commits nobody.
#[test]
fn a_pass_that_could_not_be_sent_declines_nothing() {
    let mut r = accepted();
    let AppMessage::QuoteResponse(m) = hit("ALICE.x1", "N", "n1", "99.5") else { unreachable!() };
    let pass = AppMessage::QuoteResponse(QuoteResponse { response: Response::Pass, ..m.clone() });
    assert!(brief(&r.handle(T0 + 300, Input::NotSentToDealer(dealer("N"), pass))).is_empty());
    assert_eq!(state(&r), AcceptState::Sent);
    r.handle(T0 + 300, Input::NotSentToDealer(dealer("N"), AppMessage::QuoteResponse(m)));
    assert!(matches!(state(&r), AcceptState::Declined(Declined::ByGateway(_))));
}

/// A desk accepts (694=1); whatever else it may say with an AJ is refused.
#[test]
fn a_desk_may_not_pass_with_a_quote_response() {
    let mut r = quoted();
    let AppMessage::QuoteResponse(m) = hit("x1", "N", "n1", "99.5") else { unreachable!() };
    let out = send(
        &mut r,
        "ALICE",
        AppMessage::QuoteResponse(QuoteResponse { response: Response::Pass, ..m }),
        200,
    );
    assert_eq!(brief(&out), ["ALICE<j"]);
}

/// A dealer that refuses without a word: QuoteRequestRejectReason (658) says it.
#[test]
fn a_refusal_without_words_gets_those_of_the_standard() {
    for (reason, words) in [
        (1, "unknown instrument"),
        (2, "closed"),
        (3, "exceeds the dealer's limit"),
        (4, "too late"),
        (5, "invalid price"),
        (6, "not authorized"),
        (7, "no match"),
        (8, "no market"),
        (9, "no inventory"),
        (10, "pass"),
        (99, "no reason given"),
    ] {
        let mut r = quoted();
        let out = answer(&mut r, "N", refusal(reason, None), 200);
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteRequestReject(q)) => {
                Some((q.reason, q.text.clone(), q.dealer.clone()))
            }
            _ => None,
        });
        assert_eq!(told, Some((reason, Some(words.into()), Some(dealer("N")))), "{reason}");
    }
}

/// What is told of the end of an accept names its dealer when the dealer ended it.
#[test]
fn a_decline_names_who_declined() {
    let mut r = accepted();
    let by_dealer = heard(&answer(&mut r, "N", reject("AJ", "ALICE.x1"), 300)).unwrap();
    assert_eq!((by_dealer.dealer, by_dealer.exec_type), (Some(dealer("N")), ExecType::Rejected));
    let mut r = accepted();
    let m = AppMessage::QuoteResponse(QuoteResponse {
        id: AcceptId::new("ALICE.x1").unwrap(),
        ..r_of("x1")
    });
    let by_gateway = heard(&r.handle(T0 + 300, Input::NotSentToDealer(dealer("N"), m))).unwrap();
    assert_eq!((by_gateway.dealer, by_gateway.exec_type), (None, ExecType::Rejected));
}

fn pairs(count: usize) -> Catalogue {
    let instrument = |n: usize| Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new(format!("I{n}")).unwrap(),
        symbol: format!("S{n}"),
        name: "a pair".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: dec("0.00001"),
        lot: dec("1"),
        min_quantity: dec("1"),
        max_quantity: dec("1000"),
        settlement: "T+2".into(),
        price_format: Default::default(),
    };
    Catalogue::new((0..count).map(instrument)).unwrap()
}

/// A router with so many instruments, at which ALICE is logged on.
fn listing(count: usize) -> Router {
    let desks = [DeskSettings { id: desk("ALICE"), dealers: BTreeSet::new() }];
    let mut r = Router::new("Venue".into(), false, pairs(count), desks, [], counted());
    r.handle(T0, Input::DeskUp(desk("ALICE")));
    r
}

fn list_request(digest: Option<ListDigest>) -> AppMessage {
    let id = RfqId::new("list").unwrap();
    AppMessage::SecurityListRequest(SecurityListRequest { id, digest })
}

#[test]
fn a_desk_that_has_the_list_is_told_so_and_any_other_gets_it() {
    for (count, named, unchanged) in [
        (0, None, false),
        (0, Some(0), true),
        (0, Some(1), false),
        (120, None, false),
        (120, Some(120), true),
        (120, Some(119), false),
        (120, Some(0), false),
    ] {
        let mut r = listing(count);
        let digest = named.map(|n| ListDigest::of(&pairs(n)));
        let out = send(&mut r, "ALICE", list_request(digest), 0);
        let request = RfqId::new("list").unwrap();
        let answer = match unchanged {
            true => AppMessage::SecurityListUnchanged { request },
            false => AppMessage::SecurityList(r.instruments(request, None)),
        };
        assert_eq!(out, [Output::ToDesk(desk("ALICE"), answer)], "{count} {named:?}");
    }
}

#[test]
fn the_instruments_come_in_parts_and_the_last_says_so() {
    for count in [0usize, 1, 50, 51, 120] {
        let mut r = listing(count);
        let out = send(&mut r, "ALICE", list_request(None), 0);
        let [Output::ToDesk(_, AppMessage::SecurityList(first))] = out.as_slice() else {
            panic!("{out:?}")
        };
        let mut parts = vec![first.clone()];
        while let Some(before) = parts.last().filter(|p| !p.last) {
            let after = before.instruments.last().map(|i| i.id.clone());
            parts.push(r.instruments(before.request.clone(), after.as_ref()));
        }
        let ids: BTreeSet<_> =
            parts.iter().flat_map(|p| &p.instruments).map(|i| i.id.clone()).collect();
        assert_eq!(ids.len(), count, "each once");
        let parts: Vec<(usize, bool)> =
            parts.iter().map(|p| (p.instruments.len(), p.last)).collect();
        assert_eq!(parts.iter().map(|(n, _)| n).sum::<usize>(), count);
        assert_eq!(parts.len(), count.div_ceil(50).max(1), "{count}");
        assert!(
            parts.iter().enumerate().all(|(i, (_, last))| *last == (i + 1 == parts.len())),
            "{parts:?}"
        );
    }
}

/// A gateway that is killed after it has written down what a dealer said, and before its session
/// counts the message, asks the dealer for it once more.
#[test]
fn what_a_dealer_says_again_is_not_done_again() {
    let r1 = || RfqId::new("ALICE.R1").unwrap();
    let status = |code: u16, accept: Option<&str>| {
        AppMessage::QuoteStatusReport(QuoteStatusReport {
            answers: accept.map(|a| AcceptId::new(a).unwrap()),
            ..QuoteStatusReport::of_rfq(r1(), bund(), RfqStatus::of(code), Some("why".into()))
        })
    };
    let said = AppMessage::ExecutionReport;
    let fill = || execution(ExecType::Trade, OrdStatus::Filled, "f1", "5000000");
    let changed = |kind, status, exec: &str, cum: &str| {
        said(ExecutionReport { exec_ref: Some("f1".into()), ..execution(kind, status, exec, cum) })
    };
    let filled = move || {
        let mut r = accepted();
        say(&mut r, "N", fill(), 300);
        r
    };
    let disputed = ExecutionReport { side: Side::Sell, ..fill() };
    let unnamed = QuoteCancel {
        rfq: Some(r1()),
        quote: None,
        instrument: None,
        dealer: None,
        unreachable: false,
    };
    let refused = execution(ExecType::Rejected, OrdStatus::Rejected, "r1", "0");
    let looking = execution(ExecType::PendingNew, OrdStatus::PendingNew, "p1", "0");
    let cases: [(&str, &dyn Fn() -> Router, AppMessage); 16] = [
        ("another quote", &quoted, quote("ALICE.R1", "n2", "99.4", 10_000)),
        ("a withdrawal", &quoted, cancel("ALICE.R1", "n1")),
        ("one that names no quote", &quoted, AppMessage::QuoteCancel(unnamed)),
        ("a pass", &quoted, refusal(10, Some("no"))),
        ("a refusal", &quoted, refusal(99, Some("no"))),
        ("AI: refused", &quoted, status(5, None)),
        ("AI: passed", &quoted, status(11, None)),
        ("AI: gone", &quoted, status(7, None)),
        ("j for the request", &quoted, reject("R", "ALICE.R1")),
        ("j for the accept", &accepted, reject("AJ", "ALICE.x1")),
        ("AI for the accept", &accepted, status(5, Some("ALICE.x1"))),
        ("8: rejected", &accepted, said(refused)),
        ("8: executed", &accepted, said(fill())),
        ("8: executed otherwise", &accepted, said(disputed)),
        ("8: busted", &filled, changed(ExecType::TradeCancel, OrdStatus::Cancelled, "h1", "0")),
        ("8: last look", &accepted, said(looking)),
    ];
    for (what, before, m) in cases {
        for restarted in [false, true] {
            let mut r = before();
            assert!(!brief(&answer(&mut r, "N", m.clone(), 400)).is_empty(), "{what}");
            if restarted {
                r.replayed();
            }
            let stood = r.dump();
            let out = answer(&mut r, "N", m.clone(), 400);
            // What the lost line took away is there again when its dealer says it again.
            let is_quote = matches!(m, AppMessage::Quote(_));
            let again = restarted && (is_quote || what == "8: last look");
            assert!(is_quote || (r.dump() == stood) != again, "{what}, restarted: {restarted}");
            let told = (brief(&out).len(), alerts(&out));
            assert_eq!(told, (usize::from(again), vec![]), "{what}: {out:?}");
            assert!(!out.iter().any(|o| matches!(o, Output::Traded(..))), "{what}");
            assert!(r.rfqs.is_consistent(), "{what}");
        }
    }
}
