//! The dealer's rules, one by one, without a clock or a socket.

use super::*;
use crate::order::OrderState;
use crate::settings::Settings;
use crate::wire::{Leg, QuoteResponse, ResponseType, StatusRequest};
use time::macros::datetime;

const START: OffsetDateTime = datetime!(2026-11-20 13:00:00 UTC);
const BUND: &str = "DE000BU2Z049";

pub(super) fn at(ms: i64) -> OffsetDateTime {
    START + Duration::milliseconds(ms)
}

pub(super) fn dec(text: &str) -> Decimal {
    crate::wire::parse_decimal(text).unwrap()
}

/// Quotes at once, re-quotes each second, never misbehaves.
pub(super) fn plain() -> DealerSettings {
    let mut settings = Settings::parse(crate::DEALERS_TOML).unwrap().dealers.remove(0);
    settings.quote_delay_ms = [100, 100];
    settings.requote_every_ms = [1000, 1000];
    settings.valid_ms = 5000;
    settings
}

pub(super) fn book_of(settings: DealerSettings) -> Book {
    let instruments = Arc::new(Instruments::parse(crate::INSTRUMENTS_TOML).unwrap());
    let mut book = Book::new(Arc::new(settings), instruments, "r".into(), []);
    book.on_connected(START);
    book
}

fn request(id: &str) -> QuoteRequest {
    QuoteRequest {
        legs: vec![],
        quote_req_id: id.into(),
        symbols: 1,
        symbol: "DBR 2.5 02/35".into(),
        security_id: Some(BUND.into()),
        security_id_source: Some("4".into()),
        side: None,
        quantity: Some(dec("5000000")),
        at_least: None,
        settl_date: None,
        currency: Some("EUR".into()),
        expire_time: Some(at(60_000)),
        price_type: Some("1".into()),
        benchmark: None,
    }
}

fn sent(actions: Vec<Action>) -> Vec<Outgoing> {
    let message = |action| match action {
        Action::Send(message) => Some(message),
        _ => None,
    };
    actions.into_iter().filter_map(message).collect()
}

fn ask(book: &mut Book, request: QuoteRequest, ms: i64) -> Vec<Outgoing> {
    sent(book.receive(Inbound::Request(request), at(ms)))
}

pub(super) fn later(book: &mut Book, ms: i64) -> Vec<Outgoing> {
    sent(book.run_due(at(ms)))
}

/// The first quote of a fresh request.
pub(super) fn quoted(book: &mut Book, id: &str) -> Outgoing {
    assert_eq!(ask(book, request(id), 0), []);
    let mut quotes = later(book, 100);
    assert_eq!(quotes.len(), 1);
    quotes.remove(0)
}

pub(super) fn accept(quote: &Outgoing, cl_ord_id: &str) -> QuoteResponse {
    QuoteResponse {
        price_type: None,
        benchmark: None,
        legs: vec![],
        quote_resp_id: format!("R-{cl_ord_id}"),
        kind: ResponseType::Accept,
        quote_id: quote.get(117).unwrap().into(),
        quote_req_id: None,
        cl_ord_id: cl_ord_id.into(),
        symbol: quote.get(55).unwrap().into(),
        security_id: quote.get(48).map(Into::into),
        side: "1".into(),
        quantity: dec(quote.get(135).unwrap()),
        price: dec(quote.get(133).unwrap()),
        valid_until: None,
    }
}

pub(super) fn respond(book: &mut Book, response: QuoteResponse, ms: i64) -> Vec<Outgoing> {
    sent(book.receive(Inbound::Response(response), at(ms)))
}

pub(super) fn states(reports: &[Outgoing]) -> Vec<(&str, &str)> {
    reports.iter().map(|r| (r.get(150).unwrap(), r.get(39).unwrap())).collect()
}

