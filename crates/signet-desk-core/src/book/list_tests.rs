//! A list of requests: checked, sent, watched.

use super::{super::life_tests, *};
use crate::{
    book::life_tests::{NOW, id},
    list::paste,
    view::{LinkState, ListRow, ListState},
};
use signet_fix::message::{
    BusinessReject, DealerState, QuoteMsg, QuoteStatusReport, RfqStatus, SecurityList, VenueState,
};
use signet_rfq::{AssetClass, DealerId, InstrumentId, Level, Qualifiers, QuoteId};

fn instrument(name: &str) -> Instrument {
    Instrument {
        price_types: vec![Default::default()],
        id: InstrumentId::new(name).unwrap(),
        symbol: name.into(),
        name: name.into(),
        asset_class: AssetClass::FxSpot,
        currency: name[..3].into(),
        price_decimals: 5,
        price_unit: "per unit".into(),
        tick: "0.00001".parse().unwrap(),
        lot: 1.into(),
        min_quantity: 1_000.into(),
        max_quantity: 1_000_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    }
}

pub(crate) fn venue(online: [bool; 2]) -> AppMessage {
    let dealer = |(id, name, online): (&str, &str, bool)| DealerState {
        id: DealerId::new(id).unwrap(),
        name: name.into(),
        online,
        counters: false,
        parts: false,
    };
    let all = [("NORTH", "Northbank", online[0]), ("SOUTH", "South Bank", online[1])];
    AppMessage::VenueState(VenueState {
        name: "Venue".into(),
        practice: false,
        dealers: all.map(dealer).to_vec(),
        at: NOW,
    })
}

/// Online, with two pairs and two dealers, and nothing open.
pub(crate) fn book() -> Book {
    let mut b = Book::new(crate::book::Ids::new(NOW, 1), NOW);
    b.measured(NOW, NOW, NOW);
    life_tests::snapshot(&mut b, &[]);
    let instruments = ["EUR/USD", "GBP/USD"].map(instrument).to_vec();
    let list = SecurityList { request: id("list"), last: true, instruments };
    b.message(AppMessage::SecurityList(list), NOW);
    b.message(venue([true, true]), NOW);
    assert!(b.online());
    b
}

/// A floating-rate note.
pub(crate) const NOTE: &str = "DE0001102580";

/// Another list of instruments: the note alone, which may be asked for in these numbers.
pub(crate) fn note_in(b: &mut Book, types: &[signet_rfq::PriceType]) {
    let note = Instrument {
        id: InstrumentId::new(NOTE).unwrap(),
        asset_class: AssetClass::GovernmentBond,
        currency: "EUR".into(),
        settlement: "T+2".into(),
        price_types: types.into(),
        ..instrument("EUR/USD")
    };
    let list = SecurityList { request: id("later"), last: true, instruments: vec![note] };
    b.message(AppMessage::SecurityList(list), NOW);
}

pub(crate) fn meaning(cell: &str) -> Meaning {
    match cell {
        "eurusd" | "EUR/USD" => Meaning::One("EUR/USD".into()),
        "gbpusd" | "GBP/USD" => Meaning::One("GBP/USD".into()),
        NOTE => Meaning::One(NOTE.into()),
        "usd" => Meaning::Several(2),
        _ => Meaning::Nothing,
    }
}

pub(crate) fn fill(b: &mut Book, text: &str) {
    let pasted = paste(text).unwrap();
    let named = pasted.rows.iter().map(|c| meaning(&c.instrument)).collect();
    b.list_paste(pasted, named, NOW).unwrap();
}

pub(crate) fn act(b: &mut Book, intent: ListIntent) -> Result<(), String> {
    b.list_act(&intent, meaning, NOW).map_err(|p| p.code)
}

pub(crate) fn rows(b: &Book) -> Vec<ListRow> {
    b.list_page(0, 200).rows
}

pub(crate) fn states(b: &Book) -> Vec<ListState> {
    rows(b).into_iter().map(|r| r.state).collect()
}

/// Lets so many turns pass, and returns what leaves.
pub(crate) fn turns(b: &mut Book, from: i64, n: i64) -> Vec<AppMessage> {
    (0..n).flat_map(|t| b.tick(NOW + (from + t) * 100)).collect()
}

