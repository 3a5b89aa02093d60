//! Direct mode on the link's thread: carries out what [`Direct`] decides.

use super::Link;
use crate::{
    book::{Book, lock},
    clock::Moment,
    direct::{Direct, DirectAction, concerns},
    laptop_clock::laptop_now,
    view::NoticeKind,
};
use signet_fix::AppMessage;
use std::collections::VecDeque;

impl Link {
    pub(super) fn is_direct(&self) -> bool {
        self.direct.borrow().is_some()
    }

    /// Logged on to a plain venue.
    pub(super) fn direct_up(&self) {
        let exporter = self.exporter.get();
        self.direct(|d, book, now| d.up(book, exporter, now));
    }

    pub(super) fn direct_lost(&self) {
        self.direct(|d, _, now| d.lost(now));
    }

    pub(super) fn direct_tick(&self) {
        self.direct(Direct::tick);
    }

    pub(super) fn direct_send(&self, m: AppMessage) {
        self.direct(|d, book, now| d.send(m, book, now));
    }

    /// Passes a message of the venue on to the book.
    pub(super) fn direct_heard(&self, m: AppMessage) {
        self.direct(|d, book, _| d.heard(m, book).map(DirectAction::ToBook).into_iter().collect());
    }

    /// Handles one event and everything that follows from it.
    fn direct(&self, event: impl FnOnce(&mut Direct, &Book, Moment) -> Vec<DirectAction>) {
        let mut todo: VecDeque<DirectAction> = self.ask_direct(event).into();
        while let Some(d) = todo.pop_front() {
            match d {
                DirectAction::ToVenue(m) => self.to_peer(&m),
                DirectAction::Release(m) => {
                    todo.extend(self.ask_direct(|d, book, now| d.release(m, book, now)))
                }
                DirectAction::NotSent(m, why) => lock(&self.book).not_sent(&m, why, laptop_now()),
                DirectAction::Tell(why) => lock(&self.book).tell(
                    NoticeKind::Bad,
                    &why.code,
                    format!("{} {}", why.message, why.cure),
                    laptop_now(),
                ),
                DirectAction::ToBook(m) => {
                    let (open, answers) = {
                        let mut book = lock(&self.book);
                        (concerns(&m, &book), book.message(m, laptop_now()))
                    };
                    for a in answers {
                        todo.extend(self.ask_direct(|d, book, now| d.send(a, book, now)));
                    }
                    if let Some(rfq) = open {
                        todo.extend(self.ask_direct(|d, book, now| d.after(&rfq, book, now)));
                    }
                }
            }
        }
    }

    fn ask_direct(
        &self,
        event: impl FnOnce(&mut Direct, &Book, Moment) -> Vec<DirectAction>,
    ) -> Vec<DirectAction> {
        let mut direct = self.direct.borrow_mut();
        let Some(d) = direct.as_mut() else { return Vec::new() };
        let book = lock(&self.book);
        event(d, &book, book.moment(laptop_now()))
    }
}
