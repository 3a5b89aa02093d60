//! The EST service's listener: TLS 1.3, HTTP/1.1, small and short requests only.

use super::{Answer, Request, Service, issuing::Issuing, pkcs7, refusal::EnrolRefusal};
use crate::listeners::https::{self, Answers, AnswersOverTls, BodyFault, Client, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::{
    Method, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use rustls_pki_types::CertificateDer;
use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep_until},
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// 16 KiB of DER in base64 with line ends, and PEM's first and last line.
const BODY_BYTES_MAX: usize = 24 * 1024;
/// A refusal is answered no sooner, so that its time does not tell what was found where.
const REFUSAL_AFTER: Duration = Duration::from_millis(250);

const PREFIX: &str = "/.well-known/est/";
/// RFC 7030 §4.5.2: a P-256 key (id-ecPublicKey with prime256v1), signed with ecdsa-with-SHA256.
const CSR_ATTRIBUTES: &[u8] = &[
    0x30, 0x21, 0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x31, 0x0a, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x04, 0x03, 0x02,
];

/// Accepts for ever; every connection is a task of this thread.
pub async fn serve(listener: TcpListener, tls: Arc<rustls::ServerConfig>, service: Rc<Service>) {
    https::serve(listener, Rc::new(Est { tls: TlsAcceptor::from(tls), service })).await;
}

struct Est {
    tls: TlsAcceptor,
    service: Rc<Service>,
}

impl Answers for Est {
    const WHAT: &'static str = "enrolment";

    async fn answer(&self, request: hyper::Request<Incoming>, client: &Client) -> Response {
        respond(&self.service, request, client.chain.first().cloned(), client.from).await
    }
}

impl AnswersOverTls for Est {
    fn tls(&self) -> TlsAcceptor {
        self.tls.clone()
    }
}

async fn respond(
    service: &Service,
    request: hyper::Request<Incoming>,
    shown: Option<CertificateDer<'static>>,
    from: SocketAddr,
) -> Response {
    let began = Instant::now();
    let path = request.uri().path().to_owned();
    let answered = match path.strip_prefix(PREFIX) {
        Some("cacerts") => get(&request, cacerts(service)).await,
        Some("csrattrs") => {
            get(&request, async { Ok(base64_body("application/csrattrs", CSR_ATTRIBUTES)) }).await
        }
        Some(what @ ("simpleenroll" | "simplereenroll")) => {
            enrol(service, request, what == "simpleenroll", shown, from).await
        }
        _ if path == "/crl/desks.crl" => get(&request, crl(service)).await,
        _ => Err(EnrolRefusal::NotFound.into()),
    };
    match answered {
        Ok(r) => r,
        Err(answer) => {
            if answer.refusal.counts() {
                sleep_until(began + REFUSAL_AFTER).await;
            }
            refusal(answer)
        }
    }
}

impl From<EnrolRefusal> for Answer {
    fn from(refusal: EnrolRefusal) -> Self {
        Self { refusal, retry_after_s: None }
    }
}

async fn get(
    request: &hyper::Request<Incoming>,
    answer: impl Future<Output = Result<Response, Answer>>,
) -> Result<Response, Answer> {
    if request.method() == Method::GET { answer.await } else { Err(EnrolRefusal::Method.into()) }
}

/// RFC 7030 §4.1.
async fn cacerts(service: &Service) -> Result<Response, Answer> {
    let chain: Vec<Vec<u8>> = match service.issuing() {
        Issuing::Embedded(ca) => ca.chain().iter().map(|c| c.to_vec()).collect(),
        Issuing::Upstream(up) => up.chain().await.map_err(|e| {
            tracing::error!(error = %e, "the issuing authority failed");
            EnrolRefusal::AuthorityFailed
        })?,
    };
    certificates(chain.iter().map(Vec::as_slice))
}

async fn crl(service: &Service) -> Result<Response, Answer> {
    if matches!(service.issuing(), Issuing::Upstream(_)) {
        // The outside authority publishes its own.
        return Err(EnrolRefusal::NotFound.into());
    }
    let crl = service.registry().crl().await.map_err(|e| {
        tracing::error!(error = %e, code = e.code(), "the revocation list cannot be read");
        EnrolRefusal::Unavailable
    })?;
    if crl.der.is_empty() {
        return Err(EnrolRefusal::NotFound.into());
    }
    Ok(https::with_type(StatusCode::OK, "application/pkix-crl", crl.der))
}

/// RFC 7030 §4.2.
async fn enrol(
    service: &Service,
    request: hyper::Request<Incoming>,
    first: bool,
    shown: Option<CertificateDer<'static>>,
    from: SocketAddr,
) -> Result<Response, Answer> {
    if request.method() != Method::POST {
        return Err(EnrolRefusal::Method.into());
    }
    let credentials = request.headers().get(header::AUTHORIZATION).and_then(basic);
    // Asked for before the body is read: RFC 7030 clients send the first request without.
    let credentials = match (first, credentials) {
        (true, None) => return Err(EnrolRefusal::NoCredentials.into()),
        (true, some) => some,
        (false, _) => None,
    };
    let body = match body(request).await {
        Ok(b) => b,
        Err(refusal) => {
            service.refused_early(refusal, from).await;
            return Err(refusal.into());
        }
    };
    let der = match credentials {
        Some((user, code)) => service.enrol(Request::First { user, code, body }, from).await?,
        None => service.enrol(Request::Renewal { shown, body }, from).await?,
    };
    certificates([der.as_slice()])
}

async fn body(request: hyper::Request<Incoming>) -> Result<Vec<u8>, EnrolRefusal> {
    if !https::is_of_type(request.headers(), "application/pkcs10") {
        return Err(EnrolRefusal::ContentType);
    }
    let body = https::body(request.into_body(), BODY_BYTES_MAX).await;
    body.map(|b| b.to_vec()).map_err(|fault| match fault {
        BodyFault::TooLarge => EnrolRefusal::TooLarge,
        BodyFault::TooSlow | BodyFault::Broken => EnrolRefusal::Malformed,
    })
}

/// User id and code of an `Authorization: Basic` header (RFC 7617).
fn basic(value: &HeaderValue) -> Option<(String, Zeroizing<String>)> {
    let (scheme, digits) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = Zeroizing::new(String::from_utf8(BASE64.decode(digits.trim()).ok()?).ok()?);
    let (user, code) = text.split_once(':')?;
    Some((user.to_owned(), Zeroizing::new(code.to_owned())))
}

fn certificates<'a>(all: impl IntoIterator<Item = &'a [u8]>) -> Result<Response, Answer> {
    let message = pkcs7::certs_only(all).map_err(|e| {
        tracing::error!(error = %e, "an answer could not be written");
        EnrolRefusal::AuthorityFailed
    })?;
    Ok(base64_body("application/pkcs7-mime; smime-type=certs-only", &message))
}

fn base64_body(kind: &'static str, der: &[u8]) -> Response {
    let digits = BASE64.encode(der);
    let mut text = String::with_capacity(digits.len() + digits.len() / 64 + 2);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            text.push_str("\r\n");
        }
        text.push(c);
    }
    text.push_str("\r\n");
    let mut r = https::with_type(StatusCode::OK, kind, text);
    r.headers_mut().insert("content-transfer-encoding", HeaderValue::from_static("base64"));
    r
}

fn refusal(answer: Answer) -> Response {
    let refusal = answer.refusal;
    let mut r =
        https::with_type(refusal.status(), "text/plain; charset=utf-8", format!("{refusal}\n"));
    let headers = r.headers_mut();
    headers.insert("signet-code", HeaderValue::from_static(refusal.code()));
    if refusal.status() == StatusCode::UNAUTHORIZED {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"Signet enrolment\", charset=\"UTF-8\""),
        );
    }
    if let Some(s) = answer.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(s));
    }
    r
}
