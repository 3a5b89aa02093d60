use super::*;
use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_fix::message::{
    ApproveAhead, ExecType, ExecutionReport, OrdStatus, QuoteCancel, QuoteMsg, QuoteRequestReject,
    Response, SnapshotMark,
};
use signet_rfq::{Ask, AssetClass, Instrument, Level, Limit, Qualifiers, QuoteId, Side};
use std::collections::HashMap;

pub(super) fn dec(s: &str) -> Decimal {
    s.parse().unwrap()
}
pub(super) fn desk(n: &str) -> CompId {
    CompId::new(n).unwrap()
}
pub(super) fn dealer(n: &str) -> DealerId {
    DealerId::new(n).unwrap()
}
pub(super) fn bund() -> InstrumentId {
    InstrumentId::new("DE0001102580").unwrap()
}

pub(super) const T0: UtcMillis = UtcMillis(1_795_227_720_000);

pub(super) fn router() -> Router {
    router_where("nobody")
}

/// A router where this dealer lets a part of its quotes be taken.
pub(super) fn router_where(takes_part: &str) -> Router {
    let i = Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: bund(),
        symbol: "DBR".into(),
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
        price_format: Default::default(),
    };
    let desks = ["ALICE", "BOB"].map(|d| DeskSettings { id: desk(d), dealers: BTreeSet::new() });
    let carol = DeskSettings { id: desk("CAROL"), dealers: [dealer("N")].into() };
    let dealers = ["N", "E", "S"].map(|d| DealerSettings {
        id: dealer(d),
        name: d.into(),
        counters: true,
        parts: d == takes_part,
    });
    let mut r = Router::new(
        "Venue".into(),
        false,
        Catalogue::new([i]).unwrap(),
        desks.into_iter().chain([carol]),
        dealers,
        counted(),
    );
    for d in ["N", "E"] {
        r.handle(T0, Input::DealerUp(dealer(d)));
    }
    for d in ["ALICE", "BOB", "CAROL"] {
        r.handle(T0, Input::DeskUp(desk(d)));
    }
    r
}

pub(super) fn request(id: &str, dealers: &[&str]) -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(id).unwrap(),
        instrument: bund(),
        isin: true,
        ask: Ask::Buy,
        quantity: dec("5000000"),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: dealers.iter().map(|d| dealer(d)).collect(),
        expires: T0 + 60_000,
        at: T0,
    }
}

pub(super) fn send(r: &mut Router, who: &str, m: AppMessage, at: i64) -> Vec<Output> {
    r.handle(T0 + at, Input::FromDesk(desk(who), m))
}

pub(super) fn quote(rfq: &str, id: &str, price: &str, until: i64) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: RfqId::new(rfq).unwrap(),
        id: QuoteId::new(id).unwrap(),
        instrument: bund(),
        dealer: None,
        bid: None,
        offer: Some(Level { price: dec(price), size: dec("5000000") }),
        valid_until: T0 + until,
        tradeable: true,
        at: T0,
        qualifiers: Default::default(),
    })
}

pub(super) fn answer(r: &mut Router, who: &str, m: AppMessage, at: i64) -> Vec<Output> {
    r.handle(T0 + at, Input::FromDealer(dealer(who), m))
}

pub(super) fn hit(id: &str, who: &str, quote: &str, price: &str) -> AppMessage {
    AppMessage::QuoteResponse(QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new(id).unwrap(),
        response: Response::HitOrLift,
        rfq: None,
        quote: QuoteId::new(quote).unwrap(),
        instrument: bund(),
        isin: true,
        dealer: Some(dealer(who)),
        side: Side::Buy,
        quantity: dec("5000000"),
        price: dec(price),
        currency: None,
        settlement_date: None,
        deadline: Some(T0 + 900_000_000),
        at: T0,
        limit: None,
    })
}

pub(super) fn report(accept: &str, t: ExecType, s: OrdStatus, price: &str) -> AppMessage {
    let filled = s == OrdStatus::Filled;
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O".into(),
        exec_id: "X".into(),
        exec_ref: None,
        accept: AcceptId::new(accept).unwrap(),
        exec_type: t,
        status: s,
        instrument: bund(),
        dealer: None,
        side: Side::Buy,
        last: filled.then(|| Level { price: dec(price), size: dec("5000000") }),
        cum_qty: if filled { dec("5000000") } else { Decimal::ZERO },
        leaves_qty: Decimal::ZERO,
        avg_px: dec(price),
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: None,
        text: Some("last look".into()),
        at: T0,
    })
}

/// A dealer will not quote in ALICE's R1; 658=10 is a pass.
pub(super) fn refusal(reason: u16, text: Option<&str>) -> AppMessage {
    AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: RfqId::new("ALICE.R1").unwrap(),
        reason,
        instrument: bund(),
        dealer: None,
        text: text.map(str::to_owned),
        advice: None,
    })
}

/// Message types and addressees, for reading at a glance: `ALICE<S`, `N<R`.
fn brief(out: &[Output]) -> Vec<String> {
    out.iter()
        .filter_map(|o| match o {
            Output::ToDesk(d, m) => Some(format!("{d}<{}", m.msg_type())),
            Output::ToDealer(d, m) => Some(format!("{d}<{}", m.msg_type())),
            Output::Untold(..)
            | Output::Traded(..)
            | Output::Unanswered(..)
            | Output::Note(_)
            | Output::Alert { .. } => None,
        })
        .collect()
}

