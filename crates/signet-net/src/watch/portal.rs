//! Whether a captive portal holds traffic up, where the system does not say: a page whose content
//! is known is asked for, as systems themselves do. A portal answers in its place.
//!
//! The request carries the page's name and nothing of the desk, its user or the venue. What is
//! answered is only compared, and never shown or followed.

use crate::dial::tcp;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CACHE_CONTROL, CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use signet_identity::host_and_optional_port;
use std::{pin::pin, str::FromStr, time::Duration};

/// For the name, the connection and the answer together.
const TIME_MAX: Duration = Duration::from_secs(5);
/// The longest head of an answer; hyper takes no smaller bound.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The known pages have less than a hundred bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
const PAGE_CHARS_MAX: usize = 256;

/// A page by which a captive portal is recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalCheck {
    page: String,
    host: String,
    port: u16,
    path: String,
    known: Known,
}

/// What the page answers where no portal is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// 204 (RFC 9110 §15.3.5).
    NoContent,
    /// 200, and a text that has this in it.
    Text(&'static str),
}

/// What follows from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalAnswer {
    /// The page itself answered.
    Open,
    /// Something else answered in its place.
    Portal,
    /// There was no answer, or one that a portal does not give.
    Unknown,
}

/// The address of a page that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("it must be http://host[:port]/path, without a user and of at most 256 characters")]
pub struct BadPortalCheck;

impl PortalCheck {
    /// The page by which this kind of system, or its usual network service, finds portals itself.
    /// `None` on Windows, which tells what it finds.
    #[must_use]
    pub fn of_system() -> Option<Self> {
        if cfg!(target_os = "macos") {
            let page = "http://captive.apple.com/hotspot-detect.html";
            Self::known(page, Known::Text("<BODY>Success</BODY>"))
        } else if cfg!(target_os = "linux") {
            // NetworkManager's own default.
            let page = "http://nmcheck.gnome.org/check_network_status.txt";
            Self::known(page, Known::Text("NetworkManager is online"))
        } else {
            None
        }
    }

    fn known(page: &str, known: Known) -> Option<Self> {
        let check: Self = page.parse().ok()?;
        Some(Self { known, ..check })
    }

    /// The page's address. A browser that opens it behind a portal is led to where one signs in.
    #[must_use]
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Asks for the page directly, within five seconds.
    pub async fn ask(&self) -> PortalAnswer {
        let asked = tokio::time::timeout(TIME_MAX, self.exchange()).await;
        asked.ok().flatten().unwrap_or(PortalAnswer::Unknown)
    }

    async fn exchange(&self) -> Option<PortalAnswer> {
        let stream = tcp(&self.host, self.port).await.ok()?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.ok()?;
        let request = self.request()?;
        let mut answer = pin!(async move {
            let (head, body) = sender.send_request(request).await.ok()?.into_parts();
            Some(judge(head.status, &text(body).await?, self.known))
        });
        // The connection may end before its answer has been read here.
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            _ = connection => answer.await,
        }
    }

    fn request(&self) -> Option<Request<Empty<Bytes>>> {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let host = if self.port == 80 { host } else { format!("{host}:{}", self.port) };
        Request::get(&self.path)
            .header(HOST, host)
            .header(CACHE_CONTROL, "no-cache")
            .header(CONNECTION, "close")
            .body(Empty::new())
            .ok()
    }
}

/// The beginning of an answer; nothing of one that is longer than any known page. `None`: it broke
/// off.
async fn text(body: Incoming) -> Option<Bytes> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Some(body.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => Some(Bytes::new()),
        Err(_) => None,
    }
}

/// Another page, a page somewhere else, or 511 (RFC 6585 §6) is a portal's. Other refusals are what
/// a proxy or a broken server says.
fn judge(status: StatusCode, body: &[u8], known: Known) -> PortalAnswer {
    let is_known = match known {
        Known::NoContent => status == StatusCode::NO_CONTENT,
        Known::Text(text) => status == StatusCode::OK && holds(body, text.as_bytes()),
    };
    if is_known {
        return PortalAnswer::Open;
    }
    let is_portal = status.is_success()
        || status.is_redirection()
        || status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED;
    if is_portal { PortalAnswer::Portal } else { PortalAnswer::Unknown }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|part| part == text)
}

/// A page of the firm's own: `http://host[:port]/path`. It answers 204 where no portal is in the
/// way.
impl FromStr for PortalCheck {
    type Err = BadPortalCheck;

    fn from_str(page: &str) -> Result<Self, BadPortalCheck> {
        // A portal cannot answer in the place of a page that is asked for over TLS.
        let uri: Uri = page.parse().map_err(|_| BadPortalCheck)?;
        let is_http = uri.scheme_str() == Some("http");
        let (Some(authority), Some(path)) = (uri.authority(), uri.path_and_query()) else {
            return Err(BadPortalCheck);
        };
        let (host, port) =
            host_and_optional_port(authority.as_str()).map_err(|_| BadPortalCheck)?;
        if !is_http || page.chars().count() > PAGE_CHARS_MAX {
            return Err(BadPortalCheck);
        }
        Ok(Self {
            page: page.to_owned(),
            host: host.to_owned(),
            port: port.unwrap_or(80),
            path: path.as_str().to_owned(),
            known: Known::NoContent,
        })
    }
}

#[cfg(test)]
#[path = "portal_tests.rs"]
mod tests;
