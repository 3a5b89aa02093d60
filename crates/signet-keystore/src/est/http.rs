//! One HTTP request on one connection, within limits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use signet_identity::{EstAddress, Refusal, Stage, authority};
use signet_net::{ProxySetting, dial, handshake};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::error::EstError;

/// The largest answer, in bytes: a few chains of authorities.
const BODY_BYTES_MAX: usize = 256 * 1024;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const MESSAGE_CHARS_MAX: usize = 500;
const CODE_CHARS_MAX: usize = 64;
/// A day: a longer wait that a server asks for is cut to this.
const RETRY_AFTER_S_MAX: u64 = 86_400;

pub(super) struct Request {
    operation: &'static str,
    /// A base64 certificate request.
    body: Option<String>,
    /// `user:code` in base64.
    credentials: Option<Zeroizing<String>>,
}

impl Request {
    pub(super) const fn get(operation: &'static str) -> Self {
        Self { operation, body: None, credentials: None }
    }

    pub(super) const fn post(
        operation: &'static str,
        body: String,
        credentials: Option<Zeroizing<String>>,
    ) -> Self {
        Self { operation, body: Some(body), credentials }
    }
}

/// The body of a good answer. One deadline holds for the whole exchange, and the error names the
/// stage that reached it: the network or the proxy while dialling, the network in the handshake,
/// the service after it.
pub(super) async fn exchange(
    address: &EstAddress,
    proxy: &ProxySetting,
    config: Arc<ClientConfig>,
    request: Request,
    time_max: Duration,
) -> Result<Vec<u8>, EstError> {
    let deadline = Instant::now() + time_max;
    let tcp = dial(&address.host, address.port, proxy, time_max).await?;
    let name = ServerName::try_from(address.server_name.clone())
        .map_err(|_| EstError::BadInput("the server's name"))?;
    let left = deadline.saturating_duration_since(Instant::now());
    let tls = handshake(config, name, tcp, left)
        .await
        .map_err(|e| Refusal::seen_by_client(&e, Stage::Handshake))?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(tls)).await.map_err(broken)?;
    let driver = tokio::spawn(connection);
    let ended = Ended(driver);
    let answer = async {
        let answer = sender.send_request(built(address, request)?).await.map_err(broken)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|e| {
            if e.is::<LengthLimitError>() {
                EstError::TooLarge
            } else {
                EstError::NotEst("its answer broke off")
            }
        })?;
        judge(head.status, &head.headers, &body.to_bytes())
    };
    let answer = timeout_at(deadline, answer).await;
    drop(ended);
    answer.unwrap_or(Err(EstError::TimedOut(time_max)))
}

/// Ends the connection's task when the exchange is over or given up.
struct Ended(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// In TLS 1.3 a refused client certificate shows only here, on the first read.
fn broken(error: hyper::Error) -> EstError {
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Refusal::seen_by_client(io, Stage::Session).into();
        }
        source = inner.source();
    }
    EstError::NotEst("it does not speak HTTP")
}

fn built(address: &EstAddress, request: Request) -> Result<hyper::Request<Full<Bytes>>, EstError> {
    let bad = |_| EstError::BadInput("the request");
    let mut builder = hyper::Request::builder()
        .uri(format!("/.well-known/est/{}", request.operation))
        .header(HOST, authority(&address.server_name, address.port))
        .header(ACCEPT, "*/*");
    if let Some(credentials) = &request.credentials {
        let text = Zeroizing::new(format!("Basic {}", credentials.as_str()));
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| EstError::BadInput("the enrolment code"))?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    let body = match request.body {
        Some(body) => {
            builder = builder
                .method(Method::POST)
                .header(CONTENT_TYPE, "application/pkcs10")
                .header("Content-Transfer-Encoding", "base64");
            body
        }
        None => String::new(),
    };
    builder.body(Full::new(Bytes::from(body))).map_err(bad)
}

pub(super) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<u8>, EstError> {
    let retry_after_s = header(headers, RETRY_AFTER.as_str())
        .and_then(|text| text.trim().parse().ok())
        .map(|s: u64| s.min(RETRY_AFTER_S_MAX));
    match status {
        StatusCode::OK => {
            let kind = header(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match kind.as_str() {
                "application/pkcs7-mime" | "application/csrattrs" => Ok(body.to_vec()),
                _ => Err(EstError::NotEst("it sends another kind of content")),
            }
        }
        StatusCode::NO_CONTENT => Ok(Vec::new()),
        StatusCode::ACCEPTED => Err(EstError::Waiting { retry_after_s }),
        status => {
            let well_formed = |code: &&str| {
                let allowed =
                    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b);
                (1..=CODE_CHARS_MAX).contains(&code.len()) && code.bytes().all(allowed)
            };
            let code = header(headers, "signet-code").filter(well_formed).unwrap_or(
                match status.as_u16() {
                    401 => "enrol.unauthorised",
                    403 => "enrol.forbidden",
                    429 => "enrol.rate_limited",
                    500.. => "enrol.server_failed",
                    _ => "enrol.refused",
                },
            );
            // Only text meant for people, and only one line of it.
            let is_text = header(headers, CONTENT_TYPE.as_str())
                .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/plain"));
            let said = is_text.then(|| sentence(body)).flatten();
            let message = said.unwrap_or_else(|| {
                format!("the enrolment service refused with HTTP status {}", status.as_u16())
            });
            Err(EstError::Refused {
                status: status.as_u16(),
                code: code.to_owned(),
                message,
                retry_after_s,
            })
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn sentence(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next()?.trim();
    let shown: String = line.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect();
    (!shown.is_empty()).then_some(shown)
}
