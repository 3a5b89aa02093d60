//! Keys in the operating system's keychain: `held/<label>` holds a base64 PKCS#8 key. At rest they
//! are as safe as the keychain; while in use they are in this process's memory.

use std::sync::Arc;

use signet_identity::{DeviceKey, Protection, SoftwareKey};

use super::held;
#[cfg(any(test, feature = "test-double"))]
use super::memory::MemoryKeychain;
use super::os::OsKeychain;
use crate::holder::{HolderError, HolderKind, KeyHolder, KeyLabel};

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
impl KeyHolder for MemoryKeychain {
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
