//! Where router, journal and sessions meet. One thread; never awaits.

use crate::{
    budget::Class,
    clock::now,
    config::LimitsSection,
    enforce::{Connection, Enforcement},
    entitle::Gate,
    limit::{JournalBudget, left_out_words},
    live::Live,
    peers::Peers,
    references::Sent,
    registry_view::RegistryView,
    risk::{Access, Risk},
    signed::Signed,
};
use signet_fix::{
    AppMessage,
    message::{BusinessReject, DecodeError, SnapshotMark},
    session::{Event, Session},
};
use signet_registry::NewEvent;
use signet_rfq::{CompId, DealerId, UtcMillis};
use signet_router::{
    Input, Output, Router,
    journal::{Journal, JournalError},
};
use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

/// Everything the gateway's tasks share.
pub struct Core {
    state: RefCell<State>,
    pub desks: RefCell<BTreeMap<CompId, Rc<Session>>>,
    pub dealers: RefCell<BTreeMap<DealerId, Rc<Session>>>,
    /// Desks that are on, when there is a registry to ask whether they may stay.
    pub live: RefCell<BTreeMap<CompId, Live>>,
    enforcement: OnceCell<Rc<Enforcement>>,
    risk: OnceCell<Rc<Risk>>,
    roster: OnceCell<Rc<RegistryView>>,
    gate: Rc<Gate>,
    /// What each dealer was sent, by sequence number: rejects may name nothing else.
    sent: RefCell<BTreeMap<DealerId, Sent>>,
    /// Events about executions that people must look at; what is beyond is in the log only.
    alerts: RefCell<JournalBudget>,
    /// What was signed is kept here before it is acted on.
    pub signed: Signed,
    /// What each peer may draw out of us.
    pub peers: Peers,
}

struct State {
    router: Router,
    journal: Journal,
}

impl Core {
    pub fn new(
        router: Router,
        journal: Journal,
        gate: Gate,
        signed: Signed,
        limits: LimitsSection,
    ) -> Self {
        Self {
            state: RefCell::new(State { router, journal }),
            desks: RefCell::default(),
            dealers: RefCell::default(),
            live: RefCell::default(),
            enforcement: OnceCell::new(),
            risk: OnceCell::new(),
            roster: OnceCell::new(),
            gate: Rc::new(gate),
            sent: RefCell::default(),
            alerts: RefCell::default(),
            signed,
            peers: Peers::new(limits),
        }
    }

    /// From now on what desks send goes through it.
    pub fn enforce(&self, e: Enforcement) {
        let _ = self.enforcement.set(Rc::new(e));
    }

    pub fn enforcement(&self) -> Option<Rc<Enforcement>> {
        self.enforcement.get().cloned()
    }

    /// What each access is judged by.
    pub fn judge_by(&self, risk: Rc<Risk>, roster: Option<Rc<RegistryView>>) {
        let _ = self.risk.set(risk);
        if let Some(r) = roster {
            let _ = self.roster.set(r);
        }
    }

    pub fn risk(&self) -> Option<Rc<Risk>> {
        self.risk.get().cloned()
    }

    pub fn roster(&self) -> Option<Rc<RegistryView>> {
        self.roster.get().cloned()
    }

    /// An event that is about no desk in particular.
    pub fn note(&self, code: &'static str, words: &str) {
        if let Some(r) = self.roster() {
            r.note(NewEvent::new(now(), "gateway", code, "gateway", words));
        }
    }

    /// What is known of a desk's connection, while it is on.
    pub fn access(&self, desk: &CompId) -> Option<Rc<Access>> {
        self.live.borrow().get(desk).filter(|l| !l.cut.done()).map(|l| l.access.clone())
    }

    /// The entitlements: what they do not allow reaches no dealer.
    pub fn gate(&self) -> &Rc<Gate> {
        &self.gate
    }

    /// A trading day begins so long after midnight UTC.
    pub fn day_begins(&self, ms: i64) {
        self.state.borrow_mut().router.day_begins(ms);
    }

    /// Who is at a desk that is on, and over which connection.
    pub fn connection(&self, desk: &CompId) -> Option<Connection> {
        self.live.borrow().get(desk).filter(|l| !l.cut.done()).map(|l| l.connection.clone())
    }

    pub fn with_router<T>(&self, f: impl FnOnce(&Router) -> T) -> T {
        f(&self.state.borrow().router)
    }

    pub fn to_desk(&self, desk: &CompId, m: &AppMessage) {
        let session = self.desks.borrow().get(desk).cloned();
        if let Some(Err(e)) = session.map(|s| s.send(m)) {
            tracing::warn!(%desk, msg_type = m.msg_type(), error = %e, "not sent to the desk");
        }
    }

