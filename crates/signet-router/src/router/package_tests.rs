//! A package goes, is quoted, is taken and is executed as a whole, and nobody handles a half.

use super::*;
use crate::journal::{Journal, OnBadRecord};
use signet_journal::StoreKey;
use signet_rfq::{AcceptState, Leg, StatedLeg};
use signet_stepup::Action;

const SHORT: &str = "DE0001102580";
const BELLY: &str = "DE000BU2Z007";
const LONG: &str = "DE0001030732";

fn market() -> Router {
    let one = |id: &str| Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        price_format: signet_rfq::PriceFormat::default(),
        id: InstrumentId::new(id).unwrap(),
        symbol: id.into(),
        name: "Bund".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: dec("0.005"),
        lot: dec("1000"),
        min_quantity: dec("100000"),
        max_quantity: dec("100000000"),
        settlement: "T+2".into(),
    };
    let desks = ["ALICE"].map(|d| DeskSettings { id: desk(d), dealers: BTreeSet::new() });
    let dealers = ["N", "E", "S"].map(|d| DealerSettings {
        id: dealer(d),
        name: d.into(),
        counters: true,
        parts: false,
    });
    let all = Catalogue::new([SHORT, BELLY, LONG].map(one)).unwrap();
    let mut r = Router::new("Venue".into(), false, all, desks, dealers, counted());
    for d in ["N", "E", "S"] {
        r.handle(T0, Input::DealerUp(dealer(d)));
    }
    r.handle(T0, Input::DeskUp(desk("ALICE")));
    r
}

fn leg(id: &str, side: Side, ratio: i64) -> Leg {
    Leg {
        instrument: InstrumentId::new(id).unwrap(),
        side,
        ratio: ratio.into(),
        quantity: Decimal::from(ratio * 5_000_000),
        settlement_date: "20261124".into(),
    }
}

fn legs() -> Vec<Leg> {
    vec![leg(SHORT, Side::Buy, 1), leg(BELLY, Side::Sell, 2), leg(LONG, Side::Buy, 1)]
}

fn butterfly() -> QuoteRequest {
    QuoteRequest {
        instrument: InstrumentId::package(),
        isin: false,
        ask: Ask::TwoWay,
        quantity: dec("20000000"),
        legs: legs(),
        ..request("R1", &["N", "E"])
    }
}

/// Bid 99.0 - 2*100.2 + 98.0 = -3.4; offer 99.2 - 2*100.0 + 98.3 = -2.5, `better` of it.
fn package_quote(id: &str, better: &str) -> QuoteMsg {
    let stated = |l: &Leg, bid: &str, offer: Decimal| StatedLeg {
        bid: Some(dec(bid)),
        offer: Some(offer),
        ..StatedLeg::of(l)
    };
    let (all, better) = (legs(), dec(better));
    let level = |price| Some(Level { price, size: dec("20000000") });
    let AppMessage::Quote(q) = quote("ALICE.R1", id, "1", 10_000) else { unreachable!() };
    QuoteMsg {
        instrument: InstrumentId::package(),
        bid: level(dec("-3.4")),
        offer: level(dec("-2.5") - better),
        legs: vec![
            stated(&all[0], "99.0", dec("99.2") - better),
            stated(&all[1], "100.0", dec("100.2")),
            stated(&all[2], "98.0", dec("98.3")),
        ],
        ..q
    }
}

fn package_quoted() -> Router {
    let mut r = market();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(butterfly()), 0);
    assert_eq!(brief(&out), ["ALICE<AI", "N<R", "E<R"]);
    let out = answer(&mut r, "N", AppMessage::Quote(package_quote("n1", "0.1")), 100);
    assert_eq!(brief(&out), ["ALICE<S"]);
    answer(&mut r, "E", AppMessage::Quote(package_quote("e1", "0")), 100);
    r
}

fn terms() -> Terms {
    butterfly().terms()
}

