//! What happens in a run and when: drawn from the seed, before the run begins.
//!
//! An event names things by small numbers that are resolved when it happens ("the third price on
//! screen"), so that a schedule with some events left out still means something.

use crate::{rng::Rng, signer::Forgery};
use std::fmt;

/// How long the events of a schedule may last, milliseconds.
pub const LENGTH_MS: i64 = 25_000;

/// One end of the link between desk and gateway, or a direction of it by its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The trader's desk.
    Desk,
    /// The gateway.
    Gateway,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each event says what its fields are")]
pub enum Act {
    /// The trader asks for quotes: millions, bits of dealers, seconds to live.
    Ask { millions: u8, dealers: u8, ttl_s: u32 },
    /// The trader asks for a package: millions of a leg with ratio 1, how many legs, bits of
    /// dealers, seconds to live.
    AskPackage { millions: u8, legs: u8, dealers: u8, ttl_s: u32 },
    /// The trader takes a price on screen: which one.
    Take { pick: u8 },
    /// The trader arms a price and looks at it.
    Arm { pick: u8 },
    /// The trader confirms what is armed.
    Confirm,
    /// The trader asks a dealer for a better price than one on screen: which price.
    Counter { pick: u8 },
    /// The trader ends an RFQ.
    Cancel { pick: u8 },
    /// The trader takes an ended RFQ off the screen.
    Dismiss { pick: u8 },
    /// The desk's link delivers so many more bytes of this sender, then nothing, for so long; the
    /// rest arrives after that, unless the connection has ended. `None`: never.
    Silence { from: End, after: u32, for_ms: Option<i64> },
    /// What this sender writes on the desk's connection from now on arrives later by so much, for
    /// so long: after what is written later on a newer connection, or by a dealer.
    DeskLag { from: End, by_ms: i64, for_ms: i64 },
    /// The same on the line to a dealer, one way.
    DealerLag { dealer: u8, to_dealer: bool, by_ms: i64, for_ms: i64 },
    /// Both ends are told at once that the connection is gone.
    Reset,
    /// The desk has another address and says so: it dials beside the old connection.
    NewAddress { old_lives: bool },
    /// The desk makes another connection, which takes so long. The one that is up serves it until
    /// then, and what is still on its way there arrives after that.
    DialBeside { takes_ms: i64 },
    /// The desk's address changes under the same session; the gateway holds what arrives until the
    /// address is proved, or drops the connection.
    Migrate { proof_ms: i64, proved: bool },
    /// No network at the desk for so long.
    NoNetwork { for_ms: i64 },
    /// One-way delay of the desk's link from now on.
    Delay { ms: i64 },
    /// The gateway's clock is set, by so much.
    GatewayClock { ms: i64 },
    /// The laptop's clock is set, by so much. A desk that runs goes on by the clock that it began
    /// with, as the product does; one that starts after that begins with this one.
    DeskClock { ms: i64 },
    /// A dealer's clock is set, by so much.
    DealerClock { dealer: u8, ms: i64 },
    /// The desk ends without a word and is started again; its message store may be lost.
    DeskCrash { for_ms: i64, store_lost: bool },
    /// The gateway ends without a word and is started again; its message stores may be lost.
    GatewayCrash { for_ms: i64, store_lost: bool },
    /// A dealer ends without a word and is started again; it knows its orders.
    DealerCrash { dealer: u8, for_ms: i64 },
    /// A dealer ends without a word and is started again without the requests and quotes that it
    /// had; it knows its orders.
    DealerForgets { dealer: u8, for_ms: i64 },
    /// The link to a dealer is reset.
    DealerReset { dealer: u8 },
    /// The gateway's disk takes no new RFQ for so long.
    DiskFull { for_ms: i64 },
    /// The disk of an end refuses to write for so long.
    DiskFails { end: End, for_ms: i64 },
    /// The policies deny every accept for so long.
    Locked { for_ms: i64 },
    /// The signature of the desk's next accept is not what it should be.
    Forge(Forgery),
    /// The desk's last accept arrives once more, as it was.
    Replay,
    /// The disk of the gateway's evidence refuses to write for so long.
    EvidenceFails { for_ms: i64 },
    /// A dealer quotes again in every RFQ it knows.
    Requote { dealer: u8 },
    /// A dealer takes its last fill back.
    Bust { dealer: u8 },
    /// A dealer takes all its quotes back.
    Withdraw { dealer: u8 },
    /// A colleague takes an open RFQ over: which one.
    TakenOver { pick: u8 },
}

