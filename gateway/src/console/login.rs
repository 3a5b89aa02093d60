//! Login and registration with a security key.
//!
//! A name that is unknown, or of somebody who may not log in, gets a challenge of the same form,
//! and the same refusal afterwards; the reason is in the event.

use super::{
    approvals::Asked,
    refusal::ConsoleRefusal,
    request::{Route, digest_of, from_json, malformed},
    server::{Caller, Console, Done, Peer, actor_of},
    sessions::{Session, TokenDigest},
};
use crate::{clock::now, limits::left_out_words};
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use serde_json::Value;
use signet_events::{About, Actor};
use signet_identity::CompId;
use signet_registry::{
    CONSOLE_KEYS_MAX, CodePurpose, ConsoleKey, KeyState, NewConsoleKey, Standing, code::OneTimeCode,
};
use signet_stepup::rp::{
    Passkey, PendingWebAssertion, PendingWebRegistration, Person, RpError, WebAssertion,
};
use std::time::Instant;

/// What waits for the answer of a key.
pub(super) enum Ceremony {
    Login {
        name: String,
        /// `None`: nobody who may log in has this name.
        pending: Option<PendingWebAssertion>,
    },
    Register {
        admin: String,
        /// Digest of the code that entitles to it.
        code: String,
        pending: PendingWebRegistration,
    },
    Prepare(Box<Asked>),
    Approve(Box<Asked>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    credential: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    credential: Value,
    label: String,
}

/// Why a login was refused, for the event.
enum Why {
    NoSuchKey,
    NotOpen,
    Key(RpError),
    Certificate,
    /// Another answer with the same counter was first, or the key was locked meanwhile.
    Overtaken,
    Standing(Standing),
}

impl Why {
    fn words(&self) -> String {
        match self {
            Self::NoSuchKey => "no administrator of this name has a key that may be used".into(),
            Self::NotOpen => "the answer is to no challenge that is open".into(),
            Self::Key(e) => format!("{}: {e}", e.code()),
            Self::Certificate => "the browser's certificate is another administrator's".into(),
            Self::Overtaken => "the answer was used already, or the key was locked".into(),
            Self::Standing(s) => format!("the key or the account may not be used: {s:?}"),
        }
    }
}

impl Console {
    /// What somebody may ask for who is not logged in.
    pub(super) async fn enter(
        &self,
        route: Route,
        body: &[u8],
        peer: &Peer,
    ) -> Result<Done, ConsoleRefusal> {
        match route {
            Route::LoginStart => self.login_start(body, peer).await,
            Route::LoginFinish => self.login_finish(body, peer).await,
            Route::RegisterStart => self.register_start(body, peer).await,
            Route::RegisterFinish => self.register_finish(body, peer).await,
            _ => Err(ConsoleRefusal::NotFound),
        }
    }

    async fn login_start(&self, body: &[u8], peer: &Peer) -> Result<Done, ConsoleRefusal> {
        let Name { name } = from_json(body)?;
        // Events write a name between blanks, where another one would be taken for its end.
        if CompId::new(name.as_str()).is_err() || name.contains(' ') {
            return Err(malformed("name: as your certificate names you"));
        }
        self.may_try(&name, peer)?;
        let keys = match self.is_of(peer, &name) {
            true => self.usable_keys(&name).await?,
            false => Vec::new(),
        };
        let challenge = random()?;
        let passkeys: Vec<Passkey> = keys.iter().map(|(_, passkey)| passkey.clone()).collect();
        let pending = match passkeys.is_empty() {
            true => None,
            false => Some(self.begin(&passkeys, &challenge)?),
        };
        let allowed = self.padded(&name, &passkeys);
        let options = self.parts.party.request_options(&challenge, &allowed);
        let ceremony = Ceremony::Login { name: name.clone(), pending };
        self.keep(&challenge, &name, peer, ceremony)?;
        Ok(Done::Json(options))
    }

