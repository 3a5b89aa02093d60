//! Reaching a host over TCP, through an HTTP proxy where there is one, and the TLS handshake.

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use signet_identity::{Refusal, Stage};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::error::{DialError, ProxyError};
use crate::eyeballs;
use crate::liveness;
use crate::proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};
use crate::resolve::{Endpoint, Way};

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

/// The same for a server that listens at several hosts: each is begun a quarter of a second after
/// the one before, or as soon as one fails, and the first that answers wins (RFC 8305 §5). Returns
/// which one that is.
///
/// # Errors
/// As [`dial`], from the attempt that failed last.
pub async fn dial_any(
    endpoints: &[Endpoint],
    setting: &ProxySetting,
    limit: Duration,
) -> Result<(usize, TcpStream), DialError> {
    let attempts = endpoints.iter().cloned().enumerate().map(|(which, at)| {
        let setting = setting.clone();
        async move { Ok((which, dial(&at.host, at.port, &setting, limit).await?)) }
    });
    let interrupted = |_| DialError::Direct(Refusal::TimedOut);
    match timeout(limit, eyeballs::first_of(attempts, interrupted)).await {
        Ok(ended) => ended.map_err(|last| last.unwrap_or(Refusal::DnsFailure.into())),
        Err(_) => Err(Refusal::TimedOut.into()),
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
    Ok(prepared(stream))
}

/// Opens a TCP connection to a host in this one way. It has no time limit of its own: the caller
/// sets one.
pub(crate) async fn open(way: &Way, at: &Endpoint) -> Result<TcpStream, DialError> {
    match way {
        Way::Address(to) => match TcpStream::connect(*to).await {
            Ok(stream) => Ok(prepared(stream)),
            Err(e) => Err(Refusal::seen_by_client(&e, Stage::Connect).into()),
        },
        Way::Proxy(proxy) => Ok(through(proxy, &at.host, at.port).await?),
    }
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Messages are small and somebody waits for them; a failure here only costs speed.
    let _ = stream.set_nodelay(true);
    liveness::notice_death(&stream);
    stream
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
