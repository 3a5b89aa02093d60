//! The relying party: gateways, and desks in direct mode.
//!
//! WebAuthn itself is `webauthn-rs` in its attested flow: attestation from listed authorities and
//! models, user verification. What that library leaves to its caller is here: an answer counts once
//! (a pending ceremony is consumed by judging it), the key must insist on its PIN (credProtect),
//! what was approved and the connection must be the ones expected, the origin must be equal byte by
//! byte, a withdrawn model stops working.
//!
//! It draws its challenges itself, and asks the system clock whether attestation certificates are
//! in force. Deadlines are the caller's.

mod error;
mod judge;
mod list;
mod passkey;
mod settings;
mod web;

pub use error::RpError;
pub use list::{AttestationList, ListError};
pub use passkey::{PASSKEY_LEN_MAX, Passkey};
pub use settings::{RpSettings, is_rp_id, origin_of};
pub use web::{NewWebKey, PendingWebAssertion, PendingWebRegistration, WebAssertion, WebParty};

use crate::context::Context;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use std::fmt;
use webauthn_rs::prelude::{
    AttestationFormat, AttestedPasskeyAuthentication, AttestedPasskeyRegistration,
    AuthenticatorAttachment, COSEAlgorithm, PublicKeyCredential, RegisterPublicKeyCredential, Uuid,
    Webauthn,
};

/// Longest answer that is read, bytes of JSON.
pub const ANSWER_LEN_MAX: usize = 16 * 1024;
/// Keys of one person that one challenge names.
pub const KEYS_MAX: usize = 10;

/// Judges ceremonies for one relying party id.
pub struct RelyingParty {
    webauthn: Webauthn,
    rp_id: String,
    origin: String,
    list: AttestationList,
}

/// Somebody who registers a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The same for one person always; kept by the key, so better not a name.
    pub id: [u8; 16],
    /// The account's name; a key's client may show it.
    pub name: String,
    /// The person's name for people; a key's client may show it.
    pub display: String,
}

/// A registration that waits for its answer. Judging the answer consumes it.
pub struct PendingRegistration {
    state: AttestedPasskeyRegistration,
    existing: Vec<Vec<u8>>,
}

/// A step-up that waits for its answer. Judging the answer consumes it.
pub struct PendingAssertion {
    state: AttestedPasskeyAuthentication,
    keys: Vec<Passkey>,
    challenge: Vec<u8>,
}

/// A key that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What the relying party stores, and gives back for each challenge.
    pub passkey: Passkey,
    /// Chosen by the authenticator; unique among all keys.
    pub credential_id: Vec<u8>,
    /// The authenticator's model; in the list, and attested.
    pub aaguid: [u8; 16],
    /// As the list names it.
    pub model: String,
    /// Such as `usb` and `nfc`; a hint from the client.
    pub transports: Vec<String>,
    /// The attestation object (WebAuthn Level 2 §6.5) as it came, for the evidence.
    pub attestation_object: Vec<u8>,
    /// `clientDataJSON` as it was hashed, for the evidence.
    pub client_data_json: Vec<u8>,
    /// COSE_Key, as the authenticator wrote it.
    pub public_key: Vec<u8>,
}

/// A step-up that was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The key that signed.
    pub credential_id: Vec<u8>,
    /// Its signature counter (WebAuthn Level 2 §6.1.1) in this answer; 0 when it has none.
    pub counter: u32,
    /// With its new counter.
    pub passkey: Passkey,
    /// The challenge it signed.
    pub challenge: Vec<u8>,
    /// `clientDataJSON` as it was hashed and signed.
    pub client_data_json: Vec<u8>,
    /// Authenticator data (WebAuthn Level 2 §6.1) as it was signed.
    pub authenticator_data: Vec<u8>,
    /// Over `authenticator_data` and the SHA-256 of `client_data_json`.
    pub signature: Vec<u8>,
}

impl RelyingParty {
    /// Checks the settings. Keys of models that `list` does not approve are neither registered nor
    /// believed.
    pub fn new(settings: &RpSettings, list: AttestationList) -> Result<Self, RpError> {
        let (webauthn, origin) = settings.build()?;
        Ok(Self { webauthn, rp_id: settings.rp_id.clone(), origin, list })
    }

    /// The relying party's id, a host name.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// Without trailing slash: what a desk writes into `clientDataJSON`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The models that are approved.
    pub fn list(&self) -> &AttestationList {
        &self.list
    }

    /// Challenge for a new key; `existing` are the person's keys, which may not be registered
    /// again. The options are `CredentialCreationOptions` as JSON.
    pub fn begin_registration(
        &self,
        person: &Person,
        existing: &[Passkey],
    ) -> Result<(String, PendingRegistration), RpError> {
        let existing: Vec<_> = existing.iter().map(|k| k.credential_id().to_vec()).collect();
        let (mut options, state) = self
            .webauthn
            .start_attested_passkey_registration(
                Uuid::from_bytes(person.id),
                &person.name,
                &person.display,
                Some(existing.clone()),
                self.list.authorities.clone(),
                Some(AuthenticatorAttachment::CrossPlatform),
            )
            .map_err(setup)?;
        let ask = &mut options.public_key;
        // Every security key has ES256, and evidence of it can be verified with anything.
        ask.pub_key_cred_params.retain(|p| p.alg == i64::from(COSEAlgorithm::ES256 as i32));
        // The list keeps platform authenticators out; do not offer them either.
        (ask.hints, ask.attestation_formats) = (None, Some(vec![AttestationFormat::Packed]));
        if let Some(e) = &mut ask.extensions {
            (e.uvm, e.cred_props, e.min_pin_length, e.hmac_create_secret) =
                (None, None, None, None);
        }
        Ok((
            serde_json::to_string(&options).map_err(setup)?,
            PendingRegistration { state, existing },
        ))
    }

