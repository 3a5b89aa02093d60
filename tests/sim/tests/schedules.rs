//! Thousands of seeded schedules; `SIM_SEED=... cargo test -p signet-sim` runs one and tells its
//! story, `SIM_SCHEDULES=...` says how many are run, `SIM_FIRST=...` from which seed on.

use signet_sim::{
    ACTS, Act, Bar, End, Event, Failures, LENGTH_MS, Recorded, Seen, Tally, recorded, run,
    run_many, schedule, shrunk, traced,
};
use std::collections::BTreeMap;

/// The ordinary number of schedules.
const ORDINARY: u64 = 2_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|s| s.parse().ok())
}

fn report((tally, failures): &(Tally, Failures), count: u64) {
    eprintln!("{count} schedules: {tally:?}");
    for (n, seed, violation) in failures.values() {
        eprintln!("{n} times {}", shrunk(*seed, violation.clone()));
    }
    assert!(failures.is_empty(), "{} invariants were broken", failures.len());
}

/// In the ordinary number of schedules each act occurs, and meets what it is there for.
fn everything_occurred(tally: &Tally) {
    let never: Vec<_> = ACTS.iter().filter(|act| !tally.acts.contains_key(*act)).collect();
    assert!(never.is_empty(), "in no schedule: {never:?}");
    let Seen { displaced, late, late_moves, overtaken, wrong_clocks, forgotten, absent, .. } =
        tally.seen;
    let Seen { cuts, aheads, colleague, rests, corrections, barred, older, .. } = tally.seen;
    for (what, n) in [
        ("a connection takes the place of one that is up", displaced),
        ("a message of a displaced connection comes late", late),
        ("a move of a displaced connection is proved", late_moves),
        ("what was written first arrives last", overtaken),
        ("the desk starts with a wrong clock", wrong_clocks),
        ("a dealer forgets live quotes", forgotten),
        ("a dealer is off when everything else has settled", absent),
        ("a dealer answers at the cut", cuts),
        ("an accept goes on by a touch that was given before", aheads),
        ("a colleague accepts in an RFQ that was taken over", colleague),
        ("an order has a rest after its first part", rests),
        ("a fill is corrected", corrections),
        ("a look at what somebody has open who is kept out", barred),
        ("a gateway is started on an older journal", older),
        ("a part of a quote is taken", tally.taken_parts),
    ] {
        assert!(n > 0, "in no schedule: {what}");
    }
    assert!(tally.listed > 0, "in no schedule: a row of a confirmed list is taken");
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
    let count = setting("SIM_SCHEDULES").unwrap_or(ORDINARY);
    let outcome = run_many(setting("SIM_FIRST").unwrap_or(1), count);
    report(&outcome, count);
    if count >= ORDINARY {
        everything_occurred(&outcome.0);
    }
}

