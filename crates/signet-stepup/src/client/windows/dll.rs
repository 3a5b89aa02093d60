//! The functions of `webauthn.dll`, loaded on first use.

use super::{outcome, request::Request};
use crate::client::CeremonyError;
use std::{ffi::c_void, mem, slice};
use windows::{
    Win32::{
        Foundation::{HMODULE, HWND},
        Networking::WindowsWebServices::*,
        System::LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW},
    },
    core::{GUID, HRESULT, PCSTR, PCWSTR, s, w},
};

/// Credential protection came with this version of the library (Windows 10 2004).
const VERSION_MIN: u32 = WEBAUTHN_API_VERSION_2;
/// Longest answer of a key, bytes.
const BYTES_MAX: u32 = 64 * 1024;
const EXTENSIONS_MAX: u32 = 32;

type GetVersion = unsafe extern "system" fn() -> u32;
type GetCancellationId = unsafe extern "system" fn(*mut GUID) -> HRESULT;
type CancelOperation = unsafe extern "system" fn(*const GUID) -> HRESULT;
type MakeCredential = unsafe extern "system" fn(
    HWND,
    *const WEBAUTHN_RP_ENTITY_INFORMATION,
    *const WEBAUTHN_USER_ENTITY_INFORMATION,
    *const WEBAUTHN_COSE_CREDENTIAL_PARAMETERS,
    *const WEBAUTHN_CLIENT_DATA,
    *const WEBAUTHN_AUTHENTICATOR_MAKE_CREDENTIAL_OPTIONS,
    *mut *mut WEBAUTHN_CREDENTIAL_ATTESTATION,
) -> HRESULT;
type GetAssertion = unsafe extern "system" fn(
    HWND,
    PCWSTR,
    *const WEBAUTHN_CLIENT_DATA,
    *const WEBAUTHN_AUTHENTICATOR_GET_ASSERTION_OPTIONS,
    *mut *mut WEBAUTHN_ASSERTION,
) -> HRESULT;
type FreeAttestation = unsafe extern "system" fn(*mut WEBAUTHN_CREDENTIAL_ATTESTATION);
type FreeAssertion = unsafe extern "system" fn(*mut WEBAUTHN_ASSERTION);

/// What the key answered, copied out of the library's memory.
pub(super) enum Key {
    Registered {
        credential: Vec<u8>,
        attestation_object: Vec<u8>,
        authenticator_data: Vec<u8>,
        /// The level of protection, if the answer names one.
        protection: Option<u32>,
        transport: u32,
    },
    Signed {
        credential: Vec<u8>,
        authenticator_data: Vec<u8>,
        signature: Vec<u8>,
        user: Vec<u8>,
    },
}

/// The library, loaded for good: freeing it while its dialog is open would be worse.
#[derive(Clone, Copy)]
pub(super) struct Dll {
    cancellation_id: GetCancellationId,
    cancel: CancelOperation,
    make_credential: MakeCredential,
    get_assertion: GetAssertion,
    free_attestation: FreeAttestation,
    free_assertion: FreeAssertion,
}

/// A running operation's name.
pub(super) struct Cancellation {
    id: GUID,
    cancel: CancelOperation,
}

impl Cancellation {
    pub(crate) fn id(&self) -> GUID {
        self.id
    }

    /// Closes the dialog of the operation with this name.
    pub(crate) fn cancel(&self) {
        // SAFETY: the function has this signature (webauthn.h), and reads the id during the call
        // only.
        let _ = unsafe { (self.cancel)(&self.id) };
    }
}

fn too_old() -> CeremonyError {
    CeremonyError::Backend(
        "this Windows is too old for security keys (10 version 2004 or newer is needed)".into(),
    )
}

impl Dll {
    /// # Errors
    /// [`CeremonyError::Backend`] if this Windows has no such library, or too old a one.
    pub(crate) fn load() -> Result<Self, CeremonyError> {
        // SAFETY: the name is a literal; from the system's folder only, so nothing planted beside
        // us runs.
        let module =
            unsafe { LoadLibraryExW(w!("webauthn.dll"), None, LOAD_LIBRARY_SEARCH_SYSTEM32) }
                .map_err(|_| too_old())?;
        // SAFETY: each type below is the signature webauthn.h gives the function of that name.
        unsafe {
            let version: GetVersion = function(module, s!("WebAuthNGetApiVersionNumber"))?;
            if version() < VERSION_MIN {
                return Err(too_old());
            }
            Ok(Self {
                cancellation_id: function(module, s!("WebAuthNGetCancellationId"))?,
                cancel: function(module, s!("WebAuthNCancelCurrentOperation"))?,
                make_credential: function(module, s!("WebAuthNAuthenticatorMakeCredential"))?,
                get_assertion: function(module, s!("WebAuthNAuthenticatorGetAssertion"))?,
                free_attestation: function(module, s!("WebAuthNFreeCredentialAttestation"))?,
                free_assertion: function(module, s!("WebAuthNFreeAssertion"))?,
            })
        }
    }

