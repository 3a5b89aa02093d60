use super::super::{
    life_tests::{NOW, arm, book, euro_dollar, id, listed, quote, report, say, snapshot},
    *,
};
use crate::{
    guard::TradingSettings,
    view::{ArmIntent, Side},
};
use signet_fix::message::{
    AppMessage, DealerState, ExecType, OrdStatus, QuoteMsg, QuoteRequest, SnapshotMark, VenueState,
};
use signet_rfq::DealerId;

fn slow() -> Book {
    book().protected_by(TradingSettings::default())
}

/// Confirms so many milliseconds after the terms were shown.
fn confirm(b: &mut Book, armed: &str, after_ms: i64) -> Result<(), String> {
    b.accept("R1", armed, NOW + after_ms).map(drop).map_err(|p| p.code)
}

#[test]
fn an_accept_leaves_only_when_its_terms_were_there_to_be_read() {
    let mut b = slow();
    let armed = arm(&mut b);
    assert_eq!(confirm(&mut b, &armed, 33), Err("accept.too_soon".into()));
    assert_eq!(confirm(&mut b, &armed, 66), Err("accept.too_soon".into()));
    // Held for longer than the time: each press begins it again.
    for ms in (100..5_000).step_by(33) {
        assert_eq!(confirm(&mut b, &armed, ms), Err("accept.too_soon".into()), "{ms}");
    }
    assert!(matches!(b.rfq(&id("R1")).unwrap().accept, Some((_, signet_rfq::AcceptState::Armed))));
    assert_eq!(confirm(&mut b, &armed, 6_000), Ok(()));
    assert_eq!(confirm(&mut b, &armed, 9_000), Err("accept.in_flight".into()), "one at a time");
}

#[test]
fn terms_that_are_shown_again_are_to_be_read_again() {
    let mut b = slow();
    arm(&mut b);
    b.disarm("R1").unwrap();
    b.measured(NOW + 5_000, NOW + 5_000, NOW + 5_000);
    let intent = ArmIntent {
        rfq_id: "R1".into(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: Side::Buy,
        price: "1.08".into(),
    };
    let armed = b.arm(&intent, NOW + 5_000).unwrap().id;
    assert_eq!(confirm(&mut b, &armed, 5_100), Err("accept.too_soon".into()));
}

#[test]
fn a_limit_that_was_moved_is_to_be_read_before_it_is_confirmed() {
    // The limit as it is set, when, and when Confirm is pressed.
    for (ticks, set_ms, pressed_ms, want) in [
        (1, 5_000, 5_000, Err("accept.too_soon")),
        (1, 5_000, 5_699, Err("accept.too_soon")),
        (1, 5_000, 5_700, Ok(())),
        // It does not change: the terms were there all the time.
        (0, 5_000, 5_000, Ok(())),
    ] {
        let mut b = market(&[]);
        let armed = arm(&mut b);
        b.set_limit("R1", ticks, NOW + set_ms).unwrap();
        let got = confirm(&mut b, &armed, pressed_ms);
        assert_eq!(got, want.map_err(str::to_owned), "{ticks}, {set_ms}, {pressed_ms}");
    }
    // Each move begins the time again, and one that was refused does not.
    let mut b = market(&[]);
    let armed = arm(&mut b);
    b.set_limit("R1", 1, NOW + 600).unwrap();
    b.set_limit("R1", 2, NOW + 1_200).unwrap();
    assert_eq!(confirm(&mut b, &armed, 1_800), Err("accept.too_soon".into()));
    b.set_limit("R1", 101, NOW + 2_400).unwrap_err();
    assert_eq!(confirm(&mut b, &armed, 2_500), Ok(()));
}

fn instruments(b: &mut Book) {
    listed(b, euro_dollar());
}

/// R1 with NORTH at 1.08 and other dealers at these prices.
fn market(others: &[&str]) -> Book {
    let mut b = Book::new(Ids::new(NOW, 1), NOW).protected_by(TradingSettings::default());
    b.measured(NOW, NOW, NOW);
    instruments(&mut b);
    let named = |n: usize| DealerId::new(format!("D{n}")).unwrap();
    let mut ask = super::super::life_tests::request("R1");
    ask.dealers.extend((0..others.len()).map(named));
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::Rfq(QuoteRequest { ..ask })), NOW);
    b.message(quote("R1", "q1", "1.08"), NOW);
    for (n, price) in others.iter().enumerate() {
        let AppMessage::Quote(q) = quote("R1", &format!("o{n}"), price) else { panic!() };
        b.message(AppMessage::Quote(QuoteMsg { dealer: Some(named(n)), ..q }), NOW);
    }
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    b
}

