use super::*;
use crate::insight::{
    tally::tests::{accept, pass, quote, report, request},
    timeline::tests::{received, sent},
};
use proptest::prelude::*;
use signet_fix::{
    AppMessage,
    message::{ExecType, OrdStatus, SnapshotMark},
};
use signet_history::{Chain, Moment};

const T0: i64 = 1_795_219_200_000;
const DEALERS: [&str; 3] = ["A", "B", "C"];

/// Something that a history may have, of one of three RFQs and dealers.
fn what(kind: u8, rfq: &str, dealer: &str, at_ms: i64) -> What {
    let ended = |kind, status| AppMessage::ExecutionReport(report(rfq, Some(dealer), kind, status));
    match kind {
        0 => sent(&request(rfq, at_ms, &DEALERS[..2])),
        1 => sent(&accept(rfq, dealer, at_ms)),
        2 | 3 => received(&quote(rfq, dealer)),
        4 | 5 => received(&pass(rfq, dealer)),
        6 => received(&ended(ExecType::Trade, OrdStatus::Filled)),
        7 => received(&ended(ExecType::Rejected, OrdStatus::Rejected)),
        8 => received(&AppMessage::Snapshot(SnapshotMark::Begin)),
        _ => received(&AppMessage::Snapshot(SnapshotMark::End)),
    }
}

#[derive(Debug, Default)]
struct History {
    chain: Chain,
    records: Vec<Record>,
}

impl History {
    fn add(&mut self, at_ms: i64, what: What) {
        let m = Moment { at_ms, run_us: 0, offset_ms: Some(-700) };
        let bytes = self.chain.next(m, what);
        self.chain.push(&bytes);
        self.records.push(Record::read(&bytes).unwrap());
    }
}

/// The same from all messages, one after the other, with nothing left out and no files.
fn scanned(records: &[Record], from_ms: i64, before_ms: i64) -> Tally {
    let (mut tally, mut told) = (Tally::default(), Told::Live);
    for r in records.iter().filter(|r| r.at_ms < before_ms) {
        match &r.what {
            What::Sent { frame, msg } if msg != "R" || r.at_ms >= from_ms => {
                tally.sent(&message(frame).unwrap());
            }
            What::Received { frame, .. } => match message(frame).unwrap() {
                AppMessage::Snapshot(SnapshotMark::Begin) => told = Told::Again,
                AppMessage::Snapshot(SnapshotMark::End) => told = Told::Live,
                m => tally.heard(&m, r.venue_ms(), told),
            },
            _ => {}
        }
    }
    tally
}

/// From files that end before these places, each as it was stored.
fn from_files(records: &[Record], ends: &[usize], from_ms: i64, before_ms: i64) -> Tally {
    let mut ends: Vec<usize> = ends.iter().map(|end| end % (records.len() + 1)).collect();
    ends.extend([0, records.len()]);
    ends.sort_unstable();
    let mut out = Tallying::between(from_ms, before_ms);
    for pair in ends.windows(2) {
        let part = Part::of(&records[pair[0]..pair[1]]);
        let stored = Part::read(&part.to_bytes()).unwrap();
        assert_eq!(stored, part);
        out.take(&stored);
    }
    out.done()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Wherever the files end: in an RFQ, in a snapshot, between an accept and its answer.
    #[test]
    fn what_the_files_say_is_what_all_messages_say(
        all in proptest::collection::vec((0u8..10, 0usize..3, 0usize..3, 0i64..900), 0..60),
        ends in proptest::collection::vec(any::<usize>(), 0..8),
        from in prop::option::of(0i64..9_000),
        before in prop::option::of(0i64..30_000),
    ) {
        let (mut history, mut at_ms) = (History::default(), T0);
        for (kind, rfq, dealer, later_ms) in all {
            at_ms += later_ms;
            history.add(at_ms, what(kind, ["R1", "R2", "R3"][rfq], DEALERS[dealer], at_ms));
        }
        let from_ms = from.map_or(i64::MIN, |ms| T0 + ms);
        let before_ms = before.map_or(i64::MAX, |ms| T0 + ms);
        let records = &history.records;
        let found = from_files(records, &ends, from_ms, before_ms);
        prop_assert_eq!(found.turns(), scanned(records, from_ms, before_ms).turns());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Part::read(&bytes);
    }
}

/// An RFQ that is asked in one file, quoted in the next and dealt in the third is one RFQ.
#[test]
fn an_rfq_that_spans_files_is_counted_once_with_its_times() {
    let mut history = History::default();
    history.add(T0, sent(&request("R1", T0, &["A"])));
    history.add(T0 + 1_200, received(&quote("R1", "A")));
    history.add(T0 + 2_000, sent(&accept("R1", "A", T0 + 2_000)));
    let filled = report("R1", Some("A"), ExecType::Trade, OrdStatus::Filled);
    history.add(T0 + 3_000, received(&AppMessage::ExecutionReport(filled)));
    let mut found = from_files(&history.records, &[1, 2, 3], T0, i64::MAX);
    let a = found.records()["A"];
    assert_eq!((a.asked, a.answered, a.hits), (1, 1, 1));
    assert_eq!((a.median_response_ms, a.median_hold_ms), (Some(500), Some(300)));
}

/// A dealer decides how often it quotes, and a part must not grow with it.
#[test]
fn a_flood_of_quotes_and_passes_leaves_a_few_facts() {
    let mut history = History::default();
    history.add(T0, sent(&request("R1", T0, &["A"])));
    for n in 0..200 {
        history.add(T0 + n, received(&pass("R1", "A")));
        history.add(T0 + n, received(&quote("R1", "A")));
        let filled = report("R1", Some("A"), ExecType::Trade, OrdStatus::Filled);
        history.add(T0 + n, received(&AppMessage::ExecutionReport(filled)));
    }
    assert_eq!(Part::of(&history.records).facts.len(), 4);
}

#[test]
fn a_part_of_another_version_or_form_is_none() {
    let row = |row: &str| {
        format!(r#"{{"v":1,"told":0,"base_ms":5,"names":["R1","A","R1:1"],"rows":[{row}]}}"#)
    };
    for (text, good) in [
        (row("[0,1,0,0,0,1]"), true),
        (row("[1,1,0,0,0,2,1]"), true),
        (row("[2,0,0,0,0,1]"), true),
        (row("[5,2,0,0,0,2,1]"), true),
        (row("[0,1,0,0]"), false),
        (row("[2,0,0,0,0,1,1]"), false),
        (row("[2,0,0,0,0,3]"), false),
        (row("[2,0,0,0,-1,1]"), false),
        (row("[2,3,0,0,0,1]"), false),
        (row("[6,0,0,0,0,1]"), false),
        (row("").replace("\"v\":1", "\"v\":2"), false),
        (row("").replace("\"told\":0", "\"told\":7"), false),
        (String::new(), false),
    ] {
        assert_eq!(Part::read(text.as_bytes()).is_some(), good, "{text}");
    }
}
