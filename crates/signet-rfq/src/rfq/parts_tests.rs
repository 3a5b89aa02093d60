use super::super::tests::{T, accept, d, dec, fill, id, open, part as executed, take};
use super::*;
use crate::{
    Ask, Level, Limit, LineState, QuoteFault, RfqState, Side, Terms,
    instrument::bund,
    lifecycle::{AcceptEvent, AcceptPhase},
    sides_with_the_least,
};
use proptest::prelude::*;

/// A takes parts of its quotes, B does not.
fn parting() -> Rfq {
    let mut r = open();
    r.set_part(&d("A"), Some(PartRule::of(&bund())));
    r
}

fn some(quantity: &str) -> Accept {
    Accept { quantity: dec(quantity), ..accept("x1", "A", "a1", "99.5") }
}

fn code(r: &Rfq, a: &Accept) -> Option<&'static str> {
    r.check_accept(a, T, 50).err().map(|e| e.code())
}

/// x1 on two of A's five million has left.
fn part_sent() -> Rfq {
    let mut r = parting();
    r.arm(some("2000000"), T, 50).unwrap();
    r.send_accept(&id("x1"), T, 50).unwrap();
    r
}

#[test]
fn table_of_quantities_that_may_be_taken() {
    for (quantity, least, want) in [
        ("5000000", None, None),
        ("2000000", None, None),
        ("100000", None, None),
        ("4999000", None, None),
        ("5001000", None, Some("accept.quantity_mismatch")),
        ("99000", None, Some("part.too_small")),
        ("0", None, Some("part.too_small")),
        ("-2000000", None, Some("part.too_small")),
        ("2000500", None, Some("part.off_lot")),
        ("2000000", Some("2000000"), None),
        ("1999000", Some("2000000"), Some("part.below_least")),
        // All or none.
        ("5000000", Some("5000000"), None),
        ("4999000", Some("5000000"), Some("part.below_least")),
    ] {
        let mut r = parting();
        r.terms.min_quantity = least.map(dec);
        assert_eq!(code(&r, &some(quantity)), want, "{quantity} {least:?}");
        // Where the dealer takes no part, nothing but the whole goes.
        r.set_part(&d("A"), None);
        let whole = dec(quantity) == dec("5000000");
        let want = (!whole).then_some("accept.quantity_mismatch");
        assert_eq!(code(&r, &some(quantity)), want, "{quantity} {least:?}");
    }
    let of_b = Accept { quantity: dec("2000000"), ..accept("x1", "B", "b1", "99.6") };
    assert_eq!(code(&parting(), &of_b), Some("accept.quantity_mismatch"), "another's rule");
}

#[test]
fn a_part_of_a_quote_for_more_than_was_asked_is_a_part_of_what_was_asked() {
    let mut r = parting();
    let offer = Some(Level { price: dec("99.4"), size: dec("9000000") });
    let large = Quote { offer, ..r.line(&d("A")).unwrap().quote.clone().unwrap() };
    let large = Quote { id: crate::QuoteId::new("a2").unwrap(), ..large };
    r.quote(large, T).unwrap();
    let a = |quantity: &str| Accept { quantity: dec(quantity), ..accept("x1", "A", "a2", "99.4") };
    assert_eq!(code(&r, &a("9000000")), Some("accept.quantity_mismatch"));
    assert_eq!(code(&r, &a("5000000")), None);
    r.arm(a("2000000"), T, 50).unwrap();
    assert_eq!(r.accept.as_ref().unwrap().0.part_of, Some(dec("5000000")));
}

