//! A dealer's port: accepts the gateway's connections and displaces old ones.

use std::net::{Shutdown, SocketAddr, TcpStream as StdTcpStream};
use std::sync::Arc;
use std::time::Duration;

use ironfix_engine::{Acceptor, Connection};
use signet_identity::{MessageKey, MessagePublicKey, PeerIdentity, Refusal, Role, Stage};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Newcomer;
use super::signer::{Signing, between};
use crate::ears::{Ears, Event};
use crate::settings::{DealerSettings, Signs};

/// How long a client may take for its TLS handshake.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a displaced session may take to end.
const DISPLACE_TIME_MAX: Duration = Duration::from_secs(6);
/// After a session has ended the engine still lets go of its place; it does not say when.
const SETTLE_TIME: Duration = Duration::from_millis(20);
/// The pause after an accept that failed, as when file descriptors run out.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Who is inside.
#[derive(Default)]
pub(super) struct Place {
    /// The dealer is dead: no connection is accepted, not even a pending one.
    is_shut: bool,
    visitors: u64,
    current: Option<Current>,
}

/// The connection in use.
struct Current {
    visitor: u64,
    /// To cut it: the engine owns the stream.
    socket: StdTcpStream,
    connection: Option<Connection>,
}

#[derive(Clone)]
struct Inside {
    acceptor: Arc<Acceptor<Ears>>,
    gateway: String,
    trust_domain: String,
    place: Arc<Mutex<Place>>,
    events: mpsc::Sender<Event>,
    settings: Arc<DealerSettings>,
    message_key: Option<MessageKey>,
}

pub(super) struct Door {
    pub(super) address: SocketAddr,
    /// `None` while the dealer is dead.
    pub(super) listener: Option<TcpListener>,
    pub(super) tls: TlsAcceptor,
    pub(super) acceptor: Arc<Acceptor<Ears>>,
    pub(super) gateway: String,
    pub(super) trust_domain: String,
    pub(super) place: Arc<Mutex<Place>>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) settings: Arc<DealerSettings>,
    pub(super) message_key: Option<MessageKey>,
}

impl Door {
    /// Waits for a connection.
    pub(super) async fn knock(&self) -> Newcomer {
        let Some(listener) = &self.listener else { return std::future::pending().await };
        let came = listener.accept().await;
        if came.is_err() {
            sleep(ACCEPT_RETRY).await;
        }
        came
    }

    /// Runs the TLS handshake of a new connection beside the dealer's work; only the gateway is
    /// accepted.
    pub(super) fn admit(&self, newcomer: Newcomer) {
        let Ok((socket, from)) = newcomer else { return };
        let tls = self.tls.clone();
        let inside = Inside {
            acceptor: Arc::clone(&self.acceptor),
            gateway: self.gateway.clone(),
            trust_domain: self.trust_domain.clone(),
            place: Arc::clone(&self.place),
            events: self.events.clone(),
            settings: Arc::clone(&self.settings),
            message_key: self.message_key.clone(),
        };
        tokio::spawn(async move {
            if let Err(why) = inside.serve(socket, tls).await {
                tracing::warn!(%from, %why, "not let in");
            }
        });
    }

    /// Cuts the connection, if any, and stops listening.
    pub(super) async fn shut(&mut self) {
        self.listener = None;
        let mut place = self.place.lock().await;
        place.is_shut = true;
        if let Some(current) = place.current.take() {
            // Already cut is as good.
            let _ = current.socket.shutdown(Shutdown::Both);
        }
    }

    /// Listens again, on the same address.
    pub(super) async fn open(&mut self) -> std::io::Result<()> {
        self.place.lock().await.is_shut = false;
        if self.listener.is_none() {
            self.listener = Some(TcpListener::bind(self.address).await?);
        }
        Ok(())
    }
}

impl Inside {
    async fn serve(&self, socket: TcpStream, tls: TlsAcceptor) -> Result<(), String> {
        let words = |error: std::io::Error| error.to_string();
        socket.set_nodelay(true).map_err(words)?;
        let socket = socket.into_std().map_err(words)?;
        let handle = socket.try_clone().map_err(words)?;
        let socket = TcpStream::from_std(socket).map_err(words)?;
        let stream = timeout(HANDSHAKE_TIME_MAX, tls.accept(socket))
            .await
            .map_err(|_| "no TLS handshake in time".to_owned())?
            .map_err(|e| Refusal::seen_by_server(&e, Stage::Handshake).to_string())?;
        let peer = PeerIdentity::of_connection(stream.get_ref().1).map_err(|e| e.to_string())?;
        peer.require(Role::Gateway, &self.trust_domain).map_err(|e| e.to_string())?;
        if peer.comp_id.as_str() != self.gateway {
            return Err(format!("the certificate is of {}, not of {}", peer.comp_id, self.gateway));
        }

        // One newcomer at a time; it displaces the old connection, which is usually dead already.
        let mut place = self.place.lock().await;
        if place.is_shut {
            return Err("the dealer is dead".into());
        }
        if let Some(old) = place.current.take() {
            let _ = old.socket.shutdown(Shutdown::Both);
            if let Some(connection) = old.connection {
                let _ = timeout(DISPLACE_TIME_MAX, connection.wait_closed()).await;
                sleep(SETTLE_TIME).await;
            }
        }
        place.visitors += 1;
        let visitor = place.visitors;
        place.current = Some(Current { visitor, socket: handle, connection: None });
        drop(place);
        let theirs = self
            .settings
            .wants_signed
            .then(|| MessagePublicKey::of_connection(stream.get_ref().1))
            .transpose();
        let signing = Signing {
            ours: self.message_key.clone().filter(|_| self.settings.signs != Signs::No),
            badly: self.settings.signs == Signs::Badly,
            theirs: theirs.map_err(|e| e.to_string())?,
        };
        let connection = match (&signing.ours, &signing.theirs) {
            (None, None) => self.acceptor.serve_stream(stream).await,
            _ => self.acceptor.serve_stream(between(stream, signing)).await,
        };
        let connection = connection.map_err(|e| e.to_string())?;
        let _ = self.events.send(Event::Established(connection.clone())).await;
        // Unless a newer connection has come in meanwhile.
        let mut place = self.place.lock().await;
        if let Some(current) = place.current.as_mut().filter(|current| current.visitor == visitor) {
            current.connection = Some(connection);
        }
        Ok(())
    }
}
