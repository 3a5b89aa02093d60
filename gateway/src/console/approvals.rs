//! Approval of a change of policy with a security key.
//!
//! The challenge is made from random bytes and the digests of what is in force and of what would
//! be, so the key signs for exactly this change. What it signed goes with the order to the trading
//! thread, which compares it with what takes force, and into the history and the events.

use super::{
    login::{Ceremony, challenge_of},
    policies::{Digest, name_of},
    refusal::ConsoleRefusal,
    request::from_json,
    server::{Caller, Console, Done, Peer},
    sessions::TokenDigest,
};
use crate::{
    admin_api::AdminRefusal,
    history::{KeyApproval, Policy, PolicyRefusal},
    pipeline::{ChangeOrder, ChangeStep},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use serde_json::{Value, json};
use signet_policy::entitle::{AdminAction, Proof};
use signet_stepup::{
    evidence::WebProof,
    rp::{PendingWebAssertion, WebAssertion},
};
use std::time::Instant;

/// What was asked of a key.
pub(super) struct Asked {
    token: TokenDigest,
    policy: Policy,
    before: String,
    after: String,
    nonce: String,
    pending: PendingWebAssertion,
    /// COSE_Key by credential id, base64url both.
    public_keys: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    digest: String,
    credential: Value,
}

impl Console {
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
        let keys = self.usable_keys(caller.name()).await?;
        let nonce = KeyApproval::new_nonce()
            .ok_or_else(|| AdminRefusal::Admin(crate::admin::AdminError::NoRandomness))?;
        let challenge =
            KeyApproval::challenge(&nonce, change.policy, &change.before, &change.digest);
        let passkeys: Vec<_> = keys.iter().map(|(_, passkey)| passkey.clone()).collect();
        let pending = self.begin(&passkeys, &challenge)?;
        let allowed: Vec<_> = passkeys.iter().map(|k| k.credential_id().to_vec()).collect();
        let asked = Asked {
            token: caller.token,
            policy: change.policy,
            before: change.before,
            after: change.digest,
            nonce,
            pending,
            public_keys: keys.into_iter().map(|(k, _)| (k.credential_id, k.public_key)).collect(),
        };
        let peer = Peer { ip: caller.ip, certificate: None };
        let ceremony = Ceremony::Approve(Box::new(asked));
        self.keep(&challenge, caller.name(), &peer, ceremony)?;
        Ok(Done::Json(self.parts.party.request_options(&challenge, &allowed)))
    }

    pub(super) async fn approve_finish(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let Approve { digest, credential } = from_json(body)?;
        let challenge = challenge_of(&credential);
        let open = challenge.and_then(|c| self.ceremonies.borrow_mut().take(&c, Instant::now()));
        let Some(Ceremony::Approve(asked)) = open else { return Err(ConsoleRefusal::NotOpen) };
        let Asked { token, policy, before, after, nonce, pending, public_keys } = *asked;
        if token != caller.token || after != digest {
            return Err(ConsoleRefusal::NotOpen);
        }
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
        let approval = KeyApproval { nonce, proof: self.proof(&signed, &public_keys) };
        approval
            .verify(policy, &before, &after)
            .map_err(|why| refused(PolicyRefusal::OtherApproved(why.to_string())))?;
        caller.must(AdminAction::Policy, Proof { touched: true, ..Proof::default() })?;
        let what = ChangeStep::Approve(after, Some(Box::new(approval)));
        let order = ChangeOrder { what, by: caller.person() };
        let done = self.parts.trading.change(order).await?.map_err(refused)?;
        Ok(Done::Json(json!({ "digest": done.digest })))
    }

    fn proof(&self, signed: &WebAssertion, public_keys: &[(String, String)]) -> WebProof {
        let credential_id = B64.encode(&signed.credential_id);
        let key = public_keys.iter().find(|(id, _)| *id == credential_id);
        WebProof {
            rp_id: self.parts.party.rp_id().to_owned(),
            origin: self.parts.party.origin().to_owned(),
            public_key: key.map(|(_, k)| k.clone()).unwrap_or_default(),
            credential_id,
            client_data_json: B64.encode(&signed.client_data_json),
            authenticator_data: B64.encode(&signed.authenticator_data),
            signature: B64.encode(&signed.signature),
        }
    }
}

pub(super) fn refused(why: PolicyRefusal) -> ConsoleRefusal {
    AdminRefusal::Change(why).into()
}
