use super::*;
use rust_decimal::Decimal;
use signet_fix::message::{
    ExecType, ExecutionReport, OrdStatus, QuoteMsg, QuoteRequest, QuoteRequestReject, QuoteResponse,
};
use signet_rfq::{Accept, Ask, InstrumentId, Level, Qualifiers, QuoteId, Side, UtcMillis};

pub(crate) fn request(id: &str, at: i64, dealers: &[&str]) -> AppMessage {
    AppMessage::QuoteRequest(asked(id, at, dealers))
}

fn asked(id: &str, at: i64, dealers: &[&str]) -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: RfqId::new(id).unwrap(),
        instrument: InstrumentId::new("EURUSD").unwrap(),
        isin: false,
        ask: Ask::Buy,
        quantity: Decimal::TEN,
        currency: "EUR".into(),
        settlement_date: "20261201".into(),
        dealers: dealers.iter().map(|d| DealerId::new(*d).unwrap()).collect(),
        expires: UtcMillis(at + 60_000),
        at: UtcMillis(at),
    }
}

pub(crate) fn quote(rfq: &str, dealer: &str) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: RfqId::new(rfq).unwrap(),
        id: QuoteId::new("q").unwrap(),
        instrument: InstrumentId::new("EURUSD").unwrap(),
        dealer: Some(DealerId::new(dealer).unwrap()),
        bid: None,
        offer: Some(Level { price: Decimal::ONE, size: Decimal::TEN }),
        valid_until: UtcMillis(99_000),
        tradeable: true,
        at: UtcMillis(0),
        qualifiers: Qualifiers::default(),
    })
}

pub(crate) fn pass(rfq: &str, dealer: &str) -> AppMessage {
    AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: RfqId::new(rfq).unwrap(),
        reason: 10,
        instrument: InstrumentId::new("EURUSD").unwrap(),
        dealer: Some(DealerId::new(dealer).unwrap()),
        text: None,
        advice: None,
    })
}

pub(crate) fn accept(rfq: &str, dealer: &str, at: i64) -> AppMessage {
    let a = Accept {
        part_of: None,
        legs: vec![],
        id: AcceptId::new(format!("{rfq}:1")).unwrap(),
        rfq: RfqId::new(rfq).unwrap(),
        dealer: DealerId::new(dealer).unwrap(),
        quote: QuoteId::new("q").unwrap(),
        instrument: InstrumentId::new("EURUSD").unwrap(),
        side: Side::Buy,
        price: Decimal::ONE,
        quantity: Decimal::TEN,
        limit: None,
    };
    let terms = asked(rfq, 0, &[dealer]).terms();
    AppMessage::QuoteResponse(QuoteResponse::hit(&a, &terms, false, UtcMillis(at)))
}

pub(crate) fn report(
    rfq: &str,
    dealer: Option<&str>,
    kind: ExecType,
    status: OrdStatus,
) -> ExecutionReport {
    let done = matches!(kind, ExecType::Trade);
    ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "o".into(),
        exec_id: "e".into(),
        exec_ref: None,
        accept: AcceptId::new(format!("{rfq}:1")).unwrap(),
        exec_type: kind,
        status,
        instrument: InstrumentId::new("EURUSD").unwrap(),
        dealer: dealer.map(|d| DealerId::new(d).unwrap()),
        side: Side::Buy,
        last: None,
        cum_qty: if done { Decimal::TEN } else { Decimal::ZERO },
        leaves_qty: Decimal::ZERO,
        avg_px: Decimal::ONE,
        settlement_date: None,
        currency: None,
        price: None,
        disputed: false,
        reject_reason: None,
        text: None,
        at: UtcMillis(0),
    }
}

fn of(t: &mut Tally, dealer: &str) -> DealerRecord {
    t.records().get(dealer).copied().unwrap_or_default()
}

