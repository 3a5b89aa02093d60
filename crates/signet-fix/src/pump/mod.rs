//! Moves bytes between one connection and one session until either ends.

mod write;

use self::write::{WriteStep, advance};
use crate::{
    framer::{FrameError, Framed, Framer},
    session::{Event, Outbox, ReceiveError, Session},
    share::Share,
    signature::{SignError, check::Upcoming},
};
use std::{
    io,
    rc::Rc,
    time::{Duration, Instant as StdInstant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, Interval, MissedTickBehavior},
};

/// How often a session's timers run. HeartBtInt is counted in seconds.
const TICK: Duration = Duration::from_millis(500);
/// A peer that takes no byte for this long is gone. Looked at with the session's timers, so that
/// writing a message moves no timer of its own.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(10);
/// Whatever was written last may take this long to reach the peer; a stream may have a limit of its
/// own below it.
const LAST_WORDS_MAX: Duration = Duration::from_secs(3);
/// A message whose signature another thread has not made for so long never leaves, and its
/// connection ends: whoever reads it later would take it for new.
const SIGNATURE_MAX: Duration = Duration::from_secs(10);
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
    /// A message of this end could not be signed, or not in time: nothing leaves unsigned. At
    /// fault: this end's key, or what holds it.
    #[error(transparent)]
    Unsigned(SignError),
}

/// Runs until the connection ends; the session is left detached unless a newer connection has it.
/// `on_event` is called for everything that happens, on this task, after the engine has returned,
/// so it may use the session freely. When it returns, the event counts as dealt with; see
/// [`Session::next_event`].
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
    let mut ticks = Ticks::new();
    let mut input = vec![0u8; READ_BUFFER];
    let mut output = Unsent::new();
    let mut incoming = Incoming::new(framer, session, outbox, share);
    // Nothing more can be written; what was read is still handed over.
    let mut broken = None;
    loop {
        if ticks.are_due() {
            if output.is_stalled() {
                broken = broken.or(Some(Closed::Stalled));
            }
            output.last_words_in_time(outbox);
            if session.is_attached_to(outbox) {
                session.tick();
                drain(session, on_event);
            }
        }
        if let Some(why) = broken.take_if(|_| !incoming.has_more()) {
            return why;
        }
        let wait = share.wait(StdInstant::now());
        let its_turn = wait.is_zero();
        let working = its_turn && session.is_attached_to(outbox) && timed(share, || session.work());
        drain(session, on_event);
        output.refill(outbox, share);
        if output.is_done() && outbox.closed() && !outbox.is_signing() {
            let _ = tokio::time::timeout(LAST_WORDS_MAX, writer.shutdown()).await;
            return output.ended(taken_over(session, outbox), outbox);
        }
        let hears = its_turn && (broken.is_some() || !outbox.signs_last_words());
        let (over, waiting) = (incoming.turn.over, incoming.upcoming.is_waiting());
        let writes = broken.is_none() && !output.is_done();
        let reads = broken.is_none() && hears && !over && !waiting;
        let done = tokio::select! {
            biased;
            step = advance(&mut writer, output.rest()), if writes => {
                broken = output.wrote(step).err();
                Ok(())
            }
            // The others of this thread have their turn before this connection goes on.
            () = tokio::task::yield_now(), if hears && (over || working) => {
                incoming.frames(on_event)
            }
            () = tokio::time::sleep(wait), if !its_turn => Ok(()),
            () = incoming.upcoming.answered(), if hears && !over && waiting => {
                incoming.frames(on_event)
            }
            // Not while a frame waits for its verdict: so no end of the stream is seen before
            // everything that came before it was acted on and answered.
            n = reader.read(&mut input), if reads => {
                incoming.read(n.map(|n| &input[..n]), on_event)
            }
            // What is queued while something is being written is taken when that is done.
            () = outbox.changed(), if output.is_done() => Ok(()),
            () = ticks.next() => Ok(()),
        };
        if let Some(why) = output.end_of(done, outbox) {
            return why;
        }
    }
}

/// When the session's timers run.
struct Ticks {
    timer: Interval,
    next: Instant,
}

impl Ticks {
    fn new() -> Self {
        let mut timer = tokio::time::interval(TICK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { timer, next: Instant::now() }
    }

    /// Looked at each time round: a peer that is always ready to be read must not keep timers from
    /// running.
    fn are_due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.next;
        if due {
            self.next = now + TICK;
        }
        due
    }

