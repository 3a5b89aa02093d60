//! Why a request to the enrolment service was refused: a stable code, the HTTP answer, and words
//! that say who is at fault and what cures it.

use hyper::StatusCode;
use signet_registry::{ClaimError, ClaimRefusal, RegistryError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolRefusal {
    // At fault: whoever enters the code.
    #[error("User id and one-time code are needed. Enter both as your administrator gave them.")]
    NoCredentials,
    /// Also an unknown user: the two must not be told apart.
    #[error(
        "The code is wrong. Check user id and code for typing errors, or ask your administrator \
            for a new code."
    )]
    CodeWrong,
    #[error("The code was used already. Ask your administrator for a new one.")]
    CodeUsed,
    #[error("The code was replaced by a newer one. Use the newest your administrator gave you.")]
    CodeReplaced,
    #[error("The code has expired. Ask your administrator for a new one.")]
    CodeExpired,
    #[error("The code is being used by another request. Wait two minutes and try again.")]
    CodeInUse,
    #[error("Too many attempts failed. Wait and try again.")]
    RateLimited,
    // At fault: nobody; an administrator decided so.
    #[error("Your account is locked. Ask your administrator.")]
    UserLocked,
    #[error("This device is locked. Ask your administrator.")]
    DeviceLocked,

    // At fault: the requesting program.
    #[error("The request is too large: a certificate request has at most 16 KiB.")]
    TooLarge,
    #[error(
        "The body is not a certificate request: PKCS#10, DER in base64, content type \
            application/pkcs10."
    )]
    Malformed,
    #[error("The content type must be application/pkcs10.")]
    ContentType,
    #[error("The key must be on the curve P-256.")]
    KeyKind,
    #[error("The request must be signed with ecdsa-with-SHA256.")]
    SignatureKind,
    #[error(
        "The request's signature does not fit its key, so possession of the key is not proved."
    )]
    NotPossessed,
    #[error(
        "The subject must have exactly one common name: the device's name, with at least one of \
            a-z 0-9."
    )]
    NoDeviceName,
    #[error("The subject names another user. Choose another name for the device.")]
    NameOfAnother,
    #[error(
        "The request asks for names that the certificate will not have. Leave the subject \
            alternative name out."
    )]
    OtherNames,
    #[error("The request asks to be an authority.")]
    AsksForAuthority,
    #[error("A renewal is for the device of the present certificate.")]
    DeviceDiffers,
    #[error("This key was certified already. A new certificate needs a new key.")]
    KeyReused,

    #[error(
        "This device has several certificates it never used. Use the newest before asking for \
            another."
    )]
    TooManyUnused,

    // At fault: the present certificate, at renewal.
    #[error("A renewal needs the present certificate, shown in the TLS handshake.")]
    NoCertificate,
    #[error(
        "The present certificate is not a desk's of this venue, or not in the registry. Ask your \
            administrator for a code."
    )]
    CertificateUnknown,
    #[error("The present certificate was revoked. Ask your administrator.")]
    CertificateRevoked,
    #[error("The present certificate was replaced by a newer one. Renew with that.")]
    CertificateSuperseded,
    #[error("The present certificate has expired. Ask your administrator for a new code.")]
    CertificateExpired,

    // At fault: whoever holds the present certificate, or the network they are in.
    #[error(
        "The risk of a renewal is too high from here. Log on first (the desk renews by itself \
            while it is on), or renew from a network and country in which you may log on."
    )]
    RiskDenied,

    // At fault: the gateway, or its operator.
    #[error(
        "The registry does not answer. Try again in a minute; if it stays so, tell your \
            administrator."
    )]
    Unavailable,
    #[error(
        "The issuing authority does not answer or refused. Try again in a minute; if it stays so, \
            tell your administrator."
    )]
    AuthorityFailed,
    #[error("There is nothing at this address.")]
    NotFound,
    #[error("This address does not take that method.")]
    Method,
}

/// A refusal, or the registry itself failed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Because(#[from] EnrolRefusal),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<ClaimError> for Refused {
    fn from(e: ClaimError) -> Self {
        match e {
            ClaimError::Refused(r) => Self::Because(r.into()),
            ClaimError::Registry(e) => Self::Registry(e),
        }
    }
}

