//! Held actions, their refusals, and the steps that the kernel returns.

use crate::{Action, AheadTerms, Approval, SessionReason, asking::AskedBy, rules::Wanted};
use signet_fix::{
    AppMessage,
    message::{KeyReport, QuoteRequest, StepUpOutcome, StepUpStatus},
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{collections::BTreeMap, fmt};

/// The id of a held action.
pub type HeldId = u64;

/// The action that a passed touch releases.
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// A request or an accept goes on.
    Message(AppMessage),
    /// The proof alone: a logon or a verification.
    Session(SessionReason),
    /// A further security key under this name.
    Register(String),
    /// The proof for an accept to come.
    Ahead(Ahead),
}

/// An approval of an accept to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// What is approved.
    pub terms: AheadTerms,
    /// Good for nothing from then on.
    pub until: UtcMillis,
}

/// Why an action was refused: a stable code, words and a cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRefusal {
    /// Stable.
    pub code: String,
    /// For the person at the desk.
    pub text: String,
    /// Empty when there is no cure.
    pub cure: String,
}

impl ApprovalRefusal {
    /// From its parts.
    pub fn new(code: &str, text: impl Into<String>, cure: &str) -> Self {
        Self { code: code.into(), text: text.into(), cure: cure.into() }
    }

    /// The answer to a registration of a key that is refused.
    pub fn key_report(&self) -> AppMessage {
        AppMessage::KeyReport(KeyReport::Refused {
            code: self.code.clone(),
            text: Some(self.text.clone()),
            cure: Some(self.cure.clone()).filter(|c| !c.is_empty()),
        })
    }
}

/// A step for the caller, in order.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalStep {
    /// Have a challenge made for the person at `approval.approver`; the answer is
    /// [`super::PendingApprovals::challenged`].
    Challenge {
        /// What waits for it.
        held: HeldId,
        /// The desk of the person who is to approve.
        desk: CompId,
        /// The approval that the key signs.
        approval: Approval,
        /// Last moment for an answer.
        deadline: UtcMillis,
    },
    /// Drop a challenge that is no longer needed.
    Drop(String),
    /// Have an answer checked; the result is [`super::PendingApprovals::verified`].
    Verify {
        /// What waits for it.
        held: HeldId,
        /// The desk that answered.
        desk: CompId,
        /// The challenge's id.
        challenge: String,
        /// The authenticator's answer, JSON of WebAuthn's `AuthenticationResponse`.
        answer: String,
    },
    /// Tell a desk: a challenge, its outcome, the state of its session, the end of an RFQ.
    Tell(CompId, AppMessage),
    /// The held action is refused; tell its desk why.
    Refuse {
        /// The desk whose action it is.
        desk: CompId,
        /// What was held.
        what: Matter,
        /// Why it goes nowhere.
        why: ApprovalRefusal,
    },
    /// The message goes on as if it came from the desk now. It is judged again first.
    Release {
        /// The desk whose message it is.
        desk: CompId,
        /// The message.
        message: AppMessage,
        /// `None`: it was not approved. Either no approval is required, or it would be refused by
        /// now, and the judge tells why.
        approved: Option<Approved>,
    },
    /// The touch that the session owed was given, and the message waited for nothing else: it is
    /// judged as if it came from the desk now.
    Resume {
        /// The desk whose message it is.
        desk: CompId,
        /// The message.
        message: AppMessage,
    },
    /// A further key may be registered, on the ground of this evidence.
    Register {
        /// The desk that asked.
        desk: CompId,
        /// The new key's name.
        name: String,
        /// Sequence number of the evidence.
        evidence: i64,
    },
    /// The touch for this desk's logon was good.
    Authenticated(CompId),
    /// An event: code, desk, what it says.
    Note(&'static str, CompId, Noted),
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// For a person.
    pub words: String,
    /// What asked for the touch that it is about.
    pub by: AskedBy,
}

impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// The approvals that people gave with their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The approval that the keys signed.
    pub action: Action,
    /// A second person approved it too.
    pub second_person: bool,
}

/// One challenge of a held action: requested, or open at a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    Asked,
    At(String),
    Checking(String),
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) desk: CompId,
    pub(super) what: Matter,
    pub(super) action: Action,
    pub(super) reason: String,
    pub(super) by: AskedBy,
    pub(super) deadline: UtcMillis,
    /// A second person is needed, and whether the first has approved.
    pub(super) two: bool,
    pub(super) first: bool,
    /// No touch of its own is asked for so far: the answer that is checked may settle it.
    pub(super) after_session: bool,
    pub(super) out: BTreeMap<CompId, Out>,
}

/// The touch required of a trader, and the ids of the policies that require it; none when
/// `[step_up]` or the risk does.
#[derive(Debug)]
pub struct Asked {
    /// What is wanted.
    pub wanted: Wanted,
    /// Ids of the policies that require it.
    pub policies: Vec<String>,
}

/// When an RFQ ends that is let through at `deadline`, the last moment it may be.
pub(super) fn latest_end(q: &QuoteRequest, deadline: UtcMillis) -> UtcMillis {
    deadline + q.expires.since(q.at)
}

impl Out {
    pub(super) fn id(self) -> Option<String> {
        match self {
            Self::Asked => None,
            Self::At(id) | Self::Checking(id) => Some(id),
        }
    }

    /// The id of a challenge that is taken back once it is over. One whose answer the service has
    /// is not: a wrong answer would not be known as wrong.
    pub(super) fn dropped(self) -> Option<String> {
        match self {
            Self::At(id) => Some(id),
            Self::Asked | Self::Checking(_) => None,
        }
    }
}

impl Held {
    /// For the desk's own touch alone.
    pub(super) fn new(
        desk: &CompId,
        what: Matter,
        action: Action,
        reason: String,
        by: AskedBy,
        deadline: UtcMillis,
    ) -> Self {
        Self {
            desk: desk.clone(),
            what,
            action,
            reason,
            by,
            deadline,
            two: false,
            first: false,
            after_session: false,
            out: BTreeMap::new(),
        }
    }

    pub(super) fn is_same(&self, m: &AppMessage) -> bool {
        match (&self.what, m) {
            (Matter::Message(AppMessage::QuoteRequest(a)), AppMessage::QuoteRequest(b)) => {
                a.id == b.id
            }
            (Matter::Message(AppMessage::QuoteResponse(a)), AppMessage::QuoteResponse(b)) => {
                a.id == b.id
            }
            _ => false,
        }
    }

    /// Why it was asked, for whoever reads the event: `[step_up]` and risk in their words, policies
    /// by their ids.
    pub(super) fn asked_because(&self) -> String {
        let policies = &self.by.policies;
        let policies = if policies.is_empty() { "none".to_owned() } else { policies.join(", ") };
        format!("asked because: {} Policies: {policies}", self.reason)
    }

    pub(super) fn describe(&self) -> String {
        match &self.action {
            Action::Session(why) => format!("session ({})", why.as_str()),
            Action::Request(r) => format!("RFQ {}", r.rfq),
            Action::Accept(a) => format!("accept {}", a.accept),
            Action::Ahead(a) => format!("accept of RFQ {} ahead", a.rfq),
            Action::RegisterKey { name } => format!("registration of key {name}"),
        }
    }
}

pub(super) fn outcome(
    challenge: &str,
    status: StepUpStatus,
    why: Option<&ApprovalRefusal>,
) -> AppMessage {
    let text = |f: fn(&ApprovalRefusal) -> &String| why.map(f).filter(|t| !t.is_empty()).cloned();
    AppMessage::StepUpOutcome(StepUpOutcome {
        id: challenge.into(),
        status,
        code: text(|w| &w.code),
        text: text(|w| &w.text),
        cure: text(|w| &w.cure),
    })
}
