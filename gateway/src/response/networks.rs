//! Networks that fail again and again.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Networks remembered.
const NETWORKS_MAX: usize = 10_000;
/// How long a logon that was good keeps its network open.
const OPEN_FOR: Duration = Duration::from_secs(3_600);
/// A network that is locked out may try so often.
const TRY_EVERY: Duration = Duration::from_secs(2);
/// A lock-out so long after the one before counts as the first.
const FORGIVEN: Duration = Duration::from_secs(24 * 3_600);
const LEVEL_MAX: u32 = 32;

/// What counts as one: an IPv4 address, or the /64 of an IPv6 customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(v6) => Self(IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64)))),
            v4 => Self(v4),
        }
    }

    /// An address within it.
    pub fn address(self) -> IpAddr {
        self.0
    }

    /// An address, or the /64 as it is shown.
    pub fn read(text: &str) -> Option<Self> {
        text.strip_suffix("/64").unwrap_or(text).parse().ok().map(Self::of)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// One that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkLockout {
    pub network: Network,
    pub left: Duration,
    pub failures: usize,
    pub level: u32,
}

/// What is known of one network.
#[derive(Debug)]
struct Record {
    failures: VecDeque<Instant>,
    /// The last good logon.
    good: Option<Instant>,
    locked: Option<Locked>,
    /// How many lock-outs there were in a row, and when the last one ended.
    level: u32,
    ended: Option<Instant>,
    touched: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Locked {
    until: Instant,
    next_try: Instant,
}

/// All of them.
#[derive(Debug)]
pub struct Networks {
    records: HashMap<Network, Record>,
    /// Failures in the window that lock a network out; 0: none is.
    failures_max: usize,
    window: Duration,
    first: Duration,
    max: Duration,
}

impl Networks {
    pub fn new(failures_max: usize, window: Duration, first: Duration, max: Duration) -> Self {
        Self { records: HashMap::new(), failures_max, window, first, max }
    }

    /// Whether a connection from there may go on to TLS.
    pub fn may_try(&mut self, network: Network, now: Instant) -> bool {
        let Some(l) = self.records.get_mut(&network).and_then(|r| r.locked.as_mut()) else {
            return true;
        };
        let may = now >= l.until || now >= l.next_try;
        if may {
            l.next_try = now + TRY_EVERY;
        }
        may
    }

    /// Something from there failed; the lock-out that follows.
    pub fn failed(&mut self, network: Network, now: Instant) -> Option<NetworkLockout> {
        if self.failures_max == 0 {
            return None;
        }
        let (window, max, first, longest) = (self.window, self.failures_max, self.first, self.max);
        let r = self.record(network, now);
        if r.locked.is_some() {
            // What is let through to try neither shortens nor prolongs it.
            return None;
        }
        r.failures.retain(|at| now.saturating_duration_since(*at) < window);
        r.failures.push_back(now);
        let recent = |at: Instant| now.saturating_duration_since(at) < OPEN_FOR;
        if r.failures.len() < max || r.good.is_some_and(recent) {
            while r.failures.len() > max {
                r.failures.pop_front();
            }
            return None;
        }
        let forgiven = r.ended.is_none_or(|at| now.saturating_duration_since(at) >= FORGIVEN);
        r.level = if forgiven { 1 } else { r.level.saturating_add(1).min(LEVEL_MAX) };
        let left = first.saturating_mul(2u32.saturating_pow(r.level - 1)).min(longest);
        r.locked = Some(Locked { until: now + left, next_try: now + TRY_EVERY });
        let failures = r.failures.len();
        r.failures.clear();
        Some(NetworkLockout { network, left, failures, level: r.level })
    }

    /// What is known of a network, touched now.
    fn record(&mut self, network: Network, now: Instant) -> &mut Record {
        if !self.records.contains_key(&network) && self.records.len() >= NETWORKS_MAX {
            self.make_room(now);
        }
        let r = self.records.entry(network).or_insert_with(|| Record {
            failures: VecDeque::new(),
            good: None,
            locked: None,
            level: 0,
            ended: None,
            touched: now,
        });
        r.touched = now;
        r
    }

