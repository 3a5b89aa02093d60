//! Failures to log in, of a name and of an address: after some of them each further one makes the
//! next wait twice as long. Pure: the time is passed in, and memory is bounded.

use crate::limits::Subject;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// So many cost nothing: people mistype.
const FREE: u32 = 4;
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Forgotten so long after the last failure.
const FORGOTTEN: Duration = Duration::from_secs(3_600);
/// Names and addresses remembered. Beyond it the one that failed longest ago is forgotten.
const SUBJECTS_MAX: usize = 10_000;

#[derive(Debug)]
struct Row {
    failures: u32,
    last: Instant,
}

impl Row {
    /// How long nothing is heard after the last failure.
    fn wait(&self) -> Duration {
        let Some(over) = self.failures.checked_sub(FREE).and_then(|n| n.checked_sub(1)) else {
            return Duration::ZERO;
        };
        FIRST.saturating_mul(2u32.saturating_pow(over.min(16))).min(LONGEST)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<Subject, Row>);

impl Attempts {
    /// `Err`: how long none of these may try.
    pub(super) fn check(&self, subjects: &[Subject], now: Instant) -> Result<(), Duration> {
        let left = |s: &Subject| {
            let row = self.0.get(s)?;
            let left = row.wait().checked_sub(now.saturating_duration_since(row.last))?;
            Some(left).filter(|l| !l.is_zero())
        };
        subjects.iter().filter_map(left).max().map_or(Ok(()), Err)
    }

    /// Counts one failure of each.
    pub(super) fn failed(&mut self, subjects: &[Subject], now: Instant) {
        for s in subjects {
            if !self.0.contains_key(s) && self.0.len() >= SUBJECTS_MAX {
                self.make_room(now);
            }
            let row = self.0.entry(s.clone()).or_insert(Row { failures: 0, last: now });
            if now.saturating_duration_since(row.last) >= FORGOTTEN {
                row.failures = 0;
            }
            row.failures = row.failures.saturating_add(1);
            row.last = now;
        }
    }

    /// Whoever succeeded is forgiven.
    pub(super) fn succeeded(&mut self, subjects: &[Subject]) {
        self.0.retain(|s, _| !subjects.contains(s));
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, r| now.saturating_duration_since(r.last) < FORGOTTEN);
        if self.0.len() >= SUBJECTS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, r)| r.last).map(|(s, _)| s.clone());
            oldest.map(|s| self.0.remove(&s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_waits() {
        let ada = [Subject::user("ada")];
        for (failures, seconds) in
            [(0, 0), (1, 0), (4, 0), (5, 5), (6, 10), (7, 20), (12, 640), (13, 900), (99, 900)]
        {
            let (mut a, now) = (Attempts::default(), Instant::now());
            (0..failures).for_each(|_| a.failed(&ada, now));
            let wait = Duration::from_secs(seconds);
            let want = if seconds == 0 { Ok(()) } else { Err(wait) };
            assert_eq!(a.check(&ada, now), want, "{failures}");
            assert_eq!(a.check(&ada, now + wait), Ok(()), "{failures}");
        }
    }

    #[test]
    fn name_and_address_count_each_for_itself_and_are_forgiven() {
        let (mut a, now) = (Attempts::default(), Instant::now());
        let address = |ip: &str| Subject::address(ip.parse().unwrap());
        for n in 0..5 {
            a.failed(&[Subject::user("ada"), address(&format!("192.0.2.{n}"))], now);
        }
        assert!(a.check(&[Subject::user("Ada"), address("198.51.100.1")], now).is_err());
        assert!(a.check(&[Subject::user("bob"), address("192.0.2.1")], now).is_ok());
        a.succeeded(&[Subject::user("ada")]);
        assert!(a.check(&[Subject::user("ada")], now).is_ok());
        // Failures of long ago are not added to those of today.
        (0..5).for_each(|_| a.failed(&[Subject::user("eve")], now));
        a.failed(&[Subject::user("eve")], now + FORGOTTEN);
        assert!(a.check(&[Subject::user("eve")], now + FORGOTTEN).is_ok());
    }

    #[test]
    fn a_flood_of_names_takes_no_more_room() {
        let (mut a, now) = (Attempts::default(), Instant::now());
        for n in 0..SUBJECTS_MAX + 50 {
            a.failed(&[Subject::user(&n.to_string())], now + Duration::from_millis(n as u64));
        }
        assert_eq!(a.0.len(), SUBJECTS_MAX);
        assert!(!a.0.contains_key(&Subject::user("0")));
    }
}
