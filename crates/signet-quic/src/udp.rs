//! The UDP socket on the runtime.
//!
//! On Unix it is registered for reading only. The kernel has room to tell of each time a datagram
//! has left, so a socket that is registered for writing too wakes its thread once more for each
//! message. Room is waited for only after there was none.

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, ready},
};
use tokio::io::Interest;
#[cfg(unix)]
use tokio::io::unix::AsyncFd;

#[cfg(unix)]
type Socket = UdpSocket;
#[cfg(unix)]
type Registered = AsyncFd<Socket>;
#[cfg(not(unix))]
type Socket = tokio::net::UdpSocket;
#[cfg(not(unix))]
type Registered = Socket;

/// A receive call takes everything there is, up to its batch; elsewhere it takes one message.
pub(crate) const TAKES_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[derive(Debug)]
pub(crate) struct Udp {
    io: Registered,
    state: UdpSocketState,
    /// The last datagram found no room.
    full: AtomicBool,
}

impl Udp {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self {
            io: registered(socket, Interest::READABLE)?,
            state,
            full: AtomicBool::new(false),
        })
    }

    pub(crate) fn state(&self) -> &UdpSocketState {
        &self.state
    }

    pub(crate) fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        self.state.set_recv_buffer_size(self.socket().into(), bytes)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        #[cfg(unix)]
        return self.io.poll_read_ready(cx).map_ok(drop);
        #[cfg(not(unix))]
        return self.io.poll_recv_ready(cx);
    }

    /// What one call brings.
    pub(crate) fn receive(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<usize> {
        let batch = bufs.len().min(metas.len());
        let mut n = 0;
        let read = |socket: &Socket| {
            n = self.state.recv(socket.into(), bufs, metas)?;
            // The kernel had no more, and tells when it has: no second call is needed to learn that
            // there is nothing.
            if TAKES_ALL && n < batch { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        #[cfg(unix)]
        let done = self.io.try_io(Interest::READABLE, read);
        #[cfg(not(unix))]
        let done = {
            let mut read = read;
            self.io.try_io(Interest::READABLE, || read(&self.io))
        };
        match done {
            Err(e) if n == 0 => Err(e),
            _ => Ok(n),
        }
    }

    /// Sends. What cannot be sent at all is lost, as on the network; the library logs it.
    pub(crate) fn send(&self, t: &Transmit<'_>) -> io::Result<()> {
        self.sending(|| self.state.send(self.socket().into(), t))
    }

    /// Sends, and returns every error.
    pub(crate) fn try_send(&self, t: &Transmit<'_>) -> io::Result<()> {
        self.sending(|| self.state.try_send(self.socket().into(), t))
    }

    fn sending(&self, send: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        #[cfg(unix)]
        let sent = send();
        #[cfg(not(unix))]
        let sent = self.io.try_io(Interest::WRITABLE, send);
        if sent.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock) {
            self.full.store(true, Relaxed);
        }
        sent
    }

    #[cfg(unix)]
    fn socket(&self) -> &Socket {
        self.io.get_ref()
    }

    #[cfg(not(unix))]
    fn socket(&self) -> &Socket {
        &self.io
    }
}

#[cfg(unix)]
fn registered(socket: UdpSocket, interest: Interest) -> io::Result<Registered> {
    // SAFETY: a UdpSocket owns its descriptor, which stays open and the same until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}

#[cfg(not(unix))]
fn registered(socket: UdpSocket, _: Interest) -> io::Result<Registered> {
    tokio::net::UdpSocket::from_std(socket)
}

/// Waits until a socket has room again; for one task.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The same socket, registered for writing while it is full.
    #[cfg(unix)]
    waits: Option<Registered>,
}

impl Room {
    pub(crate) fn poll(&mut self, udp: &Udp, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !udp.full.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_writable(udp, cx))?;
        udp.full.store(false, Relaxed);
        Poll::Ready(Ok(()))
    }

    #[cfg(unix)]
    fn poll_writable(&mut self, udp: &Udp, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waits = match self.waits.take() {
            Some(w) => w,
            None => registered(udp.socket().try_clone()?, Interest::WRITABLE)?,
        };
        let room = waits.poll_write_ready(cx).map_ok(drop);
        if room.is_pending() {
            self.waits = Some(waits);
        }
        room
    }

    #[cfg(not(unix))]
    fn poll_writable(&mut self, udp: &Udp, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        udp.io.poll_send_ready(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn pair() -> (Udp, Udp) {
        let udp = || Udp::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        (udp(), udp())
    }

    fn say(from: &Udp, to: &Udp, contents: &[u8]) {
        let destination = to.local_addr().unwrap();
        let t = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
        from.try_send(&t).unwrap();
    }

    async fn hear(at: &Udp) -> Vec<u8> {
        poll_fn(|cx| at.poll_readable(cx)).await.unwrap();
        let mut buf = [[0; 65_536]; 2];
        let [a, b] = &mut buf;
        let mut metas = [RecvMeta::default(); 2];
        let n = at.receive(&mut [IoSliceMut::new(a), IoSliceMut::new(b)], &mut metas).unwrap();
        let said = |(m, b): (&RecvMeta, &[u8; 65_536])| b[..m.len].to_vec();
        metas.iter().zip(&buf).take(n).flat_map(said).collect()
    }

    /// After a call that took everything, the next datagram is told of.
    #[tokio::test]
    async fn every_datagram_is_told_of() {
        let (here, there) = pair();
        for n in 0..50u8 {
            say(&here, &there, &[n]);
            assert_eq!(hear(&there).await, [n]);
            say(&there, &here, &[n, n]);
            assert_eq!(hear(&here).await, [n, n]);
        }
    }

    #[tokio::test]
    async fn nothing_to_read_is_no_datagram() {
        let (here, _there) = pair();
        let mut buf = [0; 100];
        let read = here.receive(&mut [IoSliceMut::new(&mut buf)], &mut [RecvMeta::default()]);
        assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
    }

    #[tokio::test]
    async fn room_is_told_of_and_reading_goes_on() {
        let (here, there) = pair();
        let mut room = Room::default();
        for n in 0..3u8 {
            here.full.store(true, Relaxed);
            poll_fn(|cx| room.poll(&here, cx)).await.unwrap();
            assert!(!here.full.load(Relaxed));
            say(&there, &here, &[n]);
            assert_eq!(hear(&here).await, [n]);
        }
    }
}
