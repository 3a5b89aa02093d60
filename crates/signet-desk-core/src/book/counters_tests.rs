use super::{
    super::life_tests::{
        NOW, arm, book, id, north, notices, pair, press, quote, report, request, say, state,
    },
    *,
};
use crate::view::{CounterState as Shown, LineState, LineView, LinkState};
use signet_fix::message::{
    BusinessReject, DealerState, ExecType, OrdStatus, QuoteMsg, Response, SnapshotMark, VenueState,
};
use signet_rfq::{AcceptState as Accepting, Level, RfqState};

/// The dealer takes counters, or does not.
fn venue(b: &mut Book, counters: bool) {
    let (north, name) = (north(), "Northbank".into());
    let dealers = vec![DealerState { id: north, name, online: true, counters, parts: false }];
    let v = VenueState { name: "Venue".into(), practice: false, dealers, at: NOW };
    b.message(AppMessage::VenueState(v), NOW);
    let list = signet_fix::message::SecurityList {
        request: id("list"),
        last: true,
        instruments: vec![rfq::test_double::eur_usd()],
    };
    b.message(AppMessage::SecurityList(list), NOW);
}

fn ready() -> Book {
    let mut b = book();
    venue(&mut b, true);
    b
}

fn intent(quote: &str, price: &str) -> CounterIntent {
    CounterIntent {
        rfq_id: "R1".into(),
        dealer: "NORTH".into(),
        quote_id: quote.into(),
        side: Side::Buy,
        price: price.into(),
    }
}

fn ask(b: &mut Book) -> QuoteResponse {
    let m = b.counter(&intent("q1", "1.07"), NOW).unwrap();
    let AppMessage::QuoteResponse(r) = m else { panic!("{m:?}") };
    r
}

fn line(b: &mut Book) -> LineView {
    b.pull(0, &[], NOW).lines.into_iter().find(|l| l.rfq_id == "R1").unwrap()
}

fn shown(b: &mut Book) -> (LineState, Option<Shown>) {
    let l = line(b);
    (l.state, l.counter.map(|c| c.state))
}

fn over(c: &QuoteResponse, status: RfqStatus, text: Option<&str>) -> AppMessage {
    let of = QuoteStatusReport::of_rfq(id("R1"), pair(), status, text.map(str::to_owned));
    let (quote, answers) = (Some(c.quote.clone()), Some(c.id.clone()));
    AppMessage::QuoteStatusReport(QuoteStatusReport { quote, answers, ..of })
}

#[test]
fn it_names_what_the_trader_saw_and_how_long_it_waits() {
    let mut b = ready();
    assert!(line(&mut b).can_counter);
    let r = ask(&mut b);
    assert_eq!((r.response, r.quote.as_str()), (Response::Counter, "q1"));
    assert_eq!((r.price.to_string().as_str(), r.quantity), ("1.07", 1_000.into()));
    assert_eq!((r.deadline, r.rfq.clone()), (Some(NOW + COUNTER_WAITS_MS), Some(id("R1"))));
    let l = line(&mut b);
    let c = l.counter.clone().unwrap();
    assert_eq!((l.state, c.state), (LineState::Countered, Shown::Sent));
    assert_eq!((c.price.as_str(), c.quoted.as_str()), ("1.07000", "1.08000"));
    assert!(!l.can_lift && !l.can_counter, "the quote is declined: {l:?}");
}

#[test]
fn table_of_refusals() {
    type Change = fn(&mut CounterIntent);
    let changes: [(&str, Change, &str); 9] = [
        ("not better", |i| i.price = "1.08".into(), "counter.not_better"),
        ("worse", |i| i.price = "1.09".into(), "counter.not_better"),
        ("no number", |i| i.price = "cheap".into(), "counter.price"),
        ("nothing", |i| i.price = String::new(), "counter.price"),
        ("another quote", |i| i.quote_id = "q0".into(), "quote.requoted"),
        ("a side that is not quoted", |i| i.side = Side::Sell, "quote.no_price_on_side"),
        ("another dealer", |i| i.dealer = "SOUTH".into(), "counter.not_taken"),
        ("nobody", |i| i.dealer = String::new(), "counter.not_taken"),
        ("another RFQ", |i| i.rfq_id = "R9".into(), "rfq.unknown"),
    ];
    for (what, change, code) in changes {
        let mut b = ready();
        let mut i = intent("q1", "1.07");
        change(&mut i);
        assert_eq!(b.counter(&i, NOW).unwrap_err().code, code, "{what}");
        assert_eq!(shown(&mut b), (LineState::Quoted, None), "{what}");
    }
    // Both prices as the screen has them.
    let why = ready().counter(&intent("q1", "1.09"), NOW).unwrap_err();
    assert_eq!(why.message, "1.09000 is not better for you than 1.08000.");
    let code = |b: &mut Book, now| b.counter(&intent("q1", "1.07"), now).err().map(|p| p.code);
    let mut b = ready();
    venue(&mut b, false);
    assert_eq!(code(&mut b, NOW).as_deref(), Some("counter.not_taken"));
    let l = line(&mut b);
    assert_eq!(
        (l.can_counter, l.no_counter.as_deref()),
        (false, Some("this dealer takes no counters"))
    );
    let mut b = ready();
    assert_eq!(code(&mut b, NOW + 30_000).as_deref(), Some("quote.expired"));
    let mut b = ready();
    let (_, m) = press(&mut b);
    b.sent_as(3, &m);
    assert_eq!(code(&mut b, NOW).as_deref(), Some("accept.in_flight"));
    let mut b = ready();
    ask(&mut b);
    assert_eq!(code(&mut b, NOW).as_deref(), Some("counter.in_flight"));
    let mut b = ready();
    b.link_lost();
    b.link(NOW, |s| s.state = LinkState::Reconnecting);
    assert_eq!(code(&mut b, NOW).as_deref(), Some("link.offline"));
}

