//! The thread that carries packets between the laptop's networks and the gateway's side.

use super::{
    access::{Access, Side},
    packet::{End, Packet},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{read, write},
};
use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A change from outside is taken up within this time.
const LOOK: Duration = Duration::from_millis(2);
/// Packets on their way; a router loses those beyond.
const QUEUE_MAX: usize = 20_000;

#[derive(Debug)]
struct State {
    nets: [Access; 2],
    /// What is on its way: when it arrives, at the gateway's side or in which network. The delay
    /// is the same for all, so this is in order.
    queue: VecDeque<(Instant, Option<usize>, Packet)>,
    delay: Duration,
    ended: bool,
}

impl State {
    fn send(&mut self, net: usize, packets: Vec<(Side, Packet)>) {
        let at = Instant::now() + self.delay;
        for (side, p) in packets {
            if self.queue.len() < QUEUE_MAX {
                self.queue.push_back((at, (side == Side::Inside).then_some(net), p));
            }
        }
    }
}

/// The router; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Router {
    state: Arc<Mutex<State>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Router {
    pub(crate) fn start(
        outside: OwnedFd,
        inside: [OwnedFd; 2],
        nets: [Access; 2],
        delay: Duration,
    ) -> io::Result<Self> {
        let state = State { nets, queue: VecDeque::new(), delay, ended: false };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::Builder::new().name("router".into()).spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !lock(&shared).ended {
                wait(&shared, &outside, &inside);
                carry(&shared, &outside, &inside, &mut buffer);
            }
        })?;
        Ok(Self { state })
    }

    pub(crate) fn access(&self, net: usize, change: impl FnOnce(&mut Access)) {
        change(&mut lock(&self.state).nets[net]);
    }

    pub(crate) fn reset(&self, net: usize) {
        let mut state = lock(&self.state);
        let resets = state.nets[net].reset();
        state.send(net, resets);
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        lock(&self.state).ended = true;
    }
}

/// Until a device has a packet, one on its way is due, or it is time to look.
fn wait(state: &Mutex<State>, outside: &OwnedFd, inside: &[OwnedFd; 2]) {
    let due =
        lock(state).queue.front().map(|(at, ..)| at.saturating_duration_since(Instant::now()));
    let time = due.map_or(LOOK, |d| d.min(LOOK));
    let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    let mut fds = [outside, &inside[0], &inside[1]].map(|fd| PollFd::new(fd, PollFlags::IN));
    let _ = poll(&mut fds, Some(&time));
}

fn carry(state: &Mutex<State>, outside: &OwnedFd, inside: &[OwnedFd; 2], buffer: &mut [u8]) {
    let mut state = lock(state);
    while let Some(p) = next(outside, buffer) {
        let to = *p.end(End::Destination).ip();
        if let Some(net) = state.nets.iter().position(|n| n.is_for(to)) {
            let packets = state.nets[net].inbound(p);
            state.send(net, packets);
        }
    }
    for (net, fd) in inside.iter().enumerate() {
        while let Some(p) = next(fd, buffer) {
            let packets = state.nets[net].outbound(p);
            state.send(net, packets);
        }
    }
    let now = Instant::now();
    while let Some((_, to, p)) = state.queue.pop_front_if(|(at, ..)| *at <= now) {
        // A device that is down takes nothing.
        let _ = write(to.map_or(outside, |net| &inside[net]), &p.into_bytes());
    }
}

/// The next packet that networks carry.
fn next(fd: &OwnedFd, buffer: &mut [u8]) -> Option<Packet> {
    loop {
        let n = read(fd, &mut *buffer).ok()?;
        if let Some(p) = Packet::parse(buffer.get(..n)?) {
            return Some(p);
        }
    }
}
