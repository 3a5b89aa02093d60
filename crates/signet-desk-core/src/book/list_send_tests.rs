//! What is asked and written before a row leaves, and what is known of it after a restart.

use super::{
    super::list::tests::{NOTE, act, book, fill, note_in, quoted, rows, sent, states, turns},
    *,
};
use crate::{
    blotter::Blotter,
    book::life_tests::{self, NOW},
    guard::TradingSettings,
    list::ListStore,
    view::{LinkState, ListField, ListIntent, ListState},
};
use signet_fix::message::{ExecType, ExecutionReport, OrdStatus, SnapshotMark};
use signet_journal::{StoreKey, disk};
use signet_rfq::{DealerId, Level};
use std::path::{Path, PathBuf};

const SEND: ListIntent = ListIntent::Send { ttl_s: 60 };
const KEY: [u8; 32] = [7; 32];

fn kept() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list.log");
    (dir, path)
}

fn store(path: &Path) -> ListStore {
    ListStore::open(path, &StoreKey::new(KEY)).unwrap()
}

/// As [`book`], with its list on disk.
fn book_at(path: &Path) -> Book {
    let mut b = book();
    b.begin_list(store(path));
    b
}

fn repeats(b: &Book) -> Option<ListRepeats> {
    b.list_page(0, 0).repeats
}

fn run(b: &Book) -> ListRun {
    b.list_page(0, 0).summary.run
}

#[test]
fn a_row_that_was_sent_before_is_asked_about_and_sent_only_then() {
    let mut b = book();
    let ids = sent(&mut b, "buy,eurusd,5k\nsell,gbpusd,5k");
    assert_eq!(ids.len(), 2);
    turns(&mut b, 700, 1);
    act(&mut b, ListIntent::Clear).unwrap();
    // Side, instrument and quantity, each of them: the rest may be another.
    fill(&mut b, "buy,eurusd,5000,2w,NORTH\nsell,eurusd,5k\nbuy,gbpusd,5k\nbuy,eurusd,6k");
    let warned: Vec<bool> = rows(&b).iter().map(|r| r.warning.is_some()).collect();
    assert_eq!(warned, [true, false, false, false]);
    act(&mut b, SEND).unwrap();
    assert!(turns(&mut b, 701, 10).is_empty(), "nothing leaves before the answer");
    let asked = repeats(&b).unwrap();
    assert_eq!((asked.rows.len(), asked.all), (1, 4));
    let row = &asked.rows[0];
    assert_eq!((row.number, row.quantity.as_str(), row.symbol.as_str()), (1, "5,000", "EUR/USD"));
    assert!(row.before[0].starts_with("Sent at 00:00:00 UTC as row 1 of list L"), "{row:?}");
    assert!(row.before[0].ends_with(": Expired."), "{row:?}");
    act(&mut b, ListIntent::Leave).unwrap();
    assert!(repeats(&b).is_none() && turns(&mut b, 711, 10).is_empty());
    act(&mut b, SEND).unwrap();
    act(&mut b, ListIntent::SendAgain).unwrap();
    assert_eq!(turns(&mut b, 721, 10).len(), 4);
    assert_eq!(act(&mut b, ListIntent::SendAgain), Err("list.not_asked".into()), "once");
}

#[test]
fn the_answer_is_not_given_by_a_held_key_and_counts_for_the_rows_that_were_shown() {
    let settings = TradingSettings { confirm_after_ms: 700, ..TradingSettings::NONE };
    let mut b = book().protected_by(settings);
    let ids = sent(&mut b, "buy,eurusd,5k\nbuy,gbpusd,5k");
    assert_eq!(ids.len(), 2);
    turns(&mut b, 700, 1);
    act(&mut b, ListIntent::Clear).unwrap();
    fill(&mut b, "buy,eurusd,5k\nbuy,gbpusd,6k");
    act(&mut b, SEND).unwrap();
    let at = |b: &mut Book, ms: i64| {
        let meaning = super::super::list::tests::meaning;
        b.list_act(&ListIntent::SendAgain, meaning, NOW + ms).map_err(|p| p.code)
    };
    assert_eq!(at(&mut b, 699), Err("list.too_soon".into()));
    // Another row has become one that was sent before: it was not read.
    let key = rows(&b)[1].key;
    act(&mut b, ListIntent::Edit { key, field: ListField::Quantity, text: "5k".into() }).unwrap();
    assert_eq!(at(&mut b, 5_000), Err("list.other_repeats".into()));
    assert_eq!(repeats(&b).unwrap().rows.len(), 2);
    assert!(turns(&mut b, 60, 5).is_empty());
    at(&mut b, 10_000).unwrap();
    assert_eq!(turns(&mut b, 101, 10).len(), 2);
}

