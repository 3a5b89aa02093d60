//! The gateway: the real router, journal and kernel of pending approvals, put together as
//! `gateway/src/pipeline/message.rs` and `step_up.rs` do it, stage by stage and in their order.
//!
//! Left out are budgets, evidence and the risk of the access. The policies are a function, and the
//! step-up service is a table of challenges, each bound to its connection.

use crate::{cast::*, rules::*};
use signet_fix::{
    AppMessage,
    message::{
        Advice, BusinessReject, QuoteResponse, QuoteStatusReport, Response, RfqStatus, SnapshotMark,
    },
    session::{Event, Session},
};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_rfq::{DealerId, Rfq, UtcMillis};
use signet_router::{
    DealerSettings, DeskSettings, Input, Output, Proposal, Router, accept_age, accept_refusal,
    accept_waits,
    journal::{Journal, JournalError, JournalLimits, OnBadRecord},
    request_refusal,
};
use signet_stepup::{
    pending::{ApprovalRefusal, ApprovalStep, Approved, Asked, HeldId, Matter, PendingApprovals},
    rules::{Wanted, covered, wanted},
};
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    rc::Rc,
};

/// How long the step-up service takes, milliseconds.
const SERVICE_MS: i64 = 5;
const NOT_AUTHORIZED: u16 = 6;
const NOT_AVAILABLE: u16 = 4;

/// What the step-up service is working on.
#[allow(clippy::large_enum_variant, reason = "a handful exist at a time")]
enum Service {
    Challenge { held: HeldId, desk: CompId, approval: signet_stepup::Approval, deadline: UtcMillis },
    Verify { held: HeldId, desk: CompId, challenge: String, answer: String, connection: u32 },
}

pub(crate) struct Gateway {
    router: Router,
    /// `None` only while it is being changed.
    journal: Option<Journal>,
    pending: PendingApprovals,
    desk: Rc<Session>,
    dealers: Vec<Rc<Session>>,
    /// The desk's connection, to which challenges are bound.
    pub connection: u32,
    challenges: BTreeMap<String, u32>,
    made: u32,
    service: VecDeque<(i64, Service)>,
    /// The policies deny every accept.
    pub locked: bool,
    /// The gateway's clock, ahead of the true one by `offset`.
    now: UtcMillis,
    pub offset: i64,
    true_now: i64,
}

impl Gateway {
    /// Starts on what the journal holds.
    pub(crate) fn start(
        file: &Path,
        desk: Rc<Session>,
        dealers: Vec<Rc<Session>>,
    ) -> Result<Self, JournalError> {
        let settings = DeskSettings { id: comp(DESK), dealers: Default::default() };
        let known = DEALERS.map(|d| DealerSettings { id: dealer(d), name: d.to_lowercase() });
        let mut router = Router::new("SIM".into(), true, catalogue(), [settings], known);
        let journal = Journal::open(file, &StoreKey::new([7; 32]), &mut router, OnBadRecord::Stop)?;
        Ok(Self {
            router,
            journal: Some(journal),
            pending: PendingApprovals::new(step_up_rules(), &comp(GATEWAY), ANSWER_MS),
            desk,
            dealers,
            connection: 0,
            challenges: BTreeMap::new(),
            made: 0,
            service: VecDeque::new(),
            locked: false,
            now: UtcMillis(EPOCH),
            offset: 0,
            true_now: 0,
        })
    }

    fn at(&mut self, true_now: i64) {
        self.true_now = true_now;
        self.now = UtcMillis(EPOCH + true_now + self.offset);
    }

    /// What time it is for the gateway.
    pub(crate) fn clock(&self, true_now: i64) -> UtcMillis {
        UtcMillis(EPOCH + true_now + self.offset)
    }

    /// What the gateway holds of the desk's RFQs.
    pub(crate) fn rfqs(&self) -> Vec<Rfq> {
        self.router.rfqs_of(&comp(DESK)).cloned().collect()
    }

    /// The disk takes no new RFQ, or does again.
    pub(crate) fn disk(&mut self, full: bool) {
        let limits = match full {
            true => JournalLimits { total: 0, per_desk: 0 },
            false => JournalLimits::default(),
        };
        self.journal = self.journal.take().map(|j| j.with_limits(limits));
    }