fn execution_text(out: &[Output]) -> String {
    out.iter()
        .find_map(|o| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) => {
                Some(format!("{:?}: {}", e.status, e.text.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .unwrap_or_default()
}

/// ALICE asked N and E; both quoted; N at 99.5 until 10 s.
pub(super) fn quoted() -> Router {
    let mut r = router();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E"])), 0);
    answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 100);
    answer(&mut r, "E", quote("ALICE.R1", "e1", "99.6", 20_000), 100);
    r
}

#[test]
fn an_rfq_goes_to_exactly_the_dealers_asked_and_comes_back_filled() {
    let mut r = router();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "E"])), 0);
    assert_eq!(brief(&out), ["ALICE<AI", "N<R", "E<R"]);
    let Output::ToDesk(_, AppMessage::QuoteStatusReport(ack)) = &out[0] else { panic!() };
    assert_eq!(
        (ack.rfq.as_str(), ack.until),
        ("R1", Some(T0 + 60_000)),
        "the desk counts down to the gateway's end"
    );
    let Output::ToDealer(_, AppMessage::QuoteRequest(q)) = &out[1] else { panic!() };
    assert!(q.dealers.is_empty(), "no dealer learns who else was asked");
    let named = Qualifiers { currency: Some("EUR".into()), ..Qualifiers::default() };
    let AppMessage::Quote(q) = quote("ALICE.R1", "n1", "99.5", 10_000) else { unreachable!() };
    let out =
        answer(&mut r, "N", AppMessage::Quote(QuoteMsg { qualifiers: named, ..q.clone() }), 100);
    // Under the desk's own id, with its dealer, and without what was compared already.
    let passed_on = QuoteMsg { rfq: RfqId::new("R1").unwrap(), dealer: Some(dealer("N")), ..q };
    assert_eq!(out, [Output::ToDesk(desk("ALICE"), AppMessage::Quote(passed_on))]);
    answer(&mut r, "E", quote("ALICE.R1", "e1", "99.6", 20_000), 100);
    // Whether the id is an ISIN the catalogue said when the RFQ was asked.
    let AppMessage::QuoteResponse(m) = hit("x1", "N", "n1", "99.5") else { unreachable!() };
    let out =
        send(&mut r, "ALICE", AppMessage::QuoteResponse(QuoteResponse { isin: false, ..m }), 200);
    assert_eq!(brief(&out), ["N<AJ"]);
    let Output::ToDealer(_, AppMessage::QuoteResponse(aj)) = &out[0] else { panic!() };
    let AppMessage::QuoteResponse(sent) = hit("ALICE.x1", "N", "n1", "99.5") else {
        unreachable!()
    };
    let terms = (Some("EUR".to_owned()), Some("20261124".to_owned()));
    let whole = QuoteResponse {
        dealer: None,
        currency: terms.0,
        settlement_date: terms.1,
        deadline: None,
        at: T0 + 200,
        ..sent
    };
    assert_eq!(
        aj, &whole,
        "every term of what is agreed, and of the parties only the dealer itself"
    );
    let out = answer(
        &mut r,
        "N",
        report("ALICE.x1", ExecType::PendingNew, OrdStatus::PendingNew, "0"),
        300,
    );
    assert_eq!(brief(&out), ["ALICE<8"]);
    let out =
        answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 400);
    assert_eq!(brief(&out), ["ALICE<8", "E<AJ"], "the other dealer is told it is over");
    let Output::ToDesk(_, AppMessage::ExecutionReport(e)) = &out[0] else { panic!() };
    assert_eq!((e.accept.as_str(), e.dealer.as_ref()), ("x1", Some(&dealer("N"))));
    assert!(
        brief(&answer(
            &mut r,
            "N",
            report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"),
            500
        ))
        .is_empty()
    );
}

#[test]
fn requests_that_are_refused_say_why_and_reach_no_dealer() {
    let with = |f: fn(&mut QuoteRequest)| {
        let mut q = request("R1", &["N"]);
        f(&mut q);
        q
    };
    let cases: Vec<(QuoteRequest, u16)> = vec![
        (with(|q| q.instrument = InstrumentId::new("US0378331005").unwrap()), 1),
        (with(|q| q.quantity = dec("900000000")), 3),
        (with(|q| q.quantity = dec("1")), 99),
        (with(|q| q.dealers.clear()), 99),
        (with(|q| q.dealers = vec![dealer("NOBODY")]), 6),
        (with(|q| q.expires = q.at), 4),
        (with(|q| q.expires = q.at + 1_000), 99),
        (with(|q| q.currency = "USD".into()), 99),
        (with(|q| q.settlement_date = "20261119".into()), 99),
    ];
    for (q, want) in cases {
        let mut r = router();
        let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(q.clone()), 0);
        assert_eq!(brief(&out), ["ALICE<AG"], "{q:?}");
        let reason = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteRequestReject(r)) => Some(r.reason),
            _ => None,
        });
        assert_eq!(reason, Some(want), "{q:?}");
    }
    let mut r = router();
    let out = send(&mut r, "CAROL", AppMessage::QuoteRequest(request("R1", &["N", "E"])), 0);
    assert_eq!(brief(&out), ["CAROL<AG"], "CAROL may ask N only");
    let mut r = quoted();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N"])), 0);
    assert_eq!(brief(&out), ["ALICE<AG"], "a used id");
}

