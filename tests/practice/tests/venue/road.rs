//! The main job end to end, without a window: a trader asks, dealers quote, the trader takes one.

use crate::support::{BUND, Screen, World};
use signet_dealer::Force;
use signet_desk_core::view::*;
use signet_gateway::config::{FileSection, SiemSection, SinkSection, WhenFull};
use signet_journal::disk;
use std::{fs, path::Path};

const N: &str = "NORTHBANK";
const H: &str = "HARBOUR";

#[test]
fn an_rfq_is_sent_quoted_accepted_filled_and_in_the_blotter() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "99.600", 30_000);
    let id = w.ask(Ask::Buy, &[N, H], 60);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.state == LineState::Quoted).count() == 2
    });
    assert_eq!(s.rfq(&id).state, RfqState::Open);
    assert!(s.line(&id, N).best_offer && !s.line(&id, H).best_offer);
    assert_eq!(s.line(&id, N).offer.as_ref().map(|o| o.price.as_str()), Some("99.500"));
    assert_eq!((s.line(&id, N).rank, s.line(&id, H).rank), (0, 1));

    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    assert_eq!(
        (armed.state, armed.price.as_str(), armed.quantity.as_str()),
        (AcceptState::Armed, "99.500", "5,000,000")
    );
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    assert_eq!(s.accept_state(&id), Some(AcceptState::Filled));
    let page = w
        .desk
        .blotter(BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 })
        .unwrap();
    assert_eq!(page.total, 1);
    let row = &page.rows[0];
    assert_eq!(
        (row.side.as_str(), row.price.as_deref(), row.quantity.as_str()),
        ("Buy", Some("99.500"), "5,000,000")
    );
    assert_eq!(row.cover.as_deref(), Some("99.600"));
    assert!(row.exec_id.is_some());
}

#[test]
fn a_two_way_request_can_be_sold_at_the_bid() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    let id = w.ask(Ask::TwoWay, &[N], 60);
    w.until(&mut s, "a quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.can_hit && l.can_lift)
    });
    let armed = w.arm(&s, &id, N, Side::Sell).unwrap();
    assert_eq!(armed.price, "99.400");
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.accept_state(&id) == Some(AcceptState::Filled));
}

#[test]
fn a_requote_disarms_and_says_so() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.quotes(N, "99.700", 30_000);
    w.until(&mut s, "disarmed", |s| s.accept_state(&id) == Some(AcceptState::Disarmed));
    assert_eq!(w.desk.accept(&id, &armed.id).unwrap_err().code, "accept.not_armed");
    let stale = ArmIntent {
        rfq_id: id.clone(),
        dealer: N.into(),
        quote_id: armed.quote_id,
        side: Side::Buy,
        price: "99.500".into(),
    };
    assert_eq!(w.desk.arm(stale).unwrap_err().code, "quote.requoted");
}

#[test]
fn last_look_reject_then_another_dealer_fills() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "99.600", 30_000);
    w.force(N, Force::RejectNextAccept("last look: price moved".into()));
    let id = w.ask(Ask::Buy, &[N, H], 60);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 2
    });
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "declined", |s| s.accept_state(&id) == Some(AcceptState::Declined));
    assert!(s.rfq(&id).accept.as_ref().unwrap().text.contains("price moved"));
    assert_eq!(s.rfq(&id).state, RfqState::Open);
    w.until(&mut s, "the other can be lifted", |s| s.line(&id, H).can_lift);
    let armed = w.arm(&s, &id, H, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
}

#[test]
fn passes_withdrawals_and_expiry_are_shown() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 3_000);
    w.quotes(H, "99.600", 30_000);
    w.force("MERIDIAN", Force::Pass(10));
    let id = w.ask(Ask::Buy, &[N, H, "MERIDIAN"], 15);
    w.until(&mut s, "a pass", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.state == LineState::Passed)
    });
    w.until(&mut s, "quotes", |s| s.line(&id, H).state == LineState::Quoted);
    w.force(H, Force::Withdraw);
    w.until(&mut s, "withdrawn", |s| s.line(&id, H).state == LineState::Withdrawn);
    w.until(&mut s, "expired quote", |s| s.line(&id, N).state == LineState::Expired);
    w.until(&mut s, "expired RFQ", |s| s.rfq(&id).state == RfqState::Expired);
    w.desk.dismiss_rfq(&id).unwrap();
    w.until(&mut s, "off the screen", |s| s.rfqs.is_empty());
}

#[test]
fn a_trader_ends_an_rfq() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.desk.cancel_rfq(&id).unwrap();
    w.until(&mut s, "cancelled", |s| s.rfq(&id).state == RfqState::Cancelled);
    assert_eq!(w.desk.cancel_rfq(&id).unwrap_err().code, "rfq.ended");
}