#[test]
fn a_price_far_from_the_others_is_confirmed_twice() {
    for (others, warned) in [
        // Nothing to compare with.
        (&[][..], None),
        // Within half a percent.
        (&["1.0750"], None),
        (&["1.0700"], Some("0.93 % worse than another dealer's price, 1.07000.")),
        // Better than the others.
        (&["1.0900"], None),
        (&["1.0700", "1.0700"], Some("0.93 % worse than the composite of 3 dealers, 1.07000.")),
        (&["1.0800", "1.0700"], None),
    ] {
        let mut b = market(others);
        let armed = arm(&mut b);
        let shown = |b: &mut Book| b.pull(0, &[], NOW).rfqs[0].guard.clone().unwrap();
        assert_eq!(shown(&mut b).warning.as_deref(), warned, "{others:?}");
        if warned.is_some() {
            assert_eq!(confirm(&mut b, &armed, 1_000), Err("accept.off_market".into()));
            assert!(shown(&mut b).seen);
            assert_eq!(confirm(&mut b, &armed, 1_100), Err("accept.too_soon".into()));
        }
        assert_eq!(confirm(&mut b, &armed, 2_000), Ok(()), "{others:?}");
        assert_eq!(b.pull(0, &[], NOW).rfqs[0].guard, None, "it has left");
    }
}

#[test]
fn a_limit_that_goes_far_from_the_market_is_confirmed_twice() {
    let settings = TradingSettings { off_market_ticks: 10, ..TradingSettings::default() };
    let mut b = market(&["1.0800", "1.0800"]).protected_by(settings);
    let armed = arm(&mut b);
    b.set_limit("R1", 10, NOW).unwrap();
    assert_eq!(b.pull(0, &[], NOW).rfqs[0].guard.clone().unwrap().warning, None);
    b.set_limit("R1", 11, NOW).unwrap();
    assert_eq!(confirm(&mut b, &armed, 1_000), Err("accept.off_market".into()));
    b.set_limit("R1", 12, NOW + 1_000).unwrap();
    assert_eq!(confirm(&mut b, &armed, 2_000), Err("accept.off_market".into()), "farther still");
    assert_eq!(confirm(&mut b, &armed, 3_000), Ok(()));
}

#[test]
fn a_distance_that_is_warned_of_is_not_said_to_be_none() {
    let settings = TradingSettings { off_market_ticks: 1, ..TradingSettings::default() };
    let mut b = market(&["1.0800", "1.0800"]).protected_by(settings);
    arm(&mut b);
    b.set_limit("R1", 2, NOW).unwrap();
    assert_eq!(
        b.pull(0, &[], NOW).rfqs[0].guard.clone().unwrap().warning.as_deref(),
        Some("Less than 0.01 % worse than the composite of 3 dealers, 1.08000.")
    );
}

#[test]
fn a_quantity_that_was_changed_is_read_and_warned_of_by_itself() {
    let mut b = market(&["1.0700"]);
    let (north, name) = (DealerId::new("NORTH").unwrap(), "Northbank".into());
    let dealers = vec![DealerState { id: north, name, online: true, counters: false, parts: true }];
    let venue = VenueState { name: "Venue".into(), practice: false, dealers, at: NOW };
    b.message(AppMessage::VenueState(venue), NOW);
    let armed = arm(&mut b);
    assert_eq!(confirm(&mut b, &armed, 1_000), Err("accept.off_market".into()));
    b.take_quantity("R1", "400", NOW + 1_500).unwrap();
    let part = b.rfq(&id("R1")).unwrap().accept.as_ref().unwrap().0.id.to_string();
    assert_eq!(confirm(&mut b, &part, 2_199), Err("accept.too_soon".into()));
    assert_eq!(confirm(&mut b, &part, 3_000), Err("accept.off_market".into()), "of this one");
    assert_eq!(confirm(&mut b, &part, 4_000), Ok(()));
}

