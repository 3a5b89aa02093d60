//! Handles an answer to a challenge: releases what waited for it, or refuses it.

use super::{
    ApprovalRefusal, ApprovalStep, Approved, Held, HeldId, Matter, Noted, Out, PendingApprovals,
    outcome,
};
use crate::SessionReason;
use signet_fix::message::{Answer, StepUpStatus};
use signet_identity::CompId;
use signet_rfq::UtcMillis;

impl PendingApprovals {
    /// A desk answered a challenge. Only a challenge that is open at this desk can be answered.
    pub fn answered(
        &mut self,
        desk: &CompId,
        challenge: &str,
        answer: Answer,
    ) -> Vec<ApprovalStep> {
        let is_out = |h: &Held| matches!(h.out.get(desk), Some(Out::At(id)) if id == challenge);
        let Some((&held, h)) = self.held.iter_mut().find(|(_, h)| is_out(h)) else {
            let why = ApprovalRefusal::new(
                "stepup.not_open",
                "this challenge is not open",
                "Start again.",
            );
            return vec![ApprovalStep::Tell(
                desk.clone(),
                outcome(challenge, StepUpStatus::Refused, Some(&why)),
            )];
        };
        match answer {
            Answer::Signed(json) => {
                h.out.insert(desk.clone(), Out::Checking(challenge.into()));
                self.out.push(ApprovalStep::Verify {
                    held,
                    desk: desk.clone(),
                    challenge: challenge.into(),
                    answer: json,
                });
            }
            Answer::Declined(text) | Answer::Failed(text) => {
                let who = if desk == &h.desk { "you".to_owned() } else { desk.to_string() };
                let words = text.map_or(format!("{who} did not approve it"), |t| {
                    format!("{who} did not approve it: {t}")
                });
                self.refuse_held(
                    held,
                    &ApprovalRefusal::new(
                        "stepup.declined",
                        words,
                        "Send it again if it is still wanted.",
                    ),
                );
            }
        }
        self.done()
    }

    /// The service checked an answer; `Ok` holds the number of its evidence.
    pub fn verified(
        &mut self,
        held: HeldId,
        desk: &CompId,
        challenge: &str,
        result: Result<i64, ApprovalRefusal>,
        now: UtcMillis,
    ) -> Vec<ApprovalStep> {
        // A pending approval that ended meanwhile (time, a withdrawn quote, a lost link) stays
        // ended.
        let Some(h) = self.held.get_mut(&held) else { return Vec::new() };
        // The result of a challenge on an earlier connection proves nothing here.
        if !matches!(h.out.get(desk), Some(Out::Checking(id)) if id == challenge) {
            return Vec::new();
        }
        let Some(Out::Checking(challenge)) = h.out.remove(desk) else { return Vec::new() };
        let evidence = match result {
            Ok(seq) => seq,
            Err(why) => {
                self.out.push(ApprovalStep::Tell(
                    desk.clone(),
                    outcome(&challenge, StepUpStatus::Refused, Some(&why)),
                ));
                self.refuse_held(held, &why);
                return self.done();
            }
        };
        let own = desk == &h.desk;
        let second_wanted = own && h.two;
        if second_wanted {
            // The deadline stays: both people share the time for one approval.
            h.first = true;
            self.out.push(ApprovalStep::Tell(
                desk.clone(),
                outcome(&challenge, StepUpStatus::SecondWanted, Some(&self.second_words(held))),
            ));
        } else {
            self.out.push(ApprovalStep::Tell(
                desk.clone(),
                outcome(&challenge, StepUpStatus::Passed, None),
            ));
        }
        if own {
            self.touched(desk, now);
        }
        if second_wanted {
            let approvers: Vec<CompId> = self.desks.keys().cloned().collect();
            approvers.iter().for_each(|a| self.ask_approver(a));
        } else {
            self.approved(held, evidence);
        }
        self.done()
    }

    pub(super) fn second_words(&self, held: HeldId) -> ApprovalRefusal {
        let desk = self.held.get(&held).map(|h| h.desk.clone());
        let on = desk.is_some_and(|d| self.desks.keys().any(|a| self.may_approve(a, &d)));
        let text = if on {
            "waiting for a second person"
        } else {
            "waiting for a second person; nobody who may approve is on now"
        };
        ApprovalRefusal::new("stepup.second_wanted", text, "")
    }

    /// A touch was good: the session has a lease, and owes no touch.
    pub(super) fn touched(&mut self, desk: &CompId, now: UtcMillis) {
        let Some(d) = self.desks.get_mut(desk) else { return };
        d.active = now;
        if d.state.owes == Some(SessionReason::Logon) {
            self.out.push(ApprovalStep::Authenticated(desk.clone()));
        }
        d.state = d.state.touched(&self.rules, now);
        self.tell_access(desk, now);
        self.resume_after_session(desk, now);
    }

    pub(super) fn approved(&mut self, held: HeldId, evidence: i64) {
        let Some(h) = self.held.remove(&held) else { return };
        self.withdraw(h.out, "somebody else approved it");
        match h.what {
            Matter::Message(m) => {
                let approved = Some(Approved { action: h.action, second_person: h.two });
                self.out.push(ApprovalStep::Release { desk: h.desk, message: m, approved });
            }
            Matter::Register(name) => {
                self.out.push(ApprovalStep::Register { desk: h.desk, name, evidence })
            }
            Matter::Ahead(ahead) => self.keep_ahead(&h.desk, ahead),
            Matter::Session(_) => {}
        }
    }

    pub(super) fn refuse_held(&mut self, held: HeldId, why: &ApprovalRefusal) {
        let Some(h) = self.held.remove(&held) else { return };
        let words = format!("{}: {}; {}", h.describe(), why.text, h.asked_because());
        let noted = Noted { words, by: h.by };
        self.out.push(ApprovalStep::Note("stepup.not_approved", h.desk.clone(), noted));
        self.close(h.out, StepUpStatus::Refused, why);
        let (desk, of_session) = (h.desk.clone(), matches!(h.what, Matter::Session(_)));
        self.out.push(ApprovalStep::Refuse { desk: h.desk, what: h.what, why: why.clone() });
        if of_session {
            self.ask_after_session(&desk);
        }
    }
}
