//! One network through which a laptop reaches the rest of the world: pure. A packet goes in, and
//! what comes out is for the other side, or for the one who sent it.

use super::packet::{End, Packet};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// The ports of the outside that a translator gives.
const FIRST_PORT: u16 = 20_000;

/// Which side a packet goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// The laptop.
    Inside,
    /// The gateway's side.
    Outside,
}

/// Both ends of a flow as the laptop sees it: its own, and the peer's.
type Flow = (SocketAddrV4, SocketAddrV4);

#[derive(Debug)]
struct Known {
    /// The last packets of the laptop and of its peer.
    last: [Option<Packet>; 2],
    reset: bool,
}

/// A network.
#[derive(Debug)]
pub(crate) struct Access {
    silent: bool,
    /// Datagrams are lost and nobody is told.
    without_udp: bool,
    /// Addresses of the laptop here: the first two numbers of them.
    inside: [u8; 2],
    nat: Option<Nat>,
    flows: HashMap<Flow, Known>,
}

/// Translates the laptop's addresses to one of its own.
#[derive(Debug)]
struct Nat {
    outside: Ipv4Addr,
    next_port: u16,
    ports: HashMap<Flow, u16>,
}

impl Access {
    pub(crate) fn new(inside: [u8; 2]) -> Self {
        Self { silent: false, without_udp: false, inside, nat: None, flows: HashMap::new() }
    }