/// The name of every act.
pub const ACTS: [&str; 35] = [
    "ask",
    "ask for a package",
    "take",
    "arm",
    "confirm",
    "counter",
    "cancel",
    "dismiss",
    "silence",
    "lag of the desk",
    "lag of a dealer",
    "reset",
    "new address",
    "dial beside",
    "migrate",
    "no network",
    "delay",
    "clock of the gateway",
    "clock of the desk",
    "clock of a dealer",
    "crash of the desk",
    "crash of the gateway",
    "crash of a dealer",
    "a dealer forgets",
    "reset of a dealer",
    "disk full",
    "disk fails",
    "locked",
    "forge",
    "replay",
    "evidence fails",
    "requote",
    "bust",
    "withdraw",
    "taken over",
];

impl Act {
    /// What it is called in a tally; one of [`ACTS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask",
            Self::AskPackage { .. } => "ask for a package",
            Self::Take { .. } => "take",
            Self::Arm { .. } => "arm",
            Self::Confirm => "confirm",
            Self::Counter { .. } => "counter",
            Self::Cancel { .. } => "cancel",
            Self::Dismiss { .. } => "dismiss",
            Self::Silence { .. } => "silence",
            Self::DeskLag { .. } => "lag of the desk",
            Self::DealerLag { .. } => "lag of a dealer",
            Self::Reset => "reset",
            Self::NewAddress { .. } => "new address",
            Self::DialBeside { .. } => "dial beside",
            Self::Migrate { .. } => "migrate",
            Self::NoNetwork { .. } => "no network",
            Self::Delay { .. } => "delay",
            Self::GatewayClock { .. } => "clock of the gateway",
            Self::DeskClock { .. } => "clock of the desk",
            Self::DealerClock { .. } => "clock of a dealer",
            Self::DeskCrash { .. } => "crash of the desk",
            Self::GatewayCrash { .. } => "crash of the gateway",
            Self::DealerCrash { .. } => "crash of a dealer",
            Self::DealerForgets { .. } => "a dealer forgets",
            Self::DealerReset { .. } => "reset of a dealer",
            Self::DiskFull { .. } => "disk full",
            Self::DiskFails { .. } => "disk fails",
            Self::Locked { .. } => "locked",
            Self::Forge(_) => "forge",
            Self::Replay => "replay",
            Self::EvidenceFails { .. } => "evidence fails",
            Self::Requote { .. } => "requote",
            Self::Bust { .. } => "bust",
            Self::Withdraw { .. } => "withdraw",
            Self::TakenOver { .. } => "taken over",
        }
    }
}

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds from the beginning.
    pub at: i64,
    /// What happens.
    pub act: Act,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms  {:?}", self.at, self.act)
    }
}

