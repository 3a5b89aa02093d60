//! The system's resolver, which alone knows the hosts file, mDNS and the name servers of a VPN. Its
//! calls block: each has a thread of its own, and no more than so many at once. A call that never
//! returns keeps its thread until this process ends. So that such calls do not use all threads up,
//! those for a name that has many become rare, and take what another of them finds; those of a name
//! that was never found leave threads to the names that were.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::doubling::Doubling;

/// RFC 8305 §8, Resolution Delay: how long IPv6 addresses are waited for once the IPv4 ones are
/// known.
pub(crate) const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// With so many lookups of each kind under way, those that are given up not counted, none begins
/// for a name that was never found.
const LOOKUPS_MAX: usize = 128;
/// A lookup that takes longer leaves its place to others: no usual resolver asks for as long. Its
/// thread counts among all of them until it returns.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);
/// The most threads of each kind, with those of lookups that are given up.
const THREADS_MAX: usize = 256;
/// So many of the threads are kept for names that were found before, and so many such names are
/// remembered: each can be asked for, however many others hang.
const KEPT: usize = 64;
/// So many lookups of each kind begin at once, whatever their names are.
const AT_ONCE: usize = 64;
/// So many of one name begin at once. Where no name server answers, one lasts up to half a minute,
/// whoever still waits for it, and a desk that comes to another network meanwhile asks at once.
const AT_ONCE_OF_NAME: usize = 16;
/// With more than these under way, another one begins when the youngest is so old. The pause has no
/// bound, so that a resolver which never answers never uses up all places; one that was away for
/// some time is asked again within that time.
const PAUSE: Doubling = Doubling { first: Duration::from_secs(1), longest: Duration::MAX };

/// Each kind has its own places: those that hang because nobody answers for IPv6 must not take the
/// places of those that find IPv4 addresses meanwhile.
static FOR_BOTH: LazyLock<Lookups> = LazyLock::new(Lookups::new);
static FOR_IPV4: LazyLock<Lookups> = LazyLock::new(Lookups::new);

/// A lookup under way; without an answer it finds nothing.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = Vec<SocketAddr>> + Send>>;

/// What two lookups of one host have found.
pub(crate) struct Answer {
    /// Its addresses, in the order of the system.
    pub(crate) found: Vec<SocketAddr>,
    /// Finds the IPv6 addresses, which are late.
    pub(crate) late: Option<Lookup>,
}

/// Asks for both families, which the system orders (RFC 6724, as its administrator has changed it),
/// and beside that for IPv4 alone: the system has no answer for both before it has those for each,
/// and some networks never answer for IPv6. So what is lost or late for IPv6 costs the delay of RFC
/// 8305 §3 and not the resolver's patience. For an address nobody is asked.
pub(crate) async fn resolve(host: &str, port: u16) -> Answer {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Answer { found: vec![SocketAddr::new(ip, port)], late: None };
    }
    let name: Arc<str> = host.into();
    let both = at_port(port, FOR_BOTH.run(name.clone(), both_families));
    let ipv4 = at_port(port, FOR_IPV4.run(name, ipv4_alone));
    answer(Box::pin(both), Box::pin(ipv4)).await
}

/// The answer for both families; that for IPv4 alone where the other one is empty or late.
pub(crate) async fn answer(mut both: Lookup, mut ipv4: Lookup) -> Answer {
    let known = tokio::select! {
        biased;
        found = &mut both => {
            let found = if found.is_empty() { ipv4.await } else { found };
            return Answer { found, late: None };
        }
        found = &mut ipv4 => found,
    };
    if known.is_empty() {
        return Answer { found: both.await, late: None };
    }
    let in_time = timeout(RESOLUTION_DELAY, &mut both).await;
    match in_time {
        Ok(found) if found.is_empty() => Answer { found: known, late: None },
        Ok(found) => Answer { found, late: None },
        Err(_) => {
            let ipv6 = async move {
                let found = both.await.into_iter();
                found.filter(SocketAddr::is_ipv6).collect::<Vec<_>>()
            };
            Answer { found: known, late: Some(Box::pin(ipv6)) }
        }
    }
}

/// Lookups know no port: those of one name are the same for all ports.
async fn at_port(port: u16, lookup: impl Future<Output = Vec<SocketAddr>>) -> Vec<SocketAddr> {
    let mut found = lookup.await;
    found.iter_mut().for_each(|address| address.set_port(port));
    found
}

