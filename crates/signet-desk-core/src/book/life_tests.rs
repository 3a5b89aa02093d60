//! The life of RFQs and accepts at the desk: links that go and come, restarts, and reports that do
//! not fit.

use super::*;
use crate::{
    in_flight::InFlight,
    view::{ArmIntent, BlotterQuery, BlotterTab, Side},
};
use rust_decimal::Decimal;
use signet_fix::message::{
    AppMessage, BusinessReject, ExecType, ExecutionReport, OrdStatus, QuoteCancel, QuoteMsg,
    QuoteRequest, QuoteResponse, QuoteStatusReport, Response, RfqStatus, SecurityList,
    SnapshotMark,
};
use signet_journal::StoreKey;
use signet_rfq::{
    self as rfq, AcceptId, AcceptState as Accepting, AssetClass, DealerId, Declined, Instrument,
    InstrumentId, Level, LineState as Line, QuoteId,
};
use std::collections::BTreeSet;

pub(super) const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

pub(super) fn north() -> DealerId {
    DealerId::new("NORTH").unwrap()
}

pub(super) fn pair() -> InstrumentId {
    InstrumentId::new("EUR/USD").unwrap()
}

pub(super) fn id(s: &str) -> RfqId {
    RfqId::new(s).unwrap()
}

pub(super) fn request(rfq: &str) -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: id(rfq),
        instrument: pair(),
        isin: false,
        ask: rfq::Ask::Buy,
        quantity: 1_000.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![north()],
        expires: NOW + 60_000,
        at: NOW,
    }
}

pub(super) fn quote(rfq: &str, quote: &str, price: &str) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: id(rfq),
        id: QuoteId::new(quote).unwrap(),
        instrument: pair(),
        dealer: Some(north()),
        bid: None,
        offer: Some(Level { price: price.parse().unwrap(), size: 1_000.into() }),
        valid_until: NOW + 30_000,
        tradeable: true,
        at: NOW,
        qualifiers: Default::default(),
    })
}

pub(super) fn snapshot(book: &mut Book, rfqs: &[(&str, &[AppMessage])]) -> Vec<AppMessage> {
    book.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    for (rfq, about) in rfqs {
        book.message(AppMessage::Snapshot(SnapshotMark::Rfq(request(rfq))), NOW);
        about.iter().for_each(|m| drop(book.message(m.clone(), NOW)));
    }
    book.message(AppMessage::Snapshot(SnapshotMark::End), NOW)
}

/// Online, with R1 open and NORTH quoting q1 at 1.08.
pub(super) fn book() -> Book {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    snapshot(&mut b, &[("R1", &[quote("R1", "q1", "1.08")])]);
    assert!(b.online());
    b
}

/// The pair that R1 is about, in ones.
pub(super) fn euro_dollar() -> Instrument {
    Instrument {
        price_types: vec![rfq::PriceType::Price],
        id: pair(),
        symbol: "EUR/USD".into(),
        name: "Euro dollar".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().unwrap(),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    }
}

/// The venue's list has this instrument and no other.
pub(super) fn listed(b: &mut Book, instrument: Instrument) {
    let list = SecurityList { request: id("list"), last: true, instruments: vec![instrument] };
    b.message(AppMessage::SecurityList(list), NOW);
}

/// The accept of R1.
pub(super) fn accept(b: &Book) -> rfq::Accept {
    b.rfq(&id("R1")).unwrap().accept.as_ref().unwrap().0.clone()
}

pub(super) fn press(b: &mut Book) -> (String, AppMessage) {
    let armed = arm(b);
    let m = b.accept("R1", &armed, NOW).unwrap();
    (armed, m)
}

