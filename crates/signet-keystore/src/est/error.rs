//! Why enrolment did not work, in words. The server's own reason is preferred where it gave one.

use std::time::Duration;

use signet_identity::{KeyError, PeerError, ProfileError, Refusal};
use signet_net::{DialError, ProxyError};

/// Enrolment or renewal failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstError {
    /// The service was not reached.
    ///
    /// At fault: the network, see inside.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The TLS handshake, or the session after it, failed.
    ///
    /// At fault: see inside.
    #[error(transparent)]
    Tls(#[from] Refusal),
    /// The TLS configuration cannot be built.
    ///
    /// At fault: the invitation or the settings.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The new key did not sign the request.
    ///
    /// At fault: the key's holder.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An input cannot be sent; which.
    ///
    /// At fault: the trader's typing.
    #[error("{0} is empty, too long or has characters that cannot be in it")]
    BadInput(&'static str),
    /// The server refused; `code` and `message` are its own where it gave them.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// A stable code.
        code: String,
        /// A sentence for a person.
        message: String,
        /// When to ask again, in seconds, at most a day.
        retry_after_s: Option<u64>,
    },
    /// The server has taken the request and wants to be asked again (RFC 7030 §4.2.3).
    #[error("the request is waiting for approval")]
    Waiting {
        /// When to ask again, in seconds, at most a day.
        retry_after_s: Option<u64>,
    },
    /// The exchange took longer than allowed; the limit.
    ///
    /// At fault: the network or the server.
    #[error("the enrolment service did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer is not EST; why.
    ///
    /// At fault: the server, or the address in the invitation.
    #[error("what answers is no enrolment service: {0}")]
    NotEst(&'static str),
    /// The answer is beyond a limit.
    ///
    /// At fault: the server.
    #[error("the enrolment service's answer is larger than allowed")]
    TooLarge,
    /// The service names kinds of keys and P-256 is not among them.
    ///
    /// At fault: the server's settings.
    #[error("the enrolment service does not take P-256 keys")]
    KeyKindUnwanted,
    /// The certificate states no Signet identity, or another part or firm.
    ///
    /// At fault: the issuer.
    #[error("the certificate that was issued cannot be used: {0}")]
    Certificate(#[source] PeerError),
    /// No certificate, or several, carry our key.
    ///
    /// At fault: the issuer.
    #[error("the certificate that was issued carries another key than ours")]
    OtherKey,
    /// User, device or CompID differ.
    ///
    /// At fault: the issuer, or an impostor.
    #[error("the certificate that was issued names {found}, not {expected}")]
    OtherName {
        /// The names that were ordered.
        expected: String,
        /// The names in the certificate.
        found: String,
    },
    /// The chain does not lead to the service's `cacerts`; why.
    ///
    /// At fault: the issuer, or an impostor.
    #[error(
        "the certificate that was issued does not lead to the authority the service named: {0}"
    )]
    OtherAuthority(String),
    /// The validity does not include now.
    ///
    /// At fault: this computer's clock, or the issuer.
    #[error(
        "the certificate that was issued is not valid now; by this computer's clock it is {now}, \
            the certificate begins {begins}"
    )]
    Clock {
        /// This computer's clock.
        now: String,
        /// The begin of the validity.
        begins: String,
    },
    /// The validity is beyond any desk's; in days.
    ///
    /// At fault: the issuer.
    #[error(
        "the certificate that was issued is valid for {0} days, which no desk's certificate is"
    )]
    TooLongLived(i64),
    /// The current certificate has the short form of the URI.
    ///
    /// At fault: the caller.
    #[error(
        "this identity was not issued by a Signet enrolment service, so it cannot renew itself"
    )]
    NotEnrolledHere,
    /// The key of the renewal is the current one.
    ///
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

    /// The remedy, as an instruction to the trader.
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

impl From<ProxyError> for EstError {
    fn from(error: ProxyError) -> Self {
        Self::Dial(error.into())
    }
}
