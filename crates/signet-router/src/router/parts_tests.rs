//! Accepts of less than a quote is for, from the desk to the dealer and back.

use super::*;
use super::{T0, answer, dealer, dec, desk, hit, quote, report, request, router_where, send};
use signet_fix::message::{ExecutionReport, OrdStatus, QuoteMsg, VenueState};
use signet_rfq::Level;
use signet_stepup::{AcceptTerms, Action};

fn take(id: &str, who: &str, quote: &str, quantity: &str) -> AppMessage {
    let AppMessage::QuoteResponse(r) = hit(id, who, quote, "99.5") else { unreachable!() };
    AppMessage::QuoteResponse(QuoteResponse { quantity: dec(quantity), ..r })
}

/// N takes parts and E does not; both quote five million at 99.5.
fn quoted(least: Option<&str>) -> Router {
    let mut r = router_where("N");
    let q = QuoteRequest { min_quantity: least.map(dec), ..request("R1", &["N", "E"]) };
    send(&mut r, "ALICE", AppMessage::QuoteRequest(q), 0);
    answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 30_000), 10);
    answer(&mut r, "E", quote("ALICE.R1", "e1", "99.5", 30_000), 10);
    r
}

/// What dealers are sent to take.
fn taken(out: &[Output]) -> Vec<(DealerId, Decimal)> {
    out.iter()
        .filter_map(|o| match o {
            Output::ToDealer(d, AppMessage::QuoteResponse(r))
                if r.response == Response::HitOrLift =>
            {
                Some((d.clone(), r.quantity))
            }
            _ => None,
        })
        .collect()
}

/// Why an accept is refused.
fn refused(out: &[Output]) -> Option<String> {
    out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e))
            if e.exec_type == ExecType::Rejected && e.dealer.is_none() =>
        {
            e.text.clone()
        }
        _ => None,
    })
}

fn executed(kind: ExecType, status: OrdStatus, size: &str) -> AppMessage {
    let AppMessage::ExecutionReport(e) = report("ALICE.x1", kind, status, "99.5") else {
        unreachable!()
    };
    let size = dec(size);
    let last = Some(Level { price: dec("99.5"), size });
    AppMessage::ExecutionReport(ExecutionReport { last, cum_qty: size, ..e })
}

/// What N reports of x1: an execution of `last` at 99.5, or none; in all, and what is left.
fn so_far(
    exec: &str,
    (kind, status): (ExecType, OrdStatus),
    last: Option<&str>,
    (cum, leaves): (&str, &str),
) -> AppMessage {
    let AppMessage::ExecutionReport(e) = report("ALICE.x1", kind, status, "99.5") else {
        unreachable!()
    };
    let last = last.map(|size| Level { price: dec("99.5"), size: dec(size) });
    let (exec_id, cum_qty, leaves_qty) = (exec.into(), dec(cum), dec(leaves));
    AppMessage::ExecutionReport(ExecutionReport { exec_id, last, cum_qty, leaves_qty, ..e })
}

#[test]
fn desks_are_told_which_dealers_take_parts() {
    let mut r = router_where("N");
    let out = r.handle(T0, Input::DeskUp(desk("ALICE")));
    let told = out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::VenueState(VenueState { dealers, .. })) => Some(dealers),
        _ => None,
    });
    let parts: Vec<(&str, bool)> = told.unwrap().iter().map(|d| (d.id.as_str(), d.parts)).collect();
    assert_eq!(parts, [("E", false), ("N", true), ("S", false)]);
}

#[test]
fn table_of_parts_that_go_on_to_the_dealer() {
    for (who, quantity, least, refusal) in [
        ("N", "5000000", None, None),
        ("N", "2000000", None, None),
        ("N", "2000000", Some("2000000"), None),
        ("N", "1999000", Some("2000000"), Some("1999000 is less than the 2000000 that was")),
        ("N", "6000000", None, Some("the quantity is 5000000, not 6000000")),
        ("N", "2000500", None, Some("is a multiple of 1,000")),
        ("N", "50000", None, Some("the smallest quantity for DBR is 100,000")),
        ("E", "5000000", None, None),
        ("E", "2000000", None, Some("the quantity is 5000000, not 2000000")),
    ] {
        let mut r = quoted(least);
        let id = if who == "N" { "n1" } else { "e1" };
        let m = take("x1", who, id, quantity);
        let input = Input::FromDesk(desk("ALICE"), m.clone());
        let kept = r.keep(T0 + 20, &input);
        let out = send(&mut r, "ALICE", m, 20);
        match refusal {
            None => {
                assert_eq!(taken(&out), [(dealer(who), dec(quantity))], "{who} {quantity}");
                let Keep::This(Input::Decided(_, Decided::Accept(k))) = kept else { panic!() };
                assert_eq!(k.quantity, dec(quantity));
            }
            Some(words) => {
                let why = refused(&out).unwrap_or_default();
                assert!(why.contains(words), "{who} {quantity}: {why}");
                assert_eq!((taken(&out), kept), (vec![], Keep::Nothing), "{who} {quantity}");
            }
        }
    }
}

