//! A race of whole TLS handshakes between the addresses of several hosts (RFC 8305 §5). What takes
//! TCP connections and then says nothing, as a load balancer before a dead server or a captive
//! portal does, holds nobody up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, pki_types::ServerName};
use signet_identity::Refusal;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::dial::open;
use crate::error::{DialError, ProxyError};
use crate::order::ATTEMPT_DELAY;
use crate::proxy::ProxySetting;
use crate::resolve::{Endpoint, Way, Ways};

/// How long a host that took a TCP connection is given for its handshake before another is tried
/// beside it: a gateway that a crowd comes back to is slow and knows the trader's requests, and
/// another one does not.
const HANDSHAKE_DELAY: Duration = Duration::from_secs(1);

/// How long a race may take, from its beginning.
#[derive(Debug, Clone, Copy)]
pub struct RaceLimits {
    /// For a TCP connection.
    pub connect: Duration,
    /// For the answer of a host that took the connection, and for the tunnel of a proxy. At most
    /// `connect`.
    pub answer: Duration,
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There is no TCP connection to the host: the host's fault, or that of the way to it.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// There is one, and no TLS over it: `TimedOut` when the host said nothing in time, else the
    /// I/O error of the handshake with rustls's error inside.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
}

/// An attempt that ended.
#[derive(Debug)]
pub struct Attempt {
    /// Its number: attempts are begun in this order.
    pub number: usize,
    /// The connection, or why there is none.
    pub outcome: Result<TlsStream<TcpStream>, AttemptError>,
}

/// Attempts to connect to any of several hosts, each of them a TCP connection and the handshake
/// over it. Each is begun a quarter of a second after the one before, a second after the first host
/// took a connection, or as soon as one fails. Hosts take turns, each with its next address; names
/// are resolved at the same time.
///
/// Only for a key that signs at once: every attempt may ask for a signature, and the handshakes run
/// on the caller's runtime. Dropping the race closes the connections of all attempts under way.
pub struct HandshakeRace {
    tls: Arc<ClientConfig>,
    hosts: Vec<(Endpoint, ServerName<'static>)>,
    ways: Ways,
    /// Bounded by the limits: one is begun each quarter of a second, others only when one ends.
    running: JoinSet<Attempt>,
    /// Told by each attempt that has its TCP connection.
    connected: (mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>),
    /// A host took a connection.
    taken: bool,
    /// How many attempts were begun.
    begun: usize,
    /// Every way has begun one.
    all_begun: bool,
    next_at: Instant,
    connect_by: Instant,
    answer_by: Instant,
}

impl HandshakeRace {
    /// Begins to resolve the names of these hosts, each with the name that its certificate must
    /// carry. Attempts are begun by [`Self::next`]. A host behind a proxy is one attempt.
    #[must_use]
    pub fn begin(
        tls: Arc<ClientConfig>,
        hosts: Vec<(Endpoint, ServerName<'static>)>,
        setting: &ProxySetting,
        limits: RaceLimits,
    ) -> Self {
        let endpoints: Vec<_> = hosts.iter().map(|(at, _)| at.clone()).collect();
        let now = Instant::now();
        Self {
            tls,
            hosts,
            ways: Ways::to(&endpoints, setting),
            running: JoinSet::new(),
            connected: mpsc::unbounded_channel(),
            taken: false,
            begun: 0,
            all_begun: false,
            next_at: now,
            connect_by: now + limits.connect,
            answer_by: now + limits.answer,
        }
    }

    /// The next attempt that ended, whichever way; the others go on. `None` when all have ended and
    /// none is left to begin. When the time is over, one last attempt that failed says so and those
    /// under way are given up. May be cancelled and called again.
    pub async fn next(&mut self) -> Option<Attempt> {
        let ended = timeout_at(self.connect_by, self.ended()).await;
        let Ok(ended) = ended else {
            self.stop();
            return Some(self.unconnected());
        };
        if ended.as_ref().is_some_and(Attempt::is_unanswered) && Instant::now() >= self.answer_by {
            // A host that takes a connection from here on would have no time to answer.
            self.stop();
        }
        ended
    }

    async fn ended(&mut self) -> Option<Attempt> {
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next() => {
                    self.next_at = Instant::now();
                    return Some(ended.unwrap_or_else(|_| self.unconnected()));
                }
                Some(()) = self.connected.1.recv(), if !self.running.is_empty() => {
                    // Once: further addresses of a host that says nothing hold nobody up.
                    if !std::mem::replace(&mut self.taken, true) {
                        self.next_at = self.next_at.max(Instant::now() + HANDSHAKE_DELAY);
                    }
                }
                found = self.ways.next_from(self.next_at), if !self.all_begun => match found {
                    Some((which, Ok(way))) => self.attempt(which, way),
                    Some((_, Err(why))) => return Some(self.not_begun(why)),
                    None => self.all_begun = true,
                },
                else => return None,
            }
        }
    }

    fn attempt(&mut self, which: usize, way: Way) {
        let Some((at, name)) = self.hosts.get(which).cloned() else { return };
        let number = self.count();
        self.next_at = Instant::now() + ATTEMPT_DELAY;
        let (tls, answer_by) = (self.tls.clone(), self.answer_by);
        let connected = self.connected.0.clone();
        self.running.spawn(async move {
            let outcome = async {
                let tcp = open(&way, &at, answer_by).await?;
                let _ = connected.send(());
                secure(tls, tcp, name, answer_by).await
            };
            Attempt { number, outcome: outcome.await }
        });
    }

    /// Nothing leads to the host, so another one is tried at once.
    fn not_begun(&mut self, why: DialError) -> Attempt {
        Attempt { number: self.count(), outcome: Err(why.into()) }
    }

    /// Of attempts that had no end of their own.
    fn unconnected(&self) -> Attempt {
        let why = DialError::Direct(Refusal::TimedOut);
        Attempt { number: self.begun, outcome: Err(why.into()) }
    }

    fn count(&mut self) -> usize {
        let number = self.begun;
        self.begun += 1;
        number
    }

    fn stop(&mut self) {
        self.running = JoinSet::new();
        self.all_begun = true;
    }
}

impl Attempt {
    /// Whether something took the connection, a host or a proxy, and did not answer in time.
    fn is_unanswered(&self) -> bool {
        match &self.outcome {
            Err(AttemptError::Handshake(e)) => e.kind() == io::ErrorKind::TimedOut,
            Err(AttemptError::Dial(DialError::Proxy(ProxyError::TimedOut { .. }))) => true,
            _ => false,
        }
    }
}

async fn secure(
    tls: Arc<ClientConfig>,
    tcp: TcpStream,
    name: ServerName<'static>,
    answer_by: Instant,
) -> Result<TlsStream<TcpStream>, AttemptError> {
    match timeout_at(answer_by, TlsConnector::from(tls).connect(name, tcp)).await {
        Ok(shaken) => shaken.map_err(AttemptError::Handshake),
        Err(_) => Err(AttemptError::Handshake(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
#[path = "race_tests.rs"]
mod tests;
