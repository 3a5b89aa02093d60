//! The enforcement point for what desks send: nothing goes on to the router that still waits for a
//! touch.
//!
//! [`rules`] decides, `pending` keeps what is not decided yet; this file carries their word to the
//! desks, the router and the step-up service, and nothing else.

mod pending;

pub use signet_stepup::rules;

use crate::{
    clock::now,
    core::Core,
    entitle::Ruling,
    registry_view::RegistryView,
    stepup::{Authority, KeyState, KeyTicket, KeyView, StepUpHandle, StepUpRefusal, Ticket},
};
use pending::{ApprovalRefusal, ApprovalStep, Asked, HeldId, PendingApprovals};
use rules::{Wanted, WhenSection, covered, wanted};
use serde::Serialize;
use signet_fix::{
    AppMessage,
    message::{
        BusinessReject, KeyReport, KeyRequest, QuoteRequest, QuoteResponse, QuoteStatusReport,
        RfqStatus, SnapshotMark,
    },
};
use signet_policy::entitle::{Outcome, Proof};
use signet_registry::NewEvent;
use signet_rfq::{CompId, UtcMillis};
use signet_router::{accept_age, accept_refusal, request_refusal};
use signet_stepup::{Action, Approval, SessionReason};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::IpAddr,
    rc::Rc,
};
use zeroize::Zeroizing;

/// QuoteRequestRejectReason (658): not authorized.
const NOT_AUTHORIZED: u16 = 6;
/// Questions of one desk that the service may be working on.
const MAX_QUESTIONS_PER_DESK: usize = 8;

/// Who is at the other end of a desk's connection, and which connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The registry's user id.
    pub user: String,
    /// RFC 9266 exporter.
    pub exporter: [u8; 32],
    /// Serial number of the client certificate, lower-case hexadecimal.
    pub serial: String,
    pub address: IpAddr,
}

/// Step-up as the trading thread runs it.
pub struct Enforcement {
    service: StepUpHandle,
    roster: Rc<RegistryView>,
    pending: RefCell<PendingApprovals>,
    policy: String,
    questions: RefCell<BTreeMap<CompId, Rc<Cell<usize>>>>,
}

impl Enforcement {
    pub fn new(
        service: StepUpHandle,
        roster: Rc<RegistryView>,
        rules: WhenSection,
        policy: String,
        gateway: &CompId,
        answer_ms: i64,
    ) -> Self {
        let pending = RefCell::new(PendingApprovals::new(rules, gateway, answer_ms));
        Self { service, roster, pending, policy, questions: RefCell::default() }
    }

    /// A place among the questions of a desk; given back when dropped.
    fn permit(&self, desk: &CompId) -> Option<QuestionPermit> {
        let count = self.questions.borrow_mut().entry(desk.clone()).or_default().clone();
        (count.get() < MAX_QUESTIONS_PER_DESK).then(|| {
            count.set(count.get() + 1);
            QuestionPermit(count)
        })
    }
}

struct QuestionPermit(Rc<Cell<usize>>);

impl Drop for QuestionPermit {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl From<StepUpRefusal> for ApprovalRefusal {
    fn from(r: StepUpRefusal) -> Self {
        Self::new(r.code(), r.to_string(), r.cure())
    }
}

/// A key as its owner's desk shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyLine<'a> {
    id: &'a str,
    name: &'a str,
    model: &'a str,
    good: bool,
    registered_ms: i64,
    last_used_ms: i64,
}

fn key_list(keys: &[KeyView]) -> String {
    let line = |k: &'_ KeyView| {
        serde_json::to_value(KeyLine {
            id: &k.id,
            name: &k.name,
            model: &k.model,
            good: k.state == KeyState::Active,
            registered_ms: k.registered.0,
            last_used_ms: k.last_used.0,
        })
    };
    let lines: Vec<_> = keys.iter().filter_map(|k| line(k).ok()).collect();
    serde_json::Value::Array(lines).to_string()
}

