//! Connections whose sockets and TLS are on threads of their own (`gateway.connection_threads`):
//! handshake, records and system calls. The trading thread keeps framing, sessions, decisions and
//! their order, and reads and writes plain bytes.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `pipe.rs` | the bounded way of the bytes, and what its two ends tell each other |
//! | `carrier.rs` | the task that moves them, one for each connection |
//! | `wire.rs` | one type for a stream that is carried and one that is not |
//! | `desk.rs` | the handshake of a desk, on either kind of thread |
//!
//! Nothing here grows with what a peer sends: jobs that have not begun, bytes on their way and the
//! time that an end may take are bounded. A fault in the handling of one connection ends that
//! connection, as it does without these threads.

mod carrier;
mod desk;
mod pipe;
mod wire;

pub(super) use desk::{Handshaken, handshake};
pub(super) use pipe::{Aborter, Carried};
pub(super) use wire::Wire;

use crate::threads::{HostedThread, LocalFuture};
use carrier::{LAST_WORDS_MAX, Scratch, Socket, carry};
use prometheus_client::metrics::gauge::Gauge;
use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinError, JoinSet},
    time::timeout,
};

/// Connections that a thread has not begun with: twice as many as desks may be in their handshake
/// by default (`limits.admission_places`). Beyond it connections are refused.
const JOBS_MAX: usize = 1_024;

/// Begins one connection on the thread that gives it its place.
type Job = Box<dyn FnOnce(Place) -> LocalFuture<()> + Send>;

/// What a connection has of its thread.
struct Place {
    scratch: Scratch,
    stop: watch::Receiver<bool>,
}

impl Place {
    /// Returns when the thread is to end.
    fn ends(&self) -> impl Future<Output = ()> + use<> {
        told(self.stop.clone())
    }
}

async fn told(mut stop: watch::Receiver<bool>) {
    // Nobody left to tell it is the end as well.
    let _ = stop.wait_for(|ends| *ends).await;
}

/// The threads. Dropping them closes every connection: what is in the pipes is written first, for
/// as long as last words may take.
pub(crate) struct ConnectionThreads {
    stop: watch::Sender<bool>,
    connections: Connections,
    threads: Vec<HostedThread>,
}

/// The way to them, for the trading thread.
#[derive(Clone)]
pub(crate) struct Connections {
    lanes: Vec<Lane>,
    /// `signet_carried_connections`.
    gauge: Gauge,
}

/// One thread as it is seen from outside.
#[derive(Clone)]
struct Lane {
    jobs: mpsc::Sender<Job>,
    connections: Arc<AtomicUsize>,
}

impl ConnectionThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system has none to give.
    pub(crate) fn start(count: usize, gauge: Gauge) -> io::Result<Self> {
        let connections = Connections { lanes: Vec::new(), gauge };
        let mut made = Self { stop: watch::Sender::new(false), connections, threads: Vec::new() };
        for n in 0..count {
            let (jobs, queue) = mpsc::channel(JOBS_MAX);
            let stop = made.stop.subscribe();
            // It is told to end by `stop`, as its connections are.
            let body = move |_| serve(queue, stop);
            made.threads.push(HostedThread::spawn(&format!("connection-{n}"), body)?);
            made.connections.lanes.push(Lane { jobs, connections: Arc::default() });
        }
        Ok(made)
    }

    /// For who has connections to hand over.
    pub(crate) fn way(&self) -> Connections {
        self.connections.clone()
    }

    /// Begins what dropping them does, and does not wait for its end.
    pub(crate) fn tell_to_end(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for ConnectionThreads {
    fn drop(&mut self) {
        // All at once; then each is waited for.
        self.tell_to_end();
        self.threads.clear();
    }
}

/// One thread, until it is told to end.
async fn serve(mut queue: mpsc::Receiver<Job>, stop: watch::Receiver<bool>) {
    let scratch = Scratch::default();
    let mut connections = JoinSet::new();
    let mut ends = pin!(told(stop.clone()));
    loop {
        tokio::select! {
            job = queue.recv() => match job {
                Some(job) => {
                    let place = Place { scratch: scratch.clone(), stop: stop.clone() };
                    connections.spawn_local(job(place));
                }
                None => break,
            },
            Some(ended) = connections.join_next() => tell_fault(ended),
            () = &mut ends => break,
        }
    }
    drop(queue);
    let rest = async {
        while let Some(ended) = connections.join_next().await {
            tell_fault(ended);
        }
    };
    // Each of them keeps to the time of last words.
    let _ = timeout(LAST_WORDS_MAX.saturating_mul(2), rest).await;
}

fn tell_fault(ended: Result<(), JoinError>) {
    if ended.is_err_and(|e| e.is_panic()) {
        let what = "connection";
        tracing::error!(code = "gateway.fault", what, "a fault of the gateway itself; closed");
    }
}

/// No thread takes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoThread {
    /// It has too many to begin with.
    #[error(
        "the connection threads are behind; more of them, with cores of their own, would help \
        (gateway.connection_threads)"
    )]
    Full,
    /// All have ended, by a fault or because the gateway ends.
    #[error("the connection threads have ended; restart the gateway")]
    Ended,
}