    /// Judges the answer to a registration.
    pub fn finish_registration(
        &self,
        pending: PendingRegistration,
        answer_json: &str,
    ) -> Result<NewKey, RpError> {
        let answer: RegisterPublicKeyCredential = read(answer_json)?;
        check_id(&answer.id, &answer.raw_id, &answer.type_)?;
        if pending.existing.contains(&answer.raw_id) {
            return Err(RpError::AlreadyRegistered);
        }
        let found = self.webauthn.finish_attested_passkey_registration(&answer, &pending.state);
        let passkey = Passkey(found.map_err(|e| {
            judge::refusal(e, None, || judge::stated_model(&answer.response.attestation_object))
        })?);
        judge::exact_origin(&answer.response.client_data_json, &self.origin)?;
        let made = judge::new_credential(&answer, &passkey)?;
        let model = self.still_listed(&passkey)?.to_owned();
        let transports =
            answer.response.transports.iter().flatten().map(ToString::to_string).collect();
        Ok(NewKey {
            credential_id: passkey.credential_id().to_vec(),
            aaguid: made.aaguid,
            model,
            transports,
            public_key: made.public_key,
            passkey,
            attestation_object: answer.response.attestation_object,
            client_data_json: answer.response.client_data_json,
        })
    }

    /// Challenge for one of a person's keys. The options are `CredentialRequestOptions` as JSON.
    pub fn begin_assertion(&self, keys: &[Passkey]) -> Result<(String, PendingAssertion), RpError> {
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(RpError::Setup(format!(
                "{} keys for one challenge; 1 to {KEYS_MAX}",
                keys.len()
            )));
        }
        let credentials: Vec<_> = keys.iter().map(|k| k.0.clone()).collect();
        let (mut options, state) =
            self.webauthn.start_attested_passkey_authentication(&credentials).map_err(setup)?;
        options.public_key.hints = None;
        options.public_key.extensions = None;
        let challenge = options.public_key.challenge.clone();
        let options = serde_json::to_string(&options).map_err(setup)?;
        Ok((options, PendingAssertion { state, keys: keys.to_vec(), challenge }))
    }

    /// Judges the answer to a step-up: right key, challenge, origin, touch and PIN, and signed for
    /// exactly `expected`.
    pub fn finish_assertion(
        &self,
        pending: PendingAssertion,
        answer_json: &str,
        expected: &Context,
    ) -> Result<Assertion, RpError> {
        let answer: PublicKeyCredential = read(answer_json)?;
        check_id(&answer.id, &answer.raw_id, &answer.type_)?;
        let found = self.webauthn.finish_attested_passkey_authentication(&answer, &pending.state);
        let found = found.map_err(|e| judge::refusal(e, Some(&answer.raw_id), String::new))?;
        let key = pending
            .keys
            .into_iter()
            .find(|k| k.credential_id() == answer.raw_id)
            .ok_or(RpError::UnknownKey)?;
        self.still_listed(&key)?;
        let answer = answer.response;
        judge::exact_origin(&answer.client_data_json, &self.origin)?;
        judge::asserted(&answer.authenticator_data)?;
        judge::context(&answer.client_data_json, expected)?;
        Ok(Assertion {
            credential_id: key.credential_id().to_vec(),
            counter: found.counter(),
            passkey: key.with_counter(found.counter()),
            challenge: pending.challenge,
            client_data_json: answer.client_data_json,
            authenticator_data: answer.authenticator_data,
            signature: answer.signature,
        })
    }

    /// Whether a key's maker and model are still approved; the model's name. The library checks the
    /// chain only, not the model again.
    pub fn still_listed(&self, key: &Passkey) -> Result<&str, RpError> {
        let aaguid = key.aaguid().ok_or(RpError::NotAttested)?;
        let authority = key
            .0
            .verify_attestation(&self.list.authorities)
            .map_err(|e| judge::refusal(e, None, String::new))?;
        let listed = authority.aaguids().contains_key(&Uuid::from_bytes(aaguid));
        self.list
            .model(&aaguid)
            .filter(|_| listed)
            .ok_or_else(|| RpError::ModelNotListed(crate::evidence::dashed(aaguid)))
    }
}

fn setup(e: impl fmt::Display) -> RpError {
    RpError::Setup(e.to_string())
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, RpError> {
    if json.len() > ANSWER_LEN_MAX {
        return Err(RpError::AnswerTooLong);
    }
    serde_json::from_str(json).map_err(|e| RpError::Malformed(e.to_string()))
}

/// WebAuthn Level 2 §5.1: `id` is `rawId` as text.
fn check_id(id: &str, raw: &[u8], kind: &str) -> Result<(), RpError> {
    if kind != "public-key" || B64.encode(raw) != id {
        return Err(RpError::Malformed("id, rawId and type do not belong together".into()));
    }
    Ok(())
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelyingParty")
            .field("rp_id", &self.rp_id)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PendingRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingRegistration(..)")
    }
}

impl fmt::Debug for PendingAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingAssertion({} keys)", self.keys.len())
    }
}
