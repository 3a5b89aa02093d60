//! Why a connection did not come about, or was ended by the peer's TLS, in words.
//!
//! One cause appears in several forms: a rustls error, an alert from the peer inside an I/O error,
//! an I/O error of the operating system. In TLS 1.3 a client whose certificate is refused completes
//! its own handshake and learns of the refusal from an alert on a later read, so errors of reads
//! are classified here too ([`Stage::Session`]).

mod cure;
mod hidden;
mod message;
mod text;

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use rustls::{
    AlertDescription as Alert, CertificateError, Error as TlsError, InvalidMessage,
    PeerIncompatible,
};

use crate::key::{HolderFault, KeyError};
use crate::pin::SpkiPin;

pub(crate) use hidden::{CrlProblem, PinMismatch};

/// How far the connection had come when the error was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking up the host name.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// TLS handshake.
    Handshake,
    /// After the handshake, on any read or write.
    Session,
}

/// Why a peer was not reached, not trusted or did not trust us.
///
/// The first groups are met at the dialling end, the last one at the listening end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The host name has no address.
    DnsFailure,
    /// The host answered that nothing listens there.
    ConnectionRefused,
    /// No route to the host.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The peer does not speak TLS.
    NotTls,
    /// The peer closed the connection before the handshake was complete.
    ClosedDuringHandshake,
    /// No TLS version in common.
    NoCommonTlsVersion,
    /// No cipher suite, group or signature scheme in common.
    NoCommonSuite,

    /// The server's certificate is genuine but for another host.
    NameMismatch {
        /// The names in the certificate, if rustls tells them.
        presented: Vec<String>,
    },
    /// The server's certificate comes from an authority that is not configured.
    UnknownCa,
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet, or the clock here is slow.
    NotYetValid,
    /// The server is genuine but its key is not among those pinned.
    PinMismatch {
        /// The key the server showed.
        presented: SpkiPin,
    },
    /// The server's certificate was issued for another purpose than a server.
    ServerNotCertifiedForThis,
    /// The server's certificate was revoked by its authority.
    ServerCertificateRevoked,
    /// The server's certificate fails for another reason (signature, encoding).
    ServerCertificateInvalid {
        /// The reason of rustls or of the path validation.
        detail: String,
    },

    /// The peer refused our client certificate.
    ClientCertificateRefused {
        /// The TLS alert (RFC 8446 §6.2), or the verifier's reason.
        alert: String,
    },
    /// The client certificate is outside its validity (one alert serves both directions).
    ClientCertificateExpired,
    /// The client certificate was revoked by its authority.
    ClientCertificateRevoked,
    /// The client certificate comes from an authority the server does not trust.
    ClientCertificateUnknownCa,
    /// No client certificate was shown.
    NoClientCertificateSent,
    /// The private key could not sign the handshake.
    KeyUnavailable {
        /// The reason that the key gave.
        detail: String,
    },
    /// The token or keychain that holds the private key said why it did not sign.
    KeyHolder {
        /// The holder's stable code.
        code: &'static str,
        /// What it says about the key.
        fault: HolderFault,
        /// What happened, for a person.
        message: String,
        /// The remedy, as an instruction to the reader.
        cure: &'static str,
    },

    /// Listening end: the client did not accept our certificate.
    ServerCertificateRefused {
        /// The TLS alert (RFC 8446 §6.2).
        alert: String,
    },

    /// Either end: revocation must be checked here, and no list is loaded.
    RevocationListMissing,
    /// Either end: lists are loaded, none from the authority of the peer's certificate.
    RevocationListOfAnotherAuthority {
        /// The authority of the certificate.
        issuer: String,
        /// The authorities of the lists that are loaded.
        listed: Vec<String>,
    },
    /// Either end: the list is past its date.
    RevocationListStale {
        /// How long ago the next list was due, in seconds.
        seconds: u64,
    },
    /// Either end: the list is signed by somebody else, or by an authority that may not sign lists.
    RevocationListInvalid {
        /// What is wrong with the list.
        detail: String,
    },

    /// Anything else.
    Other {
        /// The text of the error.
        detail: String,
    },
}

/// Which end of the connection this is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