/// The schedule of a seed, in order of time.
pub fn schedule(seed: u64) -> Vec<Event> {
    let mut rng = Rng::new(seed ^ 0x5109_4e7d_e1f0_77aa);
    // Each run is about some faults only, or nothing would ever trade.
    let faults = rng.within(0, 7);
    let mut events = Vec::new();
    for _ in 0..rng.within(1, 4) {
        events.push(Event { at: rng.within(500, 8_000), act: ask(&mut rng) });
    }
    for _ in 0..rng.within(2, 7) {
        events.push(Event { at: rng.within(1_500, LENGTH_MS), act: trader(&mut rng) });
    }
    for _ in 0..faults {
        events.push(Event { at: rng.within(0, LENGTH_MS), act: fault(&mut rng) });
    }
    // A fault close to what the trader does is worth more than one in a quiet moment.
    let acts: Vec<i64> = events.iter().map(|e| e.at).collect();
    if faults > 0 {
        for _ in 0..rng.within(0, 3) {
            let before = [-60, -2_500][rng.pick(2)];
            let near = acts[rng.pick(acts.len())] + rng.within(before, 200);
            events.push(Event { at: near.max(0), act: fault(&mut rng) });
        }
    }
    packages(seed, &mut events);
    forge(seed, &mut events);
    unwritten(seed, &mut events);
    taken_over(seed, &mut events);
    countered(seed, &mut events);
    // What came last stands last, so that the events before stay what they were.
    reordered(seed, &mut events);
    beside(seed, &mut events);
    clocks(seed, &mut events);
    forgets(seed, &mut events);
    events.sort_by_key(|e| e.at);
    events
}

/// The trader counters close to what else happens, in a part of the runs. From a generator of its
/// own, as `forge`.
fn countered(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x510e_527f_ade6_82d1);
    if !rng.chance(30) {
        return;
    }
    let acts: Vec<i64> = events.iter().map(|e| e.at).collect();
    for _ in 0..rng.within(1, 5) {
        let near = acts[rng.pick(acts.len())] + rng.within(-400, 1_500);
        let act = Act::Counter { pick: small(&mut rng) };
        events.push(Event { at: near.clamp(0, LENGTH_MS), act });
    }
}

/// A colleague takes RFQs over close to what the trader does with them, in a part of the runs. From a
/// generator of its own, as `forge`.
fn taken_over(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x6a09_e667_f3bc_c908);
    if !rng.chance(30) {
        return;
    }
    let acts: Vec<i64> = events.iter().map(|e| e.at).collect();
    for _ in 0..rng.within(1, 4) {
        let near = acts[rng.pick(acts.len())] + rng.within(-200, 400);
        let act = Act::TakenOver { pick: small(&mut rng) };
        events.push(Event { at: near.clamp(0, LENGTH_MS), act });
    }
}

/// The trader asks for packages in a part of the runs, in place of single instruments. From a
/// generator of its own, as `forge`.
fn packages(seed: u64, events: &mut [Event]) {
    let mut rng = Rng::new(seed ^ 0xa54f_f53a_5f1d_36f1);
    if !rng.chance(30) {
        return;
    }
    for e in events {
        let Act::Ask { millions, dealers, ttl_s } = e.act else { continue };
        if rng.chance(70) {
            let legs = u8::try_from(rng.within(2, 5)).unwrap_or(2);
            e.act = Act::AskPackage { millions, legs, dealers, ttl_s };
        }
    }
}

/// The journal cannot be written while dealers answer, take fills and quotes back, and the gateway
/// crashes, in a part of the runs. From a generator of its own, as `forge`.
fn unwritten(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0xbb67_ae85_84ca_a73b);
    let taken: Vec<i64> =
        events.iter().filter(|e| matches!(e.act, Act::Take { .. })).map(|e| e.at).collect();
    if taken.is_empty() || !rng.chance(25) {
        return;
    }
    // The accept itself is written down by then, or is not sent.
    let at = taken[rng.pick(taken.len())] + rng.within(1, 400);
    let for_ms = [200, 1_000, 4_000, 7_000][rng.pick(4)];
    let mut also = |events: &mut Vec<Event>, percent, at, act| {
        if rng.chance(percent) && at < LENGTH_MS {
            events.push(Event { at, act });
        }
    };
    events.push(Event { at: at.min(LENGTH_MS), act: Act::DiskFails { end: End::Gateway, for_ms } });
    for dealer in 0..3 {
        also(events, 60, at + 20 + for_ms / 4, Act::Bust { dealer });
        also(events, 20, at + 30 + for_ms / 4, Act::Withdraw { dealer });
    }
    let crash = Act::GatewayCrash { for_ms: 500, store_lost: false };
    also(events, 50, at + for_ms / 2, crash.clone());
    also(events, 50, at + for_ms + 3_000, crash);
}

