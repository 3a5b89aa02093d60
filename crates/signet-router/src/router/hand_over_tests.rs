use super::*;
use crate::{
    Input, Keep, Output,
    journal::{Journal, OnBadRecord},
    router::tests::{
        T0, answer, dealer, dec, desk, hit, quote, quoted, report, request, router, send,
    },
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_fix::message::{
    ExecType, ExecutionReport, OrdStatus, QuoteMsg, QuoteResponse, Response,
};
use signet_journal::StoreKey;
use signet_rfq::{AcceptId, Catalogue, Instrument, PriceType, Qualifiers, RfqState};
use std::collections::BTreeMap;

fn id(n: &str) -> RfqId {
    RfqId::new(n).unwrap()
}

fn take(rfq: &str, of_desk: &str, of: &str) -> AppMessage {
    take_at(0, rfq, of_desk, of)
}

fn take_at(at: i64, rfq: &str, of_desk: &str, of: &str) -> AppMessage {
    AppMessage::TakeOver(TakeOver { rfq: id(rfq), desk: desk(of_desk), of: id(of), at: T0 + at })
}

/// An accept that names its RFQ, as our desks do.
fn hit_in(rfq: &str, accept: &str, who: &str, q: &str, price: &str) -> AppMessage {
    match hit(accept, who, q, price) {
        AppMessage::QuoteResponse(r) => {
            AppMessage::QuoteResponse(QuoteResponse { rfq: Some(id(rfq)), ..r })
        }
        _ => unreachable!(),
    }
}

fn told_to<'a>(out: &'a [Output], who: &str) -> Vec<&'a AppMessage> {
    let to = |o: &'a Output| match o {
        Output::ToDesk(d, m) if d.as_str() == who => Some(m),
        _ => None,
    };
    out.iter().filter_map(to).collect()
}

fn to_dealers(out: &[Output]) -> Vec<&AppMessage> {
    out.iter().filter_map(|o| if let Output::ToDealer(_, m) = o { Some(m) } else { None }).collect()
}

fn refused(out: &[Output], who: &str) -> Option<String> {
    told_to(out, who).into_iter().find_map(|m| match m {
        AppMessage::HandOver(h) if h.kind == HandOverKind::Refused => h.code.clone(),
        _ => None,
    })
}

fn owner(r: &Router, rfq: &str) -> String {
    r.rfqs.get(&id(rfq)).unwrap().desk.to_string()
}

/// BOB has ALICE's R1, which he calls B1.
fn taken() -> Router {
    let mut r = quoted();
    let out = send(&mut r, "BOB", take("B1", "ALICE", "R1"), 200);
    assert_eq!(refused(&out, "BOB"), None);
    r
}

#[test]
fn it_changes_hands_in_one_step_and_dealers_see_nothing_of_it() {
    let mut r = quoted();
    let out = send(&mut r, "BOB", take("B1", "ALICE", "R1"), 200);
    assert!(to_dealers(&out).is_empty(), "{out:?}");
    let [AppMessage::HandOver(lost)] = told_to(&out, "ALICE")[..] else { panic!("{out:?}") };
    assert_eq!(
        (lost.rfq.as_str(), lost.kind, lost.desk.as_ref().map(CompId::as_str), lost.at),
        ("R1", HandOverKind::Theirs, Some("BOB"), T0 + 200)
    );
    let types: Vec<&str> = told_to(&out, "BOB").iter().map(|m| m.msg_type()).collect();
    assert_eq!(types, ["UJ", "U2", "S", "S"], "the RFQ and the quotes that stand");
    // What dealers say from now on is his; in their names nothing has changed.
    let out = answer(&mut r, "N", quote("ALICE.R1", "n2", "99.4", 10_000), 300);
    assert!(told_to(&out, "ALICE").is_empty());
    let [AppMessage::Quote(q)] = told_to(&out, "BOB")[..] else { panic!("{out:?}") };
    assert_eq!(q.rfq.as_str(), "B1");
    let out = send(&mut r, "BOB", hit_in("B1", "B1:1", "N", "n2", "99.4"), 400);
    let [AppMessage::QuoteResponse(sent)] = to_dealers(&out)[..] else { panic!("{out:?}") };
    assert_eq!(sent.id.as_str(), "ALICE.R1:~1", "the dealer finds its RFQ in it");
    let out =
        answer(&mut r, "N", report("ALICE.R1:~1", ExecType::Trade, OrdStatus::Filled, "99.4"), 500);
    assert!(told_to(&out, "ALICE").is_empty());
    let filled = told_to(&out, "BOB")
        .into_iter()
        .any(|m| matches!(m, AppMessage::ExecutionReport(e) if e.accept.as_str() == "B1:1"));
    assert!(filled, "{out:?}");
    assert!(out.contains(&Output::Traded(desk("BOB"), dealer("N"))));
    let sums = |who: &str| r.doing(&desk(who), T0 + 600);
    assert_eq!((sums("ALICE").trades_today, sums("BOB").trades_today), (0, 1));
    assert!(r.rfqs.is_consistent());
}

