//! How often somebody may fail. Pure: the time is passed in.
//!
//! Kept per gateway and in memory: a code has 128 bits, so this keeps noise and load down, not
//! guesses. Anybody can make a user's enrolment wait by failing in that user's name. Waiting is
//! the only remedy; changing address does not help, by design.

use signet_rfq::UtcMillis;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
};

pub const FAILURES_MAX: usize = 5;
pub const WINDOW_MS: i64 = 15 * 60_000;
/// Addresses and users remembered. Beyond it the oldest are forgotten.
const SUBJECTS_MAX: usize = 20_000;
/// Events about refusals written in one window of [`JOURNAL_WINDOW_MS`]; the rest are counted.
const JOURNAL_MAX: u32 = 300;
const JOURNAL_WINDOW_MS: i64 = 60_000;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    Address(IpAddr),
    User(String),
}

impl Subject {
    /// An IPv6 customer has at least a /64, so that is what counts as one.
    pub fn address(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(v6) => {
                Self::Address(IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))))
            }
            v4 => Self::Address(v4),
        }
    }

    pub fn user(id: &str) -> Self {
        Self::User(id.chars().take(64).collect::<String>().to_lowercase())
    }
}

#[derive(Debug)]
pub struct RateLimit {
    failures: HashMap<Subject, VecDeque<UtcMillis>>,
    window_ms: i64,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::with_window(WINDOW_MS)
    }
}

impl RateLimit {
    /// [`FAILURES_MAX`] failures in another time.
    pub fn with_window(window_ms: i64) -> Self {
        Self { failures: HashMap::new(), window_ms }
    }

    /// `Err` holds for how many seconds none of these may try.
    pub fn check(&mut self, subjects: &[Subject], now: UtcMillis) -> Result<(), u64> {
        let mut wait_ms = 0;
        for s in subjects {
            let Some(times) = self.failures.get_mut(s) else { continue };
            // A clock that was set back would make them wait for the difference as well.
            times.iter_mut().for_each(|t| *t = (*t).min(now));
            while times.front().is_some_and(|t| now.since(*t) >= self.window_ms) {
                times.pop_front();
            }
            match times.front() {
                None => drop(self.failures.remove(s)),
                Some(first) if times.len() >= FAILURES_MAX => {
                    wait_ms = wait_ms.max(self.window_ms - now.since(*first))
                }
                Some(_) => {}
            }
        }
        if wait_ms == 0 {
            Ok(())
        } else {
            Err(u64::try_from(wait_ms.div_euclid(1_000) + 1).unwrap_or(1))
        }
    }

    pub fn failed(&mut self, subjects: &[Subject], now: UtcMillis) {
        for s in subjects {
            if !self.failures.contains_key(s) && self.failures.len() >= SUBJECTS_MAX {
                self.make_room(now);
            }
            let times = self.failures.entry(s.clone()).or_default();
            times.push_back(now);
            if times.len() > FAILURES_MAX {
                times.pop_front();
            }
        }
    }

    /// What succeeded is forgiven.
    pub fn succeeded(&mut self, subjects: &[Subject]) {
        for s in subjects {
            self.failures.remove(s);
        }
    }

    fn make_room(&mut self, now: UtcMillis) {
        self.failures
            .retain(|_, times| times.back().is_some_and(|t| now.since(*t) < self.window_ms));
        if self.failures.len() >= SUBJECTS_MAX {
            let oldest = self
                .failures
                .iter()
                .min_by_key(|(_, times)| times.back().copied())
                .map(|(s, _)| s.clone());
            oldest.map(|s| self.failures.remove(&s));
        }
    }
}

/// What an event says of those before it that were not written down; nothing when all were.
pub fn left_out_words(left_out: u64) -> String {
    if left_out > 0 {
        format!(" ({left_out} before this were not written down one by one)")
    } else {
        String::new()
    }
}

/// How many refusals are written down one by one: a flood must not fill the disk.
#[derive(Debug, Default)]
pub struct JournalBudget {
    window: i64,
    written: u32,
    left_out: u64,
}

