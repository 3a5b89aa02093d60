//! Desk, gateway and dealers in one thread on a virtual clock, driven by seeded schedules. Never
//! shipped.
//!
//! What decides is the product: the desk's [`Book`](signet_desk_core::Book) with its sealed file of
//! accepts in flight, QuickFIX sessions through [`signet_fix::session::Session`] and the framer on
//! both ends of each link, and the gateway's [trading thread](signet_gateway::simulated): the whole
//! pipeline with budgets, evidence, entitlements, risk, pending approvals, journal and router.
//! What is signed, with which key and over which bytes is the product's; how it is signed and
//! verified says `made.rs`.
//!
//! What stands in for the rest:
//!
//! | product | here |
//! | --- | --- |
//! | the gateway's sockets and admission | `wires.rs` attaches a session to a connection when its first message is whole, if the registry has nothing against it |
//! | the registry's database | a view that says who is kept out; sessions are judged at once when it changes |
//! | a colleague's desk | a session that is on and never logs on; its take-overs are the simulator's |
//! | the step-up service | the product's table of challenges, each bound to its connection; a word instead of a security key's signature |
//! | the desk's link keeper | `keeper.rs`: pings, doubts and gives up by the product's own `pings.rs`, and dials beside a connection that is up, as over TCP |
//! | TCP, TLS, QUIC | `link.rs`: bytes in order with a delay, that stop at any byte in one direction or both, for a time or for good, or arrive late, also on a connection that a newer one displaced |
//! | dealers | `dealer.rs`: scripts that remember their orders, each on a clock of its own |
//! | the laptop's clock | read when the desk starts, as `laptop_clock.rs` does; its steps reach the next start |
//! | disks | files in memory, which a crash of the process leaves as they are; a message store may be lost whole |
//!
//! QuickFIX reads the machine's clock for heartbeats and SendingTime (52); a run takes
//! milliseconds, so its heartbeats never fall due and pings, time-outs and deadlines are the
//! simulator's.
//!
//! A seed makes a schedule ([`schedule`]) and everything left to chance in the run. The invariants
//! stand in `check.rs`; [`shrunk`] leaves events out as long as the same invariant breaks.

#![warn(missing_docs, unreachable_pub)]

mod amounts;
mod cast;
mod check;
mod click;
mod dealer;
mod desk;
mod firm;
mod gateway;
mod keeper;
mod kinds;
mod legs;
mod link;
mod lists;
mod made;
mod many;
mod orders;
// What the desk concludes from its pings: the product's own file, so that it is the same here.
#[path = "../../../crates/signet-desk-core/src/link/pings.rs"]
#[allow(dead_code, reason = "some of it is for connections over QUIC that move, and for sleep")]
mod pings;
mod quotes;
mod rng;
mod rules;
mod schedule;
mod signer;
mod tally;
mod world;

pub use check::Violation;
pub use kinds::schedule;
pub use many::{Failures, run_many};
pub use schedule::{ACTS, Act, End, Event, LENGTH_MS};
pub use signer::Forgery;
pub use signet_gateway::simulated::Bar;
pub use tally::{Seen, Tally};
pub use world::Recorded;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A run that broke an invariant, and the fewest events that do.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What reproduces it.
    pub seed: u64,
    /// What was broken.
    pub violation: Violation,
    /// The events that are needed.
    pub events: Vec<Event>,
}

/// Runs a schedule. `Err`: it broke an invariant.
///
/// # Errors
/// The first invariant that did not hold.
pub fn run(seed: u64, events: &[Event]) -> Result<Tally, Violation> {
    traced(seed, events, false).0
}

/// The same, with a record of what happened when `trace`.
pub fn traced(seed: u64, events: &[Event], trace: bool) -> (Result<Tally, Violation>, Vec<String>) {
    let folder = Folder::new();
    let mut world = folder.world(seed, trace);
    let outcome = world.run(events);
    (outcome, world.trace.take().unwrap_or_default())
}

/// Runs a schedule in which the gateway does not crash, and looks at what it has on record.
///
/// # Errors
/// The first invariant that did not hold, or what is wrong with the records.
pub fn recorded(seed: u64, events: &[Event]) -> Result<Recorded, Violation> {
    let folder = Folder::new();
    let mut world = folder.world(seed, false);
    // Every signature on record is verified.
    made::all_are_real();
    let tally = world.run(events)?;
    world.recorded(tally)
}

/// The failure of a seed whose schedule broke an invariant, with the fewest events that break the
/// same one.
pub fn shrunk(seed: u64, violation: Violation) -> Failure {
    let (events, violation) = shrink(seed, schedule(seed), violation);
    Failure { seed, violation, events }
}

/// Leaves events out, in ever smaller parts, as long as the same invariant breaks.
fn shrink(seed: u64, mut events: Vec<Event>, mut last: Violation) -> (Vec<Event>, Violation) {
    let mut part = events.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut shorter = false;
        while from < events.len() {
            let mut fewer = events.clone();
            fewer.drain(from..(from + part).min(events.len()));
            match run(seed, &fewer) {
                Err(v) if v.invariant == last.invariant => {
                    (events, last, shorter) = (fewer, v, true);
                }
                _ => from += part,
            }
        }
        if part == 1 && !shorter {
            return (events, last);
        }
        part = (part / 2).max(1);
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}", self.violation.invariant, self.violation.words)?;
        writeln!(f, "the shortest schedule of SIM_SEED={}:", self.seed)?;
        self.events.iter().try_for_each(|e| writeln!(f, "{e}"))
    }
}

/// The files of one run, removed after it.
struct Folder {
    path: PathBuf,
    number: u64,
}

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = base.join(format!("signet-sim-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the run");
        Self { path, number }
    }

    /// Everybody at the beginning of a run.
    fn world(&self, seed: u64, trace: bool) -> world::World {
        let lane = format!("-{}", self.number);
        world::World::new(seed, &lane, self.path.clone(), trace)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
