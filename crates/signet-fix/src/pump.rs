//! Moves bytes between one connection and one session until either ends.

use crate::{
    framer::{FrameError, Framer},
    session::{Event, Outbox, Session},
};
use std::{io, rc::Rc, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How often a session's timers run. HeartBtInt is counted in seconds.
const TICK: Duration = Duration::from_millis(500);
/// A peer that takes no byte for this long is gone.
const WRITE_STALL_MAX: Duration = Duration::from_secs(10);
const READ_BUFFER: usize = 16 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    #[error("the peer closed the connection")]
    ByPeer,
    #[error("the session ended the connection")]
    BySession,
    #[error("a newer connection took over")]
    Displaced,
    #[error("the connection failed: {0}")]
    Io(#[source] io::Error),
    #[error(transparent)]
    NotFix(#[from] FrameError),
    #[error("the peer stopped reading")]
    Stalled,
}

/// Runs until the connection ends; the session is left detached unless a newer connection has it.
/// `on_event` is called for everything that happens, on this task, after the engine has returned, so
/// it may use the session freely.
pub async fn pump<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    framer: &mut Framer,
    session: &Session,
    outbox: &Rc<Outbox>,
    mut on_event: impl FnMut(Event),
) -> Closed {
    let closed = run(stream, framer, session, outbox, &mut on_event).await;
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
    on_event: &mut impl FnMut(Event),
) -> Closed {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut input = vec![0u8; READ_BUFFER];
    let mut output: Vec<u8> = Vec::new();
    let mut written = 0;
    let mut unflushed = false;
    let stall = tokio::time::sleep(WRITE_STALL_MAX);
    tokio::pin!(stall);
    loop {
        if written == output.len() {
            outbox.take(&mut output);
            written = 0;
        }
        let writing = written < output.len();
        if !writing && !unflushed && outbox.closed() {
            let _ = tokio::time::timeout(Duration::from_secs(1), writer.shutdown()).await;
            return if taken_over(session, outbox) { Closed::Displaced } else { Closed::BySession };
        }
        tokio::select! {
            biased;
            step = advance(&mut writer, &output[written..]), if writing || unflushed => match step {
                Ok(Step::Wrote(0)) => return Closed::ByPeer,
                Ok(Step::Wrote(n)) => {
                    written += n;
                    unflushed = true;
                    stall.as_mut().reset(tokio::time::Instant::now() + WRITE_STALL_MAX);
                }
                Ok(Step::Flushed) => unflushed = false,
                Err(e) => return Closed::Io(e),
            },
            () = stall.as_mut(), if writing || unflushed => return Closed::Stalled,
            n = reader.read(&mut input) => match n {
                Ok(0) => return Closed::ByPeer,
                Ok(n) => {
                    framer.push(&input[..n]);
                    if let Err(e) = frames(framer, session, outbox, on_event) {
                        return e;
                    }
                }
                Err(e) => return Closed::Io(e),
            },
            () = outbox.changed() => {
                if !writing && !unflushed {
                    stall.as_mut().reset(tokio::time::Instant::now() + WRITE_STALL_MAX);
                }
            }
            _ = timer.tick() => {
                if session.is_attached_to(outbox) {
                    session.tick();
                    drain(session, on_event);
                }
            }
        }
    }
}

enum Step {
    Wrote(usize),
    Flushed,
}

/// Writes what is left, or flushes when nothing is. Cancel-safe: a dropped call has written nothing.
async fn advance(writer: &mut (impl AsyncWrite + Unpin), rest: &[u8]) -> io::Result<Step> {
    if rest.is_empty() { writer.flush().await.map(|()| Step::Flushed) } else { writer.write(rest).await.map(Step::Wrote) }
}

fn taken_over(session: &Session, outbox: &Rc<Outbox>) -> bool {
    !session.is_attached_to(outbox) && session.sequence().is_some()
}

/// Hands every whole frame to the session. Frames that arrive on a connection which has been taken
/// over are dropped: the newer one asks for them again.
pub fn frames(framer: &mut Framer, session: &Session, outbox: &Rc<Outbox>, on_event: &mut impl FnMut(Event)) -> Result<(), Closed> {
    while let Some(frame) = framer.next_frame()? {
        if !session.is_attached_to(outbox) {
            return Err(Closed::Displaced);
        }
        if let Err(e) = session.receive(frame) {
            tracing::debug!(error = %e, "a garbled message was ignored, as FIX wants");
        }
        drain(session, on_event);
    }
    Ok(())
}
