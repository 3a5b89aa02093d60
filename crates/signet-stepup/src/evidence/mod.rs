//! The record of a step-up, which anybody can verify later.
//!
//! A record holds everything that its verification needs: what was approved, on which connection,
//! the bytes that were signed, the key, and the attestation that it came out of hardware. It is
//! judged here with a signature check and a hash, without the WebAuthn library that the gateway
//! used.
//!
//! The key signed the approval's text, the connection, the challenge and the origin. The owner of
//! the key, its name, the policy and the times are the gateway's statements; the chain of records
//! shows that they were not changed and that no record is missing. A record does not show that the
//! key's maker is to be trusted: that takes the maker's root certificate.

pub(crate) mod authenticator;
mod cbor;
mod web;

pub use web::WebProof;

use crate::{
    approval::{Approval, Digest, digest_of},
    context::Context,
};
use authenticator::{AuthenticatorData, attested_by_certificate, attested_data, signed_by};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, Serialize};

/// The form of record that this version writes.
pub const VERSION: u8 = 1;
/// Longest record that is read, bytes of JSON.
pub const RECORD_LEN_MAX: usize = 64 * 1024;

/// One step-up that was passed. Binary members are base64url without padding, hashes too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Form of the record, [`VERSION`].
    pub v: u8,
    /// When it was judged, milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The person whose key it is, as the registry knows them.
    pub user: String,
    /// CompID of the desk it was approved at.
    pub approver: String,
    /// The person's name for the key.
    pub key_name: String,
    /// The approval's text, see [`Approval::text`].
    pub approval: String,
    /// Digest of the policy that asked for it.
    pub policy: String,
    /// The challenge that was signed, chosen by the gateway.
    pub challenge: String,
    /// Milliseconds since 1970, UTC.
    pub deadline_ms: i64,
    /// The relying party's id, a host name.
    pub rp_id: String,
    /// The relying party's origin, without a trailing slash.
    pub origin: String,
    /// RFC 9266 exporter of the connection, as the gateway saw it.
    pub tls_exporter: String,
    /// The credential that signed; its id, chosen by the key.
    pub credential_id: String,
    /// COSE_Key.
    pub public_key: String,
    /// Lower-case hexadecimal with dashes.
    pub aaguid: String,
    /// `clientDataJSON` as it was hashed and signed, with the `stepUp` member of [`Context`].
    pub client_data_json: String,
    /// Authenticator data (WebAuthn Level 2 §6.1) as it was signed.
    pub authenticator_data: String,
    /// Of the key, over `authenticator_data` and the SHA-256 of `client_data_json`.
    pub signature: String,
    /// Of the key's registration.
    pub attestation_object: String,
    /// `clientDataJSON` of the key's registration.
    pub registration_client_data_json: String,
}

/// Why a record is not valid. At fault: whoever altered it, or the gateway that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceFault {
    /// Not JSON, members missing or unknown, or longer than [`RECORD_LEN_MAX`].
    #[error("the record cannot be read")]
    Unreadable,
    /// `v` is not [`VERSION`].
    #[error("the record has a form that this version does not know")]
    Version,
    /// The bytes of this member cannot be read.
    #[error("{0} is not base64url, or malformed")]
    Member(&'static str),
    /// The COSE_Key in `public_key` has another algorithm.
    #[error("the key is of a kind that is not known here (known: ES256, EdDSA with Ed25519)")]
    KeyKind,
    /// The key did not sign these bytes, or one of them was altered.
    #[error("the signature does not fit")]
    Signature,
    /// `clientDataJSON` has another `type`, is cross-origin, or is not JSON.
    #[error("what was signed is not an assertion, or cannot be read")]
    ClientData,
    /// The signed challenge is not `challenge`.
    #[error("the signed challenge is another one")]
    Challenge,
    /// The signed origin is not `origin`.
    #[error("the signed origin is another one")]
    Origin,
    /// The hash in the authenticator data is not that of `rp_id`.
    #[error("the key signed for another relying party")]
    RpId,
    /// Flag UP is not set (WebAuthn Level 2 §6.1).
    #[error("the key does not say that somebody touched it")]
    NotPresent,
    /// Flag UV is not set (WebAuthn Level 2 §6.1).
    #[error("the key does not say that it checked PIN or finger")]
    NotVerified,
    /// Flag BE or BS is set (WebAuthn Level 3 §6.1.3).
    #[error("the key says that it can be copied")]
    Copyable,
    /// [`Approval::parse`] does not read it.
    #[error("the approval is not a text that this version knows")]
    Approval,
    /// The approval's text names another desk than `approver`.
    #[error("the approval was not given at this desk")]
    Approver,
    /// `clientDataJSON` has no `stepUp` member of a known form.
    #[error("what was signed does not say what was approved")]
    NoContext,
    /// The key signed for another text than `approval`.
    #[error("the signed digest is not that of the approval")]
    ApprovalDigest,
    /// The key signed for another connection than `tls_exporter`.
    #[error("the signed connection is another one")]
    Exporter,
    /// `at_ms` is after `deadline_ms`.
    #[error("it was judged after its deadline")]
    Late,
    /// Credential id or public key of the attestation differ.
    #[error("the key is not the one of the attestation")]
    OtherKey,
    /// Its client data or its flags are not those of a registration with this relying party.
    #[error(
        "the attestation was made for another relying party or origin, or is not a registration"
    )]
    Registration,
    /// Only `packed` with an X.509 certificate of a P-256 key is checked.
    #[error(
        "the attestation is of a kind that is not known here (known: packed, with a P-256 \
            certificate)"
    )]
    AttestationKind,
    /// The certificate's key did not sign the attestation.
    #[error("the attestation's signature does not fit")]
    AttestationSignature,
    /// `aaguid` is not that of the attestation.
    #[error("the model is not the one of the attestation")]
    Model,
}

