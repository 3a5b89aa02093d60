//! Rows of the blotter, and the accepts in flight on disk.

use super::{Book, frame_clock::Part};
use crate::{
    present,
    view::{BlotterRow, BlotterTab},
};
use signet_rfq::{AcceptId, Rfq, RfqId};

impl Book {
    pub(super) fn blot(&mut self, tab: BlotterTab, row: BlotterRow) {
        let row = self.as_people_said(tab, row);
        self.records.put(tab, row);
        self.frames.mark(Part::Blotter);
    }

    pub(super) fn blot_rfq(&mut self, id: &RfqId) {
        let Some(rfq) = self.screen.rfq(id) else { return };
        let instrument = self.reference.of_rfq(&rfq.terms);
        let mut row = present::rfq_row(rfq, instrument.as_deref(), &self.reference.names());
        row.text = row.text.or_else(|| self.group.origin(id).map(str::to_owned));
        self.blot(BlotterTab::Rfqs, row);
    }

    /// Puts the instrument's name into rows that were written before the instrument list arrived.
    pub(super) fn name_rows(&mut self) {
        for (tab, mut row) in self.records.blotter.unnamed() {
            if let Some(i) =
                self.reference.named(&row.instrument).filter(|i| i.symbol != row.symbol)
            {
                row.symbol = i.symbol.clone();
                self.blot(tab, row);
            }
        }
    }

    /// Removes the accepts that have an answer from the file of accepts in flight.
    pub(super) fn tidy_in_flight(&mut self) {
        let answered = |rfq: Option<&Rfq>, id: &AcceptId| {
            rfq.and_then(|r| r.accept_of(id)).is_some_and(|(_, s)| !s.in_flight())
        };
        let kept = self.records.in_flight.all().map(|(a, _)| a);
        let done: Vec<AcceptId> = kept
            .filter(|a| answered(self.screen.rfq(&a.rfq), &a.id))
            .map(|a| a.id.clone())
            .collect();
        done.iter().for_each(|id| self.records.in_flight.answered(id));
    }
}