#[test]
fn a_dealer_that_fills_its_whole_quote_is_disputed_and_one_that_keeps_to_the_part_is_not() {
    let alerts = |out: &[Output]| {
        out.iter().filter(|o| matches!(o, Output::Alert { code: "execution.disputed", .. })).count()
    };
    let held = |r: &Router| {
        let (_, rfq) = r.dump().into_iter().next().unwrap();
        let (a, s) = rfq.accept.clone().unwrap();
        (a.quantity, a.part_of, s.phase().words(), rfq.state)
    };
    let (part, whole) = (dec("2000000"), Some(dec("5000000")));
    let mut r = quoted(None);
    send(&mut r, "ALICE", take("x1", "N", "n1", "2000000"), 20);
    let amounts = r.doing(&desk("ALICE"), T0 + 25);
    let out = answer(&mut r, "N", executed(ExecType::Trade, OrdStatus::Filled, "2000000"), 30);
    assert_eq!((alerts(&out), held(&r)), (0, (part, whole, "filled", RfqState::Done)));
    let day = r.doing(&desk("ALICE"), T0 + 40).day;
    assert_eq!(day.get("EUR"), Some(&part), "before: {amounts:?}");

    let mut r = quoted(None);
    send(&mut r, "ALICE", take("x1", "N", "n1", "2000000"), 20);
    let out = answer(&mut r, "N", executed(ExecType::Trade, OrdStatus::Filled, "5000000"), 30);
    assert_eq!((alerts(&out), held(&r)), (1, (part, whole, "disputed", RfqState::Open)));
    let told = out.iter().any(|o| {
        matches!(o, Output::ToDesk(_, AppMessage::ExecutionReport(e)) if e.disputed
            && e.text.as_ref().is_some_and(|t| t.ends_with(": 2000000 of 5000000 quoted")))
    });
    assert!(told, "{out:?}");
    // The desk that comes back is told what was accepted, not what was quoted.
    let mut r = quoted(None);
    send(&mut r, "ALICE", take("x1", "N", "n1", "2000000"), 20);
    let out = r.handle(T0 + 30, Input::DeskUp(desk("ALICE")));
    let said = out.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::QuoteResponse(q)) => Some(q.quantity),
        _ => None,
    });
    assert_eq!(said, Some(part));
}

#[test]
fn a_part_is_weighed_and_approved_as_what_it_is() {
    let r = quoted(None);
    let of = |quantity: &str| {
        r.proposal(&desk("ALICE"), &take("x1", "N", "n1", quantity), T0 + 20).unwrap()
    };
    let part = of("2000000");
    assert_eq!(part.trade.quantity, dec("2000000"));
    let Action::Accept(AcceptTerms { quantity, .. }) = &part.action else { panic!() };
    assert_eq!(quantity, "2000000");
    assert!(part.action.covers(&part.goes_on));
    let whole = of("5000000");
    assert!(!part.action.covers(&whole.goes_on) && !whole.action.covers(&part.goes_on));
    let other = take("x1", "E", "e1", "2000000");
    assert!(r.proposal(&desk("ALICE"), &other, T0 + 20).is_none(), "it would not go on");
}

/// N's next quote.
fn next(id: &str, price: &str, size: &str) -> AppMessage {
    let AppMessage::Quote(q) = quote("ALICE.R1", id, price, 30_000) else { unreachable!() };
    let offer = Some(Level { price: dec(price), size: dec(size) });
    AppMessage::Quote(QuoteMsg { offer, ..q })
}