/// Why there is no connection. `establish` of [`Connections::carried`] says so, too.
pub(super) struct Refused<R> {
    pub(super) why: R,
    /// What is still done with the socket.
    pub(super) last: Option<LocalFuture<()>>,
}

impl<R> Refused<R> {
    /// Nothing is left to do.
    pub(super) fn at_once(why: R) -> Self {
        Self { why, last: None }
    }
}

/// The same for who asked.
pub(super) enum NotCarried<R> {
    NoThread(NoThread),
    Refused(R, Lingering),
}

/// What is still done with the socket of a connection that was refused. Dropped, it is closed.
pub(super) enum Lingering {
    Here(LocalFuture<()>),
    OnThread(oneshot::Receiver<Infallible>),
}

impl Lingering {
    /// Returns when it is over.
    pub(super) async fn over(self) {
        match self {
            Self::Here(last) => last.await,
            Self::OnThread(over) => {
                let _ = over.await;
            }
        }
    }
}

/// A connection and what is to be known of it. Or why there is none, and a channel that is closed
/// once the thread has done with the socket.
type Answer<T, R> = Result<(Carried, T), (R, oneshot::Receiver<Infallible>)>;

impl Connections {
    /// Has `establish` run on the thread with the fewest connections, and that thread carry the
    /// bytes of the stream which it gives. Whoever stops waiting has the socket closed at once.
    pub(super) async fn carried<Fut, S, T, R>(
        &self,
        establish: impl FnOnce() -> Fut + Send + 'static,
    ) -> Result<(Carried, T), NotCarried<R>>
    where
        Fut: Future<Output = Result<(S, T), Refused<R>>> + 'static,
        S: Socket + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.put(move |place, counted| Box::pin(one(establish, reply, place, counted)))
            .map_err(NotCarried::<R>::NoThread)?;
        match answer.await {
            Ok(Ok(carried)) => Ok(carried),
            Ok(Err((why, over))) => Err(NotCarried::Refused(why, Lingering::OnThread(over))),
            Err(_) => Err(NotCarried::NoThread(NoThread::Ended)),
        }
    }

    fn put(
        &self,
        begin: impl FnOnce(Place, Counted) -> LocalFuture<()> + Send + 'static,
    ) -> Result<(), NoThread> {
        let open = self.lanes.iter().filter(|l| !l.jobs.is_closed());
        let lane = open.min_by_key(|l| l.connections.load(Relaxed)).ok_or(NoThread::Ended)?;
        let counted = Counted::new(lane.connections.clone(), self.gauge.clone());
        let job: Job = Box::new(move |place| begin(place, counted));
        lane.jobs.try_send(job).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => NoThread::Full,
            mpsc::error::TrySendError::Closed(_) => NoThread::Ended,
        })
    }
}

/// A connection that counts for its thread, from when it is handed over.
struct Counted {
    connections: Arc<AtomicUsize>,
    gauge: Gauge,
}

impl Counted {
    fn new(connections: Arc<AtomicUsize>, gauge: Gauge) -> Self {
        connections.fetch_add(1, Relaxed);
        gauge.inc();
        Self { connections, gauge }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Relaxed);
        self.gauge.dec();
    }
}

/// One connection, from its handshake to its end.
async fn one<Fut, S, T, R>(
    establish: impl FnOnce() -> Fut,
    mut reply: oneshot::Sender<Answer<T, R>>,
    place: Place,
    _counted: Counted,
) where
    Fut: Future<Output = Result<(S, T), Refused<R>>>,
    S: Socket,
{
    if reply.is_closed() {
        return;
    }
    let established = tokio::select! {
        biased;
        () = reply.closed() => return,
        () = place.ends() => return,
        established = establish() => established,
    };
    match established {
        Ok((socket, told)) => {
            let (carried, far) = pipe::pipe();
            if reply.send(Ok((carried, told))).is_ok() {
                let ends = place.ends();
                carry(socket, far, place.scratch, ends).await;
            }
        }
        Err(Refused { why, last }) => {
            let (mut over, lingering) = oneshot::channel();
            // Told before the hanging up, which takes as long as the peer likes.
            let told = reply.send(Err((why, lingering))).is_ok();
            if let Some(last) = last.filter(|_| told) {
                tokio::select! {
                    () = last => {}
                    () = over.closed() => {}
                    () = place.ends() => {}
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "carried_tests.rs"]
mod tests;
