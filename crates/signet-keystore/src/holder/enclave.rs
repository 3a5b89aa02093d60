//! Keys in a Mac's Secure Enclave: made in it, used in it, never out of it.
//!
//! **Only a compiler for `aarch64-apple-darwin` has seen this.** No Mac ran it. The Secure Enclave
//! needs a program signed with an application identifier and the keychain-access-groups
//! entitlement; an unsigned build gets `errSecMissingEntitlement` (-34018), reported as
//! [`HolderError::NotAllowed`]. Calls run on a thread of their own with a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use core_foundation::error::CFError;
use security_framework::access_control::{ProtectionMode, SecAccessControl};
use security_framework::item::{
    ItemClass, ItemSearchOptions, KeyClass, Location, Reference, SearchResult,
};
use security_framework::key::{Algorithm, GenerateKeyOptions, KeyType, SecKey, Token};
use signet_identity::{DeviceKey, KeyError, Protection};

use super::error::HolderError;
use super::key_holder::KeyHolder;
use super::label::{HolderKind, KeyLabel};
use crate::worker::Worker;

/// How long a call waits for the enclave.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(60);
const POINT_BYTES: usize = 65;
/// `kSecAccessControlPrivateKeyUsage`: the key signs in the enclave.
const PRIVATE_KEY_USAGE: usize = 1 << 30;
const MISSING_ENTITLEMENT: isize = -34018;
const USER_CANCELED: isize = -128;

/// The Secure Enclave, used from a thread of its own. Clones share it.
#[derive(Clone)]
pub struct EnclaveHolder(Arc<Worker<()>>);

impl Default for EnclaveHolder {
    fn default() -> Self {
        Self::new(ANSWER_TIME_DEFAULT)
    }
}

impl EnclaveHolder {
    /// A holder whose calls wait at most `answer_time`. Opens nothing until the first call.
    #[must_use]
    pub fn new(answer_time: Duration) -> Self {
        Self(Arc::new(Worker::new("enclave", answer_time)))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        self.0.ask(|| (), move |()| question())
    }
}

impl KeyHolder for EnclaveHolder {
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.ask(move || generate(&asked))?;
        Ok(Arc::new(EnclaveKey { holder: self.clone(), label: label.clone(), point }))
    }

    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let asked = label.clone();
        let point = self.ask(move || public_point(&open(&asked)?))?;
        Ok(Arc::new(EnclaveKey { holder: self.clone(), label: label.clone(), point }))
    }

    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError> {
        let label = label.clone();
        self.ask(move || {
            open(&label)?.delete().map_err(|e| HolderError::Other { detail: e.to_string() })
        })
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Enclave
    }
}

impl fmt::Debug for EnclaveHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnclaveHolder")
    }
}

struct EnclaveKey {
    holder: EnclaveHolder,
    label: KeyLabel,
    point: [u8; POINT_BYTES],
}

impl DeviceKey for EnclaveKey {
    fn public_point(&self) -> &[u8] {
        &self.point
    }

    fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (label, message) = (self.label.clone(), message.to_vec());
        let sign = move || {
            open(&label)?
                .create_signature(Algorithm::ECDSASignatureMessageX962SHA256, &message)
                .map_err(|e| translate(&e))
        };
        Ok(self.holder.ask(sign)?)
    }

    fn protection(&self) -> Protection {
        Protection::Hardware
    }
}

impl fmt::Debug for EnclaveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnclaveKey").field("label", &self.label).finish_non_exhaustive()
    }
}

fn name(label: &KeyLabel) -> String {
    format!("Signet Desk {label}")
}

fn generate(label: &KeyLabel) -> Result<[u8; POINT_BYTES], HolderError> {
    match open(label) {
        Ok(_) => return Err(HolderError::LabelTaken { label: label.clone() }),
        Err(HolderError::NoSuchKey { .. }) => {}
        Err(error) => return Err(error),
    }
    // Only while unlocked, and never on another device: not in backups, not in iCloud.
    let mode = ProtectionMode::AccessibleWhenUnlockedThisDeviceOnly;
    let access = SecAccessControl::create_with_protection(Some(mode), PRIVATE_KEY_USAGE);
    let access = access.map_err(|e| HolderError::Other { detail: e.to_string() })?;
    let mut options = GenerateKeyOptions::default();
    options
        .set_key_type(KeyType::ec())
        .set_size_in_bits(256)
        .set_label(name(label))
        .set_token(Token::SecureEnclave)
        .set_location(Location::DataProtectionKeychain)
        .set_access_control(access);
    public_point(&SecKey::new(&options).map_err(|e| translate(&e))?)
}

fn open(label: &KeyLabel) -> Result<SecKey, HolderError> {
    /// `errSecItemNotFound`
    const NOT_FOUND: i32 = -25300;
    let mut search = ItemSearchOptions::new();
    search
        .class(ItemClass::key())
        .key_class(KeyClass::private())
        .label(&name(label))
        .load_refs(true)
        .limit(1)
        .ignore_legacy_keychains();
    match search.search() {
        Ok(found) => found
            .into_iter()
            .find_map(|item| match item {
                SearchResult::Ref(Reference::Key(key)) => Some(key),
                _ => None,
            })
            .ok_or_else(|| HolderError::NoSuchKey { label: label.clone() }),
        Err(error) if error.code() == NOT_FOUND => {
            Err(HolderError::NoSuchKey { label: label.clone() })
        }
        Err(error) => Err(HolderError::Other { detail: error.to_string() }),
    }
}

fn public_point(key: &SecKey) -> Result<[u8; POINT_BYTES], HolderError> {
    // For elliptic curves the external form is the uncompressed point (X9.63).
    let point = key.public_key().and_then(|public| public.external_representation());
    point.and_then(|point| point.to_vec().try_into().ok()).ok_or(HolderError::NoP256)
}

fn translate(error: &CFError) -> HolderError {
    match error.code() {
        MISSING_ENTITLEMENT => HolderError::NotAllowed {
            detail: "this build is not signed for the Secure Enclave".into(),
        },
        USER_CANCELED => HolderError::PinDeclined,
        _ => HolderError::Other { detail: error.description().to_string() },
    }
}