#[test]
fn five_and_no_more() {
    let mut b = ready();
    for n in 1..=5 {
        let now = format!("q{n}");
        b.counter(&intent(&now, "1.07"), NOW).unwrap();
        b.message(quote("R1", &format!("q{}", n + 1), "1.08"), NOW);
    }
    assert_eq!(b.counter(&intent("q6", "1.07"), NOW).unwrap_err().code, "counter.too_many");
    assert!(line(&mut b).can_lift, "the quote can still be taken");
}

#[test]
fn what_is_armed_on_the_quote_is_taken_back() {
    let mut b = ready();
    let armed = arm(&mut b);
    ask(&mut b);
    assert!(matches!(state(&b), Accepting::Declined(_)), "{:?}", state(&b));
    assert!(b.accept("R1", &armed, NOW).is_err());
}

#[test]
fn a_new_quote_answers_and_the_trader_is_told_once() {
    for (price, how, code) in [
        ("1.075", Shown::Improved, "counter.improved"),
        ("1.08", Shown::HeldFirm, "counter.held_firm"),
    ] {
        let mut b = ready();
        ask(&mut b);
        b.message(quote("R1", "q2", price), NOW);
        assert_eq!(shown(&mut b), (LineState::Quoted, Some(how)));
        assert!(line(&mut b).can_lift);
        b.message(quote("R1", "q3", price), NOW);
        let told = notices(&b).into_iter().filter(|c| c.starts_with("counter.")).count();
        assert_eq!((told, notices(&b).contains(&code)), (1, true), "{:?}", notices(&b));
    }
}

#[test]
fn refused_unanswered_dropped_and_not_sent() {
    for (status, text, how, code) in [
        (RfqStatus::Rejected, Some("firm"), Shown::Refused, Some("counter.refused")),
        (RfqStatus::Expired, None, Shown::Unanswered, Some("counter.unanswered")),
        (RfqStatus::Cancelled, None, Shown::Dropped, None),
    ] {
        let mut b = ready();
        let c = ask(&mut b);
        b.message(over(&c, status, text), NOW);
        assert_eq!(shown(&mut b), (LineState::CounterOver, Some(how)));
        assert!(!line(&mut b).can_lift, "declined is declined");
        let told: Vec<&str> =
            notices(&b).into_iter().filter(|c| c.starts_with("counter.")).collect();
        assert_eq!(told, code.into_iter().collect::<Vec<_>>());
        // The same quote again is not a new one; another one is.
        b.message(quote("R1", "q1", "1.08"), NOW);
        assert!(!line(&mut b).can_lift);
        b.message(quote("R1", "q2", "1.08"), NOW);
        assert!(line(&mut b).can_lift);
    }
    // The gateway refuses it, by id and by number: the quote stands.
    for by_number in [false, true] {
        let mut b = ready();
        let c = ask(&mut b);
        b.sent_as(7, &AppMessage::QuoteResponse(c.clone()));
        let reject = BusinessReject {
            ref_seq_num: by_number.then_some(7),
            ref_msg_type: "AJ".into(),
            ref_id: (!by_number).then(|| c.id.to_string()),
            reason: 0,
            text: Some("not you".into()),
        };
        b.message(AppMessage::BusinessReject(reject), NOW);
        assert_eq!(shown(&mut b), (LineState::Quoted, Some(Shown::NotSent)), "{by_number}");
        assert!(line(&mut b).can_lift);
        assert!(notices(&b).contains(&"counter.not_sent"));
    }
    // Nobody says anything: the desk keeps the time, too.
    let mut b = ready();
    ask(&mut b);
    b.tick(NOW + COUNTER_WAITS_MS);
    assert_eq!(shown(&mut b).1, Some(Shown::Unanswered));
}

