//! What the client's endpoint runs on: tokio, with less work for each message.

use crate::alarm::Alarm;
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, UdpPoller};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::{
    future::Future,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::io::Interest;

/// Datagrams of one receive call, before aggregation by the kernel: a desk has one connection.
const BATCH: usize = 4;

#[derive(Debug)]
pub(super) struct DeskRuntime;

impl Runtime for DeskRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Alarm::new(at))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let state = UdpSocketState::new((&socket).into())?;
        let io = Arc::new(tokio::net::UdpSocket::from_std(socket)?);
        Ok(Arc::new(Socket { io, state }))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl AsyncTimer for Alarm {
    fn reset(self: Pin<&mut Self>, at: Instant) {
        self.get_mut().move_to(at);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Self::poll(self.get_mut(), cx)
    }
}

#[derive(Debug)]
struct Socket {
    io: Arc<tokio::net::UdpSocket>,
    state: UdpSocketState,
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self.io.clone()))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || self.state.send((&*self.io).into(), transmit))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let batch = BATCH.min(bufs.len()).min(meta.len());
        loop {
            ready!(self.io.poll_recv_ready(cx))?;
            let mut n = 0;
            let received = self.io.try_io(Interest::READABLE, || {
                n = self.state.recv(
                    (&*self.io).into(),
                    &mut bufs[..batch],
                    &mut meta[..batch],
                )?;
                crate::tell_empty(n, batch)
            });
            match received {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(e)),
                _ if n > 0 => return Poll::Ready(Ok(n)),
                _ => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }
}

/// The socket of one connection: the runtime remembers one task that waits to write.
#[derive(Debug)]
struct Writable(Arc<tokio::net::UdpSocket>);

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_send_ready(cx)
    }
}