#[test]
fn the_desk_that_had_it_is_refused_and_told_why() {
    let mut r = taken();
    let out = send(&mut r, "ALICE", hit_in("R1", "R1:1", "N", "n1", "99.5"), 300);
    assert!(to_dealers(&out).is_empty());
    let [AppMessage::ExecutionReport(e)] = told_to(&out, "ALICE")[..] else { panic!("{out:?}") };
    assert_eq!(e.status, OrdStatus::Rejected);
    assert_eq!(e.text.as_deref(), Some("BOB has taken this RFQ over"));
    // Without the RFQ's name the quote is nobody's either.
    let out = send(&mut r, "ALICE", hit("R1:2", "N", "n1", "99.5"), 300);
    assert!(to_dealers(&out).is_empty());
    let end = AppMessage::RfqCancel { rfq: id("R1"), text: None };
    let out = send(&mut r, "ALICE", end, 300);
    let [AppMessage::BusinessReject(j)] = told_to(&out, "ALICE")[..] else { panic!("{out:?}") };
    assert_eq!(j.text.as_deref(), Some("BOB has taken this RFQ over"));
    let again = AppMessage::QuoteRequest(request("R1", &["N"]));
    assert!(to_dealers(&send(&mut r, "ALICE", again, 300)).is_empty(), "the id stays used");
    assert_eq!(owner(&r, "ALICE.R1"), "BOB");
    // The one that has it now ends it.
    let out = send(&mut r, "BOB", AppMessage::RfqCancel { rfq: id("B1"), text: None }, 400);
    assert!(out.iter().any(|o| matches!(o, Output::ToDealer(..))));
    assert!(told_to(&out, "ALICE").is_empty());
}

#[test]
fn not_while_an_accept_is_on_its_way_or_its_outcome_is_unknown() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit_in("R1", "R1:1", "N", "n1", "99.5"), 200);
    let refuses = |r: &mut Router, at| {
        let out = send(r, "BOB", take("B1", "ALICE", "R1"), at);
        assert_eq!(refused(&out, "BOB").as_deref(), Some("takeover.accept_in_flight"));
        assert!(told_to(&out, "ALICE").is_empty());
        assert_eq!(owner(r, "ALICE.R1"), "ALICE");
    };
    refuses(&mut r, 210);
    answer(
        &mut r,
        "N",
        report("ALICE.R1:1", ExecType::PendingNew, OrdStatus::PendingNew, "0"),
        220,
    );
    refuses(&mut r, 230);
    r.handle(T0 + 240, Input::DealerDown(dealer("N")));
    refuses(&mut r, 250);
    // The dealer says no: from now on it may.
    answer(&mut r, "N", report("ALICE.R1:1", ExecType::Rejected, OrdStatus::Rejected, "0"), 260);
    let out = send(&mut r, "BOB", take("B1", "ALICE", "R1"), 270);
    assert_eq!(refused(&out, "BOB"), None);
    assert_eq!(owner(&r, "ALICE.R1"), "BOB");
    // What the dealer says of her accept by now is hers to settle, and he cannot trade meanwhile.
    let late = report("ALICE.R1:1", ExecType::Trade, OrdStatus::Filled, "99.5");
    let out = answer(&mut r, "N", late, 280);
    let disputes = |who: &str| {
        told_to(&out, who)
            .iter()
            .filter(|m| matches!(m, AppMessage::ExecutionReport(e) if e.disputed))
            .count()
    };
    assert_eq!((disputes("ALICE"), disputes("BOB")), (1, 1), "{out:?}");
    let out = send(&mut r, "BOB", hit_in("B1", "B1:1", "E", "e1", "99.6"), 290);
    assert!(to_dealers(&out).is_empty());
    let out = send(&mut r, "CAROL", take("C1", "BOB", "B1"), 300);
    assert_eq!(refused(&out, "CAROL").as_deref(), Some("takeover.disputed"));
}

#[test]
fn what_cannot_change_hands_says_why_and_changes_nothing() {
    let refusal = |r: &mut Router, who: &str, m: AppMessage| {
        let before = r.dump();
        let out = send(r, who, m, 300);
        assert!(to_dealers(&out).is_empty());
        assert_eq!(r.dump(), before);
        refused(&out, who).unwrap()
    };
    let mut r = quoted();
    send(&mut r, "BOB", AppMessage::QuoteRequest(request("B0", &["N"])), 10);
    for (who, m, want) in [
        ("BOB", take("B1", "ALICE", "R9"), "takeover.not_found"),
        ("BOB", take("B1", "NOBODY", "R1"), "takeover.not_found"),
        // As dealers name it, and as a desk could be tricked to name it.
        ("BOB", take("B1", "ALICE", "ALICE.R1"), "takeover.not_found"),
        ("ALICE", take("R2", "ALICE", "R1"), "takeover.own"),
        ("BOB", take("B0", "ALICE", "R1"), "takeover.id"),
        // CAROL may ask N only, and E is asked in it.
        ("CAROL", take("C1", "ALICE", "R1"), "takeover.dealer"),
    ] {
        assert_eq!(refusal(&mut r, who, m), want);
    }
    let mut r = taken();
    assert_eq!(refusal(&mut r, "BOB", take("B2", "ALICE", "R1")), "takeover.gone");
    assert_eq!(refusal(&mut r, "BOB", take("B1", "ALICE", "R1")), "takeover.gone");
    assert_eq!(refusal(&mut r, "ALICE", take("R1", "BOB", "B1")), "takeover.id");
    r.handle(T0 + 70_000, Input::Tick);
    let out = send(&mut r, "ALICE", take_at(70_001, "R5", "BOB", "B1"), 70_001);
    assert_eq!(refused(&out, "ALICE").as_deref(), Some("takeover.not_open"), "it has expired");
}

