//! The clock of the trading day, and the steady one by which the trading thread counts durations.
//!
//! With the feature `test-double` a thread may set both ([`virtual_time`]): tests and the simulator
//! only.

use signet_rfq::UtcMillis;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// One reading of the clock: microseconds since 1970, UTC.
///
/// The gateway decides by the millisecond of a reading and writes its microseconds down beside it.
/// Whoever does both passes the reading on, so that the two never disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcMicros(pub i64);

impl UtcMicros {
    /// The millisecond that it lies in.
    pub fn millis(self) -> UtcMillis {
        UtcMillis(self.0.div_euclid(1_000))
    }

    /// Microseconds since that millisecond began, 0 to 999.
    pub fn in_milli(self) -> u16 {
        self.0.rem_euclid(1_000) as u16
    }
}

/// Now, milliseconds since 1970; 0 when the clock stands before that.
pub fn now() -> UtcMillis {
    now_micros().millis()
}

/// Now, microseconds since 1970; 0 when the clock stands before that.
pub fn now_us() -> i64 {
    now_micros().0
}

/// Now, as one reading; 1970 when the clock stands before that.
pub fn now_micros() -> UtcMicros {
    #[cfg(feature = "test-double")]
    if let Some(t) = virtual_time::utc() {
        return UtcMicros(t.0.saturating_mul(1_000));
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMicros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Now, on a clock that nobody sets.
pub fn steady() -> Instant {
    #[cfg(feature = "test-double")]
    if let Some(t) = virtual_time::steady() {
        return t;
    }
    Instant::now()
}

/// A date of a certificate, milliseconds since 1970; `None` when it is out of range.
pub fn millis(t: OffsetDateTime) -> Option<UtcMillis> {
    i64::try_from(t.unix_timestamp_nanos() / 1_000_000).ok().map(UtcMillis)
}

/// Time that a test sets, for the thread that it runs on.
#[cfg(feature = "test-double")]
pub(crate) mod virtual_time {
    use signet_rfq::UtcMillis;
    use std::{
        cell::Cell,
        time::{Duration, Instant},
    };

    thread_local! {
        static TIME: Cell<Option<(UtcMillis, Instant)>> = const { Cell::new(None) };
        static BEGAN: Instant = Instant::now();
    }

    /// From now on this thread reads `utc`, and `passed` on the steady clock.
    pub(crate) fn is(utc: UtcMillis, passed: Duration) {
        TIME.set(Some((utc, BEGAN.with(|b| *b) + passed)));
    }

    pub(super) fn utc() -> Option<UtcMillis> {
        TIME.get().map(|(utc, _)| utc)
    }

    pub(super) fn steady() -> Option<Instant> {
        TIME.get().map(|(_, steady)| steady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_parts_of_a_reading_are_the_reading() {
        for (reading, ms, us) in [
            (0, 0, 0),
            (999, 0, 999),
            (1_795_262_400_000_123, 1_795_262_400_000, 123),
            (-1, -1, 999),
        ] {
            let reading = UtcMicros(reading);
            assert_eq!((reading.millis(), reading.in_milli()), (UtcMillis(ms), us));
        }
    }
}
