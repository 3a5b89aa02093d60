use super::*;
use crate::router::{
    Input, Output,
    tests::{T0, answer, dealer, desk, quote, quoted, refusal, router},
};
use signet_rfq::{QuoteId, RfqId};

/// What a desk that comes back is told of N's line.
fn of_line(r: &mut Router, at: i64) -> Vec<AppMessage> {
    r.handle(T0 + at, Input::DeskDown(desk("ALICE")));
    let out = r.handle(T0 + at, Input::DeskUp(desk("ALICE")));
    let of_n = |m: &AppMessage| match m {
        AppMessage::Quote(q) => q.dealer == Some(dealer("N")),
        AppMessage::QuoteCancel(c) => c.dealer == Some(dealer("N")),
        AppMessage::QuoteRequestReject(q) => q.dealer == Some(dealer("N")),
        _ => false,
    };
    let told =
        out.into_iter().filter_map(|o| if let Output::ToDesk(_, m) = o { Some(m) } else { None });
    told.filter(|m| of_n(m)).collect()
}

#[test]
fn a_snapshot_says_how_each_line_stands() {
    let mut r = quoted();
    assert!(
        matches!(&of_line(&mut r, 300)[..], [AppMessage::Quote(q)] if q.rfq.as_str() == "R1" && q.id.as_str() == "n1")
    );
    assert!(of_line(&mut quoted(), 10_000).is_empty(), "a quote whose time is up is not told");
    for reason in [10, 99] {
        let mut r = quoted();
        answer(&mut r, "N", refusal(reason, Some("no")), 200);
        let told = of_line(&mut r, 300);
        assert!(
            matches!(&told[..], [AppMessage::QuoteRequestReject(q)] if q.reason == reason && q.text.as_deref() == Some("no") && q.rfq.as_str() == "R1"),
            "{reason}: {told:?}"
        );
    }
    let mut r = quoted();
    let cancel = crate::router::dealer_side::cancel_of(
        &RfqId::new("ALICE.R1").unwrap(),
        QuoteId::new("n1").unwrap(),
    );
    answer(&mut r, "N", AppMessage::QuoteCancel(cancel), 200);
    assert!(
        matches!(&of_line(&mut r, 300)[..], [AppMessage::QuoteCancel(c)] if !c.unreachable && c.quote.as_ref().is_some_and(|q| q.as_str() == "n1"))
    );
    let mut r = quoted();
    r.handle(T0 + 200, Input::DealerDown(dealer("N")));
    assert!(matches!(&of_line(&mut r, 300)[..], [AppMessage::QuoteCancel(c)] if c.unreachable));
    // It says the same quote again: it can be traded again.
    r.handle(T0 + 400, Input::DealerUp(dealer("N")));
    answer(&mut r, "N", quote("ALICE.R1", "n1", "99.5", 10_000), 400);
    assert!(matches!(&of_line(&mut r, 500)[..], [AppMessage::Quote(_)]));
}

#[test]
fn every_desk_that_is_on_sees_the_dealers_it_may_ask() {
    let mut r = router();
    r.handle(T0, Input::DeskDown(desk("BOB")));
    let seen: Vec<(String, Vec<(String, bool)>)> = r
        .venue_states(T0)
        .into_iter()
        .map(|(d, v)| {
            (d.to_string(), v.dealers.iter().map(|d| (d.id.to_string(), d.online)).collect())
        })
        .collect();
    let dealers =
        |all: &[(&str, bool)]| all.iter().map(|(d, on)| ((*d).to_owned(), *on)).collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            ("ALICE".to_owned(), dealers(&[("E", true), ("N", true), ("S", false)])),
            ("CAROL".to_owned(), dealers(&[("N", true)]))
        ]
    );
}
