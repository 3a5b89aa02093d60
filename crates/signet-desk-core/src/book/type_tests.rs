//! Requests in yields, spreads and discount margins on the trader's screen.

use super::{
    super::life_tests::{NOW, id, report},
    *,
};
use crate::view::{
    AcceptState as Shown, Ask, LineState, NoticeKind, PriceType as Numbers, RfqView,
};
use rust_decimal::Decimal;
use signet_fix::message::{
    DealerState, ExecType, ExecutionReport, OrdStatus, QuoteMsg, QuoteStatusReport, RfqStatus,
    SecurityList, VenueState,
};
use signet_rfq::{
    AssetClass, Benchmark, DealerId, InstrumentId, Level, PriceFormat, PriceType, Qualifiers,
    QuoteId, StatedType,
};

const BOND: &str = "DE0001102580";

/// A discount margin over EURIBOR.
fn margin(point: &str) -> PriceType {
    PriceType::Margin(Benchmark::read("EURIBOR", point, "EUR").unwrap())
}

/// What a dealer states of numbers that are not prices.
fn stated_of(of: Numbers) -> Option<StatedType> {
    match of {
        Numbers::Price => None,
        Numbers::Yield => PriceType::Yield.stated(),
        Numbers::Spread => PriceType::Spread.stated(),
        Numbers::Margin => margin("3M").stated(),
    }
}

fn bond(types: &[PriceType]) -> Instrument {
    Instrument {
        price_types: types.into(),
        id: InstrumentId::new(BOND).unwrap(),
        symbol: "DBR 0 02/32".into(),
        name: "Bund".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        price_decimals: 6,
        price_unit: "% of par".into(),
        tick: "0.015625".parse().unwrap(),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000_000.into(),
        settlement: "T+2".into(),
        price_format: PriceFormat::ThirtySeconds,
    }
}

fn book() -> Book {
    book_of(bond(&PriceType::WITHOUT_REFERENCE))
}

/// With a floating-rate note.
fn floating() -> Book {
    book_of(bond(&[PriceType::Price, margin("3M")]))
}

fn book_for(of: Numbers) -> Book {
    if of == Numbers::Margin { floating() } else { book() }
}

fn book_of(listed: Instrument) -> Book {
    let mut b = super::super::life_tests::book();
    let list = SecurityList { request: id("list"), last: true, instruments: vec![listed] };
    b.message(AppMessage::SecurityList(list), NOW);
    let dealer = |id: &str| DealerState {
        id: DealerId::new(id).unwrap(),
        name: id.into(),
        online: true,
        counters: false,
        parts: false,
    };
    b.message(
        AppMessage::VenueState(VenueState {
            name: "Venue".into(),
            practice: false,
            dealers: ["A", "B", "C"].map(dealer).to_vec(),
            at: NOW,
        }),
        NOW,
    );
    b
}

fn form(of: Numbers, ask: Ask, limit: &str) -> TicketForm {
    TicketForm {
        package: None,
        price_type: of,
        instrument: BOND.into(),
        typed: BOND.into(),
        ask,
        quantity: "1000".into(),
        dealers: ["A", "B", "C"].map(String::from).to_vec(),
        ttl_s: 60,
        settlement_date: None,
        price_limit: limit.into(),
        limit_over: (of == Numbers::Margin).then(|| "EURIBOR 3M in EUR".into()),
        min_quantity: String::new(),
        all_or_none: false,
        approve_first: false,
        note: String::new(),
    }
}

fn asked(b: &mut Book, form: &TicketForm) -> String {
    let request = b.ask(form, NOW).unwrap();
    b.sent_as(1, &request);
    let AppMessage::QuoteRequest(q) = request else { panic!("no request") };
    let rfq = q.id.to_string();
    let open = QuoteStatusReport::of_rfq(q.id, q.instrument, RfqStatus::Open, None);
    b.message(AppMessage::QuoteStatusReport(open), NOW);
    rfq
}

