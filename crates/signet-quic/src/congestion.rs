//! A congestion controller with a floor.
//!
//! A path that died silently leaves a small window full of packets that nobody will acknowledge,
//! and the window then also blocks the first packets on the next path. FIX needs little: the floor
//! holds everything that the send window lets a connection have in flight.

use quinn_proto::{
    RttEstimator,
    congestion::{Controller, ControllerFactory, ControllerMetrics, Cubic, CubicConfig},
};
use std::{any::Any, sync::Arc, time::Instant};

/// Bytes that may always be in flight.
pub(crate) const FLOOR: u64 = 256 * 1024;

/// Makes [`Floored`] controllers over Cubic.
#[derive(Debug, Default)]
pub(crate) struct FloorConfig;

impl ControllerFactory for FloorConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Floored(Cubic::new(Arc::new(CubicConfig::default()), now, current_mtu)))
    }
}

#[derive(Debug, Clone)]
struct Floored(Cubic);

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.0.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.0.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.0.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.0.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.0.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.0.window().max(FLOOR)
    }

    fn metrics(&self) -> ControllerMetrics {
        self.0.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.0.initial_window().max(FLOOR)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_window_that_collapses_stops_at_the_floor() {
        let now = Instant::now();
        let mut c = Arc::new(FloorConfig).build(now, 1_200);
        assert_eq!(c.window(), FLOOR);
        for n in 1..20 {
            let at = now + Duration::from_secs(n);
            c.on_congestion_event(at, at, true, 1 << 20);
        }
        assert_eq!((c.window(), c.clone_box().window()), (FLOOR, FLOOR));
    }
}
