use super::{
    super::life_tests::{NOW, book, id, pair, press, quote},
    *,
};
use crate::view::LineState;
use signet_fix::message::{
    Advice, PASSED_BY_TRADER, QuoteRequestReject, QuoteStatusReport, Response, RfqStatus,
};
use signet_rfq::REASON_PASS;

fn told(reason: Option<&str>) -> AppMessage {
    AppMessage::QuoteRequestReject(QuoteRequestReject {
        rfq: id("R1"),
        reason: REASON_PASS,
        instrument: pair(),
        dealer: Some(DealerId::new("NORTH").unwrap()),
        text: reason.map(str::to_owned),
        advice: Some(Advice { code: PASSED_BY_TRADER.into(), cure: String::new() }),
    })
}

fn line(b: &mut Book) -> crate::view::LineView {
    b.pull(0, &[], NOW).lines.into_iter().find(|l| l.rfq_id == "R1").unwrap()
}

#[test]
fn the_trader_passes_on_one_dealer_with_a_reason() {
    let mut b = book();
    assert!(line(&mut b).can_pass);
    let m = b.pass("R1", "NORTH", " too slow ", NOW).unwrap();
    let AppMessage::QuoteResponse(r) = &m else { panic!("{m:?}") };
    assert_eq!(
        (r.response, r.quote.as_str(), r.text.as_deref()),
        (Response::Pass, "q1", Some("too slow"))
    );
    assert_eq!(
        (r.rfq.clone(), r.dealer.as_ref().map(|d| d.as_str())),
        (Some(id("R1")), Some("NORTH"))
    );
    assert_eq!(line(&mut b).state, LineState::Quoted, "not before the gateway says so");
    b.message(told(Some("too slow")), NOW);
    let l = line(&mut b);
    assert_eq!((l.state, l.reason.as_deref()), (LineState::TurnedDown, Some("too slow")));
    assert!(!l.can_pass && !l.can_lift && l.offer.is_none());
    // A quote that was on its way does not bring the line back.
    b.message(quote("R1", "q2", "1.07"), NOW);
    assert_eq!(line(&mut b).state, LineState::TurnedDown);
    assert_eq!(b.pass("R1", "NORTH", "", NOW).unwrap_err().code, "quote.withdrawn");
    // It says nothing of how the dealer answers.
    assert_eq!(b.dealer_record(&DealerId::new("NORTH").unwrap()).rejects, 0);
}

#[test]
fn a_pass_is_refused_where_it_cannot_be_said() {
    let mut b = book();
    for (dealer, reason, code) in [
        ("SOUTH", "", "dealer.not_asked"),
        ("", "", "dealer.unknown"),
        ("NORTH", "a\u{7}b", "rfq.reason"),
    ] {
        assert_eq!(b.pass("R1", dealer, reason, NOW).unwrap_err().code, code, "{dealer}");
    }
    let long = "x".repeat(101);
    assert_eq!(b.pass("R1", "NORTH", &long, NOW).unwrap_err().code, "rfq.reason");
    let (_, m) = press(&mut b);
    b.sent_as(3, &m);
    assert_eq!(b.pass("R1", "NORTH", "", NOW).unwrap_err().code, "accept.in_flight");
    let mut b = book();
    let over = QuoteStatusReport::of_rfq(id("R1"), pair(), RfqStatus::Expired, None);
    b.message(AppMessage::QuoteStatusReport(over), NOW);
    assert_eq!(b.pass("R1", "NORTH", "", NOW).unwrap_err().code, "rfq.not_open");
}

#[test]
fn what_is_armed_on_the_dealer_is_taken_back() {
    let mut b = book();
    super::super::life_tests::arm(&mut b);
    b.message(told(None), NOW);
    let head = b.pull(0, &[], NOW).rfqs.into_iter().find(|r| r.id == "R1").unwrap();
    let accept = head.accept.unwrap();
    assert!(accept.text.contains("you passed on this dealer"), "{}", accept.text);
}
