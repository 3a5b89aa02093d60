//! Places for connections that have not proved who they are: so many in all, of one address and of
//! one network.
//!
//! A newcomer that finds no place takes the one of the oldest connection that is still silent, of
//! its own source first, else of the source that holds most. So a crowd competes with itself, and a
//! source that behaves gets in.

use crate::config::{LimitsSection, Rate};
use signet_fix::bucket::Bucket;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Sources whose rate is known; beyond it, those that are quiet are forgotten.
const SOURCES_MAX: usize = 8_192;
/// Connections of a network for each one that an address may make.
const ADDRESSES_PER_NETWORK: u32 = 4;

/// How many connections may be in progress.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    pub total: usize,
    pub per_address: usize,
    pub per_network: usize,
    pub connections_per_address: Rate,
}

impl AdmissionLimits {
    /// For desks.
    pub fn of_desks(l: &LimitsSection) -> Self {
        Self {
            total: l.admission_places,
            per_address: l.admission_places_per_address,
            per_network: l.admission_places_per_network,
            connections_per_address: l.connections_per_address,
        }
    }

    /// For the HTTPS listeners, whose connections keep their place for as long as they last.
    pub fn of_https(total: usize) -> Self {
        let connections_per_address = Rate { burst: 400, per_minute: 3_000 };
        Self {
            total,
            per_address: (total / 4).max(1),
            per_network: (total / 2).max(1),
            connections_per_address,
        }
    }
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It has proved nothing.
    Silent,
    /// TLS is complete.
    Encrypted,
    /// Something of it is being done.
    Busy,
}

/// Why a connection gets no place. At fault: the source, or a crowd behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    #[error("too many new connections from this address")]
    Address,
    #[error("too many new connections from this network")]
    Network,
}

#[derive(Debug)]
struct Held {
    /// Unknown until a load balancer has named the client.
    source: Option<IpAddr>,
    progress: Progress,
    evicted: Rc<Notify>,
}

/// A /24 or a /64, written as an address.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4) & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
    }
}

/// One customer's address: for IPv6 that is a network.
fn address(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        v6 @ IpAddr::V6(_) => network(v6),
        v4 => v4,
    }
}

/// All places of one listener.
#[derive(Debug)]
struct Table {
    limits: AdmissionLimits,
    held: BTreeMap<u64, Held>,
    next: u64,
    rates: HashMap<(bool, IpAddr), Bucket>,
}

impl Table {
    fn new(limits: AdmissionLimits) -> Self {
        Self { limits, held: BTreeMap::new(), next: 0, rates: HashMap::new() }
    }

    /// A connection comes. Those that lose their place for it have been told.
    fn arrive(
        &mut self,
        now: Instant,
        source: Option<IpAddr>,
    ) -> Result<(u64, Rc<Notify>), NoPlace> {
        if let Some(ip) = source {
            self.counts(now, ip)?;
        }
        let (id, evicted) = (self.next, Rc::new(Notify::new()));
        self.next += 1;
        self.held.insert(id, Held { source, progress: Progress::Silent, evicted: evicted.clone() });
        self.make_room(id, source);
        Ok((id, evicted))
    }

    /// A load balancer has named the client of a connection.
    fn named(&mut self, now: Instant, id: u64, ip: IpAddr) -> Result<(), NoPlace> {
        self.counts(now, ip)?;
        if let Some(h) = self.held.get_mut(&id) {
            h.source = Some(ip);
        }
        self.make_room(id, Some(ip));
        Ok(())
    }

    fn counts(&mut self, now: Instant, ip: IpAddr) -> Result<(), NoPlace> {
        let rate = self.limits.connections_per_address;
        let wide = Rate {
            burst: rate.burst.saturating_mul(ADDRESSES_PER_NETWORK),
            per_minute: rate.per_minute.saturating_mul(ADDRESSES_PER_NETWORK),
        };
        if self.rates.len() + 2 > SOURCES_MAX {
            self.rates.retain(|_, b| !b.is_full(now));
        }
        let full = self.rates.len() + 2 > SOURCES_MAX;
        for (key, rate, why) in [
            ((false, address(ip)), rate, NoPlace::Address),
            ((true, network(ip)), wide, NoPlace::Network),
        ] {
            if full && !self.rates.contains_key(&key) {
                // So many sources at once are told apart by their places only.
                continue;
            }
            let new = || Bucket::new(rate.burst, Duration::from_secs(60) / rate.per_minute.max(1));
            if !self.rates.entry(key).or_insert_with(new).take(now, 1) {
                return Err(why);
            }
        }
        Ok(())
    }

