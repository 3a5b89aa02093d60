//! Moves bytes between one connection and one session until either ends.

use crate::{
    framer::{FrameError, Framed, Framer},
    session::{Event, Outbox, ReceiveError, Session},
    share::Share,
};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant as StdInstant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::Instant,
};

/// How often a session's timers run. HeartBtInt is counted in seconds.
const TICK: Duration = Duration::from_millis(500);
/// A peer that takes no byte for this long is gone. Looked at with the session's timers, so that
/// writing a message moves no timer of its own.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(10);
/// Whatever was written last may take this long to reach the peer; a stream may have a limit of its
/// own below it.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);
const READ_BUFFER: usize = 16 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The stream ended.
    #[error("the peer closed the connection")]
    ByPeer,
    /// The session said so, for example after a Logout (5) or a Logon (A) that was refused.
    #[error("the session ended the connection")]
    BySession,
    /// The session was attached to another stream while this one was pumped.
    #[error("a newer connection took over")]
    Displaced,
    /// The stream reported an error.
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
    /// The peer's bytes are not FIX, or exceed a limit.
    #[error(transparent)]
    NotFix(#[from] FrameError),
    /// The peer took no byte for ten seconds while some were queued.
    #[error("the peer stopped reading")]
    Stalled,
}

/// Runs until the connection ends; the session is left detached unless a newer connection has it.
/// `on_event` is called for everything that happens, on this task, after the engine has returned,
/// so it may use the session freely.
pub async fn pump<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    on_event: impl FnMut(Event),
) -> Closed {
    pump_within(stream, framer, session, outbox, &Share::unlimited(), on_event).await
}

/// The same for one peer of many: one that has used up its share of the thread's time is not read
/// from until it has paid it back.
pub async fn pump_within<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    share: &Share,
    mut on_event: impl FnMut(Event),
) -> Closed {
    let closed = run(stream, framer, session, outbox, share, &mut on_event).await;
    if session.is_attached_to(outbox) {
        session.detach();
        drain(session, &mut on_event);
    }
    closed
}

fn drain(session: &Session, on_event: &mut impl FnMut(Event)) {
    while let Some(e) = session.next_event() {
        on_event(e);
    }
}

async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    share: &Share,
    on_event: &mut impl FnMut(Event),
) -> Closed {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut next_tick = Instant::now();
    let mut input = vec![0u8; READ_BUFFER];
    let mut output = Unsent::new();
    let mut turn = ReadTurn::default();
    loop {
        // Looked at each time round: a peer that is always ready to be read must not keep timers
        // from running.
        if Instant::now() >= next_tick {
            next_tick = Instant::now() + TICK;
            if output.is_stalled() {
                return Closed::Stalled;
            }
            if session.is_attached_to(outbox) {
                session.tick();
                drain(session, on_event);
            }
        }
        let wait = share.wait(StdInstant::now());
        let its_turn = wait.is_zero();
        let working = its_turn && session.is_attached_to(outbox) && timed(share, || session.work());
        drain(session, on_event);
        output.refill(outbox);
        if output.is_done() && outbox.closed() {
            let _ = tokio::time::timeout(LAST_WORDS_MAX, writer.shutdown()).await;
            return if taken_over(session, outbox) { Closed::Displaced } else { Closed::BySession };
        }
        let frames = |framer: &mut Framer, turn: &mut ReadTurn, on_event: &mut _| {
            timed(share, || turn.frames(framer, session, outbox, on_event))
        };
        tokio::select! {
            biased;
            step = advance(&mut writer, output.rest()), if !output.is_done() => match step {
                Ok(WriteStep { written: 0, flushed: false }) => return Closed::ByPeer,
                Ok(step) => output.advanced(&step),
                Err(e) => return Closed::Io(e),
            },
            // The others of this thread have their turn before this connection goes on.
            () = tokio::task::yield_now(), if its_turn && (turn.over || working) => {
                if let Err(e) = frames(framer, &mut turn, on_event) {
                    return e;
                }
            }
            () = tokio::time::sleep(wait), if !its_turn => {}
            n = reader.read(&mut input), if its_turn && !turn.over => match n {
                Ok(0) => return Closed::ByPeer,
                Ok(n) => {
                    framer.push(&input[..n]);
                    if let Err(e) = frames(framer, &mut turn, on_event) {
                        return e;
                    }
                }
                Err(e) => return Closed::Io(e),
            },
            // What is queued while something is being written is taken when that is done.
            () = outbox.changed(), if output.is_done() => {}
            _ = timer.tick() => next_tick = Instant::now(),
        }
    }
}

/// What was taken from the outbox and has not left.
struct Unsent {
    bytes: Vec<u8>,
    written: usize,
    /// Bytes were written that the stream has not flushed.
    unflushed: bool,
    /// When the peer last took something, or there last was nothing to take.
    progress: Instant,
}

