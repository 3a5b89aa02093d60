//! A counter declines a quote, reaches one dealer, and is answered by a quote or not at all.

use super::*;
use crate::{
    Input, Output, TradeStep,
    journal::{Journal, OnBadRecord},
    router::tests::{
        T0, answer, dealer, dec, desk, hit, quote, quoted, refusal, report, request, router, send,
    },
};
use signet_fix::message::{
    ExecType, OrdStatus, QuoteCancel, QuoteMsg, QuoteRequest, Response, TakeOver,
};
use signet_journal::StoreKey;
use signet_rfq::{InstrumentId, QuoteId, Side};

fn rfq(n: &str) -> RfqId {
    RfqId::new(n).unwrap()
}

/// ALICE asks for 99.45 in R1, and waits until 5 s.
fn ask(id: &str, who: &str, quote: &str, price: &str) -> QuoteResponse {
    let AppMessage::QuoteResponse(m) = hit(id, who, quote, price) else { unreachable!() };
    QuoteResponse {
        response: Response::Counter,
        rfq: Some(rfq("R1")),
        deadline: Some(T0 + 5_000),
        ..m
    }
}

fn c1() -> QuoteResponse {
    ask("c1", "N", "n1", "99.45")
}

fn counter(r: &mut Router, m: QuoteResponse, at: i64) -> Vec<Output> {
    send(r, "ALICE", AppMessage::QuoteResponse(m), at)
}

/// N was countered at 200 ms.
fn countered() -> Router {
    let mut r = quoted();
    assert_eq!(brief(&counter(&mut r, c1(), 200)), ["N<AJ"]);
    r
}

fn brief(out: &[Output]) -> Vec<String> {
    let name = |o: &Output| match o {
        Output::ToDesk(d, m) => Some(format!("{d}<{}", m.msg_type())),
        Output::ToDealer(d, m) => Some(format!("{d}<{}", m.msg_type())),
        _ => None,
    };
    out.iter().filter_map(name).collect()
}

/// The code with which a counter was refused.
fn refused(out: &[Output]) -> Option<String> {
    out.iter().find_map(|o| match o {
        Output::Note(n) => n.split_once(" refused: ").map(|(_, code)| code.to_owned()),
        _ => None,
    })
}

fn alerts(out: &[Output]) -> Vec<&'static str> {
    let code = |o: &Output| if let Output::Alert { code, .. } = o { Some(*code) } else { None };
    out.iter().filter_map(code).collect()
}

/// What ALICE is told of how a counter is over.
fn told(out: &[Output]) -> Option<(String, RfqStatus, Option<String>)> {
    out.iter().find_map(|o| match o {
        Output::ToDesk(d, AppMessage::QuoteStatusReport(s)) if d.as_str() == "ALICE" => {
            s.answers.as_ref().map(|id| (id.to_string(), s.status, s.text.clone()))
        }
        _ => None,
    })
}

fn of(r: &Router, id: &str) -> (LineState, CounterState) {
    let e = &r.rfqs.get(&rfq("ALICE.R1")).unwrap().rfq;
    let (_, state) = e.counter_of(&AcceptId::new(id).unwrap()).unwrap();
    (e.line(&dealer("N")).unwrap().state.clone(), state.clone())
}

#[test]
fn it_reaches_its_dealer_alone_and_names_what_that_dealer_knows() {
    let mut r = quoted();
    let out = counter(&mut r, QuoteResponse { text: Some("please".into()), ..c1() }, 200);
    let [Output::ToDealer(d, AppMessage::QuoteResponse(m))] = &out[..] else { panic!("{out:?}") };
    assert_eq!((d, m.response, m.id.as_str()), (&dealer("N"), Response::Counter, "ALICE.c1"));
    assert_eq!((m.quote.as_str(), m.price, m.quantity), ("n1", dec("99.45"), dec("5000000")));
    assert_eq!((m.deadline, m.at), (Some(T0 + 5_000), T0 + 200), "how long the trader waits");
    assert_eq!((&m.rfq, &m.dealer, &m.text, m.limit.is_none()), (&None, &None, &None, true));
}

type Change = fn(&mut QuoteResponse);

