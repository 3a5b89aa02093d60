//! The desk's part of step-up: the open challenges, what their dialogs show, and whether the
//! gateway asks to approve exactly what this desk has on its screen.
//!
//! The module is pure. Ceremonies run on the link's thread (`link/ceremony.rs`), which reports
//! their progress here.

#[path = "step_up_terms.rs"]
mod terms;

use crate::{peer_text, problem::problem, view::*};
use signet_fix::message::{StepUpChallenge, StepUpStatus};
use signet_rfq::{Catalogue, DealerId, Rfq, RfqId, UtcMillis};
use signet_stepup::{
    AcceptTerms, Action, AheadTerms, Approval, RequestTerms,
    client::{CeremonyError, Status},
};
use std::collections::{BTreeMap, BTreeSet};
use terms::{readable, shown};

/// How long the gateway may take to open the dialog of a new key, milliseconds: one that never does
/// keeps nobody from registering a key.
const REGISTER_ANSWER_MS: i64 = 60_000;
/// How many challenges may be open; further ones of the gateway are refused.
const MAX_OPEN: usize = 16;

/// What the person is asked to approve, or the key that is being registered.
#[derive(Debug, Clone, PartialEq, Eq)]
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Subject {
    Approve(Approval),
    NewKey { name: String },
}

/// One open dialog.
#[derive(Debug, Clone)]
pub(crate) struct Dialog {
    pub id: String,
    pub subject: Subject,
    pub options: String,
    pub reason: String,
    pub deadline: UtcMillis,
    phase: StepUpPhase,
    pin: (bool, Option<u8>),
    /// How often a PIN was asked for here: each answer names its question.
    pin_question: u32,
    problem: Option<Problem>,
    /// It belongs to another desk: this person is the second, and reads before the key blinks.
    others: bool,
}

impl Dialog {
    pub(crate) fn waits_to_begin(&self) -> bool {
        self.phase == StepUpPhase::Queued
    }

    /// The key has signed, and nothing takes that back.
    pub(crate) fn is_signed(&self) -> bool {
        self.phase == StepUpPhase::Checking
    }

    pub(crate) fn rfq(&self) -> Option<RfqId> {
        let Subject::Approve(a) = &self.subject else { return None };
        match &a.action {
            Action::Request(r) if !self.others => RfqId::new(r.rfq.clone()).ok(),
            Action::Accept(t) if !self.others => RfqId::new(t.rfq.clone()).ok(),
            _ => None,
        }
    }

    /// The RFQ of which an accept is approved ahead. It does not wait for the touch.
    pub(crate) fn ahead(&self) -> Option<RfqId> {
        let Subject::Approve(a) = &self.subject else { return None };
        match &a.action {
            Action::Ahead(t) if !self.others => RfqId::new(t.rfq.clone()).ok(),
            _ => None,
        }
    }
}

/// What this desk has on its screen, for comparison with what it is asked to approve.
pub(crate) struct OnScreen<'a> {
    /// This desk's CompID.
    pub desk: &'a str,
    /// The gateway's CompID.
    pub gateway: &'a str,
    /// Finds an RFQ on the screen.
    pub rfq: &'a dyn Fn(&RfqId) -> Option<&'a Rfq>,
    /// What this desk asked to approve ahead.
    pub ahead: &'a dyn Fn(&RfqId) -> Option<&'a AheadTerms>,
    /// The key this desk wants to register.
    pub registering: Option<&'a str>,
    /// This person may approve actions of other traders.
    pub approver: bool,
}