    /// From now on nothing arrives on either side and nobody is told, or everything does.
    pub(crate) fn silent(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// From now on UDP is blocked, or is not.
    pub(crate) fn block_udp(&mut self, blocked: bool) {
        self.without_udp = blocked;
    }

    fn loses(&self, p: &Packet) -> bool {
        self.silent || self.without_udp && !p.is_tcp()
    }

    /// Flows that begin from now on are translated to this address.
    pub(crate) fn translate(&mut self, outside: Ipv4Addr) {
        let nat = Nat { outside, next_port: FIRST_PORT, ports: HashMap::new() };
        self.nat.get_or_insert(nat);
    }

    /// The translator gives every flow another port.
    pub(crate) fn give_other_ports(&mut self) {
        let Some(nat) = &mut self.nat else { return };
        for port in nat.ports.values_mut() {
            *port = nat.next_port;
            nat.next_port = nat.next_port.wrapping_add(1).max(FIRST_PORT);
        }
    }

    /// The translator forgets every flow and tells nobody.
    pub(crate) fn forget(&mut self) {
        if let Some(nat) = &mut self.nat {
            nat.ports.clear();
        }
    }

    /// Every connection there is gets a reset at both ends, behind what is on its way, and so does
    /// whoever goes on with it.
    pub(crate) fn reset(&mut self) -> Vec<(Side, Packet)> {
        let mut out = Vec::new();
        for known in self.flows.values_mut().filter(|k| !k.reset) {
            known.reset = true;
            let [ours, theirs] = &known.last;
            let to = |p: &Option<Packet>| p.as_ref().and_then(Packet::reset_to_sender);
            // Their last packet is kept as the laptop sees it.
            let outside = to(theirs).and_then(|p| outward(&mut self.nat, p));
            out.extend(outside.map(|p| (Side::Outside, p)));
            out.extend(to(ours).map(|p| (Side::Inside, p)));
        }
        out
    }

    /// Whether packets to this address go through this network.
    pub(crate) fn is_for(&self, to: Ipv4Addr) -> bool {
        self.is_inside(to) || self.nat.as_ref().is_some_and(|n| n.outside == to)
    }

    fn is_inside(&self, address: Ipv4Addr) -> bool {
        address.octets()[..2] == self.inside
    }

    /// A packet of the laptop.
    pub(crate) fn outbound(&mut self, p: Packet) -> Vec<(Side, Packet)> {
        // Another network's address: no network carries what cannot be answered.
        if self.loses(&p) || !self.is_inside(*p.end(End::Source).ip()) {
            return vec![];
        }
        let flow = (p.end(End::Source), p.end(End::Destination));
        if self.note(flow, 0, &p) {
            return p.reset_to_sender().map(|r| (Side::Inside, r)).into_iter().collect();
        }
        outward(&mut self.nat, p).map(|p| (Side::Outside, p)).into_iter().collect()
    }

    /// A packet of the laptop's peer.
    pub(crate) fn inbound(&mut self, p: Packet) -> Vec<(Side, Packet)> {
        if self.loses(&p) {
            return vec![];
        }
        let Some(seen) = self.inward(p.clone()) else { return vec![] };
        let flow = (seen.end(End::Destination), seen.end(End::Source));
        if self.note(flow, 1, &seen) {
            return p.reset_to_sender().map(|r| (Side::Outside, r)).into_iter().collect();
        }
        vec![(Side::Inside, seen)]
    }

    /// Remembers the packet; whether its flow was reset.
    fn note(&mut self, flow: Flow, side: usize, p: &Packet) -> bool {
        let fresh = || Known { last: [None, None], reset: false };
        if side == 0 && p.opens() && p.is_tcp() {
            self.flows.insert(flow, fresh());
        }
        let known = self.flows.entry(flow).or_insert_with(fresh);
        known.last[side] = Some(p.clone());
        known.reset
    }

    fn inward(&self, p: Packet) -> Option<Packet> {
        let (peer, to) = (p.end(End::Source), p.end(End::Destination));
        match &self.nat {
            Some(nat) if nat.outside == *to.ip() => {
                let known = |f: &&Flow| f.1 == peer && nat.ports.get(f) == Some(&to.port());
                let (own, _) = *nat.ports.keys().find(known)?;
                Some(p.with(End::Destination, own))
            }
            _ => Some(p),
        }
    }
}

/// `None` when a translator drops the packet, because it does not know the flow.
fn outward(nat: &mut Option<Nat>, p: Packet) -> Option<Packet> {
    let Some(nat) = nat else { return Some(p) };
    let flow = (p.end(End::Source), p.end(End::Destination));
    if !nat.ports.contains_key(&flow) {
        if !p.opens() {
            return None;
        }
        nat.ports.insert(flow, nat.next_port);
        nat.next_port = nat.next_port.wrapping_add(1).max(FIRST_PORT);
    }
    let port = *nat.ports.get(&flow)?;
    Some(p.with(End::Source, SocketAddrV4::new(nat.outside, port)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::packet::{tcp, udp},
        *,
    };

    const DESK: &str = "10.1.0.2:40000";
    const GATEWAY: &str = "10.99.0.1:9443";
    const SYN: u8 = 2;
    const ACK: u8 = 16;

    fn network() -> Access {
        Access::new([10, 1])
    }

    fn opened(a: &mut Access) -> SocketAddrV4 {
        let out = a.outbound(tcp(DESK, GATEWAY, 1, 0, SYN));
        assert_eq!(out.len(), 1);
        out[0].1.end(End::Source)
    }

    fn back(a: &mut Access, to: SocketAddrV4) -> Vec<(Side, Packet)> {
        a.inbound(tcp(GATEWAY, &to.to_string(), 50, 2, ACK))
    }

    #[test]
    fn packets_are_carried_unless_the_network_is_silent() {
        let mut a = network();
        let own = opened(&mut a);
        assert_eq!(own.to_string(), DESK);
        assert_eq!(back(&mut a, own)[0].0, Side::Inside);
        a.silent(true);
        assert!(back(&mut a, own).is_empty());
        assert!(a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK)).is_empty());
        a.silent(false);
        assert_eq!(a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK)).len(), 1);
    }

    #[test]
    fn a_network_that_blocks_udp_carries_tcp() {
        let mut a = network();
        a.block_udp(true);
        assert!(a.outbound(udp(DESK, GATEWAY)).is_empty());
        assert!(a.inbound(udp(GATEWAY, DESK)).is_empty());
        opened(&mut a);
        a.block_udp(false);
        assert_eq!(a.outbound(udp(DESK, GATEWAY)).len(), 1);
        assert_eq!(a.inbound(udp(GATEWAY, DESK)).len(), 1);
    }

    #[test]
    fn an_address_of_another_network_is_not_carried() {
        assert!(network().outbound(tcp("10.2.0.2:1", GATEWAY, 1, 0, SYN)).is_empty());
        assert!(network().is_for(Ipv4Addr::new(10, 1, 9, 9)));
        assert!(!network().is_for(Ipv4Addr::new(10, 2, 0, 2)));
    }

    #[test]
    fn a_reset_reaches_both_ends_and_whoever_goes_on() {
        let mut a = network();
        let own = opened(&mut a);
        back(&mut a, own);
        a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK));
        let sides: Vec<Side> = a.reset().into_iter().map(|(s, _)| s).collect();
        assert_eq!(sides, [Side::Outside, Side::Inside]);
        assert!(a.reset().is_empty(), "once");
        assert_eq!(a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK))[0].0, Side::Inside);
        assert_eq!(back(&mut a, own)[0].0, Side::Outside);
        // The same port again is another connection.
        opened(&mut a);
        assert_eq!(back(&mut a, own)[0].0, Side::Inside);
    }

    #[test]
    fn a_translator_gives_ports_changes_them_and_forgets() {
        let mut a = network();
        let outside = Ipv4Addr::new(10, 201, 0, 1);
        a.translate(outside);
        let first = opened(&mut a);
        assert_eq!(first, SocketAddrV4::new(outside, FIRST_PORT));
        assert_eq!(back(&mut a, first)[0].1.end(End::Destination).to_string(), DESK);
        a.give_other_ports();
        assert!(back(&mut a, first).is_empty());
        let next = a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK))[0].1.end(End::Source);
        assert_ne!(next, first);
        a.forget();
        assert!(a.outbound(tcp(DESK, GATEWAY, 2, 51, ACK)).is_empty());
        assert!(back(&mut a, next).is_empty());
        assert_ne!(opened(&mut a), next);
    }
}
