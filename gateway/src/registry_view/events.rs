//! The one way of events to the registry.

use super::Report;
use crate::limits::Summaries;
use signet_registry::NewEvent;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// The way of events to the registry's thread, from any thread. They are kept there until the
/// database takes them. Without a registry nothing is kept: the log has a line for each.
#[derive(Debug, Clone)]
pub struct EventSink {
    reports: Option<mpsc::Sender<Report>>,
    summaries: Arc<Mutex<EventSummaries>>,
}

impl Default for EventSink {
    fn default() -> Self {
        Self::of(None)
    }
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
        Self::of(Some(reports))
    }

    fn of(reports: Option<mpsc::Sender<Report>>) -> Self {
        Self {
            reports,
            summaries: Arc::new(Mutex::new(Summaries::new(EVENTS_EACH, EVENTS_REFILL))),
        }
    }

    /// Writes down what the gateway did or saw, now.
    pub fn gateway(
        &self,
        code: &'static str,
        subject: impl Into<String>,
        words: impl Into<String>,
    ) {
        self.by("gateway", code, subject, words);
    }

    /// Writes down what somebody did, now.
    pub fn by(
        &self,
        actor: &str,
        code: &'static str,
        subject: impl Into<String>,
        words: impl Into<String>,
    ) {
        self.note(NewEvent::new(crate::clock::now(), actor, code, subject, words));
    }

    /// Writes an event down, when there is room.
    pub fn note(&self, event: NewEvent) {
        if self.reports.is_none() {
            return;
        }
        let key = (event.kind, event.subject.clone());
        let spent = self.summaries().spend(Instant::now(), key);
        let Some(left_out) = spent else { return };
        let detail = format!("{}{}", event.detail, crate::limits::left_out_words(left_out));
        self.send(NewEvent { detail, ..event });
    }

    /// Says how many events were left out, where a flood has ended or slowed down.
    pub fn tell_left_out(&self) {
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
        let Some(reports) = &self.reports else { return };
        if reports.capacity() <= REPORTS_RESERVED || reports.try_send(Report::Note(event)).is_err()
        {
            tracing::error!("an event could not be written down: the registry is behind");
        }
    }
}
