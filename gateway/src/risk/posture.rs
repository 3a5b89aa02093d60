//! What is believed about the laptop at the other end of one connection.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::CertificateDer;
use signet_policy::posture::{Envelope, Report, ReportError};
use x509_parser::prelude::{FromDer as _, X509Certificate};

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
            Self::Report(ReportError::OtherConnection | ReportError::OtherNonce) => "posture.replayed",
            Self::Report(_) => "posture.unreadable",
            Self::Signature => "posture.signature",
            Self::NotAsked => "posture.not_asked",
        }
    }
}

/// A report whose signature is good for the key of `leaf`, for this connection and this question.
pub fn checked(text: &str, leaf: &CertificateDer<'_>, exporter: &str, nonce: &str) -> Result<Report, PostureRefusal> {
    let envelope = Envelope::parse(text)?;
    let report = envelope.report(exporter, nonce)?;
    let signature = BASE64.decode(&envelope.signature).map_err(|_| PostureRefusal::Signature)?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| PostureRefusal::Signature)?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, certificate.public_key().subject_public_key.data.as_ref());
    key.verify(&envelope.signed(), &signature).map_err(|_| PostureRefusal::Signature)?;
    Ok(report)
}
