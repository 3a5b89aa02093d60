//! The step-up service: judges, remembers what is open, writes down what passed. Runs on the
//! registry's thread; [`super::handle`] carries questions to it.

use super::{
    Challenge, KeyView, Passed, StepUpRefusal, Ticket,
    handle::{REQUESTS_MAX, Request},
    pending::{Full, Missed, Pending, Place},
    registration::Follow,
};
use crate::{
    config::StepUp,
    limits::{PeerBudgets, RateLimit, left_out_words},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_registry::{
    AccountState, KeyRecord, KeySelector, KeyState, NewEvent, RecordRefusal, Registry,
    RegistryError, first_key::Grant,
};
use signet_rfq::UtcMillis;
use signet_stepup::{
    Approval, Context,
    approval::digest_of,
    evidence::{Evidence, VERSION},
    rp::{Assertion, Passkey, PendingAssertion, PendingRegistration, RpError},
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// A database that takes longer counts as one that does not answer; what was asked may or may not
/// have been done.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Questions that are being answered at once.
const WORKING_MAX: usize = REQUESTS_MAX;
/// Wrong codes of one user: five in this time, and then none is looked at.
const CODE_WINDOW_MS: i64 = 600_000;

/// What waits for an answer.
pub(super) enum Row {
    StepUp { user: String, approval: Box<Approval>, because: Because, pending: PendingAssertion },
    Registration { user: String, name: String, grant: Grant, pending: PendingRegistration },
}

/// What a pass is written down with.
pub(super) struct Because {
    /// Digest of the policy that asked.
    policy: String,
    /// [`Ticket::asked`].
    asked: String,
}

pub(crate) struct Service {
    pub(super) registry: Registry,
    pub(super) settings: StepUp,
    open: RefCell<Pending<Row>>,
    /// Step-ups for another key, by their evidence.
    pub(super) follow: RefCell<HashMap<i64, Follow>>,
    pub(super) codes: RefCell<RateLimit>,
    budget: RefCell<PeerBudgets>,
    working: Cell<usize>,
}

/// A place among the questions that are being answered; free once this is dropped, also when the
/// answer panicked.
struct Answering(Rc<Service>);

impl Answering {
    /// `None`: as many are being answered as may be.
    fn begin(service: &Rc<Service>) -> Option<Self> {
        let working = service.working.get();
        if working >= WORKING_MAX {
            return None;
        }
        service.working.set(working + 1);
        Some(Self(service.clone()))
    }

    async fn run(self, request: Request) {
        self.0.answer(request).await;
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.working.set(self.0.working.get().saturating_sub(1));
    }
}

/// Who asks, for the log.
pub(super) struct Asker<'a> {
    pub user: &'a str,
    pub desk: &'a str,
}

/// What a challenge was for.
struct Asked<'a> {
    user: &'a str,
    approval: &'a Approval,
    because: &'a Because,
    place: &'a Place,
}

impl Service {
    pub fn new(registry: Registry, settings: StepUp) -> Self {
        let codes = RefCell::new(RateLimit::with_window(CODE_WINDOW_MS));
        let (open, follow, budget) = Default::default();
        Self { registry, settings, open, follow, codes, budget, working: Cell::new(0) }
    }

