use super::super::{
    life_tests::{
        NOW, arm, book, euro_dollar, id, north, press, quote, report, request, say, snapshot,
    },
    *,
};
use crate::view::{BlotterQuery, BlotterRow, BlotterTab, LinkState, RfqState as Shown};
use signet_fix::message::{
    AppMessage, BusinessReject, ExecType, GroupMark, GroupRfq, HandOver, HandOverKind, OrdStatus,
    QuoteRequest, SnapshotMark,
};
use signet_identity::CompId;
use signet_rfq::RfqState;

fn row(of: &str) -> GroupMark {
    GroupMark::Rfq(Box::new(GroupRfq {
        desk: CompId::new("ALICE").unwrap(),
        name: "alice".into(),
        request: request(of),
        quoting: 1,
        hindrance: None,
    }))
}

/// ALICE's A1 and A2 are told.
fn listed() -> Book {
    let mut b = book();
    assert_eq!(b.ask_group(NOW).unwrap().msg_type(), "UG");
    assert!(b.group_view().asking);
    for mark in [GroupMark::Begin, row("A1"), row("A2"), GroupMark::End { more: true }] {
        b.message(AppMessage::Group(mark), NOW);
    }
    b
}

fn told(kind: HandOverKind, rfq: &str) -> AppMessage {
    AppMessage::HandOver(HandOver {
        rfq: id(rfq),
        kind,
        desk: Some(CompId::new("BOB").unwrap()),
        name: Some("bob".into()),
        at: NOW + 1_000,
        code: None,
        text: None,
        cure: None,
    })
}

fn rfq_row(b: &Book, rfq: &str) -> BlotterRow {
    let all = BlotterQuery { tab: BlotterTab::Rfqs, text: String::new(), limit: 100 };
    b.blotter(&all).rows.into_iter().find(|r| r.id == rfq).unwrap()
}

/// Asks for ALICE's A1; what this desk will call it.
fn asked(b: &mut Book) -> String {
    let AppMessage::TakeOver(t) = b.take_over("ALICE/A1", NOW).unwrap() else { panic!() };
    assert_eq!((t.desk.as_str(), t.of.as_str()), ("ALICE", "A1"));
    assert_eq!(b.group_view().taking.as_deref(), Some("ALICE/A1"));
    t.rfq.to_string()
}

#[test]
fn the_list_is_what_was_told_from_begin_to_end() {
    let mut b = listed();
    let v = b.pull(0, &[], NOW).group.unwrap();
    assert!(v.known && v.more && !v.asking);
    let [first, _] = &v.rows[..] else { panic!("{v:?}") };
    assert_eq!(
        (first.key.as_str(), first.person.as_str(), first.quantity.as_str(), first.quoting),
        ("ALICE/A1", "alice", "1,000", 1)
    );
    // Half an answer is none, and neither is an end without a beginning.
    b.message(AppMessage::Group(GroupMark::Begin), NOW);
    b.message(AppMessage::Group(row("A3")), NOW);
    assert_eq!(b.group_view().rows.len(), 2);
    b.message(AppMessage::Group(GroupMark::End { more: false }), NOW);
    b.message(AppMessage::Group(GroupMark::End { more: false }), NOW);
    b.message(AppMessage::Group(row("A4")), NOW);
    assert_eq!(b.group_view().rows.len(), 1);
}

#[test]
fn the_list_says_in_which_numbers_a_request_is_asked() {
    use signet_rfq::{Benchmark, PriceType};
    let margin = PriceType::Margin(Benchmark::read("EURIBOR", "3M", "EUR").unwrap());
    let own = euro_dollar().price_unit;
    for (of, in_the_list, unlisted) in [
        (PriceType::Price, own.as_str(), ""),
        (PriceType::Yield, "% yield", "yield"),
        (PriceType::Spread, "bp spread", "spread"),
        (margin, "bp discount margin over EURIBOR 3M", "discount margin over EURIBOR 3M in EUR"),
    ] {
        let shown = |mut b: Book| {
            b.ask_group(NOW).unwrap();
            let GroupMark::Rfq(mut row) = row("A1") else { panic!() };
            row.request.price_type = of;
            for mark in [GroupMark::Begin, GroupMark::Rfq(row), GroupMark::End { more: false }] {
                b.message(AppMessage::Group(mark), NOW);
            }
            b.group_view().rows[0].price_unit.clone()
        };
        assert_eq!(shown(book()), unlisted, "{of}");
        let mut b = book();
        super::super::life_tests::listed(&mut b, euro_dollar());
        assert_eq!(shown(b), in_the_list, "{of}");
    }
}

