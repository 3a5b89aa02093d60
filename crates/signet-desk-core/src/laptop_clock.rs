//! The laptop's clock without its steps. The wall clock is read once, when the program starts; from
//! then on a monotonic clock counts that goes on while the laptop sleeps. So a correction of the
//! wall clock ends no open RFQ and moves no deadline, and time asleep is noticed.

use signet_rfq::UtcMillis;
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The wall clock and the monotonic clock, read at the same moment.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    wall: UtcMillis,
    counted: Duration,
}

impl Anchor {
    fn at(self, counted: Duration) -> UtcMillis {
        let passed = counted.saturating_sub(self.counted).as_millis();
        self.wall + i64::try_from(passed).unwrap_or(i64::MAX)
    }
}

static ANCHOR: LazyLock<Anchor> = LazyLock::new(|| Anchor { wall: wall(), counted: counted() });

/// Now, on the laptop's clock as it was when the program started.
pub(crate) fn laptop_now() -> UtcMillis {
    ANCHOR.at(counted())
}

/// The operating system's clock, steps included. The window shows how far it is off.
pub(crate) fn wall() -> UtcMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Time since an arbitrary beginning, time asleep included.
#[cfg(unix)]
fn counted() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // The monotonic clock of Linux stops while the laptop sleeps; that of macOS does not.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let now = clock_gettime(CLOCK);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Windows' performance counter goes on while the machine sleeps.
#[cfg(not(unix))]
fn counted() -> Duration {
    static BEGIN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

#[cfg(test)]
#[path = "laptop_clock_tests.rs"]
mod tests;