pub(crate) fn opened(b: &mut Book, rfq: &RfqId, instrument: &str) {
    let instrument = InstrumentId::new(instrument).unwrap();
    let open = QuoteStatusReport::of_rfq(rfq.clone(), instrument, RfqStatus::Open, None);
    b.message(AppMessage::QuoteStatusReport(open), NOW);
}

/// A dealer's offer and bid for the whole quantity.
pub(crate) fn quoted(b: &mut Book, rfq: &RfqId, dealer: &str, quote: &str, price: &str) {
    let terms = b.rfq(rfq).unwrap().terms.clone();
    let level = Level { price: price.parse().unwrap(), size: terms.quantity };
    let side = |ask| (terms.ask == ask).then_some(level);
    let quote = QuoteMsg {
        legs: vec![],
        rfq: rfq.clone(),
        id: QuoteId::new(quote).unwrap(),
        instrument: terms.instrument.clone(),
        dealer: Some(DealerId::new(dealer).unwrap()),
        bid: side(signet_rfq::Ask::Sell),
        offer: side(signet_rfq::Ask::Buy),
        valid_until: NOW + 60_000,
        tradeable: true,
        at: NOW,
        qualifiers: Qualifiers { price_type: terms.price_type.stated(), ..Qualifiers::default() },
    };
    b.message(AppMessage::Quote(quote), NOW);
}