/// The same bounds as those of an accept. What comes too late learns nothing of what there is.
#[test]
fn what_was_long_on_its_way_takes_nothing_over() {
    let now = 9_000;
    for (age, of, want) in [
        (5_000, "R1", None),
        (5_001, "R1", Some("takeover.late")),
        (5_001, "R9", Some("takeover.late")),
        (-5_000, "R1", None),
        (-5_001, "R1", Some("takeover.from_the_future")),
    ] {
        let mut r = quoted();
        let m = take_at(now - age, "B1", "ALICE", of);
        let kept = r.keep(T0 + now, &Input::FromDesk(desk("BOB"), m.clone()));
        assert_eq!(kept == Keep::Nothing, want.is_some(), "{age}: what a replay reads");
        let out = send(&mut r, "BOB", m, now);
        assert_eq!(refused(&out, "BOB").as_deref(), want, "{age}");
        let has = if want.is_none() { "BOB" } else { "ALICE" };
        assert_eq!(owner(&r, "ALICE.R1"), has, "{age}");
    }
}

#[test]
fn it_goes_back_and_forth_a_bounded_number_of_times_and_back_again_is_another_name() {
    let mut r = quoted();
    let names = ["ALICE", "BOB"];
    let mut last = "R1".to_owned();
    for n in 0..MAX_HAND_OVERS {
        let (from, to) = (names[n % 2], names[(n + 1) % 2]);
        let mine = format!("T{n}");
        let out = send(&mut r, to, take(&mine, from, &last), 200);
        assert_eq!(refused(&out, to), None, "{n}");
        last = mine;
    }
    let out = send(&mut r, "BOB", take("T99", "ALICE", &last), 200);
    assert_eq!(refused(&out, "BOB").as_deref(), Some("takeover.too_often"));
    assert!(r.rfqs.is_consistent());
}

#[test]
fn a_desk_that_was_away_hears_it_in_its_snapshot_before_the_end() {
    let mut r = quoted();
    r.handle(T0 + 150, Input::DeskDown(desk("ALICE")));
    send(&mut r, "BOB", take("B1", "ALICE", "R1"), 200);
    // BOB's link is cut before he hears of it.
    r.handle(T0 + 210, Input::DeskDown(desk("BOB")));
    for _ in 0..2 {
        let out = r.handle(T0 + 300, Input::DeskUp(desk("ALICE")));
        let types: Vec<&str> = told_to(&out, "ALICE").iter().map(|m| m.msg_type()).collect();
        assert_eq!(types, ["U1", "U2", "UJ", "U2"]);
    }
    let out = r.handle(T0 + 310, Input::DeskUp(desk("BOB")));
    let types: Vec<&str> = told_to(&out, "BOB").iter().map(|m| m.msg_type()).collect();
    assert_eq!(types, ["U1", "U2", "UJ", "U2", "S", "S", "U2"]);
}

#[test]
fn others_are_shown_what_they_may_see_and_no_price() {
    let mut r = quoted();
    send(&mut r, "BOB", AppMessage::QuoteRequest(request("B0", &["N"])), 10);
    let sees = |d: &CompId| (d.as_str() == "ALICE").then(|| "alice".to_owned());
    let (rows, more) = r.open_of_others(&desk("CAROL"), 10, T0 + 200, sees);
    assert!(!more);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (row.desk.as_str(), row.name.as_str(), row.request.id.as_str(), row.quoting),
        ("ALICE", "alice", "R1", 2)
    );
    assert!(!format!("{row:?}").contains("99."), "no price: {row:?}");
    let everybody = |_: &CompId| Some("x".to_owned());
    assert_eq!(r.open_of_others(&desk("ALICE"), 10, T0, everybody).0.len(), 1, "not one's own");
    let (rows, more) = r.open_of_others(&desk("CAROL"), 1, T0, everybody);
    assert_eq!((rows.len(), rows[0].desk.as_str(), more), (1, "BOB", true), "the newest first");
    assert_eq!(r.open_of_others(&desk("CAROL"), 10, T0, |_| None), (vec![], false));
    send(&mut r, "ALICE", hit_in("R1", "R1:1", "N", "n1", "99.5"), 300);
    let (rows, _) = r.open_of_others(&desk("CAROL"), 10, T0 + 300, sees);
    assert!(rows[0].hindrance.as_deref().unwrap().contains("waiting for its answer"));
}

#[test]
fn an_id_that_the_gateway_gives_to_accepts_is_not_a_desks() {
    let mut r = quoted();
    let out = send(&mut r, "ALICE", hit_in("R1", "R1:~1", "N", "n1", "99.5"), 200);
    assert!(to_dealers(&out).is_empty(), "it would be the name of the taker's first accept");
}

/// A pass on one dealer, as our desks send it.
fn pass_on(rfq: &str, pass: &str, who: &str) -> AppMessage {
    match hit_in(rfq, pass, who, "any", "0") {
        AppMessage::QuoteResponse(r) => {
            AppMessage::QuoteResponse(QuoteResponse { response: Response::Pass, ..r })
        }
        _ => unreachable!(),
    }
}

fn rejected(out: &[Output], who: &str) -> Option<String> {
    told_to(out, who).into_iter().find_map(|m| match m {
        AppMessage::BusinessReject(j) => j.text.clone(),
        _ => None,
    })
}