fn quote(
    b: &mut Book,
    rfq: &str,
    dealer: &str,
    bid: &str,
    offer: &str,
    stated: Option<StatedType>,
) {
    let level = |p: &str| Some(Level { price: p.parse().unwrap(), size: 1_000.into() });
    let q = QuoteMsg {
        legs: vec![],
        rfq: id(rfq),
        id: QuoteId::new(format!("{dealer}1")).unwrap(),
        instrument: InstrumentId::new(BOND).unwrap(),
        dealer: Some(DealerId::new(dealer).unwrap()),
        bid: level(bid),
        offer: level(offer),
        valid_until: NOW + 30_000,
        tradeable: true,
        at: NOW,
        qualifiers: Qualifiers { price_type: stated, ..Qualifiers::default() },
    };
    b.message(AppMessage::Quote(q), NOW);
}

fn head(b: &mut Book, rfq: &str) -> RfqView {
    b.pull(0, &[], NOW).rfqs.into_iter().find(|r| r.id == rfq).unwrap()
}

fn take(rfq: &str, dealer: &str, side: Side, price: &str) -> ArmIntent {
    ArmIntent {
        rfq_id: rfq.into(),
        dealer: dealer.into(),
        quote_id: format!("{dealer}1"),
        side,
        price: price.into(),
    }
}

#[test]
fn the_ticket_offers_what_the_instrument_has_and_asks_for_it() {
    let mut b = book();
    let view = crate::present::instrument(&bond(&PriceType::WITHOUT_REFERENCE));
    let seen: Vec<_> = view.price_types.iter().map(|t| (t.price_type, &t.example[..])).collect();
    assert_eq!(
        seen,
        [(Numbers::Price, "99-16+"), (Numbers::Yield, "2.475"), (Numbers::Spread, "42.5")]
    );
    for (of, wire) in [
        (Numbers::Price, PriceType::Price),
        (Numbers::Yield, PriceType::Yield),
        (Numbers::Spread, PriceType::Spread),
    ] {
        let m = b.ask(&form(of, Ask::Buy, ""), NOW).unwrap();
        let AppMessage::QuoteRequest(q) = m else { panic!() };
        assert_eq!(q.price_type, wire);
    }
    let plain = SecurityList {
        request: id("list"),
        last: true,
        instruments: vec![bond(&[PriceType::Price])],
    };
    b.message(AppMessage::SecurityList(plain), NOW);
    let no = b.ask(&form(Numbers::Yield, Ask::Buy, ""), NOW).unwrap_err();
    assert_eq!(
        (no.code.as_str(), no.field),
        ("price_type.not_listed", Some(TicketField::PriceType))
    );
    let check = b.check_ticket(&form(Numbers::Yield, Ask::Buy, ""), NOW);
    assert_eq!(check.refused.map(|p| p.code), Some("price_type.not_listed".into()));
}

#[test]
fn a_limit_is_typed_and_kept_in_the_numbers_that_were_asked_for() {
    // Side, limit, what the dealer quotes; what is refused.
    for (of, ask, limit, quoted, want) in [
        (Numbers::Yield, Ask::Buy, "2.5", "2.5", Ok("2.500")),
        (Numbers::Yield, Ask::Buy, "2.5", "2.499", Err("accept.beyond_limit")),
        (Numbers::Yield, Ask::Sell, "2.5", "2.501", Err("accept.beyond_limit")),
        (Numbers::Yield, Ask::Sell, "-0.1", "-0.2", Ok("-0.100")),
        (Numbers::Spread, Ask::Buy, "42", "42.5", Ok("42.0")),
        (Numbers::Spread, Ask::Buy, "42", "41.5", Err("accept.beyond_limit")),
        (Numbers::Margin, Ask::Buy, "42", "42.5", Ok("42.0")),
        (Numbers::Margin, Ask::Buy, "42", "41.5", Err("accept.beyond_limit")),
        (Numbers::Margin, Ask::Sell, "42", "42.5", Err("accept.beyond_limit")),
        (Numbers::Margin, Ask::Sell, "-3", "-3.5", Ok("-3.0")),
        (Numbers::Price, Ask::Buy, "99-16", "99.5", Ok("99-16")),
        (Numbers::Price, Ask::Buy, "99-16", "99.515625", Err("accept.beyond_limit")),
    ] {
        let what = format!("{of:?} {ask:?} {limit} {quoted}");
        let mut b = book_for(of);
        let rfq = asked(&mut b, &form(of, ask, limit));
        quote(&mut b, &rfq, "A", quoted, quoted, stated_of(of));
        let side = if ask == Ask::Buy { Side::Buy } else { Side::Sell };
        let frame = b.pull(0, &[], NOW);
        let line = frame.lines.iter().find(|l| l.rfq_id == rfq && l.dealer == "A").unwrap();
        let level = if ask == Ask::Buy { &line.offer } else { &line.bid };
        let shown = level.as_ref().unwrap().price.clone();
        let got = b.arm_typed(take(&rfq, "A", side, &shown), NOW);
        let got = got.as_ref().map(|a| a.limit.as_deref().unwrap()).map_err(|p| p.code.as_str());
        assert_eq!(got, want, "{what}");
    }
    let mut b = book();
    for (of, limit, code) in [
        (Numbers::Price, "-1", "limit.not_positive"),
        (Numbers::Yield, "2.5005", "limit.off_tick"),
        (Numbers::Spread, "42.55", "limit.off_tick"),
        (Numbers::Yield, "99-16", "limit.unreadable"),
    ] {
        assert_eq!(b.ask(&form(of, Ask::Buy, limit), NOW).unwrap_err().code, code, "{of:?}");
    }
}

