//! Why the console did not do something, as the browser reads it.

use super::sessions::Over;
use crate::{
    admin_api::AdminRefusal,
    listeners::https::{BodyFault, Response, with_type},
    pipeline::TradingSilent,
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use serde_json::json;
use signet_registry::ConsoleError;
use signet_stepup::rp::RpError;
use std::time::Duration;

/// At fault is whoever the message names.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsoleRefusal {
    #[error("there is nothing at this address")]
    NotFound,
    #[error("this address does not take that method")]
    Method,
    /// At fault: the browser's address bar, or a name in the DNS that leads here by mistake.
    #[error("this is not the console's name")]
    Host,
    /// At fault: another page, on somebody's behalf.
    #[error("the request does not come from a page of the console")]
    CrossSite,
    #[error("the request does not repeat the token of its session")]
    Csrf,
    #[error("log in: {0}")]
    SessionOver(Over),
    #[error("the key or the account of this session may not be used any longer")]
    Locked,
    /// One answer for every reason.
    #[error("the login was refused")]
    LoginRefused,
    #[error("too many failures; wait {} seconds", .0.as_secs() + 1)]
    Wait(Duration),
    #[error("somebody else asks for this at the same time")]
    Busy,
    #[error("the certificate of this browser is not the administrator's: {0}")]
    Certificate(String),
    #[error("{0}")]
    Malformed(String),
    #[error("the content type must be application/json")]
    ContentType,
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not come in time")]
    TooSlow,
    /// At fault: the key, or whoever is between it and the gateway.
    #[error("the security key: {0}")]
    Key(RpError),
    /// At fault: the browser, or whoever sends an answer again or for something else.
    #[error("the gateway does not wait for this answer: it is late, used, or for something else")]
    NotOpen,
    #[error(transparent)]
    Registry(#[from] ConsoleError),
    #[error(transparent)]
    Admin(#[from] AdminRefusal),
}

impl From<BodyFault> for ConsoleRefusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::TooSlow => Self::TooSlow,
            BodyFault::Broken => Self::Malformed("the body broke off".into()),
        }
    }
}

impl From<TradingSilent> for ConsoleRefusal {
    fn from(e: TradingSilent) -> Self {
        Self::Admin(e.into())
    }
}

impl ConsoleRefusal {
    /// Never changes between releases.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "console.not_found",
            Self::Method => "console.method",
            Self::Host => "console.host",
            Self::CrossSite => "console.cross_site",
            Self::Csrf => "console.csrf",
            Self::SessionOver(_) => "console.session_over",
            Self::Locked => "console.locked",
            Self::LoginRefused => "console.login_refused",
            Self::Wait(_) => "console.wait",
            Self::Busy => "console.busy",
            Self::Certificate(_) => "console.certificate",
            Self::Malformed(_) => "console.malformed",
            Self::ContentType => "console.content_type",
            Self::TooLarge => "console.too_large",
            Self::TooSlow => "console.too_slow",
            Self::Key(_) => "console.key_refused",
            Self::NotOpen => "console.not_open",
            Self::Registry(e) => e.code(),
            Self::Admin(e) => e.code(),
        }
    }

    fn cure(&self) -> String {
        let text = match self {
            Self::NotFound | Self::Method => "go back to the console's first page",
            Self::Host => "use the address in admin.console.origin",
            Self::CrossSite | Self::Csrf => "load the console again",
            Self::SessionOver(_) => "log in again with your security key",
            Self::Locked => "ask another administrator: signet-gateway console keys",
            Self::LoginRefused => {
                "check the name and the key; another administrator finds the reason in the events"
            }
            Self::Wait(_) => "wait, then try again",
            Self::Busy => "try again in a minute",
            Self::Certificate(_) => "choose your own certificate when the browser asks",
            Self::Malformed(_) | Self::ContentType | Self::TooLarge | Self::TooSlow => {
                "correct the request; load the console again if a page of it made it"
            }
            Self::Key(e) => e.cure(),
            Self::NotOpen => "begin again, and touch the key within two minutes",
            Self::Registry(e) => e.cure(),
            Self::Admin(e) => return e.cure(),
        };
        text.to_owned()
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::SessionOver(_) | Self::Locked | Self::LoginRefused => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::Csrf | Self::Certificate(_) | Self::Key(_) => {
                StatusCode::FORBIDDEN
            }
            // Another status would say that the gateway is gone.
            Self::Wait(_) | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotOpen => StatusCode::CONFLICT,
            Self::Registry(ConsoleError::Registry(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Registry(ConsoleError::NoInvite) => StatusCode::FORBIDDEN,
            Self::Registry(ConsoleError::Label) => StatusCode::BAD_REQUEST,
            Self::Registry(_) => StatusCode::CONFLICT,
            Self::Admin(e) => e.status(),
        }
    }

    /// What belongs to the daily use of the console is not an event.
    pub(super) fn is_told(&self) -> bool {
        !matches!(self, Self::SessionOver(_) | Self::Busy | Self::NotFound)
    }

    pub(super) fn response(&self) -> Response {
        let words = format!("{self}; {}", self.cure());
        let body = json!({ "code": self.code(), "words": words });
        let mut r = with_type(self.status(), "application/json", format!("{body}\n"));
        let headers = r.headers_mut();
        if let Self::Wait(left) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs() + 1));
        }
        if matches!(self, Self::Certificate(_) | Self::TooLarge | Self::TooSlow) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        r
    }
}
