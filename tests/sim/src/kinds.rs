//! The schedule of a seed: what the trader does and what breaks, then kinds of events that a part of
//! the runs has. Each kind has a generator of its own, so the events of a seed stay what they were
//! when another kind comes to them.

use crate::{
    rng::Rng,
    schedule::{Act, End, Event, LENGTH_MS, ask, fault, small, trader},
    signer::Forgery,
};
use signet_gateway::simulated::Bar;

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
    add(seed, &mut events);
    events.sort_by_key(|e| e.at);
    events
}

/// Adds the events of each kind that a seed has.
fn add(seed: u64, events: &mut Vec<Event>) {
    packages(seed, events);
    forge(seed, events);
    unwritten(seed, events);
    taken_over(seed, events);
    countered(seed, events);
    // What came last stands last, so that the events before stay what they were.
    reordered(seed, events);
    beside(seed, events);
    clocks(seed, events);
    forgets(seed, events);
    listed(seed, events);
    away(seed, events);
    ahead(seed, events);
    corrected(seed, events);
    barred(seed, events);
    older(seed, events);
    // Last, since other kinds stand close to what is taken as a whole.
    parted(seed, events);
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
        if rng.chance(60) {
            let act = Act::ColleagueAccepts { pick: small(&mut rng) };
            put(events, near + rng.within(1, 4_000), act);
        }
        if rng.chance(20) {
            let act = Act::GatewayCrash { for_ms: 200, store_lost: false };
            put(events, near + rng.within(1, 4_000), act);
        }
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

/// The trader sends a list and takes what is within its limits, often close to a fault, in a part of
/// the runs. From a generator of its own, as `forge`.
fn listed(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0xab1c_5ed5_da6d_8118);
    if !rng.chance(20) {
        return;
    }
    let at = rng.within(1_500, 9_000);
    let millions = [1, 1, 3][rng.pick(3)];
    put(events, at, Act::SendList { millions, ttl_s: [15, 30, 60][rng.pick(3)] });
    if rng.chance(30) {
        put(events, at + rng.within(100, 900), fault(&mut rng));
    }
    for _ in 0..rng.within(1, 4) {
        let takes = at + rng.within(1_200, 9_000);
        put(events, takes, Act::TakeList);
        if rng.chance(60) {
            put(events, takes + rng.within(-300, 700), fault(&mut rng));
        }
    }
    if rng.chance(30) {
        put(events, at + rng.within(2_000, 9_000), Act::SendList { millions, ttl_s: 30 });
    }
}

/// A dealer ends and does not come back while the run lasts, often close to a crash of the gateway,
/// in a part of the runs. From a generator of its own, as `forge`.
fn away(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x243f_6a88_85a3_08d3);
    if !rng.chance(15) {
        return;
    }
    let acts = times(events);
    let at = acts[rng.pick(acts.len())] + rng.within(-300, 4_000);
    put(events, at, Act::DealerAway { dealer: a_dealer(&mut rng) });
    let leaves = acts[rng.pick(acts.len())] + rng.within(-100, 1_000);
    put(events, leaves, Act::DealerLeaves { dealer: a_dealer(&mut rng) });
    if rng.chance(60) {
        let (for_ms, store_lost) = ([200, 1_000, 4_000][rng.pick(3)], rng.chance(20));
        put(events, at + rng.within(-500, 3_000), Act::GatewayCrash { for_ms, store_lost });
    }
}

/// The trader approves an accept to come and takes a price after it, often with a fault between, in
/// a part of the runs. From a generator of its own, as `forge`.
fn ahead(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0xb5c0_fbcf_ec4d_3b2f);
    if !rng.chance(25) {
        return;
    }
    let asked: Vec<i64> = events
        .iter()
        .filter(|e| matches!(e.act, Act::Ask { .. } | Act::AskPackage { .. }))
        .map(|e| e.at)
        .collect();
    for _ in 0..rng.within(1, 4) {
        let at = asked[rng.pick(asked.len())] + rng.within(200, 4_000);
        let pick = small(&mut rng);
        put(events, at, Act::ApproveAhead { pick, ticks: [0, 20, 100][rng.pick(3)] });
        for _ in 0..rng.within(1, 3) {
            let takes = at + rng.within(200, 6_000);
            let pick = if rng.chance(70) { pick } else { small(&mut rng) };
            put(events, takes, Act::Take { pick });
            if rng.chance(25) {
                put(events, takes + rng.within(-1_000, 200), fault(&mut rng));
            }
        }
    }
}

