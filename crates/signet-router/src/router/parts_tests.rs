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
