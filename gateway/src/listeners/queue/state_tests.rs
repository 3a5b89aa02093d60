use super::*;
use crate::config::{LimitsSection, Rate};
use proptest::prelude::*;
use std::time::Duration;

const FREE: Rate = Rate { burst: 1_000_000, per_minute: 1_000_000 };
const LIMITS: QueueLimits = QueueLimits {
    turns: 8,
    turns_per_address: 8,
    turns_per_network: 8,
    waiting: 100,
    waiting_per_address: 100,
    waiting_per_network: 100,
    connections_per_address: FREE,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A queue, the time, and what was told, for short tests.
struct Queue {
    state: State,
    now: Instant,
}

impl Queue {
    fn of(limits: QueueLimits) -> Self {
        Self { state: State::new(limits), now: Instant::now() }
    }

    fn silent(&mut self, from: &str) -> Result<u64, QueueFull> {
        self.state.arrive(self.now, Some(ip(from)))
    }

    fn ready(&mut self, from: &str) -> u64 {
        let id = self.silent(from).unwrap();
        self.state.ready(id);
        id
    }

    fn know(&mut self, from: &str) {
        self.state.known.logged_on(self.now, network(ip(from)));
    }

    fn rounds(&mut self, n: u64) {
        (0..n).for_each(|_| self.state.next_round());
    }

    /// Who is given a turn, and who loses a place.
    fn told(&mut self) -> (Vec<u64>, Vec<u64>) {
        let told = self.state.advance(self.now);
        let of = |what| told.iter().filter(|(_, t)| *t == what).map(|(id, _)| *id).collect();
        (of(Told::Turn), of(Told::Evicted))
    }

    fn turns(&mut self) -> Vec<u64> {
        let (turns, evicted) = self.told();
        assert!(evicted.is_empty(), "nobody loses a place: {evicted:?}");
        turns
    }
}

/// Turns of so many connections that have all spoken, in the order in which they are given, one
/// ending after the other.
fn order(limits: QueueLimits, known: &[&str], from: &[&str]) -> Vec<u64> {
    let mut q = Queue::of(limits);
    known.iter().for_each(|k| q.know(k));
    for f in from {
        q.ready(f);
    }
    let mut all = vec![];
    loop {
        let turns = q.turns();
        if turns.is_empty() {
            return all;
        }
        turns.iter().for_each(|id| q.state.gone(*id));
        all.extend(turns);
    }
}

#[test]
fn turns_go_round_the_networks_then_the_addresses_then_by_age() {
    let one = QueueLimits { turns: 1, ..LIMITS };
    for (known, from, want) in [
        // One address: as they came.
        (&[][..], &["10.0.0.1", "10.0.0.1", "10.0.0.1"][..], &[0, 1, 2][..]),
        // A crowd does not hold up another network, and that one no third.
        (&[], &["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.1.1", "10.0.2.1"], &[0, 3, 4, 1, 2]),
        // Within a network, the same holds for addresses.
        (&[], &["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"], &[0, 2, 1, 4, 3]),
        // Known networks first, whoever came first.
        (&["10.0.1.9"], &["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.1.2"], &[1, 3, 0, 2]),
        // One customer has a /64; a mapped address is the address.
        (&[], &["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"], &[0, 2, 1]),
        (&[], &["10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"], &[0, 3, 1, 2]),
    ] {
        assert_eq!(order(one, known, from), want, "{known:?} {from:?}");
    }
}

#[test]
fn a_source_at_its_share_waits_and_others_go_ahead() {
    let l = LIMITS;
    for (limits, from, first) in [
        (
            QueueLimits { turns_per_address: 2, ..l },
            &["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"][..],
            &[0, 3, 1][..],
        ),
        (
            QueueLimits { turns_per_network: 2, ..l },
            &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1"],
            &[0, 3, 1],
        ),
        (QueueLimits { turns: 1, ..l }, &["10.0.0.1", "10.0.1.1"], &[0]),
        // A quarter of the turns is for known networks only.
        (
            QueueLimits { turns: 4, ..l },
            &["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"],
            &[0, 1, 2],
        ),
        (
            QueueLimits { connections_per_address: Rate { burst: 1, per_minute: 60 }, ..l },
            &["10.0.0.1", "10.0.0.1", "10.0.1.1"],
            &[0, 2],
        ),
    ] {
        let mut q = Queue::of(limits);
        let ids: Vec<u64> = from.iter().map(|f| q.ready(f)).collect();
        assert_eq!(q.turns(), first, "{from:?}");
        assert!(q.turns().is_empty());
        // When those have gone and a second has passed, the others follow; nobody was refused.
        first.iter().for_each(|id| q.state.gone(*id));
        q.now += Duration::from_secs(1);
        let mut all = [first, &q.turns()].concat();
        all.sort();
        assert_eq!(all, ids, "{from:?}");
    }
}

#[test]
fn a_quarter_of_the_turns_is_kept_from_known_networks_too() {
    let mut q = Queue::of(QueueLimits { turns: 4, ..LIMITS });
    ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"].iter().for_each(|k| q.know(k));
    for from in ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1"] {
        q.ready(from);
    }
    assert_eq!(q.turns(), [0, 1, 2, 4]);
}