/// Signatures that are not what they should be and evidence that cannot be written, in a part of
/// the runs. From a generator of their
/// own, so that the other events of a seed stay what they were.
fn forge(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x3c6e_f372_fe94_f82b);
    if !rng.chance(30) {
        return;
    }
    let forgeries = [Forgery::Missing, Forgery::Stranger, Forgery::Replayed, Forgery::Swapped];
    for _ in 0..rng.within(1, 4) {
        let act = match rng.within(0, 6) {
            0 => Act::Replay,
            5 => Act::EvidenceFails { for_ms: [200, 4_000, 12_000][rng.pick(3)] },
            n => Act::Forge(forgeries[usize::try_from(n).unwrap_or(1) - 1]),
        };
        // Just before the trader takes a price, where there is one to take.
        let taken: Vec<i64> =
            events.iter().filter(|e| matches!(e.act, Act::Take { .. })).map(|e| e.at).collect();
        let at = match taken.is_empty() {
            true => rng.within(0, LENGTH_MS),
            false => taken[rng.pick(taken.len())] - 1 + rng.within(0, 2) * 100,
        };
        events.push(Event { at, act });
    }
}

/// One way is slow when the trader takes a price, so that what was sent first arrives last, in a
/// part of the runs. Most often the desk has a newer connection by then. From a generator of its
/// own, as `forge`.
fn reordered(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x1f83_d9ab_fb41_bd6b);
    if !rng.chance(25) {
        return;
    }
    let taken: Vec<i64> =
        events.iter().filter(|e| matches!(e.act, Act::Take { .. })).map(|e| e.at).collect();
    let acts = if taken.is_empty() { times(events) } else { taken };
    for _ in 0..rng.within(1, 4) {
        let near = acts[rng.pick(acts.len())];
        let (by_ms, for_ms) = ([300, 900, 2_500][rng.pick(3)], rng.within(100, 4_000));
        if rng.chance(25) {
            let (dealer, to_dealer) = (a_dealer(&mut rng), rng.chance(50));
            let act = Act::DealerLag { dealer, to_dealer, by_ms, for_ms };
            put(events, near + rng.within(-400, 200), act);
            continue;
        }
        let from = if rng.chance(70) { End::Desk } else { End::Gateway };
        put(events, near - rng.within(1, 60), Act::DeskLag { from, by_ms, for_ms });
        if rng.chance(70) {
            let takes_ms = [0, 40, 300][rng.pick(3)];
            put(events, near + rng.within(1, 200), Act::DialBeside { takes_ms });
        }
    }
}

/// The desk makes another connection beside the one that is up, in a part of the runs. In some of
/// them the one that is up has just moved to an address that is proved, or not, after that. From a
/// generator of its own, as `forge`.
fn beside(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x428a_2f98_d728_ae22);
    if !rng.chance(20) {
        return;
    }
    let acts = times(events);
    for _ in 0..rng.within(1, 3) {
        let near = acts[rng.pick(acts.len())] + rng.within(-500, 1_500);
        put(events, near, Act::DialBeside { takes_ms: [0, 40, 400, 2_000][rng.pick(4)] });
        if rng.chance(40) {
            let act = Act::Migrate { proof_ms: rng.within(500, 3_000), proved: rng.chance(80) };
            put(events, near - rng.within(0, 200), act);
        }
    }
}

/// The clock of the laptop, or of a dealer, is set, in a part of the runs. From a generator of its
/// own, as `forge`.
fn clocks(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x923f_82a4_af19_4f9b);
    if !rng.chance(20) {
        return;
    }
    for _ in 0..rng.within(1, 3) {
        let at = rng.within(0, LENGTH_MS);
        let ms = [-120_000, -20_000, -1_500, 1_500, 20_000, 120_000][rng.pick(6)];
        if rng.chance(40) {
            put(events, at, Act::DealerClock { dealer: a_dealer(&mut rng), ms });
            continue;
        }
        put(events, at, Act::DeskClock { ms });
        // The desk reads it when it starts.
        if rng.chance(70) {
            let (for_ms, store_lost) = ([200, 1_000, 4_000][rng.pick(3)], rng.chance(20));
            put(events, at + rng.within(1, 1_000), Act::DeskCrash { for_ms, store_lost });
        }
    }
}

