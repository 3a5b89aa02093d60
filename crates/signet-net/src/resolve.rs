//! The ways to the hosts of a server: the addresses of their names, which are resolved at the same
//! time (RFC 8305 §3), or a proxy. The hosts take turns, in the order of the settings.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use signet_identity::Refusal;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::DialError;
use crate::lookup::{self, Answer, Lookup};
use crate::order::{ATTEMPT_DELAY, in_turn};
use crate::proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};

/// How long a host whose name is still being resolved holds up those after it, from when the first
/// way to one of them is known. Longer than what RFC 8305 §8 proposes for the families of one host
/// ([`lookup`]), which are equally good. Hosts are not: the first one is wanted, and the others may
/// only stand in for it. A name server that is a little slower for one name must not decide between
/// them, so a name has as much time as a connection.
const HOST_DELAY: Duration = ATTEMPT_DELAY;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The addresses of a server's hosts as they become known, each with the number of its host, in the
/// order in which they are tried: hosts take turns, and so do the families of each. A host that is
/// not found is left out; one whose name is resolved late has its turn then, and so have IPv6
/// addresses that are late. For what goes through no proxy.
pub struct Addresses(Ways);

impl Addresses {
    /// Begins to resolve the names of these hosts.
    #[must_use]
    pub fn of(endpoints: &[Endpoint]) -> Self {
        Self(Ways::to(endpoints, &ProxySetting::Direct))
    }

    /// Of hosts that somebody else resolves: one lookup for each, which runs at once.
    #[must_use]
    pub fn found_by<L>(lookups: impl IntoIterator<Item = L>) -> Self
    where
        L: Future<Output = Vec<SocketAddr>> + Send + 'static,
    {
        let lookups = lookups.into_iter();
        let told = lookups.map(|lookup| async move { Told::Ways(ways_of(lookup.await), None) });
        Self(Ways::found_by(told))
    }

    /// Of one host whose addresses are known.
    #[cfg(test)]
    pub(crate) fn known(found: Vec<SocketAddr>) -> Self {
        let mut queue = Queue::of(1);
        queue.add(0, ways_of(found), Instant::now());
        Self(Ways { lookups: JoinSet::new(), queue, end: None })
    }

    /// The next address to be tried; `None` after the last one. May be cancelled and called again.
    pub async fn next(&mut self) -> Option<(usize, SocketAddr)> {
        loop {
            if let (which, Ok(Way::Address(to))) = self.0.next().await? {
                return Some((which, to));
            }
        }
    }

    pub(crate) fn into_ways(self) -> Ways {
        self.0
    }
}

/// One way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Directly.
    Address(SocketAddr),
    /// Through a proxy, which resolves the host's name.
    Proxy(ProxyUrl),
}

/// A way to a host, or why there is none.
pub(crate) type Found = Result<Way, DialError>;

/// What is told of a host.
enum Told {
    /// The ways to it. The lookup finds other addresses, which are late.
    Ways(VecDeque<Found>, Option<Lookup>),
    /// These were late.
    Late(Vec<SocketAddr>),
}

/// The ways to several hosts, as they become known. Each name that is being resolved keeps up
/// to two threads of its own until the system's resolver gives up, also when this is dropped.
pub(crate) struct Ways {
    lookups: JoinSet<(usize, Told)>,
    queue: Queue,
    /// None follows from then on.
    end: Option<Instant>,
}

impl Ways {
    /// Begins to resolve the names of all hosts that are not behind a proxy.
    pub(crate) fn to(endpoints: &[Endpoint], setting: &ProxySetting) -> Self {
        let environment = ProxyEnvironment::read();
        let queue = Queue::of(endpoints.len());
        let mut ways = Self { lookups: JoinSet::new(), queue, end: None };
        for (which, at) in endpoints.iter().enumerate() {
            let known = match setting.choose(&environment, &at.host) {
                Ok(None) => {
                    let at = at.clone();
                    ways.lookups.spawn(async move { (which, resolve(&at).await) });
                    continue;
                }
                Ok(Some(proxy)) => Ok(Way::Proxy(proxy)),
                Err(e) => Err(e.into()),
            };
            ways.queue.add(which, only(known), Instant::now());
        }
        ways
    }

    /// To hosts of which these lookups tell the ways.
    fn found_by<L>(hosts: impl IntoIterator<Item = L>) -> Self
    where
        L: Future<Output = Told> + Send + 'static,
    {
        let mut lookups = JoinSet::new();
        for (which, host) in hosts.into_iter().enumerate() {
            lookups.spawn(async move { (which, host.await) });
        }
        let queue = Queue::of(lookups.len());
        Self { lookups, queue, end: None }
    }

