//! Which words are reported to the registry, and when: a part at a time, and none before the
//! registry took the one before, so that they neither fill its queue nor take all of its time.

use super::signal_words::All;
use signet_registry::{SignalKey, SignalWord};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

/// A word that the registry does not have is reported again this often.
const AGAIN: Duration = Duration::from_secs(5);
/// Words of one report: a round trip each, all in one transaction.
const PART: usize = 100;

/// What is to be reported.
#[derive(Default)]
pub(super) struct Reports {
    due: BTreeSet<SignalKey>,
    out: Option<Out>,
    all_due: Option<Instant>,
}

/// The part that the registry has not answered.
struct Out {
    keys: Vec<SignalKey>,
    taken: Receiver<()>,
}

impl Reports {
    /// There is a new word.
    pub(super) fn add(&mut self, key: SignalKey) {
        self.due.insert(key);
    }

    /// Reports the next part, if it is time. `send` answers `None` when there is no room.
    pub(super) fn go_on(
        &mut self,
        own: &All,
        at: Instant,
        send: impl FnOnce(Vec<(SignalKey, SignalWord)>) -> Option<Receiver<()>>,
    ) {
        if let Some(mut out) = self.out.take() {
            match out.taken.try_recv() {
                Ok(()) => {}
                Err(TryRecvError::Closed) => self.due.extend(out.keys),
                Err(TryRecvError::Empty) => return self.out = Some(out),
            }
        }
        let again = self.all_due.is_none_or(|t| at.saturating_duration_since(t) >= AGAIN);
        if self.due.is_empty() && again {
            self.all_due = Some(at);
            self.due.extend(own.keys().cloned());
        }
        let mut part = Vec::new();
        while part.len() < PART
            && let Some(key) = self.due.pop_first()
        {
            // One that the registry had meanwhile is gone.
            if let Some(word) = own.get(&key) {
                part.push((key, *word));
            }
        }
        if part.is_empty() {
            return;
        }
        let keys: Vec<_> = part.iter().map(|(k, _)| k.clone()).collect();
        match send(part) {
            Some(taken) => self.out = Some(Out { keys, taken }),
            None => self.due.extend(keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_registry::SignalFact;
    use tokio::sync::oneshot;

    fn own(n: usize) -> All {
        let key = |n: usize| SignalKey {
            user: format!("user{n:05}"),
            device: "laptop".into(),
            fact: SignalFact::NotCompliant,
            provider: "idp".into(),
        };
        (0..n).map(|n| (key(n), SignalWord { holds: true, at_us: 1 })).collect()
    }

    #[test]
    fn five_thousand_words_are_reported_in_parts_one_after_the_other() {
        let (own, start) = (own(5_000), Instant::now());
        let (mut reports, mut reported) = (Reports::default(), BTreeSet::new());
        let mut parts = 0;
        while reported.len() < own.len() {
            let mut sent = None;
            reports.go_on(&own, start, |part| {
                let (taken, wait) = oneshot::channel();
                assert!(part.len() <= PART, "{}", part.len());
                sent = Some((part, taken));
                Some(wait)
            });
            let (part, taken) = sent.expect("the next part");
            reported.extend(part.into_iter().map(|(k, _)| k));
            parts += 1;
            // Until the registry took it, nothing more.
            for _ in 0..10 {
                reports.go_on(&own, start + 10 * AGAIN, |_| panic!("one is out"));
            }
            taken.send(()).unwrap();
        }
        assert_eq!(parts, 50);
        // All of them are reported, and not yet again.
        reports.go_on(&own, start, |_| panic!("nothing is due"));
        let mut again = 0;
        reports.go_on(&own, start + AGAIN, |part| {
            again = part.len();
            None
        });
        assert_eq!(again, PART);
    }

    #[test]
    fn a_registry_that_is_away_has_one_report_waiting_and_one_that_lost_it_gets_it_again() {
        let (own, start) = (own(1_500), Instant::now());
        let (mut reports, mut pending) = (Reports::default(), Vec::new());
        for tick in 0..1_000 {
            reports.go_on(&own, start + tick * AGAIN, |part| {
                let (taken, wait) = oneshot::channel();
                pending.push((part, taken));
                Some(wait)
            });
        }
        assert_eq!(pending.len(), 1, "the queue fills");
        let (lost, _) = pending.pop().unwrap();
        let mut next = Vec::new();
        // No room, then room.
        reports.go_on(&own, start, |_| None);
        reports.go_on(&own, start, |part| {
            next = part;
            None
        });
        assert_eq!(next, lost);
    }
}