impl Core {
    /// A message of a desk, on its way to the router.
    pub fn from_desk(self: &Rc<Self>, desk: &CompId, message: AppMessage) {
        let Some(e) = self.enforcement() else {
            return match message {
                m if is_about_keys(&m) => self.to_desk(desk, &not_here(&m)),
                m => self.entitled_or_refused(desk, m, now()),
            };
        };
        let at = now();
        if self.connection(desk).is_none() {
            // Fail closed: nobody can approve anything for somebody nobody knows.
            return tracing::error!(%desk, msg_type = message.msg_type(), "a message of a desk \
                without a registered person; dropped");
        }
        match message {
            AppMessage::StepUpAnswer(a) => self.step(&e, |w| w.answered(desk, &a.id, a.answer, at)),
            AppMessage::StepUpRequest { reason } => match SessionReason::read(&reason) {
                Some(why) => self.step(&e, |w| w.verify_again(desk, why, at)),
                None => {
                    tracing::warn!(%desk, reason, "a reason for step-up that this version does \
                        not know")
                }
            },
            AppMessage::KeyRequest(k) => self.about_keys(&e, desk, k),
            m => self.business(&e, desk, m, at),
        }
    }

    fn business(self: &Rc<Self>, e: &Rc<Enforcement>, desk: &CompId, m: AppMessage, at: UtcMillis) {
        match &m {
            AppMessage::RfqCancel { rfq, .. } => {
                let todo = e.pending.borrow_mut().cancelled(desk, rfq);
                if let Some(todo) = todo {
                    return self.run(e, todo);
                }
            }
            AppMessage::OrderStatusRequest(h) => {
                let answer = e.pending.borrow().status(desk, h, at);
                if let Some(answer) = answer {
                    return self.to_desk(desk, &answer);
                }
            }
            _ => {}
        }
        if accept_age(&m, at).is_err() {
            // Too old to be passed on: the router says so.
            return self.let_through(at, desk, m);
        }
        // What would be refused anyway costs nobody a touch.
        let Some(p) = self.with_router(|r| r.proposal(desk, &m, at)) else {
            return self.let_through(at, desk, m);
        };
        let (verdict, proof) = {
            let w = e.pending.borrow();
            let standing = w.standing(desk);
            (
                wanted(w.rules(), &p.action, &standing, at),
                Proof {
                    touched: covered(w.rules(), &p.action, &standing, at),
                    second_person: false,
                },
            )
        };
        let ruling = self.ruling(desk, &p, proof, at);
        if ruling.outcome == Outcome::Deny {
            return self.refuse_unentitled(desk, &m, &ruling, at);
        }
        // Only now: an act does not make up for the pause before it.
        e.pending.borrow_mut().active(desk, at);
        match stricter(verdict, &ruling) {
            Wanted::Nothing => {
                self.gate().acted(desk, at);
                self.let_through(at, desk, m);
            }
            verdict => {
                let rfq =
                    if let AppMessage::QuoteRequest(q) = &m { Some(q.id.clone()) } else { None };
                let policies =
                    if ruling.outcome == Outcome::Allow { Vec::new() } else { ruling.ids.clone() };
                let asked = Asked { wanted: verdict, policies };
                self.step(e, |w| w.hold(desk, m, p.action, asked, p.ends, at));
                let held = e.pending.borrow().requests(desk);
                // One deadline for both ends: it counts from when the RFQ is let through, at the
                // latest.
                if let Some((q, until)) =
                    held.into_iter().find(|(q, _)| Some(&q.id) == rfq.as_ref())
                {
                    self.to_desk(desk, &pending(&q, until));
                }
            }
        }
    }

    /// A desk is logged on: what it must do first, and what still waits for it.
    pub fn desk_is_on(self: &Rc<Self>, desk: &CompId) {
        let Some(e) = self.enforcement() else { return };
        let Some(c) = self.connection(desk) else {
            return tracing::error!(%desk, "a desk without a registered person is on; nothing of \
                it will be approved");
        };
        let watched = self.access(desk).is_none_or(|a| a.wants_touch());
        self.step(&e, |w| w.desk_up(desk, &c.user, watched, now()));
        self.look_at_keys(&e, desk);
    }

    /// The risk of a session changed.
    pub fn watched(self: &Rc<Self>, desk: &CompId, watched: bool) {
        if let Some(e) = self.enforcement() {
            self.step(&e, |w| w.risk(desk, watched, now()));
        }
    }