fn package_hit() -> QuoteResponse {
    let AppMessage::QuoteResponse(m) = hit("x1", "N", "n1", "-2.6") else { unreachable!() };
    let legs = terms().agreed_legs(&package_quote("n1", "0.1").quote(dealer("N")), Side::Buy);
    QuoteResponse {
        instrument: InstrumentId::package(),
        isin: false,
        rfq: Some(RfqId::new("R1").unwrap()),
        quantity: dec("20000000"),
        legs: legs.unwrap(),
        ..m
    }
}

fn package_fill() -> ExecutionReport {
    let AppMessage::ExecutionReport(e) =
        report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "-2.6")
    else {
        unreachable!()
    };
    let done = |l: StatedLeg| StatedLeg { last: l.agreed(), bid: None, offer: None, ..l };
    ExecutionReport {
        instrument: InstrumentId::package(),
        last: Some(Level { price: dec("-2.6"), size: dec("20000000") }),
        cum_qty: dec("20000000"),
        legs: package_hit().legs.into_iter().map(done).collect(),
        ..e
    }
}

fn package_accepted() -> Router {
    let mut r = package_quoted();
    let out = send(&mut r, "ALICE", AppMessage::QuoteResponse(package_hit()), 200);
    assert_eq!(brief(&out), ["N<AJ"]);
    r
}

fn package_state(r: &Router) -> AcceptState {
    r.rfqs.get(&RfqId::new("ALICE.R1").unwrap()).unwrap().rfq.accept.clone().unwrap().1
}

#[test]
fn a_package_comes_back_filled_with_every_leg() {
    let mut r = market();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(butterfly()), 0);
    let Output::ToDealer(_, AppMessage::QuoteRequest(q)) = &out[1] else { panic!() };
    assert_eq!((&q.legs, q.dealers.len()), (&legs(), 0));
    let mut r = package_quoted();
    let out = send(&mut r, "ALICE", AppMessage::QuoteResponse(package_hit()), 200);
    let Output::ToDealer(_, AppMessage::QuoteResponse(aj)) = &out[0] else { panic!() };
    assert_eq!(aj.legs, package_hit().legs, "each leg at the price that was agreed");
    let out = answer(&mut r, "N", AppMessage::ExecutionReport(package_fill()), 300);
    assert_eq!(brief(&out), ["ALICE<8", "E<AJ"], "the other dealer is told it is over");
    let Output::ToDesk(_, AppMessage::ExecutionReport(e)) = &out[0] else { panic!() };
    assert!(e.legs == package_fill().legs && !e.disputed);
    let Some(Output::ToDealer(_, AppMessage::QuoteResponse(pass))) =
        out.iter().rev().find(|o| matches!(o, Output::ToDealer(..)))
    else {
        panic!()
    };
    assert!(pass.response == Response::Pass && pass.instrument.is_package());
    // The state of it, for a desk that asks, has them too.
    let h = OrderStatusRequest {
        accept: AcceptId::new("x1").unwrap(),
        instrument: InstrumentId::package(),
        side: Side::Buy,
        dealer: None,
        sent: None,
    };
    let out = send(&mut r, "ALICE", AppMessage::OrderStatusRequest(h), 400);
    let Output::ToDesk(_, AppMessage::ExecutionReport(e)) = &out[0] else { panic!() };
    assert_eq!((e.exec_type, &e.legs), (ExecType::Status, &package_fill().legs));
    let day = r.doing(&desk("ALICE"), T0 + 500).day;
    assert_eq!(day.get("EUR"), Some(&dec("20000000")), "every leg counts for the day");
}