/// A day ends last where it is twelve hours before UTC. Which days the market is closed dealers
/// know.
#[test]
fn a_settlement_date_that_is_over_everywhere_reaches_no_dealer() {
    // T0 is 2026-11-21 02:22 UTC, a Saturday.
    const NOON: i64 = (9 * 60 + 38) * 60_000;
    for (date, at, goes) in [
        ("19991231", 0, false),
        ("20261119", 0, false),
        ("20261120", 0, true),
        ("20261120", NOON - 1, true),
        ("20261120", NOON, false),
        ("20261121", NOON, true),
        ("20261122", 0, true),
        ("20991231", 0, true),
    ] {
        let q = QuoteRequest {
            at: T0 + at,
            expires: T0 + at + 60_000,
            settlement_date: date.into(),
            ..request("R1", &["N"])
        };
        let m = AppMessage::QuoteRequest(q);
        let mut r = router();
        // Nobody is asked to approve what would be refused.
        assert_eq!(r.proposal(&desk("ALICE"), &m, T0 + at).is_some(), goes, "{date} {at}");
        let out = brief(&send(&mut r, "ALICE", m.clone(), at));
        let want: &[&str] = if goes { &["ALICE<AI", "N<R"] } else { &["ALICE<AG"] };
        assert_eq!(out, want, "{date} {at}");
        // One that was taken, by whichever version, is the desk's after a restart.
        let mut r = router();
        r.replay(T0 + at, Input::FromDesk(desk("ALICE"), m), None);
        assert_eq!(r.rfqs.open_count(&desk("ALICE")), 1, "{date} {at}");
    }
}

/// A laptop's clock may be a little wrong: the length of an RFQ is the trader's, its beginning is
/// now.
#[test]
fn an_rfq_lives_on_the_gateways_clock() {
    for skew in [-5_000, -1_000, 0, 5_000] {
        let mut r = router();
        // Whether the id is an ISIN the catalogue says, not the desk.
        let m = QuoteRequest {
            at: T0 + skew,
            expires: T0 + skew + 60_000,
            isin: false,
            ..request("R1", &["N"])
        };
        let Proposal { action, ends, .. } =
            r.proposal(&desk("ALICE"), &AppMessage::QuoteRequest(m.clone()), T0).unwrap();
        assert!(
            matches!(&action, signet_stepup::Action::Request(t) if t.ttl_s == "60"),
            "{skew}: {action:?}"
        );
        assert_eq!(ends, None);
        let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(m), 0);
        let onward = out.iter().find_map(|o| match o {
            Output::ToDealer(_, AppMessage::QuoteRequest(q)) => Some((q.at, q.expires, q.isin)),
            _ => None,
        });
        assert_eq!(onward, Some((T0, T0 + 60_000, true)), "{skew}");
        let terms = r.dump()[0].1.terms.clone();
        assert_eq!((terms.created, terms.expires), (T0, T0 + 60_000), "{skew}");
    }
    let Proposal { action, ends, .. } =
        quoted().proposal(&desk("ALICE"), &hit("x1", "N", "n1", "99.5"), T0 + 200).unwrap();
    assert!(matches!(action, signet_stepup::Action::Accept(_)));
    assert_eq!(ends, Some(T0 + 10_000), "the quote's end");
}

/// An accept that follows its dealer up to this price.
fn limited(quote: &str, price: &str, limit: &str) -> AppMessage {
    let AppMessage::QuoteResponse(r) = hit("x1", "N", quote, price) else { unreachable!() };
    let limit = Limit { price: dec(limit), until: T0 + 50_000 };
    AppMessage::QuoteResponse(QuoteResponse { limit: Some(limit), ..r })
}

#[test]
fn an_accept_with_a_limit_takes_the_quote_that_stands_and_the_dealer_never_sees_the_limit() {
    let onward = |out: &[Output]| {
        out.iter().find_map(|o| match o {
            Output::ToDealer(_, AppMessage::QuoteResponse(r)) => Some(r.clone()),
            _ => None,
        })
    };
    let told = |out: &[Output]| {
        out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::QuoteResponse(r)) => Some(r.clone()),
            _ => None,
        })
    };
    for (again, takes) in [
        (None, Some(("n1", "99.5"))),
        (Some("99.4"), Some(("n2", "99.4"))),
        (Some("99.6"), Some(("n2", "99.6"))),
        (Some("99.605"), None),
    ] {
        let mut r = quoted();
        if let Some(price) = again {
            answer(&mut r, "N", quote("ALICE.R1", "n2", price, 10_000), 150);
        }
        let m = limited("n1", "99.5", "99.6");
        let p = r.proposal(&desk("ALICE"), &m, T0 + 200);
        assert_eq!(p.is_some(), takes.is_some(), "{again:?}");
        assert!(r.may_go_on(&desk("ALICE"), &m, T0 + 200), "{again:?}: it may quote again");
        if let Some(p) = p {
            assert!(p.action.covers(&p.goes_on), "{again:?}");
            assert_eq!(p.ends, Some(T0 + 50_000), "the limit's end, not the quote's");
        }
        let out = send(&mut r, "ALICE", m, 200);
        let sent = onward(&out).map(|m| (m.quote.to_string(), m.price, m.limit));
        let wanted = takes.map(|(quote, price)| (quote.to_owned(), dec(price), None));
        assert_eq!(sent, wanted, "{again:?}");
        let desk_knows = told(&out).map(|m| (m.quote.to_string(), m.price, m.limit.is_some()));
        let wanted = takes.map(|(quote, price)| (quote.to_owned(), dec(price), true));
        assert_eq!(desk_knows, wanted, "{again:?}");
        let Some((_, price)) = takes else {
            assert_eq!(brief(&out), ["ALICE<8"], "{again:?}: refused in words");
            let stands = out.iter().find_map(|o| match o {
                Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.price),
                _ => None,
            });
            assert_eq!(stands, Some(again.map(dec)), "and with the price that stands");
            continue;
        };
        let filled = report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, price);
        let out = answer(&mut r, "N", filled, 300);
        let reported = out.iter().find_map(|o| match o {
            Output::ToDesk(_, AppMessage::ExecutionReport(e)) => Some(e.price),
            _ => None,
        });
        assert_eq!(reported, Some(Some(dec(price))), "{again:?}: the report repeats the price");
    }
    assert!(!quoted().may_go_on(&desk("ALICE"), &hit("x1", "N", "n0", "99.5"), T0 + 200));
}