impl EvidenceFault {
    /// Never changes between releases.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "evidence.unreadable",
            Self::Version => "evidence.version",
            Self::Member(_) => "evidence.member",
            Self::KeyKind => "evidence.key_kind",
            Self::Signature => "evidence.signature",
            Self::ClientData => "evidence.client_data",
            Self::Challenge => "evidence.challenge",
            Self::Origin => "evidence.origin",
            Self::RpId => "evidence.rp_id",
            Self::NotPresent => "evidence.not_present",
            Self::NotVerified => "evidence.not_verified",
            Self::Copyable => "evidence.copyable",
            Self::Approval => "evidence.approval",
            Self::Approver => "evidence.approver",
            Self::NoContext => "evidence.no_context",
            Self::ApprovalDigest => "evidence.approval_digest",
            Self::Exporter => "evidence.exporter",
            Self::Late => "evidence.late",
            Self::OtherKey => "evidence.other_key",
            Self::Registration => "evidence.registration",
            Self::AttestationKind => "evidence.attestation_kind",
            Self::AttestationSignature => "evidence.attestation_signature",
            Self::Model => "evidence.model",
        }
    }
}

/// An assertion in the forms in which other programs want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedParts {
    /// SubjectPublicKeyInfo, DER: P-256 or Ed25519.
    pub key: Vec<u8>,
    /// Authenticator data and the SHA-256 of `client_data`.
    pub message: Vec<u8>,
    /// ASN.1 DER for P-256, 64 bytes for Ed25519.
    pub signature: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
}

/// The members of `clientDataJSON` that are compared.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

impl Evidence {
    /// Reads what [`Self::to_json`] wrote; [`Self::verify`] judges it.
    pub fn from_json(text: &str) -> Result<Self, EvidenceFault> {
        if text.len() > RECORD_LEN_MAX {
            return Err(EvidenceFault::Unreadable);
        }
        let record: Self = serde_json::from_str(text).map_err(|_| EvidenceFault::Unreadable)?;
        if record.v == VERSION { Ok(record) } else { Err(EvidenceFault::Version) }
    }

    /// One line; the same bytes for the same record.
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of what was approved.
    pub fn approval_digest(&self) -> Digest {
        digest_of(&self.approval)
    }

    /// Whether everything in it fits together: that the holder of this key approved this text, on
    /// this connection, with touch and PIN, for this challenge; and that the key was attested by
    /// the certificate that came with it. The certificate's issuer is not checked here.
    pub fn verify(&self) -> Result<(), EvidenceFault> {
        if self.v != VERSION {
            return Err(EvidenceFault::Version);
        }
        let client_data = member("client_data_json", &self.client_data_json)?;
        let signed = member("authenticator_data", &self.authenticator_data)?;
        self.verify_signature(&client_data, &signed)?;
        self.verify_client_data(&client_data, "webauthn.get")?;
        let data =
            AuthenticatorData::read(&signed).ok_or(EvidenceFault::Member("authenticator_data"))?;
        self.verify_flags(&data)?;
        self.verify_approval(&client_data)?;
        self.verify_registration()
    }

