//! The book's part of step-up: compares what the gateway asks to approve with what is on screen.

use super::{Book, frame_clock::Part};
use crate::{
    peer_text::shown,
    problem::{code_of_peer, problem, sentence},
    step_up::{self, Dialog, OnScreen, StepUps},
    view::{AccessView, FactorView, NoticeKind, RegisterPhase, RiskVerdict, RiskView},
};
use signet_fix::message::{
    AccessDecision, AccessState, AccessVerdict, Answer, AppMessage, KeyRequest, StepUpAnswer,
    StepUpChallenge, StepUpOutcome, StepUpStatus,
};
use signet_rfq::{AcceptId, RfqId, UtcMillis};
use signet_stepup::{Action, Approval, SessionReason, client::CeremonyError};

impl Book {
    /// Changes the dialogs; open RFQs are drawn again, because they may wait for one.
    pub(crate) fn with_step_ups<T>(&mut self, change: impl FnOnce(&mut StepUps) -> T) -> T {
        let out = change(&mut self.step_ups);
        self.screen.mark_open();
        self.changed(Part::StepUp);
        out
    }

    pub(crate) fn next_step_up(&self) -> Option<Dialog> {
        self.step_ups.next().cloned()
    }

    pub(crate) fn has_step_up(&self, id: &str) -> bool {
        self.step_ups.has(id)
    }

    pub(crate) fn close_step_up(&mut self, id: &str) -> Option<Dialog> {
        self.with_step_ups(|s| s.close(id))
    }

    /// The person declines: closes the dialog. After the touch that comes too late, and is said.
    pub(crate) fn refuse_step_up(&mut self, id: &str, now: UtcMillis) -> Option<Dialog> {
        let closed = self.close_step_up(id)?;
        if closed.is_signed() {
            let text = "You had touched your key before you declined, and that cannot be taken \
                back: what you touched it for may go on. Watch what becomes of it.";
            let rfq = closed.rfq().or_else(|| closed.ahead());
            let text = text.to_owned();
            self.notice(NoticeKind::Bad, "stepup.touched_already", text, rfq.as_ref(), now);
        }
        Some(closed)
    }

    /// Whether the desk is connected to a venue that uses step-up.
    pub(crate) fn knows_step_up(&self) -> bool {
        self.online() && self.step_ups.access.step_up
    }

    pub(crate) fn ceremony_failed(&mut self, open: &Dialog, e: &CeremonyError) {
        self.with_step_ups(|s| s.failed(&open.id, e));
    }

    pub(super) fn settled(&mut self, rfq: &RfqId) {
        if self.step_ups.waits(rfq).is_some() {
            self.with_step_ups(|s| s.settled(rfq));
        }
    }

    pub(super) fn challenge(&mut self, c: StepUpChallenge, now: UtcMillis) -> Vec<AppMessage> {
        let desk = self.connection.view.comp_id.clone().unwrap_or_default();
        let gateway = self.connection.gateway.clone().unwrap_or_default();
        let judged = {
            let rfq = |id: &RfqId| self.screen.rfq(id);
            let ahead = |id: &RfqId| self.screen.ahead(id).map(|a| &a.terms);
            let screen = OnScreen {
                desk: &desk,
                gateway: &gateway,
                rfq: &rfq,
                ahead: &ahead,
                registering: self.step_ups.registering.as_deref(),
                approver: self.step_ups.access.approver,
            };
            step_up::judge(&c.approval, &screen)
        };
        let id = c.id.clone();
        let refusal = match judged {
            Ok(approval) => {
                self.it_waits(&approval, &desk);
                let taken = self.with_step_ups(|s| s.add(c, approval, &desk));
                if let (true, Some(attention)) = (taken, &self.attention) {
                    attention();
                }
                (!taken).then_some("too many approvals are open on this desk")
            }
            // They crossed: the trader had ended what was to be approved.
            Err(_) if self.was_ended(&c.approval) => Some("the request has ended"),
            Err(_) if self.was_replaced(&c.approval) => Some("another approval was asked for"),
            Err(why) => {
                tracing::error!(
                    why,
                    "the gateway asked to approve something that this desk did not send"
                );
                let text = format!(
                    "The gateway asked you to approve something, and {why}. Nothing was approved. \
                        Tell your security officer."
                );
                self.notice(NoticeKind::Bad, "approval.differs", text, None, now);
                Some(why)
            }
        };
        let answer = |why: &str| {
            AppMessage::StepUpAnswer(StepUpAnswer {
                id,
                answer: Answer::Declined(Some(why.into())),
            })
        };
        refusal.map(answer).into_iter().collect()
    }

    /// Whether this is about an accept that is approved ahead, of an RFQ that ends or has ended.
    fn was_ended(&self, approval: &str) -> bool {
        let Ok(Approval { action: Action::Ahead(t), .. }) = Approval::parse(approval) else {
            return false;
        };
        let item = RfqId::new(t.rfq).ok().and_then(|id| self.screen.get(&id));
        item.is_some_and(|i| i.ending || i.rfq.state.ended())
    }

    /// An accept whose outcome was unknown waits for its touch.
    fn it_waits(&mut self, approval: &Approval, desk: &str) {
        if approval.desk != desk {
            return;
        }
        if let Action::Accept(t) = &approval.action
            && let (Ok(rfq), Ok(id)) = (RfqId::new(t.rfq.clone()), AcceptId::new(t.accept.clone()))
            && let Some(i) = self.screen.get_mut(&rfq)
        {
            i.rfq.waits_at_gateway(&id);
        }
    }

