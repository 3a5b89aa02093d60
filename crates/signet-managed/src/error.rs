//! Why a policy cannot be used: a code, a sentence that names the party at fault, and a cure.

use crate::minisign::SignatureError;
use std::{io, path::PathBuf};

/// Why the desk does not start with the policy of this computer. But for [`Self::Record`] and
/// [`Self::NotRecorded`] whoever deploys the policy is at fault; a trader can repair none of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagedError {
    /// This computer had a policy, and it is gone.
    #[error("this computer was managed by {firm}, and its policy is gone from {place}")]
    Missing {
        /// Who managed it.
        firm: String,
        /// Where the policy was.
        place: String,
        /// What the desk remembers it by.
        record: PathBuf,
    },
    /// The system does not let the desk read it.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file, or the place of another kind.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is longer than any policy, key or signature.
    #[error("{path} is longer than {max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        max: u64,
    },
    /// Somebody other than the system's administrator can write the file or a folder above it.
    #[error("{path} is not protected: {why}")]
    NotProtected {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is a policy file without a signature.
    #[error("the policy has no signature: there is no {path}")]
    Unsigned {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is a policy file, and no key to verify it with.
    #[error("the policy cannot be verified: there is no key {path}")]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The signature, or the key, does not count.
    #[error("the signature of the policy does not count: {0}")]
    Signature(#[from] SignatureError),
    /// It cannot be read as a policy.
    #[error("the policy cannot be read: {0}")]
    Damaged(String),
    /// A setting has a value that it cannot have.
    #[error("the policy has a wrong value: {field}: {why}")]
    Invalid {
        /// The setting, as in the file.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its time has not come by this computer's clock.
    #[error("the policy is valid only from {0} on")]
    NotYetValid(String),
    /// Its time is over by this computer's clock.
    #[error("the policy was valid until {0}")]
    Expired(String),
    /// This desk has used a later one.
    #[error("the policy has serial {serial}, and this desk has used serial {seen} already")]
    Older {
        /// Its serial.
        serial: u64,
        /// The latest that was used.
        seen: u64,
    },
    /// Another policy with the same serial was used.
    #[error("the policy has serial {0}, and so had another one that this desk used")]
    SerialReused(u64),
    /// The record of the policy used last is damaged.
    #[error("the desk cannot read which policy it used last, in {path}")]
    Record {
        /// The record.
        path: PathBuf,
    },
    /// The record cannot be written, so an older policy could come back unnoticed.
    #[error("the desk cannot write down which policy it uses, in {path}: {why}")]
    NotRecorded {
        /// The record.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The firm wants a later desk.
    #[error("the firm allows version {least} and later, and this desk is {have}")]
    SoftwareTooOld {
        /// The least version.
        least: String,
        /// This desk's.
        have: String,
    },
}

impl ManagedError {
    pub(crate) fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    /// A code that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "managed.missing",
            Self::Unreadable { .. } => "managed.unreadable",
            Self::TooLarge { .. } => "managed.too_large",
            Self::NotProtected { .. } => "managed.not_protected",
            Self::Unsigned { .. } => "managed.unsigned",
            Self::NoKey { .. } => "managed.no_key",
            Self::Signature(SignatureError::Key) => "managed.key_damaged",
            Self::Signature(SignatureError::Form) => "managed.signature_damaged",
            Self::Signature(SignatureError::OtherKey) => "managed.other_key",
            Self::Signature(SignatureError::NotOfThis) => "managed.tampered",
            Self::Damaged(_) => "managed.damaged",
            Self::Invalid { .. } => "managed.invalid",
            Self::NotYetValid(_) => "managed.not_yet_valid",
            Self::Expired(_) => "managed.expired",
            Self::Older { .. } => "managed.older",
            Self::SerialReused(_) => "managed.serial_reused",
            Self::Record { .. } => "managed.record_damaged",
            Self::NotRecorded { .. } => "managed.not_recorded",
            Self::SoftwareTooOld { .. } => "managed.software_too_old",
        }
    }

    /// What to do, and who can do it.
    #[must_use]
    pub fn cure(&self) -> String {
        match self {
            Self::Missing { record, .. } => format!(
                "Ask your administrator to deploy it again. If this computer is not to be managed \
                    from now on, the administrator deletes {}.",
                record.display()
            ),
            Self::Unreadable { .. } => {
                "Ask your administrator to let every user of this computer read it.".into()
            }
            Self::NotProtected { .. } => {
                "Ask your administrator to check who changed it, and to give it to root with mode \
                    0644 (folders 0755)."
                    .into()
            }
            Self::Signature(SignatureError::NotOfThis | SignatureError::OtherKey) => {
                "Tell your security officer that the policy of this computer may have been \
                    tampered with, and have it deployed again with its signature."
                    .into()
            }
            Self::Unsigned { .. } | Self::Signature(SignatureError::Form) => {
                "Ask your administrator to deploy the policy together with its signature.".into()
            }
            Self::NoKey { .. } | Self::Signature(SignatureError::Key) => {
                "Ask your administrator to deploy the key that the firm signs policies with.".into()
            }
            Self::TooLarge { .. } | Self::Damaged(_) | Self::Invalid { .. } => {
                "Ask your administrator to correct the policy; signet-desk policy check names its \
                    faults."
                    .into()
            }
            Self::NotYetValid(_) | Self::Expired(_) => {
                "Check the date of this computer. If it is right, ask your administrator for the \
                    present policy."
                    .into()
            }
            Self::Older { .. } => {
                "Ask your administrator to deploy the latest policy; an older one is never used \
                    again."
                    .into()
            }
            Self::SerialReused(_) => {
                "Ask your administrator to give the changed policy a higher serial.".into()
            }
            Self::Record { path } => format!(
                "Restore {} from a backup, or have your administrator delete it.",
                path.display()
            ),
            Self::NotRecorded { path, .. } => {
                format!("Make room on the disk, and see that you may write {}.", path.display())
            }
            Self::SoftwareTooOld { .. } => {
                "Install the version that your firm offers, or ask your administrator for it."
                    .into()
            }
        }
    }
}