    async fn login_finish(&self, body: &[u8], peer: &Peer) -> Result<Done, ConsoleRefusal> {
        let Answer { credential } = from_json(body)?;
        // Answers to nothing are counted as well, so whoever sends them waits.
        self.may_try("", peer)?;
        let asked = challenge_of(&credential);
        let open = asked.and_then(|c| self.ceremonies.borrow_mut().take(&c, Instant::now()));
        let Some(Ceremony::Login { name, pending }) = open else {
            return Err(self.login_failed("", peer, &Why::NotOpen));
        };
        self.may_try(&name, peer)?;
        let Some(pending) = pending else {
            return Err(self.login_failed(&name, peer, &Why::NoSuchKey));
        };
        if !self.is_of(peer, &name) {
            return Err(self.login_failed(&name, peer, &Why::Certificate));
        }
        let signed = match self.parts.party.finish_assertion(pending, &credential.to_string()) {
            Ok(signed) => signed,
            Err(e) => {
                self.lock_if_copied(&e, &name, peer).await?;
                return Err(self.login_failed(&name, peer, &Why::Key(e)));
            }
        };
        let id = B64.encode(&signed.credential_id);
        if !self.count(&signed).await? {
            return Err(self.login_failed(&name, peer, &Why::Overtaken));
        }
        let standing = self.parts.registry.console_standing(&name, &id, now());
        let standing = self.registry(standing).await?;
        if standing != Standing::Good {
            return Err(self.login_failed(&name, peer, &Why::Standing(standing)));
        }
        self.attempts.borrow_mut().succeeded(&Self::subjects(&name, peer.ip));
        self.log_in(name, id, peer).await
    }

    async fn register_start(&self, body: &[u8], peer: &Peer) -> Result<Done, ConsoleRefusal> {
        let Code { code } = from_json(body)?;
        self.may_try("", peer)?;
        let digest = OneTimeCode::read(&code).map(|c| c.digest_for(CodePurpose::Console));
        let admin = match &digest {
            Some(d) => self.registry(self.parts.registry.console_invite(d, now())).await?,
            None => None,
        };
        let (Some(code), Some(admin)) = (digest, admin.filter(|a| self.is_of(peer, a))) else {
            self.failed("", peer, "a code for a first key was wrong, used, or too old");
            return Err(signet_registry::ConsoleError::NoInvite.into());
        };
        let keys = self.registry(self.parts.registry.console_keys(Some(&admin))).await?;
        let existing: Vec<Passkey> =
            keys.iter().filter_map(|k| Passkey::from_json(&k.passkey).ok()).collect();
        let person = Person { id: handle_of(&admin), name: admin.clone(), display: admin.clone() };
        let begun = self.parts.party.begin_registration(&person, &existing);
        let (options, pending) = begun.map_err(ConsoleRefusal::Key)?;
        let challenge = options.pointer("/publicKey/challenge").and_then(Value::as_str);
        let challenge = B64.decode(challenge.unwrap_or_default()).unwrap_or_default();
        let ceremony = Ceremony::Register { admin: admin.clone(), code, pending };
        self.keep(&challenge, &admin, peer, ceremony)?;
        Ok(Done::Json(options))
    }