#[test]
fn one_that_says_nothing_is_given_no_turn_and_holds_up_nobody() {
    let mut q = Queue::of(QueueLimits { turns: 1, ..LIMITS });
    for n in 0..50 {
        q.silent(&format!("10.0.{n}.1")).unwrap();
    }
    let spoke = q.ready("10.0.0.1");
    assert_eq!(q.turns(), [spoke]);
}

/// What ends a turn: (rounds that it lasted, whether it has TLS, whether another one waits that
/// its end would help).
#[test]
fn a_turn_ends_early_only_after_a_fair_time_and_only_for_another() {
    let one = QueueLimits { turns: 1, ..LIMITS };
    let address = QueueLimits { turns_per_address: 1, ..LIMITS };
    let network = QueueLimits { turns_per_network: 1, ..LIMITS };
    let quarter = QueueLimits { turns: 2, ..LIMITS };
    let slow = QueueLimits {
        connections_per_address: Rate { burst: 1, per_minute: 1 },
        turns: 2,
        ..LIMITS
    };
    for (limits, rounds, encrypted, other, ends) in [
        (one, SILENT_ROUNDS - 1, false, Some("10.0.1.1"), false),
        (one, SILENT_ROUNDS, false, Some("10.0.1.1"), true),
        (one, SILENT_ROUNDS, false, None, false),
        (one, SILENT_ROUNDS, true, Some("10.0.1.1"), false),
        (one, ENCRYPTED_ROUNDS - 1, true, Some("10.0.1.1"), false),
        (one, ENCRYPTED_ROUNDS, true, Some("10.0.1.1"), true),
        (address, SILENT_ROUNDS, false, Some("10.0.0.1"), true),
        (address, SILENT_ROUNDS, false, Some("10.0.0.2"), false),
        (network, SILENT_ROUNDS, false, Some("10.0.0.2"), true),
        (network, SILENT_ROUNDS, false, Some("10.0.1.1"), false),
        (quarter, SILENT_ROUNDS, false, Some("10.0.1.1"), false),
        // The other one waits for its rate, which the end of no turn lifts.
        (slow, ENCRYPTED_ROUNDS, false, Some("10.0.0.1"), false),
    ] {
        let mut q = Queue::of(limits);
        let first = q.ready("10.0.0.1");
        assert_eq!(q.turns(), [first]);
        if encrypted {
            q.state.encrypted(first);
        }
        q.rounds(rounds);
        if let Some(other) = other {
            q.ready(other);
        }
        let (turns, evicted) = q.told();
        let case = (limits, rounds, encrypted, other);
        assert_eq!(evicted, if ends { vec![first] } else { vec![] }, "{case:?}");
        let goes = ends
            || other.is_some_and(|o| {
                limits.turns > 1 && limits.connections_per_address == FREE && {
                    !(limits.turns_per_address == 1 && o == "10.0.0.1")
                }
            });
        assert_eq!(turns.len(), usize::from(goes), "{case:?}");
    }
}