#[test]
fn a_quantity_is_chosen_while_the_terms_are_shown_and_gets_another_id() {
    let mut r = parting();
    assert_eq!(r.take_quantity(None, id("x2"), T, 50), Err(AcceptRefusal::NotArmed));
    assert!(!r.takes_part());
    r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
    assert!(r.takes_part());
    let stands = |r: &Rfq| {
        let (a, s) = r.accept.as_ref().unwrap();
        (a.id.to_string(), a.quantity, a.part_of, s.phase())
    };
    let whole = ("x1".to_owned(), dec("5000000"), None, AcceptPhase::Armed);
    assert_eq!(r.take_quantity(None, id("x2"), T, 50), Ok(false));
    assert_eq!(r.take_quantity(Some(dec("5000000.0")), id("x2"), T, 50), Ok(false));
    assert_eq!(stands(&r), whole);
    for (bad, why) in [
        ("5001000", "part.too_much"),
        ("2000500", "part.off_lot"),
        ("0", "part.too_small"),
        ("-1", "part.too_small"),
    ] {
        let refused = r.take_quantity(Some(dec(bad)), id("x2"), T, 50).unwrap_err();
        assert_eq!((refused.code(), stands(&r)), (why, whole.clone()), "{bad}");
    }
    assert_eq!(r.take_quantity(Some(dec("2000000")), id("x2"), T, 50), Ok(true));
    let part = ("x2".to_owned(), dec("2000000"), Some(dec("5000000")), AcceptPhase::Armed);
    assert_eq!(stands(&r), part);
    // Who confirms what was on the screen before sends nothing.
    assert_eq!(r.send_accept(&id("x1"), T, 50), Err(AcceptRefusal::NotArmed));
    assert_eq!(r.take_quantity(None, id("x3"), T, 50), Ok(true));
    assert_eq!(stands(&r), ("x3".to_owned(), dec("5000000"), None, AcceptPhase::Armed));
    r.take_quantity(Some(dec("1000000")), id("x4"), T, 50).unwrap();
    let sent = r.send_accept(&id("x4"), T, 50).unwrap();
    assert_eq!((sent.quantity, sent.part_of), (dec("1000000"), Some(dec("5000000"))));
    assert_eq!(r.take_quantity(None, id("x5"), T, 50), Err(AcceptRefusal::NotArmed));
    assert!(!r.takes_part(), "it has left");
}

#[test]
fn a_dealer_that_stopped_taking_parts_is_sent_none() {
    let mut r = parting();
    r.arm(some("2000000"), T, 50).unwrap();
    r.set_part(&d("A"), None);
    let refused = r.take_quantity(Some(dec("1000000")), id("x2"), T, 50).unwrap_err();
    assert_eq!(refused, AcceptRefusal::Part(PartFault::NotTaken(d("A"))));
    let refused = r.send_accept(&id("x1"), T, 50).unwrap_err();
    assert_eq!(refused.code(), "accept.quantity_mismatch");
    assert!(matches!(r.accept, Some((_, AcceptState::Armed))), "nothing left");
}

#[test]
fn a_quote_of_another_size_ends_the_arming_of_a_part() {
    for (size, stands) in [("5000000", true), ("4000000", false), ("6000000", false)] {
        let mut r = parting();
        r.arm(some("2000000"), T, 50).unwrap();
        let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
        let offer = Some(Level { price: dec("99.5"), size: dec(size) });
        let again = Quote { id: crate::QuoteId::new("a2").unwrap(), offer, ..before };
        r.quote(again, T).unwrap();
        let armed = matches!(r.accept, Some((_, AcceptState::Armed)));
        assert_eq!(armed, stands, "{size}");
    }
}

/// Every report of an accept of two of five million, and what it does.
#[test]
fn a_part_is_filled_by_what_was_accepted_and_by_no_more() {
    use AcceptEvent as E;
    use AcceptPhase as P;
    type Row<'a> = (&'a str, &'a str, E, P);
    let table: [Row<'_>; 5] = [
        ("2000000", "2000000", E::WholeExecuted, P::Filled),
        ("1000000", "1000000", E::PartExecuted, P::PartlyFilled),
        // What dealers do that ignore OrderQty.
        ("5000000", "5000000", E::Contradicted, P::Disputed),
        ("2001000", "2001000", E::Contradicted, P::Disputed),
        ("1000000", "5000000", E::Contradicted, P::Disputed),
    ];
    for (last, cum, event, after) in table {
        let mut r = part_sent();
        let taken = take(&mut r, "x1", &executed("e1", last, cum));
        assert_eq!((taken.event, taken.after), (event, after), "{last} {cum}");
        let disputed = event == E::Contradicted;
        assert_eq!(taken.dispute.is_some(), disputed, "{last} {cum}");
        let why = taken.dispute.map(|d| d.why).unwrap_or_default();
        let said = "more was executed than was accepted: 2000000 of 5000000 quoted";
        assert_eq!(why == said, disputed, "{why}");
        assert_eq!(r.state == RfqState::Done, !disputed);
        // It counts as what was accepted: more of it may be executed, or it is in dispute.
        let counted: Vec<Decimal> = r.counted().iter().map(|c| c.quantity).collect();
        assert_eq!(counted, [dec("2000000")]);
    }
    // The rest of the accept, and then more than it.
    let mut r = part_sent();
    take(&mut r, "x1", &executed("e1", "1000000", "1000000"));
    let taken = take(&mut r, "x1", &executed("e2", "1000000", "2000000"));
    assert_eq!((taken.event, taken.after), (E::WholeExecuted, P::Filled));
    let taken = take(&mut r, "x1", &executed("e3", "3000000", "5000000"));
    assert_eq!((taken.after, taken.dispute.is_some()), (P::Filled, true));
    assert_eq!(r.line(&d("A")).unwrap().state, LineState::Traded);
}

