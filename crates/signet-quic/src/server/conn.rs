//! One connection: `quinn-proto`'s state, its gate, its FIX stream and its proofs.

use super::fault::ConnectionFault;
use crate::{
    CloseCode, NONCE_BYTES,
    gate::{Claim, Frames, Gate, Nonce, Step},
    transport::{PROOF_STREAMS, SEND_WINDOW},
};
use quinn_proto::{
    Connection, ConnectionEvent, ConnectionHandle, Dir, Event, FrameStats, ReadError, StreamEvent,
    StreamId, WriteError,
};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Poll, Waker},
    time::Instant,
};

pub(super) enum Phase {
    Handshake,
    On,
    Lost(ConnectionFault),
}

#[derive(Default)]
pub(super) struct Wakers {
    pub(super) connected: Option<Waker>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    pub(super) judge: Option<Waker>,
}

impl Wakers {
    fn all(&mut self) {
        let Self { connected, reader, writer, judge } = self;
        [connected, reader, writer, judge].into_iter().for_each(wake);
    }
}

fn wake(w: &mut Option<Waker>) {
    if let Some(w) = w.take() {
        w.wake();
    }
}

/// Why nothing was sent with a nonce.
struct NoRoom;

pub(super) struct Conn {
    pub(super) handle: ConnectionHandle,
    pub(super) proto: Connection,
    pub(super) phase: Phase,
    pub(super) wakers: Wakers,
    /// What the endpoint's timer is set to.
    pub(super) timer: Option<Instant>,
    /// Its user is gone.
    pub(super) abandoned: bool,
    /// It is one of the handshakes in progress.
    pub(super) counted: bool,
    gate: Gate,
    stream: Option<StreamId>,
    /// The client has everything that was written, and the end of it.
    acknowledged: bool,
    finished: bool,
    /// A nonce is to be sent.
    owes_nonce: bool,
    /// The stream of the last nonce.
    asked: Option<StreamId>,
    /// Answers that are not complete.
    answers: BTreeMap<StreamId, Vec<u8>>,
    /// The end that this side has given the connection.
    own_end: Option<ConnectionFault>,
    /// The library failed here; it is not asked again about this connection.
    failed: bool,
    #[cfg(test)]
    pub(super) fails_next: bool,
}

impl Conn {
    pub(super) fn new(handle: ConnectionHandle, proto: Connection) -> Self {
        let gate = Gate::new(proto.remote_address());
        Self {
            handle,
            proto,
            phase: Phase::Handshake,
            wakers: Wakers::default(),
            timer: None,
            abandoned: false,
            counted: true,
            gate,
            stream: None,
            acknowledged: false,
            finished: false,
            owes_nonce: false,
            asked: None,
            answers: BTreeMap::new(),
            own_end: None,
            failed: false,
            #[cfg(test)]
            fails_next: false,
        }
    }

    /// Asks the library. What it holds of a connection is what a peer sent: where it panics, that
    /// connection ends, and the others, which the same task serves, go on. `None`: it has failed.
    pub(super) fn guarded<T>(&mut self, ask: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.failed {
            return None;
        }
        let asked = AssertUnwindSafe(|| {
            #[cfg(test)]
            assert!(!self.fails_next, "a fault of the library, as a test wants it");
            ask(self)
        });
        let answer = catch_unwind(asked).ok();
        if answer.is_none() {
            let from = self.gate.proved();
            tracing::error!(%from, code = "quic.failed", "the QUIC library failed on what this \
                peer sent; its connection ends");
            self.failed = true;
            self.own_end.get_or_insert(ConnectionFault::Other("the library failed".into()));
            if let Some(fault) = self.own_end.clone() {
                self.phase = Phase::Lost(fault);
            }
            self.wakers.all();
        }
        answer
    }

