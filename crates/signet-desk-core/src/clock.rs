//! The gateway's clock as seen from the laptop, measured from the session's own messages. The laptop's
//! own time comes without steps (`laptop_clock.rs`); that of the gateway may have them.

use signet_rfq::UtcMillis;
use std::collections::VecDeque;

/// Samples kept; the one with the shortest round trip is believed (its path was least disturbed).
const SAMPLES: usize = 8;
/// What an accept needs at least to reach the gateway, milliseconds, until measured.
const ARRIVAL_DEFAULT_MS: i64 = 100;
const ARRIVAL_MIN_MS: i64 = 20;
/// What two good clocks may drift apart between the oldest sample and the newest.
const DRIFT_MS: i64 = 50;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// What deadlines, leases and evidence go by in direct mode: no venue can turn it.
    pub laptop: UtcMillis,
    /// What quotes and the window go by: the gateway's clock, or the plain venue's.
    pub venue: UtcMillis,
    /// What an accept needs to reach the venue, milliseconds.
    pub arrival_ms: i64,
}

impl Moment {
    pub fn on_venues_clock(self, laptop: UtcMillis) -> UtcMillis {
        self.venue + laptop.since(self.laptop)
    }

    pub fn on_laptops_clock(self, venue: UtcMillis) -> UtcMillis {
        self.laptop + venue.since(self.venue)
    }
}

#[derive(Debug, Default)]
pub struct GatewayClock {
    /// (round trip, offset), milliseconds.
    samples: VecDeque<(i64, i64)>,
}

impl GatewayClock {
    /// One TestRequest sent at `sent` and answered at `received` (laptop clock), stamped `stamped` by
    /// the gateway in between. A round trip that ran backwards was measured over a clock step.
    pub fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        let round_trip = received.since(sent);
        if !(0..60_000).contains(&round_trip) {
            self.samples.clear();
            return;
        }
        let new = (round_trip, stamped.since(sent) - round_trip / 2);
        // Half a round trip is the most that a measurement can be wrong. Two that disagree by more were
        // taken before and after somebody set a clock: only the new one counts.
        if self.best().is_some_and(|best| (new.1 - best.1).abs() > (new.0 + best.0) / 2 + DRIFT_MS) {
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(new);
    }

    fn best(&self) -> Option<(i64, i64)> {
        self.samples.iter().copied().min_by_key(|(rtt, _)| *rtt)
    }

    /// Gateway clock minus laptop clock.
    pub fn offset_ms(&self) -> Option<i64> {
        self.best().map(|(_, o)| o)
    }

    pub fn round_trip_ms(&self) -> Option<i64> {
        self.samples.back().map(|(rtt, _)| *rtt)
    }

    pub fn gateway(&self, laptop: UtcMillis) -> UtcMillis {
        laptop + self.offset_ms().unwrap_or(0)
    }

    /// How long an accept sent now may take to arrive.
    pub fn arrival_ms(&self) -> i64 {
        self.round_trip_ms().map_or(ARRIVAL_DEFAULT_MS, |rtt| rtt.max(ARRIVAL_MIN_MS))
    }

    pub fn forget(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_with_the_shortest_round_trip_is_believed() {
        let mut c = GatewayClock::default();
        let t = |n: i64| UtcMillis(1_000_000 + n);
        assert_eq!(c.gateway(t(0)), t(0));
        // The gateway is 5000 ms ahead; the first answer was held up on the way back.
        c.measured(t(0), t(5_010), t(420));
        c.measured(t(1_000), t(6_010), t(1_020));
        assert_eq!(c.offset_ms(), Some(5_000));
        assert_eq!(c.gateway(t(2_000)), t(7_000));
        assert_eq!(c.round_trip_ms(), Some(20));
    }

    #[test]
    fn a_step_of_the_gateways_clock_is_followed_at_once() {
        for step in [-3_600_000i64, -200, 200, 3_600_000] {
            let mut c = GatewayClock::default();
            let t = |n: i64| UtcMillis(10_000_000 + n);
            for n in 0..8 {
                c.measured(t(n * 3_000), t(n * 3_000 + 5_005), t(n * 3_000 + 10));
            }
            c.measured(t(30_000), t(35_010 + step), t(30_020));
            assert_eq!(c.offset_ms(), Some(5_000 + step));
        }
    }

    #[test]
    fn a_slow_answer_is_no_step() {
        let mut c = GatewayClock::default();
        let t = |n: i64| UtcMillis(10_000_000 + n);
        c.measured(t(0), t(5_005), t(10));
        for (n, there, back) in [(1i64, 2_000i64, 5i64), (2, 5, 2_000), (3, 20_000, 30_000)] {
            let sent = n * 100_000;
            c.measured(t(sent), t(sent + there + 5_000), t(sent + there + back));
            assert_eq!(c.offset_ms(), Some(5_000), "the best sample stays");
        }
    }

    #[test]
    fn a_clock_step_throws_old_samples_away() {
        let mut c = GatewayClock::default();
        let t = |n: i64| UtcMillis(1_000_000 + n);
        c.measured(t(0), t(10), t(20));
        c.measured(t(0), t(10), t(-5_000));
        assert_eq!(c.offset_ms(), None);
    }
}
