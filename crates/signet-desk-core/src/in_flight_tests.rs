use super::*;
use signet_journal::disk;
use signet_rfq::{Ask, DealerId, InstrumentId, QuoteId, RfqId, Side, UtcMillis};

fn accept(n: u32) -> (Accept, Terms) {
    let rfq = RfqId::new(format!("R{n}")).unwrap();
    let instrument = InstrumentId::new("EUR/USD").unwrap();
    let dealer = DealerId::new("NORTH").unwrap();
    let accept = Accept {
        part_of: None,
        legs: vec![],
        id: AcceptId::new(format!("R{n}:1")).unwrap(),
        rfq: rfq.clone(),
        dealer: dealer.clone(),
        quote: QuoteId::new("q1").unwrap(),
        instrument: instrument.clone(),
        side: Side::Buy,
        price: "1.08345".parse().unwrap(),
        quantity: "5000000".parse().unwrap(),
        limit: None,
    };
    let terms = Terms {
        min_quantity: None,
        price_type: signet_rfq::PriceType::Price,
        legs: vec![],
        id: rfq,
        instrument,
        ask: Ask::Buy,
        quantity: "5000000".parse().unwrap(),
        currency: "EUR".into(),
        settlement_date: "20261124".into(),
        dealers: vec![dealer],
        expires: UtcMillis(60_000),
        created: UtcMillis(0),
    };
    (accept, terms)
}

#[test]
fn what_has_no_answer_is_there_after_a_restart_word_for_word() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("a"), StoreKey::new([1; 32]));
    let mut kept = InFlight::open(&path, &key).unwrap();
    for n in 1..4 {
        let (a, t) = accept(n);
        kept.sent(&a, &t).unwrap();
    }
    kept.answered(&accept(2).0.id);
    drop(kept);
    for _ in 0..2 {
        let kept = InFlight::open(&path, &key).unwrap();
        assert_eq!(kept.all().cloned().collect::<Vec<_>>(), [accept(1), accept(3)]);
    }
    let mut kept = InFlight::open(&path, &key).unwrap();
    kept.answered(&accept(1).0.id);
    kept.answered(&accept(3).0.id);
    drop(kept);
    assert_eq!(InFlight::open(&path, &key).unwrap().all().count(), 0);
}

/// The disk was full when the answer came, and has room when the next accept of the RFQ leaves.
#[test]
fn an_answer_that_the_disk_refused_is_written_before_the_next_accept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("a"), StoreKey::new([1; 32]));
    let mut kept = InFlight::open(&path, &key).unwrap();
    let (first, terms) = accept(1);
    let next = Accept { id: AcceptId::new("R1:2").unwrap(), ..first.clone() };
    kept.sent(&first, &terms).unwrap();
    disk::refuses(&path, true);
    kept.answered(&first.id);
    assert!(kept.sent(&next, &terms).is_err(), "nothing leaves meanwhile");
    disk::refuses(&path, false);
    kept.sent(&next, &terms).unwrap();
    drop(kept);
    let kept = InFlight::open(&path, &key).unwrap();
    assert_eq!(kept.all().cloned().collect::<Vec<_>>(), [(next, terms)]);
}

/// What earlier versions wrote is what this one writes, unless there are legs.
#[test]
fn only_a_package_is_stored_with_legs() {
    use signet_rfq::{Leg, StatedLeg};
    let (accept, terms) = accept(1);
    let json = |a: &Accept, t: &Terms| String::from_utf8(sent(a, t).unwrap()).unwrap();
    let written = json(&accept, &terms);
    assert!(!written.contains("legs") && !written.contains("min_quantity"), "{written}");
    let whole = Terms { min_quantity: Some(terms.quantity), ..terms.clone() };
    let read: Record = serde_json::from_str(&json(&accept, &whole)).unwrap();
    assert!(matches!(read, Record::Sent { terms, .. } if terms == whole));
    let leg = Leg {
        instrument: InstrumentId::new("DE0001102580").unwrap(),
        side: Side::Sell,
        ratio: 2.into(),
        quantity: 5_000_000.into(),
        settlement_date: "20261124".into(),
    };
    let legs = vec![StatedLeg { bid: Some(99.into()), ..StatedLeg::of(&leg) }];
    let package = (Accept { legs, ..accept }, Terms { legs: vec![leg], ..terms });
    let written = json(&package.0, &package.1);
    let read: Record = serde_json::from_str(&written).unwrap();
    assert!(
        matches!(read, Record::Sent { accept, terms } if (&accept, &terms) == (&package.0, &package.1))
    );
}
