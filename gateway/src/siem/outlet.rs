//! Takes events from any thread, without waiting.

use super::state::SiemState;
use crate::events::Outlet;
use signet_events::Event;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Room in the channel that new business leaves to answers of dealers, withdrawals and faults.
pub(super) const RESERVED: usize = 2_048;

pub(super) struct SiemOutlet {
    queue: mpsc::Sender<Event>,
    pub(super) state: Arc<SiemState>,
}

impl SiemOutlet {
    pub(super) fn new(queue: mpsc::Sender<Event>, state: Arc<SiemState>) -> Self {
        Self { queue, state }
    }
}

impl Outlet for SiemOutlet {
    fn take(&self, event: &Event) {
        if self.queue.try_send(event.clone()).is_err() {
            self.state.leave_out(1);
            tracing::error!(code = event.code, "an event could not be kept for the SIEM");
        }
        if self.queue.capacity() <= RESERVED.min(self.queue.max_capacity() / 4) {
            self.state.set_queue_full(true);
        }
    }

    fn refuses_business(&self) -> bool {
        self.state.refuses_business()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WhenFull;

    #[test]
    fn a_full_channel_refuses_business_before_anything_is_lost() {
        let (tx, mut rx) = mpsc::channel(8);
        let state = Arc::new(SiemState::new(WhenFull::Refuse));
        let outlet = SiemOutlet::new(tx, state.clone());
        let event = Event::new(1, "gateway.started", "");
        for _ in 0..5 {
            outlet.take(&event);
            assert!(!outlet.refuses_business());
        }
        outlet.take(&event);
        assert!(outlet.refuses_business());
        outlet.take(&event);
        outlet.take(&event);
        assert_eq!(state.take_left_out(), 0);
        outlet.take(&event);
        assert_eq!((state.take_left_out(), state.take_left_out()), (1, 0));
        assert!(rx.try_recv().is_ok());
    }
}
