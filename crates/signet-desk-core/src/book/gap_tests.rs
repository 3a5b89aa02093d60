//! Interruptions of the connection: what stands, what is gone, what was missed, and what a click in
//! one does.

use super::{
    life_tests::{
        NOW, arm, book, id, north, notices, pair, press, quote, report, request, say, snapshot,
        state,
    },
    *,
};
use crate::view::{LinkState, NetworkView, SessionView};
use signet_fix::message::{
    AppMessage, ExecType, HandOver, HandOverKind, OrdStatus, QuoteCancel, QuoteResponse,
    QuoteStatusReport, Response, RfqStatus, SnapshotMark,
};
use signet_rfq::{AcceptState as Accepting, Declined, LineState as Line, QuoteId, RfqState};

/// The connection is lost, and back 3,200 ms later. `says` is what the gateway then says, in its
/// snapshot.
fn gap(b: &mut Book, says: &[(&str, &[AppMessage])]) -> Vec<AppMessage> {
    lose(b);
    back(b, says)
}

fn lose(b: &mut Book) {
    b.link_lost();
    b.link(NOW, |s| s.state = LinkState::Reconnecting);
}

fn back(b: &mut Book, says: &[(&str, &[AppMessage])]) -> Vec<AppMessage> {
    let now = NOW + 3_200;
    b.link(now, |s| s.state = LinkState::Restoring);
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), now);
    for (rfq, about) in says {
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request(rfq))), now);
        about.iter().for_each(|m| drop(b.message(m.clone(), now)));
    }
    b.message(AppMessage::Snapshot(SnapshotMark::End), now)
}

fn view(b: &Book) -> &SessionView {
    &b.connection.view
}

fn line(b: &Book) -> Line {
    b.rfq(&id("R1")).unwrap().lines[0].state.clone()
}

fn can_lift(b: &mut Book) -> bool {
    b.pull(0, &[], NOW).lines.iter().any(|l| l.can_lift)
}

/// The words of the notices since the book began, without `trade.*`.
fn told(b: &mut Book) -> Vec<String> {
    b.pull(1, &[], NOW).notices.into_iter().map(|n| n.text).collect()
}

fn cancel(unreachable: bool) -> AppMessage {
    AppMessage::QuoteCancel(QuoteCancel {
        rfq: Some(id("R1")),
        quote: Some(QuoteId::new("q1").unwrap()),
        instrument: Some(pair()),
        dealer: Some(north()),
        unreachable,
    })
}

#[test]
fn an_armed_accept_stays_armed_when_its_quote_is_repeated() {
    let mut b = book();
    let armed = arm(&mut b);
    lose(&mut b);
    assert_eq!((line(&b), can_lift(&mut b)), (Line::Unreachable, false));
    assert_eq!(state(&b), Accepting::Armed);
    assert_eq!(b.accept("R1", &armed, NOW).unwrap_err().code, "link.offline");
    back(&mut b, &[("R1", &[quote("R1", "q1", "1.08")])]);
    assert_eq!((line(&b), state(&b)), (Line::Quoted, Accepting::Armed));
    assert!(told(&mut b).is_empty());
    assert!(b.accept("R1", &armed, NOW).is_ok(), "and it may be sent");
}

/// What the gateway says of the one quote; the line after it; what the armed accept says.
#[test]
fn what_is_gone_after_a_gap_says_why() {
    for (says, line_after, why) in [
        (None, Line::NotRepeated, "was not repeated when the connection came back"),
        (Some(cancel(true)), Line::Unreachable, "the link to the dealer was lost"),
        (Some(cancel(false)), Line::Withdrawn, "the dealer withdrew its quote"),
        (Some(quote("R1", "q2", "1.09")), Line::Quoted, "the dealer re-quoted"),
    ] {
        let mut b = book();
        arm(&mut b);
        let about: Vec<AppMessage> = says.into_iter().collect();
        gap(&mut b, &[("R1", &about)]);
        assert_eq!(line(&b), line_after, "{why}");
        let Accepting::Declined(Declined::ByDesk(words)) = state(&b) else { panic!("{why}") };
        assert!(words.contains(why), "{words}");
    }
}

