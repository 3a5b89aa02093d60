//! What a counter may be, what answers it, and what it never does.

use super::super::tests::{accept, d, dec, fill, id, open, sent};
use super::*;
use crate::{
    InstrumentId, Level, PriceType, Quote, QuoteId, REASON_PASS, Rfq, RfqState, Side,
    fix::ExecType, lifecycle::AcceptPhase,
};

const T: UtcMillis = UtcMillis(2_000);

fn counter(name: &str, dealer: &str, quote: &str, price: &str) -> Counter {
    Counter {
        id: id(name),
        dealer: d(dealer),
        quote: QuoteId::new(quote).unwrap(),
        side: Side::Buy,
        price: dec(price),
        quoted: dec("99.5"),
        quantity: dec("5000000"),
        until: UtcMillis(12_000),
        at: T,
    }
}

fn again(r: &Rfq, dealer: &str, name: &str, offer: &str) -> Quote {
    let before = r.line(&d(dealer)).unwrap().quote.clone().unwrap();
    let offer = Some(Level { price: dec(offer), ..before.offer.unwrap() });
    Quote { id: QuoteId::new(name).unwrap(), offer, valid_until: UtcMillis(60_000), ..before }
}

fn state(r: &Rfq, name: &str) -> CounterState {
    r.counter_of(&id(name)).unwrap().1.clone()
}

fn line(r: &Rfq) -> &LineState {
    &r.line(&d("A")).unwrap().state
}

fn countered() -> Rfq {
    let mut r = open();
    r.check_counter(&counter("c1", "A", "a1", "99.45"), T).unwrap();
    assert!(r.counter(counter("c1", "A", "a1", "99.45")));
    r
}

#[test]
fn table_of_counters() {
    let base = || counter("c1", "A", "a1", "99.45");
    let code = |r: &Rfq, c: &Counter| r.check_counter(c, T).err().map(|e| e.code());
    let r = open();
    assert_eq!(code(&r, &base()), None);
    for (change, want) in [
        ((|c| c.price = dec("99.5")) as fn(&mut Counter), "counter.not_better"),
        (|c| c.price = dec("99.6"), "counter.not_better"),
        (|c| c.price = dec("0"), "counter.price"),
        (|c| c.price = dec("-1"), "counter.price"),
        (|c| c.quote = QuoteId::new("a0").unwrap(), "quote.requoted"),
        (|c| c.dealer = d("Z"), "dealer.not_asked"),
        (|c| c.side = Side::Sell, "accept.side_not_asked"),
        (|c| c.quantity = dec("1"), "accept.quantity_mismatch"),
        (|c| c.until = T, "counter.until"),
        (|c| c.until = UtcMillis(T.0 + COUNTER_WAIT_MAX_MS + 1), "counter.until"),
    ] {
        let mut c = base();
        change(&mut c);
        assert_eq!(code(&r, &c), Some(want), "{c:?}");
    }
    let mut short = open();
    short.deadline = Some(UtcMillis(11_999));
    assert_eq!(code(&short, &base()), Some("counter.until"), "it outlives the RFQ");
    let mut package = open();
    package.terms.instrument = InstrumentId::package();
    assert_eq!(code(&package, &base()), Some("counter.package"));
    assert_eq!(code(&sent(), &base()), Some("accept.in_flight"), "an accept is in flight");
    assert_eq!(code(&sent(), &counter("x1", "B", "b1", "99.1")), Some("accept.id_used"));
    let mut over = open();
    over.end(RfqState::Cancelled, None).unwrap();
    assert_eq!(code(&over, &base()), Some("rfq.not_open"));
    let mut indicative = open();
    let soft = Quote { tradeable: false, ..again(&indicative, "A", "a2", "99.5") };
    indicative.quote(soft, T).unwrap();
    assert_eq!(code(&indicative, &counter("c1", "A", "a2", "99.4")), Some("quote.indicative"));
    let r = countered();
    assert_eq!(code(&r, &base()), Some("accept.id_used"));
    assert_eq!(code(&r, &counter("c2", "A", "a1", "99.4")), Some("counter.in_flight"));
    assert_eq!(code(&r, &counter("c2", "B", "b1", "99.1")), None, "another dealer's is free");
}

#[test]
fn better_is_in_the_direction_of_the_numbers() {
    let mut r = open();
    r.terms.price_type = PriceType::Yield;
    let code = |r: &Rfq, price: &str| {
        r.check_counter(&counter("c1", "A", "a1", price), T).err().map(|e| e.code())
    };
    assert_eq!(code(&r, "99.45"), Some("counter.not_better"), "a buyer wants a higher yield");
    assert_eq!(code(&r, "99.55"), None);
    r.terms.price_type = PriceType::Price;
    assert_eq!(code(&r, "99.55"), Some("counter.not_better"));
}