#[test]
fn of_two_overdue_turns_the_one_without_tls_ends() {
    let mut q = Queue::of(QueueLimits { turns: 2, ..LIMITS });
    q.know("10.0.1.1");
    let (proved, stalls) = (q.ready("10.0.0.1"), q.ready("10.0.1.1"));
    assert_eq!(q.turns(), [stalls, proved]);
    q.state.encrypted(proved);
    q.rounds(ENCRYPTED_ROUNDS);
    let third = q.ready("10.0.1.2");
    assert_eq!(q.told(), (vec![third], vec![stalls]));
}

#[test]
fn a_full_queue_takes_a_newcomer_for_whoever_had_time_to_speak_and_did_not() {
    let l = LIMITS;
    let bound = |address, network, all| QueueLimits {
        waiting_per_address: address,
        waiting_per_network: network,
        waiting: all,
        turns: 1,
        ..l
    };
    for (limits, newcomer, full) in [
        (bound(3, 9, 9), "10.0.0.1", QueueFull::Address),
        (bound(9, 3, 9), "10.0.0.2", QueueFull::Network),
        (bound(9, 9, 3), "10.0.0.1", QueueFull::All),
    ] {
        let mut q = Queue::of(limits);
        for _ in 0..3 {
            q.silent("10.0.0.1").unwrap();
        }
        assert_eq!(q.silent(newcomer), Err(full));
        q.rounds(SPEAK_ROUNDS - 1);
        assert_eq!(q.silent(newcomer), Err(full));
        q.rounds(1);
        let id = q.silent(newcomer).unwrap();
        assert_eq!(q.told(), (vec![], vec![0]));
        // Those who spoke stay, however long they wait.
        [1, 2, id].iter().for_each(|spoke| q.state.ready(*spoke));
        q.rounds(SPEAK_ROUNDS);
        assert_eq!(q.silent(newcomer), Err(full));
    }
    // Somebody else's bound is not theirs.
    let mut q = Queue::of(bound(1, 2, 9));
    q.silent("10.0.0.1").unwrap();
    assert_eq!(q.silent("10.0.0.1"), Err(QueueFull::Address));
    q.silent("10.0.0.2").unwrap();
    assert_eq!(q.silent("10.0.0.3"), Err(QueueFull::Network));
    q.silent("10.0.1.1").unwrap();
}

/// Who gives way when everybody who waits has spoken: (known networks, who waits, newcomer, whose
/// place it takes, or none).
#[test]
fn the_largest_crowd_gives_way_and_the_unknown_to_the_known() {
    let (a, b, c, d) = ("10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1");
    for (known, waits, newcomer, gives_way) in [
        (&[][..], [a, a, b, c], d, Some(1)),
        (&[], [a, b, a, c], d, Some(2)),
        // Its own network holds as many: it is part of the crowd.
        (&[], [a, a, b, c], b, None),
        (&[], [a, a, a, c], a, None),
        (&[], [a, b, c, "10.0.9.1"], d, None),
        // A known one takes the place of any unknown one, of the largest crowd first.
        (&[d], [a, b, c, "10.0.9.1"], d, Some(3)),
        (&[d], [a, d, a, b], d, Some(2)),
        (&[d], [d, d, d, d], d, None),
        (&[a, d], [a, a, a, a], d, Some(3)),
        // Known networks keep theirs, but for a crowd of their own.
        (&[a, b, c, d], [a, b, c, d], "10.0.9.1", None),
        (&[a], [a, a, b, c], d, Some(1)),
    ] {
        let mut q = Queue::of(QueueLimits { waiting: 4, turns: 1, ..LIMITS });
        // The only turn is taken, and just now.
        let busy = q.ready("192.0.2.1");
        assert_eq!(q.turns(), [busy]);
        known.iter().for_each(|k| q.know(k));
        for w in waits {
            q.ready(w);
        }
        let case = (known, waits, newcomer);
        match (q.silent(newcomer), gives_way) {
            (Ok(_), Some(n)) => assert_eq!(q.told().1, [busy + 1 + n], "{case:?}"),
            (Err(e), None) => assert_eq!((e, q.told().1), (QueueFull::All, vec![]), "{case:?}"),
            other => panic!("{case:?}: {other:?}"),
        }
    }
}

