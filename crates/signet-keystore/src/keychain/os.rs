//! The real keychain, used from a thread of its own (`worker`).

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use signet_identity::{DeviceKey, Identity};
use zeroize::Zeroizing;

use super::entries::Entries;
use super::interface::{Keychain, SECRET_BYTES, StoredIdentity};
use super::loaded::Loaded;
use super::name::IdentityName;
use super::native::NativeEntries;
use super::{enrolled, identities};
use crate::holder::{HolderError, KeyPlace, KeychainError};
use crate::renewal::IdentitySlot;
use crate::worker::{NoAnswer, Worker};

/// How long a call waits for the keychain, and the person it may be asking, unless told otherwise.
pub const ANSWER_TIME_DEFAULT: Duration = Duration::from_secs(60);

/// The operating system's keychain: Secret Service (Linux), Credential Manager (Windows),
/// Keychain (macOS).
#[derive(Debug)]
pub struct OsKeychain(Worker<NativeEntries>);

impl Default for OsKeychain {
    fn default() -> Self {
        Self::new(ANSWER_TIME_DEFAULT)
    }
}

impl OsKeychain {
    /// A keychain whose calls wait at most `answer_time`. Opens nothing until the first call.
    #[must_use]
    pub const fn new(answer_time: Duration) -> Self {
        Self(Worker::new("keychain", answer_time))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Entries) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        self.0.ask(NativeEntries::default, |entries| question(entries))
    }

    pub(super) fn ask_holder<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Entries) -> Result<T, HolderError> + Send + 'static,
    ) -> Result<T, HolderError> {
        self.0.ask(NativeEntries::default, |entries| question(entries))
    }
}

impl From<NoAnswer> for KeychainError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::TimedOut(waited) => Self::TimedOut(waited),
            NoAnswer::Failed(detail) => Self::Other { detail },
        }
    }
}

impl Keychain for OsKeychain {
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError> {
        self.ask(|entries| identities::identities(entries))
    }

    fn store_identity(
        &self,
        name: &IdentityName,
        key_pkcs8: &[u8],
        chain: &[CertificateDer<'static>],
    ) -> Result<(), KeychainError> {
        let key = Zeroizing::new(key_pkcs8.to_vec());
        let (name, chain) = (name.clone(), chain.to_vec());
        self.ask(move |entries| identities::store_identity(entries, &name, &key, &chain))
    }

    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| identities::load_identity(entries, &name))
    }

    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError> {
        let name = name.clone();
        self.ask(move |entries| identities::delete_identity(entries, &name))
    }

    fn erase(&self) -> Result<usize, KeychainError> {
        self.ask(|entries| identities::erase(entries))
    }

    fn store_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
        place: &KeyPlace,
        key: &dyn DeviceKey,
        chain: &[CertificateDer<'static>],
    ) -> Result<Vec<KeyPlace>, KeychainError> {
        let (name, place, spki, chain) = (name.clone(), place.clone(), key.spki(), chain.to_vec());
        self.ask(move |entries| enrolled::store(entries, &name, slot, &place, &spki, &chain))
    }

    fn load_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
    ) -> Result<Option<Loaded>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| enrolled::load(entries, &name, slot))
    }

    fn promote_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| enrolled::promote(entries, &name))
    }

    fn discard_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| enrolled::discard(entries, &name))
    }

    fn key_places(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| enrolled::places(entries, &name))
    }

    fn secret(&self, name: &IdentityName) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError> {
        let name = name.clone();
        self.ask(move |entries| identities::secret(entries, &name))
    }
}