pub(super) fn arm(b: &mut Book) -> String {
    let intent = ArmIntent {
        rfq_id: "R1".into(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: Side::Buy,
        price: "1.08".into(),
    };
    b.arm(&intent, NOW).unwrap().id
}

pub(super) fn report(
    accept: &str,
    kind: ExecType,
    status: OrdStatus,
    exec: &str,
    price: &str,
    cum: i64,
) -> ExecutionReport {
    let price: Decimal = price.parse().unwrap();
    ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O".into(),
        exec_id: exec.into(),
        exec_ref: None,
        accept: AcceptId::new(accept).unwrap(),
        exec_type: kind,
        status,
        instrument: pair(),
        dealer: Some(north()),
        side: rfq::Side::Buy,
        last: (cum > 0).then(|| Level { price, size: cum.into() }),
        cum_qty: cum.into(),
        leaves_qty: 0.into(),
        avg_px: price,
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: NOW,
    }
}

pub(super) fn say(b: &mut Book, e: ExecutionReport) {
    b.message(AppMessage::ExecutionReport(e), NOW);
}

fn trades(b: &Book) -> Vec<(String, String, Option<String>)> {
    let page =
        b.blotter(&BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 100 });
    let mut rows: Vec<_> = page.rows.into_iter().map(|r| (r.status, r.quantity, r.price)).collect();
    rows.sort();
    rows
}

pub(super) fn state(b: &Book) -> Accepting {
    b.rfq(&id("R1")).unwrap().accept.clone().unwrap().1
}

/// What a gateway says that uses step-up, of a trader with one key.
pub(super) fn with_keys() -> AppMessage {
    AppMessage::AccessState(signet_fix::message::AccessState {
        lease_until: None,
        idle_s: 0,
        on_wake: false,
        on_unlock: false,
        step_up: true,
        keys: 1,
        approver: false,
        text: None,
    })
}

pub(super) fn notices(b: &Book) -> Vec<&str> {
    b.notices.codes()
}

#[test]
fn after_a_reconnect_an_unchanged_quote_can_be_traded_again() {
    let mut b = book();
    let can = |b: &mut Book| b.pull(0, &[], NOW).lines.iter().any(|l| l.can_lift);
    assert!(can(&mut b));
    b.link_lost();
    assert_eq!(b.rfq(&id("R1")).unwrap().lines[0].state, Line::Unreachable);
    snapshot(&mut b, &[("R1", &[quote("R1", "q1", "1.08")])]);
    assert!(can(&mut b), "the same quote");
    assert_eq!(b.rfq(&id("R1")).unwrap().lines[0].revision, 1);
    press(&mut b);
    // What the gateway does not say again cannot be traded.
    let mut b = book();
    b.link_lost();
    snapshot(&mut b, &[("R1", &[])]);
    assert!(!can(&mut b));
    // The dealer's own link.
    let mut b = book();
    let gone = |unreachable| {
        let c = QuoteCancel {
            rfq: Some(id("R1")),
            quote: Some(QuoteId::new("q1").unwrap()),
            instrument: Some(pair()),
            dealer: Some(north()),
            unreachable,
        };
        AppMessage::QuoteCancel(c)
    };
    b.message(gone(true), NOW);
    assert!(!can(&mut b) && b.rfq(&id("R1")).unwrap().lines[0].state == Line::Unreachable);
    b.message(quote("R1", "q1", "1.08"), NOW);
    assert!(can(&mut b));
    b.message(gone(false), NOW);
    b.message(quote("R1", "q1", "1.08"), NOW);
    assert!(!can(&mut b), "what was withdrawn stays so");
}

#[test]
fn accepts_in_flight_survive_a_restart_in_their_own_terms() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("accepts"), StoreKey::new([1; 32]));
    let open = || InFlight::open(&path, &key).unwrap();
    let mut b = book();
    b.resume(open());
    let (accept, m) = press(&mut b);
    let AppMessage::QuoteResponse(sent) = &m else { panic!() };
    let named = (sent.rfq.clone(), sent.currency.as_deref(), sent.settlement_date.as_deref());
    assert_eq!(named, (Some(id("R1")), Some("EUR"), Some("20261124")));
    drop(b);
    // The dealer re-quotes meanwhile; the laptop comes back.
    let mut b = Book::new(Ids::new(NOW + 1, 2), NOW);
    b.resume(open());
    let asked = snapshot(&mut b, &[("R1", &[quote("R1", "q2", "1.09")])]);
    assert!(
        matches!(&asked[..], [AppMessage::OrderStatusRequest(h)] if h.accept.as_str() == accept),
        "{asked:?}"
    );
    assert_eq!(state(&b), Accepting::Unknown);
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 1_000));
    assert!(matches!(state(&b), Accepting::Filled(e) if e.price == "1.08".parse().unwrap()));
    assert_eq!(trades(&b), [("Filled".into(), "1,000".into(), Some("1.08".into()))]);
    drop(b);
    assert_eq!(open().all().count(), 0, "what has its answer is asked about no more");
}

