//! Thousands of seeded schedules; `SIM_SEED=... cargo test -p signet-sim` runs one and tells its
//! story, `SIM_SCHEDULES=...` says how many are run, `SIM_FIRST=...` from which seed on.

use signet_sim::{Act, Event, LENGTH_MS, Tally, Violation, run, schedule, shrunk, traced};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|s| s.parse().ok())
}

/// The first failure of each invariant, with their number.
type Failures = BTreeMap<&'static str, (u64, u64, Violation)>;

/// Runs seeds on two threads.
fn run_all(first: u64, count: u64, progress: bool) -> (Tally, Failures) {
    let next = AtomicU64::new(first);
    let failures: Mutex<Failures> = Mutex::default();
    let tally: Mutex<Tally> = Mutex::default();
    let lane = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            if progress && seed.is_multiple_of(10_000) {
                eprintln!("{} schedules", seed - first);
            }
            match run(seed, &schedule(seed)) {
                Ok(more) => *tally.lock().expect("a lock") += more,
                Err(v) => {
                    let mut all = failures.lock().expect("a lock");
                    let (n, first, violation) =
                        all.entry(v.invariant).or_insert_with(|| (0, seed, v.clone()));
                    *n += 1;
                    if seed < *first {
                        (*first, *violation) = (seed, v);
                    }
                }
            }
        }
    };
    std::thread::scope(|s| {
        s.spawn(lane);
        s.spawn(lane);
    });
    (tally.into_inner().expect("a lock"), failures.into_inner().expect("a lock"))
}

fn report((tally, failures): &(Tally, Failures), count: u64) {
    eprintln!("{count} schedules: {tally:?}");
    for (n, seed, violation) in failures.values() {
        eprintln!("{n} times {}", shrunk(*seed, violation.clone()));
    }
    assert!(failures.is_empty(), "{} invariants were broken", failures.len());
}

#[test]
fn no_schedule_breaks_an_invariant() {
    if let Some(seed) = setting("SIM_SEED") {
        let events = schedule(seed);
        // The story of the shortest schedule, if it fails.
        let failure = run(seed, &events).err().map(|violation| shrunk(seed, violation));
        let told = failure.as_ref().map_or(&events, |f| &f.events);
        traced(seed, told, true).1.iter().for_each(|line| eprintln!("{line}"));
        if let Some(failure) = failure {
            panic!("{failure}");
        }
        return;
    }
    let count = setting("SIM_SCHEDULES").unwrap_or(2_000);
    report(&run_all(setting("SIM_FIRST").unwrap_or(1), count, false), count);
}

/// Schedules that broke an invariant once.
#[test]
fn schedules_that_failed_once_fail_no_longer() {
    for seed in [90_090, 1_225_171, 1_549_473, 4_000_317] {
        if let Err(violation) = run(seed, &schedule(seed)) {
            panic!("{}", shrunk(seed, violation));
        }
    }
}

/// Packages are among the schedules: some are filled, and a dealer that executes a part of one
/// leads to a dispute and to nothing else.
#[test]
fn packages_are_filled_as_a_whole_or_not_at_all() {
    let mut all = Tally::default();
    for seed in 1..=150 {
        let events = [
            Event {
                at: 1_000,
                act: Act::AskPackage { millions: 1, legs: 2, dealers: 7, ttl_s: 60 },
            },
            Event {
                at: 1_200,
                act: Act::AskPackage { millions: 1, legs: 4, dealers: 3, ttl_s: 60 },
            },
            Event { at: 4_000, act: Act::Take { pick: 0 } },
            Event { at: 8_000, act: Act::Take { pick: 3 } },
        ];
        all += run(seed, &events).unwrap_or_else(|v| panic!("seed {seed}: {v:?}"));
    }
    assert!(all.packages > 50 && all.packages == all.fills, "{all:?}");
    assert!(all.parts > 3, "{all:?}");
}

/// A gateway whose evidence cannot be written does not start and trades nothing; it is started again
/// until it does, with everything as it was.
#[test]
fn a_gateway_that_its_disk_keeps_from_starting_starts_when_the_disk_works() {
    let mut all = Tally::default();
    for seed in 1..=60 {
        let ask = |at| Event { at, act: Act::Ask { millions: 1, dealers: 7, ttl_s: 60 } };
        let take = |at| Event { at, act: Act::Take { pick: 0 } };
        let crash = |at| Event { at, act: Act::GatewayCrash { for_ms: 200, store_lost: false } };
        let events = [
            ask(1_000),
            Event { at: 1_300, act: Act::EvidenceFails { for_ms: 4_000 } },
            crash(1_900),
            take(3_000),
            ask(9_000),
            take(10_500),
            // The disk refuses until everything is well.
            Event { at: LENGTH_MS - 3_000, act: Act::EvidenceFails { for_ms: 12_000 } },
            crash(LENGTH_MS - 1_000),
        ];
        all += run(seed, &events).unwrap_or_else(|v| panic!("seed {seed}: {v:?}"));
    }
    assert!(all.away > 20 && all.fills > 20, "{all:?}");
}

/// What arrives from an address that is not proved waits. An accept that waited past its deadline
/// does not go on, one that waited less does.
#[test]
fn an_accept_that_waits_for_the_proof_of_an_address_is_late_after_its_deadline() {
    let with = |proof_ms, seed| {
        let ask = Act::Ask { millions: 1, dealers: 7, ttl_s: 60 };
        let events = [
            Event { at: 1_000, act: ask },
            Event { at: 5_990, act: Act::Migrate { proof_ms, proved: true } },
            Event { at: 6_000, act: Act::Take { pick: 0 } },
        ];
        run(seed, &events).unwrap_or_else(|v| panic!("seed {seed}, {proof_ms} ms: {v:?}"))
    };
    let mut all: BTreeMap<i64, Tally> = BTreeMap::new();
    for proof_ms in [200, 2_400] {
        (1..=30).for_each(|seed| *all.entry(proof_ms).or_default() += with(proof_ms, seed));
    }
    assert!(all.values().all(|t| t.sent > 20), "{all:?}");
    assert!(all[&200].arrived > 15, "{all:?}");
    assert_eq!(all[&2_400].arrived, 0, "{all:?}");
}

#[test]
#[ignore = "a million schedules take hours: by hand"]
fn a_million_schedules_break_no_invariant() {
    let count = setting("SIM_SCHEDULES").unwrap_or(1_000_000);
    report(&run_all(setting("SIM_FIRST").unwrap_or(1_000_000), count, true), count);
}
