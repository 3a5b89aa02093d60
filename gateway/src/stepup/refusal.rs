//! Why a step-up or a registration did not go through: a stable code, words for the trader, the
//! cure.

use signet_stepup::rp::RpError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StepUpRefusal {
    // At fault: the person, or whoever sits there instead.
    #[error("you have no security key registered")]
    NoKey,
    #[error("none of your security keys may be used: {0}")]
    NoUsableKey(&'static str),
    /// The answer does not prove what it should.
    #[error(transparent)]
    Answer(RpError),
    #[error("the answer came too late")]
    Late,
    #[error("the code is wrong")]
    CodeWrong,
    #[error("the code was used already")]
    CodeUsed,
    #[error("the code was replaced by a newer one")]
    CodeReplaced,
    #[error("the code has expired")]
    CodeExpired,
    #[error("a code is needed to register your first security key")]
    CodeNeeded,
    #[error("too many wrong codes; wait {0} seconds")]
    RateLimited(u64),
    #[error("you have a security key already: another one is registered with that")]
    KeyNeeded,
    #[error("this key's name is {0}")]
    KeyName(&'static str),
    #[error("you have the most security keys that one person may have")]
    TooManyKeys,
    #[error("this security key is registered already")]
    AlreadyRegistered,
    #[error("you have no such security key")]
    NoSuchKey,
    #[error("your account is locked")]
    UserLocked,

    // At fault: the desk's program, or somebody on the way.
    /// Answered before, taken back, timed out, or of a gateway that was restarted since.
    #[error("this challenge is not open")]
    NotOpen,
    #[error("this challenge was given to another desk or on another connection")]
    NotYours,
    #[error("too many challenges are open for this desk")]
    TooManyOpen,
    #[error("what is to be approved cannot be written down: {0}")]
    BadApproval(String),

    // At fault: the gateway, or its operator.
    #[error("the gateway is too busy for another step-up")]
    Busy,
    #[error("the gateway cannot reach its registry")]
    Unavailable,
}

impl StepUpRefusal {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "stepup.no_key",
            Self::NoUsableKey(_) => "stepup.no_usable_key",
            Self::Answer(e) => e.code(),
            Self::Late => "stepup.late",
            Self::CodeWrong => "stepup.code_wrong",
            Self::CodeUsed => "stepup.code_used",
            Self::CodeReplaced => "stepup.code_replaced",
            Self::CodeExpired => "stepup.code_expired",
            Self::CodeNeeded => "stepup.code_needed",
            Self::RateLimited(_) => "stepup.rate_limited",
            Self::KeyNeeded => "stepup.key_needed",
            Self::KeyName(_) => "stepup.key_name",
            Self::TooManyKeys => "stepup.too_many_keys",
            Self::AlreadyRegistered => "stepup.already_registered",
            Self::NoSuchKey => "stepup.no_such_key",
            Self::UserLocked => "stepup.user_locked",
            Self::NotOpen => "stepup.not_open",
            Self::NotYours => "stepup.not_yours",
            Self::TooManyOpen => "stepup.too_many_open",
            Self::BadApproval(_) => "stepup.bad_approval",
            Self::Busy => "stepup.busy",
            Self::Unavailable => "stepup.unavailable",
        }
    }

    /// What the trader does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::NoKey => {
                "Register one in the settings; your administrator gives you a code for it."
            }
            Self::NoUsableKey(_) => {
                "Ask your administrator, who can unlock your key or give you a code for another."
            }
            Self::Answer(e) => e.cure(),
            Self::Late => "Start again; what was to be approved may have expired.",
            Self::CodeWrong => {
                "Check the code for typing errors, or ask your administrator for a new one."
            }
            Self::CodeUsed | Self::CodeExpired | Self::CodeNeeded => {
                "Ask your administrator for a new code."
            }
            Self::CodeReplaced => "Use the newest code your administrator gave you.",
            Self::RateLimited(_) => "Wait, then check the code before you try again.",
            Self::KeyNeeded => {
                "Approve the new key with one you have, or ask your administrator to reset your \
                    keys."
            }
            Self::KeyName(_) => "Choose another name.",
            Self::TooManyKeys => "Ask your administrator to remove one you no longer use.",
            Self::AlreadyRegistered => "Use another security key.",
            Self::NoSuchKey => "Look at the list of your keys again.",
            Self::UserLocked => "Ask your administrator.",
            Self::NotOpen | Self::NotYours => "Start again.",
            Self::TooManyOpen => "Answer or cancel the step-ups that are open.",
            Self::BadApproval(_) => "Tell your administrator.",
            Self::Busy | Self::Unavailable => {
                "Try again in a minute; if it stays so, tell your administrator."
            }
        }
    }
}

impl From<RpError> for StepUpRefusal {
    fn from(e: RpError) -> Self {
        Self::Answer(e)
    }
}
