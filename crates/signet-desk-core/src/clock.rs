//! The gateway's clock as seen from the laptop, measured from the session's own messages. The
//! laptop's own time comes without steps (`laptop_clock.rs`); that of the gateway may have them.

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
    pub(crate) fn on_venues_clock(self, laptop: UtcMillis) -> UtcMillis {
        self.venue + laptop.since(self.laptop)
    }

    pub(crate) fn on_laptops_clock(self, venue: UtcMillis) -> UtcMillis {
        self.laptop + venue.since(self.venue)
    }
}

#[derive(Debug, Default)]
pub(crate) struct GatewayClock {
    /// (round trip, offset), milliseconds.
    samples: VecDeque<(i64, i64)>,
}

impl GatewayClock {
    /// One TestRequest sent at `sent` and answered at `received` (laptop clock), stamped `stamped`
    /// by the gateway in between. A round trip that ran backwards was measured over a clock step.
    pub(crate) fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        let round_trip = received.since(sent);
        if !(0..60_000).contains(&round_trip) {
            self.samples.clear();
            return;
        }
        let new = (round_trip, stamped.since(sent) - round_trip / 2);
        // Half a round trip is the most that a measurement can be wrong. Two that disagree by more
        // were taken before and after somebody set a clock: only the new one counts.
        if self.best().is_some_and(|best| (new.1 - best.1).abs() > (new.0 + best.0) / 2 + DRIFT_MS)
        {
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
    pub(crate) fn offset_ms(&self) -> Option<i64> {
        self.best().map(|(_, o)| o)
    }

    pub(crate) fn round_trip_ms(&self) -> Option<i64> {
        self.samples.back().map(|(rtt, _)| *rtt)
    }

    pub(crate) fn gateway(&self, laptop: UtcMillis) -> UtcMillis {
        laptop + self.offset_ms().unwrap_or(0)
    }

    /// How long an accept sent now may take to arrive.
    pub(crate) fn arrival_ms(&self) -> i64 {
        self.round_trip_ms().map_or(ARRIVAL_DEFAULT_MS, |rtt| rtt.max(ARRIVAL_MIN_MS))
    }

    pub(crate) fn forget(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
