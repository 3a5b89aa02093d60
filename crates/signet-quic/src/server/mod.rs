//! The gateway's end: an endpoint on a UDP socket, for one thread.
//!
//! `quinn-proto` is driven here, without `quinn`, because only whoever sees the source of every
//! datagram can say from which addresses the bytes of a stream came.

mod conn;
mod driver;
mod fault;
#[cfg(test)]
mod fault_tests;
mod keys;
mod socket;
mod stream;

pub use fault::ConnectionFault;
pub use keys::{KEYS_BYTES, Keys};
pub use stream::{Moves, ServerStream};

use crate::{ALPN, EXPORTER_LABEL, gate::PROOF_MAX, transport};
use conn::Phase;
use driver::Shared;
use quinn_proto::{
    EndpointConfig, HashedConnectionIdGenerator, ServerConfig, crypto::rustls::QuicServerConfig,
};
use rustls_pki_types::CertificateDer;
use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::task::{JoinHandle, spawn_local};

/// Connection attempts that wait for their answer. What comes beyond is dropped, not refused: the
/// client repeats it, so a crowd waits in the network.
const INCOMING_MAX: usize = 1_024;
/// Bytes of further datagrams of one attempt, and of all: a Client Hello with X25519MLKEM768 takes
/// two datagrams.
const INCOMING_BYTES: u64 = 8 * 1024;
const INCOMING_BYTES_TOTAL: u64 = INCOMING_BYTES * INCOMING_MAX as u64;
/// A reset is smaller than what asked for it, and after a restart every desk asks at once.
const RESET_EVERY: Duration = Duration::from_millis(1);

/// The server cannot use QUIC with this TLS profile.
#[derive(Debug, thiserror::Error)]
#[error("QUIC needs TLS_AES_128_GCM_SHA256 among the cipher suites of TLS 1.3")]
pub struct NoInitialSuite;

/// An endpoint, within a `LocalSet`. Dropped, it takes no further connection; its task runs until
/// those that are on have ended, so that their last words leave.
#[derive(Debug)]
pub struct Endpoint {
    shared: Rc<Shared>,
    driver: RefCell<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on `socket`, which is bound. While more than `unproved_max` handshakes are in
    /// progress, a client must first show with a Retry token that it receives at its address.
    ///
    /// # Errors
    /// The socket cannot be used, or the TLS profile cannot.
    pub fn new(
        socket: UdpSocket,
        tls: &rustls::ServerConfig,
        keys: &Keys,
        unproved_max: usize,
    ) -> io::Result<Self> {
        let mut config = EndpointConfig::new(Arc::new(keys.reset()));
        let id_key = keys.connection_ids();
        config
            .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)))
            .min_reset_interval(RESET_EVERY);
        let tls = server_config(tls).map_err(io::Error::other)?;
        let shared = Rc::new(Shared::new(socket, config, tls, unproved_max)?);
        let driver = RefCell::new(spawn_local(driver::drive(shared.clone())));
        Ok(Self { shared, driver })
    }

    /// From here on handshakes use this profile; connections that are on keep theirs.
    ///
    /// # Errors
    /// The profile cannot be used; the last one stays.
    pub fn set_tls(&self, tls: &rustls::ServerConfig) -> Result<(), NoInitialSuite> {
        self.shared.set_tls(quic_tls(tls)?);
        Ok(())
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.local_addr()
    }

    /// The next connection attempt. Nothing of it was checked but a Retry token.
    ///
    /// # Panics
    /// With what the endpoint's task has panicked: nobody is served from then on.
    pub async fn accept(&self) -> Incoming {
        poll_fn(|cx| {
            if let Some(inner) = self.shared.next_incoming(cx) {
                return Poll::Ready(Incoming { shared: self.shared.clone(), inner: Some(inner) });
            }
            match Pin::new(&mut *self.driver.borrow_mut()).poll(cx) {
                Poll::Ready(Err(e)) if e.is_panic() => resume_unwind(e.into_panic()),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Connections that the endpoint knows, those that are ending included.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.open_connections()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.take_no_more();
    }
}

/// TLS 1.3, our protocol, no tickets, no early data.
fn quic_tls(tls: &rustls::ServerConfig) -> Result<Arc<QuicServerConfig>, NoInitialSuite> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    tls.max_early_data_size = 0;
    QuicServerConfig::try_from(tls).map(Arc::new).map_err(|_| NoInitialSuite)
}

fn server_config(tls: &rustls::ServerConfig) -> Result<Arc<ServerConfig>, NoInitialSuite> {
    let mut config = ServerConfig::with_crypto(quic_tls(tls)?);
    let mut tokens = quinn_proto::ValidationTokenConfig::default();
    tokens.sent(0);
    config
        .transport_config(Arc::new(transport::of_server()))
        .validation_token_config(tokens)
        .migration(true)
        // One more than are taken, because the library refuses what is beyond.
        .max_incoming(INCOMING_MAX + 1)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
    Ok(Arc::new(config))
}

/// A connection attempt. Dropped, it is not answered.
pub struct Incoming {
    shared: Rc<Shared>,
    inner: Option<quinn_proto::Incoming>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Incoming {
    /// Where it says it comes from.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.inner.as_ref().map(quinn_proto::Incoming::remote_address)
    }

    /// Whether it has shown that it receives there.
    #[must_use]
    pub fn is_validated(&self) -> bool {
        self.inner.as_ref().is_some_and(quinn_proto::Incoming::remote_address_validated)
    }

    /// Begins the handshake.
    ///
    /// # Errors
    /// The first packet is not good.
    pub fn accept(mut self) -> Result<Connecting, ConnectionFault> {
        let inner = self.inner.take().ok_or(ConnectionFault::Closed)?;
        let id = self.shared.accept(inner)?;
        Ok(Connecting { owned: Owned { shared: self.shared.clone(), id } })
    }

    /// Says no; the client need not wait.
    pub fn refuse(mut self) {
        if let Some(inner) = self.inner.take() {
            self.shared.refuse(inner);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            self.shared.ignore(inner);
        }
    }
}

/// A connection of the endpoint; dropped, it is closed.
#[derive(Debug)]
struct Owned {
    shared: Rc<Shared>,
    id: u64,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.shared.abandon(self.id);
    }
}

