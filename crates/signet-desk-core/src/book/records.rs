//! The records on this laptop's disk: the blotter, and accepts without an answer.

use crate::{
    blotter::{Blotter, Saved},
    in_flight::InFlight,
    list::ListStore,
    ticket::TicketStore,
    view::{BlotterRow, BlotterTab},
};

#[derive(Debug, Default)]
pub(super) struct Records {
    pub blotter: Blotter,
    /// Whether the disk took the blotter's last row, until the trader is told.
    saved: Option<Saved>,
    pub in_flight: InFlight,
    /// Drafts, templates and the last requests.
    pub tickets: TicketStore,
    /// The list, and what was sent of it.
    pub list: ListStore,
}

impl Records {
    /// Switches to the records of another identity.
    pub(super) fn begin(&mut self, blotter: Blotter) {
        self.blotter = blotter;
        self.in_flight = InFlight::default();
        self.tickets = TicketStore::default();
        self.list = ListStore::default();
    }

    pub(super) fn put(&mut self, tab: BlotterTab, row: BlotterRow) {
        let saved = self.blotter.put(tab, row);
        if matches!(saved, Saved::Refused(_) | Saved::CaughtUp) {
            self.saved = Some(saved);
        }
    }

    /// What the trader has not been told about the disk. Tries again to write what it refused.
    pub(super) fn untold(&mut self) -> Saved {
        self.saved.take().unwrap_or_else(|| self.blotter.retry())
    }
}