impl Refusal {
    /// The reason as the dialling end sees it.
    #[must_use]
    pub fn seen_by_client(error: &(dyn StdError + 'static), stage: Stage) -> Self {
        classify(error, stage, End::Client)
    }

    /// The reason as the listening end sees it, for its log.
    #[must_use]
    pub fn seen_by_server(error: &(dyn StdError + 'static), stage: Stage) -> Self {
        classify(error, stage, End::Server)
    }
}

fn classify(error: &(dyn StdError + 'static), stage: Stage, end: End) -> Refusal {
    if let Some(tls) = tls_error(error) {
        return from_tls(tls, stage, end);
    }
    match error.downcast_ref::<io::Error>() {
        Some(io) => from_io(io, stage),
        None => Refusal::Other { detail: error.to_string() },
    }
}

/// The rustls error inside, through any number of wrappers. `io::Error` does not report its inner
/// error as a source when it is the cause itself, so its inner error is looked at directly.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(tls) = error.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        current = match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

fn from_io(error: &io::Error, stage: Stage) -> Refusal {
    if stage == Stage::Resolve {
        return Refusal::DnsFailure;
    }
    match error.kind() {
        ErrorKind::TimedOut => Refusal::TimedOut,
        ErrorKind::ConnectionRefused => Refusal::ConnectionRefused,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => Refusal::Unreachable,
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
            if stage != Stage::Session =>
        {
            Refusal::ClosedDuringHandshake
        }
        _ => Refusal::Other { detail: error.to_string() },
    }
}

fn from_tls(error: &TlsError, stage: Stage, end: End) -> Refusal {
    match error {
        TlsError::InvalidCertificate(why) if end == End::Client => server_certificate(why),
        TlsError::InvalidCertificate(why) => client_certificate(why),
        TlsError::AlertReceived(alert) if end == End::Client => alert_from_server(*alert, stage),
        TlsError::AlertReceived(alert) => alert_from_client(*alert, stage),
        TlsError::NoCertificatesPresented => Refusal::NoClientCertificateSent,
        TlsError::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) if stage == Stage::Handshake => Refusal::NotTls,
        TlsError::PeerIncompatible(why) => incompatible(why),
        TlsError::Other(other) => match other.0.downcast_ref::<KeyError>() {
            Some(KeyError::Holder { code, fault, message, cure }) => {
                Refusal::KeyHolder { code, fault: *fault, message: message.clone(), cure }
            }
            Some(error) => Refusal::KeyUnavailable { detail: error.to_string() },
            None => Refusal::Other { detail: other.to_string() },
        },
        other => Refusal::Other { detail: other.to_string() },
    }
}

fn server_certificate(why: &CertificateError) -> Refusal {
    use CertificateError as E;
    match why {
        E::NotValidForName => Refusal::NameMismatch { presented: Vec::new() },
        E::NotValidForNameContext { presented, .. } => {
            Refusal::NameMismatch { presented: presented.clone() }
        }
        // A bad signature: an authority with the name of ours but another key.
        E::UnknownIssuer | E::BadSignature => Refusal::UnknownCa,
        E::Expired | E::ExpiredContext { .. } => Refusal::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => Refusal::NotYetValid,
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => Refusal::ServerNotCertifiedForThis,
        E::Revoked => Refusal::ServerCertificateRevoked,
        E::Other(other) => {
            match (other.0.downcast_ref::<PinMismatch>(), other.0.downcast_ref::<CrlProblem>()) {
                (Some(mismatch), _) => Refusal::PinMismatch { presented: mismatch.presented },
                (None, Some(problem)) => revocation_list(problem),
                (None, None) => Refusal::ServerCertificateInvalid { detail: other.to_string() },
            }
        }
        other => Refusal::ServerCertificateInvalid { detail: other.to_string() },
    }
}

fn client_certificate(why: &CertificateError) -> Refusal {
    use CertificateError as E;
    match why {
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
            Refusal::ClientCertificateExpired
        }
        E::UnknownIssuer | E::BadSignature => Refusal::ClientCertificateUnknownCa,
        E::Revoked => Refusal::ClientCertificateRevoked,
        E::Other(other) => match other.0.downcast_ref::<CrlProblem>() {
            Some(problem) => revocation_list(problem),
            None => Refusal::ClientCertificateRefused { alert: other.to_string() },
        },
        other => Refusal::ClientCertificateRefused { alert: other.to_string() },
    }
}

fn revocation_list(problem: &CrlProblem) -> Refusal {
    match problem.clone() {
        CrlProblem::Missing => Refusal::RevocationListMissing,
        CrlProblem::OfAnotherAuthority { issuer, listed } => {
            Refusal::RevocationListOfAnotherAuthority { issuer, listed }
        }
        CrlProblem::Stale { seconds } => Refusal::RevocationListStale { seconds },
        CrlProblem::Invalid(detail) => Refusal::RevocationListInvalid { detail },
    }
}

/// RFC 8446 §6.2: what a server's alert says about our certificate.
fn alert_from_server(alert: Alert, stage: Stage) -> Refusal {
    match alert {
        Alert::CertificateRequired => Refusal::NoClientCertificateSent,
        Alert::CertificateExpired => Refusal::ClientCertificateExpired,
        Alert::UnknownCA => Refusal::ClientCertificateUnknownCa,
        Alert::CertificateRevoked => Refusal::ClientCertificateRevoked,
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::AccessDenied
        | Alert::DecryptError => Refusal::ClientCertificateRefused { alert: format!("{alert:?}") },
        other => general_alert(other, stage),
    }
}

fn alert_from_client(alert: Alert, stage: Stage) -> Refusal {
    match alert {
        Alert::CertificateExpired
        | Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown => {
            Refusal::ServerCertificateRefused { alert: format!("{alert:?}") }
        }
        other => general_alert(other, stage),
    }
}

fn general_alert(alert: Alert, stage: Stage) -> Refusal {
    match alert {
        Alert::ProtocolVersion => Refusal::NoCommonTlsVersion,
        Alert::HandshakeFailure | Alert::InsufficientSecurity => Refusal::NoCommonSuite,
        Alert::CloseNotify if stage == Stage::Handshake => Refusal::ClosedDuringHandshake,
        other => Refusal::Other { detail: format!("TLS alert {other:?}") },
    }
}

fn incompatible(why: &PeerIncompatible) -> Refusal {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => Refusal::NoCommonTlsVersion,
        P::NoCipherSuitesInCommon
        | P::NoKxGroupsInCommon
        | P::NoSignatureSchemesInCommon
        | P::NoCertificateRequestSignatureSchemesInCommon
        | P::ExtendedMasterSecretExtensionRequired
        | P::NamedGroupsExtensionRequired
        | P::KeyShareExtensionRequired => Refusal::NoCommonSuite,
        other => Refusal::Other { detail: format!("{other:?}") },
    }
}