#[test]
fn an_approval_ahead_is_about_an_open_rfq_and_no_more_than_it() {
    let ask = |rfq: &str, side, quantity: &str, price: &str, until| ApproveAhead {
        rfq: RfqId::new(rfq).unwrap(),
        side,
        quantity: dec(quantity),
        limit: Limit { price: dec(price), until: T0 + until },
    };
    let r = quoted();
    for (what, who, a, good) in [
        ("all of it", "ALICE", ask("R1", Side::Buy, "5000000", "99.6", 60_000), true),
        ("a part", "ALICE", ask("R1", Side::Buy, "1", "99.6", 60_000), true),
        ("more", "ALICE", ask("R1", Side::Buy, "5000001", "99.6", 60_000), false),
        ("a side not asked", "ALICE", ask("R1", Side::Sell, "1", "99.6", 60_000), false),
        ("no such RFQ", "ALICE", ask("R2", Side::Buy, "1", "99.6", 60_000), false),
        ("another desk's", "BOB", ask("R1", Side::Buy, "1", "99.6", 60_000), false),
        ("no price", "ALICE", ask("R1", Side::Buy, "1", "0", 60_000), false),
        ("over", "ALICE", ask("R1", Side::Buy, "1", "99.6", 200), false),
    ] {
        assert_eq!(r.ahead(&desk(who), &a, T0 + 200).is_ok(), good, "{what}");
    }
    let long = ask("R1", Side::Buy, "1", "99.6", 900_000);
    let (terms, until) = r.ahead(&desk("ALICE"), &long, T0 + 200).unwrap();
    assert_eq!(until, T0 + 60_000, "no longer than the RFQ");
    assert_eq!((terms.rfq.as_str(), &terms.dealers[..]), ("R1", &["N".to_owned(), "E".into()][..]));
    let after = r.ahead(&desk("ALICE"), &long, T0 + 60_000);
    assert!(after.is_err(), "the RFQ has ended");
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert!(r.ahead(&desk("ALICE"), &long, T0 + 300).is_err(), "an accept is on its way");
}

#[test]
fn a_desk_has_no_more_than_its_limit_of_open_rfqs() {
    let mut r = router();
    for i in 0..MAX_OPEN_RFQS_PER_DESK {
        assert_eq!(
            brief(&send(
                &mut r,
                "ALICE",
                AppMessage::QuoteRequest(request(&format!("R{i}"), &["N"])),
                0
            ))
            .len(),
            2
        );
    }
    assert_eq!(
        brief(&send(&mut r, "ALICE", AppMessage::QuoteRequest(request("MORE", &["N"])), 0)),
        ["ALICE<AG"]
    );
    assert_eq!(
        brief(&send(&mut r, "BOB", AppMessage::QuoteRequest(request("R1", &["N"])), 0)).len(),
        2
    );
}

#[test]
fn accepts_that_do_not_match_are_refused_and_reach_no_dealer() {
    for (m, at, want) in [
        (hit("x", "N", "n1", "99.4"), 200, "price is 99.5"),
        (hit("x", "N", "n0", "99.5"), 200, "re-quoted"),
        (hit("x", "N", "n1", "99.5"), 10_000, "expired"),
        (hit("x", "S", "n1", "99.5"), 200, "no such quote"),
        (hit("x", "N", "n1", "99.5"), 61_000, "no longer open"),
    ] {
        let mut r = quoted();
        let out = send(&mut r, "ALICE", m, at);
        assert_eq!(brief(&out), ["ALICE<8"], "{want}");
        assert!(
            execution_text(&out).starts_with("Rejected") && execution_text(&out).contains(want),
            "{}",
            execution_text(&out)
        );
    }
    let mut r = quoted();
    assert_eq!(
        brief(&send(&mut r, "BOB", hit("x", "N", "n1", "99.5"), 200)),
        ["BOB<8"],
        "somebody else's quote"
    );
    let mut r = quoted();
    answer(&mut r, "N", quote("ALICE.R1", "n2", "99.7", 20_000), 150);
    let out = send(&mut r, "ALICE", hit("x", "N", "n1", "99.5"), 200);
    assert!(execution_text(&out).contains("re-quoted"), "{}", execution_text(&out));
}

#[test]
fn the_same_accept_twice_is_executed_once() {
    let mut r = quoted();
    assert_eq!(brief(&send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200)), ["N<AJ"]);
    let again = send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 210);
    assert_eq!(brief(&again), ["ALICE<8"], "the dealer has only just been sent it");
    assert_eq!(
        brief(&send(&mut r, "ALICE", hit("x2", "E", "e1", "99.6"), 220)),
        ["ALICE<8"],
        "one in flight"
    );
}

#[test]
fn a_flood_of_status_requests_reaches_the_dealer_once_in_a_while() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let mut asked = vec![];
    for ms in (0..4_000).step_by(100) {
        let out = send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200 + ms);
        assert!(brief(&out).contains(&"ALICE<8".to_owned()), "answered each time");
        asked.extend(brief(&out).iter().any(|m| m == "N<H").then_some(ms));
    }
    assert_eq!(asked, [1_000, 2_000, 3_000]);
}