fn status(book: &mut Book, cl_ord_id: &str) -> Outgoing {
    let request = StatusRequest {
        cl_ord_id: cl_ord_id.into(),
        status_req_id: Some("S1".into()),
        symbol: "DBR 2.5 02/35".into(),
        side: "1".into(),
    };
    sent(book.receive(Inbound::Status(request), at(50_000))).remove(0)
}

#[test]
fn a_two_way_quote_carries_what_fix44_asks_for() {
    let quote = quoted(&mut book_of(plain()), "A");
    assert_eq!(quote.msg_type, "S");
    let fixed = [
        (131, "A"),
        (537, "1"),
        (55, "DBR 2.5 02/35"),
        (48, BUND),
        (22, "4"),
        (134, "5000000"),
        (135, "5000000"),
        (15, "EUR"),
        (423, "1"),
        (64, "20261124"),
        (60, "20261120-13:00:00.100"),
        (62, "20261120-13:00:05.100"),
    ];
    for (tag, value) in fixed {
        assert_eq!(quote.get(tag), Some(value), "{tag}");
    }
    let (bid, offer) = (dec(quote.get(132).unwrap()), dec(quote.get(133).unwrap()));
    assert!(bid < offer && quote.get(132).unwrap().split_once('.').unwrap().1.len() == 3);
    assert_eq!(quote.get(54), None);
}

#[test]
fn one_side_asked_is_one_side_quoted() {
    for (side, present, absent) in [("1", 133, 132), ("2", 132, 133)] {
        let mut book = book_of(plain());
        ask(&mut book, QuoteRequest { side: Some(side.into()), ..request("A") }, 0);
        let quote = later(&mut book, 100).remove(0);
        assert!(quote.get(present).is_some() && quote.get(absent).is_none());
    }
}

#[test]
fn bad_requests_are_refused_with_the_standard_reason() {
    let table: Vec<(QuoteRequest, &str)> = vec![
        (QuoteRequest { security_id: Some("XS0000000000".into()), ..request("A") }, "1"),
        (QuoteRequest { symbols: 2, ..request("A") }, "99"),
        (QuoteRequest { quantity: Some(dec("100000001000")), ..request("A") }, "3"),
        (QuoteRequest { quantity: Some(dec("0")), ..request("A") }, "99"),
        (QuoteRequest { quantity: Some(dec("-5000000")), ..request("A") }, "99"),
        (QuoteRequest { quantity: Some(dec("5000001")), ..request("A") }, "99"),
        (QuoteRequest { quantity: None, ..request("A") }, "99"),
        (QuoteRequest { at_least: Some(dec("0")), ..request("A") }, "99"),
        (QuoteRequest { at_least: Some(dec("5000001")), ..request("A") }, "99"),
        (QuoteRequest { side: Some("5".into()), ..request("A") }, "99"),
        (QuoteRequest { expire_time: Some(at(-1)), ..request("A") }, "4"),
    ];
    for (bad, reason) in table {
        let answer = ask(&mut book_of(plain()), bad, 0).remove(0);
        assert_eq!((answer.msg_type.as_str(), answer.get(658)), ("AG", Some(reason)), "{answer:?}");
        assert!(answer.get(58).is_some() && answer.get(146) == Some("1"));
    }
    let mut book = book_of(DealerSettings { covers: ["FX spot".to_owned()].into(), ..plain() });
    assert_eq!(ask(&mut book, request("A"), 0)[0].get(658), Some("8"));
    let mut book = book_of(plain());
    assert_eq!(ask(&mut book, request("A"), 0), []);
    assert_eq!(ask(&mut book, request("A"), 1)[0].get(658), Some("99"), "same QuoteReqID");
}

