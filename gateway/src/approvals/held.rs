//! What waits, what is said about it, and what is to be done.

use signet_fix::{
    AppMessage,
    message::{QuoteRequest, StepUpOutcome, StepUpStatus},
};
use signet_policy::entitle::Proof;
use signet_rfq::{CompId, UtcMillis};
use signet_stepup::{Action, Approval, SessionReason, rules::Wanted};
use std::collections::BTreeMap;

/// Names something that waits.
pub type HeldId = u64;

/// What a passed touch sets in motion.
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    Message(AppMessage),
    /// Nothing but the proof.
    Session(SessionReason),
    /// A further security key under this name.
    Register(String),
}

/// Why something did not go through: a stable code, words and a cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRefusal {
    pub code: String,
    pub text: String,
    pub cure: String,
}

impl ApprovalRefusal {
    pub fn new(code: &str, text: impl Into<String>, cure: &str) -> Self {
        Self { code: code.into(), text: text.into(), cure: cure.into() }
    }
}

/// What is to be done, in order.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalStep {
    /// Have a challenge made for the person at `approval.approver`; the answer is
    /// [`super::PendingApprovals::challenged`].
    Challenge {
        held: HeldId,
        desk: CompId,
        approval: Approval,
        deadline: UtcMillis,
    },
    /// Drop a challenge that nobody needs.
    Drop(String),
    /// Have an answer checked; the result is [`super::PendingApprovals::verified`].
    Verify {
        held: HeldId,
        desk: CompId,
        challenge: String,
        answer: String,
    },
    Tell(CompId, AppMessage),
    /// As if it came from the desk now, with what was approved; nothing was if it is `None`.
    Release(CompId, AppMessage, Proof, Option<Action>),
    /// A further key may be registered, by the word of this evidence.
    Register {
        desk: CompId,
        name: String,
        evidence: i64,
    },
    /// The touch for this desk's logon was good.
    Authenticated(CompId),
    /// Worth an event: code, desk, words.
    Note(&'static str, CompId, String),
}

/// One challenge of something held: asked for, or out at a desk.
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
    /// Ids of the policies that ask.
    pub(super) policies: Vec<String>,
    pub(super) deadline: UtcMillis,
    /// A second person is needed, and whether the first has approved.
    pub(super) two: bool,
    pub(super) first: bool,
    pub(super) out: BTreeMap<CompId, Out>,
}

/// What is wanted of a trader, and the ids of the policies that want it: none when it is
/// `[step_up]` or the risk.
#[derive(Debug)]
pub struct Asked {
    pub wanted: Wanted,
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
}

impl Held {
    /// For the desk's own touch alone.
    pub(super) fn new(
        desk: &CompId,
        what: Matter,
        action: Action,
        reason: String,
        deadline: UtcMillis,
    ) -> Self {
        Self {
            desk: desk.clone(),
            what,
            action,
            reason,
            policies: Vec::new(),
            deadline,
            two: false,
            first: false,
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

    /// Which rule asked, for the event: `[step_up]` and risk in their words, policies by their ids.
    pub(super) fn asked_by(&self) -> String {
        let policies =
            if self.policies.is_empty() { "none".to_owned() } else { self.policies.join(", ") };
        format!("asked because: {} Policies: {policies}", self.reason)
    }

    pub(super) fn describe(&self) -> String {
        match &self.action {
            Action::Session(why) => format!("session ({})", why.as_str()),
            Action::Request(r) => format!("RFQ {}", r.rfq),
            Action::Accept(a) => format!("accept {}", a.accept),
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