#[test]
fn a_package_that_may_not_be_asked_reaches_no_dealer() {
    type Change = fn(&mut QuoteRequest);
    let cases: [(&str, Change, u16); 10] = [
        (
            "an instrument that is not listed",
            |q| {
                q.legs[1].instrument = InstrumentId::new("DE0001030740").unwrap();
            },
            1,
        ),
        ("a leg too large", |q| q.legs[1].quantity = dec("100001000"), 3),
        ("a quantity that is not the sum", |q| q.quantity = dec("5000000"), 99),
        ("one leg", |q| q.legs.truncate(1), 3),
        ("no legs", |q| q.legs.clear(), 99),
        ("legs beside an instrument", |q| q.instrument = bund(), 99),
        ("a leg twice", |q| q.legs[2] = q.legs[0].clone(), 99),
        ("another currency", |q| q.currency = "USD".into(), 99),
        ("another date", |q| q.settlement_date = "20261125".into(), 99),
        ("a leg that settled", |q| q.legs[1].settlement_date = "20261119".into(), 99),
    ];
    for (what, change, reason) in cases {
        let mut q = butterfly();
        change(&mut q);
        let out = send(&mut market(), "ALICE", AppMessage::QuoteRequest(q), 0);
        assert_eq!(brief(&out), ["ALICE<AG"], "{what}");
        let refused = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteRequestReject(r)) => Some(r.reason),
            _ => None,
        });
        assert_eq!(refused, Some(reason), "{what}");
    }
}

#[test]
fn a_quote_that_is_not_of_this_package_ends_the_one_before() {
    type Change = fn(&mut QuoteMsg);
    let cases: [(&str, Change); 7] = [
        ("no legs", |q| q.legs.clear()),
        ("not the sum", |q| q.offer.as_mut().unwrap().price = dec("-2.4")),
        ("another leg", |q| q.legs[0].instrument = InstrumentId::new(LONG).unwrap()),
        ("another quantity", |q| q.legs[0].quantity = Some(dec("1"))),
        ("a part", |q| q.offer.as_mut().unwrap().size = dec("10000000")),
        ("one instrument", |q| {
            q.instrument = bund();
            q.legs.clear();
        }),
        ("per unit", |q| q.qualifiers.price_type = Some(2.into())),
    ];
    for (what, change) in cases {
        let mut r = package_quoted();
        let mut q = package_quote("n2", "0.1");
        change(&mut q);
        let input = Input::FromDealer(dealer("N"), AppMessage::Quote(q.clone()));
        let kept = r.keep(T0 + 200, &input);
        assert!(
            matches!(&kept, Keep::Beside(Input::FromDealer(_, AppMessage::QuoteCancel(_)))),
            "{what}: {kept:?}"
        );
        let out = answer(&mut r, "N", AppMessage::Quote(q), 200);
        assert_eq!(brief(&out), ["ALICE<Z", "N<j"], "{what}");
        let out = send(&mut r, "ALICE", AppMessage::QuoteResponse(package_hit()), 300);
        assert_eq!(brief(&out), ["ALICE<8"], "{what}: it cannot be taken");
    }
    // Legs for a single instrument.
    let mut r = quoted();
    let out = answer(&mut r, "N", AppMessage::Quote(package_quote("n2", "0")), 200);
    assert_eq!(brief(&out), ["ALICE<Z", "N<j"]);
}

#[test]
fn an_accept_that_differs_in_a_leg_goes_nowhere() {
    type Change = fn(&mut QuoteResponse);
    let cases: [(&str, Change); 7] = [
        ("no legs", |r| r.legs.clear()),
        ("a leg's price", |r| r.legs[1].bid = Some(dec("100.1"))),
        ("a leg's quantity", |r| r.legs[1].quantity = Some(dec("1"))),
        ("a leg's side", |r| r.legs[1].side = Some(Side::Buy)),
        ("the net price", |r| r.price = dec("-2.5")),
        ("a part", |r| r.quantity = dec("10000000")),
        ("one instrument", |r| r.instrument = bund()),
    ];
    for ((what, change), limited) in cases.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        let mut r = package_quoted();
        let mut m = package_hit();
        if limited {
            m.limit = Some(Limit { price: dec("-2.4"), until: T0 + 60_000 });
        }
        change(&mut m);
        let m = AppMessage::QuoteResponse(m);
        assert!(r.proposal(&desk("ALICE"), &m, T0 + 200).is_none(), "{what}");
        assert!(!r.may_go_on(&desk("ALICE"), &m, T0 + 200), "{what}");
        let input = Input::FromDesk(desk("ALICE"), m.clone());
        assert!(matches!(r.keep(T0 + 200, &input), Keep::Nothing), "{what}");
        assert_eq!(brief(&send(&mut r, "ALICE", m, 200)), ["ALICE<8"], "{what}");
    }
}