    /// Somebody logged on from there; whether that ended a lock-out.
    pub fn succeeded(&mut self, network: Network, now: Instant) -> bool {
        if self.failures_max == 0 {
            return false;
        }
        let r = self.record(network, now);
        (r.good, r.level) = (Some(now), 0);
        r.failures.clear();
        r.locked.take().is_some()
    }

    /// Ends a lock-out, and forgives those before it; whether there was one.
    pub fn lift(&mut self, network: Network) -> bool {
        let Some(r) = self.records.get_mut(&network) else { return false };
        let lifted = r.locked.take().is_some();
        if lifted {
            r.level = 0;
        }
        lifted
    }

    /// Takes off the lock-outs whose time is over.
    pub fn over(&mut self, now: Instant) -> Vec<Network> {
        let mut over = Vec::new();
        for (network, r) in &mut self.records {
            if r.locked.take_if(|l| now >= l.until).is_some() {
                r.ended = Some(now);
                over.push(*network);
            }
        }
        over.sort();
        over
    }

    /// Those in force.
    pub fn locked(&self, now: Instant) -> Vec<NetworkLockout> {
        let one = |(network, r): (&Network, &Record)| {
            let left = r.locked?.until.saturating_duration_since(now);
            let lockout = NetworkLockout {
                network: *network,
                left,
                failures: self.failures_max,
                level: r.level,
            };
            (left > Duration::ZERO).then_some(lockout)
        };
        let mut all: Vec<_> = self.records.iter().filter_map(one).collect();
        all.sort_by_key(|l| l.network);
        all
    }

