//! The endpoint's task: datagrams in, timers, datagrams out.

use super::{
    conn::Conn,
    fault::ConnectionFault,
    socket::{Received, Socket},
};
use crate::{CloseCode, alarm::Alarm};
use quinn_proto::{
    DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Incoming, ServerConfig, Transmit,
    crypto::rustls::QuicServerConfig,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};
use tokio::sync::Notify;

/// Receive calls before other tasks of the thread have their turn.
const BATCHES_PER_TURN: usize = 4;
/// Datagrams of one connection that one send call hands to the kernel.
const SEGMENTS_MAX: usize = 10;

/// What the endpoint's task and its users share. One thread.
pub(super) struct Shared {
    state: RefCell<State>,
    wake: Notify,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct State {
    socket: Socket,
    proto: Endpoint,
    /// For handshakes that begin now.
    tls: Arc<ServerConfig>,
    conns: BTreeMap<u64, Conn>,
    by_handle: HashMap<usize, u64>,
    next_id: u64,
    timers: BTreeSet<(Instant, u64)>,
    /// What the endpoint's task waits for at most.
    waits_until: Option<Instant>,
    /// Connections to which something happened.
    dirty: BTreeSet<u64>,
    incoming: VecDeque<Incoming>,
    /// Attempts that are not answered yet: those in `incoming`, and those that the user has.
    unanswered: usize,
    acceptor: Option<Waker>,
    /// Handshakes in progress above which a Retry token is wanted.
    unproved_max: usize,
    handshakes: usize,
    /// No further connection is taken.
    closing: bool,
}

/// The clock of tokio, so that tests can move it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Shared {
    pub(super) fn new(
        socket: std::net::UdpSocket,
        config: EndpointConfig,
        tls: Arc<ServerConfig>,
        unproved_max: usize,
    ) -> io::Result<Self> {
        let socket = Socket::new(socket)?;
        let proto =
            Endpoint::new(Arc::new(config), Some(tls.clone()), !socket.may_fragment(), None);
        let state = State {
            socket,
            proto,
            tls,
            conns: BTreeMap::new(),
            by_handle: HashMap::new(),
            next_id: 0,
            timers: BTreeSet::new(),
            waits_until: None,
            dirty: BTreeSet::new(),
            incoming: VecDeque::new(),
            unanswered: 0,
            acceptor: None,
            unproved_max,
            handshakes: 0,
            closing: false,
        };
        Ok(Self { state: RefCell::new(state), wake: Notify::new() })
    }

    /// Everything else stays, also the key of Retry tokens: clients are on their way with some, and
    /// take no second one.
    pub(super) fn set_tls(&self, crypto: Arc<QuicServerConfig>) {
        let mut s = self.state.borrow_mut();
        let mut config = (*s.tls).clone();
        config.crypto = crypto;
        let tls = Arc::new(config);
        s.tls = tls.clone();
        s.proto.set_server_config(Some(tls));
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.state.borrow().socket.local_addr()
    }

    pub(super) fn open_connections(&self) -> usize {
        self.state.borrow().proto.open_connections()
    }

    pub(super) fn next_incoming(&self, cx: &mut Context<'_>) -> Option<Incoming> {
        let mut s = self.state.borrow_mut();
        let next = s.incoming.pop_front();
        if next.is_none() {
            s.acceptor = Some(cx.waker().clone());
        }
        next
    }

    pub(super) fn accept(&self, incoming: Incoming) -> Result<u64, ConnectionFault> {
        let mut s = self.state.borrow_mut();
        s.answered();
        let mut buf = Vec::new();
        // Not the profile of when its first packet came: lists may have changed since.
        let tls = s.tls.clone();
        match s.proto.accept(incoming, now(), &mut buf, Some(tls)) {
            Ok((handle, proto)) => {
                let id = s.next_id;
                s.next_id += 1;
                s.by_handle.insert(handle.0, id);
                s.conns.insert(id, Conn::new(handle, proto));
                s.dirty.insert(id);
                s.handshakes += 1;
                self.wake.notify_one();
                Ok(id)
            }
            Err(e) => {
                if let Some(t) = e.response {
                    s.socket.send(t, &buf);
                }
                Err(e.cause.into())
            }
        }
    }

