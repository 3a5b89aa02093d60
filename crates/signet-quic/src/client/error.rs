//! Why a connection is not made.

use quinn::ConnectionError;
use rustls::{AlertDescription, CertificateError};
use std::{error::Error as StdError, io};

/// Why a connection was not made, or has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// TLS failed at this end: the server's certificate, as a rule.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The server sent a TLS alert: it refuses this client.
    #[error("the server refused TLS: {0}")]
    Alert(rustls::Error),
    /// Nothing came back: UDP is blocked, or nobody is there.
    #[error("no answer over UDP")]
    NoAnswer,
    /// The server has restarted and does not know the connection.
    #[error("the server has restarted")]
    Reset,
    /// The server does not take connections at present.
    #[error("the server takes no connection now")]
    Busy,
    /// The server closed the connection with one of our codes.
    #[error("the server closed the connection: {reason}")]
    Closed {
        /// See [`crate::CloseCode`].
        number: u64,
        /// Its stable code.
        reason: String,
    },
    /// This end closed it.
    #[error("closed")]
    Local,
    /// The settings of this end do not allow QUIC.
    #[error("QUIC cannot be used with these settings: {detail}")]
    Settings {
        /// What is missing.
        detail: String,
    },
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Io(#[from] io::Error),
    /// The peer, or something in between, does not keep to QUIC.
    #[error("QUIC failed: {detail}")]
    Other {
        /// In the library's words.
        detail: String,
    },
}

impl ConnectError {
    /// Stable.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tls(_) => "quic.tls",
            Self::Alert(_) => "quic.alert",
            Self::NoAnswer => "quic.no_answer",
            Self::Reset => "quic.reset",
            Self::Busy => "quic.busy",
            Self::Closed { .. } => "quic.closed",
            Self::Local => "quic.local",
            Self::Settings { .. } => "quic.settings",
            Self::Io(_) => "quic.io",
            Self::Other { .. } => "quic.failed",
        }
    }

    /// The TLS fault, at this end or as the server's alert. QUIC keeps only the alert of either;
    /// what this end found wrong is told from the alert that it sent.
    #[must_use]
    pub fn tls(&self) -> Option<&rustls::Error> {
        match self {
            Self::Tls(e) | Self::Alert(e) => Some(e),
            _ => None,
        }
    }

    /// What is in the error of a stream: a refused client certificate shows there first.
    #[must_use]
    pub fn of_stream(error: &io::Error) -> Option<Self> {
        let mut inner: Option<&(dyn StdError + 'static)> = error.get_ref().map(|e| e as _);
        while let Some(e) = inner {
            if let Some(lost) = e.downcast_ref::<ConnectionError>() {
                return Some(lost.clone().into());
            }
            inner = match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(e) => Some(e as _),
                None => e.source(),
            };
        }
        None
    }
}

impl From<quinn::ConnectError> for ConnectError {
    fn from(e: quinn::ConnectError) -> Self {
        Self::Settings { detail: e.to_string() }
    }
}

impl From<ConnectionError> for ConnectError {
    fn from(e: ConnectionError) -> Self {
        match e {
            ConnectionError::TimedOut => Self::NoAnswer,
            ConnectionError::Reset => Self::Reset,
            ConnectionError::LocallyClosed => Self::Local,
            ConnectionError::ApplicationClosed(c) => {
                Self::Closed { number: c.error_code.into_inner(), reason: printable(&c.reason) }
            }
            ConnectionError::TransportError(e) => match alert(e.code.into()) {
                Some(alert) => Self::Tls(fault_of_alert(alert)),
                None => Self::Other { detail: e.to_string() },
            },
            ConnectionError::ConnectionClosed(c) => {
                const CONNECTION_REFUSED: u64 = 2;
                match (u64::from(c.error_code), alert(c.error_code.into())) {
                    (_, Some(alert)) => Self::Alert(rustls::Error::AlertReceived(alert)),
                    (CONNECTION_REFUSED, None) => Self::Busy,
                    _ => Self::Other { detail: c.to_string() },
                }
            }
            other => Self::Other { detail: other.to_string() },
        }
    }
}

/// RFC 9001 §4.8: a TLS alert is a transport error of 0x100 and its number.
fn alert(code: u64) -> Option<AlertDescription> {
    let number = code.checked_sub(0x100)?;
    u8::try_from(number).ok().map(AlertDescription::from)
}

/// What this end found wrong, from the alert that it sent.
fn fault_of_alert(alert: AlertDescription) -> rustls::Error {
    let certificate = |e| rustls::Error::InvalidCertificate(e);
    match alert {
        AlertDescription::CertificateExpired => certificate(CertificateError::Expired),
        AlertDescription::CertificateRevoked => certificate(CertificateError::Revoked),
        AlertDescription::UnknownCA => certificate(CertificateError::UnknownIssuer),
        AlertDescription::BadCertificate => certificate(CertificateError::BadEncoding),
        AlertDescription::DecryptError => certificate(CertificateError::BadSignature),
        AlertDescription::NoApplicationProtocol => rustls::Error::NoApplicationProtocol,
        other => rustls::Error::General(format!("{other:?}")),
    }
}

/// A peer's text, for a log: short, and without control characters.
fn printable(reason: &[u8]) -> String {
    String::from_utf8_lossy(reason).chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_told_from_other_transport_errors() {
        for (code, want) in [
            (0x0, None),
            (0xff, None),
            (0x100, Some(AlertDescription::CloseNotify)),
            (0x100 + 42, Some(AlertDescription::BadCertificate)),
            (0x100 + 116, Some(AlertDescription::CertificateRequired)),
            (0x200, None),
            (u64::MAX, None),
        ] {
            assert_eq!(alert(code), want, "{code:#x}");
        }
    }

    #[test]
    fn the_cause_is_found_in_the_error_of_a_stream() {
        let lost = quinn::ReadError::ConnectionLost(ConnectionError::Reset);
        let found = ConnectError::of_stream(&io::Error::from(lost));
        assert!(matches!(found, Some(ConnectError::Reset)), "{found:?}");
        let wrapped = io::Error::other(io::Error::other(ConnectionError::TimedOut));
        let found = ConnectError::of_stream(&wrapped);
        assert!(matches!(found, Some(ConnectError::NoAnswer)), "{found:?}");
        assert!(ConnectError::of_stream(&io::Error::other("else")).is_none());
    }

    #[test]
    fn a_peers_words_are_short_and_printable() {
        assert_eq!(printable(b"a\x1b[31mb\n"), "a[31mb");
        assert_eq!(printable(&[b'x'; 500]).len(), 80);
    }
}
