//! Evaluations that were made already, by what the policies saw of their questions.
//!
//! The memory belongs to one set of policies with its facts, dealers and instruments, and is gone
//! with it: whatever changes in them, the new set begins with nothing. All that a question itself
//! brings (amounts, who has traded today, idle time, what was proved) is in the key, as far as the
//! policies can tell it apart.

use super::{Cited, Proof, Side, sight::NUMBERS};
use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex},
};

/// Most evaluations that are remembered. Amounts that policies do arithmetic with are in the key
/// exactly, so a desk can make as many as it likes: at the limit everything is forgotten.
const MAX_ENTRIES: usize = 4_096;
/// Most policies that these cite, together. With an entry of 400 bytes (the table's empty places
/// among them) and a cited policy of 64, all of it stays below 3 MiB.
const MAX_CITED: usize = 16_384;

/// What one evaluation of the policies came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// The policies that determined it, by id.
    pub(super) reasons: Box<[Cited]>,
}

/// What the policies see of a question. The numbers are those of [`super::sight`] and of
/// [`super::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) action: &'static str,
    pub(super) proof: Proof,
    pub(super) principal: Option<usize>,
    pub(super) resource: Option<usize>,
    pub(super) context: ContextKey,
}

/// What the policies see of a question's circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ContextKey {
    Empty,
    /// About a colleague; `same` if it is the trader itself.
    Colleague {
        same: bool,
    },
    Session {
        privileged: bool,
        hardware_key: bool,
    },
    Trade {
        new_dealer: bool,
        off_market: Option<i64>,
        deal: DealKey,
    },
}

/// What the policies see of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DealKey {
    /// The currency is the class's.
    pub(super) instrument: Option<usize>,
    pub(super) side: Side,
    pub(super) first_today: bool,
    pub(super) numbers: [i64; NUMBERS.len()],
}

#[derive(Debug, Default)]
struct Remembered {
    answers: HashMap<Key, Arc<Answer>>,
    /// How many policies they cite.
    cited: usize,
}

/// The evaluations of one set of policies. Nobody waits for the lock, so that no thread of an
/// administrator delays the trading thread: while another one has it, a question is evaluated and
/// not remembered. When a thread ended while it had it, so is every question from then on.
#[derive(Debug, Default)]
pub(super) struct Memory {
    kept: Mutex<Remembered>,
    /// Questions that had to be evaluated.
    #[cfg(test)]
    missed: std::sync::atomic::AtomicUsize,
}

impl Memory {
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Answer>> {
        let known = self.kept.try_lock().ok().and_then(|kept| kept.answers.get(key).cloned());
        #[cfg(test)]
        self.count(known.is_none());
        known
    }

    pub(super) fn keep(&self, key: Key, answer: Arc<Answer>) {
        let Ok(mut kept) = self.kept.try_lock() else { return };
        let cited = kept.cited.saturating_add(answer.reasons.len());
        let full = kept.answers.len() >= MAX_ENTRIES || cited > MAX_CITED;
        let forgotten = full.then(|| mem::take(&mut *kept));
        kept.cited = kept.cited.saturating_add(answer.reasons.len());
        if let Some(before) = kept.answers.insert(key, answer) {
            kept.cited = kept.cited.saturating_sub(before.reasons.len());
        }
        // Others have the use of it while the former one is taken apart.
        drop(kept);
        drop(forgotten);
    }

    pub(super) fn forget(&self) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.answers.clear();
            kept.cited = 0;
        }
    }
}

#[cfg(test)]
impl Memory {
    fn count(&self, missed: bool) {
        self.missed.fetch_add(usize::from(missed), std::sync::atomic::Ordering::Relaxed);
    }

    pub(super) fn missed(&self) -> usize {
        self.missed.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// As if a thread had ended while it held the lock.
    pub(super) fn poison(&self) {
        let broken = std::thread::scope(|s| {
            let holder = s.spawn(|| {
                let _held = self.kept.lock();
                // Without the message of a panic.
                std::panic::resume_unwind(Box::new("poisoned"));
            });
            holder.join().is_err()
        });
        assert!(broken && self.kept.is_poisoned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: i64) -> Key {
        let deal = DealKey {
            instrument: Some(0),
            side: Side::Buy,
            first_today: false,
            numbers: [n, 0, 0, 0, 0, 0, 0],
        };
        Key {
            action: "request",
            proof: Proof::default(),
            principal: Some(0),
            resource: Some(0),
            context: ContextKey::Trade { new_dealer: false, off_market: None, deal },
        }
    }

    fn answer(reasons: usize) -> Arc<Answer> {
        let cited = Cited { id: "p".into(), forbids: false, words: None, cure: None };
        Arc::new(Answer { allowed: true, reasons: vec![cited; reasons].into() })
    }

    fn size(m: &Memory) -> (usize, usize) {
        let kept = m.kept.lock().unwrap();
        let cited = kept.answers.values().map(|a| a.reasons.len()).sum::<usize>();
        assert_eq!(kept.cited, cited);
        (kept.answers.len(), cited)
    }

    #[test]
    fn so_many_are_remembered_and_then_none_but_the_newest() {
        let m = Memory::default();
        let most = i64::try_from(MAX_ENTRIES).unwrap();
        for n in 0..most {
            m.keep(key(n), answer(1));
            assert_eq!(m.get(&key(n)), Some(answer(1)));
        }
        assert_eq!(size(&m), (MAX_ENTRIES, MAX_ENTRIES));
        assert_eq!(m.get(&key(0)), Some(answer(1)));
        m.keep(key(most), answer(2));
        assert_eq!(size(&m), (1, 2));
        assert_eq!((m.get(&key(0)), m.get(&key(most))), (None, Some(answer(2))));
    }

    #[test]
    fn what_cites_many_policies_counts_more() {
        let m = Memory::default();
        for n in 0..32 {
            m.keep(key(n), answer(512));
        }
        assert_eq!(size(&m), (32, MAX_CITED));
        m.keep(key(32), answer(1));
        assert_eq!(size(&m), (1, 1));
    }

    #[test]
    fn an_evaluation_that_two_threads_made_is_counted_once() {
        let m = Memory::default();
        m.keep(key(1), answer(3));
        m.keep(key(1), answer(3));
        assert_eq!(size(&m), (1, 3));
        m.forget();
        assert_eq!((size(&m), m.get(&key(1))), ((0, 0), None));
    }

    #[test]
    fn nobody_waits_for_the_memory() {
        let m = Memory::default();
        m.keep(key(1), answer(1));
        let held = m.kept.lock().unwrap();
        assert_eq!(m.get(&key(1)), None);
        m.keep(key(2), answer(1));
        drop(held);
        assert_eq!((m.get(&key(1)), m.get(&key(2))), (Some(answer(1)), None));
    }

    #[test]
    fn a_poisoned_memory_knows_nothing() {
        let m = Memory::default();
        m.keep(key(1), answer(1));
        m.poison();
        assert_eq!(m.get(&key(1)), None);
        m.keep(key(1), answer(1));
        m.forget();
        assert_eq!(m.get(&key(1)), None);
    }
}
