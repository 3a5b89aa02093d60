//! The relying party of a web page, such as the gateway's console.
//!
//! A browser writes the client data, so nothing but the challenge can say what is approved: the
//! caller chooses the challenge, and keeps what it was made from. Without a list of approved models
//! any key is taken that checks its owner and cannot be copied.

use super::{
    AttestationList, KEYS_MAX, Passkey, PendingRegistration, Person, RelyingParty, RpError,
    RpSettings, check_id, judge, read, setup,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use std::fmt;
use webauthn_rs::prelude::{
    COSEAlgorithm, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, Webauthn,
};

/// Judges the ceremonies of one web origin.
pub struct WebParty {
    webauthn: Webauthn,
    rp_id: String,
    origin: String,
    timeout_ms: u64,
    /// With a list of approved models.
    attested: Option<RelyingParty>,
}

/// A registration that waits for its answer. Judging the answer consumes it.
pub struct PendingWebRegistration(Waiting);

enum Waiting {
    Attested(PendingRegistration),
    Plain { state: Box<PasskeyRegistration>, existing: Vec<Vec<u8>> },
}

/// An assertion that waits for its answer. Judging the answer consumes it.
pub struct PendingWebAssertion {
    state: PasskeyAuthentication,
    keys: Vec<Passkey>,
}

/// A key that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebKey {
    /// What is stored, and given back for each challenge.
    pub passkey: Passkey,
    /// Chosen by the authenticator; unique among all keys.
    pub credential_id: Vec<u8>,
    /// As the list names it; empty when no list is asked for.
    pub model: String,
    /// COSE_Key, as the authenticator wrote it.
    pub public_key: Vec<u8>,
}

/// An assertion that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAssertion {
    /// The key that signed.
    pub credential_id: Vec<u8>,
    /// Its signature counter in this answer; 0 when it has none.
    pub counter: u32,
    /// `clientDataJSON` as it was hashed and signed.
    pub client_data_json: Vec<u8>,
    /// Authenticator data as it was signed.
    pub authenticator_data: Vec<u8>,
    /// Over `authenticator_data` and the SHA-256 of `client_data_json`.
    pub signature: Vec<u8>,
}

impl WebParty {
    /// Checks the settings; `list`: the models that are approved, left out for any.
    pub fn new(settings: &RpSettings, list: Option<AttestationList>) -> Result<Self, RpError> {
        let (webauthn, origin) = settings.build()?;
        let attested = list.map(|l| RelyingParty::new(settings, l)).transpose()?;
        let timeout_ms = u64::try_from(settings.timeout.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { webauthn, rp_id: settings.rp_id.clone(), origin, timeout_ms, attested })
    }

    /// The relying party's id, a host name.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// As browsers write it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether keys are known to be hardware of approved models.
    pub fn is_attested(&self) -> bool {
        self.attested.is_some()
    }

    /// `CredentialCreationOptions` for a new key; `existing` may not be registered again.
    pub fn begin_registration(
        &self,
        person: &Person,
        existing: &[Passkey],
    ) -> Result<(Value, PendingWebRegistration), RpError> {
        if let Some(rp) = &self.attested {
            let (options, pending) = rp.begin_registration(person, existing)?;
            let options = serde_json::from_str(&options).map_err(setup)?;
            return Ok((options, PendingWebRegistration(Waiting::Attested(pending))));
        }
        let existing: Vec<_> = existing.iter().map(|k| k.credential_id().to_vec()).collect();
        let id = Uuid::from_bytes(person.id);
        let excluded = Some(existing.clone());
        let (mut options, state) = self
            .webauthn
            .start_passkey_registration(id, &person.name, &person.display, excluded)
            .map_err(setup)?;
        let ask = &mut options.public_key;
        ask.pub_key_cred_params.retain(|p| p.alg == i64::from(COSEAlgorithm::ES256 as i32));
        if let Some(e) = &mut ask.extensions {
            (e.uvm, e.cred_props) = (None, None);
        }
        let options = serde_json::to_value(&options).map_err(setup)?;
        let waiting = Waiting::Plain { state: Box::new(state), existing };
        Ok((options, PendingWebRegistration(waiting)))
    }

