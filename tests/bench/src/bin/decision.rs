//! What decisions cost: the entitlements of a message, and the risk of an access. One table,
//! microseconds.
//!
//! The example policies, as `signet-gateway` asks them: one question per dealer, and up to two more
//! when something is owed first. *Remembered* is a question that the policies cannot tell from one
//! that they answered; *first* is one that has to be evaluated. Risk is judged at logon and whenever
//! something changes, not per message.

use signet_bench::{
    decisions::{NOON, Rules, access, ask, risk},
    percentiles,
};
use signet_policy::{
    entitle::{CedarEntitlements, Outcome},
    score::Decision,
};
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 5_000;
/// Instruments beside those of the policies: a catalogue of the size a firm has.
const CATALOGUE: usize = 10_000;

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
            for (how, forgets) in [("remembered", false), ("first", true)] {
                let mut us = timed(|| {
                    if forgets {
                        entitlements.forget();
                    }
                    ask(&entitlements, &dealers[..asked], millions, want);
                });
                println!(
                    "   entitlements, {asked:>2} dealers, {:<24} {how:<10} {}",
                    want.to_string(),
                    percentiles(&mut us)
                );
            }
        }
    }
    let risk = risk();
    for (what, want) in [("allowed", Decision::Allow), ("denied", Decision::Deny)] {
        let access = access(want);
        let found = risk.assess(&access, NOON).decision;
        println!(
            "   risk of an access, {what:<8} ({found:?}) {}",
            percentiles(&mut timed(|| drop(black_box(risk.assess(black_box(&access), NOON)))))
        );
    }
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
    let rules = Rules::example(dealers, CATALOGUE);
    let began = Instant::now();
    let e = rules.load();
    println!(
        "   load: {:.0?}, {} policies, {} instruments",
        began.elapsed(),
        e.policy_count(),
        rules.instruments()
    );
    e
}
