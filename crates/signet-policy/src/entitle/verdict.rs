//! The answer of the policies, with reasons for people.

use std::{fmt, sync::Arc};

/// A policy that had a part in a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cited {
    /// `@id`.
    pub id: Arc<str>,
    /// Whether it forbids; else it permits.
    pub forbids: bool,
    /// `@words`: one sentence for the trader.
    pub words: Option<Arc<str>>,
    /// `@cure`.
    pub cure: Option<Arc<str>>,
}

/// The policies that determined a decision, and which set of policies it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// By id. For a touch or a second person: those it takes out of the way.
    pub cited: Vec<Cited>,
    /// SHA-256 over the documents, lower-case hexadecimal.
    pub digest: Arc<str>,
}

/// Why it is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// A policy forbids it, whoever approves. Nobody is at fault: it is the firm's limit.
    #[error("the firm's policies forbid it")]
    Forbidden,
    /// No policy permits it. Nobody is at fault: an action that is not permitted is denied.
    #[error("no policy of the firm permits it")]
    NotPermitted,
    /// At fault: whoever keeps the facts file.
    #[error("the facts file has no rate for {0}")]
    NoRate(String),
    /// An amount does not fit. At fault: whoever sent it, or a rate that is absurd.
    #[error("{0} is not an amount that can be weighed")]
    BadNumber(&'static str),
    /// At fault: the operator; policies and configuration do not belong together.
    #[error("the policies do not know {kind} {name}")]
    Unknown {
        /// The entity type, such as `Dealer` or `Trader`.
        kind: &'static str,
        /// The name that the policies do not know.
        name: String,
    },
    /// A policy could not be evaluated: it might be one that forbids, so nothing is allowed. At
    /// fault: its author.
    #[error("a policy could not be evaluated: {0}")]
    PolicyError(String),
}

impl Denial {
    /// Stable code for screens, SIEM and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden => "entitle.forbidden",
            Self::NotPermitted => "entitle.not_permitted",
            Self::NoRate(_) => "entitle.no_rate",
            Self::BadNumber(_) => "entitle.bad_number",
            Self::Unknown { .. } => "entitle.unknown_name",
            Self::PolicyError(_) => "entitle.policy_error",
        }
    }

    /// The cure, when no policy states one.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Forbidden | Self::NotPermitted => {
                "Ask the risk officer whether it should be allowed."
            }
            Self::NoRate(_) => "Ask the risk officer to add the currency to the rates.",
            Self::BadNumber(_) => "Ask for a smaller quantity.",
            Self::Unknown { .. } | Self::PolicyError(_) => {
                "Tell the risk officer; the policies need correcting."
            }
        }
    }
}

/// The decision. Later ones are stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No touch is required.
    Allow,
    /// A touch of the trader's key is required first.
    Touch,
    /// The trader's touch, and one of a second person.
    TwoPeople,
    /// It may not be done, whoever approves.
    Deny,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allowed",
            Self::Touch => "allowed with a touch",
            Self::TwoPeople => "allowed with two people",
            Self::Deny => "denied",
        })
    }
}

/// The decision and the policies that determined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be done at once.
    Allow(Because),
    /// It may be done after a touch of the trader's key.
    Touch(Because),
    /// It may be done after the trader's touch and one of a second person.
    TwoPeople(Because),
    /// It may not be done.
    Deny(Denial, Because),
}

impl Verdict {
    /// The decision alone, for comparing.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Allow(_) => Outcome::Allow,
            Self::Touch(_) => Outcome::Touch,
            Self::TwoPeople(_) => Outcome::TwoPeople,
            Self::Deny(..) => Outcome::Deny,
        }
    }

    /// The policies that determined it.
    pub fn because(&self) -> &Because {
        match self {
            Self::Allow(b) | Self::Touch(b) | Self::TwoPeople(b) | Self::Deny(_, b) => b,
        }
    }

    /// The ids of the policies that determined it, sorted.
    pub fn ids(&self) -> Vec<&str> {
        self.because().cited.iter().map(|c| &*c.id).collect()
    }

    /// Stable code; `None` when it is allowed, with or without people approving.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Deny(d, _) => Some(d.code()),
            _ => None,
        }
    }

    /// The reason in the words of the policies, or else in ours.
    pub fn words(&self) -> String {
        let all = self.because().texts(|c| c.words.as_ref());
        match self {
            _ if !all.is_empty() => all,
            Self::Allow(_) => "The firm's policies permit it.".into(),
            Self::Touch(_) => "The firm's policies want a touch of your key for this.".into(),
            Self::TwoPeople(_) => "The firm's policies want two people for this.".into(),
            Self::Deny(d, _) => sentence(&d.to_string()),
        }
    }

    /// What would help.
    pub fn cure(&self) -> String {
        let all = self.because().texts(|c| c.cure.as_ref());
        match self {
            Self::Deny(d, _) if all.is_empty() => d.cure().into(),
            _ => all,
        }
    }
}

impl Because {
    /// Texts of the policies, each once.
    fn texts<'a>(&'a self, of: impl Fn(&'a Cited) -> Option<&'a Arc<str>>) -> String {
        let mut all: Vec<&str> = Vec::new();
        for t in self.cited.iter().filter_map(of) {
            if !all.contains(&&**t) {
                all.push(t);
            }
        }
        all.join(" ")
    }
}

fn sentence(text: &str) -> String {
    let mut c = text.chars();
    c.next().map(|first| format!("{}{}.", first.to_uppercase(), c.as_str())).unwrap_or_default()
}
