//! How many bytes of a connection the peer's kernel has acknowledged.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Unacknowledged bytes end a connection after so long (RFC 5482). Longer than for FIX: a receiver
/// that is busy keeps its window shut.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX_MS: u32 = 60_000;

/// Has the kernel notice that the receiver is gone.
pub(super) fn notice_death(tcp: &TcpStream) {
    signet_net::notice_death(tcp);
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_user_timeout(tcp, UNACKNOWLEDGED_MAX_MS);
}

/// The bytes that the kernel took, and a way to ask it.
pub(super) struct Sent {
    written: Arc<AtomicU64>,
    #[cfg(target_os = "linux")]
    socket: std::os::fd::OwnedFd,
}

impl Sent {
    pub(super) fn of(tcp: &TcpStream) -> io::Result<Self> {
        #[cfg(not(target_os = "linux"))]
        let _ = tcp;
        Ok(Self {
            written: Arc::default(),
            #[cfg(target_os = "linux")]
            socket: std::os::fd::AsFd::as_fd(tcp).try_clone_to_owned()?,
        })
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Bytes that the peer's kernel has. Elsewhere than on Linux all that was written counts, and
    /// only the time that the connection must live on protects them.
    pub(super) fn acknowledged(&self) -> io::Result<u64> {
        #[cfg(target_os = "linux")]
        return Ok(self.written().saturating_sub(unacknowledged(&self.socket)?));
        #[cfg(not(target_os = "linux"))]
        Ok(self.written())
    }
}

/// Bytes in the send queue that are not acknowledged (SIOCOUTQ, tcp(7)).
#[cfg(target_os = "linux")]
fn unacknowledged(socket: &std::os::fd::OwnedFd) -> io::Result<u64> {
    use rustix::ioctl::{Getter, Opcode, ioctl};
    const SIOCOUTQ: Opcode = 0x5411;
    // SAFETY: SIOCOUTQ on a TCP socket writes one int, which is what the getter makes room for.
    let bytes = unsafe { ioctl(socket, Getter::<SIOCOUTQ, core::ffi::c_int>::new()) }?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// A stream that counts what its kernel takes.
pub(super) struct Counted {
    tcp: TcpStream,
    written: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(tcp: TcpStream, sent: &Sent) -> Self {
        Self { tcp, written: sent.written.clone() }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = &wrote {
            self.written.fetch_add(*n as u64, Relaxed);
        }
        wrote
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    #[tokio::test]
    async fn bytes_count_when_the_peers_kernel_has_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (near, mut far) = (near.unwrap(), far.unwrap().0);
        let sent = Sent::of(&near).unwrap();
        let mut near = Counted::new(near, &sent);
        near.write_all(b"hello").await.unwrap();
        while sent.acknowledged().unwrap() < 5 {
            tokio::task::yield_now().await;
        }
        // Until the peer's window is shut.
        let full = async { while near.write(&[7; 65_536]).await.is_ok() {} };
        let _ = tokio::time::timeout(Duration::from_millis(300), full).await;
        let (written, acknowledged) = (sent.written(), sent.acknowledged().unwrap());
        assert!(acknowledged < written, "{acknowledged} of {written}");
        let mut heard = 0;
        let mut buf = vec![0; 1 << 20];
        while heard < written {
            heard += far.read(&mut buf).await.unwrap() as u64;
        }
        while sent.acknowledged().unwrap() < written {
            tokio::task::yield_now().await;
        }
    }
}