#[test]
fn a_limit_over_one_rate_is_not_sent_over_another() {
    let mut b = floating();
    let kept = form(Numbers::Margin, Ask::Buy, "42");
    let rfq = asked(&mut b, &kept);
    assert_eq!(b.ticket_of(&rfq), Some(kept.clone()));
    let list = SecurityList {
        request: id("list"),
        last: true,
        instruments: vec![bond(&[PriceType::Price, margin("6M")])],
    };
    b.message(AppMessage::SecurityList(list), NOW);
    // Asked again, from a template or from a draft.
    let why = b.ask(&kept, NOW).unwrap_err();
    assert_eq!((why.code.as_str(), why.field), ("limit.other_rate", Some(TicketField::Limit)));
    assert!(why.message.contains("EURIBOR 3M") && why.message.contains("EURIBOR 6M"), "{why:?}");
    assert_eq!(b.check_ticket(&kept, NOW).refused, Some(why));
    let old = TicketForm { limit_over: None, ..kept };
    assert_eq!(b.ask(&old, NOW).unwrap_err().code, "limit.other_rate");
    // What was sent still counts what it counted.
    quote(&mut b, &rfq, "A", "42.5", "42.5", margin("3M").stated());
    assert_eq!(b.arm_typed(take(&rfq, "A", Side::Buy, "42.5"), NOW).map(drop), Ok(()));
    let newly = TicketForm { limit_over: Some("EURIBOR 6M in EUR".into()), ..old };
    assert!(b.ask(&newly, NOW).is_ok());
}

#[test]
fn a_gateway_that_refuses_for_a_price_is_read_in_the_instruments_numbers() {
    let words = "the price is 99.1 by now, worse than the limit of 99.2";
    // What the gateway states as the quote's price; what the trader reads.
    for (stands, dealer, want) in [
        (Some("99.53125"), None, "the price is 99-17 by now, worse than the limit of 99-16+"),
        (Some("99.515625"), None, "the price is 99-16+, not 99-16"),
        (Some("99.484375"), None, "the price is 99-15+, not 99-16"),
        // An earlier gateway, or another reason, which has no price.
        (None, None, words),
        (Some("99.5"), None, words),
        // A dealer's words are its own.
        (Some("99.53125"), Some("A"), words),
    ] {
        let mut b = book();
        let rfq = asked(&mut b, &form(Numbers::Price, Ask::Buy, ""));
        quote(&mut b, &rfq, "A", "99.5", "99.5", None);
        let armed = b.arm(&take(&rfq, "A", Side::Buy, "99.5"), NOW).unwrap();
        b.set_limit(&rfq, 1, NOW).unwrap();
        let later = NOW + 5_000;
        let m = b.accept(&rfq, &armed.id, later).unwrap();
        b.sent_as(2, &m);
        let no = ExecutionReport {
            instrument: InstrumentId::new(BOND).unwrap(),
            dealer: dealer.map(|d| DealerId::new(d).unwrap()),
            price: stands.map(|p| p.parse().unwrap()),
            text: Some(words.into()),
            ..report(&armed.id, ExecType::Rejected, OrdStatus::Rejected, "e1", "0", 0)
        };
        b.message(AppMessage::ExecutionReport(no), later);
        let frame = b.pull(0, &[], later);
        let told = frame.notices.iter().find(|n| n.kind == NoticeKind::Bad).unwrap();
        assert!(told.text.ends_with(want), "{stands:?}: {}", told.text);
    }
}

