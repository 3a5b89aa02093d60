//! What can go wrong with a key holder, each kind apart because each has another cure.

use std::path::PathBuf;
use std::time::Duration;

use super::{KeyLabel, LABEL_CHARS_MAX, PinTries};
use crate::key::KeyError;
use crate::keychain::KeychainError;
use crate::worker::NoAnswer;

/// A key could not be made, found or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// At fault: the caller, or a damaged entry.
    #[error("a key's label is 1 to {LABEL_CHARS_MAX} characters of A-Z a-z 0-9 . _ - @")]
    BadLabel,
    /// At fault: this computer's set-up.
    #[error("the token's software cannot be loaded from {path}: {detail}")]
    NoModule { path: PathBuf, detail: String },
    /// At fault: the person, who has not inserted it, or the settings.
    #[error("{}", no_token(.wanted.as_deref(), .present))]
    NoToken { wanted: Option<String>, present: Vec<String> },
    /// At fault: the settings.
    #[error("several tokens are inserted ({})", .labels.join(", "))]
    SeveralTokens { labels: Vec<String> },
    /// At fault: the person.
    #[error("the token was pulled out or reset")]
    TokenRemoved,
    /// At fault: whoever prepared the token.
    #[error("the token has no PIN yet")]
    PinNotSet,
    /// At fault: the person.
    #[error("the PIN is wrong")]
    PinWrong { tries: PinTries },
    /// At fault: too many wrong PINs.
    #[error("the token's PIN is locked")]
    PinLocked,
    /// At fault: the token's policy.
    #[error("the token wants its PIN changed before it can be used")]
    PinExpired,
    /// At fault: the person asked.
    #[error("no PIN was given")]
    PinDeclined,
    /// At fault: the token.
    #[error("the token cannot make or use P-256 keys")]
    NoP256,
    /// At fault: the token; the key was deleted again.
    #[error("the token made a key that could be taken out of it")]
    Extractable,
    /// At fault: whoever prepared the key.
    #[error(
        "the key {label} wants its PIN for every single signature, which an unattended session \
            cannot give"
    )]
    PinForEverySignature { label: KeyLabel },
    /// At fault: whoever deleted it, or a token that is not the one the identity was made with.
    #[error("there is no key named {label}")]
    NoSuchKey { label: KeyLabel },
    /// At fault: the caller.
    #[error("there is already a key named {label}")]
    LabelTaken { label: KeyLabel },
    /// At fault: the token.
    #[error("the token has no room or does not let keys be made or deleted by its user: {detail}")]
    NotAllowed { detail: String },
    /// At fault: the person asked, or a hanging token.
    #[error("no answer from the key's holder within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// At fault: see inside.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
    /// At fault: the program asked for a holder that this system does not have.
    #[error("this computer has no {0}")]
    Unsupported(&'static str),
    /// At fault: the holder.
    #[error("the key's holder failed: {detail}")]
    Other { detail: String },
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
            Self::BadLabel => "holder.bad_label",
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

    /// What would cure it, as an instruction to the trader.
    #[must_use]
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::BadLabel => "Enrol this identity again.",
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
        Self::Holder { code: error.code(), message: error.to_string(), cure: error.cure() }
    }
}