#[test]
fn tickets_that_make_no_sense_are_refused_with_a_cure_before_anything_is_sent() {
    let (w, _s) = World::connected();
    let good = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: BUND.into(),
        ask: Ask::Buy,
        quantity: "5m".into(),
        dealers: vec![N.into()],
        ttl_s: 60,
        settlement_date: None,
    };
    let cases: Vec<(Ticket, &str)> = vec![
        (Ticket { instrument: "XX0000000000".into(), ..good.clone() }, "instrument.unknown"),
        (Ticket { instrument: String::new(), ..good.clone() }, "instrument.unknown"),
        (Ticket { quantity: String::new(), ..good.clone() }, "quantity.missing"),
        (Ticket { quantity: "0".into(), ..good.clone() }, "quantity.not_positive"),
        (Ticket { quantity: "-5m".into(), ..good.clone() }, "quantity.not_positive"),
        (Ticket { quantity: "lots".into(), ..good.clone() }, "quantity.unreadable"),
        (Ticket { quantity: "900bn".into(), ..good.clone() }, "quantity.too_large"),
        (Ticket { quantity: "1".into(), ..good.clone() }, "quantity.too_small"),
        (Ticket { dealers: vec![], ..good.clone() }, "dealers.none"),
        (Ticket { dealers: vec!["NOBODY".into()], ..good.clone() }, "dealers.unknown"),
        (Ticket { dealers: vec![N.into(), N.into()], ..good.clone() }, "dealers.twice"),
        (Ticket { ttl_s: 1, ..good.clone() }, "ttl.out_of_range"),
        (Ticket { ttl_s: 999_999, ..good.clone() }, "ttl.out_of_range"),
    ];
    for (t, code) in cases {
        let p = w.desk.send_rfq(t.clone()).unwrap_err();
        assert_eq!(p.code, code, "{t:?}");
        assert!(!p.cure.is_empty() && !p.message.is_empty());
    }
    assert_eq!(w.desk.pull(0, &[]).rfqs.len(), 0);
}

#[test]
fn many_rfqs_at_once_do_not_disturb_each_other() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 30_000);
    w.quotes(H, "99.600", 30_000);
    let ids: Vec<String> = (0..20).map(|_| w.ask(Ask::Buy, &[N, H], 60)).collect();
    w.until(&mut s, "all quoted", |s| s.lines.iter().filter(|l| l.can_lift).count() == 40);
    let armed: Vec<_> = ids.iter().map(|id| (id, w.arm(&s, id, N, Side::Buy).unwrap())).collect();
    for (id, a) in &armed {
        w.desk.accept(id, &a.id).unwrap();
    }
    w.until(&mut s, "all filled", |s| ids.iter().all(|id| s.rfq(id).state == RfqState::Done));
    let page = w
        .desk
        .blotter(BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 100 })
        .unwrap();
    assert_eq!(page.total, 20);
}

#[test]
fn the_gateway_restarts_and_nothing_is_lost() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    w.quotes(H, "99.600", 60_000);
    let id = w.ask(Ask::Buy, &[N, H], 120);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 2
    });
    let before = s.line(&id, N).quote_id.clone();
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "the link noticed", |s| s.link() != Some(LinkState::Online));
    w.until(&mut s, "online again", |s| s.link() == Some(LinkState::Online));
    assert_eq!(s.rfq(&id).state, RfqState::Open);
    w.eventually("dealers are back", || w.desk.reference().dealers.iter().all(|d| d.online));
    // A dealer that is back says its quotes again, under other ids.
    w.until(&mut s, "a live quote", |s| {
        let line = s.line(&id, N);
        line.can_lift && line.quote_id != before
    });
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
}

#[test]
fn an_accept_whose_answer_is_lost_is_unknown_and_then_reconciled_by_id() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.force(N, Force::HoldNextAccept(4_000));
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "last look", |s| s.accept_state(&id) == Some(AcceptState::LastLook));
    w.practice.stop_gateway();
    w.until(&mut s, "unknown", |s| s.accept_state(&id) == Some(AcceptState::Unknown));
    assert_eq!(w.arm(&s, &id, N, Side::Buy).unwrap_err().code, "link.offline");
    std::thread::sleep(std::time::Duration::from_millis(4_500));
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "the truth", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    let page = w
        .desk
        .blotter(BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 })
        .unwrap();
    assert_eq!(page.total, 1);
}

/// `store.sync`: what a power cut would take from the journal reaches no dealer.
#[test]
fn what_is_not_on_the_disk_itself_is_not_done_where_the_gateway_waits_for_it() {
    let w = World::start_with(|plan| plan.sync = true);
    let mut s = w.connect();
    w.quotes(N, "99.500", 60_000);
    let journal = w.dir.path().join("gateway/rfqs.journal");
    disk::refuses_to_sync(&journal, true);
    let lost = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "the gateway's word", |s| {
        let open = |r: &RfqView| matches!(r.state, RfqState::Sent | RfqState::Open);
        s.rfqs.iter().any(|r| r.id == lost && !open(r))
    });
    assert!(!s.lines.iter().any(|l| l.rfq_id == lost && l.quote_id.is_some()));
    disk::refuses_to_sync(&journal, false);
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
}

