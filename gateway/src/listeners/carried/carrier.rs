//! The task that moves bytes between one socket and its pipe, on a connection thread.

use super::pipe::{Asked, Failure, Far};
use signet_net as net;
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::{client, server};

/// What a session left in its pipe may take this long to leave, as the pump's last words.
pub(super) const LAST_WORDS_MAX: Duration = Duration::from_secs(3);
/// What is fetched from a pipe at a time: one TLS record. One such buffer serves a whole thread.
const SCRATCH: usize = 16 * 1024;

/// The buffer that the connections of one thread share, each for a moment.
#[derive(Debug, Clone)]
pub(super) struct Scratch(Rc<RefCell<Box<[u8]>>>);

impl Default for Scratch {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SCRATCH].into_boxed_slice())))
    }
}

/// A stream over a TCP connection whose decrypted bytes are taken from where they lie.
pub(in crate::listeners) trait Socket:
    AsyncBufRead + AsyncWrite + Unpin
{
    /// The connection below.
    fn tcp(&self) -> &TcpStream;
}

impl Socket for server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Socket for client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What comes next for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Bytes, either way.
    Carry,
    /// The end in order, for which the session waits.
    Shut,
    /// The socket is closed.
    Close,
    /// The socket is closed and delivers nothing more.
    Abort,
}

/// Decides it, by what the session wants, whether everything that it wrote has left, and whether
/// the stream was ended in order.
fn due(asked: Asked, all_written: bool, shut: bool) -> Due {
    match asked {
        Asked { abort: true, .. } => Due::Abort,
        _ if !all_written => Due::Carry,
        Asked { shutdown: true, .. } if !shut => Due::Shut,
        Asked { left: true, .. } => Due::Close,
        _ => Due::Carry,
    }
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    Closed,
    /// By the session, or because what it left could not be written in time.
    Aborted,
    Failed(io::Error),
}

struct Carrier<S> {
    socket: S,
    far: Far,
    scratch: Scratch,
    /// What was fetched from the pipe and the socket has not taken. Nearly always empty: the pipe
    /// is left alone until the socket has everything.
    rest: Vec<u8>,
    heard_all: bool,
    shut: bool,
    /// The thread ends, so the connection does, with whatever the session has in mind.
    thread_ends: bool,
    late: Option<Pin<Box<Sleep>>>,
}

/// Carries bytes until the session or the socket ends, or the thread is told to (`stop`).
pub(super) async fn carry(
    socket: impl Socket,
    far: Far,
    scratch: Scratch,
    stop: impl Future<Output = ()>,
) {
    let mut carrier = Carrier::new(socket, far, scratch);
    let end = tokio::select! {
        biased;
        end = carrier.run() => Some(end),
        () = stop => None,
    };
    let end = match end {
        Some(end) => end,
        None => {
            carrier.thread_ends = true;
            carrier.run().await
        }
    };
    match end {
        End::Closed => {}
        End::Aborted => net::abort_on_close(carrier.socket.tcp()),
        End::Failed(e) => carrier.far.fail(Failure::of(&e)),
    }
}

impl<S: Socket> Carrier<S> {
    fn new(socket: S, far: Far, scratch: Scratch) -> Self {
        Self {
            socket,
            far,
            scratch,
            rest: Vec::new(),
            heard_all: false,
            shut: false,
            thread_ends: false,
            late: None,
        }
    }