#[test]
fn a_line_that_comes_and_goes_does_not_keep_every_desk_busy() {
    let mut r = router();
    let states = |out: &[Output]| brief(out).iter().filter(|m| m.ends_with("<U1")).count();
    assert_eq!(r.handle(T0 + 5_000, Input::DealerUp(dealer("N"))), [], "it was on already");
    let mut told = 0;
    for ms in (5_000..15_000).step_by(100) {
        told += states(&r.handle(T0 + ms, Input::DealerDown(dealer("N"))));
        told += states(&r.handle(T0 + ms + 50, Input::DealerUp(dealer("N"))));
        told += states(&r.handle(T0 + ms + 60, Input::Tick));
    }
    assert!((30..=33).contains(&told), "three desks, ten seconds: {told}");
    // The last change is told to everybody, and nothing after it.
    assert_eq!(states(&r.handle(T0 + 15_000, Input::DealerDown(dealer("N")))), 3);
    assert_eq!(states(&r.handle(T0 + 15_100, Input::DealerUp(dealer("N")))), 0, "too soon");
    assert_eq!(states(&r.handle(T0 + 15_999, Input::Tick)), 0);
    let last = r.handle(T0 + 16_000, Input::Tick);
    let online = |o: &Output| matches!(o, Output::ToDesk(_, AppMessage::VenueState(v)) if v.dealers.iter().any(|d| d.id == dealer("N") && d.online));
    assert_eq!((states(&last), last.iter().filter(|o| online(o)).count()), (3, 3), "{last:?}");
    assert_eq!(states(&r.handle(T0 + 20_000, Input::Tick)), 0);
}

#[test]
fn ended_rfqs_of_one_desk_are_remembered_up_to_a_number_and_those_of_others_all_the_same() {
    let mut r = router().with_max_ended(5);
    let id = |n: usize| format!("R{n}");
    send(&mut r, "BOB", AppMessage::QuoteRequest(request("R0", &["N"])), 0);
    send(&mut r, "BOB", AppMessage::RfqCancel { rfq: RfqId::new("R0").unwrap(), text: None }, 0);
    for n in 0..50 {
        let at = i64::try_from(n).unwrap();
        send(&mut r, "ALICE", AppMessage::QuoteRequest(request(&id(n), &["N"])), at);
        send(
            &mut r,
            "ALICE",
            AppMessage::RfqCancel { rfq: RfqId::new(id(n)).unwrap(), text: None },
            at,
        );
    }
    let known = |who: &str, n: usize| r.remembers(&RfqId::new(format!("{who}.{}", id(n))).unwrap());
    assert_eq!(
        (0..50).filter(|n| known("ALICE", *n)).collect::<Vec<_>>(),
        (44..50).collect::<Vec<_>>()
    );
    assert!(known("BOB", 0));
}

#[test]
fn a_last_look_reject_leaves_the_rfq_open_for_another_quote() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let out =
        answer(&mut r, "N", report("ALICE.x1", ExecType::Rejected, OrdStatus::Rejected, "0"), 300);
    assert_eq!(execution_text(&out), "Rejected: last look");
    assert_eq!(brief(&send(&mut r, "ALICE", hit("x2", "E", "e1", "99.6"), 400)), ["E<AJ"]);
}

#[test]
fn a_dealer_can_touch_only_what_it_was_asked() {
    let mut r = router();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N"])), 0);
    for m in [
        quote("ALICE.R1", "e1", "1", 9_000),
        AppMessage::QuoteCancel(QuoteCancel {
            rfq: Some(RfqId::new("ALICE.R1").unwrap()),
            quote: Some(QuoteId::new("n1").unwrap()),
            instrument: Some(bund()),
            dealer: None,
            unreachable: false,
        }),
        refusal(10, None),
        report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"),
    ] {
        let out = answer(&mut r, "E", m.clone(), 50);
        assert!(brief(&out).is_empty(), "{m:?}");
        let noted = |what: &str| {
            out.iter()
                .any(|o| matches!(o, Output::Note(n) if n.starts_with("E ") && n.contains(what)))
        };
        assert!(
            matches!(m, AppMessage::ExecutionReport(_)) || noted("which it was not asked"),
            "{m:?}: {out:?}"
        );
    }
    let not_a_dealers = AppMessage::QuoteRequest(request("R7", &["N"]));
    assert_eq!(brief(&answer(&mut r, "E", not_a_dealers, 50)), ["E<j"], "it is told so");
    answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 100);
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert!(
        brief(&answer(
            &mut r,
            "E",
            report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"),
            300
        ))
        .is_empty()
    );
}

/// A yield, another currency or another date is not a price of what was asked, and takes the place
/// of the price before it.
#[test]
fn a_quote_in_another_convention_is_not_passed_on() {
    let qualified =
        |id: &str, change: &dyn Fn(&mut Qualifiers)| match quote("ALICE.R1", id, "99.2", 30_000) {
            AppMessage::Quote(mut q) => {
                change(&mut q.qualifiers);
                AppMessage::Quote(q)
            }
            other => other,
        };
    type Change = Box<dyn Fn(&mut Qualifiers)>;
    let cases: [(&str, Change, bool); 8] = [
        ("nothing said", Box::new(|_| ()), true),
        ("percent of par", Box::new(|q| q.price_type = Some(1.into())), true),
        ("a yield", Box::new(|q| q.price_type = Some(9.into())), false),
        ("per unit", Box::new(|q| q.price_type = Some(2.into())), false),
        ("the currency", Box::new(|q| q.currency = Some("EUR".into())), true),
        ("another currency", Box::new(|q| q.currency = Some("USD".into())), false),
        ("another date", Box::new(|q| q.settlement_date = Some("20261125".into())), false),
        ("another side", Box::new(|q| q.side = Some(Side::Sell)), false),
    ];
    for (what, change, passed_on) in cases {
        let mut r = quoted();
        let out = answer(&mut r, "N", qualified("Q2", &*change), 10);
        let sent: Vec<&str> = out
            .iter()
            .map(|o| match o {
                Output::ToDesk(_, m) | Output::ToDealer(_, m) => m.msg_type(),
                _ => "",
            })
            .collect();
        assert_eq!(sent.contains(&"S"), passed_on, "{what}: {out:?}");
        assert_eq!(
            sent.contains(&"Z") && sent.contains(&"j"),
            !passed_on,
            "{what}: the price before it goes, and the dealer hears why"
        );
        let refused = execution_text(&send(&mut r, "ALICE", hit("A1", "N", "n1", "99.5"), 20));
        assert!(
            refused.starts_with("Rejected"),
            "{what}: the price before it cannot be taken: {refused}"
        );
    }
}