/// Schedules that broke an invariant once. Their events are those of that day; the desk's link has
/// the product's times since then, so they meet it at other moments.
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
/// does not go on, one that waited less does. Without a network the desk makes no other connection
/// meanwhile.
#[test]
fn an_accept_that_waits_for_the_proof_of_an_address_is_late_after_its_deadline() {
    let with = |proof_ms, seed| {
        let ask = Act::Ask { millions: 1, dealers: 7, ttl_s: 60 };
        let events = [
            Event { at: 1_000, act: ask },
            Event { at: 5_990, act: Act::Migrate { proof_ms, proved: true } },
            Event { at: 6_000, act: Act::Take { pick: 0 } },
            Event { at: 6_001, act: Act::NoNetwork { for_ms: 2_400 } },
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

/// The sum over runs of the same events.
fn sum(seeds: u64, events: &[Event]) -> Tally {
    let mut all = Tally::default();
    for seed in 1..=seeds {
        all += run(seed, events).unwrap_or_else(|v| panic!("seed {seed}: {v:?}"));
    }
    all
}

/// One dealer is asked: no touch is needed, and nobody else quotes.
fn ask_one(at: i64) -> Event {
    Event { at, act: Act::Ask { millions: 1, dealers: 1, ttl_s: 60 } }
}

fn take(at: i64) -> Event {
    Event { at, act: Act::Take { pick: 0 } }
}

/// An accept that is slow on the old connection arrives after the new one has logged on.
#[test]
fn an_accept_that_comes_late_over_a_displaced_connection_reaches_no_dealer() {
    let all = sum(
        40,
        &[
            ask_one(1_000),
            Event { at: 4_990, act: Act::DeskLag { from: End::Desk, by_ms: 1_500, for_ms: 1_000 } },
            take(5_000),
            Event { at: 5_010, act: Act::DialBeside { takes_ms: 40 } },
        ],
    );
    assert!(all.sent > 15 && all.seen.late >= all.sent, "{all:?}");
    assert_eq!(all.arrived, 0, "{all:?}");
}

/// While another connection is being made, the one that is up serves the desk.
#[test]
fn an_accept_leaves_over_the_connection_that_is_up_while_another_one_is_made() {
    let all = sum(
        40,
        &[
            ask_one(1_000),
            Event { at: 4_500, act: Act::DialBeside { takes_ms: 2_000 } },
            take(5_000),
        ],
    );
    assert!(all.arrived > 15 && all.fills > 10, "{all:?}");
    assert!(all.seen.displaced >= 40, "{all:?}");
}

/// Deadlines are on the gateway's clock, which a desk measures before it trades.
#[test]
fn a_desk_on_a_laptop_whose_clock_is_wrong_trades() {
    for ms in [-120_000, 120_000] {
        let all = sum(
            40,
            &[
                Event { at: 100, act: Act::DeskClock { ms } },
                Event { at: 200, act: Act::DeskCrash { for_ms: 200, store_lost: false } },
                ask_one(3_000),
                take(6_000),
            ],
        );
        assert!(all.seen.wrong_clocks == 40 && all.fills > 10, "{ms} ms: {all:?}");
    }
}

/// What the gateway repeats after a logon is not over by the clock of a laptop that is fast, which
/// is all that the desk knows until its first ping is answered.
#[test]
fn an_open_request_outlives_a_restart_on_a_laptop_whose_clock_is_fast() {
    let all = sum(
        40,
        &[
            ask_one(1_000),
            Event { at: 2_500, act: Act::DeskClock { ms: 120_000 } },
            Event { at: 2_600, act: Act::DeskCrash { for_ms: 200, store_lost: false } },
            take(5_000),
        ],
    );
    assert!(all.seen.wrong_clocks == 40 && all.sent > 15, "{all:?}");
}

/// A dealer that lost its quotes does not repeat them, so nobody can press them.
#[test]
fn a_quote_that_its_dealer_has_forgotten_cannot_be_pressed() {
    let all = sum(
        40,
        &[
            ask_one(1_000),
            Event { at: 4_000, act: Act::DealerForgets { dealer: 0, for_ms: 300 } },
            take(8_000),
        ],
    );
    assert!(all.seen.forgotten > 15, "{all:?}");
    assert_eq!(all.sent, 0, "{all:?}");
}

/// A gateway that starts again holds quotes whose dealers are away, or have lost them: nobody can
/// press one before its dealer has said it again.
#[test]
fn after_a_restart_of_the_gateway_nobody_presses_what_no_dealer_has_said_again() {
    let crash = |at| Event { at, act: Act::GatewayCrash { for_ms: 200, store_lost: false } };
    for gone in [Act::DealerAway { dealer: 0 }, Act::DealerForgets { dealer: 0, for_ms: 300 }] {
        let gone = Event { at: 4_000, act: gone };
        let all = sum(40, &[ask_one(1_000), gone, crash(4_100), take(8_000)]);
        assert_eq!(all.sent, 0, "{all:?}");
    }
    let all = sum(40, &[ask_one(1_000), crash(4_100), take(8_000)]);
    assert!(all.sent > 10 && all.fills > 5, "a dealer that is back says its quotes again: {all:?}");
}

/// A dealer that is away stays away, also when it was about to start again.
#[test]
fn a_dealer_that_went_away_while_it_was_down_does_not_come_back() {
    let all = sum(
        40,
        &[
            Event { at: 3_000, act: Act::DealerForgets { dealer: 0, for_ms: 1_500 } },
            Event { at: 4_000, act: Act::DealerAway { dealer: 0 } },
            ask_one(6_000),
            take(9_000),
        ],
    );
    assert!(all.seen.absent > 30, "{all:?}");
    assert_eq!(all.sent, 0, "{all:?}");
}

/// Three requests leave as a list, and one confirmation takes those within their limits.
fn list(more: &[Event]) -> Vec<Event> {
    let mut events = vec![
        Event { at: 2_500, act: Act::SendList { millions: 1, ttl_s: 60 } },
        Event { at: 5_500, act: Act::TakeList },
    ];
    events.extend_from_slice(more);
    events
}

#[test]
fn a_confirmed_list_is_taken_row_by_row() {
    let again = [Event { at: 12_000, act: Act::TakeList }];
    let all = sum(40, &list(&again));
    assert!(all.listed > 40 && all.listed == all.sent && all.fills > 20, "{all:?}");
}

/// What was confirmed and has not left when the connection is lost does not leave after it: a row
/// that did would break `list.unconfirmed`.
#[test]
fn the_rest_of_a_confirmed_list_does_not_leave_after_a_cut() {
    let quiet = sum(40, &list(&[]));
    for fault in [
        Act::Reset,
        Act::DeskCrash { for_ms: 200, store_lost: false },
        Act::GatewayCrash { for_ms: 200, store_lost: false },
    ] {
        let name = fault.name();
        // Between the first row's turn and the next one.
        let all = sum(40, &list(&[Event { at: 5_610, act: fault }]));
        assert!(all.listed > 0 && all.listed < quiet.listed, "{name}: {all:?}");
    }
}

/// The gateway's clock is set forwards and back while desks and dealers speak: each message is on
/// record in its order with a good signature, and each step is an alert but for those that clocks
/// make by themselves.
#[test]
fn no_message_passes_unrecorded_when_the_clock_of_the_gateway_is_set() {
    const SEEDS: u64 = 40;
    const STEPS: usize = 4;
    let step = |at, ms| Event { at, act: Act::GatewayClock { ms } };
    let events = [
        ask_one(1_000),
        take(3_500),
        step(4_500, 20_000),
        ask_one(5_000),
        Event { at: 6_500, act: Act::Requote { dealer: 0 } },
        step(7_500, -20_000),
        ask_one(8_000),
        take(10_500),
        step(11_500, -20_000),
        ask_one(12_000),
        take(14_500),
        step(15_500, 1_500),
        step(16_500, -1_500),
        step(17_500, 20_000),
        ask_one(18_000),
        take(20_500),
    ];
    let (mut fills, mut backwards) = (0, 0);
    for seed in 1..=SEEDS {
        let found = recorded(seed, &events).unwrap_or_else(|v| panic!("seed {seed}: {v:?}"));
        let Recorded { tally, messages, backwards: back, steps } = found;
        assert_eq!(steps, STEPS, "seed {seed}: each step is an alert");
        assert!(messages > 0, "seed {seed}");
        fills += tally.fills;
        backwards += back;
    }
    assert!(fills > 5 && backwards > 10, "{fills} fills, {backwards} times back");
}

/// A trader may take less than a quote is for: the dealer executes that and no more, at once or in
/// two parts, and both ends have the same numbers.
#[test]
fn a_part_of_a_quote_is_traded_as_it_was_taken() {
    let part = Event { at: 4_000, act: Act::TakePart { pick: 0, percent: 30 } };
    let all = sum(160, &[ask_one(1_000), part]);
    assert!(all.taken_parts > 30 && all.taken_parts == all.sent, "{all:?}");
    assert!(all.fills > 20 && all.seen.rests > 0, "{all:?}");
}

/// EAST lets no part of its quotes be taken.
#[test]
fn a_dealer_that_lets_no_part_be_taken_is_sent_none() {
    let ask = Act::Ask { millions: 1, dealers: 4, ttl_s: 60 };
    let part = Event { at: 4_000, act: Act::TakePart { pick: 0, percent: 30 } };
    let all = sum(40, &[Event { at: 1_000, act: ask }, part]);
    assert_eq!(all.sent, 0, "{all:?}");
}

/// Five million need a touch, which is given before the quote is chosen: once, over the connection
/// that is up.
#[test]
fn an_accept_that_was_approved_ahead_needs_no_other_touch() {
    let ask = Event { at: 1_000, act: Act::Ask { millions: 5, dealers: 1, ttl_s: 60 } };
    let ahead = Event { at: 3_000, act: Act::ApproveAhead { pick: 0, ticks: 100 } };
    let all = sum(60, &[ask.clone(), ahead.clone(), take(8_000)]);
    assert!(all.seen.aheads > 8 && all.fills > 5, "{all:?}");
    // Over another connection it needs a touch of its own.
    let reset = Event { at: 7_000, act: Act::Reset };
    let all = sum(60, &[ask, ahead, reset, take(9_500)]);
    assert!(all.seen.aheads == 0 && all.approved > 8, "{all:?}");
}

/// An RFQ that a colleague took over trades once, whoever of both accepts, and after a restart too.
#[test]
fn an_rfq_that_was_taken_over_is_the_colleagues_to_trade() {
    let taken = Event { at: 4_000, act: Act::TakenOver { pick: 0 } };
    let crash = Act::GatewayCrash { for_ms: 500, store_lost: false };
    let accepts = |at| Event { at, act: Act::ColleagueAccepts { pick: 0 } };
    let all = sum(40, &[ask_one(1_000), taken.clone(), accepts(4_500), take(4_510)]);
    assert!(all.taken > 30 && all.seen.colleague > 15, "{all:?}");
    assert_eq!(all.arrived, all.seen.colleague, "{all:?}");
    let crash = Event { at: 4_600, act: crash };
    let all = sum(40, &[ask_one(1_000), taken, crash, accepts(8_000), take(8_010)]);
    assert!(all.seen.colleague > 10 && all.arrived == all.seen.colleague, "{all:?}");
}

/// What a dealer corrects has the same numbers at both ends, also after a restart of either.
#[test]
fn a_corrected_fill_is_the_same_everywhere_also_after_a_restart() {
    let correct = Event { at: 7_000, act: Act::Correct { dealer: 0 } };
    let events = [ask_one(1_000), take(3_500), correct];
    for crash in [
        Act::GatewayCrash { for_ms: 1_000, store_lost: false },
        Act::DeskCrash { for_ms: 1_000, store_lost: false },
    ] {
        let mut events = events.to_vec();
        events.push(Event { at: 7_100, act: crash });
        let all = sum(60, &events);
        assert!(all.seen.corrections > 0, "{all:?}");
    }
}

/// Whoever is kept out has nothing open at dealers: one who is on, one who is away, and one who was
/// kept out while the gateway was down. It ends with the bar.
#[test]
fn whoever_is_kept_out_has_nothing_open_also_at_a_restart() {
    let crash = |at| Event { at, act: Act::GatewayCrash { for_ms: 2_000, store_lost: false } };
    let away = Act::DeskCrash { for_ms: 9_000, store_lost: false };
    for how in [Bar::User, Bar::Device, Bar::Certificate, Bar::Fatigue, Bar::Signal] {
        let bar = |for_ms| Event { at: 3_000, act: Act::Barred { how, for_ms } };
        for before in [None, Some(crash(2_500)), Some(Event { at: 2_500, act: away.clone() })] {
            let mut events = vec![ask_one(1_000)];
            events.extend(before);
            events.extend([bar(None), take(6_000)]);
            let all = sum(10, &events);
            assert!(all.seen.barred >= 10 && all.sent == 0, "{how:?}: {all:?}");
        }
        let all = sum(20, &[bar(Some(1_000)), ask_one(12_000), take(15_000)]);
        assert!(all.sent > 5, "{how:?}: {all:?}");
    }
}

/// A gateway finds out that its journal is an older one, and starts on its own.
#[test]
fn a_gateway_does_not_start_on_an_older_journal() {
    let keep = Event { at: 3_000, act: Act::KeepJournal };
    let older = Event { at: 8_000, act: Act::OlderJournal { for_ms: 500 } };
    let all = sum(40, &[ask_one(1_000), keep, take(4_000), older]);
    assert!(all.seen.older > 10 && all.fills > 5, "{all:?}");
}

#[test]
#[ignore = "a million schedules take hours: by hand"]
fn a_million_schedules_break_no_invariant() {
    let count = setting("SIM_SCHEDULES").unwrap_or(1_000_000);
    report(&run_many(setting("SIM_FIRST").unwrap_or(1_000_000), count), count);
}