#[test]
fn executed_legs_that_were_not_agreed_are_a_dispute() {
    type Change = fn(&mut ExecutionReport);
    let cases: [(&str, Change); 6] = [
        ("a part", |e| {
            e.last.as_mut().unwrap().size = dec("10000000");
            e.cum_qty = dec("10000000");
            e.status = OrdStatus::PartiallyFilled;
        }),
        ("no legs", |e| e.legs.clear()),
        ("a leg left out", |e| drop(e.legs.pop())),
        ("a leg's price", |e| e.legs[0].last = Some(dec("99.2"))),
        ("a leg's quantity", |e| e.legs[0].quantity = Some(dec("4000000"))),
        ("one leg alone", |e| {
            e.instrument = bund();
            e.legs.clear();
        }),
    ];
    for (what, change) in cases {
        let mut r = package_accepted();
        let mut e = package_fill();
        change(&mut e);
        let out = answer(&mut r, "N", AppMessage::ExecutionReport(e), 300);
        assert_eq!(brief(&out), ["ALICE<8"], "{what}");
        let told = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.disputed),
            _ => None,
        });
        assert_eq!(told, Some(true), "{what}");
        assert_eq!(package_state(&r), AcceptState::Disputed, "{what}");
        let day = r.doing(&desk("ALICE"), T0 + 500).day;
        assert_eq!(day.get("EUR"), Some(&dec("20000000")), "{what}: the whole counts");
    }
}

#[test]
fn what_is_proposed_and_approved_names_every_leg() {
    let r = package_quoted();
    let mut other = butterfly();
    other.id = RfqId::new("R2").unwrap();
    let m = AppMessage::QuoteRequest(other);
    let p = r.proposal(&desk("ALICE"), &m, T0 + 200).unwrap();
    assert_eq!(p.trade.quantity, dec("20000000"));
    let named: Vec<_> = p.trade.legs.iter().map(|(i, a)| (i.as_str(), *a)).collect();
    assert_eq!(named, [SHORT, BELLY, LONG].map(|i| (i, Ask::TwoWay)));
    let Action::Request(t) = &p.action else { panic!() };
    assert_eq!((t.legs.len(), t.quantity.as_str()), (3, "20000000"));
    let m = AppMessage::QuoteResponse(package_hit());
    let p = r.proposal(&desk("ALICE"), &m, T0 + 200).unwrap();
    let sides: Vec<Ask> = p.trade.legs.iter().map(|(_, a)| *a).collect();
    assert_eq!(sides, [Ask::Buy, Ask::Sell, Ask::Buy]);
    let Action::Accept(a) = &p.action else { panic!() };
    assert_eq!(
        a.legs,
        [
            "buy 5000000 settling 20261124 ratio 1 at 99.1 of DE0001102580",
            "sell 10000000 settling 20261124 ratio 2 at 100 of DE000BU2Z007",
            "buy 5000000 settling 20261124 ratio 1 at 98.3 of DE0001030732",
        ]
    );
    assert_eq!(p.action, p.goes_on);
    let ahead = |quantity: &str, until: i64| ApproveAhead {
        rfq: RfqId::new("R1").unwrap(),
        side: Side::Sell,
        quantity: dec(quantity),
        limit: Limit { price: dec("-3.5"), until: T0 + until },
    };
    let asked = |a: &ApproveAhead| r.ahead(&desk("ALICE"), a, T0 + 200);
    assert!(asked(&ahead("1", 10_000)).is_err_and(|e| e.contains("whole")));
    assert!(asked(&ahead("20000000", 200)).is_err(), "its time is over");
    let (terms, _) = asked(&ahead("20000000", 10_000)).unwrap();
    assert_eq!(
        terms.legs,
        [
            "sell 5000000 settling 20261124 ratio 1 of DE0001102580",
            "buy 10000000 settling 20261124 ratio 2 of DE000BU2Z007",
            "sell 5000000 settling 20261124 ratio 1 of DE0001030732",
        ]
    );
}

