//! What can go wrong with a key holder. Each kind is apart because each has another remedy.

use std::path::PathBuf;
use std::time::Duration;

use signet_identity::{HolderFault, KeyError};

use super::keychain_error::KeychainError;
use super::label::{KeyLabel, LabelError};
use super::pin::PinTries;
use crate::worker::NoAnswer;

/// A key could not be made, found or used. Its text says what happened; [`HolderError::cure`] what
/// to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// At fault: the caller, or a damaged entry.
    #[error(transparent)]
    BadLabel(#[from] LabelError),
    /// The token's library is missing or does not start.
    ///
    /// At fault: this computer's set-up.
    #[error("the token's software cannot be loaded from {path}: {detail}")]
    NoModule {
        /// The library's path in the settings.
        path: PathBuf,
        /// The reason, in the other side's words.
        detail: String,
    },
    /// No token, or not the one in the settings.
    ///
    /// At fault: the person, who has not inserted it, or the settings.
    #[error("{}", no_token(.wanted.as_deref(), .present))]
    NoToken {
        /// The token named in the settings.
        wanted: Option<String>,
        /// The labels of the tokens inserted.
        present: Vec<String>,
    },
    /// The settings name no token and there are several.
    ///
    /// At fault: the settings.
    #[error("several tokens are inserted ({})", .labels.join(", "))]
    SeveralTokens {
        /// The labels of the tokens inserted.
        labels: Vec<String>,
    },
    /// The token, or the session with it, is gone.
    ///
    /// At fault: the person.
    #[error("the token was pulled out or reset")]
    TokenRemoved,
    /// The token was never given a PIN.
    ///
    /// At fault: whoever prepared the token.
    #[error("the token has no PIN yet")]
    PinNotSet,
    /// The token did not accept the PIN.
    ///
    /// At fault: the person.
    #[error("the PIN is wrong")]
    PinWrong {
        /// How many tries are left.
        tries: PinTries,
    },
    /// The token accepts no PIN any more.
    ///
    /// At fault: too many wrong PINs.
    #[error("the token's PIN is locked")]
    PinLocked,
    /// The token's policy asks for a new PIN.
    ///
    /// At fault: the token's policy.
    #[error("the token wants its PIN changed before it can be used")]
    PinExpired,
    /// The person closed the PIN dialog or cancelled on the reader.
    ///
    /// At fault: the person asked.
    #[error("no PIN was given")]
    PinDeclined,
    /// The token lacks the mechanism or the curve.
    ///
    /// At fault: the token.
    #[error("the token cannot make or use P-256 keys")]
    NoP256,
    /// The token made a key that it would give out.
    ///
    /// At fault: the token; the key was deleted again.
    #[error("the token made a key that could be taken out of it")]
    Extractable,
    /// The key has `CKA_ALWAYS_AUTHENTICATE`.
    ///
    /// At fault: whoever prepared the key.
    #[error(
        "the key {label} wants its PIN for every single signature, which an unattended session \
            cannot give"
    )]
    PinForEverySignature {
        /// The key's label.
        label: KeyLabel,
    },
    /// The holder has no key of this label.
    ///
    /// At fault: whoever deleted it, or a token that is not the one the identity was made with.
    #[error("there is no key named {label}")]
    NoSuchKey {
        /// The key's label.
        label: KeyLabel,
    },
    /// The holder has a key of this label already.
    ///
    /// At fault: the caller.
    #[error("there is already a key named {label}")]
    LabelTaken {
        /// The key's label.
        label: KeyLabel,
    },
    /// The holder does not let its user make or delete keys, or is full.
    ///
    /// At fault: the token.
    #[error("the token has no room or does not let keys be made or deleted by its user: {detail}")]
    NotAllowed {
        /// The reason, in the other side's words.
        detail: String,
    },
    /// The caller's deadline passed; how long it was.
    ///
    /// At fault: the person asked, or a hanging token.
    #[error("no answer from the key's holder within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The keychain failed.
    ///
    /// At fault: see inside.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// This system has no holder of this kind; its name.
    ///
    /// At fault: the program asked for a holder that this system does not have.
    #[error("this computer has no {0}")]
    Unsupported(&'static str),
    /// Any other failure.
    ///
    /// At fault: the holder.
    #[error("the key's holder failed: {detail}")]
    Other {
        /// The reason, in the other side's words.
        detail: String,
    },
}