#[test]
fn table_of_refusals() {
    let changes: [(&str, Change, &str); 17] = [
        ("not better", |m| m.price = dec("99.5"), "counter.not_better"),
        ("worse", |m| m.price = dec("99.6"), "counter.not_better"),
        ("no price", |m| m.price = dec("0"), "counter.price"),
        ("another quote", |m| m.quote = QuoteId::new("n0").unwrap(), "quote.requoted"),
        ("not asked", |m| m.dealer = Some(dealer("S")), "quote.none"),
        ("nobody", |m| m.dealer = None, "quote.none"),
        ("no RFQ", |m| m.rfq = None, "quote.none"),
        ("another RFQ", |m| m.rfq = Some(rfq("R9")), "quote.none"),
        ("a side that is not quoted", |m| m.side = Side::Sell, "quote.none"),
        ("another size", |m| m.quantity = dec("1000000"), "accept.quantity_mismatch"),
        ("another currency", |m| m.currency = Some("USD".into()), "accept.currency_mismatch"),
        (
            "another date",
            |m| m.settlement_date = Some("20300101".into()),
            "accept.settlement_mismatch",
        ),
        ("no end", |m| m.deadline = None, "accept.no_deadline"),
        ("its end is over", |m| m.deadline = Some(T0 + 199), "accept.late"),
        ("longer than the RFQ", |m| m.deadline = Some(T0 + 60_001), "counter.until"),
        ("written long ago", |m| m.at = T0 + -60_000, "accept.too_old"),
        ("an id of the gateway", |m| m.id = AcceptId::new("R1:~c1").unwrap(), "accept.id"),
    ];
    for (what, change, want) in changes {
        let mut r = quoted();
        let mut m = c1();
        change(&mut m);
        let before = r.dump();
        let out = counter(&mut r, m, 200);
        assert_eq!(refused(&out).as_deref(), Some(want), "{what}: {out:?}");
        assert_eq!((brief(&out), r.dump()), (vec!["ALICE<j".to_owned()], before), "{what}");
    }
}

#[test]
fn what_a_counter_names_is_what_the_quote_is_for() {
    let mut r = quoted();
    let other = QuoteResponse { instrument: InstrumentId::new("XS0000000009").unwrap(), ..c1() };
    let out = counter(&mut r, other, 200);
    assert_eq!(refused(&out).as_deref(), Some("accept.other_instrument"), "{out:?}");
    assert_eq!(brief(&out), ["ALICE<j"]);
    assert_eq!(brief(&counter(&mut r, c1(), 300)), ["N<AJ"], "nothing was used up by it");
}

#[test]
fn only_the_desk_that_has_the_rfq_and_only_a_dealer_that_takes_them() {
    let mut r = quoted();
    let m = || AppMessage::QuoteResponse(c1());
    assert_eq!(brief(&send(&mut r, "BOB", m(), 200)), ["BOB<j"]);
    r.dealers.get_mut(&dealer("N")).unwrap().settings.counters = false;
    let out = send(&mut r, "ALICE", m(), 200);
    assert_eq!(refused(&out).as_deref(), Some("counter.not_taken"));
    let e1 = ask("c1", "E", "e1", "99.5");
    assert_eq!(brief(&counter(&mut r, e1, 200)), ["E<AJ"], "another dealer takes them");
    let told = r.venue_states(T0);
    let takes = |name: &str| {
        let (_, v) = told.iter().find(|(d, _)| d.as_str() == "ALICE").unwrap();
        v.dealers.iter().find(|d| d.id == dealer(name)).unwrap().counters
    };
    assert_eq!((takes("N"), takes("E")), (false, true), "U1 says which");
}

#[test]
fn an_expired_quote_and_an_ended_rfq_are_not_countered() {
    let late = |at: i64| QuoteResponse { at: T0 + at, deadline: Some(T0 + at + 5_000), ..c1() };
    let mut r = quoted();
    assert_eq!(refused(&counter(&mut r, late(10_000), 10_000)).as_deref(), Some("quote.expired"));
    let mut r = quoted();
    send(&mut r, "ALICE", AppMessage::RfqCancel { rfq: rfq("R1"), text: None }, 300);
    assert_eq!(refused(&counter(&mut r, c1(), 400)).as_deref(), Some("rfq.not_open"));
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 300);
    assert_eq!(refused(&counter(&mut r, c1(), 400)).as_deref(), Some("accept.in_flight"));
    let reused = ask("x1", "E", "e1", "99.5");
    assert_eq!(refused(&counter(&mut r, reused, 400)).as_deref(), Some("accept.id_used"));
}