/// What a trader approves at the click, what goes on after N has quoted again, and every number
/// that is signed, weighed, written, sent, told and counted: two million, or nothing.
#[test]
fn table_of_parts_whose_quote_is_replaced_between_click_and_release() {
    let part = dec("2000000");
    // A least quantity, whether the accept has a limit (99.6), N's next quote; then the quote that
    // is taken and what a part of it the accept is, or why it is refused.
    type Goes = Result<(&'static str, &'static str, Option<&'static str>), &'static str>;
    type Row = (Option<&'static str>, bool, Option<(&'static str, &'static str)>, Goes);
    let table: [Row; 15] = [
        (None, false, None, Ok(("n1", "99.5", Some("5000000")))),
        (None, false, Some(("99.5", "5000000")), Err("re-quoted")),
        (None, false, Some(("99.4", "5000000")), Err("re-quoted")),
        (None, true, None, Ok(("n1", "99.5", Some("5000000")))),
        (None, true, Some(("99.5", "5000000")), Ok(("n2", "99.5", Some("5000000")))),
        (None, true, Some(("99.4", "5000000")), Ok(("n2", "99.4", Some("5000000")))),
        (None, true, Some(("99.6", "5000000")), Ok(("n2", "99.6", Some("5000000")))),
        (None, true, Some(("99.605", "5000000")), Err("worse than the limit of 99.6")),
        (None, true, Some(("99.4", "3000000")), Ok(("n2", "99.4", Some("3000000")))),
        (None, true, Some(("99.4", "2000000")), Ok(("n2", "99.4", None))),
        (None, true, Some(("99.4", "1000000")), Err("the quantity is 1000000, not 2000000")),
        (None, true, Some(("99.4", "9000000")), Ok(("n2", "99.4", Some("5000000")))),
        (Some("2000000"), true, Some(("99.4", "2000000")), Ok(("n2", "99.4", None))),
        (Some("2000000"), true, Some(("99.4", "3000000")), Ok(("n2", "99.4", Some("3000000")))),
        // A quote below the least quantity is not passed on, and ends the one before it.
        (Some("2000000"), true, Some(("99.4", "1999000")), Err("withdrawn")),
    ];
    for (least, limited, again, want) in table {
        let what = format!("{least:?} {limited} {again:?}");
        let alice = desk("ALICE");
        let mut r = quoted(least);
        let AppMessage::QuoteResponse(m) = take("x1", "N", "n1", "2000000") else { panic!() };
        let limit = limited.then(|| Limit { price: dec("99.6"), until: T0 + 50_000 });
        let m = AppMessage::QuoteResponse(QuoteResponse { limit, ..m });
        let approved = r.proposal(&alice, &m, T0 + 20).unwrap().action;
        if let Some((price, size)) = again {
            answer(&mut r, "N", next("n2", price, size), 30);
        }
        let released = r.proposal(&alice, &m, T0 + 40);
        assert_eq!(released.is_some(), want.is_ok(), "{what}");
        assert_eq!(r.may_go_on(&alice, &m, T0 + 40), limited || want.is_ok(), "{what}");
        let kept = r.keep(T0 + 40, &Input::FromDesk(alice.clone(), m.clone()));
        let out = send(&mut r, "ALICE", m, 40);
        let (quote_id, price, part_of) = match want {
            Ok(goes) => goes,
            Err(words) => {
                let why = refused(&out).unwrap_or_default();
                assert!(why.contains(words), "{what}: {why}");
                assert_eq!((taken(&out), kept), (vec![], Keep::Nothing), "{what}");
                assert!(r.doing(&alice, T0 + 50).day.is_empty(), "{what}");
                continue;
            }
        };
        let p = released.unwrap();
        assert_eq!(p.action, approved, "{what}: what the key signed");
        assert!(p.action.covers(&p.goes_on), "{what}");
        let Action::Accept(goes_on) = &p.goes_on else { panic!() };
        let on = (goes_on.quote.as_str(), goes_on.price.as_str(), goes_on.quantity.as_str());
        assert_eq!(on, (quote_id, price, "2000000"), "{what}");
        assert_eq!(p.trade.quantity, part, "{what}: what limits weigh");
        let Keep::This(Input::Decided(_, Decided::Accept(kept))) = kept else { panic!("{what}") };
        let kept = (kept.quote.as_str(), kept.price, kept.quantity);
        assert_eq!(kept, (quote_id, dec(price), part), "{what}: what is written");
        assert_eq!(taken(&out), [(dealer("N"), part)], "{what}: what is sent");
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteResponse(m)) => {
                Some((m.quote.as_str(), m.price, m.quantity))
            }
            _ => None,
        });
        assert_eq!(told, limited.then_some((quote_id, dec(price), part)), "{what}");
        let day = |r: &Router| r.doing(&alice, T0 + 50).day.get("EUR").copied();
        assert_eq!(day(&r), Some(part), "{what}: it counts in flight");
        let (_, rfq) = r.dump().into_iter().next().unwrap();
        let (a, _) = rfq.accept.unwrap();
        assert_eq!((a.quantity, a.part_of), (part, part_of.map(dec)), "{what}: what is held");
        let AppMessage::ExecutionReport(e) =
            executed(ExecType::Trade, OrdStatus::Filled, "2000000")
        else {
            panic!()
        };
        let last = Some(Level { price: dec(price), size: part });
        let e = ExecutionReport { last, avg_px: dec(price), ..e };
        answer(&mut r, "N", AppMessage::ExecutionReport(e), 45);
        let (_, rfq) = r.dump().into_iter().next().unwrap();
        assert_eq!(rfq.accept.unwrap().1.phase().words(), "filled", "{what}");
        assert_eq!(day(&r), Some(part), "{what}: and when it is filled");
    }
}

