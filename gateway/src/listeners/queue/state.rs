//! The queue itself: pure, told the time and the rounds of the thread.
//!
//! - A connection that has said something gets a turn: the network that waited longest for one goes
//!   first, within it the address, within that the oldest connection. Known networks go before
//!   unknown ones; a quarter of the turns is kept for each kind, so that neither shuts the other
//!   out.
//! - A source at its share, or beyond its rate, waits; it is not refused.
//! - A turn ends early only when it lasted a fair time and its end lets another one begin. The time
//!   is counted in rounds of the thread, each of which gives every connection its chance: on a
//!   machine that is too slow for the crowd, everybody has more time.
//! - When the queue is full, a newcomer takes the place of the oldest that had time to speak and
//!   did not, of its own source if that is at its bound; else of the newest of the largest crowd;
//!   else it is refused.

use super::{
    QueueFull, QueueLimits,
    known::KnownNetworks,
    places::{Places, stand},
    tally::{Ring, Stage, Tally},
};
use crate::listeners::sources::{Rates, address, network};
use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

/// Rounds after which a connection that said nothing may lose its place in a full queue.
pub(super) const SPEAK_ROUNDS: u64 = 5;
/// Rounds after which a turn may be given to another: without TLS, and with it.
pub(super) const SILENT_ROUNDS: u64 = 20;
pub(super) const ENCRYPTED_ROUNDS: u64 = 40;
/// Stands for a source that is not known yet: a client behind a load balancer that has not named
/// it, or one over QUIC that has not proved its address.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What a connection is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Turn,
    /// Another one has its place.
    Evicted,
}

/// Whether a desk logged on from this network lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known,
    Unknown,
}

const KINDS: [Kind; 2] = [Kind::Known, Kind::Unknown];

#[derive(Debug)]
struct Entry {
    source: IpAddr,
    stage: Stage,
    /// The round in which it came, or got its turn.
    since: u64,
    encrypted: bool,
}

#[derive(Debug, Default)]
struct Address {
    tally: Tally,
    /// Its place in the ring of its network.
    at: Option<u64>,
}

#[derive(Debug)]
struct Network {
    kind: Kind,
    tally: Tally,
    /// Its place in the ring of its kind.
    at: Option<u64>,
    addresses: HashMap<IpAddr, Address>,
    ring: Ring,
}

/// What bars the next turn of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bar {
    All,
    Kind(Kind),
    Network(IpAddr),
    Address(IpAddr),
    /// Time helps, the end of no turn does.
    Rate,
}

enum Step {
    Give(u64),
    End(u64),
}

#[derive(Debug)]
pub(super) struct State {
    limits: QueueLimits,
    next: u64,
    round: u64,
    entries: HashMap<u64, Entry>,
    networks: HashMap<IpAddr, Network>,
    all: Tally,
    rings: [Ring; 2],
    /// Networks by how many wait.
    crowds: [BTreeSet<(usize, IpAddr)>; 2],
    /// Turns of each kind, and all of them by the order in which they began.
    kind_turns: [usize; 2],
    turns: BTreeSet<(u64, u64)>,
    rates: Rates,
    known: KnownNetworks,
    places: Places,
    told: Vec<(u64, Told)>,
}