#[test]
fn a_requote_replaces_and_the_request_ends_by_its_time() {
    let mut book = book_of(plain());
    let first = quoted(&mut book, "A");
    let second = later(&mut book, 1100).remove(0);
    assert_ne!(first.get(117), second.get(117));
    let refused = respond(&mut book, accept(&first, "C1"), 1200);
    assert_eq!(states(&refused), [("8", "8")]);
    assert_eq!(
        (refused[0].get(103), refused[0].get(58)),
        (Some("8"), Some("the quote was replaced by a newer one"))
    );

    let mut rest = Vec::new();
    for ms in (1200..=70_000).step_by(100) {
        rest.extend(later(&mut book, ms));
    }
    let last = rest.last().unwrap();
    assert_eq!(last.get(62), Some("20261120-13:01:00.000"), "never beyond the request's end");
    assert_eq!(states(&respond(&mut book, accept(last, "C2"), 70_000)), [("8", "8")]);
    assert!(book.due.is_empty() && book.rfqs.is_empty());
}

#[test]
fn an_accept_is_pending_then_filled_once() {
    let mut book = book_of(plain());
    let quote = quoted(&mut book, "A");
    let response = accept(&quote, "C1");
    let actions = book.receive(Inbound::Response(response.clone()), at(200));
    assert!(matches!(actions[0], Action::Keep(_)), "kept before it is answered");
    let reports = sent(actions);
    assert_eq!(states(&reports), [("A", "A"), ("F", "2")]);
    let fill = &reports[1];
    let expected = [
        (11, "C1"),
        (693, "R-C1"),
        (32, "5000000"),
        (14, "5000000"),
        (151, "0"),
        (54, "1"),
        (55, "DBR 2.5 02/35"),
        (48, BUND),
        (22, "4"),
        (38, "5000000"),
        (15, "EUR"),
        (75, "20261120"),
        (64, "20261124"),
    ];
    for (tag, value) in expected {
        assert_eq!(fill.get(tag), Some(value), "{tag}");
    }
    assert_eq!(fill.get(31), quote.get(133));
    assert_eq!(fill.get(6), quote.get(133));
    assert_ne!(reports[0].get(17), fill.get(17));

    let repeated = respond(&mut book, response.clone(), 300);
    assert_eq!(repeated.first(), Some(fill), "word for word");
    let other_terms = QuoteResponse { side: "2".into(), ..response };
    let refused = respond(&mut book, other_terms, 300);
    assert_eq!((states(&refused), refused[0].get(103)), (vec![("8", "8")], Some("6")));
    assert_eq!(status(&mut book, "C1").get(39), Some("2"), "the first order is untouched");

    let second = respond(&mut book, accept(&quote, "C2"), 400);
    assert_eq!(second[0].get(58), Some("the quote was taken already"));
    assert_eq!(later(&mut book, 30_000), [], "no quoting after the trade");
}

#[test]
fn an_accept_must_match_in_every_respect() {
    type Change = (&'static str, fn(&mut QuoteResponse));
    let changes: [Change; 7] = [
        ("99", |r| r.price += Decimal::new(5, 3)),
        ("13", |r| r.quantity += Decimal::new(1000, 0)),
        ("13", |r| r.quantity = Decimal::ZERO),
        ("99", |r| r.side = "2".into()),
        ("99", |r| r.side = "x".into()),
        ("99", |r| r.security_id = Some("DE000BU2Z031".into())),
        ("8", |r| r.quote_id = "nothing".into()),
    ];
    for (number, (reason, change)) in changes.into_iter().enumerate() {
        let mut book = book_of(plain());
        let mut response = accept(&quoted(&mut book, "A"), "C1");
        change(&mut response);
        let refused = respond(&mut book, response, 200);
        assert_eq!(states(&refused), [("8", "8")], "{number}");
        assert_eq!(refused[0].get(103), Some(reason), "{number}");
        assert_eq!(refused[0].get(14), Some("0"), "{number}");
        assert_eq!(later(&mut book, 1100).len(), 1, "quoting goes on");
    }
    let mut book = book_of(DealerSettings { requote_every_ms: [0, 0], ..plain() });
    let quote = quoted(&mut book, "A");
    let late = respond(&mut book, accept(&quote, "C1"), 5100);
    assert_eq!(late[0].get(58), Some("the quote has expired"));
}

#[test]
fn last_look_holds_and_may_decline_and_quotes_anew() {
    let mut book =
        book_of(DealerSettings { last_look_ms: [700, 700], reject_probability: 1.0, ..plain() });
    let quote = quoted(&mut book, "A");
    assert_eq!(states(&respond(&mut book, accept(&quote, "C1"), 200)), [("A", "A")]);
    let second = respond(&mut book, accept(&quote, "C2"), 300);
    assert_eq!(second[0].get(58), Some("another accept of this request is being looked at"));
    assert_eq!(status(&mut book, "C1").get(39), Some("A"));
    let decided = later(&mut book, 900);
    assert_eq!(states(&decided), [("8", "8")]);
    assert_eq!(decided[0].get(58), Some("last look: price moved"));
    let again = later(&mut book, 1100);
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].get(117), quote.get(117));
}