/// Dealers lose what they kept of requests and quotes, in a part of the runs. From a generator of
/// its own, as `forge`.
fn forgets(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x2431_85be_4ee4_b28c);
    if !rng.chance(15) {
        return;
    }
    let acts = times(events);
    for _ in 0..rng.within(1, 3) {
        let near = acts[rng.pick(acts.len())] + rng.within(-300, 1_500);
        let (dealer, for_ms) = (a_dealer(&mut rng), [50, 200, 1_000, 4_000][rng.pick(4)]);
        put(events, near, Act::DealerForgets { dealer, for_ms });
    }
}

/// When something happens.
fn times(events: &[Event]) -> Vec<i64> {
    events.iter().map(|e| e.at).collect()
}

fn put(events: &mut Vec<Event>, at: i64, act: Act) {
    events.push(Event { at: at.clamp(0, LENGTH_MS), act });
}

fn a_dealer(rng: &mut Rng) -> u8 {
    u8::try_from(rng.within(0, 3)).unwrap_or(0)
}

fn ask(rng: &mut Rng) -> Act {
    let millions = [1, 1, 1, 3, 5, 8][rng.pick(6)];
    let dealers = u8::try_from(rng.within(1, 8)).unwrap_or(1);
    Act::Ask { millions, dealers, ttl_s: [10, 15, 30, 60][rng.pick(4)] }
}

fn small(rng: &mut Rng) -> u8 {
    u8::try_from(rng.within(0, 8)).unwrap_or(0)
}

fn trader(rng: &mut Rng) -> Act {
    match rng.within(0, 20) {
        0..=10 => Act::Take { pick: small(rng) },
        11..=12 => Act::Arm { pick: small(rng) },
        13..=14 => Act::Confirm,
        15..=16 => Act::Cancel { pick: small(rng) },
        17 => Act::Dismiss { pick: small(rng) },
        _ => ask(rng),
    }
}

fn fault(rng: &mut Rng) -> Act {
    let for_ms = [200, 1_000, 4_000, 7_000, 12_000][rng.pick(5)];
    let dealer = u8::try_from(rng.within(0, 3)).unwrap_or(0);
    match rng.within(0, 37) {
        0..=7 => Act::Silence {
            from: if rng.chance(50) { End::Desk } else { End::Gateway },
            after: u32::try_from(rng.within(0, 400)).unwrap_or(0),
            for_ms: rng.chance(70).then_some(for_ms),
        },
        8..=10 => Act::Reset,
        11..=13 => Act::NewAddress { old_lives: rng.chance(50) },
        14..=15 => Act::Migrate { proof_ms: rng.within(1, 3_000), proved: rng.chance(80) },
        16 => Act::NoNetwork { for_ms },
        17..=18 => Act::Delay { ms: [1, 20, 150, 800][rng.pick(4)] },
        19 => Act::GatewayClock { ms: [-20_000, -1_500, 1_500, 20_000][rng.pick(4)] },
        20..=21 => Act::DeskCrash { for_ms, store_lost: rng.chance(30) },
        22..=23 => Act::GatewayCrash { for_ms, store_lost: rng.chance(20) },
        24 => Act::DealerCrash { dealer, for_ms },
        25..=26 => Act::DealerReset { dealer },
        27 => match rng.within(0, 3) {
            0 => Act::DiskFull { for_ms },
            1 => Act::DiskFails { end: End::Desk, for_ms },
            _ => Act::DiskFails { end: End::Gateway, for_ms },
        },
        28..=29 => Act::Locked { for_ms },
        30..=31 => Act::Requote { dealer },
        32..=33 => Act::Withdraw { dealer },
        _ => Act::NoNetwork { for_ms },
    }
}