    pub fn desk_event(self: &Rc<Self>, desk: &CompId, event: Event) {
        match event {
            Event::LoggedOn => {
                tracing::info!(%desk, "desk logged on");
                self.tell_decision(desk);
                self.gate.seen(desk, now());
                self.handle(Input::DeskUp(desk.clone()));
                self.desk_is_on(desk);
            }
            Event::LoggedOut { .. } => {
                tracing::info!(%desk, "desk logged out");
                self.handle(Input::DeskDown(desk.clone()));
                self.desk_is_off(desk);
            }
            Event::Message { message, meta } => {
                let message = self.within_budget(desk, message, &meta);
                match message.and_then(|m| self.kept_of_desk(desk, m, &meta)) {
                    Some(AppMessage::PostureReport { envelope }) => {
                        self.posture_report(desk, &envelope)
                    }
                    Some(message) => self.from_desk(desk, message),
                    None => {}
                }
            }
            Event::Refused { msg_type, error } => {
                tracing::warn!(%desk, msg_type, %error, "message from a desk refused");
                self.counts_fault(desk);
                if let DecodeError::Signature(why) = &error {
                    self.unsigned_by_desk(desk, &msg_type, why);
                }
            }
            Event::Rejected { ref_msg_type, text, .. } => {
                tracing::warn!(%desk, ref_msg_type, text, "a desk rejected a message of ours");
                self.counts_fault(desk);
            }
            _ => {}
        }
    }

    pub fn dealer_event(&self, dealer: &DealerId, event: Event) {
        match event {
            Event::LoggedOn => {
                tracing::info!(%dealer, "dealer logged on");
                self.handle(Input::DealerUp(dealer.clone()));
            }
            Event::LoggedOut { text, .. } => {
                tracing::info!(%dealer, text, "dealer logged out");
                self.handle(Input::DealerDown(dealer.clone()));
            }
            Event::Message { message, meta } => {
                self.counts_dealer(dealer, Class::of(&message), meta.bytes);
                self.keep_of_dealer(dealer, &message, &meta);
                let message = match message {
                    AppMessage::BusinessReject(j) => {
                        AppMessage::BusinessReject(self.reference(dealer, j))
                    }
                    AppMessage::QuoteCancel(c) if c.rfq.is_none() => {
                        let named = self.with_router(|r| r.cancels(dealer, c));
                        let inputs = named
                            .into_iter()
                            .map(|c| Input::FromDealer(dealer.clone(), AppMessage::QuoteCancel(c)));
                        return inputs.for_each(|input| self.handle(input));
                    }
                    m => m,
                };
                self.handle(Input::FromDealer(dealer.clone(), message));
            }
            Event::Refused { msg_type, error } => {
                tracing::warn!(%dealer, msg_type, %error, "message from a dealer refused");
                self.counts_dealer_fault(dealer);
                if let DecodeError::Signature(why) = &error {
                    self.unsigned_by_dealer(dealer, &msg_type, why);
                }
            }
            Event::Rejected { ref_seq, ref_msg_type, text } => {
                tracing::warn!(%dealer, ref_msg_type, text, "a dealer rejected a message of ours");
                self.counts_dealer(dealer, Class::Reject, text.len());
                // A message that could not be read was not processed either.
                let reject = BusinessReject {
                    ref_seq_num: Some(ref_seq),
                    ref_msg_type,
                    ref_id: None,
                    reason: 0,
                    text: Some(text),
                };
                let reject = self.reference(dealer, reject);
                self.handle(Input::FromDealer(dealer.clone(), AppMessage::BusinessReject(reject)));
            }
            _ => {}
        }
    }

    /// What a reject is about: by 379 if it is there, else by the sequence number (45) of what this
    /// dealer was sent.
    fn reference(&self, dealer: &DealerId, j: BusinessReject) -> BusinessReject {
        if j.ref_id.is_some() {
            return j;
        }
        let sent = self.sent.borrow();
        match j.ref_seq_num.and_then(|seq| sent.get(dealer).and_then(|s| s.of(seq))) {
            Some((msg_type, id)) => {
                BusinessReject { ref_msg_type: msg_type.into(), ref_id: Some(id.into()), ..j }
            }
            None => j,
        }
    }

