//! The router with its journal: what it decides on is written down first.

use crate::metrics::Metrics;
use signet_fix::{AppMessage, message::QuoteCancel};
use signet_identity::CompId;
use signet_rfq::{DealerId, UtcMillis};
use signet_router::{
    Input, Output, Proposal, Router,
    journal::{Journal, JournalError},
};
use std::{cell::RefCell, sync::Arc};

/// The router and the record of its inputs.
pub(super) struct JournalledRouter(RefCell<(Router, Journal)>, Arc<Metrics>);

impl JournalledRouter {
    pub(super) fn new(router: Router, journal: Journal, metrics: Arc<Metrics>) -> Self {
        Self(RefCell::new((router, journal)), metrics)
    }

    /// Asks the router something.
    pub(super) fn with<T>(&self, f: impl FnOnce(&Router) -> T) -> T {
        f(&self.0.borrow().0)
    }

    /// What a message of a desk would do now; `None` when the router would refuse it.
    pub(super) fn proposal(
        &self,
        desk: &CompId,
        m: &AppMessage,
        at: UtcMillis,
    ) -> Option<Proposal> {
        self.with(|r| r.proposal(desk, m, at))
    }

    /// One withdrawal for each RFQ that a dealer's withdrawal of all its quotes is about.
    pub(super) fn cancels(&self, dealer: &DealerId, c: QuoteCancel) -> Vec<QuoteCancel> {
        self.with(|r| r.cancels(dealer, c))
    }

    /// Writes an input down; the input as it is to be decided on.
    pub(super) fn record(&self, at: UtcMillis, input: &Input) -> Result<Input, JournalError> {
        let (router, journal) = &mut *self.0.borrow_mut();
        let before = journal.bytes();
        let record = || {
            let recorded = journal.record(at, input.clone(), router);
            (recorded, journal.bytes() != before)
        };
        let wrote = |(recorded, grew): &(Result<_, JournalError>, bool)| match recorded {
            Ok(_) => grew.then_some(true),
            // Of a desk that has used its room up, or of one message: the disk is well.
            Err(JournalError::Full { .. } | JournalError::NotReadable) => None,
            Err(_) => Some(false),
        };
        self.1.storage.journal.measured(record, wrote).0
    }

    /// The router's decision on an input that was written down.
    pub(super) fn decide(&self, at: UtcMillis, input: Input) -> Vec<Output> {
        self.0.borrow_mut().0.handle(at, input)
    }

    /// A trading day begins so long after midnight UTC.
    pub(super) fn day_begins(&self, ms: i64) {
        self.0.borrow_mut().0.day_begins(ms);
    }

    /// Rewrites a journal that has grown.
    pub(super) fn tidy(&self) {
        let (router, journal) = &mut *self.0.borrow_mut();
        if let Err(e) = journal.tidy(router) {
            tracing::error!(error = %e, "the journal could not be tidied");
        }
    }
}