    /// The same until then: names that take longer are not waited for.
    pub(crate) fn until(self, end: Instant) -> Self {
        Self { end: Some(end), ..self }
    }

    /// As [`Self::next`], and not before this time.
    pub(crate) async fn next_from(&mut self, not_before: Instant) -> Option<(usize, Found)> {
        if Instant::now() < not_before {
            sleep_until(not_before).await;
        }
        self.next().await
    }

    /// The next way to be tried, with the number of its host; `None` after the last one. A host
    /// without any has one error in its turn. May be cancelled and called again.
    pub(crate) async fn next(&mut self) -> Option<(usize, Found)> {
        loop {
            // The names that were found while an attempt was under way.
            while let Some(resolved) = self.lookups.try_join_next() {
                self.note(resolved);
            }
            let now = Instant::now();
            if self.end.is_some_and(|end| end <= now) {
                return None;
            }
            let until = match self.queue.next(now) {
                Next::Try(which, found) => return Some((which, found)),
                Next::NotBefore(end) => Some(end),
                Next::Unknown => None,
                Next::Over => return None,
            };
            self.wait([until, self.end].into_iter().flatten().min()).await;
        }
    }

    /// Waits for another name, at most until this time.
    async fn wait(&mut self, until: Option<Instant>) {
        let resolved = self.lookups.join_next();
        let resolved = match until {
            Some(end) => timeout_at(end, resolved).await,
            None => Ok(resolved.await),
        };
        match resolved {
            Ok(Some(resolved)) => self.note(resolved),
            Ok(None) => self.queue.close(),
            Err(_) => {}
        }
    }

    /// A lookup that panicked leaves its host unresolved until all others have ended.
    fn note(&mut self, resolved: Result<(usize, Told), JoinError>) {
        match resolved {
            Ok((which, Told::Ways(ways, late))) => {
                self.queue.add(which, ways, Instant::now());
                if let Some(late) = late {
                    self.queue.expect_more(which);
                    self.lookups.spawn(async move { (which, Told::Late(late.await)) });
                }
            }
            Ok((which, Told::Late(found))) => self.queue.join(which, found),
            Err(_) => {}
        }
    }
}

async fn resolve(at: &Endpoint) -> Told {
    told(lookup::resolve(&at.host, at.port).await)
}

fn told(Answer { found, late }: Answer) -> Told {
    Told::Ways(ways_of(found), late)
}

/// The ways to one host.
fn ways_of(found: Vec<SocketAddr>) -> VecDeque<Found> {
    match found.is_empty() {
        true => only(Err(Refusal::DnsFailure.into())),
        false => in_turn(found).into_iter().map(|to| Ok(Way::Address(to))).collect(),
    }
}

fn only(found: Found) -> VecDeque<Found> {
    VecDeque::from([found])
}

/// What is known of the hosts and was not tried. It is told the time.
#[derive(Debug)]
struct Queue {
    /// By the host's number; `None` while its name is being resolved.
    hosts: Vec<Option<Host>>,
    /// From then on no host waits for one before it. `None` until a way to one is known.
    patience_ends: Option<Instant>,
}

/// A host whose ways are known.
#[derive(Debug, Clone)]
struct Host {
    /// Those not tried yet.
    left: VecDeque<Found>,
    /// None was tried yet.
    untried: bool,
    /// Addresses of the other family may still become known.
    more: bool,
    /// Its turns so far. One that comes late begins with those of the others: it takes turns with
    /// them from then on, and does not catch up.
    turns: usize,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// This way, to the host of this number.
    Try(usize, Found),
    /// A host that comes first is being resolved. Until then it may still be.
    NotBefore(Instant),
    /// Nothing until another name is resolved.
    Unknown,
    /// Everything was tried.
    Over,
}

impl Queue {
    fn of(hosts: usize) -> Self {
        Self { hosts: vec![None; hosts], patience_ends: None }
    }

    fn add(&mut self, which: usize, ways: VecDeque<Found>, now: Instant) {
        if ways.iter().any(Result::is_ok) {
            self.patience_ends = self.patience_ends.or(Some(now + HOST_DELAY));
        }
        let turns = next_turn(&self.hosts).map_or(0, |(_, turns)| turns);
        if let Some(host) = self.hosts.get_mut(which) {
            *host = Some(Host { left: ways, untried: true, more: false, turns });
        }
    }

