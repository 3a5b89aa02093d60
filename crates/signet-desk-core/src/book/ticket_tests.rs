//! What a ticket wants holds for the accepts of its RFQ.

use super::{
    super::life_tests::{self, NOW, id, pair, quote},
    *,
};
use crate::view::{Ask, LineState};
use signet_fix::message::{AccessDecision, AccessVerdict, DealerState, SecurityList, VenueState};
use signet_rfq::{AssetClass, PriceFormat};

fn instrument() -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: pair(),
        symbol: "EUR/USD".into(),
        name: "Euro dollar".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 6,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().unwrap(),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    }
}

fn dealers(online: [bool; 2]) -> AppMessage {
    let dealer = |(id, name, online): (&str, &str, bool)| DealerState {
        id: signet_rfq::DealerId::new(id).unwrap(),
        name: name.into(),
        online,
        counters: false,
    };
    let all = [("NORTH", "Northbank", online[0]), ("SOUTH", "Southbank", online[1])];
    AppMessage::VenueState(VenueState {
        name: "Venue".into(),
        practice: false,
        dealers: all.map(dealer).to_vec(),
        at: NOW,
    })
}

/// Online, with an instrument and two dealers.
fn book_with(instrument: Instrument) -> Book {
    let mut b = life_tests::book();
    let list = SecurityList { request: id("list"), last: true, instruments: vec![instrument] };
    b.message(AppMessage::SecurityList(list), NOW);
    b.message(dealers([true, true]), NOW);
    b
}

