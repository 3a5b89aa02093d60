//! What the trading thread asks of the way to the SIEM, and the thread tells it.

use crate::config::WhenFull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Whether events can be kept. Each flag stands alone, so no order between them is needed.
#[derive(Debug)]
pub(crate) struct SiemState {
    when_full: WhenFull,
    full: AtomicBool,
    unwritable: AtomicBool,
    queue_full: AtomicBool,
    /// Events that nobody could keep.
    left_out: AtomicU64,
}

impl SiemState {
    pub(crate) fn new(when_full: WhenFull) -> Self {
        Self {
            when_full,
            full: AtomicBool::new(false),
            unwritable: AtomicBool::new(false),
            queue_full: AtomicBool::new(false),
            left_out: AtomicU64::new(0),
        }
    }

    pub(crate) fn drops_oldest(&self) -> bool {
        self.when_full == WhenFull::DropOldest
    }

    /// Whether new business would happen without anybody hearing of it, and must not.
    pub(crate) fn refuses_business(&self) -> bool {
        let any =
            || [&self.full, &self.unwritable, &self.queue_full].iter().any(|f| f.load(Relaxed));
        self.when_full == WhenFull::Refuse && any()
    }

    /// Whether that is another state than before.
    pub(super) fn set_full(&self, full: bool) -> bool {
        self.full.swap(full, Relaxed) != full
    }

    /// Whether that is another state than before.
    pub(super) fn set_unwritable(&self, unwritable: bool) -> bool {
        self.unwritable.swap(unwritable, Relaxed) != unwritable
    }

    /// Takes the flag back when there is room; whether that is another state than before.
    pub(super) fn set_full_if_not(&self, full: bool) -> bool {
        !full && self.full.swap(false, Relaxed)
    }

    pub(super) fn is_unwritable(&self) -> bool {
        self.unwritable.load(Relaxed)
    }

    /// Whether a flag stands that only another look of the writer takes back: no event may come to
    /// wake it while business is refused.
    pub(super) fn must_look_again(&self) -> bool {
        self.is_unwritable() || self.queue_full.load(Relaxed)
    }

    pub(super) fn set_queue_full(&self, full: bool) {
        self.queue_full.store(full, Relaxed);
    }

    pub(super) fn leave_out(&self, count: u64) {
        self.left_out.fetch_add(count, Relaxed);
    }

    pub(super) fn take_left_out(&self) -> u64 {
        self.left_out.swap(0, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn business_is_refused_while_any_place_is_full_unless_the_oldest_may_be_dropped() {
        for (when_full, refuses) in [(WhenFull::Refuse, true), (WhenFull::DropOldest, false)] {
            let s = SiemState::new(when_full);
            assert!(!s.refuses_business());
            for set in [
                (&|on| assert!(s.set_full(on))) as &dyn Fn(bool),
                &|on| assert!(s.set_unwritable(on)),
                &|on| s.set_queue_full(on),
            ] {
                set(true);
                assert_eq!(s.refuses_business(), refuses);
                set(false);
                assert!(!s.refuses_business());
            }
        }
    }

    #[test]
    fn the_writer_looks_again_while_a_flag_is_its_own_to_take_back() {
        let s = SiemState::new(WhenFull::Refuse);
        s.set_full(true);
        assert!(!s.must_look_again(), "receivers take that one back");
        s.set_queue_full(true);
        assert!(s.must_look_again());
        s.set_queue_full(false);
        s.set_unwritable(true);
        assert!(s.must_look_again());
    }

    #[test]
    fn a_change_of_state_is_told_once() {
        let s = SiemState::new(WhenFull::Refuse);
        assert!(!s.set_full(false) && s.set_full(true) && !s.set_full(true) && s.set_full(false));
    }
}
