//! The text of each refusal: a stable code, a sentence that says who is at fault, the remedy.

use std::fmt;

use super::{Refusal, cure, message};

impl Refusal {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DnsFailure => "net.dns_failure",
            Self::ConnectionRefused => "net.connection_refused",
            Self::Unreachable => "net.unreachable",
            Self::TimedOut => "net.timed_out",
            Self::NotTls => "tls.not_tls",
            Self::ClosedDuringHandshake => "tls.closed_during_handshake",
            Self::NoCommonTlsVersion => "tls.no_common_version",
            Self::NoCommonSuite => "tls.no_common_suite",
            Self::NameMismatch { .. } => "server.name_mismatch",
            Self::UnknownCa => "server.unknown_ca",
            Self::Expired => "server.expired",
            Self::NotYetValid => "server.not_yet_valid",
            Self::PinMismatch { .. } => "server.pin_mismatch",
            Self::ServerNotCertifiedForThis => "server.wrong_purpose",
            Self::ServerCertificateRevoked => "server.revoked",
            Self::ServerCertificateInvalid { .. } => "server.certificate_invalid",
            Self::ClientCertificateRefused { .. } => "client.certificate_refused",
            Self::ClientCertificateExpired => "client.certificate_expired",
            Self::ClientCertificateRevoked => "client.revoked",
            Self::ClientCertificateUnknownCa => "client.unknown_ca",
            Self::NoClientCertificateSent => "client.no_certificate",
            Self::KeyUnavailable { .. } => "client.key_unavailable",
            Self::KeyHolder { code, .. } => code,
            Self::ServerCertificateRefused { .. } => "server.certificate_refused",
            Self::RevocationListMissing => "crl.missing",
            Self::RevocationListOfAnotherAuthority { .. } => "crl.other_authority",
            Self::RevocationListStale { .. } => "crl.stale",
            Self::RevocationListInvalid { .. } => "crl.invalid",
            Self::Other { .. } => "net.other",
        }
    }

    /// What happened and who is at fault, in one sentence for a trader.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::DnsFailure => message::DNS_FAILURE.into(),
            Self::ConnectionRefused => message::CONNECTION_REFUSED.into(),
            Self::Unreachable => message::UNREACHABLE.into(),
            Self::TimedOut => message::TIMED_OUT.into(),
            Self::NotTls => message::NOT_TLS.into(),
            Self::ClosedDuringHandshake => message::CLOSED_DURING_HANDSHAKE.into(),
            Self::NoCommonTlsVersion => message::NO_COMMON_TLS_VERSION.into(),
            Self::NoCommonSuite => message::NO_COMMON_SUITE.into(),
            Self::NameMismatch { presented } => name_mismatch(presented),
            Self::UnknownCa => message::UNKNOWN_CA.into(),
            Self::Expired => message::EXPIRED.into(),
            Self::NotYetValid => message::NOT_YET_VALID.into(),
            Self::PinMismatch { presented } => format!(
                "The server's certificate is genuine but its key ({presented}) is not one of \
                    those pinned here: the server's key was changed without notice, or it is an \
                    impostor."
            ),
            Self::ServerNotCertifiedForThis => message::SERVER_NOT_CERTIFIED_FOR_THIS.into(),
            Self::ServerCertificateRevoked => message::SERVER_CERTIFICATE_REVOKED.into(),
            Self::ServerCertificateInvalid { detail } => {
                format!("The server's certificate is not acceptable: {detail}.")
            }
            Self::ClientCertificateRefused { alert } => {
                format!("The server refused this client's certificate ({alert}).")
            }
            Self::ClientCertificateExpired => message::CLIENT_CERTIFICATE_EXPIRED.into(),
            Self::ClientCertificateRevoked => message::CLIENT_CERTIFICATE_REVOKED.into(),
            Self::ClientCertificateUnknownCa => message::CLIENT_CERTIFICATE_UNKNOWN_CA.into(),
            Self::NoClientCertificateSent => message::NO_CLIENT_CERTIFICATE_SENT.into(),
            Self::KeyUnavailable { detail } => {
                format!("This client's private key could not be used: {detail}.")
            }
            Self::KeyHolder { message, .. } => {
                format!("This client's private key could not be used: {message}.")
            }
            Self::ServerCertificateRefused { alert } => {
                format!("The client refused this server's certificate ({alert}).")
            }
            Self::RevocationListMissing => message::REVOCATION_LIST_MISSING.into(),
            Self::RevocationListOfAnotherAuthority { issuer, listed } => {
                not_covered(issuer, listed)
            }
            Self::RevocationListStale { seconds } => format!(
                "Whether the certificate was revoked cannot be told: the revocation list is {} \
                 past its date.",
                span(*seconds)
            ),
            Self::RevocationListInvalid { detail } => format!(
                "Whether the certificate was revoked cannot be told: the revocation list is not \
                 acceptable ({detail})."
            ),
            Self::Other { detail } => format!("The connection failed: {detail}."),
        }
    }

    /// The remedy, as an instruction to the reader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::DnsFailure => cure::DNS_FAILURE,
            Self::ConnectionRefused => cure::CONNECTION_REFUSED,
            Self::Unreachable | Self::TimedOut => cure::UNREACHABLE,
            Self::NotTls => cure::NOT_TLS,
            Self::ClosedDuringHandshake => cure::CLOSED_DURING_HANDSHAKE,
            Self::NoCommonTlsVersion => cure::NO_COMMON_TLS_VERSION,
            Self::NoCommonSuite => cure::NO_COMMON_SUITE,
            Self::NameMismatch { .. } => cure::NAME_MISMATCH,
            Self::UnknownCa => cure::UNKNOWN_CA,
            Self::Expired => cure::EXPIRED,
            Self::NotYetValid => cure::NOT_YET_VALID,
            Self::PinMismatch { .. } => cure::PIN_MISMATCH,
            Self::ServerCertificateRevoked => cure::SERVER_CERTIFICATE_REVOKED,
            Self::ServerNotCertifiedForThis | Self::ServerCertificateInvalid { .. } => {
                cure::SERVER_NOT_CERTIFIED_FOR_THIS
            }
            Self::ClientCertificateRefused { .. } | Self::ClientCertificateUnknownCa => {
                cure::CLIENT_CERTIFICATE_REFUSED
            }
            Self::ClientCertificateRevoked => cure::CLIENT_CERTIFICATE_REVOKED,
            Self::ClientCertificateExpired => cure::CLIENT_CERTIFICATE_EXPIRED,
            Self::NoClientCertificateSent => cure::NO_CLIENT_CERTIFICATE_SENT,
            Self::KeyHolder { cure, .. } => cure,
            Self::KeyUnavailable { .. } => cure::KEY_UNAVAILABLE,
            Self::ServerCertificateRefused { .. } => cure::SERVER_CERTIFICATE_REFUSED,
            Self::RevocationListMissing
            | Self::RevocationListOfAnotherAuthority { .. }
            | Self::RevocationListStale { .. }
            | Self::RevocationListInvalid { .. } => cure::REVOCATION_LIST_MISSING,
            Self::Other { .. } => cure::OTHER,
        }
    }
}

fn name_mismatch(presented: &[String]) -> String {
    let named =
        if presented.is_empty() { String::new() } else { format!(" ({})", presented.join(", ")) };
    format!(
        "The server showed a genuine certificate of another host{named}: it is not the server \
         that was asked for."
    )
}

fn not_covered(issuer: &str, listed: &[String]) -> String {
    let listed = if listed.is_empty() { "nobody".into() } else { listed.join(" and ") };
    format!(
        "Whether the certificate was revoked cannot be told: the revocation lists loaded here are \
         from {listed}, and none covers what {issuer} issued."
    )
}

/// A time span as a person says it.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Refusal {}