#[test]
fn a_quote_that_expired_meanwhile_expired() {
    let mut b = book();
    lose(&mut b);
    let later = NOW + 31_000;
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), later);
    b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request("R1"))), later);
    b.message(AppMessage::Snapshot(SnapshotMark::End), later);
    assert_eq!(line(&b), Line::Expired);
}

#[test]
fn a_gap_is_summed_up_and_each_rfq_says_once_what_was_missed() {
    let ended = |status| {
        AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(id("R2"), pair(), status, None))
    };
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    snapshot(
        &mut b,
        &[
            ("R1", &[quote("R1", "q1", "1.08")]),
            ("R2", &[quote("R2", "q1", "1.08")]),
            ("R3", &[quote("R3", "q1", "1.08")]),
        ],
    );
    assert_eq!(view(&b).back, None, "the first logon interrupts nothing");
    let says: [(&str, &[AppMessage]); 2] =
        [("R1", &[]), ("R3", &[quote("R3", "q1", "1.08"), ended(RfqStatus::NothingDone)])];
    gap(&mut b, &says);
    let back = view(&b).back.clone().unwrap();
    assert_eq!(
        (back.after_ms, back.went_on, back.ended, back.not_repeated),
        (3_200.0, 2, 1, 1),
        "{back:?}"
    );
    assert_eq!(b.rfq(&id("R2")).unwrap().state, RfqState::NothingDone, "the true reason");
    let told = told(&mut b);
    assert_eq!(notices(&b), ["quote.not_repeated", "rfq.ended_away"]);
    assert!(told[0].contains("1 quote is not there any longer"), "{told:?}");
    assert!(told[1].contains("ended because every dealer passed between 00:00:00"), "{told:?}");
    lose(&mut b);
    assert_eq!(view(&b).back, None, "the next interruption clears it");
}

#[test]
fn a_request_that_never_arrived_was_not_expired() {
    let mut b = book();
    let mut sent = Rfq::new(request("R9").terms());
    sent.reason = None;
    b.screen.place(sent, &mut b.frames);
    gap(&mut b, &[("R1", &[quote("R1", "q1", "1.08")])]);
    let r = b.rfq(&id("R9")).unwrap();
    assert_eq!(r.state, RfqState::Refused);
    assert!(r.reason.as_deref().unwrap().contains("no dealer has it"), "{:?}", r.reason);
}

#[test]
fn an_accept_that_the_gateway_never_saw_was_not_sent() {
    let mut b = book();
    let (accept, _) = press(&mut b);
    let asked = gap(&mut b, &[("R1", &[quote("R1", "q1", "1.08")])]);
    assert!(
        matches!(&asked[..], [AppMessage::OrderStatusRequest(h)] if h.accept.as_str() == accept)
    );
    assert_eq!(state(&b), Accepting::Unknown);
    let mut e = report(&accept, ExecType::Status, OrdStatus::Rejected, "e", "0", 0);
    (e.dealer, e.reject_reason, e.text) = (None, Some(5), Some("no dealer has it".into()));
    say(&mut b, e);
    assert!(matches!(state(&b), Accepting::Declined(Declined::ByDesk(_))), "{:?}", state(&b));
    assert!(notices(&b).contains(&"accept.not_sent"));
    arm(&mut b);
}

/// It may have been traded days ago: it stays unknown, and in front, until people have settled it.
#[test]
fn an_accept_that_the_gateway_cannot_tell_of_is_for_people_to_settle() {
    let mut b = book();
    let (accept, _) = press(&mut b);
    let asked = gap(&mut b, &[]);
    let made = b.rfq(&id("R1")).unwrap().terms.created;
    assert!(
        matches!(&asked[..], [AppMessage::OrderStatusRequest(h)] if h.sent == Some(made)),
        "{asked:?}"
    );
    assert!(b.dismiss("R1").is_err(), "it is asked about");
    for _ in 0..2 {
        let mut e = report(&accept, ExecType::Status, OrdStatus::New, "e", "0", 0);
        (e.dealer, e.reject_reason, e.text) = (None, Some(5), Some("it is too old".into()));
        say(&mut b, e);
        assert_eq!(state(&b), Accepting::Unknown);
        let told = notices(&b).iter().filter(|n| **n == "accept.unsettled").count();
        assert_eq!(told, 1, "{:?}", notices(&b));
    }
    assert_eq!(b.records.in_flight.all().count(), 1);
    // Its dealer is in the settings once more, and is asked.
    let problem = |b: &Book| b.screen.get(&id("R1")).and_then(|i| i.problem.clone());
    let mut e = report(&accept, ExecType::Status, OrdStatus::New, "e", "0", 0);
    (e.dealer, e.text) = (None, Some("asking".into()));
    say(&mut b, e.clone());
    assert_eq!(problem(&b).map(|p| p.code), None);
    e.reject_reason = Some(99);
    say(&mut b, e);
    assert_eq!(problem(&b).map(|p| p.code).as_deref(), Some("accept.unsettled"));
    b.dismiss("R1").unwrap();
    assert!(b.rfq(&id("R1")).is_none());
    assert_eq!(b.records.in_flight.all().count(), 0, "it is not back with the next start");
}

