//! The way of events to the registry's thread. They are kept there until the database takes them.

use super::Report;
use crate::events::Outlet;
use signet_events::Event;
use signet_registry::NewEvent;
use signet_rfq::UtcMillis;
use tokio::sync::mpsc;

/// Room among the reports that events leave to first uses and trades.
const REPORTS_RESERVED: usize = 1_024;

pub(super) struct RegistryOutlet {
    pub(super) reports: mpsc::Sender<Report>,
    /// This gateway, when it hands its events to the SIEM itself; else empty.
    pub(super) origin: String,
}

impl Outlet for RegistryOutlet {
    fn take(&self, event: &Event) {
        let at = UtcMillis(event.at_us.div_euclid(1_000));
        let (subject, detail) = (event.about.subject(), event.words.as_str());
        let row = NewEvent::new(at, &event.actor.to_string(), event.code, subject, detail)
            .with_origin(&self.origin);
        if self.reports.capacity() <= REPORTS_RESERVED
            || self.reports.try_send(Report::Note(row)).is_err()
        {
            tracing::error!(
                code = event.code,
                "an event could not be written down: the registry is behind"
            );
        }
    }
}