#[test]
fn what_was_taken_over_can_be_traded_and_says_where_it_came_from() {
    let mut b = listed();
    let mine = asked(&mut b);
    assert_eq!(b.take_over("ALICE/A2", NOW).unwrap_err().code, "takeover.under_way");
    b.message(told(HandOverKind::Yours, &mine), NOW);
    let q = QuoteRequest { id: id(&mine), ..request("x") };
    b.message(AppMessage::Snapshot(SnapshotMark::Rfq(q)), NOW);
    b.message(quote(&mine, "q7", "1.07"), NOW);
    let v = b.group_view();
    assert_eq!((v.taking, v.taken.as_deref(), v.rows.len()), (None, Some(mine.as_str()), 1));
    assert_eq!(rfq_row(&b, &mine).text.as_deref(), Some("Taken over from bob (BOB)"));
    assert!(b.notices.codes().contains(&"rfq.took_over"));
    let armed = b
        .arm(
            &crate::view::ArmIntent {
                rfq_id: mine.clone(),
                dealer: "NORTH".into(),
                quote_id: "q7".into(),
                side: crate::view::Side::Buy,
                price: "1.07".into(),
            },
            NOW,
        )
        .unwrap();
    let AppMessage::QuoteResponse(r) = b.accept(&mine, &armed.id, NOW).unwrap() else { panic!() };
    assert_eq!(r.rfq.unwrap().as_str(), mine);
}

#[test]
fn what_a_colleague_took_cannot_be_pressed_and_says_who_has_it() {
    let mut b = book();
    let armed = arm(&mut b);
    b.message(told(HandOverKind::Theirs, "R1"), NOW);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::TakenOver);
    assert!(b.accept("R1", &armed, NOW).is_err());
    assert!(b.cancel("R1").is_err());
    let frame = b.pull(0, &[], NOW);
    assert!(frame.lines.iter().all(|l| !l.can_lift && !l.can_hit));
    let text = "Taken over by bob (BOB) at 00:00:01 UTC";
    assert_eq!((frame.rfqs[0].state, frame.rfqs[0].text.as_str()), (Shown::TakenOver, text));
    let row = rfq_row(&b, "R1");
    assert_eq!((row.status.as_str(), row.text.as_deref()), ("Taken over", Some(text)));
    let notices = b.notices.codes().iter().filter(|c| **c == "rfq.taken_over").count();
    // The snapshot tells it again, and says nothing new.
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(told(HandOverKind::Theirs, "R1"), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::TakenOver);
    let again = b.notices.codes().iter().filter(|c| **c == "rfq.taken_over").count();
    assert_eq!((notices, again), (1, 1));
    // A late quote brings nothing to life.
    b.message(quote("R1", "q2", "1.07"), NOW);
    assert!(b.pull(0, &[], NOW).lines.iter().all(|l| !l.can_lift));
}

#[test]
fn an_accept_that_crossed_the_hand_over_is_answered_first() {
    let mut b = book();
    let (accept, _) = press(&mut b);
    b.message(told(HandOverKind::Theirs, "R1"), NOW);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::Open, "the answer comes first");
    let refused = report(&accept, ExecType::Rejected, OrdStatus::Rejected, "G", "0", 0);
    say(&mut b, signet_fix::message::ExecutionReport { dealer: None, ..refused });
    let r = b.rfq(&id("R1")).unwrap();
    assert_eq!(r.state, RfqState::TakenOver);
    assert!(r.reason.as_deref().unwrap().starts_with("Taken over by bob"));
    assert_eq!(r.accept.as_ref().unwrap().0.dealer, north());
}

