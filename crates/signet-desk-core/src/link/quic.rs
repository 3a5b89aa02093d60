//! FIX over QUIC to a gateway, raced with FIXS over TCP.

use super::wire::Wire;
use rustls::{ClientConfig, SignatureScheme, client::ResolvesClientCert, sign::CertifiedKey};
use signet_net::{ATTEMPT_DELAY, Addresses, first_to_answer, watch::source_towards};
use signet_quic::client::{self, ClientStream, ConnectError, Connection, OwnThread, Rebinder};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout, timeout_at};

/// How long the attempts with a key in a token wait for a first answer of the gateway: one address,
/// and all of them. Longer than when FIXS follows beside, which then costs a second touch.
const TOKEN_ANSWER_MAX: Duration = Duration::from_millis(750);
const TOKEN_ANSWERS_MAX: Duration = Duration::from_millis(1_500);
/// How long the handshake with a key in a token may take, a person included: the gateway gives it
/// no more.
const TOKEN_HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// A connection over QUIC. The FIX stream is open.
pub(super) struct QuicWire {
    pub stream: ClientStream,
    pub rebinder: Rebinder,
    pub local: Option<IpAddr>,
    pub remote: SocketAddr,
    pub exporter: [u8; 32],
    pub peer: rustls::pki_types::CertificateDer<'static>,
    pub tls: String,
}

/// Connects to the first address that answers, of all hosts; `names` are those of their
/// certificates. An address that becomes known meanwhile has its turn. Everything runs on the
/// calling thread: a message then changes hands nowhere on its way. For a key that signs at once
/// only, which holds the thread up in no handshake. `answered` is set as soon as a server has
/// answered.
pub(super) async fn dial(
    addresses: Addresses,
    names: &[String],
    tls: &ClientConfig,
    answered: Arc<AtomicBool>,
) -> Result<Wire, ConnectError> {
    let tls = Arc::new(telling_of_the_answer(tls, answered));
    let begin = |which: usize, to| attempt(to, names[which].clone(), tls.clone());
    let made = first_to_answer(addresses, begin, |_| ConnectError::Local).await;
    Ok(Wire::quic(made.map_err(|last| last.unwrap_or(ConnectError::NoAnswer))?))
}

/// As [`dial`], for a key in a token: it may hold its caller up and may ask for a PIN or a touch
/// each time that it signs. The connection therefore has a thread of its own, and addresses are
/// tried one after the other, so that at most one of them asks for a signature.
pub(super) async fn dial_with_token(
    addresses: Addresses,
    names: &[String],
    tls: Arc<ClientConfig>,
) -> Result<Wire, ConnectError> {
    Ok(Wire::quic(on_a_thread(addresses, names.to_vec(), tls).await?))
}

async fn on_a_thread(
    mut addresses: Addresses,
    names: Vec<String>,
    tls: Arc<ClientConfig>,
) -> Result<QuicWire, ConnectError> {
    // The time for the handshake begins when there is somebody to have it with.
    let first = addresses.next().await.ok_or(ConnectError::NoAnswer)?;
    let made =
        OwnThread::run(move |thread| one_after_the_other(thread, first, addresses, names, tls));
    // An address that does not answer has less time, so this is no silence of the network.
    let slow = || ConnectError::Other { detail: "the handshake took too long".into() };
    timeout(TOKEN_HANDSHAKE_MAX, made).await.map_err(|_| slow())??
}

/// An address that becomes known while others are tried has its turn. After the last one that is
/// known the next one is waited for as long as between attempts: FIXS follows.
async fn one_after_the_other(
    thread: OwnThread,
    first: (usize, SocketAddr),
    mut addresses: Addresses,
    names: Vec<String>,
    tls: Arc<ClientConfig>,
) -> Result<QuicWire, ConnectError> {
    let (mut next, mut last) = (Some(first), ConnectError::NoAnswer);
    let end = Instant::now() + TOKEN_ANSWERS_MAX;
    while let Some((which, to)) = next {
        // Without a route, the system drops datagrams and reports nothing.
        if source_towards(to).is_some() {
            let answered = Arc::<AtomicBool>::default();
            let tls = telling_of_the_answer(&tls, answered.clone());
            let (socket, name) = (socket_towards(to)?, &names[which]);
            let mut made = pin!(async { wire(thread.connect(socket, to, name, &tls).await?, to) });
            let patience = end.min(Instant::now() + TOKEN_ANSWER_MAX);
            let made = match timeout_at(patience, &mut made).await {
                Ok(made) => made,
                // It signs, or has signed: whoever asks for the result has a limit.
                Err(_) if answered.load(Relaxed) => made.await,
                Err(_) => Err(ConnectError::NoAnswer),
            };
            match made {
                Ok(made) => return Ok(made),
                Err(e) if answered.load(Relaxed) => return Err(e),
                Err(e) => last = e,
            }
        }
        let patience = end.min(Instant::now() + ATTEMPT_DELAY);
        next = timeout_at(patience, addresses.next()).await.unwrap_or_default();
    }
    Err(last)
}

/// Knows when a server has asked for the client's certificate: its answer has come through.
#[derive(Debug)]
struct Answered {
    inner: Arc<dyn ResolvesClientCert>,
    answered: Arc<AtomicBool>,
}

impl ResolvesClientCert for Answered {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.answered.store(true, Relaxed);
        self.inner.resolve(issuers, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}

fn telling_of_the_answer(tls: &ClientConfig, answered: Arc<AtomicBool>) -> ClientConfig {
    let mut tls = tls.clone();
    let inner = tls.client_auth_cert_resolver.clone();
    tls.client_auth_cert_resolver = Arc::new(Answered { inner, answered });
    tls
}

/// Has a connection send from another port.
pub(super) fn rebind(rebinder: &Rebinder, to: SocketAddr) -> io::Result<()> {
    rebinder.rebind(socket_towards(to)?)
}

async fn attempt(
    to: SocketAddr,
    name: String,
    tls: Arc<ClientConfig>,
) -> Result<QuicWire, ConnectError> {
    wire(client::connect(socket_towards(to)?, to, &name, &tls).await?, to)
}

/// On the thread of the connection.
fn wire(made: Connection, to: SocketAddr) -> Result<QuicWire, ConnectError> {
    let missing = |what: &str| ConnectError::Other { detail: format!("no {what}") };
    let peer = made.peer_certificates().into_iter().next();
    Ok(QuicWire {
        exporter: made.exporter().ok_or_else(|| missing("exporter"))?,
        peer: peer.ok_or_else(|| missing("certificate"))?,
        tls: made.describe(),
        rebinder: made.rebinder(),
        local: source_towards(to),
        remote: to,
        stream: made.into_stream(),
    })
}

/// A socket that sends from wherever the system sees fit.
fn socket_towards(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0))
}

#[cfg(test)]
#[path = "quic_tests.rs"]
mod tests;