    async fn run(&mut self) -> End {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let asked = self.look(cx);
            if asked.abort {
                return Poll::Ready(End::Aborted);
            }
            // A session that has gone hears nothing more.
            let heard = !asked.left && self.poll_inward(cx).is_ready();
            let (moved, all_written) = match self.poll_outward(cx) {
                Poll::Ready(Ok(moved)) => (moved, !moved),
                Poll::Ready(Err(e)) => return Poll::Ready(End::Failed(e)),
                Poll::Pending => (false, false),
            };
            match due(asked, all_written, self.shut) {
                Due::Carry => {}
                Due::Shut => match Pin::new(&mut self.socket).poll_shutdown(cx) {
                    Poll::Ready(Ok(())) => {
                        self.shut = true;
                        self.far.shut();
                        continue;
                    }
                    Poll::Ready(Err(e)) => return Poll::Ready(End::Failed(e)),
                    Poll::Pending => {}
                },
                Due::Close => return Poll::Ready(End::Closed),
                Due::Abort => return Poll::Ready(End::Aborted),
            }
            if !heard && !moved {
                return match self.is_late(cx, asked) {
                    true => Poll::Ready(End::Aborted),
                    false => Poll::Pending,
                };
            }
        }
    }

    fn look(&self, cx: &Context<'_>) -> Asked {
        let (mut asked, unacknowledged_max) = self.far.look(cx);
        if let Some(max) = unacknowledged_max {
            net::notice_death_within(self.socket.tcp(), max);
        }
        asked.left |= self.thread_ends;
        asked
    }

    /// Takes from the socket what there is room for; ready: some of it, or its end.
    fn poll_inward(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.heard_all || !self.far.has_room() {
            return Poll::Pending;
        }
        let Self { socket, far, heard_all, .. } = self;
        match ready!(Pin::new(&mut *socket).poll_fill_buf(cx)) {
            Ok([]) => {
                *heard_all = true;
                far.heard_all(Ok(()));
            }
            Ok(bytes) => {
                let taken = far.give(bytes);
                Pin::new(&mut *socket).consume(taken);
            }
            Err(e) => {
                *heard_all = true;
                far.heard_all(Err(Failure::of(&e)));
            }
        }
        Poll::Ready(())
    }

    /// Gives the socket what the session wrote; `false`: it has all of it, and so has the kernel.
    fn poll_outward(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Self { socket, far, scratch, rest, .. } = self;
        let mut socket = Pin::new(socket);
        if !rest.is_empty() {
            let n = ready!(socket.as_mut().poll_write(cx, rest))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = rest.get(n..).unwrap_or_default().to_vec();
            return Poll::Ready(Ok(true));
        }
        ready!(socket.as_mut().poll_flush(cx))?;
        let mut scratch = scratch.0.borrow_mut();
        let mut fetched = ReadBuf::new(&mut scratch);
        if far.fetch(&mut fetched) == 0 {
            return Poll::Ready(Ok(false));
        }
        let bytes = fetched.filled();
        let n = match socket.as_mut().poll_write(cx, bytes)? {
            Poll::Ready(n) => n,
            Poll::Pending => 0,
        };
        rest.extend_from_slice(bytes.get(n..).unwrap_or_default());
        Poll::Ready(Ok(true))
    }

    /// Whether the end takes too long. The time counts from when nothing more can be written, and
    /// only while the connection waits for its peer.
    fn is_late(&mut self, cx: &mut Context<'_>, asked: Asked) -> bool {
        if !asked.left && (!asked.shutdown || self.shut) {
            return false;
        }
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(LAST_WORDS_MAX)));
        late.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_what_comes_next() {
        let asked = |shutdown, left, abort| Asked { shutdown, left, abort };
        let (none, shutdown, left) =
            (asked(false, false, false), asked(true, false, false), asked(false, true, false));
        let both = asked(true, true, false);
        for (asked, all_written, shut, want) in [
            (none, false, false, Due::Carry),
            (none, true, false, Due::Carry),
            // What was handed over leaves before anything ends.
            (shutdown, false, false, Due::Carry),
            (left, false, false, Due::Carry),
            (both, false, false, Due::Carry),
            (shutdown, true, false, Due::Shut),
            (both, true, false, Due::Shut),
            // The session may still listen, and only it closes.
            (shutdown, true, true, Due::Carry),
            (both, true, true, Due::Close),
            (left, true, false, Due::Close),
            (asked(false, false, true), false, false, Due::Abort),
            (asked(true, true, true), true, true, Due::Abort),
        ] {
            assert_eq!(due(asked, all_written, shut), want, "{asked:?} {all_written} {shut}");
        }
    }
}
