use super::*;
use signet_rfq::{AssetClass, InstrumentId};

fn part(request: &str, ids: &[String], last: bool) -> SecurityList {
    SecurityList {
        request: RfqId::new(request).expect("an id"),
        last,
        instruments: ids.iter().map(|id| pair(id)).collect(),
    }
}

fn pair(id: &str) -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new(id).expect("an id"),
        symbol: "one name".into(),
        name: "one name".into(),
        asset_class: AssetClass::FxSpot,
        currency: "EUR".into(),
        price_decimals: 5,
        price_unit: "USD per EUR".into(),
        tick: "0.00001".parse().expect("a number"),
        lot: 1.into(),
        min_quantity: 1.into(),
        max_quantity: 1_000.into(),
        settlement: "spot".into(),
        price_format: Default::default(),
    }
}

fn ids(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(|n| format!("P{n}/Q")).collect()
}

#[test]
fn a_list_comes_in_parts_and_names_may_repeat_where_ids_do_not() {
    let mut incoming = IncomingCatalogue::default();
    assert_eq!(incoming.take(part("1", &ids(0, 50), false)), Ok(None));
    let whole = incoming.take(part("1", &ids(50, 3), true)).expect("good").expect("whole");
    assert_eq!(whole.len(), 53);
    assert!(incoming.parts.is_empty());
}

#[test]
fn a_list_that_broke_off_leaves_nothing_to_the_next() {
    let mut incoming = IncomingCatalogue::default();
    assert_eq!(incoming.take(part("1", &ids(0, 50), false)), Ok(None));
    // The link went, and the next connection asks again: the same instruments come.
    assert_eq!(incoming.take(part("2", &ids(0, 50), false)), Ok(None));
    assert_eq!(
        incoming.take(part("2", &ids(50, 1), true)).map(|c| c.map(|c| c.len())),
        Ok(Some(51))
    );
}

#[test]
fn a_list_without_an_end_is_refused_once_and_kept_nowhere() {
    let mut incoming = IncomingCatalogue::default();
    let mut refusals = 0;
    for n in 0..600 {
        refusals += usize::from(incoming.take(part("1", &ids(n * 50, 50), false)).is_err());
        assert!(incoming.parts.len() <= MAX_INSTRUMENTS);
    }
    assert_eq!((refusals, incoming.parts.capacity()), (1, 0));
    // Another list is taken again.
    assert!(matches!(incoming.take(part("2", &ids(0, 1), true)), Ok(Some(_))));
}
