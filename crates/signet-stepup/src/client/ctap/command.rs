//! The command for the key, and its answer as WebAuthn JSON.

use super::{errors, talk::CeremonyResult};
use crate::client::{
    CeremonyError, answer,
    options::{Asked, Discoverable, Registration, Signing},
};
use authenticator::{
    RegisterResult, SignResult,
    authenticatorservice::{RegisterArgs, SignArgs},
    crypto::COSEAlgorithm,
    ctap2::{
        attestation::AuthenticatorDataFlags,
        server::{
            AuthenticationExtensionsClientInputs, CredentialProtectionPolicy,
            PublicKeyCredentialDescriptor, PublicKeyCredentialParameters,
            PublicKeyCredentialUserEntity, RelyingParty, ResidentKeyRequirement,
            UserVerificationRequirement,
        },
    },
    statecallback::StateCallback,
};
use aws_lc_rs::digest;
use std::sync::mpsc::Sender;

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Register { args: RegisterArgs, finish: Finish },
    Sign { args: SignArgs, finish: Finish },
}

/// State that turns a key's answer into JSON.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    client_data: String,
    transport: &'static str,
    /// The one credential a signing names, if it is one: CTAP 2.0 keys may leave it out of the
    /// answer (CTAP 2.1 §6.2.2).
    only: Option<Vec<u8>>,
}

impl Command {
    pub(crate) fn new(
        asked: &Asked,
        client_data: String,
        transport: &'static str,
    ) -> Result<Self, CeremonyError> {
        let hash = hash_of(&client_data);
        Ok(match asked {
            Asked::Register(r) => Self::Register {
                args: register_args(r, hash)?,
                finish: Finish { client_data, transport, only: None },
            },
            Asked::Sign(s) => {
                let only = (s.allow.len() == 1).then(|| s.allow[0].clone());
                Self::Sign {
                    args: sign_args(s, hash),
                    finish: Finish { client_data, transport, only },
                }
            }
        })
    }
}

fn hash_of(client_data: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, client_data.as_bytes()).as_ref());
    hash
}

fn register_args(
    r: &Registration,
    client_data_hash: [u8; 32],
) -> Result<RegisterArgs, CeremonyError> {
    let known = r.algorithms.iter().filter_map(|alg| COSEAlgorithm::try_from(*alg).ok());
    let pub_cred_params: Vec<_> = known.map(|alg| PublicKeyCredentialParameters { alg }).collect();
    if pub_cred_params.is_empty() {
        return Err(CeremonyError::BadOptions(
            "pubKeyCredParams: no algorithm this desk knows".into(),
        ));
    }
    Ok(RegisterArgs {
        client_data_hash,
        relying_party: RelyingParty { id: r.rp_id.clone(), name: Some(r.rp_name.clone()) },
        // Only for the U2F identifier extension, which is never used here.
        origin: String::new(),
        user: PublicKeyCredentialUserEntity {
            id: r.user_id.clone(),
            name: Some(r.user_name.clone()),
            display_name: Some(r.user_display_name.clone()),
        },
        pub_cred_params,
        exclude_list: r.exclude.iter().map(descriptor).collect(),
        user_verification_req: UserVerificationRequirement::Required,
        resident_key_req: match r.discoverable {
            Discoverable::Discouraged => ResidentKeyRequirement::Discouraged,
            Discoverable::Preferred => ResidentKeyRequirement::Preferred,
            Discoverable::Required => ResidentKeyRequirement::Required,
        },
        extensions: AuthenticationExtensionsClientInputs {
            credential_protection_policy: Some(
                CredentialProtectionPolicy::UserVerificationRequired,
            ),
            enforce_credential_protection_policy: Some(true),
            min_pin_length: r.min_pin_length.then_some(true),
            ..Default::default()
        },
        pin: None,
        use_ctap1_fallback: false,
    })
}

fn sign_args(s: &Signing, client_data_hash: [u8; 32]) -> SignArgs {
    SignArgs {
        client_data_hash,
        origin: String::new(),
        relying_party_id: s.rp_id.clone(),
        allow_list: s.allow.iter().map(descriptor).collect(),
        user_verification_req: UserVerificationRequirement::Required,
        user_presence_req: true,
        extensions: AuthenticationExtensionsClientInputs::default(),
        pin: None,
        use_ctap1_fallback: false,
    }
}

fn descriptor(id: impl AsRef<[u8]>) -> PublicKeyCredentialDescriptor {
    PublicKeyCredentialDescriptor { id: id.as_ref().to_vec(), transports: Vec::new() }
}

impl Finish {
    /// The crate's callback for the new credential.
    pub(crate) fn registered(
        self,
        answers: Sender<CeremonyResult>,
    ) -> StateCallback<authenticator::Result<RegisterResult>> {
        StateCallback::new(Box::new(move |result| {
            let _ =
                answers.send(result.map_err(errors::of).and_then(|made| self.registration(made)));
        }))
    }

    /// The crate's callback for the signature.
    pub(crate) fn signed(
        self,
        answers: Sender<CeremonyResult>,
    ) -> StateCallback<authenticator::Result<SignResult>> {
        StateCallback::new(Box::new(move |result| {
            let _ = answers.send(result.map_err(errors::of).and_then(|made| self.assertion(made)));
        }))
    }