/// An answer comes several times a second, and a clock that was set is off by the same each time.
#[test]
fn how_far_the_clock_is_off_is_shown_once_and_not_added_up() {
    let mut b = book();
    for (after_ms, ahead_ms, shown) in [
        (2_500, 60_000, 60_000.0),
        (2_600, 60_000, 60_000.0),
        (2_700, 0, 60_000.0),
        (4_600, 7, 7.0),
    ] {
        let at = NOW + after_ms;
        b.measured_beside(ahead_ms, at, at, at);
        assert_eq!(view(&b).clock_offset_ms, Some(shown), "{after_ms}");
    }
}

#[test]
fn in_doubt_no_price_can_be_pressed_and_a_click_under_way_is_refused() {
    let mut b = book();
    let armed = arm(&mut b);
    let m = AppMessage::QuoteResponse(QuoteResponse { deadline: Some(NOW + 2_000), ..hit(&b) });
    assert_eq!(b.not_now(&m, NOW), None);
    b.doubt(NOW, true);
    b.doubt(NOW + 500, true);
    assert_eq!(view(&b).doubtful_since_ms, Some(NOW.0 as f64), "since the first doubt");
    assert!(!can_lift(&mut b) && b.online());
    assert_eq!(b.accept("R1", &armed, NOW).unwrap_err().code, "link.doubtful");
    assert_eq!(b.not_now(&m, NOW).unwrap().code, "link.doubtful");
    let end = AppMessage::RfqCancel { rfq: id("R1"), text: None };
    assert_eq!(b.not_now(&end, NOW), None, "to end an RFQ commits nobody");
    b.doubt(NOW, false);
    assert!(can_lift(&mut b));
    assert!(b.accept("R1", &armed, NOW).is_ok());
    // It is lost since it was in doubt, and only a link that is up can be in doubt.
    b.doubt(NOW, true);
    b.link(NOW + 900, |s| s.state = LinkState::Reconnecting);
    assert_eq!(view(&b).doubtful_since_ms, None);
    b.doubt(NOW + 901, true);
    assert_eq!(view(&b).doubtful_since_ms, None);
    back(&mut b, &[]);
    assert_eq!(view(&b).back.as_ref().map(|b| b.after_ms), Some(3_200.0));
}

fn hit(b: &Book) -> QuoteResponse {
    let r = b.rfq(&id("R1")).unwrap();
    QuoteResponse::hit(&r.accept.as_ref().unwrap().0, &r.terms, false, NOW)
}

fn ended(status: RfqStatus) -> AppMessage {
    AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(id("R1"), pair(), status, None))
}

/// The trader ended the RFQ: until the answer is there nothing more is agreed to in it.
#[test]
fn what_is_being_ended_cannot_be_traded() {
    let mut b = book();
    let armed = arm(&mut b);
    b.cancel("R1").unwrap();
    assert!(!can_lift(&mut b));
    assert_eq!(b.accept("R1", &armed, NOW).unwrap_err().code, "rfq.ending");
    b.message(ended(RfqStatus::Cancelled), NOW);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::Cancelled);

    // The end did not arrive, was not done, or could not leave: the RFQ is tradable as before.
    let lost: fn(&mut Book) = |b| drop(gap(b, &[("R1", &[quote("R1", "q1", "1.08")])]));
    let not_done: fn(&mut Book) = |b| {
        let reject = signet_fix::message::BusinessReject {
            ref_seq_num: None,
            ref_msg_type: "U3".into(),
            ref_id: Some("R1".into()),
            reason: 4,
            text: None,
        };
        b.message(AppMessage::BusinessReject(reject), NOW);
    };
    let not_sent: fn(&mut Book) = |b| {
        let end = AppMessage::RfqCancel { rfq: id("R1"), text: None };
        b.not_sent(&end, crate::problem::problem("link.offline", "", ""), NOW);
    };
    for (n, comes_to_nothing) in [lost, not_done, not_sent].into_iter().enumerate() {
        let mut b = book();
        b.cancel("R1").unwrap();
        assert!(!can_lift(&mut b));
        comes_to_nothing(&mut b);
        assert!(can_lift(&mut b), "{n}");
        arm(&mut b);
    }
}