#[test]
fn the_best_yield_is_the_traders_best_and_stands_on_top() {
    for (ask, order, best) in [(Ask::Buy, ["B", "A", "C"], "B"), (Ask::Sell, ["C", "A", "B"], "C")]
    {
        let mut b = book();
        let rfq = asked(&mut b, &form(Numbers::Yield, ask, ""));
        for (dealer, at) in [("A", "2.5"), ("B", "2.6"), ("C", "2.4")] {
            quote(&mut b, &rfq, dealer, at, at, Some(9.into()));
        }
        let mut lines: Vec<_> =
            b.pull(0, &[], NOW).lines.into_iter().filter(|l| l.rfq_id == rfq).collect();
        lines.sort_by_key(|l| l.rank);
        let dealers: Vec<&str> = lines.iter().map(|l| l.dealer.as_str()).collect();
        assert_eq!(dealers, order, "{ask:?}");
        let marked: Vec<&str> = lines
            .iter()
            .filter(|l| if ask == Ask::Buy { l.best_offer } else { l.best_bid })
            .map(|l| l.dealer.as_str())
            .collect();
        assert_eq!(marked, [best], "{ask:?}");
        let top = if ask == Ask::Buy { &lines[0].offer } else { &lines[0].bid };
        // Of three yields the middle one is 2.5: the best is 100 ticks better.
        assert_eq!(top.as_ref().unwrap().away.as_deref(), Some("-100"));
        let h = head(&mut b, &rfq);
        assert_eq!((h.price_type, h.price_unit.as_str()), (Numbers::Yield, "% yield"));
    }
}

#[test]
fn a_quote_in_other_numbers_is_not_shown_as_one() {
    for stated in [None, Some(1.into()), Some(6.into()), margin("3M").stated()] {
        let mut b = book();
        let rfq = asked(&mut b, &form(Numbers::Yield, Ask::Buy, ""));
        quote(&mut b, &rfq, "A", "2.5", "2.5", Some(9.into()));
        quote(&mut b, &rfq, "A", "99", "99", stated);
        let frame = b.pull(0, &[], NOW);
        let line = frame.lines.iter().find(|l| l.rfq_id == rfq && l.dealer == "A").unwrap();
        assert_eq!(line.state, LineState::Withdrawn, "the yield before it is out of date");
        let told = frame.notices.iter().find(|n| n.kind == NoticeKind::Bad).unwrap();
        assert!(told.text.contains("A quote of A is not shown") && told.text.contains("423"));
    }
}

#[test]
fn a_trade_in_a_yield_says_that_it_is_one() {
    let mut b = book();
    let rfq = asked(&mut b, &form(Numbers::Yield, Ask::Buy, ""));
    quote(&mut b, &rfq, "A", "-0.25", "-0.25", Some(9.into()));
    quote(&mut b, &rfq, "B", "-0.3", "-0.3", Some(9.into()));
    let armed = b.arm(&take(&rfq, "A", Side::Buy, "-0.25"), NOW).unwrap();
    assert_eq!((armed.price.as_str(), armed.limit.as_deref()), ("-0.250", Some("-0.250")));
    b.set_limit(&rfq, 3, NOW).unwrap();
    let later = NOW + 5_000;
    let m = b.accept(&rfq, &armed.id, later).unwrap();
    let AppMessage::QuoteResponse(r) = &m else { panic!() };
    assert_eq!(r.price_type, PriceType::Yield);
    let limit: Decimal = "-0.253".parse().unwrap();
    assert_eq!(r.limit.map(|l| l.price), Some(limit), "three ticks less for a buyer");
    b.sent_as(2, &m);
    let fill = ExecutionReport {
        instrument: InstrumentId::new(BOND).unwrap(),
        dealer: Some(DealerId::new("A").unwrap()),
        price_type: Some(9.into()),
        text: None,
        ..report(&armed.id, ExecType::Trade, OrdStatus::Filled, "e1", "-0.25", 1_000)
    };
    b.message(AppMessage::ExecutionReport(fill), later);
    let h = head(&mut b, &rfq);
    assert_eq!(h.accept.as_ref().unwrap().state, Shown::Filled, "{:?}", h.accept);
    assert!(h.text.contains("bought 1,000 at -0.250 % from A"), "{}", h.text);
    let cover = h.cover.unwrap();
    assert_eq!((cover.price.as_str(), cover.ticks.as_deref()), ("-0.300 %", Some("+50")));
}