#[test]
fn who_has_it_passes_on_a_dealer_and_nobody_else_does() {
    let mut g = Gateway::new();
    let from = |who: &str, m| Input::FromDesk(desk(who), m);
    let ask = |n: &str| AppMessage::QuoteRequest(request(n, &["N", "E"]));
    g.input(0, from("ALICE", ask("R1")));
    g.input(0, from("ALICE", ask("R2")));
    for (rfq, q) in [("ALICE.R1", "n1"), ("ALICE.R2", "n2")] {
        g.input(10, Input::FromDealer(dealer("N"), quote(rfq, q, "99.5", 10_000)));
        g.input(10, Input::FromDealer(dealer("E"), quote(rfq, q, "99.6", 10_000)));
    }
    g.input(20, from("ALICE", hit_in("R2", "R2:1", "N", "n2", "99.5")));
    g.input(30, from("BOB", take("B1", "ALICE", "R1")));
    // The desk that had it, also by the id of an accept of hers.
    for (n, pass) in ["p1", "R2:1"].into_iter().enumerate() {
        let m = from("ALICE", pass_on("R1", pass, "N"));
        assert_eq!((g.router().concerns(&m), g.router().keep(T0 + 40, &m)), (None, Keep::Nothing));
        let out = g.input(40 + n as i64, m);
        assert!(to_dealers(&out).is_empty(), "{out:?}");
        assert_eq!(rejected(&out, "ALICE").as_deref(), Some("BOB has taken this RFQ over"));
    }
    let m = from("BOB", pass_on("B1", "p1", "N"));
    assert_eq!(g.router().concerns(&m), Some(id("ALICE.R1")));
    let out = g.input(50, m);
    let [AppMessage::QuoteResponse(told)] = to_dealers(&out)[..] else { panic!("{out:?}") };
    assert_eq!((told.response, told.quote.as_str()), (Response::Pass, "n1"));
    assert!(told_to(&out, "ALICE").is_empty());
    let [AppMessage::QuoteRequestReject(seen)] = told_to(&out, "BOB")[..] else {
        panic!("{out:?}")
    };
    assert_eq!(seen.rfq.as_str(), "B1");
    let before = g.left(60);
    g.restart();
    assert_eq!(g.router().dump(), before, "the pass is written under the RFQ it is about");
    // E is back, and says its quote again.
    g.input(60, Input::FromDealer(dealer("E"), quote("ALICE.R1", "n1", "99.6", 10_000)));
    // Back to the desk that asked first: its first name for it stays retired.
    g.input(60, from("ALICE", take("R9", "BOB", "B1")));
    let m = from("ALICE", pass_on("R1", "p2", "E"));
    assert_eq!(g.router().keep(T0 + 70, &m), Keep::Nothing);
    assert_eq!(g.router().concerns(&m), None);
    let out = g.input(70, m);
    assert!(to_dealers(&out).is_empty() && rejected(&out, "ALICE").is_some(), "{out:?}");
    // An accept's id of another RFQ does not lead there.
    let m = from("ALICE", pass_on("R9", "R2:1", "E"));
    assert_eq!(g.router().concerns(&m), Some(id("ALICE.R1")));
    assert_eq!(to_dealers(&g.input(80, m)).len(), 1);
    let before = plain(g.left(90));
    g.restart();
    assert_eq!(plain(g.router().dump()), before);
}

/// Whether a quote was said again matters only while a counter hides it, and is not written down.
fn plain(mut all: Vec<(RfqId, Rfq)>) -> Vec<(RfqId, Rfq)> {
    all.iter_mut().flat_map(|(_, r)| &mut r.lines).for_each(|l| l.repeated = false);
    all
}

/// What a desk reads about disputes: 11 and 423.
fn disputes(out: &[Output], who: &str) -> Vec<(String, Option<u16>)> {
    let of = |m: &AppMessage| match m {
        AppMessage::ExecutionReport(e) if e.disputed => {
            Some((e.accept.to_string(), e.price_type.map(|t| t.code())))
        }
        _ => None,
    };
    told_to(out, who).into_iter().filter_map(of).collect()
}

#[test]
fn a_colleagues_accept_has_a_name_in_the_readers_rfq() {
    let mut r = router();
    let i = r.catalogue.iter().next().unwrap().clone();
    let i = Instrument { price_types: PriceType::WITHOUT_REFERENCE.into(), ..i };
    r.catalogue = Catalogue::new([i]).unwrap();
    // BOB has an RFQ of prices and an accept in it, whose id ALICE uses in hers of yields.
    send(&mut r, "BOB", AppMessage::QuoteRequest(request("B7", &["N"])), 0);
    answer(&mut r, "N", quote("BOB.B7", "n7", "99.5", 30_000), 10);
    assert_eq!(to_dealers(&send(&mut r, "BOB", hit("B7:9", "N", "n7", "99.5"), 20)).len(), 1);
    let yields = QuoteRequest { price_type: PriceType::Yield, ..request("R1", &["N"]) };
    send(&mut r, "ALICE", AppMessage::QuoteRequest(yields), 30);
    let AppMessage::Quote(q) = quote("ALICE.R1", "n1", "3.5", 30_000) else { unreachable!() };
    let typed = Qualifiers { price_type: Some(9.into()), ..Qualifiers::default() };
    answer(&mut r, "N", AppMessage::Quote(QuoteMsg { qualifiers: typed, ..q }), 40);
    let AppMessage::QuoteResponse(q) = hit_in("R1", "B7:9", "N", "n1", "3.5") else { panic!() };
    let q = QuoteResponse { price_type: PriceType::Yield, ..q };
    assert_eq!(to_dealers(&send(&mut r, "ALICE", AppMessage::QuoteResponse(q), 50)).len(), 1);
    answer(&mut r, "N", report("ALICE.B7:9", ExecType::Rejected, OrdStatus::Rejected, "0"), 60);
    let out = send(&mut r, "BOB", take("B1", "ALICE", "R1"), 70);
    assert_eq!(refused(&out, "BOB"), None);
    let late = report("ALICE.B7:9", ExecType::Trade, OrdStatus::Filled, "3.5");
    let out = answer(&mut r, "N", late, 80);
    assert_eq!(disputes(&out, "ALICE"), [("B7:9".to_owned(), Some(9))]);
    assert_eq!(disputes(&out, "BOB"), [("B1:~1".to_owned(), Some(9))]);
    // The same in a snapshot, so that it is one dispute.
    let out = r.handle(T0 + 90, Input::DeskUp(desk("BOB")));
    assert_eq!(disputes(&out, "BOB"), [("B1:~1".to_owned(), Some(9))]);
}