    pub(crate) fn cancellation(&self) -> Result<Cancellation, CeremonyError> {
        let mut id = GUID::zeroed();
        // SAFETY: as declared in webauthn.h; it writes one GUID.
        let result = unsafe { (self.cancellation_id)(&mut id) };
        if result.is_ok() {
            Ok(Cancellation { id, cancel: self.cancel })
        } else {
            Err(outcome::error(result.0))
        }
    }

    /// Opens the dialog over `window` and waits for its end.
    pub(crate) fn ask(&self, window: isize, request: Request) -> Result<Key, CeremonyError> {
        let window = HWND(window as *mut c_void);
        match request {
            Request::Register(mut r) => {
                let mut made = std::ptr::null_mut();
                // SAFETY: the structures outlive the call and are of the versions they state.
                let result = r.with(|rp, user, parameters, client_data, options| unsafe {
                    (self.make_credential)(
                        window,
                        rp,
                        user,
                        parameters,
                        client_data,
                        options,
                        &mut made,
                    )
                });
                if result.is_err() || made.is_null() {
                    return Err(outcome::error(result.0));
                }
                // SAFETY: on success the library returns a structure of at least version 3, ours
                // until freed.
                let key = unsafe { registered(&*made) };
                // SAFETY: it came from the library and is not used again.
                unsafe { (self.free_attestation)(made) };
                Ok(key)
            }
            Request::Sign(mut s) => {
                let mut made = std::ptr::null_mut();
                // SAFETY: as above.
                let result = s.with(|rp_id, client_data, options| unsafe {
                    (self.get_assertion)(window, rp_id, client_data, options, &mut made)
                });
                if result.is_err() || made.is_null() {
                    return Err(outcome::error(result.0));
                }
                // SAFETY: as above.
                let key = unsafe { signed(&*made) };
                // SAFETY: as above.
                unsafe { (self.free_assertion)(made) };
                Ok(key)
            }
        }
    }
}

/// # Safety
/// `F` is the function pointer type of the library's function `name`.
unsafe fn function<F: Copy>(module: HMODULE, name: PCSTR) -> Result<F, CeremonyError> {
    // SAFETY: the module stays loaded, the name ends with a zero.
    let found = unsafe { GetProcAddress(module, name) }.ok_or_else(too_old)?;
    const { assert!(size_of::<F>() == size_of::<unsafe extern "system" fn() -> isize>()) };
    // SAFETY: both are function pointers; that the signature fits is the caller's word.
    Ok(unsafe { mem::transmute_copy(&found) })
}

/// # Safety
/// `at` points to `length` readable bytes, or is null.
unsafe fn copy(at: *const u8, length: u32) -> Vec<u8> {
    if at.is_null() || length > BYTES_MAX {
        return Vec::new();
    }
    // SAFETY: the caller's word, and bounded.
    unsafe { slice::from_raw_parts(at, length as usize) }.to_vec()
}

/// # Safety
/// `made` was filled by the library.
unsafe fn registered(made: &WEBAUTHN_CREDENTIAL_ATTESTATION) -> Key {
    // SAFETY: the library fills pointer and length together.
    unsafe {
        Key::Registered {
            credential: copy(made.pbCredentialId, made.cbCredentialId),
            attestation_object: copy(made.pbAttestationObject, made.cbAttestationObject),
            authenticator_data: copy(made.pbAuthenticatorData, made.cbAuthenticatorData),
            protection: protection(made),
            transport: if made.dwVersion >= WEBAUTHN_CREDENTIAL_ATTESTATION_VERSION_3 {
                made.dwUsedTransport
            } else {
                0
            },
        }
    }
}

/// # Safety
/// `made` was filled by the library.
unsafe fn protection(made: &WEBAUTHN_CREDENTIAL_ATTESTATION) -> Option<u32> {
    let list = &made.Extensions;
    if made.dwVersion < WEBAUTHN_CREDENTIAL_ATTESTATION_VERSION_2
        || list.pExtensions.is_null()
        || list.cExtensions > EXTENSIONS_MAX
    {
        return None;
    }
    // SAFETY: since version 2 the library fills list and count together.
    let extensions = unsafe { slice::from_raw_parts(list.pExtensions, list.cExtensions as usize) };
    extensions.iter().find_map(|e| {
        // SAFETY: an extension's name is a string that ends with a zero.
        let ours = !e.pwszExtensionIdentifier.is_null()
            && unsafe {
                e.pwszExtensionIdentifier.as_wide()
                    == WEBAUTHN_EXTENSIONS_IDENTIFIER_CRED_PROTECT.as_wide()
            };
        let fits = e.cbExtension as usize == size_of::<u32>() && !e.pvExtension.is_null();
        // SAFETY: webauthn.h: this extension's output is a DWORD.
        (ours && fits).then(|| unsafe { e.pvExtension.cast::<u32>().read_unaligned() })
    })
}

/// # Safety
/// `made` was filled by the library.
unsafe fn signed(made: &WEBAUTHN_ASSERTION) -> Key {
    // SAFETY: the library fills pointer and length together.
    unsafe {
        Key::Signed {
            credential: copy(made.Credential.pbId, made.Credential.cbId),
            authenticator_data: copy(made.pbAuthenticatorData, made.cbAuthenticatorData),
            signature: copy(made.pbSignature, made.cbSignature),
            user: copy(made.pbUserId, made.cbUserId),
        }
    }
}
