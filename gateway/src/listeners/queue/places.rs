//! Places in the rings of the queue, and those of sources that hung up while they waited.
//!
//! A desk gives an attempt up after some seconds and dials again. On a machine that needs longer
//! than that for a crowd, it would go to the end each time. Its address is what it has proved, so
//! address and network have their places back if they return soon. That gives nobody more than
//! staying connected does: a source has one place, however many connections it has.

use super::tally::Ring;
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

/// Rounds for which a place is kept. The longest pause before a desk dials again is 2 s.
pub(super) const KEPT_ROUNDS: u64 = 100;
/// Places of addresses that are kept, and as many of networks; beyond it the one that ends first
/// is forgotten.
const KEPT_MAX: usize = 4_096;

/// Gives places out; they grow, so that the first in a ring is the one that waited longest.
#[derive(Debug, Default)]
pub(super) struct Places {
    next: u64,
    networks: Kept,
    addresses: Kept,
}

impl Places {
    /// Behind everybody.
    pub(super) fn last(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Where a network stands that begins to wait.
    pub(super) fn of_network(&mut self, round: u64, who: IpAddr) -> u64 {
        self.networks.take(round, who).unwrap_or_else(|| self.last())
    }

    /// Where an address stands within its network that begins to wait.
    pub(super) fn of_address(&mut self, round: u64, who: IpAddr) -> u64 {
        self.addresses.take(round, who).unwrap_or_else(|| self.last())
    }

    pub(super) fn keep_network(&mut self, round: u64, who: IpAddr, at: u64) {
        self.networks.keep(round, who, at);
    }

    pub(super) fn keep_address(&mut self, round: u64, who: IpAddr, at: u64) {
        self.addresses.keep(round, who, at);
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// The place, and the round until which it is kept.
    places: HashMap<IpAddr, (u64, u64)>,
    ends: BTreeSet<(u64, IpAddr)>,
}

impl Kept {
    fn keep(&mut self, round: u64, who: IpAddr, at: u64) {
        self.forget(who);
        let until = round + KEPT_ROUNDS;
        self.places.insert(who, (at, until));
        self.ends.insert((until, who));
        while let Some((until, first)) = self.ends.first().copied()
            && (until <= round || self.ends.len() > KEPT_MAX)
        {
            self.forget(first);
        }
    }

    fn take(&mut self, round: u64, who: IpAddr) -> Option<u64> {
        self.forget(who).filter(|(_, until)| *until > round).map(|(at, _)| at)
    }

    fn forget(&mut self, who: IpAddr) -> Option<(u64, u64)> {
        let kept = self.places.remove(&who)?;
        self.ends.remove(&(kept.1, who));
        Some(kept)
    }
}

/// Has a source stand in a ring, at `place` if it did not, or not at all.
pub(super) fn stand(
    ring: &mut Ring,
    at: &mut Option<u64>,
    who: IpAddr,
    waits: bool,
    place: impl FnOnce() -> u64,
) {
    match (waits, *at) {
        (true, None) => {
            let place = place();
            ring.put(place, who);
            *at = Some(place);
        }
        (false, Some(place)) => {
            ring.remove(place);
            *at = None;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::LimitsSection,
        listeners::queue::state::{State, Told},
        listeners::queue::{QueueFull, QueueLimits},
    };
    use std::time::Instant;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    /// One turn at a time.
    struct Queue(State, Instant);

    impl Queue {
        fn new() -> Self {
            let limits = QueueLimits::of(&LimitsSection::default());
            Self(State::new(QueueLimits { turns: 1, ..limits }), Instant::now())
        }

        fn ready(&mut self, from: &str) -> u64 {
            let id: Result<u64, QueueFull> = self.0.arrive(self.1, Some(from.parse().unwrap()));
            self.0.ready(id.unwrap());
            id.unwrap()
        }

        fn rounds(&mut self, n: u64) {
            (0..n).for_each(|_| self.0.next_round());
        }

        /// The turns to come, each ending before the next.
        fn order(&mut self) -> Vec<u64> {
            let mut all = vec![];
            while let [(id, Told::Turn)] = self.0.advance(self.1)[..] {
                all.push(id);
                self.0.gone(id);
            }
            all
        }
    }

    #[test]
    fn one_that_hangs_up_and_comes_back_soon_has_its_place() {
        for (pause, back_in_place) in [(0, true), (KEPT_ROUNDS - 1, true), (KEPT_ROUNDS, false)] {
            // Networks, then addresses of one network.
            for [a, b] in [["192.0.2.1", "198.51.100.1"], ["192.0.2.1", "192.0.2.2"]] {
                let mut q = Queue::new();
                let first = q.ready(a);
                let other = q.ready(b);
                q.0.gone(first);
                q.rounds(pause);
                let again = q.ready(a);
                let wanted = if back_in_place { [again, other] } else { [other, again] };
                assert_eq!(q.order(), wanted, "{a} {b} after {pause} rounds");
            }
        }
    }

    /// A crowd that gives up and returns in another order is served in the order of its first call.
    #[test]
    fn a_crowd_that_gives_up_goes_on_where_it_was() {
        let mut q = Queue::new();
        let from = |n: usize| format!("10.0.{n}.1");
        let first: Vec<u64> = (0..50).map(|n| q.ready(&from(n))).collect();
        first.iter().for_each(|id| q.0.gone(*id));
        q.rounds(KEPT_ROUNDS / 2);
        let mut again: Vec<(usize, u64)> = (0..50).rev().map(|n| (n, q.ready(&from(n)))).collect();
        again.sort_by_key(|(n, _)| *n);
        assert_eq!(q.order(), again.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    }

    /// A place is kept for who waited, not for who was served, and is used once.
    #[test]
    fn one_that_had_its_turn_goes_to_the_end() {
        let mut q = Queue::new();
        let (served, waits) = (q.ready("192.0.2.1"), q.ready("198.51.100.1"));
        assert_eq!(q.0.advance(q.1), [(served, Told::Turn)]);
        let again = q.ready("192.0.2.1");
        q.0.gone(served);
        assert_eq!(q.order(), [waits, again]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut k = Kept::default();
        for n in 0..2 * KEPT_MAX as u32 {
            k.keep(u64::from(n / 1_000), ip(n), u64::from(n));
        }
        assert_eq!((k.places.len(), k.ends.len()), (KEPT_MAX, KEPT_MAX));
        assert_eq!((k.take(0, ip(0)), k.take(0, ip(5_000))), (None, Some(5_000)));
        assert_eq!(k.take(0, ip(5_000)), None, "it is given back once");
        k.keep(10_000, ip(1), 1);
        assert_eq!((k.places.len(), k.ends.len()), (1, 1), "what has ended is forgotten");
    }
}
