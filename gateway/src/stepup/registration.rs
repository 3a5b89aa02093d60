//! How a security key is registered: who may, by what, and the ceremony.

use super::{
    Authority, Challenge, KeyTicket, KeyView, StepUpRefusal,
    pending::Place,
    service::{Asker, Row, Service, unavailable, view},
};
use crate::limits::Subject;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use signet_registry::{
    AddKeyRefusal, Attestation, CodePurpose, KeyRecord, KeyState, NewKeyRow, check_key_name,
    code::OneTimeCode,
    first_key::{FirstKeyRefusal, Grant, Ground, may_register},
};
use signet_rfq::UtcMillis;
use signet_stepup::{
    Action,
    evidence::dashed,
    rp::{KEYS_MAX, Passkey, PendingRegistration, Person},
};

/// How long a step-up for another key may be followed by its registration.
const FOLLOW_MS: i64 = 120_000;
/// Step-ups for another key that are remembered.
const FOLLOW_MAX: usize = 1_000;

/// A step-up for another key that was passed, and where.
pub(super) struct Follow {
    user: String,
    desk: String,
    exporter: [u8; 32],
    name: String,
    at: UtcMillis,
}

impl Service {
    /// A step-up for another key entitles to register it, here and soon.
    pub(super) fn remember(
        &self,
        seq: i64,
        user: String,
        place: Place,
        action: Action,
        now: UtcMillis,
    ) {
        let Action::RegisterKey { name } = action else { return };
        let mut follow = self.follow.borrow_mut();
        follow.retain(|_, f| is_soon(f.at, now));
        if follow.len() < FOLLOW_MAX {
            follow.insert(
                seq,
                Follow { user, desk: place.desk, exporter: place.exporter, name, at: now },
            );
        }
    }

    pub(super) async fn begin_registration(
        &self,
        t: KeyTicket,
        now: UtcMillis,
    ) -> Result<Challenge, StepUpRefusal> {
        check_key_name(&t.key_name).map_err(StepUpRefusal::KeyName)?;
        self.room(&t.desk, &t.exporter, now)?;
        let (display, keys) = self.holder(&t.user).await?;
        let keys: Vec<KeyRecord> =
            keys.into_iter().filter(|k| k.state != KeyState::Removed).collect();
        if keys.len() >= KEYS_MAX {
            return Err(StepUpRefusal::TooManyKeys);
        }
        if keys.iter().any(|k| k.name.to_lowercase() == t.key_name.to_lowercase()) {
            return Err(StepUpRefusal::KeyName("one of your other keys' already"));
        }
        let granted = self.grant(&t, now).await;
        if let Err(e) = &granted {
            self.refused(&Asker { user: &t.user, desk: &t.desk }, e, "register-key", now).await;
        }
        let grant = granted?;
        let person = Person { id: handle_of(&t.user), name: t.user.clone(), display };
        // One that cannot be read cannot be told apart from a new one; the database still does.
        let existing: Vec<Passkey> =
            keys.iter().filter_map(|k| Passkey::from_json(&k.passkey).ok()).collect();
        let (options, pending) =
            self.settings.relying_party.begin_registration(&person, &existing)?;
        let deadline = UtcMillis(now.0 + self.settings.answer_ms);
        let place = Place { desk: t.desk, exporter: t.exporter, deadline };
        let row = Row::Registration { user: t.user, name: t.key_name, grant, pending };
        Ok(Challenge { id: self.keep(place, row, now)?, options, deadline })
    }

    async fn grant(&self, t: &KeyTicket, now: UtcMillis) -> Result<Grant, StepUpRefusal> {
        let typed = match &t.authority {
            Authority::ByKey { evidence_seq } => {
                let passed = self
                    .follow
                    .borrow_mut()
                    .remove(evidence_seq)
                    .ok_or(StepUpRefusal::KeyNeeded)?;
                let here =
                    (&passed.user, &passed.desk, passed.exporter) == (&t.user, &t.desk, t.exporter);
                let good = here && passed.name == t.key_name && is_soon(passed.at, now);
                return if good {
                    Ok(Grant::Evidence(*evidence_seq))
                } else {
                    Err(StepUpRefusal::KeyNeeded)
                };
            }
            Authority::ByCode(typed) => typed,
        };
        let subject = [Subject::user(&t.user)];
        if typed.is_some() {
            self.codes.borrow_mut().check(&subject, now).map_err(StepUpRefusal::RateLimited)?;
        }
        let digest = typed.as_ref().map(|c| {
            OneTimeCode::read(c).map_or_else(|| "-".into(), |c| c.digest_for(CodePurpose::Key))
        });
        let standing = self
            .registry
            .first_key_standing(&t.user, &t.serial, digest.as_deref(), now)
            .await
            .map_err(unavailable)?;
        match (may_register(&standing, typed.is_some(), now, self.settings.first_key_ms), digest) {
            (Ok(Ground::Enrolment), _) => Ok(Grant::Enrolment(t.serial.clone())),
            (Ok(Ground::Code), Some(digest)) => {
                self.codes.borrow_mut().succeeded(&subject);
                Ok(Grant::Code(digest))
            }
            (Ok(Ground::Code), None) => Err(StepUpRefusal::CodeNeeded),
            (Err(why), _) => {
                if why == FirstKeyRefusal::CodeWrong {
                    self.codes.borrow_mut().failed(&subject, now);
                }
                Err(why.into())
            }
        }
    }