    /// Resolves when they are due. A call that is dropped has missed nothing.
    async fn next(&mut self) {
        self.timer.tick().await;
        self.next = Instant::now();
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
    /// Since when the session has ended and nothing but what it said last, which is being signed,
    /// is left to write.
    ending: Option<Instant>,
    /// Since when nothing is left to write but what stands behind a signature that is being made.
    unsigned: Option<Instant>,
    /// The peer closed the connection, and what is being signed for it leaves before the end.
    hung_up: bool,
}

impl Unsent {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            written: 0,
            unflushed: false,
            progress: Instant::now(),
            ending: None,
            unsigned: None,
            hung_up: false,
        }
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

    /// Takes what may leave, once everything before it is written.
    fn refill(&mut self, outbox: &Outbox, share: &Share) {
        if !self.rest().is_empty() {
            return;
        }
        outbox.take(&mut self.bytes);
        let spent = outbox.take_spent();
        if !spent.is_zero() {
            share.spend(StdInstant::now(), spent);
        }
        self.written = 0;
        if !self.bytes.is_empty() && !self.unflushed {
            self.progress = Instant::now();
        }
        self.signed_in_time(outbox);
    }

    /// Gives up messages whose signatures do not come in time. What has been signed was taken
    /// before, however late this is called.
    fn signed_in_time(&mut self, outbox: &Outbox) {
        if outbox.closed() || !outbox.is_signing() || !self.is_done() {
            self.unsigned = None;
            return;
        }
        let since = *self.unsigned.get_or_insert_with(Instant::now);
        if since.elapsed() >= SIGNATURE_MAX {
            outbox.was_not_signed_within(SIGNATURE_MAX);
        }
    }

    /// Gives up last words whose signatures do not come in time. Nobody looks whether they have
    /// come while the peer still takes what stands before them.
    fn last_words_in_time(&mut self, outbox: &Outbox) {
        if !outbox.signs_last_words() || !self.is_done() {
            self.ending = None;
            return;
        }
        let since = *self.ending.get_or_insert_with(Instant::now);
        if since.elapsed() >= LAST_WORDS_MAX {
            outbox.give_up();
        }
    }

    /// Why the connection ends now. What is being signed for a peer that has hung up leaves first:
    /// it answers what the peer said before.
    fn end_of(&mut self, done: Result<(), Closed>, outbox: &Outbox) -> Option<Closed> {
        let why = done.err()?;
        if !matches!(why, Closed::ByPeer) || !outbox.is_signing() {
            return Some(why);
        }
        self.hung_up = true;
        outbox.close();
        None
    }

    fn ended(&self, taken_over: bool, outbox: &Outbox) -> Closed {
        match (taken_over, outbox.failure(), self.hung_up) {
            (true, ..) => Closed::Displaced,
            (false, Some(why), _) => Closed::Unsigned(why),
            (false, None, true) => Closed::ByPeer,
            (false, None, false) => Closed::BySession,
        }
    }

    /// Takes note of a step; an error when there can be no further one.
    fn wrote(&mut self, step: io::Result<WriteStep>) -> Result<(), Closed> {
        match step {
            Ok(WriteStep { written: 0, flushed: false }) => Err(Closed::ByPeer),
            Ok(WriteStep { written, flushed }) => {
                self.written += written;
                self.unflushed = !flushed;
                self.progress = Instant::now();
                Ok(())
            }
            Err(e) => Err(Closed::Io(e)),
        }
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
    /// Time of its parts that ended because a frame waited for its verdict.
    took: Duration,
    /// There may be more whole frames, and they wait for the next turn.
    over: bool,
}

impl ReadTurn {
    /// Whether there is time for one more frame in the part of the turn that began then.
    fn goes_on(&self, began: StdInstant) -> bool {
        let in_time = || self.took.saturating_add(began.elapsed()) < TURN_MAX;
        self.frames < FRAMES_PER_TURN && (self.frames == 0 || in_time())
    }
}

/// What became of the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The session has it.
    Taken,
    /// Its signature is still being verified.
    Waits,
    /// There is none yet.
    Missing,
}