/// Checks that the gateway asks for exactly what this desk sent. The error completes a sentence
/// for the trader and the log.
pub(crate) fn judge(text: &str, screen: &OnScreen<'_>) -> Result<Approval, &'static str> {
    let read = Approval::parse(text).ok().filter(|a| a.action.counts_what_is_known());
    let a = read.ok_or("it is not written as this version knows")?;
    if a.gateway != screen.gateway || a.approver != screen.desk {
        return Err("it is not for this desk at this gateway");
    }
    if a.desk != screen.desk {
        // A second person's desk has nothing to compare with; the person reads the terms.
        let may = screen.approver && matches!(a.action, Action::Request(_) | Action::Accept(_));
        return if may { Ok(a) } else { Err("this person approves nothing for others") };
    }
    let mine = |id: &str| RfqId::new(id).ok().and_then(|id| (screen.rfq)(&id));
    let same = match &a.action {
        Action::Session(_) => true,
        Action::Request(r) => {
            mine(&r.rfq).is_some_and(|rfq| !rfq.state.ended() && RequestTerms::of(&rfq.terms) == *r)
        }
        Action::Accept(t) => mine(&t.rfq).is_some_and(|rfq| {
            let sent = rfq.accept.as_ref().filter(|(_, s)| s.in_flight());
            sent.is_some_and(|(mine, _)| AcceptTerms::of(mine, &rfq.terms) == *t)
        }),
        Action::Ahead(t) => {
            RfqId::new(t.rfq.clone()).ok().and_then(|id| (screen.ahead)(&id)) == Some(t)
        }
        Action::RegisterKey { name } => screen.registering == Some(name),
    };
    if same { Ok(a) } else { Err("it differs from what this desk sent") }
}

#[derive(Debug)]
pub(crate) struct StepUps {
    open: Vec<Dialog>,
    pub access: AccessView,
    pub keys: KeysView,
    /// The name of the key that is being registered.
    pub registering: Option<String>,
    /// Since when it is under way without a dialog.
    pub unanswered: Option<UtcMillis>,
    /// RFQs that wait for a second person.
    pub second: BTreeSet<RfqId>,
    /// Whether the gateway wants to be told that the laptop woke, and that its screen was unlocked.
    pub wake: (bool, bool),
}

pub(crate) fn no_access() -> AccessView {
    AccessView {
        step_up: false,
        direct: false,
        lease_until_ms: None,
        keys: 0,
        approver: false,
        text: None,
        risk: None,
    }
}

impl Default for StepUps {
    fn default() -> Self {
        let keys = KeysView { keys: Vec::new(), phase: RegisterPhase::Idle, problem: None };
        Self {
            open: Vec::new(),
            access: no_access(),
            keys,
            registering: None,
            unanswered: None,
            second: BTreeSet::new(),
            wake: (false, false),
        }
    }
}

impl StepUps {
    /// Adds a challenge that passed [`judge`]. It replaces an earlier one about the same subject.
    pub(crate) fn add(&mut self, c: StepUpChallenge, approval: Approval, desk: &str) -> bool {
        let others = approval.desk != desk;
        let phase = if others { StepUpPhase::Ready } else { StepUpPhase::Queued };
        let reason =
            c.reason.unwrap_or_else(|| "The gateway asks for a touch of your security key.".into());
        self.put(Dialog {
            id: c.id,
            subject: Subject::Approve(approval),
            options: c.options,
            reason,
            deadline: c.deadline,
            phase,
            pin: (false, None),
            pin_question: 0,
            problem: None,
            others,
        })
    }

    /// Adds the dialog that registers a new key.
    pub(crate) fn add_new_key(
        &mut self,
        id: String,
        name: String,
        options: String,
        deadline: UtcMillis,
    ) -> bool {
        self.put(Dialog {
            id,
            subject: Subject::NewKey { name },
            options,
            reason: "This key is registered for you: your firm checks its make.".into(),
            deadline,
            phase: StepUpPhase::Queued,
            pin: (false, None),
            pin_question: 0,
            problem: None,
            others: false,
        })
    }

    fn put(&mut self, new: Dialog) -> bool {
        if let Some(before) = self.open.iter_mut().find(|o| o.subject == new.subject) {
            *before = new;
            return true;
        }
        if self.open.len() >= MAX_OPEN {
            return false;
        }
        self.open.push(new);
        true
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.open.iter().any(|o| o.id == id)
    }

    /// The dialog whose ceremony starts next.
    pub(crate) fn next(&self) -> Option<&Dialog> {
        self.open.iter().find(|o| o.waits_to_begin())
    }

    fn edit(&mut self, id: &str, f: impl FnOnce(&mut Dialog)) {
        if let Some(o) = self.open.iter_mut().find(|o| o.id == id) {
            f(o);
        }
    }

    /// The person starts the ceremony, or starts it again.
    pub(crate) fn begin(&mut self, id: &str) {
        self.edit(id, |o| {
            if matches!(o.phase, StepUpPhase::Ready | StepUpPhase::Failed) {
                (o.phase, o.problem) = (StepUpPhase::Queued, None);
            }
        });
    }

    pub(crate) fn started(&mut self, id: &str) {
        self.edit(id, |o| (o.phase, o.pin) = (StepUpPhase::Verifying, (false, None)));
    }

    pub(crate) fn status(&mut self, id: &str, s: Status) {
        self.edit(id, |o| {
            o.phase = match s {
                Status::Insert => StepUpPhase::Insert,
                Status::ChooseByTouch => StepUpPhase::ChooseByTouch,
                Status::Pin { wrong, left } => {
                    (o.pin, o.pin_question) = ((wrong, left), o.pin_question.wrapping_add(1));
                    StepUpPhase::Pin
                }
                Status::Touch => StepUpPhase::Touch,
                Status::Verifying => StepUpPhase::Verifying,
            };
        });
    }

    /// Whether a PIN answers the question that is open. It is given once: a second answer would use
    /// up a try of the next question, which nobody has seen.
    pub(crate) fn takes_pin(&mut self, id: &str, question: u32) -> bool {
        let asks = |o: &&mut Dialog| o.id == id && o.phase == StepUpPhase::Pin;
        let open = self.open.iter_mut().find(asks).filter(|o| o.pin_question == question);
        let Some(open) = open else { return false };
        open.phase = StepUpPhase::Verifying;
        true
    }

    pub(crate) fn checking(&mut self, id: &str) {
        self.edit(id, |o| o.phase = StepUpPhase::Checking);
    }

    pub(crate) fn failed(&mut self, id: &str, e: &CeremonyError) {
        self.edit(id, |o| {
            o.phase = StepUpPhase::Failed;
            o.problem = Some(problem(e.code(), crate::problem::sentence(&e.to_string()), e.cure()));
        });
    }

    /// The link was lost, and every open challenge is void. Dialogs about RFQs of this desk stay:
    /// the gateway asks again for those that it still wants.
    pub(crate) fn link_lost(&mut self) {
        self.open.retain(|o| o.rfq().is_some());
        for o in &mut self.open {
            (o.phase, o.problem) = (StepUpPhase::LinkLost, None);
        }
        if self.keys.phase == RegisterPhase::UnderWay {
            self.keys.phase = RegisterPhase::Failed;
            self.keys.problem = Some(crate::problem::offline());
        }
        self.registering = None;
        self.access = no_access();
    }

    /// Closes the dialog of a challenge that the gateway has settled.
    pub(crate) fn outcome(&mut self, id: &str, status: StepUpStatus) -> Option<Dialog> {
        let at = self.open.iter().position(|o| o.id == id)?;
        let o = self.open.remove(at);
        if let (StepUpStatus::SecondWanted, Some(rfq)) = (status, o.rfq()) {
            self.second.insert(rfq);
        }
        Some(o)
    }

    pub(crate) fn close(&mut self, id: &str) -> Option<Dialog> {
        let at = self.open.iter().position(|o| o.id == id)?;
        Some(self.open.remove(at))
    }

    /// The dialogs about accepts of this desk. What waits for an approval otherwise ends with its
    /// RFQ.
    pub(crate) fn own_accepts(&self) -> Vec<String> {
        let accept = |o: &&Dialog| match &o.subject {
            Subject::Approve(a) => matches!(a.action, Action::Accept(_)) && !o.others,
            Subject::NewKey { .. } => false,
        };
        self.open.iter().filter(accept).map(|o| o.id.clone()).collect()
    }

    /// Closes the dialog of a new key, which is registered or was refused.
    pub(crate) fn registered(&mut self) {
        self.open.retain(|o| !matches!(o.subject, Subject::NewKey { .. }));
    }

    /// An answer about this RFQ arrived, so nothing about it waits.
    pub(crate) fn settled(&mut self, rfq: &RfqId) {
        self.open.retain(|o| ![o.rfq(), o.ahead()].contains(&Some(rfq.clone())));
        self.second.remove(rfq);
    }

    /// Removes and returns the dialogs past their deadline, except those that the gateway checks.
    pub(crate) fn tick(&mut self, at: UtcMillis) -> Vec<Dialog> {
        let over = |o: &Dialog| o.deadline < at && o.phase != StepUpPhase::Checking;
        let (gone, stay) = std::mem::take(&mut self.open).into_iter().partition(over);
        self.open = stay;
        gone
    }

    /// Whether a registration has waited for its dialog for too long: the gateway has not answered,
    /// or has taken the dialog back.
    pub(crate) fn is_unanswered(&mut self, at: UtcMillis) -> bool {
        let has_dialog = self.open.iter().any(|o| matches!(o.subject, Subject::NewKey { .. }));
        if has_dialog || self.keys.phase != RegisterPhase::UnderWay {
            self.unanswered = None;
            return false;
        }
        at.since(*self.unanswered.get_or_insert(at)) >= REGISTER_ANSWER_MS
    }

    /// What an RFQ waits for, in words, if it waits for a touch.
    pub(crate) fn waits(&self, rfq: &RfqId) -> Option<&'static str> {
        let open = self.open.iter().find(|o| o.rfq().as_ref() == Some(rfq));
        match open {
            Some(o) if o.phase == StepUpPhase::LinkLost => {
                Some("Waiting for the connection, then for a touch of your security key.")
            }
            Some(_) => Some("Waiting for a touch of your security key."),
            None => {
                self.second.contains(rfq).then_some("Approved by you; waiting for a second person.")
            }
        }
    }

    /// The dialog to show: a running one before a queued one, this desk's own before others'.
    pub(crate) fn view(
        &self,
        catalogue: &Catalogue,
        names: &BTreeMap<DealerId, String>,
    ) -> Vec<StepUpView> {
        let rank = |o: &&Dialog| match o.phase {
            StepUpPhase::Queued => 1,
            StepUpPhase::LinkLost => 2,
            StepUpPhase::Ready => 3,
            _ => 0,
        };
        let Some(o) = self.open.iter().min_by_key(rank) else { return Vec::new() };
        let (terms, kind, key_name, asked_by) = match &o.subject {
            Subject::NewKey { name } => (None, StepUpKind::NewKey, Some(name.clone()), None),
            Subject::Approve(a) => {
                let (terms, kind, key) = shown(&a.action, catalogue, names);
                (terms, kind, key, o.others.then(|| a.desk.clone()))
            }
        };
        let clean = |text: String| peer_text::shown(&text);
        vec![StepUpView {
            id: o.id.clone(),
            kind,
            phase: o.phase,
            reason: o.reason.clone(),
            terms: terms.map(readable),
            key_name: key_name.map(clean),
            asked_by: asked_by.map(clean),
            deadline_ms: o.deadline.0 as f64,
            pin_wrong: o.pin.0,
            pin_left: o.pin.1.map(u32::from),
            pin_question: o.pin_question,
            problem: o.problem.clone(),
            rfq_id: o.rfq().map(|r| r.to_string()),
            behind: u32::try_from(self.open.len() - 1).unwrap_or(u32::MAX),
        }]
    }
}

#[cfg(test)]
#[path = "step_up_tests.rs"]
mod tests;
