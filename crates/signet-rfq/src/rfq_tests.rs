use super::*;
use crate::{Level, instrument::bund};
use proptest::prelude::*;

fn d(n: &str) -> DealerId {
    DealerId::new(n).unwrap()
}

fn dec(n: &str) -> Decimal {
    n.parse().unwrap()
}

fn terms() -> Terms {
    Terms {
        id: RfqId::new("R1").unwrap(),
        instrument: bund().id,
        ask: Ask::Buy,
        quantity: dec("5000000"),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![d("A"), d("B")],
        expires: UtcMillis(120_000),
        created: UtcMillis(0),
    }
}

fn quote(dealer: &str, id: &str, offer: &str, until: i64) -> Quote {
    Quote {
        id: QuoteId::new(id).unwrap(),
        dealer: d(dealer),
        bid: Some(Level { price: dec("99"), size: dec("5000000") }),
        offer: Some(Level { price: dec(offer), size: dec("5000000") }),
        valid_until: UtcMillis(until),
        tradeable: true,
    }
}

fn accept(id: &str, dealer: &str, quote: &str, price: &str) -> Accept {
    Accept {
        id: AcceptId::new(id).unwrap(),
        rfq: RfqId::new("R1").unwrap(),
        dealer: d(dealer),
        quote: QuoteId::new(quote).unwrap(),
        instrument: bund().id,
        side: Side::Buy,
        price: dec(price),
        quantity: dec("5000000"),
    }
}

fn fill(exec: &str, price: &str, quantity: &str) -> Execution {
    Execution {
        exec_id: exec.into(),
        order_id: "O1".into(),
        side: Side::Buy,
        price: dec(price),
        quantity: dec(quantity),
        at: UtcMillis(5_000),
        settlement_date: None,
    }
}

/// Two dealers asked, A quotes 99.5 until 10 s, B quotes 99.6 until 20 s.
fn open() -> Rfq {
    let mut r = Rfq::new(terms());
    r.acknowledge();
    r.quote(quote("A", "a1", "99.5", 10_000), UtcMillis(1_000)).unwrap();
    r.quote(quote("B", "b1", "99.6", 20_000), UtcMillis(1_000)).unwrap();
    r
}

const T: UtcMillis = UtcMillis(2_000);

fn id(s: &str) -> AcceptId {
    AcceptId::new(s).unwrap()
}

#[test]
fn terms_are_checked_alike_at_both_ends() {
    let ok = terms();
    let b = bund();
    assert_eq!(ok.check(&b, T), Ok(()));
    let with = |f: fn(&mut Terms)| {
        let mut t = terms();
        f(&mut t);
        t.check(&bund(), T)
    };
    assert_eq!(with(|t| t.dealers.clear()), Err(TermsError::NoDealer));
    assert_eq!(with(|t| t.dealers.push(d("A"))), Err(TermsError::DealerTwice(d("A"))));
    assert_eq!(with(|t| t.dealers = (0..13).map(|i| d(&format!("D{i}"))).collect()), Err(TermsError::TooManyDealers));
    assert_eq!(with(|t| t.expires = UtcMillis(4_000)), Err(TermsError::BadTtl));
    assert_eq!(with(|t| t.expires = UtcMillis(2_000_000)), Err(TermsError::BadTtl));
    assert_eq!(with(|t| t.currency = "USD".into()), Err(TermsError::OtherCurrency("DBR 0 02/32".into(), "EUR".into())));
    assert!(matches!(with(|t| t.quantity = dec("0")), Err(TermsError::Instrument(_))));
    assert!(matches!(with(|t| t.quantity = dec("-5000000")), Err(TermsError::Instrument(_))));
    assert!(matches!(with(|t| t.quantity = dec("900000000")), Err(TermsError::Instrument(_))));
    assert_eq!(ok.check(&b, UtcMillis(120_000)), Err(TermsError::AlreadyExpired));
}

#[test]
fn a_quote_is_hit_and_filled() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    assert!(!r.in_flight());
    r.send_accept(&id("x1"), T, 50).unwrap();
    assert!(r.in_flight());
    assert_eq!(r.last_look(&id("x1")), Ok(true));
    assert_eq!(r.execution(&id("x1"), fill("e1", "99.5", "5000000")), Ok(true));
    assert_eq!(r.state, RfqState::Done);
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Traded);
    assert_eq!(r.execution(&id("x1"), fill("e1", "99.5", "5000000")), Ok(false), "a repeat fills nothing twice");
}

