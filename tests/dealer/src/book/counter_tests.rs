//! What each kind of dealer does with a counter.

use super::super::tests::{accept, at, book_of, dec, later, plain, quoted, respond, states};
use super::*;
use crate::book::Force;
use crate::settings::DealerSettings;
use crate::wire::{Outgoing, ResponseType};

/// Thinks for half a second, and re-quotes only when it is asked.
fn dealer(counters: Counters) -> Book {
    let settings = DealerSettings {
        counters,
        counter_delay_ms: [500, 500],
        requote_every_ms: [0, 0],
        ..plain()
    };
    book_of(settings)
}

/// Wants to buy at so many ticks below the offer.
fn counter(quote: &Outgoing, id: &str, below: i64) -> QuoteResponse {
    let a = accept(quote, id);
    QuoteResponse {
        kind: ResponseType::Counter,
        price: a.price - Decimal::new(5, 3) * Decimal::from(below),
        valid_until: Some(at(4_000)),
        ..a
    }
}

fn offer(q: &Outgoing) -> Decimal {
    dec(q.get(133).unwrap())
}

#[test]
fn the_middle_is_on_a_tick_and_never_past_what_was_asked_for() {
    for (quoted, asked, want) in [
        ("99.5", "99.4", "99.45"),
        ("99.5", "99.485", "99.49"),
        ("99.5", "99.495", "99.495"),
        ("99.4", "99.5", "99.45"),
        ("99.4", "99.405", "99.405"),
    ] {
        assert_eq!(middle(dec(quoted), dec(asked), dec("0.005")), dec(want), "{quoted} {asked}");
    }
}

#[test]
fn one_that_takes_none_says_so_and_its_quote_stands() {
    let mut book = dealer(Counters::No);
    let quote = quoted(&mut book, "A");
    let said = respond(&mut book, counter(&quote, "C1", 4), 200);
    assert_eq!((said.len(), said[0].msg_type.as_str()), (1, "j"));
    assert_eq!((said[0].get(372), said[0].get(379)), (Some("AJ"), Some("C1")));
    assert_eq!(states(&respond(&mut book, accept(&quote, "X1"), 300)).last(), Some(&("F", "2")));
}

#[test]
fn it_meets_in_the_middle_or_holds_firm_with_a_quote_that_names_the_counter() {
    for (how, lower) in [(Counters::Meet, 2), (Counters::Hold, 0)] {
        let mut book = dealer(how);
        let quote = quoted(&mut book, "A");
        assert_eq!(respond(&mut book, counter(&quote, "C1", 4), 200), []);
        assert_eq!(later(&mut book, 699), []);
        let again = later(&mut book, 700);
        assert_eq!(again.len(), 1, "{how:?}");
        let (q, ticks) = (&again[0], Decimal::new(5, 3) * Decimal::from(lower));
        assert_eq!((q.msg_type.as_str(), q.get(693)), ("S", Some("R-C1")), "{how:?}");
        assert_ne!(q.get(117), quote.get(117), "{how:?}: a new quote");
        assert_eq!(offer(q), offer(&quote) - ticks, "{how:?}");
        assert!(dec(q.get(132).unwrap()) <= offer(q), "{how:?}: not crossed");
        // The countered quote is over, and the new one can be taken.
        let old = respond(&mut book, accept(&quote, "X1"), 800);
        assert_eq!(states(&old), [("8", "8")], "{how:?}");
        let new = respond(&mut book, accept(q, "X2"), 900);
        assert_eq!(states(&new).last(), Some(&("F", "2")), "{how:?}");
    }
}

#[test]
fn it_refuses_and_nothing_can_be_taken_until_it_quotes_again() {
    let mut book = dealer(Counters::Refuse);
    let quote = quoted(&mut book, "A");
    assert_eq!(respond(&mut book, counter(&quote, "C1", 4), 200), []);
    let said = later(&mut book, 700);
    assert_eq!((said[0].msg_type.as_str(), said[0].get(379)), ("j", Some("C1")));
    assert!(said.iter().all(|m| m.msg_type != "8"));
    assert_eq!(states(&respond(&mut book, accept(&quote, "X1"), 710)), [("8", "8")]);
}

#[test]
fn it_says_nothing_until_the_counter_is_over() {
    let mut book = dealer(Counters::Ignore);
    let quote = quoted(&mut book, "A");
    assert_eq!(respond(&mut book, counter(&quote, "C1", 4), 200), []);
    assert_eq!(later(&mut book, 4_499), [], "the customer waits until 4,000");
    let after = later(&mut book, 4_500);
    assert!(after.iter().all(|m| m.msg_type == "S" && m.get(693).is_none()), "{after:?}");
}

#[test]
fn one_that_breaks_the_rules_reports_a_fill() {
    let mut book = dealer(Counters::Fill);
    let quote = quoted(&mut book, "A");
    respond(&mut book, counter(&quote, "C1", 4), 200);
    let said = later(&mut book, 700);
    assert_eq!(states(&said), [("F", "2")]);
    assert_eq!(said[0].get(11), Some("C1"));
}

#[test]
fn one_at_a_time_on_a_quote_that_stands_and_as_forced() {
    let mut book = dealer(Counters::Meet);
    let quote = quoted(&mut book, "A");
    respond(&mut book, counter(&quote, "C1", 4), 200);
    for late in [counter(&quote, "C2", 5), counter(&quote, "C3", 1)] {
        assert_eq!(respond(&mut book, late, 300)[0].msg_type, "j");
    }
    let mut unknown = counter(&quote, "C4", 4);
    unknown.quote_id = "Q-none".into();
    assert_eq!(respond(&mut book, unknown, 300)[0].msg_type, "j");
    let mut book = dealer(Counters::No);
    book.force(Force::AnswerCounters(Counters::Hold), at(0));
    let quote = quoted(&mut book, "A");
    assert_eq!(respond(&mut book, counter(&quote, "C1", 4), 200), []);
    assert_eq!(offer(&later(&mut book, 700)[0]), offer(&quote));
}
