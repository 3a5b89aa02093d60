//! The desk's PIN dialog for the token's thread, which asks and waits.

use crate::{
    book::{Book, lock},
    view::{PinTries, PinView},
};
use signet_keystore::{Pin, PinPrompt, PinRequest};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

/// How long the token's thread waits for a PIN; after that the PIN counts as declined.
const ANSWER_MAX: Duration = Duration::from_secs(120);

pub(crate) struct PinDesk {
    book: Arc<Mutex<Book>>,
    asked: Mutex<Asked>,
}

/// The last question, and where its answer goes while it is open.
#[derive(Default)]
struct Asked {
    question: u32,
    waiting: Option<mpsc::SyncSender<Option<Pin>>>,
}

impl PinDesk {
    pub(crate) fn new(book: Arc<Mutex<Book>>) -> Self {
        Self { book, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what the trader typed. An answer that no token waits for is dropped and wiped: a
    /// second one to the same question would use up a try of the next, which nobody has seen.
    pub(crate) fn answer(&self, question: u32, pin: Option<Pin>) {
        let mut asked = self.asked();
        if asked.question == question
            && let Some(waiting) = asked.waiting.take()
        {
            let _ = waiting.try_send(pin);
        }
    }
}

impl PinPrompt for PinDesk {
    fn ask(&self, r: &PinRequest) -> Option<Pin> {
        let (answer, answered) = mpsc::sync_channel(1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut asked = self.asked();
        let question = asked.question.wrapping_add(1);
        // Dropping the sender of an earlier question answers it with "declined".
        *asked = Asked { question, waiting: Some(answer) };
        lock(&self.book).pin(PinView {
            open: true,
            question,
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
        drop(asked);
        let pin = answered.recv_timeout(ANSWER_MAX).ok().flatten();
        let mut asked = self.asked();
        // Another token may have asked meanwhile.
        if asked.question == question {
            asked.waiting = None;
            lock(&self.book).pin(PinView::closed());
        }
        pin
    }
}

impl fmt::Debug for PinDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinDesk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Ids;
    use signet_rfq::UtcMillis;
    use std::thread::{self, JoinHandle};

    const NOW: UtcMillis = UtcMillis(1_800_000_000_000);

    fn ask(desk: &Arc<PinDesk>) -> JoinHandle<Option<Pin>> {
        let desk = desk.clone();
        let request = PinRequest {
            token: "Signet token".into(),
            tries: signet_keystore::PinTries::Full,
            wrong: false,
            chars_min: 0,
            chars_max: 8,
            on_reader: false,
        };
        thread::spawn(move || desk.ask(&request))
    }

    fn shown(book: &Mutex<Book>) -> Option<u32> {
        lock(book).pull(0, &[], NOW).pin.filter(|p| p.open).map(|p| p.question)
    }

    /// The question that is open, once it is another than `before`.
    fn open(book: &Mutex<Book>, before: u32) -> u32 {
        let began = std::time::Instant::now();
        loop {
            if let Some(question) = shown(book).filter(|q| *q != before) {
                return question;
            }
            assert!(began.elapsed().as_secs() < 60, "no question is open");
            thread::yield_now();
        }
    }

    fn pin() -> Option<Pin> {
        Some(Pin::new("1234".into()))
    }

    /// Enter pressed twice, at a token that refuses the first PIN before the second one is there.
    #[test]
    fn a_pin_is_given_once_and_only_for_the_question_that_it_names() {
        let book = Arc::new(Mutex::new(Book::new(Ids::new(NOW, 1), NOW)));
        let desk = Arc::new(PinDesk::new(book.clone()));
        let token = ask(&desk);
        let first = open(&book, 0);
        desk.answer(first, pin());
        assert!(token.join().unwrap().is_some());
        let token = ask(&desk);
        let second = open(&book, first);
        desk.answer(first, pin());
        desk.answer(second, None);
        assert!(token.join().unwrap().is_none(), "the PIN was for the question before");
        assert_eq!(shown(&book), None);
    }

    #[test]
    fn a_question_that_another_token_replaced_does_not_end_that_one() {
        let book = Arc::new(Mutex::new(Book::new(Ids::new(NOW, 1), NOW)));
        let desk = Arc::new(PinDesk::new(book.clone()));
        let replaced = ask(&desk);
        let first = open(&book, 0);
        let token = ask(&desk);
        let second = open(&book, first);
        assert!(replaced.join().unwrap().is_none());
        assert_eq!(shown(&book), Some(second), "the dialog stays open");
        desk.answer(second, pin());
        assert!(token.join().unwrap().is_some());
    }
}
