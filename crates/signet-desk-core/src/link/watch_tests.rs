use super::*;
use crate::book::{Book, Ids};
use signet_fix::message::{AppMessage, QuoteMsg, QuoteRequest, SnapshotMark};
use signet_rfq::{Ask, DealerId, InstrumentId, Level, PriceType, QuoteId, RfqId};

const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

fn request() -> QuoteRequest {
    QuoteRequest {
        min_quantity: None,
        price_type: PriceType::Price,
        legs: vec![],
        id: RfqId::new("R1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        ask: Ask::Buy,
        quantity: 1_000.into(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![DealerId::new("NORTH").unwrap()],
        expires: NOW + 60_000,
        at: NOW,
    }
}

/// Good for 30 seconds.
fn quote(tradeable: bool) -> QuoteMsg {
    QuoteMsg {
        legs: vec![],
        rfq: RfqId::new("R1").unwrap(),
        id: QuoteId::new("q1").unwrap(),
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: Some(DealerId::new("NORTH").unwrap()),
        bid: None,
        offer: Some(Level { price: "1.08".parse().unwrap(), size: 1_000.into() }),
        valid_until: NOW + 30_000,
        tradeable,
        at: NOW,
        qualifiers: Default::default(),
    }
}

#[test]
fn a_price_that_can_be_taken_is_told_from_everything_else_on_screen() {
    for (asked, quoted, after_ms, live) in [
        (false, None, 0, false),
        (true, None, 0, false),
        (true, Some(true), 0, true),
        (true, Some(true), 29_000, true),
        (true, Some(true), 30_001, false),
        // Only indicative.
        (true, Some(false), 0, false),
    ] {
        let mut book = Book::new(Ids::new(NOW, 1), NOW);
        book.measured(NOW, NOW, NOW);
        let mut say = |m| drop(book.message(m, NOW));
        say(AppMessage::Snapshot(SnapshotMark::Begin));
        if asked {
            say(AppMessage::Snapshot(SnapshotMark::Rfq(request())));
        }
        quoted.into_iter().for_each(|tradeable| say(AppMessage::Quote(quote(tradeable))));
        say(AppMessage::Snapshot(SnapshotMark::End));
        let found = book.has_live_price(NOW + after_ms);
        assert_eq!(found, live, "{asked} {quoted:?} {after_ms}");
    }
}
