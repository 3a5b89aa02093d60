use super::*;
use crate::{
    blotter::Blotter,
    view::{Behind, BlotterTab, Frame, NoticeKind},
};
use notices::MAX_NOTICES;
use signet_fix::message::{
    AppMessage, DealerState, ListDigest, QuoteCancel, SecurityList, SecurityListRequest,
    SnapshotMark, VenueState,
};
use signet_rfq::{self as rfq, DealerId, InstrumentId, QuoteId, Terms};

const NOW: UtcMillis = UtcMillis(1_000_000);

/// A book with two open RFQs, and what its page pulled so far.
fn two_rfqs() -> (Book, u64) {
    let mut book = Book::new(Ids::new(NOW, 1), NOW);
    for id in ["A", "B"] {
        let rfq = Rfq::new(Terms {
            min_quantity: None,
            price_type: signet_rfq::PriceType::Price,
            legs: vec![],
            id: RfqId::new(id).expect("an id"),
            instrument: InstrumentId::new("EUR/USD").expect("an instrument"),
            ask: rfq::Ask::Buy,
            quantity: 1.into(),
            currency: "EUR".into(),
            settlement_date: "20261124".into(),
            dealers: vec![DealerId::new("NORTH").expect("a dealer")],
            expires: NOW + 60_000,
            created: NOW,
        });
        book.screen.place(rfq, &mut book.frames);
    }
    let seq = book.pull(0, &[], NOW).seq as u64;
    (book, seq)
}

fn change(book: &mut Book, id: &str) {
    let item = book.screen.get_mut(&RfqId::new(id).expect("an id")).expect("on screen");
    item.rfq.refuse("no".into());
    item.dirty = true;
}

fn behind(id: &str, since: u64, send: bool) -> [Behind; 1] {
    [Behind { rfq_id: id.into(), since: since as f64, send }]
}

fn heads(frame: &Frame) -> Vec<&str> {
    frame.rfqs.iter().map(|r| r.id.as_str()).collect()
}

#[test]
fn a_notice_shows_a_peers_words_as_what_they_are() {
    let (mut book, seq) = two_rfqs();
    book.session_reject(7, "35=R: bad\u{202e}\nOK", NOW);
    let told = book.pull(seq, &[], NOW).notices;
    let text = &told.last().expect("a notice").text;
    assert!(text.contains("35=R: bad\u{fffd} OK"), "{text:?}");
}

#[test]
fn what_became_of_a_request_is_told_whether_the_page_sees_it_or_not() {
    let (mut book, seq) = two_rfqs();
    change(&mut book, "A");
    change(&mut book, "B");
    let first = book.pull(seq, &behind("B", seq, false), NOW);
    assert_eq!((heads(&first), first.withheld), (vec!["A", "B"], false));
    let none = book.pull(first.seq as u64, &behind("B", seq, false), NOW);
    assert_eq!((heads(&none), none.withheld), (vec![], false));
    let caught_up = book.pull(first.seq as u64, &behind("B", seq, true), NOW);
    assert_eq!((heads(&caught_up), caught_up.withheld), (vec!["B"], false));
    assert!(
        heads(&book.pull(first.seq as u64, &behind("B", caught_up.seq as u64, false), NOW))
            .is_empty()
    );
}

#[test]
fn after_a_restart_a_line_that_was_withdrawn_is_not_one_that_never_answered() {
    let cancel = || {
        AppMessage::QuoteCancel(QuoteCancel {
            rfq: RfqId::new("A").ok(),
            quote: QuoteId::new("q").ok(),
            instrument: None,
            dealer: DealerId::new("NORTH").ok(),
            unreachable: false,
        })
    };
    let state = |book: &Book| {
        book.rfq(&RfqId::new("A").expect("an id")).expect("on screen").lines[0].state.clone()
    };
    let (mut book, _) = two_rfqs();
    book.message(cancel(), NOW);
    assert_eq!(
        state(&book),
        rfq::LineState::Asked,
        "outside a snapshot it names a quote that nobody saw"
    );
    book.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
    book.message(cancel(), NOW);
    assert_eq!(state(&book), rfq::LineState::Withdrawn);
}

