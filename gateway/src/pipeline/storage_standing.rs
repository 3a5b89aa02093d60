//! A journal or evidence that cannot be written is said, once, and so is that it can be again. New
//! business is refused in between, each message with its own answer (`message.rs`, `evidence.rs`).

use super::Pipeline;
use crate::{clock::steady, metrics::Written};
use signet_events::About;
use std::time::{Duration, Instant};

/// What was said of both last.
#[derive(Debug, Default)]
pub(super) struct StorageStanding {
    journal: Standing,
    evidence: Standing,
}

/// What was said of one of them last.
#[derive(Debug, Default)]
struct Standing {
    /// Since when it cannot be written.
    since: Option<Instant>,
    /// Writes that had failed.
    failures: u64,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
enum Say {
    Unwritable,
    /// After so long.
    Written(Duration),
}

impl Standing {
    /// `failures`: of all writes; `failing`: whether the last one did. One that failed and was
    /// good again before anybody looked is said all the same.
    fn look(&mut self, failures: u64, failing: bool, at: Instant) -> Option<Say> {
        let failed = failing || failures != self.failures;
        self.failures = failures;
        match (self.since, failed) {
            (None, true) => {
                self.since = Some(at);
                Some(Say::Unwritable)
            }
            (Some(since), false) => {
                self.since = None;
                Some(Say::Written(at.saturating_duration_since(since)))
            }
            _ => None,
        }
    }

    fn tell(
        &mut self,
        pipeline: &Pipeline,
        written: &Written,
        [unwritable, again]: [&'static str; 2],
        object: &str,
    ) {
        let said = self.look(written.failures(), written.is_failing(), steady());
        let (code, words) = match said {
            None => return,
            Some(Say::Unwritable) => {
                (unwritable, "it cannot be written; what needs it is not done".to_owned())
            }
            Some(Say::Written(after)) => {
                (again, format!("it is written again, after {} s", after.as_secs()))
            }
        };
        pipeline.events.gateway(code, About::object(object), words);
    }
}

impl Pipeline {
    /// Says what has changed of journal and evidence.
    pub(super) fn storage_tick(&self) {
        let storage = &self.metrics.storage;
        let standing = &mut *self.storage.borrow_mut();
        let codes = ["journal.unwritable", "journal.written"];
        standing.journal.tell(self, &storage.journal, codes, "rfqs.journal");
        let codes = ["signed_log.unwritable", "signed_log.written"];
        standing.evidence.tell(self, &storage.evidence, codes, "signed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_said_once() {
        use Say::{Unwritable, Written};
        let began = Instant::now();
        let s = Duration::from_secs;
        let table = [
            (0, false, None),
            (1, true, Some(Unwritable)),
            (1, true, None),
            (9, true, None),
            // The last attempt before this look was good.
            (10, false, None),
            (10, false, Some(Written(s(4)))),
            (10, false, None),
            // It failed and was good again between two looks.
            (11, false, Some(Unwritable)),
            (11, false, Some(Written(s(1)))),
            // Another record waits to be written, and no attempt was made.
            (11, true, Some(Unwritable)),
            (11, false, Some(Written(s(1)))),
        ];
        let mut standing = Standing::default();
        for (n, (failures, failing, want)) in (0..).zip(table) {
            assert_eq!(standing.look(failures, failing, began + s(n)), want, "{n}");
        }
    }
}
