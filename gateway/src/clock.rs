//! The clock of the trading day. Durations come from `std::time::Instant`.

use signet_rfq::UtcMillis;
use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Now, milliseconds since 1970; 0 when the clock stands before that.
pub fn now() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Now, microseconds since 1970; 0 when the clock stands before that.
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A date of a certificate, milliseconds since 1970; `None` when it is out of range.
pub fn millis(t: OffsetDateTime) -> Option<UtcMillis> {
    i64::try_from(t.unix_timestamp_nanos() / 1_000_000).ok().map(UtcMillis)
}
