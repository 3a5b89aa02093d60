//! Why the desk, as its own relying party, does not send a message or register a key.

use crate::{
    problem::{problem, sentence},
    view::Problem,
};
use signet_stepup::{pending::ApprovalRefusal, rp::RpError};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TouchRefusal {
    // At fault: the person.
    #[error("you have no security key registered")]
    NoKey,
    #[error("none of your security keys may be used: {0}")]
    NoUsableKey(&'static str),
    /// The answer does not prove what it should.
    #[error(transparent)]
    Answer(#[from] RpError),
    #[error("no key was touched in time")]
    Late,
    #[error("this key's name is {0}")]
    KeyName(&'static str),
    #[error("you already have as many security keys as one person may have")]
    TooManyKeys,
    // At fault: the desk's own program.
    #[error("this challenge is not open")]
    NotOpen,
    #[error("what is to be approved cannot be written as an approval: {0}")]
    BadApproval(String),
    // At fault: the market, the network, the disk.
    #[error("while it waited for your touch, {0}")]
    Gone(String),
    #[error("the connection was lost while it waited for your touch")]
    LinkLost,
    #[error("keys or evidence cannot be written on this laptop")]
    NotKept,
}

impl TouchRefusal {
    /// A stable code, which never changes between releases.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "stepup.no_key",
            Self::NoUsableKey(_) => "stepup.no_usable_key",
            Self::Answer(e) => e.code(),
            Self::Late => "stepup.timed_out",
            Self::KeyName(_) => "stepup.key_name",
            Self::TooManyKeys => "stepup.too_many_keys",
            Self::NotOpen => "stepup.not_open",
            Self::BadApproval(_) => "stepup.bad_approval",
            Self::Gone(_) => "stepup.gone",
            Self::LinkLost => "stepup.link_lost",
            Self::NotKept => "stepup.not_kept",
        }
    }

    /// What the trader does about it.
    pub(super) fn cure(&self) -> &'static str {
        match self {
            Self::NoKey => "Register one: choose Keys.",
            Self::NoUsableKey(_) => {
                "Ask your administrator, who can have your keys registered again."
            }
            Self::Answer(e) => e.cure(),
            Self::Late | Self::LinkLost => "Send it again if it is still wanted.",
            Self::KeyName(_) => "Choose another name.",
            Self::TooManyKeys => "Ask your administrator to have your keys registered again.",
            Self::NotOpen => "Start again.",
            Self::BadApproval(_) => "Tell your administrator.",
            Self::Gone(_) => "Choose another quote, or send a new RFQ.",
            Self::NotKept => "Make room on the disk, then try again.",
        }
    }

    pub(super) fn problem(&self) -> Problem {
        problem(self.code(), sentence(&self.to_string()), self.cure())
    }
}

impl From<&TouchRefusal> for ApprovalRefusal {
    fn from(why: &TouchRefusal) -> Self {
        Self::new(why.code(), why.to_string(), why.cure())
    }
}
