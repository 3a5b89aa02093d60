//! What waits for receivers outside, and how the clock stands: told by the threads that know.

use super::answers::{date_us, when};
use crate::{
    delivery::{DeliveryStatus, ReceiverState},
    metrics::State,
    utc::{ClockSeen, ClockView},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where it is told.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    /// With `[siem]`.
    pub siem: Option<Arc<DeliveryStatus>>,
    /// With `[signals.transmit]`.
    pub signals: Vec<Arc<DeliveryStatus>>,
    pub clock: ClockView,
}

impl Watched {
    /// The queues with their names as labels.
    fn queues(&self) -> [(&'static str, Vec<&Arc<DeliveryStatus>>); 2] {
        [("siem", self.siem.iter().collect()), ("signals", self.signals.iter().collect())]
    }

    /// Into the metrics.
    pub(super) fn measure(&self, state: &State) {
        for (queue, status) in self.queues() {
            let depth = status.iter().map(|s| s.depth()).max().unwrap_or(0);
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            state.queues.get_or_create(&[("queue", queue)]).set(depth);
        }
    }

    /// Each receiver, for the one screen.
    pub(super) fn receivers(&self) -> Vec<Value> {
        let of = |(queue, status): (&'static str, Vec<&Arc<DeliveryStatus>>)| {
            let all = status.iter().flat_map(|s| s.all());
            all.map(move |r| receiver(queue, &r)).collect::<Vec<_>>()
        };
        self.queues().into_iter().flat_map(of).collect()
    }

    /// The last look at the clock; `null` before the first.
    pub(super) fn clock(&self) -> Value {
        self.clock.get().map_or(Value::Null, |c| clock(&c))
    }
}

fn receiver(queue: &str, r: &ReceiverState) -> Value {
    json!({
        "queue": queue,
        "name": r.name,
        "away_since": r.away_since.and_then(when),
        "waiting": r.waiting,
        "oldest": r.oldest_us.map(date_us),
    })
}

fn clock(c: &ClockSeen) -> Value {
    json!({
        "good": c.state.is_good(),
        "source": c.state.source(),
        "offset_us": c.state.offset_us(),
        "words": c.state.words(),
        "measured": when(c.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utc::judge;
    use signet_rfq::UtcMillis;

    #[test]
    fn each_receiver_and_the_clock_are_told() {
        let siem = Arc::new(DeliveryStatus::new(["soc", "file"]));
        siem.appended(1_000_000);
        siem.waits(1, 0, None);
        siem.failed(0, UtcMillis(2_000));
        let watched =
            Watched { siem: Some(siem), signals: Vec::new(), clock: ClockView::default() };
        assert_eq!(
            json!(watched.receivers()),
            json!([
                {
                    "queue": "siem", "name": "soc", "away_since": "1970-01-01T00:00:02Z",
                    "waiting": 1, "oldest": "1970-01-01T00:00:01Z",
                },
                { "queue": "siem", "name": "file", "away_since": null, "waiting": 0, "oldest": null },
            ])
        );
        let state = State::default();
        watched.measure(&state);
        let depth = |queue| state.queues.get_or_create(&[("queue", queue)]).get();
        assert_eq!((depth("siem"), depth("signals")), (1, 0));
        assert_eq!(watched.clock(), Value::Null);
        watched.clock.set(ClockSeen { state: judge(None, &[], 1), at: UtcMillis(0) });
        assert_eq!(
            (&watched.clock()["good"], &watched.clock()["source"]),
            (&json!(false), &json!("none"))
        );
    }
}
