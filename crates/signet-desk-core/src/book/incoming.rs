//! An instrument list on its way: a gateway sends it in parts.

use signet_fix::message::SecurityList;
use signet_rfq::{Catalogue, Instrument, InstrumentError, MAX_INSTRUMENTS, RfqId};

/// The parts of one list, by the request that they answer.
#[derive(Debug, Default)]
pub(super) struct IncomingCatalogue {
    request: Option<RfqId>,
    parts: Vec<Instrument>,
    /// It was too long; the rest of it is passed over.
    refused: bool,
}

impl IncomingCatalogue {
    /// A further part. Answers the whole list with its last one. A part that answers another
    /// request begins another list: what was there of the former one is not completed by it.
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