#[test]
fn a_refusal_says_why_and_the_next_one_may_be_asked_for() {
    let mut b = listed();
    let mine = asked(&mut b);
    let AppMessage::HandOver(h) = told(HandOverKind::Refused, &mine) else { panic!() };
    let refusal = |rfq: &str| {
        AppMessage::HandOver(HandOver {
            rfq: id(rfq),
            code: Some("takeover.gone".into()),
            text: Some("CAROL has it now".into()),
            ..h.clone()
        })
    };
    // About something that was not asked for.
    b.message(refusal("X9"), NOW);
    assert!(b.group_view().taking.is_some());
    b.message(refusal(&mine), NOW);
    let v = b.group_view();
    let why = v.problem.unwrap();
    assert_eq!((v.taking, why.code.as_str()), (None, "takeover.gone"));
    assert!(why.message.contains("CAROL has it now"));
    assert!(b.take_over("ALICE/A2", NOW).is_ok());
    // The gateway could not process it.
    b.message(
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: "UH".into(),
            ref_id: None,
            reason: 4,
            text: Some("too many requests".into()),
        }),
        NOW,
    );
    assert_eq!(b.group_view().taking, None);
    assert_eq!(b.take_over("ALICE/A9", NOW).unwrap_err().code, "takeover.not_listed");
}

/// The link is cut at any moment: the snapshot says whether it came about.
#[test]
fn after_a_cut_link_the_snapshot_decides_what_was_taken_over() {
    // It need not say who had it.
    for (came_about, says_whose) in [(true, true), (true, false), (false, false)] {
        let mut b = listed();
        let mine = asked(&mut b);
        b.link_lost();
        b.link(NOW, |s| s.state = LinkState::Restoring);
        b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        b.message(AppMessage::Snapshot(SnapshotMark::Rfq(request("R1"))), NOW);
        if says_whose {
            b.message(told(HandOverKind::Yours, &mine), NOW);
        }
        if came_about {
            let q = QuoteRequest { id: id(&mine), ..request("x") };
            b.message(AppMessage::Snapshot(SnapshotMark::Rfq(q)), NOW);
        }
        b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
        let v = b.group_view();
        assert_eq!((v.taking, v.taken.is_some()), (None, came_about));
        assert_eq!(v.problem.map(|p| p.code), (!came_about).then(|| "takeover.lost".to_owned()));
        assert_eq!(b.rfq(&id(&mine)).is_some(), came_about);
        assert_eq!(v.rows.len(), if came_about { 1 } else { 2 });
        assert!(b.take_over("ALICE/A2", NOW).is_ok(), "nothing is under way");
    }
}

/// A desk that was off, or restarted, learns in its snapshot who has the RFQ.
#[test]
fn a_desk_that_was_away_shows_who_has_it_and_does_not_call_it_expired() {
    let mut b = book();
    b.link_lost();
    b.link(NOW, |s| s.state = LinkState::Restoring);
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    b.message(told(HandOverKind::Theirs, "R1"), NOW);
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    assert_eq!(b.rfq(&id("R1")).unwrap().state, RfqState::TakenOver);
    // After a restart only the row is left.
    let mut b = book();
    let mut fresh = Book::new(Ids::new(NOW, 2), NOW);
    std::mem::swap(&mut fresh.records, &mut b.records);
    fresh.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    fresh.message(told(HandOverKind::Theirs, "R1"), NOW);
    fresh.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    assert_eq!(rfq_row(&fresh, "R1").status, "Taken over");
    assert!(rfq_row(&fresh, "R1").text.unwrap().starts_with("Taken over by bob"));
}

#[test]
fn a_plain_venue_knows_no_colleagues_and_nothing_is_asked_offline() {
    let mut b = book();
    b.at_gateway(&CompId::new("VENUE").unwrap(), true);
    assert_eq!(b.ask_group(NOW).unwrap_err().code, "group.not_here");
    assert!(!b.group_view().known);
    let mut b = listed();
    b.link_lost();
    b.link(NOW, |s| s.state = LinkState::Reconnecting);
    assert_eq!(b.ask_group(NOW).unwrap_err().code, "link.offline");
    assert!(b.take_over("ALICE/A1", NOW).is_err());
    let mut b = listed();
    b.doubt(NOW, true);
    assert_eq!(b.take_over("ALICE/A1", NOW).unwrap_err().code, "link.doubtful");
    snapshot(&mut b, &[]);
}
