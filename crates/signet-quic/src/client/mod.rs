//! The desk's end: one connection, one FIX stream, and the answers to proofs of its address.

mod error;
mod own_thread;
mod runtime;
mod stream;

pub use error::ConnectError;
pub use own_thread::OwnThread;
pub use stream::ClientStream;

use crate::{ALPN, CloseCode, EXPORTER_LABEL, transport};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, RecvStream, SendStream,
    crypto::rustls::QuicClientConfig,
};
use runtime::DeskRuntime;
use rustls_pki_types::CertificateDer;
use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};
use tokio::runtime::Handle;

/// One connection with its one FIX stream. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    connection: quinn::Connection,
    stream: (SendStream, RecvStream),
}

/// Connects from `socket`, which is bound. ALPN is set here, resumption and early data are off.
///
/// Where UDP is blocked nothing comes back, and this returns only after the idle time of a minute:
/// the caller sets its own limit, and may drop the future at any time.
///
/// The client's key signs on the thread that runs this; one that may hold it up signs on an
/// [`OwnThread`].
///
/// A client certificate that the server refuses is not known here: `connect` is done before the
/// server has looked at it, and the stream then fails with an [`io::Error`] in which
/// [`ConnectError::of_stream`] finds the alert.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(
    socket: UdpSocket,
    to: SocketAddr,
    server_name: &str,
    tls: &rustls::ClientConfig,
) -> Result<Connection, ConnectError> {
    connect_on(DeskRuntime::new(Handle::current(), None), socket, to, server_name, tls).await
}

async fn connect_on(
    runtime: DeskRuntime,
    socket: UdpSocket,
    to: SocketAddr,
    server_name: &str,
    tls: &rustls::ClientConfig,
) -> Result<Connection, ConnectError> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.resumption = rustls::client::Resumption::disabled();
    tls.enable_early_data = false;
    let crypto = QuicClientConfig::try_from(tls).map_err(|_| ConnectError::Settings {
        detail: "TLS_AES_128_GCM_SHA256 is not among the cipher suites".into(),
    })?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport::of_client()));
    let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(runtime))?;
    let connecting = endpoint.connect_with(config, to, server_name)?;
    let connection = connecting.await?;
    let stream = connection.open_bi().await?;
    Ok(Connection { endpoint, connection, stream })
}

impl Connection {
    /// RFC 9266 exporter: the same bytes at both ends, and the same after a change of address.
    #[must_use]
    pub fn exporter(&self) -> Option<[u8; 32]> {
        let mut out = [0; 32];
        self.connection.export_keying_material(&mut out, EXPORTER_LABEL, b"").ok()?;
        Some(out)
    }

    /// The server's chain, leaf first.
    #[must_use]
    pub fn peer_certificates(&self) -> Vec<CertificateDer<'static>> {
        let chain = self.connection.peer_identity();
        let chain = chain.and_then(|c| c.downcast::<Vec<CertificateDer<'static>>>().ok());
        chain.map(|c| *c).unwrap_or_default()
    }

    /// What is known of the connection, for a person. The library does not tell group and cipher.
    #[must_use]
    pub fn describe(&self) -> String {
        crate::DESCRIPTION.to_owned()
    }

    /// Where the server is.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// The address that the server's datagrams come to, where the system tells.
    #[must_use]
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.connection.local_ip()
    }

    /// Moves the connection to other sockets.
    #[must_use]
    pub fn rebinder(&self) -> Rebinder {
        Rebinder(self.endpoint.clone())
    }

    /// The FIX stream. From here on proofs of the address are answered, on a task of this runtime.
    #[must_use]
    pub fn into_stream(self) -> ClientStream {
        let Self { endpoint, connection, stream: (send, recv) } = self;
        let answers = tokio::spawn(answer_proofs(connection.clone()));
        ClientStream::new(endpoint, connection, send, recv, answers)
    }
}

/// Moves a connection to other sockets; clones move the same connection.
#[derive(Debug, Clone)]
pub struct Rebinder(Endpoint);

impl Rebinder {
    /// From here on the connection sends from `socket`, which is bound. The server then asks for a
    /// proof of the new address; nothing of the FIX session starts over.
    ///
    /// # Errors
    /// The socket cannot be used; the connection stays where it was.
    pub fn rebind(&self, socket: UdpSocket) -> io::Result<()> {
        self.0.rebind(socket)
    }

    /// Where the connection sends from.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Returns every nonce to the server. One at a time: the streams that the server may open are few.
async fn answer_proofs(connection: quinn::Connection) {
    while let Ok(mut ask) = connection.accept_uni().await {
        let nonce = match ask.read_to_end(crate::NONCE_BYTES).await {
            Ok(n) if n.len() == crate::NONCE_BYTES => n,
            // The server took the question back: the address has changed again.
            Err(quinn::ReadToEndError::Read(_)) => continue,
            Ok(_) | Err(quinn::ReadToEndError::TooLong) => {
                let why = CloseCode::Protocol;
                return connection.close(why.var(), why.code().as_bytes());
            }
        };
        let answered = async {
            let mut answer = connection.open_uni().await.ok()?;
            answer.write_all(&nonce).await.ok()?;
            answer.finish().ok()
        };
        if answered.await.is_none() {
            return;
        }
    }
}
