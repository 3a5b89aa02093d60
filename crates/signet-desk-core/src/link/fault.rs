//! A fault of the program itself: whoever served the link has ended, so the page must not go on
//! showing prices that nobody can be sent an answer to.

use super::outcome::internal;
use crate::{
    book::{Book, lock},
    laptop_clock::laptop_now,
    view::LinkState,
};
use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Mutex,
    task::Poll,
};

/// Runs `work`; `None`: it panicked.
pub(super) async fn unless_it_panics<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Nothing can be sent until somebody connects again.
pub(super) fn show_stopped(book: &Mutex<Book>) {
    tracing::error!(code = "desk.internal", "the link has stopped");
    let mut book = lock(book);
    // First: what follows may fail as well.
    book.link(laptop_now(), |s| {
        s.state = LinkState::Refused;
        s.problem = Some(internal("the link has stopped."));
    });
    book.link_lost();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Ids;

    #[tokio::test]
    async fn a_panic_is_told_from_an_end() {
        assert_eq!(unless_it_panics(async { 7 }).await, Some(7));
        let fails = async {
            tokio::task::yield_now().await;
            assert_eq!(1, 2, "a fault, as a test wants it");
        };
        assert_eq!(unless_it_panics(fails).await, None);
    }

    #[test]
    fn a_link_that_stopped_is_not_shown_as_online() {
        let now = laptop_now();
        let book = Mutex::new(Book::new(Ids::new(now, 7), now));
        lock(&book).link(now, |s| s.state = LinkState::Online);
        show_stopped(&book);
        let session = lock(&book).session();
        assert_eq!(session.state, LinkState::Refused);
        assert_eq!(session.problem.map(|p| p.code), Some("desk.internal".into()));
    }
}
