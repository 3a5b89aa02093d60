//! An outside EST authority that signs instead of the embedded one: most firms have one.
//!
//! The gateway is its registration authority: it decides who may have what, forwards the request as
//! it is with credentials of its own, and believes nothing that comes back. A certificate whose
//! key, names or use are not those ordered is not handed out.

use super::pkcs7::{self, Pkcs7Error};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use signet_identity::{
    ClientProfile, PeerError, PeerIdentity, ProfileError, Refusal, Role, SpkiPin, TlsPolicy,
    TrustRoots, authority, host_and_optional_port,
};
use signet_net as net;
use signet_registry::{IssueOrder, IssuedCertificate};
use std::{fmt, fs, path::PathBuf, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// For one exchange, from dialling to the last byte.
const EXCHANGE_MAX: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Longer certificates than the registry's own limit are not what was ordered.
const LIFETIME_MAX: time::Duration = time::Duration::days(400);

#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    pub url: String,
    pub roots: PathBuf,
    pub credentials_file: PathBuf,
    pub trust_domain: String,
    pub policy: TlsPolicy,
}

/// At fault: the outside authority, the way to it, or the operator's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    #[error("url: must be https://HOST[:PORT]/.well-known/est, or with a label after it")]
    Url,
    #[error("{path}: {why}")]
    File { path: PathBuf, why: String },
    #[error(transparent)]
    Tls(#[from] ProfileError),
    #[error("cannot connect: {0}")]
    Unreachable(Refusal),
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no answer within {EXCHANGE_MAX:?}")]
    TimedOut,
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is too long or broke off")]
    Body,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Answer(#[from] Pkcs7Error),
    #[error("the answer is not base64")]
    NotBase64,
    #[error("no certificate in the answer has the key that was asked for")]
    OtherKey,
    #[error(transparent)]
    Certificate(#[from] PeerError),
    #[error("the certificate is not what was ordered: {0}")]
    NotAsOrdered(String),
}

pub struct Upstream {
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
    tls: Arc<rustls::ClientConfig>,
    /// `Basic ...`.
    credentials: Zeroizing<String>,
    trust_domain: String,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    pub fn load(s: &UpstreamSettings) -> Result<Self, UpstreamError> {
        let uri: Uri = s.url.parse().map_err(|_| UpstreamError::Url)?;
        let authority = uri
            .authority()
            .filter(|_| uri.scheme_str() == Some("https") && uri.query().is_none())
            .ok_or(UpstreamError::Url)?;
        let (host, port) =
            host_and_optional_port(authority.as_str()).map_err(|_| UpstreamError::Url)?;
        let path = uri.path().trim_end_matches('/');
        if !path.starts_with("/.well-known/est") {
            return Err(UpstreamError::Url);
        }
        let roots = TrustRoots::from_pem_file(&s.roots)?;
        let tls = ClientProfile::without_certificate(roots).with_policy(s.policy).config()?;
        Ok(Self {
            host: host.into(),
            port: port.unwrap_or(443),
            path: path.into(),
            tls,
            credentials: credentials(&s.credentials_file)?,
            trust_domain: s.trust_domain.clone(),
        })
    }

    /// Has a request signed, and checks what comes back.
    pub async fn issue(
        &self,
        order: &IssueOrder,
        csr: &[u8],
    ) -> Result<IssuedCertificate, UpstreamError> {
        let body = self.exchange(Method::POST, "simpleenroll", Some(BASE64.encode(csr))).await?;
        self.check(order, &body, OffsetDateTime::now_utc())
    }

    /// The authority's certificates.
    pub async fn chain(&self) -> Result<Vec<Vec<u8>>, UpstreamError> {
        let body = self.exchange(Method::GET, "cacerts", None).await?;
        Ok(pkcs7::certificates(&unbase64(&body)?)?)
    }

    fn check(
        &self,
        order: &IssueOrder,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<IssuedCertificate, UpstreamError> {
        for der in pkcs7::certificates(&unbase64(body)?)? {
            let certificate = CertificateDer::from(der);
            let Ok((_, x509)) = x509_parser::parse_x509_certificate(&certificate) else { continue };
            let key = signet_registry::hex(SpkiPin::of_spki(x509.public_key().raw).as_bytes());
            if key != order.key {
                continue;
            }
            let peer = PeerIdentity::from_certificate(&certificate)?;
            peer.require(Role::Desk, &self.trust_domain)?;
            as_ordered(&peer, order, &x509, now)
                .map_err(|why| UpstreamError::NotAsOrdered(why.into()))?;
            let time = |t| {
                super::ca::millis(t).map_err(|_| UpstreamError::NotAsOrdered("its dates".into()))
            };
            let (not_before, not_after) = (time(peer.not_before)?, time(peer.not_after)?);
            return Ok(IssuedCertificate {
                serial: peer.serial,
                not_before,
                not_after,
                der: certificate.to_vec(),
            });
        }
        Err(UpstreamError::OtherKey)
    }

    async fn exchange(
        &self,
        method: Method,
        what: &str,
        body: Option<String>,
    ) -> Result<Vec<u8>, UpstreamError> {
        timeout(EXCHANGE_MAX, self.talk(method, what, body))
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }

    async fn talk(
        &self,
        method: Method,
        what: &str,
        body: Option<String>,
    ) -> Result<Vec<u8>, UpstreamError> {
        let tcp = net::tcp(&self.host, self.port).await.map_err(UpstreamError::Unreachable)?;
        let name = ServerName::try_from(self.host.clone()).map_err(|_| UpstreamError::Url)?;
        let tls = TlsConnector::from(self.tls.clone()).connect(name, tcp).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{what}", self.path))
            .header(HOST, authority(&self.host, self.port))
            .header(AUTHORIZATION, self.credentials.as_str())
            .header(CONTENT_TYPE, "application/pkcs10")
            .header("content-transfer-encoding", "base64")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|_| UpstreamError::Url)?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            if answer.status() != StatusCode::OK {
                return Err(UpstreamError::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|_| UpstreamError::Body)?;
            Ok(body.to_bytes().to_vec())
        };
        tokio::pin!(answer, connection);
        // One request, so the connection lives as long as its answer takes.
        tokio::select! {
            biased;
            done = &mut answer => done,
            ended = &mut connection => match ended {
                Ok(()) => answer.await,
                Err(e) => Err(e.into()),
            },
        }
    }
}

/// The long or the short form of the identity: the registry knows the rest by the serial number.
fn as_ordered(
    peer: &PeerIdentity,
    order: &IssueOrder,
    x509: &x509_parser::certificate::X509Certificate<'_>,
    now: OffsetDateTime,
) -> Result<(), &'static str> {
    if peer.comp_id.as_str() != order.comp_id {
        return Err("it names another CompID");
    }
    let facts_fit = |f: &signet_identity::EnrolledFacts| {
        (&f.user, &f.device, &f.protection) == (&order.user, &order.device, &order.protection)
    };
    if !peer.enrolled.as_ref().is_none_or(facts_fit) {
        return Err("it names another user, device or protection");
    }
    if x509.is_ca() {
        return Err("it is an authority's");
    }
    let usage = x509.extended_key_usage().ok().flatten();
    if !usage.is_some_and(|u| u.value.client_auth && !u.value.server_auth && !u.value.any) {
        return Err("it is not for TLS clients only");
    }
    if peer.not_after <= now || peer.not_after - now > LIFETIME_MAX {
        return Err("it has expired or lasts longer than 400 days");
    }
    Ok(())
}

fn unbase64(body: &[u8]) -> Result<Vec<u8>, UpstreamError> {
    let digits: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(digits).map_err(|_| UpstreamError::NotBase64)
}

fn credentials(path: &PathBuf) -> Result<Zeroizing<String>, UpstreamError> {
    let fail =
        |why: &dyn fmt::Display| UpstreamError::File { path: path.clone(), why: why.to_string() };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path).map_err(|e| fail(&e))?.permissions().mode() & 0o077 != 0 {
            return Err(fail(&"others may read it; chmod 600"));
        }
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| fail(&e))?);
    let line = text.trim();
    if !line.contains(':') || line.lines().count() != 1 {
        return Err(fail(&"must hold one line USER:PASSWORD"));
    }
    Ok(Zeroizing::new(format!("Basic {}", BASE64.encode(line))))
}