/// Dealers correct fills, often close to a crash of the gateway or the desk, in a part of the runs.
/// From a generator of its own, as `forge`.
fn corrected(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0xe9b5_dba5_8189_dbbc);
    let taken: Vec<i64> =
        events.iter().filter(|e| matches!(e.act, Act::Take { .. })).map(|e| e.at).collect();
    if taken.is_empty() || !rng.chance(25) {
        return;
    }
    for _ in 0..rng.within(1, 4) {
        let at = taken[rng.pick(taken.len())] + rng.within(100, 6_000);
        let dealer = a_dealer(&mut rng);
        put(events, at, Act::Correct { dealer });
        if rng.chance(25) {
            put(events, at + rng.within(10, 2_000), Act::Bust { dealer });
        }
        if rng.chance(30) {
            put(events, at + rng.within(-500, 500), fault(&mut rng));
        }
        if rng.chance(30) {
            let (for_ms, store_lost) = ([200, 1_000, 4_000][rng.pick(3)], rng.chance(20));
            let act = match rng.chance(50) {
                true => Act::GatewayCrash { for_ms, store_lost },
                false => Act::DeskCrash { for_ms, store_lost },
            };
            put(events, at + rng.within(-500, 1_500), act);
        }
    }
}

/// The trader is kept out, while on or away, often close to a crash of the gateway or to a disk that
/// takes nothing, in a part of the runs. From a generator of its own, as `forge`.
fn barred(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x3956_c25b_f348_b538);
    if !rng.chance(25) {
        return;
    }
    let acts = times(events);
    for _ in 0..rng.within(1, 3) {
        let at = acts[rng.pick(acts.len())] + rng.within(-300, 3_000);
        let all = [Bar::User, Bar::Device, Bar::Certificate, Bar::Fatigue, Bar::Signal];
        let (how, for_ms) = (all[rng.pick(5)], [Some(1_000), Some(8_000), None][rng.pick(3)]);
        put(events, at, Act::Barred { how, for_ms });
        if rng.chance(30) {
            let for_ms = [200, 1_000, 4_000][rng.pick(3)];
            let act = Act::DeskCrash { for_ms, store_lost: false };
            put(events, at + rng.within(-3_000, 500), act);
        }
        if rng.chance(40) {
            let (for_ms, store_lost) = ([200, 1_000, 4_000][rng.pick(3)], rng.chance(20));
            let act = Act::GatewayCrash { for_ms, store_lost };
            put(events, at + rng.within(-3_000, 3_000), act);
        }
        if rng.chance(25) {
            let for_ms = [200, 1_000, 4_000, 7_000][rng.pick(4)];
            let act = match rng.chance(50) {
                true => Act::DiskFails { end: End::Gateway, for_ms },
                false => Act::EvidenceFails { for_ms },
            };
            put(events, at + rng.within(-500, 200), act);
        }
    }
}

/// The gateway is started on an older journal, in a few of the runs. From a generator of its own,
/// as `forge`.
fn older(seed: u64, events: &mut Vec<Event>) {
    let mut rng = Rng::new(seed ^ 0x59f1_11f1_b605_d019);
    if !rng.chance(6) {
        return;
    }
    let at = rng.within(0, 8_000);
    put(events, at, Act::KeepJournal);
    let for_ms = [200, 1_000, 4_000][rng.pick(3)];
    put(events, at + rng.within(500, 12_000), Act::OlderJournal { for_ms });
}

/// The trader takes parts of quotes, or lets quotes follow their dealers, in place of quotes as they
/// are, in a part of the runs. From a generator of its own, as `forge`.
fn parted(seed: u64, events: &mut [Event]) {
    let mut rng = Rng::new(seed ^ 0xd807_aa98_a303_0242);
    if !rng.chance(40) {
        return;
    }
    for e in events {
        let Act::Take { pick } = e.act else { continue };
        match rng.within(0, 4) {
            0..=1 => e.act = Act::TakePart { pick, percent: [1, 25, 50, 99][rng.pick(4)] },
            2 => e.act = Act::TakeWithin { pick, ticks: [1, 10, 100][rng.pick(3)] },
            _ => {}
        }
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