    pub(crate) fn clock_was_set(&mut self, true_now: i64) {
        self.at(true_now);
        let todo = self.pending.clock_stepped(self.now);
        self.run(todo);
    }

    /// The timers: quotes and RFQs end, and what waits.
    pub(crate) fn tick(&mut self, true_now: i64) {
        self.at(true_now);
        self.route(Input::Tick);
        let now = self.now;
        let gone = |desk: &CompId, m: &AppMessage| self.router.action_of(desk, m, now).is_none();
        let dead: Vec<HeldId> =
            self.pending.accepts().filter(|(_, d, m)| gone(d, m)).map(|(id, ..)| id).collect();
        let todo = self.pending.tick(&dead, now);
        self.run(todo);
    }

    /// When the step-up service has its next answer, on the true clock.
    pub(crate) fn next_answer(&self) -> Option<i64> {
        self.service.front().map(|(t, _)| *t)
    }

    pub(crate) fn service_answers(&mut self, true_now: i64) {
        self.at(true_now);
        while self.service.front().is_some_and(|(t, _)| *t <= true_now) {
            let Some((_, what)) = self.service.pop_front() else { return };
            let todo = match what {
                Service::Challenge { held, desk, approval, deadline } => {
                    self.made += 1;
                    let id = format!("ch-{}", self.made);
                    self.challenges.insert(id.clone(), self.connection);
                    let made = Ok((id, "{}".to_owned(), deadline));
                    self.pending.challenged(held, &desk, &approval, made)
                }
                Service::Verify { held, desk, challenge, answer, connection } => {
                    let bound = self.challenges.remove(&challenge) == Some(connection);
                    let good = bound && answer == touch_of(&challenge);
                    let not = ApprovalRefusal::new("stepup.bad_signature", "not signed", "");
                    let result = if good { Ok(1) } else { Err(not) };
                    self.pending.verified(held, &desk, &challenge, result, self.now)
                }
            };
            self.run(todo);
        }
    }

    // ----- from the desk -----

    pub(crate) fn desk_event(&mut self, event: Event, true_now: i64) {
        self.at(true_now);
        let desk = comp(DESK);
        match event {
            Event::LoggedOn => {
                self.route(Input::DeskUp(desk.clone()));
                let todo = self.pending.desk_up(&desk, "trader", false, self.now);
                self.run(todo);
                let todo = self.pending.keys(&desk, 1, self.now);
                self.run(todo);
            }
            Event::LoggedOut { .. } => {
                self.route(Input::DeskDown(desk.clone()));
                let todo = self.pending.desk_down(&desk);
                self.run(todo);
            }
            Event::Message { message: AppMessage::StepUpAnswer(a), .. } => {
                let todo = self.pending.answered(&desk, &a.id, a.answer);
                self.run(todo);
            }
            Event::Message { message: AppMessage::KeyRequest(_), .. } => {}
            Event::Message { message, .. } => self.business(&desk, message),
            _ => {}
        }
    }

    fn business(&mut self, desk: &CompId, m: AppMessage) {
        let at = self.now;
        if self.answered_by_approvals(desk, &m) {
            return;
        }
        let proposal = accept_age(&m, at).is_ok().then(|| self.router.proposal(desk, &m, at));
        let Some(p) = proposal.flatten() else { return self.let_through(desk, m) };
        let state = self.pending.state(desk);
        let rules = self.pending.rules();
        let touched = covered(rules, &p.action, &state, at);
        let by_rules = wanted(rules, &p.action, &state, at);
        let ruling = entitled(&p.trade, self.locked, touched);
        if ruling == Ruling::Deny {
            return self.refuse(desk, &m, "the policies deny it");
        }
        self.pending.active(desk, at);
        match (by_rules, ruling) {
            (Wanted::Nothing, Ruling::Allow) => self.let_through(desk, m),
            (Wanted::Nothing, _) => self.hold(desk, m, p, Wanted::Touch("policy".into())),
            (by_rules, _) => self.hold(desk, m, p, by_rules),
        }
    }