/// FIX 4.4 lets a dealer name the quote alone, or none for all of its quotes; never another
/// dealer's.
#[test]
fn a_dealer_cancels_by_quote_or_all_of_its_quotes() {
    let cancel = |quote: Option<&str>| QuoteCancel {
        rfq: None,
        quote: quote.map(|q| QuoteId::new(q).unwrap()),
        instrument: None,
        dealer: None,
        unreachable: false,
    };
    let r = quoted();
    let named = |who: &str, quote| {
        r.cancels(&dealer(who), cancel(quote))
            .into_iter()
            .map(|c| c.rfq.unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(named("N", Some("n1")), ["ALICE.R1"]);
    assert_eq!(named("N", None), ["ALICE.R1"]);
    assert!(
        named("N", Some("n9")).is_empty()
            && named("N", Some("e1")).is_empty()
            && named("F", None).is_empty()
    );
}

#[test]
fn a_desk_may_not_speak_as_a_dealer() {
    let mut r = quoted();
    for m in [
        quote("ALICE.R1", "n9", "1", 9_000),
        report("x", ExecType::Trade, OrdStatus::Filled, "1"),
        AppMessage::Snapshot(SnapshotMark::End),
    ] {
        assert_eq!(brief(&send(&mut r, "ALICE", m, 10)), ["ALICE<j"]);
    }
}

#[test]
fn when_nobody_will_quote_the_rfq_ends_as_nothing_done() {
    let mut r = router();
    let out = send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R1", &["N", "S"])), 0);
    assert_eq!(brief(&out), ["ALICE<AI", "N<R", "S<R"]);
    let Output::ToDealer(d, m) = out[2].clone() else { panic!() };
    assert_eq!(
        brief(&r.handle(T0, Input::NotSentToDealer(d, m))),
        ["ALICE<AG"],
        "S is not connected"
    );
    let out = answer(&mut r, "N", refusal(10, None), 100);
    assert_eq!(brief(&out), ["ALICE<AG", "ALICE<AI"]);
    assert!(
        matches!(&out[1], Output::ToDesk(_, AppMessage::QuoteStatusReport(s)) if s.status == RfqStatus::NothingDone)
    );
}

#[test]
fn time_ends_an_rfq_and_a_trader_may_end_it_sooner() {
    let mut r = quoted();
    assert!(brief(&r.handle(T0 + 59_999, Input::Tick)).is_empty());
    assert_eq!(brief(&r.handle(T0 + 60_000, Input::Tick)), ["ALICE<AI"]);
    let mut r = quoted();
    let cancel = AppMessage::RfqCancel { rfq: RfqId::new("R1").unwrap(), text: None };
    assert_eq!(brief(&send(&mut r, "ALICE", cancel.clone(), 300)), ["ALICE<AI", "N<AJ", "E<AJ"]);
    assert_eq!(brief(&send(&mut r, "ALICE", cancel, 400)), ["ALICE<j"]);
}

#[test]
fn a_lost_dealer_takes_its_quotes_with_it_and_leaves_accepts_unknown_until_asked() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let out = r.handle(T0 + 300, Input::DealerDown(dealer("N")));
    assert!(brief(&out).contains(&"ALICE<8".to_owned()));
    let out = r.handle(T0 + 400, Input::DealerDown(dealer("E")));
    assert!(brief(&out).contains(&"ALICE<Z".to_owned()));
    let out = r.handle(T0 + 500, Input::DealerUp(dealer("N")));
    assert!(brief(&out).contains(&"N<H".to_owned()));
    let out =
        answer(&mut r, "N", report("ALICE.x1", ExecType::Status, OrdStatus::Filled, "99.5"), 600);
    assert_eq!(brief(&out)[0], "ALICE<8");
    assert!(execution_text(&out).starts_with("Filled"));
}

#[test]
fn an_accept_that_stays_unanswered_is_asked_about() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert!(brief(&r.handle(T0 + 15_000, Input::Tick)).is_empty());
    assert_eq!(brief(&r.handle(T0 + 15_200, Input::Tick)), ["N<H"]);
    assert!(brief(&r.handle(T0 + 16_000, Input::Tick)).is_empty());
    assert_eq!(brief(&r.handle(T0 + 30_200, Input::Tick)), ["N<H"]);
}

#[test]
fn an_accept_whose_dealer_cannot_be_reached_is_declined_by_the_gateway() {
    let mut r = quoted();
    let out = send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let Output::ToDealer(d, m) = out[0].clone() else { panic!() };
    let out = r.handle(T0 + 201, Input::NotSentToDealer(d, m));
    assert_eq!(execution_text(&out), "Rejected: N is not connected");
}

#[test]
fn a_snapshot_has_the_state_and_then_what_was_missed() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    r.handle(T0 + 300, Input::DeskDown(desk("ALICE")));
    let out = r.handle(T0 + 350, Input::DeskUp(desk("ALICE")));
    assert_eq!(
        brief(&out),
        [
            "ALICE<U1", "ALICE<U2", "ALICE<U2", "ALICE<S", "ALICE<S", "ALICE<AJ", "ALICE<8",
            "ALICE<U2"
        ]
    );
    r.handle(T0 + 400, Input::DeskDown(desk("ALICE")));
    assert_eq!(
        brief(&answer(
            &mut r,
            "N",
            report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"),
            500
        )),
        ["E<AJ"]
    );
    let out = r.handle(T0 + 600, Input::DeskUp(desk("ALICE")));
    assert_eq!(brief(&out), ["ALICE<U1", "ALICE<U2", "ALICE<8", "ALICE<U2"], "the fill it missed");
    assert!(!brief(&out).iter().any(|b| b.starts_with("BOB")));
}

