//! HTTP proxies: which one to use, and asking it for a tunnel (RFC 9110 §9.3.6, CONNECT).
//!
//! The tunnel carries TLS end to end, so a proxy sees the host's name and nothing else. The
//! credentials for the proxy travel in the clear: HTTP proxies offer nothing better.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use signet_identity::{authority, host_and_optional_port};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use crate::error::ProxyError;

/// The longest head of a proxy's answer, in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024;
const URL_CHARS_MAX: usize = 512;
const NO_PROXY_ENTRIES_MAX: usize = 200;
const REASON_CHARS_MAX: usize = 100;

/// A proxy: `http://[user:password@]host[:port]`; the port is 8080 unless given.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    host: String,
    port: u16,
    /// `user:password`, decoded.
    credentials: Option<Zeroizing<String>>,
}

/// Which proxy to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// What `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in either case of letters.
    #[default]
    FromEnvironment,
    /// None, whatever the environment says.
    Direct,
    /// This one, for every host.
    Url(ProxyUrl),
}

/// The variables of the environment about proxies. May hold credentials.
#[derive(Clone, Default)]
pub struct ProxyEnvironment {
    /// `HTTPS_PROXY`: the proxy for TLS, taken before `all_proxy`.
    pub https_proxy: Option<String>,
    /// `ALL_PROXY`: the proxy for anything.
    pub all_proxy: Option<String>,
    /// `NO_PROXY`: hosts reached directly, separated by commas or spaces.
    pub no_proxy: Option<String>,
}

impl ProxyUrl {
    /// The proxy's own host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy's own port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Asks for a tunnel to `host` on a connection to the proxy.
    ///
    /// # Errors
    /// [`ProxyError`] when the proxy refuses, answers something else than HTTP, or closes.
    pub(crate) async fn connect(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        host: &str,
        port: u16,
    ) -> Result<(), ProxyError> {
        let closed = |_| ProxyError::Closed { proxy: self.to_string() };
        let request = self.request(host, port);
        stream.write_all(request.as_bytes()).await.map_err(closed)?;
        stream.flush().await.map_err(closed)?;
        let mut head = Vec::new();
        loop {
            let mut chunk = [0; 512];
            let count = stream.read(&mut chunk).await.map_err(closed)?;
            head.extend_from_slice(&chunk[..count]);
            if let Some(end) = end_of_head(&head) {
                // The server speaks only after our hello, so further bytes do not come from it.
                self.judge(&head)?;
                return if end == head.len() { Ok(()) } else { Err(self.not_a_proxy()) };
            }
            if count == 0 {
                return Err(if head.is_empty() {
                    ProxyError::Closed { proxy: self.to_string() }
                } else {
                    self.not_a_proxy()
                });
            }
            if head.len() > ANSWER_BYTES_MAX {
                return Err(self.not_a_proxy());
            }
        }
    }

    fn request(&self, host: &str, port: u16) -> Zeroizing<String> {
        let to = authority(host, port);
        let mut text = Zeroizing::new(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n"));
        if let Some(credentials) = &self.credentials {
            let encoded = Zeroizing::new(STANDARD.encode(credentials.as_bytes()));
            text.push_str("Proxy-Authorization: Basic ");
            text.push_str(&encoded);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text
    }

    /// Decides from the head of the answer.
    fn judge(&self, head: &[u8]) -> Result<(), ProxyError> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let mut words = status_line.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words
            .next()
            .and_then(|word| word.parse::<u16>().ok())
            .filter(|s| (100..600).contains(s));
        let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
            return Err(self.not_a_proxy());
        };
        let reason = plain(words.next().unwrap_or_default());
        let proxy = self.to_string();
        match status {
            200..=299 => Ok(()),
            407 => {
                let named = lines
                    .filter_map(|line| line.split_once(':'))
                    .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"));
                let schemes: Vec<String> = named
                    .map(|(_, value)| plain(value.split_whitespace().next().unwrap_or_default()))
                    .collect();
                let schemes =
                    if schemes.is_empty() { "kind not said".into() } else { schemes.join(", ") };
                match self.credentials {
                    None => Err(ProxyError::CredentialsWanted { proxy, schemes }),
                    Some(_) => Err(ProxyError::CredentialsRefused { proxy, schemes }),
                }
            }
            403 | 405 | 451 => Err(ProxyError::Forbidden { proxy, status, reason }),
            502..=504 => Err(ProxyError::ServerNotReached { proxy, status, reason }),
            _ => Err(ProxyError::Status { proxy, status, reason }),
        }
    }