#[test]
fn a_discount_margin_is_asked_for_over_the_rate_of_the_note_and_answered_in_it() {
    let mut b = floating();
    let view = crate::present::instrument(&bond(&[margin("3M"), PriceType::Price]));
    let first = view.price_types.first().unwrap();
    assert_eq!((first.price_type, first.example.as_str()), (Numbers::Margin, "42.5"));
    assert_eq!(first.unit, "bp discount margin over EURIBOR 3M");
    assert_eq!(first.words, "discount margin, basis points");
    let m = b.ask(&form(Numbers::Margin, Ask::Buy, ""), NOW).unwrap();
    let AppMessage::QuoteRequest(q) = m else { panic!() };
    assert_eq!(q.price_type, margin("3M"));
    // An instrument has spreads or margins, and is asked for in what it has.
    for (mut b, of) in [(floating(), Numbers::Spread), (book(), Numbers::Margin)] {
        let no = b.ask(&form(of, Ask::Buy, ""), NOW).unwrap_err();
        let field = Some(TicketField::PriceType);
        assert_eq!((no.code.as_str(), no.field), ("price_type.not_listed", field), "{of:?}");
    }
    let other = [None, Some(1.into()), Some(6.into()), margin("6M").stated()];
    for stated in other {
        let mut b = floating();
        let rfq = asked(&mut b, &form(Numbers::Margin, Ask::Buy, ""));
        quote(&mut b, &rfq, "A", "45", "45", margin("3M").stated());
        quote(&mut b, &rfq, "A", "46", "46", stated);
        let frame = b.pull(0, &[], NOW);
        let line = frame.lines.iter().find(|l| l.rfq_id == rfq && l.dealer == "A").unwrap();
        assert_eq!(line.state, LineState::Withdrawn, "{stated:?}");
        let told = frame.notices.iter().find(|n| n.kind == NoticeKind::Bad).unwrap();
        assert!(told.text.contains("discount margin over EURIBOR 3M in EUR"), "{}", told.text);
    }
}

#[test]
fn a_trade_in_a_discount_margin_says_over_what() {
    let mut b = floating();
    let rfq = asked(&mut b, &form(Numbers::Margin, Ask::Buy, ""));
    quote(&mut b, &rfq, "A", "45", "45", margin("3M").stated());
    quote(&mut b, &rfq, "B", "44", "44", margin("3M").stated());
    let armed = b.arm(&take(&rfq, "A", Side::Buy, "45"), NOW).unwrap();
    b.set_limit(&rfq, 3, NOW).unwrap();
    let later = NOW + 5_000;
    let m = b.accept(&rfq, &armed.id, later).unwrap();
    let AppMessage::QuoteResponse(r) = &m else { panic!() };
    assert_eq!(r.price_type, margin("3M"));
    let limit: Decimal = "44.7".parse().unwrap();
    assert_eq!(r.limit.map(|l| l.price), Some(limit), "three tenths less for a buyer");
    b.sent_as(2, &m);
    let fill = ExecutionReport {
        instrument: InstrumentId::new(BOND).unwrap(),
        dealer: Some(DealerId::new("A").unwrap()),
        price_type: margin("3M").stated(),
        text: None,
        ..report(&armed.id, ExecType::Trade, OrdStatus::Filled, "e1", "45", 1_000)
    };
    b.message(AppMessage::ExecutionReport(fill), later);
    let h = head(&mut b, &rfq);
    assert_eq!(h.accept.as_ref().unwrap().state, Shown::Filled, "{:?}", h.accept);
    assert_eq!(
        (h.price_type, h.price_unit.as_str()),
        (Numbers::Margin, "bp discount margin over EURIBOR 3M")
    );
    assert!(h.text.contains("bought 1,000 at 45.0 bp over EURIBOR 3M from A"), "{}", h.text);
}
