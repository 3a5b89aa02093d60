//! Whether what was written is on the disk, after a wait for it that failed.
//!
//! The system tells of a failure once. It may hold what it could not write for written since then,
//! and whoever opens the file and waits next hears that all is well. So the thread that waits says
//! that one failed, and waits for nothing more until the one that writes has written it once more.

use super::{Signed, SignedLogError};
use signet_router::journal::JournalError;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a disk that refused is left alone: messages wait while it is tried.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Shared by the thread that waits and the one that writes.
#[derive(Debug, Default)]
pub(crate) struct Doubt(AtomicBool);

impl Doubt {
    /// Waits for the disk, unless a wait before failed whose records were not written since.
    ///
    /// # Errors
    /// This wait failed, or one before.
    pub(crate) fn wait(&self, wait: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(io::Error::other(
                "a wait for the disk failed, and what it was for could not be written once more so \
                    far",
            ));
        }
        wait().inspect_err(|_| self.0.store(true, Ordering::Release))
    }
}

impl Signed {
    /// Told by whoever waits for the disk, and settled by [`Self::settle_doubt`].
    pub(crate) fn doubt(&self) -> Arc<Doubt> {
        self.doubt.clone()
    }

    /// Writes journal and evidence once more if a wait for them failed. The journal comes first, as
    /// with each record.
    pub(crate) fn settle_doubt(
        &self,
        now: Instant,
        journal: impl FnOnce() -> Result<(), JournalError>,
    ) {
        if !self.doubt.0.load(Ordering::Acquire) {
            return;
        }
        let tried = self.doubt_tried.get();
        if tried.is_some_and(|at| now.saturating_duration_since(at) < TRY_AGAIN) {
            return;
        }
        self.doubt_tried.set(Some(now));
        match self.written_again(journal) {
            Ok(()) => self.doubt.0.store(false, Ordering::Release),
            Err(e) => tracing::error!(error = %e, "what was written may not be on the disk"),
        }
    }

    fn written_again(
        &self,
        journal: impl FnOnce() -> Result<(), JournalError>,
    ) -> Result<(), Unwritten> {
        journal()?;
        Ok(self.log.borrow().sync_again()?)
    }
}

/// Which of the two was not written once more.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Evidence(#[from] SignedLogError),
}