#[test]
fn what_a_former_desk_accepted_counts_on_its_own_day() {
    let mut r = quoted();
    let day = |r: &Router, at: i64| {
        ["ALICE", "BOB"].map(|d| {
            let doing = r.doing(&desk(d), T0 + at);
            let day = doing.day.get("EUR").copied().unwrap_or_default();
            (doing.trades_today, day, r.rfqs.traded_with(&desk(d), &dealer("N")))
        })
    };
    let (none, five) = (Decimal::ZERO, dec("5000000"));
    // ALICE's accept is declined, BOB's too, and then ALICE has the RFQ again.
    send(&mut r, "ALICE", hit_in("R1", "R1:1", "N", "n1", "99.5"), 200);
    answer(&mut r, "N", report("ALICE.R1:1", ExecType::Rejected, OrdStatus::Rejected, "0"), 210);
    send(&mut r, "BOB", take("B1", "ALICE", "R1"), 220);
    send(&mut r, "BOB", hit_in("B1", "B1:1", "N", "n1", "99.5"), 230);
    answer(&mut r, "N", report("ALICE.R1:~2", ExecType::Rejected, OrdStatus::Rejected, "0"), 240);
    assert_eq!(day(&r, 240), [(0, none, false), (0, none, false)]);
    send(&mut r, "ALICE", take("R9", "BOB", "B1"), 250);
    // The dealer claims BOB's after all: his trade, with the RFQ open at ALICE's desk.
    let late = |accept: &str| report(accept, ExecType::Trade, OrdStatus::Filled, "99.5");
    answer(&mut r, "N", late("ALICE.R1:~2"), 260);
    assert_eq!(day(&r, 260), [(0, none, false), (1, five, true)]);
    assert_eq!(r.traded_pairs(), [(desk("BOB"), dealer("N"))]);
    let AppMessage::ExecutionReport(e) = late("ALICE.R1:1") else { unreachable!() };
    let e = ExecutionReport { exec_id: "Y".into(), ..e };
    answer(&mut r, "N", AppMessage::ExecutionReport(e), 270);
    assert_eq!(day(&r, 270), [(1, five, true), (1, five, true)]);
    assert_eq!(r.rfqs.open_count(&desk("ALICE")), 1);
    assert!(r.rfqs.is_consistent());
    r.handle(T0 + 70_000, Input::Tick);
    assert_eq!(day(&r, 70_000), [(1, five, true), (1, five, true)]);
    // Forgotten a day after it ended, with both sums.
    r.handle(T0 + 70_000 + 25 * 3_600_000, Input::Tick);
    assert!(r.dump().is_empty() && r.rfqs.is_consistent());
    assert_eq!(day(&r, 80_000), [(0, none, false), (0, none, false)]);
}

#[test]
fn an_open_rfq_is_found_by_each_name_that_it_had() {
    let mut r = taken();
    let found = |r: &Router, who: &str, own: &str| {
        r.open_as(&desk(who), &id(own)).map(|(d, rfq)| format!("{d} {}", rfq.terms.id))
    };
    for (who, own) in [("ALICE", "R1"), ("BOB", "B1")] {
        assert_eq!(found(&r, who, own).as_deref(), Some("BOB B1"));
    }
    for (who, own) in [("ALICE", "B1"), ("BOB", "R1"), ("CAROL", "R1")] {
        assert_eq!(found(&r, who, own), None);
    }
    send(&mut r, "ALICE", take("R9", "BOB", "B1"), 300);
    for (who, own) in [("ALICE", "R1"), ("BOB", "B1"), ("ALICE", "R9")] {
        assert_eq!(found(&r, who, own).as_deref(), Some("ALICE R9"));
    }
    send(&mut r, "ALICE", AppMessage::RfqCancel { rfq: id("R9"), text: None }, 400);
    assert_eq!(found(&r, "BOB", "B1"), None);
}

#[test]
fn an_own_accept_keeps_its_id_in_the_snapshot() {
    let mut r = taken();
    send(&mut r, "BOB", hit_in("B1", "B1:1", "N", "n1", "99.5"), 210);
    answer(&mut r, "N", report("ALICE.R1:~1", ExecType::Rejected, OrdStatus::Rejected, "0"), 220);
    let late = report("ALICE.R1:~1", ExecType::Trade, OrdStatus::Filled, "99.5");
    let out = answer(&mut r, "N", late, 230);
    assert_eq!(disputes(&out, "BOB"), [("B1:1".to_owned(), None)]);
    assert!(disputes(&out, "ALICE").is_empty());
    let out = r.handle(T0 + 240, Input::DeskUp(desk("BOB")));
    assert_eq!(disputes(&out, "BOB"), [("B1:1".to_owned(), None)]);
}