#[test]
fn a_desk_that_lost_its_file_takes_the_terms_from_the_gateway_and_invents_none() {
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    let accept = QuoteResponse {
        text: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: AcceptId::new("R1:7").unwrap(),
        response: Response::HitOrLift,
        rfq: Some(id("R1")),
        quote: QuoteId::new("q1").unwrap(),
        instrument: pair(),
        isin: false,
        dealer: Some(north()),
        side: rfq::Side::Buy,
        quantity: 1_000.into(),
        price: "1.08".parse().unwrap(),
        currency: None,
        settlement_date: None,
        deadline: None,
        at: NOW,
        limit: None,
    };
    // Outside a snapshot the gateway may not say what this desk accepted.
    b.message(AppMessage::QuoteResponse(accept.clone()), NOW);
    let about = [quote("R1", "q2", "1.09"), AppMessage::QuoteResponse(accept.clone())];
    let asked = snapshot(&mut b, &[("R1", &about)]);
    assert_eq!(asked.len(), 1);
    let held = b.rfq(&id("R1")).unwrap().accept.clone().unwrap();
    assert_eq!(
        (held.0.price, held.0.quote.as_str(), held.1),
        ("1.08".parse().unwrap(), "q1", Accepting::Unknown)
    );
    b.message(
        AppMessage::QuoteResponse(QuoteResponse { id: AcceptId::new("R1:8").unwrap(), ..accept }),
        NOW,
    );
    assert_eq!(b.rfq(&id("R1")).unwrap().past.len(), 0);
    say(&mut b, report("R1:7", ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 1_000));
    assert!(matches!(state(&b), Accepting::Filled(_)));
}

