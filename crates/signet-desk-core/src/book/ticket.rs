//! What the ticket needs of the book beside its intents.

use super::Book;
use signet_rfq::Catalogue;
use std::sync::Arc;

impl Book {
    /// The instruments that are in use; another value whenever the list is another one.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.reference.catalogue().clone()
    }
}
