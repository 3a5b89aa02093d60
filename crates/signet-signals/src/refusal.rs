//! Why a token is refused.

/// Codes of RFC 8935 §2.4, which the transmitter reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// This receiver does not take it as a token.
    InvalidRequest,
    /// The key that signed it is unknown, or the signature is wrong.
    InvalidKey,
    /// Another issuer's.
    InvalidIssuer,
    /// For another receiver.
    InvalidAudience,
    /// The transmitter did not prove who it is.
    AuthenticationFailed,
}

impl ErrorCode {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
        }
    }
}

/// Why a token is refused. At fault is the transmitter, or the settings of one of both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetRefusal {
    /// Longer than [`TOKEN_BYTES_MAX`](crate::TOKEN_BYTES_MAX).
    #[error("the token is too long")]
    TooLong,
    /// Not three parts in base64url without padding.
    #[error("the token is not a compact JWS")]
    NotCompact,
    /// The header is not the JSON object that is expected.
    #[error("the token's header cannot be read")]
    Header,
    /// The header demands extensions (RFC 7515 §4.1.11), or carries a key of its own.
    #[error("the token's header has a parameter that is not accepted: {0}")]
    HeaderParameter(&'static str),
    /// `typ` is not `secevent+jwt` (RFC 8417 §2.3).
    #[error("the token's type is not secevent+jwt")]
    Type,
    /// `none`, a shared secret, or an algorithm that is not taken here.
    #[error("the token is not signed with ES256, RS256 or EdDSA")]
    Algorithm,
    /// No `kid`.
    #[error("the token does not name its key (kid)")]
    NoKeyId,
    /// The set has no key of this name.
    #[error("no key of the issuer's set has the token's kid")]
    UnknownKey,
    /// The key of that name is for another algorithm.
    #[error("the token's algorithm is not the one of its key")]
    KeyMismatch,
    /// The signature is not good.
    #[error("the token's signature is not good")]
    Signature,
    /// The claims are not the JSON object that is expected.
    #[error("the token's claims cannot be read")]
    Claims,
    /// A claim that a security event token must not have (SSF 1.0), such as `exp`: it may be
    /// another kind of token.
    #[error("the token has the claim {0}, which a security event token must not have")]
    Claim(&'static str),
    /// Another issuer.
    #[error("the token is of another issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token is for another receiver")]
    Audience,
    /// Issued too long ago.
    #[error("the token is too old")]
    TooOld,
    /// Issued in the future.
    #[error("the token is from the future: one of both clocks is wrong")]
    Future,
    /// No `jti`, or one that is too long.
    #[error("the token has no usable id (jti)")]
    Id,
    /// A token with this `jti` was taken already.
    #[error("the token was received before")]
    Replayed,
    /// The same token is being acted on; what becomes of it is not decided.
    #[error("the token came before and is being acted on; send it again")]
    InProgress,
    /// More tokens within the window than are remembered.
    #[error("too many tokens at once")]
    TooMany,
    /// Not exactly one event.
    #[error("the token does not have exactly one event")]
    Events,
    /// The event's members are not those of its type.
    #[error("the token's event cannot be read")]
    Event,
    /// No `sub_id`, or one of a format that is not taken here.
    #[error("the token's subject cannot be read")]
    Subject,
}

impl SetRefusal {
    /// Never changes between releases.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "set.too_long",
            Self::NotCompact => "set.not_compact",
            Self::Header => "set.header",
            Self::HeaderParameter(_) => "set.header_parameter",
            Self::Type => "set.type",
            Self::Algorithm => "set.algorithm",
            Self::NoKeyId => "set.no_kid",
            Self::UnknownKey => "set.unknown_key",
            Self::KeyMismatch => "set.key_mismatch",
            Self::Signature => "set.signature",
            Self::Claims => "set.claims",
            Self::Claim(_) => "set.claim",
            Self::Issuer => "set.issuer",
            Self::Audience => "set.audience",
            Self::TooOld => "set.too_old",
            Self::Future => "set.future",
            Self::Id => "set.jti",
            Self::Replayed => "set.replayed",
            Self::InProgress => "set.in_progress",
            Self::TooMany => "set.too_many",
            Self::Events => "set.events",
            Self::Event => "set.event",
            Self::Subject => "set.subject",
        }
    }

    /// What the transmitter is told.
    pub const fn error(self) -> ErrorCode {
        match self {
            Self::Algorithm
            | Self::NoKeyId
            | Self::UnknownKey
            | Self::KeyMismatch
            | Self::Signature => ErrorCode::InvalidKey,
            Self::Issuer => ErrorCode::InvalidIssuer,
            Self::Audience => ErrorCode::InvalidAudience,
            _ => ErrorCode::InvalidRequest,
        }
    }
}
