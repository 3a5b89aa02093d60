//! What can go wrong with a keychain, each kind apart because each has another cure.

use std::time::Duration;

use crate::identity::IdentityError;
use crate::key::KeyError;

use super::{ENTRY_BYTES_MAX, NAME_CHARS_MAX};

/// A keychain operation failed. Its text says what happened; [`KeychainError::cure`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeychainError {
    /// At fault: this computer's set-up.
    #[error("this computer has no keychain that Signet can reach ({detail})")]
    NoKeychain { detail: String },
    /// At fault: nobody; the keychain waits for its owner.
    #[error("the keychain is locked")]
    Locked,
    /// At fault: the person asked, or a session without a desktop to ask on.
    #[error("the keychain stayed locked: its prompt was dismissed or could not be shown")]
    PromptDismissed,
    /// At fault: this computer's set-up.
    #[error("the keychain has no default collection to store into")]
    NoDefaultCollection,
    /// At fault: the trader's choice, or an identity deleted meanwhile.
    #[error("the keychain has no identity named {name}")]
    NoSuchIdentity { name: String },
    /// At fault: nobody; the key has to be opened in its own holder.
    #[error("the identity's key is in another place ({place})")]
    KeyElsewhere { place: String },
    /// At fault: the issuer (a chain too long to store).
    #[error("the identity needs {bytes} bytes in one keychain entry; {ENTRY_BYTES_MAX} fit")]
    TooLong { bytes: usize },
    /// At fault: whatever wrote the entry.
    #[error("the keychain entry {entry} is damaged: {why}")]
    Malformed { entry: String, why: &'static str },
    /// At fault: whoever paired certificate and key.
    #[error("the identity cannot be used: {0}")]
    Identity(#[from] IdentityError),
    /// At fault: whoever stored the key.
    #[error("the identity's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// At fault: the person asked, or a hanging keychain.
    #[error("no answer from the keychain within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// At fault: the caller.
    #[error("a name is 1 to {NAME_CHARS_MAX} characters of A-Z a-z 0-9 . _ - @")]
    BadName,
    /// At fault: the keychain.
    #[error("the keychain failed: {detail}")]
    Other { detail: String },
}

impl KeychainError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoKeychain { .. } => "keychain.none",
            Self::Locked => "keychain.locked",
            Self::PromptDismissed => "keychain.prompt_dismissed",
            Self::NoDefaultCollection => "keychain.no_default_collection",
            Self::NoSuchIdentity { .. } => "keychain.no_such_identity",
            Self::KeyElsewhere { .. } => "keychain.key_elsewhere",
            Self::TooLong { .. } => "keychain.too_long",
            Self::Malformed { .. } => "keychain.malformed",
            Self::Identity(IdentityError::CertificateOfAnotherKey) => "identity.other_key",
            Self::Identity(_) => "identity.unusable",
            Self::Key(_) => "identity.key_unusable",
            Self::TimedOut(_) => "keychain.timed_out",
            Self::BadName => "keychain.bad_name",
            Self::Other { .. } => "keychain.other",
        }
    }

    /// What would cure it, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::NoKeychain { .. } => {
                "Start a keychain: on Linux, GNOME Keyring, KWallet or KeePassXC in this desktop \
                    session."
            }
            Self::Locked | Self::PromptDismissed => {
                "Unlock the keychain and try again; the prompt may be behind this window."
            }
            Self::NoDefaultCollection => {
                "Create a default keyring (in the system's Passwords and Keys program) and try \
                    again."
            }
            Self::NoSuchIdentity { .. } => "Choose another identity, or enrol this one again.",
            Self::KeyElsewhere { .. } => "Insert the token that holds your key and try again.",
            Self::TooLong { .. } => {
                "Ask your security team for a certificate with a shorter chain."
            }
            Self::Malformed { .. } | Self::Identity(_) | Self::Key(_) => {
                "Delete this identity and enrol it again."
            }
            Self::TimedOut(_) => {
                "Answer the keychain's prompt, which may be behind this window, and try again."
            }
            Self::BadName => "Choose another name.",
            Self::Other { .. } => "Try again; if it persists, give this text to your support desk.",
        }
    }
}