/// Else the request would be ended at the next logon, behind the trader's back.
#[test]
fn a_counter_goes_on_with_a_request_whose_stop_could_not_leave() {
    for countered in [true, false] {
        let mut b = ready();
        for m in b.stop_all(NOW).0 {
            b.not_sent(&m, crate::problem::offline(), NOW);
        }
        if countered {
            ask(&mut b);
        }
        b.link(NOW, |s| s.state = LinkState::Reconnecting);
        b.link_lost();
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request("R1"))), NOW);
        let answers = b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
        let ends = answers.iter().any(|m| matches!(m, AppMessage::RfqCancel { .. }));
        assert_eq!(ends, !countered);
    }
}

#[test]
fn a_word_about_another_counter_changes_nothing() {
    let mut b = ready();
    let c = ask(&mut b);
    let other = QuoteResponse { id: AcceptId::new("R1:9").unwrap(), ..c };
    b.message(over(&other, RfqStatus::Rejected, None), NOW);
    assert_eq!(shown(&mut b), (LineState::Countered, Some(Shown::Sent)));
    // Nor does a counter that a gateway sends outside a snapshot.
    let mut b = ready();
    let r = QuoteResponse::ask_better(
        &Counter {
            id: AcceptId::new("R1:1").unwrap(),
            dealer: north(),
            quote: signet_rfq::QuoteId::new("q1").unwrap(),
            side: rfq::Side::Buy,
            price: "1.07".parse().unwrap(),
            quoted: "1.08".parse().unwrap(),
            quantity: 1_000.into(),
            until: NOW + 5_000,
            at: NOW,
        },
        &b.rfq(&id("R1")).unwrap().terms.clone(),
        false,
    );
    b.message(AppMessage::QuoteResponse(r), NOW);
    assert_eq!(shown(&mut b), (LineState::Quoted, None));
}

#[test]
fn a_trade_that_is_reported_for_one_is_a_dispute() {
    let mut b = ready();
    let c = ask(&mut b);
    let fill = report(c.id.as_str(), ExecType::Trade, OrdStatus::Filled, "E1", "1.07", 1_000);
    let why = Some("it answers a counter".to_owned());
    say(&mut b, signet_fix::message::ExecutionReport { disputed: true, text: why, ..fill });
    let r = b.rfq(&id("R1")).unwrap();
    assert!(r.is_disputed() && r.state == RfqState::Open, "{:?}", r.state);
    assert!(notices(&b).contains(&"execution.mismatch"), "{:?}", notices(&b));
    let code = b.counter(&intent("q1", "1.06"), NOW).unwrap_err().code;
    assert_eq!(code, "execution.disputed");
}

/// What the gateway says of the line after the link was lost, and what the trader then sees.
#[test]
fn after_a_gap_the_gateway_decides_what_is_countered() {
    let q1 = || quote("R1", "q1", "1.08");
    let back = |b: &mut Book, about: &[AppMessage]| {
        b.link_lost();
        b.link(NOW, |s| s.state = LinkState::Reconnecting);
        let now = NOW + 1_000;
        b.link(now, |s| s.state = LinkState::Restoring);
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), now);
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request("R1"))), now);
        about.iter().for_each(|m| drop(b.message(m.clone(), now)));
        b.message(AppMessage::Snapshot(SnapshotMark::End), now);
    };
    // It waits there.
    let mut b = ready();
    let c = ask(&mut b);
    let said = AppMessage::QuoteResponse(c.clone());
    back(&mut b, &[q1(), said.clone()]);
    assert_eq!(shown(&mut b), (LineState::Countered, Some(Shown::Sent)));
    assert!(!line(&mut b).can_lift);
    // It never arrived: the quote can be taken.
    let mut b = ready();
    ask(&mut b);
    back(&mut b, &[q1()]);
    assert_eq!(shown(&mut b), (LineState::Quoted, Some(Shown::NotSent)));
    assert!(line(&mut b).can_lift);
    // It is over there.
    let mut b = ready();
    ask(&mut b);
    back(&mut b, &[q1(), said.clone(), over(&c, RfqStatus::Rejected, Some("firm"))]);
    assert_eq!(shown(&mut b), (LineState::CounterOver, Some(Shown::Refused)));
    // Answered meanwhile.
    let mut b = ready();
    ask(&mut b);
    back(&mut b, &[quote("R1", "q2", "1.075")]);
    assert_eq!(shown(&mut b), (LineState::Quoted, Some(Shown::Improved)));
    // A desk that has just been started learns it from the gateway alone.
    let mut b = ready();
    back(&mut b, &[q1(), said]);
    assert_eq!(shown(&mut b), (LineState::Countered, Some(Shown::Sent)));
    let AppMessage::Quote(q) = quote("R1", "q2", "1.07") else { unreachable!() };
    let offer = Some(Level { size: 500.into(), ..q.offer.unwrap() });
    b.message(AppMessage::Quote(QuoteMsg { offer, ..q }), NOW + 2_000);
    assert_eq!(shown(&mut b), (LineState::Quoted, Some(Shown::Improved)));
}
