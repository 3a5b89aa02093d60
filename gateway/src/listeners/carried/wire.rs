//! One type for a stream whose socket and TLS are on this thread, and one that a connection thread
//! carries: what is above them is the same.

use super::{Aborter, Carried};
use crate::listeners::sockets::Abort;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of plain bytes.
pub(in crate::listeners) enum Wire<T> {
    /// This thread has its socket.
    Own(T),
    /// A connection thread has it.
    Carried(Carried),
}

impl<T> Wire<T> {
    /// For who ends the connection without holding its stream. `None`: what was written is in the
    /// kernel already.
    pub(in crate::listeners) fn aborter(&self) -> Option<Aborter> {
        match self {
            Self::Own(_) => None,
            Self::Carried(s) => Some(s.aborter()),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(s) => Pin::new(s).poll_read(cx, into),
            Self::Carried(s) => Pin::new(s).poll_read(cx, into),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Own(s) => Pin::new(s).poll_write(cx, bytes),
            Self::Carried(s) => Pin::new(s).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(s) => Pin::new(s).poll_flush(cx),
            Self::Carried(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(s) => Pin::new(s).poll_shutdown(cx),
            Self::Carried(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

impl<T: Abort> Abort for Wire<T> {
    fn abort_on_close(&self) {
        match self {
            Self::Own(s) => s.abort_on_close(),
            Self::Carried(s) => s.abort(),
        }
    }

    fn give_up_within(&self, unacknowledged_max: Duration) {
        match self {
            Self::Own(s) => s.give_up_within(unacknowledged_max),
            Self::Carried(s) => s.give_up_within(unacknowledged_max),
        }
    }
}