    /// Takes places away, but never the newest, until every limit holds again.
    fn make_room(&mut self, newest: u64, source: Option<IpAddr>) {
        if let Some(ip) = source {
            let (a, n) = (address(ip), network(ip));
            self.shrink(newest, self.limits.per_address, |s| s.map(address) == Some(a));
            self.shrink(newest, self.limits.per_network, |s| s.map(network) == Some(n));
        }
        while self.held.len() > self.limits.total.max(1) {
            let mut crowds: HashMap<Option<IpAddr>, usize> = HashMap::new();
            for (_, h) in self.held.iter().filter(|(id, _)| **id != newest) {
                *crowds.entry(h.source.map(network)).or_default() += 1;
            }
            let most = crowds.values().max().copied().unwrap_or(0);
            self.evict(newest, |s| crowds.get(&s.map(network)) == Some(&most));
        }
    }

    fn shrink(&mut self, newest: u64, max: usize, of: impl Fn(Option<IpAddr>) -> bool) {
        while self.held.values().filter(|h| of(h.source)).count() > max.max(1) {
            self.evict(newest, &of);
        }
    }

    /// Takes the place of the oldest that has shown least.
    fn evict(&mut self, newest: u64, of: impl Fn(Option<IpAddr>) -> bool) {
        let oldest = self.held.iter().filter(|(id, h)| **id != newest && of(h.source));
        let oldest = oldest.min_by_key(|(id, h)| (h.progress, **id)).map(|(id, _)| *id);
        if let Some(h) = oldest.and_then(|id| self.held.remove(&id)) {
            h.evicted.notify_one();
        }
    }
}

/// The places of one listener, for the tasks of its thread.
#[derive(Debug, Clone)]
pub struct Places(Rc<RefCell<Table>>);

impl Places {
    pub fn new(limits: AdmissionLimits) -> Self {
        Self(Rc::new(RefCell::new(Table::new(limits))))
    }

    /// How many are taken.
    pub fn used(&self) -> usize {
        self.0.borrow().held.len()
    }

    /// A place for a connection from `source`; `None`: from a load balancer that has not yet named
    /// the client.
    pub fn take(&self, source: Option<IpAddr>) -> Result<Place, NoPlace> {
        let (id, evicted) = self.0.borrow_mut().arrive(Instant::now(), source)?;
        Ok(Place { places: self.clone(), id, evicted })
    }
}

/// Held while a connection is in progress.
#[derive(Debug)]
pub struct Place {
    places: Places,
    id: u64,
    evicted: Rc<Notify>,
}

impl Place {
    /// Returns when another connection was given this place.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// A load balancer has named the client.
    pub fn named(&self, source: IpAddr) -> Result<(), NoPlace> {
        self.places.0.borrow_mut().named(Instant::now(), self.id, source)
    }