    /// # Errors
    /// [`CeremonyError::Unsupported`] if the key left out what it was told to do: the gateway would
    /// refuse it later, with a less helpful message.
    fn registration(&self, made: RegisterResult) -> Result<String, CeremonyError> {
        let data = &made.att_obj.auth_data;
        verified(data.flags)?;
        if data.extensions.cred_protect
            != Some(CredentialProtectionPolicy::UserVerificationRequired)
        {
            return Err(CeremonyError::Unsupported(
                "it does not protect its credentials with the PIN".into(),
            ));
        }
        let Some(credential) = data.credential_data.as_ref().map(|c| c.credential_id.clone())
        else {
            return Err(CeremonyError::Unsupported("its answer holds no credential".into()));
        };
        let object = serde_cbor_2::to_vec(&made.att_obj).map_err(|_| {
            CeremonyError::Unsupported(
                "its answer cannot be written as an attestation object".into(),
            )
        })?;
        Ok(answer::registration(&credential, &object, &self.client_data, &[self.transport]))
    }

    /// # Errors
    /// [`CeremonyError::Unsupported`], as above.
    fn assertion(&self, made: SignResult) -> Result<String, CeremonyError> {
        let made = made.assertion;
        verified(made.auth_data.flags)?;
        let Some(credential) = made.credentials.map(|c| c.id).or_else(|| self.only.clone()) else {
            return Err(CeremonyError::Unsupported(
                "it does not say which credential signed".into(),
            ));
        };
        let user = made.user.as_ref().map(|u| u.id.as_slice());
        Ok(answer::assertion(
            &credential,
            &made.auth_data.to_vec(),
            &made.signature,
            user,
            &self.client_data,
        ))
    }
}

/// The crate lets a key without a PIN register although verification is required (its
/// `can_skip_user_verification`); that is where an answer without it comes from.
fn verified(flags: AuthenticatorDataFlags) -> Result<(), CeremonyError> {
    if !flags.contains(AuthenticatorDataFlags::USER_PRESENT) {
        return Err(CeremonyError::Unsupported("it answered without a touch".into()));
    }
    if flags.contains(AuthenticatorDataFlags::USER_VERIFIED) {
        Ok(())
    } else {
        Err(CeremonyError::PinNotSet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::{
        Assertion, AttestationObject,
        ctap2::{
            attestation::{AttestationStatement, AuthenticatorData, Extension},
            server::{AuthenticatorAttachment, RpIdHash},
        },
    };

    const BOTH: u8 = 0x05;

    fn data(flags: u8, cred_protect: Option<CredentialProtectionPolicy>) -> AuthenticatorData {
        AuthenticatorData {
            rp_id_hash: RpIdHash([0; 32]),
            flags: AuthenticatorDataFlags::from_bits_truncate(flags),
            counter: 1,
            credential_data: None,
            extensions: Extension { cred_protect, ..Default::default() },
        }
    }

    fn finish(only: Option<Vec<u8>>) -> Finish {
        Finish { client_data: "{}".into(), transport: "usb", only }
    }

    #[test]
    fn a_registration_without_pin_touch_or_protection_is_not_passed_on() {
        use CredentialProtectionPolicy::{
            UserVerificationOptionalWithCredentialIDList as Weaker,
            UserVerificationRequired as Full,
        };
        for (flags, protection, code) in [
            (0x01, Some(Full), "key.pin_not_set"),
            (0x04, Some(Full), "key.unsupported"),
            (BOTH, None, "key.unsupported"),
            (BOTH, Some(Weaker), "key.unsupported"),
            // All well, but for the credential itself.
            (BOTH, Some(Full), "key.unsupported"),
        ] {
            let att_obj = AttestationObject {
                auth_data: data(flags, protection),
                att_stmt: AttestationStatement::None,
            };
            let made = RegisterResult {
                att_obj,
                attachment: AuthenticatorAttachment::Unknown,
                extensions: Default::default(),
            };
            let error = finish(None).registration(made).expect_err("refused");
            assert_eq!(error.code(), code, "{flags:02x} {protection:?}: {error}");
        }
    }

    #[test]
    fn a_signature_names_its_credential_or_there_was_but_one() {
        let sign = |flags, named: Option<&[u8]>, only| {
            let assertion = Assertion {
                credentials: named.map(descriptor),
                auth_data: data(flags, None),
                signature: vec![9],
                user: None,
            };
            let made = SignResult {
                assertion,
                attachment: AuthenticatorAttachment::Unknown,
                extensions: Default::default(),
            };
            finish(only).assertion(made)
        };
        let id = |json: Result<String, CeremonyError>| {
            serde_json::from_str::<serde_json::Value>(&json.expect("signed")).expect("JSON")["id"]
                .as_str()
                .map(str::to_owned)
        };
        assert_eq!(id(sign(BOTH, Some(&[1]), Some(vec![2]))).as_deref(), Some("AQ"));
        assert_eq!(id(sign(BOTH, None, Some(vec![2]))).as_deref(), Some("Ag"));
        assert_eq!(sign(BOTH, None, None).expect_err("unnamed").code(), "key.unsupported");
        assert_eq!(sign(0x01, Some(&[1]), None).expect_err("unverified").code(), "key.pin_not_set");
    }
}
