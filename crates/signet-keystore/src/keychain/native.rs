//! The store behind [`super::OsKeychain`], chosen by operating system.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::api::CredentialStore;
use keyring_core::{Entry, Error as StoreError};
use zeroize::Zeroizing;

use super::entries::Entries;
use crate::holder::KeychainError;

/// Under what name the entries lie in the keychain, on every system. A person may see it there.
const SERVICE: &str = "Signet Desk";

/// Opens the store when first needed, and again after it failed: the session bus or the keychain
/// daemon may have been restarted.
#[derive(Default)]
pub(super) struct NativeEntries(Option<Arc<CredentialStore>>);

impl NativeEntries {
    fn with_store<T>(
        &mut self,
        work: impl FnOnce(&CredentialStore) -> Result<T, StoreError>,
    ) -> Result<T, KeychainError> {
        let store = match &self.0 {
            Some(store) => Arc::clone(store),
            None => {
                platform::open().map_err(|e| KeychainError::NoKeychain { detail: e.to_string() })?
            }
        };
        let result = work(store.as_ref());
        self.0 = match &result {
            Err(StoreError::PlatformFailure(_)) => None,
            _ => Some(store),
        };
        result.map_err(translate)
    }

    fn with_entry<T>(
        &mut self,
        entry: &str,
        work: impl FnOnce(&Entry) -> Result<T, StoreError>,
    ) -> Result<Option<T>, KeychainError> {
        self.with_store(|store| {
            let entry = store.build(SERVICE, entry, platform::modifiers().as_ref())?;
            match work(&entry) {
                Ok(value) => Ok(Some(value)),
                Err(StoreError::NoEntry) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }
}

/// What lies under one name. A keychain can hold two items of the same name (made by another
/// program, or by a synchronisation that went wrong).
enum Kept {
    Once(Zeroizing<Vec<u8>>),
    /// Several times, each with another text: nobody can tell which counts.
    Differently,
}

fn read(entry: &Entry) -> Result<Kept, StoreError> {
    let copies = match entry.get_secret() {
        Err(StoreError::Ambiguous(copies)) => copies,
        text => return text.map(|t| Kept::Once(Zeroizing::new(t))),
    };
    let mut texts = Vec::new();
    for copy in &copies {
        texts.push(Zeroizing::new(copy.get_secret()?));
    }
    let first = texts.pop().ok_or(StoreError::NoEntry)?;
    Ok(if texts.iter().all(|t| *t == first) { Kept::Once(first) } else { Kept::Differently })
}

/// Deletes the entry, however often it is there.
fn delete(entry: &Entry) -> Result<(), StoreError> {
    match entry.delete_credential() {
        Err(StoreError::Ambiguous(copies)) => copies.iter().try_for_each(Entry::delete_credential),
        deleted => deleted,
    }
}

fn write(entry: &Entry, text: &[u8]) -> Result<(), StoreError> {
    match entry.set_secret(text) {
        Err(StoreError::Ambiguous(_)) => {
            delete(entry)?;
            entry.set_secret(text)
        }
        written => written,
    }
}

impl Entries for NativeEntries {
    fn get(&mut self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        match self.with_entry(entry, read)? {
            None => Ok(None),
            Some(Kept::Once(text)) => Ok(Some(text)),
            Some(Kept::Differently) => Err(KeychainError::Malformed {
                entry: entry.into(),
                why: "the keychain holds it more than once, each time differently",
            }),
        }
    }

    fn put(&mut self, entry: &str, text: &[u8]) -> Result<(), KeychainError> {
        self.with_entry(entry, |entry| write(entry, text))?
            .ok_or(KeychainError::NoDefaultCollection)
    }

    fn remove(&mut self, entry: &str) -> Result<bool, KeychainError> {
        Ok(self.with_entry(entry, delete)?.is_some())
    }

    fn names(&mut self) -> Result<Vec<String>, KeychainError> {
        let found = self.with_store(|store| store.search(&platform::search()))?;
        let ours = |entry: Entry| {
            entry.get_specifiers().filter(|(service, _)| service == SERVICE).map(|(_, user)| user)
        };
        Ok(found.into_iter().filter_map(ours).collect())
    }
}

/// Turns the stores' common errors into ours; what the platform says more precisely comes first.
fn translate(error: StoreError) -> KeychainError {
    match error {
        StoreError::PlatformFailure(inner) | StoreError::NoStorageAccess(inner)
            if platform::translate(inner.as_ref()).is_some() =>
        {
            platform::translate(inner.as_ref())
                .unwrap_or(KeychainError::Other { detail: inner.to_string() })
        }
        StoreError::NoStorageAccess(_) => KeychainError::Locked,
        StoreError::TooLong(_, limit) => {
            KeychainError::TooLong { bytes: usize::try_from(limit).unwrap_or(usize::MAX) }
        }
        StoreError::Ambiguous(_) => {
            KeychainError::Other { detail: "it holds the same entry twice".into() }
        }
        // Never the data itself, which some of the remaining variants carry.
        StoreError::BadEncoding(_) | StoreError::BadDataFormat(..) => {
            KeychainError::Other { detail: "it returned an entry in an unknown form".into() }
        }
        other => KeychainError::Other { detail: other.to_string() },
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use super::{Arc, CredentialStore, HashMap, KeychainError, SERVICE, StoreError};
    use secret_service::Error as ServiceError;
    use std::error::Error as StdError;

    pub(super) fn open() -> Result<Arc<CredentialStore>, StoreError> {
        let store = zbus_secret_service_keyring_store::Store::new()?;
        Ok(store)
    }

    pub(super) const fn modifiers<'a>() -> Option<HashMap<&'a str, &'a str>> {
        None
    }

    pub(super) fn search<'a>() -> HashMap<&'a str, &'a str> {
        HashMap::from([("service", SERVICE)])
    }

    pub(super) fn translate(
        error: &(dyn StdError + Send + Sync + 'static),
    ) -> Option<KeychainError> {
        match error.downcast_ref::<ServiceError>()? {
            ServiceError::Locked => Some(KeychainError::Locked),
            ServiceError::Prompt => Some(KeychainError::PromptDismissed),
            // The only request of ours that can have no result is the one for the default
            // collection.
            ServiceError::NoResult => Some(KeychainError::NoDefaultCollection),
            ServiceError::Unavailable | ServiceError::PromptDisconnected => {
                Some(KeychainError::NoKeychain { detail: error.to_string() })
            }
            _ => None,
        }
    }
}

#[cfg(windows)]
mod platform {
    use super::{Arc, CredentialStore, HashMap, KeychainError, SERVICE, StoreError};
    use std::error::Error as StdError;

    pub(super) fn open() -> Result<Arc<CredentialStore>, StoreError> {
        // A divider that no name contains, so that a listing can tell the parts apart.
        let dividers = HashMap::from([("prefix", ""), ("divider", "|"), ("suffix", "")]);
        let store = windows_native_keyring_store::Store::new_with_configuration(&dividers)?;
        Ok(store)
    }

    /// The default, "Enterprise", would carry the key to other machines with the user's profile.
    pub(super) fn modifiers<'a>() -> Option<HashMap<&'a str, &'a str>> {
        Some(HashMap::from([("persistence", "Local")]))
    }

    pub(super) fn search<'a>() -> HashMap<&'a str, &'a str> {
        const OURS: &str = r"\|Signet Desk$";
        debug_assert!(OURS.contains(SERVICE));
        HashMap::from([("pattern", OURS)])
    }

    pub(super) fn translate(_: &(dyn StdError + Send + Sync + 'static)) -> Option<KeychainError> {
        None
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use super::{Arc, CredentialStore, HashMap, KeychainError, SERVICE, StoreError};
    use std::error::Error as StdError;

    pub(super) fn open() -> Result<Arc<CredentialStore>, StoreError> {
        let store = apple_native_keyring_store::keychain::Store::new()?;
        Ok(store)
    }

    pub(super) const fn modifiers<'a>() -> Option<HashMap<&'a str, &'a str>> {
        None
    }

    pub(super) fn search<'a>() -> HashMap<&'a str, &'a str> {
        HashMap::from([("service", SERVICE)])
    }

    pub(super) fn translate(_: &(dyn StdError + Send + Sync + 'static)) -> Option<KeychainError> {
        None
    }
}

/// A system without a keychain we know: every call says so.
#[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
mod platform {
    use super::{Arc, CredentialStore, HashMap, KeychainError, StoreError};
    use std::error::Error as StdError;

    pub(super) fn open() -> Result<Arc<CredentialStore>, StoreError> {
        Err(StoreError::NoDefaultStore)
    }

    pub(super) const fn modifiers<'a>() -> Option<HashMap<&'a str, &'a str>> {
        None
    }

    pub(super) fn search<'a>() -> HashMap<&'a str, &'a str> {
        HashMap::new()
    }

    pub(super) fn translate(_: &(dyn StdError + Send + Sync + 'static)) -> Option<KeychainError> {
        None
    }
}
