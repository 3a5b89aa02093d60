//! Which change of a person's risk is told. Pure: the time is passed in.
//!
//! Worse is told at once. Better is told once every judgement has been better for a while, so that
//! a person with two sessions, one good and one bad, is not told of again and again.

use signet_fix::bucket::Bucket;
use signet_signals::RiskLevel;
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// People that are told apart; of those beyond, nothing is told.
const PEOPLE_MAX: usize = 100_000;
/// Changes of one person: so many at once, then one in so long. What has no room is told later, if
/// it is still so.
const CHANGES_EACH: u32 = 10;
const CHANGES_REFILL: Duration = Duration::from_secs(60);

pub(super) struct Levels {
    people: HashMap<String, Person>,
    settle: Duration,
}

struct Person {
    /// `None`: nothing yet, and so as good as low.
    told: Option<RiskLevel>,
    /// Since when every judgement was better than what was told, and the worst of these.
    better: Option<(Instant, RiskLevel)>,
    changes: Bucket,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub previous: Option<RiskLevel>,
    pub current: RiskLevel,
}

impl Levels {
    /// With what was told before a restart.
    pub(super) fn new(told: &BTreeMap<String, String>, settle: Duration) -> Self {
        let known = |(user, level): (&String, &String)| {
            Some((user.clone(), Person::new(Some(RiskLevel::read(level)?))))
        };
        Self { people: told.iter().filter_map(known).collect(), settle }
    }

    /// A person was judged; what is to be told of it.
    pub(super) fn judged(&mut self, user: &str, level: RiskLevel, now: Instant) -> Option<Change> {
        if !self.people.contains_key(user) {
            // Where nothing was said, low is what the receiver takes for granted.
            if level == RiskLevel::Low || self.people.len() >= PEOPLE_MAX {
                return None;
            }
            self.people.insert(user.to_owned(), Person::new(None));
        }
        let p = self.people.get_mut(user)?;
        let told = p.told.unwrap_or(RiskLevel::Low);
        if level < told {
            let (since, worst) = p.better.map_or((now, level), |(s, w)| (s, w.max(level)));
            p.better = Some((since, worst));
            if now.saturating_duration_since(since) < self.settle {
                return None;
            }
            return p.change(worst, now);
        }
        p.better = None;
        if level == told { None } else { p.change(level, now) }
    }

    /// A change was put into the queue.
    pub(super) fn is_told(&mut self, user: &str, level: RiskLevel) {
        if let Some(p) = self.people.get_mut(user) {
            (p.told, p.better) = (Some(level), None);
        }
    }
}

impl Person {
    fn new(told: Option<RiskLevel>) -> Self {
        Self { told, better: None, changes: Bucket::new(CHANGES_EACH, CHANGES_REFILL) }
    }

    fn change(&mut self, current: RiskLevel, now: Instant) -> Option<Change> {
        let change = Change { previous: self.told, current };
        self.changes.take(now, 1).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RiskLevel::{High, Low, Medium};

    /// Judges and tells at once; what was told.
    fn tell(
        l: &mut Levels,
        level: RiskLevel,
        at: Instant,
    ) -> Option<(Option<RiskLevel>, RiskLevel)> {
        let change = l.judged("alice", level, at)?;
        l.is_told("alice", change.current);
        Some((change.previous, change.current))
    }

    fn levels(told: &[(&str, &str)]) -> (Levels, Instant) {
        let told = told.iter().map(|(u, l)| ((*u).to_owned(), (*l).to_owned())).collect();
        (Levels::new(&told, Duration::from_secs(60)), Instant::now())
    }

    #[test]
    fn worse_is_told_at_once_and_better_once_it_has_lasted() {
        let (mut l, start) = levels(&[]);
        let steps = [
            (0, Low, None),
            (1, Medium, Some((None, Medium))),
            (2, Medium, None),
            (3, High, Some((Some(Medium), High))),
            (4, Low, None),
            (63, Low, None),
            // Another session of the same person.
            (63, High, None),
            (64, Low, None),
            (100, Medium, None),
            (110, Low, None),
            // The worst of the time that has passed.
            (124, Low, Some((Some(High), Medium))),
            (125, Low, None),
            (184, Low, None),
            (185, Low, Some((Some(Medium), Low))),
            (186, Low, None),
        ];
        for (s, level, want) in steps {
            assert_eq!(tell(&mut l, level, start + Duration::from_secs(s)), want, "{s}");
        }
    }

    #[test]
    fn what_was_told_before_a_restart_still_counts() {
        let (mut l, start) = levels(&[("alice", "HIGH"), ("bob", "what")]);
        assert_eq!(tell(&mut l, High, start), None);
        assert_eq!(tell(&mut l, Low, start), None);
        let later = start + Duration::from_secs(60);
        assert_eq!(tell(&mut l, Low, later), Some((Some(High), Low)));
        assert_eq!(l.judged("bob", Low, later), None);
    }

    #[test]
    fn a_change_that_did_not_get_into_the_queue_is_due_again() {
        let (mut l, start) = levels(&[]);
        let due = Some(Change { previous: None, current: High });
        assert_eq!(l.judged("alice", High, start), due);
        assert_eq!(l.judged("alice", High, start), due);
        l.is_told("alice", High);
        assert_eq!(l.judged("alice", High, start), None);
    }

    #[test]
    fn a_person_who_flaps_is_bounded_and_the_end_state_is_told() {
        let told = BTreeMap::new();
        let (mut l, start) = (Levels::new(&told, Duration::ZERO), Instant::now());
        let mut count = 0;
        for n in 0..1_000 {
            let level = if n % 2 == 0 { High } else { Low };
            count += usize::from(tell(&mut l, level, start).is_some());
        }
        assert_eq!(count, 10);
        let later = start + CHANGES_REFILL;
        assert_eq!(tell(&mut l, High, later), Some((Some(Low), High)));
    }
}