#[test]
fn a_status_request_gets_the_truth() {
    let h = |id: &str| {
        AppMessage::OrderStatusRequest(OrderStatusRequest {
            accept: AcceptId::new(id).unwrap(),
            instrument: bund(),
            side: Side::Buy,
            dealer: None,
            sent: Some(T0),
        })
    };
    let mut r = quoted();
    assert_eq!(
        execution_text(&send(&mut r, "ALICE", h("never"), 100)),
        "Rejected: no dealer has it; nothing was traded"
    );
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 300);
    assert!(execution_text(&send(&mut r, "ALICE", h("x1"), 400)).starts_with("Filled"));
    assert!(
        execution_text(&send(&mut r, "BOB", h("x1"), 400)).starts_with("Rejected"),
        "not BOB's to ask"
    );
}

#[test]
fn a_replay_of_its_inputs_rebuilds_the_router() {
    let inputs = [
        (0, Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(request("R1", &["N", "E"])))),
        (100, Input::FromDealer(dealer("N"), quote("ALICE.R1", "n1", "99.5", 10_000))),
        (200, Input::FromDesk(desk("ALICE"), hit("x1", "N", "n1", "99.5"))),
    ];
    let (mut live, mut again) = (router(), router());
    for (at, i) in &inputs {
        live.handle(T0 + *at, i.clone());
        assert_eq!(live.concerns(i), Some(RfqId::new("ALICE.R1").unwrap()), "{i:?}");
    }
    for (at, i) in inputs {
        again.handle(T0 + at, i);
    }
    let up = Input::DeskUp(desk("ALICE"));
    assert_eq!(live.handle(T0 + 300, up.clone()), again.handle(T0 + 300, up));
}

#[test]
fn ended_rfqs_are_forgotten_in_time() {
    let mut r = quoted();
    let id = RfqId::new("ALICE.R1").unwrap();
    r.handle(T0 + 60_000, Input::Tick);
    assert!(r.remembers(&id));
    const MINUTES_15: i64 = 900_000;
    r.handle(T0 + 60_000 + MINUTES_15 - 1, Input::Tick);
    assert!(r.remembers(&id));
    r.handle(T0 + 60_000 + MINUTES_15, Input::Tick);
    assert!(!r.remembers(&id));
    // What was traded is remembered for a day.
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    answer(&mut r, "N", report("ALICE.x1", ExecType::Trade, OrdStatus::Filled, "99.5"), 400);
    const DAY: i64 = 86_400_000;
    r.handle(T0 + 400 + DAY - 1, Input::Tick);
    assert!(r.remembers(&id));
    r.handle(T0 + 400 + DAY, Input::Tick);
    assert!(!r.remembers(&id));
}

/// What is withdrawn for a desk that is cut off: everything open, but no accept that is with a
/// dealer.
#[test]
fn an_rfq_with_an_accept_in_flight_is_not_withdrawn() {
    let mut r = quoted();
    send(&mut r, "ALICE", AppMessage::QuoteRequest(request("R2", &["N"])), 150);
    send(&mut r, "BOB", AppMessage::QuoteRequest(request("R3", &["N"])), 150);
    let of = |r: &Router, d: &str| {
        r.withdrawable(&desk(d)).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        (of(&r, "ALICE"), of(&r, "BOB")),
        (vec!["R1".into(), "R2".into()], vec!["R3".to_owned()])
    );
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    assert_eq!(of(&r, "ALICE"), ["R2"]);
    send(
        &mut r,
        "ALICE",
        AppMessage::RfqCancel { rfq: RfqId::new("R2").unwrap(), text: None },
        250,
    );
    assert!(of(&r, "ALICE").is_empty());
}

proptest! {
    /// Whatever desks and dealers say in whatever order: no panic, and no dealer gets an accept
    /// twice nor anything about an RFQ that it was not asked.
    #[test]
    fn any_conversation_keeps_the_walls_up(steps in prop::collection::vec((0u8..9, 0u8..3, 0u8..4, 0i64..5_000), 0..80)) {
        let mut r = router();
        let mut at = 0;
        let mut accepts = std::collections::HashSet::new();
        let mut asked: HashMap<String, Vec<DealerId>> = HashMap::new();
        for (what, who, n, dt) in steps {
            at += dt;
            let d = ["N", "E", "S"][who as usize];
            let trader = ["ALICE", "BOB", "CAROL"][who as usize];
            let rfq = format!("{trader}.R{n}");
            let out = match what {
                0 | 1 => {
                    let q = request(&format!("R{n}"), if n % 2 == 0 { &["N", "E"] } else { &["N"] });
                    let q = QuoteRequest { at: T0 + at, expires: T0 + at + 60_000, ..q };
                    send(&mut r, trader, AppMessage::QuoteRequest(q), at)
                }
                2 | 3 => answer(&mut r, d, quote(&format!("ALICE.R{n}"), &format!("q{n}"), "99.5", at + 3_000), at),
                4 => send(&mut r, "ALICE", hit(&format!("x{n}"), d, &format!("q{n}"), "99.5"), at),
                5 => answer(&mut r, d, report(&format!("ALICE.x{n}"), ExecType::Trade, OrdStatus::Filled, "99.5"), at),
                6 => answer(&mut r, d, report(&format!("ALICE.x{n}"), ExecType::Rejected, OrdStatus::Rejected, "0"), at),
                7 if n == 0 => r.handle(T0 + at, Input::DealerDown(dealer(d))),
                7 => r.handle(T0 + at, Input::DealerUp(dealer(d))),
                _ => r.handle(T0 + at, Input::Tick),
            };
            for o in out {
                match o {
                    Output::ToDealer(d, AppMessage::QuoteRequest(q)) => asked.entry(q.id.to_string()).or_default().push(d),
                    Output::ToDealer(d, AppMessage::QuoteResponse(x)) if x.response == Response::HitOrLift => {
                        prop_assert!(accepts.insert(x.id.clone()), "{} twice", x.id);
                        prop_assert!(asked.values().any(|v| v.contains(&d)));
                    }
                    _ => {}
                }
            }
            let _ = &rfq;
        }
    }
}