    /// The clock was set while sessions are on.
    pub fn clock_stepped(self: &Rc<Self>) {
        if let Some(e) = self.enforcement() {
            self.step(&e, |w| w.clock_stepped(now()));
        }
    }

    pub fn desk_is_off(self: &Rc<Self>, desk: &CompId) {
        if let Some(e) = self.enforcement() {
            self.step(&e, |w| w.desk_down(desk));
        }
    }

    /// RFQs that wait here belong into the desk's snapshot.
    pub fn held_requests(&self, desk: &CompId) -> Vec<AppMessage> {
        let Some(e) = self.enforcement() else { return Vec::new() };
        let all = e.pending.borrow().requests(desk);
        let two = |(q, until): (QuoteRequest, UtcMillis)| {
            let pending = pending(&q, until);
            [AppMessage::Snapshot(SnapshotMark::Rfq(q)), pending]
        };
        all.into_iter().flat_map(two).collect()
    }

    pub fn enforcement_tick(self: &Rc<Self>) {
        let Some(e) = self.enforcement() else { return };
        let at = now();
        let dead: Vec<HeldId> = {
            let w = e.pending.borrow();
            let gone = |desk: &CompId, m: &AppMessage| {
                self.with_router(|r| r.action_of(desk, m, at)).is_none()
            };
            w.accepts().filter(|(_, desk, m)| gone(desk, m)).map(|(id, ..)| id).collect()
        };
        self.step(&e, |w| w.tick(&dead, at));
    }

    /// One event, and every consequence of it.
    fn step(
        self: &Rc<Self>,
        e: &Rc<Enforcement>,
        event: impl FnOnce(&mut PendingApprovals) -> Vec<ApprovalStep>,
    ) {
        // The borrow ends here: consequences come back to it.
        let todo = event(&mut e.pending.borrow_mut());
        self.run(e, todo);
    }

    fn run(self: &Rc<Self>, e: &Rc<Enforcement>, todo: Vec<ApprovalStep>) {
        for d in todo {
            match d {
                ApprovalStep::Tell(desk, m) => self.to_desk(&desk, &m),
                ApprovalStep::Release(desk, m, proof, approved) => {
                    self.release(e, desk, m, proof, approved.as_ref())
                }
                ApprovalStep::Drop(id) => e.service.drop_challenge(&id),
                ApprovalStep::Authenticated(desk) => self.authenticated(&desk),
                ApprovalStep::Note(code, desk, words) => {
                    tracing::warn!(%desk, code, "{words}");
                    e.roster.note(NewEvent::new(now(), "gateway", code, desk.as_str(), words));
                }
                ApprovalStep::Challenge { held, desk, approval, deadline } => {
                    self.challenge(e, held, desk, approval, deadline)
                }
                ApprovalStep::Verify { held, desk, challenge, answer } => {
                    self.verify(e, held, desk, challenge, answer)
                }
                ApprovalStep::Register { desk, name, evidence } => {
                    self.register(e, &desk, name, Authority::ByKey { evidence_seq: evidence });
                }
            }
        }
    }

    /// What was approved goes on only for a desk that is on and was not cut off meanwhile: a second
    /// person's touch must not bring to life what a lock has just ended.
    fn release(
        self: &Rc<Self>,
        e: &Rc<Enforcement>,
        desk: CompId,
        m: AppMessage,
        proof: Proof,
        approved: Option<&Action>,
    ) {
        if self.connection(&desk).is_none() {
            let words = format!(
                "approved {} of a desk that is not on any more; it went nowhere",
                m.msg_type()
            );
            tracing::warn!(%desk, "{words}");
            return e.roster.note(NewEvent::new(
                now(),
                "gateway",
                "stepup.desk_gone",
                desk.as_str(),
                words,
            ));
        }
        let at = now();
        // The touch is younger than the message, and it is the touch that counts.
        let m = as_of(m, at);
        // Limits may be used up and policies changed since it was held. What the router would
        // refuse it refuses itself.
        if let Some(p) = self.with_router(|r| r.proposal(&desk, &m, at)) {
            if approved.is_some_and(|a| *a != p.action) {
                let words = format!(
                    "approved {} would do something else by now; it went nowhere",
                    m.msg_type()
                );
                tracing::error!(%desk, "{words}");
                e.roster.note(NewEvent::new(
                    at,
                    "gateway",
                    "stepup.not_what_was_approved",
                    desk.as_str(),
                    words,
                ));
                return self.refuse_approved(&desk, &m, at);
            }
            let ruling = match self.ruling(&desk, &p, proof, at) {
                r if r.outcome == Outcome::Deny => r,
                r if r.outcome == Outcome::Allow && proof.touched => {
                    self.gate().acted(&desk, at);
                    return self.let_through(at, &desk, m);
                }
                r => r.not_to_be_had(
                    "entitle.changed",
                    "What it needs has changed while it waited.",
                    "Send it again.",
                ),
            };
            return self.refuse_unentitled(&desk, &m, &ruling, at);
        }
        self.let_through(at, &desk, m);
    }