#[test]
fn a_counter_declines_the_quote_and_only_a_new_one_can_be_taken() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
    assert!(r.counter(counter("c1", "A", "a1", "99.45")));
    assert_eq!(r.accept.as_ref().unwrap().1.phase(), AcceptPhase::Declined, "disarmed");
    let take = |r: &Rfq, quote: &str, price: &str| {
        r.check_accept(&accept("x2", "A", quote, price), T, 0).err().map(|e| e.code())
    };
    assert_eq!(take(&r, "a1", "99.5"), Some("quote.countered"));
    assert!(r.best(Side::Buy, T, 0).is_none_or(|b| !b.dealers.contains(&d("A"))));
    // The very quote again is not a new one.
    let same = r.line(&d("A")).unwrap().quote.clone().unwrap();
    assert_eq!(r.quote(same.clone(), T), Ok(false));
    assert!(r.counter_refused(&id("c1"), "no".into()));
    assert_eq!(take(&r, "a1", "99.5"), Some("quote.countered"));
    assert_eq!(r.quote(same, T), Ok(false));
    assert!(r.quote(again(&r, "A", "a2", "99.5"), T).unwrap());
    assert_eq!(take(&r, "a2", "99.5"), None);
    assert_eq!(state(&r, "c1"), CounterState::Refused("no".into()), "what was said stays");
}

#[test]
fn a_new_quote_answers() {
    for (offer, want) in [
        ("99.45", CounterState::Improved(dec("99.45"))),
        ("99.48", CounterState::Improved(dec("99.48"))),
        ("99.5", CounterState::HeldFirm),
        ("99.6", CounterState::HeldFirm),
    ] {
        let mut r = countered();
        assert!(r.quote(again(&r, "A", "a2", offer), T).unwrap());
        assert_eq!((state(&r, "c1"), line(&r)), (want, &LineState::Quoted), "{offer}");
    }
    // The countered side is not quoted any longer.
    let mut r = countered();
    let bid_only = Quote { offer: None, ..again(&r, "A", "a2", "99.4") };
    r.quote(bid_only, T).unwrap();
    assert_eq!(state(&r, "c1"), CounterState::HeldFirm);
}

#[test]
fn everything_else_that_ends_one() {
    let why = || crate::Passed { code: REASON_PASS, text: "no".into() };
    for (what, end, want, stands) in [
        (
            "silence",
            (|r| _ = r.tick(UtcMillis(12_000))) as fn(&mut Rfq),
            CounterState::Unanswered,
            LineState::CounterOver,
        ),
        (
            "withdrawn",
            |r| drop(r.withdraw(&d("A"), None)),
            CounterState::Dropped,
            LineState::Withdrawn,
        ),
        ("its link", |r| _ = r.unreachable(&d("A")), CounterState::Dropped, LineState::CounterOver),
        (
            "not sent",
            |r| _ = r.counter_not_sent(&id("c1"), "off".into()),
            CounterState::NotSent("off".into()),
            LineState::Quoted,
        ),
        (
            "ended",
            |r| r.end(RfqState::Cancelled, None).unwrap(),
            CounterState::Dropped,
            LineState::Countered,
        ),
    ] {
        let mut r = countered();
        assert_eq!(r.next_deadline(), Some(UtcMillis(12_000)));
        end(&mut r);
        assert_eq!((state(&r, "c1"), line(&r)), (want, &stands), "{what}");
        // Final.
        let told = state(&r, "c1");
        assert!(!r.counter_unanswered(&id("c1")) || what == "ended", "{what}");
        r.counter_not_sent(&id("c1"), "late".into());
        assert_eq!(state(&r, "c1"), told, "{what}");
    }
    let mut r = countered();
    r.pass(&d("A"), why()).unwrap();
    assert_eq!(state(&r, "c1"), CounterState::Dropped);
    let mut r = countered();
    assert!(r.check_pass(&d("A"), T).is_ok() && r.turned_down(&d("A"), "slow".into()));
    assert_eq!(state(&r, "c1"), CounterState::Dropped);
    // Another dealer's quote is taken meanwhile.
    let mut r = countered();
    r.arm(accept("x1", "B", "b1", "99.6"), T, 0).unwrap();
    r.send_accept(&id("x1"), T, 0).unwrap();
    let taken = r.report(&id("x1"), &fill("e1", "99.6", "5000000"), crate::Declined::ByDealer, T);
    assert!(taken.unwrap().changed);
    assert_eq!((r.state, state(&r, "c1")), (RfqState::Done, CounterState::Dropped));
}

