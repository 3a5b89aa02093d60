//! Collects an instrument list, which a gateway sends in parts.

use signet_fix::message::SecurityList;
use signet_rfq::{Catalogue, Instrument, InstrumentError, MAX_INSTRUMENTS, RfqId};

/// The parts of one list, all of which answer the same request.
#[derive(Debug, Default)]
pub(super) struct IncomingCatalogue {
    request: Option<RfqId>,
    parts: Vec<Instrument>,
    /// The list was too long; the rest of it is ignored.
    refused: bool,
}

impl IncomingCatalogue {
    /// Takes a part; with the last one it returns the complete list. A part that answers another
    /// request starts a new list, and the unfinished one is dropped.
    pub(super) fn take(&mut self, y: SecurityList) -> Result<Option<Catalogue>, InstrumentError> {
        if self.request.as_ref() != Some(&y.request) {
            *self = Self { request: Some(y.request), ..Self::default() };
        }
        if self.refused {
            return Ok(None);
        }
        if self.parts.len() + y.instruments.len() > MAX_INSTRUMENTS {
            self.parts = Vec::new();
            self.refused = true;
            return Err(InstrumentError::TooMany);
        }
        self.parts.extend(y.instruments);
        if !y.last {
            return Ok(None);
        }
        let whole = std::mem::take(self);
        Catalogue::new(whole.parts).map(Some)
    }
}

#[cfg(test)]
#[path = "incoming_tests.rs"]
mod tests;
