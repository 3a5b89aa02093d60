//! Step-up as the trading thread runs it: [`signet_stepup::pending`] keeps what waits for a touch,
//! the step-up service makes and checks challenges; this file carries their word to desks, router
//! and service.

use super::{
    Pipeline,
    challenges::{OpenChallenges, is_of_another_connection, not_asked},
    message::NOT_AUTHORIZED,
};
use crate::{
    clock::now,
    stepup::{Authority, StepUpHandle, StepUpRefusal, Ticket},
};
use signet_fix::{
    AppMessage,
    message::{
        Advice, Answer, BusinessReject, KeyReport, QuoteRequest, QuoteStatusReport, RfqStatus,
        SnapshotMark, StepUpStatus,
    },
};
use signet_identity::CompId;
use signet_policy::entitle::Proof;
use signet_rfq::UtcMillis;
use signet_router::{Proposal, accept_refusal, accept_waits, request_refusal};
use signet_stepup::{
    Action, Approval, SessionReason,
    asking::wanted,
    pending::{ApprovalRefusal, ApprovalStep, Asked, HeldId, Matter, PendingApprovals},
    rules::{Wanted, WhenSection, covered},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

/// Questions of one desk that the service may be working on.
const MAX_QUESTIONS_PER_DESK: usize = 8;

/// Pending approvals, and the service that makes and checks challenges.
pub struct StepUp {
    pub(super) service: StepUpHandle,
    pending: RefCell<PendingApprovals>,
    /// Digest of `[step_up]`, for the evidence.
    policy: String,
    questions: RefCell<BTreeMap<CompId, Rc<Cell<usize>>>>,
    pub(super) open: OpenChallenges,
}

impl StepUp {
    /// `answer_ms`: how long a challenge may be answered; `gateway`: the name in what is signed.
    pub fn new(
        service: StepUpHandle,
        rules: WhenSection,
        policy: String,
        gateway: &CompId,
        answer_ms: i64,
    ) -> Self {
        let pending = RefCell::new(PendingApprovals::new(rules, gateway, answer_ms));
        let (questions, open) = Default::default();
        Self { service, pending, policy, questions, open }
    }

    /// Digest of `[step_up]`.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// What the rules want for an action, and what a lease of the session proves for it. The pause
    /// before the action counts, also one that ended since the clock's last turn.
    pub(super) fn wanted(&self, desk: &CompId, p: &Proposal, at: UtcMillis) -> (Wanted, Proof) {
        self.pending.borrow_mut().pass(desk, at);
        let pending = self.pending.borrow();
        let state = pending.state(desk);
        let ahead = matches!(&p.goes_on, Action::Accept(a) if pending.approved_ahead(desk, a, at));
        let touched = ahead || covered(pending.rules(), &p.action, &state, at);
        let proof = Proof { touched, second_person: false };
        match wanted(pending.rules(), &p.action, &state, at) {
            // The touch was given before the quote was chosen.
            Wanted::Touch(_) if ahead => (Wanted::Nothing, proof),
            other => (other, proof),
        }
    }

    /// Whether an accept of a desk waits for a touch, one for which `is` says so.
    pub(super) fn holds_accept(&self, desk: &CompId, is: impl Fn(&AppMessage) -> bool) -> bool {
        self.pending.borrow().accepts().any(|(_, of, m)| of == desk && is(m))
    }

    /// Messages and matters that wait for a touch.
    pub(super) fn held(&self) -> usize {
        self.pending.borrow().held_count()
    }

    /// When the lease of a desk's session ends at the latest, if it is good now.
    pub(super) fn lease_until(&self, desk: &CompId, at: UtcMillis) -> Option<UtcMillis> {
        let pending = self.pending.borrow();
        pending.state(desk).lease.filter(|l| l.good(pending.rules(), at)).map(|l| l.until)
    }

    /// A place among the questions of a desk; given back when dropped.
    pub(super) fn permit(&self, desk: &CompId) -> Option<QuestionPermit> {
        let count = self.questions.borrow_mut().entry(desk.clone()).or_default().clone();
        (count.get() < MAX_QUESTIONS_PER_DESK).then(|| {
            count.set(count.get() + 1);
            QuestionPermit(count)
        })
    }
}

/// One of a desk's questions that the service may be working on.
pub(super) struct QuestionPermit(Rc<Cell<usize>>);

impl Drop for QuestionPermit {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl From<&StepUpRefusal> for ApprovalRefusal {
    fn from(r: &StepUpRefusal) -> Self {
        Self::new(r.code(), r.to_string(), r.cure())
    }
}

// ----- what happens -----

impl Pipeline {
    /// A message about keys or challenges.
    pub(super) fn step_up_message(self: &Rc<Self>, desk: &CompId, message: AppMessage) {
        let Some(s) = &self.step_up else { return self.to_desk(desk, &not_here(&message)) };
        let at = now();
        if !self.sessions.is_on(desk) {
            // Fail closed: nobody can approve anything for somebody nobody knows.
            return tracing::error!(
                %desk,
                msg_type = message.msg_type(),
                "a message of a desk without a registered person; dropped"
            );
        }
        match message {
            AppMessage::StepUpAnswer(a) => {
                if let Answer::Declined(why) = &a.answer {
                    self.note_declined(s, desk, &a.id, why.as_deref());
                }
                // No, or no touch in time: the desk's own time-out comes before the gateway's.
                let failed = match a.answer {
                    Answer::Signed(_) => None,
                    Answer::Declined(_) | Answer::Failed(_) => s.open.close_at(desk, &a.id).own,
                };
                self.step(s, |w| w.answered(desk, &a.id, a.answer));
                self.challenge_failed(failed);
            }
            AppMessage::StepUpRequest { reason } => match SessionReason::read(&reason) {
                Some(why) => self.step(s, |w| w.verify_again(desk, why, at)),
                None => tracing::warn!(%desk, reason, "an unknown reason for step-up; ignored"),
            },
            AppMessage::KeyRequest(k) => self.about_keys(s, desk, k),
            AppMessage::ApproveAhead(a) => self.approve_ahead(s, desk, &a, at),
            _ => {}
        }
    }

    /// A desk is logged on: what it must do first, and what still waits for it.
    pub(super) fn step_up_desk_on(self: &Rc<Self>, desk: &CompId) {
        let Some(s) = &self.step_up else { return };
        let Some(c) = self.sessions.connection(desk) else {
            return tracing::error!(
                %desk,
                "a desk without a registered person is on; nothing of it will be approved"
            );
        };
        let watched = self.sessions.access(desk).is_none_or(|a| a.wants_touch());
        self.step(s, |w| w.desk_up(desk, &c.user, watched, now()));
        self.look_at_keys(s, desk);
    }

    /// The risk of a session changed.
    pub(super) fn step_up_risk(self: &Rc<Self>, desk: &CompId, watched: bool) {
        if let Some(s) = &self.step_up {
            self.step(s, |w| w.risk(desk, watched, now()));
        }
    }

    /// A desk's connection moved to another address, where it may go on.
    pub(super) fn step_up_moved(self: &Rc<Self>, desk: &CompId, watched: bool) {
        if let Some(s) = &self.step_up {
            self.step(s, |w| w.moved(desk, watched, now()));
        }
    }

    /// A session is on whose touches no longer count: leases end, and one is owed.
    pub(super) fn step_up_distrusted(self: &Rc<Self>, desk: &CompId) {
        let Some(s) = &self.step_up else { return };
        let watched = s.pending.borrow().state(desk).watched;
        let why = SessionReason::Risk;
        self.step(s, |w| match watched {
            true => w.verify_again(desk, why, now()),
            false => w.risk(desk, true, now()),
        });
    }

    /// The clock was set while sessions are on.
    pub(super) fn step_up_clock_set(self: &Rc<Self>) {
        if let Some(s) = &self.step_up {
            self.step(s, |w| w.clock_stepped(now()));
        }
    }

    /// A desk is off.
    pub(super) fn step_up_desk_off(self: &Rc<Self>, desk: &CompId) {
        if let Some(s) = &self.step_up {
            self.step(s, |w| w.desk_down(desk));
        }
    }

    /// The trader did something that was not refused.
    pub(super) fn trader_acted(&self, desk: &CompId, at: UtcMillis) {
        if let Some(s) = &self.step_up {
            s.pending.borrow_mut().active(desk, at);
        }
    }

    /// Deadlines, and accepts that the router would refuse by now.
    pub(super) fn step_up_tick(self: &Rc<Self>) {
        let Some(s) = &self.step_up else { return };
        let at = now();
        let dead: Vec<HeldId> = {
            let pending = s.pending.borrow();
            let gone =
                |desk: &CompId, m: &AppMessage| !self.router.with(|r| r.may_go_on(desk, m, at));
            pending.accepts().filter(|(_, desk, m)| gone(desk, m)).map(|(id, ..)| id).collect()
        };
        self.step(s, |w| w.tick(&dead, at));
    }
}

// ----- messages that wait -----

impl Pipeline {
    /// Keeps a message back until it is approved. `policies`: ids of those that want it.
    pub(super) fn hold(
        self: &Rc<Self>,
        desk: &CompId,
        m: AppMessage,
        p: Proposal,
        (wanted, policies): (Wanted, Vec<String>),
        at: UtcMillis,
    ) {
        let Some(s) = &self.step_up else {
            // The entitlement gate has refused it already; fail closed all the same.
            return tracing::error!(%desk, "a message needs a touch, and there is no [step_up]");
        };
        let rfq = if let AppMessage::QuoteRequest(q) = &m { Some(q.id.clone()) } else { None };
        self.step(s, |w| w.hold(desk, m, p.action, Asked { wanted, policies }, p.ends, at));
        let held = s.pending.borrow().requests(desk);
        // One deadline for both ends: it counts from when the RFQ is let through, at the latest.
        if let Some((q, until)) = held.into_iter().find(|(q, _)| Some(&q.id) == rfq.as_ref()) {
            self.to_desk(desk, &pending(&q, until));
        }
    }

    /// Whether a message was answered by what waits here: a withdrawal of an RFQ that waits, or a
    /// question about an accept that does.
    pub(super) fn answered_by_approvals(
        self: &Rc<Self>,
        desk: &CompId,
        m: &AppMessage,
        at: UtcMillis,
    ) -> bool {
        let Some(s) = &self.step_up else { return false };
        match m {
            AppMessage::RfqCancel { rfq, .. } => {
                let todo = s.pending.borrow_mut().cancelled(desk, rfq);
                todo.map(|todo| self.run(s, todo)).is_some()
            }
            AppMessage::OrderStatusRequest(h) => {
                let pending = s.pending.borrow();
                let waits = pending.accept(desk, &h.accept).map(|r| accept_waits(r, at));
                waits.map(|e| self.to_desk(desk, &AppMessage::ExecutionReport(e))).is_some()
            }
            _ => false,
        }
    }

    /// RFQs that wait here belong into the desk's snapshot.
    pub(super) fn held_requests(&self, desk: &CompId) -> Vec<AppMessage> {
        let Some(s) = &self.step_up else { return Vec::new() };
        let all = s.pending.borrow().requests(desk);
        let two = |(q, until): (QuoteRequest, UtcMillis)| {
            let pending = pending(&q, until);
            [AppMessage::Snapshot(SnapshotMark::Rfq(q)), pending]
        };
        all.into_iter().flat_map(two).collect()
    }
}

// ----- what the approvals want done -----

impl Pipeline {
    /// One event, and every consequence of it.
    pub(super) fn step(
        self: &Rc<Self>,
        s: &Rc<StepUp>,
        event: impl FnOnce(&mut PendingApprovals) -> Vec<ApprovalStep>,
    ) {
        // The borrow ends here: consequences come back to it.
        let todo = event(&mut s.pending.borrow_mut());
        self.run(s, todo);
    }

    fn run(self: &Rc<Self>, s: &Rc<StepUp>, todo: Vec<ApprovalStep>) {
        for d in todo {
            match d {
                ApprovalStep::Tell(desk, m) => {
                    self.note_told(s, &desk, &m);
                    self.to_desk(&desk, &m);
                    if let AppMessage::StepUpOutcome(o) = &m {
                        let own = s.open.close_at(&desk, &o.id).own;
                        self.challenge_failed(own.filter(|_| o.status == StepUpStatus::Expired));
                    }
                }
                ApprovalStep::Refuse { desk, what, why } => {
                    if let Some(m) = refusal(&what, &why, now()) {
                        self.to_desk(&desk, &m);
                    }
                }
                ApprovalStep::Release { desk, message, approved } => {
                    self.release(&desk, message, approved)
                }
                ApprovalStep::Resume { desk, message } => self.resume(&desk, message),
                ApprovalStep::Drop(id) => {
                    s.open.close(&id);
                    s.service.drop_challenge(&id);
                }
                ApprovalStep::Authenticated(desk) => self.authenticated(&desk),
                ApprovalStep::Note(code, desk, noted) => {
                    tracing::warn!(%desk, code, "{noted}");
                    let about = self.asked_about(s, &desk, &noted.by);
                    self.events.gateway(code, about, noted.words);
                }
                ApprovalStep::Challenge { held, desk, approval, deadline } => {
                    self.challenge(s, held, desk, approval, deadline)
                }
                ApprovalStep::Verify { held, desk, challenge, answer } => {
                    self.verify(s, held, desk, challenge, answer)
                }
                ApprovalStep::Register { desk, name, evidence } => {
                    self.register_key(s, &desk, name, Authority::ByKey { evidence_seq: evidence });
                }
            }
        }
    }

    fn challenge(
        self: &Rc<Self>,
        s: &Rc<StepUp>,
        held: HeldId,
        desk: CompId,
        approval: Approval,
        deadline: UtcMillis,
    ) {
        let (pipeline, s) = (self.clone(), s.clone());
        let connection = self.sessions.connection(&desk);
        let asked_on = connection.as_ref().map(|c| c.exporter);
        let asked = self.asked_for(&s, &s.pending.borrow().asked_by(held));
        tokio::task::spawn_local(async move {
            let user = connection.as_ref().map(|c| c.user.clone()).unwrap_or_default();
            let made = match connection {
                Some(c) => {
                    let ticket = Ticket {
                        user: c.user,
                        desk: desk.to_string(),
                        exporter: c.exporter,
                        approval: approval.clone(),
                        policy: s.policy.clone(),
                        deadline,
                        asked,
                    };
                    s.service.begin(ticket).await
                }
                None => Err(StepUpRefusal::Unavailable),
            };
            let is_on_now = pipeline.sessions.connection(&desk).map(|c| c.exporter);
            if is_of_another_connection(asked_on, is_on_now) {
                // Its answer would come over a connection that it is not for. What still waits was
                // asked for again when the desk came back.
                return made.iter().for_each(|c| s.service.drop_challenge(&c.id));
            }
            let made =
                made.map(|c| (c.id, c.options, c.deadline)).map_err(|e| ApprovalRefusal::from(&e));
            if let Ok((id, ..)) = &made {
                let by = s.pending.borrow().asked_by(held);
                s.open.add(id, &user, &approval, by);
            }
            let unasked = made.as_ref().err().and_then(|why| not_asked(&approval.action, why));
            pipeline.step(&s, |w| w.challenged(held, &desk, &approval, made));
            unasked.iter().for_each(|m| pipeline.to_desk(&desk, m));
        });
    }

    fn verify(
        self: &Rc<Self>,
        s: &Rc<StepUp>,
        held: HeldId,
        desk: CompId,
        challenge: String,
        answer: String,
    ) {
        let (pipeline, s) = (self.clone(), s.clone());
        // The connection as it is now: an answer that came over another one does not fit its
        // challenge.
        let connection = self.sessions.connection(&desk);
        // Taken now: what else is said of it while its answer is checked must not hide that it was
        // wrong.
        let own = s.open.close(&challenge).own;
        tokio::task::spawn_local(async move {
            let result = match connection {
                Some(c) => s.service.finish(&challenge, desk.as_str(), c.exporter, answer).await,
                None => Err(StepUpRefusal::NotYours),
            };
            let failed = own.filter(|_| matches!(result, Err(StepUpRefusal::Answer(_))));
            let result = result.map(|p| p.evidence_seq).map_err(|e| ApprovalRefusal::from(&e));
            pipeline.step(&s, |w| w.verified(held, &desk, &challenge, result, now()));
            pipeline.challenge_failed(failed);
        });
    }
}

/// What the desk reads of an RFQ that waits here: when it ends at the latest.
fn pending(q: &QuoteRequest, until: UtcMillis) -> AppMessage {
    let report =
        QuoteStatusReport::of_rfq(q.id.clone(), q.instrument.clone(), RfqStatus::Pending, None);
    AppMessage::QuoteStatusReport(QuoteStatusReport { until: Some(until), ..report })
}

/// What a desk reads of its own that goes nowhere; `None`: the outcome of the challenge says it.
fn refusal(what: &Matter, why: &ApprovalRefusal, at: UtcMillis) -> Option<AppMessage> {
    Some(match what {
        Matter::Message(AppMessage::QuoteRequest(q)) => {
            let text = format!("not sent to any dealer: {}", why.text);
            let advice = Advice { code: why.code.clone(), cure: why.cure.clone() };
            let refusal = request_refusal(q, NOT_AUTHORIZED, text, Some(advice));
            AppMessage::QuoteRequestReject(refusal)
        }
        Matter::Message(AppMessage::QuoteResponse(r)) => {
            let text = format!("not sent to the dealer: {}", why.text);
            AppMessage::ExecutionReport(accept_refusal(r, text, at))
        }
        Matter::Register(_) => why.key_report(),
        Matter::Message(_) | Matter::Session(_) | Matter::Ahead(_) => return None,
    })
}

/// Whether a message is about security keys or challenges.
pub(super) fn is_about_keys(m: &AppMessage) -> bool {
    matches!(
        m,
        AppMessage::StepUpAnswer(_)
            | AppMessage::StepUpRequest { .. }
            | AppMessage::KeyRequest(_)
            | AppMessage::ApproveAhead(_)
    )
}

/// What a gateway without `[step_up]` says.
fn not_here(m: &AppMessage) -> AppMessage {
    match m {
        AppMessage::KeyRequest(_) => AppMessage::KeyReport(KeyReport::Refused {
            code: "stepup.not_here".into(),
            text: Some("this gateway does not use security keys".into()),
            cure: None,
        }),
        m => AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: m.msg_type().into(),
            ref_id: None,
            // 3: unsupported message type.
            reason: 3,
            text: Some("this gateway does not use security keys".into()),
        }),
    }
}