#[test]
fn a_full_disk_holds_the_list_until_the_trader_lets_it_go_on() {
    let (_dir, path) = kept();
    let mut b = book_at(&path);
    fill(&mut b, "buy,eurusd,5k\nbuy,eurusd,6k\nbuy,eurusd,7k");
    act(&mut b, SEND).unwrap();
    assert_eq!(turns(&mut b, 0, 1).len(), 1);
    disk::refuses(&path, true);
    assert!(turns(&mut b, 1, 10).is_empty());
    assert_eq!(run(&b), ListRun::Paused);
    let s = b.list_page(0, 9).summary;
    assert!(s.text.contains("disk") && s.pending == 2, "{s:?}");
    // A row says what it waits for.
    assert!(rows(&b)[1].text.contains("disk"), "{}", rows(&b)[1].text);
    disk::refuses(&path, false);
    assert!(turns(&mut b, 11, 50).is_empty(), "it does not go on by itself");
    act(&mut b, ListIntent::Resume).unwrap();
    assert_eq!(turns(&mut b, 61, 10).len(), 2);
    assert!(!b.list_page(0, 0).summary.unkept, "and what was refused is kept now");
}

#[test]
fn a_history_that_cannot_be_written_holds_the_list_too() {
    let mut b = book();
    fill(&mut b, "buy,eurusd,5k\nbuy,eurusd,6k");
    act(&mut b, SEND).unwrap();
    b.record_with(crate::history::Recorder::refused());
    assert!(turns(&mut b, 0, 5).is_empty());
    assert_eq!((run(&b), states(&b)), (ListRun::Paused, vec![ListState::Pending; 2]));
    b.record_with(crate::history::Recorder::default());
    assert!(turns(&mut b, 5, 5).is_empty());
    act(&mut b, ListIntent::Resume).unwrap();
    assert_eq!(turns(&mut b, 10, 5).len(), 2);
}

#[test]
fn rows_that_wait_end_as_not_sent() {
    let mut b = book();
    fill(&mut b, &"buy,eurusd,5k\n".repeat(101));
    act(&mut b, SEND).unwrap();
    assert_eq!(turns(&mut b, 0, 300).len(), 100);
    let text = &rows(&b)[100].text;
    assert!(text.starts_with("Waiting for an open request to end. Since 00:00:00 UTC"), "{text}");
    assert!(b.tick(NOW + 15 * 60_000).is_empty());
    assert_eq!(states(&b)[100], ListState::Stopped);
    assert!(rows(&b)[100].text.starts_with("Not sent: it waited 15 minutes."));
}

