//! One receiver's place in the spool, and whether the receiver is away.

use super::Shared;
use crate::{
    clock::now,
    delivery::{Away, DeliveryFailure, Reader, Record, Say, SpoolError},
};
use signet_events::About;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often a cursor is written while nothing else asks for it.
const CURSOR_EVERY: Duration = Duration::from_millis(200);
/// What one batch holds.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;

pub(super) struct Feed {
    shared: Rc<Shared>,
    /// Which cursor of the spool.
    which: usize,
    name: String,
    reader: Reader,
    /// Another one, since what waits begins before what is read next.
    oldest: Reader,
    head: watch::Receiver<u64>,
    cursor_written: Instant,
    away: Away,
}

impl Feed {
    pub(super) fn new(shared: Rc<Shared>, which: usize, name: String) -> Self {
        let head = shared.head.subscribe();
        let mut feed = Self {
            shared,
            which,
            name,
            reader: Reader::default(),
            oldest: Reader::default(),
            head,
            cursor_written: Instant::now(),
            away: Away::default(),
        };
        // What a run before left.
        feed.tell_waiting();
        feed
    }

    /// How much waits, and since when the oldest of it does.
    fn tell_waiting(&mut self) {
        let confirmed = self.confirmed();
        let spool = self.shared.spool.borrow();
        let waiting = spool.head().saturating_sub(confirmed);
        let limit = (1, BATCH_BYTES);
        let oldest = match waiting {
            0 => None,
            // What cannot be read is told by whoever must read it.
            _ => spool.read(&mut self.oldest, confirmed, u64::MAX, limit).ok(),
        };
        let oldest_us = oldest.and_then(|found| found.first().map(|r| r.at_us));
        self.shared.status.waits(self.which, waiting, oldest_us);
    }

    /// Number of the last event that the receiver has for certain.
    pub(super) fn confirmed(&self) -> u64 {
        self.shared.spool.borrow().cursor(self.which)
    }

    /// The next events after a number; waits until there is one.
    pub(super) async fn next(&mut self, after: u64) -> Result<Vec<Rc<Record>>, SpoolError> {
        loop {
            let head = *self.head.borrow_and_update();
            let found = self.shared.spool.borrow().read(
                &mut self.reader,
                after,
                head,
                (BATCH_RECORDS, BATCH_BYTES),
            )?;
            if !found.is_empty() {
                return Ok(found);
            }
            if self.head.changed().await.is_err() {
                // The thread ends.
                std::future::pending::<()>().await;
            }
        }
    }

    /// The receiver has everything up to this number. Its cursor is written now and then: what is
    /// lost of it is sent again.
    pub(super) fn confirm(&mut self, sequence: u64) {
        self.pass_over(sequence);
        self.works();
    }

    /// The same for what the receiver will never take.
    pub(super) fn pass_over(&mut self, sequence: u64) {
        let mut spool = self.shared.spool.borrow_mut();
        spool.confirm(self.which, sequence);
        if self.cursor_written.elapsed() >= CURSOR_EVERY {
            self.cursor_written = Instant::now();
            // The receiver is not at fault, and takes again what is lost of it.
            if let Err(error) = spool.write_cursor(self.which) {
                tracing::error!(alert = true, %error, "the disk does not take what was sent");
            }
        }
        drop(spool);
        self.tell_waiting();
        self.shared.told_room();
    }

    /// A record by its number, when the spool has it.
    pub(super) fn find(&mut self, sequence: u64) -> Result<Option<Rc<Record>>, SpoolError> {
        let spool = self.shared.spool.borrow();
        let after = sequence.saturating_sub(1);
        let found = spool.read(&mut self.reader, after, sequence, (1, BATCH_BYTES))?;
        Ok(found.into_iter().find(|r| r.sequence == sequence))
    }

    /// The receiver has said that it will never take some.
    pub(super) fn rejected(&self, count: u64, words: &str) {
        tracing::error!(alert = true, sink = self.name, count, words, "events were rejected");
        let about = About { count: Some(count), ..About::object(&self.name) };
        let words = format!("the receiver has rejected {count} events for good: {words}");
        self.shared.events.gateway("siem.left_out", about, words);
    }

    /// The receiver takes events.
    pub(super) fn works(&mut self) {
        self.shared.status.works(self.which);
        if self.away.works() == Say::Back {
            tracing::info!(sink = self.name, "the SIEM takes events again");
            let about = About::object(&self.name);
            self.shared.events.gateway("siem.back", about, "it takes events again");
        }
    }

    /// A session with the receiver ended.
    pub(super) fn failed(&mut self, failure: &DeliveryFailure) {
        let _ = self.shared.spool.borrow_mut().write_cursor(self.which);
        self.shared.status.failed(self.which, now());
        tracing::warn!(sink = self.name, %failure, "events cannot be handed to the SIEM");
        if self.away.failed(Instant::now()) == Say::Away {
            let about = About::object(&self.name);
            self.shared.events.gateway("siem.away", about, failure.to_string());
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Ok(mut spool) = self.shared.spool.try_borrow_mut() {
            let _ = spool.write_cursor(self.which);
        }
    }
}

impl Shared {
    /// A receiver has taken something: perhaps there is room again.
    fn told_room(&self) {
        if self.state.set_full_if_not(self.spool.borrow().is_full()) {
            tracing::info!("the spool of events for the SIEM has room again");
        }
    }
}