#[test]
fn a_dealer_is_countered_so_often_and_no_more() {
    let mut r = open();
    for n in 1..=MAX_COUNTERS_PER_LINE {
        let quote = r.line(&d("A")).unwrap().quote.as_ref().unwrap().id.to_string();
        let c = counter(&format!("c{n}"), "A", &quote, "99.4");
        r.check_counter(&c, T).unwrap();
        assert!(r.counter(c));
        r.quote(again(&r, "A", &format!("n{n}"), "99.5"), T).unwrap();
    }
    let quote = r.line(&d("A")).unwrap().quote.as_ref().unwrap().id.to_string();
    let more = counter("c9", "A", &quote, "99.4");
    assert_eq!(r.check_counter(&more, T).unwrap_err().code(), "counter.too_many");
    assert!(!r.counter(more));
}

#[test]
fn what_comes_after_its_time_does_not_answer_it_whether_or_not_a_tick_was_first() {
    for (at, want) in
        [(11_999, CounterState::Improved(dec("99.45"))), (12_000, CounterState::Unanswered)]
    {
        for ticked in [false, true] {
            let mut r = countered();
            if ticked {
                r.tick(UtcMillis(at));
            }
            let next = again(&r, "A", "a2", "99.45");
            assert_eq!(r.quote(next, UtcMillis(at)), Ok(true));
            assert_eq!((state(&r, "c1"), line(&r)), (want.clone(), &LineState::Quoted), "{at}");
        }
    }
}

