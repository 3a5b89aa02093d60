//! Limits how often the desk asks the system to point to its window or to show an alert, so that a
//! gateway that sends many challenges cannot make it blink all the time.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const AT_MOST_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Attention {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl Default for Attention {
    fn default() -> Self {
        Self::every(AT_MOST_EVERY)
    }
}

impl Attention {
    pub(crate) fn every(every: Duration) -> Self {
        Self { every, last: Mutex::new(None) }
    }

    /// Whether attention may be asked for now; if so, it counts as asked for.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|at| now.saturating_duration_since(at) >= self.every);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_challenges_asks_for_attention_now_and_then() {
        let (attention, begin) = (Attention::default(), Instant::now());
        let asked =
            (0..600).filter(|n| attention.is_due(begin + Duration::from_millis(n * 100))).count();
        assert_eq!(asked, 6, "in a minute of ten challenges a second");
    }
}