#[test]
fn the_next_trade_is_compared_with_the_last_and_keeps_its_cover() {
    let mut b = market(&["1.0795", "1.0802"]);
    let armed = arm(&mut b);
    confirm(&mut b, &armed, 1_000).unwrap();
    let part = ExecType::Trade;
    say(&mut b, report(&armed, part, OrdStatus::PartiallyFilled, "e1", "1.08", 400));
    let cover = b.pull(0, &[], NOW).rfqs[0].cover.clone().unwrap();
    assert_eq!(
        (cover.price.as_str(), cover.dealers.as_str(), cover.ticks.as_deref()),
        ("1.07950", "D0", Some("-50"))
    );
    // The rest is executed when the other quotes are over.
    let rest = report(&armed, part, OrdStatus::Filled, "e9", "1.08", 1_000);
    let last = rest.last.map(|l| signet_rfq::Level { size: 600.into(), ..l });
    let rest = signet_fix::message::ExecutionReport { last, ..rest };
    b.message(AppMessage::ExecutionReport(rest), NOW + 40_000);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, signet_rfq::RfqState::Done);
    assert_eq!(b.pull(0, &[], NOW).rfqs[0].cover.as_ref(), Some(&cover));
    // The dealer cancels the trade after the other has withdrawn: the cover was what it was.
    say(&mut b, {
        let bust = report(&armed, ExecType::TradeCancel, OrdStatus::Cancelled, "e2", "1.08", 0);
        signet_fix::message::ExecutionReport { exec_ref: Some("e1".into()), ..bust }
    });
    assert_eq!(b.pull(0, &[], NOW).rfqs[0].cover.as_ref(), Some(&cover));
    let other = |rfq: &str, price: &str| {
        let mut fresh = vec![quote(rfq, "q1", price)];
        fresh.truncate(1);
        fresh
    };
    snapshot(&mut b, &[("R2", &other("R2", "1.0900"))]);
    let intent = |price: &str| ArmIntent {
        rfq_id: "R2".into(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: Side::Buy,
        price: price.into(),
    };
    b.arm(&intent("1.0900"), NOW).unwrap();
    let guard = |b: &mut Book, at: UtcMillis| {
        let frame = b.pull(0, &[], at);
        frame.rfqs.iter().find(|r| r.id == "R2").unwrap().guard.clone().unwrap().warning
    };
    assert_eq!(
        guard(&mut b, NOW).as_deref(),
        Some("0.93 % worse than your last trade of this instrument, 1.08000.")
    );
}

#[test]
fn what_was_seen_of_a_dealer_is_told_once_and_again_when_it_changes() {
    use signet_fix::message::{DealerState, QuoteRequest, VenueState};
    let mut b = book();
    let dealers = vec![DealerState {
        id: super::super::life_tests::north(),
        name: "Northbank".into(),
        online: true,
        counters: false,
        parts: false,
    }];
    let (name, practice) = (String::new(), false);
    b.message(AppMessage::VenueState(VenueState { name, practice, dealers, at: NOW }), NOW);
    let first = b.pull(0, &[], NOW);
    assert_eq!(first.records, Some(vec![]), "nothing was seen yet");
    b.message(quote("R1", "q2", "1.079"), NOW);
    let quoted = b.pull(first.seq as u64, &[], NOW);
    assert_eq!(quoted.records, None, "a price alone changes nothing");
    let asked = QuoteRequest { ..super::super::life_tests::request("R2") };
    b.sent_as(1, &AppMessage::QuoteRequest(asked));
    let told = b.pull(quoted.seq as u64, &[], NOW);
    let texts: Vec<String> = told.records.unwrap().into_iter().map(|r| r.text).collect();
    assert_eq!(texts, ["answered 0/1"]);
    assert_eq!(b.pull(told.seq as u64, &[], NOW).records, None);
}
