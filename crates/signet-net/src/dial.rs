//! Reaching a host over TCP, through an HTTP proxy where there is one, and the TLS handshake.

use std::{io, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use signet_identity::{Refusal, Stage};
use tokio::net::TcpStream;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::error::{DialError, ProxyError};
use crate::eyeballs::{self, first_of};
use crate::liveness;
use crate::proxy::{ProxyEnvironment, ProxySetting, ProxyUrl};
use crate::resolve::{Addresses, Endpoint, Found, Way, Ways};

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
    let by = Instant::now() + limit;
    match setting.choose(&ProxyEnvironment::read(), host)? {
        Some(proxy) => Ok(through(&proxy, host, port, by).await?),
        None => {
            let opened = timeout_at(by, tcp(host, port)).await;
            Ok(opened.unwrap_or(Err(Refusal::TimedOut))?)
        }
    }
}

/// The same for a server that listens at several hosts: over all their addresses, or through their
/// proxies, and the first that answers wins. Hosts take turns; each attempt is begun a quarter of a
/// second after the one before, or as soon as one fails (RFC 8305 §5). Returns which one that is.
///
/// # Errors
/// As [`dial`], from the attempt that failed last.
pub async fn dial_any(
    endpoints: &[Endpoint],
    setting: &ProxySetting,
    limit: Duration,
) -> Result<(usize, TcpStream), DialError> {
    let by = Instant::now() + limit;
    let begin = |which: usize, found: Found| {
        let at = endpoints.get(which)?.clone();
        Some(async move {
            let way = found?;
            let opened = match way {
                Way::Address(_) => timeout_at(by, open(&way, &at, by)).await,
                Way::Proxy(_) => Ok(open(&way, &at, by).await),
            };
            let stream = opened.unwrap_or(Err(DialError::Direct(Refusal::TimedOut)))?;
            Ok::<_, DialError>((which, stream))
        })
    };
    let interrupted = |_: JoinError| DialError::Direct(Refusal::TimedOut);
    let ended = first_of(Ways::to(endpoints, setting).until(by), begin, interrupted).await;
    // Without an attempt, no name was resolved.
    let unresolved = || match by <= Instant::now() {
        true => Refusal::TimedOut,
        false => Refusal::DnsFailure,
    };
    ended.map_err(|last| last.unwrap_or_else(|| unresolved().into()))
}

/// Opens a tunnel to a host, until `by`. A proxy that cannot be reached is told from one that takes
/// the connection and makes no tunnel, and neither is taken for a host that does not answer.
async fn through(
    proxy: &ProxyUrl,
    host: &str,
    port: u16,
    by: Instant,
) -> Result<TcpStream, ProxyError> {
    let unreachable =
        |why: Refusal| ProxyError::Unreachable { proxy: proxy.to_string(), why: Box::new(why) };
    let reached = timeout_at(by, tcp(proxy.host(), proxy.port())).await;
    let mut stream = reached.unwrap_or(Err(Refusal::TimedOut)).map_err(unreachable)?;
    match timeout_at(by, proxy.connect(&mut stream, host, port)).await {
        Ok(tunnel) => tunnel?,
        Err(_) => return Err(ProxyError::TimedOut { proxy: proxy.to_string() }),
    }
    Ok(stream)
}

/// Opens a TCP connection to a host by whichever of its addresses answers first (RFC 8305). It has
/// no time limit of its own: the caller sets one.
///
/// # Errors
/// [`Refusal::DnsFailure`] without an address, else the refusal of the last address tried.
pub async fn tcp(host: &str, port: u16) -> Result<TcpStream, Refusal> {
    let addresses = Addresses::of(&[Endpoint { host: host.to_owned(), port }]);
    let stream = eyeballs::connect(addresses).await.map_err(|e| match e {
        Some(error) => Refusal::seen_by_client(&error, Stage::Connect),
        None => Refusal::DnsFailure,
    })?;
    Ok(prepared(stream))
}

/// Opens a TCP connection to a host in this one way. A proxy has until `tunnel_by` for its tunnel.
/// A connection to the host itself has no time limit here: the caller sets one.
pub(crate) async fn open(
    way: &Way,
    at: &Endpoint,
    tunnel_by: Instant,
) -> Result<TcpStream, DialError> {
    match way {
        Way::Address(to) => match TcpStream::connect(*to).await {
            Ok(stream) => Ok(prepared(stream)),
            Err(e) => Err(Refusal::seen_by_client(&e, Stage::Connect).into()),
        },
        Way::Proxy(proxy) => Ok(through(proxy, &at.host, at.port, tunnel_by).await?),
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
