//! Holds a message and asks for the challenge that approves it.

use super::{
    ApprovalRefusal, ApprovalStep, Asked, Held, HeldId, MAX_HELD_PER_DESK, Matter, Noted, Out,
    PendingApprovals,
};
use crate::{
    Action, Approval, SessionReason,
    asking::{AskedBy, Ground, ground},
    rules::{StepUpState, Wanted},
};
use signet_fix::{AppMessage, message::StepUpChallenge};
use signet_identity::CompId;
use signet_rfq::UtcMillis;

impl PendingApprovals {
    /// Holds a message until it is approved. `ends`: the time after which it can no longer take
    /// effect. That the trader acted counts from here on, so the caller does not say it before.
    pub fn hold(
        &mut self,
        desk: &CompId,
        message: AppMessage,
        action: Action,
        asked: Asked,
        ends: Option<UtcMillis>,
        now: UtcMillis,
    ) -> Vec<ApprovalStep> {
        let (reason, two) = match asked.wanted {
            Wanted::Nothing => {
                let desk = desk.clone();
                return vec![ApprovalStep::Release { desk, message, approved: None }];
            }
            Wanted::Touch(reason) => (reason, false),
            Wanted::TwoPeople(reason) => (reason, true),
        };
        let by = self.asking(desk, &action, asked.policies, now);
        // Only now: an act does not make up for the pause before it.
        self.active(desk, now);
        let too_many = self.held.values().filter(|h| &h.desk == desk).count() >= MAX_HELD_PER_DESK;
        let twice = self.held.values().any(|h| &h.desk == desk && h.is_same(&message));
        if twice {
            return Vec::new();
        }
        if too_many {
            let why = ApprovalRefusal::new(
                "stepup.too_many_open",
                "too many of your requests wait for a touch",
                "Answer or cancel those that wait.",
            );
            let (desk, what) = (desk.clone(), Matter::Message(message));
            return vec![ApprovalStep::Refuse { desk, what, why }];
        }
        let deadline = ends.map_or(now + self.answer_ms, |e| e.min(now + self.answer_ms));
        let held =
            Held { two, ..Held::new(desk, Matter::Message(message), action, reason, by, deadline) };
        if self.is_settled_by_answer(&held, now) {
            self.insert(Held { after_session: true, ..held });
        } else {
            self.end_session_asks(desk, "this is settled with the touch for what you just sent");
            self.keep(held);
        }
        self.done()
    }

    /// Whether a touch that was given, and is being checked, is all that an RFQ needs: one that the
    /// session owes, and no limit, policy or second person wants beside it. It would be thrown away
    /// if the RFQ asked for one of its own, and the trader would have to touch twice.
    fn is_settled_by_answer(&self, held: &Held, now: UtcMillis) -> bool {
        let is_checked = |h: &Held| {
            h.desk == held.desk
                && matches!(h.what, Matter::Session(_))
                && matches!(h.out.get(&h.desk), Some(Out::Checking(_)))
        };
        let state = self.state(&held.desk);
        let wanted_in = |state: &StepUpState| ground(&self.rules, &held.action, state, now);
        matches!(held.what, Matter::Message(AppMessage::QuoteRequest(_)))
            && !held.two
            && held.by.policies.is_empty()
            && matches!(wanted_in(&state), Some(Ground::Session(_)))
            && wanted_in(&state.touched(&self.rules, now)).is_none()
            && self.held.values().any(is_checked)
    }

    /// What waits for an answer about the session of this desk.
    fn after_session(&self, desk: &CompId) -> Vec<HeldId> {
        let mine = self.held.iter().filter(|(_, h)| &h.desk == desk && h.after_session);
        mine.map(|(id, _)| *id).collect()
    }

    /// The answer about the session came to nothing: what waited for it asks for itself.
    pub(super) fn ask_after_session(&mut self, desk: &CompId) {
        self.after_session(desk).into_iter().for_each(|id| self.ask(id, desk));
    }

    /// The session owes no touch: what waited for that goes on, if it wants none of its own now.
    pub(super) fn resume_after_session(&mut self, desk: &CompId, now: UtcMillis) {
        let state = self.state(desk);
        for id in self.after_session(desk) {
            let wants = |h: &Held| ground(&self.rules, &h.action, &state, now).is_some();
            if self.held.get(&id).is_none_or(wants) {
                self.ask(id, desk);
            } else if let Some(Held { desk, what: Matter::Message(message), .. }) =
                self.held.remove(&id)
            {
                self.out.push(ApprovalStep::Resume { desk, message });
            }
        }
    }

    /// What asks for the touch of a message.
    fn asking(
        &self,
        desk: &CompId,
        action: &Action,
        policies: Vec<String>,
        now: UtcMillis,
    ) -> AskedBy {
        let ground = ground(&self.rules, action, &self.state(desk), now);
        // What policies ask for two people may be touched for already, ahead of the quote.
        let touched = !policies.is_empty()
            && matches!(action, Action::Accept(a) if self.approved_ahead(desk, a, now));
        AskedBy::new(ground.filter(|g| g.of_two() || !touched), &self.rules, policies)
    }

