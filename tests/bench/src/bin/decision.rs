//! What decisions cost: the entitlements of a message, and the risk of an access. One table,
//! microseconds.
//!
//! The example policies, as `signet-gateway` asks them: one question per dealer, and up to two more
//! when something is owed first. Risk is judged at logon and whenever something changes, not per
//! message.

use rust_decimal::Decimal;
use signet_bench::{firm::RISK, percentiles};
use signet_gateway::{
    config::{OpenRfqs, RiskSection},
    risk::{Facts, Risk},
};
use signet_policy::{
    entitle::{
        Act, Amounts, CedarEntitlements, Deal, Documents, Entitlements as _, InstrumentFacts,
        Outcome, Proof, Question, Side, Step, World,
    },
    score::{Authentication, Decision},
};
use signet_rfq::UtcMillis;
use std::{collections::BTreeSet, fs, hint::black_box, time::Instant};

const ROUNDS: usize = 5_000;
const BUND: &str = "DE000BU2Z049";
/// Instruments beside those of the policies: a catalogue of the size a firm has.
const CATALOGUE: usize = 10_000;
/// 2026-11-20 12:00 UTC.
const NOON: UtcMillis = UtcMillis(1_795_176_000_000);

fn main() {
    let dealers: Vec<String> = (0..12).map(|n| format!("DEALER{n}")).collect();
    let entitlements = load(&dealers);
    for asked in [1, 12] {
        for (millions, want) in [
            (5, Outcome::Allow),
            (20, Outcome::Touch),
            (60, Outcome::TwoPeople),
            (200, Outcome::Deny),
        ] {
            let mut us = timed(|| message(&entitlements, &dealers[..asked], millions, want));
            println!(
                "   entitlements, {asked:>2} dealers, {:<10} {}",
                want.to_string(),
                percentiles(&mut us)
            );
        }
    }
    risk();
}

fn timed(mut f: impl FnMut()) -> Vec<f64> {
    let mut one = || {
        let began = Instant::now();
        f();
        began.elapsed().as_secs_f64() * 1e6
    };
    (0..ROUNDS).map(|_| one()).collect()
}

fn load(dealers: &[String]) -> CedarEntitlements {
    let instrument = |id: &str, class: &str, currency: &str| {
        let facts = InstrumentFacts {
            symbol: id.into(),
            class: class.into(),
            currency: currency.into(),
            has_isin: class.ends_with("bond"),
        };
        (id.to_owned(), facts)
    };
    let mut instruments = vec![
        instrument(BUND, "Government bond", "EUR"),
        instrument("IT0005534141", "Government bond", "EUR"),
        instrument("US594918BC73", "Corporate bond", "USD"),
        instrument("AAPL 4.375 05/45", "Corporate bond", "USD"),
        instrument("EUR/USD", "FX spot", "EUR"),
        instrument("GBP/USD", "FX spot", "GBP"),
    ];
    instruments
        .extend((0..CATALOGUE).map(|n| instrument(&format!("XX{n:09}0"), "Corporate bond", "USD")));
    let names: BTreeSet<String> = dealers
        .iter()
        .cloned()
        .chain(["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"].map(String::from))
        .collect();
    let world = World {
        gateway: "SIGNET".into(),
        dealers: names,
        instruments: instruments.into_iter().collect(),
    };
    let example = include_str!("../../../../gateway/entitlements.example.toml");
    let panel = dealers.iter().map(|d| format!("{d:?}, ")).collect::<String>();
    let facts = example.replace("bond-dealers = [", &format!("bond-dealers = [{panel}"));
    let documents = Documents {
        policies: include_str!("../../../../gateway/entitlements.example.cedar"),
        facts: &facts,
    };
    let began = Instant::now();
    let e = CedarEntitlements::load(&documents, &world).expect("the example is good");
    println!(
        "   load: {:.0?}, {} policies, {} instruments",
        began.elapsed(),
        e.policy_count(),
        world.instruments.len()
    );
    e
}

/// Alice takes a quote of the first, or all of them are asked: a decision for each.
fn message(e: &CedarEntitlements, dealers: &[String], millions: i64, want: Outcome) {
    let (day, outstanding) = (Amounts::from([("EUR".into(), 10_000_000.into())]), Amounts::new());
    let deal = Deal {
        instrument: BUND,
        side: Side::Buy,
        quantity: Decimal::from(millions * 1_000_000),
        day: &day,
        outstanding: &outstanding,
        open_rfqs: 3,
        dealers: dealers.len(),
        first_today: false,
        idle_s: 20,
    };
    let step = Step::Accept { off_market_bps: Some(2) };
    for dealer in dealers {
        let act = Act::Trade { step, dealer, new_dealer: false, deal: &deal };
        let verdict = e.decide(black_box(&Question { who: "alice", proof: Proof::default(), act }));
        assert_eq!(verdict.outcome(), want);
    }
}

fn risk() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = dir.path().join("risk.toml");
    fs::write(&settings, RISK).expect("written");
    let section = RiskSection { table: None, settings, open_rfqs: OpenRfqs::default() };
    let risk = Risk::new(section.clone(), section.read().expect("good settings"));
    for (what, address, want) in
        [("allowed", "127.0.0.1", Decision::Allow), ("denied", "203.0.113.7", Decision::Deny)]
    {
        let access = Facts {
            user: "alice",
            role: Some("standard"),
            address: address.parse().ok(),
            authentication: Authentication::SoftwareToken,
            managed: Some(want == Decision::Allow),
            concerns: vec![],
            trades: true,
        };
        let found = risk.assess(&access, NOON).decision;
        println!(
            "   risk of an access, {what:<8} ({found:?}) {}",
            percentiles(&mut timed(|| drop(black_box(risk.assess(black_box(&access), NOON)))))
        );
    }
}
