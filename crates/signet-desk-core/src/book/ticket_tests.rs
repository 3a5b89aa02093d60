//! What a ticket wants holds for the accepts of its RFQ.

use super::{
    super::life_tests::{self, NOW, id, pair, quote},
    *,
};
use crate::view::{Ask, LineState};
use signet_fix::message::{
    AccessDecision, AccessVerdict, DealerState, QuoteStatusReport, RfqStatus, SecurityList,
    VenueState,
};
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
        parts: false,
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
    life_tests::listed(&mut b, instrument);
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
        limit_over: None,
        min_quantity: least.into(),
        all_or_none: false,
        approve_first: false,
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
    let report = QuoteStatusReport::of_rfq(q.id, q.instrument, RfqStatus::Open, None);
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

/// The list of instruments is another one since the request was sent.
#[test]
fn a_limit_that_cannot_be_compared_with_a_price_lets_nothing_be_armed() {
    let gone = || Instrument {
        id: signet_rfq::InstrumentId::new("GBP/USD").unwrap(),
        symbol: "GBP/USD".into(),
        ..instrument()
    };
    let coarse = || Instrument { tick: "0.0001".parse().unwrap(), ..instrument() };
    for (now, limit, want) in [
        (gone(), "1.07999", Err("catalogue.missing")),
        (gone(), "", Ok(())),
        (coarse(), "1.07999", Err("limit.off_tick")),
        (coarse(), "1.0800", Ok(())),
    ] {
        let mut b = book_with(instrument());
        let rfq = asked(&mut b, &form(Ask::Buy, limit, ""), "1.08");
        let list = SecurityList { request: id("later"), last: true, instruments: vec![now] };
        b.message(AppMessage::SecurityList(list), NOW);
        let got = b.arm_typed(intent(&rfq, "1.08"), NOW).map(drop).map_err(|p| p.code);
        assert_eq!(got.as_ref().copied().map_err(String::as_str), want, "{limit:?}");
        assert_eq!(b.rfq(&id(&rfq)).unwrap().accept.is_some(), want.is_ok());
    }
}

/// The same, once it is armed or is approved ahead: the keys go nowhere, and what stood stands.
#[test]
fn a_limit_that_cannot_be_compared_with_a_price_is_not_gone_beyond() {
    let coarse = || Instrument { tick: "0.0001".parse().unwrap(), ..instrument() };
    for (now, want) in [(instrument(), Ok(())), (coarse(), Err("limit.off_tick"))] {
        let mut b = with_step_up();
        // The whole of it is quoted.
        let form = TicketForm { quantity: "1000".into(), ..form(Ask::Buy, "1.08003", "") };
        let (rfq, _) = sent(&mut b, &form, RfqStatus::Open);
        b.message(quote(&rfq, "q9", "1.08"), NOW);
        b.arm_typed(intent(&rfq, "1.08"), NOW).unwrap();
        let list = SecurityList { request: id("later"), last: true, instruments: vec![now] };
        b.message(AppMessage::SecurityList(list), NOW);
        let got = b.set_limit_typed(&rfq, 1, NOW).map_err(|p| p.code);
        assert_eq!(got.as_ref().copied().map_err(String::as_str), want);
        let limit = b.rfq(&id(&rfq)).unwrap().accept.as_ref().unwrap().0.limit.unwrap().price;
        let kept = if want.is_ok() { "1.08001" } else { "1.08003" };
        assert_eq!(limit, kept.parse().unwrap());
        b.disarm(&rfq).unwrap();
        let got = b.approve_ahead_typed(&rfq, Side::Buy, Some(2), NOW).map(drop);
        let got = got.map_err(|p| p.code);
        assert_eq!(got.as_ref().copied().map_err(String::as_str), want);
        assert_eq!(b.screen.ahead(&id(&rfq)).is_some(), want.is_ok());
    }
}

