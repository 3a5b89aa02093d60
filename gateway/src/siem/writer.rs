//! From the channel into the spool: one fsync for as many events as are there.

use super::{Shared, outlet};
use crate::{
    delivery::{Draft, SpoolError},
    threads::Stop,
};
use signet_events::{About, Event, ocsf};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Events written with one fsync, at most.
const BATCH_MAX: usize = 512;
/// How long events gather before they are written. A write for each event would take a third as
/// much of a processor again as the trading it tells of. The evidence keeps what a crash takes out
/// of the channel.
const GATHER: Duration = Duration::from_millis(50);
/// How often events that were dropped for newer ones are said.
const LEFT_OUT_EVERY: Duration = Duration::from_secs(60);
/// How often a disk that refused is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// Writes until it is told to stop; what is in the channel then is written first.
pub(super) async fn run(shared: &Shared, mut inbox: mpsc::Receiver<Event>, stop: Stop) {
    let mut waiting = VecDeque::new();
    tokio::pin!(stop);
    let mut stopping = false;
    while !stopping {
        let again = !waiting.is_empty() || shared.state.must_look_again();
        tokio::select! {
            biased;
            _ = &mut stop => stopping = true,
            // What a disk refused waits, and with it the channel, which is bounded.
            _ = tokio::time::sleep(RETRY), if again => {}
            event = inbox.recv(), if waiting.is_empty() => match event {
                Some(event) => waiting.push_back(event),
                None => stopping = true,
            },
        }
        if !stopping {
            tokio::select! {
                biased;
                _ = &mut stop => stopping = true,
                _ = tokio::time::sleep(GATHER) => {}
            }
        }
        loop {
            let more = drain(&mut inbox, &mut waiting);
            let before = waiting.len();
            write(shared, &mut waiting);
            if !more || waiting.len() == before {
                break;
            }
            // Receivers read between batches.
            tokio::task::yield_now().await;
        }
        if inbox.len() + outlet::RESERVED < inbox.max_capacity() && waiting.is_empty() {
            shared.state.set_queue_full(false);
        }
        shared.tell_left_out();
    }
    if !waiting.is_empty() {
        tracing::error!(events = waiting.len(), "events for the SIEM could not be written");
    }
}

/// Whether there may be more in the channel.
fn drain(inbox: &mut mpsc::Receiver<Event>, waiting: &mut VecDeque<Event>) -> bool {
    while waiting.len() < BATCH_MAX {
        match inbox.try_recv() {
            Ok(event) => waiting.push_back(event),
            Err(_) => return false,
        }
    }
    true
}

/// Writes what can be written, oldest first; the rest stays.
fn write(shared: &Shared, waiting: &mut VecDeque<Event>) {
    let mut written = 0;
    let mut result = Ok(());
    for event in waiting.iter() {
        result = shared.append(event, event.code, None);
        if result.is_err() {
            break;
        }
        written += 1;
    }
    let synced = shared.sync();
    waiting.drain(..written);
    shared.told(result.and(synced));
}

impl Shared {
    /// Whether another event finds room: always, where the oldest makes way for it.
    pub(super) fn has_room(&self) -> bool {
        self.state.drops_oldest() || !self.spool.borrow().is_full()
    }

    /// The same for a row of the registry, which pushes nothing out that nobody has taken.
    pub(super) fn has_room_for_rows(&self) -> bool {
        let spool = self.spool.borrow();
        let newest = (0..self.receivers).map(|n| spool.cursor(n)).max().unwrap_or(0);
        let keeps_up = spool.head().saturating_sub(newest) <= BATCH_MAX as u64;
        !spool.is_full() || self.state.drops_oldest() && keeps_up
    }

    /// Appends one event; `uid` when it has one already.
    pub(super) fn append(
        &self,
        event: &Event,
        code: &str,
        uid: Option<&str>,
    ) -> Result<(), SpoolError> {
        let mut spool = self.spool.borrow_mut();
        if self.state.drops_oldest() {
            let dropped = spool.make_room();
            self.state.leave_out(dropped);
        }
        spool.append(|sequence, epoch| {
            let origin = event.origin.map_or_else(String::new, |o| format!(".{o}"));
            let own = format!("{}.{epoch}.{sequence}{origin}", self.source.gateway);
            let uid = uid.unwrap_or(&own);
            let position = ocsf::Position { uid, sequence };
            Draft {
                at_us: event.at_us,
                severity: event.entry.severity.id(),
                uid: uid.to_owned(),
                code: code.to_owned(),
                json: ocsf::line(event, code, &self.source, position),
            }
        })?;
        self.status.appended(event.at_us);
        Ok(())
    }

    /// Waits for the disk, and then lets receivers have what is on it.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        let mut spool = self.spool.borrow_mut();
        spool.sync()?;
        self.head.send_if_modified(|head| std::mem::replace(head, spool.head()) != spool.head());
        Ok(())
    }

    /// Tells whoever asks, and once for each change the SIEM, whether events can be kept.
    pub(super) fn told(&self, result: Result<(), SpoolError>) {
        let full = self.spool.borrow().is_full() || matches!(result, Err(SpoolError::Full));
        let broken = match result {
            Err(e @ SpoolError::Log(_)) => Some(e.to_string()),
            _ => None,
        };
        let is_broken = broken.is_some();
        if self.state.set_unwritable(is_broken) {
            match broken {
                Some(why) => {
                    tracing::error!(alert = true, why, "events for the SIEM cannot be written");
                    self.say("siem.unwritable", why);
                }
                None => tracing::info!("events for the SIEM are written again"),
            }
        }
        // A disk that failed says nothing about room.
        if !is_broken && self.state.set_full(full) {
            match full {
                true => {
                    tracing::error!(alert = true, "the spool of events for the SIEM is full");
                    self.say("siem.full", self.spool.borrow().size_in_words());
                }
                false => tracing::info!("the spool of events for the SIEM has room again"),
            }
        }
    }

    fn tell_left_out(&self) {
        let usable = !self.state.is_unwritable() && self.has_room();
        // While the oldest make way for all that comes, it is said now and then: each time would
        // push another one out.
        let soon = |told: Instant| told.elapsed() < LEFT_OUT_EVERY;
        if !usable || self.spool.borrow().is_full() && self.left_out_told.get().is_some_and(soon) {
            return;
        }
        let count = self.state.take_left_out();
        if count > 0 {
            self.left_out_told.set(Some(Instant::now()));
            let about = About { count: Some(count), ..About::object("siem") };
            let words = format!("{count} events could not be kept for the SIEM and are lost");
            self.events.gateway("siem.left_out", about, words);
        }
    }

    pub(super) fn say(&self, code: &'static str, words: String) {
        self.events.gateway(code, About::object("siem"), words);
    }
}