/// The desk ends with rows in several states, and begins again.
#[test]
fn after_a_restart_the_rows_are_there_and_find_their_requests() {
    let (_dir, path) = kept();
    let mut b = book_at(&path);
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.08\nsell,gbpusd,5k\nbuy,gbpusd,9k");
    fill(&mut b, "buy,eurusd,7k\nbuy,usd,7k");
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    turns(&mut b, 30, 1);
    use ListState as S;
    assert_eq!(states(&b), [S::Quoted, S::Open, S::Open, S::Draft, S::Draft]);
    let requests = [&ids[0], &ids[1]].map(|id| b.rfq(id).unwrap().terms.clone());
    drop(b);

    let mut b = Book::new(crate::book::Ids::new(NOW + 60_000, 2), NOW);
    b.begin(Blotter::default());
    b.begin_list(store(&path));
    // Nothing is decided before the gateway has said what it holds.
    turns(&mut b, 40, 3);
    assert_eq!(states(&b), [S::Quoted, S::Open, S::Open, S::Draft, S::Draft]);
    assert!(rows(&b)[3].problems[0].problem.message.contains("Not checked"));
    b.measured(NOW, NOW, NOW);
    let fresh = book();
    b.reference = fresh.reference;
    let marks =
        requests.map(|t| SnapshotMark::Rfq(signet_fix::message::QuoteRequest::of(&t, false)));
    b.link(NOW, |s| s.state = LinkState::Online);
    b.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    for mark in marks {
        b.message(AppMessage::Snapshot(mark), NOW);
    }
    b.message(AppMessage::Snapshot(SnapshotMark::End), NOW);
    assert!(b.online());
    turns(&mut b, 41, 1);
    assert_eq!(states(&b), [S::Open, S::Open, S::Unknown, S::Draft, S::Draft]);
    let all = rows(&b);
    assert!(all[2].text.contains("what became of it is not known"), "{}", all[2].text);
    assert!(all[3].problems.is_empty(), "{:?}", all[3].problems);
    assert_eq!(all[4].problems[0].problem.code, "instrument.several");
    // A quote moves the row that found its request.
    quoted(&mut b, &ids[0], "NORTH", "q2", "1.08");
    turns(&mut b, 42, 1);
    assert_eq!((states(&b)[0], rows(&b)[0].within), (S::Quoted, true));
    // The row that is not known may be sent again, and that is asked.
    let lost = all[2].key;
    act(&mut b, ListIntent::Remove { key: all[4].key }).unwrap();
    act(&mut b, ListIntent::Again { key: lost }).unwrap();
    act(&mut b, SEND).unwrap();
    let asked = repeats(&b).unwrap();
    assert_eq!((asked.rows.len(), asked.rows[0].number, asked.all), (1, 3, 2));
    assert!(turns(&mut b, 43, 5).is_empty());
}

#[test]
fn a_request_of_an_earlier_run_is_looked_up_in_the_blotter() {
    use crate::blotter::RowStatus as R;
    use crate::list::Seen;
    for (status, want) in [
        (R::Filled, Seen::Done),
        (R::PartlyFilled, Seen::Done),
        (R::Corrected, Seen::Done),
        (R::Expired, Seen::Expired),
        (R::Refused, Seen::Refused),
        (R::Cancelled, Seen::Ended),
        (R::NothingDone, Seen::Ended),
        (R::EndedWhileAway, Seen::Ended),
        (R::TakenOver, Seen::Ended),
        (R::Sent, Seen::Lost),
        (R::Open, Seen::Lost),
        (R::CancelledByDealer, Seen::Lost),
        (R::Disputed, Seen::Lost),
        (R::Declined, Seen::Lost),
        (R::Unknown, Seen::Lost),
    ] {
        assert_eq!(super::super::list_look::seen_in_blotter(status), want, "{status:?}");
    }
}

#[test]
fn the_texts_of_a_trade_are_made_again_only_when_its_accept_changes() {
    let mut b = book();
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.08");
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    turns(&mut b, 20, 1);
    b.list_take(NOW).unwrap();
    b.list_confirm(NOW).unwrap();
    let left = turns(&mut b, 21, 2);
    b.sent_as(50, &left[0]);
    let AppMessage::QuoteResponse(r) = &left[0] else { panic!() };
    let price = r.price.to_string();
    let filled = ExecutionReport {
        side: r.side,
        instrument: r.instrument.clone(),
        dealer: Some(DealerId::new("NORTH").unwrap()),
        last: Some(Level { price: r.price, size: r.quantity }),
        cum_qty: r.quantity,
        ..life_tests::report(r.id.as_str(), ExecType::Trade, OrdStatus::Filled, "E1", &price, 0)
    };
    life_tests::say(&mut b, filled);
    turns(&mut b, 23, 1);
    assert_eq!(states(&b), [ListState::Done]);
    let key = rows(&b)[0].key;
    let told = b.list.row(key).unwrap().told.clone();
    assert!(told.is_some());
    // Marked, so that a text that is made again is seen.
    b.list.offer(key, crate::list::Offer { text: "as it was".into(), ..Default::default() });
    turns(&mut b, 24, 5);
    assert_eq!(rows(&b)[0].text, "as it was");
    let item = b.screen.get_mut(&ids[0]).unwrap();
    let accept = item.rfq.accept.as_mut().unwrap();
    accept.1 = signet_rfq::AcceptState::Disputed;
    turns(&mut b, 30, 1);
    assert_ne!(rows(&b)[0].text, "as it was");
}