#[test]
fn dealers_are_told_the_least_quantity_of_a_ticket_and_no_limit() {
    for (least, all_or_none, want) in [
        ("", false, None),
        ("1.5k", false, Some("1500")),
        ("2000", false, Some("2000")),
        ("", true, Some("2000")),
        ("1k", true, Some("2000")),
    ] {
        let mut b = book_with(instrument());
        let form = TicketForm { all_or_none, ..form(Ask::Buy, "1.08", least) };
        let AppMessage::QuoteRequest(q) = b.ask(&form, NOW).unwrap() else { panic!() };
        let want: Option<rust_decimal::Decimal> = want.map(|q| q.parse().unwrap());
        assert_eq!(q.min_quantity, want, "{least} {all_or_none}");
        assert_eq!(b.rfq(&q.id).unwrap().terms.min_quantity, want);
        let written =
            String::from_utf8(AppMessage::QuoteRequest(q).encode().finish("FIX.4.4").unwrap());
        assert!(!written.unwrap().contains("=1.08\u{1}"), "no dealer learns the limit");
    }
    let mut b = book_with(instrument());
    let why = b.ask(&form(Ask::Buy, "", "2001"), NOW).unwrap_err();
    assert_eq!((why.code.as_str(), why.field), ("minimum.too_large", Some(TicketField::Minimum)));
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
    b.set_limit_typed(&rfq, 1, NOW).unwrap();
    assert_eq!(limit(&b), "1.08001".parse().unwrap(), "nearer is the trader's choice");
    assert_eq!(b.set_limit_typed(&rfq, 3, NOW).unwrap_err().code, "accept.ticket_limit");
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

/// Online at a gateway that uses step-up.
fn with_step_up() -> Book {
    let mut b = book_with(instrument());
    b.message(life_tests::with_keys(), NOW);
    b
}

/// The request leaves; what the desk sends when the gateway says how it stands.
fn sent(b: &mut Book, form: &TicketForm, status: RfqStatus) -> (String, Vec<AppMessage>) {
    let request = b.ask(form, NOW).unwrap();
    b.sent_as(1, &request);
    let AppMessage::QuoteRequest(q) = request else { panic!("no request") };
    let rfq = q.id.to_string();
    let report = QuoteStatusReport::of_rfq(q.id, q.instrument, status, None);
    (rfq, b.message(AppMessage::QuoteStatusReport(report), NOW))
}

fn first(ask: Ask, limit: &str) -> TicketForm {
    TicketForm { approve_first: true, ..form(ask, limit, "") }
}

#[test]
fn an_approval_with_the_request_is_asked_for_once_it_is_open_at_the_tickets_limit() {
    for (ask, side) in [(Ask::Buy, signet_rfq::Side::Buy), (Ask::Sell, signet_rfq::Side::Sell)] {
        let mut b = with_step_up();
        let (rfq, answers) = sent(&mut b, &first(ask, "1.08002"), RfqStatus::Open);
        let [AppMessage::ApproveAhead(a)] = &answers[..] else { panic!("{answers:?}") };
        let limit: rust_decimal::Decimal = "1.08002".parse().unwrap();
        assert_eq!((a.rfq.as_str(), a.side, a.limit.price), (&*rfq, side, limit));
        assert_eq!(a.quantity, "2000".parse().unwrap());
        let shown = b.pull(0, &[], NOW).rfqs;
        let shown = shown.iter().find(|r| r.id == rfq).unwrap();
        assert_eq!(shown.limit.as_deref(), Some("1.08002"));
        assert!(!shown.ahead.as_ref().unwrap().approved);
        // Said again: nothing more is asked.
        let id = RfqId::new(&*rfq).unwrap();
        let again = QuoteStatusReport::of_rfq(id, pair(), RfqStatus::Open, None);
        assert_eq!(b.message(AppMessage::QuoteStatusReport(again), NOW), []);
    }
}

#[test]
fn an_approval_with_the_request_is_not_asked_for_before_it_is_open_nor_after_its_end() {
    for status in [
        RfqStatus::Pending,
        RfqStatus::Rejected,
        RfqStatus::Cancelled,
        RfqStatus::Expired,
        RfqStatus::NothingDone,
    ] {
        let mut b = with_step_up();
        let (rfq, answers) = sent(&mut b, &first(Ask::Buy, "1.08"), status);
        assert_eq!(answers, [], "{status:?}");
        let open =
            QuoteStatusReport::of_rfq(RfqId::new(&*rfq).unwrap(), pair(), RfqStatus::Open, None);
        let later = b.message(AppMessage::QuoteStatusReport(open), NOW).len();
        assert_eq!(later, usize::from(status == RfqStatus::Pending), "{status:?}");
    }
    // What the connection or the trader ended is not asked for later.
    for lost in [true, false] {
        let mut b = with_step_up();
        let (rfq, _) = sent(&mut b, &first(Ask::Buy, "1.08"), RfqStatus::Pending);
        match lost {
            true => b.link_lost(),
            false => drop(b.cancel(&rfq).unwrap()),
        }
        let open =
            QuoteStatusReport::of_rfq(RfqId::new(&*rfq).unwrap(), pair(), RfqStatus::Open, None);
        assert_eq!(b.message(AppMessage::QuoteStatusReport(open), NOW), [], "{lost}");
    }
}

#[test]
fn an_approval_with_the_request_needs_a_limit_a_side_and_a_venue_that_takes_it() {
    for (form, with_keys, code) in [
        (first(Ask::Buy, ""), true, "limit.missing"),
        (first(Ask::TwoWay, "1.08"), true, "limit.two_way"),
        (first(Ask::Buy, "1.08"), false, "accept.no_ahead"),
    ] {
        let mut b = if with_keys { with_step_up() } else { book_with(instrument()) };
        assert_eq!(b.check_ticket(&form, NOW).refused.unwrap().code, code);
        assert_eq!(b.ask(&form, NOW).unwrap_err().code, code);
        let shown = b.pull(0, &[], NOW).rfqs;
        assert!(shown.iter().all(|r| r.id == "R1"), "{code}: nothing was sent");
    }
}

/// The trader ends the request while the gateway's challenge is on its way: no alarm.
#[test]
fn an_approval_of_a_request_that_was_ended_meanwhile_is_declined_in_silence() {
    use signet_fix::message::{Answer, StepUpAnswer, StepUpChallenge};
    use signet_stepup::{Action, AheadTerms, Approval};
    for ended in [true, false] {
        let mut b = with_step_up();
        b.connection.gateway = Some("SIGNET".into());
        b.connection.view.comp_id = Some("ALICE".into());
        let (rfq, answers) = sent(&mut b, &first(Ask::Buy, "1.08002"), RfqStatus::Open);
        let [AppMessage::ApproveAhead(a)] = &answers[..] else { panic!("{answers:?}") };
        let terms = b.rfq(&id(&rfq)).unwrap().terms.clone();
        let approval = Approval {
            gateway: "SIGNET".into(),
            desk: "ALICE".into(),
            approver: "ALICE".into(),
            action: Action::Ahead(AheadTerms::of(&terms, a.side, a.quantity, a.limit)),
        };
        if ended {
            drop(b.cancel(&rfq).unwrap());
        }
        let challenge = StepUpChallenge {
            id: "c1".into(),
            reason: None,
            deadline: NOW + 30_000,
            approval: approval.text().unwrap(),
            options: "{}".into(),
        };
        let answers = b.message(AppMessage::StepUpChallenge(challenge), NOW);
        let declined = matches!(
            &answers[..],
            [AppMessage::StepUpAnswer(StepUpAnswer { answer: Answer::Declined(_), .. })]
        );
        assert_eq!(declined, ended, "{answers:?}");
        assert!(life_tests::notices(&b).is_empty(), "no alarm: {:?}", life_tests::notices(&b));
    }
}

/// Before the first quote the ticket's limit is what can be approved; then the best price is.
#[test]
fn an_approval_ahead_without_a_quote_is_at_the_tickets_limit() {
    let limit_of = |m: Result<AppMessage, Problem>| match m {
        Ok(AppMessage::ApproveAhead(a)) => Ok(a.limit.price.to_string()),
        Ok(other) => panic!("{other:?}"),
        Err(why) => Err(why.code),
    };
    for (limit, quoted, side, ticks, want) in [
        ("1.08002", false, Side::Buy, None, Ok("1.08002")),
        ("1.08002", false, Side::Buy, Some(1), Err("quote.none")),
        ("", false, Side::Buy, None, Err("limit.missing")),
        ("1.08002", false, Side::Sell, None, Err("limit.missing")),
        ("1.08002", true, Side::Buy, Some(1), Ok("1.080010")),
        ("1.08", true, Side::Buy, Some(1), Err("accept.beyond_limit")),
        // The page showed the limit: a quote that came meanwhile changes nothing.
        ("1.08002", true, Side::Buy, None, Ok("1.08002")),
    ] {
        let mut b = with_step_up();
        // The whole of it is quoted.
        let form = TicketForm { quantity: "1000".into(), ..form(Ask::Buy, limit, "") };
        let (rfq, _) = sent(&mut b, &form, RfqStatus::Open);
        if quoted {
            b.message(quote(&rfq, "q9", "1.08"), NOW);
        }
        let got = limit_of(b.approve_ahead_typed(&rfq, side, ticks, NOW));
        let decimal = |s: &str| s.parse::<rust_decimal::Decimal>().unwrap();
        let want = want.map(decimal).map_err(str::to_owned);
        assert_eq!(got.map(|p| decimal(&p)), want, "{limit:?} {quoted} {side:?} {ticks:?}");
    }
}

/// The gateway has the one before, and nothing is sent in its place.
#[test]
fn an_approval_ahead_that_is_refused_leaves_the_one_before() {
    let mut b = with_step_up();
    let form = TicketForm { quantity: "1000".into(), ..form(Ask::Buy, "1.08", "") };
    let (rfq, _) = sent(&mut b, &form, RfqStatus::Open);
    b.message(quote(&rfq, "q9", "1.08"), NOW);
    b.approve_ahead_typed(&rfq, Side::Buy, Some(0), NOW).unwrap();
    let id = RfqId::new(&*rfq).unwrap();
    b.screen.get_mut(&id).unwrap().ahead.as_mut().unwrap().approved = true;
    let refused = b.approve_ahead_typed(&rfq, Side::Buy, Some(1), NOW).unwrap_err();
    assert_eq!(refused.code, "accept.beyond_limit");
    let ahead = b.screen.ahead(&id).expect("it is still there");
    assert!(ahead.approved && ahead.limit == "1.08".parse().unwrap());
}