#[test]
fn one_that_is_named_later_counts_for_its_source() {
    let mut q = Queue::of(QueueLimits { waiting_per_address: 1, turns_per_address: 1, ..LIMITS });
    let ids: Vec<u64> = (0..3).map(|_| q.state.arrive(q.now, None).unwrap()).collect();
    let named = |q: &mut Queue, id, from| q.state.named(q.now, id, ip(from));
    assert_eq!(named(&mut q, ids[0], "10.0.0.1"), Ok(()));
    assert_eq!(named(&mut q, ids[1], "10.0.0.2"), Ok(()));
    assert_eq!(named(&mut q, ids[2], "10.0.0.1"), Err(QueueFull::Address));
    q.state.gone(ids[2]);
    ids.iter().for_each(|id| q.state.ready(*id));
    assert_eq!(q.turns(), ids[..2]);
    // Named in its turn, over QUIC: it is not refused, and its source has that turn.
    let mut q = Queue::of(QueueLimits { turns_per_address: 1, ..LIMITS });
    let unproved = q.state.arrive(q.now, None).unwrap();
    q.state.ready(unproved);
    assert_eq!(q.turns(), [unproved]);
    assert_eq!(named(&mut q, unproved, "10.0.0.1"), Ok(()));
    q.ready("10.0.0.1");
    assert!(q.turns().is_empty());
}

#[test]
fn the_network_of_a_logon_is_known_from_then_on() {
    let mut q = Queue::of(QueueLimits { turns: 1, ..LIMITS });
    let first = q.ready("10.0.7.1");
    assert_eq!(q.turns(), [first]);
    q.state.logged_on(q.now, first);
    q.state.gone(first);
    let (stranger, back) = (q.ready("10.0.0.1"), q.ready("10.0.7.2"));
    assert_eq!(q.turns(), [back]);
    q.state.gone(back);
    assert_eq!(q.turns(), [stranger]);
    // A source that is not known makes no network known.
    let nobody = q.state.arrive(q.now, None).unwrap();
    q.state.logged_on(q.now, nobody);
    assert!(!q.state.known.knows(q.now, NOBODY));
}

/// The crowd of the benchmark, and an office behind one address: nobody is refused or evicted.
#[test]
fn a_crowd_within_the_bounds_is_let_in_whole() {
    let defaults = QueueLimits::of(&LimitsSection::default());
    for one_address in [false, true] {
        let n: u32 = if one_address { 1_000 } else { 5_000 };
        let mut q = Queue::of(defaults);
        for i in 0..n {
            let from = if one_address { 1 } else { i << 8 };
            let id = q.state.arrive(q.now, Some(Ipv4Addr::from(0x0a00_0000 | from).into()));
            q.state.ready(id.unwrap());
        }
        let mut on = 0;
        while on < n {
            let turns = q.turns();
            // A turn of a crowd takes longer than one, but a fair time.
            q.rounds(SILENT_ROUNDS - 1);
            q.now += Duration::from_secs(1);
            assert!(q.turns().is_empty());
            turns.iter().for_each(|id| q.state.gone(*id));
            on += u32::try_from(turns.len()).unwrap();
        }
        assert!(q.state.is_empty());
    }
}

/// An attacker with so many networks, each with so many connections that say hello and no more:
/// an honest desk of another network has its turn within two fair times.
#[test]
fn a_flood_of_hellos_keeps_no_honest_desk_out() {
    for (networks, each, known) in [(1, 2_000, false), (4, 2_000, false), (5_000, 1, true)] {
        let mut q = Queue::of(QueueLimits::of(&LimitsSection::default()));
        q.know("192.0.2.1");
        let flood = |q: &mut Queue| {
            for i in 0..networks * each {
                let from = Ipv4Addr::from(0x0a00_0000 | ((i % networks) << 8) | 1);
                if let Ok(id) = q.state.arrive(q.now, Some(from.into())) {
                    q.state.ready(id);
                }
            }
        };
        flood(&mut q);
        q.told();
        let honest = q.ready(if known { "192.0.2.1" } else { "198.51.100.1" });
        let mut waited = 0;
        while !q.told().0.contains(&honest) {
            q.rounds(1);
            flood(&mut q);
            waited += 1;
            assert!(waited <= 2 * SILENT_ROUNDS, "{networks} networks, {each} each");
        }
    }
}

