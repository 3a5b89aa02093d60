//! What dealers call RFQs and accepts, from records that are read, for whoever reads the dealers'
//! own messages beside them.

use super::Shown;
use signet_fix::AppMessage;
use std::collections::HashMap;

/// Names that were read.
#[derive(Debug, Default)]
pub struct NamesRead {
    /// The desk, and what it calls the RFQ, the accept or the counter.
    all: HashMap<String, (String, String)>,
}

impl NamesRead {
    /// Reads on. Of other records than those that are `wanted`, by the desk and by what it calls
    /// the RFQ, the accept or the counter, nothing is remembered.
    pub fn take(&mut self, record: &Shown, wanted: impl FnOnce(&str, &str) -> bool) {
        let Some(name) = &record.name else { return };
        let own = match AppMessage::decode(&record.message) {
            Ok(AppMessage::QuoteRequest(q)) => String::from(q.id),
            Ok(AppMessage::QuoteResponse(r)) => String::from(r.id),
            _ => return,
        };
        if wanted(&record.id, &own) {
            self.all.insert(name.clone(), (record.id.clone(), own));
        }
    }

    /// What was remembered, as dealers say it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// The desk, and what it calls what dealers call so. An accept that a later owner of the RFQ
    /// made has no other id at the desk that asked than its number in the RFQ.
    pub fn desk_and_id(&self, name: &str) -> Option<(String, String)> {
        if let Some((desk, own)) = self.all.get(name) {
            return Some((desk.clone(), own.clone()));
        }
        let rfq = name.split(':').next()?;
        let (desk, own) = self.all.get(rfq)?;
        Some((desk.clone(), format!("{own}{}", name.strip_prefix(rfq)?)))
    }
}
