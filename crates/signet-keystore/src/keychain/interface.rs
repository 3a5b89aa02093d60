//! What a keychain can do for the desk.

use std::fmt;

use rustls::pki_types::CertificateDer;
use signet_identity::{CertificateFacts, DeviceKey, Identity, PeerIdentity};
use zeroize::Zeroizing;

use super::loaded::Loaded;
use super::name::IdentityName;
use crate::holder::{KeyPlace, KeychainError};
use crate::renewal::IdentitySlot;

/// The length of a secret, in bytes.
pub const SECRET_BYTES: usize = 32;

/// What Signet keeps in a keychain.
///
/// The provided methods are those of a keychain without enrolment: every identity in it is current,
/// with its key inside. Each method may block up to the keychain's deadline.
pub trait Keychain: Send + Sync + fmt::Debug {
    /// Every identity stored here, by name. Reads no private key.
    ///
    /// # Errors
    /// When the keychain cannot be read; a damaged entry is listed without its certificate.
    fn identities(&self) -> Result<Vec<StoredIdentity>, KeychainError>;

    /// Stores a PKCS#8 P-256 key with its chain, leaf first, replacing what had this name. An
    /// interruption leaves the old identity or the new one, never a mixture.
    ///
    /// # Errors
    /// [`KeychainError::Identity`] or [`KeychainError::Key`] for what could not be loaded again,
    /// [`KeychainError::TooLong`] for a chain beyond [`ENTRY_BYTES_MAX`](crate::ENTRY_BYTES_MAX).
    fn store_identity(
        &self,
        name: &IdentityName,
        key_pkcs8: &[u8],
        chain: &[CertificateDer<'static>],
    ) -> Result<(), KeychainError>;

    /// Loads an identity with its key, ready for a handshake.
    ///
    /// # Errors
    /// [`KeychainError::NoSuchIdentity`], [`KeychainError::Malformed`], or
    /// [`KeychainError::KeyElsewhere`] when the key is in another holder.
    fn load_identity(&self, name: &IdentityName) -> Result<Identity, KeychainError>;

    /// Deletes an identity and its key.
    ///
    /// # Errors
    /// [`KeychainError::NoSuchIdentity`] when there is none of this name.
    fn delete_identity(&self, name: &IdentityName) -> Result<(), KeychainError>;

    /// Deletes everything that Signet keeps here, of every identity: keys, certificates, secrets.
    /// How many entries there were. Keys in other holders stay: ask [`Self::key_places`] before.
    ///
    /// # Errors
    /// When the keychain cannot be written; the call can be repeated.
    fn erase(&self) -> Result<usize, KeychainError>;

    /// Stores an enrolled chain, leaf first, whose key is at `place`, as the current identity of
    /// this name or as the pending one next to it. Returns the keys in other holders that are no
    /// longer needed, for the caller to delete there.
    ///
    /// # Errors
    /// [`KeychainError::Identity`] when chain and key do not match, [`KeychainError::TooLong`] for
    /// a chain that does not fit.
    fn store_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
        place: &KeyPlace,
        key: &dyn DeviceKey,
        chain: &[CertificateDer<'static>],
    ) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = (name, slot, place, key, chain);
        Err(KeychainError::Other { detail: "it takes no enrolled identities".into() })
    }

    /// Loads the identity in this slot, as far as it is here; `None` when the slot is empty.
    ///
    /// # Errors
    /// [`KeychainError::Malformed`] for a damaged entry.
    fn load_enrolled(
        &self,
        name: &IdentityName,
        slot: IdentitySlot,
    ) -> Result<Option<Loaded>, KeychainError> {
        match slot {
            IdentitySlot::Current => {
                self.load_identity(name).map(|identity| Some(Loaded::Ready(identity)))
            }
            IdentitySlot::Pending => Ok(None),
        }
    }

    /// Makes the pending identity the current one: after the first good handshake with it. Returns
    /// the keys in other holders that are no longer needed.
    ///
    /// # Errors
    /// When the keychain cannot be written; the call can be repeated.
    fn promote_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

    /// Deletes the pending identity. Returns the keys in other holders that are no longer needed.
    ///
    /// # Errors
    /// When the keychain cannot be written; the call can be repeated.
    fn discard_pending(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

    /// Where the keys of an enrolled identity are, that of the current one first. Ask before
    /// deleting it, since keys in other holders are not deleted with it.
    ///
    /// # Errors
    /// When the keychain cannot be read.
    fn key_places(&self, name: &IdentityName) -> Result<Vec<KeyPlace>, KeychainError> {
        let _ = name;
        Ok(Vec::new())
    }

    /// The random secret of this name, made on first use. It encrypts the desk's local stores.
    ///
    /// # Errors
    /// [`KeychainError::Malformed`] when what is stored is not 32 bytes.
    fn secret(&self, name: &IdentityName) -> Result<Zeroizing<[u8; SECRET_BYTES]>, KeychainError>;
}

/// One entry of the list of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentity {
    /// Its name.
    pub name: IdentityName,
    /// The leaf certificate; `None` when the entry is damaged (loading it says how).
    pub certificate: Option<CertificateFacts>,
    /// The Signet identity; `None` for a certificate of a venue with another naming scheme.
    pub peer: Option<PeerIdentity>,
}
