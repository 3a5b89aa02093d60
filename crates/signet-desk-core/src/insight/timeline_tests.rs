use super::*;
use rust_decimal::Decimal;
use signet_fix::{
    BEGIN_STRING,
    message::{
        ExecType, ExecutionReport, OrdStatus, QuoteCancel, QuoteMsg, QuoteRequest, QuoteResponse,
    },
};
use signet_history::{Chain, Moment};
use signet_rfq::{
    Accept, AcceptId, Ask, InstrumentId, Level, PriceType, Qualifiers, QuoteId, Side, UtcMillis,
};

const T0: i64 = 1_795_219_200_000;

fn rfq() -> RfqId {
    RfqId::new("R1").unwrap()
}

fn dealer(id: &str) -> DealerId {
    DealerId::new(id).unwrap()
}

fn instrument() -> InstrumentId {
    InstrumentId::new("EUR/USD").unwrap()
}

fn frame(m: &AppMessage) -> String {
    BASE64.encode(m.encode().finish(BEGIN_STRING).unwrap())
}

pub(in crate::insight) fn sent(m: &AppMessage) -> What {
    What::Sent { msg: m.msg_type().into(), frame: frame(m) }
}

pub(in crate::insight) fn received(m: &AppMessage) -> What {
    What::Received { msg: m.msg_type().into(), signed: false, frame: frame(m) }
}

fn request() -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: PriceType::Price,
        legs: vec![],
        id: rfq(),
        instrument: instrument(),
        isin: false,
        ask: Ask::Buy,
        quantity: Decimal::TEN,
        currency: "EUR".into(),
        settlement_date: "20261201".into(),
        dealers: ["A", "B", "C"].map(dealer).into(),
        expires: UtcMillis(T0 + 60_000),
        at: UtcMillis(T0),
    }
}

fn quote(of: &str, id: &str) -> AppMessage {
    AppMessage::Quote(QuoteMsg {
        legs: vec![],
        rfq: rfq(),
        id: QuoteId::new(id).unwrap(),
        instrument: instrument(),
        dealer: Some(dealer(of)),
        bid: None,
        offer: Some(Level { price: Decimal::ONE, size: Decimal::TEN }),
        valid_until: UtcMillis(T0 + 30_000),
        tradeable: true,
        at: UtcMillis(T0),
        qualifiers: Qualifiers::default(),
    })
}

fn accept() -> AppMessage {
    let a = Accept {
        part_of: None,
        legs: vec![],
        id: AcceptId::new("R1:1").unwrap(),
        rfq: rfq(),
        dealer: dealer("A"),
        quote: QuoteId::new("last").unwrap(),
        instrument: instrument(),
        side: Side::Buy,
        price: Decimal::ONE,
        quantity: Decimal::TEN,
        limit: None,
    };
    AppMessage::QuoteResponse(QuoteResponse::hit(&a, &request().terms(), false, UtcMillis(T0)))
}

fn filled() -> AppMessage {
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "o".into(),
        exec_id: "E1".into(),
        exec_ref: None,
        accept: AcceptId::new("R1:1").unwrap(),
        exec_type: ExecType::Trade,
        status: OrdStatus::Filled,
        instrument: instrument(),
        dealer: Some(dealer("A")),
        side: Side::Buy,
        last: Some(Level { price: Decimal::ONE, size: Decimal::TEN }),
        cum_qty: Decimal::TEN,
        leaves_qty: Decimal::ZERO,
        avg_px: Decimal::ONE,
        settlement_date: None,
        currency: None,
        price: None,
        disputed: false,
        reject_reason: None,
        text: None,
        at: UtcMillis(T0),
    })
}

/// Records in their order, each with its number.
struct Records(Chain);

impl Records {
    fn next(&mut self, what: What) -> Record {
        let bytes = self.0.next(Moment { at_ms: T0, ..Moment::default() }, what);
        self.0.push(&bytes);
        Record::read(&bytes).unwrap()
    }
}

/// In words: whose quote, or what else.
fn words(s: &Step) -> String {
    match &s.said {
        Said::Heard(m) => match &**m {
            AppMessage::Quote(q) => q.id.to_string(),
            AppMessage::QuoteCancel(_) => "cancel".into(),
            m => m.msg_type().into(),
        },
        Said::Sent(m) => m.msg_type().into(),
        Said::Refused => "refused".into(),
        Said::Reason { .. } => "reason".into(),
        other => format!("{other:?}"),
    }
}

/// A dealer that quotes many times a second would else keep the trader's own accept, and what came
/// of it, off the page; and the accept would be judged by prices that stood long before it.
#[test]
fn no_number_of_quotes_keeps_an_accept_and_what_stood_then_off_the_page() {
    let mut records = Records(Chain::default());
    let rfq = rfq();
    let mut g = Gathering::of(&rfq);
    g.take(&records.next(sent(&AppMessage::QuoteRequest(request()))));
    let flood = records.next(received(&quote("A", "first")));
    (0..STEPS_MAX).for_each(|_| g.take(&flood));
    let cancel = AppMessage::QuoteCancel(QuoteCancel {
        rfq: Some(rfq.clone()),
        quote: None,
        instrument: None,
        dealer: Some(dealer("C")),
        unreachable: false,
    });
    let refused =
        What::Refused { msg: "S".into(), why: "x".into(), frame: frame(&quote("B", "x")) };
    for what in [
        received(&quote("A", "middle")),
        received(&quote("B", "other")),
        received(&cancel),
        refused,
        received(&quote("A", "last")),
        sent(&accept()),
        received(&filled()),
        What::Reason { rfq: "R1".into(), accept: "R1:1".into(), text: "size".into() },
        received(&quote("B", "later")),
    ] {
        g.take(&records.next(what));
    }
    let t = g.done();
    assert!(t.more);
    let last: Vec<String> = t.steps.iter().skip(STEPS_MAX).map(words).collect();
    assert_eq!(last, ["other", "cancel", "last", "AJ", "8", "reason", "later"]);
    assert!(t.steps.is_sorted_by_key(|s| s.n));
}

/// What another RFQ says does not come in, and what could not be written is counted.
#[test]
fn a_timeline_has_the_steps_of_its_rfq_only() {
    let mut records = Records(Chain::default());
    let other = RfqId::new("R11").unwrap();
    for (rfq, steps) in [(rfq(), 3), (other, 0)] {
        let mut g = Gathering::of(&rfq);
        for what in [
            sent(&AppMessage::QuoteRequest(request())),
            received(&quote("A", "q")),
            What::Lost { records: 7, from_ms: 0, to_ms: 1 },
            sent(&accept()),
        ] {
            g.take(&records.next(what));
        }
        let t = g.done();
        assert_eq!((t.steps.len(), t.lost, t.more), (steps, 7, false), "{rfq}");
    }
}
