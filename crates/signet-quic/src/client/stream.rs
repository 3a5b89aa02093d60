//! The FIX stream of a client.

use super::ConnectError;
use crate::CloseCode;
use quinn::{Endpoint, RecvStream, SendStream};
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::JoinHandle,
    time::timeout,
};

/// What was written last is acknowledged within this time, or lost with the path.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);

/// Reads and writes FIX. `shutdown` waits until the peer has everything that was written; dropping
/// closes the connection at once.
pub struct ClientStream {
    send: SendStream,
    recv: RecvStream,
    connection: quinn::Connection,
    /// Kept open for as long as the connection is.
    _endpoint: Endpoint,
    answers: JoinHandle<()>,
    closing: Closing,
}

/// How far the end of a stream is.
enum Closing {
    Open,
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl std::fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientStream").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl ClientStream {
    pub(super) fn new(
        endpoint: Endpoint,
        connection: quinn::Connection,
        send: SendStream,
        recv: RecvStream,
        answers: JoinHandle<()>,
    ) -> Self {
        Self { send, recv, connection, _endpoint: endpoint, answers, closing: Closing::Open }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(AsyncRead::poll_read(Pin::new(&mut self.recv), cx, buf)) {
            // The server has said everything and closed: the end, as on TCP.
            Err(e) if is_done(&e) => Poll::Ready(Ok(())),
            other => Poll::Ready(other),
        }
    }
}

fn is_done(e: &io::Error) -> bool {
    let Some(ConnectError::Closed { number, .. }) = ConnectError::of_stream(e) else {
        return false;
    };
    number == u64::from(CloseCode::Done.number())
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::Open) {
            // An error means that the stream has ended already.
            let _ = self.send.finish();
            let acknowledged = self.send.stopped();
            self.closing = Closing::Waiting(Box::pin(async move {
                let _ = timeout(LAST_WORDS_MAX, acknowledged).await;
            }));
        }
        if let Closing::Waiting(waiting) = &mut self.closing {
            ready!(waiting.as_mut().poll(cx));
            self.closing = Closing::Done;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        self.answers.abort();
        self.connection.close(CloseCode::Done.var(), b"");
    }
}
