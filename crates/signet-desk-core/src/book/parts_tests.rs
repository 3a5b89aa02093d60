use super::super::{
    life_tests::{
        self, NOW, accept, arm, euro_dollar, id, listed, north, notices, quote, report, request,
        say, state,
    },
    *,
};
use crate::view::{BlotterQuery, BlotterRow, BlotterTab, RfqView};
use rust_decimal::Decimal;
use signet_fix::message::{
    AppMessage, DealerState, ExecType, OrdStatus, QuoteMsg, QuoteResponse, SecurityList,
    SnapshotMark, VenueState,
};
use signet_rfq::{AcceptState as Accepting, Instrument, Level};

fn venue(b: &mut Book, parts: bool) {
    let (north, name) = (north(), "Northbank".into());
    let dealers = vec![DealerState { id: north, name, online: true, counters: false, parts }];
    let v = VenueState { name: "Venue".into(), practice: false, dealers, at: NOW };
    b.message(AppMessage::VenueState(v), NOW);
}

/// NORTH quotes 1,000 and lets a part be taken, in tens and from 100.
fn book() -> Book {
    let mut b = life_tests::book();
    venue(&mut b, true);
    listed(&mut b, Instrument { lot: 10.into(), min_quantity: 100.into(), ..euro_dollar() });
    b
}

fn head(b: &mut Book) -> RfqView {
    b.pull(0, &[], NOW).rfqs.into_iter().find(|r| r.id == "R1").unwrap()
}

/// The quantity, what the quote is for, and whether less may be typed.
fn shown(b: &mut Book) -> (String, Option<String>, bool) {
    let a = head(b).accept.unwrap();
    (a.quantity, a.quoted_quantity, a.takes_part)
}

fn sent(m: AppMessage) -> QuoteResponse {
    let AppMessage::QuoteResponse(r) = m else { panic!("{m:?}") };
    r
}

fn rows(b: &Book, tab: BlotterTab) -> Vec<BlotterRow> {
    b.blotter(&BlotterQuery { tab, text: String::new(), limit: 10 }).rows
}

#[test]
fn table_of_typed_quantities() {
    for (typed, want) in [
        ("", Ok(1_000)),
        ("  ", Ok(1_000)),
        ("1,000", Ok(1_000)),
        ("1k", Ok(1_000)),
        ("0.4k", Ok(400)),
        ("400", Ok(400)),
        ("100", Ok(100)),
        ("1,010", Err("part.too_much")),
        ("90", Err("part.too_small")),
        ("405", Err("part.off_lot")),
        ("0", Err("quantity.not_positive")),
        ("-400", Err("quantity.not_positive")),
        ("0,4k", Err("quantity.unreadable")),
        ("all", Err("quantity.unreadable")),
    ] {
        let mut b = book();
        let first = arm(&mut b);
        let got = b.take_quantity("R1", typed, NOW);
        assert!(got.as_ref().err().is_none_or(|p| p.field.is_none()), "no field of the ticket");
        let got = got.map(|()| accept(&b).quantity).map_err(|p| p.code);
        assert_eq!(got.clone().ok(), want.ok().map(Decimal::from), "{typed:?}: {got:?}");
        assert_eq!(got.as_ref().err().map(String::as_str), want.err(), "{typed:?}");
        let whole = want != Ok(400) && want != Ok(100);
        let a = accept(&b);
        assert_eq!(a.quantity, Decimal::from(if whole { 1_000 } else { want.unwrap() }));
        assert_eq!(a.id.as_str() == first, whole, "another quantity is another accept");
    }
}

#[test]
fn what_is_confirmed_is_what_was_on_the_screen() {
    let mut b = book();
    let first = arm(&mut b);
    assert_eq!(shown(&mut b), ("1,000".into(), None, true));
    b.take_quantity("R1", "400", NOW).unwrap();
    assert_eq!(shown(&mut b), ("400".into(), Some("1,000".into()), true));
    assert_eq!(b.accept("R1", &first, NOW).unwrap_err().code, "accept.not_armed");
    let again = accept(&b).id.to_string();
    let r = sent(b.accept("R1", &again, NOW).unwrap());
    assert_eq!((r.quantity, r.id.as_str()), (400.into(), again.as_str()));
    assert_eq!(shown(&mut b), ("400".into(), Some("1,000".into()), false), "it has left");
    assert_eq!(b.take_quantity("R1", "", NOW).unwrap_err().code, "accept.not_armed");
}