    pub(super) async fn finish_registration(
        &self,
        id: &str,
        desk: &str,
        exporter: [u8; 32],
        answer: &str,
        now: UtcMillis,
    ) -> Result<KeyView, StepUpRefusal> {
        let (_, row) = self.take(id, desk, &exporter, now).await?;
        let Row::Registration { user, name, grant, pending } = row else {
            return Err(StepUpRefusal::NotOpen);
        };
        let asker = Asker { user: &user, desk };
        let done = self.register(&asker, &name, grant, pending, answer, now).await;
        match &done {
            Ok(k) => {
                tracing::info!(user, desk, key = k.id, model = k.model, "security key registered")
            }
            Err(e) => self.refused(&asker, e, "register-key", now).await,
        }
        done
    }

    async fn register(
        &self,
        asker: &Asker<'_>,
        name: &str,
        grant: Grant,
        pending: PendingRegistration,
        answer: &str,
        now: UtcMillis,
    ) -> Result<KeyView, StepUpRefusal> {
        let made = self.settings.relying_party.finish_registration(pending, answer)?;
        let row = NewKeyRow {
            user: asker.user.into(),
            name: name.into(),
            credential_id: B64.encode(&made.credential_id),
            aaguid: dashed(made.aaguid),
            model: made.model,
            passkey: made.passkey.to_json()?,
            counter: made.passkey.counter(),
            attestation: Attestation {
                object: B64.encode(made.attestation_object),
                client_data_json: B64.encode(made.client_data_json),
                public_key: B64.encode(made.public_key),
                transports: made.transports,
            },
            grant,
        };
        let added = self.registry.add_key(&row, &format!("desk {}", asker.desk), now).await;
        added.map(|k| view(&k)).map_err(Into::into)
    }
}

/// Whether a step-up may be followed by its registration. A clock that was set back makes it no
/// younger.
fn is_soon(at: UtcMillis, now: UtcMillis) -> bool {
    now.since(at).unsigned_abs() <= FOLLOW_MS.unsigned_abs()
}

/// What a key keeps of its owner: always the same for one, and no name.
fn handle_of(user: &str) -> [u8; 16] {
    let sum = digest(&SHA256, format!("signet user handle v1:{user}").as_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(sum.as_ref()).for_each(|(to, from)| *to = *from);
    id
}

impl From<AddKeyRefusal> for StepUpRefusal {
    fn from(e: AddKeyRefusal) -> Self {
        match e {
            AddKeyRefusal::UserLocked => Self::UserLocked,
            AddKeyRefusal::AlreadyRegistered => Self::AlreadyRegistered,
            AddKeyRefusal::TooMany => Self::TooManyKeys,
            AddKeyRefusal::Name(why) => Self::KeyName(why),
            AddKeyRefusal::GrantGone => Self::CodeNeeded,
            AddKeyRefusal::Registry(e) => unavailable(e),
        }
    }
}

impl From<FirstKeyRefusal> for StepUpRefusal {
    fn from(e: FirstKeyRefusal) -> Self {
        match e {
            FirstKeyRefusal::HasKey => Self::KeyNeeded,
            FirstKeyRefusal::CodeNeeded => Self::CodeNeeded,
            FirstKeyRefusal::CodeWrong => Self::CodeWrong,
            FirstKeyRefusal::CodeUsed => Self::CodeUsed,
            FirstKeyRefusal::CodeReplaced => Self::CodeReplaced,
            FirstKeyRefusal::CodeExpired => Self::CodeExpired,
        }
    }
}