/// The words of the events that say of an accept that it is unknown; the last line may be half
/// written.
fn unknown_told(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let all = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    all.filter(|l| l.contains("\"accept.unknown\"")).map(str::to_owned).collect()
}

/// The dealer may have executed while the gateway was away: the start calls somebody, and says what
/// it was.
#[test]
fn an_accept_that_is_unknown_at_the_start_calls_somebody() {
    let mut w = World::start_with(|plan| {
        let path = plan.dir.join("events.jsonl");
        let file = FileSection { name: "file".into(), path, rotate_mb: 64, keep: 1 };
        let sink = vec![SinkSection::File(file)];
        plan.siem = Some(SiemSection { when_full: WhenFull::Refuse, spool_mb: 16, sink });
    });
    let mut s = w.connect();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.force(N, Force::HoldNextAccept(60_000));
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "last look", |s| s.accept_state(&id) == Some(AcceptState::LastLook));
    let file = w.dir.path().join("events.jsonl");
    // Its end may tell it too, since it ends the line to the dealer.
    let by_start =
        || unknown_told(&file).iter().filter(|l| l.contains("the gateway was restarted")).count();
    w.practice.stop_gateway();
    assert_eq!(by_start(), 0);
    w.practice.restart_gateway().unwrap();
    w.eventually("somebody is called", || by_start() > 0);
    assert_eq!(by_start(), 1, "{:#?}", unknown_told(&file));
}

/// What a dealer says while the journal's disk refuses to write is not taken, so the dealer says it
/// again when the disk is well; nothing of it is known until the next restart only.
#[test]
fn a_fill_that_cannot_be_written_down_comes_again_when_the_disk_is_well() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    w.force(N, Force::HoldNextAccept(3_000));
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "last look", |s| s.accept_state(&id) == Some(AcceptState::LastLook));
    let journal = w.dir.path().join("gateway/rfqs.journal");
    assert!(journal.exists());
    disk::refuses(&journal, true);
    w.until(&mut s, "unknown", |s| s.accept_state(&id) == Some(AcceptState::Unknown));
    // The dealer is dialled again and again, and says it each time.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    s.pull(&w.desk);
    assert_ne!(s.accept_state(&id), Some(AcceptState::Filled), "not in the journal, so not so");
    disk::refuses(&journal, false);
    w.until(&mut s, "the fill", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "the link noticed", |s| s.link() != Some(LinkState::Online));
    w.until(&mut s, "online again", |s| s.link() == Some(LinkState::Online));
    assert_eq!(s.accept_state(&id), Some(AcceptState::Filled));
    let trades = BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 };
    assert_eq!(w.desk.blotter(trades).unwrap().total, 1);
}

#[test]
fn a_dealer_that_dies_takes_its_quote_and_comes_back() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    w.quotes(H, "99.600", 60_000);
    let id = w.ask(Ask::Buy, &[N, H], 120);
    w.until(&mut s, "two quotes", |s| {
        s.lines.iter().filter(|l| l.rfq_id == id && l.can_lift).count() == 2
    });
    w.force(N, Force::Die);
    w.until(&mut s, "its quote is gone", |s| {
        s.line(&id, N).state == LineState::Unreachable && s.line(&id, H).can_lift
    });
    w.eventually("shown offline", || {
        w.desk.reference().dealers.iter().any(|d| d.id == N && !d.online)
    });
    w.force(N, Force::Resume);
    w.eventually("shown online", || w.desk.reference().dealers.iter().all(|d| d.online));
}

#[test]
fn blotter_and_session_survive_a_restart_of_the_desk() {
    let (mut w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let done = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == done && l.can_lift));
    let armed = w.arm(&s, &done, N, Side::Buy).unwrap();
    w.desk.accept(&done, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&done).state == RfqState::Done);
    let open = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == open && l.can_lift));

    w.runtime.block_on(w.desk.shut_down());
    w.desk = signet_desk_core::Desk::start(
        w.practice.desk_config("test"),
        w.keychain.clone(),
        std::sync::Arc::new(signet_stepup::client::NoKeys),
    )
    .unwrap();
    let mut s: Screen = w.connect();
    let page = w
        .desk
        .blotter(BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 })
        .unwrap();
    assert_eq!(page.total, 1);
    w.until(&mut s, "the open RFQ is back with its quote", |s| {
        s.rfqs.len() == 1 && s.line(&open, N).can_lift
    });
    let armed = w.arm(&s, &open, N, Side::Buy).unwrap();
    w.desk.accept(&open, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&open).state == RfqState::Done);
}
