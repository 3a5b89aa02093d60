//! The desk's PIN dialog for the token's thread, which asks and waits.

use crate::{
    book::{Book, lock},
    view::{PinTries, PinView},
};
use signet_keystore::{Pin, PinPrompt, PinRequest};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

/// How long the token's thread waits for a PIN; after that the PIN counts as declined.
const ANSWER_MAX: Duration = Duration::from_secs(120);

pub(crate) struct PinDesk {
    book: Arc<Mutex<Book>>,
    waiting: Mutex<Option<mpsc::SyncSender<Option<Pin>>>>,
}

impl PinDesk {
    pub(crate) fn new(book: Arc<Mutex<Book>>) -> Self {
        Self { book, waiting: Mutex::new(None) }
    }

    /// Passes on what the trader typed. An answer that no token waits for is dropped and wiped.
    pub(crate) fn answer(&self, pin: Option<Pin>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            let _ = waiting.try_send(pin);
        }
    }
}

impl PinPrompt for PinDesk {
    fn ask(&self, r: &PinRequest) -> Option<Pin> {
        let (answer, answered) = mpsc::sync_channel(1);
        // Dropping the sender of an earlier question answers it with "declined".
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        lock(&self.book).pin(PinView {
            open: true,
            token: r.token.clone(),
            tries: match r.tries {
                signet_keystore::PinTries::Full => PinTries::Full,
                signet_keystore::PinTries::Low => PinTries::Low,
                signet_keystore::PinTries::Last => PinTries::Last,
                signet_keystore::PinTries::None => PinTries::Locked,
            },
            wrong: r.wrong,
            chars_min: count(r.chars_min),
            chars_max: count(r.chars_max),
            on_reader: r.on_reader,
        });
        let pin = answered.recv_timeout(ANSWER_MAX).ok().flatten();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        lock(&self.book).pin(PinView::closed());
        pin
    }
}

impl fmt::Debug for PinDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinDesk")
    }
}