    fn refuse_approved(&self, desk: &CompId, m: &AppMessage, at: UtcMillis) {
        let words = "what would be done now is not what was approved; send it again".to_owned();
        let refusal = match m {
            AppMessage::QuoteRequest(q) => {
                AppMessage::QuoteRequestReject(request_refusal(q, NOT_AUTHORIZED, words, None))
            }
            AppMessage::QuoteResponse(r) => {
                AppMessage::ExecutionReport(accept_refusal(r, words, at))
            }
            _ => return,
        };
        self.to_desk(desk, &refusal);
    }

    fn challenge(
        self: &Rc<Self>,
        e: &Rc<Enforcement>,
        held: HeldId,
        desk: CompId,
        approval: Approval,
        deadline: UtcMillis,
    ) {
        let (core, e) = (self.clone(), e.clone());
        let connection = self.connection(&desk);
        tokio::task::spawn_local(async move {
            let made = match connection {
                Some(c) => {
                    let ticket = Ticket {
                        user: c.user,
                        desk: desk.to_string(),
                        exporter: c.exporter,
                        approval: approval.clone(),
                        policy: e.policy.clone(),
                        deadline,
                    };
                    e.service.begin(ticket).await
                }
                None => Err(StepUpRefusal::Unavailable),
            };
            let made = made.map(|c| (c.id, c.options, c.deadline)).map_err(ApprovalRefusal::from);
            core.step(&e, |w| w.challenged(held, &desk, &approval, made, now()));
        });
    }

    fn verify(
        self: &Rc<Self>,
        e: &Rc<Enforcement>,
        held: HeldId,
        desk: CompId,
        challenge: String,
        answer: String,
    ) {
        let (core, e) = (self.clone(), e.clone());
        // The connection as it is now: an answer that came over another one does not fit its
        // challenge.
        let connection = self.connection(&desk);
        tokio::task::spawn_local(async move {
            let result = match connection {
                Some(c) => e.service.finish(&challenge, desk.as_str(), c.exporter, answer).await,
                None => Err(StepUpRefusal::NotYours),
            };
            let result = result.map(|p| p.evidence_seq).map_err(ApprovalRefusal::from);
            core.step(&e, |w| w.verified(held, &desk, &challenge, result, now()));
        });
    }

    fn about_keys(self: &Rc<Self>, e: &Rc<Enforcement>, desk: &CompId, k: KeyRequest) {
        let (core, enforcement, d) = (self.clone(), e.clone(), desk.clone());
        let (Some(c), Some(place)) = (self.connection(desk), e.permit(desk)) else {
            return self.to_desk(desk, &refused(&StepUpRefusal::Busy));
        };
        tokio::task::spawn_local(async move {
            let (_place, e) = (place, enforcement);
            match k {
                KeyRequest::List => match e.service.keys(&c.user).await {
                    Ok(keys) => {
                        core.to_desk(&d, &AppMessage::KeyReport(KeyReport::List(key_list(&keys))))
                    }
                    Err(why) => core.to_desk(&d, &refused(&why)),
                },
                KeyRequest::Begin { name, code } => match e.service.keys(&c.user).await {
                    Ok(keys) if keys.iter().any(|k| k.state == KeyState::Active) => {
                        core.step(&e, |w| w.hold_registration(&d, name, now()));
                    }
                    Ok(_) => {
                        core.register(&e, &d, name, Authority::ByCode(code.map(Zeroizing::new)))
                    }
                    Err(why) => core.to_desk(&d, &refused(&why)),
                },
                KeyRequest::Finish { id, credential } => {
                    let report = match e
                        .service
                        .finish_registration(&id, d.as_str(), c.exporter, credential)
                        .await
                    {
                        Ok(key) => AppMessage::KeyReport(KeyReport::Registered { name: key.name }),
                        Err(why) => refused(&why),
                    };
                    core.to_desk(&d, &report);
                    core.look_at_keys(&e, &d);
                }
            }
        });
    }