#[test]
fn a_partial_fill_says_so() {
    let mut book = book_of(DealerSettings { partial_fill_probability: 1.0, ..plain() });
    let quote = quoted(&mut book, "A");
    let reports = respond(&mut book, accept(&quote, "C1"), 200);
    assert_eq!(states(&reports), [("A", "A"), ("F", "1")]);
    assert_eq!((reports[1].get(32), reports[1].get(151)), (Some("2500000"), Some("2500000")));
}

#[test]
fn a_part_of_a_quote_is_refused_filled_or_overfilled_as_the_settings_say() {
    for (parts, quantity, want, filled, leaves) in [
        (Parts::No, "2000000", "8", "0", "0"),
        (Parts::Take, "2000000", "F", "2000000", "0"),
        (Parts::Take, "6000000", "8", "0", "0"),
        (Parts::Overfill, "2000000", "F", "5000000", "0"),
        (Parts::Overfill, "5000000", "F", "5000000", "0"),
    ] {
        let mut book = book_of(DealerSettings { parts, ..plain() });
        let quote = quoted(&mut book, "A");
        let part = QuoteResponse { quantity: dec(quantity), ..accept(&quote, "C1") };
        let reports = respond(&mut book, part, 200);
        let last = reports.last().unwrap();
        let said = (last.get(150), last.get(14), last.get(151));
        assert_eq!(said, (Some(want), Some(filled), Some(leaves)), "{parts:?} {quantity}");
    }
}

#[test]
fn the_customer_passes_and_quoting_ends() {
    let mut book = book_of(plain());
    let quote = quoted(&mut book, "A");
    let pass = QuoteResponse { kind: ResponseType::Pass, ..accept(&quote, "") };
    assert_eq!(respond(&mut book, pass, 200), []);
    assert_eq!(later(&mut book, 60_000), []);
    let late = respond(&mut book, accept(&quote, "C1"), 300);
    assert_eq!(late[0].get(58), Some("the request has ended"));
}

#[test]
fn an_order_nobody_knows() {
    let answer = status(&mut book_of(plain()), "C9");
    assert_eq!(
        (answer.get(150), answer.get(39), answer.get(103)),
        (Some("I"), Some("8"), Some("5"))
    );
    assert_eq!((answer.get(37), answer.get(790)), (Some("NONE"), Some("S1")));
}

#[test]
fn orders_outlive_the_process() {
    let mut book = book_of(DealerSettings { last_look_ms: [700, 700], ..plain() });
    let quote = quoted(&mut book, "A");
    let response = accept(&quote, "C1");
    let mut kept = book.receive(Inbound::Response(response.clone()), at(200));
    let Action::Keep(order) = kept.remove(0) else { panic!() };
    assert_eq!(order.state, OrderState::PendingNew);

    let instruments = Arc::new(Instruments::parse(crate::INSTRUMENTS_TOML).unwrap());
    let mut next = Book::new(Arc::new(plain()), instruments, "s".into(), [*order]);
    let declined = sent(next.start(at(1000)));
    assert_eq!(states(&declined), [("8", "8")]);
    next.on_connected(at(1000));
    assert_eq!(respond(&mut next, response, 1100), declined, "and never filled after all");
    let late = respond(&mut next, accept(&quote, "C2"), 1100);
    assert_eq!(late[0].get(58), Some("unknown quote"));
}

