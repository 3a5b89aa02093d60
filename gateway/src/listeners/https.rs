//! What the small HTTPS listeners have in common: enrolment, and the administrators' interface.
//! HTTP/1.1 over TLS, few and short connections, small requests, a limit on everything that a peer
//! could draw out.

use super::admission::{AdmissionLimits, NoPlace, Place, Places, Progress};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::CertificateDer;
use signet_identity::{Refusal, Stage};
use std::{convert::Infallible, net::SocketAddr, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Connections at once. Both uses are rare; a crowd is an attack or a Monday morning, and waits.
pub const CONNECTIONS_MAX: usize = 64;
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
const HEADERS_MAX: Duration = Duration::from_secs(5);
const BODY_MAX: Duration = Duration::from_secs(10);
/// A whole connection, however many requests.
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// Request line and headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;

pub type Response = hyper::Response<Full<Bytes>>;

/// The other end of a connection whose handshake is complete.
#[derive(Debug)]
pub struct Client {
    pub from: SocketAddr,
    /// As shown in the handshake, leaf first; empty when none was.
    pub chain: Vec<CertificateDer<'static>>,
}

/// What one listener does with what comes.
pub trait Answers {
    /// For logs.
    const WHAT: &'static str;

    fn answer(&self, request: Request<Incoming>, client: &Client)
    -> impl Future<Output = Response>;

    /// A handshake that failed, and a connection that came when there was no room. Logged already.
    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        let _ = (from, why);
    }
}

/// The same over TLS.
pub trait AnswersOverTls: Answers {
    /// TLS as of now.
    fn tls(&self) -> TlsAcceptor;
}

/// Why a connection came to nothing. At fault: the peer, or a crowd of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnedAway {
    #[error("{0}; one refused")]
    Crowd(NoPlace),
    #[error("nothing was asked, and others wait; closed")]
    Evicted,
    #[error("TLS refused: {0}")]
    Tls(Refusal),
    #[error("no TLS in time; closed")]
    Silent,
}

impl TurnedAway {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Crowd(_) => "https.crowd",
            Self::Evicted => "https.evicted",
            Self::Tls(r) => r.code(),
            Self::Silent => "https.silent",
        }
    }
}

/// Accepts for ever over TLS; every connection is a task of this thread.
pub async fn serve<A: AnswersOverTls + 'static>(listener: TcpListener, answers: Rc<A>) {
    accept(listener, answers, |stream, from, answers, place| async move {
        connection(stream, from, answers, place).await;
    })
    .await;
}

/// The same without TLS, for a listener that only this machine can reach.
pub async fn serve_plain<A: Answers + 'static>(listener: TcpListener, answers: Rc<A>) {
    accept(listener, answers, |stream, from, answers, place| async move {
        place.is_now(Progress::Encrypted);
        speak(stream, Client { from, chain: Vec::new() }, answers, place).await;
    })
    .await;
}

async fn accept<A: Answers + 'static, F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    answers: Rc<A>,
    connection: impl Fn(TcpStream, SocketAddr, Rc<A>, Rc<Place>) -> F,
) {
    let places = Places::new(AdmissionLimits::of_https(CONNECTIONS_MAX));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(x) => x,
            Err(e) => {
                // Out of descriptors, most likely: wait instead of spinning.
                tracing::error!(error = %e, "{}: cannot accept", A::WHAT);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let place = match places.take(from.ip()) {
            Ok(p) => Rc::new(p),
            Err(e) => {
                turn_away(&*answers, from, &TurnedAway::Crowd(e));
                continue;
            }
        };
        let answers = answers.clone();
        let served = connection(stream, from, answers.clone(), place.clone());
        tokio::task::spawn_local(async move {
            tokio::select! {
                ended = timeout(CONNECTION_MAX, served) => {
                    if ended.is_err() {
                        tracing::debug!(%from, "{}: connection took too long; closed", A::WHAT);
                    }
                }
                () = place.evicted() => turn_away(&*answers, from, &TurnedAway::Evicted),
            }
        });
    }
}

fn turn_away<A: Answers>(answers: &A, from: SocketAddr, why: &TurnedAway) {
    tracing::warn!(%from, code = why.code(), "{}: {why}", A::WHAT);
    answers.turned_away(from, why);
}

async fn connection<A: AnswersOverTls + 'static>(
    stream: TcpStream,
    from: SocketAddr,
    answers: Rc<A>,
    place: Rc<Place>,
) {
    let tls = match timeout(HANDSHAKE_MAX, answers.tls().accept(stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(e)) => {
            return turn_away(
                &*answers,
                from,
                &TurnedAway::Tls(Refusal::seen_by_server(&e, Stage::Handshake)),
            );
        }
        Err(_) => return turn_away(&*answers, from, &TurnedAway::Silent),
    };
    place.is_now(Progress::Encrypted);
    let shown = tls.get_ref().1.peer_certificates().unwrap_or_default();
    let chain = shown.iter().map(|c| c.clone().into_owned()).collect();
    speak(tls, Client { from, chain }, answers, place).await;
}

/// HTTP over a connection that is as secret as it will be.
async fn speak<A: Answers + 'static>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    client: Client,
    answers: Rc<A>,
    place: Rc<Place>,
) {
    let (from, client) = (client.from, Rc::new(client));
    let answer = service_fn(|request| {
        let (answers, client, place) = (answers.clone(), client.clone(), place.clone());
        async move {
            place.is_now(Progress::Busy);
            let answered = answers.answer(request, &client).await;
            place.is_now(Progress::Encrypted);
            Ok::<_, Infallible>(answered)
        }
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(e) = http.await {
        tracing::debug!(%from, error = %e, "{}: connection ended", A::WHAT);
    }
}

/// Why a body could not be had. At fault: the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    TooLarge,
    TooSlow,
    Broken,
}

/// The whole body, if it is no larger than `bytes_max` and comes in time.
pub async fn body(body: Incoming, bytes_max: usize) -> Result<Bytes, BodyFault> {
    match timeout(BODY_MAX, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Ok(Err(_)) => Err(BodyFault::Broken),
        Err(_) => Err(BodyFault::TooSlow),
    }
}

/// Whether the content type is this one, whatever its parameters.
pub fn is_of_type(headers: &header::HeaderMap, kind: &str) -> bool {
    let shown = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    shown.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case(kind))
}

/// An answer that nobody keeps.
pub fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut r = hyper::Response::new(Full::new(body.into()));
    *r.status_mut() = status;
    r.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    r.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    r
}
