//! The checks the library leaves to its caller, and its errors in our words.

use super::{Passkey, RpError};
use crate::{
    context::Context,
    evidence::{
        authenticator::{
            AuthenticatorData, KeyKind, attested_by_certificate, attested_data, public_key,
        },
        dashed,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use webauthn_rs::prelude::{RegisterPublicKeyCredential, WebauthnError};

/// What an attestation says about the key that was made.
pub(super) struct Made {
    pub aaguid: [u8; 16],
    pub public_key: Vec<u8>,
}

/// `raw_id` is the key that answered, for an assertion; `model` what an attestation states.
pub(super) fn refusal(
    e: WebauthnError,
    raw_id: Option<&[u8]>,
    model: impl FnOnce() -> String,
) -> RpError {
    use WebauthnError as W;
    match e {
        W::MismatchedChallenge => RpError::ChallengeDiffers,
        W::InvalidRPOrigin | W::CredentialCrossOrigin => RpError::OriginDiffers,
        W::InvalidRPIDHash => RpError::RpIdDiffers,
        W::UserNotPresent => RpError::NotPresent,
        W::UserNotVerified => RpError::NotVerified,
        W::AuthenticationFailure | W::AttestationStatementSigInvalid => RpError::BadSignature,
        W::CredentialNotFound => RpError::UnknownKey,
        W::CredentialPossibleCompromise => {
            RpError::CounterWentBack { credential_id: B64.encode(raw_id.unwrap_or_default()) }
        }
        W::CredentialMayNotBeHardwareBound | W::CredentialBackupEligibilityInconsistent => {
            RpError::Copyable
        }
        W::AttestationUntrustedAaguid => RpError::ModelNotListed(model()),
        W::AttestationChainNotTrusted(_) | W::AttestationTrustFailure => RpError::MakerNotListed,
        W::AttestationNotVerifiable
        | W::AttestationNotSupported
        | W::AttestationFormatMissingAaguid
        | W::AttestationCertificateAAGUIDMismatch
        | W::AttestationCertificateRequirementsNotMet => RpError::NotAttested,
        // The library says the same of an excluded key; that was asked before.
        W::CredentialAlteredAlgFromRequest => RpError::Algorithm,
        other => RpError::Malformed(other.to_string()),
    }
}

/// The library compares origins as URLs; browsers, and other verifiers, compare text. It also takes
/// assertions that were made in a frame of another origin's page.
pub(super) fn exact_origin(client_data: &[u8], origin: &str) -> Result<(), RpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Found {
        origin: String,
        #[serde(default)]
        cross_origin: bool,
    }
    let found: Found =
        serde_json::from_slice(client_data).map_err(|e| RpError::Malformed(e.to_string()))?;
    let here = found.origin == origin && !found.cross_origin;
    if here { Ok(()) } else { Err(RpError::OriginDiffers) }
}

/// The model an attestation states, whether or not that is true.
pub(super) fn stated_model(attestation_object: &[u8]) -> String {
    let data = attested_data(attestation_object).and_then(AuthenticatorData::read);
    data.and_then(|d| d.credential).map_or_else(|| "unknown".into(), |c| dashed(c.aaguid))
}

/// Checks everything about a new key except its maker and model. Our own reader does it, so that
/// the evidence is known to be readable by the verifier.
pub(super) fn new_credential(
    answer: &RegisterPublicKeyCredential,
    passkey: &Passkey,
) -> Result<Made, RpError> {
    let object = &answer.response.attestation_object;
    let unreadable = || RpError::Malformed("authenticator data cannot be read".into());
    let data = attested_data(object).and_then(AuthenticatorData::read).ok_or_else(unreadable)?;
    flags(&data)?;
    if !data.protected {
        return Err(RpError::NotProtected);
    }
    let made = data.credential.ok_or_else(unreadable)?;
    if made.id != answer.raw_id
        || made.id != passkey.credential_id()
        || passkey.aaguid() != Some(made.aaguid)
    {
        return Err(RpError::Malformed("the answer names another key than its attestation".into()));
    }
    if !passkey.is_es256()
        || public_key(made.public_key).is_none_or(|(kind, _)| kind != KeyKind::Es256)
    {
        return Err(RpError::Algorithm);
    }
    if attested_by_certificate(object, &answer.response.client_data_json) != Some(true) {
        return Err(RpError::NotAttested);
    }
    Ok(Made { aaguid: made.aaguid, public_key: made.public_key.to_vec() })
}

/// Checks a new key whose maker and model are not asked for.
pub(super) fn plain_credential(
    answer: &RegisterPublicKeyCredential,
    passkey: &Passkey,
) -> Result<Made, RpError> {
    let object = &answer.response.attestation_object;
    let unreadable = || RpError::Malformed("authenticator data cannot be read".into());
    let data = attested_data(object).and_then(AuthenticatorData::read).ok_or_else(unreadable)?;
    flags(&data)?;
    let made = data.credential.ok_or_else(unreadable)?;
    if made.id != answer.raw_id || made.id != passkey.credential_id() {
        return Err(RpError::Malformed("the answer names another key than it made".into()));
    }
    if !passkey.is_es256()
        || public_key(made.public_key).is_none_or(|(kind, _)| kind != KeyKind::Es256)
    {
        return Err(RpError::Algorithm);
    }
    Ok(Made { aaguid: made.aaguid, public_key: made.public_key.to_vec() })
}

/// Checks touch, PIN and that the secret cannot be copied, again, from the signed bytes.
pub(super) fn asserted(authenticator_data: &[u8]) -> Result<(), RpError> {
    let unreadable = || RpError::Malformed("authenticator data cannot be read".into());
    flags(&AuthenticatorData::read(authenticator_data).ok_or_else(unreadable)?)
}

fn flags(data: &AuthenticatorData) -> Result<(), RpError> {
    if !data.user_present() {
        return Err(RpError::NotPresent);
    }
    if !data.user_verified() {
        return Err(RpError::NotVerified);
    }
    if data.copyable() { Err(RpError::Copyable) } else { Ok(()) }
}

/// Checked after the signature, so a difference here was signed by the key.
pub(super) fn context(client_data: &[u8], expected: &Context) -> Result<(), RpError> {
    let signed = Context::of_client_data(client_data).ok_or(RpError::NoContext)?;
    if signed.exporter != expected.exporter {
        return Err(RpError::OtherConnection);
    }
    if signed.approval != expected.approval { Err(RpError::ApprovalDiffers) } else { Ok(()) }
}
