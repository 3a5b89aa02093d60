//! Why a request of an administrator was not carried out, as they read it.

use crate::{
    admin::AdminError,
    evidence::BundleError,
    history::PolicyRefusal,
    listeners::https::{self, BodyFault, Response},
    pipeline::TradingSilent,
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use serde::Serialize;
use signet_identity::{PeerError, Refusal};
use signet_policy::{
    entitle::{Outcome, Verdict},
    score::{Assessment, Decision},
};
use signet_registry::RegistryError;

/// At fault is whoever the message names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminRefusal {
    /// At fault: the peer.
    #[error("{0}")]
    Certificate(#[from] PeerError),
    /// Expired or revoked since the handshake, or no list can tell.
    #[error("the certificate is no longer good: {}", .0.message())]
    CertificateNotGood(Refusal),
    #[error("this interface is not for browsers")]
    Browser,
    #[error("there is nothing at this address")]
    NotFound,
    #[error("this address does not take that method")]
    Method,
    #[error("{0}")]
    Malformed(String),
    #[error("the content type must be application/json")]
    ContentType,
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not come in time")]
    TooSlow,
    /// At fault: nobody; it is the firm's risk policy.
    #[error("{}", .0.words())]
    Risk(Box<Assessment>),
    /// At fault: nobody; it is the firm's entitlements.
    #[error("{}", words(.0))]
    Entitle(Box<Verdict>),
    #[error("this gateway has no registry")]
    NoRegistry,
    #[error("the desk {0} is not on")]
    NotOn(String),
    /// At fault: the gateway.
    #[error(
        "the gateway's trading thread did not answer in time; what it had not begun it will not do"
    )]
    TradingSilent(#[from] TradingSilent),
    /// At fault: the database or its network.
    #[error("the registry did not answer in time; whether it was done is not known")]
    RegistrySilent,
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// At fault: whoever wrote the files.
    #[error("{0}")]
    PolicyRefused(String),
    /// At fault: whoever the message names.
    #[error(transparent)]
    Change(#[from] PolicyRefusal),
}

impl From<RegistryError> for AdminRefusal {
    fn from(e: RegistryError) -> Self {
        Self::Admin(e.into())
    }
}

impl From<BodyFault> for AdminRefusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::TooSlow => Self::TooSlow,
            BodyFault::Broken => Self::Malformed("the body broke off".into()),
        }
    }
}

/// What is owed cannot be had here, and that is said.
fn words(v: &Verdict) -> String {
    match v.outcome() {
        Outcome::Touch | Outcome::TwoPeople => {
            format!("{} This interface cannot ask for it.", v.words())
        }
        _ => v.words(),
    }
}

/// An error as it travels.
#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    message: String,
    cure: String,
    /// The policies that determined it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<&'a str>,
    /// Digest of the policies that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    /// Of a denial by entitlements: which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<u32>,
}