    pub fn tick(self: &Rc<Self>) {
        self.handle(Input::Tick);
        self.enforcement_tick();
        self.entitlements_tick(now());
        if let Some(r) = self.roster() {
            r.tell_left_out();
        }
        let mut s = self.state.borrow_mut();
        let State { router, journal } = &mut *s;
        if let Err(e) = journal.tidy(router) {
            tracing::error!(error = %e, "the journal could not be tidied");
        }
    }

    /// One input, and every consequence of it.
    pub fn handle(&self, input: Input) {
        self.handle_at(now(), input);
    }

    /// A message of a desk that was decided about as of `at`: the router sees it at that time too,
    /// so that a clock that is set in between cannot make it take what was not weighed.
    pub fn let_through(&self, at: UtcMillis, desk: &CompId, m: AppMessage) {
        self.handle_at(at, Input::FromDesk(desk.clone(), m));
    }

    fn handle_at(&self, at: UtcMillis, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.decide(input, at) {
                if let Some(consequence) = self.act(output) {
                    inputs.push_back(consequence);
                }
            }
        }
    }

    fn decide(&self, input: Input, at: UtcMillis) -> Vec<Output> {
        let mut s = self.state.borrow_mut();
        let State { router, journal } = &mut *s;
        match journal.record(at, input.clone(), router) {
            Ok(input) => router.handle(at, input),
            Err(e) => {
                // What cannot be written down is not done: a disk that is full stops new business
                // from desks. Answers of dealers go through: they tell what is already so.
                tracing::error!(error = %e, "the journal cannot be written");
                match (&input, &e) {
                    (Input::FromDesk(desk, m), JournalError::Full { .. }) => {
                        self.note_about("journal.full", desk.as_str(), &e.to_string());
                        vec![Output::ToDesk(desk.clone(), no_room(m, &e))]
                    }
                    (Input::FromDesk(desk, m), _) => {
                        vec![Output::ToDesk(desk.clone(), not_now(m.msg_type()))]
                    }
                    // It would undo the next start.
                    (Input::FromDealer(dealer, m), JournalError::NotReadable) => {
                        vec![Output::Alert {
                            code: "journal.not_readable",
                            about: dealer.to_string(),
                            words: format!(
                                "a message ({}) that cannot be written down was not acted on",
                                m.msg_type()
                            ),
                        }]
                    }
                    _ => router.handle(at, input),
                }
            }
        }
    }

    fn act(&self, output: Output) -> Option<Input> {
        match output {
            Output::ToDesk(desk, m) => {
                let m = match m {
                    AppMessage::VenueState(v) => AppMessage::VenueState(self.visible(&desk, v)),
                    m => m,
                };
                if matches!(m, AppMessage::Snapshot(SnapshotMark::End)) {
                    self.held_requests(&desk).iter().for_each(|held| self.to_desk(&desk, held));
                }
                self.to_desk(&desk, &m);
                None
            }
            Output::ToDealer(dealer, m) => {
                let session = self.dealers.borrow().get(&dealer).cloned();
                match session.map(|s| s.send(&m)) {
                    Some(Ok(seq)) => {
                        self.sent.borrow_mut().entry(dealer).or_default().note(seq, &m);
                        None
                    }
                    refused => {
                        let error = refused.and_then(Result::err).map(|e| e.to_string());
                        tracing::warn!(%dealer, msg_type = m.msg_type(), error, "not sent to the dealer");
                        Some(Input::NotSentToDealer(dealer, m))
                    }
                }
            }
            Output::Traded(desk, dealer) => {
                self.gate.traded(&desk, &dealer);
                None
            }
            Output::Note(text) => {
                // Each begins with whom it is about, which the log's budget goes by.
                let peer = text.split(' ').next().unwrap_or_default();
                tracing::info!(peer, "{text}");
                None
            }
            Output::Alert { code, about, words } => {
                tracing::warn!(code, about, "{words}");
                if let (Some(roster), Some(left_out)) =
                    (self.roster(), self.alerts.borrow_mut().spend(now()))
                {
                    let words = format!("{words}{}", left_out_words(left_out));
                    roster.note(NewEvent::new(now(), "gateway", code, about, words));
                }
                None
            }
        }
    }
}

fn no_room(m: &AppMessage, why: &JournalError) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: m.msg_type().into(),
        ref_id: crate::signed::id_of(m),
        // 4: application not available.
        reason: 4,
        text: Some(format!(
            "{why}; nothing was done. RFQs without a trade are forgotten after 15 minutes \
                (journal.full)"
        )),
    })
}

fn not_now(msg_type: &str) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: msg_type.into(),
        ref_id: None,
        // 4: application not available.
        reason: 4,
        text: Some("the gateway cannot write its journal; nothing was done".into()),
    })
}
