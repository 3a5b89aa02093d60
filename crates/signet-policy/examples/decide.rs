//! What one decision costs with the example policies: `cargo run --release -p signet-policy --example decide`.

use signet_policy::entitle::{CedarEntitlements, Documents, InstrumentFacts, Outcome, Scenario, World};
use std::time::Instant;

const ROUNDS: usize = 20_000;

fn main() {
    let instrument = |id: &str, class: &str, currency: &str| {
        let facts =
            InstrumentFacts { symbol: id.into(), class: class.into(), currency: currency.into(), has_isin: class.ends_with("bond") };
        (id.to_owned(), facts)
    };
    let mut instruments = vec![
        instrument("DE000BU2Z049", "Government bond", "EUR"),
        instrument("IT0005534141", "Government bond", "EUR"),
        instrument("US594918BC73", "Corporate bond", "USD"),
        instrument("AAPL 4.375 05/45", "Corporate bond", "USD"),
        instrument("EUR/USD", "FX spot", "EUR"),
        instrument("GBP/USD", "FX spot", "GBP"),
    ];
    instruments.extend((0..10_000).map(|n| instrument(&format!("XX{n:09}0"), "Corporate bond", "USD")));
    let world = World {
        gateway: "SIGNET".into(),
        dealers: ["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"].map(String::from).into(),
        instruments: instruments.into_iter().collect(),
    };
    let documents = Documents {
        policies: include_str!("../../../gateway/entitlements.example.cedar"),
        facts: include_str!("../../../gateway/entitlements.example.toml"),
    };
    let began = Instant::now();
    let e = CedarEntitlements::load(&documents, &world).expect("the example is good");
    println!("load: {:?}, {} policies, {} instruments", began.elapsed(), e.policy_count(), world.instruments.len());
    for (quantity, want) in [("5m", Outcome::Allow), ("20m", Outcome::Touch), ("60m", Outcome::TwoPeople), ("200m", Outcome::Deny)] {
        let s = Scenario {
            user: "alice".into(),
            action: "accept".into(),
            dealer: Some("NORTHBANK".into()),
            instrument: Some("DE000BU2Z049".into()),
            side: Some(signet_policy::entitle::Side::Buy),
            quantity: Some(quantity.into()),
            ..Scenario::default()
        };
        let mut times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let began = Instant::now();
                assert_eq!(s.decide(&e).expect("a question").outcome(), want);
                began.elapsed()
            })
            .collect();
        times.sort();
        let at = |per_mille: usize| times[ROUNDS * per_mille / 1_000];
        println!("{want}: p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    }
}