/// A handshake in progress. Dropped, it is given up.
#[derive(Debug)]
pub struct Connecting {
    owned: Owned,
}

impl Connecting {
    /// The connection, once the client has proved certificate and address.
    ///
    /// # Errors
    /// The handshake failed.
    pub async fn established(self) -> Result<Connection, ConnectionFault> {
        let Owned { shared, id } = &self.owned;
        poll_fn(|cx| {
            shared.poll(*id, |c| match &c.phase {
                Phase::Handshake => {
                    c.wakers.connected = Some(cx.waker().clone());
                    Poll::Pending
                }
                Phase::On => Poll::Ready(Ok(())),
                Phase::Lost(fault) => Poll::Ready(Err(fault.clone())),
            })
        })
        .await?;
        Ok(Connection { owned: self.owned })
    }
}

/// An established connection.
#[derive(Debug)]
pub struct Connection {
    owned: Owned,
}

impl Connection {
    /// The address that is proved.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.owned.shared.with(self.owned.id, |c| c.proved())
    }

    /// RFC 9266 exporter: the same bytes at both ends, and the same after a change of address.
    #[must_use]
    pub fn exporter(&self) -> Option<[u8; 32]> {
        let mut out = [0; 32];
        let exported = self.owned.shared.with(self.owned.id, |c| {
            c.proto.crypto_session().export_keying_material(&mut out, EXPORTER_LABEL, b"")
        });
        exported.ok().map(|()| out)
    }

    /// The client's chain, leaf first.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        let chain =
            self.owned.shared.with(self.owned.id, |c| c.proto.crypto_session().peer_identity());
        let chain = chain.and_then(|c| c.downcast::<Vec<CertificateDer<'static>>>().ok());
        chain.map(|c| *c).unwrap_or_default()
    }

    /// What is known of the connection, for a person. The library does not tell group and cipher.
    #[must_use]
    pub fn describe(&self) -> String {
        crate::DESCRIPTION.to_owned()
    }

    /// The FIX stream, and the addresses to which the connection moves. Both must be served: while
    /// a proved address is not judged, nothing can be read.
    #[must_use]
    pub fn into_parts(self) -> (ServerStream, Moves) {
        let owned = Rc::new(self.owned);
        (ServerStream::new(owned.clone()), Moves::new(owned))
    }
}

/// How long a claim may take, for the user's time-outs.
pub const CLAIM_MAX: Duration = PROOF_MAX;

/// What is to be judged: the client has shown that it receives at `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The address that was allowed last.
    pub from: IpAddr,
    /// The one that is proved now.
    pub to: SocketAddr,
}
