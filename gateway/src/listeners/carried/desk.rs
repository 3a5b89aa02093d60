//! The TLS handshake of a desk over TCP, on this thread or on a connection thread.

use super::{Connections, Lingering, NotCarried, Refused, Wire};
use crate::{listeners::sockets::hang_up, threads::LocalFuture};
use rustls::ServerConnection;
use rustls_pki_types::CertificateDer;
use signet_identity::{Refusal, Stage, channel_binding, describe};
use std::io;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What is to be known of a handshake that is complete.
pub(in crate::listeners) struct Handshaken {
    /// RFC 9266 exporter.
    pub exporter: Option<[u8; 32]>,
    /// As shown, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its cryptography, for the log.
    pub words: String,
}

impl Handshaken {
    fn of(connection: &ServerConnection) -> Self {
        let chain = connection.peer_certificates().unwrap_or_default();
        Self {
            exporter: channel_binding(connection).ok(),
            chain: chain.iter().map(|c| c.clone().into_owned()).collect(),
            words: describe(connection),
        }
    }
}

type Stream = TlsStream<TcpStream>;

/// The handshake of a desk that has connected.
pub(in crate::listeners) async fn handshake(
    threads: Option<&Connections>,
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> Result<(Wire<Stream>, Handshaken), NotCarried<Refusal>> {
    let Some(threads) = threads else {
        return match accepted(acceptor, tcp).await {
            Ok((stream, shaken)) => Ok((Wire::Own(stream), shaken)),
            Err((why, tcp)) => {
                Err(NotCarried::Refused(why, Lingering::Here(Box::pin(hang_up(tcp)))))
            }
        };
    };
    let unusable = |e: io::Error| Refusal::seen_by_server(&e, Stage::Handshake);
    let nothing_left = |why| NotCarried::Refused(why, Lingering::Here(Box::pin(async {})));
    // The other thread's event queue gets it.
    let tcp = tcp.into_std().map_err(|e| nothing_left(unusable(e)))?;
    let establish = move || async move {
        let tcp = TcpStream::from_std(tcp).map_err(|e| Refused::at_once(unusable(e)))?;
        accepted(acceptor, tcp).await.map_err(|(why, tcp)| {
            let last: LocalFuture<()> = Box::pin(hang_up(tcp));
            Refused { why, last: Some(last) }
        })
    };
    let (carried, shaken) = threads.carried(establish).await?;
    Ok((Wire::Carried(carried), shaken))
}

async fn accepted(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> Result<(Stream, Handshaken), (Refusal, TcpStream)> {
    match acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => {
            let shaken = Handshaken::of(stream.get_ref().1);
            Ok((stream, shaken))
        }
        Err((e, tcp)) => Err((Refusal::seen_by_server(&e, Stage::Handshake), tcp)),
    }
}
