//! One push (RFC 8935): who sends it, what it says, and what is done.

use super::{
    provider::{PATH, Provider, Taken},
    subjects::{self, Who},
};
use crate::{
    clock::now,
    events::EventSink,
    limits::{JournalBudget, left_out_words},
    listeners::https::{self, Answers, AnswersOverTls, BodyFault, Client, Response, TurnedAway},
    pipeline::{NamedDevice, SignalDone, SignalOrder, SignalOrders, SignalRefusal},
};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use serde_json::json;
use signet_events::{About, Actor, Text};
use signet_signals::{ErrorCode, Received, SetRefusal, Signal, TOKEN_BYTES_MAX};
use std::{cell::RefCell, net::SocketAddr};
use tokio_rustls::TlsAcceptor;

const CONTENT_TYPE: &str = "application/secevent+jwt";

/// Why a push is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PushRefusal {
    #[error("there is nothing at this address; push to the one that this provider was given")]
    NotFound,
    #[error("push with POST")]
    Method,
    #[error("the bearer token is missing or wrong")]
    Bearer,
    #[error("the content type must be application/secevent+jwt")]
    ContentType,
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the token did not come in time, or not as a whole")]
    Body,
    #[error(transparent)]
    Token(#[from] SetRefusal),
    /// At fault: the provider's key server, or the way to it. The provider sends it again.
    #[error("the gateway has no keys of the issuer that are new enough; send it again")]
    NoKeys,
    /// At fault: the gateway. The provider sends it again.
    #[error("the gateway could not act on it in time; send it again")]
    Silent,
    /// At fault: the gateway's disk. The provider sends it again.
    #[error("the gateway could not write it down; send it again")]
    NotKept,
    /// At fault: the provider. It sends it again.
    #[error("there are more tokens of this provider than the gateway writes down; send it again")]
    TooFast,
}

impl PushRefusal {
    /// Never changes between releases.
    const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "signal.not_found",
            Self::Method => "signal.method",
            Self::Bearer => "signal.bearer",
            Self::ContentType => "signal.content_type",
            Self::TooLarge => "signal.too_large",
            Self::Body => "signal.body",
            Self::Token(t) => t.code(),
            Self::NoKeys => "signal.no_keys",
            Self::Silent => "signal.trading_silent",
            Self::NotKept => "signal.not_kept",
            Self::TooFast => "signal.too_fast",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Bearer => StatusCode::UNAUTHORIZED,
            Self::NoKeys
            | Self::Silent
            | Self::NotKept
            | Self::TooFast
            | Self::Token(SetRefusal::TooMany | SetRefusal::InProgress) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// RFC 8935 §2.3 and §2.4.
    fn response(self) -> Response {
        let err = match self {
            Self::Bearer => ErrorCode::AuthenticationFailed,
            Self::Token(t) => t.error(),
            _ => ErrorCode::InvalidRequest,
        };
        let description = format!("{self} ({})", self.code());
        let body = json!({ "err": err.as_str(), "description": description });
        let mut r = https::with_type(self.status(), "application/json", format!("{body}\n"));
        let headers = r.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("en"));
        if self == Self::Bearer {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        r
    }
}

pub(super) struct Receiver {
    tls: TlsAcceptor,
    pub(super) providers: Vec<Provider>,
    events: EventSink,
    orders: SignalOrders,
    budget: RefCell<JournalBudget>,
}

impl Receiver {
    pub(super) fn new(
        tls: TlsAcceptor,
        providers: Vec<Provider>,
        events: EventSink,
        orders: SignalOrders,
    ) -> Self {
        Self { tls, providers, events, orders, budget: RefCell::default() }
    }

    /// Whose address this is.
    fn provider(&self, path: &str) -> Option<&Provider> {
        path.starts_with(PATH).then(|| self.providers.iter().find(|p| p.path() == path))?
    }

    async fn push(
        &self,
        provider: Option<&Provider>,
        request: Request<Incoming>,
    ) -> Result<(), PushRefusal> {
        let (head, body) = request.into_parts();
        let provider = provider.ok_or(PushRefusal::NotFound)?;
        if head.method != Method::POST {
            return Err(PushRefusal::Method);
        }
        if !provider.is_bearer(bearer(&head.headers)) {
            return Err(PushRefusal::Bearer);
        }
        if !https::is_of_type(&head.headers, CONTENT_TYPE) {
            return Err(PushRefusal::ContentType);
        }
        let body = https::body(body, TOKEN_BYTES_MAX).await.map_err(|fault| match fault {
            BodyFault::TooLarge => PushRefusal::TooLarge,
            BodyFault::TooSlow | BodyFault::Broken => PushRefusal::Body,
        })?;
        let token = std::str::from_utf8(&body).map_err(|_| SetRefusal::NotCompact)?;
        self.take(provider, token).await
    }

