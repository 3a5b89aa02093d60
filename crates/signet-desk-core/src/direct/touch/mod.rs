//! Touches at a desk without a gateway. The pending approvals are those of a gateway
//! ([`signet_stepup::pending`]) for one person, and this laptop does the checks of a relying party.
//! The book gets the messages that a gateway would send.
//!
//! When the connection is lost, everything that waits is dropped; the trader may send it again.

mod keys;

use super::{action::DirectAction, refusal::TouchRefusal, store::TouchStore};
use crate::{
    clock::Moment,
    problem::{problem, sentence},
    venue::DirectStepUp,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_fix::{
    AppMessage,
    message::{AccessState, Answer},
};
use signet_identity::CompId;
use signet_rfq::{AcceptId, RfqId, UtcMillis};
use signet_stepup::{
    Action, Approval, Context, SessionReason,
    approval::digest_of,
    asking::wanted,
    evidence::{Evidence, VERSION},
    pending::{ApprovalRefusal, ApprovalStep, Asked, HeldId, Matter, PendingApprovals},
    rp::{Assertion, PendingAssertion, PendingRegistration, RpError},
    rules::Wanted,
};
use std::collections::{BTreeMap, VecDeque};

/// A challenge that has no answer yet.
struct OpenChallenge {
    approval: Approval,
    /// On the laptop's clock.
    deadline: UtcMillis,
    assertion: PendingAssertion,
}

struct Registration {
    id: String,
    name: String,
    /// On the laptop's clock.
    deadline: UtcMillis,
    pending: PendingRegistration,
}

pub(super) struct Touch {
    settings: DirectStepUp,
    store: TouchStore,
    /// CompID of this desk.
    desk: CompId,
    venue: CompId,
    /// Its times are on the laptop's clock.
    pending: PendingApprovals,
    open: BTreeMap<String, OpenChallenge>,
    registration: Option<Registration>,
    next: u64,
    /// The TLS exporter of the connection, while there is one.
    exporter: Option<[u8; 32]>,
}

impl Touch {
    pub(super) fn new(
        settings: DirectStepUp,
        store: TouchStore,
        desk: &CompId,
        venue: &CompId,
    ) -> Self {
        let pending = PendingApprovals::new(settings.rules.clone(), venue, settings.answer_ms);
        Self {
            settings,
            store,
            desk: desk.clone(),
            venue: venue.clone(),
            pending,
            open: BTreeMap::new(),
            registration: None,
            next: 1,
            exporter: None,
        }
    }

    // ----- the session -----

    /// Logged on over a new connection. A touch that was owed is still owed; one on an earlier
    /// connection does not count on this one.
    pub(super) fn up(&mut self, exporter: [u8; 32], now: Moment) -> Vec<DirectAction> {
        self.exporter = Some(exporter);
        let keys = self.store.good();
        let mut todo = self.pending.desk_up(&self.desk, self.desk.as_str(), false, now.laptop);
        todo.extend(self.pending.keys(&self.desk, keys, now.laptop));
        self.run(todo, now)
    }

    /// The connection was lost: drops everything that waits, so that nothing is sent later.
    pub(super) fn lost(&mut self, now: Moment) -> Vec<DirectAction> {
        (self.exporter, self.registration) = (None, None);
        let todo = self.pending.desk_lost(&self.desk, &(&TouchRefusal::LinkLost).into());
        let out = self.run(todo, now);
        self.open.clear();
        out
    }

    /// Asks for a touch that verifies the trader.
    pub(super) fn verify(&mut self, why: SessionReason, now: Moment) -> Vec<DirectAction> {
        if self.exporter.is_none() {
            return Vec::new();
        }
        let todo = self.pending.verify_again(&self.desk, why, now.laptop);
        self.run(todo, now)
    }

    // ----- what is to be sent -----

    /// The trader did something, which keeps the lease from becoming idle.
    pub(super) fn active(&mut self, now: Moment) {
        self.pending.active(&self.desk, now.laptop);
    }

    /// What the rules want for an action. The pause before it counts, also one that ended since the
    /// clock's last turn.
    pub(super) fn wanted(&mut self, action: &Action, now: Moment) -> Wanted {
        self.pending.pass(&self.desk, now.laptop);
        let state = self.pending.state(&self.desk);
        wanted(&self.settings.rules, action, &state, now.laptop)
    }

    /// Holds a message until it is approved, at most until `ends` on the laptop's clock, when it
    /// expires.
    pub(super) fn hold(
        &mut self,
        m: AppMessage,
        action: Action,
        reason: String,
        ends: UtcMillis,
        now: Moment,
    ) -> Vec<DirectAction> {
        let asked = Asked { wanted: Wanted::Touch(reason), policies: Vec::new() };
        let todo = self.pending.hold(&self.desk, m, action, asked, Some(ends), now.laptop);
        self.run(todo, now)
    }

    /// Whether this accept is held.
    pub(super) fn holds(&self, accept: &AcceptId) -> bool {
        self.pending.accept(&self.desk, accept).is_some()
    }

    /// The trader ends an RFQ that is held; `None` if none with this id is.
    pub(super) fn cancelled(&mut self, rfq: &RfqId, now: Moment) -> Option<Vec<DirectAction>> {
        let todo = self.pending.cancelled(&self.desk, rfq)?;
        Some(self.run(todo, now))
    }

    // ----- answers -----

    /// The ceremony ended. Its challenge cannot be answered again.
    pub(super) fn answered(&mut self, id: &str, answer: Answer, now: Moment) -> Vec<DirectAction> {
        let todo = self.pending.answered(&self.desk, id, answer);
        let mut out = self.run(todo, now);
        // A key whose counter went back is locked.
        out.extend(self.look_at_keys(now));
        out
    }

    /// Applies the deadlines. `gone` says why a held message must no longer be sent.
    pub(super) fn tick(
        &mut self,
        gone: impl Fn(&AppMessage) -> Option<String>,
        now: Moment,
    ) -> Vec<DirectAction> {
        let held = self.pending.messages();
        let over = held.filter_map(|(id, _, m)| gone(m).map(|words| (id, m.clone(), words)));
        let over: Vec<(HeldId, AppMessage, String)> = over.collect();
        let dead: Vec<HeldId> = over.iter().map(|(id, ..)| *id).collect();
        let todo = self.pending.tick(&dead, now.laptop);
        let mut out = self.run(todo, now);
        for action in &mut out {
            // The kernel releases an expired message without an approval and does not know why it
            // expired.
            if let DirectAction::NotSent(m, problem) = action
                && let Some((.., words)) = over.iter().find(|(_, o, _)| o == m)
            {
                *problem = TouchRefusal::Gone(words.clone()).problem();
            }
        }
        if self.registration.as_ref().is_some_and(|r| r.deadline <= now.laptop) {
            self.registration = None;
            out.push(DirectAction::ToBook(refused(&TouchRefusal::Late)));
        }
        out
    }

    // ----- what the approvals want done -----

    /// Carries out the steps at once, because this laptop is the relying party.
    fn run(&mut self, todo: Vec<ApprovalStep>, now: Moment) -> Vec<DirectAction> {
        let mut todo: VecDeque<ApprovalStep> = todo.into();
        let mut out = Vec::new();
        while let Some(step) = todo.pop_front() {
            let next = match step {
                ApprovalStep::Challenge { held, desk, approval, deadline } => {
                    let made = self.challenge(&approval, deadline, now);
                    let made = made.map_err(|e| (&e).into());
                    self.pending.challenged(held, &desk, &approval, made)
                }
                ApprovalStep::Verify { held, desk, challenge, answer } => {
                    let judged = self.judge(&challenge, &answer, now);
                    if let Err(why) = &judged {
                        tracing::warn!(code = why.code(), "step-up refused: {why}");
                    }
                    // The evidence of direct mode has no number.
                    let judged = judged.map(|()| 0).map_err(|e| (&e).into());
                    self.pending.verified(held, &desk, &challenge, judged, now.laptop)
                }
                ApprovalStep::Drop(id) => {
                    self.open.remove(&id);
                    continue;
                }
                ApprovalStep::Register { name, .. } => {
                    out.push(self.begin_registration(name, now));
                    continue;
                }
                ApprovalStep::Tell(_, m) => {
                    out.push(DirectAction::ToBook(on_venues_clock(m, now)));
                    continue;
                }
                ApprovalStep::Refuse { what, why, .. } => {
                    out.push(not_sent(what, &why));
                    continue;
                }
                ApprovalStep::Release { message, approved, .. } => {
                    out.push(match approved {
                        Some(_) => DirectAction::Release(message),
                        None => {
                            let why = TouchRefusal::Gone("the quote or the RFQ ended".into());
                            DirectAction::NotSent(message, why.problem())
                        }
                    });
                    continue;
                }
                ApprovalStep::Resume { message, .. } => {
                    out.push(DirectAction::Release(message));
                    continue;
                }
                ApprovalStep::Note(code, _, words) => {
                    tracing::warn!(code, "{words}");
                    continue;
                }
                // A plain venue is not told about touches.
                ApprovalStep::Authenticated(_) => continue,
            };
            for step in next.into_iter().rev() {
                todo.push_front(step);
            }
        }
        out
    }

    /// Makes a challenge: its id, its options, and its deadline on the venue's clock.
    fn challenge(
        &mut self,
        approval: &Approval,
        deadline: UtcMillis,
        now: Moment,
    ) -> Result<(String, String, UtcMillis), TouchRefusal> {
        approval.text().map_err(|e| TouchRefusal::BadApproval(e.to_string()))?;
        let rp = &self.settings.relying_party;
        let (options, assertion) = rp.begin_assertion(&self.store.usable(rp)?)?;
        let id = self.new_id();
        self.open
            .insert(id.clone(), OpenChallenge { approval: approval.clone(), deadline, assertion });
        Ok((id, options, now.on_venues_clock(deadline)))
    }

    fn new_id(&mut self) -> String {
        self.next += 1;
        format!("desk-{}", self.next)
    }

    /// Verifies an answer. A challenge allows one answer, in time, on this connection. The evidence
    /// is on disk before the message is released.
    fn judge(&mut self, id: &str, json: &str, now: Moment) -> Result<(), TouchRefusal> {
        let OpenChallenge { approval, deadline, assertion } =
            self.open.remove(id).ok_or(TouchRefusal::NotOpen)?;
        if now.laptop > deadline {
            return Err(TouchRefusal::Late);
        }
        let text = approval.text().map_err(|e| TouchRefusal::BadApproval(e.to_string()))?;
        let expected = Context {
            approval: digest_of(&text),
            exporter: self.exporter.ok_or(TouchRefusal::LinkLost)?,
        };
        let rp = &self.settings.relying_party;
        let assertion = match rp.finish_assertion(assertion, json, &expected) {
            Ok(a) => a,
            Err(e) => {
                if let RpError::CounterWentBack { credential_id } = &e {
                    self.store.lock(credential_id)?;
                }
                return Err(e.into());
            }
        };
        let counter = assertion.counter;
        let evidence = self
            .evidence(text, expected.exporter, deadline, assertion, now)
            .ok_or(RpError::UnknownKey)?;
        self.store.record(counter, &evidence, now.laptop)?;
        tracing::info!(action = approval.action.word(), "step-up passed");
        Ok(())
    }

    fn evidence(
        &self,
        approval: String,
        exporter: [u8; 32],
        deadline: UtcMillis,
        a: Assertion,
        now: Moment,
    ) -> Option<Evidence> {
        let rp = &self.settings.relying_party;
        let key = self.store.key(&B64.encode(&a.credential_id))?;
        Some(Evidence {
            v: VERSION,
            at_ms: now.laptop.0,
            user: self.desk.to_string(),
            approver: self.desk.to_string(),
            key_name: key.name.clone(),
            approval,
            policy: self.settings.policy.clone(),
            challenge: B64.encode(a.challenge),
            deadline_ms: deadline.0,
            rp_id: rp.rp_id().into(),
            origin: rp.origin().into(),
            tls_exporter: B64.encode(exporter),
            credential_id: key.credential_id.clone(),
            public_key: key.public_key.clone(),
            aaguid: key.aaguid.clone(),
            client_data_json: B64.encode(a.client_data_json),
            authenticator_data: B64.encode(a.authenticator_data),
            signature: B64.encode(a.signature),
            attestation_object: key.attestation_object.clone(),
            registration_client_data_json: key.client_data_json.clone(),
        })
    }

    /// Tells the pending approvals how many keys are good, after a touch or a registration.
    fn look_at_keys(&mut self, now: Moment) -> Vec<DirectAction> {
        let keys = self.store.good();
        let todo = self.pending.keys(&self.desk, keys, now.laptop);
        self.run(todo, now)
    }
}

/// Converts the times of a message for the book, which are on the venue's clock.
fn on_venues_clock(m: AppMessage, now: Moment) -> AppMessage {
    match m {
        AppMessage::AccessState(a) => {
            let lease_until = a.lease_until.map(|t| now.on_venues_clock(t));
            AppMessage::AccessState(AccessState { lease_until, ..a })
        }
        m => m,
    }
}

fn not_sent(what: Matter, why: &ApprovalRefusal) -> DirectAction {
    let problem = problem(&why.code, sentence(&why.text), &why.cure);
    match what {
        Matter::Message(m) => DirectAction::NotSent(m, problem),
        Matter::Register(_) => DirectAction::ToBook(why.key_report()),
        Matter::Session(_) | Matter::Ahead(_) => DirectAction::Tell(problem),
    }
}

fn refused(why: &TouchRefusal) -> AppMessage {
    ApprovalRefusal::from(why).key_report()
}