#[test]
fn the_takers_id_leaves_room_for_the_ids_of_accepts() {
    let r = quoted();
    let room = |n: usize| {
        let AppMessage::TakeOver(t) = take(&"B".repeat(n), "ALICE", "R1") else { unreachable!() };
        r.take_over(&desk("BOB"), &t, T0 + 200).err()
    };
    let most = (1..100).take_while(|n| room(*n).is_none()).last().unwrap();
    assert_eq!(room(most + 1), Some(TakeOverRefusal::Id));
    assert!(AcceptId::new(format!("{}:~99999", "B".repeat(most))).is_ok());
}

fn key() -> StoreKey {
    StoreKey::new([3; 32])
}

/// A gateway with its journal, which can be killed between any two inputs.
struct Gateway {
    dir: tempfile::TempDir,
    parts: Option<(Router, Journal)>,
}

impl Gateway {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut g = Self { dir, parts: None };
        g.restart();
        g
    }

    fn restart(&mut self) {
        self.parts = None;
        let mut r = router();
        let path = self.dir.path().join("rfqs.journal");
        let journal = Journal::open(&path, &key(), &mut r, OnBadRecord::Stop).unwrap();
        self.parts = Some((r, journal));
    }

    fn input(&mut self, at: i64, input: Input) -> Vec<Output> {
        let (r, j) = self.parts.as_mut().unwrap();
        r.handle(T0 + at, Input::Tick);
        let input = j.record(T0 + at, input, r).unwrap();
        r.handle(T0 + at, input)
    }

    fn router(&self) -> &Router {
        &self.parts.as_ref().unwrap().0
    }

    /// What a restart leaves: every RFQ, with no dealer on.
    fn left(&mut self, at: i64) -> Vec<(RfqId, Rfq)> {
        self.parts.as_mut().unwrap().0.dump_without_dealers(T0 + at)
    }

    fn owners(&self) -> BTreeMap<String, (String, String, usize)> {
        let of = |(id, e): (&RfqId, &Entry)| {
            (id.to_string(), (e.desk.to_string(), e.rfq.terms.id.to_string(), e.before.len()))
        };
        self.router().rfqs.iter().map(of).collect()
    }
}

#[test]
fn a_restart_in_the_middle_leads_to_the_same_owner() {
    let ask = Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(request("R1", &["N", "E"])));
    let from = |who: &str, m| Input::FromDesk(desk(who), m);
    let steps = [
        ask,
        Input::FromDealer(dealer("N"), quote("ALICE.R1", "n1", "99.5", 10_000)),
        from("BOB", take("B1", "ALICE", "R1")),
        // The old owner's accept and end come after.
        from("ALICE", hit_in("R1", "R1:1", "N", "n1", "99.5")),
        from("ALICE", AppMessage::RfqCancel { rfq: id("R1"), text: None }),
        from("BOB", hit_in("B1", "B1:1", "N", "n1", "99.5")),
        Input::FromDealer(
            dealer("N"),
            report("ALICE.R1:~1", ExecType::Trade, OrdStatus::Filled, "99.5"),
        ),
    ];
    let mut whole = Gateway::new();
    for (n, s) in steps.iter().enumerate() {
        whole.input(100 * n as i64, s.clone());
    }
    let want = whole.router().dump();
    assert_eq!(want[0].1.state, RfqState::Done);
    assert_eq!(whole.owners()["ALICE.R1"], ("BOB".into(), "B1".into(), 1));
    for killed_after in 0..steps.len() {
        let mut g = Gateway::new();
        for (n, s) in steps.iter().enumerate() {
            g.input(100 * n as i64, s.clone());
            if n == killed_after {
                let before = (g.left(100 * n as i64), g.owners());
                g.restart();
                assert_eq!((g.router().dump(), g.owners()), before, "killed after {n}");
                assert!(g.router().rfqs.is_consistent());
                // The dealer says the quote again that it gave before.
                if n > 0 {
                    g.input(100 * n as i64, steps[1].clone());
                }
            }
        }
        assert_eq!((g.router().dump(), g.owners()), (want.clone(), whole.owners()));
    }
}

/// The loss of a dealer's line ends the counter that waits for it, and the journal does not say so.
/// What was decided after that is carried out by a replay all the same.
#[test]
fn a_take_over_after_a_counter_was_lost_with_its_dealers_line_survives_a_restart() {
    let mut g = Gateway::new();
    let from = |who: &str, m| Input::FromDesk(desk(who), m);
    g.input(0, from("ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E"]))));
    g.input(100, Input::FromDealer(dealer("N"), quote("ALICE.R1", "n1", "99.5", 10_000)));
    g.input(100, Input::FromDealer(dealer("E"), quote("ALICE.R1", "e1", "99.6", 10_000)));
    let AppMessage::QuoteResponse(asks) = hit_in("R1", "c1", "N", "n1", "99.45") else { panic!() };
    let asks = QuoteResponse { response: Response::Counter, deadline: Some(T0 + 5_000), ..asks };
    assert_eq!(to_dealers(&g.input(200, from("ALICE", AppMessage::QuoteResponse(asks)))).len(), 1);
    let out = g.input(300, from("BOB", take("B1", "ALICE", "R1")));
    assert_eq!(refused(&out, "BOB").as_deref(), Some("takeover.counter_in_flight"));
    g.input(400, Input::DealerDown(dealer("N")));
    g.input(500, from("BOB", take("B1", "ALICE", "R1")));
    assert_eq!(g.owners()["ALICE.R1"], ("BOB".into(), "B1".into(), 1));
    let out = g.input(600, from("BOB", hit_in("B1", "B1:1", "E", "e1", "99.6")));
    assert_eq!(to_dealers(&out).len(), 1);
    let before = (g.left(700), g.owners());
    g.restart();
    assert_eq!((g.router().dump(), g.owners()), before);
    assert!(g.router().rfqs.is_consistent());
}