#[test]
fn every_report_changes_the_blotter_or_is_told() {
    let bust = |accept: &str| {
        let e = report(accept, ExecType::TradeCancel, OrdStatus::Cancelled, "h1", "1.08", 0);
        ExecutionReport { exec_ref: Some("e1".into()), ..e }
    };
    let correct = |accept: &str| {
        let e = report(accept, ExecType::TradeCorrect, OrdStatus::Filled, "g1", "1.07", 900);
        ExecutionReport { exec_ref: Some("e1".into()), ..e }
    };
    let fill =
        |accept: &str| report(accept, ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 1_000);
    // Filled, then busted or corrected: the row is the trade's, and says so.
    for (change, row) in [
        (
            bust("R1"),
            ("Cancelled by the dealer".to_owned(), "1,000".to_owned(), Some("1.08".to_owned())),
        ),
        (correct("R1"), ("Corrected".into(), "900".into(), Some("1.07".into()))),
    ] {
        let mut b = book();
        let (accept, _) = press(&mut b);
        say(&mut b, fill(&accept));
        say(&mut b, ExecutionReport { accept: AcceptId::new(accept.clone()).unwrap(), ..change });
        assert_eq!(trades(&b), [row]);
        assert!(notices(&b).iter().any(|c| matches!(*c, "trade.busted" | "trade.corrected")));
        assert!(b.pull(0, &[], NOW).rfqs.iter().all(|r| !r.text.is_empty()));
        say(&mut b, fill(&accept));
        assert_eq!(trades(&b).len(), 1, "the fill resent is nothing new");
    }
    // A part is called a part.
    let mut b = book();
    let (accept, _) = press(&mut b);
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::PartiallyFilled, "e1", "1.08", 400));
    assert_eq!(trades(&b), [("Partly filled".into(), "400".into(), Some("1.08".into()))]);
    // What does not fit has a row of its own, and the trade keeps its.
    for bad in [
        report("R1", ExecType::Trade, OrdStatus::Filled, "e9", "1.09", 1_000),
        report("R1", ExecType::Trade, OrdStatus::Filled, "e9", "1.08", 2_000),
        ExecutionReport {
            settlement_date: Some("20300101".into()),
            ..report("R1", ExecType::Trade, OrdStatus::Filled, "e9", "1.08", 1_000)
        },
    ] {
        let mut b = book();
        let (accept, _) = press(&mut b);
        say(
            &mut b,
            ExecutionReport { accept: AcceptId::new(accept.clone()).unwrap(), ..bad.clone() },
        );
        assert_eq!(state(&b), Accepting::Disputed);
        assert_eq!(trades(&b).iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["Disputed"]);
        assert!(notices(&b).contains(&"execution.mismatch"));
        let mut b = book();
        let (accept, _) = press(&mut b);
        say(&mut b, fill(&accept));
        say(&mut b, ExecutionReport { accept: AcceptId::new(accept).unwrap(), ..bad });
        assert_eq!(
            trades(&b).iter().map(|t| t.0.as_str()).collect::<Vec<_>>(),
            ["Disputed", "Filled"]
        );
    }
    // A fill after a refusal.
    let mut b = book();
    let (accept, _) = press(&mut b);
    say(&mut b, report(&accept, ExecType::Rejected, OrdStatus::Rejected, "r", "0", 0));
    say(&mut b, fill(&accept));
    assert!(matches!(state(&b), Accepting::Declined(_)));
    assert_eq!(trades(&b).iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["Disputed"]);
    assert!(!b.pull(0, &[], NOW).lines.iter().any(|l| l.can_lift), "people first");
    // Every other word of a dealer is told.
    for kind in ExecType::ALL {
        let mut b = book();
        let (accept, _) = press(&mut b);
        let before = (notices(&b).len(), state(&b));
        say(&mut b, report(&accept, *kind, OrdStatus::Calculated, "n", "0", 0));
        assert!(notices(&b).len() > before.0 || state(&b) != before.1, "{kind:?}");
    }
}

/// The gateway says which end is too little; here the least quantity is what it says.
#[test]
fn the_end_of_a_rest_is_told_and_one_below_the_least_quantity_is_a_dispute() {
    let least = "400 was executed and the rest ended, and at least 500 was asked for";
    for (kind, cum, why) in [
        (ExecType::Cancelled, 400, None),
        (ExecType::Cancelled, 0, None),
        (ExecType::Expired, 400, Some(least)),
    ] {
        let mut b = book();
        let (accept, _) = press(&mut b);
        let part = report(&accept, ExecType::Trade, OrdStatus::PartiallyFilled, "e1", "1.08", 400);
        say(&mut b, ExecutionReport { leaves_qty: 600.into(), ..part });
        let before = notices(&b).len();
        let end = ExecutionReport {
            last: None,
            disputed: why.is_some(),
            text: why.map(Into::into),
            ..report(&accept, kind, OrdStatus::Cancelled, "c1", "1.08", cum)
        };
        say(&mut b, end.clone());
        let code = if why.is_some() { "execution.mismatch" } else { "report.noted" };
        assert_eq!(notices(&b)[before..], [code], "{kind:?} {cum}");
        assert!(matches!(state(&b), Accepting::PartlyFilled(_)), "{kind:?} {cum}: it stands");
        let rows: Vec<String> = trades(&b).into_iter().map(|t| t.0).collect();
        let disputed = why.map(|_| "Disputed");
        let wanted: Vec<&str> = disputed.into_iter().chain(["Partly filled"]).collect();
        assert_eq!(rows, wanted, "{kind:?} {cum}");
        if let Some(why) = why {
            let problem = b.pull(0, &[], NOW).rfqs[0].problem.clone().unwrap();
            assert!(problem.message.contains(why), "{}", problem.message);
        }
        say(&mut b, end);
        assert_eq!(notices(&b).len(), before + 1, "{kind:?} {cum}: told again");
    }
}

