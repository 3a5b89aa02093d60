//! Many schedules, on every core of the machine, with word of how far they have come.

use crate::{Tally, Violation, run, schedule};
use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// After so many schedules a line says how far they have come.
const TOLD_EVERY: u64 = 10_000;

/// Of each invariant that was broken: how often, the first seed that did, and what was seen.
pub type Failures = BTreeMap<&'static str, (u64, u64, Violation)>;

/// Runs `count` seeds from `first` on, on as many threads as the machine has cores. What is told on
/// the way goes to standard error as it is, since the test harness keeps what is printed.
///
/// # Panics
/// When a run does; its seed is told.
pub fn run_many(first: u64, count: u64) -> (Tally, Failures) {
    let lanes = std::thread::available_parallelism().map_or(2, |n| n.get());
    let end = first.saturating_add(count);
    many(first..end, lanes, TOLD_EVERY, &say, |seed| run(seed, &schedule(seed)))
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells the seed of a run that panics.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&format!("the run of SIM_SEED={} panics", self.0));
        }
    }
}

fn many(
    seeds: std::ops::Range<u64>,
    lanes: usize,
    told_every: u64,
    tell: &(dyn Fn(&str) + Sync),
    run: impl Fn(u64) -> Result<Tally, Violation> + Sync,
) -> (Tally, Failures) {
    let began = Instant::now();
    let (next, done) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    // What each lane runs: every seed below the least of them is done.
    let runs: Vec<AtomicU64> = (0..lanes).map(|_| AtomicU64::new(seeds.start)).collect();
    let all: Mutex<(Tally, Failures)> = Mutex::default();
    let lane = |own: &AtomicU64| {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            own.store(seed.min(seeds.end), Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let running = Running(seed);
            let outcome = run(seed);
            drop(running);
            let broken = {
                let (tally, failures) = &mut *all.lock().expect("a lock");
                match outcome {
                    Ok(more) => *tally += more,
                    Err(v) => failed(failures, seed, v, tell),
                }
                failures.len()
            };
            let n = done.fetch_add(1, Ordering::Relaxed) + 1;
            if n.is_multiple_of(told_every) {
                let rest = runs.iter().map(|r| r.load(Ordering::Relaxed)).min();
                let rest = rest.unwrap_or(seeds.end)..seeds.end;
                tell(&progress(&seeds, n, &rest, began.elapsed(), broken));
            }
        }
    };
    std::thread::scope(|s| {
        for own in &runs {
            let lane = &lane;
            s.spawn(move || lane(own));
        }
    });
    all.into_inner().expect("a lock")
}

/// Counts a failure. The first of each invariant is told at once: a night may be cut short.
fn failed(failures: &mut Failures, seed: u64, v: Violation, tell: &(dyn Fn(&str) + Sync)) {
    let known = failures.contains_key(v.invariant);
    if !known {
        tell(&format!("{}: {} (SIM_SEED={seed} shows it)", v.invariant, v.words));
    }
    let (n, first, violation) = failures.entry(v.invariant).or_insert_with(|| (0, seed, v.clone()));
    *n += 1;
    if seed < *first {
        (*first, *violation) = (seed, v);
    }
}

/// How far the schedules of `seeds` have come; `rest` begins with the first seed that may not be
/// done.
fn progress(
    seeds: &std::ops::Range<u64>,
    done: u64,
    rest: &std::ops::Range<u64>,
    took: Duration,
    broken: usize,
) -> String {
    let all = seeds.end - seeds.start;
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let left_ms = u128::from(ms) * u128::from(all - done.min(all)) / u128::from(done.max(1));
    let per_s = u128::from(done) * 1_000 / u128::from(ms.max(1));
    format!(
        "{done} of {all} schedules (seeds {} to {}) after {}, {per_s}/s, about {} left; invariants \
         broken: {broken}; to go on later: SIM_FIRST={} SIM_SCHEDULES={}",
        seeds.start,
        seeds.end.saturating_sub(1),
        hours(ms),
        hours(u64::try_from(left_ms).unwrap_or(u64::MAX)),
        rest.start,
        rest.end - rest.start
    )
}

fn hours(ms: u64) -> String {
    let s = ms / 1_000;
    format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::broken;
    use std::collections::BTreeSet;

    #[test]
    fn a_line_says_how_far_they_have_come_and_how_to_go_on() {
        let line = progress(&(100..1_100), 250, &(340..1_100), Duration::from_secs(3_725), 2);
        assert_eq!(
            line,
            "250 of 1000 schedules (seeds 100 to 1099) after 1:02:05, 0/s, about 3:06:15 left; \
             invariants broken: 2; to go on later: SIM_FIRST=340 SIM_SCHEDULES=760"
        );
        let fast = progress(&(0..10_000), 900, &(900..10_000), Duration::from_secs(3), 0);
        assert!(fast.contains(" after 0:00:03, 300/s, about 0:00:30 left;"), "{fast}");
        let end = progress(&(0..10), 10, &(10..10), Duration::ZERO, 0);
        assert!(end.contains("about 0:00:00 left") && end.ends_with("SIM_SCHEDULES=0"), "{end}");
    }

    #[test]
    fn every_seed_is_run_once_whatever_the_number_of_lanes() {
        for lanes in [1, 3, 16] {
            let (ran, told) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
            let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
            let (tally, failures) = many(5..105, lanes, 20, &tell, |seed| {
                ran.lock().unwrap().push(seed);
                match seed % 10 {
                    7 => Err(broken("a", seed.to_string())),
                    _ => Ok(Tally { clicks: 1, ..Tally::default() }),
                }
            });
            let ran = ran.into_inner().unwrap();
            assert_eq!(ran.len(), 100, "{lanes} lanes");
            assert!(ran.into_iter().collect::<BTreeSet<u64>>().into_iter().eq(5..105));
            assert_eq!((tally.clicks, failures.len()), (90, 1));
            let (n, first, v) = &failures["a"];
            assert_eq!((*n, *first, v.words.as_str()), (10, 7, "7"));
            let told = told.into_inner().unwrap();
            assert_eq!(told.iter().filter(|l| l.contains("schedules (seeds")).count(), 5);
            assert_eq!(told.iter().filter(|l| l.starts_with("a: ")).count(), 1);
        }
    }
}
