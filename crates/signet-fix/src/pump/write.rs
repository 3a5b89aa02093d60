//! One step of writing what a connection has to say.

use std::{future::poll_fn, io, pin::Pin, task::Poll};
use tokio::io::AsyncWrite;

/// How far one step came.
pub(super) struct WriteStep {
    pub written: usize,
    /// Everything, earlier steps included, has left.
    pub flushed: bool,
}

/// Writes what it can of `rest` and flushes after the last of it. Cancel-safe: a call dropped while
/// it waits has written nothing.
pub(super) async fn advance(
    writer: &mut (impl AsyncWrite + Unpin),
    rest: &[u8],
) -> io::Result<WriteStep> {
    poll_fn(|cx| {
        let written = match rest {
            [] => 0,
            _ => match Pin::new(&mut *writer).poll_write(cx, rest) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            },
        };
        if written < rest.len() {
            return Poll::Ready(Ok(WriteStep { written, flushed: false }));
        }
        match Pin::new(&mut *writer).poll_flush(cx) {
            Poll::Ready(flushed) => {
                Poll::Ready(flushed.map(|()| WriteStep { written, flushed: true }))
            }
            Poll::Pending if written > 0 => Poll::Ready(Ok(WriteStep { written, flushed: false })),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
