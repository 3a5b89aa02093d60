//! Why enrolment did not work, in words. A server's own reason comes first where it gave one.

use std::time::Duration;

use crate::key::KeyError;
use crate::net::DialError;
use crate::peer::PeerError;
use crate::profile::ProfileError;
use crate::refusal::Refusal;

/// Enrolment or renewal failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstError {
    /// At fault: the network, see inside.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// At fault: see inside.
    #[error(transparent)]
    Tls(#[from] Refusal),
    /// At fault: the invitation or the settings.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// At fault: the key's holder.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// At fault: the trader's typing.
    #[error("{0} is empty, too long or has characters that cannot be in it")]
    BadInput(&'static str),
    /// The server refused; `code` and `message` are its own where it gave them.
    #[error("{message}")]
    Refused { status: u16, code: String, message: String, retry_after_s: Option<u64> },
    /// The server has taken the request and wants to be asked again (RFC 7030 §4.2.3).
    #[error("the request is waiting for approval")]
    Waiting { retry_after_s: Option<u64> },
    /// At fault: the network or the server.
    #[error("the enrolment service did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// At fault: the server, or the address in the invitation.
    #[error("what answers is no enrolment service: {0}")]
    NotEst(&'static str),
    /// At fault: the server.
    #[error("the enrolment service's answer is larger than allowed")]
    TooLarge,
    /// At fault: the server's settings.
    #[error("the enrolment service does not take P-256 keys")]
    KeyKindUnwanted,
    /// At fault: the issuer.
    #[error("the certificate that was issued cannot be used: {0}")]
    Certificate(#[source] PeerError),
    /// At fault: the issuer.
    #[error("the certificate that was issued carries another key than ours")]
    OtherKey,
    /// At fault: the issuer, or an impostor.
    #[error("the certificate that was issued names {found}, not {expected}")]
    OtherName { expected: String, found: String },
    /// At fault: the issuer, or an impostor.
    #[error(
        "the certificate that was issued does not lead to the authority the service named: {0}"
    )]
    OtherAuthority(String),
    /// At fault: this computer's clock, or the issuer.
    #[error(
        "the certificate that was issued is not valid now; by this computer's clock it is {now}, \
            the certificate begins {begins}"
    )]
    Clock { now: String, begins: String },
    /// At fault: the issuer.
    #[error(
        "the certificate that was issued is valid for {0} days, which no desk's certificate is"
    )]
    TooLongLived(i64),
    /// At fault: the caller.
    #[error(
        "this identity was not issued by a Signet enrolment service, so it cannot renew itself"
    )]
    NotEnrolledHere,
    /// At fault: the caller.
    #[error("a renewal must be for a new key")]
    SameKey,
}

impl EstError {
    /// A stable name for programs and logs; never reworded. A server's own code passes through.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Tls(refusal) => refusal.code(),
            Self::Profile(_) => "enrol.profile",
            Self::Key(KeyError::Holder { code, .. }) => code,
            Self::Key(_) => "identity.key_unusable",
            Self::BadInput(_) => "enrol.bad_input",
            Self::Refused { code, .. } => code,
            Self::Waiting { .. } => "enrol.waiting",
            Self::TimedOut(_) => "enrol.timed_out",
            Self::NotEst(_) => "enrol.not_est",
            Self::TooLarge => "enrol.answer_too_large",
            Self::KeyKindUnwanted => "enrol.key_kind",
            Self::Certificate(_) => "enrol.certificate_unusable",
            Self::OtherKey => "enrol.other_key",
            Self::OtherName { .. } => "enrol.other_name",
            Self::OtherAuthority(_) => "enrol.other_authority",
            Self::Clock { .. } => "enrol.clock",
            Self::TooLongLived(_) => "enrol.too_long_lived",
            Self::NotEnrolledHere => "enrol.not_enrolled_here",
            Self::SameKey => "enrol.same_key",
        }
    }

    /// What would cure it, as an instruction to the trader.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.cure(),
            Self::Tls(refusal) => refusal.cure(),
            Self::Key(KeyError::Holder { cure, .. }) => cure,
            Self::Key(_) => "Unlock the keychain or insert the token, and try again.",
            Self::Profile(_) => "Ask your administrator for a new invitation.",
            Self::BadInput(_) => "Type it again as your administrator gave it to you.",
            Self::Refused { status, code, .. } => cure_of(*status, code),
            Self::Waiting { .. } => {
                "Wait until your administrator has approved it; the request is repeated by itself."
            }
            Self::TimedOut(_) => "Try again; if it persists, tell the server's operator.",
            Self::NotEst(_) | Self::TooLarge => {
                "Check host and port in the invitation with your administrator."
            }
            Self::KeyKindUnwanted => {
                "Ask your administrator to allow P-256 keys at the issuing authority."
            }
            Self::Clock { .. } => "Check this computer's clock and try again.",
            Self::OtherName { .. } | Self::OtherAuthority(_) | Self::OtherKey => {
                "Do not use it. Tell your security team."
            }
            Self::Certificate(_) | Self::TooLongLived(_) => {
                "Ask your administrator to correct the certificate profile."
            }
            Self::NotEnrolledHere | Self::SameKey => {
                "Enrol again with a code from your administrator."
            }
        }
    }
}

fn cure_of(status: u16, code: &str) -> &'static str {
    match (code, status) {
        ("enrol.rate_limited", _) | (_, 429) => {
            "Wait a quarter of an hour, then try again with the right code."
        }
        ("enrol.code_expired" | "enrol.code_used", _) => "Ask your administrator for a new code.",
        ("enrol.user_locked" | "enrol.device_locked", _) => "Ask your administrator to unlock you.",
        ("enrol.code_wrong", _) | (_, 401) => {
            "Check the code and type it again; ask for a new one if it was mistyped too often."
        }
        (_, 403) => "Ask your administrator whether you and this device are still allowed.",
        (_, 500..) => "Try again later; if it persists, tell the server's operator.",
        _ => "Give this text to your administrator.",
    }
}

impl From<crate::net::ProxyError> for EstError {
    fn from(error: crate::net::ProxyError) -> Self {
        Self::Dial(error.into())
    }
}
