//! The FIX stream of a connection, and the addresses to which the connection moves.

use super::{Move, Owned};
use crate::CloseCode;
use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// What was written last is acknowledged within this time, or lost with the path.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);

fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// Reads and writes FIX. While an address is not proved and allowed, nothing can be read.
/// `shutdown` waits until the client has acknowledged what was written; dropping this and the
/// [`Moves`] closes the connection at once.
#[derive(Debug)]
pub struct ServerStream {
    owned: Rc<Owned>,
    last_words: Option<Pin<Box<Sleep>>>,
}

impl ServerStream {
    pub(super) fn new(owned: Rc<Owned>) -> Self {
        Self { owned, last_words: None }
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.owned.shared.poll(self.owned.id, |c| {
            let read = c.read(buf.remaining(), &mut |bytes| buf.put_slice(bytes));
            if read.is_pending() {
                c.wakers.reader = Some(cx.waker().clone());
            }
            read
        })
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.owned.shared.poll(self.owned.id, |c| {
            let written = c.write(buf);
            if written.is_pending() {
                c.wakers.writer = Some(cx.waker().clone());
            }
            written
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.owned.shared.flush(self.owned.id);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let finished = self.owned.shared.poll(self.owned.id, |c| {
            let finished = c.finish();
            if finished.is_pending() {
                c.wakers.writer = Some(cx.waker().clone());
            }
            finished
        });
        let wait =
            self.last_words.get_or_insert_with(|| Box::pin(tokio::time::sleep(LAST_WORDS_MAX)));
        if finished.is_pending() && wait.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

/// The addresses to which a connection moves.
#[derive(Debug)]
pub struct Moves {
    owned: Rc<Owned>,
}

impl Moves {
    pub(super) fn new(owned: Rc<Owned>) -> Self {
        Self { owned }
    }

    /// Returns when the client is proved to be at another address, which is to be judged. Never,
    /// when the connection has ended.
    pub async fn claimed(&self) {
        poll_fn(|cx| {
            self.owned.shared.poll(self.owned.id, |c| match c.claim() {
                Some(_) => Poll::Ready(()),
                None => {
                    c.wakers.judge = Some(cx.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await;
    }

    /// Judges the claim, if there still is one. `allows`: whether the session goes on there. If
    /// not, nothing of it is read again, and the user ends it.
    pub fn judge(&self, allows: impl FnOnce(Move) -> bool) {
        let shared = &self.owned.shared;
        let Some(claim) = shared.with(self.owned.id, |c| c.claim()) else { return };
        let allowed = allows(Move { from: claim.from.ip(), to: claim.to });
        shared.with(self.owned.id, |c| c.judged(now(), claim, allowed));
    }

    /// Closes the connection at once: its user cannot say anything about it.
    pub fn close(&self) {
        self.owned.shared.with(self.owned.id, |c| c.end(now(), CloseCode::Done));
    }
}