#[test]
fn one_at_a_time_and_five_in_all() {
    let mut r = countered();
    assert_eq!(refused(&counter(&mut r, c1(), 300)).as_deref(), Some("accept.id_used"));
    let second = ask("c2", "N", "n1", "99.4");
    assert_eq!(refused(&counter(&mut r, second, 300)).as_deref(), Some("counter.in_flight"));
    assert_eq!(brief(&counter(&mut r, ask("e", "E", "e1", "99.5"), 300)), ["E<AJ"]);
    for n in 2..=5 {
        let id = format!("n{n}");
        answer(&mut r, "N", quote("ALICE.R1", &id, "99.5", 30_000), 300);
        let again = ask(&format!("c{n}"), "N", &id, "99.45");
        assert_eq!(brief(&counter(&mut r, again, 300)), ["N<AJ"], "{n}");
    }
    answer(&mut r, "N", quote("ALICE.R1", "n6", "99.5", 30_000), 300);
    let sixth = ask("c6", "N", "n6", "99.45");
    assert_eq!(refused(&counter(&mut r, sixth, 300)).as_deref(), Some("counter.too_many"));
    // The quote can still be taken.
    assert_eq!(brief(&send(&mut r, "ALICE", hit("x1", "N", "n6", "99.5"), 300)), ["N<AJ"]);
}

#[test]
fn only_a_new_quote_can_be_taken_afterwards() {
    let take = |r: &mut Router, id: &str, of: &str, price: &str| {
        let AppMessage::QuoteResponse(m) = hit(id, "N", of, price) else { unreachable!() };
        let m = QuoteResponse { rfq: Some(rfq("R1")), ..m };
        brief(&send(r, "ALICE", AppMessage::QuoteResponse(m), 400))
    };
    let mut r = countered();
    assert_eq!(take(&mut r, "x1", "n1", "99.5"), ["ALICE<8"], "it was declined");
    assert_eq!(take(&mut r, "x2", "n1", "99.45"), ["ALICE<8"], "nobody quotes this");
    let same = quote("ALICE.R1", "n1", "99.5", 10_000);
    assert!(brief(&answer(&mut r, "N", same, 300)).is_empty(), "the same is not new");
    assert_eq!(take(&mut r, "x3", "n1", "99.5"), ["ALICE<8"]);
    let better = quote("ALICE.R1", "n2", "99.475", 10_000);
    assert_eq!(brief(&answer(&mut r, "N", better, 400)), ["ALICE<S"]);
    assert_eq!(of(&r, "c1"), (LineState::Quoted, CounterState::Improved(dec("99.475"))));
    assert_eq!(take(&mut r, "x4", "n1", "99.5"), ["ALICE<8"], "the old one is gone for good");
    assert_eq!(take(&mut r, "x5", "n2", "99.475"), ["N<AJ"]);
}

#[test]
fn a_quote_that_is_not_better_holds_firm_whether_it_names_the_counter_or_not() {
    for (id, price) in [("n2", "99.5"), ("n3", "99.6")] {
        let mut r = countered();
        let AppMessage::Quote(q) = quote("ALICE.R1", id, price, 10_000) else { unreachable!() };
        let out = answer(&mut r, "N", AppMessage::Quote(QuoteMsg { ..q }), 300);
        assert_eq!((brief(&out), told(&out)), (vec!["ALICE<S".to_owned()], None));
        assert_eq!(of(&r, "c1"), (LineState::Quoted, CounterState::HeldFirm));
    }
}