proptest! {
    /// Segmentation: whatever desks and dealers say in whatever order, also each in another's name,
    /// a dealer hears of no RFQ that does not name it, and a desk hears nothing but answers to its
    /// own.
    #[test]
    fn nobody_hears_of_what_is_not_theirs(
        steps in prop::collection::vec((0u8..12, 0usize..3, 0usize..3, 0u8..4, 0usize..8, 0i64..4_000), 0..100)
    ) {
        let (desks, dealers) = (["ALICE", "BOB", "CAROL"], ["N", "E", "S"]);
        let mut r = router();
        let mut at = 0;
        // RFQs as dealers name them, `desk.id`, each with the dealers that it was sent to when it
        // was asked.
        let mut named: HashMap<String, BTreeSet<DealerId>> = HashMap::new();
        let mut quoted: BTreeSet<(DealerId, QuoteId)> = BTreeSet::new();
        for (what, who, other, n, mask, dt) in steps {
            at += dt;
            let (trader, d, victim) = (desks[who], dealers[other], desks[other]);
            let whom: Vec<&str> = dealers.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, d)| *d).collect();
            let out = match what {
                0..=2 => {
                    let q = request(&format!("R{n}"), &whom);
                    let q = QuoteRequest { at: T0 + at, expires: T0 + at + 60_000, ..q };
                    send(&mut r, trader, AppMessage::QuoteRequest(q), at)
                }
                3 | 4 => {
                    let rfq = format!("{victim}.R{n}");
                    if named.get(&rfq).is_some_and(|v| v.contains(&dealer(d))) {
                        quoted.insert((dealer(d), QuoteId::new(format!("q{n}")).unwrap()));
                    }
                    answer(&mut r, d, quote(&rfq, &format!("q{n}"), "99.5", at + 9_000), at)
                }
                5 | 6 => send(&mut r, trader, hit(&format!("x{n}"), d, &format!("q{n}"), "99.5"), at),
                7 => answer(&mut r, d, report(&format!("{victim}.x{n}"), ExecType::Trade, OrdStatus::Filled, "99.5"), at),
                // In another's name.
                8 => send(&mut r, trader, AppMessage::RfqCancel { rfq: RfqId::new(format!("{victim}.R{n}")).unwrap(), text: None }, at),
                9 => send(&mut r, trader, AppMessage::RfqCancel { rfq: RfqId::new(format!("R{n}")).unwrap(), text: None }, at),
                10 if n == 0 => r.handle(T0 + at, Input::DealerDown(dealer(d))),
                10 if n == 1 => r.handle(T0 + at, Input::DeskUp(desk(trader))),
                10 => r.handle(T0 + at, Input::DealerUp(dealer(d))),
                _ => r.handle(T0 + at, Input::Tick),
            };
            for o in out {
                match o {
                    Output::ToDealer(to, AppMessage::QuoteRequest(q)) => {
                        prop_assert!(what <= 2 && whom.contains(&to.as_str()) && q.id.as_str() == format!("{trader}.R{n}"), "{} hears {:?}", to, q);
                        prop_assert!(q.dealers.is_empty(), "one dealer is told whom else was \
                            asked");
                        named.entry(q.id.to_string()).or_default().insert(to);
                    }
                    Output::ToDealer(to, m) => {
                        let mut theirs = named.iter().filter(|(_, v)| v.contains(&to)).map(|(k, _)| k.as_str());
                        let good = match &m {
                            AppMessage::RfqCancel { rfq, .. } => theirs.any(|k| k == rfq.as_str()),
                            // Names no RFQ, only a quote: one of its own.
                            AppMessage::QuoteResponse(x) if x.response == Response::Pass => quoted.contains(&(to.clone(), x.quote.clone())),
                            AppMessage::QuoteResponse(x) => {
                                let of = x.id.as_str().split_once('.').map(|(desk, _)| format!("{desk}."));
                                of.is_some_and(|of| theirs.any(|k| k.starts_with(&of))) && x.dealer.iter().all(|d| *d == to)
                            }
                            _ => theirs.next().is_some(),
                        };
                        prop_assert!(good, "{} hears {:?}", to, m);
                    }
                    // It names what the desk itself said.
                    Output::ToDesk(to, AppMessage::BusinessReject(_)) => prop_assert_eq!(to.as_str(), trader),
                    Output::ToDesk(to, m) => {
                        let text = format!("{m:?}");
                        for stranger in desks.iter().filter(|d| **d != to.as_str()) {
                            prop_assert!(!text.contains(&format!("{stranger}.")), "{} hears {}", to, text);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_registered_desk_without_settings_has_a_place_only_by_default() {
    let stranger = || CompId::new("STRANGER").unwrap();
    let none = || Catalogue::new([]).unwrap();
    let router = || Router::new("Venue".into(), false, none(), [], [], counted());
    assert_eq!(router().handle(UtcMillis(1), Input::DeskUp(stranger())), []);
    let mut by_default = router().with_desk_default(Some(BTreeSet::new()));
    assert!(!by_default.handle(UtcMillis(1), Input::DeskUp(stranger())).is_empty());
}

#[path = "index_tests.rs"]
mod index;
#[path = "life_tests.rs"]
mod life;

#[path = "package_tests.rs"]
mod packages;

#[path = "least_tests.rs"]
mod least_tests;
#[path = "parts_tests.rs"]
mod parts_tests;
#[path = "type_tests.rs"]
mod type_tests;