    pub(super) fn refuse(&self, incoming: Incoming) {
        let mut s = self.state.borrow_mut();
        s.answered();
        let mut buf = Vec::new();
        let t = s.proto.refuse(incoming, &mut buf);
        s.socket.send(t, &buf);
    }

    pub(super) fn ignore(&self, incoming: Incoming) {
        let mut s = self.state.borrow_mut();
        s.answered();
        s.proto.ignore(incoming);
    }

    /// Does something with a connection; the endpoint's task then does what follows. A connection
    /// stays for as long as it has a user, so there is one.
    pub(super) fn with<T>(&self, id: u64, f: impl FnOnce(&mut Conn) -> T) -> T {
        let mut s = self.state.borrow_mut();
        let State { conns, dirty, .. } = &mut *s;
        #[allow(clippy::expect_used)]
        let conn = conns.get_mut(&id).expect("a connection with a user");
        let done = f(conn);
        if dirty.insert(id) {
            self.wake.notify_one();
        }
        done
    }

    /// The same for what leaves nothing to do while it waits.
    pub(super) fn poll<T>(&self, id: u64, f: impl FnOnce(&mut Conn) -> Poll<T>) -> Poll<T> {
        let mut s = self.state.borrow_mut();
        let State { conns, dirty, .. } = &mut *s;
        #[allow(clippy::expect_used)]
        let conn = conns.get_mut(&id).expect("a connection with a user");
        let done = f(conn);
        if done.is_ready() && dirty.insert(id) {
            self.wake.notify_one();
        }
        done
    }

    /// Sends what a connection has to send, at once and on the task of its user: the endpoint's
    /// task need not have its turn first.
    pub(super) fn flush(&self, id: u64) {
        let mut s = self.state.borrow_mut();
        if s.socket.is_backed_up() || !s.dirty.remove(&id) {
            return;
        }
        s.settle(now(), id);
        let sooner = s.timers.first().is_some_and(|(at, _)| s.waits_until.is_none_or(|t| *at < t));
        if sooner {
            self.wake.notify_one();
        }
    }

    /// The user of a connection is gone.
    pub(super) fn abandon(&self, id: u64) {
        self.with(id, |c| {
            c.abandoned = true;
            c.end(now(), CloseCode::Done);
        });
    }

    pub(super) fn take_no_more(&self) {
        let mut s = self.state.borrow_mut();
        s.closing = true;
        while let Some(incoming) = s.incoming.pop_front() {
            s.answered();
            s.proto.ignore(incoming);
        }
        self.wake.notify_one();
    }

