//! The clock of the trading day, and the steady one by which the trading thread counts durations.
//!
//! With the feature `test-double` a thread may set both ([`virtual_time`]): tests and the simulator
//! only.

use signet_rfq::UtcMillis;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Now, milliseconds since 1970; 0 when the clock stands before that.
pub fn now() -> UtcMillis {
    UtcMillis(now_us() / 1_000)
}

/// Now, microseconds since 1970; 0 when the clock stands before that.
pub fn now_us() -> i64 {
    #[cfg(feature = "test-double")]
    if let Some(t) = virtual_time::utc() {
        return t.0.saturating_mul(1_000);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
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
