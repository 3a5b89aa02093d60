//! The bounded pipe between a session on the trading thread and its socket on a connection thread.
//!
//! `tokio::io::duplex` would keep the memory of its largest burst for as long as the connection
//! lasts, a list of instruments for each desk that is idle, and its ends do not tell each other why
//! a socket ended, or that nothing more is to be delivered.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

/// Bytes that wait in each direction at most.
pub(super) const ROOM: usize = 64 * 1024;
/// What an empty direction keeps of its memory at most: one message fits, in most cases.
const KEPT: usize = 4 * 1024;

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
struct Flow(VecDeque<u8>);

impl Flow {
    fn room(&self) -> usize {
        ROOM.saturating_sub(self.0.len())
    }

    /// Takes what there is room for; how much that was.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        self.0.extend(bytes.get(..n).unwrap_or_default());
        n
    }

    /// Hands out what fits; how much that was.
    fn take(&mut self, into: &mut ReadBuf<'_>) -> usize {
        let before = into.remaining();
        let (first, second) = self.0.as_slices();
        for part in [first, second] {
            let n = part.len().min(into.remaining());
            into.put_slice(part.get(..n).unwrap_or_default());
        }
        let n = before.saturating_sub(into.remaining());
        drop(self.0.drain(..n));
        if self.0.is_empty() && self.0.capacity() > KEPT {
            self.0 = VecDeque::new();
        }
        n
    }
}

/// Why a socket ended: an [`io::Error`] that can be told more than once.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// The system's number.
    code: Option<i32>,
    kind: io::ErrorKind,
    words: String,
}

impl Failure {
    pub(super) fn of(e: &io::Error) -> Self {
        Self { code: e.raw_os_error(), kind: e.kind(), words: e.to_string() }
    }

    fn ended() -> Self {
        let words = "the connection's thread has ended".to_owned();
        Self { code: None, kind: io::ErrorKind::ConnectionAborted, words }
    }

    fn error(&self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.kind, self.words.clone()),
        }
    }
}

/// What the session wants of its socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// To end it in order, once everything is written.
    pub shutdown: bool,
    /// The session has gone.
    pub left: bool,
    /// Nothing more is to be delivered.
    pub abort: bool,
}

#[derive(Debug, Default)]
struct State {
    /// From the socket to the session.
    inward: Flow,
    /// From the session to the socket.
    outward: Flow,
    /// Nothing more comes in: the peer's end of the stream, or an error.
    heard_all: Option<Result<(), Failure>>,
    /// Nothing more can go out.
    broken: Option<Failure>,
    asked: Asked,
    /// The socket was ended in order.
    shut: bool,
    /// How long bytes may be unacknowledged from now on.
    unacknowledged_max: Option<Duration>,
    /// The session, which waits to read, to write, or for the end in order.
    reader: Option<Waker>,
    writer: Option<Waker>,
    closer: Option<Waker>,
    /// The task that carries.
    carrier: Option<Waker>,
    /// That task is to be woken when there is room again, or something to write. In between it
    /// looks by itself: the trading thread pays for each time that another thread is woken.
    wants_room: bool,
    wants_bytes: bool,
}

fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// The session's side. Each answer comes with the task to wake.
impl State {
    fn read(
        &mut self,
        cx: &Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> (Poll<io::Result<()>>, Option<Waker>) {
        if into.remaining() == 0 {
            return (Poll::Ready(Ok(())), None);
        }
        if self.inward.take(into) > 0 {
            let wake = self.carrier.take_if(|_| std::mem::take(&mut self.wants_room));
            return (Poll::Ready(Ok(())), wake);
        }
        let end = match &self.heard_all {
            Some(Ok(())) => Poll::Ready(Ok(())),
            Some(Err(why)) => Poll::Ready(Err(why.error())),
            None => {
                keep(&mut self.reader, cx);
                Poll::Pending
            }
        };
        (end, None)
    }

    fn write(
        &mut self,
        cx: &Context<'_>,
        bytes: &[u8],
    ) -> (Poll<io::Result<usize>>, Option<Waker>) {
        if let Some(why) = &self.broken {
            return (Poll::Ready(Err(why.error())), None);
        }
        if self.asked.shutdown || self.asked.abort {
            return (Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())), None);
        }
        let n = self.outward.put(bytes);
        if n == 0 && !bytes.is_empty() {
            keep(&mut self.writer, cx);
            return (Poll::Pending, None);
        }
        let wake = self.carrier.take_if(|_| n > 0 && std::mem::take(&mut self.wants_bytes));
        (Poll::Ready(Ok(n)), wake)
    }

    /// Ends the stream in order; ready when that is done.
    fn shut_down(&mut self, cx: &Context<'_>) -> (Poll<io::Result<()>>, Option<Waker>) {
        if self.shut {
            return (Poll::Ready(Ok(())), None);
        }
        if let Some(why) = &self.broken {
            return (Poll::Ready(Err(why.error())), None);
        }
        keep(&mut self.closer, cx);
        let first = !std::mem::replace(&mut self.asked.shutdown, true);
        (Poll::Pending, self.carrier.take_if(|_| first))
    }

    /// Nothing of what waits here is handed to the socket from now on, whenever its thread looks.
    fn abort(&mut self) -> Option<Waker> {
        self.asked.abort = true;
        self.outward = Flow::default();
        self.carrier.take()
    }
}

