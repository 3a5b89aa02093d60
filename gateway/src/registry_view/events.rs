//! The way of events to the registry.

use super::Report;
use crate::budget::Summaries;
use signet_registry::NewEvent;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// The way of events to the registry's thread, for other threads. Kept there until the database
/// takes them.
#[derive(Debug, Clone)]
pub struct EventSink {
    reports: mpsc::Sender<Report>,
    summaries: Arc<Mutex<EventSummaries>>,
}

/// Events by kind and subject.
type EventSummaries = Summaries<(&'static str, String)>;

/// Events of one kind about one subject: so many at once, then one in so long. The rest are counted
/// and told.
const EVENTS_EACH: u32 = 60;
const EVENTS_REFILL: Duration = Duration::from_secs(5);
/// Room among the reports that events leave to first uses and trades.
const REPORTS_RESERVED: usize = 1_024;

impl EventSink {
    pub(super) fn new(reports: mpsc::Sender<Report>) -> Self {
        Self {
            reports,
            summaries: Arc::new(Mutex::new(Summaries::new(EVENTS_EACH, EVENTS_REFILL))),
        }
    }

    /// Writes an event down, when there is room.
    pub fn note(&self, event: NewEvent) {
        let key = (event.kind, event.subject.clone());
        let spent = self.summaries().spend(Instant::now(), key);
        let Some(left_out) = spent else { return };
        let detail = format!("{}{}", event.detail, crate::limit::left_out_words(left_out));
        self.send(NewEvent { detail, ..event });
    }

    /// Says how many events were left out, where a flood has ended or slowed down.
    pub(super) fn tell_left_out(&self) {
        let due = self.summaries().flush(Instant::now());
        for ((kind, subject), left_out) in due {
            let words = format!("{left_out} more were not written down one by one");
            self.send(NewEvent::new(crate::clock::now(), "gateway", kind, subject, words));
        }
    }

    fn summaries(&self) -> MutexGuard<'_, EventSummaries> {
        self.summaries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, event: NewEvent) {
        if self.reports.capacity() <= REPORTS_RESERVED
            || self.reports.try_send(Report::Note(event)).is_err()
        {
            tracing::error!("an event could not be written down: the registry is behind");
        }
    }
}
