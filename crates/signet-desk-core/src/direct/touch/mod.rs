//! What waits for a touch in this desk, and what the session has proved. The same rules as a
//! gateway's, for one person, with the checks of a relying party; what it says to the book are the
//! messages a gateway would send.
//!
//! Nothing waits over a lost connection: whoever sent it sends it again, or not.

mod keys;

use super::{action::DirectAction, refusal::TouchRefusal, store::TouchStore};
use crate::{clock::Moment, venue::DirectStepUp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_fix::{
    AppMessage,
    message::{AccessState, Answer, KeyReport, StepUpChallenge, StepUpOutcome, StepUpStatus},
};
use signet_rfq::{RfqId, UtcMillis};
use signet_stepup::{
    Action, Approval, Context, SessionReason,
    approval::digest_of,
    evidence::{Evidence, VERSION},
    rp::{Assertion, PendingAssertion, PendingRegistration, RpError},
    rules::{LogonRule, Standing, Wanted, wanted, words},
};

/// Messages that may wait at once.
pub(super) const MAX_HELD: usize = 8;

/// What a good touch sets in motion.
#[derive(Debug)]
enum What {
    Message(Box<AppMessage>),
    Session,
    Register(String),
}

struct Held {
    id: String,
    what: What,
    approval: Approval,
    /// On the laptop's clock.
    deadline: UtcMillis,
    pending: PendingAssertion,
}

struct Registration {
    id: String,
    name: String,
    deadline: UtcMillis,
    pending: PendingRegistration,
}

/// Something that wants a touch.
struct Ask {
    what: What,
    action: Action,
    reason: String,
    deadline: UtcMillis,
}

pub(super) struct Touch {
    settings: DirectStepUp,
    store: TouchStore,
    /// CompIDs of this desk and of the venue.
    desk: String,
    venue: String,
    standing: Standing,
    /// When the trader last did something, on the laptop's clock.
    active: UtcMillis,
    held: Vec<Held>,
    registration: Option<Registration>,
    /// What the book was last told, to tell it again only when it changed.
    told: Option<AccessState>,
    next: u64,
    /// Of the connection that is up.
    exporter: Option<[u8; 32]>,
    out: Vec<DirectAction>,
}

impl Touch {
    pub fn new(settings: DirectStepUp, store: TouchStore, desk: &str, venue: &str) -> Self {
        Self {
            settings,
            store,
            desk: desk.into(),
            venue: venue.into(),
            standing: Standing::default(),
            active: UtcMillis(0),
            held: Vec::new(),
            registration: None,
            told: None,
            next: 1,
            exporter: None,
            out: Vec::new(),
        }
    }

    // ----- the session -----

    /// Logged on over a new connection: what was proved on another is worth nothing here, and what
    /// was owed still is.
    pub fn up(&mut self, exporter: [u8; 32], now: Moment) -> Vec<DirectAction> {
        (self.exporter, self.active) = (Some(exporter), now.laptop);
        self.tell_access(now);
        let logon =
            (self.settings.rules.logon == LogonRule::Always).then_some(SessionReason::Logon);
        if let Some(why) = self.standing.owes.or(logon) {
            self.ask_session(why, now);
        }
        self.done()
    }

    /// Whatever waits is dropped: nothing is sent later by itself.
    pub fn lost(&mut self) -> Vec<DirectAction> {
        (self.exporter, self.standing.lease, self.told, self.registration) =
            (None, None, None, None);
        for h in std::mem::take(&mut self.held) {
            self.end(h, StepUpStatus::Withdrawn, &TouchRefusal::LinkLost);
        }
        self.done()
    }

    /// The trader, or this laptop, wants the trader to be verified anew.
    pub fn verify(&mut self, why: SessionReason, now: Moment) -> Vec<DirectAction> {
        if self.exporter.is_some() && self.settings.rules.asks(why) {
            self.ask_session(why, now);
        }
        self.done()
    }

    fn ask_session(&mut self, why: SessionReason, now: Moment) {
        self.standing = self.standing.verify(why);
        self.end_session_asks("it is asked anew");
        let deadline = now.laptop + self.settings.answer_ms;
        self.keep(
            Ask {
                what: What::Session,
                action: Action::Session(why),
                reason: words(why).into(),
                deadline,
            },
            now,
        );
        self.tell_access(now);
    }

    fn end_session_asks(&mut self, text: &str) {
        self.withdraw(|h| matches!(h.what, What::Session), text);
    }

    fn withdraw(&mut self, which: impl Fn(&Held) -> bool, text: &str) {
        let (gone, stay): (Vec<Held>, Vec<Held>) =
            std::mem::take(&mut self.held).into_iter().partition(|h| which(h));
        self.held = stay;
        for h in gone {
            self.out.push(outcome(
                &h.id,
                StepUpStatus::Withdrawn,
                Some(("stepup.withdrawn", text.to_owned(), "")),
            ));
        }
    }

    // ----- what is to be sent -----

    /// The trader did something: the lease goes on.
    pub fn active(&mut self, now: Moment) {
        self.active = now.laptop;
        self.standing.active(now.laptop);
    }

    pub fn wanted(&self, action: &Action, now: Moment) -> Wanted {
        wanted(&self.settings.rules, action, &self.standing, now.laptop)
    }

    /// Keeps a message back until it is approved, at the longest until `ends` (laptop's clock),
    /// when it would be worth nothing any more.
    pub fn hold(
        &mut self,
        m: AppMessage,
        action: Action,
        reason: String,
        ends: UtcMillis,
        now: Moment,
    ) -> Vec<DirectAction> {
        if self.held.iter().any(|h| h.is_same(&m)) {
            return Vec::new();
        }
        if self.held.len() >= MAX_HELD {
            self.refuse(What::Message(Box::new(m)), &TouchRefusal::TooManyOpen);
            return self.done();
        }
        self.end_session_asks("this is settled with the touch for what you just sent");
        let deadline = UtcMillis(ends.0.min(now.laptop.0 + self.settings.answer_ms));
        self.keep(Ask { what: What::Message(Box::new(m)), action, reason, deadline }, now);
        self.done()
    }

    /// Whether this message waits.
    pub fn holds(&self, of: impl Fn(&AppMessage) -> bool) -> bool {
        self.messages().any(of)
    }

    pub fn messages(&self) -> impl Iterator<Item = &AppMessage> {
        self.held.iter().filter_map(|h| match &h.what {
            What::Message(m) => Some(m.as_ref()),
            _ => None,
        })
    }

    /// The trader ends an RFQ that waits; `None` when none of this id does.
    pub fn cancelled(&mut self, rfq: &RfqId) -> Option<Vec<DirectAction>> {
        let of = |h: &Held| matches!(&h.what, What::Message(m) if matches!(m.as_ref(), AppMessage::QuoteRequest(q) if &q.id == rfq));
        self.held.iter().any(of).then(|| {
            self.withdraw(of, "you ended the RFQ");
            self.done()
        })
    }

    /// Draws a challenge and shows it, or says why it cannot be.
    fn keep(&mut self, ask: Ask, now: Moment) {
        let approval = Approval {
            gateway: self.venue.clone(),
            desk: self.desk.clone(),
            approver: self.desk.clone(),
            action: ask.action,
        };
        let made = approval.text().map_err(|e| TouchRefusal::BadApproval(e.to_string())).and_then(
            |text| {
                let rp = &self.settings.relying_party;
                let (options, pending) = rp.begin_assertion(&self.store.usable(rp)?)?;
                Ok((text, options, pending))
            },
        );
        match made {
            Ok((text, options, pending)) => {
                let id = self.new_id();
                let deadline = now.on_venues_clock(ask.deadline);
                let challenge = StepUpChallenge {
                    id: id.clone(),
                    reason: Some(ask.reason),
                    deadline,
                    approval: text,
                    options,
                };
                self.held.push(Held {
                    id,
                    what: ask.what,
                    approval,
                    deadline: ask.deadline,
                    pending,
                });
                self.out.push(DirectAction::ToBook(AppMessage::StepUpChallenge(challenge)));
            }
            Err(why) => self.refuse(ask.what, &why),
        }
    }

    fn new_id(&mut self) -> String {
        self.next += 1;
        format!("desk-{}", self.next)
    }

    // ----- answers -----

    /// The ceremony ended. Its challenge is gone whatever comes of it.
    pub fn answered(&mut self, id: &str, answer: Answer, now: Moment) -> Vec<DirectAction> {
        let Some(at) = self.held.iter().position(|h| h.id == id) else {
            let why = TouchRefusal::NotOpen;
            self.out.push(outcome(
                id,
                StepUpStatus::Refused,
                Some((why.code(), why.to_string(), why.cure())),
            ));
            return self.done();
        };
        let h = self.held.remove(at);
        match answer {
            Answer::Declined(_) | Answer::Failed(_) => {
                self.end(h, StepUpStatus::Refused, &TouchRefusal::Declined)
            }
            Answer::Signed(_) if now.laptop > h.deadline => {
                self.end(h, StepUpStatus::Expired, &TouchRefusal::Late)
            }
            Answer::Signed(json) => self.signed(h, &json, now),
        }
        self.tell_access(now);
        self.done()
    }

    fn signed(&mut self, h: Held, json: &str, now: Moment) {
        let Held { id, what, approval, deadline, pending } = h;
        if let Err(why) = self.judge(&approval, deadline, pending, json, now) {
            tracing::warn!(
                code = why.code(),
                action = approval.action.word(),
                "step-up refused: {why}"
            );
            self.out.push(outcome(
                &id,
                StepUpStatus::Refused,
                Some((why.code(), why.to_string(), why.cure())),
            ));
            return self.refuse(what, &why);
        }
        tracing::info!(action = approval.action.word(), "step-up passed");
        self.out.push(outcome(&id, StepUpStatus::Passed, None));
        self.active = now.laptop;
        self.standing = self.standing.touched(&self.settings.rules, now.laptop);
        match what {
            What::Message(m) => self.out.push(DirectAction::Release(*m)),
            What::Register(name) => self.begin_registration(name, now),
            What::Session => {}
        }
    }

    fn judge(
        &mut self,
        approval: &Approval,
        deadline: UtcMillis,
        pending: PendingAssertion,
        json: &str,
        now: Moment,
    ) -> Result<(), TouchRefusal> {
        let text = approval.text().map_err(|e| TouchRefusal::BadApproval(e.to_string()))?;
        let expected = Context {
            approval: digest_of(&text),
            exporter: self.exporter.ok_or(TouchRefusal::LinkLost)?,
        };
        let assertion = match self.settings.relying_party.finish_assertion(pending, json, &expected)
        {
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
        self.store.record(counter, &evidence, now.laptop)
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
            user: self.desk.clone(),
            approver: self.desk.clone(),
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

    /// Closes the dialog and says what became of what waited.
    fn end(&mut self, h: Held, status: StepUpStatus, why: &TouchRefusal) {
        self.out.push(outcome(&h.id, status, Some((why.code(), why.to_string(), why.cure()))));
        self.refuse(h.what, why);
    }

    fn refuse(&mut self, what: What, why: &TouchRefusal) {
        self.out.push(match what {
            What::Message(m) => DirectAction::NotSent(*m, why.problem()),
            What::Register(_) => DirectAction::ToBook(refused(why)),
            What::Session => DirectAction::Tell(why.problem()),
        });
    }

    /// What time does. `gone` says why a message would be worth nothing any more.
    pub fn tick(
        &mut self,
        gone: impl Fn(&AppMessage) -> Option<String>,
        now: Moment,
    ) -> Vec<DirectAction> {
        for h in std::mem::take(&mut self.held) {
            let dead = match &h.what {
                What::Message(m) => gone(m),
                _ => None,
            };
            match dead {
                Some(words) => self.end(h, StepUpStatus::Withdrawn, &TouchRefusal::Gone(words)),
                None if h.deadline <= now.laptop => {
                    self.end(h, StepUpStatus::Expired, &TouchRefusal::Late)
                }
                None => self.held.push(h),
            }
        }
        if self.registration.as_ref().is_some_and(|r| r.deadline <= now.laptop) {
            self.registration = None;
            self.out.push(DirectAction::ToBook(refused(&TouchRefusal::Late)));
        }
        if self.exporter.is_some()
            && self.standing.passes(&self.settings.rules, self.active, now.laptop)
        {
            self.tell_access(now);
        }
        self.done()
    }

    fn tell_access(&mut self, now: Moment) {
        if self.exporter.is_none() {
            return;
        }
        let (rules, keys) = (&self.settings.rules, self.store.good());
        let lease = self.standing.lease.filter(|l| l.good(rules, now.laptop));
        let state = AccessState {
            lease_until: lease.map(|l| l.until),
            idle_s: rules.idle_minutes.saturating_mul(60),
            on_wake: rules.on_wake,
            on_unlock: rules.on_unlock,
            step_up: true,
            keys,
            approver: false,
            text: self.standing.obstacle(keys),
        };
        // Compared on the laptop's clock: the other one is measured anew all the time.
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            let lease_until = state.lease_until.map(|t| now.on_venues_clock(t));
            self.out.push(DirectAction::ToBook(AppMessage::AccessState(AccessState {
                lease_until,
                ..state
            })));
        }
    }

    fn done(&mut self) -> Vec<DirectAction> {
        std::mem::take(&mut self.out)
    }
}

impl Held {
    fn is_same(&self, m: &AppMessage) -> bool {
        let What::Message(mine) = &self.what else { return false };
        match (mine.as_ref(), m) {
            (AppMessage::QuoteRequest(a), AppMessage::QuoteRequest(b)) => a.id == b.id,
            (AppMessage::QuoteResponse(a), AppMessage::QuoteResponse(b)) => a.id == b.id,
            _ => false,
        }
    }
}

fn outcome(id: &str, status: StepUpStatus, why: Option<(&str, String, &str)>) -> DirectAction {
    let (code, text, cure) =
        why.map_or((None, None, None), |(c, t, u)| (Some(c.into()), Some(t), Some(u.into())));
    let cure = cure.filter(|c: &String| !c.is_empty());
    DirectAction::ToBook(AppMessage::StepUpOutcome(StepUpOutcome {
        id: id.into(),
        status,
        code,
        text,
        cure,
    }))
}

fn refused(why: &TouchRefusal) -> AppMessage {
    AppMessage::KeyReport(KeyReport::Refused {
        code: why.code().into(),
        text: Some(why.to_string()),
        cure: Some(why.cure().into()),
    })
}