fn both_families(host: &str) -> Vec<SocketAddr> {
    (host, 0).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

fn ipv4_alone(host: &str) -> Vec<SocketAddr> {
    let hints = AddrInfoHints {
        address: AddrFamily::Inet.into(),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let Ok(found) = getaddrinfo(Some(host), None, Some(hints)) else { return Vec::new() };
    found.flatten().map(|one| SocketAddr::new(one.sockaddr.ip(), 0)).collect()
}

/// A lookup that ended: its name, and what it found.
type Ended = (Arc<str>, Vec<SocketAddr>);

/// The lookups of one kind.
struct Lookups {
    underway: Mutex<Underway>,
    ended: broadcast::Sender<Ended>,
}

impl Lookups {
    fn new() -> Self {
        let (ended, _) = broadcast::channel(THREADS_MAX);
        Self { underway: Mutex::default(), ended }
    }

    fn underway(&self) -> MutexGuard<'_, Underway> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call that blocks, once there is a place for it. Its place is taken until it returns
    /// or is given up, also when nobody waits for it. What another lookup of the name finds before
    /// that is taken.
    async fn run(
        &'static self,
        host: Arc<str>,
        lookup: impl FnOnce(&str) -> Vec<SocketAddr> + Send + 'static,
    ) -> Vec<SocketAddr> {
        let mut ended = self.ended.subscribe();
        let id = loop {
            let may_begin = self.underway().begin(&host, Instant::now());
            let wait = match may_begin {
                Ok(id) => break id,
                Err(wait) => wait,
            };
            if let Some(found) = found_by_another(&mut ended, &host, wait).await {
                return found;
            }
        };
        drop(ended);
        let place = Place { lookups: self, id, host, found: Vec::new() };
        let (tell, told) = oneshot::channel();
        let call = move || {
            // Given back before the answer is, or is known not to come: also when this panics.
            let mut place = place;
            let found = lookup(&place.host);
            place.found.clone_from(&found);
            drop(place);
            // Nobody need wait for it.
            let _ = tell.send(found);
        };
        // Not a thread of the runtime, which waits for those when it ends. Where the system has
        // none to give, the call is dropped, and with it its place.
        let _ = std::thread::Builder::new().name("signet-lookup".into()).spawn(call);
        told.await.unwrap_or_default()
    }
}

/// What another lookup of this name finds; `None` when it is time to ask for a place again.
async fn found_by_another(
    ended: &mut broadcast::Receiver<Ended>,
    host: &str,
    wait: Wait,
) -> Option<Vec<SocketAddr>> {
    let next = ended.recv();
    let next = match wait {
        Wait::Until(time) => timeout_at(time, next).await.ok()?,
        Wait::ForAPlace => next.await,
    };
    let (name, found) = next.ok()?;
    (*name == *host && !found.is_empty()).then_some(found)
}

/// Held by a call until it returns, or panics.
struct Place {
    lookups: &'static Lookups,
    id: u64,
    host: Arc<str>,
    found: Vec<SocketAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.lookups.underway().end(self.id, !found.is_empty());
        // Nobody need wait for it.
        let _ = self.lookups.ended.send((self.host.clone(), found));
    }
}

/// The calls of one kind that have not returned, the youngest last. Pure: it is told the time.
#[derive(Debug, Default)]
struct Underway {
    all: Vec<Call>,
    next_id: u64,
    /// Names that were found, the latest last; at most [`KEPT`].
    known: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Call {
    id: u64,
    host: Arc<str>,
    since: Instant,
}

/// What a lookup without a place waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// This time, or until another one ends.
    Until(Instant),
    /// Until another one ends.
    ForAPlace,
}

impl Underway {
    /// Begins a lookup of this name, if it may begin now.
    fn begin(&mut self, host: &Arc<str>, now: Instant) -> Result<u64, Wait> {
        if let Some(wait) = self.wait(host, now) {
            return Err(wait);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.all.push(Call { id, host: host.clone(), since: now });
        Ok(id)
    }

    fn end(&mut self, id: u64, found: bool) {
        let Some(at) = self.all.iter().position(|call| call.id == id) else { return };
        let call = self.all.remove(at);
        if found {
            self.remember(call.host);
        }
    }

    /// A name with a lookup under way is not forgotten: its thread may be one of those kept.
    fn remember(&mut self, host: Arc<str>) {
        self.known.retain(|known| *known != host);
        if self.known.len() >= KEPT {
            let is_idle = |known: &Arc<str>| self.all.iter().all(|call| call.host != *known);
            let Some(idle) = self.known.iter().position(is_idle) else { return };
            self.known.remove(idle);
        }
        self.known.push_back(host);
    }

    /// A name without any lookup waits for nothing but a place, so that those of other names that
    /// hang do not hold it up.
    fn wait(&self, host: &str, now: Instant) -> Option<Wait> {
        if let Some(wait) = self.wait_for_a_place(host, now) {
            return Some(wait);
        }
        let of_name = || self.all.iter().filter(|call| *call.host == *host);
        let youngest = of_name().next_back()?.since;
        let of_name = not_before(of_name().count(), AT_ONCE_OF_NAME, youngest);
        let youngest = self.all.last()?.since;
        let of_all = not_before(self.all.len(), AT_ONCE, youngest);
        match of_name.max(of_all) {
            NotBefore::Now => None,
            NotBefore::Time(time) => (now < time).then_some(Wait::Until(time)),
            NotBefore::Never => Some(Wait::ForAPlace),
        }
    }

    /// Of the threads kept, a name that was found takes one at most: with so many under way, the
    /// pause before its second one lasts for longer than any process.
    fn wait_for_a_place(&self, host: &str, now: Instant) -> Option<Wait> {
        if self.known.iter().any(|known| **known == *host) {
            return (self.all.len() >= THREADS_MAX).then_some(Wait::ForAPlace);
        }
        if self.all.len() >= THREADS_MAX.saturating_sub(KEPT) {
            return Some(Wait::ForAPlace);
        }
        let ends = self.all.iter().filter_map(|call| call.since.checked_add(GIVEN_UP_AFTER));
        let awaited = || ends.clone().filter(move |end| now < *end);
        let is_full = awaited().count() >= LOOKUPS_MAX;
        awaited().min().filter(|_| is_full).map(Wait::Until)
    }
}

/// When another one may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NotBefore {
    Now,
    Time(Instant),
    /// In a time that no clock reaches.
    Never,
}

/// With so many under way, of which so many begin at once.
fn not_before(underway: usize, at_once: usize, youngest: Instant) -> NotBefore {
    let Some(more) = underway.checked_sub(at_once) else { return NotBefore::Now };
    let pause = PAUSE.doubled(u32::try_from(more).unwrap_or(u32::MAX));
    youngest.checked_add(pause).map_or(NotBefore::Never, NotBefore::Time)
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
