//! Keys in the operating system's keychain: `held/<label>` holds a base64 PKCS#8 key. At rest they
//! are as safe as the keychain; while in use they are in this process's memory.

use std::sync::Arc;

use super::{HolderError, HolderKind, KeyHolder, KeyLabel};
use crate::key::{DeviceKey, Protection, SoftwareKey};
use crate::keychain::{KeychainError, OsKeychain, held};

impl KeyHolder for OsKeychain {
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let label = label.clone();
        shared(self.ask_holder(move |entries| held::generate(entries, &label))?)
    }

    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        let label = label.clone();
        shared(self.ask_holder(move |entries| held::open(entries, &label))?)
    }

    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError> {
        let label = label.clone();
        self.ask_holder(move |entries| held::delete(entries, &label))
    }

    fn protection(&self) -> Protection {
        Protection::OsKeychain
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Keychain
    }
}

#[cfg(any(test, feature = "test-double"))]
impl KeyHolder for crate::keychain::MemoryKeychain {
    fn generate(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        shared(self.with_entries(|entries| held::generate(entries, label))?)
    }

    fn open(&self, label: &KeyLabel) -> Result<Arc<dyn DeviceKey>, HolderError> {
        shared(self.with_entries(|entries| held::open(entries, label))?)
    }

    fn delete(&self, label: &KeyLabel) -> Result<(), HolderError> {
        self.with_entries(|entries| held::delete(entries, label))
    }

    fn protection(&self) -> Protection {
        Protection::OsKeychain
    }

    fn kind(&self) -> HolderKind {
        HolderKind::Keychain
    }
}

fn shared(key: SoftwareKey) -> Result<Arc<dyn DeviceKey>, HolderError> {
    Ok(Arc::new(key))
}

impl From<crate::key::KeyError> for HolderError {
    fn from(error: crate::key::KeyError) -> Self {
        Self::Keychain(KeychainError::Key(error))
    }
}
