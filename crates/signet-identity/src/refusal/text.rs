//! The words of each refusal: a stable code, who is at fault, what would cure it.

use std::fmt;

use super::Refusal;

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

    /// What happened and whose fault it is, in one sentence for a trader.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::DnsFailure => {
                "The server's name could not be found: this network's name service does not know \
                    it or does not answer."
                    .into()
            }
            Self::ConnectionRefused => {
                "The server's machine answered, but nothing accepts connections on that port: the \
                    server is not running or the port is wrong."
                    .into()
            }
            Self::Unreachable => "This network has no way to the server.".into(),
            Self::TimedOut => "The server did not answer in time.".into(),
            Self::NotTls => {
                "Whatever answered does not speak TLS: the port is wrong, or something between \
                    here and the server answered in its place."
                    .into()
            }
            Self::ClosedDuringHandshake => {
                "The server, or something between here and it, closed the connection before it \
                    was secured."
                    .into()
            }
            Self::NoCommonTlsVersion => {
                "The server and this program allow no TLS version in common: the server does not \
                    offer one allowed here."
                    .into()
            }
            Self::NoCommonSuite => {
                "The server and this program allow no encryption method in common.".into()
            }
            Self::NameMismatch { presented } if presented.is_empty() => {
                "The server showed a genuine certificate of another host: it is not the server \
                    that was asked for."
                    .into()
            }
            Self::NameMismatch { presented } => format!(
                "The server showed a genuine certificate of another host ({}): it is not the \
                    server that was asked for.",
                presented.join(", ")
            ),
            Self::UnknownCa => {
                "The server's certificate comes from an authority that is not trusted here: it \
                    may be an impostor."
                    .into()
            }
            Self::Expired => "The server's certificate has expired: its operator has not renewed \
                it."
            .into(),
            Self::NotYetValid => {
                "The server's certificate is not valid yet: its operator made a mistake, or this \
                    computer's clock is slow."
                    .into()
            }
            Self::PinMismatch { presented } => format!(
                "The server's certificate is genuine but its key ({presented}) is not one of \
                    those pinned here: the server's key was changed without notice, or it is an \
                    impostor."
            ),
            Self::ServerNotCertifiedForThis => {
                "The server's certificate was not issued for a server.".into()
            }
            Self::ServerCertificateRevoked => {
                "The server's certificate was revoked by its authority: its key may be in the \
                    wrong hands."
                    .into()
            }
            Self::ServerCertificateInvalid { detail } => {
                format!("The server's certificate is not acceptable: {detail}.")
            }
            Self::ClientCertificateRefused { alert } => {
                format!("The server refused this client's certificate ({alert}).")
            }
            Self::ClientCertificateExpired => {
                "The server refused this client's certificate because it has expired or is not \
                    valid yet."
                    .into()
            }
            Self::ClientCertificateRevoked => "This client's certificate was revoked.".into(),
            Self::ClientCertificateUnknownCa => {
                "The server refused this client's certificate because it does not trust the \
                    authority that issued it."
                    .into()
            }
            Self::NoClientCertificateSent => {
                "The server wants a client certificate and this client showed none.".into()
            }
            Self::KeyUnavailable { detail } => {
                format!("This client's private key could not be used: {detail}.")
            }
            Self::KeyHolder { message, .. } => format!(
                "This client's private key could not be \
                used: {message}."
            ),
            Self::ServerCertificateRefused { alert } => {
                format!("The client refused this server's certificate ({alert}).")
            }
            Self::RevocationListMissing => {
                "Certificates must be checked against a revocation list here, and none is loaded: \
                    nobody can be admitted."
                    .into()
            }
            Self::RevocationListOfAnotherAuthority { issuer, listed } => format!(
                "Whether the certificate was revoked cannot be told: the revocation lists loaded \
                    here are from {}, and none covers what {issuer} issued.",
                if listed.is_empty() { "nobody".into() } else { listed.join(" and ") }
            ),
            Self::RevocationListStale { seconds } => {
                format!(
                    "Whether the certificate was revoked cannot be told: the revocation list \
                    is {} past its date.",
                    span(*seconds)
                )
            }
            Self::RevocationListInvalid { detail } => {
                format!(
                    "Whether the certificate was revoked cannot be told: the revocation list \
                    is not acceptable ({detail})."
                )
            }
            Self::Other { detail } => format!("The connection failed: {detail}."),
        }
    }

    /// What would cure it, as an instruction to the reader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::DnsFailure => {
                "Check the host name in the settings and that this computer is online."
            }
            Self::ConnectionRefused => {
                "Check host and port in the settings; if they are right, tell the server's \
                    operator."
            }
            Self::Unreachable | Self::TimedOut => {
                "Check that this computer is online; another network may let you through."
            }
            Self::NotTls => {
                "Check the port in the settings; on a guest network, sign in to it first."
            }
            Self::ClosedDuringHandshake => {
                "Try again; if it persists on several networks, tell the server's operator."
            }
            Self::NoCommonTlsVersion => {
                "Ask the server's operator for TLS 1.3, or allow TLS 1.2 for this venue in the \
                    settings."
            }
            Self::NoCommonSuite => {
                "Ask the server's operator to allow ECDHE with AES-GCM (FIXS 1.1)."
            }
            Self::NameMismatch { .. } => {
                "Check the host name in the settings; if it is right, do not connect and tell \
                    your security team."
            }
            Self::UnknownCa => {
                "Do not connect. Check the configured certificate authority with your security \
                    team."
            }
            Self::Expired => "Ask the server's operator to renew its certificate.",
            Self::NotYetValid => {
                "Check this computer's clock; if it is right, tell the server's operator."
            }
            Self::PinMismatch { .. } => {
                "Do not connect. Ask your security team whether the server's key was changed; if \
                    so, they issue a new pin."
            }
            Self::ServerCertificateRevoked => {
                "Do not connect. Tell your security team and the server's operator."
            }
            Self::ServerNotCertifiedForThis | Self::ServerCertificateInvalid { .. } => {
                "Ask the server's operator for a correct certificate."
            }
            Self::ClientCertificateRefused { .. } | Self::ClientCertificateUnknownCa => {
                "Ask your security team whether this certificate is meant for this server and \
                    still allowed."
            }
            Self::ClientCertificateRevoked => {
                "Ask your administrator why it was revoked and for a new enrolment code."
            }
            Self::ClientCertificateExpired => {
                "Renew your certificate; if it is fresh, check this computer's clock."
            }
            Self::NoClientCertificateSent => {
                "Choose an identity from the keychain and connect again."
            }
            Self::KeyHolder { cure, .. } => cure,
            Self::KeyUnavailable { .. } => {
                "Unlock the keychain or insert the token that holds the key."
            }
            Self::ServerCertificateRefused { .. } => {
                "Check which authority, name and pin the client is configured to expect."
            }
            Self::RevocationListMissing
            | Self::RevocationListOfAnotherAuthority { .. }
            | Self::RevocationListStale { .. }
            | Self::RevocationListInvalid { .. } => {
                "The operator of this end publishes or fetches a fresh revocation list of that \
                    authority; no restart is needed."
            }
            Self::Other { .. } => "Try again; if it persists, give this text to your support desk.",
        }
    }
}

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
