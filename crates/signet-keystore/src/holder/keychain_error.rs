//! What can go wrong with a keychain. Each kind is apart because each has another remedy.

use std::time::Duration;

use signet_identity::{IdentityError, KeyError};

/// The longest entry, in bytes: what the Windows Credential Manager takes. Enforced on every
/// system, so that an identity which fits here fits everywhere.
pub const ENTRY_BYTES_MAX: usize = 2560;
/// The longest name of an identity or secret, in characters.
pub const NAME_CHARS_MAX: usize = 64;

/// A keychain operation failed. Its text says what happened; [`KeychainError::cure`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeychainError {
    /// There is no keychain service, or it does not start.
    ///
    /// At fault: this computer's set-up.
    #[error("this computer has no keychain that Signet can reach ({detail})")]
    NoKeychain {
        /// The reason, in the other side's words.
        detail: String,
    },
    /// The keychain is locked and asks nobody.
    ///
    /// At fault: nobody; the keychain waits for its owner.
    #[error("the keychain is locked")]
    Locked,
    /// The keychain asked and was not unlocked.
    ///
    /// At fault: the person asked, or a session without a desktop to ask on.
    #[error("the keychain stayed locked: its prompt was dismissed or could not be shown")]
    PromptDismissed,
    /// New entries have no place to go.
    ///
    /// At fault: this computer's set-up.
    #[error("the keychain has no default collection to store into")]
    NoDefaultCollection,
    /// There is no identity of this name.
    ///
    /// At fault: the trader's choice, or an identity deleted meanwhile.
    #[error("the keychain has no identity named {name}")]
    NoSuchIdentity {
        /// The name asked for.
        name: String,
    },
    /// The chain is here; the key is in another holder.
    ///
    /// At fault: nobody; the key has to be opened in its own holder.
    #[error("the identity's key is in another place ({place})")]
    KeyElsewhere {
        /// Where the key is, `@<holder>:<label>`.
        place: String,
    },
    /// The chain does not fit into one entry.
    ///
    /// At fault: the issuer (a chain too long to store).
    #[error("the identity needs {bytes} bytes in one keychain entry; {ENTRY_BYTES_MAX} fit")]
    TooLong {
        /// The size it would have, in bytes.
        bytes: usize,
    },
    /// An entry holds something that Signet does not write.
    ///
    /// At fault: whatever wrote the entry.
    #[error("the keychain entry {entry} is damaged: {why}")]
    Malformed {
        /// The entry's name in the keychain.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Chain and key do not make an identity.
    ///
    /// At fault: whoever paired certificate and key.
    #[error("the identity cannot be used: {0}")]
    Identity(#[from] IdentityError),
    /// The stored key is damaged or of another kind.
    ///
    /// At fault: whoever stored the key.
    #[error("the identity's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The caller's deadline passed; how long it was.
    ///
    /// At fault: the person asked, or a hanging keychain.
    #[error("no answer from the keychain within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// A name of an identity or secret breaks its rule.
    ///
    /// At fault: the caller.
    #[error("a name is 1 to {NAME_CHARS_MAX} characters of A-Z a-z 0-9 . _ - @")]
    BadName,
    /// Any other failure.
    ///
    /// At fault: the keychain.
    #[error("the keychain failed: {detail}")]
    Other {
        /// The reason, in the other side's words.
        detail: String,
    },
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

    /// The remedy, as an instruction to the trader.
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
