//! Journal, evidence and the lines that are cut: how long a record takes, what failed, and when the
//! last one was written; and the room on their disk.

use super::{Labelled, work};
use crate::clock::now;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use signet_rfq::UtcMillis;
use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Instant,
};

/// The files that nothing is done without.
#[derive(Debug)]
pub struct Storage {
    /// The router's journal.
    pub journal: Written,
    /// The evidence of what was signed.
    pub evidence: Written,
    /// That dealers' lines are cut; they are cut all the same while it cannot be written.
    pub cuts: Written,
    disk: Labelled<Gauge>,
}

/// One of them.
#[derive(Debug)]
pub struct Written {
    seconds: Histogram,
    failures: Counter,
    last_ms: AtomicI64,
    failing: AtomicBool,
}

impl Storage {
    pub(super) fn new(r: &mut Registry) -> Self {
        let seconds = Family::<super::Label, _, _>::new_with_constructor(work as fn() -> Histogram);
        let failures = Labelled::<Counter>::default();
        r.register(
            "signet_write_seconds",
            "Time to write one record down, with the wait for the disk where one is set",
            seconds.clone(),
        );
        r.register(
            "signet_write_failures",
            "Records that could not be written; what they are about is not done, but for cut lines",
            failures.clone(),
        );
        let disk = Labelled::<Gauge>::default();
        ["free", "low"].iter().for_each(|s| drop(disk.get_or_create(&[("state", *s)])));
        r.register(
            "signet_disk_bytes",
            "Free space on the disk of gateway.state_dir, and below how much it is low; 0: unknown",
            disk.clone(),
        );
        let one = |file: &'static str| Written {
            seconds: seconds.get_or_create_owned(&[("file", file)]),
            failures: failures.get_or_create_owned(&[("file", file)]),
            last_ms: AtomicI64::new(0),
            failing: AtomicBool::new(false),
        };
        let [journal, evidence, cuts] = ["journal", "evidence", "dealer_cuts"].map(one);
        Self { journal, evidence, cuts, disk }
    }

    /// The room on their disk, and below how much it is low, bytes.
    pub fn disk_is_now(&self, free: u64, low: u64) {
        for (state, bytes) in [("free", free), ("low", low)] {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.disk.get_or_create(&[("state", state)]).set(bytes);
        }
    }
}

impl Written {
    /// Measures a write. `wrote`: whether its answer means that something was written, or failed;
    /// `None` when there was nothing to write.
    pub fn measured<T>(&self, write: impl FnOnce() -> T, wrote: impl Fn(&T) -> Option<bool>) -> T {
        let began = Instant::now();
        let answer = write();
        match wrote(&answer) {
            None => {}
            Some(true) => {
                self.seconds.observe(began.elapsed().as_secs_f64());
                self.last_ms.store(now().0, Ordering::Relaxed);
                self.failing.store(false, Ordering::Relaxed);
            }
            Some(false) => {
                self.failures.inc();
                self.failing.store(true, Ordering::Relaxed);
            }
        }
        answer
    }

    /// Whether something waits that could not be written, where records wait for another attempt.
    pub fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// How many writes have failed.
    pub fn failures(&self) -> u64 {
        self.failures.get()
    }

    /// When a record was last written by this process.
    pub fn last(&self) -> Option<UtcMillis> {
        Some(UtcMillis(self.last_ms.load(Ordering::Relaxed))).filter(|t| t.0 != 0)
    }

    /// Whether the last record could not be written, or one still waits to be.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many writes of the journal were measured.
    fn measured(r: &Registry) -> String {
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, r).unwrap();
        let name = "signet_write_seconds_count{file=\"journal\"} ";
        text.lines().find_map(|l| l.strip_prefix(name)).unwrap().to_owned()
    }

    #[test]
    fn the_room_on_the_disk_is_shown_beside_what_is_low() {
        let mut r = Registry::default();
        let s = Storage::new(&mut r);
        let text = |r: &Registry| {
            let mut text = String::new();
            prometheus_client::encoding::prometheus_text::encode(&mut text, r).unwrap();
            text
        };
        // Before the first look nothing is low.
        assert!(text(&r).contains("signet_disk_bytes{state=\"low\"} 0\n"));
        s.disk_is_now(u64::MAX, 4_096);
        for line in [
            "signet_disk_bytes{state=\"free\"} 9223372036854775807",
            "signet_disk_bytes{state=\"low\"} 4096",
        ] {
            assert!(text(&r).lines().any(|l| l == line), "{line}");
        }
    }

    #[test]
    fn what_failed_fails_until_something_is_written_again() {
        let mut r = Registry::default();
        let s = Storage::new(&mut r);
        let j = &s.journal;
        assert_eq!((j.last(), j.is_failing()), (None, false));
        j.measured(|| (), |()| Some(false));
        assert_eq!((j.last(), j.is_failing(), j.failures()), (None, true, 1));
        // Nothing to write says nothing about the disk.
        j.measured(|| (), |()| None);
        assert!(j.is_failing() && measured(&r) == "0");
        j.measured(|| (), |()| Some(true));
        assert!(j.last().is_some() && !j.is_failing() && measured(&r) == "1");
        // Another record still waits to be written.
        j.set_failing(true);
        assert!(j.is_failing() && j.failures() == 1 && measured(&r) == "1");
        assert!(!s.evidence.is_failing() && s.evidence.last().is_none());
    }
}