/// The accept is in the journal, and nobody knows whether its dealer has it.
#[test]
fn a_part_that_a_restart_cut_off_is_asked_about_as_what_it_is() {
    let before = quoted(None);
    let input = Input::FromDesk(desk("ALICE"), take("x1", "N", "n1", "2000000"));
    let Keep::This(kept) = before.keep(T0 + 20, &input) else { panic!() };
    let q = Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(request("R1", &["N", "E"])));
    let Keep::This(asked) = router_where("N").keep(T0, &q) else { panic!() };
    let mut r = router_where("nobody");
    r.replay(T0, asked, Some("R-1"));
    let offered = Input::FromDealer(dealer("N"), quote("ALICE.R1", "n1", "99.5", 30_000));
    r.replay(T0 + 10, offered, None);
    r.replay(T0 + 20, kept, Some("A-1"));
    r.replayed();
    let part = dec("2000000");
    r.handle(T0 + 25, Input::DealerDown(dealer("N")));
    let out = r.handle(T0 + 30, Input::DeskUp(desk("ALICE")));
    let said: Vec<Decimal> = out
        .iter()
        .filter_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteResponse(m)) => Some(m.quantity),
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.leaves_qty),
            _ => None,
        })
        .collect();
    assert!(said.len() >= 2 && said.iter().all(|q| *q == part), "{said:?}");
    let out = r.handle(T0 + 40, Input::DealerUp(dealer("N")));
    let asked = out.iter().find_map(|o| match o {
        Output::ToDealer(_, AppMessage::OrderStatusRequest(h)) => Some(h.accept.as_str()),
        _ => None,
    });
    assert_eq!(asked, Some("ALICE.x1"));
    assert_eq!(r.doing(&desk("ALICE"), T0 + 45).day.get("EUR"), Some(&part));
    answer(&mut r, "N", executed(ExecType::Trade, OrdStatus::Filled, "2000000"), 50);
    let (_, rfq) = r.dump().into_iter().next().unwrap();
    let (a, s) = rfq.accept.unwrap();
    assert_eq!((a.part_of, s.phase().words()), (Some(dec("5000000")), "filled"));
    assert_eq!(r.doing(&desk("ALICE"), T0 + 60).day.get("EUR"), Some(&part));
}

/// The part that a colleague's dealer declined counts for nobody, and the taker's own for the taker.
#[test]
fn who_takes_a_request_over_takes_a_part_of_their_own() {
    let rfq = |id: &str| RfqId::new(id).unwrap();
    let mut r = quoted(None);
    send(&mut r, "ALICE", take("x1", "N", "n1", "2000000"), 20);
    let t = |at: i64| {
        let (of, desk) = (rfq("R1"), desk("ALICE"));
        AppMessage::TakeOver(TakeOver { rfq: rfq("B1"), desk, of, at: T0 + at })
    };
    send(&mut r, "BOB", t(25), 25);
    assert_eq!(r.doing(&desk("ALICE"), T0 + 26).open_rfqs, 1, "its answer comes first");
    answer(&mut r, "N", report("ALICE.x1", ExecType::Rejected, OrdStatus::Rejected, "99.5"), 30);
    send(&mut r, "BOB", t(35), 35);
    let AppMessage::QuoteResponse(own) = take("y1", "N", "n1", "1000000") else { panic!() };
    let own = AppMessage::QuoteResponse(QuoteResponse { rfq: Some(rfq("B1")), ..own });
    let out = send(&mut r, "BOB", own, 40);
    assert_eq!(taken(&out), [(dealer("N"), dec("1000000"))]);
    assert!(r.doing(&desk("ALICE"), T0 + 50).day.is_empty());
    assert_eq!(r.doing(&desk("BOB"), T0 + 50).day.get("EUR"), Some(&dec("1000000")));
    let (_, held) = r.dump().into_iter().next().unwrap();
    assert_eq!(held.accept.unwrap().0.part_of, Some(dec("5000000")));
}

