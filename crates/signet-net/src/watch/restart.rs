//! When a watcher that ended is started again: a service of the system may be restarted, and its
//! bus with it. The decision is pure.

use crate::doubling::Doubling;
use std::{fmt::Display, time::Duration};
use tokio::time::Instant;

/// A system without the service is asked as often as the longest wait says.
const WAIT: Doubling =
    Doubling { first: Duration::from_millis(250), longest: Duration::from_secs(30) };
/// A watcher that heard for so long starts over with the shortest wait.
const STEADY: Duration = Duration::from_secs(60);

/// How often a watcher ended in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct BackOff {
    ended: u32,
}

impl BackOff {
    /// What passes before the next start, and what is known then. `heard`: for how long the watcher
    /// that ended was heard; `None`: it never was.
    fn ended(self, heard: Option<Duration>) -> (Duration, Self) {
        let before = if heard.is_some_and(|h| h >= STEADY) { 0 } else { self.ended };
        (WAIT.doubled(before), Self { ended: before.saturating_add(1) })
    }
}

/// Keeps one watcher going: it says when it hears, and why it ended.
pub(super) struct Restart {
    what: &'static str,
    back_off: BackOff,
    hears_since: Option<Instant>,
    ended: bool,
}

impl Restart {
    /// `what`: what is watched, for the log.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, back_off: BackOff::default(), hears_since: None, ended: false }
    }

    /// The watcher hears everything from now on. Whether it ended before, so that a change may have
    /// been missed, which then counts as one.
    pub(super) fn hears(&mut self) -> bool {
        self.hears_since = Some(Instant::now());
        std::mem::take(&mut self.ended)
    }

    /// The watcher ended, or could not begin. How long to wait before it is started again.
    pub(super) fn ended(&mut self, why: &impl Display) -> Duration {
        let heard = self.hears_since.take().map(|since| since.elapsed());
        let (wait, next) = self.back_off.ended(heard);
        // Where a service does not exist, the log says so once.
        if next.ended == 1 {
            tracing::info!(error = %why, again_in = ?wait, "not heard: {}", self.what);
        } else {
            tracing::debug!(error = %why, again_in = ?wait, "not heard: {}", self.what);
        }
        self.back_off = next;
        self.ended = true;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Option<Duration> = None;
    const SHORT: Option<Duration> = Some(Duration::from_millis(59_999));
    const LONG: Option<Duration> = Some(STEADY);

    #[test]
    fn the_wait_doubles_to_a_bound_and_starts_over_after_a_steady_time() {
        for (ended, heard, wait_ms, next) in [
            (0, NEVER, 250, 1),
            (1, NEVER, 500, 2),
            (2, SHORT, 1_000, 3),
            (3, NEVER, 2_000, 4),
            (4, SHORT, 4_000, 5),
            (5, NEVER, 8_000, 6),
            (6, NEVER, 16_000, 7),
            (7, NEVER, 30_000, 8),
            (8, SHORT, 30_000, 9),
            (u32::MAX, NEVER, 30_000, u32::MAX),
            (0, SHORT, 250, 1),
            (0, LONG, 250, 1),
            (1, LONG, 250, 1),
            (u32::MAX, LONG, 250, 1),
            (9, Some(Duration::MAX), 250, 1),
            (9, Some(Duration::ZERO), 30_000, 10),
        ] {
            let (wait, after) = BackOff { ended }.ended(heard);
            let want = (Duration::from_millis(wait_ms), BackOff { ended: next });
            assert_eq!((wait, after), want, "{ended} {heard:?}");
        }
    }

    #[test]
    fn what_may_have_been_missed_counts_once_and_only_after_an_end() {
        let mut again = Restart::new("a test");
        assert!(!again.hears(), "nothing was missed before the first start");
        assert_eq!(again.ended(&"it broke"), WAIT.first);
        assert_eq!(again.ended(&"it does not begin"), 2 * WAIT.first);
        assert!(again.hears());
        assert!(!again.hears(), "it counts once");

        let mut late = Restart::new("a test");
        late.ended(&"it is not there yet");
        assert!(late.hears(), "what happened before its first start was missed as well");
    }
}