    pub fn is_now(&self, progress: Progress) {
        if let Some(h) = self.places.0.borrow_mut().held.get_mut(&self.id) {
            h.progress = progress;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.borrow_mut().held.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FREE: Rate = Rate { burst: 1_000_000, per_minute: 1_000_000 };

    fn table(total: usize, per_address: usize, per_network: usize) -> Table {
        Table::new(AdmissionLimits {
            total,
            per_address,
            per_network,
            connections_per_address: FREE,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Who holds the places after these came, by the order in which they came.
    fn after(mut t: Table, from: &[&str]) -> Vec<u64> {
        for s in from {
            t.arrive(Instant::now(), Some(ip(s))).unwrap();
        }
        t.held.into_keys().collect()
    }

    #[test]
    fn a_crowd_competes_with_itself() {
        for (t, from, want) in [
            (table(9, 2, 9), &["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1"][..], &[1, 2, 3][..]),
            (table(9, 9, 2), &["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.0.3"], &[1, 2, 3]),
            // In all: the source that holds most gives way.
            (table(3, 9, 9), &["10.0.1.1", "10.0.0.1", "10.0.0.2", "10.0.2.1"], &[0, 2, 3]),
            (table(2, 9, 9), &["10.0.1.1", "10.0.2.1", "10.0.3.1"], &[1, 2]),
            // One customer has a /64.
            (table(9, 1, 9), &["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"], &[1, 2]),
            (table(9, 1, 9), &["::ffff:10.0.0.1", "10.0.0.1"], &[1]),
        ] {
            assert_eq!(after(t, from), want, "{from:?}");
        }
    }

    #[tokio::test]
    async fn the_oldest_silent_one_gives_way_and_is_told() {
        let limits = AdmissionLimits {
            total: 2,
            per_address: 9,
            per_network: 9,
            connections_per_address: FREE,
        };
        let places = Places::new(limits);
        let take = || places.take(Some(ip("10.0.0.1"))).unwrap();
        let (proved, silent) = (take(), take());
        proved.is_now(Progress::Encrypted);
        let third = take();
        silent.evicted().await;
        // Nobody is silent but the newest, which is not asked to go before it had its time.
        third.is_now(Progress::Busy);
        let _fourth = take();
        proved.evicted().await;
        drop((silent, proved, third));
        assert_eq!(places.0.borrow().held.len(), 1);
    }

    #[test]
    fn a_balancers_connections_count_for_whom_they_are_named() {
        let mut t = table(9, 1, 9);
        let now = Instant::now();
        let unnamed: Vec<u64> = (0..3).map(|_| t.arrive(now, None).unwrap().0).collect();
        assert_eq!(t.held.len(), 3);
        t.named(now, unnamed[0], ip("10.0.0.1")).unwrap();
        t.named(now, unnamed[1], ip("10.0.0.2")).unwrap();
        t.named(now, unnamed[2], ip("10.0.0.1")).unwrap();
        assert_eq!(t.held.keys().copied().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn an_address_that_comes_too_often_is_refused_and_others_are_not() {
        let rate = Rate { burst: 2, per_minute: 60 };
        let mut t = Table::new(AdmissionLimits {
            total: 99,
            per_address: 99,
            per_network: 99,
            connections_per_address: rate,
        });
        let now = Instant::now();
        let mut come = |at: Duration, s: &str| t.arrive(now + at, Some(ip(s))).map(|_| ());
        let s = Duration::from_secs;
        assert_eq!([come(s(0), "10.0.0.1"), come(s(0), "10.0.0.1")], [Ok(()), Ok(())]);
        assert_eq!(come(s(0), "10.0.0.1"), Err(NoPlace::Address));
        assert_eq!(come(s(0), "10.0.1.1"), Ok(()));
        assert_eq!(come(s(1), "10.0.0.1"), Ok(()));
        for n in 2..6 {
            let _ = come(s(1), &format!("10.0.0.{n}"));
            let _ = come(s(1), &format!("10.0.0.{n}"));
        }
        assert_eq!(come(s(1), "10.0.0.9"), Err(NoPlace::Network));
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room() {
        let mut t = table(100, 10, 10);
        for n in 0..20_000u32 {
            t.arrive(Instant::now(), Some(IpAddr::V4((n << 8).into()))).unwrap();
        }
        assert!(t.held.len() == 100 && t.rates.len() <= SOURCES_MAX);
    }

    proptest! {
        /// Whoever comes and goes: every limit holds, and the newest has its place.
        #[test]
        fn limits_hold_and_the_newest_has_a_place(steps in prop::collection::vec((0u8..6, 0u8..4, 0u8..3), 1..200)) {
            let mut t = table(12, 3, 5);
            for (net, host, what) in steps {
                let source = IpAddr::V4(Ipv4Addr::new(10, 0, net, host));
                let (id, _) = t.arrive(Instant::now(), Some(source)).unwrap();
                prop_assert!(t.held.contains_key(&id));
                if what == 1 {
                    t.held.remove(&id);
                }
                let of = |f: &dyn Fn(IpAddr) -> bool| t.held.values().filter(|h| h.source.is_some_and(f)).count();
                prop_assert!(t.held.len() <= 12 && of(&|s| s == source) <= 3 && of(&|s| network(s) == network(source)) <= 5);
            }
        }
    }
}