#[test]
fn a_replay_holds_a_part_whatever_the_settings_say_by_then() {
    let mut r = quoted(None);
    let input = Input::FromDesk(desk("ALICE"), take("x1", "N", "n1", "2000000"));
    let Keep::This(kept) = r.keep(T0 + 20, &input) else { panic!() };
    // The dealer takes no part by now.
    let mut later = router_where("nobody");
    let q = Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(request("R1", &["N", "E"])));
    let Keep::This(asked) = router_where("N").keep(T0, &q) else { panic!() };
    later.replay(T0, asked, Some("R-1"));
    let offered = Input::FromDealer(dealer("N"), quote("ALICE.R1", "n1", "99.5", 30_000));
    later.replay(T0 + 10, offered, None);
    later.replay(T0 + 20, kept, Some("A-1"));
    r.handle(T0 + 20, input);
    for router in [&r, &later] {
        let (_, rfq) = router.dump().into_iter().next().unwrap();
        let (a, s) = rfq.accept.clone().unwrap();
        assert_eq!((a.quantity, a.part_of), (dec("2000000"), Some(dec("5000000"))));
        assert!(s.in_flight());
    }
}

#[test]
fn of_two_sides_only_the_small_one_is_kept_from_the_desk() {
    let level = |price: &str, size: &str| Some(Level { price: dec(price), size: dec(size) });
    let two_way = |bid, offer| {
        let AppMessage::Quote(q) = quote("ALICE.R1", "n1", "99.5", 30_000) else { unreachable!() };
        AppMessage::Quote(QuoteMsg { bid, offer, ..q })
    };
    let (good, small) = ("2000000", "1999000");
    for (bid, offer, shown) in [
        (good, good, Some((true, true))),
        (small, good, Some((false, true))),
        (good, small, Some((true, false))),
        (small, small, None),
    ] {
        let mut r = router_where("nobody");
        let ask = signet_rfq::Ask::TwoWay;
        let least = Some(dec("2000000"));
        let q = QuoteRequest { ask, min_quantity: least, ..request("R1", &["N"]) };
        send(&mut r, "ALICE", AppMessage::QuoteRequest(q), 0);
        let m = two_way(level("99", bid), level("99.5", offer));
        let kept = r.keep(T0 + 10, &Input::FromDealer(dealer("N"), m.clone()));
        assert_eq!(matches!(kept, Keep::This(_)), shown.is_some(), "{bid} {offer}");
        let out = answer(&mut r, "N", m, 10);
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::Quote(q)) => Some((q.bid.is_some(), q.offer.is_some())),
            _ => None,
        });
        assert_eq!(told, shown, "{bid} {offer}: {out:?}");
        let scolded =
            out.iter().any(|o| matches!(o, Output::ToDealer(_, AppMessage::BusinessReject(_))));
        assert_eq!(scolded, shown.is_none(), "one good side is no fault");
        // The snapshot says the same.
        let out = r.handle(T0 + 20, Input::DeskUp(desk("ALICE")));
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::Quote(q)) => Some((q.bid.is_some(), q.offer.is_some())),
            _ => None,
        });
        assert_eq!(told, shown, "{bid} {offer}: {out:?}");
    }
    // A crossed quote is refused whole, whichever side is small.
    let mut r = router_where("nobody");
    let ask = signet_rfq::Ask::TwoWay;
    let q = QuoteRequest { ask, min_quantity: Some(dec(good)), ..request("R1", &["N"]) };
    send(&mut r, "ALICE", AppMessage::QuoteRequest(q), 0);
    let out = answer(&mut r, "N", two_way(level("99.6", small), level("99.5", good)), 10);
    assert!(!out.iter().any(|o| matches!(o, Output::ToDesk(_, AppMessage::Quote(_)))), "{out:?}");
}

