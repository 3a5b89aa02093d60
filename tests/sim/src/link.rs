//! A link between two FIX sessions: connections one after the other or beside each other, whose
//! bytes take time, stop in the middle of a message, arrive late or not at all.

use signet_fix::{
    framer::Framer,
    session::{Channel, Outbox, Role, Session, SessionConfig, SessionOptions},
    store::{MemoryStore, SessionStore, StoreError},
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};

/// Beyond every run: bytes that are due then never arrive.
pub(crate) const NEVER: i64 = i64::MAX;

/// A store that outlives the process whose session uses it.
#[derive(Clone)]
pub(crate) struct Disk(Rc<RefCell<MemoryStore>>);

impl Disk {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(MemoryStore::new(UtcMillis(0)))))
    }
}

impl SessionStore for Disk {
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError> {
        self.0.borrow_mut().keep(seq, message)
    }
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        self.0.borrow().resendable(from, to, lasting)
    }
    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.0.borrow().kept(seq)
    }
    fn next_sender(&self) -> u64 {
        self.0.borrow().next_sender()
    }
    fn next_target(&self) -> u64 {
        self.0.borrow().next_target()
    }
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError> {
        self.0.borrow_mut().set_next_sender(seq)
    }
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError> {
        self.0.borrow_mut().set_next_target(seq)
    }
    fn created(&self) -> UtcMillis {
        self.0.borrow().created()
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.0.borrow_mut().reset(now)
    }
}

/// The end that dials, or the one that is dialled; a direction is named by its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Dials = 0,
    Listens = 1,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        if self == Self::Dials { Self::Listens } else { Self::Dials }
    }
}

/// One end of the link: its session, while its process runs, and its disk.
struct Process {
    config: SessionConfig,
    options: SessionOptions,
    disk: Disk,
    session: Option<Rc<Session>>,
}

/// Bytes on their way.
pub(crate) struct Part {
    due: i64,
    /// When they were written.
    pub left: i64,
    /// The way was slow when they were.
    pub lagged: bool,
    pub bytes: Vec<u8>,
}

/// Bytes of one direction, in the order in which they were written: no network changes that.
#[derive(Default)]
struct Pipe {
    flight: VecDeque<Part>,
    last: i64,
    /// So many bytes still pass; the others are due at the time that follows.
    silence: Option<(usize, i64)>,
    /// What would arrive before the second time arrives later by the first.
    lag: Option<(i64, i64)>,
    /// The sender has closed, and the receiver hears of it then.
    end: Option<i64>,
}

/// One connection.
pub(crate) struct Connection {
    pub id: u32,
    /// Each end's outbox; `None` before it took the connection and after it gave it up.
    pub outbox: [Option<Rc<Outbox>>; 2],
    gave_up: [bool; 2],
    pipes: [Pipe; 2],
    pub framers: [Framer; 2],
    /// When each end last heard something.
    pub heard: [i64; 2],
    /// Until then the listening end holds what arrives.
    pub held_until: i64,
    /// The beginning of what the dialling end wrote, until the other end takes the connection.
    pub first: Vec<u8>,
    /// Where the listening end wrote, after a newer connection took the place of this one: its
    /// pump may still read what arrives late.
    pub displaced: Option<Rc<Outbox>>,
}

/// What is due on a connection.
pub(crate) enum Due {
    Bytes(Part),
    End,
}

/// When a dealer is dialled again, as `gateway/src/listeners/dealers.rs` does it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redial {
    began: i64,
    wait: i64,
    at: Option<i64>,
}

const REDIAL_FIRST_MS: i64 = 100;
const REDIAL_LAST_MS: i64 = 5_000;

impl Default for Redial {
    fn default() -> Self {
        Self { began: 0, wait: REDIAL_FIRST_MS, at: None }
    }
}

impl Redial {
    /// Whether it is time; the line is down.
    pub(crate) fn is_due(&mut self, t: i64) -> bool {
        if self.at.is_none() {
            // A line that held was good: start over with short waits.
            if t - self.began > REDIAL_LAST_MS {
                self.wait = REDIAL_FIRST_MS;
            }
            self.at = Some(t + self.wait);
            self.wait = (self.wait * 2).min(REDIAL_LAST_MS);
        }
        self.at.is_some_and(|at| at <= t)
    }

    pub(crate) fn dialled(&mut self, t: i64) {
        (self.began, self.at) = (t, None);
    }
}

pub(crate) struct Link {
    processes: [Process; 2],
    /// The last accept that the dialling side wrote, as it left.
    pub last_accept: Vec<u8>,
    pub connections: Vec<Connection>,
    pub redial: Redial,
    next: u32,
    pub delay: i64,
}

