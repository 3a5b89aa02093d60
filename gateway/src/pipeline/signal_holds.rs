//! People that an identity provider keeps out (`hold_logons`), from the moment it says so until the
//! registry's own word, their lock-out, is in the view.

use signet_registry::LockoutTerms;
use std::{collections::BTreeMap, time::Instant};
use tokio::sync::oneshot::{Receiver, error::TryRecvError};

/// People at once; a provider may name people who are not registered.
const HOLDS_MAX: usize = 16_384;
/// Reports that the registry has not answered.
const OUT_MAX: usize = 16;
const PREFIX: &str = "hold\t";

/// By user.
#[derive(Default)]
pub(super) struct Holds(BTreeMap<String, Hold>);

struct Hold {
    words: String,
    progress: Progress,
}

enum Progress {
    Waiting,
    Reported(Receiver<()>),
    /// The registry took it then.
    Written(Instant),
}

impl Holds {
    /// Those of a file.
    pub(super) fn read(entries: &BTreeMap<String, String>) -> Self {
        let hold = |(name, words): (&String, &String)| {
            let user = name.strip_prefix(PREFIX)?.to_owned();
            Some((user, Hold { words: words.clone(), progress: Progress::Waiting }))
        };
        Self(entries.iter().filter_map(hold).collect())
    }

    /// The name of one in the file.
    pub(super) fn name(user: &str) -> String {
        format!("{PREFIX}{user}")
    }

    /// Who is held, and why.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(user, hold)| (user.as_str(), hold.words.as_str()))
    }

    pub(super) fn is_held(&self, user: &str) -> bool {
        self.0.contains_key(user)
    }

    /// From now on the person is held; the reason, or `None` when there are too many.
    pub(super) fn add(&mut self, user: &str, words: &str) -> Option<&str> {
        if self.0.len() >= HOLDS_MAX && !self.is_held(user) {
            return None;
        }
        let new = || Hold { words: words.to_owned(), progress: Progress::Waiting };
        let hold = self.0.entry(user.to_owned()).or_insert_with(new);
        // One that is written may have been lifted meanwhile.
        if matches!(hold.progress, Progress::Written(_)) {
            *hold = new();
        }
        Some(&hold.words)
    }

    /// Takes out those whose lock-out the view has, or had before it was lifted: that is so once
    /// the view was confirmed after the registry took it. The users.
    pub(super) fn look(&mut self, confirmed: Instant, at: Instant) -> Vec<String> {
        let mut over = Vec::new();
        for (user, hold) in &mut self.0 {
            match &mut hold.progress {
                Progress::Reported(taken) => match taken.try_recv() {
                    Ok(()) => hold.progress = Progress::Written(at),
                    Err(TryRecvError::Closed) => hold.progress = Progress::Waiting,
                    Err(TryRecvError::Empty) => {}
                },
                Progress::Written(then) if confirmed > *then => over.push(user.clone()),
                Progress::Written(_) | Progress::Waiting => {}
            }
        }
        self.0.retain(|user, _| !over.contains(user));
        over
    }

    /// Reports the next. `send` answers `None` when there is no room.
    pub(super) fn report(
        &mut self,
        terms: LockoutTerms,
        mut send: impl FnMut(&str, &str, LockoutTerms) -> Option<Receiver<()>>,
    ) {
        let is_out = |h: &&Hold| matches!(h.progress, Progress::Reported(_));
        let room = OUT_MAX.saturating_sub(self.0.values().filter(is_out).count());
        let waiting = |h: &Hold| matches!(h.progress, Progress::Waiting);
        for (user, hold) in self.0.iter_mut().filter(|(_, h)| waiting(h)).take(room) {
            match send(user, &hold.words, terms) {
                Some(taken) => hold.progress = Progress::Reported(taken),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    const TERMS: LockoutTerms = LockoutTerms { first_ms: 0, max_ms: 0 };

    #[test]
    fn a_person_is_held_until_the_view_is_newer_than_the_registrys_word() {
        let (mut holds, start) = (Holds::default(), Instant::now());
        let after = |s| start + Duration::from_secs(s);
        let report = |holds: &mut Holds| {
            let mut sent = Vec::new();
            holds.report(TERMS, |user, words, _| {
                let (taken, wait) = oneshot::channel();
                sent.push((user.to_owned(), words.to_owned(), taken));
                Some(wait)
            });
            sent
        };
        assert_eq!(holds.add("alice", "left"), Some("left"));
        assert_eq!(holds.add("alice", "other words"), Some("left"));
        // No room in the queue: it waits.
        holds.report(TERMS, |_, _, _| None);
        let mut sent = report(&mut holds);
        assert_eq!((sent.len(), &*sent[0].0, &*sent[0].1), (1, "alice", "left"));
        assert!(report(&mut holds).is_empty(), "it is out");
        // The registry's thread lost it: it is reported again.
        sent.clear();
        assert!(holds.look(after(1), after(1)).is_empty());
        let (_, _, taken) = report(&mut holds).pop().unwrap();
        assert!(holds.look(after(2), after(2)).is_empty() && holds.is_held("alice"));
        taken.send(()).unwrap();
        // A view that is older than that may not have it.
        assert!(holds.look(after(2), after(3)).is_empty());
        assert!(holds.look(after(3), after(4)).is_empty() && holds.is_held("alice"));
        // Said again: an administrator may have lifted the one before.
        assert_eq!(holds.add("alice", "again"), Some("again"));
        assert!(holds.look(after(5), after(5)).is_empty());
        let (_, words, taken) = report(&mut holds).pop().unwrap();
        assert_eq!(words, "again");
        taken.send(()).unwrap();
        holds.look(after(6), after(6));
        assert_eq!(holds.look(after(7), after(7)), ["alice"]);
        assert!(!holds.is_held("alice") && report(&mut holds).is_empty());
    }

    #[test]
    fn a_provider_that_names_everybody_fills_neither_memory_nor_queue() {
        let mut holds = Holds::default();
        let taken =
            (0..HOLDS_MAX + 10).filter(|n| holds.add(&format!("u{n}"), "").is_some()).count();
        assert_eq!(taken, HOLDS_MAX);
        assert!(holds.add("u1", "").is_some(), "who is held stays held");
        let mut out = Vec::new();
        for _ in 0..3 {
            holds.report(TERMS, |_, _, _| {
                let (taken, wait) = oneshot::channel();
                out.push(taken);
                Some(wait)
            });
        }
        assert_eq!(out.len(), OUT_MAX);
    }
}