impl Unsent {
    fn new() -> Self {
        Self { bytes: Vec::new(), written: 0, unflushed: false, progress: Instant::now() }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Everything has been written and flushed.
    fn is_done(&self) -> bool {
        self.rest().is_empty() && !self.unflushed
    }

    fn is_stalled(&self) -> bool {
        !self.is_done() && self.progress.elapsed() >= WRITE_STALL_MAX
    }

    /// Takes what is queued, once everything before it is written.
    fn refill(&mut self, outbox: &Outbox) {
        if !self.rest().is_empty() {
            return;
        }
        outbox.take(&mut self.bytes);
        self.written = 0;
        if !self.bytes.is_empty() && !self.unflushed {
            self.progress = Instant::now();
        }
    }

    fn advanced(&mut self, step: &WriteStep) {
        self.written += step.written;
        self.unflushed = !step.flushed;
        self.progress = Instant::now();
    }
}

/// Messages of one connection before the others of its thread have their turn.
const FRAMES_PER_TURN: u32 = 32;
/// Time for the messages of one connection before the others have their turn; the message that it
/// ends in is finished.
const TURN_MAX: Duration = Duration::from_millis(1);

/// Does something for a peer, at the cost of its share.
fn timed<T>(share: &Share, f: impl FnOnce() -> T) -> T {
    let began = StdInstant::now();
    let done = f();
    let now = StdInstant::now();
    share.spend(now, now.saturating_duration_since(began));
    done
}

/// How far a connection is in its turn.
#[derive(Default)]
struct ReadTurn {
    frames: u32,
    /// There may be more whole frames, and they wait for the next turn.
    over: bool,
}

impl ReadTurn {
    /// Hands whole frames to the session until there are none, or the turn is over.
    fn frames(
        &mut self,
        framer: &mut Framer,
        session: &Session,
        outbox: &Rc<Outbox>,
        on_event: &mut impl FnMut(Event),
    ) -> Result<(), Closed> {
        if std::mem::take(&mut self.over) {
            self.frames = 0;
        }
        let began = StdInstant::now();
        while self.frames < FRAMES_PER_TURN && (self.frames == 0 || began.elapsed() < TURN_MAX) {
            if !one_frame(framer, session, outbox, on_event)? {
                return Ok(());
            }
            self.frames += 1;
        }
        self.over = true;
        Ok(())
    }
}

struct WriteStep {
    written: usize,
    /// Everything, earlier steps included, has left.
    flushed: bool,
}

/// Writes what it can of `rest` and flushes after the last of it. Cancel-safe: a call dropped while
/// it waits has written nothing.
async fn advance(writer: &mut (impl AsyncWrite + Unpin), rest: &[u8]) -> io::Result<WriteStep> {
    poll_fn(|cx| {
        let written = match rest {
            [] => 0,
            _ => match Pin::new(&mut *writer).poll_write(cx, rest) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            },
        };
        if written < rest.len() {
            return Poll::Ready(Ok(WriteStep { written, flushed: false }));
        }
        match Pin::new(&mut *writer).poll_flush(cx) {
            Poll::Ready(flushed) => {
                Poll::Ready(flushed.map(|()| WriteStep { written, flushed: true }))
            }
            Poll::Pending if written > 0 => Poll::Ready(Ok(WriteStep { written, flushed: false })),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

fn taken_over(session: &Session, outbox: &Rc<Outbox>) -> bool {
    !session.is_attached_to(outbox) && session.sequence().is_some()
}

/// Hands every whole frame to the session.
///
/// # Errors
/// The connection ends: it has been taken over, or what came is not FIX.
pub fn frames(
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    on_event: &mut impl FnMut(Event),
) -> Result<(), Closed> {
    while one_frame(framer, session, outbox, on_event)? {}
    Ok(())
}

/// Hands the next whole frame to the session; `false`: there is none. Frames that arrive on a
/// connection which has been taken over are dropped: the newer one asks for them again.
fn one_frame(
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    on_event: &mut impl FnMut(Event),
) -> Result<bool, Closed> {
    let Some(framed) = framer.next_framed()? else { return Ok(false) };
    if !session.is_attached_to(outbox) {
        return Err(Closed::Displaced);
    }
    let (received, len) = match framed {
        Framed::Frame(frame) => (session.receive(frame), frame.len()),
        Framed::TooLong(beginning) => (session.receive_too_long(beginning), 0),
    };
    // Events are fetched after each frame, so the session has room for those of the next.
    drain(session, on_event);
    if received == Err(ReceiveError::Garbled) {
        tracing::debug!("a garbled message was ignored, as FIX wants");
        framer.was_garbled(len)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::{Binding, Role, SessionConfig},
        store::MemoryStore,
    };
    use signet_identity::CompId;
    use signet_rfq::UtcMillis;

    fn initiator(name: &str) -> (Session, Rc<Outbox>) {
        let id = |s: String| CompId::new(s).unwrap();
        let (sender, target) = (id(format!("PUMP-{name}")), id(format!("PEER-{name}")));
        let config =
            SessionConfig { role: Role::Initiator, sender, target, heartbeat_s: 10, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        session.tick();
        (session, outbox)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_byte_is_gone_in_the_end() {
        let (session, outbox) = initiator("STALL");
        // Less than a Logon.
        let (ours, _theirs) = tokio::io::duplex(16);
        let began = Instant::now();
        let closed = pump(ours, &mut Framer::new(), &session, &outbox, |_| {}).await;
        assert!(matches!(closed, Closed::Stalled), "{closed:?}");
        assert!(
            (WRITE_STALL_MAX..WRITE_STALL_MAX + 2 * TICK).contains(&began.elapsed()),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_a_byte_now_and_then_is_not() {
        let (session, outbox) = initiator("SLOW");
        let (ours, mut theirs) = tokio::io::duplex(16);
        let reads = async {
            let mut logon = vec![];
            while !logon.ends_with(b"\x01") || !logon.windows(4).any(|w| w == b"\x0110=") {
                tokio::time::sleep(WRITE_STALL_MAX - 2 * TICK).await;
                let mut part = [0; 8];
                let n = theirs.read(&mut part).await.unwrap();
                logon.extend_from_slice(&part[..n]);
            }
            logon
        };
        let mut framer = Framer::new();
        tokio::select! {
            closed = pump(ours, &mut framer, &session, &outbox, |_| {}) => panic!("{closed}"),
            logon = reads => assert!(logon.starts_with(b"8=FIX.4.4")),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_task_sends_is_written_without_waiting_for_a_timer() {
        let (session, outbox) = initiator("OTHER");
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let mut framer = Framer::new();
        let other = async {
            let mut part = [0; 4096];
            assert!(theirs.read(&mut part).await.unwrap() > 0);
            tokio::task::yield_now().await;
            let began = Instant::now();
            outbox.close();
            while theirs.read(&mut part).await.unwrap() > 0 {}
            began.elapsed()
        };
        let (closed, took) =
            tokio::join!(pump(ours, &mut framer, &session, &outbox, |_| {}), other);
        assert!(matches!(closed, Closed::BySession), "{closed:?}");
        assert_eq!(took, Duration::ZERO);
    }

    /// A peer that always has something to read and takes nothing, or everything.
    struct Flood {
        frame: Vec<u8>,
        reads: u32,
        takes: bool,
    }

    impl AsyncRead for Flood {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.reads > 0 {
                self.reads -= 1;
                buf.put_slice(&self.frame);
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Flood {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            b: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.takes { Poll::Ready(Ok(b.len())) } else { Poll::Pending }
        }
        fn poll_flush(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A Reject that says nothing, before the Logon: it is passed over.
    fn ignored() -> Vec<u8> {
        crate::tagvalue::seal("FIX.4.4", b"35=3\x0134=99\x0145=1\x01")
    }

    /// tokio takes a task off the thread by itself after 128 steps; a turn is shorter than that.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_always_ready_leaves_the_others_their_turns() {
        let (session, outbox) = initiator("FAIR");
        let reads = 20_000;
        let flood = Flood { frame: ignored(), reads, takes: true };
        let mut framer = Framer::new();
        let turns = std::cell::Cell::new(0u32);
        let others = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            closed = pump(flood, &mut framer, &session, &outbox, |_| {}) => assert!(matches!(closed, Closed::ByPeer), "{closed:?}"),
            () = others => {}
        }
        assert!(turns.get() >= reads / FRAMES_PER_TURN, "{}", turns.get());
    }

    /// What a peer wrote beyond its share stays in its socket.
    #[tokio::test]
    async fn a_peer_that_has_used_up_its_share_is_not_read_from() {
        let (session, outbox) = initiator("SHARE");
        let share = Share::new(1, Duration::ZERO);
        share.spend(StdInstant::now(), Duration::from_secs(3_600));
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut framer = Framer::new();
        let writes = async {
            theirs.write_all(&ignored().repeat(1_000)).await.unwrap();
            panic!("everything was taken from the socket");
        };
        let end = tokio::time::timeout(Duration::from_millis(200), async {
            tokio::select! {
                closed = pump_within(ours, &mut framer, &session, &outbox, &share, |_| {}) => panic!("{closed}"),
                () = writes => {}
            }
        });
        assert!(end.await.is_err(), "neither of them ends");
    }

    #[tokio::test(start_paused = true)]
    async fn timers_run_while_a_peer_is_always_ready_to_be_read() {
        let (session, outbox) = initiator("TIMERS");
        let flood = Flood { frame: ignored(), reads: u32::MAX, takes: false };
        let mut framer = Framer::new();
        let clock = async {
            loop {
                tokio::time::advance(TICK).await;
            }
        };
        tokio::select! {
            closed = pump(flood, &mut framer, &session, &outbox, |_| {}) => assert!(matches!(closed, Closed::Stalled), "{closed:?}"),
            () = clock => {}
        }
    }
}
