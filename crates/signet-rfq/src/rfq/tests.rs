use super::*;
use crate::{
    AcceptId, AcceptRefusal, Ask, Declined, InstrumentId, Level, Limit, Report, RfqId, TermsError,
    fix::{ExecType, OrdStatus},
    instrument::bund,
    lifecycle::AcceptPhase,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

pub(crate) fn d(n: &str) -> DealerId {
    DealerId::new(n).unwrap()
}

pub(crate) fn dec(n: &str) -> Decimal {
    n.parse().unwrap()
}

fn terms() -> Terms {
    Terms {
        min_quantity: None,
        price_type: crate::PriceType::Price,
        legs: vec![],
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
        legs: vec![],
        id: QuoteId::new(id).unwrap(),
        dealer: d(dealer),
        bid: Some(Level { price: dec("99"), size: dec("5000000") }),
        offer: Some(Level { price: dec(offer), size: dec("5000000") }),
        valid_until: UtcMillis(until),
        tradeable: true,
    }
}

pub(crate) fn accept(id: &str, dealer: &str, quote: &str, price: &str) -> Accept {
    Accept {
        part_of: None,
        legs: vec![],
        id: AcceptId::new(id).unwrap(),
        rfq: RfqId::new("R1").unwrap(),
        dealer: d(dealer),
        quote: QuoteId::new(quote).unwrap(),
        instrument: bund().id,
        side: Side::Buy,
        price: dec(price),
        quantity: dec("5000000"),
        limit: None,
    }
}

pub(crate) fn fill(exec: &str, price: &str, quantity: &str) -> Report {
    Report {
        price_type: None,
        legs: vec![],
        kind: ExecType::Trade,
        status: OrdStatus::Filled,
        exec_id: exec.into(),
        exec_ref: None,
        order_id: "O1".into(),
        instrument: bund().id,
        side: Side::Buy,
        last: Some(Level { price: dec(price), size: dec(quantity) }),
        cum_qty: dec(quantity),
        leaves_qty: Decimal::ZERO,
        avg_px: dec(price),
        settlement_date: None,
        currency: None,
        text: None,
        disputed: false,
        at: UtcMillis(5_000),
    }
}

/// A report about execution `of`, or, when that is empty, about none by name.
pub(crate) fn about(kind: ExecType, exec: &str, of: &str, price: &str, quantity: &str) -> Report {
    Report {
        kind,
        exec_ref: Some(of.to_owned()).filter(|of| !of.is_empty()),
        ..fill(exec, price, quantity)
    }
}

pub(crate) fn bust(exec: &str, of: &str) -> Report {
    Report { last: None, cum_qty: dec("0"), ..about(ExecType::TradeCancel, exec, of, "99.5", "1") }
}

/// An execution of `last` at 99.5, after which `cum` of five million is executed.
pub(crate) fn part(exec: &str, last: &str, cum: &str) -> Report {
    let leaves_qty = dec("5000000") - dec(cum);
    let whole = leaves_qty.is_zero();
    let status = if whole { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    Report { status, cum_qty: dec(cum), leaves_qty, ..fill(exec, "99.5", last) }
}

pub(crate) fn take(r: &mut Rfq, accept: &str, report: &Report) -> crate::Taken {
    r.report(&id(accept), report, Declined::ByDealer, UtcMillis(6_000)).unwrap()
}

/// x1 on A's 99.5 has left.
pub(crate) fn sent() -> Rfq {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    r.send_accept(&id("x1"), T, 50).unwrap();
    r
}

/// Two dealers asked, A quotes 99.5 until 10 s, B quotes 99.6 until 20 s.
pub(crate) fn open() -> Rfq {
    let mut r = Rfq::new(terms());
    r.acknowledge();
    r.quote(quote("A", "a1", "99.5", 10_000), UtcMillis(1_000)).unwrap();
    r.quote(quote("B", "b1", "99.6", 20_000), UtcMillis(1_000)).unwrap();
    r
}

pub(crate) const T: UtcMillis = UtcMillis(2_000);

pub(crate) fn id(s: &str) -> AcceptId {
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
    assert_eq!(with(|t| t.dealers = (0..12).map(|i| d(&format!("D{i}"))).collect()), Ok(()));
    assert_eq!(
        with(|t| t.dealers = (0..13).map(|i| d(&format!("D{i}"))).collect()),
        Err(TermsError::TooManyDealers)
    );
    assert_eq!(with(|t| t.expires = UtcMillis(4_000)), Err(TermsError::BadTtl));
    assert_eq!(with(|t| t.expires = UtcMillis(2_000_000)), Err(TermsError::BadTtl));
    assert_eq!(
        with(|t| t.currency = "USD".into()),
        Err(TermsError::OtherCurrency("DBR 0 02/32".into(), "EUR".into()))
    );
    assert!(matches!(with(|t| t.quantity = dec("0")), Err(TermsError::Instrument(_))));
    assert!(matches!(with(|t| t.quantity = dec("-5000000")), Err(TermsError::Instrument(_))));
    assert!(matches!(with(|t| t.quantity = dec("900000000")), Err(TermsError::Instrument(_))));
    assert_eq!(ok.check(&b, UtcMillis(120_000)), Err(TermsError::AlreadyExpired));
}

#[test]
fn a_least_quantity_is_a_part_of_the_quantity_or_the_whole_of_it() {
    let check = |least: &str| Terms { min_quantity: Some(dec(least)), ..terms() }.check(&bund(), T);
    for good in ["0.01", "1000000", "5000000", "5000000.00"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    let (more, whole) = (dec("5000000.01"), dec("5000000"));
    assert_eq!(check("5000000.01"), Err(TermsError::MinimumTooLarge(more, whole)));
    for bad in ["0", "-1"] {
        assert_eq!(check(bad), Err(TermsError::MinimumNotPositive(dec(bad))));
    }
    // What is wrong with the quantity itself is said first.
    let t = Terms { quantity: dec("0"), min_quantity: Some(dec("1")), ..terms() };
    assert!(matches!(t.check(&bund(), T), Err(TermsError::Instrument(_))));
}

#[test]
fn nothing_below_the_least_quantity_is_quoted_or_taken() {
    let level = |size: &str| Some(Level { price: dec("99.5"), size: dec(size) });
    for (ask, bid, offer, least, good) in [
        (Ask::Buy, None, level("5000000"), None, true),
        (Ask::Buy, None, level("1"), None, true),
        (Ask::Buy, None, level("2000000"), Some("2000000"), true),
        (Ask::Buy, None, level("1999999.99"), Some("2000000"), false),
        (Ask::Sell, level("2000000"), None, Some("2000000"), true),
        (Ask::Sell, level("1000000"), None, Some("2000000"), false),
        // The side that nobody asked for cannot be traded.
        (Ask::Buy, level("1000000"), level("2000000"), Some("2000000"), true),
        (Ask::Sell, level("1000000"), level("2000000"), Some("2000000"), false),
        (Ask::TwoWay, level("2000000"), level("2000000"), Some("2000000"), true),
        // Each side is tradeable by itself.
        (Ask::TwoWay, level("1000000"), level("2000000"), Some("2000000"), true),
        (Ask::TwoWay, level("2000000"), level("1000000"), Some("2000000"), true),
        (Ask::TwoWay, level("1000000"), level("1999999"), Some("2000000"), false),
        (Ask::TwoWay, level("1000000"), None, Some("2000000"), false),
        (Ask::TwoWay, None, level("2000000"), Some("2000000"), true),
    ] {
        let t = Terms { ask, min_quantity: least.map(dec), ..terms() };
        let q = Quote { bid, offer, ..quote("A", "a1", "99.5", 20_000) };
        let checked = q.check_for(&t, T);
        assert_eq!(checked.is_ok(), good, "{ask:?} {bid:?} {offer:?} {least:?}: {checked:?}");
        if !good {
            assert!(matches!(checked, Err(crate::QuoteFault::BelowMinimum(..))), "{checked:?}");
        }
    }
    // A quote that was taken before anybody judged it cannot be traded all the same.
    let mut r = Rfq::new(Terms { min_quantity: Some(dec("2000000")), ..terms() });
    r.acknowledge();
    let small = Quote { offer: level("1000000"), ..quote("A", "a1", "99.5", 20_000) };
    r.quote(small, T).unwrap();
    let a = Accept { quantity: dec("1000000"), ..accept("x1", "A", "a1", "99.5") };
    assert_eq!(r.check_accept(&a, T, 50).unwrap_err().code(), "accept.too_small");
    let enough = Quote { offer: level("2000000"), ..quote("A", "a2", "99.5", 20_000) };
    r.quote(enough, T).unwrap();
    let a = Accept { quantity: dec("2000000"), ..accept("x1", "A", "a2", "99.5") };
    assert_eq!(r.check_accept(&a, T, 50), Ok(()));
}

#[test]
fn a_quote_is_hit_and_filled() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    assert!(!r.in_flight());
    r.send_accept(&id("x1"), T, 50).unwrap();
    assert!(r.in_flight());
    assert_eq!(r.last_look(&id("x1")), Ok(true));
    assert!(take(&mut r, "x1", &fill("e1", "99.5", "5000000")).changed);
    assert_eq!(r.state, RfqState::Done);
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Traded);
    assert!(
        !take(&mut r, "x1", &fill("e1", "99.5", "5000000")).changed,
        "a repeat fills nothing twice"
    );
}

#[test]
fn an_accept_must_be_exactly_what_stands_on_the_table() {
    let r = open();
    let other = InstrumentId::new("US0378331005").unwrap();
    let base = || accept("x1", "A", "a1", "99.5");
    let cases: Vec<(Accept, &str)> = vec![
        (Accept { instrument: other, ..base() }, "accept.other_instrument"),
        (Accept { side: Side::Sell, ..base() }, "accept.side_not_asked"),
        (Accept { dealer: d("Z"), ..base() }, "dealer.not_asked"),
        (Accept { quote: QuoteId::new("a0").unwrap(), ..base() }, "quote.requoted"),
        (Accept { price: dec("99.4"), ..base() }, "accept.price_mismatch"),
        (Accept { quantity: dec("4000000"), ..base() }, "accept.quantity_mismatch"),
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

fn limited(id: &str, quote: &str, price: &str, limit: &str, until: i64) -> Accept {
    let limit = Limit { price: dec(limit), until: UtcMillis(until) };
    Accept { limit: Some(limit), ..accept(id, "A", quote, price) }
}

#[test]
fn an_accept_with_a_limit_follows_its_dealer_and_no_further() {
    let base = || limited("x1", "a1", "99.5", "99.6", 60_000);
    let again = |r: &mut Rfq, offer: &str| r.quote(quote("A", "a2", offer, 20_000), T).unwrap();
    let followed = |r: &Rfq, a: &Accept, now| {
        r.followed(a, UtcMillis(now)).map(|a| (a.quote.to_string(), a.price)).map_err(|e| e.code())
    };
    let takes = |quote: &str, price: &str| Ok((quote.to_owned(), dec(price)));
    for (what, offer, wanted) in [
        ("the same price", Some("99.5"), takes("a2", "99.5")),
        ("a better one", Some("99.4"), takes("a2", "99.4")),
        ("at the limit", Some("99.6"), takes("a2", "99.6")),
        ("beyond it", Some("99.605"), Err("quote.beyond_limit")),
        ("no new quote", None, takes("a1", "99.5")),
    ] {
        let mut r = open();
        if let Some(offer) = offer {
            again(&mut r, offer);
        }
        assert_eq!(followed(&r, &base(), 2_000), wanted, "{what}");
        assert!(r.may_follow(&base(), UtcMillis(2_000)), "{what}: it may quote again");
    }
    let mut r = open();
    again(&mut r, "99.4");
    assert_eq!(followed(&r, &accept("x1", "A", "a1", "99.5"), 2_000), takes("a1", "99.5"));
    let better_than_itself = limited("x1", "a1", "99.5", "99.4", 60_000);
    assert_eq!(followed(&r, &better_than_itself, 2_000), Err("accept.limit_better_than_price"));
    assert_eq!(followed(&r, &base(), 60_000), Err("accept.limit_over"));
    assert!(!r.may_follow(&base(), UtcMillis(60_000)));
    assert!(!r.may_follow(&accept("x1", "A", "a1", "99.5"), UtcMillis(2_000)), "without a limit");
    r.end(RfqState::Cancelled, None).unwrap();
    assert!(!r.may_follow(&base(), UtcMillis(2_000)));
}

#[test]
fn what_the_gateway_passed_on_must_be_within_what_was_agreed() {
    let s = |quote: &str, price: &str| limited("x1", quote, price, "99.6", 60_000);
    for (what, as_sent, agreed) in [
        ("the quote itself", s("a1", "99.5"), true),
        ("a later one", s("a2", "99.6"), true),
        ("a worse one", s("a2", "99.605"), false),
        ("another size", Accept { quantity: dec("1"), ..s("a2", "99.5") }, false),
        ("another dealer", Accept { dealer: d("B"), ..s("a2", "99.5") }, false),
        ("another limit", limited("x1", "a2", "99.5", "99.7", 60_000), false),
        ("another accept", limited("x2", "a2", "99.5", "99.6", 60_000), false),
    ] {
        let mut r = open();
        r.arm(s("a1", "99.5"), T, 0).unwrap();
        assert!(!r.passed_on(&as_sent), "{what}: it has not left");
        r.send_accept(&s("a1", "99.5").id, T, 0).unwrap();
        assert_eq!(r.passed_on(&as_sent), agreed, "{what}");
        let stands = if agreed { as_sent } else { s("a1", "99.5") };
        assert_eq!(r.accept.as_ref().map(|(a, _)| a), Some(&stands), "{what}");
    }
}

#[test]
fn the_best_price_is_of_a_side_that_was_asked_while_the_rfq_is_open() {
    let mut r = open();
    let best = |r: &Rfq, side, now| r.best(side, UtcMillis(now), 0).map(|b| (b.price, b.dealers));
    assert_eq!(best(&r, Side::Buy, 2_000), Some((dec("99.5"), vec![d("A")])));
    assert_eq!(best(&r, Side::Buy, 10_000), Some((dec("99.6"), vec![d("B")])), "A's is over");
    assert_eq!(best(&r, Side::Sell, 2_000), None, "bids are there, and were not asked for");
    r.end(RfqState::Cancelled, None).unwrap();
    assert_eq!(best(&r, Side::Buy, 2_000), None);
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
fn a_requote_at_the_same_terms_ends_nothing_that_the_trader_is_confirming() {
    let again = || quote("A", "a2", "99.5", 20_000);
    let level = |price: &str, size: &str| Some(Level { price: dec(price), size: dec(size) });
    let size = again().offer.unwrap().size;
    for (new, stays) in [
        (again(), true),
        (Quote { offer: level("99.500", &size.to_string()), ..again() }, true),
        (Quote { bid: level("99.0", "5000000"), ..again() }, true),
        (Quote { offer: level("99.501", &size.to_string()), ..again() }, false),
        (Quote { offer: level("99.499", &size.to_string()), ..again() }, false),
        (Quote { offer: level("99.5", "1000000"), ..again() }, false),
        (Quote { offer: None, bid: level("99.5", "5000000"), ..again() }, false),
        (Quote { tradeable: false, ..again() }, false),
        (Quote { valid_until: T, ..again() }, false),
    ] {
        let mut r = open();
        r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
        let _ = r.quote(new.clone(), T);
        let sent = r.send_accept(&id("x1"), T, 50);
        assert_eq!(sent.is_ok(), stays, "{new:?}");
        // What leaves names the quote that stands, at the terms that were confirmed.
        if let Ok(sent) = sent {
            assert_eq!(sent, accept("x1", "A", "a2", "99.5"));
        }
    }
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
    assert_eq!(
        r.send_accept(&id("x1"), T, 50),
        Err(AcceptRefusal::InFlight),
        "a double click sends once"
    );
    r.answer_lost();
    assert_eq!(
        r.arm(accept("x2", "B", "b1", "99.6"), T, 50),
        Err(AcceptRefusal::InFlight),
        "unknown is not free"
    );
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
    let other = InstrumentId::new("US0378331005").unwrap();
    let good = || fill("e", "99.5", "5000000");
    for (bad, why) in [
        (fill("e", "99.6", "5000000"), "the price differs"),
        (fill("e", "99.5", "6000000"), "more was executed than was accepted"),
        (fill("e", "99.5", "0"), "the quantity differs"),
        (fill("e", "99.5", "-1"), "the quantity differs"),
        (part("e", "5000000", "0"), "the quantity differs"),
        (part("e", "5000000", "2000000"), "the quantity differs"),
        (Report { side: Side::Sell, ..good() }, "the side differs"),
        (Report { instrument: other, ..good() }, "the instrument differs"),
        (
            Report { settlement_date: Some("20261125".into()), ..good() },
            "the settlement date differs",
        ),
        (Report { currency: Some("USD".into()), ..good() }, "the currency differs"),
        (
            Report {
                status: OrdStatus::PartiallyFilled,
                kind: ExecType::Status,
                cum_qty: dec("9000000"),
                ..good()
            },
            "more was executed than was accepted",
        ),
        (
            Report { kind: ExecType::Rejected, ..good() },
            "its type, its status and its quantity do not go together",
        ),
    ] {
        let mut r = sent();
        let taken = take(&mut r, "x1", &bad);
        assert_eq!(taken.dispute.map(|d| d.why), Some(why.to_owned()));
        assert_eq!(r.accept.as_ref().map(|(_, s)| s), Some(&AcceptState::Disputed), "{why}");
        assert_eq!((r.state, r.disputes.len(), r.in_flight()), (RfqState::Open, 1, false), "{why}");
        assert_eq!(
            r.check_accept(&accept("x2", "B", "b1", "99.6"), T, 0),
            Err(AcceptRefusal::Disputed),
            "{why}"
        );
        assert!(!take(&mut r, "x1", &bad).changed, "the same again is one dispute");
    }
}

#[test]
fn a_fill_is_never_undone_by_what_comes_after_it() {
    let whole = fill("e1", "99.5", "5000000");
    for (late, settles) in [
        (fill("e2", "99.5", "5000000"), true),
        (fill("e2", "98", "5000000"), true),
        (fill("e1", "98", "5000000"), true),
        (
            Report { settlement_date: Some("20261124".into()), ..fill("e1", "99.5", "5000000") },
            true,
        ),
        (fill("e2", "99.5", "9000000"), true),
        (
            Report {
                kind: ExecType::Rejected,
                status: OrdStatus::Rejected,
                last: None,
                cum_qty: dec("0"),
                ..fill("r", "99.5", "1")
            },
            true,
        ),
        (
            Report {
                kind: ExecType::Cancelled,
                last: None,
                cum_qty: dec("0"),
                ..fill("c", "99.5", "1")
            },
            true,
        ),
        (
            Report {
                kind: ExecType::Status,
                cum_qty: dec("1"),
                last: None,
                ..fill("s", "99.5", "1")
            },
            true,
        ),
        (
            Report {
                kind: ExecType::PendingNew,
                last: None,
                cum_qty: dec("0"),
                ..fill("n", "99.5", "1")
            },
            false,
        ),
        (Report { kind: ExecType::Status, last: None, ..fill("s", "99.5", "5000000") }, false),
        (whole.clone(), false),
    ] {
        let mut r = sent();
        take(&mut r, "x1", &whole);
        let before = r.clone();
        let taken = take(&mut r, "x1", &late);
        assert_eq!((r.accept.clone(), r.state), (before.accept, RfqState::Done), "{late:?}");
        assert_eq!(
            (taken.dispute.is_some(), r.disputes.len()),
            (settles, usize::from(settles)),
            "{late:?}"
        );
        assert_eq!(r.declined(&id("x1"), Declined::ByDealer("no".into())), Ok(false));
        assert!(
            !r.answer_lost()
                && !r.waits_at_gateway(&id("x1"))
                && r.last_look(&id("x1")) == Ok(false)
        );
    }
}

#[test]
fn a_fill_after_a_refusal_is_a_dispute_also_of_an_earlier_accept() {
    let mut r = sent();
    r.declined(&id("x1"), Declined::ByDealer("no".into())).unwrap();
    r.arm(accept("x2", "B", "b1", "99.6"), T, 0).unwrap();
    r.send_accept(&id("x2"), T, 0).unwrap();
    let late = take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
    assert_eq!(
        late.dispute.as_ref().map(|d| (d.dealer.clone(), d.why.as_str())),
        Some((d("A"), "it comes after the answer was final"))
    );
    assert!(
        matches!(r.past[0].1, AcceptState::Declined(_)) && r.in_flight(),
        "the other accept goes on"
    );
    // B's answer is B's, and a trade.
    assert!(take(&mut r, "x2", &fill("e1", "99.6", "5000000")).changed);
    assert_eq!(
        (r.state, r.line(&d("A")).unwrap().state.clone()),
        (RfqState::Done, LineState::Quoted)
    );
    assert_eq!(
        r.counted().iter().map(|c| (c.id.as_str(), c.quantity)).collect::<Vec<_>>(),
        [("x2", dec("5000000")), ("x1", dec("5000000"))]
    );
    assert_eq!(
        r.report(&id("zz"), &fill("e", "1", "1"), Declined::ByDealer, T),
        Err(RfqError::NoSuchAccept)
    );
}

#[test]
fn parts_are_known_by_their_exec_ids_and_add_up() {
    let mut r = sent();
    assert!(take(&mut r, "x1", &part("e1", "2000000", "2000000")).changed);
    assert!(
        matches!(&r.accept, Some((_, AcceptState::PartlyFilled(e))) if e.quantity == dec("2000000"))
    );
    assert!(!take(&mut r, "x1", &part("e1", "2000000", "2000000")).changed);
    assert!(take(&mut r, "x1", &part("e2", "3000000", "5000000")).changed);
    assert!(
        matches!(&r.accept, Some((_, AcceptState::Filled(e))) if e.quantity == dec("5000000") && e.exec_id == "e2")
    );
    // The other order ends the same way.
    let mut r = sent();
    assert!(take(&mut r, "x1", &part("e2", "3000000", "5000000")).changed);
    assert!(matches!(&r.accept, Some((_, AcceptState::Filled(_)))));
    assert!(take(&mut r, "x1", &part("e1", "2000000", "2000000")).dispute.is_none());
    assert!(matches!(&r.accept, Some((_, AcceptState::Filled(e))) if e.quantity == dec("5000000")));
    assert!(take(&mut r, "x1", &part("e3", "1", "5000000")).dispute.is_some(), "one too many");
    // First told by a status report, then by the execution itself.
    let mut r = sent();
    let status = Report { kind: ExecType::Status, last: None, ..fill("0", "99.5", "5000000") };
    assert!(take(&mut r, "x1", &status).changed);
    let learned = take(&mut r, "x1", &part("e1", "5000000", "5000000"));
    assert!(learned.changed && learned.dispute.is_none() && r.executions.len() == 1);
    let mut r = sent();
    take(&mut r, "x1", &status);
    let learned = take(&mut r, "x1", &Report { last: None, ..fill("e1", "99.5", "5000000") });
    assert!(learned.changed && learned.dispute.is_none());
    assert!(
        take(&mut r, "x1", &Report { last: None, ..fill("e9", "99.5", "5000000") })
            .dispute
            .is_some(),
        "another ExecID for the same"
    );
}

#[test]
fn busts_and_corrections_are_states_of_the_trade() {
    let mut r = sent();
    take(&mut r, "x1", &fill("e1", "99.5", "5000000"));
    let corrected =
        take(&mut r, "x1", &about(ExecType::TradeCorrect, "g1", "e1", "99.4", "4000000"));
    assert!(corrected.changed && corrected.dispute.is_none());
    assert!(
        matches!(&r.accept, Some((_, AcceptState::Corrected(e))) if e.price == dec("99.4") && e.quantity == dec("4000000"))
    );
    assert!(
        !take(&mut r, "x1", &about(ExecType::TradeCorrect, "g1", "e1", "99.4", "4000000")).changed
    );
    assert!(
        !take(&mut r, "x1", &fill("e1", "99.5", "5000000")).changed,
        "the execution that was corrected comes again"
    );
    let so_far = Report { kind: ExecType::Status, last: None, ..fill("s", "99.4", "4000000") };
    assert!(take(&mut r, "x1", &so_far).dispute.is_none(), "a status in the corrected terms");
    assert!(
        take(&mut r, "x1", &about(ExecType::TradeCorrect, "g2", "e1", "99.3", "1"))
            .dispute
            .is_some(),
        "e1 stands no longer"
    );
    assert!(
        take(&mut r, "x1", &about(ExecType::TradeCorrect, "g3", "g1", "99.3", "6000000"))
            .dispute
            .is_some(),
        "more than accepted"
    );
    assert!(
        take(&mut r, "x1", &about(ExecType::TradeCorrect, "g4", "g1", "0", "1")).dispute.is_some(),
        "no price"
    );
    assert!(take(&mut r, "x1", &bust("h1", "g1")).changed);
    assert!(matches!(&r.accept, Some((_, AcceptState::Busted(e))) if e.quantity == dec("4000000")));
    assert_eq!(
        (r.state, r.counted()[0].quantity),
        (RfqState::Done, dec("5000000")),
        "a bust frees no limit"
    );
    assert!(
        !take(&mut r, "x1", &bust("h1", "g1")).changed
            && !take(&mut r, "x1", &bust("h2", "g1")).changed
    );
    assert!(
        !take(&mut r, "x1", &fill("e1", "99.5", "5000000")).changed,
        "a resent fill brings no bust back"
    );
    assert!(take(&mut r, "x1", &fill("e9", "99.5", "5000000")).dispute.is_some());
    assert!(matches!(&r.accept, Some((_, AcceptState::Busted(_)))));

    // One of two parts, named or, when it is the only one, not.
    let mut r = sent();
    take(&mut r, "x1", &part("e1", "2000000", "2000000"));
    take(&mut r, "x1", &part("e2", "3000000", "5000000"));
    assert!(take(&mut r, "x1", &bust("h0", "")).dispute.is_some(), "which of two?");
    assert!(take(&mut r, "x1", &bust("h1", "e1")).changed);
    assert!(
        matches!(&r.accept, Some((_, AcceptState::Corrected(e))) if e.quantity == dec("3000000"))
    );
    assert!(take(&mut r, "x1", &bust("h2", "")).changed);
    assert!(matches!(&r.accept, Some((_, AcceptState::Busted(_)))));
    // Nothing is known that could be busted or corrected.
    for m in [bust("h", "e1"), about(ExecType::TradeCorrect, "g", "e1", "99.5", "5000000")] {
        let mut r = sent();
        assert!(take(&mut r, "x1", &m).dispute.is_some());
        assert_eq!(r.accept.as_ref().map(|(_, s)| s), Some(&AcceptState::Disputed));
    }
    // A trade that only a status report told of can be busted too.
    let mut r = sent();
    take(
        &mut r,
        "x1",
        &Report { kind: ExecType::Status, last: None, ..fill("0", "99.5", "5000000") },
    );
    assert!(take(&mut r, "x1", &bust("h1", "e1")).changed);
    assert!(matches!(&r.accept, Some((_, AcceptState::Busted(_)))));
}

#[test]
fn a_peer_fills_no_memory() {
    let mut r = sent();
    r.declined(&id("x1"), Declined::ByDealer("no".into())).unwrap();
    for n in 0..100 {
        take(&mut r, "x1", &fill(&format!("e{n}"), "99.5", "5000000"));
    }
    assert_eq!((r.disputes.len(), r.disputes_left_out), (crate::MAX_DISPUTES_PER_RFQ, 100 - 16));
    let mut r = sent();
    for n in 0..100 {
        take(&mut r, "x1", &part(&format!("e{n}"), "1", "1"));
    }
    assert_eq!(r.executions.len(), crate::MAX_EXECUTIONS_PER_RFQ);
    for n in 0..200 {
        let about = format!("e{}", n % 64);
        take(
            &mut r,
            "x1",
            &Report {
                kind: ExecType::TradeCorrect,
                exec_ref: Some(about),
                ..fill(&format!("g{n}"), "99.5", "1")
            },
        );
    }
    assert!(r.executions.len() <= 2 * crate::MAX_EXECUTIONS_PER_RFQ);
}

#[test]
fn a_lost_link_takes_quotes_away_and_the_same_quote_brings_them_back() {
    let a1 = || quote("A", "a1", "99.5", 10_000);
    let mut r = open();
    assert!(r.unreachable(&d("A")) && !r.unreachable(&d("A")) && !r.unreachable(&d("Z")));
    assert_eq!(r.line(&d("A")).unwrap().live_quote(T), None);
    assert_eq!(
        r.check_accept(&accept("x1", "A", "a1", "99.5"), T, 0),
        Err(AcceptRefusal::Unreachable)
    );
    assert_eq!(r.quote(a1(), T), Ok(true));
    assert_eq!(r.quote(a1(), T), Ok(false));
    assert_eq!(
        (r.line(&d("A")).unwrap().revision, r.line(&d("A")).unwrap().live_quote(T)),
        (1, Some(&a1()))
    );
    assert_eq!(r.line(&d("A")).unwrap().live_quote(UtcMillis(10_000)), None);
    // The desk's own link: every line, and the accept.
    r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
    assert!(r.link_lost());
    assert!(matches!(&r.accept, Some((_, AcceptState::Armed))), "it waits for its quote");
    let id = AcceptId::new("x1").unwrap();
    assert_eq!(r.send_accept(&id, T, 0), Err(AcceptRefusal::Unreachable), "and cannot be sent");
    assert!(r.lines.iter().all(|l| l.state == LineState::Unreachable));
    assert!(!r.link_lost());
    // One that comes back too late is over; one that was withdrawn stays so.
    assert_eq!(r.quote(a1(), UtcMillis(10_000)), Ok(true));
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Expired);
    assert_eq!(r.withdraw(&d("B"), Some(&QuoteId::new("b1").unwrap())), Ok(true));
    assert_eq!(r.quote(quote("B", "b1", "99.6", 20_000), T), Ok(false));
    assert_eq!(r.line(&d("B")).unwrap().state, LineState::Withdrawn);
}

/// For what the gateway says of dealer A after a gap: the line, and what becomes of an accept that
/// was armed on it.
#[test]
fn after_a_gap_only_what_is_not_repeated_is_gone() {
    let a1 = || quote("A", "a1", "99.5", 10_000);
    let moved = || quote("A", "a1", "99.6", 10_000);
    let same_terms = || quote("A", "a2", "99.5", 10_000);
    for (says, out_of_reach, state, armed, missing) in [
        (Some(a1()), false, LineState::Quoted, Ok("a1"), 1),
        (Some(same_terms()), false, LineState::Quoted, Ok("a2"), 1),
        (Some(moved()), false, LineState::Quoted, Err("re-quoted"), 1),
        (None, false, LineState::NotRepeated, Err("not repeated"), 2),
        (None, true, LineState::Unreachable, Err("link to the dealer"), 1),
    ] {
        let mut r = open();
        r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
        r.link_lost();
        says.iter().for_each(|q| drop(r.quote(q.clone(), T)));
        // B is never repeated.
        assert_eq!(r.settle_repeats(|x| out_of_reach && x == &d("A")), missing, "{says:?}");
        assert_eq!(r.line(&d("A")).unwrap().state, state, "{says:?}");
        assert_eq!(r.line(&d("B")).unwrap().state, LineState::NotRepeated);
        match (&r.accept, armed) {
            (Some((a, AcceptState::Armed)), Ok(quote)) => assert_eq!(a.quote.as_str(), quote),
            (Some((_, AcceptState::Declined(Declined::ByDesk(why)))), Err(words)) => {
                assert!(why.contains(words) && !why.contains("withdrew"), "{why}")
            }
            other => panic!("{says:?}: {other:?}"),
        }
        // What is said later, after all, can be taken.
        let _ = r.quote(quote("B", "b1", "99.6", 20_000), T);
        assert_eq!(r.line(&d("B")).unwrap().state, LineState::Quoted);
    }
}

#[test]
fn a_withdrawal_takes_the_quote_it_names() {
    let mut r = open();
    assert_eq!(r.withdraw(&d("A"), Some(&QuoteId::new("a0").unwrap())), Ok(false));
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Quoted);
    assert_eq!(r.withdraw(&d("A"), Some(&QuoteId::new("a1").unwrap())), Ok(true));
    assert_eq!(r.withdraw(&d("A"), None), Ok(false));
    assert_eq!(r.withdraw(&d("B"), None), Ok(true));
    assert_eq!(r.withdraw(&d("Z"), None), Err(RfqError::NotAsked(d("Z"))));
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
    r.withdraw(&d("B"), None).unwrap();
    assert!(matches!(r.accept, Some((_, AcceptState::Armed))), "another dealer's withdrawal");
    r.withdraw(&d("A"), None).unwrap();
    assert!(
        matches!(&r.accept, Some((_, AcceptState::Declined(Declined::ByDesk(why)))) if why.contains("withdrew"))
    );
    let mut fresh = Rfq::new(terms());
    assert_eq!(fresh.withdraw(&d("A"), None), Ok(false), "nothing was quoted");
}

/// Of a line that has a quote, or that ended otherwise, a snapshot's withdrawal says nothing.
#[test]
fn a_withdrawal_of_a_quote_that_was_never_seen_counts_for_a_line_that_waits() {
    let mut r = Rfq::new(terms());
    assert!(r.withdrawn_before(&d("A")));
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Withdrawn);
    assert!(!r.withdrawn_before(&d("A")), "once");
    assert!(!r.withdrawn_before(&d("Z")), "not asked");
    let mut quoted = open();
    assert!(!quoted.withdrawn_before(&d("A")));
    assert_eq!(quoted.line(&d("A")).unwrap().state, LineState::Quoted);
    let mut passed = Rfq::new(terms());
    passed.pass(&d("A"), Passed { code: REASON_PASS, text: "no".into() }).unwrap();
    assert!(!passed.withdrawn_before(&d("A")));
    assert!(matches!(passed.line(&d("A")).unwrap().state, LineState::Passed(_)));
}

#[test]
fn only_the_accept_that_is_named_moves() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    assert_eq!(r.send_accept(&id("x2"), T, 50), Err(AcceptRefusal::NotArmed));
    r.send_accept(&id("x1"), T, 50).unwrap();
    assert_eq!(r.send_accept(&id("x2"), T, 50), Err(AcceptRefusal::NotArmed));
    assert_eq!(r.last_look(&id("x2")), Err(RfqError::NoSuchAccept));
    assert_eq!(r.declined(&id("x2"), Declined::ByDealer("no".into())), Err(RfqError::NoSuchAccept));
    assert!(!r.waits_at_gateway(&id("x2")));
    assert_eq!(r.last_look(&id("x1")), Ok(true));
    assert_eq!(r.last_look(&id("x1")), Ok(false));
    assert!(!r.waits_at_gateway(&id("x1")), "a last look does not wait at the gateway");
    assert!(r.answer_lost() && !r.answer_lost());
    assert_eq!(r.last_look(&id("x1")), Ok(true), "the answer is not lost after all");
    assert!(r.answer_lost());
    assert!(!r.waits_at_gateway(&id("x2")) && r.waits_at_gateway(&id("x1")));
    assert!(matches!(r.accept, Some((_, AcceptState::Sent))));
    assert!(!Rfq::new(terms()).answer_lost());
}

