//! The ways to the hosts of a server: the addresses of their names, which are resolved at the same
//! time (RFC 8305 §3), or a proxy. They are tried in the order of the hosts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use signet_identity::{Refusal, Stage};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::error::DialError;
use crate::eyeballs::{ATTEMPT_DELAY, in_turn};
use crate::proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};

/// How long a host whose name is still being resolved holds up those after it, from when the first
/// way to one of them is known. RFC 8305 §8 proposes 50 ms between two families of one host, which
/// are equally good. Hosts are not: the first one is wanted, and the others may only stand in for
/// it. A name server that is a little slower for one name must not decide between them, so a name
/// has as much time as a connection.
const RESOLUTION_DELAY: Duration = ATTEMPT_DELAY;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// All addresses of a server's hosts, in the order in which they are tried, each with the number of
/// its host. Hosts that are not found are left out, and so are those whose names take a quarter of
/// a second longer than the first name that is found.
pub async fn addresses(endpoints: &[Endpoint]) -> Vec<(usize, SocketAddr)> {
    let mut ways = Ways::to(endpoints, &ProxySetting::Direct);
    ways.settle().await;
    ways.queue.into_addresses()
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

/// The ways to several hosts, as they become known. Each name that is being resolved keeps one
/// thread of the blocking pool until the system's resolver gives up, also when this is dropped.
pub(crate) struct Ways {
    lookups: JoinSet<(usize, VecDeque<Found>)>,
    queue: Queue,
}

impl Ways {
    /// Begins to resolve the names of all hosts that are not behind a proxy.
    pub(crate) fn to(endpoints: &[Endpoint], setting: &ProxySetting) -> Self {
        let environment = ProxyEnvironment::read();
        let mut ways = Self { lookups: JoinSet::new(), queue: Queue::of(endpoints.len()) };
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

    /// The next way to be tried, with the number of its host; `None` after the last one. A host
    /// without any has one error in its turn. May be cancelled and called again.
    pub(crate) async fn next(&mut self) -> Option<(usize, Found)> {
        loop {
            // The names that were found while an attempt was under way.
            while let Some(resolved) = self.lookups.try_join_next() {
                self.note(resolved);
            }
            let until = match self.queue.next(Instant::now()) {
                Next::Try(which, found) => return Some((which, found)),
                Next::NotBefore(end) => Some(end),
                Next::Unknown => None,
                Next::Over => return None,
            };
            self.wait(until).await;
        }
    }

    /// Waits until every name is resolved, or until those left have held up the others for as long
    /// as they may.
    async fn settle(&mut self) {
        while !self.lookups.is_empty()
            && self.queue.patience_ends.is_none_or(|end| Instant::now() < end)
        {
            self.wait(self.queue.patience_ends).await;
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
    fn note(&mut self, resolved: Result<(usize, VecDeque<Found>), JoinError>) {
        if let Ok((which, ways)) = resolved {
            self.queue.add(which, ways, Instant::now());
        }
    }
}

async fn resolve(at: &Endpoint) -> VecDeque<Found> {
    let found = match tokio::net::lookup_host((at.host.as_str(), at.port)).await {
        Ok(found) => in_turn(found.collect()),
        Err(e) => return only(Err(Refusal::seen_by_client(&e, Stage::Resolve).into())),
    };
    match found.is_empty() {
        true => only(Err(Refusal::DnsFailure.into())),
        false => found.into_iter().map(|to| Ok(Way::Address(to))).collect(),
    }
}

fn only(found: Found) -> VecDeque<Found> {
    VecDeque::from([found])
}

/// What is known of the hosts and was not tried. It is told the time.
#[derive(Debug)]
struct Queue {
    /// By the host's number; `None` while its name is being resolved.
    hosts: Vec<Option<VecDeque<Found>>>,
    /// From then on no host waits for one before it. `None` until a way to one is known.
    patience_ends: Option<Instant>,
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
            self.patience_ends = self.patience_ends.or(Some(now + RESOLUTION_DELAY));
        }
        if let Some(host) = self.hosts.get_mut(which) {
            *host = Some(ways);
        }
    }

    /// No other name will be resolved.
    fn close(&mut self) {
        for host in self.hosts.iter_mut().filter(|host| host.is_none()) {
            *host = Some(only(Err(Refusal::DnsFailure.into())));
        }
    }

    /// All of a host before any of the next one. A name that is resolved late has its turn then.
    fn next(&mut self, now: Instant) -> Next {
        let held_up = self.patience_ends.filter(|end| now < *end);
        let mut unresolved = false;
        for (which, ways) in self.hosts.iter_mut().enumerate() {
            match (ways, held_up) {
                (None, _) => unresolved = true,
                (Some(ways), Some(end)) if unresolved && !ways.is_empty() => {
                    return Next::NotBefore(end);
                }
                (Some(ways), _) => {
                    if let Some(found) = ways.pop_front() {
                        return Next::Try(which, found);
                    }
                }
            }
        }
        if unresolved { Next::Unknown } else { Next::Over }
    }

    fn into_addresses(self) -> Vec<(usize, SocketAddr)> {
        let mut all = Vec::new();
        for (which, ways) in self.hosts.into_iter().enumerate() {
            let found = ways.unwrap_or_default().into_iter();
            all.extend(found.filter_map(|way| match way {
                Ok(Way::Address(to)) => Some((which, to)),
                _ => None,
            }));
        }
        all
    }
}

#[cfg(test)]
impl Ways {
    /// To a host whose name is never resolved.
    pub(crate) fn unknown() -> Self {
        let mut ways = Self { lookups: JoinSet::new(), queue: Queue::of(1) };
        ways.lookups.spawn(std::future::pending());
        ways
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