/// Sends a list; returns the ids of its requests, each of them open.
pub(crate) fn sent(b: &mut Book, text: &str) -> Vec<RfqId> {
    fill(b, text);
    act(b, ListIntent::Send { ttl_s: 60 }).unwrap();
    let n = rows(b).len() as i64;
    let left = turns(b, 0, 2 * n);
    let ids: Vec<RfqId> = left
        .iter()
        .map(|m| match m {
            AppMessage::QuoteRequest(q) => q.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    for (n, id) in ids.iter().enumerate() {
        b.sent_as(n as u64 + 1, &left[n]);
        let instrument = b.rfq(id).unwrap().terms.instrument.to_string();
        opened(b, id, &instrument);
    }
    turns(b, 2 * n, 1);
    ids
}

#[test]
fn every_problem_of_a_row_is_named_at_its_cell() {
    use ListField as F;
    let mut b = book();
    let good = ["buy", "eurusd", "5k", "", "", "1.08", "fund"];
    for (cell, text, want) in [
        (0, "sell", None),
        (0, "B", None),
        (0, "", Some((F::Side, "side.unreadable"))),
        (0, "bid", Some((F::Side, "side.unreadable"))),
        (0, "two-way", Some((F::Limit, "limit.two_way"))),
        (1, "", Some((F::Instrument, "instrument.missing"))),
        (1, "nonsense", Some((F::Instrument, "instrument.unknown"))),
        (1, "usd", Some((F::Instrument, "instrument.several"))),
        (2, "", Some((F::Quantity, "quantity.missing"))),
        (2, "5x", Some((F::Quantity, "quantity.unreadable"))),
        (2, "1", Some((F::Quantity, "quantity.too_small"))),
        (2, "9bn", Some((F::Quantity, "quantity.too_large"))),
        (2, "500.000", Some((F::Quantity, "quantity.two_ways"))),
        (2, " 5.000 ", Some((F::Quantity, "quantity.two_ways"))),
        (2, "5000.000", None),
        (2, "5,000.0000", None),
        (2, "5.000k", None),
        (3, "2w", None),
        (3, "yesterday", Some((F::Settlement, "settlement_date.unreadable"))),
        (4, "ALL", None),
        (4, "northbank, SOUTH", None),
        (4, "Eastbank", Some((F::Dealers, "dealers.unknown"))),
        (4, "NORTH|Northbank", Some((F::Dealers, "dealers.twice"))),
        (4, ",", Some((F::Dealers, "dealers.none"))),
        (5, "", None),
        (5, "1,08", Some((F::Limit, "limit.unreadable"))),
        (5, "1.0000001", Some((F::Limit, "limit.off_tick"))),
        (6, &"x".repeat(501), Some((F::Note, "note.too_long"))),
    ] {
        let mut cells = good;
        cells[cell] = text;
        act(&mut b, ListIntent::Clear).unwrap();
        fill(&mut b, &cells.map(|c| format!("\"{c}\"")).join(","));
        let row = rows(&b).remove(0);
        let got: Vec<_> =
            row.problems.iter().map(|p| (p.field.unwrap(), p.problem.code.as_str())).collect();
        assert_eq!(got, want.into_iter().collect::<Vec<_>>(), "{text:?}");
        let ready = b.list_page(0, 1).summary.ready;
        assert_eq!(ready == 1, want.is_none(), "{text:?}");
    }
}

/// Whoever types a name that is not one dealer's asks nobody.
#[test]
fn a_name_that_two_dealers_have_asks_neither() {
    let mut b = book();
    let dealer = |(id, name): (&str, &str)| DealerState {
        id: DealerId::new(id).unwrap(),
        name: name.into(),
        online: true,
        counters: false,
        parts: false,
    };
    let all = [("NORTH", "Bank"), ("SOUTH", "bank"), ("East", "x"), ("EAST", "y")];
    let (name, practice) = ("Venue".into(), false);
    let dealers = all.map(dealer).to_vec();
    b.message(AppMessage::VenueState(VenueState { name, practice, dealers, at: NOW }), NOW);
    for (cell, want) in [
        ("bank", Some("dealers.unknown")),
        ("Bank (NORTH)", None),
        ("south", None),
        ("east", Some("dealers.several")),
        ("EAST", None),
    ] {
        act(&mut b, ListIntent::Clear).unwrap();
        fill(&mut b, &format!("buy,eurusd,5k,,{cell},1.08,fund"));
        let row = rows(&b).remove(0);
        let got = row.problems.first().map(|p| p.problem.code.as_str());
        assert_eq!(got, want, "{cell}");
    }
}

#[test]
fn every_wrong_cell_is_marked_at_once() {
    let mut b = book();
    fill(&mut b, "bid,nonsense,5x,,Eastbank");
    let fields: Vec<_> = rows(&b)[0].problems.iter().map(|p| p.field.unwrap()).collect();
    use ListField as F;
    assert_eq!(fields, [F::Side, F::Instrument, F::Quantity, F::Dealers]);
}

#[test]
fn a_least_quantity_has_a_cell_of_its_own_and_dealers_are_told() {
    for (cell, want) in [
        ("", Ok(None)),
        ("2k", Ok(Some("2000"))),
        ("5k", Ok(Some("5000"))),
        ("all", Ok(Some("5000"))),
        (" All or none ", Ok(Some("5000"))),
        ("AON", Ok(Some("5000"))),
        ("6k", Err("minimum.too_large")),
        ("0", Err("quantity.not_positive")),
        ("some", Err("quantity.unreadable")),
    ] {
        let mut b = book();
        fill(&mut b, &format!("side,pair,qty,at least\nbuy,eurusd,5k,{cell}"));
        let row = rows(&b).remove(0);
        let got: Vec<_> = row.problems.iter().map(|p| (p.field, p.problem.code.as_str())).collect();
        let least = match want {
            Ok(least) => least,
            Err(code) => {
                assert_eq!(got, [(Some(ListField::Least), code)], "{cell}");
                continue;
            }
        };
        assert!(got.is_empty(), "{cell}: {got:?}");
        act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
        let left = turns(&mut b, 0, 2);
        let [AppMessage::QuoteRequest(q)] = &left[..] else { panic!("{left:?}") };
        assert_eq!(q.min_quantity.map(|q| q.to_string()).as_deref(), least, "{cell}");
    }
    let mut b = book();
    fill(&mut b, "side,pair,qty,limit,least\nbuy,eurusd,5k,x,9k");
    let fields: Vec<_> = rows(&b)[0].problems.iter().filter_map(|p| p.field).collect();
    assert_eq!(fields, [ListField::Limit, ListField::Least], "both at once");
}

#[test]
fn a_wrong_row_is_corrected_in_place_and_then_the_list_is_sent() {
    let mut b = book();
    fill(&mut b, "buy,eurusd,5k\nsell,gbpusd,5x\nbuy,gbpusd,7k");
    assert_eq!(act(&mut b, ListIntent::Send { ttl_s: 60 }), Err("list.wrong".into()));
    assert!(turns(&mut b, 0, 10).is_empty(), "nothing leaves");
    let key = rows(&b)[1].key;
    let edit =
        |text: &str| ListIntent::Edit { key, field: ListField::Quantity, text: text.to_owned() };
    act(&mut b, edit("6k")).unwrap();
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    let left = turns(&mut b, 0, 20);
    let quantities: Vec<String> = left
        .iter()
        .map(|m| match m {
            AppMessage::QuoteRequest(q) => {
                assert_eq!((q.dealers.len(), q.expires.since(q.at)), (2, 60_000));
                q.quantity.to_string()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(quantities, ["5000", "6000", "7000"], "one R for each row, in their order");
    assert_eq!(b.list_page(0, 0).summary.run, ListRun::Idle, "every row had its turn");
    assert_eq!(act(&mut b, edit("8k")), Err("list.busy".into()));
}

#[test]
fn rows_leave_one_after_the_other() {
    let mut b = book();
    fill(&mut b, &"buy,eurusd,5k\n".repeat(5));
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    let per_turn: Vec<usize> = (0..10).map(|t| b.tick(NOW + t * 100).len()).collect();
    assert_eq!(per_turn, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn a_long_list_waits_for_room_and_goes_on_when_there_is_some() {
    let mut b = book();
    fill(&mut b, &"buy,eurusd,5k\n".repeat(120));
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    let first: Vec<RfqId> = turns(&mut b, 0, 300)
        .iter()
        .map(|m| match m {
            AppMessage::QuoteRequest(q) => q.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(first.len(), 100);
    assert!(!b.list_page(0, 0).summary.text.is_empty(), "it says why it waits");
    // Two of them end.
    for id in &first[..2] {
        let reject = BusinessReject {
            ref_seq_num: None,
            ref_msg_type: "R".into(),
            ref_id: Some(id.to_string()),
            reason: 0,
            text: Some("no".into()),
        };
        b.message(AppMessage::BusinessReject(reject), NOW);
    }
    assert_eq!(turns(&mut b, 300, 20).len(), 2);
    let s = b.list_page(0, 0).summary;
    assert_eq!((s.open, s.without, s.pending, s.sent), (100, 2, 18, 102));
}

#[test]
fn a_refused_row_does_not_stop_the_others() {
    let mut b = book();
    fill(&mut b, "buy,eurusd,5k,,NORTH\nbuy,gbpusd,5k,,SOUTH\nbuy,gbpusd,6k,,NORTH");
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    let mut left = turns(&mut b, 0, 1);
    // A dealer is off the list before the second row has its turn.
    let AppMessage::VenueState(mut v) = venue([true, true]) else { panic!() };
    v.dealers.pop();
    b.message(AppMessage::VenueState(v), NOW);
    left.extend(turns(&mut b, 1, 10));
    assert_eq!(left.len(), 2);
    let all = rows(&b);
    assert_eq!(states(&b), [ListState::Sending, ListState::Refused, ListState::Sending]);
    assert!(all[1].text.starts_with("Not sent: SOUTH is not a dealer"), "{}", all[1].text);
    assert_eq!(act(&mut b, ListIntent::Again { key: all[1].key }), Ok(()));
    assert_eq!(states(&b)[1], ListState::Draft);
}

#[test]
fn after_a_lost_link_nothing_leaves_without_the_traders_word() {
    // A tick may come between, or not: the link may be back before.
    for ticks in [0, 5] {
        let mut b = book();
        fill(&mut b, &"buy,eurusd,5k\n".repeat(4));
        act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
        assert_eq!(turns(&mut b, 0, 1).len(), 1);
        b.link(NOW, |s| s.state = LinkState::Connecting);
        b.link_lost();
        assert!(turns(&mut b, 1, ticks).is_empty());
        let resume = act(&mut b, ListIntent::Resume);
        assert_eq!(resume, Err("link.offline".into()));
        life_tests::snapshot(&mut b, &[]);
        b.link(NOW, |s| s.state = LinkState::Online);
        assert!(b.online());
        assert!(turns(&mut b, 10, 20).is_empty(), "{ticks}");
        assert_eq!(b.list_page(0, 0).summary.run, ListRun::Paused);
        // What is pasted meanwhile does not take the old rows with it.
        fill(&mut b, "buy,eurusd,6k");
        assert_eq!(act(&mut b, ListIntent::Send { ttl_s: 60 }), Err("list.paused".into()));
        assert!(turns(&mut b, 30, 5).is_empty());
        act(&mut b, ListIntent::Resume).unwrap();
        assert_eq!(turns(&mut b, 40, 20).len(), 3);
    }
}

#[test]
fn a_list_that_was_sent_is_not_paused_by_a_lost_link() {
    let mut b = book();
    fill(&mut b, "buy,eurusd,5k");
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    assert_eq!(turns(&mut b, 0, 1).len(), 1);
    b.link(NOW, |s| s.state = LinkState::Connecting);
    b.link_lost();
    turns(&mut b, 1, 2);
    assert_eq!(b.list_page(0, 0).summary.run, ListRun::Idle);
}

#[test]
fn while_an_answer_is_overdue_nothing_leaves_and_then_it_goes_on() {
    let mut b = book();
    fill(&mut b, &"buy,eurusd,5k\n".repeat(3));
    act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
    turns(&mut b, 0, 1);
    b.doubt(NOW, true);
    assert!(turns(&mut b, 1, 20).is_empty());
    b.doubt(NOW, false);
    assert_eq!(turns(&mut b, 21, 20).len(), 2);
}

#[test]
fn stopping_everything_stops_the_list_too() {
    for stop in [true, false] {
        let mut b = book();
        fill(&mut b, &"buy,eurusd,5k\n".repeat(3));
        act(&mut b, ListIntent::Send { ttl_s: 60 }).unwrap();
        turns(&mut b, 0, 1);
        if stop {
            act(&mut b, ListIntent::Stop).unwrap();
        } else {
            b.stop_all(NOW);
        }
        assert!(turns(&mut b, 1, 20).is_empty());
        assert_eq!(states(&b)[1..], [ListState::Stopped; 2]);
    }
}

#[test]
fn each_row_shows_how_its_request_stands() {
    let mut b = book();
    let ids = sent(&mut b, "buy,eurusd,5k,,,1.08002\nsell,gbpusd,5k,,,1.30\nbuy,eurusd,6k");
    assert_eq!(states(&b), [ListState::Open; 3]);
    quoted(&mut b, &ids[0], "NORTH", "q1", "1.08");
    quoted(&mut b, &ids[0], "SOUTH", "q2", "1.08001");
    quoted(&mut b, &ids[1], "SOUTH", "q3", "1.29999");
    quoted(&mut b, &ids[2], "SOUTH", "q4", "1.09");
    turns(&mut b, 20, 1);
    let shown: Vec<_> = rows(&b)
        .into_iter()
        .map(|r| (r.state, r.price.unwrap(), r.dealer.unwrap(), r.away, r.within))
        .collect();
    let quoted_at = |price: &str, dealer: &str, away: Option<&str>, within| {
        (ListState::Quoted, price.into(), dealer.into(), away.map(Into::into), within)
    };
    assert_eq!(
        shown,
        [
            quoted_at("1.08000", "Northbank", Some("-2"), true),
            quoted_at("1.29999", "South Bank", Some("+1"), false),
            quoted_at("1.09000", "South Bank", None, false),
        ]
    );
    let s = b.list_page(0, 0).summary;
    assert_eq!((s.open, s.quoted, s.within), (3, 3, 1));
    // Time goes by.
    turns(&mut b, 700, 1);
    assert_eq!(states(&b), [ListState::Expired; 3]);
    assert_eq!(act(&mut b, ListIntent::Clear), Ok(()));
}

#[test]
fn a_request_that_left_the_screen_has_ended() {
    let mut b = book();
    let ids = sent(&mut b, "buy,eurusd,5k");
    b.cancel(ids[0].as_str()).unwrap();
    let ended = QuoteStatusReport::of_rfq(
        ids[0].clone(),
        InstrumentId::new("EUR/USD").unwrap(),
        RfqStatus::Cancelled,
        None,
    );
    b.message(AppMessage::QuoteStatusReport(ended), NOW);
    b.dismiss(ids[0].as_str()).unwrap();
    turns(&mut b, 20, 1);
    assert_eq!(states(&b), [ListState::Ended]);
}

#[test]
fn a_frame_says_when_the_list_changed_and_another_identity_has_another() {
    let mut b = book();
    let seq = b.pull(0, &[], NOW).seq as u64;
    assert_eq!(b.pull(seq, &[], NOW).list, None, "unchanged");
    fill(&mut b, "buy,eurusd,5k");
    let frame = b.pull(seq, &[], NOW);
    assert_eq!(frame.list.unwrap().rows, 1);
    b.begin(crate::blotter::Blotter::default());
    assert_eq!(b.pull(frame.seq as u64, &[], NOW).list.unwrap().rows, 0);
}
