//! `/metrics`, `/healthz` and `/readyz`.

use super::{
    Operator,
    health::{Check, Facts, healthz, readyz},
};
use crate::listeners::{
    https::{self, Answers, AnswersOverTls, Client, Response, TurnedAway},
    tls::ListenerTls,
};
use hyper::{Method, Request, StatusCode, body::Incoming, header};
use serde_json::json;
use signet_identity::CertificateFacts;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A trading thread that takes longer is not well.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Over plain HTTP, on loopback only (`config/metrics.rs`).
struct Page(Rc<Operator>);

struct SecurePage {
    page: Page,
    tls: ListenerTls,
}

/// Answers for ever.
pub(super) async fn serve(l: TcpListener, tls: Option<ListenerTls>, operator: Rc<Operator>) {
    let page = Page(operator);
    match tls {
        None => https::serve_plain(l, Rc::new(page)).await,
        Some(tls) => https::serve(l, Rc::new(SecurePage { page, tls })).await,
    }
}

impl Answers for Page {
    const WHAT: &'static str = "metrics";

    async fn answer(&self, request: Request<Incoming>, _: &Client) -> Response {
        // A page in somebody's browser must not read them through this machine.
        let from_browser = |name: &header::HeaderName| {
            *name == header::ORIGIN || name.as_str().starts_with("sec-fetch-")
        };
        if request.headers().keys().any(from_browser) {
            return plain(StatusCode::FORBIDDEN, "this listener is not for browsers\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        let operator = &self.0;
        match request.uri().path() {
            "/metrics" => {
                let kind = "text/plain; version=0.0.4; charset=utf-8";
                https::with_type(StatusCode::OK, kind, operator.text())
            }
            "/healthz" => told(&healthz(&operator.facts().await)),
            "/readyz" => told(&readyz(&operator.facts().await)),
            _ => plain(StatusCode::NOT_FOUND, "/metrics, /healthz, /readyz\n"),
        }
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        self.0.events.stranger(from.ip().to_canonical(), why.code(), why.to_string());
    }
}

impl Answers for SecurePage {
    const WHAT: &'static str = Page::WHAT;

    async fn answer(&self, request: Request<Incoming>, client: &Client) -> Response {
        self.page.answer(request, client).await
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        self.page.turned_away(from, why);
    }
}

impl AnswersOverTls for SecurePage {
    fn tls(&self) -> TlsAcceptor {
        self.tls.acceptor()
    }
}

fn plain(status: StatusCode, words: &'static str) -> Response {
    https::with_type(status, "text/plain; charset=utf-8", words)
}

fn told(checks: &[Check]) -> Response {
    let good = checks.iter().all(|c| c.good);
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = format!("{}\n", json!({ "good": good, "checks": checks }));
    https::with_type(status, "application/json", body)
}

impl Operator {
    /// The metrics as of now.
    pub(super) fn text(&self) -> String {
        let state = &self.metrics.state;
        state.clock.set(crate::clock::now_us() as f64 / 1e6);
        if let Some(end) = self.certificate_end() {
            let label = [("certificate", "gateway")];
            state.certificate_end.get_or_create(&label).set(end.unix_timestamp() as f64);
        }
        self.watched.measure(state);
        self.metrics.text()
    }

    /// End of the certificate that is in use.
    pub(super) fn certificate_end(&self) -> Option<OffsetDateTime> {
        let certified = self.identity.certified_key();
        let leaf = certified.cert.first()?;
        CertificateFacts::from_certificate(leaf).ok().map(|f| f.not_after)
    }

    pub(super) async fn facts(&self) -> Facts {
        let (trading, disk) = tokio::join!(self.trading.status(ANSWER_MAX), self.disk.fault());
        Facts {
            trading: trading.ok(),
            journal_failing: self.metrics.storage.journal.is_failing(),
            evidence_failing: self.metrics.storage.evidence.is_failing(),
            disk,
            certificate_end: self.certificate_end(),
            now: OffsetDateTime::now_utc(),
            dealers_on: self.metrics.dealers.on(),
            siem_refuses: self.events.refuses_business(),
        }
    }
}