    async fn register_finish(&self, body: &[u8], peer: &Peer) -> Result<Done, ConsoleRefusal> {
        let NewKey { credential, label } = from_json(body)?;
        self.may_try("", peer)?;
        let asked = challenge_of(&credential);
        let open = asked.and_then(|c| self.ceremonies.borrow_mut().take(&c, Instant::now()));
        let Some(Ceremony::Register { admin, code, pending }) = open else {
            self.failed("", peer, &Why::NotOpen.words());
            return Err(ConsoleRefusal::NotOpen);
        };
        if !self.is_of(peer, &admin) {
            return Err(self.login_failed(&admin, peer, &Why::Certificate));
        }
        let made = self.parts.party.finish_registration(pending, &credential.to_string());
        let made = made.map_err(|e| {
            self.failed(&admin, peer, &Why::Key(e.clone()).words());
            ConsoleRefusal::Key(e)
        })?;
        // Nothing is written down for somebody who could not log in.
        self.judge(&admin, peer, true).await?;
        let id = B64.encode(&made.credential_id);
        let new = NewConsoleKey {
            credential_id: id.clone(),
            admin: admin.clone(),
            label,
            model: made.model,
            passkey: made.passkey.to_json().map_err(ConsoleRefusal::Key)?,
            public_key: B64.encode(&made.public_key),
            counter: made.passkey.counter(),
        };
        let actor = format!("admin {admin} from {} with a code", peer.ip);
        self.registry(self.parts.registry.add_console_key(&new, &code, &actor, now())).await?;
        let standing = self.parts.registry.console_standing(&admin, &id, now());
        let standing = self.registry(standing).await?;
        if standing != Standing::Good {
            return Err(self.login_failed(&admin, peer, &Why::Standing(standing)));
        }
        self.log_in(admin, id, peer).await
    }

    /// A session begins, if the risk of the access allows it.
    async fn log_in(&self, name: String, id: String, peer: &Peer) -> Result<Done, ConsoleRefusal> {
        let judged = self.judge(&name, peer, true).await?;
        let token = B64.encode(random()?);
        let csrf = B64.encode(random()?);
        let session = Session { name, credential_id: id, csrf, from: peer.ip };
        let hash: TokenDigest = digest_of(&token);
        let begun = self.sessions.borrow_mut().begin(hash, session.clone(), Instant::now());
        let replaced = begun.map_err(|_| ConsoleRefusal::Busy)?;
        let why = super::sessions::Over::Replaced.to_string();
        replaced.iter().for_each(|s| self.tell_ended(s, Some(peer.ip), &why));
        let actor = actor_of(&session.name, &session.credential_id, peer.ip);
        let about = About { address: Some(peer.ip), ..About::user(&session.name) };
        tracing::warn!(%actor, "console: logged in");
        self.parts.events.by(actor, "console.logon", about, "with a security key");
        let caller = Caller::new(self, (session, hash), peer, judged);
        Ok(Done::LoggedIn(caller.me(), token))
    }

    /// The keys with which somebody may sign now.
    pub(super) async fn usable_keys(
        &self,
        name: &str,
    ) -> Result<Vec<(ConsoleKey, Passkey)>, ConsoleRefusal> {
        let keys = self.registry(self.parts.registry.console_keys(Some(name))).await?;
        let usable = keys.into_iter().filter(|k| k.state == KeyState::Active);
        let read = |k: ConsoleKey| {
            let passkey = Passkey::from_json(&k.passkey).ok()?.with_counter(k.counter);
            Some((k, passkey))
        };
        Ok(usable.filter_map(read).collect())
    }

    pub(super) fn begin(
        &self,
        keys: &[Passkey],
        challenge: &[u8; 32],
    ) -> Result<PendingWebAssertion, ConsoleRefusal> {
        self.parts.party.begin_assertion(keys, challenge).map_err(ConsoleRefusal::Key)
    }

    pub(super) fn keep(
        &self,
        challenge: &[u8],
        name: &str,
        peer: &Peer,
        what: Ceremony,
    ) -> Result<(), ConsoleRefusal> {
        let [_, from] = Self::subjects(name, peer.ip);
        let open = match what {
            Ceremony::Login { .. } | Ceremony::Register { .. } => &self.ceremonies,
            Ceremony::Prepare(_) | Ceremony::Approve(_) => &self.signing,
        };
        let challenge = B64.encode(challenge);
        let kept = open.borrow_mut().begin(challenge, (name, from), Instant::now(), what);
        kept.map_err(|_| ConsoleRefusal::Busy)
    }