    /// Forgets what says nothing any longer, and if that is too little the older half: a flood of
    /// addresses costs one look at all of them for every five thousand.
    fn make_room(&mut self, now: Instant) {
        let window = self.window.max(OPEN_FOR);
        let old = |r: &Record| now.saturating_duration_since(r.touched) >= window;
        self.records.retain(|_, r| r.locked.is_some() || !old(r));
        if self.records.len() < NETWORKS_MAX {
            return;
        }
        // Those that are locked out, and those with traders, go last.
        let weight = |r: &Record| (r.locked.is_some() || r.good.is_some(), r.touched);
        let mut by_age: Vec<_> = self.records.iter().map(|(n, r)| (weight(r), *n)).collect();
        by_age.sort();
        for (_, network) in by_age.into_iter().take(NETWORKS_MAX / 2) {
            self.records.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn net(text: &str) -> Network {
        Network::read(text).unwrap()
    }

    fn networks() -> Networks {
        Networks::new(3, 10 * MINUTE, 5 * MINUTE, 60 * MINUTE)
    }

    #[derive(Debug, Clone, Copy)]
    enum Do {
        Fail,
        Good,
        Over,
        Lift,
        Try,
    }
    use Do::{Fail, Good, Lift, Over, Try};

    /// What one does in seconds from the start, and what comes of it: minutes of a lock-out, or 1
    /// for yes.
    fn run(n: &mut Networks, start: Instant, steps: &[(u64, Do)]) -> Vec<u64> {
        let a = net("192.0.2.1");
        let one = |(s, step): &(u64, Do)| {
            let at = start + Duration::from_secs(*s);
            match step {
                Fail => n.failed(a, at).map_or(0, |l| l.left.as_secs() / 60),
                Good => n.succeeded(a, at).into(),
                Over => n.over(at).len() as u64,
                Lift => n.lift(a).into(),
                Try => n.may_try(a, at).into(),
            }
        };
        steps.iter().map(one).collect()
    }

    #[test]
    fn table_of_states_and_events() {
        let day = 24 * 3_600;
        for (name, steps, want) in [
            ("open: tries", &[(0, Try), (0, Try)][..], &[1, 1][..]),
            ("open: fails too often", &[(0, Fail), (1, Fail), (2, Fail)], &[0, 0, 5]),
            (
                "open: fails slowly",
                &[(0, Fail), (1, Fail), (600, Fail), (601, Fail)],
                &[0, 0, 0, 0],
            ),
            (
                "open: a good one forgives",
                &[(0, Fail), (1, Fail), (2, Good), (3, Fail)],
                &[0, 0, 0, 0],
            ),
            (
                "with a trader: stays open whatever comes",
                &[(0, Good), (1, Fail), (2, Fail), (3, Fail), (4, Fail), (5, Try)],
                &[0, 0, 0, 0, 0, 1],
            ),
            (
                "an hour after the trader it counts again",
                &[(0, Good), (3_600, Fail), (3_601, Fail), (3_602, Fail)],
                &[0, 0, 0, 5],
            ),
            (
                "locked: tries every two seconds",
                &[
                    (0, Fail),
                    (0, Fail),
                    (0, Fail),
                    (1, Try),
                    (2, Try),
                    (2, Try),
                    (3, Try),
                    (4, Try),
                ],
                &[0, 0, 5, 0, 1, 0, 0, 1],
            ),
            (
                "locked: a failure neither shortens nor prolongs",
                &[(0, Fail), (0, Fail), (0, Fail), (2, Fail), (299, Over), (300, Over)],
                &[0, 0, 5, 0, 0, 1],
            ),
            (
                "locked: a good logon opens",
                &[(0, Fail), (0, Fail), (0, Fail), (2, Good), (2, Try), (2, Try)],
                &[0, 0, 5, 1, 1, 1],
            ),
            (
                "locked: lifted",
                &[(0, Fail), (0, Fail), (0, Fail), (1, Lift), (1, Try)],
                &[0, 0, 5, 1, 1],
            ),
            ("open: nothing to lift", &[(0, Fail), (1, Lift)], &[0, 0]),
            ("open: nothing is over", &[(0, Fail), (1, Over)], &[0, 0]),
            (
                "again: twice as long",
                &[
                    (0, Fail),
                    (0, Fail),
                    (0, Fail),
                    (300, Over),
                    (301, Fail),
                    (301, Fail),
                    (301, Fail),
                ],
                &[0, 0, 5, 1, 0, 0, 10],
            ),
            (
                "a day later: the first again",
                &[
                    (0, Fail),
                    (0, Fail),
                    (0, Fail),
                    (300, Over),
                    (300 + day, Fail),
                    (300 + day, Fail),
                    (300 + day, Fail),
                ],
                &[0, 0, 5, 1, 0, 0, 5],
            ),
        ] {
            assert_eq!(run(&mut networks(), Instant::now(), steps), want, "{name}");
        }
    }

    #[test]
    fn off_is_off() {
        let mut n = Networks::new(0, MINUTE, MINUTE, MINUTE);
        let steps = [(0, Fail), (0, Fail), (0, Good), (0, Try)];
        assert_eq!(run(&mut n, Instant::now(), &steps), [0, 0, 0, 1]);
        assert!(n.records.is_empty());
    }

    #[test]
    fn one_network_is_one_address_or_one_64() {
        assert_eq!(net("2001:db8:1:2::1"), net("2001:db8:1:2:ffff::9"));
        assert_eq!(net("2001:db8:1:2::/64"), net("2001:db8:1:2::1"));
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_eq!(net("::ffff:192.0.2.1"), net("192.0.2.1"));
        for text in ["192.0.2.1", "2001:db8:1:2::/64"] {
            assert_eq!(net(text).to_string(), text);
        }
        assert_eq!(Network::read("alice"), None);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room_and_keeps_who_is_locked_out() {
        let (mut n, start) = (networks(), Instant::now());
        for _ in 0..3 {
            n.failed(net("192.0.2.1"), start);
        }
        n.succeeded(net("192.0.2.2"), start);
        for i in 0..(2 * NETWORKS_MAX as u32) {
            n.failed(Network::of(IpAddr::V4((0x0a00_0000 + i).into())), start + MINUTE);
            assert!(n.records.len() <= NETWORKS_MAX);
        }
        assert!(!n.may_try(net("192.0.2.1"), start));
        assert!(n.records.contains_key(&net("192.0.2.2")));
    }
}
