//! IPv4 packets with TCP or UDP inside, as bytes: where they come from and go to, addresses
//! rewritten, and the reset that answers a segment.

use std::net::{Ipv4Addr, SocketAddrV4};

const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// An IPv4 packet without options or fragments, carrying a TCP segment or a UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    bytes: Vec<u8>,
    header: usize,
}

/// Which end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Source,
    Destination,
}

impl Packet {
    /// `None` for everything that the networks here do not carry: IPv6, ICMP, fragments.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let header = usize::from(first & 0x0f) * 4;
        let protocol = *bytes.get(9)?;
        let fragment = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]) & 0x3fff;
        let inner = match protocol {
            TCP => 20,
            UDP => 8,
            _ => return None,
        };
        let fits = header >= 20 && bytes.len() >= header + inner;
        (first >> 4 == 4 && fits && fragment == 0).then(|| Self { bytes: bytes.to_vec(), header })
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn is_tcp(&self) -> bool {
        self.bytes[9] == TCP
    }

    pub(crate) fn end(&self, which: End) -> SocketAddrV4 {
        let (a, p) = self.offsets(which);
        let b = &self.bytes;
        SocketAddrV4::new(
            Ipv4Addr::new(b[a], b[a + 1], b[a + 2], b[a + 3]),
            u16::from_be_bytes([b[p], b[p + 1]]),
        )
    }

    fn offsets(&self, which: End) -> (usize, usize) {
        match which {
            End::Source => (12, self.header),
            End::Destination => (16, self.header + 2),
        }
    }

    /// The same packet with another address and port at one end.
    #[must_use]
    pub(crate) fn with(mut self, which: End, to: SocketAddrV4) -> Self {
        let (a, p) = self.offsets(which);
        self.bytes[a..a + 4].copy_from_slice(&to.ip().octets());
        self.bytes[p..p + 2].copy_from_slice(&to.port().to_be_bytes());
        self.sum();
        self
    }

    fn flags(&self) -> u8 {
        self.bytes[self.header + 13]
    }

    /// The first packet of a flow: a SYN without ACK, or any datagram.
    pub(crate) fn opens(&self) -> bool {
        !self.is_tcp() || self.flags() & (SYN | ACK) == SYN
    }

    /// The reset that has the sender of this segment end its connection (RFC 9293 §3.10.7.1);
    /// `None` for a datagram or a reset.
    pub(crate) fn reset_to_sender(&self) -> Option<Self> {
        self.is_segment().then(|| {
            let acknowledged = self.number(8);
            let (sequence, flags, acknowledges) = if self.flags() & ACK == 0 {
                (0, RST | ACK, self.number(4).wrapping_add(self.length()))
            } else {
                (acknowledged, RST, 0)
            };
            let (from, to) = (self.end(End::Destination), self.end(End::Source));
            segment(from, to, sequence, acknowledges, flags)
        })
    }

    fn is_segment(&self) -> bool {
        self.is_tcp() && self.flags() & RST == 0
    }

    fn number(&self, at: usize) -> u32 {
        let b = &self.bytes[self.header + at..];
        u32::from_be_bytes([b[0], b[1], b[2], b[3]])
    }

    /// How far the segment moves the sequence number.
    fn length(&self) -> u32 {
        let total = usize::from(u16::from_be_bytes([self.bytes[2], self.bytes[3]]));
        let offset = usize::from(self.bytes[self.header + 12] >> 4) * 4;
        let data = total.saturating_sub(self.header + offset);
        let flags = self.flags();
        let marks = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        u32::try_from(data).unwrap_or(0).wrapping_add(marks)
    }

    fn sum(&mut self) {
        self.bytes[10..12].fill(0);
        let header = checksum(0, &self.bytes[..self.header]);
        self.bytes[10..12].copy_from_slice(&header.to_be_bytes());
        let at = self.header + if self.is_tcp() { 16 } else { 6 };
        self.bytes[at..at + 2].fill(0);
        let total = usize::from(u16::from_be_bytes([self.bytes[2], self.bytes[3]]));
        let inner = &self.bytes[self.header..total.clamp(self.header, self.bytes.len())];
        let mut pseudo = u32::from(self.bytes[9]) + u32::try_from(inner.len()).unwrap_or(0);
        for pair in self.bytes[12..20].chunks(2) {
            pseudo += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
        }
        let sum = match checksum(pseudo, inner) {
            // In UDP, zero means that there is none.
            0 if !self.is_tcp() => 0xffff,
            sum => sum,
        };
        self.bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

fn segment(from: SocketAddrV4, to: SocketAddrV4, sequence: u32, ack: u32, flags: u8) -> Packet {
    let mut bytes = vec![0; 40];
    bytes[0] = 0x45;
    bytes[3] = 40;
    bytes[8] = 64;
    bytes[9] = TCP;
    bytes[24..28].copy_from_slice(&sequence.to_be_bytes());
    bytes[28..32].copy_from_slice(&ack.to_be_bytes());
    bytes[32] = 5 << 4;
    bytes[33] = flags;
    Packet { bytes, header: 20 }.with(End::Source, from).with(End::Destination, to)
}

/// RFC 1071.
fn checksum(start: u32, bytes: &[u8]) -> u16 {
    let mut sum = start;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
pub(crate) fn tcp(from: &str, to: &str, sequence: u32, ack: u32, flags: u8) -> Packet {
    segment(from.parse().unwrap(), to.parse().unwrap(), sequence, ack, flags)
}

#[cfg(test)]
pub(crate) fn udp(from: &str, to: &str) -> Packet {
    let mut bytes = vec![0x45, 0, 0, 29, 0, 0, 0, 0, 64, UDP, 0, 0];
    bytes.extend([10, 1, 0, 2, 10, 99, 0, 1, 1, 2, 3, 4, 0, 9, 0, 0, 7]);
    let p = Packet::parse(&bytes).unwrap();
    p.with(End::Source, from.parse().unwrap()).with(End::Destination, to.parse().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum over everything, its own field among it, is zero when it is right.
    fn is_right(p: &Packet) -> bool {
        let inner = &p.bytes[p.header..];
        let pseudo: u32 = p.bytes[12..20]
            .chunks(2)
            .map(|c| u32::from(u16::from_be_bytes([c[0], c[1]])))
            .sum::<u32>()
            + u32::from(p.bytes[9])
            + inner.len() as u32;
        checksum(0, &p.bytes[..p.header]) == 0 && checksum(pseudo, inner) == 0
    }

    #[test]
    fn an_address_is_rewritten_and_the_sums_are_right() {
        let p = tcp("10.1.0.2:40000", "10.99.0.1:9443", 7, 9, ACK);
        assert!(is_right(&p));
        let q = p.with(End::Source, "10.201.0.1:5".parse().unwrap());
        assert!(is_right(&q));
        assert_eq!(q.end(End::Source).to_string(), "10.201.0.1:5");
        assert_eq!(q.end(End::Destination).to_string(), "10.99.0.1:9443");
        assert_eq!(Packet::parse(&q.bytes), Some(q));
    }

    #[test]
    fn a_datagram_is_rewritten_and_its_sum_is_never_missing() {
        for port in 0..=u16::MAX {
            let p = udp("10.1.0.2:258", "10.99.0.1:772");
            assert!(p.opens() && p.reset_to_sender().is_none());
            let p = p.with(End::Source, SocketAddrV4::new(Ipv4Addr::new(10, 201, 0, 1), port));
            assert!(is_right(&p) && p.bytes[26..28] != [0, 0], "{port}");
        }
    }

    #[test]
    fn resets_carry_the_number_that_is_expected_next() {
        let p = tcp("10.1.0.2:4", "10.99.0.1:9443", 100, 500, ACK | FIN);
        let back = p.reset_to_sender().unwrap();
        assert_eq!(back.end(End::Source).to_string(), "10.99.0.1:9443");
        assert_eq!((back.number(4), back.flags()), (500, RST));
        let refused = tcp("10.1.0.2:4", "10.99.0.1:9443", 100, 0, SYN).reset_to_sender().unwrap();
        assert_eq!((refused.number(8), refused.flags()), (101, RST | ACK));
        assert!(back.reset_to_sender().is_none() && is_right(&back));
    }

    #[test]
    fn what_is_not_carried_is_not_parsed() {
        let good = tcp("10.1.0.2:4", "10.99.0.1:9443", 1, 1, ACK).into_bytes();
        assert!(Packet::parse(&good).is_some());
        let broken = |at: usize, to: u8| {
            let mut b = good.clone();
            b[at] = to;
            Packet::parse(&b)
        };
        // IPv6, ICMP, a fragment, a header that is too short or too long.
        for (at, to) in [(0, 0x65), (9, 1), (6, 0x20), (7, 1), (0, 0x44), (0, 0x4f)] {
            assert_eq!(broken(at, to), None, "{at} {to}");
        }
        for n in 0..40 {
            assert_eq!(Packet::parse(&good[..n]), None, "{n}");
        }
    }
}