#[test]
fn a_lost_session_ends_quotes_and_the_next_one_renews_them() {
    let mut book = book_of(plain());
    let quote = quoted(&mut book, "A");
    book.on_disconnected();
    assert_eq!(later(&mut book, 3000), []);
    book.on_connected(at(4000));
    assert_eq!(later(&mut book, 4000).len(), 1);
    let refused = respond(&mut book, accept(&quote, "C1"), 4001);
    assert_eq!(refused[0].get(58), Some("the quote was withdrawn"));
}

#[test]
fn forced_behaviour() {
    let mut book = book_of(plain());
    let first = quoted(&mut book, "A");
    let again = sent(book.force(Force::Requote, at(200))).remove(0);
    assert_ne!(first.get(117), again.get(117));

    let exactly = Force::QuoteExactly {
        bid: Some(dec("98")),
        offer: Some(dec("98.5")),
        size: dec("1000000"),
        valid_ms: 300,
    };
    let exact = sent(book.force(exactly, at(300))).remove(0);
    assert_eq!(
        (exact.get(132), exact.get(133), exact.get(134)),
        (Some("98.000"), Some("98.500"), Some("1000000"))
    );
    assert_eq!(ask(&mut book, request("B"), 400)[0].get(133), Some("98.500"), "new ones too");

    let cancels = sent(book.force(Force::Withdraw, at(500)));
    assert_eq!(cancels.len(), 2);
    assert!(cancels.iter().all(|z| z.msg_type == "Z" && z.get(298) == Some("1")));
    book.force(Force::Resume, at(500));

    book.force(Force::Pass(9), at(600));
    let pass = ask(&mut book, request("C"), 600).remove(0);
    assert_eq!((pass.msg_type.as_str(), pass.get(658)), ("AG", Some("9")));
    book.force(Force::Resume, at(700));

    let mut book = book_of(plain());
    let quote = quoted(&mut book, "D");
    book.force(Force::HoldNextAccept(500), at(150));
    book.force(Force::RejectNextAccept("no thanks".into()), at(150));
    assert_eq!(states(&respond(&mut book, accept(&quote, "C1"), 200)), [("A", "A")]);
    let decided = later(&mut book, 700);
    assert_eq!(decided[0].get(58), Some("no thanks"));
    assert_eq!(book.force(Force::Die, at(800)), [Action::Die(None)]);
    assert_eq!(book.force(Force::Resume, at(900)), [Action::Revive]);
}

#[test]
fn a_silent_dealer_trades_and_tells_when_asked_later() {
    let mut book = book_of(plain());
    let quote = quoted(&mut book, "A");
    book.force(Force::Silent, at(150));
    let actions = book.receive(Inbound::Response(accept(&quote, "C1")), at(200));
    assert!(actions.iter().all(|action| matches!(action, Action::Keep(_))), "{actions:?}");
    book.force(Force::Resume, at(300));
    assert_eq!(status(&mut book, "C1").get(39), Some("2"));
}

#[test]
fn a_dealer_that_dies_after_so_many_messages() {
    let mut book = book_of(DealerSettings { die_after_messages: 2, dead_for_ms: 70, ..plain() });
    quoted(&mut book, "A");
    let actions = book.run_due(at(1100));
    assert_eq!(actions.last(), Some(&Action::Die(Some(70))));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed: u64| {
        let mut settings = Settings::parse(crate::DEALERS_TOML).unwrap().dealers.remove(3);
        settings.seed = seed;
        let mut book = book_of(settings);
        let mut all = Vec::new();
        for number in 0..20_i64 {
            all.extend(ask(&mut book, request(&format!("A{number}")), number * 10));
        }
        for ms in (0..60_000).step_by(50) {
            all.extend(later(&mut book, ms));
        }
        all
    };
    let first = story(4);
    assert_eq!(first, story(4));
    assert_ne!(first, story(5));
    for kind in ["S", "Z", "AG"] {
        assert!(
            first.iter().any(|message| message.msg_type == kind),
            "the moody one never sent {kind}"
        );
    }
}

