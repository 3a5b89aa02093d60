//! The router with its journal: what it decides on is written down first.

use crate::{clock::UtcMicros, metrics::Metrics, signed::SignedLogError};
use signet_fix::{AppMessage, message::QuoteCancel};
use signet_identity::CompId;
use signet_rfq::{DealerId, UtcMillis};
use signet_router::{
    Input, Keep, Output, Proposal, Router,
    journal::{Journal, JournalError},
};
use std::{cell::RefCell, sync::Arc, time::Duration};

/// The router and the record of its inputs.
pub(super) struct JournalledRouter {
    parts: RefCell<(Router, Journal)>,
    /// A record of the journal whose copy in the evidence could not be written, with the reading
    /// that its time is of. Nothing else is written to the journal before it is.
    owed: RefCell<Option<(UtcMicros, Input, Vec<u8>)>>,
    metrics: Arc<Metrics>,
}

impl JournalledRouter {
    pub(super) fn new(router: Router, journal: Journal, metrics: Arc<Metrics>) -> Self {
        Self { parts: RefCell::new((router, journal)), owed: RefCell::default(), metrics }
    }

    /// Asks the router something.
    pub(super) fn with<T>(&self, f: impl FnOnce(&Router) -> T) -> T {
        f(&self.parts.borrow().0)
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

    /// Writes an input down; the input as it is to be decided on. `copy` keeps what was written in
    /// the evidence as well, with the reading whose millisecond is in the record.
    pub(super) fn record(
        &self,
        at: UtcMicros,
        input: &Input,
        copy: impl Fn(UtcMicros, &Input, &[u8]) -> Result<(), SignedLogError>,
    ) -> Result<Input, JournalError> {
        let mut owed = self.owed.borrow_mut();
        if let Some((since, first, record)) = &*owed
            && copy(*since, first, record).is_err()
        {
            // What is not written down, as a question about an accept, needs no disk.
            return match self.with(|r| r.keep(at.millis(), input)) {
                Keep::Nothing => Ok(input.clone()),
                _ => Err(JournalError::NotCopied),
            };
        }
        *owed = None;
        let (router, journal) = &mut *self.parts.borrow_mut();
        let recorded = self.measured(at.millis(), input, router, journal)?;
        if let Some(record) = journal.take_written()
            && let Err(e) = copy(at, &recorded, &record)
        {
            tracing::error!(error = %e, "the evidence lacks a record of the journal until it can \
                be written");
            *owed = Some((at, recorded.clone(), record));
        }
        Ok(recorded)
    }

    fn measured(
        &self,
        at: UtcMillis,
        input: &Input,
        router: &Router,
        journal: &mut Journal,
    ) -> Result<Input, JournalError> {
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
        self.metrics.storage.journal.measured(record, wrote).0
    }

    /// The router's decision on an input that was written down.
    pub(super) fn decide(&self, at: UtcMillis, input: Input) -> Vec<Output> {
        self.parts.borrow_mut().0.handle(at, input)
    }

    /// Writes the journal once more, where a wait of another thread for the disk failed.
    pub(super) fn sync_again(&self) -> Result<(), JournalError> {
        self.parts.borrow().1.sync_again()
    }

    /// What both clocks say, before anything is judged.
    pub(super) fn clocks(&self, now: UtcMillis, steady: Duration) {
        self.parts.borrow_mut().0.clocks(now, steady);
    }

    /// A trading day begins so long after midnight UTC.
    pub(super) fn day_begins(&self, ms: i64) {
        self.parts.borrow_mut().0.day_begins(ms);
    }

    /// Sets the limits of the journal.
    #[cfg(feature = "test-double")]
    pub(super) fn limit(&self, limits: signet_router::journal::JournalLimits) {
        self.parts.borrow_mut().1.limit(limits);
    }

    /// Rewrites a journal that has grown; what will be left of it is announced first. `stays`: it
    /// was announced, and did not happen.
    pub(super) fn tidy(&self, announce: impl FnOnce(&[&[u8]]) -> bool, stays: impl FnOnce()) {
        if self.owed.borrow().is_some() {
            return;
        }
        let (router, journal) = &mut *self.parts.borrow_mut();
        let before = journal.bytes();
        if let Err(e) = journal.tidy_announced(router, announce) {
            tracing::error!(error = %e, "the journal could not be tidied");
            // A new file that is in its place already, though its folder may not be on the disk, is
            // the shorter one.
            if journal.bytes() == before {
                stays();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rfq_ends::test_double::{NOW, desk, rfq, router};
    use signet_fix::message::OrderStatusRequest;
    use signet_journal::{SealedLog, StoreKey, disk};
    use signet_rfq::{AcceptId, InstrumentId, Side};
    use signet_router::journal::OnBadRecord;

    /// The evidence is on a disk that is full, and the journal is not.
    #[test]
    fn while_a_copy_is_owed_nothing_is_written_and_questions_are_answered() {
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("rfqs.journal"), StoreKey::new([1; 32]));
        let mut router = router();
        let journal = Journal::open(&path, &key, &mut router, OnBadRecord::Stop).unwrap();
        let all = JournalledRouter::new(router, journal, Metrics::new([]));
        let at = UtcMicros(NOW.0 * 1_000);
        let fails = |_: UtcMicros, _: &Input, _: &[u8]| Err(SignedLogError::NoEvidence);
        let from_desk = |m: AppMessage| Input::FromDesk(desk("ALICE1"), m);
        let cancel = from_desk(AppMessage::RfqCancel { rfq: rfq("R1"), text: None });
        let ask = from_desk(AppMessage::OrderStatusRequest(OrderStatusRequest {
            accept: AcceptId::new("R1:1").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            side: Side::Buy,
            dealer: None,
            sent: None,
        }));
        assert!(all.record(at, &cancel, fails).is_ok(), "the journal has it");
        let refused = all.record(at, &cancel, fails);
        assert!(matches!(refused, Err(JournalError::NotCopied)), "{refused:?}");
        for input in [&ask, &Input::Tick] {
            assert_eq!(all.record(at, input, fails).ok().as_ref(), Some(input));
        }
        assert!(all.record(at, &cancel, |_, _, _| Ok(())).is_ok());
    }

    /// ALICE1 ends R1, in as many words as there may be.
    fn cancel() -> Input {
        let m = AppMessage::RfqCancel { rfq: rfq("R1"), text: Some("x".repeat(240)) };
        Input::FromDesk(desk("ALICE1"), m)
    }

    /// `store.sync`: what is not on the disk itself is not acted on.
    #[test]
    fn a_journal_that_waits_for_the_disk_takes_nothing_that_does_not_reach_it() {
        let key = StoreKey::new([1; 32]);
        for (sync, taken) in [(false, true), (true, false)] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("rfqs.journal");
            let mut router = router();
            let journal = Journal::open(&path, &key, &mut router, OnBadRecord::Stop).unwrap();
            let mut journal = journal.with_sync(sync);
            disk::refuses_to_sync(&path, true);
            assert_eq!(journal.record(NOW, cancel(), &router).is_ok(), taken);
            disk::refuses_to_sync(&path, false);
            let read = SealedLog::read(&path, &key).unwrap().records.len();
            assert_eq!(read, usize::from(taken));
        }
    }

    /// The evidence was told of a rewrite for which the disk has no room.
    #[test]
    fn a_rewrite_that_fails_is_taken_back_and_one_that_is_done_is_not() {
        const LARGE: u64 = 9 * 1024 * 1024;
        const FORGOTTEN: i64 = 60_000 + 15 * 60_000;
        for (fails, want) in [(true, (1, 1)), (false, (1, 0))] {
            let dir = tempfile::tempdir().unwrap();
            let (path, key) = (dir.path().join("rfqs.journal"), StoreKey::new([1; 32]));
            let mut router = router();
            let mut journal = Journal::open(&path, &key, &mut router, OnBadRecord::Stop).unwrap();
            while journal.bytes() < LARGE {
                journal.record(NOW, cancel(), &router).unwrap();
            }
            for at in [60_000, FORGOTTEN] {
                router.handle(NOW + at, Input::Tick);
            }
            let all = JournalledRouter::new(router, journal, Metrics::new([]));
            disk::refuses_to_sync(&dir.path().join("rfqs.journal.new"), fails);
            let (mut announced, mut taken_back) = (0, 0);
            let announce = |left: &[&[u8]]| {
                assert!(left.is_empty(), "nothing of it is needed");
                announced += 1;
                true
            };
            all.tidy(announce, || taken_back += 1);
            assert_eq!((announced, taken_back), want);
        }
    }
}