    /// A further key is to be registered: the trader approves it with one they have.
    pub fn hold_registration(
        &mut self,
        desk: &CompId,
        name: String,
        now: UtcMillis,
    ) -> Vec<ApprovalStep> {
        let action = Action::RegisterKey { name: name.clone() };
        let (reason, by) = self.unconditional(Ground::Key);
        self.end(
            |h| &h.desk == desk && matches!(h.what, Matter::Register(_)),
            "another registration was begun",
        );
        let deadline = now + self.answer_ms;
        self.keep(Held::new(desk, Matter::Register(name), action, reason, by, deadline));
        self.done()
    }

    pub(super) fn ask_session(&mut self, desk: &CompId, why: SessionReason, now: UtcMillis) {
        self.end_session_asks(desk, "it is asked again");
        let (action, deadline) = (Action::Session(why), now + self.answer_ms);
        let (reason, by) = self.unconditional(Ground::Session(why));
        self.keep(Held::new(desk, Matter::Session(why), action, reason, by, deadline));
    }

    /// What is asked whatever its size: why, for the trader and for events.
    fn unconditional(&self, ground: Ground) -> (String, AskedBy) {
        (ground.words().to_owned(), AskedBy::new(Some(ground), &self.rules, Vec::new()))
    }

    pub(super) fn end_session_asks(&mut self, desk: &CompId, text: &str) {
        self.end(|h| &h.desk == desk && matches!(h.what, Matter::Session(_)), text);
        self.ask_after_session(desk);
    }

    pub(super) fn keep(&mut self, held: Held) {
        let desk = held.desk.clone();
        let id = self.insert(held);
        self.ask(id, &desk);
    }

    fn insert(&mut self, held: Held) -> HeldId {
        let id = self.next;
        self.next += 1;
        self.held.insert(id, held);
        id
    }

    /// Asks for a challenge for `approver`, who is online.
    pub(super) fn ask(&mut self, id: HeldId, approver: &CompId) {
        let Some(h) = self.held.get_mut(&id) else { return };
        let approval = Approval {
            gateway: self.gateway.clone(),
            desk: h.desk.to_string(),
            approver: approver.to_string(),
            action: h.action.clone(),
        };
        h.after_session = false;
        h.out.insert(approver.clone(), Out::Asked);
        self.out.push(ApprovalStep::Challenge {
            held: id,
            desk: approver.clone(),
            approval,
            deadline: h.deadline,
        });
    }

    /// Asks again for the touches that this desk owed when its connection was lost.
    pub(super) fn ask_again(&mut self, desk: &CompId) {
        let mine: Vec<HeldId> = self
            .held
            .iter()
            .filter(|(_, h)| &h.desk == desk && !h.first && !h.out.contains_key(desk))
            .map(|(id, _)| *id)
            .collect();
        mine.into_iter().for_each(|id| self.ask(id, desk));
    }

    /// Asks this desk for the second approvals that wait, if it may give them.
    pub(super) fn ask_approver(&mut self, desk: &CompId) {
        let waiting: Vec<HeldId> = self
            .held
            .iter()
            .filter(|(_, h)| h.two && h.first && !h.out.contains_key(desk))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            if self.held.get(&id).is_some_and(|h| self.may_approve(desk, &h.desk)) {
                self.ask(id, desk);
            }
        }
    }

    /// An approver who is online and not the person whose action it is.
    pub(super) fn may_approve(&self, approver: &CompId, desk: &CompId) -> bool {
        let named =
            self.rules.second_person.as_ref().is_some_and(|s| s.approvers.contains(approver));
        let user = |d: &CompId| self.desks.get(d).map(|d| d.user.as_str());
        named
            && approver != desk
            && self.desks.get(approver).is_some_and(|d| d.online)
            && user(approver) != user(desk)
    }

    /// The service made a challenge, or refused to.
    pub fn challenged(
        &mut self,
        held: HeldId,
        approver: &CompId,
        approval: &Approval,
        made: Result<(String, String, UtcMillis), ApprovalRefusal>,
    ) -> Vec<ApprovalStep> {
        let still = self.held.get_mut(&held).filter(|h| h.out.get(approver) == Some(&Out::Asked));
        let (Some(h), on) = (still, self.desks.get(approver).is_some_and(|d| d.online)) else {
            return made.into_iter().map(|(id, ..)| ApprovalStep::Drop(id)).collect();
        };
        match (made, approval.text()) {
            (Ok((id, options, deadline)), Ok(text)) if on => {
                let reason = if approver == &h.desk {
                    h.reason.clone()
                } else {
                    format!("{} {} requests your approval.", h.reason, h.desk)
                };
                h.out.insert(approver.clone(), Out::At(id.clone()));
                let challenge =
                    StepUpChallenge { id, reason: Some(reason), deadline, approval: text, options };
                self.out.push(ApprovalStep::Tell(
                    approver.clone(),
                    AppMessage::StepUpChallenge(challenge),
                ));
            }
            (Ok((id, ..)), _) => {
                h.out.remove(approver);
                self.out.push(ApprovalStep::Drop(id));
            }
            (Err(why), _) if approver == &h.desk => self.refuse_held(held, &why),
            // Another approver may still be asked, so the action goes on waiting.
            (Err(why), _) => {
                h.out.remove(approver);
                let noted = Noted { words: why.text, by: h.by.clone() };
                let code = "stepup.approver_not_asked";
                self.out.push(ApprovalStep::Note(code, approver.clone(), noted));
            }
        }
        self.done()
    }
}