impl Link {
    pub(crate) fn new(dials: &str, listens: &str, desk: bool, delay: i64) -> Self {
        let process = |role, sender: &str, target: &str| {
            let name = |s: &str| CompId::new(s).expect("a name");
            let options = match desk {
                true => SessionOptions::between_desk_and_gateway(),
                false => SessionOptions::default(),
            };
            let config = SessionConfig {
                role,
                sender: name(sender),
                target: name(target),
                heartbeat_s: 60,
                strict: desk,
            };
            Process { config, options, disk: Disk::new(), session: None }
        };
        Self {
            processes: [
                process(Role::Initiator, dials, listens),
                process(Role::Acceptor, listens, dials),
            ],
            last_accept: Vec::new(),
            connections: Vec::new(),
            redial: Redial::default(),
            next: 1,
            delay,
        }
    }

    pub(crate) fn session(&self, side: Side) -> Option<Rc<Session>> {
        self.processes[side as usize].session.clone()
    }

    /// Starts the session of a process on what its disk holds.
    pub(crate) fn start(&mut self, side: Side) -> Rc<Session> {
        let p = &mut self.processes[side as usize];
        let opened = Session::open_with(&p.config, p.options.clone(), Box::new(p.disk.clone()));
        let session = Rc::new(opened.expect("a session of this name is open once"));
        p.session = Some(session.clone());
        session
    }

    /// The process has ended; the kernel closes its connections.
    pub(crate) fn crash(&mut self, side: Side, store_lost: bool, now: i64) {
        let p = &mut self.processes[side as usize];
        p.session = None;
        if store_lost {
            p.disk = Disk::new();
        }
        for c in &mut self.connections {
            if c.outbox[side as usize].is_some() {
                c.give_up(side, now, self.delay);
            }
        }
    }

    /// A new connection, beside those that are there.
    pub(crate) fn dial(&mut self, channel: impl FnOnce(u32) -> Channel, now: i64) -> u32 {
        let id = self.next;
        self.next += 1;
        self.connections.push(Connection {
            id,
            outbox: [None, None],
            gave_up: [false; 2],
            pipes: [Pipe::default(), Pipe::default()],
            framers: [Framer::new(), Framer::new()],
            heard: [now; 2],
            held_until: 0,
            first: Vec::new(),
            displaced: None,
        });
        let Some(session) = self.session(Side::Dials) else { return id };
        let outbox = session.attach(channel(id)).expect("the session takes a connection");
        session.tick();
        if let Some(c) = self.connections.last_mut() {
            c.outbox[0] = Some(outbox);
        }
        id
    }

    pub(crate) fn connection(&mut self, id: u32) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|c| c.id == id)
    }

    /// The connection that a side uses now.
    pub(crate) fn current(&self, side: Side) -> Option<u32> {
        let session = self.processes[side as usize].session.as_ref()?;
        let mine = |c: &&Connection| {
            c.outbox[side as usize].as_ref().is_some_and(|o| session.is_attached_to(o))
        };
        self.connections.iter().rev().find(mine).map(|c| c.id)
    }

    /// Takes what the sessions have written. A side whose session closed, or has a newer
    /// connection, closes.
    pub(crate) fn flush(&mut self, now: i64) {
        let delay = self.delay;
        let Self { processes, connections, last_accept, .. } = self;
        for c in connections.iter_mut() {
            for side in [Side::Dials, Side::Listens] {
                let Some(outbox) = c.outbox[side as usize].clone() else { continue };
                let mut bytes = Vec::new();
                outbox.take(&mut bytes);
                if side == Side::Dials {
                    remember_accept(&bytes, last_accept);
                }
                c.pipes[side as usize].push(bytes, now, delay);
                let session = &processes[side as usize].session;
                let left = session.as_ref().is_none_or(|s| !s.is_attached_to(&outbox));
                if left && side == Side::Listens {
                    c.displaced = Some(outbox.clone());
                }
                if left || outbox.closed() {
                    c.give_up(side, now, delay);
                }
            }
        }
        connections.retain(|c| !c.is_over());
    }

    /// When the next bytes arrive.
    pub(crate) fn next_due(&self) -> i64 {
        let due = |c: &Connection| {
            let up = c.pipes[0].due().map(|t| t.max(c.held_until));
            [up, c.pipes[1].due()].into_iter().flatten().min()
        };
        self.connections.iter().filter_map(due).min().unwrap_or(NEVER)
    }

    /// What arrives now: connection, sender, bytes.
    pub(crate) fn take_due(&mut self, now: i64) -> Option<(u32, Side, Due)> {
        for c in &mut self.connections {
            for from in [Side::Dials, Side::Listens] {
                if from == Side::Dials && c.held_until > now {
                    continue;
                }
                if let Some(due) = c.pipes[from as usize].take(now) {
                    return Some((c.id, from, due));
                }
            }
        }
        None
    }
}