#[test]
fn a_refused_rfq_says_why_and_stays_refused() {
    let mut r = Rfq::new(terms());
    assert!(r.refuse("no such dealer".into()));
    assert_eq!((r.state, r.reason.as_deref()), (RfqState::Refused, Some("no such dealer")));
    assert!(!r.refuse("again".into()) && r.reason.as_deref() == Some("no such dealer"));
    let mut r = open();
    r.end(RfqState::Cancelled, None).unwrap();
    assert!(!r.refuse("late".into()));
    assert_eq!((r.state, r.reason), (RfqState::Cancelled, None));
}

#[test]
fn an_accept_of_before_is_in_flight_whatever_stands_on_the_table() {
    let mut r = open();
    r.withdraw(&d("A"), None).unwrap();
    assert!(r.sent_before(accept("x1", "A", "a1", "99.5")));
    assert!(
        !r.sent_before(accept("x1", "A", "a1", "99.5"))
            && !r.sent_before(accept("x2", "B", "b1", "99.6"))
    );
    assert!(take(&mut r, "x1", &fill("e1", "99.5", "5000000")).changed);
}

#[test]
fn an_rfq_ends_at_its_deadline_if_it_was_given_one() {
    let mut r = open();
    r.deadline = Some(UtcMillis(130_000));
    let b = |until| quote("B", "b9", "99.6", until);
    r.quote(b(200_000), T).unwrap();
    assert_eq!(r.check_accept(&accept("x1", "B", "b9", "99.6"), UtcMillis(129_999), 0), Ok(()));
    assert_eq!(
        r.check_accept(&accept("x1", "B", "b9", "99.6"), UtcMillis(130_000), 0),
        Err(AcceptRefusal::Expired)
    );
    r.tick(UtcMillis(129_999));
    assert_eq!((r.state, r.next_deadline()), (RfqState::Open, Some(UtcMillis(130_000))));
    assert!(r.tick(UtcMillis(130_000)) && r.state == RfqState::Expired);
}

