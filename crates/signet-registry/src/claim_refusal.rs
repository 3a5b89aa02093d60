//! Why a certificate may not be issued.

use crate::RegistryError;

/// The registry knows a reason against issuing. Whoever serves the request decides what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClaimRefusal {
    /// Also an unknown user: the two must not be told apart.
    #[error("the code is wrong")]
    CodeWrong,
    #[error("the code was used already")]
    CodeUsed,
    #[error("the code was replaced by a newer one")]
    CodeReplaced,
    #[error("the code has expired")]
    CodeExpired,
    /// For another key, by a request that has not ended.
    #[error("the code is being used by another request")]
    CodeInUse,
    #[error("the user is locked")]
    UserLocked,
    #[error("the device is locked")]
    DeviceLocked,
    #[error("the name is another user's")]
    NameOfAnother,
    /// A renewal for another device than the present certificate's.
    #[error("the device differs")]
    DeviceDiffers,
    #[error("the key was certified already")]
    KeyReused,
    #[error("the device has too many certificates that it never used")]
    TooManyUnused,
    #[error("the present certificate is not in the registry")]
    CertificateUnknown,
    #[error("the present certificate was revoked")]
    CertificateRevoked,
    #[error("the present certificate was replaced by a newer one")]
    CertificateSuperseded,
    #[error("the present certificate has expired")]
    CertificateExpired,
}

/// A refusal, or the registry itself failed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error(transparent)]
    Refused(#[from] ClaimRefusal),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<sqlx::Error> for ClaimError {
    fn from(e: sqlx::Error) -> Self {
        Self::Registry(e.into())
    }
}