/// An id that a desk used before is free again once its RFQ is forgotten. A replay ends that RFQ
/// with the next record, here ten minutes later than it ended, and so would remember it longer.
#[test]
fn an_id_that_was_free_is_free_in_a_replay() {
    const MINUTE: i64 = 60_000;
    let from = |who: &str, m| Input::FromDesk(desk(who), m);
    let ask = |n: &str, at: i64| {
        let q = QuoteRequest { at: T0 + at, expires: T0 + at + MINUTE, ..request(n, &["N", "E"]) };
        AppMessage::QuoteRequest(q)
    };
    for what in ["taken over as X", "asked as X", "X was a former name"] {
        let mut g = Gateway::new();
        let tick = |g: &mut Gateway, at: i64| {
            let (r, j) = g.parts.as_mut().unwrap();
            r.handle(T0 + at, Input::Tick);
            j.tidy(r).unwrap();
        };
        g.input(0, from("BOB", ask("X", 0)));
        if what == "X was a former name" {
            g.input(10, from("ALICE", take("A1", "BOB", "X")));
        }
        tick(&mut g, MINUTE);
        g.input(
            11 * MINUTE,
            from(
                "CAROL",
                AppMessage::QuoteRequest(QuoteRequest {
                    at: T0 + 11 * MINUTE,
                    expires: T0 + 12 * MINUTE,
                    ..request("C", &["N"])
                }),
            ),
        );
        tick(&mut g, 16 * MINUTE);
        assert!(!g.router().is_used(&desk("BOB"), &id("X")), "{what}");
        let at = 17 * MINUTE;
        let rfq = if what == "asked as X" {
            g.input(at, from("BOB", ask("X", at)));
            "BOB.X"
        } else {
            g.input(at, from("ALICE", ask("R1", at)));
            g.input(at, from("BOB", take_at(at, "X", "ALICE", "R1")));
            "ALICE.R1"
        };
        g.input(at + 10, Input::FromDealer(dealer("N"), quote(rfq, "n1", "99.5", at + 9_000)));
        let AppMessage::QuoteResponse(hit) = hit_in("X", "X:1", "N", "n1", "99.5") else {
            panic!()
        };
        let hit = QuoteResponse { at: T0 + at, ..hit };
        let out = g.input(at + 20, from("BOB", AppMessage::QuoteResponse(hit)));
        let [AppMessage::QuoteResponse(sent)] = to_dealers(&out)[..] else { panic!("{out:?}") };
        let fill = report(sent.id.as_str(), ExecType::Trade, OrdStatus::Filled, "99.5");
        g.input(at + 30, Input::FromDealer(dealer("N"), fill));
        assert_eq!(g.owners()[rfq].0, "BOB");
        let state = |g: &Gateway| {
            let e = g.router().rfqs.get(&id(rfq)).unwrap();
            (e.desk.clone(), e.rfq.clone(), g.router().doing(&desk("BOB"), T0 + at + 40))
        };
        let before = state(&g);
        assert_eq!(before.1.state, RfqState::Done);
        g.restart();
        assert_eq!(state(&g), before, "{what}");
        assert!(g.router().rfqs.is_consistent());
    }
}

