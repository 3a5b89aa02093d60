//! What the page asks while the ticket is filled in.

use super::Desk;
use crate::{
    book::lock,
    laptop_clock::laptop_now,
    view::{FoundInstruments, Problem, Reference, SettlementDay},
};

impl Desk {
    /// Instruments and dealers that this trader may use.
    pub fn reference(&self) -> Reference {
        let (reference, catalogue) = {
            let book = lock(&self.book);
            (book.reference(), book.catalogue())
        };
        self.finder.prepare(catalogue);
        reference
    }

    /// The instruments that a typed text finds.
    pub fn find_instruments(&self, typed: &str) -> FoundInstruments {
        let catalogue = lock(&self.book).catalogue();
        self.finder.find(catalogue, typed)
    }

    /// The settlement day that a trader typed: `2026-12-15`, `15 dec`, `3m`.
    pub fn read_settlement(&self, instrument: &str, text: &str) -> Result<SettlementDay, Problem> {
        lock(&self.book).read_settlement(instrument, text, laptop_now())
    }
}
