//! Waiting for a moment to within microseconds: the runtime's own timers count in milliseconds.

use std::time::Instant;

#[cfg(target_os = "linux")]
pub struct Pace(tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>);

#[cfg(target_os = "linux")]
impl Pace {
    /// Inside a runtime.
    pub fn new() -> Self {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let fd = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .expect("a timer");
        // SAFETY: an owned descriptor stays the same and open for as long as it lives.
        Self(unsafe { tokio::io::unix::AsyncFd::register(fd) }.expect("a runtime"))
    }

    /// Returns at once when it has passed.
    pub async fn until(&self, at: Instant) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        timerfd_settime(
            &self.0,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: never, it_value: value },
        )
        .expect("set");
        // What the runtime knows of readiness may be about the time before.
        while let Err(_would_block) = self
            .0
            .readable()
            .await
            .expect("a timer")
            .try_io(|fd| Ok(rustix::io::read(fd, &mut [0u8; 8])?))
        {}
    }
}

#[cfg(not(target_os = "linux"))]
pub struct Pace(());

#[cfg(not(target_os = "linux"))]
impl Pace {
    pub fn new() -> Self {
        Self(())
    }

    pub async fn until(&self, at: Instant) {
        tokio::time::sleep_until(at.into()).await;
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}