/// In whichever message a dealer refuses: the desk reads AI with 693 and its words.
#[test]
fn refused_in_any_way_that_the_standard_has() {
    let status = |status| {
        let of =
            |s| QuoteStatusReport::of_rfq(rfq("ALICE.R1"), request("R", &[]).instrument, s, None);
        let text = Some("firm".to_owned());
        let answers = AcceptId::new("ALICE.c1").ok();
        AppMessage::QuoteStatusReport(QuoteStatusReport { answers, text, ..of(status) })
    };
    let business = AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "AJ".into(),
        ref_id: Some("ALICE.c1".into()),
        reason: 0,
        text: Some("firm".into()),
    });
    let rejected = match report("ALICE.c1", ExecType::Rejected, OrdStatus::Rejected, "0") {
        AppMessage::ExecutionReport(e) => {
            AppMessage::ExecutionReport(ExecutionReport { text: Some("firm".into()), ..e })
        }
        m => m,
    };
    for m in [status(RfqStatus::Rejected), business, rejected] {
        // Another dealer cannot: the id can be guessed.
        let mut r = countered();
        let out = answer(&mut r, "E", m.clone(), 300);
        assert_eq!((told(&out), of(&r, "c1").1), (None, CounterState::Sent), "{m:?}");
        let out = answer(&mut r, "N", m.clone(), 300);
        let want = ("c1".to_owned(), RfqStatus::Rejected, Some("firm".to_owned()));
        assert_eq!(told(&out), Some(want), "{m:?}: {out:?}");
        assert_eq!(of(&r, "c1"), (LineState::CounterOver, CounterState::Refused("firm".into())));
        // Once.
        assert_eq!(told(&answer(&mut r, "N", m.clone(), 350)), None, "{m:?}");
    }
}

#[test]
fn silence_a_withdrawal_a_lost_link_and_the_end_are_told() {
    let withdrawn = AppMessage::QuoteCancel(QuoteCancel {
        rfq: Some(rfq("ALICE.R1")),
        quote: QuoteId::new("n1").ok(),
        instrument: None,
        dealer: None,
        unreachable: false,
    });
    let mut r = countered();
    assert_eq!(told(&r.handle(T0 + 4_999, Input::Tick)), None);
    let out = r.handle(T0 + 5_000, Input::Tick);
    assert_eq!(told(&out), Some(("c1".into(), RfqStatus::Expired, None)), "{out:?}");
    assert_eq!(of(&r, "c1"), (LineState::CounterOver, CounterState::Unanswered));
    // An answer that comes later is a quote like any.
    let late = answer(&mut r, "N", quote("ALICE.R1", "n2", "99.45", 30_000), 6_000);
    assert_eq!((brief(&late), told(&late)), (vec!["ALICE<S".to_owned()], None));
    assert_eq!(of(&r, "c1"), (LineState::Quoted, CounterState::Unanswered), "what was said stays");
    for (what, input, line) in [
        ("withdrawn", Input::FromDealer(dealer("N"), withdrawn), LineState::Withdrawn),
        ("link", Input::DealerDown(dealer("N")), LineState::CounterOver),
    ] {
        let mut r = countered();
        let out = r.handle(T0 + 300, input);
        assert_eq!(of(&r, "c1"), (line, CounterState::Dropped), "{what}: {out:?}");
    }
    let mut r = countered();
    answer(&mut r, "N", refusal(99, Some("done")), 300);
    assert_eq!(of(&r, "c1").1, CounterState::Dropped);
    let mut r = countered();
    send(&mut r, "ALICE", AppMessage::RfqCancel { rfq: rfq("R1"), text: None }, 300);
    assert_eq!(of(&r, "c1").1, CounterState::Dropped);
}

#[test]
fn one_that_cannot_be_sent_leaves_the_quote_as_it_was() {
    let mut r = quoted();
    let out = counter(&mut r, c1(), 200);
    let [Output::ToDealer(d, m)] = &out[..] else { panic!("{out:?}") };
    let back = r.handle(T0 + 210, Input::NotSentToDealer(d.clone(), m.clone()));
    assert_eq!(brief(&back), ["ALICE<j"]);
    assert!(matches!(of(&r, "c1"), (LineState::Quoted, CounterState::NotSent(_))));
    assert_eq!(brief(&send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 300)), ["N<AJ"]);
}