fn no_token(wanted: Option<&str>, present: &[String]) -> String {
    match (wanted, present) {
        (None, _) => "no token is inserted".into(),
        (Some(wanted), []) => format!("the token {wanted} is not inserted"),
        (Some(wanted), present) => {
            format!("the token {wanted} is not inserted; found {}", present.join(", "))
        }
    }
}

impl HolderError {
    /// A stable name for programs and logs; never reworded.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadLabel(_) => "holder.bad_label",
            Self::NoModule { .. } => "token.no_module",
            Self::NoToken { .. } => "token.none",
            Self::SeveralTokens { .. } => "token.several",
            Self::TokenRemoved => "token.removed",
            Self::PinNotSet => "token.pin_not_set",
            Self::PinWrong { .. } => "token.pin_wrong",
            Self::PinLocked => "token.pin_locked",
            Self::PinExpired => "token.pin_expired",
            Self::PinDeclined => "token.pin_declined",
            Self::NoP256 => "token.no_p256",
            Self::Extractable => "token.extractable",
            Self::PinForEverySignature { .. } => "token.pin_every_time",
            Self::NoSuchKey { .. } => "holder.no_such_key",
            Self::LabelTaken { .. } => "holder.label_taken",
            Self::NotAllowed { .. } => "token.not_allowed",
            Self::TimedOut(_) => "holder.timed_out",
            Self::Keychain(inner) => inner.code(),
            Self::Unsupported(_) => "holder.unsupported",
            Self::Other { .. } => "holder.other",
        }
    }

    /// What the failure says about the key.
    const fn fault(&self) -> HolderFault {
        match self {
            Self::Keychain(_) => HolderFault::Keychain,
            _ => HolderFault::Key,
        }
    }

    /// The remedy, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::BadLabel(_) => "Enrol this identity again.",
            Self::NoModule { .. } => {
                "Install the software that came with the token, or correct its path in the \
                    settings."
            }
            Self::NoToken { .. } | Self::TokenRemoved => {
                "Insert the token that holds your key and try again."
            }
            Self::SeveralTokens { .. } => {
                "Leave only your token inserted, or name it in the settings."
            }
            Self::PinNotSet => "Set a PIN with the token's own software, then try again.",
            Self::PinWrong { tries: PinTries::Last } => {
                "One try is left before the token locks. If you are not sure, stop and ask your \
                    administrator."
            }
            Self::PinWrong { .. } => "Type the PIN again.",
            Self::PinLocked => {
                "Unlock it with its PUK in the token's own software, or ask your administrator."
            }
            Self::PinExpired => "Change the PIN with the token's own software, then try again.",
            Self::PinDeclined => "Connect again and type the PIN.",
            Self::NoP256 => {
                "Use a token that supports ECDSA on P-256, or enrol with the keychain if your \
                    administrator allows it."
            }
            Self::Extractable => "Do not use this token for Signet; tell your security team.",
            Self::PinForEverySignature { .. } => {
                "Use a key that is unlocked once per session (on a PIV token, slot 9A)."
            }
            Self::NoSuchKey { .. } => {
                "Insert the token this identity was enrolled with, or enrol again."
            }
            Self::LabelTaken { .. } => "Delete the old key first.",
            Self::NotAllowed { .. } => {
                "Ask your administrator to prepare the token (on a PIV token keys are made with \
                    its management key)."
            }
            Self::TimedOut(_) => {
                "Answer the token's or keychain's prompt, which may be behind this window, or \
                    touch the token, and try again."
            }
            Self::Keychain(inner) => inner.cure(),
            Self::Unsupported(_) => "Choose another place for the key.",
            Self::Other { .. } => "Try again; if it persists, give this text to your support desk.",
        }
    }
}

impl From<NoAnswer> for HolderError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::TimedOut(waited) => Self::TimedOut(waited),
            NoAnswer::Failed(detail) => Self::Other { detail },
        }
    }
}

/// For the signing path, which speaks of keys.
impl From<HolderError> for KeyError {
    fn from(error: HolderError) -> Self {
        Self::Holder {
            code: error.code(),
            fault: error.fault(),
            message: error.to_string(),
            cure: error.cure(),
        }
    }
}

impl From<KeyError> for HolderError {
    fn from(error: KeyError) -> Self {
        Self::Keychain(KeychainError::Key(error))
    }
}