#[test]
fn a_part_with_a_limit_follows_for_the_same_quantity() {
    let limit = Some(Limit { price: dec("99.6"), until: UtcMillis(60_000) });
    for (size, code) in [
        ("5000000", None),
        ("3000000", None),
        ("2000000", None),
        ("1000000", Some("accept.quantity_mismatch")),
    ] {
        let mut r = parting();
        let a = Accept { limit, ..some("2000000") };
        let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
        let offer = Some(Level { price: dec("99.55"), size: dec(size) });
        let again = Quote { id: crate::QuoteId::new("a2").unwrap(), offer, ..before };
        r.quote(again, T).unwrap();
        let followed = r.followed(&a, T).unwrap();
        assert_eq!((followed.quantity, followed.price), (dec("2000000"), dec("99.55")));
        let refused = r.check_accept(&followed, T, 50).err().map(|e| e.code());
        assert_eq!(refused, code, "{size}");
        if code.is_none() {
            let way = r.direction();
            assert!(r.sent_before(a.clone()) && a.agrees_to(way, &followed), "{size}");
            assert!(r.passed_on(&followed));
            let part_of = (size != "2000000").then(|| dec(size));
            let (stands, _) = r.accept.as_ref().unwrap();
            assert_eq!((stands.quote.as_str(), stands.part_of), ("a2", part_of), "{size}");
        }
    }
}

/// What said on which quote the accept went on was lost, and the report says the price.
#[test]
fn what_the_quote_was_for_is_not_taken_from_a_quote_of_another_price() {
    let limit = Some(Limit { price: dec("99.6"), until: UtcMillis(60_000) });
    // The size of the dealer's next quote, whether this end heard it, and what is known then.
    for (size, heard, quote, part_of) in [
        ("3000000", true, "a2", Some("3000000")),
        ("2000000", true, "a2", None),
        ("9000000", true, "a2", Some("5000000")),
        ("3000000", false, "a1", None),
    ] {
        let mut r = parting();
        r.arm(Accept { limit, ..some("2000000") }, T, 50).unwrap();
        r.send_accept(&id("x1"), T, 50).unwrap();
        if heard {
            let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
            let offer = Some(Level { price: dec("99.55"), size: dec(size) });
            r.quote(Quote { id: crate::QuoteId::new("a2").unwrap(), offer, ..before }, T).unwrap();
        }
        assert_eq!(r.accept.as_ref().unwrap().0.part_of, Some(dec("5000000")));
        assert!(!r.passed_on_at(&id("x1"), dec("99.7"), &[]), "beyond the limit");
        assert!(r.passed_on_at(&id("x1"), dec("99.55"), &[]), "{size} {heard}");
        take(&mut r, "x1", &fill("e1", "99.55", "2000000"));
        let (a, s) = r.accept.as_ref().unwrap();
        let stands = (a.quote.as_str(), a.part_of, s.phase());
        assert_eq!(stands, (quote, part_of.map(dec), AcceptPhase::Filled), "{size} {heard}");
    }
}

#[test]
fn no_part_is_offered_where_none_can_be_taken() {
    for (least, offered) in [(None, true), (Some("4999000"), true), (Some("5000000"), false)] {
        let mut r = parting();
        r.terms.min_quantity = least.map(dec);
        r.arm(accept("x1", "A", "a1", "99.5"), T, 50).unwrap();
        assert_eq!(r.takes_part(), offered, "{least:?}");
    }
    // A part that is taken can be given up again, also where it is the smallest.
    let mut r = parting();
    r.arm(some("100000"), T, 50).unwrap();
    assert!(r.takes_part());
}

#[test]
fn what_the_quote_was_for_is_known_after_a_restart_and_after_it_was_replaced() {
    // From the gateway's snapshot, whose messages do not say it.
    let mut r = open();
    assert!(r.sent_before(some("2000000")));
    assert_eq!(r.accept.as_ref().unwrap().0.part_of, Some(dec("5000000")));
    let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
    let offer = Some(Level { price: dec("99.7"), size: dec("1000000") });
    r.quote(Quote { id: crate::QuoteId::new("a2").unwrap(), offer, ..before }, T).unwrap();
    assert!(r.passed_on(&some("2000000")), "word for word, without what the quote was for");
    assert_eq!(r.accept.as_ref().unwrap().0.part_of, Some(dec("5000000")));
    take(&mut r, "x1", &fill("e1", "99.5", "2000000"));
    let (a, s) = r.accept.as_ref().unwrap();
    assert_eq!((a.part_of, s.phase()), (Some(dec("5000000")), AcceptPhase::Filled));
    // A quote that was taken whole says nothing.
    let mut r = open();
    assert!(r.sent_before(some("5000000")));
    assert_eq!(r.accept.as_ref().unwrap().0.part_of, None);
}

