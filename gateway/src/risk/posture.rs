//! What is believed about the laptop at the other end of one connection.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_identity::MessagePublicKey;
use signet_policy::posture::{Envelope, Report, ReportError};

/// Why a report is not believed; at fault is the desk that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PostureRefusal {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("the posture report's signature is not good for the client certificate")]
    Signature,
    #[error("no posture report was asked for")]
    NotAsked,
}

impl PostureRefusal {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Report(ReportError::OtherConnection | ReportError::OtherNonce) => {
                "posture.replayed"
            }
            Self::Report(_) => "posture.unreadable",
            Self::Signature => "posture.signature",
            Self::NotAsked => "posture.not_asked",
        }
    }
}

/// A report whose signature is good for the client certificate's `key`, for this connection and
/// this question.
pub fn checked(
    text: &str,
    key: &MessagePublicKey,
    exporter: &str,
    nonce: &str,
) -> Result<Report, PostureRefusal> {
    let envelope = Envelope::parse(text)?;
    let report = envelope.report(exporter, nonce)?;
    let signature =
        BASE64.decode(&envelope.signature).ok().and_then(|s| <[u8; 64]>::try_from(s).ok());
    let good = signature.is_some_and(|s| key.is_good(&envelope.signed(), &s));
    if good { Ok(report) } else { Err(PostureRefusal::Signature) }
}