const PART: (ExecType, OrdStatus) = (ExecType::Trade, OrdStatus::PartiallyFilled);
const WHOLE: (ExecType, OrdStatus) = (ExecType::Trade, OrdStatus::Filled);
const CUT: (ExecType, OrdStatus) = (ExecType::Cancelled, OrdStatus::Cancelled);
const ASKED: (ExecType, OrdStatus) = (ExecType::Status, OrdStatus::PartiallyFilled);

/// N has executed one of the two million that ALICE took.
fn in_part() -> Router {
    let mut r = quoted(None);
    send(&mut r, "ALICE", take("x1", "N", "n1", "2000000"), 20);
    answer(&mut r, "N", so_far("X1", PART, Some("1000000"), ("1000000", "1000000")), 30);
    r
}

fn day_of_alice(r: &Router) -> Decimal {
    r.doing(&desk("ALICE"), T0 + 500).day.get("EUR").copied().unwrap_or_default()
}

/// What the gateway says may still be executed of x1.
fn leaves(r: &mut Router, at: i64) -> Decimal {
    let asked = AppMessage::OrderStatusRequest(signet_fix::message::OrderStatusRequest {
        accept: AcceptId::new("x1").unwrap(),
        instrument: bund(),
        side: Side::Buy,
        dealer: None,
        sent: None,
    });
    let told = send(r, "ALICE", asked, at).into_iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.leaves_qty),
        _ => None,
    });
    told.unwrap()
}

fn disputed(out: &[Output]) -> Vec<String> {
    out.iter()
        .filter_map(|o| match o {
            Output::Alert { code: "execution.disputed", words, .. } => Some(words.clone()),
            _ => None,
        })
        .collect()
}

/// With a limit of two million a day nothing is left for another trade while the second million of
/// an accept may still be executed; what its dealer will not execute is free.
#[test]
fn an_accept_counts_whole_until_nothing_more_of_it_is_executed() {
    type Last = ((ExecType, OrdStatus), Option<&'static str>, (&'static str, &'static str));
    // The report after the part; what counts then, whether it is news, and whether a dispute.
    let table: [(&str, Last, &str, bool, bool); 5] = [
        ("the rest", (WHOLE, Some("1000000"), ("2000000", "0")), "2000000", true, false),
        ("no rest", (CUT, None, ("1000000", "0")), "1000000", true, false),
        ("no rest, and no quantity", (CUT, None, ("0", "0")), "1000000", true, false),
        ("how it stands", (ASKED, None, ("1000000", "1000000")), "2000000", false, false),
        ("too much", (WHOLE, Some("4000000"), ("5000000", "0")), "2000000", true, true),
    ];
    for (what, (kind, last, quantities), counts, news, dispute) in table {
        let mut r = in_part();
        assert_eq!(day_of_alice(&r), dec("2000000"), "{what}: its rest may be executed");
        assert_eq!(leaves(&mut r, 35), dec("1000000"), "{what}");
        let m = so_far("X2", kind, last, quantities);
        let kept = r.keep(T0 + 40, &Input::FromDealer(dealer("N"), m.clone()));
        assert_eq!(matches!(kept, Keep::This(_)), news, "{what}: it is written down");
        let out = answer(&mut r, "N", m, 40);
        assert_eq!(day_of_alice(&r), dec(counts), "{what}");
        let heard =
            out.iter().any(|o| matches!(o, Output::ToDesk(_, AppMessage::ExecutionReport(_))));
        assert_eq!(heard, news, "{what}: its desk hears it");
        assert_eq!(disputed(&out).len(), usize::from(dispute), "{what}");
        assert!(r.rfqs.is_consistent(), "{what}");
    }
    // A dealer that ends the rest, and executes it when it was traded elsewhere.
    let mut r = in_part();
    answer(&mut r, "N", so_far("X2", CUT, None, ("1000000", "0")), 40);
    assert_eq!((day_of_alice(&r), leaves(&mut r, 45)), (dec("1000000"), Decimal::ZERO));
    let out = answer(&mut r, "N", so_far("X3", WHOLE, Some("1000000"), ("2000000", "0")), 50);
    let words = disputed(&out).join("; ");
    assert!(words.ends_with("more was executed after the dealer had ended the rest"), "{words}");
    assert_eq!(day_of_alice(&r), dec("2000000"));
}
