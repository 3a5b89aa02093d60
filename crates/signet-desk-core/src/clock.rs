//! The gateway's clock, measured from the laptop with the session's own messages. The laptop's time
//! has no steps (`laptop_clock.rs`); the gateway's may have some.

use signet_rfq::UtcMillis;
use std::collections::VecDeque;

/// How many samples are kept. The one with the shortest round trip counts: its path was disturbed
/// least.
const SAMPLES: usize = 8;
/// How long an accept is assumed to take to the gateway before anything was measured, milliseconds.
const ARRIVAL_DEFAULT_MS: i64 = 100;
/// How long an accept is assumed to take at least, milliseconds.
const ARRIVAL_MIN_MS: i64 = 20;
/// How far two good clocks may drift apart between the oldest sample and the newest, milliseconds.
const DRIFT_MS: i64 = 50;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The laptop's clock. Deadlines, leases and evidence of direct mode use it, because no venue
    /// can set it.
    pub laptop: UtcMillis,
    /// The clock of the gateway or of the plain venue. Quotes and the window use it.
    pub venue: UtcMillis,
    /// How long an accept takes to reach the venue, milliseconds.
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
    /// The offset as far as one way tells: too small by what that way took, milliseconds.
    guess: Option<i64>,
}

impl GatewayClock {
    /// Takes one TestRequest: sent at `sent` and answered at `received` on the laptop's clock,
    /// stamped `stamped` by the gateway. A negative round trip was measured over a clock step.
    pub(crate) fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        let round_trip = received.since(sent);
        if !(0..60_000).contains(&round_trip) {
            self.forget();
            return;
        }
        let new = (round_trip, stamped.since(sent) - round_trip / 2);
        // A measurement is wrong by at most half its round trip. Two that differ by more were taken
        // before and after a clock was set: only the new one counts.
        if self.best().is_some_and(|best| (new.1 - best.1).abs() > (new.0 + best.0) / 2 + DRIFT_MS)
        {
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(new);
    }

    /// A message that the gateway stamped `stamped` arrived at `received` on the laptop's clock.
    /// Until a round trip was measured this keeps a laptop whose clock is off by minutes from
    /// ending, on screen, what the gateway has just restored.
    pub(crate) fn heard(&mut self, stamped: UtcMillis, received: UtcMillis) {
        let offset = stamped.since(received);
        // The message that took the shortest time says most.
        self.guess = Some(self.guess.map_or(offset, |g| g.max(offset)));
    }

    fn best(&self) -> Option<(i64, i64)> {
        self.samples.iter().copied().min_by_key(|(rtt, _)| *rtt)
    }

    /// Gateway clock minus laptop clock.
    pub(crate) fn offset_ms(&self) -> Option<i64> {
        self.best().map(|(_, o)| o)
    }

    /// Whether it was measured.
    pub(crate) fn is_known(&self) -> bool {
        !self.samples.is_empty()
    }

    pub(crate) fn round_trip_ms(&self) -> Option<i64> {
        self.samples.back().map(|(rtt, _)| *rtt)
    }

    pub(crate) fn gateway(&self, laptop: UtcMillis) -> UtcMillis {
        laptop + self.offset_ms().or(self.guess).unwrap_or(0)
    }

    /// How long an accept that is sent now may take to arrive, milliseconds.
    pub(crate) fn arrival_ms(&self) -> i64 {
        self.round_trip_ms().map_or(ARRIVAL_DEFAULT_MS, |rtt| rtt.max(ARRIVAL_MIN_MS))
    }

    pub(crate) fn forget(&mut self) {
        self.samples.clear();
        self.guess = None;
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