    /// Answers until nobody can ask. A question that waits for the database holds up no
    /// other.
    pub async fn serve(self: Rc<Self>, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            match Answering::begin(&self) {
                Some(answering) => drop(tokio::task::spawn_local(answering.run(request))),
                None => request.refuse(StepUpRefusal::Busy),
            }
        }
    }

    async fn answer(&self, request: Request) {
        let now = crate::clock::now();
        match request {
            Request::Begin(t, to) => drop(to.send(self.in_time(self.begin(*t, now)).await)),
            Request::Finish { id, desk, exporter, answer, to } => {
                drop(to.send(self.in_time(self.finish(&id, &desk, exporter, &answer, now)).await));
            }
            Request::Drop(id) => drop(self.open.borrow_mut().remove(&id)),
            Request::BeginRegistration(t, to) => {
                drop(to.send(self.in_time(self.begin_registration(*t, now)).await))
            }
            Request::FinishRegistration { id, desk, exporter, answer, to } => {
                drop(
                    to.send(
                        self.in_time(self.finish_registration(&id, &desk, exporter, &answer, now))
                            .await,
                    ),
                );
            }
            Request::Keys { user, to } => drop(to.send(self.in_time(self.keys(&user)).await)),
            Request::Rename { user, key, name, to } => {
                drop(to.send(self.in_time(self.rename(&user, &key, &name, now)).await))
            }
        }
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, StepUpRefusal>>,
    ) -> Result<T, StepUpRefusal> {
        timeout(ANSWER_MAX, work).await.unwrap_or_else(|_| {
            tracing::error!("step-up: the registry did not answer in time");
            Err(StepUpRefusal::Unavailable)
        })
    }

    async fn begin(&self, t: Ticket, now: UtcMillis) -> Result<Challenge, StepUpRefusal> {
        let bad = |why: &str| StepUpRefusal::BadApproval(why.into());
        t.approval.text().map_err(|e| bad(&e.to_string()))?;
        if t.approval.approver != t.desk {
            return Err(bad("it is to be approved at another desk"));
        }
        if now > t.deadline {
            return Err(StepUpRefusal::Late);
        }
        self.room(&t.desk, &t.exporter, now)?;
        let keys = self.usable(&self.holder(&t.user).await?.1)?;
        let (options, pending) = self.settings.relying_party.begin_assertion(&keys)?;
        let deadline = UtcMillis(t.deadline.0.min(now.0 + self.settings.answer_ms));
        let place = Place { desk: t.desk, exporter: t.exporter, deadline };
        let because = Because { policy: t.policy, asked: t.asked };
        let row = Row::StepUp { user: t.user, approval: Box::new(t.approval), because, pending };
        Ok(Challenge { id: self.keep(place, row, now)?, options, deadline })
    }

    async fn finish(
        &self,
        id: &str,
        desk: &str,
        exporter: [u8; 32],
        answer: &str,
        now: UtcMillis,
    ) -> Result<Passed, StepUpRefusal> {
        let (place, row) = self.take(id, desk, &exporter, now).await?;
        let Row::StepUp { user, approval, because, pending } = row else {
            return Err(StepUpRefusal::NotOpen);
        };
        let asker = Asker { user: &user, desk };
        let done = self
            .judge(
                &Asked { user: &user, approval: &approval, because: &because, place: &place },
                pending,
                answer,
                now,
            )
            .await;
        match &done {
            Ok(passed) => {
                tracing::info!(
                    user,
                    desk,
                    evidence = passed.evidence_seq,
                    action = approval.action.word(),
                    "step-up passed"
                );
                self.remember(passed.evidence_seq, user, place, approval.action, now);
            }
            Err(e) => self.refused(&asker, e, approval.action.word(), now).await,
        }
        done
    }

    async fn judge(
        &self,
        asked: &Asked<'_>,
        pending: PendingAssertion,
        answer: &str,
        now: UtcMillis,
    ) -> Result<Passed, StepUpRefusal> {
        let text = asked.approval.text().map_err(|e| StepUpRefusal::BadApproval(e.to_string()))?;
        let expected = Context { approval: digest_of(&text), exporter: asked.place.exporter };
        let assertion =
            match self.settings.relying_party.finish_assertion(pending, answer, &expected) {
                Ok(a) => a,
                Err(e) => {
                    if let RpError::CounterWentBack { credential_id } = &e {
                        self.registry
                            .counter_went_back(credential_id, self.settings.counter_back, now)
                            .await
                            .map_err(unavailable)?;
                    }
                    return Err(e.into());
                }
            };
        let credential_id = B64.encode(&assertion.credential_id);
        let keys = self.registry.keys_of(asked.user).await.map_err(unavailable)?;
        let key = keys
            .into_iter()
            .find(|k| k.credential_id == credential_id)
            .ok_or(StepUpRefusal::NoSuchKey)?;
        let counter = (assertion.counter, self.settings.counter_back);
        let evidence = self.evidence(asked, text, assertion, &key, now);
        let for_what = (asked.approval.action.word(), asked.because.asked.as_str());
        let done =
            self.registry.record_assertion(&credential_id, counter, evidence, for_what, now).await;
        let recorded = done.map_err(|e| match e {
            RecordRefusal::UserLocked => StepUpRefusal::UserLocked,
            RecordRefusal::KeyNotActive => StepUpRefusal::NoUsableKey("it was locked or removed"),
            RecordRefusal::CounterWentBack => {
                RpError::CounterWentBack { credential_id: credential_id.clone() }.into()
            }
            RecordRefusal::Registry(e) => unavailable(e),
        })?;
        Ok(Passed { evidence_seq: recorded.seq, key_name: recorded.key_name })
    }

    fn evidence(
        &self,
        asked: &Asked<'_>,
        approval: String,
        a: Assertion,
        key: &KeyRecord,
        now: UtcMillis,
    ) -> Evidence {
        let rp = &self.settings.relying_party;
        Evidence {
            v: VERSION,
            at_ms: now.0,
            user: asked.user.into(),
            approver: asked.place.desk.clone(),
            key_name: key.name.clone(),
            approval,
            policy: asked.because.policy.clone(),
            challenge: B64.encode(a.challenge),
            deadline_ms: asked.place.deadline.0,
            rp_id: rp.rp_id().into(),
            origin: rp.origin().into(),
            tls_exporter: B64.encode(asked.place.exporter),
            credential_id: key.credential_id.clone(),
            public_key: key.attestation.public_key.clone(),
            aaguid: key.aaguid.clone(),
            client_data_json: B64.encode(a.client_data_json),
            authenticator_data: B64.encode(a.authenticator_data),
            signature: B64.encode(a.signature),
            attestation_object: key.attestation.object.clone(),
            registration_client_data_json: key.attestation.client_data_json.clone(),
        }
    }

    async fn keys(&self, user: &str) -> Result<Vec<KeyView>, StepUpRefusal> {
        let keys = self.registry.keys_of(user).await.map_err(unavailable)?;
        Ok(keys.iter().filter(|k| k.state != KeyState::Removed).map(view).collect())
    }

    async fn rename(
        &self,
        user: &str,
        key: &str,
        name: &str,
        now: UtcMillis,
    ) -> Result<KeyView, StepUpRefusal> {
        let which = KeySelector { user: user.into(), key: key.into() };
        let renamed = self.registry.rename_key(&which, name, user, now).await;
        renamed.map(|k| view(&k)).map_err(Into::into)
    }

    /// A user who may act: the name for people, and the keys.
    pub(super) async fn holder(
        &self,
        user: &str,
    ) -> Result<(String, Vec<KeyRecord>), StepUpRefusal> {
        let (state, name, keys) = self.registry.key_holder(user).await.map_err(unavailable)?;
        if state == AccountState::Locked {
            Err(StepUpRefusal::UserLocked)
        } else {
            Ok((name, keys))
        }
    }

    /// The keys that may answer: active, and of a model that is still approved.
    fn usable(&self, keys: &[KeyRecord]) -> Result<Vec<Passkey>, StepUpRefusal> {
        if keys.iter().all(|k| k.state == KeyState::Removed) {
            return Err(StepUpRefusal::NoKey);
        }
        let active: Vec<&KeyRecord> = keys.iter().filter(|k| k.state == KeyState::Active).collect();
        if active.is_empty() {
            return Err(StepUpRefusal::NoUsableKey("locked"));
        }
        let rp = &self.settings.relying_party;
        let read = |k: &&KeyRecord| {
            Passkey::from_json(&k.passkey)
                .map(|p| p.with_counter(k.counter))
                .and_then(|p| rp.still_listed(&p).map(|_| p.clone()))
        };
        let (mut good, mut why) = (Vec::new(), "");
        for k in &active {
            match read(k) {
                Ok(p) => good.push(p),
                Err(e) => {
                    tracing::warn!(
                        user = k.user,
                        key = k.id,
                        code = e.code(),
                        "a registered key is left out: {e}"
                    );
                    why = if matches!(e, RpError::StoredKey(_)) {
                        "they cannot be read"
                    } else {
                        "their models are no longer approved"
                    };
                }
            }
        }
        if good.is_empty() { Err(StepUpRefusal::NoUsableKey(why)) } else { Ok(good) }
    }

    pub(super) fn room(
        &self,
        desk: &str,
        exporter: &[u8; 32],
        now: UtcMillis,
    ) -> Result<(), StepUpRefusal> {
        self.open.borrow_mut().make_room(desk, exporter, now).map_err(|full| match full {
            Full::Desk => StepUpRefusal::TooManyOpen,
            Full::All => StepUpRefusal::Busy,
        })
    }

    /// Keeps a challenge; its id. Room is asked for again: others may have come while the database
    /// was asked.
    pub(super) fn keep(
        &self,
        place: Place,
        row: Row,
        now: UtcMillis,
    ) -> Result<String, StepUpRefusal> {
        self.room(&place.desk, &place.exporter, now)?;
        let mut random = [0u8; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| StepUpRefusal::Unavailable)?;
        let id = B64.encode(random);
        self.open.borrow_mut().insert(id.clone(), place, row);
        Ok(id)
    }

    pub(super) async fn take(
        &self,
        id: &str,
        desk: &str,
        exporter: &[u8; 32],
        now: UtcMillis,
    ) -> Result<(Place, Row), StepUpRefusal> {
        let taken = self.open.borrow_mut().take(id, desk, exporter, now);
        let refusal = match taken {
            Ok(found) => return Ok(found),
            Err(Missed::NotOpen) => StepUpRefusal::NotOpen,
            Err(Missed::NotYours) => StepUpRefusal::NotYours,
            Err(Missed::Late) => StepUpRefusal::Late,
        };
        self.refused(&Asker { user: "", desk }, &refusal, "answer", now).await;
        Err(refusal)
    }

    /// Writes a refusal down, unless it is ours or there are too many.
    pub(super) async fn refused(
        &self,
        asker: &Asker<'_>,
        why: &StepUpRefusal,
        what: &str,
        now: UtcMillis,
    ) {
        tracing::warn!(
            user = asker.user,
            desk = asker.desk,
            code = why.code(),
            what,
            "step-up refused: {why}"
        );
        if matches!(why, StepUpRefusal::Unavailable | StepUpRefusal::Busy) {
            return;
        }
        let Some(left_out) = self.budget.borrow_mut().spend(asker.desk, now) else { return };
        let more = left_out_words(left_out);
        let detail = format!("{what}: {} {why}{more}", why.code());
        let event = NewEvent::new(
            now,
            &format!("desk {}", asker.desk),
            "stepup.refused",
            asker.user,
            detail,
        );
        if let Err(e) = self.registry.note(event).await {
            tracing::error!(error = %e, code = e.code(), "a refused step-up could not be written \
                down");
        }
    }
}

pub(super) fn view(k: &KeyRecord) -> KeyView {
    KeyView {
        id: k.id.clone(),
        name: k.name.clone(),
        model: k.model.clone(),
        state: k.state,
        registered: k.registered,
        last_used: k.last_used,
    }
}

pub(super) fn unavailable(e: RegistryError) -> StepUpRefusal {
    match e {
        RegistryError::NoSuchKey(_) => StepUpRefusal::NoSuchKey,
        RegistryError::NoSuchUser(_) => StepUpRefusal::NoKey,
        e => {
            tracing::error!(
                error = %e,
                code = e.code(),
                "step-up: the registry failed; {}",
                e.cure()
            );
            StepUpRefusal::Unavailable
        }
    }
}

// The registry in it is a gateway's, and a gateway is a Unix server.
#[cfg(all(test, unix))]
#[path = "service_tests.rs"]
mod tests;
