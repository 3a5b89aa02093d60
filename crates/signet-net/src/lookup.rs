//! The system's resolver, which alone knows the hosts file, mDNS and the name servers of a VPN. Its
//! calls block: each has a thread of the runtime's pool, and no more than so many at once.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// RFC 8305 §8, Resolution Delay: how long IPv6 addresses are waited for once the IPv4 ones are
/// known.
pub(crate) const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// The most lookups of each kind at the same time: together a quarter of the threads that tokio has
/// for calls that block. Where no name server answers, one lasts up to half a minute, whoever still
/// waits for it.
const LOOKUPS_MAX: usize = 64;

/// Each kind has its own places: those that hang because nobody answers for IPv6 must not take the
/// places of those that find IPv4 addresses meanwhile.
static FOR_BOTH: Semaphore = Semaphore::const_new(LOOKUPS_MAX);
static FOR_IPV4: Semaphore = Semaphore::const_new(LOOKUPS_MAX);

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
    let (name, again) = (host.to_owned(), host.to_owned());
    let both = blocking(&FOR_BOTH, move || both_families(&name, port));
    let ipv4 = blocking(&FOR_IPV4, move || ipv4_alone(&again, port));
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

fn both_families(host: &str, port: u16) -> Vec<SocketAddr> {
    (host, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

fn ipv4_alone(host: &str, port: u16) -> Vec<SocketAddr> {
    let hints = AddrInfoHints {
        address: AddrFamily::Inet.into(),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let Ok(found) = getaddrinfo(Some(host), None, Some(hints)) else { return Vec::new() };
    found.flatten().map(|one| SocketAddr::new(one.sockaddr.ip(), port)).collect()
}

/// Runs a call that blocks. Its place is taken until it returns, also when nobody waits for it.
async fn blocking(
    places: &'static Semaphore,
    lookup: impl FnOnce() -> Vec<SocketAddr> + Send + 'static,
) -> Vec<SocketAddr> {
    let Ok(place) = places.acquire().await else { return Vec::new() };
    let call = tokio::task::spawn_blocking(move || {
        let _place = place;
        lookup()
    });
    call.await.unwrap_or_default()
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