    fn hold(&mut self, desk: &CompId, m: AppMessage, p: Proposal, wanted: Wanted) {
        let at = self.now;
        let rfq = if let AppMessage::QuoteRequest(q) = &m { Some(q.id.clone()) } else { None };
        let asked = Asked { wanted, policies: Vec::new() };
        let todo = self.pending.hold(desk, m, p.action, asked, p.ends, at);
        self.run(todo);
        let held = self.pending.requests(desk);
        if let Some((q, until)) = held.into_iter().find(|(q, _)| Some(&q.id) == rfq.as_ref()) {
            self.to_desk(&pending(&q, until));
        }
    }

    fn release(&mut self, desk: &CompId, m: AppMessage, approved: Option<Approved>) {
        if !self.desk.is_logged_on() {
            return;
        }
        let at = self.now;
        let m = match m {
            AppMessage::QuoteResponse(r) => {
                AppMessage::QuoteResponse(QuoteResponse { deadline: Some(at), at, ..r })
            }
            m => m,
        };
        let Some(p) = self.router.proposal(desk, &m, at) else {
            return self.let_through(desk, m);
        };
        if approved.as_ref().is_some_and(|a| a.action != p.action) {
            return self.refuse(desk, &m, "what would be done now is not what was approved");
        }
        let touched = approved.is_some();
        match entitled(&p.trade, self.locked, touched) {
            Ruling::Allow if touched => self.let_through(desk, m),
            _ => self.refuse(desk, &m, "what it needs has changed while it waited"),
        }
    }

    fn refuse(&mut self, _: &CompId, m: &AppMessage, words: &str) {
        let refusal = match m {
            AppMessage::QuoteRequest(q) => AppMessage::QuoteRequestReject(request_refusal(
                q,
                NOT_AUTHORIZED,
                words.into(),
                None,
            )),
            AppMessage::QuoteResponse(r) => {
                AppMessage::ExecutionReport(accept_refusal(r, words.into(), self.now))
            }
            _ => return,
        };
        self.to_desk(&refusal);
    }

    fn answered_by_approvals(&mut self, desk: &CompId, m: &AppMessage) -> bool {
        match m {
            AppMessage::RfqCancel { rfq, .. } => {
                let todo = self.pending.cancelled(desk, rfq);
                todo.map(|todo| self.run(todo)).is_some()
            }
            AppMessage::OrderStatusRequest(h) => {
                let waits = self.pending.accept(desk, &h.accept).map(|r| accept_waits(r, self.now));
                waits.map(|e| self.to_desk(&AppMessage::ExecutionReport(e))).is_some()
            }
            _ => false,
        }
    }

    fn run(&mut self, todo: Vec<ApprovalStep>) {
        for step in todo {
            match step {
                ApprovalStep::Tell(_, m) => self.to_desk(&m),
                ApprovalStep::Refuse { what, why, .. } => {
                    if let Some(m) = refusal(&what, &why, self.now) {
                        self.to_desk(&m);
                    }
                }
                ApprovalStep::Release { desk, message, approved } => {
                    self.release(&desk, message, approved)
                }
                ApprovalStep::Drop(id) => drop(self.challenges.remove(&id)),
                ApprovalStep::Challenge { held, desk, approval, deadline } => {
                    let what = Service::Challenge { held, desk, approval, deadline };
                    self.service.push_back((self.true_now + SERVICE_MS, what));
                }
                ApprovalStep::Verify { held, desk, challenge, answer } => {
                    let connection = self.connection;
                    let what = Service::Verify { held, desk, challenge, answer, connection };
                    self.service.push_back((self.true_now + SERVICE_MS, what));
                }
                ApprovalStep::Register { .. }
                | ApprovalStep::Authenticated(_)
                | ApprovalStep::Note(..) => {}
            }
        }
    }

    // ----- from dealers -----

    pub(crate) fn dealer_event(&mut self, which: usize, event: Event, true_now: i64) {
        self.at(true_now);
        let dealer = dealer(DEALERS[which]);
        match event {
            Event::LoggedOn => self.route(Input::DealerUp(dealer)),
            Event::LoggedOut { .. } => self.route(Input::DealerDown(dealer)),
            Event::Message { message: AppMessage::QuoteCancel(c), .. } if c.rfq.is_none() => {
                for c in self.router.cancels(&dealer, c) {
                    self.route(Input::FromDealer(dealer.clone(), AppMessage::QuoteCancel(c)));
                }
            }
            Event::Message { message, .. } => self.route(Input::FromDealer(dealer, message)),
            _ => {}
        }
    }