    /// Nothing is left to do for it.
    pub(super) fn is_over(&self) -> bool {
        self.failed || self.proto.is_drained()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    pub(super) fn proved(&self) -> SocketAddr {
        self.gate.proved()
    }

    pub(super) fn is_handshaking(&self) -> bool {
        matches!(self.phase, Phase::Handshake)
    }

    /// When something is to be done, whatever arrives until then.
    pub(super) fn next_timeout(&mut self) -> Option<Instant> {
        let due = self.guarded(|c| c.proto.poll_timeout())?;
        due.into_iter().chain(self.gate.deadline()).min()
    }

    /// A datagram from `from`: the gate first, then QUIC, then the gate again with what was in it.
    pub(super) fn datagram(&mut self, now: Instant, from: SocketAddr, event: ConnectionEvent) {
        if !self.gate.passes(now, from) {
            return;
        }
        let before = Counted::of(&self.proto.stats().frame_rx);
        self.proto.handle_event(event);
        let after = Counted::of(&self.proto.stats().frame_rx);
        let frames = Frames { any: after.all != before.all, data: after.data != before.data };
        let step = self.gate.arrived(now, from, self.proto.remote_address(), frames);
        self.follow(now, step);
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.proto.handle_timeout(now);
        let step = self.gate.looked(now, self.proto.remote_address());
        self.follow(now, step);
        let step = self.gate.expired(now);
        self.follow(now, step);
    }

    /// After anything happened: events of QUIC, answers to proofs, and a nonce that is owed.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(event) = self.proto.poll() {
            self.event(event);
        }
        self.read_answers(now);
        if self.owes_nonce && self.own_end.is_none() {
            self.send_nonce(now);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.phase = Phase::On;
                wake(&mut self.wakers.connected);
            }
            Event::ConnectionLost { reason } => {
                let fault = self.own_end.clone().unwrap_or_else(|| reason.into());
                self.phase = Phase::Lost(fault);
                self.wakers.all();
            }
            Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. })
                if Some(id) == self.stream =>
            {
                self.acknowledged = true;
                wake(&mut self.wakers.writer);
            }
            Event::Stream(StreamEvent::Writable { .. }) => wake(&mut self.wakers.writer),
            Event::Stream(StreamEvent::Opened { dir: Dir::Bi } | StreamEvent::Readable { .. }) => {
                wake(&mut self.wakers.reader);
            }
            _ => {}
        }
    }

    fn follow(&mut self, now: Instant, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Prove => {
                self.owes_nonce = true;
                // What was asked at the address before counts no longer.
                if let Some(id) = self.asked.take() {
                    let _ = self.proto.send_stream(id).reset(CloseCode::Done.var());
                }
            }
            Step::Judge => wake(&mut self.wakers.judge),
            Step::Open => wake(&mut self.wakers.reader),
            Step::Close => self.end(now, CloseCode::AddressUnproved),
        }
    }

    /// Closes the connection; its user reads why.
    pub(super) fn end(&mut self, now: Instant, why: CloseCode) {
        if self.own_end.is_some() || matches!(self.phase, Phase::Lost(_)) {
            return;
        }
        let fault = match why {
            CloseCode::Done => ConnectionFault::Closed,
            CloseCode::AddressUnproved => ConnectionFault::AddressUnproved,
            CloseCode::Protocol => ConnectionFault::Other(why.code().into()),
        };
        self.guarded(|c| c.proto.close(now, why.var(), why.code().as_bytes().into()));
        self.own_end = Some(fault.clone());
        self.phase = Phase::Lost(fault);
        self.wakers.all();
    }

    fn send_nonce(&mut self, now: Instant) {
        let mut nonce: Nonce = [0; NONCE_BYTES];
        if aws_lc_rs::rand::fill(&mut nonce).is_err() {
            return self.end(now, CloseCode::AddressUnproved);
        }
        // Without room it is tried again when there is some, until the claim's time is over.
        if let Ok(id) = self.ask(&nonce) {
            self.asked = Some(id);
            self.owes_nonce = false;
            self.gate.nonce_sent(nonce);
        }
    }

    fn ask(&mut self, nonce: &Nonce) -> Result<StreamId, NoRoom> {
        let id = self.proto.streams().open(Dir::Uni).ok_or(NoRoom)?;
        // What waits for a path that died must not hold up the proof of the next one.
        self.proto.set_send_window(SEND_WINDOW + NONCE_BYTES as u64 * u64::from(PROOF_STREAMS));
        let asked = self.write_nonce(id, nonce);
        self.proto.set_send_window(SEND_WINDOW);
        asked.map(|()| id)
    }

    fn write_nonce(&mut self, id: StreamId, nonce: &Nonce) -> Result<(), NoRoom> {
        let mut stream = self.proto.send_stream(id);
        // Before the FIX messages that wait.
        let _ = stream.set_priority(1);
        if stream.write(nonce) == Ok(NONCE_BYTES) && stream.finish().is_ok() {
            return Ok(());
        }
        let _ = stream.reset(CloseCode::Done.var());
        Err(NoRoom)
    }

    fn read_answers(&mut self, now: Instant) {
        while self.answers.len() < PROOF_STREAMS as usize
            && let Some(id) = self.proto.streams().accept(Dir::Uni)
        {
            self.answers.insert(id, Vec::with_capacity(NONCE_BYTES));
        }
        let open: Vec<StreamId> = self.answers.keys().copied().collect();
        for id in open {
            let Some(mut bytes) = self.answers.remove(&id) else { continue };
            match self.read_answer(id, &mut bytes) {
                Answer::Partial => {
                    self.answers.insert(id, bytes);
                }
                Answer::Complete => {
                    let step = self.gate.answered(now, &bytes, self.proto.remote_address());
                    self.follow(now, step);
                }
                Answer::None => {}
                Answer::TooLong => self.end(now, CloseCode::Protocol),
            }
        }
    }

    fn read_answer(&mut self, id: StreamId, bytes: &mut Vec<u8>) -> Answer {
        let mut stream = self.proto.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return Answer::None };
        let answer = loop {
            match chunks.next(NONCE_BYTES + 1) {
                Ok(Some(chunk)) if bytes.len() + chunk.bytes.len() > NONCE_BYTES => {
                    break Answer::TooLong;
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
                Ok(None) => break Answer::Complete,
                Err(ReadError::Blocked) => break Answer::Partial,
                Err(ReadError::Reset(_)) => break Answer::None,
            }
        };
        let _ = chunks.finalize();
        answer
    }

    /// What waits to be judged.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.gate.claim().filter(|_| matches!(self.phase, Phase::On))
    }

    pub(super) fn judged(&mut self, now: Instant, claim: Claim, allowed: bool) {
        let step = self.gate.judged(now, claim, allowed);
        self.guarded(|c| c.follow(now, step));
    }

    /// Bytes of the FIX stream, at most `max`; none at its end. Only here do bytes leave, and the
    /// gate is looked at in the same breath: nothing can arrive in between.
    pub(super) fn read(
        &mut self,
        max: usize,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        self.guarded(|c| c.read_now(max, take)).unwrap_or_else(|| self.when_lost())
    }

    fn read_now(&mut self, max: usize, take: &mut impl FnMut(&[u8])) -> Poll<io::Result<()>> {
        if !self.gate.is_open() {
            return self.when_lost();
        }
        if self.stream.is_none() {
            self.stream = self.proto.streams().accept(Dir::Bi);
        }
        let Some(id) = self.stream else { return self.when_lost() };
        let mut left = max;
        let mut stream = self.proto.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return Poll::Ready(Ok(())) };
        let end = loop {
            match chunks.next(left) {
                Ok(Some(chunk)) => {
                    take(&chunk.bytes);
                    left -= chunk.bytes.len();
                    if left == 0 {
                        break Poll::Ready(Ok(()));
                    }
                }
                Ok(None) => break Poll::Ready(Ok(())),
                Err(ReadError::Blocked) if left < max => break Poll::Ready(Ok(())),
                Err(ReadError::Blocked) => break Poll::Pending,
                Err(ReadError::Reset(code)) => {
                    let fault = ConnectionFault::ByPeer(code.into_inner());
                    break Poll::Ready(Err((&fault).into()));
                }
            }
        };
        let _ = chunks.finalize();
        // What arrived before the end is read before the end is told.
        if end.is_pending() { self.when_lost() } else { end }
    }

    fn when_lost(&self) -> Poll<io::Result<()>> {
        match &self.phase {
            Phase::Lost(ConnectionFault::Closed) => Poll::Ready(Ok(())),
            Phase::Lost(fault) => Poll::Ready(Err(fault.into())),
            Phase::On | Phase::Handshake => Poll::Pending,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Phase::Lost(fault) = &self.phase {
            return Poll::Ready(Err(fault.into()));
        }
        let Some(id) = self.stream else { return Poll::Pending };
        match self.guarded(|c| c.proto.send_stream(id).write(bytes)) {
            Some(Ok(n)) => Poll::Ready(Ok(n)),
            Some(Err(WriteError::Blocked)) => Poll::Pending,
            Some(Err(e)) => Poll::Ready(Err(io::Error::other(e))),
            None => self.when_lost().map_ok(|()| 0),
        }
    }

    /// Ends the stream; ready when the client has acknowledged everything, or is gone.
    pub(super) fn finish(&mut self) -> Poll<()> {
        let Some(id) = self.stream else { return Poll::Ready(()) };
        if !self.finished {
            self.finished = true;
            let finished = self.guarded(|c| c.proto.send_stream(id).finish().is_ok());
            self.acknowledged |= finished != Some(true);
        }
        let gone = matches!(self.phase, Phase::Lost(_));
        if self.acknowledged || gone { Poll::Ready(()) } else { Poll::Pending }
    }
}

enum Answer {
    None,
    Partial,
    Complete,
    TooLong,
}

/// Frames that were authentic and new.
struct Counted {
    all: u64,
    data: u64,
}

impl Counted {
    fn of(f: &FrameStats) -> Self {
        let data = f.stream.wrapping_add(f.reset_stream);
        let all = [
            f.acks,
            f.ack_frequency,
            f.crypto,
            f.connection_close,
            f.data_blocked,
            f.datagram,
            u64::from(f.handshake_done),
            f.immediate_ack,
            f.max_data,
            f.max_stream_data,
            f.max_streams_bidi,
            f.max_streams_uni,
            f.new_connection_id,
            f.new_token,
            f.path_challenge,
            f.path_response,
            f.ping,
            f.retire_connection_id,
            f.stream_data_blocked,
            f.streams_blocked_bidi,
            f.streams_blocked_uni,
            f.stop_sending,
            data,
        ];
        Self { all: all.into_iter().fold(0, u64::wrapping_add), data }
    }
}
