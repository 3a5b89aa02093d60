//! A keychain that forgets everything, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;
use signet_identity::{DeviceKey, Identity};
use zeroize::Zeroizing;

use super::entries::Entries;
use super::interface::{Keychain, SECRET_BYTES, StoredIdentity};
use super::loaded::Loaded;
use super::name::IdentityName;
use super::{enrolled, identities};
use crate::holder::{KeyPlace, KeychainError};
use crate::renewal::IdentitySlot;

/// Behaves like a keychain and is gone with the process. Tests only.
#[derive(Debug, Default)]
pub struct MemoryKeychain(Mutex<Map>);

#[derive(Default)]
struct Map(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl MemoryKeychain {
    /// An empty keychain.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites one raw entry, to damage it.
    pub fn put_raw(&self, entry: &str, text: &[u8]) {
        self.lock().0.insert(entry.to_owned(), Zeroizing::new(text.to_vec()));
    }

    /// The names of all raw entries.
    #[must_use]
    pub fn raw_names(&self) -> Vec<String> {
        self.lock().0.keys().cloned().collect()
    }

    pub(super) fn with_entries<T>(&self, work: impl FnOnce(&mut dyn Entries) -> T) -> T {
        work(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries for Map {
    fn get(&mut self, entry: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        Ok(self.0.get(entry).cloned())
    }

    fn put(&mut self, entry: &str, text: &[u8]) -> Result<(), KeychainError> {
        self.0.insert(entry.to_owned(), Zeroizing::new(text.to_vec()));
        Ok(())
    }

    fn remove(&mut self, entry: &str) -> Result<bool, KeychainError> {
        Ok(self.0.remove(entry).is_some())
    }

    fn names(&mut self) -> Result<Vec<String>, KeychainError> {
        Ok(self.0.keys().cloned().collect())
    }
}

impl Keychain for MemoryKeychain {
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError> {
        identities::identities(&mut *self.lock())
    }

    fn store_identity(
        &self,
        name: &IdentityName,
        key_pkcs8: &[u8],
        chain: &[CertificateDer<'static>],
    ) -> Result<(), KeychainError> {
        identities::store_identity(&mut *self.lock(), name, key_pkcs8, chain)
    }

    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError> {
        identities::load_identity(&mut *self.lock(), name)
    }

    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError> {
        identities::delete_identity(&mut *self.lock(), name)
    }

    fn erase(&self) -> Result<usize, KeychainError> {
        identities::erase(&mut *self.lock())
    }

    fn store_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
        place: &KeyPlace,
        key: &dyn DeviceKey,
        chain: &[CertificateDer<'static>],
    ) -> Result<Vec<KeyPlace>, KeychainError> {
        enrolled::store(&mut *self.lock(), name, slot, place, &key.spki(), chain)
    }

    fn load_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
    ) -> Result<Option<Loaded>, KeychainError> {
        enrolled::load(&mut *self.lock(), name, slot)
    }

    fn promote_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        enrolled::promote(&mut *self.lock(), name)
    }

    fn discard_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        enrolled::discard(&mut *self.lock(), name)
    }

    fn key_places(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        enrolled::places(&mut *self.lock(), name)
    }

    fn secret(&self, name: &IdentityName) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError> {
        identities::secret(&mut *self.lock(), name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holder::ENTRY_BYTES_MAX;
    use signet_devca::{DevPki, Issued, Order};
    use time::OffsetDateTime;

    fn name() -> IdentityName {
        "TRADER1".parse().unwrap()
    }

    fn issued() -> Issued {
        let pki = DevPki::generate("practice.signet.example", OffsetDateTime::now_utc());
        pki.unwrap().issue(&Order::desk("TRADER1")).unwrap()
    }

    fn with_identity() -> MemoryKeychain {
        let (keychain, issued) = (MemoryKeychain::new(), issued());
        keychain.store_identity(&name(), issued.key_pkcs8(), issued.chain()).unwrap();
        keychain
    }

    #[test]
    fn renewal_leaves_exactly_one_key() {
        let (keychain, renewed) = (with_identity(), issued());
        keychain.store_identity(&name(), renewed.key_pkcs8(), renewed.chain()).unwrap();
        assert_eq!(keychain.raw_names().len(), 2);
        keychain.load_identity(&name()).unwrap();
        keychain.delete_identity(&name()).unwrap();
        assert!(keychain.raw_names().is_empty());
    }

    #[test]
    fn an_interrupted_renewal_leaves_the_old_identity_whole() {
        let keychain = with_identity();
        // The new key was written, the new chain was not.
        keychain.put_raw("key/TRADER1/0011223344556677", b"AAAA");
        keychain.load_identity(&name()).unwrap();
        keychain.delete_identity(&name()).unwrap();
        assert!(keychain.raw_names().is_empty());
    }

    #[test]
    fn damage_is_told_apart_and_does_not_hide_other_identities() {
        let keychain = with_identity();
        keychain.put_raw("identity/BROKEN", b"*** not base64 ***");
        keychain.put_raw("identity/no such/name", b"");
        let listed = keychain.identities().unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed[0].certificate.is_none() && listed[1].certificate.is_some());
        let broken = "BROKEN".parse().unwrap();
        assert_eq!(keychain.load_identity(&broken).unwrap_err().code(), "keychain.malformed");
        keychain.delete_identity(&broken).unwrap();

        let key = keychain.raw_names().into_iter().find(|n| n.starts_with("key/")).unwrap();
        keychain.put_raw(&key, b"AAAA");
        assert_eq!(keychain.load_identity(&name()).unwrap_err().code(), "identity.key_unusable");
        keychain.put_raw("secret/journal", b"AAAA");
        let journal = "journal".parse().unwrap();
        assert_eq!(keychain.secret(&journal).unwrap_err().code(), "keychain.malformed");
    }

    #[test]
    fn a_chain_that_does_not_fit_is_refused_before_anything_is_written() {
        let (keychain, issued) = (MemoryKeychain::new(), issued());
        let mut chain = issued.chain().to_vec();
        while chain.len() < 6 {
            chain.push(chain[0].clone());
        }
        let refused = keychain.store_identity(&name(), issued.key_pkcs8(), &chain).unwrap_err();
        assert!(matches!(refused, KeychainError::TooLong { bytes } if bytes > ENTRY_BYTES_MAX));
        assert!(keychain.raw_names().is_empty());
    }

    #[test]
    fn a_key_in_the_debug_output_would_be_a_leak() {
        let issued = issued();
        let keychain = MemoryKeychain::new();
        keychain.store_identity(&name(), issued.key_pkcs8(), issued.chain()).unwrap();
        let shown = format!("{keychain:?} {:?}", keychain.load_identity(&name()).unwrap().key());
        assert!(!shown.contains("MIGH") && !shown.contains("["), "{shown}");
    }
}
