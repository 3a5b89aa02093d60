use super::*;
use crate::router::{DealerSettings, DeskSettings};
use signet_fix::message::QuoteRequest;
use signet_rfq::{Ask, AssetClass, Catalogue, Instrument, InstrumentId};
use std::collections::BTreeSet;

const T0: UtcMillis = UtcMillis(1_795_219_200_000);
/// Ended RFQs without a trade are forgotten after a quarter of an hour.
const LATER: UtcMillis = UtcMillis(T0.0 + 20 * 60_000);

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn desk() -> CompId {
    CompId::new("ALICE").unwrap()
}

fn dealer() -> DealerId {
    DealerId::new("N").unwrap()
}

fn router() -> Router {
    let pair = Instrument {
        id: InstrumentId::new("EUR/USD").unwrap(),
        symbol: "EUR/USD".into(),
        name: "Euro".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: rust_decimal::Decimal::new(1, 5),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 1_000_000.into(),
        settlement: "spot".into(),
    };
    let desks = [DeskSettings { id: desk(), dealers: BTreeSet::new() }];
    let dealers = [DealerSettings { id: dealer(), name: "N".into() }];
    Router::new("Venue".into(), false, Catalogue::new([pair]).unwrap(), desks, dealers)
}

/// Asks and cancels `count` times, each written down.
fn trade(journal: &mut Journal, router: &mut Router, from: usize, count: usize, at: UtcMillis) {
    for n in from..from + count {
        let id = RfqId::new(format!("R{n}")).unwrap();
        let request = AppMessage::QuoteRequest(QuoteRequest {
            id: id.clone(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            ask: Ask::Buy,
            quantity: 1_000.into(),
            currency: "EUR".into(),
            settlement_date: "20261124".into(),
            dealers: vec![dealer()],
            expires: at + 60_000,
            at,
        });
        for message in [request, AppMessage::RfqCancel { rfq: id, text: None }] {
            let input = Input::FromDesk(desk(), message);
            journal.record(at, &input, router).unwrap();
            router.handle(at, input);
        }
    }
}

#[test]
fn what_is_forgotten_leaves_the_file_and_what_is_not_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut r = router();
    let mut journal = Journal::open(&path, &key(), &mut r).unwrap();
    trade(&mut journal, &mut r, 0, 100, T0);
    journal.look_at = journal.log.len();
    r.handle(LATER, Input::Tick);
    trade(&mut journal, &mut r, 100, 3, LATER);
    let full = journal.log.len();
    journal.tidy(&r).unwrap();
    assert!(journal.log.len() * 10 < full, "{} of {full}", journal.log.len());
    assert_eq!((journal.records.len(), journal.look_at), (3, REWRITE_ABOVE_BYTES));
    drop(journal);
    let mut again = router();
    Journal::open(&path, &key(), &mut again).unwrap();
    let known = |n: usize| again.remembers(&RfqId::new(format!("ALICE.R{n}")).unwrap());
    assert_eq!([99, 100, 102].map(known), [false, true, true]);
}

#[test]
fn a_file_that_is_still_needed_is_looked_at_again_only_when_it_has_grown() {
    let dir = tempfile::tempdir().unwrap();
    let mut r = router();
    let mut journal = Journal::open(&dir.path().join("rfqs.journal"), &key(), &mut r).unwrap();
    trade(&mut journal, &mut r, 0, 100, T0);
    journal.look_at = journal.log.len();
    journal.tidy(&r).unwrap();
    let full = journal.log.len();
    assert_eq!(journal.look_at, full + full / 4);
    // All of it could go now, and does once the file has grown by a quarter.
    r.handle(LATER, Input::Tick);
    journal.tidy(&r).unwrap();
    assert_eq!((journal.log.len(), journal.records.len()), (full, 100));
    trade(&mut journal, &mut r, 100, 30, LATER);
    journal.tidy(&r).unwrap();
    assert!(journal.log.len() < full / 2);
}

/// `tests/fixtures/journal-1.log` was written by Signet 0.1 (commit c07a2fe): two RFQs asked and
/// cancelled, and R9 asked and quoted.
#[test]
fn a_journal_of_every_earlier_format_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    std::fs::write(&path, include_bytes!("../tests/fixtures/journal-1.log")).unwrap();
    for _ in 0..2 {
        let mut again = router();
        Journal::open(&path, &key(), &mut again).unwrap();
        let known = |n: &str| again.remembers(&RfqId::new(format!("ALICE.{n}")).unwrap());
        assert_eq!(["R0", "R1", "R9", "R2"].map(known), [true, true, true, false]);
    }
}

#[test]
fn no_changed_bit_of_a_journal_is_read_as_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rfqs.journal");
    let mut r = router();
    let mut journal = Journal::open(&path, &key(), &mut r).unwrap();
    trade(&mut journal, &mut r, 0, 1, T0);
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).unwrap();
        let opened = Journal::open(&path, &key(), &mut router());
        assert!(matches!(&opened, Err(JournalError::Log(e)) if e.is_damage()), "byte {at}: {opened:?}");
    }
}