impl JournalBudget {
    /// Whether this one is written, and how many before it were not.
    pub fn spend(&mut self, now: UtcMillis) -> Option<u64> {
        let window = now.0.div_euclid(JOURNAL_WINDOW_MS);
        if window != self.window {
            (self.window, self.written) = (window, 0);
        }
        if self.written == JOURNAL_MAX {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// Of [`JOURNAL_MAX`], events about one peer.
const PEER_MAX: u32 = 100;

/// The same of events about peers that are known: each has a budget, so that a flood of one does
/// not hide what another does, and all together have one. Each peer's first event of a window is
/// written whatever the others did.
#[derive(Debug, Default)]
pub struct PeerBudgets {
    window: i64,
    written: u32,
    peers: BTreeMap<String, PeerEvents>,
}

#[derive(Debug, Default)]
struct PeerEvents {
    written: u32,
    left_out: u64,
}

impl PeerBudgets {
    /// Whether this event about a peer is written, and how many of the same peer before it were
    /// not.
    pub fn spend(&mut self, peer: &str, now: UtcMillis) -> Option<u64> {
        let window = now.0.div_euclid(JOURNAL_WINDOW_MS);
        if window != self.window {
            (self.window, self.written) = (window, 0);
            self.peers.retain(|_, p| p.left_out > 0);
            self.peers.values_mut().for_each(|p| p.written = 0);
        }
        let p = self.peers.entry(peer.to_owned()).or_default();
        let beyond = p.written >= PEER_MAX || self.written >= JOURNAL_MAX;
        if p.written > 0 && beyond {
            p.left_out = p.left_out.saturating_add(1);
            return None;
        }
        p.written = p.written.saturating_add(1);
        self.written = self.written.saturating_add(1);
        Some(std::mem::take(&mut p.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Subject {
        Subject::address(text.parse().unwrap())
    }

    #[test]
    fn the_sixth_attempt_waits_until_the_first_failure_is_old() {
        let (a, mut limit) = ([ip("192.0.2.1")], RateLimit::default());
        for n in 0..5 {
            assert_eq!(limit.check(&a, UtcMillis(n)), Ok(()), "{n}");
            limit.failed(&a, UtcMillis(n));
        }
        assert_eq!(limit.check(&a, UtcMillis(10)), Err(900));
        assert_eq!(limit.check(&a, UtcMillis(WINDOW_MS - 1)), Err(1));
        assert_eq!(limit.check(&a, UtcMillis(WINDOW_MS)), Ok(()));
        limit.failed(&a, UtcMillis(WINDOW_MS));
        // The second failure of the old window now is the first.
        assert!(limit.check(&a, UtcMillis(WINDOW_MS)).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let (a, mut limit) = ([ip("192.0.2.1")], RateLimit::default());
        let day = 24 * 3_600_000;
        (0..5).for_each(|n| limit.failed(&a, UtcMillis(day + n)));
        assert_eq!(limit.check(&a, UtcMillis(10)), Err(901));
        assert_eq!(limit.check(&a, UtcMillis(10 + WINDOW_MS)), Ok(()));
    }

    #[test]
    fn user_and_address_count_each_for_itself() {
        let mut limit = RateLimit::default();
        for n in 0..5 {
            limit.failed(&[ip(&format!("192.0.2.{n}")), Subject::user("alice")], UtcMillis(0));
        }
        assert!(limit.check(&[ip("198.51.100.1"), Subject::user("Alice")], UtcMillis(1)).is_err());
        assert_eq!(limit.check(&[ip("192.0.2.1"), Subject::user("bob")], UtcMillis(1)), Ok(()));
        limit.succeeded(&[Subject::user("alice")]);
        assert_eq!(limit.check(&[Subject::user("alice")], UtcMillis(1)), Ok(()));
    }

    #[test]
    fn one_network_is_one_address() {
        assert_eq!(ip("2001:db8:1:2::1"), ip("2001:db8:1:2:ffff::9"));
        assert_ne!(ip("2001:db8:1:2::1"), ip("2001:db8:1:3::1"));
        assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
        assert_ne!(ip("192.0.2.1"), ip("192.0.2.2"));
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room() {
        let mut limit = RateLimit::default();
        for n in 0..(SUBJECTS_MAX as u32 + 50) {
            limit.failed(&[Subject::Address(IpAddr::V4(n.into()))], UtcMillis(i64::from(n)));
        }
        assert_eq!(limit.failures.len(), SUBJECTS_MAX);
    }

    #[test]
    fn a_flood_of_refusals_is_counted_not_written() {
        let mut budget = JournalBudget::default();
        let written = (0..1_000).filter(|_| budget.spend(UtcMillis(5)).is_some()).count();
        assert_eq!(written, JOURNAL_MAX as usize);
        assert_eq!(budget.spend(UtcMillis(JOURNAL_WINDOW_MS)), Some(700));
        assert_eq!(budget.spend(UtcMillis(JOURNAL_WINDOW_MS)), Some(0));
    }

    #[test]
    fn a_flood_of_one_peer_leaves_the_others_their_events() {
        let mut b = PeerBudgets::default();
        let at = UtcMillis(5);
        let written = |b: &mut PeerBudgets, peer: &str, n: u32| {
            (0..n).filter(|_| b.spend(peer, at).is_some()).count()
        };
        assert_eq!(written(&mut b, "NORTH", 1_000), PEER_MAX as usize);
        assert_eq!(written(&mut b, "SOUTH", 2), 2);
        // Many together use up what there is for all; each is heard of all the same.
        assert_eq!(written(&mut b, "EAST", 1_000) + written(&mut b, "WEST", 1_000), 198);
        assert_eq!(written(&mut b, "SOUTH", 1), 0);
        assert_eq!(written(&mut b, "LAST", 2), 1);
        let next = UtcMillis(JOURNAL_WINDOW_MS);
        for (peer, left_out) in [("NORTH", 900), ("SOUTH", 1), ("LAST", 1), ("NEW", 0), ("NEW", 0)]
        {
            assert_eq!(b.spend(peer, next), Some(left_out), "{peer}");
        }
        b.spend("NEW", UtcMillis(2 * JOURNAL_WINDOW_MS));
        assert_eq!(
            b.peers.keys().collect::<Vec<_>>(),
            ["EAST", "NEW", "WEST"],
            "what is told goes"
        );
    }
}