impl From<ClaimRefusal> for EnrolRefusal {
    fn from(r: ClaimRefusal) -> Self {
        match r {
            ClaimRefusal::CodeWrong => Self::CodeWrong,
            ClaimRefusal::CodeUsed => Self::CodeUsed,
            ClaimRefusal::CodeReplaced => Self::CodeReplaced,
            ClaimRefusal::CodeExpired => Self::CodeExpired,
            ClaimRefusal::CodeInUse => Self::CodeInUse,
            ClaimRefusal::UserLocked => Self::UserLocked,
            ClaimRefusal::DeviceLocked => Self::DeviceLocked,
            ClaimRefusal::NameOfAnother => Self::NameOfAnother,
            ClaimRefusal::DeviceDiffers => Self::DeviceDiffers,
            ClaimRefusal::KeyReused => Self::KeyReused,
            ClaimRefusal::TooManyUnused => Self::TooManyUnused,
            ClaimRefusal::CertificateUnknown => Self::CertificateUnknown,
            ClaimRefusal::CertificateRevoked => Self::CertificateRevoked,
            ClaimRefusal::CertificateSuperseded => Self::CertificateSuperseded,
            ClaimRefusal::CertificateExpired => Self::CertificateExpired,
        }
    }
}

impl EnrolRefusal {
    /// For programs and the event log; never changes between releases.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoCredentials => "enrol.no_credentials",
            Self::CodeWrong => "enrol.code_wrong",
            Self::CodeUsed => "enrol.code_used",
            Self::CodeReplaced => "enrol.code_replaced",
            Self::CodeExpired => "enrol.code_expired",
            Self::CodeInUse => "enrol.code_in_use",
            Self::RateLimited => "enrol.rate_limited",
            Self::UserLocked => "enrol.user_locked",
            Self::DeviceLocked => "enrol.device_locked",
            Self::TooLarge => "enrol.too_large",
            Self::Malformed => "enrol.malformed",
            Self::ContentType => "enrol.content_type",
            Self::KeyKind => "enrol.key_kind",
            Self::SignatureKind => "enrol.signature_kind",
            Self::NotPossessed => "enrol.not_possessed",
            Self::NoDeviceName => "enrol.no_device_name",
            Self::NameOfAnother => "enrol.name_of_another",
            Self::OtherNames => "enrol.other_names",
            Self::AsksForAuthority => "enrol.asks_for_authority",
            Self::DeviceDiffers => "enrol.device_differs",
            Self::KeyReused => "enrol.key_reused",
            Self::TooManyUnused => "enrol.too_many_unused",
            Self::NoCertificate => "enrol.no_certificate",
            Self::CertificateUnknown => "enrol.certificate_unknown",
            Self::CertificateRevoked => "enrol.certificate_revoked",
            Self::CertificateSuperseded => "enrol.certificate_superseded",
            Self::CertificateExpired => "enrol.certificate_expired",
            Self::RiskDenied => "enrol.risk_denied",
            Self::Unavailable => "enrol.unavailable",
            Self::AuthorityFailed => "enrol.authority_failed",
            Self::NotFound => "enrol.not_found",
            Self::Method => "enrol.method",
        }
    }

    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoCredentials
            | Self::CodeWrong
            | Self::CodeUsed
            | Self::CodeReplaced
            | Self::CodeExpired => StatusCode::UNAUTHORIZED,
            Self::UserLocked
            | Self::DeviceLocked
            | Self::NameOfAnother
            | Self::NoCertificate
            | Self::CertificateUnknown
            | Self::CertificateRevoked
            | Self::CertificateSuperseded
            | Self::CertificateExpired
            | Self::RiskDenied => StatusCode::FORBIDDEN,
            Self::CodeInUse => StatusCode::CONFLICT,
            Self::RateLimited | Self::TooManyUnused => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed
            | Self::KeyKind
            | Self::SignatureKind
            | Self::NotPossessed
            | Self::NoDeviceName
            | Self::OtherNames
            | Self::AsksForAuthority
            | Self::DeviceDiffers
            | Self::KeyReused => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::AuthorityFailed => StatusCode::BAD_GATEWAY,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Whether it counts towards the limit: what the gateway itself got wrong does not, and neither
    /// does the first question of a client that waits to be asked for credentials.
    pub const fn counts(self) -> bool {
        !matches!(
            self,
            Self::NoCredentials
                | Self::CodeInUse
                | Self::RateLimited
                | Self::Unavailable
                | Self::AuthorityFailed
        )
    }
}