fn limited_hit(limit: &str) -> QuoteResponse {
    let limit = Some(Limit { price: dec(limit), until: T0 + 60_000 });
    QuoteResponse { limit, ..package_hit() }
}

/// Accepted at -2.6, and the dealer quotes again meanwhile: the net price alone decides, and the
/// dealer, the desk and the journal are told the prices of the legs that were taken.
#[test]
fn an_accept_with_a_limit_takes_the_package_at_the_quote_that_stands() {
    for (better, limit, goes) in [
        ("0.1", "-2.6", true),
        ("0.15", "-2.6", true),
        ("0.05", "-2.6", false),
        ("0.05", "-2.55", true),
    ] {
        let mut r = package_quoted();
        answer(&mut r, "N", AppMessage::Quote(package_quote("n2", better)), 150);
        let m = AppMessage::QuoteResponse(limited_hit(limit));
        let p = r.proposal(&desk("ALICE"), &m, T0 + 200);
        assert_eq!(p.is_some(), goes, "{better} {limit}");
        let out = send(&mut r, "ALICE", m, 200);
        if !goes {
            assert_eq!(brief(&out), ["ALICE<8"], "{better} {limit}");
            continue;
        }
        assert!(p.is_some_and(|p| p.action.covers(&p.goes_on)));
        let quote = package_quote("n2", better).quote(dealer("N"));
        let legs = terms().agreed_legs(&quote, Side::Buy).unwrap();
        let mut seen = 0;
        for o in &out {
            if let Output::ToDesk(_, AppMessage::QuoteResponse(a))
            | Output::ToDealer(_, AppMessage::QuoteResponse(a)) = o
            {
                assert_eq!((a.quote.as_str(), a.price), ("n2", dec("-2.5") - dec(better)));
                assert_eq!(a.legs, legs, "{o:?}");
                let told = matches!(o, Output::ToDesk(..));
                assert_eq!(a.limit.is_some(), told, "no dealer learns the limit");
                seen += 1;
            }
        }
        assert_eq!(seen, 2, "{out:?}");
    }
}

/// A leg that was not asked for does not go on with the legs of the quote in its place.
#[test]
fn a_limit_excuses_no_leg() {
    type Change = fn(&mut QuoteResponse);
    let cases: [(&str, Change); 9] = [
        ("legs swapped", |r| r.legs.swap(0, 2)),
        ("a ratio", |r| r.legs[1].ratio = Some(dec("1"))),
        ("a side", |r| r.legs[1].side = Some(Side::Buy)),
        ("another instrument", |r| {
            r.legs[0].instrument = InstrumentId::new("DE0001030740").unwrap()
        }),
        ("a date", |r| r.legs[0].settlement_date = Some("20261125".into())),
        ("a leg left out", |r| drop(r.legs.pop())),
        ("a leg in excess", |r| r.legs.push(r.legs[0].clone())),
        ("no price", |r| r.legs[0].offer = None),
        ("not the sum of its legs", |r| r.price = dec("-2.7")),
    ];
    for (what, change) in cases {
        let mut r = package_quoted();
        answer(&mut r, "N", AppMessage::Quote(package_quote("n2", "0.15")), 150);
        let mut m = limited_hit("-2.4");
        change(&mut m);
        let m = AppMessage::QuoteResponse(m);
        assert!(r.proposal(&desk("ALICE"), &m, T0 + 200).is_none(), "{what}");
        assert!(!r.may_go_on(&desk("ALICE"), &m, T0 + 200), "{what}");
        assert_eq!(brief(&send(&mut r, "ALICE", m, 200)), ["ALICE<8"], "{what}");
    }
}