/// The same of the id of an accept: in a replay the RFQ that had it first is forgotten after another
/// one has it.
#[test]
fn an_accept_whose_id_was_free_is_not_forgotten_with_another_rfq() {
    const MINUTE: i64 = 60_000;
    let from = |who: &str, m| Input::FromDesk(desk(who), m);
    let mut g = Gateway::new();
    let ask = |g: &mut Gateway, who: &str, n: &str, at: i64, ttl: i64| {
        let q = QuoteRequest { at: T0 + at, expires: T0 + at + ttl, ..request(n, &["N"]) };
        g.input(at, from(who, AppMessage::QuoteRequest(q)));
    };
    let hit_at = |g: &mut Gateway, rfq: &str, at: i64| {
        let of = format!("ALICE.{rfq}");
        g.input(at, Input::FromDealer(dealer("N"), quote(&of, "n1", "99.5", at + 9_000)));
        let AppMessage::QuoteResponse(q) = hit_in(rfq, "x1", "N", "n1", "99.5") else { panic!() };
        let q = AppMessage::QuoteResponse(QuoteResponse { at: T0 + at, ..q });
        assert_eq!(to_dealers(&g.input(at, from("ALICE", q))).len(), 1);
    };
    ask(&mut g, "ALICE", "R0", 0, MINUTE);
    hit_at(&mut g, "R0", 100);
    let no = report("ALICE.x1", ExecType::Rejected, OrdStatus::Rejected, "0");
    g.input(200, Input::FromDealer(dealer("N"), no));
    g.parts.as_mut().unwrap().0.handle(T0 + MINUTE, Input::Tick);
    ask(&mut g, "BOB", "B", 11 * MINUTE, MINUTE);
    g.parts.as_mut().unwrap().0.handle(T0 + 16 * MINUTE, Input::Tick);
    ask(&mut g, "ALICE", "R1", 17 * MINUTE, 30 * MINUTE);
    hit_at(&mut g, "R1", 17 * MINUTE + 100);
    let fill = report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5");
    g.input(27 * MINUTE, Input::FromDealer(dealer("N"), fill));
    let state = |g: &Gateway| g.router().rfqs.get(&id("ALICE.R1")).unwrap().rfq.clone();
    let before = state(&g);
    assert_eq!(before.state, RfqState::Done);
    g.restart();
    assert_eq!(state(&g), before);
    assert!(g.router().accepts.is_known(&desk("ALICE"), &AcceptId::new("x1").unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Any schedule of three desks, hand-overs, links that are cut and kills of the gateway: an RFQ
    /// has one owner, only its accepts reach dealers, and nothing is filled twice.
    #[test]
    fn one_owner_and_nothing_filled_twice(
        steps in prop::collection::vec((0u8..12, 0usize..3, 0usize..3, 0usize..2, 0i64..900), 1..60)
    ) {
        let desks = ["ALICE", "BOB", "CAROL"];
        let mut g = Gateway::new();
        let (mut at, mut n) = (0, 0);
        let mut sent: Vec<(String, String)> = Vec::new();
        let mut filled: BTreeMap<String, usize> = BTreeMap::new();
        for (what, who, other, which, dt) in steps {
            at += dt;
            n += 1;
            let trader = desks[who];
            // What this desk, and the other one, had before or have now.
            let named = |g: &Gateway, d: &str, which: usize| {
                let all: Vec<RfqId> = g.router().rfqs.iter().flat_map(|(_, e)| {
                    let had = e.before.iter().filter(|f| f.desk.as_str() == d).map(|f| f.id.clone());
                    let has = (e.desk.as_str() == d).then(|| e.rfq.terms.id.clone());
                    had.chain(has).collect::<Vec<_>>()
                }).collect();
                all.get(which % all.len().max(1)).map_or("R0".to_owned(), ToString::to_string)
            };
            let before = g.owners();
            let out = match what {
                0 | 1 => {
                    let m = AppMessage::QuoteRequest(QuoteRequest { expires: T0 + at + 60_000, at: T0 + at, ..request(&format!("R{n}"), &["N"]) });
                    g.input(at, Input::FromDesk(desk(trader), m))
                }
                2 | 3 => {
                    let all: Vec<String> = before.keys().cloned().collect();
                    let Some(rfq) = all.get(which % all.len().max(1)) else { continue };
                    let q = quote(rfq, &format!("q{}", n % 3), "99.5", at + 9_000);
                    g.input(at, Input::FromDealer(dealer("N"), q))
                }
                4..=6 => {
                    let m = take_at(at, &format!("T{n}"), desks[other], &named(&g, desks[other], which));
                    g.input(at, Input::FromDesk(desk(trader), m))
                }
                7 | 8 => {
                    let rfq = named(&g, trader, which);
                    let m = match hit_in(&rfq, &format!("{rfq}:{n}"), "N", &format!("q{}", other), "99.5") {
                        AppMessage::QuoteResponse(r) => AppMessage::QuoteResponse(QuoteResponse { at: T0 + at, ..r }),
                        m => m,
                    };
                    g.input(at, Input::FromDesk(desk(trader), m))
                }
                9 => {
                    let Some((_, accept)) = sent.get(which) else { continue };
                    let r = report(accept, ExecType::Trade, OrdStatus::Filled, "99.5");
                    g.input(at, Input::FromDealer(dealer("N"), r))
                }
                10 => g.input(at, if which == 0 { Input::DeskDown(desk(trader)) } else { Input::DeskUp(desk(trader)) }),
                _ => {
                    let before = g.owners();
                    g.restart();
                    prop_assert_eq!(g.owners(), before);
                    continue;
                }
            };
            for o in &out {
                match o {
                    Output::ToDealer(_, AppMessage::QuoteResponse(r)) if r.response == signet_fix::message::Response::HitOrLift => {
                        let rfq = g.router().rfqs.iter().find(|(_, e)| e.rfq.in_flight() && g.router().accepts.get(&r.id).is_some_and(|s| g.router().rfqs.get(&s.rfq).is_some_and(|x| std::ptr::eq(x, *e)))).map(|(id, _)| id.to_string());
                        let rfq = rfq.expect("an accept that reaches a dealer is in flight in its RFQ");
                        prop_assert!(r.id.as_str().starts_with(&rfq), "{} in {}", r.id, rfq);
                        prop_assert_eq!(&before[&rfq].0, trader, "only the owner's accept reaches a dealer");
                        sent.push((rfq, r.id.to_string()));
                    }
                    // Named by its accept: two may be filled in one moment.
                    Output::Traded(d, _) => {
                        prop_assert_eq!(what, 9, "only a dealer's report fills");
                        let (rfq, _) = &sent[which];
                        let e = g.router().rfqs.get(&id(rfq)).unwrap();
                        prop_assert!(e.rfq.state == RfqState::Done && e.ended_at == Some(T0 + at) && e.desk == *d);
                        *filled.entry(rfq.clone()).or_default() += 1;
                    }
                    Output::ToDesk(d, AppMessage::Quote(q)) => {
                        let has = g.owners().values().any(|(o, name, _)| o == d.as_str() && name == q.rfq.as_str());
                        prop_assert!(has, "{} hears a quote of {}", d, q.rfq);
                    }
                    _ => {}
                }
            }
            prop_assert!(g.router().rfqs.is_consistent());
            prop_assert!(filled.values().all(|n| *n == 1));
        }
    }
}
