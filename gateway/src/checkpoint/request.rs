//! One request to a second party over HTTPS, with the gateway's certificate.

use crate::config::Address;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use signet_identity::authority;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// For one attempt.
const ATTEMPT_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Without its parameters; empty when there is none.
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// What is not answered in time has failed.
pub(super) async fn in_time<T>(
    attempt: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    timeout(ATTEMPT_MAX, attempt).await.unwrap_or_else(|_| Err("no answer in time".into()))
}

/// Sends `body` as text. `below`: what follows the address.
///
/// # Errors
/// It cannot be reached, or does not answer; in words for the operator.
pub(super) async fn send(
    a: &Address,
    tls: Arc<ClientConfig>,
    (method, below): (Method, &str),
    body: Bytes,
) -> Result<Answer, String> {
    let tcp = signet_net::tcp(&a.host, a.port).await.map_err(|e| e.to_string())?;
    let name = ServerName::try_from(a.host.clone()).map_err(|e| e.to_string())?;
    let tls = TlsConnector::from(tls).connect(name, tcp).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
        .await
        .map_err(|e| e.to_string())?;
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{below}", a.path))
        .header(HOST, authority(&a.host, a.port))
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(body))
        .map_err(|e| e.to_string())?;
    let answer = async {
        let (head, body) =
            sender.send_request(request).await.map_err(|e| e.to_string())?.into_parts();
        let shown = head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let kind = shown.unwrap_or_default().split(';').next().unwrap_or_default();
        let content_type = kind.trim().to_ascii_lowercase();
        let body =
            Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|e| e.to_string())?;
        Ok::<_, String>(Answer { status: head.status, content_type, body: body.to_bytes() })
    };
    // A server that closes after its answer is read first: the end of the connection may come in
    // the same turn as the answer, which knows of it by itself.
    let drive = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answer => answer,
        () = drive => Err("it hung up".into()),
    }
}