impl State {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            next: 0,
            round: 0,
            entries: HashMap::new(),
            networks: HashMap::new(),
            all: Tally::default(),
            rings: Default::default(),
            crowds: Default::default(),
            kind_turns: [0; 2],
            turns: BTreeSet::new(),
            rates: Rates::new(limits.connections_per_address),
            known: KnownNetworks::default(),
            places: Places::default(),
            told: Vec::new(),
        }
    }

    /// A connection comes. `None`: its source is not known yet.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        source: Option<IpAddr>,
    ) -> Result<u64, QueueFull> {
        let source = source.map_or(NOBODY, |ip| ip.to_canonical());
        self.make_room(now, source)?;
        let id = self.next;
        self.next += 1;
        let since = self.round;
        let entry = Entry { source, stage: Stage::Silent, since, encrypted: false };
        self.enter(now, id, entry);
        Ok(id)
    }

    /// The source of a connection is known now.
    pub(super) fn named(&mut self, now: Instant, id: u64, source: IpAddr) -> Result<(), QueueFull> {
        let Some(entry) = self.leave(id) else { return Ok(()) };
        let source = source.to_canonical();
        let room = match entry.stage {
            // It counts for its source, and is past refusing.
            Stage::Turn => Ok(()),
            _ => self.make_room(now, source),
        };
        // One that is refused leaves by itself.
        self.enter(now, id, Entry { source, ..entry });
        room
    }

    /// A connection has said something.
    pub(super) fn ready(&mut self, id: u64) {
        self.change(id, |e| {
            if e.stage == Stage::Silent {
                e.stage = Stage::Ready;
            }
        });
    }

    /// TLS of a connection is complete.
    pub(super) fn encrypted(&mut self, id: u64) {
        if let Some(e) = self.entries.get_mut(&id) {
            e.encrypted = true;
        }
    }

    /// A desk logged on over this connection.
    pub(super) fn logged_on(&mut self, now: Instant, id: u64) {
        if let Some(e) = self.entries.get(&id).filter(|e| e.source != NOBODY) {
            self.known.logged_on(now, network(e.source));
        }
    }

    /// A connection has ended. One that waited may come back to its place soon.
    pub(super) fn gone(&mut self, id: u64) {
        let Some(e) = self.entries.get(&id) else { return };
        let (source, waited) = (e.source, e.stage == Stage::Ready);
        let before = self.stands(source);
        self.leave(id);
        if waited && source != NOBODY {
            let after = self.stands(source);
            if let (Some(at), None) = (before.0, after.0) {
                self.places.keep_network(self.round, network(source), at);
            }
            if let (Some(at), None) = (before.1, after.1) {
                self.places.keep_address(self.round, address(source), at);
            }
        }
    }

    /// The places of a source: of its network, and of its address within it.
    fn stands(&self, source: IpAddr) -> (Option<u64>, Option<u64>) {
        let n = self.networks.get(&network(source));
        let a = n.and_then(|n| n.addresses.get(&address(source)));
        (n.and_then(|n| n.at), a.and_then(|a| a.at))
    }

    pub(super) fn known_networks(&mut self) -> &mut KnownNetworks {
        &mut self.known
    }

    /// The thread has given every connection its chance.
    pub(super) fn next_round(&mut self) {
        self.round += 1;
    }

    pub(super) fn turns_taken(&self) -> usize {
        self.all.turns
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives out the turns that there are; who is to be told what since the last call.
    pub(super) fn advance(&mut self, now: Instant) -> Vec<(u64, Told)> {
        while self.step(now) {}
        std::mem::take(&mut self.told)
    }

    /// Gives one turn, or ends one that lasted long enough for another to begin; `false`: neither.
    fn step(&mut self, now: Instant) -> bool {
        match KINDS.into_iter().find_map(|kind| self.step_of(now, kind)) {
            Some(Step::Give(id)) => self.give(now, id),
            Some(Step::End(id)) => self.evict(id),
            None => return false,
        }
        true
    }

    fn step_of(&self, now: Instant, kind: Kind) -> Option<Step> {
        for net in self.rings[kind as usize].in_order() {
            let Some(n) = self.networks.get(&net) else { continue };
            for addr in n.ring.in_order() {
                let first = n.addresses.get(&addr).and_then(|a| a.tally.ready.first());
                let Some((id, entry)) = first.and_then(|id| Some((*id, self.entries.get(id)?)))
                else {
                    continue;
                };
                let Some(bar) = self.bar(now, entry.source) else { return Some(Step::Give(id)) };
                if let Some(id) = self.overdue(bar) {
                    return Some(Step::End(id));
                }
                match bar {
                    Bar::All | Bar::Kind(_) => return None,
                    Bar::Network(_) => break,
                    Bar::Address(_) | Bar::Rate => {}
                }
            }
        }
        None
    }

    fn bar(&self, now: Instant, source: IpAddr) -> Option<Bar> {
        let l = &self.limits;
        let (net, addr) = (network(source), address(source));
        let n = self.networks.get(&net)?;
        let of_address = n.addresses.get(&addr).map_or(0, |a| a.tally.turns);
        if self.all.turns >= l.turns.max(1) {
            Some(Bar::All)
        } else if self.kind_turns[n.kind as usize] >= (l.turns - l.turns / 4).max(1) {
            Some(Bar::Kind(n.kind))
        } else if n.tally.turns >= l.turns_per_network.max(1) {
            Some(Bar::Network(net))
        } else if of_address >= l.turns_per_address.max(1) {
            Some(Bar::Address(addr))
        } else if source != NOBODY && self.rates.allows(now, source).is_err() {
            Some(Bar::Rate)
        } else {
            None
        }
    }

    /// The turn whose end lifts the bar, if one lasted long enough: the oldest without TLS, else
    /// the oldest.
    fn overdue(&self, bar: Bar) -> Option<u64> {
        let past = |since: u64, rounds| self.round.saturating_sub(since) >= rounds;
        let lifts = |e: &Entry| match bar {
            Bar::All => true,
            Bar::Kind(kind) => self.kind(network(e.source)) == Some(kind),
            Bar::Network(net) => network(e.source) == net,
            Bar::Address(addr) => address(e.source) == addr,
            Bar::Rate => false,
        };
        let overdue = self.turns.iter().take_while(|(since, _)| past(*since, SILENT_ROUNDS));
        let entries = overdue.filter_map(|(_, id)| Some((*id, self.entries.get(id)?)));
        entries
            .filter(|(_, e)| !e.encrypted || past(e.since, ENCRYPTED_ROUNDS))
            .filter(|(_, e)| lifts(e))
            .min_by_key(|(_, e)| e.encrypted)
            .map(|(id, _)| id)
    }

    fn give(&mut self, now: Instant, id: u64) {
        let round = self.round;
        let Some(source) = self.entries.get(&id).map(|e| e.source) else { return };
        if source != NOBODY {
            let _ = self.rates.take(now, source);
        }
        self.change(id, |e| (e.stage, e.since) = (Stage::Turn, round));
        self.move_to_end(source);
        self.told.push((id, Told::Turn));
    }

    fn evict(&mut self, id: u64) {
        if self.leave(id).is_some() {
            self.told.push((id, Told::Evicted));
        }
    }

    fn kind(&self, net: IpAddr) -> Option<Kind> {
        self.networks.get(&net).map(|n| n.kind)
    }

    /// Room for one more that waits.
    fn make_room(&mut self, now: Instant, source: IpAddr) -> Result<(), QueueFull> {
        let l = self.limits;
        let net = network(source);
        if source != NOBODY {
            let tally = |s: &Self, of: QueueFull| -> Option<(usize, Option<u64>)> {
                let n = s.networks.get(&net)?;
                let t = match of {
                    QueueFull::Address => &n.addresses.get(&address(source))?.tally,
                    _ => &n.tally,
                };
                Some((t.waiting(), t.silent.first().copied()))
            };
            for (of, max) in [
                (QueueFull::Address, l.waiting_per_address),
                (QueueFull::Network, l.waiting_per_network),
            ] {
                if let Some((n, oldest_silent)) = tally(self, of)
                    && n >= max.max(1)
                {
                    self.evict(self.speechless(oldest_silent).ok_or(of)?);
                }
            }
        }
        if self.all.waiting() >= l.waiting.max(1) {
            let speechless = self.speechless(self.all.silent.first().copied());
            let victim = speechless.or_else(|| self.newest_of_the_crowd(now, net));
            self.evict(victim.ok_or(QueueFull::All)?);
        }
        Ok(())
    }

    /// This one, if it had time to speak.
    fn speechless(&self, id: Option<u64>) -> Option<u64> {
        let had_time =
            |id: &u64| self.entries.get(id).is_some_and(|e| self.round - e.since >= SPEAK_ROUNDS);
        id.filter(had_time)
    }

    /// The newest of the network that has most waiting, if that gives way to one of `net`: an
    /// unknown network to a known one, else the larger to the smaller.
    fn newest_of_the_crowd(&self, now: Instant, net: IpAddr) -> Option<u64> {
        let known = match self.kind(net) {
            Some(kind) => kind == Kind::Known,
            None => self.known.knows(now, net),
        };
        let own = self.networks.get(&net).map_or(0, |n| n.tally.waiting()) + 1;
        let largest = |kind: Kind, above: usize| {
            self.crowds[kind as usize].last().filter(|(n, _)| *n > above).map(|(_, net)| *net)
        };
        let unknown = largest(Kind::Unknown, if known { 0 } else { own });
        let crowd = unknown.or_else(|| largest(Kind::Known, own))?;
        self.networks.get(&crowd)?.tally.newest_waiting()
    }

    /// Its network stays of the kind that it is, though for a moment nobody may be there.
    fn change(&mut self, id: u64, f: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.take_out(id) {
            f(&mut entry);
            self.put_in(id, entry);
        }
    }

    fn enter(&mut self, now: Instant, id: u64, entry: Entry) {
        let net = network(entry.source);
        let known = self.known.knows(now, net);
        self.networks.entry(net).or_insert_with(|| Network {
            kind: if known { Kind::Known } else { Kind::Unknown },
            tally: Tally::default(),
            at: None,
            addresses: HashMap::new(),
            ring: Ring::default(),
        });
        self.put_in(id, entry);
    }

    fn leave(&mut self, id: u64) -> Option<Entry> {
        let entry = self.take_out(id)?;
        let net = network(entry.source);
        if let Some(n) = self.networks.get_mut(&net) {
            let addr = address(entry.source);
            if n.addresses.get(&addr).is_some_and(|a| a.tally.is_empty()) {
                n.addresses.remove(&addr);
            }
            if n.tally.is_empty() {
                self.networks.remove(&net);
            }
        }
        Some(entry)
    }

    fn put_in(&mut self, id: u64, entry: Entry) {
        self.count(id, &entry, Tally::add);
        if entry.stage == Stage::Turn {
            self.turns.insert((entry.since, id));
        }
        self.entries.insert(id, entry);
    }

    fn take_out(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.count(id, &entry, Tally::remove);
        self.turns.remove(&(entry.since, id));
        Some(entry)
    }

    /// Keeps tallies, rings and crowds as the entries are.
    fn count(&mut self, id: u64, entry: &Entry, how: fn(&mut Tally, u64, Stage)) {
        let (net, addr) = (network(entry.source), address(entry.source));
        let Some(n) = self.networks.get_mut(&net) else { return };
        let (kind, before) = (n.kind as usize, (n.tally.waiting(), n.tally.turns));
        let a = n.addresses.entry(addr).or_default();
        for tally in [&mut self.all, &mut n.tally, &mut a.tally] {
            how(tally, id, entry.stage);
        }
        let (waiting, turns) = (n.tally.waiting(), n.tally.turns);
        self.kind_turns[kind] = (self.kind_turns[kind] + turns).saturating_sub(before.1);
        let (places, round) = (&mut self.places, self.round);
        let (a_waits, n_waits) = (!a.tally.ready.is_empty(), !n.tally.ready.is_empty());
        stand(&mut n.ring, &mut a.at, addr, a_waits, || places.of_address(round, addr));
        let ring = &mut self.rings[kind];
        stand(ring, &mut n.at, net, n_waits, || places.of_network(round, net));
        self.crowds[kind].remove(&(before.0, net));
        if waiting > 0 {
            self.crowds[kind].insert((waiting, net));
        }
    }

    /// A source that had a turn is the last of its ring.
    fn move_to_end(&mut self, source: IpAddr) {
        let (net, addr) = (network(source), address(source));
        let Some(n) = self.networks.get_mut(&net) else { return };
        if let Some(a) = n.addresses.get_mut(&addr) {
            let waits = a.at.is_some();
            stand(&mut n.ring, &mut a.at, addr, false, || 0);
            stand(&mut n.ring, &mut a.at, addr, waits, || self.places.last());
        }
        let (ring, waits) = (&mut self.rings[n.kind as usize], n.at.is_some());
        stand(ring, &mut n.at, net, false, || 0);
        stand(ring, &mut n.at, net, waits, || self.places.last());
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