    fn register(
        self: &Rc<Self>,
        e: &Rc<Enforcement>,
        desk: &CompId,
        key_name: String,
        authority: Authority,
    ) {
        let Some(c) = self.connection(desk) else { return };
        let (core, e, desk) = (self.clone(), e.clone(), desk.clone());
        tokio::task::spawn_local(async move {
            let ticket = KeyTicket {
                user: c.user,
                desk: desk.to_string(),
                exporter: c.exporter,
                serial: c.serial,
                key_name,
                authority,
            };
            let report = match e.service.begin_registration(ticket).await {
                Ok(c) => AppMessage::KeyReport(KeyReport::Options {
                    id: c.id,
                    deadline: c.deadline,
                    options: c.options,
                }),
                Err(why) => refused(&why),
            };
            core.to_desk(&desk, &report);
        });
    }

    /// Asks how many good keys the desk's person has; the desk is told when that changed.
    fn look_at_keys(self: &Rc<Self>, e: &Rc<Enforcement>, desk: &CompId) {
        let Some(c) = self.connection(desk) else { return };
        let (core, e, desk) = (self.clone(), e.clone(), desk.clone());
        tokio::task::spawn_local(async move {
            let keys = e.service.keys(&c.user).await.unwrap_or_default();
            let good = keys.iter().filter(|k| k.state == KeyState::Active).count();
            core.step(&e, |w| w.keys(&desk, u32::try_from(good).unwrap_or(u32::MAX), now()));
        });
    }
}

/// What the desk reads of an RFQ that waits here: when it ends at the latest.
fn pending(q: &QuoteRequest, until: UtcMillis) -> AppMessage {
    let report =
        QuoteStatusReport::of_rfq(q.id.clone(), q.instrument.clone(), RfqStatus::Pending, None);
    AppMessage::QuoteStatusReport(QuoteStatusReport { until: Some(until), ..report })
}

/// An accept that is let through now, whenever it was sent.
fn as_of(m: AppMessage, at: UtcMillis) -> AppMessage {
    match m {
        AppMessage::QuoteResponse(r) => AppMessage::QuoteResponse(QuoteResponse { at, ..r }),
        m => m,
    }
}

/// What the rules of `[step_up.when]` want and what the policies want: the stricter of the two,
/// with its reason.
fn stricter(rules: Wanted, policies: &Ruling) -> Wanted {
    let words = || policies.words.clone();
    match (rules, policies.outcome) {
        (rules, Outcome::Allow) => rules,
        (Wanted::TwoPeople(reason), Outcome::TwoPeople) => {
            Wanted::TwoPeople(format!("{reason} {}", words()))
        }
        (Wanted::TwoPeople(reason), _) => Wanted::TwoPeople(reason),
        (_, Outcome::TwoPeople | Outcome::Deny) => Wanted::TwoPeople(words()),
        (Wanted::Touch(reason), _) => Wanted::Touch(format!("{reason} {}", words())),
        (Wanted::Nothing, _) => Wanted::Touch(words()),
    }
}

fn refused(why: &StepUpRefusal) -> AppMessage {
    AppMessage::KeyReport(KeyReport::Refused {
        code: why.code().into(),
        text: Some(why.to_string()),
        cure: Some(why.cure().into()),
    })
}

fn is_about_keys(m: &AppMessage) -> bool {
    matches!(
        m,
        AppMessage::StepUpAnswer(_) | AppMessage::StepUpRequest { .. } | AppMessage::KeyRequest(_)
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