impl AdminRefusal {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "admin.certificate",
            Self::CertificateNotGood(_) => "admin.certificate_not_good",
            Self::Browser => "admin.browser",
            Self::NotFound => "admin.not_found",
            Self::Method => "admin.method",
            Self::Malformed(_) => "admin.malformed",
            Self::ContentType => "admin.content_type",
            Self::TooLarge => "admin.too_large",
            Self::TooSlow => "admin.too_slow",
            Self::Risk(a) if a.decision == Decision::StepUp => "risk.no_step_up",
            Self::Risk(_) => "risk.denied",
            Self::Entitle(v) if v.outcome() == Outcome::Deny => "entitle.denied",
            Self::Entitle(_) => "entitle.no_step_up",
            Self::NoRegistry => "registry.none",
            Self::NotOn(_) => "admin.not_on",
            Self::TradingSilent(_) => "admin.trading_silent",
            Self::RegistrySilent => "registry.silent",
            Self::Admin(e) => e.code(),
            Self::PolicyRefused(_) => "policy.refused",
            Self::Change(e) => e.code(),
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> String {
        let text = match self {
            Self::Certificate(_) => {
                "show a certificate that the firm's authority for administrators issued to an \
                    administrator"
            }
            Self::CertificateNotGood(_) => "get a new certificate, and connect again",
            Self::Browser => "use a program that is not one, such as curl",
            Self::NotFound | Self::Method => "see docs/admins.md for the paths and their methods",
            Self::Malformed(_) | Self::TooLarge => "correct the request",
            Self::ContentType => {
                "send Content-Type: application/json, and {} when there is nothing to say"
            }
            Self::TooSlow => "send the body at once",
            Self::Risk(a) if !a.cure().is_empty() => return a.cure(),
            Self::Entitle(v) if !v.cure().is_empty() => return v.cure(),
            Self::Risk(_) => "ask the security officer whether this access should be allowed",
            Self::Entitle(_) => {
                "do it on the gateway's own machine: with signet-gateway, or for policies by \
                    renaming the new files into place; where two administrators change policies, \
                    prepare the change (POST /v1/policies/prepare)"
            }
            Self::NoRegistry => "only sessions and policies can be asked about without [registry]",
            Self::NotOn(_) => "see GET /v1/sessions",
            Self::TradingSilent(_) => "try again; if it stays so, see the gateway's log",
            Self::RegistrySilent => {
                "check the database; look whether it was done before you try again"
            }
            Self::Admin(e) => e.cure(),
            Self::PolicyRefused(_) => "correct the files; what was in force stays",
            Self::Change(e) => e.cure(),
        };
        text.to_owned()
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Certificate(_)
            | Self::CertificateNotGood(_)
            | Self::Browser
            | Self::Risk(_)
            | Self::Entitle(_) => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NotOn(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoRegistry => StatusCode::CONFLICT,
            Self::TradingSilent(_) | Self::RegistrySilent => StatusCode::SERVICE_UNAVAILABLE,
            Self::PolicyRefused(_) | Self::Change(PolicyRefusal::Faulty(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Change(PolicyRefusal::NotPrepared) => StatusCode::NOT_FOUND,
            Self::Change(PolicyRefusal::SamePerson(_) | PolicyRefusal::NotEntitled(_)) => {
                StatusCode::FORBIDDEN
            }
            Self::Change(PolicyRefusal::Unwritable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Change(_) => StatusCode::CONFLICT,
            Self::Admin(AdminError::Registry(e)) => of_registry(e),
            Self::Admin(
                AdminError::NoDealer(_)
                | AdminError::NoVersion(_)
                | AdminError::Bundle(BundleError::Unknown(_)),
            ) => StatusCode::NOT_FOUND,
            Self::Admin(AdminError::Bundle(BundleError::Several(..))) => StatusCode::CONFLICT,
            Self::Admin(AdminError::NotCut(_)) => StatusCode::CONFLICT,
            Self::Admin(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// After this nothing more is heard on the connection.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Certificate(_) | Self::CertificateNotGood(_) | Self::TooLarge | Self::TooSlow
        )
    }

    pub fn response(&self) -> Response {
        let (ids, policy, because) = match self {
            Self::Entitle(v) => (v.ids(), Some(&*v.because().digest), v.code()),
            Self::Risk(a) => (vec![], Some(a.policy.as_str()), None),
            _ => (vec![], None, None),
        };
        let score = if let Self::Risk(a) = self { Some(a.score) } else { None };
        let body = Body {
            code: self.code(),
            message: self.to_string(),
            cure: self.cure(),
            ids,
            policy,
            because,
            score,
        };
        let text = serde_json::to_string(&body)
            .unwrap_or_else(|_| format!("{{\"code\":\"{}\"}}", self.code()));
        let mut r = https::with_type(self.status(), "application/json", text + "\n");
        if self.is_final() {
            r.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        r
    }
}

fn of_registry(e: &RegistryError) -> StatusCode {
    match e {
        RegistryError::NoSuchUser(_)
        | RegistryError::NoSuchDevice(_)
        | RegistryError::NoSuchCertificate(_) => StatusCode::NOT_FOUND,
        RegistryError::NotLockedOut(_)
        | RegistryError::NothingToRevoke(_)
        | RegistryError::AmbiguousDevice(_) => StatusCode::CONFLICT,
        RegistryError::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