fn form(ask: Ask, limit: &str, least: &str) -> TicketForm {
    TicketForm {
        price_type: Default::default(),
        instrument: "EUR/USD".into(),
        typed: "EUR/USD".into(),
        ask,
        quantity: "2000".into(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
        price_limit: limit.into(),
        min_quantity: least.into(),
        all_or_none: false,
        note: "for the pension fund".into(),
        package: None,
    }
}

/// Asks with a ticket; NORTH quotes 1,000 of the 2,000 at a price.
fn asked(b: &mut Book, form: &TicketForm, price: &str) -> String {
    let request = b.ask(form, NOW).unwrap();
    b.sent_as(1, &request);
    let AppMessage::QuoteRequest(q) = request else { panic!("no request") };
    let rfq = q.id.to_string();
    let report = signet_fix::message::QuoteStatusReport::of_rfq(
        q.id,
        q.instrument,
        signet_fix::message::RfqStatus::Open,
        None,
    );
    b.message(AppMessage::QuoteStatusReport(report), NOW);
    b.message(quote(&rfq, "q9", price), NOW);
    rfq
}

fn intent(rfq: &str, price: &str) -> ArmIntent {
    ArmIntent {
        rfq_id: rfq.into(),
        dealer: "NORTH".into(),
        quote_id: "q9".into(),
        side: Side::Buy,
        price: price.into(),
    }
}

#[test]
fn an_accept_begins_with_the_limit_of_its_ticket_and_none_goes_beyond_it() {
    for (limit, least, price, want) in [
        ("", "", "1.08", Ok("1.080000")),
        ("1.08002", "", "1.08", Ok("1.080020")),
        ("1.08", "", "1.08", Ok("1.080000")),
        ("1.07999", "", "1.08", Err("accept.beyond_limit")),
        ("", "1000", "1.08", Ok("1.080000")),
        ("", "1001", "1.08", Err("accept.too_small")),
    ] {
        let mut b = book_with(instrument());
        let rfq = asked(&mut b, &form(Ask::Buy, limit, least), price);
        let got = b.arm_typed(intent(&rfq, price), NOW);
        let got = got.as_ref().map(|v| v.limit.as_deref().unwrap()).map_err(|p| p.code.as_str());
        assert_eq!(got, want, "limit {limit}, least {least}");
        let armed = b.rfq(&id(&rfq)).unwrap().accept.clone();
        match want {
            Ok(limit) => {
                let limit: rust_decimal::Decimal = limit.parse().unwrap();
                assert_eq!(armed.unwrap().0.limit.unwrap().price, limit, "and that is sent");
            }
            Err(_) => assert!(armed.is_none(), "nothing is left to be confirmed"),
        }
    }
}

#[test]
fn the_limit_of_a_ticket_holds_however_much_is_asked_after_it() {
    let mut b = book_with(instrument());
    let rfq = asked(&mut b, &form(Ask::Buy, "1.05", ""), "1.08");
    let other = form(Ask::Buy, "", "");
    for n in 0..510 {
        let view = AskedView { rfq_id: format!("OTHER-{n}"), at_ms: 0.0, form: other.clone() };
        b.records.tickets.keep_asked(&view).unwrap();
    }
    let refused = b.arm_typed(intent(&rfq, "1.08"), NOW).unwrap_err();
    assert!(refused.code.contains("limit"), "{refused:?}");
}

#[test]
fn the_keys_do_not_move_a_limit_beyond_the_tickets() {
    let mut b = book_with(instrument());
    let rfq = asked(&mut b, &form(Ask::Buy, "1.08002", ""), "1.08");
    b.arm_typed(intent(&rfq, "1.08"), NOW).unwrap();
    let limit =
        |b: &Book| b.rfq(&id(&rfq)).unwrap().accept.as_ref().unwrap().0.limit.unwrap().price;
    b.set_limit_typed(&rfq, 1).unwrap();
    assert_eq!(limit(&b), "1.08001".parse().unwrap(), "nearer is the trader's choice");
    assert_eq!(b.set_limit_typed(&rfq, 3).unwrap_err().code, "accept.ticket_limit");
    assert_eq!(limit(&b), "1.08002".parse().unwrap());
}

#[test]
fn a_plain_venue_is_sent_no_limit_and_the_tickets_still_holds() {
    for (price, want) in [("1.08", None), ("1.08003", Some("accept.beyond_limit"))] {
        let mut b = book_with(instrument());
        b.connection.direct = true;
        let rfq = asked(&mut b, &form(Ask::Buy, "1.08002", ""), price);
        let got = b.arm_typed(intent(&rfq, price), NOW);
        assert_eq!(got.as_ref().err().map(|p| p.code.as_str()), want);
        assert!(got.is_err() || got.unwrap().limit.is_none());
    }
}

#[test]
fn a_price_is_taken_as_the_screen_shows_it() {
    let in_32nds = Instrument {
        price_format: PriceFormat::ThirtySeconds,
        tick: "0.015625".parse().unwrap(),
        ..instrument()
    };
    let mut b = book_with(in_32nds);
    let rfq = asked(&mut b, &form(Ask::Buy, "99-17", ""), "99.515625");
    let frame = b.pull(0, &[], NOW);
    let line = frame.lines.iter().find(|l| l.rfq_id == rfq).unwrap();
    assert_eq!(line.state, LineState::Quoted);
    let shown = line.offer.as_ref().unwrap().price.clone();
    assert_eq!(shown, "99-16+");
    let view = b.arm_typed(intent(&rfq, &shown), NOW).unwrap();
    assert_eq!((view.price.as_str(), view.limit.as_deref()), ("99-16+", Some("99-17")));
    let armed = b.rfq(&id(&rfq)).unwrap().accept.as_ref().unwrap().0.price;
    assert_eq!(armed, "99.515625".parse().unwrap());
}

#[test]
fn a_request_can_be_asked_again_and_its_dealers_are_remembered() {
    let mut b = book_with(instrument());
    let one = form(Ask::Buy, "1.09", "");
    let rfq = asked(&mut b, &one, "1.08");
    assert_eq!(b.ticket_of(&rfq), Some(one));
    assert_eq!(b.ticket_of("another"), None);
    b.favour("SOUTH", true).unwrap();
    assert_eq!(b.favour("NOBODY", true).unwrap_err().code, "dealers.unknown");
    let hints = b.dealer_hints("EUR/USD");
    let seen: Vec<_> = hints.iter().map(|h| (h.id.as_str(), h.favourite, h.last_used)).collect();
    assert_eq!(seen, [("NORTH", false, true), ("SOUTH", true, false)]);
    assert_eq!(hints[0].reason, "asked once: too little to judge");
    // A refused ticket is not one that was asked.
    let mut bad = form(Ask::TwoWay, "1.09", "");
    assert_eq!(b.ask(&bad, NOW).unwrap_err().code, "limit.two_way");
    bad.note = "x".repeat(501);
    assert_eq!(b.ask(&bad, NOW).unwrap_err().code, "note.too_long");
    assert_eq!(b.kept_tickets().asked.len(), 1);
}

#[test]
fn a_dealer_is_suggested_by_what_this_desk_has_seen_of_it() {
    let mut b = book_with(instrument());
    for _ in 0..5 {
        asked(&mut b, &form(Ask::Buy, "", ""), "1.08");
    }
    let hints = b.dealer_hints("EUR/USD");
    let want = (true, "traded 0 of 5, 0.0 s, no rejects");
    assert_eq!((hints[0].suggested, hints[0].reason.as_str()), want);
    assert!(!hints[1].suggested);
}

#[test]
fn what_is_known_is_said_before_it_is_sent() {
    let mut b = book_with(instrument());
    let good = form(Ask::Buy, "", "");
    let code = |b: &Book, f: &TicketForm| b.check_ticket(f, NOW).refused.map(|p| p.code);
    assert_eq!(code(&b, &good), None);
    let empty = TicketForm {
        instrument: String::new(),
        quantity: String::new(),
        dealers: vec![],
        ..good.clone()
    };
    assert_eq!(code(&b, &empty), None, "what is not filled in yet is not refused");
    for (f, want) in [
        (TicketForm { quantity: "2000000".into(), ..good.clone() }, "quantity.too_large"),
        (TicketForm { price_limit: "x".into(), ..good.clone() }, "limit.unreadable"),
        (
            TicketForm { settlement_date: Some("2026-11-21".into()), ..good.clone() },
            "settlement_date.early",
        ),
        (TicketForm { dealers: vec!["NOBODY".into()], ..good.clone() }, "dealers.unknown"),
    ] {
        assert_eq!(code(&b, &f).as_deref(), Some(want));
    }
    b.message(dealers([false, true]), NOW);
    assert_eq!(code(&b, &good).as_deref(), Some("dealers.offline"));
    let both = TicketForm { dealers: vec!["NORTH".into(), "SOUTH".into()], ..good.clone() };
    let check = b.check_ticket(&both, NOW);
    assert_eq!((check.refused, check.notes), (None, vec!["Not online now: Northbank.".into()]));
    // The gateway's last decision.
    let decision = |verdict| {
        AppMessage::AccessDecision(AccessDecision {
            verdict,
            score: 30,
            text: "a new country".into(),
            cure: Some("Touch your key.".into()),
            factors: "[]".into(),
            policy: "p".into(),
            at: NOW,
        })
    };
    b.message(decision(AccessVerdict::StepUp), NOW);
    assert!(b.check_ticket(&both, NOW).notes.iter().any(|n| n.contains("a new country")));
    b.message(decision(AccessVerdict::Deny), NOW);
    assert_eq!(code(&b, &both).as_deref(), Some("risk.denied"));
}
