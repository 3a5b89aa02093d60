//! How often a desk's messages were not signed as they must be.

use signet_rfq::UtcMillis;
use std::collections::VecDeque;

/// So many within [`WITHIN_MS`] end the session.
pub(crate) const STRIKES_MAX: usize = 3;
const WITHIN_MS: i64 = 60_000;

/// Of one desk, whatever connections it makes: a new one does not forgive.
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<UtcMillis>);

impl Strikes {
    /// Counts one more; whether that is too many. A clock that is set back forgives nothing.
    pub(super) fn one_more(&mut self, now: UtcMillis) -> bool {
        self.0.retain(|at| now.since(*at) < WITHIN_MS);
        self.0.push_back(now);
        if self.0.len() > STRIKES_MAX {
            self.0.pop_front();
        }
        self.0.len() >= STRIKES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_a_minute_are_too_many() {
        for (at, want) in [
            (&[0, 1, 2][..], &[false, false, true][..]),
            (&[0, 1, 60_000], &[false, false, false]),
            (&[0, 1, 59_999], &[false, false, true]),
            (&[0, 30_000, 60_000, 60_001], &[false, false, false, true]),
            // Further ones stay too many, until a quiet minute.
            (&[0, 1, 2, 3, 60_003, 120_003], &[false, false, true, true, false, false]),
            // Set back by an hour.
            (&[3_600_000, 0, 1], &[false, false, true]),
        ] {
            let mut s = Strikes::default();
            let got: Vec<bool> = at.iter().map(|t| s.one_more(UtcMillis(*t))).collect();
            assert_eq!(got, want, "{at:?}");
        }
    }
}
