//! A connection that is made and checked: its bytes, and what TLS tells about it.

use super::{path::Path, quic::QuicWire};
use rustls::pki_types::CertificateDer;
use signet_identity::{channel_binding, describe};
use signet_net::abort_on_close;
use signet_quic::client::{ClientStream, ConnectError, Rebinder};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{client::TlsStream, rustls};

/// One connection to a venue.
pub(super) struct Wire {
    pub stream: FixStream,
    /// RFC 9266 exporter.
    pub exporter: [u8; 32],
    /// Version, key exchange and cipher, for the screen.
    pub tls: String,
    /// The peer's certificate.
    pub peer: CertificateDer<'static>,
    /// `None` when the system does not tell the connection's ends.
    pub path: Option<Path>,
    /// Moves the connection to the network in use; `None` over TCP, which cannot move.
    pub rebinder: Option<Rebinder>,
}

impl Wire {
    /// A FIXS connection over TCP. The handshake is complete.
    pub(super) fn fixs(stream: TlsStream<TcpStream>) -> Result<Self, rustls::Error> {
        let connection = stream.get_ref().1;
        let exporter = channel_binding(connection)?;
        let peer = connection.peer_certificates().and_then(|chain| chain.first());
        let peer = peer.ok_or(rustls::Error::NoCertificatesPresented)?.clone().into_owned();
        let (tls, path) = (describe(connection), Path::of(stream.get_ref().0));
        let stream = FixStream::Fixs(Box::new(FixsStream { stream, ended: false }));
        Ok(Self { stream, exporter, tls, peer, path, rebinder: None })
    }

    /// Something more about the connection, for the screen.
    pub(super) fn says(&mut self, words: &str) {
        self.tls.push_str("; ");
        self.tls.push_str(words);
    }

    /// A connection over QUIC.
    pub(super) fn quic(made: QuicWire) -> Self {
        let QuicWire { stream, rebinder, local, remote, exporter, peer, tls } = made;
        Self {
            stream: FixStream::Quic(Box::new(stream)),
            exporter,
            tls,
            peer,
            path: local.map(|local| Path::new(local, remote)),
            rebinder: Some(rebinder),
        }
    }
}

/// The bytes of a FIX session.
pub(super) enum FixStream {
    Fixs(Box<FixsStream>),
    Quic(Box<ClientStream>),
}

/// What an error of a QUIC stream says of TLS, as an error of a TLS stream says it.
fn as_tls(e: io::Error) -> io::Error {
    match ConnectError::of_stream(&e).as_ref().and_then(ConnectError::tls) {
        Some(tls) => io::Error::new(io::ErrorKind::InvalidData, tls.clone()),
        None => e,
    }
}

impl AsyncRead for FixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fixs(s) => Pin::new(&mut s.stream).poll_read(cx, buf),
            Self::Quic(s) => Pin::new(s).poll_read(cx, buf).map_err(as_tls),
        }
    }
}

impl AsyncWrite for FixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Fixs(s) => Pin::new(&mut s.stream).poll_write(cx, buf),
            Self::Quic(s) => Pin::new(s).poll_write(cx, buf).map_err(as_tls),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fixs(s) => Pin::new(&mut s.stream).poll_flush(cx),
            Self::Quic(s) => Pin::new(s).poll_flush(cx).map_err(as_tls),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fixs(s) => {
                ready!(Pin::new(&mut s.stream).poll_shutdown(cx))?;
                s.ended = true;
                Poll::Ready(Ok(()))
            }
            Self::Quic(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

/// A connection over TCP that is aborted when it is given up: what the kernel has not delivered
/// then never arrives. One that was shut down is closed in order.
pub(super) struct FixsStream {
    stream: TlsStream<TcpStream>,
    ended: bool,
}

impl Drop for FixsStream {
    fn drop(&mut self) {
        if !self.ended {
            abort_on_close(self.stream.get_ref().0);
        }
    }
}
