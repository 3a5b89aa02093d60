//! Why a connection ended.

use crate::CloseCode;
use quinn_proto::ConnectionError;
use rustls::AlertDescription;
use std::io;

/// Why a connection ended, or did not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// TLS failed, and this end said so.
    #[error("TLS failed: {detail}")]
    Tls {
        /// What this end sent.
        alert: AlertDescription,
        /// In the library's words.
        detail: String,
    },
    /// The client sent a TLS alert.
    #[error("the client refused TLS: {0:?}")]
    Alert(AlertDescription),
    /// Nothing came from the client any longer.
    #[error("the client is silent")]
    Silent,
    /// One end closed it.
    #[error("closed")]
    Closed,
    /// The client closed it with a code.
    #[error("the client closed the connection with code {0}")]
    ByPeer(u64),
    /// Data came from an address that was not proved in time.
    #[error("an address was not proved in time")]
    AddressUnproved,
    /// The client does not keep to QUIC, or to our use of it.
    #[error("QUIC failed: {0}")]
    Other(String),
}

impl ConnectionFault {
    /// Stable.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tls { .. } => "quic.tls",
            Self::Alert(_) => "quic.alert",
            Self::Silent => "quic.silent",
            Self::Closed => "quic.closed",
            Self::ByPeer(_) => "quic.by_peer",
            Self::AddressUnproved => CloseCode::AddressUnproved.code(),
            Self::Other(_) => "quic.failed",
        }
    }
}

impl From<ConnectionError> for ConnectionFault {
    fn from(e: ConnectionError) -> Self {
        let alert = |code: u64| {
            let number = code.checked_sub(0x100).and_then(|n| u8::try_from(n).ok());
            number.map(AlertDescription::from)
        };
        match e {
            ConnectionError::TimedOut => Self::Silent,
            ConnectionError::LocallyClosed => Self::Closed,
            ConnectionError::ApplicationClosed(c) => match c.error_code.into_inner() {
                0 => Self::Closed,
                n => Self::ByPeer(n),
            },
            ConnectionError::TransportError(e) => match alert(e.code.into()) {
                Some(alert) => Self::Tls { alert, detail: e.reason },
                None => Self::Other(e.to_string()),
            },
            ConnectionError::ConnectionClosed(c) => match alert(c.error_code.into()) {
                Some(alert) => Self::Alert(alert),
                None => Self::ByPeer(c.error_code.into()),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<&ConnectionFault> for io::Error {
    fn from(e: &ConnectionFault) -> Self {
        let kind = match e {
            ConnectionFault::Silent => io::ErrorKind::TimedOut,
            ConnectionFault::ByPeer(_) | ConnectionFault::Alert(_) => {
                io::ErrorKind::ConnectionAborted
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, e.clone())
    }
}
