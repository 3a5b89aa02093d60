//! Why a certificate may not be issued.

use crate::RegistryError;

/// The registry knows a reason against issuing. Whoever serves the request decides what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ClaimRefusal {
    /// Also an unknown user: the two must not be told apart.
    #[error("the code is wrong")]
    CodeWrong,
    /// It was used for another key.
    #[error("the code was used already")]
    CodeUsed,
    /// The administrator made a newer code for the same user.
    #[error("the code was replaced by a newer one")]
    CodeReplaced,
    /// The code's time is over.
    #[error("the code has expired")]
    CodeExpired,
    /// For another key, by a request that has not ended.
    #[error("the code is being used by another request")]
    CodeInUse,
    /// An administrator locked the user.
    #[error("the user is locked")]
    UserLocked,
    /// An administrator locked the device of this name.
    #[error("the device is locked")]
    DeviceLocked,
    /// The common name is the id or the CompID of another user.
    #[error("the name is another user's")]
    NameOfAnother,
    /// A renewal for another device than the present certificate's.
    #[error("the device differs")]
    DeviceDiffers,
    /// The public key is in a certificate already, and the answer cannot have been lost.
    #[error("the key was certified already")]
    KeyReused,
    /// Renewals were issued and never used; the device must use one, or wait until they expire.
    #[error("the device has too many certificates that it never used")]
    TooManyUnused,
    /// Its serial number or its key is not in the registry.
    #[error("the present certificate is not in the registry")]
    CertificateUnknown,
    /// An administrator revoked it.
    #[error("the present certificate was revoked")]
    CertificateRevoked,
    /// A newer certificate of the device has been used.
    #[error("the present certificate was replaced by a newer one")]
    CertificateSuperseded,
    /// It must enrol with a code: a renewal is for a certificate that is valid.
    #[error("the present certificate has expired")]
    CertificateExpired,
}

/// A refusal, or the registry itself failed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The certificate may not be issued; the asker or the administrator can cure it.
    #[error(transparent)]
    Refused(#[from] ClaimRefusal),
    /// The registry did not answer, or holds what it should not; nothing is decided.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<sqlx::Error> for ClaimError {
    fn from(e: sqlx::Error) -> Self {
        Self::Registry(e.into())
    }
}