    fn not_a_proxy(&self) -> ProxyError {
        ProxyError::NotAProxy { proxy: self.to_string() }
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Text from the network, made fit to be shown.
fn plain(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(REASON_CHARS_MAX).collect()
}

impl FromStr for ProxyUrl {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        if text.is_empty() || text.len() > URL_CHARS_MAX {
            return Err(ProxyError::BadUrl);
        }
        // By custom a proxy may be given without a scheme.
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => return Err(ProxyError::Scheme(plain(scheme))),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, address) = match rest.rsplit_once('@') {
            Some((credentials, address)) => (Some(decode(credentials)?), address),
            None => (None, rest),
        };
        let (host, port) = host_and_optional_port(address).map_err(|_| ProxyError::BadUrl)?;
        if ServerName::try_from(host).is_err() {
            return Err(ProxyError::BadUrl);
        }
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(8080), credentials })
    }
}

/// Percent-decoding (RFC 3986 §2.1); control characters would break out of the header.
fn decode(text: &str) -> Result<Zeroizing<String>, ProxyError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or(ProxyError::BadUrl)?;
        let digits = std::str::from_utf8(digits).map_err(|_| ProxyError::BadUrl)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ProxyError::BadUrl)?);
        rest = tail;
    }
    let decoded = std::str::from_utf8(&bytes).map_err(|_| ProxyError::BadUrl)?;
    if decoded.chars().any(char::is_control) {
        Err(ProxyError::BadUrl)
    } else {
        Ok(Zeroizing::new(decoded.to_owned()))
    }
}

impl ProxySetting {
    /// The proxy for this host; `None` to dial it directly.
    ///
    /// # Errors
    /// [`ProxyError::BadUrl`] or [`ProxyError::Scheme`] when the environment's proxy cannot be
    /// used.
    pub fn choose(
        &self,
        environment: &ProxyEnvironment,
        host: &str,
    ) -> Result<Option<ProxyUrl>, ProxyError> {
        let named = match self {
            Self::Direct => return Ok(None),
            Self::Url(url) => return Ok(Some(url.clone())),
            Self::FromEnvironment => {
                environment.https_proxy.as_ref().or(environment.all_proxy.as_ref())
            }
        };
        match named {
            Some(url)
                if !url.trim().is_empty() && !exempt(environment.no_proxy.as_deref(), host) =>
            {
                url.parse().map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// `NO_PROXY`: names (with all below them, with or without a leading dot), addresses, or `*`. The
/// machine itself is always reached directly.
fn exempt(no_proxy: Option<&str>, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    {
        return true;
    }
    no_proxy.unwrap_or_default().split([',', ' ']).take(NO_PROXY_ENTRIES_MAX).any(|entry| {
        let entry = entry.trim().trim_start_matches('.').to_ascii_lowercase();
        let entry = entry
            .split_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .map_or(entry.as_str(), |(name, _)| name);
        match entry {
            "" => false,
            "*" => true,
            name => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
        }
    })
}

impl ProxyEnvironment {
    /// Reads this process's environment. Lower case wins, as with curl.
    #[must_use]
    pub fn read() -> Self {
        let either = |name: &str| {
            std::env::var(name.to_ascii_lowercase()).or_else(|_| std::env::var(name)).ok()
        };
        Self {
            https_proxy: either("HTTPS_PROXY"),
            all_proxy: either("ALL_PROXY"),
            no_proxy: either("NO_PROXY"),
        }
    }
}

/// Without the credentials.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = if self.credentials.is_some() { "(credentials)@" } else { "" };
        write!(f, "ProxyUrl({hidden}{}:{})", self.host, self.port)
    }
}

/// The variables may hold credentials.
impl fmt::Debug for ProxyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |set: &Option<String>| if set.is_some() { "set" } else { "unset" };
        write!(
            f,
            "ProxyEnvironment(https {}, all {}, no {:?})",
            shown(&self.https_proxy),
            shown(&self.all_proxy),
            self.no_proxy
        )
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
