//! Dealers whose messages contradict what is so.

use super::threshold::Threshold;
use signet_rfq::DealerId;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Whether an alert of the router is the dealer's fault. A bust or a correction is its right.
pub fn is_fault(code: &str) -> bool {
    matches!(code, "execution.disputed" | "execution.stray" | "execution.reject_after_answer")
}

/// The faults of every dealer; only those that are configured are in it.
#[derive(Debug)]
pub struct Dealers {
    faults: BTreeMap<DealerId, VecDeque<Instant>>,
    /// That cuts a line.
    threshold: Threshold,
}

impl Dealers {
    pub fn new(max: usize, window: Duration) -> Self {
        Self { faults: BTreeMap::new(), threshold: Threshold { max, window } }
    }

    /// One more; whether the line is to be cut. If so, it begins again.
    pub fn fault(&mut self, dealer: &DealerId, now: Instant) -> bool {
        self.threshold.reached(self.faults.entry(dealer.clone()).or_default(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_alerts() {
        for (code, want) in [
            ("execution.disputed", true),
            ("execution.stray", true),
            ("execution.reject_after_answer", true),
            ("execution.changed", false),
            ("journal.not_readable", false),
            ("", false),
        ] {
            assert_eq!(is_fault(code), want, "{code}");
        }
    }

    #[test]
    fn so_many_in_the_window_and_each_dealer_for_itself() {
        let id = |s: &str| DealerId::new(s).unwrap();
        let (start, window) = (Instant::now(), Duration::from_secs(60));
        for (max, at, want) in [
            (3, &[0, 1, 2][..], &[false, false, true][..]),
            (3, &[0, 1, 60], &[false, false, false]),
            (3, &[0, 1, 59, 59, 59, 59], &[false, false, true, false, false, true]),
            (1, &[0], &[true]),
            (0, &[0, 0, 0], &[false, false, false]),
        ] {
            let mut d = Dealers::new(max, window);
            if max > 1 {
                assert!(!d.fault(&id("SOUTH"), start));
            }
            let one = |s: &u64| d.fault(&id("NORTH"), start + Duration::from_secs(*s));
            assert_eq!(at.iter().map(one).collect::<Vec<_>>(), want, "{max} {at:?}");
        }
    }
}
