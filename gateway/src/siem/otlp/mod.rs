//! OpenTelemetry logs over HTTPS (OTLP/HTTP with protobuf bodies).
//!
//! The receiver's 2xx is its word that it has the events.

mod messages;

#[cfg(test)]
pub(in crate::siem) use messages::{bodies, body as request};

use super::{Plan, SinkFailure, feed::Feed, spool::Record};
use crate::{GatewayError, config::OtlpSection};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::SendRequest,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use messages::{Answer, body};
use rustls_pki_types::ServerName;
use signet_events::ocsf::Source;
use signet_net as net;
use std::{path::PathBuf, rc::Rc, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// For connecting, and for one exchange.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Otlp {
    host: String,
    port: u16,
    path: String,
    name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
    token_file: Option<PathBuf>,
    source: Source,
    /// Fewer after the receiver said that a request is too large.
    batch: usize,
}

impl Otlp {
    pub(super) fn new(plan: &Plan, s: &OtlpSection) -> Result<Self, GatewayError> {
        let fault = |why: &str| GatewayError::Session(format!("siem.sink {}: {why}", s.name));
        let (host, port, path) = s.target().ok_or_else(|| fault("url"))?;
        let name = ServerName::try_from(host.clone()).map_err(|_| fault("url"))?;
        let profile = plan.config.siem_profile(&plan.identity, &s.trust, &s.pins, s.allow_tls12)?;
        let tls = profile.config().map_err(|e| GatewayError::Tls(e.to_string()))?;
        let source = Source {
            gateway: plan.config.gateway.comp_id.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let token_file = s.token_file.clone();
        Ok(Self { host, port, path, name, tls, token_file, source, batch: usize::MAX })
    }

    /// One connection, until it fails.
    pub(super) async fn session(&mut self, feed: &mut Feed) -> SinkFailure {
        match self.talk(feed).await {
            Ok(never) => match never {},
            Err(e) => e,
        }
    }

    async fn talk(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, SinkFailure> {
        // Nothing is dialled before there is something to say.
        let mut records = feed.next(feed.confirmed()).await?;
        let mut sender = within(self.connect()).await?;
        loop {
            records.truncate(self.batch.max(1));
            let (status, answer) = within(self.send(&mut sender, &records)).await?;
            match answer {
                Answer::Taken => {}
                // The protocol says that these are not sent again.
                Answer::Rejected { count, words } => feed.rejected(count, &words),
                Answer::Unreadable => {
                    return Err(SinkFailure::Answer("no ExportLogsServiceResponse".into()));
                }
            }
            match (status, records.last()) {
                (StatusCode::PAYLOAD_TOO_LARGE, _) if records.len() > 1 => {
                    self.batch = records.len() / 2;
                    return Err(SinkFailure::Status(status.as_u16()));
                }
                (s, Some(last)) if s.is_success() => feed.confirm(last.sequence)?,
                (s, _) => return Err(SinkFailure::Status(s.as_u16())),
            }
            records = feed.next(feed.confirmed()).await?;
        }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, SinkFailure> {
        let tcp = net::tcp(&self.host, self.port)
            .await
            .map_err(|r| SinkFailure::Unreachable(r.message()))?;
        net::notice_death(&tcp);
        let tls = TlsConnector::from(self.tls.clone()).connect(self.name.clone(), tcp);
        let stream = TokioIo::new(tls.await.map_err(SinkFailure::Tls)?);
        let (sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(http)?;
        // Its failure is the failure of the next request.
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        records: &[Rc<Record>],
    ) -> Result<(StatusCode, Answer), SinkFailure> {
        sender.ready().await.map_err(http)?;
        let mut request = Request::post(&self.path)
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(USER_AGENT, concat!("signet-gateway/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/x-protobuf");
        if let Some(token) = self.token()? {
            request = request.header(AUTHORIZATION, format!("Bearer {}", *token));
        }
        let body = Full::new(Bytes::from(body(&self.source, records)));
        let request = request.body(body).map_err(|e| SinkFailure::Token(e.to_string()))?;
        let answer = sender.send_request(request).await.map_err(http)?;
        let status = answer.status();
        let read = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
        let read = read.await.map_err(|e| SinkFailure::Answer(e.to_string()))?.to_bytes();
        let answer = if status.is_success() { messages::answer(&read) } else { Answer::Taken };
        Ok((status, answer))
    }

    /// Read each time: tokens change.
    fn token(&self) -> Result<Option<Zeroizing<String>>, SinkFailure> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|e| SinkFailure::Token(format!("{}: {e}", path.display())))?;
        Ok(Some(Zeroizing::new(text.trim().to_owned())))
    }
}

async fn within<T>(
    exchange: impl Future<Output = Result<T, SinkFailure>>,
) -> Result<T, SinkFailure> {
    timeout(EXCHANGE_MAX, exchange)
        .await
        .unwrap_or(Err(SinkFailure::Silent(EXCHANGE_MAX.as_secs())))
}

fn http(e: hyper::Error) -> SinkFailure {
    SinkFailure::Connection(std::io::Error::other(e))
}