#[test]
fn one_small_side_is_left_out_and_the_other_is_taken() {
    let two_way = |bid: &str, offer: &str| {
        let level = |price: &str, size: &str| Some(Level { price: dec(price), size: dec(size) });
        let mut r = open();
        r.terms = Terms { ask: Ask::TwoWay, min_quantity: Some(dec("2000000")), ..r.terms.clone() };
        let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
        let id = crate::QuoteId::new("a2").unwrap();
        let (bid, offer) = (level("99", bid), level("99.5", offer));
        let q = Quote { id, bid, offer, ..before };
        let checked = q.check_for(&r.terms, T);
        r.quote(q, T).unwrap();
        (r, checked)
    };
    let take = |side: Side, quantity: &str| {
        let (quote, price) = ("a2", if side == Side::Buy { "99.5" } else { "99" });
        Accept { side, quantity: dec(quantity), ..accept("x1", "A", quote, price) }
    };
    let (r, checked) = two_way("1000000", "5000000");
    assert_eq!(checked, Ok(()));
    assert_eq!(r.line(&d("A")).unwrap().quote.as_ref().unwrap().bid, None);
    assert_eq!(code(&r, &take(Side::Buy, "5000000")), None);
    assert_eq!(code(&r, &take(Side::Sell, "1000000")), Some("quote.no_price_on_side"));
    let (r, checked) = two_way("2000000", "1999000");
    assert_eq!(checked, Ok(()));
    assert_eq!(code(&r, &take(Side::Sell, "2000000")), None);
    assert_eq!(code(&r, &take(Side::Buy, "1999000")), Some("quote.no_price_on_side"));
    let (_, checked) = two_way("1000000", "1999000");
    assert_eq!(checked, Err(QuoteFault::BelowMinimum(dec("1999000"), dec("2000000"))));
}

proptest! {
    /// Whatever is taken of a quote, it is the whole, or a quantity that could be asked for and is
    /// not below the least quantity; and it is never more than the quote is for.
    #[test]
    fn what_may_be_taken_is_within_the_quote(
        taken in -1_000i64..7_000,
        size in 1i64..7_000,
        least in 0i64..6_000,
        takes in any::<bool>(),
    ) {
        let mut r = open();
        r.terms.min_quantity = Some(least).filter(|n| *n > 0).map(|n| Decimal::from(n * 1_000));
        let before = r.line(&d("A")).unwrap().quote.clone().unwrap();
        let offer = Some(Level { price: dec("99.5"), size: Decimal::from(size * 1_000) });
        let again = Quote { id: crate::QuoteId::new("a2").unwrap(), offer, ..before };
        r.quote(again, T).unwrap();
        r.set_part(&d("A"), takes.then(|| PartRule::of(&bund())));
        let quantity = Decimal::from(taken * 1_000);
        let a = Accept { quantity, ..accept("x1", "A", "a2", "99.5") };
        let whole = Decimal::from(size * 1_000).min(dec("5000000"));
        if r.check_accept(&a, T, 0).is_ok() {
            prop_assert!(quantity == whole || takes);
            prop_assert!(quantity > Decimal::ZERO && quantity <= whole);
            prop_assert!(r.terms.min_quantity.is_none_or(|least| quantity >= least));
            prop_assert!(quantity == whole || bund().check_quantity(quantity).is_ok());
            r.arm(a, T, 0).unwrap();
            let (armed, _) = r.accept.as_ref().unwrap();
            prop_assert_eq!(armed.part_of, (quantity < whole).then_some(whole));
        }
    }

    /// What is left out of a quote is never its only good side, and doing it twice changes nothing.
    #[test]
    fn a_side_is_left_out_only_beside_a_good_one(
        bid in prop::option::of(1i64..100),
        offer in prop::option::of(1i64..100),
        least in prop::option::of(1i64..100),
        which in 0usize..3,
    ) {
        let ask = [Ask::Buy, Ask::Sell, Ask::TwoWay][which];
        let level = |n: i64| Level { price: Decimal::ONE, size: n.into() };
        let least = least.map(Decimal::from);
        let came = (bid.map(level), offer.map(level));
        let left = sides_with_the_least(ask, least, came);
        prop_assert_eq!(sides_with_the_least(ask, least, left), left);
        if left != came {
            prop_assert_eq!(ask, Ask::TwoWay);
            let stays: Vec<Level> = left.0.into_iter().chain(left.1).collect();
            prop_assert!(stays.len() == 1 && least.is_some_and(|l| stays[0].size >= l));
        }
    }
}
