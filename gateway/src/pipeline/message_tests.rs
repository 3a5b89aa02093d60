use super::*;
use signet_fix::message::{OrderStatusRequest, QuoteRequest, Response, TakeOver};
use signet_rfq::{AcceptId, Ask, InstrumentId, QuoteId, RfqId, Side};

const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

fn rfq() -> RfqId {
    RfqId::new("R1").expect("an id")
}

fn pair() -> InstrumentId {
    InstrumentId::new("EUR/USD").expect("an instrument")
}

fn accept() -> AcceptId {
    AcceptId::new("R1:1").expect("an id")
}

/// What commits a desk or asks about it, with the id it names.
pub(in crate::pipeline) fn messages() -> Vec<(AppMessage, &'static str)> {
    let request = QuoteRequest {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: rfq(),
        instrument: pair(),
        isin: false,
        ask: Ask::Buy,
        quantity: 1_000.into(),
        currency: "EUR".into(),
        settlement_date: "20261125".into(),
        dealers: Vec::new(),
        expires: NOW + 60_000,
        at: NOW,
    };
    let hit = signet_rfq::Accept {
        part_of: None,
        legs: vec![],
        id: accept(),
        rfq: rfq(),
        dealer: DealerId::new("NORTH").expect("a dealer"),
        quote: QuoteId::new("q1").expect("an id"),
        instrument: pair(),
        side: Side::Buy,
        price: 1.into(),
        quantity: 1_000.into(),
        limit: None,
    };
    let response = QuoteResponse::hit(&hit, &request.terms(), false, NOW);
    assert_eq!(response.response, Response::HitOrLift);
    let ask = OrderStatusRequest {
        accept: accept(),
        instrument: pair(),
        side: Side::Buy,
        dealer: None,
        sent: None,
    };
    vec![
        (AppMessage::QuoteRequest(request), "R1"),
        (AppMessage::QuoteResponse(response), "R1:1"),
        (AppMessage::RfqCancel { rfq: rfq(), text: None }, "R1"),
        (AppMessage::OrderStatusRequest(ask), "R1:1"),
        (
            AppMessage::TakeOver(TakeOver {
                rfq: rfq(),
                desk: CompId::new("BOB").expect("a desk"),
                of: rfq(),
                at: NOW,
            }),
            "R1",
        ),
    ]
}
