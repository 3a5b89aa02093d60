//! A request in the shape `webauthn.dll` reads: C structures over buffers that live as long.

use crate::client::{
    CeremonyError,
    options::{Asked, Discoverable, Registration, Signing},
};
use std::{ptr, time::Duration};
use windows::{
    Win32::Networking::WindowsWebServices::*,
    core::{BOOL, GUID, PCWSTR},
};

pub(super) enum Request {
    Register(Box<Register>),
    Sign(Box<Sign>),
}

/// Buffers that both kinds of request share.
struct Shared {
    rp_id: Vec<u16>,
    client_data: Vec<u8>,
    credentials: Vec<Vec<u8>>,
    timeout_ms: u32,
    cancel: GUID,
}

pub(super) struct Register {
    shared: Shared,
    rp_name: Vec<u16>,
    user_id: Vec<u8>,
    user_name: Vec<u16>,
    user_display_name: Vec<u16>,
    algorithms: Vec<i32>,
    discoverable: bool,
}

pub(super) struct Sign(Shared);

impl Request {
    pub(crate) fn new(
        asked: &Asked,
        client_data: &str,
        timeout: Duration,
        cancel: GUID,
    ) -> Result<Self, CeremonyError> {
        let shared = |rp_id: &str, credentials: &[Vec<u8>]| Shared {
            rp_id: wide(rp_id),
            client_data: client_data.as_bytes().to_vec(),
            credentials: credentials.to_vec(),
            timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            cancel,
        };
        Ok(match asked {
            Asked::Register(r) => {
                Self::Register(Box::new(Register::new(r, shared(&r.rp_id, &r.exclude))?))
            }
            Asked::Sign(Signing { rp_id, allow, .. }) => {
                Self::Sign(Box::new(Sign(shared(rp_id, allow))))
            }
        })
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Lengths are bounded when the options are read; a structure cannot say more.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(0)
}

fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(0)
}

impl Register {
    fn new(r: &Registration, shared: Shared) -> Result<Self, CeremonyError> {
        let algorithms: Vec<i32> =
            r.algorithms.iter().filter_map(|a| i32::try_from(*a).ok()).collect();
        if algorithms.is_empty() {
            return Err(CeremonyError::BadOptions(
                "pubKeyCredParams: no algorithm Windows knows".into(),
            ));
        }
        Ok(Self {
            shared,
            rp_name: wide(&r.rp_name),
            user_id: r.user_id.clone(),
            user_name: wide(&r.user_name),
            user_display_name: wide(&r.user_display_name),
            algorithms,
            // "Preferred" came with a later version of the structure; a registration here never
            // needs it.
            discoverable: r.discoverable == Discoverable::Required,
        })
    }

    /// Calls `f` with the structures; they point into `self` and into this frame.
    pub(crate) fn with<R>(
        &mut self,
        f: impl FnOnce(
            &WEBAUTHN_RP_ENTITY_INFORMATION,
            &WEBAUTHN_USER_ENTITY_INFORMATION,
            &WEBAUTHN_COSE_CREDENTIAL_PARAMETERS,
            &WEBAUTHN_CLIENT_DATA,
            &WEBAUTHN_AUTHENTICATOR_MAKE_CREDENTIAL_OPTIONS,
        ) -> R,
    ) -> R {
        let rp = WEBAUTHN_RP_ENTITY_INFORMATION {
            dwVersion: WEBAUTHN_RP_ENTITY_INFORMATION_CURRENT_VERSION,
            pwszId: PCWSTR(self.shared.rp_id.as_ptr()),
            pwszName: PCWSTR(self.rp_name.as_ptr()),
            pwszIcon: PCWSTR::null(),
        };
        let user = WEBAUTHN_USER_ENTITY_INFORMATION {
            dwVersion: WEBAUTHN_USER_ENTITY_INFORMATION_CURRENT_VERSION,
            cbId: length(&self.user_id),
            pbId: self.user_id.as_mut_ptr(),
            pwszName: PCWSTR(self.user_name.as_ptr()),
            pwszIcon: PCWSTR::null(),
            pwszDisplayName: PCWSTR(self.user_display_name.as_ptr()),
        };
        let mut list: Vec<_> = self
            .algorithms
            .iter()
            .map(|algorithm| WEBAUTHN_COSE_CREDENTIAL_PARAMETER {
                dwVersion: WEBAUTHN_COSE_CREDENTIAL_PARAMETER_CURRENT_VERSION,
                pwszCredentialType: WEBAUTHN_CREDENTIAL_TYPE_PUBLIC_KEY,
                lAlg: *algorithm,
            })
            .collect();
        let parameters = WEBAUTHN_COSE_CREDENTIAL_PARAMETERS {
            cCredentialParameters: count(&list),
            pCredentialParameters: list.as_mut_ptr(),
        };
        let mut protect = WEBAUTHN_CRED_PROTECT_EXTENSION_IN {
            dwCredProtect: WEBAUTHN_USER_VERIFICATION_REQUIRED,
            bRequireCredProtect: BOOL(1),
        };
        let mut extension = WEBAUTHN_EXTENSION {
            pwszExtensionIdentifier: WEBAUTHN_EXTENSIONS_IDENTIFIER_CRED_PROTECT,
            cbExtension: u32::try_from(size_of_val(&protect)).unwrap_or(0),
            pvExtension: (&raw mut protect).cast(),
        };
        let discoverable = BOOL::from(self.discoverable);
        self.shared.with(|client_data, timeout_ms, cancel, exclude| {
            let options = WEBAUTHN_AUTHENTICATOR_MAKE_CREDENTIAL_OPTIONS {
                dwVersion: WEBAUTHN_AUTHENTICATOR_MAKE_CREDENTIAL_OPTIONS_VERSION_3,
                dwTimeoutMilliseconds: timeout_ms,
                Extensions: WEBAUTHN_EXTENSIONS { cExtensions: 1, pExtensions: &raw mut extension },
                dwAuthenticatorAttachment: WEBAUTHN_AUTHENTICATOR_ATTACHMENT_CROSS_PLATFORM,
                bRequireResidentKey: discoverable,
                dwUserVerificationRequirement: WEBAUTHN_USER_VERIFICATION_REQUIREMENT_REQUIRED,
                dwAttestationConveyancePreference:
                    WEBAUTHN_ATTESTATION_CONVEYANCE_PREFERENCE_DIRECT,
                pCancellationId: cancel,
                pExcludeCredentialList: exclude,
                ..Default::default()
            };
            f(&rp, &user, &parameters, client_data, &options)
        })
    }
}