#[test]
fn what_waits_in_the_list_counts_when_the_trader_stops_or_leaves() {
    let mut b = book();
    fill(&mut b, "buy,eurusd,5k\nbuy,eurusd,6k\nbuy,eurusd,7k");
    act(&mut b, SEND).unwrap();
    assert!(!b.may_close(NOW), "rows wait, and no request is open");
    b.stay_open();
    turns(&mut b, 0, 1);
    let (_, _, stopped) = b.stop_all(NOW);
    assert_eq!((stopped.ended, stopped.rows), (1, 2));
    let told = b.pull(0, &[], NOW).notices;
    assert!(told.iter().any(|n| n.text.contains("not sent: 2")), "{told:?}");
}

/// A limit of 42 was read as a price: nothing is sold at a yield of up to 42, or at a margin over
/// another rate.
#[test]
fn a_row_that_would_ask_in_other_numbers_when_its_turn_comes_is_not_sent() {
    use signet_rfq::{Benchmark, PriceType};
    let over = |point: &str| PriceType::Margin(Benchmark::read("EURIBOR", point, "EUR").unwrap());
    let (price, of_yield) = (PriceType::Price, PriceType::Yield);
    for (cell, before, now, leaves) in [
        ("", vec![price, of_yield], vec![price, of_yield], true),
        ("", vec![price, of_yield], vec![of_yield, price], false),
        ("price", vec![price, of_yield], vec![of_yield, price], true),
        ("", vec![over("3M")], vec![over("6M")], false),
        ("dm", vec![over("3M"), price], vec![price, over("6M")], false),
        ("dm", vec![over("3M"), price], vec![price, over("3M")], true),
    ] {
        let mut b = book();
        note_in(&mut b, &before);
        fill(&mut b, &format!("sell,{NOTE},5k,,,42,,{cell}"));
        act(&mut b, SEND).unwrap();
        note_in(&mut b, &now);
        assert_eq!(turns(&mut b, 0, 3).len(), usize::from(leaves), "{cell} {before:?} {now:?}");
        let row = rows(&b).remove(0);
        let refused = row.state == ListState::Refused && row.text.contains("other numbers");
        assert_eq!(refused, !leaves, "{row:?}");
    }
}

#[test]
fn a_row_is_asked_in_the_numbers_of_its_cell_or_the_usual_ones() {
    let mut b = book();
    for (cell, want, problem) in [
        ("", "price", None),
        ("Price", "price", None),
        ("yield", "yield", Some("price_type")),
        ("margin", "", Some("price_type.unreadable")),
        // A currency pair pays no reference rate.
        ("Discount margin", "margin", Some("price_type.not_listed")),
        ("dm", "margin", Some("price_type.not_listed")),
    ] {
        act(&mut b, ListIntent::Clear).unwrap();
        fill(&mut b, &format!("buy,eurusd,5k,,,1.08,,{cell}"));
        let row = rows(&b).remove(0);
        let told = row.price_type.map(|t| format!("{t:?}").to_lowercase()).unwrap_or_default();
        assert_eq!(told, want, "{cell}");
        let first = row.problems.first();
        assert_eq!(first.map(|p| p.field), problem.map(|_| Some(ListField::PriceType)), "{cell}");
    }
}
