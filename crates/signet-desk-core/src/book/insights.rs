//! What was seen of the dealers.

use super::Book;
use crate::insight::{DealerRecord, Tally, Told};
use signet_fix::AppMessage;
use signet_rfq::{DealerId, UtcMillis};

impl Book {
    /// What this desk has seen of a dealer, in this run and, as far as its history says, in
    /// earlier ones.
    pub(crate) fn dealer_record(&mut self, dealer: &DealerId) -> DealerRecord {
        self.tally.records().get(dealer.as_str()).copied().unwrap_or_default()
    }

    /// What earlier runs saw.
    pub(crate) fn saw_before(&mut self, earlier: Tally) {
        self.tally.begins_with(earlier);
        self.screen.mark_all();
        self.frames.wake();
    }

    pub(super) fn tally_heard(&mut self, m: &AppMessage, now: UtcMillis) {
        let restoring = self.connection.restoring.is_some();
        let told = if restoring { Told::Again } else { Told::Live };
        self.tally.heard(m, self.clock.gateway(now).0, told);
    }
}