/// The gateway ended the RFQ while an accept was in flight: its answer decides, and without a trade
/// the RFQ has ended.
#[test]
fn an_end_that_comes_while_an_accept_is_in_flight_counts_after_its_answer() {
    type Kind = (ExecType, OrdStatus, i64);
    let rejected: Kind = (ExecType::Rejected, OrdStatus::Rejected, 0);
    let unknown: Kind = (ExecType::Status, OrdStatus::Rejected, 0);
    let filled: Kind = (ExecType::Trade, OrdStatus::Filled, 1_000);
    for (status, (kind, order, cum), state) in [
        (RfqStatus::Cancelled, rejected, RfqState::Cancelled),
        (RfqStatus::Cancelled, unknown, RfqState::Cancelled),
        (RfqStatus::NothingDone, rejected, RfqState::NothingDone),
        (RfqStatus::Expired, rejected, RfqState::Expired),
        (RfqStatus::NotFound, rejected, RfqState::Expired),
        (RfqStatus::Cancelled, filled, RfqState::Done),
        (RfqStatus::Open, rejected, RfqState::Open),
    ] {
        let mut b = book();
        let (accept, _) = press(&mut b);
        b.message(ended(status), NOW);
        say(&mut b, report(&accept, kind, order, "e1", "1.08", cum));
        assert_eq!(b.rfq(&id("R1")).unwrap().state, state, "{status:?} {kind:?}");
    }
}

/// It ended, or a colleague has it, and the accept did not come as far as the gateway: no price of
/// it stays on screen to be pressed.
#[test]
fn an_rfq_that_was_over_ends_when_its_accept_did_not_leave_or_could_not_be_read() {
    let taken = || {
        AppMessage::HandOver(HandOver {
            rfq: id("R1"),
            kind: HandOverKind::Theirs,
            desk: None,
            name: Some("bob".into()),
            at: NOW,
            code: None,
            text: None,
            cure: None,
        })
    };
    for (over, state) in
        [(ended(RfqStatus::Cancelled), RfqState::Cancelled), (taken(), RfqState::TakenOver)]
    {
        for read in [true, false] {
            let mut b = book();
            let (_, m) = press(&mut b);
            b.sent_as(7, &m);
            b.message(over.clone(), NOW);
            assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::Open, "its answer comes first");
            // What else is not sent says nothing of the accept.
            let AppMessage::QuoteResponse(r) = &m else { panic!() };
            let other = QuoteResponse {
                id: signet_rfq::AcceptId::new("R1:P1").unwrap(),
                response: Response::Pass,
                ..r.clone()
            };
            b.not_sent(&AppMessage::QuoteResponse(other), offline(), NOW);
            match read {
                true => b.session_reject(7, "not readable", NOW),
                false => b.not_sent(&m, offline(), NOW),
            }
            assert_eq!(b.rfq(&id("R1")).unwrap().state, state, "{read}");
            assert!(!can_lift(&mut b));
        }
    }
}