#[test]
fn a_smaller_quote_is_taken_whole_and_only_whole() {
    let mut r = open();
    let small = Quote {
        offer: Some(Level { price: dec("99.4"), size: dec("2000000") }),
        ..quote("A", "a2", "99.4", 10_000)
    };
    r.quote(small.clone(), T).unwrap();
    assert_eq!(r.accept_quantity(&small, Side::Buy), Some(dec("2000000")));
    assert!(r.check_accept(&accept("x", "A", "a2", "99.4"), T, 0).is_err());
    let part = Accept { quantity: dec("2000000"), ..accept("x", "A", "a2", "99.4") };
    assert_eq!(r.check_accept(&part, T, 0), Ok(()));
}

/// The line says why a quote cannot be taken, whatever the clock of the asker says.
#[test]
fn a_line_that_is_not_quoted_says_why_it_cannot_be_accepted() {
    type Happens = fn(&mut Rfq);
    let quoted: (&str, Happens, _) = ("quoted", |_| {}, Ok(()));
    let over: [(&str, Happens, AcceptRefusal); 3] = [
        ("expired", |r| assert!(r.tick(UtcMillis(10_000))), AcceptRefusal::Expired),
        ("not reachable", |r| assert!(r.unreachable(&d("A"))), AcceptRefusal::Unreachable),
        (
            "withdrawn",
            |r| assert_eq!(r.withdraw(&d("A"), None), Ok(true)),
            AcceptRefusal::Withdrawn,
        ),
    ];
    for (what, happens, want) in
        over.into_iter().map(|(what, h, why)| (what, h, Err(why))).chain([quoted])
    {
        let mut r = open();
        happens(&mut r);
        assert_eq!(r.check_accept(&accept("x", "A", "a1", "99.5"), T, 0), want, "{what}");
    }
}

#[test]
fn the_trader_takes_back_what_is_armed_and_not_what_was_sent() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
    r.disarm();
    assert_eq!(r.accept, None);
    r.arm(accept("x2", "A", "a1", "99.5"), T, 0).unwrap();
    r.send_accept(&id("x2"), T, 0).unwrap();
    r.disarm();
    assert!(matches!(r.accept, Some((_, AcceptState::Sent))));
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
                    let last = Some(Level { price: a.price, size: a.quantity });
                    let f = Report { last, cum_qty: a.quantity, ..fill("e", "1", "1") };
                    if r.report(&a.id, &f, Declined::ByDealer, now).unwrap().after == AcceptPhase::Filled { trades += 1; }
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