    /// What another program verifies: the key, what it signed and the signature. `None` when the
    /// record cannot be read.
    pub fn signed_parts(&self) -> Option<SignedParts> {
        let client_data = member("client_data_json", &self.client_data_json).ok()?;
        let signed = member("authenticator_data", &self.authenticator_data).ok()?;
        Some(SignedParts {
            key: authenticator::spki(&member("public_key", &self.public_key).ok()?)?,
            message: [&signed[..], digest(&SHA256, &client_data).as_ref()].concat(),
            signature: member("signature", &self.signature).ok()?,
            client_data,
        })
    }

    fn verify_signature(&self, client_data: &[u8], signed: &[u8]) -> Result<(), EvidenceFault> {
        let (key, signature) =
            (member("public_key", &self.public_key)?, member("signature", &self.signature)?);
        let message = [signed, digest(&SHA256, client_data).as_ref()].concat();
        match signed_by(&key, &message, &signature) {
            None => Err(EvidenceFault::KeyKind),
            Some(false) => Err(EvidenceFault::Signature),
            Some(true) => Ok(()),
        }
    }

    fn verify_client_data(&self, client_data: &[u8], kind: &str) -> Result<(), EvidenceFault> {
        let c: ClientData =
            serde_json::from_slice(client_data).map_err(|_| EvidenceFault::ClientData)?;
        if c.r#type != kind || c.cross_origin {
            return Err(EvidenceFault::ClientData);
        }
        if kind == "webauthn.get" && c.challenge != self.challenge {
            return Err(EvidenceFault::Challenge);
        }
        if c.origin == self.origin { Ok(()) } else { Err(EvidenceFault::Origin) }
    }

    fn verify_flags(&self, data: &AuthenticatorData) -> Result<(), EvidenceFault> {
        flags_of(&self.rp_id, data)
    }

    fn verify_approval(&self, client_data: &[u8]) -> Result<(), EvidenceFault> {
        let approval = Approval::parse(&self.approval).map_err(|_| EvidenceFault::Approval)?;
        if approval.approver != self.approver {
            return Err(EvidenceFault::Approver);
        }
        let context = Context::of_client_data(client_data).ok_or(EvidenceFault::NoContext)?;
        if context.approval != self.approval_digest() {
            return Err(EvidenceFault::ApprovalDigest);
        }
        if member("tls_exporter", &self.tls_exporter)? != context.exporter {
            return Err(EvidenceFault::Exporter);
        }
        if self.at_ms > self.deadline_ms { Err(EvidenceFault::Late) } else { Ok(()) }
    }

    fn verify_registration(&self) -> Result<(), EvidenceFault> {
        let object = member("attestation_object", &self.attestation_object)?;
        let data = attested_data(&object)
            .and_then(AuthenticatorData::read)
            .ok_or(EvidenceFault::Member("attestation_object"))?;
        let made = data.credential.as_ref().ok_or(EvidenceFault::Member("attestation_object"))?;
        if made.id != member("credential_id", &self.credential_id)?
            || made.public_key != member("public_key", &self.public_key)?
        {
            return Err(EvidenceFault::OtherKey);
        }
        if dashed(made.aaguid) != self.aaguid {
            return Err(EvidenceFault::Model);
        }
        let client_data =
            member("registration_client_data_json", &self.registration_client_data_json)?;
        let registration = |_| EvidenceFault::Registration;
        self.verify_flags(&data).map_err(registration)?;
        self.verify_client_data(&client_data, "webauthn.create").map_err(registration)?;
        match attested_by_certificate(&object, &client_data) {
            None => Err(EvidenceFault::AttestationKind),
            Some(false) => Err(EvidenceFault::AttestationSignature),
            Some(true) => Ok(()),
        }
    }
}

/// For this relying party, with touch and PIN, by a key that cannot be copied.
fn flags_of(rp_id: &str, data: &AuthenticatorData) -> Result<(), EvidenceFault> {
    if data.rp_id_hash != digest(&SHA256, rp_id.as_bytes()).as_ref() {
        return Err(EvidenceFault::RpId);
    }
    if !data.user_present() {
        return Err(EvidenceFault::NotPresent);
    }
    if !data.user_verified() {
        return Err(EvidenceFault::NotVerified);
    }
    if data.copyable() { Err(EvidenceFault::Copyable) } else { Ok(()) }
}

fn member(name: &'static str, text: &str) -> Result<Vec<u8>, EvidenceFault> {
    B64.decode(text).map_err(|_| EvidenceFault::Member(name))
}

/// An AAGUID as people write it.
pub fn dashed(aaguid: [u8; 16]) -> String {
    let hex = hex(&aaguid);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