impl Sign {
    pub(crate) fn with<R>(
        &mut self,
        f: impl FnOnce(
            PCWSTR,
            &WEBAUTHN_CLIENT_DATA,
            &WEBAUTHN_AUTHENTICATOR_GET_ASSERTION_OPTIONS,
        ) -> R,
    ) -> R {
        let rp_id = PCWSTR(self.0.rp_id.as_ptr());
        self.0.with(|client_data, timeout_ms, cancel, allow| {
            let options = WEBAUTHN_AUTHENTICATOR_GET_ASSERTION_OPTIONS {
                dwVersion: WEBAUTHN_AUTHENTICATOR_GET_ASSERTION_OPTIONS_VERSION_4,
                dwTimeoutMilliseconds: timeout_ms,
                dwAuthenticatorAttachment: WEBAUTHN_AUTHENTICATOR_ATTACHMENT_CROSS_PLATFORM,
                dwUserVerificationRequirement: WEBAUTHN_USER_VERIFICATION_REQUIREMENT_REQUIRED,
                pCancellationId: cancel,
                pAllowCredentialList: allow,
                ..Default::default()
            };
            f(rp_id, client_data, &options)
        })
    }
}

impl Shared {
    /// Calls `f` with the client data, the time, the cancellation id and the credential list.
    fn with<R>(
        &mut self,
        f: impl FnOnce(&WEBAUTHN_CLIENT_DATA, u32, *mut GUID, *mut WEBAUTHN_CREDENTIAL_LIST) -> R,
    ) -> R {
        let client_data = WEBAUTHN_CLIENT_DATA {
            dwVersion: WEBAUTHN_CLIENT_DATA_CURRENT_VERSION,
            cbClientDataJSON: length(&self.client_data),
            pbClientDataJSON: self.client_data.as_mut_ptr(),
            pwszHashAlgId: WEBAUTHN_HASH_ALGORITHM_SHA_256,
        };
        let mut entries: Vec<_> = self
            .credentials
            .iter_mut()
            .map(|id| WEBAUTHN_CREDENTIAL_EX {
                dwVersion: WEBAUTHN_CREDENTIAL_EX_CURRENT_VERSION,
                cbId: length(id),
                pbId: id.as_mut_ptr(),
                pwszCredentialType: WEBAUTHN_CREDENTIAL_TYPE_PUBLIC_KEY,
                // Any.
                dwTransports: 0,
            })
            .collect();
        let mut pointers: Vec<*mut WEBAUTHN_CREDENTIAL_EX> =
            entries.iter_mut().map(ptr::from_mut).collect();
        let mut list = WEBAUTHN_CREDENTIAL_LIST {
            cCredentials: count(&pointers),
            ppCredentials: pointers.as_mut_ptr(),
        };
        f(&client_data, self.timeout_ms, &raw mut self.cancel, &raw mut list)
    }
}