/// The socket's side. Each answer comes with the task to wake.
impl State {
    fn look(&mut self, cx: &Context<'_>) -> (Asked, Option<Duration>) {
        keep(&mut self.carrier, cx);
        (self.asked, self.unacknowledged_max.take())
    }

    fn has_room(&mut self) -> bool {
        self.wants_room = self.inward.room() == 0;
        !self.wants_room
    }

    fn give(&mut self, bytes: &[u8]) -> (usize, Option<Waker>) {
        (self.inward.put(bytes), self.reader.take())
    }

    fn fetch(&mut self, into: &mut ReadBuf<'_>) -> (usize, Option<Waker>) {
        let n = self.outward.take(into);
        self.wants_bytes = n == 0;
        (n, self.writer.take_if(|_| n > 0))
    }

    fn heard_all(&mut self, end: Result<(), Failure>) -> Option<Waker> {
        self.heard_all.get_or_insert(end);
        self.reader.take()
    }

    /// What was said first stays.
    fn fail(&mut self, why: Failure) -> [Option<Waker>; 3] {
        self.broken.get_or_insert_with(|| why.clone());
        self.heard_all.get_or_insert(Err(why));
        self.outward = Flow::default();
        [self.reader.take(), self.writer.take(), self.closer.take()]
    }
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

impl Shared {
    fn abort(&self) {
        self.with(|s| ((), s.abort()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever is named once the lock is free.
    fn with<T, W: IntoIterator<Item = Waker>>(&self, f: impl FnOnce(&mut State) -> (T, W)) -> T {
        let (done, wake) = f(&mut self.lock());
        wake.into_iter().for_each(Waker::wake);
        done
    }
}

/// A stream of plain bytes whose socket and TLS are on a connection thread. Dropped, it leaves the
/// socket to that thread, which writes what was handed over and closes it.
#[derive(Debug)]
pub(in crate::listeners) struct Carried(Arc<Shared>);

/// Has the socket of a carried stream closed at once and nothing more delivered.
#[derive(Debug)]
pub(in crate::listeners) struct Aborter(Arc<Shared>);

impl Aborter {
    pub(in crate::listeners) fn abort(&self) {
        self.0.abort();
    }
}

/// The end that a connection thread holds. Dropped, it ends the stream of the session.
#[derive(Debug)]
pub(super) struct Far(Arc<Shared>);

/// Both ends of a new pipe.
pub(super) fn pipe() -> (Carried, Far) {
    let shared = Arc::<Shared>::default();
    (Carried(shared.clone()), Far(shared))
}

impl Carried {
    /// Has the socket closed at once and nothing more delivered.
    pub(super) fn abort(&self) {
        self.0.abort();
    }

    /// For who ends the connection without holding its stream.
    pub(super) fn aborter(&self) -> Aborter {
        Aborter(self.0.clone())
    }

    /// Has the kernel give the socket up when bytes are unacknowledged for so long.
    pub(super) fn give_up_within(&self, unacknowledged_max: Duration) {
        self.0.with(|s| {
            s.unacknowledged_max = Some(unacknowledged_max);
            ((), s.carrier.take())
        });
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.with(|s| {
            s.asked.left = true;
            ((), s.carrier.take())
        });
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // As of a socket: a peer that is always ready leaves the others their turns.
        let turn = ready!(coop::poll_proceed(cx));
        let polled = self.0.with(|s| s.read(cx, into));
        if polled.is_ready() {
            turn.made_progress();
        }
        polled
    }
}

impl AsyncWrite for Carried {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let turn = ready!(coop::poll_proceed(cx));
        let polled = self.0.with(|s| s.write(cx, bytes));
        if polled.is_ready() {
            turn.made_progress();
        }
        polled
    }

    /// What is in the pipe has left the session's hands. A peer that takes nothing fills it.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.with(|s| s.shut_down(cx))
    }
}

impl Far {
    /// What the session wants, and a new time for unacknowledged bytes. From here on the task is
    /// woken when that changes.
    pub(super) fn look(&self, cx: &Context<'_>) -> (Asked, Option<Duration>) {
        self.0.with(|s| (s.look(cx), None::<Waker>))
    }

    /// Whether the session takes more. If not, the task is woken when it does.
    pub(super) fn has_room(&self) -> bool {
        self.0.with(|s| (s.has_room(), None::<Waker>))
    }

    /// Hands bytes to the session; how many it took.
    pub(super) fn give(&self, bytes: &[u8]) -> usize {
        self.0.with(|s| s.give(bytes))
    }

    /// Fetches what the session wrote; 0: nothing, and the task is woken when there is something.
    pub(super) fn fetch(&self, into: &mut ReadBuf<'_>) -> usize {
        self.0.with(|s| s.fetch(into))
    }

    /// Nothing more will come in.
    pub(super) fn heard_all(&self, end: Result<(), Failure>) {
        self.0.with(|s| ((), s.heard_all(end)));
    }

    /// The socket was ended in order.
    pub(super) fn shut(&self) {
        self.0.with(|s| {
            s.shut = true;
            ((), s.closer.take())
        });
    }

    /// Nothing more can be written, and nothing more will come in.
    pub(super) fn fail(&self, why: Failure) {
        self.0.with(|s| ((), s.fail(why).into_iter().flatten()));
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.fail(Failure::ended());
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