    /// Whether this is about an accept that the trader asked to approve ahead, before asking once
    /// more: they crossed, and the gateway ends it.
    fn was_replaced(&mut self, approval: &str) -> bool {
        let Ok(Approval { action: Action::Ahead(t), .. }) = Approval::parse(approval) else {
            return false;
        };
        let item = RfqId::new(t.rfq.clone()).ok().and_then(|id| self.screen.get_mut(&id));
        item.and_then(|i| i.ahead.as_mut()).is_some_and(|ahead| ahead.settles_earlier(&t))
    }

    /// An approval ahead was given, or comes to nothing.
    fn ahead_settled(&mut self, open: &Dialog, status: StepUpStatus) {
        let Some(item) = open.ahead().and_then(|id| self.screen.get_mut(&id)) else { return };
        item.dirty = true;
        let step_up::Subject::Approve(Approval { action: Action::Ahead(t), .. }) = &open.subject
        else {
            return;
        };
        let Some(ahead) = &mut item.ahead else { return };
        let same = ahead.terms == *t;
        if status == StepUpStatus::Passed && same {
            ahead.approved = true;
        } else if !ahead.settles_earlier(t) && same {
            item.ahead = None;
        }
    }

    pub(super) fn step_up_outcome(&mut self, o: StepUpOutcome, now: UtcMillis) {
        let Some(open) = self.with_step_ups(|s| s.outcome(&o.id, o.status)) else { return };
        let text = o.text.unwrap_or_else(|| "no reason given".into());
        let rfq = open.rfq().or_else(|| open.ahead());
        self.ahead_settled(&open, o.status);
        if o.status == StepUpStatus::Passed
            && let Some(item) = open.rfq().and_then(|id| self.screen.get_mut(&id))
        {
            // An accept of it goes on.
            item.ahead = None;
        }
        match o.status {
            StepUpStatus::Passed => self.notice(
                NoticeKind::Good,
                "stepup.passed",
                "Approved with your security key.".into(),
                rfq.as_ref(),
                now,
            ),
            StepUpStatus::SecondWanted => self.notice(
                NoticeKind::Plain,
                "stepup.second_wanted",
                format!("Approved by you; {text}."),
                rfq.as_ref(),
                now,
            ),
            StepUpStatus::Withdrawn => self.notice(
                NoticeKind::Plain,
                "stepup.withdrawn",
                format!("A touch is no longer needed: {text}."),
                rfq.as_ref(),
                now,
            ),
            StepUpStatus::Refused | StepUpStatus::Expired => {
                let cure = o.cure.map(|c| format!(" {c}")).unwrap_or_default();
                let code = code_of_peer(o.code.as_deref().unwrap_or_default(), "stepup.refused");
                self.notice(
                    NoticeKind::Bad,
                    code,
                    format!("{}{cure}", sentence(&text)),
                    rfq.as_ref(),
                    now,
                );
                if matches!(
                    open.subject,
                    step_up::Subject::Approve(Approval { action: Action::RegisterKey { .. }, .. })
                ) {
                    self.with_step_ups(|s| {
                        s.keys.phase = RegisterPhase::Failed;
                        s.keys.problem = Some(problem(code, sentence(&text), cure.trim()));
                    });
                }
            }
        }
    }

    pub(super) fn access(&mut self, a: AccessState) -> Vec<AppMessage> {
        let before = self.step_ups.access.keys;
        let first = !self.step_ups.access.step_up;
        let direct = self.connection.direct;
        self.with_step_ups(|s| {
            let risk = s.access.risk.take();
            s.access = AccessView {
                risk,
                step_up: a.step_up,
                direct,
                lease_until_ms: a.lease_until.map(|t| t.0 as f64),
                keys: a.keys,
                approver: a.approver,
                text: a.text,
            };
            s.wake = (a.on_wake, a.on_unlock);
        });
        if first || before != a.keys {
            vec![AppMessage::KeyRequest(KeyRequest::List)]
        } else {
            Vec::new()
        }
    }

    /// Takes the gateway's decision about this access. A notice tells when it got worse; the top of
    /// the window always shows it.
    pub(super) fn decided(&mut self, d: AccessDecision, now: UtcMillis) {
        let verdict = match d.verdict {
            AccessVerdict::Allow => RiskVerdict::Allow,
            AccessVerdict::StepUp => RiskVerdict::StepUp,
            AccessVerdict::Deny => RiskVerdict::Deny,
        };
        let mut factors = serde_json::from_str::<Vec<FactorView>>(&d.factors).unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the factors of an access decision cannot be read");
            Vec::new()
        });
        for f in &mut factors {
            [&mut f.attribute, &mut f.condition, &mut f.rationale]
                .into_iter()
                .for_each(|t| *t = shown(t));
        }
        let before = self.step_ups.access.risk.as_ref().map(|r| r.verdict);
        let worse = matches!(
            (before, verdict),
            (_, RiskVerdict::Deny) | (Some(RiskVerdict::Allow), RiskVerdict::StepUp)
        );
        if worse {
            let cure = d.cure.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
            let code = if verdict == RiskVerdict::Deny { "risk.denied" } else { "risk.step_up" };
            self.notice(NoticeKind::Bad, code, format!("{}{cure}", sentence(&d.text)), None, now);
        }
        let risk = RiskView {
            verdict,
            score: d.score,
            text: d.text,
            cure: d.cure,
            factors,
            policy: d.policy,
            at_ms: d.at.0 as f64,
        };
        self.with_step_ups(|s| s.access.risk = Some(risk));
    }

    /// Whether the desk is connected and the gateway wants to know that the laptop woke or that its
    /// screen was unlocked.
    pub(crate) fn wants_to_hear(&self, why: SessionReason) -> bool {
        let (wake, unlock) = self.step_ups.wake;
        if !self.online() {
            return false;
        }
        match why {
            SessionReason::Wake => wake,
            SessionReason::Unlock => unlock,
            _ => true,
        }
    }
}