    fn poll_work(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut s = self.state.borrow_mut();
        let ready = s.socket.poll_readable(cx);
        if ready | s.socket.poll_unsent(cx) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Runs until no further connection is taken and the last one has ended.
pub(super) async fn drive(shared: Rc<Shared>) {
    let mut alarm: Option<Alarm> = None;
    loop {
        let (next, more) = {
            let mut s = shared.state.borrow_mut();
            let turn = s.turn(now());
            if s.closing && s.conns.is_empty() {
                return;
            }
            s.waits_until = turn.0;
            turn
        };
        if more {
            // The other tasks of this thread go first.
            tokio::task::yield_now().await;
            continue;
        }
        match (&mut alarm, next) {
            (Some(alarm), Some(at)) => alarm.move_to(at),
            (None, Some(at)) => alarm = Some(Alarm::new(at)),
            (_, None) => alarm = None,
        }
        let timer = poll_fn(|cx| alarm.as_mut().map_or(Poll::Pending, |a| a.poll(cx)));
        tokio::select! {
            () = poll_fn(|cx| shared.poll_work(cx)) => {}
            () = shared.wake.notified() => {}
            () = timer => {}
        }
    }
}

impl State {
    /// Everything that is due; when the next thing is, and whether more may wait in the socket.
    fn turn(&mut self, now: Instant) -> (Option<Instant>, bool) {
        let mut more = true;
        for _ in 0..BATCHES_PER_TURN {
            let (received, full) = self.socket.receive();
            for datagram in received {
                self.datagram(now, datagram);
            }
            more = full;
            if !more {
                break;
            }
        }
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            if let Some(c) = self.conns.get_mut(&id) {
                c.timer = None;
                c.guarded(|c| c.timeout(now));
                self.dirty.insert(id);
            }
        }
        // While the socket is full, the connections keep what they have.
        if self.socket.send_unsent() {
            for id in std::mem::take(&mut self.dirty) {
                self.settle(now, id);
            }
        }
        (self.timers.first().map(|(at, _)| *at), more)
    }

    fn datagram(&mut self, now: Instant, d: Received) {
        let Received { from, local_ip, ecn, data } = d;
        let mut buf = Vec::new();
        let handle = || self.proto.handle(now, from, local_ip, ecn, data, &mut buf);
        let handled = catch_unwind(AssertUnwindSafe(handle)).unwrap_or_else(|_| {
            tracing::error!(%from, code = "quic.failed", "the QUIC library failed on a datagram");
            None
        });
        match handled {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let id = self.by_handle.get(&handle.0).copied();
                if let Some((id, conn)) = id.and_then(|id| Some((id, self.conns.get_mut(&id)?))) {
                    conn.guarded(|c| c.datagram(now, from, event));
                    self.dirty.insert(id);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.arrived(incoming),
            Some(DatagramEvent::Response(t)) => self.respond(t, &buf),
            None => {}
        }
    }

    /// A connection attempt: queued for the user, or sent back for a Retry token, or dropped.
    fn arrived(&mut self, incoming: Incoming) {
        if self.closing || self.unanswered >= super::INCOMING_MAX {
            return self.proto.ignore(incoming);
        }
        let unproved = !incoming.remote_address_validated();
        if unproved && self.handshakes + self.unanswered >= self.unproved_max {
            let mut buf = Vec::new();
            return match self.proto.retry(incoming, &mut buf) {
                Ok(t) => self.respond(t, &buf),
                Err(e) => self.proto.ignore(e.into_incoming()),
            };
        }
        self.unanswered += 1;
        self.incoming.push_back(incoming);
        if let Some(w) = self.acceptor.take() {
            w.wake();
        }
    }

    /// An attempt is answered, or let go of.
    fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    fn respond(&mut self, t: Transmit, buf: &[u8]) {
        self.socket.send(t, buf);
    }

    /// What follows from whatever happened to a connection.
    fn settle(&mut self, now: Instant, id: u64) {
        let Self { conns, proto, socket, .. } = self;
        let Some(conn) = conns.get_mut(&id) else { return };
        if conn.guarded(|c| all_sent(c, proto, socket, now)) == Some(false) {
            // It goes on when the socket has room.
            self.dirty.insert(id);
        }
        self.after(id);
    }

    fn after(&mut self, id: u64) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if !conn.is_handshaking() && std::mem::take(&mut conn.counted) {
            self.handshakes = self.handshakes.saturating_sub(1);
        }
        let next = if conn.is_over() { None } else { conn.next_timeout() };
        if conn.timer != next {
            if let Some(at) = conn.timer {
                self.timers.remove(&(at, id));
            }
            conn.timer = next;
            if let Some(at) = next {
                self.timers.insert((at, id));
            }
        }
        if conn.is_over() {
            // The endpoint may give the handle to another connection.
            if self.by_handle.get(&conn.handle.0) == Some(&id) {
                self.by_handle.remove(&conn.handle.0);
                if conn.has_failed() {
                    self.proto.handle_event(conn.handle, EndpointEvent::drained());
                }
            }
            if conn.abandoned {
                self.conns.remove(&id);
            }
        }
    }
}

/// Has a connection send what it has to send; `false`: the socket is full.
fn all_sent(conn: &mut Conn, endpoint: &mut Endpoint, socket: &mut Socket, now: Instant) -> bool {
    let mut buf = Vec::new();
    loop {
        conn.advance(now);
        let mut again = false;
        while let Some(event) = conn.proto.poll_endpoint_events() {
            if let Some(event) = endpoint.handle_event(conn.handle, event) {
                conn.proto.handle_event(event);
                again = true;
            }
        }
        let segments = socket.segments_max().min(SEGMENTS_MAX);
        while let Some(t) = conn.proto.poll_transmit(now, segments, &mut buf) {
            let sent = socket.send(t, &buf);
            buf.clear();
            if !sent {
                return false;
            }
        }
        if !again {
            return true;
        }
    }
}