/// What comes in on one connection, and how far it is.
struct Incoming<'a> {
    framer: &'a mut Framer,
    session: &'a Session,
    outbox: &'a Rc<Outbox>,
    share: &'a Share,
    upcoming: Upcoming,
    turn: ReadTurn,
}

impl<'a> Incoming<'a> {
    fn new(
        framer: &'a mut Framer,
        session: &'a Session,
        outbox: &'a Rc<Outbox>,
        share: &'a Share,
    ) -> Self {
        let upcoming = Upcoming::new(session.checker(outbox));
        Self { framer, session, outbox, share, upcoming, turn: ReadTurn::default() }
    }

    /// Whether frames that came have not been handed over.
    fn has_more(&self) -> bool {
        self.turn.over || self.upcoming.is_waiting()
    }

    /// What the stream gave: bytes, its end, or an error.
    fn read(
        &mut self,
        bytes: io::Result<&[u8]>,
        on_event: &mut impl FnMut(Event),
    ) -> Result<(), Closed> {
        match bytes {
            Ok([]) => Err(Closed::ByPeer),
            Ok(bytes) => {
                self.framer.push(bytes);
                self.frames(on_event)
            }
            Err(e) => Err(Closed::Io(e)),
        }
    }

    /// Hands whole frames to the session until there are none, one waits, or the turn is over.
    fn frames(&mut self, on_event: &mut impl FnMut(Event)) -> Result<(), Closed> {
        timed(self.share, || self.one_turn(on_event))
    }

    fn one_turn(&mut self, on_event: &mut impl FnMut(Event)) -> Result<(), Closed> {
        if self.turn.over {
            self.turn = ReadTurn::default();
        }
        let began = StdInstant::now();
        while self.turn.goes_on(began) {
            match self.one_frame(on_event)? {
                Next::Taken => self.turn.frames += 1,
                Next::Waits => {
                    self.turn.took = self.turn.took.saturating_add(began.elapsed());
                    return Ok(());
                }
                // What is read later takes its own time.
                Next::Missing => {
                    self.turn.took = Duration::ZERO;
                    return Ok(());
                }
            }
        }
        self.turn.over = true;
        Ok(())
    }

    /// Hands the next whole frame to the session, if it waits for nothing.
    fn one_frame(&mut self, on_event: &mut impl FnMut(Event)) -> Result<Next, Closed> {
        let in_use = self.session.is_attached_to(self.outbox);
        // Nothing of a connection that has ended is acted on, so nothing of it is waited for.
        if in_use && !self.outbox.closed() {
            self.upcoming.look(self.framer);
            if self.upcoming.is_waiting() {
                return Ok(Next::Waits);
            }
        }
        let Some(framed) = self.framer.next_framed()? else { return Ok(Next::Missing) };
        // Frames that arrive on a connection which has been taken over are dropped: the newer one
        // asks for them again.
        if !in_use {
            return Err(Closed::Displaced);
        }
        let (received, len) = match framed {
            Framed::Frame(frame) => {
                let known = self.upcoming.handed_out();
                if let Some(judged) = &known {
                    self.share.spend(StdInstant::now(), judged.took());
                }
                (self.session.receive_known(frame, known), frame.len())
            }
            Framed::TooLong(beginning) => (self.session.receive_too_long(beginning), 0),
        };
        // Events are fetched after each frame, so the session has room for those of the next.
        drain(self.session, on_event);
        if received == Err(ReceiveError::Garbled) {
            tracing::debug!("a garbled message was ignored, as FIX wants");
            self.framer.was_garbled(len)?;
        }
        Ok(Next::Taken)
    }
}

fn taken_over(session: &Session, outbox: &Rc<Outbox>) -> bool {
    !session.is_attached_to(outbox) && session.sequence().is_some()
}

/// Hands every whole frame to the session, on whose thread all signatures are verified.
///
/// # Errors
/// The connection ends: it has been taken over, or what came is not FIX.
pub fn frames(
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    on_event: &mut impl FnMut(Event),
) -> Result<(), Closed> {
    let share = Share::unlimited();
    let upcoming = Upcoming::default();
    let turn = ReadTurn::default();
    let mut incoming = Incoming { framer, session, outbox, share: &share, upcoming, turn };
    while incoming.one_frame(on_event)? == Next::Taken {}
    Ok(())
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
    use std::{pin::Pin, task::Poll};

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
