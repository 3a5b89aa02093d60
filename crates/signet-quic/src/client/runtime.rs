//! What the client's endpoint runs on: tokio, with less work for each message.

use super::own_thread::Alive;
use crate::{
    alarm::Alarm,
    udp::{Room, Udp},
};
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, UdpPoller};
use quinn_udp::{RecvMeta, Transmit};
use std::{
    future::Future,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::runtime::Handle;

/// Datagrams of one receive call, before aggregation by the kernel: a desk has one connection.
const BATCH: usize = 4;

#[derive(Debug)]
pub(super) struct DeskRuntime {
    /// Where everything of the endpoint runs, whoever's thread asks for it.
    handle: Handle,
    _alive: Option<Alive>,
}

impl DeskRuntime {
    pub(super) fn new(handle: Handle, alive: Option<Alive>) -> Self {
        Self { handle, _alive: alive }
    }
}

impl Runtime for DeskRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        let _here = self.handle.enter();
        Box::pin(Alarm::new(at))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.handle.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let _here = self.handle.enter();
        let udp = Udp::new(socket)?;
        if let Some(error) = udp.lacks() {
            tracing::debug!(%error, "this system lacks options of QUIC; datagrams are plain");
        }
        Ok(Arc::new(Socket(Arc::new(udp))))
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
struct Socket(Arc<Udp>);

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable { udp: self.0.clone(), room: Room::default() })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.0.send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let batch = BATCH.min(bufs.len()).min(meta.len());
        loop {
            ready!(self.0.poll_readable(cx))?;
            match self.0.receive(&mut bufs[..batch], &mut meta[..batch]) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.0.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.0.sends_at_once()
    }

    fn max_receive_segments(&self) -> usize {
        self.0.receives_at_once()
    }
}

/// Waits for room on the socket of the one connection.
#[derive(Debug)]
struct Writable {
    udp: Arc<Udp>,
    room: Room,
}

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { udp, room } = self.get_mut();
        room.poll(udp, cx)
    }
}