#[test]
fn rows_of_a_time_without_a_catalogue_get_their_names_when_it_comes() {
    let (mut book, _) = two_rfqs();
    let id = RfqId::new("A").expect("an id");
    book.blot_rfq(&id);
    let symbol =
        |book: &Book| book.records.blotter.get(BlotterTab::Rfqs, "A").map(|r| r.symbol.clone());
    assert_eq!(symbol(&book).as_deref(), Some("EUR/USD"));
    let instrument = rfq::Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new("EUR/USD").expect("an instrument"),
        symbol: "Euro dollar".into(),
        name: "Euro dollar".into(),
        asset_class: rfq::AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().expect("a number"),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    };
    let list = SecurityList { request: id, last: true, instruments: vec![instrument] };
    book.message(AppMessage::SecurityList(list), NOW);
    assert_eq!(symbol(&book).as_deref(), Some("Euro dollar"));
}

#[test]
fn a_dealer_that_is_named_twice_is_one_dealer() {
    let (mut book, _) = two_rfqs();
    let dealer = |name: &str| DealerState {
        id: DealerId::new("NORTH").expect("a dealer"),
        name: name.into(),
        online: true,
        counters: false,
        parts: false,
    };
    let dealers = vec![dealer("Northbank"), dealer("Another")];
    book.message(
        AppMessage::VenueState(VenueState {
            name: String::new(),
            practice: false,
            dealers,
            at: NOW,
        }),
        NOW,
    );
    assert_eq!(
        book.reference().dealers.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(),
        ["Northbank"]
    );
}

#[test]
fn a_bad_notice_is_pushed_out_by_bad_ones_only() {
    let (mut book, _) = two_rfqs();
    book.tell(NoticeKind::Bad, "execution.mismatch", "call".into(), NOW);
    for n in 0..3 * MAX_NOTICES {
        book.tell(NoticeKind::Plain, "rfq.ended", format!("{n}"), NOW);
    }
    assert_eq!(book.notices.codes().len(), MAX_NOTICES);
    // A page that starts over is told again what is bad, and only that.
    let codes: Vec<String> = book.pull(0, &[], NOW).notices.into_iter().map(|n| n.code).collect();
    assert_eq!(codes, ["execution.mismatch"]);
}

#[test]
fn nothing_is_withheld_that_did_not_change() {
    let (mut book, seq) = two_rfqs();
    change(&mut book, "A");
    assert!(!book.pull(seq, &behind("B", seq, false), NOW).withheld);
}

#[test]
fn a_whole_frame_withholds_nothing() {
    let (mut book, seq) = two_rfqs();
    let whole = book.pull(0, &behind("B", seq, false), NOW);
    assert_eq!((heads(&whole), whole.whole, whole.withheld), (vec!["A", "B"], true, false));
}

#[test]
fn a_page_that_names_nonsense_gets_everything_of_it() {
    let (mut book, seq) = two_rfqs();
    for since in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        let nonsense = [
            Behind { rfq_id: "B".into(), since, send: true },
            Behind { rfq_id: "no such".into(), since, send: true },
        ];
        assert_eq!(heads(&book.pull(seq, &nonsense, NOW)), ["B"]);
    }
}

/// The desk is logged on, and asks for the list.
fn list_asked(book: &mut Book) -> SecurityListRequest {
    match book.list_request(NOW) {
        Some(AppMessage::SecurityListRequest(x)) => x,
        other => panic!("{other:?}"),
    }
}

/// A list that the gateway sends, and the digest that it has for it.
fn list_of(all: Vec<rfq::Instrument>) -> (ListDigest, impl Fn(&RfqId) -> AppMessage) {
    let digest = ListDigest::of(&rfq::Catalogue::new(all.iter().cloned()).expect("good ones"));
    let message = move |request: &RfqId| {
        let (request, instruments) = (request.clone(), all.clone());
        AppMessage::SecurityList(SecurityList { request, last: true, instruments })
    };
    (digest, message)
}

fn unchanged(request: &RfqId) -> AppMessage {
    AppMessage::SecurityListUnchanged { request: request.clone() }
}

