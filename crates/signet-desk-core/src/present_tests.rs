use super::*;

#[test]
fn the_widest_quote_there_is_can_be_ranked() {
    let level = |p: Decimal| Some(rfq::Level { price: p, size: Decimal::ONE });
    let line = |bid, offer| rfq::Line {
        dealer: DealerId::new("A").unwrap(),
        state: rfq::LineState::Quoted,
        quote: Some(rfq::Quote {
            legs: vec![],
            id: rfq::QuoteId::new("q").unwrap(),
            dealer: DealerId::new("A").unwrap(),
            bid: level(bid),
            offer: level(offer),
            valid_until: UtcMillis(1_000),
            tradeable: true,
        }),
        quoted_at: UtcMillis(0),
        revision: 1,
    };
    for ask in [rfq::Ask::TwoWay, rfq::Ask::Buy, rfq::Ask::Sell] {
        let worst = rank_key(&line(Decimal::MIN, Decimal::MAX), ask, UtcMillis(0));
        let good = rank_key(&line(Decimal::ONE, Decimal::TWO), ask, UtcMillis(0));
        assert!(good < worst, "{ask:?}");
    }
}

#[test]
fn dates_as_people_write_them() {
    assert_eq!(iso("20261124"), "2026-11-24");
}