fn butterfly() -> QuoteRequest {
    let leg = |id: &str, side: &str, ratio: &str, quantity: &str| Leg {
        symbol: id.into(),
        security_id: Some(id.into()),
        ratio: dec(ratio),
        side: side.into(),
        quantity: dec(quantity),
        settl_date: Some("20261124".into()),
        ..Leg::default()
    };
    QuoteRequest {
        symbol: "[N/A]".into(),
        security_id: None,
        security_id_source: None,
        quantity: Some(dec("20000000")),
        price_type: None,
        benchmark: None,
        legs: vec![
            leg("DE000BU2Z023", "1", "1", "5000000"),
            leg(BUND, "2", "2", "10000000"),
            leg("DE0001102614", "1", "1", "5000000"),
        ],
        ..request("P1")
    }
}

/// A request in a discount margin over EURIBOR, fixed for so long.
fn floating(id: &str, point: &str) -> QuoteRequest {
    let (currency, name) = ("EUR".to_owned(), "Euribor".to_owned());
    QuoteRequest {
        symbol: "CCTS 04/29".into(),
        security_id: Some("IT0005451361".into()),
        price_type: Some("6".into()),
        benchmark: Some(crate::Benchmark { currency, name, point: point.into() }),
        ..request(id)
    }
}

#[test]
fn a_discount_margin_is_quoted_over_the_rate_of_the_note_and_says_so() {
    let mut book = book_of(plain());
    ask(&mut book, floating("R1", "6M"), 0);
    let quotes = later(&mut book, 100);
    let quote = &quotes[0];
    let said = [423, 220, 221, 222].map(|tag| quote.get(tag));
    assert_eq!(
        (quote.msg_type.as_str(), said),
        ("S", [Some("6"), Some("EUR"), Some("Euribor"), Some("6M")])
    );
    let (bid, offer) = (dec(quote.get(132).unwrap()), dec(quote.get(133).unwrap()));
    assert!(bid > offer && offer > dec("30") && bid < dec("60"), "{bid} {offer}");
    for other in [
        floating("R2", "3M"),
        QuoteRequest { benchmark: None, ..floating("R3", "6M") },
        QuoteRequest { benchmark: floating("R1", "6M").benchmark, ..request("R4") },
    ] {
        let answer = ask(&mut book, other, 200);
        assert_eq!(answer[0].msg_type, "AG");
    }
}

/// The values of a tag of the legs, in their order.
fn of_legs(message: &Outgoing, tag: u32) -> Vec<Decimal> {
    message.fields.iter().filter(|f| f.0 == tag).map(|f| dec(&f.1)).collect()
}

/// The accept of a quote of [`butterfly`], bought.
fn accept_package(quote: &Outgoing) -> QuoteResponse {
    let (bids, offers) = (of_legs(quote, 681), of_legs(quote, 684));
    let mut legs = butterfly().legs;
    for (i, leg) in legs.iter_mut().enumerate() {
        let price = |sold| if sold { (Some(bids[i]), None) } else { (None, Some(offers[i])) };
        (leg.bid, leg.offer) = price(leg.side == "2");
    }
    QuoteResponse {
        price_type: None,
        benchmark: None,
        quote_resp_id: "R-P".into(),
        kind: ResponseType::Accept,
        quote_id: quote.get(117).unwrap().into(),
        quote_req_id: None,
        cl_ord_id: "P".into(),
        symbol: "[N/A]".into(),
        security_id: None,
        side: "1".into(),
        quantity: dec("20000000"),
        price: dec(quote.get(133).unwrap()),
        legs,
        valid_until: None,
    }
}