    /// The counter of a signature is written down; whether it may be believed.
    pub(super) async fn count(&self, signed: &WebAssertion) -> Result<bool, ConsoleRefusal> {
        let id = B64.encode(&signed.credential_id);
        self.registry(self.parts.registry.console_key_used(&id, signed.counter, now())).await
    }

    /// A counter that went back locks the key, and ends its sessions.
    pub(super) async fn lock_if_copied(
        &self,
        e: &RpError,
        name: &str,
        peer: &Peer,
    ) -> Result<(), ConsoleRefusal> {
        let RpError::CounterWentBack { credential_id } = e else { return Ok(()) };
        tracing::error!(
            alert = true,
            name,
            credential_id,
            code = "console.counter_went_back",
            "{e}"
        );
        let actor = actor_of(name, credential_id, peer.ip).to_string();
        let locked = self.parts.registry.console_counter_went_back(credential_id, &actor, now());
        self.registry(locked).await?;
        let why = "the counter of the key went back";
        self.end_sessions(|s| s.credential_id == *credential_id, peer.ip, why);
        Ok(())
    }

    /// Always as many credentials as one administrator may have, the same ones each time, in an
    /// order that tells nothing.
    fn padded(&self, name: &str, keys: &[Passkey]) -> Vec<Vec<u8>> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        let made = |n: usize| hmac::sign(&key, format!("{n}:{name}").as_bytes()).as_ref().to_vec();
        let mut all: Vec<Vec<u8>> = keys.iter().map(|k| k.credential_id().to_vec()).collect();
        all.extend((all.len()..CONSOLE_KEYS_MAX).map(made));
        all.sort_by_key(|id| hmac::sign(&key, id).as_ref().to_vec());
        all
    }

    fn may_try(&self, name: &str, peer: &Peer) -> Result<(), ConsoleRefusal> {
        let subjects = Self::subjects(name, peer.ip);
        let counted = if name.is_empty() { &subjects[1..] } else { &subjects[..] };
        self.attempts.borrow().check(counted, Instant::now()).map_err(ConsoleRefusal::Wait)
    }

    fn login_failed(&self, name: &str, peer: &Peer, why: &Why) -> ConsoleRefusal {
        self.failed(name, peer, &why.words());
        ConsoleRefusal::LoginRefused
    }

    /// Counted, and an event, but not by the thousand. The name is what somebody claimed.
    fn failed(&self, name: &str, peer: &Peer, why: &str) {
        let subjects = Self::subjects(name, peer.ip);
        let counted = if name.is_empty() { &subjects[1..] } else { &subjects[..] };
        self.attempts.borrow_mut().failed(counted, Instant::now());
        tracing::warn!(ip = %peer.ip, name, "console: login refused: {why}");
        let about = match name.is_empty() {
            true => About::object("admin.console"),
            false => About::user(name),
        };
        let about = About { address: Some(peer.ip), ..about };
        let Some(left_out) = self.budget.borrow_mut().spend(now()) else { return };
        let words = format!("{why}{}", left_out_words(left_out));
        self.parts.events.by(Actor::Address(peer.ip), "console.refused", about, words);
    }
}

/// The challenge that an answer says it is to. Only finds the ceremony; the judge compares.
pub(super) fn challenge_of(credential: &Value) -> Option<String> {
    let text = credential.pointer("/response/clientDataJSON")?.as_str()?;
    let data: Value = serde_json::from_slice(&B64.decode(text).ok()?).ok()?;
    Some(data.get("challenge")?.as_str()?.to_owned())
}

fn random() -> Result<[u8; 32], ConsoleRefusal> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        crate::admin_api::AdminRefusal::Admin(crate::admin::AdminError::NoRandomness)
    })?;
    Ok(bytes)
}

/// What a key keeps of its owner: always the same for one, and no name.
fn handle_of(admin: &str) -> [u8; 16] {
    let sum = digest(&SHA256, format!("signet administrator handle v1:{admin}").as_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(sum.as_ref()).for_each(|(to, from)| *to = *from);
    id
}