#[test]
fn a_dealer_is_judged_by_its_first_answer_and_by_its_last_look() {
    let mut t = Tally::default();
    t.sent(&request("R1", 1_000, &["A", "B", "C"]));
    t.heard(&quote("R1", "A"), 1_300, Told::Live);
    t.heard(&quote("R1", "A"), 5_000, Told::Live);
    t.heard(&pass("R1", "B"), 1_900, Told::Live);
    // It was not asked, so it is not judged.
    t.heard(&quote("R1", "X"), 1_100, Told::Live);
    t.heard(&quote("R9", "A"), 1_100, Told::Live);
    t.sent(&accept("R1", "A", 6_000));
    let say = |t: &mut Tally, r: ExecutionReport, at| {
        t.heard(&AppMessage::ExecutionReport(r), at, Told::Live);
    };
    say(&mut t, report("R1", Some("A"), ExecType::New, OrdStatus::New), 6_050);
    // Neither the gateway nor another dealer refuses for it.
    say(&mut t, report("R1", None, ExecType::Rejected, OrdStatus::Rejected), 6_060);
    say(&mut t, report("R1", Some("B"), ExecType::Rejected, OrdStatus::Rejected), 6_070);
    let disputed = ExecutionReport {
        disputed: true,
        ..report("R1", Some("A"), ExecType::Trade, OrdStatus::Filled)
    };
    say(&mut t, disputed, 6_080);
    assert_eq!((of(&mut t, "A").hits, of(&mut t, "A").rejects), (0, 0));
    say(&mut t, report("R1", Some("A"), ExecType::Trade, OrdStatus::Filled), 6_200);
    // Told again later, and refused after the fact.
    say(&mut t, report("R1", Some("A"), ExecType::Rejected, OrdStatus::Rejected), 9_000);
    let a = of(&mut t, "A");
    assert_eq!((a.asked, a.answered, a.hits, a.rejects), (1, 1, 1, 0));
    assert_eq!((a.median_response_ms, a.median_hold_ms), (Some(300), Some(200)));
    let b = of(&mut t, "B");
    assert_eq!((b.asked, b.answered, b.median_response_ms), (1, 0, Some(900)));
    assert_eq!(of(&mut t, "C"), DealerRecord { asked: 1, ..DealerRecord::default() });
    assert_eq!(of(&mut t, "X"), DealerRecord::default());
}

#[test]
fn what_a_snapshot_repeats_has_no_time() {
    let mut t = Tally::default();
    t.sent(&request("R1", 1_000, &["A", "B"]));
    t.heard(&quote("R1", "A"), 90_000, Told::Again);
    t.heard(&quote("R1", "A"), 91_000, Told::Live);
    t.sent(&accept("R1", "A", 92_000));
    let filled = report("R1", Some("A"), ExecType::Trade, OrdStatus::Filled);
    t.heard(&AppMessage::ExecutionReport(filled), 99_000, Told::Again);
    let a = of(&mut t, "A");
    assert_eq!((a.answered, a.hits, a.median_response_ms, a.median_hold_ms), (1, 1, None, None));
}

#[test]
fn the_oldest_rfqs_are_dropped_and_earlier_runs_come_first() {
    let mut earlier = Tally::default();
    for n in 0..RFQS_MAX + 5 {
        earlier.sent(&request(&format!("E{n}"), 0, &["A"]));
    }
    assert_eq!(of(&mut earlier, "A").asked as usize, RFQS_MAX);
    let mut t = Tally::default();
    for n in 0..10 {
        t.sent(&request(&format!("R{n}"), 0, &["B"]));
    }
    // One that both tell of is counted once.
    t.sent(&request("E2000", 0, &["B"]));
    t.begins_with(earlier);
    assert_eq!((of(&mut t, "A").asked as usize, of(&mut t, "B").asked), (RFQS_MAX - 11, 11));
    assert!(t.rfqs.len() == RFQS_MAX && t.order.len() == RFQS_MAX);
    assert!(!t.rfqs.contains_key(&RfqId::new("E0").unwrap()));
}

/// The newest days are told first where it takes long to read the others.
#[test]
fn all_days_may_come_after_the_newest_ones() {
    let days = |ids: &[&str]| {
        let mut t = Tally::default();
        ids.iter().for_each(|id| t.sent(&request(id, 0, &["A"])));
        t
    };
    let mut t = days(&["now"]);
    t.begins_with(days(&["late"]));
    // What came since then stays.
    t.heard(&quote("late", "A"), 300, Told::Live);
    t.begins_with(days(&["early", "late"]));
    assert_eq!(t.order, ["early", "late", "now"].map(|id| RfqId::new(id).unwrap()));
    let a = of(&mut t, "A");
    assert_eq!((a.asked, a.answered, a.median_response_ms), (3, 1, Some(300)));
}

#[test]
fn the_revision_follows_every_change_of_a_record() {
    let mut tally = Tally::default();
    tally.sent(&request("a", 0, &["LPA", "LPB"]));
    let steps = [
        (quote("a", "LPA"), true),
        // A second quote of the same dealer says nothing of how it answers.
        (quote("a", "LPA"), false),
        (pass("a", "LPB"), true),
        (quote("of another desk", "LPA"), false),
    ];
    for (n, (m, changes)) in steps.into_iter().enumerate() {
        let (before, records) = (tally.revision(), tally.records().clone());
        tally.heard(&m, 500, Told::Live);
        assert_eq!(tally.revision() != before, changes, "step {n}");
        assert_eq!(*tally.records() != records, changes, "step {n}");
    }
    let before = tally.revision();
    tally.begins_with(Tally::default());
    assert_ne!(tally.revision(), before);
}
