//! Who stands where, at one level of the queue: an address, a network, or everybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has said nothing yet.
    Silent,
    /// It has said something, and waits for its turn.
    Ready,
    /// It has its turn.
    Turn,
}

/// Connections of one level, by where they stand. Ids grow, so that the first is the oldest.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub silent: BTreeSet<u64>,
    pub ready: BTreeSet<u64>,
    pub turns: usize,
}

impl Tally {
    pub(super) fn add(&mut self, id: u64, stage: Stage) {
        match stage {
            Stage::Silent => drop(self.silent.insert(id)),
            Stage::Ready => drop(self.ready.insert(id)),
            Stage::Turn => self.turns += 1,
        }
    }

    pub(super) fn remove(&mut self, id: u64, stage: Stage) {
        match stage {
            Stage::Silent => drop(self.silent.remove(&id)),
            Stage::Ready => drop(self.ready.remove(&id)),
            Stage::Turn => self.turns = self.turns.saturating_sub(1),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.silent.len() + self.ready.len()
    }

    pub(super) fn newest_waiting(&self) -> Option<u64> {
        self.silent.last().max(self.ready.last()).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting() + self.turns == 0
    }
}

/// Sources that take turns: the one that had its turn goes to the end; one that cannot have it now
/// keeps its place.
#[derive(Debug, Default)]
pub(super) struct Ring {
    places: BTreeMap<u64, IpAddr>,
}

impl Ring {
    pub(super) fn put(&mut self, at: u64, who: IpAddr) {
        self.places.insert(at, who);
    }

    pub(super) fn remove(&mut self, at: u64) {
        self.places.remove(&at);
    }

    pub(super) fn in_order(&self) -> impl Iterator<Item = IpAddr> {
        self.places.values().copied()
    }
}
