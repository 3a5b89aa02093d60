//! Keys in Windows' Platform Crypto Provider: made in the TPM, used in it, never out of it.
//!
//! **Only a compiler for `x86_64-pc-windows-gnu` has seen this.** No Windows, no TPM and no wine
//! ran it (wine has no Platform Crypto Provider). Calls run on a thread of their own with a
//! deadline.

use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use signet_identity::{DeviceKey, KeyError, Protection};
use windows_sys::Win32::Foundation::{
    NTE_BAD_KEYSET, NTE_BAD_PROVIDER, NTE_DEVICE_NOT_FOUND, NTE_DEVICE_NOT_READY, NTE_EXISTS,
    NTE_NO_KEY, NTE_NOT_FOUND, NTE_NOT_SUPPORTED, NTE_PROV_TYPE_NOT_DEF, NTE_PROVIDER_DLL_FAIL,
    NTE_TOKEN_KEYSET_STORAGE_FULL, NTE_USER_CANCELLED,
};
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_ECCPUBLIC_BLOB, BCRYPT_ECDSA_PUBLIC_P256_MAGIC, MS_PLATFORM_CRYPTO_PROVIDER,
    NCRYPT_ECDSA_P256_ALGORITHM, NCRYPT_EXPORT_POLICY_PROPERTY, NCRYPT_SILENT_FLAG,
    NCryptCreatePersistedKey, NCryptDeleteKey, NCryptExportKey, NCryptFinalizeKey,
    NCryptFreeObject, NCryptOpenKey, NCryptOpenStorageProvider, NCryptSetProperty, NCryptSignHash,
};

use super::encoding::{POINT_BYTES, signature_der};
use super::error::HolderError;
use super::key_holder::KeyHolder;
use super::label::{HolderKind, KeyLabel};
use crate::worker::Worker;

/// How long a call waits for the TPM.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(30);

/// The TPM through CNG, used from a thread of its own. Clones share it.
#[derive(Clone)]
pub struct CngHolder(Arc<Worker<()>>);

impl Default for CngHolder {
    fn default() -> Self {
        Self::new(ANSWER_TIME_DEFAULT)
    }
}

impl CngHolder {
    /// A holder whose calls wait at most `answer_time`. Opens nothing until the first call.
    #[must_use]
    pub fn new(answer_time: Duration) -> Self {
        Self(Arc::new(Worker::new("cng", answer_time)))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        self.0.ask(|| (), move |()| question())
    }
}

impl KeyHolder for CngHolder {
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.ask(move || generate(&asked))?;
        Ok(Arc::new(CngKey { holder: self.clone(), label: label.clone(), point }))
    }

    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.ask(move || public_point(&open(&asked)?))?;
        Ok(Arc::new(CngKey { holder: self.clone(), label: label.clone(), point }))
    }

    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError> {
        let label = label.clone();
        self.ask(move || {
            let mut key = open(&label)?;
            // SAFETY: an open key; NCryptDeleteKey frees the handle, which is forgotten below.
            let status = unsafe { NCryptDeleteKey(key.0, NCRYPT_SILENT_FLAG) };
            if status == 0 {
                key.0 = 0;
            }
            check(status, Some(&label))
        })
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Cng
    }
}

impl fmt::Debug for CngHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CngHolder")
    }
}

struct CngKey {
    holder: CngHolder,
    label: KeyLabel,
    point: [u8; POINT_BYTES],
}

impl DeviceKey for CngKey {
    fn public_point(&self) -> &[u8] {
        &self.point
    }

    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (label, digest) = (self.label.clone(), signet_identity::sha256(message));
        Ok(self.holder.ask(move || sign(&open(&label)?, &digest))?)
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }
}

impl fmt::Debug for CngKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CngKey").field("label", &self.label).finish_non_exhaustive()
    }
}

/// A provider or key, freed when dropped.
struct Handle(usize);

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: a handle of ours, freed once. Nothing can be done about a failure.
            unsafe { NCryptFreeObject(self.0) };
        }
    }
}

fn provider() -> Result<Handle, HolderError> {
    let mut handle = Handle(0);
    // SAFETY: writes one handle; the name is a constant of the system's.
    check(
        unsafe { NCryptOpenStorageProvider(&raw mut handle.0, MS_PLATFORM_CRYPTO_PROVIDER, 0) },
        None,
    )?;
    Ok(handle)
}

fn wide(label: &KeyLabel) -> Vec<u16> {
    format!("Signet Desk {label}").encode_utf16().chain([0]).collect()
}