    /// Addresses of a host that is known will be told by [`Self::join`].
    fn expect_more(&mut self, which: usize) {
        if let Some(Some(host)) = self.hosts.get_mut(which) {
            host.more = true;
        }
    }

    /// The late addresses of a host take turns with those not tried yet, and begin.
    fn join(&mut self, which: usize, late: Vec<SocketAddr>) {
        let Some(Some(host)) = self.hosts.get_mut(which) else { return };
        host.more = false;
        let left = std::mem::take(&mut host.left).into_iter().filter_map(|found| match found {
            Ok(Way::Address(to)) => Some(to),
            _ => None,
        });
        let all = in_turn(late.into_iter().chain(left).collect());
        host.left = all.into_iter().map(|to| Ok(Way::Address(to))).collect();
    }

    /// No other name will be resolved.
    fn close(&mut self) {
        self.hosts.iter_mut().flatten().for_each(|host| host.more = false);
        let turns = next_turn(&self.hosts).map_or(0, |(_, turns)| turns);
        for host in self.hosts.iter_mut().filter(|host| host.is_none()) {
            let left = only(Err(Refusal::DnsFailure.into()));
            *host = Some(Host { left, untried: true, more: false, turns });
        }
    }

    /// Hosts take turns, so that one which is gone and has many addresses holds up no other.
    fn next(&mut self, now: Instant) -> Next {
        let patience = self.patience_ends.filter(|end| now < *end);
        let is_awaited = |host: &Option<Host>| host.as_ref().is_none_or(Host::is_awaited);
        let awaited = self.hosts.iter().position(is_awaited);
        let may = match (awaited, patience) {
            (Some(first), Some(_)) => first,
            _ => self.hosts.len(),
        };
        if let Some((which, _)) = next_turn(&self.hosts[..may])
            && let Some(found) = self.take(which)
        {
            return Next::Try(which, found);
        }
        match (awaited, patience) {
            (None, _) => Next::Over,
            (Some(_), Some(end)) if next_turn(&self.hosts).is_some() => Next::NotBefore(end),
            (Some(_), _) => Next::Unknown,
        }
    }

    /// The families of one host are equally good, and the hosts are not: in a network whose IPv6
    /// leads nowhere a desk must not end at a host that only stands in for the first one. So the
    /// first turn of a host is an address of each family.
    fn take(&mut self, which: usize) -> Option<Found> {
        let host = self.hosts.get_mut(which)?.as_mut()?;
        let found = host.left.pop_front()?;
        let other_family = is_of_other_family(&found, host.left.front());
        if !(std::mem::take(&mut host.untried) && (other_family || host.more)) {
            host.turns += 1;
        }
        Some(found)
    }
}

impl Host {
    /// Nothing is left to try of it, and something may become known.
    fn is_awaited(&self) -> bool {
        self.more && self.left.is_empty()
    }
}

fn is_of_other_family(found: &Found, next: Option<&Found>) -> bool {
    match (found, next) {
        (Ok(Way::Address(this)), Some(Ok(Way::Address(next)))) => this.is_ipv4() != next.is_ipv4(),
        _ => false,
    }
}

/// Whose turn it is, with its turns so far: the host that had the fewest and has something left to
/// try; of several the one that comes first.
fn next_turn(hosts: &[Option<Host>]) -> Option<(usize, usize)> {
    let known = hosts.iter().enumerate().filter_map(|(which, host)| Some((which, host.as_ref()?)));
    let left = known.filter(|(_, host)| !host.left.is_empty());
    left.map(|(which, host)| (which, host.turns)).min_by_key(|(which, turns)| (*turns, *which))
}

#[cfg(test)]
impl Ways {
    /// To hosts whose names are resolved after so long, to these addresses; `None`: never.
    pub(crate) fn named_after(hosts: Vec<(Option<Duration>, Vec<SocketAddr>)>) -> Self {
        Self::found_by(hosts.into_iter().map(|(after, found)| async move {
            match after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
            Told::Ways(ways_of(found), None)
        }))
    }

    /// To one host: the addresses that are known, and those that are late by so much.
    pub(crate) fn with_late(found: Vec<SocketAddr>, by: Duration, late: Vec<SocketAddr>) -> Self {
        let late: Lookup = Box::pin(async move {
            tokio::time::sleep(by).await;
            late
        });
        Self::found_by([async move { told(Answer { found, late: Some(late) }) }])
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