#[test]
fn nothing_below_the_least_quantity_is_quoted_or_filled() {
    for (least, size, filled) in [
        (None, "2500000", "1250000"),
        (Some("1250000"), "2500000", "1250000"),
        (Some("2500000"), "2500000", "2500000"),
        (Some("2500001"), "5000000", "5000000"),
        (Some("5000000"), "5000000", "5000000"),
    ] {
        let mut settings = plain();
        (settings.partial_fill_probability, settings.partial_size_probability) = (1.0, 1.0);
        settings.last_look_ms = [0, 0];
        let mut book = book_of(settings);
        let at_least = least.map(dec);
        assert_eq!(ask(&mut book, QuoteRequest { at_least, ..request("A") }, 0), []);
        let quote = later(&mut book, 100).remove(0);
        assert_eq!((quote.get(134), quote.get(135)), (Some(size), Some(size)), "{least:?}");
        let reports = respond(&mut book, accept(&quote, "C1"), 200);
        assert_eq!(reports.last().unwrap().get(14), Some(filled), "{least:?}");
    }
}

#[test]
fn a_package_is_quoted_by_its_legs_and_filled_as_a_whole() {
    let mut settings = plain();
    (settings.partial_fill_probability, settings.partial_size_probability) = (1.0, 1.0);
    settings.last_look_ms = [0, 0];
    let mut book = book_of(settings);
    assert_eq!(ask(&mut book, butterfly(), 0), []);
    let quote = later(&mut book, 100).remove(0);
    assert_eq!(
        (quote.get(167), quote.get(555), quote.get(134)),
        (Some("MLEG"), Some("3"), Some("20000000"))
    );
    let (bid, offer) = (of_legs(&quote, 681), of_legs(&quote, 684));
    let two = Decimal::TWO;
    assert_eq!(dec(quote.get(132).unwrap()), bid[0] - two * offer[1] + bid[2]);
    assert_eq!(dec(quote.get(133).unwrap()), offer[0] - two * bid[1] + offer[2]);
    for change in [
        (|r: &mut QuoteResponse| r.legs.clear()) as fn(&mut QuoteResponse),
        |r| r.legs[1].bid = r.legs[1].bid.map(|p| p + Decimal::ONE),
        |r| r.legs[1].quantity += Decimal::ONE,
        |r| r.legs.swap(0, 2),
        |r| r.price += Decimal::ONE,
    ] {
        let mut other = accept_package(&quote);
        change(&mut other);
        other.cl_ord_id = format!("{}", other.legs.len());
        let said = sent(book.receive(Inbound::Response(other), at(200)));
        assert!(said.iter().all(|m| m.get(150) == Some("8")), "{said:?}");
    }
    let said = sent(book.receive(Inbound::Response(accept_package(&quote)), at(300)));
    let fill = said.last().unwrap();
    assert_eq!((fill.get(150), fill.get(14)), (Some("F"), Some("20000000")), "{said:?}");
    assert_eq!(of_legs(fill, 637), [offer[0], bid[1], offer[2]]);
}

#[test]
fn a_package_that_this_dealer_cannot_do_is_refused() {
    for (change, reason) in [
        (
            (|r: &mut QuoteRequest| r.legs[0].security_id = Some("XS0000000009".into()))
                as fn(&mut QuoteRequest),
            "1",
        ),
        (|r| r.legs[0].quantity = dec("900000000000"), "3"),
        (|r| r.legs[0].quantity = dec("1"), "99"),
        (|r| r.quantity = Some(dec("5000000")), "99"),
        (|r| r.legs[0].ratio = Decimal::ZERO, "99"),
    ] {
        let mut request = butterfly();
        change(&mut request);
        let said = ask(&mut book_of(plain()), request, 0);
        assert_eq!(said[0].get(658), Some(reason), "{said:?}");
    }
}
