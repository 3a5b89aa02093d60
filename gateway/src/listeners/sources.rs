//! Where connections come from: addresses, networks, and how often each may connect.

use crate::config::Rate;
use signet_fix::bucket::Bucket;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Sources whose rate is known; beyond it, those that are quiet are forgotten.
const SOURCES_MAX: usize = 8_192;
/// Connections of a network for each one that an address may make.
const ADDRESSES_PER_NETWORK: u32 = 4;

/// A /24 or a /64, written as an address.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4) & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
    }
}

/// One customer's address: for IPv6 that is a network.
pub fn address(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        v6 @ IpAddr::V6(_) => network(v6),
        v4 => v4,
    }
}

/// Which source comes too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooOften {
    Address,
    Network,
}

/// How often each source has come lately.
#[derive(Debug)]
pub struct Rates {
    address: Rate,
    network: Rate,
    buckets: HashMap<(bool, IpAddr), Bucket>,
}

impl Rates {
    pub fn new(rate: Rate) -> Self {
        let network = Rate {
            burst: rate.burst.saturating_mul(ADDRESSES_PER_NETWORK),
            per_minute: rate.per_minute.saturating_mul(ADDRESSES_PER_NETWORK),
        };
        Self { address: rate, network, buckets: HashMap::new() }
    }

    /// Whether a connection from there is within the rate of its address and of its network.
    pub fn allows(&self, now: Instant, ip: IpAddr) -> Result<(), TooOften> {
        for (key, _, why) in self.keys(ip) {
            let within = |b: &Bucket| b.clone().take(now, 1);
            if !self.buckets.get(&key).is_none_or(within) {
                return Err(why);
            }
        }
        Ok(())
    }

    /// Counts a connection from there; one that is not allowed costs nothing.
    pub fn take(&mut self, now: Instant, ip: IpAddr) -> Result<(), TooOften> {
        self.allows(now, ip)?;
        if self.buckets.len() + 2 > SOURCES_MAX {
            self.buckets.retain(|_, b| !b.is_full(now));
        }
        let full = self.buckets.len() + 2 > SOURCES_MAX;
        for (key, rate, _) in self.keys(ip) {
            if full && !self.buckets.contains_key(&key) {
                // So many sources at once are told apart by their places only.
                continue;
            }
            let new = || Bucket::new(rate.burst, Duration::from_secs(60) / rate.per_minute.max(1));
            self.buckets.entry(key).or_insert_with(new).take(now, 1);
        }
        Ok(())
    }

    fn keys(&self, ip: IpAddr) -> [((bool, IpAddr), Rate, TooOften); 2] {
        [
            ((false, address(ip)), self.address, TooOften::Address),
            ((true, network(ip)), self.network, TooOften::Network),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_comes_too_often_is_told_apart_from_others() {
        let mut r = Rates::new(Rate { burst: 2, per_minute: 60 });
        let now = Instant::now();
        let s = Duration::from_secs;
        let mut come = |at: Duration, from: &str| r.take(now + at, from.parse().unwrap());
        assert_eq!([come(s(0), "10.0.0.1"), come(s(0), "10.0.0.1")], [Ok(()), Ok(())]);
        assert_eq!(come(s(0), "10.0.0.1"), Err(TooOften::Address));
        assert_eq!(come(s(0), "10.0.1.1"), Ok(()));
        assert_eq!(come(s(1), "10.0.0.1"), Ok(()));
        for n in 2..6 {
            let _ = come(s(1), &format!("10.0.0.{n}"));
            let _ = come(s(1), &format!("10.0.0.{n}"));
        }
        assert_eq!(come(s(1), "10.0.0.9"), Err(TooOften::Network));
        // What was not allowed has cost its address nothing.
        assert_eq!([come(s(4), "10.0.0.9"), come(s(4), "10.0.0.9")], [Ok(()), Ok(())]);
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room() {
        let mut r = Rates::new(Rate { burst: 2, per_minute: 60 });
        let now = Instant::now();
        for n in 0..20_000u32 {
            r.take(now, IpAddr::V4((n << 8).into())).unwrap();
        }
        assert!(r.buckets.len() <= SOURCES_MAX);
    }
}