#[test]
fn an_accept_must_be_exactly_what_stands_on_the_table() {
    let r = open();
    let other = InstrumentId::new("US0378331005").unwrap();
    let base = || accept("x1", "A", "a1", "99.5");
    let cases: Vec<(Accept, &str)> = vec![
        (Accept { instrument: other, ..base() }, "other_instrument"),
        (Accept { side: Side::Sell, ..base() }, "side_not_asked"),
        (Accept { dealer: d("Z"), ..base() }, "dealer_not_asked"),
        (Accept { quote: QuoteId::new("a0").unwrap(), ..base() }, "requoted"),
        (Accept { price: dec("99.4"), ..base() }, "price_mismatch"),
        (Accept { quantity: dec("4000000"), ..base() }, "quantity_mismatch"),
    ];
    for (a, code) in cases {
        assert_eq!(r.check_accept(&a, T, 50).unwrap_err().code(), code);
    }
    assert_eq!(r.check_accept(&base(), T, 50), Ok(()));
    assert_eq!(r.check_accept(&base(), UtcMillis(9_960), 50), Err(AcceptRefusal::TooLateToArrive));
    assert_eq!(r.check_accept(&base(), UtcMillis(10_000), 50), Err(AcceptRefusal::Expired));
    let same_price_written_otherwise = Accept { price: dec("99.500"), ..base() };
    assert_eq!(r.check_accept(&same_price_written_otherwise, T, 50), Ok(()));
}

#[test]
fn a_requote_disarms_and_the_old_price_cannot_be_sent() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    assert_eq!(r.quote(quote("A", "a2", "99.7", 10_000), T), Ok(true));
    assert!(matches!(&r.accept, Some((_, AcceptState::Declined(Declined::ByDesk(_))))));
    assert_eq!(r.send_accept(&id("x1"), T, 50), Err(AcceptRefusal::NotArmed));
    assert_eq!(r.line(&d("A")).unwrap().revision, 2);
}

#[test]
fn a_requote_of_another_dealer_leaves_the_armed_accept_alone() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    r.quote(quote("B", "b2", "99.4", 20_000), T).unwrap();
    assert!(r.send_accept(&id("x1"), T, 50).is_ok());
}

#[test]
fn one_accept_in_flight_and_never_two_winners() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    r.send_accept(&id("x1"), T, 50).unwrap();
    assert_eq!(r.arm(accept("x2", "B", "b1", "99.6"), T, 50), Err(AcceptRefusal::InFlight));
    assert_eq!(r.send_accept(&id("x1"), T, 50), Err(AcceptRefusal::InFlight), "a double click sends once");
    r.answer_lost();
    assert_eq!(r.arm(accept("x2", "B", "b1", "99.6"), T, 50), Err(AcceptRefusal::InFlight), "unknown is not free");
    assert_eq!(r.end(RfqState::Cancelled, None), Err(RfqError::AcceptInFlight));
    r.declined(&id("x1"), Declined::ByDealer("moved".into())).unwrap();
    r.arm(accept("x2", "B", "b1", "99.6"), T, 50).unwrap();
    assert_eq!(r.arm(accept("x1", "B", "b1", "99.6"), T, 50), Err(AcceptRefusal::IdUsed));
}

#[test]
fn time_ends_quotes_then_the_rfq_but_never_an_accept_in_flight() {
    let mut r = open();
    assert_eq!(r.next_deadline(), Some(UtcMillis(10_000)));
    assert!(!r.tick(UtcMillis(9_999)));
    assert!(r.tick(UtcMillis(10_000)));
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Expired);
    r.arm(accept("x1", "B", "b1", "99.6"), UtcMillis(11_000), 50).unwrap();
    r.send_accept(&id("x1"), UtcMillis(11_000), 50).unwrap();
    r.tick(UtcMillis(130_000));
    assert_eq!(r.state, RfqState::Open);
    r.declined(&id("x1"), Declined::ByDealer("too late".into())).unwrap();
    assert!(r.tick(UtcMillis(130_000)));
    assert_eq!(r.state, RfqState::Expired);
    assert_eq!(r.next_deadline(), None);
}

#[test]
fn an_execution_nobody_agreed_to_is_not_called_a_fill() {
    for bad in [fill("e", "99.6", "5000000"), fill("e", "99.5", "6000000"), Execution { side: Side::Sell, ..fill("e", "99.5", "5000000") }]
    {
        let mut r = open();
        r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
        r.send_accept(&id("x1"), T, 50).unwrap();
        assert!(matches!(r.execution(&id("x1"), bad), Err(RfqError::NotWhatWasAccepted(_))));
        assert!(matches!(r.accept, Some((_, AcceptState::Unknown))));
        assert_eq!(r.state, RfqState::Open);
    }
}

#[test]
fn a_smaller_quote_is_taken_whole_and_only_whole() {
    let mut r = open();
    let small = Quote { offer: Some(Level { price: dec("99.4"), size: dec("2000000") }), ..quote("A", "a2", "99.4", 10_000) };
    r.quote(small.clone(), T).unwrap();
    assert_eq!(r.accept_quantity(&small, Side::Buy), Some(dec("2000000")));
    assert!(r.check_accept(&accept("x", "A", "a2", "99.4"), T, 0).is_err());
    let part = Accept { quantity: dec("2000000"), ..accept("x", "A", "a2", "99.4") };
    assert_eq!(r.check_accept(&part, T, 0), Ok(()));
}