/// What is typed at 5 s, and when Confirm is pressed.
#[test]
fn the_enter_that_takes_a_quantity_held_or_pressed_again_confirms_nothing() {
    use crate::guard::TradingSettings;
    for typed in ["400", "1k", ""] {
        let trading = TradingSettings { confirm_after_ms: 700, ..TradingSettings::NONE };
        let mut b = book().protected_by(trading);
        arm(&mut b);
        b.take_quantity("R1", typed, NOW + 5_000).unwrap();
        let terms = accept(&b).id.to_string();
        // A remote display repeats a held key after half a second, and does not say so.
        for ms in [5_160, 5_500, 5_530, 5_560, 6_250] {
            let why = b.accept("R1", &terms, NOW + ms).unwrap_err();
            assert_eq!(why.code, "accept.too_soon", "{typed:?} {ms}");
        }
        b.accept("R1", &terms, NOW + 7_000).unwrap();
    }
}

#[test]
fn nothing_typed_sends_the_message_that_was_always_sent() {
    let whole = |typed: Option<&str>| {
        let mut b = book();
        let armed = arm(&mut b);
        if let Some(typed) = typed {
            b.take_quantity("R1", typed, NOW).unwrap();
        }
        sent(b.accept("R1", &armed, NOW).unwrap())
    };
    let before = whole(None);
    assert_eq!(before.quantity, 1_000.into());
    for typed in ["", "1000", "1k"] {
        assert_eq!(whole(Some(typed)), before, "{typed:?}");
    }
}

#[test]
fn it_is_off_where_nobody_says_that_a_part_is_taken() {
    let told_nothing = |b: &mut Book| venue(b, false);
    let plain = |b: &mut Book| b.connection.direct = true;
    for off in [told_nothing as fn(&mut Book), plain as fn(&mut Book)] {
        let mut b = book();
        off(&mut b);
        arm(&mut b);
        assert_eq!(shown(&mut b), ("1,000".into(), None, false));
        assert_eq!(b.take_quantity("R1", "400", NOW).unwrap_err().code, "part.not_taken");
        assert_eq!(accept(&b).quantity, 1_000.into());
        b.take_quantity("R1", "", NOW).unwrap();
    }
    // The dealer has changed its mind while the terms were shown.
    let mut b = book();
    arm(&mut b);
    b.take_quantity("R1", "400", NOW).unwrap();
    venue(&mut b, false);
    let again = accept(&b).id.to_string();
    assert_eq!(b.accept("R1", &again, NOW).unwrap_err().code, "accept.quantity_mismatch");
    assert_eq!(state(&b), Accepting::Armed, "nothing was sent");
}

