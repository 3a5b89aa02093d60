//! Preparation and approval of a change of policy, each with a security key.
//!
//! The challenge is made from random bytes and the digests of what is in force and of what would
//! be, for a preparation also from the administrator's name, so the key signs for exactly this
//! change. What it signed goes with the order to the trading thread, which compares it with what it
//! keeps for approval or puts in force, and into the history and the events.
//!
//! The documents of a preparation come twice, to be checked and to be kept. While a key is waited
//! for, only their digest is kept: open challenges stay small.

use super::{
    login::{Ceremony, challenge_of},
    policies::Digest,
    refusal::ConsoleRefusal,
    request::{SIGNED_BY_TWO, from_json, malformed},
    server::{Caller, Console, Done, Peer},
    sessions::TokenDigest,
};
use crate::{
    admin::AdminError,
    admin_api::AdminRefusal,
    history::{Documents, KeyApproval, KeyPreparation, Policy, PolicyRefusal, name_of, new_nonce},
    pipeline::{ChangeOrder, ChangeStep, Draft, SignedDraft, Waiting},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use serde_json::{Value, json};
use signet_policy::entitle::AdminAction;
use signet_stepup::{evidence::WebProof, rp::PendingWebAssertion};
use std::time::Instant;

/// A record of the history takes less; how much, whoever prepares it finds out.
const DOCUMENTS_BYTES_MAX: usize = 256 * 1024;

/// A change of policy by its digests.
struct Change {
    policy: Policy,
    before: String,
    after: String,
}

/// What was asked of a key.
pub(super) struct Asked {
    token: TokenDigest,
    change: Change,
    nonce: String,
    pending: PendingWebAssertion,
    /// COSE_Key by credential id, base64url both.
    public_keys: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prepare {
    policy: Policy,
    /// Digest of the version in force that was edited.
    base: String,
    documents: Documents,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedPrepare {
    policy: Policy,
    documents: Documents,
    credential: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    digest: String,
    credential: Value,
}

impl Console {
    /// Whether a change can be prepared, and the challenge for whoever prepares it. Nothing is kept
    /// but that challenge. It was made from what is in force: another version meanwhile would be
    /// taken back by it.
    pub(super) async fn prepare_start(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let Prepare { policy, base, documents } = from_json(body)?;
        check_documents(policy, &documents)?;
        let check = ChangeStep::Check(Draft::unsigned(policy, documents));
        let Waiting { digest, before, diff, .. } = self.ordered(check, caller).await?;
        if before != base {
            return Err(refused(PolicyRefusal::Overtaken));
        }
        let nonce = drawn()?;
        let who = (caller.name(), nonce.as_str());
        let challenge = KeyPreparation::challenge(who, policy, &before, &digest);
        let change = Change { policy, before: before.clone(), after: digest.clone() };
        let signed = (nonce, challenge);
        let mut asked = self.ask_key(caller, change, signed, Ceremony::Prepare).await?;
        let public_key = asked["publicKey"].take();
        Ok(Done::Json(json!({
            "publicKey": public_key, "digest": digest, "before": before, "diff": diff,
        })))
    }

    /// Keeps the change for a second administrator, once the key has signed for it.
    pub(super) async fn prepare_finish(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let SignedPrepare { policy, documents, credential } = from_json(body)?;
        check_documents(policy, &documents)?;
        let asked = self.answered(&credential, caller, |c| match c {
            Ceremony::Prepare(asked) => Some(asked),
            _ => None,
        })?;
        if asked.change.policy != policy {
            return Err(ConsoleRefusal::NotOpen);
        }
        let (Change { before, .. }, nonce, proof) = self.signed(asked, &credential, caller).await?;
        let key = KeyPreparation { by: caller.name().to_owned(), nonce, proof };
        let signed = Some(Box::new(SignedDraft { before, key }));
        let what = ChangeStep::Prepare(Draft { policy, documents, signed });
        let done = self.ordered(what, caller).await?;
        Ok(Done::Json(json!({ "digest": done.digest, "diff": done.diff })))
    }

    pub(super) async fn approve_start(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let Digest { digest } = from_json(body)?;
        let waiting = self.parts.trading.waiting().await?;
        let change = waiting.into_iter().find(|w| w.digest == digest);
        let change = change.ok_or_else(|| refused(PolicyRefusal::NotPrepared))?;
        if name_of(&change.by) == caller.name() {
            return Err(refused(PolicyRefusal::SamePerson(caller.name().to_owned())));
        }
        let Waiting { policy, before, .. } = change;
        let nonce = drawn()?;
        let who = (caller.name(), nonce.as_str());
        let challenge = KeyApproval::challenge(who, policy, &before, &digest);
        let change = Change { policy, before, after: digest };
        let signed = (nonce, challenge);
        Ok(Done::Json(self.ask_key(caller, change, signed, Ceremony::Approve).await?))
    }

    pub(super) async fn approve_finish(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let Approve { digest, credential } = from_json(body)?;
        let asked = self.answered(&credential, caller, |c| match c {
            Ceremony::Approve(asked) => Some(asked),
            _ => None,
        })?;
        if asked.change.after != digest {
            return Err(ConsoleRefusal::NotOpen);
        }
        let (change, nonce, proof) = self.signed(asked, &credential, caller).await?;
        let Change { policy, before, after } = change;
        let approval = KeyApproval { by: Some(caller.name().to_owned()), nonce, proof };
        approval.covers(&caller.person(), policy, &before, &after).map_err(refused)?;
        let what = ChangeStep::Approve(after, Some(Box::new(approval)));
        let done = self.ordered(what, caller).await?;
        Ok(Done::Json(json!({ "digest": done.digest })))
    }

    /// What the trading thread did about a change.
    pub(super) async fn ordered(
        &self,
        what: ChangeStep,
        caller: &Caller,
    ) -> Result<Waiting, ConsoleRefusal> {
        let order = ChangeOrder { what, by: caller.person() };
        self.parts.trading.change(order).await?.map_err(refused)
    }

    /// Asks a key of the caller to sign for this change.
    async fn ask_key(
        &self,
        caller: &Caller,
        change: Change,
        (nonce, challenge): (String, [u8; 32]),
        kind: fn(Box<Asked>) -> Ceremony,
    ) -> Result<Value, ConsoleRefusal> {
        let keys = self.usable_keys(caller.name()).await?;
        let passkeys: Vec<_> = keys.iter().map(|(_, passkey)| passkey.clone()).collect();
        let pending = self.begin(&passkeys, &challenge)?;
        let allowed: Vec<_> = passkeys.iter().map(|k| k.credential_id().to_vec()).collect();
        let public_keys = keys.into_iter().map(|(k, _)| (k.credential_id, k.public_key)).collect();
        let asked = Asked { token: caller.token, change, nonce, pending, public_keys };
        let peer = Peer { ip: caller.ip, certificate: None };
        self.keep(&challenge, caller.name(), &peer, kind(Box::new(asked)))?;
        Ok(self.parts.party.request_options(&challenge, &allowed))
    }

    /// What this answer of a key was asked for, if that was of this kind and in this session. Its
    /// challenge is used up, whatever becomes of it.
    fn answered(
        &self,
        credential: &Value,
        caller: &Caller,
        of_kind: fn(Ceremony) -> Option<Box<Asked>>,
    ) -> Result<Asked, ConsoleRefusal> {
        let challenge = challenge_of(credential);
        let open = challenge.and_then(|c| self.signing.borrow_mut().take(&c, Instant::now()));
        match open.and_then(of_kind) {
            Some(asked) if asked.token == caller.token => Ok(*asked),
            _ => Err(ConsoleRefusal::NotOpen),
        }
    }

    /// What the key signed. Its counter is written down, and the entitlements allow the change with
    /// this touch.
    async fn signed(
        &self,
        asked: Asked,
        credential: &Value,
        caller: &Caller,
    ) -> Result<(Change, String, WebProof), ConsoleRefusal> {
        let Asked { change, nonce, pending, public_keys, .. } = asked;
        let signed = match self.parts.party.finish_assertion(pending, &credential.to_string()) {
            Ok(signed) => signed,
            Err(e) => {
                let peer = Peer { ip: caller.ip, certificate: None };
                self.lock_if_copied(&e, caller.name(), &peer).await?;
                return Err(ConsoleRefusal::Key(e));
            }
        };
        if !self.count(&signed).await? {
            return Err(ConsoleRefusal::NotOpen);
        }
        caller.must(AdminAction::Policy, SIGNED_BY_TWO)?;
        let credential_id = B64.encode(&signed.credential_id);
        let key = public_keys.into_iter().find(|(id, _)| *id == credential_id);
        let proof = WebProof {
            rp_id: self.parts.party.rp_id().to_owned(),
            origin: self.parts.party.origin().to_owned(),
            public_key: key.map(|(_, k)| k).unwrap_or_default(),
            credential_id,
            client_data_json: B64.encode(&signed.client_data_json),
            authenticator_data: B64.encode(&signed.authenticator_data),
            signature: B64.encode(&signed.signature),
        };
        Ok((change, nonce, proof))
    }
}

fn check_documents(policy: Policy, documents: &Documents) -> Result<(), ConsoleRefusal> {
    let known = policy.documents();
    if documents.is_empty() || documents.keys().any(|k| !known.contains(&k.as_str())) {
        return Err(malformed(format!("documents: {}, one or both", known.join(" and "))));
    }
    if documents.values().map(String::len).sum::<usize>() > DOCUMENTS_BYTES_MAX {
        return Err(ConsoleRefusal::TooLarge);
    }
    Ok(())
}

fn drawn() -> Result<String, ConsoleRefusal> {
    new_nonce().ok_or_else(|| AdminRefusal::Admin(AdminError::NoRandomness).into())
}

fn refused(why: PolicyRefusal) -> ConsoleRefusal {
    AdminRefusal::Change(why).into()
}