    // ----- journal, router, and what leaves -----

    fn let_through(&mut self, desk: &CompId, m: AppMessage) {
        self.route(Input::FromDesk(desk.clone(), m));
    }

    fn route(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.decide(input) {
                inputs.extend(self.act(output));
            }
        }
    }

    fn decide(&mut self, input: Input) -> Vec<Output> {
        let at = self.now;
        let Some(journal) = &mut self.journal else { return Vec::new() };
        let e = match journal.record(at, input.clone(), &self.router) {
            Ok(input) => return self.router.handle(at, input),
            Err(e) => e,
        };
        match &input {
            Input::FromDesk(desk, m) => vec![Output::ToDesk(desk.clone(), not_done(m, &e))],
            _ => self.router.handle(at, input),
        }
    }

    fn act(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::ToDesk(desk, m) => {
                if matches!(m, AppMessage::Snapshot(SnapshotMark::End)) {
                    for (q, until) in self.pending.requests(&desk) {
                        let waits = pending(&q, until);
                        self.to_desk(&AppMessage::Snapshot(SnapshotMark::Rfq(q)));
                        self.to_desk(&waits);
                    }
                }
                self.to_desk(&m);
                None
            }
            Output::ToDealer(dealer, m) => self.send_dealer(dealer, m),
            Output::Untold(..) | Output::Traded(..) | Output::Note(_) | Output::Alert { .. } => {
                None
            }
        }
    }

    fn send_dealer(&mut self, to: DealerId, m: AppMessage) -> Option<Input> {
        let which = DEALERS.iter().position(|d| *d == to.as_str());
        let sent = which.is_some_and(|i| self.dealers[i].send(&m).is_ok());
        (!sent).then_some(Input::NotSentToDealer(to, m))
    }

    fn to_desk(&self, m: &AppMessage) {
        let _ = self.desk.send(m);
    }
}

/// The rules' word for an accept that a dealer is about to get.
pub(crate) fn is_accept(m: &AppMessage) -> Option<&QuoteResponse> {
    match m {
        AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => Some(r),
        _ => None,
    }
}

fn pending(q: &signet_fix::message::QuoteRequest, until: UtcMillis) -> AppMessage {
    let report =
        QuoteStatusReport::of_rfq(q.id.clone(), q.instrument.clone(), RfqStatus::Pending, None);
    AppMessage::QuoteStatusReport(QuoteStatusReport { until: Some(until), ..report })
}

fn refusal(what: &Matter, why: &ApprovalRefusal, at: UtcMillis) -> Option<AppMessage> {
    Some(match what {
        Matter::Message(AppMessage::QuoteRequest(q)) => {
            let advice = Advice { code: why.code.clone(), cure: why.cure.clone() };
            let text = format!("not sent to any dealer: {}", why.text);
            let refusal = request_refusal(q, NOT_AUTHORIZED, text, Some(advice));
            AppMessage::QuoteRequestReject(refusal)
        }
        Matter::Message(AppMessage::QuoteResponse(r)) => {
            let text = format!("not sent to the dealer: {}", why.text);
            AppMessage::ExecutionReport(accept_refusal(r, text, at))
        }
        _ => return None,
    })
}

fn not_done(m: &AppMessage, e: &JournalError) -> AppMessage {
    let ref_id = match m {
        AppMessage::QuoteRequest(q) => Some(q.id.to_string()),
        AppMessage::QuoteResponse(r) => Some(r.id.to_string()),
        AppMessage::RfqCancel { rfq, .. } => Some(rfq.to_string()),
        AppMessage::OrderStatusRequest(h) => Some(h.accept.to_string()),
        _ => None,
    };
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: m.msg_type().into(),
        ref_id,
        reason: NOT_AVAILABLE,
        text: Some(format!("{e}; nothing was done")),
    })
}
