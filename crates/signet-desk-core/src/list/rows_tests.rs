//! What may be done with the rows of a list, and its figures.

use super::*;
use crate::view::{Ask, ListState};

fn form() -> TicketForm {
    TicketForm {
        package: None,
        price_type: Default::default(),
        instrument: "EUR/USD".into(),
        typed: "EUR/USD".into(),
        ask: Ask::Buy,
        quantity: "1000".into(),
        dealers: vec!["NORTH".into()],
        ttl_s: 60,
        settlement_date: None,
        price_limit: String::new(),
        limit_over: None,
        min_quantity: String::new(),
        all_or_none: false,
        approve_first: false,
        note: String::new(),
    }
}

fn good() -> Checked {
    Checked { form: Some(form()), same: Some("same".into()), ..Checked::default() }
}

const SINCE: Since = Since { laptop: UtcMillis(1_000), gateway: UtcMillis(1_795_219_200_000) };

/// A list of so many rows that may be sent.
fn list(rows: usize) -> (List, Vec<u32>) {
    let mut l = List::default();
    let keys = l.add(vec![(ListCells::default(), Meaning::Nothing); rows]).unwrap();
    keys.iter().for_each(|k| l.check(*k, good()));
    (l, keys)
}

fn states(l: &List) -> Vec<ListState> {
    l.rows().iter().map(|r| r.phase).collect()
}

#[test]
fn a_list_with_a_wrong_row_is_not_sent() {
    let (mut l, keys) = list(2);
    l.check(keys[1], Checked::default());
    assert_eq!(l.queue(SINCE).unwrap_err().code, "list.wrong");
    assert_eq!(states(&l), [Phase::Draft; 2], "not a part of it either");
    l.remove(keys[1]).unwrap();
    l.queue(SINCE).unwrap();
    assert_eq!(states(&l), [Phase::Pending]);
    assert_eq!(l.queue(SINCE).unwrap_err().code, "list.empty");
}

#[test]
fn only_a_row_at_rest_is_changed_or_removed() {
    for (events, may_edit, may_remove) in [
        (vec![], true, true),
        (vec![Event::Queue], false, false),
        (vec![Event::Queue, Event::Send], false, false),
        (vec![Event::Queue, Event::Send, Event::See(super::super::Seen::Quoted)], false, false),
        (vec![Event::Queue, Event::Send, Event::See(super::super::Seen::Done)], false, true),
        (vec![Event::Queue, Event::Send, Event::See(super::super::Seen::Expired)], true, true),
        (vec![Event::Queue, Event::Refuse], true, true),
        (vec![Event::Queue, Event::Stop], true, true),
    ] {
        let (mut l, keys) = list(1);
        events.iter().for_each(|e| assert!(l.event(keys[0], *e), "{events:?}"));
        assert_eq!(l.edit(keys[0], ListField::Note, "x", None).is_ok(), may_edit, "{events:?}");
        let (mut l, keys) = list(1);
        events.iter().for_each(|e| assert!(l.event(keys[0], *e)));
        assert_eq!(l.remove(keys[0]).is_ok(), may_remove, "{events:?}");
        let (mut l, keys) = list(1);
        events.iter().for_each(|e| assert!(l.event(keys[0], *e)));
        assert_eq!(l.clear().is_ok(), may_remove, "{events:?}");
    }
    let (mut l, _) = list(1);
    assert_eq!(l.remove(9_999).unwrap_err().code, "list.no_row");
}

#[test]
fn a_corrected_row_forgets_what_came_of_it() {
    let (mut l, keys) = list(1);
    l.event(keys[0], Event::Queue);
    l.event(keys[0], Event::Refuse);
    l.note(keys[0], RfqId::new("R1").ok(), Some("Not sent: no.".into()));
    assert_eq!(l.window(0, 1)[0].text, "Not sent: no.");
    l.edit(keys[0], ListField::Quantity, "2m", None).unwrap();
    let row = &l.window(0, 1)[0];
    assert_eq!((row.cells.quantity.as_str(), row.text.as_str()), ("2m", ""));
    assert_eq!((row.state, &row.rfq_id), (ListState::Draft, &None));
}

#[test]
fn there_is_room_for_so_many_rows_and_none_is_added_when_not_all_fit() {
    let (mut l, _) = list(ROWS_MAX - 1);
    let two = vec![(ListCells::default(), Meaning::Nothing); 2];
    assert_eq!(l.add(two.clone()).unwrap_err().code, "list.too_many_rows");
    assert_eq!(l.rows().len(), ROWS_MAX - 1);
    l.add(two[..1].to_vec()).unwrap();
    assert_eq!(l.rows().len(), ROWS_MAX);
}

#[test]
fn a_row_that_asks_for_the_same_as_an_earlier_one_is_warned_of() {
    let (l, _) = list(3);
    let warnings: Vec<_> = l.window(0, 9).into_iter().map(|r| r.warning).collect();
    let same = Some("Asks for the same as row 1.".to_owned());
    assert_eq!(warnings, [None, same.clone(), same.clone()]);
    // Also from the middle of the list.
    assert_eq!(l.window(2, 9)[0].warning, same);
}

