use super::*;
use crate::router::tests::{T0, answer, dec, desk, hit, quote, request, router, send};
use signet_fix::message::{QuoteRequest, QuoteResponse};
use signet_rfq::RfqId;

#[test]
fn table_of_distances() {
    for (worse, of, want) in [
        ("0", "100", 0),
        ("-1", "100", 0),
        ("1", "100", 100),
        ("0.1", "100", 10),
        ("0.10001", "100", 11),
        ("0.00001", "100", 1),
        ("1", "0", i64::MAX),
        ("1", "-100", 100),
        ("79228162514264337593543950335", "1", i64::MAX),
    ] {
        assert_eq!(bps(worse.parse().unwrap(), of.parse().unwrap()), want, "{worse} of {of}");
    }
}

type ChangeRequest = fn(&mut QuoteRequest);
type ChangeAccept = fn(&mut QuoteResponse);

fn action(r: &Router, m: &AppMessage) -> Option<Action> {
    r.proposal(&desk("ALICE"), m, T0).map(|p| p.action)
}

/// What a touch approved is compared with what is about to be done by comparing the two actions, so
/// an action must differ in whatever a dealer would do differently.
#[test]
fn a_request_that_differs_in_any_term_is_another_action() {
    let r = router();
    let approved = request("Q1", &["N", "E"]);
    let of = |q: &QuoteRequest| action(&r, &AppMessage::QuoteRequest(q.clone()));
    let same = of(&approved);
    assert!(same.is_some());
    let changes: [(&str, ChangeRequest); 7] = [
        ("id", |q| q.id = RfqId::new("Q2").unwrap()),
        ("side", |q| q.ask = Ask::Sell),
        ("both sides", |q| q.ask = Ask::TwoWay),
        ("quantity", |q| q.quantity = dec("5001000")),
        ("settlement", |q| q.settlement_date = "20261125".into()),
        ("a dealer less", |q| q.dealers.truncate(1)),
        ("time to live", |q| q.expires = T0 + 61_000),
    ];
    for (what, change) in changes {
        let mut q = approved.clone();
        change(&mut q);
        let other = of(&q);
        assert!(other.is_some() && other != same, "{what}");
    }
    // These the router refuses itself.
    let refused: [(&str, ChangeRequest); 2] = [
        ("currency", |q| q.currency = "USD".into()),
        ("instrument", |q| q.instrument = InstrumentId::new("XS0000000009").unwrap()),
    ];
    for (what, change) in refused {
        let mut q = approved.clone();
        change(&mut q);
        assert_eq!(of(&q), None, "{what}");
    }
}

#[test]
fn an_accept_that_differs_in_any_term_is_another_action_or_none() {
    let quoted = |id: &str, price: &str| {
        let mut r = router();
        send(&mut r, "ALICE", AppMessage::QuoteRequest(request("Q1", &["N", "E"])), 0);
        answer(&mut r, "N", quote("ALICE.Q1", id, price, 30_000), 0);
        answer(&mut r, "E", quote("ALICE.Q1", "E1", "99.5", 30_000), 0);
        r
    };
    let r = quoted("N1", "99.5");
    let trade = r.proposal(&desk("ALICE"), &hit("A1", "N", "N1", "99.5"), T0).unwrap().trade;
    assert_eq!(
        (trade.ask, trade.step, trade.quantity),
        (Ask::Buy, TradeStep::Accept, dec("5000000"))
    );
    let AppMessage::QuoteResponse(m) = hit("A1", "N", "N1", "99.5") else { unreachable!() };
    let pass = AppMessage::QuoteResponse(QuoteResponse { response: Response::Pass, ..m });
    assert_eq!(action(&r, &pass), None, "a pass asks for nothing");
    let same = action(&r, &hit("A1", "N", "N1", "99.5"));
    assert!(same.is_some());
    for (what, m) in
        [("id", hit("A2", "N", "N1", "99.5")), ("dealer", hit("A1", "E", "E1", "99.5"))]
    {
        let other = action(&r, &m);
        assert!(other.is_some() && other != same, "{what}");
    }
    // Between the touch and its release the dealer replaced its quote.
    for (what, id, price) in
        [("another quote at the same price", "N2", "99.5"), ("another price", "N2", "99.4")]
    {
        let r = quoted(id, price);
        assert_eq!(
            action(&r, &hit("A1", "N", "N1", "99.5")),
            None,
            "{what}: the approved quote is gone"
        );
        let other = action(&r, &hit("A1", "N", id, price));
        assert!(other.is_some() && other != same, "{what}");
    }
    let changes: [(&str, ChangeAccept); 7] = [
        ("side", |a| a.side = Side::Sell),
        ("quantity", |a| a.quantity = dec("4999000")),
        ("price", |a| a.price = dec("99.505")),
        ("instrument", |a| a.instrument = InstrumentId::new("XS0000000009").unwrap()),
        ("currency", |a| a.currency = Some("USD".into())),
        ("settlement", |a| a.settlement_date = Some("20261125".into())),
        ("no dealer", |a| a.dealer = None),
    ];
    for (what, change) in changes {
        let AppMessage::QuoteResponse(mut a) = hit("A1", "N", "N1", "99.5") else { unreachable!() };
        change(&mut a);
        let other = action(&r, &AppMessage::QuoteResponse(a));
        assert!(other.is_none(), "{what}");
    }
}