#[test]
fn a_list_that_is_unchanged_stays_in_use() {
    let other = rfq::Instrument { name: "Euro dollar".into(), ..rfq::test_double::eur_usd() };
    for all in [vec![], vec![rfq::test_double::eur_usd()]] {
        let (mut book, _) = two_rfqs();
        let (digest, whole) = list_of(all);
        let first = list_asked(&mut book);
        assert_eq!(first.digest, None, "there is none yet");
        assert!(book.message(whole(&first.id), NOW).is_empty());
        let before = book.catalogue();
        for _ in 0..2 {
            book.link_lost();
            let again = list_asked(&mut book);
            assert_eq!(again.digest.as_ref(), Some(&digest));
            let seq = book.pull(0, &[], NOW).seq as u64;
            assert!(book.message(unchanged(&again.id), NOW).is_empty());
            assert!(Arc::ptr_eq(&before, &book.catalogue()), "no other index is made");
            assert!(book.pull(seq, &[], NOW).reference_changed, "as if it had come");
        }
        assert!(book.notices.codes().is_empty());

        // Another list is the one that is named from then on.
        book.link_lost();
        let (next, whole) = list_of(vec![other.clone()]);
        let again = list_asked(&mut book);
        assert_eq!(again.digest, Some(digest));
        assert!(book.message(whole(&again.id), NOW).is_empty());
        assert_eq!(book.reference().instruments, 1);
        book.link_lost();
        assert_eq!(list_asked(&mut book).digest, Some(next));

        // Another identity, or another venue.
        book.begin(Blotter::default());
        assert_eq!(list_asked(&mut book).digest, None);
    }
}

/// The gateway keeps back a list that this desk did not say that it has.
#[test]
fn a_list_that_is_not_here_is_asked_for_once_more_and_told() {
    let own = |x: &SecurityListRequest| x.id.clone();
    let of_another = |_: &SecurityListRequest| RfqId::new("of another").expect("an id");
    type Named = dyn Fn(&SecurityListRequest) -> RfqId;
    let table: [(&str, bool, &Named); 3] = [
        ("it has none", false, &own),
        ("it has none, and did not ask so", false, &of_another),
        ("it did not ask so", true, &of_another),
    ];
    for (case, has_list, named) in table {
        let (mut book, _) = two_rfqs();
        let (digest, whole) = list_of(vec![rfq::test_double::eur_usd()]);
        if has_list {
            let first = list_asked(&mut book);
            book.message(whole(&first.id), NOW);
            book.link_lost();
        }
        for logon in 1..3 {
            let asked = list_asked(&mut book);
            assert_eq!(asked.digest, has_list.then(|| digest.clone()), "{case}");
            let answers = book.message(unchanged(&named(&asked)), NOW);
            let [AppMessage::SecurityListRequest(again)] = answers.as_slice() else {
                panic!("{case}: {answers:?}")
            };
            assert!(again.digest.is_none() && again.id != asked.id, "{case}");
            // Once: whatever it says so about.
            for request in [&again.id, &asked.id] {
                assert!(book.message(unchanged(request), NOW).is_empty(), "{case}");
            }
            assert_eq!(book.notices.codes(), vec!["catalogue.unusable"; logon], "{case}");
            assert_eq!(book.reference().instruments, u32::from(has_list), "{case}");
            book.link_lost();
        }
        let asked = list_asked(&mut book);
        let answers = book.message(unchanged(&named(&asked)), NOW);
        let [AppMessage::SecurityListRequest(again)] = answers.as_slice() else {
            panic!("{case}: {answers:?}")
        };
        assert!(book.message(whole(&again.id), NOW).is_empty());
        assert_eq!(book.reference().instruments, 1, "{case}");
    }
}

/// An answer counts once, and for the connection on which it was asked.
#[test]
fn an_answer_that_comes_again_or_late_keeps_nothing() {
    let (mut book, _) = two_rfqs();
    let (_, whole) = list_of(vec![rfq::test_double::eur_usd()]);
    let first = list_asked(&mut book);
    book.message(whole(&first.id), NOW);
    // It is asked for, came, and is not what the answer to a digest could be.
    assert_eq!(book.message(unchanged(&first.id), NOW).len(), 1);
    book.link_lost();
    let named = list_asked(&mut book);
    assert!(book.message(unchanged(&named.id), NOW).is_empty());
    assert_eq!(book.message(unchanged(&named.id), NOW).len(), 1);
    book.link_lost();
    list_asked(&mut book);
    book.link_lost();
    assert_eq!(book.message(unchanged(&named.id), NOW).len(), 1, "nothing is asked");
    assert_eq!(book.reference().instruments, 1);
}
