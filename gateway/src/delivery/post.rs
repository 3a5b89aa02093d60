//! One request at a time over one connection with TLS, with the gateway's certificate and perhaps a
//! bearer token.

use super::DeliveryFailure;
use crate::config::{Config, ConfigError, PeerTls, https_target, value};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::SendRequest,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use signet_identity::{ServerIdentity, authority};
use signet_net as net;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// For connecting, and for one exchange.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where to post, and how the receiver must prove who it is.
pub(crate) struct Poster {
    host: String,
    port: u16,
    path: String,
    name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
    token_file: Option<PathBuf>,
}

/// An open connection.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

impl Poster {
    /// `identity` is shown, if it is given; `of` names the section of the receiver for errors.
    pub(crate) fn new(
        (config, identity): (&Config, Option<&ServerIdentity>),
        (url, trust, tls): (&str, &Path, &PeerTls),
        token_file: Option<PathBuf>,
        of: &str,
    ) -> Result<Self, ConfigError> {
        let target = https_target(url);
        let (host, port, path) = target.ok_or_else(|| value(format!("{of}: url"), "not https"))?;
        let name = ServerName::try_from(tls.name_to_verify(&host).to_owned());
        let name = name.map_err(|e| value(format!("{of}: server_name"), e))?;
        let profile = config.receiver_profile(identity, trust, tls, of)?;
        let tls = profile.config().map_err(|e| value(of, e))?;
        Ok(Self { host, port, path, name, tls, token_file })
    }

    /// Dials the receiver.
    pub(crate) async fn connect(&self) -> Result<Connection, DeliveryFailure> {
        within(async {
            let tcp = net::tcp(&self.host, self.port)
                .await
                .map_err(|r| DeliveryFailure::Unreachable(r.message()))?;
            net::notice_death(&tcp);
            let tls = TlsConnector::from(self.tls.clone()).connect(self.name.clone(), tcp);
            let stream = TokioIo::new(tls.await.map_err(DeliveryFailure::Tls)?);
            let (sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(http)?;
            // Its failure is the failure of the next request.
            tokio::task::spawn_local(connection);
            Ok(Connection(sender))
        })
        .await
    }

    /// Asks for what is there; what was answered, of at most so many bytes. A redirection is an
    /// answer like any other, and is not followed.
    pub(crate) async fn get(
        &self,
        connection: &mut Connection,
        accept: &str,
        bytes_max: usize,
    ) -> Result<(StatusCode, Bytes), DeliveryFailure> {
        let request = self.request(Request::get(&self.path)).header(ACCEPT, accept);
        exchange(connection, request, Vec::new(), bytes_max).await
    }

    fn request(&self, builder: Builder) -> Builder {
        builder
            .header(HOST, authority(&self.host, self.port))
            .header(USER_AGENT, concat!("signet-gateway/", env!("CARGO_PKG_VERSION")))
    }

    /// Sends a body; what was answered.
    pub(crate) async fn post(
        &self,
        connection: &mut Connection,
        (kind, accept): (&str, &str),
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), DeliveryFailure> {
        let mut request = self
            .request(Request::post(&self.path))
            .header(CONTENT_TYPE, kind)
            .header(ACCEPT, accept);
        if let Some(token) = self.token()? {
            request = request.header(AUTHORIZATION, format!("Bearer {}", *token));
        }
        exchange(connection, request, body, ANSWER_BYTES_MAX).await
    }

    /// Read each time: tokens change.
    fn token(&self) -> Result<Option<Zeroizing<String>>, DeliveryFailure> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|e| DeliveryFailure::Token(format!("{}: {e}", path.display())))?;
        Ok(Some(Zeroizing::new(text.trim().to_owned())))
    }
}

async fn exchange(
    connection: &mut Connection,
    request: Builder,
    body: Vec<u8>,
    bytes_max: usize,
) -> Result<(StatusCode, Bytes), DeliveryFailure> {
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| DeliveryFailure::Token(e.to_string()))?;
    within(async {
        connection.0.ready().await.map_err(http)?;
        let answer = connection.0.send_request(request).await.map_err(http)?;
        let status = answer.status();
        let read = Limited::new(answer.into_body(), bytes_max).collect();
        let read = read.await.map_err(|e| DeliveryFailure::Answer(e.to_string()))?;
        Ok((status, read.to_bytes()))
    })
    .await
}

async fn within<T>(
    exchange: impl Future<Output = Result<T, DeliveryFailure>>,
) -> Result<T, DeliveryFailure> {
    timeout(EXCHANGE_MAX, exchange)
        .await
        .unwrap_or(Err(DeliveryFailure::Silent(EXCHANGE_MAX.as_secs())))
}

fn http(e: hyper::Error) -> DeliveryFailure {
    DeliveryFailure::Connection(std::io::Error::other(e))
}
