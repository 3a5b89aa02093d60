//! Places at an HTTPS listener, which a connection holds for as long as it lasts: so many in all,
//! of one address and of one network. Desks wait their turn instead (`queue/`).
//!
//! A newcomer that finds no place takes the one of the oldest connection that is still silent, of
//! its own source first, else of the source that holds most. So a crowd competes with itself, and a
//! source that behaves gets in.

use super::sources::{Rates, TooOften, address, network};
use crate::config::Rate;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    rc::Rc,
    time::Instant,
};
use tokio::sync::Notify;

/// How many connections may be in progress.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionLimits {
    pub total: usize,
    pub per_address: usize,
    pub per_network: usize,
    pub connections_per_address: Rate,
}

impl AdmissionLimits {
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

impl From<TooOften> for NoPlace {
    fn from(which: TooOften) -> Self {
        match which {
            TooOften::Address => Self::Address,
            TooOften::Network => Self::Network,
        }
    }
}

#[derive(Debug)]
struct Held {
    source: IpAddr,
    progress: Progress,
    evicted: Rc<Notify>,
}

/// All places of one listener.
#[derive(Debug)]
struct Table {
    limits: AdmissionLimits,
    held: BTreeMap<u64, Held>,
    next: u64,
    rates: Rates,
}

impl Table {
    fn new(limits: AdmissionLimits) -> Self {
        let rates = Rates::new(limits.connections_per_address);
        Self { limits, held: BTreeMap::new(), next: 0, rates }
    }

    /// A connection comes. Those that lose their place for it have been told.
    fn arrive(&mut self, now: Instant, source: IpAddr) -> Result<(u64, Rc<Notify>), NoPlace> {
        self.rates.take(now, source)?;
        let (id, evicted) = (self.next, Rc::new(Notify::new()));
        self.next += 1;
        self.held.insert(id, Held { source, progress: Progress::Silent, evicted: evicted.clone() });
        self.make_room(id, source);
        Ok((id, evicted))
    }

    /// Takes places away, but never the newest, until every limit holds again.
    fn make_room(&mut self, newest: u64, source: IpAddr) {
        let (a, n) = (address(source), network(source));
        self.shrink(newest, self.limits.per_address, |s| address(s) == a);
        self.shrink(newest, self.limits.per_network, |s| network(s) == n);
        while self.held.len() > self.limits.total.max(1) {
            let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
            for (_, h) in self.held.iter().filter(|(id, _)| **id != newest) {
                *crowds.entry(network(h.source)).or_default() += 1;
            }
            let most = crowds.values().max().copied().unwrap_or(0);
            self.evict(newest, |s| crowds.get(&network(s)) == Some(&most));
        }
    }

    fn shrink(&mut self, newest: u64, max: usize, of: impl Fn(IpAddr) -> bool) {
        while self.held.values().filter(|h| of(h.source)).count() > max.max(1) {
            self.evict(newest, &of);
        }
    }

    /// Takes the place of the oldest that has shown least.
    fn evict(&mut self, newest: u64, of: impl Fn(IpAddr) -> bool) {
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

    /// A place for a connection from `source`.
    pub fn take(&self, source: IpAddr) -> Result<Place, NoPlace> {
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
            t.arrive(Instant::now(), ip(s)).unwrap();
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
        let take = || places.take(ip("10.0.0.1")).unwrap();
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

    proptest! {
        /// Whoever comes and goes: every limit holds, and the newest has its place.
        #[test]
        fn limits_hold_and_the_newest_has_a_place(steps in prop::collection::vec((0u8..6, 0u8..4, 0u8..3), 1..200)) {
            let mut t = table(12, 3, 5);
            for (net, host, what) in steps {
                let source = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, net, host));
                let (id, _) = t.arrive(Instant::now(), source).unwrap();
                prop_assert!(t.held.contains_key(&id));
                if what == 1 {
                    t.held.remove(&id);
                }
                let of = |f: &dyn Fn(IpAddr) -> bool| t.held.values().filter(|h| f(h.source)).count();
                prop_assert!(t.held.len() <= 12 && of(&|s| s == source) <= 3 && of(&|s| network(s) == network(source)) <= 5);
            }
        }
    }
}