#[test]
fn a_quote_that_was_repeated_stands_when_its_counter_was_never_sent() {
    let lost = |r: &mut Rfq| _ = r.unreachable(&d("A"));
    let again = |r: &mut Rfq| {
        let same = r.line(&d("A")).unwrap().quote.clone().unwrap();
        assert_eq!(r.quote(same, T), Ok(false), "declined, as far as is known");
    };
    type Step<'a> = &'a dyn Fn(&mut Rfq);
    let table: [(&[Step<'_>], LineState); 4] = [
        (&[&lost], LineState::Unreachable),
        (&[&lost, &again], LineState::Quoted),
        (&[&again, &lost], LineState::Unreachable),
        (&[&lost, &again, &lost], LineState::Unreachable),
    ];
    for (steps, want) in table {
        let mut r = countered();
        steps.iter().for_each(|step| step(&mut r));
        assert!(r.counter_not_sent(&id("c1"), "off".into()));
        assert_eq!(line(&r), &want, "{}", steps.len());
    }
}

#[test]
fn a_trade_that_answers_a_counter_is_a_dispute() {
    for (name, end) in [
        ("waiting", (|_| ()) as fn(&mut Rfq)),
        ("over", |r| _ = r.tick(UtcMillis(12_000))),
        ("improved", |r| _ = r.quote(again(r, "A", "a2", "99.45"), T).unwrap()),
    ] {
        let mut r = countered();
        end(&mut r);
        let (changed, dispute) = r.counter_reported(&id("c1"), &fill("e1", "99.45", "5000000"), T);
        let why = dispute.map(|d| d.why);
        assert_eq!((changed, why.as_deref()), (true, Some(NOT_AGREED)), "{name}");
        assert!(r.is_disputed() && r.state == RfqState::Open, "{name}: no trade");
        assert_eq!(r.counted()[0].quantity, dec("5000000"), "{name}: it counts");
        let repeat = r.counter_reported(&id("c1"), &fill("e1", "99.45", "5000000"), T);
        assert_eq!(repeat, (false, None), "{name}: once");
        let take = r.check_accept(&accept("x2", "B", "b1", "99.6"), T, 0);
        assert_eq!(take.unwrap_err().code(), "execution.disputed", "{name}");
    }
    let mut r = countered();
    let rejected =
        Report { kind: ExecType::Rejected, cum_qty: dec("0"), last: None, ..fill("e", "1", "1") };
    assert_eq!(r.counter_reported(&id("c1"), &rejected, T), (true, None));
    assert!(matches!(state(&r, "c1"), CounterState::Refused(_)) && !r.is_disputed());
    assert_eq!(r.counter_reported(&id("c7"), &rejected, T), (false, None));
}

/// The desk's link comes back: the gateway says what is countered, and what it does not say did
/// not reach it.
#[test]
fn after_a_gap_the_snapshot_decides() {
    let same = |r: &Rfq| r.line(&d("A")).unwrap().quote.clone().unwrap();
    let c = || counter("c1", "A", "a1", "99.45");
    // It never arrived.
    let mut r = countered();
    r.link_lost();
    let q = same(&r);
    assert!(r.quote(q, T).unwrap() && r.settle_counters().len() == 1);
    assert_eq!(line(&r), &LineState::Quoted);
    assert!(matches!(state(&r, "c1"), CounterState::NotSent(_)));
    // It waits there.
    let mut r = countered();
    r.link_lost();
    let q = same(&r);
    r.quote(q, T).unwrap();
    assert!(r.countered_before(c()) && r.settle_counters().is_empty());
    assert_eq!((line(&r), state(&r, "c1")), (&LineState::Countered, CounterState::Sent));
    // It is over here, or there.
    let mut r = countered();
    r.tick(UtcMillis(12_000));
    r.link_lost();
    let q = same(&r);
    r.quote(q, T).unwrap();
    r.countered_before(c());
    assert_eq!((line(&r), state(&r, "c1")), (&LineState::CounterOver, CounterState::Unanswered));
    let mut r = open();
    r.countered_before(c());
    assert!(r.counter_unanswered(&id("c1")));
    assert_eq!(line(&r), &LineState::CounterOver, "another laptop");
}

/// Also before a tick has said so.
#[test]
fn a_quote_or_an_rfq_that_is_over_is_not_countered() {
    let r = open();
    let ends = r.line(&d("A")).unwrap().quote.as_ref().unwrap().valid_until;
    assert!(r.may_counter(&d("A"), ends + -1).is_ok());
    assert_eq!(r.may_counter(&d("A"), ends).err(), Some(AcceptRefusal::Expired));
    assert_eq!(r.may_counter(&d("A"), r.expires()).err(), Some(AcceptRefusal::Expired));
}

/// Its time, or the dealer's link, is over here before the gateway says that the dealer never got it:
/// the trader was told already, and the quote was not declined.
#[test]
fn a_quote_stands_of_which_the_counter_turns_out_to_have_gone_nowhere() {
    let late = |r: &mut Rfq| r.counter_not_sent(&id("c1"), "late".into());
    let mut r = countered();
    r.tick(UtcMillis(12_000));
    assert!(late(&mut r) && !late(&mut r));
    assert_eq!((line(&r), state(&r, "c1")), (&LineState::Quoted, CounterState::Unanswered));
    let mut r = countered();
    r.unreachable(&d("A"));
    assert!(late(&mut r) && !late(&mut r));
    assert_eq!((line(&r), state(&r, "c1")), (&LineState::Unreachable, CounterState::Dropped));
    let same = r.line(&d("A")).unwrap().quote.clone().unwrap();
    r.quote(same, T).unwrap();
    assert_eq!(line(&r), &LineState::Quoted);
    // The dealer has refused it: it had it.
    let mut r = countered();
    r.counter_refused(&id("c1"), "firm".into());
    assert!(!late(&mut r));
    assert_eq!(line(&r), &LineState::CounterOver);
}

/// Final states are final, and a trade is a dispute in every one.
#[test]
fn every_cell_of_the_counter_table() {
    for s in CounterPhase::ALL {
        for e in CounterEvent::ALL {
            let want = match (s, e) {
                (s, CounterEvent::Executed) => Outcome::Settle(s),
                (CounterPhase::Sent, CounterEvent::BetterQuote) => {
                    Outcome::To(CounterPhase::Improved)
                }
                (CounterPhase::Sent, CounterEvent::OtherQuote) => {
                    Outcome::To(CounterPhase::HeldFirm)
                }
                (CounterPhase::Sent, CounterEvent::Refused) => Outcome::To(CounterPhase::Refused),
                (CounterPhase::Sent, CounterEvent::TimeUp) => Outcome::To(CounterPhase::Unanswered),
                (CounterPhase::Sent, CounterEvent::LineOver) => Outcome::To(CounterPhase::Dropped),
                (CounterPhase::Sent, CounterEvent::NotSent) => Outcome::To(CounterPhase::NotSent),
                _ => Outcome::Stay,
            };
            assert_eq!(lifecycle::counter(s, e), want, "{s} {e}");
        }
    }
    assert_eq!(CounterPhase::ALL.len() * CounterEvent::ALL.len(), 49);
}
