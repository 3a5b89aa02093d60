//! The UDP socket on the runtime.
//!
//! On Unix it is registered for reading only. The kernel has room to tell of each time a datagram
//! has left, so a socket that is registered for writing too wakes its thread once more for each
//! message. Room is waited for only after there was none.
//!
//! A system may lack the options that QUIC likes to have, as wine does: congestion marks (ECN),
//! the address that a datagram came to, no fragments. Then plain datagrams are sent and received,
//! one in each call; QUIC works, without marks and with datagrams of the least size.

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
    /// `Err`: why this system gives plain datagrams only.
    options: io::Result<UdpSocketState>,
    /// The last datagram found no room.
    full: AtomicBool,
}

impl Udp {
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Nothing but options is set there. A socket that is good for nothing fails below.
        let options = options(&socket);
        Ok(Self {
            io: registered(socket, Interest::READABLE)?,
            options,
            full: AtomicBool::new(false),
        })
    }

    /// Which option this system lacks, so that datagrams are plain.
    pub(crate) fn lacks(&self) -> Option<&io::Error> {
        self.options.as_ref().err()
    }

    /// Whether what is sent may be cut into fragments on its way.
    pub(crate) fn may_fragment(&self) -> bool {
        self.options.as_ref().map_or(true, UdpSocketState::may_fragment)
    }

    /// Datagrams that one call sends.
    pub(crate) fn sends_at_once(&self) -> usize {
        self.options.as_ref().map_or(1, |o| o.max_gso_segments().max(1))
    }

    /// Datagrams that the kernel hands over as one message.
    pub(crate) fn receives_at_once(&self) -> usize {
        self.options.as_ref().map_or(1, |o| o.gro_segments().max(1))
    }

    /// As much as the system allows.
    pub(crate) fn set_receive_buffer(&self, bytes: usize) {
        if let Ok(options) = &self.options {
            let _ = options.set_recv_buffer_size(self.socket().into(), bytes);
        }
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
            let empty;
            (n, empty) = match &self.options {
                Ok(options) => {
                    let n = options.recv(socket.into(), bufs, metas)?;
                    (n, TAKES_ALL && n < batch)
                }
                Err(_) => plain::receive(socket, bufs, metas)?,
            };
            // The kernel had no more, and tells when it has: no second call is needed to learn that
            // there is nothing.
            if empty { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
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
        self.sending(|| match &self.options {
            Ok(options) => options.send(self.socket().into(), t),
            Err(_) => match plain::send(self.socket(), t) {
                Err(e) if e.kind() != io::ErrorKind::WouldBlock => {
                    tracing::debug!(to = %t.destination, error = %e, "a datagram was not sent");
                    Ok(())
                }
                sent => sent,
            },
        })
    }

    /// Sends, and returns every error.
    pub(crate) fn try_send(&self, t: &Transmit<'_>) -> io::Result<()> {
        self.sending(|| match &self.options {
            Ok(options) => options.try_send(self.socket().into(), t),
            Err(_) => plain::send(self.socket(), t),
        })
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

fn options(socket: &UdpSocket) -> io::Result<UdpSocketState> {
    #[cfg(test)]
    if let Some(code) = tests::LACKS.get() {
        return Err(io::Error::from_raw_os_error(code));
    }
    UdpSocketState::new(socket.into())
}

/// Datagrams without options.
mod plain {
    use super::{RecvMeta, Socket, Transmit};
    use std::{
        io::{self, IoSliceMut},
        net::SocketAddr,
    };

    /// What there is, up to as many datagrams as fit, and whether the kernel had no more.
    pub(super) fn receive(
        socket: &Socket,
        bufs: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> io::Result<(usize, bool)> {
        let mut n = 0;
        for _ in 0..bufs.len().min(metas.len()) {
            match take(socket, &mut bufs[n]) {
                Ok((len, addr)) => {
                    metas[n] = RecvMeta { addr, len, stride: len, ecn: None, dst_ip: None };
                    n += 1;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && n > 0 => return Ok((n, true)),
                Err(e) if n == 0 => return Err(e),
                // An ICMP answer to something sent, as a rule; those behind it are read next.
                Err(_) => break,
            }
        }
        Ok((n, false))
    }

    pub(super) fn send(socket: &Socket, t: &Transmit<'_>) -> io::Result<()> {
        give(socket, t).map(drop)
    }

    #[cfg(unix)]
    fn take(socket: &Socket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buf)
    }

    #[cfg(not(unix))]
    fn take(socket: &Socket, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.try_recv_from(buf)
    }

    #[cfg(unix)]
    fn give(socket: &Socket, t: &Transmit<'_>) -> io::Result<usize> {
        socket.send_to(t.contents, t.destination)
    }

    #[cfg(not(unix))]
    fn give(socket: &Socket, t: &Transmit<'_>) -> io::Result<usize> {
        socket.try_send_to(t.contents, t.destination)
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
pub(crate) mod tests {
    use super::*;
    use std::{cell::Cell, future::poll_fn, time::Duration};
    use tokio::time::timeout;

    thread_local! {
        /// With which error of the system sockets of this thread get no options from now on.
        pub(crate) static LACKS: Cell<Option<i32>> = const { Cell::new(None) };
    }

    /// EOPNOTSUPP of Linux; 10045 under wine.
    pub(crate) const NOT_SUPPORTED: i32 = 95;

    fn pair() -> (Udp, Udp) {
        let udp = || Udp::new(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        (udp(), udp())
    }

    /// Runs a test with the options of QUIC and without them.
    async fn both_ways(test: impl AsyncFn(Udp, Udp)) {
        for lacks in [None, Some(NOT_SUPPORTED)] {
            LACKS.set(lacks);
            let (here, there) = pair();
            assert_eq!(here.lacks().and_then(io::Error::raw_os_error), lacks);
            test(here, there).await;
        }
        LACKS.set(None);
    }

    fn say(from: &Udp, to: &Udp, contents: &[u8]) {
        let destination = to.local_addr().unwrap();
        let t = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
        from.try_send(&t).unwrap();
    }

    async fn hear(at: &Udp) -> Vec<u8> {
        let readable = poll_fn(|cx| at.poll_readable(cx));
        timeout(Duration::from_secs(20), readable).await.expect("it is told").unwrap();
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
        both_ways(async |here, there| {
            for n in 0..50u8 {
                say(&here, &there, &[n]);
                assert_eq!(hear(&there).await, [n]);
                say(&there, &here, &[n, n]);
                assert_eq!(hear(&here).await, [n, n]);
            }
            // More than a call takes.
            (0..5u8).for_each(|n| say(&here, &there, &[n]));
            let mut all = Vec::new();
            while all.len() < 5 {
                all.extend(hear(&there).await);
            }
            assert_eq!(all, [0, 1, 2, 3, 4]);
        })
        .await;
    }

    #[tokio::test]
    async fn nothing_to_read_is_no_datagram() {
        both_ways(async |here, _there| {
            let mut buf = [0; 100];
            let read = here.receive(&mut [IoSliceMut::new(&mut buf)], &mut [RecvMeta::default()]);
            assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
        })
        .await;
    }

    /// Nothing is promised that needs an option.
    #[tokio::test]
    async fn plain_datagrams_go_one_by_one_and_may_be_cut() {
        LACKS.set(Some(NOT_SUPPORTED));
        let (here, _there) = pair();
        LACKS.set(None);
        assert!(here.may_fragment());
        assert_eq!((here.sends_at_once(), here.receives_at_once()), (1, 1));
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