    async fn take(&self, provider: &Provider, token: &str) -> Result<(), PushRefusal> {
        match provider.genuine(token).await {
            Ok((received, taken)) => self.act(provider, received, taken).await,
            // Whoever did not read our answer sends a token again, and must read that we have it.
            Err(PushRefusal::Token(SetRefusal::Replayed)) => {
                tracing::info!("a signal came again; it was acted on before");
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// `taken` is done when nothing is left to do; dropped before, the token may come again.
    async fn act(&self, from: &Provider, r: Received, taken: Taken<'_>) -> Result<(), PushRefusal> {
        let Some(subject) = &r.subject else {
            tracing::info!(jti = r.jti, signal = ?r.signal, "a signal with nothing to do");
            taken.done();
            return Ok(());
        };
        let Some(Who { user, device }) = subjects::who(&from.section, subject) else {
            // A provider tells of everybody in the firm, and most do not trade.
            tracing::info!(
                jti = r.jti,
                code = "signal.subject_unknown",
                "a signal about nobody here"
            );
            taken.done();
            return Ok(());
        };
        let order = SignalOrder {
            provider: from.section.issuer.clone(),
            user: user.clone(),
            device: device.clone(),
            signal: r.signal.clone(),
            said_at_us: r.said_at_us,
            hold_logons: from.section.hold_logons,
            reason: r.reason.clone(),
        };
        let done = match self.orders.carry_out(order).await {
            Ok(done) => done,
            Err(SignalRefusal::NoSuchUser) => {
                let code = "signal.subject_unknown";
                tracing::info!(jti = r.jti, user, code, "a signal about nobody here");
                taken.done();
                return Ok(());
            }
            // It was not acted on, or not for good, so it may come again.
            Err(SignalRefusal::Silent) => return Err(PushRefusal::Silent),
            Err(SignalRefusal::NotKept) => return Err(PushRefusal::NotKept),
            Err(SignalRefusal::TooFast) => return Err(PushRefusal::TooFast),
        };
        taken.done();
        self.note_received(from, &r, user, device, done);
        Ok(())
    }

    fn note_received(
        &self,
        from: &Provider,
        r: &Received,
        user: String,
        device: NamedDevice,
        done: SignalDone,
    ) {
        let (what, became) = (words(&r.signal), became(done));
        let reason = if r.reason.is_empty() { String::new() } else { format!(": {}", r.reason) };
        let words = format!("{what}; {became}, token {}{reason}", r.jti);
        tracing::warn!(user, ?device, "signal of the identity provider: {words}");
        let device = match &device {
            NamedDevice::One(name) => Some(Text::from(name.as_str())),
            NamedDevice::None | NamedDevice::Unknown => None,
        };
        let about = About { device, ..About::user(&user) };
        let provider = Actor::Service(from.section.issuer.as_str().into());
        self.events.by(provider, "signal.received", about, words);
    }

    /// `object`: at which provider's address.
    fn note_refusal(&self, code: &'static str, from: SocketAddr, object: &str, words: &str) {
        let Some(left_out) = self.budget.borrow_mut().spend(now()) else { return };
        let actor = Actor::Address(from.ip().to_canonical());
        let words = format!("{code}: {words}{}", left_out_words(left_out));
        self.events.by(actor, "signal.refused", About::object(object), words);
    }
}

impl AnswersOverTls for Receiver {
    fn tls(&self) -> TlsAcceptor {
        self.tls.clone()
    }
}

impl Answers for Receiver {
    const WHAT: &'static str = "signals";

    async fn answer(&self, request: Request<Incoming>, client: &Client) -> Response {
        let provider = self.provider(request.uri().path());
        match self.push(provider, request).await {
            Ok(()) => https::with_type(StatusCode::ACCEPTED, "application/json", ""),
            Err(why) => {
                tracing::warn!(from = %client.from, code = why.code(), "signal refused: {why}");
                let object = match provider.map(|p| p.section.name.as_str()) {
                    None | Some("") => "signals".to_owned(),
                    Some(name) => format!("signals of {name}"),
                };
                self.note_refusal(why.code(), client.from, &object, &why.to_string());
                why.response()
            }
        }
    }

    fn turned_away(&self, from: SocketAddr, why: &TurnedAway) {
        self.note_refusal(why.code(), from, "signals", &why.to_string());
    }
}

fn became(done: SignalDone) -> String {
    match done {
        SignalDone::Sessions(n) => format!("{n} sessions concerned"),
        SignalDone::Older => "nothing changes: the same or something newer was said before".into(),
        SignalDone::UnknownDevice => {
            "nothing changes: the registry does not have the device it names".into()
        }
    }
}

fn words(signal: &Signal) -> String {
    match signal {
        Signal::SessionRevoked => "session revoked".into(),
        Signal::CredentialChange { credential, change } => {
            format!("credential {credential}: {change}")
        }
        Signal::DeviceCompliance { compliant: true } => "device compliant again".into(),
        Signal::DeviceCompliance { compliant: false } => "device not compliant".into(),
        Signal::Verification => "stream verification".into(),
        Signal::Other(uri) => format!("event {uri}"),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750).
fn bearer(headers: &header::HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
