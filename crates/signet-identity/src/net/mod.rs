//! Reaching a host over TCP, through an HTTP proxy where there is one.

mod eyeballs;
pub mod proxy;

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::refusal::{Refusal, Stage};
pub use proxy::{ProxyEnvironment, ProxyError, ProxySetting, ProxyUrl};

/// Why a host was not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host itself, or the way to it.
    #[error(transparent)]
    Direct(#[from] Refusal),
    /// The proxy on the way.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl DialError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Direct(refusal) => refusal.code(),
            Self::Proxy(error) => error.code(),
        }
    }

    /// What would cure it, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Direct(refusal) => refusal.cure(),
            Self::Proxy(error) => error.cure(),
        }
    }
}

/// The TLS handshake of a client, within `limit`. It runs on a blocking thread: a key in a token
/// signs in the middle of it and may wait for a PIN or a touch. The limit holds inside that thread,
/// so that a peer which accepts and then says nothing keeps no thread, also when the caller has
/// given up before.
pub async fn handshake(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    tcp: TcpStream,
    limit: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    let handle = tokio::runtime::Handle::current();
    let shaken = tokio::task::spawn_blocking(move || {
        handle
            .block_on(async { timeout(limit, TlsConnector::from(config).connect(name, tcp)).await })
    });
    match shaken.await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(_)) => Err(io::ErrorKind::TimedOut.into()),
        Err(_) => Err(io::Error::other("the handshake was interrupted")),
    }
}

/// Opens a TCP connection to a host, directly or through the proxy the settings name, within
/// `limit`. What comes back carries the bytes of that host, whichever way it went.
pub async fn dial(
    host: &str,
    port: u16,
    setting: &ProxySetting,
    limit: Duration,
) -> Result<TcpStream, DialError> {
    let proxy = setting.choose(&ProxyEnvironment::read(), host)?;
    let Some(proxy) = proxy else {
        return match timeout(limit, tcp(host, port)).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(Refusal::TimedOut.into()),
        };
    };
    match timeout(limit, through(&proxy, host, port)).await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(ProxyError::TimedOut { proxy: proxy.to_string() }.into()),
    }
}

async fn through(proxy: &ProxyUrl, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
    let unreachable =
        |why: Refusal| ProxyError::Unreachable { proxy: proxy.to_string(), why: Box::new(why) };
    let mut stream = tcp(proxy.host(), proxy.port()).await.map_err(unreachable)?;
    proxy.connect(&mut stream, host, port).await?;
    Ok(stream)
}

/// Opens a TCP connection to a host by whichever of its addresses answers first (RFC 8305). Without
/// a time limit of its own: the caller sets one.
pub async fn tcp(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|e| Refusal::seen_by_client(&e, Stage::Resolve))?;
    let stream = eyeballs::connect(found.collect()).await.map_err(|e| match e {
        Some(error) => Refusal::seen_by_client(&error, Stage::Connect),
        None => Refusal::DnsFailure,
    })?;
    // Small messages that somebody waits for; a failure here only costs speed.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