/// Nobody agreed to a trade: it is shown, counts against the limits, and stops the RFQ.
#[test]
fn a_fill_on_a_counter_is_a_dispute_and_no_trade() {
    let fill = || report("ALICE.c1", ExecType::Trade, OrdStatus::Filled, "99.45");
    type Ending = fn(&mut Router);
    let endings: [(&str, Ending); 3] = [
        ("waiting", |_| ()),
        ("unanswered", |r| drop(r.handle(T0 + 5_000, Input::Tick))),
        ("improved", |r| {
            drop(answer(r, "N", quote("ALICE.R1", "n2", "99.45", 30_000), 300));
        }),
    ];
    for (what, end) in endings {
        let mut r = countered();
        end(&mut r);
        assert!(brief(&answer(&mut r, "E", fill(), 5_100)).is_empty(), "{what}: not E's");
        assert_eq!(r.doing(&desk("ALICE"), T0 + 5_100).day.get("EUR"), None);
        let out = answer(&mut r, "N", fill(), 5_100);
        assert_eq!(alerts(&out), ["execution.disputed"], "{what}");
        let shown = out.iter().any(|o| {
            matches!(o, Output::ToDesk(d, AppMessage::ExecutionReport(e))
                if d.as_str() == "ALICE" && e.disputed && e.accept.as_str() == "c1")
        });
        assert!(shown && !out.iter().any(|o| matches!(o, Output::Traded(..))), "{what}: {out:?}");
        let e = &r.rfqs.get(&rfq("ALICE.R1")).unwrap().rfq;
        assert!(e.is_disputed() && e.state == signet_rfq::RfqState::Open, "{what}");
        let day = r.doing(&desk("ALICE"), T0 + 5_200).day.get("EUR").copied();
        assert_eq!(day, Some(dec("5000000")), "{what}: it counts");
        assert!(alerts(&answer(&mut r, "N", fill(), 5_300)).is_empty(), "{what}: once");
        let out = send(&mut r, "ALICE", hit("x1", "E", "e1", "99.6"), 5_400);
        assert_eq!(brief(&out), ["ALICE<8"], "{what}: nothing more before it is settled");
        assert!(r.rfqs.is_consistent());
    }
}

#[test]
fn a_package_is_not_countered() {
    let mut r = quoted();
    let e = r.rfqs.get_mut(&rfq("ALICE.R1")).unwrap();
    e.rfq.terms.instrument = InstrumentId::package();
    let m = QuoteResponse { instrument: InstrumentId::package(), ..c1() };
    assert_eq!(refused(&counter(&mut r, m, 200)).as_deref(), Some("counter.package"));
}

#[test]
fn an_rfq_does_not_change_hands_while_a_counter_waits() {
    let take = || {
        AppMessage::TakeOver(TakeOver {
            rfq: rfq("B1"),
            desk: desk("ALICE"),
            of: rfq("R1"),
            at: T0,
        })
    };
    let mut r = countered();
    send(&mut r, "BOB", take(), 300);
    assert_eq!(r.rfqs.get(&rfq("ALICE.R1")).unwrap().desk, desk("ALICE"));
    answer(&mut r, "N", quote("ALICE.R1", "n2", "99.45", 30_000), 300);
    send(&mut r, "BOB", take(), 400);
    assert_eq!(r.rfqs.get(&rfq("ALICE.R1")).unwrap().desk, desk("BOB"));
    // The new owner's counter has a name that is the gateway's, and reaches the dealer.
    let m = QuoteResponse { rfq: Some(rfq("B1")), ..ask("b1", "N", "n2", "99.4") };
    let out = send(&mut r, "BOB", AppMessage::QuoteResponse(m), 500);
    let [Output::ToDealer(_, AppMessage::QuoteResponse(m))] = &out[..] else { panic!("{out:?}") };
    assert_eq!(m.id.as_str(), "ALICE.R1:~c2");
    // The former owner's counter is still its maker's when a fill is claimed for it.
    let out = answer(&mut r, "N", report("ALICE.c1", ExecType::Trade, OrdStatus::Filled, "1"), 600);
    let mut disputes: Vec<(String, String)> = out
        .iter()
        .filter_map(|o| match o {
            Output::ToDesk(d, AppMessage::ExecutionReport(e)) if e.disputed => {
                Some((d.to_string(), e.accept.to_string()))
            }
            _ => None,
        })
        .collect();
    disputes.sort();
    let named = disputes.iter().any(|(d, id)| d == "BOB" && id.starts_with("B1:~c"));
    assert!(named, "the gateway names a colleague's counter: {disputes:?}");
}

#[test]
fn entitlements_judge_it_as_a_counter_of_its_size() {
    let r = quoted();
    let at = |m| r.proposal(&desk("ALICE"), &AppMessage::QuoteResponse(m), T0 + 200);
    let p = at(c1()).unwrap();
    assert_eq!((p.trade.step, p.trade.quantity), (TradeStep::Counter, dec("5000000")));
    assert_eq!((p.trade.dealers.len(), p.ends), (1, Some(T0 + 5_000)));
    assert!(at(QuoteResponse { price: dec("99.5"), ..c1() }).is_none(), "what is refused anyway");
}