/// A net price near zero says nothing by itself: it is measured by the prices of the legs.
#[test]
fn off_market_is_measured_by_the_legs() {
    let mut r = market();
    let all = QuoteRequest { dealers: ["N", "E", "S"].map(dealer).into(), ..butterfly() };
    send(&mut r, "ALICE", AppMessage::QuoteRequest(all), 0);
    for (who, id, better) in [("E", "e1", "0.1"), ("S", "s1", "0.1"), ("N", "n1", "-0.4")] {
        answer(&mut r, who, AppMessage::Quote(package_quote(id, better)), 100);
    }
    let mut m = package_hit();
    let quote = package_quote("n1", "-0.4").quote(dealer("N"));
    m.legs = terms().agreed_legs(&quote, Side::Buy).unwrap();
    m.price = dec("-2.1");
    let p = r.proposal(&desk("ALICE"), &AppMessage::QuoteResponse(m), T0 + 200).unwrap();
    // 0.5 worse than the middle, of 99.6 + 2*100 + 98.3.
    assert_eq!(p.trade.off_market_bps, Some(13));
}

#[test]
fn a_package_survives_a_lost_desk_and_a_restart_of_the_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("rfqs.journal"), StoreKey::new([7; 32]));
    let mut r = market();
    let mut journal = Journal::open(&path, &key, &mut r, OnBadRecord::Stop).unwrap();
    let mut tell = |r: &mut Router, at: i64, input: Input| {
        let input = journal.record(T0 + at, input, r).unwrap();
        r.handle(T0 + at, input)
    };
    let from = |m| Input::FromDesk(desk("ALICE"), m);
    let by = |m| Input::FromDealer(dealer("N"), m);
    tell(&mut r, 0, from(AppMessage::QuoteRequest(butterfly())));
    tell(&mut r, 100, by(AppMessage::Quote(package_quote("n1", "0.1"))));
    // The desk comes back: request, quote, and later the accept, each with its legs.
    let snapshot = r.handle(T0 + 150, Input::DeskUp(desk("ALICE")));
    let mut seen = 0;
    for o in &snapshot {
        match o {
            Output::ToDesk(_, AppMessage::Snapshot(SnapshotMark::Rfq(q))) => {
                assert_eq!(q.legs, legs());
                seen += 1;
            }
            Output::ToDesk(_, AppMessage::Quote(q)) => {
                assert_eq!(q.legs, package_quote("n1", "0.1").legs);
                seen += 1;
            }
            _ => {}
        }
    }
    assert_eq!(seen, 2, "{snapshot:?}");
    tell(&mut r, 200, from(AppMessage::QuoteResponse(package_hit())));
    drop(journal);
    let mut again = market();
    Journal::open(&path, &key, &mut again, OnBadRecord::Stop).unwrap();
    assert_eq!(again.dump(), r.dump_without_dealers(T0 + 240));
    let snapshot = again.handle(T0 + 250, Input::DeskUp(desk("ALICE")));
    let accept = snapshot.iter().find_map(|o| match o {
        Output::ToDesk(_, AppMessage::QuoteResponse(a)) => Some(a.legs.clone()),
        _ => None,
    });
    assert_eq!(accept, Some(package_hit().legs));
    answer(&mut again, "N", AppMessage::ExecutionReport(package_fill()), 300);
    assert!(matches!(package_state(&again), AcceptState::Filled(e) if e.legs.len() == 3));
}