#[test]
fn a_trade_of_an_earlier_run_is_busted_corrected_and_disputed_in_the_blotter_too() {
    let fill = |cum, price: &str, exec: &str| {
        report("OLD:1", ExecType::Trade, OrdStatus::Filled, exec, price, cum)
    };
    let statuses = |b: &Book| trades(b).into_iter().map(|t| t.0).collect::<Vec<_>>();
    let mut b = book();
    say(&mut b, fill(1_000, "1.08", "e1"));
    say(&mut b, fill(1_000, "1.08", "e1"));
    assert_eq!(
        (statuses(&b), notices(&b)),
        (vec!["Filled".to_owned()], vec!["trade.filled_while_away"])
    );
    say(&mut b, fill(1_000, "1.10", "e2"));
    say(&mut b, fill(1_000, "1.10", "e2"));
    assert_eq!(statuses(&b), ["Disputed", "Filled"]);
    say(&mut b, report("OLD:1", ExecType::TradeCancel, OrdStatus::Cancelled, "h1", "0", 0));
    assert_eq!(statuses(&b), ["Cancelled by the dealer", "Disputed"]);
    say(&mut b, fill(1_000, "1.08", "e1"));
    assert_eq!(statuses(&b), ["Cancelled by the dealer", "Disputed"], "a bust stays");
    let mut b = book();
    let part = ExecutionReport { status: OrdStatus::PartiallyFilled, ..fill(400, "1.08", "e1") };
    say(&mut b, part);
    assert_eq!(statuses(&b), ["Partly filled"]);
}

#[test]
fn an_rfq_that_waits_for_a_touch_ends_when_the_gateway_says() {
    let mut b = book();
    let told = |status, until| {
        let report = QuoteStatusReport::of_rfq(id("R1"), pair(), status, None);
        AppMessage::QuoteStatusReport(QuoteStatusReport { until: Some(until), ..report })
    };
    b.message(told(RfqStatus::Pending, NOW + 120_000), NOW);
    b.tick(NOW + 60_000);
    assert_eq!(
        b.rfq(&id("R1")).unwrap().state,
        rfq::RfqState::Open,
        "its own clock does not count"
    );
    b.message(told(RfqStatus::Open, NOW + 90_000), NOW + 60_000);
    assert_eq!(b.pull(0, &[], NOW).rfqs[0].expires_ms, (NOW + 90_000).0 as f64);
    b.tick(NOW + 90_000);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, rfq::RfqState::Expired);
}

#[test]
fn a_reject_by_number_ends_the_accept_it_names() {
    let mut b = book();
    let (accept, m) = press(&mut b);
    b.sent_as(9, &m);
    b.session_reject(8, "AJ: tag 131", NOW);
    assert_eq!(state(&b), Accepting::Sent);
    // A gateway that could not do it may have it already: it is asked.
    let j = |ref_id: Option<&str>, seq| {
        let ref_id = ref_id.map(Into::into);
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: seq,
            ref_msg_type: "AJ".into(),
            ref_id,
            reason: 4,
            text: None,
        })
    };
    for m in [j(Some(&accept), None), j(None, Some(9))] {
        let asked = b.message(m, NOW);
        let [AppMessage::OrderStatusRequest(h)] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!(h.accept.as_str(), accept);
        assert_eq!(state(&b), Accepting::Sent);
    }
    assert!(b.message(j(None, Some(8)), NOW).is_empty());
    b.session_reject(9, "AJ: tag 131", NOW);
    assert!(matches!(state(&b), Accepting::Declined(Declined::ByGateway(_))));
}

#[test]
fn an_accept_id_is_used_once_over_restarts() {
    let mut first = Ids::new(NOW, 1);
    let rfq = id(&first.rfq());
    let of_first = first.accept(&rfq);
    let mut second = Ids::new(NOW + 1, 2);
    let mut all = vec![of_first];
    all.extend((0..5).map(|_| second.accept(&rfq)));
    for a in &all {
        assert_eq!(rfq_of_accept(&AcceptId::new(a.clone()).unwrap()), Some(rfq.clone()), "{a}");
    }
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len(), "{all:?}");
}
