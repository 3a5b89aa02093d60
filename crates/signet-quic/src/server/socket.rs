//! The UDP socket: receives with sources, sends, and remembers what could not be sent.

use crate::udp::{Room, TAKES_ALL, Udp};
use bytes::BytesMut;
use quinn_proto::{EcnCodepoint, Transmit};
use quinn_udp::RecvMeta;
use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    task::Poll,
};

/// Datagrams of one receive call, before aggregation by the kernel.
const BATCH: usize = 8;
/// The largest datagram of a path that we use.
const DATAGRAM_MAX: usize = 1_500;
/// What the kernel keeps until it is read.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// What waits for a full socket, and what is dropped beyond it: QUIC repeats what is lost.
const UNSENT_MAX: usize = 64;

/// A datagram with its source.
pub(super) struct Received {
    pub(super) from: SocketAddr,
    pub(super) local_ip: Option<IpAddr>,
    pub(super) ecn: Option<EcnCodepoint>,
    pub(super) data: BytesMut,
}

pub(super) struct Socket {
    udp: Udp,
    room: Room,
    buffer: Vec<u8>,
    unsent: VecDeque<(Transmit, Vec<u8>)>,
}

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let udp = Udp::new(socket)?;
        // All desks share this socket, and they all come at once after a restart. The system may
        // allow less.
        udp.set_receive_buffer(RECEIVE_BUFFER);
        if let Some(error) = udp.lacks() {
            tracing::warn!(
                code = "quic.plain",
                %error,
                "this system lacks options of QUIC's socket: desks come over QUIC without \
                congestion marks and with datagrams of the least size"
            );
        }
        let buffer = vec![0; BATCH * udp.receives_at_once() * DATAGRAM_MAX];
        Ok(Self { udp, room: Room::default(), buffer, unsent: VecDeque::new() })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    pub(super) fn may_fragment(&self) -> bool {
        self.udp.may_fragment()
    }

    pub(super) fn segments_max(&self) -> usize {
        self.udp.sends_at_once()
    }

    pub(super) fn poll_readable(&self, cx: &mut std::task::Context<'_>) -> bool {
        self.udp.poll_readable(cx).is_ready()
    }

    /// Whether something waits for the socket to have room.
    pub(super) fn is_backed_up(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether something waits that the socket may take now.
    pub(super) fn poll_unsent(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        // What cannot be waited for is tried again when anything else happens.
        self.is_backed_up() && matches!(self.room.poll(&self.udp, cx), Poll::Ready(Ok(())))
    }

    /// What one call brings, and whether the kernel may have more.
    pub(super) fn receive(&mut self) -> (Vec<Received>, bool) {
        let mut metas = [RecvMeta::default(); BATCH];
        let size = self.buffer.len() / BATCH;
        let mut parts = self.buffer.chunks_mut(size);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(parts.next().unwrap_or_default()));
        let n = match self.udp.receive(&mut slices, &mut metas) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
            Err(e) => {
                // An ICMP answer to something sent, as a rule.
                tracing::debug!(error = %e, "the QUIC socket cannot be read");
                return (Vec::new(), true);
            }
        };
        let mut all = Vec::new();
        for (meta, part) in metas.iter().zip(self.buffer.chunks(size)).take(n) {
            let bytes = &part[..meta.len.min(part.len())];
            for datagram in bytes.chunks(meta.stride.max(1)) {
                all.push(Received {
                    from: meta.addr,
                    local_ip: meta.dst_ip,
                    ecn: meta.ecn.and_then(|e| EcnCodepoint::from_bits(e as u8)),
                    data: datagram.into(),
                });
            }
        }
        (all, n == BATCH || !TAKES_ALL && n > 0)
    }

    /// Sends, or keeps it for later; `false`: the socket is full.
    pub(super) fn send(&mut self, t: Transmit, bytes: &[u8]) -> bool {
        if self.unsent.is_empty() && self.try_send(&t, bytes) {
            return true;
        }
        if self.unsent.len() < UNSENT_MAX {
            self.unsent.push_back((t, bytes.to_vec()));
        }
        false
    }

    /// Sends what waits; whether nothing waits now.
    pub(super) fn send_unsent(&mut self) -> bool {
        while let Some((t, bytes)) = self.unsent.pop_front() {
            if !self.try_send(&t, &bytes) {
                self.unsent.push_front((t, bytes));
                return false;
            }
        }
        true
    }

    /// `false`: the socket is full. What cannot be sent at all is lost, as on the network.
    fn try_send(&self, t: &Transmit, bytes: &[u8]) -> bool {
        let ecn = t.ecn.and_then(|e| quinn_udp::EcnCodepoint::from_bits(e as u8));
        let transmit = quinn_udp::Transmit {
            destination: t.destination,
            ecn,
            contents: &bytes[..t.size.min(bytes.len())],
            segment_size: t.segment_size,
            src_ip: t.src_ip,
        };
        match self.udp.try_send(&transmit) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => false,
            Err(e) => {
                tracing::debug!(to = %t.destination, error = %e, "a datagram was not sent");
                true
            }
            Ok(()) => true,
        }
    }
}
