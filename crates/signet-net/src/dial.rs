//! Reaching a host over TCP, through an HTTP proxy where there is one, and the TLS handshake.

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use signet_identity::{Refusal, Stage};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::error::{DialError, ProxyError};
use crate::eyeballs;
use crate::proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};

/// The TLS handshake of a client, within `limit`.
///
/// It runs on a blocking thread: a key in a token signs in the middle of it and may wait for a PIN
/// or a touch. The limit holds inside that thread, so a peer that accepts and then says nothing
/// keeps no thread, even when the caller gave up earlier.
///
/// # Errors
/// `TimedOut` after `limit`, else the I/O error of the handshake with rustls's error inside.
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

/// Opens a TCP connection to a host, directly or through the proxy that the setting chooses, within
/// `limit`. Either way the stream carries the bytes of that host.
///
/// # Errors
/// [`DialError::Direct`] for the host or the network, [`DialError::Proxy`] for the proxy.
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

/// Opens a TCP connection to a host by whichever of its addresses answers first (RFC 8305). It has
/// no time limit of its own: the caller sets one.
///
/// # Errors
/// [`Refusal::DnsFailure`] without an address, else the refusal of the last address tried.
pub async fn tcp(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|e| Refusal::seen_by_client(&e, Stage::Resolve))?;
    let stream = eyeballs::connect(found.collect()).await.map_err(|e| match e {
        Some(error) => Refusal::seen_by_client(&error, Stage::Connect),
        None => Refusal::DnsFailure,
    })?;
    // Messages are small and somebody waits for them; a failure here only costs speed.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
