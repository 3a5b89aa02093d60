//! Why a host was not reached.

use signet_identity::Refusal;

/// Why a host was not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host itself, or the way to it.
    #[error(transparent)]
    Direct(#[from] Refusal),
    /// The proxy on the way.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

impl DialError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Direct(refusal) => refusal.code(),
            Self::Proxy(error) => error.code(),
        }
    }

    /// The remedy, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Direct(refusal) => refusal.cure(),
            Self::Proxy(error) => error.cure(),
        }
    }
}

/// A proxy cannot be used. At fault: the settings, or the network's operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The setting, or the environment's variable, has another form.
    #[error("the proxy setting is not http://[user:password@]host[:port]")]
    BadUrl,
    /// A kind of proxy that is not supported; its scheme.
    #[error("the proxy setting asks for {0}, which is not supported; only http:// proxies are")]
    Scheme(String),
    /// The proxy itself was not reached.
    #[error("the proxy {proxy} was not reached: {why}")]
    Unreachable {
        /// The proxy, without credentials.
        proxy: String,
        /// Why not.
        why: Box<Refusal>,
    },
    /// Status 407 without credentials in the setting.
    #[error("the proxy {proxy} wants a user name and password ({schemes})")]
    CredentialsWanted {
        /// The proxy, without credentials.
        proxy: String,
        /// The authentication schemes that the proxy names.
        schemes: String,
    },
    /// Status 407 although the setting has credentials.
    #[error("the proxy {proxy} does not accept this user name and password ({schemes})")]
    CredentialsRefused {
        /// The proxy, without credentials.
        proxy: String,
        /// The authentication schemes that the proxy names.
        schemes: String,
    },
    /// Status 403, 405 or 451.
    #[error("the proxy {proxy} does not allow this connection ({status} {reason})")]
    Forbidden {
        /// The proxy, without credentials.
        proxy: String,
        /// The HTTP status.
        status: u16,
        /// The proxy's reason phrase, one line.
        reason: String,
    },
    /// Status 502 to 504.
    #[error("the proxy {proxy} could not reach the server ({status} {reason})")]
    ServerNotReached {
        /// The proxy, without credentials.
        proxy: String,
        /// The HTTP status.
        status: u16,
        /// The proxy's reason phrase, one line.
        reason: String,
    },
    /// Any other status than success.
    #[error("the proxy {proxy} answered with {status} {reason}")]
    Status {
        /// The proxy, without credentials.
        proxy: String,
        /// The HTTP status.
        status: u16,
        /// The proxy's reason phrase, one line.
        reason: String,
    },
    /// The answer is not HTTP, too long, or followed by bytes before the tunnel is up.
    #[error("what answers at {proxy} is no HTTP proxy")]
    NotAProxy {
        /// The proxy, without credentials.
        proxy: String,
    },
    /// The connection ended before an answer.
    #[error("the proxy {proxy} closed the connection without an answer")]
    Closed {
        /// The proxy, without credentials.
        proxy: String,
    },
    /// The proxy took the connection, and made no tunnel within the caller's limit. Not the host's
    /// fault as far as can be known here: a proxy also waits for a host that it cannot reach.
    #[error("the proxy {proxy} took the connection and did not answer in time")]
    TimedOut {
        /// The proxy, without credentials.
        proxy: String,
    },
}

impl ProxyError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadUrl => "proxy.bad_url",
            Self::Scheme(_) => "proxy.scheme",
            Self::Unreachable { .. } => "proxy.unreachable",
            Self::CredentialsWanted { .. } => "proxy.credentials_wanted",
            Self::CredentialsRefused { .. } => "proxy.credentials_refused",
            Self::Forbidden { .. } => "proxy.forbidden",
            Self::ServerNotReached { .. } => "proxy.server_not_reached",
            Self::Status { .. } => "proxy.status",
            Self::NotAProxy { .. } => "proxy.not_a_proxy",
            Self::Closed { .. } => "proxy.closed",
            Self::TimedOut { .. } => "proxy.timed_out",
        }
    }

    /// The remedy, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::BadUrl | Self::Scheme(_) => {
                "Correct the proxy in the settings (or in HTTPS_PROXY)."
            }
            Self::Unreachable { .. } | Self::Closed { .. } => {
                "Check that this network is the one the proxy belongs to; elsewhere, switch the \
                    proxy off."
            }
            Self::TimedOut { .. } => {
                "Check that this network is the one the proxy belongs to; elsewhere, switch the \
                    proxy off. If other programs get through, ask the proxy's operator whether it \
                    reaches the server."
            }
            Self::CredentialsWanted { .. } | Self::CredentialsRefused { .. } => {
                "Put the right user name and password into the proxy setting (only Basic is \
                    supported)."
            }
            Self::Forbidden { .. } => {
                "Ask the network's operator to allow CONNECT to this host and port."
            }
            Self::ServerNotReached { .. } => {
                "Check host and port in the settings; if they are right, tell the server's \
                    operator."
            }
            Self::Status { .. } | Self::NotAProxy { .. } => {
                "Check the proxy's host and port in the settings."
            }
        }
    }
}