/// The last QuoteResponse in what was written.
fn remember_accept(bytes: &[u8], last: &mut Vec<u8>) {
    let begins = |i: &usize| bytes[*i..].starts_with(b"8=FIX.4.4\x01");
    let starts: Vec<usize> = (0..bytes.len()).filter(begins).collect();
    for (n, from) in starts.iter().enumerate() {
        let frame = &bytes[*from..starts.get(n + 1).copied().unwrap_or(bytes.len())];
        if frame.split(|b| *b == 1).nth(2) == Some(b"35=AJ") {
            *last = frame.to_vec();
        }
    }
}

impl Connection {
    /// Bytes arrive as if this side had written them.
    pub(crate) fn inject(&mut self, from: Side, bytes: Vec<u8>, now: i64, delay: i64) {
        self.pipes[from as usize].push(bytes, now, delay);
    }

    /// What this side writes and would arrive before `until` arrives later by `by`, and so perhaps
    /// after what was written later on another connection.
    pub(crate) fn lag(&mut self, from: Side, by: i64, until: i64) {
        self.pipes[from as usize].lag = Some((by, until));
    }

    /// What has not broken yet does not break. What is silent by now stays so: an end finds out.
    pub(crate) fn heal(&mut self) {
        for pipe in &mut self.pipes {
            pipe.lag = None;
            pipe.silence = pipe.silence.filter(|(left, _)| *left == 0);
        }
    }

    /// A side closes. What it had written is still on its way; what arrives for it is dropped.
    pub(crate) fn give_up(&mut self, side: Side, now: i64, delay: i64) {
        if std::mem::replace(&mut self.gave_up[side as usize], true) {
            return;
        }
        if let Some(outbox) = self.outbox[side as usize].take() {
            outbox.close();
        }
        let pipe = &mut self.pipes[side as usize];
        let (at, _) = pipe.arrival(now + delay);
        pipe.end = match pipe.silence {
            Some((0, until)) => Some(until.max(at)),
            _ => Some(at.max(pipe.last)),
        };
    }

    pub(crate) fn has_given_up(&self, side: Side) -> bool {
        self.gave_up[side as usize]
    }

    /// So many bytes more of this sender, then nothing until `until`.
    pub(crate) fn silence(&mut self, from: Side, after: usize, until: i64) {
        let pipe = &mut self.pipes[from as usize];
        if pipe.silence.is_none_or(|(_, t)| t < until) {
            pipe.silence = Some((after, until));
        }
    }

    /// Both ends learn at once that it is gone; what was on its way is lost.
    pub(crate) fn reset(&mut self, now: i64) {
        for pipe in &mut self.pipes {
            pipe.flight.clear();
            pipe.end = Some(now);
        }
    }

    fn is_over(&self) -> bool {
        // One that was never taken at the other end, and of which nothing more will arrive there.
        let forgotten = self.gave_up[0]
            && self.outbox[1].is_none()
            && self.pipes[0].due().is_none_or(|t| t == NEVER);
        // What arrives late is still read by the pump of a connection that was displaced.
        let read = self.displaced.is_some();
        let late = read && self.pipes[0].flight.front().is_some_and(|part| part.due != NEVER);
        (self.gave_up == [true; 2] && !late) || forgotten
    }
}

impl Pipe {
    /// When something arrives that would be there at `at`, and whether that is later.
    fn arrival(&self, at: i64) -> (i64, bool) {
        match self.lag.filter(|(_, until)| at < *until) {
            Some((by, _)) => (at + by, true),
            None => (at, false),
        }
    }

    fn push(&mut self, mut bytes: Vec<u8>, now: i64, delay: i64) {
        if bytes.is_empty() {
            return;
        }
        let (due, lagged) = self.arrival(now + delay);
        let part = |due, bytes| Part { due, left: now, lagged, bytes };
        if self.silence.is_some_and(|(_, until)| until < due) {
            self.silence = None;
        }
        if let Some((left, until)) = &mut self.silence {
            let rest = bytes.split_off(bytes.len().min(*left));
            *left -= bytes.len();
            let until = *until;
            self.put(part(due, bytes));
            return self.put(part(until.max(due), rest));
        }
        self.put(part(due, bytes));
    }

    fn put(&mut self, part: Part) {
        if !part.bytes.is_empty() {
            self.last = self.last.max(part.due);
            self.flight.push_back(Part { due: self.last, ..part });
        }
    }

    fn due(&self) -> Option<i64> {
        self.flight.front().map(|part| part.due).or(self.end)
    }

    fn take(&mut self, now: i64) -> Option<Due> {
        if self.due()? > now {
            return None;
        }
        match self.flight.pop_front() {
            Some(part) => Some(Due::Bytes(part)),
            None => {
                self.end = None;
                Some(Due::End)
            }
        }
    }
}