#[test]
fn a_part_is_not_below_what_was_asked_for_at_least() {
    let mut b = life_tests::book();
    let q = request("R2");
    let least = signet_fix::message::QuoteRequest { min_quantity: Some(500.into()), ..q };
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::Rfq(least)), NOW);
    b.message(quote("R2", "q1", "1.08"), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    venue(&mut b, true);
    let list = SecurityList {
        request: id("list"),
        last: true,
        instruments: vec![Instrument {
            lot: 1.into(),
            min_quantity: 1.into(),
            ..signet_rfq::test_double::eur_usd()
        }],
    };
    b.message(AppMessage::SecurityList(list), NOW);
    let intent = crate::view::ArmIntent {
        rfq_id: "R2".into(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: crate::view::Side::Buy,
        price: "1.08".into(),
    };
    b.arm(&intent, NOW).unwrap();
    assert_eq!(b.take_quantity("R2", "499", NOW).unwrap_err().code, "part.below_least");
    b.take_quantity("R2", "500", NOW).unwrap();
}

#[test]
fn a_quote_of_another_size_ends_the_arming() {
    let mut b = book();
    arm(&mut b);
    b.take_quantity("R1", "400", NOW).unwrap();
    let AppMessage::Quote(q) = quote("R1", "q2", "1.08") else { unreachable!() };
    let offer = Some(Level { price: "1.08".parse().unwrap(), size: 900.into() });
    b.message(AppMessage::Quote(QuoteMsg { offer, ..q }), NOW);
    assert!(matches!(state(&b), Accepting::Declined(_)), "{:?}", state(&b));
}

#[test]
fn rows_and_words_say_what_was_accepted_and_what_was_quoted() {
    let mut b = book();
    arm(&mut b);
    b.take_quantity("R1", "400", NOW).unwrap();
    let again = accept(&b).id.to_string();
    b.accept("R1", &again, NOW).unwrap();
    // A re-quote that crosses the fill does not change what was quoted then.
    b.message(quote("R1", "q2", "1.09"), NOW);
    say(&mut b, report(&again, ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 400));
    let trade = rows(&b, BlotterTab::Trades).remove(0);
    assert_eq!((trade.quantity.as_str(), trade.quoted.as_deref()), ("400", Some("1,000")));
    assert_eq!(trade.text.as_deref(), Some("Accepted 400 of 1,000 quoted"));
    let request = rows(&b, BlotterTab::Rfqs).remove(0);
    assert_eq!(request.text.as_deref(), Some("Accepted 400 of 1,000 quoted"));
    let view = head(&mut b);
    assert_eq!(view.text, "Filled: bought 400 of 1,000 quoted at 1.08000 from Northbank");
    assert_eq!(view.accept.unwrap().quoted_quantity.as_deref(), Some("1,000"));
}

#[test]
fn more_than_the_part_is_a_dispute() {
    let mut b = book();
    arm(&mut b);
    b.take_quantity("R1", "400", NOW).unwrap();
    let again = accept(&b).id.to_string();
    b.accept("R1", &again, NOW).unwrap();
    say(&mut b, report(&again, ExecType::Trade, OrdStatus::Filled, "e1", "1.08", 1_000));
    assert_eq!(state(&b), Accepting::Disputed);
    assert!(notices(&b).contains(&"execution.mismatch"), "{:?}", notices(&b));
    // Whoever settles it reads what was claimed, and beside it what was accepted.
    let trade = rows(&b, BlotterTab::Trades).remove(0);
    assert_eq!((trade.status.as_str(), trade.quantity.as_str()), ("Disputed", "1,000"));
    for tab in [BlotterTab::Trades, BlotterTab::Rfqs] {
        let row = rows(&b, tab).remove(0);
        assert_eq!(row.text.as_deref(), Some("Accepted 400 of 1,000 quoted"), "{tab:?}");
    }
}

/// NORTH's next quote, of this size.
fn next(quote_id: &str, price: &str, size: i64) -> AppMessage {
    let AppMessage::Quote(q) = quote("R1", quote_id, price) else { unreachable!() };
    let offer = Some(Level { price: price.parse().unwrap(), size: size.into() });
    AppMessage::Quote(QuoteMsg { offer, ..q })
}

/// As the gateway says on which quote the accept went on.
fn as_sent(b: &Book, quote_id: &str, price: &str) -> AppMessage {
    let (quote, price) = (signet_rfq::QuoteId::new(quote_id).unwrap(), price.parse().unwrap());
    let went_on = signet_rfq::Accept { quote, price, ..accept(b) };
    let terms = b.rfq(&id("R1")).unwrap().terms.clone();
    AppMessage::QuoteResponse(QuoteResponse::hit(&went_on, &terms, false, NOW))
}

/// A part of 400 with a limit of two ticks has left. What the gateway then says of the quote that
/// it took, how the desk hears of it, and what every place shows and keeps.
#[test]
fn table_of_parts_that_follow_their_dealers_quotes_up_to_a_limit() {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Told {
        /// At once.
        Live,
        /// In the snapshot after a gap.
        InSnapshot,
        /// By the price (44) of the report alone.
        InReport,
        /// By nothing but the price of the report, and the new quote was not heard either.
        Unheard,
    }
    use Told::{InReport, InSnapshot, Live, Unheard};
    for (told, price, size, quoted) in [
        // The same quote.
        (Live, "1.08", 1_000, Some("1,000")),
        (InSnapshot, "1.08", 1_000, Some("1,000")),
        (Unheard, "1.08", 1_000, Some("1,000")),
        // A better one, for less, for as much as the part, and for more than was asked.
        (Live, "1.079", 700, Some("700")),
        (Live, "1.079", 400, None),
        (Live, "1.079", 5_000, Some("1,000")),
        (InSnapshot, "1.079", 700, Some("700")),
        (InSnapshot, "1.079", 400, None),
        (InReport, "1.079", 700, Some("700")),
        (InReport, "1.079", 400, None),
        // A worse one within the limit.
        (Live, "1.08002", 700, Some("700")),
        (InReport, "1.08002", 700, Some("700")),
        // It is known that it was another quote, and not for how much.
        (Unheard, "1.079", 700, None),
    ] {
        let what = format!("{told:?} {price} {size}");
        let mut b = book();
        arm(&mut b);
        b.take_quantity("R1", "400", NOW).unwrap();
        b.set_limit("R1", 2, NOW).unwrap();
        let sent_as = accept(&b).id.to_string();
        let r = sent(b.accept("R1", &sent_as, NOW).unwrap());
        assert_eq!(r.quantity, 400.into(), "{what}");
        let same = price == "1.08";
        let quote_id = if same { "q1" } else { "q2" };
        if !same && told != Unheard {
            b.message(next(quote_id, price, size), NOW);
        }
        let went_on = as_sent(&b, quote_id, price);
        match told {
            Live => drop(b.message(went_on, NOW)),
            InSnapshot => {
                b.link_lost();
                let again = next(quote_id, price, size);
                life_tests::snapshot(&mut b, &[("R1", &[again, went_on])]);
            }
            InReport | Unheard => {}
        }
        if matches!(told, Live | InSnapshot) {
            // What a restart finds is the same.
            let kept = b.records.in_flight.all().next().unwrap().0.clone();
            assert_eq!(kept, accept(&b), "{what}");
        }
        let done = report(&sent_as, ExecType::Trade, OrdStatus::Filled, "e1", price, 400);
        let price = Some(price.parse().unwrap());
        say(&mut b, signet_fix::message::ExecutionReport { price, ..done });
        assert!(matches!(state(&b), Accepting::Filled(_)), "{what}: {:?}", state(&b));
        assert!(!notices(&b).contains(&"execution.mismatch"), "{what}");
        let whole = quoted.map(str::to_owned);
        assert_eq!(shown(&mut b), ("400".into(), whole.clone(), false), "{what}");
        let trade = rows(&b, BlotterTab::Trades).remove(0);
        assert_eq!((trade.quantity.as_str(), trade.quoted), ("400", whole), "{what}");
        assert_eq!(trade.accepted.as_deref(), Some("400"), "{what}");
        let text = quoted.map(|whole| format!("Accepted 400 of {whole} quoted"));
        assert_eq!(rows(&b, BlotterTab::Rfqs).remove(0).text, text, "{what}");
    }
}

/// Who chose a part of a dealer that has stopped taking parts reads what helps.
#[test]
fn a_part_that_is_not_taken_any_longer_says_what_to_do() {
    let mut b = book();
    arm(&mut b);
    b.take_quantity("R1", "400", NOW).unwrap();
    venue(&mut b, false);
    let again = accept(&b).id.to_string();
    let why = b.accept("R1", &again, NOW).unwrap_err();
    assert!(why.cure.contains("whole quote"), "{why:?}");
    b.take_quantity("R1", "", NOW).unwrap();
    let whole = accept(&b).id.to_string();
    assert_eq!(sent(b.accept("R1", &whole, NOW).unwrap()).quantity, 1_000.into());
}