    /// Judges the answer to a registration.
    pub fn finish_registration(
        &self,
        pending: PendingWebRegistration,
        answer_json: &str,
    ) -> Result<NewWebKey, RpError> {
        match (pending.0, &self.attested) {
            (Waiting::Attested(pending), Some(rp)) => {
                let made = rp.finish_registration(pending, answer_json)?;
                Ok(NewWebKey {
                    passkey: made.passkey,
                    credential_id: made.credential_id,
                    model: made.model,
                    public_key: made.public_key,
                })
            }
            (Waiting::Plain { state, existing }, None) => {
                self.finish_plain(&state, &existing, answer_json)
            }
            _ => Err(RpError::ChallengeDiffers),
        }
    }

    fn finish_plain(
        &self,
        state: &PasskeyRegistration,
        existing: &[Vec<u8>],
        answer_json: &str,
    ) -> Result<NewWebKey, RpError> {
        let answer: RegisterPublicKeyCredential = read(answer_json)?;
        check_id(&answer.id, &answer.raw_id, &answer.type_)?;
        if existing.contains(&answer.raw_id) {
            return Err(RpError::AlreadyRegistered);
        }
        let found = self.webauthn.finish_passkey_registration(&answer, state);
        let found = found.map_err(|e| judge::refusal(e, None, || "unknown".into()))?;
        let passkey = Passkey(webauthn_rs::prelude::Credential::from(found).into());
        judge::exact_origin(&answer.response.client_data_json, &self.origin)?;
        let made = judge::plain_credential(&answer, &passkey)?;
        Ok(NewWebKey {
            credential_id: passkey.credential_id().to_vec(),
            model: String::new(),
            public_key: made.public_key,
            passkey,
        })
    }

    /// `CredentialRequestOptions` with this challenge; `allowed` are credential ids.
    pub fn request_options(&self, challenge: &[u8], allowed: &[Vec<u8>]) -> Value {
        let allow = |id: &Vec<u8>| json!({ "type": "public-key", "id": B64.encode(id) });
        json!({ "publicKey": {
            "challenge": B64.encode(challenge),
            "timeout": self.timeout_ms,
            "rpId": self.rp_id,
            "allowCredentials": allowed.iter().map(allow).collect::<Vec<_>>(),
            "userVerification": "required",
        }})
    }

    /// What judges the answer of one of these keys to this challenge.
    pub fn begin_assertion(
        &self,
        keys: &[Passkey],
        challenge: &[u8; 32],
    ) -> Result<PendingWebAssertion, RpError> {
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(RpError::Setup(format!("{} keys; 1 to {KEYS_MAX}", keys.len())));
        }
        let credentials: Vec<_> = keys.iter().map(|k| k.credential().into()).collect();
        let (_, state) = self.webauthn.start_passkey_authentication(&credentials).map_err(setup)?;
        // The library draws a challenge itself; the one of the caller takes its place.
        let mut state = serde_json::to_value(&state).map_err(setup)?;
        let slot = state.pointer_mut("/ast/challenge").ok_or_else(|| setup("no challenge"))?;
        *slot = B64.encode(challenge).into();
        let state = serde_json::from_value(state).map_err(setup)?;
        Ok(PendingWebAssertion { state, keys: keys.to_vec() })
    }

    /// Judges an answer: right key, challenge, origin, touch and PIN, counter.
    pub fn finish_assertion(
        &self,
        pending: PendingWebAssertion,
        answer_json: &str,
    ) -> Result<WebAssertion, RpError> {
        let answer: PublicKeyCredential = read(answer_json)?;
        check_id(&answer.id, &answer.raw_id, &answer.type_)?;
        let found = self.webauthn.finish_passkey_authentication(&answer, &pending.state);
        let found = found.map_err(|e| judge::refusal(e, Some(&answer.raw_id), String::new))?;
        let key = pending.keys.iter().find(|k| k.credential_id() == answer.raw_id);
        let key = key.ok_or(RpError::UnknownKey)?;
        if let Some(rp) = &self.attested {
            rp.still_listed(key)?;
        }
        let answer = answer.response;
        judge::exact_origin(&answer.client_data_json, &self.origin)?;
        judge::asserted(&answer.authenticator_data)?;
        Ok(WebAssertion {
            credential_id: key.credential_id().to_vec(),
            counter: found.counter(),
            client_data_json: answer.client_data_json,
            authenticator_data: answer.authenticator_data,
            signature: answer.signature,
        })
    }
}

impl fmt::Debug for WebParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebParty").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl fmt::Debug for PendingWebRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingWebRegistration(..)")
    }
}

impl fmt::Debug for PendingWebAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingWebAssertion({} keys)", self.keys.len())
    }
}
