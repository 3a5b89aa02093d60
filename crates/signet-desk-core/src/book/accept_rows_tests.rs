//! Accepts that a person must look at, and what people say of rows.

use super::{
    life_tests::{NOW, book, id, press, quote, report, say, snapshot},
    *,
};
use crate::view::{BlotterRow, BlotterTab};
use signet_fix::message::{AppMessage, ExecType, OrdStatus};
use signet_rfq::DealerId;

fn row(b: &Book, tab: BlotterTab, id: &str) -> Option<BlotterRow> {
    b.records.blotter.get(tab, id).cloned()
}

fn status(b: &Book, accept: &str) -> Option<String> {
    row(b, BlotterTab::Attention, accept).map(|r| r.status)
}

#[test]
fn an_accept_without_a_trade_is_a_row_until_its_outcome_is_known() {
    let mut b = book();
    let (accept, _) = press(&mut b);
    b.tick(NOW);
    assert_eq!(status(&b, &accept), None, "it is on its way");
    b.link_lost();
    b.tick(NOW);
    let unknown = row(&b, BlotterTab::Attention, &accept).unwrap();
    assert_eq!((unknown.status.as_str(), unknown.side.as_str()), ("Outcome unknown", "Buy"));
    assert!(unknown.text.unwrap().contains("do not trade it again"));
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::Filled, "E1", "1.08", 1_000));
    assert_eq!(status(&b, &accept).as_deref(), Some("Filled"));
    assert!(row(&b, BlotterTab::Trades, &accept).is_some());
}

#[test]
fn a_declined_accept_is_a_row_with_the_reason_and_can_be_attended_to() {
    let mut b = book();
    let (accept, _) = press(&mut b);
    let mut refused = report(&accept, ExecType::Rejected, OrdStatus::Rejected, "E1", "1.08", 0);
    refused.text = Some("price moved".into());
    say(&mut b, refused);
    let declined = row(&b, BlotterTab::Attention, &accept).unwrap();
    assert_eq!(declined.status, "Declined");
    assert!(declined.text.unwrap().contains("price moved"));
    assert!(row(&b, BlotterTab::Trades, &accept).is_none(), "it is not a trade");
    b.attend(&accept).unwrap();
    assert!(row(&b, BlotterTab::Attention, &accept).unwrap().attended);
    assert_eq!(b.attend("other").unwrap_err().code, "blotter.no_row");
}

#[test]
fn every_row_of_a_request_says_its_least_quantity() {
    let mut b = book();
    b.screen.get_mut(&id("R1")).unwrap().rfq.terms.min_quantity = Some(500.into());
    b.blot_rfq(&id("R1"));
    let least = |b: &Book, tab, id: &str| row(b, tab, id).unwrap().min_quantity;
    assert_eq!(least(&b, BlotterTab::Rfqs, "R1").as_deref(), Some("500"));
    let (accept, _) = press(&mut b);
    b.link_lost();
    b.tick(NOW);
    assert_eq!(least(&b, BlotterTab::Attention, &accept).as_deref(), Some("500"));
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::Filled, "E1", "1.08", 1_000));
    assert_eq!(least(&b, BlotterTab::Trades, &accept).as_deref(), Some("500"));
    // A report about an earlier run does not say it; the row of its request does.
    let old = BlotterRow {
        id: "OLD".into(),
        rfq_id: "OLD".into(),
        min_quantity: Some("1,700".into()),
        ..row(&b, BlotterTab::Rfqs, "R1").unwrap()
    };
    b.blot(BlotterTab::Rfqs, old);
    for (exec, price, trade) in [("E2", "1.08", "OLD:1"), ("E3", "1.09", "OLD:1!E3")] {
        say(&mut b, report("OLD:1", ExecType::Trade, OrdStatus::Filled, exec, price, 2_000));
        assert_eq!(least(&b, BlotterTab::Trades, trade).as_deref(), Some("1,700"), "{trade}");
    }
    say(&mut b, report("LOST:1", ExecType::Trade, OrdStatus::Filled, "E4", "1.08", 1_000));
    assert_eq!(least(&b, BlotterTab::Trades, "LOST:1"), None, "nobody knows");
}

/// As [`book`], with a second dealer that offers at 1.07.
fn two_dealers() -> Book {
    let east = DealerId::new("EAST").unwrap();
    let mut b = Book::new(Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    let AppMessage::Quote(north) = quote("R1", "q1", "1.08") else { panic!() };
    snapshot(&mut b, &[("R1", &[])]);
    let item = b.screen.get_mut(&id("R1")).unwrap();
    let mut terms = item.rfq.terms.clone();
    terms.dealers.push(east.clone());
    item.rfq = Rfq::new(terms);
    item.rfq.acknowledge();
    let mut other = north.clone();
    other.dealer = Some(east);
    other.offer.as_mut().unwrap().price = "1.07".parse().unwrap();
    b.message(AppMessage::Quote(north), NOW);
    b.message(AppMessage::Quote(other), NOW);
    b
}

#[test]
fn a_trade_at_another_price_than_the_best_asks_for_a_reason_and_keeps_it() {
    let mut b = two_dealers();
    let (accept, m) = press(&mut b);
    b.sent_as(7, &m);
    let traded = || report(&accept, ExecType::Trade, OrdStatus::Filled, "E1", "1.08", 1_000);
    assert_eq!(b.give_reason(&accept, "size", NOW).unwrap_err().code, "blotter.no_row");
    say(&mut b, traded());
    let trade = row(&b, BlotterTab::Trades, &accept).unwrap();
    assert_eq!((trade.better.as_deref(), trade.reason), (Some("1.07 EAST"), None));
    assert_eq!(b.give_reason(&accept, " \n", NOW).unwrap_err().code, "reason.unusable");
    b.give_reason(&accept, "settles with us", NOW).unwrap();
    b.attend(&accept).unwrap();
    // Told again, it keeps what people said; cancelled, it needs a person again.
    say(&mut b, traded());
    let told = row(&b, BlotterTab::Trades, &accept).unwrap();
    assert_eq!((told.reason.as_deref(), told.attended), (Some("settles with us"), true));
    let mut bust = report(&accept, ExecType::TradeCancel, OrdStatus::Cancelled, "E2", "1.08", 0);
    bust.exec_ref = Some("E1".into());
    say(&mut b, bust);
    let busted = row(&b, BlotterTab::Trades, &accept).unwrap();
    assert_eq!((busted.status.as_str(), busted.attended), ("Cancelled by the dealer", false));
    assert_eq!(busted.reason.as_deref(), Some("settles with us"));
}

#[test]
fn a_trade_at_the_best_price_owes_no_reason() {
    let mut b = book();
    let (accept, m) = press(&mut b);
    b.sent_as(7, &m);
    say(&mut b, report(&accept, ExecType::Trade, OrdStatus::Filled, "E1", "1.08", 1_000));
    assert_eq!(row(&b, BlotterTab::Trades, &accept).unwrap().better, None);
}
