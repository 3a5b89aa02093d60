//! People whose logons fail again and again, or who are asked for touches that nobody gives.

use super::threshold::Threshold;
use signet_registry::LockoutKind;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// People remembered. Only those with a certificate in force are, so a registry bounds them too.
const PEOPLE_MAX: usize = 20_000;
/// A verdict holds by itself so long, until the registry says it: several times as long as that
/// takes.
const HELD: Duration = Duration::from_secs(5);

/// What a person's certificate, or session, was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonEvent {
    /// A Logon with a certificate in force was refused.
    LogonFailed,
    /// A Logon was accepted.
    LoggedOn,
    /// A challenge of this person's own was declined, not answered in time, or answered wrongly.
    ChallengeFailed,
}

#[derive(Debug, Default)]
struct Record {
    logons: VecDeque<Instant>,
    challenges: VecDeque<Instant>,
    held: Option<(LockoutKind, Instant)>,
}

/// All of them.
#[derive(Debug)]
pub struct People {
    records: BTreeMap<String, Record>,
    logons: Threshold,
    challenges: Threshold,
}

impl People {
    /// `logons`, `challenges`: so many failures, within so long.
    pub fn new(logons: (usize, Duration), challenges: (usize, Duration)) -> Self {
        let threshold = |(max, window)| Threshold { max, window };
        Self {
            records: BTreeMap::new(),
            logons: threshold(logons),
            challenges: threshold(challenges),
        }
    }

    /// What happened to a person; the lock-out that follows.
    pub fn note(&mut self, user: &str, what: PersonEvent, now: Instant) -> Option<LockoutKind> {
        if what == PersonEvent::LoggedOn {
            // Challenges are not forgiven: whoever tires a person out waits for the one touch.
            if let Some(r) = self.records.get_mut(user) {
                r.logons.clear();
            }
            return None;
        }
        if !self.records.contains_key(user) && self.records.len() >= PEOPLE_MAX {
            self.make_room(now);
        }
        let r = self.records.entry(user.to_owned()).or_default();
        let (threshold, times, kind) = match what {
            PersonEvent::ChallengeFailed => {
                (self.challenges, &mut r.challenges, LockoutKind::Fatigue)
            }
            _ => (self.logons, &mut r.logons, LockoutKind::Failures),
        };
        if !threshold.reached(times, now) {
            return None;
        }
        r.held = Some((kind, now));
        Some(kind)
    }

    /// Whether a verdict that the registry may not know yet keeps a person out.
    pub fn held(&self, user: &str, now: Instant) -> Option<LockoutKind> {
        let (kind, since) = self.records.get(user)?.held?;
        (now.saturating_duration_since(since) < HELD).then_some(kind)
    }

    fn make_room(&mut self, now: Instant) {
        let window = self.logons.window.max(self.challenges.window);
        let recent = |at: &Instant| now.saturating_duration_since(*at) < window;
        let last = |r: &Record| r.logons.back().max(r.challenges.back()).copied();
        self.records.retain(|_, r| last(r).as_ref().is_some_and(recent));
        if self.records.len() >= PEOPLE_MAX {
            let oldest = self.records.iter().min_by_key(|(_, r)| last(r)).map(|(u, _)| u.clone());
            oldest.map(|u| self.records.remove(&u));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockoutKind::{Failures, Fatigue};
    use PersonEvent::{ChallengeFailed, LoggedOn, LogonFailed};

    const MINUTE: Duration = Duration::from_secs(60);

    fn people() -> People {
        People::new((3, 10 * MINUTE), (2, 5 * MINUTE))
    }

    #[test]
    fn table_of_events() {
        for (name, steps, want) in [
            (
                "too many logons",
                &[(0, LogonFailed), (1, LogonFailed), (2, LogonFailed)][..],
                &[None, None, Some(Failures)][..],
            ),
            (
                "slowly",
                &[(0, LogonFailed), (1, LogonFailed), (600, LogonFailed)],
                &[None, None, None],
            ),
            (
                "a good one forgives",
                &[(0, LogonFailed), (1, LogonFailed), (2, LoggedOn), (3, LogonFailed)],
                &[None, None, None, None],
            ),
            (
                "it begins again after a verdict",
                &[(0, LogonFailed), (1, LogonFailed), (2, LogonFailed), (3, LogonFailed)],
                &[None, None, Some(Failures), None],
            ),
            (
                "too many challenges",
                &[(0, ChallengeFailed), (299, ChallengeFailed)],
                &[None, Some(Fatigue)],
            ),
            ("challenges slowly", &[(0, ChallengeFailed), (300, ChallengeFailed)], &[None, None]),
            (
                "a logon does not forgive them",
                &[(0, ChallengeFailed), (1, LoggedOn), (2, ChallengeFailed)],
                &[None, None, Some(Fatigue)],
            ),
            (
                "each counts for itself",
                &[(0, LogonFailed), (0, LogonFailed), (0, ChallengeFailed)],
                &[None, None, None],
            ),
        ] {
            let (mut p, start) = (people(), Instant::now());
            let got: Vec<_> = steps
                .iter()
                .map(|(s, what)| p.note("alice", *what, start + Duration::from_secs(*s)))
                .collect();
            assert_eq!(got, want, "{name}");
            assert_eq!(p.held("bob", start), None);
        }
    }

    #[test]
    fn a_verdict_holds_until_the_registry_has_it() {
        let (mut p, start) = (people(), Instant::now());
        for _ in 0..2 {
            p.note("alice", ChallengeFailed, start);
        }
        assert_eq!(p.held("alice", start + HELD - Duration::from_millis(1)), Some(Fatigue));
        assert_eq!(p.held("alice", start + HELD), None, "from here on the registry says it");
    }

    #[test]
    fn off_is_off_and_maps_are_bounded() {
        let (mut p, start) = (People::new((0, MINUTE), (0, MINUTE)), Instant::now());
        for _ in 0..100 {
            assert_eq!(p.note("alice", LogonFailed, start), None);
            assert_eq!(p.note("alice", ChallengeFailed, start), None);
        }
        let mut p = people();
        for n in 0..(PEOPLE_MAX + 50) {
            p.note(&n.to_string(), LogonFailed, start);
        }
        assert_eq!(p.records.len(), PEOPLE_MAX);
    }
}