#[test]
fn stopping_stops_what_waits_and_nothing_else() {
    let (mut l, keys) = list(3);
    l.queue(SINCE).unwrap();
    l.event(keys[0], Event::Send);
    l.set_run(ListRun::Sending, "");
    l.taking.push_back(TakeRow { key: keys[0], rfq: RfqId::new("R1").unwrap(), warned: false });
    l.stop();
    assert_eq!(states(&l), [Phase::Sending, Phase::Stopped, Phase::Stopped]);
    assert!(l.taking.is_empty() && l.run() == ListRun::Idle);
    assert_eq!(l.window(0, 1)[0].text, "Not taken: you stopped it.");
}

#[test]
fn why_a_row_was_not_taken_is_said_until_its_request_has_ended() {
    let (mut l, keys) = list(1);
    l.event(keys[0], Event::Queue);
    l.event(keys[0], Event::Send);
    l.note(keys[0], None, Some("Not taken: beyond.".into()));
    l.offer(keys[0], Offer { text: "Filled".into(), ..Offer::default() });
    l.event(keys[0], Event::See(super::super::Seen::Quoted));
    assert_eq!(l.window(0, 1)[0].text, "Not taken: beyond.");
    l.event(keys[0], Event::See(super::super::Seen::Done));
    assert_eq!(l.window(0, 1)[0].text, "Filled");
}

#[test]
fn figures_count_the_present_sending() {
    let (mut l, keys) = list(4);
    l.queue(SINCE).unwrap();
    l.event(keys[0], Event::Send);
    l.event(keys[1], Event::Refuse);
    let s = l.summary();
    assert_eq!((s.rows, s.sent, s.pending, s.open, s.without), (4, 2, 2, 1, 1));
    // What is pasted meanwhile joins the same sending.
    l.again(keys[1]).unwrap();
    l.queue(SINCE).unwrap();
    assert_eq!((l.summary().sent, l.summary().pending), (1, 3));
    // And one that begins later counts from nothing.
    l.stop();
    l.again(keys[2]).unwrap();
    l.queue(SINCE).unwrap();
    assert_eq!((l.summary().sent, l.summary().pending), (0, 1));
}

#[test]
fn the_page_is_told_of_changes_only() {
    let (mut l, keys) = list(1);
    assert!(l.is_news() && !l.is_news());
    l.check(keys[0], good());
    l.offer(keys[0], Offer::default());
    assert!(!l.event(keys[0], Event::Send));
    assert!(!l.set_run(ListRun::Idle, ""));
    assert!(!l.is_news(), "nothing changed");
    l.offer(keys[0], Offer { within: true, ..Offer::default() });
    assert!(l.is_news());
}

#[test]
fn a_row_says_what_it_waits_for_and_ends_when_its_time_is_up() {
    let text = |l: &List, n: usize| l.window(n, 1)[0].text.clone();
    let (mut l, keys) = list(2);
    l.queue(SINCE).unwrap();
    l.set_run(ListRun::Sending, "");
    let own = "Waiting for its turn. Since 00:00:00 UTC; not sent after 00:15:00 UTC.";
    assert_eq!(text(&l, 0), own);
    l.set_run(ListRun::Sending, "Waiting for an open request to end.");
    assert!(text(&l, 0).starts_with("Waiting for an open request to end. Since 00:00:00 UTC"));
    l.end_late(SINCE.laptop + (WAIT_MS - 1));
    assert_eq!(states(&l), [Phase::Pending; 2]);
    l.event(keys[0], Event::Send);
    l.end_late(SINCE.laptop + WAIT_MS);
    assert_eq!(states(&l), [Phase::Sending, Phase::Stopped], "what was sent stays");
    let why = "Not sent: it waited 15 minutes. Waiting for an open request to end.";
    assert_eq!(text(&l, 1), why);
    // It may be sent again, and its time begins then.
    l.again(keys[1]).unwrap();
    l.queue(Since { laptop: SINCE.laptop + WAIT_MS, ..SINCE }).unwrap();
    l.end_late(SINCE.laptop + WAIT_MS);
    assert_eq!(states(&l)[1], Phase::Pending);
}

#[test]
fn a_held_list_ends_too_and_the_traders_word_gives_it_its_time_again() {
    let (mut l, _) = list(1);
    l.queue(SINCE).unwrap();
    l.set_run(ListRun::Paused, "Held.");
    l.wait_again(Since { laptop: SINCE.laptop + 60_000, ..SINCE });
    l.end_late(SINCE.laptop + WAIT_MS);
    assert_eq!((states(&l)[0], l.run()), (Phase::Pending, ListRun::Paused));
    l.end_late(SINCE.laptop + (WAIT_MS + 60_000));
    assert_eq!((states(&l)[0], l.run()), (Phase::Stopped, ListRun::Idle));
    assert_eq!(l.window(0, 1)[0].text, "Not sent: it waited 15 minutes. Held.");
}

#[test]
fn a_clock_that_is_set_back_does_not_let_a_row_wait_for_ever() {
    let (mut l, _) = list(1);
    l.queue(Since { laptop: SINCE.laptop + 86_400_000, ..SINCE }).unwrap();
    l.end_late(SINCE.laptop);
    l.end_late(SINCE.laptop + (WAIT_MS - 1));
    assert_eq!(states(&l), [Phase::Pending]);
    l.end_late(SINCE.laptop + WAIT_MS);
    assert_eq!(states(&l), [Phase::Stopped]);
}