#[test]
fn when_every_dealer_says_no_nobody_is_left() {
    let mut r = open();
    let pass = |code| Passed { code, text: "no".into() };
    r.pass(&d("A"), pass(REASON_PASS)).unwrap();
    assert!(!r.nobody_left());
    r.pass(&d("B"), pass(8)).unwrap();
    assert!(r.nobody_left());
    assert!(matches!(r.line(&d("A")).unwrap().state, LineState::Passed(_)));
    assert!(matches!(r.line(&d("B")).unwrap().state, LineState::Rejected(_)));
    assert_eq!(r.pass(&d("Z"), pass(1)), Err(RfqError::NotAsked(d("Z"))));
}

#[test]
fn late_events_of_an_ended_rfq_change_nothing() {
    let mut r = open();
    r.end(RfqState::Cancelled, None).unwrap();
    assert_eq!(r.quote(quote("A", "a9", "99.1", 50_000), T), Err(RfqError::Ended));
    assert_eq!(r.best(Side::Buy, T, 0), None);
    assert_eq!(r.end(RfqState::Cancelled, None), Err(RfqError::Ended));
}

/// What anybody may do to an RFQ, for the walk below.
#[derive(Debug, Clone)]
enum Step {
    Quote(u8, u8, u16),
    Withdraw(u8),
    Pass(u8),
    Arm(u8),
    Send,
    Fill,
    Decline,
    Lose,
    Cancel,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..2, 0u8..4, 0u16..30_000).prop_map(|(a, b, c)| Step::Quote(a, b, c)),
        1 => (0u8..2).prop_map(Step::Withdraw),
        1 => (0u8..2).prop_map(Step::Pass),
        4 => (0u8..2).prop_map(Step::Arm),
        4 => Just(Step::Send),
        2 => Just(Step::Fill),
        2 => Just(Step::Decline),
        1 => Just(Step::Lose),
        1 => Just(Step::Cancel),
        3 => (0u16..20_000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens in whatever order: at most one trade, never two accepts in flight, an ended
    /// RFQ stays as it ended, and nothing is ever sent that is not on the table at that moment.
    #[test]
    fn no_order_of_events_breaks_the_rules(steps in prop::collection::vec(step(), 1..60)) {
        let mut r = Rfq::new(terms());
        r.acknowledge();
        let mut now = UtcMillis(0);
        let (mut n, mut trades) = (0, 0);
        for s in steps {
            let before = r.clone();
            let name = |i: u8| if i == 0 { "A" } else { "B" };
            match s {
                Step::Quote(i, p, v) => {
                    n += 1;
                    let _ = r.quote(quote(name(i), &format!("q{n}"), &format!("99.{p}"), now.0 + i64::from(v)), now);
                }
                Step::Withdraw(i) => { let _ = r.withdraw(&d(name(i)), None); }
                Step::Pass(i) => { let _ = r.pass(&d(name(i)), Passed { code: 10, text: String::new() }); }
                Step::Arm(i) => if let Some(q) = r.line(&d(name(i))).and_then(|l| l.quote.clone()) {
                    n += 1;
                    let a = Accept { quote: q.id.clone(), price: q.offer.unwrap().price, ..accept(&format!("x{n}"), name(i), "q", "1") };
                    let _ = r.arm(a, now, 20);
                },
                Step::Send => if let Some((a, _)) = r.accept.clone()
                    && let Ok(sent) = r.send_accept(&a.id, now, 20) {
                        prop_assert!(!before.in_flight());
                        prop_assert_eq!(before.check_accept(&sent, now, 20), Ok(()));
                },
                Step::Fill => if let Some((a, s)) = r.accept.clone() && s.in_flight() {
                    let f = Execution { price: a.price, quantity: a.quantity, ..fill("e", "1", "1") };
                    if r.execution(&a.id, f) == Ok(true) { trades += 1; }
                },
                Step::Decline => if let Some((a, _)) = r.accept.clone() {
                    let _ = r.declined(&a.id, Declined::ByDealer("no".into()));
                },
                Step::Lose => { r.answer_lost(); }
                Step::Cancel => { let _ = r.end(RfqState::Cancelled, None); }
                Step::Wait(ms) => { now = now + i64::from(ms); r.tick(now); }
            }
            prop_assert!(trades <= 1);
            if before.state.ended() { prop_assert_eq!(r.state, before.state); }
            let in_flight = r.accept.iter().chain(&r.past).filter(|(_, s)| s.in_flight()).count();
            prop_assert!(in_flight <= 1);
            prop_assert_eq!(r.state == RfqState::Done, trades == 1);
        }
    }
}