/// A gateway that is killed between any two inputs has the same counters afterwards, also when the
/// dealer takes none any longer.
#[test]
fn a_replay_of_the_journal_leads_to_the_same_counters() {
    let key = StoreKey::new([5; 32]);
    let from = |m| Input::FromDesk(desk("ALICE"), m);
    let dealt = |m| Input::FromDealer(dealer("N"), m);
    let steps = [
        from(AppMessage::QuoteRequest(QuoteRequest { ..request("R1", &["N", "E"]) })),
        dealt(quote("ALICE.R1", "n1", "99.5", 10_000)),
        from(AppMessage::QuoteResponse(QuoteResponse { text: Some("x".repeat(500)), ..c1() })),
        from(AppMessage::QuoteResponse(ask("c9", "N", "n1", "99.4"))),
        dealt(quote("ALICE.R1", "n2", "99.475", 10_000)),
        from(AppMessage::QuoteResponse(ask("c2", "N", "n2", "99.46"))),
        dealt(report("ALICE.c2", ExecType::Trade, OrdStatus::Filled, "99.46")),
    ];
    for killed_after in 0..=steps.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let open = |r: &mut Router| Journal::open(&path, &key, r, OnBadRecord::Stop).unwrap();
        let mut r = router();
        let mut j = open(&mut r);
        for (n, s) in steps.iter().enumerate() {
            let at = T0 + 100 * n as i64;
            r.handle(at, Input::Tick);
            let s = j.record(at, s.clone(), &r).unwrap();
            r.handle(at, s);
            if n + 1 == killed_after {
                let before = (r.dump_without_dealers(at), r.doing(&desk("ALICE"), at));
                drop(j);
                r = router();
                r.dealers.get_mut(&dealer("N")).unwrap().settings.counters = false;
                j = open(&mut r);
                assert_eq!((r.dump(), r.doing(&desk("ALICE"), at)), before, "after {n}");
                assert!(r.rfqs.is_consistent());
                r.dealers.get_mut(&dealer("N")).unwrap().settings.counters = true;
                r.handle(at, Input::DealerUp(dealer("N")));
                r.handle(at, Input::DeskUp(desk("ALICE")));
                // The dealer says its last quote again.
                let quoted = |s: &&Input| matches!(s, Input::FromDealer(_, AppMessage::Quote(_)));
                if let Some(again) = steps[..=n].iter().rev().find(quoted) {
                    let again = j.record(at, again.clone(), &r).unwrap();
                    r.handle(at, again);
                }
            }
        }
        let e = &r.rfqs.get(&rfq("ALICE.R1")).unwrap().rfq;
        let line = e.line(&dealer("N")).unwrap();
        let ids: Vec<&str> = line.counters.iter().map(|(c, _)| c.id.as_str()).collect();
        assert_eq!((ids, e.is_disputed()), (vec!["c1", "c2"], true), "killed after {killed_after}");
    }
}

/// What a desk that comes back is told of N's line: the quote, the counter, and its end.
#[test]
fn a_snapshot_says_what_is_countered_and_how_it_is_over() {
    let back = |r: &mut Router, at: i64| {
        r.handle(T0 + at, Input::DeskDown(desk("ALICE")));
        let out = r.handle(T0 + at, Input::DeskUp(desk("ALICE")));
        let of_n = |o: &Output| match o {
            Output::ToDesk(_, AppMessage::Quote(q)) if q.dealer == Some(dealer("N")) => {
                Some(format!("S {}", q.id))
            }
            Output::ToDesk(_, AppMessage::QuoteResponse(m)) => Some(format!("AJ {}", m.id)),
            Output::ToDesk(_, AppMessage::QuoteStatusReport(s)) => {
                s.answers.as_ref().map(|id| format!("AI {id} {:?}", s.status))
            }
            _ => None,
        };
        out.iter().filter_map(of_n).collect::<Vec<_>>()
    };
    let mut r = countered();
    assert_eq!(back(&mut r, 300), ["S n1", "AJ c1"]);
    r.handle(T0 + 5_000, Input::Tick);
    assert_eq!(back(&mut r, 5_000), ["S n1", "AJ c1", "AI c1 Expired"]);
    answer(&mut r, "N", quote("ALICE.R1", "n2", "99.45", 30_000), 6_000);
    assert_eq!(back(&mut r, 6_100), ["S n2"]);
}