fn open(label: &KeyLabel) -> Result<Handle, HolderError> {
    let (provider, name) = (provider()?, wide(label));
    let mut key = Handle(0);
    // SAFETY: an open provider, a terminated name that outlives the call, room for one handle.
    check(
        unsafe { NCryptOpenKey(provider.0, &raw mut key.0, name.as_ptr(), 0, NCRYPT_SILENT_FLAG) },
        Some(label),
    )?;
    Ok(key)
}

fn generate(label: &KeyLabel) -> Result<[u8; POINT_BYTES], HolderError> {
    let (provider, name) = (provider()?, wide(label));
    let mut key = Handle(0);
    // SAFETY: as above; without the overwrite flag an existing key is left alone.
    let status = unsafe {
        NCryptCreatePersistedKey(
            provider.0,
            &raw mut key.0,
            NCRYPT_ECDSA_P256_ALGORITHM,
            name.as_ptr(),
            0,
            0,
        )
    };
    check(status, Some(label))?;
    // No export of any kind; a TPM key has none anyway.
    let policy = 0u32.to_ne_bytes();
    // SAFETY: four bytes that outlive the call.
    let status =
        unsafe { NCryptSetProperty(key.0, NCRYPT_EXPORT_POLICY_PROPERTY, policy.as_ptr(), 4, 0) };
    check(status, Some(label))?;
    // SAFETY: a key that was created and not yet finalised.
    check(unsafe { NCryptFinalizeKey(key.0, NCRYPT_SILENT_FLAG) }, Some(label))?;
    public_point(&key)
}

/// `BCRYPT_ECCKEY_BLOB`: magic, length, X, Y.
fn public_point(key: &Handle) -> Result<[u8; POINT_BYTES], HolderError> {
    const COORDINATE: usize = 32;
    let mut blob = [0u8; 8 + 2 * COORDINATE];
    let mut written = 0;
    // SAFETY: the length given is the array's.
    let status = unsafe {
        NCryptExportKey(
            key.0,
            0,
            BCRYPT_ECCPUBLIC_BLOB,
            ptr::null(),
            blob.as_mut_ptr(),
            blob.len() as u32,
            &raw mut written,
            0,
        )
    };
    check(status, None)?;
    let magic = u32::from_le_bytes([blob[0], blob[1], blob[2], blob[3]]);
    if written as usize != blob.len() || magic != BCRYPT_ECDSA_PUBLIC_P256_MAGIC {
        return Err(HolderError::NoP256);
    }
    let mut point = [0x04; POINT_BYTES];
    point[1..].copy_from_slice(&blob[8..]);
    Ok(point)
}

fn sign(key: &Handle, digest: &[u8; 32]) -> Result<Vec<u8>, HolderError> {
    let mut raw = [0u8; 64];
    let mut written = 0;
    // SAFETY: both lengths are the arrays' own; ECDSA takes no padding information.
    let status = unsafe {
        NCryptSignHash(
            key.0,
            ptr::null(),
            digest.as_ptr(),
            digest.len() as u32,
            raw.as_mut_ptr(),
            raw.len() as u32,
            &raw mut written,
            NCRYPT_SILENT_FLAG,
        )
    };
    check(status, None)?;
    let signature = raw.get(..written as usize).and_then(signature_der);
    signature
        .ok_or_else(|| HolderError::Other { detail: "its signature has the wrong length".into() })
}

fn check(status: i32, label: Option<&KeyLabel>) -> Result<(), HolderError> {
    match (status, label) {
        (0, _) => Ok(()),
        (NTE_BAD_KEYSET | NTE_NO_KEY | NTE_NOT_FOUND, Some(label)) => {
            Err(HolderError::NoSuchKey { label: label.clone() })
        }
        (NTE_EXISTS, Some(label)) => Err(HolderError::LabelTaken { label: label.clone() }),
        (NTE_NOT_SUPPORTED, _) => Err(HolderError::NoP256),
        (
            NTE_BAD_PROVIDER | NTE_PROV_TYPE_NOT_DEF | NTE_PROVIDER_DLL_FAIL | NTE_DEVICE_NOT_FOUND,
            _,
        ) => Err(HolderError::Unsupported("TPM")),
        (NTE_DEVICE_NOT_READY, _) => Err(HolderError::TokenRemoved),
        (NTE_USER_CANCELLED, _) => Err(HolderError::PinDeclined),
        (NTE_TOKEN_KEYSET_STORAGE_FULL, _) => {
            Err(HolderError::NotAllowed { detail: "the TPM is full".into() })
        }
        (status, _) => Err(HolderError::Other { detail: format!("CNG status {status:#010x}") }),
    }
}