/// A second person approved while the desk was away. Whoever reads "waiting for a second person"
/// would think that no dealer has it.
#[test]
fn what_waited_for_an_approval_waits_as_long_as_the_gateway_holds_it_and_no_longer() {
    let waits = |b: &Book| b.step_ups.waits(&id("R1")).is_some();
    let pending = QuoteStatusReport::of_rfq(id("R1"), pair(), RfqStatus::Pending, None);
    let pending = AppMessage::QuoteStatusReport(pending);
    for (says, held) in [(quote("R1", "q1", "1.08"), false), (pending, true)] {
        let mut b = book();
        b.step_ups.second.insert(id("R1"));
        gap(&mut b, &[("R1", &[says])]);
        assert_eq!(waits(&b), held, "a request");
    }
    for away in [true, false] {
        let mut b = book();
        let (_, m) = press(&mut b);
        b.step_ups.second.insert(id("R1"));
        let stands = quote("R1", "q1", "1.08");
        if away {
            gap(&mut b, &[("R1", std::slice::from_ref(&stands))]);
            assert!(waits(&b), "the gateway has not passed the accept on");
            gap(&mut b, &[("R1", &[stands, m])]);
        } else {
            b.message(m, NOW);
        }
        assert!(!waits(&b), "its dealer has the accept; away: {away}");
    }
}

#[test]
fn an_accept_has_a_deadline_on_the_gateways_clock_and_does_not_leave_after_it() {
    const AHEAD: i64 = 7_000;
    for (direct, pressed, want) in [
        (false, NOW, NOW + 2_000),
        // A gateway may take the dealer's next quote.
        (false, NOW + 29_000, NOW + 31_000),
        (true, NOW, NOW + 2_000),
        (true, NOW + 29_000, NOW + 30_000),
    ] {
        let mut b = book();
        b.connection.direct = direct;
        // The gateway's clock is ahead of the laptop's.
        let laptop = pressed - AHEAD;
        b.measured(laptop, pressed, laptop);
        let intent = crate::view::ArmIntent {
            rfq_id: "R1".into(),
            dealer: "NORTH".into(),
            quote_id: "q1".into(),
            side: crate::view::Side::Buy,
            price: "1.08".into(),
        };
        let armed = b.arm(&intent, laptop).unwrap().id;
        let m = b.accept("R1", &armed, laptop).unwrap();
        let AppMessage::QuoteResponse(r) = &m else { panic!() };
        assert_eq!(r.deadline, Some(want), "two seconds, or the quote's end");
        assert_eq!(b.not_now(&m, want - AHEAD), None);
        assert_eq!(b.not_now(&m, want - AHEAD + 1).unwrap().code, "accept.late");
    }
}

#[test]
fn without_the_gateways_clock_no_accept_leaves() {
    let mut b = book();
    let armed = arm(&mut b);
    b.forget_clock();
    b.screen.mark_all();
    assert!(!can_lift(&mut b));
    assert_eq!(b.accept("R1", &armed, NOW).unwrap_err().code, "clock.unknown");
    b.measured(NOW, NOW, NOW);
    assert!(can_lift(&mut b), "the measurement alone enables the prices");
}

/// The trader reads how long no price could be pressed, and not how long the latest step takes.
#[test]
fn an_interruption_lasts_since_it_was_noticed_whatever_its_steps() {
    use LinkState::{Connecting, LoggingOn, Offline, Reconnecting, Refused, Restoring};
    let mut b = book();
    b.doubt(NOW + 100, true);
    b.link_lost();
    for (at, state, since) in [
        (1_000, Reconnecting, 100),
        (1_100, Connecting, 100),
        (1_200, LoggingOn, 100),
        (1_300, Restoring, 100),
        (1_400, Reconnecting, 100),
        // Somebody has to act on that.
        (1_500, Refused, 1_500),
        (1_600, Reconnecting, 100),
    ] {
        b.link(NOW + at, |s| s.state = state);
        assert_eq!(view(&b).since_ms, (NOW + since).0 as f64, "{state:?} {at}");
    }
    back(&mut b, &[]);
    assert_eq!(view(&b).since_ms, (NOW + 3_200).0 as f64, "it is over");
    for (at, state) in [(4_000, Offline), (5_000, Connecting), (6_000, LoggingOn)] {
        b.link(NOW + at, |s| s.state = state);
    }
    assert_eq!(view(&b).since_ms, (NOW + 6_000).0 as f64, "the trader had disconnected");
}

#[test]
fn the_network_is_shown_as_the_link_names_it() {
    let mut b = book();
    let wifi = NetworkView { name: "hotel".into(), metered: true };
    b.on_network(NOW, Some(wifi.clone()), Some("http://login.example".into()));
    assert_eq!(
        (view(&b).network.as_ref(), view(&b).portal.as_deref()),
        (Some(&wifi), Some("http://login.example"))
    );
}