fn bounds_hold(q: &Queue, l: QueueLimits) -> Result<(), TestCaseError> {
    let s = &q.state;
    prop_assert!(s.all.turns <= l.turns && s.all.waiting() <= l.waiting);
    prop_assert!(s.kind_turns.iter().all(|n| *n <= l.turns - l.turns / 4));
    prop_assert_eq!(s.kind_turns.iter().sum::<usize>(), s.all.turns);
    prop_assert_eq!(s.turns.len(), s.all.turns);
    prop_assert_eq!(s.entries.len(), s.all.turns + s.all.waiting());
    let (mut waiting, mut turns, mut rings) = (0, 0, 0);
    for (net, n) in &s.networks {
        prop_assert!(n.tally.turns <= l.turns_per_network);
        prop_assert!(n.tally.waiting() <= l.waiting_per_network && !n.tally.is_empty());
        let stands = s.crowds[n.kind as usize].contains(&(n.tally.waiting(), *net));
        prop_assert_eq!(stands, n.tally.waiting() > 0);
        prop_assert_eq!(n.at.is_some(), !n.tally.ready.is_empty());
        rings += usize::from(n.at.is_some());
        waiting += n.tally.waiting();
        turns += n.tally.turns;
        for a in n.addresses.values() {
            prop_assert!(a.tally.turns <= l.turns_per_address);
            prop_assert!(a.tally.waiting() <= l.waiting_per_address && !a.tally.is_empty());
            prop_assert_eq!(a.at.is_some(), !a.tally.ready.is_empty());
        }
        let in_ring = n.addresses.values().filter(|a| a.at.is_some()).count();
        prop_assert_eq!(n.ring.in_order().count(), in_ring);
    }
    prop_assert_eq!((waiting, turns), (s.all.waiting(), s.all.turns));
    prop_assert_eq!(s.rings.iter().map(|r| r.in_order().count()).sum::<usize>(), rings);
    Ok(())
}

proptest! {
    /// Whoever comes, speaks, logs on and goes: every bound holds, every index agrees, and while
    /// turns are free nobody who could have one waits.
    #[test]
    fn bounds_hold_and_no_turn_is_wasted(
        steps in prop::collection::vec((0u8..9, 0u8..4, 0u8..3, 0u64..40), 1..250)
    ) {
        let l = QueueLimits {
            turns: 6,
            turns_per_address: 2,
            turns_per_network: 3,
            waiting: 12,
            waiting_per_address: 4,
            waiting_per_network: 6,
            connections_per_address: Rate { burst: 5, per_minute: 600 },
        };
        let mut q = Queue::of(l);
        for (what, net, host, which) in steps {
            let source = IpAddr::V4(Ipv4Addr::new(10, 0, net, host));
            let mut ids: Vec<u64> = q.state.entries.keys().copied().collect();
            ids.sort();
            let id = ids.get(which as usize % ids.len().max(1)).copied();
            match (what, id) {
                (0..=2, _) => {
                    if let Ok(id) = q.state.arrive(q.now, Some(source)) && what > 0 {
                        q.state.ready(id);
                    }
                }
                (3, Some(id)) => q.state.ready(id),
                (4, Some(id)) => q.state.encrypted(id),
                (5, Some(id)) => {
                    q.state.logged_on(q.now, id);
                    q.state.gone(id);
                }
                (6, Some(id)) => q.state.gone(id),
                (7, _) => q.rounds(which),
                _ => q.now += Duration::from_millis(which * 10),
            }
            q.told();
            bounds_hold(&q, l)?;
            let waits = q.state.entries.values().filter(|e| e.stage == Stage::Ready);
            for e in waits {
                prop_assert!(q.state.bar(q.now, e.source).is_some());
            }
        }
    }
}
